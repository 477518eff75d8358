/* Turns a journal into the finished NetCDF-4 file.
 *
 *   1. shape, chunks and the part of each parameter
 *   2. definition of variables
 *   3. parameters
 *   4. the whole */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assemble.h"
#include "files.h"
#include "grid_nc.h"

enum {
    PIECE_POINTS = 1 << 16,      /* coordinates are evaluated in pieces of this size */
    MOST_CHUNK_POINTS = 1 << 16, /* 256 KiB of floats */
    LEAST_CHUNK_POINTS = 1 << 12,
    CHUNK_MEMORY_BYTES = 64 << 20 /* of all variables together */
};

/* --- 1. chunks -----------------------------------------------------------------------------------
 */

/* Chunks are whole trailing dimensions and a share of the next one, so that each is a flat range of
 * points. */
static void find_chunks(nm_assembly *a)
{
    const nm_task *task = &a->plan->task;
    size_t point_bytes = (size_t)task->n_slots * a->value_bytes +
                         (size_t)task->n_stored * sizeof(double) + sizeof(uint16_t) +
                         sizeof(int8_t);
    if (nm_plan_is_reduced(a->plan)) {
        point_bytes =
            (size_t)task->n_slots *
                ((NM_N_STATISTICS - 1 + (size_t)task->reduction.n_quantiles) * a->value_bytes +
                 sizeof(int64_t)) +
            NM_CELL_COUNTS * sizeof(int64_t);
    }
    int64_t left = MOST_CHUNK_POINTS;
    while (left > LEAST_CHUNK_POINTS && (size_t)left * point_bytes > CHUNK_MEMORY_BYTES) {
        left /= 2;
    }
    a->chunk_row = 1;
    a->split = -1;
    for (int i = a->shape.n_dims - 1; i >= 0; i--) {
        int64_t n = a->shape.dim[i];
        if (a->split >= 0) {
            n = 1;
        } else if (n > left) {
            int64_t n_chunks = (n + left - 1) / left;
            n = (n + n_chunks - 1) / n_chunks;
            a->split = i;
        } else {
            left /= n;
            a->chunk_row *= i > 0 ? n : 1;
        }
        a->chunk[i] = (size_t)n;
    }
    if (a->split < 0) { /* all in one chunk */
        a->split = 0;
    }
}

int64_t nm_assembly_chunk_end(const nm_assembly *a, int64_t at)
{
    if (a->shape.n_dims == 0) {
        return 1;
    }
    int64_t n = a->shape.dim[a->split], index = at / a->chunk_row % n,
            size = (int64_t)a->chunk[a->split];
    int64_t in_chunk = size - index % size;
    return at + (in_chunk < n - index ? in_chunk : n - index) * a->chunk_row;
}

/* --- 2. definition of variables ------------------------------------------------------------------
 */

static nm_status define_dims(nm_assembly *a)
{
    for (int i = 0; i < a->shape.n_dims; i++) {
        NM_TRY(nm_assembly_check(a, nc_def_dim(a->id, nm_file_shape_name(a->plan, i),
                                               (size_t)a->shape.dim[i], &a->dim_id[i])));
    }
    return NM_OK;
}

/* Defines a variable over all points: contiguous, or in compressed chunks. */
nm_status nm_assembly_define_column(nm_assembly *a, int *variable, const char *name, int type,
                                    size_t bytes)
{
    NM_TRY(
        nm_assembly_check(a, nc_def_var(a->id, name, type, a->shape.n_dims, a->dim_id, variable)));
    if (a->shape.n_dims == 0) {
        return NM_OK;
    }
    if (a->compression <= 0) {
        return nm_assembly_check(a, nc_def_var_chunking(a->id, *variable, NC_CONTIGUOUS, NULL));
    }
    size_t chunk_bytes = bytes;
    for (int i = 0; i < a->shape.n_dims; i++) {
        chunk_bytes *= a->chunk[i];
    }
    NM_TRY(nm_assembly_check(a, nc_def_var_chunking(a->id, *variable, NC_CHUNKED, a->chunk)));
    NM_TRY(nm_assembly_check(a, nc_def_var_deflate(a->id, *variable, 1, 1, a->compression)));
    /* chunks are written whole, so one in memory is enough */
    return nm_assembly_check(a, nc_set_var_chunk_cache(a->id, *variable, chunk_bytes, 1, 1.0f));
}

