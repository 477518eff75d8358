/* Parts of gpu_check that measure: sets a second, bytes a second, and where the time goes. */
#include "check.h"

#include <math.h>
#include <string.h>

enum { N_REPEATS = 5 };

/* Model A of shared benchmarks in the names of pump_leak:
 *   g_Na 0.02-1, g_K 0.1-10, g_Cl 0.1-10 S m-2 (log);  p_max 1e-7-1e-5 mol m-2 s-1 (log);  K_Na 5-50 mol m-3 (log);
 *   K_o 2-8 mol m-3, with Na_o = 145 - K_o and Cl_o = 145 mol m-3, so that the bath is neutral;  Y_o 0-30 mol m-3,
 *   uncharged;  dG_ATP -62 to -42 kJ mol-1;  z_X -2 to -0.7;  N_X 3e-5-3e-4 mol m-2 (log);  P_f 2e-5-2e-4 m s-1 (log)
 * Leaks ohmic, pump rev, membrane capacitive, no cotransport. Without a bath impermeant (a third of the sets) a cell
 * that pumps too little or too much bursts. */
void nm_check_model_a(nm_check_scan *s, int has_bath_impermeant)
{
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "g_Na", 0.02, 1.0, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "g_K", 0.1, 10.0, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "g_Cl", 0.1, 10.0, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "p_max", 1e-7, 1e-5, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "K_Na", 5.0, 50.0, 0.0);
    nm_check_vary(s, NM_DIST_UNIFORM, "K_o", 2.0, 8.0, 0.0);
    nm_check_vary(s, NM_DIST_UNIFORM, "dG_ATP", -62000.0, -42000.0, 0.0);
    nm_check_vary(s, NM_DIST_UNIFORM, "z_X", -2.0, -0.7, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "N_X", 3e-5, 3e-4, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "P_f", 2e-5, 2e-4, 0.0);
    if (has_bath_impermeant) {
        nm_check_vary(s, NM_DIST_UNIFORM, "Y_o", 0.0, 30.0, 0.0);
    }
    nm_check_fix(s, "Cl_o", 145.0);
    nm_check_tie(s, "Na_o", 145.0, "K_o", -1.0, NULL, 0.0);
}

typedef struct bench {
    const char *backend;
    nm_mode mode;
    double rtol;
    double n;                    /* sets at scale 1, both kinds of bath together */
    int is_reduced, is_one_bath; /* one bath: all sets have an impermeant there */
    const char *outputs;
    const int64_t *memory; /* [n_slices] limits of device memory, or NULL */
} bench;

/* Totals of the two scans of a measurement: sets without (1/3) and with (2/3) an impermeant in the bath. */
typedef struct totals {
    int64_t n_points, n_newton, n_failed, n_bytes, batch_points;
    int n_batches;
    double wall;                        /* kernels found and loaded included */
    double run, compute, copy, journal; /* of the device, by its events */
    char note[512], kernels[24];
} totals;

static nm_status run_scan(totals *t, const bench *what, const nm_check_settings *settings,
                          int has_bath_impermeant, int64_t slice, nm_timeline *timeline)
{
    nm_check_scan scan;
    nm_check_store store = {0};
    nm_backend_options options = {.n_threads = settings->n_threads, .timeline = timeline};
    double share = what->is_one_bath ? 1.0 : has_bath_impermeant ? 2.0 / 3.0 : 1.0 / 3.0;
    double n = what->n * settings->scale * share;
    int64_t points = n < 64.0 ? 64 : (int64_t)n;
    nm_check_start(&scan, nm_check_model("pump_leak"));
    nm_check_model_a(&scan, has_bath_impermeant);
    nm_check_outputs(&scan, what->outputs, !what->is_reduced);
    if (scan.status == NM_OK) {
        scan.plan->task.solver.mode = what->mode;
        scan.plan->task.solver.rtol = what->rtol;
        scan.config.device_memory_bytes = what->memory ? what->memory[slice] : 0;
    }
    nm_status status = what->is_reduced
                           ? nm_check_finish_reduced(&scan, NM_REDUCE_SUMMARY, points, points)
                           : nm_check_finish(&scan, points, 1, NM_CHECK_AUTO_TILE);
    const char *backend = settings->only ? settings->only : what->backend;
    if (status == NM_OK) {
        status = nm_check_run(&store, scan.plan, backend, &options, 0, scan.plan->n_tiles, 0);
    }
    if (status == NM_OK) {
        t->n_points += store.n_points;
        t->n_newton += store.n_newton;
        t->n_failed += store.n_failed;
        t->n_bytes += store.n_bytes;
        t->wall += store.seconds;
        t->run += store.device.wall_s;
        t->compute += store.device.compute_s;
        t->copy += store.device.copy_s;
        t->journal += store.device.journal_s;
        t->batch_points = store.device.batch_points;
        t->n_batches = store.device.n_batches;
        snprintf(t->kernels, sizeof t->kernels, "%s", store.device.kernels);
        if (store.n_notes > 0) {
            snprintf(t->note, sizeof t->note, "%s", store.note);
        }
    }
    nm_check_store_clear(&store);
    nm_check_clear(&scan);
    return status;
}

