/* Sustained oscillation: a trajectory that keeps moving is watched until it has crossed one section four times.
 *
 * Outputs are time averages over the three recurrences (trapezoid on the steps), V_min and V_max their extremes. */
#ifndef NESSMAP_OSCILLATION_H
#define NESSMAP_OSCILLATION_H

#include "point.h"

enum { NM_WATCH_STEPS = 2000, NM_WATCH_CROSSINGS = 4, NM_WATCH_LIMIT = 40000 };
#define NM_WATCH_AMPLITUDE 1e-3 /* smallest oscillation, in ln c or F V/RT */
#define NM_WATCH_RTOL      1e-5

/* outputs of the momentary state, into out[n_slots] */
NM_NOINLINE void nm_momentary(nm_vec *out, nm_vec *y, nm_look *look, const nm_course *course,
                              const nm_point *pt, const nm_choices *pick, const nm_task *task)
{
    nm_sink sink = {task->slot, out};
    const nm_vec nan = nm_splat(NM_NAN);
    nm_remarks none = {nan, nan, nan, nan, nm_splat(1.0), course->steps};
    nm_state_to_unknowns(y, course->x);
    nm_look_at(look, y, pt, pick);
    nm_emit(&sink, look, y, &none, pt, pick);
}

/* Watches the lanes of `mask` from state x; settles those that oscillate. */
NM_NOINLINE void nm_watch(nm_verdict *verdict, const nm_vec *x, nm_mask mask, const nm_point *pt,
                          const nm_choices *pick, const nm_task *task)
{
    nm_course course;
    nm_look look;
    nm_vec y[NM_NY], low[NM_NY], high[NM_NY];
    double rtol = task->solver.rtol < NM_WATCH_RTOL ? task->solver.rtol : NM_WATCH_RTOL;
    nm_state_to_unknowns(y, x);
    nm_course_begin(&course, y, nm_splat(0.0), nm_mask_all(true));
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        course.x[i] = x[i];
        low[i] = nm_splat(1e300);
        high[i] = nm_splat(-1e300);
    }
    course.status = nm_choose(mask, nm_splat((double)NM_FOLLOWING), nm_splat((double)NM_WANDERING));

    /* find the unknown that moves most, once transients are over */
    for (int step = 0; step < NM_WATCH_STEPS; step++) {
        nm_course_step(&course, pt, pick, rtol, NM_WATCH_LIMIT);
        if (step < NM_WATCH_STEPS / 2) {
            continue;
        }
        nm_state_to_unknowns(y, course.x);
        for (int i = 0; i < NM_NY; i++) {
            low[i] = nm_vmin(low[i], y[i]);
            high[i] = nm_vmax(high[i], y[i]);
        }
    }
    nm_vec range = nm_splat(NM_WATCH_AMPLITUDE), section = nm_splat(0.0), which = nm_splat(-1.0);
    for (int i = 0; i < NM_NY; i++) {
        nm_mask is_wider = high[i] - low[i] > range;
        range = nm_choose(is_wider, high[i] - low[i], range);
        section = nm_choose(is_wider, 0.5 * (high[i] + low[i]), section);
        which = nm_choose(is_wider, nm_splat((double)i), which);
    }
    mask = mask & (which >= nm_splat(0.0)) & (course.status == nm_splat((double)NM_FOLLOWING));
    course.status = nm_choose(mask, course.status, nm_splat((double)NM_WANDERING));

    /* integrate all outputs between upward crossings of the section */
    nm_vec out[NM_N_OUTPUTS], before[NM_N_OUTPUTS], sum[NM_N_OUTPUTS], kept[NM_N_OUTPUTS],
        extreme[2 * NM_N_POTENTIALS + 1];
    nm_vec crossings = nm_splat(0.0), t_first = nm_splat(0.0), t_last = nm_splat(0.0), t = course.t,
           is_driven = nm_splat(0.0), violates = nm_splat(0.0), level = nm_splat(0.0);
    for (int slot = 0; slot < task->n_slots; slot++) {
        sum[slot] = kept[slot] = nm_splat(0.0);
    }
    for (int i = 0; i < NM_N_POTENTIALS; i++) {
        extreme[2 * i] = nm_splat(1e300);
        extreme[2 * i + 1] = nm_splat(-1e300);
    }
    nm_momentary(before, y, &look, &course, pt, pick, task);
    for (int i = 0; i < NM_NY; i++) {
        level = nm_choose(which == nm_splat((double)i), y[i], level);
    }
    for (int step = 0; step < NM_WATCH_LIMIT &&
                       nm_any_of(mask & (crossings < nm_splat((double)NM_WATCH_CROSSINGS)));
         step++) {
        nm_mask watching = mask & (crossings < nm_splat((double)NM_WATCH_CROSSINGS)) &
                           (course.status == nm_splat((double)NM_FOLLOWING));
        if (!nm_any_of(watching)) {
            break;
        }
        nm_course_step(&course, pt, pick, rtol, 2 * NM_WATCH_LIMIT);
        nm_vec dt = nm_choose(watching, course.t - t, nm_splat(0.0)), next = nm_splat(0.0);
        nm_momentary(out, y, &look, &course, pt, pick, task);
        for (int i = 0; i < NM_NY; i++) {
            next = nm_choose(which == nm_splat((double)i), y[i], next);
        }
        nm_mask crossed =
            watching & (dt > nm_splat(0.0)) & (level < section) & nm_not(next < section);
        nm_vec part = nm_choose(crossed, (section - level) / (next - level), nm_splat(0.0));
        nm_mask is_first = crossed & (crossings == nm_splat(0.0)),
                is_inside = watching & (crossings > nm_splat(0.0));
        for (int slot = 0; slot < task->n_slots; slot++) {
            nm_vec at = nm_vfma(part, out[slot] - before[slot], before[slot]);
            /* the part of the step before the crossing closes a window, the rest is in the next one */
            nm_vec to_crossing = 0.5 * (before[slot] + at) * part * dt,
                   rest = 0.5 * (at + out[slot]) * (1.0 - part) * dt;
            kept[slot] = nm_choose(crossed & is_inside, sum[slot] + to_crossing, kept[slot]);
            sum[slot] = nm_choose(is_inside, sum[slot] + to_crossing + rest,
                                  nm_choose(is_first, rest, sum[slot]));
            before[slot] = nm_choose(watching, out[slot], before[slot]);
        }
        t_first = nm_choose(is_first, t + part * dt, t_first);
        t_last = nm_choose(crossed, t + part * dt, t_last);
        crossings = nm_choose(crossed, crossings + 1.0, crossings);
        nm_unroll<NM_N_POTENTIALS>([&](auto i) NM_LAMBDA {
            nm_vec V = y[nm_potential_of(nm_floating(i.value))] * pt->RT * (1.0 / NM_FARADAY);
            extreme[2 * i.value] =
                nm_choose(is_inside, nm_vmin(extreme[2 * i.value], V), extreme[2 * i.value]);
            extreme[2 * i.value + 1] = nm_choose(is_inside, nm_vmax(extreme[2 * i.value + 1], V),
                                                 extreme[2 * i.value + 1]);
        });
        is_driven = nm_choose(look.is_driven, nm_splat(1.0), is_driven);
        violates = nm_choose(is_inside & look.violates, nm_splat(1.0), violates);
        level = nm_choose(watching, next, level);
        t = nm_choose(watching, course.t, t);
    }

    nm_mask oscillates = mask & (crossings >= nm_splat((double)NM_WATCH_CROSSINGS));
    nm_vec inverse = 1.0 / nm_choose(oscillates, t_last - t_first, nm_splat(1.0));
    for (int lane = 0; lane < NM_LANES; lane++) {
        if (!nm_get(oscillates, lane)) {
            continue;
        }
        for (int slot = 0; slot < task->n_slots; slot++) {
            nm_set(&verdict->out[slot], lane, nm_get(kept[slot], lane) * nm_get(inverse, lane));
        }
        for (int i = 0; i < NM_N_POTENTIALS; i++) {
            if (task->slot[NM_OUT_V_min + i] >= 0) {
                nm_set(&verdict->out[task->slot[NM_OUT_V_min + i]], lane,
                       nm_get(extreme[2 * i], lane));
            }
            if (task->slot[NM_OUT_V_max + i] >= 0) {
                nm_set(&verdict->out[task->slot[NM_OUT_V_max + i]], lane,
                       nm_get(extreme[2 * i + 1], lane));
            }
        }
        verdict->outcome[lane] = NM_OUTCOME_oscillatory;
        verdict->flags[lane] = nm_get(violates, lane) > 0.0 ? NM_FLAG_second_law_violated : 0;
        nm_mask_set(&verdict->settled, lane, true);
    }
}

#endif
