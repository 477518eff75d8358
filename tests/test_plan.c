/* Outputs, tiles, fingerprint and remarks of a plan, on hand-written models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_model.h"
#include "plan_text.h"

static int has_slot(const nm_plan *plan, const char *name)
{
    int number = nm_catalogue_find(&plan->catalogue, name);
    return number >= 0 && plan->task.slot[number] >= 0;
}

/* --- catalogue -------------------------------------------------------------------------------- */

static void numbers_outputs_like_the_list(void **state)
{
    (void)state;
    nm_catalogue *catalogue = malloc(sizeof(*catalogue));
    assert_non_null(catalogue);
    assert_int_equal(nm_catalogue_build(catalogue, &nm_model_fake_cell), NM_OK);
    /* 1 potential, 1 volume, 9 species, 4 x 3 pairs, 6 x 5 paths, 2 x 1 fuel, 2 x 1 loop, scalars,
     * V_min, V_max, 1 observable */
    assert_int_equal(catalogue->n, 1 + 1 + 9 + 12 + 30 + 2 + 2 + NM_N_SCALARS + 3);
    static const struct {
        int number;
        const char *name, *unit;
    } expected[] = {
        {0, "V", "V"},
        {1, "ell", "m"},
        {2, "Na_i", "mol m-3"},
        {5, "X_i", "mol m-3"},
        {6, "", ""},  /* water */
        {10, "", ""}, /* water of the bath, the last species */
        {11, "E_Na", "V"},
        {13, "E_Cl", "V"},
        {14, "dmu_Na", "J mol-1"},
        {22, "dmu_el_Cl", "J mol-1"},
        {23, "J_leak_Na", "mol m-2 s-1"},
        {26, "J_pump", "mol m-2 s-1"},
        {28, "Jout_leak_Na", "mol m-2 s-1"},
        {48, "Tsigma_leak_Na", "W m-2"},
        {53, "P_ATP", "W m-2"},
        {54, "A_ATP", "J mol-1"},
        {55, "Jcyc_pump", "mol m-2 s-1"},
        {56, "Acyc_pump", "J mol-1"},
        {57, "P_held", "W m-2"},
        {57 + NM_SCALAR_sigma_total, "sigma_total", "W m-2 K-1"},
        {57 + NM_SCALAR_growth_rate, "growth_rate", "m s-1"},
        {57 + NM_N_SCALARS, "V_min", "V"},
        {57 + NM_N_SCALARS + 1, "V_max", "V"},
        {57 + NM_N_SCALARS + 2, "Pi_i", "mol m-3"},
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const nm_output *output = &catalogue->output[expected[i].number];
        assert_string_equal(output->name, expected[i].name);
        assert_string_equal(output->unit, expected[i].unit);
        assert_int_equal(nm_catalogue_find(catalogue, expected[i].name),
                         expected[i].name[0] != '\0' ? expected[i].number : -1);
    }
    assert_string_equal(catalogue->output[26].text, "net flux, from -> to (outward): Na,K-ATPase");
    assert_string_equal(catalogue->output[11].text, "Nernst potential of Na");
    free(catalogue);
}

static void chooses_defaults(void **state)
{
    (void)state;
    static const char *const cell[] = {"V",     "ell",    "Na_i",    "K_i",         "Cl_i",
                                       "X_i",   "J_pump", "P_ATP",   "sigma_total", "efficiency",
                                       "resid", "a_max",  "tau_slow"};
    static const char *const ring[] = {"A",           "B",     "J_R1",  "J_R2",
                                       "sigma_total", "resid", "a_max", "tau_slow"};
    nm_config *config;
    nm_plan *plan = nm_test_plan(&config, HEAD, &nm_model_fake_cell);
    assert_int_equal(plan->task.n_slots, 13);
    for (int i = 0; i < 13; i++) {
        if (!has_slot(plan, cell[i])) {
            fail_msg("%s is no default", cell[i]);
        }
    }
    nm_test_destroy(plan, config);

    plan = nm_test_plan(&config, "model = \"fake_ring\"\n", &nm_model_fake_ring);
    assert_int_equal(plan->task.n_slots, 8);
    for (int i = 0; i < 8; i++) {
        if (!has_slot(plan, ring[i])) {
            fail_msg("%s is no default", ring[i]);
        }
    }
    assert_string_equal(plan->catalogue.output[nm_catalogue_find(&plan->catalogue, "J_R1")].unit,
                        "mol m-3 s-1");
    nm_test_destroy(plan, config);
}

