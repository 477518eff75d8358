/* Which points a scan has: axes, draws, the user's own table, ties; a pure function of the
 * point's index.
 *
 * The names of the configuration are looked up in the model, its quantities converted into the
 * model's units. */
#ifndef NESSMAP_DESIGN_H
#define NESSMAP_DESIGN_H

#include <stdint.h>

#include "config.h"
#include "nessmap/model_abi.h"

typedef enum nm_layout { NM_LAYOUT_GRID, NM_LAYOUT_SAMPLE } nm_layout;

enum { NM_AXIS_TABLE_MAX = 1 << 20 }; /* longer axes have no table of their values */

typedef struct nm_design {
    nm_draw draw; /* its pointers go to axis_table and columns */
    nm_layout layout;
    int n_stored; /* parameters that differ from point to point without being axes */
    int32_t stored[NM_MAX_PARAMS];
    double *axis_table[NM_MAX_AXES]; /* owned: all values of each axis, or NULL */
    double *columns[NM_MAX_PARAMS];  /* owned: table design, in units of the model */
} nm_design;

/* Number of parameter `name`, or -1. */
int nm_param_index(const nm_model *model, const char *name);

/* Fills `design` from the configuration. The caller frees it with nm_design_clear also after a
 * failure.
 * returns NM_USAGE with one sentence, NM_MEMORY. */
nm_status nm_design_bind(nm_design *design, const nm_config *config, const nm_model *model);
void nm_design_clear(nm_design *design);

#endif
