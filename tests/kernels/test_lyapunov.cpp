/* The slowest of many modes by a Lyapunov function: Markov networks with known spectra, driven rings, growing modes. */
#include "exact.h"
#include "kernel_test.h"

#include "lyapunov.h"

namespace {

uint64_t rng = 20261127;
double random_uniform() { return random_between(&rng, 0.0, 1.0); }

/* A Markov network of N + 1 states by its rates w[to][from], as the kernels see it: state 0 follows from the total, the
 * others are scaled by the roots of their stationary shares. */
template <int N> struct network {
    long double rates[N][N], times[N][N], g[N];
};
template <int N> void reduce(network<N> *net, const long double (*w)[N + 1])
{
    /* shares: the column of state 0 times the inverse of what leaves the others */
    long double inner[N][N], inverse[N][N], root[N + 1], out[N + 1] = {};
    for (int i = 0; i <= N; i++) {
        for (int j = 0; j <= N; j++) { out[j] += i == j ? 0.0L : w[i][j]; }
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) { inner[i][j] = i == j ? out[i + 1] : -w[i + 1][j + 1]; }
    }
    invert<N>(inverse, inner);
    root[0] = 1.0L;
    for (int i = 0; i < N; i++) {
        long double share = 0.0L;
        for (int j = 0; j < N; j++) { share += inverse[i][j] * w[j + 1][0]; }
        root[i + 1] = sqrtl(share);
    }
    for (int i = 0; i < N; i++) {
        net->g[i] = -root[i + 1] / root[0];
        for (int j = 0; j < N; j++) {
            net->rates[i][j] = ((i == j ? -out[i + 1] : w[i + 1][j + 1]) - w[i + 1][0]) * root[j + 1] / root[i + 1];
        }
    }
    invert<N>(net->times, net->rates);
}

/* what the lanes hold */
template <int N> struct lanes {
    nm_vec m[N][N], g[1][N], noise;
};
template <int N> void put(lanes<N> *all, int lane, const long double (*times)[N], const long double *g)
{
    double largest = 0.0;
    for (int i = 0; i < N; i++) {
        nm_set(&all->g[0][i], lane, g ? (double)g[i] : 0.0);
        for (int j = 0; j < N; j++) {
            nm_set(&all->m[i][j], lane, (double)times[i][j]);
            largest = fmax(largest, fabs((double)times[i][j]));
        }
    }
    nm_set(&all->noise, lane, 1e-14 * largest);
}
template <int N> nm_mask solve(nm_vec *tau, const lanes<N> *all)
{
    return nm_lyapunov_spectrum<N, 1>(tau, all->m, all->g, all->noise);
}

/* Ehrenfest's urn: N balls change sides at rate 1 each, so modes have the rates 2, 4, ..., 2 N (Kac 1947). Rings of equal
 * barriers: the slowest modes are the pair of one wave around, and 1/tau = (forth + back)(1 - cos(2 pi / (N + 1))). */
template <int N> void check_known()
{
    double worst = 0.0;
    for (int round = 0; round < 64; round++) {
        lanes<N> all;
        double exact[NM_LANES];
        nm_vec tau;
        for (int lane = 0; lane < NM_LANES; lane++) {
            long double w[N + 1][N + 1] = {};
            const bool is_urn = random_uniform() < 0.5;
            const long double forth = powl(10.0L, 6.0L * (long double)random_uniform() - 3.0L),
                              back = forth * (0.02L + (long double)random_uniform());
            for (int i = 0; i <= N; i++) {
                const int next = (i + 1) % (N + 1);
                if (is_urn && next > 0) {
                    w[next][i] = (long double)(N - i) * forth;
                    w[i][next] = (long double)next * forth;
                } else if (!is_urn) {
                    w[next][i] = forth;
                    w[i][next] = back;
                }
            }
            exact[lane] = (double)(is_urn ? 0.5L / forth : 1.0L / ((forth + back) * (1.0L - cosl(2.0L * M_PIl / (N + 1)))));
            network<N> net;
            reduce<N>(&net, w);
            put<N>(&all, lane, net.times, net.g);
        }
        assert_true(nm_all_of(solve<N>(&tau, &all)));
        for (int lane = 0; lane < NM_LANES; lane++) { worst = fmax(worst, fabs(nm_get(tau, lane) / exact[lane] - 1.0)); }
    }
    printf("%d modes, urns and even rings: worst relative error %.1e\n", N, worst);
    assert_true(worst < 1e-9);
}

