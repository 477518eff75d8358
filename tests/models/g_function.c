/* g_function: a function with known Sobol indices, as a model whose steady state does not depend on it.
 *
 * y = prod_i (|4 x_i - 2| + a_i) / (1 + a_i) with a = 0, 1, 4.5, 9, 99, 99, 99, 99 (Saltelli & Sobol 1995) of inputs that
 * are uniform on (0, 1). */

#define NM_PARAMETERS(param)                                                                        \
    /*    name  unit  default  low    high   scale   what it is */                                  \
    param(T,    "K",  300.0,   200.0, 400.0, linear, "temperature")                                 \
    param(x1,   "1",  0.3,     0.0,   1.0,   linear, "input, a = 0")                                \
    param(x2,   "1",  0.3,     0.0,   1.0,   linear, "input, a = 1")                                \
    param(x3,   "1",  0.3,     0.0,   1.0,   linear, "input, a = 4.5")                              \
    param(x4,   "1",  0.3,     0.0,   1.0,   linear, "input, a = 9")                                \
    param(x5,   "1",  0.3,     0.0,   1.0,   linear, "input, a = 99")                               \
    param(x6,   "1",  0.3,     0.0,   1.0,   linear, "input, a = 99")                               \
    param(x7,   "1",  0.3,     0.0,   1.0,   linear, "input, a = 99")                               \
    param(x8,   "1",  0.3,     0.0,   1.0,   linear, "input, a = 99")

#define NM_COMPARTMENTS(compartment) compartment(flask, fixed(1.0), ground, "a flask")

#define NM_SPECIES(free, trapped, water, held)                                                      \
    free(B, 0, flask, NM_PAR(2.0), "product")                                                       \
    held(S, 0, flask, NM_PAR(1.0), "substrate")

#define NM_PATHWAYS(path) path(turn, S, B, mass_action(NM_PAR(1.0), NM_PAR(1.0)), "substrate to product")

#define FACTOR(x, a) ((nm_abs(4.0 * x - 2.0) + (a)) / (1.0 + (a)))

#define NM_OBSERVABLES(observable)                                                                  \
    observable(y, "1",                                                                              \
               FACTOR(x1, 0.0) * FACTOR(x2, 1.0) * FACTOR(x3, 4.5) * FACTOR(x4, 9.0) *              \
                   FACTOR(x5, 99.0) * FACTOR(x6, 99.0) * FACTOR(x7, 99.0) * FACTOR(x8, 99.0),       \
               "the g-function")

#include "nessmap/model.h"
