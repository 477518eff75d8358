/* A value with its derivatives in directions that are chosen when a scan runs: the unknowns, then parameters.
 *
 * `set` has a bit for each direction in which the value varies; only these derivatives are stored, copied and worked
 * on. It is the same for all lanes. There is one type of such values, of M derivatives, beside numbers that do not vary,
 * so each operator is compiled once, as a function of its own. Included by lang.h where NM_GRADIENTS is. */
#ifndef NESSMAP_SLOPED_H
#define NESSMAP_SLOPED_H

/* f(i) for each direction of a set */
template <class F> NM_INLINE void nm_each_direction(uint64_t set, F f) {
    for (; set; set &= set - 1) { f(__builtin_ctzll(set)); }
}

/* a function of its file alone, unlike a member: files of other lane widths have another one */
template <nm_dirs M> NM_NOINLINE void nm_copy(nm_dual<M> *to, const nm_dual<M> &x) {
    to->set = x.set;
    to->v = x.v;
    nm_each_direction(x.set, [&](int i) NM_LAMBDA { to->d[i] = x.d[i]; });
}

template <nm_dirs M> struct nm_dual {
    uint64_t set;
    nm_vec v;
    nm_vec d[M];
    static constexpr nm_dirs mask = M;

    nm_dual() = default;
    NM_INLINE nm_dual(nm_vec x) : set(0), v(x) {}
    NM_INLINE nm_dual(const nm_dual<0> &x) : set(0), v(x.v) {}
    NM_INLINE nm_dual(const nm_dual &x) { nm_copy(this, x); }
    NM_INLINE nm_dual &operator=(const nm_dual &x) {
        nm_copy(this, x);
        return *this;
    }
};
template <nm_dirs M> NM_INLINE uint64_t nm_set_of(NM_MAYBE_UNUSED const nm_dual<M> &x) {
    if constexpr (M == 0) {
        return 0;
    } else {
        return x.set;
    }
}
template <nm_dirs M> NM_INLINE nm_vec nm_d(NM_MAYBE_UNUSED const nm_dual<M> &x, NM_MAYBE_UNUSED int i) {
    if constexpr (M == 0) {
        return nm_splat(0.0);
    } else {
        return x.d[i];
    }
}

/* value v; derivative i from those of a and b by `both`, `left`, `right` */
template <nm_dirs A, nm_dirs B, class F, class G, class H>
NM_INLINE nm_dual<A | B> nm_merge(const nm_dual<A> &a, const nm_dual<B> &b, nm_vec v, F both, G left, H right) {
    nm_dual<A | B> r;
    r.v = v;
    if constexpr ((A | B) != 0) {
        r.set = nm_set_of(a) | nm_set_of(b);
        if constexpr (A != 0 && B != 0) {
            nm_each_direction(a.set & b.set, [&](int i) NM_LAMBDA { r.d[i] = both(a.d[i], b.d[i]); });
        }
        nm_each_direction(nm_set_of(a) & ~nm_set_of(b), [&](int i) NM_LAMBDA { r.d[i] = left(nm_d(a, i)); });
        nm_each_direction(nm_set_of(b) & ~nm_set_of(a), [&](int i) NM_LAMBDA { r.d[i] = right(nm_d(b, i)); });
    }
    return r;
}
/* the chain rule: value f, slope df/dx */
template <nm_dirs M> NM_NOINLINE nm_dual<M> nm_chain(const nm_dual<M> &x, nm_vec f, nm_vec slope) {
    nm_dual<M> r(f);
    r.set = x.set;
    nm_each_direction(x.set, [&](int i) NM_LAMBDA { r.d[i] = slope * x.d[i]; });
    return r;
}
NM_INLINE nm_plain nm_chain(const nm_plain &, nm_vec f, nm_vec) { return nm_lift(f); }

