/* The CPU backend: threads over tiles, lanes over the points of a tile. */
#include "backend.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_THREADS = 1024, ERROR_BYTES = 1024 };

/* What the threads of one run share. */
typedef struct crew {
    const nm_plan *plan;
    const nm_kernel *kernel;
    nm_tile_source *source;
    atomic_int has_failed;
    pthread_mutex_t lock; /* of the two below: the first failure and its sentence */
    nm_status status;
    char error[ERROR_BYTES];
} crew;

int nm_backend_cpu_has_lanes(int lanes)
{
#if defined(__x86_64__)
    /* the builtins ask the operating system too: no use of registers that it does not save */
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        return 0;
    }
    if (lanes == 8) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
    }
#endif
    return lanes == 1 || lanes == 4 || lanes == 8;
}

int nm_backend_cpu_threads(int n_threads)
{
    if (n_threads <= 0) {
        /* the cores this process may use, which a batch system may have cut down */
        cpu_set_t allowed;
        n_threads = sched_getaffinity(0, sizeof allowed, &allowed) == 0
                        ? CPU_COUNT(&allowed)
                        : (int)sysconf(_SC_NPROCESSORS_ONLN);
    }
    return n_threads < 1 ? 1 : n_threads > MAX_THREADS ? MAX_THREADS : n_threads;
}

nm_status nm_backend_cpu_kernel(const nm_kernel **kernel, const nm_model *model, int lanes)
{
    if (lanes != 0 && lanes != 1 && lanes != 4 && lanes != 8) {
        return nm_fail(NM_USAGE, "--lanes %d: kernels are 8, 4 or 1 points wide", lanes);
    }
    if (!nm_backend_cpu_has_lanes(1)) {
        return nm_fail(
            NM_DEVICE,
            "this processor has no AVX2 with FMA, which every kernel of this build needs");
    }
    if (lanes != 0 && !nm_backend_cpu_has_lanes(lanes)) {
        return nm_fail(
            NM_DEVICE,
            "--lanes %d: this processor has no AVX-512 (F, DQ, VL, BW); give 4, or leave it out",
            lanes);
    }
    const nm_kernel *best = NULL;
    for (int i = 0; i < model->n_kernels; i++) {
        const nm_kernel *candidate = &model->kernels[i];
        if ((lanes == 0 || candidate->lanes <= lanes) &&
            nm_backend_cpu_has_lanes(candidate->lanes) &&
            (!best || candidate->lanes > best->lanes)) {
            best = candidate;
        }
    }
    if (!best) {
        return nm_fail(NM_USAGE, "--lanes %d: model %s has no kernel that narrow", lanes,
                       model->name);
    }
    *kernel = best;
    return NM_OK;
}

/* Keeps the first failure: nm_fail is per thread, and the sentence must reach the caller. */
static void keep_failure(crew *crew, nm_status status)
{
    pthread_mutex_lock(&crew->lock);
    if (crew->status == NM_OK) {
        crew->status = status;
        snprintf(crew->error, sizeof crew->error, "%s", nm_last_error());
    }
    pthread_mutex_unlock(&crew->lock);
    atomic_store(&crew->has_failed, 1);
}

static nm_status compute_tile(const crew *crew, int64_t i_tile, void *payload)
{
    const nm_plan *plan = crew->plan;
    nm_tile tile;
    nm_plan_map_tile(plan, &tile, i_tile, payload);
    if (crew->kernel->run(&plan->task, &tile) != 0) {
        return nm_fail(NM_MEMORY, "tile %lld: the kernel of model %s had no memory or another ABI",
                       (long long)i_tile, plan->model->name);
    }
    return nm_backend_hand_over(crew->source, plan, i_tile, payload, tile.n_newton, tile.n_follow);
}

static void *work(void *argument)
{
    crew *crew = argument;
    const nm_plan *plan = crew->plan;
    void *payload = malloc((size_t)nm_plan_tile_bytes(plan, 0));
    if (!payload) {
        keep_failure(crew, nm_fail(NM_MEMORY, "no memory for a tile of %lld points",
                                   (long long)plan->tile_points));
    }
    while (!atomic_load(&crew->has_failed)) {
        int64_t i_tile = crew->source->next(crew->source->context);
        if (i_tile < 0) {
            break;
        }
        nm_status status = compute_tile(crew, i_tile, payload);
        if (status != NM_OK) {
            keep_failure(crew, status);
        }
    }
    free(payload);
    return NULL;
}

static nm_status run(const nm_plan *plan, const nm_backend_options *options, nm_tile_source *source)
{
    crew crew = {.plan = plan, .source = source, .status = NM_OK};
    NM_TRY(nm_backend_cpu_kernel(&crew.kernel, plan->model, options->lanes));
    atomic_init(&crew.has_failed, 0);
    pthread_mutex_init(&crew.lock, NULL);

    /* the caller works too, so that a machine that starts no thread still computes */
    int n_threads = nm_backend_cpu_threads(options->n_threads);
    if (n_threads > plan->n_tiles) {
        n_threads = plan->n_tiles > 0 ? (int)plan->n_tiles : 1;
    }
    pthread_t *threads = calloc((size_t)n_threads, sizeof *threads);
    int n_started = 0;
    for (int i = 1; threads && i < n_threads; i++) {
        if (pthread_create(&threads[n_started], NULL, work, &crew) != 0) {
            break;
        }
        n_started++;
    }
    work(&crew);
    for (int i = 0; i < n_started; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
    pthread_mutex_destroy(&crew.lock);
    if (crew.status != NM_OK) {
        return nm_fail(crew.status, "%s", crew.error);
    }
    return NM_OK;
}

static void describe(FILE *stream)
{
    fprintf(stream, "backend cpu      %d threads; lanes", nm_backend_cpu_threads(0));
    static const int widths[] = {8, 4, 1};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        fprintf(stream, " %d%s", widths[i],
                nm_backend_cpu_has_lanes(widths[i]) ? "" : " (not on this processor)");
    }
    fprintf(stream, "\n");
}

const nm_backend nm_backend_cpu = {.name = "cpu", .run = run, .describe = describe};
