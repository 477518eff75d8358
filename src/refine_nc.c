/* The file of a refinement: lists of vertices, probes, cells and boundary points, and of a map also a
 * picture that is made of them.
 *
 * 1. helpers   2. lists of points   3. cells   4. boundary   5. picture   6. the file   7. report */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <inttypes.h>
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "assemble.h"
#include "files.h"
#include "grid_nc.h"
#include "plan_refine.h"
#include "refine.h"

enum {
    PICTURE_BITS = 10, /* a picture has 2^this cells along an axis, or the finest cells */
    N_LISTS = 2        /* vertices, probes */
};

typedef struct list { /* a list of points in the file */
    const char *name; /* "vertex" */
    const nm_found *found;
    int64_t *order; /* [found->n] owned */
    int dim, level, key, outcome, flags;
    int param[NM_MAX_PARAMS], output[NM_MAX_OUTPUTS];
} list;

typedef struct writer {
    const nm_refined *refined;
    const nm_refinement *refinement;
    nm_assembly *a;
    nm_refine_report *report;
    list list[N_LISTS];
    int n_lists;
    nm_leaf *leaf;
    int64_t n_leaves;
    int cell_level, cell_key, cell_class;
    int boundary_param[NM_MAX_PARAMS], half_width, direction, segment, end_outcome[2], end_class[2];
    int picture_outcome, picture[NM_MAX_OUTPUTS];
    int64_t n_pixels[2];
} writer;

/* --- 1. helpers ----------------------------------------------------------------------------------- */

static nm_status no_memory(void)
{
    return nm_fail(NM_MEMORY, "no memory for the file of a refinement");
}

static nm_status check(const writer *w, int code)
{
    return nm_assembly_check(w->a, code);
}

static nm_status put_text(const writer *w, int variable, const char *name, const char *text)
{
    return check(w, nc_put_att_text(w->a->id, variable, name, strlen(text), text));
}

static nm_status put_count(const writer *w, const char *name, int64_t count)
{
    const long long value = count;
    return check(w, nc_put_att_longlong(w->a->id, NC_GLOBAL, name, NC_INT64, 1, &value));
}

static nm_status put_numbers(const writer *w, const char *name, const double *value, size_t n)
{
    return check(w, nc_put_att_double(w->a->id, NC_GLOBAL, name, NC_DOUBLE, n, value));
}

/* Defines the variable "prefix_name" (or "name") with its words; unit may be NULL. */
static nm_status define(const writer *w, int *variable, const char *prefix, const char *name, int type,
                        int n_dims, const int *dim, const char *unit, const char *text)
{
    char full[160];
    snprintf(full, sizeof full, "%s%s%s", prefix, prefix[0] ? "_" : "", name);
    NM_TRY(check(w, nc_def_var(w->a->id, full, type, n_dims, dim, variable)));
    if (w->a->compression > 0 || n_dims == 2) {
        int level = w->a->compression > 0 ? w->a->compression : 1;
        NM_TRY(check(w, nc_def_var_deflate(w->a->id, *variable, 1, 1, level)));
    }
    if (unit) {
        NM_TRY(put_text(w, *variable, "units", unit[0] ? unit : "1"));
    }
    return text && text[0] ? put_text(w, *variable, "long_name", text) : NM_OK;
}

/* Writes all n elements of a list; a list may be empty. */
static nm_status put_list(const writer *w, int variable, int64_t n, const void *data)
{
    const size_t start = 0, count = (size_t)n;
    return n > 0 ? check(w, nc_put_vara(w->a->id, variable, &start, &count, data)) : NM_OK;
}

/* What the numbers of a class mean. */
static nm_status describe_class(const writer *w, int variable, int has_mixed)
{
    signed char value[NM_MOST_CLASSES + 1];
    char words[1024] = "";
    int n = 0;
    for (int class = has_mixed ? NM_NO_CLASS : 0; class < NM_MOST_CLASSES; class++) {
        const char *name = class < 0 ? "mixed" : nm_refine_class_name(w->refined->plan, class);
        if (name) {
            size_t length = strlen(words);
            value[n++] = (signed char)class;
            snprintf(words + length, sizeof words - length, "%s%s", length ? " " : "", name);
        }
    }
    NM_TRY(check(w, nc_put_att_schar(w->a->id, variable, "flag_values", NC_BYTE, (size_t)n, value)));
    return put_text(w, variable, "flag_meanings", words);
}

