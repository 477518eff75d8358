/* Trajectories of one molecule of a set, by Gillespie's direct method (J. Phys. Chem. 81 (1977) 2340), and what they say.
 *
 * A trajectory begins in a state drawn from the stationary one and lasts for the window of its set. What it counts are
 * net jumps n_e by every pathway; its entropy production, in k_B, is S = sum n_e ln(k+/k-) + ln p(first) - ln p(last)
 * (Seifert, Phys. Rev. Lett. 95 (2005) 040602), which is sum n_e A_e / RT: affinities hold the ratios of the p. So
 * <exp(-S)> = 1 and P(S)/P(-S) = exp(S) for every window, and
 * Var(n) <S> / <n>^2 >= 2 (Barato & Seifert 2015; Horowitz & Gingrich 2017).
 *
 * Jump e of trajectory r of set i takes one Philox block, counter (e, tag + 64 r, i): no generator has a state, and no
 * trajectory depends on how sets are shared out. Block 0 draws the first state. Lanes hold trajectories of one set.
 *
 *   1. a set   2. random numbers   3. a jump   4. windows   5. first passages   6. statistics */
#ifndef NESSMAP_SSA_H
#define NESSMAP_SSA_H

#include "cumulants.h"
#include "draw.h"

#define NM_MOST_JUMPS   2147483648.0 /* mean jumps of a window beyond which a set gets no trajectories */
#define NM_MOST_PASSAGE 1e6          /* mean jumps of a first passage, likewise */
#define NM_NO_ENTROPY   1e-9         /* |S| below this comes from rounding */
enum { NM_PASSAGE_LIMIT = 1 << 28 /* jumps after which a passage is given up */ };

/* --- 1. a set ------------------------------------------------------------------------------------------ */

/* ways out of every state: a jump is 2 e forth by pathway e, 2 e + 1 back; `code`: 64 jump + the state it leads to */
struct nm_exits {
    int n[NM_ROOM_WALK], most;
    int64_t code[NM_ROOM_STEPS * NM_ROOM_WALK]; /* [exit][state] */
};
NM_CONST_FN nm_exits nm_find_exits()
{
    nm_exits exits = {};
    for (int e = 0; e < NM_N_STEPS; e++) {
        for (int way = 0; way < 2; way++) {
            const int from = nm_walk_end(e, way), to = nm_walk_end(e, 1 - way);
            exits.code[exits.n[from] * NM_ROOM_WALK + from] = 64 * (2 * e + way) + to;
            exits.n[from]++;
            exits.most = exits.n[from] > exits.most ? exits.n[from] : exits.most;
        }
    }
    return exits;
}
NM_TABLE nm_exits nm_exit_table = nm_find_exits();
enum { NM_MOST_EXITS = nm_find_exits().most > 0 ? nm_find_exits().most : 1, NM_N_JUMPS = 2 * NM_ROOM_STEPS };
static_assert(NM_ROOM_WALK <= 64, "codes of exits hold states below 64");

struct nm_walk_set { /* one set, as plain numbers; its window is NaN where it gets no trajectories */
    double forth[NM_ROOM_STEPS], back[NM_ROOM_STEPS], force[NM_ROOM_STEPS], p[NM_ROOM_WALK];
    double sigma, activity, window;
};

NM_FN void nm_take_walk(nm_walk_set *set, const nm_walk *w, int lane, const nm_stochastic *wanted)
{
    for (int e = 0; e < NM_N_STEPS; e++) {
        set->forth[e] = nm_get(w->forth[e], lane);
        set->back[e] = nm_get(w->back[e], lane);
        set->force[e] = nm_get(w->force[e], lane);
    }
    for (int i = 0; i < NM_N_WALK; i++) {
        set->p[i] = nm_get(w->p[i], lane);
    }
    set->sigma = nm_get(w->sigma, lane);
    set->activity = nm_get(w->activity, lane);
    const double jumps = wanted->jumps / set->activity, entropy = wanted->entropy / set->sigma;
    set->window = wanted->time;
    set->window = jumps < set->window ? jumps : set->window;
    set->window = set->sigma > 0.0 && entropy < set->window ? entropy : set->window;
    if (!nm_get(w->is_walk, lane) || !(set->window * set->activity < NM_MOST_JUMPS)) {
        set->window = NM_NAN;
    }
}

