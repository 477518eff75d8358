/* The file of a refinement: lists of vertices, probes, cells and boundary points, and of a map also a
 * picture that is made of them.
 *
 * 1. helpers   2. the file   3. report */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "plan_refine.h"
#include "refine_parts.h"

enum { PICTURE_BITS = 10 /* a picture has 2^this cells along an axis, or the finest cells */ };

/* --- 1. helpers ----------------------------------------------------------------------------------- */

nm_status nm_refine_no_memory(void)
{
    return nm_fail(NM_MEMORY, "no memory for the file of a refinement");
}

nm_status nm_refine_check(const nm_refine_writer *w, int code)
{
    return nm_assembly_check(w->a, code);
}

/* Defines the variable "prefix_name" (or "name") with its words; unit may be NULL. */
nm_status nm_refine_define(const nm_refine_writer *w, int *variable, const char *prefix,
                           const char *name, int type, int n_dims, const int *dim, const char *unit,
                           const char *text)
{
    char full[160];
    snprintf(full, sizeof full, "%s%s%s", prefix, prefix[0] ? "_" : "", name);
    NM_TRY(nm_refine_check(w, nc_def_var(w->a->id, full, type, n_dims, dim, variable)));
    if (w->a->compression > 0 || n_dims == 2) {
        int level = w->a->compression > 0 ? w->a->compression : 1;
        NM_TRY(nm_refine_check(w, nc_def_var_deflate(w->a->id, *variable, 1, 1, level)));
    }
    if (unit) {
        NM_TRY(nm_assembly_put_text(w->a, *variable, "units", unit[0] ? unit : "1"));
    }
    return text && text[0] ? nm_assembly_put_text(w->a, *variable, "long_name", text) : NM_OK;
}

/* Writes all n elements of a list; a list may be empty. */
nm_status nm_refine_put_list(const nm_refine_writer *w, int variable, int64_t n, const void *data)
{
    const size_t start = 0, count = (size_t)n;
    return n > 0 ? nm_refine_check(w, nc_put_vara(w->a->id, variable, &start, &count, data))
                 : NM_OK;
}

static nm_status put_count(const nm_refine_writer *w, const char *name, int64_t count)
{
    const long long value = count;
    return nm_refine_check(w, nc_put_att_longlong(w->a->id, NC_GLOBAL, name, NC_INT64, 1, &value));
}

static nm_status put_numbers(const nm_refine_writer *w, const char *name, const double *value,
                             size_t n)
{
    return nm_refine_check(w, nc_put_att_double(w->a->id, NC_GLOBAL, name, NC_DOUBLE, n, value));
}

/* --- 2. the file -------------------------------------------------------------------------------------- */

/* Parameters that are the same everywhere. */
static nm_status define_fixed(const nm_refine_writer *w)
{
    nm_assembly *a = w->a;
    for (int p = 0; p < w->refined->plan->model->n_params; p++) {
        if (a->shape.role[p] == NM_ROLE_FIXED) {
            NM_TRY(nm_refine_check(w, nc_def_var(a->id, w->refined->plan->model->params[p].name,
                                                 NC_DOUBLE, 0, NULL, &a->param_variable[p])));
            NM_TRY(nm_assembly_describe_param(a, p));
        }
    }
    return NM_OK;
}

static nm_status write_fixed(const nm_refine_writer *w)
{
    const nm_plan *plan = w->refined->plan;
    double params[NM_MAX_PARAMS];
    plan->model->draw(&plan->task.draw, 0, params);
    for (int p = 0; p < plan->model->n_params; p++) {
        if (w->a->shape.role[p] == NM_ROLE_FIXED) {
            NM_TRY(nm_refine_check(
                w, nc_put_var_double(w->a->id, w->a->param_variable[p], &params[p])));
        }
    }
    return NM_OK;
}

