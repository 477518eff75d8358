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
#include <time.h>
#include <unistd.h>

#include "assemble.h"
#include "grid_nc.h"
#include "hand_plan.h"

typedef struct bench {
    char folder[64], out[80];
    nm_plan plan;
    nm_config config;
} bench;

static int set_up(void **state)
{
    bench *b = calloc(1, sizeof *b);
    const char *base = getenv("TMPDIR");
    snprintf(b->folder, sizeof b->folder, "%s/nm_grid_XXXXXX",
             base && strlen(base) < 40 ? base : "/tmp");
    if (!mkdtemp(b->folder)) {
        return -1;
    }
    snprintf(b->out, sizeof b->out, "%s/out.nc", b->folder);
    nm_hand_start(&b->plan, &b->config, 32);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;
    nm_hand_remove(b->folder);
    free(b);
    return 0;
}

/* 5 x 4 x 7 points, the last axis listed; one parameter tied to two axes. */
static void make_grid(bench *b, int64_t tile_points)
{
    nm_hand_axis(&b->plan, NM_HAND_a, NM_AXIS_LOG, 5, 0.1, 10);
    nm_hand_axis(&b->plan, NM_HAND_b, NM_AXIS_LINEAR, 4, -1, 1);
    nm_hand_axis(&b->plan, NM_HAND_c, NM_AXIS_LIST, 7, -1, 20);
    nm_hand_tie_axes(&b->plan);
    nm_hand_finish(&b->plan, tile_points);
}

/* Appends the tiles in steps of `step`, `n_runs` times opening the journal anew, leaving tile
 * `missing` out. */
static void compute(bench *b, int64_t step, int n_runs, int64_t missing)
{
    int64_t n = b->plan.n_tiles;
    void *payload = malloc((size_t)b->plan.record_bytes);
    for (int i_run = 0; i_run < n_runs; i_run++) {
        nm_journal *journal;
        assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 0), NM_OK);
        for (int64_t i = n * i_run / n_runs; i < n * (i_run + 1) / n_runs; i++) {
            int64_t i_tile = i * step % n;
            if (i_tile != missing) {
                nm_hand_fill(&b->plan, i_tile, payload);
                assert_int_equal(
                    nm_journal_append(journal, i_tile, payload, nm_hand_bytes(&b->plan, i_tile)),
                    NM_OK);
            }
        }
        nm_journal_close(&journal, 0);
    }
    free(payload);
}

static nm_status assemble(bench *b, const char *out, int partial, nm_tally **tally)
{
    nm_journal *journal;
    assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 0), NM_OK);
    nm_status status = nm_grid_nc_assemble(out, &b->plan, journal, partial, tally);
    nm_journal_close(&journal, status == NM_OK && !partial);
    return status;
}

/* The same with a file that grows beside the journal: two of three tiles, from the last to the first
 * in steps of `step`; the others come out of the journal. by_netcdf: without writing directly. */
static nm_status grow(bench *b, int64_t step, int by_netcdf)
{
    nm_journal *journal;
    nm_assembly *file;
    void *payload = malloc((size_t)b->plan.record_bytes);
    assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 0), NM_OK);
    assert_true(nm_grid_nc_takes(&b->plan));
    assert_int_equal(nm_grid_nc_begin(&file, b->out, &b->plan, 0), NM_OK);
    if (file->fd < 0) {
        printf("not run: writing to the file directly (this HDF5 does not say where data lie)\n");
    } else if (by_netcdf) {
        close(file->fd);
        file->fd = -1;
    }
    for (int64_t i = 0; i < b->plan.n_tiles; i++) {
        int64_t i_tile = b->plan.n_tiles - 1 - i * step % b->plan.n_tiles;
        if (i_tile % 3 != 0) {
            nm_hand_fill(&b->plan, i_tile, payload);
            assert_int_equal(nm_grid_nc_take(file, i_tile, payload), NM_OK);
        }
    }
    free(payload);
    nm_status status = nm_grid_nc_end(&file, journal, NULL);
    assert_null(file);
    nm_journal_close(&journal, status == NM_OK);
    return status;
}

