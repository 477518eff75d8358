/* Every outcome and flag that the shipped models cannot show, by small models whose answers are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probe.h"

extern const nm_model nm_model_brusselator, nm_model_schloegl, nm_model_decay, nm_model_importer,
    nm_model_pacemaker;

static double worst_closure;

/* Runs `text` on `model` and checks the verdict; outcomes with values must close their balance. */
static nm_probe run_on(const nm_model *model, int mode, const char *text, int outcome,
                       unsigned flags)
{
    nm_probe probe;
    nm_probe_begin(&probe, model);
    probe.solver.mode = mode;
    nm_probe_set(&probe, text);
    nm_probe_run(&probe);
    if (probe.outcome != outcome || probe.flags != flags) {
        fail_msg("%s %s: %s, flags %x; wanted %s, flags %x", model->name, text,
                 nm_probe_outcome(probe.outcome), probe.flags, nm_probe_outcome(outcome), flags);
    }
    if (outcome == NM_OUTCOME_equilibrium || outcome == NM_OUTCOME_ness ||
        outcome == NM_OUTCOME_unstable || outcome == NM_OUTCOME_oscillatory) {
        const double closure = nm_probe_closure(&probe);
        if (!(closure <= 1e-9)) {
            fail_msg("%s %s: |closure| is %.3g of the power", model->name, text, closure);
        }
        worst_closure = fmax(worst_closure, closure);
    }
    return probe;
}

static void assert_near(double found, double wanted, double tolerance, const char *what)
{
    if (!(fabs(found - wanted) <= tolerance)) {
        fail_msg("%s = %.17g, wanted %.17g within %.3g", what, found, wanted, tolerance);
    }
}

/* --- the Brusselator and its Hopf point ------------------------------------------------------ */

static void steady_below_hopf(void **state)
{
    (void)state;
    static const double B[] = {1.0, 1.5, 1.9, 1.99, 1.999};
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        for (int i = 0; i < 5; i++) {
            char text[64];
            snprintf(text, sizeof text, "k_back=1e-9 B_c=%.17g", B[i]);
            const nm_probe probe = run_on(&nm_model_brusselator, mode, text, NM_OUTCOME_ness, 0);
            assert_near(nm_probe_value(&probe, "X"), 1, 1e-7, "X");
            assert_near(nm_probe_value(&probe, "Y"), B[i], 1e-7, "Y");
            /* trace B - 2, determinant 1: complex below B = 4 */
            const double trace = B[i] - 2;
            const double slow = -2 / trace;
            assert_near(nm_probe_value(&probe, "tau_slow"), slow, 1e-4 * slow, "tau_slow");
        }
    }
}

/* Within 1e-4 of the Hopf point the ringing dies down over thousands of periods, but it does. */
static void ringing_is_no_oscillation(void **state)
{
    (void)state;
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        run_on(&nm_model_brusselator, mode, "k_back=1e-9 B_c=1.9999", NM_OUTCOME_ness, 0);
    }
}

/* d(X, Y)/dt of the Brusselator */
static void brusselator_rates(double rate[2], const double x[2], double B, double k)
{
    const double r1 = 1 - k * x[0], r2 = x[0] * x[0] * x[1] - k * x[0] * x[0] * x[0],
                 r3 = B * x[0] - k * x[1], r4 = x[0] - k;
    rate[0] = r1 + r2 - r3 - r4;
    rate[1] = r3 - r2;
}

static void brusselator_step(double x[2], double h, double B, double k)
{
    double a[2], b[2], c[2], d[2], y[2];
    brusselator_rates(a, x, B, k);
    for (int i = 0; i < 2; i++) {
        y[i] = x[i] + 0.5 * h * a[i];
    }
    brusselator_rates(b, y, B, k);
    for (int i = 0; i < 2; i++) {
        y[i] = x[i] + 0.5 * h * b[i];
    }
    brusselator_rates(c, y, B, k);
    for (int i = 0; i < 2; i++) {
        y[i] = x[i] + h * c[i];
    }
    brusselator_rates(d, y, B, k);
    for (int i = 0; i < 2; i++) {
        x[i] += h / 6 * (a[i] + 2 * b[i] + 2 * c[i] + d[i]);
    }
}