static nm_status define_param(nm_assembly *a, int param)
{
    const char *name = a->plan->model->params[param].name;
    int *variable = &a->param_variable[param];
    if (a->shape.role[param] == NM_ROLE_FIXED) {
        NM_TRY(nm_assembly_check(a, nc_def_var(a->id, name, NC_DOUBLE, 0, NULL, variable)));
    } else if (nm_file_shape_is_over_all(&a->shape, a->plan, param)) {
        NM_TRY(nm_assembly_define_column(a, variable, name, NC_DOUBLE, sizeof(double)));
    } else {
        int which[NM_MAX_DIMS], dim_id[NM_MAX_DIMS];
        const int n = nm_file_shape_of(which, &a->shape, a->plan, param);
        for (int i = 0; i < n; i++) {
            dim_id[i] = a->dim_id[which[i]];
        }
        NM_TRY(nm_assembly_check(a, nc_def_var(a->id, name, NC_DOUBLE, n, dim_id, variable)));
        NM_TRY(nm_assembly_check(a, nc_def_var_chunking(a->id, *variable, NC_CONTIGUOUS, NULL)));
    }
    return nm_assembly_describe_param(a, param);
}

void nm_assembly_add_column(nm_assembly *a, int variable, size_t bytes)
{
    a->columns[a->n_columns++] = (nm_column){.variable = variable, .bytes = bytes};
}

static nm_status define_params(nm_assembly *a)
{
    const nm_draw *draw = &a->plan->task.draw;
    for (int i = 0; i < draw->n_axes; i++) {
        if (a->shape.role[draw->axis[i].param] == NM_ROLE_AXIS) {
            NM_TRY(define_param(a, draw->axis[i].param));
        }
    }
    for (int p = 0; p < a->plan->model->n_params; p++) {
        if (a->shape.role[p] != NM_ROLE_AXIS && a->shape.role[p] != NM_ROLE_REDUCED) {
            NM_TRY(define_param(a, p));
        }
    }
    nm_assembly_list_coordinates(a);
    return NM_OK;
}

/* Columns are in the order of a record: values, parameters, flags, outcome. */
static nm_status define_points(nm_assembly *a)
{
    const nm_task *task = &a->plan->task;
    int variable;
    for (int i = 0; i < task->n_slots; i++) {
        const nm_output *output = &a->plan->catalogue.output[a->plan->column_output[i]];
        NM_TRY(nm_assembly_define_column(a, &variable, output->name,
                                         a->is_f32 ? NC_FLOAT : NC_DOUBLE, a->value_bytes));
        NM_TRY(nm_assembly_describe_output(a, variable, output));
        nm_assembly_add_column(a, variable, a->value_bytes);
    }
    for (int i = 0; i < task->n_stored; i++) {
        nm_assembly_add_column(a, a->param_variable[task->stored[i]], sizeof(double));
    }
    NM_TRY(nm_assembly_define_column(a, &variable, "flags", NC_USHORT, sizeof(uint16_t)));
    NM_TRY(nm_assembly_describe_flags(a, variable));
    nm_assembly_add_column(a, variable, sizeof(uint16_t));
    NM_TRY(nm_assembly_define_column(a, &variable, "outcome", NC_BYTE, sizeof(int8_t)));
    NM_TRY(nm_assembly_describe_outcome(a, variable));
    nm_assembly_add_column(a, variable, sizeof(int8_t));
    return NM_OK;
}

/* --- 3. parameters -------------------------------------------------------------------------------
 */

static nm_status write_axis(nm_assembly *a, const nm_axis *axis, double *buffer)
{
    for (int64_t first = 0; first < axis->n; first += PIECE_POINTS) {
        int64_t n = axis->n - first < PIECE_POINTS ? axis->n - first : PIECE_POINTS;
        for (int64_t i = 0; i < n; i++) {
            buffer[i] = a->plan->model->axis_value(axis, first + i);
        }
        NM_TRY(nm_slab_write(a->id, a->param_variable[axis->param], a->temporary, &axis->n, 1,
                             first, n, buffer, sizeof *buffer));
    }
    return NM_OK;
}

/* Evaluates a parameter over the axes it depends on, the others at their first value, or over all
 * points. */
