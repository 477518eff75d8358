/* What the variables of a file mean: CF, ACDD and nessmap's own attributes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <inttypes.h>
#include <netcdf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assemble.h"
#include "grid_nc.h"
#include "projection.h"
#include "salib.h"
#include "version.h"

/* --- 1. small change -----------------------------------------------------------------------------
 */

nm_status nm_assembly_check(const nm_assembly *a, int code)
{
    return nm_nc_check(code, "write", a->temporary);
}

nm_status nm_assembly_put_text(const nm_assembly *a, int variable, const char *name,
                               const char *text)
{
    return nm_assembly_check(a, nc_put_att_text(a->id, variable, name, strlen(text), text));
}

static nm_status put_format(nm_assembly *a, int variable, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static nm_status put_format(nm_assembly *a, int variable, const char *name, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0) {
        return nm_fail(NM_MEMORY, "out of memory for the attributes of '%s'", a->out_path);
    }
    nm_status status = nm_assembly_put_text(a, variable, name, text);
    free(text);
    return status;
}

/* Joins words by blanks into out[size]; what does not fit is left out. */
static void add_word(char *out, size_t size, const char *word)
{
    size_t length = strlen(out);
    if (length + strlen(word) + 2 <= size) {
        snprintf(out + length, size - length, "%s%s", length ? " " : "", word);
    }
}

/* --- 2. variables --------------------------------------------------------------------------------
 */

void nm_assembly_list_coordinates(nm_assembly *a)
{
    a->coordinates[0] = '\0';
    for (int p = 0; p < a->plan->model->n_params; p++) {
        if (a->shape.role[p] != NM_ROLE_AXIS && a->shape.role[p] != NM_ROLE_REDUCED) {
            add_word(a->coordinates, sizeof a->coordinates, a->plan->model->params[p].name);
        }
    }
    if (nm_plan_is_reduced(a->plan) && a->plan->task.reduction.kind != NM_REDUCE_SCATTER) {
        add_word(a->coordinates, sizeof a->coordinates, nm_assembly_unit(a));
    }
}

/* Empty texts are left out: an empty attribute says less than none. */
static nm_status put_names(nm_assembly *a, int variable, const char *unit, const char *text,
                           const char *content)
{
    NM_TRY(nm_assembly_put_text(a, variable, "units", unit && unit[0] ? unit : "1"));
    if (text && text[0]) {
        NM_TRY(nm_assembly_put_text(a, variable, "long_name", text));
    }
    return nm_assembly_put_text(a, variable, "coverage_content_type", content);
}

static nm_status put_coordinates(nm_assembly *a, int variable)
{
    return a->coordinates[0] ? nm_assembly_put_text(a, variable, "coordinates", a->coordinates)
                             : NM_OK;
}

nm_status nm_assembly_describe_param(nm_assembly *a, int param)
{
    static const char *const scales[] = {"linear", "log", "list"};
    const nm_param_info *info = &a->plan->model->params[param];
    const nm_draw *draw = &a->plan->task.draw;
    int variable = a->param_variable[param];
    NM_TRY(put_names(a, variable, info->unit, info->text, "coordinate"));
    for (int i = 0; i < draw->n_axes && a->shape.role[param] == NM_ROLE_AXIS; i++) {
        if (draw->axis[i].param == param) {
            NM_TRY(nm_assembly_put_text(a, variable, "nessmap_scale", scales[draw->axis[i].scale]));
        }
    }
    return NM_OK;
}

static nm_status put_fill(nm_assembly *a, int variable)
{
    static const float no_float = __builtin_nanf("");
    static const double no_double = __builtin_nan("");
    return nm_assembly_check(
        a, nc_put_att(a->id, variable, "_FillValue", a->is_f32 ? NC_FLOAT : NC_DOUBLE, 1,
                      a->is_f32 ? (const void *)&no_float : (const void *)&no_double));
}

nm_status nm_assembly_describe_output(nm_assembly *a, int variable, const nm_output *output)
{
    NM_TRY(put_fill(a, variable));
    NM_TRY(put_names(a, variable, output->unit, output->text, "modelResult"));
    NM_TRY(put_coordinates(a, variable));
    return nm_assembly_put_text(a, variable, "ancillary_variables", "outcome flags");
}

