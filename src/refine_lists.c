/* Lists in the file of a refinement: points, cells, the boundary.
 *
 * 1. parameters and classes   2. points   3. cells   4. boundary */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <inttypes.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "plan_refine.h"
#include "refine_parts.h"

/* --- 1. parameters and classes -------------------------------------------------------------------- */

/* What the numbers of a class mean. */
static nm_status describe_class(const nm_refine_writer *w, int variable, int has_mixed)
{
    signed char value[NM_MOST_CLASSES + 1];
    char words[1024] = "";
    int n = 0;
    for (int class = has_mixed ? NM_NO_CLASS : 0; class < NM_MOST_CLASSES; class ++) {
        const char *name = class < 0 ? "mixed" : nm_refine_class_name(w->refined->plan, class);
        if (name) {
            size_t length = strlen(words);
            value[n++] = (signed char)class;
            snprintf(words + length, sizeof words - length, "%s%s", length ? " " : "", name);
        }
    }
    NM_TRY(nm_refine_check(
        w, nc_put_att_schar(w->a->id, variable, "flag_values", NC_BYTE, (size_t)n, value)));
    return nm_assembly_put_text(w->a, variable, "flag_meanings", words);
}

/* Defines the parameters that differ from point to point, "vertex_g_K". */
static nm_status define_params(const nm_refine_writer *w, int *variable, const char *prefix,
                               int dim)
{
    const nm_plan *plan = w->refined->plan;
    w->a->coordinates[0] = '\0';
    for (int i = 0; i < plan->task.n_stored; i++) {
        const nm_param_info *info = &plan->model->params[plan->task.stored[i]];
        NM_TRY(nm_refine_define(w, &variable[i], prefix, info->name, NC_DOUBLE, 1, &dim, info->unit,
                                info->text));
        size_t length = strlen(w->a->coordinates);
        snprintf(w->a->coordinates + length, sizeof w->a->coordinates - length, "%s%s_%s",
                 length ? " " : "", prefix, info->name);
    }
    return NM_OK;
}

/* Writes them for the points at place [n][n_dims]. */
static nm_status write_params(const nm_refine_writer *w, const int *variable, const int64_t *place,
                              int64_t n)
{
    const nm_plan *plan = w->refined->plan;
    nm_plan *points = NULL;
    if (n == 0) {
        return NM_OK;
    }
    NM_TRY(nm_plan_stage(&points, plan, place, n));
    double *value = malloc((size_t)(n * plan->task.n_stored) * sizeof *value);
    nm_status status = value ? NM_OK : nm_refine_no_memory();
    for (int64_t i = 0; status == NM_OK && i < n; i++) {
        double params[NM_MAX_PARAMS];
        plan->model->draw(&points->task.draw, i, params);
        for (int k = 0; k < plan->task.n_stored; k++) {
            value[k * n + i] = params[plan->task.stored[k]];
        }
    }
    for (int k = 0; status == NM_OK && k < plan->task.n_stored; k++) {
        status = nm_refine_put_list(w, variable[k], n, value + k * n);
    }
    free(value);
    nm_plan_destroy(&points);
    return status;
}

/* --- 2. points ----------------------------------------------------------------------------- */

/* Key of a vertex of a map. */
static int64_t key_of(const nm_refine_writer *w, const int64_t *place)
{
    const nm_lattice *lattice = &w->refinement->lattice;
    return nm_morton(place[0] / nm_lattice_step(lattice, 0, lattice->levels),
                     place[1] / nm_lattice_step(lattice, 1, lattice->levels));
}

typedef struct rank {
    int64_t key, number;
    int level;
} rank;

static int compare_ranks(const void *a, const void *b)
{
    const rank *x = a, *y = b;
    return x->level != y->level ? x->level - y->level : (x->key > y->key) - (x->key < y->key);
}

/* Vertices of a map by level and key, so that no stage shows; all other points as they are. */
nm_status nm_refine_sort_points(const nm_refine_writer *w, nm_refine_list *list, int is_sorted)
{
    int64_t n = list->found->n;
    list->order = malloc((size_t)(n + 1) * sizeof *list->order);
    rank *ranks = malloc((size_t)(n + 1) * sizeof *ranks);
    if (!list->order || !ranks) {
        free(ranks);
        return nm_refine_no_memory();
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t key = is_sorted ? key_of(w, list->found->place + 2 * i) : i;
        ranks[i] = (rank){key, i, is_sorted ? nm_vertex_level(&w->refinement->lattice, key) : 0};
    }
    qsort(ranks, (size_t)n, sizeof *ranks, compare_ranks);
    for (int64_t i = 0; i < n; i++) {
        list->order[i] = ranks[i].number;
    }
    free(ranks);
    return NM_OK;
}

