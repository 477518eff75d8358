/* Where a cell with ohmic leaks and a 3 Na+ : 2 K+ pump comes to rest, at a guess: where Newton's method begins.
 *
 * Without cotransport the steady state follows from how often the pump turns: pump_overload.h has
 *
 *     Na = Na_o exp(-v - 3 g_K w),  K = K_o exp(-v + 2 g_Na w),  Cl = Cl_o exp(v),   w = r F^2/(g_Na g_K RT),
 *
 * r the turns [mol m-2 s-1], v the reduced potential; charge and osmolarity balance at one v. What is missing is w, which
 * follows from the share of Na+ among the cell's cations: at least what the fuel holds, 3 ln(Na/Na_o) = 2 ln(K/K_o) - fuel
 * - v, and more by as much as the pump needs to make up for the Na+ that leaks in, which has a drive of some 3 RT/F.
 * Guesses are on the side of too much Na+: Newton's method likes a pump that runs forward. */
#ifndef NESSMAP_PUMP_GUESS_H
#define NESSMAP_PUMP_GUESS_H

#include "nessmap/elements.h"

#define NM_PG_DRIVE 3.0  /* [RT/F] of Na+ into a cell */
#define NM_PG_NA    70.0 /* [mol m-3] Na+ in a cell whose pump is too weak */
#define NM_PG_RISE  3.1  /* exp(-v/3) where the pump leaves no Na+ ... */
#define NM_PG_FALL  2.75 /* ... and how it falls to about 1 where the Na+ is left */

/* the share of Na+ among the cations [mol m-3] that a pump holds whose turn is worth `energy` / RT with the field's part */
NM_FN nm_par nm_pg_held(nm_par Na_o, nm_par K_o, nm_par cations, nm_par energy) {
    return nm_exp((1.0 / 3.0) * (nm_log(0.64 * Na_o * Na_o * Na_o / (K_o * K_o * cations)) - energy));
}

/* w [m2 S-1]; cations: of the cell, about [mol m-3]; p: F^2/RT times the turns at saturation [S m-2]; fuel: its worth / RT */
NM_FN nm_par nm_pg_strength(nm_par g_Na, nm_par g_K, nm_par Na_o, nm_par K_o, nm_par cations, nm_par p, nm_par K_Na, nm_par fuel) {
    /* the share that the fuel holds at v = 0, and what v makes of it */
    nm_par held = nm_pg_held(Na_o, K_o, cations, fuel);
    nm_par fall = NM_PAR(1.0) + NM_PG_FALL * held;
    /* the share of each of the pump's three sites that is taken */
    nm_par most = NM_PG_NA / (NM_PG_NA + K_Na);
    nm_par wanted = nm_exp((1.0 / 3.0) * nm_log((NM_PG_DRIVE / 3.0) * g_Na / p));
    nm_par taken = nm_if(nm_less(wanted, most), wanted, most);
    /* Na+ and all cations, times what would divide them */
    nm_par all = (1.0 - taken) * cations * fall;
    nm_par sum = (1.0 - taken) * cations * (NM_PG_RISE * held) + K_Na * taken * fall;
    nm_par na = nm_if(nm_less(sum, 0.97 * all), sum, 0.97 * all);
    nm_par w = nm_max(nm_log(Na_o * (all - na) / (K_o * na)) / (3.0 * g_K + 2.0 * g_Na), NM_PAR(0.0));
    nm_par cap = p * nm_powi(most, 3) / (g_Na * g_K);
    return nm_if(nm_less(w, cap), w, cap);
}

/* exp(v); cations: Na+ and K+ of the cell at v = 0; z: mean valence of its impermeant */
NM_FN nm_par nm_pg_field(nm_par cations, nm_par Cl_o, nm_par osmolarity, nm_par z) {
    nm_par middle = z * osmolarity;
    nm_par square = nm_max(middle * middle + 4.0 * (1.0 - z * z) * Cl_o * cations, NM_PAR(0.0));
    return 2.0 * (1.0 - z) * cations / (nm_sqrt(square) - middle);
}

#endif
