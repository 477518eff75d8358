/* nessmap: phase diagrams of equilibrium and non-equilibrium steady states. The C API.
 *
 *   1. errors and process-wide switches   nm_error, nm_exit_status, nm_print_failure, nm_quiet, nm_interrupt, ...
 *   2. scans to files                     nm_scan_open, nm_scan_run, nm_assemble, nm_verify, nm_export, ...
 *   3. points in memory                   nm_sampler_open, nm_sampler_points, nm_sampler_sets, ...
 *   4. one cell                           nm_print_point, nm_write_trace, ...
 *   5. models                             nm_print_model, nm_print_init, nm_compile_model, ...
 *   6. several processes                  nm_ranks_begin, ...
 *
 * What holds for every call, unless it says otherwise:
 *
 * Arguments: what is written comes first, then what is read; a length follows its array. Pointers are not NULL
 *   but where that is allowed. Structs of options may be NULL, or zero: all defaults.
 * Errors: a call that can fail returns an nm_status (status.h): NM_OK, or what went wrong; nm_error() has it in one
 *   sentence then. Most can return
 *     NM_USAGE        a wrong argument, configuration, model or kind of file: the sentence says what would be right
 *     NM_IO           a file cannot be read or written, or is damaged
 *     NM_MEMORY       there is no memory
 *   and only others are named below. A pointer that a failed call was to set is NULL. Nothing here ends the process.
 * Output: a FILE stays the caller's and is not closed; its own errors show in ferror(). Notes and progress go to
 *   stderr, unless quiet. Nothing else is printed.
 * Ownership: texts and structs that are given are read during the call and not kept. What X_open made, X_close frees;
 *   it takes the address of the pointer, sets it to NULL, and takes one that is NULL. Texts that come from here are
 *   constants, but where their lifetime is said; the caller frees none.
 * Threads: calls may run in several threads at once, for the same object too where it is const or an nm_scan; one
 *   object must not be closed meanwhile. NetCDF serves one thread at a time, so that calls wait there for each other.
 *   The exceptions are nm_verify, which wants to be the only call that is running, and section 6.
 * Signals: nm_interrupt alone may be called from a signal handler.
 * Numbers: SI, potentials are inside minus outside, fluxes are positive outward. Programs that call setlocale must
 *   leave LC_NUMERIC at "C", for configurations have decimal points.
 *
 * tools/examples/map_in_memory.c is a whole program. */
#ifndef NESSMAP_NESSMAP_H
#define NESSMAP_NESSMAP_H

#include <stdint.h>
#include <stdio.h>

#include "nessmap/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- 1. errors and process-wide switches ------------------------------------------------------- */

/* One sentence on the last failure in this thread, "" before the first: one line of UTF-8 without control characters,
 * at most 1023 bytes. A later failure in this thread replaces it; a call that does well leaves it. */
const char *nm_error(void);

/* The exit code of the program `nessmap` for a status: 0 for NM_OK, 75 for NM_INTERRUPTED, ... */
int nm_exit_status(nm_status status);

/* Prints nm_error() as "nessmap: SENTENCE"; log_json: as the last line of a log (section 2). */
void nm_print_failure(FILE *stream, nm_status status, int log_json);

/* "0.1.0", with "(git ...)" where the build knew. */
const char *nm_version(void);

/* The candidate nearest to `word` by edit distance, one of the caller's pointers; NULL if none is near. */
const char *nm_suggest(const char *word, const char *const *candidates, int n_candidates);

/* For the process, from here on: 1: no notes on stderr, as that a model is being compiled; 1: notes are lines of
 * JSON. nm_scan_run sets both by its options: of runs side by side, the one that began last has set them for all. */
void nm_quiet(int quiet);
void nm_log_json(int log_json);

/* Asks every nm_scan_run and nm_verify that is running to stop cleanly: what is computed is finished and kept, and it
 * returns NM_INTERRUPTED. Asked before the first has begun, that one stops. Async-signal-safe. */
void nm_interrupt(void);

/* --- 2. scans to files -------------------------------------------------------------------------- */

typedef struct nm_scan nm_scan; /* a configuration bound to its model */

/* path: a TOML file. overrides: [n_overrides] `--set` texts, "K_o=5", "axis.K_o.n=512"; NULL where there are none.
 * A model that the configuration names by its file ("my_cell.c", from the folder of the configuration) is compiled
 * where its text was not seen before, which takes up to a minute, and its code is run. It stays loaded to the end of
 * the process. */
nm_status nm_scan_open(nm_scan **scan, const char *path, const char *const *overrides,
                       int n_overrides);
void nm_scan_close(nm_scan **scan);

