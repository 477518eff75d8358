/* Outcomes and flags of pump_leak: sealed, swollen, over-pumped, out of its domain, balanced, clamped. */
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

extern const nm_model nm_model_pump_leak;

static const double R = 8.31446261815324, F = 96485.33212331001;
static double worst_closure;

static const char *const membranes[] = {"capacitive", "electroneutral", "clamped"};
static const char *const leaks[] = {"ohmic", "ghk"};
static const char *const pumps[] = {"rev", "hill", "const"};

static nm_probe run_cell(int mode, const char *text, int outcome, unsigned flags)
{
    nm_probe probe;
    nm_probe_begin(&probe, &nm_model_pump_leak);
    probe.solver.mode = mode;
    nm_probe_set(&probe, text);
    nm_probe_run(&probe);
    if (probe.outcome != outcome || probe.flags != flags) {
        fail_msg("pump_leak %s, mode %d: %s, flags %x; wanted %s, flags %x", text, mode,
                 nm_probe_outcome(probe.outcome), probe.flags, nm_probe_outcome(outcome), flags);
    }
    if (outcome == NM_OUTCOME_equilibrium || outcome == NM_OUTCOME_ness) {
        const double closure = nm_probe_closure(&probe);
        if (!(closure <= 1e-9)) {
            fail_msg("pump_leak %s: |closure| is %.3g of the power", text, closure);
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

/* Nothing moves: the state is the initial one for ever. */
static void sealed_tub_stays_as_it_is(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "membrane=%s leak=%s g_Na=0 g_K=0 g_Cl=0 P_Na=0 P_K=0 P_Cl=0 P_f=0 p_max=0 "
                 "V_hold=-0.06",
                 membranes[i % 3], leaks[i / 3 % 2]);
        const nm_probe probe =
            run_cell(i / 6, text, NM_OUTCOME_equilibrium, NM_FLAG_marginal | NM_FLAG_linear_regime);
        assert_true(nm_probe_value(&probe, "tau_slow") == INFINITY);
        /* 30 % of 300 mM are impermeant, z_X = -1, 5 % of the cations are K+ */
        assert_near(nm_probe_value(&probe, "K_i"), 7.5, 1e-12, "K_i");
        assert_near(nm_probe_value(&probe, "Na_i"), 142.5, 1e-12, "Na_i");
        assert_near(nm_probe_value(&probe, "X_i"), 90, 1e-12, "X_i");
        /* the charge that goes with -60 mV */
        const double q = i % 3 == 0 ? 0.01 * -0.06 / (F * 8.33333e-5 / 90) : 0;
        assert_near(nm_probe_value(&probe, "Cl_i"), 60 - q, 1e-12, "Cl_i");
        if (i % 3 != 1) {
            assert_near(nm_probe_value(&probe, "V"), -0.06, 1e-15, "V");
        }
        assert_true(nm_probe_value(&probe, "Tsigma_total") == 0);
    }
}

/* Solutes are shut in, water is not: the volume settles, what depends on the start is said to. */
static void water_alone_settles(void **state)
{
    (void)state;
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        const nm_probe probe =
            run_cell(mode, "g_Na=0 g_K=0 g_Cl=0 p_max=0 Y_o=30 z_Y=0", NM_OUTCOME_equilibrium,
                     NM_FLAG_marginal | NM_FLAG_linear_regime);
        assert_near(nm_probe_value(&probe, "Pi_i"), 330, 330e-9, "Pi_i");
        assert_near(nm_probe_value(&probe, "Na_i") / nm_probe_value(&probe, "K_i"), 19, 1e-6,
                    "Na_i / K_i");
    }
}

