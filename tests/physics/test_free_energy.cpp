/* The free energy of a cell changes by what its pump is paid minus what is dissipated, along whole trajectories.
 *
 *   F_c = ell RT sum_j [c_j ln(c_j/c_jo) - c_j + c_jo] + RT [N_X ln X - N_X] + ell RT Y_o + C_m V^2/2,  j = Na, K, Cl
 *   dF_c/dt = P_ATP - Tsigma_total (+ P_clamp), at any state, so between any two times
 *
 * F_c is written here from its formula; P_ATP, Tsigma_total and P_clamp are the outputs. Steps are those of the
 * follower at rtol 1e-8; each is integrated by Gauss-Lobatto rules whose inner states are Rodas4 steps of their own.
 * Error: |change - integral| / max(|change|, integral of |P_ATP| + |P_clamp| + |Tsigma_total|).
 * lanes: 1 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern "C" {
#include <cmocka.h>
}

#include "models/pump_leak.c"
#include "point.h"

#include "course.h"

#include "cell_draw.h"

enum { N_TRAJECTORIES = 1000, N_STEPS = 6000, N_POWERS = 3 };

/* a cell and how its F_c is reckoned */
struct cell {
    nm_point pt;
    nm_choices pick;
    double p[NM_NP];
};

static void prepare(cell *c)
{
    for (int i = 0; i < NM_NP; i++) {
        c->pt.p[i] = c->p[i];
    }
    nm_prepare(&c->pt, &c->pick);
}

/* F_c, and the sum of the sizes of its terms (what rounding goes by) */
static double free_energy(const cell *c, const double *x, double *size)
{
    const double *p = c->p, RT = 8.31446261815324 * p[NM_P_T];
    const double ell = x[NM_Y_ell], V = x[NM_Y_V] * RT / 96485.33212331001;
    const double n[3] = {x[NM_Y_Na_i], x[NM_Y_K_i], x[NM_Y_Cl_i]};
    const double out[3] = {p[NM_P_Na_o], p[NM_P_K_o], p[NM_P_Cl_o]};
    double F = 0.0;
    *size = 0.0;
    const double X = p[NM_P_N_X] / ell;
    double term[12];
    int k = 0;
    for (int j = 0; j < 3; j++) {
        term[k++] = RT * n[j] * log(n[j] / ell / out[j]);
        term[k++] = -RT * n[j];
        term[k++] = RT * ell * out[j];
    }
    term[k++] = RT * p[NM_P_N_X] * (log(X) - 1.0);
    term[k++] = RT * ell * p[NM_P_Y_o];
    term[k++] = c->pick.membrane == 0 ? 0.5 * p[NM_P_C_m] * V * V : 0.0;
    for (int i = 0; i < k; i++) {
        F += term[i];
        *size += fabs(term[i]);
    }
    return F;
}

/* P_ATP, P_clamp, Tsigma_total at state x */
static void powers(double *power, const cell *c, const double *x)
{
    static int16_t slot[NM_N_OUTPUTS];
    static bool is_ready = false;
    if (!is_ready) {
        for (int i = 0; i < NM_N_OUTPUTS; i++) {
            slot[i] = -1;
        }
        slot[NM_OUT_P + NM_E_ATP] = 0;
        slot[NM_OUT_scalar + NM_SCALAR_P_clamp] = 1;
        slot[NM_OUT_scalar + NM_SCALAR_Tsigma_total] = 2;
        slot[NM_OUT_scalar + NM_SCALAR_closure] = 3;
        is_ready = true;
    }
    nm_vec y[NM_NY], out[4];
    nm_sink sink = {slot, out};
    nm_look look;
    nm_state_to_unknowns(y, x);
    nm_look_at(&look, y, &c->pt, &c->pick);
    nm_emit(&sink, &look, y, &c->pt, &c->pick);
    for (int i = 0; i < N_POWERS; i++) {
        power[i] = out[i];
    }
    /* the same law, at the instant, as the output `closure` says it */
    double all = fabs(out[0]) + fabs(out[1]), moved = 0.0;
    for (int k = 0; k < NM_NJ; k++) {
        all += fabs(look.net[k] * look.x[k] * c->pt.RT);
        moved += fabs(look.net[k] * c->pt.RT);
    }
    /* next to equilibrium the power is a small difference of J RT ln c */
    if (!(fabs(out[3]) <= 1e-9 * all + 1e-13 * moved)) {
        fail_msg("closure %.3g of the power at a state on the way, membrane %d", out[3] / all,
                 c->pick.membrane);
    }
}

/* Gauss-Lobatto, five points: exact to degree 7 */
static const double node[5] = {0.0, 0.17267316464601142, 0.5, 0.82732683535398858, 1.0};
static const double weight[5] = {0.05, 0.27222222222222222, 0.35555555555555556,
                                 0.27222222222222222, 0.05};

struct record {
    double change, integral, gross, worst_rise, t;
    int steps, status;
};

