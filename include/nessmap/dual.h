/* Duals: a value and its derivatives by the unknowns named in the mask M. Included by lang.h.
 *
 * A dual's type holds the set of unknowns it depends on, so zeros of a Jacobian are never computed, stored or tested.
 * With NM_GRADIENTS (kernels/gradient.h), a parameter is a dual like any other, and nm_par is as nm_any. */
#ifndef NESSMAP_DUAL_H
#define NESSMAP_DUAL_H

typedef unsigned nm_dirs; /* a set of directions: unknowns, or parameters */

NM_CONST_FN int nm_count(nm_dirs mask) {
    int n = 0;
    for (; mask; mask &= mask - 1) { n++; }
    return n;
}
NM_CONST_FN int nm_rank(nm_dirs mask, int bit) { return nm_count(mask & (((nm_dirs)1 << bit) - 1)); }
NM_CONST_FN int nm_bit(nm_dirs mask, int rank) {
    int i = 0;
    for (;; i++) {
        if (mask >> i & 1u) {
            if (rank == 0) { return i; }
            rank--;
        }
    }
}

template <int I> struct nm_index {
    static constexpr int value = I;
    NM_INLINE constexpr operator int() const { return I; }
};
template <int... I> struct nm_indices {};
template <int N, int... I> struct nm_indices_to : nm_indices_to<N - 1, N - 1, I...> {};
template <int... I> struct nm_indices_to<0, I...> {
    typedef nm_indices<I...> type;
};
template <class F, int... I> NM_INLINE void nm_unroll_over(NM_MAYBE_UNUSED F f, nm_indices<I...>) { (f(nm_index<I>{}), ...); }
/* f(nm_index<0>), ..., f(nm_index<N-1>): a loop whose counter is a constant */
template <int N, class F> NM_INLINE void nm_unroll(F f) { nm_unroll_over(f, typename nm_indices_to<N>::type{}); }

template <nm_dirs M> struct nm_dual;
template <> struct nm_dual<0> {
    nm_vec v;
    static constexpr nm_dirs mask = 0;
    nm_dual() = default;
    NM_INLINE nm_dual(double x) : v(nm_splat(x)) {}
#if NM_LANES > 1
    NM_INLINE nm_dual(nm_vec x) : v(x) {}
#endif
};
typedef nm_dual<0> nm_plain;
#define nm_any auto
#ifdef NM_GRADIENTS
#define nm_par auto
#else
typedef nm_plain nm_par;
#endif

template <nm_dirs M> struct nm_dual {
    nm_vec v;
    nm_vec d[nm_count(M)];
    static constexpr nm_dirs mask = M;
#ifdef NM_GRADIENTS
    nm_dual() = default;
    NM_INLINE nm_dual(nm_vec x) : v(x) {
        nm_unroll<nm_count(M)>([&](auto k) NM_LAMBDA { d[k.value] = nm_splat(0.0); });
    }
    NM_INLINE nm_dual(const nm_dual<0> &x) : nm_dual(x.v) {}
#endif
};

NM_INLINE nm_plain nm_lift(nm_vec x) {
    nm_plain r;
    r.v = x;
    return r;
}

/* the neutral element of a sum and of a product: no code at all */
struct nm_nothing {};
template <nm_dirs M> NM_INLINE nm_dual<M> operator+(nm_nothing, const nm_dual<M> &x) { return x; }
template <nm_dirs M> NM_INLINE nm_dual<M> operator+(const nm_dual<M> &x, nm_nothing) { return x; }
template <nm_dirs M> NM_INLINE nm_dual<M> operator*(nm_nothing, const nm_dual<M> &x) { return x; }
template <nm_dirs M> NM_INLINE nm_dual<M> operator*(const nm_dual<M> &x, nm_nothing) { return x; }
NM_INLINE nm_nothing operator+(nm_nothing, nm_nothing) { return nm_nothing{}; }
NM_INLINE nm_nothing operator*(nm_nothing, nm_nothing) { return nm_nothing{}; }

/* x without its derivatives */
template <nm_dirs M> NM_INLINE nm_plain nm_value(const nm_dual<M> &x) {
    nm_plain r;
    r.v = x.v;
    return r;
}
NM_INLINE nm_plain nm_value(nm_nothing) { return nm_plain(0.0); }
NM_INLINE nm_plain nm_value(double x) { return nm_plain(x); }
NM_INLINE nm_plain nm_as_dual(double x) { return nm_plain(x); }
template <nm_dirs M> NM_INLINE nm_dual<M> nm_as_dual(const nm_dual<M> &x) { return x; }

