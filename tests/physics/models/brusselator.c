/* brusselator: held A and B keep an autocatalytic step turning. When does the steady state give way to a cycle?
 *
 * Steps 1 to 4 are reversible with the same small backward constant k_back. Then <X> over a period is exactly
 * (A + k_back E)/(1 + k_back), and for k_back -> 0 the steady state (A, B/A) loses stability at B = 1 + A^2. */

#define NM_PARAMETERS(param)                                                                           \
    /*    name     unit       default   low     high    scale   what it is */                          \
    param(T,       "K",       298.15,   273.15, 323.15, linear, "temperature")                         \
    param(A_c,     "mol m-3", 1.0,      0.1,    10.0,   log,    "A, held")                             \
    param(B_c,     "mol m-3", 3.0,      0.1,    10.0,   log,    "B, held")                             \
    param(W_c,     "mol m-3", 1.0,      0.1,    10.0,   log,    "W, held")                             \
    param(E_c,     "mol m-3", 1.0,      0.1,    10.0,   log,    "E, held")                             \
    param(k_back,  "1",       1e-6,     1e-12,  1.0,    log,    "every backward rate constant")        \
    param(X_start, "mol m-3", 1.5,      0.1,    10.0,   log,    "X at the start")                      \
    param(Y_start, "mol m-3", 2.0,      0.1,    10.0,   log,    "Y at the start")

#define NM_COMPARTMENTS(compartment)                                                                   \
    compartment(flask, fixed(1.0), ground, "one well-stirred volume")

#define NM_SPECIES(free, trapped, water, held)                                                         \
    /*   name     charge  where  value    text */                                                      \
    free(X,       0,      flask, X_start, "autocatalyst")                                              \
    free(Y,       0,      flask, Y_start, "what it feeds on")                                          \
    held(A,       0,      flask, A_c,     "source of X")                                               \
    held(B,       0,      flask, B_c,     "turns X into Y")                                            \
    held(W,       0,      flask, W_c,     "waste of that")                                             \
    held(E,       0,      flask, E_c,     "sink of X")

#define NM_PATHWAYS(path)                                                                              \
    path(R1,      A,       X,      mass_action(NM_PAR(1.0), k_back), "inflow")                         \
    path(R2,      2*X + Y, 3*X,    mass_action(NM_PAR(1.0), k_back), "autocatalysis")                  \
    path(R3,      B + X,   Y + W,  mass_action(NM_PAR(1.0), k_back), "conversion")                     \
    path(R4,      X,       E,      mass_action(NM_PAR(1.0), k_back), "outflow")

#define NM_EXTENT "m-3"

#include "nessmap/model.h"