/* shared/golden/pump_leak.json: pl-059, 063, 065, 067, 069, 161, 163 */
static const struct {
    const char *text;
    double growth_rate;
} golden_lysis[] = {
    {"leak=ohmic pump=const membrane=capacitive T=306.237 C_m=0.0101822 Na_o=349.316 "
     "K_o=5.06925 Y_o=8.07289 z_Y=-1 Cl_o=346.31236 z_X=-1.02922 N_X=0.000334248 "
     "P_f=1.04463e-05 g_Na=2.19413 g_K=0.221766 g_Cl=0.491125 p_max=1.72535e-06 "
     "K_Na=10.0 K_K=1.5 dG_ATP=-58476.7 kappa_r=1.0",
     5.930439985514345e-09},
    {"leak=ohmic pump=const membrane=capacitive T=295.997 C_m=0.00620863 Na_o=249.853 "
     "K_o=14.3995 Y_o=0.944691 z_Y=-1 Cl_o=263.307809 z_X=0.0 N_X=3.7252e-05 "
     "P_f=5.09223e-06 g_Na=1.21503 g_K=0.149959 g_Cl=0.494237 p_max=7.47226e-07 "
     "K_Na=10.0 K_K=1.5 dG_ATP=-55381.9 kappa_r=0.0",
     3.703495907994979e-09},
    {"leak=ohmic pump=const membrane=capacitive T=307.212 C_m=0.00617134 Na_o=186.798 "
     "K_o=1.81289 Y_o=0.0 z_Y=-1 Cl_o=188.61089 z_X=-1.24035 N_X=8.96877e-05 "
     "P_f=6.86836e-05 g_Na=2.20946 g_K=0.433813 g_Cl=0.329939 p_max=8.06564e-07 "
     "K_Na=10.0 K_K=1.5 dG_ATP=-48187.5 kappa_r=0.3",
     2.4133034809547485e-09},
    {"leak=ohmic pump=const membrane=capacitive T=292.481 C_m=0.0105398 Na_o=137.708 "
     "K_o=18.4819 Y_o=2.6996 z_Y=0 Cl_o=156.1899 z_X=-0.789689 N_X=4.89243e-05 "
     "P_f=5.4966e-05 g_Na=0.609444 g_K=0.0529138 g_Cl=4.50558 p_max=6.3954e-08 "
     "K_Na=10.0 K_K=1.5 dG_ATP=-58176.5 kappa_r=1.0",
     7.880828511759829e-10},
    {"leak=ohmic pump=const membrane=electroneutral T=297.148 C_m=0.00623 Na_o=181.452 "
     "K_o=19.1319 Y_o=0.0 z_Y=-1 Cl_o=200.5839 z_X=-1.20836 N_X=0.000350706 "
     "P_f=0.000237498 g_Na=0.666522 g_K=0.0686929 g_Cl=0.155137 p_max=1.00996e-08 "
     "K_Na=10.0 K_K=1.5 dG_ATP=-50295.5 kappa_r=0.3",
     7.917222054741082e-12},
    {"leak=ohmic pump=const membrane=electroneutral T=301.609 C_m=0.00606084 "
     "Na_o=224.623 K_o=19.5939 Y_o=4.58227 z_Y=-1 Cl_o=239.63463 z_X=-1.78497 "
     "N_X=3.51789e-05 P_f=1.79328e-05 g_Na=2.99108 g_K=0.141819 g_Cl=0.150461 "
     "p_max=3.22213e-08 K_Na=10.0 K_K=1.5 dG_ATP=-61303.5 kappa_r=1.0",
     2.9506150350136665e-11},
    {"leak=ohmic pump=hill membrane=capacitive T=306.973 C_m=0.0145847 Na_o=352.764 "
     "K_o=15.0 Y_o=0.0 z_Y=-1 Cl_o=367.764 z_X=-1.1074 N_X=4.0318e-05 P_f=1.14039e-05 "
     "g_Na=1.899 g_K=0.00774026 g_Cl=3.23329 p_max=6.72514e-07 K_Na=15.777 K_K=3.0889 "
     "dG_ATP=-53705.1 kappa_r=0.0",
     1.3016105852520703e-09},
    {"leak=ohmic pump=hill membrane=capacitive T=298.175 C_m=0.00896467 Na_o=135.432 "
     "K_o=15.0 Y_o=0.0 z_Y=-1 Cl_o=150.432 z_X=-1.56566 N_X=0.000448375 "
     "P_f=2.06954e-05 g_Na=0.554538 g_K=0.00954903 g_Cl=0.916403 p_max=5.91841e-07 "
     "K_Na=20.991 K_K=2.44918 dG_ATP=-55478.5 kappa_r=0.3",
     8.385841918314416e-10},
};

