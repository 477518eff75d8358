/* A design as SALib's problem dictionary, so that foreign estimators can be run on the rows of a file. */
#ifndef NESSMAP_SALIB_H
#define NESSMAP_SALIB_H

#include "plan.h"

/* *text: JSON of num_vars, names, bounds and dists of the drawn parameters, as SALib 1.4 and later read them; free(*text). */
nm_status nm_salib_problem(char **text, const nm_plan *plan);

#endif
