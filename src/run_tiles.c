/* Tiles of a run: who computes them, who keeps them, how ranks hear of each other.
 *
 * 1. the next tile   2. a finished tile   3. news between ranks   4. all tiles */
#include "run_parts.h"

#include <time.h>
#include <unistd.h>

enum { NEWS_SECONDS = 1 /* between the news of a rank that has tiles */ };

/* --- 1. the next tile ------------------------------------------------------------------------- */

static int is_wanted(void *context, int64_t i_tile)
{
    const nm_run_state *run = context;
    const int n_shards = run->options->n_shards;
    return (n_shards <= 1 || i_tile % n_shards == run->options->shard) &&
           !nm_journal_has(run->journal, i_tile);
}

/* Rank above 0: tells rank 0 what is done here and hears what to do; the lock is held. */
static void tell_first(nm_run_state *run, int wants_tiles, int is_last)
{
    nm_comm_order order;
    run->news.wants_tiles = wants_tiles;
    run->news.is_last = is_last;
    run->news.must_stop = nm_run_is_interrupted(run->n_interrupts) || run->has_failed;
    nm_comm_report(&order, &run->news);
    run->news = (nm_comm_news){0};
    run->told = nm_clock();
    atomic_store(&run->must_stop, order.must_stop != 0);
    if (order.first < order.end) {
        nm_deal_take(&run->deal, order.first, order.end);
    }
}

/* A rank's own tiles, then pieces of what is dealt late; the lock is held. */
static int64_t next_of_rank(nm_run_state *run)
{
    if (run->rank > 0 && nm_clock() - run->told > NEWS_SECONDS) {
        tell_first(run, 0, 0);
    }
    while (!nm_run_is_interrupted(run->n_interrupts) && !atomic_load(&run->must_stop)) {
        int64_t first, end, i_tile = nm_deal_next(&run->deal);
        if (i_tile >= 0) {
            return i_tile;
        }
        if (run->rank > 0) {
            tell_first(run, 1, 0);
        } else {
            nm_deal_cut(&run->deal, &first, &end);
            nm_deal_take(&run->deal, first, end);
        }
        if (run->deal.next >= run->deal.end) {
            break;
        }
    }
    return -1;
}

static int64_t next_tile(void *context)
{
    nm_run_state *run = context;
    pthread_mutex_lock(&run->lock);
    int64_t i_tile = next_of_rank(run);
    pthread_mutex_unlock(&run->lock);
    return i_tile;
}

static nm_status take_room(void *context, void **payload)
{
    nm_run_state *run = context;
    return nm_writer_take(run->writer, payload);
}

/* --- 2. a finished tile ----------------------------------------------------------------------- */

/* In a thread of the writer. The journal comes before the file, which is but a shortcut: one that
 * takes no more is made again in the end. */
static nm_status keep_tile(void *context, int64_t i_tile, const void *payload, int64_t bytes,
                           const nm_tile_report *report)
{
    nm_run_state *run = context;
    NM_TRY(nm_journal_append(run->journal, i_tile, payload, bytes));
    if (run->file && !atomic_load(&run->is_behind) &&
        nm_grid_nc_take(run->file, i_tile, payload) != NM_OK) {
        atomic_store(&run->is_behind, 1);
    }
    pthread_mutex_lock(&run->lock);
    run->stats.n_computed += report->n;
    run->stats.n_newton += report->n_newton;
    run->stats.n_follow += report->n_follow;
    run->stats.n_failed += nm_failed_points(report->count);
    if (run->rank == 0) {
        nm_progress_add(&run->progress, report->n, report->count);
    } else {
        run->news.n += report->n;
        for (int k = 0; k < NM_N_OUTCOMES; k++) {
            run->news.count[k] += report->count[k];
        }
    }
    pthread_mutex_unlock(&run->lock);
    return NM_OK;
}

static nm_status hand_over(void *context, int64_t i_tile, void *payload, int64_t bytes,
                           const nm_tile_report *report)
{
    nm_run_state *run = context;
    return nm_writer_put(run->writer, i_tile, payload, bytes, report);
}

static void note(void *context, const char *sentence)
{
    nm_run_state *run = context;
    pthread_mutex_lock(&run->lock);
    nm_progress_note(&run->progress, "%s", sentence);
    pthread_mutex_unlock(&run->lock);
}

/* --- 3. news between ranks -------------------------------------------------------------------- */

