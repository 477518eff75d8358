/* Following the time course: Rodas4 on amounts, volumes and potentials.
 *
 * State x: amounts n = c * volume [mol per extent], volumes [m], reduced potentials. Charge: C' dv/dt = sum z dn/dt
 * with C' = C RT/F^2 (C' = 0 where neutral: an algebraic row of index 1), so linear invariants (totals, charge) are
 * kept exactly by the method. Coefficients: RODAS of Hairer & Wanner, Solving ODEs II, section IV.7 (order 4(3),
 * stiffly accurate, gamma = 1/4). Everything is scaled by the state at the start of a step, so errors are relative;
 * their root mean square is held below the tolerance. */
#ifndef NESSMAP_FOLLOW_H
#define NESSMAP_FOLLOW_H

#include "newton.h"

#ifndef NM_FOLLOW_STEPS /* after which a course counts as wandering; more where a transient spikes many times */
#define NM_FOLLOW_STEPS 20000
#endif

enum nm_follow_status { /* per lane, as a double in lanes */
                        NM_FOLLOWING = 0,
                        NM_ARRIVED, /* within `arrival` of a steady state by the Newton step */
                        NM_GREW, /* a volume passed its bound, still growing linearly or faster */
                        NM_DEPLETED,  /* a concentration reaches zero in finite time */
                        NM_WANDERING, /* step limit */
                        NM_LEFT       /* no finite numbers */
};

#define NM_GROWN       6.907755278982137 /* ln 1000: the bound of a volume against its start */
#define NM_GROWN_FAR   7.0               /* so much further, slow growth counts as growth too */
#define NM_NEARLY_GONE 27.6              /* -ln 1e-12: a concentration against its start */
#define NM_FLOOR       150.0 /* traces below exp(-150) of their start wait there while they still fall */

/* Concentrations and volumes of a state, and 1/volume: what the network asks of exp(unknown). Of a potential: 0. */
NM_FN void nm_state_to_contents(nm_vec *content, nm_vec *inverse, const nm_vec *x)
{
    nm_unroll<NM_NY>([&](auto i) NM_LAMBDA {
        content[i.value] = inverse[i.value] = nm_splat(0.0);
        if constexpr (i.value >= NM_N_FREE && i.value < NM_N_FREE + NM_N_VOLUMES) {
            content[i.value] = x[i.value];
            inverse[i.value] = 1.0 / x[i.value];
        }
    });
    nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
        constexpr int volume = nm_volume_of(nm_place(nm_species_of(i.value)));
        content[i.value] = x[i.value];
        if constexpr (volume >= 0) {
            content[i.value] = x[i.value] * inverse[volume];
        }
    });
}
NM_FN void nm_contents_to_unknowns(nm_vec *y, const nm_vec *content, const nm_vec *x)
{
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        y[i] = i < NM_N_FREE + NM_N_VOLUMES ? nm_vlog(content[i]) : x[i];
    }
}
NM_FN void nm_state_to_unknowns(nm_vec *y, const nm_vec *x)
{
    nm_vec content[NM_NY], inverse[NM_NY];
    nm_state_to_contents(content, inverse, x);
    nm_contents_to_unknowns(y, content, x);
}

/* balances of a state whose contents are known */
struct nm_state_balance : nm_balance {
    nm_vec exp_y[NM_NY], exp_minus_y[NM_NY];
    /* Puts the state into it; y: its unknowns. */
    NM_INLINE void put(nm_vec *y, const nm_vec *x, const nm_point *pt)
    {
        v_w = pt->v_w;
        nm_state_to_contents(exp_y, exp_minus_y, x);
        nm_contents_to_unknowns(y, exp_y, x);
    }
};

NM_FN void nm_unknowns_to_state(nm_vec *x, const nm_vec *y)
{
    nm_unroll<NM_NY>([&](auto i) NM_LAMBDA {
        constexpr int s = nm_species_of(i.value);
        if constexpr (s >= 0 && nm_volume_of(nm_place(s < 0 ? 0 : s)) >= 0) {
            x[i.value] = nm_vexp(y[i.value]) * nm_vexp(y[nm_volume_of(nm_place(s))]);
        } else if constexpr (i.value < NM_N_FREE + NM_N_VOLUMES) {
            x[i.value] = nm_vexp(y[i.value]);
        } else {
            x[i.value] = y[i.value];
        }
    });
}

