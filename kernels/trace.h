/* The time course of one point at chosen times: the engine of follow.h with steps that end on the times.
 *
 * A stored state is a state of the integration itself, never an interpolated one. A step that would pass a time is cut
 * to end on it, and the step after goes on with the size from before the cut. rtol bounds the estimated error of a step
 * of order 3 while the solution of order 4 is kept: the global error stays below rtol where a course settles. */
#ifndef NESSMAP_TRACE_H
#define NESSMAP_TRACE_H

#include "point.h"

static_assert(NM_LANES == 1, "a trace is one point: one lane");

enum { NM_TRACE_STEPS = 1000000 };
#define NM_TRACE_ARRIVAL 1e-6 /* [relative] a course is over for the default times */
#define NM_TRACE_SETTLED 1e-2 /* of rtol: a stable state so near is held from there on */
#define NM_TRACE_FIRST   1e-2 /* of the fastest time scale: the first default time */

/* all outputs of one state, output number = place */
struct nm_trace_sink {
    double out[NM_N_OUTPUTS];
    NM_INLINE bool wants(int) const { return true; }
    NM_INLINE void put(int number, nm_vec value) { out[number] = value; }
};

/* Shortest time in which the initial state, or a mode along one unknown, changes by itself. */
NM_NOINLINE double nm_fastest_time(const nm_vec *y, const nm_course *course, const nm_point *pt,
                                   const nm_choices *pick)
{
    nm_balance b;
    nm_scaling scale;
    b.v_w = pt->v_w;
    b.clear();
    nm_visit_network<true>(&b, pt, pick, y);
    nm_mask held[NM_N_FREE];
    for (int i = 0; i < NM_N_FREE; i++) {
        held[i] = nm_mask_all(false);
    }
    nm_put_held(held, pt);
    nm_hold(&b, held);
    nm_put_currents(&b, pt, true);
    nm_by_amounts(&b);
    nm_scale(&scale, course->x, pt);
    double rate = 1e-12;
    for (int i = 0; i < NM_NY; i++) {
        if (scale.mass[i] > 0.0) {
            double row = scale.inverse[i] / scale.mass[i];
            double change = fmax(fabs(b.f[i] * row), fabs(b.jac[i][i] * row));
            rate = nm_vfinite(change) ? fmax(rate, change) : rate;
        }
    }
    return 1.0 / rate;
}

/* a state at which a course may stay for good: stable, or marginal because nothing moves */
NM_NOINLINE bool nm_is_resting(const nm_course *course, const nm_point *pt, const nm_choices *pick)
{
    nm_look look;
    nm_assessment a;
    nm_vec y[NM_NY];
    nm_state_to_unknowns(y, course->x);
    nm_look_at(&look, y, pt, pick);
    nm_assess_hard(&a, &look, y, pt, true, false);
    return a.is_singular || a.is_stable;
}

/* One tried step. A saddle that the course only passes is no arrival. */
NM_NOINLINE void nm_trace_step(nm_course *course, const nm_point *pt, const nm_choices *pick,
                               double rtol)
{
    nm_course_advance(course, pt, pick, rtol, NM_TRACE_STEPS);
    if (course->status == (double)NM_ARRIVED && !nm_is_resting(course, pt, pick)) {
        course->status = (double)NM_FOLLOWING;
        course->change = 1.0;
        nm_course_advance(course, pt, pick, rtol, NM_TRACE_STEPS);
    }
}

/* To time `until`, exactly. returns false where the course ends before. */
NM_NOINLINE bool nm_trace_until(nm_course *course, double until, const nm_point *pt,
                                const nm_choices *pick, double rtol)
{
    while (course->t < until && course->status == (double)NM_FOLLOWING) {
        double before = course->t, rest = until - before, free_step = course->h;
        bool is_last = free_step >= rest;
        /* no crumb is left for the last step */
        course->h = is_last ? rest : fmin(free_step, 0.5 * fmax(rest, free_step));
        double cut = course->h;
        nm_trace_step(course, pt, pick, rtol);
        if (course->t > before) {
            course->t = is_last ? until : course->t;
            course->h = cut < free_step ? fmax(course->h, free_step) : course->h;
        }
    }
    return course->t >= until || course->status == (double)NM_ARRIVED;
}

NM_FN void nm_trace_store(nm_trace *trace, int i_time, const nm_course *course, const nm_point *pt,
                          const nm_choices *pick)
{
    nm_look look;
    nm_vec y[NM_NY];
    nm_trace_sink sink;
    nm_remarks remarks;
    nm_state_to_unknowns(y, course->x);
    nm_look_at(&look, y, pt, pick);
    /* what only a steady state has */
    remarks.delta = remarks.tau_slow = remarks.tau_fast = remarks.growth_rate = remarks.n_states =
        NM_NAN;
    remarks.iterations = course->steps;
    nm_emit(&sink, &look, y, pt, pick);
    nm_emit_remarks(&sink, &remarks);
    for (int i = 0; i < NM_N_POTENTIALS; i++) {
        sink.out[NM_OUT_V_min + i] = sink.out[NM_OUT_V_max + i] = NM_NAN;
    }
    for (int i = NM_OUT_rate; i < NM_OUT_observable; i++) {
        sink.out[i] = NM_NAN;
    }
    for (int i = 0; i < NM_N_OUTPUTS; i++) {
        trace->values[(int64_t)i * trace->n_times + i_time] = sink.out[i];
    }
}

/* returns 0; 1 where the initial state is outside the model's domain */
NM_FN int nm_trace_point(nm_trace *trace, const nm_task *task, const double *params)
{
    nm_point pt;
    nm_course course;
    nm_vec y[NM_NY];
    const nm_choices pick = nm_make_choices(task);
    const double rtol = trace->rtol;
    for (int i = 0; i < NM_NP; i++) {
        pt.p[i] = params[i];
    }
    nm_prepare(&pt, &pick);
    if (!nm_initial(y, &pt)) {
        return 1;
    }
    nm_settle_potentials(y, &pt, &pick);
    memset(&course, 0, sizeof course);
    const bool is_survey = trace->n_times == 0;
    nm_course_begin(&course, y, is_survey ? NM_TRACE_ARRIVAL : fmax(NM_TRACE_SETTLED * rtol, 1e-11),
                    true);
    const double fastest = nm_fastest_time(y, &course, &pt, &pick);
    course.h = 1e-3 * fastest;
    trace->n_done = 0;
    if (is_survey) {
        while (course.status == (double)NM_FOLLOWING && course.steps < (double)NM_FOLLOW_STEPS) {
            nm_trace_step(&course, &pt, &pick, rtol);
        }
        trace->first = NM_TRACE_FIRST * fastest;
        trace->last = course.t;
    } else {
        course.grown = 1e300; /* a chosen time counts, however much has grown */
        while (trace->n_done < trace->n_times &&
               nm_trace_until(&course, trace->times[trace->n_done], &pt, &pick, rtol)) {
            nm_trace_store(trace, trace->n_done, &course, &pt, &pick);
            trace->n_done++;
        }
    }
    trace->n_steps = (int64_t)course.steps;
    return 0;
}

#endif
