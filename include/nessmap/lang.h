/* The dialect of model files and kernels: one source for strict C11, for CPU lanes and for CUDA.
 *
 *   nm_par   a value without derivatives (a parameter): one number per lane
 *   nm_any   "whatever the expression gives": in C++ deduced, so that a value carries only those derivatives
 *            that it can have; in C11 the same as nm_real
 *   nm_real  C11 only: double, or double complex for the complex step
 *
 * 1. Lanes (lanes.h)        2. Elementary functions on lanes        3. Duals (dual.h)        4. C11
 *
 * Bits are equal for every lane width and compiler: only IEEE operations, explicit fma, no contraction
 * (-ffp-contract=off, nvcc -fmad=false).
 * This file and lanes.h are the only ones with compiler tests. */
#ifndef NESSMAP_LANG_H
#define NESSMAP_LANG_H

#include "nessmap/model_abi.h"

#ifdef NM_GRADIENTS
#define NM_PAR(x) nm_as_dual(x)
#else
#define NM_PAR(x) ((nm_par)(x)) /* a number as a parameter, in both languages */
#endif
#define NM_R 8.31446261815324       /* gas constant [J mol-1 K-1], SI 2019 */
#define NM_FARADAY 96485.33212331001 /* Faraday constant [C mol-1], SI 2019 */

#ifdef __cplusplus

/* NM_ALWAYS_INLINE: for speed, and given as something else where a compilation should end soon: bits do not depend on it.
 * What is not static (NM_INLINE, NM_LAMBDA) is always inlined: functions of one name in objects that differ in lanes or
 * model would become one. NM_NOINLINE: rare code, kept out of the way on the CPU. NM_LEAF: large code that rare code calls;
 * a function of its own, on a GPU one that calls no other, so that neither it nor its callers run out of registers.
 * NM_GPU_LEAF: the same, but that code of all points calls it too, and for speed has a copy on the CPU. */
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#ifndef NM_ALWAYS_INLINE
#define NM_ALWAYS_INLINE __forceinline__
#endif
#define NM_FN static __device__ NM_ALWAYS_INLINE
#define NM_CONST_FN static __host__ __device__ constexpr
#define NM_INLINE __device__ __forceinline__
#define NM_TABLE static __device__ constexpr /* constants that are looked up while the program runs */
#define NM_LAMBDA
#define NM_NOINLINE static __device__ NM_ALWAYS_INLINE
#define NM_LEAF static __device__ __noinline__
#define NM_GPU_LEAF NM_LEAF
/* keeps a variable in memory and out of registers */
#define NM_PARK(x) asm volatile("" : : "l"(&(x)) : "memory")
#define NM_INFINITY __longlong_as_double(0x7ff0000000000000)
#define NM_NAN __longlong_as_double(0x7ff8000000000000)
#else
#include <math.h>
#include <string.h>
#ifndef NM_ALWAYS_INLINE
#define NM_ALWAYS_INLINE __attribute__((always_inline))
#endif
#define NM_FN static inline NM_ALWAYS_INLINE
#define NM_CONST_FN static constexpr
#define NM_INLINE inline __attribute__((always_inline))
#define NM_TABLE static constexpr
#define NM_LAMBDA __attribute__((always_inline))
#define NM_NOINLINE static __attribute__((noinline, unused))
#define NM_LEAF NM_NOINLINE
#define NM_GPU_LEAF NM_FN
#define NM_PARK(x)
#define NM_INFINITY __builtin_huge_val()
#define NM_NAN __builtin_nan("")
#endif

#ifndef NM_LANES
#define NM_LANES 1
#endif

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define NM_ROLL _Pragma("unroll 1") /* where registers are dearer than time */
#define NM_FEW_REGISTERS 1
#else
#define NM_ROLL
#define NM_FEW_REGISTERS 0
#endif

#if defined(__CUDACC__) || defined(__CUDACC_RTC__) || defined(__clang__)
#define NM_UNROLL _Pragma("unroll")
#else
#define NM_UNROLL _Pragma("GCC unroll 16")
#endif

#define NM_MAYBE_UNUSED [[maybe_unused]]
#define NM_RAW(x) ((x).v) /* the lanes of a value */

/* every table has its own enumeration, and numbers of one are used with those of another on purpose */
#if defined(__clang__) && !defined(__CUDACC__)
#pragma clang diagnostic ignored "-Wdeprecated-anon-enum-enum-conversion"
#pragma clang diagnostic ignored "-Wunknown-warning-option"
#pragma clang diagnostic ignored "-Wbitwise-instead-of-logical" /* masks of one lane are bool */
#elif defined(__GNUC__) && !defined(__CUDACC__)
#pragma GCC diagnostic ignored "-Wenum-compare"
#pragma GCC diagnostic ignored "-Wdeprecated-enum-enum-conversion"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized" /* gcc 12 on its own AVX-512 header */
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include "nessmap/lanes.h"

