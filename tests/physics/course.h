/* Steps of the follower one at a time, in one lane: rates, Jacobian and scaling as nm_course_step prepares them. */
#ifndef NESSMAP_TESTS_COURSE_H
#define NESSMAP_TESTS_COURSE_H

#include "follow.h"

static_assert(NM_LANES == 1, "states are compared number by number");

/* Rodas4 from x over h to x_new; returns the estimate of its error relative to the state, a root mean square. */
NM_MAYBE_UNUSED static double fixed_step(double *x_new, const double *x, double h,
                                         const nm_point *pt, const nm_choices *pick)
{
    nm_balance b;
    nm_vec y[NM_NY];
    nm_scaling scale;
    nm_mask held[NM_N_FREE];
    for (int i = 0; i < NM_N_FREE; i++) {
        held[i] = nm_mask_all(false);
    }
    nm_put_held(held, pt);
    b.v_w = pt->v_w;
    nm_state_to_unknowns(y, x);
    b.clear();
    nm_visit_network<true>(&b, pt, pick, y);
    nm_hold(&b, held);
    nm_put_currents(&b, pt, true);
    nm_by_amounts(&b);
    nm_scale(&scale, x, pt);
    for (int i = 0; i < NM_NY; i++) {
        for (int j = 0; j < NM_NY; j++) {
            b.jac[i][j] = b.jac[i][j] * scale.inverse[i];
        }
    }
    return sqrt(nm_rodas4(x_new, x, b.f, b.jac, &scale, h, 1.0, held, pt, pick));
}

#endif
