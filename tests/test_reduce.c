/* Reduced scans on the host: tiles of cells, the same bytes for every cut, counts, partial files, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "fake_model.h"
#include "grid_nc.h"
#include "hand_file.h"
#include "plan_text.h"

#define DRAWN(n)                                                                                   \
    "[design]\nkind = \"random\"\nseed = 7\nn = " n                                                \
    "\n[[random]]\nname = \"g_Na\"\ndist = \"uniform\"\nmin = 0\nmax = 10\n"
#define BINS    "[[reduce]]\nkind = \"bins\"\n"
#define SUMMARY "[[reduce]]\nkind = \"summary\"\n"
#define F64     "[output]\nprecision = \"f64\"\nvariables = [\"V\", \"E_K\"]\n"

/* --- tiles ------------------------------------------------------------------------------------ */

/* Every tile starts where the one before ends, in whole cells or shares of one; one size of payload but for the last. */
static void check_tiles(const char *text, int64_t cell_points, int is_long)
{
    nm_config *config;
    nm_plan *plan = nm_test_plan(&config, text, &nm_model_fake_cell);
    const nm_reduction *reduction = &plan->task.reduction;
    assert_int_equal(reduction->cell_points, cell_points);
    assert_int_equal(reduction->n_slots, plan->task.n_slots);
    assert_int_equal(plan->tiles_per_cell > 1, is_long);
    assert_int_equal(plan->task.is_f32, 0);
    assert_int_equal(plan->task.n_stored, 0);
    int64_t at = 0;
    for (int64_t i = 0; i < plan->n_tiles; i++) {
        int64_t n = nm_plan_tile_points(plan, i), parts = nm_plan_tile_parts(plan, i);
        assert_int_equal(nm_plan_tile_first(plan, i), at);
        assert_true(n > 0 && n <= plan->tile_points);
        assert_int_equal(parts * nm_plan_part_points(plan, i), n);
        assert_int_equal(nm_plan_tile_bytes(plan, i),
                         parts * NM_RECORD_BYTES(plan->task.n_slots) + NM_LOCATED * 8);
        if (i < plan->n_tiles - 1) {
            assert_int_equal(nm_plan_tile_bytes(plan, i), plan->record_bytes);
        }
        if (is_long) {
            int64_t blocks = reduction->part_points / NM_BLOCK_POINTS;
            assert_int_equal(parts, 1);
            assert_true(blocks * NM_BLOCK_POINTS == reduction->part_points &&
                        (blocks & (blocks - 1)) == 0);
            assert_int_equal(at % cell_points % reduction->part_points, 0);
            assert_true(at / cell_points == (at + n - 1) / cell_points);
        } else {
            assert_int_equal(nm_plan_part_points(plan, i), cell_points);
            assert_int_equal(at % cell_points, 0);
        }
        at += n;
    }
    assert_int_equal(at, plan->n_points);
    assert_true(plan->memory_bytes < 200 << 20);
    nm_test_destroy(plan, config);
}

