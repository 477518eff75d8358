/* Prints the plan of a scan: what it is, what it takes here, and what it would take on a cluster.
 *
 * 1. room     2. ranks     3. the line for the batch system     4. all of it */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "cuda_batch.h"
#include "files.h"
#include "grid_nc.h"
#include "out_file.h"
#include "pilot.h"
#include "plan_cluster.h"
#include "scan.h"
#include "words.h"
#include "writer.h"

enum { INDENT = 13, MOST_ROWS = 4096 };

/* --- 1. room ---------------------------------------------------------------------------------- */

static void print_disk(const nm_plan *plan, const char *out_path, FILE *stream)
{
    double free_bytes = out_path ? nm_file_free_bytes(out_path) : -1.0;
    char has[NM_WORDS], needs[NM_WORDS];
    if (free_bytes < 0.0) {
        return;
    }
    fprintf(stream, "disk         %s are free where %s will be", nm_words_bytes(has, free_bytes),
            out_path);
    if ((double)plan->peak_disk_bytes > free_bytes) {
        fprintf(stream, ": too little, a run needs %s and is refused",
                nm_words_bytes(needs, (double)plan->peak_disk_bytes));
    }
    fputc('\n', stream);
}

/* What a GPU would be asked for if its memory had no end; what kernels need for themselves is known
 * to their modules alone, which only a GPU can open. */
static void print_device_memory(const nm_plan *plan, int64_t n_ranks, FILE *stream)
{
    nm_cuda_device *device = calloc(1, sizeof *device);
    nm_cuda_shape shape;
    char points[NM_WORDS], bytes[NM_WORDS], limit[NM_WORDS];
    int at = fprintf(stream, "GPU          ");
    if (!device || plan->task.gradients.n_outputs > 0) {
        fprintf(stream, "none: derivatives are taken by CPUs alone\n");
        free(device);
        return;
    }
    device->plan = plan;
    device->info.free_bytes = (size_t)1 << 60;
    if (nm_cuda_shape_fit(&shape, device, (int)n_ranks) == NM_OK) {
        nm_put_wrapped(stream, &at, INDENT,
                       "up to %s for the results of %d batches of %s points, and what kernels need "
                       "beside them: on a machine with a GPU, the line `device` says all;",
                       nm_words_bytes(bytes, (double)nm_cuda_shape_bytes(&shape, device)),
                       shape.n_slots, nm_words_count(points, shape.n_tiles * shape.tile_points));
        if (plan->config->device_memory_bytes > 0) {
            nm_put_wrapped(stream, &at, INDENT, " in all %s at most ([limits] device_memory)",
                           nm_words_bytes(limit, (double)plan->config->device_memory_bytes));
        } else {
            nm_put_wrapped(stream, &at, INDENT,
                           " batches become smaller where less is free, and [limits] device_memory "
                           "caps them");
        }
    } else {
        nm_put_wrapped(stream, &at, INDENT, "%s", nm_last_error());
    }
    fputc('\n', stream);
    free(device);
}

/* --- 2. ranks --------------------------------------------------------------------------------- */

static nm_cluster describe(const nm_plan *plan, const nm_pilot *pilot, int n_threads)
{
    double points = (double)plan->tile_points;
    return (nm_cluster){
        .n_tiles = plan->n_tiles,
        .n_threads = n_threads,
        .tile_s = points / nm_pilot_rate(pilot),
        .slow_tile_s = points * fmax(pilot->slow_s, 1.0 / nm_pilot_rate(pilot)),
        .journal_bytes = (double)(plan->peak_disk_bytes - plan->file_bytes),
        .file_bytes = (double)plan->file_bytes,
        .file_rate = plan->config->compression > 0 ? NM_CLUSTER_DEFLATE_RATE : NM_CLUSTER_FILE_RATE,
        .grows = nm_grid_nc_takes(plan),
    };
}

static void print_row(const nm_cluster *cluster, int64_t n_ranks, FILE *stream)
{
    nm_cluster_time time;
    char count[NM_WORDS], total[NM_WORDS], compute[NM_WORDS], file[NM_WORDS];
    nm_cluster_estimate(&time, cluster, n_ranks);
    fprintf(stream, "%12s %14s %14s %14s %8.1f %%\n", nm_words_count(count, n_ranks),
            nm_words_time(total, time.total), nm_words_time(compute, time.compute),
            nm_words_time(file, time.file), 100.0 * time.efficiency);
}

