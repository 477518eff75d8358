/* Parameters drawn as a GPU draws them: cuRAND's words in the place of ours, and the CPU's bits. */
#include "kernel_test.h"

#include "curand_draw.h"
#include "curand_words.h"
#include "plan.h"
#ifdef NM_HAS_RANDOM123
#include "random123_words.h"
#endif

extern const nm_model nm_model_pump_leak, nm_model_driven_cycle;

enum { N_WORDS = 4000000, N_POINTS = 1 << 20, N_DRAWS = 400, N_EACH = 2500, N_ROWS = 1 << 12 };

/* small numbers as often as large ones */
static uint64_t any_size(uint64_t *state, int bits)
{
    uint64_t word = random_word(state);
    return word >> (64 - bits + (int)(random_word(state) % (uint64_t)bits));
}

static void test_words(void **state)
{
    (void)state;
    uint64_t random = 20240302;
    uint32_t device[4], documented[4];
    for (int i = 0; i < N_WORDS; i++) {
        const int even = i % 2; /* evenly, or of any size */
        const uint64_t seed = even ? random_word(&random) : any_size(&random, 64);
        const uint64_t index = even ? random_word(&random) : any_size(&random, 64);
        const uint32_t block = (uint32_t)(even ? random_word(&random) : any_size(&random, 32));
        /* a larger one leaves the 64 bits of cuRAND's offset */
        const uint32_t tag = (uint32_t)(even ? random_word(&random) >> 34 : any_size(&random, 30));
        curand_draw_words(device, seed, index, tag, block);
        curand_words(documented, seed, index, 4 * (uint64_t)block + ((uint64_t)tag << 34));
        assert_memory_equal(device, documented, sizeof device);
#ifdef NM_HAS_RANDOM123
        uint32_t authors[4];
        random123_words(authors, seed, (uint64_t)tag << 32 | block, index);
        assert_memory_equal(device, authors, sizeof device);
#endif
    }
}

/* Compares point `index`; returns the number of parameters that differ from the last point's. */
static int compare_point(const nm_model *model, const nm_draw *draw, int64_t index, double *last)
{
    double cpu[NM_MAX_PARAMS], device[NM_MAX_PARAMS];
    const size_t bytes = (size_t)draw->n_params * sizeof cpu[0];
    memcpy(cpu, draw->value, bytes);
    memcpy(device, draw->value, bytes);
    model->draw(draw, index, cpu);
    curand_draw_point(draw, index, device);
    int n_moved = 0;
    for (int i = 0; i < draw->n_params; i++) {
        if (memcmp(&cpu[i], &device[i], sizeof cpu[i]) != 0) {
            fail_msg("point %lld, parameter %d: %a on the CPU, %a", (long long)index, i, cpu[i],
                     device[i]);
        }
        n_moved += cpu[i] != last[i];
    }
    memcpy(last, cpu, bytes);
    return n_moved;
}

/* Each point of a shipped configuration, up to N_POINTS of them; then as many all over a far larger scan of the same
 * design. */
static void compare_scan(const char *name, const nm_model *model)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/configs/%s.toml", NM_TEST_SOURCE_DIR, name);
    nm_config *config;
    nm_plan *plan;
    if (nm_config_load(&config, path, NULL, 0) != NM_OK ||
        nm_plan_build(&plan, config, model, "cpu") != NM_OK) {
        fail_msg("%s", nm_last_error());
    }
    nm_draw *draw = &plan->task.draw;
    double last[NM_MAX_PARAMS];
    int64_t n = draw->n_points < N_POINTS ? draw->n_points : N_POINTS, n_moved = 0;
    memcpy(last, draw->value, sizeof last);
    for (int64_t i = 0; i < n; i++) {
        n_moved += compare_point(model, draw, i, last);
    }
    assert_true(n_moved >= n - 1 && draw->n_axes + draw->n_random > 0);

    uint64_t random = 20240303;
    draw->n_points = INT64_C(1) << 62;
    for (int a = 0; a < draw->n_axes; a++) {
        draw->axis[a].n = (INT64_C(1) << 62 / draw->n_axes) - 1 - a;
        draw->axis[a].values = NULL;
    }
    n_moved = 0;
    for (int i = 0; i < N_POINTS; i++) {
        n_moved += compare_point(model, draw, (int64_t)any_size(&random, 62), last);
    }
    assert_true(n_moved > N_POINTS);
    print_message("%s: %lld points of its own, %d of %d axes and %d random parameters at large\n",
                  name, (long long)n, N_POINTS, draw->n_axes, draw->n_random);
    nm_plan_destroy(&plan);
    nm_config_destroy(&config);
}