/* Rank 0, in a thread of its own: answers until all others have told their last news. */
static void *serve(void *context)
{
    nm_run_state *run = context;
    const struct timespec nap = {.tv_nsec = 1000000};
    for (int n_at_work = run->n_ranks - 1; n_at_work > 0;) {
        nm_comm_news news;
        nm_comm_order order = {0};
        int rank = nm_comm_serve(&news);
        if (rank == 0) {
            nanosleep(&nap, NULL);
            continue;
        }
        pthread_mutex_lock(&run->lock);
        if (news.must_stop || nm_run_is_interrupted(run->n_interrupts) || run->has_failed) {
            atomic_store(&run->must_stop, 1);
        }
        order.must_stop = atomic_load(&run->must_stop);
        if (news.wants_tiles && !order.must_stop) {
            nm_deal_cut(&run->deal, &order.first, &order.end);
        }
        nm_progress_add(&run->progress, news.n, news.count);
        pthread_mutex_unlock(&run->lock);
        n_at_work -= news.is_last != 0;
        nm_comm_answer(rank, &order);
    }
    return NULL;
}

/* This rank computes no more. */
static void say_last(nm_run_state *run, nm_status status, pthread_t server)
{
    pthread_mutex_lock(&run->lock);
    run->has_failed = status != NM_OK;
    if (run->rank > 0) {
        tell_first(run, 0, 1);
    }
    pthread_mutex_unlock(&run->lock);
    if (run->rank == 0) {
        pthread_join(server, NULL);
    }
}

/* --- 4. all tiles ----------------------------------------------------------------------------- */

/* points of this run's tiles: all, and those that earlier runs have done */
static void count_points(nm_run_state *run, int64_t *n_points, int64_t *n_before)
{
    const int n_shards = run->options->n_shards;
    *n_points = 0;
    *n_before = 0;
    for (int64_t i_tile = 0; i_tile < run->plan->n_tiles; i_tile++) {
        if (n_shards <= 1 || i_tile % n_shards == run->options->shard) {
            int64_t n = nm_plan_tile_points(run->plan, i_tile);
            *n_points += n;
            *n_before += nm_journal_has(run->journal, i_tile) ? n : 0;
        }
    }
}

static nm_status compute(nm_run_state *run)
{
    nm_tile_source source = {
        .context = run, .next = next_tile, .take = take_room, .done = hand_over, .note = note};
    NM_TRY(nm_writer_begin(&run->writer, run->report.n_threads, nm_plan_tile_bytes(run->plan, 0),
                           keep_tile, run, run->report.n_threads > 0 ? run->timeline : NULL));
    nm_status status = run->backend->run(run->plan, &run->backend_options, &source);
    nm_status kept = nm_writer_end(&run->writer);
    return status == NM_OK ? kept : status;
}

nm_status nm_run_tiles(nm_run_state *run)
{
    int64_t n_points, n_before;
    count_points(run, &n_points, &n_before);
    nm_deal_begin(&run->deal, run->plan->n_tiles, run->rank, run->n_ranks, is_wanted, run);
    nm_progress_start(&run->progress, run->i_stage, n_points, n_before);
    double start = run->told = nm_clock();
    pthread_t server = 0;
    nm_status status = NM_OK;
    if (run->n_ranks > 1 && n_before < n_points) {
        if (run->rank == 0 && pthread_create(&server, NULL, serve, run) != 0) {
            status = nm_fail(NM_MEMORY, "no thread can be started for the news of other ranks");
        }
        NM_TRY(nm_comm_agree(status));
    }
    if (n_before < n_points) {
        status = compute(run);
        if (run->n_ranks > 1) {
            say_last(run, status, server);
        }
        run->stats.compute_s += nm_clock() - start;
    }
    run->stats.n_devices = run->report.n_devices;
    run->stats.device = run->report.device;
    nm_progress_stop(&run->progress);
    /* what a rank has written must be out of its node before rank 0 looks for it */
    if (status == NM_OK) {
        status = nm_journal_sync(run->journal);
    }
    NM_TRY(nm_comm_agree(status));
    int64_t *counts[] = {&run->stats.n_computed, &run->stats.n_newton, &run->stats.n_follow,
                         &run->stats.n_failed};
    int64_t sums[] = {0, 0, 0, 0, run->report.n_threads};
    for (int i = 0; i < 4; i++) {
        sums[i] = *counts[i];
    }
    nm_comm_sum(sums, 5);
    for (int i = 0; i < 4; i++) {
        *counts[i] = sums[i];
    }
    run->stats.n_threads = (int)sums[4];
    return NM_OK;
}
