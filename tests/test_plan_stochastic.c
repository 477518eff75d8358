/* Plans of trajectories: what [stochastic] binds to, which outputs it brings, how it cuts tiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fake_model.h"
#include "plan_text.h"

#define RING       "model = \"fake_ring\"\n"
#define TWO_K_B    "[stochastic]\nentropy = 2\n"
#define GRID(n)    "[[axis]]\nname = \"k1f\"\nmin = 1\nmax = 10\nn = " n "\n"
#define OUTPUTS(w) "[output]\nvariables = " w "\n"

static const int states[] = {0, 1}, from[] = {0, 1}, to[] = {1, 0};
static const nm_turn turns[] = {{0, 0, 1}, {0, 1, 1}};

/* fake_ring as a walk from A to B and back. */
static nm_model make_walk(void)
{
    nm_model walk = nm_model_fake_ring;
    walk.n_walk_states = walk.n_turns = 2;
    walk.walk_species = states;
    walk.walk_from = from;
    walk.walk_to = to;
    walk.turns = turns;
    return walk;
}

static nm_plan *walk_plan(nm_config **config, const char *text)
{
    static nm_model walk;
    walk = make_walk();
    return nm_test_plan(config, text, &walk);
}

static int has_slot(const nm_plan *plan, const char *name)
{
    int number = nm_catalogue_find(&plan->catalogue, name);
    assert_true(number >= 0);
    return plan->task.slot[number] >= 0;
}

static void refuse(const nm_model *model, const char *text, const char *sentence)
{
    nm_config *config = nm_test_config(text);
    nm_plan *plan = NULL;
    if (nm_plan_build(&plan, config, model, "cpu") != NM_USAGE ||
        strcmp(nm_last_error(), sentence) != 0) {
        fail_msg("%s\n  says: %s\n  not:  %s", text, nm_last_error(), sentence);
    }
    assert_null(plan);
    nm_config_destroy(&config);
}

/* --- the table -------------------------------------------------------------------------------- */

static void binds_the_table(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan = walk_plan(&config, RING);
    char without[33];
    assert_int_equal(plan->task.stochastic.n_trajectories, 0);
    strcpy(without, plan->fingerprint);
    nm_test_destroy(plan, config);

    plan = walk_plan(&config, RING TWO_K_B);
    assert_int_equal(plan->task.stochastic.n_trajectories, 1000);
    assert_int_equal(plan->task.stochastic.cycle, -1);
    assert_true(plan->task.stochastic.entropy == 2.0 && plan->task.stochastic.bin == 0.5);
    assert_true(isinf(plan->task.stochastic.time) && isinf(plan->task.stochastic.jumps));
    assert_string_not_equal(plan->fingerprint, without);
    nm_test_destroy(plan, config);

    plan = walk_plan(&config, RING "[stochastic]\ntime = \"20 ms\"\njumps = 7\nbin = 0.25\n"
                                   "trajectories = 12\nfirst_passage = \"R2\"\n");
    assert_int_equal(plan->task.stochastic.n_trajectories, 12);
    assert_int_equal(plan->task.stochastic.cycle, 1);
    assert_true(plan->task.stochastic.time == 0.02 && plan->task.stochastic.jumps == 7.0);
    assert_true(isinf(plan->task.stochastic.entropy) && plan->task.stochastic.bin == 0.25);
    nm_test_destroy(plan, config);
}

static int is_fuel_held(const int *choice)
{
    return choice[0] == 0;
}