/* amount of a fixed-volume species per its unknown: dn/dt = volume dc/dt */
template <int I> NM_FN nm_vec nm_state_volume(const nm_point *pt)
{
    constexpr int s = nm_species_of(I);
    if constexpr (s >= 0) {
        if constexpr (nm_volume_of(nm_place(s)) < 0) {
            return pt->fixed[nm_place(s)];
        }
    }
    return nm_splat(1.0);
}

/* 1 where totals must hold in the dynamics too: a keeper's own balance is not kept, so nothing keeps them */
NM_FN bool nm_has_keeper(const nm_point *pt)
{
    bool has = false;
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        if constexpr (nm_may_charge(c.value) && nm_keeper(c.value) >= 0) {
            has = has || (pt->is_charging[c.value] && !pt->is_held[nm_species_of(nm_keeper(c.value))]);
        }
    });
    return has;
}

/* charge row of each floating compartment: the current into its capacitance */
NM_FN void nm_put_currents(nm_balance *b, const nm_point *pt, bool with_jacobian)
{
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        constexpr int here = c.value, v = nm_potential_of(here);
        if constexpr (v >= 0) {
            nm_vec f = nm_splat(0.0);
            nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
                constexpr int s = nm_species_of(i.value);
                if constexpr (nm_place(s) == here && nm_charge(s) != 0) {
                    f = nm_vfma(nm_splat((double)nm_charge(s)), b->f[i.value], f);
                }
            });
            if (nm_may_charge(here) && pt->is_charging[c.value]) {
                return; /* the visit has put it there */
            }
            b->f[v] = pt->is_clamped[c.value] ? nm_splat(0.0) : f;
            if (with_jacobian) {
                NM_UNROLL
                for (int j = 0; j < NM_NY; j++) {
                    nm_vec d = nm_splat(0.0);
                    nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
                        constexpr int s = nm_species_of(i.value);
                        if constexpr (nm_place(s) == here && nm_charge(s) != 0) {
                            d = nm_vfma(nm_splat((double)nm_charge(s)), b->jac[i.value][j], d);
                        }
                    });
                    b->jac[v][j] = pt->is_clamped[c.value] ? nm_splat(0.0) : d;
                }
            }
        }
    });
}

/* derivatives by ln c and ln volume -> by ln n and ln volume */
NM_FN void nm_by_amounts(nm_balance *b)
{
    nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
        constexpr int volume = nm_volume_of(nm_place(nm_species_of(i.value)));
        if constexpr (volume >= 0) {
            NM_UNROLL
            for (int k = 0; k < NM_NY; k++) {
                b->jac[k][volume] = b->jac[k][volume] - b->jac[k][i.value];
            }
        }
    });
}

/* rates f(x), raw rows; no Jacobian */
NM_NOINLINE void nm_rates(nm_vec *f, const nm_vec *x, const nm_mask *held, const nm_point *pt,
                          const auto *pick)
{
    nm_state_balance b;
    nm_vec y[NM_NY];
    b.put(y, x, pt);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        b.f[i] = nm_splat(0.0);
    }
    nm_visit_network<false>(&b, pt, pick, y);
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        b.f[i] = nm_choose(held[i], nm_splat(0.0), b.f[i]);
    }
    nm_put_currents(&b, pt, false);
    if (NM_MAY_CHARGE && nm_has_keeper(pt)) {
        nm_unroll<NM_NT>([&](auto t) NM_LAMBDA { b.f[nm_total_unknown(t.value)] = b.total_f[t.value]; });
    }
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        f[i] = b.f[i];
    }
}

