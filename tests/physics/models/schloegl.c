/* schloegl: A + 2 X to 3 X and X to B, both reversible. Where do two stable states stand side by side?
 *
 * dX/dt = k1a X^2 - k1m X^3 - k2 X + k2mb: with k1a/k1m, k2/k1m, k2mb/k1m the elementary symmetric functions of three
 * positive roots, the outer two are stable. */

#define NM_PARAMETERS(param)                                                                           \
    /*    name     unit           default   low     high    scale   what it is */                      \
    param(T,       "K",           298.15,   273.15, 323.15, linear, "temperature")                     \
    param(k1a,     "m3 mol-1 s-1", 10.0,    1e-3,   1e3,    log,    "A + 2 X to 3 X, with A at 1")     \
    param(k1m,     "m6 mol-2 s-1", 1.0,     1e-3,   1e3,    log,    "and back")                        \
    param(k2,      "s-1",          27.0,    1e-3,   1e3,    log,    "X to B")                          \
    param(k2mb,    "mol m-3 s-1",  18.0,    1e-3,   1e3,    log,    "and back, with B at 1")           \
    param(X_start, "mol m-3",      2.0,     1e-2,   1e2,    log,    "X at the start")

#define NM_COMPARTMENTS(compartment)                                                                   \
    compartment(flask, fixed(1.0), ground, "one well-stirred volume")

#define NM_SPECIES(free, trapped, water, held)                                                         \
    /*   name     charge  where  value          text */                                                \
    free(X,       0,      flask, X_start,       "autocatalyst")                                        \
    held(A,       0,      flask, NM_PAR(1.0),   "fuel of the autocatalysis")                           \
    held(B,       0,      flask, NM_PAR(1.0),   "waste")

#define NM_PATHWAYS(path)                                                                              \
    path(R1,      A + 2*X, 3*X,    mass_action(k1a, k1m), "autocatalysis")                             \
    path(R2,      X,       B,      mass_action(k2, k2mb), "outflow")

#define NM_EXTENT "m-3"

#include "nessmap/model.h"
