/* The directions in which derivatives are taken: the parameters of a task, and those that are tied to them. */
#ifndef NESSMAP_DIRECTIONS_H
#define NESSMAP_DIRECTIONS_H

#include "nessmap/model.h"

enum {
    NM_PASS = 16,      /* parameters that share one factorization */
    NM_DIRECTIONS = 2, /* parameters of a group, evaluated together */
    NM_MOST_GROUPS = (NM_NP + NM_DIRECTIONS - 1) / NM_DIRECTIONS
};

typedef struct nm_directions {
    int16_t column[NM_NP]; /* of each direction in a row of derivatives; groups of wide directions come last */
    double seed[NM_MOST_GROUPS][NM_NP][NM_DIRECTIONS]; /* change of each parameter with those of a group */
    uint8_t concerned[NM_MOST_GROUPS][NM_NJ];          /* pathways that depend on them */
    uint8_t is_wide[NM_MOST_GROUPS];                   /* more than pathways depends on them */
} nm_directions;

/* How all parameters move with parameter `param` of a task: move[NM_NP]. */
NM_FN void nm_find_moves(double *move, const nm_task *task, int param)
{
    for (int i = 0; i < NM_NP; i++) {
        move[i] = i == param ? 1.0 : 0.0;
    }
    for (int t = 0; t < task->draw.n_ties; t++) {
        const nm_tie *tie = &task->draw.tie[t];
        double sum = 0.0;
        for (int k = 0; k < tie->n_terms; k++) {
            sum += tie->coef[k] * move[tie->term[k]];
        }
        move[tie->param] = sum;
    }
}

#endif