static void make_file(bench *b)
{
    compute(b, 1, 1, -1);
    assert_int_equal(assemble(b, b->out, 0, NULL), NM_OK);
    assert_int_equal(nm_hand_count_files(b->folder), 1);
}

static char *read_file(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*n + 1);
    assert_int_equal(fread(bytes, 1, *n, file), *n);
    fclose(file);
    return bytes;
}

static void assert_same_value(double x, double y)
{
    if (!(isnan(x) && isnan(y)) && x != y) {
        fail_msg("%.17g is not %.17g", x, y);
    }
}

static int open_file(const char *path)
{
    int id;
    assert_int_equal(nc_open(path, NC_NOWRITE, &id), NC_NOERR);
    return id;
}

static void assert_text(int id, const char *variable, const char *name, const char *expected)
{
    int v = NC_GLOBAL;
    char text[4096] = "";
    size_t length;
    if (variable) {
        assert_int_equal(nc_inq_varid(id, variable, &v), NC_NOERR);
    }
    assert_int_equal(nc_inq_attlen(id, v, name, &length), NC_NOERR);
    assert_true(length < sizeof text);
    assert_int_equal(nc_get_att_text(id, v, name, text), NC_NOERR);
    assert_string_equal(text, expected);
}

/* No attribute of the file tells the day: two runs of one question on two days give equal bytes. */
static void assert_undated(int id)
{
    int n;
    char name[NC_MAX_NAME + 1], text[4096], today[16];
    time_t now = time(NULL);
    strftime(today, sizeof today, "%Y-%m-%d", gmtime(&now));
    assert_int_equal(nc_inq_natts(id, &n), NC_NOERR);
    assert_true(n > 10);
    for (int i = 0; i < n; i++) {
        nc_type type;
        size_t length;
        assert_int_equal(nc_inq_attname(id, NC_GLOBAL, i, name), NC_NOERR);
        assert_int_equal(nc_inq_att(id, NC_GLOBAL, name, &type, &length), NC_NOERR);
        assert_null(strstr(name, "date"));
        if (type == NC_CHAR) {
            assert_true(length < sizeof text);
            assert_int_equal(nc_get_att_text(id, NC_GLOBAL, name, text), NC_NOERR);
            text[length] = '\0';
            assert_null(strstr(text, today));
        }
    }
}

/* Reads a whole variable as doubles; the number of its elements must be `n`, of its dimensions
 * `n_dims`. */
static double *read_all(int id, const char *name, int64_t n, int n_dims)
{
    int v, found_dims, dim_id[NC_MAX_VAR_DIMS];
    size_t total = 1;
    assert_int_equal(nc_inq_varid(id, name, &v), NC_NOERR);
    assert_int_equal(nc_inq_var(id, v, NULL, NULL, &found_dims, dim_id, NULL), NC_NOERR);
    for (int i = 0; i < found_dims; i++) {
        size_t length;
        assert_int_equal(nc_inq_dimlen(id, dim_id[i], &length), NC_NOERR);
        total *= length;
    }
    assert_int_equal(found_dims, n_dims);
    assert_int_equal(total, n);
    double *values = malloc(total * sizeof *values);
    assert_int_equal(nc_get_var_double(id, v, values), NC_NOERR);
    return values;
}

/* Compares every point of the file with what it should hold. Points in [gap_first, gap_end) were
 * not computed. */