nm_status nm_refine_define_list(const nm_refine_writer *w, nm_refine_list *list, int has_keys)
{
    nm_assembly *a = w->a;
    const nm_plan *plan = w->refined->plan;
    const int *dim = &list->dim;
    NM_TRY(nm_refine_check(w, nc_def_dim(a->id, list->name, (size_t)list->found->n, &list->dim)));
    NM_TRY(define_params(w, list->param, list->name, list->dim));
    if (has_keys) {
        NM_TRY(nm_refine_define(w, &list->level, list->name, "level", NC_BYTE, 1, dim, "1",
                                "coarsest level of cells that has the vertex as a corner"));
        NM_TRY(nm_refine_define(
            w, &list->key, list->name, "key", NC_INT64, 1, dim, NULL,
            "Morton code of the vertex on the finest level: bits of its number along the "
            "first axis at even places, along the second at odd ones"));
    }
    NM_TRY(nm_refine_define(w, &list->outcome, list->name, "outcome", NC_BYTE, 1, dim, NULL, NULL));
    NM_TRY(nm_assembly_describe_outcome(a, list->outcome));
    NM_TRY(nm_refine_define(w, &list->flags, list->name, "flags", NC_USHORT, 1, dim, NULL, NULL));
    NM_TRY(nm_assembly_describe_flags(a, list->flags));
    for (int k = 0; k < plan->task.n_slots; k++) {
        const nm_output *output = &plan->catalogue.output[plan->column_output[k]];
        NM_TRY(nm_refine_define(w, &list->output[k], list->name, output->name,
                                a->is_f32 ? NC_FLOAT : NC_DOUBLE, 1, dim, NULL, NULL));
        NM_TRY(nm_assembly_describe_output(a, list->output[k], output));
    }
    return NM_OK;
}

nm_status nm_refine_write_list(const nm_refine_writer *w, const nm_refine_list *list, int has_keys)
{
    const nm_plan *plan = w->refined->plan;
    const nm_found *found = list->found;
    const int n_dims = w->refinement->n_dims, n_slots = plan->task.n_slots;
    const int64_t n = found->n;
    int64_t *place = calloc((size_t)(n * n_dims + 1), sizeof *place);
    double *number = malloc((size_t)(n + 1) * sizeof *number); /* the widest of the types */
    if (!place || !number) {
        free(place);
        free(number);
        return nm_refine_no_memory();
    }
    for (int64_t i = 0; i < n; i++) {
        memcpy(place + i * n_dims, found->place + list->order[i] * n_dims,
               (size_t)n_dims * sizeof *place);
    }
    nm_status status = write_params(w, list->param, place, n);
    int8_t *small = (int8_t *)number;
    int64_t *key = (int64_t *)number;
    if (has_keys && status == NM_OK) {
        for (int64_t i = 0; i < n; i++) {
            key[i] = key_of(w, place + 2 * i);
        }
        status = nm_refine_put_list(w, list->key, n, key);
        for (int64_t i = 0; i < n; i++) {
            small[i] = (int8_t)nm_vertex_level(&w->refinement->lattice, key_of(w, place + 2 * i));
        }
        status = status == NM_OK ? nm_refine_put_list(w, list->level, n, small) : status;
    }
    for (int64_t i = 0; i < n; i++) {
        small[i] = found->outcome[list->order[i]];
    }
    status = status == NM_OK ? nm_refine_put_list(w, list->outcome, n, small) : status;
    for (int64_t i = 0; i < n; i++) {
        ((uint16_t *)number)[i] = found->flags[list->order[i]];
    }
    status = status == NM_OK ? nm_refine_put_list(w, list->flags, n, number) : status;
    for (int k = 0; status == NM_OK && k < n_slots; k++) {
        for (int64_t i = 0; i < n; i++) {
            double value = found->values[list->order[i] * n_slots + k];
            if (w->a->is_f32) {
                ((float *)number)[i] = (float)value;
            } else {
                number[i] = value;
            }
        }
        status = nm_refine_put_list(w, list->output[k], n, number);
    }
    free(place);
    free(number);
    return status;
}

