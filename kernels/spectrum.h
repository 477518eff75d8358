/* Relaxation times of up to four modes without an eigenvalue iteration, all lanes at once.
 *
 * The characteristic polynomial is formed from principal minors, each beside the same sum with all signs positive,
 * which bounds its rounding. The slowest mode is its largest root where that is real, which Halley's method reaches from
 * above; that all others decay, and faster, is decided by the signs of coefficients (Routh & Hurwitz), so they may
 * oscillate. Where the slowest modes are a pair that oscillates, it is divided into quadratics (Bairstow). A lane where
 * none of this is certain is left to the eigenvalue iteration in stability.h. */
#ifndef NESSMAP_SPECTRUM_H
#define NESSMAP_SPECTRUM_H

#include "linalg.h"

enum { NM_QUICK_MODES = 4 };
#define NM_QUICK_CERTAIN 1e-9 /* smallest coefficient / bound that counts as certain */
#define NM_PAIR_APART    0.01 /* of two quadratics, at least */

struct nm_minor { /* a determinant and the sum of its terms without signs */
    nm_vec value, bound;
};

NM_FN nm_minor nm_minor2(const nm_vec (*m)[NM_QUICK_MODES], int r, int s, int i, int j)
{
    nm_vec p = m[r][i] * m[s][j], q = m[r][j] * m[s][i];
    return nm_minor{p - q, nm_vabs(p) + nm_vabs(q)};
}
NM_FN void nm_add_minor(nm_minor *sum, nm_minor x)
{
    sum->value = sum->value + x.value;
    sum->bound = sum->bound + x.bound;
}
/* principal 3 x 3 minor */
NM_FN nm_minor nm_minor3(const nm_vec (*m)[NM_QUICK_MODES], int i, int j, int k)
{
    nm_minor a = nm_minor2(m, j, k, j, k), b = nm_minor2(m, j, k, i, k),
             c = nm_minor2(m, j, k, i, j);
    return nm_minor{m[i][i] * a.value - m[i][j] * b.value + m[i][k] * c.value,
                    nm_vabs(m[i][i]) * a.bound + nm_vabs(m[i][j]) * b.bound +
                        nm_vabs(m[i][k]) * c.bound};
}
/* the determinant by pairs of rows (Laplace) */
NM_FN nm_minor nm_minor4(const nm_vec (*m)[NM_QUICK_MODES])
{
    nm_minor sum = {nm_splat(0.0), nm_splat(0.0)};
    const int pairs[6][4] = {{0, 1, 2, 3}, {0, 2, 1, 3}, {0, 3, 1, 2},
                             {1, 2, 0, 3}, {1, 3, 0, 2}, {2, 3, 0, 1}};
    NM_UNROLL
    for (int k = 0; k < 6; k++) {
        nm_minor top = nm_minor2(m, 0, 1, pairs[k][0], pairs[k][1]),
                 low = nm_minor2(m, 2, 3, pairs[k][2], pairs[k][3]);
        nm_vec product = top.value * low.value;
        sum.value = k == 1 || k == 4 ? sum.value - product : sum.value + product;
        sum.bound = nm_vfma(top.bound, low.bound, sum.bound);
    }
    return sum;
}

/* sums of the principal minors of an N x N matrix, e[k] those of k rows */
template <int N> NM_FN void nm_principal_minors(nm_minor *e, const nm_vec (*m)[NM_QUICK_MODES])
{
    NM_UNROLL
    for (int k = 0; k <= NM_QUICK_MODES; k++) {
        e[k] = nm_minor{nm_splat(0.0), nm_splat(0.0)};
    }
    NM_UNROLL
    for (int i = 0; i < N; i++) {
        nm_add_minor(&e[1], nm_minor{m[i][i], nm_vabs(m[i][i])});
    }
    NM_UNROLL
    for (int i = 0; i < N; i++) {
        NM_UNROLL
        for (int j = i + 1; j < N; j++) {
            nm_add_minor(&e[2], nm_minor2(m, i, j, i, j));
            NM_UNROLL
            for (int k = j + 1; k < N; k++) {
                nm_add_minor(&e[3], nm_minor3(m, i, j, k));
            }
        }
    }
    if constexpr (N == 4) {
        e[4] = nm_minor4(m);
    }
}

