/* What is kept of points beyond moments (kernels/project.h): bins along outputs and parameters, bins of equal
 * probability along each input for first-order indices, and what quantiles need. */
#ifndef NESSMAP_PROJECTION_H
#define NESSMAP_PROJECTION_H

#include "plan.h"

enum {
    NM_EXACT_POINTS = 65536, /* cells of at most so many points have exact quantiles */
    NM_QUANTILE_BINS = 2048, /* of equal probability by the pilot, for longer ones */
    NM_GIVEN_BINS = 64,      /* along an input, of equal probability */
    NM_GIVEN_POINTS = 16 /* least points of such a bin; fewer bins where there are fewer points */
};

/* Fills what task.reduction has for the words of records, whose cells have cell_points; the outputs
 * are chosen and the draw is prepared. Stores the parameters that are needed. returns NM_USAGE with
 * one sentence, NM_MEMORY. */
nm_status nm_projection_plan(nm_plan *plan, nm_reduce_kind kind, int64_t cell_points);
void nm_projection_clear(nm_plan *plan);

/* Sets centre and scale of each slot, and the edges of quantile bins, from the finite ones among the
 * values[n_slots][n] of a pilot, which are moved. returns NM_MEMORY. */
void nm_projection_fit(nm_plan *plan, double *values, int64_t n);

/* Name, unit and text of an axis of the bins. */
const char *nm_projection_axis_name(const nm_plan *plan, int axis, const char **unit,
                                    const char **text);

/* --- what a record says --- */

typedef struct nm_bin {
    int64_t n;
    double mean, sd, min, max; /* NaN where there is none */
} nm_bin;

/* words: of a record; the outcomes of its points [NM_N_OUTCOMES], and a slot's values, in a bin */
const int64_t *nm_bin_outcomes(const int64_t *words, const nm_reduction *r, int projection,
                               int64_t bin);
nm_bin nm_bin_find(const int64_t *words, const nm_reduction *r, int64_t bin, int slot);

/* First-order index of `quantity`, an output or an indicator behind them, of input number `input`:
 * the share of the variance that lies between its bins (Plischke et al. 2013). stat: of the output.
 * is_independent: draws are, so that the part that chance makes is taken off. NaN without variance. */
double nm_given_index(const int64_t *words, const nm_reduction *r, const nm_stat *stat, int input,
                      int quantity, int is_independent);

/* Mean, variance and number of values of an indicator. */
void nm_given_indicator(double *mean, double *variance, double *n, const int64_t *words,
                        const nm_reduction *r, int indicator);

/* Quantile number k of a slot from a record, exact or from bins. */
double nm_quantile_find(const int64_t *words, const nm_reduction *r, const nm_stat *stat, int slot,
                        int k);

/* Values that were too far from the pilot's to be summed as they are. */
int64_t nm_projection_clamped(const int64_t *words, const nm_reduction *r);

#endif
