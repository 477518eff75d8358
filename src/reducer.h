/* Reduces the points of a tile to the records of its cells, chunk by chunk: results of points live
 * only as long as their chunk. */
#ifndef NESSMAP_REDUCER_H
#define NESSMAP_REDUCER_H

#include "plan.h"

typedef struct nm_reducer nm_reducer; /* of one thread */

nm_status nm_reducer_create(nm_reducer **reducer, const nm_plan *plan);
void nm_reducer_destroy(nm_reducer **reducer);

/* Starts tile `i_tile`; its records go to `payload` (nm_plan_tile_bytes). */
void nm_reducer_begin(nm_reducer *reducer, int64_t i_tile, void *payload);

/* Points `chunk` at the next points to compute; returns 0 where the tile has no more. Its buffers
 * belong to the reducer. */
int nm_reducer_next(nm_reducer *reducer, nm_tile *chunk);

/* Takes the computed results of that chunk. */
void nm_reducer_take(nm_reducer *reducer, const nm_tile *chunk);

/* Room for the records of a fold (model_abi.h); free(fold->records). */
nm_status nm_fold_create(nm_fold *fold, int n_slots);

#endif