/* Adds the powers over a step of h from x to x_end. Halved where an amount falls or rises much: a trace that runs out
 * has a force that goes as its logarithm. */
static void integrate(record *r, const cell *c, const double *x, const double *x_end, double h,
                      int halvings)
{
    double inner[NM_NY], far = 0.0;
    for (int i = 0; i < NM_N_FREE + NM_N_VOLUMES; i++) {
        far = fmax(far, fabs(x_end[i] - x[i]) / fmin(x_end[i], x[i]));
    }
    if (far > 0.5 && halvings < 30) {
        double end[NM_NY];
        fixed_step(inner, x, 0.5 * h, &c->pt, &c->pick);
        fixed_step(end, inner, 0.5 * h, &c->pt, &c->pick);
        bool is_positive = true;
        for (int i = 0; i < NM_N_FREE + NM_N_VOLUMES; i++) {
            is_positive = is_positive && end[i] > 0.0;
        }
        integrate(r, c, x, inner, 0.5 * h, halvings + 1);
        integrate(r, c, inner, is_positive ? end : x_end, 0.5 * h, halvings + 1);
        return;
    }
    double net = 0.0, gross = 0.0, power[N_POWERS];
    for (int k = 0; k < 5; k++) {
        const double *at = k == 0 ? x : k == 4 ? x_end : inner;
        if (at == inner) {
            fixed_step(inner, x, node[k] * h, &c->pt, &c->pick);
        }
        powers(power, c, at);
        net += weight[k] * (power[0] + power[1] - power[2]);
        gross += weight[k] * (fabs(power[0]) + fabs(power[1]) + fabs(power[2]));
    }
    r->integral += h * net;
    r->gross += h * gross;
}

/* Follows c from unknowns y; first, what the integral and F_c say. */
static record travel(const cell *c, nm_vec *y)
{
    record r = {};
    nm_course course;
    memset(&course, 0, sizeof course);
    nm_settle_potentials(y, &c->pt, &c->pick);
    nm_course_begin(&course, y, nm_splat(1e-7), nm_mask_all(true));
    double size, F_before = free_energy(c, course.x, &size);
    const double F_start = F_before;
    for (r.steps = 0; r.steps < N_STEPS && (int)course.status == NM_FOLLOWING; r.steps++) {
        double x[NM_NY];
        /* the step that is tried, so small perhaps that t does not show it; the first is chosen by the follower */
        const double t = course.t, tried = course.h;
        bool is_taken = false;
        for (int i = 0; i < NM_NY; i++) {
            x[i] = course.x[i];
        }
        nm_course_step(&course, &c->pt, &c->pick, 1e-8, N_STEPS);
        for (int i = 0; i < NM_NY; i++) {
            is_taken = is_taken || x[i] != course.x[i];
        }
        if (!is_taken) {
            continue;
        }
        const double h = tried > 0.0 ? tried : course.t - t;
        integrate(&r, c, x, course.x, h, 0);
        const double F = free_energy(c, course.x, &size);
        r.worst_rise = fmax(r.worst_rise, (F - F_before) / size);
        F_before = F;
        r.t = course.t;
        /* the follower holds what is nearly gone: a trace is no part of the law then */
        bool is_trace = false;
        for (int i = 0; i < NM_N_FREE; i++) {
            is_trace = is_trace ||
                       log(course.x[i] / course.x[NM_Y_ell]) < course.ln_c0[i] - 0.4 * NM_FLOOR;
        }
        if (is_trace) {
            break;
        }
    }
    r.change = F_before - F_start;
    r.status = (int)course.status;
    return r;
}

/* The declared initial state, or a random one with the charge that its potential wants. */
static void start(nm_vec *y, const cell *c, uint64_t *s, bool is_random)
{
    assert_true(nm_initial(y, &c->pt));
    if (!is_random) {
        return;
    }
    const double *p = c->p;
    const double osmolarity = p[NM_P_Na_o] + p[NM_P_K_o] + p[NM_P_Cl_o] + p[NM_P_Y_o];
    const double V = uniform(s, -0.1, 0.06), X = uniform(s, 0.02, 0.6) * osmolarity,
                 ell = p[NM_P_N_X] / X;
    const double charge = c->pick.membrane == 0 ? p[NM_P_C_m] * V / (96485.33212331001 * ell) : 0.0;
    const double Cl =
        fmax(uniform(s, 0.05, 0.6) * osmolarity, p[NM_P_z_X] * X - charge + 0.05 * osmolarity);
    const double cations = Cl - p[NM_P_z_X] * X + charge, share = uniform(s, 0.02, 0.98);
    assert_true(cations > 0.0);
    y[NM_Y_Na_i] = log(share * cations);
    y[NM_Y_K_i] = log((1.0 - share) * cations);
    y[NM_Y_Cl_i] = log(Cl);
    y[NM_Y_ell] = log(ell);
    y[NM_Y_V] = c->pick.membrane == 2 ? c->pt.clamp[NM_C_cell] : V * 96485.33212331001 / c->pt.RT;
}

