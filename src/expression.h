/* Affine expressions of names: "150 - K_o", "0.5*(Na_o + K_o)", "A + 2*B". */
#ifndef NESSMAP_EXPRESSION_H
#define NESSMAP_EXPRESSION_H

#include "diag.h"

enum { NM_AFFINE_TERMS = 32 };

typedef struct nm_affine { /* constant + sum_k coef[k] * names[index[k]]; each name at most once */
    double constant;
    int n_terms;
    int index[NM_AFFINE_TERMS];
    double coef[NM_AFFINE_TERMS];
} nm_affine;

/* Reads numbers, names, + - * / and parentheses. names: [n_names].
 * returns NM_USAGE with a sentence fragment (no place, no key) in nm_last_error where the text
 * is not affine. */
nm_status nm_affine_parse(nm_affine *affine, const char *text, const char *const *names,
                          int n_names);

#endif