static void lysis_grows_at_the_golden_rate(void **state)
{
    (void)state;
    double worst = 0;
    for (size_t i = 0; i < sizeof golden_lysis / sizeof *golden_lysis; i++) {
        for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
            /* at constant composition of the bath more pumping only adds osmolytes here */
            const nm_probe probe = run_cell(mode, golden_lysis[i].text,
                                            NM_OUTCOME_no_steady_state_growth, NM_FLAG_over_pumped);
            const double error =
                fabs(nm_probe_value(&probe, "growth_rate") / golden_lysis[i].growth_rate - 1);
            worst = fmax(worst, error);
            if (!(error <= 1e-9)) {
                fail_msg("%s: growth_rate is off by %.3g", golden_lysis[i].text, error);
            }
            assert_true(isnan(nm_probe_value(&probe, "V")));
        }
    }
    printf("  growth rates against the golden ones: worst relative error %.2e\n", worst);
}

/* Without impermeant outside, a cell with ohmic leaks and a given rate r is bounded for 0 < r < r_hi where
 * Na_o exp(-3 r F^2/(g_Na RT)) + K_o exp(2 r F^2/(g_K RT)) = Na_o + K_o at r_hi; above it bursts of its pump.
 * (There is no cell of this model that more pumping would save from swelling: with r = 0 it is a Donnan equilibrium or
 * marginal, and ln(alpha beta) is convex in r.) */
static void too_much_pump_bursts_the_cell(void **state)
{
    (void)state;
    const double T = 310.15, a = 3 * F * F / (0.1 * R * T), b = 2 * F * F / (3.0 * R * T);
    double low = 1e-8, high = 1e-4; /* r_hi lies between */
    for (int i = 0; i < 200; i++) {
        const double r = 0.5 * (low + high);
        *(147 * expm1(-a * r) + 3 * expm1(b * r) < 0 ? &low : &high) = r;
    }
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        for (int is_above = 0; is_above < 2; is_above++) {
            char text[96];
            snprintf(text, sizeof text, "pump=const p_max=%.17g",
                     low * (is_above ? 1 + 1e-6 : 1 - 1e-6));
            /* below, the pump has long been pushed past its stall */
            run_cell(mode, text, is_above ? NM_OUTCOME_no_steady_state_growth : NM_OUTCOME_ness,
                     is_above ? NM_FLAG_over_pumped : NM_FLAG_second_law_violated);
        }
    }
    printf("  r_hi of the default cell: %.4g mol m-2 s-1, both sides told apart at 1e-6\n", low);
}

static void left_domain_is_said(void **state)
{
    (void)state;
    static const char *const texts[] = {"Na_o=-1",  "K_o=-1",  "Cl_o=-1", "Y_o=-1", "K_o=0",
                                        "T=0",      "T=-5",    "T=nan",   "T=inf",  "N_X=-1e-4",
                                        "Na_o=nan", "K_o=inf", "N_X=0",   "g_Na=-1", "C_m=-1",
                                        "p_max=-1e-8", "dG_ATP=nan", "P_f=inf"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (int k = 0; k < 6; k++) {
            char text[96];
            snprintf(text, sizeof text, "membrane=%s %s", membranes[k % 3], texts[i]);
            const nm_probe probe = run_cell(k / 3, text, NM_OUTCOME_left_domain, 0);
            assert_true(isnan(nm_probe_value(&probe, "V")));
        }
    }
}

static void pump_past_stall_breaks_the_second_law(void **state)
{
    (void)state;
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        nm_probe probe = run_cell(mode, "pump=const dG_ATP=-20000", NM_OUTCOME_ness,
                                  NM_FLAG_second_law_violated);
        assert_true(nm_probe_value(&probe, "Tsigma_pump") < 0);
        assert_true(nm_probe_value(&probe, "efficiency") > 1);
        probe =
            run_cell(mode, "pump=hill dG_ATP=-5000", NM_OUTCOME_ness, NM_FLAG_second_law_violated);
        assert_true(nm_probe_value(&probe, "Tsigma_pump") < 0);
        /* the same cells with the thermodynamic law do not */
        probe = run_cell(mode, "pump=rev dG_ATP=-20000", NM_OUTCOME_ness, 0);
        assert_true(nm_probe_value(&probe, "Tsigma_pump") >= 0);
        assert_true(nm_probe_value(&probe, "efficiency") < 1);
    }
}

