/* Solves some points of a file by following their time course, and compares where it ends. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "backend.h"
#include "balance_parts.h"
#include "run.h"
#include "verify_parts.h"

static const double follow_seconds = 60.0;
static const double follow_agrees = 1e-6; /* ln c, ln volume, FV/RT: as an audit of a run */

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
        double deviation = a == b ? 0.0
                                  : fabs(a - b) / (agrees * scale + rounding * fabs(b) +
                                                   (plan->task.is_f32 ? FLT_TRUE_MIN : 0.0));
        worst = deviation <= worst ? worst : deviation;
    }
    return worst;
}

static nm_status follow_point(nm_verification *v, const nm_kernel *kernel, const nm_task *task,
                              int64_t index, nm_tile *stored, double *value, int64_t *n_failed)
{
    nm_verify_check *check = &v->check[NM_VERIFY_follow];
    const nm_model *model = v->plan->model;
    double params[NM_MAX_PARAMS], no_params;
    int8_t outcome;
    uint16_t flags;
    nm_tile fresh = {.first = index,
                     .n = 1,
                     .values = value,
                     .params = &no_params,
                     .outcome = &outcome,
                     .flags = &flags};
    NM_TRY(nm_verify_read(v, stored, NULL));
    if (stored->outcome[0] == NM_OUTCOME_not_run) {
        return NM_OK;
    }
    NM_TRY(nm_verify_run(v->plan, kernel, task, &fresh));
    if (nm_outcome_has_failed(outcome) && outcome != stored->outcome[0]) {
        (*n_failed)++; /* a course that fails is no answer, here as in an audit */
        return NM_OK;
    }
    int T = nm_verify_temperature(model);
    model->draw(&v->plan->task.draw, index, params);
    int is_same = outcome == stored->outcome[0];
    double deviation = !is_same ? NAN
                       : nm_outcome_has_values(outcome)
                           ? distance_of(v, stored, value, NM_GAS * (T >= 0 ? params[T] : 1.0))
                           : 0.0;
    if (nm_verify_look(check, deviation)) {
        if (is_same) {
            nm_verify_name(check, index,
                           "point %" PRId64 ": another state of outcome %s is reached", index,
                           nm_outcome_name(outcome));
        } else {
            nm_verify_name(check, index, "point %" PRId64 ": outcome is %s, followed %s", index,
                           nm_outcome_name(stored->outcome[0]), nm_outcome_name(outcome));
        }
    }
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

nm_status nm_verify_follow(nm_verification *v, int n)
{
    nm_verify_check *check = &v->check[NM_VERIFY_follow];
    const nm_plan *plan = v->plan;
    const nm_kernel *kernel;
    NM_TRY(nm_backend_cpu_kernel(&kernel, plan->model, 0));
    n = n < plan->n_points ? n : (int)plan->n_points;
    nm_task *task = malloc(sizeof *task);
    double *value = malloc((size_t)plan->catalogue.n * sizeof *value);
    void *room = malloc((size_t)nm_plan_points_bytes(plan, 1));
    nm_status status = task && value && room
                           ? NM_OK
                           : nm_fail(NM_MEMORY, "no memory for a point of '%s'", v->path);
    if (status == NM_OK) {
        nm_verify_want_all(task, plan);
        task->solver.mode = NM_MODE_FOLLOW;
        task->solver.audit = 0.0;
    }
    double start = nm_clock();
    int64_t n_failed = 0;
    int i = 0;
    for (; i < n && status == NM_OK && nm_clock() - start < follow_seconds; i++) {
        nm_tile stored;
        int64_t index = index_of(plan, i, n);
        nm_plan_map_points(plan, &stored, index, 1, room);
        status = nm_run_is_interrupted(v->n_interrupts)
                     ? nm_fail(NM_INTERRUPTED, "interrupted: '%s' is not verified", v->path)
                     : follow_point(v, kernel, task, index, &stored, value, &n_failed);
    }
    if (i < n) {
        snprintf(check->remark, sizeof check->remark, "%d more were wanted, but a minute was over",
                 n - i);
    } else if (n_failed > 0) {
        snprintf(check->remark, sizeof check->remark,
                 "%" PRId64 " more could not be followed to an end", n_failed);
    }
    free(room);
    free(value);
    free(task);
    return status;
}
