/* Transport elements: the laws a pathway can follow.
 *
 * A law knows its pathway through a context: affinity x = A/RT, its electrical part u, the products of the
 * concentrations on both sides, the charge q that leaves the floating compartment. So no law takes species or
 * charges as arguments, and each holds for any stoichiometry.
 *
 * Reciprocal laws give a one-way pair out, in >= 0 with ln(out/in) = x: the net flux is zero exactly at x = 0 and
 * has its sign, so a passive pathway cannot run uphill. Driven laws have no such pair.
 * Sources: physics of ohmic and GHK one-way fluxes (Ussing 1949; Goldman 1943, Hodgkin & Katz 1949), saturable
 * reversible rate (Hill 1977), law of mass action with local detailed balance. */
#ifndef NESSMAP_ELEMENTS_H
#define NESSMAP_ELEMENTS_H

#include "nessmap/lang.h"

/* net flux with derivatives; out, in: one-way fluxes; gross: the scale of a residual; x: A/RT with its standard
 * part; is_reciprocal as said above. All fluxes in mol per extent and second. */
#ifdef __cplusplus

/* Of the forces beside the net flux only values are needed, except where derivatives by parameters are wanted. */
#ifdef NM_GRADIENTS
#define nm_beside(x) (x)
NM_CONST_FN nm_dirs nm_beside_of(nm_dirs mask) { return mask; }
#else
#define nm_beside(x) nm_value(x)
NM_CONST_FN nm_dirs nm_beside_of(nm_dirs) { return 0; }
#endif
template <nm_dirs M> struct nm_flux {
    nm_dual<M> net;
    nm_dual<nm_beside_of(M)> x, standard;
    nm_plain out, in, gross;
    bool is_reciprocal;
    static constexpr nm_dirs mask = M;
};

template <class X, class U, class P, class Q, class R, class S> struct nm_context {
    X x;      /* affinity / RT without the standard part of the law */
    U u;      /* its electrical part */
    P from;   /* product of concentrations of the left side */
    Q to;     /* and of the right side */
    R RT;     /* J mol-1 */
    S RT_F2;  /* J mol-1 / (C mol-1)^2 */
    int q;
};
/* for as long as its arguments live */
NM_INLINE auto nm_make_context(const auto &x, const auto &u, const auto &from, const auto &to, const auto &RT,
                               const auto &RT_F2, int q) {
    return nm_context<decltype(x), decltype(u), decltype(from), decltype(to), decltype(RT), decltype(RT_F2)>{
        x, u, from, to, RT, RT_F2, q};
}
NM_INLINE auto nm_make_flux(const auto &net, const auto &out, const auto &in, const auto &gross, const auto &x,
                            const auto &standard, bool is_reciprocal) {
    constexpr nm_dirs M = decltype(nm_as_dual(net))::mask,
                      V = nm_beside_of(decltype(nm_as_dual(x))::mask | decltype(nm_as_dual(standard))::mask), W = M | V;
    return nm_flux<W>{nm_widen<W>(nm_as_dual(net)), nm_widen<nm_beside_of(W)>(nm_beside(nm_as_dual(x))),
                      nm_widen<nm_beside_of(W)>(nm_beside(nm_as_dual(standard))), nm_value(out), nm_value(in),
                      nm_value(gross), is_reciprocal};
}
template <nm_dirs W, nm_dirs M> NM_INLINE nm_flux<W> nm_widen_flux(const nm_flux<M> &f) {
    constexpr nm_dirs V = nm_beside_of(W);
    return nm_flux<W>{nm_widen<W>(f.net), nm_widen<V>(f.x), nm_widen<V>(f.standard), f.out, f.in, f.gross, f.is_reciprocal};
}

/* what a membrane is: kind 0 capacitor, 1 neutral, 2 clamp, 3 charging (kernels/network.h) */
template <nm_dirs M> struct nm_membrane {
    int kind;
    nm_dual<M> capacitance; /* [F m-2] */
    nm_dual<M> held;        /* [V], of a clamp; applied current [A m-2], of one that charges */
    static constexpr nm_dirs mask = M;
};
NM_INLINE auto nm_make_membrane(int kind, const auto &capacitance, const auto &held) {
    constexpr nm_dirs W = decltype(nm_as_dual(capacitance))::mask | decltype(nm_as_dual(held))::mask;
    return nm_membrane<W>{kind, nm_widen<W>(nm_as_dual(capacitance)), nm_widen<W>(nm_as_dual(held))};
}
template <nm_dirs W, nm_dirs M> NM_INLINE nm_membrane<W> nm_widen_membrane(const nm_membrane<M> &m) {
    return nm_membrane<W>{m.kind, nm_widen<W>(m.capacitance), nm_widen<W>(m.held)};
}

