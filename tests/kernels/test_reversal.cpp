/* Detailed balance of time courses: near equilibrium a course is as likely as its reverse (Onsager 1931), so what a push
 * on one amount does to another by time t is what a push on the other does to the first. Away from it, it is not.
 *
 * lanes: 1 */
#include "kernel_test.h"

#include "models/pump_leak.c"
#include "trace.h"

namespace
{

enum { N_IONS = 3, N_MOVING = N_IONS + 1 /* the water */, N_TIMES = 4 };
#define PUSH                                                                                       \
    1e-3 /* [RT]; responses are differences of +PUSH and -PUSH, so of order PUSH^2 from linear */
#define TOLERANCE 2e-6

struct cell {
    nm_point pt;
    nm_choices pick;
    nm_vec rest[NM_NY], x[NM_NY]; /* its steady state: unknowns, amounts */
};

void make_cell(cell *c, int leak, double p_max, const double *factors)
{
#define ROW_DEFAULT(name, unit, dflt, low, high, scale, text) dflt,
    const double defaults[NM_NP] = {NM_PARAMETERS(ROW_DEFAULT)};
#undef ROW_DEFAULT
    memset(c, 0, sizeof *c);
    c->pick.leak = leak;
    for (int i = 0; i < NM_NP; i++) {
        c->pt.p[i] = defaults[i];
    }
    c->pt.p[NM_P_p_max] = p_max;
    /* impermeant anions in the bath too: without a pump the cell would burst */
    c->pt.p[NM_P_Cl_o] = 50.0;
    c->pt.p[NM_P_Y_o] = 100.0;
    c->pt.p[NM_P_z_Y] = -1.0;
    c->pt.p[NM_P_L_NKCC] = 1e-9;
    c->pt.p[NM_P_L_KCC] = 2e-9;
    const int varied[] = {NM_P_g_Na, NM_P_g_K, NM_P_g_Cl, NM_P_P_Na, NM_P_P_K, NM_P_P_Cl};
    for (int i = 0; i < 6; i++) {
        c->pt.p[varied[i]] *= factors[i];
    }
    nm_prepare(&c->pt, &c->pick);
    assert_true(nm_initial(c->rest, &c->pt));
    nm_newton_result found =
        nm_newton_hard(c->rest, &c->pt, &c->pick, true, NM_NEWTON_ITERATIONS_FAR);
    assert_true(found.converged);
    nm_unknowns_to_state(c->x, c->rest);
}

/* x with the amounts and the water moved; the potential follows from the charge */
void push(nm_vec *moved, const cell *c, const double *by, double size)
{
    double charge = 0.0;
    for (int i = 0; i < NM_NY; i++) {
        moved[i] = c->x[i] + (i < N_MOVING ? size * by[i] : 0.0);
    }
    for (int i = 0; i < N_IONS; i++) {
        charge += nm_charge(nm_species_of(i)) * size * by[i];
    }
    moved[N_MOVING] = c->x[N_MOVING] + charge / c->pt.capacity[0];
}

/* The push of 1 RT on each amount: columns of the inverse of the second derivatives of free energy / RT, with
 * ln c_i + z_i v the force of an amount and minus the osmolarity that of the water. */
void susceptibility(double chi[N_MOVING][N_MOVING], const cell *c)
{
    double a[N_MOVING][2 * N_MOVING] = {};
    const double water = c->x[N_IONS];
    double solute = c->pt.trapped[NM_S_X_i];
    for (int i = 0; i < N_IONS; i++) {
        for (int j = 0; j < N_IONS; j++) {
            a[i][j] = nm_charge(nm_species_of(i)) * nm_charge(nm_species_of(j)) / c->pt.capacity[0];
        }
        a[i][i] += 1.0 / c->x[i];
        a[i][N_IONS] = a[N_IONS][i] = -1.0 / water;
        solute += c->x[i];
    }
    a[N_IONS][N_IONS] = solute / (water * water);
    for (int i = 0; i < N_MOVING; i++) {
        a[i][N_MOVING + i] = 1.0;
    }
    for (int k = 0; k < N_MOVING; k++) { /* positive definite: no pivoting */
        const double pivot = a[k][k];
        for (int j = 0; j < 2 * N_MOVING; j++) {
            a[k][j] /= pivot;
        }
        for (int i = 0; i < N_MOVING; i++) {
            const double factor = a[i][k];
            for (int j = 0; j < 2 * N_MOVING && i != k; j++) {
                a[i][j] -= factor * a[k][j];
            }
        }
    }
    for (int i = 0; i < N_MOVING; i++) {
        for (int j = 0; j < N_MOVING; j++) {
            chi[i][j] = a[i][N_MOVING + j];
        }
    }
}

/* response[t][i][j]: what is left in amount i, at each time, of a push of 1 RT on amount j */
void respond(double response[N_TIMES][N_MOVING][N_MOVING], const cell *c,
             const double chi[N_MOVING][N_MOVING], const double *times)
{
    for (int j = 0; j < N_MOVING; j++) {
        double by[N_MOVING];
        for (int i = 0; i < N_MOVING; i++) {
            by[i] = chi[i][j];
        }
        for (int sign = 0; sign < 2; sign++) {
            nm_vec x[NM_NY], y[NM_NY];
            nm_course course;
            memset(&course, 0, sizeof course);
            push(x, c, by, sign == 0 ? PUSH : -PUSH);
            nm_state_to_unknowns(y, x);
            nm_course_begin(&course, y, 0.0, true);
            course.h = 1e-3 * nm_fastest_time(y, &course, &c->pt, &c->pick);
            for (int t = 0; t < N_TIMES; t++) {
                assert_true(nm_trace_until(&course, times[t], &c->pt, &c->pick, 1e-10));
                for (int i = 0; i < N_MOVING; i++) {
                    const double half = course.x[i] / (2.0 * PUSH);
                    response[t][i][j] = sign == 0 ? half : response[t][i][j] - half;
                }
            }
        }
    }
}

/* worst |R_ij - R_ji| of any time, in units of the first responses of i and j to themselves */
double asymmetry(const cell *c, double *moved)
{
    static const double times[N_TIMES] = {1e-3, 1e-1, 10.0, 1000.0};
    double chi[N_MOVING][N_MOVING], response[N_TIMES][N_MOVING][N_MOVING], worst = 0.0;
    susceptibility(chi, c);
    respond(response, c, chi, times);
    *moved = 0.0;
    for (int i = 0; i < N_MOVING; i++) {
        for (int j = 0; j < i; j++) {
            const double unit = sqrt(chi[i][i] * chi[j][j]);
            for (int t = 0; t < N_TIMES; t++) {
                worst = fmax(worst, fabs(response[t][i][j] - response[t][j][i]) / unit);
                *moved = fmax(*moved, fabs(response[t][i][j] - chi[i][j]) / unit);
            }
        }
    }
    return worst;
}

void equilibrium_reverses(void **)
{
    uint64_t random = 5;
    double worst = 0.0;
    for (int k = 0; k < 40; k++) {
        cell c;
        double factors[6], moved;
        for (int i = 0; i < 6; i++) {
            factors[i] = exp(random_between(&random, -2.0, 2.0));
        }
        make_cell(&c, k % 2, 0.0, factors);
        const double found = asymmetry(&c, &moved);
        assert_true(moved > 0.05);
        worst = fmax(worst, found);
    }
    print_message("worst asymmetry at equilibrium: %.1e\n", worst);
    assert_true(worst <= TOLERANCE);
}

void steady_state_does_not(void **)
{
    for (int leak = 0; leak < 2; leak++) {
        cell c;
        double moved;
        const double factors[6] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0};
        make_cell(&c, leak, 5e-7, factors);
        const double found = asymmetry(&c, &moved);
        print_message("asymmetry at a steady state with a pump: %.1e\n", found);
        assert_true(found > 100.0 * TOLERANCE);
    }
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equilibrium_reverses),
        cmocka_unit_test(steady_state_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