/* scale of row and unknown i: amounts and volumes by themselves, potentials by 1; mass of row i */
struct nm_scaling {
    nm_vec size[NM_NY], inverse[NM_NY], mass[NM_NY];
};
NM_FN void nm_scale(nm_scaling *scale, const nm_vec *x, const nm_point *pt)
{
    nm_unroll<NM_NY>([&](auto i) NM_LAMBDA {
        if constexpr (i.value < NM_N_FREE + NM_N_VOLUMES) {
            scale->size[i.value] = x[i.value];
            /* a fixed-volume species: x is a concentration, its balance is an amount */
            scale->inverse[i.value] = 1.0 / (x[i.value] * nm_state_volume<i.value>(pt));
            scale->mass[i.value] = nm_splat(1.0);
        } else {
            scale->size[i.value] = nm_splat(1.0);
            scale->inverse[i.value] = nm_splat(1.0);
        }
    });
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        constexpr int v = nm_potential_of(c.value);
        if constexpr (v >= 0) {
            scale->mass[v] = pt->is_clamped[c.value] ? nm_splat(1.0) : pt->capacity[c.value];
            if constexpr (nm_may_charge(c.value)) {
                constexpr int keeper = nm_keeper(c.value);
                if (pt->is_charging[c.value]) {
                    scale->mass[v] = pt->capacitance[c.value];
                    if constexpr (keeper >= 0) {
                        if (!pt->is_held[nm_species_of(keeper)]) {
                            scale->mass[keeper] = nm_splat(0.0);
                        }
                    }
                }
            }
        }
    });
    if (NM_MAY_CHARGE && nm_has_keeper(pt)) {
        nm_unroll<NM_NT>([&](auto t) NM_LAMBDA { scale->mass[nm_total_unknown(t.value)] = nm_splat(0.0); });
    }
}

/* marks the species that a chemostat holds */
NM_FN void nm_put_held(NM_MAYBE_UNUSED nm_mask *held, NM_MAYBE_UNUSED const nm_point *pt)
{
    nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
        if constexpr (nm_is_holdable(nm_species_of(i.value))) {
            if (pt->is_held[nm_species_of(i.value)]) {
                held[i.value] = nm_mask_all(true);
            }
        }
    });
}

/* held species do not move: no rate, no derivatives */
NM_FN void nm_hold(nm_balance *b, const nm_mask *held)
{
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        b->f[i] = nm_choose(held[i], nm_splat(0.0), b->f[i]);
        NM_UNROLL
        for (int j = 0; j < NM_NY; j++) {
            b->jac[i][j] = nm_choose(held[i], nm_splat(0.0), b->jac[i][j]);
        }
    }
}

#include "potentials.h"
#include "rodas4.h"

/* A time course in lanes; lanes can be refilled one by one. ideal: the length of the last step that was taken for which its
 * error would have been 1; 0 before. */
struct nm_course {
    nm_vec x[NM_NY];
    nm_vec t, h, ideal, change, steps, arrival, grown, status, ln_volume0[NM_NC], ln_c0[NM_N_FREE];
};

/* Puts initial state y (unknowns) into all lanes of `mask`. */
NM_FN void nm_course_begin(nm_course *course, const nm_vec *y, nm_vec arrival, nm_mask mask)
{
    nm_vec x[NM_NY];
    nm_unknowns_to_state(x, y);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        course->x[i] = nm_choose(mask, x[i], course->x[i]);
    }
    nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
        course->ln_c0[i.value] = nm_choose(mask, y[i.value], course->ln_c0[i.value]);
    });
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        if constexpr (nm_volume_of(c.value) >= 0) {
            course->ln_volume0[c.value] =
                nm_choose(mask, y[nm_volume_of(c.value)], course->ln_volume0[c.value]);
        }
    });
    course->t = nm_choose(mask, nm_splat(0.0), course->t);
    course->h = nm_choose(mask, nm_splat(0.0), course->h);
    course->ideal = nm_choose(mask, nm_splat(0.0), course->ideal);
    course->change = nm_choose(mask, nm_splat(1.0), course->change);
    course->steps = nm_choose(mask, nm_splat(0.0), course->steps);
    course->arrival = nm_choose(mask, arrival, course->arrival);
    course->grown = nm_choose(mask, nm_splat(NM_GROWN), course->grown);
    course->status = nm_choose(mask, nm_splat((double)NM_FOLLOWING), course->status);
}