/* <Y> over ten periods, by Runge-Kutta */
static double mean_of_Y(double B, double k)
{
    const double h = 1e-3;
    double x[2] = {1.5, 2}, before[2], sum = 0, t = 0;
    int crossings = 0;
    for (int i = 0; i < 1000000; i++) {
        brusselator_step(x, h, B, k);
    }
    while (crossings < 11) {
        memcpy(before, x, sizeof before);
        brusselator_step(x, h, B, k);
        const int crossed = before[0] < 1 && x[0] >= 1;
        const double part = crossed ? (1 - before[0]) / (x[0] - before[0]) : 1;
        const double at = before[1] + part * (x[1] - before[1]);
        if (crossings > 0) {
            sum += 0.5 * (before[1] + at) * part * h;
            t += part * h;
        }
        crossings += crossed;
        if (crossed && crossings > 0 && crossings < 11) {
            sum += 0.5 * (at + x[1]) * (1 - part) * h;
            t += (1 - part) * h;
        }
    }
    return sum / t;
}

static void oscillates_above_hopf(void **state)
{
    (void)state;
    static const double B[] = {2.01, 2.2, 3.0, 5.0};
    static const struct {
        double rtol, accuracy;
    } level[] = {{1e-6, 1e-3}, {1e-9, 1e-4}};
    double worst[2] = {0, 0};
    for (int i = 0; i < 4; i++) {
        const double mean = mean_of_Y(B[i], 1e-6);
        for (int k = 0; k < 4; k++) {
            nm_probe probe;
            nm_probe_begin(&probe, &nm_model_brusselator);
            nm_probe_set_number(&probe, "B_c", B[i]);
            probe.solver.rtol = level[k % 2].rtol;
            probe.solver.mode = k / 2 ? NM_MODE_FOLLOW : NM_MODE_AUTO;
            nm_probe_run(&probe);
            assert_int_equal(probe.outcome, NM_OUTCOME_oscillatory);
            assert_int_equal(probe.flags, 0);
            /* over a period d<X> = d<Y> = 0: <J_R1> = <J_R4>, <J_R2> = <J_R3>, so
             * <X> = (A + k E)/(1 + k) = 1; what is supplied is dissipated */
            const double J2 = nm_probe_value(&probe, "J_R2");
            const double T = nm_probe_value(&probe, "Tsigma_total");
            const double error[] = {
                nm_probe_value(&probe, "X") - 1, nm_probe_value(&probe, "Y") / mean - 1,
                nm_probe_value(&probe, "J_R1") / nm_probe_value(&probe, "J_R4") - 1,
                J2 / nm_probe_value(&probe, "J_R3") - 1, nm_probe_value(&probe, "P_held") / T - 1};
            for (int e = 0; e < 5; e++) {
                worst[k % 2] = fmax(worst[k % 2], fabs(error[e]));
                if (!(fabs(error[e]) <= level[k % 2].accuracy)) {
                    fail_msg("B = %g, rtol = %g: relative error %d of the averages is %.3g", B[i],
                             level[k % 2].rtol, e, error[e]);
                }
            }
            assert_true(T > 0);
            assert_true(nm_probe_closure(&probe) <= 1e-9);
            assert_true(isnan(nm_probe_value(&probe, "tau_slow")));
        }
    }
    printf("  averages of the oscillation: worst relative error %.2e at rtol 1e-6, %.2e at 1e-9\n",
           worst[0], worst[1]);
}

/* Started on the unstable point itself: it is steady, and said to be unstable. */
static void stands_on_the_unstable_point(void **state)
{
    (void)state;
    const double k = 0x1p-20;
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        char text[96];
        snprintf(text, sizeof text, "k_back=%.17g X_start=1 Y_start=%.17g", k, (3 + k) / (1 + k));
        nm_probe probe = run_on(&nm_model_brusselator, mode, text, NM_OUTCOME_unstable, 0);
        assert_near(nm_probe_value(&probe, "X"), 1, 1e-12, "X");
        assert_near(nm_probe_value(&probe, "Y"), (3 + k) / (1 + k), 1e-12, "Y");
        probe = run_on(&nm_model_schloegl, mode, "X_start=3", NM_OUTCOME_unstable, 0);
        assert_near(nm_probe_value(&probe, "X"), 3, 1e-12, "X");
    }
}

