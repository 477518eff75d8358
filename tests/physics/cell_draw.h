/* Random pump-leak cells and random states of them, for tests that include the model. */
#ifndef NESSMAP_TESTS_CELL_DRAW_H
#define NESSMAP_TESTS_CELL_DRAW_H

#include <math.h>
#include <stdint.h>

/* splitmix64: uniform in [low, high) */
static double uniform(uint64_t *state, double low, double high)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return low + (high - low) * (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static double log_uniform(uint64_t *state, double low, double high)
{
    return exp(uniform(state, log(low), log(high)));
}

/* Overwrites the parameters of pump_leak by the scan ranges of a cell with a neutral bath. */
static void draw_cell(double *p, uint64_t *s)
{
    p[NM_P_T] = uniform(s, 275, 315);
    p[NM_P_C_m] = uniform(s, 0.005, 0.03);
    p[NM_P_Na_o] = uniform(s, 20, 450);
    p[NM_P_K_o] = log_uniform(s, 0.5, 60);
    /* a third of the baths holds no impermeant */
    p[NM_P_Y_o] = uniform(s, 0, 3) < 1 ? 0 : uniform(s, 0, 100);
    p[NM_P_z_Y] = p[NM_P_Y_o] == 0 ? 0 : floor(uniform(s, -1, 2));
    if (p[NM_P_z_Y] < 0) {
        p[NM_P_Y_o] = fmin(p[NM_P_Y_o], 0.9 * (p[NM_P_Na_o] + p[NM_P_K_o]));
    }
    p[NM_P_Cl_o] = p[NM_P_Na_o] + p[NM_P_K_o] + p[NM_P_z_Y] * p[NM_P_Y_o];
    p[NM_P_z_X] = uniform(s, -3, 0.5);
    p[NM_P_N_X] = log_uniform(s, 1e-5, 1e-1);
    p[NM_P_P_f] = log_uniform(s, 1e-6, 5e-4);
    p[NM_P_g_Na] = log_uniform(s, 0.01, 3);
    p[NM_P_g_K] = log_uniform(s, 0.05, 30);
    p[NM_P_g_Cl] = log_uniform(s, 0.02, 30);
    p[NM_P_P_Na] = log_uniform(s, 1e-12, 3e-9);
    p[NM_P_P_K] = log_uniform(s, 1e-12, 1e-7);
    p[NM_P_P_Cl] = log_uniform(s, 1e-11, 1e-7);
    const int transporters = (int)uniform(s, 0, 4); /* bits: NKCC, KCC */
    p[NM_P_L_NKCC] = transporters & 1 ? log_uniform(s, 1e-12, 1e-7) : 0;
    p[NM_P_L_KCC] = transporters & 2 ? log_uniform(s, 1e-12, 1e-7) : 0;
    p[NM_P_p_max] = log_uniform(s, 1e-11, 1e-5);
    p[NM_P_K_Na] = uniform(s, 4, 25);
    p[NM_P_K_K] = uniform(s, 0.5, 4);
    p[NM_P_dG_ATP] = -uniform(s, 2e4, 6.5e4);
    p[NM_P_kappa_r] = uniform(s, 0, 4) < 1 ? 0 : uniform(s, 0, 2);
}

#endif
