/* The neuron for foreign solvers; every formula in the open, nothing shared with the kernels. */
#include "bench_neuron_cell.h"

#include <math.h>
#include <string.h>

#include "bench_cell.h"

static const double R = 8.31446261815324, F = 96485.33212331001;
enum { K, CL, GATE, PSI, N = NM_BENCH_NEURON_UNKNOWNS };

void nm_bench_neuron_prepare(nm_bench_neuron_cell *c)
{
    c->RT_F = R * c->T / F;
    c->share = c->w_e / c->w_i;
    c->fixed = c->Na_i0 + c->K_i0 - c->Cl_i0;
    c->per_area = c->A_m / (F * c->w_i);
}

/* u / (exp(u) - 1) and its derivative */
static double bern(double *slope, double u)
{
    if (fabs(u) < 1e-4) {
        *slope = -0.5 + u / 6;
        return 1 - 0.5 * u + u * u / 12;
    }
    const double below = expm1(u), value = u / below;
    *slope = 1 / below - value - value / below;
    return value;
}

static double logistic(double u)
{
    return 1 / (1 + exp(-u));
}

/* rates of the gate n over phi, and the gate m; with derivatives by V in mV */
typedef struct gates {
    double opens, closes, m, opens_V, closes_V, m_V;
} gates;

static gates gates_at(double V)
{
    gates g;
    const double mV = 1e3 * V;
    double slope;
    g.opens = 0.1 * bern(&slope, -0.1 * (mV + 34));
    g.opens_V = -0.01 * slope;
    g.closes = 0.125 * exp(-(mV + 44) / 80);
    g.closes_V = -g.closes / 80;
    const double a = bern(&slope, -0.1 * (mV + 30)), b = 4 * exp(-(mV + 55) / 18);
    g.m = a / (a + b);
    g.m_V = (-0.1 * slope * b + a * b / 18) / ((a + b) * (a + b));
    return g;
}

/* all that the balances are made of; currents outward [A m-2] */
typedef struct parts {
    double Na_i, Na_e, K_i, K_e, Cl_i, Cl_e, psi, n;
    gates gate;
    double h, g_Na, g_K, x_Na, x_K, x_Cl; /* x: ln(in/out) + z psi */
    double s_Na, s_K, I_Na, I_K, I_Cl, I_pump;
} parts;

/* returns 1 outside the domain */
static int parts_of(parts *p, const nm_bench_neuron_cell *c, const double *z)
{
    p->K_i = z[K] * c->K_i0;
    p->Cl_i = z[CL] * c->Cl_i0;
    p->n = z[GATE];
    p->psi = z[PSI];
    p->Na_i = c->fixed - p->K_i + p->Cl_i;
    p->Na_e = c->Na_e0 + (c->Na_i0 - p->Na_i) / c->share;
    p->K_e = c->K_e0 + (c->K_i0 - p->K_i) / c->share;
    p->Cl_e = c->Cl_e0 + (c->Cl_i0 - p->Cl_i) / c->share;
    if (!(p->Na_i > 0 && p->K_i > 0 && p->Cl_i > 0 && p->Na_e > 0 && p->K_e > 0 && p->Cl_e > 0 && fabs(p->psi) < 40)) {
        return 1;
    }
    p->gate = gates_at(p->psi * c->RT_F);
    p->h = logistic(-6.5 * (p->n - 0.35));
    p->g_Na = c->g_NaL + c->g_NaG * p->gate.m * p->gate.m * p->gate.m * p->h;
    p->g_K = c->g_KL + c->g_KG * p->n * p->n * p->n * p->n;
    p->x_Na = log(p->Na_i / p->Na_e) + p->psi;
    p->x_K = log(p->K_i / p->K_e) + p->psi;
    p->x_Cl = log(p->Cl_i / p->Cl_e) - p->psi;
    p->s_Na = logistic((p->Na_i - 25) / 3);
    p->s_K = logistic(p->K_e - 5.5);
    p->I_Na = p->g_Na * c->RT_F * p->x_Na;
    p->I_K = p->g_K * c->RT_F * p->x_K;
    p->I_Cl = -c->g_Cl * c->RT_F * p->x_Cl;
    p->I_pump = c->rho * p->s_Na * p->s_K;
    return 0;
}

static void start(double *z, const void *cell, const nm_bench_rival *rival)
{
    (void)rival;
    const nm_bench_neuron_cell *c = cell;
    z[K] = z[CL] = 1;
    z[PSI] = log(c->Cl_i0 / c->Cl_e0); /* Cl- is at equilibrium */
    const gates g = gates_at(z[PSI] * c->RT_F);
    z[GATE] = g.opens / (g.opens + g.closes);
}

