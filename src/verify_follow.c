/* Solves some points of a file by following their time course, and compares where it ends. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "balance_parts.h"
#include "design.h"
#include "run.h"
#include "verify_parts.h"

static const double follow_seconds = 60.0;
static const double follow_agrees = 1e-6; /* ln c, ln volume, FV/RT: as an audit of a run */

/* What following points takes. */
typedef struct follower {
    nm_verification *v;
    const nm_kernel *kernel;
    nm_task *task, *own; /* follows; as the file was made */
    double *value, *each;
    void *room, *own_room; /* a point */
    int64_t n_failed;      /* could not be followed */
    int64_t n_elsewhere;   /* end in another stable state than Newton found */
} follower;

/* The largest distance between two states, in ln c, ln volume and FV/RT, of what is stored; as a share of
 * what is allowed. */
static double distance_of(const nm_verification *v, const nm_tile *stored, const double *value,
                          double RT)
{
    const nm_plan *plan = v->plan;
    const nm_model *model = plan->model;
    const double agrees =
        stored->outcome[0] == NM_OUTCOME_oscillatory ? NM_VERIFY_OSCILLATION : follow_agrees;
    const double rounding = plan->task.is_f32 ? FLT_EPSILON : DBL_EPSILON;
    double worst = 0.0;
    for (int slot = 0; slot < plan->task.n_slots; slot++) {
        int number = plan->column_output[slot];
        int is_potential = number < nm_catalogue_number(model, NM_FAMILY_volume, 0);
        if (!nm_verify_is_state(plan, slot)) {
            continue;
        }
        double a = nm_verify_value(plan, stored, slot, 0), b = value[number];
        double scale = is_potential ? RT / NM_FARADAY_CONSTANT : fabs(b);
        double deviation = a == b || (isnan(a) && isnan(b))
                               ? 0.0
                               : fabs(a - b) / (agrees * scale + rounding * fabs(b) +
                                                (plan->task.is_f32 ? FLT_TRUE_MIN : 0.0));
        worst = nm_verify_is_worse(deviation, worst) ? deviation : worst;
    }
    return worst;
}

/* 1 where Newton's method ends as the file says: of several stable states it may find another one than the
 * cell comes to, and a file of mode auto promises no more. */
static nm_status is_newtons(int *is_so, follower *f, nm_tile *stored)
{
    const nm_plan *plan = f->v->plan;
    nm_verify_check found = {0};
    nm_tile fresh;
    *is_so = 0;
    if (plan->task.solver.mode != NM_MODE_AUTO) {
        return NM_OK;
    }
    NM_TRY(nm_verify_read(f->v, stored, f->each));
    nm_plan_map_points(plan, &fresh, stored->first, 1, f->own_room);
    fresh.values = f->v->is_by_device ? f->value : fresh.values;
    NM_TRY(nm_verify_run(plan, f->kernel, f->own, &fresh));
    if (f->v->is_by_device) {
        nm_verify_compare_close(&found, plan, stored, 0, &fresh);
    } else {
        nm_verify_compare_bits(&found, plan, stored, 0, &fresh);
    }
    *is_so = found.n_bad == 0;
    return NM_OK;
}

/* Names a state that is not the followed one by its farthest variable. */
static void name_other_state(nm_verify_check *check, const follower *f, const nm_tile *stored)
{
    const nm_plan *plan = f->v->plan;
    for (int slot = 0; slot < plan->task.n_slots; slot++) {
        double a = nm_verify_value(plan, stored, slot, 0), b = f->value[plan->column_output[slot]];
        if (nm_verify_is_state(plan, slot) && !(fabs(a - b) <= follow_agrees * fabs(b))) {
            nm_verify_name(check, stored->first, "point %" PRId64 ": %s is %.9g, followed %.9g",
                           stored->first, plan->catalogue.output[plan->column_output[slot]].name, a,
                           b);
            return;
        }
    }
}

