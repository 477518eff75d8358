/* The part of assembly for sensitivity indices: records of randomisations -> indices with intervals.
 *
 * The randomisations of a cell of the axes are merged, in their order, for the indices; their spread
 * gives the intervals.
 *
 *   1. definition   2. cells */
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assemble.h"
#include "indices.h"
#include "projection.h"

typedef struct measure {
    const char *name, *text;
} measure;

#define MEASURE(kind, number, name, text) MEASURE_##kind(number, name, text)
#define MEASURE_SOBOL(number, name, text) {#name, text},
#define MEASURE_MORRIS(number, name, text)
#define MEASURE_DGSM(number, name, text)
static const measure sobol_measures[NM_N_MEASURES] = {NM_MEASURE_LIST(MEASURE)};
#undef MEASURE_SOBOL
#undef MEASURE_MORRIS
#undef MEASURE_DGSM
#define MEASURE_SOBOL(number, name, text)
#define MEASURE_MORRIS(number, name, text) {#name, text},
#define MEASURE_DGSM(number, name, text)
static const measure morris_measures[NM_N_MEASURES] = {NM_MEASURE_LIST(MEASURE)};
#undef MEASURE_SOBOL
#undef MEASURE_MORRIS
#undef MEASURE_DGSM
#define MEASURE_SOBOL(number, name, text)
#define MEASURE_MORRIS(number, name, text)
#define MEASURE_DGSM(number, name, text) {#name, text},
static const measure dgsm_measures[NM_N_MEASURES] = {NM_MEASURE_LIST(MEASURE)};
#undef MEASURE_SOBOL
#undef MEASURE_MORRIS
#undef MEASURE_DGSM
#undef MEASURE

/* variables of a quantity: three scalars, measures, their widths, pairs, their widths */
enum {
    MEAN,
    VARIANCE,
    N_GROUPS,
    MEASURES,
    WIDTHS = MEASURES + NM_N_MEASURES,
    PAIRS = WIDTHS + NM_N_MEASURES,
    PAIR_WIDTHS,
    N_OF_QUANTITY
};

struct nm_index_writer {
    int n_inputs, has_pairs, is_given, is_dgsm, n_measures;
    int (*variable)[N_OF_QUANTITY]; /* [n_quantities] */
    int count_variable[NM_CELL_COUNTS];
    char *records;    /* [n_replicates] of the cell at hand, then room for one */
    nm_indices *each; /* [n_replicates] */
    double *pair;     /* [1 + n_replicates][n_inputs][n_inputs] */
    double *row;      /* [n_inputs][n_inputs] */
};

/* --- 1. definition ---------------------------------------------------------------------------- */

static void quantity_name(char name[64], const nm_assembly *a, int quantity)
{
#define INDICATOR_NAME(name, text) #name,
    static const char *const indicators[] = {NM_INDICATOR_LIST(INDICATOR_NAME)};
#undef INDICATOR_NAME
    int n_outputs = a->plan->task.n_slots;
    snprintf(name, 64, "%s",
             quantity < n_outputs ? a->plan->catalogue.output[a->plan->column_output[quantity]].name
                                  : indicators[quantity - n_outputs]);
}

static nm_status define(nm_assembly *a, int *variable, const char *name, int n_more,
                        const int *more, int type, const char *long_name, const char *unit)
{
    int dim[NM_MAX_DIMS + 2];
    memcpy(dim, a->dim_id, (size_t)a->shape.n_dims * sizeof *dim);
    for (int i = 0; i < n_more; i++) {
        dim[a->shape.n_dims + i] = more[i];
    }
    NM_TRY(nm_assembly_check(
        a, nc_def_var(a->id, name, type, a->shape.n_dims + n_more, dim, variable)));
    NM_TRY(nm_assembly_put_text(a, *variable, "long_name", long_name));
    return *unit == '\0' ? NM_OK : nm_assembly_put_text(a, *variable, "units", unit);
}

