/* Lanes: nm_vec holds NM_LANES doubles, nm_ivec as many integers, nm_mask one truth per lane. Included by lang.h.
 *
 * One lane is a plain double. Else a value is two registers side by side, of NM_LANES / 2 lanes each: most of a solver is a
 * chain of operations that wait for each other, and two chains fill each other's gaps. With AVX-512 a mask is a bit per
 * lane, else 0 or -1. */
#ifndef NESSMAP_LANES_H
#define NESSMAP_LANES_H

#if NM_LANES == 1

typedef double nm_vec;
typedef int64_t nm_ivec;
typedef bool nm_mask;

NM_FN nm_vec nm_splat(double x) { return x; }
NM_FN double nm_get(nm_vec x, int) { return x; }
NM_FN bool nm_get(nm_mask m, int) { return m; }
NM_FN void nm_set(nm_vec *x, int, double value) { *x = value; }
NM_FN nm_vec nm_choose(nm_mask m, nm_vec a, nm_vec b) { return m ? a : b; }
NM_FN bool nm_any_of(nm_mask m) { return m; }
NM_FN bool nm_all_of(nm_mask m) { return m; }
NM_FN unsigned nm_mask_bits(nm_mask m) { return m; } /* bit l: lane l */
NM_FN nm_mask nm_not(nm_mask m) { return !m; }
NM_FN nm_mask nm_mask_of(unsigned bits) { return bits & 1u; }
NM_FN nm_mask nm_mask_all(bool b) { return b; }
NM_FN void nm_mask_set(nm_mask *m, int, bool b) { *m = b; }
NM_FN nm_ivec nm_isplat(int64_t i) { return i; }
NM_FN int64_t nm_get_int(nm_ivec i, int) { return i; }
NM_FN void nm_set_int(nm_ivec *i, int, int64_t value) { *i = value; }
NM_FN nm_ivec nm_choose_int(nm_mask m, nm_ivec a, nm_ivec b) { return m ? a : b; }
NM_FN nm_ivec nm_one_if(nm_mask m) { return m; }
template <int SIZE> NM_FN double nm_lookup(const double *table, nm_ivec i) { return table[i]; }
template <int SIZE> NM_FN int64_t nm_lookup(const int64_t *table, nm_ivec i) { return table[i]; }
NM_FN nm_vec nm_vfma(nm_vec a, nm_vec b, nm_vec c) { return fma(a, b, c); }
NM_FN nm_vec nm_vsqrt(nm_vec x) { return sqrt(x); }
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
NM_FN nm_ivec nm_bits(nm_vec x) { return __double_as_longlong(x); }
NM_FN nm_vec nm_from_bits(nm_ivec i) { return __longlong_as_double(i); }
#else
NM_FN nm_ivec nm_bits(nm_vec x) { return __builtin_bit_cast(nm_ivec, x); }
NM_FN nm_vec nm_from_bits(nm_ivec i) { return __builtin_bit_cast(nm_vec, i); }
#endif

#else

/* --- 1. registers: AVX-512, AVX2, or what the compiler makes of vectors ------------------------- */

enum { NM_WIDTH = NM_LANES / 2 }; /* lanes of a register */
typedef double nm_reg __attribute__((vector_size(4 * NM_LANES)));
typedef int64_t nm_ireg __attribute__((vector_size(4 * NM_LANES)));

