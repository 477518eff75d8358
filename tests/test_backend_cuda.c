/* The arithmetic around the CUDA backend, without a driver: sizes of batches, ranks on a node, busy times, the
 * timeline. Whole scans are in test_cuda_run.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cuda_batch.h"
#include "fake_model.h"
#include "files.h"
#include "local_rank.h"
#include "timeline.h"

/* --- sizes of batches --------------------------------------------------------------------------------------- */

static nm_plan plan;
static nm_config config;
static nm_cuda_device device;

static void make_scan(int64_t n_points, int n_slots, int is_f32)
{
    memset(&plan, 0, sizeof plan);
    memset(&config, 0, sizeof config);
    memset(&device, 0, sizeof device);
    plan.model = &nm_model_fake_cell;
    plan.config = &config;
    plan.task.n_slots = n_slots;
    plan.task.is_f32 = is_f32;
    plan.task.n_stored = 3;
    plan.n_points = n_points;
    nm_plan_cut_points(&plan, 0);
    device.plan = &plan;
    snprintf(device.info.name, sizeof device.info.name, "test GPU");
    device.sizes = (nm_gpu_sizes){.threads = 128, .zero = 64, .fixed = 256, .point = 700};
}

/* what a slot of n tiles takes, by the letter of struct nm_batch */
static double slot_bytes(int64_t n_tiles)
{
    return (double)n_tiles * (double)(nm_plan_points_bytes(&plan, plan.tile_points) + 3 * 8 +
                                      device.sizes.point * plan.tile_points) +
           (double)device.sizes.fixed;
}

static void batches_fit_what_is_free(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 255, 4096, 1000000, 100000000, INT64_C(10000000000)};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (double unused = 1e6; unused < 2e11; unused *= 1.9) {
            for (int n_devices = 1; n_devices <= 8; n_devices += 7) {
                make_scan(sizes[i], 13, 1);
                device.info.free_bytes = (size_t)unused;
                nm_cuda_shape shape;
                nm_status status = nm_cuda_shape_fit(&shape, &device, n_devices);
                if (status != NM_OK) {
                    /* nothing is refused that would fit with a reserve of a tenth */
                    assert_int_equal(status, NM_DEVICE);
                    assert_true(slot_bytes(1) > 0.9 * unused);
                    assert_non_null(strstr(nm_last_error(), "test GPU"));
                    assert_non_null(strstr(nm_last_error(), "--backend cpu"));
                    continue;
                }
                int64_t bytes = nm_cuda_shape_bytes(&shape, &device);
                assert_true(bytes >= (int64_t)(shape.n_slots * slot_bytes(shape.n_tiles)));
                assert_true((double)bytes < unused);
                assert_true(shape.n_slots >= 1 && shape.n_slots <= NM_CUDA_SLOTS);
                assert_true(shape.n_tiles >= 1);
                assert_true(shape.n_tiles * plan.tile_points <= 1 << 22);
                /* no more than the work, shared by all slots of all devices */
                assert_true((shape.n_tiles - 1) * shape.n_slots * n_devices < plan.n_tiles);
                /* and all of that where there is memory for it */
                if (unused > 1e11 && n_devices == 1 && sizes[i] >= 100000000) {
                    assert_int_equal(shape.n_slots, NM_CUDA_SLOTS);
                    assert_true(shape.n_tiles * plan.tile_points > 1 << 20);
                }
            }
        }
    }
}

static void a_limit_is_kept(void **state)
{
    (void)state;
    nm_cuda_shape shape;
    make_scan(100000000, 13, 1);
    device.info.free_bytes = (size_t)80e9;
    device.array_bytes = 10000000;
    for (int64_t limit = 200000000; limit < INT64_C(20000000000); limit *= 3) {
        config.device_memory_bytes = limit;
        assert_int_equal(nm_cuda_shape_fit(&shape, &device, 1), NM_OK);
        int64_t bytes = nm_cuda_shape_bytes(&shape, &device) + device.array_bytes;
        assert_true(bytes <= limit);
        /* most of it is used, until something else is the limit */
        assert_true(bytes > limit / 2 || shape.n_tiles * plan.tile_points > 1 << 20);
    }
    config.device_memory_bytes = 10000001;
    assert_int_equal(nm_cuda_shape_fit(&shape, &device, 1), NM_DEVICE);
    assert_non_null(strstr(nm_last_error(), "[limits] device_memory"));

    /* without a configuration there is no limit */
    plan.config = NULL;
    assert_int_equal(nm_cuda_shape_fit(&shape, &device, 1), NM_OK);
    assert_int_equal(shape.n_slots, NM_CUDA_SLOTS);
}

