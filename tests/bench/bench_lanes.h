/* Parts of nessmap's kernels alone, on the cell of model A: no test of stability, no outputs, no verdicts. */
#ifndef NESSMAP_TESTS_BENCH_LANES_H
#define NESSMAP_TESTS_BENCH_LANES_H

#include <stdint.h>

#include "nessmap/model_abi.h"

enum { NM_BENCH_UNKNOWNS = 5 }; /* ln Na_i, ln K_i, ln Cl_i, ln ell, F V/RT */

#ifdef __cplusplus
extern "C" {
#endif

/* Newton's method from the declared start for the sets [0, n) of `task`. out: y[NM_BENCH_UNKNOWNS][n], NaN where it does
 * not converge. */
void nm_bench_newton_16(double *y, const nm_task *task, int64_t n);
void nm_bench_newton_8(double *y, const nm_task *task, int64_t n);
void nm_bench_newton_1(double *y, const nm_task *task, int64_t n);

/* The time course from the declared start to time `until` [s], at task->solver.rtol. out: y as above, NaN where it ends
 * before. returns its steps. */
int64_t nm_bench_course_16(double *y, const nm_task *task, int64_t n, double until);
int64_t nm_bench_course_8(double *y, const nm_task *task, int64_t n, double until);
int64_t nm_bench_course_1(double *y, const nm_task *task, int64_t n, double until);

#ifdef __cplusplus
}
#endif

#endif
