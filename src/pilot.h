/* How fast: some points, spread evenly over the scan, solved by one thread against the clock. */
#ifndef NESSMAP_PILOT_H
#define NESSMAP_PILOT_H

#include <stdio.h>

#include "plan.h"

typedef struct nm_pilot {
    int64_t n_points;
    double seconds;
    int64_t n_newton, n_follow;
    double slow_s; /* for a point where nine rows of points of ten are faster [s] */
} nm_pilot;

/* Solves up to max_points points of the plan in `mode` (nm_mode), a share `audit` of them by following too, for
 * about max_seconds. Results are dropped. returns NM_MEMORY, NM_DEVICE, or NM_USAGE for `lanes` (0: widest). */
nm_status nm_pilot_run(nm_pilot *pilot, const nm_plan *plan, int mode, double audit, int lanes,
                       int64_t max_points, double max_seconds);

/* Points per second of one thread, 0 where nothing was measured. */
double nm_pilot_rate(const nm_pilot *pilot);

/* The same as the plan has it, with its mode and audit, and prints the time of all points by the rate
 * of these. returns NM_MEMORY, NM_DEVICE. */
nm_status nm_pilot_print(nm_pilot *pilot, const nm_plan *plan, FILE *stream);

#endif
