/* Reduces the points of a tile to the records of its cells, chunk by chunk. */
#include "reducer.h"

#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "indices.h"

struct nm_reducer {
    const nm_plan *plan;
    void *results;               /* of a chunk */
    char *block;                 /* the record of a block */
    double *room;                /* for groups: nm_group_room */
    double *kept;                /* [n_slots][part_points] for exact quantiles, else NULL */
    nm_fold fold;                /* blocks of the part that is under way */
    char *record;                /* where the next part goes */
    int64_t *located;            /* of the tile: its lowest failed points */
    int n_located;               /* how many of these there are */
    int64_t at, end;             /* next point to compute, end of the tile */
    int64_t n_part, part_points; /* points of the part that have been taken, and of a whole part */
};

nm_status nm_fold_create(nm_fold *fold, int n_slots)
{
    *fold = (nm_fold){.n_slots = n_slots};
    fold->records = malloc((size_t)(NM_FOLD_LEVELS * NM_RECORD_BYTES(n_slots)));
    return fold->records ? NM_OK : nm_fail(NM_MEMORY, "no memory for the records of a cell");
}

static int has_exact_quantiles(const nm_plan *plan)
{
    const nm_reduction *reduction = &plan->task.reduction;
    return reduction->n_projections == 0 && reduction->n_words > 0;
}

nm_status nm_reducer_create(nm_reducer **reducer, const nm_plan *plan)
{
    nm_reducer *r = calloc(1, sizeof *r);
    *reducer = r;
    if (!r) {
        return nm_fail(NM_MEMORY, "no memory for a reduction");
    }
    int n_slots = plan->task.reduction.n_slots;
    r->plan = plan;
    r->results = malloc((size_t)nm_plan_points_bytes(plan, plan->chunk_points));
    r->block = malloc((size_t)NM_RECORD_BYTES(n_slots));
    r->room = malloc((size_t)nm_group_room(&plan->task.reduction) * sizeof(double));
    nm_status status = nm_fold_create(&r->fold, n_slots);
    int keeps = has_exact_quantiles(plan);
    if (keeps) {
        r->kept = malloc((size_t)(n_slots * plan->task.reduction.part_points) * sizeof *r->kept);
    }
    if (status == NM_OK && (!r->results || !r->block || !r->room || (keeps && !r->kept))) {
        status = nm_fail(NM_MEMORY, "no memory for a chunk of %lld points",
                         (long long)plan->chunk_points);
    }
    if (status != NM_OK) {
        nm_reducer_destroy(reducer);
    }
    return status;
}

void nm_reducer_destroy(nm_reducer **reducer)
{
    if (*reducer) {
        free((*reducer)->results);
        free((*reducer)->block);
        free((*reducer)->room);
        free((*reducer)->kept);
        free((*reducer)->fold.records);
        free(*reducer);
        *reducer = NULL;
    }
}

void nm_reducer_begin(nm_reducer *reducer, int64_t i_tile, void *payload)
{
    const nm_plan *plan = reducer->plan;
    reducer->record = payload;
    reducer->at = nm_plan_tile_first(plan, i_tile);
    reducer->end = reducer->at + nm_plan_tile_points(plan, i_tile);
    reducer->n_part = 0;
    reducer->n_located = 0;
    reducer->located = nm_plan_located(plan, i_tile, payload);
    for (int i = 0; i < NM_LOCATED; i++) {
        reducer->located[i] = -1;
    }
    reducer->part_points = nm_plan_part_points(plan, i_tile);
    reducer->fold.n = 0;
}

int nm_reducer_next(nm_reducer *reducer, nm_tile *chunk)
{
    const nm_plan *plan = reducer->plan;
    if (reducer->at >= reducer->end) {
        return 0;
    }
    int64_t end = reducer->at + plan->chunk_points;
    if (end >= reducer->end) {
        end = reducer->end;
    } else {
        /* back to the start of a block: blocks are counted from the start of each cell */
        end -= end % plan->task.reduction.cell_points % nm_plan_block_points(plan);
    }
    nm_plan_map_points(plan, chunk, reducer->at, end - reducer->at, reducer->results);
    reducer->at = end;
    return 1;
}