#if NM_LANES == 16 && defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>
typedef __mmask8 nm_mreg; /* a bit per lane */
NM_FN nm_reg nm_reg_fma(nm_reg a, nm_reg b, nm_reg c) { return (nm_reg)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
NM_FN nm_reg nm_reg_sqrt(nm_reg x) { return (nm_reg)_mm512_sqrt_pd((__m512d)x); }
NM_FN nm_reg nm_reg_choose(nm_mreg m, nm_reg a, nm_reg b) { return (nm_reg)_mm512_mask_blend_pd(m, (__m512d)b, (__m512d)a); }
NM_FN nm_ireg nm_reg_choose(nm_mreg m, nm_ireg a, nm_ireg b) { return (nm_ireg)_mm512_mask_blend_epi64(m, (__m512i)b, (__m512i)a); }
NM_FN nm_mreg nm_reg_less(nm_reg a, nm_reg b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ); }
NM_FN nm_mreg nm_reg_at_most(nm_reg a, nm_reg b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LE_OQ); }
NM_FN nm_mreg nm_reg_equal(nm_reg a, nm_reg b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_EQ_OQ); }
NM_FN nm_mreg nm_reg_equal(nm_ireg a, nm_ireg b) { return _mm512_cmpeq_epi64_mask((__m512i)a, (__m512i)b); }
NM_FN nm_mreg nm_reg_less(nm_ireg a, nm_ireg b) { return _mm512_cmplt_epi64_mask((__m512i)a, (__m512i)b); }
NM_FN nm_mreg nm_reg_mask(unsigned bits) { return (nm_mreg)bits; }
NM_FN unsigned nm_reg_bits(nm_mreg m) { return m; }
NM_FN nm_ireg nm_reg_one_if(nm_mreg m) { return (nm_ireg)_mm512_maskz_set1_epi64(m, 1); }
NM_FN nm_ireg nm_reg_mul32(nm_ireg a, nm_ireg b) { return (nm_ireg)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
/* a small table stays in registers */
template <int SIZE> NM_FN nm_reg nm_reg_lookup(const double *table, nm_ireg i) {
    if constexpr (SIZE <= 8) {
        return (nm_reg)_mm512_permutexvar_pd((__m512i)i, _mm512_maskz_loadu_pd((__mmask8)((1u << SIZE) - 1u), table));
    } else if constexpr (SIZE <= 16) {
        return (nm_reg)_mm512_permutex2var_pd(_mm512_loadu_pd(table), (__m512i)i,
                                              _mm512_maskz_loadu_pd((__mmask8)((1u << (SIZE - 8)) - 1u), table + 8));
    } else {
        return (nm_reg)_mm512_i64gather_pd((__m512i)i, table, 8);
    }
}
template <int SIZE> NM_FN nm_ireg nm_reg_lookup(const int64_t *table, nm_ireg i) {
    return (nm_ireg)nm_reg_lookup<SIZE>((const double *)table, i);
}
#else
typedef nm_ireg nm_mreg; /* 0 or -1 per lane */
#if NM_LANES == 8 && defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
NM_FN nm_reg nm_reg_fma(nm_reg a, nm_reg b, nm_reg c) { return (nm_reg)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
NM_FN nm_reg nm_reg_sqrt(nm_reg x) { return (nm_reg)_mm256_sqrt_pd((__m256d)x); }
NM_FN unsigned nm_reg_bits(nm_mreg m) { return (unsigned)_mm256_movemask_pd((__m256d)m); }
NM_FN nm_ireg nm_reg_mul32(nm_ireg a, nm_ireg b) { return (nm_ireg)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
#else
typedef uint64_t nm_ureg __attribute__((vector_size(4 * NM_LANES)));
NM_FN nm_reg nm_reg_fma(nm_reg a, nm_reg b, nm_reg c) {
    nm_reg r;
    for (int l = 0; l < NM_WIDTH; l++) { r[l] = fma(a[l], b[l], c[l]); }
    return r;
}
NM_FN nm_reg nm_reg_sqrt(nm_reg x) {
    for (int l = 0; l < NM_WIDTH; l++) { x[l] = sqrt(x[l]); }
    return x;
}
NM_FN unsigned nm_reg_bits(nm_mreg m) {
    unsigned bits = 0;
    for (int l = 0; l < NM_WIDTH; l++) { bits |= (unsigned)(m[l] & 1) << l; }
    return bits;
}
NM_FN nm_ireg nm_reg_mul32(nm_ireg a, nm_ireg b) {
    return (nm_ireg)((nm_ureg)(a & 0xffffffff) * (nm_ureg)(b & 0xffffffff));
}
#endif
NM_FN nm_reg nm_reg_choose(nm_mreg m, nm_reg a, nm_reg b) { return m ? a : b; }
NM_FN nm_ireg nm_reg_choose(nm_mreg m, nm_ireg a, nm_ireg b) { return m ? a : b; }
NM_FN nm_mreg nm_reg_less(nm_reg a, nm_reg b) { return a < b; }
NM_FN nm_mreg nm_reg_at_most(nm_reg a, nm_reg b) { return a <= b; }
NM_FN nm_mreg nm_reg_equal(nm_reg a, nm_reg b) { return a == b; }
NM_FN nm_mreg nm_reg_equal(nm_ireg a, nm_ireg b) { return a == b; }
NM_FN nm_mreg nm_reg_less(nm_ireg a, nm_ireg b) { return a < b; }
NM_FN nm_mreg nm_reg_mask(unsigned bits) {
    nm_mreg m;
    for (int l = 0; l < NM_WIDTH; l++) { m[l] = -(int64_t)(bits >> l & 1u); }
    return m;
}
NM_FN nm_ireg nm_reg_one_if(nm_mreg m) { return -m; }
template <int SIZE> NM_FN nm_reg nm_reg_lookup(const double *table, nm_ireg i) {
    nm_reg x;
    for (int l = 0; l < NM_WIDTH; l++) { x[l] = table[i[l]]; }
    return x;
}
template <int SIZE> NM_FN nm_ireg nm_reg_lookup(const int64_t *table, nm_ireg i) {
    nm_ireg x;
    for (int l = 0; l < NM_WIDTH; l++) { x[l] = table[i[l]]; }
    return x;
}
#endif

/* --- 2. two of them ------------------------------------------------------------------------------ */

struct nm_vec { nm_reg a, b; };
struct nm_ivec { nm_ireg a, b; };
struct nm_mask { nm_mreg a, b; };

NM_FN nm_vec nm_splat(double x) { return {x - (nm_reg){}, x - (nm_reg){}}; }
NM_FN nm_ivec nm_isplat(int64_t i) { return {i - (nm_ireg){}, i - (nm_ireg){}}; }

#define NM_OPERATOR(type, scalar, op)                                                                                    \
    NM_FN type operator op(type x, type y) { return {x.a op y.a, x.b op y.b}; }                                          \
    NM_FN type operator op(type x, scalar y) { return {x.a op y, x.b op y}; }                                            \
    NM_FN type operator op(scalar x, type y) { return {x op y.a, x op y.b}; }
NM_OPERATOR(nm_vec, double, +)
NM_OPERATOR(nm_vec, double, -)
NM_OPERATOR(nm_vec, double, *)
NM_OPERATOR(nm_vec, double, /)
NM_OPERATOR(nm_ivec, int64_t, +)
NM_OPERATOR(nm_ivec, int64_t, -)
NM_OPERATOR(nm_ivec, int64_t, *)
NM_OPERATOR(nm_ivec, int64_t, &)
NM_OPERATOR(nm_ivec, int64_t, |)
NM_OPERATOR(nm_ivec, int64_t, ^)
#undef NM_OPERATOR
NM_FN nm_vec &operator+=(nm_vec &x, nm_vec y) { return x = x + y; }
NM_FN nm_vec operator-(nm_vec x) { return {-x.a, -x.b}; }
NM_FN nm_ivec operator<<(nm_ivec x, int n) { return {x.a << n, x.b << n}; }
NM_FN nm_ivec operator>>(nm_ivec x, int n) { return {x.a >> n, x.b >> n}; } /* signs come in */

NM_FN nm_mask operator<(nm_vec x, nm_vec y) { return {nm_reg_less(x.a, y.a), nm_reg_less(x.b, y.b)}; }
NM_FN nm_mask operator>(nm_vec x, nm_vec y) { return y < x; }
NM_FN nm_mask operator<=(nm_vec x, nm_vec y) { return {nm_reg_at_most(x.a, y.a), nm_reg_at_most(x.b, y.b)}; }
NM_FN nm_mask operator>=(nm_vec x, nm_vec y) { return y <= x; }
NM_FN nm_mask operator==(nm_vec x, nm_vec y) { return {nm_reg_equal(x.a, y.a), nm_reg_equal(x.b, y.b)}; }
NM_FN nm_mask operator==(nm_ivec x, nm_ivec y) { return {nm_reg_equal(x.a, y.a), nm_reg_equal(x.b, y.b)}; }
NM_FN nm_mask operator<(nm_ivec x, nm_ivec y) { return {nm_reg_less(x.a, y.a), nm_reg_less(x.b, y.b)}; }
NM_FN nm_mask operator&(nm_mask x, nm_mask y) { return {(nm_mreg)(x.a & y.a), (nm_mreg)(x.b & y.b)}; }
NM_FN nm_mask operator|(nm_mask x, nm_mask y) { return {(nm_mreg)(x.a | y.a), (nm_mreg)(x.b | y.b)}; }
NM_FN nm_mask operator^(nm_mask x, nm_mask y) { return {(nm_mreg)(x.a ^ y.a), (nm_mreg)(x.b ^ y.b)}; }
NM_FN nm_mask nm_not(nm_mask m) { return {(nm_mreg)~m.a, (nm_mreg)~m.b}; }
NM_FN nm_mask operator!=(nm_ivec x, nm_ivec y) { return nm_not(x == y); }

NM_FN unsigned nm_mask_bits(nm_mask m) { return nm_reg_bits(m.a) | nm_reg_bits(m.b) << NM_WIDTH; } /* bit l: lane l */
NM_FN nm_mask nm_mask_of(unsigned bits) { return {nm_reg_mask(bits), nm_reg_mask(bits >> NM_WIDTH)}; }
NM_FN nm_mask nm_mask_all(bool b) { return nm_mask_of(b ? (1u << NM_LANES) - 1u : 0u); }
NM_FN bool nm_any_of(nm_mask m) { return nm_mask_bits(m) != 0; }
NM_FN bool nm_all_of(nm_mask m) { return nm_mask_bits(m) == (1u << NM_LANES) - 1u; }
NM_FN bool nm_get(nm_mask m, int lane) { return nm_mask_bits(m) >> lane & 1u; }
NM_FN void nm_mask_set(nm_mask *m, int lane, bool b) {
    *m = nm_mask_of((nm_mask_bits(*m) & ~(1u << lane)) | (unsigned)b << lane);
}

/* lanes one by one */
typedef double nm_lane __attribute__((may_alias));
typedef int64_t nm_ilane __attribute__((may_alias));
NM_FN double nm_get(const nm_vec &x, int lane) { return ((const nm_lane *)&x)[lane]; }
NM_FN void nm_set(nm_vec *x, int lane, double value) { ((nm_lane *)x)[lane] = value; }
NM_FN int64_t nm_get_int(const nm_ivec &i, int lane) { return ((const nm_ilane *)&i)[lane]; }
NM_FN void nm_set_int(nm_ivec *i, int lane, int64_t value) { ((nm_ilane *)i)[lane] = value; }

NM_FN nm_vec nm_vfma(nm_vec x, nm_vec y, nm_vec z) { return {nm_reg_fma(x.a, y.a, z.a), nm_reg_fma(x.b, y.b, z.b)}; }
NM_FN nm_vec nm_vsqrt(nm_vec x) { return {nm_reg_sqrt(x.a), nm_reg_sqrt(x.b)}; }
NM_FN nm_vec nm_choose(nm_mask m, nm_vec x, nm_vec y) { return {nm_reg_choose(m.a, x.a, y.a), nm_reg_choose(m.b, x.b, y.b)}; }
NM_FN nm_ivec nm_choose_int(nm_mask m, nm_ivec x, nm_ivec y) { return {nm_reg_choose(m.a, x.a, y.a), nm_reg_choose(m.b, x.b, y.b)}; }
NM_FN nm_ivec nm_one_if(nm_mask m) { return {nm_reg_one_if(m.a), nm_reg_one_if(m.b)}; }
NM_FN nm_ivec nm_bits(nm_vec x) { return {(nm_ireg)x.a, (nm_ireg)x.b}; }
NM_FN nm_vec nm_from_bits(nm_ivec i) { return {(nm_reg)i.a, (nm_reg)i.b}; }
/* products of the lower 32 bits of each */
NM_FN nm_ivec nm_mul32(nm_ivec x, nm_ivec y) { return {nm_reg_mul32(x.a, y.a), nm_reg_mul32(x.b, y.b)}; }
/* table[i] of SIZE entries, lane by lane */
template <int SIZE> NM_FN nm_vec nm_lookup(const double *table, nm_ivec i) {
    return {nm_reg_lookup<SIZE>(table, i.a), nm_reg_lookup<SIZE>(table, i.b)};
}
template <int SIZE> NM_FN nm_ivec nm_lookup(const int64_t *table, nm_ivec i) {
    return {nm_reg_lookup<SIZE>(table, i.a), nm_reg_lookup<SIZE>(table, i.b)};
}

#endif
#endif
