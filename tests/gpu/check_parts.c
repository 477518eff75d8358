/* Parts of gpu_check that ask whether the device is right: the same parameters, verdicts, values and records as the
 * CPU, and the same bytes every time. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SET_TILE = 16384, SET_SLICES = 8 };

/* --- scenarios ------------------------------------------------------------------------------------------ */

/* Cells from ordinary to far out, in a neutral bath. */
static void wide_cells(nm_check_scan *s)
{
    nm_check_vary(s, NM_DIST_NORMAL, "T", 300.0, 6.0, 0.0);
    nm_check_vary(s, NM_DIST_UNIFORM, "Na_o", 20.0, 450.0, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "K_o", 0.5, 60.0, 0.0);
    nm_check_vary(s, NM_DIST_UNIFORM, "Y_o", 0.0, 60.0, 0.0);
    nm_check_vary(s, NM_DIST_TRIANGULAR, "z_X", -3.0, 0.5, -1.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "N_X", 1e-5, 1e-1, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "P_f", 1e-6, 5e-4, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "g_Na", 0.01, 3.0, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "g_K", 0.05, 30.0, 0.0);
    nm_check_vary(s, NM_DIST_LOGNORMAL, "g_Cl", 0.0, 1.0, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "P_Na", 1e-12, 3e-9, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "P_K", 1e-12, 1e-7, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "P_Cl", 1e-11, 1e-7, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "p_max", 1e-11, 1e-5, 0.0);
    nm_check_vary(s, NM_DIST_UNIFORM, "K_Na", 4.0, 25.0, 0.0);
    nm_check_vary(s, NM_DIST_UNIFORM, "K_K", 0.5, 4.0, 0.0);
    nm_check_vary(s, NM_DIST_UNIFORM, "kappa_r", 0.0, 2.0, 0.0);
    nm_check_vary(s, NM_DIST_UNIFORM, "dG_ATP", -65000.0, -20000.0, 0.0);
    nm_check_vary(s, NM_DIST_UNIFORM, "V_hold", -0.12, 0.04, 0.0);
    nm_check_tie(s, "Cl_o", 0.0, "Na_o", 1.0, "K_o", 1.0);
}

static void cotransport_cells(nm_check_scan *s)
{
    wide_cells(s);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "L_NKCC", 1e-12, 1e-7, 0.0);
    nm_check_vary(s, NM_DIST_LOGUNIFORM, "L_KCC", 1e-12, 1e-7, 0.0);
}

static void model_a_cells(nm_check_scan *s)
{
    nm_check_model_a(s, 1);
}

static void wide_cycles(nm_check_scan *s)
{
    static const char *const names[] = {"k1f", "k1r", "k2f", "k2r", "F_c", "W_c", "C_tot"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        nm_check_vary(s, NM_DIST_LOGUNIFORM, names[i], 1e-3, 1e3, 0.0);
    }
    nm_check_vary(s, NM_DIST_UNIFORM, "T", 273.15, 323.15, 0.0);
}

/* --- random sets ----------------------------------------------------------------------------------------- */

typedef struct sets {
    const char *model, *choices;
    void (*vary)(nm_check_scan *scan);
    nm_mode mode;
    int starts;
    double audit, rtol;
    int64_t n; /* points at scale 1 */
} sets;

static int64_t scaled(double n, double scale)
{
    n *= scale;
    return n < 1.0 ? 1 : (int64_t)n;
}

/* Tiles of slice `slice` of `n_slices` of a plan. */
static void slice_tiles(int64_t *first, int64_t *n, const nm_plan *plan, int64_t slice,
                        int64_t n_slices)
{
    *first = plan->n_tiles * slice / n_slices;
    *n = plan->n_tiles * (slice + 1) / n_slices - *first;
}

