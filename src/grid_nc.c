/* Reads what a finished file says about itself: fingerprint, configuration, parameters, counts. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "grid_nc.h"

#include <errno.h>
#include <inttypes.h>
#include <netcdf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assemble.h"
#include "slab.h"

enum { SLAB_POINTS = 1 << 16, SLAB_CELLS = 1 << 12, N_COUNTS = NM_N_OUTCOMES + NM_N_FLAGS };

/* A file open for reading and the shape of its points, or cells. */
typedef struct reader {
    const char *path;
    int id, outcome; /* outcome: the variable over all points, or a count over all cells */
    int n_dims, dim_id[NM_MAX_DIMS];
    int64_t dim[NM_MAX_DIMS], n_points;
} reader;

/* Opens a NetCDF file; is_netcdf: 0 where it is something else, which is no error. */
static nm_status open_file(int *file_id, int *is_netcdf, const char *path)
{
    nm_nc_prepare();
    *is_netcdf = 0;
    if (access(path, R_OK) != 0) {
        return nm_fail(NM_IO, "cannot read '%s': %s", path, strerror(errno));
    }
    *is_netcdf = nc_open(path, NC_NOWRITE, file_id) == NC_NOERR;
    return NM_OK;
}

static nm_status open_reader(reader *r, const char *path, const char *shape)
{
    int is_netcdf;
    *r = (reader){.path = path};
    NM_TRY(open_file(&r->id, &is_netcdf, path));
    if (!is_netcdf) {
        return nm_fail(NM_USAGE, "'%s' is not a NetCDF file", path);
    }
    int is_ours = nc_inq_varid(r->id, shape, &r->outcome) == NC_NOERR &&
                  nc_inq_varndims(r->id, r->outcome, &r->n_dims) == NC_NOERR &&
                  r->n_dims <= NM_MAX_DIMS &&
                  nc_inq_vardimid(r->id, r->outcome, r->dim_id) == NC_NOERR;
    r->n_points = 1;
    for (int i = 0; is_ours && i < r->n_dims; i++) {
        size_t length;
        is_ours = nc_inq_dimlen(r->id, r->dim_id[i], &length) == NC_NOERR && length > 0;
        r->dim[i] = (int64_t)length;
        r->n_points *= r->dim[i];
    }
    if (!is_ours) {
        nc_close(r->id);
        return nm_fail(NM_USAGE,
                       "'%s' is not a file of nessmap: it has no variable '%s' over its points",
                       path, shape);
    }
    return NM_OK;
}

static nm_status read_fingerprint(const char *path, char out[33], int may_be_part)
{
    NM_NC_ALONE;
    int id, is_netcdf;
    out[0] = '\0';
    NM_TRY(open_file(&id, &is_netcdf, path));
    if (!is_netcdf) {
        return NM_OK;
    }
    int64_t n_not_run = 0;
    nm_nc_counts(&n_not_run, 1, id, "nessmap_n_not_run");
    char *text =
        may_be_part || n_not_run == 0 ? nm_nc_text(id, NC_GLOBAL, "nessmap_fingerprint") : NULL;
    if (text && strlen(text) <= 32) {
        snprintf(out, 33, "%s", text);
    }
    free(text);
    nc_close(id);
    return NM_OK;
}

nm_status nm_grid_nc_fingerprint(const char *path, char out[33])
{
    return read_fingerprint(path, out, 0);
}

nm_status nm_grid_nc_fingerprint_of_part(const char *path, char out[33])
{
    return read_fingerprint(path, out, 1);
}

nm_status nm_grid_nc_config(const char *path, char **config_text)
{
    NM_NC_ALONE;
    int id, is_netcdf;
    *config_text = NULL;
    NM_TRY(open_file(&id, &is_netcdf, path));
    if (!is_netcdf) {
        return nm_fail(NM_USAGE, "'%s' is not a NetCDF file", path);
    }
    *config_text = nm_nc_text(id, NC_GLOBAL, "nessmap_config");
    nc_close(id);
    return *config_text
               ? NM_OK
               : nm_fail(NM_USAGE,
                         "'%s' is not a file of nessmap: it has no attribute 'nessmap_config'",
                         path);
}

/* Reads one variable at a point; its dimensions are some of those of the points, in any number. */
static nm_status read_at_point(double *value, const reader *r, const int64_t *at, const char *name)
{
    int variable, n_dims, dim_id[NC_MAX_VAR_DIMS];
    size_t start[NM_MAX_DIMS];
    if (nc_inq_varid(r->id, name, &variable) != NC_NOERR) {
        return nm_fail(NM_USAGE, "'%s' has no parameter '%s'", r->path, name);
    }
    NM_TRY(nm_nc_check(nc_inq_var(r->id, variable, NULL, NULL, &n_dims, dim_id, NULL), "read",
                       r->path));
    for (int i = 0; i < n_dims; i++) {
        int k = 0;
        while (k < r->n_dims && r->dim_id[k] != dim_id[i]) {
            k++;
        }
        if (k == r->n_dims || i >= NM_MAX_DIMS) {
            return nm_fail(NM_USAGE, "'%s' in '%s' is not a parameter of its points", name,
                           r->path);
        }
        start[i] = (size_t)at[k];
    }
    return nm_nc_check(nc_get_var1_double(r->id, variable, start, value), "read", r->path);
}

