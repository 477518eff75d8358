/* Points in memory: the same numbers whatever the batch, threads and lanes; sets of the caller's own;
 * rows that are not wanted; what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "nessmap/nessmap.h"

#define CONFIG(name) NM_TEST_SOURCE_DIR "/configs/" name ".toml"
enum { N = 3000, SENTINEL = 0x5a };

/* rows of up to N points */
typedef struct rows {
    double inputs[N * 16], outputs[N * 16], derivatives[N * 64];
    int8_t outcome[N];
    uint16_t flags[N];
} rows;

static nm_sample sample_of(rows *r)
{
    memset(r, SENTINEL, sizeof *r);
    return (nm_sample){1, r->inputs, r->outputs, r->derivatives, r->outcome, r->flags};
}

typedef struct opened {
    nm_scan *scan;
    nm_sampler *sampler;
    int n_inputs, n_outputs, n_derivatives;
} opened;

static int count(const nm_sampler *sampler, nm_sampler_part part)
{
    const nm_sampler_column *columns;
    return nm_sampler_columns(&columns, sampler, part);
}

static opened open_scan(const char *config, int n_threads, int lanes, int n, const char *const *set)
{
    opened o = {0};
    if (nm_scan_open(&o.scan, config, set, n) != NM_OK ||
        nm_sampler_open(&o.sampler, o.scan, NULL, n_threads, lanes) != NM_OK) {
        fail_msg("%s", nm_error());
    }
    o.n_inputs = count(o.sampler, NM_SAMPLER_INPUTS);
    o.n_outputs = count(o.sampler, NM_SAMPLER_OUTPUTS);
    o.n_derivatives = count(o.sampler, NM_SAMPLER_DERIVED) * count(o.sampler, NM_SAMPLER_BY);
    return o;
}

static void close_scan(opened *o)
{
    nm_sampler_close(&o->sampler);
    nm_scan_close(&o->scan);
    assert_null(o->sampler);
    nm_sampler_close(&o->sampler);
}

static const char *const random_set[] = {"design.n=100000", "output.gradients=V,ell",
                                         "output.variables=V,ell,J_pump"};

static opened open_random(int n_threads, int lanes)
{
    return open_scan(CONFIG("pump_leak_random"), n_threads, lanes, 3, random_set);
}

/* rows [at, at + n) of `whole` are rows [0, n) of `part`, to the last bit */
static void assert_same(const opened *o, const rows *part, const rows *whole, int64_t at, int64_t n)
{
    const struct {
        const double *part, *whole;
        int n;
    } columns[] = {{part->inputs, whole->inputs, o->n_inputs},
                   {part->outputs, whole->outputs, o->n_outputs},
                   {part->derivatives, whole->derivatives, o->n_derivatives}};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        assert_memory_equal(columns[i].part, columns[i].whole + at * columns[i].n,
                            (size_t)(n * columns[i].n) * sizeof(double));
    }
    assert_memory_equal(part->outcome, whole->outcome + at, (size_t)n);
    assert_memory_equal(part->flags, whole->flags + at, (size_t)n * sizeof(uint16_t));
}

