/* Where a point begins, and what its parameters tell beforehand: its domain, the declared initial state, the model's guess
 * for Newton's method, and its proof of growth. */
#ifndef NESSMAP_START_H
#define NESSMAP_START_H

#include "network.h"

/* lanes whose parameters are finite, and not negative where the model's range starts at zero or above */
#define NM_ROW_P_DOMAIN(name, unit, dflt, low, high, scale, text)                                  \
    zero = nm_vfma(pt->p[NM_P_##name], nm_splat(0.0), zero);                                       \
    if ((low) >= 0.0) {                                                                            \
        least = nm_vmin(least, pt->p[NM_P_##name]);                                                \
    }
NM_FN nm_mask nm_in_domain(const nm_point *pt)
{
    nm_vec zero = nm_splat(0.0), least = nm_splat(0.0); /* 0 times what is not finite is NaN */
    NM_PARAMETERS(NM_ROW_P_DOMAIN)
    return (pt->RT > nm_splat(0.0)) & (zero == nm_splat(0.0)) & (least == nm_splat(0.0));
}

/* The declared initial state as unknowns. Charge that is missing is added as the first free ion of the wanted sign.
 * returns the lanes inside the model's domain. */
NM_FN nm_mask nm_initial(nm_vec *y, const nm_point *pt)
{
    nm_mask valid = nm_in_domain(pt);
    nm_vec volume[NM_NC];
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA { volume[c.value] = pt->fixed[c.value]; });
    nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
        constexpr int kind = nm_kind(s.value), i = nm_unknown_of(s.value);
        if constexpr (kind == NM_SPECIES_WATER && i >= 0) {
            y[i] = nm_vlog(pt->start[s.value]);
            volume[nm_place(s.value)] = pt->start[s.value];
            valid = valid & (pt->start[s.value] > nm_splat(0.0)) & nm_vfinite(pt->start[s.value]);
        } else if constexpr (kind == NM_SPECIES_HELD) {
            bool moves = false;
            for (int k = 0; k < NM_NJ; k++) {
                moves = moves || nm_nu(k, s.value) != 0;
            }
            if (moves) {
                valid = valid & nm_vfinite(pt->ln_held[s.value]);
            }
            valid = valid & nm_not(pt->held[s.value] < nm_splat(0.0));
        }
    });
    nm_vec c[NM_N_FREE];
    nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
        c[i.value] = pt->start[nm_species_of(i.value)];
        valid = valid & (c[i.value] > nm_splat(0.0)) & nm_vfinite(c[i.value]);
    });
    nm_unroll<NM_NC>([&](auto place) NM_LAMBDA {
        constexpr int here = place.value, v = nm_potential_of(here);
        if constexpr (v >= 0) {
            y[v] = pt->is_clamped[place.value] ? pt->clamp[place.value]
                                               : pt->v_start;
            if (!pt->is_clamped[place.value]) {
                nm_vec charge = -(pt->capacity[place.value] * y[v]) / volume[place.value];
                nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
                    if constexpr (nm_place(s.value) == here &&
                                  nm_kind(s.value) == NM_SPECIES_FREE) {
                        charge = nm_vfma(pt->charge[s.value], c[nm_unknown_of(s.value)], charge);
                    } else if constexpr (nm_place(s.value) == here &&
                                         nm_kind(s.value) == NM_SPECIES_TRAPPED) {
                        charge = charge +
                                 pt->charge[s.value] * pt->trapped[s.value] / volume[place.value];
                    }
                });
                nm_vec lack_plus = nm_vmax(-charge, nm_splat(0.0)),
                       lack_minus = nm_vmax(charge, nm_splat(0.0));
                bool has_plus = false, has_minus = false;
                nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
                    constexpr int s = nm_species_of(i.value), z = nm_charge(s);
                    if constexpr (nm_place(s) == here && z != 0) {
                        if (nm_is_holdable(s) && pt->is_held[s]) {
                            return;
                        }
                        if (z > 0 && !has_plus) {
                            c[i.value] = c[i.value] + lack_plus * (1.0 / (z > 0 ? z : 1));
                            has_plus = true;
                        }
                        if (z < 0 && !has_minus) {
                            c[i.value] = c[i.value] + lack_minus * (1.0 / (z < 0 ? -z : 1));
                            has_minus = true;
                        }
                    }
                });
            }
        }
    });
    /* finiteness is asked of what logarithms are taken of: where a guess takes their place, none are */
    nm_vec sum = nm_splat(0.0);
    nm_unroll<NM_NY>([&](auto i) NM_LAMBDA {
        if constexpr (i.value < NM_N_FREE) {
            sum = sum + c[i.value];
            y[i.value] = nm_vlog(c[i.value]);
        } else {
            sum = sum + y[i.value];
        }
    });
    return valid & nm_vfinite(sum);
}

/* Moves y to where the model would rather have Newton's method begin. */
#define NM_ROW_GUESS_LET(name, ...) NM_MAYBE_UNUSED const nm_par name = NM_PAR(__VA_ARGS__);
#define NM_ROW_GUESS(name, ...) y[NM_Y_##name] = NM_RAW(NM_PAR(__VA_ARGS__));
NM_FN void nm_guess(NM_MAYBE_UNUSED nm_vec *y, NM_MAYBE_UNUSED const nm_point *nm_pt, NM_MAYBE_UNUSED const auto *nm_pick)
{
    if constexpr (NM_N_GUESSES > 0) {
        NM_PARAMETERS(NM_ROW_P_LOCAL)
        NM_GUESS(NM_ROW_GUESS_LET, NM_ROW_GUESS)
    }
}

/* lanes whose parameters prove that there is no steady state but growth */
NM_FN nm_mask nm_must_grow(NM_MAYBE_UNUSED const nm_point *nm_pt, NM_MAYBE_UNUSED const auto *nm_pick)
{
#ifdef NM_SURELY_GROWS
    NM_PARAMETERS(NM_ROW_P_LOCAL)
    return NM_RAW(NM_PAR(NM_SURELY_GROWS)) > nm_splat(0.0);
#else
    return nm_mask_all(false);
#endif
}

#endif