/* --- the beating membrane potential ------------------------------------------------------------ */

typedef struct beat {
    double V_mean, V_min, V_max, X_mean;
} beat;

enum { BEAT_N = 4 }; /* Na_i, K_i, X, Y in mol m-3 */
static const double RT_F = 8.31446261815324 * 310.15 / 96485.33212331001;

/* Rates of the pacemaker with the potential where no net current flows (its capacitive current is
 * below 1e-4 of the others); *v: that potential, start of the search and result. */
static void pacemaker_rates(double rate[BEAT_N], const double x[BEAT_N], double *v)
{
    const double size = 1e-5, g_Na = 2e-7, g_K = 2e-6, r = 2e-7, pace = 0.01, a = 1, b = 3;
    double J_Na = 0, J_K = 0;
    for (int i = 0; i < 50; i++) {
        const double x_Na = log(x[0] / 145) + *v, x_K = log(x[1] / 5) + *v;
        J_Na = g_Na * x_Na;
        J_K = g_K * x[2] * tanh(0.5 * x_K);
        const double slope = g_Na + 0.5 * g_K * x[2] * (1 - pow(tanh(0.5 * x_K), 2));
        const double step = (J_Na + J_K + r) / slope;
        *v -= fmax(fmin(step, 0.5), -0.5);
        if (fabs(step) < 1e-12) {
            break;
        }
    }
    rate[0] = -(J_Na + 3 * r) / size;
    rate[1] = -(J_K - 2 * r) / size;
    rate[2] = pace * (a + x[2] * x[2] * x[3] - (b + 1) * x[2]);
    rate[3] = pace * (b * x[2] - x[2] * x[2] * x[3]);
}

static beat integrate_beat(void)
{
    const double h = 1.0; /* s; the fastest phase lasts a hundred */
    double x[BEAT_N] = {15, 140, 1.5, 2}, v = -2, k[4][BEAT_N], y[BEAT_N];
    beat result = {0, 1, -1, 0};
    double t = 0;
    int crossings = 0;
    for (int step = 0; crossings < 11; step++) {
        const double X = x[2];
        pacemaker_rates(k[0], x, &v);
        const double V = v * RT_F;
        for (int s = 1; s < 4; s++) {
            for (int i = 0; i < BEAT_N; i++) {
                y[i] = x[i] + (s < 3 ? 0.5 : 1) * h * k[s - 1][i];
            }
            pacemaker_rates(k[s], y, &v);
        }
        if (crossings > 0 && crossings < 11) {
            result.V_mean += V * h;
            result.X_mean += X * h;
            result.V_min = fmin(result.V_min, V);
            result.V_max = fmax(result.V_max, V);
            t += h;
        }
        for (int i = 0; i < BEAT_N; i++) {
            x[i] += h / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]);
        }
        if (step > 200000 && X < 1.5 && x[2] >= 1.5) {
            crossings++;
        }
    }
    result.V_mean /= t;
    result.X_mean /= t;
    return result;
}

static void beats_between_its_extremes(void **state)
{
    (void)state;
    const beat wanted = integrate_beat();
    const double amplitude = wanted.V_max - wanted.V_min;
    assert_true(amplitude > 0.01);
    assert_near(wanted.X_mean, 1, 2e-3, "<X> of the reference");
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        const nm_probe probe = run_on(&nm_model_pacemaker, mode, "", NM_OUTCOME_oscillatory, 0);
        assert_near(nm_probe_value(&probe, "V"), wanted.V_mean, 5e-3 * amplitude, "V");
        assert_near(nm_probe_value(&probe, "V_min"), wanted.V_min, 5e-3 * amplitude, "V_min");
        assert_near(nm_probe_value(&probe, "V_max"), wanted.V_max, 5e-3 * amplitude, "V_max");
        assert_true(nm_probe_value(&probe, "Tsigma_total") > 0);
    }
}

