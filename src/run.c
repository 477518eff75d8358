/* The pipeline, visible in one function: nm_run. Its tiles are in run_tiles.c.
 *
 * 1. interruption   2. a finished file   3. the journal   4. after the tiles   5. stages of a
 * refinement   6. the run */
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "out_file.h"
#include "pilot.h"
#include "plan.h"
#include "projection_pilot.h"
#include "refine.h"
#include "run_parts.h"
#include "runlog.h"
#include "words.h"

enum { PILOT_POINTS = 2048, LEAST_PILOT = 512 };
static const double pilot_seconds = 0.25; /* at most this long per rate */

/* --- 1. interruption -------------------------------------------------------------------------- */

/* How often it was asked for, and how often when the last run to end did so: runs side by side all
 * stop, and the next one does not. Lock-free, so that a signal handler may ask in any thread. */
static atomic_int n_asked, n_answered;

void nm_run_interrupt(void)
{
    atomic_fetch_add(&n_asked, 1);
}

int nm_run_interrupts(void)
{
    return atomic_load(&n_answered);
}

int nm_run_is_interrupted(int n_interrupts)
{
    return atomic_load(&n_asked) != n_interrupts;
}

void nm_run_answer(void)
{
    atomic_store(&n_answered, atomic_load(&n_asked));
}

/* --- 2. a finished file ----------------------------------------------------------------------- */

static nm_status end_refinement(nm_run_state *run, const nm_refine_report *report,
                                const nm_run_stats *stats, FILE *summary)
{
    if (summary) {
        nm_refine_print(summary, run->plan, report, stats, run->out_path);
    }
    return nm_out_file_judge(run->plan, nm_refine_failed_share(report), run->out_path);
}