static void chooses_outputs(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan = nm_test_plan(
        &config,
        HEAD "[output]\nprecision = \"f64\"\n"
             "variables = [\"Pi_i\", \"V\", \"outcome\", \"flags\", \"K_o\", \"iterations\"]\n",
        &nm_model_fake_cell);
    assert_int_equal(plan->task.n_slots, 3);
    assert_int_equal(plan->task.is_f32, 0);
    /* slots follow the catalogue, not the list */
    assert_int_equal(plan->task.slot[0], 0);
    assert_int_equal(plan->column_output[0], 0);
    assert_string_equal(plan->catalogue.output[plan->column_output[1]].name, "iterations");
    assert_string_equal(plan->catalogue.output[plan->column_output[2]].name, "Pi_i");
    nm_test_destroy(plan, config);

    plan = nm_test_plan(&config, HEAD "[output]\nvariables = [\"*\"]\n", &nm_model_fake_cell);
    assert_int_equal(plan->task.n_slots, plan->catalogue.n - 5); /* 3 held, 2 water */
    assert_int_equal(plan->task.slot[6], -1);
    nm_test_destroy(plan, config);

    plan = nm_test_plan(&config, HEAD "[output]\nvariables = [\"default\", \"E_K\"]\n",
                        &nm_model_fake_cell);
    assert_int_equal(plan->task.n_slots, 14);
    nm_test_destroy(plan, config);
}

/* --- tiles and fingerprint -------------------------------------------------------------------- */

static void cuts_tiles(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan = nm_test_plan(&config,
                                 HEAD AXIS("dG_ATP", "min = -60000\nmax = 0\nn = 3001")
                                     AXIS("K_o", "min = 1\nmax = 10\nn = 3001"),
                                 &nm_model_fake_cell);
    assert_int_equal(plan->n_points, 9006001);
    assert_int_equal(plan->tile_points, 32704); /* not 32768: columns a power of two apart are slow */
    int64_t sum = 0;
    for (int64_t i = 0; i < plan->n_tiles; i++) {
        assert_true(nm_plan_tile_points(plan, i) > 0);
        sum += nm_plan_tile_points(plan, i);
    }
    assert_int_equal(sum, plan->n_points);
    assert_int_equal(plan->record_bytes, 32704 * (13 * 4 + 3));
    assert_int_equal(nm_plan_points_bytes(plan, 32704), plan->record_bytes);
    assert_true(plan->file_bytes >= plan->n_points * 55 &&
                plan->peak_disk_bytes >= 2 * plan->file_bytes);
    nm_test_destroy(plan, config);

    /* a small scan still has tiles for every thread; all outputs still fit a record */
    plan = nm_test_plan(&config, HEAD AXIS("K_o", "min = 1\nmax = 10\nn = 65536"),
                        &nm_model_fake_cell);
    assert_int_equal(plan->n_tiles, 61); /* for 64 of them, columns would lie two pages apart */
    nm_test_destroy(plan, config);
    plan = nm_test_plan(&config,
                        HEAD "[output]\nvariables = [\"*\"]\nprecision = \"f64\"\n" AXIS(
                            "K_o", "min = 1\nmax = 10\nn = 10000000"),
                        &nm_model_fake_cell);
    assert_true(plan->record_bytes <= 32 << 20);
    assert_int_equal(plan->tile_points, 32704);
    int64_t most = plan->memory_bytes;
    nm_test_destroy(plan, config);

    /* limits.memory */
    plan = nm_test_plan(
        &config,
        HEAD
        "[output]\nvariables = [\"*\"]\nprecision = \"f64\"\n[limits]\nmemory = 50000000\n" AXIS(
            "K_o", "min = 1\nmax = 10\nn = 10000000"),
        &nm_model_fake_cell);
    assert_true(plan->memory_bytes <= 50000000 && plan->memory_bytes < most);
    assert_true(plan->memory_bytes > 45000000);
    nm_test_destroy(plan, config);
}