/* derivative i of x, 0 where it has none */
template <int I, nm_dirs M> NM_INLINE nm_vec nm_slope(const nm_dual<M> &x) {
    if constexpr (M >> I & 1u) {
        return x.d[nm_rank(M, I)];
    } else {
        return nm_splat(0.0);
    }
}

/* applies the chain rule: value f, slope df/dx */
template <nm_dirs M> NM_INLINE nm_dual<M> nm_chain(const nm_dual<M> &x, nm_vec f, nm_vec slope) {
    nm_dual<M> r;
    r.v = f;
    if constexpr (M != 0) {
        nm_unroll<nm_count(M)>([&](auto k) NM_LAMBDA { r.d[k.value] = slope * x.d[k.value]; });
    }
    return r;
}

/* value v; derivative i from those of a and b by `both`, `left`, `right` */
template <nm_dirs A, nm_dirs B, class F, class G, class H>
NM_INLINE nm_dual<A | B> nm_merge(const nm_dual<A> &a, const nm_dual<B> &b, nm_vec v, F both, G left, H right) {
    nm_dual<A | B> r;
    r.v = v;
    if constexpr ((A | B) != 0) {
        nm_unroll<nm_count(A | B)>([&](auto k) NM_LAMBDA {
            constexpr int i = nm_bit(A | B, k.value);
            if constexpr ((A >> i & 1u) && (B >> i & 1u)) {
                r.d[k.value] = both(nm_slope<i>(a), nm_slope<i>(b));
            } else if constexpr (A >> i & 1u) {
                r.d[k.value] = left(nm_slope<i>(a));
            } else {
                r.d[k.value] = right(nm_slope<i>(b));
            }
        });
    }
    return r;
}

/* f(x, y) with the value f and the partial derivatives by_x, by_y: dearer to derive than to write down */
template <nm_dirs A, nm_dirs B>
NM_INLINE nm_dual<A | B> nm_apply(const nm_dual<A> &x, const nm_dual<B> &y, nm_plain f, nm_plain by_x, nm_plain by_y) {
    return nm_merge(
        x, y, f.v, [&](nm_vec p, nm_vec q) NM_LAMBDA { return nm_vfma(by_x.v, p, by_y.v * q); },
        [&](nm_vec p) NM_LAMBDA { return by_x.v * p; }, [&](nm_vec q) NM_LAMBDA { return by_y.v * q; });
}