/* --- cells of a reduced scan --- */

const char *nm_assembly_unit(const nm_assembly *a)
{
    return a->plan->task.reduction.kind == NM_REDUCE_BINS ? "draw" : "point";
}

nm_status nm_assembly_describe_statistic(nm_assembly *a, int variable, const nm_output *output,
                                         nm_statistic statistic)
{
#define STATISTIC_ROW(name, method, words) {method, words},
    static const struct {
        const char *method, *words;
    } rows[] = {NM_STATISTIC_LIST(STATISTIC_ROW)};
#undef STATISTIC_ROW
    int is_count = statistic == NM_STATISTIC_n;
    if (!is_count) {
        NM_TRY(put_fill(a, variable));
    }
    NM_TRY(nm_assembly_put_text(a, variable, "units",
                                is_count || !output->unit[0] ? "1" : output->unit));
    NM_TRY(put_format(a, variable, "long_name", "%s%s%s", rows[statistic].words,
                      output->text[0] ? ": " : "", output->text));
    NM_TRY(nm_assembly_put_text(a, variable, "coverage_content_type",
                                is_count ? "auxiliaryInformation" : "modelResult"));
    if (!is_count) {
        NM_TRY(put_format(a, variable, "cell_methods", "%s: %s", nm_assembly_unit(a),
                          rows[statistic].method));
        NM_TRY(put_format(a, variable, "ancillary_variables", "%s_n n", output->name));
    }
    return put_coordinates(a, variable);
}

nm_status nm_assembly_describe_quantile(nm_assembly *a, int variable, const nm_output *output,
                                        double quantile)
{
    NM_TRY(put_fill(a, variable));
    NM_TRY(nm_assembly_put_text(a, variable, "units", output->unit[0] ? output->unit : "1"));
    NM_TRY(put_format(a, variable, "long_name", "quantile %.15g%s%s", quantile,
                      output->text[0] ? ": " : "", output->text));
    NM_TRY(nm_assembly_put_text(a, variable, "coverage_content_type", "modelResult"));
    NM_TRY(nm_assembly_check(
        a, nc_put_att_double(a->id, variable, "quantile", NC_DOUBLE, 1, &quantile)));
    NM_TRY(put_format(a, variable, "ancillary_variables", "%s_n n", output->name));
    if (a->plan->task.reduction.n_projections == 0) {
        NM_TRY(nm_assembly_put_text(a, variable, "nessmap_resolution",
                                    "exact: interpolated between neighbouring values"));
    } else {
        NM_TRY(put_format(a, variable, "nessmap_resolution",
                          "interpolated in %d bins of about equal probability, by a pilot",
                          (int)NM_QUANTILE_BINS));
    }
    return put_coordinates(a, variable);
}

nm_status nm_assembly_describe_count(nm_assembly *a, int variable, const char *text)
{
    NM_TRY(put_names(a, variable, "1", text, "qualityInformation"));
    return put_coordinates(a, variable);
}

nm_status nm_assembly_describe_unit(nm_assembly *a, int variable)
{
    int is_bins = a->plan->task.reduction.kind == NM_REDUCE_BINS;
    return put_names(a, variable, "1",
                     is_bins ? "number of draws in each cell, over which the statistics are taken"
                             : "number of points, over which the statistics are taken",
                     "coordinate");
}

nm_status nm_assembly_describe_outcome(nm_assembly *a, int variable)
{
    signed char values[NM_N_OUTCOMES];
    char meanings[1024] = "";
    for (int i = 0; i < NM_N_OUTCOMES; i++) {
        values[i] = (signed char)i;
    }
#define ADD_OUTCOME(name, has_values, text) add_word(meanings, sizeof meanings, #name);
    NM_OUTCOME_LIST(ADD_OUTCOME)
#undef ADD_OUTCOME
    NM_TRY(nm_assembly_put_text(a, variable, "long_name", "what became of the point"));
    NM_TRY(nm_assembly_check(
        a, nc_put_att_schar(a->id, variable, "flag_values", NC_BYTE, NM_N_OUTCOMES, values)));
    NM_TRY(nm_assembly_put_text(a, variable, "flag_meanings", meanings));
    NM_TRY(nm_assembly_put_text(a, variable, "coverage_content_type", "qualityInformation"));
    return put_coordinates(a, variable);
}

