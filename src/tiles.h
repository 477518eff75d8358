/* How a scan is cut into tiles, and what the payload of a tile looks like: arithmetic alone, without
 * configuration, files or units.
 *
 * Where every point is kept, a tile is tile_points consecutive points and its payload their
 * results. Where a scan is reduced (nm_reduction), it is whole cells and their records, or, where a
 * cell is longer than a tile should be, a share of one cell and its one record. */
#ifndef NESSMAP_TILES_H
#define NESSMAP_TILES_H

#include <stdint.h>

#include "nessmap/model_abi.h"

typedef struct nm_plan nm_plan;

/* Cut the n_points of a plan with its task into tiles and fill in what follows: tile_points,
 * n_tiles, record_bytes, chunk_points and, for cells, task.reduction and tiles_per_cell.
 * most_bytes: of the payload of a tile, and of the results of a chunk of points that is reduced at
 * once; 0: as the program likes. Pure functions of their arguments. */
void nm_plan_cut_points(nm_plan *plan, int64_t most_bytes);
void nm_plan_cut_cells(nm_plan *plan, nm_reduce_kind kind, int64_t cell_points, int64_t most_bytes);

/* What the points of a tile are a multiple of where every point is kept: no lanes idle, and the
 * groups of a design are whole. Where points have very many trajectories, less. */
int64_t nm_plan_tile_step(const nm_task *task);

/* Points of a block: NM_BLOCK_POINTS of them, or of groups that stand as one. */
int64_t nm_plan_block_points(const nm_plan *plan);

/* 1 where the scan keeps cells, not points. */
int nm_plan_is_reduced(const nm_plan *plan);

/* First point of tile `i_tile`, number of its points and bytes of its payload. All tiles but the
 * last have the bytes of the first. */
int64_t nm_plan_tile_first(const nm_plan *plan, int64_t i_tile);
int64_t nm_plan_tile_points(const nm_plan *plan, int64_t i_tile);
int64_t nm_plan_tile_bytes(const nm_plan *plan, int64_t i_tile);

/* Number of records of a tile of a reduced scan, and the points that each stands for: all of them
 * have equally many. */
int64_t nm_plan_tile_parts(const nm_plan *plan, int64_t i_tile);
int64_t nm_plan_part_points(const nm_plan *plan, int64_t i_tile);

/* Layout of the results of n points, in this order:
 *   values [n_slots][n] float or double, then zero bytes up to a multiple of 8 (so that the
 *   doubles that follow are aligned), params [n_stored][n] double, flags [n] uint16, outcome [n]
 *   int8 */
int64_t nm_plan_points_bytes(const nm_plan *plan, int64_t n);

/* Points `tile` at the points [first, first + n) into `results` (8-byte aligned,
 * nm_plan_points_bytes long) and zeroes the bytes between. */
void nm_plan_map_points(const nm_plan *plan, nm_tile *tile, int64_t first, int64_t n,
                        void *results);

/* The same for a whole tile of a scan that keeps every point. */
void nm_plan_map_tile(const nm_plan *plan, nm_tile *tile, int64_t i_tile, void *payload);

/* The indices of the lowest failed points of a tile of a reduced scan, in its payload: [NM_LOCATED],
 * rising, then -1. */
int64_t *nm_plan_located(const nm_plan *plan, int64_t i_tile, void *payload);

/* Points of a tile by outcome, count[NM_N_OUTCOMES], from its payload. */
void nm_plan_count_outcomes(int64_t *count, const nm_plan *plan, int64_t i_tile,
                            const void *payload);

#endif
