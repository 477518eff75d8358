/* Times a small sample of a scan, for the estimate of `plan` and the two rates of the summary. */
#include "pilot.h"

#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "words.h"

enum {
    CHUNK = 128, /* points solved in one call: some lane groups, and still spread over the scan */
    PILOT_TRAJECTORIES = 1 << 16, /* of one call */
    PILOT_POINTS = 4096
};
static const double pilot_seconds = 1.0; /* at most this long for the estimate of `plan` */

double nm_pilot_rate(const nm_pilot *pilot)
{
    return pilot->seconds > 0.0 ? (double)pilot->n_points / pilot->seconds : 0.0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

nm_status nm_pilot_run(nm_pilot *pilot, const nm_plan *plan, int mode, double audit, int lanes,
                       int64_t max_points, double max_seconds)
{
    memset(pilot, 0, sizeof *pilot);
    const nm_kernel *kernel;
    NM_TRY(nm_backend_cpu_kernel(&kernel, plan->model, lanes));

    int64_t wanted = CHUNK;
    if (plan->task.stochastic.n_trajectories > PILOT_TRAJECTORIES / CHUNK) {
        wanted = PILOT_TRAJECTORIES / plan->task.stochastic.n_trajectories;
        wanted = wanted > 0 ? wanted : 1;
    }
    size_t chunk = (size_t)(plan->n_points < wanted ? plan->n_points : wanted);
    nm_task *task = malloc(sizeof *task);
    double *values = malloc((size_t)(plan->task.n_slots + 1) * chunk * sizeof *values);
    double *params = malloc((size_t)(plan->task.n_stored + 1) * chunk * sizeof *params);
    int8_t outcome[CHUNK];
    uint16_t flags[CHUNK];
    nm_status status = NM_OK;
    if (!task || !values || !params) {
        status = nm_fail(NM_MEMORY, "no memory for a pilot of %d points", CHUNK);
    } else {
        memcpy(task, &plan->task, sizeof *task);
        task->solver.mode = mode;
        task->solver.audit = audit;
    }

    /* chunk i starts at i / n_chunks of the scan */
    int64_t n_chunks = max_points / (int64_t)chunk;
    int64_t n_whole = plan->n_points / (int64_t)chunk;
    n_chunks = n_chunks < 1 ? 1 : n_chunks > n_whole ? n_whole : n_chunks;
    int64_t stride = n_whole / n_chunks;
    double *point_s = malloc((size_t)n_chunks * sizeof *point_s), start = nm_clock();
    int64_t n_done = 0;
    if (!point_s) {
        status = nm_fail(NM_MEMORY, "no memory for the times of a pilot");
    }
    for (int64_t i = 0; i < n_chunks && status == NM_OK; i++) {
        nm_tile tile = {.first = i * stride * (int64_t)chunk,
                        .n = (int64_t)chunk,
                        .values = values,
                        .params = params,
                        .outcome = outcome,
                        .flags = flags};
        if (kernel->run(task, &tile) != 0) {
            status = nm_fail(NM_MEMORY, "the kernel of model %s had no memory or another ABI",
                             plan->model->name);
            break;
        }
        pilot->n_points += tile.n;
        pilot->n_newton += tile.n_newton;
        pilot->n_follow += tile.n_follow;
        double end = nm_clock() - start;
        point_s[n_done++] = (end - pilot->seconds) / (double)tile.n;
        pilot->seconds = end;
        if (pilot->seconds > max_seconds) {
            break;
        }
    }
    if (n_done > 0) {
        qsort(point_s, (size_t)n_done, sizeof *point_s, compare);
        pilot->slow_s = point_s[(n_done - 1) * 9 / 10];
    }
    free(point_s);
    free(params);
    free(values);
    free(task);
    return status;
}

nm_status nm_pilot_print(nm_pilot *pilot, const nm_plan *plan, FILE *stream)
{
    NM_TRY(nm_pilot_run(pilot, plan, plan->task.solver.mode, plan->task.solver.audit, 0,
                        PILOT_POINTS, pilot_seconds));
    int n_threads = nm_backend_cpu_threads(0);
    if (n_threads > plan->n_tiles) {
        n_threads = (int)plan->n_tiles;
    }
    double rate = nm_pilot_rate(pilot);
    if (rate > 0.0) {
        char time[NM_WORDS], per_second[NM_WORDS], count[NM_WORDS];
        fprintf(stream,
                "time         about %s on %d thread%s (%s points spread over the scan: %s sets/s "
                "on one thread)\n",
                nm_words_time(time, (double)plan->n_points / (rate * n_threads)), n_threads,
                n_threads == 1 ? "" : "s", nm_words_count(count, pilot->n_points),
                nm_words_rate(per_second, rate));
    }
    return NM_OK;
}
