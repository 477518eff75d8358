/* charge_varies: a pathway that moves a species whose charge is a parameter. */

#define NM_PARAMETERS(param)                                                                           \
    param(T,    "K",           298.15, 273.15, 323.15, linear, "temperature")                          \
    param(g,    "S m-2",       1.0,    1e-3,   1e3,    log,    "conductance")                          \
    param(C_m,  "F m-2",       0.01,   0.005,  0.03,   log,    "membrane capacitance")                 \
    param(Na_o, "mol m-3",     145.0,  1.0,    500.0,  log,    "Na+ in the bath")

#define NM_COMPARTMENTS(compartment)                                                                   \
    compartment(cell, fixed(1e-6), floats(V, capacitor(C_m)), "a cell")                                \
    compartment(bath, fixed(1.0),  ground,                    "its bath")

#define NM_SPECIES(free, trapped, water, held)                                                         \
    free(Na_i,    +1, cell, NM_PAR(10.0),  "Na+ in the cell")                                          \
    free(Cl_i,    g,  cell, NM_PAR(5.0),   "Cl- in the cell")                                          \
    trapped(X_i,  -1, cell, NM_PAR(5e-6),  "anions of the cell")                                       \
    held(Na_o,    +1, bath, Na_o,          "Na+ of the bath")                                          \
    held(Cl_o,    -1, bath, Na_o,          "Cl- of the bath")

#define NM_PATHWAYS(path)                                                                              \
    path(leak_Na, Na_i, Na_o, ohmic(g), "Na+ leak")                                                    \
    path(leak_Cl, Cl_i, Cl_o, ohmic(g), "Cl- leak")

#include "nessmap/model.h"
