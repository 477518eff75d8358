/* Where tiles are computed. A backend takes tiles that are not done and hands back filled
 * payloads. */
#ifndef NESSMAP_BACKEND_H
#define NESSMAP_BACKEND_H

#include "plan.h"
#include "timeline.h"

enum { NM_MAX_DEVICES = 64 }; /* that one process uses */

/* A device, and what it did in a run. */
typedef struct nm_backend_device {
    int number; /* among those that the process may see */
    char name[256];
    int major, minor;                    /* compute capability */
    int driver;                          /* CUDA version of the driver: 1000 major + 10 minor */
    char kernels[24];                    /* "built in", "cached" or "compiled now" */
    int n_batches;                       /* that can be in work at once */
    int64_t batch_points, memory_bytes;  /* of a batch at most; device memory taken */
    int64_t n_points;                    /* computed */
    double compute_s, copy_s, journal_s; /* time with at least one batch at each of these */
    double wall_s;                       /* all three run side by side within this */
} nm_backend_device;

/* What a backend says of itself and of a run. */
typedef struct nm_backend_report {
    int n_threads, lanes; /* cpu; else 0 */
    int was_compiled;     /* 1: kernels were compiled for this run */
    int n_devices;        /* cuda; else 0 */
    nm_backend_device device[NM_MAX_DEVICES];
} nm_backend_report;

/* Threads and lanes concern the CPU alone. */
typedef struct nm_backend_options {
    int n_threads;             /* 0: all cores */
    int lanes;                 /* 16, 8 or 1: at most this wide; 0: the widest this machine has */
    nm_timeline *timeline;     /* or NULL */
    nm_backend_report *report; /* filled in by `check` and `run`; or NULL */
} nm_backend_options;

typedef struct nm_tile_report { /* points of a tile */
    int64_t n, n_newton, n_follow;
    int64_t count[NM_N_OUTCOMES];
} nm_tile_report;

/* Callbacks of the run; called from several threads.
 * next: the next tile to compute, or -1 when there is none or the run was interrupted.
 * take: room for a payload, which `done` takes back filled. NULL: there is none to be had.
 * done: takes a filled payload of nm_plan_tile_bytes, which is the caller's again on return if it
 * is not one of `take`; an error, maybe of a tile before, stops the run. */
typedef struct nm_tile_source {
    void *context;
    int64_t (*next)(void *context);
    nm_status (*take)(void *context, void **payload);
    nm_status (*done)(void *context, int64_t i_tile, void *payload, int64_t bytes,
                      const nm_tile_report *report);
    /* a sentence for the people who watch, such as on smaller batches; may be NULL */
    void (*note)(void *context, const char *sentence);
} nm_tile_source;

/* Counts the outcomes in the payload of tile i_tile and hands it to source->done. */
nm_status nm_backend_hand_over(nm_tile_source *source, const nm_plan *plan, int64_t i_tile,
                               void *payload, int64_t n_newton, int64_t n_follow);

typedef struct nm_backend {
    const char *name; /* "cpu" */
    /* Whether it can compute this plan here; nothing is computed, but kernels may be compiled.
     * is_absent: 1 where it cannot because the machine has no such device at all.
     * returns NM_DEVICE or NM_USAGE with one sentence. */
    nm_status (*check)(const nm_plan *plan, const nm_backend_options *options, int *is_absent);
    /* Computes tiles until the source has no more. What was handed over before an error counts. */
    nm_status (*run)(const nm_plan *plan, const nm_backend_options *options,
                     nm_tile_source *source);
    void (*describe)(FILE *stream); /* for `nessmap info` */
    /* for `nessmap plan`: what a run would take of the devices here, nothing where there are none */
    void (*describe_plan)(const nm_plan *plan, FILE *stream);
} nm_backend;

/* "cpu" and "cuda", in some order; NULL behind the last one. */
const char *nm_backend_name(int i);

/* name: "cpu" or "cuda"; "auto" or NULL gives NULL: nm_backend_choose_for finds it then.
 * returns NM_USAGE for another name. */
nm_status nm_backend_choose(const nm_backend **backend, const char *name);

/* The first that can compute the plan: a device before the processor. `note` gets a sentence where a
 * device is there that cannot. returns what the check of the last one said. */
nm_status nm_backend_choose_for(const nm_backend **backend, const nm_plan *plan,
                                const nm_backend_options *options,
                                void (*note)(void *context, const char *sentence), void *context);

/* Prints what each backend finds on this machine; what it would take for a plan. */
void nm_backend_describe_all(FILE *stream);
void nm_backend_describe_plan(const nm_plan *plan, FILE *stream);

/* The widest kernel of at most `lanes` lanes (0: any) that this CPU can run.
 * returns NM_USAGE for an unknown width, NM_DEVICE where the CPU cannot run that width. */
nm_status nm_backend_cpu_kernel(const nm_kernel **kernel, const nm_model *model, int lanes);

/* Number of threads that n_threads (0: all cores this process may use) stands for. */
int nm_backend_cpu_threads(int n_threads);

/* 1 where this CPU can run kernels of `lanes` lanes. */
int nm_backend_cpu_has_lanes(int lanes);

#endif
