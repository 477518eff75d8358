/* One point of a finished file, back as a parameter set. */
#ifndef NESSMAP_POINT_FILE_H
#define NESSMAP_POINT_FILE_H

#include "plan.h"

/* 1 where the points of a file stand in the table of its scan alone, for it was reduced. */
int nm_point_file_needs_table(const nm_config *config);

/* Makes the scan of a file that keeps its points one without its table, which may be gone: for
 * questions that the file's own columns answer. returns NM_MEMORY. */
nm_status nm_point_file_forget_table(nm_config *config, const char *path);

/* Finds the parameters of a point of the output `path`, which `config` (kept in that file, changed
 * here) and `model` made. index: "17", or one number per axis and draw, "3,5", from 0, first axis
 * slowest.
 * params: [n_params]. plan: of one question with the same variants and solver, for the caller to
 * destroy.
 * returns NM_USAGE for an index that is no index, or a table that is not the one of the scan, NM_IO. */
nm_status nm_point_file_find(double *params, nm_plan **plan, nm_config *config,
                             const nm_model *model, const char *path, const char *index);

#endif
