/* All eigenvalues of one small real matrix, for the few states whose spectrum is not plain.
 *
 * Elimination to Hessenberg form, then the QR iteration with double shifts (Francis 1961; Wilkinson & Reinsch 1971,
 * contribution II/14). */
#ifndef NESSMAP_EIGENVALUES_H
#define NESSMAP_EIGENVALUES_H

#include "network.h"

/* Eigenvalues of the n x n matrix a (N where n is a constant, else 0), which is destroyed. returns false without
 * convergence. */
template <int N>
NM_NOINLINE bool nm_eigenvalues_of(int n_given, double (*a)[NM_NY], double *re, double *im)
{
    const int n = N > 0 ? N : n_given;
    const double eps = 2.2e-16;
    NM_ROLL
    for (int m = 1; m < n - 1; m++) {
        int pivot = m;
        NM_ROLL
        for (int i = m + 1; i < n; i++) {
            if (fabs(a[i][m - 1]) > fabs(a[pivot][m - 1])) {
                pivot = i;
            }
        }
        if (a[pivot][m - 1] == 0.0) {
            continue;
        }
        if (pivot != m) {
            NM_ROLL
            for (int j = m - 1; j < n; j++) {
                double t = a[pivot][j];
                a[pivot][j] = a[m][j];
                a[m][j] = t;
            }
            NM_ROLL
            for (int i = 0; i < n; i++) {
                double t = a[i][pivot];
                a[i][pivot] = a[i][m];
                a[i][m] = t;
            }
        }
        NM_ROLL
        for (int i = m + 1; i < n; i++) {
            double l = a[i][m - 1] / a[m][m - 1];
            if (l != 0.0) {
                NM_ROLL
                for (int j = m; j < n; j++) {
                    a[i][j] = fma(-l, a[m][j], a[i][j]);
                }
                NM_ROLL
                for (int k = 0; k < n; k++) {
                    a[k][m] = fma(l, a[k][i], a[k][m]);
                }
            }
            a[i][m - 1] = 0.0;
        }
    }
    double norm = 0.0;
    NM_ROLL
    for (int i = 0; i < n; i++) {
        NM_ROLL
        for (int j = i ? i - 1 : 0; j < n; j++) {
            norm += fabs(a[i][j]);
        }
    }
    double shift = 0.0;
    int top = n - 1, iterations = 0;
    while (top >= 0) {
        /* look for a small subdiagonal element */
        int l = top;
        NM_ROLL
        for (; l > 0; l--) {
            double s = fabs(a[l - 1][l - 1]) + fabs(a[l][l]);
            if (s == 0.0) {
                s = norm;
            }
            if (fabs(a[l][l - 1]) <= eps * s) {
                break;
            }
        }
        double x = a[top][top];
        if (l == top) { /* one real root */
            re[top] = x + shift;
            im[top] = 0.0;
            top--;
            iterations = 0;
            continue;
        }
        double y = a[top - 1][top - 1], w = a[top][top - 1] * a[top - 1][top];
        if (l == top - 1) { /* a pair */
            double p = 0.5 * (y - x), q = fma(p, p, w), z = sqrt(fabs(q));
            x += shift;
            if (q >= 0.0) {
                z = p >= 0.0 ? p + z : p - z;
                re[top - 1] = x + z;
                re[top] = z != 0.0 ? x - w / z : x;
                im[top - 1] = im[top] = 0.0;
            } else {
                re[top - 1] = re[top] = x + p;
                im[top - 1] = z;
                im[top] = -z;
            }
            top -= 2;
            iterations = 0;
            continue;
        }
        if (iterations == 60) {
            return false;
        }
        if (iterations % 10 == 9) { /* exceptional shift */
            shift += x;
            NM_ROLL
            for (int i = 0; i <= top; i++) {
                a[i][i] -= x;
            }
            double s = fabs(a[top][top - 1]) + fabs(a[top - 1][top - 2]);
            x = y = 0.75 * s;
            w = -0.4375 * s * s;
        }
        iterations++;
        /* two consecutive small subdiagonal elements */
        double p = 0.0, q = 0.0, r = 0.0, z;
        int m = top - 2;
        NM_ROLL
        for (; m >= l; m--) {
            z = a[m][m];
            double rr = x - z, ss = y - z;
            p = (rr * ss - w) / a[m + 1][m] + a[m][m + 1];
            q = a[m + 1][m + 1] - z - rr - ss;
            r = a[m + 2][m + 1];
            double s = fabs(p) + fabs(q) + fabs(r);
            p /= s;
            q /= s;
            r /= s;
            if (m == l) {
                break;
            }
            double u = fabs(a[m][m - 1]) * (fabs(q) + fabs(r));
            double v = fabs(p) * (fabs(a[m - 1][m - 1]) + fabs(z) + fabs(a[m + 1][m + 1]));
            if (u <= eps * v) {
                break;
            }
        }
        NM_ROLL
        for (int i = m + 2; i <= top; i++) {
            a[i][i - 2] = 0.0;
            if (i > m + 2) {
                a[i][i - 3] = 0.0;
            }
        }
        /* double QR step on rows l..top and columns m..top */
        NM_ROLL
        for (int k = m; k < top; k++) {
            bool is_last = k == top - 1;
            if (k != m) {
                p = a[k][k - 1];
                q = a[k + 1][k - 1];
                r = is_last ? 0.0 : a[k + 2][k - 1];
                x = fabs(p) + fabs(q) + fabs(r);
                if (x != 0.0) {
                    p /= x;
                    q /= x;
                    r /= x;
                }
            }
            double s = sqrt(p * p + q * q + r * r);
            if (p < 0.0) {
                s = -s;
            }
            if (s == 0.0) {
                continue;
            }
            if (k == m) {
                if (l != m) {
                    a[k][k - 1] = -a[k][k - 1];
                }
            } else {
                a[k][k - 1] = -s * x;
            }
            p += s;
            x = p / s;
            y = q / s;
            z = r / s;
            q /= p;
            r /= p;
            NM_ROLL
            for (int j = k; j <= top; j++) {
                double t = a[k][j] + q * a[k + 1][j];
                if (!is_last) {
                    t += r * a[k + 2][j];
                    a[k + 2][j] -= t * z;
                }
                a[k + 1][j] -= t * y;
                a[k][j] -= t * x;
            }
            int last_row = top < k + 3 ? top : k + 3;
            NM_ROLL
            for (int i = l; i <= last_row; i++) {
                double t = x * a[i][k] + y * a[i][k + 1];
                if (!is_last) {
                    t += z * a[i][k + 2];
                    a[i][k + 2] -= t * r;
                }
                a[i][k + 1] -= t * q;
                a[i][k] -= t;
            }
        }
    }
    return true;
}

/* the usual size is a constant, so its loops unroll */
NM_FN bool nm_eigenvalues(int n, double (*a)[NM_NY], double *re, double *im)
{
    constexpr int usual = NM_FEW_REGISTERS ? 0 : NM_N_FREE + NM_N_VOLUMES - NM_NT;
    return n == usual ? nm_eigenvalues_of<usual>(n, a, re, im) : nm_eigenvalues_of<0>(n, a, re, im);
}

#endif
