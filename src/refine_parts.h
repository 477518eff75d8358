/* The file of a refinement while it is written: between refine_nc.c (the whole), refine_lists.c (lists of
 * points, cells and the boundary) and refine_picture.c. */
#ifndef NESSMAP_REFINE_PARTS_H
#define NESSMAP_REFINE_PARTS_H

#include "assemble.h"
#include "refine.h"

typedef struct nm_refine_list { /* a list of points in the file */
    const char *name;           /* "vertex" */
    const nm_found *found;
    int64_t *order; /* [found->n] owned */
    int dim, level, key, outcome, flags;
    int param[NM_MAX_PARAMS], output[NM_MAX_OUTPUTS];
} nm_refine_list;

typedef struct nm_refine_writer {
    const nm_refined *refined;
    const nm_refinement *refinement;
    nm_assembly *a;
    nm_refine_report *report;
    nm_refine_list list[2]; /* vertices, probes */
    int n_lists;
    nm_leaf *leaf;
    int64_t n_leaves;
    int cell_level, cell_key, cell_class;
    int boundary_param[NM_MAX_PARAMS], half_width, direction, segment, end_outcome[2], end_class[2];
    int picture_outcome, picture[NM_MAX_OUTPUTS];
    int64_t n_pixels[2];
} nm_refine_writer;

nm_status nm_refine_no_memory(void);

/* returns NM_IO with a sentence where `code` of a NetCDF call is an error. */
nm_status nm_refine_check(const nm_refine_writer *w, int code);

/* Defines the variable "prefix_name" (or "name") with its words; unit may be NULL. */
nm_status nm_refine_define(const nm_refine_writer *w, int *variable, const char *prefix,
                           const char *name, int type, int n_dims, const int *dim, const char *unit,
                           const char *text);

/* Writes all n elements of a list; a list may be empty. */
nm_status nm_refine_put_list(const nm_refine_writer *w, int variable, int64_t n, const void *data);

/* Lists of points: vertices of a map by level and key, so that no stage shows; all others as they
 * are. The hashes are of the keys of the vertices of each level. */
nm_status nm_refine_sort_points(const nm_refine_writer *w, nm_refine_list *list, int has_keys);
nm_status nm_refine_define_list(const nm_refine_writer *w, nm_refine_list *list, int has_keys);
nm_status nm_refine_write_list(const nm_refine_writer *w, const nm_refine_list *list, int has_keys);
nm_status nm_refine_put_hashes(const nm_refine_writer *w);

nm_status nm_refine_define_cells(nm_refine_writer *w);
nm_status nm_refine_write_cells(const nm_refine_writer *w);

/* Half the width of a bracket, a share of the axis. */
double nm_refine_half_width(const nm_bracket *bracket, int n_dims);
nm_status nm_refine_define_boundary(nm_refine_writer *w);
nm_status nm_refine_write_boundary(const nm_refine_writer *w);

nm_status nm_refine_define_picture(nm_refine_writer *w);
nm_status nm_refine_write_picture(const nm_refine_writer *w);

#endif
