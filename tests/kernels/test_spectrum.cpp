/* Relaxation times from principal minors: matrices with known spectra, stable or not, real or complex. */
#include "exact.h"
#include "kernel_test.h"

#include "spectrum.h"

namespace {

uint64_t rng = 20261125;
double random_uniform() { return random_between(&rng, 0.0, 1.0); }

template <int N> void multiply(long double (*product)[N], const long double (*a)[N], const long double (*b)[N])
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            product[i][j] = 0.0L;
            for (int k = 0; k < N; k++) { product[i][j] += a[i][k] * b[k][j]; }
        }
    }
}

struct matrices { /* of relaxation times, its inverse, its determinant */
    nm_vec times[NM_QUICK_MODES][NM_QUICK_MODES], rates[NM_QUICK_MODES][NM_QUICK_MODES], det;
};

/* S D S^-1 in long double, with S = random near the unit matrix and D given as 1 x 1 and 2 x 2 blocks */
template <int N> void build(matrices *m, int lane, const long double *re, const long double *im)
{
    long double s[N][N], back[N][N], d[N][N] = {}, part[N][N], times[N][N], rates[N][N], det = 1.0L;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) { s[i][j] = (i == j) + 0.4L * (long double)(random_uniform() - 0.5); }
        d[i][i] = re[i];
        if (im[i] != 0.0L) { d[i][im[i] > 0.0L ? i + 1 : i - 1] = im[i]; }
        det *= im[i] == 0.0L ? re[i] : im[i] > 0.0L ? re[i] * re[i] + im[i] * im[i] : 1.0L;
    }
    invert<N>(back, s);
    multiply<N>(part, s, d);
    multiply<N>(times, part, back);
    invert<N>(rates, times);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            nm_set(&m->times[i][j], lane, (double)times[i][j]);
            nm_set(&m->rates[i][j], lane, (double)rates[i][j]);
        }
    }
    nm_set(&m->det, lane, (double)det);
}

/* STIFF: times over ten decades, solved with the trace of the rates and the determinant at hand */
template <int N, bool STIFF> nm_mask solve(nm_vec *tau, const matrices *m)
{
    if constexpr (STIFF) {
        nm_minor trace = {nm_splat(0.0), nm_splat(0.0)};
        for (int i = 0; i < N; i++) { nm_add_minor(&trace, nm_minor{m->rates[i][i], nm_vabs(m->rates[i][i])}); }
        return nm_stiff_spectrum<N>(tau, m->times, trace, m->det, nm_splat(0.0));
    } else {
        return nm_quick_spectrum<N>(tau, m->times, nm_splat(0.0));
    }
}
template <bool STIFF> long double random_time()
{
    return powl(10.0L, (STIFF ? 10.0L : 5.0L) * (long double)random_uniform() - (STIFF ? 6.0L : 2.0L));
}

/* Decaying modes, two of them a pair if HAS_PAIR. The slowest mode is found, nearly always with certainty if it is real,
 * and mostly if it is a pair. */
template <int N, bool STIFF, bool HAS_PAIR> void check_decaying()
{
    int n_certain = 0, n_real = 0, n_certain_pairs = 0, n_pairs = 0;
    double worst = 0.0;
    for (int round = 0; round < 20000 / NM_LANES; round++) {
        matrices m;
        nm_vec tau;
        double slowest[NM_LANES];
        bool is_pair[NM_LANES];
        for (int lane = 0; lane < NM_LANES; lane++) {
            long double re[N], im[N] = {};
            slowest[lane] = 0.0;
            is_pair[lane] = false;
            for (int i = 0; i < N; i++) { re[i] = -random_time<STIFF>(); }
            if (HAS_PAIR) {
                re[N - 1] = re[N - 2];
                im[N - 2] = fabsl(re[N - 2]) * powl(10.0L, 3.0L * (long double)random_uniform() - 1.0L);
                im[N - 1] = -im[N - 2];
            }
            for (int i = 0; i < N; i++) {
                const double time = (double)((re[i] * re[i] + im[i] * im[i]) / fabsl(re[i]));
                if (time > slowest[lane]) {
                    slowest[lane] = time;
                    is_pair[lane] = im[i] != 0.0L;
                }
            }
            build<N>(&m, lane, re, im);
        }
        const nm_mask certain = solve<N, STIFF>(&tau, &m);
        for (int lane = 0; lane < NM_LANES; lane++) {
            n_real += !is_pair[lane];
            n_pairs += is_pair[lane];
            if (!nm_get(certain, lane)) { continue; }
            n_certain_pairs += is_pair[lane];
            n_certain += !is_pair[lane];
            worst = fmax(worst, fabs(nm_get(tau, lane) / slowest[lane] - 1.0));
        }
    }
    printf("%d modes%s%s: %.1f %% of %d certain, %.1f %% of %d slowest pairs, worst relative error %.1e\n", N,
           HAS_PAIR ? ", two a pair" : "", STIFF ? ", stiff" : "", 100.0 * n_certain / fmax(n_real, 1), n_real,
           100.0 * n_certain_pairs / fmax(n_pairs, 1), n_pairs, worst);
    assert_true(worst < 1e-7); /* two equal roots are known to the root of the rounding only */
    assert_true(n_certain >= 0.97 * n_real);
    assert_true(n_real > 1000 || (HAS_PAIR && N == 2));
}

