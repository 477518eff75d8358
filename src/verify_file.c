/* The file that is verified: what its variables must look like, its points as tiles, its parameters.
 *
 *   1. what each check found   2. shape   3. points   4. parameters */
#include <inttypes.h>
#include <math.h>
#include <netcdf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify_parts.h"

enum { PIECE = 1 << 14 }; /* values of a parameter that are compared at once */

/* --- 1. what each check found ------------------------------------------------------------------- */

int nm_verify_look(nm_verify_check *check, double deviation)
{
    int is_wrong = !(deviation <= 1.0);
    check->n++;
    check->n_bad += is_wrong;
    if (!(deviation <= check->worst)) {
        check->worst = deviation;
    }
    return is_wrong;
}

/* The place of a finding among those of lower index, or NM_VERIFY_NAMED. */
static int make_place(nm_verify_check *check, int64_t index)
{
    int at = check->n_named;
    while (at > 0 && check->named[at - 1].index > index) {
        at--;
    }
    if (at < NM_VERIFY_NAMED) {
        check->n_named += check->n_named < NM_VERIFY_NAMED;
        for (int i = check->n_named - 1; i > at; i--) {
            check->named[i] = check->named[i - 1];
        }
    }
    return at;
}

void nm_verify_name(nm_verify_check *check, int64_t index, const char *format, ...)
{
    int at = make_place(check, index);
    if (at < NM_VERIFY_NAMED) {
        va_list args;
        check->named[at].index = index;
        va_start(args, format);
        vsnprintf(check->named[at].text, sizeof check->named[at].text, format, args);
        va_end(args);
    }
}

void nm_verify_skip(nm_verify_check *check, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(check->missing, sizeof check->missing, format, args);
    va_end(args);
}

void nm_verify_merge(nm_verify_check *into, const nm_verify_check *more)
{
    into->n += more->n;
    into->n_bad += more->n_bad;
    if (!(more->worst <= into->worst)) {
        into->worst = more->worst;
    }
    for (int i = 0; i < more->n_named; i++) {
        int at = make_place(into, more->named[i].index);
        if (at < NM_VERIFY_NAMED) {
            into->named[at] = more->named[i];
        }
    }
}

/* --- 2. shape ----------------------------------------------------------------------------------- */

static nm_status is_not_ours(const nm_verification *v, const char *name, const char *wanted)
{
    return nm_fail(NM_IO, "'%s' is damaged: the variable '%s' of its configuration %s", v->path,
                   name, wanted);
}

/* Points from one value to the next along a dimension of the plan, and the number of values; 0: there
 * is no such dimension. */
static int64_t find_stride(int64_t *n, const nm_plan *plan, const char *name)
{
    const nm_draw *draw = &plan->task.draw;
    if (plan->layout == NM_LAYOUT_SAMPLE && strcmp(name, "sample") == 0) {
        *n = plan->n_points;
        return 1;
    }
    int64_t stride = draw->n_draws;
    if (strcmp(name, "draw") == 0) {
        *n = draw->n_draws;
        return 1;
    }
    for (int i = draw->n_axes - 1; i >= 0; i--) {
        if (strcmp(plan->model->params[draw->axis[i].param].name, name) == 0) {
            *n = draw->axis[i].n;
            return stride;
        }
        stride *= draw->axis[i].n;
    }
    return 0;
}

/* Finds where a variable lies; its dimensions must be of the plan, slowest first. */
static nm_status find_place(nm_verify_param *at, const nm_verification *v, const char *name,
                            nc_type wanted)
{
    int dim_id[NC_MAX_VAR_DIMS];
    nc_type type;
    if (nc_inq_varid(v->id, name, &at->variable) != NC_NOERR) {
        return is_not_ours(v, name, "is missing");
    }
    NM_TRY(nm_nc_check(nc_inq_var(v->id, at->variable, NULL, &type, &at->n_dims, dim_id, NULL),
                       "read", v->path));
    if (type != wanted) {
        return is_not_ours(v, name, "is of another type than nessmap writes");
    }
    if (at->n_dims > NM_MAX_DIMS) {
        return is_not_ours(v, name, "lies along more dimensions than a scan has");
    }
    for (int i = 0; i < at->n_dims; i++) {
        char dim_name[NC_MAX_NAME + 1];
        size_t length;
        NM_TRY(nm_nc_check(nc_inq_dim(v->id, dim_id[i], dim_name, &length), "read", v->path));
        at->stride[i] = find_stride(&at->dim[i], v->plan, dim_name);
        if (at->stride[i] == 0 || at->dim[i] != (int64_t)length ||
            (i > 0 && at->stride[i] >= at->stride[i - 1])) {
            return is_not_ours(v, name, "lies along other dimensions than those of the scan");
        }
    }
    return NM_OK;
}