/* The words of the part that is under way: the n points from point i of the chunk on. */
static void take_words(nm_reducer *reducer, const nm_tile *chunk, int64_t i, int64_t n)
{
    const nm_task *task = &reducer->plan->task;
    const nm_reduction *r = &task->reduction;
    int64_t *words = (int64_t *)(void *)(reducer->record + NM_RECORD_BYTES(r->n_slots));
    if (reducer->n_part == 0) {
        nm_words_clear(words, r);
    }
    if (!reducer->kept) {
        nm_project(words, chunk, i, n, task);
        return;
    }
    for (int slot = 0; slot < r->n_slots; slot++) {
        double *kept = reducer->kept + slot * reducer->part_points;
        memcpy(kept + reducer->n_part, (const double *)chunk->values + slot * chunk->n + i,
               (size_t)n * sizeof *kept);
        if (reducer->n_part + n == reducer->part_points) {
            nm_quantiles_of((double *)words + slot * r->n_quantiles, kept, reducer->part_points, r);
        }
    }
}

/* Derivatives by x -> derivatives by ln x, where x is drawn evenly or normally in its logarithm. */
static void take_logs(const nm_tile *chunk, const nm_plan *plan)
{
    const nm_task *task = &plan->task;
    const int d = task->gradients.n_params, n_own = task->n_slots - task->gradients.n_outputs * d;
    int n_logs = 0;
    for (int k = 0; k < d; k++) {
        n_logs += nm_is_drawn_in_ln(&task->draw.random[k]);
    }
    for (int64_t i = 0; n_logs > 0 && i < chunk->n; i++) {
        double params[NM_MAX_PARAMS];
        plan->model->draw(&task->draw, chunk->first + i, params);
        for (int slot = n_own; slot < task->n_slots; slot++) {
            const nm_random *random = &task->draw.random[(slot - n_own) % d];
            if (nm_is_drawn_in_ln(random)) {
                ((double *)chunk->values)[slot * chunk->n + i] *= params[random->param];
            }
        }
    }
}

/* Points come in order: the first that fail are the lowest. */
static void locate(nm_reducer *reducer, const nm_tile *chunk)
{
    for (int64_t i = 0; i < chunk->n && reducer->n_located < NM_LOCATED; i++) {
        if (nm_outcome_has_failed(chunk->outcome[i])) {
            reducer->located[reducer->n_located++] = chunk->first + i;
        }
    }
}

void nm_reducer_take(nm_reducer *reducer, const nm_tile *chunk)
{
    const nm_task *task = &reducer->plan->task;
    const int n_slots = task->reduction.n_slots, group = task->reduction.group;
    const int64_t block_points = nm_plan_block_points(reducer->plan);
    locate(reducer, chunk);
    if (task->reduction.kind == NM_REDUCE_DGSM) {
        take_logs(chunk, reducer->plan);
    }
    for (int64_t i = 0; i < chunk->n;) {
        int64_t n = reducer->part_points - reducer->n_part;
        n = n < block_points ? n : block_points;
        int is_all = n == reducer->part_points; /* a part of one block has no tree */
        char *record = is_all ? reducer->record : reducer->block;
        if (group > 1) {
            nm_reduce_groups(record, chunk, i, n / group, task, reducer->room);
        } else {
            nm_reduce_block(record, chunk, i, n, n_slots);
        }
        if (!is_all) {
            nm_fold_add(&reducer->fold, reducer->block);
        }
        if (task->reduction.n_words > 0) {
            take_words(reducer, chunk, i, n);
        }
        i += n;
        reducer->n_part += n;
        if (reducer->n_part == reducer->part_points) {
            if (!is_all) {
                nm_fold_end(&reducer->fold, reducer->record);
            }
            reducer->record += NM_WHOLE_RECORD_BYTES(&task->reduction);
            reducer->n_part = 0;
        }
    }
}
