/* The finished file: every point where it belongs, the same bytes whatever the way to it, and
 * readable facts. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <netcdf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "assemble.h"
#include "grid_nc.h"
#include "hand_file.h"

static void test_grid(void **state)
{
    nm_hand_file *b = *state;
    nm_hand_make_grid(b, 11);
    nm_hand_make_file(b);
    nm_assert_points(b, b->out, 3, 0, 0);
    nm_assert_params(b);
    int id = nm_hand_open(b->out);
    double *axis = nm_hand_read(id, "a", 5, 1), *tied = nm_hand_read(id, "tied_axes", 28, 2);
    nm_assert_same_value(axis[0], 0.1);
    nm_assert_same_value(tied[3 * 7 + 2], 2.0 + 1.0 + 3.0 * 3.0);
    free(axis);
    free(tied);
    free(nm_hand_read(id, "T", 1, 0));
    nm_assert_text(id, "a", "nessmap_scale", "log");
    nm_assert_text(id, "b", "nessmap_scale", "linear");
    nm_assert_text(id, "c", "nessmap_scale", "list");
    nm_assert_text(id, "a", "units", "S m-2");
    nm_assert_text(id, "V", "units", "V");
    nm_assert_text(id, "V", "long_name", "an output");
    nm_assert_text(id, "V", "coordinates", "r tied_axes tied_drawn T");
    nm_assert_text(id, "V", "ancillary_variables", "outcome flags");
    nm_assert_text(
        id, "outcome", "flag_meanings",
        "equilibrium ness oscillatory unstable no_steady_state_growth no_steady_state_depletion "
        "left_domain not_converged not_run");
    nm_assert_text(id, NULL, "Conventions", "CF-1.11, ACDD-1.3");
    nm_assert_text(id, NULL, "nessmap_layout", "grid");
    nm_assert_text(id, NULL, "nessmap_variants", "leak=ghk");
    nm_assert_text(id, NULL, "nessmap_config", b->config.resolved);
    nm_assert_text(id, NULL, "valid_outcomes", "equilibrium ness oscillatory unstable");
    nm_assert_text(id, NULL, "nessmap_backend", "cpu");
    nm_assert_undated(id);
    int outcome, variable, storage;
    assert_int_equal(nc_inq_varid(id, "outcome", &outcome), NC_NOERR);
    assert_int_equal(nc_inq_att(id, outcome, "_FillValue", NULL, NULL), NC_ENOTATT);
    assert_int_equal(nc_inq_varid(id, "V", &variable), NC_NOERR);
    assert_int_equal(nc_inq_var_chunking(id, variable, &storage, NULL), NC_NOERR);
    assert_int_equal(storage, NC_CONTIGUOUS);
    float fill;
    assert_int_equal(nc_get_att_float(id, variable, "_FillValue", &fill), NC_NOERR);
    assert_true(isnan(fill));
    long long counts[NM_N_OUTCOMES], expected[NM_N_OUTCOMES] = {0};
    assert_int_equal(nc_get_att_longlong(id, NC_GLOBAL, "nessmap_outcome_counts", counts),
                     NC_NOERR);
    for (int64_t i = 0; i < b->plan.n_points; i++) {
        expected[nm_hand_outcome(i)]++;
    }
    assert_memory_equal(counts, expected, sizeof counts);
    nc_close(id);
}

static void test_double_precision(void **state)
{
    nm_hand_file *b = *state;
    b->plan.task.is_f32 = 0;
    nm_hand_make_grid(b, 23);
    nm_hand_make_file(b);
    nm_assert_points(b, b->out, 3, 0, 0);
    int id = nm_hand_open(b->out), variable;
    nc_type type;
    assert_int_equal(nc_inq_varid(id, "V", &variable), NC_NOERR);
    assert_int_equal(nc_inq_vartype(id, variable, &type), NC_NOERR);
    assert_int_equal(type, NC_DOUBLE);
    nc_close(id);
}

static int have_common_factor(int64_t a, int64_t b)
{
    while (b > 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a > 1;
}

/* Order of the tiles, number of segments and size of the tiles leave no trace in the bytes. */
static void assert_same_bytes(nm_hand_file *b)
{
    static const struct {
        int64_t tile_points, step;
        int n_runs;
    } ways[] = {{997, 1, 1}, {997, 3, 1}, {997, 5, 4}, {1, 1, 1}, {50000, 1, 1}, {613, 7, 3}};
    char *first = NULL;
    size_t n_first = 0;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (ways[i].tile_points == 1 && b->plan.n_points > 1000) {
            continue;
        }
        nm_hand_finish(&b->plan, ways[i].tile_points);
        int64_t step = ways[i].step;
        while (have_common_factor(step, b->plan.n_tiles)) {
            step += 2;
        }
        nm_hand_compute(b, step, ways[i].n_runs, -1);
        int grows = i % 2 == 1 && nm_grid_nc_takes(&b->plan);
        assert_int_equal(grows ? nm_hand_grow(b, step, i % 4 == 1)
                               : nm_hand_assemble(b, b->out, 0, NULL),
                         NM_OK);
        size_t n;
        char *bytes = nm_hand_read_bytes(b->out, &n);
        if (!first) {
            first = bytes;
            n_first = n;
            continue;
        }
        assert_int_equal(n, n_first);
        assert_memory_equal(bytes, first, n);
        free(bytes);
    }
    free(first);
}

