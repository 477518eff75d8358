/* Slabs: a range of points of a grid in few hyperslabs. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "slab.h"

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed / 65536;
}

/* Slabs of a range cover each of its points once, in order, and are few. */
static void test_slabs(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (int trial = 0; trial < 20000; trial++) {
        int n_dims = 1 + (int)(next_random(&seed) % 5), n_slabs = 0;
        int64_t dim[NM_MAX_DIMS], total = 1;
        for (int i = 0; i < n_dims; i++) {
            dim[i] = 1 + next_random(&seed) % 6;
            total *= dim[i];
        }
        int64_t first = next_random(&seed) % total,
                end = first + 1 + next_random(&seed) % (total - first);
        for (int64_t at = first; at < end; n_slabs++) {
            size_t start[NM_MAX_DIMS], count[NM_MAX_DIMS];
            int64_t covered = nm_slab_next(start, count, dim, n_dims, at, end), product = 1,
                    flat = 0;
            int is_whole = 1; /* behind a dimension with more than one index all must be whole */
            for (int i = n_dims - 1; i >= 0; i--) {
                assert_true(start[i] + count[i] <= (size_t)dim[i]);
                assert_true(is_whole || count[i] == 1);
                is_whole = is_whole && count[i] == (size_t)dim[i];
                product *= (int64_t)count[i];
            }
            for (int i = 0; i < n_dims; i++) {
                flat = flat * dim[i] + (int64_t)start[i];
            }
            assert_int_equal(flat, at);
            assert_int_equal(product, covered);
            assert_true(covered > 0 && at + covered <= end);
            at += covered;
        }
        assert_true(n_slabs <= 2 * (n_dims - 1) + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_slabs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
