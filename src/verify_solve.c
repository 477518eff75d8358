/* Solves points of a file again, in blocks and by several threads, and compares.
 *
 *   1. a tile   2. threads */
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "progress.h"
#include "run.h"
#include "verify_parts.h"

enum {
    ROOM_BYTES = 32 << 20 /* of all outputs of a piece that is solved for a file of a device */
};

/* What a thread has for itself. */
typedef struct hand {
    nm_verification *v;
    const nm_verify_laws *laws;
    const nm_kernel *kernel;
    nm_task *task;        /* that of the plan; for a file of a device with all outputs */
    void *stored, *fresh; /* points of a tile, as nm_plan_map_points lays them out */
    double *each;         /* [n_each][n] */
    double *all;          /* [catalogue.n][piece], for a file of a device */
    int64_t piece;
    nm_verify_check check[NM_N_VERIFY];
    int64_t count[NM_N_OUTCOMES];
} hand;

/* What all threads share. */
typedef struct crew {
    nm_verification *v;
    const nm_verify_laws *laws;
    int64_t n_wanted;
    atomic_llong i_next; /* tile */
    atomic_int has_failed;
    nm_status status; /* the first failure and its sentence: under the lock of v */
    char error[1024];
    nm_progress progress; /* the same */
} crew;

/* --- 1. a tile ------------------------------------------------------------------------------------ */

/* The points of a tile that are solved again: whole blocks, so that all of them together are about
 * n_wanted, and not always at the begin of a tile. */
static void choose_part(int64_t *at, int64_t *n, const nm_plan *plan, int64_t i_tile,
                        int64_t n_wanted)
{
    const int64_t tile_n = nm_plan_tile_points(plan, i_tile);
    *at = 0;
    *n = tile_n;
    if (n_wanted >= plan->n_points) {
        return;
    }
    const int64_t step = nm_plan_tile_step(&plan->task),
                  first = nm_plan_tile_first(plan, i_tile) / step,
                  end = first + (tile_n + step - 1) / step;
    const double share = (double)n_wanted / (double)plan->n_points;
    int64_t n_blocks = (int64_t)ceil((double)end * share) - (int64_t)ceil((double)first * share);
    int64_t n_free = end - first - n_blocks;
    uint64_t turn = (uint64_t)i_tile * UINT64_C(0x9e3779b97f4a7c15);
    *at = (int64_t)((double)(turn >> 11) * 0x1p-53 * (double)(n_free + 1)) * step;
    *n = n_blocks * step < tile_n - *at ? n_blocks * step : tile_n - *at;
}

static int has_points(const nm_tile *tile, int64_t at, int64_t n)
{
    for (int64_t i = at; i < at + n; i++) {
        if (tile->outcome[i] != NM_OUTCOME_not_run) {
            return 1;
        }
    }
    return 0;
}

static nm_status solve_part(hand *hand, const nm_tile *stored, int64_t at, int64_t n)
{
    nm_verification *v = hand->v;
    nm_verify_check *check = &hand->check[NM_VERIFY_results];
    const int64_t most = v->is_by_device ? hand->piece : n;
    for (int64_t done = 0; done < n; done += most) {
        nm_tile fresh;
        int64_t part = n - done < most ? n - done : most;
        if (!has_points(stored, at + done, part)) {
            continue;
        }
        nm_plan_map_points(v->plan, &fresh, stored->first + at + done, part, hand->fresh);
        fresh.values = v->is_by_device ? hand->all : fresh.values;
        NM_TRY(nm_verify_run(v->plan, hand->kernel, hand->task, &fresh));
        if (v->is_by_device) {
            nm_verify_compare_close(check, v->plan, stored, at + done, &fresh);
        } else {
            nm_verify_compare_bits(check, v->plan, stored, at + done, &fresh);
        }
    }
    return NM_OK;
}

static nm_status check_tile(hand *hand, int64_t i_tile, int64_t n_wanted)
{
    nm_verification *v = hand->v;
    const nm_plan *plan = v->plan;
    nm_tile stored;
    int64_t at, n;
    nm_plan_map_tile(plan, &stored, i_tile, hand->stored);
    NM_TRY(nm_verify_read(v, &stored, hand->each));
    for (int64_t i = 0; i < stored.n; i++) {
        double params[NM_MAX_PARAMS];
        plan->model->draw(&plan->task.draw, stored.first + i, params);
        nm_verify_each(&hand->check[NM_VERIFY_parameters], v, &stored, hand->each, i, params);
        nm_verify_laws_of(hand->check, hand->laws, &stored, i, params);
        if (stored.outcome[i] >= 0 && stored.outcome[i] < NM_N_OUTCOMES) {
            hand->count[stored.outcome[i]]++;
        }
    }
    choose_part(&at, &n, plan, i_tile, n_wanted);
    return solve_part(hand, &stored, at, n);
}

/* --- 2. threads ----------------------------------------------------------------------------------- */