/* A variable over all points. */
static nm_status find_column(int *variable, const nm_verification *v, const char *name,
                             nc_type type)
{
    nm_verify_param at = {0};
    int64_t n = 1;
    NM_TRY(find_place(&at, v, name, type));
    for (int i = 0; i < at.n_dims; i++) {
        n *= at.dim[i];
    }
    *variable = at.variable;
    return n == v->plan->n_points
               ? NM_OK
               : is_not_ours(v, name, "has not one value for each point of the scan");
}

/* One chunk in memory is enough where chunks are compressed: points are read about in their order. */
static void bound_cache(const nm_verification *v, int variable, size_t element)
{
    int storage;
    size_t chunk[NM_MAX_DIMS], bytes = element;
    if (nc_inq_var_chunking(v->id, variable, &storage, chunk) == NC_NOERR &&
        storage == NC_CHUNKED) {
        for (int i = 0; i < v->n_dims; i++) {
            bytes *= chunk[i];
        }
        nc_set_var_chunk_cache(v->id, variable, bytes, 1, 1.0f);
    }
}

/* unit: as the catalogue or the model says it. */
static nm_status check_unit(const nm_verification *v, int variable, const char *name,
                            const char *unit)
{
    char text[64] = "";
    size_t length;
    nc_type type;
    const char *wanted = unit && unit[0] ? unit : "1";
    int is_right = nc_inq_att(v->id, variable, "units", &type, &length) == NC_NOERR &&
                   type == NC_CHAR && length < sizeof text &&
                   nc_get_att_text(v->id, variable, "units", text) == NC_NOERR &&
                   strcmp(text, wanted) == 0;
    return is_right ? NM_OK : is_not_ours(v, name, "has another unit than in its model");
}

static nm_status find_points(nm_verification *v)
{
    const nm_plan *plan = v->plan;
    nc_type type = plan->task.is_f32 ? NC_FLOAT : NC_DOUBLE;
    nm_verify_param at = {0};
    NM_TRY(find_place(&at, v, "outcome", NC_BYTE));
    v->n_dims = at.n_dims;
    memcpy(v->dim, at.dim, sizeof v->dim);
    NM_TRY(find_column(&v->outcome, v, "outcome", NC_BYTE));
    NM_TRY(find_column(&v->flags, v, "flags", NC_USHORT));
    bound_cache(v, v->outcome, sizeof(int8_t));
    bound_cache(v, v->flags, sizeof(uint16_t));
    for (int i = 0; i < plan->task.n_slots; i++) {
        const nm_output *output = &plan->catalogue.output[plan->column_output[i]];
        NM_TRY(find_column(&v->slot[i], v, output->name, type));
        NM_TRY(check_unit(v, v->slot[i], output->name, output->unit));
        bound_cache(v, v->slot[i], plan->task.is_f32 ? sizeof(float) : sizeof(double));
    }
    return NM_OK;
}

/* 1 where the values of the parameter are in the file: all, but for those within the cells of bins. */
static int is_kept(const nm_verification *v, int param)
{
    int variable;
    return !nm_plan_is_reduced(v->plan) ||
           nc_inq_varid(v->id, v->plan->model->params[param].name, &variable) == NC_NOERR;
}

nm_status nm_verify_find(nm_verification *v)
{
    const nm_plan *plan = v->plan;
    if (!nm_plan_is_reduced(plan)) {
        NM_TRY(find_points(v));
    }
    for (int p = 0; p < plan->model->n_params; p++) {
        nm_verify_param at = {.param = p};
        if (!is_kept(v, p)) {
            continue;
        }
        const nm_param_info *info = &plan->model->params[p];
        NM_TRY(find_place(&at, v, info->name, NC_DOUBLE));
        NM_TRY(check_unit(v, at.variable, info->name, info->unit));
        if (v->n_dims > 0 && at.n_dims == v->n_dims && at.stride[at.n_dims - 1] == 1 &&
            (v->n_dims > 1 || plan->layout == NM_LAYOUT_SAMPLE)) {
            bound_cache(v, at.variable, sizeof(double));
            v->each[v->n_each++] = at;
        } else {
            v->params[v->n_params++] = at;
        }
    }
    return NM_OK;
}

