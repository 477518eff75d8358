/* Exact steady state of a pump-leak cell by a one-dimensional reduction, in long double.
 *
 * An oracle for tests: it shares no code with the solver. The cell's four balances collapse onto
 * one unknown t:
 *
 *   ohmic leaks, cotransport linear in log forces:   t = r, the pump cycles.
 *       All passive fluxes are linear in the forces x = (x_Na, x_K, x_Cl), so x = t y with
 *       G y = (-3, 2, 0), one symmetric 3 x 3 solve.
 *   GHK leaks, no cotransport:   t = r / bern(v).
 *       Na_i = theta (Na_o - 3 t / P_Na), K_i = theta (K_o + 2 t / P_K).
 *
 * In both, alpha(t) and beta(t) give theta = exp(-v), the impermeant X and so the volume in closed
 * form, and
 *
 *   margin(t) = 1 - 4 alpha beta / Pi^2
 *
 * is positive exactly where X > 0. ln(4 alpha beta) is convex in t, so the volumes that exist form
 * one interval of t, cut further (GHK) where Na_i or K_i reaches zero. A steady state is a zero of
 * f(t) = r_pump(state(t)) - r(t) inside. Existence is read off the ends of the interval, ends
 * included: f > 0 at the lower and f < 0 at the upper end means one zero; f >= 0 at the upper or f
 * <= 0 at the lower end means none, because f falls (tested by sampling). Which end fails names the
 * class: an end with X = 0 is growth, an end with Na_i = 0 is depletion. Beyond an X = 0 end a
 * constant GHK pump may still run Na+ out while the cell swells; the steadily swelling cell (5
 * equations, nested bisection) decides. */
#ifndef NESSMAP_TESTS_ORACLE_H
#define NESSMAP_TESTS_ORACLE_H

typedef enum nm_oracle_leak { NM_ORACLE_OHMIC, NM_ORACLE_GHK } nm_oracle_leak;
typedef enum nm_oracle_pump { NM_ORACLE_CONST, NM_ORACLE_HILL, NM_ORACLE_REV } nm_oracle_pump;

typedef enum nm_oracle_class {
    NM_ORACLE_EQUILIBRIUM,
    NM_ORACLE_NESS,
    NM_ORACLE_GROWTH,
    NM_ORACLE_DEPLETION,
    NM_ORACLE_NOT_COVERED /* GHK with cotransport, a conductance that is not positive, no bracket */
} nm_oracle_class;

/* Parameters, SI: K, F m-2, mol m-3, mol m-2, m s-1, m3 mol-1, S m-2, mol m-2 s-1, J mol-1. */
typedef struct nm_oracle_cell {
    nm_oracle_leak leak;
    nm_oracle_pump pump;
    int is_electroneutral; /* else the membrane has capacitance C_m */
    double T, C_m, Na_o, K_o, Cl_o, Y_o, z_X, N_X, P_f, v_w;
    double g_Na, g_K, g_Cl, P_Na, P_K, P_Cl, L_NKCC, L_KCC;
    double p_max, K_Na, K_K, dG_ATP, kappa_r;
} nm_oracle_cell;

typedef struct nm_oracle_answer {
    nm_oracle_class verdict;
    /* equilibrium and NESS only: mol m-3, m, V, mol m-2 s-1, 1 */
    long double Na_i, K_i, Cl_i, X_i, ell, V, r, a_max;
    /* 1 - 4 alpha beta / Pi^2. Where the cell grows: at the zero of f continued past the end
     * with X = 0, so it is negative and goes to zero at the boundary. */
    long double lysis_margin;
    /* GHK with a constant pump whose upper end is Na_i = 0: 1 - p_max / r_dep; else 1. */
    long double depletion_margin;
    /* GHK with a constant pump that grows: volume per area and time, m s-1; else 0. */
    long double growth_rate;
} nm_oracle_answer;

void nm_oracle_solve(nm_oracle_answer *answer, const nm_oracle_cell *cell);

/* f at `n` equally spaced inner points of its interval, for the test that it has one zero at most.
 * out: f[n]. returns 0, or -1 where the interval is empty or unbounded. */
int nm_oracle_sample(long double *f, const nm_oracle_cell *cell, int n);

#endif
