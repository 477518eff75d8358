/* A model file as strict C11, one number at a time: rows of the solver and, in a complex build, their derivatives. */
#include "c11_model.h"

#include NM_MODEL_FILE
#include "network.h"

static void balance(nm_real *row, const int *choice, const double *p, const nm_real *y)
{
    const nm_choices *pick = (const nm_choices *)(const void *)choice; /* the same ints */
    nm_point pt = {0};
    for (int i = 0; i < NM_NP; i++) {
        pt.p[i] = p[i];
    }
    nm_prepare(&pt, pick);
    nm_visitor visit = {0};
    visit.v_w = pt.v_w;
    nm_visit_network(&visit, &pt, pick, y);
    for (int i = 0; i < NM_NY; i++) {
        row[i] = visit.f[i];
    }
    for (int t = 0; t < NM_NT; t++) {
        row[nm_total_unknown(t)] = visit.total[t];
    }
}

#ifdef NM_COMPLEX

void nm_c11_complex_step(double *slope, const int *choice, const double *p, const double *y,
                         int unknown)
{
    const double h = 1e-30;
    nm_real z[NM_NY], row[NM_NY];
    for (int i = 0; i < NM_NY; i++) {
        z[i] = CMPLX(y[i], i == unknown ? h : 0.0);
    }
    balance(row, choice, p, z);
    for (int i = 0; i < NM_NY; i++) {
        slope[i] = cimag(row[i]) / h;
    }
}

#else

void nm_c11_rows(double *row, const int *choice, const double *p, const double *y)
{
    balance(row, choice, p, y);
}

#endif
