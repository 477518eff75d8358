/* Finds a model by name among those built in, and checks that it is whole. */
#ifndef NESSMAP_MODEL_STORE_H
#define NESSMAP_MODEL_STORE_H

#include "diag.h"
#include "nessmap/model_abi.h"

/* returns NM_USAGE with the nearest name where there is no such model. */
nm_status nm_model_find(const nm_model **model, const char *name);

/* All built-in models, in alphabetical order as the build lists them; n out. */
const nm_model *const *nm_model_list(int *n);

/* Checks ABI, names (unique over parameters, states and outputs), ranges, units, totals against
 * the left null space of the stoichiometry (nm_conservation_check). returns NM_USAGE with one
 * sentence. */
nm_status nm_model_check(const nm_model *model);

#endif
