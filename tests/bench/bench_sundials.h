/* CVODE and KINSOL on the cell of model A, as tuned rivals. Without SUNDIALS there are none. */
#ifndef NESSMAP_TESTS_BENCH_SUNDIALS_H
#define NESSMAP_TESTS_BENCH_SUNDIALS_H

#include <stdint.h>

#include "bench_cell.h"

/* One way to solve a set; what is not its kind's is not read. */
typedef struct nm_bench_rival {
    const char *name;
    enum { NM_BENCH_CVODE, NM_BENCH_KINSOL } kind;
    double rtol, stop;   /* CVODE: tolerance of a step, residual at which it ends */
    int in_logs;         /* CVODE: unknowns are logarithms of amounts */
    int polishes;        /* CVODE: Newton's method from there on */
    int is_line_search;  /* KINSOL */
    double longest_step; /* KINSOL: of Newton, in the norm of the logarithms; 0: its own choice */
    double share_K;      /* of the cations at the start; 0: the declared start, which has 5 % */
} nm_bench_rival;

extern const nm_bench_rival nm_bench_rivals[];
extern const int nm_bench_n_rivals;
const char *nm_bench_sundials_version(void);

/* Solves `n` cells from the declared start. out: states[n][6]; *n_steps: steps or iterations of all.
 * returns 0, or -1 where the solver could not be made. */
int nm_bench_rival_run(double *states, int64_t *n_steps, const nm_bench_rival *rival, const nm_bench_cell *cells, int64_t n);

#endif
