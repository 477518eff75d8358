/* Sensitivity indices from the moments of groups of points (kernels/reduce.h): arithmetic alone.
 *
 * Sobol: S1, first order (Saltelli et al. 2010, centred at the mean of all rows, as SALib does), ST, total (Jansen
 * 1999), S1_jansen, first order by Jansen's estimator, S2, second order (Saltelli 2002). Morris: mu, mean of the
 * elementary effects per unit of the quantile of an input, mu_star, mean of their sizes (Campolongo et al. 2007), sigma,
 * their standard deviation. DGSM: nu, mean of the squared derivative (Sobol & Kucherenko 2009), ST_bound = C nu/variance,
 * which the total index does not exceed (Lamboni et al. 2013), with the constant C of Poincare of the distribution. */
#ifndef NESSMAP_INDICES_H
#define NESSMAP_INDICES_H

#include "nessmap/model_abi.h"

enum { NM_N_MEASURES = 3 }; /* of each input */

/* measure(kind, number, name, text) */
#define NM_MEASURE_LIST(measure)                                                                   \
    measure(SOBOL, 0, S1, "first-order Sobol index") measure(SOBOL, 1, ST, "total Sobol index")    \
        measure(SOBOL, 2, S1_jansen, "first-order Sobol index by Jansen's estimator")              \
            measure(MORRIS, 0, mu, "mean elementary effect")                                       \
                measure(MORRIS, 1, mu_star, "mean size of the elementary effects")                 \
                    measure(MORRIS, 2, sigma, "standard deviation of the elementary effects")      \
                        measure(DGSM, 0, nu, "mean squared derivative") measure(                   \
                            DGSM, 1, ST_bound, "upper bound of the total Sobol index")             \
                            measure(DGSM, 2, n_nu, "number of points that have the derivative")

typedef struct nm_indices {
    double n, mean, variance;                   /* groups with a value; of the output */
    double value[NM_N_MEASURES][NM_MAX_RANDOM]; /* of each input; NaN where the variance is 0 */
} nm_indices;

/* From the n_each statistics of one quantity. pair: [n_inputs][n_inputs] second-order indices above
 * the diagonal, NaN elsewhere; may be NULL. */
void nm_indices_find(nm_indices *indices, double *pair, const nm_stat *stats,
                     const nm_reduction *reduction);

/* 1 where derivatives are taken by ln x: loguniform and lognormal. */
static inline int nm_is_drawn_in_ln(const nm_random *random)
{
    return random->dist == NM_DIST_LOGUNIFORM || random->dist == NM_DIST_LOGNORMAL;
}

/* Of one output, from the statistics of all slots of a task. The draw is prepared. */
void nm_indices_dgsm(nm_indices *indices, const nm_stat *stats, const nm_task *task, int quantity);

/* Half the width of the interval of 95 % around a mean of n values, by Student's t; NaN below two. */
double nm_half_width(double standard_deviation, int64_t n);

#endif
