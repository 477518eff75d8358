/* Units that people read, for the tables of a balance sheet. */
#ifndef NESSMAP_BALANCE_UNITS_H
#define NESSMAP_BALANCE_UNITS_H

#include "balance_parts.h"
#include "words.h"

/* A unit with a power of 1000, and the factor from SI to it. */
typedef struct nm_scale {
    double factor;
    char unit[32];
} nm_scale;

/* For numbers up to `largest` of the unit base + rest; first: the power of 1000 that the SI unit has
 * itself. */
nm_scale nm_scale_for(double largest, const char *base, const char *rest, int first);

/* Of all fluxes of a sheet: nmol/m2/s, or, in a flask, mM/s; of all powers. */
nm_scale nm_flux_scale(const nm_balance *balance);
nm_scale nm_power_scale(const nm_balance *balance);

int nm_is_flask(const nm_model *model);
double nm_balance_scalar(const nm_balance *balance, int number);

/* A power without what is rounding beside all that is turned over. */
double nm_balance_power(const nm_balance *balance, double power);

/* What all who pay supply; those who receive are not counted. */
double nm_balance_supplied(const nm_balance *balance);

/* "" for a number without unit. */
const char *nm_unit_of(const char *unit);

/* Columns for the longest name of a model. */
int nm_name_columns(const nm_model *model);

/* Four digits, "-" where there is no number. out: [NM_WORDS]; returns it. */
const char *nm_balance_number(char *out, double value);

/* The pathways that bring species s (sign 1) or take it (-1), "5.43 pump, 1 NKCC", behind column *at. */
void nm_balance_print_flows(FILE *stream, int *at, const nm_balance *balance, int s, int sign,
                            nm_scale scale);

/* Tables of a sheet (balance_tables.c). */
void nm_balance_print_fluxes(FILE *stream, const nm_balance *balance);
void nm_balance_print_forces(FILE *stream, const nm_balance *balance);
void nm_balance_print_loops(FILE *stream, const nm_balance *balance);
void nm_balance_print_molecule(FILE *stream, const nm_balance *balance);
void nm_balance_print_bill(FILE *stream, const nm_balance *balance);

#endif
