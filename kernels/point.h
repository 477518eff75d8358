/* A block of points, one per lane, end to end: start -> solve -> assess -> verdict -> outputs.
 *
 * What happens to a lane never depends on its neighbours: decisions are masks, and a lane that is done stands still. */
#ifndef NESSMAP_POINT_H
#define NESSMAP_POINT_H

#include "cumulants.h"
#include "draw.h"
#include "follow.h"
#include "stability.h"
#include "start.h"

#ifndef NM_START_SPREAD /* range of ln c and ln volume over which further starts lie */
#define NM_START_SPREAD 4.0
#endif

enum { NM_MAX_STARTS = 16 };
#define NM_RESID_MAX    1e-10 /* promise: no steady state with a larger residual */
#define NM_SAME_STATE   1e-3  /* states further apart than this are different */
#define NM_AUDIT_AGREES 1e-6

/* verdicts of a block */
struct nm_verdict {
    nm_mask settled;          /* lanes that have one */
    int outcome[NM_LANES];    /* nm_outcome */
    unsigned flags[NM_LANES]; /* nm_flag bits */
    nm_vec *out;              /* [nm_own_slots] */
};

/* slots of outputs; those of derivatives follow them */
NM_FN int nm_own_slots(const nm_task *task)
{
    return task->n_slots - task->gradients.n_outputs * task->gradients.n_params;
}

NM_FN nm_choices nm_make_choices(const nm_task *task)
{
    nm_choices pick;
#define NM_ROW_V_CHOICE(name, ...) pick.name = task->choice[NM_V_##name];
    NM_VARIANTS(NM_ROW_V_CHOICE)
    pick.nm_end = 0;
    (void)task;
    return pick;
}

NM_FN nm_mask nm_is_precise(const nm_assessment *a)
{
    return a->delta <= nm_vmin(nm_vmax(nm_splat(NM_DELTA_MAX), 4.0 * a->rounding), nm_splat(1e-4));
}

/* lanes whose volumes stayed within e^NM_UNBOUNDED of their start */
NM_FN nm_mask nm_is_bounded(const nm_vec *y, const nm_point *pt)
{
    nm_mask bounded = nm_mask_all(true);
    nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
        constexpr int i = nm_unknown_of(s.value);
        if constexpr (nm_kind(s.value) == NM_SPECIES_WATER && i >= 0) {
            bounded = bounded & (y[i] - nm_vlog(pt->start[s.value]) < nm_splat(NM_UNBOUNDED));
        }
    });
    return bounded;
}

NM_FN nm_vec nm_distance(const nm_vec *a, const nm_vec *b)
{
    nm_vec d = nm_splat(0.0);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        d = nm_vmax(d, nm_vabs(a[i] - b[i]));
    }
    return d;
}

/* The k-th other initial state of the model, from 1 on. */
NM_FN void nm_other_start(NM_MAYBE_UNUSED nm_vec *z, NM_MAYBE_UNUSED int k, NM_MAYBE_UNUSED const nm_point *pt,
                          NM_MAYBE_UNUSED const nm_choices *pick)
{
#ifdef NM_STARTS_BY
    nm_choices other = *pick;
    nm_point there = *pt;
    other.NM_STARTS_BY = (pick->NM_STARTS_BY + k) % (NM_OTHER_STARTS + 1);
    nm_prepare(&there, &other);
    nm_initial(z, &there);
#endif
}