/* A number is finite if its exponent is not all ones; looks at bits, so no compiler flag can break it. */
NM_FN nm_mask nm_vfinite(nm_vec x) {
    return (nm_bits(x) & (int64_t)0x7ff0000000000000) != (nm_bits(x) & 0) + (int64_t)0x7ff0000000000000;
}
NM_FN nm_vec nm_vabs(nm_vec x) { return nm_from_bits(nm_bits(x) & (int64_t)0x7fffffffffffffff); }
NM_FN nm_vec nm_vmax(nm_vec a, nm_vec b) { return nm_choose(a > b, a, b); }
NM_FN nm_vec nm_vmin(nm_vec a, nm_vec b) { return nm_choose(a < b, a, b); }

/* --- 2. elementary functions on lanes ------------------------------------------------------------
 * Errors against long double over the ranges used are a test (tests/kernels/test_lang.cpp): exp and log below
 * 1 ulp, expm1 below 1.5. Method: Cody-Waite reduction by ln 2 in two parts, then a polynomial. */

/* Splits x = k ln 2 + r, |r| <= ln(2)/2; returns q of expm1(r) = r + r^2 q, puts r and 2^k into *rest and *scale. */
NM_FN nm_vec nm_exp_series(nm_vec x, nm_vec *rest, nm_vec *scale) {
    const double magic = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to an integer */
    x = nm_choose(x < nm_splat(-708.0), nm_splat(-708.0), x);
    x = nm_choose(x > nm_splat(709.0), nm_splat(709.0), x);
    nm_vec t = nm_vfma(x, nm_splat(1.4426950408889634074), nm_splat(magic));
    nm_vec k = t - magic;
    nm_vec r = nm_vfma(k, nm_splat(-6.93147180369123816490e-01), x);
    r = nm_vfma(k, nm_splat(-1.90821492927058770002e-10), r);
    *scale = nm_from_bits((nm_bits(t) << 52) + (int64_t)0x3ff0000000000000);
    /* the polynomial of degree 10 with the least largest error (1e-18), as a tree: short chains keep a core busy */
    nm_vec r2 = r * r, r4 = r2 * r2;
    nm_vec q01 = nm_vfma(r, nm_splat(0x1.5555555555557p-3), nm_splat(0.5));
    nm_vec q23 = nm_vfma(r, nm_splat(0x1.11111111100dcp-7), nm_splat(0x1.5555555555558p-5));
    nm_vec q45 = nm_vfma(r, nm_splat(0x1.a01a01abe7dd2p-13), nm_splat(0x1.6c16c16c151fep-10));
    nm_vec q67 = nm_vfma(r, nm_splat(0x1.71de02321d2a0p-19), nm_splat(0x1.a01a01acfa537p-16));
    nm_vec q89 = nm_vfma(r, nm_splat(0x1.af4de831b3da8p-26), nm_splat(0x1.27e4cccf0e70fp-22));
    q45 = nm_vfma(r2, q67, q45);
    q89 = nm_vfma(r2, nm_splat(0x1.1f8b4a7ec5598p-29), q89);
    *rest = r;
    return nm_vfma(r4, nm_vfma(r4, q89, q45), nm_vfma(r2, q23, q01));
}
NM_FN nm_vec nm_exp_core(nm_vec x, nm_vec *scale) {
    nm_vec r, q = nm_exp_series(x, &r, scale);
    return nm_vfma(r * r, q, r);
}

/* exp, its argument clamped to [-708, 709] */
NM_FN nm_vec nm_vexp(nm_vec x) {
    nm_vec scale, p = nm_exp_core(x, &scale);
    return nm_vfma(scale, p, scale);
}

/* exp(x) - 1 without cancellation: the large terms are added first */
NM_FN nm_vec nm_vexpm1(nm_vec x) {
    nm_vec scale, r, q = nm_exp_series(x, &r, &scale);
    return nm_vfma(scale, r * r * q, nm_vfma(scale, r, scale - 1.0));
}

/* Natural logarithm of a normal number; -inf at 0, NaN below; infinities stay. Reduction to [sqrt(1/2), sqrt(2)) and the series in
 * s = f/(2+f) with the coefficients of a minimax polynomial (the one that fdlibm made known). */
NM_FN nm_vec nm_vlog(nm_vec x) {
    const double magic = 6755399441055744.0;
    nm_ivec shifted = nm_bits(nm_vabs(x)) - (int64_t)0x3fe6a09e667f3bcd; /* sqrt(1/2) */
    nm_ivec e = shifted >> 52;
    nm_vec k = nm_from_bits(e + (int64_t)0x4338000000000000) - magic;
    nm_vec m = nm_from_bits(nm_bits(nm_vabs(x)) - (e << 52));
    nm_vec f = m - 1.0;
    nm_vec s = f / (f + 2.0);
    nm_vec z = s * s;
    nm_vec w = nm_splat(1.479819860511658591e-01);
    w = nm_vfma(w, z, nm_splat(1.531383769920937332e-01));
    w = nm_vfma(w, z, nm_splat(1.818357216161805012e-01));
    w = nm_vfma(w, z, nm_splat(2.222219843214978396e-01));
    w = nm_vfma(w, z, nm_splat(2.857142874366239149e-01));
    w = nm_vfma(w, z, nm_splat(3.999999999940941908e-01));
    w = nm_vfma(w, z, nm_splat(6.666666666666735130e-01));
    nm_vec half = f * f * 0.5;
    nm_vec tail = nm_vfma(s, nm_vfma(w, z, half), k * 1.90821492927058770002e-10);
    nm_vec y = nm_vfma(k, nm_splat(6.93147180369123816490e-01), f - (half - tail));
    y = nm_choose(x > nm_splat(0.0), y, nm_choose(x == nm_splat(0.0), nm_splat(-NM_INFINITY), nm_splat(NM_NAN)));
    return nm_choose(nm_vfinite(x), y, x);
}

