/* barrier: every way between two states leads over one transition state. What do the heights of the barriers decide?
 *
 * Transition-state theory (Eyring 1935): forwards and backwards pass the same bottleneck, so the ratio of the two rates
 * is fixed by the energies of the states, and the height moves time alone. Only a drive f that does not come from
 * energies of the states, like fuel held by others, can turn a loop. Three states and seven ways: four between A and B,
 * two between B and C, one between C and A. A way with a very high barrier is closed. */

#define NM_PARAMETERS(param)                                                                                   \
    /*    name     unit        default   low       high     scale   what it is */                              \
    param(T,       "K",        298.15,   273.15,   323.15,  linear, "temperature")                             \
    param(kappa,   "1",        1.0,      1e-3,     1.0,     log,    "transmission coefficient")                \
    param(C_tot,   "mol m-3",  1.0,      1e-3,     1e3,     log,    "A, B and C together")                     \
    param(G_A,     "J mol-1",  0.0,      -15000.0, 15000.0, linear, "energy of state A")                       \
    param(G_B,     "J mol-1",  -3000.0,  -15000.0, 15000.0, linear, "energy of state B")                       \
    param(G_C,     "J mol-1",  2000.0,   -15000.0, 15000.0, linear, "energy of state C")                       \
    param(B_AB1,   "J mol-1",  50000.0,  28000.0,  77000.0, linear, "energy of the transition state of AB1")   \
    param(B_AB2,   "J mol-1",  60000.0,  28000.0,  77000.0, linear, "energy of the transition state of AB2")   \
    param(B_AB3,   "J mol-1",  65000.0,  28000.0,  77000.0, linear, "energy of the transition state of AB3")   \
    param(B_AB4,   "J mol-1",  70000.0,  28000.0,  77000.0, linear, "energy of the transition state of AB4")   \
    param(B_BC1,   "J mol-1",  55000.0,  28000.0,  77000.0, linear, "energy of the transition state of BC1")   \
    param(B_BC2,   "J mol-1",  65000.0,  28000.0,  77000.0, linear, "energy of the transition state of BC2")   \
    param(B_CA,    "J mol-1",  52000.0,  28000.0,  77000.0, linear, "energy of the transition state of CA")    \
    param(f_AB1,   "J mol-1",  0.0,      -50000.0, 50000.0, linear, "drive of AB1, favours A to B")            \
    param(f_AB2,   "J mol-1",  0.0,      -50000.0, 50000.0, linear, "drive of AB2, favours A to B")            \
    param(f_AB3,   "J mol-1",  0.0,      -50000.0, 50000.0, linear, "drive of AB3, favours A to B")            \
    param(f_AB4,   "J mol-1",  0.0,      -50000.0, 50000.0, linear, "drive of AB4, favours A to B")            \
    param(f_BC1,   "J mol-1",  0.0,      -50000.0, 50000.0, linear, "drive of BC1, favours B to C")            \
    param(f_BC2,   "J mol-1",  0.0,      -50000.0, 50000.0, linear, "drive of BC2, favours B to C")            \
    param(f_CA,    "J mol-1",  0.0,      -50000.0, 50000.0, linear, "drive of CA, favours C to A")             \
    param(theta_AB1, "1",      0.5,      0.0,      1.0,     linear, "share of its drive that speeds A to B")   \
    param(theta_AB2, "1",      0.5,      0.0,      1.0,     linear, "share of its drive that speeds A to B")   \
    param(theta_AB3, "1",      0.5,      0.0,      1.0,     linear, "share of its drive that speeds A to B")   \
    param(theta_AB4, "1",      0.5,      0.0,      1.0,     linear, "share of its drive that speeds A to B")   \
    param(theta_BC1, "1",      0.5,      0.0,      1.0,     linear, "share of its drive that speeds B to C")   \
    param(theta_BC2, "1",      0.5,      0.0,      1.0,     linear, "share of its drive that speeds B to C")   \
    param(theta_CA,  "1",      0.5,      0.0,      1.0,     linear, "share of its drive that speeds C to A")

#define NM_COMPARTMENTS(compartment)                                                                           \
    compartment(flask, fixed(1.0), ground, "one well-stirred volume")

#define NM_SPECIES(free, trapped, water, held)                                                                 \
    /*   name  charge  where   value            text */                                                        \
    free(A,    0,      flask,  C_tot / 3.0,     "state A")                                                     \
    free(B,    0,      flask,  C_tot / 3.0,     "state B")                                                     \
    free(C,    0,      flask,  C_tot / 3.0,     "state C")

#define NM_TOTALS(total)                                                                                       \
    total(C_tot, A + B + C, B, "nothing is made or lost; replaces the balance of B, which most ways meet")

#define NM_PATHWAYS(path)                                                                                      \
    path(AB1, A, B, barrier(kappa, B_AB1, G_A, G_B, f_AB1, theta_AB1), "first way from A to B")                \
    path(AB2, A, B, barrier(kappa, B_AB2, G_A, G_B, f_AB2, theta_AB2), "second way from A to B")               \
    path(AB3, A, B, barrier(kappa, B_AB3, G_A, G_B, f_AB3, theta_AB3), "third way from A to B")                \
    path(AB4, A, B, barrier(kappa, B_AB4, G_A, G_B, f_AB4, theta_AB4), "fourth way from A to B")               \
    path(BC1, B, C, barrier(kappa, B_BC1, G_B, G_C, f_BC1, theta_BC1), "first way from B to C")                \
    path(BC2, B, C, barrier(kappa, B_BC2, G_B, G_C, f_BC2, theta_BC2), "second way from B to C")               \
    path(CA,  C, A, barrier(kappa, B_CA,  G_C, G_A, f_CA,  theta_CA),  "the way from C to A")

#define NM_OBSERVABLES(observable)                                                                             \
    observable(B_over_A, "1", B / A, "exp((G_A - G_B)/RT) at equilibrium, whatever the barriers")              \
    observable(C_over_B, "1", C / B, "exp((G_B - G_C)/RT) at equilibrium, whatever the barriers")              \
    observable(affinity_ring, "J mol-1", f_AB1 + f_BC1 + f_CA, "affinity of the loop AB1, BC1, CA")

#define NM_EXTENT "m-3"

#include "nessmap/model.h"
