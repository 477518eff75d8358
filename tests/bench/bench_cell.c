/* The cell of model A for foreign solvers; every formula in the open, nothing shared with the kernels. */
#include "bench_cell.h"

#include <math.h>
#include <string.h>

static const double R = 8.31446261815324, F = 96485.33212331001;
enum { NA, K, CL, X, V };        /* logarithms */
enum { N_NA, N_K, LENGTH, PSI }; /* scaled amounts */

void nm_bench_prepare(nm_bench_cell *c)
{
    const double RT = R * c->T, site = c->K_o / (c->K_K + c->K_o);
    c->L = RT / (F * F);
    c->RT_F = RT / F;
    c->pi_o = c->Na_o + c->K_o + c->Cl_o + c->Y_o;
    c->turns = c->p_max * site * site;
    c->fuel = -c->dG_ATP / RT;
    c->charge = c->C_m * RT / (F * F * c->N_X);
    c->ln_Na_o = log(c->Na_o);
    c->ln_K_o = log(c->K_o);
    c->ln_Cl_o = log(c->Cl_o);
}

void nm_bench_start(double *u, double *y, const nm_bench_cell *c, double share_K)
{
    const double share = share_K > 0 ? share_K : 0.05;
    const double impermeant = 0.3 * c->pi_o, v = -0.06 / c->RT_F;
    const double cl = fmax(0.5 * (c->pi_o - (1 + c->z_X) * impermeant) + c->z_X * impermeant, 0.01 * c->pi_o);
    const double cations = fmax(cl - c->z_X * impermeant, 0.01 * c->pi_o), k = share * cations;
    double na = (1 - share) * cations;
    const double missing = c->charge * impermeant * v - (na + k - cl + c->z_X * impermeant);
    na += fmax(missing, 0);
    y[N_NA] = na / impermeant;
    y[N_K] = k / impermeant;
    y[LENGTH] = 1;
    y[PSI] = v;
    nm_bench_logs_of(u, c, y);
}

/* pump cycles r and their derivatives by ln Na_i and by the affinity */
typedef struct pump {
    double r, by_ln_Na, by_a;
} pump;

static pump pump_of(const nm_bench_cell *c, double na, double a)
{
    const double site = na / (c->K_Na + na), capacity = c->turns * site * site * site;
    const double e = exp(-fabs(a)), below = a >= 0 ? 1 + c->kappa_r * e : e + c->kappa_r;
    const double turn = (a >= 0 ? -expm1(-a) : expm1(a)) / below;
    return (pump){capacity * turn, 3 * capacity * turn * (1 - site), capacity * (1 + c->kappa_r) * e / (below * below)};
}

void nm_bench_balances(double *B, double *J, const nm_bench_cell *c, const double *u)
{
    const double na = exp(u[NA]), k = exp(u[K]), cl = exp(u[CL]), x = exp(u[X]), v = u[V];
    const double x_Na = u[NA] - c->ln_Na_o + v, x_K = u[K] - c->ln_K_o + v, x_Cl = u[CL] - c->ln_Cl_o - v;
    const pump p = pump_of(c, na, c->fuel + 3 * x_Na - 2 * x_K);
    const double of_Na = 3 / (c->g_Na * c->L), of_K = -2 / (c->g_K * c->L), q = c->charge * x;
    B[0] = x_Na + of_Na * p.r;
    B[1] = x_K + of_K * p.r;
    B[2] = x_Cl;
    B[3] = (na + k + cl + x) / c->pi_o - 1;
    B[4] = (na + k - cl + c->z_X * x - q * v) / c->pi_o;
    if (J) {
        const double r_Na = p.by_ln_Na + 3 * p.by_a, r_K = -2 * p.by_a, r_v = p.by_a, s = 1 / c->pi_o;
        const double rows[25] = {
            1 + of_Na * r_Na, of_Na * r_K, 0, 0, 1 + of_Na * r_v,
            of_K * r_Na, 1 + of_K * r_K, 0, 0, 1 + of_K * r_v,
            0, 0, 1, 0, -1,
            na * s, k * s, cl * s, x * s, 0,
            na * s, k * s, -cl * s, (c->z_X * x - q * v) * s, -q * s,
        };
        memcpy(J, rows, sizeof rows);
    }
}