static void test_same_bytes(void **state)
{
    nm_hand_file *b = *state;
    nm_hand_make_grid(b, 11);
    assert_same_bytes(b);
}

static void test_same_bytes_of_samples(void **state)
{
    nm_hand_file *b = *state;
    nm_hand_random(&b->plan, 60001);
    nm_hand_finish(&b->plan, 997);
    assert_same_bytes(b);
    nm_assert_points(b, b->out, 1, 0, 0);
}

/* A file that is dropped leaves nothing, and what was there stays. */
static void test_drop(void **state)
{
    nm_hand_file *b = *state;
    nm_hand_make_grid(b, 11);
    nm_hand_make_file(b);
    size_t n, n_after;
    char *bytes = nm_hand_read_bytes(b->out, &n);
    nm_assembly *file;
    void *payload = malloc((size_t)b->plan.record_bytes);
    assert_int_equal(nm_grid_nc_begin(&file, b->out, &b->plan, 0), NM_OK);
    nm_hand_fill(&b->plan, 3, payload);
    assert_int_equal(nm_grid_nc_take(file, 3, payload), NM_OK);
    assert_int_equal(nm_hand_count_files(b->folder), 2);
    nm_grid_nc_drop(&file);
    assert_null(file);
    nm_grid_nc_drop(&file);
    assert_int_equal(nm_hand_count_files(b->folder), 1);
    char *after = nm_hand_read_bytes(b->out, &n_after);
    assert_int_equal(n, n_after);
    assert_memory_equal(bytes, after, n);
    free(payload);
    free(bytes);
    free(after);
}

/* More points than a chunk holds, with chunks that do not divide the axis. */
static void test_compression(void **state)
{
    nm_hand_file *b = *state;
    b->config.compression = 1;
    nm_hand_axis(&b->plan, NM_HAND_a, NM_AXIS_LOG, 401, 0.1, 10);
    nm_hand_axis(&b->plan, NM_HAND_b, NM_AXIS_LINEAR, 353, -1, 1);
    nm_hand_finish(&b->plan, 997);
    nm_hand_tie_axes(&b->plan);
    nm_hand_random(&b->plan, 1);
    nm_hand_finish(&b->plan, 997);
    assert_same_bytes(b);
    nm_assert_points(b, b->out, 2, 0, 0);
    int id = nm_hand_open(b->out), variable, storage, shuffle, deflate, level;
    size_t chunk[2];
    assert_int_equal(nc_inq_varid(id, "V", &variable), NC_NOERR);
    assert_int_equal(nc_inq_var_chunking(id, variable, &storage, chunk), NC_NOERR);
    assert_int_equal(storage, NC_CHUNKED);
    assert_int_equal(chunk[0], 134);
    assert_int_equal(chunk[1], 353);
    assert_int_equal(nc_inq_var_deflate(id, variable, &shuffle, &deflate, &level), NC_NOERR);
    assert_int_equal(shuffle + deflate + level, 3);
    double *r = nm_hand_read(id, "r", b->plan.n_points, 2), params[NM_HAND_N_PARAMS];
    for (int64_t i = 0; i < b->plan.n_points; i++) {
        nm_hand_draw(&b->plan.task.draw, i, params);
        nm_assert_same_value(r[i], params[NM_HAND_r]);
    }
    free(r);
    nc_close(id);
}