/* Small forces: dissipation is quadratic in them. */
static void linear_regime_is_quadratic(void **state)
{
    (void)state;
    const nm_probe weak = run_cell(NM_MODE_AUTO, "dG_ATP=-1 Y_o=5 z_Y=-1 Cl_o=145", NM_OUTCOME_ness,
                                   NM_FLAG_linear_regime);
    const nm_probe twice = run_cell(NM_MODE_AUTO, "dG_ATP=-2 Y_o=5 z_Y=-1 Cl_o=145",
                                    NM_OUTCOME_ness, NM_FLAG_linear_regime);
    assert_near(nm_probe_value(&twice, "Tsigma_total") / nm_probe_value(&weak, "Tsigma_total"), 4,
                0.01, "Tsigma ratio");
    assert_true(nm_probe_value(&weak, "a_max") < 0.1);
    const nm_probe strong = run_cell(NM_MODE_AUTO, "Y_o=5 z_Y=-1 Cl_o=145", NM_OUTCOME_ness, 0);
    assert_true(nm_probe_value(&strong, "a_max") > 0.1);
}

/* No fuel: every net flux is zero, the one-way fluxes are not; Donnan values in closed form. */
static void equilibrium_is_dynamic(void **state)
{
    (void)state;
    static const char *const paths[] = {"leak_Na", "leak_K", "leak_Cl", "pump",
                                        "NKCC",    "KCC",    "water"};
    double worst = 0;
    for (int i = 0; i < 8; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "membrane=%s leak=%s dG_ATP=0 Y_o=40 z_Y=-1 Cl_o=110 L_NKCC=1e-9 L_KCC=2e-9",
                 membranes[i % 2], leaks[i / 2 % 2]);
        const nm_probe probe = run_cell(i / 4, text, NM_OUTCOME_equilibrium, NM_FLAG_linear_regime);
        for (int k = 0; k < 7; k++) {
            char name[32];
            snprintf(name, sizeof name, "Jout_%s", paths[k]);
            const double out = nm_probe_value(&probe, name);
            snprintf(name, sizeof name, "J_%s", paths[k]);
            const double net = nm_probe_value(&probe, name);
            assert_true(out > 1e-12);
            worst = fmax(worst, fabs(net) / out);
            if (!(fabs(net) <= 1e-12 * out)) {
                fail_msg("%s: %s = %.3g of the one-way flux", text, name, net / out);
            }
        }
        if (i % 2 ==
            1) { /* z = -1: X = (Pi^2 - 4 alpha beta)/(Pi + D), D = Pi; theta = Pi/(2 alpha) */
            const double X = (300.0 * 300.0 - 4 * 150 * 110) / 600, theta = 1;
            assert_near(nm_probe_value(&probe, "X_i"), X, 1e-9 * X, "X_i");
            assert_near(nm_probe_value(&probe, "V"), -log(theta) * R * 310.15 / F, 1e-12, "V");
        }
    }
    printf("  at equilibrium: worst net / one-way flux %.2e\n", worst);
}

