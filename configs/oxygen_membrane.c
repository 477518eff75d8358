/* oxygen_membrane: a hot ceramic lets oxygen through, and nothing else. Do its surfaces hold it up, or its inside?
 *
 * An oxide that conducts oxygen ions and electrons separates two gases. At its surfaces oxygen of the gas fills vacancies
 * of the lattice, or leaves them; inside, vacancies diffuse. Electrons are so mobile that a vacancy goes together with
 * its two: a neutral pair, and D is the ambipolar coefficient of Wagner's theory. The surface reaction is that of Xu &
 * Thomson 1999: a gas atom counts as sqrt(p/p_0), filled sites as 1, so vacancies must be few among all sites.
 *
 * The profile of a steady state is a straight line: the vacancies of two sides make it exactly, and the way there is that
 * of a membrane in two lumps. The steady flux of oxygen atoms, with a = k_f sqrt(p/p_0), is
 *   J = k_r (1/a_2 - 1/a_1) / (thickness/D + 1/a_1 + 1/a_2).
 * It is zero where p_1 = p_2, and dissipates J RT ln(p_1/p_2)/2. Bulk and surfaces resist alike where the membrane is as
 * thick as L_c = D (1/a_1 + 1/a_2) (the characteristic thickness of Bouwmeester, Kruidhof & Burggraaf 1994).
 * All quantities are per m2 of membrane. Defaults: the order of what La-Sr-Co-Fe oxides have at 900 degrees Celsius. */

#define NM_PARAMETERS(param)                                                                                \
    /*    name       unit           default   low    high     scale   what it is */                         \
    param(T,         "K",           1173.15,  873.0, 1373.0,  linear, "temperature")                        \
    param(p_1,       "Pa",          2.1e4,    1.0,   1e7,     log,    "oxygen pressure, feed")              \
    param(p_2,       "Pa",          210.0,    1.0,   1e7,     log,    "oxygen pressure, permeate side")     \
    param(p_0,       "Pa",          101325.0, 1e5,   101325.0, linear, "pressure that k_f refers to")       \
    param(thickness, "m",           1e-3,     1e-7,  1e-1,    log,    "thickness of the membrane")          \
    param(D,         "m2 s-1",      8e-10,    1e-13, 1e-7,    log,    "ambipolar diffusion of vacancies")   \
    param(k_f,       "m s-1",       5e-6,     1e-10, 1e-2,    log,    "vacancies are filled, at p_0")       \
    param(k_r,       "mol m-2 s-1", 4e-3,     1e-7,  1e1,     log,    "lattice oxygen leaves vacancies behind")

#define NM_COMPARTMENTS(compartment)                                                                        \
    compartment(feed,          fixed(1.0),             ground, "gas, feed")                                 \
    compartment(feed_side,     fixed(0.5 * thickness), ground, "half of the membrane, feed")                \
    compartment(permeate_side, fixed(0.5 * thickness), ground, "half of the membrane, permeate side")       \
    compartment(permeate,      fixed(1.0),             ground, "gas, permeate side")

/* surface rates per vacancy */
#define A_1 (k_f * nm_sqrt(p_1 / p_0))
#define A_2 (k_f * nm_sqrt(p_2 / p_0))

/* at the start each side is in equilibrium with its own gas */
#define NM_SPECIES(free, trapped, water, held)                                                              \
    /*   name     charge  where          value               text */                                        \
    free(V_1,     0,      feed_side,     k_r / A_1,          "vacancies, feed side")                        \
    free(V_2,     0,      permeate_side, k_r / A_2,          "vacancies, permeate side")                    \
    held(gas_1,   0,      feed,          nm_sqrt(p_1 / p_0), "oxygen atoms of the feed: sqrt(p_1/p_0)")     \
    held(gas_2,   0,      permeate,      nm_sqrt(p_2 / p_0), "oxygen atoms beyond: sqrt(p_2/p_0)")          \
    held(lattice, 0,      feed_side,     NM_PAR(1.0),        "oxygen on nearly all sites of the lattice")

/* J > 0 carries oxygen from feed to permeate: inside, that is a vacancy the other way */
#define NM_PATHWAYS(path)                                                                                   \
    path(enter, gas_1 + V_1, lattice,     mass_action(k_f, k_r),                     "gas into the feed side") \
    path(bulk,  V_2,         V_1,         mass_action(D / thickness, D / thickness), "through the membrane") \
    path(leave, lattice,     V_2 + gas_2, mass_action(k_r, k_f),                     "permeate side into gas")

#define NM_OBSERVABLES(observable)                                                                          \
    observable(J_O2,       "mol m-2 s-1", 0.5 * J_bulk,                "oxygen that permeates, as O2")      \
    observable(L_c,        "m",           D * (1.0 / A_1 + 1.0 / A_2), "characteristic thickness")          \
    observable(bulk_share, "1",           thickness / (thickness + D * (1.0 / A_1 + 1.0 / A_2)),            \
               "share of the bulk in the resistance")

#include "nessmap/model.h"
