/* What the pathways of a model conserve, in integers: the left null space of its stoichiometry. */
#ifndef NESSMAP_CONSERVATION_H
#define NESSMAP_CONSERVATION_H

#include "diag.h"
#include "nessmap/model_abi.h"

/* Checks the declared totals: each is a sum of free species that no pathway changes, they are
 * independent, and together with the charges of the compartments whose potential floats they are
 * all that is conserved. An undeclared sum would leave the steady state undetermined. returns
 * NM_USAGE with one sentence, NM_MEMORY. */
nm_status nm_conservation_check(const nm_model *model);

#endif
