/* parallel_paths: a motorway and a country lane join A and B. Does each of them balance alone, or only their sum?
 *
 * A and B stand still when the lanes together carry nothing. At equilibrium each lane carries nothing by itself
 * (detailed balance, Onsager 1931); one lane with another ratio kf/kr, held by something that is not told here,
 * makes a loop: out by one lane, back by the others. A lane with kf = kr = 0 is closed. */

#define NM_PARAMETERS(param)                                                                           \
    /*    name     unit             default   low     high    scale   what it is */                    \
    param(T,       "K",             298.15,   273.15, 323.15, linear, "temperature")                   \
    param(C_tot,   "mol m-3",       1.0,      1e-3,   1e3,    log,    "A and B together")              \
    param(kf0,     "s-1",           1000.0,   1e-4,   1e4,    log,    "A to B by lane 0, the motorway") \
    param(kr0,     "s-1",           1000.0,   1e-4,   1e4,    log,    "B to A by lane 0")              \
    param(kf1,     "s-1",           1.0,      1e-4,   1e4,    log,    "A to B by lane 1, the country lane") \
    param(kr1,     "s-1",           1.0,      1e-4,   1e4,    log,    "B to A by lane 1")              \
    param(kf2,     "s-1",           0.0,      0.0,    1e3,    linear, "A to B by lane 2; 0: closed")   \
    param(kr2,     "s-1",           0.0,      0.0,    1e3,    linear, "B to A by lane 2; 0: closed")   \
    param(kf3,     "s-1",           0.0,      0.0,    1e3,    linear, "A to B by lane 3; 0: closed")   \
    param(kr3,     "s-1",           0.0,      0.0,    1e3,    linear, "B to A by lane 3; 0: closed")

#define NM_COMPARTMENTS(compartment)                                                                   \
    compartment(flask, fixed(1.0), ground, "one well-stirred volume")

#define NM_SPECIES(free, trapped, water, held)                                                         \
    /*   name     charge  where   value         text */                                                \
    free(A,       0,      flask,  0.5 * C_tot,  "one end of every lane")                               \
    free(B,       0,      flask,  0.5 * C_tot,  "the other end")

#define NM_TOTALS(total)                                                                               \
    total(C_tot,  A + B,  A,      "A turns into B and back; replaces the balance of A")

#define NM_PATHWAYS(path)                                                                              \
    path(lane0,   A,      B,      mass_action(kf0, kr0),  "the motorway")                              \
    path(lane1,   A,      B,      mass_action(kf1, kr1),  "the country lane")                          \
    path(lane2,   A,      B,      mass_action(kf2, kr2),  "a third lane")                              \
    path(lane3,   A,      B,      mass_action(kf3, kr3),  "a fourth lane")

#define SIZE(x) nm_max(x, -(x))

#define NM_OBSERVABLES(observable)                                                                     \
    observable(Q,      "1",           B / A,  "mass-action ratio, the same for every lane")            \
    observable(J_net,  "mol m-3 s-1", J_lane0 + J_lane1 + J_lane2 + J_lane3,                           \
               "net flux of all lanes: zero at every steady state")                                    \
    observable(J_loop, "mol m-3 s-1",                                                                  \
               0.5 * (SIZE(J_lane0) + SIZE(J_lane1) + SIZE(J_lane2) + SIZE(J_lane3)),                  \
               "loop flux: out by some lanes and back by the others; zero at equilibrium alone")       \
    observable(A_loop, "J mol-1",     NM_R * T * nm_log((kf1 * kr0) / (kr1 * kf0)),                    \
               "affinity of the loop out by lane 1 and back by lane 0")

#define NM_EXTENT "m-3"

#include "nessmap/model.h"