template <class A, class B> constexpr bool nm_is_same = false;
template <class A> constexpr bool nm_is_same<A, A> = true;

/* one of several laws, by a choice that is the same for all points */
template <int N, class A> NM_INLINE auto nm_by(int, A a) {
    if constexpr (requires { nm_as_dual(a()); }) {
        return nm_as_dual(a());
    } else {
        return a();
    }
}
template <int N, class A, class... B> NM_INLINE auto nm_by(int which, A a, B... rest) {
    static_assert(N == 1 + sizeof...(B), "by(variant, ...): as many entries as the variant has choices are wanted");
    if constexpr (requires { requires nm_is_same<decltype(a()), decltype(nm_by<N - 1>(0, rest...))>; }) {
        if (which == 0) { return a(); }
        return nm_by<N - 1>(which - 1, rest...);
    } else if constexpr (requires { a().net; }) {
        constexpr nm_dirs W = decltype(a())::mask | decltype(nm_by<N - 1>(0, rest...))::mask;
        if (which == 0) { return nm_widen_flux<W>(a()); }
        return nm_widen_flux<W>(nm_by<N - 1>(which - 1, rest...));
    } else if constexpr (requires { nm_as_dual(a()); }) {
        constexpr nm_dirs W = decltype(nm_as_dual(a()))::mask | decltype(nm_by<N - 1>(0, rest...))::mask;
        if (which == 0) { return nm_widen<W>(nm_as_dual(a())); }
        return nm_widen<W>(nm_by<N - 1>(which - 1, rest...));
    } else {
        constexpr nm_dirs W = decltype(a())::mask | decltype(nm_by<N - 1>(0, rest...))::mask;
        if (which == 0) { return nm_widen_membrane<W>(a()); }
        return nm_widen_membrane<W>(nm_by<N - 1>(which - 1, rest...));
    }
}
template <int W, class A, class... B> NM_INLINE auto nm_nth(A a, B... rest) {
    if constexpr (W == 0) {
        return a;
    } else {
        return nm_nth<W - 1>(rest...);
    }
}
template <int N, int W, class... A> NM_INLINE auto nm_by(nm_index<W>, A... entries) {
    static_assert(N == sizeof...(A), "by(variant, ...): as many entries as the variant has choices are wanted");
    return nm_by<1>(0, nm_nth<W>(entries...));
}
#define NM_ALTERNATIVE(x) [&]() NM_LAMBDA { return x; }
#define NM_BY1(variant, a) nm_by<NM_VN_##variant>(NM_PICK(variant), NM_ALTERNATIVE(a))
#define NM_BY2(variant, a, b) nm_by<NM_VN_##variant>(NM_PICK(variant), NM_ALTERNATIVE(a), NM_ALTERNATIVE(b))
#define NM_BY3(variant, a, b, c)                                                                   \
    nm_by<NM_VN_##variant>(NM_PICK(variant), NM_ALTERNATIVE(a), NM_ALTERNATIVE(b), NM_ALTERNATIVE(c))
#define NM_BY4(variant, a, b, c, d)                                                                \
    nm_by<NM_VN_##variant>(NM_PICK(variant), NM_ALTERNATIVE(a), NM_ALTERNATIVE(b), NM_ALTERNATIVE(c),  \
                           NM_ALTERNATIVE(d))
#define nm_flux_any auto
#define nm_context_any const auto &
#define nm_membrane_any auto

#else