typedef struct nm_run_options {
    const char *output;  /* path of the file; NULL: the configuration's name with .nc, here */
    const char *backend; /* "auto", "cpu", "cuda"; NULL: "auto" */
    int n_threads;       /* 0: all cores */
    int lanes;           /* 16, 8, 1: at most so many points side by side; 0: the widest. Threads and
                            lanes are the CPU's: a GPU has its own */
    int shard,
        n_shards; /* tiles t with t % n_shards == shard; n_shards 0 or 1: all. Shards may run at the same time;
                            the last to end writes the file */
    int fresh;    /* throw an unfinished run away, replace a finished one of this question */
    int quiet;    /* no progress, no notes */
    int log_json; /* progress and notes as lines of JSON */
    const char *timeline; /* file for the times of all steps (Trace Event Format), or NULL */
} nm_run_options;

/* Runs to the finished file, resuming where an earlier run of the same question stopped. A scan may be run again, and
 * by several threads at once, each with an output of its own. summary (may be NULL): gets what was found, in words.
 * returns NM_FAILED_POINTS: the file is whole, but more points failed than the configuration allows; NM_INTERRUPTED:
 * what was done is kept, and the same call goes on; NM_FINGERPRINT: `output` answers another question; NM_LOCKED:
 * another run writes it; NM_DEVICE: the backend cannot be used here.
 *
 * Progress is one moving line where stderr is a terminal, else a plain line at each tenth, at most every 10 s, at
 * least each minute. With log_json it is one object a line; every one has
 *   event            "begin", "progress", "note" or "end"
 *   time             seconds since 1970 (not on the note that a signal writes)
 * and
 *   begin:           version, configuration, title (or null), model, backend, output: texts; points: of the scan, of
 *                    a refinement the first. There is none where the run is refused before
 *   progress:        at most each second, and when all points of a stage are done:
 *     stage            of a refinement, from 1; 0: its first points, or a scan without stages
 *     points, points_done   of the stage (or shard), with what earlier runs have done
 *     classes          {"ness": N, ...}: points of this run, all stages, by outcome (status.h)
 *     failed           of these, left_domain and not_converged
 *     seconds          since the run began
 *     sets_per_second, seconds_left   of the stage; null where not known
 *   note:            text
 *   end:             always the last: exit_code (nm_exit_status), error (a sentence, or null), and, where the run
 *                    began, what progress has up to `seconds` */
nm_status nm_scan_run(nm_scan *scan, const nm_run_options *options, FILE *summary);

typedef struct nm_plan_options {
    const char *output;           /* as in nm_run_options */
    int n_threads;                /* of each rank; 0: all cores */
    int n_ranks;                  /* 0: as many as are worth it */
    const char *const *overrides; /* [n_overrides] the `--set` texts of the scan: the line for the
                                     batch system repeats them */
    int n_overrides;
} nm_plan_options;

/* Prints points, tiles, bytes, memory, disk, the estimated time here and on a cluster, and a line that
 * submits it there; writes nothing. */
nm_status nm_scan_print_plan(nm_scan *scan, const nm_plan_options *options, FILE *stream);

/* Assembles the journal folder `parts` ("out.nc.parts") into out.nc, or, partial, into out.partial.nc, where missing
 * points have the outcome not_run, while the parts stay and a run that adds to them goes on. summary: may be NULL.
 * returns NM_INTERRUPTED where tiles are missing for out.nc; NM_LOCKED where a run holds them, if not partial;
 * NM_FINGERPRINT; NM_FAILED_POINTS as nm_scan_run. A refinement is NM_USAGE: its run writes its file. */
nm_status nm_assemble(const char *parts, int partial, FILE *summary);

/* Verifies a finished file, or a part of one, from what it says of itself: fingerprint and attributes are those of its
 * configuration; parameters are those of their index; points solved again give the stored values (a file
 * without points is made again); values obey the laws; some points are followed. `report` (may be NULL)
 * gets a line for each check: passed, FAILED, or not run and why.
 * returns NM_OK where every check that was run has passed; NM_FAILED_POINTS where one has not;
 * NM_FINGERPRINT for a file of another version, model text or configuration, whose points are not looked
 * at; NM_IO for one that cannot be read; NM_USAGE for one that nessmap did not make; NM_INTERRUPTED. */
typedef struct nm_verify_options {
    int64_t
        points; /* to be solved again, spread evenly; below 0: all; 0: as many as take a minute */
    int n_followed; /* points to be followed; 0: 64; below 0: none */
    int n_threads;  /* 0: all cores */
    int quiet;      /* no progress */
} nm_verify_options;
nm_status nm_verify(FILE *report, const char *path, const nm_verify_options *options);

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

/* notes (may be NULL): gets what was written. returns NM_LOCKED where another export writes the folder;
 * NM_FINGERPRINT where it holds other rows. */