static int rates(double *f, double *J, const void *cell, const double *z, const nm_bench_rival *rival)
{
    (void)rival;
    const nm_bench_neuron_cell *c = cell;
    parts p;
    if (parts_of(&p, c, z) != 0) {
        return 1;
    }
    const double per_K = c->per_area / c->K_i0, per_Cl = c->per_area / c->Cl_i0, per_V = 1 / (c->C_m * c->RT_F);
    const gates g = p.gate;
    f[K] = per_K * (2 * p.I_pump - p.I_K);
    f[CL] = per_Cl * p.I_Cl;
    f[GATE] = c->phi * (g.opens * (1 - p.n) - g.closes * p.n);
    f[PSI] = per_V * (c->I_app - p.I_Na - p.I_K - p.I_Cl - p.I_pump);
    if (!J) {
        return 0;
    }
    /* by K_i, Cl_i, n and psi; Na_i falls with K_i and rises with Cl_i */
    const double G_Na = p.g_Na * c->RT_F, G_K = p.g_K * c->RT_F, G_Cl = c->g_Cl * c->RT_F, mV = 1e3 * c->RT_F;
    const double Na_by = 1 / p.Na_i + 1 / (c->share * p.Na_e);
    const double pump_Na = p.I_pump * (1 - p.s_Na) / 3, pump_K_e = p.I_pump * (1 - p.s_K);
    const double Na[4] = {-G_Na * Na_by, G_Na * Na_by, -6.5 * (1 - p.h) * (p.g_Na - c->g_NaL) * c->RT_F * p.x_Na,
                          G_Na + 3 * c->g_NaG * g.m * g.m * g.m_V * p.h * mV * c->RT_F * p.x_Na};
    const double K_by = 1 / p.K_i + 1 / (c->share * p.K_e), n_3 = p.n * p.n * p.n;
    const double of_K[4] = {G_K * K_by, 0, 4 * c->g_KG * n_3 * c->RT_F * p.x_K, G_K};
    const double of_Cl[4] = {0, -G_Cl * (1 / p.Cl_i + 1 / (c->share * p.Cl_e)), 0, G_Cl};
    const double pump[4] = {-pump_Na - pump_K_e / c->share, pump_Na, 0, 0};
    const double scale[4] = {c->K_i0, c->Cl_i0, 1, 1};
    for (int j = 0; j < N; j++) {
        J[K * N + j] = scale[j] * per_K * (2 * pump[j] - of_K[j]);
        J[CL * N + j] = scale[j] * per_Cl * of_Cl[j];
        J[GATE * N + j] = 0;
        J[PSI * N + j] = -scale[j] * per_V * (Na[j] + of_K[j] + of_Cl[j] + pump[j]);
    }
    J[GATE * N + GATE] = -c->phi * (g.opens + g.closes);
    J[GATE * N + PSI] = c->phi * mV * (g.opens_V * (1 - p.n) - g.closes_V * p.n);
    return 0;
}

static double share_of(double sum, double a, double b)
{
    return fabs(sum) / (fabs(a) + fabs(b));
}

static double residual(const void *cell, const double *z, const nm_bench_rival *rival)
{
    (void)rival;
    const nm_bench_neuron_cell *c = cell;
    parts p;
    if (parts_of(&p, c, z) != 0) {
        return INFINITY;
    }
    const double opens = p.gate.opens * (1 - p.n), closes = p.gate.closes * p.n;
    double worst = share_of(p.I_Na + 3 * p.I_pump, p.I_Na, 3 * p.I_pump);
    worst = fmax(worst, share_of(p.I_K - 2 * p.I_pump, p.I_K, 2 * p.I_pump));
    worst = fmax(worst, share_of(p.I_Cl, p.I_Cl, c->g_Cl * c->RT_F));
    return fmax(worst, share_of(opens - closes, opens, closes));
}

/* Newton's method on the rates, steps of at most a half */
static void polish(double *z, const nm_bench_neuron_cell *c)
{
    for (int n = 0; n < 40; n++) {
        double f[N], J[N * N], largest = 0;
        if (rates(f, J, c, z, NULL) != 0 || nm_bench_eliminate(J, f, N) != 0) {
            return;
        }
        for (int i = 0; i < N; i++) {
            largest = fmax(largest, fabs(f[i]) / (i < PSI ? fabs(z[i]) : 1));
        }
        const double share = largest > 0.5 ? 0.5 / largest : 1;
        for (int i = 0; i < N; i++) {
            z[i] -= share * f[i];
        }
        if (largest < 1e-7) {
            return;
        }
    }
}