typedef struct nm_flux {
    nm_real net, out, in, gross, x, standard;
    int is_reciprocal;
} nm_flux;
typedef struct nm_context {
    nm_real x, u, from, to, RT, RT_F2;
    int q;
} nm_context;
NM_FN nm_context nm_make_context(nm_real x, nm_real u, nm_real from, nm_real to, nm_real RT, nm_real RT_F2, int q) {
    return (nm_context){x, u, from, to, RT, RT_F2, q};
}
NM_FN nm_flux nm_make_flux(nm_real net, nm_real out, nm_real in, nm_real gross, nm_real x, nm_real standard,
                           int is_reciprocal) {
    return (nm_flux){net, out, in, gross, x, standard, is_reciprocal};
}
#define NM_BY1(variant, a) (a)
#define NM_BY2(variant, a, b) (NM_PICK(variant) == 0 ? (a) : (b))
#define NM_BY3(variant, a, b, c) (NM_PICK(variant) == 0 ? (a) : NM_PICK(variant) == 1 ? (b) : (c))
#define NM_BY4(variant, a, b, c, d)                                                                \
    (NM_PICK(variant) == 0 ? (a) : NM_PICK(variant) == 1 ? (b) : NM_PICK(variant) == 2 ? (c) : (d))
typedef struct nm_membrane { /* as above */
    int kind;
    nm_real capacitance, held;
} nm_membrane;
NM_FN nm_membrane nm_make_membrane(int kind, nm_real capacitance, nm_real held) {
    return (nm_membrane){kind, capacitance, held};
}
#define nm_beside(x) (x)
#define nm_flux_any nm_flux
#define nm_context_any nm_context
#define nm_membrane_any nm_membrane

#endif

/* The one-way flux along x of a linear law, l B(-x), without cancellation: both directions come from B(|x|) */
NM_FN nm_par nm_linear_out(nm_par l, nm_par x) {
    nm_par most = l * nm_bern(nm_abs(x));
    return nm_if(nm_less(x, 0.0), most, most + l * x);
}

/* linear in the force: J = L x, L [mol per extent and second]; one-way L B(-x), L B(x) */
NM_FN nm_flux_any nm_law_linear(nm_context_any nm_c, nm_any L) {
    nm_par x = nm_value(nm_c.x);
    nm_par l = nm_value(L);
    nm_par out = nm_linear_out(l, x);
    nm_par in = nm_linear_out(l, -x);
    return nm_make_flux(L * nm_c.x, out, in, out + in, nm_c.x, NM_PAR(0.0), 1);
}

/* Ohm: J = g (V - E)/(z F) = g RT/(q F)^2 x, g [S m-2] */
NM_FN nm_flux_any nm_law_ohmic(nm_context_any nm_c, nm_any g) {
    return nm_law_linear(nm_c, g * nm_c.RT_F2 * NM_PAR(1.0 / ((double)nm_c.q * nm_c.q)));
}

/* Goldman-Hodgkin-Katz: J = P [from B(-u) - to B(u)], P [m s-1], B(u) = u/(exp(u)-1). Written as P from B(-u) (1-e^-x)
 * for x >= 0 and P to B(u) (e^x - 1) below: digits are kept near equilibrium and nothing overflows, since every
 * exponent is negative: with m = B(-|u|), the other of B(u) and B(-u) is m e^-|u|. Charge 0 gives P (from - to). */
NM_FN nm_flux_any nm_law_ghk(nm_context_any nm_c, nm_any P) {
    nm_any size = nm_abs(nm_c.u);
    nm_any most = P * nm_bern(-size);
    nm_any least = most * nm_exp(-size);
    nm_par u = nm_value(nm_c.u);
    nm_par x = nm_value(nm_c.x);
    nm_any forth = nm_c.from * nm_if(nm_less(u, NM_PAR(0.0)), least, most);
    nm_any back = nm_c.to * nm_if(nm_less(u, NM_PAR(0.0)), most, least);
    nm_any decay = nm_expm1(-nm_abs(nm_c.x));
    nm_any net = nm_if(nm_less(x, NM_PAR(0.0)), back * decay, -(forth * decay));
    nm_par out = nm_value(forth);
    nm_par in = nm_value(back);
    return nm_make_flux(net, out, in, out + in, nm_c.x, NM_PAR(0.0), 1);
}

/* Saturable and reversible: J = cap (1 - e^-x)/(1 + kappa e^-x), cap > 0 [mol per extent and second], kappa >= 0.
 * Written with e^-|x| so that nothing overflows. */
