/* Units by UDUNITS; "mM" and "M" are understood too. Everything here is thread-safe. */
#ifndef NESSMAP_UNITS_H
#define NESSMAP_UNITS_H

#include "diag.h"

/* Reads "5.4 mmol/L", or "5.4" (then in `unit`), into `value` in `unit` ("" and "1": no unit).
 * Decimal prefixes are exact: "5.4 mmol" is the double nearest to 0.0054 mol.
 * returns NM_USAGE with a sentence fragment in nm_last_error when the text is no number, the unit
 * is unknown or of another kind; `value` is then untouched. */
nm_status nm_units_parse(double *value, const char *text, const char *unit);

/* returns NM_OK if UDUNITS knows `unit`, else NM_USAGE with a sentence fragment. */
nm_status nm_units_check(const char *unit);

/* Splits "5.4 mmol/L" into a finite decimal number and the text of its unit ("" where there is
 * none); needs no units database. returns NM_USAGE with a sentence fragment where the text does not
 * begin with a number. */
nm_status nm_units_split(double *number, const char **unit, const char *text);

#endif
