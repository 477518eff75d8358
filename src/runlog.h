/* out.nc.runlog.jsonl: one line per run with what must not be in the file itself: host, dates,
 * times, rates. */
#ifndef NESSMAP_RUNLOG_H
#define NESSMAP_RUNLOG_H

#include <time.h>

#include "plan.h"
#include "summary.h"

/* Appends a line for a run that began at `begun` and ended with `status` right now.
 * returns NM_IO where the line cannot be written. */
nm_status nm_runlog_append(const char *out_path, const nm_plan *plan, const nm_run_stats *stats,
                           time_t begun, nm_status status);

#endif
