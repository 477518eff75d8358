/* Projections: the same words in any order and in any shares, bins by their definition, exact sums and quantiles.
 *
 * lanes: 1 */
#include "kernel_test.h"

#include <stdlib.h>

#include "nessmap/model_abi.h"

enum { N = 3000, N_SLOTS = 2, N_EDGES = 9 };

static double values[N_SLOTS * N], params[N], table[2 * N_SLOTS + 2 * N_EDGES];
static int8_t outcome[N];
static uint16_t flags[N];
static nm_projection projection;
static nm_task task;
static nm_tile points;

/* an output on a grid that meets edges, with gaps, far values and infinities; a parameter */
static void make_points()
{
    uint64_t seed = 7;
    for (int i = 0; i < N; i++) {
        const uint64_t word = random_word(&seed);
        values[i] = word % 11 == 0 ? NAN : word % 13 == 0 ? INFINITY : (double)(int)(word % 41) / 4.0 - 1.0;
        values[N + i] = word % 501 == 0 ? (word % 2 ? 1e9 : -1e9) : random_between(&seed, -1.0, 1.0);
        params[i] = random_between(&seed, 0.0, 8.0);
        outcome[i] = (int8_t)(word % NM_N_OUTCOMES);
    }
    const double scale[] = {4.0, 0x1p40, 0.0, 0x1p40};
    memcpy(table, scale, sizeof scale);
    for (int i = 0; i < N_EDGES; i++) {
        table[4 + i] = i;
        table[4 + N_EDGES + i] = i;
    }
    projection = {2, NM_KEEP_MOMENTS, 65, N_SLOTS, {{0, 8, 4}, {-1, 8, 4 + N_EDGES}, {0, 0, 0}}};
    nm_reduction *r = &task.reduction;
    r->n_slots = task.n_slots = N_SLOTS;
    task.n_stored = r->n_projections = 1;
    r->projections = &projection;
    r->table = table;
    r->first_extreme = N_SLOTS + 65 * (NM_N_OUTCOMES + 6 * N_SLOTS);
    r->n_words = r->first_extreme + 65 * 2 * N_SLOTS;
    points.n = N;
    points.values = values;
    points.params = params;
    points.outcome = outcome;
    points.flags = flags;
}

static int64_t *words_of_none()
{
    int64_t *words = (int64_t *)malloc((size_t)task.reduction.n_words * sizeof *words);
    nm_words_clear(words, &task.reduction);
    return words;
}

static void has_no_order(void **)
{
    make_points();
    const size_t bytes = (size_t)task.reduction.n_words * sizeof(int64_t);
    int64_t *whole = words_of_none(), *back = words_of_none(), *shares = words_of_none();
    nm_project(whole, &points, 0, N, &task);
    for (int i = N - 1; i >= 0; i--) {
        nm_project(back, &points, i, 1, &task);
    }
    assert_memory_equal(back, whole, bytes);
    const int starts[] = {2000, 1, 1500, 0, 2999, N};
    const int sizes[] = {999, 1499, 500, 1, 1, 0};
    for (int k = 0; k < 6; k++) {
        int64_t *share = words_of_none();
        nm_project(share, &points, starts[k], sizes[k], &task);
        nm_words_merge(shares, share, &task.reduction);
        free(share);
    }
    assert_memory_equal(shares, whole, bytes);
    free(whole);
    free(back);
    free(shares);
}

static void is_exact(void **)
{
    make_points();
    const int per_bin = NM_N_OUTCOMES + 6 * N_SLOTS;
    int64_t *words = words_of_none(), n_far = 0;
    nm_project(words, &points, 0, N, &task);
    for (int bin = 0; bin < 65; bin++) {
        int64_t n_points = 0;
        __int128 sum[N_SLOTS] = {}, squares[N_SLOTS] = {};
        int64_t n[N_SLOTS] = {};
        for (int i = 0; i < N; i++) {
            /* by definition: edges 0 to 8, the last one inclusive */
            const double x = values[i];
            const int at = x >= 0.0 && x <= 8.0 ? (x == 8.0 ? 7 : (int)x) : -1, other = (int)params[i];
            if ((at < 0 ? 64 : at * 8 + other) != bin) {
                continue;
            }
            n_points++;
            for (int s = 0; s < N_SLOTS; s++) {
                const double y = values[s * N + i], most = 0x1p48;
                if (isfinite(y)) {
                    double v = (y - table[2 * s]) * 0x1p40;
                    n_far += fabs(v) > most;
                    v = nearbyint(v > most ? most : v < -most ? -most : v);
                    sum[s] += (__int128)v;
                    squares[s] += (__int128)v * (__int128)v;
                    n[s]++;
                }
            }
        }
        const int64_t *word = words + N_SLOTS + bin * per_bin;
        for (int k = 0; k < NM_N_OUTCOMES; k++) {
            n_points -= word[k];
        }
        assert_int_equal(n_points, 0);
        for (int s = 0; s < N_SLOTS; s++) {
            const int64_t *of = word + NM_N_OUTCOMES + 6 * s;
            assert_int_equal(of[0], n[s]);
            assert_true((__int128)of[2] * ((__int128)1 << 32) + of[1] == sum[s]);
            assert_true(((__int128)of[5] << 64) + ((__int128)of[4] << 32) + of[3] == squares[s]);
        }
    }
    assert_true(n_far > 0);
    assert_int_equal(words[0] + words[1], n_far);
    free(words);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void finds_quantiles(void **)
{
    static double x[N], sorted[N];
    nm_reduction r = {};
    const double wanted[] = {0.001, 0.25, 0.5, 0.9, 0.9999};
    uint64_t seed = 3;
    r.n_quantiles = 5;
    memcpy(r.quantile, wanted, sizeof wanted);
    for (int n = 0; n < 400; n++) {
        double found[5];
        int m = 0;
        for (int i = 0; i < n; i++) {
            const uint64_t word = random_word(&seed);
            x[i] = word % 7 == 0 ? NAN : word % 3 == 0 ? (double)(word % 5) : random_between(&seed, -3.0, 3.0);
            if (isfinite(x[i])) {
                sorted[m++] = x[i];
            }
        }
        qsort(sorted, (size_t)m, sizeof *sorted, compare);
        nm_quantiles_of(found, x, n, &r);
        for (int q = 0; q < 5; q++) {
            const double rank = (m - 1) * wanted[q];
            const int k = (int)rank;
            if (m == 0) {
                assert_true(isnan(found[q]));
                continue;
            }
            const double a = sorted[k], b = sorted[k + 1 < m ? k + 1 : k], share = rank - k;
            const double exact = share >= 0.5 ? b - (b - a) * (1.0 - share) : a + (b - a) * share;
            assert_true(found[q] == exact);
        }
    }
}

static void cuts_evenly(void **)
{
    double edges[65];
    nm_random random = {NM_DIST_NORMAL, 0, 2.0, 3.0, 0.0, 0.0, 0.0};
    nm_edges_of_random(edges, 64, &random);
    assert_true(edges[0] == -INFINITY && edges[64] == INFINITY && edges[32] == 2.0);
    for (int i = 1; i < 64; i++) {
        assert_true(fabs(0.5 * erfc((2.0 - edges[i]) / (3.0 * sqrt(2.0))) - i / 64.0) < 1e-15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_no_order),
        cmocka_unit_test(is_exact),
        cmocka_unit_test(finds_quantiles),
        cmocka_unit_test(cuts_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
