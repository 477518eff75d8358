/* The pipeline, visible in one function: nm_run.
 *
 * 1. interruption   2. a finished file   3. tiles   4. after the tiles   5. stages of a refinement
 * 6. the run */
#include "run.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "files.h"
#include "grid_nc.h"
#include "journal.h"
#include "out_file.h"
#include "pilot.h"
#include "plan.h"
#include "progress.h"
#include "projection_pilot.h"
#include "refine.h"
#include "runlog.h"
#include "summary.h"
#include "words.h"
#include "writer.h"

enum { PILOT_POINTS = 2048, LEAST_PILOT = 512 };
static const double pilot_seconds = 0.25; /* at most this long per rate */

/* Everything one run holds; released by `release` whatever happened. */
typedef struct run {
    const nm_config *config;
    const nm_run_options *options;
    char *out_path;
    const nm_backend *backend;
    int is_begun; /* `auto` found a run that this backend began */
    nm_plan *plan;
    nm_journal *journal;
    nm_writer *writer;    /* while tiles are computed */
    nm_assembly *file;    /* grows beside the journal, or NULL: it is made when all tiles are there */
    atomic_int is_behind; /* the file could not take a tile */
    nm_tally *tally;
    nm_progress progress;
    nm_run_stats stats;
    nm_timeline *timeline; /* NULL: not wanted */
    nm_backend_options backend_options;
    nm_backend_report report;
    pthread_mutex_t lock; /* of the tile cursor, the progress and the counts in stats */
    int64_t i_next;       /* the first tile that nobody has looked at */
    double start;         /* monotonic clock [s] */
    time_t begun;
} run;

/* --- 1. interruption -------------------------------------------------------------------------- */

/* lock-free, so that a signal handler may set it in any thread */
static atomic_int is_interrupted;

void nm_run_interrupt(void)
{
    atomic_store(&is_interrupted, 1);
}

int nm_run_is_interrupted(void)
{
    return atomic_load(&is_interrupted);
}

/* --- 2. a finished file ----------------------------------------------------------------------- */

static nm_status end_refinement(run *run, const nm_refine_report *report, const nm_run_stats *stats,
                                FILE *summary)
{
    if (summary) {
        nm_refine_print(summary, run->plan, report, stats, run->out_path);
    }
    return nm_out_file_judge(run->plan, nm_refine_failed_share(report), run->out_path);
}

static nm_status report_finished(run *run, FILE *summary)
{
    nm_progress_note(&run->progress,
                     "%s is finished already and answers this very question; nothing to do",
                     run->out_path);
    if (run->plan->refinement) {
        nm_refine_report report;
        NM_TRY(nm_refine_nc_report(&report, run->out_path));
        return end_refinement(run, &report, NULL, summary);
    }
    NM_TRY(nm_grid_nc_tally(run->out_path, run->plan, &run->tally));
    if (summary) {
        nm_summary_print(summary, run->plan, run->tally, NULL, run->out_path);
    }
    return nm_out_file_judge(run->plan, nm_summary_failed_share(run->tally), run->out_path);
}

/* --- 3. tiles --------------------------------------------------------------------------------- */

static int is_mine(const run *run, int64_t i_tile)
{
    int n_shards = run->options->n_shards;
    return n_shards <= 1 || i_tile % n_shards == run->options->shard;
}

static int64_t next_tile(void *context)
{
    run *run = context;
    int64_t i_tile = -1;
    pthread_mutex_lock(&run->lock);
    while (!is_interrupted && i_tile < 0 && run->i_next < run->plan->n_tiles) {
        int64_t candidate = run->i_next++;
        if (is_mine(run, candidate) && !nm_journal_has(run->journal, candidate)) {
            i_tile = candidate;
        }
    }
    pthread_mutex_unlock(&run->lock);
    return i_tile;
}

/* In a thread of the writer. The journal comes before the file, which is but a shortcut: one that
 * takes no more is made again in the end. */
