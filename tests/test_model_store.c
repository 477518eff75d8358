/* The built-in models are whole, and a model that is not is refused with the right sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include <stdio.h>
#include <string.h>

#include "fake_model.h"
#include "model_store.h"

static void expect_refused(const nm_model *model, const char *words)
{
    if (nm_model_check(model) != NM_USAGE) {
        fail_msg("a model was accepted that should fail with \"%s\"", words);
    }
    if (strstr(nm_last_error(), words) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", nm_last_error(), words);
    }
}

static void expect_whole(const nm_model *model)
{
    if (nm_model_check(model) != NM_OK) {
        fail_msg("%s", nm_last_error());
    }
}

static void finds_built_in_models(void **state)
{
    (void)state;
    int n;
    const nm_model *const *models = nm_model_list(&n);
    assert_true(n >= 2);
    for (int i = 0; i < n; i++) {
        const nm_model *model;
        assert_int_equal(nm_model_find(&model, models[i]->name), NM_OK);
        assert_ptr_equal(model, models[i]);
        expect_whole(model);

        char wrong[64];
        snprintf(wrong, sizeof(wrong), "%s", model->name);
        wrong[strlen(wrong) - 1] = '\0';
        assert_int_equal(nm_model_find(&model, wrong), NM_USAGE);
        assert_null(model);
        assert_non_null(strstr(nm_last_error(), models[i]->name));
    }
    const nm_model *model;
    assert_int_equal(nm_model_find(&model, "zzzzzzzzzzzzzzzzzzzz"), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "nessmap models"));
}

static void accepts_fakes(void **state)
{
    (void)state;
    expect_whole(&nm_model_fake_cell);
    expect_whole(&nm_model_fake_ring);
}

static void refuses_another_interface(void **state)
{
    (void)state;
    nm_model model = nm_model_fake_cell;
    model.abi++;
    expect_refused(&model, "compiled for another nessmap");
    model = nm_model_fake_cell;
    model.struct_bytes--;
    expect_refused(&model, "compiled for another nessmap");
}

static void refuses_wrong_params(void **state)
{
    (void)state;
    nm_param_info params[NM_FAKE_N_PARAMS];
    nm_model model = nm_model_fake_cell;
    model.params = params;

#define RESET() memcpy(params, nm_model_fake_cell.params, sizeof(params))
    RESET();
    expect_whole(&model);
    params[NM_FAKE_K_o].unit = "mool m-3";
    expect_refused(&model, "parameter K_o");
    RESET();
    params[NM_FAKE_K_o].dflt = 1e6;
    expect_refused(&model, "parameter K_o: low <= default <= high");
    RESET();
    params[NM_FAKE_K_o].low = 0.0;
    expect_refused(&model, "parameter K_o: a logarithmic range must lie above 0");
    RESET();
    params[NM_FAKE_K_o].name = "Na_o";
    expect_refused(&model, "two parameters are named \"Na_o\"");
    RESET();
    params[NM_FAKE_K_o].name = "K o";
    expect_refused(&model, "\"K o\" is no name");
    RESET();
    params[NM_FAKE_K_o].name = "outcome";
    expect_refused(&model, "output files use for something else");
    RESET();
    params[NM_FAKE_T].name = "Temp";
    expect_refused(&model, "needs a parameter T");
    /* an output's name: J_pump, and the free species' concentration */
    RESET();
    params[NM_FAKE_K_o].name = "J_pump";
    expect_refused(&model, "\"J_pump\" names both a parameter and an output");
    RESET();
    params[NM_FAKE_K_o].name = "K_i";
    expect_refused(&model, "\"K_i\" names both a parameter and an output");
#undef RESET
}

static void refuses_equal_outputs(void **state)
{
    (void)state;
    nm_model model = nm_model_fake_cell;
    static const nm_observable_info observables[] = {{"E_Na", "V", "a name that is taken"}};
    model.observables = observables;
    expect_refused(&model, "\"E_Na\" names two outputs");
    static const nm_observable_info wrong_unit[] = {
        {"Pi_i", "parsecs per bottle", "a unit that is none"}};
    model.observables = wrong_unit;
    expect_refused(&model, "observable Pi_i");
}

static void refuses_equal_choices(void **state)
{
    (void)state;
    static const char *const choices[] = {"one", "two", "one"};
    static const nm_variant_info variants[] = {{"law", 3, choices}};
    nm_model model = nm_model_fake_ring;
    model.variants = variants;
    model.n_variants = 1;
    expect_refused(&model, "variant law has two choices named \"one\"");
}

static void refuses_a_moved_trapped_species(void **state)
{
    (void)state;
    nm_model model = nm_model_fake_cell;
    signed char nu[5 * 9];
    memcpy(nu, model.nu, sizeof(nu));
    nu[3] = -1; /* leak_Na moves X_i */
    model.nu = nu;
    expect_refused(&model, "pathway leak_Na moves X_i, which is trapped");
}

/* --- totals ----------------------------------------------------------------------------------- */

static void refuses_undeclared_total(void **state)
{
    (void)state;
    nm_model model = nm_model_fake_ring;
    model.n_totals = 0;
    expect_refused(&model, "conserve A + B, but no total says so");
}

