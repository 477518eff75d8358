/* What the tests of kernels share: cmocka with its includes, and random numbers of their own. */
#ifndef NESSMAP_KERNEL_TEST_H
#define NESSMAP_KERNEL_TEST_H

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
#include <cmocka.h>
#ifdef __cplusplus
}
#endif

/* splitmix64: not Philox, which is under test itself */
static inline uint64_t random_word(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline double random_between(uint64_t *state, double low, double high)
{
    return low + (high - low) * ((double)(random_word(state) >> 11) * 0x1p-53);
}

/* error of x against the exact value, in units of the last place of the exact value as a double */
static inline double ulps(double x, long double exact)
{
    if (exact == 0.0L) {
        return x == 0.0 ? 0.0 : HUGE_VAL;
    }
    int exponent = ilogbl(exact);
    long double ulp = ldexpl(1.0L, (exponent < -1022 ? -1022 : exponent) - 52);
    return (double)(fabsl((long double)x - exact) / ulp);
}

#endif