/* Names of the inputs, as text over the dimension `input`. */
static nm_status define_inputs(nm_assembly *a, int dim)
{
    static const char text[] = "drawn parameter";
    NM_TRY(nm_assembly_check(a, nc_def_var(a->id, "input", NC_STRING, 1, &dim, &a->unit_variable)));
    NM_TRY(nm_assembly_put_text(a, a->unit_variable, "long_name", text));
    if (a->plan->task.reduction.kind != NM_REDUCE_DGSM) {
        return NM_OK;
    }
    /* whose derivatives are by ln x */
    char names[NM_MAX_RANDOM * 64] = "";
    const nm_draw *draw = &a->plan->task.draw;
    for (int i = 0; i < draw->n_random; i++) {
        if (nm_is_drawn_in_ln(&draw->random[i])) {
            const size_t length = strlen(names);
            snprintf(names + length, sizeof names - length, "%s%s", length > 0 ? " " : "",
                     a->plan->model->params[draw->random[i].param].name);
        }
    }
    return nm_assembly_put_text(a, a->unit_variable, "in_ln", names);
}

/* What the squared derivative of an output by input i is in. */
static void unit_of_square(char unit[96], const nm_assembly *a, int quantity, int i)
{
    const nm_task *task = &a->plan->task;
    const int n_own = task->gradients.n_outputs, d = task->gradients.n_params;
    const int slot = nm_is_drawn_in_ln(&task->draw.random[i]) ? quantity : n_own + quantity * d + i;
    const char *of = a->plan->catalogue.output[a->plan->column_output[slot]].unit;
    snprintf(unit, 96, strcmp(of, "1") == 0 ? "1" : "(%s)2", of);
}

/* The unit that all squared derivatives of an output share, "" where they share none. */
static void unit_of_squares(char unit[96], const nm_assembly *a, int quantity)
{
    char other[96];
    unit_of_square(unit, a, quantity, 0);
    for (int i = 1; i < a->plan->task.gradients.n_params; i++) {
        unit_of_square(other, a, quantity, i);
        if (strcmp(other, unit) != 0) {
            unit[0] = '\0';
            return;
        }
    }
}

static nm_status put_units_by_input(nm_assembly *a, int variable, int quantity)
{
    char unit[NM_MAX_RANDOM][96];
    const char *list[NM_MAX_RANDOM];
    const int d = a->plan->task.gradients.n_params;
    for (int i = 0; i < d; i++) {
        unit_of_square(unit[i], a, quantity, i);
        list[i] = unit[i];
    }
    return nm_assembly_check(a,
                             nc_put_att_string(a->id, variable, "units_by_input", (size_t)d, list));
}

