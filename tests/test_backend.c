/* The CPU backend: every tile once, whatever the threads; kernels that this processor can run;
 * failures that arrive. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend.h"
#include "fake_model.h"

enum { N_TILES = 37, TILE_POINTS = 101 };

/* a source of tiles that counts, and fails on wish */
typedef struct recorder {
    pthread_mutex_t lock;
    int64_t next, fail_at;
    int n_done[N_TILES];
    int64_t n_points;
    double sum;
} recorder;

static int64_t next_tile(void *context)
{
    recorder *recorder = context;
    pthread_mutex_lock(&recorder->lock);
    int64_t i_tile = recorder->next < N_TILES ? recorder->next++ : -1;
    pthread_mutex_unlock(&recorder->lock);
    return i_tile;
}

static nm_status keep_tile(void *context, int64_t i_tile, void *payload, int64_t bytes,
                           const nm_tile_report *report)
{
    recorder *recorder = context;
    assert_true(bytes > 0);
    if (i_tile == recorder->fail_at) {
        return nm_fail(NM_IO, "tile %lld: the disk is full", (long long)i_tile);
    }
    pthread_mutex_lock(&recorder->lock);
    recorder->n_done[i_tile]++;
    recorder->n_points += report->n;
    const double *params = (const double *)((const char *)payload + (report->n * 4 + 7) / 8 * 8);
    for (int64_t i = 0; i < report->n; i++) {
        recorder->sum += params[i];
    }
    pthread_mutex_unlock(&recorder->lock);
    return NM_OK;
}

/* one float output and one stored parameter; tiles of an odd number of points */
static nm_plan *make_plan(void)
{
    nm_plan *plan = calloc(1, sizeof *plan);
    plan->model = &nm_model_fake_cell;
    plan->n_tiles = N_TILES;
    plan->tile_points = TILE_POINTS;
    plan->n_points = N_TILES * TILE_POINTS - 50;
    nm_task *task = &plan->task;
    task->abi = NM_ABI;
    task->n_slots = 1;
    task->is_f32 = 1;
    memset(task->slot, -1, sizeof task->slot);
    task->slot[0] = 0;
    task->n_stored = 1;
    task->stored[0] = NM_FAKE_K_o;
    task->draw.n_points = plan->n_points;
    task->draw.n_draws = plan->n_points;
    task->draw.n_params = NM_FAKE_N_PARAMS;
    task->draw.n_random = 1;
    task->draw.random[0] =
        (nm_random){.dist = NM_DIST_UNIFORM, .param = NM_FAKE_K_o, .a = 1.0, .b = 5.0};
    return plan;
}

static void every_tile_is_computed_once_whatever_the_threads(void **state)
{
    (void)state;
    const nm_backend *backend;
    assert_int_equal(nm_backend_choose(&backend, "cpu"), NM_OK);
    nm_plan *plan = make_plan();
    double expected = 0.0;
    for (int64_t i = 0; i < plan->n_points; i++) {
        double params[NM_MAX_PARAMS];
        nm_model_fake_cell.draw(&plan->task.draw, i, params);
        expected += params[NM_FAKE_K_o];
    }
    static const int threads[] = {1, 2, 7, 100};
    for (size_t k = 0; k < sizeof threads / sizeof threads[0]; k++) {
        recorder recorder = {.fail_at = -1};
        pthread_mutex_init(&recorder.lock, NULL);
        nm_tile_source source = {.context = &recorder, .next = next_tile, .done = keep_tile};
        nm_backend_options options = {.n_threads = threads[k], .lanes = 0};
        assert_int_equal(backend->run(plan, &options, &source), NM_OK);
        for (int i = 0; i < N_TILES; i++) {
            assert_int_equal(recorder.n_done[i], 1);
        }
        assert_int_equal(recorder.n_points, plan->n_points);
        assert_float_equal(recorder.sum, expected, 1e-9 * expected);
        pthread_mutex_destroy(&recorder.lock);
    }
    free(plan);
}

