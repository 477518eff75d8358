/* Index -> parameters: grids, Philox draws, ties, tables. A pure function, the same bits everywhere.
 *
 * Philox4x32-10 (Salmon et al. 2011), key = seed, counter = (block, tag, index): the words of cuRAND's
 * curand_init(seed, subsequence = index, offset = 4 block + 2^34 tag). Tag 0 draws parameters, dimension d from block
 * d/2; tags 1 to 4 belong to sequence.h; tag 6 initial states; tag 9 the audit; tags 8
 * and 10 trajectories, whose number stands beside the tag: tag + 64 trajectory (ssa.h).
 *
 * NM_CURAND: the words are cuRAND's own, from its device code. Only its integers: its uniforms may be 1, and its
 * normals differ between host and device. */
#ifndef NESSMAP_DRAW_H
#define NESSMAP_DRAW_H

#include "nessmap/lang.h"

#ifdef NM_CURAND
/* curand_kernel.h, which wraps this in a state, would put 218 kB of other generators' tables into every module */
#include <curand_philox4x32_x.h>
#endif

enum {
    NM_TAG_PARAMETERS = 0,
    NM_TAG_JITTER = 1,
    NM_TAG_SCRAMBLE = 2,
    NM_TAG_LHS = 3,
    NM_TAG_LOW_DIGITS = 4,
    NM_TAG_STARTS = 6,
    NM_TAG_EVENTS = 8,
    NM_TAG_AUDIT = 9,
    NM_TAG_PASSAGES = 10
};

struct nm_words {
    uint32_t w[4];
};

#ifdef NM_CURAND
NM_FN nm_words nm_philox(uint64_t seed, uint64_t index, uint32_t tag, uint32_t block)
{
    const uint4 counter = {block, tag, (uint32_t)index, (uint32_t)(index >> 32)};
    const uint2 key = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint4 word = curand_Philox4x32_10(counter, key);
    return {{word.x, word.y, word.z, word.w}};
}
#else
NM_FN nm_words nm_philox(uint64_t seed, uint64_t index, uint32_t tag, uint32_t block)
{
    nm_words c = {{block, tag, (uint32_t)index, (uint32_t)(index >> 32)}};
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c.w[0], p1 = (uint64_t)0xCD9E8D57u * c.w[2];
        c = {{(uint32_t)(p1 >> 32) ^ c.w[1] ^ k0, (uint32_t)p1, (uint32_t)(p0 >> 32) ^ c.w[3] ^ k1,
              (uint32_t)p0}};
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}
#endif

/* (0, 1), 52 bits, never 0 or 1, 1 - u exact */
NM_FN double nm_uniform(uint32_t low, uint32_t high)
{
    uint64_t w = (uint64_t)low | (uint64_t)high << 32;
    return (double)(int64_t)((w >> 11) | 1u) * 0x1p-53;
}
/* the number of `dimension` from the words of its block */
NM_FN double nm_pick_uniform(nm_words w, int dimension)
{
    return dimension % 2 == 0 ? nm_uniform(w.w[0], w.w[1]) : nm_uniform(w.w[2], w.w[3]);
}
NM_FN double nm_draw_uniform(uint64_t seed, uint64_t index, uint32_t tag, int dimension)
{
    return nm_pick_uniform(nm_philox(seed, index, tag, (uint32_t)(dimension / 2)), dimension);
}

#include "sequence.h"

/* exp and log of one number, with the bits of the lanes */
NM_FN double nm_exp1(double x)
{
    return nm_get(nm_vexp(nm_splat(x)), 0);
}
NM_FN double nm_log1(double x)
{
    return nm_get(nm_vlog(nm_splat(x)), 0);
}

