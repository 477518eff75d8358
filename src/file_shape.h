/* What a file of a scan is made of: its dimensions, and along which of them each parameter lies. */
#ifndef NESSMAP_FILE_SHAPE_H
#define NESSMAP_FILE_SHAPE_H

#include <stdint.h>

#include "plan.h"
#include "slab.h"

#define NM_EACH_POINT (1u << 31)

typedef enum nm_role {
    NM_ROLE_FIXED,   /* a scalar */
    NM_ROLE_AXIS,    /* a coordinate variable */
    NM_ROLE_STORED,  /* drawn, kept with each point */
    NM_ROLE_DERIVED, /* follows from axes or from the index: evaluated again */
    NM_ROLE_REDUCED  /* varies within the cells that are kept: not in the file */
} nm_role;

typedef struct nm_file_shape {
    int n_dims; /* of the points, or of the cells that are kept: axes, then draws; or samples */
    int64_t dim[NM_MAX_DIMS], step[NM_MAX_DIMS]; /* step: points from one place to the next */
    nm_role role[NM_MAX_PARAMS];
    uint32_t depends[NM_MAX_PARAMS]; /* bit i: on axis i; NM_EACH_POINT: on the draws of a point */
} nm_file_shape;

void nm_file_shape_find(nm_file_shape *shape, const nm_plan *plan);

/* The dimensions of a parameter's variable, slowest first. returns how many. */
int nm_file_shape_of(int which[NM_MAX_DIMS], const nm_file_shape *shape, const nm_plan *plan,
                     int param);

/* 1 if the parameter needs a value for each point, not only along some axes. */
int nm_file_shape_is_over_all(const nm_file_shape *shape, const nm_plan *plan, int param);

/* The name of dimension i. */
const char *nm_file_shape_name(const nm_plan *plan, int i);

#endif
