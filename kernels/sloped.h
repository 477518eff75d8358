/* A value with its derivatives in directions whose number is known when a scan runs: the unknowns, then parameters.
 *
 * n is 0 where all derivatives are zero, so that what does not vary costs nothing. Derivatives beyond n are zero and
 * not stored. Operators are functions of their own: their loops are long, and inside others they only slow compilers. */
#ifndef NESSMAP_SLOPED_H
#define NESSMAP_SLOPED_H

#include "nessmap/model.h"

enum {
    NM_GRADIENT_PARAMS = 16, /* parameters of one pass */
    NM_SLOPES = NM_NY + NM_GRADIENT_PARAMS
};

struct nm_sloped {
    int n;
    nm_vec v;
    nm_vec d[NM_SLOPES];

    nm_sloped() = default;
    NM_INLINE nm_sloped(nm_vec x) : n(0), v(x) {}
    NM_INLINE nm_sloped(const nm_sloped &x) { *this = x; }
    NM_INLINE nm_sloped &operator=(const nm_sloped &x)
    {
        n = x.n;
        v = x.v;
        for (int i = 0; i < n; i++) {
            d[i] = x.d[i];
        }
        return *this;
    }
};

/* value v; derivative i from those of a and b */
template <class F, class G, class H>
NM_INLINE nm_sloped nm_merge(const nm_sloped &a, const nm_sloped &b, nm_vec v, F both, G left, H right)
{
    nm_sloped r(v);
    const int n = a.n < b.n ? a.n : b.n;
    r.n = a.n > b.n ? a.n : b.n;
    for (int i = 0; i < n; i++) {
        r.d[i] = both(a.d[i], b.d[i]);
    }
    for (int i = n; i < a.n; i++) {
        r.d[i] = left(a.d[i]);
    }
    for (int i = n; i < b.n; i++) {
        r.d[i] = right(b.d[i]);
    }
    return r;
}
/* the chain rule: value f, slope df/dx */
NM_NOINLINE nm_sloped nm_chain(const nm_sloped &x, nm_vec f, nm_vec slope)
{
    nm_sloped r(f);
    r.n = x.n;
    for (int i = 0; i < x.n; i++) {
        r.d[i] = slope * x.d[i];
    }
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
NM_NOINLINE nm_sloped operator-(const nm_sloped &a) { return nm_chain(a, -a.v, nm_splat(-1.0)); }
NM_NOINLINE nm_sloped operator*(const nm_sloped &a, double b) { return nm_chain(a, a.v * b, nm_splat(b)); }
NM_NOINLINE nm_sloped operator*(double a, const nm_sloped &b) { return b * a; }
NM_NOINLINE nm_sloped nm_vexp(const nm_sloped &x)
{
    const nm_vec e = nm_vexp(x.v);
    return nm_chain(x, e, e);
}
NM_NOINLINE nm_sloped nm_vsqrt(const nm_sloped &x)
{
    const nm_vec s = nm_vsqrt(x.v);
    return nm_chain(x, s, 0.5 / s);
}
NM_NOINLINE nm_sloped nm_vfma(nm_vec a, const nm_sloped &b, const nm_sloped &c) { return nm_sloped(a) * b + c; }

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
/* 0 where a pathway is idle; what it would carry if it were a little less idle stays, where there is such a thing */
NM_NOINLINE nm_sloped nm_unless(nm_mask is_idle, const nm_sloped &x)
{
    nm_sloped r(nm_choose(is_idle, nm_splat(0.0), x.v));
    r.n = x.n;
    for (int i = 0; i < x.n; i++) {
        r.d[i] = nm_choose(is_idle & nm_not(nm_vfinite(x.d[i])), nm_splat(0.0), x.d[i]);
    }
    return r;
}

#endif