static nm_status keep_tile(void *context, int64_t i_tile, const void *payload, int64_t bytes,
                           const nm_tile_report *report)
{
    run *run = context;
    NM_TRY(nm_journal_append(run->journal, i_tile, payload, bytes));
    if (run->file && !atomic_load(&run->is_behind) &&
        nm_grid_nc_take(run->file, i_tile, payload) != NM_OK) {
        atomic_store(&run->is_behind, 1);
    }
    pthread_mutex_lock(&run->lock);
    run->stats.n_computed += report->n;
    run->stats.n_newton += report->n_newton;
    run->stats.n_follow += report->n_follow;
    run->stats.n_failed += report->n_failed;
    nm_progress_add(&run->progress, report->n, report->n_failed);
    pthread_mutex_unlock(&run->lock);
    return NM_OK;
}

static nm_status take_room(void *context, void **payload)
{
    run *run = context;
    return nm_writer_take(run->writer, payload);
}

static nm_status hand_over(void *context, int64_t i_tile, void *payload, int64_t bytes,
                           const nm_tile_report *report)
{
    run *run = context;
    return nm_writer_put(run->writer, i_tile, payload, bytes, report);
}

static void note(void *context, const char *sentence)
{
    run *run = context;
    nm_progress_note(&run->progress, "%s", sentence);
}

/* points of this run's tiles: all, and those that earlier runs have done */
static void count_points(const run *run, int64_t *n_points, int64_t *n_before)
{
    *n_points = 0;
    *n_before = 0;
    for (int64_t i_tile = 0; i_tile < run->plan->n_tiles; i_tile++) {
        if (is_mine(run, i_tile)) {
            int64_t n = nm_plan_tile_points(run->plan, i_tile);
            *n_points += n;
            *n_before += nm_journal_has(run->journal, i_tile) ? n : 0;
        }
    }
}

static nm_status check_disk(const run *run)
{
    char *folder = nm_file_folder_of(run->out_path);
    struct statvfs disk;
    int is_known = folder && statvfs(folder, &disk) == 0;
    free(folder);
    double needed = (double)run->plan->peak_disk_bytes -
                    (double)nm_journal_n_done(run->journal) * (double)run->plan->record_bytes;
    double free_bytes = is_known ? (double)disk.f_bavail * (double)disk.f_frsize : 0.0;
    if (is_known && needed > free_bytes) {
        char needed_words[NM_WORDS], free_words[NM_WORDS];
        return nm_fail(
            NM_IO, "%s: the run needs %s more disk at its peak, and its file system has %s free",
            run->out_path, nm_words_bytes(needed_words, needed),
            nm_words_bytes(free_words, free_bytes));
    }
    return NM_OK;
}

/* The file grows with the journal where it may, and where this run ends with it. */
static void begin_file(run *run)
{
    if (nm_grid_nc_takes(run->plan) && !run->plan->refinement && run->options->n_shards <= 1 &&
        nm_journal_n_done(run->journal) < run->plan->n_tiles) {
        (void)nm_grid_nc_begin(&run->file, run->out_path, run->plan, 0);
    }
}

static nm_status compute(run *run)
{
    int64_t n_points, n_before;
    count_points(run, &n_points, &n_before);
    nm_tile_source source = {
        .context = run, .next = next_tile, .take = take_room, .done = hand_over, .note = note};

    nm_progress_style style = run->progress.style;
    nm_progress_begin(&run->progress, stderr, style, n_points, n_before);
    double start = nm_clock();
    nm_status status = NM_OK;
    if (n_before < n_points) {
        NM_TRY(nm_writer_begin(&run->writer, run->report.n_threads,
                               nm_plan_tile_bytes(run->plan, 0), keep_tile, run,
                               run->report.n_threads > 0 ? run->timeline : NULL));
        status = run->backend->run(run->plan, &run->backend_options, &source);
        nm_status kept = nm_writer_end(&run->writer);
        status = status == NM_OK ? kept : status;
        run->stats.compute_s += nm_clock() - start;
    }
    run->stats.n_devices = run->report.n_devices;
    run->stats.device = run->report.device;
    nm_progress_end(&run->progress);
    return status;
}

/* --- 4. after the tiles ----------------------------------------------------------------------- */