/* Quantile of the standard normal distribution: algorithm AS 241, PPND16 (Wichura 1988), relative error 1e-15. */
NM_FN double nm_normal_quantile(double u)
{
    double q = u - 0.5;
    if (fabs(q) <= 0.425) {
        double r = 0.180625 - q * q;
        return q *
               (((((((2509.0809287301226727 * r + 33430.575583588128105) * r +
                     67265.770927008700853) *
                        r +
                    45921.953931549871457) *
                       r +
                   13731.693765509461125) *
                      r +
                  1971.5909503065514427) *
                     r +
                 133.14166789178437745) *
                    r +
                3.387132872796366608) /
               (((((((5226.495278852545925 * r + 28729.085735721942674) * r +
                     39307.89580009271061) *
                        r +
                    21213.794301586595867) *
                       r +
                   5394.1960214247511077) *
                      r +
                  687.1870074920579083) *
                     r +
                 42.313330701600911252) *
                    r +
                1.0);
    }
    double r = q < 0.0 ? u : 1.0 - u;
    r = sqrt(-nm_log1(r));
    double x;
    if (r <= 5.0) {
        r -= 1.6;
        x = (((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r +
                  0.24178072517745061177) *
                     r +
                 1.27045825245236838258) *
                    r +
                3.64784832476320460504) *
                   r +
               5.7694972214606914055) *
                  r +
              4.6303378461565452959) *
                 r +
             1.42343711074968357734) /
            (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r +
                  0.0151986665636164571966) *
                     r +
                 0.14810397642748007459) *
                    r +
                0.68976733498510000455) *
                   r +
               1.6763848301838038494) *
                  r +
              2.05319162663775882187) *
                 r +
             1.0);
    } else {
        r -= 5.0;
        x = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r +
                  0.0012426609473880784386) *
                     r +
                 0.026532189526576123093) *
                    r +
                0.29656057182850489123) *
                   r +
               1.7848265399172913358) *
                  r +
              5.4637849111641143699) *
                 r +
             6.6579046435011037772) /
            (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r +
                  1.8463183175100546818e-5) *
                     r +
                 7.868691311456132591e-4) *
                    r +
                0.0148753612908506148525) *
                   r +
               0.13692988092273580531) *
                  r +
              0.59983220655588793769) *
                 r +
             1.0);
    }
    return q < 0.0 ? -x : x;
}

/* The logarithms that draws need, once for a scan. */
NM_FN void nm_prepare_axis(nm_axis *axis)
{
    if (axis->scale == NM_AXIS_LOG) {
        axis->log_low = nm_log1(axis->low);
        axis->log_span = nm_log1(axis->high) - axis->log_low;
    }
}
NM_FN void nm_prepare_random(nm_random *random)
{
    if (random->dist == NM_DIST_LOGUNIFORM) {
        random->log_low = nm_log1(random->a);
        random->log_span = nm_log1(random->b) - random->log_low;
    }
}
NM_FN void nm_prepare_draw(nm_draw *draw)
{
    for (int a = 0; a < draw->n_axes; a++) {
        nm_prepare_axis(&draw->axis[a]);
    }
    for (int r = 0; r < draw->n_random; r++) {
        nm_prepare_random(&draw->random[r]);
    }
}

NM_FN double nm_quantile(const nm_random *random, double u)
{
    double a = random->a, b = random->b, c = random->c;
    switch (random->dist) {
    case NM_DIST_LOGUNIFORM:
        return nm_exp1(fma(u, random->log_span, random->log_low));
    case NM_DIST_NORMAL:
        return fma(b, nm_normal_quantile(u), a);
    case NM_DIST_LOGNORMAL:
        return nm_exp1(fma(b, nm_normal_quantile(u), a));
    case NM_DIST_TRIANGULAR: {
        double left = (b - a) * (c - a), right = (b - a) * (b - c);
        return u * (b - a) < c - a ? a + sqrt(u * left) : b - sqrt((1.0 - u) * right);
    }
    default:
        return fma(u, b - a, a);
    }
}

/* value i of an axis; the ends are exact */
NM_FN double nm_axis_point(const nm_axis *axis, int64_t i)
{
    if (axis->values) {
        return axis->values[i];
    }
    if (i == 0 || axis->n == 1) {
        return axis->low;
    }
    if (i == axis->n - 1) {
        return axis->high;
    }
    double u = (double)i / (double)(axis->n - 1);
    if (axis->scale == NM_AXIS_LOG) {
        return nm_exp1(fma(u, axis->log_span, axis->log_low));
    }
    return fma(u, axis->high - axis->low, axis->low);
}

