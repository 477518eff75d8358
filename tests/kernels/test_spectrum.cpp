/* Relaxation times from principal minors: matrices with known spectra, stable or not, real or complex. */
#include "kernel_test.h"

#include "spectrum.h"

namespace {

uint64_t rng = 20261125;
double random_uniform() { return random_between(&rng, 0.0, 1.0); }

/* M = S D S^-1 in long double, with S = random near the unit matrix and D given as 1 x 1 and 2 x 2 blocks */
template <int N> void build(nm_vec (*m)[NM_QUICK_MODES], int lane, const long double *re, const long double *im)
{
    long double s[N][2 * N], d[N][N] = {}, product[N][N];
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            s[i][j] = (i == j) + 0.4L * (long double)(random_uniform() - 0.5);
            s[i][N + j] = i == j;
        }
        d[i][i] = re[i];
        if (im[i] != 0.0L) { d[i][im[i] > 0.0L ? i + 1 : i - 1] = im[i]; }
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            product[i][j] = 0.0L;
            for (int k = 0; k < N; k++) { product[i][j] += s[i][k] * d[k][j]; }
        }
    }
    /* inverse of S by Gauss-Jordan */
    for (int k = 0; k < N; k++) {
        long double inverse = 1.0L / s[k][k];
        for (int j = 0; j < 2 * N; j++) { s[k][j] *= inverse; }
        for (int i = 0; i < N; i++) {
            if (i == k) { continue; }
            long double l = s[i][k];
            for (int j = 0; j < 2 * N; j++) { s[i][j] -= l * s[k][j]; }
        }
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            long double sum = 0.0L;
            for (int k = 0; k < N; k++) { sum += product[i][k] * s[k][N + j]; }
            nm_set(&m[i][j], lane, (double)sum);
        }
    }
}

/* Real decaying modes within five decades: the slowest is found, and nearly always with certainty. */
template <int N> void check_real()
{
    int n_certain = 0, n_all = 0;
    double worst = 0.0;
    for (int round = 0; round < 20000 / NM_LANES; round++) {
        nm_vec m[NM_QUICK_MODES][NM_QUICK_MODES], tau;
        double slowest[NM_LANES];
        for (int lane = 0; lane < NM_LANES; lane++) {
            long double re[N], im[N] = {};
            slowest[lane] = 0.0;
            for (int i = 0; i < N; i++) {
                re[i] = -powl(10.0L, 5.0L * (long double)random_uniform() - 2.0L);
                slowest[lane] = fmax(slowest[lane], (double)-re[i]);
            }
            build<N>(m, lane, re, im);
        }
        nm_mask certain = nm_quick_spectrum<N>(&tau, m, nm_splat(0.0));
        for (int lane = 0; lane < NM_LANES; lane++) {
            n_all++;
            if (!nm_get(certain, lane)) { continue; }
            n_certain++;
            worst = fmax(worst, fabs(nm_get(tau, lane) / slowest[lane] - 1.0));
        }
    }
    printf("%d real modes: %.1f %% certain, worst relative error %.1e\n", N, 100.0 * n_certain / n_all, worst);
    assert_true(worst < 1e-7); /* two equal roots are known to the root of the rounding only */
    assert_true(n_certain > 0.97 * n_all);
}

/* A growing mode, however small its share, or a complex pair is never called certain. */
template <int N> void check_refused(bool is_complex)
{
    static_assert(N >= 2, "a pair needs two modes");
    int n_wrong = 0, n_all = 0;
    for (int round = 0; round < 20000 / NM_LANES; round++) {
        nm_vec m[NM_QUICK_MODES][NM_QUICK_MODES], tau;
        for (int lane = 0; lane < NM_LANES; lane++) {
            long double re[N], im[N] = {};
            for (int i = 0; i < N; i++) { re[i] = -powl(10.0L, 3.0L * (long double)random_uniform()); }
            if (is_complex) {
                re[N - 1] = re[N - 2];
                im[N - 2] = 0.1L * fabsl(re[N - 2]) * (long double)(random_uniform() + 0.1);
                im[N - 1] = -im[N - 2];
            } else {
                re[0] = -re[0];
            }
            build<N>(m, lane, re, im);
        }
        nm_mask certain = nm_quick_spectrum<N>(&tau, m, nm_splat(0.0));
        for (int lane = 0; lane < NM_LANES; lane++) {
            n_all++;
            n_wrong += nm_get(certain, lane);
        }
    }
    printf("%d modes, %s: %d of %d called certain\n", N, is_complex ? "a complex pair" : "one growing", n_wrong, n_all);
    assert_true(n_wrong == 0);
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
    check_real<1>();
    check_real<2>();
    check_real<3>();
    check_real<4>();
}

void growing_modes_are_refused(void **)
{
    check_refused<2>(false);
    check_refused<3>(false);
    check_refused<4>(false);
}

void complex_pairs_are_refused(void **)
{
    check_refused<2>(true);
    check_refused<3>(true);
    check_refused<4>(true);
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slowest_of_real_modes),
        cmocka_unit_test(growing_modes_are_refused),
        cmocka_unit_test(complex_pairs_are_refused),
        cmocka_unit_test(noise_takes_certainty_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