static void test_compression_small(void **state)
{
    nm_hand_file *b = *state;
    b->config.compression = 4;
    nm_hand_make_grid(b, 11);
    assert_same_bytes(b);
    nm_assert_points(b, b->out, 3, 0, 0);
}

static void test_samples(void **state)
{
    nm_hand_file *b = *state;
    nm_hand_random(&b->plan, 101);
    nm_hand_finish(&b->plan, 10);
    nm_hand_make_file(b);
    nm_assert_points(b, b->out, 1, 0, 0);
    nm_assert_params(b);
    int id = nm_hand_open(b->out);
    free(nm_hand_read(id, "r", 101, 1));
    free(nm_hand_read(id, "tied_drawn", 101, 1));
    nm_assert_text(id, NULL, "nessmap_layout", "sample");
    nm_assert_text(id, "V", "coordinates", "a b c r tied_axes tied_drawn T");
    nc_close(id);
}

/* Draws inside each cell of two axes: a dimension `draw`, innermost. */
static void test_draws_in_cells(void **state)
{
    nm_hand_file *b = *state;
    nm_hand_axis(&b->plan, NM_HAND_b, NM_AXIS_LINEAR, 3, -1, 1);
    nm_hand_axis(&b->plan, NM_HAND_c, NM_AXIS_LIST, 4, -1, 7);
    nm_hand_tie_axes(&b->plan);
    nm_hand_random(&b->plan, 5);
    nm_hand_finish(&b->plan, 7);
    nm_hand_make_file(b);
    nm_assert_points(b, b->out, 3, 0, 0);
    nm_assert_params(b);
    int id = nm_hand_open(b->out);
    free(nm_hand_read(id, "r", 60, 3));
    free(nm_hand_read(id, "tied_axes", 12, 2));
    nc_close(id);
}

/* The user's own sets; a tied parameter that no record holds is evaluated again. */
static void test_table(void **state)
{
    nm_hand_file *b = *state;
    double column[2][37];
    nm_draw *draw = &b->plan.task.draw;
    for (int i = 0; i < 37; i++) {
        column[0][i] = exp(0.3 * i);
        column[1][i] = 5.0 - i;
    }
    draw->n_columns = 2;
    draw->n_points = 37;
    draw->column_param[0] = NM_HAND_a;
    draw->column_param[1] = NM_HAND_b;
    draw->column[0] = column[0];
    draw->column[1] = column[1];
    nm_hand_tie_axes(&b->plan);
    b->plan.task.stored[b->plan.task.n_stored++] = NM_HAND_a;
    b->plan.task.stored[b->plan.task.n_stored++] = NM_HAND_b;
    nm_hand_finish(&b->plan, 8);
    nm_hand_make_file(b);
    nm_assert_points(b, b->out, 1, 0, 0);
    nm_assert_params(b);
}

static void test_partial(void **state)
{
    nm_hand_file *b = *state;
    char partial[128], fingerprint[33];
    nm_hand_make_grid(b, 11);
    nm_hand_random(&b->plan, 1);
    nm_hand_finish(&b->plan, 11);
    nm_hand_compute(b, 1, 1, 3);
    snprintf(partial, sizeof partial, "%s/out.partial.nc", b->folder);

    /* without a word about partial, a missing tile is an error and leaves nothing */
    assert_int_equal(nm_hand_assemble(b, b->out, 0, NULL), NM_IO);
    assert_non_null(strstr(nm_last_error(), "tile 3"));
    assert_int_equal(nm_hand_count_files(b->folder), 1);

    nm_tally *tally;
    assert_int_equal(nm_hand_assemble(b, partial, 1, &tally), NM_OK);
    assert_int_equal(tally->count[NM_OUTCOME_not_run], 11);
    nm_tally_destroy(&tally);
    nm_assert_points(b, partial, 3, 33, 44);
    assert_int_equal(nm_hand_count_files(b->folder), 2);
    /* it is not taken for the finished file */
    assert_int_equal(nm_grid_nc_fingerprint(partial, fingerprint), NM_OK);
    assert_string_equal(fingerprint, "");

    /* the journal goes on from there */
    nm_hand_compute(b, 1, 1, -1);
    assert_int_equal(nm_hand_assemble(b, b->out, 0, NULL), NM_OK);
    nm_assert_points(b, b->out, 3, 0, 0);
    assert_int_equal(nm_grid_nc_fingerprint(b->out, fingerprint), NM_OK);
    assert_string_equal(fingerprint, b->plan.fingerprint);
    nm_assert_params(b);
}