/* put(parameter, value) for each axis */
template <class PUT> NM_FN void nm_each_axis(const nm_draw *draw, int64_t index, PUT put)
{
    int64_t cell = draw->n_draws > 1 ? index / draw->n_draws : index;
    NM_ROLL
    for (int a = draw->n_axes - 1; a >= 0; a--) {
        const nm_axis *axis = &draw->axis[a];
        int64_t next = cell / axis->n;
        put(axis->param, nm_axis_point(axis, cell - next * axis->n));
        cell = next;
    }
}

/* Overwrites those parameters that change from point to point; p starts as draw->value. */
NM_FN void nm_draw_point(const nm_draw *draw, int64_t index, double *p)
{
    nm_each_axis(draw, index, [&](int param, double value) NM_LAMBDA { p[param] = value; });
    nm_stand place = {};
    if (draw->sequence != NM_SEQUENCE_RANDOM) {
        place = nm_find_stand(draw, index);
    }
    nm_words words = {};
    NM_ROLL
    for (int r = 0; r < draw->n_random; r++) {
        if (draw->sequence != NM_SEQUENCE_RANDOM) {
            p[draw->random[r].param] = nm_quantile(&draw->random[r], nm_sequence_uniform(draw, &place, r));
            continue;
        }
        if (r % 2 == 0) { /* a block of words makes two numbers */
            words = nm_philox(draw->seed, (uint64_t)index, NM_TAG_PARAMETERS, (uint32_t)(r / 2));
        }
        p[draw->random[r].param] = nm_quantile(&draw->random[r], nm_pick_uniform(words, r));
    }
    NM_ROLL
    for (int c = 0; c < draw->n_columns; c++) {
        p[draw->column_param[c]] = draw->column[c][index];
    }
    NM_ROLL
    for (int t = 0; t < draw->n_ties; t++) {
        const nm_tie *tie = &draw->tie[t];
        double sum = tie->constant;
        NM_ROLL
        for (int k = 0; k < tie->n_terms; k++) {
            sum = fma(tie->coef[k], p[tie->term[k]], sum);
        }
        p[tie->param] = sum;
    }
}

/* visit(k, parameter) for each parameter that nm_draw_point overwrites, k from 0 on */
template <class VISIT> NM_FN void nm_each_drawn(const nm_draw *draw, VISIT visit)
{
    int k = 0;
    NM_ROLL
    for (int a = 0; a < draw->n_axes; a++) {
        visit(k++, draw->axis[a].param);
    }
    NM_ROLL
    for (int r = 0; r < draw->n_random; r++) {
        visit(k++, draw->random[r].param);
    }
    NM_ROLL
    for (int c = 0; c < draw->n_columns; c++) {
        visit(k++, draw->column_param[c]);
    }
    NM_ROLL
    for (int t = 0; t < draw->n_ties; t++) {
        visit(k++, draw->tie[t].param);
    }
}

/* --- side by side --------------------------------------------------------------------------------------- */

#if NM_LANES > 1
struct nm_lane_words {
    nm_ivec w[4]; /* 32 bits each, behind whatever stands above them */
};