static nm_status write_derived(nm_assembly *a, int param, double *buffer)
{
    const nm_draw *draw = &a->plan->task.draw;
    const int over_all = nm_file_shape_is_over_all(&a->shape, a->plan, param);
    int which[NM_MAX_DIMS];
    const int n_dims = nm_file_shape_of(which, &a->shape, a->plan, param);
    int64_t dim[NM_MAX_DIMS], n_total = 1;
    for (int i = 0; i < n_dims; i++) {
        dim[i] = a->shape.dim[which[i]];
        n_total *= dim[i];
    }
    double params[NM_MAX_PARAMS];
    for (int64_t first = 0, end; first < n_total; first = end) {
        end = first + PIECE_POINTS;
        if (over_all && a->compression > 0) {
            end = nm_assembly_chunk_end(a, first);
        }
        end = end < n_total ? end : n_total;
        for (int64_t i = first; i < end; i++) {
            int64_t index = 0, rest = i;
            for (int k = n_dims - 1; k >= 0; k--) {
                index += rest % dim[k] * a->shape.step[which[k]];
                rest /= dim[k];
            }
            a->plan->model->draw(draw, index, params);
            buffer[i - first] = params[param];
        }
        NM_TRY(nm_slab_write(a->id, a->param_variable[param], a->temporary, dim, n_dims, first,
                             end - first, buffer, sizeof *buffer));
    }
    return NM_OK;
}

static nm_status write_params(nm_assembly *a)
{
    const nm_draw *draw = &a->plan->task.draw;
    double *buffer = malloc(PIECE_POINTS * sizeof *buffer), params[NM_MAX_PARAMS];
    if (!buffer) {
        return nm_fail(NM_MEMORY, "out of memory for the parameters of '%s'", a->out_path);
    }
    nm_status status = NM_OK;
    for (int i = 0; status == NM_OK && i < draw->n_axes; i++) {
        if (a->shape.role[draw->axis[i].param] == NM_ROLE_AXIS) {
            status = write_axis(a, &draw->axis[i], buffer);
        }
    }
    a->plan->model->draw(draw, 0, params);
    for (int p = 0; status == NM_OK && p < a->plan->model->n_params; p++) {
        if (a->shape.role[p] == NM_ROLE_FIXED) {
            status = nm_slab_write(a->id, a->param_variable[p], a->temporary, NULL, 0, 0, 1,
                                   &params[p], sizeof *params);
        } else if (a->shape.role[p] == NM_ROLE_DERIVED) {
            status = write_derived(a, p, buffer);
        }
    }
    free(buffer);
    return status;
}

/* --- 4. the whole --------------------------------------------------------------------------------
 */

/* Variables and attributes, and the parameters that follow from the plan alone. */
/* All dimensions, variables and attributes, but for those that count. */
static nm_status define_file(nm_assembly *a)
{
    int old_fill;
    NM_TRY(nm_assembly_check(a, nc_set_fill(a->id, NC_NOFILL, &old_fill)));
    NM_TRY(define_dims(a));
    NM_TRY(nm_assembly_describe_file(a));
    NM_TRY(define_params(a));
    NM_TRY(nm_plan_is_reduced(a->plan) ? nm_assembly_define_cells(a) : define_points(a));
    return nm_assembly_check(a, nc_enddef(a->id));
}

static nm_status begin_file(nm_assembly *a)
{
    NM_TRY(define_file(a));
    NM_TRY(write_params(a));
    if (nm_grid_nc_takes(a->plan)) {
        nm_assembly_open_columns(a);
    }
    return NM_OK;
}

/* Records that are not in the file, and what is known when all are. */
static nm_status end_file(nm_assembly *a, nm_journal *journal)
{
    void *payload = malloc((size_t)nm_plan_tile_bytes(a->plan, 0));
    if (!payload) {
        return nm_fail(NM_MEMORY, "out of memory for a tile of '%s'", a->out_path);
    }
    nm_status status = nm_plan_is_reduced(a->plan) ? nm_assembly_write_cells(a, journal, payload)
                                                   : nm_assembly_write_points(a, journal, payload);
    free(payload);
    return status == NM_OK ? nm_assembly_describe_counts(a) : status;
}

static nm_status open_file(nm_assembly *a)
{
    errno = 0;
    return nm_nc_check(nc_create(a->temporary, NC_NETCDF4 | NC_CLOBBER, &a->id), "create",
                       a->temporary);
}

/* status: of what was written; a file that is not whole is deleted. */
static nm_status close_file(nm_assembly *a, nm_status status)
{
    errno = 0;
    int code = nc_close(a->id);
    if (status == NM_OK) {
        status = nm_assembly_check(a, code);
    }
    if (status == NM_OK) {
        status = nm_file_sync(a->temporary);
    }
    if (status == NM_OK && rename(a->temporary, a->out_path) != 0) {
        status = nm_fail(NM_IO, "cannot rename '%s' to '%s': %s", a->temporary, a->out_path,
                         strerror(errno));
    }
    if (status != NM_OK) {
        unlink(a->temporary);
        return status;
    }
    return nm_file_sync_folder_of(a->out_path);
}