static nm_status stop_interrupted(run *run)
{
    NM_TRY(nm_journal_sync(run->journal));
    return nm_fail(NM_INTERRUPTED,
                   "interrupted: %lld of %lld tiles are done and safe in %s.parts; the same "
                   "command goes on from there",
                   (long long)nm_journal_n_done(run->journal), (long long)run->plan->n_tiles,
                   run->out_path);
}

static nm_status assemble(run *run)
{
    double start = nm_clock();
    if (run->file && atomic_load(&run->is_behind)) {
        nm_grid_nc_drop(&run->file);
    }
    NM_TRY(run->file
               ? nm_grid_nc_end(&run->file, run->journal, &run->tally)
               : nm_grid_nc_assemble(run->out_path, run->plan, run->journal, 0, &run->tally));
    nm_journal_close(&run->journal, 1);
    double end = nm_clock();
    run->stats.assemble_s = end - start;
    nm_timeline_add(run->timeline, nm_timeline_row(run->timeline, "file", "assembly"), "assembly",
                    start, end);
    return NM_OK;
}

/* Both solvers on the same points, one thread each: which one to use is a matter of their rates. */
static void measure_rates(run *run)
{
    nm_pilot newton, follow;
    int lanes = run->options->lanes;
    if (run->stats.n_computed > 0 && run->plan->n_points >= LEAST_PILOT &&
        nm_pilot_run(&newton, run->plan, NM_MODE_AUTO, lanes, PILOT_POINTS, pilot_seconds) ==
            NM_OK &&
        nm_pilot_run(&follow, run->plan, NM_MODE_FOLLOW, lanes, PILOT_POINTS, pilot_seconds) ==
            NM_OK) {
        run->stats.auto_rate = nm_pilot_rate(&newton);
        run->stats.follow_rate = nm_pilot_rate(&follow);
        run->stats.n_pilot = newton.n_points;
    }
}

/* --- 5. stages of a refinement ---------------------------------------------------------------- */

/* The points of a stage are computed as those of a scan of their own, into a journal of their own. */
static nm_status solve_stage(void *context, nm_plan *stage, const char *path, const char *what,
                             nm_journal **journal)
{
    run *run = context;
    nm_plan *plan = run->plan;
    nm_journal *first = run->journal;
    NM_TRY(nm_journal_open(journal, path, stage, 0));
    run->plan = stage;
    run->journal = *journal;
    run->i_next = 0;
    nm_progress_note(&run->progress, "%s%s", what,
                     nm_journal_n_done(*journal) < stage->n_tiles ? "" : ", done before");
    nm_status status = compute(run);
    if (status == NM_OK && nm_journal_n_done(*journal) < stage->n_tiles) {
        status = stop_interrupted(run);
    }
    run->plan = plan;
    run->journal = first;
    if (status != NM_OK) {
        nm_journal_close(journal, 0);
    }
    return status;
}

static nm_status refine(run *run, FILE *summary)
{
    const nm_refine_host host = {.context = run, .solve = solve_stage};
    nm_refine_report report;
    NM_TRY(nm_refine_run(&report, run->plan, run->journal, run->out_path, &host));
    nm_refine_sweep(run->out_path);
    nm_journal_close(&run->journal, 1);
    run->stats.total_s = nm_clock() - run->start;
    return end_refinement(run, &report, &run->stats, summary);
}

/* --- 6. the run ------------------------------------------------------------------------------- */

static nm_status check_options(const nm_run_options *options)
{
    if (options->n_shards > 1 && (options->shard < 0 || options->shard >= options->n_shards)) {
        return nm_fail(NM_USAGE, "--shard %d/%d: the shards of %d are 0/%d to %d/%d",
                       options->shard, options->n_shards, options->n_shards, options->n_shards,
                       options->n_shards - 1, options->n_shards);
    }
    if (options->n_threads < 0) {
        return nm_fail(NM_USAGE, "--threads %d: a number of threads is 1 or more",
                       options->n_threads);
    }
    return NM_OK;
}

/* The backend that the run was begun with goes on with it, whatever else the machine has; or the
 * one that made the finished file. NULL: nothing is there. */