NM_FN bool nm_is_walked(const nm_walk_set *set) { return set->window >= 0.0; }

/* tables of a set, for lookups by state */
struct nm_walk_table {
    double stay[NM_ROOM_WALK], leave[NM_ROOM_WALK];  /* mean time in a state, and its inverse */
    double upto[NM_MOST_EXITS * NM_ROOM_WALK];        /* [exit][state] rate of this exit and those before it */
    int64_t code[NM_MOST_EXITS * NM_ROOM_WALK];
};
NM_FN void nm_tabulate_walk(nm_walk_table *table, const nm_walk_set *set)
{
    for (int i = 0; i < NM_N_WALK; i++) {
        double sum = 0.0;
        for (int k = 0; k < NM_MOST_EXITS; k++) {
            const int at = k * NM_ROOM_WALK + i;
            const int64_t jump = nm_exit_table.code[at] / 64;
            table->code[at] = nm_exit_table.code[at];
            if (k < nm_exit_table.n[i]) {
                sum += jump % 2 ? set->back[jump / 2] : set->forth[jump / 2];
            }
            table->upto[at] = k < nm_exit_table.n[i] - 1 ? sum : NM_INFINITY; /* the last exit takes what rounding leaves */
        }
        table->leave[i] = sum;
        table->stay[i] = 1.0 / sum;
    }
}

/* --- 2. random numbers -------------------------------------------------------------------------------- */

/* two numbers in (0, 1) of the block that each lane asks for; the bits of nm_uniform(nm_philox(...)) */
NM_FN void nm_two_uniforms(nm_vec *u, nm_vec *v, uint64_t seed, uint64_t index, nm_ivec tag, nm_ivec block)
{
#if NM_LANES == 1
    const nm_words w = nm_philox(seed, index, (uint32_t)tag, (uint32_t)block);
    *u = nm_uniform(w.w[0], w.w[1]);
    *v = nm_uniform(w.w[2], w.w[3]);
#else
    const nm_lane_words words = nm_philox_lanes(seed, nm_isplat((int64_t)index), tag, block);
    /* 52 bits m of a word w: (2 m + 1) 2^-53 */
    const nm_ivec one = nm_isplat(0x3ff0000000000000), bits = nm_isplat(0x000fffffffffffff), low = nm_isplat(0xffffffff);
    const nm_ivec first = (words.w[0] & low) | words.w[1] << 32, second = (words.w[2] & low) | words.w[3] << 32;
    *u = (nm_from_bits((first >> 12 & bits) | one) - 1.0) + 0x1p-53;
    *v = (nm_from_bits((second >> 12 & bits) | one) - 1.0) + 0x1p-53;
#endif
}
NM_FN int64_t nm_walk_tag(int tag, int64_t trajectory) { return tag + 64 * trajectory; }

/* --- 3. a jump ------------------------------------------------------------------------------------------ */

struct nm_walkers { /* trajectories side by side */
    nm_ivec state, tag, event; /* of each lane; event: jumps so far */
    nm_vec t;
    nm_ivec net[NM_ROOM_STEPS];
    nm_mask is_walking;
};

NM_FN void nm_set_out_walker(nm_walkers *at, int lane, int64_t tag, int state)
{
    nm_set_int(&at->state, lane, state);
    nm_set_int(&at->tag, lane, tag);
    nm_set_int(&at->event, lane, 0);
    nm_set(&at->t, lane, 0.0);
    for (int e = 0; e < NM_N_STEPS; e++) {
        nm_set_int(&at->net[e], lane, 0);
    }
    nm_mask_set(&at->is_walking, lane, true);
}