nm_status nm_assembly_create(nm_assembly *a, nm_status (*write)(nm_assembly *a, void *context),
                             void *context)
{
    NM_NC_ALONE;
    NM_TRY(open_file(a));
    return close_file(a, write(a, context));
}

static void destroy(nm_assembly *a)
{
    if (!a) {
        return;
    }
    for (int k = 0; k < a->n_columns; k++) {
        free(a->columns[k].stage);
    }
    nm_index_writer_destroy(&a->indices);
    nm_bin_writer_destroy(&a->bins);
    nm_tally_destroy(&a->tally);
    pthread_mutex_destroy(&a->file_lock);
    pthread_mutex_destroy(&a->tally_lock);
    if (a->fd >= 0) {
        close(a->fd);
    }
    free(a->is_taken);
    free(a->temporary);
    free(a);
}

/* The writer of a file, which has none yet. */
static nm_status create(nm_assembly **file, const char *out_path, const nm_plan *plan, int partial)
{
    nm_assembly *a = calloc(1, sizeof *a);
    *file = a;
    if (!a) {
        return nm_fail(NM_MEMORY, "out of memory for the assembly of '%s'", out_path);
    }
    pthread_mutex_init(&a->file_lock, NULL);
    pthread_mutex_init(&a->tally_lock, NULL);
    a->plan = plan;
    a->out_path = out_path;
    a->partial = partial;
    a->fd = -1;
    a->compression = plan->config ? plan->config->compression : 0;
    a->is_f32 = nm_plan_is_reduced(plan) ? plan->config && plan->config->precision_bits != 64
                                         : plan->task.is_f32;
    a->value_bytes = a->is_f32 ? sizeof(float) : sizeof(double);
    nm_file_shape_find(&a->shape, plan);
    find_chunks(a);
    a->temporary = nm_file_format("%s.tmp", out_path);
    a->is_taken = calloc((size_t)plan->n_tiles, sizeof *a->is_taken);
    return a->temporary && a->is_taken
               ? nm_tally_create(&a->tally, plan)
               : nm_fail(NM_MEMORY, "out of memory for the assembly of '%s'", out_path);
}

nm_status nm_grid_nc_begin(nm_assembly **file, const char *out_path, const nm_plan *plan,
                           int partial)
{
    NM_NC_ALONE;
    nm_assembly *a;
    *file = NULL;
    nm_status status = create(&a, out_path, plan, partial);
    if (status == NM_OK) {
        status = open_file(a);
    }
    if (status != NM_OK) {
        destroy(a);
        return status;
    }
    status = begin_file(a);
    *file = a;
    if (status != NM_OK) {
        nm_grid_nc_drop(file);
    }
    return status;
}

nm_status nm_grid_nc_define(int *file_id, const nm_plan *plan, int partial)
{
    NM_NC_ALONE;
    nm_assembly *a;
    nm_status status = create(&a, "the head of a file", plan, partial);
    if (status == NM_OK) {
        status = nm_nc_check(nc_create("nessmap_head", NC_NETCDF4 | NC_DISKLESS, &a->id), "define",
                             a->out_path);
    }
    if (status == NM_OK) {
        *file_id = a->id;
        status = define_file(a);
        if (status != NM_OK) {
            nc_close(a->id);
        }
    }
    destroy(a);
    return status;
}

nm_status nm_grid_nc_end(nm_assembly **file, nm_journal *journal, nm_tally **tally)
{
    NM_NC_ALONE;
    nm_assembly *a = *file;
    nm_status status = close_file(a, end_file(a, journal));
    if (status == NM_OK && tally) {
        *tally = a->tally;
        a->tally = NULL;
    }
    destroy(a);
    *file = NULL;
    return status;
}

void nm_grid_nc_drop(nm_assembly **file)
{
    if (*file) {
        NM_NC_ALONE;
        (void)close_file(*file, NM_INTERRUPTED);
        destroy(*file);
        *file = NULL;
    }
}

nm_status nm_grid_nc_assemble(const char *out_path, const nm_plan *plan, nm_journal *journal,
                              int partial, nm_tally **tally)
{
    nm_assembly *file;
    if (tally) {
        *tally = NULL;
    }
    NM_TRY(nm_grid_nc_begin(&file, out_path, plan, partial));
    return nm_grid_nc_end(&file, journal, tally);
}
