/* The Na,K-ATPase after Post and Albers, with published constants: 3 Na+ out, 2 K+ in, one ATP a turn.
 *
 * Fifteen states lumped to four by binding equilibria, which one ring of steps joins (Smith & Crampin 2004, Terkildsen
 * et al. 2007, constants as revised by Pan et al. 2019). State 1: E1, 3 Na+ inside; 2: E1P, occluded, ADP has left;
 * 3: E2P, 3 Na+ gone; 4: E2, 2 K+ taken up. Step k leads from state k to k + 1, step 4 from state 4 to state 1.
 *
 *     a1 = k1+ n1 n2^2 / Di    a2 = k2+                a3 = k3+ ke^2 / De         a4 = k4+ at / (1 + at)     forward
 *     b1 = k1- MgADP           b2 = k2- e1 e2^2 / De   b3 = k3- Pi H / (1 + at)   b4 = k4- ki^2 / Di         back
 *
 * n1, n2, e1, e2, ki, ke, at: concentrations / dissociation constants; Di, De: what the sites inside and outside can
 * bind. Concentrations are mol m-3, potentials in - out and field = F V/RT, rates s-1. The affinity of a turn is
 *     ln(a1 a2 a3 a4 / (b1 b2 b3 b4)) = ln(Keq MgATP / (MgADP Pi H)) + 3 ln(Na_i/Na_o) - 2 ln(K_i/K_o) + field,
 * term by term that of a row 3*Na_i + 2*K_o + ATP -> 3*Na_o + 2*K_i with the fuel worth nm_pa_energy. So
 * saturable(n_pump * nm_pa_forward_turns(...), 0) is this cycle, and stands still exactly where its affinity is zero.
 *
 * The constants are those of 310 K and hold for every temperature here, the equilibrium constant of hydrolysis with
 * them: T enters by RT alone, which keeps detailed balance at any T. */
#ifndef NESSMAP_POST_ALBERS_H
#define NESSMAP_POST_ALBERS_H

#include "nessmap/elements.h"

/* A large function stays out of kernels that mostly run other laws; strict C11 does not care. */
#ifndef NM_NOINLINE
#define NM_NOINLINE NM_FN
#endif

#define NM_PA_K1 1423.2        /* k1+ [s-1] */
#define NM_PA_K2 11565.0       /* k2+ [s-1] */
#define NM_PA_K3 194.4506      /* k3+ [s-1] */
#define NM_PA_K4 30630.0       /* k4+ [s-1] */
#define NM_PA_KM1 (NM_PA_K1 / 6.3) /* k1- [m3 mol-1 s-1] */
#define NM_PA_KM2 36355.0      /* k2- [s-1] */
#define NM_PA_KM3 281040.0     /* k3- [m6 mol-2 s-1] */
#define NM_PA_KM4 1574000.0    /* k4- [s-1] */
#define NM_PA_NAI_FIRST 579.7295 /* dissociation constants [mol m-3] of the first and the other Na+ sites inside */
#define NM_PA_NAI 5.6399
#define NM_PA_NAE_FIRST 0.0349 /* and outside */
#define NM_PA_NAE 10617.0
#define NM_PA_KE 1.0817        /* of K+ outside */
#define NM_PA_ATP 140.3709     /* of MgATP */
#define NM_PA_DELTA (-0.0550)  /* share of the field that the first Na+ site inside feels */
#define NM_PA_PI_K 292.0       /* phosphate to K+, to Na+ [mol m-3], and to H+: 10^(3 - 6.77) mol m-3 */
#define NM_PA_PI_NA 224.0
#define NM_PA_PI_H 1.6982436524617444e-4

/* ln of the equilibrium constant of hydrolysis, MgADP Pi H / MgATP [mol2 m-6], at the 310 K of the rates */
#define NM_PA_LN_KEQ (-11900.0 / (NM_R * 310.0) + 13.815510557964274)

/* K+ inside [mol m-3]: not measured but what detailed balance asks for, k1- k2- k3- k4-/(k1+ k2+ k3+ k4+)
 * NAI_FIRST NAI^2 KE^2 ATP Keq/(NAE_FIRST NAE^2), its square root. Rounded it would move the stall potential. */
#define NM_PA_KI 16792.435975595457

/* what is bound inside and outside: 1 where nothing is */
NM_FN nm_any nm_pa_sites_inside(nm_any Na_i, nm_any K_i, nm_any field) {
    nm_any first = Na_i * nm_exp(-NM_PA_DELTA * field) * (1.0 / NM_PA_NAI_FIRST);
    nm_any other = Na_i * (1.0 / NM_PA_NAI);
    return first * other * other + nm_powi(1.0 + other, 2) + nm_powi(1.0 + K_i * (1.0 / NM_PA_KI), 2) - 1.0;
}
NM_FN nm_any nm_pa_sites_outside(nm_any Na_o, nm_any K_o, nm_any field) {
    nm_any first = Na_o * nm_exp(-(1.0 + NM_PA_DELTA) * field) * (1.0 / NM_PA_NAE_FIRST);
    nm_any other = Na_o * (1.0 / NM_PA_NAE);
    return first * other * other + nm_powi(1.0 + other, 2) + nm_powi(1.0 + K_o * (1.0 / NM_PA_KE), 2) - 1.0;
}