/* Counts distinct stable states from further starts; y0: initial state, y: the state that is kept. */
NM_NOINLINE nm_vec nm_count_states(const nm_vec *y0, const nm_vec *y, const int64_t *index,
                                   nm_mask mask, const nm_task *task, const nm_point *pt,
                                   const nm_choices *pick)
{
    nm_vec known[NM_MAX_STARTS][NM_NY], n = nm_splat(1.0);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        known[0][i] = y[i];
    }
    int starts = task->solver.starts < NM_MAX_STARTS ? task->solver.starts : NM_MAX_STARTS;
    for (int k = 1; k < starts; k++) {
        nm_vec *z = known[k];
        for (int i = 0; i < NM_NY; i++) {
            nm_vec u = nm_splat(0.0);
            for (int lane = 0; lane < NM_LANES; lane++) {
                nm_set(&u, lane,
                       nm_draw_uniform(task->draw.seed, (uint64_t)index[lane], NM_TAG_STARTS,
                                       (k - 1) * NM_NY + i));
            }
            z[i] = nm_vfma(u - 0.5, nm_splat(i < NM_N_FREE + NM_N_VOLUMES ? NM_START_SPREAD : 8.0),
                            y0[i]);
        }
        if (k <= NM_OTHER_STARTS) {
            nm_other_start(z, k, pt, pick);
        }
        nm_newton_result found = nm_newton_hard(z, pt, pick, mask, NM_NEWTON_ITERATIONS_FAR);
        nm_look look;
        nm_assessment a;
        nm_look_again(&look, z, pt, pick);
        nm_assess_hard(&a, &look, z, pt, found.converged, false);
        nm_mask is_new = mask & found.converged & nm_is_bounded(z, pt) & a.is_stable &
                         (look.resid <= nm_splat(NM_RESID_MAX));
        for (int j = 0; j < k; j++) {
            is_new = is_new & (nm_distance(z, known[j]) > nm_splat(NM_SAME_STATE));
        }
        /* a start that gave nothing new must not hide a later one */
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            z[i] = nm_choose(is_new, z[i], y[i]);
        }
        n = n + nm_choose(is_new, nm_splat(1.0), nm_splat(0.0));
    }
    return n;
}

/* Outcomes and flags, more_flags among them, of the lanes in `mask`, whose state y is steady. */
NM_FN void nm_classify(int *outcome, unsigned *flags, nm_mask mask, const nm_look *look, const nm_assessment *a,
                       const nm_vec *y, nm_vec n_states, unsigned more_flags)
{
    const nm_vec threshold = nm_choose((a->delta > nm_splat(1e-10)) & (a->delta < nm_splat(1e300)),
                                       100.0 * a->delta, nm_splat(1e-8));
    const unsigned in = nm_mask_bits(mask),
                   at_equilibrium = nm_mask_bits(nm_not(look->is_driven) & (look->a_reciprocal < threshold));
    nm_mask at_boundary = nm_mask_all(false);
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        at_boundary = at_boundary | (y[i] < nm_splat(-690.0));
    }
    const unsigned violates = nm_mask_bits(look->violates), is_linear = nm_mask_bits(look->a_max < nm_splat(0.1)),
                   has_others = nm_mask_bits(n_states > nm_splat(1.5)), has_zero = nm_mask_bits(at_boundary);
    for (int lane = 0; lane < NM_LANES; lane++) {
        if (in >> lane & 1u) {
            outcome[lane] = at_equilibrium >> lane & 1u ? NM_OUTCOME_equilibrium : NM_OUTCOME_ness;
            flags[lane] = more_flags | (violates >> lane & 1u ? (unsigned)NM_FLAG_second_law_violated : 0u) |
                          (is_linear >> lane & 1u ? (unsigned)NM_FLAG_linear_regime : 0u) |
                          (has_others >> lane & 1u ? (unsigned)NM_FLAG_multistable : 0u) |
                          (has_zero >> lane & 1u ? (unsigned)NM_FLAG_at_boundary : 0u);
        }
    }
}

/* verdict and outputs of the lanes in `mask`, whose state y is steady */
NM_FN void nm_conclude(nm_verdict *verdict, nm_mask mask, const nm_look *look,
                       const nm_assessment *a, const nm_vec *y, nm_remarks *remarks,
                       unsigned more_flags, const nm_point *pt, const auto *pick,
                       const nm_task *task)
{
    nm_vec fresh[NM_N_OUTPUTS];
    nm_sink sink = {task->slot, fresh};
    remarks->delta = a->delta;
    remarks->tau_slow = a->tau_slow;
    remarks->tau_fast = a->tau_fast;
    remarks->growth_rate = nm_splat(NM_NAN);
    nm_emit_block(&sink, look, y, remarks, pt, pick);
    for (int slot = 0; slot < nm_own_slots(task); slot++) {
        verdict->out[slot] = nm_choose(mask, fresh[slot], verdict->out[slot]);
    }
    nm_classify(verdict->outcome, verdict->flags, mask, look, a, y, remarks->n_states, more_flags);
    verdict->settled = verdict->settled | mask;
}

