/* The slowest relaxation time of models with many modes, without an eigenvalue iteration over all of them, in lanes.
 *
 * m = W^-1 is the inverse of the matrix of rates W between modes, so its eigenvalues of largest magnitude belong to the
 * slowest modes. Two of these, real or a pair that oscillates, are found with their invariant subspace Q, Q'm = B Q', by
 * subspace iteration with the inverse of the quadratic that has the eigenvalues of B (Parlett, The Symmetric Eigenvalue
 * Problem (1998), chapters 4 and 14). All other modes stay where Q'x = 0. That they decay, and not slower than tau, follows
 * from a Lyapunov function x'Gx, if there
 *
 *     -x'(G m + m'G) x / 2 - x'm'G m x / tau  >  0   for all x with Q'x = 0,
 *
 * which with m x in the place of x is x'G W x < -x'Gx / tau. G may be any metric. That of the free energy at the steady
 * state, sum dn^2/n over all species, is made for it: a Markov network relaxes in it at least as fast as its additive
 * reversibilisation, which no drive makes unstable (Fill, Ann. Appl. Probab. 1 (1991) 62). The form is positive where
 * elimination finds positive pivots. A lane where something is not certain is left to the eigenvalues of stability.h. */
#ifndef NESSMAP_LYAPUNOV_H
#define NESSMAP_LYAPUNOV_H

#include "linalg.h"

#define NM_SLOW_RESIDUAL 1e-12 /* of an invariant subspace, over the norm of the matrix */
#define NM_SLOW_REAL     1e-2  /* a pair's real part over its magnitude, at least */
enum { NM_SLOW_POWERS = 3, NM_SLOW_PATIENCE = 3, NM_SLOW_ITERATIONS = 8 };

template <int N> NM_FN nm_vec nm_dot(const nm_vec *x, const nm_vec *y)
{
    nm_vec sum = x[0] * y[0];
    NM_UNROLL
    for (int i = 1; i < N; i++) {
        sum = nm_vfma(x[i], y[i], sum);
    }
    return sum;
}
/* x' m */
template <int N> NM_FN void nm_row_times(nm_vec *product, const nm_vec *x, const nm_vec (*m)[N])
{
    nm_vec sum[N];
    NM_UNROLL
    for (int j = 0; j < N; j++) {
        sum[j] = x[0] * m[0][j];
    }
    NM_ROLL
    for (int i = 1; i < N; i++) {
        NM_UNROLL
        for (int j = 0; j < N; j++) {
            sum[j] = nm_vfma(x[i], m[i][j], sum[j]);
        }
    }
    NM_UNROLL
    for (int j = 0; j < N; j++) {
        product[j] = sum[j];
    }
}
/* two rows to length 1 and at right angles (Gram & Schmidt), in the lanes of `wanted` */
template <int N> NM_FN void nm_orthonormalise(nm_vec (*q)[N], const nm_vec (*rows)[N], nm_mask wanted)
{
    const nm_vec first = 1.0 / nm_dot<N>(rows[0], rows[0]), along = nm_dot<N>(rows[0], rows[1]) * first;
    nm_vec rest[N];
    NM_UNROLL
    for (int j = 0; j < N; j++) {
        rest[j] = nm_vfma(-along, rows[0][j], rows[1][j]);
    }
    const nm_vec scale = nm_vsqrt(first), second = 1.0 / nm_vsqrt(nm_dot<N>(rest, rest));
    NM_UNROLL
    for (int j = 0; j < N; j++) {
        q[0][j] = nm_choose(wanted, rows[0][j] * scale, q[0][j]);
        q[1][j] = nm_choose(wanted, rest[j] * second, q[1][j]);
    }
}

/* Two eigenvalues of m, as a rule those of largest magnitude, by their sum and product, and q, an orthonormal basis of the
 * left vectors; returns the lanes where they are found. */