/* the number of ranks of the row after that of `last`: a power of two, as many as have work, or as many
 * as were asked for; 0: none */
static int64_t next_row(int64_t last, int64_t n_fed, int64_t n_ranks)
{
    int64_t power = 1;
    while (power <= last) {
        power *= 2;
    }
    int64_t candidate[] = {power <= MOST_ROWS && power < n_fed ? power : 0,
                           n_fed < 2 * MOST_ROWS ? n_fed : 0, n_ranks};
    int64_t next = 0;
    for (size_t i = 0; i < sizeof candidate / sizeof candidate[0]; i++) {
        if (candidate[i] > last && (next == 0 || candidate[i] < next)) {
            next = candidate[i];
        }
    }
    return next;
}

static void print_table(const nm_cluster *cluster, int64_t n_ranks, FILE *stream)
{
    int64_t n_fed = nm_cluster_fed(cluster);
    fprintf(stream, "%12s %14s %14s %14s %10s\n", "ranks", "expected time", "computing", "the file",
            "efficiency");
    for (int64_t n = next_row(0, n_fed, n_ranks); n > 0; n = next_row(n, n_fed, n_ranks)) {
        print_row(cluster, n, stream);
    }
}

static void print_model(const nm_cluster *cluster, FILE *stream)
{
    char start[NM_WORDS], rank[NM_WORDS], journal[NM_WORDS], scan[NM_WORDS], file[NM_WORDS];
    int at = fprintf(stream, "model        ");
    nm_put_wrapped(
        stream, &at, INDENT,
        "expected time = start + tiles of the busiest thread, one of them slow (or what its rank "
        "writes, where that takes longer) + reading the journal back and writing the file, by one "
        "rank. Measured by the pilot, on this machine: the times of tiles. Taken for granted: %s "
        "and %s a rank to start, %s/s for what a rank writes, %s/s to read it back, %s/s for the "
        "file, equal nodes, and disks that keep up with all ranks",
        nm_words_time(start, NM_CLUSTER_START_S), nm_words_time(rank, NM_CLUSTER_RANK_S),
        nm_words_bytes(journal, NM_CLUSTER_WRITE_RATE), nm_words_bytes(scan, NM_CLUSTER_SCAN_RATE),
        nm_words_bytes(file, cluster->file_rate));
    fputc('\n', stream);
}

/* what more ranks would bring */
static void print_bound(const nm_cluster *cluster, FILE *stream)
{
    int64_t n_useful = nm_cluster_useful(cluster), n_fed = nm_cluster_fed(cluster);
    char count[NM_WORDS], tiles[NM_WORDS], least[NM_WORDS];
    nm_cluster_time time;
    nm_cluster_estimate(&time, cluster, n_useful);
    int at = fprintf(stream, "worth it     ");
    nm_put_wrapped(stream, &at, INDENT,
                   "up to %s rank%s: beyond, less than half of each is used; start and file, %s, "
                   "are never shared.",
                   nm_words_count(count, n_useful), n_useful == 1 ? "" : "s",
                   nm_words_time(least, time.start + time.file));
    if (n_fed <= MOST_ROWS) {
        nm_put_wrapped(stream, &at, INDENT,
                       " %s tile%s feed %s rank%s of %d thread%s: any more would have none",
                       nm_words_count(tiles, cluster->n_tiles), cluster->n_tiles == 1 ? "" : "s",
                       nm_words_count(count, n_fed), n_fed == 1 ? "" : "s", cluster->n_threads,
                       cluster->n_threads == 1 ? "" : "s");
    }
    fputc('\n', stream);
}

/* --- 3. the line for the batch system --------------------------------------------------------- */