NM_FN nm_flux_any nm_law_saturable(nm_context_any nm_c, nm_any cap, nm_par kappa) {
    nm_par x = nm_value(nm_c.x);
    nm_par reverse = nm_value(kappa);
    nm_par size = nm_abs(x);
    nm_par decay = nm_expm1(-size);
    nm_par e = nm_exp(-size);
    nm_par share = NM_PAR(1.0) / nm_if(nm_less(x, 0.0), reverse + e, NM_PAR(1.0) + reverse * e);
    nm_par turns = nm_if(nm_less(x, 0.0), decay, -decay) * share;
    nm_any net = cap * nm_apply(nm_c.x, kappa, turns, (NM_PAR(1.0) + reverse) * e * share * share,
                                nm_if(nm_less(x, 0.0), -decay, decay * e) * share * share);
    nm_par most = nm_value(cap) * share;
    nm_par least = most * e;
    nm_par out = nm_if(nm_less(x, 0.0), least, most);
    nm_par in = nm_if(nm_less(x, 0.0), most, least);
    return nm_make_flux(net, out, in, out + in, nm_c.x, NM_PAR(0.0), 1);
}

/* A user's own positive kinetic factor: J = factor tanh(x/2) */
NM_FN nm_flux_any nm_law_reciprocal(nm_context_any nm_c, nm_any factor) {
    return nm_law_saturable(nm_c, factor, NM_PAR(1.0));
}

/* Mass action: J = kf from - kr to; the standard part of the affinity is ln(kf/kr). Rates may depend on the state, as
 * those of a gate on its potential. */
NM_FN nm_flux_any nm_law_mass_action(nm_context_any nm_c, nm_any kf, nm_any kr) {
    nm_any forth = kf * nm_c.from;
    nm_any back = kr * nm_c.to;
    nm_par standard = nm_log(nm_beside(kf) / nm_beside(kr));
    return nm_make_flux(forth - back, nm_value(forth), nm_value(back), nm_value(forth) + nm_value(back),
                        nm_beside(nm_c.x) + standard, standard, 1);
}

/* One transition state, the same both ways (Eyring 1935; Glasstone, Laidler & Eyring 1941): `work` [RT] is what is done
 * on the way by a field or a drive that no species tells of, beside the row's electrical part u. The share theta of both
 * speeds from -> to and the rest slows to -> from; so theta, like the height of the barrier, moves both rates by one
 * factor and never their ratio. rise, fall: ln of the rates but for kf and kr; standard: ln(forward/backward rate). */
NM_FN nm_flux_any nm_law_transition(nm_context_any nm_c, nm_par kf, nm_par kr, nm_any rise, nm_any fall,
                                    nm_par standard) {
    nm_any forth = kf * nm_exp(rise) * nm_c.from;
    nm_any back = kr * nm_exp(fall) * nm_c.to;
    return nm_make_flux(forth - back, nm_value(forth), nm_value(back), nm_value(forth) + nm_value(back),
                        nm_beside(nm_c.x) + standard, standard, 1);
}

/* Mass action with a work that theta splits: kf, kr are the rates where it is zero */
NM_FN nm_flux_any nm_law_split(nm_context_any nm_c, nm_par kf, nm_par kr, nm_par theta, nm_par work) {
    nm_any whole = nm_c.u + work;
    return nm_law_transition(nm_c, kf, kr, theta * whole, (theta - NM_PAR(1.0)) * whole, nm_log(kf / kr) + work);
}

#define NM_MOLAR_PLANCK 3.990312712893431e-10 /* h N_A [J s mol-1], SI 2019: k_B T/h = RT/(h N_A) */

/* Transition-state theory: rates kappa k_B T/h exp(-(B - G)/RT), with the energies [J mol-1] B of the transition state,
 * G_from and G_to of both sides at 1 mol m-3, and a drive f [J mol-1] that favours from -> to and that theta splits.
 * kappa: transmission coefficient, 1 where every crossing counts. 0: the way is closed. */
NM_FN nm_flux_any nm_law_barrier(nm_context_any nm_c, nm_par kappa, nm_par B, nm_par G_from, nm_par G_to, nm_par f,
                                 nm_par theta) {
    nm_par k = kappa * nm_c.RT * NM_PAR(1.0 / NM_MOLAR_PLANCK);
    nm_par drive = f / nm_c.RT;
    nm_any whole = nm_c.u + drive;
    return nm_law_transition(nm_c, k, k, theta * whole - (B - G_from) / nm_c.RT,
                             (theta - NM_PAR(1.0)) * whole - (B - G_to) / nm_c.RT,
                             (G_from - G_to + f) / nm_c.RT);
}

