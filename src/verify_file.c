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

int nm_verify_is_worse(double deviation, double worst)
{
    return !isnan(worst) && !(deviation <= worst);
}

int nm_verify_look(nm_verify_check *check, double deviation)
{
    int is_wrong = !(deviation <= 1.0);
    check->n++;
    check->n_bad += is_wrong;
    if (nm_verify_is_worse(deviation, check->worst)) {
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
    into->n_left_out += more->n_left_out;
    if (nm_verify_is_worse(more->worst, into->worst)) {
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

/* Finds a variable, which must be of a type and lie along these dimensions of the shape. */
static nm_status find_variable(int *variable, const nm_verification *v, const char *name,
                               nc_type wanted, int n_dims, const int *which)
{
    int dim_id[NC_MAX_VAR_DIMS], n_found;
    nc_type type;
    if (nc_inq_varid(v->id, name, variable) != NC_NOERR) {
        return nm_fail(NM_IO, "'%s' is damaged: the variable '%s' of its configuration is missing",
                       v->path, name);
    }
    NM_TRY(nm_nc_check(nc_inq_var(v->id, *variable, NULL, &type, &n_found, dim_id, NULL), "read",
                       v->path));
    if (type != wanted) {
        char found_name[NC_MAX_NAME + 1] = "?", wanted_name[NC_MAX_NAME + 1] = "?";
        (void)nc_inq_type(v->id, type, found_name, NULL);
        (void)nc_inq_type(v->id, wanted, wanted_name, NULL);
        return nm_fail(NM_IO, "'%s' is damaged: the variable '%s' is of type %s; it should be %s",
                       v->path, name, found_name, wanted_name);
    }
    int is_right = n_found == n_dims;
    for (int i = 0; i < n_dims && is_right; i++) {
        char dim_name[NC_MAX_NAME + 1];
        size_t length;
        NM_TRY(nm_nc_check(nc_inq_dim(v->id, dim_id[i], dim_name, &length), "read", v->path));
        is_right = (int64_t)length == v->shape.dim[which[i]] &&
                   strcmp(dim_name, nm_file_shape_name(v->plan, which[i])) == 0;
    }
    if (!is_right) {
        char text[256] = "";
        for (int i = 0; i < n_dims; i++) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, "%s%s = %" PRId64, i > 0 ? ", " : "",
                     nm_file_shape_name(v->plan, which[i]), v->shape.dim[which[i]]);
        }
        return nm_fail(
            NM_IO,
            "'%s' is damaged: the variable '%s' lies along other dimensions; they should be (%s)",
            v->path, name, text);
    }
    return NM_OK;
}

/* A variable over all points. */
static nm_status find_column(int *variable, const nm_verification *v, const char *name,
                             nc_type type)
{
    int all[NM_MAX_DIMS];
    for (int i = 0; i < NM_MAX_DIMS; i++) {
        all[i] = i;
    }
    NM_TRY(find_variable(variable, v, name, type, v->shape.n_dims, all));
    nm_nc_bound_cache(v->id, *variable);
    return NM_OK;
}

static nm_status find_points(nm_verification *v)
{
    const nm_plan *plan = v->plan;
    nc_type type = plan->task.is_f32 ? NC_FLOAT : NC_DOUBLE;
    NM_TRY(find_column(&v->outcome, v, "outcome", NC_BYTE));
    NM_TRY(find_column(&v->flags, v, "flags", NC_USHORT));
    for (int i = 0; i < plan->task.n_slots; i++) {
        NM_TRY(
            find_column(&v->slot[i], v, plan->catalogue.output[plan->column_output[i]].name, type));
    }
    return NM_OK;
}

nm_status nm_verify_find(nm_verification *v)
{
    const nm_plan *plan = v->plan;
    nm_file_shape_find(&v->shape, plan);
    if (!nm_plan_is_reduced(plan)) {
        NM_TRY(find_points(v));
    }
    for (int p = 0; p < plan->model->n_params; p++) {
        int which[NM_MAX_DIMS];
        nm_verify_param at = {.param = p};
        if (v->shape.role[p] == NM_ROLE_REDUCED) {
            continue;
        }
        at.n_dims = nm_file_shape_of(which, &v->shape, plan, p);
        NM_TRY(find_variable(&at.variable, v, plan->model->params[p].name, NC_DOUBLE, at.n_dims,
                             which));
        for (int i = 0; i < at.n_dims; i++) {
            at.dim[i] = v->shape.dim[which[i]];
            at.step[i] = v->shape.step[which[i]];
        }
        if (nm_file_shape_is_over_all(&v->shape, plan, p)) {
            nm_nc_bound_cache(v->id, at.variable);
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

/* One variable over the points of a tile; names both where it cannot be read. */
static nm_status read_column(const nm_verification *v, int variable, const nm_tile *tile,
                             void *data, size_t bytes)
{
    nm_status status = nm_slab_read(v->id, variable, v->path, v->shape.dim, v->shape.n_dims,
                                    tile->first, tile->n, data, bytes);
    if (status != NM_OK) {
        char name[NC_MAX_NAME + 1] = "?", reason[512];
        (void)nc_inq_varname(v->id, variable, name);
        snprintf(reason, sizeof reason, "%s", nm_last_error());
        return nm_fail(status, "%s (variable %s, points %" PRId64 " to %" PRId64 ")", reason, name,
                       tile->first, tile->first + tile->n - 1);
    }
    return NM_OK;
}

static nm_status read_columns(nm_verification *v, const nm_tile *tile, double *each)
{
    size_t bytes = v->plan->task.is_f32 ? sizeof(float) : sizeof(double);
    NM_TRY(read_column(v, v->outcome, tile, tile->outcome, sizeof *tile->outcome));
    NM_TRY(read_column(v, v->flags, tile, tile->flags, sizeof *tile->flags));
    for (int i = 0; i < v->plan->task.n_slots; i++) {
        if (each || nm_verify_is_state(v->plan, i)) {
            NM_TRY(read_column(v, v->slot[i], tile,
                               (char *)tile->values + (size_t)i * (size_t)tile->n * bytes, bytes));
        }
    }
    for (int i = 0; i < v->n_each && each; i++) {
        NM_TRY(read_column(v, v->each[i].variable, tile, each + i * tile->n, sizeof *each));
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
                index += rest % at->dim[k] * at->step[k];
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