/* --- 3. points ---------------------------------------------------------------------------------- */

int nm_verify_is_state(const nm_plan *plan, int slot)
{
    return plan->column_output[slot] < nm_catalogue_number(plan->model, NM_FAMILY_E, 0);
}

static nm_status read_columns(nm_verification *v, const nm_tile *tile, double *each)
{
    size_t bytes = v->plan->task.is_f32 ? sizeof(float) : sizeof(double);
    NM_TRY(nm_slab_read(v->id, v->outcome, v->path, v->dim, v->n_dims, tile->first, tile->n,
                        tile->outcome, sizeof *tile->outcome));
    NM_TRY(nm_slab_read(v->id, v->flags, v->path, v->dim, v->n_dims, tile->first, tile->n,
                        tile->flags, sizeof *tile->flags));
    for (int i = 0; i < v->plan->task.n_slots; i++) {
        if (!each && !nm_verify_is_state(v->plan, i)) {
            continue;
        }
        NM_TRY(nm_slab_read(v->id, v->slot[i], v->path, v->dim, v->n_dims, tile->first, tile->n,
                            (char *)tile->values + (size_t)i * (size_t)tile->n * bytes, bytes));
    }
    for (int i = 0; i < v->n_each && each; i++) {
        NM_TRY(nm_slab_read(v->id, v->each[i].variable, v->path, v->dim, v->n_dims, tile->first,
                            tile->n, each + i * tile->n, sizeof *each));
    }
    return NM_OK;
}

nm_status nm_verify_read(nm_verification *v, const nm_tile *tile, double *each)
{
    pthread_mutex_lock(&v->file_lock);
    nm_nc_prepare();
    nm_status status = read_columns(v, tile, each);
    pthread_mutex_unlock(&v->file_lock);
    return status;
}

double nm_verify_value(const nm_plan *plan, const nm_tile *tile, int slot, int64_t i)
{
    return plan->task.is_f32 ? (double)((const float *)tile->values)[slot * tile->n + i]
                             : ((const double *)tile->values)[slot * tile->n + i];
}

/* --- 4. parameters ------------------------------------------------------------------------------ */

static void compare(nm_verify_check *check, const nm_plan *plan, int param, int64_t index,
                    double stored, double right)
{
    int is_wrong = memcmp(&stored, &right, sizeof stored) != 0;
    check->n++;
    if (is_wrong) {
        check->n_bad++;
        nm_verify_name(check, index, "point %" PRId64 ": %s is %.17g, its index gives %.17g", index,
                       plan->model->params[param].name, stored, right);
    }
}

/* A parameter over the dimensions that it lies along, the others at their first value. */
static nm_status check_param(nm_verification *v, const nm_verify_param *at, double *buffer)
{
    double params[NM_MAX_PARAMS];
    int64_t n_all = 1;
    for (int i = 0; i < at->n_dims; i++) {
        n_all *= at->dim[i];
    }
    for (int64_t first = 0; first < n_all; first += PIECE) {
        int64_t n = n_all - first < PIECE ? n_all - first : PIECE;
        NM_TRY(nm_slab_read(v->id, at->variable, v->path, at->dim, at->n_dims, first, n, buffer,
                            sizeof *buffer));
        for (int64_t i = 0; i < n; i++) {
            int64_t index = 0, rest = first + i;
            for (int k = at->n_dims - 1; k >= 0; k--) {
                index += rest % at->dim[k] * at->stride[k];
                rest /= at->dim[k];
            }
            v->plan->model->draw(&v->plan->task.draw, index, params);
            compare(&v->check[NM_VERIFY_parameters], v->plan, at->param, index, buffer[i],
                    params[at->param]);
        }
    }
    return NM_OK;
}

nm_status nm_verify_axes(nm_verification *v)
{
    double *buffer = malloc(PIECE * sizeof *buffer);
    nm_status status =
        buffer ? NM_OK : nm_fail(NM_MEMORY, "no memory for the parameters of '%s'", v->path);
    for (int i = 0; i < v->n_params && status == NM_OK; i++) {
        status = check_param(v, &v->params[i], buffer);
    }
    free(buffer);
    return status;
}

void nm_verify_each(nm_verify_check *check, const nm_verification *v, const nm_tile *tile,
                    const double *each, int64_t i, const double *params)
{
    for (int k = 0; k < v->n_each; k++) {
        compare(check, v->plan, v->each[k].param, tile->first + i, each[k * tile->n + i],
                params[v->each[k].param]);
    }
}