static nm_status describe(const nm_refine_writer *w)
{
    const nm_refine_report *report = w->report;
    char text[1024];
    NM_TRY(nm_assembly_describe_file(w->a));
    snprintf(
        text, sizeof text,
        "Where the class (%s) of the model %s changes: boundary_* are points between two solved "
        "sets of different classes, each with the half width of its bracket; vertex_*%s are sets "
        "that were solved%s. Outputs are NaN where the outcome carries no values (attribute "
        "valid_outcomes).",
        w->refined->plan->config->design_class, w->refined->plan->model->name,
        w->refinement->is_segments ? "" : " and probe_*",
        w->refinement->is_segments ? ", the ends of segments"
                                   : "; cell_* are the cells that they divide the map into; the "
                                     "variables over both axes are a picture made of them");
    NM_TRY(nm_assembly_put_text(w->a, NC_GLOBAL, "summary", text));
    NM_TRY(nm_assembly_put_text(w->a, NC_GLOBAL, "nessmap_refine_class",
                                w->refined->plan->config->design_class));
    if (w->refinement->class == NM_CLASS_OUTPUT) {
        NM_TRY(put_numbers(w, "nessmap_refine_threshold", &w->refinement->threshold, 1));
    }
    NM_TRY(put_count(w, "nessmap_refine_stages", report->n_stages));
    NM_TRY(put_count(w, "nessmap_refine_solves", report->n_solved));
    NM_TRY(put_count(w, "nessmap_refine_stuck", report->n_stuck));
    NM_TRY(put_numbers(w, "nessmap_refine_half_width", &report->half_width, 1));
    char names[1024] = "";
    for (int class = 0; nm_refine_class_name(w->refined->plan, class); class ++) {
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", length ? " " : "",
                 nm_refine_class_name(w->refined->plan, class));
    }
    NM_TRY(nm_assembly_put_text(w->a, NC_GLOBAL, "nessmap_refine_classes", names));
    NM_TRY(put_numbers(w, "nessmap_refine_class_share", report->class_share, NM_MOST_CLASSES));
    NM_TRY(put_numbers(w, "nessmap_refine_missed_share", &report->missed_share, 1));
    if (w->refinement->is_segments) {
        return put_numbers(w, "nessmap_refine_crossing_share", &report->crossing_share, 1);
    }
    NM_TRY(put_numbers(w, "nessmap_refine_mixed_share", &report->mixed_share, 1));
    NM_TRY(put_numbers(w, "nessmap_refine_equal_grid", &report->equal_grid, 1));
    return nm_refine_put_hashes(w);
}

static nm_status write_file(nm_assembly *a, void *context)
{
    nm_refine_writer *w = context;
    const int is_map = !w->refinement->is_segments;
    int old_fill;
    NM_TRY(nm_refine_check(w, nc_set_fill(a->id, NC_NOFILL, &old_fill)));
    NM_TRY(describe(w));
    NM_TRY(define_fixed(w));
    for (int i = 0; i < w->n_lists; i++) {
        NM_TRY(nm_refine_define_list(w, &w->list[i], is_map && i == 0));
    }
    NM_TRY(nm_refine_define_boundary(w));
    if (is_map) {
        NM_TRY(nm_refine_define_cells(w));
        NM_TRY(nm_refine_define_picture(w));
    }
    NM_TRY(nm_refine_check(w, nc_enddef(a->id)));
    NM_TRY(write_fixed(w));
    for (int i = 0; i < w->n_lists; i++) {
        NM_TRY(nm_refine_write_list(w, &w->list[i], is_map && i == 0));
    }
    NM_TRY(nm_refine_write_boundary(w));
    if (is_map) {
        NM_TRY(nm_refine_write_cells(w));
        NM_TRY(nm_refine_write_picture(w));
    }
    return NM_OK;
}

/* Area of the leaves of each class, or the ends of each; what probes may have missed. */
static void measure(const nm_refine_writer *w)
{
    nm_refine_report *report = w->report;
    const nm_refined *refined = w->refined;
    const nm_found *vertices = &refined->vertices;
    int is_map = !w->refinement->is_segments;
    for (int64_t i = 0; i < w->n_leaves; i++) {
        double area = 1.0;
        for (int d = 0; d < 2; d++) {
            area *= (double)nm_lattice_step(&w->refinement->lattice, d, w->leaf[i].level) /
                    (double)NM_LATTICE;
        }
        *(w->leaf[i].class == NM_NO_CLASS ? &report->mixed_share
                                          : &report->class_share[w->leaf[i].class]) += area;
    }
    for (int64_t i = 0; i < vertices->n && !is_map; i++) {
        report->class_share[vertices->class[i]] += 1.0 / (double)vertices->n;
    }
    for (int k = 0; k < NM_N_OUTCOMES; k++) {
        report->n_solved += refined->count[k];
    }
    report->n_failed = nm_failed_points(refined->count);
    report->n_stages = refined->n_stages;
    report->n_vertices = vertices->n;
    report->n_cells = w->n_leaves;
    report->n_boundary = refined->n_brackets;
    report->equal_grid = is_map ? nm_plan_equal_grid(refined->plan) : 0.0;
    report->crossing_share = is_map ? 0.0 : 2.0 * (double)refined->n_brackets / (double)vertices->n;
    for (int64_t i = 0; i < refined->n_brackets; i++) {
        double half = nm_refine_half_width(&refined->bracket[i], w->refinement->n_dims);
        report->half_width = half > report->half_width ? half : report->half_width;
        report->n_stuck += refined->bracket[i].is_stuck;
    }
    int64_t n_probes = is_map ? refined->probes.n : vertices->n;
    report->missed_share = n_probes > 0 ? 1.0 - pow(0.05, 1.0 / (double)n_probes) : 1.0;
}

