/* The proof of lysis of pump_leak against its closed form by bisection in long double, both sides of the boundary; and
 * what it must not speak of. Also: a guess and leaving out rare pathways change no state. */
#include "kernel_test.h"

#include "models/pump_leak.c"
#include "point.h"

namespace
{

enum { ROUNDS = 4000 };
uint64_t rng = 20261126;

double log_between(double low, double high)
{
    return exp(random_between(&rng, log(low), log(high)));
}

struct cells { /* one in each lane, its values by parameter */
    double p[NM_LANES][NM_NP];
    nm_point pt;
    nm_choices pick;
};

void draw_cells(cells *c, int pump)
{
#define ROW_DEFAULT(name, unit, dflt, low, high, scale, text) dflt,
    const double defaults[NM_NP] = {NM_PARAMETERS(ROW_DEFAULT)};
#undef ROW_DEFAULT
    c->pick = {};
    c->pick.pump = pump;
    for (int lane = 0; lane < NM_LANES; lane++) {
        double *p = c->p[lane];
        memcpy(p, defaults, sizeof defaults);
        p[NM_P_T] = random_between(&rng, 273.0, 323.0);
        p[NM_P_K_o] = log_between(0.3, 50.0);
        p[NM_P_Na_o] = random_between(&rng, 50.0, 200.0);
        p[NM_P_Cl_o] = random_between(&rng, 30.0, 250.0);
        p[NM_P_Y_o] = random_between(&rng, 0.0, 60.0);
        p[NM_P_g_Na] = log_between(1e-3, 10.0);
        p[NM_P_g_K] = log_between(1e-2, 20.0);
        p[NM_P_K_Na] = log_between(1.0, 50.0);
        p[NM_P_kappa_r] = random_between(&rng, 0.0, 5.0);
        p[NM_P_dG_ATP] = random_between(&rng, -65e3, -5e3);
        p[NM_P_z_X] = random_between(&rng, -3.0, 0.8);
    }
}

void prepare(cells *c)
{
    for (int i = 0; i < NM_NP; i++) {
        for (int lane = 0; lane < NM_LANES; lane++) {
            nm_set(&c->pt.p[i], lane, c->p[lane][i]);
        }
    }
    nm_prepare(&c->pt, &c->pick);
}

/* p_max on the boundary, 0: none that any pump reaches. The pump turns as fast as a cell without end passes on. */
long double boundary(const double *p, int pump)
{
    const long double RT = 8.31446261815324L * p[NM_P_T], F = 96485.33212331001L;
    const long double a = 3.0L * F * F / (p[NM_P_g_Na] * RT), b = 2.0L * F * F / (p[NM_P_g_K] * RT);
    const long double osm = (long double)p[NM_P_Na_o] + p[NM_P_K_o] + p[NM_P_Cl_o] + p[NM_P_Y_o];
    const long double room = osm * osm / (4.0L * p[NM_P_Cl_o]);
    long double low = fmaxl(logl(a * p[NM_P_Na_o] / (b * p[NM_P_K_o])) / (a + b), 0.0L), /* of the sum below */
        high = logl(room / p[NM_P_K_o]) / b;
    for (int i = 0; i < 200; i++) {
        const long double r = 0.5L * (low + high);
        *(p[NM_P_Na_o] * expl(-a * r) + p[NM_P_K_o] * expl(b * r) < room ? &low : &high) = r;
    }
    const long double r = low, na = 0.5L * osm * p[NM_P_Na_o] * expl(-a * r) / room,
                      x = -p[NM_P_dG_ATP] / RT - (3.0L * a + 2.0L * b) * r;
    long double turns = 1.0L; /* of a pump with p_max = 1 */
    if (pump < 2) {
        turns *= powl(na / (p[NM_P_K_Na] + na), 3) * powl(p[NM_P_K_o] / (p[NM_P_K_K] + p[NM_P_K_o]), 2);
    }
    if (pump == 0) {
        turns *= x > 0.0L ? -expm1l(-x) / (1.0L + p[NM_P_kappa_r] * expl(-x)) : 0.0L;
    }
    return turns > r && r > 0.0L ? r / turns : 0.0L; /* up to 1 mol m-2 s-1 */
}

void the_proof_speaks_on_one_side(void **)
{
    int n_told = 0;
    for (int round = 0; round < ROUNDS; round++) {
        cells c;
        const int pump = round % 3, is_above = round / 3 % 2;
        draw_cells(&c, pump);
        c.pick.membrane = round / 6 % 2;
        for (int lane = 0; lane < NM_LANES; lane++) {
            const long double limit = boundary(c.p[lane], pump);
            const double far = round % 5 == 0 ? 1e-5 : random_between(&rng, 1e-5, 0.9);
            c.p[lane][NM_P_p_max] = (double)(limit * (1.0L + (is_above ? far : -far)));
            n_told += limit > 0.0L;
        }
        prepare(&c);
        const nm_mask grows = nm_must_grow(&c.pt, &c.pick);
        for (int lane = 0; lane < NM_LANES; lane++) {
            if (nm_get(grows, lane) != (is_above && c.p[lane][NM_P_p_max] > 0.0)) {
                fail_msg("pump %d, K_o %.17g, p_max %.17g: %s", pump, c.p[lane][NM_P_K_o], c.p[lane][NM_P_p_max],
                         is_above ? "lysis is not proved" : "lysis is proved where there is none");
            }
        }
    }
    assert_true(n_told > ROUNDS * NM_LANES / 2);
}

/* Ten times beyond the boundary, but with something that the proof does not cover. */
void it_keeps_silent_elsewhere(void **)
{
    struct {
        int param, variant;
        double value;
    } cases[] = {
        {NM_P_g_Cl, 0, 0.0},  {NM_P_P_f, 0, 0.0},    {NM_P_L_NKCC, 0, 1e-12}, {NM_P_L_KCC, 0, 1e-12},
        {NM_P_z_X, 0, 1.0},   {NM_P_N_X, 0, 1e-9},   {-1, 1, 0.0},            {-1, 2, 0.0},
        {-1, 3, 0.0},         {NM_P_g_K, 0, 0.0},    {NM_P_g_Na, 0, 0.0},     {NM_P_p_max, 0, 0.0},
        {NM_P_dG_ATP, 0, 1.0}};
    int n_spoke = 0, n_all = 0;
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            cells c;
            draw_cells(&c, 0);
            for (int lane = 0; lane < NM_LANES; lane++) {
                c.p[lane][NM_P_p_max] = 10.0 * (double)boundary(c.p[lane], 0);
            }
            prepare(&c);
            n_spoke += nm_any_of(nm_must_grow(&c.pt, &c.pick));
            n_all++;
            c.pick.leak = cases[i].variant == 1;
            c.pick.membrane = cases[i].variant == 2 ? 2 : 0;
            c.pick.pump = cases[i].variant == 3 ? 3 : 0;
            for (int lane = 0; lane < NM_LANES && cases[i].param >= 0; lane++) {
                c.p[lane][cases[i].param] = cases[i].value;
                if (cases[i].param == NM_P_N_X) { /* so little solute that the membrane's charge counts */
                    c.p[lane][NM_P_z_X] = 0.8;
                }
            }
            prepare(&c);
            if (nm_any_of(nm_must_grow(&c.pt, &c.pick))) {
                fail_msg("case %d: lysis is proved where the proof does not hold", (int)i);
            }
        }
    }
    assert_true(n_spoke > n_all / 8); /* where it holds, it spoke */
}