/* One jump of every lane that walks; one whose time would pass the window stands still from then on.
 * jump: that of each lane, -1 where it stands still */
NM_FN void nm_walk_on(nm_walkers *at, nm_ivec *jump, const nm_walk_table *table, double window, uint64_t seed, uint64_t index)
{
    constexpr int n = NM_ROOM_WALK;
    nm_vec u, v;
    nm_two_uniforms(&u, &v, seed, index, at->tag, at->event + 1);
    const nm_vec t = nm_vfma(-nm_vlog(u), nm_lookup<n>(table->stay, at->state), at->t);
    at->is_walking = at->is_walking & (t < nm_splat(window));
    const nm_vec level = v * nm_lookup<n>(table->leave, at->state);
    nm_ivec exit = nm_isplat(0);
    nm_unroll<NM_MOST_EXITS - 1>([&](auto k) NM_LAMBDA {
        exit = exit + nm_one_if(nm_not(level < nm_lookup<n>(table->upto + k.value * n, at->state)));
    });
    const nm_ivec code = nm_lookup<NM_MOST_EXITS * n>(table->code, exit * n + at->state);
    *jump = nm_choose_int(at->is_walking, code >> 6, nm_isplat(-1));
    at->state = nm_choose_int(at->is_walking, code & 63, at->state);
    at->t = nm_choose(at->is_walking, t, at->t);
    at->event = at->event + nm_one_if(at->is_walking);
    nm_unroll<NM_N_STEPS>([&](auto e) NM_LAMBDA {
        constexpr int forth = 2 * e.value;
        at->net[e.value] = at->net[e.value] + nm_one_if(*jump == nm_isplat(forth)) - nm_one_if(*jump == nm_isplat(forth + 1));
    });
}

/* Walks trajectories begin to end - 1, as many at once as there are lanes: who stands still is handed in, and the next
 * takes its lane. set_out(at, lane, r), hand_in(at, lane, r); watch(at, jump): after each jump */
NM_FN void nm_walk_in_lanes(const nm_walk_set *set, double window, uint64_t seed, uint64_t index, int64_t begin, int64_t end,
                            const auto &set_out, const auto &hand_in, const auto &watch)
{
    nm_walk_table table;
    nm_walkers at;
    int64_t next = begin, who[NM_LANES];
    int n_walking = 0;
    nm_tabulate_walk(&table, set);
    at.is_walking = nm_mask_all(false);
    for (int lane = 0; lane < NM_LANES; lane++) {
        who[lane] = -1;
        nm_set_out_walker(&at, lane, 0, 0);
        nm_mask_set(&at.is_walking, lane, false);
    }
    for (;;) {
        unsigned still = ~nm_mask_bits(at.is_walking) & ((1u << NM_LANES) - 1u);
        for (int lane = 0; lane < NM_LANES && still; lane++) {
            if (!(still >> lane & 1u)) {
                continue;
            }
            if (who[lane] >= 0) {
                hand_in(&at, lane, who[lane]);
                who[lane] = -1;
                n_walking--;
            }
            if (next < end) {
                set_out(&at, lane, next);
                who[lane] = next++;
                n_walking++;
            }
        }
        if (n_walking == 0) {
            break;
        }
        nm_ivec jump;
        nm_walk_on(&at, &jump, &table, window, seed, index);
        watch(&at, jump);
    }
}

/* --- 4. windows ------------------------------------------------------------------------------------------ */

/* What is kept of each trajectory r: entry r stride of S, jumps and time, entry (r n_steps + e) stride of net. */
struct nm_trajectories {
    double *S, *jumps, *time; /* entropy production, jumps; time of a first passage, NaN where it was given up */
    int32_t *net;
    int64_t stride;
    unsigned long long *turns; /* [2 n_turns] of all of them: turn k forth at 2 k, back at 2 k + 1; NULL: not counted */
};

