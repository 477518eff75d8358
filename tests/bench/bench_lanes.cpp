/* Newton's method alone, and time courses that end at a chosen time, on CPU lanes: what whole kernels are made of.
 *
 * Compiled as kernels/entry_cpu.cpp is, once per lane width. */
#include <string.h>

#include NM_MODEL_FILE
#include "bench_lanes.h"
#include "rounds.h"

#define NAME_2(name, lanes) nm_bench_##name##_##lanes
#define NAME_1(name, lanes) NAME_2(name, lanes)
#define NAME(name)          NAME_1(name, NM_LANES)

namespace
{

enum { MOST_UNFINISHED = 512 /* points that wait for each other, as in entry_cpu.cpp */ };
/* the choices of model A are the first ones, for which whole kernels have code of their own, too */
typedef nm_chosen<0, false> choices;
/* of rtol: a steady state so near is held from there on, as `nessmap trace` does */
constexpr double SETTLED = 1e-2, LEAST_SETTLED = 1e-11;

struct answers {
    double *y;
    int64_t n;
};

void keep(const answers *to, int64_t i, const nm_vec *y, int lane, bool is_good)
{
    for (int k = 0; k < NM_NY; k++) {
        to->y[k * to->n + i] = is_good ? nm_get(y[k], lane) : NM_NAN;
    }
}

void put_fixed(nm_point *pt, const nm_task *task)
{
    for (int k = 0; k < NM_NP; k++) {
        pt->p[k] = nm_splat(task->draw.value[k]);
    }
}

/* The steps after the first, for the n points of `who`, whose states so far are the answers. */
void solve_more(const answers *to, const int64_t *who, int64_t n, nm_point *pt, const choices *pick, const nm_task *task)
{
    for (int64_t first = 0; first < n; first += NM_LANES) {
        int64_t index[NM_LANES];
        nm_vec y[NM_NY];
        for (int lane = 0; lane < NM_LANES; lane++) {
            index[lane] = who[first + lane < n ? first + lane : first];
            for (int k = 0; k < NM_NY; k++) {
                nm_set(&y[k], lane, to->y[k * to->n + index[lane]]);
            }
        }
        nm_draw_lanes(&task->draw, index, pt->p);
        nm_prepare(pt, pick);
        const nm_newton_result found = nm_go_on_auto(y, nm_mask_all(true), pt, pick);
        for (int lane = 0; lane < NM_LANES; lane++) {
            keep(to, index[lane], y, lane, nm_get(found.converged, lane));
        }
    }
}

/* the cut of a step that would pass the end: no crumb is left for the last one */
struct cut {
    nm_mask is_last;
    nm_vec before, free_step, step;
};

cut cut_step(nm_course *course, double until)
{
    cut c;
    nm_vec rest = until - course->t;
    c.before = course->t;
    c.free_step = course->h;
    c.is_last = c.free_step >= rest;
    c.step = nm_choose(c.is_last, rest, nm_vmin(c.free_step, 0.5 * nm_vmax(rest, c.free_step)));
    course->h = c.step;
    return c;
}
void go_on(nm_course *course, const cut *c, double until)
{
    nm_mask moved = course->t > c->before;
    course->t = nm_choose(moved & c->is_last, nm_splat(until), course->t);
    course->h = nm_choose(moved & (c->step < c->free_step), nm_vmax(course->h, c->free_step), course->h);
}

} // namespace

extern "C" void NAME(newton)(double *y, const nm_task *task, int64_t n)
{
    static_assert(NM_NY == NM_BENCH_UNKNOWNS, "the unknowns of bench_lanes.h");
    const choices pick = {nm_make_choices(task)};
    const answers to = {y, n};
    nm_point pt;
    int64_t later[MOST_UNFINISHED + NM_LANES];
    int64_t n_later = 0;
    put_fixed(&pt, task);
    for (int64_t first = 0; first < n; first += NM_LANES) {
        int64_t index[NM_LANES];
        nm_vec state[NM_NY];
        for (int lane = 0; lane < NM_LANES; lane++) {
            index[lane] = first + lane < n ? first + lane : n - 1;
        }
        nm_draw_lanes(&task->draw, index, pt.p);
        nm_prepare(&pt, &pick);
        nm_mask valid, pending;
        const nm_newton_result found = nm_begin_auto(state, &valid, &pending, nm_mask_all(true), &pt, &pick);
        const nm_mask is_kept = found.converged | pending;
        for (int lane = 0; lane < NM_LANES && first + lane < n; lane++) {
            keep(&to, first + lane, state, lane, nm_get(is_kept, lane));
            if (nm_get(pending, lane)) {
                later[n_later++] = first + lane;
            }
        }
        if (n_later >= MOST_UNFINISHED) {
            solve_more(&to, later, n_later, &pt, &pick, task);
            n_later = 0;
        }
    }
    solve_more(&to, later, n_later, &pt, &pick, task);
}

extern "C" int64_t NAME(course)(double *y, const nm_task *task, int64_t n, double until)
{
    const choices pick = {nm_make_choices(task)};
    const answers to = {y, n};
    const double rtol = task->solver.rtol;
    nm_point pt;
    nm_course course;
    double p[NM_NP], n_steps = 0;
    int64_t who[NM_LANES], next = 0;
    int n_busy = 0;
    memset(&course, 0, sizeof course);
    course.status = nm_splat((double)NM_WANDERING);
    nm_put_fixed(&pt, p, task);
    for (int lane = 0; lane < NM_LANES; lane++) {
        who[lane] = -1;
        nm_put_lane(&pt, lane, p, task, 0);
    }
    for (;;) {
        /* refill */
        nm_mask fresh = nm_mask_all(false);
        for (int lane = 0; lane < NM_LANES && next < n; lane++) {
            if (who[lane] < 0) {
                who[lane] = next++;
                n_busy++;
                nm_put_lane(&pt, lane, p, task, who[lane]);
                nm_mask_set(&fresh, lane, true);
            }
        }
        if (n_busy == 0) {
            return (int64_t)n_steps;
        }
        if (nm_any_of(fresh)) {
            nm_prepare(&pt, &pick);
            nm_set_out(&course, fresh, &pt, &pick);
            course.arrival = nm_splat(fmax(SETTLED * rtol, LEAST_SETTLED));
            course.grown = nm_splat(1e300); /* the chosen time counts, however much has grown */
        }
        const cut c = cut_step(&course, until);
        nm_course_advance(&course, &pt, &pick, rtol, NM_FOLLOW_STEPS);
        go_on(&course, &c, until);
        /* who is there, or ended before */
        nm_mask is_there = (course.t >= nm_splat(until)) | (course.status == nm_splat((double)NM_ARRIVED));
        nm_mask is_done = is_there | nm_not(course.status == nm_splat((double)NM_FOLLOWING));
        if (!nm_any_of(is_done)) {
            continue;
        }
        nm_vec state[NM_NY];
        nm_state_to_unknowns(state, course.x);
        for (int lane = 0; lane < NM_LANES; lane++) {
            if (who[lane] >= 0 && nm_get(is_done, lane)) {
                keep(&to, who[lane], state, lane, nm_get(is_there, lane));
                n_steps += nm_get(course.steps, lane);
                nm_set(&course.status, lane, (double)NM_WANDERING);
                who[lane] = -1;
                n_busy--;
            }
        }
    }
}
