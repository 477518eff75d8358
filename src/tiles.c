/* How a scan is cut into tiles, and what the payload of a tile looks like. */
#include "tiles.h"

#include <string.h>

#include "diag.h"
#include "plan.h"

enum {
    MAX_TILE = 32768,      /* points */
    MIN_TILE = 256,        /* points of the tiles of a small scan */
    TILE_STEP = 64,        /* a tile is a multiple of this: no lanes idle but in the last one */
    WANTED_TILES = 64,     /* fewer would leave threads waiting for the last tile */
    MAX_RECORD = 32 << 20, /* bytes of a payload of points */
    MAX_TRAJECTORIES = 1 << 21, /* of a tile: seconds of work at most where they are short */
    MAX_REDUCED_TILE = 1 << 20, /* points of a tile of a large reduced scan */
    MANY_TILES = 65536,         /* a reduced scan with more of them gets larger ones */
    MAX_WORDS_TILE = 1 << 24,   /* points of a tile whose record is large */
    MAX_WORDS = 1 << 30,        /* bytes of all such records, where WANTED_TILES have not more */
    MAX_CELLS = 8 << 20,        /* bytes of the records of cells in a payload */
    MAX_RESULTS =
        256 << 20, /* bytes of the results of a reduced tile, which a device holds at once */
    MAX_CHUNK =
        7 *
        NM_BLOCK_POINTS, /* points that a thread reduces at once: their results fit a second-level cache */
    CHUNK_BYTES = 4 << 20 /* bytes of their results */
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t round_up(int64_t n, int64_t step)
{
    return (n + step - 1) / step * step;
}

/* --- 1. the layout of points ------------------------------------------------------------------ */

static int64_t value_bytes(const nm_plan *plan)
{
    return plan->task.is_f32 ? (int64_t)sizeof(float) : (int64_t)sizeof(double);
}

/* Bytes of the values of n points, filled up so that the doubles behind them are aligned. */
static int64_t padded_value_bytes(const nm_plan *plan, int64_t n)
{
    return (plan->task.n_slots * value_bytes(plan) * n + 7) / 8 * 8;
}

int64_t nm_plan_points_bytes(const nm_plan *plan, int64_t n)
{
    return padded_value_bytes(plan, n) + n * (plan->task.n_stored * (int64_t)sizeof(double) +
                                              (int64_t)(sizeof(uint16_t) + sizeof(int8_t)));
}

void nm_plan_map_points(const nm_plan *plan, nm_tile *tile, int64_t first, int64_t n, void *results)
{
    int64_t used = plan->task.n_slots * value_bytes(plan) * n, padded = padded_value_bytes(plan, n);
    memset(tile, 0, sizeof(*tile));
    tile->first = first;
    tile->n = n;
    tile->values = results;
    memset((char *)results + used, 0, (size_t)(padded - used));
    tile->params = (double *)((char *)results + padded);
    tile->flags = (uint16_t *)(tile->params + plan->task.n_stored * n);
    tile->outcome = (int8_t *)(tile->flags + n);
}

void nm_plan_map_tile(const nm_plan *plan, nm_tile *tile, int64_t i_tile, void *payload)
{
    nm_plan_map_points(plan, tile, nm_plan_tile_first(plan, i_tile),
                       nm_plan_tile_points(plan, i_tile), payload);
}

/* --- 2. tiles --------------------------------------------------------------------------------- */

int nm_plan_is_reduced(const nm_plan *plan)
{
    return plan->task.reduction.kind != NM_REDUCE_FULL;
}

int64_t nm_plan_block_points(const nm_plan *plan)
{
    return (int64_t)NM_BLOCK_POINTS * plan->task.reduction.group;
}

int64_t nm_plan_tile_first(const nm_plan *plan, int64_t i_tile)
{
    if (nm_plan_is_reduced(plan) && plan->tiles_per_cell > 1) {
        return i_tile / plan->tiles_per_cell * plan->task.reduction.cell_points +
               i_tile % plan->tiles_per_cell * plan->tile_points;
    }
    return plan->origin + i_tile * plan->tile_points;
}

int64_t nm_plan_tile_points(const nm_plan *plan, int64_t i_tile)
{
    int64_t end = plan->n_points, first = nm_plan_tile_first(plan, i_tile);
    if (nm_plan_is_reduced(plan) && plan->tiles_per_cell > 1) {
        end = (i_tile / plan->tiles_per_cell + 1) * plan->task.reduction.cell_points;
    }
    return least(end - first, plan->tile_points);
}

int64_t nm_plan_part_points(const nm_plan *plan, int64_t i_tile)
{
    return least(plan->task.reduction.part_points, nm_plan_tile_points(plan, i_tile));
}

int64_t nm_plan_tile_parts(const nm_plan *plan, int64_t i_tile)
{
    return nm_plan_tile_points(plan, i_tile) / nm_plan_part_points(plan, i_tile);
}

int64_t nm_plan_tile_bytes(const nm_plan *plan, int64_t i_tile)
{
    return nm_plan_is_reduced(plan)
               ? NM_TILE_RECORD_BYTES(&plan->task.reduction, nm_plan_tile_parts(plan, i_tile))
               : nm_plan_points_bytes(plan, nm_plan_tile_points(plan, i_tile));
}

void nm_plan_count_outcomes(int64_t *count, const nm_plan *plan, int64_t i_tile,
                            const void *payload)
{
    int64_t n = nm_plan_tile_points(plan, i_tile), bytes = nm_plan_tile_bytes(plan, i_tile);
    memset(count, 0, NM_N_OUTCOMES * sizeof *count);
    if (!nm_plan_is_reduced(plan)) {
        /* neighbours are mostly alike: counts side by side need not wait for each other */
        enum { SIDES = 4, CODES = 256 };
        const unsigned char *outcome = (const unsigned char *)payload + bytes - n;
        int64_t side[SIDES][CODES] = {{0}};
        for (int64_t i = 0; i < n; i++) {
            side[i % SIDES][outcome[i]]++;
        }
        for (int k = 0; k < NM_N_OUTCOMES; k++) {
            for (int s = 0; s < SIDES; s++) {
                count[k] += side[s][k];
            }
        }
        return;
    }
    int n_slots = plan->task.reduction.n_slots;
    bytes -= NM_LOCATED * (int64_t)sizeof(int64_t);
    for (int64_t at = 0; at < bytes; at += NM_WHOLE_RECORD_BYTES(&plan->task.reduction)) {
        const char *record = (const char *)payload + at;
        const int64_t *part = (const int64_t *)(record + n_slots * (int64_t)sizeof(nm_stat));
        for (int k = 0; k < NM_N_OUTCOMES; k++) {
            count[k] += part[k];
        }
    }
}

int64_t *nm_plan_located(const nm_plan *plan, int64_t i_tile, void *payload)
{
    return (int64_t *)(void *)((char *)payload + nm_plan_tile_bytes(plan, i_tile)) - NM_LOCATED;
}

/* --- 3. cutting --------------------------------------------------------------------------------- */

/* Points whose trajectories are as much work as a tile should be. */
static int64_t most_points(const nm_task *task)
{
    const int64_t n = task->stochastic.n_trajectories;
    return n > 0 ? most(MAX_TRAJECTORIES / n, 1) : INT64_MAX;
}

int64_t nm_plan_tile_step(const nm_task *task)
{
    int64_t least_step = TILE_STEP;
    while (least_step > most_points(task)) {
        least_step /= 2;
    }
    int64_t step = least_step;
    while (task->draw.group > 1 && step % task->draw.group != 0) {
        step += least_step;
    }
    return step;
}

void nm_plan_cut_points(nm_plan *plan, int64_t most_bytes)
{
    const int64_t step = nm_plan_tile_step(&plan->task), few = most_points(&plan->task),
                  least_tile = plan->task.stochastic.n_trajectories > 0 ? step : MIN_TILE,
                  bytes = nm_plan_points_bytes(plan, TILE_STEP) / TILE_STEP;
    int64_t wanted = most((plan->n_points - 1) / WANTED_TILES + 1, least_tile);
    int64_t room = (most_bytes > 0 ? least(most_bytes, MAX_RECORD) : MAX_RECORD) / bytes;
    const int64_t most_steps = most(least(room, least(few, MAX_TILE)) / step, 1);
    int64_t n_steps = least(round_up(wanted, step) / step, most_steps);
    if (n_steps % 8 == 0) { /* columns that lie whole pages apart crowd each other out of a cache */
        n_steps += n_steps < most_steps ? 1 : -1;
    }
    plan->tile_points = n_steps * step;
    plan->n_tiles = (plan->n_points - 1) / plan->tile_points + 1;
    plan->record_bytes = nm_plan_tile_bytes(plan, 0);
    plan->chunk_points = plan->tile_points;
}

/* What stands as one in the statistics, and how many of these there are. */
static void shape_reduction(nm_reduction *reduction, const nm_task *task, nm_reduce_kind kind)
{
    const int d = task->draw.n_random;
    reduction->kind = kind;
    reduction->group = 1;
    reduction->n_slots = task->n_slots;
    if (kind == NM_REDUCE_GIVEN) {
        reduction->n_inputs = d;
        reduction->n_quantities = task->n_slots + NM_N_INDICATORS;
        reduction->n_each = 1;
    }
    if (kind == NM_REDUCE_DGSM) {
        reduction->n_inputs = task->gradients.n_params;
        reduction->n_quantities = task->gradients.n_outputs;
        reduction->n_each = 1 + task->gradients.n_params;
    }
    if (kind != NM_REDUCE_SOBOL && kind != NM_REDUCE_MORRIS) {
        return;
    }
    reduction->group = task->draw.group;
    reduction->n_inputs = d;
    reduction->n_quantities = task->n_slots + NM_N_INDICATORS;
    reduction->n_each = kind == NM_REDUCE_MORRIS   ? 1 + 2 * d
                        : reduction->group > d + 2 ? 4 + 5 * d + d * (d - 1)
                                                   : 2 + 4 * d;
    reduction->n_slots = reduction->n_quantities * reduction->n_each;
}

void nm_plan_cut_cells(nm_plan *plan, nm_reduce_kind kind, int64_t cell_points, int64_t most_bytes)
{
    nm_reduction *reduction = &plan->task.reduction;
    shape_reduction(reduction, &plan->task, kind);
    const int64_t block_points = nm_plan_block_points(plan);
    reduction->cell_points = cell_points;
    int64_t point_bytes = nm_plan_points_bytes(plan, NM_BLOCK_POINTS) / NM_BLOCK_POINTS;
    int64_t record_bytes = NM_WHOLE_RECORD_BYTES(reduction);

    /* points of a tile: enough tiles for all threads, not too many for the journal */
    int64_t wanted = least((plan->n_points - 1) / WANTED_TILES + 1, MAX_TILE);
    wanted = most(wanted, (plan->n_points - 1) / MANY_TILES + 1);
    wanted = least(wanted, least(MAX_REDUCED_TILE, MAX_RESULTS / point_bytes));
    wanted = most(wanted, block_points);
    if (reduction->n_quantiles > 0 && reduction->n_projections == 0) {
        wanted = most(wanted, cell_points); /* exact quantiles need all points of a cell */
    }
    if (reduction->n_projections > 0) {
        int64_t n_tiles = most(WANTED_TILES, MAX_WORDS / record_bytes);
        wanted = most(wanted, least((plan->n_points - 1) / n_tiles + 1, MAX_WORDS_TILE));
    }

    /* trajectories bound what a tile should be; below a block, or whole cells, it may not get */
    const int64_t few = most_points(&plan->task);
    wanted = reduction->n_quantiles > 0 && reduction->n_projections == 0
                 ? wanted
                 : least(wanted, most(few, block_points));

    if (cell_points <= wanted) {
        wanted = least(wanted, few);
        int64_t room = (most_bytes > 0 ? least(most_bytes, MAX_CELLS) : MAX_CELLS) / record_bytes;
        int64_t n_cells = most(least(wanted / cell_points, room), 1);
        reduction->part_points = cell_points;
        plan->tile_points = n_cells * cell_points;
        plan->tiles_per_cell = 1;
        plan->n_tiles = (plan->n_points - 1) / plan->tile_points + 1;
    } else {
        int64_t part = block_points;
        while (2 * part <= wanted) {
            part *= 2;
        }
        reduction->part_points = part;
        plan->tile_points = part;
        plan->tiles_per_cell = (cell_points - 1) / part + 1;
        plan->n_tiles = plan->n_points / cell_points * plan->tiles_per_cell;
    }
    plan->record_bytes = nm_plan_tile_bytes(plan, 0);

    /* a thread holds the results of so many points only, whatever the size of its tile */
    int64_t bytes = most_bytes > 0 ? least(most_bytes, CHUNK_BYTES) : CHUNK_BYTES;
    int64_t n_blocks = bytes / (point_bytes * block_points);
    plan->chunk_points =
        least(most(n_blocks, 1) * block_points, least(MAX_CHUNK, plan->tile_points));
    plan->chunk_points = most(plan->chunk_points / block_points, 1) * block_points;
}
