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
#include "refine_cells.h"

typedef enum nm_layout { NM_LAYOUT_GRID, NM_LAYOUT_SAMPLE } nm_layout;

enum { NM_AXIS_TABLE_MAX = 1 << 20 }; /* longer axes have no table of their values */

/* What kind = "refine" divides: a map of two axes, or a box in which segments lie. A point is a place
 * on each axis, of which the lattice has NM_LATTICE + 1 (refine_cells.h). */
enum { NM_REFINE_DIMS = 32 };
typedef enum nm_refine_class { NM_CLASS_OUTCOME, NM_CLASS_STEADY, NM_CLASS_OUTPUT } nm_refine_class;
typedef struct nm_refinement {
    int n_dims;
    nm_axis axis[NM_REFINE_DIMS];
    int is_segments;
    nm_lattice lattice; /* a map: its cells */
    int64_t n_probes;   /* a map: the last ones of the first points */
    int64_t n_first;    /* first points: corners and probes, or the ends of each segment in turn */
    int64_t *first;     /* owned: [n_first][n_dims] their places */
    nm_refine_class class; /* what separates */
    int output, slot;      /* NM_CLASS_OUTPUT: of it; found by the plan */
    double threshold;
    int64_t width; /* of a bracket that is narrow enough, on the lattice */
} nm_refinement;

/* Frees it; takes NULL. */
void nm_refinement_destroy(nm_refinement **refinement);

typedef struct nm_design {
    nm_draw draw; /* its pointers go to axis_table and columns */
    nm_layout layout;
    int n_stored; /* parameters that differ from point to point without being axes */
    int32_t stored[NM_MAX_PARAMS];
    double *axis_table[NM_MAX_AXES]; /* owned: all values of each axis, or NULL */
    double *columns[NM_MAX_PARAMS];  /* owned: table design, in units of the model */
    nm_refinement *refinement;       /* owned; NULL but for kind = "refine", whose first points are
                                        the columns */
} nm_design;

/* Number of parameter `name`, or -1. */
int nm_param_index(const nm_model *model, const char *name);

/* 1 where a tie gives parameter `param` its value. */
int nm_draw_is_tied(const nm_draw *draw, int param);

/* Fills `design` from the configuration. The caller frees it with nm_design_clear also after a
 * failure.
 * returns NM_USAGE with one sentence, NM_MEMORY. */
nm_status nm_design_bind(nm_design *design, const nm_config *config, const nm_model *model);
void nm_design_clear(nm_design *design);

#endif
