/* From TOML text to points: axes, draws, tables, ties, and one sentence for what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression.h"
#include "fake_model.h"
#include "plan_text.h"

static void refuse(const char *text, const char *words)
{
    nm_test_refuse(text, words, "");
}

/* --- designs ---------------------------------------------------------------------------------- */

static void binds_one_point(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan = nm_test_plan(
        &config,
        HEAD "[variant]\npump = \"const\"\n[fixed]\nK_o = \"5.4 mmol/L\"\nT = \"37 degC\"\n"
             "dG_ATP = \"-57 kJ/mol\"\n",
        &nm_model_fake_cell);
    double params[NM_MAX_PARAMS];
    assert_int_equal(plan->n_points, 1);
    assert_int_equal(plan->n_tiles, 1);
    assert_int_equal(plan->layout, NM_LAYOUT_SAMPLE);
    assert_int_equal(plan->task.choice[0], 0);
    assert_int_equal(plan->task.choice[1], 2);
    assert_int_equal(plan->task.n_stored, 0);
    plan->model->draw(&plan->task.draw, 0, params);
    assert_true(params[NM_FAKE_K_o] == 5.4);
    assert_true(fabs(params[NM_FAKE_T] - 310.15) < 1e-12);
    assert_true(params[NM_FAKE_dG_ATP] == -57000.0);
    assert_true(params[NM_FAKE_Na_o] == 147.0);
    nm_test_destroy(plan, config);
}

static void binds_a_grid(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan = nm_test_plan(&config,
                                 HEAD AXIS("dG_ATP", "min = \"-60 kJ/mol\"\nmax = 0\nn = 5")
                                     AXIS("g_Na", "min = 0.01\nmax = 10\nn = 4")
                                         AXIS("K_o", "values = [20, \"10 mM\", 5]"),
                                 &nm_model_fake_cell);
    const nm_draw *draw = &plan->task.draw;
    double params[NM_MAX_PARAMS];
    assert_int_equal(plan->layout, NM_LAYOUT_GRID);
    assert_int_equal(plan->n_points, 60);
    assert_int_equal(draw->n_points, 60);
    assert_int_equal(draw->n_draws, 1);
    assert_int_equal(draw->axis[0].scale, NM_AXIS_LINEAR);
    assert_int_equal(draw->axis[1].scale, NM_AXIS_LOG); /* the model's choice */
    assert_int_equal(draw->axis[2].scale, NM_AXIS_LIST);
    /* ends are exact */
    assert_true(draw->axis[0].low == -60000.0 && plan->axis_table[0][0] == -60000.0 &&
                plan->axis_table[0][4] == 0.0);
    assert_true(plan->axis_table[1][0] == 0.01 && plan->axis_table[1][3] == 10.0);
    assert_ptr_equal(draw->axis[1].values, plan->axis_table[1]);
    assert_true(plan->axis_table[2][0] == 20.0 && plan->axis_table[2][1] == 10.0 &&
                plan->axis_table[2][2] == 5.0);
    /* the first axis is the slowest */
    plan->model->draw(draw, 1, params);
    assert_true(params[NM_FAKE_dG_ATP] == -60000.0 && params[NM_FAKE_g_Na] == 0.01 &&
                params[NM_FAKE_K_o] == 10.0);
    plan->model->draw(draw, 59, params);
    assert_true(params[NM_FAKE_dG_ATP] == 0.0 && params[NM_FAKE_g_Na] == 10.0 &&
                params[NM_FAKE_K_o] == 5.0);
    assert_int_equal(plan->task.n_stored, 0);
    nm_test_destroy(plan, config);

    /* a scale that is said wins; an axis of one value; too long an axis for a table */
    plan = nm_test_plan(&config,
                        HEAD AXIS("g_Na", "min = 0\nmax = 1\nn = 2000000\nscale = \"linear\"")
                            AXIS("K_o", "min = 5\nmax = 5\nn = 1"),
                        &nm_model_fake_cell);
    assert_int_equal(plan->task.draw.axis[0].scale, NM_AXIS_LINEAR);
    assert_null(plan->axis_table[0]);
    assert_null(plan->task.draw.axis[0].values);
    assert_true(plan->axis_table[1][0] == 5.0);
    nm_test_destroy(plan, config);
}

