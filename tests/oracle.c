/* Exact steady state of a pump-leak cell by a one-dimensional reduction, in long double.
 *
 *   1. Small numerics
 *   2. The reduced cell: interval, state and f at one t
 *   3. The swelling cell
 *   4. Public calls */
#include "oracle.h"

#include <float.h>
#include <math.h>

#define GAS_R   8.31446261815324L     /* [J mol-1 K-1] */
#define FARADAY 96485.33212331001840L /* [C mol-1] */

/* --- 1. Small numerics ---------------------------------------------------------------------- */

/* u / (exp(u) - 1) */
static long double bern(long double u)
{
    if (fabsl(u) < 1e-6L) {
        return 1.0L - u / 2 + u * u / 12;
    }
    return u / expm1l(u);
}

typedef long double (*scalar_fn)(long double t, const void *context);

/* Zero of `fn` between a and b, where it has opposite signs (fa, fb): Brent's method, to the last
 * bits. */
static long double find_zero(scalar_fn fn, const void *context, long double a, long double fa,
                             long double b, long double fb)
{
    long double c = a, fc = fa, step = b - a, last = step;
    for (int i = 0; i < 400; i++) {
        if ((fb > 0) == (fc > 0)) {
            c = a;
            fc = fa;
            step = last = b - a;
        }
        if (fabsl(fc) < fabsl(fb)) {
            a = b;
            b = c;
            c = a;
            fa = fb;
            fb = fc;
            fc = fa;
        }
        const long double tolerance = LDBL_EPSILON * fabsl(b) + LDBL_MIN;
        const long double half = (c - b) / 2;
        if (fabsl(half) <= tolerance || fb == 0) {
            return b;
        }
        if (fabsl(last) >= tolerance && fabsl(fa) > fabsl(fb)) {
            long double p, q;
            const long double s = fb / fa;
            if (a == c) {
                p = 2 * half * s;
                q = 1 - s;
            } else {
                const long double u = fa / fc, w = fb / fc;
                p = s * (2 * half * u * (u - w) - (b - a) * (w - 1));
                q = (u - 1) * (w - 1) * (s - 1);
            }
            if (p > 0) {
                q = -q;
            } else {
                p = -p;
            }
            if (2 * p < fminl(3 * half * q - fabsl(tolerance * q), fabsl(last * q))) {
                last = step;
                step = p / q;
            } else {
                step = last = half;
            }
        } else {
            step = last = half;
        }
        a = b;
        fa = fb;
        b += fabsl(step) > tolerance ? step : copysignl(tolerance, half);
        fb = fn(b, context);
    }
    return b;
}

/* --- 2. The reduced cell -------------------------------------------------------------------- */

typedef enum end_kind { END_NONE, END_X, END_NA, END_K } end_kind; /* what is zero there */

typedef struct reduced {
    const nm_oracle_cell *cell;
    long double RT, Pi, cations; /* cations = Na_o + K_o */
    long double bath_margin;     /* margin at t = 0 */
    long double y_Na, y_K, y_Cl; /* ohmic: forces per unit of t */
    long double low, high;       /* the interval of t */
    end_kind low_kind, high_kind;
} reduced;

typedef struct state {
    long double margin, X, v, ln_theta, Na, K, Cl, x_Na, x_K, x_Cl, r;
} state;

/* Forces and ln(alpha), ln(beta), margin at t. The margin keeps its digits near t = 0, where it may
 * vanish. */
static void margin_at(state *s, long double *ln_alpha, long double *ln_beta, const reduced *m,
                      long double t)
{
    const nm_oracle_cell *p = m->cell;
    if (p->leak == NM_ORACLE_GHK) {
        s->x_Na = log1pl(-3 * t / ((long double)p->P_Na * p->Na_o));
        s->x_K = log1pl(2 * t / ((long double)p->P_K * p->K_o));
        s->x_Cl = 0;
        const long double slope = 3 / (long double)p->P_Na - 2 / (long double)p->P_K;
        *ln_alpha = logl(m->cations - slope * t);
        s->margin = m->bath_margin + slope * t * 4 * p->Cl_o / (m->Pi * m->Pi);
    } else {
        s->x_Na = m->y_Na * t;
        s->x_K = m->y_K * t;
        s->x_Cl = m->y_Cl * t;
        const long double a = logl(p->Na_o) + s->x_Na, b = logl(p->K_o) + s->x_K;
        *ln_alpha = fmaxl(a, b) + log1pl(expl(-fabsl(a - b)));
        const long double e_Na = s->x_Na + s->x_Cl, e_K = s->x_K + s->x_Cl;
        if (fmaxl(fabsl(e_Na), fabsl(e_K)) < 1) {
            const long double gain = (p->Na_o * expm1l(e_Na) + p->K_o * expm1l(e_K)) / m->cations;
            s->margin = m->bath_margin - (1 - m->bath_margin) * gain;
        } else {
            s->margin =
                -expm1l(logl(4 * (long double)p->Cl_o) + *ln_alpha + s->x_Cl - 2 * logl(m->Pi));
        }
    }
    *ln_beta = logl(p->Cl_o) + s->x_Cl;
}

