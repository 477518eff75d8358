/* Counts of a scan: the same by the assembly, from the finished file and by a plain loop. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "hand_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grid_nc.h"

/* Two of three tiles come before the others, from the last to the first. */
static void make_file(nm_hand_file *b, nm_tally **tally)
{
    nm_journal *journal;
    nm_assembly *file;
    void *payload = malloc((size_t)b->plan.record_bytes);
    assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 0), NM_OK);
    assert_int_equal(nm_grid_nc_begin(&file, b->out, &b->plan, 0), NM_OK);
    for (int64_t i = b->plan.n_tiles - 1; i >= 0; i--) {
        nm_hand_fill(&b->plan, i, payload);
        assert_int_equal(nm_journal_append(journal, i, payload, nm_hand_bytes(&b->plan, i)), NM_OK);
        if (i % 3 != 0) {
            assert_int_equal(nm_grid_nc_take(file, i, payload), NM_OK);
        }
    }
    assert_int_equal(nm_grid_nc_end(&file, journal, tally), NM_OK);
    nm_journal_close(&journal, 1);
    free(payload);
}

/* Counts, as the assembly and the finished file give them, against a plain loop. */
static void assert_tally(nm_hand_file *b)
{
    nm_tally *by_assembly, *by_file;
    make_file(b, &by_assembly);
    assert_int_equal(nm_grid_nc_tally(b->out, &b->plan, &by_file), NM_OK);
    size_t n_edges = (size_t)by_file->n_scanned * (size_t)(by_file->n_bins + 1);
    size_t n_counts = (size_t)by_file->n_scanned * (size_t)by_file->n_bins * NM_N_OUTCOMES;
    assert_int_equal(by_assembly->n_scanned, by_file->n_scanned);
    assert_int_equal(by_assembly->n_bins, by_file->n_bins);
    assert_memory_equal(by_assembly->count, by_file->count, sizeof by_file->count);
    assert_memory_equal(by_assembly->flag_count, by_file->flag_count, sizeof by_file->flag_count);
    assert_memory_equal(by_assembly->bin_edge, by_file->bin_edge, n_edges * sizeof(double));
    assert_memory_equal(by_assembly->bin_count, by_file->bin_count, n_counts * sizeof(int64_t));

    int64_t flag_count[16] = {0};
    int n_located = 0;
    int64_t *bin_count = calloc(n_counts, sizeof *bin_count);
    for (int64_t i = 0; i < b->plan.n_points; i++) {
        double params[NM_HAND_N_PARAMS];
        nm_hand_draw(&b->plan.task.draw, i, params);
        int outcome = nm_hand_outcome(i);
        if ((outcome == NM_OUTCOME_left_domain || outcome == NM_OUTCOME_not_converged) &&
            n_located < NM_LOCATED) {
            assert_int_equal(by_assembly->located[n_located], i);
            assert_int_equal(by_file->located[n_located++], i);
        }
        for (int bit = 0; bit < 8; bit++) {
            flag_count[bit] += nm_hand_flags(i) >> bit & 1;
        }
        for (int s = 0; s < by_file->n_scanned; s++) {
            const double *edge = by_file->bin_edge + (size_t)s * (size_t)(by_file->n_bins + 1);
            double x = params[by_file->scanned_param[s]];
            int bin = 0;
            while (bin + 1 < by_file->n_bins && edge[bin + 2] > edge[bin + 1] &&
                   x >= edge[bin + 1]) {
                bin++;
            }
            bin_count[((size_t)s * (size_t)by_file->n_bins + (size_t)bin) * NM_N_OUTCOMES +
                      (size_t)nm_hand_outcome(i)]++;
        }
    }
    assert_int_equal(n_located, NM_LOCATED);
    assert_int_equal(by_file->n_located, n_located);
    assert_memory_equal(by_file->flag_count, flag_count, sizeof flag_count);
    assert_memory_equal(by_file->bin_count, bin_count, n_counts * sizeof *bin_count);
    free(bin_count);
    nm_tally_destroy(&by_assembly);
    nm_tally_destroy(&by_file);
    assert_null(by_file);
}

static void test_tally(void **state)
{
    nm_hand_file *b = *state;
    nm_hand_axis(&b->plan, NM_HAND_b, NM_AXIS_LINEAR, 5000, -1, 1);
    nm_hand_axis(&b->plan, NM_HAND_c, NM_AXIS_LIST, 7, -1, 20);
    nm_hand_random(&b->plan, 3);
    nm_hand_finish(&b->plan, 4001);
    assert_tally(b);
}

static void test_tally_edges(void **state)
{
    nm_hand_file *b = *state;
    nm_tally *tally;
    nm_hand_axis(&b->plan, NM_HAND_a, NM_AXIS_LOG, 5, 0.1, 1000);
    nm_hand_random(&b->plan, 1);
    nm_hand_finish(&b->plan, 5);
    assert_int_equal(nm_tally_create(&tally, &b->plan), NM_OK);
    assert_int_equal(tally->n_scanned, 2);
    assert_int_equal(tally->n_bins, 256);
    const double *a = tally->bin_edge, *r = a + 257;
    assert_float_equal(a[0], 0.1, 0.0);
    assert_true(fabs(a[1] - sqrt(0.1)) < 1e-12);
    for (int k = 5; k <= 256; k++) {
        assert_true(fabs(a[k] - 1000.0) < 1e-9);
    }
    assert_float_equal(r[0], 0.1, 0.0);
    assert_float_equal(r[256], 10.0, 0.0);
    for (int k = 0; k < 256; k++) { /* near a logarithm: no bin is wider than twice the narrowest */
        double width = log(r[k + 1] / r[k]) * 256 / log(100.0);
        assert_true(width > 0.7 && width < 1.5);
    }
    const int8_t outcome = 9;
    const uint16_t flags = 0;
    const double params[2] = {1.0, 0.0};
    assert_int_equal(nm_tally_add(tally, 0, 1, &outcome, &flags, params), NM_IO);
    assert_int_equal(tally->n_points, 0);
    nm_tally_destroy(&tally);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, nm_hand_set_up, nm_hand_tear_down)
    const struct CMUnitTest tests[] = {TEST(test_tally), TEST(test_tally_edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