static void binds_random_parameters(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan = nm_test_plan(
        &config,
        HEAD AXIS(
            "dG_ATP",
            "min = -60000\nmax = 0\nn = 3") "[design]\nkind = \"random\"\nn = 7\n"
                                            "seed = 42\n"
                                            "[[random]]\nname = \"K_o\"\ndist = "
                                            "\"loguniform\"\nmin = \"1 mM\"\nmax = 10\n"
                                            "[[random]]\nname = \"T\"\ndist = \"normal\"\nmean = "
                                            "\"37 degC\"\nsd = \"2 degC\"\n"
                                            "[[random]]\nname = \"g_Na\"\ndist = "
                                            "\"lognormal\"\nmean = -1\nsd = 0.5\n"
                                            "[[random]]\nname = \"Cl_o\"\ndist = "
                                            "\"triangular\"\nmin = 1\nmax = 3\nmode = 2\n",
        &nm_model_fake_cell);
    const nm_draw *draw = &plan->task.draw;
    assert_int_equal(plan->layout, NM_LAYOUT_GRID);
    assert_int_equal(plan->n_points, 21);
    assert_int_equal(draw->n_draws, 7);
    assert_int_equal(draw->seed, 42);
    assert_int_equal(draw->n_random, 4);
    assert_int_equal(draw->random[0].dist, NM_DIST_LOGUNIFORM);
    assert_true(draw->random[0].a == 1.0 && draw->random[0].b == 10.0);
    assert_true(fabs(draw->random[1].a - 310.15) < 1e-12);
    assert_true(fabs(draw->random[1].b - 2.0) < 1e-12); /* a difference: no offset */
    assert_true(draw->random[2].a == -1.0 && draw->random[2].b == 0.5);
    assert_true(draw->random[3].c == 2.0);
    assert_int_equal(plan->task.n_stored, 4);
    nm_test_destroy(plan, config);

    plan = nm_test_plan(&config,
                        HEAD "[design]\nkind = \"random\"\nn = 1000\n"
                             "[[random]]\nname = \"K_o\"\ndist = \"uniform\"\nmin = 1\nmax = 10\n",
                        &nm_model_fake_cell);
    assert_int_equal(plan->layout, NM_LAYOUT_SAMPLE);
    assert_int_equal(plan->n_points, 1000);
    nm_test_destroy(plan, config);
}

static void orders_ties(void **state)
{
    (void)state;
    nm_config *config;
    /* Cl_o needs Na_o, which is tied itself and comes later; g_Na hangs on the axis alone */
    nm_plan *plan = nm_test_plan(
        &config,
        HEAD AXIS("dG_ATP", "min = -60000\nmax = 0\nn = 2") "[design]\nkind = \"random\"\nn = 2\n"
                                                            "[[random]]\nname = \"K_o\"\ndist = "
                                                            "\"uniform\"\nmin = 1\nmax = 10\n"
                                                            "[tie]\nCl_o = \"Na_o + K_o\"\nNa_o = "
                                                            "\"150 - 0.5*(K_o + K_o)\"\n"
                                                            "g_Na = \"1 - dG_ATP/60e3\"\n",
        &nm_model_fake_cell);
    const nm_draw *draw = &plan->task.draw;
    assert_int_equal(draw->n_ties, 3);
    int position[NM_FAKE_N_PARAMS] = {0};
    for (int i = 0; i < 3; i++) {
        position[draw->tie[i].param] = i;
    }
    assert_true(position[NM_FAKE_Na_o] < position[NM_FAKE_Cl_o]);
    for (int64_t i = 0; i < plan->n_points; i++) {
        double params[NM_MAX_PARAMS];
        plan->model->draw(draw, i, params);
        assert_true(params[NM_FAKE_Na_o] == 150.0 - params[NM_FAKE_K_o]);
        assert_true(params[NM_FAKE_Cl_o] == params[NM_FAKE_Na_o] + params[NM_FAKE_K_o]);
        assert_true(params[NM_FAKE_g_Na] == (i < 2 ? 2.0 : 1.0));
    }
    /* drawn: K_o and what hangs on it; g_Na follows from the axis */
    assert_int_equal(plan->task.n_stored, 3);
    assert_int_equal(plan->task.stored[0], NM_FAKE_Na_o);
    assert_int_equal(plan->task.stored[1], NM_FAKE_K_o);
    assert_int_equal(plan->task.stored[2], NM_FAKE_Cl_o);
    assert_true(plan->charged_share == 0.0);
    nm_test_destroy(plan, config);
}

