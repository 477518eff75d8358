/* Rodas4 on pump_leak: order 4 of the solution, order 3 of the embedded one, charge kept to rounding.
 *
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

struct cell {
    nm_point pt;
    nm_choices pick;
    double x[NM_NY]; /* where it starts */
};

/* A cell with all its pathways busy, at `age` [s], past the relaxation of its potential. */
static void begin(cell *c, int leak, int pump, int membrane, double age)
{
    *c = {};
#define DEFAULT_OF(name, unit, dflt, ...) c->pt.p[NM_P_##name] = dflt;
    NM_PARAMETERS(DEFAULT_OF)
    c->pt.p[NM_P_L_NKCC] = 1e-8;
    c->pt.p[NM_P_L_KCC] = 1e-8;
    if (leak == 1 && pump == 2) {
        c->pt.p[NM_P_p_max] = 1e-9;
    } /* more would run Na+ out */
    c->pick.leak = leak;
    c->pick.pump = pump;
    c->pick.membrane = membrane;
    nm_prepare(&c->pt, &c->pick);
    double y[NM_NY], next[NM_NY];
    assert_true(nm_initial(y, &c->pt));
    nm_settle_potentials(y, &c->pt, &c->pick);
    nm_unknowns_to_state(c->x, y);
    double h = 1e-4;
    for (double t = 0.0; t < age; t += h, h = fmin(1.1 * h, 0.02 * age)) {
        fixed_step(next, c->x, h, &c->pt, &c->pick);
        memcpy(c->x, next, sizeof next);
    }
}

static void travel(double *x, const cell *c, double t, int n)
{
    double next[NM_NY];
    memcpy(x, c->x, sizeof c->x);
    for (int i = 0; i < n; i++) {
        fixed_step(next, x, t / n, &c->pt, &c->pick);
        memcpy(x, next, sizeof next);
    }
}

/* largest difference, amounts and volumes relative, potentials as they are */
static double distance(const double *a, const double *b)
{
    double d = 0.0;
    for (int i = 0; i < NM_NY; i++) {
        d = fmax(d, fabs(a[i] - b[i]) / (i < NM_N_FREE + NM_N_VOLUMES ? fabs(b[i]) : 1.0));
    }
    return d;
}

static double slope(const double *error, int n)
{
    return log2(error[0] / error[n - 1]) / (n - 1);
}

/* Against 64 times finer steps and more. An algebraic potential (electroneutral) leaves order 4 to the end; a stiff one
 * (capacitive, its own time 1e-4 of the step) adds a remainder of 1e-10 and lower order, so its last halving is left
 * out. */
static void converges_with_order_four(void **)
{
    for (int i = 0; i < 12; i++) {
        cell c;
        begin(&c, i % 2, i / 2 % 3, i / 6, 5.0);
        const double t =
            c.pick.leak ? 3000.0 : 200.0; /* s: the default permeabilities are slower */
        const bool membrane_is_stiff = c.pick.membrane == 0;
        double reference[NM_NY], x[NM_NY], error[4];
        travel(reference, &c, t, 4096);
        for (int k = 0; k < 4; k++) {
            travel(x, &c, t, 8 << k);
            error[k] = distance(x, reference);
        }
        const double order = slope(error, membrane_is_stiff ? 3 : 4);
        printf("  leak %d, pump %d, membrane %d: errors %.2e %.2e %.2e %.2e, order %.2f\n",
               c.pick.leak, c.pick.pump, c.pick.membrane, error[0], error[1], error[2], error[3],
               order);
        if (!(order >= 3.7) || !(error[3] < 1e-4)) {
            fail_msg("order %.2f", order);
        }
    }
}

/* One step of h: the estimate goes as h^4 (an embedded solution of order 3), the error itself as h^5. */
static void estimates_with_order_three(void **)
{
    for (int i = 0; i < 6; i++) {
        cell c;
        begin(&c, i % 2, i / 2, 1, 0.3);
        double x[NM_NY], reference[NM_NY], next[NM_NY], estimate[4], error[4];
        for (int k = 0; k < 4; k++) {
            const double h = 0.8 / (1 << k);
            estimate[k] = fixed_step(x, c.x, h, &c.pt, &c.pick);
            memcpy(reference, c.x, sizeof reference);
            for (int n = 0; n < 32; n++) {
                fixed_step(next, reference, h / 32, &c.pt, &c.pick);
                memcpy(reference, next, sizeof next);
            }
            error[k] = distance(x, reference);
        }
        const double of_estimate = slope(estimate, 4), of_error = slope(error, 4);
        printf("  leak %d, pump %d: estimates %.2e to %.2e, order in h %.2f; errors %.2e to %.2e, "
               "order in h %.2f\n",
               c.pick.leak, c.pick.pump, estimate[0], estimate[3], of_estimate, error[0], error[3],
               of_error);
        assert_true(of_estimate >= 3.7 && of_estimate <= 4.6);
        assert_true(of_error >= 4.7);
        for (int k = 0; k < 4; k++) {
            assert_true(estimate[k] > error[k]);
        }
    }
}

/* C' v - sum z n does not change by more than rounding: 1e4 steps over transient and rest. */
static void keeps_charge(void **)
{
    for (int i = 0; i < 4; i++) {
        cell c;
        begin(&c, i % 2, 0, i / 2, 5.0);
        const double capacity = c.pt.capacity[NM_C_cell];
        double x[NM_NY], next[NM_NY], first = 0.0, worst = 0.0;
        memcpy(x, c.x, sizeof x);
        for (int n = 0; n <= 10000; n++) {
            const double charge = x[NM_Y_Na_i] + x[NM_Y_K_i] - x[NM_Y_Cl_i] - capacity * x[NM_Y_V];
            if (n == 0) {
                first = charge;
            }
            worst = fmax(worst, fabs(charge - first) / (x[NM_Y_Na_i] + x[NM_Y_K_i] + x[NM_Y_Cl_i]));
            fixed_step(next, x, 0.05, &c.pt, &c.pick);
            memcpy(x, next, sizeof x);
        }
        printf("  leak %d, membrane %d: charge drifts by %.2e of the ions in 1e4 steps\n",
               c.pick.leak, c.pick.membrane, worst);
        /* a random walk of roundings is 1e-14; all to one side would be 2e-12 */
        assert_true(worst < 2e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converges_with_order_four),
        cmocka_unit_test(estimates_with_order_three),
        cmocka_unit_test(keeps_charge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
