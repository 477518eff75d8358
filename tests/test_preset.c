/* Presets: what they set, what wins over them, and one sentence for what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fake_model.h"
#include "model_store.h"
#include "plan_text.h"
#include "preset.h"

static const nm_preset_info presets[] = {
    {"axon", "leak=ghk  T=291.15 Na_o=440 K_o=20 g_Na=1e-3", "a giant one"},
    {"muscle", "pump=hill K_o=4", "a fibre"},
};

static nm_model with_presets(const nm_preset_info *list, int n)
{
    nm_model model = nm_model_fake_cell;
    model.presets = list;
    model.n_presets = n;
    return model;
}

static void sets_what_nothing_else_says(void **state)
{
    (void)state;
    nm_model model = with_presets(presets, 2);
    nm_config *config;
    double params[NM_MAX_PARAMS];
    nm_plan *plan = nm_test_plan(&config, HEAD "preset = \"axon\"\n", &model);
    model.draw(&plan->task.draw, 0, params);
    assert_int_equal(plan->task.choice[0], 1);
    assert_int_equal(plan->task.choice[1], 0);
    assert_true(params[NM_FAKE_T] == 291.15 && params[NM_FAKE_Na_o] == 440.0 &&
                params[NM_FAKE_K_o] == 20.0 && params[NM_FAKE_g_Na] == 1e-3);
    assert_true(params[NM_FAKE_Cl_o] == 150.0 && params[NM_FAKE_dG_ATP] == -57000.0);
    nm_test_destroy(plan, config);
}

static void gives_way(void **state)
{
    (void)state;
    nm_model model = with_presets(presets, 2);
    nm_config *config;
    double params[NM_MAX_PARAMS];
    nm_plan *plan = nm_test_plan(
        &config,
        HEAD "preset = \"axon\"\n"
             "[variant]\nleak = \"ohmic\"\npump = \"const\"\n" AXIS(
                 "K_o", "values = [5, 6]") "[[random]]\nname = \"g_Na\"\ndist = \"uniform\"\n"
                                           "min = 2\nmax = 3\n"
                                           "[design]\nkind = \"random\"\nn = 2\n"
                                           "[fixed]\nT = \"37 degC\"\n"
                                           "[tie]\nNa_o = \"150 - K_o\"\n",
        &model);
    assert_int_equal(plan->task.choice[0], 0);
    assert_int_equal(plan->task.choice[1], 2);
    model.draw(&plan->task.draw, 3, params);
    assert_true(params[NM_FAKE_T] == 310.15 && params[NM_FAKE_K_o] == 6.0 &&
                params[NM_FAKE_Na_o] == 144.0);
    assert_true(params[NM_FAKE_g_Na] >= 2.0 && params[NM_FAKE_g_Na] <= 3.0);
    nm_test_destroy(plan, config);
}

static void gives_way_to_a_table(void **state)
{
    (void)state;
    static const char path[] = "test_preset.csv";
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("K_o,T\n7,300\n8,301\n", file);
    assert_int_equal(fclose(file), 0);
    nm_model model = with_presets(presets, 2);
    nm_config *config;
    double params[NM_MAX_PARAMS];
    nm_plan *plan = nm_test_plan(&config,
                                 HEAD "preset = \"axon\"\n[design]\nkind = \"table\"\n"
                                      "file = \"test_preset.csv\"\n",
                                 &model);
    model.draw(&plan->task.draw, 1, params);
    assert_true(params[NM_FAKE_K_o] == 8.0 && params[NM_FAKE_T] == 301.0 &&
                params[NM_FAKE_Na_o] == 440.0);
    nm_test_destroy(plan, config);
    remove(path);
}

/* What a file keeps says the preset, and asks the same question again. */
static void is_kept(void **state)
{
    (void)state;
    nm_model model = with_presets(presets, 2);
    nm_config *config, *other_config, *again;
    nm_plan *plan = nm_test_plan(&config, HEAD "preset = \"axon\"\n", &model);
    nm_plan *other = nm_test_plan(&other_config, HEAD "preset = \"muscle\"\n", &model);
    assert_non_null(strstr(config->resolved, "preset = \"axon\"\n"));
    assert_string_not_equal(plan->fingerprint, other->fingerprint);
    nm_plan *same = nm_test_plan(&again, config->resolved, &model);
    assert_string_equal(plan->fingerprint, same->fingerprint);
    assert_string_equal(config->resolved, again->resolved);
    nm_test_destroy(plan, config);
    nm_test_destroy(other, other_config);
    nm_test_destroy(same, again);
    /* a model with other settings is another model, also where its text is not kept */
    static const nm_preset_info changed[] = {{"axon", "leak=ghk T=291.15", "a giant one"}};
    nm_model before = with_presets(presets, 1), after = with_presets(changed, 1);
    plan = nm_test_plan(&config, HEAD, &before);
    other = nm_test_plan(&other_config, HEAD, &after);
    assert_string_not_equal(plan->model_hash, other->model_hash);
    nm_test_destroy(plan, config);
    nm_test_destroy(other, other_config);
}