static void binds_a_table(void **state)
{
    (void)state;
    static const char name[] = "test_plan_sets.csv";
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fprintf(file,
            "K_o [mmol/L],T [degC],dG_ATP [kJ/mol],g_Na [mS m-2]\n5.4,37,-57,5.4\n3,25,0,100\n");
    assert_int_equal(fclose(file), 0);
    nm_config *config;
    nm_plan *plan = nm_test_plan(
        &config,
        HEAD "[design]\nkind = \"table\"\nfile = \"test_plan_sets.csv\"\n[fixed]\nCl_o = 120\n"
             "[tie]\nNa_o = \"150 - K_o\"\n",
        &nm_model_fake_cell);
    double params[NM_MAX_PARAMS];
    assert_int_equal(plan->n_points, 2);
    assert_int_equal(plan->layout, NM_LAYOUT_SAMPLE);
    plan->model->draw(&plan->task.draw, 0, params);
    assert_true(params[NM_FAKE_K_o] == 5.4 && params[NM_FAKE_dG_ATP] == -57000.0 &&
                params[NM_FAKE_g_Na] == 0.0054);
    assert_true(fabs(params[NM_FAKE_T] - 310.15) < 1e-12);
    assert_true(params[NM_FAKE_Cl_o] == 120.0 && params[NM_FAKE_Na_o] == 150.0 - 5.4);
    plan->model->draw(&plan->task.draw, 1, params);
    assert_true(params[NM_FAKE_K_o] == 3.0 && fabs(params[NM_FAKE_T] - 298.15) < 1e-12);
    assert_int_equal(plan->task.n_stored, 5);
    assert_int_equal(plan->task.stored[0], NM_FAKE_T);
    assert_true(plan->charged_share == 1.0);

    /* another table is another question */
    char fingerprint[33];
    strcpy(fingerprint, plan->fingerprint);
    nm_test_destroy(plan, config);
    file = fopen(name, "w");
    fprintf(file,
            "K_o [mmol/L],T [degC],dG_ATP [kJ/mol],g_Na [mS m-2]\n5.4,37,-57,5.4\n3,25,0,101\n");
    assert_int_equal(fclose(file), 0);
    plan = nm_test_plan(
        &config,
        HEAD "[design]\nkind = \"table\"\nfile = \"test_plan_sets.csv\"\n[fixed]\nCl_o = 120\n"
             "[tie]\nNa_o = \"150 - K_o\"\n",
        &nm_model_fake_cell);
    assert_string_not_equal(plan->fingerprint, fingerprint);
    nm_test_destroy(plan, config);

#define TABLE HEAD "[design]\nkind = \"table\"\nfile = \"test_plan_sets.csv\"\n"
    refuse(TABLE "[fixed]\nK_o = 3\n", "design.file: \"K_o\" is already fixed");
    refuse(TABLE "[tie]\nK_o = \"Na_o\"\n", "tie: \"K_o\" is already a column of the table");
    refuse(TABLE AXIS("Na_o", "min = 1\nmax = 2\nn = 3"), "table");
    file = fopen(name, "w");
    fprintf(file, "K_o,g_Ma\n1,2\n");
    assert_int_equal(fclose(file), 0);
    nm_test_refuse(TABLE, "scan.toml:4: design.file: fake_cell has no parameter \"g_Ma\"",
                   "did you mean \"g_Na\"?");
    file = fopen(name, "w");
    fprintf(file, "K_o [kg]\n1\n");
    assert_int_equal(fclose(file), 0);
    nm_test_refuse(TABLE, "design.file: column \"K_o [kg]\"", "mol m-3");
    file = fopen(name, "w");
    fprintf(file, "K_o\n1\nmany\n");
    assert_int_equal(fclose(file), 0);
    nm_test_refuse(
        TABLE, "scan.toml:4: design.file: ", "test_plan_sets.csv:3: column \"K_o\" is \"many\"");
    assert_int_equal(remove(name), 0);
    nm_test_refuse(TABLE, "scan.toml:4: design.file: ", "No such file");
#undef TABLE
}