static void assert_points(bench *b, const char *path, int n_dims, int64_t gap_first,
                          int64_t gap_end)
{
    int id = open_file(path);
    int64_t n = b->plan.n_points;
    for (int k = 0; k < b->plan.task.n_slots; k++) {
        double *values = read_all(id, b->plan.catalogue.output[k].name, n, n_dims);
        for (int64_t i = 0; i < n; i++) {
            assert_same_value(values[i],
                              i >= gap_first && i < gap_end ? NAN : (float)nm_hand_value(k, i));
        }
        free(values);
    }
    double *outcome = read_all(id, "outcome", n, n_dims), *flags = read_all(id, "flags", n, n_dims);
    for (int64_t i = 0; i < n; i++) {
        int is_gap = i >= gap_first && i < gap_end;
        assert_int_equal((int)outcome[i], is_gap ? NM_OUTCOME_not_run : nm_hand_outcome(i));
        assert_int_equal((int)flags[i], is_gap ? 0 : nm_hand_flags(i));
    }
    free(outcome);
    free(flags);
    nc_close(id);
}

/* Every parameter of every point, read by its name, is bit for bit what the solver got. */
static void assert_params(bench *b)
{
    const char *names[NM_HAND_N_PARAMS];
    double found[NM_HAND_N_PARAMS], expected[NM_HAND_N_PARAMS];
    for (int p = 0; p < NM_HAND_N_PARAMS; p++) {
        names[p] = nm_hand_model.params[p].name;
    }
    for (int64_t i = 0; i < b->plan.n_points; i++) {
        nm_hand_draw(&b->plan.task.draw, i, expected);
        assert_int_equal(nm_grid_nc_stored_params(b->out, i, NM_HAND_N_PARAMS, names, found),
                         NM_OK);
        assert_memory_equal(found, expected, sizeof expected);
    }
}

static void test_grid(void **state)
{
    bench *b = *state;
    make_grid(b, 11);
    make_file(b);
    assert_points(b, b->out, 3, 0, 0);
    assert_params(b);
    int id = open_file(b->out);
    double *axis = read_all(id, "a", 5, 1), *tied = read_all(id, "tied_axes", 28, 2);
    assert_same_value(axis[0], 0.1);
    assert_same_value(tied[3 * 7 + 2], 2.0 + 1.0 + 3.0 * 3.0);
    free(axis);
    free(tied);
    free(read_all(id, "T", 1, 0));
    assert_text(id, "a", "nessmap_scale", "log");
    assert_text(id, "b", "nessmap_scale", "linear");
    assert_text(id, "c", "nessmap_scale", "list");
    assert_text(id, "a", "units", "S m-2");
    assert_text(id, "V", "units", "V");
    assert_text(id, "V", "long_name", "an output");
    assert_text(id, "V", "coordinates", "r tied_axes tied_drawn T");
    assert_text(id, "V", "ancillary_variables", "outcome flags");
    assert_text(
        id, "outcome", "flag_meanings",
        "equilibrium ness oscillatory unstable no_steady_state_growth no_steady_state_depletion "
        "left_domain not_converged not_run");
    assert_text(id, NULL, "Conventions", "CF-1.11, ACDD-1.3");
    assert_text(id, NULL, "nessmap_layout", "grid");
    assert_text(id, NULL, "nessmap_variants", "leak=ghk");
    assert_text(id, NULL, "nessmap_config", b->config.resolved);
    assert_text(id, NULL, "valid_outcomes", "equilibrium ness oscillatory unstable");
    assert_text(id, NULL, "nessmap_backend", "cpu");
    assert_undated(id);
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
    bench *b = *state;
    b->plan.task.is_f32 = 0;
    make_grid(b, 23);
    make_file(b);
    assert_points(b, b->out, 3, 0, 0);
    int id = open_file(b->out), variable;
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
static void assert_same_bytes(bench *b)
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
        compute(b, step, ways[i].n_runs, -1);
        int grows = i % 2 == 1 && nm_grid_nc_takes(&b->plan);
        assert_int_equal(grows ? grow(b, step, i % 4 == 1) : assemble(b, b->out, 0, NULL), NM_OK);
        size_t n;
        char *bytes = read_file(b->out, &n);
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
    bench *b = *state;
    make_grid(b, 11);
    assert_same_bytes(b);
}

