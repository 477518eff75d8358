/* The CPU backend: threads over tiles, lanes over the points of a tile. */
#include "backend.h"
#include "reducer.h"

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
    nm_timeline *timeline;
    atomic_int has_failed;
    atomic_int n_rows;    /* threads that have their row in the timeline */
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
    if (lanes == 16) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
    }
#endif
    return lanes == 1 || lanes == 8 || lanes == 16;
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
    if (lanes != 0 && lanes != 1 && lanes != 8 && lanes != 16) {
        return nm_fail(NM_USAGE, "--lanes %d: kernels are 16, 8 or 1 points wide", lanes);
    }
    if (!nm_backend_cpu_has_lanes(1)) {
        return nm_fail(
            NM_DEVICE,
            "this processor has no AVX2 with FMA, which every kernel of this build needs");
    }
    if (lanes != 0 && !nm_backend_cpu_has_lanes(lanes)) {
        return nm_fail(
            NM_DEVICE,
            "--lanes %d: this processor has no AVX-512 (F, DQ, VL, BW); give 8, or leave it out",
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

static nm_status solve(const crew *crew, nm_tile *points, int64_t i_tile)
{
    if (crew->kernel->run(&crew->plan->task, points) != 0) {
        return nm_fail(NM_MEMORY, "tile %lld: the kernel of model %s had no memory or another ABI",
                       (long long)i_tile, crew->plan->model->name);
    }
    return NM_OK;
}

/* What a thread has for itself. */
typedef struct hand {
    nm_reducer *reducer; /* NULL where every point is kept */
    void *own;           /* the payload of all tiles, where the source has no room for them */
    int row;             /* of the timeline */
} hand;

static nm_status compute_tile(const crew *crew, const hand *hand, int64_t i_tile)
{
    nm_reducer *reducer = hand->reducer;
    void *payload = hand->own;
    nm_tile points;
    int64_t n_newton = 0, n_follow = 0;
    if (!payload) {
        NM_TRY(crew->source->take(crew->source->context, &payload));
    }
    double begun = nm_clock();
    if (reducer) {
        nm_reducer_begin(reducer, i_tile, payload);
        while (nm_reducer_next(reducer, &points)) {
            NM_TRY(solve(crew, &points, i_tile));
            nm_reducer_take(reducer, &points);
            n_newton += points.n_newton;
            n_follow += points.n_follow;
        }
    } else {
        nm_plan_map_tile(crew->plan, &points, i_tile, payload);
        NM_TRY(solve(crew, &points, i_tile));
        n_newton = points.n_newton;
        n_follow = points.n_follow;
    }
    if (crew->timeline) {
        char what[48];
        snprintf(what, sizeof what, "tile %lld", (long long)i_tile);
        nm_timeline_add(crew->timeline, hand->row, what, begun, nm_clock());
    }
    return nm_backend_hand_over(crew->source, crew->plan, i_tile, payload, n_newton, n_follow);
}

static int make_row(crew *crew)
{
    char name[48];
    int number = crew->timeline ? atomic_fetch_add(&crew->n_rows, 1) : 0;
    snprintf(name, sizeof name, "compute, thread %d", number);
    return nm_timeline_row(crew->timeline, "CPU", name);
}

static void *work(void *argument)
{
    crew *crew = argument;
    const nm_plan *plan = crew->plan;
    hand hand = {.row = make_row(crew)};
    nm_status status = NM_OK;
    if (!crew->source->take) {
        hand.own = malloc((size_t)nm_plan_tile_bytes(plan, 0));
        status = hand.own ? NM_OK
                          : nm_fail(NM_MEMORY, "no memory for a tile of %lld points",
                                    (long long)plan->tile_points);
    }
    if (status == NM_OK && nm_plan_is_reduced(plan)) {
        status = nm_reducer_create(&hand.reducer, plan);
    }
    while (status == NM_OK && !atomic_load(&crew->has_failed)) {
        int64_t i_tile = crew->source->next(crew->source->context);
        if (i_tile < 0) {
            break;
        }
        status = compute_tile(crew, &hand, i_tile);
    }
    if (status != NM_OK) {
        keep_failure(crew, status);
    }
    nm_reducer_destroy(&hand.reducer);
    free(hand.own);
    return NULL;
}

/* no more than there are tiles */
static int count_threads(const nm_plan *plan, const nm_backend_options *options)
{
    int n_threads = nm_backend_cpu_threads(options->n_threads);
    return n_threads <= plan->n_tiles ? n_threads : plan->n_tiles > 0 ? (int)plan->n_tiles : 1;
}

static nm_status check(const nm_plan *plan, const nm_backend_options *options, int *is_absent)
{
    const nm_kernel *kernel;
    *is_absent = 0;
    NM_TRY(nm_backend_cpu_kernel(&kernel, plan->model, options->lanes));
    if (options->report) {
        options->report->lanes = kernel->lanes;
        options->report->n_threads = count_threads(plan, options);
    }
    return NM_OK;
}

static nm_status run(const nm_plan *plan, const nm_backend_options *options, nm_tile_source *source)
{
    crew crew = {.plan = plan, .source = source, .timeline = options->timeline, .status = NM_OK};
    NM_TRY(nm_backend_cpu_kernel(&crew.kernel, plan->model, options->lanes));
    atomic_init(&crew.has_failed, 0);
    atomic_init(&crew.n_rows, 0);
    pthread_mutex_init(&crew.lock, NULL);

    /* the caller works too, so that a machine that starts no thread still computes */
    int n_threads = count_threads(plan, options);
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
    static const int widths[] = {16, 8, 1};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        fprintf(stream, " %d%s", widths[i],
                nm_backend_cpu_has_lanes(widths[i]) ? "" : " (not on this processor)");
    }
    fprintf(stream, "\n");
}

const nm_backend nm_backend_cpu = {.name = "cpu", .check = check, .run = run, .describe = describe};