nm_status nm_assembly_describe_flags(nm_assembly *a, int variable)
{
#define FLAG_MASK(name, bit, text) 1 << (bit),
    static const unsigned short masks[] = {NM_FLAG_LIST(FLAG_MASK)};
#undef FLAG_MASK
    char meanings[1024] = "";
#define ADD_FLAG(name, bit, text) add_word(meanings, sizeof meanings, #name);
    NM_FLAG_LIST(ADD_FLAG)
#undef ADD_FLAG
    NM_TRY(nm_assembly_put_text(a, variable, "long_name",
                                "what else is to be known of the point, one bit each"));
    NM_TRY(nm_assembly_check(a, nc_put_att_ushort(a->id, variable, "flag_masks", NC_USHORT,
                                                  sizeof masks / sizeof *masks, masks)));
    NM_TRY(nm_assembly_put_text(a, variable, "flag_meanings", meanings));
    NM_TRY(nm_assembly_put_text(a, variable, "coverage_content_type", "qualityInformation"));
    return put_coordinates(a, variable);
}

/* --- 3. the file ---------------------------------------------------------------------------------
 */

/* 1 where the parameter differs from point to point, or from cell to cell of bins. */
static int is_scanned(const nm_assembly *a, int param)
{
    return a->shape.role[param] == NM_ROLE_REDUCED ? a->shape.n_dims == 0
                                                   : a->shape.role[param] != NM_ROLE_FIXED;
}

/* Says what is scanned: "g_Na, dG_ATP", shortened where the names are many. */
static void list_scanned(char *out, size_t size, const nm_assembly *a)
{
    enum { MOST_NAMES = 6 };
    int n = 0, n_scanned = 0;
    out[0] = '\0';
    for (int p = 0; p < a->plan->model->n_params; p++) {
        n_scanned += is_scanned(a, p);
    }
    for (int p = 0; p < a->plan->model->n_params; p++) {
        if (!is_scanned(a, p)) {
            continue;
        }
        size_t length = strlen(out);
        if (n == MOST_NAMES && n_scanned > MOST_NAMES + 1) {
            snprintf(out + length, size - length, " and %d more parameters", n_scanned - n);
            return;
        }
        snprintf(out + length, size - length, "%s%s", n ? ", " : "",
                 a->plan->model->params[p].name);
        n++;
    }
}

static void list_variants(char *out, size_t size, const nm_assembly *a)
{
    out[0] = '\0';
    for (int i = 0; i < a->plan->model->n_variants; i++) {
        const nm_variant_info *variant = &a->plan->model->variants[i];
        char word[128];
        snprintf(word, sizeof word, "%s=%s", variant->name,
                 variant->choices[a->plan->task.choice[i]]);
        add_word(out, size, word);
    }
}

/* Says which parameters vary within the cells of a reduced scan. */
static void list_reduced(char *out, size_t size, const nm_assembly *a)
{
    out[0] = '\0';
    for (int p = 0; p < a->plan->model->n_params; p++) {
        if (a->shape.role[p] == NM_ROLE_REDUCED) {
            add_word(out, size, a->plan->model->params[p].name);
        }
    }
}

static nm_status summarize_points(nm_assembly *a, const char *variants)
{
    return put_format(
        a, NC_GLOBAL, "summary",
        "%" PRId64 " parameter sets of the model %s%s%s%s: for each, whether a steady state exists "
        "(variable outcome), what it looks like and what it costs in entropy and fuel power. "
        "Outputs "
        "are NaN where the outcome carries no values (attribute valid_outcomes).",
        a->plan->n_points, a->plan->model->name, variants[0] ? " (" : "", variants,
        variants[0] ? ")" : "");
}

