/* Does a 3 Na+ : 2 K+ pump overload a cell with K+ at every volume? A proof of lysis from parameters alone.
 *
 * At a steady state with ohmic leaks, no cotransport, and a pump that turns r times [mol m-2 s-1],
 *
 *     Na = Na_o exp(-v - a r),  K = K_o exp(-v + b r),  Cl = Cl_o exp(v),   a = 3 F^2/(g_Na RT), b = 2 F^2/(g_K RT),
 *
 * v the reduced potential. With P the osmolarity, which is that of the bath, and X > 0 impermeant solute of the mean
 * valence z (capacitive charge counted in), charge balance makes Cl = (P - (1 - z) X)/2 and (Na + K) Cl less than P^2/4:
 *
 *     A(r) = Na_o exp(-a r) + K_o exp(b r) < room = P^2/(4 Cl_o).
 *
 * A is convex, so steady states have r < R for any R beyond its right crossing of `room` (Kay 2017 and Mori 2012 have
 * the limit). Newton's method comes down to the crossing from R = ln(room/K_o)/b, where K+ alone fills the room, and
 * never passes it. Now let z <= 1. Then Cl <= P/2 and Na = Na_o Cl_o exp(-a r)/Cl >= Na_R = 2 Na_o Cl_o exp(-a R)/P. A
 * pump that turns faster the more Na+ there is and the larger its affinity x(r) = fuel/RT - (3 a + 2 b) r, turns at least
 * T(R) = p (Na_R/(K_Na + Na_R))^3 (1 - exp(-x(R)))/(1 + kappa exp(-x(R))) times in any steady state. Where T(R) > R no r
 * below R can be its own turnover: there is no steady state, and since a pump too strong is why, weakening it helps. */
#ifndef NESSMAP_PUMP_OVERLOAD_H
#define NESSMAP_PUMP_OVERLOAD_H

#include "nessmap/elements.h"

/* R of above [mol m-2 s-1], close to the crossing */
NM_FN nm_par nm_po_limit(nm_par a, nm_par b, nm_par Na_o, nm_par K_o, nm_par room) {
    nm_par R = nm_log(room / K_o) / b;
    for (int step = 0; step < 8; step++) {
        nm_par na = Na_o * nm_exp(-(a * R));
        nm_par k = K_o * nm_exp(b * R);
        R = R - (na + k - room) / (b * k - a * na);
    }
    return R;
}

/* T(R) - R [mol m-2 s-1], less what rounding may do; p: turns at saturation and infinite affinity; fuel: its worth / RT;
 * law: 0 as above, 1 whatever the affinity, 2 at the rate p */
NM_FN nm_par nm_po_surplus(nm_par a, nm_par b, nm_par Na_o, nm_par K_o, nm_par Cl_o, nm_par osmolarity, nm_par p,
                           nm_par K_Na, nm_par kappa, nm_par fuel, nm_par law) {
    nm_par room = osmolarity * osmolarity / (4.0 * Cl_o);
    nm_par R = nm_po_limit(a, b, Na_o, K_o, room);
    nm_par na = 2.0 * Na_o * Cl_o * nm_exp(-(a * R)) / osmolarity;
    nm_par x = nm_max(fuel - (3.0 * a + 2.0 * b) * R, NM_PAR(0.0));
    nm_par drive = -nm_expm1(-x) / (NM_PAR(1.0) + kappa * nm_exp(-x));
    nm_par turns = p * nm_if(nm_less(law, 1.5), hill(na, K_Na, 3), NM_PAR(1.0)) * nm_if(nm_less(law, 0.5), drive, NM_PAR(1.0));
    return turns - R - 1e-9 * (nm_log(room / K_o) / b);
}

#endif
