/* Which parameters a pathway depends on: the tables of the model are evaluated with sets of parameters for numbers.
 *
 * An operation on two sets is their union; the law in force (NM_PICK) is followed, a condition on numbers both ways.
 * So what is left out of a derivative (gradient.h) is zero by the form of the model, not by the values at a point. */
#ifndef NESSMAP_DEPENDENCE_H
#define NESSMAP_DEPENDENCE_H

#include "network.h"

struct nm_subset {
    uint64_t bits[2];
    static constexpr nm_dirs mask = 0;
    NM_INLINE nm_subset() : bits{0, 0} {}
    NM_INLINE nm_subset(double) : nm_subset() {}
    NM_INLINE nm_subset(const nm_plain &) : nm_subset() {}
    NM_INLINE nm_subset(nm_nothing) : nm_subset() {}
    NM_INLINE nm_subset(const nm_subset &a, const nm_subset &b) : bits{a.bits[0] | b.bits[0], a.bits[1] | b.bits[1]} {}
    NM_INLINE bool has(int i) const { return bits[i / 64] >> (i % 64) & 1; }

    friend NM_INLINE nm_subset operator+(const nm_subset &a, const nm_subset &b) { return nm_subset(a, b); }
    friend NM_INLINE nm_subset operator-(const nm_subset &a, const nm_subset &b) { return nm_subset(a, b); }
    friend NM_INLINE nm_subset operator*(const nm_subset &a, const nm_subset &b) { return nm_subset(a, b); }
    friend NM_INLINE nm_subset operator/(const nm_subset &a, const nm_subset &b) { return nm_subset(a, b); }
    friend NM_INLINE nm_subset operator-(const nm_subset &a) { return a; }
    friend NM_INLINE nm_subset operator+(const nm_subset &a) { return a; }
    friend NM_INLINE nm_subset operator*(NM_ONE_THEN, const nm_subset &a) { return a; }
    friend NM_INLINE nm_mask nm_less(const nm_subset &, const nm_subset &) { return nm_mask_all(true); }
    friend NM_INLINE nm_subset nm_if(nm_mask, const nm_subset &a, const nm_subset &b) { return nm_subset(a, b); }
    friend NM_INLINE nm_subset nm_max(const nm_subset &a, const nm_subset &b) { return nm_subset(a, b); }
    friend NM_INLINE nm_plain nm_value(const nm_subset &) { return nm_plain(1.0); }
};
NM_INLINE nm_subset nm_exp(const nm_subset &a) { return a; }
NM_INLINE nm_subset nm_expm1(const nm_subset &a) { return a; }
NM_INLINE nm_subset nm_log(const nm_subset &a) { return a; }
NM_INLINE nm_subset nm_sqrt(const nm_subset &a) { return a; }
NM_INLINE nm_subset nm_sin(const nm_subset &a) { return a; }
NM_INLINE nm_subset nm_cos(const nm_subset &a) { return a; }
NM_INLINE nm_subset nm_bern(const nm_subset &a) { return a; }
NM_INLINE nm_subset nm_abs(const nm_subset &a) { return a; }
NM_INLINE nm_subset nm_powi(const nm_subset &a, int) { return a; }
NM_INLINE nm_subset nm_as_dual(const nm_subset &a) { return a; }
NM_INLINE nm_subset nm_apply(const auto &x, const auto &y, nm_plain, nm_plain, nm_plain)
    requires(nm_is_same<decltype(nm_as_dual(x)), nm_subset> || nm_is_same<decltype(nm_as_dual(y)), nm_subset>)
{
    return nm_subset(nm_as_dual(x)) + nm_subset(nm_as_dual(y));
}
template <int N> NM_INLINE nm_subset nm_power(const nm_subset &a) { return N == 0 ? nm_subset() : a; }
template <int N> NM_INLINE nm_subset nm_times(const nm_subset &a) { return N == 0 ? nm_subset() : a; }
template <bool KEEP> NM_INLINE nm_subset nm_keep(const nm_subset &a) { return KEEP ? a : nm_subset(); }

template <class X> constexpr bool nm_is_subset = nm_is_same<X, nm_subset>;
struct nm_subset_flux {
    nm_subset net; /* and forces */
    static constexpr nm_dirs mask = 0;
};
NM_INLINE nm_subset_flux nm_make_flux(const auto &net, const auto &, const auto &, const auto &, const auto &x,
                                   const auto &standard, bool)
    requires(nm_is_subset<decltype(nm_as_dual(net))> || nm_is_subset<decltype(nm_as_dual(x))> ||
             nm_is_subset<decltype(nm_as_dual(standard))>)
{
    return nm_subset_flux{nm_subset(nm_as_dual(net)) + nm_subset(nm_as_dual(x)) + nm_subset(nm_as_dual(standard))};
}
struct nm_subset_membrane {
    int kind;
    nm_subset capacitance, held;
    static constexpr nm_dirs mask = 0;
};
NM_INLINE nm_subset_membrane nm_make_membrane(int kind, const auto &capacitance, const auto &held)
    requires(nm_is_subset<decltype(nm_as_dual(capacitance))> || nm_is_subset<decltype(nm_as_dual(held))>)
{
    return nm_subset_membrane{kind, nm_subset(nm_as_dual(capacitance)), nm_subset(nm_as_dual(held))};
}

/* a visitor of the network (gradient.h) */
struct nm_by_sets {
    nm_vec exp_y[NM_NY], exp_minus_y[NM_NY];
    nm_subset of[NM_NJ]; /* what each pathway depends on, */
    nm_subset wide;      /* and what is not of one pathway alone */
    struct nm_no_given {
        int RT, v_w, held[NM_NS], ln_held[NM_NS], trapped[NM_NS], fixed[NM_NC], capacitance[NM_NC], applied[NM_NC];
    } *given;

    NM_INLINE bool concerns(int) const { return true; }
    NM_INLINE nm_subset zero() const { return nm_subset(); }
    NM_INLINE nm_subset param(int i) const
    {
        nm_subset r;
        r.bits[i / 64] |= (uint64_t)1 << (i % 64);
        return r;
    }
    NM_INLINE nm_subset see(const nm_subset &x)
    {
        wide = wide + x;
        return x;
    }
    NM_INLINE nm_subset take(nm_vec, const nm_subset &x) { return see(x); }
    NM_INLINE nm_subset ln(nm_vec, const nm_subset &x, int) { return see(x); }
    NM_INLINE nm_subset per(nm_vec, const nm_subset &x) { return see(x); }
    NM_INLINE void give(int *, const nm_subset &) const {}
    NM_INLINE void give_species(int *, const nm_subset &) const {}
    template <int K> NM_INLINE void path(const nm_subset_flux &flux) { of[K] = flux.net; }
    template <int E> NM_INLINE void fuel(const nm_subset &) const {}
    template <int Y> NM_INLINE void hold(const nm_subset &) const {}
    template <int C> NM_INLINE void current(const nm_subset &, const nm_subset &, const nm_point *) const {}
    template <int T> NM_INLINE void total(const nm_subset &, const nm_subset &) const {}
    template <int C> NM_INLINE void charge(const nm_subset &) const {}
};

#endif