NM_FN int nm_first_state(const nm_walk_set *set, uint64_t seed, uint64_t index, int64_t tag)
{
    const nm_words w = nm_philox(seed, index, (uint32_t)tag, 0);
    const double u = nm_uniform(w.w[0], w.w[1]);
    double sum = 0.0;
    int state = 0;
    for (int i = 0; i < NM_N_WALK - 1; i++) {
        sum += set->p[i];
        state += u >= sum;
    }
    return state;
}

/* The turn that two jumps in a row are, 2 k or 2 k + 1; -1 where the second takes the first back: [before][after]. */
struct nm_turn_lookup {
    int16_t of[NM_N_JUMPS][NM_N_JUMPS];
};
NM_CONST_FN nm_turn_lookup nm_find_turn_lookup()
{
    nm_turn_lookup turns = {};
    for (int before = 0; before < NM_N_JUMPS; before++) {
        for (int after = 0; after < NM_N_JUMPS; after++) {
            turns.of[before][after] = -1;
        }
    }
    for (int k = 0; k < nm_turn_table.n; k++) {
        const nm_turn turn = nm_turn_table.turn[k];
        /* by e to the state, and on by f: forth where the state is at the end of e, and where it is at the start of f */
        const int e = 2 * turn.enter, f = 2 * turn.leave;
        const int e_in = e + (nm_walk_end(turn.enter, 1) != turn.state), f_out = f + (nm_walk_end(turn.leave, 0) != turn.state);
        turns.of[e_in][f_out] = (int16_t)(2 * k);
        turns.of[f_out ^ 1][e_in ^ 1] = (int16_t)(2 * k + 1);
    }
    return turns;
}
NM_TABLE nm_turn_lookup nm_turn_numbers = nm_find_turn_lookup();
#ifndef NM_COUNT_TURN /* where threads share a count, an atomic operation */
#define NM_COUNT_TURN(count) (*(count))++
#endif

/* the trajectory of a lane that has reached its end */
NM_FN void nm_keep_walk(const nm_trajectories *to, int64_t r, const nm_walkers *at, int lane, const nm_walk_set *set)
{
    double S = 0.0;
    for (int e = 0; e < NM_N_STEPS; e++) {
        const int64_t net = nm_get_int(at->net[e], lane);
        to->net[(r * NM_N_STEPS + e) * to->stride] = (int32_t)net;
        S = net == 0 ? S : fma((double)net, set->force[e], S);
    }
    to->S[r * to->stride] = S;
    to->jumps[r * to->stride] = (double)nm_get_int(at->event, lane);
}

/* Trajectories begin to end - 1. */
template <bool NM_TURNS>
NM_FN void nm_walk_windows(const nm_trajectories *to, const nm_walk_set *set, uint64_t seed, uint64_t index, int64_t begin,
                           int64_t end)
{
    int64_t last[NM_LANES]; /* the jump before, of each lane */
    auto set_out = [&](nm_walkers *at, int lane, int64_t r) NM_LAMBDA {
        const int64_t tag = nm_walk_tag(NM_TAG_EVENTS, r);
        nm_set_out_walker(at, lane, tag, nm_first_state(set, seed, index, tag));
        last[lane] = -1;
    };
    auto hand_in = [&](nm_walkers *at, int lane, int64_t r) NM_LAMBDA { nm_keep_walk(to, r, at, lane, set); };
    auto watch = [&](nm_walkers *, nm_ivec jump) NM_LAMBDA {
        for (int lane = 0; NM_TURNS && lane < NM_LANES; lane++) {
            const int64_t after = nm_get_int(jump, lane);
            if (after >= 0 && last[lane] >= 0) {
                const int turn = nm_turn_numbers.of[last[lane]][after];
                if (turn >= 0) {
                    NM_COUNT_TURN(&to->turns[turn]);
                }
            }
            last[lane] = after >= 0 ? after : last[lane];
        }
    };
    nm_walk_in_lanes(set, set->window, seed, index, begin, end, set_out, hand_in, watch);
}