#define RANDOM(name)           "[[random]]\nname = \"" name "\"\ndist = \"uniform\"\nmin = 1\nmax = 2\n"
#define THREE                  RANDOM("T") RANDOM("K_o") RANDOM("g_Na")
#define GROUPS(limits, design) HEAD limits "[design]\nn = 1000000\nseed = 1\n" design THREE

/* the rows of a base point are in one tile, whatever the room */
static void keeps_groups_whole(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int group;
    } cases[] = {
        {GROUPS("", "kind = \"saltelli\"\n"), 5},
        {GROUPS("", "kind = \"saltelli\"\nsecond_order = true\n"), 8},
        {GROUPS("", "kind = \"morris\"\n") RANDOM("Na_o") RANDOM("Cl_o"), 6},
        {GROUPS("[limits]\nmemory = 34000000\n", "kind = \"saltelli\"\n"), 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nm_config *config;
        nm_plan *plan = nm_test_plan(&config, cases[i].text, &nm_model_fake_cell);
        assert_int_equal(plan->task.draw.group, cases[i].group);
        assert_int_equal(plan->tile_points % cases[i].group, 0);
        assert_int_equal(plan->tile_points % 64, 0);
        assert_true(plan->tile_points <= 32768 && (i == 3 || plan->tile_points > 32000));
        assert_true(plan->memory_bytes <= (i == 3 ? 34000000 : INT64_MAX));
        nm_test_destroy(plan, config);
    }
    nm_config *config;
    nm_plan *plan =
        nm_test_plan(&config, GROUPS("[limits]\nmemory = 33600000\n", "kind = \"random\"\n"),
                     &nm_model_fake_cell);
    nm_test_destroy(plan, config);
    nm_test_refuse(GROUPS("[limits]\nmemory = 33600000\n", "kind = \"saltelli\"\n"),
                   "limits.memory", "too little");
}

/* odd tiles, floats before doubles: everything aligned, nothing overlaps, every byte is
 * accounted for */
static void maps_tiles(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan = nm_test_plan(
        &config,
        HEAD
        "[design]\nkind = \"random\"\nn = 1001\n[output]\nvariables = [\"V\", \"ell\", \"E_K\"]\n"
        "[[random]]\nname = \"K_o\"\ndist = \"uniform\"\nmin = 1\nmax = 10\n",
        &nm_model_fake_cell);
    int64_t last = plan->n_tiles - 1, n = nm_plan_tile_points(plan, last);
    assert_int_equal(n % 2, 1);
    int64_t bytes = nm_plan_points_bytes(plan, n);
    assert_int_equal(bytes, 3 * 4 * n + 4 + 8 * n + 3 * n);
    unsigned char *payload = malloc((size_t)bytes);
    assert_non_null(payload);
    memset(payload, 0xa5, (size_t)bytes);
    nm_tile tile;
    nm_plan_map_tile(plan, &tile, last, payload);
    assert_int_equal(tile.n, n);
    assert_int_equal(tile.first, last * plan->tile_points);
    assert_ptr_equal(tile.values, payload);
    assert_int_equal((uintptr_t)tile.params % 8, 0);
    assert_ptr_equal(tile.flags, tile.params + n);
    assert_ptr_equal(tile.outcome, tile.flags + n);
    assert_ptr_equal(tile.outcome + n, payload + bytes);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(payload[12 * n + i], 0);
    }
    assert_int_equal(plan->model->kernels[0].run(&plan->task, &tile), 0);
    double params[NM_MAX_PARAMS];
    plan->model->draw(&plan->task.draw, tile.first + n - 1, params);
    assert_true(tile.params[n - 1] == params[NM_FAKE_K_o]);
    assert_true(((float *)tile.values)[n + n - 1] ==
                (float)nm_fake_value(plan->model, 1, params)); /* ell */
    free(payload);
    nm_test_destroy(plan, config);
}