static void shrinking_halves_and_ends(void **state)
{
    (void)state;
    nm_cuda_shape shape;
    make_scan(100000000, 13, 1);
    device.info.free_bytes = (size_t)80e9;
    assert_int_equal(nm_cuda_shape_fit(&shape, &device, 1), NM_OK);
    int64_t n_tiles = shape.n_tiles;
    int n_steps = 0;
    while (nm_cuda_shape_shrink(&shape)) {
        if (n_tiles > 1) {
            assert_int_equal(shape.n_tiles, n_tiles / 2);
        }
        n_tiles = shape.n_tiles;
        n_steps++;
        assert_true(n_steps < 64);
    }
    assert_int_equal(shape.n_tiles, 1);
    assert_int_equal(shape.n_slots, 1);
}

static void cells_bring_their_records(void **state)
{
    (void)state;
    nm_cuda_shape shape;
    static const int64_t cells[] = {1, 10, 1000, 1024, 1025, 5000000};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        make_scan(0, 4, 0);
        plan.task.n_stored = 0;
        plan.n_points = cells[i] * 3000;
        nm_plan_cut_cells(&plan, NM_REDUCE_BINS, cells[i], 0);
        device.info.free_bytes = (size_t)80e9;
        assert_int_equal(nm_cuda_shape_fit(&shape, &device, 1), NM_OK);
        /* what comes back is the payload of a tile, and no point is left out of a part's blocks */
        assert_int_equal(shape.payload_bytes, nm_plan_tile_bytes(&plan, 0));
        assert_int_equal(shape.payload_bytes,
                         shape.parts_per_tile * NM_RECORD_BYTES(4) + NM_LOCATED * 8);
        assert_true(shape.parts_per_tile * plan.task.reduction.part_points >= plan.tile_points);
        assert_true(shape.blocks_per_part * NM_BLOCK_POINTS >= plan.task.reduction.part_points);
        assert_true((shape.blocks_per_part - 1) * NM_BLOCK_POINTS <
                    plan.task.reduction.part_points);
        assert_true(shape.result_bytes >= nm_plan_points_bytes(&plan, plan.tile_points));
    }
}

/* --- ranks -------------------------------------------------------------------------------------------------- */

static void clear_launchers(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_RANK",
                                        "OMPI_COMM_WORLD_LOCAL_SIZE",
                                        "MPI_LOCALRANKID",
                                        "MPI_LOCALNRANKS",
                                        "MV2_COMM_WORLD_LOCAL_RANK",
                                        "MV2_COMM_WORLD_LOCAL_SIZE",
                                        "PMI_LOCAL_RANK",
                                        "PMI_LOCAL_SIZE",
                                        "SLURM_LOCALID",
                                        "SLURM_NODEID",
                                        "SLURM_STEP_TASKS_PER_NODE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
}

/* rank = -1: of no use */
static void expect_slurm(const char *local, const char *node, const char *tasks, int rank,
                         int n_ranks)
{
    int got = -7, n = -7;
    clear_launchers();
    setenv("SLURM_LOCALID", local, 1);
    setenv("SLURM_NODEID", node, 1);
    setenv("SLURM_STEP_TASKS_PER_NODE", tasks, 1);
    assert_int_equal(nm_local_rank(&got, &n), rank >= 0);
    if (rank >= 0) {
        assert_int_equal(got, rank);
        assert_int_equal(n, n_ranks);
    }
}

static void ranks_are_read_from_launchers(void **state)
{
    (void)state;
    int rank, n;
    clear_launchers();
    assert_int_equal(nm_local_rank(&rank, &n), 0);
    expect_slurm("3", "0", "4(x2)", 3, 4);
    expect_slurm("2", "1", "4(x2)", 2, 4);
    expect_slurm("1", "2", "4(x2),3", 1, 3);
    expect_slurm("0", "4", "1,2(x3),8", 0, 8);
    expect_slurm("0", "0", "1", -1, 0);     /* alone on its node */
    expect_slurm("0", "2", "4(x2)", -1, 0); /* a node that is not there */
    expect_slurm("0", "0", "4(y2)", 0, 4);  /* the first number is enough here */
    expect_slurm("0", "1", "4(y2)", -1, 0);
    expect_slurm("0", "1", "4(x", -1, 0);
    expect_slurm("-1", "0", "4", -1, 0);
    expect_slurm("1x", "0", "4", -1, 0);
    expect_slurm("0", "0", "99999999999999999999", -1, 0);
    expect_slurm("0", "0", "", -1, 0);

    clear_launchers();
    setenv("PMI_LOCAL_RANK", "5", 1);
    assert_int_equal(nm_local_rank(&rank, &n), 0); /* of how many? */
    setenv("PMI_LOCAL_SIZE", "6", 1);
    assert_int_equal(nm_local_rank(&rank, &n), 1);
    assert_int_equal(rank, 5);
    assert_int_equal(n, 6);
    clear_launchers();
}

