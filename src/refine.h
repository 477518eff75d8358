/* Boundaries between classes, found by stages of points each of which follows from the classes of
 * those before: cells that are divided where their corners differ, then edges that are halved.
 *
 *   out.nc.parts/                 the journal of the first points, and the lock of the run
 *   out.nc.parts/stageNNNN.parts  the journal of a later stage
 *
 * The list of a stage is a pure function of the classes of the stages before, so a run that was
 * killed reads them again and goes on where it stood. */
#ifndef NESSMAP_REFINE_H
#define NESSMAP_REFINE_H

#include <stdio.h>

#include "journal.h"
#include "plan.h"
#include "summary.h"

enum { NM_MOST_CLASSES = 16 };

/* Who computes. solve: computes the points of a stage, whose journal is beside `path`, and opens that
 * journal; an error too leaves it closed. what: the points in words. */
typedef struct nm_refine_host {
    void *context;
    nm_status (*solve)(void *context, nm_plan *stage, const char *path, const char *what,
                       nm_journal **journal);
} nm_refine_host;

typedef struct nm_found { /* points and what was found there */
    int64_t n;
    int64_t *place; /* [n][n_dims] on the lattice */
    double *values; /* [n][n_slots] */
    int8_t *class, *outcome;
    uint16_t *flags;
} nm_found;

typedef struct nm_bracket { /* two places of different classes with a boundary between them */
    int64_t *from, *to;     /* [n_dims] each */
    int64_t number;         /* of the segment; a map: of the vertex or probe that it began with */
    int32_t direction;      /* as in nm_edge; 0 for segments */
    int8_t class[2], outcome[2];
    int8_t is_stuck; /* its middle was not solved */
} nm_bracket;

typedef struct nm_refined { /* what a refinement has found */
    const nm_plan *plan;
    nm_tree *tree;             /* a map */
    nm_found vertices, probes; /* vertices in the order in which the tree learned them; of segments
                                  their ends in turn */
    nm_bracket *bracket;
    int64_t *bracket_place; /* of both ends of all */
    int64_t n_brackets;
    int64_t n_stages, count[NM_N_OUTCOMES]; /* all points that were solved, by outcome */
} nm_refined;

/* What is said of it in the file and in the summary. */
typedef struct nm_refine_report {
    int64_t n_stages, n_solved, n_failed, n_vertices, n_cells, n_boundary;
    int64_t n_stuck; /* boundary points whose bracket stayed wide, since the solver gave up in it */
    double half_width;     /* the largest of all brackets, a share of the axis */
    double equal_grid;     /* points of the grid of the finest cells; 0 for segments */
    double missed_share;   /* with 95 % confidence, no region that is a larger share was missed */
    double crossing_share; /* of segments whose ends differ */
    double mixed_share;    /* of the map: cells through which a boundary goes */
    double class_share[NM_MOST_CLASSES]; /* of the map in cells of that class; of the ends */
} nm_refine_report;

/* Runs the stages after the first, whose points are all in `journal`, and writes out_path. */
nm_status nm_refine_run(nm_refine_report *report, const nm_plan *plan, nm_journal *journal,
                        const char *out_path, const nm_refine_host *host);

/* Removes the journals of stages, if there are any. The lock of the run is held. */
void nm_refine_sweep(const char *out_path);

/* Share of the points that failed. */
double nm_refine_failed_share(const nm_refine_report *report);

/* Name of a class of the plan, for attributes and people; NULL: there is none. */
const char *nm_refine_class_name(const nm_plan *plan, int class);

/* stats: NULL where nothing was computed. */
void nm_refine_print(FILE *stream, const nm_plan *plan, const nm_refine_report *report,
                     const nm_run_stats *stats, const char *path);

/* Between refine.c and refine_nc.c: writes the file and fills in the report. */
nm_status nm_refine_nc_write(nm_refine_report *report, const nm_refined *refined,
                             const char *out_path);

/* Reads the report of a finished file again. */
nm_status nm_refine_nc_report(nm_refine_report *report, const char *path);

#endif