/* Defines the parameters that differ from point to point, "vertex_g_K". */
static nm_status define_params(const writer *w, int *variable, const char *prefix, int dim)
{
    const nm_plan *plan = w->refined->plan;
    w->a->coordinates[0] = '\0';
    for (int i = 0; i < plan->task.n_stored; i++) {
        const nm_param_info *info = &plan->model->params[plan->task.stored[i]];
        NM_TRY(define(w, &variable[i], prefix, info->name, NC_DOUBLE, 1, &dim, info->unit, info->text));
        size_t length = strlen(w->a->coordinates);
        snprintf(w->a->coordinates + length, sizeof w->a->coordinates - length, "%s%s_%s",
                 length ? " " : "", prefix, info->name);
    }
    return NM_OK;
}

/* Writes them for the points at place [n][n_dims]. */
static nm_status write_params(const writer *w, const int *variable, const int64_t *place, int64_t n)
{
    const nm_plan *plan = w->refined->plan;
    nm_plan *points = NULL;
    if (n == 0) {
        return NM_OK;
    }
    NM_TRY(nm_plan_stage(&points, plan, place, n));
    double *value = malloc((size_t)(n * plan->task.n_stored) * sizeof *value);
    nm_status status = value ? NM_OK : no_memory();
    for (int64_t i = 0; status == NM_OK && i < n; i++) {
        double params[NM_MAX_PARAMS];
        plan->model->draw(&points->task.draw, i, params);
        for (int k = 0; k < plan->task.n_stored; k++) {
            value[k * n + i] = params[plan->task.stored[k]];
        }
    }
    for (int k = 0; status == NM_OK && k < plan->task.n_stored; k++) {
        status = put_list(w, variable[k], n, value + k * n);
    }
    free(value);
    nm_plan_destroy(&points);
    return status;
}

/* --- 2. lists of points ----------------------------------------------------------------------------- */