/* A growing mode, however small its share, or a growing pair is never called certain. */
template <int N, bool STIFF, bool HAS_PAIR> void check_growing()
{
    int n_wrong = 0;
    for (int round = 0; round < 20000 / NM_LANES; round++) {
        matrices m;
        nm_vec tau;
        for (int lane = 0; lane < NM_LANES; lane++) {
            long double re[N], im[N] = {};
            for (int i = 0; i < N; i++) { re[i] = -random_time<STIFF>(); }
            if (HAS_PAIR) { /* as little as a hundredth of its size */
                re[N - 1] = re[N - 2] = fabsl(re[N - 2]);
                im[N - 2] = re[N - 2] * powl(10.0L, 3.0L * (long double)random_uniform() - 1.0L);
                im[N - 1] = -im[N - 2];
            } else {
                re[0] = -re[0];
            }
            build<N>(&m, lane, re, im);
        }
        const nm_mask certain = solve<N, STIFF>(&tau, &m);
        for (int lane = 0; lane < NM_LANES; lane++) { n_wrong += nm_get(certain, lane); }
    }
    printf("%d modes, %s%s: %d called certain\n", N, HAS_PAIR ? "a growing pair" : "one growing", STIFF ? ", stiff" : "",
           n_wrong);
    assert_int_equal(n_wrong, 0);
}

/* Noise above the fastest mode takes the certainty away. */
void noise_takes_certainty_away(void **)
{
    nm_vec m[NM_QUICK_MODES][NM_QUICK_MODES], tau;
    for (int i = 0; i < NM_QUICK_MODES; i++) {
        for (int j = 0; j < NM_QUICK_MODES; j++) { m[i][j] = nm_splat(i == j ? -pow(10.0, i) : 0.0); }
    }
    assert_true(nm_all_of(nm_quick_spectrum<4>(&tau, m, nm_splat(0.5))));
    assert_true(nm_get(tau, 0) == 1000.0);
    assert_true(!nm_any_of(nm_quick_spectrum<4>(&tau, m, nm_splat(2.0))));
}

void slowest_of_real_modes(void **)
{
    check_decaying<1, false, false>();
    check_decaying<2, false, false>();
    check_decaying<3, false, false>();
    check_decaying<4, false, false>();
    check_decaying<3, true, false>();
    check_decaying<4, true, false>();
}

void fast_pairs_do_not_matter(void **)
{
    check_decaying<2, false, true>();
    check_decaying<3, false, true>();
    check_decaying<4, false, true>();
    check_decaying<2, true, true>();
    check_decaying<3, true, true>();
    check_decaying<4, true, true>();
}

void growing_modes_are_refused(void **)
{
    check_growing<2, false, false>();
    check_growing<3, false, false>();
    check_growing<4, false, false>();
    check_growing<3, true, false>();
    check_growing<4, true, false>();
}

void growing_pairs_are_refused(void **)
{
    check_growing<2, false, true>();
    check_growing<3, false, true>();
    check_growing<4, false, true>();
    check_growing<3, true, true>();
    check_growing<4, true, true>();
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slowest_of_real_modes),
        cmocka_unit_test(fast_pairs_do_not_matter),
        cmocka_unit_test(growing_modes_are_refused),
        cmocka_unit_test(growing_pairs_are_refused),
        cmocka_unit_test(noise_takes_certainty_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
