/* The directions in which derivatives are taken: the parameters of a task, and those that are tied to them. */
#ifndef NESSMAP_DIRECTIONS_H
#define NESSMAP_DIRECTIONS_H

#include "nessmap/model.h"

enum {
    NM_PASS = 16,           /* parameters that share one factorization */
    NM_DIRECTIONS = 2, /* parameters of a group, evaluated together */
    NM_MOST_GROUPS = (NM_NP + NM_DIRECTIONS - 1) / NM_DIRECTIONS
};

typedef struct nm_directions {
    double seed[NM_MOST_GROUPS][NM_NP][NM_DIRECTIONS]; /* change of each parameter with those of a group */
    uint8_t concerned[NM_MOST_GROUPS][NM_NJ];          /* pathways that depend on them */
} nm_directions;

NM_FN void nm_find_seeds(nm_directions *to, const nm_task *task)
{
    const nm_gradients *gradients = &task->gradients;
    const nm_draw *draw = &task->draw;
    for (int j = 0; j < NM_MOST_GROUPS * NM_DIRECTIONS; j++) {
        const int g = j / NM_DIRECTIONS, w = j % NM_DIRECTIONS;
        for (int p = 0; p < NM_NP; p++) {
            to->seed[g][p][w] = j < gradients->n_params && gradients->param[j] == p ? 1.0 : 0.0;
        }
        for (int t = 0; t < draw->n_ties; t++) {
            double sum = 0.0;
            for (int k = 0; k < draw->tie[t].n_terms; k++) {
                sum += draw->tie[t].coef[k] * to->seed[g][draw->tie[t].term[k]][w];
            }
            to->seed[g][draw->tie[t].param][w] = sum;
        }
    }
}

#endif
