/* The balance sheet of one cell: state, forces, fluxes, who pays, and that every species adds
 * up. */
#ifndef NESSMAP_BALANCE_H
#define NESSMAP_BALANCE_H

#include <stdio.h>

#include "plan.h"

typedef struct nm_balance {
    const nm_plan *plan; /* not owned: model, variants, solver, catalogue */
    double params[NM_MAX_PARAMS];
    int matters[NM_MAX_PARAMS];   /* 1: some output depends on this parameter here */
    double value[NM_MAX_OUTPUTS]; /* by output number, NaN where the outcome carries none */
    int outcome;                  /* nm_outcome */
    unsigned flags;               /* nm_flag bits */
} nm_balance;

/* Solves one set of params[n_params] with the model, variants and solver of `plan`; all outputs in
 * double.
 * returns NM_MEMORY, NM_DEVICE. */
nm_status nm_balance_solve(nm_balance *balance, const nm_plan *plan, const double *params);

/* Why there is no steady state, or how the cell came to the one that there is (balance_parts.h). */
typedef struct nm_balance_why nm_balance_why;

/* Looks for it. *why stays NULL where the solver gave up, where the state repeats itself or is unstable, and where a model
 * at rest has no time courses; the caller frees it. returns NM_MEMORY, NM_DEVICE. */
nm_status nm_balance_explain(nm_balance_why **why, const nm_balance *balance);

/* Prints it as tables for people, or as one JSON object (SI units, null for what is not there).
 * why: may be NULL. */
void nm_balance_print(FILE *stream, const nm_balance *balance, const nm_balance_why *why);
void nm_balance_print_json(FILE *stream, const nm_balance *balance, const nm_balance_why *why);

#endif