static nm_status run_bench(const nm_check_part *part, nm_check_report *report,
                           const nm_check_settings *settings, int64_t slice)
{
    (void)part;
    const bench *what = part->what;
    totals t = {0};
    nm_timeline *timeline = NULL;
    if (settings->timeline) {
        NM_TRY(nm_timeline_open(&timeline, settings->timeline));
    }
    nm_status status = what->is_one_bath ? NM_OK : run_scan(&t, what, settings, 0, slice, timeline);
    if (status == NM_OK) {
        status = run_scan(&t, what, settings, 1, slice, timeline);
    }
    nm_status closed = nm_timeline_close(&timeline);
    NM_TRY(status);
    NM_TRY(closed);
    nm_check_integer(report, "sets", t.n_points);
    nm_check_number(report, "time_wall", t.wall);
    nm_check_number(report, "rate_sets_wall", (double)t.n_points / t.wall);
    nm_check_number(report, "rate_bytes_wall", (double)t.n_bytes / t.wall);
    nm_check_number(report, "bytes_a_set", (double)t.n_bytes / (double)t.n_points);
    nm_check_number(report, "share_newton", (double)t.n_newton / (double)t.n_points);
    nm_check_number(report, "share_failed", (double)t.n_failed / (double)t.n_points);
    if (t.run > 0.0) {
        char overlap[160];
        snprintf(overlap, sizeof overlap,
                 "computing %.3f s, copying %.3f s, handing over %.3f s, all within %.3f s",
                 t.compute, t.copy, t.journal, t.run);
        nm_check_number(report, "rate_sets_events", (double)t.n_points / t.compute);
        nm_check_number(report, "rate_sets_run", (double)t.n_points / t.run);
        nm_check_number(report, "rate_bytes_run", (double)t.n_bytes / t.run);
        nm_check_number(report, "share_computing", t.compute / t.run);
        nm_check_number(report, "share_copying", t.copy / t.run);
        nm_check_text(report, "overlap", overlap);
        nm_check_integer(report, "batch_points", t.batch_points);
        nm_check_integer(report, "batches_at_once", t.n_batches);
        nm_check_text(report, "kernels", t.kernels);
    }
    if (what->memory) {
        char line[160];
        snprintf(line, sizeof line, "| %lld MiB | %lld | %d | %.4g | %.4g |",
                 (long long)(what->memory[slice] >> 20), (long long)t.batch_points, t.n_batches,
                 (double)t.n_points / t.wall,
                 t.compute > 0.0 ? (double)t.n_points / t.compute : 0.0);
        if (slice == 0) {
            nm_check_text(
                report, "table",
                "| device memory | points of a batch | batches at once | sets/s, wall clock | "
                "sets/s, events |");
            nm_check_text(report, "table", "|---|---|---|---|---|");
        }
        nm_check_text(report, "table", line);
        nm_check_integer(report, "device_memory", what->memory[slice]);
    }
    if (t.note[0]) {
        nm_check_text(report, "note", t.note);
    }
    nm_check_demand(report, t.n_failed == 0, "%lld of %lld sets of model A were not solved",
                    (long long)t.n_failed, (long long)t.n_points);
    return NM_OK;
}

static nm_status run_copy(const nm_check_part *part, nm_check_report *report,
                          const nm_check_settings *settings, int64_t slice)
{
    (void)part;
    (void)slice;
    double bytes = (double)(INT64_C(1) << 30) * settings->scale;
    return nm_check_copy_rate(report, bytes < 4096.0 ? 4096 : (int64_t)bytes, 20);
}

/* Model A, a full batch again and again. */
static nm_status run_kernels(const nm_check_part *part, nm_check_report *report,
                             const nm_check_settings *settings, int64_t slice)
{
    (void)slice;
    const bench *what = part->what;
    nm_check_scan scan;
    double n = what->n * settings->scale;
    int64_t points = n < 4096.0 ? 4096 : (int64_t)n;
    nm_check_start(&scan, nm_check_model("pump_leak"));
    nm_check_model_a(&scan, 1);
    nm_check_outputs(&scan, what->outputs, 0);
    if (scan.status == NM_OK) {
        scan.plan->task.solver.mode = what->mode;
        scan.plan->task.solver.rtol = what->rtol;
    }
    nm_status status = nm_check_finish_reduced(&scan, NM_REDUCE_SUMMARY, points, points);
    if (status == NM_OK) {
        status = nm_check_kernel_times(report, scan.plan, 10);
    }
    nm_check_clear(&scan);
    return status;
}

