/* The file while it is being assembled: shared by assemble.c (data) and attributes.c (what the data
 * mean). */
#ifndef NESSMAP_ASSEMBLE_H
#define NESSMAP_ASSEMBLE_H

#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "slab.h"
#include "tally.h"

#define NM_EACH_POINT (1u << 31)

typedef enum nm_role {
    NM_ROLE_FIXED,  /* a scalar */
    NM_ROLE_AXIS,   /* a coordinate variable */
    NM_ROLE_STORED, /* drawn, kept with each point */
    NM_ROLE_DERIVED /* follows from axes or from the index: evaluated again */
} nm_role;

typedef struct nm_column { /* a variable over all points that records hold */
    int variable;
    size_t bytes; /* of one element */
    char *stage;  /* one chunk, where chunks are compressed */
} nm_column;

typedef struct nm_assembly {
    const nm_plan *plan;
    const char *out_path;
    char *temporary;
    int id, partial, compression;
    size_t value_bytes;

    int n_dims, dim_id[NM_MAX_DIMS];
    int64_t dim[NM_MAX_DIMS];
    size_t chunk[NM_MAX_DIMS];
    int split;           /* the dimension that chunks share out */
    int64_t chunk_row;   /* points of one step along it */
    int64_t stage_first; /* first point of the chunk that is being collected */

    nm_role role[NM_MAX_PARAMS];
    uint32_t depends[NM_MAX_PARAMS];
    int param_variable[NM_MAX_PARAMS];
    char coordinates[NM_MAX_PARAMS * 64];

    int n_columns;
    nm_column columns[NM_MAX_OUTPUTS + NM_MAX_PARAMS + 2];
    nm_tally *tally;
} nm_assembly;

/* returns NM_IO with a sentence where `code` of a NetCDF call is an error. */
nm_status nm_assembly_check(const nm_assembly *a, int code);

/* Lists the auxiliary coordinates: all parameters that are not axes. */
void nm_assembly_list_coordinates(nm_assembly *a);

/* Write attributes. The counts come last, when they are known. */
nm_status nm_assembly_describe_file(nm_assembly *a);
nm_status nm_assembly_describe_param(nm_assembly *a, int param);
nm_status nm_assembly_describe_output(nm_assembly *a, int variable, const nm_output *output);
nm_status nm_assembly_describe_outcome(nm_assembly *a, int variable);
nm_status nm_assembly_describe_flags(nm_assembly *a, int variable);
nm_status nm_assembly_describe_counts(nm_assembly *a);

#endif