static nm_status run_sets(const nm_check_part *part, nm_check_report *report,
                          const nm_check_settings *settings, int64_t slice)
{
    const sets *what = part->what;
    nm_check_scan scan;
    nm_check_start(&scan, nm_check_model(what->model));
    nm_check_choose(&scan, what->choices);
    what->vary(&scan);
    nm_check_outputs(&scan, "*", 0);
    if (scan.status == NM_OK) {
        scan.plan->task.solver = (nm_solver){
            .mode = what->mode, .starts = what->starts, .audit = what->audit, .rtol = what->rtol};
    }
    int64_t n = scaled((double)what->n, settings->scale);
    /* small scales still have several tiles, the last of another size */
    int64_t tile = n / (2 * SET_SLICES) + 1 < SET_TILE ? n / (2 * SET_SLICES) + 1 : SET_TILE;
    nm_check_store cuda = {0}, cpu = {0};
    nm_backend_options options = {.n_threads = settings->n_threads};
    nm_status status = nm_check_finish(&scan, n, 1, tile);
    if (status == NM_OK) {
        int64_t first, n_tiles;
        slice_tiles(&first, &n_tiles, scan.plan, slice, part->n_slices);
        status = nm_check_run(&cuda, scan.plan, settings->only ? settings->only : "cuda", &options,
                              first, n_tiles, 1);
        if (status == NM_OK) {
            status = nm_check_run(&cpu, scan.plan, "cpu", &options, first, n_tiles, 1);
        }
        if (status == NM_OK && n_tiles > 0) {
            nm_check_compare(report, scan.plan, &cuda, &cpu);
            nm_check_integer(report, "n_newton", cuda.n_newton);
            nm_check_demand(report, cuda.n_newton == cpu.n_newton,
                            "%lld points by Newton alone on the device, %lld on "
                            "the CPU",
                            (long long)cuda.n_newton, (long long)cpu.n_newton);
            nm_check_number(report, "seconds_device", cuda.seconds);
            nm_check_number(report, "seconds_cpu", cpu.seconds);
        }
    }
    nm_check_store_clear(&cuda);
    nm_check_store_clear(&cpu);
    nm_check_clear(&scan);
    return status;
}

/* --- parameters of every design --------------------------------------------------------------------------- */

enum { DESIGN_GRID, DESIGN_RANDOM, DESIGN_CELLS, DESIGN_TABLE };

static const double list_values[] = {2.0, 3.5, 4.0, 5.4, 8.0, 12.5, 33.0};

static nm_status design_points(nm_check_scan *s, int design, int64_t n, double **columns)
{
    int64_t side = (int64_t)ceil(cbrt((double)n / 7.0));
    switch (design) {
    case DESIGN_GRID:
        nm_check_axis(s, NM_AXIS_LOG, "g_Na", side, 0.02, 1.0, NULL);
        nm_check_axis(s, NM_AXIS_LINEAR, "dG_ATP", side, -60000.0, -40000.0, NULL);
        nm_check_axis(s, NM_AXIS_LIST, "K_o", 7, 0.0, 0.0, list_values);
        nm_check_axis(s, NM_AXIS_LOG, "g_K", side, 0.1, 10.0, NULL);
        nm_check_tie(s, "Na_o", 150.0, "K_o", -1.0, NULL, 0.0);
        return nm_check_finish(s, 1, 1, NM_CHECK_AUTO_TILE);
    case DESIGN_RANDOM:
        wide_cells(s);
        return nm_check_finish(s, n, 1, NM_CHECK_AUTO_TILE);
    case DESIGN_CELLS:
        nm_check_axis(s, NM_AXIS_LINEAR, "dG_ATP", 31, -60000.0, -40000.0, NULL);
        nm_check_axis(s, NM_AXIS_LOG, "g_Na", 29, 0.02, 1.0, NULL);
        nm_check_vary(s, NM_DIST_LOGUNIFORM, "g_K", 0.1, 10.0, 0.0);
        nm_check_vary(s, NM_DIST_NORMAL, "z_X", -1.0, 0.2, 0.0);
        nm_check_vary(s, NM_DIST_TRIANGULAR, "K_o", 2.0, 8.0, 3.0);
        nm_check_tie(s, "Na_o", 150.0, "K_o", -1.0, NULL, 0.0);
        return nm_check_finish(s, n / (31 * 29) + 1, 1, NM_CHECK_AUTO_TILE);
    default: {
        static const char *const names[] = {"g_Na", "g_K", "dG_ATP"};
        static const double low[] = {0.02, 0.1, -60000.0}, high[] = {1.0, 10.0, -40000.0};
        *columns = malloc(3 * (size_t)n * sizeof **columns);
        if (!*columns) {
            return nm_fail(NM_MEMORY, "no memory for a table");
        }
        uint64_t state = 1;
        for (int64_t k = 0; k < 3 * n; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            (*columns)[k] =
                low[k / n] + (high[k / n] - low[k / n]) * (double)(state >> 11) * 0x1p-53;
        }
        for (int c = 0; c < 3; c++) {
            nm_check_column(s, names[c], *columns + c * n, n);
        }
        return nm_check_finish(s, 1, 1, NM_CHECK_AUTO_TILE);
    }
    }
}

