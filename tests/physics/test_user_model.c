/* A user's model with every word of the form: it runs, its balance closes, its laws are those that were asked for.
 *
 * Compiled by each compiler that is here: the same bits from all. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model_store.h"
#include "probe.h"

extern const nm_model nm_model_everything;
#ifdef NM_TEST_OTHER_COMPILER
extern const nm_model nm_model_everything_again;
#endif

static const char *const pumps[] = {"saturating", "constant_rate", "hill_rate", "thermodynamic"};
static const char *const walls[] = {"capacitive", "electroneutral"};

static nm_probe run_everything(const nm_model *model, int mode, int pump, int wall,
                               const char *more)
{
    nm_probe probe;
    char text[128];
    nm_probe_begin(&probe, model);
    probe.solver.mode = mode;
    snprintf(text, sizeof text, "pump_a=%s wall=%s %s", pumps[pump], walls[wall], more);
    nm_probe_set(&probe, text);
    nm_probe_run(&probe);
    return probe;
}

static void assert_near(double found, double wanted, double tolerance, const char *what)
{
    if (!(fabs(found - wanted) <= tolerance)) {
        fail_msg("%s = %.17g, wanted %.17g within %.3g", what, found, wanted, tolerance);
    }
}

static void host_accepts_it(void **state)
{
    (void)state;
    assert_int_equal(nm_model_check(&nm_model_everything), NM_OK);
    assert_int_equal(nm_model_everything.n_volumes, 2);
    assert_int_equal(nm_model_everything.n_potentials, 2);
    assert_int_equal(nm_model_everything.n_totals, 0);
    assert_int_equal(nm_model_everything.n_observables, 0);
    assert_int_equal(nm_model_everything.variants[0].n_choices, 4);
}

static void every_choice_rests_in_balance(void **state)
{
    (void)state;
    double worst = 0;
    for (int i = 0; i < 16; i++) {
        const nm_probe probe = run_everything(&nm_model_everything, i / 8, i % 4, i / 4 % 2, "");
        assert_int_equal(probe.outcome, NM_OUTCOME_ness);
        assert_int_equal(probe.flags & ~(unsigned)NM_FLAG_second_law_violated, 0);
        worst = fmax(worst, nm_probe_closure(&probe));
        assert_true(nm_probe_closure(&probe) <= 1e-9);
        assert_true(nm_probe_value(&probe, "resid") <= 1e-10);
        /* water and Cl- are at rest in both cells, what goes through the gap comes back through the baths' leaks */
        assert_near(nm_probe_value(&probe, "Na_a") + nm_probe_value(&probe, "K_a") +
                        nm_probe_value(&probe, "Cl_a") + nm_probe_value(&probe, "X_a") + 2.0,
                    302, 302e-9, "osmolarity of cell a");
        assert_near(nm_probe_value(&probe, "G_a"), 2, 2e-9, "G_a");
        assert_near(nm_probe_value(&probe, "b_Cl"),
                    150 * exp(96485.33212331001 * nm_probe_value(&probe, "V_b") /
                              (8.31446261815324 * 310.15)),
                    1e-7, "b_Cl");
        const double gap = nm_probe_value(&probe, "J_gap");
        assert_near(
            gap, 2 * nm_probe_value(&probe, "J_pump_of_a") - nm_probe_value(&probe, "J_leak_K_a"),
            1e-9 * nm_probe_value(&probe, "Jout_leak_K_a"), "K+ balance of cell a");
        assert_near(
            gap, nm_probe_value(&probe, "J_leak_K_b") - 2 * nm_probe_value(&probe, "J_pump_of_b"),
            1e-9 * nm_probe_value(&probe, "Jout_leak_K_b"), "K+ balance of cell b");
    }
    printf("  worst |closure| / power: %.2e\n", worst);
}

static void laws_are_those_asked_for(void **state)
{
    (void)state;
    const double RT = 8.31446261815324 * 310.15, F = 96485.33212331001;
    for (int pump = 0; pump < 4; pump++) {
        const nm_probe probe = run_everything(&nm_model_everything, NM_MODE_AUTO, pump, 0, "");
        const double Na = nm_probe_value(&probe, "Na_a"), K = nm_probe_value(&probe, "K_a"),
                     v = F * nm_probe_value(&probe, "V_a") / RT,
                     Cl = nm_probe_value(&probe, "Cl_a");
        const double A = 57000 / RT + 3 * (log(Na / 145) + v) - 2 * (log(K / 5) + v);
        const double sites = 1e-7 * pow(Na / (10 + Na), 3);
        const double wanted = pump == 0   ? sites * tanh(A / 2)
                              : pump == 1 ? 1e-8
                              : pump == 2 ? sites
                                          : sites * tanh(A / 2);
        assert_near(nm_probe_value(&probe, "J_pump_of_a"), wanted, 1e-12 * wanted, "J_pump_of_a");
        assert_near(nm_probe_value(&probe, "A_pump_of_a"), A * RT, 1e-10 * RT, "A_pump_of_a");
        assert_near(nm_probe_value(&probe, "J_leak_Na_a"), 3e-8 * (log(Na / 145) + v), 1e-19,
                    "J_leak_Na_a");
        assert_near(nm_probe_value(&probe, "J_leak_K_a"), 3 * RT / (F * F) * (log(K / 5) + v),
                    1e-17, "J_leak_K_a");
        const double in = -v / expm1(-v); /* bern(-v) for a charge of -1 moving in */
        assert_near(nm_probe_value(&probe, "Jin_leak_Cl_a"), 1e-8 * 150 * in,
                    1e-9 * 1e-8 * 150 * in, "Jin_leak_Cl_a");
        assert_true(Cl > 0);
        assert_near(nm_probe_value(&probe, "J_gap"),
                    1e-9 * (log(K / nm_probe_value(&probe, "b_K")) + v -
                            F * nm_probe_value(&probe, "V_b") / RT),
                    1e-20, "J_gap");
    }
}

/* The same model by another compiler gives the same bits. */
static void compilers_agree_on_every_bit(void **state)
{
    (void)state;
#ifdef NM_TEST_OTHER_COMPILER
    for (int i = 0; i < 16; i++) {
        const nm_probe a =
            run_everything(&nm_model_everything, i / 8, i % 4, i / 4 % 2, "L_gap=3e-9");
        const nm_probe b =
            run_everything(&nm_model_everything_again, i / 8, i % 4, i / 4 % 2, "L_gap=3e-9");
        assert_int_equal(a.outcome, b.outcome);
        assert_int_equal(a.flags, b.flags);
        for (int k = 0; k < NM_MAX_OUTPUTS; k++) {
            if (memcmp(&a.value[k], &b.value[k], sizeof(double)) != 0 &&
                !(isnan(a.value[k]) && isnan(b.value[k]))) {
                fail_msg("choice %d, output %d: %.17g and %.17g", i, k, a.value[k], b.value[k]);
            }
        }
    }
#else
    printf("  not run: there is one compiler only\n");
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_accepts_it),
        cmocka_unit_test(every_choice_rests_in_balance),
        cmocka_unit_test(laws_are_those_asked_for),
        cmocka_unit_test(compilers_agree_on_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
