/* The balance sheet: every number stands under its own name, species add up, JSON holds all
 * outputs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "balance.h"
#include "balance_parts.h"
#include "config.h"
#include "fake_model.h"

/* a plan of one point of `model`, and its balance sheet at the defaults */
typedef struct sheet {
    nm_config *config;
    nm_plan *plan;
    nm_balance *balance;
} sheet;

static sheet open_sheet(const nm_model *model, const char *set)
{
    sheet sheet = {0};
    double params[NM_MAX_PARAMS] = {0};
    assert_int_equal(nm_config_point(&sheet.config, model->name, &set, set ? 1 : 0), NM_OK);
    assert_int_equal(nm_plan_build(&sheet.plan, sheet.config, model, "cpu"), NM_OK);
    model->draw(&sheet.plan->task.draw, 0, params);
    sheet.balance = malloc(sizeof *sheet.balance);
    assert_int_equal(nm_balance_solve(sheet.balance, sheet.plan, params), NM_OK);
    return sheet;
}

static void close_sheet(sheet *sheet)
{
    free(sheet->balance);
    nm_plan_destroy(&sheet->plan);
    nm_config_destroy(&sheet->config);
}

/* not inlined: gcc would take what open_memstream allocates for its variable `text` */
__attribute__((noinline)) static char *
print_sheet(const sheet *sheet,
            void (*print)(FILE *stream, const nm_balance *balance, const nm_balance_why *why))
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    nm_balance_why *why;
    assert_int_equal(nm_balance_explain(&why, sheet->balance), NM_OK);
    print(stream, sheet->balance, why);
    free(why);
    fclose(stream);
    return text;
}

static double output_named(const sheet *sheet, const char *name)
{
    for (int i = 0; i < sheet->plan->catalogue.n; i++) {
        if (strcmp(sheet->plan->catalogue.output[i].name, name) == 0) {
            return sheet->balance->value[i];
        }
    }
    fail_msg("there is no output %s", name);
    return NAN;
}

/* the first line of `page` whose first word is `word`, or NULL */
static const char *line_of(const char *page, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = page; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        const char *first = at + strspn(at, " ");
        if (strncmp(first, word, length) == 0 && first[length] == ' ') {
            return first + length;
        }
    }
    return NULL;
}

static void every_output_is_solved_in_double(void **state)
{
    (void)state;
    sheet sheet = open_sheet(&nm_model_fake_cell, "g_Na=2");
    assert_int_equal(sheet.balance->outcome, NM_OUTCOME_ness);
    assert_float_equal(sheet.balance->params[NM_FAKE_g_Na], 2.0, 0.0);
    for (int i = 0; i < sheet.plan->catalogue.n; i++) {
        assert_true(sheet.balance->value[i] ==
                    nm_fake_value(&nm_model_fake_cell, i, sheet.balance->params));
    }
    close_sheet(&sheet);
}

