/* Designs that fill space, point by point: golden values, permutations, and cuRAND's own Sobol numbers.
 *
 * lanes: 8 1 */
#include "kernel_test.h"

#include "draw.h"
extern "C" {
#include "joe_kuo.h"
}

#ifdef NM_HAS_CURAND_HOST
#include "curand_sobol.h"
#endif

namespace
{

uint32_t directions[NM_SOBOL_DIMENSIONS][32];

void sobol_gives_the_golden_numbers(void **)
{
    static const uint8_t top[8][16] = {
        {0x00, 0x80, 0xc0, 0x40, 0x60, 0xe0, 0xa0, 0x20, 0x30, 0xb0, 0xf0, 0x70, 0x50, 0xd0, 0x90, 0x10},
        {0x00, 0x80, 0x40, 0xc0, 0x60, 0xe0, 0x20, 0xa0, 0x50, 0xd0, 0x10, 0x90, 0x30, 0xb0, 0x70, 0xf0},
        {0x00, 0x80, 0x40, 0xc0, 0xa0, 0x20, 0xe0, 0x60, 0xf0, 0x70, 0xb0, 0x30, 0x50, 0xd0, 0x10, 0x90},
        {0x00, 0x80, 0x40, 0xc0, 0xe0, 0x60, 0xa0, 0x20, 0x70, 0xf0, 0x30, 0xb0, 0x90, 0x10, 0xd0, 0x50},
        {0x00, 0x80, 0xc0, 0x40, 0x60, 0xe0, 0xa0, 0x20, 0x90, 0x10, 0x50, 0xd0, 0xf0, 0x70, 0x30, 0xb0},
        {0x00, 0x80, 0xc0, 0x40, 0x20, 0xa0, 0xe0, 0x60, 0x50, 0xd0, 0x90, 0x10, 0x70, 0xf0, 0xb0, 0x30},
        {0x00, 0x80, 0x40, 0xc0, 0x60, 0xe0, 0x20, 0xa0, 0x70, 0xf0, 0x30, 0xb0, 0x10, 0x90, 0x50, 0xd0},
        {0x00, 0x80, 0xc0, 0x40, 0xe0, 0x60, 0x20, 0xa0, 0xf0, 0x70, 0x30, 0xb0, 0x10, 0x90, 0xd0, 0x50},
    };
    static const uint32_t far[8] = {0x00f5ea64, 0x4d8f6eac, 0x5fdf083c, 0x9815f694,
                                    0x2b6e22bc, 0xbe197904, 0xcdf541a4, 0xe86a2884};
    for (int d = 0; d < 8; d++) {
        for (uint64_t n = 0; n < 16; n++) {
            assert_int_equal(nm_sobol(directions[d], n), (uint32_t)top[d][n] << 24);
        }
        assert_int_equal(nm_sobol(directions[d], 1000000000), far[d]);
    }
    assert_int_equal(directions[1][31], 0xffffffff);
    assert_int_equal(directions[2][31], 0xc5005555);
    assert_int_equal(directions[7][31], 0x87639641);
}

void scrambling_gives_the_golden_numbers(void **)
{
    static const uint32_t seeds[2][2] = {{0x6d9dac11, 0xe6af5773}, {0x7206bf4b, 0xa34f90c5}};
    static const uint32_t wanted[2][8] = {
        {0x9e491b7f, 0x24a729a1, 0x5f8db15e, 0xca1d1b4b, 0xe807ee53, 0x69aa5a8d, 0x0f21a6f5, 0xb243dc8a},
        {0x049f3647, 0xe97615e4, 0x485a1726, 0x986d3eba, 0x723c787f, 0xaef84281, 0x3d53cc13, 0xc279d7c2}};
    for (uint32_t d = 0; d < 2; d++) {
        const nm_words s = nm_philox(20240607, 0, NM_TAG_SCRAMBLE, d);
        assert_int_equal(s.w[0], seeds[d][0]);
        assert_int_equal(s.w[1], seeds[d][1]);
        for (uint64_t n = 0; n < 8; n++) {
            assert_int_equal(nm_scramble(nm_sobol(directions[d], n), s.w[0], s.w[1]), wanted[d][n]);
        }
    }
}

/* Two numbers with k digits in common have k digits in common afterwards, and the next one differs. */
void scrambling_is_nested(void **)
{
    uint64_t state = 21;
    for (int round = 0; round < 100000; round++) {
        const uint32_t s0 = (uint32_t)random_word(&state), s1 = (uint32_t)random_word(&state);
        const uint32_t x = (uint32_t)random_word(&state);
        const int k = (int)(random_word(&state) % 32);
        const uint32_t other = (uint32_t)random_word(&state) & 0x7fffffffu >> k;
        const uint32_t y = ((x ^ 0x80000000u >> k) & ~(0x7fffffffu >> k)) | other;
        const uint32_t apart = nm_scramble(x, s0, s1) ^ nm_scramble(y, s0, s1);
        assert_true(apart >> (31 - k) == 1);
    }
}

void permutations_are_permutations(void **)
{
    static uint8_t is_taken[70000];
    uint64_t state = 22;
    const uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 100, 128, 129, 1000, 4096, 65537, 70000};
    for (uint32_t n : sizes) {
        const uint32_t key0 = (uint32_t)random_word(&state), key1 = (uint32_t)random_word(&state);
        memset(is_taken, 0, sizeof is_taken);
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t to = nm_permute(i, n, key0, key1);
            assert_true(to < n && !is_taken[to]);
            is_taken[to] = 1;
        }
    }
    for (int round = 0; round < 1000; round++) { /* the largest size: inside, and not two in one place */
        const uint32_t n = 0xffffffffu - (uint32_t)round, a = (uint32_t)(random_word(&state) % n);
        const uint32_t to = nm_permute(a, n, 1, 2);
        assert_true(to < n && to != nm_permute(a == 0 ? 1 : a - 1, n, 1, 2));
    }
    /* the bits that files of this version rest on */
    static const uint32_t pinned[] = {863994820, 271821076, 439603362, 818962754, 402356627, 605429439};
    for (uint32_t i = 0; i < sizeof pinned / sizeof *pinned; i++) {
        assert_int_equal(nm_permute(i, 1000000007, 0x89abcdef, 0x01234567), pinned[i]);
    }
}

