/* Between design.c and design_sets.c: what sets each parameter, and quantities in its unit. */
#ifndef NESSMAP_DESIGN_PARTS_H
#define NESSMAP_DESIGN_PARTS_H

#include "design.h"

enum { NM_KEY_BYTES = 160 }; /* longest name of a key in a sentence */

typedef enum nm_role { /* what sets a parameter */
                       NM_ROLE_DEFAULT,
                       NM_ROLE_FIXED,
                       NM_ROLE_AXIS,
                       NM_ROLE_RANDOM,
                       NM_ROLE_COLUMN,
                       NM_ROLE_TIE
} nm_role;

typedef struct nm_binder {
    nm_design *design;
    const nm_config *config;
    const nm_model *model;
    const char *names[NM_MAX_PARAMS]; /* of the parameters */
    nm_role role[NM_MAX_PARAMS];
} nm_binder;

/* Looks a parameter up; the sentence names `section` and the nearest parameter. */
nm_status nm_design_param(int *param, const nm_binder *binder, const char *section,
                          const char *name, nm_where where);

/* Marks what sets a parameter; nothing may be set twice. */
nm_status nm_design_claim(nm_binder *binder, int param, nm_role role, const char *section,
                          nm_where where);

/* Converts a quantity into `unit`. key: the whole name of the key, for the sentence. */
nm_status nm_design_convert(double *value, const nm_binder *binder, const char *key,
                            const nm_quantity *quantity, const char *unit);

/* Converts a difference of two quantities: "2 degC" is 2 K, not 275.15 K. */
nm_status nm_design_difference(double *value, const nm_binder *binder, const char *key,
                               const nm_quantity *quantity, const char *unit);

/* Bind [[random]], the table and [tie] of the configuration. The table sets draw.n_points. */
nm_status nm_design_random(nm_binder *binder);
nm_status nm_design_table(nm_binder *binder);
nm_status nm_design_ties(nm_binder *binder);

/* Makes axes or drawn parameters that are bound into a refinement and the table of its first points. */
nm_status nm_design_refine(nm_binder *binder);

#endif