/* Long implicit steps damp what grows, so that a course may be drawn to a state that repels it. When that is found out
 * (the step is NM_KICK), potentials that charge are displaced by more than a step may err, and short steps tell where
 * that leads. */
#define NM_KICK      -1.0
#define NM_KICK_SIZE 1e-2 /* [RT/F] */
NM_FN void nm_kick(nm_course *course, const nm_point *pt)
{
    nm_mask kicked = course->h == nm_splat(NM_KICK);
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        if constexpr (nm_may_charge(c.value)) {
            constexpr int v = nm_potential_of(c.value);
            if (pt->is_charging[c.value]) {
                course->x[v] = nm_choose(kicked, course->x[v] + NM_KICK_SIZE, course->x[v]);
            }
        }
    });
    course->h = nm_choose(kicked, nm_splat(0.0), course->h);
}

/* The first step: a thousandth of the fastest relative change; of a potential that charges, in RT/F. */
NM_FN nm_vec nm_first_step(const nm_balance *b, const nm_scaling *scale, const nm_point *pt)
{
    nm_vec fastest = nm_splat(1e-9);
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE + NM_N_VOLUMES; i++) {
        fastest = nm_vmax(fastest, nm_vabs(b->f[i] * scale->inverse[i]));
    }
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        if constexpr (nm_may_charge(c.value)) {
            constexpr int v = nm_potential_of(c.value);
            if (pt->is_charging[c.value]) {
                fastest = nm_vmax(fastest, nm_vabs(b->f[v] * scale->inverse[v]) / scale->mass[v]);
            }
        }
    });
    return 1e-3 / fastest;
}

/* Arrival by a Newton step without pivoting, which costs little. Returns the lanes where that can be relied upon: no pivot is
 * small against its row, and the state moves yet. */
NM_GPU_LEAF nm_mask nm_arrival_by_sight(nm_mask *arrived, const nm_balance *newton, const nm_course *course, const auto *pick)
{
    nm_vec jac[NM_NY][NM_NY], step[NM_NY], largest[NM_NY], distance = nm_splat(0.0), growth = nm_splat(0.0);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        step[i] = newton->f[i];
        largest[i] = nm_splat(0.0);
        NM_UNROLL
        for (int j = 0; j < NM_NY; j++) {
            jac[i][j] = newton->jac[i][j];
            largest[i] = nm_vmax(largest[i], nm_vabs(jac[i][j]));
        }
    }
    nm_solve_step(jac, step, pick);
    nm_vec sum = nm_splat(0.0);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) { /* the diagonal holds 1/pivot */
        distance = nm_vmax(distance, nm_vabs(step[i]));
        growth = nm_vmax(growth, nm_vabs(jac[i][i]) * largest[i]);
        sum = sum + step[i] + jac[i][i];
    }
    *arrived = distance < course->arrival;
    return nm_vfinite(sum) & (growth < nm_splat(1e8)) & (course->change > nm_splat(1e-6));
}

/* The factor by which a step grows or shrinks, from its mean square error in units of the tolerance: the ideal length goes on
 * to change as it did (Gustafsson, ACM TOMS 20, 1994). Steps that leave the positive numbers are halved at least. */
NM_FN nm_vec nm_step_factor(nm_vec *ideal, const nm_course *course, nm_vec square, nm_mask is_positive)
{
    const nm_vec bounded = nm_vmax(nm_vmin(square, nm_splat(1e24)), nm_splat(1e-24));
    const nm_vec root = nm_vexp(-0.125 * nm_vlog(bounded)); /* error^(-1/4) */
    *ideal = course->h * root;
    nm_vec trend = nm_choose(course->ideal > nm_splat(0.0), *ideal / course->ideal, nm_splat(1.0));
    trend = nm_choose(square <= nm_splat(1.0), nm_vmin(nm_vmax(trend, nm_splat(0.7)), nm_splat(1.4)), nm_splat(1.0));
    const nm_vec factor = 0.9 * root * trend;
    const nm_vec most = nm_choose(is_positive, nm_splat(6.0), nm_splat(0.5));
    return nm_vmax(nm_vmin(factor, most), nm_splat(0.2));
}

