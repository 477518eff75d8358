/* The exact Jacobian of a model against the complex step of the same file compiled as strict C11.
 *
 * each model; lanes: 1 */
#include "kernel_test.h"

#include NM_MODEL_FILE
#include "newton.h"

#include "c11_model.h"

namespace
{

const int N_STATES = 400; /* of each combination of variants */

struct range {
    double low, high;
    bool is_log;
};
enum { scale_linear = 0, scale_log = 1 };
#define ROW_RANGE(name, unit, dflt, low, high, scale, text) {low, high, scale_##scale},
const range ranges[] = {NM_PARAMETERS(ROW_RANGE)};

#define ROW_CHOICES(name, ...) NM_VN_##name,
const int n_choices[] = {NM_VARIANTS(ROW_CHOICES) 0};

struct worst {
    double value, slope;
    int n_entries; /* of the Jacobian, not zero */
};

/* one random state of one random parameter set; lane by lane nothing changes, so one lane is enough */
void compare(worst *w, const int *choice, uint64_t *state)
{
    double p[NM_NP], y[NM_NY], rows[NM_NY], slope[NM_NY][NM_NY], column[NM_NY];
    nm_point pt;
    nm_choices pick;
    memset(&pt, 0, sizeof pt);
    memset(&pick, 0, sizeof pick);
    memcpy(&pick, choice, NM_NV * sizeof(int));
    for (int i = 0; i < NM_NP; i++) {
        const range *r = &ranges[i];
        p[i] = r->is_log ? exp(random_between(state, log(r->low), log(r->high)))
                         : random_between(state, r->low, r->high);
        pt.p[i] = p[i];
    }
    nm_prepare(&pt, &pick);
    /* e^-3 to e^3 around the start, potentials up to 160 mV */
    for (int s = 0; s < NM_NS; s++) {
        int unknown = nm_unknown_of(s);
        if (unknown >= 0) {
            /* parameters drawn one by one may leave less than nothing of what others take */
            y[unknown] = log(pt.start[s] > 0.0 ? pt.start[s] : 1.0) + random_between(state, -3.0, 3.0);
        }
    }
    for (int i = NM_N_FREE + NM_N_VOLUMES; i < NM_NY; i++) {
        y[i] = random_between(state, -6.0, 6.0);
    }

    nm_balance b;
    b.v_w = pt.v_w;
    b.clear();
    nm_visit_network<true>(&b, &pt, &pick, y);
    nm_put_totals(&b);

    nm_c11_rows(rows, choice, p, y);
    for (int j = 0; j < NM_NY; j++) {
        nm_c11_complex_step(column, choice, p, y, j);
        for (int i = 0; i < NM_NY; i++) {
            slope[i][j] = column[i];
        }
    }
    for (int i = 0; i < NM_NY; i++) {
        double largest = 0.0;
        for (int j = 0; j < NM_NY; j++) {
            largest = fmax(largest, fabs(slope[i][j]));
        }
        assert_true(largest > 0.0);
        for (int j = 0; j < NM_NY; j++) {
            w->n_entries += b.jac[i][j] != 0.0;
            w->slope = fmax(w->slope, fabs(b.jac[i][j] - slope[i][j]) / largest);
        }
        /* a row is a sum of terms that are of the size of its derivatives by logarithms */
        w->value = fmax(w->value, fabs(b.f[i] - rows[i]) / (fabs(rows[i]) + largest));
    }
}

void the_jacobian_is_that_of_the_complex_step(void **)
{
    int choice[NM_NV + 1] = {0}, n_combinations = 0;
    uint64_t state = 20240607;
    worst all = {0.0, 0.0, 0};
    for (bool more = true; more;) {
        worst w = {0.0, 0.0, 0};
        for (int i = 0; i < N_STATES; i++) {
            compare(&w, choice, &state);
        }
        if (!(w.slope < 1e-12 && w.value < 1e-12)) {
            printf("choices %d %d %d: value %.1e, slope %.1e\n", choice[0],
                   NM_NV > 1 ? choice[1] : 0, NM_NV > 2 ? choice[2] : 0, w.value, w.slope);
        }
        all.value = fmax(all.value, w.value);
        all.slope = fmax(all.slope, w.slope);
        all.n_entries += w.n_entries;
        n_combinations++;
        /* the next combination of variants */
        more = false;
        for (int v = 0; v < NM_NV && !more; v++) {
            more = ++choice[v] < n_choices[v];
            if (!more) {
                choice[v] = 0;
            }
        }
    }
    printf("%d combinations, %d states each, %.1f entries a Jacobian: worst value %.1e, slope %.1e "
           "of the row\n",
           n_combinations, N_STATES, (double)all.n_entries / ((double)n_combinations * N_STATES),
           all.value, all.slope);
    assert_true(all.value < 1e-12);
    assert_true(all.slope < 1e-12);
}

} // namespace

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_jacobian_is_that_of_the_complex_step)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