/* rates of the steps, forward and back */
NM_FN nm_any nm_pa_a1(nm_any Na_i, nm_any K_i, nm_any field) {
    nm_any other = Na_i * (1.0 / NM_PA_NAI);
    nm_any first = Na_i * nm_exp(-NM_PA_DELTA * field) * (NM_PA_K1 / NM_PA_NAI_FIRST);
    return first * other * other / nm_pa_sites_inside(Na_i, K_i, field);
}
NM_FN nm_par nm_pa_a2(void) { return NM_PAR(NM_PA_K2); }
NM_FN nm_any nm_pa_a3(nm_any Na_o, nm_any K_o, nm_any field) {
    return NM_PA_K3 * nm_powi(K_o * (1.0 / NM_PA_KE), 2) / nm_pa_sites_outside(Na_o, K_o, field);
}
NM_FN nm_any nm_pa_a4(nm_any MgATP) { return NM_PA_K4 * MgATP / (NM_PA_ATP + MgATP); }
NM_FN nm_any nm_pa_b1(nm_any MgADP) { return NM_PA_KM1 * MgADP; }
NM_FN nm_any nm_pa_b2(nm_any Na_o, nm_any K_o, nm_any field) {
    nm_any other = Na_o * (1.0 / NM_PA_NAE);
    nm_any first = Na_o * nm_exp(-(1.0 + NM_PA_DELTA) * field) * (NM_PA_KM2 / NM_PA_NAE_FIRST);
    return first * other * other / nm_pa_sites_outside(Na_o, K_o, field);
}
NM_FN nm_any nm_pa_b3(nm_any MgATP, nm_any phosphate, nm_any H) {
    return NM_PA_KM3 * phosphate * H * NM_PA_ATP / (NM_PA_ATP + MgATP);
}
NM_FN nm_any nm_pa_b4(nm_any Na_i, nm_any K_i, nm_any field) {
    return NM_PA_KM4 * nm_powi(K_i * (1.0 / NM_PA_KI), 2) / nm_pa_sites_inside(Na_i, K_i, field);
}

/* phosphate that no cation has taken */
NM_FN nm_any nm_pa_phosphate(nm_any total, nm_any Na_i, nm_any K_i, nm_any H) {
    return total / (1.0 + K_i * (1.0 / NM_PA_PI_K) + H * (1.0 / NM_PA_PI_H) + Na_i * (1.0 / NM_PA_PI_NA));
}

/* free energy of hydrolysis [J mol-1], negative where ATP drives the pump */
NM_FN nm_any nm_pa_energy(nm_any RT, nm_any MgATP, nm_any MgADP, nm_any phosphate, nm_any H) {
    return -(RT * (NM_PA_LN_KEQ + nm_log(MgATP / (MgADP * phosphate * H))));
}

/* Weight of a state in a ring of four (King & Altman 1956): the sum over its four trees. p, q, r: forward rates of the
 * steps that follow it, in their order; s, t, u: rates back of the step after it and of the two that follow. */
NM_FN nm_any nm_pa_weight(nm_any p, nm_any q, nm_any r, nm_any s, nm_any t, nm_any u) {
    return p * q * r + s * (q * r + t * (r + u));
}

/* turns forward of one pump [s-1]; the turns back are exp(affinity / RT) times rarer */
NM_NOINLINE nm_any nm_pa_forward_turns(nm_any Na_i, nm_any K_i, nm_any Na_o, nm_any K_o, nm_any field, nm_any MgATP,
                                       nm_any MgADP, nm_any phosphate, nm_any H) {
    nm_any a1 = nm_pa_a1(Na_i, K_i, field);
    nm_par a2 = nm_pa_a2();
    nm_any a3 = nm_pa_a3(Na_o, K_o, field);
    nm_any a4 = nm_pa_a4(MgATP);
    nm_any b1 = nm_pa_b1(MgADP);
    nm_any b2 = nm_pa_b2(Na_o, K_o, field);
    nm_any b3 = nm_pa_b3(MgATP, phosphate, H);
    nm_any b4 = nm_pa_b4(Na_i, K_i, field);
    nm_any sum = nm_pa_weight(a2, a3, a4, b1, b2, b3) + nm_pa_weight(a3, a4, a1, b2, b3, b4) +
                 nm_pa_weight(a4, a1, a2, b3, b4, b1) + nm_pa_weight(a1, a2, a3, b4, b1, b2);
    return a1 * a2 * a3 * a4 / sum;
}

#endif