static nm_status report_finished(nm_run_state *run, FILE *summary)
{
    if (run->rank > 0) {
        return NM_OK;
    }
    nm_progress_start(&run->progress, 0, run->plan->n_points, run->plan->n_points);
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

static void note(void *context, const char *sentence)
{
    nm_run_state *run = context;
    nm_progress_note(&run->progress, "%s", sentence);
}

/* --- 3. the journal --------------------------------------------------------------------------- */

static nm_status check_disk(const nm_run_state *run)
{
    double free_bytes = nm_file_free_bytes(run->out_path);
    double needed = (double)run->plan->peak_disk_bytes -
                    (double)nm_journal_n_done(run->journal) * (double)run->plan->record_bytes;
    if (free_bytes >= 0.0 && needed > free_bytes) {
        char needed_words[NM_WORDS], free_words[NM_WORDS];
        return nm_fail(
            NM_IO,
            "%s: the run needs %s more disk at its peak, and its file system has %s free; free "
            "some, "
            "choose another place with -o, or store less (output.variables, output.precision, "
            "[[reduce]])",
            run->out_path, nm_words_bytes(needed_words, needed),
            nm_words_bytes(free_words, free_bytes));
    }
    return NM_OK;
}

/* The journal of rank 0 or of a shard: lock and scan. is_done: another run has just made the file. */
static nm_status open_first(nm_run_state *run, int *is_done)
{
    const nm_run_options *options = run->options;
    *is_done = 0;
    if (run->rank > 0) {
        return NM_OK;
    }
    NM_TRY(options->n_shards > 1
               ? nm_journal_open_shard(&run->journal, run->out_path, run->plan, options->shard,
                                       options->n_shards)
               : nm_journal_open(&run->journal, run->out_path, run->plan, options->fresh));
    nm_out_file_clear(run->out_path);
    if (options->fresh) {
        nm_refine_sweep(run->out_path);
    }
    NM_TRY(nm_out_file_look(is_done, run->out_path, run->plan, 0));
    *is_done = *is_done && !options->fresh;
    if (*is_done) {
        nm_refine_sweep(run->out_path);
        nm_journal_close(&run->journal, nm_journal_claim(run->journal));
        return NM_OK;
    }
    int64_t n_done = nm_journal_n_done(run->journal);
    nm_status status = check_disk(run);
    if (status != NM_OK) {
        nm_journal_close(&run->journal, n_done == 0 && nm_journal_claim(run->journal));
    }
    return status;
}

/* What is done is known to rank 0, and then to all. */
static nm_status join_ranks(nm_run_state *run)
{
    if (run->n_ranks == 1) {
        return NM_OK;
    }
    const int64_t n_tiles = run->plan->n_tiles;
    int number = run->rank == 0 ? nm_journal_number(run->journal) : 0;
    unsigned char *done = calloc((size_t)n_tiles, 1);
    nm_status status =
        nm_comm_agree(done ? NM_OK : nm_fail(NM_MEMORY, "out of memory for the list of tiles"));
    if (status == NM_OK) {
        if (run->rank == 0) {
            nm_journal_list_done(run->journal, done);
        }
        nm_comm_share(&number, sizeof number);
        nm_comm_share(done, n_tiles);
        status =
            nm_comm_agree(run->rank == 0 ? NM_OK
                                         : nm_journal_join(&run->journal, run->out_path, run->plan,
                                                           run->rank, number, done));
    }
    free(done);
    return status;
}

/* what a reader of the log should know */
static void tell_beginning(nm_run_state *run)
{
    const int64_t n_done = nm_journal_n_done(run->journal);
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
}

/* The file grows with the journal where it may, and where this run ends with it. */
static void begin_file(nm_run_state *run)
{
    if (nm_grid_nc_takes(run->plan) && !run->plan->refinement && run->options->n_shards <= 1 &&
        run->n_ranks == 1 && nm_journal_n_done(run->journal) < run->plan->n_tiles) {
        (void)nm_grid_nc_begin(&run->file, run->out_path, run->plan, 0);
    }
}

/* --- 4. after the tiles ----------------------------------------------------------------------- */

static nm_status stop_interrupted(nm_run_state *run)
{
    NM_TRY(nm_journal_sync(run->journal));
    return nm_fail(NM_INTERRUPTED,
                   "interrupted: %lld of %lld tiles are done and safe in %s.parts; the same "
                   "command goes on from there",
                   (long long)nm_journal_n_done(run->journal), (long long)run->plan->n_tiles,
                   run->out_path);
}

/* is_complete: all tiles are there, and the file is this process' to make. */
static nm_status gather(nm_run_state *run, int *is_complete)
{
    const nm_run_options *options = run->options;
    int is_stopped = nm_run_is_interrupted(run->n_interrupts) || atomic_load(&run->must_stop);
    *is_complete = 0;
    if (run->rank > 0) {
        return NM_OK;
    }
    /* a shard that was stopped leaves the file to others, or to its next start */
    const int is_mine = options->n_shards <= 1 || (!is_stopped && nm_journal_claim(run->journal));
    if (is_mine && (run->n_ranks > 1 || options->n_shards > 1)) {
        NM_TRY(nm_journal_look_again(run->journal));
    }
    if (is_mine && nm_journal_n_done(run->journal) == run->plan->n_tiles) {
        *is_complete = 1;
        return NM_OK;
    }
    if (is_stopped) {
        return stop_interrupted(run);
    }
    nm_progress_note(&run->progress,
                     is_mine
                         ? "shard %d/%d is done; %lld of %lld tiles are there, the other shards "
                           "add theirs"
                         : "shard %d/%d is done; others are at work, and the last one makes the "
                           "file",
                     options->shard, options->n_shards, (long long)nm_journal_n_done(run->journal),
                     (long long)run->plan->n_tiles);
    return NM_OK;
}

static nm_status assemble(nm_run_state *run)
{
    double start = nm_clock();
    nm_progress_say(&run->progress, "writing the file");
    if (run->file && atomic_load(&run->is_behind)) {
        nm_grid_nc_drop(&run->file);
    }
    NM_TRY(run->file ? nm_grid_nc_end(&run->file, run->journal, &run->tally)
                     : nm_grid_nc_assemble(run->out_path, run->plan, run->journal, 0, &run->tally));
    nm_journal_close(&run->journal, 1);
    double end = nm_clock();
    run->stats.assemble_s = end - start;
    nm_timeline_add(run->timeline, nm_timeline_row(run->timeline, "file", "assembly"), "assembly",
                    start, end);
    return NM_OK;
}

/* Both solvers on the same points, one thread each: which one to use is a matter of their rates, but for
 * trajectories, which take longer than either. */
static void measure_rates(nm_run_state *run)
{
    nm_pilot newton, follow;
    int lanes = run->options->lanes;
    if (run->stats.n_computed > 0 && run->plan->n_points >= LEAST_PILOT &&
        run->plan->task.stochastic.n_trajectories == 0 &&
        nm_pilot_run(&newton, run->plan, NM_MODE_AUTO, 0.0, lanes, PILOT_POINTS, pilot_seconds) ==
            NM_OK &&
        nm_pilot_run(&follow, run->plan, NM_MODE_FOLLOW, 0.0, lanes, PILOT_POINTS, pilot_seconds) ==
            NM_OK) {
        run->stats.auto_rate = nm_pilot_rate(&newton);
        run->stats.follow_rate = nm_pilot_rate(&follow);
        run->stats.n_pilot = newton.n_points;
    }
}

static nm_status end(nm_run_state *run, FILE *summary)
{
    NM_TRY(assemble(run));
    run->stats.total_s = nm_clock() - run->start;
    if (summary) {
        nm_progress_say(&run->progress, "measuring the rates of both solvers");
        measure_rates(run);
        nm_progress_stop(&run->progress);
        nm_summary_print(summary, run->plan, run->tally, &run->stats, run->out_path);
    }
    return nm_out_file_judge(run->plan, nm_summary_failed_share(run->tally), run->out_path);
}

/* --- 5. stages of a refinement ---------------------------------------------------------------- */

/* The points of a stage are computed as those of a scan of their own, into a journal of their own. */
static nm_status solve_stage(void *context, nm_plan *stage, const char *path, const char *what,
                             nm_journal **journal)
{
    nm_run_state *run = context;
    nm_plan *plan = run->plan;
    nm_journal *first = run->journal;
    NM_TRY(nm_journal_open(journal, path, stage, 0));
    run->plan = stage;
    run->journal = *journal;
    run->i_stage++;
    nm_progress_note(&run->progress, "%s%s", what,
                     nm_journal_n_done(*journal) < stage->n_tiles ? "" : ", done before");
    nm_status status = nm_run_tiles(run);
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

static nm_status refine(nm_run_state *run, FILE *summary)
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
    if (options->n_shards > 1 && options->fresh) {
        return nm_fail(NM_USAGE,
                       "--fresh with --shard %d/%d: it would throw away what the other shards have "
                       "done; remove the "
                       "unfinished run and the file before the first shard starts",
                       options->shard, options->n_shards);
    }
    if (options->n_threads < 0) {
        return nm_fail(NM_USAGE, "--threads %d: a number of threads is 1 or more",
                       options->n_threads);
    }
    return NM_OK;
}

/* The backend that the run was begun with goes on with it, whatever else the machine has; or the
 * one that made the finished file. NULL: nothing is there. */
static nm_status find_begun(const nm_backend **backend, nm_run_state *run)
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
static nm_status choose_backend(nm_run_state *run)
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
static nm_status check_backend(nm_run_state *run)
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

/* the question, the same for all ranks */
static nm_status make_plan(nm_run_state *run, const nm_model *model)
{
    const nm_run_options *options = run->options;
    NM_TRY(check_options(options));
    NM_TRY(nm_backend_choose(&run->backend, options->backend)); /* a wrong name comes first */
    NM_TRY(nm_out_file_choose(&run->out_path, run->config->path, options->output));
    NM_TRY(nm_plan_build(&run->plan, run->config, model, "cpu"));
    if (run->plan->refinement && (options->n_shards > 1 || run->n_ranks > 1)) {
        return nm_fail(NM_USAGE,
                       "%s: a stage of a refinement needs all points of those before it: start one "
                       "process, and leave --shard out",
                       run->config->path);
    }
    return NM_OK;
}

/* rank 0 chooses, the others follow */
static nm_status agree_on_backend(nm_run_state *run)
{
    char name[16] = "", fingerprint[33] = "";
    NM_TRY(nm_comm_agree(run->rank == 0 ? choose_backend(run) : NM_OK));
    snprintf(name, sizeof name, "%s", run->rank == 0 ? run->backend->name : "");
    snprintf(fingerprint, sizeof fingerprint, "%s", run->plan->fingerprint);
    nm_comm_share(name, sizeof name);
    nm_comm_share(fingerprint, sizeof fingerprint);
    if (run->rank > 0) {
        NM_TRY(nm_backend_choose(&run->backend, name));
        run->stats.backend = run->backend->name;
        NM_TRY(nm_plan_set_backend(run->plan, name));
    }
    return nm_comm_agree(
        strcmp(run->plan->fingerprint, fingerprint) == 0
            ? NM_OK
            : nm_fail(
                  NM_FINGERPRINT,
                  "this process reads another question than rank 0 (fingerprints %.8s and %.8s): "
                  "all need the same configuration and the same nessmap",
                  run->plan->fingerprint, fingerprint));
}

/* All is there that the computation needs; nothing was touched. */
static nm_status prepare(nm_run_state *run)
{
    NM_TRY(check_backend(run));
    NM_TRY(nm_projection_prepare(run->plan));
    if (run->options->timeline && run->rank == 0) {
        NM_TRY(nm_timeline_open(&run->timeline, run->options->timeline));
        run->backend_options.timeline = run->timeline;
    }
    return NM_OK;
}

/* The answer may be there already. */
static nm_status look(nm_run_state *run, int *is_done)
{
    *is_done = 0;
    if (run->rank == 0) {
        NM_TRY(nm_out_file_look(is_done, run->out_path, run->plan, 0));
        *is_done = *is_done && !run->options->fresh;
        if (*is_done) {
            nm_out_file_sweep(run->out_path, run->plan);
        }
    }
    return NM_OK;
}

/* the steps, in order; `release` frees what they leave. Ranks agree after each: none waits for one that has failed. */
static nm_status go(nm_run_state *run, const nm_model *model, FILE *summary)
{
    int is_done;
    NM_TRY(nm_comm_agree(make_plan(run, model)));
    NM_TRY(agree_on_backend(run));
    NM_TRY(nm_comm_agree(look(run, &is_done)));
    nm_comm_share(&is_done, sizeof is_done);
    nm_progress_question(&run->progress, run->plan->n_points, run->config->path, run->config->title,
                         model->name, run->backend->name, run->out_path);
    if (is_done) {
        return nm_comm_agree(report_finished(run, summary));
    }
    NM_TRY(nm_comm_agree(prepare(run)));

    /* seen again under the lock, for another run may just have ended */
    NM_TRY(nm_comm_agree(open_first(run, &is_done)));
    nm_comm_share(&is_done, sizeof is_done);
    if (is_done) {
        return nm_comm_agree(report_finished(run, summary));
    }
    NM_TRY(join_ranks(run));
    tell_beginning(run);

    begin_file(run);
    run->is_at_work = 1;
    NM_TRY(nm_run_tiles(run));
    NM_TRY(nm_comm_agree(gather(run, &is_done)));
    nm_comm_share(&is_done, sizeof is_done);
    if (!is_done || run->rank > 0) {
        return nm_comm_agree(NM_OK);
    }
    if (run->plan->refinement) {
        return refine(run, summary);
    }
    return nm_comm_agree(end(run, summary));
}

/* a run that went well did not, where the picture of it that was asked for is torn */
static nm_status end_timeline(nm_run_state *run, nm_status status)
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

static void release(nm_run_state *run)
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
    nm_run_state run;
    memset(&run, 0, sizeof run);
    run.config = config;
    run.options = options;
    run.begun = time(NULL);
    run.start = nm_clock();
    run.n_interrupts = nm_run_interrupts();
    run.rank = nm_comm_rank();
    run.n_ranks = run.stats.n_ranks = nm_comm_size();
    run.backend_options = (nm_backend_options){
        .n_threads = options->n_threads > 0 ? options->n_threads : nm_comm_cores(),
        .lanes = options->lanes};
    run.backend_options.report = &run.report;
    pthread_mutex_init(&run.lock, NULL);
    nm_set_quiet(options->quiet || run.rank > 0);
    nm_set_log_json(options->log_json);
    nm_progress_begin(&run.progress, stderr,
                      options->quiet || run.rank > 0 ? NM_PROGRESS_QUIET
                      : options->log_json            ? NM_PROGRESS_JSON
                                                     : NM_PROGRESS_AUTO);

    nm_status status = go(&run, model, summary);
    status = end_timeline(&run, status);
    if (run.is_at_work && run.rank == 0) {
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
    nm_progress_end(&run.progress, status, nm_last_error());
    release(&run);
    nm_run_answer();
    nm_comm_wait();
    return status;
}