/* --- wrong inputs ----------------------------------------------------------------------------- */

static void refuses_unknown_names(void **state)
{
    (void)state;
    refuse(HEAD "[fixed]\nK_O = 5\n",
           "scan.toml:3: fixed: fake_cell has no parameter \"K_O\"; did you mean \"K_o\"?");
    refuse(HEAD "[fixed]\nzzzzzzzz = 5\n", "`nessmap models fake_cell` lists them");
    refuse(HEAD "[fixed]\npump = 5\n", "\"pump\" is a variant of fake_cell, not a parameter");
    refuse(HEAD AXIS("g_Ma", "min = 1\nmax = 2\nn = 3"),
           "axis: fake_cell has no parameter \"g_Ma\"");
    refuse(HEAD "[tie]\nNa_p = \"K_o\"\n",
           "tie: fake_cell has no parameter \"Na_p\"; did you mean \"Na_o\"?");
    refuse(HEAD "[variant]\nleek = \"ghk\"\n",
           "scan.toml:3: variant: fake_cell has no variant \"leek\"; did you mean \"leak\"?");
    nm_test_refuse(HEAD "[variant]\nleak = \"gkh\"\n",
                   "variant.leak = \"gkh\" is not known; did you mean \"ghk\"?",
                   "one of ohmic, ghk");
    refuse(HEAD "[output]\nvariables = [\"J_pum\"]\n",
           "scan.toml:3: output.variables: fake_cell has no output \"J_pum\"; did you mean "
           "\"J_pump\"?");
    refuse(HEAD "[output]\nvariables = [\"water_i\"]\n", "has no output \"water_i\"");
}

static void refuses_wrong_quantities(void **state)
{
    (void)state;
    nm_test_refuse(HEAD "[fixed]\nK_o = \"5 kg\"\n",
                   "scan.toml:3: fixed.K_o = \"5 kg\": ", "mol m-3");
    refuse(HEAD AXIS("K_o", "min = \"1 M\"\nmax = \"10 mM\"\nn = 3"),
           "min = 1000 is above max = 10 mol m-3");
    refuse(HEAD AXIS("K_o", "min = \"1 mM\"\nmax = \"1 mol m-3\"\nn = 3"), "min must be below max");
    refuse(HEAD AXIS("K_o", "min = 1\nmax = 2\nn = 1"), "n = 1 leaves room for one value");
    nm_test_refuse(HEAD AXIS("g_Na", "min = 0\nmax = 2\nn = 3"),
                   "axis.g_Na: min = 0 S m-2, but a logarithmic axis", "the model's choice");
    refuse(HEAD AXIS("K_o", "values = [1, 2, \"2 mM\"]"), "axis.K_o.values[2]: 2 follows 2");
    refuse(HEAD AXIS("K_o", "values = [3, 2, 5]"), "axis.K_o.values[2]: 5 follows 2");
    refuse(HEAD AXIS("K_o", "min = 1\nmax = 1.0000000000000002\nn = 5"), "n is so large");
    refuse(HEAD AXIS("K_o", "min = 1\nmax = 2\nn = 9000000000000000000")
               AXIS("g_Na", "min = 1\nmax = 2\nn = 9"),
           "more than 2^63 points");
    refuse(HEAD AXIS("K_o", "min = 1\nmax = 2\nn = 900000000000000000"), "2^61 bytes");
    refuse(HEAD "[limits]\nmemory = 1000\n", "limits.memory");
}

#define RANDOM(rest)                                                                               \
    HEAD "[design]\nkind = \"random\"\nn = 5\n[[random]]\nname = \"K_o\"\n" rest "\n"

static void refuses_wrong_draws(void **state)
{
    (void)state;
    refuse(RANDOM("dist = \"uniform\"\nmin = \"5 M\"\nmax = 6"),
           "random.K_o: min = 5000 is not below max = 6");
    refuse(RANDOM("dist = \"loguniform\"\nmin = \"0 mM\"\nmax = 6"), "must lie above 0");
    refuse(RANDOM("dist = \"lognormal\"\nmean = \"3 mM\"\nsd = 1"), "ln x");
    refuse(RANDOM("dist = \"normal\"\nmean = 3\nsd = \"0 mM\""), "sd above 0");
    refuse(RANDOM("dist = \"triangular\"\nmin = 1\nmax = 2\nmode = \"3 mM\""), "mode");
    refuse(HEAD "[design]\nkind = \"random\"\nn = 5\n", "random");
    refuse(RANDOM("dist = \"uniform\"\nmin = 5\nmax = 6\n[fixed]\nK_o = 5"), "K_o");
}