static nm_status define_quantity(nm_assembly *a, nm_index_writer *writer, int quantity,
                                 const int *dims)
{
    const nm_reduction *reduction = &a->plan->task.reduction;
    const measure *measures = reduction->kind == NM_REDUCE_MORRIS ? morris_measures
                              : writer->is_dgsm                   ? dgsm_measures
                                                                  : sobol_measures;
    const int is_output = quantity < a->plan->task.n_slots;
    const char *unit =
        is_output ? a->plan->catalogue.output[a->plan->column_output[quantity]].unit : "1";
    int *variable = writer->variable[quantity];
    char name[64], of[128], text[256], square[96], shared[96];
    quantity_name(name, a, quantity);
    snprintf(square, sizeof square, strcmp(unit, "1") == 0 ? "1" : "(%s)2", unit);
    snprintf(of, sizeof of, "mean_%s", name);
    NM_TRY(define(a, &variable[MEAN], of, 0, dims, NC_DOUBLE, "mean", unit));
    snprintf(of, sizeof of, "variance_%s", name);
    NM_TRY(define(a, &variable[VARIANCE], of, 0, dims, NC_DOUBLE, "variance", square));
    snprintf(of, sizeof of, "n_groups_%s", name);
    NM_TRY(define(a, &variable[N_GROUPS], of, 0, dims, NC_DOUBLE,
                  writer->is_given || writer->is_dgsm
                      ? "points that have a value; the others count for nothing"
                      : "groups whose points all have a value; the others count for nothing",
                  "1"));
    for (int k = 0; k < writer->n_measures; k++) {
        const char *its_unit = reduction->kind == NM_REDUCE_MORRIS ? unit : "1";
        if (writer->is_dgsm && k == 0) {
            unit_of_squares(shared, a, quantity);
            its_unit = shared;
        }
        snprintf(of, sizeof of, "%s_%s", measures[k].name, name);
        snprintf(text, sizeof text, "%s of %s", measures[k].text, name);
        NM_TRY(define(a, &variable[MEASURES + k], of, 1, dims, NC_DOUBLE, text, its_unit));
        if (writer->is_dgsm && k == 0) {
            NM_TRY(put_units_by_input(a, variable[MEASURES], quantity));
        }
        if (writer->is_dgsm && k == 2) { /* a count has no interval */
            continue;
        }
        snprintf(of, sizeof of, "%s_conf_%s", measures[k].name, name);
        snprintf(text, sizeof text, "half the width of its interval of 95 %%");
        NM_TRY(define(a, &variable[WIDTHS + k], of, 1, dims, NC_DOUBLE, text, its_unit));
    }
    if (writer->has_pairs) {
        snprintf(of, sizeof of, "S2_%s", name);
        snprintf(text, sizeof text, "second-order Sobol index of %s, above the diagonal", name);
        NM_TRY(define(a, &variable[PAIRS], of, 2, dims, NC_DOUBLE, text, "1"));
        snprintf(of, sizeof of, "S2_conf_%s", name);
        NM_TRY(define(a, &variable[PAIR_WIDTHS], of, 2, dims, NC_DOUBLE,
                      "half the width of its interval of 95 %", "1"));
    }
    return NM_OK;
}

static nm_status define_counts(nm_assembly *a, nm_index_writer *writer)
{
    for (int i = 0; i < NM_CELL_COUNTS; i++) {
        char text[256] = "number of points";
        if (i > 0) {
            nm_count_text(text, i - 1);
        }
        const char *name = i == 0               ? "n"
                           : i <= NM_N_OUTCOMES ? nm_count_names[i - 1]
                                                : nm_flag_count_names[i - 1 - NM_N_OUTCOMES];
        NM_TRY(define(a, &writer->count_variable[i], name, 0, NULL, NC_INT64, text, "1"));
    }
    return NM_OK;
}

nm_status nm_assembly_define_indices(nm_assembly *a, nm_index_writer **out)
{
    const nm_reduction *reduction = &a->plan->task.reduction;
    const size_t d = (size_t)reduction->n_inputs, r = (size_t)a->plan->task.draw.n_replicates;
    nm_index_writer *writer = calloc(1, sizeof *writer);
    *out = writer;
    if (writer) {
        writer->n_inputs = reduction->n_inputs;
        writer->is_given = reduction->kind == NM_REDUCE_GIVEN;
        writer->is_dgsm = reduction->kind == NM_REDUCE_DGSM;
        writer->n_measures = writer->is_given ? 1 : NM_N_MEASURES;
        writer->has_pairs =
            reduction->kind == NM_REDUCE_SOBOL && reduction->group > writer->n_inputs + 2;
        writer->variable = calloc((size_t)reduction->n_quantities, sizeof *writer->variable);
        writer->records = malloc((r + 1) * (size_t)NM_WHOLE_RECORD_BYTES(reduction));
        writer->each = malloc(r * sizeof *writer->each);
        writer->pair = malloc((r + 1) * d * d * sizeof *writer->pair);
        writer->row = malloc(d * d * sizeof *writer->row);
    }
    if (!writer || !writer->variable || !writer->records || !writer->each || !writer->pair ||
        !writer->row) {
        return nm_fail(NM_MEMORY, "out of memory for the indices of '%s'", a->out_path);
    }
    int dims[2];
    NM_TRY(nm_assembly_check(a, nc_def_dim(a->id, "input", d, &dims[0])));
    if (writer->has_pairs) {
        NM_TRY(nm_assembly_check(a, nc_def_dim(a->id, "other_input", d, &dims[1])));
    }
    NM_TRY(define_inputs(a, dims[0]));
    for (int q = 0; q < reduction->n_quantities; q++) {
        NM_TRY(define_quantity(a, writer, q, dims));
    }
    return define_counts(a, writer);
}

