/* Sine and cosine on lanes and duals: rhythms, and test functions. Included by lang.h.
 *
 * Reduction by pi/2 in three parts with fused steps (Cody & Waite 1980), then the polynomials that fdlibm made known.
 * Absolute error below 1.8e-16 up to |x| = 1e6 (tests/kernels/test_trigonometry.cpp); beyond, the reduction loses digits. */
#ifndef NESSMAP_TRIGONOMETRY_H
#define NESSMAP_TRIGONOMETRY_H

NM_FN void nm_vsincos(nm_vec x, nm_vec *sine, nm_vec *cosine) {
    const double magic = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to an integer */
    nm_vec t = nm_vfma(x, nm_splat(6.36619772367581382433e-01), nm_splat(magic));
    nm_vec k = t - magic;
    nm_vec r = nm_vfma(k, nm_splat(-0x1.921fb54442d18p+0), x);
    r = nm_vfma(k, nm_splat(-0x1.1a62633145c07p-54), r);
    r = nm_vfma(k, nm_splat(0x1.f1976b7ed8fbcp-110), r);
    nm_vec z = r * r;
    nm_vec s = nm_splat(1.58969099521155010221e-10);
    s = nm_vfma(s, z, nm_splat(-2.50507602534068634195e-08));
    s = nm_vfma(s, z, nm_splat(2.75573137070700676789e-06));
    s = nm_vfma(s, z, nm_splat(-1.98412698298579493134e-04));
    s = nm_vfma(s, z, nm_splat(8.33333333332248946124e-03));
    s = nm_vfma(s, z, nm_splat(-1.66666666666666324348e-01));
    s = nm_vfma(s * z, r, r);
    nm_vec c = nm_splat(-1.13596475577881948265e-11);
    c = nm_vfma(c, z, nm_splat(2.08757232129817482790e-09));
    c = nm_vfma(c, z, nm_splat(-2.75573143513906633035e-07));
    c = nm_vfma(c, z, nm_splat(2.48015872894767294178e-05));
    c = nm_vfma(c, z, nm_splat(-1.38888888888741095749e-03));
    c = nm_vfma(c, z, nm_splat(4.16666666666666019037e-02));
    c = nm_vfma(z * z, c, nm_vfma(z, nm_splat(-0.5), nm_splat(1.0)));
    /* the quadrant stands in the lowest bits of t */
    nm_ivec quadrant = nm_bits(t) - (int64_t)0x4338000000000000;
    nm_mask is_odd = (quadrant & 1) != (quadrant & 0);
    nm_vec a = nm_choose(is_odd, c, s), b = nm_choose(is_odd, s, c);
    *sine = nm_from_bits(nm_bits(a) ^ ((quadrant & 2) << 62));
    *cosine = nm_from_bits(nm_bits(b) ^ (((quadrant + 1) & 2) << 62));
}

template <nm_dirs M> NM_INLINE nm_dual<M> nm_sin(const nm_dual<M> &x) {
    nm_vec s, c;
    nm_vsincos(x.v, &s, &c);
    return nm_chain(x, s, c);
}
template <nm_dirs M> NM_INLINE nm_dual<M> nm_cos(const nm_dual<M> &x) {
    nm_vec s, c;
    nm_vsincos(x.v, &s, &c);
    return nm_chain(x, c, -s);
}

#endif