static void tables_show_values_under_their_names(void **state)
{
    (void)state;
    /* a fuel worth little, so that the fake concentrations are positive */
    sheet sheet = open_sheet(&nm_model_fake_cell, "dG_ATP=-10");
    char *text = print_sheet(&sheet, nm_balance_print);

    /* pathway: net, out, in, charge of three out and two in, current in uA/cm2 */
    const char *fluxes = strstr(text, "fluxes in mol/m2/s"), *line = line_of(fluxes, "pump");
    double net, out, in, charge, current;
    assert_non_null(line);
    assert_int_equal(sscanf(line, "%lf %lf %lf %lf %lf", &net, &out, &in, &charge, &current), 5);
    double J = output_named(&sheet, "J_pump");
    assert_float_equal(net, J, 1e-2);
    assert_float_equal(out, output_named(&sheet, "Jout_pump"), 1e-2);
    assert_float_equal(in, output_named(&sheet, "Jin_pump"), 1e-2);
    assert_float_equal(charge, 1.0, 0.0);
    assert_float_equal(current / (100.0 * NM_FARADAY_CONSTANT * J), 1.0, 1e-3);

    /* its force in kJ/mol, and the parts that make it up */
    double force, chemical, electrical, fuel;
    line = line_of(strstr(text, "forces in kJ per"), "pump");
    assert_non_null(line);
    assert_int_equal(sscanf(line, "%lf %lf %lf %lf", &force, &chemical, &electrical, &fuel), 4);
    assert_float_equal(force, output_named(&sheet, "A_pump") * 1e-3, 1e-5);
    assert_float_equal((chemical + electrical + fuel) / fuel, force / fuel, 1e-3);
    assert_float_equal(electrical / (NM_FARADAY_CONSTANT * 1e-3 * output_named(&sheet, "V")), 1.0,
                       1e-3);

    /* the bill: what the pump dissipates, of all that is supplied */
    double heat;
    line = line_of(strstr(text, "who pays"), "in pump");
    assert_non_null(line);
    assert_int_equal(sscanf(line, "%lf", &heat), 1);
    assert_float_equal(heat, output_named(&sheet, "Tsigma_pump"), 1e-2);

    /* pair: inside, outside by the bath's parameter, Nernst in mV, the parts of its force */
    double inside, outside, nernst;
    line = line_of(strstr(text, "both sides"), "K");
    assert_non_null(line);
    assert_int_equal(sscanf(line, "%lf %lf %lf %lf %lf %lf", &inside, &outside, &nernst, &chemical,
                            &electrical, &force),
                     6);
    assert_float_equal(inside, output_named(&sheet, "K_i"), 1e-2);
    assert_float_equal(outside, 3.0, 1e-12);
    assert_float_equal(nernst, output_named(&sheet, "E_K") * 1e3, 10.0);
    assert_float_equal(chemical, output_named(&sheet, "dmu_chem_K") * 1e-3, 1e-5);
    assert_float_equal(electrical, output_named(&sheet, "dmu_el_K") * 1e-3, 1e-5);
    assert_float_equal(force, output_named(&sheet, "dmu_K") * 1e-3, 1e-5);

    /* the loop that the pump closes: turns, kJ of each, power, through what */
    double turns, affinity;
    line = strstr(text, "kJ per turn");
    assert_non_null(line);
    assert_int_equal(sscanf(strchr(line, '\n'), "%lf %lf", &turns, &affinity), 2);
    assert_float_equal(turns, output_named(&sheet, "Jcyc_pump"), 1e-2);
    assert_float_equal(affinity, output_named(&sheet, "Acyc_pump") * 1e-3, 1e-5);
    assert_non_null(strstr(line, "pump - 3 leak_Na + 2 leak_K\n"));
    free(text);
    close_sheet(&sheet);
}

static void a_cell_without_a_steady_state_shows_no_numbers(void **state)
{
    (void)state;
    sheet sheet = open_sheet(&nm_model_fake_cell, "g_Na=20");
    assert_int_equal(sheet.balance->outcome, NM_OUTCOME_no_steady_state_growth);
    char *text = print_sheet(&sheet, nm_balance_print);
    assert_non_null(strstr(text, "lysis"));
    assert_non_null(strstr(text, "over_pumped"));
    assert_null(strstr(text, "fluxes"));
    assert_non_null(strstr(text, "g_Na      below 4.9"));
    assert_null(strstr(text, "nan"));
    free(text);
    text = print_sheet(&sheet, nm_balance_print_json);
    assert_non_null(strstr(text, "\"V\": null"));
    assert_null(strstr(text, "nan"));
    free(text);
    close_sheet(&sheet);
}

/* The leak alone decides, and what is told of it holds. */
static void the_nearest_steady_state_is_found(void **state)
{
    (void)state;
    sheet sheet = open_sheet(&nm_model_fake_cell, "g_Na=20");
    nm_balance_why *why;
    assert_int_equal(nm_balance_explain(&why, sheet.balance), NM_OK);
    assert_int_equal(why->n_limits, 1);
    assert_int_equal(why->limit[0].param, NM_FAKE_g_Na);
    assert_true(why->limit[0].value <= 5.0 && why->limit[0].value > 4.98);
    free(why);
    close_sheet(&sheet);

    sheet = open_sheet(&nm_model_fake_cell, "g_Na=2");
    assert_int_equal(nm_balance_explain(&why, sheet.balance), NM_OK);
    assert_null(why);
    close_sheet(&sheet);
}

