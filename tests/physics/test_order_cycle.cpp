/* Rodas4 on driven_cycle against its exact exponential: order 4, and the total kept to rounding.
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

#include "models/driven_cycle.c"
#include "point.h"

#include "course.h"

struct ring {
    nm_point pt;
    nm_choices pick;
};

static void begin(ring *r, double k1f, double k1r, double k2f, double k2r)
{
    *r = {};
#define DEFAULT_OF(name, unit, dflt, ...) r->pt.p[NM_P_##name] = dflt;
    NM_PARAMETERS(DEFAULT_OF)
    r->pt.p[NM_P_k1f] = k1f;
    r->pt.p[NM_P_k1r] = k1r;
    r->pt.p[NM_P_k2f] = k2f;
    r->pt.p[NM_P_k2r] = k2r;
    nm_prepare(&r->pt, &r->pick);
}

static void converges_to_the_exponential(void **)
{
    ring r;
    begin(&r, 2.0, 0.5, 0.7, 0.1);
    const double S = 2.0 + 0.5 + 0.7 + 0.1, at_rest = (0.5 + 0.7) / S, t = 1.0;
    const double exact = at_rest + (0.9 - at_rest) * exp(-S * t);
    double error[5];
    for (int k = 0; k < 5; k++) {
        double x[NM_NY] = {0.9, 0.1, 1.0, 1.0}, next[NM_NY];
        const int n = 4 << k;
        for (int i = 0; i < n; i++) {
            fixed_step(next, x, t / n, &r.pt, &r.pick);
            memcpy(x, next, sizeof x);
        }
        error[k] = fabs(x[NM_Y_A] - exact);
    }
    const double order = log2(error[0] / error[4]) / 4.0;
    printf("  errors %.2e to %.2e, order %.2f\n", error[0], error[4], order);
    assert_true(order >= 3.7 && error[4] < 1e-7);
}

static void keeps_the_total(void **)
{
    static const double rates[3][4] = {
        {2.0, 0.5, 0.7, 0.1}, {1e3, 1e-3, 1e3, 1e-3}, {1e-3, 1.0, 1e3, 1e3}};
    for (int k = 0; k < 3; k++) {
        ring r;
        begin(&r, rates[k][0], rates[k][1], rates[k][2], rates[k][3]);
        double x[NM_NY] = {0.9, 0.1, 1.0, 1.0}, next[NM_NY], worst = 0.0;
        for (int i = 0; i < 10000; i++) {
            fixed_step(next, x, 1e-3 * (1 + i % 7), &r.pt, &r.pick);
            memcpy(x, next, sizeof x);
            worst = fmax(worst, fabs(x[NM_Y_A] + x[NM_Y_B] - 1.0));
        }
        printf("  total drifts by %.2e in 1e4 steps\n", worst);
        assert_true(worst < 2e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converges_to_the_exponential),
        cmocka_unit_test(keeps_the_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