/* All n! orders come up alike: chi-squared over keys, about 1 a degree of freedom. */
void permutations_are_even(void **)
{
    for (int n = 4; n <= 5; n++) {
        const int n_orders = n == 4 ? 24 : 120, n_keys = 2000 * n_orders;
        int n_seen = 0, code_of[120];
        int seen[120] = {0};
        uint64_t state = 23;
        for (int k = 0; k < n_keys; k++) {
            const uint64_t key = random_word(&state);
            int code = 0;
            for (int i = 0; i < n - 1; i++) {
                code = code * n + (int)nm_permute((uint32_t)i, (uint32_t)n, (uint32_t)key, (uint32_t)(key >> 32));
            }
            int at = 0;
            while (at < n_seen && code_of[at] != code) {
                at++;
            }
            if (at == n_seen) {
                assert_true(n_seen < n_orders);
                code_of[n_seen++] = code;
            }
            seen[at]++;
        }
        double chi = 0.0;
        for (int i = 0; i < n_orders; i++) {
            chi += (seen[i] - 2000.0) * (seen[i] - 2000.0) / 2000.0;
        }
        const double per_degree = chi / (n_orders - 1), sd = sqrt(2.0 / (n_orders - 1));
        printf("%d! orders: chi2/df %.2f\n", n, per_degree);
        assert_true(fabs(per_degree - 1.0) < 4.0 * sd);
    }
}

#ifdef NM_HAS_CURAND_HOST
void curand_has_the_same_directions(void **)
{
    static uint32_t theirs[NM_SOBOL_DIMENSIONS][32];
    assert_int_equal(curand_sobol_directions(theirs, NM_SOBOL_DIMENSIONS), 0);
    assert_memory_equal(theirs, directions, sizeof directions);
}

/* cuRAND's generator on the host, from any point of the sequence on */
void curand_has_the_same_points(void **)
{
    enum { N = 4096 };
    static uint32_t theirs[NM_SOBOL_DIMENSIONS * N];
    const uint64_t offsets[] = {0, 1, 1000000007, 0xffffffffu - N};
    for (uint64_t offset : offsets) {
        assert_int_equal(curand_sobol_points(theirs, NM_SOBOL_DIMENSIONS, N, offset), 0);
        for (int d = 0; d < NM_SOBOL_DIMENSIONS; d++) {
            for (uint64_t n = 0; n < N; n++) {
                assert_int_equal(nm_sobol(directions[d], offset + n), theirs[d * N + n]);
            }
        }
    }
}
#endif

/* a member of a group differs from its base as the design says, and a point from its number alone */
void groups_share_a_base(void **)
{
    static nm_draw draw;
    enum { D = 3 };
    for (int sequence = NM_SEQUENCE_SALTELLI; sequence <= NM_SEQUENCE_MORRIS; sequence++) {
        memset(&draw, 0, sizeof draw);
        draw.seed = 5;
        draw.n_random = D;
        draw.sequence = sequence;
        draw.group = sequence == NM_SEQUENCE_MORRIS ? D + 1 : 2 * D + 2;
        draw.n_replicates = 4;
        draw.is_scrambled = 1;
        draw.n_draws = 64 * draw.group;
        memcpy(draw.directions, directions, sizeof draw.directions);
        for (int64_t base = 0; base < 64; base++) {
            double a[D], b[D];
            for (int m = 0; m < draw.group; m++) {
                const nm_stand place = nm_find_stand(&draw, base * draw.group + m);
                assert_true(place.base == base && place.member == m && (int64_t)place.in_replicate == base % 16 &&
                            (int64_t)place.randomisation == base / 16);
                for (int r = 0; r < D; r++) {
                    const double u = nm_sequence_uniform(&draw, &place, r);
                    if (m == 0) {
                        a[r] = nm_sobol_uniform(&draw, &place, r);
                        b[r] = nm_sobol_uniform(&draw, &place, D + r);
                        assert_true(a[r] != b[r] && a[r] > 0.0 && a[r] < 1.0);
                    }
                    const bool is_b = sequence == NM_SEQUENCE_MORRIS || m <= D ? m == r + 1
                                      : m == draw.group - 1                     ? true
                                                                                : m - D != r + 1;
                    assert_true(u == (is_b ? b[r] : a[r]));
                }
            }
        }
    }
}

} // namespace

int main(void)
{
    nm_sobol_directions(directions, NM_SOBOL_DIMENSIONS);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sobol_gives_the_golden_numbers),
        cmocka_unit_test(scrambling_gives_the_golden_numbers),
        cmocka_unit_test(scrambling_is_nested),
        cmocka_unit_test(permutations_are_permutations),
        cmocka_unit_test(permutations_are_even),
#ifdef NM_HAS_CURAND_HOST
        cmocka_unit_test(curand_has_the_same_directions),
        cmocka_unit_test(curand_has_the_same_points),
#endif
        cmocka_unit_test(groups_share_a_base),
    };
#ifndef NM_HAS_CURAND_HOST
    printf("not run: the comparison with cuRAND's Sobol numbers: libcurand was not found\n");
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
