/* nessmap: phase diagrams of equilibrium and non-equilibrium steady states. The C API.
 *
 * Argument order: object, outputs, inputs; a length follows its array. Every call returns an
 * nm_status; on failure nm_error() holds one sentence. Nothing here exits, and nothing prints
 * unless asked to. */
#ifndef NESSMAP_NESSMAP_H
#define NESSMAP_NESSMAP_H

#include <stdint.h>
#include <stdio.h>

#include "nessmap/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nm_scan nm_scan; /* a configuration bound to its model */

typedef struct nm_run_options {
    const char *output;  /* path of the file; NULL: the configuration's name with .nc, here */
    const char *backend; /* "auto", "cpu", "cuda"; NULL: "auto" */
    int n_threads;       /* 0: all cores */
    int lanes;           /* 8, 4, 1: at most so many points side by side; 0: the widest. Threads and
                            lanes are the CPU's: a GPU has its own */
    int shard, n_shards; /* tiles t with t % n_shards == shard; n_shards 0 or 1: all. Shards may run at the same time;
                            the last to end writes the file */
    int fresh;           /* throw an unfinished run away, replace a finished one of this question */
    int quiet;           /* no progress */
    int log_json;        /* progress as JSON lines */
    const char *timeline; /* file for the times of all steps (Trace Event Format), or NULL */
} nm_run_options;

/* One sentence on the last failure in this thread. */
const char *nm_error(void);
int nm_exit_status(nm_status status);
const char *nm_version(void);

/* The candidate nearest to `word` by edit distance, or NULL if none is near. */
const char *nm_suggest(const char *word, const char *const *candidates, int n_candidates);

/* path: a TOML file. overrides: `--set` texts. */
nm_status nm_scan_open(nm_scan **scan, const char *path, const char *const *overrides,
                       int n_overrides);
void nm_scan_close(nm_scan **scan);

/* Runs to the finished file, resuming where an earlier run of the same question stopped. The
 * summary is printed to `summary` (may be NULL). returns NM_OK, NM_FAILED_POINTS,
 * NM_INTERRUPTED, ... */
nm_status nm_scan_run(nm_scan *scan, const nm_run_options *options, FILE *summary);

/* Several processes, which mpirun or srun started together, share one nm_scan_run, where nessmap was built with MPI.
 * Between `begin` and `end` all of them make the same calls; `end` waits for all. A program that has begun MPI itself
 * (MPI_THREAD_SERIALIZED or more) ends it itself. One process alone need call none of these.
 * begin: returns NM_USAGE where processes were started together that could not share. is_shard: each has an nm_run_options
 * shard of its own instead. agree: NM_OK where `status` is so in all processes, else, in all, the failure of the lowest. */
nm_status nm_ranks_begin(int is_shard);
nm_status nm_ranks_agree(nm_status status);
int nm_rank(void); /* from 0; rank 0 prints and writes the file */
void nm_ranks_end(void);

typedef struct nm_plan_options {
    const char *output;           /* as in nm_run_options */
    int n_threads;                /* of each rank; 0: all cores */
    int n_ranks;                  /* 0: as many as are worth it */
    const char *const *overrides; /* [n_overrides] the `--set` texts of the scan: the line for the
                                     batch system repeats them */
    int n_overrides;
} nm_plan_options;

/* Prints points, tiles, bytes, memory, disk, the estimated time here and on a cluster, and a line that
 * submits it there; writes nothing. options: may be NULL. */
nm_status nm_scan_print_plan(nm_scan *scan, const nm_plan_options *options, FILE *stream);

/* Assembles the journal folder `parts` ("out.nc.parts") into out.nc, or, partial, into
 * out.partial.nc, where missing tiles are not_run; the parts stay then. */
nm_status nm_assemble(const char *parts, int partial, FILE *summary);

/* One cell's balance sheet, as tables or as JSON. Overrides as in nm_scan_open. index: of a point
 * of a finished file, "17", or one number per axis and draw, "3,5", from 0. */
nm_status nm_print_point(FILE *stream, const char *model, const char *const *overrides,
                         int n_overrides, int json);
nm_status nm_print_point_of_file(FILE *stream, const char *path, const char *index, int json);

/* times [s]: "0,1,10", "log:1e-3:1e6:200" or "lin:0:100:11"; NULL: from a small part of the fastest
 * time scale until nothing moves any more */
typedef struct nm_trace_options {
    const char *output; /* path of the file; NULL: the model's name with _trace.nc, here */
    const char *times;
    double rtol; /* relative tolerance of a step; 0: 1e-6 */
} nm_trace_options;

/* One cell's time course from its declared initial state, to NetCDF; `notes` (may be NULL) is told
 * what was written. Overrides and index as for a balance sheet. */
nm_status nm_write_trace(FILE *notes, const char *model, const char *const *overrides,
                         int n_overrides, const nm_trace_options *options);
nm_status nm_write_trace_of_file(FILE *notes, const char *path, const char *index,
                                 const nm_trace_options *options);

/* A finished file as arrays that NumPy maps (X.npy, Y.npy, dY_dX.npy, outcome.npy, flags.npy,
 * split.npy) and a meta.json on them. A call that was stopped goes on where it was. */
typedef struct nm_export_options {
    const char *output; /* the folder; NULL: OUT.data beside OUT.nc */
    const char *inputs,
        *outputs;           /* names by commas; NULL: all that varies, all that was computed */
    const char *split;      /* shares of training, validation, test; NULL: "0.8,0.1,0.1" */
    const char *split_seed; /* a whole number; NULL: "0" */
    const char *const *hold_outs; /* [n_hold_outs] "NAME=LOW..HIGH", in units of the file: rows that
                                      are inside all of them are kept from the three */
    int n_hold_outs;
    int fresh; /* throw an unfinished folder away, replace a finished one */
} nm_export_options;
nm_status nm_export(FILE *notes, const char *path, const nm_export_options *options);