static long double margin_of(long double t, const void *context)
{
    state s;
    long double ln_alpha, ln_beta;
    margin_at(&s, &ln_alpha, &ln_beta, context, t);
    return s.margin;
}

typedef struct balance {
    long double z_X, kappa, margin, ln_alpha_Pi, ln_beta_Pi; /* kappa = C_m R T / (F^2 N_X) */
} balance;

/* ln(theta) of a cell whose impermeant has mean charge z: the root of
 * (1 - z) alpha theta^2 + z Pi theta - (1 + z) beta = 0 with X > 0. */
static long double ln_theta_of(long double z, const balance *b)
{
    const long double d = sqrtl(fmaxl(0, 1 - (1 - z * z) * b->margin));
    if (z > 0) {
        return logl(2 * (1 + z) / (z + d)) + b->ln_beta_Pi;
    }
    return logl((d - z) / (2 * (1 - z))) - b->ln_alpha_Pi;
}

/* The membrane's charge counts as charge of the impermeant: z - z_X + kappa v(z), which rises with
 * z. */
static long double charge_of(long double z, const void *context)
{
    const balance *b = context;
    return z - b->z_X - b->kappa * ln_theta_of(z, b);
}

/* The cell at t. is_swollen: X = 0 is taken, whatever the margin. */
static void state_at(state *s, const reduced *m, long double t, int is_swollen)
{
    const nm_oracle_cell *p = m->cell;
    long double ln_alpha, ln_beta;
    margin_at(s, &ln_alpha, &ln_beta, m, t);
    if (is_swollen || s->margin <= 0) {
        s->X = 0;
        s->ln_theta = (ln_beta - ln_alpha) / 2;
    } else {
        balance b = {.z_X = p->z_X,
                     .margin = s->margin,
                     .ln_alpha_Pi = ln_alpha - logl(m->Pi),
                     .ln_beta_Pi = ln_beta - logl(m->Pi)};
        long double z = p->z_X;
        if (!p->is_electroneutral) {
            b.kappa = p->C_m * m->RT / (FARADAY * FARADAY * p->N_X);
            const long double miss = charge_of(z, &b);
            if (miss != 0) {
                z = find_zero(charge_of, &b, z, miss, z - miss, charge_of(z - miss, &b));
            }
        }
        s->ln_theta = ln_theta_of(z, &b);
        const long double d = sqrtl(fmaxl(0, 1 - (1 - z * z) * s->margin));
        s->X = m->Pi * s->margin / (1 + d);
    }
    s->v = -s->ln_theta;
    s->Na = expl(logl(p->Na_o) + s->x_Na + s->ln_theta);
    s->K = expl(logl(p->K_o) + s->x_K + s->ln_theta);
    s->Cl = expl(ln_beta - s->ln_theta);
    s->r = p->leak == NM_ORACLE_GHK ? t * bern(s->v) : t;
}

static long double ln_capacity(const nm_oracle_cell *p, const state *s)
{
    const long double ln_Na = logl(p->Na_o) + s->x_Na + s->ln_theta;
    return logl(p->p_max) + 3 * (ln_Na - logl(p->K_Na + s->Na)) +
           2 * logl(p->K_o / ((long double)p->K_K + p->K_o));
}

static long double pump_affinity(const reduced *m, const state *s)
{
    return -m->cell->dG_ATP / m->RT + 3 * s->x_Na - 2 * s->x_K;
}

static long double pump_rate(const reduced *m, const state *s)
{
    const nm_oracle_cell *p = m->cell;
    if (p->pump == NM_ORACLE_CONST) {
        return p->p_max;
    }
    const long double capacity = expl(ln_capacity(p, s));
    if (p->pump == NM_ORACLE_HILL) {
        return capacity;
    }
    const long double a = pump_affinity(m, s);
    if (a < -1000 && p->kappa_r == 0) {
        return -expl(ln_capacity(p, s) - a); /* neither factor need be a number */
    }
    if (a < 0) {
        return capacity * expm1l(a) / (expl(a) + p->kappa_r);
    }
    return -capacity * expm1l(-a) / (1 + p->kappa_r * expl(-a));
}

