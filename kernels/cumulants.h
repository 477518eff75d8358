/* What one molecule's random walk does at a steady state (walk.h), as outputs: mean and variance rate of every pathway's
 * net jumps, Fano factors, thermodynamic uncertainty products, and those of the entropy production. */
#ifndef NESSMAP_CUMULANTS_H
#define NESSMAP_CUMULANTS_H

#include "observe.h"
#include "walk.h"

#define NM_WALK_LINEAR 1e-9  /* relative: fluxes further than this from rate times concentration have no constant rates */
#define NM_WALK_STILL  1e-12 /* of the jumps both ways: net jumps below this are none */

enum { NM_ROOM_WALK = NM_N_WALK > 0 ? (int)NM_N_WALK : 1, NM_ROOM_STEPS = NM_N_STEPS > 0 ? (int)NM_N_STEPS : 1 };

/* the walk at a steady state; sizes are those of one molecule */
struct nm_walk {
    nm_vec forth[NM_ROOM_STEPS], back[NM_ROOM_STEPS]; /* rates of every pathway [s-1] */
    nm_vec force[NM_ROOM_STEPS];                       /* ln of the one-way fluxes' ratio: affinity / RT */
    nm_vec p[NM_ROOM_WALK];                            /* stationary probabilities */
    nm_vec sigma, activity;                             /* entropy production [k_B s-1], jumps [s-1] */
    nm_mask is_walk;                                    /* lanes whose rates are constant */
};

/* y: the steady state, at which look was taken */
NM_FN void nm_walk_at(nm_walk *w, const nm_look *look, const nm_vec *y, const nm_point *pt, const auto *pick)
{
    const nm_vec zero = nm_splat(0.0);
    nm_unit_rates unit;
    nm_vec at_one[NM_NY], amount = zero;
    unit.v_w = pt->v_w;
    w->is_walk = nm_mask_all(true);
    nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
        constexpr int s = nm_species_of(i.value);
        at_one[i.value] = zero;
        if constexpr (nm_is_holdable(s)) {
            at_one[i.value] = pt->ln_hold[s];
            w->is_walk = w->is_walk & nm_mask_all(pt->is_held[s] != 0);
        }
    });
    nm_visit_network<false>(&unit, pt, pick, at_one);
    nm_unroll<NM_N_WALK>([&](auto i) NM_LAMBDA {
        w->p[i.value] = nm_vexp(y[nm_unknown_of(nm_walk_species(i.value))]);
        amount = amount + w->p[i.value];
    });
    w->sigma = w->activity = zero;
    nm_unroll<NM_N_STEPS>([&](auto k) NM_LAMBDA {
        constexpr int e = k.value, from = nm_walk_end(e, 0), to = nm_walk_end(e, 1);
        const nm_vec ways = look->out[e] + look->in[e];
        const nm_mask is_idle = ways <= nm_splat(NM_IDLE);
        nm_vec net = look->net[e];
        w->force[e] = look->x[e];
        nm_rest(is_idle, &w->force[e]);
        nm_rest(is_idle, &net);
        w->forth[e] = unit.forth[e];
        w->back[e] = unit.back[e];
        const nm_vec off = nm_vabs(look->out[e] - unit.forth[e] * w->p[from]) + nm_vabs(look->in[e] - unit.back[e] * w->p[to]);
        w->is_walk = w->is_walk & (off <= NM_WALK_LINEAR * ways);
        w->activity = w->activity + ways;
        w->sigma = nm_vfma(net, w->force[e], w->sigma);
    });
    const nm_vec per_amount = 1.0 / amount;
    w->activity = w->activity * per_amount;
    w->sigma = w->sigma * per_amount;
    nm_unroll<NM_N_WALK>([&](auto i) NM_LAMBDA { w->p[i.value] = w->p[i.value] * per_amount; });
}

/* variance rate of what counts[e] for a jump forth by pathway e, and as much less for one back */
NM_FN nm_vec nm_variance_rate(const nm_walk *w, const nm_vec (*rate)[NM_ROOM_WALK], const nm_vec *leaves, const nm_vec *counts)
{
    nm_vec b[NM_ROOM_WALK], q[NM_ROOM_WALK], mean = nm_splat(0.0), variance = nm_splat(0.0);
    nm_unroll<NM_N_WALK>([&](auto i) NM_LAMBDA { b[i.value] = nm_splat(0.0); });
    nm_unroll<NM_N_STEPS>([&](auto k) NM_LAMBDA {
        constexpr int e = k.value, from = nm_walk_end(e, 0), to = nm_walk_end(e, 1);
        const nm_vec forth = w->forth[e] * w->p[from], back = w->back[e] * w->p[to];
        b[to] = nm_vfma(-counts[e], forth, b[to]);
        b[from] = nm_vfma(counts[e], back, b[from]);
        mean = nm_vfma(counts[e], forth - back, mean);
        variance = nm_vfma(counts[e] * counts[e], forth + back, variance);
    });
    nm_unroll<NM_N_WALK>([&](auto i) NM_LAMBDA { b[i.value] = nm_vfma(mean, w->p[i.value], b[i.value]); });
    nm_solve_walk<NM_ROOM_WALK>(q, b, rate, leaves, w->p);
    nm_unroll<NM_N_STEPS>([&](auto k) NM_LAMBDA {
        constexpr int e = k.value, from = nm_walk_end(e, 0), to = nm_walk_end(e, 1);
        variance = nm_vfma(2.0 * counts[e], w->forth[e] * q[from] - w->back[e] * q[to], variance);
    });
    return variance;
}

