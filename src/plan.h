/* A configuration checked against its model: everything a run needs to know, immutable.
 *
 *   config + model -> axes, draws, ties, output columns, tiles, bytes, fingerprint */
#ifndef NESSMAP_PLAN_H
#define NESSMAP_PLAN_H

#include <stdint.h>
#include <stdio.h>

#include "config.h"
#include "design.h"
#include "nessmap/model_abi.h"
#include "tiles.h"

typedef enum nm_family {
#define NM_FAMILY_ENUM(tag, counter, prefix, unit, text) NM_FAMILY_##tag,
    NM_FAMILY_LIST(NM_FAMILY_ENUM)
#undef NM_FAMILY_ENUM
} nm_family;
#define NM_FAMILY_ONE(tag, counter, prefix, unit, text) +1
enum { NM_N_FAMILIES = 0 NM_FAMILY_LIST(NM_FAMILY_ONE) };
#undef NM_FAMILY_ONE

/* What of [stochastic] must be there for an output to have values. */
typedef enum nm_need {
    NM_NEED_NOTHING,
    NM_NEED_TRAJECTORIES,
    NM_NEED_CYCLE /* and first_passage */
} nm_need;

typedef struct nm_output { /* one possible output of a model; number = position in the catalogue */
    char name
        [64]; /* "" where the output is not offered (concentrations of held species and water) */
    char unit[64];
    char text[160];
    int is_default;
    nm_need need;
    int is_default_walk; /* a default where there are trajectories */
} nm_output;

typedef struct nm_catalogue {
    int n;
    nm_output output[NM_MAX_OUTPUTS + NM_MAX_GRADIENTS]; /* behind the n: a plan's derivatives */
} nm_catalogue;

/* Lists all outputs of a model, in the order of NM_FAMILY_LIST. Names are checked for
 * uniqueness. */
nm_status nm_catalogue_build(nm_catalogue *catalogue, const nm_model *model);

/* Number of outputs of a family, and of its i-th in the catalogue. */
int nm_catalogue_count(const nm_model *model, nm_family family);
int nm_catalogue_number(const nm_model *model, nm_family family, int i);

/* The unit of a species' amount: "mol m-3", or that of the parameter that its total is named for
 * ("mol m-2" of the states of a carrier). */
const char *nm_catalogue_unit(const nm_model *model, int i_species);

/* The pathways of a loop, "pump - 3 leak_Na + 2 leak_K": turns of each in one turn of the loop,
 * that which closes it first. out: [NM_LOOP_TEXT]; returns it. */
enum { NM_LOOP_TEXT = 512 };
char *nm_catalogue_loop(char *out, const nm_model *model, int i_loop);

/* 1 where all is there that an output needs. */
int nm_catalogue_is_met(const nm_output *output, const nm_stochastic *stochastic);

/* Number of the output `name`, or -1. */
int nm_catalogue_find(const nm_catalogue *catalogue, const char *name);

struct nm_plan {
    const nm_model *model;
    const nm_config *config; /* not owned */
    nm_catalogue catalogue;
    nm_task task; /* handed to kernels as it is */
    nm_layout layout;
    int64_t n_points, tile_points, n_tiles;
    int64_t origin; /* first point of the first tile, where every point is kept: 0, but for a
                       sampler's; the last one is n_points - 1 */
    int64_t tiles_per_cell; /* 1 or more where the scan is reduced (task.reduction) */
    int64_t chunk_points;   /* points that are reduced at once, whole blocks */
    int column_output[NM_MAX_OUTPUTS +
                      NM_MAX_GRADIENTS]; /* slot -> output number, n = task.n_slots */
    int64_t record_bytes;                /* payload of the first tile */
    int64_t file_bytes, peak_disk_bytes, memory_bytes;
    double charged_share; /* share of sampled points whose bath carries net charge */
    int n_unused;         /* parameters that were given but that these variants do not use */
    char unused[256];     /* their names, "P_Na, P_K" */
    char model_hash[33];  /* 32 hex digits: the model's file and tables */
    char fingerprint[33]; /* 32 hex digits: question, model, version, precision, backend */
    const char *backend;  /* "cpu" or "cuda": a static name */
    double *axis_table
        [NM_MAX_AXES]; /* owned: all values of each axis; NULL where n > NM_AXIS_TABLE_MAX */
    double *columns[NM_MAX_PARAMS]; /* owned: table design */
    nm_projection *projections;     /* owned: those of task.reduction, and its table */
    double *table;
    int bins_are_log[NM_MAX_PROJECTED]; /* 1: the bins along this axis are even in the logarithm */
    nm_refinement *refinement; /* owned; NULL: none. The points of the plan are the first ones */
};

/* Checks the configuration against the model. `backend` (a static "cpu" or "cuda") goes into the
 * fingerprint and is kept.
 * returns NM_USAGE with one sentence (an unreadable table too), NM_MEMORY. */
nm_status nm_plan_build(nm_plan **plan, const nm_config *config, const nm_model *model,
                        const char *backend);
void nm_plan_destroy(nm_plan **plan);

/* Makes it a plan for another backend: the fingerprint alone changes. returns NM_MEMORY. */
nm_status nm_plan_set_backend(nm_plan *plan, const char *backend);

/* Memory of a process that holds n_buffers tiles at once, or the NM_PLAN_BUFFERS of memory_bytes where
 * that is more. [bytes] */
enum { NM_PLAN_BUFFERS = 8 };
int64_t nm_plan_memory(const nm_plan *plan, int n_buffers);

/* Prints points, tiles, bytes, memory, disk for people. */
void nm_plan_print(const nm_plan *plan, FILE *stream);

#endif