static void test_same_bytes_of_samples(void **state)
{
    bench *b = *state;
    nm_hand_random(&b->plan, 60001);
    nm_hand_finish(&b->plan, 997);
    assert_same_bytes(b);
    assert_points(b, b->out, 1, 0, 0);
}

/* A file that is dropped leaves nothing, and what was there stays. */
static void test_drop(void **state)
{
    bench *b = *state;
    make_grid(b, 11);
    make_file(b);
    size_t n, n_after;
    char *bytes = read_file(b->out, &n);
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
    char *after = read_file(b->out, &n_after);
    assert_int_equal(n, n_after);
    assert_memory_equal(bytes, after, n);
    free(payload);
    free(bytes);
    free(after);
}

/* More points than a chunk holds, with chunks that do not divide the axis. */
static void test_compression(void **state)
{
    bench *b = *state;
    b->config.compression = 1;
    nm_hand_axis(&b->plan, NM_HAND_a, NM_AXIS_LOG, 401, 0.1, 10);
    nm_hand_axis(&b->plan, NM_HAND_b, NM_AXIS_LINEAR, 353, -1, 1);
    nm_hand_finish(&b->plan, 997);
    nm_hand_tie_axes(&b->plan);
    nm_hand_random(&b->plan, 1);
    nm_hand_finish(&b->plan, 997);
    assert_same_bytes(b);
    assert_points(b, b->out, 2, 0, 0);
    int id = open_file(b->out), variable, storage, shuffle, deflate, level;
    size_t chunk[2];
    assert_int_equal(nc_inq_varid(id, "V", &variable), NC_NOERR);
    assert_int_equal(nc_inq_var_chunking(id, variable, &storage, chunk), NC_NOERR);
    assert_int_equal(storage, NC_CHUNKED);
    assert_int_equal(chunk[0], 134);
    assert_int_equal(chunk[1], 353);
    assert_int_equal(nc_inq_var_deflate(id, variable, &shuffle, &deflate, &level), NC_NOERR);
    assert_int_equal(shuffle + deflate + level, 3);
    double *r = read_all(id, "r", b->plan.n_points, 2), params[NM_HAND_N_PARAMS];
    for (int64_t i = 0; i < b->plan.n_points; i++) {
        nm_hand_draw(&b->plan.task.draw, i, params);
        assert_same_value(r[i], params[NM_HAND_r]);
    }
    free(r);
    nc_close(id);
}

static void test_compression_small(void **state)
{
    bench *b = *state;
    b->config.compression = 4;
    make_grid(b, 11);
    assert_same_bytes(b);
    assert_points(b, b->out, 3, 0, 0);
}

static void test_samples(void **state)
{
    bench *b = *state;
    nm_hand_random(&b->plan, 101);
    nm_hand_finish(&b->plan, 10);
    make_file(b);
    assert_points(b, b->out, 1, 0, 0);
    assert_params(b);
    int id = open_file(b->out);
    free(read_all(id, "r", 101, 1));
    free(read_all(id, "tied_drawn", 101, 1));
    assert_text(id, NULL, "nessmap_layout", "sample");
    assert_text(id, "V", "coordinates", "a b c r tied_axes tied_drawn T");
    nc_close(id);
}

/* Draws inside each cell of two axes: a dimension `draw`, innermost. */
static void test_draws_in_cells(void **state)
{
    bench *b = *state;
    nm_hand_axis(&b->plan, NM_HAND_b, NM_AXIS_LINEAR, 3, -1, 1);
    nm_hand_axis(&b->plan, NM_HAND_c, NM_AXIS_LIST, 4, -1, 7);
    nm_hand_tie_axes(&b->plan);
    nm_hand_random(&b->plan, 5);
    nm_hand_finish(&b->plan, 7);
    make_file(b);
    assert_points(b, b->out, 3, 0, 0);
    assert_params(b);
    int id = open_file(b->out);
    free(read_all(id, "r", 60, 3));
    free(read_all(id, "tied_axes", 12, 2));
    nc_close(id);
}

