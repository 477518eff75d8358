/* Reads a finished file as rows: chooses the columns, and turns pieces of them into rows. */
#include <inttypes.h>
#include <math.h>
#include <netcdf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export_parts.h"
#include "files.h"
#include "plan_parts.h"

/* --- 1. what the file is ------------------------------------------------------------------------ */

static nm_status judge(int id, const char *path)
{
    char *layout = nm_nc_text(id, NC_GLOBAL, "nessmap_layout");
    char *reduce = nm_nc_text(id, NC_GLOBAL, "nessmap_reduce");
    int64_t n_not_run = 0;
    nm_status status = NM_OK;
    if (!layout) {
        status = nm_fail(NM_USAGE,
                         "'%s' is not a file of nessmap: it has no attribute "
                         "'nessmap_layout'",
                         path);
    } else if (strcmp(layout, "trace") == 0) {
        status = nm_fail(
            NM_USAGE, "'%s' is a time course of one cell; export wants the points of a scan", path);
    } else if (reduce) {
        status = nm_fail(NM_USAGE,
                         "'%s' is reduced ([[reduce]] kind = \"%s\") and keeps no points; run its "
                         "scan without [[reduce]] to export them",
                         path, reduce);
    } else if (strcmp(layout, "grid") != 0 && strcmp(layout, "sample") != 0) {
        status = nm_fail(
            NM_USAGE, "'%s' has the layout \"%s\"; export wants the points of a grid or a sample",
            path, layout);
    } else if (nm_nc_counts(&n_not_run, 1, id, "nessmap_n_not_run") && n_not_run > 0) {
        status = nm_fail(NM_USAGE,
                         "'%s' is of an unfinished run: %" PRId64
                         " of its points are not computed; finish the run first",
                         path, n_not_run);
    }
    free(layout);
    free(reduce);
    return status;
}

static nm_status open_file(int *id, const char *path)
{
    nm_nc_prepare();
    if (access(path, R_OK) != 0) {
        return nm_fail(NM_IO, "cannot read '%s': no such file, or not allowed", path);
    }
    if (nc_open(path, NC_NOWRITE, id) != NC_NOERR) {
        return nm_fail(NM_USAGE, "'%s' is not a NetCDF file", path);
    }
    return NM_OK;
}

nm_status nm_export_accepts(const char *path)
{
    int id;
    NM_TRY(open_file(&id, path));
    nm_status status = judge(id, path);
    nc_close(id);
    return status;
}

static nm_status find_shape(nm_export_source *s)
{
    nc_type outcome = NC_NAT, flags = NC_NAT;
    if (nc_inq_varid(s->id, "outcome", &s->outcome) != NC_NOERR ||
        nc_inq_varid(s->id, "flags", &s->flags) != NC_NOERR ||
        nc_inq_vartype(s->id, s->outcome, &outcome) != NC_NOERR || outcome != NC_BYTE ||
        nc_inq_vartype(s->id, s->flags, &flags) != NC_NOERR || flags != NC_USHORT ||
        nc_inq_varndims(s->id, s->outcome, &s->n_dims) != NC_NOERR || s->n_dims > NM_MAX_DIMS ||
        nc_inq_vardimid(s->id, s->outcome, s->dim_id) != NC_NOERR) {
        return nm_fail(NM_IO, "'%s' holds outcomes or flags of another kind than nessmap writes",
                       s->path);
    }
    s->shape.n = 1;
    for (int i = 0; i < s->n_dims; i++) {
        size_t length;
        NM_TRY(nm_nc_check(nc_inq_dimlen(s->id, s->dim_id[i], &length), "read", s->path));
        s->dim[i] = (int64_t)length;
        s->shape.n *= s->dim[i];
    }
    return NM_OK;
}

/* --- 2. columns --------------------------------------------------------------------------------- */

/* Where a variable lies. returns 1 where that is along all dimensions of the points, or one of them. */
static int find_variable(int *variable, int *axis, const nm_export_source *s, const char *name)
{
    int n_dims, dim_id[NC_MAX_VAR_DIMS];
    nc_type type;
    if (nc_inq_varid(s->id, name, variable) != NC_NOERR ||
        nc_inq_var(s->id, *variable, NULL, &type, &n_dims, dim_id, NULL) != NC_NOERR ||
        (type != NC_FLOAT && type != NC_DOUBLE)) {
        return 0;
    }
    *axis = -1;
    if (n_dims == s->n_dims) {
        return memcmp(dim_id, s->dim_id, (size_t)n_dims * sizeof *dim_id) == 0;
    }
    for (int i = 0; i < s->n_dims && n_dims == 1; i++) {
        *axis = s->dim_id[i] == dim_id[0] ? i : *axis;
    }
    return *axis >= 0;
}

