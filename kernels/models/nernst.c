/* nernst: ions on both sides of a membrane. Which potential brings each of them to rest, and what has no say in it?
 *
 * C dV/dt = I_app - (current out). An ion alone takes V to its Nernst potential E = RT/(zF) ln(c_out/c_in), where its
 * one-way fluxes are equal and not zero; conductance, gating and capacitance set the time alone. Several ions, held
 * at different E, keep each other out of equilibrium at a steady V (Goldman 1943; Hodgkin & Katz 1949). The force on
 * an ion has a chemical part RT ln(c_in/c_out) and an electrical part zFV; a neutral solute has the first alone.
 * inside = finite: the inside is a volume ell per area whose ions run down; free, it stays neutral by its fixed
 * charge. All quantities are per m2 of membrane.
 *
 * The ions are those of
 *     ions = "Na:+1 K:+1 Cl:-1 Ca:+2 S:0"
 * in [variant], from which nessmap writes this file (src/topology_nernst.c). */

#define NM_PARAMETERS(param)                                                                                   \
    /*    name     unit           default   low      high     scale   what it is */                            \
    param(T,       "K",           310.15,   273.15,  323.15,  linear, "temperature")                           \
    param(C_m,     "F m-2",       0.01,     0.005,   0.03,    log,    "membrane capacitance")                  \
    param(I_app,   "A m-2",       0.0,      -0.1,    0.1,     linear, "applied current, positive depolarises (free)") \
    param(V_hold,  "V",           -0.06,    -0.15,   0.1,     linear, "held potential, in - out (clamped)")    \
    param(ell,     "m",           1e-6,     1e-7,    1e-4,    log,    "water inside / membrane area (finite)") \
    param(Na_i,    "mol m-3",     12.0,     1.0,     100.0,   log,    "Na+ inside, held or at the start")      \
    param(Na_o,    "mol m-3",     145.0,    20.0,    450.0,   log,    "Na+ outside")                           \
    param(g_Na,    "S m-2",       0.1,      1e-3,    100.0,   log,    "Na+ conductance (ohmic)")               \
    param(P_Na,    "m s-1",       1e-10,    1e-12,   1e-7,    log,    "Na+ permeability (ghk)")                \
    param(K_i,     "mol m-3",     140.0,    20.0,    400.0,   log,    "K+ inside, held or at the start")       \
    param(K_o,     "mol m-3",     4.0,      1.0,     100.0,   log,    "K+ outside")                            \
    param(g_K,     "S m-2",       3.0,      1e-3,    100.0,   log,    "K+ conductance (ohmic)")                \
    param(P_K,     "m s-1",       1e-9,     1e-12,   1e-7,    log,    "K+ permeability (ghk)")                 \
    param(Cl_i,    "mol m-3",     10.0,     1.0,     200.0,   log,    "Cl- inside, held or at the start")      \
    param(Cl_o,    "mol m-3",     110.0,    20.0,    500.0,   log,    "Cl- outside")                           \
    param(g_Cl,    "S m-2",       2.0,      1e-3,    100.0,   log,    "Cl- conductance (ohmic)")               \
    param(P_Cl,    "m s-1",       1e-9,     1e-12,   1e-7,    log,    "Cl- permeability (ghk)")                \
    param(Ca_i,    "mol m-3",     1e-4,     5e-5,    1e-3,    log,    "Ca2+ inside, held or at the start")     \
    param(Ca_o,    "mol m-3",     1.8,      0.5,     10.0,    log,    "Ca2+ outside")                          \
    param(g_Ca,    "S m-2",       0.001,    1e-4,    1.0,     log,    "Ca2+ conductance (ohmic)")              \
    param(P_Ca,    "m s-1",       1e-13,    1e-14,   1e-9,    log,    "Ca2+ permeability (ghk)")               \
    param(S_i,     "mol m-3",     5.0,      0.1,     300.0,   log,    "neutral solute inside, held or at the start") \
    param(S_o,     "mol m-3",     5.0,      0.1,     300.0,   log,    "neutral solute outside")                \
    param(L_S,     "mol m-2 s-1", 1e-8,     1e-11,   1e-5,    log,    "its flux per unit of force / RT (ohmic)") \
    param(P_S,     "m s-1",       1e-9,     1e-12,   1e-7,    log,    "its permeability (ghk)")                \
    param(w_gate,  "1",           0.0,      0.0,     1.0,     linear, "share of the K+ channels with a voltage gate") \
    param(V_half,  "V",           -0.04,    -0.12,   0.08,    linear, "half of the gates are open here")       \
    param(k_gate,  "V",           0.01,     0.003,   0.03,    log,    "how gradually gates open")              \
    param(p_pump,  "mol m-2 s-1", 0.0,      0.0,     1e-7,    linear, "pump cycles")                           \
    param(dG_ATP,  "J mol-1",     -57000.0, -65000.0, -40000.0, linear, "free energy of ATP hydrolysis")