static nm_status run_params(const nm_check_part *part, nm_check_report *report,
                            const nm_check_settings *settings, int64_t slice)
{
    (void)slice;
    nm_check_scan scan;
    nm_check_store store = {0};
    nm_backend_options options = {.n_threads = settings->n_threads};
    double *columns = NULL;
    nm_check_start(&scan, nm_check_model("pump_leak"));
    nm_check_outputs(&scan, "V", 1);
    nm_status status =
        design_points(&scan, *(const int *)part->what, scaled(1e6, settings->scale), &columns);
    if (status == NM_OK) {
        status = nm_check_run(&store, scan.plan, settings->only ? settings->only : "cuda", &options,
                              0, scan.plan->n_tiles, 1);
    }
    if (status == NM_OK) {
        nm_check_params(report, scan.plan, &store);
    }
    nm_check_store_clear(&store);
    nm_check_clear(&scan);
    free(columns);
    return status;
}

static const int grid = DESIGN_GRID, drawn = DESIGN_RANDOM, cells = DESIGN_CELLS,
                 table = DESIGN_TABLE;

/* --- the same bytes every time ------------------------------------------------------------------------------ */

/* Runs of one question, the device's memory cut so that batches have other sizes. */
static const int64_t memory_limits[] = {0, 0, INT64_C(2) << 30, INT64_C(512) << 20,
                                        INT64_C(192) << 20};
enum { N_LIMITS = sizeof memory_limits / sizeof memory_limits[0] };

static nm_status run_again(nm_check_report *report, nm_check_scan *scan,
                           const nm_check_settings *settings, const nm_check_store *first_run)
{
    nm_backend_options options = {.n_threads = settings->n_threads};
    int n_runs = 0;
    for (int k = 1; k < N_LIMITS; k++) {
        nm_check_store again = {0};
        scan->config.device_memory_bytes = memory_limits[k];
        nm_status status =
            nm_check_run(&again, scan->plan, settings->only ? settings->only : "cuda", &options, 0,
                         scan->plan->n_tiles, 1);
        if (status == NM_OK) {
            char what[96];
            snprintf(what, sizeof what, "run %d, device memory %lld MiB", k + 1,
                     (long long)(memory_limits[k] >> 20));
            nm_check_same_bytes(report, first_run, &again, what);
            n_runs++;
        }
        nm_check_store_clear(&again);
        NM_TRY(status);
    }
    scan->config.device_memory_bytes = 0;
    nm_check_integer(report, "n_runs", n_runs + 1);
    return NM_OK;
}

static nm_status run_repeat(const nm_check_part *part, nm_check_report *report,
                            const nm_check_settings *settings, int64_t slice)
{
    (void)slice;
    const sets *what = part->what;
    nm_check_scan scan;
    nm_check_store first_run = {0};
    nm_backend_options options = {.n_threads = settings->n_threads};
    nm_check_start(&scan, nm_check_model(what->model));
    what->vary(&scan);
    nm_check_outputs(&scan, "default", 1);
    nm_status status = nm_check_finish(&scan, scaled((double)what->n, settings->scale), 1,
                                       settings->scale < 0.1 ? 256 : NM_CHECK_AUTO_TILE);
    if (status == NM_OK) {
        scan.plan->task.solver.mode = what->mode;
        status = nm_check_run(&first_run, scan.plan, settings->only ? settings->only : "cuda",
                              &options, 0, scan.plan->n_tiles, 1);
    }
    if (status == NM_OK) {
        nm_check_integer(report, "n_points", first_run.n_points);
        status = run_again(report, &scan, settings, &first_run);
    }
    nm_check_store_clear(&first_run);
    nm_check_clear(&scan);
    return status;
}