/* --- 5. first passages --------------------------------------------------------------------------------- */

/* Whether the net jumps by a pathway grow at all, and into which state and by which jump they do. */
NM_FN bool nm_find_passage(int *state, double *sign, const nm_walk_set *set, int cycle)
{
    double net = 0.0;
    int forth = 0, back = 0;
    nm_unroll<NM_N_STEPS>([&](auto k) NM_LAMBDA {
        constexpr int e = k.value, from = nm_walk_end(e, 0), to = nm_walk_end(e, 1);
        if (e == cycle) {
            net = set->forth[e] * set->p[from] - set->back[e] * set->p[to];
            forth = to;
            back = from;
        }
    });
    *state = net > 0.0 ? forth : back;
    *sign = net > 0.0 ? 1.0 : -1.0;
    return fabs(net) * NM_MOST_PASSAGE > set->activity;
}

/* Times from one completion of a cycle to the next: the molecule sets out where the counted jump ends, and arrives when
 * its net count is by one larger. Such times are independent; their mean is 1/|J| and their variance 2 D/|J|^3. */
NM_FN void nm_walk_passages(const nm_trajectories *to, const nm_walk_set *set, uint64_t seed, uint64_t index, int cycle,
                            int64_t begin, int64_t end)
{
    int state;
    double sign;
    if (!nm_find_passage(&state, &sign, set, cycle)) {
        for (int64_t r = begin; r < end; r++) {
            to->time[r * to->stride] = NM_NAN;
        }
        return;
    }
    auto set_out = [&](nm_walkers *at, int lane, int64_t r) NM_LAMBDA {
        nm_set_out_walker(at, lane, nm_walk_tag(NM_TAG_PASSAGES, r), state);
    };
    auto hand_in = [&](nm_walkers *at, int lane, int64_t r) NM_LAMBDA {
        const bool is_over = nm_get_int(at->event, lane) < NM_PASSAGE_LIMIT;
        to->time[r * to->stride] = is_over ? nm_get(at->t, lane) : NM_NAN;
    };
    auto watch = [&](nm_walkers *at, nm_ivec) NM_LAMBDA {
        nm_ivec net = nm_isplat(0);
        nm_unroll<NM_N_STEPS>([&](auto e) NM_LAMBDA { net = e.value == cycle ? at->net[e.value] : net; });
        at->is_walking = at->is_walking & nm_not(net == nm_isplat((int64_t)sign)) & (at->event < nm_isplat(NM_PASSAGE_LIMIT));
    };
    nm_walk_in_lanes(set, NM_INFINITY, seed, index, begin, end, set_out, hand_in, watch);
}

/* --- 6. statistics ---------------------------------------------------------------------------------------- */

/* Standard error of an estimate, from the sum of the squares of what each trajectory moves it by (Hampel 1974). */
NM_FN double nm_error(double sum2, int64_t n) { return sqrt(sum2 / ((double)n * (double)(n - 1))); }

