/* na_bath: Na+ leaks in, a pump takes it out. How far below its Nernst value is it held, and by how much fuel?
 *
 * ell dNa/dt = -(J_leak + 3 r): a GHK leak, a cell whose potential a clamp holds, and nothing else. The pump is rev:
 * saturable and reversible, so that without fuel Na+ ends at its Nernst value; mm3: the same sites, never reversing;
 * linear: in proportion to Na+; const: a given rate, which empties the cell where it is faster than any leak refills.
 * The last three push whatever the force. All quantities are per m2 of membrane. */

#define NM_PARAMETERS(param)                                                                               \
    /*    name      unit           default   low      high     scale   what it is */                       \
    param(T,        "K",           310.15,   273.15,  323.15,  linear, "temperature")                      \
    param(V_hold,   "V",           -0.06,    -0.15,   0.1,     linear, "held potential, in - out")         \
    param(P_Na,     "m s-1",       1e-10,    1e-12,   3e-9,    log,    "Na+ permeability")                 \
    param(Na_o,     "mol m-3",     145.0,    20.0,    450.0,   log,    "Na+ in the bath")                  \
    param(ell,      "m",           1e-6,     1e-7,    1e-4,    log,    "cell water / membrane area")       \
    param(Na_start, "mol m-3",     20.0,     1.0,     450.0,   log,    "Na+ in the cell at the start")     \
    param(r,        "mol m-2 s-1", 1e-7,     1e-11,   1e-5,    log,    "pump cycles: at saturation, or given (const)") \
    param(r_linear, "m s-1",       1e-10,    1e-12,   1e-7,    log,    "pump cycles / Na+ (linear)")       \
    param(K_Na,     "mol m-3",     10.0,     4.0,     25.0,    log,    "Na+ at half saturation of a pump site") \
    param(kappa_r,  "1",           1.0,      0.0,     10.0,    linear, "pump reversal factor (rev)")       \
    param(dG_ATP,   "J mol-1",     -57000.0, -65000.0, 0.0,    linear, "free energy of ATP hydrolysis")

#define NM_VARIANTS(variant)                                                                               \
    variant(pump, rev, mm3, linear, const)

#define NM_COMPARTMENTS(compartment)                                                                       \
    compartment(cell, fixed(ell), floats(V, clamp(V_hold, NM_PAR(0.0))), "the cell, clamped")              \
    compartment(bath, fixed(1.0), ground,                                "its bath")

#define NM_SPECIES(free, trapped, water, held)                                                             \
    /*   name  charge  where  value      text */                                                           \
    free(Na_i, +1,     cell,  Na_start,  "Na+ in the cell")                                                \
    held(Na_o, +1,     bath,  Na_o,      "Na+ of the bath")

#define NM_FUELS(fuel)                                                                                     \
    fuel(ATP, dG_ATP, "ATP to ADP and phosphate")

/* from -> to is outward */
#define NM_PATHWAYS(path)                                                                                  \
    path(leak_Na, Na_i,         Na_o,   ghk(P_Na), "Na+ leak")                                             \
    path(pump,    3*Na_i + ATP, 3*Na_o,                                                                    \
         by(pump, saturable(r * hill(Na_i, K_Na, 3), kappa_r), driven(r * hill(Na_i, K_Na, 3)),            \
                  driven(r_linear * Na_i), constant(r)),                                                   \
         "Na+ pump, 3 Na+ an ATP")

#define NM_OBSERVABLES(observable)                                                                         \
    observable(Na_nernst, "mol m-3", Na_o * nm_exp(-(V_hold * NM_PAR(NM_FARADAY)) / (NM_PAR(NM_R) * T)),   \
               "Na+ in the cell at equilibrium with the bath")

#include "nessmap/model.h"