/* --- records ---------------------------------------------------------------------------------------------- */

typedef struct records {
    nm_reduce_kind kind;
    int64_t axis_a, axis_b; /* cells, at any scale */
    int64_t n;              /* points at scale 1 */
} records;

/* Cells smaller than a block, of odd size, or one cell of many tiles: the same bits as the CPU, again and again. */
static nm_status run_records(const nm_check_part *part, nm_check_report *report,
                             const nm_check_settings *settings, int64_t slice)
{
    (void)slice;
    const records *what = part->what;
    nm_check_scan scan;
    nm_check_store cuda = {0}, cpu = {0};
    nm_backend_options options = {.n_threads = settings->n_threads};
    nm_check_start(&scan, nm_check_model("pump_leak"));
    int64_t n_cells = what->axis_a * what->axis_b,
            n = scaled((double)what->n, settings->scale) / n_cells;
    if (n_cells > 1) {
        nm_check_axis(&scan, NM_AXIS_LOG, "g_Na", what->axis_a, 0.02, 1.0, NULL);
        nm_check_axis(&scan, NM_AXIS_LINEAR, "dG_ATP", what->axis_b, -62000.0, -42000.0, NULL);
        nm_check_vary(&scan, NM_DIST_LOGUNIFORM, "g_K", 0.1, 10.0, 0.0);
        nm_check_vary(&scan, NM_DIST_LOGUNIFORM, "p_max", 1e-8, 1e-5, 0.0);
    } else {
        nm_check_model_a(&scan, 1);
    }
    nm_check_outputs(&scan, "default", 1);
    n = n < 3 ? 3 : n;
    nm_status status = nm_check_finish_reduced(&scan, what->kind, n, n);
    if (status == NM_OK) {
        status = nm_check_run(&cuda, scan.plan, settings->only ? settings->only : "cuda", &options,
                              0, scan.plan->n_tiles, 1);
    }
    if (status == NM_OK) {
        status = nm_check_run(&cpu, scan.plan, "cpu", &options, 0, scan.plan->n_tiles, 1);
    }
    if (status == NM_OK) {
        nm_check_integer(report, "n_points", cuda.n_points);
        nm_check_integer(report, "n_cells", n_cells);
        nm_check_integer(report, "n_record_bytes", cuda.n_bytes);
        nm_check_demand(report, cuda.n_points == scan.plan->n_points,
                        "%lld of %lld points were reduced", (long long)cuda.n_points,
                        (long long)scan.plan->n_points);
        nm_check_same_bytes(report, &cuda, &cpu, "records of the device and of the CPU");
        status = run_again(report, &scan, settings, &cuda);
    }
    nm_check_store_clear(&cuda);
    nm_check_store_clear(&cpu);
    nm_check_clear(&scan);
    return status;
}

/* --- the list ----------------------------------------------------------------------------------------------- */

