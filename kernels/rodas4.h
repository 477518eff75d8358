/* One step of Rodas4 (Hairer & Wanner, Solving ODEs II, 1996) by amounts, with its error. Included by follow.h. */
#ifndef NESSMAP_RODAS4_H
#define NESSMAP_RODAS4_H

/* the zeros of the scaled Jacobian: by amounts, a row that a concentration enters has a derivative by its volume */
template <class MASKS> NM_CONST_FN nm_rows<NM_NY> nm_rows_by_amounts()
{
    nm_rows<NM_NY> rows = nm_rows_of<MASKS>();
    for (int y = 0; y < NM_NY; y++) {
        for (int i = 0; i < NM_N_FREE; i++) {
            const int volume = nm_volume_of(nm_place(nm_species_of(i)));
            rows.row[y] |= (rows.row[y] >> i & 1u) && volume >= 0 ? 1u << volume : 0u;
        }
        if (y >= NM_N_FREE + NM_N_VOLUMES || nm_is_replaced(y)) { /* a row of currents; a total, or the balance it takes */
            rows.row[y] = (1u << NM_NY) - 1u;
        }
    }
    return rows;
}
template <class MASKS> struct nm_shape_by_amounts {
    static constexpr nm_order<NM_NY> order = nm_given_order<NM_NY>();
    static constexpr nm_rows<NM_NY> filled = nm_fill(nm_rows_by_amounts<MASKS>());
};
template <class PICK> NM_FN void nm_factor_step(nm_vec (*lu)[NM_NY], const PICK *)
{
    if constexpr (NM_SHAPED) {
        nm_lu_shaped<nm_shape_by_amounts<nm_masks_for<PICK>>, NM_NY>(lu);
    } else {
        nm_lu<NM_NY>(lu);
    }
}
template <class PICK> NM_FN void nm_solve_stage(const nm_vec (*lu)[NM_NY], nm_vec *k, const PICK *)
{
    if constexpr (NM_SHAPED) {
        nm_lu_solve_shaped<nm_shape_by_amounts<nm_masks_for<PICK>>, (1u << NM_NY) - 1u, NM_NY>(lu, k);
    } else {
        nm_lu_solve<NM_NY>(lu, k);
    }
}

/* One Rodas4 step from x with rates f and scaled Jacobian jac (by amounts). x_new comes out. Returns the mean over
 * amounts, volumes and potentials of the squared error in units of the tolerance. */
NM_FN nm_vec nm_rodas4(nm_vec *x_new, const nm_vec *x, const nm_vec *f, const nm_vec (*jac)[NM_NY],
                       const nm_scaling *scale, nm_vec h, double rtol, const nm_mask *held,
                       const nm_point *pt, const auto *pick)
{
    static constexpr double gamma = 0.25;
    NM_MAYBE_UNUSED static constexpr double a[6][5] = {
        {0, 0, 0, 0, 0},
        {1.544, 0, 0, 0, 0},
        {0.9466785280815826, 0.2557011698983284, 0, 0, 0},
        {3.314825187068521, 2.896124015972201, 0.9986419139977817, 0, 0},
        {1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 0},
        {1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1}};
    NM_MAYBE_UNUSED static constexpr double c[6][5] = {
        {0, 0, 0, 0, 0},
        {-5.6688, 0, 0, 0, 0},
        {-2.430093356833875, -0.2063599157091915, 0, 0, 0},
        {-0.1073529058151375, -9.594562251023355, -20.47028614809616, 0, 0},
        {7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160, 0},
        {8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136,
         -6.058818238834054}};
    nm_vec lu[NM_NY][NM_NY], k[6][NM_NY], stage[NM_NY], rate[NM_NY];
    nm_vec inverse_h = 1.0 / h;
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        NM_UNROLL
        for (int j = 0; j < NM_NY; j++) {
            lu[i][j] = -jac[i][j];
        }
        lu[i][i] = nm_vfma(scale->mass[i], inverse_h * (1.0 / gamma), lu[i][i]);
        if (i >= NM_N_FREE + NM_N_VOLUMES) { /* a neutral membrane that nothing crosses: V stays */
            lu[i][i] = nm_choose(lu[i][i] == nm_splat(0.0), nm_splat(1.0), lu[i][i]);
        }
    }
    nm_factor_step(lu, pick);
    nm_unroll<6>([&](auto stage_index) NM_LAMBDA {
        constexpr int m = stage_index.value;
        if constexpr (m == 0) {
            NM_UNROLL
            for (int i = 0; i < NM_NY; i++) {
                rate[i] = f[i];
            }
        } else {
            NM_UNROLL
            for (int i = 0; i < NM_NY; i++) {
                nm_vec relative = nm_splat(0.0);
                nm_unroll<m>([&](auto j) NM_LAMBDA {
                    relative = nm_vfma(nm_splat(a[m][j.value]), k[j.value][i], relative);
                });
                stage[i] = nm_vfma(relative, scale->size[i], x[i]);
            }
            nm_rates(rate, stage, held, pt, pick);
        }
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            nm_vec memory = nm_splat(0.0);
            nm_unroll<m>([&](auto j) NM_LAMBDA {
                memory = nm_vfma(nm_splat(c[m][j.value]), k[j.value][i], memory);
            });
            k[m][i] = nm_vfma(rate[i], scale->inverse[i], memory * inverse_h * scale->mass[i]);
        }
        nm_solve_stage(lu, k[m], pick);
    });
    /* A potential follows the amounts at once, so that its own estimate is mostly what the next step takes back: one more
     * solution by the step's matrix damps it (Hairer & Wanner, IV.8, eq. 8.19). */
    nm_vec sum = nm_splat(0.0), damped[NM_NY];
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        damped[i] = k[5][i] * (inverse_h * (1.0 / gamma)) * scale->mass[i];
    }
    nm_solve_stage(lu, damped, pick);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        const nm_vec e = i < NM_N_FREE + NM_N_VOLUMES ? k[5][i] : damped[i];
        x_new[i] = nm_vfma(k[5][i], scale->size[i], stage[i]);
        sum = nm_vfma(e, e, sum);
    }
    sum = sum * (1.0 / (rtol * rtol * (double)(int)NM_NY));
    return nm_choose(nm_vfinite(sum), sum, nm_splat(NM_INFINITY));
}

#endif