/* magnitude of the largest eigenvalue, to a part in a thousand: the 4096th root of the norm of the 4096th power */
template <int N> long double spectral_radius(const long double (*m)[N])
{
    long double power[N][N], log_scale = 0.0L;
    memcpy(power, m, sizeof power);
    for (int k = 0; k < 12; k++) {
        long double next[N][N] = {}, norm = 0.0L;
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++) {
                for (int l = 0; l < N; l++) { next[i][j] += power[i][l] * power[l][j]; }
                norm = fmaxl(norm, fabsl(next[i][j]));
            }
        }
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++) { power[i][j] = next[i][j] / norm; }
        }
        log_scale = 2.0L * log_scale + logl(norm);
    }
    return expl(log_scale / 4096.0L);
}
/* characteristic polynomial of the rates */
template <int N> long double characteristic(const network<N> *net, long double rate)
{
    long double shifted[N][N];
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) { shifted[i][j] = net->rates[i][j] + (i == j ? rate : 0.0L); }
    }
    return invert<N>(nullptr, shifted);
}

/* Driven rings with a chord, barriers of 40 to 60 kJ/mol: a real tau is a root, and no eigenvalue is larger. */
template <int N> void check_rings()
{
    int n_certain = 0, n_roots = 0, n_all = 0;
    for (int round = 0; round < 512 / NM_LANES; round++) {
        lanes<N> all;
        network<N> net[NM_LANES];
        nm_vec tau;
        for (int lane = 0; lane < NM_LANES; lane++) {
            long double w[N + 1][N + 1] = {};
            for (int i = 0; i <= N + 1; i++) {
                const int from = i > N ? 0 : i, to = i > N ? N / 2 : (i + 1) % (N + 1);
                const long double rate = expl(-8.0L * (long double)random_uniform()),
                                  half = i ? 0.0L : 4.0L * (2.0L * (long double)random_uniform() - 1.0L);
                w[to][from] += rate * expl(half);
                w[from][to] += rate * expl(-half);
            }
            reduce<N>(&net[lane], w);
            put<N>(&all, lane, net[lane].times, net[lane].g);
        }
        const nm_mask certain = solve<N>(&tau, &all);
        for (int lane = 0; lane < NM_LANES; lane++) {
            n_all++;
            if (!nm_get(certain, lane)) { continue; }
            const long double rate = 1.0L / (long double)nm_get(tau, lane), radius = spectral_radius<N>(net[lane].times);
            const bool is_root = characteristic<N>(&net[lane], rate * (1.0L - 1e-9L)) *
                                     characteristic<N>(&net[lane], rate * (1.0L + 1e-9L)) <
                                 0.0L;
            n_certain++;
            n_roots += is_root;
            assert_true(radius * rate < 1.005L);
            assert_true(!is_root || radius * rate > 0.995L);
        }
    }
    printf("%d modes, driven rings: %d of %d certain, %d of them real\n", N, n_certain, n_all, n_roots);
    assert_true(n_certain >= 0.95 * n_all);
    assert_true(n_roots >= 0.75 * n_certain);
}