/* 1 where the variable is there and lies along at least one dimension. */
static int does_vary(const nm_export_source *s, const char *name)
{
    int variable, n_dims;
    return nc_inq_varid(s->id, name, &variable) == NC_NOERR &&
           nc_inq_varndims(s->id, variable, &n_dims) == NC_NOERR && n_dims > 0;
}

/* The range of an input as its axis or its distribution says it. */
static void find_range(nm_export_column *c, const nm_plan *plan)
{
    static const char *const dists[] = {"uniform", "loguniform", "normal", "lognormal",
                                        "triangular"};
    const nm_draw *draw = &plan->task.draw;
    c->scale = "linear";
    c->drawn = nm_draw_is_tied(draw, c->param) ? "tie" : "table";
    c->low = c->high = NAN;
    for (int i = 0; i < draw->n_axes; i++) {
        const nm_axis *axis = &draw->axis[i];
        if (axis->param != c->param) {
            continue;
        }
        double first = plan->model->axis_value(axis, 0),
               last = plan->model->axis_value(axis, axis->n - 1);
        c->drawn = "axis";
        c->low = first < last ? first : last;
        c->high = first < last ? last : first;
        int is_log = axis->scale == NM_AXIS_LOG ||
                     (axis->scale == NM_AXIS_LIST && plan->model->params[c->param].is_log);
        c->scale = is_log && c->low > 0.0 ? "log" : "linear";
    }
    for (int i = 0; i < draw->n_random; i++) {
        const nm_random *random = &draw->random[i];
        if (random->param != c->param) {
            continue;
        }
        int is_bounded = random->dist != NM_DIST_NORMAL && random->dist != NM_DIST_LOGNORMAL;
        c->drawn = dists[random->dist];
        c->low = is_bounded ? random->a : NAN;
        c->high = is_bounded ? random->b : NAN;
        c->scale = random->dist == NM_DIST_LOGUNIFORM || random->dist == NM_DIST_LOGNORMAL
                       ? "log"
                       : "linear";
    }
}

/* Adds the variable `name` as column number *n; option: "--inputs", for the message. */
static nm_status add_column(nm_export_source *s, nm_export_column *columns, int *n,
                            const char *name, int param, const char *option)
{
    for (int i = 0; i < *n; i++) {
        if (strcmp(columns[i].name, name) == 0) {
            return nm_fail(NM_USAGE, "%s: \"%s\" stands there twice", option, name);
        }
    }
    nm_export_column *c = &columns[*n];
    snprintf(c->name, sizeof c->name, "%s", name);
    c->param = param;
    if (!find_variable(&c->variable, &c->axis, s, name)) {
        return nm_fail(NM_USAGE,
                       "%s: \"%s\" in '%s' has not one number for each point or for each value of "
                       "one axis",
                       option, name, s->path);
    }
    (*n)++;
    c->unit = nm_nc_text(s->id, c->variable, "units");
    c->text = nm_nc_text(s->id, c->variable, "long_name");
    if (param >= 0) {
        find_range(c, s->plan);
    }
    return NM_OK;
}

/* The next name of a list by commas, or NULL at its end; `list` moves on. */
static const char *next_name(char name[64], const char **list)
{
    if (!*list) {
        return NULL;
    }
    size_t length = strcspn(*list, ",");
    snprintf(name, 64, "%.*s", (int)(length < 63 ? length : 63), *list);
    *list = (*list)[length] == ',' ? *list + length + 1 : NULL;
    return name;
}

