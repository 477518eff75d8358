/* What c11_model.c gives: compiled once with nm_real = double, once with -DNM_COMPLEX. */
#ifndef NESSMAP_C11_MODEL_H
#define NESSMAP_C11_MODEL_H

#ifdef __cplusplus
extern "C" {
#endif

/* out row[n_unknowns]: balances, totals, charge rows; in choice[n_variants], p[n_params] (SI), y[n_unknowns] */
void nm_c11_rows(double *row, const int *choice, const double *p, const double *y);

/* out slope[n_unknowns]: d row / d y[unknown], by a complex step */
void nm_c11_complex_step(double *slope, const int *choice, const double *p, const double *y,
                         int unknown);

#ifdef __cplusplus
}
#endif

#endif