/* All of these outputs of lanes that are no walk are NaN. */
template <class SINK>
NM_LEAF void nm_emit_cumulants(SINK *sink, const nm_look *look, const nm_vec *y, const nm_point *pt, const auto *pick)
{
    if constexpr (NM_N_WALK > 0) {
        nm_walk w;
        nm_vec rate[NM_ROOM_WALK][NM_ROOM_WALK], leaves[NM_ROOM_WALK], counts[NM_ROOM_STEPS];
        const nm_vec none = nm_splat(NM_NAN), zero = nm_splat(0.0);
        nm_walk_at(&w, look, y, pt, pick);
        for (int i = 0; i < NM_N_WALK; i++) {
            for (int j = 0; j < NM_N_WALK; j++) {
                rate[i][j] = zero;
            }
        }
        nm_unroll<NM_N_STEPS>([&](auto k) NM_LAMBDA {
            constexpr int from = nm_walk_end(k.value, 0), to = nm_walk_end(k.value, 1);
            rate[from][to] = rate[from][to] + w.forth[k.value];
            rate[to][from] = rate[to][from] + w.back[k.value];
            counts[k.value] = zero;
        });
        nm_eliminate<NM_ROOM_WALK>(rate, leaves);
        nm_unroll<NM_N_STEPS>([&](auto k) NM_LAMBDA {
            constexpr int e = k.value, from = nm_walk_end(e, 0), to = nm_walk_end(e, 1);
            if (!(sink->wants(NM_OUT_rate + e) || sink->wants(NM_OUT_var + e) || sink->wants(NM_OUT_fano + e) ||
                  sink->wants(NM_OUT_tur + e))) {
                return;
            }
            const nm_vec ways = w.forth[e] * w.p[from] + w.back[e] * w.p[to], net = w.forth[e] * w.p[from] - w.back[e] * w.p[to];
            counts[e] = nm_splat(1.0);
            const nm_vec variance = nm_variance_rate(&w, rate, leaves, counts);
            counts[e] = zero;
            const nm_vec moved = nm_choose(nm_vabs(net) > NM_WALK_STILL * ways, net, none);
            NM_EMIT(NM_OUT_rate + e, nm_choose(w.is_walk, net, none));
            NM_EMIT(NM_OUT_var + e, nm_choose(w.is_walk, variance, none));
            NM_EMIT(NM_OUT_fano + e, nm_choose(w.is_walk, variance / moved, none));
            NM_EMIT(NM_OUT_tur + e, nm_choose(w.is_walk, variance * w.sigma / (moved * moved), none));
        });
        NM_EMIT(NM_OUT_walk + NM_WALK_sigma_molecule, nm_choose(w.is_walk, w.sigma, none));
        NM_EMIT(NM_OUT_walk + NM_WALK_activity, nm_choose(w.is_walk, w.activity, none));
        if (sink->wants(NM_OUT_walk + NM_WALK_var_sigma)) {
            const nm_vec variance = nm_variance_rate(&w, rate, leaves, w.force);
            sink->put(NM_OUT_walk + NM_WALK_var_sigma, nm_choose(w.is_walk, variance, none));
        }
    }
}

/* The same where any of them is wanted, on a CPU: on a GPU a kernel of its own does that (walk_gpu.h). What trajectories
 * add (ssa.h) is NaN until they are run. */
template <class SINK>
NM_FN void nm_emit_walk(SINK *sink, const nm_look *look, const nm_vec *y, const nm_point *pt, const auto *pick)
{
    if constexpr (NM_N_WALK > 0) {
        bool any = false;
        for (int number = NM_OUT_rate; number < NM_OUT_ssa_rate; number++) {
            any = any || sink->wants(number);
        }
        if (any && !NM_FEW_REGISTERS) {
            nm_emit_cumulants(sink, look, y, pt, pick);
        }
        for (int number = NM_FEW_REGISTERS ? NM_OUT_rate : NM_OUT_ssa_rate; number < NM_OUT_observable; number++) {
            NM_EMIT(number, nm_splat(NM_NAN));
        }
    }
}

/* all outputs into a block buffer */
NM_GPU_LEAF void nm_emit_block(nm_sink *sink, const nm_look *look, const nm_vec *y,
                               const nm_remarks *remarks, const nm_point *pt, const auto *pick)
{
    nm_emit(sink, look, y, pt, pick);
    nm_emit_remarks(sink, remarks);
    nm_emit_walk(sink, look, y, pt, pick);
}

#endif