/* slope c of ln P(S)/P(-S) = c S: the most likely one, given |S|, from the signs of S. NaN where all are alike. */
NM_FN void nm_fluctuation_slope(double *slope, double *error, const nm_trajectories *from, int64_t n)
{
    enum { ROUNDS = 60 };
    double c = 1.0, information = 0.0;
    int64_t n_up = 0, n_down = 0;
    *slope = *error = NM_NAN;
    for (int64_t r = 0; r < n; r++) {
        n_up += from->S[r * from->stride] > NM_NO_ENTROPY;
        n_down += from->S[r * from->stride] < -NM_NO_ENTROPY;
    }
    if (n_up == 0 || n_down == 0) {
        return;
    }
    for (int round = 0; round < ROUNDS; round++) {
        double score = 0.0;
        information = 0.0;
        for (int64_t r = 0; r < n; r++) {
            const double S = from->S[r * from->stride], size = fabs(S), share = 1.0 / (1.0 + nm_exp1(-c * size));
            if (size > NM_NO_ENTROPY) {
                score += ((S > 0.0 ? 1.0 : 0.0) - share) * size;
                information += size * size * share * (1.0 - share);
            }
        }
        /* far from the solution the likelihood is flat */
        const double step = score / information, most = 1.0 + fabs(c);
        const double taken = step > most ? most : step < -most ? -most : step;
        c += taken;
        if (!(fabs(taken) > 1e-12 * (1.0 + fabs(c)))) {
            break;
        }
    }
    *slope = c;
    *error = 1.0 / sqrt(information);
}

