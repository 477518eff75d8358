/* The cell of model A written a second time, plainly, for solvers that are not nessmap's, and the judge of all answers.
 *
 * Two forms: balances in logarithms, (ln Na, ln K, ln Cl, ln X, F V/RT), and rates of scaled amounts in time, with Cl by
 * conservation of charge. Both have their analytic Jacobian. Ohmic leaks, a saturable reversible 3 Na : 2 K pump. */
#ifndef NESSMAP_TESTS_BENCH_CELL_H
#define NESSMAP_TESTS_BENCH_CELL_H

enum { NM_BENCH_LOGS = 5, NM_BENCH_AMOUNTS = 4 };
typedef enum nm_bench_state { NM_BENCH_NA, NM_BENCH_K, NM_BENCH_CL, NM_BENCH_X, NM_BENCH_ELL, NM_BENCH_V, NM_BENCH_STATES } nm_bench_state;

/* SI: K, F m-2, m3 mol-1, mol m-3, mol m-2, m s-1, S m-2, mol m-2 s-1, J mol-1 */
typedef struct nm_bench_cell {
    double T, C_m, v_w, Na_o, K_o, Cl_o, Y_o, z_X, N_X, P_f;
    double g_Na, g_K, g_Cl, p_max, K_Na, K_K, kappa_r, dG_ATP;
    /* what follows from these: filled in by nm_bench_prepare */
    double L, RT_F, pi_o, turns, fuel; /* RT/F^2, RT/F, osmolarity outside, p_max of K_o alone, A_ATP/RT */
    double charge;                     /* C_m RT / (F^2 N_X): charge of the membrane per N_X and F V/RT */
    double ln_Na_o, ln_K_o, ln_Cl_o;
} nm_bench_cell;

void nm_bench_prepare(nm_bench_cell *cell);

/* The declared start: 30 % of the osmolarity is impermeant, 5 % of the cations are K+, V = -60 mV, and charge that is
 * missing is added as Na+. share_K: another share of the cations; 0: these 5 %. out: logarithms [5] and scaled amounts
 * [4]. */
void nm_bench_start(double *u, double *y, const nm_bench_cell *cell, double share_K);

/* Balances of Na, K, Cl (over conductance L), osmosis and charge (over pi_o). out: B[5]; J[row * 5 + column] or NULL. */
void nm_bench_balances(double *B, double *J, const nm_bench_cell *cell, const double *u);

/* d/dt of y = (N_Na/N_X, N_K/N_X, ell/ell_0, F V/RT) [s-1]. out: f[4]; J[row * 4 + column] or NULL.
 * returns 1 where Cl is not positive. */
int nm_bench_rates(double *f, double *J, const nm_bench_cell *cell, const double *y);

/* Logarithms of scaled amounts; states [6] of logarithms. */
void nm_bench_logs_of(double *u, const nm_bench_cell *cell, const double *y);
void nm_bench_states_of(double *states, const nm_bench_cell *cell, const double *u);

/* Largest relative residual of the balances, in double, of logarithms: when to stop. */
double nm_bench_residual(const nm_bench_cell *cell, const double *u);

/* The same in long double, of states, by other code: what is reported. NaN where a state is not a number. */
double nm_bench_judge(const nm_bench_cell *cell, const double *states);

/* Solves A x = b with row pivots; A[n * n] by rows is used up, b becomes x. returns -1 where a pivot is zero. */
int nm_bench_eliminate(double *A, double *b, int n);

/* Newton from logarithms to a step below 1e-9. returns the iterations, or -1 after 40. */
int nm_bench_newton(double *u, const nm_bench_cell *cell);

/* Largest difference of the analytic Jacobians from central differences, each entry over the largest of its row. */
double nm_bench_jacobian_error(const nm_bench_cell *cell, const double *u, const double *y);

#endif