/* the same for the few points that were not settled at once */
NM_NOINLINE void nm_conclude_rarely(nm_verdict *verdict, nm_mask mask, const nm_look *look,
                                    const nm_assessment *a, const nm_vec *y, nm_remarks *remarks,
                                    unsigned more_flags, const nm_point *pt, const nm_choices *pick,
                                    const nm_task *task)
{
    nm_conclude(verdict, mask, look, a, y, remarks, more_flags, pt, pick, task);
}

/* all outputs of `lane` become NaN: outcomes without values */
NM_FN void nm_blank(nm_verdict *verdict, int lane, int outcome, unsigned flags, const nm_task *task)
{
    for (int slot = 0; slot < nm_own_slots(task); slot++) {
        nm_set(&verdict->out[slot], lane, NM_NAN);
    }
    verdict->outcome[lane] = outcome;
    verdict->flags[lane] = flags;
    nm_mask_set(&verdict->settled, lane, true);
}
NM_FN void nm_put_scalar(nm_verdict *verdict, int lane, int scalar, double value,
                         const nm_task *task)
{
    int slot = task->slot[NM_OUT_scalar + scalar];
    if (slot >= 0) {
        nm_set(&verdict->out[slot], lane, value);
    }
}

NM_FN bool nm_wants_tau_fast(const nm_task *task)
{
    return task->slot[NM_OUT_scalar + NM_SCALAR_tau_fast] >= 0;
}

/* Newton's steps before the points that need more are gathered: few do, and a block or a warp waits for its slowest
 * lane */
enum { NM_NEWTON_FIRST = NM_N_GUESSES > 0 ? 6 : 8, NM_NEWTON_GUESSED = 12 /* steps from a guess at most */ };

/* auto, first: Newton's method, from the model's guess or from the declared initial state. y: the states; valid: lanes
 * of `mask` inside the domain; unfinished: those to go on with. */
NM_FN nm_newton_result nm_begin_auto(nm_vec *y, nm_mask *valid, nm_mask *unfinished, nm_mask mask, const nm_point *pt,
                                     const auto *pick)
{
    *valid = mask & nm_initial(y, pt);
    nm_guess(y, pt, pick);
    const nm_newton_result found = nm_newton_easy(y, pt, pick, *valid, NM_NEWTON_FIRST);
    /* from a guess all may go wrong; from the start, who stopped early is lost */
    *unfinished = *valid & nm_not(found.converged);
    if (NM_N_GUESSES == 0) {
        *unfinished = *unfinished & (found.iterations == nm_splat((double)NM_NEWTON_FIRST));
    }
    return found;
}

/* Newton's method, as a function of its own */
NM_LEAF nm_newton_result nm_newton_again(nm_vec *y, const nm_point *pt, const nm_choices *pick, nm_mask mask, int steps)
{
    return nm_newton<false>(y, pt, pick, mask, steps);
}

/* Settles the lanes of `outside`, which have no start. */
NM_FN void nm_settle_outside(nm_verdict *verdict, nm_mask outside, const nm_task *task)
{
    if (nm_any_of(outside)) {
        for (int lane = 0; lane < NM_LANES; lane++) {
            if (nm_get(outside, lane)) {
                nm_blank(verdict, lane, NM_OUTCOME_left_domain, 0, task);
            }
        }
    }
}

/* then, for the lanes of `mask`, which are unfinished: Newton's other steps; who is lost on the way from a guess begins
 * again at the initial state */
NM_FN nm_newton_result nm_go_on_auto(nm_vec *y, nm_mask mask, const nm_point *pt, const nm_choices *pick)
{
    const int most = NM_N_GUESSES > 0 ? NM_NEWTON_GUESSED : NM_NEWTON_ITERATIONS;
    nm_newton_result found = nm_newton_again(y, pt, pick, mask, most - NM_NEWTON_FIRST);
    found.iterations = found.iterations + nm_splat((double)NM_NEWTON_FIRST);
    const nm_mask lost = mask & nm_not(found.converged);
    if (NM_N_GUESSES > 0 && nm_any_of(lost)) {
        nm_vec start[NM_NY];
        nm_initial(start, pt);
        const nm_newton_result second = nm_newton_again(start, pt, pick, lost, NM_NEWTON_ITERATIONS);
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            y[i] = nm_choose(lost, start[i], y[i]);
        }
        found.converged = found.converged | second.converged;
        found.iterations = found.iterations + second.iterations;
    }
    return found;
}