/* For the pump whose fuel is worth what the state makes it worth. */
static void draw_nucleotides(double *p, uint64_t *s)
{
    p[NM_P_n_pump] = log_uniform(s, 1e-11, 1e-7);
    p[NM_P_MgATP] = log_uniform(s, 1e-2, 10);
    p[NM_P_MgADP] = log_uniform(s, 1e-3, 10);
    p[NM_P_Pi_tot] = log_uniform(s, 0.1, 50);
    p[NM_P_H] = log_uniform(s, 4e-5, 2e-4);
}

static void changes_by_what_is_paid(void **)
{
    uint64_t s = 20240917, s_ATP = 20261125;
    double worst[3] = {0.0, 0.0, 0.0}, smallest_gross = 1e300;
    long n_steps = 0;
    int n_status[NM_LEFT + 1] = {};
    for (int i = 0; i < N_TRAJECTORIES; i++) {
        cell c = {};
        c.p[NM_P_v_w] = 1.8e-5;
        draw_cell(c.p, &s);
        draw_nucleotides(c.p, &s_ATP);
        c.pick.leak = i % 2;
        c.pick.pump = i / 2 % 4;
        c.pick.membrane = i / 8 % 5 % 3; /* 2 of 5 capacitive, 2 of 5 electroneutral, 1 clamped */
        c.p[NM_P_V_hold] = uniform(&s, -0.12, 0.05);
        prepare(&c);
        nm_vec y[NM_NY];
        start(y, &c, &s, i / 40 % 2 == 1);
        const record r = travel(&c, y);
        const double error = fabs(r.change - r.integral) / fmax(fabs(r.change), r.gross);
        n_steps += r.steps;
        n_status[r.status]++;
        smallest_gross = fmin(smallest_gross, r.gross);
        worst[c.pick.membrane] = fmax(worst[c.pick.membrane], error);
        if (!(error <= 1e-6) || !(r.gross > 0.0)) {
            fail_msg("trajectory %d (leak %d, pump %d, membrane %d): change %.10g, integral %.10g, "
                     "gross %.10g, "
                     "error %.3g, %d steps to t = %.3g, status %d",
                     i, c.pick.leak, c.pick.pump, c.pick.membrane, r.change, r.integral, r.gross,
                     error, r.steps, r.t, r.status);
        }
    }
    printf("  %d trajectories, %ld steps: %d arrived, %d grew, %d ran out, %d others; worst error "
           "capacitive %.2e, "
           "electroneutral %.2e, clamped %.2e\n",
           (int)N_TRAJECTORIES, n_steps, n_status[NM_ARRIVED], n_status[NM_GREW],
           n_status[NM_DEPLETED],
           (int)N_TRAJECTORIES - n_status[NM_ARRIVED] - n_status[NM_GREW] - n_status[NM_DEPLETED],
           worst[0], worst[1], worst[2]);
    assert_true(n_status[NM_ARRIVED] > N_TRAJECTORIES / 4 && n_status[NM_GREW] > 10);
}

/* Without a pump, or with one that has no fuel, F_c only falls. */
static void never_rises_without_fuel(void **)
{
    uint64_t s = 5;
    double worst_rise = 0.0, worst = 0.0;
    int n_arrived = 0;
    const int n = N_TRAJECTORIES / 4;
    for (int i = 0; i < n; i++) {
        cell c = {};
        c.p[NM_P_v_w] = 1.8e-5;
        draw_cell(c.p, &s);
        c.pick.leak = i % 2;
        c.pick.membrane = i / 2 % 2;
        if (i / 4 % 2) {
            c.p[NM_P_p_max] = 0.0;
        } else {
            c.p[NM_P_dG_ATP] = 0.0;
        }
        prepare(&c);
        nm_vec y[NM_NY];
        start(y, &c, &s, i / 8 % 2 == 1);
        const record r = travel(&c, y);
        worst_rise = fmax(worst_rise, r.worst_rise);
        worst = fmax(worst, fabs(r.change - r.integral) / fmax(fabs(r.change), r.gross));
        n_arrived += r.status == NM_ARRIVED;
        if (!(r.worst_rise <= 1e-14) || !(r.change < 0.0)) {
            fail_msg("trajectory %d without fuel: F_c rises by %.3g of its terms, changes by %.3g",
                     i, r.worst_rise, r.change);
        }
    }
    printf("  without fuel: %d trajectories, %d to equilibrium; largest rise in a step %.2e of the "
           "terms of F_c (rounding "
           "1e-16 each), worst error %.2e\n",
           n, n_arrived, worst_rise, worst);
    assert_true(worst <= 1e-6 && n_arrived > n / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_by_what_is_paid),
        cmocka_unit_test(never_rises_without_fuel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