static void cuts_cells_into_tiles(void **state)
{
    (void)state;
    check_tiles(HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 5000") DRAWN("2") BINS, 2, 0);
    check_tiles(HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 999") DRAWN("1000") BINS, 1000, 0);
    check_tiles(HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 3") DRAWN("1025") BINS, 1025, 1);
    check_tiles(HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 90") DRAWN("70000") BINS, 70000, 1);
    check_tiles(HEAD DRAWN("3000000") SUMMARY, 3000000, 1);
    check_tiles(HEAD DRAWN("10000000000") SUMMARY, 10000000000, 1);
    check_tiles(HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 1000") SUMMARY, 1000, 0);
    check_tiles(HEAD SUMMARY, 1, 0);
    check_tiles(HEAD "[limits]\nmemory = 50000000\n" AXIS("K_o", "min = 1\nmax = 9\nn = 100000")
                    DRAWN("3") BINS,
                3, 0);
}

static void keeps_to_limits_memory(void **state)
{
    (void)state;
    static const char text[] =
        HEAD "[limits]\nmemory = 60000000\n[output]\nvariables = [\"*\"]\n" AXIS(
            "K_o", "min = 1\nmax = 9\nn = 1000000") DRAWN("3") BINS;
    nm_config *config;
    nm_plan *plan = nm_test_plan(&config, text, &nm_model_fake_cell);
    assert_true(plan->memory_bytes <= 60000000);
    nm_test_destroy(plan, config);
    nm_test_refuse(HEAD "[limits]\nmemory = 33000000\n[output]\nvariables = [\"*\"]\n" AXIS(
                       "K_o", "min = 1\nmax = 9\nn = 1000") DRAWN("3") BINS,
                   "limits.memory", "too little");
}

/* --- runs ------------------------------------------------------------------------------------- */

typedef struct bench { /* one scan in a folder of its own */
    char folder[64], out[96];
    nm_config *config;
    nm_plan *plan;
    nm_journal *journal;
    int64_t next, missing, n_failed;
} bench;

static int64_t next_tile(void *context)
{
    bench *b = context;
    int64_t i_tile = __atomic_fetch_add(&b->next, 1, __ATOMIC_RELAXED);
    if (i_tile == b->missing) {
        i_tile = __atomic_fetch_add(&b->next, 1, __ATOMIC_RELAXED);
    }
    return i_tile < b->plan->n_tiles ? i_tile : -1;
}

static nm_status keep_tile(void *context, int64_t i_tile, void *payload, int64_t bytes,
                           const nm_tile_report *report)
{
    bench *b = context;
    __atomic_fetch_add(&b->n_failed, nm_failed_points(report->count), __ATOMIC_RELAXED);
    return nm_journal_append(b->journal, i_tile, payload, bytes);
}

static void start(bench *b, const char *text)
{
    memset(b, 0, sizeof *b);
    strcpy(b->folder, "/tmp/nessmap_reduce_XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->out, sizeof b->out, "%s/out.nc", b->folder);
    b->missing = -1;
    b->plan = nm_test_plan(&b->config, text, &nm_model_fake_cell);
}

static void stop(bench *b)
{
    nm_hand_remove(b->folder);
    nm_test_destroy(b->plan, b->config);
}

static void run(bench *b, int n_threads, int partial, nm_tally **tally)
{
    const nm_backend *backend;
    nm_tile_source source = {.context = b, .next = next_tile, .done = keep_tile};
    nm_backend_options options = {.n_threads = n_threads, .lanes = 1};
    b->next = 0;
    assert_int_equal(nm_backend_choose(&backend, "cpu"), NM_OK);
    assert_int_equal(nm_journal_open(&b->journal, b->out, b->plan, 1), NM_OK);
    assert_int_equal(backend->run(b->plan, &options, &source), NM_OK);
    if (nm_grid_nc_assemble(b->out, b->plan, b->journal, partial, tally) != NM_OK) {
        fail_msg("%s", nm_last_error());
    }
    nm_journal_close(&b->journal, 1);
}

/* values of a variable over all cells, as doubles */
static double *read_variable(const char *path, const char *name, size_t n)
{
    int id, variable;
    double *values = calloc(n, sizeof *values);
    assert_non_null(values);
    assert_int_equal(nc_open(path, NC_NOWRITE, &id), NC_NOERR);
    if (nc_inq_varid(id, name, &variable) != NC_NOERR) {
        fail_msg("the file has no variable %s", name);
    }
    assert_int_equal(nc_get_var_double(id, variable, values), NC_NOERR);
    nc_close(id);
    return values;
}

/* Changes the cut of a plan: shares of `part` points, or `n_cells` whole cells in a tile. */
static void cut_anew(nm_plan *plan, int64_t part, int64_t n_cells, int64_t chunk_points)
{
    nm_reduction *reduction = &plan->task.reduction;
    int64_t cells = plan->n_points / reduction->cell_points;
    plan->tiles_per_cell = part > 0 ? (reduction->cell_points - 1) / part + 1 : 1;
    reduction->part_points = part > 0 ? part : reduction->cell_points;
    plan->tile_points = part > 0 ? part : n_cells * reduction->cell_points;
    plan->n_tiles = part > 0 ? cells * plan->tiles_per_cell : (cells - 1) / n_cells + 1;
    plan->chunk_points = chunk_points;
    plan->record_bytes = nm_plan_tile_bytes(plan, 0);
}

static const struct {
    int64_t part, n_cells, chunk;
    int n_threads;
} cuts[] = {{0, 1, 1024, 1},    {0, 2, 5000, 3},    {0, 7, 1024, 2},     {0, 1000, 32768, 1},
            {1024, 0, 1024, 2}, {4096, 0, 2048, 1}, {16384, 0, 3000, 3}, {65536, 0, 32768, 2}};

static void check_cuts(const char *text)
{
    bench b;
    size_t n_wanted, n_found;
    start(&b, text);
    run(&b, 1, 0, NULL);
    char *wanted = nm_hand_read_bytes(b.out, &n_wanted);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        if (cuts[i].part > 0 && b.plan->task.reduction.cell_points <= cuts[i].part) {
            continue;
        }
        cut_anew(b.plan, cuts[i].part, cuts[i].n_cells, cuts[i].chunk);
        unlink(b.out);
        run(&b, cuts[i].n_threads, 0, NULL);
        char *found = nm_hand_read_bytes(b.out, &n_found);
        assert_int_equal(n_found, n_wanted);
        assert_memory_equal(found, wanted, n_wanted);
        free(found);
    }
    free(wanted);
    stop(&b);
}

static void has_the_same_bytes_for_every_cut(void **state)
{
    (void)state;
    static const char *const draws[] = {"2", "1000", "1024", "1025", "3000"};
    for (size_t i = 0; i < sizeof draws / sizeof *draws; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 3")
                     AXIS("dG_ATP", "min = -60000\nmax = 0\nn = 5") DRAWN("%s") BINS F64,
                 draws[i]);
        check_cuts(text);
    }
    check_cuts(HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 2") DRAWN("70000") BINS
               "[output]\ncompression = 1\n");
    check_cuts(HEAD DRAWN("100001") SUMMARY F64);
    check_cuts(HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 5000") SUMMARY F64);
    check_cuts(HEAD SUMMARY);
}

/* V of the fake cell is 0.001 times the sum of its parameters, and NaN where g_Na is above 5 */
static void matches_closed_forms(void **state)
{
    (void)state;
    enum { N = 400000 };
    bench b;
    nm_tally *tally;
    start(&b, HEAD DRAWN("400000") SUMMARY F64);
    run(&b, 2, 0, &tally);
    double sum = 310.15 + 147.0 + 3.0 + 150.0 - 57000.0, half = 0.5 * N;
    double *n = read_variable(b.out, "V_n", 1), *mean = read_variable(b.out, "V_mean", 1),
           *sd = read_variable(b.out, "V_sd", 1), *low = read_variable(b.out, "V_min", 1),
           *high = read_variable(b.out, "V_max", 1), *all = read_variable(b.out, "n", 1),
           *ness = read_variable(b.out, "count_ness", 1),
           *grows = read_variable(b.out, "count_no_steady_state_growth", 1),
           *flagged = read_variable(b.out, "flag_count_over_pumped", 1);
    assert_true(all[0] == N && ness[0] + grows[0] == N && n[0] == ness[0] &&
                flagged[0] == grows[0]);
    /* g_Na of the rest is uniform from 0 to 5; bounds of five standard errors */
    double spread = 0.005 / sqrt(12.0);
    assert_true(fabs(n[0] - half) < 5.0 * sqrt(N * 0.25));
    assert_float_equal(mean[0], 0.001 * (sum + 2.5), 5.0 * spread / sqrt(half));
    assert_float_equal(sd[0], spread, 5.0 * spread * sqrt(0.8 / half / 4.0));
    assert_true(low[0] >= 0.001 * sum && low[0] < 0.001 * sum + 1e-6);
    assert_true(high[0] <= 0.001 * (sum + 5.0) && high[0] > 0.001 * (sum + 5.0) - 1e-6);
    assert_true((double)tally->count[NM_OUTCOME_ness] == ness[0] && tally->n_points == N);
    nm_tally_destroy(&tally);

    /* and the finished file says the same */
    assert_int_equal(nm_grid_nc_tally(b.out, b.plan, &tally), NM_OK);
    assert_true((double)tally->count[NM_OUTCOME_no_steady_state_growth] == grows[0]);
    assert_int_equal(tally->n_points, N);
    nm_tally_destroy(&tally);
    double *values[] = {n, mean, sd, low, high, all, ness, grows, flagged};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        free(values[i]);
    }
    stop(&b);
}

/* a cell whose points all grow, cells of two points, cells with one value */
static void tells_missing_values(void **state)
{
    (void)state;
    bench b;
    start(&b, HEAD AXIS("g_Na", "values = [1, 6]") "[design]\nkind = \"random\"\nn = 2\n"
                                                   "[[random]]\nname = \"K_o\"\ndist = "
                                                   "\"uniform\"\nmin = 1\nmax = 9\n" BINS F64);
    run(&b, 1, 0, NULL);
    static const char *const names[] = {"V_mean", "V_sd", "V_min", "V_max"};
    for (int i = 0; i < 4; i++) {
        double *values = read_variable(b.out, names[i], 2);
        assert_true(isfinite(values[0]) && isnan(values[1]));
        free(values);
    }
    double *mean = read_variable(b.out, "V_mean", 2), *sd = read_variable(b.out, "V_sd", 2);
    double a[NM_MAX_PARAMS], c[NM_MAX_PARAMS];
    b.plan->model->draw(&b.plan->task.draw, 0, a);
    b.plan->model->draw(&b.plan->task.draw, 1, c);
    double x = nm_fake_value(b.plan->model, 0, a), y = nm_fake_value(b.plan->model, 0, c);
    assert_float_equal(mean[0], 0.5 * (x + y), 1e-13);
    assert_float_equal(sd[0], fabs(x - y) / sqrt(2.0), 1e-13);
    free(mean);
    free(sd);
    stop(&b);
}

/* a missing tile: its cells, or its share of a cell, are not run */
static void assembles_what_is_there(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t part, n_cells;
        size_t n;
    } cases[] = {
        {HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 6") DRAWN("50") BINS F64, 0, 2, 6},
        {HEAD DRAWN("5000") SUMMARY F64, 1024, 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench b;
        nm_tally *tally;
        start(&b, cases[i].text);
        cut_anew(b.plan, cases[i].part, cases[i].n_cells, 2048);
        b.missing = 1;
        int64_t n_missing = nm_plan_tile_points(b.plan, 1);
        run(&b, 1, 1, &tally);
        assert_int_equal(tally->count[NM_OUTCOME_not_run], n_missing);
        double *not_run = read_variable(b.out, "count_not_run", cases[i].n),
               *n = read_variable(b.out, "V_n", cases[i].n),
               *mean = read_variable(b.out, "V_mean", cases[i].n);
        double sum = 0.0;
        for (size_t k = 0; k < cases[i].n; k++) {
            sum += not_run[k];
            int is_there = cases[i].n == 1 || k < 2 || k > 3;
            assert_true(is_there ? n[k] > 0.0 && isfinite(mean[k]) : n[k] == 0.0 && isnan(mean[k]));
        }
        assert_true(sum == (double)n_missing);
        char fingerprint[33];
        assert_int_equal(nm_grid_nc_fingerprint(b.out, fingerprint), NM_OK);
        assert_string_equal(fingerprint, "");
        free(not_run);
        free(n);
        free(mean);
        nm_tally_destroy(&tally);
        stop(&b);
    }
}

/* --- failures --------------------------------------------------------------------------------- */

enum { EVERY = 997, FAILING = 900 }; /* point i fails where i % EVERY is FAILING */

static int fail_at_some(const nm_task *task, nm_tile *tile)
{
    int result = nm_model_fake_cell.kernels[1].run(task, tile);
    for (int64_t i = 0; i < tile->n; i++) {
        if ((tile->first + i) % EVERY == FAILING) {
            tile->outcome[i] = i % 2 ? NM_OUTCOME_not_converged : NM_OUTCOME_left_domain;
        }
    }
    return result;
}

/* the lowest failed points of the scan but for those of one tile, whatever the cut */
static void locates_failures(void **state)
{
    (void)state;
    static const char *const texts[] = {
        HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 15") DRAWN("1000") BINS F64,
        HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 2") DRAWN("70000") BINS F64,
        HEAD DRAWN("100001") SUMMARY F64,
    };
    static const nm_kernel kernel = {1, fail_at_some};
    nm_model model = nm_model_fake_cell;
    model.n_kernels = 1;
    model.kernels = &kernel;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t k = i % 2; k < sizeof cuts / sizeof *cuts; k += 2) {
            const int is_partial = k / 2 % 2;
            bench b;
            start(&b, texts[i]);
            b.plan->model = &model;
            if (cuts[k].part >= b.plan->task.reduction.cell_points) {
                stop(&b);
                continue;
            }
            cut_anew(b.plan, cuts[k].part, cuts[k].n_cells, cuts[k].chunk);
            b.missing = is_partial ? 0 : -1;
            run(&b, cuts[k].n_threads, is_partial, NULL);
            double *found = read_variable(b.out, "failed_index", NM_LOCATED);
            int n = 0;
            for (int64_t at = FAILING; at < b.plan->n_points && n < NM_LOCATED; at += EVERY) {
                if (!is_partial || at >= nm_plan_tile_points(b.plan, 0)) {
                    assert_true(found[n++] == (double)at);
                }
            }
            for (; n < NM_LOCATED; n++) {
                assert_true(found[n] == -1.0);
            }
            free(found);
            stop(&b);
        }
    }
}

static void counts_failures_of_a_payload(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan =
        nm_test_plan(&config, HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 4") DRAWN("10") BINS F64,
                     &nm_model_fake_cell);
    char *payload = calloc(1, (size_t)plan->record_bytes);
    assert_non_null(payload);
    for (int i = 0; i < 4; i++) {
        int64_t *count =
            (int64_t *)(payload + (i + 1) * NM_RECORD_BYTES(2)) - NM_N_OUTCOMES - NM_N_FLAGS;
        count[NM_OUTCOME_ness] = 100;
        count[NM_OUTCOME_left_domain] = i;
        count[NM_OUTCOME_not_converged] = 10 * i;
    }
    int64_t sum[NM_N_OUTCOMES];
    nm_plan_count_outcomes(sum, plan, 0, payload);
    assert_int_equal(sum[NM_OUTCOME_ness], 400);
    assert_int_equal(sum[NM_OUTCOME_left_domain], 6);
    assert_int_equal(sum[NM_OUTCOME_not_converged], 60);
    assert_int_equal(nm_failed_points(sum), 66);
    free(payload);
    nm_test_destroy(plan, config);
}

static void refuses_counts_that_do_not_add_up(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan = nm_test_plan(
        &config, HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 4") DRAWN("10") BINS, &nm_model_fake_cell);
    nm_tally *tally;
    assert_int_equal(nm_tally_create(&tally, plan), NM_OK);
    int64_t outcome[NM_N_OUTCOMES] = {[NM_OUTCOME_ness] = 7, [NM_OUTCOME_unstable] = 3},
            flags[NM_N_FLAGS] = {0};
    assert_int_equal(nm_tally_add_cell(tally, 10, 10, outcome, flags), NM_OK);
    outcome[NM_OUTCOME_ness] = 8;
    assert_int_equal(nm_tally_add_cell(tally, 10, 10, outcome, flags), NM_IO);
    outcome[NM_OUTCOME_unstable] = -1;
    outcome[NM_OUTCOME_ness] = 11;
    assert_int_equal(nm_tally_add_cell(tally, 10, 10, outcome, flags), NM_IO);
    assert_int_equal(tally->n_points, 10);
    /* the axis knows which value the cell had */
    assert_int_equal(tally->n_scanned, 1);
    assert_int_equal(tally->bin_count[1 * NM_N_OUTCOMES + NM_OUTCOME_ness], 7);
    nm_tally_destroy(&tally);
    nm_test_destroy(plan, config);
}

static void refuses_what_cannot_be_reduced(void **state)
{
    (void)state;
    nm_test_refuse(HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 4") BINS, "reduce.kind = \"bins\"",
                   "no [[random]]");
    nm_test_refuse(HEAD DRAWN("10") BINS, "reduce.kind = \"bins\"", "no [[axis]]");
    nm_test_refuse(HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 4") DRAWN("1") BINS,
                   "reduce.kind = \"bins\"", "design.n is 1");
    nm_test_refuse(HEAD DRAWN("10") SUMMARY "variables = [\"V\", \"W_pumb\"]\n", "reduce.variables",
                   "did you mean \"W_pump\"?");

    /* a parameter that is called like a statistic */
    nm_param_info params[NM_FAKE_N_PARAMS];
    memcpy(params, nm_model_fake_cell.params, sizeof params);
    nm_model model = nm_model_fake_cell;
    model.params = params;
    static const char *const names[] = {"V_mean", "n", "count_ness", "V_n", "failed_index"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        params[NM_FAKE_T].name = names[i];
        nm_config *config = nm_test_config(HEAD DRAWN("10") SUMMARY);
        nm_plan *plan;
        assert_int_equal(nm_plan_build(&plan, config, &model, "cpu"), NM_USAGE);
        assert_non_null(strstr(nm_last_error(), names[i]));
        nm_config_destroy(&config);
    }
}

static void is_part_of_the_question(void **state)
{
    (void)state;
    static const char *const texts[] = {
        HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 4") DRAWN("10"),
        HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 4") DRAWN("10") BINS,
        HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 4") DRAWN("10") SUMMARY,
        HEAD AXIS("K_o", "min = 1\nmax = 9\nn = 4") DRAWN("10") SUMMARY "variables = [\"V\"]\n",
    };
    char seen[4][33];
    for (int i = 0; i < 4; i++) {
        nm_config *config;
        nm_plan *plan = nm_test_plan(&config, texts[i], &nm_model_fake_cell);
        strcpy(seen[i], plan->fingerprint);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(seen[k], seen[i]);
        }
        if (i == 3) {
            assert_int_equal(plan->task.n_slots, 1);
            assert_non_null(
                strstr(config->resolved, "[[reduce]]\nkind = \"summary\"\nvariables = [\"V\"]\n"));
        }
        nm_test_destroy(plan, config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_cells_into_tiles),
        cmocka_unit_test(keeps_to_limits_memory),
        cmocka_unit_test(has_the_same_bytes_for_every_cut),
        cmocka_unit_test(matches_closed_forms),
        cmocka_unit_test(tells_missing_values),
        cmocka_unit_test(assembles_what_is_there),
        cmocka_unit_test(locates_failures),
        cmocka_unit_test(counts_failures_of_a_payload),
        cmocka_unit_test(refuses_counts_that_do_not_add_up),
        cmocka_unit_test(refuses_what_cannot_be_reduced),
        cmocka_unit_test(is_part_of_the_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