/* a word as a shell reads it back */
static void print_word(FILE *stream, const char *word)
{
    int is_plain = *word != '\0';
    for (const char *c = word; *c; c++) {
        is_plain = is_plain && (isalnum((unsigned char)*c) || strchr("_./=,:+-", *c));
    }
    fputc(' ', stream);
    if (is_plain) {
        fputs(word, stream);
        return;
    }
    fputc('\'', stream);
    for (const char *c = word; *c; c++) {
        fprintf(stream, *c == '\'' ? "'\\''" : "%c", *c);
    }
    fputc('\'', stream);
}

static void print_sbatch(const nm_cluster *cluster, int64_t n_ranks, const char *config_path,
                         const char *out_path, const nm_plan_options *options, FILE *stream)
{
    nm_cluster_time time;
    nm_cluster_estimate(&time, cluster, n_ranks);
    double limit = nm_cluster_limit(time.total);
    fprintf(stream,
            "submit       sbatch --ntasks=%lld --cpus-per-task=%d --time=", (long long)n_ranks,
            cluster->n_threads);
    long long minutes = llround(fmin(limit, 3e9) / 60.0);
    if (minutes >= 24 * 60) {
        fprintf(stream, "%lld-", minutes / (24 * 60));
    }
    fprintf(stream, "%02lld:%02lld:00 tools/slurm/job.sbatch", minutes / 60 % 24, minutes % 60);
    print_word(stream, config_path);
    print_word(stream, out_path ? out_path : "OUT.nc");
    for (int i = 0; i < options->n_overrides; i++) {
        fprintf(stream, " --set");
        print_word(stream, options->overrides[i]);
    }
    fputc('\n', stream);
}

/* --- 4. all of it ----------------------------------------------------------------------------- */

static void print_cluster(const nm_plan *plan, const nm_pilot *pilot, const char *out_path,
                          const nm_plan_options *options, FILE *stream)
{
    if (plan->refinement) {
        fprintf(stream,
                "cluster      no estimate: a refinement is run whole, by one process, and its "
                "points are known only then\n");
        return;
    }
    if (!(nm_pilot_rate(pilot) > 0.0)) {
        return;
    }
    nm_cluster cluster = describe(plan, pilot, nm_backend_cpu_threads(options->n_threads));
    int64_t n_ranks = options->n_ranks > 0 ? options->n_ranks : nm_cluster_sensible(&cluster);
    char points[NM_WORDS], tile[NM_WORDS], slow[NM_WORDS], bytes[NM_WORDS];
    fprintf(
        stream,
        "\non a cluster, ranks of %d thread%s:\n"
        "rank         takes about %s of memory\n",
        cluster.n_threads, cluster.n_threads == 1 ? "" : "s",
        nm_words_bytes(bytes, (double)nm_plan_memory(plan, cluster.n_threads + NM_WRITER_QUEUE)));
    print_device_memory(plan, n_ranks, stream);
    fprintf(stream,
            "pilot        a tile of %s points takes one thread %s; one of ten, %s or more\n",
            nm_words_count(points, plan->tile_points), nm_words_time(tile, cluster.tile_s),
            nm_words_time(slow, cluster.slow_tile_s));
    print_table(&cluster, n_ranks, stream);
    print_model(&cluster, stream);
    print_bound(&cluster, stream);
    print_sbatch(&cluster, n_ranks, plan->config->path, out_path, options, stream);
}

nm_status nm_scan_print_plan(nm_scan *scan, const nm_plan_options *options, FILE *stream)
{
    nm_plan_options standard = {0};
    nm_plan *plan = NULL;
    nm_pilot pilot;
    char *out_path = NULL;
    options = options ? options : &standard;
    nm_status status = nm_out_file_choose(&out_path, scan->config->path, options->output);
    if (status != NM_OK && !options->output) {
        free(out_path); /* it will be run elsewhere */
        out_path = NULL;
        status = NM_OK;
    }
    if (status == NM_OK) {
        status = nm_plan_build(&plan, scan->config, scan->model, "cpu");
    }
    if (status == NM_OK) {
        nm_plan_print(plan, stream);
        print_disk(plan, out_path, stream);
        nm_backend_describe_plan(plan, stream);
        status = nm_pilot_print(&pilot, plan, stream);
    }
    if (status == NM_OK) {
        print_cluster(plan, &pilot, out_path, options, stream);
    }
    nm_plan_destroy(&plan);
    free(out_path);
    return status;
}