/* The same steady state from the guess and from the declared start, with and without the rare pathways' zero terms. */
void guess_and_lean_code_find_the_same(void **)
{
    int n_both = 0, n_same = 0;
    for (int round = 0; round < 500; round++) {
        cells c;
        draw_cells(&c, 0);
        for (int lane = 0; lane < NM_LANES; lane++) {
            c.p[lane][NM_P_p_max] = log_between(1e-8, 1e-6);
        }
        prepare(&c);
        nm_vec guessed[NM_NY], lean[NM_NY], start[NM_NY];
        nm_mask valid, unfinished;
        const nm_newton_result found = nm_begin_auto(guessed, &valid, &unfinished, nm_mask_all(true), &c.pt, &c.pick);
        const nm_chosen<0, false> first = {c.pick};
        const nm_newton_result other = nm_begin_auto(lean, &valid, &unfinished, nm_mask_all(true), &c.pt, &first);
        nm_initial(start, &c.pt);
        const nm_newton_result second = nm_newton_again(start, &c.pt, &c.pick, nm_mask_all(true), NM_NEWTON_ITERATIONS);
        for (int lane = 0; lane < NM_LANES; lane++) {
            assert_true(nm_get(found.converged, lane) == nm_get(other.converged, lane));
            for (int i = 0; i < NM_NY; i++) {
                assert_true(nm_get(guessed[i], lane) == nm_get(lean[i], lane) || !nm_get(found.converged, lane));
            }
            if (nm_get(found.converged, lane) && nm_get(second.converged, lane)) {
                n_both++;
                n_same += nm_get(nm_distance(guessed, start), lane) < 1e-8;
            }
        }
    }
    assert_true(n_both > 350 * NM_LANES);
    assert_int_equal(n_same, n_both);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_proof_speaks_on_one_side),
        cmocka_unit_test(it_keeps_silent_elsewhere),
        cmocka_unit_test(guess_and_lean_code_find_the_same),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