/* Ten times faster steps leave the ions behind by far: what is stored must be the cycle at its end, not on the way. */
static void slow_ions_are_waited_for(void **state)
{
    (void)state;
    nm_probe coarse, fine;
    nm_probe_begin(&coarse, &nm_model_pacemaker);
    nm_probe_set(&coarse, "pace=0.1");
    fine = coarse;
    fine.solver.rtol = 1e-8;
    nm_probe_run(&coarse);
    nm_probe_run(&fine);
    assert_int_equal(coarse.outcome, fine.outcome);
    if (fine.outcome == NM_OUTCOME_oscillatory) {
        /* over a period the ions do not change: 3 in for 3 out */
        assert_near(nm_probe_value(&fine, "J_leak_Na"), -6e-7, 6e-9, "<J_leak_Na> at rtol 1e-8");
        assert_near(nm_probe_value(&coarse, "J_leak_Na"), -6e-7, 6e-9, "<J_leak_Na> at rtol 1e-6");
    } else {
        assert_int_equal(fine.outcome, NM_OUTCOME_not_converged);
    }
}

/* --- Schloegl: two stable states --------------------------------------------------------------- */

static double schloegl_root(double X)
{
    return X < 3 ? 1 : 6;
}

static void follows_into_its_own_basin(void **state)
{
    (void)state;
    int n_disagree = 0, n_audited = 0, n_all = 0;
    for (double X = 0.11; X < 60; X *= 1.1) {
        nm_probe probe, followed, by_auto;
        nm_probe_begin(&by_auto, &nm_model_schloegl);
        nm_probe_set_number(&by_auto, "X_start", X);
        followed = probe = by_auto;
        followed.solver.mode = NM_MODE_FOLLOW;
        probe.solver.audit = 1;
        nm_probe_run(&by_auto);
        nm_probe_run(&followed);
        nm_probe_run(&probe);
        assert_int_equal(followed.outcome, NM_OUTCOME_ness);
        assert_int_equal(followed.flags, 0);
        assert_near(nm_probe_value(&followed, "X"), schloegl_root(X), 1e-9, "X by following");
        assert_int_equal(by_auto.outcome, NM_OUTCOME_ness);
        /* the audit stores what following found, and says where auto had found something else */
        assert_int_equal(probe.outcome, NM_OUTCOME_ness);
        assert_near(nm_probe_value(&probe, "X"), schloegl_root(X), 1e-9, "X by audit");
        const int differs = fabs(nm_probe_value(&by_auto, "X") - schloegl_root(X)) > 1e-3;
        const unsigned wanted =
            NM_FLAG_audited | (differs ? (unsigned)NM_FLAG_audit_disagrees : 0u);
        if (probe.flags != 0) { /* else auto itself had to follow */
            assert_int_equal(probe.flags, wanted);
            n_audited++;
        } else {
            assert_false(differs);
        }
        n_disagree += differs;
        n_all++;
    }
    printf("  Schloegl: %d starts, %d settled by Newton and audited, %d of them elsewhere\n", n_all,
           n_audited, n_disagree);
    assert_true(n_disagree > 0 && n_audited > n_all / 2);
}

static void counts_two_states(void **state)
{
    (void)state;
    int n_two = 0, n_all = 0;
    for (double X = 1; X < 6; X *= 1.02) {
        nm_probe probe;
        nm_probe_begin(&probe, &nm_model_schloegl);
        probe.seed = (uint64_t)n_all;
        nm_probe_set_number(&probe, "X_start", X);
        probe.solver.mode = NM_MODE_FOLLOW;
        probe.solver.starts = 8;
        nm_probe_run(&probe);
        const double n = nm_probe_value(&probe, "n_states");
        assert_true(n == 1 || n == 2); /* the unstable third state does not count */
        assert_int_equal(probe.flags, n == 2 ? NM_FLAG_multistable : 0);
        assert_near(nm_probe_value(&probe, "X"), schloegl_root(X), 1e-9, "X");
        n_two += n == 2;
        n_all++;
        /* one root left at a stronger outflow: never more than one state */
        nm_probe_set(&probe, "k2=40");
        nm_probe_run(&probe);
        assert_int_equal(probe.outcome, NM_OUTCOME_ness);
        assert_int_equal(probe.flags, 0);
        assert_true(nm_probe_value(&probe, "n_states") == 1);
    }
    printf("  Schloegl, 8 starts: both states found from %d of %d\n", n_two, n_all);
    assert_true(4 * n_two > 3 * n_all);
    nm_probe probe;
    nm_probe_begin(&probe, &nm_model_schloegl);
    probe.solver.starts = 16;
    probe.solver.mode = NM_MODE_FOLLOW;
    nm_probe_run(&probe);
    assert_int_equal(probe.flags, NM_FLAG_multistable);
    assert_true(nm_probe_value(&probe, "n_states") == 2);
    assert_near(nm_probe_value(&probe, "X"), 1, 1e-9, "X from 2");
}

