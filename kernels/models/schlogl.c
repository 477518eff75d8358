/* schlogl: A + 2 x to 3 x and x to B, both reversible. Where do two states stand side by side, where is equilibrium?
 *
 * dx/dt = k1a x^2 - k1m x^3 - k2 x + k2mb (Schloegl 1972). Equilibrium is where k1a k2 = k1m k2mb, and lies in the
 * region of one state: two stable states need a flux of A to B. With k1a/k1m, k2/k1m, k2mb/k1m the elementary symmetric
 * functions of three positive roots, the outer two are stable. */

#define NM_PARAMETERS(param)                                                                               \
    /*    name     unit            default   low     high    scale   what it is */                         \
    param(T,       "K",            298.15,   273.15, 323.15, linear, "temperature")                        \
    param(k1a,     "m3 mol-1 s-1", 10.0,     1e-2,   1e2,    log,    "A + 2 x to 3 x, A included")         \
    param(k1m,     "m6 mol-2 s-1", 1.0,      1e-2,   1e2,    log,    "and back")                           \
    param(k2,      "s-1",          27.0,     1e-2,   1e2,    log,    "x to B")                             \
    param(k2mb,    "mol m-3 s-1",  18.0,     1e-2,   1e3,    log,    "and back, B included")               \
    param(x_start, "1",            0.9,      0.1,    10.0,   log,    "x at the start / sqrt(k2 / (3 k1m))")

#define NM_COMPARTMENTS(compartment)                                                                       \
    compartment(flask, fixed(1.0), ground, "one well-stirred volume")

/* sqrt(k2 / (3 k1m)) is the geometric mean of the minimum and the maximum of the rate: where there are three roots, it
 * lies between the outer two */
#define NM_SPECIES(free, trapped, water, held)                                                             \
    /*   name  charge  where  value                               text */                                  \
    free(x,    0,      flask, x_start * nm_sqrt(k2 / (3.0 * k1m)), "autocatalyst")                         \
    held(A,    0,      flask, NM_PAR(1.0),                        "what feeds it; its amount is in k1a")   \
    held(B,    0,      flask, NM_PAR(1.0),                        "what it turns into; its amount is in k2mb")

#define NM_PATHWAYS(path)                                                                                  \
    path(R1,   A + 2*x, 3*x,  mass_action(k1a, k1m), "autocatalysis")                                      \
    path(R2,   x,       B,    mass_action(k2, k2mb), "outflow")

#define NM_OBSERVABLES(observable)                                                                         \
    observable(affinity_RT, "1", nm_log((k1a * k2) / (k1m * k2mb)), "affinity of A to B / RT; 0 at equilibrium")

#define NM_EXTENT "m-3"
/* Newton reaches an outer state from beyond it, so further starts lie far out: 1/3000 to 3000 times the first */
#define NM_START_SPREAD 16.0

#include "nessmap/model.h"