/* then: settles the lanes of `found` that converged to a stable state; y: their states. */
NM_FN void nm_end_auto(nm_verdict *verdict, const nm_vec *y, const nm_newton_result *found, const int64_t *index,
                       const nm_point *pt, const auto *pick, const nm_task *task)
{
    nm_look look;
    nm_assessment a;
    nm_remarks remarks;
    nm_look_at(&look, y, pt, pick);
    nm_mask candidate =
        found->converged & nm_is_bounded(y, pt) & (look.resid <= nm_splat(NM_RESID_MAX));
    if (!nm_any_of(candidate)) {
        return;
    }
    nm_assess<false>(&a, &look, y, pt, pick, candidate, nm_wants_tau_fast(task));
    candidate = candidate & a.is_stable & nm_is_precise(&a);
    remarks.iterations = found->iterations;
    remarks.n_states = nm_splat(1.0);
    if (task->solver.starts > 1) {
        nm_vec y0[NM_NY];
        nm_initial(y0, pt);
        remarks.n_states = nm_count_states(y0, y, index, candidate, task, pt, pick);
    }
    nm_conclude(verdict, candidate, &look, &a, y, &remarks, 0, pt, pick, task);
}

/* the same as a function of its own, for followed points */
NM_NOINLINE void nm_end_easily(nm_verdict *verdict, const nm_vec *y, const nm_newton_result *found, const int64_t *index,
                               const nm_point *pt, const nm_choices *pick, const nm_task *task)
{
    nm_end_auto(verdict, y, found, index, pt, pick, task);
}

/* The lanes of `mask`, which must grow: settles them. Their rate takes Newton's method again, from far above, where it
 * comes down safely: only where somebody wants it, and the lanes where it fails are left to following. y: their states
 * then. audited: lanes that are followed, too, and compared. */
NM_NOINLINE void nm_settle_growing(nm_verdict *verdict, nm_vec *y, nm_mask mask, nm_mask audited, const nm_point *pt,
                                   const nm_choices *pick, const nm_task *task)
{
    const bool is_asked = task->slot[NM_OUT_scalar + NM_SCALAR_growth_rate] >= 0 ||
                          task->slot[NM_OUT_scalar + NM_SCALAR_iterations] >= 0;
    const nm_mask wanted = is_asked ? mask : mask & audited;
    nm_newton_result grown = {nm_mask_all(false), nm_splat(0.0)};
    nm_vec rate = nm_splat(0.0);
    if (nm_any_of(wanted)) {
        nm_look look;
        nm_vec driving;
        nm_initial(y, pt);
        nm_look_again(&look, y, pt, pick);
        if constexpr (NM_N_VOLUMES > 0) {
            rate = nm_vmax(nm_vabs(look.f[NM_N_FREE]), look.gross[NM_N_FREE]);
        }
        grown = nm_newton_growth(y, &rate, &driving, pt, pick, wanted);
    }
    for (int lane = 0; lane < NM_LANES; lane++) {
        if (nm_get(mask, lane) && (!nm_get(wanted, lane) || nm_get(grown.converged, lane))) {
            nm_blank(verdict, lane, NM_OUTCOME_no_steady_state_growth, NM_FLAG_over_pumped, task);
            nm_put_scalar(verdict, lane, NM_SCALAR_growth_rate, nm_get(rate, lane), task);
            nm_put_scalar(verdict, lane, NM_SCALAR_iterations, nm_get(grown.iterations, lane), task);
        }
    }
}

/* how a followed point came to its end */
struct nm_ending {
    nm_vec status, x[NM_NY], steps, arrival;
};

