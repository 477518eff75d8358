/* Counts of outcomes and flags, whole and along each scanned parameter: what the summary is made
 * of. */
#ifndef NESSMAP_TALLY_H
#define NESSMAP_TALLY_H

#include <stdint.h>

#include "plan.h"

typedef struct nm_tally {
    int64_t n_points, count[16]; /* by nm_outcome */
    int64_t flag_count[16];      /* by flag bit */
    int64_t n_clamped; /* values that sums in bins took for nearer than they are (projection.h) */
    int n_located;     /* the lowest failed points, rising */
    int64_t located[NM_LOCATED];
    /* for the "why": counts by parameter bin and outcome, [n_scanned][n_bins][NM_N_OUTCOMES] */
    int n_scanned, n_bins;
    int scanned_param[NM_MAX_PARAMS];
    double *bin_edge; /* [n_scanned][n_bins + 1], in parameter units; bins beyond the last value
                         have no width */
    int64_t *bin_count;
    struct nm_scanned *scanned; /* [n_scanned] how a point finds its bin */
} nm_tally;

/* An empty tally with the bins of the plan; a reduced scan has those of the axes of its cells alone.
 * For an axis its values, merged where there are more than 4096; for a drawn parameter 256 between
 * the bounds of its distribution (mean +- 4 sd), for a column of a table between its extremes. */
nm_status nm_tally_create(nm_tally **tally, const nm_plan *plan);

/* Adds points [first, first + n), in any order. params: [task.n_stored][n] as in a tile. returns NM_IO for an
 * outcome that does not exist; nothing is added then. */
nm_status nm_tally_add(nm_tally *tally, int64_t first, int64_t n, const int8_t *outcome,
                       const uint16_t *flags, const double *params);

/* Adds a cell of a reduced scan, the points [first, first + n), by its counts: outcome
 * [NM_N_OUTCOMES], flags [NM_N_FLAGS]. returns NM_IO where they cannot be those of n points. */
nm_status nm_tally_add_cell(nm_tally *tally, int64_t first, int64_t n, const int64_t *outcome,
                            const int64_t *flags);

/* Notes the failed points of cells, which follow those noted before: [NM_LOCATED], then -1. */
void nm_tally_locate(nm_tally *tally, const int64_t *located);

void nm_tally_destroy(nm_tally **tally);

#endif
