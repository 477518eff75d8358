/* A picture of a refined map: outcomes and outputs on a grid, made of the corners of the cells. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <math.h>
#include <netcdf.h>
#include <stdlib.h>

#include "refine_parts.h"

nm_status nm_refine_define_picture(nm_refine_writer *w)
{
    static const char *const scales[] = {"linear", "log"};
    nm_assembly *a = w->a;
    const nm_plan *plan = w->refined->plan;
    int dim[2], variable;
    a->coordinates[0] = '\0';
    for (int d = 0; d < 2; d++) {
        const nm_axis *axis = &w->refinement->axis[d];
        const nm_param_info *info = &plan->model->params[axis->param];
        NM_TRY(nm_refine_check(w, nc_def_dim(a->id, info->name, (size_t)w->n_pixels[d], &dim[d])));
        NM_TRY(nm_refine_define(w, &variable, "", info->name, NC_DOUBLE, 1, &dim[d], info->unit,
                                info->text));
        NM_TRY(nm_assembly_put_text(w->a, variable, "nessmap_scale", scales[axis->scale]));
        a->param_variable[axis->param] = variable;
    }
    NM_TRY(nm_refine_define(w, &w->picture_outcome, "", "outcome", NC_BYTE, 2, dim, NULL, NULL));
    NM_TRY(nm_assembly_describe_outcome(a, w->picture_outcome));
    NM_TRY(
        nm_assembly_put_text(w->a, w->picture_outcome, "comment",
                             "for pictures: of the nearest corner of the cell of the refinement"));
    for (int k = 0; k < plan->task.n_slots; k++) {
        const nm_output *output = &plan->catalogue.output[plan->column_output[k]];
        NM_TRY(nm_refine_define(w, &w->picture[k], "", output->name,
                                a->is_f32 ? NC_FLOAT : NC_DOUBLE, 2, dim, NULL, NULL));
        NM_TRY(nm_assembly_describe_output(a, w->picture[k], output));
        NM_TRY(nm_assembly_put_text(w->a, w->picture[k], "ancillary_variables", "outcome"));
        NM_TRY(nm_assembly_put_text(
            w->a, w->picture[k], "comment",
            "for pictures: interpolated from the corners of the cell where they are of "
            "one outcome, else of the nearest corner; solved values are in the lists"));
    }
    return NM_OK;
}

/* Pixels whose middle lies in a cell: [first, end) along an axis. */
static void find_pixels(int64_t *first, int64_t *end, int64_t low, int64_t step, int64_t pixel)
{
    *first = (low + pixel / 2 - 1) / pixel;
    *end = (low + step + pixel / 2 - 1) / pixel;
}

/* slot < 0: the outcome. Values of the pixels of one leaf. */
static void fill_leaf(const nm_refine_writer *w, const nm_leaf *leaf, int slot, void *picture)
{
    const nm_lattice *lattice = &w->refinement->lattice;
    const nm_found *vertices = &w->refined->vertices;
    const int n_slots = w->refined->plan->task.n_slots;
    int64_t corner[4], number[4], at[2], first[2], end[2], step[2], pixel[2], low[2];
    double value[4] = {0.0};
    nm_cell_corners(corner, lattice, leaf->level, leaf->key);
    nm_morton_split(at, leaf->key);
    int is_smooth = slot >= 0;
    for (int c = 0; c < 4; c++) {
        number[c] = nm_tree_find(w->refined->tree, corner[c]);
        if (slot >= 0) {
            value[c] = vertices->values[number[c] * n_slots + slot];
            is_smooth &=
                isfinite(value[c]) && vertices->outcome[number[c]] == vertices->outcome[number[0]];
        }
    }
    for (int d = 0; d < 2; d++) {
        pixel[d] = NM_LATTICE / w->n_pixels[d];
        step[d] = nm_lattice_step(lattice, d, leaf->level);
        low[d] = at[d] * step[d];
        find_pixels(&first[d], &end[d], low[d], step[d], pixel[d]);
    }
    for (int64_t i = first[0]; i < end[0]; i++) {
        double x = (double)(i * pixel[0] + pixel[0] / 2 - low[0]) / (double)step[0];
        for (int64_t j = first[1]; j < end[1]; j++) {
            double y = (double)(j * pixel[1] + pixel[1] / 2 - low[1]) / (double)step[1];
            int64_t place = i * w->n_pixels[1] + j;
            int nearest = (x > 0.5) + 2 * (y > 0.5);
            double shown = is_smooth ? (1.0 - y) * ((1.0 - x) * value[0] + x * value[1]) +
                                           y * ((1.0 - x) * value[2] + x * value[3])
                                     : value[nearest];
            if (slot < 0) {
                ((int8_t *)picture)[place] = vertices->outcome[number[nearest]];
            } else if (w->a->is_f32) {
                ((float *)picture)[place] = (float)shown;
            } else {
                ((double *)picture)[place] = shown;
            }
        }
    }
}

nm_status nm_refine_write_picture(const nm_refine_writer *w)
{
    const int64_t n = w->n_pixels[0] * w->n_pixels[1];
    const int n_slots = w->refined->plan->task.n_slots;
    void *picture = malloc((size_t)n * sizeof(double));
    double *axis_values = malloc((size_t)(w->n_pixels[0] + w->n_pixels[1]) * sizeof *axis_values);
    nm_status status = picture && axis_values ? NM_OK : nm_refine_no_memory();
    for (int d = 0; status == NM_OK && d < 2; d++) {
        const nm_axis *axis = &w->refinement->axis[d];
        int64_t pixel = NM_LATTICE / w->n_pixels[d];
        for (int64_t i = 0; i < w->n_pixels[d]; i++) {
            axis_values[i] = w->refined->plan->model->axis_value(axis, i * pixel + pixel / 2);
        }
        status =
            nm_refine_put_list(w, w->a->param_variable[axis->param], w->n_pixels[d], axis_values);
    }
    for (int slot = -1; status == NM_OK && slot < n_slots; slot++) {
        for (int64_t i = 0; i < w->n_leaves; i++) {
            fill_leaf(w, &w->leaf[i], slot, picture);
        }
        status = nm_refine_check(
            w, nc_put_var(w->a->id, slot < 0 ? w->picture_outcome : w->picture[slot], picture));
    }
    free(axis_values);
    free(picture);
    return status;
}