static void the_failure_of_a_thread_reaches_the_caller(void **state)
{
    (void)state;
    const nm_backend *backend;
    assert_int_equal(nm_backend_choose(&backend, "cpu"), NM_OK);
    nm_plan *plan = make_plan();
    for (int n_threads = 1; n_threads <= 4; n_threads++) {
        recorder recorder = {.fail_at = 5};
        pthread_mutex_init(&recorder.lock, NULL);
        nm_tile_source source = {.context = &recorder, .next = next_tile, .done = keep_tile};
        nm_backend_options options = {.n_threads = n_threads};
        nm_fail(NM_USAGE, "an older sentence");
        assert_int_equal(backend->run(plan, &options, &source), NM_IO);
        assert_string_equal(nm_last_error(), "tile 5: the disk is full");
        assert_true(recorder.n_points < plan->n_points);
        pthread_mutex_destroy(&recorder.lock);
    }
    free(plan);
}

static void a_kernel_that_fails_is_an_error(void **state)
{
    (void)state;
    const nm_backend *backend;
    assert_int_equal(nm_backend_choose(&backend, "cpu"), NM_OK);
    nm_plan *plan = make_plan();
    plan->task.abi = NM_ABI + 1; /* the kernel refuses it */
    recorder recorder = {.fail_at = -1};
    pthread_mutex_init(&recorder.lock, NULL);
    nm_tile_source source = {.context = &recorder, .next = next_tile, .done = keep_tile};
    nm_backend_options options = {.n_threads = 2};
    assert_int_equal(backend->run(plan, &options, &source), NM_MEMORY);
    assert_int_equal(recorder.n_points, 0);
    pthread_mutex_destroy(&recorder.lock);
    free(plan);
}

static void lanes_are_the_widest_allowed(void **state)
{
    (void)state;
    static const nm_kernel kernels[] = {{16, NULL}, {8, NULL}, {1, NULL}};
    nm_model model = nm_model_fake_cell;
    model.kernels = kernels;
    model.n_kernels = 3;
    const nm_kernel *kernel;
    assert_int_equal(nm_backend_cpu_kernel(&kernel, &model, 0), NM_OK);
    assert_int_equal(kernel->lanes, nm_backend_cpu_has_lanes(16) ? 16 : 8);
    assert_int_equal(nm_backend_cpu_kernel(&kernel, &model, 8), NM_OK);
    assert_int_equal(kernel->lanes, 8);
    assert_int_equal(nm_backend_cpu_kernel(&kernel, &model, 1), NM_OK);
    assert_int_equal(kernel->lanes, 1);
    assert_int_equal(nm_backend_cpu_kernel(&kernel, &model, 3), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "--lanes 3"));

    /* at most: a model without eight lanes is run with one */
    model.kernels = &kernels[2];
    model.n_kernels = 1;
    assert_int_equal(nm_backend_cpu_kernel(&kernel, &model, 8), NM_OK);
    assert_int_equal(kernel->lanes, 1);
    model.kernels = &kernels[1];
    assert_int_equal(nm_backend_cpu_kernel(&kernel, &model, 1), NM_USAGE);
}

static void backends_are_known_by_name(void **state)
{
    (void)state;
    const nm_backend *backend;
    nm_plan *plan = make_plan();
    nm_backend_report report = {0};
    nm_backend_options options = {.n_threads = 3, .lanes = 1, .report = &report};
    recorder recorder = {.fail_at = -1};
    assert_int_equal(nm_backend_choose(&backend, "auto"), NM_OK);
    assert_null(backend); /* it takes a plan to know */
    assert_int_equal(nm_backend_choose(&backend, NULL), NM_OK);
    assert_null(backend);
    /* kernels for a GPU are made from a model's text, which this one lacks */
    assert_int_equal(nm_backend_choose_for(&backend, plan, &options, NULL, &recorder), NM_OK);
    assert_string_equal(backend->name, "cpu");
    assert_int_equal(report.lanes, 1);
    assert_int_equal(report.n_threads, 3);
    int is_absent;
    assert_int_equal(nm_backend_choose(&backend, "cuda"), NM_OK);
    assert_int_equal(backend->check(plan, &options, &is_absent), NM_DEVICE);
    assert_non_null(strstr(nm_last_error(), "CUDA"));
    free(plan);
    assert_int_equal(nm_backend_choose(&backend, "gpu"), NM_USAGE);
    assert_true(nm_backend_cpu_threads(0) >= 1);
    assert_int_equal(nm_backend_cpu_threads(3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tile_is_computed_once_whatever_the_threads),
        cmocka_unit_test(the_failure_of_a_thread_reaches_the_caller),
        cmocka_unit_test(a_kernel_that_fails_is_an_error),
        cmocka_unit_test(lanes_are_the_widest_allowed),
        cmocka_unit_test(backends_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