/* One hash for each level of the keys of its vertices: equal where the same points were solved. */
nm_status nm_refine_put_hashes(const nm_refine_writer *w)
{
    const nm_refine_list *list = &w->list[0];
    int64_t *key = malloc((size_t)(list->found->n + 1) * sizeof *key), n = 0, at = 0;
    char words[20 * (NM_MOST_LEVELS + 1)] = "";
    if (!key) {
        return nm_refine_no_memory();
    }
    for (int level = 0; level <= w->refinement->lattice.levels; level++) {
        for (n = 0; at < list->found->n; at++, n++) {
            key[n] = key_of(w, list->found->place + 2 * list->order[at]);
            if (nm_vertex_level(&w->refinement->lattice, key[n]) != level) {
                break;
            }
        }
        size_t length = strlen(words);
        snprintf(words + length, sizeof words - length, "%s%016" PRIx64, length ? " " : "",
                 (uint64_t)XXH3_64bits(key, (size_t)n * sizeof *key));
    }
    free(key);
    return nm_assembly_put_text(w->a, NC_GLOBAL, "nessmap_refine_key_hashes", words);
}

/* --- 3. cells ----------------------------------------------------------------------------------------- */

nm_status nm_refine_define_cells(nm_refine_writer *w)
{
    int dim;
    NM_TRY(nm_refine_check(w, nc_def_dim(w->a->id, "cell", (size_t)w->n_leaves, &dim)));
    NM_TRY(nm_refine_define(
        w, &w->cell_level, "cell", "level", NC_BYTE, 1, &dim, "1",
        "level of a cell that was not divided: it is a first cell halved so many times"));
    NM_TRY(nm_refine_define(
        w, &w->cell_key, "cell", "key", NC_INT64, 1, &dim, NULL,
        "Morton code of the cell on its level: bits of its number along the first axis at "
        "even places, along the second at odd ones"));
    NM_TRY(nm_refine_define(w, &w->cell_class, "cell", "class", NC_BYTE, 1, &dim, NULL,
                            "class of the corners and probes of the cell"));
    return describe_class(w, w->cell_class, 1);
}

nm_status nm_refine_write_cells(const nm_refine_writer *w)
{
    int8_t *small = malloc((size_t)w->n_leaves + 1);
    int64_t *key = malloc((size_t)(w->n_leaves + 1) * sizeof *key);
    nm_status status = small && key ? NM_OK : nm_refine_no_memory();
    for (int64_t i = 0; status == NM_OK && i < w->n_leaves; i++) {
        small[i] = (int8_t)w->leaf[i].level;
        key[i] = w->leaf[i].key;
    }
    if (status == NM_OK) {
        status = nm_refine_put_list(w, w->cell_level, w->n_leaves, small);
    }
    if (status == NM_OK) {
        status = nm_refine_put_list(w, w->cell_key, w->n_leaves, key);
    }
    for (int64_t i = 0; status == NM_OK && i < w->n_leaves; i++) {
        small[i] = (int8_t)w->leaf[i].class;
    }
    if (status == NM_OK) {
        status = nm_refine_put_list(w, w->cell_class, w->n_leaves, small);
    }
    free(small);
    free(key);
    return status;
}

/* --- 4. boundary -------------------------------------------------------------------------------------- */