static void states(double *states, const void *cell, const double *z, const nm_bench_rival *rival)
{
    const nm_bench_neuron_cell *c = cell;
    double at[N];
    memcpy(at, z, sizeof at);
    if (rival->polishes) {
        polish(at, c);
    }
    states[NM_BENCH_NEURON_K] = at[K] * c->K_i0;
    states[NM_BENCH_NEURON_CL] = at[CL] * c->Cl_i0;
    states[NM_BENCH_NEURON_NA] = c->fixed - states[NM_BENCH_NEURON_K] + states[NM_BENCH_NEURON_CL];
    states[NM_BENCH_NEURON_N] = at[GATE];
    states[NM_BENCH_NEURON_V] = at[PSI] * c->RT_F;
}

const nm_bench_system nm_bench_neuron_system = {
    .n_unknowns = N, .n_states = NM_BENCH_NEURON_STATES, .cell_bytes = sizeof(nm_bench_neuron_cell),
    .start = start, .rates = rates, .residual = residual, .states = states,
};

/* --- the judge ------------------------------------------------------------------------------------------------------ */

static long double vtrap(long double u)
{
    return fabsl(u) < 1e-8L ? 1 - u / 2 : u / expm1l(u);
}

double nm_bench_neuron_judge(const nm_bench_neuron_cell *c, const double *s)
{
    for (int i = 0; i < NM_BENCH_NEURON_STATES; i++) {
        if (!isfinite(s[i]) || (i < NM_BENCH_NEURON_V && !(s[i] > 0))) {
            return NAN;
        }
    }
    const long double f = 96485.33212331001L, RT_F = 8.31446261815324L * c->T / f, V = s[NM_BENCH_NEURON_V], mV = 1000 * V;
    const long double na = s[NM_BENCH_NEURON_NA], k = s[NM_BENCH_NEURON_K], cl = s[NM_BENCH_NEURON_CL];
    const long double n = s[NM_BENCH_NEURON_N];
    const long double ratio = (long double)c->w_i / c->w_e;
    const long double na_e = c->Na_e0 + ratio * (c->Na_i0 - na), k_e = c->K_e0 + ratio * (c->K_i0 - k);
    const long double cl_e = c->Cl_e0 + ratio * (c->Cl_i0 - cl), fixed = (long double)c->Na_i0 + c->K_i0 - c->Cl_i0;
    if (!(na_e > 0 && k_e > 0 && cl_e > 0)) {
        return INFINITY;
    }
    const long double am = vtrap(-(mV + 30) / 10), bm = 4 * expl(-(mV + 55) / 18), m = am / (am + bm);
    const long double an = vtrap(-(mV + 34) / 10) / 10, bn = expl(-(mV + 44) / 80) / 8;
    const long double h = 1 / (1 + expl(6.5L * (n - 0.35L)));
    const long double pump = c->rho / ((1 + expl((25 - na) / 3)) * (1 + expl(5.5L - k_e)));
    const long double i_na = (c->g_NaL + c->g_NaG * m * m * m * h) * (V - RT_F * logl(na_e / na));
    const long double i_k = (c->g_KL + c->g_KG * n * n * n * n) * (V - RT_F * logl(k_e / k));
    const long double i_cl = c->g_Cl * (V + RT_F * logl(cl_e / cl));
    const long double part[] = {
        fabsl(i_na + 3 * pump) / (fabsl(i_na) + 3 * pump),
        fabsl(i_k - 2 * pump) / (fabsl(i_k) + 2 * pump),
        fabsl(i_cl) / (fabsl(i_cl) + c->g_Cl * RT_F), /* Cl has no partner: over its exchange flux */
        fabsl(an * (1 - n) - bn * n) / (an * fabsl(1 - n) + bn * n),
        fabsl(na + k - cl - fixed) / (na + k + cl + fabsl(fixed)),
    };
    long double worst = 0;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        worst = part[i] > worst || isnan(part[i]) ? part[i] : worst;
    }
    return (double)worst;
}

double nm_bench_neuron_jacobian_error(const nm_bench_neuron_cell *c)
{
    double z[N], up[N], down[N], J[N * N], differences[N * N], worst = 0;
    start(z, c, NULL);
    if (rates(up, J, c, z, NULL) != 0) {
        return INFINITY;
    }
    for (int j = 0; j < N; j++) {
        const double middle = z[j], h = 1e-6 * fmax(fabs(middle), 1e-3);
        z[j] = middle + h;
        rates(up, NULL, c, z, NULL);
        z[j] = middle - h;
        rates(down, NULL, c, z, NULL);
        z[j] = middle;
        for (int i = 0; i < N; i++) {
            differences[i * N + j] = (up[i] - down[i]) / (2 * h);
        }
    }
    for (int i = 0; i < N; i++) {
        double scale = 0;
        for (int j = 0; j < N; j++) {
            scale = fmax(scale, fabs(J[i * N + j]));
        }
        for (int j = 0; j < N; j++) {
            worst = fmax(worst, fabs(J[i * N + j] - differences[i * N + j]) / scale);
        }
    }
    return worst;
}
