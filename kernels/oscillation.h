/* Sustained oscillation: a trajectory that keeps moving is watched as it crosses one section again and again.
 *
 * Windows of recurrences double in length until the averages of two in a row agree; the outputs are time averages over
 * the last window (trapezoid on the steps), V_min and V_max its extremes. Ringing down to a stable state is no
 * oscillation: it loses height at the rate of that state's slowest mode. */
#ifndef NESSMAP_OSCILLATION_H
#define NESSMAP_OSCILLATION_H

#include "point.h"

enum { NM_WATCH_STEPS = 2000, NM_WATCH_CROSSINGS = 3, NM_WATCH_LIMIT = 4000000 };
#define NM_WATCH_AMPLITUDE 1e-3 /* smallest oscillation, in ln c or F V/RT */
#define NM_WATCH_AGREES 1e-4    /* averages of ln c and F V/RT in two windows */
#define NM_WATCH_RTOL 1e-5      /* relative tolerance: at most this, */
#define NM_WATCH_RTOL_MIN 1e-7  /* and never finer: windows are long */

/* outputs of the momentary state, into out[nm_own_slots] */
NM_NOINLINE void nm_momentary(nm_vec *out, nm_vec *y, nm_look *look, const nm_course *course,
                              const nm_point *pt, const nm_choices *pick, const nm_task *task)
{
    nm_sink sink = {task->slot, out};
    nm_vec none = nm_splat(NM_NAN);
    nm_remarks remarks = {none, none, none, none, nm_splat(1.0), course->steps};
    nm_state_to_unknowns(y, course->x);
    nm_look_again(look, y, pt, pick);
    nm_emit_block(&sink, look, y, &remarks, pt, pick);
}

/* entry `which` of y, lane by lane */
NM_FN nm_vec nm_pick_unknown(const nm_vec *y, nm_vec which)
{
    nm_vec value = nm_splat(0.0);
    for (int i = 0; i < NM_NY; i++) {
        value = nm_choose(which == nm_splat((double)i), y[i], value);
    }
    return value;
}

/* Runs a course of the lanes in `mask` until transients are over; gives the unknown that moves most (-1 where none
 * does) and the middle of its range. */
NM_NOINLINE void nm_find_section(nm_course *course, nm_vec *which, nm_vec *section, double rtol,
                                 const nm_point *pt, const nm_choices *pick)
{
    nm_vec y[NM_NY], low[NM_NY], high[NM_NY];
    NM_PARK(low);
    NM_PARK(high);
    NM_ROLL
    for (int i = 0; i < NM_NY; i++) {
        low[i] = nm_splat(1e300);
        high[i] = nm_splat(-1e300);
    }
    for (int step = 0; step < NM_WATCH_STEPS; step++) {
        nm_course_step(course, pt, pick, rtol, NM_WATCH_LIMIT);
        if (step < NM_WATCH_STEPS / 2) {
            continue;
        }
        nm_state_to_unknowns(y, course->x);
        NM_ROLL
        for (int i = 0; i < NM_NY; i++) {
            low[i] = nm_vmin(low[i], y[i]);
            high[i] = nm_vmax(high[i], y[i]);
        }
    }
    nm_vec range = nm_splat(NM_WATCH_AMPLITUDE);
    *which = nm_splat(-1.0);
    *section = nm_splat(0.0);
    for (int i = 0; i < NM_NY; i++) {
        nm_mask is_wider = high[i] - low[i] > range;
        range = nm_choose(is_wider, high[i] - low[i], range);
        *section = nm_choose(is_wider, 0.5 * (high[i] + low[i]), *section);
        *which = nm_choose(is_wider, nm_splat((double)i), *which);
    }
}

/* heights of the section's unknown: the vertex of the parabola through three points in a row */
struct nm_peaks {
    nm_vec t0, l0, t1, l1;                       /* the last two points */
    nm_vec t_first, first, t_last, last, n_seen; /* first and last peak */
};
NM_FN void nm_see_peak(nm_peaks *p, nm_mask watching, nm_vec t, nm_vec level)
{
    nm_vec d1 = (p->l1 - p->l0) / (p->t1 - p->t0), d2 = (level - p->l1) / (t - p->t1);
    nm_vec bend = (d2 - d1) / (t - p->t0);
    nm_vec at = 0.5 * (p->t0 + p->t1) - 0.5 * d1 / bend;
    nm_vec height = p->l0 + (at - p->t0) * (d1 + bend * (at - p->t1));
    nm_mask is_peak = watching & (d1 > nm_splat(0.0)) & nm_not(d2 > nm_splat(0.0)) &
                      (bend < nm_splat(0.0)) & nm_vfinite(height);
    nm_mask is_first = is_peak & (p->n_seen == nm_splat(0.0));
    p->t_first = nm_choose(is_first, at, p->t_first);
    p->first = nm_choose(is_first, height, p->first);
    p->t_last = nm_choose(is_peak, at, p->t_last);
    p->last = nm_choose(is_peak, height, p->last);
    p->n_seen = nm_choose(is_peak, p->n_seen + 1.0, p->n_seen);
    nm_mask is_next = watching & (t > p->t1);
    p->t0 = nm_choose(is_next, p->t1, p->t0);
    p->l0 = nm_choose(is_next, p->l1, p->l0);
    p->t1 = nm_choose(is_next, t, p->t1);
    p->l1 = nm_choose(is_next, level, p->l1);
}