/* Clamped: V is V_hold, each ion closes by itself, the volume by the osmolarity. */
static void clamped_cell_by_hand(void **state)
{
    (void)state;
    const double T = 310.15, RT = R * T, Na_o = 147, K_o = 3, Cl_o = 150, N_X = 8.33333e-5;
    const double kinetics_K = pow(3 / (1.5 + 3), 2);
    double worst = 0;
    int n_grown = 0, n_steady = 0;
    for (int i = 0; i < 2 * 3 * 7; i++) {
        const int is_ghk = i % 2, pump = i / 2 % 3;
        const double V = -0.12 + 0.03 * (i / 6), v = F * V / RT;
        /* unknown: pump cycles r; state(r) in closed form; r = law(state(r)) by bisection, the law falls with r */
        double r = 5.182e-8, low = 0, high = 5.182e-8, Na = 0, K = 0;
        for (int k = 0; k < 200; k++) {
            if (pump != 2) {
                r = 0.5 * (low + high);
            }
            if (is_ghk) {
                const double in = v == 0 ? 1 : v / expm1(v), out = in + v; /* bern(v), bern(-v) */
                Na = (1e-10 * Na_o * in - 3 * r) / (1e-10 * out);
                K = (1e-9 * K_o * in + 2 * r) / (1e-9 * out);
            } else {
                Na = Na_o * exp(-v - 3 * r * F * F / (0.1 * RT));
                K = K_o * exp(-v + 2 * r * F * F / (3.0 * RT));
            }
            double law = 0;
            if (Na > 0) {
                const double A = 57000 / RT + 3 * (log(Na / Na_o) + v) - 2 * (log(K / K_o) + v);
                law =
                    5.182e-8 * pow(Na / (10 + Na), 3) * kinetics_K * (pump == 0 ? tanh(A / 2) : 1);
            }
            *(law > r ? &low : &high) = r;
        }
        const double Cl = Cl_o * exp(v), X = 300 - Na - K - Cl;
        const int outcome = Na <= 0 ? NM_OUTCOME_no_steady_state_depletion
                            : X > 0 ? NM_OUTCOME_ness
                                    : NM_OUTCOME_no_steady_state_growth;
        for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
            nm_probe probe;
            nm_probe_begin(&probe, &nm_model_pump_leak);
            probe.solver.mode = mode;
            nm_probe_set(&probe, "membrane=clamped");
            char text[96];
            snprintf(text, sizeof text, "leak=%s pump=%s V_hold=%.17g", leaks[is_ghk], pumps[pump],
                     V);
            nm_probe_set(&probe, text);
            nm_probe_run(&probe);
            if (probe.outcome != outcome) {
                fail_msg("clamped %s: %s, wanted %s (X = %g)", text,
                         nm_probe_outcome(probe.outcome), nm_probe_outcome(outcome), X);
            }
            n_grown += outcome == NM_OUTCOME_no_steady_state_growth;
            if (outcome != NM_OUTCOME_ness) {
                continue;
            }
            n_steady++;
            const double found[] = {nm_probe_value(&probe, "Na_i"), nm_probe_value(&probe, "K_i"),
                                    nm_probe_value(&probe, "Cl_i"), nm_probe_value(&probe, "ell")};
            const double wanted[] = {Na, K, Cl, N_X / X};
            for (int k = 0; k < 4; k++) {
                const double error = fabs(found[k] / wanted[k] - 1);
                worst = fmax(worst, error);
                if (!(error <= 1e-9 * fmax(1, 300 / X))) {
                    fail_msg("clamped %s: quantity %d = %.17g, wanted %.17g", text, k, found[k],
                             wanted[k]);
                }
            }
            assert_near(nm_probe_value(&probe, "V"), V, 1e-15, "V");
            /* at rest no ion is lost or gained, so the electrode carries no current and pays nothing */
            const double P_ATP = nm_probe_value(&probe, "P_ATP");
            assert_near(nm_probe_value(&probe, "P_clamp"), 0, 1e-9 * P_ATP, "P_clamp");
            assert_near(nm_probe_value(&probe, "Tsigma_total"), P_ATP, 1e-9 * P_ATP,
                        "Tsigma_total");
            assert_true(nm_probe_closure(&probe) <= 1e-9);
            worst_closure = fmax(worst_closure, nm_probe_closure(&probe));
        }
    }
    printf("  clamped: %d steady, %d growing; worst relative error %.2e\n", n_steady, n_grown,
           worst);
    assert_true(n_steady > 20 && n_grown > 10);
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
        cmocka_unit_test(sealed_tub_stays_as_it_is),
        cmocka_unit_test(water_alone_settles),
        cmocka_unit_test(lysis_grows_at_the_golden_rate),
        cmocka_unit_test(too_much_pump_bursts_the_cell),
        cmocka_unit_test(left_domain_is_said),
        cmocka_unit_test(pump_past_stall_breaks_the_second_law),
        cmocka_unit_test(linear_regime_is_quadratic),
        cmocka_unit_test(equilibrium_is_dynamic),
        cmocka_unit_test(clamped_cell_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, print_closure);
}
