/* A foreign solver on a foreign right-hand side: CVODE against the follower's time course and against the answers.
 *
 * Random cells, both membranes: the initial state, the state at 5 tau_slow and the steady state agree to 1e-6; cells
 * without a steady state really swell, or run out of an ion, for CVODE too.
 * lanes: 1
 * SUNDIALS */
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
#include "cvode_cell.h"
#include "probe.h"

extern "C" const nm_model nm_model_pump_leak;

enum { N_SETS = 180 };

static nm_cvode_cell foreign_cell(const double *p, const nm_choices *pick)
{
    nm_cvode_cell c = {};
    c.leak = pick->leak;
    c.pump = pick->pump;
    c.is_electroneutral = pick->membrane;
#define COPY(name) c.name = p[NM_P_##name];
    COPY(T)
    COPY(C_m) COPY(Na_o) COPY(K_o) COPY(Cl_o) COPY(Y_o) COPY(z_X) COPY(N_X) COPY(P_f) COPY(v_w)
        COPY(g_Na) COPY(g_K) COPY(g_Cl) COPY(P_Na) COPY(P_K) COPY(P_Cl) COPY(L_NKCC) COPY(L_KCC)
            COPY(p_max) COPY(K_Na) COPY(K_K) COPY(dG_ATP) COPY(kappa_r) return c;
}

/* Largest difference: concentrations and volume relative, potential against RT/F. */
static double distance(const double *x, const nm_cvode_state *s, double RT_F)
{
    double d = fmax(fabs(x[NM_Y_Na_i] / s->N_Na - 1.0), fabs(x[NM_Y_K_i] / s->N_K - 1.0));
    d = fmax(d, fmax(fabs(x[NM_Y_Cl_i] / s->N_Cl - 1.0), fabs(x[NM_Y_ell] / s->ell - 1.0)));
    return fmax(d, fabs(x[NM_Y_V] - s->V / RT_F));
}

