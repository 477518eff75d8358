/* network: a molecule goes from state to state along edges. Which loops turn, and what do they cost?
 *
 * Every edge leads over one transition state (Eyring 1935): energies G of the states, the height B of the edge's
 * barrier, and a drive f by fuel that no state tells of, of which theta speeds the edge forwards and the rest slows
 * it backwards. Without drives, or where they cancel round every loop, no edge carries a net flux, whatever the
 * barriers (Kolmogorov 1936). Else loops turn: each edge between states that earlier edges join already closes one,
 * with a flux Jcyc_ and an affinity Acyc_, and the sum of their products is the dissipation (Schnakenberg 1976).
 * With p_tot = 1, p0, p1, ... are occupancies, J_ is per molecule and second, and sigma_total is R times the
 * entropy production of a molecule in k_B.
 *
 * The states and edges are those of
 *     states = 4
 *     edges = "0-1 1-2 2-3 3-0 0-2"
 * in [variant], from which nessmap writes this file (src/topology_network.c). */

#define NM_PARAMETERS(param)                                                                                   \
    /*    name       unit       default   low        high      scale   what it is */                           \
    param(T,         "K",       298.15,   273.15,    323.15,   linear, "temperature")                          \
    param(kappa,     "1",       1.0,      1e-3,      1.0,      linear, "transmission coefficient")             \
    param(p_tot,     "mol m-3", 1.0,      1e-3,      1e3,      log,    "all states together")                  \
    param(G0,        "J mol-1", 0.0,      -15000.0,  15000.0,  linear, "energy of state 0")                    \
    param(G1,        "J mol-1", 0.0,      -15000.0,  15000.0,  linear, "energy of state 1")                    \
    param(G2,        "J mol-1", 0.0,      -15000.0,  15000.0,  linear, "energy of state 2")                    \
    param(G3,        "J mol-1", 0.0,      -15000.0,  15000.0,  linear, "energy of state 3")                    \
    param(B_e0,      "J mol-1", 50000.0,  28000.0,   77000.0,  linear, "energy of the barrier between 0 and 1") \
    param(f_e0,      "J mol-1", 10000.0,  -50000.0,  50000.0,  linear, "drive from 0 to 1")                    \
    param(theta_e0,  "1",       0.5,      0.0,       1.0,      linear, "share of it that speeds 0 to 1")       \
    param(B_e1,      "J mol-1", 50000.0,  28000.0,   77000.0,  linear, "energy of the barrier between 1 and 2") \
    param(f_e1,      "J mol-1", 0.0,      -50000.0,  50000.0,  linear, "drive from 1 to 2")                    \
    param(theta_e1,  "1",       0.5,      0.0,       1.0,      linear, "share of it that speeds 1 to 2")       \
    param(B_e2,      "J mol-1", 50000.0,  28000.0,   77000.0,  linear, "energy of the barrier between 2 and 3") \
    param(f_e2,      "J mol-1", 0.0,      -50000.0,  50000.0,  linear, "drive from 2 to 3")                    \
    param(theta_e2,  "1",       0.5,      0.0,       1.0,      linear, "share of it that speeds 2 to 3")       \
    param(B_e3,      "J mol-1", 50000.0,  28000.0,   77000.0,  linear, "energy of the barrier between 3 and 0") \
    param(f_e3,      "J mol-1", 0.0,      -50000.0,  50000.0,  linear, "drive from 3 to 0")                    \
    param(theta_e3,  "1",       0.5,      0.0,       1.0,      linear, "share of it that speeds 3 to 0")       \
    param(B_e4,      "J mol-1", 50000.0,  28000.0,   77000.0,  linear, "energy of the barrier between 0 and 2") \
    param(f_e4,      "J mol-1", 0.0,      -50000.0,  50000.0,  linear, "drive from 0 to 2")                    \
    param(theta_e4,  "1",       0.5,      0.0,       1.0,      linear, "share of it that speeds 0 to 2")

#define NM_COMPARTMENTS(compartment)                                                                           \
    compartment(flask, fixed(1.0), ground, "one well-stirred volume")

#define NM_SPECIES(free, trapped, water, held)                                                                 \
    /*   name  charge  where   value         text */                                                           \
    free(p0,   0,      flask,  p_tot / 4.0,  "state 0")                                                        \
    free(p1,   0,      flask,  p_tot / 4.0,  "state 1")                                                        \
    free(p2,   0,      flask,  p_tot / 4.0,  "state 2")                                                        \
    free(p3,   0,      flask,  p_tot / 4.0,  "state 3")

#define NM_TOTALS(total)                                                                                       \
    total(p_tot, p0 + p1 + p2 + p3, p0,                                                                        \
          "nothing is made or lost; replaces the balance of p0, which most edges touch")

#define NM_PATHWAYS(path)                                                                                      \
    path(e0, p0, p1,    barrier(kappa, B_e0, G0, G1, f_e0, theta_e0),     "from state 0 to state 1")           \
    path(e1, p1, p2,    barrier(kappa, B_e1, G1, G2, f_e1, theta_e1),     "from state 1 to state 2")           \
    path(e2, p2, p3,    barrier(kappa, B_e2, G2, G3, f_e2, theta_e2),     "from state 2 to state 3")           \
    path(e3, p3, p0,    barrier(kappa, B_e3, G3, G0, f_e3, theta_e3),     "from state 3 to state 0")           \
    path(e4, p0, p2,    barrier(kappa, B_e4, G0, G2, f_e4, theta_e4),     "from state 0 to state 2")

#define NM_STATIONARY_GTH
#define NM_EXTENT "m-3"

#include "nessmap/model.h"
