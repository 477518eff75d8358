/* Trajectories of a molecule: random numbers, tables and statistics, each against another way to the same number. What
 * they say of models is a matter of tests/test_stochastic.py. */
#include "kernel_test.h"

#include "models/network.c"
#include "point.h"
#include "ssa.h"

namespace
{

uint64_t rng = 20261126;

enum { N = 4000 };
double S[N], jumps[N], passage[N];
int32_t net[N * NM_ROOM_STEPS];

/* in every lane the words of scalar Philox, and of other counters than its neighbours */
void test_uniforms(void **)
{
    for (int round = 0; round < 20000; round++) {
        const uint64_t seed = random_word(&rng), index = random_word(&rng);
        nm_ivec tag = nm_isplat(0), block = nm_isplat(0);
        nm_vec u, v;
        for (int lane = 0; lane < NM_LANES; lane++) {
            nm_set_int(&tag, lane, nm_walk_tag(NM_TAG_EVENTS, (int64_t)(random_word(&rng) >> 40)));
            nm_set_int(&block, lane, (int64_t)(random_word(&rng) >> 32));
        }
        nm_two_uniforms(&u, &v, seed, index, tag, block);
        for (int lane = 0; lane < NM_LANES; lane++) {
            const nm_words w = nm_philox(seed, index, (uint32_t)nm_get_int(tag, lane), (uint32_t)nm_get_int(block, lane));
            assert_true(nm_get(u, lane) == nm_uniform(w.w[0], w.w[1]));
            assert_true(nm_get(v, lane) == nm_uniform(w.w[2], w.w[3]));
        }
    }
}

template <int SIZE> void check_lookup()
{
    double table[SIZE + 8];
    int64_t whole[SIZE + 8];
    for (int i = 0; i < SIZE; i++) {
        table[i] = random_between(&rng, -1.0, 1.0);
        whole[i] = (int64_t)random_word(&rng);
    }
    for (int round = 0; round < 1000; round++) {
        nm_ivec at = nm_isplat(0);
        for (int lane = 0; lane < NM_LANES; lane++) {
            nm_set_int(&at, lane, (int64_t)(random_word(&rng) % SIZE));
        }
        const nm_vec x = nm_lookup<SIZE>(table, at);
        const nm_ivec i = nm_lookup<SIZE>(whole, at);
        for (int lane = 0; lane < NM_LANES; lane++) {
            assert_true(nm_get(x, lane) == table[nm_get_int(at, lane)]);
            assert_true(nm_get_int(i, lane) == whole[nm_get_int(at, lane)]);
        }
    }
}
void test_lookups(void **)
{
    check_lookup<1>();
    check_lookup<2>();
    check_lookup<7>();
    check_lookup<8>();
    check_lookup<9>();
    check_lookup<16>();
    check_lookup<17>();
    check_lookup<60>();
}

/* every way out of a state leads out of it, none is missing, and each turn has its reversal */
void test_tables(void **)
{
    int n_exits = 0;
    for (int i = 0; i < NM_N_WALK; i++) {
        for (int k = 0; k < nm_exit_table.n[i]; k++, n_exits++) {
            const int64_t code = nm_exit_table.code[k * NM_ROOM_WALK + i], jump = code / 64;
            assert_int_equal(nm_walk_end((int)jump / 2, (int)jump % 2), i);
            assert_int_equal(nm_walk_end((int)jump / 2, 1 - (int)jump % 2), code % 64);
        }
    }
    assert_int_equal(n_exits, 2 * NM_NJ);
    /* 0 and 2 meet three edges, 1 and 3 two */
    assert_int_equal(nm_turn_table.n, 3 + 1 + 3 + 1);
    int n_turns = 0;
    for (int before = 0; before < NM_N_JUMPS; before++) {
        for (int after = 0; after < NM_N_JUMPS; after++) {
            const int turn = nm_turn_numbers.of[before][after];
            const bool meets = nm_walk_end(before / 2, 1 - before % 2) == nm_walk_end(after / 2, after % 2);
            assert_int_equal(turn >= 0, meets && before / 2 != after / 2);
            if (turn >= 0) {
                assert_int_equal(nm_turn_numbers.of[after ^ 1][before ^ 1], turn ^ 1);
                n_turns++;
            }
        }
    }
    assert_int_equal(n_turns, 2 * nm_turn_table.n);
}

typedef __float128 quad; /* 113 bits: plain elimination loses what it likes */

/* variance rate of the jumps by pathway `counted` by dense elimination with pivots */
double exact_variance(const quad *forth, const quad *back, int counted)
{
    enum { M = NM_N_WALK };
    quad W[M][M] = {}, a[M][M + 1], p[M], q[M], mean = 0, variance = 0;
    for (int e = 0; e < NM_N_STEPS; e++) {
        const int i = nm_walk_end(e, 0), j = nm_walk_end(e, 1);
        W[j][i] += forth[e];
        W[i][i] -= forth[e];
        W[i][j] += back[e];
        W[j][j] -= back[e];
    }
    const int from = nm_walk_end(counted, 0), to = nm_walk_end(counted, 1);
    for (int pass = 0; pass < 2; pass++) {
        /* the last balance says nothing new; in its place, the sum: 1 of p, 0 of q */
        for (int i = 0; i < M; i++) {
            for (int j = 0; j < M; j++) {
                a[i][j] = i == M - 1 ? (quad)1 : W[i][j];
            }
            a[i][M] = pass == 0 ? (quad)(i == M - 1) : i == M - 1 ? (quad)0 : mean * p[i];
            if (pass == 1 && i < M - 1) {
                a[i][M] += i == from ? back[counted] * p[to] : i == to ? -forth[counted] * p[from] : (quad)0;
            }
        }
        for (int k = 0; k < M; k++) {
            int best = k;
            for (int i = k + 1; i < M; i++) {
                const quad x = a[i][k] < 0 ? -a[i][k] : a[i][k], y = a[best][k] < 0 ? -a[best][k] : a[best][k];
                best = x > y ? i : best;
            }
            for (int j = 0; j <= M; j++) {
                const quad t = a[k][j];
                a[k][j] = a[best][j];
                a[best][j] = t;
            }
            for (int i = 0; i < M; i++) {
                const quad l = i == k ? (quad)0 : a[i][k] / a[k][k];
                for (int j = k; j <= M; j++) {
                    a[i][j] -= l * a[k][j];
                }
            }
        }
        for (int i = 0; i < M; i++) {
            (pass == 0 ? p : q)[i] = a[i][M] / a[i][i];
        }
        if (pass == 0) {
            mean = forth[counted] * p[from] - back[counted] * p[to];
            variance = forth[counted] * p[from] + back[counted] * p[to];
        }
    }
    return (double)(variance + 2 * (forth[counted] * q[from] - back[counted] * q[to]));
}

/* the variance of a current where states are rare and rates lie ten decades apart */
void test_variance(void **)
{
    double worst = 0.0;
    for (int round = 0; round < 3000; round++) {
        nm_walk w;
        nm_vec rate[NM_ROOM_WALK][NM_ROOM_WALK] = {}, leaves[NM_ROOM_WALK], counts[NM_ROOM_STEPS] = {};
        const int counted = (int)(random_word(&rng) % NM_N_STEPS);
        for (int e = 0; e < NM_N_STEPS; e++) {
            for (int lane = 0; lane < NM_LANES; lane++) {
                nm_set(&w.forth[e], lane, exp(random_between(&rng, -12.0, 12.0)));
                nm_set(&w.back[e], lane, exp(random_between(&rng, -12.0, 12.0)));
            }
            const int i = nm_walk_end(e, 0), j = nm_walk_end(e, 1);
            rate[i][j] = rate[i][j] + w.forth[e];
            rate[j][i] = rate[j][i] + w.back[e];
        }
        nm_eliminate<NM_ROOM_WALK>(rate, leaves);
        const nm_vec all = nm_stationary_shares<NM_ROOM_WALK>(w.p, rate);
        for (int i = 0; i < NM_N_WALK; i++) {
            w.p[i] = w.p[i] / all;
        }
        counts[counted] = nm_splat(1.0);
        const nm_vec variance = nm_variance_rate(&w, rate, leaves, counts);
        for (int lane = 0; lane < NM_LANES; lane++) {
            quad forth[NM_N_STEPS], back[NM_N_STEPS];
            for (int e = 0; e < NM_N_STEPS; e++) {
                forth[e] = nm_get(w.forth[e], lane);
                back[e] = nm_get(w.back[e], lane);
            }
            /* jumps to and fro cancel each other: what is left of them has their rounding */
            const int i = nm_walk_end(counted, 0), j = nm_walk_end(counted, 1);
            const double ways = nm_get(w.forth[counted] * w.p[i] + w.back[counted] * w.p[j], lane);
            const double exact = exact_variance(forth, back, counted);
            worst = fmax(worst, fabs(nm_get(variance, lane) - exact) / (exact + 1e-3 * ways));
        }
    }
    print_message("variance rates differ from those of 113 bits by %.1e of them and of 1e-3 of the jumps\n", worst);
    assert_true(worst < 1e-9); /* the tolerance of golden cases */
}

struct outputs { /* a sink of all outputs */
    double value[NM_N_OUTPUTS];
    bool wants(int) const { return true; }
    void put(int number, double x) { value[number] = x; }
};

void near(const char *what, double x, long double exact, double tolerance)
{
    if (!(fabsl(x - exact) <= tolerance * (1.0L + fabsl(exact)))) {
        fail_msg("%s: %.17g, exactly %.17Lg", what, x, exact);
    }
}

/* Statistics of made up trajectories against their definitions in long double; errors by leaving each trajectory out in
 * turn (jackknife), which agrees with influences to order 1/n. */
void test_statistics(void **)
{
    const int cycle = 2, e = 1;
    nm_walk_set set = {};
    set.window = 2.5;
    nm_trajectories from = {S, jumps, passage, net, 1, NULL};
    nm_stochastic wanted = {N, cycle, 2.5, HUGE_VAL, HUGE_VAL, 0.25};
    long double sum_n = 0.0L, sum_n2 = 0.0L, sum_S = 0.0L, sum_ift = 0.0L, sum_t = 0.0L;
    const long double n_all = (long double)N;
    int bins[NM_SSA_BINS] = {0};
    for (int r = 0; r < N; r++) {
        S[r] = random_between(&rng, -2.0, 4.0) * random_between(&rng, 0.0, 2.0);
        jumps[r] = (double)(random_word(&rng) % 50);
        passage[r] = -log(random_between(&rng, 1e-9, 1.0));
        for (int k = 0; k < NM_N_STEPS; k++) {
            net[r * NM_N_STEPS + k] = (int32_t)(random_word(&rng) % 9) - 2 - k;
        }
        const long double n = net[r * NM_N_STEPS + e];
        sum_n += n;
        sum_n2 += n * n;
        sum_S += S[r];
        sum_ift += expl(-S[r]);
        sum_t += passage[r];
        int bin = 17;
        while (bin > 0 && S[r] < (bin - 17) * 0.25) {
            bin--;
        }
        while (bin < NM_SSA_BINS - 1 && S[r] >= (bin - 16) * 0.25) {
            bin++;
        }
        bins[bin]++;
    }
    outputs out;
    nm_walk_statistics(&out, &set, &from, &wanted);
    const long double mean = sum_n / n_all, var = (sum_n2 - sum_n * mean) / (n_all - 1), S_mean = sum_S / n_all;
    near("rate", out.value[NM_OUT_ssa_rate + e], mean / 2.5L, 1e-12);
    near("its error", out.value[NM_OUT_ssa_rate_se + e], sqrtl(var / n_all) / 2.5L, 1e-12);
    near("variance", out.value[NM_OUT_ssa_var + e], var / 2.5L, 1e-12);
    near("fano", out.value[NM_OUT_ssa_fano + e], var / mean, 1e-12);
    near("uncertainty", out.value[NM_OUT_ssa_tur + e], var * S_mean / (mean * mean), 1e-12);
    near("sigma", out.value[NM_OUT_ssa + NM_SSA_ssa_sigma], S_mean / 2.5L, 1e-12);
    near("integral", out.value[NM_OUT_ssa + NM_SSA_ssa_ift], sum_ift / n_all, 1e-12);
    near("passage", out.value[NM_OUT_ssa + NM_SSA_ssa_fpt], sum_t / n_all, 1e-12);
    near("done", out.value[NM_OUT_ssa + NM_SSA_ssa_fpt_done], 1.0L, 0.0);
    for (int i = 0; i < NM_SSA_BINS; i++) {
        assert_true(out.value[NM_OUT_ssa_hist + i] == bins[i]);
    }

    /* jackknife of the products, from sums with one trajectory less */
    long double about[3] = {0.0L, 0.0L, 0.0L}, error[3] = {0.0L, 0.0L, 0.0L};
    for (int pass = 0; pass < 2; pass++) {
        for (int r = 0; r < N; r++) {
            const long double n = net[r * NM_N_STEPS + e], m = (sum_n - n) / (n_all - 1);
            const long double v = (sum_n2 - n * n - (sum_n - n) * m) / (n_all - 2), s = (sum_S - S[r]) / (n_all - 1);
            const long double estimate[3] = {v, v / m, v * s / (m * m)};
            for (int k = 0; k < 3; k++) {
                if (pass == 0) {
                    about[k] += estimate[k] / n_all;
                } else {
                    error[k] += (estimate[k] - about[k]) * (estimate[k] - about[k]);
                }
            }
        }
    }
    const double errors[3] = {out.value[NM_OUT_ssa_var_se + e] * 2.5, out.value[NM_OUT_ssa_fano_se + e],
                              out.value[NM_OUT_ssa_tur_se + e]};
    for (int k = 0; k < 3; k++) {
        const double jackknife = (double)sqrtl(error[k] * (n_all - 1) / n_all);
        if (!(fabs(errors[k] / jackknife - 1.0) < 3.0 / (double)N)) {
            fail_msg("error %d: %.12g, by jackknife %.12g", k, errors[k], jackknife);
        }
    }

    /* the slope: where the score of the logistic likelihood is zero, by bisection */
    long double low = -20.0L, high = 20.0L, information = 0.0L;
    for (int step = 0; step < 90; step++) {
        const long double c = (low + high) / 2;
        long double score = 0.0L;
        information = 0.0L;
        for (int r = 0; r < N; r++) {
            const long double size = fabsl(S[r]), share = 1.0L / (1.0L + expl(-c * size));
            score += ((S[r] > 0.0) - share) * size;
            information += size * size * share * (1.0L - share);
        }
        (score > 0.0L ? low : high) = c;
    }
    near("slope", out.value[NM_OUT_ssa + NM_SSA_ssa_slope], low, 1e-9);
    near("its error", out.value[NM_OUT_ssa + NM_SSA_ssa_slope_se], 1.0L / sqrtl(information), 1e-9);

    /* no slope where all signs are alike, no mean where a passage was given up */
    for (int r = 0; r < N; r++) {
        S[r] = fabs(S[r]) + 0.1;
    }
    passage[7] = NM_NAN;
    nm_walk_statistics(&out, &set, &from, &wanted);
    assert_true(isnan(out.value[NM_OUT_ssa + NM_SSA_ssa_slope]));
    assert_true(isnan(out.value[NM_OUT_ssa + NM_SSA_ssa_fpt]));
    near("done", out.value[NM_OUT_ssa + NM_SSA_ssa_fpt_done], 1.0L - 1.0L / n_all, 1e-15);
}

} // namespace

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uniforms), cmocka_unit_test(test_lookups),    cmocka_unit_test(test_tables),
        cmocka_unit_test(test_variance),   cmocka_unit_test(test_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