static void batches_threads_and_lanes_change_no_bit(void **state)
{
    (void)state;
    static rows whole, part;
    const int64_t first = 4999; /* no multiple of anything */
    opened o = open_random(1, 0);
    assert_int_equal(nm_sampler_n_points(o.sampler), 100000);
    assert_int_equal(o.n_inputs, 6);
    assert_int_equal(o.n_outputs, 3);
    assert_int_equal(o.n_derivatives, 12);
    nm_sample out = sample_of(&whole);
    assert_int_equal(nm_sampler_points(o.sampler, &out, first, N), NM_OK);
    int n_ness = 0, n_growth = 0;
    for (int i = 0; i < N; i++) {
        n_ness += whole.outcome[i] == 1;
        n_growth += whole.outcome[i] == 4;
        assert_int_equal(whole.outcome[i] <= 3, isfinite(whole.outputs[i * o.n_outputs]));
    }
    assert_true(n_ness > N / 4 && n_growth > N / 20);
    close_scan(&o);

    static const struct {
        int n_threads, lanes;
        int64_t at, n;
    } cases[] = {{1, 1, 17, 100}, {1, 8, 1, 999}, {3, 0, 0, N}, {7, 1, N - 65, 65}, {2, 0, 63, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        o = open_random(cases[i].n_threads, cases[i].lanes);
        out = sample_of(&part);
        assert_int_equal(nm_sampler_points(o.sampler, &out, first + cases[i].at, cases[i].n),
                         NM_OK);
        assert_same(&o, &part, &whole, cases[i].at, cases[i].n);
        /* nothing behind the last row is touched */
        if (cases[i].n < N) {
            assert_int_equal(part.outcome[cases[i].n], SENTINEL);
            assert_int_equal(*(unsigned char *)&part.outputs[cases[i].n * o.n_outputs], SENTINEL);
            assert_int_equal(*(unsigned char *)&part.derivatives[cases[i].n * o.n_derivatives],
                             SENTINEL);
        }
        close_scan(&o);
    }
}

/* points of a grid, a Saltelli design with ties and a reduction, a table: solved again as sets */
static void sets_of_ones_own_are_solved_as_the_same_points(void **state)
{
    (void)state;
    static rows drawn, own;
    static const char *const no_audit[] = {"solver.audit=0"};
    static const char *const configs[] = {CONFIG("pump_leak_random"), CONFIG("pump_leak_phase"),
                                          CONFIG("pump_leak_sensitivity"), CONFIG("driven_cycle")};
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        opened o = open_scan(configs[i], 2, 0, 1, no_audit);
        nm_sample out = sample_of(&drawn), again = sample_of(&own);
        assert_int_equal(nm_sampler_points(o.sampler, &out, 1000, N), NM_OK);
        assert_int_equal(nm_sampler_sets(o.sampler, &again, drawn.inputs, N), NM_OK);
        assert_same(&o, &own, &drawn, 0, N);
        close_scan(&o);
    }
}

static void numbers_are_rounded_once_to_float(void **state)
{
    (void)state;
    static rows exact;
    static float inputs[N * 16], outputs[N * 16], derivatives[N * 64];
    opened o = open_random(0, 0);
    nm_sample out = sample_of(&exact);
    nm_sample rounded = {.inputs = inputs, .outputs = outputs, .derivatives = derivatives};
    assert_int_equal(nm_sampler_points(o.sampler, &out, 0, N), NM_OK);
    assert_int_equal(nm_sampler_points(o.sampler, &rounded, 0, N), NM_OK);
    for (int i = 0; i < N * o.n_inputs; i++) {
        assert_true(inputs[i] == (float)exact.inputs[i]);
    }
    for (int i = 0; i < N * o.n_outputs; i++) {
        assert_true(outputs[i] == (float)exact.outputs[i] || isnan(exact.outputs[i]));
    }
    for (int i = 0; i < N * o.n_derivatives; i++) {
        assert_true(derivatives[i] == (float)exact.derivatives[i] || isnan(exact.derivatives[i]));
    }
    /* sets of floats are read as floats */
    static float again[N * 16];
    static int8_t outcome[N];
    nm_sample same = {.inputs = again, .outcome = outcome};
    assert_int_equal(nm_sampler_sets(o.sampler, &same, inputs, N), NM_OK);
    assert_memory_equal(again, inputs, sizeof(float) * (size_t)(N * o.n_inputs));
    close_scan(&o);
}