nm_status nm_grid_nc_stored_params(const char *path, int64_t index, int n, const char *const *names,
                                   double *values)
{
    NM_NC_ALONE;
    reader r;
    int is_refined = 0, id, is_netcdf, variable;
    NM_TRY(open_file(&id, &is_netcdf, path));
    if (is_netcdf) {
        is_refined = nc_inq_varid(id, "vertex_outcome", &variable) == NC_NOERR;
        nc_close(id);
    }
    NM_TRY(open_reader(&r, path, is_refined ? "vertex_outcome" : "outcome"));
    nm_status status = NM_OK;
    if (index < 0 || index >= r.n_points) {
        status = nm_fail(NM_USAGE, "'%s' has no point %" PRId64 ": its points are 0 to %" PRId64,
                         path, index, r.n_points - 1);
    }
    int64_t at[NM_MAX_DIMS], rest = index;
    for (int i = r.n_dims - 1; i >= 0; i--) {
        at[i] = rest % r.dim[i];
        rest /= r.dim[i];
    }
    for (int i = 0; status == NM_OK && i < n; i++) {
        char vertex_name[80];
        snprintf(vertex_name, sizeof vertex_name, "vertex_%s", names[i]);
        int is_listed = is_refined && nc_inq_varid(r.id, vertex_name, &variable) == NC_NOERR;
        status = read_at_point(&values[i], &r, at, is_listed ? vertex_name : names[i]);
    }
    nc_close(r.id);
    return status;
}

/* Finds the variables of the drawn parameters, which the counts need. */
static nm_status find_stored(int *variable, const reader *r, const nm_plan *plan)
{
    for (int i = 0; i < plan->task.n_stored; i++) {
        const char *name = plan->model->params[plan->task.stored[i]].name;
        int n_dims;
        if (nc_inq_varid(r->id, name, &variable[i]) != NC_NOERR ||
            nc_inq_varndims(r->id, variable[i], &n_dims) != NC_NOERR || n_dims != r->n_dims) {
            return nm_fail(NM_IO, "'%s' lacks the parameter '%s' of its points", r->path, name);
        }
    }
    return NM_OK;
}

static nm_status read_slab(nm_tally *tally, const reader *r, int flags_variable, const int *stored,
                           int n_stored, int64_t first, int64_t n, int8_t *outcome, uint16_t *flags,
                           double *params)
{
    NM_TRY(nm_slab_read(r->id, r->outcome, r->path, r->dim, r->n_dims, first, n, outcome,
                        sizeof *outcome));
    NM_TRY(nm_slab_read(r->id, flags_variable, r->path, r->dim, r->n_dims, first, n, flags,
                        sizeof *flags));
    for (int i = 0; i < n_stored; i++) {
        NM_TRY(nm_slab_read(r->id, stored[i], r->path, r->dim, r->n_dims, first, n, params + i * n,
                            sizeof *params));
    }
    return nm_tally_add(tally, first, n, outcome, flags, params);
}

static nm_status count_file(nm_tally *tally, const reader *r, const nm_plan *plan)
{
    int flags_variable, n_flag_dims, stored[NM_MAX_PARAMS], n_stored = plan->task.n_stored;
    nc_type outcome_type, flags_type;
    if (r->n_points != plan->n_points) {
        return nm_fail(NM_IO, "'%s' has %" PRId64 " points where its configuration gives %" PRId64,
                       r->path, r->n_points, plan->n_points);
    }
    if (nc_inq_vartype(r->id, r->outcome, &outcome_type) != NC_NOERR || outcome_type != NC_BYTE ||
        nc_inq_varid(r->id, "flags", &flags_variable) != NC_NOERR ||
        nc_inq_var(r->id, flags_variable, NULL, &flags_type, &n_flag_dims, NULL, NULL) !=
            NC_NOERR ||
        flags_type != NC_USHORT || n_flag_dims != r->n_dims) {
        return nm_fail(NM_IO, "'%s' holds outcomes or flags of another kind than nessmap writes",
                       r->path);
    }
    NM_TRY(find_stored(stored, r, plan));

    int8_t *outcome = malloc(SLAB_POINTS * sizeof *outcome);
    uint16_t *flags = malloc(SLAB_POINTS * sizeof *flags);
    double *params = malloc((size_t)SLAB_POINTS * (size_t)(n_stored + 1) * sizeof *params);
    nm_status status = NM_OK;
    if (!outcome || !flags || !params) {
        status = nm_fail(NM_MEMORY, "out of memory for reading '%s'", r->path);
    }
    for (int64_t first = 0; status == NM_OK && first < r->n_points; first += SLAB_POINTS) {
        int64_t n = r->n_points - first < SLAB_POINTS ? r->n_points - first : SLAB_POINTS;
        status =
            read_slab(tally, r, flags_variable, stored, n_stored, first, n, outcome, flags, params);
    }
    free(outcome);
    free(flags);
    free(params);
    return status;
}