/* --- the list ------------------------------------------------------------------------------------------------- */

static const int64_t limits[] = {INT64_C(256) << 20, INT64_C(1) << 30, INT64_C(4) << 30,
                                 INT64_C(16) << 30, INT64_C(48) << 30};
enum { N_LIMITS = sizeof limits / sizeof limits[0] };

static const bench reduced = {"cuda", NM_MODE_AUTO, 1e-6, 1e10, 1, 0, "default", NULL},
                   one_output = {"cuda", NM_MODE_AUTO, 1e-6, 1e10, 1, 0, "V", NULL},
                   by_memory = {"cuda", NM_MODE_AUTO, 1e-6, 1e9, 1, 0, "default", limits},
                   followed = {"cuda", NM_MODE_FOLLOW, 1e-4, 2e8, 1, 0, "default", NULL},
                   full = {"cuda", NM_MODE_AUTO, 1e-6, 1e9, 0, 0, "default", NULL},
                   full_v = {"cuda", NM_MODE_AUTO, 1e-6, 1e9, 0, 0, "V ell", NULL},
                   tool = {"cuda", NM_MODE_AUTO, 1e-6, 2e7, 1, 0, "default", NULL},
                   tool_full = {"cuda", NM_MODE_AUTO, 1e-6, 4e7, 0, 0, "default", NULL},
                   tool_follow = {"cuda", NM_MODE_FOLLOW, 1e-4, 1e6, 1, 0, "default", NULL},
                   batch_auto = {"cuda", NM_MODE_AUTO, 1e-6, 3e7, 1, 1, "default", NULL},
                   batch_follow = {"cuda", NM_MODE_FOLLOW, 1e-4, 3e7, 1, 1, "default", NULL},
                   rival = {"cuda", NM_MODE_AUTO, 1e-6, 1e9, 1, 1, "default", NULL},
                   cpu_auto = {"cpu", NM_MODE_AUTO, 1e-6, 3e7, 1, 0, "default", NULL},
                   cpu_follow = {"cpu", NM_MODE_FOLLOW, 1e-4, 1e6, 1, 0, "default", NULL};

const nm_check_part nm_check_benches[] = {
    {"bench_copy", "plain copies from the device into pinned memory", 1, run_copy, NULL},
    {"bench_auto", "model A, auto, 1e10 sets drawn and reduced on the device, default outputs",
     N_REPEATS, run_bench, &reduced},
    {"bench_auto_v", "the same, V alone reduced", N_REPEATS, run_bench, &one_output},
    {"bench_memory", "model A, auto, 1e9 sets, device memory 0.25 to 48 GiB", N_LIMITS, run_bench,
     &by_memory},
    {"bench_follow", "model A, follow, rtol 1e-4, 2e8 sets drawn and reduced on the device",
     N_REPEATS, run_bench, &followed},
    {"bench_full", "model A, auto, 1e9 sets, default outputs and parameters into pinned memory",
     N_REPEATS, run_bench, &full},
    {"bench_full_v", "model A, auto, 1e9 sets, V, ell and parameters into pinned memory", N_REPEATS,
     run_bench, &full_v},
    {"bench_kernels_auto", "every kernel of a batch of model A by itself, auto", 1, run_kernels,
     &batch_auto},
    {"bench_kernels_follow", "the same, follow at rtol 1e-4", 1, run_kernels, &batch_follow},
    {"bench_rival", "model A, auto, 1e9 sets, every bath with an impermeant: beside the rivals", 3,
     run_bench, &rival},
    {"bench_cpu_auto", "model A, auto, 3e7 sets on all cores of the CPU", 3, run_bench, &cpu_auto},
    {"bench_cpu_follow", "model A, follow, rtol 1e-4, 1e6 sets on all cores of the CPU", 3,
     run_bench, &cpu_follow},
    {"tool_bench", "model A, auto, 2e7 sets: for ncu", 1, run_bench, &tool},
    {"tool_full", "model A, auto, 4e7 sets, full output: for a timeline", 1, run_bench, &tool_full},
    {"tool_bench_follow", "model A, follow, 1e6 sets: for ncu", 1, run_bench, &tool_follow},
    {NULL, NULL, 0, NULL, NULL},
};
