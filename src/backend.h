/* Where tiles are computed. A backend takes tiles that are not done and hands back filled
 * payloads. */
#ifndef NESSMAP_BACKEND_H
#define NESSMAP_BACKEND_H

#include "plan.h"

typedef struct nm_backend_options {
    int n_threads; /* 0: all cores */
    int lanes;     /* 8, 4 or 1: at most this wide; 0: the widest this machine has */
} nm_backend_options;

typedef struct nm_tile_report { /* points of a tile */
    int64_t n, n_newton, n_follow;
    int64_t n_failed; /* not_converged or left_domain */
} nm_tile_report;

/* Callbacks of the run; called from several threads.
 * next: the next tile to compute, or -1 when there is none or the run was interrupted.
 * done: takes a filled payload of nm_plan_tile_bytes; an error stops the run. */
typedef struct nm_tile_source {
    void *context;
    int64_t (*next)(void *context);
    nm_status (*done)(void *context, int64_t i_tile, const void *payload, int64_t bytes,
                      const nm_tile_report *report);
    /* a sentence for the people who watch (smaller batches, a device that is left out); may be NULL */
    void (*note)(void *context, const char *sentence);
} nm_tile_source;

/* Counts what failed in the payload of tile i_tile and hands it to source->done. */
nm_status nm_backend_hand_over(nm_tile_source *source, const nm_plan *plan, int64_t i_tile,
                               const void *payload, int64_t n_newton, int64_t n_follow);

typedef struct nm_backend {
    const char *name; /* "cpu" */
    /* Computes tiles until the source has no more. NULL where the backend is not built. */
    nm_status (*run)(const nm_plan *plan, const nm_backend_options *options,
                     nm_tile_source *source);
    void (*describe)(FILE *stream); /* for `nessmap info` */
} nm_backend;

/* name: "auto", "cpu" or "cuda". returns NM_DEVICE with a sentence where it is not built or not
 * there. */
nm_status nm_backend_choose(const nm_backend **backend, const char *name);

/* Prints what each backend finds on this machine. */
void nm_backend_describe_all(FILE *stream);

/* The widest kernel of at most `lanes` lanes (0: any) that this CPU can run.
 * returns NM_USAGE for an unknown width, NM_DEVICE where the CPU cannot run that width. */
nm_status nm_backend_cpu_kernel(const nm_kernel **kernel, const nm_model *model, int lanes);

/* Number of threads that n_threads (0: all cores this process may use) stands for. */
int nm_backend_cpu_threads(int n_threads);

/* 1 where this CPU can run kernels of `lanes` lanes. */
int nm_backend_cpu_has_lanes(int lanes);

#endif
