/* Index -> parameters: Philox against known answers and foreign code, quantiles, axes, moments.
 *
 * lanes: 16 8 1 */
#include "kernel_test.h"

#include "draw.h"

#ifdef NM_HAS_CURAND
#include "curand_words.h"
#endif
#ifdef NM_HAS_RANDOM123
#include "random123_words.h"
#endif

namespace
{

void philox_gives_the_known_answers(void **)
{
    static const struct {
        uint64_t seed, index;
        uint32_t words[16];
    } known[] = {
        {0,
         0,
         {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8, 0xf8e4cca4, 0x5cb200db, 0xb1a574eb,
          0x097eff67, 0x04faa329, 0x51c732a6, 0x241513ad, 0x459135e4, 0xc990ef29, 0x6a4474a6,
          0x9ac9134f, 0x6d413e04}},
        {0,
         1,
         {0x844515e1, 0xf08d6eaa, 0x0f19c053, 0x83f875f0, 0xca7cf69e, 0xd9c77ded, 0x7e66d954,
          0x6d658f40, 0xc5fa1393, 0xbe4bbd74, 0x357557cc, 0xa9b66da0, 0x22686e8f, 0xa003a1da,
          0x50f1eac8, 0x33c36e5e}},
        {20240607,
         0,
         {0xe01a407a, 0xd34a311b, 0x50e2fb25, 0x08a78c12, 0x82344648, 0x9710b1b1, 0xed26308e,
          0x0eec6054, 0x271b7f3c, 0x72e5c0bf, 0x7cb03863, 0x13c74344, 0x134a6d48, 0x9d6a5cd2,
          0x6bb8bdcf, 0x2f711494}},
        {20240607,
         12345678901,
         {0x55fbe92c, 0xe16fdaee, 0x0f387e5a, 0x150206d5, 0x18f5cd08, 0x1ad4089c, 0xc1be6188,
          0xb08b3af4, 0x194a27f2, 0xc8a7d03b, 0x07e04d68, 0x662a9883, 0x34fc4ae4, 0x541e50d0,
          0x3760e9e4, 0xaebecd71}},
        {0xDEADBEEFCAFEF00D,
         3,
         {0x6e10863b, 0x5f0a1083, 0xaf7c0947, 0xa890a041, 0x3b146ba0, 0xbf637896, 0xf0a55bbe,
          0xdcc0c290, 0xe3e039b4, 0x74c0c416, 0x1a456cdb, 0x3bfe4cbc, 0xfe9b5673, 0x7c9ec891,
          0x2ce40a91, 0x29d57b9c}},
    };
    for (const auto &k : known) {
        for (uint32_t block = 0; block < 4; block++) {
            nm_words w = nm_philox(k.seed, k.index, 0, block);
            for (int i = 0; i < 4; i++) {
                assert_int_equal(w.w[i], k.words[4 * block + i]);
            }
        }
    }
    /* the known answers of Random123, whose counter and key are free in every word */
    static const struct {
        uint32_t counter[4], key[2], words[4];
    } answers[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (const auto &a : answers) {
        nm_words w =
            nm_philox((uint64_t)a.key[1] << 32 | a.key[0],
                      (uint64_t)a.counter[3] << 32 | a.counter[2], a.counter[1], a.counter[0]);
        assert_memory_equal(w.w, a.words, sizeof a.words);
    }
}

#ifdef NM_HAS_CURAND
void curand_gives_the_same_words(void **)
{
    uint64_t state = 7;
    for (int i = 0; i < 1000000; i++) {
        uint64_t seed = random_word(&state),
                 index = random_word(&state) >> (random_word(&state) % 64);
        uint32_t block = (uint32_t)(random_word(&state) >> (32 + random_word(&state) % 32)),
                 words[4];
        /* a larger tag leaves the 64 bits of cuRAND's offset */
        uint32_t tag = (uint32_t)(random_word(&state) >> (34 + random_word(&state) % 30));
        curand_words(words, seed, index, 4 * (uint64_t)block + ((uint64_t)tag << 34));
        nm_words w = nm_philox(seed, index, tag, block);
        assert_memory_equal(w.w, words, sizeof words);
    }
}
#endif

#ifdef NM_HAS_RANDOM123
void random123_gives_the_same_words(void **)
{
    uint64_t state = 8;
    for (int i = 0; i < 1000000; i++) {
        uint64_t key = random_word(&state), index = random_word(&state), low = random_word(&state);
        uint32_t words[4];
        random123_words(words, key, low, index);
        nm_words w = nm_philox(key, index, (uint32_t)(low >> 32), (uint32_t)low);
        assert_memory_equal(w.w, words, sizeof words);
    }
}
#endif

void uniforms_are_exact_and_open(void **)
{
    assert_true(nm_uniform(0, 0) == 0x1p-53);
    assert_true(nm_uniform(0xffffffff, 0xffffffff) == 1.0 - 0x1p-53);
    assert_true(nm_uniform(0x800, 0) == 0x1p-53); /* the last bit is always set */
    assert_true(nm_uniform(0x1000, 0) == 3 * 0x1p-53);
    assert_true(nm_uniform(0, 0x80000000) == 0.5 + 0x1p-53);
    uint64_t state = 9;
    for (int i = 0; i < 100000; i++) {
        uint64_t w = random_word(&state);
        if (i % 4 == 0) {
            w >>= random_word(&state) % 64;
        }
        double u = nm_uniform((uint32_t)w, (uint32_t)(w >> 32));
        assert_true(u > 0.0 && u < 1.0 && 1.0 - (1.0 - u) == u);
        assert_true(u == (double)((w >> 11) | 1) / 9007199254740992.0);
    }
    /* dimension d is half of block d/2; seed 0, words 0..3 of the known answer */
    assert_true(nm_draw_uniform(0, 0, 0, 0) == nm_uniform(0x6627e8d5, 0xe169c58d));
    assert_true(nm_draw_uniform(0, 0, 0, 1) == nm_uniform(0xbc57ac4c, 0x9b00dbd8));
    assert_true(nm_draw_uniform(0, 0, 0, 2) == nm_uniform(0xf8e4cca4, 0x5cb200db));
    assert_true(nm_draw_uniform(0, 0, 0, 7) == nm_uniform(0x9ac9134f, 0x6d413e04));
}

/* x of P(x) = u by Newton on erfcl, from the smaller tail */
long double exact_quantile(double u)
{
    long double tail = u < 0.5 ? (long double)u : 1.0L - (long double)u;
    long double x =
        u < 0.5 ? -(long double)nm_normal_quantile(u) : (long double)nm_normal_quantile(u);
    for (int i = 0; i < 4; i++) {
        long double density = expl(-0.5L * x * x) * 0.39894228040143267793994605993438187L;
        x += (0.5L * erfcl(x * 0.70710678118654752440084436210484904L) - tail) / density;
    }
    return u < 0.5 ? -x : x;
}

void the_normal_quantile_is_right(void **)
{
    assert_true(nm_normal_quantile(0.5) == 0.0);
    assert_true(nm_normal_quantile(0.975) == 0x1.f5c0331eeff82p+0); /* golden bits */
    assert_true(nm_normal_quantile(1e-10) == -0x1.97203597a2154p+2);
    uint64_t state = 10;
    double worst = 0.0, at = 0.0, last = -HUGE_VAL;
    for (int i = 0; i < 100000; i++) {
        double u =
            i % 2 ? random_between(&state, 0.0, 1.0) : exp2(random_between(&state, -53.0, -1.0));
        if (i % 4 == 2) {
            u = 1.0 - u;
        }
        if (i < 12) {
            u = i < 6 ? 0x1p-53 * (1 + i) : 0.5 + (i - 8.5) * 0.17;
        } /* ends, and near the seams of the method */
        if (u <= 0.0 || u >= 1.0) {
            continue;
        }
        long double exact = exact_quantile(u);
        double error = (double)(fabsl(nm_normal_quantile(u) - exact) / fabsl(exact));
        if (u != 0.5 && error > worst) {
            worst = error;
            at = u;
        }
        assert_true(nm_normal_quantile(1.0 - u) == -nm_normal_quantile(u) || 1.0 - (1.0 - u) != u);
    }
    printf("normal quantile: worst relative error %.2e at %a\n", worst, at);
    assert_true(worst < 1e-15);
    for (int i = 1; i < 20000; i++) { /* it grows */
        double x = nm_normal_quantile(i / 20000.0);
        assert_true(x > last);
        last = x;
    }
}

nm_axis make_axis(int scale, int64_t n, double low, double high)
{
    nm_axis axis;
    memset(&axis, 0, sizeof axis);
    axis.scale = scale;
    axis.n = n;
    axis.low = low;
    axis.high = high;
    nm_prepare_axis(&axis);
    return axis;
}

void axes_end_exactly_and_grow(void **)
{
    uint64_t state = 12;
    for (int round = 0; round < 200; round++) {
        double low = exp(random_between(&state, -30.0, 10.0)),
               high = low * (1.0 + exp(random_between(&state, -10.0, 10.0)));
        int64_t n = 2 + (int64_t)(random_word(&state) % 2000);
        for (int scale = NM_AXIS_LINEAR; scale <= NM_AXIS_LOG; scale++) {
            nm_axis axis = make_axis(scale, n, low, high);
            assert_true(nm_axis_point(&axis, 0) == low && nm_axis_point(&axis, n - 1) == high);
            double last = low;
            for (int64_t i = 1; i < n; i++) {
                double x = nm_axis_point(&axis, i), u = (double)i / (double)(n - 1);
                double wanted =
                    scale == NM_AXIS_LOG ? low * pow(high / low, u) : low + u * (high - low);
                assert_true(x > last);
                assert_true(fabs(x - wanted) <=
                            1e-14 * wanted * (1.0 + fabs(log(low)) + fabs(log(high))));
                last = x;
            }
        }
        nm_axis down = make_axis(NM_AXIS_LOG, n, high, low);
        assert_true(nm_axis_point(&down, 0) == high && nm_axis_point(&down, n - 1) == low);
        for (int64_t i = 1; i < n; i++) {
            assert_true(nm_axis_point(&down, i) < nm_axis_point(&down, i - 1));
        }
    }
    nm_axis one = make_axis(NM_AXIS_LOG, 1, 3.0, 3.0);
    assert_true(nm_axis_point(&one, 0) == 3.0);
    const double list[] = {5.0, -1.0, 2.5};
    nm_axis listed = make_axis(NM_AXIS_LIST, 3, 5.0, 2.5);
    listed.values = list;
    for (int i = 0; i < 3; i++) {
        assert_true(nm_axis_point(&listed, i) == list[i]);
    }
}

const int N_DIST = 5;
const double N_MOMENTS = 100000.0;

/* parameters 0..4 by the five distributions, 5 and 6 along axes, 7 tied, 8 from a column */
void make_draw(nm_draw *draw, const double *column, int64_t n_points)
{
    memset(draw, 0, sizeof *draw);
    draw->seed = 42;
    draw->n_points = n_points;
    draw->n_draws = 10;
    draw->n_params = 9;
    draw->n_random = N_DIST;
    const nm_random dists[N_DIST] = {{NM_DIST_UNIFORM, 0, -2.0, 3.0, 0.0, 0.0, 0.0},
                                     {NM_DIST_LOGUNIFORM, 1, 1e-3, 1e2, 0.0, 0.0, 0.0},
                                     {NM_DIST_NORMAL, 2, 5.0, 2.0, 0.0, 0.0, 0.0},
                                     {NM_DIST_LOGNORMAL, 3, 0.5, 0.25, 0.0, 0.0, 0.0},
                                     {NM_DIST_TRIANGULAR, 4, 1.0, 5.0, 2.0, 0.0, 0.0}};
    memcpy(draw->random, dists, sizeof dists);
    draw->n_axes = 2;
    draw->axis[0] = make_axis(NM_AXIS_LINEAR, 4, 0.0, 3.0);
    draw->axis[0].param = 5;
    draw->axis[1] = make_axis(NM_AXIS_LOG, 5, 1.0, 16.0);
    draw->axis[1].param = 6;
    draw->n_ties = 1;
    draw->tie[0].param = 7;
    draw->tie[0].constant = 150.0;
    draw->tie[0].n_terms = 2;
    draw->tie[0].term[0] = 5;
    draw->tie[0].coef[0] = -1.0;
    draw->tie[0].term[1] = 8;
    draw->tie[0].coef[1] = 2.0;
    nm_prepare_draw(draw);
    if (column) {
        draw->n_columns = 1;
        draw->column_param[0] = 8;
        draw->column[0] = column;
    }
}

void a_point_depends_on_its_index_alone(void **)
{
    enum { N = 200 };
    static double column[N], points[N][9];
    static nm_draw draw;
    for (int i = 0; i < N; i++) {
        column[i] = 0.125 * i;
    }
    make_draw(&draw, column, N);
    for (int i = 0; i < N; i++) {
        nm_draw_point(&draw, i, points[i]);
    }
    uint64_t state = 13;
    for (int round = 0; round < 2000; round++) {
        int i = (int)(random_word(&state) % N);
        double p[9];
        for (double &x : p) {
            x = random_between(&state, -1.0, 1.0);
        } /* what was there must not matter */
        nm_draw_point(&draw, i, p);
        assert_memory_equal(p, points[i], sizeof p);
    }
    for (int i = 0; i < N; i++) { /* the first axis is the slowest; ten draws lie in a cell */
        int cell = i / 10;
        assert_true(points[i][5] == cell / 5);
        assert_true(fabs(points[i][6] - exp2(cell % 5)) < 1e-13);
        assert_true(points[i][8] == column[i]);
        assert_true(points[i][7] == 150.0 - points[i][5] + 2.0 * column[i]);
        for (int r = 0; r < N_DIST; r++) {
            assert_true(points[i][r] ==
                        nm_quantile(&draw.random[r], nm_draw_uniform(42, (uint64_t)i, 0, r)));
        }
    }
}

/* every sequence, indices in no order and beyond 2^32, a grid, a table and a tie */
void lanes_draw_what_single_points_are(void **)
{
    enum { N = 1 << 12, ROUNDS = 500 };
    static double column[N];
    static nm_draw draw;
    for (int i = 0; i < N; i++) {
        column[i] = 0.125 * i;
    }
    uint64_t state = 17;
    for (int sequence = NM_SEQUENCE_RANDOM; sequence <= NM_SEQUENCE_SOBOL; sequence++) {
        for (int is_large = 0; is_large < 2; is_large++) {
            make_draw(&draw, is_large ? NULL : column, N);
            draw.sequence = sequence;
            draw.group = draw.n_replicates = 1;
            draw.n_draws = draw.n_points = !is_large                         ? N
                                           : sequence == NM_SEQUENCE_RANDOM ? (int64_t)1 << 50
                                                                            : (int64_t)1 << 20;
            draw.n_axes = is_large || sequence != NM_SEQUENCE_RANDOM ? 0 : draw.n_axes;
            draw.n_draws = draw.n_axes > 0 ? 10 : draw.n_draws;
            for (int round = 0; round < ROUNDS; round++) {
                nm_vec lanes[9];
                int64_t index[NM_LANES];
                for (nm_vec &x : lanes) {
                    x = nm_splat(-1.0);
                }
                for (int lane = 0; lane < NM_LANES; lane++) {
                    index[lane] = (int64_t)(random_word(&state) % (uint64_t)draw.n_points);
                }
                nm_draw_lanes(&draw, index, lanes);
                for (int lane = 0; lane < NM_LANES; lane++) {
                    double p[9] = {-1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0};
                    nm_draw_point(&draw, index[lane], p);
                    for (int i = 0; i < 9; i++) {
                        assert_true(nm_get(lanes[i], lane) == p[i]);
                    }
                }
            }
        }
    }
}

void distributions_have_their_moments(void **)
{
    static nm_draw draw;
    make_draw(&draw, NULL, (int64_t)N_MOMENTS);
    /* of x, and of ln x for the two that are declared in logarithms */
    const double width = log(1e2) - log(1e-3);
    const double mean[N_DIST] = {0.5, log(1e-3) + 0.5 * width, 5.0, 0.5, 8.0 / 3.0};
    const double variance[N_DIST] = {25.0 / 12.0, width * width / 12.0, 4.0, 0.0625,
                                     (1.0 + 25.0 + 4.0 - 5.0 - 2.0 - 10.0) / 18.0};
    const double low[N_DIST] = {-2.0, log(1e-3), -HUGE_VAL, -HUGE_VAL, 1.0},
                 high[N_DIST] = {3.0, log(1e2), HUGE_VAL, HUGE_VAL, 5.0};
    double sum[N_DIST] = {0}, square[N_DIST] = {0}, cross[N_DIST][N_DIST] = {{0}}, p[9];
    for (int64_t i = 0; i < (int64_t)N_MOMENTS; i++) {
        nm_draw_point(&draw, i, p);
        double z[N_DIST];
        for (int r = 0; r < N_DIST; r++) {
            double x = r == 1 || r == 3 ? log(p[r]) : p[r];
            assert_true(x >= low[r] - 1e-12 && x <= high[r] + 1e-12);
            z[r] = (x - mean[r]) / sqrt(variance[r]);
            sum[r] += z[r];
            square[r] += z[r] * z[r];
            for (int s = 0; s < r; s++) {
                cross[r][s] += z[r] * z[s];
            }
        }
    }
    for (int r = 0; r < N_DIST; r++) { /* five standard errors; z^2 has a variance of at most 2 */
        assert_true(fabs(sum[r] / N_MOMENTS) < 5.0 / sqrt(N_MOMENTS));
        assert_true(fabs(square[r] / N_MOMENTS - 1.0) < 5.0 * sqrt(2.0 / N_MOMENTS));
        for (int s = 0; s < r; s++) {
            assert_true(fabs(cross[r][s] / N_MOMENTS) < 5.0 / sqrt(N_MOMENTS));
        }
    }
    /* quantiles at the ends and at the mode of the triangle */
    const nm_random triangle = {NM_DIST_TRIANGULAR, 0, 1.0, 5.0, 2.0, 0.0, 0.0};
    assert_true(fabs(nm_quantile(&triangle, 0.25) - 2.0) < 1e-15);
    assert_true(fabs(nm_quantile(&triangle, 0x1p-53) - 1.0) < 1e-7 &&
                fabs(nm_quantile(&triangle, 1.0 - 0x1p-53) - 5.0) < 1e-7);
}

} // namespace

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_known_answers),
#ifdef NM_HAS_CURAND
        cmocka_unit_test(curand_gives_the_same_words),
#endif
#ifdef NM_HAS_RANDOM123
        cmocka_unit_test(random123_gives_the_same_words),
#endif
        cmocka_unit_test(uniforms_are_exact_and_open),
        cmocka_unit_test(the_normal_quantile_is_right),
        cmocka_unit_test(axes_end_exactly_and_grow),
        cmocka_unit_test(a_point_depends_on_its_index_alone),
        cmocka_unit_test(lanes_draw_what_single_points_are),
        cmocka_unit_test(distributions_have_their_moments),
    };
#ifndef NM_HAS_CURAND
    printf("not run: the comparison with cuRAND: curand_kernel.h was not found\n");
#endif
#ifndef NM_HAS_RANDOM123
    printf("not run: the comparison with Random123: librandom123-dev was not found\n");
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