/* Growth without end: settles those lanes of `mask` that tend to a steadily swelling state. y: that state. */
NM_NOINLINE void nm_end_growth(nm_verdict *verdict, nm_vec *y, const nm_ending *end, nm_mask mask,
                               const nm_point *pt, const nm_choices *pick, const nm_task *task)
{
    if (!nm_any_of(mask)) {
        return;
    }
    nm_look look;
    nm_vec growing[NM_NY], rate = nm_splat(0.0), driving = nm_splat(0.0);
    /* the first guess of the rate: what it is; else far above, from where Newton comes down safely */
    const double shares[2] = {1e-5, 1.0}; /* of the water that crosses */
    for (int attempt = 0; attempt < 2 && nm_any_of(mask); attempt++) {
        nm_state_to_unknowns(growing, end->x);
        nm_look_again(&look, growing, pt, pick);
        if constexpr (NM_N_VOLUMES > 0) {
            rate = nm_vmax(nm_vabs(look.f[NM_N_FREE]), shares[attempt] * look.gross[NM_N_FREE]);
        }
        nm_newton_result grown = nm_newton_growth(growing, &rate, &driving, pt, pick, mask);
        mask = mask & nm_not(grown.converged);
        for (int lane = 0; lane < NM_LANES; lane++) {
            if (!nm_get(grown.converged, lane)) {
                continue;
            }
            for (int i = 0; i < NM_NY; i++) {
                nm_set(&y[i], lane, nm_get(growing[i], lane));
            }
            nm_blank(verdict, lane, NM_OUTCOME_no_steady_state_growth,
                     nm_get(driving, lane) > 0.0 ? NM_FLAG_over_pumped : 0, task);
            nm_put_scalar(verdict, lane, NM_SCALAR_growth_rate, nm_get(rate, lane), task);
            nm_put_scalar(verdict, lane, NM_SCALAR_iterations,
                          nm_get(end->steps + grown.iterations, lane), task);
        }
    }
}

/* A singular Jacobian: settles those lanes of `mask` whose reached state depends on where they started. */
NM_NOINLINE void nm_end_marginal(nm_verdict *verdict, nm_vec *y, const nm_ending *end, nm_mask mask,
                                 const nm_point *pt, const nm_choices *pick, const nm_task *task)
{
    if (!nm_any_of(mask)) {
        return;
    }
    nm_look look;
    nm_assessment a;
    nm_remarks remarks;
    nm_vec reached[NM_NY];
    nm_state_to_unknowns(reached, end->x);
    nm_look_again(&look, reached, pt, pick);
    nm_assess_hard(&a, &look, reached, pt, mask, false);
    mask = mask & a.is_singular & (look.resid <= nm_splat(NM_RESID_MAX));
    a.tau_slow = nm_splat(NM_INFINITY);
    a.delta = nm_splat(0.0);
    remarks.iterations = end->steps;
    remarks.n_states = nm_splat(1.0);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        y[i] = nm_choose(mask, reached[i], y[i]);
    }
    nm_conclude_rarely(verdict, mask, &look, &a, y, &remarks, NM_FLAG_marginal, pt, pick, task);
}

/* Turns endings into verdicts: growth, steady state (polished), boundary, marginal, depletion. y: final unknowns. Lanes
 * that must be followed further stay unsettled. is_last: no more rounds, say what there is. */