/* S D S^-1 with S near the unit matrix; D has one growing mode, however small, or a growing pair. */
template <int N> void check_growing()
{
    int n_wrong = 0, n_certain = 0;
    for (int round = 0; round < 4096 / NM_LANES; round++) {
        for (int grows = 0; grows < 3; grows++) {
            lanes<N> all;
            double exact[NM_LANES];
            nm_vec tau;
            for (int lane = 0; lane < NM_LANES; lane++) {
                long double s[N][N], back[N][N], d[N][N] = {}, times[N][N] = {};
                exact[lane] = 0.0;
                for (int i = 0; i < N; i++) {
                    for (int j = 0; j < N; j++) { s[i][j] = (i == j) + 0.1L * (long double)(random_uniform() - 0.5); }
                    d[i][i] = -powl(10.0L, 4.0L * (long double)random_uniform() - 2.0L);
                    exact[lane] = fmax(exact[lane], (double)-d[i][i]);
                }
                const int at = (int)(random_uniform() * (N - 1));
                if (grows == 1) { d[at][at] = -d[at][at]; }
                if (grows == 2) {
                    d[at + 1][at + 1] = d[at][at] *= -0.1L;
                    d[at][at + 1] = 10.0L * d[at][at];
                    d[at + 1][at] = -10.0L * d[at][at];
                }
                invert<N>(back, s);
                for (int i = 0; i < N; i++) {
                    for (int j = 0; j < N; j++) {
                        for (int k = 0; k < N; k++) {
                            for (int l = 0; l < N; l++) { times[i][j] += s[i][k] * d[k][l] * back[l][j]; }
                        }
                    }
                }
                put<N>(&all, lane, times, nullptr);
            }
            const nm_mask certain = solve<N>(&tau, &all);
            for (int lane = 0; lane < NM_LANES; lane++) {
                n_wrong += grows && nm_get(certain, lane);
                if (!grows && nm_get(certain, lane)) {
                    n_certain++;
                    assert_true(fabs(nm_get(tau, lane) / exact[lane] - 1.0) < 1e-7);
                }
            }
        }
    }
    printf("%d modes: %d of 8192 growing ones called certain, and %d of 4096 that decay\n", N, n_wrong, n_certain);
    assert_int_equal(n_wrong, 0);
    assert_true(n_certain > 400);
}

void known_spectra_come_back(void **)
{
    check_known<5>();
    check_known<7>();
    check_known<11>();
}
void driven_rings_are_certain(void **)
{
    check_rings<5>();
    check_rings<7>();
    check_rings<11>();
}
void growing_modes_are_refused(void **)
{
    check_growing<5>();
    check_growing<7>();
}

/* Where the iteration begins at two modes that know nothing of the slowest, what it finds is refused. */
void unseen_modes_are_refused(void **)
{
    nm_vec m[7][7], g[1][7], tau;
    for (int i = 0; i < 7; i++) {
        g[0][i] = nm_splat(0.0);
        for (int j = 0; j < 7; j++) { /* modes of 7 and 6 s, and of 5 x 2 s and 1e-3 s that all others share */
            m[i][j] = nm_splat(i < 2 || j < 2 ? (i == j) * (i - 7.0) : i == j ? -2.0008 : -1.9998);
        }
    }
    assert_true(!nm_any_of((nm_lyapunov_spectrum<7, 1>(&tau, m, g, nm_splat(1e-14)))));
    m[0][0] = nm_splat(-15.0);
    assert_true(nm_all_of((nm_lyapunov_spectrum<7, 1>(&tau, m, g, nm_splat(1e-14)))));
    assert_true(fabs(nm_get(tau, 0) / 15.0 - 1.0) < 1e-12);
}

/* Noise above the fastest mode takes the certainty away. */
void noise_takes_certainty_away(void **)
{
    nm_vec m[5][5], g[1][5], tau;
    for (int i = 0; i < 5; i++) {
        g[0][i] = nm_splat(0.0);
        for (int j = 0; j < 5; j++) { m[i][j] = nm_splat(i == j ? -pow(10.0, i) : 0.0); }
    }
    assert_true(nm_all_of((nm_lyapunov_spectrum<5, 1>(&tau, m, g, nm_splat(0.1)))));
    assert_true(fabs(nm_get(tau, 0) / 1e4 - 1.0) < 1e-12);
    assert_true(!nm_any_of((nm_lyapunov_spectrum<5, 1>(&tau, m, g, nm_splat(2.0)))));
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_spectra_come_back),
        cmocka_unit_test(driven_rings_are_certain),
        cmocka_unit_test(growing_modes_are_refused),
        cmocka_unit_test(unseen_modes_are_refused),
        cmocka_unit_test(noise_takes_certainty_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
