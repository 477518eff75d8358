/* A value with its derivatives in directions that are chosen when a scan runs: the unknowns, then parameters.
 *
 * `set` has a bit for each direction in which the value varies; only these derivatives are stored, copied and worked
 * on. It is the same for all lanes. Operators are functions of their own: inside others their loops only slow
 * compilers. */
#ifndef NESSMAP_SLOPED_H
#define NESSMAP_SLOPED_H

#include "nessmap/model.h"

enum {
    NM_GRADIENT_PARAMS = 16, /* parameters of one pass */
    NM_SLOPES = NM_NY + NM_GRADIENT_PARAMS
};
static_assert(NM_SLOPES <= 64, "a bit for each direction");

struct nm_sloped {
    uint64_t set;
    nm_vec v;
    nm_vec d[NM_SLOPES];

    nm_sloped() = default;
    NM_INLINE nm_sloped(nm_vec x) : set(0), v(x) {}
    NM_INLINE nm_sloped(const nm_sloped &x) { *this = x; }
    NM_INLINE nm_sloped &operator=(const nm_sloped &x);
};

/* f(i) for each direction of a set */
template <class F> NM_INLINE void nm_each_direction(uint64_t set, F f)
{
    for (; set; set &= set - 1) {
        f(__builtin_ctzll(set));
    }
}

NM_INLINE nm_sloped &nm_sloped::operator=(const nm_sloped &x)
{
    set = x.set;
    v = x.v;
    nm_each_direction(set, [&](int i) NM_LAMBDA { d[i] = x.d[i]; });
    return *this;
}

/* value v; derivative i from those of a and b */
template <class F, class G, class H>
NM_INLINE nm_sloped nm_merge(const nm_sloped &a, const nm_sloped &b, nm_vec v, F both, G left, H right)
{
    nm_sloped r(v);
    r.set = a.set | b.set;
    nm_each_direction(a.set & b.set, [&](int i) NM_LAMBDA { r.d[i] = both(a.d[i], b.d[i]); });
    nm_each_direction(a.set & ~b.set, [&](int i) NM_LAMBDA { r.d[i] = left(a.d[i]); });
    nm_each_direction(b.set & ~a.set, [&](int i) NM_LAMBDA { r.d[i] = right(b.d[i]); });
    return r;
}
/* the chain rule: value f, slope df/dx */
NM_NOINLINE nm_sloped nm_chain(const nm_sloped &x, nm_vec f, nm_vec slope)
{
    nm_sloped r(f);
    r.set = x.set;
    nm_each_direction(x.set, [&](int i) NM_LAMBDA { r.d[i] = slope * x.d[i]; });
    return r;
}

NM_NOINLINE nm_sloped operator+(const nm_sloped &a, const nm_sloped &b)
{
    return nm_merge(
        a, b, a.v + b.v, [](nm_vec p, nm_vec q) NM_LAMBDA { return p + q; }, [](nm_vec p) NM_LAMBDA { return p; },
        [](nm_vec q) NM_LAMBDA { return q; });
}
NM_NOINLINE nm_sloped operator-(const nm_sloped &a, const nm_sloped &b)
{
    return nm_merge(
        a, b, a.v - b.v, [](nm_vec p, nm_vec q) NM_LAMBDA { return p - q; }, [](nm_vec p) NM_LAMBDA { return p; },
        [](nm_vec q) NM_LAMBDA { return -q; });
}
NM_NOINLINE nm_sloped operator*(const nm_sloped &a, const nm_sloped &b)
{
    return nm_merge(
        a, b, a.v * b.v, [&](nm_vec p, nm_vec q) NM_LAMBDA { return nm_vfma(a.v, q, p * b.v); },
        [&](nm_vec p) NM_LAMBDA { return p * b.v; }, [&](nm_vec q) NM_LAMBDA { return a.v * q; });
}
NM_NOINLINE nm_sloped operator/(const nm_sloped &a, const nm_sloped &b)
{
    const nm_vec inverse = 1.0 / b.v, ratio = a.v * inverse;
    return nm_merge(
        a, b, ratio, [&](nm_vec p, nm_vec q) NM_LAMBDA { return nm_vfma(-ratio, q, p) * inverse; },
        [&](nm_vec p) NM_LAMBDA { return p * inverse; }, [&](nm_vec q) NM_LAMBDA { return -ratio * q * inverse; });
}
NM_INLINE nm_sloped operator-(const nm_sloped &a) { return nm_chain(a, -a.v, nm_splat(-1.0)); }
NM_INLINE nm_sloped operator*(const nm_sloped &a, double b) { return nm_chain(a, a.v * b, nm_splat(b)); }
NM_INLINE nm_sloped operator*(double a, const nm_sloped &b) { return b * a; }
NM_NOINLINE nm_sloped nm_vexp(const nm_sloped &x)
{
    const nm_vec e = nm_vexp(x.v);
    return nm_chain(x, e, e);
}
/* of 0 that stays 0, 0 */
NM_NOINLINE nm_sloped nm_vsqrt(const nm_sloped &x)
{
    nm_sloped r(nm_vsqrt(x.v));
    const nm_vec slope = 0.5 / r.v, zero = nm_splat(0.0);
    r.set = x.set;
    nm_each_direction(x.set, [&](int i) NM_LAMBDA { r.d[i] = nm_choose(x.d[i] == zero, zero, slope * x.d[i]); });
    return r;
}
NM_INLINE nm_sloped nm_vfma(nm_vec a, const nm_sloped &b, const nm_sloped &c) { return nm_sloped(a) * b + c; }

NM_INLINE nm_mask operator<(const nm_sloped &a, nm_vec b) { return a.v < b; }
NM_INLINE nm_mask operator<=(const nm_sloped &a, nm_vec b) { return a.v <= b; }
NM_INLINE nm_mask operator==(const nm_sloped &a, const nm_sloped &b) { return a.v == b.v; }
NM_NOINLINE nm_sloped nm_choose(nm_mask m, const nm_sloped &a, const nm_sloped &b)
{
    const nm_vec zero = nm_splat(0.0);
    return nm_merge(
        a, b, nm_choose(m, a.v, b.v), [&](nm_vec p, nm_vec q) NM_LAMBDA { return nm_choose(m, p, q); },
        [&](nm_vec p) NM_LAMBDA { return nm_choose(m, p, zero); },
        [&](nm_vec q) NM_LAMBDA { return nm_choose(m, zero, q); });
}
NM_NOINLINE void nm_gain(nm_sloped *x, const nm_sloped &more)
{
    x->v = x->v + more.v;
    nm_each_direction(more.set & x->set, [&](int i) NM_LAMBDA { x->d[i] = x->d[i] + more.d[i]; });
    nm_each_direction(more.set & ~x->set, [&](int i) NM_LAMBDA { x->d[i] = more.d[i]; });
    x->set |= more.set;
}
NM_INLINE void operator+=(nm_sloped &x, const nm_sloped &more) { nm_gain(&x, more); }
/* x becomes 0 where a pathway is idle; what it would carry if it were a little less idle stays, where there is such a
 * thing */
NM_INLINE void nm_rest(nm_mask is_idle, nm_sloped *x)
{
    if (nm_any_of(is_idle)) {
        const nm_vec zero = nm_splat(0.0);
        x->v = nm_choose(is_idle, zero, x->v);
        nm_each_direction(x->set, [&](int i) NM_LAMBDA {
            x->d[i] = nm_choose(is_idle & nm_not(nm_vfinite(x->d[i])), zero, x->d[i]);
        });
    }
}

#endif
