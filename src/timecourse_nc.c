/* Writes a time course as NetCDF-4: dimension `time`, parameters as scalar coordinates.
 *
 * 1. attributes      2. variables      3. the file */
#include <errno.h>
#include <math.h>
#include <netcdf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "grid_nc.h"
#include "slab.h"
#include "timecourse.h"
#include "version.h"

typedef struct writer {
    const nm_timecourse *course;
    char *temporary;
    char *coordinates; /* names of the parameters */
    int id, time_dim, time_variable;
    int param_variable[NM_MAX_PARAMS], output_variable[NM_MAX_OUTPUTS]; /* -1: not in the file */
} writer;

/* --- 1. attributes ---------------------------------------------------------------------------- */

static nm_status check(const writer *w, int code)
{
    return nm_nc_check(code, "write", w->temporary);
}

static nm_status put_text(const writer *w, int variable, const char *name, const char *text)
{
    return check(w, nc_put_att_text(w->id, variable, name, strlen(text), text));
}

static nm_status put_format(const writer *w, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static nm_status put_format(const writer *w, const char *name, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0) {
        return nm_fail(NM_MEMORY, "no memory for the attributes of '%s'", w->temporary);
    }
    nm_status status = put_text(w, NC_GLOBAL, name, text);
    free(text);
    return status;
}

static nm_status put_double(const writer *w, const char *name, double value)
{
    return check(w, nc_put_att_double(w->id, NC_GLOBAL, name, NC_DOUBLE, 1, &value));
}

static nm_status put_count(const writer *w, const char *name, int64_t value)
{
    const long long count = value;
    return check(w, nc_put_att_longlong(w->id, NC_GLOBAL, name, NC_INT64, 1, &count));
}

static nm_status describe_for_people(const writer *w)
{
    const nm_timecourse *course = w->course;
    const char *model = course->plan->model->name;
    NM_TRY(put_text(w, NC_GLOBAL, "Conventions", "CF-1.11, ACDD-1.3"));
    NM_TRY(put_format(w, "title", "Time course of the model %s", model));
    NM_TRY(put_format(w, "summary",
                      "One parameter set of the model %s from its declared initial state on: every "
                      "output at %d times. All values are instantaneous. What becomes of it is in "
                      "the attribute nessmap_outcome.",
                      model, course->n_times));
    NM_TRY(put_text(w, NC_GLOBAL, "keywords",
                    "time course, non-equilibrium steady state, equilibrium, entropy production, "
                    "membrane transport, cell model"));
    NM_TRY(put_format(w, "source", "nessmap %s, model %s, backend cpu", NM_VERSION_FULL, model));
    /* without a date: equal questions give equal bytes */
    NM_TRY(put_format(w, "history", "nessmap %s traced one parameter set of %s", NM_VERSION_FULL,
                      model));
    NM_TRY(put_text(w, NC_GLOBAL, "product_version", NM_VERSION_FULL));
    return put_text(
        w, NC_GLOBAL, "license",
        "The data belong to those who made them; the program claims no rights in its results.");
}