/* Reads the folder of an export again: hashes, statistics and counts, against its meta.json. */
nm_status nm_export_check(FILE *notes, const char *folder);

/* Verifies a finished file, or a part of one, from what it says of itself: fingerprint and attributes are those of its
 * configuration; parameters are those of their index; points solved again give the stored values (a file
 * without points is made again); values obey the laws; some points are followed. `report` (may be NULL)
 * gets a line for each check: passed, FAILED, or not run and why.
 * returns NM_OK where every check that was run has passed; NM_FAILED_POINTS where one has not;
 * NM_FINGERPRINT for a file of another version, model text or configuration, whose points are not looked
 * at; NM_IO for one that cannot be read; NM_USAGE for one that nessmap did not make; NM_INTERRUPTED. */
typedef struct nm_verify_options {
    int64_t points; /* to be solved again, spread evenly; below 0: all; 0: as many as take a minute */
    int n_followed; /* points to be followed; 0: 64; below 0: none */
    int n_threads;  /* 0: all cores */
    int quiet;      /* no progress */
} nm_verify_options;
nm_status nm_verify(FILE *report, const char *path, const nm_verify_options *options);

/* Points of a scan in memory, in place of a file: for a program that wants fresh ones all the time,
 * or has parameter sets of its own. Calls for one sampler may run in several threads at once. */
typedef struct nm_sampler nm_sampler;

typedef enum nm_sampler_part {
    NM_SAMPLER_INPUTS,  /* parameters that axes, distributions or a table vary, ties left out */
    NM_SAMPLER_OUTPUTS, /* output.variables */
    NM_SAMPLER_DERIVED, /* output.gradients: outputs that have derivatives, */
    NM_SAMPLER_BY,      /* and the parameters by which they are taken, in the order of the inputs */
    NM_SAMPLER_N_PARTS
} nm_sampler_part;

typedef struct nm_sampler_column { /* texts live as long as the sampler */
    const char *name, *unit, *text;
} nm_sampler_column;

/* Rows of n points, room of the caller; NULL: not wanted. Numbers are float, or double where is_f64,
 * in units of the columns: SI. */
typedef struct nm_sample {
    int is_f64;
    void *inputs;      /* [n][inputs] */
    void *outputs;     /* [n][outputs], NaN where the outcome carries no value */
    void *derivatives; /* [n][derived][by], NaN where there is none */
    int8_t *outcome;   /* [n] as in a file: 0 equilibrium, 1 ness, ... */
    uint16_t *flags;   /* [n] as in a file */
} nm_sample;

/* The scan must stay open as long as its sampler; what its [[reduce]] would keep is of no matter.
 * backend: NULL is "cpu": a GPU is prepared anew for each call, which only large ones are worth.
 * n_threads, lanes: as in nm_run_options. returns NM_USAGE (a refinement too), NM_MEMORY, NM_DEVICE. */
nm_status nm_sampler_open(nm_sampler **sampler, const nm_scan *scan, const char *backend,
                          int n_threads, int lanes);
void nm_sampler_close(nm_sampler **sampler);

/* What stands in the rows. returns the number of columns. */
int nm_sampler_columns(const nm_sampler_column **columns, const nm_sampler *sampler,
                       nm_sampler_part part);
int64_t nm_sampler_n_points(const nm_sampler *sampler); /* of the design */

/* Solves the points [first, first + n) of the design: the numbers of the scan's file. */
nm_status nm_sampler_points(const nm_sampler *sampler, const nm_sample *out, int64_t first,
                            int64_t n);

/* Solves the caller's sets [n][inputs], of the type of `out`. Ties follow them; audits, where the scan
 * has any, fall on rows by their number in the call. */
nm_status nm_sampler_sets(const nm_sampler *sampler, const nm_sample *out, const void *sets,
                          int64_t n);

/* Print: the models, one line each; one model's parameters, states, pathways, outputs; a commented
 * configuration to start from; version, compiler, lanes, backends. */
nm_status nm_print_models(FILE *stream);
nm_status nm_print_model(FILE *stream, const char *name, const char *const *overrides,
                         int n_overrides);
nm_status nm_print_init(FILE *stream, const char *model, const char *const *overrides,
                        int n_overrides);

/* Wherever a model is named, a path or a name that ends in .c is the user's own file: compiled when
 * it is first used, and its code is run. */

/* Prints that `path` has no mistake: where it ends in .c, a model's file, with what it consists of;
 * else a configuration, resolved, with remarks, as TOML. Overrides as in nm_scan_open. */
nm_status nm_print_check(FILE *stream, const char *path, const char *const *overrides,
                         int n_overrides);

/* Compiles a model file for every processor, so that no compiler is needed later, and its kernels
 * for GPUs; prints where each is kept. architectures: "sm_90", or several by commas; NULL: those of
 * the devices here, if any. overrides: as in nm_scan_open; they choose the variants that the GPU's
 * kernels are made for, and what a built-in model consists of, which then is compiled as well. */
nm_status nm_compile_model(FILE *stream, const char *path, const char *architectures,
                           const char *const *overrides, int n_overrides);

nm_status nm_print_info(FILE *stream);

/* 1: no notes on stderr from here on, as that a model is being compiled. */
void nm_quiet(int quiet);

/* Asks a running nm_scan_run to stop cleanly (drain, sync, NM_INTERRUPTED). Async-signal-safe. */
void nm_interrupt(void);

#ifdef __cplusplus
}
#endif
#endif