static void test_other_files(void **state)
{
    nm_hand_file *b = *state;
    char fingerprint[33], *config;
    const char *name = "no_such", *output = "V";
    double value;
    assert_int_equal(nm_grid_nc_fingerprint(b->out, fingerprint), NM_IO);
    FILE *file = fopen(b->out, "wb");
    fputs("a letter, not data\n", file);
    fclose(file);
    assert_int_equal(nm_grid_nc_fingerprint(b->out, fingerprint), NM_OK);
    assert_string_equal(fingerprint, "");
    assert_int_equal(nm_grid_nc_config(b->out, &config), NM_USAGE);
    assert_int_equal(nm_grid_nc_stored_params(b->out, 0, 1, &name, &value), NM_USAGE);

    /* somebody else's NetCDF */
    int id, dim, variable;
    assert_int_equal(nc_create(b->out, NC_NETCDF4 | NC_CLOBBER, &id), NC_NOERR);
    assert_int_equal(nc_def_dim(id, "x", 3, &dim), NC_NOERR);
    assert_int_equal(nc_def_var(id, "x", NC_DOUBLE, 1, &dim, &variable), NC_NOERR);
    assert_int_equal(nc_close(id), NC_NOERR);
    assert_int_equal(nm_grid_nc_fingerprint(b->out, fingerprint), NM_OK);
    assert_string_equal(fingerprint, "");
    assert_int_equal(nm_grid_nc_config(b->out, &config), NM_USAGE);
    assert_null(config);
    assert_int_equal(nm_grid_nc_stored_params(b->out, 0, 1, &name, &value), NM_USAGE);

    nm_hand_make_grid(b, 140);
    nm_hand_make_file(b);
    assert_int_equal(nm_grid_nc_stored_params(b->out, 140, 1, &output, &value), NM_USAGE);
    assert_int_equal(nm_grid_nc_stored_params(b->out, -1, 1, &output, &value), NM_USAGE);
    assert_int_equal(nm_grid_nc_stored_params(b->out, 0, 1, &name, &value), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "no_such"));
}

/* A configuration with long lists of values is kept whole. */
static void test_long_config(void **state)
{
    nm_hand_file *b = *state;
    size_t n = 1 << 20;
    char *text = malloc(n + 1), *config;
    for (size_t i = 0; i < n; i++) {
        text[i] = (char)(i % 80 == 79 ? '\n' : 'a' + (int)(i % 26));
    }
    text[n] = '\0';
    b->config.resolved = text;
    nm_hand_make_grid(b, 30);
    nm_hand_make_file(b);
    assert_int_equal(nm_grid_nc_config(b->out, &config), NM_OK);
    assert_string_equal(config, text);
    free(config);
    free(text);
}

/* A disk that fills up during the assembly: the old file stays, the journal too, nothing half made
 * is left. */
static void test_full_disk(void **state)
{
    nm_hand_file *b = *state;
    nm_hand_make_grid(b, 11);
    FILE *file = fopen(b->out, "wb");
    fputs("old", file);
    fclose(file);
    nm_hand_compute(b, 1, 1, -1);
    pid_t child = fork();
    if (child == 0) {
        nm_journal *journal;
        int failed = nm_journal_open(&journal, b->out, &b->plan, 0) != NM_OK;
        struct rlimit limit = {.rlim_cur = 6000, .rlim_max = 6000};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        failed |= nm_grid_nc_assemble(b->out, &b->plan, journal, 0, NULL) != NM_IO;
        failed |= !strstr(nm_last_error(), "cannot write");
        _exit(failed);
    }
    int how;
    waitpid(child, &how, 0);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    size_t n;
    char *bytes = nm_hand_read_bytes(b->out, &n);
    assert_int_equal(n, 3);
    free(bytes);
    assert_int_equal(nm_hand_count_files(b->folder), 2);
    assert_int_equal(nm_hand_assemble(b, b->out, 0, NULL), NM_OK);
    nm_assert_points(b, b->out, 3, 0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, nm_hand_set_up, nm_hand_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_grid),
        TEST(test_double_precision),
        TEST(test_same_bytes),
        TEST(test_same_bytes_of_samples),
        TEST(test_drop),
        TEST(test_compression),
        TEST(test_compression_small),
        TEST(test_samples),
        TEST(test_draws_in_cells),
        TEST(test_table),
        TEST(test_partial),
        TEST(test_other_files),
        TEST(test_long_config),
        TEST(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
