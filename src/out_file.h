/* The output of a run: its name, whether it is there, and whether it answers the question. */
#ifndef NESSMAP_OUT_FILE_H
#define NESSMAP_OUT_FILE_H

#include "plan.h"

/* out_path: allocated; given: by -o, or NULL: "scans/leak.toml" writes leak.nc into the working folder.
 * returns NM_USAGE, NM_IO where no file can be made there. */
nm_status nm_out_file_choose(char **out_path, const char *config_path, const char *given);

/* is_done: the file is there and answers this question. Refuses to go on over a file that does
 * not. partial: a partial file is wanted, and one that is there may be replaced. */
nm_status nm_out_file_look(int *is_done, const char *out_path, const nm_plan *plan, int partial);

/* Deletes what a killed run left of the file: its space is wanted. The caller holds the lock of the
 * journal. */
void nm_out_file_clear(const char *out_path);

/* A run killed between the rename and the end leaves a journal that is of no more use. */
void nm_out_file_sweep(const char *out_path, const nm_plan *plan);

/* share: of the points that failed. returns NM_FAILED_POINTS where that is more than the limit. */
nm_status nm_out_file_judge(const nm_plan *plan, double share, const char *out_path);

#endif
