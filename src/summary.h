/* The answer of a run in about ten lines of words. */
#ifndef NESSMAP_SUMMARY_H
#define NESSMAP_SUMMARY_H

#include <stdio.h>

#include "backend.h"
#include "grid_nc.h"
#include "plan.h"

/* What one run did; the file does not know it. */
typedef struct nm_run_stats {
    const char *backend;
    int n_ranks;
    int n_threads, lanes; /* of the CPU, in all ranks */
    int n_devices;
    const nm_backend_device *device; /* [n_devices] */
    int64_t n_computed, n_newton,
        n_follow;     /* points of this run: all, settled by Newton or by proof, by following */
    int64_t n_failed; /* not_converged and left_domain of this run */
    int64_t n_torn;   /* segments of the journal that ended in a torn record */
    double compute_s, assemble_s, total_s; /* wall time [s] */
    double auto_rate, follow_rate; /* of one thread on sampled points [1/s]; 0: not measured */
    int64_t n_pilot;               /* number of those points */
} nm_run_stats;

/* One parameter threshold that separates a class from the rest. */
typedef struct nm_why {
    int param;      /* index of the parameter, -1: none explains much */
    int is_above;   /* 1: p > value, 0: p < value */
    double value;   /* in the unit of the parameter */
    double inside;  /* share of the class beyond the threshold */
    double outside; /* share of all other points beyond it */
} nm_why;

/* The threshold with the largest inside - outside for `outcome` over all scanned parameters
 * (decision stump by Youden's index), where that is at least 0.4. */
void nm_summary_why(nm_why *why, const nm_tally *tally, int outcome);

/* Share of points that failed: not_converged and left_domain. */
double nm_summary_failed_share(const nm_tally *tally);

/* stats: NULL where nothing was computed. path: the file. */
void nm_summary_print(FILE *stream, const nm_plan *plan, const nm_tally *tally,
                      const nm_run_stats *stats, const char *path);

#endif
