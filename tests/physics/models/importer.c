/* importer: a tub with an impermeant core takes up a solute that two fuelled pathways move. When does it swell?
 *
 * S comes in by itself at rate `inflow` and by a fuelled importer, and is carried out by a fuelled exporter. With X
 * diluted away, the volume grows at rate u with S u = inflow + p_in - p_out S and u = P_f v_w (S - S_o); it is
 * bounded where inflow + p_in < p_out S_o. A stronger exporter makes the growth slower, a stronger importer faster. */

#define NM_PARAMETERS(param)                                                                           \
    /*    name     unit           default   low     high    scale   what it is */                      \
    param(T,       "K",           298.15,   273.15, 323.15, linear, "temperature")                     \
    param(S_o,     "mol m-3",     300.0,    10.0,   500.0,  log,    "S in the bath")                   \
    param(N_X,     "mol m-2",     1e-4,     1e-6,   1e-2,   log,    "impermeant solute in the tub")    \
    param(inflow,  "mol m-2 s-1", 1e-6,     0.0,    1e-3,   linear, "S coming in by itself")           \
    param(p_in,    "mol m-2 s-1", 0.0,      0.0,    1e-3,   linear, "S brought in for fuel")           \
    param(p_out,   "m s-1",       1e-8,     0.0,    1e-6,   linear, "S carried out for fuel, per concentration") \
    param(P_f,     "m s-1",       1e-4,     1e-6,   5e-4,   log,    "water permeability")              \
    param(dG,      "J mol-1",     -57000.0, -65000.0, 0.0,  linear, "free energy of the fuel")

#define NM_COMPARTMENTS(compartment)                                                                   \
    compartment(tub,  swells(ell), ground, "it swells")                                                \
    compartment(bath, fixed(1.0),  ground, "its bath")

#define NM_SPECIES(free, trapped, water, held)                                                         \
    /*   name     charge  where  value              text */                                            \
    free(S_i,     0,      tub,   0.5 * S_o,         "solute in the tub")                               \
    trapped(X_i,  0,      tub,   N_X,               "impermeant solute in the tub")                    \
    water(w_i,    0,      tub,   N_X / (0.5 * S_o), "water of the tub")                                \
    held(S_o,     0,      bath,  S_o,               "solute of the bath")                              \
    water(w_o,    0,      bath,  NM_PAR(1.0),       "bath water, without end")

#define NM_FUELS(fuel)                                                                                 \
    fuel(ATP, dG, "pays for both ways")

#define NM_PATHWAYS(path)                                                                              \
    path(leak,    S_o,        S_i,  constant(inflow),     "S comes in by itself")                      \
    path(bring,   S_o + ATP,  S_i,  constant(p_in),       "fuelled importer")                          \
    path(carry,   S_i + ATP,  S_o,  driven(p_out * S_i),  "fuelled exporter")                          \
    path(water,   w_i,        w_o,  osmosis(P_f),         "water, down its osmotic force")

#include "nessmap/model.h"
