/* The model of a scan on a cluster against sums made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "plan_cluster.h"

/* 1000 tiles of 2 s, a slow one 5 s; 1 GB in the journal, 480 MB of file */
static const nm_cluster example = {.n_tiles = 1000,
                                   .n_threads = 4,
                                   .tile_s = 2.0,
                                   .slow_tile_s = 5.0,
                                   .journal_bytes = 1e9,
                                   .file_bytes = 480e6,
                                   .file_rate = 240e6,
                                   .grows = 1};

static void assert_near(double value, double wanted)
{
    if (!(fabs(value - wanted) <= 1e-9 * fabs(wanted))) {
        fail_msg("%.12g, and %.12g is right", value, wanted);
    }
}

static void adds_what_ranks_wait_for(void **state)
{
    (void)state;
    nm_cluster_time time;

    /* 250 tiles a thread, the last one slow; the file grows beside the journal */
    nm_cluster_estimate(&time, &example, 1);
    assert_near(time.start, 1.002);
    assert_near(time.compute, 249 * 2.0 + 5.0);
    assert_near(time.file, 0.0);
    assert_near(time.total, 504.002);
    assert_near(time.efficiency, 1.0);

    /* 1000 / 12 = 83.3: 84 tiles; 1 s to read the journal back, 2 s for the file */
    nm_cluster_estimate(&time, &example, 3);
    assert_near(time.start, 1.006);
    assert_near(time.compute, 83 * 2.0 + 5.0);
    assert_near(time.file, 3.0);
    assert_near(time.total, 175.006);
    assert_near(time.efficiency, 504.002 / (3.0 * 175.006));

    /* one tile each, and nobody is faster than the slow one */
    nm_cluster_estimate(&time, &example, 250);
    assert_near(time.total, 1.5 + 5.0 + 3.0);
    nm_cluster_estimate(&time, &example, 1000);
    assert_near(time.total, 3.0 + 5.0 + 3.0);
}

static void waits_for_the_disk(void **state)
{
    (void)state;
    nm_cluster cluster = example;
    nm_cluster_time time;
    cluster.journal_bytes = 2e12;
    cluster.file_bytes = 1e12;

    /* alone: both at 500 MB/s; with others: its share of the journal, 84 x 4 tiles of 1000 */
    nm_cluster_estimate(&time, &cluster, 1);
    assert_near(time.compute, 6000.0);
    nm_cluster_estimate(&time, &cluster, 3);
    assert_near(time.compute, 0.336 * 4000.0);

    /* a file that does not grow beside the journal has a time of its own */
    cluster.grows = 0;
    nm_cluster_estimate(&time, &cluster, 1);
    assert_near(time.compute, 4000.0);
    assert_near(time.file, 2000.0 + 1e12 / 240e6);
}

static void finds_how_many_are_worth_it(void **state)
{
    (void)state;
    assert_int_equal(nm_cluster_fed(&example), 250);
    int64_t n = nm_cluster_useful(&example);
    nm_cluster_time time;
    nm_cluster_estimate(&time, &example, n);
    assert_true(time.efficiency >= 0.5);
    for (int64_t more = n + 1; more <= 2000; more++) {
        nm_cluster_estimate(&time, &example, more);
        assert_true(time.efficiency < 0.5);
    }
    /* 42 ranks: 6 tiles, 15 s, 1.084 s, 3 s: 504.002 / (42 x 19.084) = 0.63; 63 ranks: 4 tiles, 11 s,
     * 1.126 s, 3 s: 0.53; 64 to 83 ranks wait as long, so 66 are the last of a half: 15.132 s */
    assert_int_equal(n, 66);

    /* within ten minutes anyway; a tenth as fast: 5031 s alone, 8 ranks need 674 s, 16 ranks 354 s */
    assert_int_equal(nm_cluster_sensible(&example), 1);
    nm_cluster slow = example;
    slow.tile_s *= 10.0;
    slow.slow_tile_s *= 10.0;
    assert_int_equal(nm_cluster_sensible(&slow), 16);
}

static void few_tiles_feed_few(void **state)
{
    (void)state;
    nm_cluster cluster = example;
    cluster.n_tiles = 3;
    assert_int_equal(nm_cluster_fed(&cluster), 1);
    assert_int_equal(nm_cluster_useful(&cluster), 1);
    assert_int_equal(nm_cluster_sensible(&cluster), 1);
    cluster.n_tiles = 1;
    cluster.n_threads = 1;
    assert_int_equal(nm_cluster_useful(&cluster), 1);
    /* most_ranks bounds the search, not the answer of the model */
    cluster.n_tiles = INT64_MAX / 4;
    cluster.tile_s = 1e4;
    assert_int_equal(nm_cluster_useful(&cluster), NM_CLUSTER_MOST_RANKS);
}

static void leaves_a_margin(void **state)
{
    (void)state;
    assert_near(nm_cluster_limit(0.0), 300.0);
    assert_near(nm_cluster_limit(0.5), 360.0);
    assert_near(nm_cluster_limit(3600.0), 7500.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_what_ranks_wait_for),
        cmocka_unit_test(waits_for_the_disk),
        cmocka_unit_test(finds_how_many_are_worth_it),
        cmocka_unit_test(few_tiles_feed_few),
        cmocka_unit_test(leaves_a_margin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