static void refuses_tables(void **state)
{
    (void)state;
    static const char *const choices[] = {"held", "finite"};
    static const nm_variant_info fuel = {"fuel", 2, choices};
    nm_model walk = make_walk();
    refuse(
        &nm_model_fake_cell, HEAD TWO_K_B,
        "scan.toml:2: [stochastic]: the molecules of fake_cell do not walk at random; "
        "trajectories need a model whose pathways all turn one molecule of one free species into "
        "one of another, such as driven_cycle, network, parallel_paths, barrier, carrier or "
        "post_albers");
    refuse(&walk, RING TWO_K_B "time = \"20 mV\"\n",
           "scan.toml:4: stochastic.time = \"20 mV\": \"mV\" cannot be converted to \"s\"; give "
           "seconds "
           "as a number, or a text like \"10 ms\"");
    refuse(&walk, RING TWO_K_B "first_passage = \"R11\"\n",
           "scan.toml:4: stochastic.first_passage: fake_ring has no pathway \"R11\"; did you mean "
           "\"R1\"?");
    refuse(&walk, RING TWO_K_B "first_passage = \"turnover\"\n",
           "scan.toml:4: stochastic.first_passage: fake_ring has no pathway \"turnover\"; `nessmap "
           "models fake_ring` lists them");
    refuse(&walk,
           RING TWO_K_B "[design]\nkind = \"refine\"\nlevels = 1\n" GRID(
               "4") "[[axis]]\nname = \"C_tot\"\nmin = 1\nmax = 2\nn = 4\n",
           "scan.toml:2: [stochastic]: design.kind = \"refine\" has no trajectories, because their "
           "noise has no sharp boundary; use a grid, or remove the table");

    /* a variant without its chemostat */
    walk.walks = is_fuel_held;
    walk.n_variants = 1;
    walk.variants = &fuel;
    refuse(&walk, RING TWO_K_B "[variant]\nfuel = \"finite\"\n",
           "scan.toml:2: [stochastic]: with variant.fuel = \"finite\" the molecules of fake_ring "
           "change "
           "what they react with, and have no constant rates; trajectories need \"held\"");
    nm_config *config;
    nm_plan *plan = nm_test_plan(&config, RING TWO_K_B "[variant]\nfuel = \"held\"\n", &walk);
    nm_test_destroy(plan, config);
}

/* --- outputs ---------------------------------------------------------------------------------- */

static int count_chosen(const char *text)
{
    nm_config *config;
    nm_plan *plan = walk_plan(&config, text);
    int n = plan->task.n_slots;
    nm_test_destroy(plan, config);
    return n;
}

static void chooses_outputs(void **state)
{
    (void)state;
    static const char *const always[] = {
        "rate_R1",       "var_R2",         "ssa_rate_R1",      "ssa_rate_R1_se", "ssa_var_R2",
        "ssa_var_R2_se", "sigma_molecule", "var_sigma",        "ssa_window",     "ssa_sigma",
        "ssa_sigma_se",  "ssa_var_sigma",  "ssa_var_sigma_se", "ssa_ift",        "ssa_ift_se",
        "ssa_slope",     "ssa_slope_se"};
    static const char *const timed[] = {"ssa_fpt", "ssa_fpt_se", "ssa_fpt_done"};
    static const char *const never[] = {"activity",         "fano_R1",     "ssa_tur_R1",
                                        "ssa_jumps",        "ssa_fpt_var", "ssa_hist_00",
                                        "ssa_forth_R1_A_R2"};
    const int n_plain = count_chosen(RING), n_steps = 2 * 6, n_single = 11;
    nm_config *config;
    for (int has_cycle = 0; has_cycle < 2; has_cycle++) {
        nm_plan *plan =
            walk_plan(&config, has_cycle ? RING TWO_K_B "first_passage = \"R1\"\n" : RING TWO_K_B);
        for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
            assert_true(has_slot(plan, always[i]));
        }
        for (size_t i = 0; i < sizeof timed / sizeof *timed; i++) {
            assert_int_equal(has_slot(plan, timed[i]), has_cycle);
        }
        for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
            assert_false(has_slot(plan, never[i]));
        }
        assert_int_equal(plan->task.n_slots, n_plain + n_steps + n_single + 3 * has_cycle);
        nm_test_destroy(plan, config);
    }

    /* all that can be had: simulated ones with trajectories, times of turns with a cycle */
    const int n_exact = count_chosen(RING OUTPUTS("[\"*\"]"));
    const int n_ssa = 2 * 8 + NM_N_SSA_SCALARS + NM_SSA_BINS + 2 * 2, n_timed = 5;
    assert_int_equal(count_chosen(RING TWO_K_B OUTPUTS("[\"*\"]")), n_exact + n_ssa - n_timed);
    assert_int_equal(count_chosen(RING TWO_K_B "first_passage = \"R1\"\n" OUTPUTS("[\"*\"]")),
                     n_exact + n_ssa);
    /* exact ones need none */
    assert_int_equal(count_chosen(RING OUTPUTS("[\"rate_R1\", \"tur_R2\", \"var_sigma\"]")), 3);
}