/* Key of a vertex of a map. */
static int64_t key_of(const writer *w, const int64_t *place)
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
static nm_status sort_points(const writer *w, list *list, int is_sorted)
{
    int64_t n = list->found->n;
    list->order = malloc((size_t)(n + 1) * sizeof *list->order);
    rank *ranks = malloc((size_t)(n + 1) * sizeof *ranks);
    if (!list->order || !ranks) {
        free(ranks);
        return no_memory();
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

static nm_status define_list(const writer *w, list *list, int has_keys)
{
    nm_assembly *a = w->a;
    const nm_plan *plan = w->refined->plan;
    const int *dim = &list->dim;
    NM_TRY(check(w, nc_def_dim(a->id, list->name, (size_t)list->found->n, &list->dim)));
    NM_TRY(define_params(w, list->param, list->name, list->dim));
    if (has_keys) {
        NM_TRY(define(w, &list->level, list->name, "level", NC_BYTE, 1, dim, "1",
                      "coarsest level of cells that has the vertex as a corner"));
        NM_TRY(define(w, &list->key, list->name, "key", NC_INT64, 1, dim, NULL,
                      "Morton code of the vertex on the finest level: bits of its number along the "
                      "first axis at even places, along the second at odd ones"));
    }
    NM_TRY(define(w, &list->outcome, list->name, "outcome", NC_BYTE, 1, dim, NULL, NULL));
    NM_TRY(nm_assembly_describe_outcome(a, list->outcome));
    NM_TRY(define(w, &list->flags, list->name, "flags", NC_USHORT, 1, dim, NULL, NULL));
    NM_TRY(nm_assembly_describe_flags(a, list->flags));
    for (int k = 0; k < plan->task.n_slots; k++) {
        const nm_output *output = &plan->catalogue.output[plan->column_output[k]];
        NM_TRY(define(w, &list->output[k], list->name, output->name, a->is_f32 ? NC_FLOAT : NC_DOUBLE,
                      1, dim, NULL, NULL));
        NM_TRY(nm_assembly_describe_output(a, list->output[k], output));
    }
    return NM_OK;
}

static nm_status write_list(const writer *w, const list *list, int has_keys)
{
    const nm_plan *plan = w->refined->plan;
    const nm_found *found = list->found;
    const int n_dims = w->refinement->n_dims, n_slots = plan->task.n_slots;
    const int64_t n = found->n;
    int64_t *place = malloc((size_t)(n * n_dims + 1) * sizeof *place);
    double *number = malloc((size_t)(n + 1) * sizeof *number); /* the widest of the types */
    if (!place || !number) {
        free(place);
        free(number);
        return no_memory();
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
        status = put_list(w, list->key, n, key);
        for (int64_t i = 0; i < n; i++) {
            small[i] = (int8_t)nm_vertex_level(&w->refinement->lattice, key_of(w, place + 2 * i));
        }
        status = status == NM_OK ? put_list(w, list->level, n, small) : status;
    }
    for (int64_t i = 0; i < n; i++) {
        small[i] = found->outcome[list->order[i]];
    }
    status = status == NM_OK ? put_list(w, list->outcome, n, small) : status;
    for (int64_t i = 0; i < n; i++) {
        ((uint16_t *)number)[i] = found->flags[list->order[i]];
    }
    status = status == NM_OK ? put_list(w, list->flags, n, number) : status;
    for (int k = 0; status == NM_OK && k < n_slots; k++) {
        for (int64_t i = 0; i < n; i++) {
            double value = found->values[list->order[i] * n_slots + k];
            if (w->a->is_f32) {
                ((float *)number)[i] = (float)value;
            } else {
                number[i] = value;
            }
        }
        status = put_list(w, list->output[k], n, number);
    }
    free(place);
    free(number);
    return status;
}

/* One hash for each level of the keys of its vertices: equal where the same points were solved. */
static nm_status put_hashes(const writer *w)
{
    const list *list = &w->list[0];
    int64_t *key = malloc((size_t)(list->found->n + 1) * sizeof *key), n = 0, at = 0;
    char words[20 * (NM_MOST_LEVELS + 1)] = "";
    if (!key) {
        return no_memory();
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
    return put_text(w, NC_GLOBAL, "nessmap_refine_key_hashes", words);
}

/* --- 3. cells ----------------------------------------------------------------------------------------- */

static nm_status define_cells(writer *w)
{
    int dim;
    NM_TRY(check(w, nc_def_dim(w->a->id, "cell", (size_t)w->n_leaves, &dim)));
    NM_TRY(define(w, &w->cell_level, "cell", "level", NC_BYTE, 1, &dim, "1",
                  "level of a cell that was not divided: it is a first cell halved so many times"));
    NM_TRY(define(w, &w->cell_key, "cell", "key", NC_INT64, 1, &dim, NULL,
                  "Morton code of the cell on its level: bits of its number along the first axis at "
                  "even places, along the second at odd ones"));
    NM_TRY(define(w, &w->cell_class, "cell", "class", NC_BYTE, 1, &dim, NULL,
                  "class of the corners and probes of the cell"));
    return describe_class(w, w->cell_class, 1);
}

static nm_status write_cells(const writer *w)
{
    int8_t *small = malloc((size_t)w->n_leaves + 1);
    int64_t *key = malloc((size_t)(w->n_leaves + 1) * sizeof *key);
    nm_status status = small && key ? NM_OK : no_memory();
    for (int64_t i = 0; status == NM_OK && i < w->n_leaves; i++) {
        small[i] = (int8_t)w->leaf[i].level;
        key[i] = w->leaf[i].key;
    }
    if (status == NM_OK) {
        status = put_list(w, w->cell_level, w->n_leaves, small);
    }
    if (status == NM_OK) {
        status = put_list(w, w->cell_key, w->n_leaves, key);
    }
    for (int64_t i = 0; status == NM_OK && i < w->n_leaves; i++) {
        small[i] = (int8_t)w->leaf[i].class;
    }
    if (status == NM_OK) {
        status = put_list(w, w->cell_class, w->n_leaves, small);
    }
    free(small);
    free(key);
    return status;
}

/* --- 4. boundary -------------------------------------------------------------------------------------- */

static nm_status define_boundary(writer *w)
{
    static const char *const ends[] = {"from", "to"};
    const int is_segments = w->refinement->is_segments;
    int dim;
    NM_TRY(check(w, nc_def_dim(w->a->id, "boundary", (size_t)w->refined->n_brackets, &dim)));
    NM_TRY(define_params(w, w->boundary_param, "boundary", dim));
    NM_TRY(define(w, &w->half_width, "boundary", "half_width", NC_DOUBLE, 1, &dim, "1",
                  "how far the boundary may lie from the point along its line, as a share of the "
                  "length of the axis (of its logarithm where it is logarithmic)"));
    if (is_segments) {
        NM_TRY(define(w, &w->segment, "boundary", "pair", NC_INT, 1, &dim, NULL,
                      "number of the segment: its ends are the vertices 2 pair and 2 pair + 1"));
    } else {
        static const signed char values[] = {0, 1, 2};
        NM_TRY(define(w, &w->direction, "boundary", "direction", NC_BYTE, 1, &dim, NULL,
                      "the line on which the point was found"));
        NM_TRY(check(w, nc_put_att_schar(w->a->id, w->direction, "flag_values", NC_BYTE, 3, values)));
        NM_TRY(put_text(w, w->direction, "flag_meanings",
                        "along_first_axis along_second_axis from_probe_to_corner"));
    }
    for (int end = 0; end < 2; end++) {
        char name[32];
        snprintf(name, sizeof name, "outcome_%s", ends[end]);
        NM_TRY(define(w, &w->end_outcome[end], "boundary", name, NC_BYTE, 1, &dim, NULL, NULL));
        NM_TRY(nm_assembly_describe_outcome(w->a, w->end_outcome[end]));
        if (w->refinement->class != NM_CLASS_OUTCOME) {
            snprintf(name, sizeof name, "class_%s", ends[end]);
            NM_TRY(define(w, &w->end_class[end], "boundary", name, NC_BYTE, 1, &dim, NULL,
                          "class on this side of the boundary"));
            NM_TRY(describe_class(w, w->end_class[end], 0));
        }
    }
    return NM_OK;
}

static double half_width(const nm_bracket *bracket, int n_dims)
{
    int64_t width = 0;
    for (int d = 0; d < n_dims; d++) {
        int64_t length = llabs(bracket->to[d] - bracket->from[d]);
        width = length > width ? length : width;
    }
    return 0.5 * (double)width / (double)NM_LATTICE;
}

/* The numbers of one end of all brackets. */
static nm_status write_end(const writer *w, int end, int8_t *small)
{
    const nm_refined *refined = w->refined;
    for (int64_t i = 0; i < refined->n_brackets; i++) {
        small[i] = refined->bracket[i].outcome[end];
    }
    NM_TRY(put_list(w, w->end_outcome[end], refined->n_brackets, small));
    if (w->refinement->class == NM_CLASS_OUTCOME) {
        return NM_OK;
    }
    for (int64_t i = 0; i < refined->n_brackets; i++) {
        small[i] = refined->bracket[i].class[end];
    }
    return put_list(w, w->end_class[end], refined->n_brackets, small);
}

static nm_status write_boundary(const writer *w)
{
    const nm_refined *refined = w->refined;
    const int n_dims = w->refinement->n_dims;
    const int64_t n = refined->n_brackets;
    int64_t *place = malloc((size_t)(n * n_dims + 1) * sizeof *place);
    double *half = malloc((size_t)(n + 1) * sizeof *half);
    int32_t *pair = malloc((size_t)(n + 1) * sizeof *pair);
    int8_t *small = malloc((size_t)n + 1);
    nm_status status = place && half && pair && small ? NM_OK : no_memory();
    for (int64_t i = 0; status == NM_OK && i < n; i++) {
        const nm_bracket *bracket = &refined->bracket[i];
        for (int d = 0; d < n_dims; d++) {
            place[i * n_dims + d] = nm_lattice_middle(bracket->from[d], bracket->to[d]);
        }
        half[i] = half_width(bracket, n_dims);
        pair[i] = (int32_t)bracket->number;
        small[i] = (int8_t)bracket->direction;
    }
    if (status == NM_OK) {
        status = write_params(w, w->boundary_param, place, n);
    }
    if (status == NM_OK) {
        status = put_list(w, w->half_width, n, half);
    }
    if (status == NM_OK) {
        status = w->refinement->is_segments ? put_list(w, w->segment, n, pair)
                                            : put_list(w, w->direction, n, small);
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

/* --- 5. picture --------------------------------------------------------------------------------------- */

static nm_status define_picture(writer *w)
{
    static const char *const scales[] = {"linear", "log"};
    nm_assembly *a = w->a;
    const nm_plan *plan = w->refined->plan;
    int dim[2], variable;
    a->coordinates[0] = '\0';
    for (int d = 0; d < 2; d++) {
        const nm_axis *axis = &w->refinement->axis[d];
        const nm_param_info *info = &plan->model->params[axis->param];
        NM_TRY(check(w, nc_def_dim(a->id, info->name, (size_t)w->n_pixels[d], &dim[d])));
        NM_TRY(define(w, &variable, "", info->name, NC_DOUBLE, 1, &dim[d], info->unit, info->text));
        NM_TRY(put_text(w, variable, "nessmap_scale", scales[axis->scale]));
        a->param_variable[axis->param] = variable;
    }
    NM_TRY(define(w, &w->picture_outcome, "", "outcome", NC_BYTE, 2, dim, NULL, NULL));
    NM_TRY(nm_assembly_describe_outcome(a, w->picture_outcome));
    NM_TRY(put_text(w, w->picture_outcome, "comment",
                    "for pictures: of the nearest corner of the cell of the refinement"));
    for (int k = 0; k < plan->task.n_slots; k++) {
        const nm_output *output = &plan->catalogue.output[plan->column_output[k]];
        NM_TRY(define(w, &w->picture[k], "", output->name, a->is_f32 ? NC_FLOAT : NC_DOUBLE, 2, dim,
                      NULL, NULL));
        NM_TRY(nm_assembly_describe_output(a, w->picture[k], output));
        NM_TRY(put_text(w, w->picture[k], "ancillary_variables", "outcome"));
        NM_TRY(put_text(w, w->picture[k], "comment",
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
static void fill_leaf(const writer *w, const nm_leaf *leaf, int slot, void *picture)
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
            is_smooth &= isfinite(value[c]) &&
                         vertices->outcome[number[c]] == vertices->outcome[number[0]];
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

static nm_status write_picture(const writer *w)
{
    const int64_t n = w->n_pixels[0] * w->n_pixels[1];
    const int n_slots = w->refined->plan->task.n_slots;
    void *picture = malloc((size_t)n * sizeof(double));
    double *axis_values = malloc((size_t)1 << PICTURE_BITS << 3);
    nm_status status = picture && axis_values ? NM_OK : no_memory();
    for (int d = 0; status == NM_OK && d < 2; d++) {
        const nm_axis *axis = &w->refinement->axis[d];
        int64_t pixel = NM_LATTICE / w->n_pixels[d];
        for (int64_t i = 0; i < w->n_pixels[d]; i++) {
            axis_values[i] = w->refined->plan->model->axis_value(axis, i * pixel + pixel / 2);
        }
        status = put_list(w, w->a->param_variable[axis->param], w->n_pixels[d], axis_values);
    }
    for (int slot = -1; status == NM_OK && slot < n_slots; slot++) {
        for (int64_t i = 0; i < w->n_leaves; i++) {
            fill_leaf(w, &w->leaf[i], slot, picture);
        }
        status = check(w, nc_put_var(w->a->id, slot < 0 ? w->picture_outcome : w->picture[slot], picture));
    }
    free(axis_values);
    free(picture);
    return status;
}

/* --- 6. the file -------------------------------------------------------------------------------------- */

/* Parameters that are the same everywhere. */
static nm_status define_fixed(const writer *w)
{
    nm_assembly *a = w->a;
    for (int p = 0; p < w->refined->plan->model->n_params; p++) {
        if (a->role[p] == NM_ROLE_FIXED) {
            NM_TRY(check(w, nc_def_var(a->id, w->refined->plan->model->params[p].name, NC_DOUBLE, 0, NULL,
                                       &a->param_variable[p])));
            NM_TRY(nm_assembly_describe_param(a, p));
        }
    }
    return NM_OK;
}

static nm_status write_fixed(const writer *w)
{
    const nm_plan *plan = w->refined->plan;
    double params[NM_MAX_PARAMS];
    plan->model->draw(&plan->task.draw, 0, params);
    for (int p = 0; p < plan->model->n_params; p++) {
        if (w->a->role[p] == NM_ROLE_FIXED) {
            NM_TRY(check(w, nc_put_var_double(w->a->id, w->a->param_variable[p], &params[p])));
        }
    }
    return NM_OK;
}

static nm_status describe(const writer *w)
{
    const nm_refine_report *report = w->report;
    char text[1024];
    NM_TRY(nm_assembly_describe_file(w->a));
    snprintf(text, sizeof text,
             "Where the class (%s) of the model %s changes: boundary_* are points between two solved "
             "sets of different classes, each with the half width of its bracket; vertex_*%s are sets "
             "that were solved%s. Outputs are NaN where the outcome carries no values (attribute "
             "valid_outcomes).",
             w->refined->plan->config->design_class, w->refined->plan->model->name,
             w->refinement->is_segments ? "" : " and probe_*",
             w->refinement->is_segments ? ", the ends of segments"
                                        : "; cell_* are the cells that they divide the map into; the "
                                          "variables over both axes are a picture made of them");
    NM_TRY(put_text(w, NC_GLOBAL, "summary", text));
    NM_TRY(put_text(w, NC_GLOBAL, "nessmap_refine_class", w->refined->plan->config->design_class));
    if (w->refinement->class == NM_CLASS_OUTPUT) {
        NM_TRY(put_numbers(w, "nessmap_refine_threshold", &w->refinement->threshold, 1));
    }
    NM_TRY(put_count(w, "nessmap_refine_stages", report->n_stages));
    NM_TRY(put_count(w, "nessmap_refine_solves", report->n_solved));
    NM_TRY(put_count(w, "nessmap_refine_stuck", report->n_stuck));
    NM_TRY(put_numbers(w, "nessmap_refine_half_width", &report->half_width, 1));
    NM_TRY(put_numbers(w, "nessmap_refine_class_share", report->class_share, NM_MOST_CLASSES));
    NM_TRY(put_numbers(w, "nessmap_refine_missed_share", &report->missed_share, 1));
    if (w->refinement->is_segments) {
        return put_numbers(w, "nessmap_refine_crossing_share", &report->crossing_share, 1);
    }
    NM_TRY(put_numbers(w, "nessmap_refine_mixed_share", &report->mixed_share, 1));
    NM_TRY(put_numbers(w, "nessmap_refine_equal_grid", &report->equal_grid, 1));
    return put_hashes(w);
}

static nm_status write_file(nm_assembly *a, void *context)
{
    writer *w = context;
    const int is_map = !w->refinement->is_segments;
    int old_fill;
    NM_TRY(check(w, nc_set_fill(a->id, NC_NOFILL, &old_fill)));
    NM_TRY(describe(w));
    NM_TRY(define_fixed(w));
    for (int i = 0; i < w->n_lists; i++) {
        NM_TRY(define_list(w, &w->list[i], is_map && i == 0));
    }
    NM_TRY(define_boundary(w));
    if (is_map) {
        NM_TRY(define_cells(w));
        NM_TRY(define_picture(w));
    }
    NM_TRY(check(w, nc_enddef(a->id)));
    NM_TRY(write_fixed(w));
    for (int i = 0; i < w->n_lists; i++) {
        NM_TRY(write_list(w, &w->list[i], is_map && i == 0));
    }
    NM_TRY(write_boundary(w));
    if (is_map) {
        NM_TRY(write_cells(w));
        NM_TRY(write_picture(w));
    }
    return NM_OK;
}

/* Area of the leaves of each class, or the ends of each; what probes may have missed. */
static void measure(const writer *w)
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
    report->n_failed =
        refined->count[NM_OUTCOME_not_converged] + refined->count[NM_OUTCOME_left_domain];
    report->n_stages = refined->n_stages;
    report->n_vertices = vertices->n;
    report->n_cells = w->n_leaves;
    report->n_boundary = refined->n_brackets;
    report->equal_grid = is_map ? nm_plan_equal_grid(refined->plan) : 0.0;
    report->crossing_share =
        is_map ? 0.0 : 2.0 * (double)refined->n_brackets / (double)vertices->n;
    for (int64_t i = 0; i < refined->n_brackets; i++) {
        double half = half_width(&refined->bracket[i], w->refinement->n_dims);
        report->half_width = half > report->half_width ? half : report->half_width;
        report->n_stuck += refined->bracket[i].is_stuck;
    }
    int64_t n_probes = is_map ? refined->probes.n : vertices->n;
    report->missed_share = n_probes > 0 ? 1.0 - pow(0.05, 1.0 / (double)n_probes) : 1.0;
}

static nm_status prepare(writer *w)
{
    const nm_refined *refined = w->refined;
    const nm_lattice *lattice = &w->refinement->lattice;
    const int is_map = !w->refinement->is_segments;
    w->n_lists = is_map ? 2 : 1;
    w->list[0] = (list){.name = "vertex", .found = &refined->vertices};
    w->list[1] = (list){.name = "probe", .found = &refined->probes};
    for (int i = 0; i < w->n_lists; i++) {
        NM_TRY(sort_points(w, &w->list[i], is_map && i == 0));
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

nm_status nm_refine_nc_write(nm_refine_report *report, const nm_refined *refined, const char *out_path)
{
    const nm_plan *plan = refined->plan;
    writer *w = calloc(1, sizeof *w);
    nm_assembly *a = calloc(1, sizeof *a);
    nm_plan *shown = malloc(sizeof *shown); /* counts what all stages solved */
    nm_tally tally = {0};
    if (!w || !a || !shown || !(a->temporary = nm_file_format("%s.tmp", out_path))) {
        free(w);
        free(a);
        free(shown);
        return no_memory();
    }
    *w = (writer){.refined = refined, .refinement = plan->refinement, .a = a, .report = report};
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
        a->role[plan->task.stored[i]] = NM_ROLE_STORED;
    }
    if (status == NM_OK) {
        status = nm_assembly_create(a, write_file, w);
    }
    for (int i = 0; i < N_LISTS; i++) {
        free(w->list[i].order);
    }
    free(w->leaf);
    free(w);
    free(a->temporary);
    free(a);
    free(shown);
    return status;
}

/* --- 7. report ------------------------------------------------------------------------------------------ */

static int64_t read_length(int id, const char *name)
{
    int dim;
    size_t length = 0;
    return nc_inq_dimid(id, name, &dim) == NC_NOERR && nc_inq_dimlen(id, dim, &length) == NC_NOERR
               ? (int64_t)length
               : 0;
}

static int64_t read_count(int id, const char *name)
{
    long long value = 0;
    return nc_get_att_longlong(id, NC_GLOBAL, name, &value) == NC_NOERR ? (int64_t)value : 0;
}

nm_status nm_refine_nc_report(nm_refine_report *report, const char *path)
{
    int id;
    memset(report, 0, sizeof *report);
    nm_nc_prepare();
    NM_TRY(nm_nc_check(nc_open(path, NC_NOWRITE, &id), "read", path));
    report->n_stages = read_count(id, "nessmap_refine_stages");
    report->n_solved = read_count(id, "nessmap_refine_solves");
    report->n_stuck = read_count(id, "nessmap_refine_stuck");
    nc_get_att_double(id, NC_GLOBAL, "nessmap_refine_half_width", &report->half_width);
    report->n_failed = read_count(id, "nessmap_n_failed");
    report->n_vertices = read_length(id, "vertex");
    report->n_cells = read_length(id, "cell");
    report->n_boundary = read_length(id, "boundary");
    nc_get_att_double(id, NC_GLOBAL, "nessmap_refine_equal_grid", &report->equal_grid);
    nc_get_att_double(id, NC_GLOBAL, "nessmap_refine_missed_share", &report->missed_share);
    nc_get_att_double(id, NC_GLOBAL, "nessmap_refine_crossing_share", &report->crossing_share);
    nc_get_att_double(id, NC_GLOBAL, "nessmap_refine_mixed_share", &report->mixed_share);
    nc_get_att_double(id, NC_GLOBAL, "nessmap_refine_class_share", report->class_share);
    nc_close(id);
    return report->n_solved > 0
               ? NM_OK
               : nm_fail(NM_USAGE, "'%s' is not the file of a refinement", path);
}
