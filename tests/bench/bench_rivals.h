/* CVODE and KINSOL on the cell of model A, as tuned rivals. Without SUNDIALS there are none. */
#ifndef NESSMAP_TESTS_BENCH_RIVALS_H
#define NESSMAP_TESTS_BENCH_RIVALS_H

#include "bench_cell.h"
#include "bench_cvode.h"

#define NM_BENCH_UNTIL 3000.0 /* the chosen time of time courses [s] */

extern const nm_bench_rival nm_bench_rivals[];
extern const int nm_bench_n_rivals;
extern const nm_bench_system nm_bench_cell_system;

/* Solves `n` cells from the declared start. out: states[n][6]; *n_steps: steps or iterations of all.
 * returns 0, or -1 where the solver could not be made. */
int nm_bench_rival_run(double *states, int64_t *n_steps, const nm_bench_rival *rival, const nm_bench_cell *cells, int64_t n);

#endif
