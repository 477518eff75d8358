/* Laws of pathways over random states: signs, one-way ratios, exact zeros, extremes, and fluxes against long double.
 *
 * lanes: 8 1 */
#include "kernel_test.h"

#include "nessmap/elements.h"

namespace
{

enum { N_BLOCKS = 100000 / NM_LANES };

struct state {
    double x, u, from, to, RT, strength, kappa;
    int q;
};

/* forces of every size from 1e-18 to 2000, either sign, and now and then exactly 0 */
double draw_force(uint64_t *random, double most)
{
    double size = random_word(random) % 16 == 0 ? 0.0
                  : random_word(random) & 1u    ? random_between(random, 0.0, most)
                                                : exp2(random_between(random, -60.0, log2(most)));
    return random_word(random) & 1u ? size : -size;
}

/* to = from e^(u-x), so that x, u and both sides say the same; false where one of them is no normal number */
bool draw_state(state *s, uint64_t *random, double most)
{
    s->x = draw_force(random, most);
    s->u = draw_force(random, most);
    if (random_word(random) % 8 == 0) {
        s->u = s->x;
    } /* equal concentrations */
    s->from = exp(random_between(random, -20.0, 10.0));
    long double to = s->from * expl((long double)s->u - (long double)s->x);
    s->to = (double)to;
    s->RT = 8.31446261815324 * random_between(random, 273.0, 323.0);
    s->strength = exp(random_between(random, -30.0, -3.0)); /* e^708 times this is a number */
    s->kappa = random_word(random) % 4 == 0 ? 0.0 : exp(random_between(random, -10.0, 3.0));
    s->q = (int)(random_word(random) % 3) + 1;
    if (random_word(random) & 1u) {
        s->q = -s->q;
    }
    return to > 1e-300L && to < 1e300L;
}

struct lanes {
    state s[NM_LANES];
    nm_par x, u, from, to, RT, RT_F2, strength, kappa;
};

/* a block of states; all lanes share the charge, as a pathway does */
void draw_block(lanes *b, uint64_t *random, double most, bool needs_sides)
{
    for (int lane = 0; lane < NM_LANES; lane++) {
        do {
            bool good = draw_state(&b->s[lane], random, most);
            if (good || !needs_sides) {
                break;
            }
        } while (true);
        b->s[lane].q = b->s[0].q;
        const state *s = &b->s[lane];
        nm_set(&b->x.v, lane, s->x);
        nm_set(&b->u.v, lane, s->u);
        nm_set(&b->from.v, lane, s->from);
        nm_set(&b->to.v, lane, s->to);
        nm_set(&b->RT.v, lane, s->RT);
        nm_set(&b->RT_F2.v, lane, s->RT / (NM_FARADAY * NM_FARADAY));
        nm_set(&b->strength.v, lane, s->strength);
        nm_set(&b->kappa.v, lane, s->kappa);
    }
}

auto context_of(const lanes *b)
{
    return nm_make_context(b->x, b->u, b->from, b->to, b->RT, b->RT_F2, b->s[0].q);
}

struct worst {
    double ratio, difference, net;
};

/* Everything that a reciprocal law promises; `exact` is its net flux, met to `limit` of itself. */
template <class LAW>
void check_reciprocal(const char *name, LAW law, long double (*exact)(const state *), double limit)
{
    uint64_t random = 31;
    worst w = {0.0, 0.0, 0.0};
    for (int block = 0; block < N_BLOCKS; block++) {
        lanes b;
        draw_block(&b, &random, block % 2 ? 30.0 : 600.0, true);
        auto f = law(&b);
        assert_true(f.is_reciprocal);
        for (int lane = 0; lane < NM_LANES; lane++) {
            const state *s = &b.s[lane];
            double net = nm_get(f.net.v, lane), out = nm_get(f.out.v, lane),
                   in = nm_get(f.in.v, lane);
            double x = nm_get(f.x.v, lane), gross = nm_get(f.gross.v, lane);
            if (!(isfinite(net) && isfinite(out) && isfinite(in) && isfinite(gross) && out >= 0.0 &&
                  in >= 0.0)) {
                fail_msg("%s at x = %a, u = %a, kappa = %a: net %g, out %g, in %g", name, s->x,
                         s->u, s->kappa, net, out, in);
            }
            assert_true(x == s->x);
            assert_true((net > 0.0) == (x > 0.0) && (net < 0.0) == (x < 0.0));
            w.difference =
                fmax(w.difference, out + in > 0.0 ? fabs(out - in - net) / (out + in) : 0.0);
            if (out > DBL_MIN && in > DBL_MIN && fabs(x) < 700.0) {
                double error =
                    (double)fabsl(logl((long double)out) - logl((long double)in) - (long double)x);
                w.ratio = fmax(w.ratio, error / (1.0 + fabs(x)));
            }
            long double wanted = exact(s);
            if (fabsl(wanted) < 1e300L && fabsl(wanted) > 1e-290L) {
                double error = (double)(fabsl((long double)net - wanted) / fabsl(wanted));
                if (error > limit) {
                    fail_msg("%s at x = %a, u = %a, kappa = %a: %g for %Lg", name, s->x, s->u,
                             s->kappa, net, wanted);
                }
                w.net = fmax(w.net, error);
            }
        }
    }
    printf("%-12s net %.1e, out - in = net %.1e, ln(out/in) = x %.1e\n", name, w.net, w.difference,
           w.ratio);
    assert_true(w.difference < 1e-14);
    assert_true(w.ratio < 1e-12);
}

/* forces up to 2000: no infinity, no NaN, the right sign */
template <class LAW> void check_extremes(const char *name, LAW law, double most)
{
    uint64_t random = 32;
    for (int block = 0; block < N_BLOCKS; block++) {
        lanes b;
        draw_block(&b, &random, most, false);
        for (int lane = 0; lane < NM_LANES;
             lane++) { /* both sides are what they are, whatever x and u */
            b.s[lane].to = exp(random_between(&random, -20.0, 10.0));
            nm_set(&b.to.v, lane, b.s[lane].to);
        }
        auto f = law(&b);
        for (int lane = 0; lane < NM_LANES; lane++) {
            const state *s = &b.s[lane];
            double net = nm_get(f.net.v, lane), out = nm_get(f.out.v, lane),
                   in = nm_get(f.in.v, lane);
            if (!(isfinite(net) && isfinite(out) && isfinite(in) && out >= 0.0 && in >= 0.0)) {
                fail_msg("%s at x = %g, u = %g, kappa = %g: net %g, out %g, in %g", name, s->x,
                         s->u, s->kappa, net, out, in);
            }
            if (s->x == 0.0) {
                assert_true(net == 0.0);
            }
            assert_true(net == 0.0 || (net > 0.0) == (s->x > 0.0));
        }
    }
}

/* --- the laws and their formulas ----------------------------------------------------------------------- */

auto linear(const lanes *b)
{
    return nm_law_linear(context_of(b), b->strength);
}
long double exact_linear(const state *s)
{
    return (long double)s->strength * s->x;
}

auto ohmic(const lanes *b)
{
    return nm_law_ohmic(context_of(b), b->strength);
}
long double exact_ohmic(const state *s)
{
    long double q = s->q * 96485.33212331001L;
    return (long double)s->strength * s->RT * s->x / (q * q);
}

auto ghk(const lanes *b)
{
    return nm_law_ghk(context_of(b), b->strength);
}
/* P from B(-u) (1 - e^-x): no cancellation at any x */
long double exact_ghk(const state *s)
{
    long double u = s->u, x = s->x, bern = u == 0.0L ? 1.0L : u / -expm1l(-u);
    return -(long double)s->strength * s->from * bern * expm1l(-x);
}

auto saturable(const lanes *b)
{
    return nm_law_saturable(context_of(b), b->strength, b->kappa);
}
long double exact_saturable(const state *s)
{
    long double x = s->x, kappa = s->kappa;
    return -(long double)s->strength * expm1l(-x) / (1.0L + kappa * expl(-x));
}

auto reciprocal(const lanes *b)
{
    return nm_law_reciprocal(context_of(b), b->strength);
}
long double exact_reciprocal(const state *s)
{
    return (long double)s->strength * tanhl(0.5L * s->x);
}

const double V_W = 1.8e-5;
auto osmosis(const lanes *b)
{
    return nm_law_osmosis(context_of(b), b->strength, nm_par(V_W), nm_par(300.0));
}
long double exact_osmosis(const state *s)
{
    return (long double)s->strength / V_W * s->x;
}

void reciprocal_laws_keep_their_promises(void **)
{
    check_reciprocal("linear", linear, exact_linear, 1e-15);
    check_reciprocal("ohmic", ohmic, exact_ohmic, 2e-15);
    check_reciprocal("ghk", ghk, exact_ghk, 1e-12);
    check_reciprocal("saturable", saturable, exact_saturable, 1e-12);
    check_reciprocal("reciprocal", reciprocal, exact_reciprocal, 1e-14);
    check_reciprocal("osmosis", osmosis, exact_osmosis, 1e-15);
}

void extreme_forces_give_finite_fluxes(void **)
{
    check_extremes("linear", linear, 2000.0);
    check_extremes("ohmic", ohmic, 2000.0);
    check_extremes("ghk", ghk, 2000.0);
    check_extremes("saturable", saturable, 2000.0);
    check_extremes("reciprocal", reciprocal, 2000.0);
    check_extremes("osmosis", osmosis, 2000.0);
}

/* mass action: its affinity is that of the sides and of its constants together */
void mass_action_keeps_its_promises(void **)
{
    uint64_t random = 33;
    worst w = {0.0, 0.0, 0.0};
    for (int block = 0; block < N_BLOCKS; block++) {
        lanes b;
        nm_par kr;
        draw_block(&b, &random, 600.0, true);
        for (int lane = 0; lane < NM_LANES; lane++) { /* without a potential: x = ln(from/to) */
            state *s = &b.s[lane];
            s->to = s->from * exp(random_between(&random, -20.0, 20.0));
            s->x = (double)logl((long double)s->from / s->to);
            nm_set(&b.x.v, lane, s->x);
            nm_set(&b.to.v, lane, s->to);
            /* every other one at equilibrium but for rounding */
            nm_set(&kr.v, lane,
                   lane % 2 ? s->strength * s->from / s->to
                            : exp(random_between(&random, -20.0, 20.0)));
        }
        auto f = nm_law_mass_action(context_of(&b), b.strength, kr);
        for (int lane = 0; lane < NM_LANES; lane++) {
            const state *s = &b.s[lane];
            double k = nm_get(kr.v, lane), net = nm_get(f.net.v, lane), out = nm_get(f.out.v, lane),
                   in = nm_get(f.in.v, lane);
            double x = nm_get(f.x.v, lane), standard = nm_get(f.standard.v, lane);
            long double wanted = (long double)s->strength * s->from - (long double)k * s->to;
            w.net = fmax(w.net, (double)(fabsl(net - wanted) / (out + in)));
            w.difference = fmax(w.difference, fabs(out - in - net) / (out + in));
            w.ratio = fmax(w.ratio, (double)fabsl(logl((long double)out / in) - x) /
                                        (1.0 + fabs(x) + fabs(standard) + fabs(s->x)));
            assert_true(fabs(x) < 1e-13 || (net > 0.0) == (x > 0.0));
            assert_true(x == s->x + standard);
        }
    }
    printf("mass action  net %.1e, out - in = net %.1e, ln(out/in) = x %.1e\n", w.net, w.difference,
           w.ratio);
    assert_true(w.net < 1e-15);
    assert_true(w.difference < 1e-15);
    assert_true(w.ratio < 1e-15);
}

/* The two laws with a transition state, whose forward and backward rate share what lies on the way: the ratio out/in is
 * that of the force alone, each rate is the exponential of its own height, theta and the height move both alike. */
void transition_states_keep_their_promises(void **)
{
    const long double planck = 6.62607015e-34L * 6.02214076e23L;
    uint64_t random = 36;
    worst w = {0.0, 0.0, 0.0};
    double w_rate = 0.0;
    for (int block = 0; block < N_BLOCKS; block++) {
        lanes b;
        draw_block(&b, &random, 20.0, true);
        nm_par theta, work, height, G_from, G_to, drive, kr, zero(0.0);
        for (int lane = 0; lane < NM_LANES; lane++) {
            nm_set(&theta.v, lane,
                   random_word(&random) % 4 == 0 ? 0.5 : random_between(&random, 0.0, 1.0));
            nm_set(&work.v, lane, draw_force(&random, 20.0));
            nm_set(&kr.v, lane, exp(random_between(&random, -20.0, 20.0)));
            nm_set(&height.v, lane, random_between(&random, 28e3, 77e3));
            nm_set(&G_from.v, lane, random_between(&random, -15e3, 15e3));
            nm_set(&G_to.v, lane, random_between(&random, -15e3, 15e3));
            nm_set(&drive.v, lane, draw_force(&random, 50e3));
        }
        auto split = nm_law_split(context_of(&b), b.strength, kr, theta, work);
        auto barrier =
            nm_law_barrier(context_of(&b), b.strength, height, G_from, G_to, drive, theta);
        auto closed = nm_law_barrier(context_of(&b), zero, height, G_from, G_to, drive, theta);
        assert_true(split.is_reciprocal && barrier.is_reciprocal);
        for (int lane = 0; lane < NM_LANES; lane++) {
            const state *s = &b.s[lane];
            long double k = s->strength, RT = s->RT, share = nm_get(theta.v, lane),
                        f = nm_get(drive.v, lane);
            long double at = nm_get(work.v, lane), B = nm_get(height.v, lane);
            long double standard[2] = {logl(k / nm_get(kr.v, lane)) + at,
                                       (nm_get(G_from.v, lane) - nm_get(G_to.v, lane) + f) / RT};
            long double rise[2] = {logl(k) + share * (s->u + at),
                                   logl(k * RT / planck) -
                                       (B - nm_get(G_from.v, lane) - share * f) / RT +
                                       share * s->u};
            double x[2] = {nm_get(split.x.v, lane), nm_get(barrier.x.v, lane)};
            double out[2] = {nm_get(split.out.v, lane), nm_get(barrier.out.v, lane)};
            double in[2] = {nm_get(split.in.v, lane), nm_get(barrier.in.v, lane)};
            double net[2] = {nm_get(split.net.v, lane), nm_get(barrier.net.v, lane)};
            double said[2] = {nm_get(split.standard.v, lane), nm_get(barrier.standard.v, lane)};
            for (int law = 0; law < 2; law++) {
                /* heights and drives, in RT, are what is rounded before they cancel */
                double size =
                    1.0 + fabs(s->x) + fabs(s->u) + (double)fabsl(standard[law]) +
                    (double)fabsl(rise[law]) +
                    (law == 0 ? (double)fabsl(at) : (double)((B + 15e3L + fabsl(f)) / RT));
                w.ratio = fmax(
                    w.ratio, (double)fabsl(logl((long double)out[law] / in[law]) - x[law]) / size);
                w.difference =
                    fmax(w.difference, fabs(out[law] - in[law] - net[law]) / (out[law] + in[law]));
                w.net = fmax(w.net, (double)fabsl(said[law] - standard[law]) / size);
                w_rate =
                    fmax(w_rate,
                         (double)fabsl(logl(out[law] / (long double)s->from) - rise[law]) / size);
                assert_true(x[law] == s->x + said[law]);
                assert_true(fabs(x[law]) < 1e-12 * size || (net[law] > 0.0) == (x[law] > 0.0));
            }
            assert_true(nm_get(closed.out.v, lane) == 0.0 && nm_get(closed.in.v, lane) == 0.0);
        }
    }
    printf("transition   rate %.1e, out - in = net %.1e, ln(out/in) = x %.1e, standard %.1e\n",
           w_rate, w.difference, w.ratio, w.net);
    assert_true(w_rate < 1e-15);
    assert_true(w.difference < 1e-15);
    assert_true(w.ratio < 1e-15);
    assert_true(w.net < 1e-15);
}

/* GHK without charge is diffusion; either side may be so small that it is nothing */
void ghk_without_charge_is_diffusion(void **)
{
    uint64_t random = 34;
    for (int block = 0; block < N_BLOCKS; block++) {
        lanes b;
        draw_block(&b, &random, 600.0, false);
        for (int lane = 0; lane < NM_LANES; lane++) {
            state *s = &b.s[lane];
            s->to = s->from * exp(draw_force(&random, 700.0));
            s->x = (double)logl((long double)s->from / s->to);
            nm_set(&b.x.v, lane, s->x);
            nm_set(&b.to.v, lane, s->to);
        }
        auto f = nm_law_ghk(nm_make_context(b.x, nm_par(0.0), b.from, b.to, b.RT, b.RT_F2, 0),
                            b.strength);
        for (int lane = 0; lane < NM_LANES; lane++) {
            const state *s = &b.s[lane];
            long double wanted = (long double)s->strength * ((long double)s->from - s->to);
            long double most = (long double)s->strength * fmaxl(s->from, s->to);
            assert_true(fabsl(nm_get(f.net.v, lane) - wanted) <= 1e-14L * most);
            assert_true(nm_get(f.out.v, lane) == s->strength * s->from);
            assert_true(nm_get(f.in.v, lane) == s->strength * s->to);
        }
    }
}

void driven_laws_are_what_they_are(void **)
{
    uint64_t random = 35;
    for (int block = 0; block < N_BLOCKS / 10; block++) {
        lanes b;
        nm_par rate;
        draw_block(&b, &random, 600.0, false);
        for (int lane = 0; lane < NM_LANES; lane++) {
            nm_set(&rate.v, lane, draw_force(&random, 1.0));
        }
        auto f = nm_law_driven(context_of(&b), rate);
        assert_false(f.is_reciprocal);
        for (int lane = 0; lane < NM_LANES; lane++) {
            double r = nm_get(rate.v, lane);
            assert_true(nm_get(f.net.v, lane) == r);
            assert_true(nm_get(f.out.v, lane) == fmax(r, 0.0) &&
                        nm_get(f.in.v, lane) == fmax(-r, 0.0));
            assert_true(nm_get(f.gross.v, lane) == fabs(r) && nm_get(f.x.v, lane) == b.s[lane].x);
        }
    }
    nm_par s = nm_par(3.0), k = nm_par(1.0);
    assert_true(nm_get(hill(s, k, 1).v, 0) == 0.75 && nm_get(hill(s, k, 3).v, 0) == 0.421875);
}

/* a pathway that is switched off has no flux either way */
void strength_zero_means_no_flux(void **)
{
    uint64_t random = 36;
    for (int block = 0; block < 1000; block++) {
        lanes b;
        draw_block(&b, &random, 2000.0, false);
        for (int lane = 0; lane < NM_LANES; lane++) {
            nm_set(&b.to.v, lane, 1.0 + lane);
        }
        b.strength = nm_par(0.0);
        auto check = [](auto f) {
            for (int lane = 0; lane < NM_LANES; lane++) {
                assert_true(nm_get(f.net.v, lane) == 0.0 && nm_get(f.out.v, lane) == 0.0 &&
                            nm_get(f.in.v, lane) == 0.0);
            }
        };
        check(linear(&b));
        check(ohmic(&b));
        check(ghk(&b));
        check(saturable(&b));
        check(reciprocal(&b));
        check(osmosis(&b));
    }
}

} // namespace

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reciprocal_laws_keep_their_promises),
        cmocka_unit_test(extreme_forces_give_finite_fluxes),
        cmocka_unit_test(mass_action_keeps_its_promises),
        cmocka_unit_test(transition_states_keep_their_promises),
        cmocka_unit_test(ghk_without_charge_is_diffusion),
        cmocka_unit_test(driven_laws_are_what_they_are),
        cmocka_unit_test(strength_zero_means_no_flux),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
