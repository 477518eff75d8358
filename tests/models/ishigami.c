/* ishigami: a function with known Sobol indices, as a model whose steady state does not depend on it.
 *
 * y = sin x1 + a sin^2 x2 + b x3^4 sin x1 (Ishigami & Homma 1990) of inputs that are uniform on (-pi, pi). */

#define NM_PARAMETERS(param)                                                                        \
    /*    name  unit       default  low                 high               scale   what it is */    \
    param(T,    "K",       300.0,   200.0,              400.0,             linear, "temperature")   \
    param(x1,   "1",       0.5,     -3.141592653589793, 3.141592653589793, linear, "first input")   \
    param(x2,   "1",       0.5,     -3.141592653589793, 3.141592653589793, linear, "second input")  \
    param(x3,   "1",       0.5,     -3.141592653589793, 3.141592653589793, linear, "third input")   \
    param(a,    "1",       7.0,     0.0,                10.0,              linear, "first weight")  \
    param(b,    "1",       0.1,     0.0,                1.0,               linear, "second weight")

#define NM_COMPARTMENTS(compartment) compartment(flask, fixed(1.0), ground, "a flask")

#define NM_SPECIES(free, trapped, water, held)                                                      \
    free(B, 0, flask, NM_PAR(2.0), "product")                                                       \
    held(S, 0, flask, NM_PAR(1.0), "substrate")

#define NM_PATHWAYS(path) path(turn, S, B, mass_action(NM_PAR(1.0), NM_PAR(1.0)), "substrate to product")

#define NM_OBSERVABLES(observable)                                                                  \
    observable(y, "1",                                                                              \
               nm_sin(x1) + a * nm_sin(x2) * nm_sin(x2) + b * x3 * x3 * x3 * x3 * nm_sin(x1),       \
               "the function of Ishigami")

#include "nessmap/model.h"
