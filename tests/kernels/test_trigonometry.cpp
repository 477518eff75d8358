/* Sine and cosine on lanes and duals, against long double.
 *
 * lanes: 16 8 1 */
#include "kernel_test.h"

#include "nessmap/lang.h"

namespace
{

/* error in units of the last place of 1, for numbers up to `most` */
double worst_up_to(double most)
{
    uint64_t state = 11;
    double worst = 0.0;
    for (int round = 0; round < 400000 / NM_LANES; round++) {
        nm_vec x = nm_splat(0.0), s, c;
        for (int lane = 0; lane < NM_LANES; lane++) {
            /* evenly, and near the multiples of pi/2, where the reduction cancels */
            double near = floor(random_between(&state, -most, most) / M_PI_2) * M_PI_2;
            nm_set(&x, lane,
                   round % 2 ? near + ldexp(random_between(&state, -1.0, 1.0), -round % 50)
                             : random_between(&state, -most, most));
        }
        nm_vsincos(x, &s, &c);
        for (int lane = 0; lane < NM_LANES; lane++) {
            const long double at = (long double)nm_get(x, lane);
            worst = fmax(worst, (double)fabsl(nm_get(s, lane) - sinl(at)) * 0x1p53);
            worst = fmax(worst, (double)fabsl(nm_get(c, lane) - cosl(at)) * 0x1p53);
        }
    }
    printf("sin, cos up to %g: worst %.3f ulp of 1\n", most, worst);
    return worst;
}

void sine_and_cosine_are_right(void **)
{
    assert_true(worst_up_to(1.0) < 1.6);
    assert_true(worst_up_to(100.0) < 1.6);
    assert_true(worst_up_to(1e6) < 1.6);
}

void small_arguments_and_signs_stay(void **)
{
    const double small[] = {0.0, -0.0, 1e-300, -1e-300, 1e-9, -0x1p-30};
    for (double x : small) {
        nm_vec s, c;
        nm_vsincos(nm_splat(x), &s, &c);
        assert_true(nm_get(s, NM_LANES - 1) == x);
        assert_true(nm_get(c, NM_LANES - 1) == 1.0);
    }
}

void derivatives_are_each_other(void **)
{
    uint64_t state = 12;
    for (int round = 0; round < 1000; round++) {
        nm_dual<0b1u> x;
        x.v = nm_splat(random_between(&state, -10.0, 10.0));
        x.d[0] = nm_splat(2.0);
        const nm_dual<0b1u> s = nm_sin(x), c = nm_cos(x);
        assert_true(nm_get(s.d[0], 0) == 2.0 * nm_get(c.v, 0));
        assert_true(nm_get(c.d[0], 0) == -2.0 * nm_get(s.v, 0));
    }
}

} // namespace

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sine_and_cosine_are_right),
        cmocka_unit_test(small_arguments_and_signs_stay),
        cmocka_unit_test(derivatives_are_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