int nm_bench_rates(double *f, double *J, const nm_bench_cell *c, const double *y)
{
    const double n_Cl = y[N_NA] + y[N_K] + c->z_X - c->charge * y[PSI], x = 0.3 * c->pi_o / y[LENGTH];
    if (!(n_Cl > 0 && y[N_NA] > 0 && y[N_K] > 0 && y[LENGTH] > 0)) {
        return 1;
    }
    const double na = y[N_NA] * x, k = y[N_K] * x, cl = n_Cl * x, v = y[PSI];
    const double x_Na = log(na / c->Na_o) + v, x_K = log(k / c->K_o) + v, x_Cl = log(cl / c->Cl_o) - v;
    const pump p = pump_of(c, na, c->fuel + 3 * x_Na - 2 * x_K);
    const double G_Na = c->g_Na * c->L, G_K = c->g_K * c->L, G_Cl = c->g_Cl * c->L;
    const double J_Na = G_Na * x_Na + 3 * p.r, J_K = G_K * x_K - 2 * p.r, J_Cl = G_Cl * x_Cl;
    const double per = 1 / c->N_X, water = c->P_f * c->v_w * 0.3 * c->pi_o / c->N_X;
    const double drive = per / c->charge; /* F^2 / (RT C_m) */
    f[N_NA] = -J_Na * per;
    f[N_K] = -J_K * per;
    f[LENGTH] = water * (na + k + cl + x - c->pi_o);
    f[PSI] = -drive * (J_Na + J_K - J_Cl);
    if (!J) {
        return 0;
    }
    /* by ln Na, ln K, ln Cl and v; each ln by the scaled amounts */
    const double r_Na = p.by_ln_Na + 3 * p.by_a, r_K = -2 * p.by_a, r_v = p.by_a;
    const double by[3][4] = {{G_Na + 3 * r_Na, 3 * r_K, 0, G_Na + 3 * r_v},
                             {-2 * r_Na, G_K - 2 * r_K, 0, G_K - 2 * r_v},
                             {0, 0, G_Cl, -G_Cl}};
    const double i_Na = 1 / y[N_NA], i_K = 1 / y[N_K], i_Cl = 1 / n_Cl, i_l = 1 / y[LENGTH];
    const double ln[3][4] = {{i_Na, 0, -i_l, 0}, {0, i_K, -i_l, 0}, {i_Cl, i_Cl, -i_l, -c->charge * i_Cl}};
    for (int j = 0; j < 4; j++) {
        double flux[3];
        for (int i = 0; i < 3; i++) {
            flux[i] = by[i][0] * ln[0][j] + by[i][1] * ln[1][j] + by[i][2] * ln[2][j] + (j == PSI ? by[i][3] : 0);
        }
        J[N_NA * 4 + j] = -flux[0] * per;
        J[N_K * 4 + j] = -flux[1] * per;
        J[LENGTH * 4 + j] = water * (na * ln[0][j] + k * ln[1][j] + cl * ln[2][j] - (j == LENGTH ? x * i_l : 0));
        J[PSI * 4 + j] = -drive * (flux[0] + flux[1] - flux[2]);
    }
    return 0;
}

void nm_bench_logs_of(double *u, const nm_bench_cell *c, const double *y)
{
    const double x = 0.3 * c->pi_o / y[LENGTH];
    u[NA] = log(y[N_NA] * x);
    u[K] = log(y[N_K] * x);
    u[CL] = log((y[N_NA] + y[N_K] + c->z_X - c->charge * y[PSI]) * x);
    u[X] = log(x);
    u[V] = y[PSI];
}

void nm_bench_states_of(double *states, const nm_bench_cell *c, const double *u)
{
    for (int i = 0; i < 4; i++) {
        states[i] = exp(u[i]);
    }
    states[NM_BENCH_ELL] = c->N_X / states[NM_BENCH_X];
    states[NM_BENCH_V] = u[V] * c->RT_F;
}

double nm_bench_residual(const nm_bench_cell *c, const double *u)
{
    double B[NM_BENCH_LOGS];
    nm_bench_balances(B, NULL, c, u);
    const double leak_Na = fabs(u[NA] - c->ln_Na_o + u[V]), leak_K = fabs(u[K] - c->ln_K_o + u[V]);
    double worst = fmax(fabs(B[3]), fabs(B[4]));
    /* the pump is the balance without its leak */
    worst = fmax(worst, fabs(B[0]) / (leak_Na + fabs(B[0] - (u[NA] - c->ln_Na_o + u[V]))));
    worst = fmax(worst, fabs(B[1]) / (leak_K + fabs(B[1] - (u[K] - c->ln_K_o + u[V]))));
    return fmax(worst, fabs(B[2]) / (1 + fabs(B[2])));
}