static long double excess_at(long double t, const void *context)
{
    state s;
    state_at(&s, context, t, 0);
    return pump_rate(context, &s) - s.r;
}

static long double swollen_excess_at(long double t, const void *context)
{
    state s;
    state_at(&s, context, t, 1);
    return pump_rate(context, &s) - s.r;
}

/* G y = (-3, 2, 0), G = (RT/F^2) diag(g) + L_NKCC n n' + L_KCC k k', n = (1,1,2), k = (0,1,1):
 * Cholesky. */
static int solve_forces(reduced *m)
{
    const nm_oracle_cell *p = m->cell;
    const long double unit = m->RT / (FARADAY * FARADAY), N = p->L_NKCC, K = p->L_KCC;
    const long double a00 = unit * p->g_Na + N, a10 = N, a11 = unit * p->g_K + N + K;
    const long double a20 = 2 * N, a21 = 2 * N + K, a22 = unit * p->g_Cl + 4 * N + K;
    if (!(p->g_Na > 0 && p->g_K > 0 && p->g_Cl > 0 && N >= 0 && K >= 0)) {
        return -1;
    }
    const long double l00 = sqrtl(a00), l10 = a10 / l00, l20 = a20 / l00;
    const long double l11 = sqrtl(a11 - l10 * l10), l21 = (a21 - l20 * l10) / l11;
    const long double l22 = sqrtl(a22 - l20 * l20 - l21 * l21);
    const long double w0 = -3 / l00, w1 = (2 - l10 * w0) / l11, w2 = -(l20 * w0 + l21 * w1) / l22;
    m->y_Cl = w2 / l22;
    m->y_K = (w1 - l21 * m->y_Cl) / l11;
    m->y_Na = (w0 - l10 * m->y_K - l20 * m->y_Cl) / l00;
    return 0;
}

/* Walks from `start`, where the margin is positive, to where it is not. returns 0, or -1 where it
 * never ends. */
static int find_end(long double *end, const reduced *m, long double start, long double step)
{
    const long double at_start = margin_of(start, m);
    for (int i = 0; i < 400; i++, step *= 2) {
        const long double at = margin_of(start + step, m);
        if (!(at > 0)) {
            *end = find_zero(margin_of, m, start, at_start, start + step, fmaxl(at, -LDBL_MAX));
            return 0;
        }
    }
    return -1;
}

/* The interval of t with X > 0 (and Na_i, K_i > 0). returns 1; 0 where it is empty; -1 where not
 * covered. */
static int find_interval(reduced *m)
{
    const nm_oracle_cell *p = m->cell;
    const long double surplus = m->cations - p->Cl_o;
    m->bath_margin =
        (surplus * surplus + (2 * (m->cations + p->Cl_o) + p->Y_o) * p->Y_o) / (m->Pi * m->Pi);
    if (p->leak == NM_ORACLE_GHK) {
        if (p->L_NKCC != 0 || p->L_KCC != 0 || !(p->P_Na > 0 && p->P_K > 0 && p->P_Cl > 0)) {
            return -1;
        }
        m->low = -(long double)p->P_K * p->K_o / 2;
        m->high = (long double)p->P_Na * p->Na_o / 3;
        m->low_kind = END_K;
        m->high_kind = END_NA;
        const long double slope = 3 / (long double)p->P_Na - 2 / (long double)p->P_K;
        const long double end = -m->bath_margin * m->Pi * m->Pi / (4 * p->Cl_o * slope);
        if (slope > 0 && end > m->low) {
            m->low = end;
            m->low_kind = END_X;
        }
        if (slope < 0 && end < m->high) {
            m->high = end;
            m->high_kind = END_X;
        }
        return m->low < m->high;
    }
    if (solve_forces(m) != 0) {
        return -1;
    }
    const long double e_Na = m->y_Na + m->y_Cl, e_K = m->y_K + m->y_Cl;
    if (!(e_Na < 0 && e_K > 0)) {
        return -1;
    }
    /* ln(4 alpha beta) is convex in t; its lowest point lies between the ends */
    const long double best = logl(-p->Na_o * e_Na / (p->K_o * e_K)) / (e_K - e_Na);
    if (!(margin_of(best, m) > 0)) {
        return 0;
    }
    const long double step = 1 / (e_K - e_Na);
    if (find_end(&m->low, m, best, -step) != 0 || find_end(&m->high, m, best, step) != 0) {
        return -1;
    }
    m->low_kind = m->high_kind = END_X;
    return 1;
}