void nm_index_writer_destroy(nm_index_writer **writer)
{
    if (*writer) {
        free((*writer)->variable);
        free((*writer)->records);
        free((*writer)->each);
        free((*writer)->pair);
        free((*writer)->row);
        free(*writer);
        *writer = NULL;
    }
}

/* --- 2. cells --------------------------------------------------------------------------------- */

static nm_status put(nm_assembly *a, int variable, const size_t *start, const size_t *count,
                     const double *values)
{
    return nm_assembly_check(a, nc_put_vara_double(a->id, variable, start, count, values));
}

/* half the width of the interval around the mean of values [n], `stride` doubles apart */
static double half_width(const double *values, int64_t n, int64_t stride)
{
    double mean = 0.0, m2 = 0.0;
    for (int64_t k = 0; k < n; k++) {
        double d = values[k * stride] - mean;
        mean += d / (double)(k + 1);
        m2 = fma(d, values[k * stride] - mean, m2);
    }
    return nm_half_width(n > 1 ? sqrt(m2 / (double)(n - 1)) : NAN, n);
}

/* start and count of the cell, the inputs whole behind its place */
static void place_of(const nm_assembly *a, size_t *start, size_t *count, int64_t cell, int d)
{
    for (int i = a->shape.n_dims - 1; i >= 0; i--) {
        start[i] = (size_t)(cell % a->shape.dim[i]);
        count[i] = 1;
        cell /= a->shape.dim[i];
    }
    for (int i = a->shape.n_dims; i < a->shape.n_dims + 2; i++) {
        start[i] = 0;
        count[i] = (size_t)d;
    }
}

/* Indices of one quantity from a record. pair: may be NULL. */
static void find_indices(nm_indices *indices, double *pair, const nm_assembly *a,
                         const nm_index_writer *w, const char *record, int quantity)
{
    const nm_reduction *r = &a->plan->task.reduction;
    const nm_stat *stats = (const nm_stat *)(const void *)record;
    if (w->is_dgsm) {
        nm_indices_dgsm(indices, stats, &a->plan->task, quantity);
        return;
    }
    if (!w->is_given) {
        nm_indices_find(indices, pair, stats + quantity * r->n_each, r);
        return;
    }
    const int64_t *words = (const int64_t *)(const void *)(record + NM_RECORD_BYTES(r->n_slots));
    const int is_independent = a->plan->task.draw.sequence == NM_SEQUENCE_RANDOM;
    const nm_stat *stat = quantity < r->n_slots ? &stats[quantity] : NULL;
    if (stat) {
        indices->n = (double)stat->n;
        indices->mean = stat->n > 0 ? stat->mean : NAN;
        indices->variance = stat->n > 0 ? stat->m2 / (double)stat->n : NAN;
    } else {
        nm_given_indicator(&indices->mean, &indices->variance, &indices->n, words, r,
                           quantity - r->n_slots);
    }
    for (int i = 0; i < r->n_inputs; i++) {
        indices->value[0][i] = nm_given_index(words, r, stat, i, quantity, is_independent);
    }
}

