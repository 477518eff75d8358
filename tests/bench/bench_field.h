/* What the benchmarks of all models share: sets in memory, nessmap's kernels on them, contestants that take turns. */
#ifndef NESSMAP_TESTS_BENCH_FIELD_H
#define NESSMAP_TESTS_BENCH_FIELD_H

#include "backend.h"
#include "bench_cvode.h"
#include "bench_lanes.h"
#include "plan.h"
#include "scan.h"

enum { NM_BENCH_TILE = 4032, NM_BENCH_MOST = 96, NM_BENCH_MOST_STATES = 8 };
static const double NM_BENCH_DEMANDED = 1e-10; /* relative residual */

typedef struct nm_bench nm_bench;
typedef struct nm_bench_contestant nm_bench_contestant;

/* which sets: those with a steady state, all, or all as the configuration draws them */
typedef enum nm_bench_sets { NM_BENCH_STEADY, NM_BENCH_ALL, NM_BENCH_DRAWN } nm_bench_sets;

typedef struct nm_bench_judged {
    int64_t n_failed, n_wrong;
    double worst;                 /* residual of those that did not fail */
    double median, p95, most;     /* errors of time courses */
} nm_bench_judged;

struct nm_bench_contestant {
    char name[96];
    const char *table;  /* where its row stands: "steady", "neuron", "course" */
    const char *judged; /* what is judged: "states", "verdicts", "errors", "not" */
    int64_t n, passes;  /* sets, and how often a round solves them */
    int (*run)(nm_bench *b, nm_bench_contestant *c); /* solves them once; 0, or -1 */
    int (*judge)(nm_bench *b, nm_bench_contestant *c, nm_bench_judged *j); /* after it has run; NULL: nothing */
    const nm_bench_rival *rival; /* or NULL: nessmap */
    const nm_kernel *kernel;     /* or NULL: a part of it */
    void (*newton)(double *y, const nm_task *task, int64_t n);
    int64_t (*course)(double *y, const nm_task *task, int64_t n, double until);
    nm_task *task;
    double *states;  /* of rivals and parts */
    int64_t n_steps; /* of its last run */
};

/* what is special about a model */
typedef struct nm_bench_field {
    const char *model;
    const char *const *outputs; /* that the judge reads, in the order of its states, NULL behind them */
    int (*draw)(nm_bench *b);   /* sets, and what is known of them */
    int (*add)(nm_bench *b);    /* contestants */
    void (*tell)(const nm_bench *b); /* more members of the line about the sets, each with a comma before it */
    int (*dump)(const nm_bench *b, const char *path); /* --export; NULL: not offered */
    void (*destroy)(nm_bench *b);
} nm_bench_field;

extern const nm_bench_field nm_bench_model_a, nm_bench_neuron;

struct nm_bench {
    const nm_bench_field *field;
    void *own; /* the field's */
    nm_scan *scan;
    nm_plan *plan;
    int64_t n_all, n;      /* sets; those with a steady state */
    double *all, *columns; /* [n_params][n_all], [n_params][n] in rows of n_all */
    int slot[NM_BENCH_MOST_STATES];
    int n_states;
    double *values;
    int8_t *outcome;
    uint16_t *flags;
    const char *only; /* contestants whose name holds this text, or NULL */
    double scale;     /* of numbers of sets */
    int n_contestants;
    nm_bench_contestant contestant[NM_BENCH_MOST];
};

/* Prints one sentence. returns -1. */
int nm_bench_fail(const char *text);

/* the value of a parameter in set[n_params] */
double *nm_bench_param(double *set, const nm_model *model, const char *name);

/* n sets times the scale, at least 1 and at most `most` */
int64_t nm_bench_at_most(const nm_bench *b, double n, int64_t most);

/* The task of the first sets of a kind: from columns, unless they are drawn. NULL: no memory. */
nm_task *nm_bench_task(const nm_bench *b, nm_bench_sets sets, nm_mode mode, double rtol);

/* The next contestant, named; NULL where --only leaves it out or there are too many. */
nm_bench_contestant *nm_bench_next(nm_bench *b, const char *format, ...);

/* Makes `c` one of nessmap's kernels. returns 0, or -1. */
int nm_bench_add_kernel(nm_bench *b, nm_bench_contestant *c, int lanes, nm_bench_sets sets, nm_mode mode, double rtol);

/* Hands each tile of the contestant's kernel to `see`. returns 0, or -1 */
typedef void (*nm_bench_see)(nm_bench *b, const nm_bench_contestant *c, const nm_tile *tile, void *context);
int nm_bench_run_kernel(nm_bench *b, const nm_bench_contestant *c, nm_bench_see see, void *context);

/* The states of point i of a tile, in the order of the field's outputs. */
void nm_bench_states_of_tile(double *states, const nm_bench *b, const nm_tile *tile, int64_t i);

/* median, 95th percentile and largest of errors[n], which are moved */
void nm_bench_percentiles(nm_bench_judged *j, double *errors, int64_t n);

/* Judges all once, then runs them for each line of the standard input: "round" runs all, "play NAME" one of them.
 * returns 0, or -1 */
int nm_bench_serve(nm_bench *b);

#endif