static void refuses_outputs(void **state)
{
    (void)state;
    const nm_model walk = make_walk();
    refuse(
        &walk, RING OUTPUTS("[\"A\", \"ssa_rate_R1\"]"),
        "scan.toml:3: output.variables: \"ssa_rate_R1\" comes from trajectories, and there is no "
        "table [stochastic]; add one with trajectories and entropy, or leave it out");
    refuse(
        &walk, RING "[[reduce]]\nkind = \"summary\"\nvariables = [\"ssa_hist_03\"]\n",
        "scan.toml:4: reduce.variables: \"ssa_hist_03\" comes from trajectories, and there is no "
        "table [stochastic]; add one with trajectories and entropy, or leave it out");
    refuse(
        &walk, RING TWO_K_B OUTPUTS("[\"ssa_fpt_var\"]"),
        "scan.toml:5: output.variables: \"ssa_fpt_var\" times the turns of a pathway, and none is "
        "named; say stochastic.first_passage = \"R1\"");
    refuse(&walk,
           RING "[design]\nkind = \"refine\"\nclass = \"ssa_ift\"\nthreshold = 1\n" GRID(
               "4") "[[axis]]\nname = \"C_tot\"\nmin = 1\nmax = 2\nn = 4\n",
           "scan.toml:4: design.class: \"ssa_ift\" comes from trajectories, and there is no table "
           "[stochastic]; add one with trajectories and entropy, or leave it out");
    refuse(
        &walk, RING TWO_K_B "[output]\ngradients = { of = [\"ssa_sigma\"], by = [\"k1f\"] }\n",
        "scan.toml:5: output.gradients.of: \"ssa_sigma\" has no derivative by a parameter; choose "
        "a potential, a volume, a concentration, a force, a flux, a power or an observable");
}

/* --- tiles ------------------------------------------------------------------------------------ */

enum { MOST_TRAJECTORIES = 1 << 21 };

/* The tiles of a scan are disjoint and cover it; returns the points of the first. */
static int64_t check_tiles(const char *trajectories, const char *rest)
{
    char text[512];
    nm_config *config;
    snprintf(text, sizeof text, RING "%s%s", rest, trajectories);
    nm_plan *plan = walk_plan(&config, text);
    int64_t end = 0, n = nm_plan_tile_points(plan, 0);
    for (int64_t i = 0; i < plan->n_tiles; i++) {
        assert_int_equal(nm_plan_tile_first(plan, i), end);
        end += nm_plan_tile_points(plan, i);
    }
    assert_int_equal(end, plan->n_points);
    nm_test_destroy(plan, config);
    return n;
}

#define TRAJECTORIES(n) TWO_K_B "trajectories = " n "\n"

static void cuts_short_tiles(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t n;
    } cases[] = {{TRAJECTORIES("2"), 2},           {TRAJECTORIES("400"), 400},
                 {TRAJECTORIES("30000"), 30000},   {TRAJECTORIES("32769"), 32769},
                 {TRAJECTORIES("400000"), 400000}, {TRAJECTORIES("2097152"), 1 << 21}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t points = check_tiles(cases[i].text, GRID("100000"));
        assert_in_range(points * cases[i].n, 1, MOST_TRAJECTORIES);
        /* as long as they may be */
        assert_true(cases[i].n < 1000 || 4 * points * cases[i].n > MOST_TRAJECTORIES);
    }
    assert_int_equal(check_tiles(TRAJECTORIES("16777215"), GRID("1000")), 1);
    /* a small scan feeds several threads */
    assert_int_equal(check_tiles(TRAJECTORIES("400"), GRID("3072")), 64);
    assert_int_equal(check_tiles("", GRID("3072")), 256);
}