/* Water down its osmotic force, on a row from inner to outer water. x = v_w (Pi_o - Pi_i) dimensionless; the flux of
 * water is P_f x / v_w [mol m-2 s-1], P_f [m s-1]; residuals are taken against P_f times the osmolarities. */
NM_FN nm_flux_any nm_law_osmosis(nm_context_any nm_c, nm_par P_f, nm_par v_w, nm_par osmolarity) {
    nm_par L = P_f / v_w;
    nm_par x = nm_value(nm_c.x);
    nm_par l = nm_value(L);
    nm_par out = nm_linear_out(l, x);
    nm_par in = nm_linear_out(l, -x);
    return nm_make_flux(L * nm_c.x, out, in, nm_value(P_f) * nm_value(osmolarity), nm_c.x, NM_PAR(0.0), 1);
}

/* Driven: the rate is what it is, whatever the affinity */
NM_FN nm_flux_any nm_law_driven(nm_context_any nm_c, nm_any rate) {
    nm_par r = nm_value(rate);
    nm_par zero = NM_PAR(0.0);
    nm_par out = nm_max(r, zero);
    nm_par in = nm_max(-r, zero);
    return nm_make_flux(rate, out, in, out + in, nm_c.x, zero, 0);
}

/* saturation S/(K + S) with n equal sites */
#define hill(S, K, n) nm_powi((S) / ((K) + (S)), n)

/* Boltzmann's share of two states whose energies differ by x RT: 1/(1 + e^-x), from 0 to 1 */
#define logistic(x) (1.0 / (1.0 + nm_exp(-(x))))

/* one of several expressions, by a choice of a variant */
#define choose(variant, ...)                                                                       \
    NM_LAW_PICK(__VA_ARGS__, NM_BY4, NM_BY3, NM_BY2, NM_BY1, 0)(variant, __VA_ARGS__)

/* the words of the law column */
#define NM_LAW_linear(L) nm_law_linear(nm_ctx, L)
#define NM_LAW_ohmic(g)                                                                            \
    nm_law_ohmic(nm_ctx, g)
#define NM_LAW_ghk(P) nm_law_ghk(nm_ctx, P)
#define NM_LAW_saturable(cap, kappa) nm_law_saturable(nm_ctx, cap, kappa)
#define NM_LAW_reciprocal(factor) nm_law_reciprocal(nm_ctx, factor)
#define NM_LAW_mass_action(kf, kr) nm_law_mass_action(nm_ctx, kf, kr)
#define NM_LAW_split(kf, kr, theta, work) nm_law_split(nm_ctx, kf, kr, theta, work)
#define NM_LAW_barrier(kappa, B, G_from, G_to, f, theta) nm_law_barrier(nm_ctx, kappa, B, G_from, G_to, f, theta)
#define NM_LAW_osmosis(P_f) nm_law_osmosis(nm_ctx, P_f, nm_v_w, nm_osm)
#define NM_LAW_constant(rate) nm_law_driven(nm_ctx, rate)
#define NM_LAW_driven(rate) nm_law_driven(nm_ctx, rate)
#define NM_LAW_by(variant, ...)                                                                    \
    NM_LAW_PICK(__VA_ARGS__, NM_LAW_BY4, NM_LAW_BY3, NM_LAW_BY2, NM_LAW_BY1, 0)(variant, __VA_ARGS__)
#define NM_LAW_PICK(a, b, c, d, name, ...) name
#define NM_LAW_BY1(variant, a) NM_BY1(variant, NM_LAW_##a)
#define NM_LAW_BY2(variant, a, b) NM_BY2(variant, NM_LAW_##a, NM_LAW_##b)
#define NM_LAW_BY3(variant, a, b, c) NM_BY3(variant, NM_LAW_##a, NM_LAW_##b, NM_LAW_##c)
#define NM_LAW_BY4(variant, a, b, c, d) NM_BY4(variant, NM_LAW_##a, NM_LAW_##b, NM_LAW_##c, NM_LAW_##d)

#endif
