/* The part of assembly for bins along outputs and parameters: the record of a scan -> counts and statistics of each bin.
 *
 * Each axis is a coordinate variable of the centres of its bins, with their bounds.
 *
 *   1. definition   2. values */
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assemble.h"
#include "projection.h"

struct nm_bin_writer {
    int n_axes, dim[NM_MAX_PROJECTED];
    int axis_variable[NM_MAX_PROJECTED], bounds_variable[NM_MAX_PROJECTED];
    int n_variable, n_outside_variable;
    int count_variable[NM_N_OUTCOMES], outside_variable[NM_N_OUTCOMES];
    int total_variable[NM_N_OUTCOMES + NM_N_FLAGS];
    int (*statistic)[NM_N_STATISTICS]; /* [n_slots] */
    double *row;                       /* [bins] */
    float *narrow;                     /* [bins] the same as the file holds them */
    long long *counts;                 /* [bins] */
};

/* --- 1. definition ---------------------------------------------------------------------------- */

static nm_status define(nm_assembly *a, int *variable, const char *name, int type, int n_dims,
                        const int *dims, const char *text, const char *unit)
{
    NM_TRY(nm_assembly_check(a, nc_def_var(a->id, name, type, n_dims, dims, variable)));
    if (n_dims > 0 && a->compression > 0) {
        NM_TRY(nm_assembly_check(a, nc_def_var_deflate(a->id, *variable, 1, 1, a->compression)));
    }
    NM_TRY(nm_assembly_put_text(a, *variable, "units", unit && unit[0] ? unit : "1"));
    return text[0] ? nm_assembly_put_text(a, *variable, "long_name", text) : NM_OK;
}

static nm_status define_axis(nm_assembly *a, nm_bin_writer *w, int axis, int ends)
{
    const int is_log = a->plan->bins_are_log[axis];
    const char *unit, *text, *name = nm_projection_axis_name(a->plan, axis, &unit, &text);
    const size_t n = (size_t)a->plan->projections[0].axis[axis].n;
    char bounds[96];
    NM_TRY(nm_assembly_check(a, nc_def_dim(a->id, name, n, &w->dim[axis])));
    snprintf(bounds, sizeof bounds, "%s_bounds", name);
    NM_TRY(define(a, &w->axis_variable[axis], name, NC_DOUBLE, 1, &w->dim[axis], text ? text : "",
                  unit));
    NM_TRY(
        nm_assembly_put_text(a, w->axis_variable[axis], "comment",
                             is_log ? "middle of the bin in the logarithm" : "middle of the bin"));
    NM_TRY(nm_assembly_put_text(a, w->axis_variable[axis], "bounds", bounds));
    NM_TRY(nm_assembly_put_text(a, w->axis_variable[axis], "nessmap_scale",
                                is_log ? "log" : "linear"));
    const int dims[] = {w->dim[axis], ends};
    return nm_assembly_check(
        a, nc_def_var(a->id, bounds, NC_DOUBLE, 2, dims, &w->bounds_variable[axis]));
}

static nm_status define_counts(nm_assembly *a, nm_bin_writer *w)
{
#define TEXT(name, x, text) text,
    static const char *const outcomes[] = {NM_OUTCOME_LIST(TEXT)};
#undef TEXT
    char name[96], text[256];
    NM_TRY(define(a, &w->n_variable, "n", NC_INT64, w->n_axes, w->dim,
                  "number of points in the bin", "1"));
    NM_TRY(define(a, &w->n_outside_variable, "n_outside", NC_INT64, 0, NULL,
                  "number of points in no bin: beyond an axis, or without a value on it", "1"));
    for (int i = 0; i < NM_N_OUTCOMES; i++) {
        snprintf(text, sizeof text, "number of points in the bin: %s", outcomes[i]);
        NM_TRY(define(a, &w->count_variable[i], nm_count_names[i], NC_INT64, w->n_axes, w->dim,
                      text, "1"));
        snprintf(name, sizeof name, "outside_%s", nm_count_names[i]);
        snprintf(text, sizeof text, "number of points in no bin: %s", outcomes[i]);
        NM_TRY(define(a, &w->outside_variable[i], name, NC_INT64, 0, NULL, text, "1"));
    }
    for (int i = 0; i < NM_N_OUTCOMES + NM_N_FLAGS; i++) {
        snprintf(name, sizeof name, "total_%s",
                 i < NM_N_OUTCOMES ? nm_count_names[i] : nm_flag_count_names[i - NM_N_OUTCOMES]);
        NM_TRY(define(a, &w->total_variable[i], name, NC_INT64, 0, NULL,
                      "number of points of the whole scan", "1"));
    }
    return NM_OK;
}

