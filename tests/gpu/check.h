/* What the parts of gpu_check share: plans made by hand, runs that keep payloads in memory,
 * comparisons, and reports of one line of JSON.
 *
 * gpu_check needs neither NetCDF nor UDUNITS nor TOML: it runs where there is a GPU and little else. */
#ifndef NESSMAP_CHECK_H
#define NESSMAP_CHECK_H

#include <stdint.h>
#include <stdio.h>

#include "backend.h"

/* --- models ------------------------------------------------------------------------------------- */

/* One of the built-in models; NULL: no such model. */
const nm_model *nm_check_model(const char *name);

/* --- plans by hand (check_plan.c) ----------------------------------------------------------------- */

/* A plan that is being made. A call after a failed one does nothing; nm_check_finish says what was wrong. */
typedef struct nm_check_scan {
    nm_plan *plan;
    nm_config config;
    nm_status status;
    char error[256];
} nm_check_scan;

enum { NM_CHECK_AUTO_TILE = 0 };

/* Every parameter at its default, mode auto, rtol 1e-6, no outputs. The caller clears it, also after a failure. */
void nm_check_start(nm_check_scan *scan, const nm_model *model);
void nm_check_clear(nm_check_scan *scan);

/* choices: "leak=ghk pump=hill"; what is not named keeps its default. NULL: nothing. */
void nm_check_choose(nm_check_scan *scan, const char *choices);
void nm_check_fix(nm_check_scan *scan, const char *param, double value);
void nm_check_vary(nm_check_scan *scan, nm_dist dist, const char *param, double a, double b,
                   double c);
/* values: [n] for a list, which must outlive the scan, or NULL */
void nm_check_axis(nm_check_scan *scan, nm_axis_scale scale, const char *param, int64_t n,
                   double low, double high, const double *values);
/* param = constant + a * first + b * second; second may be NULL */
void nm_check_tie(nm_check_scan *scan, const char *param, double constant, const char *first,
                  double a, const char *second, double b);
/* column: [n_points], must outlive the scan */
void nm_check_column(nm_check_scan *scan, const char *param, const double *column,
                     int64_t n_points);
/* names: "*", "default", or names with blanks between */
void nm_check_outputs(nm_check_scan *scan, const char *names, int is_f32);

/* n_draws: points in each cell of the axes (1 for a grid); ignored for a table. Every parameter that differs from
 * point to point is stored where stores_params is set. tile_points: 0: as the program chooses.
 * returns NM_USAGE with a sentence where something was wrong. */
nm_status nm_check_finish(nm_check_scan *scan, int64_t n_draws, int stores_params,
                          int64_t tile_points);

/* The same, kept as the records of cells of cell_points consecutive points (their number: all points). */
nm_status nm_check_finish_reduced(nm_check_scan *scan, nm_reduce_kind kind, int64_t n_draws,
                                  int64_t cell_points);

/* --- runs (check_store.c) ------------------------------------------------------------------------- */

/* The tiles [first, first + n) of a plan, their payloads one after another. */
typedef struct nm_check_store {
    int64_t first, n, stride; /* stride: bytes from a payload to the next */
    char *payloads;           /* NULL: they were counted and thrown away */
    int64_t n_points, n_newton, n_failed, n_done, n_notes;
    int64_t n_bytes;          /* of all payloads */
    char note[512];           /* the last sentence that the backend said */
    double seconds;           /* wall clock of the run, kernels found and loaded included */
    nm_backend_device device; /* of the first device, where one was used: name[0] != 0 */
} nm_check_store;

/* Runs tiles [first, first + n) (clipped to the plan) on a backend ("cpu", "cuda").
 * keeps: 1 keeps the payloads, 0 throws them away. The caller clears the store. */
nm_status nm_check_run(nm_check_store *store, const nm_plan *plan, const char *backend,
                       const nm_backend_options *options, int64_t first, int64_t n, int keeps);
void nm_check_store_clear(nm_check_store *store);

/* Wall clock in seconds, from an arbitrary start. */
double nm_check_clock(void);

/* --- reports (check_report.c) --------------------------------------------------------------------- */

/* One slice of a part. Keys say how slices are put together: n_* are added, worst_* and most_* are the largest,
 * rate_* and time_* the median; listed, failure and table may come several times and are all kept; everything else is the
 * last. */
typedef struct nm_check_report {
    char *text;
    size_t bytes;
    FILE *stream;
    int is_passed, n_fields;
    int is_quiet; /* 1: failures are not told on stderr */
} nm_check_report;

nm_status nm_check_report_start(nm_check_report *report);
void nm_check_report_clear(nm_check_report *report);
void nm_check_number(nm_check_report *report, const char *key, double value);
void nm_check_integer(nm_check_report *report, const char *key, int64_t value);
void nm_check_text(nm_check_report *report, const char *key, const char *value);
/* A demand: where it does not hold, the slice has failed and the sentence is kept. returns `holds`. */
int nm_check_demand(nm_check_report *report, int holds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes a text as JSON, quotes included. */
void nm_check_write_text(FILE *stream, const char *text);

/* --- comparisons (check_compare.c) ---------------------------------------------------------------- */

/* Compares full payloads of the same tiles of a plan that stores every output as double: found (of the device) with
 * wanted (of the CPU), by the rules of the design (golden tolerance over the lysis margin). */
void nm_check_compare(nm_check_report *report, const nm_plan *plan, const nm_check_store *found,
                      const nm_check_store *wanted);

/* Demands that two stores hold the same bytes; `what` names them in the sentence. */
void nm_check_same_bytes(nm_check_report *report, const nm_check_store *a, const nm_check_store *b,
                         const char *what);

/* Demands that the parameters stored in full payloads are those that the host draws. */
void nm_check_params(nm_check_report *report, const nm_plan *plan, const nm_check_store *store);

/* --- parts ----------------------------------------------------------------------------------------- */

typedef struct nm_check_settings {
    double scale;         /* of the number of sets: 1 is what the records are made with */
    int n_threads;        /* of the CPU; 0: all */
    const char *only;     /* a backend: the part runs on it in the device's place; NULL */
    const char *timeline; /* file for the timeline of a benchmark; NULL */
} nm_check_settings;

typedef struct nm_check_part {
    const char *name, *text;
    int64_t n_slices; /* of equal work, each of well under a minute on the device */
    nm_status (*run)(const struct nm_check_part *part, nm_check_report *report,
                     const nm_check_settings *settings, int64_t slice);
    const void *what; /* of the part's own */
} nm_check_part;

extern const nm_check_part nm_check_parts[], nm_check_benches[]; /* end with name NULL */

/* Model A of the benchmarks: 11 drawn parameters, ohmic leaks, reversible pump, capacitive. */
void nm_check_model_a(nm_check_scan *scan, int has_bath_impermeant);

/* check_self.c: plants errors and demands that the comparison finds them. */
nm_status nm_check_self(const struct nm_check_part *part, nm_check_report *report,
                        const nm_check_settings *settings, int64_t slice);

/* check_table.c: a table of parameter sets, solved and written; returns the exit status of the program. */
int nm_check_table_main(int argc, char **argv);

/* check_device.c: the device in one line of JSON; the rate of plain copies; images of a model. */
nm_status nm_check_device(FILE *stream);
nm_status nm_check_copy_rate(nm_check_report *report, int64_t bytes, int n_repeats);
/* check_kernels.c: every kernel of a batch of `plan` by itself, timed by events. */
nm_status nm_check_kernel_times(nm_check_report *report, const nm_plan *plan, int n_repeats);
nm_status nm_check_image(const char *model, const char *choices, int major, int minor,
                         const char *path);

#endif
