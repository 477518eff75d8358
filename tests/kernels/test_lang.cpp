/* The dialect itself: elementary functions against long double, and the derivatives that duals carry. */
#include "kernel_test.h"

#include "nessmap/lang.h"

namespace
{

enum { N_BLOCKS = 400000 / NM_LANES };
const double INFTY = __builtin_huge_val();
const double NOT_A_NUMBER = __builtin_nan("");

typedef nm_vec (*lane_function)(nm_vec);
typedef long double (*exact_function)(long double);

/* references ------------------------------------------------------------------------------------- */

/* u/(exp(u)-1) = sum B_2k u^2k/(2k)! near 0, where the closed form of its slope cancels */
const long double BERNOULLI[] = {1.0L / 6,       -1.0L / 30,       1.0L / 42,      -1.0L / 30,
                                 5.0L / 66,      -691.0L / 2730,   7.0L / 6,       -3617.0L / 510,
                                 43867.0L / 798, -174611.0L / 330, 854513.0L / 138};

long double exact_bern(long double u)
{
    return u == 0.0L ? 1.0L : u / expm1l(u);
}

long double exact_bern_slope(long double u)
{
    if (fabsl(u) < 0.7L) {
        long double sum = -0.5L, power = u, factorial = 2.0L;
        for (int k = 1; k <= 11; k++) {
            sum += BERNOULLI[k - 1] * (2 * k) * power / factorial;
            power *= u * u;
            factorial *= (long double)(2 * k + 1) * (2 * k + 2);
        }
        return sum;
    }
    long double e = expm1l(u), b = u / e;
    return 1.0L / e - b / e * (e + 1.0L);
}

nm_vec lanes_bern_slope(nm_vec u)
{
    return nm_vbern_slope(u, nm_vbern(u));
}

/* sampling --------------------------------------------------------------------------------------- */

double worst_of(const char *name, lane_function f, exact_function exact, const double *edges,
                int n_edges, double (*draw)(uint64_t *))
{
    uint64_t state = 1;
    double worst = 0.0, at = 0.0;
    for (int block = 0; block < N_BLOCKS; block++) {
        nm_vec x = nm_splat(0.0);
        for (int lane = 0; lane < NM_LANES; lane++) {
            int i = block * NM_LANES + lane;
            nm_set(&x, lane, i < n_edges ? edges[i] : draw(&state));
        }
        nm_vec y = f(x);
        for (int lane = 0; lane < NM_LANES; lane++) {
            double argument = nm_get(x, lane),
                   error = ulps(nm_get(y, lane), exact((long double)argument));
            if (!(error <= worst)) {
                worst = error;
                at = argument;
            }
        }
    }
    printf("%s: worst %.3f ulp at %a, %d points\n", name, worst, at, N_BLOCKS * NM_LANES);
    return worst;
}

double one(lane_function f, double x)
{
    /* other lanes hold numbers that must not matter */
    nm_vec v = nm_splat(NOT_A_NUMBER);
    nm_set(&v, NM_LANES - 1, x);
    return nm_get(f(v), NM_LANES - 1);
}

double either_sign(uint64_t *state, double x)
{
    return random_word(state) & 1u ? x : -x;
}

/* any size from 2^low to 2^high, by exact operations alone */
double any_size(uint64_t *state, int low, int high)
{
    int exponent = low + (int)(random_word(state) % (uint64_t)(high - low));
    return ldexp(random_between(state, 1.0, 2.0), exponent);
}

/* whole range of exp, and as often any size of argument down to 1e-300 */
double draw_exponent(uint64_t *state)
{
    if (random_word(state) & 1u) {
        return random_between(state, -708.0, 709.0);
    }
    return either_sign(state, any_size(state, -1000, 9));
}
double draw_small_exponent(uint64_t *state)
{
    return random_word(state) & 1u ? either_sign(state, any_size(state, -1000, 9))
                                   : random_between(state, -40.0, 3.0);
}
/* normal numbers of any size, and as often numbers around 1 at any distance */
double draw_positive(uint64_t *state)
{
    if (random_word(state) & 1u) {
        double x;
        do {
            uint64_t bits = random_word(state) & 0x7fffffffffffffffu;
            memcpy(&x, &bits, sizeof x);
        } while (!(x >= DBL_MIN && x <= DBL_MAX));
        return x;
    }
    return 1.0 + either_sign(state, any_size(state, -52, -1));
}
double draw_bern(uint64_t *state)
{
    double x =
        random_word(state) & 1u ? random_between(state, 0.0, 700.0) : any_size(state, -1000, 9);
    return either_sign(state, x);
}

/* tests ------------------------------------------------------------------------------------------ */

void exp_and_log_are_right_to_an_ulp(void **)
{
    const double exponents[] = {0.0,
                                -0.0,
                                DBL_MIN,
                                -DBL_MIN,
                                0x1p-1074,
                                -0x1p-1074,
                                0.34657359027997264,
                                0.3465735902799727,
                                -0.34657359027997264,
                                1.0,
                                -1.0,
                                709.0,
                                -708.0,
                                708.9999999999999,
                                0x1p-53,
                                -0x1p-54};
    const double positives[] = {DBL_MIN,
                                DBL_MAX,
                                1.0,
                                0x1.fffffffffffffp-1,
                                0x1.0000000000001p0,
                                0.70710678118654752,
                                0.70710678118654757,
                                1.4142135623730949,
                                1.4142135623730951,
                                2.0,
                                0.5,
                                0x1p-1021,
                                0x1p1023};
    const int n_exponents = sizeof exponents / sizeof exponents[0],
              n_positives = sizeof positives / sizeof positives[0];
    assert_true(worst_of("exp", nm_vexp, expl, exponents, n_exponents, draw_exponent) < 1.0);
    assert_true(worst_of("expm1", nm_vexpm1, expm1l, exponents, n_exponents, draw_small_exponent) <
                1.5);
    assert_true(worst_of("log", nm_vlog, logl, positives, n_positives, draw_positive) < 0.85);
}

void the_bernoulli_function_and_its_slope_are_right(void **)
{
    const double edges[] = {
        0.0,       -0.0,  0.1,   -0.1, 0.099999999999999992, -0.099999999999999992,
        0x1p-1074, 700.0, -700.0};
    const int n_edges = sizeof edges / sizeof edges[0];
    assert_true(worst_of("bern", nm_vbern, exact_bern, edges, n_edges, draw_bern) < 2.5);
    assert_true(worst_of("slope of bern", lanes_bern_slope, exact_bern_slope, edges, n_edges,
                         draw_bern) < 64.0); /* b cancels u at -40 */
    assert_true(one(nm_vbern, 0.0) == 1.0);
    assert_true(one(lanes_bern_slope, 0.0) == -0.5);
}

void edges_are_as_said(void **)
{
    /* exp: its argument is held in [-708, 709] */
    assert_true(one(nm_vexp, 0.0) == 1.0);
    assert_true(one(nm_vexp, 1e300) == one(nm_vexp, 709.0));
    assert_true(one(nm_vexp, INFTY) == one(nm_vexp, 709.0));
    assert_true(one(nm_vexp, -INFTY) == one(nm_vexp, -708.0));
    assert_true(one(nm_vexp, -708.0) > 0.0);
    assert_true(isnan(one(nm_vexp, NOT_A_NUMBER)));
    assert_true(one(nm_vexpm1, 0.0) == 0.0);
    assert_true(one(nm_vexpm1, 0x1p-1074) == 0x1p-1074);
    assert_true(one(nm_vexpm1, -INFTY) == -1.0);
    assert_true(isnan(one(nm_vexpm1, NOT_A_NUMBER)));

    assert_true(one(nm_vlog, 1.0) == 0.0);
    assert_true(one(nm_vlog, 0.0) == -INFTY);
    assert_true(one(nm_vlog, -0.0) == -INFTY);
    assert_true(one(nm_vlog, INFTY) == INFTY);
    assert_true(isnan(one(nm_vlog, -1.0)));
    assert_true(isnan(one(nm_vlog, -DBL_MIN)));
    assert_true(isnan(one(nm_vlog, NOT_A_NUMBER)));

    /* bern far out: no infinity, no NaN */
    assert_true(one(nm_vbern, -2000.0) == 2000.0);
    assert_true(one(nm_vbern, 2000.0) < 1e-300 && one(nm_vbern, 2000.0) >= 0.0);
    assert_true(isnan(one(nm_vbern, NOT_A_NUMBER)));
    assert_true(fabs(one(lanes_bern_slope, 2000.0)) < 1e-290);
    assert_true(one(lanes_bern_slope, -2000.0) == -1.0);
}

void add_to_hash(uint64_t *hash, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    *hash = (*hash ^ bits) * 1099511628211u;
}

/* The same bits for every width and compiler. Drawn parameters of runs that are not finished rest on exp and log:
 * whoever changes these raises NM_ABI. */
void bits_are_pinned(void **)
{
    uint64_t state = 11, drawing = 14695981039346656037u, solving = drawing;
    for (int i = 0; i < 20000; i++) {
        double x = draw_exponent(&state), y = draw_positive(&state);
        add_to_hash(&drawing, one(nm_vexp, x));
        add_to_hash(&drawing, one(nm_vlog, y));
        add_to_hash(&solving, one(nm_vexpm1, x));
        add_to_hash(&solving, one(nm_vbern, x));
        add_to_hash(&solving, one(lanes_bern_slope, x));
    }
    printf("hashes: exp and log %016llx; expm1, bern and its slope %016llx\n",
           (unsigned long long)drawing, (unsigned long long)solving);
    assert_true(drawing == 0x17db7f8f4c3913f0u);
    assert_true(solving == 0x792265becff98b09u);
}

bool is_finite(double x)
{
    nm_vec v = nm_splat(NOT_A_NUMBER);
    nm_set(&v, NM_LANES - 1, x);
    nm_mask m = nm_vfinite(v);
    for (int lane = 0; lane < NM_LANES - 1; lane++) {
        assert_false(nm_get(m, lane));
    }
    return nm_get(m, NM_LANES - 1);
}

void masks_say_what_holds_in_which_lane(void **)
{
    const double finite[] = {0.0, -0.0, 1.0, -1.0, DBL_MAX, -DBL_MAX, DBL_MIN, 0x1p-1074};
    for (double x : finite) {
        assert_true(is_finite(x));
    }
    uint64_t quiet = 0x7ff0000000000001u, negative = 0xfff8000000000000u;
    double signalling, negative_nan;
    memcpy(&signalling, &quiet, sizeof quiet);
    memcpy(&negative_nan, &negative, sizeof negative);
    const double others[] = {INFTY, -INFTY, NOT_A_NUMBER, signalling, negative_nan};
    for (double x : others) {
        assert_false(is_finite(x));
    }

    for (unsigned bits = 0; bits < 1u << NM_LANES; bits++) {
        nm_mask m = nm_mask_all(false);
        for (int lane = 0; lane < NM_LANES; lane++) {
            nm_mask_set(&m, lane, bits >> lane & 1u);
        }
        nm_vec chosen = nm_choose(m, nm_splat(1.0), nm_splat(2.0));
        for (int lane = 0; lane < NM_LANES; lane++) {
            bool is_set = bits >> lane & 1u;
            assert_int_equal(nm_get(m, lane), is_set);
            assert_int_equal(nm_get(nm_not(m), lane), !is_set);
            assert_true(nm_get(chosen, lane) == (is_set ? 1.0 : 2.0));
        }
        assert_int_equal(nm_any_of(m), bits != 0);
        assert_int_equal(nm_all_of(m), bits == (1u << NM_LANES) - 1u);
    }
}

/* duals ------------------------------------------------------------------------------------------ */

/* the same words for long double, so that one expression gives value, derivative and reference */
long double nm_exp(long double x)
{
    return expl(x);
}
long double nm_expm1(long double x)
{
    return expm1l(x);
}
long double nm_log(long double x)
{
    return logl(x);
}
long double nm_sqrt(long double x)
{
    return sqrtl(x);
}
long double nm_bern(long double x)
{
    return exact_bern(x);
}
long double nm_abs(long double x)
{
    return fabsl(x);
}
bool nm_less(long double a, long double b)
{
    return a < b;
}
long double nm_if(bool m, long double a, long double b)
{
    return m ? a : b;
}
long double nm_max(long double a, long double b)
{
    return a > b ? a : b;
}
long double nm_powi(long double x, int n)
{
    return powl(x, n);
}

/* sixth-order central difference: error about 1e-15 for the functions below */
template <class F> long double slope_of(F f, long double x)
{
    const long double h = 1e-3L * fmaxl(fabsl(x), 0.1L);
    return (45.0L * (f(x + h) - f(x - h)) - 9.0L * (f(x + 2 * h) - f(x - 2 * h)) +
            (f(x + 3 * h) - f(x - 3 * h))) /
           (60.0L * h);
}

enum { N_UNKNOWNS = 4 };
double worst_value, worst_slope;

template <unsigned M> nm_dual<M> random_dual(uint64_t *state, nm_vec v)
{
    nm_dual<M> x;
    x.v = v;
    if constexpr (M != 0) {
        for (int k = 0; k < nm_count(M); k++) {
            x.d[k] = nm_splat(0.0);
            for (int lane = 0; lane < NM_LANES; lane++) {
                nm_set(&x.d[k], lane, random_between(state, -2.0, 2.0));
            }
        }
    }
    return x;
}

/* f(x, y) of duals with masks A and B against the chain rule with slopes of long double */
template <unsigned A, unsigned B, class F> void check_masks(F f, double low, double high)
{
    uint64_t state = 5;
    for (int round = 0; round < 200 / NM_LANES + 10; round++) {
        nm_vec vx = nm_splat(0.0), vy = nm_splat(0.0);
        for (int lane = 0; lane < NM_LANES; lane++) {
            double a, b;
            do { /* not on the kink of abs, max and if */
                a = random_between(&state, low, high);
                b = random_between(&state, low, high);
            } while (fabs(a - b) < 0.02 || fabs(a) < 0.02 || fabs(b) < 0.02);
            nm_set(&vx, lane, a);
            nm_set(&vy, lane, b);
        }
        nm_dual<A> x = random_dual<A>(&state, vx);
        nm_dual<B> y = random_dual<B>(&state, vy);
        auto z = f(x, y);
        for (int lane = 0; lane < NM_LANES; lane++) {
            long double a = nm_get(vx, lane), b = nm_get(vy, lane), value = f(a, b);
            long double by_x = slope_of([&](long double t) { return f(t, b); }, a);
            long double by_y = slope_of([&](long double t) { return f(a, t); }, b);
            double error = (double)(fabsl(nm_get(z.v, lane) - value) / (1.0L + fabsl(value)));
            worst_value = fmax(worst_value, error);
            nm_unroll<N_UNKNOWNS>([&](auto i) {
                long double dx = nm_get(nm_slope<i.value>(x), lane),
                            dy = nm_get(nm_slope<i.value>(y), lane);
                long double wanted = by_x * dx + by_y * dy,
                            scale = 1.0L + fabsl(by_x * dx) + fabsl(by_y * dy);
                double got = nm_get(nm_slope<i.value>(z), lane);
                if constexpr (!((A | B) >> i.value & 1u)) {
                    assert_true(got == 0.0);
                }
                worst_slope = fmax(worst_slope, (double)(fabsl(got - wanted) / scale));
            });
        }
    }
}

template <class F> void check_function(const char *name, F f, double low, double high)
{
    worst_value = worst_slope = 0.0;
    check_masks<0b0011u, 0b0110u>(f, low, high); /* overlap */
    check_masks<0b0001u, 0b1000u>(f, low, high); /* disjoint */
    check_masks<0b0101u, 0u>(f, low, high);      /* one is a constant */
    check_masks<0u, 0b0110u>(f, low, high);
    check_masks<0u, 0u>(f, low, high);
    printf("%-10s worst value %.1e, slope %.1e\n", name, worst_value, worst_slope);
    assert_true(worst_value < 1e-14);
    assert_true(worst_slope < 1e-12);
}

void derivatives_are_those_of_long_double(void **)
{
    check_function(
        "a + b", [](auto a, auto b) { return a + b; }, -3, 3);
    check_function(
        "a - b", [](auto a, auto b) { return a - b; }, -3, 3);
    check_function(
        "a * b", [](auto a, auto b) { return a * b; }, -3, 3);
    check_function(
        "a / b", [](auto a, auto b) { return a / b; }, 0.5, 4);
    check_function(
        "-a + b", [](auto a, auto b) { return -a + (+b); }, -3, 3);
    check_function(
        "constants",
        [](auto a, auto b) {
            return 2.0 * a + (3.0 - b) * 0.25 + 1.0 / (b + 5.0) - (a - 1.0) / 3.0 + (1.5 + b);
        },
        -3, 3);
    check_function(
        "exp", [](auto a, auto b) { return nm_exp(a) * b; }, -3, 3);
    check_function(
        "expm1", [](auto a, auto b) { return nm_expm1(a) + nm_expm1(b); }, -3, 3);
    check_function(
        "log", [](auto a, auto b) { return nm_log(a) - nm_log(b); }, 0.5, 4);
    check_function(
        "sqrt", [](auto a, auto b) { return nm_sqrt(a) * nm_sqrt(b); }, 0.5, 4);
    check_function(
        "bern", [](auto a, auto b) { return nm_bern(a) * nm_bern(b); }, -3, 3);
    check_function(
        "bern near 0", [](auto a, auto b) { return nm_bern(a) - nm_bern(b); }, -0.15, 0.15);
    check_function(
        "abs", [](auto a, auto b) { return nm_abs(a) * b; }, -3, 3);
    check_function(
        "if", [](auto a, auto b) { return nm_if(nm_less(a, b), a * a, b * b * b); }, -3, 3);
    check_function(
        "if number",
        [](auto a, auto b) {
            return nm_if(nm_less(a, 0.0), b, 2.0) + nm_if(nm_less(0.0, b), 1.0, a);
        },
        -3, 3);
    check_function(
        "max", [](auto a, auto b) { return nm_max(a, b) + nm_max(a, 0.0); }, -3, 3);
    check_function(
        "powi", [](auto a, auto b) { return nm_powi(a, 3) + nm_powi(b, 1) + nm_powi(a * b, 2); },
        -2, 2);
    check_function(
        "composed",
        [](auto a, auto b) {
            return nm_exp(-a * b) / (1.0 + nm_log(a + b) * nm_sqrt(b)) + nm_bern(a - b);
        },
        0.5, 3);
}

/* a type carries exactly the derivatives that can differ from zero */
void types_carry_the_mask(void **)
{
    typedef nm_dual<0b001u> left;
    typedef nm_dual<0b100u> right;
    static_assert(sizeof(left{} * right{}) == 3 * sizeof(nm_vec));
    static_assert(sizeof(nm_par(1.0) * nm_par(2.0)) == sizeof(nm_vec));
    static_assert(sizeof(left{} * 2.0) == 2 * sizeof(nm_vec));
    static_assert(__is_same(decltype(nm_power<0>(left{})), nm_nothing));
    static_assert(__is_same(decltype(nm_times<0>(left{})), nm_nothing));
    static_assert(__is_same(decltype(nm_keep<false>(left{})), nm_nothing));
    static_assert(__is_same(decltype(nm_nothing{} + left{}), left));
    static_assert(__is_same(decltype(left{} * nm_nothing{}), left));
    static_assert(nm_count(0b1011u) == 3 && nm_rank(0b1011u, 3) == 2 && nm_bit(0b1011u, 2) == 3);
    uint64_t state = 2;
    left a = random_dual<0b001u>(&state, nm_splat(3.0));
    assert_true(nm_get(nm_power<3>(a).v, 0) == 27.0);
    assert_true(nm_get(nm_times<-2>(a).v, 0) == -6.0);
    assert_true(nm_get(nm_times<-2>(a).d[0], 0) == -2.0 * nm_get(a.d[0], 0));
    assert_true(nm_get(nm_value(nm_nothing{}).v, 0) == 0.0);
    auto wide = nm_widen<0b111u>(a);
    assert_true(nm_get(wide.d[0], 0) == nm_get(a.d[0], 0) && nm_get(wide.d[1], 0) == 0.0 &&
                nm_get(wide.d[2], 0) == 0.0);
    auto unknown = nm_unknown<true, 2>(nm_splat(5.0), nm_splat(7.0));
    assert_true(nm_get(nm_slope<2>(unknown), 0) == 7.0 && nm_get(nm_slope<1>(unknown), 0) == 0.0);
    static_assert(__is_same(decltype(nm_unknown<false, 2>(nm_vec{}, nm_vec{})), nm_par));
}

} // namespace

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_and_log_are_right_to_an_ulp),
        cmocka_unit_test(the_bernoulli_function_and_its_slope_are_right),
        cmocka_unit_test(edges_are_as_said),
        cmocka_unit_test(bits_are_pinned),
        cmocka_unit_test(masks_say_what_holds_in_which_lane),
        cmocka_unit_test(derivatives_are_those_of_long_double),
        cmocka_unit_test(types_carry_the_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
