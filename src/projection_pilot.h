/* Finds where the outputs of a scan lie, from a few of its points. */
#ifndef NESSMAP_PROJECTION_PILOT_H
#define NESSMAP_PROJECTION_PILOT_H

#include "projection.h"

/* Where the plan has projections, solves some points spread over the scan and fits centres, scales and
 * quantile bins to them: on the processor whatever computes the scan, and the same bits for any lanes
 * and threads. returns NM_MEMORY, NM_DEVICE. */
nm_status nm_projection_prepare(nm_plan *plan);

#endif