/* The slowest modes are a pair: the polynomial is (t^2 - u t + w)(t^2 - x t + y), its large roots in the first factor. From
 * there the second follows without cancellation, and Newton's method finds u and w (Bairstow 1920). Lanes of `wanted` where
 * that succeeds, all roots decay and none is slower than the pair; a[k]: coefficients without their signs. */
template <int N> NM_LEAF nm_mask nm_slowest_pair(nm_vec *tau, const nm_vec *a, nm_mask wanted)
{
    const nm_vec a3 = N > 2 ? a[3] : nm_splat(0.0), a4 = N > 3 ? a[4] : nm_splat(0.0);
    nm_vec u = a[1], w = a[2], apart = nm_splat(1.0);
    nm_mask running = wanted, found = nm_mask_all(false);
    for (int iteration = 0; iteration < 12 && nm_any_of(running); iteration++) {
        const nm_vec per_w = 1.0 / w, y = a4 * per_w, x = (a3 - u * y) * per_w, k = y * per_w, l = (x - u * k) * per_w;
        const nm_vec f1 = u + x - a[1], f2 = w - a[2] + y + u * x;
        const nm_vec g = 1.0 - k, h = g - u * l, det = g * h + l * l * w, per_det = 1.0 / det;
        const nm_vec du = (f1 * h + f2 * l) * per_det, dw = (f2 * g - f1 * l * w) * per_det;
        u = nm_choose(running, u - du, u);
        w = nm_choose(running, w - dw, w);
        apart = nm_choose(running, det, apart);
        const nm_mask is_done = running & (nm_vabs(du) < 1e-6 * u) & (nm_vabs(dw) < 1e-6 * w);
        found = found | is_done;
        running = running & nm_not(is_done) & (w > nm_splat(0.0));
    }
    /* certain where the factors' roots are far from each other, and the pair's decay is no small difference */
    const double margin = 1e-6;
    found = found & (apart > nm_splat(NM_PAIR_APART)) & (u > NM_PAIR_APART * a[1]) & (u * u < (4.0 - margin) * w);
    if constexpr (N > 2) {
        const nm_vec per_w = 1.0 / w, y = a4 * per_w, x = (a3 - u * y) * per_w, spread = x * x - 4.0 * y;
        const nm_mask is_real = spread > nm_splat(0.0);
        /* a real mode lasts (x + sqrt(spread))/2, a pair 2 y/x */
        const nm_vec top = nm_choose(is_real, x + nm_vsqrt(nm_vmax(spread, nm_splat(0.0))), 4.0 * y),
                     below = nm_choose(is_real, nm_splat(1.0), x);
        found = found & (x > nm_splat(0.0)) & (u * top < ((1.0 - margin) * 4.0) * (w * below));
    }
    *tau = nm_choose(found, 2.0 * w / u, *tau);
    return found;
}

/* The slowest mode of t^N - a1 t^(N-1) + a2 t^(N-2) - ..., in the lanes where it is certain and all decay. MAY_BE_PAIR: or
 * the time of the slowest pair, of roots z |z|^2 / Re z; e[k]: (-1)^k a[k] and its bound. */