/* The user's own sets; a tied parameter that no record holds is evaluated again. */
static void test_table(void **state)
{
    bench *b = *state;
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
    make_file(b);
    assert_points(b, b->out, 1, 0, 0);
    assert_params(b);
}

static void test_partial(void **state)
{
    bench *b = *state;
    char partial[128], fingerprint[33];
    make_grid(b, 11);
    nm_hand_random(&b->plan, 1);
    nm_hand_finish(&b->plan, 11);
    compute(b, 1, 1, 3);
    snprintf(partial, sizeof partial, "%s/out.partial.nc", b->folder);

    /* without a word about partial, a missing tile is an error and leaves nothing */
    assert_int_equal(assemble(b, b->out, 0, NULL), NM_IO);
    assert_non_null(strstr(nm_last_error(), "tile 3"));
    assert_int_equal(nm_hand_count_files(b->folder), 1);

    nm_tally *tally;
    assert_int_equal(assemble(b, partial, 1, &tally), NM_OK);
    assert_int_equal(tally->count[NM_OUTCOME_not_run], 11);
    nm_tally_destroy(&tally);
    assert_points(b, partial, 3, 33, 44);
    assert_int_equal(nm_hand_count_files(b->folder), 2);
    /* it is not taken for the finished file */
    assert_int_equal(nm_grid_nc_fingerprint(partial, fingerprint), NM_OK);
    assert_string_equal(fingerprint, "");

    /* the journal goes on from there */
    compute(b, 1, 1, -1);
    assert_int_equal(assemble(b, b->out, 0, NULL), NM_OK);
    assert_points(b, b->out, 3, 0, 0);
    assert_int_equal(nm_grid_nc_fingerprint(b->out, fingerprint), NM_OK);
    assert_string_equal(fingerprint, b->plan.fingerprint);
    assert_params(b);
}

static void test_other_files(void **state)
{
    bench *b = *state;
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

    make_grid(b, 140);
    make_file(b);
    assert_int_equal(nm_grid_nc_stored_params(b->out, 140, 1, &output, &value), NM_USAGE);
    assert_int_equal(nm_grid_nc_stored_params(b->out, -1, 1, &output, &value), NM_USAGE);
    assert_int_equal(nm_grid_nc_stored_params(b->out, 0, 1, &name, &value), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "no_such"));
}

/* A configuration with long lists of values is kept whole. */
static void test_long_config(void **state)
{
    bench *b = *state;
    size_t n = 1 << 20;
    char *text = malloc(n + 1), *config;
    for (size_t i = 0; i < n; i++) {
        text[i] = (char)(i % 80 == 79 ? '\n' : 'a' + (int)(i % 26));
    }
    text[n] = '\0';
    b->config.resolved = text;
    make_grid(b, 30);
    make_file(b);
    assert_int_equal(nm_grid_nc_config(b->out, &config), NM_OK);
    assert_string_equal(config, text);
    free(config);
    free(text);
}

/* A disk that fills up during the assembly: the old file stays, the journal too, nothing half made
 * is left. */
static void test_full_disk(void **state)
{
    bench *b = *state;
    make_grid(b, 11);
    FILE *file = fopen(b->out, "wb");
    fputs("old", file);
    fclose(file);
    compute(b, 1, 1, -1);
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
    char *bytes = read_file(b->out, &n);
    assert_int_equal(n, 3);
    free(bytes);
    assert_int_equal(nm_hand_count_files(b->folder), 2);
    assert_int_equal(assemble(b, b->out, 0, NULL), NM_OK);
    assert_points(b, b->out, 3, 0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