nm_status nm_assembly_define_bins(nm_assembly *a, nm_bin_writer **out)
{
#define STATISTIC_NAME(name, method, words) #name,
    static const char *const endings[] = {NM_STATISTIC_LIST(STATISTIC_NAME)};
#undef STATISTIC_NAME
    const nm_projection *p = &a->plan->projections[0];
    const int n_slots = a->plan->task.n_slots;
    nm_bin_writer *w = calloc(1, sizeof *w);
    *out = w;
    if (w) {
        w->n_axes = p->n_axes;
        w->statistic = calloc((size_t)n_slots + 1, sizeof *w->statistic);
        w->row = malloc((size_t)p->n_bins * sizeof *w->row);
        w->narrow = malloc((size_t)p->n_bins * sizeof *w->narrow);
        w->counts = malloc((size_t)p->n_bins * sizeof *w->counts);
    }
    if (!w || !w->statistic || !w->row || !w->narrow || !w->counts) {
        return nm_fail(NM_MEMORY, "out of memory for the bins of '%s'", a->out_path);
    }
    int ends;
    NM_TRY(nm_assembly_check(a, nc_def_dim(a->id, "bound", 2, &ends)));
    for (int i = 0; i < w->n_axes; i++) {
        NM_TRY(define_axis(a, w, i, ends));
    }
    NM_TRY(define_counts(a, w));
    for (int slot = 0; slot < n_slots; slot++) {
        const nm_output *output = &a->plan->catalogue.output[a->plan->column_output[slot]];
        for (int k = 0; k < NM_N_STATISTICS; k++) {
            char name[sizeof output->name + 8];
            const int type = k == NM_STATISTIC_n ? NC_INT64 : a->is_f32 ? NC_FLOAT : NC_DOUBLE;
            snprintf(name, sizeof name, "%s_%s", output->name, endings[k]);
            NM_TRY(nm_assembly_check(
                a, nc_def_var(a->id, name, type, w->n_axes, w->dim, &w->statistic[slot][k])));
            if (a->compression > 0) {
                NM_TRY(nm_assembly_check(
                    a, nc_def_var_deflate(a->id, w->statistic[slot][k], 1, 1, a->compression)));
            }
            NM_TRY(
                nm_assembly_describe_statistic(a, w->statistic[slot][k], output, (nm_statistic)k));
        }
    }
    return NM_OK;
}

void nm_bin_writer_destroy(nm_bin_writer **writer)
{
    if (*writer) {
        free((*writer)->statistic);
        free((*writer)->row);
        free((*writer)->narrow);
        free((*writer)->counts);
        free(*writer);
        *writer = NULL;
    }
}

/* --- 2. values -------------------------------------------------------------------------------- */

static nm_status write_axis(nm_assembly *a, nm_bin_writer *w, int axis)
{
    const nm_projected *along = &a->plan->projections[0].axis[axis];
    const double *edge = a->plan->table + along->edges;
    const int is_log = a->plan->bins_are_log[axis];
    for (int64_t i = 0; i < along->n; i++) {
        const size_t low[] = {(size_t)i, 0}, count[] = {1, 2};
        w->row[i] = is_log ? sqrt(edge[i]) * sqrt(edge[i + 1]) : 0.5 * (edge[i] + edge[i + 1]);
        NM_TRY(nm_assembly_check(
            a, nc_put_vara_double(a->id, w->bounds_variable[axis], low, count, edge + i)));
    }
    return nm_assembly_check(a, nc_put_var_double(a->id, w->axis_variable[axis], w->row));
}