/* Reads one kind of count of n cells into every N_COUNTS-th place of `counts`. */
static nm_status read_counts(int64_t *counts, const reader *r, const char *name, int64_t first,
                             int64_t n, int64_t *buffer)
{
    int variable, n_dims;
    nc_type type;
    if (nc_inq_varid(r->id, name, &variable) != NC_NOERR ||
        nc_inq_var(r->id, variable, NULL, &type, &n_dims, NULL, NULL) != NC_NOERR ||
        type != NC_INT64 || n_dims != r->n_dims) {
        return nm_fail(NM_IO, "'%s' lacks the count '%s' of its cells", r->path, name);
    }
    NM_TRY(nm_slab_read(r->id, variable, r->path, r->dim, r->n_dims, first, n, buffer,
                        sizeof *buffer));
    for (int64_t i = 0; i < n; i++) {
        counts[i * N_COUNTS] = buffer[i];
    }
    return NM_OK;
}

/* the counts of a scan whose own counts are of its bins */
static const char *prefix_of(const nm_plan *plan)
{
    return plan->task.reduction.kind == NM_REDUCE_SCATTER ? "total_" : "";
}

static nm_status count_cells(nm_tally *tally, const reader *r, const nm_plan *plan)
{
    int64_t cell_points = plan->task.reduction.n_inputs > 0 ? plan->task.draw.n_draws
                                                            : plan->task.reduction.cell_points;
    if (r->n_points != plan->n_points / cell_points) {
        return nm_fail(NM_IO, "'%s' has %" PRId64 " cells where its configuration gives %" PRId64,
                       r->path, r->n_points, plan->n_points / cell_points);
    }
    int64_t *counts = malloc(SLAB_CELLS * N_COUNTS * sizeof *counts);
    int64_t *buffer = malloc(SLAB_CELLS * sizeof *buffer);
    nm_status status =
        counts && buffer ? NM_OK : nm_fail(NM_MEMORY, "out of memory for reading '%s'", r->path);
    for (int64_t first = 0; status == NM_OK && first < r->n_points; first += SLAB_CELLS) {
        int64_t n = r->n_points - first < SLAB_CELLS ? r->n_points - first : SLAB_CELLS;
        for (int k = 0; status == NM_OK && k < N_COUNTS; k++) {
            char name[96];
            snprintf(name, sizeof name, "%s%s", prefix_of(plan),
                     k < NM_N_OUTCOMES ? nm_count_names[k]
                                       : nm_flag_count_names[k - NM_N_OUTCOMES]);
            status = read_counts(counts + k, r, name, first, n, buffer);
        }
        for (int64_t i = 0; status == NM_OK && i < n; i++) {
            const int64_t *count = counts + i * N_COUNTS;
            status = nm_tally_add_cell(tally, (first + i) * cell_points, cell_points, count,
                                       count + NM_N_OUTCOMES);
        }
    }
    free(counts);
    free(buffer);
    return status;
}

static nm_status read_located(nm_tally *tally, const reader *r)
{
    long long located[NM_LOCATED];
    int64_t index[NM_LOCATED];
    int variable, dim, n_dims;
    size_t n;
    if (nc_inq_varid(r->id, "failed_index", &variable) != NC_NOERR ||
        nc_inq_varndims(r->id, variable, &n_dims) != NC_NOERR || n_dims != 1 ||
        nc_inq_vardimid(r->id, variable, &dim) != NC_NOERR ||
        nc_inq_dimlen(r->id, dim, &n) != NC_NOERR || n != NM_LOCATED) {
        return nm_fail(NM_IO, "'%s' lacks the indices of its failed points", r->path);
    }
    NM_TRY(nm_nc_check(nc_get_var_longlong(r->id, variable, located), "read", r->path));
    for (int i = 0; i < NM_LOCATED; i++) {
        index[i] = located[i];
    }
    nm_tally_locate(tally, index);
    return NM_OK;
}

nm_status nm_grid_nc_tally(const char *path, const nm_plan *plan, nm_tally **tally)
{
    NM_NC_ALONE;
    reader r;
    *tally = NULL;
    int is_reduced = nm_plan_is_reduced(plan);
    char shape[96];
    snprintf(shape, sizeof shape, "%s%s", prefix_of(plan),
             is_reduced ? nm_count_names[0] : "outcome");
    NM_TRY(open_reader(&r, path, shape));
    nm_status status = nm_tally_create(tally, plan);
    if (status == NM_OK) {
        status = is_reduced ? count_cells(*tally, &r, plan) : count_file(*tally, &r, plan);
    }
    if (status == NM_OK && is_reduced) {
        status = read_located(*tally, &r);
    }
    if (status == NM_OK) {
        nm_nc_counts(&(*tally)->n_clamped, 1, r.id, "nessmap_n_clamped");
    }
    nc_close(r.id);
    if (status != NM_OK) {
        nm_tally_destroy(tally);
    }
    return status;
}
