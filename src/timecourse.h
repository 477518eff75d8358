/* The time course of one cell at chosen times, and its file. */
#ifndef NESSMAP_TIMECOURSE_H
#define NESSMAP_TIMECOURSE_H

#include "balance.h"
#include "plan.h"

#define NM_DEFAULT_TRACE_RTOL 1e-6
#define NM_TRACE_RTOL_LEAST   1e-11
#define NM_TRACE_RTOL_MOST    1e-2

typedef struct nm_timecourse {
    const nm_plan *plan; /* not owned: model, variants, catalogue */
    double params[NM_MAX_PARAMS];
    double rtol;
    int n_times, n_done; /* n_done: times before a species ran out, or the step limit */
    double *times;       /* owned: [n_times] s */
    double *values;      /* owned: [outputs of the catalogue][n_times], NaN where there is none */
    int64_t n_steps;
    nm_balance end;    /* what becomes of the cell, by following it until it is steady */
    const char *index; /* not owned: of the point of a scan, as it was asked, or NULL */
} nm_timecourse;

/* Computes the course of params[n_params] from the declared initial state. times: "0,1,10" or
 * "log:1e-3:1e6:200" or "lin:0:100:11", in s, or NULL: from a small part of the fastest time scale
 * until it is steady. plan: its solver is set to follow. The caller frees it with
 * nm_timecourse_clear also after a failure.
 * returns NM_USAGE for times or parameters that have no course, NM_MEMORY, NM_DEVICE. */
nm_status nm_timecourse_solve(nm_timecourse *course, nm_plan *plan, const double *params,
                              const char *times, double rtol);
void nm_timecourse_clear(nm_timecourse *course);

/* Writes it as NetCDF-4; the file appears under its name only when it is complete and synced.
 * returns NM_IO with one sentence, also where `path` is there and is no trace. */
nm_status nm_timecourse_write(const nm_timecourse *course, const char *path);

#endif