static void refuses_wrong_ties(void **state)
{
    (void)state;
    nm_test_refuse(HEAD "[tie]\nNa_o = \"150 mM - K_o\"\n",
                   "scan.toml:3: tie.Na_o = \"150 mM - K_o\": found \"mM - K_o\"",
                   "a sum of numbers times parameters");
    refuse(HEAD "[tie]\nNa_o = \"K_o*Cl_o\"\n", "multiplies two parameters");
    refuse(HEAD "[tie]\nNa_o = \"1/K_o\"\n", "divides by a parameter");
    refuse(HEAD "[tie]\nNa_o = \"exp(K_o)\"\n", "\"exp(\" is a function");
    refuse(HEAD "[tie]\nNa_o = \"150 - Ko\"\n", "\"Ko\" is not known; did you mean \"K_o\"?");
    refuse(HEAD "[tie]\nNa_o = \"150 - \"\n", "found \"the end\"");
    refuse(HEAD "[tie]\nNa_o = \"(150 - K_o\"\n", "where \")\" should be");
    refuse(HEAD "[tie]\nNa_o = \"Na_o + 1\"\n", "depends, through ties, on itself");
    refuse(HEAD "[tie]\nNa_o = \"2*K_o\"\nK_o = \"0.5*Na_o\"\n",
           "tie.Na_o = \"2*K_o\" depends, through ties, on itself");
}

/* --- expressions ------------------------------------------------------------------------------ */

static void reads_expressions(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "a_1"};
    static const struct {
        const char *text;
        double constant, a, b, a_1;
    } cases[] = {
        {"150 - a", 150, -1, 0, 0},
        {"-a", 0, -1, 0, 0},
        {"a*2+2*b", 0, 2, 2, 0},
        {"0.5*(a + b) - 1e1", -10, 0.5, 0.5, 0},
        {"-(a - (b - 3))/2*4", -6, -2, 2, 0},
        {"a - a + a_1", 0, 0, 0, 1},
        {"--3 + +a", 3, 1, 0, 0},
        {"2*3*a/6", 0, 1, 0, 0},
        {".5e1", 5, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nm_affine affine;
        if (nm_affine_parse(&affine, cases[i].text, names, 3) != NM_OK) {
            fail_msg("%s: %s", cases[i].text, nm_last_error());
        }
        double coef[3] = {0};
        for (int k = 0; k < affine.n_terms; k++) {
            assert_true(affine.coef[k] != 0.0);
            coef[affine.index[k]] = affine.coef[k];
        }
        if (affine.constant != cases[i].constant || coef[0] != cases[i].a ||
            coef[1] != cases[i].b || coef[2] != cases[i].a_1) {
            fail_msg("%s was misread", cases[i].text);
        }
    }
    static const char *const wrong[] = {
        "",   "a b", "a**b", "2^3",  "a/0", "1e999", "c",
        "(a", "a)",  "*a",   "1..2", "a.b", "0x10",  "a + 1e308*10*0*b"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        nm_affine affine;
        if (nm_affine_parse(&affine, wrong[i], names, 3) != NM_USAGE) {
            fail_msg("\"%s\" was accepted", wrong[i]);
        }
    }
    char deep[4001];
    memset(deep, '(', 4000);
    deep[4000] = '\0';
    nm_affine affine;
    assert_int_equal(nm_affine_parse(&affine, deep, names, 3), NM_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_one_point),
        cmocka_unit_test(binds_a_grid),
        cmocka_unit_test(binds_random_parameters),
        cmocka_unit_test(orders_ties),
        cmocka_unit_test(binds_a_table),
        cmocka_unit_test(refuses_unknown_names),
        cmocka_unit_test(refuses_wrong_quantities),
        cmocka_unit_test(refuses_wrong_draws),
        cmocka_unit_test(refuses_wrong_ties),
        cmocka_unit_test(reads_expressions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
