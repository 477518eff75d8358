/* pacemaker: a chemical cycle opens and closes a K+ leak, so the membrane potential beats. Between which values?
 *
 * X and Y are a Brusselator inside the cell (driven steps: nothing but rates); X opens the K+ leak. A pump at a given
 * rate brings K+ in and Na+ out. */

#define NM_PARAMETERS(param)                                                                           \
    /*    name     unit           default   low     high    scale   what it is */                      \
    param(T,       "K",           310.15,   273.15, 323.15, linear, "temperature")                     \
    param(a,       "1",           1.0,      0.1,    10.0,   log,    "inflow of X")                     \
    param(b,       "1",           3.0,      0.1,    10.0,   log,    "X to Y")                          \
    param(pace,    "s-1",         0.01,     1e-3,   1e3,    log,    "rate constant of all steps")      \
    param(X_start, "mol m-3",     1.5,      0.1,    10.0,   log,    "X at the start")                  \
    param(Y_start, "mol m-3",     2.0,      0.1,    10.0,   log,    "Y at the start")                  \
    param(g_Na,    "mol m-2 s-1", 2e-7,     1e-12,  1e-5,   log,    "Na+ leak, rate per force")        \
    param(g_K,     "mol m-2 s-1", 2e-6,     1e-12,  1e-5,   log,    "K+ leak, rate per force and X")   \
    param(rate,    "mol m-2 s-1", 2e-7,     0.0,    1e-5,   linear, "pump cycles")                     \
    param(C_m,     "F m-2",       0.01,     0.005,  0.03,   log,    "membrane capacitance")            \
    param(size,    "m",           1e-5,     1e-7,   1e-3,   log,    "cell volume / membrane area")     \
    param(dG,      "J mol-1",     -57000.0, -65000.0, 0.0,  linear, "free energy of the fuel")

#define NM_COMPARTMENTS(compartment)                                                                   \
    compartment(cell, fixed(size), floats(V, capacitor(C_m)), "of fixed volume")                       \
    compartment(bath, fixed(1.0),  ground,                    "its bath")

/* fixed negative charge that leaves -60 mV at the start: free Na+ and K+ minus this */
#define NM_SPECIES(free, trapped, water, held)                                                         \
    /*   name     charge  where  value                text */                                          \
    free(Na_i,    +1,     cell,  NM_PAR(15.0),        "Na+ in the cell")                               \
    free(K_i,     +1,     cell,  NM_PAR(140.0),       "K+ in the cell")                                \
    free(X,       0,      cell,  X_start,             "opens the K+ leak")                             \
    free(Y,       0,      cell,  Y_start,             "what X feeds on")                               \
    trapped(P_i,  -1,     cell,  155.0 * size,        "fixed anions")                                  \
    held(Na_o,    +1,     bath,  NM_PAR(145.0),       "Na+ of the bath")                               \
    held(K_o,     +1,     bath,  NM_PAR(5.0),         "K+ of the bath")                                \
    held(S_o,     0,      bath,  NM_PAR(1.0),         "source and sink of X")

#define NM_FUELS(fuel)                                                                                 \
    fuel(ATP, dG, "pays for the pump and for the beat")

#define NM_PATHWAYS(path)                                                                              \
    path(leak_Na, Na_i,                 Na_o,           linear(g_Na),                  "Na+ leak")     \
    path(leak_K,  K_i,                  K_o,            reciprocal(g_K * X),           "K+ leak")      \
    path(pump,    3*Na_i + 2*K_o + ATP, 3*Na_o + 2*K_i, constant(rate),                "the pump")     \
    path(step_1,  S_o + ATP,            X,              driven(pace * size * a),       "inflow of X")  \
    path(step_2,  Y + ATP,              X,              driven(pace * size * (X * X * Y)), "autocatalysis") \
    path(step_3,  X + ATP,              Y,              driven(pace * size * b * X),   "X to Y")       \
    path(step_4,  X + ATP,              S_o,            driven(pace * size * X),       "outflow of X")

#include "nessmap/model.h"