nm_status nm_refine_define_boundary(nm_refine_writer *w)
{
    static const char *const ends[] = {"from", "to"};
    const int is_segments = w->refinement->is_segments;
    int dim;
    NM_TRY(
        nm_refine_check(w, nc_def_dim(w->a->id, "boundary", (size_t)w->refined->n_brackets, &dim)));
    NM_TRY(define_params(w, w->boundary_param, "boundary", dim));
    NM_TRY(nm_refine_define(
        w, &w->half_width, "boundary", "half_width", NC_DOUBLE, 1, &dim, "1",
        "half the distance of the two solved sets of different classes that the "
        "point lies between, as a share of the length of the axis (of its logarithm "
        "where it is logarithmic)"));
    if (is_segments) {
        NM_TRY(nm_refine_define(
            w, &w->segment, "boundary", "pair", NC_INT, 1, &dim, NULL,
            "number of the segment: its ends are the vertices 2 pair and 2 pair + 1"));
    } else {
        static const signed char values[] = {0, 1, 2};
        NM_TRY(nm_refine_define(w, &w->direction, "boundary", "direction", NC_BYTE, 1, &dim, NULL,
                                "the line on which the point was found"));
        NM_TRY(nm_refine_check(
            w, nc_put_att_schar(w->a->id, w->direction, "flag_values", NC_BYTE, 3, values)));
        NM_TRY(nm_assembly_put_text(w->a, w->direction, "flag_meanings",
                                    "along_first_axis along_second_axis from_probe_to_corner"));
    }
    for (int end = 0; end < 2; end++) {
        char name[32];
        snprintf(name, sizeof name, "outcome_%s", ends[end]);
        NM_TRY(nm_refine_define(w, &w->end_outcome[end], "boundary", name, NC_BYTE, 1, &dim, NULL,
                                NULL));
        NM_TRY(nm_assembly_describe_outcome(w->a, w->end_outcome[end]));
        if (w->refinement->class != NM_CLASS_OUTCOME) {
            snprintf(name, sizeof name, "class_%s", ends[end]);
            NM_TRY(nm_refine_define(w, &w->end_class[end], "boundary", name, NC_BYTE, 1, &dim, NULL,
                                    "class on this side of the boundary"));
            NM_TRY(describe_class(w, w->end_class[end], 0));
        }
    }
    return NM_OK;
}

double nm_refine_half_width(const nm_bracket *bracket, int n_dims)
{
    int64_t width = 0;
    for (int d = 0; d < n_dims; d++) {
        int64_t length = llabs(bracket->to[d] - bracket->from[d]);
        width = length > width ? length : width;
    }
    return 0.5 * (double)width / (double)NM_LATTICE;
}

/* The numbers of one end of all brackets. */
static nm_status write_end(const nm_refine_writer *w, int end, int8_t *small)
{
    const nm_refined *refined = w->refined;
    for (int64_t i = 0; i < refined->n_brackets; i++) {
        small[i] = refined->bracket[i].outcome[end];
    }
    NM_TRY(nm_refine_put_list(w, w->end_outcome[end], refined->n_brackets, small));
    if (w->refinement->class == NM_CLASS_OUTCOME) {
        return NM_OK;
    }
    for (int64_t i = 0; i < refined->n_brackets; i++) {
        small[i] = refined->bracket[i].class[end];
    }
    return nm_refine_put_list(w, w->end_class[end], refined->n_brackets, small);
}

nm_status nm_refine_write_boundary(const nm_refine_writer *w)
{
    const nm_refined *refined = w->refined;
    const int n_dims = w->refinement->n_dims;
    const int64_t n = refined->n_brackets;
    int64_t *place = calloc((size_t)(n * n_dims + 1), sizeof *place);
    double *half = malloc((size_t)(n + 1) * sizeof *half);
    int32_t *pair = malloc((size_t)(n + 1) * sizeof *pair);
    int8_t *small = malloc((size_t)n + 1);
    nm_status status = place && half && pair && small ? NM_OK : nm_refine_no_memory();
    for (int64_t i = 0; status == NM_OK && i < n; i++) {
        const nm_bracket *bracket = &refined->bracket[i];
        for (int d = 0; d < n_dims; d++) {
            place[i * n_dims + d] = nm_lattice_middle(bracket->from[d], bracket->to[d]);
        }
        half[i] = nm_refine_half_width(bracket, n_dims);
        pair[i] = (int32_t)bracket->number;
        small[i] = (int8_t)bracket->direction;
    }
    if (status == NM_OK) {
        status = write_params(w, w->boundary_param, place, n);
    }
    if (status == NM_OK) {
        status = nm_refine_put_list(w, w->half_width, n, half);
    }
    if (status == NM_OK) {
        status = w->refinement->is_segments ? nm_refine_put_list(w, w->segment, n, pair)
                                            : nm_refine_put_list(w, w->direction, n, small);
    }
    for (int end = 0; status == NM_OK && end < 2; end++) {
        status = write_end(w, end, small);
    }
    free(place);
    free(half);
    free(pair);
    free(small);
    return status;
}