/* lanes whose height above a stable state shrinks as that state's slowest mode does */
NM_NOINLINE nm_mask nm_rings_down(const nm_peaks *peaks, const nm_course *course, nm_vec which,
                                  nm_mask mask, const nm_point *pt, const nm_choices *pick)
{
    nm_vec y[NM_NY];
    nm_look look;
    nm_assessment a;
    nm_state_to_unknowns(y, course->x);
    nm_newton_result found = nm_newton_hard(y, pt, pick, mask, NM_NEWTON_ITERATIONS_FAR);
    nm_look_again(&look, y, pt, pick);
    nm_assess_hard(&a, &look, y, pt, found.converged, false);
    nm_vec rest = nm_pick_unknown(y, which);
    nm_vec loss = nm_vlog((peaks->first - rest) / (peaks->last - rest));
    nm_vec expected = (peaks->t_last - peaks->t_first) / a.tau_slow;
    return mask & found.converged & a.is_stable & (loss > 0.3 * expected);
}

/* What a watched lane carries from step to step: the averages of the window in work, and those of the one before. */
struct nm_window {
    nm_vec which, section; /* the unknown whose crossings are counted, and where */
    nm_vec t, level;       /* time and that unknown at the last point */
    nm_vec begin, crossings, length; /* start, crossings so far, recurrences wanted */
    nm_vec violates;
    nm_vec y_before[NM_NY], y_sum[NM_NY], y_mean[NM_NY]; /* last point, integrals, means of the window before */
    nm_vec low[NM_N_POTENTIALS + 1], high[NM_N_POTENTIALS + 1];
    nm_vec kept_low[NM_N_POTENTIALS + 1], kept_high[NM_N_POTENTIALS + 1];
    nm_peaks peaks;
};