static void refuses_wrong_totals(void **state)
{
    (void)state;
    nm_model model = nm_model_fake_ring;
#define WITH(...)                                                                                  \
    do {                                                                                           \
        static const nm_total_info totals[] = {__VA_ARGS__};                                       \
        model.totals = totals;                                                                     \
        model.n_totals = (int)(sizeof(totals) / sizeof(totals[0]));                                \
    } while (0)
    WITH({"C_tot", "A + 2*B", 0, ""});
    expect_refused(&model, "is not conserved: pathway R1 (A -> B) changes it");
    WITH({"C_tot", "A + F", 0, ""});
    expect_refused(&model, "F is not a whole number of a free species");
    WITH({"C_tot", "A + Q", 0, ""});
    expect_refused(&model, "\"Q\" is not known");
    WITH({"k_tot", "A + B", 0, ""});
    expect_refused(&model, "must have the name of the parameter");
    WITH({"C_tot", "A + B", 0, ""}, {"k1f", "2*A + 2*B", 1, ""});
    expect_refused(&model, "follows from the totals before it");
    WITH({"C_tot", "2*A + 2*B", 1, ""});
    expect_whole(&model);
#undef WITH
}

static double weight_of_b;
static void weigh(double *weights)
{
    weights[0] = 1.0;
    weights[1] = weight_of_b;
}

/* What a compiled model says of amounts need not be a number. */
static void refuses_weights_that_are_no_numbers(void **state)
{
    (void)state;
    static const double wrong[] = {NAN, INFINITY, 0.5, 1e7};
    nm_model model = nm_model_fake_ring;
    model.total_weights = weigh;
    weight_of_b = 1.0;
    expect_whole(&model);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        weight_of_b = wrong[i];
        expect_refused(&model, "where a whole number is wanted");
    }
}

/* Totals and the left null space are found in whole numbers, and these may grow. */
static void refuses_stoichiometry_beyond_whole_numbers(void **state)
{
    (void)state;
    enum { N = 24 };
    static signed char nu[(N - 1) * N];
    static nm_species_info species[N];
    static nm_path_info paths[N - 1];
    static char names[N][8];
    nm_model model = nm_model_fake_ring;
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "S%d", i);
        species[i] = model.species[0];
        species[i].name = names[i];
        species[i].partner = -1;
    }
    /* 126 S0 -> 127 S1 -> ...: the conserved sum has factors up to 127^23 */
    for (int k = 0; k < N - 1; k++) {
        paths[k] = (nm_path_info){names[k], "126 S", "127 S", "", "", 0};
        nu[k * N + k] = -126;
        nu[k * N + k + 1] = 127;
    }
    model.species = species;
    model.n_species = N;
    model.paths = paths;
    model.n_paths = N - 1;
    model.nu = nu;
    model.n_totals = model.n_loops = model.n_pairs = 0;
    expect_refused(&model, "smaller ones are needed");

    /* as small as in cells, they are found */
    for (int k = 0; k < N - 1; k++) {
        nu[k * N + k] = -1;
        nu[k * N + k + 1] = 1;
    }
    expect_refused(&model, "conserve S0 + S1 + S2");
}

/* A cell of which only electroneutral cotransporters are left keeps its charge: the potential's
 * own row tells it. Without the potential the same sum would need a total. */
static void charge_belongs_to_the_potential(void **state)
{
    (void)state;
    enum { N_SPECIES = 9 };
    static const signed char nu[3 * N_SPECIES] = {
        -1, -1, -2, 0, 0,  1, 1, 2, 0, /* NKCC */
        0,  -1, -1, 0, 0,  0, 1, 1, 0, /* KCC */
        0,  0,  0,  0, -1, 0, 0, 0, 1, /* water */
    };
    static const nm_path_info paths[] = {
        {"NKCC", "Na_i + K_i + 2*Cl_i", "Na_o + K_o + 2*Cl_o", "", "", 0},
        {"KCC", "K_i + Cl_i", "K_o + Cl_o", "", "", 0},
        {"water", "water_i", "water_o", "", "", 0}};
    nm_model model = nm_model_fake_cell;
    model.nu = nu;
    model.paths = paths;
    model.n_paths = 3;
    model.n_loops = 0;
    expect_whole(&model);

    nm_compartment_info compartments[2];
    memcpy(compartments, model.compartments, sizeof(compartments));
    compartments[0].potential = NULL;
    model.compartments = compartments;
    model.n_potentials = 0;
    expect_refused(&model, "conserve Na_i + K_i - Cl_i");

    /* without the water pathway the volume is conserved too */
    model = nm_model_fake_cell;
    model.n_paths = 4;
    model.n_loops = 0;
    expect_refused(&model, "conserve water_i");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_built_in_models),
        cmocka_unit_test(accepts_fakes),
        cmocka_unit_test(refuses_another_interface),
        cmocka_unit_test(refuses_wrong_params),
        cmocka_unit_test(refuses_equal_outputs),
        cmocka_unit_test(refuses_equal_choices),
        cmocka_unit_test(refuses_a_moved_trapped_species),
        cmocka_unit_test(refuses_undeclared_total),
        cmocka_unit_test(refuses_wrong_totals),
        cmocka_unit_test(refuses_weights_that_are_no_numbers),
        cmocka_unit_test(refuses_stoichiometry_beyond_whole_numbers),
        cmocka_unit_test(charge_belongs_to_the_potential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