#define NM_VARIANTS(variant)                                                                                   \
    variant(leak, ohmic, ghk)                                                                                  \
    variant(membrane, free, clamped)                                                                           \
    variant(inside, held, finite)

#define NM_COMPARTMENTS(compartment)                                                                           \
    compartment(cell, fixed(ell), floats(V, by(membrane, charging(C_m, I_app), clamp(V_hold, C_m))),           \
                "the inside")                                                                                  \
    compartment(bath, fixed(1.0), ground, "the outside")

/* charge of the ions inside [mol m-3]; what is fixed there balances it */
#define CHARGE (Na_i + K_i - Cl_i + 2.0 * Ca_i)

#define NM_SPECIES(free, trapped, water, held)                                                                 \
    /*      name     charge  where  value  text */                                                             \
    free(   Na_in,   +1,     cell,  Na_i,  "Na+ inside")                                                       \
    free(   K_in,    +1,     cell,  K_i,   "K+ inside")                                                        \
    free(   Cl_in,   -1,     cell,  Cl_i,  "Cl- inside")                                                       \
    free(   Ca_in,   +2,     cell,  Ca_i,  "Ca2+ inside")                                                      \
    free(   S_in,    0,      cell,  S_i,   "neutral solute inside")                                            \
    trapped(X_in,    -CHARGE, cell, ell,   "fixed charge inside, as 1 mol m-3 of a solute that carries it all") \
    held(   Na_o,    +1,     bath,  Na_o,  "Na+ outside")                                                      \
    held(   K_o,     +1,     bath,  K_o,   "K+ outside")                                                       \
    held(   Cl_o,    -1,     bath,  Cl_o,  "Cl- outside")                                                      \
    held(   Ca_o,    +2,     bath,  Ca_o,  "Ca2+ outside")                                                     \
    held(   S_o,     0,      bath,  S_o,   "neutral solute outside")

#define NM_HOLDS(hold)                                                                                         \
    hold(Na_in, by(inside, held, free))                                                                        \
    hold(K_in,  by(inside, held, free))                                                                        \
    hold(Cl_in, by(inside, held, free))                                                                        \
    hold(Ca_in, by(inside, held, free))                                                                        \
    hold(S_in,  by(inside, held, free))

#define NM_FUELS(fuel)                                                                                         \
    fuel(ATP, dG_ATP, "ATP to ADP and phosphate")

/* share of the K+ conductance that is open at V */
#define OPEN ((1.0 - w_gate) + w_gate * logistic((V - V_half) / k_gate))

/* from -> to is outward */
#define NM_PATHWAYS(path)                                                                                      \
    path(leak_Na, Na_in, Na_o, by(leak, ohmic(g_Na),       ghk(P_Na)),       "Na+ leak")                       \
    path(leak_K,  K_in,  K_o,  by(leak, ohmic(g_K * OPEN), ghk(P_K * OPEN)), "K+ leak, in part gated")         \
    path(leak_Cl, Cl_in, Cl_o, by(leak, ohmic(g_Cl),       ghk(P_Cl)),       "Cl- leak")                       \
    path(leak_Ca, Ca_in, Ca_o, by(leak, ohmic(g_Ca),       ghk(P_Ca)),       "Ca2+ leak")                      \
    path(leak_S,  S_in,  S_o,  by(leak, linear(L_S),       ghk(P_S)),        "leak of the neutral solute")     \
    path(pump,    3*Na_in + 2*K_o + ATP, 3*Na_o + 2*K_in, constant(p_pump),  "Na,K-ATPase at a given rate")

#define I_IONS (NM_FARADAY * (J_leak_Na + J_leak_K - J_leak_Cl + 2.0 * J_leak_Ca))

#define NM_OBSERVABLES(observable)                                                                             \
    observable(I_Na,    "A m-2", NM_FARADAY * J_leak_Na,         "current of Na+, outward")                    \
    observable(I_K,     "A m-2", NM_FARADAY * J_leak_K,          "current of K+, outward")                     \
    observable(I_Cl,    "A m-2", -NM_FARADAY * J_leak_Cl,        "current of Cl-, outward")                    \
    observable(I_Ca,    "A m-2", 2.0 * NM_FARADAY * J_leak_Ca,   "current of Ca2+, outward")                   \
    observable(I_pump,  "A m-2", NM_FARADAY * J_pump,            "current of the pump, outward")               \
    observable(I_ions,  "A m-2", I_IONS,                         "current of all leaks, outward")              \
    observable(I_total, "A m-2", I_IONS + NM_FARADAY * J_pump,   "current through the membrane, outward: what an electrode supplies") \
    observable(open_K,  "1",     OPEN,                           "open share of the K+ channels")

#include "nessmap/model.h"