/* Hands all outputs of n trajectories to sink->put(number, value), in whatever order they were walked. */
template <class SINK>
NM_FN void nm_walk_statistics(SINK *sink, const nm_walk_set *set, const nm_trajectories *from, const nm_stochastic *wanted)
{
    const int64_t n = wanted->n_trajectories;
    const double window = set->window, per_n = 1.0 / (double)n;
    auto put = [&](int number, double value) NM_LAMBDA {
        if (sink->wants(number)) {
            sink->put(number, value);
        }
    };

    /* entropy production: moments, the integral theorem, bins */
    double S_mean = 0.0, S_var = 0.0, jumps = 0.0, ift = 0.0, ift_var = 0.0, var_error = 0.0;
    for (int64_t r = 0; r < n; r++) {
        S_mean += from->S[r * from->stride];
        jumps += from->jumps[r * from->stride];
        ift += nm_exp1(-from->S[r * from->stride]);
    }
    S_mean *= per_n;
    ift *= per_n;
    for (int64_t r = 0; r < n; r++) {
        const double d = from->S[r * from->stride] - S_mean, x = nm_exp1(-from->S[r * from->stride]) - ift;
        S_var += d * d;
        ift_var += x * x;
    }
    const double S_sum2 = S_var;
    S_var /= (double)(n - 1);
    for (int64_t r = 0; r < n; r++) {
        const double d = from->S[r * from->stride] - S_mean, x = d * d - S_var;
        var_error += x * x;
    }
    put(NM_OUT_ssa + NM_SSA_ssa_window, window);
    put(NM_OUT_ssa + NM_SSA_ssa_jumps, jumps * per_n);
    put(NM_OUT_ssa + NM_SSA_ssa_sigma, S_mean / window);
    put(NM_OUT_ssa + NM_SSA_ssa_sigma_se, nm_error(S_sum2, n) / window);
    put(NM_OUT_ssa + NM_SSA_ssa_var_sigma, S_var / window);
    put(NM_OUT_ssa + NM_SSA_ssa_var_sigma_se, nm_error(var_error, n) / window);
    put(NM_OUT_ssa + NM_SSA_ssa_ift, ift);
    put(NM_OUT_ssa + NM_SSA_ssa_ift_se, nm_error(ift_var, n));
    if (sink->wants(NM_OUT_ssa + NM_SSA_ssa_slope) || sink->wants(NM_OUT_ssa + NM_SSA_ssa_slope_se)) {
        double slope, error;
        nm_fluctuation_slope(&slope, &error, from, n);
        put(NM_OUT_ssa + NM_SSA_ssa_slope, slope);
        put(NM_OUT_ssa + NM_SSA_ssa_slope_se, error);
    }
    int64_t bins[NM_SSA_BINS] = {0};
    for (int64_t r = 0; r < n; r++) {
        const double at = floor(from->S[r * from->stride] / wanted->bin) + (NM_SSA_BINS - 2) / 2 + 1;
        bins[at >= 1.0 ? at < NM_SSA_BINS - 1 ? (int)at : NM_SSA_BINS - 1 : 0]++;
    }
    for (int i = 0; i < NM_SSA_BINS; i++) {
        put(NM_OUT_ssa_hist + i, (double)bins[i]);
    }

    /* net jumps by every pathway */
    for (int e = 0; e < NM_N_STEPS; e++) {
        int64_t count = 0;
        for (int64_t r = 0; r < n; r++) {
            count += from->net[(r * NM_N_STEPS + e) * from->stride];
        }
        const double mean = (double)count * per_n;
        double sum2 = 0.0, of_var = 0.0, of_fano = 0.0, of_tur = 0.0;
        for (int64_t r = 0; r < n; r++) {
            const double d = (double)from->net[(r * NM_N_STEPS + e) * from->stride] - mean;
            sum2 += d * d;
        }
        const double var = sum2 / (double)(n - 1), none = count == 0 ? NM_NAN : 1.0, per_mean = none / mean;
        const double fano = var * per_mean, tur = fano * per_mean * S_mean;
        for (int64_t r = 0; r < n; r++) {
            const double d = (double)from->net[(r * NM_N_STEPS + e) * from->stride] - mean, v = d * d - var;
            const double f = (v - fano * d) * per_mean;
            const double q = (v * S_mean + var * (from->S[r * from->stride] - S_mean)) * per_mean * per_mean -
                             2.0 * tur * d * per_mean;
            of_var += v * v;
            of_fano += f * f;
            of_tur += q * q;
        }
        put(NM_OUT_ssa_rate + e, mean / window);
        put(NM_OUT_ssa_rate_se + e, nm_error(sum2, n) / window);
        put(NM_OUT_ssa_var + e, var / window);
        put(NM_OUT_ssa_var_se + e, nm_error(of_var, n) / window);
        put(NM_OUT_ssa_fano + e, fano);
        put(NM_OUT_ssa_fano_se + e, nm_error(of_fano, n));
        put(NM_OUT_ssa_tur + e, tur);
        put(NM_OUT_ssa_tur_se + e, nm_error(of_tur, n));
    }
    for (int k = 0; k < nm_turn_table.n && from->turns; k++) {
        put(NM_OUT_ssa_forth + k, (double)from->turns[2 * k]);
        put(NM_OUT_ssa_back + k, (double)from->turns[2 * k + 1]);
    }

    /* first passages: a mean exists where all of them ended */
    if (wanted->cycle >= 0) {
        int64_t n_done = 0;
        double mean = 0.0, sum2 = 0.0, of_var = 0.0;
        for (int64_t r = 0; r < n; r++) {
            const double t = from->time[r * from->stride];
            n_done += t < NM_INFINITY;
            mean += t;
        }
        mean *= per_n;
        for (int64_t r = 0; r < n; r++) {
            const double d = from->time[r * from->stride] - mean;
            sum2 += d * d;
        }
        const double var = sum2 / (double)(n - 1);
        for (int64_t r = 0; r < n; r++) {
            const double d = from->time[r * from->stride] - mean, v = d * d - var;
            of_var += v * v;
        }
        put(NM_OUT_ssa + NM_SSA_ssa_fpt, mean);
        put(NM_OUT_ssa + NM_SSA_ssa_fpt_se, nm_error(sum2, n));
        put(NM_OUT_ssa + NM_SSA_ssa_fpt_var, var);
        put(NM_OUT_ssa + NM_SSA_ssa_fpt_var_se, nm_error(of_var, n));
        put(NM_OUT_ssa + NM_SSA_ssa_fpt_done, (double)n_done * per_n);
    }
}

/* whether anything of a family of turns is wanted */
template <class SINK> NM_FN bool nm_wants_turns(const SINK *sink)
{
    bool any = false;
    for (int number = NM_OUT_ssa_forth; number < NM_OUT_ssa_forth + 2 * nm_turn_table.n; number++) {
        any = any || sink->wants(number);
    }
    return any;
}

#endif
