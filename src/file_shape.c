/* Dimensions of a file of a scan, and where in it parameters lie. */
#include "file_shape.h"

static void find_dims(nm_file_shape *shape, const nm_plan *plan)
{
    const nm_draw *draw = &plan->task.draw;
    const int kind = plan->task.reduction.kind;
    if (kind == NM_REDUCE_SUMMARY || kind == NM_REDUCE_SCATTER) {
        return;
    }
    if (plan->layout == NM_LAYOUT_SAMPLE && kind == NM_REDUCE_FULL) {
        shape->dim[shape->n_dims++] = plan->n_points;
        return;
    }
    for (int i = 0; i < draw->n_axes; i++) {
        shape->dim[shape->n_dims++] = draw->axis[i].n;
    }
    if (draw->n_draws > 1 && kind == NM_REDUCE_FULL) {
        shape->dim[shape->n_dims++] = draw->n_draws;
    }
}

static void find_depends(uint32_t *depends, const nm_draw *draw)
{
    for (int i = 0; i < draw->n_axes; i++) {
        depends[draw->axis[i].param] |= 1u << i;
    }
    for (int i = 0; i < draw->n_random; i++) {
        depends[draw->random[i].param] |= NM_EACH_POINT;
    }
    for (int i = 0; i < draw->n_columns; i++) {
        depends[draw->column_param[i]] |= NM_EACH_POINT;
    }
    for (int i = 0; i < draw->n_ties; i++) {
        const nm_tie *tie = &draw->tie[i];
        depends[tie->param] = 0;
        for (int k = 0; k < tie->n_terms; k++) {
            depends[tie->param] |= depends[tie->term[k]];
        }
    }
}

void nm_file_shape_find(nm_file_shape *shape, const nm_plan *plan)
{
    const nm_draw *draw = &plan->task.draw;
    const int kind = plan->task.reduction.kind;
    const uint32_t reduced = kind == NM_REDUCE_FULL ? 0
                             : kind == NM_REDUCE_SUMMARY || kind == NM_REDUCE_SCATTER
                                 ? ~0u
                                 : NM_EACH_POINT;
    *shape = (nm_file_shape){0};
    find_dims(shape, plan);
    int64_t step = plan->n_points;
    for (int i = 0; i < shape->n_dims; i++) {
        step /= shape->dim[i];
        shape->step[i] = step;
    }
    find_depends(shape->depends, draw);
    for (int p = 0; p < plan->model->n_params; p++) {
        shape->role[p] = shape->depends[p] & reduced ? NM_ROLE_REDUCED
                         : shape->depends[p]         ? NM_ROLE_DERIVED
                                                     : NM_ROLE_FIXED;
    }
    for (int i = 0; i < plan->task.n_stored && kind == NM_REDUCE_FULL; i++) {
        shape->role[plan->task.stored[i]] = NM_ROLE_STORED;
    }
    for (int i = 0; i < draw->n_axes && shape->n_dims > 0; i++) {
        shape->role[draw->axis[i].param] = NM_ROLE_AXIS;
    }
}

int nm_file_shape_is_over_all(const nm_file_shape *shape, const nm_plan *plan, int param)
{
    return shape->role[param] == NM_ROLE_STORED ||
           (shape->role[param] == NM_ROLE_DERIVED &&
            (plan->layout == NM_LAYOUT_SAMPLE || shape->depends[param] & NM_EACH_POINT));
}

int nm_file_shape_of(int which[NM_MAX_DIMS], const nm_file_shape *shape, const nm_plan *plan,
                     int param)
{
    const int is_over_all = nm_file_shape_is_over_all(shape, plan, param);
    int n = 0;
    for (int i = 0; i < shape->n_dims; i++) {
        if (is_over_all || (i < plan->task.draw.n_axes && shape->depends[param] >> i & 1)) {
            which[n++] = i;
        }
    }
    return n;
}

const char *nm_file_shape_name(const nm_plan *plan, int i)
{
    const nm_draw *draw = &plan->task.draw;
    return plan->layout == NM_LAYOUT_SAMPLE ? "sample"
           : i < draw->n_axes               ? plan->model->params[draw->axis[i].param].name
                                            : "draw";
}