template <nm_dirs A, nm_dirs B> NM_INLINE nm_dual<A | B> operator+(const nm_dual<A> &a, const nm_dual<B> &b) {
    return nm_merge(
        a, b, a.v + b.v, [](nm_vec p, nm_vec q) NM_LAMBDA { return p + q; }, [](nm_vec p) NM_LAMBDA { return p; },
        [](nm_vec q) NM_LAMBDA { return q; });
}
template <nm_dirs A, nm_dirs B> NM_INLINE nm_dual<A | B> operator-(const nm_dual<A> &a, const nm_dual<B> &b) {
    return nm_merge(
        a, b, a.v - b.v, [](nm_vec p, nm_vec q) NM_LAMBDA { return p - q; }, [](nm_vec p) NM_LAMBDA { return p; },
        [](nm_vec q) NM_LAMBDA { return -q; });
}
template <nm_dirs A, nm_dirs B> NM_INLINE nm_dual<A | B> operator*(const nm_dual<A> &a, const nm_dual<B> &b) {
    return nm_merge(
        a, b, a.v * b.v, [&](nm_vec p, nm_vec q) NM_LAMBDA { return nm_vfma(a.v, q, p * b.v); },
        [&](nm_vec p) NM_LAMBDA { return p * b.v; }, [&](nm_vec q) NM_LAMBDA { return a.v * q; });
}
template <nm_dirs A, nm_dirs B> NM_INLINE nm_dual<A | B> operator/(const nm_dual<A> &a, const nm_dual<B> &b) {
    if constexpr ((A | B) == 0) {
        nm_plain r;
        r.v = a.v / b.v;
        return r;
    } else {
        nm_vec inverse = 1.0 / b.v, ratio = a.v * inverse;
        return nm_merge(
            a, b, ratio, [&](nm_vec p, nm_vec q) NM_LAMBDA { return nm_vfma(-ratio, q, p) * inverse; },
            [&](nm_vec p) NM_LAMBDA { return p * inverse; }, [&](nm_vec q) NM_LAMBDA { return -ratio * q * inverse; });
    }
}
template <nm_dirs A> NM_INLINE nm_dual<A> operator-(const nm_dual<A> &a) { return nm_chain(a, -a.v, nm_splat(-1.0)); }
template <nm_dirs A> NM_INLINE nm_dual<A> operator+(const nm_dual<A> &a) { return a; }
template <nm_dirs A> NM_INLINE nm_dual<A> operator+(const nm_dual<A> &a, double b) { return a + nm_plain(b); }
template <nm_dirs A> NM_INLINE nm_dual<A> operator+(double a, const nm_dual<A> &b) { return nm_plain(a) + b; }
template <nm_dirs A> NM_INLINE nm_dual<A> operator-(const nm_dual<A> &a, double b) { return a - nm_plain(b); }
template <nm_dirs A> NM_INLINE nm_dual<A> operator-(double a, const nm_dual<A> &b) { return nm_plain(a) - b; }
template <nm_dirs A> NM_INLINE nm_dual<A> operator*(const nm_dual<A> &a, double b) { return a * nm_plain(b); }
template <nm_dirs A> NM_INLINE nm_dual<A> operator*(double a, const nm_dual<A> &b) { return nm_plain(a) * b; }
template <nm_dirs A> NM_INLINE nm_dual<A> operator/(const nm_dual<A> &a, double b) { return a * nm_plain(1.0 / b); }
template <nm_dirs A> NM_INLINE nm_dual<A> operator/(double a, const nm_dual<A> &b) { return nm_plain(a) / b; }

template <nm_dirs M> NM_INLINE nm_dual<M> nm_exp(const nm_dual<M> &x) {
    nm_vec e = nm_vexp(x.v);
    return nm_chain(x, e, e);
}
template <nm_dirs M> NM_INLINE nm_dual<M> nm_expm1(const nm_dual<M> &x) {
    nm_vec scale, p = nm_exp_core(x.v, &scale);
    return nm_chain(x, nm_vexpm1(x.v), nm_vfma(scale, p, scale));
}
template <nm_dirs M> NM_INLINE nm_dual<M> nm_log(const nm_dual<M> &x) {
    if constexpr (M == 0) {
        nm_plain r;
        r.v = nm_vlog(x.v);
        return r;
    } else {
        return nm_chain(x, nm_vlog(x.v), 1.0 / x.v);
    }
}
template <nm_dirs M> NM_INLINE nm_dual<M> nm_sqrt(const nm_dual<M> &x) {
    nm_vec s = nm_vsqrt(x.v);
    return nm_chain(x, s, 0.5 / s);
}
template <nm_dirs M> NM_INLINE nm_dual<M> nm_bern(const nm_dual<M> &u) {
    nm_vec b = nm_vbern(u.v);
    if constexpr (M == 0) {
        nm_plain r;
        r.v = b;
        return r;
    } else {
        return nm_chain(u, b, nm_vbern_slope(u.v, b));
    }
}
template <nm_dirs M> NM_INLINE nm_dual<M> nm_abs(const nm_dual<M> &x) {
    return nm_chain(x, nm_vabs(x.v), nm_choose(x.v < nm_splat(0.0), nm_splat(-1.0), nm_splat(1.0)));
}

#include "nessmap/trigonometry.h"

template <nm_dirs A, nm_dirs B> NM_INLINE nm_mask nm_less(const nm_dual<A> &a, const nm_dual<B> &b) { return a.v < b.v; }
template <nm_dirs A> NM_INLINE nm_mask nm_less(const nm_dual<A> &a, double b) { return a.v < nm_splat(b); }
template <nm_dirs A> NM_INLINE nm_mask nm_less(double a, const nm_dual<A> &b) { return nm_splat(a) < b.v; }