/* nm_philox of each lane's index, tag and block */
NM_FN nm_lane_words nm_philox_lanes(uint64_t seed, nm_ivec index, nm_ivec tag, nm_ivec block)
{
    const nm_ivec m0 = nm_isplat(0xD2511F53), m1 = nm_isplat(0xCD9E8D57);
    nm_ivec c0 = block, c1 = tag, c2 = index, c3 = index >> 32;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    NM_UNROLL
    for (int round = 0; round < 10; round++) {
        /* lower halves alone are read */
        const nm_ivec p0 = nm_mul32(c0, m0), p1 = nm_mul32(c2, m1);
        c0 = (p1 >> 32) ^ c1 ^ nm_isplat(k0);
        c1 = p1;
        c2 = (p0 >> 32) ^ c3 ^ nm_isplat(k1);
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}
/* nm_uniform: both numbers below 2^52, so the magic sums are exact */
NM_FN nm_vec nm_uniform_lanes(nm_ivec low, nm_ivec high)
{
    const nm_ivec half = nm_isplat(0xffffffff);
    nm_ivec w = ((((low & half) | high << 32) >> 11) & 0x1fffffffffffff) | 1;
    nm_vec upper = nm_from_bits((w >> 32) + 0x4330000000000000) - 0x1p52,
           lower = nm_from_bits((w & half) + 0x4330000000000000) - 0x1p52;
    return (upper * 0x1p32 + lower) * 0x1p-53;
}

NM_FN nm_ivec nm_index_lanes(const int64_t *index)
{
    nm_ivec number;
    memcpy(&number, index, sizeof number);
    return number;
}

/* nm_quantile in lanes, with its bits */
NM_FN nm_vec nm_quantile_lanes(const nm_random *random, nm_vec u)
{
    switch (random->dist) {
    case NM_DIST_UNIFORM:
        return nm_vfma(u, nm_splat(random->b - random->a), nm_splat(random->a));
    case NM_DIST_LOGUNIFORM:
        return nm_vexp(nm_vfma(u, nm_splat(random->log_span), nm_splat(random->log_low)));
    default:
        for (int lane = 0; lane < NM_LANES; lane++) {
            nm_set(&u, lane, nm_quantile(random, nm_get(u, lane)));
        }
        return u;
    }
}
#endif

/* nm_draw_uniform of each lane's index, of dimension 0 */
NM_FN nm_vec nm_tag_uniform(uint64_t seed, const int64_t *index, uint32_t tag)
{
#if NM_LANES == 1
    return nm_draw_uniform(seed, (uint64_t)index[0], tag, 0);
#else
    const nm_lane_words words = nm_philox_lanes(seed, nm_index_lanes(index), nm_isplat(tag), nm_isplat(0));
    return nm_uniform_lanes(words.w[0], words.w[1]);
#endif
}

/* nm_draw_point of each lane's index: p[NM_NP] starts with draw->value in all lanes. */
NM_FN void nm_draw_lanes(const nm_draw *draw, const int64_t *index, nm_vec *p)
{
#if NM_LANES == 1
    nm_draw_point(draw, index[0], p);
#else
    nm_stand place[NM_LANES];
    const nm_ivec number = nm_index_lanes(index);
    bool is_row = true; /* lanes are neighbours */
    for (int lane = 0; lane < NM_LANES; lane++) {
        is_row = is_row && index[lane] == index[0] + lane;
        if (draw->n_axes > 0) {
            nm_each_axis(draw, index[lane], [&](int param, double value) NM_LAMBDA { nm_set(&p[param], lane, value); });
        }
        if (draw->sequence != NM_SEQUENCE_RANDOM) {
            place[lane] = nm_find_stand(draw, index[lane]);
        }
    }
    for (int c = 0; c < draw->n_columns; c++) {
        nm_vec *to = &p[draw->column_param[c]];
        const double *from = draw->column[c];
        if (is_row) {
            memcpy(to, from + index[0], sizeof *to);
            /* many columns are more streams than a core foresees; of the block after the next */
            for (int line = 0; line < NM_LANES; line += 8) {
                __builtin_prefetch(from + index[0] + 2 * NM_LANES + line);
            }
            continue;
        }
        for (int lane = 0; lane < NM_LANES; lane++) {
            nm_set(to, lane, from[index[lane]]);
        }
    }
    nm_lane_words words = {};
    for (int r = 0; r < draw->n_random; r++) {
        nm_vec u;
        if (draw->sequence == NM_SEQUENCE_RANDOM) {
            if (r % 2 == 0) {
                words = nm_philox_lanes(draw->seed, number, nm_isplat(NM_TAG_PARAMETERS), nm_isplat(r / 2));
            }
            u = r % 2 == 0 ? nm_uniform_lanes(words.w[0], words.w[1]) : nm_uniform_lanes(words.w[2], words.w[3]);
        } else {
            for (int lane = 0; lane < NM_LANES; lane++) {
                nm_set(&u, lane, nm_sequence_uniform(draw, &place[lane], r));
            }
        }
        p[draw->random[r].param] = nm_quantile_lanes(&draw->random[r], u);
    }
    for (int t = 0; t < draw->n_ties; t++) {
        const nm_tie *tie = &draw->tie[t];
        nm_vec sum = nm_splat(tie->constant);
        for (int k = 0; k < tie->n_terms; k++) {
            sum = nm_vfma(nm_splat(tie->coef[k]), p[tie->term[k]], sum);
        }
        p[tie->param] = sum;
    }
#endif
}

#endif