NM_NOINLINE void nm_end_follow(nm_verdict *verdict, nm_vec *y, const nm_ending *end,
                               const int64_t *index, nm_mask mask, bool is_last, const nm_point *pt,
                               const nm_choices *pick, const nm_task *task)
{
    nm_look look;
    nm_assessment a;
    nm_remarks remarks;
    nm_vec before[NM_NY], y0[NM_NY];
    /* an input outside the domain has no time course */
    verdict->settled = nm_mask_all(false);
    nm_mask valid = nm_initial(y0, pt);
    for (int lane = 0; lane < NM_LANES; lane++) {
        if (nm_get(mask, lane) && !nm_get(valid, lane)) {
            nm_blank(verdict, lane, NM_OUTCOME_left_domain, 0, task);
        }
    }
    mask = mask & valid;
    nm_mask arrived = mask & (end->status == nm_splat((double)NM_ARRIVED));
    nm_mask grew = mask & (end->status == nm_splat((double)NM_GREW));
    nm_mask left = mask & (end->status == nm_splat((double)NM_LEFT));
    nm_mask faded = nm_mask_all(false), at_floor[NM_N_FREE];
    nm_state_to_unknowns(y, end->x);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        before[i] = y[i];
    }
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        at_floor[i] = mask & (y[i] < y0[i] - (NM_FLOOR - 1.0));
        faded = faded | at_floor[i];
    }
    nm_end_growth(verdict, y, end, grew, pt, pick, task);

    /* who arrived is mostly polished without pivoting */
    nm_newton_result easy = nm_newton_again(y, pt, pick, arrived & nm_not(faded), NM_NEWTON_FIRST);
    nm_newton_again(y, pt, pick, easy.converged, 1); /* for rough factors, whose last step is not as good as it looks */
    easy.converged = easy.converged & (nm_distance(before, y) < 10.0 * end->arrival);
    easy.iterations = easy.iterations + end->steps;
    nm_end_easily(verdict, y, &easy, index, pt, pick, task);
    nm_mask open = mask & nm_not(verdict->settled);
    if (!nm_any_of(open)) {
        return;
    }
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        y[i] = nm_choose(open, before[i], y[i]);
    }

    /* polish; what fades away and has no balance at any concentration is zero */
    nm_newton_result found = nm_newton_hard(y, pt, pick, open, NM_NEWTON_ITERATIONS_FAR);
    nm_mask zero = open & faded & nm_not(found.converged);
    if (nm_any_of(zero)) {
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            y[i] = nm_choose(zero, before[i], y[i]);
        }
        NM_UNROLL
        for (int i = 0; i < NM_N_FREE; i++) {
            y[i] = nm_choose(zero & at_floor[i], nm_splat(NM_LN_ZERO), y[i]);
        }
        nm_newton_result frozen = nm_newton_hard(y, pt, pick, zero, NM_NEWTON_ITERATIONS_FAR);
        found.converged = found.converged | frozen.converged;
        found.iterations = found.iterations + frozen.iterations;
    }
    nm_look_again(&look, y, pt, pick);
    nm_assess_hard(&a, &look, y, pt, found.converged, nm_wants_tau_fast(task));
    /* an arrival must be near its polished state; other endings, and traces at the floor, may lie far from it */
    nm_mask is_near = nm_distance(before, y) < 10.0 * end->arrival;
    nm_mask is_steady = found.converged & nm_is_bounded(y, pt) &
                        (look.resid <= nm_splat(NM_RESID_MAX)) & nm_is_precise(&a) &
                        nm_not(a.is_singular) & (is_near | faded | nm_not(arrived));
    nm_mask stable = is_steady & a.is_stable;
    remarks.iterations = end->steps + found.iterations;
    remarks.n_states = nm_splat(1.0);
    if (task->solver.starts > 1) {
        remarks.n_states = nm_count_states(y0, y, index, stable, task, pt, pick);
    }
    nm_conclude_rarely(verdict, stable, &look, &a, y, &remarks, 0, pt, pick, task);
    if (is_last) { /* an unstable state that was all there is */
        nm_mask unstable = is_steady & nm_not(a.is_stable);
        nm_conclude_rarely(verdict, unstable, &look, &a, y, &remarks, 0, pt, pick, task);
        for (int lane = 0; lane < NM_LANES; lane++) {
            if (nm_get(unstable, lane)) {
                verdict->outcome[lane] = NM_OUTCOME_unstable;
            }
        }
    }

    nm_end_marginal(verdict, y, end, arrived & nm_not(verdict->settled), pt, pick, task);
    nm_end_growth(verdict, y, end, (faded | left) & nm_not(verdict->settled), pt, pick, task);
    open = mask & nm_not(verdict->settled);
    if (is_last && nm_any_of(open & grew)) { /* on the boundary: the rate is what it is */
        nm_look_again(&look, before, pt, pick);
    }
    for (int lane = 0; lane < NM_LANES; lane++) {
        if (!nm_get(open, lane)) {
            continue;
        }
        int status = (int)nm_get(end->status, lane);
        if (status == NM_GREW && is_last) {
            nm_blank(verdict, lane, NM_OUTCOME_no_steady_state_growth, 0, task);
            if constexpr (NM_N_VOLUMES == 1) {
                nm_put_scalar(verdict, lane, NM_SCALAR_growth_rate,
                              nm_get(look.f[NM_N_FREE], lane), task);
            }
        } else if (status == NM_DEPLETED) {
            nm_blank(verdict, lane, NM_OUTCOME_no_steady_state_depletion, 0, task);
        } else if (status == NM_LEFT) {
            nm_blank(verdict, lane, NM_OUTCOME_left_domain, 0, task);
        } else if (is_last) {
            nm_blank(verdict, lane, NM_OUTCOME_not_converged, 0, task);
            nm_put_scalar(verdict, lane, NM_SCALAR_resid, nm_get(look.resid, lane), task);
        }
        if (nm_get(verdict->settled, lane)) {
            nm_put_scalar(verdict, lane, NM_SCALAR_iterations,
                          nm_get(end->steps + found.iterations, lane), task);
        }
    }
}

#endif
