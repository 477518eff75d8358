/* The plans of the stages of a refinement, and what is known of them before they run. */
#ifndef NESSMAP_PLAN_REFINE_H
#define NESSMAP_PLAN_REFINE_H

#include "plan.h"

/* A plan for n points at the places [n][n_dims] of the lattice: the question, outputs and backend of
 * `plan`, with the points as a table. nm_plan_destroy frees it, before `plan`. returns NM_MEMORY. */
nm_status nm_plan_stage(nm_plan **stage, const nm_plan *plan, const int64_t *place, int64_t n);

/* Points of the grid that has the finest cells everywhere. */
double nm_plan_equal_grid(const nm_plan *plan);

/* Prints the lines of a refinement for people. */
void nm_plan_print_refinement(const nm_plan *plan, FILE *stream);

#endif