template <int N> NM_FN nm_mask nm_dominant_two(nm_vec *sum, nm_vec *product, nm_vec (*q)[N], const nm_vec (*m)[N])
{
    /* begin at the rows of the two largest diagonal entries */
    nm_vec top[2] = {nm_splat(-1.0), nm_splat(-1.0)}, rows[2][N] = {}, square[N][N], norm2 = nm_splat(0.0);
    NM_ROLL
    for (int i = 0; i < N; i++) {
        const nm_vec size = nm_vabs(m[i][i]);
        const nm_mask is_first = size > top[0], is_second = size > top[1];
        top[1] = nm_choose(is_first, top[0], nm_choose(is_second, size, top[1]));
        top[0] = nm_choose(is_first, size, top[0]);
        NM_UNROLL
        for (int j = 0; j < N; j++) {
            rows[1][j] = nm_choose(is_first, rows[0][j], nm_choose(is_second, m[i][j], rows[1][j]));
            rows[0][j] = nm_choose(is_first, m[i][j], rows[0][j]);
            norm2 = nm_vfma(m[i][j], m[i][j], norm2);
        }
        nm_row_times<N>(square[i], m[i], m);
    }
    nm_orthonormalise<N>(q, rows, nm_mask_all(true));
    NM_ROLL
    for (int step = 0; step < NM_SLOW_POWERS; step++) {
        nm_row_times<N>(rows[0], q[0], square);
        nm_row_times<N>(rows[1], q[1], square);
        nm_orthonormalise<N>(q, rows, nm_mask_all(true));
    }

    nm_vec last = nm_splat(NM_INFINITY);
    nm_mask running = nm_mask_all(true), found = nm_mask_all(false);
    *sum = *product = nm_splat(0.0);
    for (int iteration = 0; iteration < NM_SLOW_ITERATIONS; iteration++) {
        nm_vec b[2][2], residual2 = nm_splat(0.0);
        NM_UNROLL
        for (int k = 0; k < 2; k++) {
            nm_row_times<N>(rows[k], q[k], m);
            b[k][0] = nm_dot<N>(rows[k], q[0]);
            b[k][1] = nm_dot<N>(rows[k], q[1]);
            NM_UNROLL
            for (int j = 0; j < N; j++) {
                const nm_vec r = nm_vfma(-b[k][1], q[1][j], nm_vfma(-b[k][0], q[0][j], rows[k][j]));
                residual2 = nm_vfma(r, r, residual2);
            }
        }
        *sum = nm_choose(running, b[0][0] + b[1][1], *sum);
        *product = nm_choose(running, nm_vfma(-b[0][1], b[1][0], b[0][0] * b[1][1]), *product);
        const nm_mask is_done = running & (residual2 <= (NM_SLOW_RESIDUAL * NM_SLOW_RESIDUAL) * norm2);
        found = found | is_done;
        /* where the second and the third are a pair, residuals wander */
        running = running & nm_not(is_done) & ((residual2 < 0.25 * last) | nm_mask_all(iteration < NM_SLOW_PATIENCE));
        last = residual2;
        if (!nm_any_of(running)) {
            break;
        }
        nm_vec lu[N][N];
        NM_ROLL
        for (int i = 0; i < N; i++) {
            NM_UNROLL
            for (int j = 0; j < N; j++) {
                const nm_vec x = nm_vfma(-*sum, m[j][i], square[j][i]);
                lu[i][j] = i == j ? x + *product : x;
            }
            rows[0][i] = q[0][i];
            rows[1][i] = q[1][i];
        }
        nm_lu<N>(lu);
        nm_lu_solve<N>(lu, rows[0]);
        nm_lu_solve<N>(lu, rows[1]);
        nm_orthonormalise<N>(q, rows, running);
    }
    return found;
}

/* 1 where all modes but those of the left vectors in q decay, within tau. G = 1 + sum g g'; noise: rounding of the
 * entries of m. */