static int64_t points_of(const int64_t *outcomes)
{
    int64_t sum = 0;
    for (int k = 0; k < NM_N_OUTCOMES; k++) {
        sum += outcomes[k];
    }
    return sum;
}

static nm_status put_number(nm_assembly *a, int variable, int64_t number)
{
    const long long value = number;
    return nm_assembly_check(a, nc_put_var_longlong(a->id, variable, &value));
}

static nm_status write_counts(nm_assembly *a, nm_bin_writer *w, const int64_t *words,
                              const int64_t *totals)
{
    const nm_reduction *r = &a->plan->task.reduction;
    const int64_t n = r->projections[0].n_bins - 1;
    for (int k = 0; k <= NM_N_OUTCOMES; k++) {
        for (int64_t bin = 0; bin < n; bin++) {
            const int64_t *outcomes = nm_bin_outcomes(words, r, 0, bin);
            w->counts[bin] = k < NM_N_OUTCOMES ? outcomes[k] : points_of(outcomes);
        }
        NM_TRY(nm_assembly_check(
            a, nc_put_var_longlong(a->id, k < NM_N_OUTCOMES ? w->count_variable[k] : w->n_variable,
                                   w->counts)));
    }
    const int64_t *outside = nm_bin_outcomes(words, r, 0, n);
    NM_TRY(put_number(a, w->n_outside_variable, points_of(outside)));
    for (int k = 0; k < NM_N_OUTCOMES; k++) {
        NM_TRY(put_number(a, w->outside_variable[k], outside[k]));
    }
    for (int k = 0; k < NM_N_OUTCOMES + NM_N_FLAGS; k++) {
        NM_TRY(put_number(a, w->total_variable[k], totals[k]));
    }
    return NM_OK;
}

static nm_status write_slot(nm_assembly *a, nm_bin_writer *w, const int64_t *words, int slot)
{
    const nm_reduction *r = &a->plan->task.reduction;
    const int64_t n = r->projections[0].n_bins - 1;
    for (int k = 0; k < NM_N_STATISTICS; k++) {
        for (int64_t bin = 0; bin < n; bin++) {
            const nm_bin found = nm_bin_find(words, r, bin, slot);
            w->counts[bin] = found.n;
            w->row[bin] = k == NM_STATISTIC_mean  ? found.mean
                          : k == NM_STATISTIC_sd  ? found.sd
                          : k == NM_STATISTIC_min ? found.min
                                                  : found.max;
            w->narrow[bin] = (float)w->row[bin];
        }
        const int variable = w->statistic[slot][k];
        NM_TRY(nm_assembly_check(a, k == NM_STATISTIC_n
                                        ? nc_put_var_longlong(a->id, variable, w->counts)
                                    : a->is_f32 ? nc_put_var_float(a->id, variable, w->narrow)
                                                : nc_put_var_double(a->id, variable, w->row)));
    }
    return NM_OK;
}

nm_status nm_assembly_take_bins(nm_assembly *a, nm_bin_writer *w, const char *record)
{
    const nm_reduction *r = &a->plan->task.reduction;
    const int64_t *totals = (const int64_t *)(const void *)((const nm_stat *)(const void *)record +
                                                            r->n_slots),
                  *words = totals + NM_N_OUTCOMES + NM_N_FLAGS;
    NM_TRY(nm_tally_add_cell(a->tally, 0, a->plan->n_points, totals, totals + NM_N_OUTCOMES));
    a->tally->n_clamped = nm_projection_clamped(words, r);
    for (int i = 0; i < w->n_axes; i++) {
        NM_TRY(write_axis(a, w, i));
    }
    NM_TRY(write_counts(a, w, words, totals));
    for (int slot = 0; slot < r->n_slots; slot++) {
        NM_TRY(write_slot(a, w, words, slot));
    }
    return NM_OK;
}
