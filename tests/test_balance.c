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

static char *print_sheet(const sheet *sheet, void (*print)(FILE *stream, const nm_balance *balance))
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    print(stream, sheet->balance);
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

/* the first line of `text` whose first word is `word`, or NULL */
static const char *line_of(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
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
    sheet sheet = open_sheet(&nm_model_fake_cell, "g_Na=2");
    char *text = print_sheet(&sheet, nm_balance_print);

    /* pathway: net, out, in, affinity in kJ/mol, dissipation */
    const char *line = line_of(strstr(text, "pathways"), "pump");
    double net, out, in, affinity, dissipation;
    assert_non_null(line);
    assert_int_equal(sscanf(line, "%lf %lf %lf %lf %lf", &net, &out, &in, &affinity, &dissipation),
                     5);
    assert_float_equal(net, output_named(&sheet, "J_pump"), 1e-2);
    assert_float_equal(out, output_named(&sheet, "Jout_pump"), 1e-2);
    assert_float_equal(in, output_named(&sheet, "Jin_pump"), 1e-2);
    assert_float_equal(affinity, output_named(&sheet, "A_pump") * 1e-3, 1e-5);
    assert_float_equal(dissipation, output_named(&sheet, "Tsigma_pump"), 1e-2);
    assert_non_null(strstr(line, "+1")); /* three out, two in */

    /* pair: inside, outside by the bath's parameter, Nernst in mV */
    double inside, outside, nernst;
    line = line_of(strstr(text, "state"), "K");
    assert_non_null(line);
    assert_int_equal(sscanf(line, "%lf %lf %lf", &inside, &outside, &nernst), 3);
    assert_float_equal(inside, output_named(&sheet, "K_i"), 1e-2);
    assert_float_equal(outside, 3.0, 1e-12);
    assert_float_equal(nernst, output_named(&sheet, "E_K") * 1e3, 10.0);
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
    assert_null(strstr(text, "pathways"));
    assert_null(strstr(text, "nan"));
    free(text);
    text = print_sheet(&sheet, nm_balance_print_json);
    assert_non_null(strstr(text, "\"V\": null"));
    assert_null(strstr(text, "nan"));
    free(text);
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
    assert_non_null(strstr(text, "mol m-3 s-1"));
    /* A and B turn into each other */
    double j1 = output_named(&sheet, "J_R1"), j2 = output_named(&sheet, "J_R2"), made_1, made_2;
    const char *line = line_of(strstr(text, "balance of each"), "A");
    assert_non_null(line);
    assert_int_equal(sscanf(line, "%lf R1 %lf R2", &made_1, &made_2), 2);
    assert_float_equal(made_1, -j1, 1e-3);
    assert_float_equal(made_2, j2, 1e-3);
    free(text);
    close_sheet(&sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_output_is_solved_in_double),
        cmocka_unit_test(tables_show_values_under_their_names),
        cmocka_unit_test(a_cell_without_a_steady_state_shows_no_numbers),
        cmocka_unit_test(parameters_without_effect_do_not_matter),
        cmocka_unit_test(a_flask_has_no_charges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