static int reduce_cell(reduced *m, const nm_oracle_cell *cell)
{
    *m = (reduced){.cell = cell};
    m->RT = GAS_R * cell->T;
    m->cations = (long double)cell->Na_o + cell->K_o;
    m->Pi = m->cations + cell->Cl_o + cell->Y_o;
    return find_interval(m);
}

/* Sign of f at an end. With Na_i = 0 a pump that needs Na+ is at rest or runs backwards; with K_i =
 * 0 it runs forward. */
static long double excess_at_end(const reduced *m, long double t, end_kind kind)
{
    if (kind == END_NA) {
        return m->cell->pump == NM_ORACLE_CONST ? excess_at(t, m) : -1;
    }
    if (kind == END_K) {
        return 1;
    }
    return swollen_excess_at(t, m);
}

/* --- 3. The swelling cell ------------------------------------------------------------------- */

typedef struct swelling {
    const reduced *cell;
    long double u; /* volume gained per area and time */
} swelling;

static void swelling_ions(long double *Na, long double *K, long double *Cl, const swelling *w,
                          long double v)
{
    const nm_oracle_cell *p = w->cell->cell;
    const long double in = bern(v), out = bern(-v);
    *Na = (p->P_Na * p->Na_o * in - 3 * (long double)p->p_max) / (p->P_Na * out + w->u);
    *K = (p->P_K * p->K_o * in + 2 * (long double)p->p_max) / (p->P_K * out + w->u);
    *Cl = p->P_Cl * p->Cl_o * out / (p->P_Cl * in + w->u);
}

static long double swelling_charge(long double v, const void *context)
{
    long double Na, K, Cl;
    swelling_ions(&Na, &K, &Cl, context, v);
    return Na + K - Cl;
}

/* Cations fall and chloride rises with v, so a neutral v is unique. */
static long double swelling_potential(const swelling *w)
{
    long double reach = 1;
    while (reach < 1e6L && !(swelling_charge(-reach, w) > 0 && swelling_charge(reach, w) < 0)) {
        reach *= 2;
    }
    return find_zero(swelling_charge, w, -reach, swelling_charge(-reach, w), reach,
                     swelling_charge(reach, w));
}

static long double swelling_osmosis(long double u, const void *context)
{
    const swelling w = {.cell = context, .u = u};
    const nm_oracle_cell *p = w.cell->cell;
    long double Na, K, Cl;
    swelling_ions(&Na, &K, &Cl, &w, swelling_potential(&w));
    return Na + K + Cl - w.cell->Pi - u / ((long double)p->P_f * p->v_w);
}

/* A cell with GHK leaks and a constant pump that has no steady state: does it swell for ever with
 * Na+ left in it? out: the rate of swelling, or 0. */
static int swells(long double *growth_rate, const reduced *m)
{
    const nm_oracle_cell *p = m->cell;
    const long double at_rest = swelling_osmosis(0, m);
    *growth_rate = 0;
    if (!(at_rest > 0)) {
        return 0;
    }
    long double u = (long double)p->P_f * p->v_w * m->Pi;
    while (swelling_osmosis(u, m) > 0) {
        u *= 2;
    }
    const swelling w = {.cell = m,
                        .u = find_zero(swelling_osmosis, m, 0, at_rest, u, swelling_osmosis(u, m))};
    long double Na, K, Cl;
    swelling_ions(&Na, &K, &Cl, &w, swelling_potential(&w));
    if (!(Na > 0)) {
        return 0;
    }
    *growth_rate = w.u;
    return 1;
}

/* --- 4. Public calls ------------------------------------------------------------------------ */

/* The zero of f continued past an end with X = 0: how far the cell is from having a state. */
static long double margin_beyond(const reduced *m, long double end, long double at_end,
                                 int direction)
{
    const nm_oracle_cell *p = m->cell;
    if (p->leak == NM_ORACLE_OHMIC && p->pump == NM_ORACLE_CONST) {
        return margin_of(p->p_max, m);
    }
    if (at_end == 0) {
        return 0;
    }
    const long double limit = p->leak == NM_ORACLE_OHMIC ? direction * HUGE_VALL
                              : direction > 0            ? (long double)p->P_Na * p->Na_o / 3
                                                         : -(long double)p->P_K * p->K_o / 2;
    long double step = direction * fmaxl(fabsl(end), fabsl(m->high - m->low)) / 1024;
    for (int i = 0; i < 400; i++, step *= 2) {
        long double t = end + step;
        const int is_last = direction * (t - limit) >= 0;
        if (is_last) {
            t = end + (limit - end) * (1 - 1e-12L);
        }
        const long double at = swollen_excess_at(t, m);
        if ((at > 0) != (at_end > 0)) {
            return margin_of(find_zero(swollen_excess_at, m, end, at_end, t, at), m);
        }
        if (is_last) {
            return margin_of(t, m);
        }
    }
    return -HUGE_VALL;
}