static nm_status summarize_indices(nm_assembly *a, const char *variants)
{
    const nm_plan *plan = a->plan;
    return put_format(
        a, NC_GLOBAL, "summary",
        "%" PRId64 " parameter sets of the model %s%s%s%s, reduced to sensitivity indices by the "
        "parameters along the dimension input: of each output, and of what the outcome says "
        "(steady, growth, depletion, failed), with half the widths of intervals of 95 %% (*_conf_*)"
        "%s.",
        plan->n_points, plan->model->name, variants[0] ? " (" : "", variants,
        variants[0] ? ")" : "", a->shape.n_dims > 0 ? ", in each cell of the axes" : "");
}

static nm_status summarize_cells(nm_assembly *a, const char *variants)
{
    const nm_plan *plan = a->plan;
    int is_bins = plan->task.reduction.kind == NM_REDUCE_BINS,
        is_scatter = plan->task.reduction.kind == NM_REDUCE_SCATTER;
    char reduced[2048];
    list_reduced(reduced, sizeof reduced, a);
    return put_format(
        a, NC_GLOBAL, "summary",
        "%" PRId64 " parameter sets of the model %s%s%s%s, of which %s%s keeps how many points "
        "have which outcome (count_*)%s, and of each output the mean, "
        "standard deviation, smallest and largest value over the points where it is finite, whose "
        "number is *_n. Within a cell vary: %s.",
        plan->n_points, plan->model->name, variants[0] ? " (" : "", variants,
        variants[0] ? ")" : "",
        is_bins      ? "each cell of the axes"
        : is_scatter ? "each bin"
                     : "the file",
        is_bins || is_scatter ? "" : " as a whole", is_scatter ? "" : " and flag (flag_count_*)",
        reduced);
}

/* Attributes that people and catalogues look for. */
static nm_status describe_for_people(nm_assembly *a)
{
    const nm_plan *plan = a->plan;
    const char *model = plan->model->name;
    char scanned[512], variants[512];
    list_scanned(scanned, sizeof scanned, a);
    list_variants(variants, sizeof variants, a);
    NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "Conventions", "CF-1.11, ACDD-1.3"));
    NM_TRY(put_format(a, NC_GLOBAL, "title", "Steady states of the model %s%s%s", model,
                      scanned[0] ? " over " : "", scanned));
    NM_TRY(plan->task.reduction.n_inputs > 0 ? summarize_indices(a, variants)
           : nm_plan_is_reduced(plan)        ? summarize_cells(a, variants)
                                             : summarize_points(a, variants));
    NM_TRY(nm_assembly_put_text(
        a, NC_GLOBAL, "keywords",
        "non-equilibrium steady state, equilibrium, phase diagram, entropy production, membrane "
        "transport, cell model"));
    NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "id", plan->fingerprint));
    NM_TRY(put_format(a, NC_GLOBAL, "source", "nessmap %s, model %s%s%s", NM_VERSION_FULL, model,
                      plan->backend ? ", backend " : "", plan->backend ? plan->backend : ""));
    /* without a date: equal questions give equal bytes, and when they ran is in the run log */
    NM_TRY(put_format(a, NC_GLOBAL, "history",
                      "nessmap %s computed %" PRId64 " parameter sets of %s", NM_VERSION_FULL,
                      plan->n_points, model));
    NM_TRY(nm_assembly_put_text(
        a, NC_GLOBAL, "references",
        "The attribute nessmap_config holds the whole configuration: saved as a file, "
        "it is the input of "
        "`nessmap run` that gives this file again."));
    NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "product_version", NM_VERSION_FULL));
    return nm_assembly_put_text(
        a, NC_GLOBAL, "license",
        "The data belong to those who made them; the program claims no rights in its results.");
}

