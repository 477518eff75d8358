/* Who computes which tiles: each rank begins with a block of its own, cut so that all have as much to do; the last quarter is dealt
 * out piece by piece to those who are ready first, because tiles are of unequal weight. */
#ifndef NESSMAP_DEAL_H
#define NESSMAP_DEAL_H

#include <stdint.h>

/* 1 if the tile is to be computed */
typedef int (*nm_deal_wants)(void *context, int64_t i_tile);

typedef struct nm_deal {
    nm_deal_wants wants;
    void *context;
    int n_ranks;
    int64_t next, end;     /* this rank's tiles, not all of them wanted */
    int64_t tail, n_tiles; /* what nobody has; of meaning on rank 0 */
    int64_t n_in_tail;     /* wanted tiles there */
} nm_deal;

/* `wants` gives the same on all ranks while this runs, and may say no later. With one rank all tiles are its own. */
void nm_deal_begin(nm_deal *deal, int64_t n_tiles, int rank, int n_ranks, nm_deal_wants wants,
                   void *context);

/* The next wanted tile of this rank, -1 where none is left. */
int64_t nm_deal_next(nm_deal *deal);

/* Rank 0: cuts the next piece [first, end) off the tail; empty where there is none. */
void nm_deal_cut(nm_deal *deal, int64_t *first, int64_t *end);

/* A piece becomes this rank's. */
void nm_deal_take(nm_deal *deal, int64_t first, int64_t end);

#endif
