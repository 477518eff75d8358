/* Runs of gpu_check: a source of tiles that keeps payloads in memory, or counts them only. */
#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct shelf {
    nm_check_store *store;
    int64_t next;
    pthread_mutex_t lock;
} shelf;

double nm_check_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int64_t next_tile(void *context)
{
    shelf *shelf = context;
    pthread_mutex_lock(&shelf->lock);
    int64_t tile = shelf->next < shelf->store->n ? shelf->store->first + shelf->next++ : -1;
    pthread_mutex_unlock(&shelf->lock);
    return tile;
}

static nm_status take_tile(void *context, int64_t i_tile, void *payload, int64_t bytes,
                           const nm_tile_report *report)
{
    shelf *shelf = context;
    nm_check_store *store = shelf->store;
    if (i_tile < store->first || i_tile >= store->first + store->n || bytes > store->stride) {
        return nm_fail(NM_USAGE,
                       "the backend handed back tile %lld of %lld bytes, which was not asked for",
                       (long long)i_tile, (long long)bytes);
    }
    if (store->payloads) {
        memcpy(store->payloads + (i_tile - store->first) * store->stride, payload, (size_t)bytes);
    }
    pthread_mutex_lock(&shelf->lock);
    store->n_points += report->n;
    store->n_newton += report->n_newton;
    store->n_failed += nm_failed_points(report->count);
    store->n_bytes += bytes;
    store->n_done++;
    pthread_mutex_unlock(&shelf->lock);
    return NM_OK;
}

static void take_note(void *context, const char *sentence)
{
    shelf *shelf = context;
    pthread_mutex_lock(&shelf->lock);
    shelf->store->n_notes++;
    snprintf(shelf->store->note, sizeof shelf->store->note, "%s", sentence);
    pthread_mutex_unlock(&shelf->lock);
}

nm_status nm_check_run(nm_check_store *store, const nm_plan *plan, const char *backend_name,
                       const nm_backend_options *options, int64_t first, int64_t n, int keeps)
{
    memset(store, 0, sizeof *store);
    const nm_backend *backend;
    NM_TRY(nm_backend_choose(&backend, backend_name));
    store->first = first;
    store->n = first + n <= plan->n_tiles ? n : plan->n_tiles > first ? plan->n_tiles - first : 0;
    store->stride = (nm_plan_tile_bytes(plan, 0) + 7) / 8 * 8;
    if (keeps && store->n > 0) {
        /* what is not written shows: 0xa5... is no double that a kernel makes */
        size_t bytes = (size_t)(store->n * store->stride);
        store->payloads = malloc(bytes);
        if (!store->payloads) {
            return nm_fail(NM_MEMORY, "no memory for the payloads of %lld tiles",
                           (long long)store->n);
        }
        memset(store->payloads, 0xa5, bytes);
    }
    shelf shelf = {.store = store};
    pthread_mutex_init(&shelf.lock, NULL);
    nm_tile_source source = {
        .context = &shelf, .next = next_tile, .done = take_tile, .note = take_note};
    nm_backend_options all_options = *options;
    all_options.report = calloc(1, sizeof *all_options.report);
    double start = nm_check_clock();
    nm_status status = backend->run(plan, &all_options, &source);
    store->seconds = nm_check_clock() - start;
    if (all_options.report && all_options.report->n_devices > 0) {
        store->device = all_options.report->device[0];
    }
    free(all_options.report);
    pthread_mutex_destroy(&shelf.lock);
    if (status == NM_OK && store->n_done != store->n) {
        status = nm_fail(NM_DEVICE, "backend %s handed back %lld of %lld tiles", backend_name,
                         (long long)store->n_done, (long long)store->n);
    }
    return status;
}

void nm_check_store_clear(nm_check_store *store)
{
    free(store->payloads);
    memset(store, 0, sizeof *store);
}