static void comes_by_an_override(void **state)
{
    (void)state;
    static const char *const sets[] = {"preset=axon", "K_o=30", "variant.leak=ohmic"};
    nm_model model = with_presets(presets, 2);
    nm_config *config;
    nm_plan *plan;
    double params[NM_MAX_PARAMS];
    assert_int_equal(nm_config_point(&config, "fake_cell", sets, 3), NM_OK);
    assert_int_equal(nm_plan_build(&plan, config, &model, "cpu"), NM_OK);
    model.draw(&plan->task.draw, 0, params);
    assert_true(params[NM_FAKE_K_o] == 30.0 && params[NM_FAKE_Na_o] == 440.0);
    assert_int_equal(plan->task.choice[0], 0);
    nm_test_destroy(plan, config);
}

/* --- mistakes --------------------------------------------------------------------------------- */

static void refuse_preset(const nm_model *model, const char *text, const char *words)
{
    nm_config *config = nm_test_config(text);
    const nm_preset_info *preset;
    assert_int_equal(nm_preset_find(&preset, config, model), NM_USAGE);
    assert_null(preset);
    assert_string_equal(nm_last_error(), words);
    nm_config_destroy(&config);
}

static void tells_an_unknown_preset(void **state)
{
    (void)state;
    nm_model model = with_presets(presets, 2), none = with_presets(NULL, 0);
    refuse_preset(
        &model, HEAD "preset = \"axom\"\n",
        "scan.toml:2: preset = \"axom\" is not known; did you mean \"axon\"? (one of axon, "
        "muscle)");
    refuse_preset(&model, HEAD "\npreset = \"red_cell\"\n",
                  "scan.toml:3: preset = \"red_cell\" is not known; it is one of axon, muscle");
    refuse_preset(&none, HEAD "preset = \"axon\"\n",
                  "scan.toml:2: preset = \"axon\": fake_cell has no presets; remove it");
    nm_test_refuse(HEAD "preset = 3\n", "preset = 3, but it must be a text", "");
    nm_test_refuse(HEAD "presett = \"axon\"\n", "did you mean \"preset\"?", "");
}

static void tells_wrong_settings(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *words;
    } rows[] = {
        {"Na_x=3", "there is no parameter or variant \"Na_x\"; did you mean \"Na_o\"?"},
        {"leak=ohmik", "leak=ohmik, but it is one of ohmic, ghk"},
        {"T=warm", "\"T=warm\" is no finite number in the parameter's unit"},
        {"T=1e999", "\"T=1e999\" is no finite number"},
        {"T=37degC", "\"T=37degC\" is no finite number"},
        {"T", "\"T\" is no setting; name=value is"},
        {"T=", "\"T=\" is no setting"},
        {"T =300", "\"T\" is no setting"},
        {"=300", "\"=300\" is no setting"},
        {"T=300 K_o=3 T=301", "\"T=301\" sets a parameter a second time"},
        {"leak=ghk leak=ghk", "\"leak=ghk\" sets a variant a second time"},
        {"K_ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo"
         "ooooooooooooooooooooooooooooooooooooooooooooooo=3",
         "is too long for a setting"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const nm_preset_info wrong[] = {presets[1], {"axon", rows[i].settings, "wrong"}};
        nm_model model = with_presets(wrong, 2);
        assert_int_equal(nm_model_check(&model), NM_USAGE);
        assert_non_null(strstr(nm_last_error(), "model fake_cell: preset axon: "));
        if (!strstr(nm_last_error(), rows[i].words)) {
            fail_msg("\"%s\" lacks \"%s\"", nm_last_error(), rows[i].words);
        }
    }
    const nm_preset_info twice[] = {presets[0], presets[0]};
    nm_model model = with_presets(twice, 2);
    assert_int_equal(nm_model_check(&model), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "two presets are named \"axon\""));
    model = with_presets(presets, 2);
    assert_int_equal(nm_model_check(&model), NM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_what_nothing_else_says), cmocka_unit_test(gives_way),
        cmocka_unit_test(gives_way_to_a_table),        cmocka_unit_test(is_kept),
        cmocka_unit_test(comes_by_an_override),        cmocka_unit_test(tells_an_unknown_preset),
        cmocka_unit_test(tells_wrong_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