/* Bernoulli function u/(exp(u)-1), 1 at u = 0 */
NM_FN nm_vec nm_vbern(nm_vec u) {
    nm_mask is_zero = u == nm_splat(0.0);
    nm_vec safe = nm_choose(is_zero, nm_splat(1.0), u);
    return nm_choose(is_zero, nm_splat(1.0), u / nm_vexpm1(safe));
}

/* its derivative; the closed form cancels near 0, where the series takes over */
NM_FN nm_vec nm_vbern_slope(nm_vec u, nm_vec b) {
    nm_mask is_small = nm_vabs(u) < nm_splat(0.1);
    nm_vec safe = nm_choose(is_small, nm_splat(1.0), u);
    nm_vec u2 = u * u;
    nm_vec odd = nm_vfma(u2, nm_splat(-1.0 / 151200.0), nm_splat(1.0 / 5040.0));
    odd = nm_vfma(u2, odd, nm_splat(-1.0 / 180.0));
    odd = nm_vfma(u2, odd, nm_splat(1.0 / 6.0));
    return nm_choose(is_small, nm_vfma(u, odd, nm_splat(-0.5)), b / safe * (1.0 - b - u));
}

#include "nessmap/dual.h"

#else /* --- 4. C11 ------------------------------------------------------------------------------- */

#include <math.h>

#define NM_FN static inline
#define NM_MAYBE_UNUSED __attribute__((unused))
#define NM_LANES 1

#ifdef NM_COMPLEX
#include <complex.h>
#undef I
#ifndef CMPLX /* glibc hides it from clang */
#define CMPLX(re, im) __builtin_complex((double)(re), (double)(im))
#endif
typedef double complex nm_real;
#define nm_exp cexp
#define nm_log clog
#define nm_sin csin
#define nm_cos ccos
#define nm_sqrt csqrt
#define NM_REAL_PART(x) creal(x)
/* exp(a + ib) - 1 = expm1(a) cos b - 2 sin^2(b/2) + i e^a sin b: no cancellation */
NM_FN nm_real nm_expm1(nm_real x) {
    double a = creal(x), b = cimag(x), s = sin(0.5 * b);
    return CMPLX(expm1(a) * cos(b) - 2.0 * s * s, exp(a) * sin(b));
}
#else
typedef double nm_real;
#define nm_exp exp
#define nm_log log
#define nm_sin sin
#define nm_cos cos
#define nm_sqrt sqrt
#define nm_expm1 expm1
#define NM_REAL_PART(x) (x)
#endif

typedef nm_real nm_par;
typedef nm_real nm_vec;
#define nm_any nm_real
#define nm_lift(x) (x)
#define NM_RAW(x) (x)
#define nm_vexp nm_exp
#define nm_vlog nm_log
#define nm_splat(x) (x)
#define NM_CONST_FN static inline
#define NM_ZERO 0.0
#define NM_ONE 1.0
#define NM_KEEP(condition, x) ((condition) ? (x) : 0.0)
#define NM_TIMES(n, x) ((double)(n) * (x))
#define NM_POWER(n, x) nm_powz(n, x)
#define NM_UNKNOWN(i, x, slope) (x)
#define NM_CONSTANT(name, value) const int name = (value)
#define NM_LET(name, here, ...)                                                                    \
    NM_MAYBE_UNUSED nm_real name;                                                                  \
    do {                                                                                           \
        NM_MAYBE_UNUSED const int nm_here = (here);                                                \
        name = __VA_ARGS__;                                                                        \
    } while (0)
#define nm_value(x) (x)
#define nm_apply(x, y, f, by_x, by_y) ((void)(by_x), (void)(by_y), (f))
#define nm_less(a, b) (NM_REAL_PART(a) < NM_REAL_PART(b))
#define nm_if(m, a, b) ((m) ? (a) : (b))
#define nm_max(a, b) (nm_less(b, a) ? (a) : (b))
#define nm_abs(x) (nm_less(x, 0.0) ? -(x) : (x))
NM_FN nm_real nm_bern(nm_real u) {
    return NM_REAL_PART(u) * NM_REAL_PART(u) < 1e-6 ? 1.0 - u / 2.0 + u * u / 12.0 - u * u * u * u / 720.0 : u / nm_expm1(u);
}
NM_FN nm_real nm_powi(nm_real x, int n) {
    nm_real r = x;
    for (int i = 1; i < n; i++) { r = r * x; }
    return r;
}
NM_FN nm_real nm_powz(int n, nm_real x) { return n == 0 ? 1.0 : nm_powi(x, n); }

#endif
#endif