/* Watches the lanes of `mask` from state x; settles those that oscillate. */
NM_NOINLINE void nm_watch(nm_verdict *verdict, const nm_vec *x, nm_mask mask, const nm_point *pt,
                          const nm_choices *pick, const nm_task *task)
{
    const nm_vec zero = nm_splat(0.0), one = nm_splat(1.0);
    const nm_vec following = nm_splat((double)NM_FOLLOWING);
    nm_course course;
    nm_look look;
    nm_window w;
    nm_vec y[NM_NY];
    NM_PARK(w);
    NM_PARK(mask);
    NM_PARK(verdict);
    NM_PARK(task);
    NM_PARK(pt);
    double rtol = fmin(fmax(task->solver.rtol, NM_WATCH_RTOL_MIN), NM_WATCH_RTOL);
    nm_state_to_unknowns(y, x);
    nm_course_begin(&course, y, zero, nm_mask_all(true));
    NM_ROLL
    for (int i = 0; i < NM_NY; i++) {
        course.x[i] = x[i];
    }
    course.status = nm_choose(mask, following, nm_splat((double)NM_WANDERING));
    nm_find_section(&course, &w.which, &w.section, rtol, pt, pick);
    mask = mask & (w.which >= zero) & (course.status == following);
    course.status = nm_choose(mask, course.status, nm_splat((double)NM_WANDERING));

    /* integrals over the window in work and results of the one before */
    nm_vec out[NM_N_OUTPUTS], before[NM_N_OUTPUTS], sum[NM_N_OUTPUTS], kept[NM_N_OUTPUTS];
    w.t = course.t;
    w.begin = w.violates = zero;
    w.crossings = nm_splat(-1.0);
    w.length = nm_splat((double)NM_WATCH_CROSSINGS);
    nm_mask settled = nm_mask_all(false);
    NM_ROLL
    for (int slot = 0; slot < nm_own_slots(task); slot++) {
        sum[slot] = kept[slot] = zero;
    }
    nm_momentary(before, w.y_before, &look, &course, pt, pick, task);
    w.level = nm_pick_unknown(w.y_before, w.which);
    w.peaks = {w.t - 2.0, w.level, w.t - 1.0, w.level, zero, zero, zero, zero, zero};
    NM_ROLL
    for (int i = 0; i < NM_NY; i++) {
        w.y_sum[i] = zero;
        w.y_mean[i] = nm_splat(1e300);
    }
    for (int i = 0; i < NM_N_POTENTIALS; i++) {
        w.low[i] = w.kept_low[i] = nm_splat(1e300);
        w.high[i] = w.kept_high[i] = nm_splat(-1e300);
    }
    for (int step = 0; step < NM_WATCH_LIMIT; step++) {
        nm_mask watching = mask & nm_not(settled) & (course.status == following);
        if (!nm_any_of(watching)) {
            break;
        }
        nm_course_step(&course, pt, pick, rtol, 2 * NM_WATCH_LIMIT);
        nm_vec dt = nm_choose(watching, course.t - w.t, zero);
        nm_momentary(out, y, &look, &course, pt, pick, task);
        nm_vec next = nm_pick_unknown(y, w.which);
        nm_mask crossed = watching & (dt > zero) & (w.level < w.section) & nm_not(next < w.section);
        nm_vec part = nm_choose(crossed, (w.section - w.level) / (next - w.level), one);
        nm_mask is_inside = watching & (w.crossings >= zero);
        nm_mask is_full = crossed & (w.crossings + 1.0 >= w.length);
        nm_see_peak(&w.peaks, is_inside, course.t, next);

        /* the step up to the crossing belongs to this window, the rest to the next one where this one ends */
        nm_mask starts = crossed & (w.crossings < zero), cuts = starts | is_full;
        nm_vec share = nm_choose(cuts, part, one), window = w.t + share * dt - w.begin;
        nm_mask agrees = is_full;
        NM_ROLL
        for (int i = 0; i < NM_NY; i++) {
            nm_vec at = nm_vfma(share, y[i] - w.y_before[i], w.y_before[i]);
            nm_vec total = w.y_sum[i] + 0.5 * (w.y_before[i] + at) * share * dt;
            nm_vec rest = 0.5 * (at + y[i]) * (1.0 - share) * dt;
            nm_vec mean = total / window;
            agrees = agrees & (nm_vabs(mean - w.y_mean[i]) < nm_splat(NM_WATCH_AGREES));
            w.y_mean[i] = nm_choose(is_full, mean, w.y_mean[i]);
            w.y_sum[i] = nm_choose(cuts, rest, nm_choose(is_inside, total, w.y_sum[i]));
            w.y_before[i] = nm_choose(watching, y[i], w.y_before[i]);
        }
        NM_ROLL
        for (int slot = 0; slot < nm_own_slots(task); slot++) {
            nm_vec at = nm_vfma(share, out[slot] - before[slot], before[slot]);
            nm_vec total = sum[slot] + 0.5 * (before[slot] + at) * share * dt;
            nm_vec rest = 0.5 * (at + out[slot]) * (1.0 - share) * dt;
            kept[slot] = nm_choose(is_full, total / window, kept[slot]);
            sum[slot] = nm_choose(cuts, rest, nm_choose(is_inside, total, sum[slot]));
            before[slot] = nm_choose(watching, out[slot], before[slot]);
        }
        nm_unroll<NM_N_POTENTIALS>([&](auto i) NM_LAMBDA {
            constexpr int here = i.value;
            nm_vec V = y[nm_potential_of(nm_floating(here))] * pt->RT * (1.0 / NM_FARADAY);
            w.low[here] = nm_choose(is_inside, nm_vmin(w.low[here], V), w.low[here]);
            w.high[here] = nm_choose(is_inside, nm_vmax(w.high[here], V), w.high[here]);
            w.kept_low[here] = nm_choose(is_full, w.low[here], w.kept_low[here]);
            w.kept_high[here] = nm_choose(is_full, w.high[here], w.kept_high[here]);
            w.low[here] = nm_choose(cuts, V, w.low[here]);
            w.high[here] = nm_choose(cuts, V, w.high[here]);
        });
        w.violates = nm_choose(is_inside & look.violates, one, w.violates);
        w.begin = nm_choose(cuts, w.t + share * dt, w.begin);
        w.crossings = nm_choose(cuts, zero, nm_choose(crossed, w.crossings + 1.0, w.crossings));
        w.length = nm_choose(is_full, 2.0 * w.length, w.length);
        settled = settled | agrees;
        w.level = nm_choose(watching, next, w.level);
        w.t = nm_choose(watching, course.t, w.t);
    }

    mask = mask & settled;
    if (nm_any_of(mask)) {
        mask = mask & nm_not(nm_rings_down(&w.peaks, &course, w.which, mask, pt, pick));
    }
    for (int lane = 0; lane < NM_LANES; lane++) {
        if (!nm_get(mask, lane)) {
            continue;
        }
        NM_ROLL
        for (int slot = 0; slot < nm_own_slots(task); slot++) {
            nm_set(&verdict->out[slot], lane, nm_get(kept[slot], lane));
        }
        for (int i = 0; i < NM_N_POTENTIALS; i++) {
            int low_slot = task->slot[NM_OUT_V_min + i], high_slot = task->slot[NM_OUT_V_max + i];
            if (low_slot >= 0) {
                nm_set(&verdict->out[low_slot], lane, nm_get(w.kept_low[i], lane));
            }
            if (high_slot >= 0) {
                nm_set(&verdict->out[high_slot], lane, nm_get(w.kept_high[i], lane));
            }
        }
        verdict->outcome[lane] = NM_OUTCOME_oscillatory;
        verdict->flags[lane] = nm_get(w.violates, lane) > 0.0 ? NM_FLAG_second_law_violated : 0;
        nm_mask_set(&verdict->settled, lane, true);
    }
}

#endif