/* Cells and shares of cells keep their rules: whole cells, whole blocks, a power of two of them. */
static void cuts_short_cells(void **state)
{
    (void)state;
#define DRAWN(n)                                                                                   \
    "[design]\nkind = \"random\"\nn = " n "\n[[random]]\nname = \"C_tot\"\ndist = \"uniform\"\n"   \
    "min = 1\nmax = 2\n"
#define KEPT(kind) "[[reduce]]\nkind = \"" kind "\"\n"
    assert_int_equal(check_tiles(TRAJECTORIES("30000"), GRID("40000") DRAWN("16") KEPT("bins")),
                     64);
    assert_int_equal(check_tiles(TRAJECTORIES("2097152"), GRID("40000") DRAWN("16") KEPT("bins")),
                     16);
    assert_true(check_tiles("", GRID("40000") DRAWN("16") KEPT("bins")) > 64);
    assert_int_equal(check_tiles(TRAJECTORIES("2000"), DRAWN("1000000") KEPT("summary")),
                     NM_BLOCK_POINTS);
    assert_true(check_tiles("", DRAWN("1000000") KEPT("summary")) > NM_BLOCK_POINTS);
}

static void counts_memory(void **state)
{
    (void)state;
    nm_config *config;
    nm_plan *plan = walk_plan(&config, RING TRAJECTORIES("1000000") GRID("8"));
    assert_true(plan->memory_bytes >= NM_PLAN_BUFFERS * INT64_C(1000000) * (24 + 4 * 2));
    nm_test_destroy(plan, config);
    const nm_model walk = make_walk();
    refuse(&walk, RING TRAJECTORIES("1000000") GRID("8") "[limits]\nmemory = \"100 MB\"\n",
           "scan.toml:11: limits.memory = 100 MB is too little for this scan; give 290 MB or more");
}

static void assert_told(const char *scan, const char *line)
{
    nm_config *config;
    char *text = NULL;
    size_t bytes;
    nm_plan *plan = walk_plan(&config, scan);
    FILE *stream = open_memstream(&text, &bytes);
    assert_non_null(stream);
    nm_plan_print(plan, stream);
    fclose(stream);
    const char *found = strstr(text, "\ntrajectories");
    if (line == NULL ? found != NULL
                     : found == NULL || strncmp(found + 1, line, strlen(line)) != 0) {
        fail_msg("%s\n  lacks: %s", text, line != NULL ? line : "");
    }
    free(text);
    nm_test_destroy(plan, config);
}

/* What a plan says of them to people. */
static void tells_how_many(void **state)
{
    (void)state;
    assert_told(RING GRID("8"), NULL);
    assert_told(RING TWO_K_B GRID("8"),
                "trajectories 1,000 of each set, 8,000 in all; each lasts 2 k_B "
                "of entropy in the mean\n");
    assert_told(RING
                "[stochastic]\ntime = \"5 ms\"\njumps = 9\nfirst_passage = \"R2\"\n" GRID("3072"),
                "trajectories 1,000 of each set, 3,072,000 in all; each lasts 0.005 s or 9 jumps "
                "in the mean,\n"
                "             whichever is first; turns of R2 are timed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_the_table),  cmocka_unit_test(refuses_tables),
        cmocka_unit_test(chooses_outputs),  cmocka_unit_test(refuses_outputs),
        cmocka_unit_test(cuts_short_tiles), cmocka_unit_test(cuts_short_cells),
        cmocka_unit_test(counts_memory),    cmocka_unit_test(tells_how_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