static void detailed_balance_is_equilibrium(void **state)
{
    (void)state;
    /* k1a k2 = k1m k2mb */
    const nm_probe probe = run_on(&nm_model_schloegl, NM_MODE_AUTO, "k1a=2 k1m=1 k2=3 k2mb=6",
                                  NM_OUTCOME_equilibrium, NM_FLAG_linear_regime);
    assert_near(nm_probe_value(&probe, "X"), 2, 1e-12, "X");
    assert_near(nm_probe_value(&probe, "J_R1"), 0, 1e-12 * 8, "J_R1");
    assert_near(nm_probe_value(&probe, "Jout_R1"), 8, 1e-11, "Jout_R1");
}

/* --- boundaries, drains, bystanders ------------------------------------------------------------- */

static void ends_at_exactly_zero(void **state)
{
    (void)state;
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        const nm_probe probe = run_on(&nm_model_decay, mode, "kr=0", NM_OUTCOME_equilibrium,
                                      NM_FLAG_at_boundary | NM_FLAG_linear_regime);
        assert_true(nm_probe_value(&probe, "A") == 0);
        assert_near(nm_probe_value(&probe, "B"), 2, 1e-12, "B");
        assert_true(nm_probe_value(&probe, "J_R") == 0);
        assert_true(nm_probe_value(&probe, "Tsigma_total") == 0);
    }
    /* with a slow way back it is small, not zero */
    const nm_probe probe = run_on(&nm_model_decay, NM_MODE_AUTO, "kr=1e-30", NM_OUTCOME_equilibrium,
                                  NM_FLAG_linear_regime);
    assert_near(nm_probe_value(&probe, "A"), 2e-30, 1e-39, "A");
}

/* The same without a total: X dies out where nothing brings it back, and lives on where it started high. */
static void dies_out_or_lives_on(void **state)
{
    (void)state;
    /* dX/dt = -X (X^2 - 10 X + 16): 0 and 8 are stable, 2 parts them */
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        nm_probe probe =
            run_on(&nm_model_schloegl, mode, "k2=16 k2mb=0 X_start=1", NM_OUTCOME_equilibrium,
                   NM_FLAG_at_boundary | NM_FLAG_linear_regime);
        assert_true(nm_probe_value(&probe, "X") == 0);
        assert_true(nm_probe_value(&probe, "Tsigma_total") == 0);
        nm_probe_begin(&probe, &nm_model_schloegl);
        nm_probe_set(&probe, "k2=16 k2mb=0 X_start=3");
        probe.solver.mode = mode;
        nm_probe_run(&probe);
        assert_int_equal(probe.outcome, NM_OUTCOME_ness);
        assert_near(nm_probe_value(&probe, "X"), 8, 1e-9, "X");
    }
}

static void drain_empties_a_store(void **state)
{
    (void)state;
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        nm_probe probe =
            run_on(&nm_model_decay, mode, "drain=2", NM_OUTCOME_no_steady_state_depletion, 0);
        assert_true(isnan(nm_probe_value(&probe, "C_in")));
        run_on(&nm_model_decay, mode, "k_C=0 drain=0.1", NM_OUTCOME_no_steady_state_depletion, 0);
        /* what the store refills stands still, though its last step runs uphill */
        probe = run_on(&nm_model_decay, mode, "drain=0.5", NM_OUTCOME_ness,
                       NM_FLAG_second_law_violated);
        assert_near(nm_probe_value(&probe, "C_in"), 0.5, 1e-10, "C_in");
        assert_true(nm_probe_value(&probe, "Tsigma_sink") < 0);
    }
}

