/* Potentials of neutral compartments: no charge is stored there, so they are where no net current flows. Included by
 * follow.h. */
#ifndef NESSMAP_POTENTIALS_H
#define NESSMAP_POTENTIALS_H

/* Lanes where the potential of a neutral compartment is further than NM_OFF_BALANCE [RT/F] from where no net current flows, by
 * the slope of the currents. held: species that do not move. */
#define NM_OFF_BALANCE 0.1
NM_FN nm_mask nm_is_off_balance(const nm_balance *b, const nm_mask *held, const nm_point *pt)
{
    nm_mask is_off = nm_mask_all(false);
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        constexpr int here = c.value, v = nm_potential_of(here);
        if constexpr (v >= 0) {
            if (!pt->is_neutral[c.value]) {
                return;
            }
            nm_vec f = nm_splat(0.0), slope = nm_splat(0.0);
            nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
                constexpr int s = nm_species_of(i.value);
                if constexpr (nm_place(s) == here && nm_charge(s) != 0) {
                    const nm_vec z = nm_choose(held[i.value], nm_splat(0.0), nm_splat((double)nm_charge(s)));
                    f = nm_vfma(z, b->f[i.value], f);
                    slope = nm_vfma(z, b->jac[i.value][v], slope);
                }
            });
            is_off = is_off | (nm_vabs(f) > NM_OFF_BALANCE * nm_vabs(slope));
        }
    });
    return is_off;
}

/* Puts the potential of neutral compartments where no net current flows: their rows are algebraic, and a course must
 * start on them. Newton on each potential alone; a current rises with its potential. held: species that do not move. */
NM_LEAF void nm_settle_potentials(nm_vec *y, const nm_mask *held, const nm_point *pt, const nm_choices *pick)
{
    bool any_neutral = false;
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        if constexpr (nm_potential_of(c.value) >= 0) {
            any_neutral = any_neutral || pt->is_neutral[c.value];
        }
    });
    if (!any_neutral) {
        return;
    }
    nm_vec most[NM_NC], last[NM_NC], pace[NM_NC];
    for (int c = 0; c < NM_NC; c++) {
        most[c] = pace[c] = nm_splat(2.0);
        last[c] = nm_splat(0.0);
    }
    for (int iteration = 0; iteration < 100; iteration++) {
        nm_balance b;
        b.v_w = pt->v_w;
        b.clear();
        nm_visit_network<true>(&b, pt, pick, y);
        nm_hold(&b, held);
        nm_put_currents(&b, pt, true);
        nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
            constexpr int v = nm_potential_of(c.value);
            if constexpr (v >= 0) {
                if (pt->is_neutral[c.value]) {
                    /* the largest step doubles until the root is stepped over, then halves each time it is */
                    nm_vec step = b.f[v] / b.jac[v][v];
                    nm_mask over = step * last[c.value] < nm_splat(0.0);
                    pace[c.value] = nm_choose(over, nm_splat(1.0), pace[c.value]);
                    most[c.value] = most[c.value] * nm_choose(over, nm_splat(0.5), pace[c.value]);
                    step = nm_vmax(nm_vmin(step, most[c.value]), -most[c.value]);
                    last[c.value] = step;
                    y[v] = nm_choose(nm_vfinite(step), y[v] - step, y[v]);
                }
            }
        });
    }
}

/* the same where species move that no chemostat holds */
NM_FN void nm_settle_potentials(nm_vec *y, const nm_point *pt, const nm_choices *pick)
{
    nm_mask held[NM_N_FREE];
    for (int i = 0; i < NM_N_FREE; i++) {
        held[i] = nm_mask_all(false);
    }
    nm_put_held(held, pt);
    nm_settle_potentials(y, held, pt, pick);
}

#endif
