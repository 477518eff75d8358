/* bathtub: water stands at the same level in two tubs. Which of them is at equilibrium?
 *
 * A dh/dt = q_in - q_out: the tap delivers at the surface, whatever the level; the drain lets out k_drain h (linear) or
 * a_hole sqrt(2 g h) (torricelli). With q_in = 0 and no drain every level stands still: equilibrium, and marginal. With
 * the tap open it stands where tap = drain, and falling through h dissipates rho g h for each m3.
 * All quantities are per m2 of the tub's base: the tub offers 1 m3 of space over each m2. */

#include "nessmap/elements.h"

#define MOLAR_MASS 0.018015 /* of water [kg mol-1] */

/* Two laws of this model alone, because water in a tub has a weight and no concentration: the force on a mole is its
 * weight, not the logarithm of its amount. What a law puts in the place of that logarithm is its standard part. */
NM_FN nm_flux_any nm_law_tap(nm_context_any nm_c, nm_any rate) {
    nm_par r = nm_value(rate);
    return nm_make_flux(rate, r, NM_PAR(0.0), r, NM_PAR(0.0), -nm_beside(nm_c.x), 0);
}
/* x: work of a mole on its way down / RT. As with Ohm's law, the one-way rates are those whose ratio is e^x. */
NM_FN nm_flux_any nm_law_fall(nm_context_any nm_c, nm_any rate, nm_any work) {
    nm_par r = nm_value(rate);
    nm_par x = nm_beside(work) / nm_c.RT;
    nm_par in = r * nm_bern(nm_value(x)) / nm_value(x);
    return nm_make_flux(rate, in + r, in, r, x, x - nm_beside(nm_c.x), 1);
}
#define NM_LAW_tap(rate) nm_law_tap(nm_ctx, rate)
#define NM_LAW_fall(rate, work) nm_law_fall(nm_ctx, rate, work)

#define NM_PARAMETERS(param)                                                                                   \
    /*    name     unit      default  low     high    scale   what it is */                                    \
    param(T,       "K",      298.15,  273.15, 373.15, linear, "temperature")                                   \
    param(A,       "m2",     1.0,     0.1,    10.0,   log,    "base of the tub")                               \
    param(q_in,    "m3 s-1", 1e-4,    0.0,    1e-3,   linear, "water from the tap")                            \
    param(k_drain, "m2 s-1", 2e-4,    0.0,    5e-3,   linear, "drain: outflow / level (linear)")               \
    param(a_hole,  "m2",     3.2e-5,  0.0,    1e-3,   linear, "drain: cross-section of the hole (torricelli)") \
    param(h0,      "m",      0.5,     0.01,   1.0,    log,    "level at the start")                            \
    param(rho,     "kg m-3", 997.0,   900.0,  1100.0, linear, "density of the water")                          \
    param(g,       "m s-2",  9.80665, 1.0,    30.0,   linear, "gravity")

#define NM_VARIANTS(variant)                                                                                   \
    variant(drain, linear, torricelli)

#define NM_COMPARTMENTS(compartment)                                                                           \
    compartment(tub,    fixed(1.0), ground, "the tub")                                                         \
    compartment(around, fixed(1.0), ground, "mains and sewer")

#define NM_SPECIES(free, trapped, water, held)                                                                 \
    /*   name   charge  where   value                  text */                                                 \
    free(W,     0,      tub,    rho * h0 / MOLAR_MASS, "water in the tub, per m2 of its base and 1 m of height") \
    held(mains, 0,      around, rho / MOLAR_MASS,      "water of the mains")                                   \
    held(sewer, 0,      around, rho / MOLAR_MASS,      "water on the floor")

#define LEVEL (W * MOLAR_MASS / rho)
/* sqrt(2 g h); below 1e-30 m it turns linear, so that a tub runs empty as other laws do: without a last moment */
#define SPEED (LEVEL * nm_sqrt(2.0 * g / (LEVEL + 1e-30)))

#define NM_PATHWAYS(path)                                                                                      \
    path(tap,   mains, W,     tap(q_in * rho / (MOLAR_MASS * A)), "tap, at the level of the surface")          \
    path(outlet, W,   sewer,                                                                                   \
         by(drain, fall(k_drain * W / A, MOLAR_MASS * g * LEVEL),                                              \
                   fall(a_hole * SPEED * rho / (MOLAR_MASS * A), MOLAR_MASS * g * LEVEL)),                      \
         "drain")

#define NM_OBSERVABLES(observable)                                                                             \
    observable(h,          "m",      LEVEL,                             "water level")                         \
    observable(throughput, "m3 s-1", J_outlet * MOLAR_MASS * A / rho,   "water that runs through the tub")

#include "nessmap/model.h"
