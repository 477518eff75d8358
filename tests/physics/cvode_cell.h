/* A pump-leak cell written a second time, for CVODE: nothing of the kernels is used. */
#ifndef NESSMAP_TESTS_CVODE_CELL_H
#define NESSMAP_TESTS_CVODE_CELL_H

#ifdef __cplusplus
extern "C" {
#endif

/* Parameters, SI, names of the model. leak: 0 ohmic, 1 GHK; pump: 0 rev, 1 hill, 2 const. */
typedef struct nm_cvode_cell {
    int leak, pump, is_electroneutral;
    double T, C_m, Na_o, K_o, Cl_o, Y_o, z_X, N_X, P_f, v_w;
    double g_Na, g_K, g_Cl, P_Na, P_K, P_Cl, L_NKCC, L_KCC;
    double p_max, K_Na, K_K, dG_ATP, kappa_r;
} nm_cvode_cell;

typedef struct nm_cvode_state {
    double N_Na, N_K, N_Cl, ell, V; /* mol m-2, m, V */
} nm_cvode_state;

typedef struct nm_cvode_course {
    nm_cvode_cell cell;
    nm_cvode_state state; /* at t */
    double t;             /* s */
    void *solver;         /* CVODE's own */
} nm_cvode_course;

/* Starts at the declared initial state of the model. returns 0, or -1 where CVODE refuses. */
int nm_cvode_begin(nm_cvode_course *course, const nm_cvode_cell *cell);

/* Goes on to time t [s], or until Na_i or K_i runs out at a finite time, or the volume passes `most` times its start.
 * returns 0 at t, 1 on depletion, 2 on growth, -1 where CVODE gives up, 3 where it does so with an ion
 * that is nearly gone (a trace below e^-40 mol m-2, Cl- below 1e-10 of K+). */
int nm_cvode_travel(nm_cvode_course *course, double t, double most);

/* d(ell)/dt [m s-1] at the present state */
double nm_cvode_swelling(const nm_cvode_course *course);

void nm_cvode_end(nm_cvode_course *course);

#ifdef __cplusplus
}
#endif
#endif