static nm_status prepare(hand *hand)
{
    nm_verification *v = hand->v;
    const nm_plan *plan = v->plan;
    int64_t all_bytes = (int64_t)plan->catalogue.n * (int64_t)sizeof(double);
    size_t bytes = (size_t)nm_plan_tile_bytes(plan, 0);
    NM_TRY(nm_backend_cpu_kernel(&hand->kernel, plan->model, 0));
    hand->piece =
        ROOM_BYTES / all_bytes < plan->tile_points ? ROOM_BYTES / all_bytes : plan->tile_points;
    hand->stored = malloc(bytes);
    hand->fresh = malloc(bytes);
    hand->task = malloc(sizeof *hand->task);
    hand->each = malloc((size_t)(v->n_each * plan->tile_points + 1) * sizeof *hand->each);
    hand->all = v->is_by_device ? malloc((size_t)(hand->piece * all_bytes)) : NULL;
    if (!hand->stored || !hand->fresh || !hand->task || !hand->each ||
        (v->is_by_device && !hand->all)) {
        return nm_fail(NM_MEMORY, "no memory for a tile of '%s'", v->path);
    }
    if (v->is_by_device) {
        nm_verify_want_all(hand->task, plan);
    } else {
        memcpy(hand->task, &plan->task, sizeof *hand->task);
    }
    return NM_OK;
}

/* Adds what a thread has found to what all have. */
static void hand_in(hand *hand, crew *crew, int64_t n_points)
{
    nm_verification *v = hand->v;
    pthread_mutex_lock(&v->lock);
    for (int i = 0; i < NM_N_VERIFY; i++) {
        nm_verify_merge(&v->check[i], &hand->check[i]);
    }
    for (int i = 0; i < NM_N_OUTCOMES; i++) {
        v->count[i] += hand->count[i];
    }
    nm_progress_add(&crew->progress, n_points, NULL);
    pthread_mutex_unlock(&v->lock);
    memset(hand->check, 0, sizeof hand->check);
    memset(hand->count, 0, sizeof hand->count);
}

static void *work(void *argument)
{
    crew *crew = argument;
    nm_verification *v = crew->v;
    hand *hand = calloc(1, sizeof *hand);
    nm_status status = NM_MEMORY;
    if (hand) {
        hand->v = v;
        hand->laws = crew->laws;
        status = prepare(hand);
    } else {
        nm_fail(NM_MEMORY, "no memory for a thread");
    }
    while (status == NM_OK && !atomic_load(&crew->has_failed)) {
        int64_t i_tile = atomic_fetch_add(&crew->i_next, 1);
        if (i_tile >= v->plan->n_tiles) {
            break;
        }
        status = nm_run_is_interrupted(v->n_interrupts)
                     ? nm_fail(NM_INTERRUPTED, "interrupted: '%s' is not verified", v->path)
                     : check_tile(hand, i_tile, crew->n_wanted);
        hand_in(hand, crew, nm_plan_tile_points(v->plan, i_tile));
    }
    if (status != NM_OK) {
        pthread_mutex_lock(&v->lock);
        if (crew->status == NM_OK) {
            crew->status = status;
            snprintf(crew->error, sizeof crew->error, "%s", nm_last_error());
        }
        pthread_mutex_unlock(&v->lock);
        atomic_store(&crew->has_failed, 1);
    }
    if (hand) {
        free(hand->stored);
        free(hand->fresh);
        free(hand->task);
        free(hand->each);
        free(hand->all);
    }
    free(hand);
    return NULL;
}

nm_status nm_verify_points(nm_verification *v, int64_t n_wanted)
{
    crew crew = {.v = v, .n_wanted = n_wanted, .status = NM_OK};
    nm_verify_laws *laws;
    NM_TRY(nm_verify_laws_create(&laws, v));
    crew.laws = laws;
    atomic_init(&crew.i_next, 0);
    atomic_init(&crew.has_failed, 0);
    nm_progress_begin(&crew.progress, stderr,
                      v->options->quiet ? NM_PROGRESS_QUIET : NM_PROGRESS_AUTO);
    nm_progress_start(&crew.progress, 0, v->plan->n_points, 0);

    /* the caller works too, so that a machine that starts no thread still verifies */
    int n_threads = nm_backend_cpu_threads(v->options->n_threads), n_started = 0;
    n_threads = n_threads < v->plan->n_tiles ? n_threads : (int)v->plan->n_tiles;
    /* each has two tiles, and [limits] memory is for NM_PLAN_BUFFERS of them */
    if (v->config->memory_bytes > 0 && n_threads > NM_PLAN_BUFFERS / 2) {
        n_threads = NM_PLAN_BUFFERS / 2;
    }
    pthread_t *threads = calloc((size_t)n_threads, sizeof *threads);
    for (int i = 1; threads && i < n_threads; i++) {
        n_started += pthread_create(&threads[n_started], NULL, work, &crew) == 0;
    }
    work(&crew);
    for (int i = 0; i < n_started; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
    nm_progress_stop(&crew.progress);
    nm_verify_laws_destroy(&laws);
    return crew.status == NM_OK ? NM_OK : nm_fail(crew.status, "%s", crew.error);
}