static void fingerprint_of(char out[33], const char *text, const char *backend)
{
    nm_config *config = nm_test_config(text);
    nm_plan *plan;
    assert_int_equal(nm_plan_build(&plan, config, &nm_model_fake_cell, backend), NM_OK);
    assert_string_equal(plan->backend, backend);
    strcpy(out, plan->fingerprint);
    nm_test_destroy(plan, config);
}

static void takes_fingerprints(void **state)
{
    (void)state;
    char base[33], other[33];
    fingerprint_of(base, HEAD "[fixed]\nK_o = 5\n", "cpu");
    assert_int_equal(strlen(base), 32);
    assert_int_equal(strspn(base, "0123456789abcdef"), 32);
    fingerprint_of(other, "# a remark\n" HEAD "fixed.K_o = 5.0\n", "cpu");
    assert_string_equal(other, base);
    static const char *const different[] = {HEAD "[fixed]\nK_o = 5.0000000000000009\n",
                                            HEAD "[fixed]\nK_o = 5\n[solver]\nmode = \"follow\"\n",
                                            HEAD
                                            "[fixed]\nK_o = 5\n[output]\nprecision = \"f64\"\n",
                                            HEAD "[fixed]\nK_o = 5\n[variant]\nleak = \"ghk\"\n"};
    for (size_t i = 0; i < sizeof(different) / sizeof(different[0]); i++) {
        fingerprint_of(other, different[i], "cpu");
        assert_string_not_equal(other, base);
    }
    fingerprint_of(other, HEAD "[fixed]\nK_o = 5\n", "cuda");
    assert_string_not_equal(other, base);

    /* a model that changes is another question */
    nm_param_info params[NM_FAKE_N_PARAMS];
    memcpy(params, nm_model_fake_cell.params, sizeof(params));
    params[NM_FAKE_Cl_o].dflt = 151.0;
    nm_model model = nm_model_fake_cell;
    model.params = params;
    nm_config *config;
    nm_plan *plan = nm_test_plan(&config, HEAD "[fixed]\nK_o = 5\n", &model);
    assert_string_not_equal(plan->fingerprint, base);
    nm_test_destroy(plan, config);
}

/* along the inner axis only one value in 4096 is neutral: even steps over the index would meet
 * it always */
static void tells_a_charged_bath(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan = nm_test_plan(&config,
                                 HEAD AXIS("dG_ATP", "min = -60000\nmax = 0\nn = 4096")
                                     AXIS("K_o", "min = 3\nmax = 10\nn = 4096"),
                                 &nm_model_fake_cell);
    assert_true(plan->charged_share > 0.99);
    nm_test_destroy(plan, config);
    plan = nm_test_plan(&config, HEAD AXIS("K_o", "values = [3, 4]"), &nm_model_fake_cell);
    assert_true(plan->charged_share == 0.5);
    nm_test_destroy(plan, config);
}

static void prints(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan = nm_test_plan(
        &config,
        HEAD AXIS("dG_ATP", "min = -60000\nmax = 0\nn = 4") "[tie]\nNa_o = \"150 - K_o\"\n",
        &nm_model_fake_cell);
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    assert_non_null(stream);
    nm_plan_print(plan, stream);
    assert_int_equal(fclose(stream), 0);
    static const char *const words[] = {"fake_cell (leak = ohmic, pump = rev)",
                                        "dG_ATP: 4 values",
                                        "points       4 in 1 ",
                                        "Na_o = 150 - 1 K_o",
                                        "13 as f32: V ell",
                                        "fingerprint  "};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(text, words[i]) == NULL) {
            fail_msg("\"%s\" is missing in:\n%s", words[i], text);
        }
    }
    free(text);
    nm_test_destroy(plan, config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_outputs_like_the_list),
        cmocka_unit_test(chooses_defaults),
        cmocka_unit_test(chooses_outputs),
        cmocka_unit_test(cuts_tiles),
        cmocka_unit_test(keeps_groups_whole),
        cmocka_unit_test(maps_tiles),
        cmocka_unit_test(takes_fingerprints),
        cmocka_unit_test(tells_a_charged_bath),
        cmocka_unit_test(prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