nm_status nm_export(FILE *notes, const char *path, const nm_export_options *options);

/* Reads the folder of an export again: hashes, statistics and counts, against its meta.json. */
nm_status nm_export_check(FILE *notes, const char *folder);

/* --- 3. points in memory ------------------------------------------------------------------------ */

/* Points of a scan in memory, in place of a file: for a program that wants fresh ones all the time,
 * or has parameter sets of its own. */
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

/* Rows of n points, room of the caller; NULL: not wanted. Numbers are float, or double where is_f64, in units of the
 * columns: SI. Rows that were not computed when a call fails hold what they held. */
typedef struct nm_sample {
    int is_f64;
    void *inputs;      /* [n][inputs] */
    void *outputs;     /* [n][outputs], NaN where the outcome carries no value */
    void *derivatives; /* [n][derived][by], NaN where there is none */
    int8_t *outcome;   /* [n] nm_outcome (status.h): 0 equilibrium, 1 ness, ... */
    uint16_t *flags;   /* [n] nm_flag, or'ed */
} nm_sample;

/* The scan must stay open as long as its sampler; what its [[reduce]] would keep is of no matter.
 * backend: NULL is "cpu": a GPU is prepared anew for each call, which only large ones are worth.
 * n_threads, lanes: as in nm_run_options; each call starts so many threads. returns NM_USAGE for a refinement too;
 * NM_DEVICE. */
nm_status nm_sampler_open(nm_sampler **sampler, const nm_scan *scan, const char *backend,
                          int n_threads, int lanes);
void nm_sampler_close(nm_sampler **sampler);

/* What stands in the rows: columns [returned number], which live as long as the sampler. Cannot fail. */
int nm_sampler_columns(const nm_sampler_column **columns, const nm_sampler *sampler,
                       nm_sampler_part part);
int64_t nm_sampler_n_points(const nm_sampler *sampler); /* of the design */

/* Solves the points [first, first + n) of the design, the first axis slowest: the numbers of the scan's file, to the
 * last bit, whatever n, threads and lanes. returns NM_DEVICE too. */
nm_status nm_sampler_points(const nm_sampler *sampler, const nm_sample *out, int64_t first,
                            int64_t n);

/* Solves the caller's sets [n][inputs], of the type of `out`, which may be out->inputs itself. Ties follow them;
 * audits, where the scan has any, fall on rows by their number in the call. returns NM_DEVICE too. */
nm_status nm_sampler_sets(const nm_sampler *sampler, const nm_sample *out, const void *sets,
                          int64_t n);

/* --- 4. one cell -------------------------------------------------------------------------------- */

/* model: a name of `nessmap models`, or the path of a model's file, from the working folder, which ends in .c.
 * overrides: as in nm_scan_open. index: of a point of a finished file, "17", or one number per axis and draw, "3,5",
 * from 0. */

/* One cell's balance sheet, as tables or as JSON. */
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

/* One cell's time course from its declared initial state, to NetCDF; `notes` (may be NULL) is told what was written.
 * */
nm_status nm_write_trace(FILE *notes, const char *model, const char *const *overrides,
                         int n_overrides, const nm_trace_options *options);
nm_status nm_write_trace_of_file(FILE *notes, const char *path, const char *index,
                                 const nm_trace_options *options);

/* --- 5. models ---------------------------------------------------------------------------------- */

/* Prints the models, one line each; one model's parameters, states, pathways, outputs; a commented configuration to
 * start from; version, compiler, lanes, backends. Models and overrides as in section 4. */
nm_status nm_print_models(FILE *stream);
nm_status nm_print_model(FILE *stream, const char *name, const char *const *overrides,
                         int n_overrides);
nm_status nm_print_init(FILE *stream, const char *model, const char *const *overrides,
                        int n_overrides);
nm_status nm_print_info(FILE *stream);

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

/* --- 6. several processes ----------------------------------------------------------------------- */

/* Several processes, which mpirun or srun started together, share one nm_scan_run, where nessmap was built with MPI.
 * Between `begin` and `end` all of them make the same calls, in one thread each, and in the same order; `end` waits
 * for all. A program that has begun MPI itself (MPI_THREAD_SERIALIZED or more) ends it itself. One process alone need
 * call none of these.
 * begin: returns NM_USAGE where processes were started together that could not share. is_shard: each has an
 * nm_run_options shard of its own instead. agree: NM_OK where `status` is so in all processes, else, in all, the
 * failure of the lowest. */
nm_status nm_ranks_begin(int is_shard);
nm_status nm_ranks_agree(nm_status status);
int nm_rank(void); /* from 0; rank 0 prints and writes the file */
void nm_ranks_end(void);

#ifdef __cplusplus
}
#endif
#endif