template <nm_dirs A, nm_dirs B> NM_NOINLINE nm_dual<A | B> operator+(const nm_dual<A> &a, const nm_dual<B> &b) {
    return nm_merge(
        a, b, a.v + b.v, [](nm_vec p, nm_vec q) NM_LAMBDA { return p + q; }, [](nm_vec p) NM_LAMBDA { return p; },
        [](nm_vec q) NM_LAMBDA { return q; });
}
template <nm_dirs A, nm_dirs B> NM_NOINLINE nm_dual<A | B> operator-(const nm_dual<A> &a, const nm_dual<B> &b) {
    return nm_merge(
        a, b, a.v - b.v, [](nm_vec p, nm_vec q) NM_LAMBDA { return p - q; }, [](nm_vec p) NM_LAMBDA { return p; },
        [](nm_vec q) NM_LAMBDA { return -q; });
}
template <nm_dirs A, nm_dirs B> NM_NOINLINE nm_dual<A | B> operator*(const nm_dual<A> &a, const nm_dual<B> &b) {
    return nm_merge(
        a, b, a.v * b.v, [&](nm_vec p, nm_vec q) NM_LAMBDA { return nm_vfma(a.v, q, p * b.v); },
        [&](nm_vec p) NM_LAMBDA { return p * b.v; }, [&](nm_vec q) NM_LAMBDA { return a.v * q; });
}
template <nm_dirs A, nm_dirs B> NM_NOINLINE nm_dual<A | B> operator/(const nm_dual<A> &a, const nm_dual<B> &b) {
    if constexpr ((A | B) == 0) {
        return nm_lift(a.v / b.v);
    } else {
        const nm_vec inverse = 1.0 / b.v, ratio = a.v * inverse;
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

template <nm_dirs M> NM_NOINLINE nm_dual<M> nm_exp(const nm_dual<M> &x) {
    const nm_vec e = nm_vexp(x.v);
    return nm_chain(x, e, e);
}
template <nm_dirs M> NM_NOINLINE nm_dual<M> nm_expm1(const nm_dual<M> &x) {
    nm_vec scale, p = nm_exp_core(x.v, &scale);
    return nm_chain(x, nm_vexpm1(x.v), nm_vfma(scale, p, scale));
}
template <nm_dirs M> NM_NOINLINE nm_dual<M> nm_log(const nm_dual<M> &x) { return nm_chain(x, nm_vlog(x.v), 1.0 / x.v); }
template <nm_dirs M> NM_NOINLINE nm_dual<M> nm_sqrt(const nm_dual<M> &x) {
    const nm_vec s = nm_vsqrt(x.v);
    return nm_chain(x, s, 0.5 / s);
}
template <nm_dirs M> NM_NOINLINE nm_dual<M> nm_bern(const nm_dual<M> &u) {
    const nm_vec b = nm_vbern(u.v);
    return nm_chain(u, b, nm_vbern_slope(u.v, b));
}
template <nm_dirs M> NM_NOINLINE nm_dual<M> nm_abs(const nm_dual<M> &x) {
    return nm_chain(x, nm_vabs(x.v), nm_choose(x.v < nm_splat(0.0), nm_splat(-1.0), nm_splat(1.0)));
}

template <nm_dirs A, nm_dirs B> NM_INLINE nm_mask nm_less(const nm_dual<A> &a, const nm_dual<B> &b) { return a.v < b.v; }
template <nm_dirs A> NM_INLINE nm_mask nm_less(const nm_dual<A> &a, double b) { return a.v < nm_splat(b); }
template <nm_dirs A> NM_INLINE nm_mask nm_less(double a, const nm_dual<A> &b) { return nm_splat(a) < b.v; }

template <nm_dirs A, nm_dirs B> NM_NOINLINE nm_dual<A | B> nm_if(nm_mask m, const nm_dual<A> &a, const nm_dual<B> &b) {
    const nm_vec zero = nm_splat(0.0);
    return nm_merge(
        a, b, nm_choose(m, a.v, b.v), [&](nm_vec p, nm_vec q) NM_LAMBDA { return nm_choose(m, p, q); },
        [&](nm_vec p) NM_LAMBDA { return nm_choose(m, p, zero); },
        [&](nm_vec q) NM_LAMBDA { return nm_choose(m, zero, q); });
}
template <nm_dirs A> NM_INLINE nm_dual<A> nm_if(nm_mask m, const nm_dual<A> &a, double b) { return nm_if(m, a, nm_plain(b)); }
template <nm_dirs A> NM_INLINE nm_dual<A> nm_if(nm_mask m, double a, const nm_dual<A> &b) { return nm_if(m, nm_plain(a), b); }
template <nm_dirs A, nm_dirs B> NM_INLINE nm_dual<A | B> nm_max(const nm_dual<A> &a, const nm_dual<B> &b) {
    return nm_if(nm_less(b, a), a, b);
}
template <nm_dirs A> NM_INLINE nm_dual<A> nm_max(const nm_dual<A> &a, double b) { return nm_max(a, nm_plain(b)); }

/* x^n for an integer n >= 1 */
template <nm_dirs M> NM_NOINLINE nm_dual<M> nm_powi(const nm_dual<M> &x, int n) {
    nm_vec below = nm_splat(1.0);
    for (int i = 1; i < n; i++) { below = below * x.v; }
    return nm_chain(x, below * x.v, below * (double)n);
}

/* these hand on what they are given; a result is used within its expression */
template <nm_dirs M> NM_INLINE const nm_dual<M> &operator+(nm_nothing, const nm_dual<M> &x) { return x; }
template <nm_dirs M> NM_INLINE const nm_dual<M> &operator+(const nm_dual<M> &x, nm_nothing) { return x; }
template <nm_dirs M> NM_INLINE const nm_dual<M> &operator*(nm_nothing, const nm_dual<M> &x) { return x; }
template <nm_dirs M> NM_INLINE const nm_dual<M> &operator*(const nm_dual<M> &x, nm_nothing) { return x; }
template <int N, nm_dirs M> NM_INLINE decltype(auto) nm_power(const nm_dual<M> &x) {
    if constexpr (N == 0) {
        return nm_nothing{};
    } else if constexpr (N == 1) {
        return (x);
    } else {
        return nm_powi(x, N);
    }
}
template <int N, nm_dirs M> NM_INLINE decltype(auto) nm_times(const nm_dual<M> &x) {
    if constexpr (N == 0) {
        return nm_nothing{};
    } else if constexpr (N == 1) {
        return (x);
    } else {
        return x * (double)N;
    }
}
template <bool KEEP, nm_dirs M> NM_INLINE decltype(auto) nm_keep(const nm_dual<M> &x) {
    if constexpr (KEEP) {
        return (x);
    } else {
        return nm_nothing{};
    }
}
template <nm_dirs M> NM_INLINE nm_dual<M> nm_value(const nm_dual<M> &x) { return x; }
template <nm_dirs M> NM_INLINE nm_dual<M> nm_as_dual(const nm_dual<M> &x) { return x; }
template <nm_dirs M> NM_INLINE const nm_dual<M> &nm_see_dual(const nm_dual<M> &x) { return x; }
NM_INLINE nm_plain nm_see_dual(double x) { return nm_plain(x); }
template <nm_dirs W, nm_dirs M> NM_INLINE nm_dual<W> nm_widen(const nm_dual<M> &x) { return x; }

/* --- what outputs are worked out with (kernels/observe.h) --- */

template <nm_dirs M> NM_INLINE nm_dual<M> nm_vexp(const nm_dual<M> &x) { return nm_exp(x); }
/* of 0 that stays 0, 0 */
template <nm_dirs M> NM_NOINLINE nm_dual<M> nm_vsqrt(const nm_dual<M> &x) {
    nm_dual<M> r(nm_vsqrt(x.v));
    const nm_vec slope = 0.5 / r.v, zero = nm_splat(0.0);
    r.set = x.set;
    nm_each_direction(x.set, [&](int i) NM_LAMBDA { r.d[i] = nm_choose(x.d[i] == zero, zero, slope * x.d[i]); });
    return r;
}
template <nm_dirs M> NM_INLINE nm_dual<M> nm_vfma(nm_vec a, const nm_dual<M> &b, const nm_dual<M> &c) {
    return nm_lift(a) * b + c;
}
template <nm_dirs M> NM_INLINE nm_mask operator<(const nm_dual<M> &a, nm_vec b) { return a.v < b; }
template <nm_dirs M> NM_INLINE nm_mask operator<=(const nm_dual<M> &a, nm_vec b) { return a.v <= b; }
template <nm_dirs M> NM_INLINE nm_mask operator==(const nm_dual<M> &a, const nm_dual<M> &b) { return a.v == b.v; }
template <nm_dirs M> NM_INLINE nm_dual<M> nm_choose(nm_mask m, const nm_dual<M> &a, const nm_dual<M> &b) {
    return nm_if(m, a, b);
}
template <nm_dirs M> NM_NOINLINE void nm_gain(nm_dual<M> *x, const nm_dual<M> &more) {
    x->v = x->v + more.v;
    nm_each_direction(more.set & x->set, [&](int i) NM_LAMBDA { x->d[i] = x->d[i] + more.d[i]; });
    nm_each_direction(more.set & ~x->set, [&](int i) NM_LAMBDA { x->d[i] = more.d[i]; });
    x->set |= more.set;
}
template <nm_dirs M> NM_INLINE void operator+=(nm_dual<M> &x, const nm_dual<M> &more) { nm_gain(&x, more); }
/* x becomes 0 where a pathway is idle; what it would carry if it were a little less idle stays, where there is such a
 * thing */
template <nm_dirs M> NM_INLINE void nm_rest(nm_mask is_idle, nm_dual<M> *x) {
    if (nm_any_of(is_idle)) {
        const nm_vec zero = nm_splat(0.0);
        x->v = nm_choose(is_idle, zero, x->v);
        nm_each_direction(x->set, [&](int i) NM_LAMBDA {
            x->d[i] = nm_choose(is_idle & nm_not(nm_vfinite(x->d[i])), zero, x->d[i]);
        });
    }
}

#endif
