/* How long a scan takes on many ranks: a model in plain arithmetic.
 *
 *   total = start + tiles of the busiest thread, one of them slow + file by rank 0
 *
 * start     NM_CLUSTER_START_S, and NM_CLUSTER_RANK_S for each rank
 * tiles     ceil(tiles / (ranks threads)) of them; not less than the rank needs to write what it makes
 * file      the journal read back, and the file written from it; one rank alone may write it beside
 *           the journal, as it makes that
 *
 * The time of a tile is measured; the rates below are taken for granted, and `plan` says so. */
#ifndef NESSMAP_PLAN_CLUSTER_H
#define NESSMAP_PLAN_CLUSTER_H

#include <stdint.h>

/* seconds; bytes per second. The file: measured on two busy cores of an AMD EPYC, a virtual disk. */
#define NM_CLUSTER_START_S      1.0
#define NM_CLUSTER_RANK_S       0.002
#define NM_CLUSTER_WRITE_RATE   500e6
#define NM_CLUSTER_SCAN_RATE    1e9
#define NM_CLUSTER_FILE_RATE    240e6
#define NM_CLUSTER_DEFLATE_RATE 65e6 /* of bytes before compression */

enum { NM_CLUSTER_MOST_RANKS = 65536 };

typedef struct nm_cluster {
    int64_t n_tiles;
    int n_threads;                    /* of each rank */
    double tile_s, slow_tile_s;       /* on one thread [s] */
    double journal_bytes, file_bytes; /* of the whole scan */
    double file_rate;                 /* [B/s] */
    int grows; /* 1: one rank alone writes the file beside the journal, in no time of its own */
} nm_cluster;

typedef struct nm_cluster_time { /* [s] */
    double start, compute, file, total;
    double efficiency; /* of one rank: 1 */
} nm_cluster_time;

void nm_cluster_estimate(nm_cluster_time *time, const nm_cluster *cluster, int64_t n_ranks);

/* Ranks that have at least one tile for each thread but the last ones'. */
int64_t nm_cluster_fed(const nm_cluster *cluster);

/* The most ranks of at least half the efficiency of one. */
int64_t nm_cluster_useful(const nm_cluster *cluster);

/* The fewest ranks, a power of two, that end within ten minutes; else those that are useful. */
int64_t nm_cluster_sensible(const nm_cluster *cluster);

/* A time limit for the batch system: twice the expected time and five minutes, in whole minutes. [s] */
double nm_cluster_limit(double total_s);

#endif