static const sets
    cell_auto = {"pump_leak", NULL, wide_cells, NM_MODE_AUTO, 1, 0.0, 1e-6, 1000000},
    cell_a = {"pump_leak", NULL, model_a_cells, NM_MODE_AUTO, 1, 0.0, 1e-6, 1000000},
    cell_ghk = {"pump_leak", "leak=ghk pump=hill membrane=electroneutral",
                wide_cells,  NM_MODE_AUTO,
                1,           0.0,
                1e-6,        1000000},
    cell_clamped = {"pump_leak", "pump=const membrane=clamped",
                    wide_cells,  NM_MODE_AUTO,
                    1,           0.0,
                    1e-6,        1000000},
    cell_cotransport = {"pump_leak", "leak=ghk", cotransport_cells, NM_MODE_AUTO, 1, 0.0,
                        1e-6,        1000000},
    cell_audit = {"pump_leak", "pump=hill", cotransport_cells, NM_MODE_AUTO, 3, 0.01,
                  1e-6,        1000000},
    cell_follow = {"pump_leak", NULL, wide_cells, NM_MODE_FOLLOW, 1, 0.0, 1e-4, 250000},
    cell_follow_ghk = {"pump_leak", "leak=ghk pump=const membrane=electroneutral",
                       wide_cells,  NM_MODE_FOLLOW,
                       1,           0.0,
                       1e-6,        100000},
    cycle_auto = {"driven_cycle", NULL, wide_cycles, NM_MODE_AUTO, 1, 0.0, 1e-6, 1000000},
    cycle_follow = {"driven_cycle", NULL, wide_cycles, NM_MODE_FOLLOW, 1, 0.0, 1e-4, 250000},
    again_auto = {"pump_leak", NULL, wide_cells, NM_MODE_AUTO, 1, 0.0, 1e-6, 2000000},
    again_follow = {"pump_leak", NULL, wide_cells, NM_MODE_FOLLOW, 1, 0.0, 1e-6, 200000},
    tool_auto = {"pump_leak", NULL, wide_cells, NM_MODE_AUTO, 1, 0.01, 1e-6, 4000};

static const records bins = {NM_REDUCE_BINS, 40, 25, 3000000},
                     small_bins = {NM_REDUCE_BINS, 100, 97, 300000},
                     summary = {NM_REDUCE_SUMMARY, 1, 1, 4000000},
                     tool_bins = {NM_REDUCE_BINS, 3, 2, 6000};

const nm_check_part nm_check_parts[] = {
    {"self", "the comparison itself: planted errors are found", 1, nm_check_self, NULL},
    {"params_grid", "parameter bits: log, linear and listed axes, tie", 1, run_params, &grid},
    {"params_random", "parameter bits: five distributions, tie", 1, run_params, &drawn},
    {"params_cells", "parameter bits: axes outside, draws inside", 1, run_params, &cells},
    {"params_table", "parameter bits: table", 1, run_params, &table},
    {"sets_cell_auto", "pump_leak, wide, auto", SET_SLICES, run_sets, &cell_auto},
    {"sets_cell_model_a", "pump_leak, model A, auto", SET_SLICES, run_sets, &cell_a},
    {"sets_cell_ghk_hill_electroneutral", "pump_leak, ghk, hill, electroneutral, auto", SET_SLICES,
     run_sets, &cell_ghk},
    {"sets_cell_const_clamped", "pump_leak, const, clamped, auto", SET_SLICES, run_sets,
     &cell_clamped},
    {"sets_cell_ghk_cotransport", "pump_leak, ghk, cotransport, auto", SET_SLICES, run_sets,
     &cell_cotransport},
    {"sets_cell_hill_audit", "pump_leak, hill, cotransport, 3 starts, audit 0.01", SET_SLICES,
     run_sets, &cell_audit},
    {"sets_cell_follow", "pump_leak, follow, rtol 1e-4", SET_SLICES, run_sets, &cell_follow},
    {"sets_cell_follow_ghk", "pump_leak, ghk, const, electroneutral, follow, rtol 1e-6", SET_SLICES,
     run_sets, &cell_follow_ghk},
    {"sets_cycle_auto", "driven_cycle, auto", SET_SLICES, run_sets, &cycle_auto},
    {"sets_cycle_follow", "driven_cycle, follow, rtol 1e-4", SET_SLICES, run_sets, &cycle_follow},
    {"records_bins", "bins: 1000 cells, records bit for bit", 1, run_records, &bins},
    {"records_small_bins", "bins: 9700 cells of 30 points", 1, run_records, &small_bins},
    {"records_summary", "summary: one cell of many tiles", 1, run_records, &summary},
    {"repeat_auto", "auto, full output: the same bytes for any batch size", 1, run_repeat,
     &again_auto},
    {"repeat_follow", "follow, full output: the same bytes for any batch size", 1, run_repeat,
     &again_follow},
    {"tool_sets", "small: for compute-sanitizer and ncu", 1, run_repeat, &tool_auto},
    {"tool_bins", "small: for compute-sanitizer", 1, run_records, &tool_bins},
    {NULL, NULL, 0, NULL, NULL},
};
