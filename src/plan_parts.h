/* Between plan.c and plan_reduce.c: what is kept of a scan. */
#ifndef NESSMAP_PLAN_PARTS_H
#define NESSMAP_PLAN_PARTS_H

#include "plan.h"

/* What [[reduce]] asks for. */
nm_reduce_kind nm_plan_reduce_kind(const nm_config *config);

/* Looks up the output whose threshold separates the classes of a refinement, and converts that.
 * returns NM_USAGE with one sentence. */
nm_status nm_plan_bind_class(nm_plan *plan);

/* Binds [stochastic]: its unit, and its pathway. Variants are bound. returns NM_USAGE with one
 * sentence, as where the model's molecules do not walk. */
nm_status nm_plan_bind_stochastic(nm_plan *plan);

/* Whether the trajectories that an output needs are there. key: which key named it, "output.variables".
 * returns NM_USAGE with one sentence. */
nm_status nm_plan_check_need(const nm_plan *plan, int output, nm_where where, const char *key);

/* Gives the derivatives of output.gradients their slots behind those of the outputs. The draw and the
 * outputs are chosen. returns NM_USAGE with one sentence. */
nm_status nm_plan_bind_gradients(nm_plan *plan);

/* Takes out of is_chosen the outputs without derivatives, which have no derivative-based measures.
 * returns NM_USAGE with one sentence where one of them was named, or where none is left. */
nm_status nm_plan_keep_smooth(int *is_chosen, const nm_plan *plan, char *const *names, int n);

/* Whether the design has what the reduction needs, and whether the names of its variables are free.
 * The outputs are chosen. returns NM_USAGE with one sentence. */
nm_status nm_plan_check_reduction(const nm_plan *plan);

#endif