static nm_status follow_point(follower *f, int64_t index)
{
    nm_verification *v = f->v;
    nm_verify_check *check = &v->check[NM_VERIFY_follow];
    const nm_model *model = v->plan->model;
    double params[NM_MAX_PARAMS], no_params;
    int8_t outcome;
    uint16_t flags;
    nm_tile stored, fresh = {.first = index,
                             .n = 1,
                             .values = f->value,
                             .params = &no_params,
                             .outcome = &outcome,
                             .flags = &flags};
    nm_plan_map_points(v->plan, &stored, index, 1, f->room);
    NM_TRY(nm_verify_read(v, &stored, NULL));
    if (stored.outcome[0] == NM_OUTCOME_not_run) {
        return NM_OK;
    }
    NM_TRY(nm_verify_run(v->plan, f->kernel, f->task, &fresh));
    if (nm_outcome_has_failed(outcome) && outcome != stored.outcome[0]) {
        f->n_failed++; /* a course that fails is no answer, here as in an audit */
        return NM_OK;
    }
    int T = nm_param_index(model, "T"), is_newton = 0;
    model->draw(&v->plan->task.draw, index, params);
    int is_same = outcome == stored.outcome[0];
    double deviation = !is_same ? NAN
                       : nm_outcome_has_values(outcome)
                           ? distance_of(v, &stored, f->value, NM_GAS * (T >= 0 ? params[T] : 1.0))
                           : 0.0;
    if (!(deviation <= 1.0)) {
        /* f->value is needed for the sentence, and lost where the point is solved again */
        nm_verify_check named = {0};
        if (is_same) {
            name_other_state(&named, f, &stored);
        } else {
            nm_verify_name(&named, index, "point %" PRId64 ": outcome is %s, followed %s", index,
                           nm_outcome_name(stored.outcome[0]), nm_outcome_name(outcome));
        }
        NM_TRY(is_newtons(&is_newton, f, &stored));
        if (!is_newton) {
            nm_verify_merge(check, &named);
        }
    }
    f->n_elsewhere += is_newton;
    (void)nm_verify_look(check, is_newton ? 0.0 : deviation);
    return NM_OK;
}

/* The i-th of n points: multiples of the golden ratio, for even steps could meet one value of an inner
 * axis only; all of them where they are few. */
static int64_t index_of(const nm_plan *plan, int i, int n)
{
    uint64_t turn = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
    return n >= plan->n_points ? i
                               : (int64_t)((double)(turn >> 11) * 0x1p-53 * (double)plan->n_points);
}

static int has_states(const nm_plan *plan)
{
    for (int slot = 0; slot < plan->task.n_slots; slot++) {
        if (nm_verify_is_state(plan, slot)) {
            return 1;
        }
    }
    return 0;
}

/* Says something else of the check, behind what is said. */
__attribute__((format(printf, 2, 3))) static void remark(nm_verify_check *check, const char *format,
                                                         ...)
{
    size_t used = strlen(check->remark);
    va_list args;
    snprintf(check->remark + used, sizeof check->remark - used, "%s", used > 0 ? "; " : "");
    used = strlen(check->remark);
    va_start(args, format);
    vsnprintf(check->remark + used, sizeof check->remark - used, format, args);
    va_end(args);
}

static nm_status follow_all(follower *f, int n)
{
    nm_verification *v = f->v;
    nm_verify_check *check = &v->check[NM_VERIFY_follow];
    const double start = nm_clock();
    int i = 0;
    for (; i < n && nm_clock() - start < follow_seconds; i++) {
        if (nm_run_is_interrupted(v->n_interrupts)) {
            return nm_fail(NM_INTERRUPTED, "interrupted: '%s' is not verified", v->path);
        }
        NM_TRY(follow_point(f, index_of(v->plan, i, n)));
    }
    if (!has_states(v->plan)) {
        remark(check, "outcomes alone: the file keeps no potential, volume or concentration");
    }
    if (f->n_elsewhere > 0) {
        remark(check,
               "%" PRId64 " end in another stable state than Newton's, which mode auto keeps",
               f->n_elsewhere);
    }
    if (f->n_failed > 0) {
        remark(check, "%" PRId64 " more could not be followed to an end", f->n_failed);
    }
    if (i < n) {
        remark(check, "%d more were wanted, but a minute was over", n - i);
    }
    return NM_OK;
}

nm_status nm_verify_follow(nm_verification *v, int n)
{
    const nm_plan *plan = v->plan;
    follower f = {.v = v};
    NM_TRY(nm_backend_cpu_kernel(&f.kernel, plan->model, 0));
    n = n < plan->n_points ? n : (int)plan->n_points;
    f.task = malloc(sizeof *f.task);
    f.own = malloc(sizeof *f.own);
    f.value = malloc((size_t)plan->catalogue.n * sizeof *f.value);
    f.each = malloc(((size_t)v->n_each + 1) * sizeof *f.each);
    f.room = malloc((size_t)nm_plan_points_bytes(plan, 1));
    f.own_room = malloc((size_t)nm_plan_points_bytes(plan, 1));
    nm_status status = f.task && f.own && f.value && f.each && f.room && f.own_room
                           ? NM_OK
                           : nm_fail(NM_MEMORY, "no memory for a point of '%s'", v->path);
    if (status == NM_OK) {
        nm_verify_want_all(f.task, plan);
        f.task->solver.mode = NM_MODE_FOLLOW;
        f.task->solver.audit = 0.0;
        if (v->is_by_device) {
            nm_verify_want_all(f.own, plan);
        } else {
            memcpy(f.own, &plan->task, sizeof *f.own);
        }
        status = follow_all(&f, n);
    }
    free(f.own_room);
    free(f.room);
    free(f.each);
    free(f.value);
    free(f.own);
    free(f.task);
    return status;
}