static void columns_are_named(void **state)
{
    (void)state;
    opened o = open_random(1, 0);
    static const char *const expected[NM_SAMPLER_N_PARTS][6] = {
        {"z_X", "g_Na", "g_K", "g_Cl", "p_max", "dG_ATP"},
        {"V", "ell", "J_pump"},
        {"V", "ell"},
        {"z_X", "g_Na", "g_K", "g_Cl", "p_max", "dG_ATP"}};
    for (int part = 0; part < NM_SAMPLER_N_PARTS; part++) {
        const nm_sampler_column *columns;
        int n = nm_sampler_columns(&columns, o.sampler, (nm_sampler_part)part);
        for (int i = 0; i < n; i++) {
            assert_string_equal(columns[i].name, expected[part][i]);
            assert_true(columns[i].unit[0] && columns[i].text[0]);
        }
    }
    const nm_sampler_column *columns;
    nm_sampler_columns(&columns, o.sampler, NM_SAMPLER_INPUTS);
    assert_string_equal(columns[1].unit, "S m-2");
    close_scan(&o);
}

/* --- side by side ------------------------------------------------------------------------------- */

enum { N_CALLERS = 4, N_SHARE = N / N_CALLERS };

typedef struct caller {
    pthread_t thread;
    const opened *o;
    int64_t first;
    nm_status status;
    rows rows;
} caller;

static void *call(void *argument)
{
    caller *c = argument;
    nm_sample out = sample_of(&c->rows);
    c->status = nm_sampler_points(c->o->sampler, &out, c->first, N_SHARE);
    return NULL;
}

static void calls_run_side_by_side(void **state)
{
    (void)state;
    static rows whole;
    static caller callers[N_CALLERS];
    opened o = open_random(2, 0);
    nm_sample out = sample_of(&whole);
    assert_int_equal(nm_sampler_points(o.sampler, &out, 0, N), NM_OK);
    for (int i = 0; i < N_CALLERS; i++) {
        callers[i].o = &o;
        callers[i].first = i * N_SHARE;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < N_CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].status, NM_OK);
        assert_same(&o, &callers[i].rows, &whole, callers[i].first, N_SHARE);
    }
    close_scan(&o);
}

/* --- what is refused ---------------------------------------------------------------------------- */

static void assert_refused(nm_status status, const char *sentence)
{
    assert_int_equal(status, NM_USAGE);
    if (!strstr(nm_error(), sentence)) {
        fail_msg("\"%s\" does not say \"%s\"", nm_error(), sentence);
    }
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    static rows rows;
    opened o = open_random(1, 0);
    nm_sample out = sample_of(&rows);
    static const int64_t wrong[][2] = {{99999, 2}, {-1, 1},        {100001, 0},
                                       {0, -1},    {INT64_MAX, 1}, {5, INT64_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_refused(nm_sampler_points(o.sampler, &out, wrong[i][0], wrong[i][1]),
                       "the scan has 100000, and they count from 0");
    }
    assert_int_equal(rows.outcome[0], SENTINEL);
    assert_refused(nm_sampler_sets(o.sampler, &out, rows.inputs, -1), "fewer than no sets");
    assert_int_equal(nm_sampler_sets(o.sampler, &out, rows.inputs, INT64_MAX / 8), NM_MEMORY);
    assert_int_equal(nm_sampler_sets(o.sampler, &out, rows.inputs, 0), NM_OK);

    nm_sampler *none;
    assert_refused(nm_sampler_open(&none, o.scan, "abacus", 1, 0), "no such backend");
    assert_null(none);
    assert_refused(nm_sampler_open(&none, o.scan, NULL, 1, 3), "--lanes 3");
    close_scan(&o);

    nm_scan *refined;
    assert_int_equal(nm_scan_open(&refined, CONFIG("pump_leak_lysis_boundary"), NULL, 0), NM_OK);
    assert_refused(nm_sampler_open(&none, refined, NULL, 1, 0), "\"refine\"");
    nm_scan_close(&refined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_threads_and_lanes_change_no_bit),
        cmocka_unit_test(sets_of_ones_own_are_solved_as_the_same_points),
        cmocka_unit_test(numbers_are_rounded_once_to_float),
        cmocka_unit_test(columns_are_named),
        cmocka_unit_test(calls_run_side_by_side),
        cmocka_unit_test(wrong_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