/* The parts of a force are its own: sum, concentrations, potential. */
static void forces_add_up(void **state)
{
    (void)state;
    sheet sheet = open_sheet(&nm_model_fake_cell, "dG_ATP=-10");
    double V = output_named(&sheet, "V"), T = sheet.balance->params[NM_FAKE_T];
    for (int k = 0; k < nm_model_fake_cell.n_paths; k++) {
        nm_force force = nm_balance_force(sheet.balance, k);
        double total = nm_balance_value(sheet.balance, NM_FAMILY_A, k);
        assert_true(isfinite(force.chemical) && isfinite(force.other));
        double sum = force.chemical + force.electrical + force.other;
        assert_true(fabs(sum - total) <= 1e-12 * (fabs(force.electrical) + fabs(total)));
        double work = nm_balance_charge(&nm_model_fake_cell, k) * NM_FARADAY_CONSTANT * V;
        assert_true(fabs(force.electrical - work) <= 1e-12 * fabs(work));
    }
    double ratio = output_named(&sheet, "K_i") / sheet.balance->params[NM_FAKE_K_o];
    double chemical = nm_balance_force(sheet.balance, 1).chemical;
    assert_true(fabs(chemical - NM_GAS * T * log(ratio)) <= 1e-12 * fabs(chemical));
    close_sheet(&sheet);
}

/* a kernel to which g_Na is nothing */
static int run_without_leak(const nm_task *task, nm_tile *tile)
{
    nm_task *changed = malloc(sizeof *changed);
    double zeros[64] = {0};
    memcpy(changed, task, sizeof *changed);
    changed->draw.column[NM_FAKE_g_Na] = zeros;
    int result = nm_model_fake_cell.kernels[0].run(changed, tile);
    free(changed);
    return result;
}

static void parameters_without_effect_do_not_matter(void **state)
{
    (void)state;
    static const nm_kernel kernels[] = {{1, run_without_leak}};
    nm_model model = nm_model_fake_cell;
    model.kernels = kernels;
    model.n_kernels = 1;
    sheet sheet = open_sheet(&model, NULL);
    for (int i = 0; i < model.n_params; i++) {
        assert_int_equal(sheet.balance->matters[i], i != NM_FAKE_g_Na);
    }
    char *text = print_sheet(&sheet, nm_balance_print);
    assert_null(line_of(text, "g_Na"));
    assert_non_null(line_of(text, "K_o"));
    free(text);
    close_sheet(&sheet);
}

static void a_flask_has_no_charges(void **state)
{
    (void)state;
    sheet sheet = open_sheet(&nm_model_fake_ring, NULL);
    char *text = print_sheet(&sheet, nm_balance_print);
    assert_null(strstr(text, "A m-2"));
    assert_non_null(strstr(text, "fluxes in mM/s"));
    /* A and B turn into each other: R1 takes A and R2 gives it back */
    double j1 = output_named(&sheet, "J_R1"), j2 = output_named(&sheet, "J_R2"), in, out;
    const char *line = line_of(strstr(text, "each species"), "A");
    assert_non_null(line);
    assert_int_equal(sscanf(line, " in %lf R2; out %lf R1;", &in, &out), 2);
    assert_float_equal(out, j1, 1e-3);
    assert_float_equal(in, j2, 1e-3);
    free(text);
    close_sheet(&sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_output_is_solved_in_double),
        cmocka_unit_test(tables_show_values_under_their_names),
        cmocka_unit_test(a_cell_without_a_steady_state_shows_no_numbers),
        cmocka_unit_test(the_nearest_steady_state_is_found),
        cmocka_unit_test(forces_add_up),
        cmocka_unit_test(parameters_without_effect_do_not_matter),
        cmocka_unit_test(a_flask_has_no_charges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
