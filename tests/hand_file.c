/* Files of plans written by hand. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "hand_file.h"

#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "assemble.h"
#include "grid_nc.h"

int nm_hand_set_up(void **state)
{
    nm_hand_file *b = calloc(1, sizeof *b);
    const char *base = getenv("TMPDIR");
    snprintf(b->folder, sizeof b->folder, "%s/nm_hand_XXXXXX",
             base && strlen(base) < 40 ? base : "/tmp");
    if (!mkdtemp(b->folder)) {
        return -1;
    }
    snprintf(b->out, sizeof b->out, "%s/out.nc", b->folder);
    nm_hand_start(&b->plan, &b->config, 32);
    *state = b;
    return 0;
}

int nm_hand_tear_down(void **state)
{
    nm_hand_file *b = *state;
    nm_hand_remove(b->folder);
    free(b);
    return 0;
}

void nm_hand_make_grid(nm_hand_file *b, int64_t tile_points)
{
    nm_hand_axis(&b->plan, NM_HAND_a, NM_AXIS_LOG, 5, 0.1, 10);
    nm_hand_axis(&b->plan, NM_HAND_b, NM_AXIS_LINEAR, 4, -1, 1);
    nm_hand_axis(&b->plan, NM_HAND_c, NM_AXIS_LIST, 7, -1, 20);
    nm_hand_tie_axes(&b->plan);
    nm_hand_finish(&b->plan, tile_points);
}

void nm_hand_compute(nm_hand_file *b, int64_t step, int n_runs, int64_t missing)
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

nm_status nm_hand_assemble(nm_hand_file *b, const char *out, int partial, nm_tally **tally)
{
    nm_journal *journal;
    assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 0), NM_OK);
    nm_status status = nm_grid_nc_assemble(out, &b->plan, journal, partial, tally);
    nm_journal_close(&journal, status == NM_OK && !partial);
    return status;
}

nm_status nm_hand_grow(nm_hand_file *b, int64_t step, int by_netcdf)
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

void nm_hand_make_file(nm_hand_file *b)
{
    nm_hand_compute(b, 1, 1, -1);
    assert_int_equal(nm_hand_assemble(b, b->out, 0, NULL), NM_OK);
    assert_int_equal(nm_hand_count_files(b->folder), 1);
}

char *nm_hand_read_bytes(const char *path, size_t *n)
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

void nm_assert_same_value(double x, double y)
{
    if (!(isnan(x) && isnan(y)) && x != y) {
        fail_msg("%.17g is not %.17g", x, y);
    }
}

int nm_hand_open(const char *path)
{
    int id;
    assert_int_equal(nc_open(path, NC_NOWRITE, &id), NC_NOERR);
    return id;
}

void nm_assert_text(int id, const char *variable, const char *name, const char *expected)
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

void nm_assert_undated(int id)
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

double *nm_hand_read(int id, const char *name, int64_t n, int n_dims)
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

void nm_assert_points(nm_hand_file *b, const char *path, int n_dims, int64_t gap_first,
                      int64_t gap_end)
{
    int id = nm_hand_open(path);
    int64_t n = b->plan.n_points;
    for (int k = 0; k < b->plan.task.n_slots; k++) {
        double *values = nm_hand_read(id, b->plan.catalogue.output[k].name, n, n_dims);
        for (int64_t i = 0; i < n; i++) {
            nm_assert_same_value(values[i],
                                 i >= gap_first && i < gap_end ? NAN : (float)nm_hand_value(k, i));
        }
        free(values);
    }
    double *outcome = nm_hand_read(id, "outcome", n, n_dims),
           *flags = nm_hand_read(id, "flags", n, n_dims);
    for (int64_t i = 0; i < n; i++) {
        int is_gap = i >= gap_first && i < gap_end;
        assert_int_equal((int)outcome[i], is_gap ? NM_OUTCOME_not_run : nm_hand_outcome(i));
        assert_int_equal((int)flags[i], is_gap ? 0 : nm_hand_flags(i));
    }
    free(outcome);
    free(flags);
    nc_close(id);
}

void nm_assert_params(nm_hand_file *b)
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
