/* CVODE (BDF, dense, analytic Jacobian) and KINSOL as tuned rivals. Without SUNDIALS there are none. */
#ifndef NESSMAP_TESTS_BENCH_CVODE_H
#define NESSMAP_TESTS_BENCH_CVODE_H

#include <stddef.h>
#include <stdint.h>

enum { NM_BENCH_MOST_UNKNOWNS = 8 };

/* One way to solve a set; what is not its kind's is not read. */
typedef struct nm_bench_rival {
    const char *name;
    enum { NM_BENCH_CVODE, NM_BENCH_KINSOL } kind;
    double rtol, stop;   /* CVODE: tolerance of a step, residual at which it ends */
    double until;        /* CVODE: the time at which it ends instead [s] */
    int in_logs;         /* CVODE: unknowns are logarithms of amounts */
    int polishes;        /* CVODE: Newton's method from there on */
    int is_line_search;  /* KINSOL */
    double longest_step; /* KINSOL: of Newton, in the norm of the logarithms; 0: its own choice */
    double share_K;      /* of the cations at the start; 0: the declared start, which has 5 % */
} nm_bench_rival;

/* The equations of a cell as CVODE wants them: unknowns z[n_unknowns] near 1, and the states of answers. */
typedef struct nm_bench_system {
    int n_unknowns, n_states;
    size_t cell_bytes;
    void (*start)(double *z, const void *cell, const nm_bench_rival *rival);
    /* d/dt z [s-1]. out: f[n]; J[row * n + column] or NULL. returns 1 where z lies outside the domain. */
    int (*rates)(double *f, double *J, const void *cell, const double *z, const nm_bench_rival *rival);
    /* largest relative residual of the balances */
    double (*residual)(const void *cell, const double *z, const nm_bench_rival *rival);
    /* states of an answer; where the rival polishes, by Newton's method from there, to a last step below 1e-7 */
    void (*states)(double *states, const void *cell, const double *z, const nm_bench_rival *rival);
} nm_bench_system;

const char *nm_bench_sundials_version(void);

/* Solves `n` cells from their start. out: states[n][n_states], NaN where a chosen time is not reached; *n_steps: steps of
 * all. returns 0, or -1 where the solver could not be made. */
int nm_bench_cvode_run(double *states, int64_t *n_steps, const nm_bench_rival *rival, const nm_bench_system *system,
                       const void *cells, int64_t n);

#endif
