/* decay: A turns into B and may not come back; C is drained at a given rate; S may have nothing to do. What is left?
 *
 * Without the way back A ends at exactly zero. A drain of constant rate empties any store that is not refilled in a
 * finite time. */

#define NM_PARAMETERS(param)                                                                           \
    /*    name     unit           default   low     high    scale   what it is */                      \
    param(T,       "K",           298.15,   273.15, 323.15, linear, "temperature")                     \
    param(kf,      "s-1",         1.0,      1e-3,   1e3,    log,    "A to B")                          \
    param(kr,      "s-1",         0.5,      0.0,    1e3,    linear, "B to A")                          \
    param(k_C,     "s-1",         1.0,      0.0,    1e3,    linear, "exchange of C with the store")    \
    param(k_S,     "s-1",         1.0,      0.0,    1e3,    linear, "exchange of S with the store")    \
    param(drain,   "mol m-3 s-1", 0.0,      0.0,    10.0,   linear, "C drained away")                  \
    param(C_store, "mol m-3",     1.0,      1e-3,   1e3,    log,    "C and S in the store")            \
    param(AB_tot,  "mol m-3",     2.0,      1e-3,   1e3,    log,    "A and B together")                \
    param(S_start, "mol m-3",     0.7,      1e-3,   1e3,    log,    "S at the start")

#define NM_COMPARTMENTS(compartment)                                                                   \
    compartment(flask, fixed(1.0), ground, "one well-stirred volume")                                  \
    compartment(store, fixed(1.0), ground, "a store without end")

#define NM_SPECIES(free, trapped, water, held)                                                         \
    /*   name     charge  where  value          text */                                                \
    free(A,       0,      flask, 0.5 * AB_tot,  "decays")                                              \
    free(B,       0,      flask, 0.5 * AB_tot,  "what it turns into")                                  \
    free(C_in,    0,      flask, 2.0 * C_store, "drained")                                             \
    free(S_in,    0,      flask, S_start,       "bystander where k_S is 0")                            \
    held(C_out,   0,      store, C_store,       "C in the store")                                      \
    held(S_out,   0,      store, C_store,       "S in the store")                                      \
    held(W,       0,      store, C_store,       "where the drain ends")

#define NM_TOTALS(total)                                                                               \
    total(AB_tot, A + B,  A,     "replaces the balance of A")

#define NM_PATHWAYS(path)                                                                              \
    path(R,       A,      B,     mass_action(kf, kr),      "the decay")                                \
    path(leak_C,  C_in,   C_out, mass_action(k_C, k_C),    "exchange of C with the store")             \
    path(leak_S,  S_in,   S_out, mass_action(k_S, k_S),    "exchange of S with the store")             \
    path(sink,    C_in,   W,     constant(drain),          "the drain")

#define NM_EXTENT "m-3"

#include "nessmap/model.h"