static nm_status find_begun(const nm_backend **backend, run *run)
{
    char *parts = nm_file_format("%s.parts", run->out_path);
    char name[16], fingerprint[33] = "";
    int64_t tile_points;
    *backend = NULL;
    if (!parts) {
        return nm_fail(NM_MEMORY, "no memory for a path");
    }
    int is_begun = !run->options->fresh && access(parts, F_OK) == 0 &&
                   nm_journal_origin(parts, name, &tile_points) == NM_OK;
    free(parts);
    if (is_begun) {
        run->is_begun = 1;
        return nm_backend_choose(backend, name);
    }
    if (access(run->out_path, R_OK) == 0 &&
        nm_grid_nc_fingerprint(run->out_path, fingerprint) == NM_OK) {
        for (int i = 0; nm_backend_name(i) && !*backend; i++) {
            NM_TRY(nm_plan_set_backend(run->plan, nm_backend_name(i)));
            if (strcmp(run->plan->fingerprint, fingerprint) == 0) {
                NM_TRY(nm_backend_choose(backend, nm_backend_name(i)));
            }
        }
    }
    return NM_OK;
}

/* the plan is made for the processor, and changed where a device computes it */
static nm_status choose_backend(run *run)
{
    NM_TRY(nm_backend_choose(&run->backend, run->options->backend));
    if (!run->backend) {
        NM_TRY(find_begun(&run->backend, run));
    }
    if (!run->backend) {
        NM_TRY(nm_backend_choose_for(&run->backend, run->plan, &run->backend_options, note, run));
    }
    run->stats.backend = run->backend->name;
    return nm_plan_set_backend(run->plan, run->backend->name);
}

/* before anything is touched: whether there is what is needed */
static nm_status check_backend(run *run)
{
    int is_absent;
    nm_status status = run->backend->check(run->plan, &run->backend_options, &is_absent);
    if (status != NM_OK && run->is_begun) {
        return nm_fail(status,
                       "%s.parts was begun with --backend %s, which alone can go on with it "
                       "(--fresh starts again): %s",
                       run->out_path, run->backend->name, nm_last_error());
    }
    NM_TRY(status);
    run->stats.lanes = run->report.lanes;
    run->stats.n_threads = run->report.n_threads;
    return NM_OK;
}