static void agrees_with_cvode(void **)
{
    static nm_probe probe;
    uint64_t s = 77;
    double worst_start = 0.0, worst_course = 0.0, worst_rest = 0.0, worst_growth = 0.0,
           slowest = 0.0;
    int n_rest = 0, n_growth = 0, n_depletion = 0, n_beyond = 0;
    for (int i = 0; i < N_SETS; i++) {
        nm_point pt = {};
        nm_choices pick = {};
        double p[NM_NP] = {}, y[NM_NY];
        p[NM_P_v_w] = 1.8e-5;
        draw_cell(p, &s);
        pick.leak = i % 2;
        pick.pump = i / 2 % 3;
        pick.membrane = i / 6 % 2;
        for (int k = 0; k < NM_NP; k++) {
            pt.p[k] = p[k];
        }
        nm_prepare(&pt, &pick);
        const double RT_F = pt.RT / 96485.33212331001;

        nm_probe_begin(&probe, &nm_model_pump_leak);
        memcpy(probe.param, p, sizeof p);
        probe.choice[NM_V_leak] = pick.leak;
        probe.choice[NM_V_pump] = pick.pump;
        probe.choice[NM_V_membrane] = pick.membrane;
        nm_probe_run(&probe);

        nm_cvode_course foreign;
        const nm_cvode_cell cell = foreign_cell(p, &pick);
        assert_int_equal(nm_cvode_begin(&foreign, &cell), 0);

        /* the start */
        nm_course course;
        memset(&course, 0, sizeof course);
        assert_true(nm_initial(y, &pt));
        nm_settle_potentials(y, &pt, &pick);
        nm_course_begin(&course, y, nm_splat(0.0), nm_mask_all(true));
        double error = distance(course.x, &foreign.state, RT_F);
        worst_start = fmax(worst_start, error);
        if (!(error <= 1e-9)) {
            fail_msg("set %d: initial states differ by %.3g", i, error);
        }

        const char *outcome = nm_probe_outcome(probe.outcome);
        if (probe.outcome == NM_OUTCOME_ness || probe.outcome == NM_OUTCOME_equilibrium) {
            /* the way: as far as 5 tau_slow */
            const double tau = nm_probe_value(&probe, "tau_slow"), t = 5.0 * tau;
            int n = 0;
            while (course.t < t && (int)course.status == NM_FOLLOWING && n++ < 200000) {
                course.h = fmin(course.h, t - course.t);
                nm_course_step(&course, &pt, &pick, 1e-8, 200000);
                if (t - course.t < 1e-12 * t) {
                    break;
                }
            }
            assert_int_equal((int)course.status, NM_FOLLOWING);
            const int way = nm_cvode_travel(&foreign, t, 1e300);
            if (way == 3) {
                n_beyond++;
                nm_cvode_end(&foreign);
                continue;
            }
            assert_int_equal(way, 0);
            error = distance(course.x, &foreign.state, RT_F);
            worst_course = fmax(worst_course, error);
            if (!(error <= 1e-6)) {
                fail_msg("set %d (leak %d, pump %d, membrane %d): at 5 tau_slow = %.3g s states "
                         "differ by %.3g",
                         i, pick.leak, pick.pump, pick.membrane, t, error);
            }
            /* the end, nearly: what is left of a slow way decays as e^-t/tau */
            const int rest = nm_cvode_travel(&foreign, 60.0 * tau, 1e300);
            if (rest == 3) {
                n_beyond++;
                nm_cvode_end(&foreign);
                continue;
            }
            assert_int_equal(rest, 0);
            const double ell = nm_probe_value(&probe, "ell");
            double x[NM_NY];
            x[NM_Y_Na_i] = ell * nm_probe_value(&probe, "Na_i");
            x[NM_Y_K_i] = ell * nm_probe_value(&probe, "K_i");
            x[NM_Y_Cl_i] = ell * nm_probe_value(&probe, "Cl_i");
            x[NM_Y_ell] = ell;
            x[NM_Y_V] = nm_probe_value(&probe, "V") / RT_F;
            error = distance(x, &foreign.state, RT_F);
            worst_rest = fmax(worst_rest, error);
            slowest = fmax(slowest, tau);
            n_rest++;
            if (!(error <= 1e-6)) {
                fail_msg("set %d (leak %d, pump %d, membrane %d): steady states differ by %.3g, "
                         "tau_slow = %.3g s",
                         i, pick.leak, pick.pump, pick.membrane, error, tau);
            }
        } else if (probe.outcome == NM_OUTCOME_no_steady_state_growth) {
            const int way = nm_cvode_travel(&foreign, 1e18, 1e8);
            if (way == 3) {
                n_beyond++;
                nm_cvode_end(&foreign);
                continue;
            }
            assert_int_equal(way, 2);
            const double u = nm_probe_value(&probe, "growth_rate");
            error = fabs(nm_cvode_swelling(&foreign) / u - 1.0);
            worst_growth = fmax(worst_growth, error);
            n_growth++;
            /* what is left of the start dilutes as 1/ell */
            if (!(error <= 1e-3)) {
                fail_msg("set %d (leak %d, pump %d, membrane %d): CVODE swells at %.6g m/s, "
                         "growth_rate %.6g",
                         i, pick.leak, pick.pump, pick.membrane, nm_cvode_swelling(&foreign), u);
            }
        } else if (probe.outcome == NM_OUTCOME_no_steady_state_depletion) {
            const int way = nm_cvode_travel(&foreign, 1e18, 1e8);
            if (way != 1 && way != 3) {
                fail_msg("set %d (leak %d, pump %d, membrane %d): CVODE does not run out of an "
                         "ion: %d at t = %.3g s",
                         i, pick.leak, pick.pump, pick.membrane, way, foreign.t);
            }
            n_depletion++;
        } else {
            fail_msg("set %d: %s", i, outcome);
        }
        nm_cvode_end(&foreign);
    }
    printf("  %d steady, tau_slow up to %.3g s: worst difference at the start %.1e, at 5 tau_slow "
           "%.1e, at rest %.1e\n",
           n_rest, slowest, worst_start, worst_course, worst_rest);
    printf("  %d growing, rates within %.1e at 1e8 times the volume; %d running out; %d beyond "
           "CVODE (an ion nearly gone)\n",
           n_growth, worst_growth, n_depletion, n_beyond);
    assert_true(n_beyond <= N_SETS / 10 && n_rest > N_SETS / 2 && n_growth > 5 && n_depletion > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_cvode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
