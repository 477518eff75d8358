/* The first points of a refinement: corners of the coarsest cells and probes, or the ends of
 * segments, as places on its lattice.
 *
 * 1. places of Sobol's sequence   2. maps and segments   3. the whole */
#include <stdlib.h>
#include <string.h>

#include "design_parts.h"
#include "joe_kuo.h"

/* --- 1. places of Sobol's sequence -------------------------------------------------------------- */

/* Fills place[n][n_dims] with the scrambled sequence of the seed. The model's own arithmetic draws
 * the numbers, as parameters from 0 to 1. */
static nm_status draw_places(int64_t *place, int64_t n, int n_dims, const nm_binder *binder)
{
    nm_draw *draw = calloc(1, sizeof *draw);
    if (!draw) {
        return nm_fail(NM_MEMORY, "no memory for the points of a refinement");
    }
    draw->seed = binder->config->design_seed;
    draw->n_points = draw->n_draws = n;
    draw->n_params = binder->model->n_params;
    draw->n_random = n_dims;
    draw->sequence = NM_SEQUENCE_SOBOL;
    draw->group = draw->n_replicates = draw->is_scrambled = 1;
    nm_sobol_directions(draw->directions, n_dims);
    for (int d = 0; d < n_dims; d++) {
        draw->random[d] = (nm_random){.dist = NM_DIST_UNIFORM, .param = d, .a = 0.0, .b = 1.0};
    }
    double u[NM_MAX_PARAMS];
    for (int64_t i = 0; i < n; i++) {
        binder->model->draw(draw, i, u);
        for (int d = 0; d < n_dims; d++) {
            place[i * n_dims + d] = (int64_t)(u[d] * (double)NM_LATTICE);
        }
    }
    free(draw);
    return NM_OK;
}

/* --- 2. maps and segments ----------------------------------------------------------------------- */

static void take_axis(nm_refinement *refinement, const nm_axis *axis)
{
    nm_axis *mine = &refinement->axis[refinement->n_dims++];
    *mine = *axis;
    mine->n = NM_LATTICE + 1;
    mine->values = NULL;
}

static nm_status make_room(nm_refinement *refinement)
{
    refinement->first =
        malloc((size_t)(refinement->n_first * refinement->n_dims) * sizeof *refinement->first);
    return refinement->first
               ? NM_OK
               : nm_fail(NM_MEMORY, "no memory for the %lld first points of a refinement",
                         (long long)refinement->n_first);
}

static nm_status make_map(nm_refinement *refinement, const nm_binder *binder)
{
    nm_lattice *lattice = &refinement->lattice;
    nm_draw *draw = &binder->design->draw;
    int64_t n_corners = 1;
    for (int d = 0; d < 2; d++) {
        while ((int64_t)1 << lattice->bits[d] < draw->axis[d].n) {
            lattice->bits[d]++;
        }
        n_corners *= draw->axis[d].n + 1;
        take_axis(refinement, &draw->axis[d]);
    }
    lattice->levels = (int)binder->config->design_levels;
    refinement->n_probes = binder->config->design_probes;
    refinement->n_first = n_corners + refinement->n_probes;
    NM_TRY(make_room(refinement));

    /* corners in the order of their keys, as in every later stage */
    int64_t *key = malloc((size_t)n_corners * sizeof *key), n = 0;
    if (!key) {
        return nm_fail(NM_MEMORY, "no memory for the corners of a refinement");
    }
    for (int64_t j = 0; j <= (int64_t)1 << lattice->bits[1]; j++) {
        for (int64_t i = 0; i <= (int64_t)1 << lattice->bits[0]; i++) {
            key[n++] = nm_morton(i << lattice->levels, j << lattice->levels);
        }
    }
    nm_keys_sort(key, n);
    for (int64_t i = 0; i < n; i++) {
        nm_vertex_place(refinement->first + 2 * i, lattice, key[i]);
    }
    free(key);
    return draw_places(refinement->first + 2 * n, refinement->n_probes, 2, binder);
}

/* Point 2k is where segment k begins, 2k + 1 where it ends: both of one point of the sequence in
 * twice as many dimensions. */
static nm_status make_segments(nm_refinement *refinement, const nm_binder *binder)
{
    const nm_draw *draw = &binder->design->draw;
    refinement->is_segments = 1;
    for (int r = 0; r < draw->n_random; r++) {
        const nm_random *random = &draw->random[r];
        nm_axis axis = {.param = random->param,
                        .scale = random->dist == NM_DIST_LOGUNIFORM ? NM_AXIS_LOG : NM_AXIS_LINEAR,
                        .low = random->a,
                        .high = random->b};
        take_axis(refinement, &axis);
    }
    refinement->n_first = 2 * binder->config->design_n;
    NM_TRY(make_room(refinement));
    return draw_places(refinement->first, binder->config->design_n, 2 * refinement->n_dims, binder);
}

/* --- 3. the whole ------------------------------------------------------------------------------- */

/* Takes the logarithms that axes on the lattice need. */
static nm_status prepare_axes(nm_refinement *refinement, const nm_binder *binder)
{
    nm_draw *draw = calloc(1, sizeof *draw);
    if (!draw) {
        return nm_fail(NM_MEMORY, "no memory for the axes of a refinement");
    }
    for (int d = 0; d < refinement->n_dims; d++) {
        draw->n_axes = 1;
        draw->axis[0] = refinement->axis[d];
        binder->model->prepare_draw(draw);
        refinement->axis[d] = draw->axis[0];
    }
    free(draw);
    return NM_OK;
}

static nm_status make_columns(nm_design *design, nm_binder *binder)
{
    const nm_refinement *refinement = design->refinement;
    nm_draw *draw = &design->draw;
    for (int d = 0; d < refinement->n_dims; d++) {
        double *column = malloc((size_t)refinement->n_first * sizeof *column);
        if (!column) {
            return nm_fail(NM_MEMORY, "no memory for the %lld first points of a refinement",
                           (long long)refinement->n_first);
        }
        for (int64_t i = 0; i < refinement->n_first; i++) {
            column[i] = binder->model->axis_value(&refinement->axis[d],
                                                  refinement->first[i * refinement->n_dims + d]);
        }
        design->columns[d] = column;
        draw->column[d] = column;
        draw->column_param[d] = refinement->axis[d].param;
        draw->n_columns = d + 1;
        binder->role[refinement->axis[d].param] = NM_ROLE_COLUMN;
    }
    return NM_OK;
}

nm_status nm_design_refine(nm_binder *binder)
{
    const nm_config *config = binder->config;
    nm_design *design = binder->design;
    nm_refinement *refinement = design->refinement = calloc(1, sizeof *refinement);
    if (!refinement) {
        return nm_fail(NM_MEMORY, "no memory for a refinement");
    }
    double width = config->design_tolerance * (double)NM_LATTICE;
    refinement->width = width < 1.0 ? 1 : (int64_t)width;
    NM_TRY(design->draw.n_random > 0 ? make_segments(refinement, binder)
                                     : make_map(refinement, binder));
    NM_TRY(prepare_axes(refinement, binder));

    /* what was bound as an axis or drawn is a column from here on */
    for (int i = 0; i < NM_MAX_AXES; i++) {
        free(design->axis_table[i]);
        design->axis_table[i] = NULL;
    }
    design->draw.n_axes = 0;
    design->draw.n_random = 0;
    design->draw.n_points = refinement->n_first;
    return make_columns(design, binder);
}

void nm_refinement_destroy(nm_refinement **refinement)
{
    if (*refinement) {
        free((*refinement)->first);
        free(*refinement);
        *refinement = NULL;
    }
}