/* Attributes that programs read. */
static nm_status describe_for_programs(nm_assembly *a)
{
    const nm_plan *plan = a->plan;
    const nm_config *config = plan->config;
    const int schema = NM_FILE_SCHEMA;
    char variants[512], valid[512] = "";
    list_variants(variants, sizeof variants, a);
#define ADD_VALID(name, has_values, text)                                                          \
    if (has_values) {                                                                              \
        add_word(valid, sizeof valid, #name);                                                      \
    }
    NM_OUTCOME_LIST(ADD_VALID)
#undef ADD_VALID
    NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "valid_outcomes", valid));
    NM_TRY(nm_assembly_check(
        a, nc_put_att_int(a->id, NC_GLOBAL, "nessmap_schema", NC_INT, 1, &schema)));
    const char *layout = plan->refinement                 ? "refined"
                         : plan->layout == NM_LAYOUT_GRID ? "grid"
                                                          : "sample";
    if (nm_plan_is_reduced(plan)) {
        const nm_reduction *reduction = &plan->task.reduction;
        const long long cell_points = reduction->cell_points;
        char reduced[2048];
        list_reduced(reduced, sizeof reduced, a);
        layout = reduction->kind == NM_REDUCE_BINS      ? "grid"
                 : reduction->kind == NM_REDUCE_SCATTER ? "bins"
                 : reduction->n_inputs > 0              ? "indices"
                                                        : "summary";
        NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_reduce", plan->config->reduce.kind));
        NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_reduced_parameters", reduced));
        NM_TRY(nm_assembly_check(a, nc_put_att_longlong(a->id, NC_GLOBAL, "nessmap_cell_points",
                                                        NC_INT64, 1, &cell_points)));
    }
    NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_layout", layout));
    NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_fingerprint", plan->fingerprint));
    NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_model", plan->model->name));
    NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_model_hash", plan->model_hash));
    if (variants[0]) {
        NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_variants", variants));
    }
    if (plan->model->growth) {
        NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_growth_name", plan->model->growth));
    }
    if (plan->backend) {
        NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_backend", plan->backend));
    }
    NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_precision", a->is_f32 ? "f32" : "f64"));
    const unsigned long long seed = plan->task.draw.seed;
    NM_TRY(nm_assembly_check(
        a, nc_put_att_ulonglong(a->id, NC_GLOBAL, "nessmap_seed", NC_UINT64, 1, &seed)));
    NM_TRY(nm_assembly_check(a, nc_put_att_double(a->id, NC_GLOBAL, "nessmap_rtol", NC_DOUBLE, 1,
                                                  &plan->task.solver.rtol)));
    if (config && config->design_kind) {
        NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_design", config->design_kind));
    }
    if (config && config->resolved) {
        NM_TRY(nm_assembly_put_text(a, NC_GLOBAL, "nessmap_config", config->resolved));
    }
    if (plan->task.draw.group > 1) {
        char *problem;
        NM_TRY(nm_salib_problem(&problem, plan));
        nm_status status = nm_assembly_put_text(a, NC_GLOBAL, "salib_problem", problem);
        free(problem);
        return status;
    }
    return NM_OK;
}

nm_status nm_assembly_describe_file(nm_assembly *a)
{
    NM_TRY(describe_for_people(a));
    NM_TRY(describe_for_programs(a));
    /* room for the counts, so that nothing moves when they are known */
    return nm_assembly_describe_counts(a);
}

nm_status nm_assembly_describe_counts(nm_assembly *a)
{
    long long counts[NM_N_OUTCOMES];
    for (int i = 0; i < NM_N_OUTCOMES; i++) {
        counts[i] = a->tally->count[i];
    }
    const long long n_failed = nm_failed_points(a->tally->count);
    const long long n_not_run = counts[NM_OUTCOME_not_run];
    NM_TRY(nm_assembly_check(a, nc_put_att_longlong(a->id, NC_GLOBAL, "nessmap_outcome_counts",
                                                    NC_INT64, NM_N_OUTCOMES, counts)));
    NM_TRY(nm_assembly_check(
        a, nc_put_att_longlong(a->id, NC_GLOBAL, "nessmap_n_failed", NC_INT64, 1, &n_failed)));
    NM_TRY(nm_assembly_check(
        a, nc_put_att_longlong(a->id, NC_GLOBAL, "nessmap_n_not_run", NC_INT64, 1, &n_not_run)));
    const int kind = a->plan->task.reduction.kind;
    const long long n_clamped = a->tally->n_clamped;
    if (kind != NM_REDUCE_SCATTER && kind != NM_REDUCE_GIVEN) {
        return NM_OK;
    }
    return nm_assembly_check(
        a, nc_put_att_longlong(a->id, NC_GLOBAL, "nessmap_n_clamped", NC_INT64, 1, &n_clamped));
}
