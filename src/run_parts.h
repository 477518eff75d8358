/* What the files of a run share. For run.c and run_tiles.c. */
#ifndef NESSMAP_RUN_PARTS_H
#define NESSMAP_RUN_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "backend.h"
#include "comm.h"
#include "deal.h"
#include "grid_nc.h"
#include "journal.h"
#include "progress.h"
#include "run.h"
#include "summary.h"
#include "writer.h"

/* Everything one run holds; released by `release` whatever happened. */
typedef struct nm_run_state {
    const nm_config *config;
    const nm_run_options *options;
    char *out_path;
    const nm_backend *backend;
    int is_begun; /* `auto` found a run that this backend began */
    nm_plan *plan;
    nm_journal *journal;
    nm_writer *writer; /* while tiles are computed */
    nm_assembly *file; /* grows beside the journal, or NULL: it is made when all tiles are there */
    atomic_int is_behind; /* the file could not take a tile */
    nm_tally *tally;
    nm_progress progress;
    int i_stage; /* of a refinement; 0: the first points, or a scan without stages */
    nm_run_stats stats;
    int is_at_work; /* with tiles: from here on the run log tells of this run, whatever becomes of it */
    nm_timeline *timeline; /* NULL: not wanted */
    nm_backend_options backend_options;
    nm_backend_report report;
    int rank, n_ranks;
    pthread_mutex_t lock; /* of all below, the progress and the counts in stats */
    nm_deal deal;         /* of the tiles, among ranks */
    nm_comm_news news;    /* rank above 0: for rank 0, since `told` */
    double told;          /* monotonic clock [s] */
    atomic_int must_stop; /* another rank was interrupted or failed */
    int has_failed;       /* this one */
    int n_interrupts;     /* that earlier runs have answered */
    double start;         /* monotonic clock [s] */
    time_t begun;
} nm_run_state;

/* Computes the tiles of the plan that are not done and keeps them in the journal; shared among the ranks.
 * returns, on all ranks, what one of them failed with. */
nm_status nm_run_tiles(nm_run_state *run);

#endif
