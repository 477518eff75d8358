/* Finds where the outputs of a scan lie, from a few of its points. */
#include "projection_pilot.h"

#include <stdlib.h>
#include <string.h>

#include "backend.h"

enum {
    FEW_TRAJECTORIES = 64, /* enough for centres and scales */
    RUN = 8,               /* neighbours solved in one call: a group of lanes */
    N_RUNS = 512,          /* spread over the scan */
    N_POINTS = RUN * N_RUNS
};

/* First point of run i: multiples of the golden ratio, for even steps could meet one value of an inner
 * axis only. */
static int64_t first_of(const nm_plan *plan, int i)
{
    uint64_t turn = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
    int64_t index = (int64_t)((double)(turn >> 11) * 0x1p-53 * (double)plan->n_points);
    return index + RUN <= plan->n_points ? index : plan->n_points - RUN;
}

/* values: [n_slots][n] of all runs */
static nm_status solve(double *values, const nm_plan *plan, const nm_task *task, int64_t n)
{
    const nm_kernel *kernel;
    NM_TRY(nm_backend_cpu_kernel(&kernel, plan->model, 0));
    double part[NM_MAX_OUTPUTS * RUN];
    int8_t outcome[RUN];
    uint16_t flags[RUN];
    for (int64_t at = 0; at < n; at += RUN) {
        nm_tile tile = {.first = n < N_POINTS ? at : first_of(plan, (int)(at / RUN)),
                        .n = n - at < RUN ? n - at : RUN,
                        .values = part,
                        .outcome = outcome,
                        .flags = flags};
        if (kernel->run(task, &tile) != 0) {
            return nm_fail(NM_MEMORY, "the kernel of model %s had no memory or another ABI",
                           plan->model->name);
        }
        for (int slot = 0; slot < task->n_slots; slot++) {
            memcpy(values + slot * n + at, part + slot * tile.n, (size_t)tile.n * sizeof *part);
        }
    }
    return NM_OK;
}

nm_status nm_projection_prepare(nm_plan *plan)
{
    if (plan->task.reduction.n_projections == 0) {
        return NM_OK;
    }
    int64_t n = plan->n_points < N_POINTS ? plan->n_points : N_POINTS;
    nm_task *task = malloc(sizeof *task);
    double *values = malloc((size_t)(plan->task.n_slots * n + 1) * sizeof *values);
    nm_status status = NM_OK;
    if (!task || !values) {
        status = nm_fail(NM_MEMORY, "no memory for a pilot of %d points", N_POINTS);
    } else {
        memcpy(task, &plan->task, sizeof *task);
        task->solver.audit = 0.0;
        task->n_stored = 0;
        if (task->stochastic.n_trajectories > FEW_TRAJECTORIES) {
            task->stochastic.n_trajectories = FEW_TRAJECTORIES;
        }
        status = solve(values, plan, task, n);
    }
    if (status == NM_OK) {
        nm_projection_fit(plan, values, n);
    }
    free(values);
    free(task);
    return status;
}
