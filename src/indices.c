/* Sensitivity indices from the moments of groups of points. */
#include "indices.h"

#include <math.h>
#include <stddef.h>

static double variance_of(const nm_stat *stat)
{
    return stat->m2 / (double)stat->n;
}

static double mean_square(const nm_stat *stat)
{
    return variance_of(stat) + stat->mean * stat->mean;
}

/* covariance of x and y from the moments of x + y and x - y */
static double covariance(const nm_stat *sum, const nm_stat *difference)
{
    return 0.25 * (variance_of(sum) - variance_of(difference));
}

static void find_sobol(nm_indices *indices, double *pair, const nm_stat *stats,
                       const nm_reduction *r)
{
    const int d = r->n_inputs, has_pairs = r->group > d + 2;
    const nm_stat *a = &stats[0], *b = &stats[1], *inputs = stats + 2;
    const double apart = b->mean - a->mean;
    const double variance =
        0.5 * (variance_of(a) + variance_of(b)) + 0.25 * apart * apart; /* of A and B together */
    double sum = a->mean + b->mean, mean_c[NM_MAX_RANDOM];
    for (int i = 0; i < d; i++) {
        mean_c[i] = a->mean - inputs[4 * i].mean;
        sum += mean_c[i];
    }
    const nm_stat *more = inputs + 4 * d; /* A + B, A - B, each E_i, the pairs */
    for (int i = 0; has_pairs && i < d; i++) {
        sum += more[2 + i].mean;
    }
    const double mean = sum / (double)r->group; /* of all rows */
    indices->n = (double)a->n;
    indices->mean = 0.5 * (a->mean + b->mean);
    indices->variance = variance;
    for (int i = 0; i < d; i++) {
        const nm_stat *of = inputs + 4 * i;
        const double product =
            covariance(&of[2], &of[3]) + (b->mean - mean) * (mean_c[i] - a->mean);
        indices->value[0][i] = product / variance;
        indices->value[1][i] = 0.5 * mean_square(&of[0]) / variance;
        indices->value[2][i] = 1.0 - 0.5 * mean_square(&of[1]) / variance;
    }
    if (pair == NULL || !has_pairs) {
        return;
    }
    const double base = covariance(&more[0], &more[1]) + (a->mean - mean) * (b->mean - mean);
    for (int i = 0, at = 2 + d; i < d; i++) {
        for (int j = i + 1; j < d; j++, at += 2) {
            const double product = covariance(&more[at], &more[at + 1]) +
                                   (more[2 + i].mean - mean) * (mean_c[j] - mean);
            pair[i * d + j] =
                (product - base) / variance - indices->value[0][i] - indices->value[0][j];
        }
    }
}

static void find_morris(nm_indices *indices, const nm_stat *stats, const nm_reduction *r)
{
    indices->n = (double)stats[0].n;
    indices->mean = stats[0].mean;
    indices->variance = variance_of(&stats[0]);
    for (int i = 0; i < r->n_inputs; i++) {
        const nm_stat *effect = stats + 1 + 2 * i, *size = effect + 1;
        indices->value[0][i] = effect->mean;
        indices->value[1][i] = size->mean;
        indices->value[2][i] = effect->n > 1 ? sqrt(effect->m2 / (double)(effect->n - 1)) : NAN;
    }
}

void nm_indices_find(nm_indices *indices, double *pair, const nm_stat *stats,
                     const nm_reduction *reduction)
{
    *indices = (nm_indices){.n = 0.0, .mean = NAN, .variance = NAN};
    for (int k = 0; k < NM_N_MEASURES; k++) {
        for (int i = 0; i < NM_MAX_RANDOM; i++) {
            indices->value[k][i] = NAN;
        }
    }
    for (int i = 0; pair != NULL && i < reduction->n_inputs * reduction->n_inputs; i++) {
        pair[i] = NAN;
    }
    if (stats[0].n == 0) {
        return;
    }
    if (reduction->kind == NM_REDUCE_SOBOL) {
        find_sobol(indices, pair, stats, reduction);
    } else {
        find_morris(indices, stats, reduction);
    }
}

/* C of Poincare: variance of f <= C <f'^2>; (width/pi)^2 for log-concave densities of that width
 * (Payne & Weinberger 1960), the variance for a normal one */
static double poincare_constant(const nm_random *random)
{
    const double pi = 3.14159265358979323846;
    switch (random->dist) {
    case NM_DIST_NORMAL:
    case NM_DIST_LOGNORMAL:
        return random->b * random->b;
    case NM_DIST_LOGUNIFORM:
        return random->log_span * random->log_span / (pi * pi);
    default:
        return (random->b - random->a) * (random->b - random->a) / (pi * pi);
    }
}

void nm_indices_dgsm(nm_indices *indices, const nm_stat *stats, const nm_task *task, int quantity)
{
    const int d = task->gradients.n_params;
    const nm_stat *own = &stats[quantity],
                  *slopes = stats + task->gradients.n_outputs + quantity * d;
    indices->n = (double)own->n;
    indices->mean = own->n > 0 ? own->mean : NAN;
    indices->variance = own->n > 0 ? variance_of(own) : NAN;
    for (int i = 0; i < d; i++) {
        const double nu = slopes[i].n > 0 ? mean_square(&slopes[i]) : NAN;
        indices->value[0][i] = nu;
        indices->value[1][i] = indices->variance > 0.0 ? poincare_constant(&task->draw.random[i]) *
                                                             nu / indices->variance
                                                       : NAN;
        indices->value[2][i] = (double)slopes[i].n;
    }
}

double nm_half_width(double standard_deviation, int64_t n)
{
    static const double t[] = {12.706205, 4.302653, 3.182446, 2.776445, 2.570582,
                               2.446912,  2.364624, 2.306004, 2.262157, 2.228139};
    if (n < 2) {
        return NAN;
    }
    const double nu = (double)(n - 1), z = 1.959964, z3 = z * z * z, z5 = z3 * z * z;
    /* beyond the table by the expansion in 1/nu (Abramowitz & Stegun 26.7.5) */
    const double wide = n - 1 <= 10 ? t[n - 2]
                                    : z + (z3 + z) / (4.0 * nu) +
                                          (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * nu * nu);
    return wide * standard_deviation / sqrt((double)n);
}