static void report_state(nm_oracle_answer *answer, const reduced *m, long double t)
{
    const nm_oracle_cell *p = m->cell;
    state s;
    state_at(&s, m, t, 0);
    answer->Na_i = s.Na;
    answer->K_i = s.K;
    answer->Cl_i = s.Cl;
    answer->X_i = s.X;
    answer->ell = p->N_X / s.X;
    answer->V = s.v * m->RT / FARADAY;
    answer->r = p->pump == NM_ORACLE_CONST ? p->p_max : s.r;
    answer->lysis_margin = s.margin;

    /* the largest force over active pathways that have a one-way pair */
    long double a_max = fmaxl(fmaxl(fabsl(s.x_Na), fabsl(s.x_K)), fabsl(s.x_Cl));
    if (p->L_NKCC > 0) {
        a_max = fmaxl(a_max, fabsl(s.x_Na + s.x_K + 2 * s.x_Cl));
    }
    if (p->L_KCC > 0) {
        a_max = fmaxl(a_max, fabsl(s.x_K + s.x_Cl));
    }
    if (p->pump == NM_ORACLE_REV && p->p_max > 0) {
        a_max = fmaxl(a_max, fabsl(pump_affinity(m, &s)));
    }
    answer->a_max = a_max;
    const int is_driven = p->pump != NM_ORACLE_REV && p->p_max > 0;
    answer->verdict = a_max <= 1e-8L && !is_driven ? NM_ORACLE_EQUILIBRIUM : NM_ORACLE_NESS;
}

void nm_oracle_solve(nm_oracle_answer *answer, const nm_oracle_cell *cell)
{
    reduced m;
    *answer = (nm_oracle_answer){.verdict = NM_ORACLE_NOT_COVERED, .depletion_margin = 1};
    const int has_interval = reduce_cell(&m, cell);
    if (has_interval < 0) {
        return;
    }
    if (!has_interval) {
        answer->verdict = NM_ORACLE_GROWTH;
        answer->lysis_margin = cell->leak == NM_ORACLE_OHMIC && cell->pump == NM_ORACLE_CONST
                                   ? margin_of(cell->p_max, &m)
                                   : m.bath_margin;
        return;
    }
    if (cell->leak == NM_ORACLE_GHK && cell->pump == NM_ORACLE_CONST && m.high_kind == END_NA) {
        answer->depletion_margin = -excess_at(m.high, &m) / (cell->p_max - excess_at(m.high, &m));
    }

    const long double at_low = excess_at_end(&m, m.low, m.low_kind);
    const long double at_high = excess_at_end(&m, m.high, m.high_kind);
    if (at_low > 0 && at_high < 0) {
        report_state(answer, &m, find_zero(excess_at, &m, m.low, at_low, m.high, at_high));
        return;
    }

    const int is_high = at_high >= 0;
    if (is_high && m.high_kind == END_NA) {
        answer->verdict = NM_ORACLE_DEPLETION;
        answer->lysis_margin = margin_of(m.high, &m);
        return;
    }
    answer->verdict = NM_ORACLE_GROWTH;
    answer->lysis_margin =
        is_high ? margin_beyond(&m, m.high, at_high, 1) : margin_beyond(&m, m.low, at_low, -1);
    if (is_high && cell->leak == NM_ORACLE_GHK && cell->pump == NM_ORACLE_CONST && at_high > 0 &&
        !swells(&answer->growth_rate, &m)) {
        answer->verdict = NM_ORACLE_DEPLETION;
    }
}

int nm_oracle_sample(long double *f, const nm_oracle_cell *cell, int n)
{
    reduced m;
    if (reduce_cell(&m, cell) <= 0) {
        return -1;
    }
    for (int i = 0; i < n; i++) {
        f[i] = excess_at(m.low + (m.high - m.low) * (i + 1) / (n + 1), &m);
    }
    return 0;
}