/* the same number with derivatives (zeros among them) by all of W */
template <nm_dirs W, nm_dirs M> NM_INLINE nm_dual<W> nm_widen(const nm_dual<M> &x) {
    nm_dual<W> r;
    r.v = x.v;
    if constexpr (W != 0) {
        nm_unroll<nm_count(W)>([&](auto k) NM_LAMBDA { r.d[k.value] = nm_slope<nm_bit(W, k.value)>(x); });
    }
    return r;
}
/* m ? a : b, lane by lane, both sides computed */
template <nm_dirs A, nm_dirs B> NM_INLINE nm_dual<A | B> nm_if(nm_mask m, const nm_dual<A> &a, const nm_dual<B> &b) {
    nm_dual<A | B> r;
    r.v = nm_choose(m, a.v, b.v);
    if constexpr ((A | B) != 0) {
        nm_unroll<nm_count(A | B)>([&](auto k) NM_LAMBDA {
            constexpr int i = nm_bit(A | B, k.value);
            r.d[k.value] = nm_choose(m, nm_slope<i>(a), nm_slope<i>(b));
        });
    }
    return r;
}
template <nm_dirs A> NM_INLINE nm_dual<A> nm_if(nm_mask m, const nm_dual<A> &a, double b) { return nm_if(m, a, nm_plain(b)); }
template <nm_dirs A> NM_INLINE nm_dual<A> nm_if(nm_mask m, double a, const nm_dual<A> &b) { return nm_if(m, nm_plain(a), b); }
template <nm_dirs A, nm_dirs B> NM_INLINE nm_dual<A | B> nm_max(const nm_dual<A> &a, const nm_dual<B> &b) { return nm_if(nm_less(b, a), a, b); }
template <nm_dirs A> NM_INLINE nm_dual<A> nm_max(const nm_dual<A> &a, double b) { return nm_max(a, nm_plain(b)); }

/* x^n for an integer n >= 1 */
template <nm_dirs M> NM_INLINE nm_dual<M> nm_powi(const nm_dual<M> &x, int n) {
    nm_dual<M> r = x;
    for (int i = 1; i < n; i++) { r = r * x; }
    return r;
}
/* x^N with N = 0 giving the neutral element */
template <int N, nm_dirs M> NM_INLINE auto nm_power(const nm_dual<M> &x) {
    if constexpr (N == 0) {
        return nm_nothing{};
    } else {
        return nm_powi(x, N);
    }
}
/* N x with N = 0 giving the neutral element of a sum */
template <int N, nm_dirs M> NM_INLINE auto nm_times(const nm_dual<M> &x) {
    if constexpr (N == 0) {
        return nm_nothing{};
    } else if constexpr (N == 1) {
        return x;
    } else {
        return x * (double)N;
    }
}
/* x if KEEP, else nothing */
template <bool KEEP, nm_dirs M> NM_INLINE auto nm_keep(const nm_dual<M> &x) {
    if constexpr (KEEP) {
        return x;
    } else {
        return nm_nothing{};
    }
}
/* unknown number I with value x and derivative `slope` by itself; without derivatives where D is false */
template <bool D, int I> NM_INLINE auto nm_unknown(nm_vec x, nm_vec slope) {
    if constexpr (D) {
        nm_dual<(nm_dirs)1 << I> r;
        r.v = x;
        r.d[0] = slope;
        return r;
    } else {
        nm_plain r;
        r.v = x;
        return r;
    }
}

template <int N> NM_INLINE nm_nothing nm_times(nm_nothing) { return nm_nothing{}; }

/* words that read the same in both languages */
#define NM_ZERO nm_nothing {}
#define NM_ONE nm_nothing {}
#define NM_KEEP(condition, x) nm_keep<(condition)>(x)
#define NM_TIMES(n, x) nm_times<(n)>(x)
#define NM_POWER(n, x) nm_power<(n)>(x)
#define NM_UNKNOWN(i, x, slope) nm_unknown<NM_D, (i)>(x, slope)
#define NM_CONSTANT(name, value) constexpr int name = (value)
/* name = expression, in which nm_here is the constant `here` */
#define NM_LET(name, here, ...)                                                                    \
    NM_MAYBE_UNUSED const auto name = [&]() NM_LAMBDA {                                            \
        NM_MAYBE_UNUSED constexpr int nm_here = (here);                                            \
        return __VA_ARGS__;                                                                        \
    }()


#endif