template <int N, int N_G>
NM_FN nm_mask nm_others_decay(nm_vec tau, const nm_vec (*q)[N], const nm_vec (*m)[N], const nm_vec (*g)[N], nm_vec noise)
{
    nm_vec gm[N][N], form[N][N], product[N], stretch = nm_splat(1.0);
    NM_ROLL
    for (int i = 0; i < N; i++) {
        NM_UNROLL
        for (int j = 0; j < N; j++) {
            gm[i][j] = m[i][j];
        }
    }
    NM_ROLL
    for (int t = 0; t < N_G; t++) {
        stretch = stretch + nm_dot<N>(g[t], g[t]);
        nm_row_times<N>(product, g[t], m);
        NM_ROLL
        for (int i = 0; i < N; i++) {
            NM_UNROLL
            for (int j = 0; j < N; j++) {
                gm[i][j] = nm_vfma(g[t][i], product[j], gm[i][j]);
            }
        }
    }
    const nm_vec per_tau = 1.0 / tau;
    NM_ROLL
    for (int i = 0; i < N; i++) {
        nm_vec column[N];
        NM_UNROLL
        for (int k = 0; k < N; k++) {
            column[k] = m[k][i] * per_tau;
        }
        NM_ROLL
        for (int j = 0; j <= i; j++) {
            nm_vec sum = 0.5 * (gm[i][j] + gm[j][i]);
            NM_UNROLL
            for (int k = 0; k < N; k++) {
                sum = nm_vfma(column[k], gm[k][j], sum);
            }
            form[i][j] = form[j][i] = -sum;
        }
    }

    /* reflections take q to the last axes, which are left out then (Householder 1958) */
    nm_vec last[N];
    NM_UNROLL
    for (int i = 0; i < N; i++) {
        last[i] = q[1][i];
    }
    NM_ROLL
    for (int end = N - 1; end >= N - 2; end--) {
        const nm_vec beta = 1.0 / (1.0 + nm_vabs(last[end]));
        nm_vec h[N];
        NM_UNROLL
        for (int i = 0; i < N; i++) {
            h[i] = i > end ? nm_splat(0.0) : last[i];
        }
        h[end] = h[end] + nm_choose(h[end] < nm_splat(0.0), nm_splat(-1.0), nm_splat(1.0));
        nm_row_times<N>(product, h, form);
        const nm_vec half = 0.5 * beta * nm_dot<N>(h, product);
        NM_UNROLL
        for (int i = 0; i < N; i++) {
            product[i] = beta * nm_vfma(-half, h[i], product[i]);
        }
        NM_ROLL
        for (int i = 0; i < end; i++) {
            NM_ROLL
            for (int j = 0; j <= i; j++) {
                form[i][j] = form[j][i] = nm_vfma(-h[i], product[j], nm_vfma(-product[i], h[j], form[i][j]));
            }
        }
        const nm_vec along = beta * nm_dot<N>(h, q[0]);
        NM_UNROLL
        for (int i = 0; i < N; i++) {
            last[i] = nm_vfma(-along, h[i], q[0][i]);
        }
    }

    /* pivots above the noise */
    const nm_vec floor = (double)N * noise * stretch;
    nm_mask is_positive = nm_mask_all(true);
    NM_ROLL
    for (int i = 0; i < N - 2; i++) {
        form[i][i] = form[i][i] - floor;
    }
    NM_ROLL
    for (int k = 0; k < N - 2; k++) {
        is_positive = is_positive & (form[k][k] > nm_splat(0.0));
        const nm_vec inverse = 1.0 / form[k][k];
        NM_ROLL
        for (int i = k + 1; i < N - 2; i++) {
            const nm_vec l = form[i][k] * inverse;
            NM_ROLL
            for (int j = k + 1; j <= i; j++) {
                form[i][j] = nm_vfma(-l, form[j][k], form[i][j]);
            }
        }
    }
    return is_positive;
}

/* m: N x N matrix of a linear relaxation's inverse, in lanes, its entries balanced, N >= 3; g[N_G]: G = 1 + sum g g';
 * noise: rounding of m's entries, by magnitude. tau of the slowest mode comes out where the returned mask is true; all
 * modes decay there. */
template <int N, int N_G>
NM_LEAF nm_mask nm_lyapunov_spectrum(nm_vec *tau, const nm_vec (*m)[N], const nm_vec (*g)[N], nm_vec noise)
{
    nm_vec q[2][N] = {}, sum, product;
    nm_mask found = nm_dominant_two<N>(&sum, &product, q, m);
    /* z^2 - sum z + product: a real mode lasts |z|, a pair |z|^2 / |Re z| */
    const nm_vec re = 0.5 * sum, spread = nm_vfma(re, re, -product);
    const nm_mask is_pair = spread < nm_splat(0.0);
    found = found & (re < -noise) & (product > noise * nm_vabs(re)) &
            (nm_not(is_pair) | (re * re > (NM_SLOW_REAL * NM_SLOW_REAL) * product));
    *tau = nm_choose(is_pair, -product / re, nm_vsqrt(nm_vmax(spread, nm_splat(0.0))) - re);
    return nm_any_of(found) ? found & nm_others_decay<N, N_G>(*tau, q, m, g, noise) : found;
}

#endif