template <int N, bool MAY_BE_PAIR> NM_FN nm_mask nm_slowest(nm_vec *tau, const nm_minor *e, nm_vec noise)
{
    static_assert(N >= 1 && N <= NM_QUICK_MODES, "up to four modes");
    nm_vec a[NM_QUICK_MODES + 1];
    nm_mask certain = nm_mask_all(true);
    a[0] = nm_splat(1.0);
    NM_UNROLL
    for (int k = 1; k <= N; k++) {
        a[k] = k % 2 ? -e[k].value : e[k].value;
        certain = certain & (a[k] > NM_QUICK_CERTAIN * e[k].bound);
    }
    /* the fastest mode, a_N / a_(N-1) or longer, must stand out of the noise */
    certain = certain & (a[N] > noise * a[N - 1]);

    /* if all roots are real, the largest lies below Samuelson's bound (1968), and Halley's method, which is cubic, comes
     * down from there without overshooting (Davies & Dawson 1975) */
    nm_vec t = a[1];
    nm_mask running = certain, converged = nm_mask_all(N == 1);
    if constexpr (N > 1) {
        const nm_vec spread = a[1] * a[1] - (2.0 * N / (N - 1)) * a[2];
        t = a[1] * (1.0 / N) + ((N - 1.0) / N) * nm_vsqrt(nm_vmax(spread, nm_splat(0.0)));
        for (int iteration = 0; iteration < 40 && nm_any_of(running); iteration++) {
            nm_vec q = nm_splat(1.0), slope = nm_splat(0.0), bend = nm_splat(0.0); /* bend: half the second derivative */
            NM_UNROLL
            for (int k = 1; k <= N; k++) {
                bend = nm_vfma(bend, t, slope);
                slope = nm_vfma(slope, t, q);
                q = nm_vfma(q, t, k % 2 ? -a[k] : a[k]);
            }
            nm_vec step = q * slope / (slope * slope - q * bend);
            t = nm_choose(running, t - step, t);
            /* measured by Newton's step: Halley's is small at a turning point, too */
            nm_mask is_done = running & (nm_vabs(q) < 1e-7 * t * slope);
            converged = converged | is_done;
            running = running & nm_not(is_done) & (slope > nm_splat(0.0)) & (t > nm_splat(0.0));
        }
    }
    const nm_mask is_left = certain & nm_not(converged);
    certain = certain & converged;

    /* The others, deflated from the small end, must decay (Routh & Hurwitz), and faster: so must they with their rates
     * less by 1/t, c3 r^3 - c2 r^2 + c1 r - c0 */
    const double margin = 1e-6;
    if constexpr (N == 3) {
        const nm_vec b2 = a[3] / t, b1 = (a[2] - b2) / t, s = 1.0 / t;
        const nm_vec c1 = b1 - 2.0 * b2 * s, c0 = 1.0 - b1 * s + b2 * s * s;
        certain = certain & (c1 > margin * b1) & (c0 > nm_splat(margin));
    } else if constexpr (N == 4) {
        const nm_vec b3 = a[4] / t, b2 = (a[3] - b3) / t, b1 = (a[2] - b2) / t, s = 1.0 / t;
        const nm_vec c2 = b2 - 3.0 * b3 * s, c1 = b1 - 2.0 * b2 * s + 3.0 * b3 * s * s,
                     c0 = 1.0 - s * (b1 - s * (b2 - s * b3));
        certain = certain & (b2 > nm_splat(0.0)) & (b1 * b2 > (1.0 + margin) * b3) & (c2 > margin * b2) &
                  (c1 > margin * b1) & (c0 > nm_splat(margin)) & (c1 * c2 > (1.0 + margin) * b3 * c0);
    }
    *tau = t;
    if constexpr (N > 1 && MAY_BE_PAIR) {
        if (nm_any_of(is_left)) {
            certain = certain | nm_slowest_pair<N>(tau, a, is_left);
        }
    }
    return certain;
}

/* m: N x N matrix of a linear relaxation's inverse, in lanes, its entries balanced; noise: rounding of its entries, by
 * magnitude. tau comes out where the returned mask is true. */
template <int N, bool MAY_BE_PAIR = true>
NM_FN nm_mask nm_quick_spectrum(nm_vec *tau, const nm_vec (*m)[NM_QUICK_MODES], nm_vec noise)
{
    nm_minor e[NM_QUICK_MODES + 1];
    nm_principal_minors<N>(e, m);
    return nm_slowest<N, MAY_BE_PAIR>(tau, e, noise);
}

/* The same where modes are too far apart for minors of many rows: those come from m's determinant and from the trace of
 * its inverse, the matrix of rates. */
template <int N>
NM_FN nm_mask nm_stiff_spectrum(nm_vec *tau, const nm_vec (*m)[NM_QUICK_MODES], nm_minor rates, nm_vec det, nm_vec noise)
{
    nm_minor e[NM_QUICK_MODES + 1];
    nm_principal_minors<N>(e, m);
    if (N >= 3) {
        e[N - 1] = nm_minor{rates.value * det, rates.bound * nm_vabs(det)};
    }
    if (N >= 2) {
        e[N] = nm_minor{det, nm_vabs(det)};
    }
    return nm_slowest<N, true>(tau, e, noise);
}

#endif