static nm_status prepare(nm_refine_writer *w)
{
    const nm_refined *refined = w->refined;
    const nm_lattice *lattice = &w->refinement->lattice;
    const int is_map = !w->refinement->is_segments;
    w->n_lists = is_map ? 2 : 1;
    w->list[0] = (nm_refine_list){.name = "vertex", .found = &refined->vertices};
    w->list[1] = (nm_refine_list){.name = "probe", .found = &refined->probes};
    for (int i = 0; i < w->n_lists; i++) {
        NM_TRY(nm_refine_sort_points(w, &w->list[i], is_map && i == 0));
    }
    if (is_map) {
        NM_TRY(nm_tree_leaves(refined->tree, &w->leaf, &w->n_leaves));
    }
    for (int d = 0; d < 2; d++) {
        int bits = lattice->bits[d] + lattice->levels;
        w->n_pixels[d] = (int64_t)1 << (bits < PICTURE_BITS ? bits : PICTURE_BITS);
    }
    measure(w);
    return NM_OK;
}

nm_status nm_refine_nc_write(nm_refine_report *report, const nm_refined *refined,
                             const char *out_path)
{
    const nm_plan *plan = refined->plan;
    nm_refine_writer *w = calloc(1, sizeof *w);
    nm_assembly *a = calloc(1, sizeof *a);
    nm_plan *shown = malloc(sizeof *shown); /* counts what all stages solved */
    nm_tally tally = {0};
    if (!w || !a || !shown || !(a->temporary = nm_file_format("%s.tmp", out_path))) {
        free(w);
        free(a);
        free(shown);
        return nm_refine_no_memory();
    }
    *w = (nm_refine_writer){
        .refined = refined, .refinement = plan->refinement, .a = a, .report = report};
    nm_status status = prepare(w);
    *shown = *plan;
    shown->n_points = report->n_solved;
    for (int k = 0; k < NM_N_OUTCOMES; k++) {
        tally.count[k] = refined->count[k];
    }
    a->plan = shown;
    a->out_path = out_path;
    a->tally = &tally;
    a->compression = plan->config->compression;
    a->is_f32 = plan->config->precision_bits != 64;
    a->value_bytes = a->is_f32 ? sizeof(float) : sizeof(double);
    for (int i = 0; i < plan->task.n_stored; i++) {
        a->shape.role[plan->task.stored[i]] = NM_ROLE_STORED;
    }
    if (status == NM_OK) {
        status = nm_assembly_create(a, write_file, w);
    }
    for (int i = 0; i < w->n_lists; i++) {
        free(w->list[i].order);
    }
    free(w->leaf);
    free(w);
    free(a->temporary);
    free(a);
    free(shown);
    return status;
}

/* --- 3. report ------------------------------------------------------------------------------------------ */

static int64_t read_length(int id, const char *name)
{
    int dim;
    size_t length = 0;
    return nc_inq_dimid(id, name, &dim) == NC_NOERR && nc_inq_dimlen(id, dim, &length) == NC_NOERR
               ? (int64_t)length
               : 0;
}

nm_status nm_refine_nc_report(nm_refine_report *report, const char *path)
{
    int id;
    memset(report, 0, sizeof *report);
    NM_NC_ALONE;
    NM_TRY(nm_nc_check(nc_open(path, NC_NOWRITE, &id), "read", path));
    nm_nc_counts(&report->n_stages, 1, id, "nessmap_refine_stages");
    nm_nc_counts(&report->n_solved, 1, id, "nessmap_refine_solves");
    nm_nc_counts(&report->n_stuck, 1, id, "nessmap_refine_stuck");
    nm_nc_numbers(&report->half_width, 1, id, "nessmap_refine_half_width");
    nm_nc_counts(&report->n_failed, 1, id, "nessmap_n_failed");
    report->n_vertices = read_length(id, "vertex");
    report->n_cells = read_length(id, "cell");
    report->n_boundary = read_length(id, "boundary");
    nm_nc_numbers(&report->equal_grid, 1, id, "nessmap_refine_equal_grid");
    nm_nc_numbers(&report->missed_share, 1, id, "nessmap_refine_missed_share");
    nm_nc_numbers(&report->crossing_share, 1, id, "nessmap_refine_crossing_share");
    nm_nc_numbers(&report->mixed_share, 1, id, "nessmap_refine_mixed_share");
    nm_nc_numbers(report->class_share, NM_MOST_CLASSES, id, "nessmap_refine_class_share");
    nc_close(id);
    return report->n_solved > 0 ? NM_OK
                                : nm_fail(NM_USAGE, "'%s' is not the file of a refinement", path);
}