/* --- times -------------------------------------------------------------------------------------------------- */

static void busy_time_counts_once(void **state)
{
    (void)state;
    nm_busy busy = {0};
    assert_true(nm_busy_seconds(&busy) == 0.0);
    nm_busy_add(&busy, 4.0, 6.0);
    nm_busy_add(&busy, 1.0, 2.0);
    nm_busy_add(&busy, 1.5, 3.0);
    nm_busy_add(&busy, 5.0, 5.5);
    nm_busy_add(&busy, 8.0, 8.0);
    nm_busy_add(&busy, 9.0, 7.0);
    assert_true(nm_busy_seconds(&busy) == 4.0);
    nm_busy_add(&busy, 2.0, 4.0);
    assert_true(nm_busy_seconds(&busy) == 5.0);
    nm_busy_clear(&busy);

    /* many that touch stay one: memory is bounded by the gaps */
    for (int i = 0; i < 100000; i++) {
        int k = i ^ 5;
        nm_busy_add(&busy, k, k + 1.0);
    }
    assert_true(nm_busy_seconds(&busy) == 100000.0);
    assert_true(busy.capacity < 1000);
    nm_busy_clear(&busy);

    /* and many that are apart are all there */
    for (int i = 0; i < 10000; i++) {
        nm_busy_add(&busy, 2.0 * i, 2.0 * i + 1.0);
    }
    assert_true(nm_busy_seconds(&busy) == 10000.0);
    nm_busy_clear(&busy);
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) {
        n++;
    }
    return n;
}

static void a_timeline_is_a_trace(void **state)
{
    (void)state;
    char path[] = "timeline-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    nm_timeline *timeline = NULL;
    assert_int_equal(nm_timeline_open(&timeline, path), NM_OK);
    int a = nm_timeline_row(timeline, "GPU \"0\"", "compute");
    int b = nm_timeline_row(timeline, "GPU \"0\"", "copy");
    int c = nm_timeline_row(timeline, "CPU", "compute");
    assert_true(a != b && b != c && a != c);
    double now = nm_clock();
    nm_timeline_add(timeline, a, "tiles 0 to 3", now, now + 0.5);
    nm_timeline_add(timeline, b, "tiles 0 to 3", now + 0.5, now + 0.75);
    nm_timeline_add(timeline, c + 1, "of no row", now, now + 1.0);
    assert_int_equal(nm_timeline_close(&timeline), NM_OK);
    assert_null(timeline);

    char *text;
    size_t bytes;
    assert_int_equal(nm_file_read(&text, &bytes, path), NM_OK);
    assert_int_equal(count(text, "\"ph\":\"X\""), 2);
    assert_int_equal(count(text, "\"process_name\""), 2);
    assert_int_equal(count(text, "\"thread_name\""), 3);
    assert_int_equal(count(text, "GPU \\\"0\\\""), 1);
    assert_non_null(strstr(text, "\"dur\":500000.000"));
    assert_non_null(strstr(text, "\"dur\":250000.000"));
    assert_null(strstr(text, "of no row"));
    free(text);
    unlink(path);

    /* nobody asked for one */
    nm_timeline_add(NULL, nm_timeline_row(NULL, "a", "b"), "c", 0.0, 1.0);
    assert_int_equal(nm_timeline_close(&timeline), NM_OK);
    assert_int_equal(nm_timeline_open(&timeline, "no-such-folder/t.json"), NM_IO);
    assert_null(timeline);
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(nm_timeline_open(&timeline, "/dev/full"), NM_OK);
        assert_int_equal(nm_timeline_close(&timeline), NM_IO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_fit_what_is_free),
        cmocka_unit_test(a_limit_is_kept),
        cmocka_unit_test(shrinking_halves_and_ends),
        cmocka_unit_test(cells_bring_their_records),
        cmocka_unit_test(ranks_are_read_from_launchers),
        cmocka_unit_test(busy_time_counts_once),
        cmocka_unit_test(a_timeline_is_a_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