static void test_shipped_configurations(void **state)
{
    (void)state;
    compare_scan("pump_leak_phase", &nm_model_pump_leak);
    compare_scan("pump_leak_lysis", &nm_model_pump_leak);
    compare_scan("pump_leak_follow", &nm_model_pump_leak);
    compare_scan("pump_leak_random", &nm_model_pump_leak);
    compare_scan("driven_cycle", &nm_model_driven_cycle);
}

/* an axis or a random parameter of any kind, with numbers in its domain */
static void make_axis(nm_axis *axis, uint64_t *random, const double *list, int n_list)
{
    axis->scale = (int32_t)(random_word(random) % 3);
    axis->n = 1 + (int64_t)any_size(random, 20);
    axis->low = exp(random_between(random, -30.0, 30.0));
    axis->high = exp(random_between(random, -30.0, 30.0));
    if (axis->scale == NM_AXIS_LINEAR && random_word(random) % 2 == 0) {
        axis->low = -axis->low;
    }
    if (axis->scale == NM_AXIS_LIST) {
        axis->n = n_list;
        axis->values = list;
    }
}
static void make_random(nm_random *drawn, uint64_t *random)
{
    drawn->dist = (int32_t)(random_word(random) % 5);
    const double size = exp(random_between(random, -20.0, 20.0));
    const double width = size * exp(random_between(random, -10.0, 10.0));
    switch (drawn->dist) {
    case NM_DIST_LOGUNIFORM:
        drawn->a = size;
        drawn->b = size + width;
        break;
    case NM_DIST_NORMAL:
        drawn->a = random_between(random, -size, size);
        drawn->b = width;
        break;
    case NM_DIST_LOGNORMAL:
        drawn->a = random_between(random, -20.0, 20.0);
        drawn->b = exp(random_between(random, -5.0, 2.0));
        break;
    default:
        drawn->a = random_between(random, -size, size);
        drawn->b = drawn->a + width;
        drawn->c = random_between(random, drawn->a, drawn->b);
    }
}

/* every distribution, scale, tie and table, thrown together */
static void test_any_design(void **state)
{
    (void)state;
    static double list[64], columns[4][N_ROWS];
    static nm_draw draw;
    const nm_model *model = &nm_model_pump_leak;
    uint64_t random = 20240304;
    int n_of[NM_DIST_TRIANGULAR + 1] = {0};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        list[i] = random_between(&random, -1e3, 1e3);
    }
    for (int c = 0; c < 4; c++) {
        for (int i = 0; i < N_ROWS; i++) {
            columns[c][i] = random_between(&random, -1e3, 1e3);
        }
    }
    for (int d = 0; d < N_DRAWS; d++) {
        memset(&draw, 0, sizeof draw);
        draw.seed = any_size(&random, 64);
        draw.n_params = NM_MAX_PARAMS;
        draw.n_draws = (int64_t)any_size(&random, 12) + 1;
        int param = 0;
        draw.n_axes = (int32_t)(random_word(&random) % 4);
        for (int a = 0; a < draw.n_axes; a++) {
            draw.axis[a].param = param++;
            make_axis(&draw.axis[a], &random, list, (int)(sizeof list / sizeof list[0]));
        }
        draw.n_random = (int32_t)(random_word(&random) % 12);
        for (int r = 0; r < draw.n_random; r++) {
            draw.random[r].param = param++;
            make_random(&draw.random[r], &random);
            n_of[draw.random[r].dist]++;
        }
        draw.n_columns = (int32_t)(random_word(&random) % 5);
        for (int c = 0; c < draw.n_columns; c++) {
            draw.column_param[c] = param++;
            draw.column[c] = columns[c];
        }
        draw.n_ties = (int32_t)(random_word(&random) % 4);
        for (int t = 0; t < draw.n_ties; t++) {
            nm_tie *tie = &draw.tie[t];
            tie->constant = random_between(&random, -1e3, 1e3);
            tie->n_terms = (int32_t)(random_word(&random) % (NM_MAX_TERMS + 1));
            for (int k = 0; k < tie->n_terms; k++) {
                tie->term[k] = (int32_t)(random_word(&random) % (uint64_t)(param + 1));
                tie->coef[k] = random_between(&random, -10.0, 10.0);
            }
            tie->param = param++;
        }
        model->prepare_draw(&draw);
        double last[NM_MAX_PARAMS] = {0};
        const int bits = draw.n_columns > 0 ? 12 : 62;
        for (int i = 0; i < N_EACH; i++) {
            compare_point(model, &draw, (int64_t)any_size(&random, bits), last);
        }
    }
    for (int dist = 0; dist <= NM_DIST_TRIANGULAR; dist++) {
        assert_true(n_of[dist] > N_DRAWS / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_shipped_configurations),
        cmocka_unit_test(test_any_design),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