static nm_status no_such(const char *option, const char *name, const char *path,
                         const char *const *known, int n_known)
{
    const char *near = nm_nearest(name, known, (size_t)n_known);
    return nm_fail(NM_USAGE, "%s: '%s' has no \"%s\" among what %s%s%s%s", option, path, name,
                   strcmp(option, "--inputs") == 0 ? "varies" : "was computed",
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static nm_status choose_inputs(nm_export_source *s, const char *list)
{
    const nm_model *model = s->plan->model;
    const char *known[NM_MAX_PARAMS];
    int param[NM_MAX_PARAMS], n_known = 0, n = 0;
    for (int p = 0; p < model->n_params; p++) {
        if (does_vary(s, model->params[p].name)) {
            param[n_known] = p;
            known[n_known++] = model->params[p].name;
        }
    }
    s->inputs = calloc((size_t)model->n_params + 1, sizeof *s->inputs);
    if (!s->inputs) {
        return nm_fail(NM_MEMORY, "out of memory for the inputs of '%s'", s->path);
    }
    for (int i = 0; i < n_known && !list; i++) {
        if (!nm_draw_is_tied(&s->plan->task.draw, param[i])) {
            NM_TRY(add_column(s, s->inputs, &n, known[i], param[i], "--inputs"));
            s->shape.n_inputs = n;
        }
    }
    char name[64];
    for (const char *rest = list; next_name(name, &rest);) {
        int i = 0;
        while (i < n_known && strcmp(known[i], name) != 0) {
            i++;
        }
        NM_TRY(i < n_known ? add_column(s, s->inputs, &n, name, param[i], "--inputs")
                           : no_such("--inputs", name, s->path, known, n_known));
        s->shape.n_inputs = n;
    }
    return n > 0 ? NM_OK
                 : nm_fail(NM_USAGE, "no parameter varies in '%s', so there is nothing to learn",
                           s->path);
}

static nm_status choose_outputs(nm_export_source *s, const char *list)
{
    const nm_plan *plan = s->plan;
    const char *known[NM_MAX_OUTPUTS];
    int n_known = 0, n = 0;
    for (int i = 0; i < plan->task.n_slots; i++) {
        if (plan->column_output[i] < plan->catalogue.n) { /* no derivative */
            known[n_known++] = plan->catalogue.output[plan->column_output[i]].name;
        }
    }
    s->outputs = calloc((size_t)n_known + 1, sizeof *s->outputs);
    if (!s->outputs) {
        return nm_fail(NM_MEMORY, "out of memory for the outputs of '%s'", s->path);
    }
    for (int i = 0; i < n_known && !list; i++) {
        NM_TRY(add_column(s, s->outputs, &n, known[i], -1, "--outputs"));
        s->shape.n_outputs = n;
    }
    char name[64];
    for (const char *rest = list; next_name(name, &rest);) {
        int is_known = 0;
        for (int i = 0; i < n_known; i++) {
            is_known |= strcmp(known[i], name) == 0;
        }
        NM_TRY(is_known ? add_column(s, s->outputs, &n, name, -1, "--outputs")
                        : no_such("--outputs", name, s->path, known, n_known));
        s->shape.n_outputs = n;
    }
    return NM_OK;
}

/* The derivatives are written where the file holds all of them; where it holds some, that is said. */
static nm_status choose_slopes(nm_export_source *s)
{
    int n_inputs = s->shape.n_inputs, n_outputs = s->shape.n_outputs;
    s->slopes = calloc((size_t)n_inputs * (size_t)n_outputs + 1, sizeof *s->slopes);
    if (!s->slopes) {
        return nm_fail(NM_MEMORY, "out of memory for the derivatives of '%s'", s->path);
    }
    int n_found = 0;
    for (int i = 0; i < n_outputs; i++) {
        for (int k = 0; k < n_inputs; k++) {
            char name[2 * sizeof s->inputs->name + 8];
            int axis;
            snprintf(name, sizeof name, "d%s_d%s", s->outputs[i].name, s->inputs[k].name);
            if (find_variable(&s->slopes[i * n_inputs + k], &axis, s, name) && axis < 0) {
                n_found++;
            } else if (s->missing_slope[0] == '\0') {
                snprintf(s->missing_slope, sizeof s->missing_slope, "%.95s", name);
            }
        }
    }
    s->shape.has_slopes = n_found > 0 && n_found == n_inputs * n_outputs;
    if (n_found == 0) {
        s->missing_slope[0] = '\0';
    }
    return NM_OK;
}

static nm_status prepare(nm_export_source *s)
{
    int64_t row_bytes = 0;
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        row_bytes += nm_export_row_bytes(&s->shape, i);
    }
    int64_t rows = NM_EXPORT_PIECE / row_bytes;
    s->piece_rows = (int)(rows < NM_EXPORT_ROWS ? rows : NM_EXPORT_ROWS);
    s->column = malloc((size_t)s->piece_rows * sizeof *s->column);
    if (!s->column) {
        return nm_fail(NM_MEMORY, "out of memory for reading '%s'", s->path);
    }
    for (int i = 0; i < s->shape.n_inputs; i++) {
        if (s->inputs[i].axis < 0) {
            nm_nc_bound_cache(s->id, s->inputs[i].variable);
        }
    }
    for (int i = 0; i < s->shape.n_outputs; i++) {
        nm_nc_bound_cache(s->id, s->outputs[i].variable);
    }
    for (int i = 0; s->shape.has_slopes && i < s->shape.n_outputs * s->shape.n_inputs; i++) {
        nm_nc_bound_cache(s->id, s->slopes[i]);
    }
    nm_nc_bound_cache(s->id, s->outcome);
    nm_nc_bound_cache(s->id, s->flags);
    return NM_OK;
}

nm_status nm_export_open(nm_export_source *s, const char *path, const nm_plan *plan,
                         const nm_export_options *options)
{
    *s = (nm_export_source){.path = path, .plan = plan};
    NM_TRY(open_file(&s->id, path));
    s->is_open = 1;
    NM_TRY(judge(s->id, path));
    NM_TRY(find_shape(s));
    NM_TRY(choose_inputs(s, options->inputs));
    NM_TRY(choose_outputs(s, options->outputs));
    NM_TRY(choose_slopes(s));
    return prepare(s);
}

static void free_columns(nm_export_column *columns, int n)
{
    for (int i = 0; i < n && columns; i++) {
        free(columns[i].unit);
        free(columns[i].text);
    }
    free(columns);
}

void nm_export_close(nm_export_source *s)
{
    if (s->is_open) {
        nc_close(s->id);
    }
    free_columns(s->inputs, s->shape.n_inputs);
    free_columns(s->outputs, s->shape.n_outputs);
    free(s->slopes);
    free(s->column);
    *s = (nm_export_source){0};
}

/* --- 3. rows ------------------------------------------------------------------------------------ */

/* Reads a variable over all points, as float or double, into every stride-th place of `to`. */
static nm_status read_points(nm_export_source *s, int variable, int64_t first, int64_t n, float *to,
                             int64_t stride)
{
    nc_type type;
    NM_TRY(nm_nc_check(nc_inq_vartype(s->id, variable, &type), "read", s->path));
    size_t bytes = type == NC_FLOAT ? sizeof(float) : sizeof(double);
    NM_TRY(nm_slab_read(s->id, variable, s->path, s->dim, s->n_dims, first, n, s->column, bytes));
    const float *narrow = (const float *)s->column;
    for (int64_t i = 0; i < n; i++) {
        to[i * stride] = type == NC_FLOAT ? narrow[i] : (float)s->column[i];
    }
    return NM_OK;
}

/* The same for a variable along one axis. Points in a row have values in a row, over and over: those
 * that are needed are no more than the points. */
static nm_status read_axis(nm_export_source *s, const nm_export_column *c, int64_t first, int64_t n,
                           float *to, int64_t stride)
{
    int64_t step = 1, length = s->dim[c->axis];
    for (int i = s->n_dims - 1; i > c->axis; i--) {
        step *= s->dim[i];
    }
    int64_t begin = first / step, end = (first + n - 1) / step + 1;
    if (end - begin >= length) { /* all of them */
        begin = begin / length * length;
        end = begin + length;
    }
    for (int64_t at = begin; at < end;) {
        size_t start = (size_t)(at % length), left = (size_t)(end - at);
        size_t count = left < (size_t)length - start ? left : (size_t)length - start;
        NM_TRY(nm_nc_check(
            nc_get_vara_double(s->id, c->variable, &start, &count, s->column + (at - begin)),
            "read", s->path));
        at += (int64_t)count;
    }
    for (int64_t i = 0; i < n; i++) {
        to[i * stride] = (float)s->column[((first + i) / step - begin) % length];
    }
    return NM_OK;
}

nm_status nm_export_read(nm_export_source *s, void *const *rows, int64_t first, int64_t n)
{
    const int n_inputs = s->shape.n_inputs, n_outputs = s->shape.n_outputs,
              n_slopes = s->shape.has_slopes ? n_inputs * n_outputs : 0;
    float *inputs = rows[NM_EXPORT_inputs], *outputs = rows[NM_EXPORT_outputs],
          *slopes = rows[NM_EXPORT_slopes];
    for (int i = 0; i < n_inputs; i++) {
        const nm_export_column *c = &s->inputs[i];
        NM_TRY(c->axis >= 0 ? read_axis(s, c, first, n, inputs + i, n_inputs)
                            : read_points(s, c->variable, first, n, inputs + i, n_inputs));
    }
    for (int i = 0; i < n_outputs; i++) {
        NM_TRY(read_points(s, s->outputs[i].variable, first, n, outputs + i, n_outputs));
    }
    for (int i = 0; i < n_slopes; i++) {
        NM_TRY(read_points(s, s->slopes[i], first, n, slopes + i, n_slopes));
    }
    NM_TRY(nm_slab_read(s->id, s->outcome, s->path, s->dim, s->n_dims, first, n,
                        rows[NM_EXPORT_outcome], sizeof(int8_t)));
    return nm_slab_read(s->id, s->flags, s->path, s->dim, s->n_dims, first, n,
                        rows[NM_EXPORT_flags], sizeof(uint16_t));
}