double nm_bench_judge(const nm_bench_cell *c, const double *s)
{
    const long double r = 8.31446261815324L, f = 96485.33212331001L, RT = r * c->T;
    const long double na = s[NM_BENCH_NA], k = s[NM_BENCH_K], cl = s[NM_BENCH_CL], x = s[NM_BENCH_X];
    const long double ell = s[NM_BENCH_ELL], V_m = s[NM_BENCH_V], v = f * V_m / RT;
    for (int i = 0; i < NM_BENCH_STATES; i++) {
        if (!isfinite(s[i]) || (i < NM_BENCH_V && !(s[i] > 0))) {
            return NAN;
        }
    }
    const long double i_Na = c->g_Na * (V_m + RT / f * logl(na / c->Na_o)) / f;
    const long double i_K = c->g_K * (V_m + RT / f * logl(k / c->K_o)) / f;
    const long double i_Cl = -c->g_Cl * (V_m - RT / f * logl(cl / c->Cl_o)) / f;
    const long double a = (-(long double)c->dG_ATP + 3 * (RT * logl(na / c->Na_o) + f * V_m) -
                           2 * (RT * logl(k / c->K_o) + f * V_m)) / RT;
    const long double out = powl(na / (c->K_Na + na), 3) * powl(c->K_o / ((long double)c->K_K + c->K_o), 2) * c->p_max;
    const long double turn = a >= 0 ? (1 - expl(-a)) / (1 + c->kappa_r * expl(-a)) : (expl(a) - 1) / (expl(a) + c->kappa_r);
    const long double cycles = out * turn, pi_o = (long double)c->Na_o + c->K_o + c->Cl_o + c->Y_o;
    const long double membrane = c->C_m * V_m / (f * ell);
    const long double part[6] = {
        fabsl(i_Na + 3 * cycles) / (fabsl(i_Na) + fabsl(3 * cycles)),
        fabsl(i_K - 2 * cycles) / (fabsl(i_K) + fabsl(2 * cycles)),
        fabsl(i_Cl) / (fabsl(i_Cl) + c->g_Cl * RT / (f * f)), /* Cl has no partner: over its exchange flux */
        fabsl(na + k + cl + x - pi_o) / pi_o,
        fabsl(na + k - cl + c->z_X * x - membrane) / (na + k + cl + fabsl(c->z_X * x)),
        fabsl(x * ell / c->N_X - 1),
    };
    long double worst = 0 * v;
    for (int i = 0; i < 6; i++) {
        worst = fmaxl(worst, part[i]);
    }
    return (double)worst;
}

int nm_bench_eliminate(double *A, double *b, int n)
{
    for (int c = 0; c < n; c++) {
        int best = c;
        for (int i = c + 1; i < n; i++) {
            best = fabs(A[i * n + c]) > fabs(A[best * n + c]) ? i : best;
        }
        if (!(fabs(A[best * n + c]) > 0)) {
            return -1;
        }
        for (int j = c; best != c && j < n; j++) {
            const double t = A[c * n + j];
            A[c * n + j] = A[best * n + j];
            A[best * n + j] = t;
        }
        const double t = b[c];
        b[c] = b[best];
        b[best] = t;
        for (int i = c + 1; i < n; i++) {
            const double factor = A[i * n + c] / A[c * n + c];
            for (int j = c + 1; j < n; j++) {
                A[i * n + j] -= factor * A[c * n + j];
            }
            b[i] -= factor * b[c];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int j = i + 1; j < n; j++) {
            b[i] -= A[i * n + j] * b[j];
        }
        b[i] /= A[i * n + i];
    }
    return 0;
}

int nm_bench_newton(double *u, const nm_bench_cell *cell)
{
    for (int n = 1; n <= 40; n++) {
        double B[NM_BENCH_LOGS], J[NM_BENCH_LOGS * NM_BENCH_LOGS], largest = 0;
        nm_bench_balances(B, J, cell, u);
        if (nm_bench_eliminate(J, B, NM_BENCH_LOGS) != 0) {
            return -1;
        }
        for (int i = 0; i < NM_BENCH_LOGS; i++) {
            largest = fmax(largest, fabs(B[i]));
        }
        const double share = largest > 1.5 ? 1.5 / largest : 1;
        for (int i = 0; i < NM_BENCH_LOGS; i++) {
            u[i] -= share * B[i];
        }
        if (largest < 1e-7) { /* what is left is its square */
            return n;
        }
    }
    return -1;
}

double nm_bench_jacobian_error(const nm_bench_cell *cell, const double *u, const double *y)
{
    double worst = 0, up[NM_BENCH_LOGS], down[NM_BENCH_LOGS], J[NM_BENCH_LOGS * NM_BENCH_LOGS];
    for (int form = 0; form < 2; form++) {
        const int n = form == 0 ? NM_BENCH_LOGS : NM_BENCH_AMOUNTS;
        double at[NM_BENCH_LOGS], differences[NM_BENCH_LOGS * NM_BENCH_LOGS];
        if (form == 0) {
            nm_bench_balances(up, J, cell, u);
        } else if (nm_bench_rates(up, J, cell, y) != 0) {
            return INFINITY;
        }
        for (int j = 0; j < n; j++) {
            memcpy(at, form == 0 ? u : y, (size_t)n * sizeof *at);
            const double h = 1e-6 * fmax(fabs(at[j]), 1e-3), middle = at[j];
            at[j] = middle + h;
            form == 0 ? nm_bench_balances(up, NULL, cell, at) : (void)nm_bench_rates(up, NULL, cell, at);
            at[j] = middle - h;
            form == 0 ? nm_bench_balances(down, NULL, cell, at) : (void)nm_bench_rates(down, NULL, cell, at);
            for (int i = 0; i < n; i++) {
                differences[i * n + j] = (up[i] - down[i]) / (2 * h);
            }
        }
        for (int i = 0; i < n; i++) {
            double scale = 0;
            for (int j = 0; j < n; j++) {
                scale = fmax(scale, fabs(J[i * n + j]));
            }
            for (int j = 0; j < n; j++) {
                worst = fmax(worst, fabs(J[i * n + j] - differences[i * n + j]) / scale);
            }
        }
    }
    return worst;
}
