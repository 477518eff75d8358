/* Linear algebra in long double, which tests of kernels compare with. */
#ifndef NESSMAP_EXACT_H
#define NESSMAP_EXACT_H

#include <math.h>

/* determinant of an N x N matrix, and its inverse unless NULL, by Gauss-Jordan with pivots */
template <int N> static long double invert(long double (*inverse)[N], const long double (*a)[N])
{
    long double s[N][2 * N], det = 1.0L;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            s[i][j] = a[i][j];
            s[i][N + j] = i == j;
        }
    }
    for (int k = 0; k < N; k++) {
        int best = k;
        for (int i = k + 1; i < N; i++) { best = fabsl(s[i][k]) > fabsl(s[best][k]) ? i : best; }
        for (int j = 0; j < 2 * N; j++) {
            const long double t = s[k][j];
            s[k][j] = s[best][j];
            s[best][j] = t;
        }
        det *= best == k ? s[k][k] : -s[k][k];
        const long double pivot = 1.0L / s[k][k];
        for (int j = 0; j < 2 * N; j++) { s[k][j] *= pivot; }
        for (int i = 0; i < N; i++) {
            const long double l = s[i][k];
            for (int j = 0; j < 2 * N && i != k; j++) { s[i][j] -= l * s[k][j]; }
        }
    }
    for (int i = 0; i < N && inverse; i++) {
        for (int j = 0; j < N; j++) { inverse[i][j] = s[i][N + j]; }
    }
    return det;
}

#endif