static nm_status write_quantity(nm_assembly *a, nm_index_writer *w, int quantity,
                                const char *merged, const size_t *start, const size_t *count)
{
    const nm_reduction *reduction = &a->plan->task.reduction;
    const int64_t record = NM_WHOLE_RECORD_BYTES(reduction), r = a->plan->task.draw.n_replicates;
    const int d = w->n_inputs, *variable = w->variable[quantity];
    nm_indices all;
    find_indices(&all, w->pair, a, w, merged, quantity);
    for (int64_t k = 0; k < r; k++) {
        find_indices(&w->each[k], w->pair + (1 + k) * d * d, a, w, w->records + k * record,
                     quantity);
    }
    NM_TRY(put(a, variable[MEAN], start, count, &all.mean));
    NM_TRY(put(a, variable[VARIANCE], start, count, &all.variance));
    NM_TRY(put(a, variable[N_GROUPS], start, count, &all.n));
    const int64_t stride = (int64_t)(sizeof *w->each / sizeof(double));
    for (int k = 0; k < w->n_measures; k++) {
        NM_TRY(put(a, variable[MEASURES + k], start, count, all.value[k]));
        if (w->is_dgsm && k == 2) {
            continue;
        }
        for (int i = 0; i < d; i++) {
            w->row[i] = half_width(&w->each[0].value[k][i], r, stride);
        }
        NM_TRY(put(a, variable[WIDTHS + k], start, count, w->row));
    }
    if (w->has_pairs) {
        NM_TRY(put(a, variable[PAIRS], start, count, w->pair));
        for (int i = 0; i < d * d; i++) {
            w->row[i] = half_width(w->pair + d * d + i, r, d * d);
        }
        NM_TRY(put(a, variable[PAIR_WIDTHS], start, count, w->row));
    }
    return NM_OK;
}

/* Merges the randomisations of a cell, in their order, and writes what they say. */
static nm_status write_cell(nm_assembly *a, nm_index_writer *w, int64_t cell)
{
    const nm_task *task = &a->plan->task;
    const int n_slots = task->reduction.n_slots;
    const int64_t record = NM_WHOLE_RECORD_BYTES(&task->reduction), r = task->draw.n_replicates,
                  head = NM_RECORD_BYTES(n_slots);
    size_t start[NM_MAX_DIMS + 2], count[NM_MAX_DIMS + 2];
    char *merged = w->records + r * record;
    memcpy(merged, w->records, (size_t)record);
    for (int64_t k = 1; k < r; k++) {
        char *more = w->records + k * record;
        nm_record_merge(merged, more, n_slots);
        nm_words_merge((int64_t *)(void *)(merged + head), (const int64_t *)(void *)(more + head),
                       &task->reduction);
    }
    a->tally->n_clamped +=
        nm_projection_clamped((const int64_t *)(void *)(merged + head), &task->reduction);
    const int64_t *counts = (const int64_t *)((const nm_stat *)merged + n_slots);
    NM_TRY(nm_tally_add_cell(a->tally, cell * task->draw.n_draws, task->draw.n_draws, counts,
                             counts + NM_N_OUTCOMES));
    place_of(a, start, count, cell, w->n_inputs);
    for (int q = 0; q < task->reduction.n_quantities; q++) {
        NM_TRY(write_quantity(a, w, q, merged, start, count));
    }
    for (int i = 0; i < NM_CELL_COUNTS; i++) {
        const long long value = i == 0 ? task->draw.n_draws : counts[i - 1];
        NM_TRY(
            nm_assembly_check(a, nc_put_var1_longlong(a->id, w->count_variable[i], start, &value)));
    }
    return NM_OK;
}

nm_status nm_assembly_write_inputs(nm_assembly *a)
{
    const nm_draw *draw = &a->plan->task.draw;
    for (int i = 0; i < draw->n_random; i++) {
        const size_t at = (size_t)i;
        const char *name = a->plan->model->params[draw->random[i].param].name;
        NM_TRY(nm_assembly_check(a, nc_put_var1_string(a->id, a->unit_variable, &at, &name)));
    }
    return NM_OK;
}

nm_status nm_assembly_take_replicate(nm_assembly *a, nm_index_writer *w, int64_t number,
                                     const char *record)
{
    const int64_t r = a->plan->task.draw.n_replicates,
                  bytes = NM_WHOLE_RECORD_BYTES(&a->plan->task.reduction);
    memcpy(w->records + number % r * bytes, record, (size_t)bytes);
    return number % r == r - 1 ? write_cell(a, w, number / r) : NM_OK;
}
