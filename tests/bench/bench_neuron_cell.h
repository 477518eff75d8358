/* The neuron written a second time, plainly, for CVODE, and the judge of all answers.
 *
 * The published form (Huebel & Dahlem 2014) in z = (K_i/K_i0, Cl_i/Cl_i0, n, F V/RT): Na+ of the cell follows from its
 * neutrality, and what is not in the cell is outside. The Jacobian is analytic. */
#ifndef NESSMAP_TESTS_BENCH_NEURON_CELL_H
#define NESSMAP_TESTS_BENCH_NEURON_CELL_H

#include "bench_cvode.h"

enum { NM_BENCH_NEURON_UNKNOWNS = 4 };
typedef enum nm_bench_neuron_state {
    NM_BENCH_NEURON_NA, NM_BENCH_NEURON_K, NM_BENCH_NEURON_CL, NM_BENCH_NEURON_N, NM_BENCH_NEURON_V, NM_BENCH_NEURON_STATES
} nm_bench_neuron_state;

/* SI, per m2 of membrane: K, m3, m2, F m-2, S m-2, s-1, A m-2, mol m-3 */
typedef struct nm_bench_neuron_cell {
    double T, w_i, w_e, A_m, C_m, g_NaL, g_NaG, g_KL, g_KG, g_Cl, phi, rho, I_app;
    double Na_i0, K_i0, Cl_i0, Na_e0, K_e0, Cl_e0;
    /* what follows from these: filled in by nm_bench_neuron_prepare */
    double RT_F, share, fixed, per_area; /* w_e/w_i; fixed charge [mol m-3]; A_m/(F w_i) */
} nm_bench_neuron_cell;

void nm_bench_neuron_prepare(nm_bench_neuron_cell *cell);

/* Largest relative residual of the balances, in long double, of states [5], by other code than the solvers'. NaN where a
 * state is not a number. */
double nm_bench_neuron_judge(const nm_bench_neuron_cell *cell, const double *states);

/* Largest difference of the Jacobian at the start from central differences, each entry over the largest of its row. */
double nm_bench_neuron_jacobian_error(const nm_bench_neuron_cell *cell);

extern const nm_bench_system nm_bench_neuron_system;

#endif