static void bystander_keeps_its_amount(void **state)
{
    (void)state;
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        const nm_probe probe = run_on(&nm_model_decay, mode, "k_S=0", NM_OUTCOME_equilibrium,
                                      NM_FLAG_marginal | NM_FLAG_linear_regime);
        assert_near(nm_probe_value(&probe, "S_in"), 0.7, 1e-15, "S_in");
        assert_near(nm_probe_value(&probe, "C_in"), 1, 1e-9, "C_in");
        assert_true(nm_probe_value(&probe, "tau_slow") == INFINITY);
        /* an idle pathway counts for nothing */
        assert_true(nm_probe_value(&probe, "Tsigma_leak_S") == 0);
        assert_near(nm_probe_value(&probe, "Tsigma_total"), 0, 1e-12, "Tsigma_total");
    }
}

/* --- growth: which way does more driving help? -------------------------------------------------- */

static void driving_helps_or_harms(void **state)
{
    (void)state;
    const double water = 1e-4 * 1.8e-5, S_o = 300; /* m4 mol-1 s-1, mol m-3 */
    static const struct {
        double inflow, p_in, p_out;
        unsigned flags;
    } set[] = {
        {1e-6, 0, 1e-9, 0},                      /* a stronger exporter would stop it */
        {1e-6, 0, 3.3e-9, 0},                    /* just too weak */
        {0, 1e-6, 0, NM_FLAG_over_pumped},       /* without the importer it would stand */
        {1e-7, 1e-6, 1e-9, NM_FLAG_over_pumped}, /* both, the importer stronger */
        {1e-6, 1e-7, 1e-9, 0},                   /* both, the exporter stronger */
    };
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        for (int i = 0; i < 5; i++) {
            char text[128];
            snprintf(text, sizeof text, "inflow=%.17g p_in=%.17g p_out=%.17g", set[i].inflow,
                     set[i].p_in, set[i].p_out);
            const nm_probe probe = run_on(&nm_model_importer, mode, text,
                                          NM_OUTCOME_no_steady_state_growth, set[i].flags);
            /* S u = in - p_out S, u = water (S - S_o) */
            const double in = set[i].inflow + set[i].p_in, b = set[i].p_out - water * S_o;
            const double S = (-b + sqrt(b * b + 4 * water * in)) / (2 * water);
            const double u = water * (S - S_o);
            assert_near(nm_probe_value(&probe, "growth_rate"), u, 1e-9 * u, "growth_rate");
            assert_true(isnan(nm_probe_value(&probe, "ell")));
        }
        const nm_probe probe = run_on(&nm_model_importer, mode, "p_out=4e-9", NM_OUTCOME_ness, 0);
        assert_near(nm_probe_value(&probe, "S_i"), 250, 250e-9, "S_i");
        assert_near(nm_probe_value(&probe, "ell"), 1e-4 / 50, 2e-6 * 1e-8, "ell");
    }
}

static int print_closure(void **state)
{
    (void)state;
    printf("  worst |closure| / power: %.2e\n", worst_closure);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_below_hopf),
        cmocka_unit_test(ringing_is_no_oscillation),
        cmocka_unit_test(oscillates_above_hopf),
        cmocka_unit_test(stands_on_the_unstable_point),
        cmocka_unit_test(beats_between_its_extremes),
        cmocka_unit_test(slow_ions_are_waited_for),
        cmocka_unit_test(follows_into_its_own_basin),
        cmocka_unit_test(counts_two_states),
        cmocka_unit_test(detailed_balance_is_equilibrium),
        cmocka_unit_test(ends_at_exactly_zero),
        cmocka_unit_test(dies_out_or_lives_on),
        cmocka_unit_test(drain_empties_a_store),
        cmocka_unit_test(bystander_keeps_its_amount),
        cmocka_unit_test(driving_helps_or_harms),
    };
    return cmocka_run_group_tests(tests, NULL, print_closure);
}