/* the steps, in order; `release` frees what they leave */
static nm_status go(run *run, const nm_model *model, FILE *summary)
{
    const nm_run_options *options = run->options;
    NM_TRY(check_options(options));
    NM_TRY(nm_backend_choose(&run->backend, options->backend)); /* a wrong name comes first */
    NM_TRY(nm_out_file_choose(&run->out_path, run->config->path, options->output));
    NM_TRY(nm_plan_build(&run->plan, run->config, model, "cpu"));
    NM_TRY(choose_backend(run));
    if (run->plan->refinement && options->n_shards > 1) {
        return nm_fail(NM_USAGE,
                       "--shard %d/%d: a stage of a refinement needs all points of those "
                       "before it; leave --shard out",
                       options->shard, options->n_shards);
    }

    /* the answer may be there already; seen again under the lock, for another run may just have
     * ended */
    int is_done;
    NM_TRY(nm_out_file_look(&is_done, run->out_path, run->plan));
    if (is_done && !options->fresh) {
        nm_out_file_sweep(run->out_path, run->plan);
        return report_finished(run, summary);
    }
    NM_TRY(check_backend(run));
    NM_TRY(nm_projection_prepare(run->plan));
    if (options->timeline) {
        NM_TRY(nm_timeline_open(&run->timeline, options->timeline));
        run->backend_options.timeline = run->timeline;
    }
    NM_TRY(nm_journal_open(&run->journal, run->out_path, run->plan, options->fresh));
    nm_out_file_clear(run->out_path);
    if (options->fresh) {
        nm_refine_sweep(run->out_path);
    }
    NM_TRY(nm_out_file_look(&is_done, run->out_path, run->plan));
    if (is_done && !options->fresh) {
        nm_refine_sweep(run->out_path);
        nm_journal_close(&run->journal, 1);
        return report_finished(run, summary);
    }
    int64_t n_done = nm_journal_n_done(run->journal);
    nm_status status = check_disk(run);
    if (status != NM_OK) {
        nm_journal_close(&run->journal, n_done == 0);
        return status;
    }

    /* what a reader of the log should know */
    if (run->plan->charged_share > 0.0) {
        nm_progress_note(&run->progress,
                         "the bath carries net charge at %.3g %% of the points; a [tie] of one of "
                         "its ions keeps it neutral",
                         100.0 * run->plan->charged_share);
    }
    if (run->plan->n_unused > 0) {
        nm_progress_note(&run->progress, "given, but not used by these variants: %s",
                         run->plan->unused);
    }
    if (n_done > 0) {
        nm_progress_note(&run->progress, "resuming: %lld of %lld tiles are done", (long long)n_done,
                         (long long)run->plan->n_tiles);
    }
    run->stats.n_torn = nm_journal_n_torn(run->journal);
    if (run->stats.n_torn > 0) {
        nm_progress_note(&run->progress, "journal: %lld torn records are computed again",
                         (long long)run->stats.n_torn);
    }

    begin_file(run);
    NM_TRY(compute(run));
    if (nm_journal_n_done(run->journal) < run->plan->n_tiles) {
        if (is_interrupted) {
            return stop_interrupted(run);
        }
        NM_TRY(nm_journal_sync(run->journal));
        nm_progress_note(
            &run->progress,
            "shard %d/%d is done; %lld of %lld tiles are there, the other shards add theirs",
            options->shard, options->n_shards, (long long)nm_journal_n_done(run->journal),
            (long long)run->plan->n_tiles);
        return NM_OK;
    }
    if (run->plan->refinement) {
        return refine(run, summary);
    }
    NM_TRY(assemble(run));
    run->stats.total_s = nm_clock() - run->start;
    if (summary) {
        measure_rates(run);
        nm_summary_print(summary, run->plan, run->tally, &run->stats, run->out_path);
    }
    return nm_out_file_judge(run->plan, nm_summary_failed_share(run->tally), run->out_path);
}

/* a run that went well did not, where the picture of it that was asked for is torn */
static nm_status end_timeline(run *run, nm_status status)
{
    if (status != NM_OK) {
        char *sentence = strdup(nm_last_error());
        nm_timeline_close(&run->timeline);
        if (sentence) {
            nm_fail(status, "%s", sentence);
        }
        free(sentence);
        return status;
    }
    return nm_timeline_close(&run->timeline);
}

static void release(run *run)
{
    nm_grid_nc_drop(&run->file);
    nm_tally_destroy(&run->tally);
    nm_journal_close(&run->journal, 0);
    nm_plan_destroy(&run->plan);
    pthread_mutex_destroy(&run->lock);
    free(run->out_path);
}

nm_status nm_run(const nm_config *config, const nm_model *model, const nm_run_options *options,
                 FILE *summary)
{
    run run;
    memset(&run, 0, sizeof run);
    run.config = config;
    run.options = options;
    run.begun = time(NULL);
    run.start = nm_clock();
    run.backend_options =
        (nm_backend_options){.n_threads = options->n_threads, .lanes = options->lanes};
    run.backend_options.report = &run.report;
    pthread_mutex_init(&run.lock, NULL);
    nm_set_quiet(options->quiet);
    nm_progress_begin(&run.progress, stderr,
                      options->quiet      ? NM_PROGRESS_QUIET
                      : options->log_json ? NM_PROGRESS_JSON
                                          : NM_PROGRESS_AUTO,
                      0, 0);

    nm_status status = go(&run, model, summary);
    status = end_timeline(&run, status);
    if (run.stats.n_computed > 0) {
        /* the sentence of the run outlives a failure to keep its diary */
        char *sentence = strdup(nm_last_error());
        run.stats.total_s = nm_clock() - run.start;
        if (nm_runlog_append(run.out_path, run.plan, &run.stats, run.begun, status) != NM_OK) {
            nm_progress_note(&run.progress, "%s", nm_last_error());
        }
        if (status != NM_OK && sentence) {
            nm_fail(status, "%s", sentence);
        }
        free(sentence);
    }
    release(&run);
    is_interrupted = 0;
    return status;
}
