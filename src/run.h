/* The pipeline of a run: plan -> journal -> backend -> assembly -> summary. */
#ifndef NESSMAP_RUN_H
#define NESSMAP_RUN_H

#include <stdio.h>

#include "config.h"
#include "nessmap/model_abi.h"
#include "nessmap/nessmap.h"

/* Runs a scan to its finished file, or goes on where an earlier run of the same question stopped.
 * summary: stream of the summary, or NULL.
 * returns NM_OK; NM_FAILED_POINTS (the file is whole); NM_INTERRUPTED, NM_LOCKED, NM_IO, NM_DEVICE,
 * NM_MEMORY (what was done is kept); NM_FINGERPRINT, NM_USAGE (nothing was touched). */
nm_status nm_run(const nm_config *config, const nm_model *model, const nm_run_options *options,
                 FILE *summary);

/* Assembles out_path from its journal folder. partial: into "<out>.partial.nc", missing tiles as
 * not_run; the journal stays. Else all tiles must be there, and the journal goes away.
 * fingerprint: that of the journal. */
nm_status nm_run_assemble(const nm_config *config, const nm_model *model, const char *out_path,
                          const char *fingerprint, int partial, FILE *summary);

/* Asks the runs of this process to stop after the tiles in work. Async-signal-safe. */
void nm_run_interrupt(void);

/* What can be interrupted asks at its beginning how often that was answered, and from then on whether
 * it was asked for again; it answers at its end. Thread-safe. */
int nm_run_interrupts(void);
int nm_run_is_interrupted(int n_interrupts);
void nm_run_answer(void);

#endif