static nm_status describe_end(const writer *w)
{
    const nm_timecourse *course = w->course;
    char flags[512] = "";
#define ADD_FLAG(name, bit, text)                                                                  \
    if (course->end.flags & (1u << (bit))) {                                                       \
        size_t length = strlen(flags);                                                             \
        snprintf(flags + length, sizeof flags - length, "%s%s", length ? " " : "", #name);         \
    }
    NM_FLAG_LIST(ADD_FLAG)
#undef ADD_FLAG
    NM_TRY(put_text(w, NC_GLOBAL, "nessmap_outcome", nm_outcome_name(course->end.outcome)));
    NM_TRY(put_text(w, NC_GLOBAL, "nessmap_flags", flags));
    int tau = nm_catalogue_find(&course->plan->catalogue, "tau_slow");
    if (tau >= 0) {
        NM_TRY(put_double(w, "nessmap_tau_slow", course->end.value[tau]));
    }
    NM_TRY(put_count(w, "nessmap_n_times_reached", course->n_done));
    return put_count(w, "nessmap_n_steps", course->n_steps);
}

static nm_status describe_for_programs(const writer *w)
{
    const nm_timecourse *course = w->course;
    const nm_plan *plan = course->plan;
    const int schema = NM_FILE_SCHEMA;
    NM_TRY(check(w, nc_put_att_int(w->id, NC_GLOBAL, "nessmap_schema", NC_INT, 1, &schema)));
    NM_TRY(put_text(w, NC_GLOBAL, "nessmap_layout", "trace"));
    NM_TRY(put_text(w, NC_GLOBAL, "nessmap_model", plan->model->name));
    NM_TRY(put_text(w, NC_GLOBAL, "nessmap_model_hash", plan->model_hash));
    char variants[512] = "";
    for (int i = 0; i < plan->model->n_variants; i++) {
        const nm_variant_info *variant = &plan->model->variants[i];
        size_t length = strlen(variants);
        snprintf(variants + length, sizeof variants - length, "%s%s=%s", i ? " " : "",
                 variant->name, variant->choices[plan->task.choice[i]]);
    }
    NM_TRY(put_text(w, NC_GLOBAL, "nessmap_variants", variants));
    if (plan->model->growth) {
        NM_TRY(put_text(w, NC_GLOBAL, "nessmap_growth_name", plan->model->growth));
    }
    NM_TRY(put_text(w, NC_GLOBAL, "nessmap_backend", "cpu"));
    NM_TRY(put_text(w, NC_GLOBAL, "nessmap_precision", "f64"));
    NM_TRY(put_double(w, "nessmap_rtol", course->rtol));
    if (plan->config && plan->config->resolved) {
        NM_TRY(put_text(w, NC_GLOBAL, "nessmap_config", plan->config->resolved));
    }
    if (course->index) { /* not nessmap_fingerprint: this file is no answer to the scan */
        NM_TRY(put_text(w, NC_GLOBAL, "nessmap_scan_fingerprint", plan->fingerprint));
        NM_TRY(put_text(w, NC_GLOBAL, "nessmap_scan_index", course->index));
    }
    return describe_end(w);
}

/* --- 2. variables ----------------------------------------------------------------------------- */

static nm_status put_names(const writer *w, int variable, const char *unit, const char *text,
                           const char *content)
{
    NM_TRY(put_text(w, variable, "units", unit && unit[0] ? unit : "1"));
    if (text && text[0]) {
        NM_TRY(put_text(w, variable, "long_name", text));
    }
    return put_text(w, variable, "coverage_content_type", content);
}

static nm_status define_time(writer *w)
{
    const nm_model *model = w->course->plan->model;
    for (int i = 0; i < model->n_params; i++) {
        if (strcmp(model->params[i].name, "time") == 0) {
            return nm_fail(NM_USAGE,
                           "model %s: a parameter is called \"time\", as the times of a trace are; "
                           "rename it",
                           model->name);
        }
    }
    if (nm_catalogue_find(&w->course->plan->catalogue, "time") >= 0) {
        return nm_fail(NM_USAGE,
                       "model %s: an output is called \"time\", as the times of a trace are; "
                       "rename it",
                       model->name);
    }
    NM_TRY(check(w, nc_def_dim(w->id, "time", (size_t)w->course->n_times, &w->time_dim)));
    NM_TRY(check(w, nc_def_var(w->id, "time", NC_DOUBLE, 1, &w->time_dim, &w->time_variable)));
    NM_TRY(put_text(w, w->time_variable, "axis", "T"));
    return put_names(w, w->time_variable, "s", "time since the initial state", "coordinate");
}

static nm_status define_params(writer *w)
{
    const nm_model *model = w->course->plan->model;
    for (int i = 0; i < model->n_params; i++) {
        const nm_param_info *param = &model->params[i];
        NM_TRY(check(w, nc_def_var(w->id, param->name, NC_DOUBLE, 0, NULL, &w->param_variable[i])));
        NM_TRY(put_names(w, w->param_variable[i], param->unit, param->text, "coordinate"));
        char *longer = nm_file_format("%s%s%s", w->coordinates ? w->coordinates : "",
                                      w->coordinates ? " " : "", param->name);
        if (!longer) {
            return nm_fail(NM_MEMORY, "no memory for the coordinates of '%s'", w->temporary);
        }
        free(w->coordinates);
        w->coordinates = longer;
    }
    return NM_OK;
}

static const double *values_of(const nm_timecourse *course, int output)
{
    return course->values + (size_t)output * (size_t)course->n_times;
}

/* 1 where the output has a value at some time: relaxation times and the like belong to the end */
static int has_values(const nm_timecourse *course, int output)
{
    for (int i = 0; i < course->n_times; i++) {
        if (!isnan(values_of(course, output)[i])) {
            return 1;
        }
    }
    return 0;
}

static nm_status define_outputs(writer *w)
{
    static const double none = __builtin_nan("");
    const nm_catalogue *catalogue = &w->course->plan->catalogue;
    for (int i = 0; i < catalogue->n; i++) {
        const nm_output *output = &catalogue->output[i];
        int *variable = &w->output_variable[i];
        *variable = -1;
        if (!output->name[0] || !has_values(w->course, i)) {
            continue;
        }
        NM_TRY(check(w, nc_def_var(w->id, output->name, NC_DOUBLE, 1, &w->time_dim, variable)));
        NM_TRY(check(w, nc_put_att_double(w->id, *variable, "_FillValue", NC_DOUBLE, 1, &none)));
        NM_TRY(put_names(w, *variable, output->unit, output->text, "modelResult"));
        NM_TRY(put_text(w, *variable, "coordinates", w->coordinates));
    }
    return NM_OK;
}

static nm_status write_variables(const writer *w)
{
    const nm_timecourse *course = w->course;
    NM_TRY(check(w, nc_put_var_double(w->id, w->time_variable, course->times)));
    for (int i = 0; i < course->plan->model->n_params; i++) {
        NM_TRY(check(w, nc_put_var_double(w->id, w->param_variable[i], &course->params[i])));
    }
    for (int i = 0; i < course->plan->catalogue.n; i++) {
        if (w->output_variable[i] >= 0) {
            NM_TRY(check(w, nc_put_var_double(w->id, w->output_variable[i], values_of(course, i))));
        }
    }
    return NM_OK;
}

/* --- 3. the file ------------------------------------------------------------------------------ */

/* Another trace may be replaced; a scan, or anything else, is not lost by a slip of the pen. */
static nm_status refuse_other_file(const char *path)
{
    int id, is_trace = 0;
    if (access(path, F_OK) != 0) {
        return NM_OK;
    }
    if (nc_open(path, NC_NOWRITE, &id) == NC_NOERR) {
        char *layout = nm_nc_text(id, NC_GLOBAL, "nessmap_layout");
        is_trace = layout && strcmp(layout, "trace") == 0;
        free(layout);
        nc_close(id);
    }
    return is_trace ? NM_OK
                    : nm_fail(NM_IO,
                              "'%s' is there already and is no trace; give another name "
                              "with -o, or remove it",
                              path);
}

static nm_status fill_file(writer *w)
{
    NM_TRY(describe_for_people(w));
    NM_TRY(describe_for_programs(w));
    NM_TRY(define_time(w));
    NM_TRY(define_params(w));
    NM_TRY(define_outputs(w));
    NM_TRY(check(w, nc_enddef(w->id)));
    return write_variables(w);
}

static nm_status write_and_rename(writer *w, const char *path)
{
    errno = 0;
    int code = nc_create(w->temporary, NC_NETCDF4 | NC_CLOBBER, &w->id);
    if (code != NC_NOERR) {
        return nm_nc_check(code, "create", w->temporary);
    }
    nm_status status = fill_file(w);
    errno = 0;
    code = nc_close(w->id);
    if (status == NM_OK) {
        status = check(w, code);
    }
    if (status == NM_OK) {
        status = nm_file_sync(w->temporary);
    }
    if (status == NM_OK && rename(w->temporary, path) != 0) {
        status =
            nm_fail(NM_IO, "cannot rename '%s' to '%s': %s", w->temporary, path, strerror(errno));
    }
    if (status != NM_OK) {
        unlink(w->temporary);
        return status;
    }
    return nm_file_sync_folder_of(path);
}

nm_status nm_timecourse_write(const nm_timecourse *course, const char *path)
{
    NM_NC_ALONE;
    NM_TRY(refuse_other_file(path));
    writer *w = calloc(1, sizeof *w);
    if (!w || !(w->temporary = nm_file_format("%s.tmp", path))) {
        free(w);
        return nm_fail(NM_MEMORY, "no memory to write '%s'", path);
    }
    w->course = course;
    nm_status status = write_and_rename(w, path);
    free(w->coordinates);
    free(w->temporary);
    free(w);
    return status;
}