/* Advances all following lanes by one tried step. */
NM_FN void nm_course_advance(nm_course *course, const nm_point *pt, const auto *pick, double rtol,
                             int max_steps)
{
    nm_state_balance b;
    nm_vec y[NM_NY];
    nm_scaling scale;
    nm_mask following = course->status == nm_splat((double)NM_FOLLOWING);
    if constexpr (NM_MAY_CHARGE) {
        nm_kick(course, pt);
    }
    b.put(y, course->x, pt);
    b.clear();
    nm_visit_network<true>(&b, pt, pick, y);

    /* traces at the floor that still fall stand still: their flux is taken as balanced */
    nm_mask floored[NM_N_FREE];
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        floored[i] = (y[i] < course->ln_c0[i] - NM_FLOOR) & (b.f[i] < nm_splat(0.0));
    }
    nm_put_held(floored, pt);

    /* then the currents that are left may want another potential at once, further off than a step by slopes goes */
    const nm_mask jumps = following & nm_is_off_balance(&b, floored, pt);
    if (nm_any_of(jumps)) {
        nm_vec there[NM_NY];
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            there[i] = y[i];
        }
        nm_settle_potentials(there, floored, pt, pick);
        NM_UNROLL
        for (int i = NM_N_FREE + NM_N_VOLUMES; i < NM_NY; i++) {
            course->x[i] = nm_choose(jumps, there[i], course->x[i]);
        }
        b.put(y, course->x, pt);
        b.clear();
        nm_visit_network<true>(&b, pt, pick, y);
    }

    /* a small last step may mean arrival: the Newton step decides */
    nm_mask maybe = following & (course->change < nm_splat(1e-2));
    nm_balance newton;
    NM_PARK(newton);
    if (nm_any_of(maybe)) {
        newton = b;
        nm_put_totals(&newton);
        nm_freeze(&newton, floored);
        nm_mask arrived, is_sure = maybe & nm_arrival_by_sight(&arrived, &newton, course, pick);
        arrived = arrived & is_sure;
        course->status = nm_choose(arrived, nm_splat((double)NM_ARRIVED), course->status);
        following = following & nm_not(arrived);
        maybe = maybe & nm_not(is_sure);
    }
    if (nm_any_of(maybe)) {
        nm_mask is_singular = nm_mask_all(false);
        nm_lu_pivot<NM_NY>(newton.jac, newton.f, &is_singular);
        nm_vec distance = nm_splat(0.0);
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            distance = nm_choose(nm_vfinite(newton.f[i]), nm_vmax(distance, nm_vabs(newton.f[i])),
                                 nm_splat(1e300));
        }
        nm_mask arrived = maybe & nm_not(is_singular) & (distance < course->arrival);
        /* where the Jacobian is singular, arrival is a state that has not moved for 1e10 of its own steps */
        arrived = arrived | (maybe & is_singular & (course->change < nm_splat(1e-13)) &
                             (course->h > 1e-3 * course->t) & (course->steps > nm_splat(20.0)));
        course->status = nm_choose(arrived, nm_splat((double)NM_ARRIVED), course->status);
        following = following & nm_not(arrived);
    }
    if (!nm_any_of(following)) {
        return;
    }

    nm_hold(&b, floored);
    nm_put_currents(&b, pt, true);
    if (NM_MAY_CHARGE && nm_has_keeper(pt)) {
        nm_put_totals(&b);
    }
    nm_by_amounts(&b);
    nm_scale(&scale, course->x, pt);

    const nm_mask begins = nm_not(course->h > nm_splat(0.0));
    if (nm_any_of(begins)) {
        course->h = nm_choose(begins, nm_first_step(&b, &scale, pt), course->h);
    }

    /* growth: a volume beyond its bound, with d ln(volume)/d ln t > 0.9, or slower but far beyond it */
    nm_mask grew = nm_mask_all(false);
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        constexpr int volume = nm_volume_of(c.value);
        if constexpr (volume >= 0) {
            nm_vec size = y[volume] - course->ln_volume0[c.value],
                   slope = b.f[volume] * scale.inverse[volume] * course->t;
            grew = grew | ((size > course->grown) & (slope > nm_splat(0.9))) |
                   ((size > course->grown + NM_GROWN_FAR) & (slope > nm_splat(0.3)));
        }
    });
    /* depletion: a concentration that is nearly gone, falls fast, and is drained at zero still */
    nm_mask falling[NM_N_FREE], nearly = nm_mask_all(false), depleted = nm_mask_all(false);
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        falling[i] = following & (y[i] < course->ln_c0[i] - NM_NEARLY_GONE) & nm_not(floored[i]) &
                     (b.f[i] * scale.inverse[i] * course->t < nm_splat(-1e2));
        nearly = nearly | falling[i];
    }
    if (nm_any_of(nearly)) {
        nm_balance empty;
        nm_vec none[NM_NY];
        empty.v_w = pt->v_w;
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            empty.f[i] = nm_splat(0.0);
            none[i] = y[i];
            if (i < NM_N_FREE) {
                const nm_mask is_gone = y[i] < course->ln_c0[i] - NM_NEARLY_GONE;
                none[i] = nm_choose(is_gone, nm_splat(-1e8), y[i]);
            }
        }
        nm_visit_network<false>(&empty, pt, pick, none);
        NM_UNROLL
        for (int i = 0; i < NM_N_FREE; i++) {
            depleted = depleted | (falling[i] & (empty.f[i] < 0.5 * b.f[i]));
        }
    }

    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        NM_UNROLL
        for (int j = 0; j < NM_NY; j++) {
            b.jac[i][j] = b.jac[i][j] * scale.inverse[i];
        }
    }
    nm_vec x_new[NM_NY], ideal;
    const nm_vec square = nm_rodas4(x_new, course->x, b.f, b.jac, &scale, course->h, rtol, floored, pt, pick);

    /* a step is good if it is accurate and leaves amounts and volumes positive */
    nm_mask is_positive = nm_mask_all(true);
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE + NM_N_VOLUMES; i++) {
        is_positive = is_positive & (x_new[i] > nm_splat(0.0));
    }
    nm_vec change = nm_splat(0.0);
    nm_unroll<NM_NY>([&](auto i) NM_LAMBDA {
        const nm_vec part = nm_vabs(x_new[i.value] - course->x[i.value]) * scale.inverse[i.value];
        change = nm_vmax(change, part * nm_state_volume<i.value>(pt));
    });
    const nm_mask good = (square <= nm_splat(1.0)) & is_positive;
    const nm_vec factor = nm_step_factor(&ideal, course, square, is_positive);

    nm_mask stop = grew | depleted;
    nm_mask take = following & good & nm_not(stop);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        course->x[i] = nm_choose(take, x_new[i], course->x[i]);
    }
    course->t = nm_choose(take, course->t + course->h, course->t);
    course->ideal = nm_choose(take, ideal, course->ideal);
    course->change = nm_choose(take, change, course->change);
    course->h = nm_choose(following & nm_not(stop), course->h * factor, course->h);
    course->steps = nm_choose(following, course->steps + 1.0, course->steps);

    nm_vec status = nm_splat((double)NM_FOLLOWING);
    status = nm_choose(course->steps >= nm_splat((double)max_steps), nm_splat((double)NM_WANDERING),
                       status);
    status = nm_choose(nm_vfinite(course->h) & (course->h > nm_splat(1e-250)), status,
                       nm_splat((double)NM_LEFT));
    status = nm_choose(depleted, nm_splat((double)NM_DEPLETED), status);
    status = nm_choose(grew, nm_splat((double)NM_GREW), status);
    course->status = nm_choose(following, status, course->status);
}

NM_LEAF void nm_course_step(nm_course *course, const nm_point *pt, const nm_choices *pick,
                            double rtol, int max_steps)
{
    nm_course_advance(course, pt, pick, rtol, max_steps);
}

#endif
