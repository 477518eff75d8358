/* The CUDA entry without a GPU: entry_cuda.cu compiled for the host, its kernel called thread by
 * thread, gives the bits of the CPU kernel with one lane. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nessmap/model_abi.h"

enum { N_POINTS = 2000, N_GUARD = 64, GUARD = 0x5a };

extern const nm_model nm_model_pump_leak, nm_model_driven_cycle;

typedef void (*cuda_kernel)(const nm_task *task, nm_tile tile, unsigned long long *n_newton);
typedef struct dim {
    unsigned x;
} dim;

/* entry_cuda.cu of one model */
typedef struct device {
    void *library;
    cuda_kernel kernel;
    dim *grid, *block, *block_index, *thread_index;
} device;

typedef struct results {
    char *values, *params, *outcome, *flags; /* each followed by N_GUARD bytes */
    int64_t n_newton;
} results;

static void *find(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (!symbol) {
        fail_msg("%s is missing: %s", name, dlerror());
    }
    return symbol;
}

static device open_device(const nm_model *model)
{
    char path[4096], name[256];
    const char *build = getenv("NESSMAP_BUILD");
    snprintf(path, sizeof path, "%s/kernels/%s_cuda_host.so", build ? build : ".", model->name);
    snprintf(name, sizeof name, "nm_cuda_%s", model->name);
    device d = {.library = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    if (!d.library) {
        fail_msg("%s", dlerror());
    }
    *(void **)&d.kernel = find(d.library, name);
    d.grid = find(d.library, "gridDim");
    d.block = find(d.library, "blockDim");
    d.block_index = find(d.library, "blockIdx");
    d.thread_index = find(d.library, "threadIdx");
    return d;
}

static int n_outputs(const nm_model *model)
{
    const int potentials = model->n_potentials, volumes = model->n_volumes,
              species = model->n_species, pairs = model->n_pairs, paths = model->n_paths,
              fuels = model->n_fuels, scalars = NM_N_SCALARS, observables = model->n_observables;
#define COUNT(tag, counted, prefix, unit, text) +counted
    return 0 NM_FAMILY_LIST(COUNT);
#undef COUNT
}

static int param(const nm_model *model, const char *name)
{
    for (int i = 0; i < model->n_params; i++) {
        if (strcmp(model->params[i].name, name) == 0) {
            return i;
        }
    }
    fail_msg("model %s has no parameter %s", model->name, name);
    return -1;
}

static void vary(nm_task *task, const nm_model *model, nm_dist dist, const char *name, double a,
                 double b, double c)
{
    nm_draw *draw = &task->draw;
    int i = param(model, name);
    draw->random[draw->n_random++] = (nm_random){.dist = dist, .param = i, .a = a, .b = b, .c = c};
    task->stored[task->n_stored++] = i;
    model->prepare_draw(draw);
}

/* All outputs of a model, in an order other than their numbers'. */
static nm_task make_task(const nm_model *model, nm_mode mode, int is_f32)
{
    nm_task task = {.abi = NM_ABI, .solver = {mode, 1, 0.0, 1e-4}, .is_f32 = is_f32};
    task.draw.seed = 20240229u;
    task.draw.n_points = INT64_C(1) << 40;
    task.draw.n_draws = 1;
    task.draw.n_params = model->n_params;
    for (int i = 0; i < model->n_params; i++) {
        task.draw.value[i] = model->params[i].dflt;
    }
    task.n_slots = n_outputs(model);
    for (int i = 0; i < NM_MAX_OUTPUTS; i++) {
        task.slot[i] = i < task.n_slots ? (int16_t)(task.n_slots - 1 - i) : -1;
    }
    return task;
}

static nm_task cell_task(nm_mode mode, int is_f32)
{
    const nm_model *model = &nm_model_pump_leak;
    nm_task task = make_task(model, mode, is_f32);
    vary(&task, model, NM_DIST_LOGUNIFORM, "g_Na", 0.01, 10.0, 0.0);
    vary(&task, model, NM_DIST_LOGUNIFORM, "g_K", 0.03, 10.0, 0.0);
    vary(&task, model, NM_DIST_LOGNORMAL, "g_Cl", 0.7, 0.5, 0.0);
    vary(&task, model, NM_DIST_LOGUNIFORM, "p_max", 1e-9, 1e-5, 0.0);
    vary(&task, model, NM_DIST_UNIFORM, "dG_ATP", -60000.0, 0.0, 0.0);
    vary(&task, model, NM_DIST_NORMAL, "T", 305.0, 5.0, 0.0);
    vary(&task, model, NM_DIST_TRIANGULAR, "z_X", -1.5, -0.7, -1.0);
    vary(&task, model, NM_DIST_UNIFORM, "K_o", 2.0, 8.0, 0.0);
    /* a neutral bath: Na_o = 150 - K_o */
    task.draw.n_ties = 1;
    task.draw.tie[0] = (nm_tie){.param = param(model, "Na_o"), .n_terms = 1, .constant = 150.0};
    task.draw.tie[0].term[0] = param(model, "K_o");
    task.draw.tie[0].coef[0] = -1.0;
    task.stored[task.n_stored++] = param(model, "Na_o");
    return task;
}

static nm_task cycle_task(nm_mode mode, int is_f32)
{
    const nm_model *model = &nm_model_driven_cycle;
    nm_task task = make_task(model, mode, is_f32);
    const char *names[] = {"k1f", "k1r", "k2f", "k2r", "F_c", "W_c", "C_tot"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        vary(&task, model, NM_DIST_LOGUNIFORM, names[i], 1e-3, 1e3, 0.0);
    }
    return task;
}

static int64_t value_bytes(const nm_task *task)
{
    return (int64_t)task->n_slots * N_POINTS * (task->is_f32 ? 4 : 8);
}

static char *guarded(int64_t bytes)
{
    char *buffer = malloc((size_t)bytes + N_GUARD);
    assert_non_null(buffer);
    memset(buffer, GUARD, (size_t)bytes + N_GUARD);
    return buffer;
}

static results make_results(const nm_task *task, nm_tile *tile)
{
    results r = {.values = guarded(value_bytes(task)),
                 .params = guarded((int64_t)task->n_stored * N_POINTS * 8),
                 .outcome = guarded(N_POINTS),
                 .flags = guarded(2 * N_POINTS)};
    *tile = (nm_tile){.first = 123456789012,
                      .n = N_POINTS,
                      .values = r.values,
                      .params = (double *)r.params,
                      .outcome = (int8_t *)r.outcome,
                      .flags = (uint16_t *)r.flags};
    return r;
}

static void free_results(results *r)
{
    free(r->values);
    free(r->params);
    free(r->outcome);
    free(r->flags);
}

static results run_cpu(const nm_model *model, const nm_task *task)
{
    nm_tile tile;
    results r = make_results(task, &tile);
    for (int i = 0; i < model->n_kernels; i++) {
        if (model->kernels[i].lanes == 1) {
            assert_int_equal(model->kernels[i].run(task, &tile), 0);
            r.n_newton = tile.n_newton;
            return r;
        }
    }
    fail_msg("model %s has no kernel of one lane", model->name);
    return r;
}

/* A grid that the number of points is no multiple of: the last threads have less to do, or
 * nothing. */
static results run_device(const device *d, const nm_task *task, unsigned n_blocks,
                          unsigned n_threads)
{
    nm_tile tile;
    results r = make_results(task, &tile);
    unsigned long long n_newton = 0;
    d->grid->x = n_blocks;
    d->block->x = n_threads;
    for (unsigned i = 0; i < n_blocks * n_threads; i++) {
        d->block_index->x = i / n_threads;
        d->thread_index->x = i % n_threads;
        d->kernel(task, tile, &n_newton);
    }
    r.n_newton = (int64_t)n_newton;
    return r;
}

static void check_same(const char *what, const char *a, const char *b, int64_t bytes,
                       int64_t item_bytes)
{
    if (memcmp(a, b, (size_t)bytes + N_GUARD) != 0) {
        int64_t i = 0, n = 0;
        while (a[i] == b[i]) {
            i++;
        }
        for (int64_t j = 0; j < bytes; j += item_bytes) {
            n += memcmp(a + j, b + j, (size_t)item_bytes) != 0;
        }
        fail_msg("%s: %lld items differ, first at [%lld][%lld]", what, (long long)n,
                 (long long)(i / item_bytes / N_POINTS), (long long)(i / item_bytes % N_POINTS));
    }
    for (int64_t i = bytes; i < bytes + N_GUARD; i++) {
        assert_int_equal(a[i], GUARD);
    }
}

/* returns the number of points with `outcome` after comparing the two kernels */
static void compare(const nm_model *model, const nm_task *task, const char *title,
                    int64_t count[NM_N_OUTCOMES], int64_t *n_flagged, unsigned flag)
{
    device d = open_device(model);
    results cpu = run_cpu(model, task);
    const unsigned grids[][2] = {{3, 37}, {40, 64}};
    for (size_t g = 0; g < sizeof grids / sizeof grids[0]; g++) {
        results cuda = run_device(&d, task, grids[g][0], grids[g][1]);
        check_same("parameters", cuda.params, cpu.params, (int64_t)task->n_stored * N_POINTS * 8,
                   8);
        check_same("outcomes", cuda.outcome, cpu.outcome, N_POINTS, 1);
        check_same("flags", cuda.flags, cpu.flags, 2 * N_POINTS, 2);
        check_same("values", cuda.values, cpu.values, value_bytes(task), task->is_f32 ? 4 : 8);
        assert_int_equal(cuda.n_newton, cpu.n_newton);
        free_results(&cuda);
    }
    memset(count, 0, NM_N_OUTCOMES * sizeof count[0]);
    *n_flagged = 0;
    for (int i = 0; i < N_POINTS; i++) {
        uint16_t flags;
        memcpy(&flags, cpu.flags + 2 * i, sizeof flags);
        assert_in_range(cpu.outcome[i], 0, NM_N_OUTCOMES - 1);
        count[(int)cpu.outcome[i]]++;
        *n_flagged += (flags & flag) != 0;
    }
    print_message("%s: %d points, %d outputs equal; by Newton %lld, equilibrium %lld, NESS %lld, "
                  "growth %lld, depletion %lld, not converged %lld, flagged %lld\n",
                  title, N_POINTS, task->n_slots, (long long)cpu.n_newton,
                  (long long)count[NM_OUTCOME_equilibrium], (long long)count[NM_OUTCOME_ness],
                  (long long)count[NM_OUTCOME_no_steady_state_growth],
                  (long long)count[NM_OUTCOME_no_steady_state_depletion],
                  (long long)count[NM_OUTCOME_not_converged], (long long)*n_flagged);
    free_results(&cpu);
    dlclose(d.library);
}

static void test_cell_auto(void **state)
{
    (void)state;
    int64_t count[NM_N_OUTCOMES], n_audited;
    nm_task task = cell_task(NM_MODE_AUTO, 1);
    task.solver.audit = 0.1;
    compare(&nm_model_pump_leak, &task, "pump_leak, auto, audited", count, &n_audited,
            NM_FLAG_audited);
    assert_true(count[NM_OUTCOME_ness] > N_POINTS / 4);
    assert_true(count[NM_OUTCOME_no_steady_state_growth] > 10);
    assert_in_range(n_audited, N_POINTS / 20, N_POINTS / 5);
}

static void test_cell_follow(void **state)
{
    (void)state;
    int64_t count[NM_N_OUTCOMES], n;
    nm_task task = cell_task(NM_MODE_FOLLOW, 0);
    compare(&nm_model_pump_leak, &task, "pump_leak, follow", count, &n, 0);
    assert_true(count[NM_OUTCOME_ness] > N_POINTS / 4);
    assert_true(count[NM_OUTCOME_no_steady_state_growth] > 10);
}

/* Far-out cells, followed at a loose tolerance: one of them grows so that it is settled in the last
 * round only. */
static void test_cell_extremes(void **state)
{
    (void)state;
    const nm_model *model = &nm_model_pump_leak;
    int64_t count[NM_N_OUTCOMES], n;
    nm_task task = make_task(model, NM_MODE_AUTO, 0);
    vary(&task, model, NM_DIST_UNIFORM, "Na_o", 20.0, 450.0, 0.0);
    vary(&task, model, NM_DIST_LOGUNIFORM, "K_o", 0.5, 60.0, 0.0);
    vary(&task, model, NM_DIST_UNIFORM, "z_X", -3.0, 0.5, 0.0);
    vary(&task, model, NM_DIST_LOGUNIFORM, "N_X", 1e-5, 1e-1, 0.0);
    vary(&task, model, NM_DIST_LOGUNIFORM, "P_f", 1e-6, 5e-4, 0.0);
    vary(&task, model, NM_DIST_LOGUNIFORM, "g_Na", 0.01, 3.0, 0.0);
    vary(&task, model, NM_DIST_LOGUNIFORM, "g_K", 0.05, 30.0, 0.0);
    vary(&task, model, NM_DIST_LOGUNIFORM, "g_Cl", 0.02, 30.0, 0.0);
    vary(&task, model, NM_DIST_LOGUNIFORM, "p_max", 1e-11, 1e-5, 0.0);
    vary(&task, model, NM_DIST_UNIFORM, "kappa_r", 0.0, 2.0, 0.0);
    vary(&task, model, NM_DIST_UNIFORM, "dG_ATP", -65000.0, -20000.0, 0.0);
    task.draw.n_ties = 1;
    task.draw.tie[0] = (nm_tie){.param = param(model, "Cl_o"), .n_terms = 2};
    task.draw.tie[0].term[0] = param(model, "Na_o");
    task.draw.tie[0].term[1] = param(model, "K_o");
    task.draw.tie[0].coef[0] = task.draw.tie[0].coef[1] = 1.0;
    task.solver.mode = NM_MODE_FOLLOW;
    task.solver.rtol = 1e-2;
    for (int pump = 0; pump < 2; pump++) {
        task.choice[1] = pump;
        compare(model, &task,
                pump ? "pump_leak, follow, extremes, hill" : "pump_leak, follow, extremes, rev",
                count, &n, 0);
        assert_true(count[NM_OUTCOME_ness] > 10);
        assert_true(count[NM_OUTCOME_no_steady_state_growth] > 10);
    }
}

/* GHK, a constant pump, an electroneutral membrane, several starts */
static void test_cell_variants(void **state)
{
    (void)state;
    int64_t count[NM_N_OUTCOMES], n;
    nm_task task = cell_task(NM_MODE_AUTO, 0);
    task.choice[0] = 1;
    task.choice[1] = 2;
    task.choice[2] = 1;
    task.solver.starts = 3;
    compare(&nm_model_pump_leak, &task, "pump_leak, ghk, const, electroneutral, three starts",
            count, &n, 0);
    assert_true(count[NM_OUTCOME_ness] > 10);
}

static void test_cycle(void **state)
{
    (void)state;
    int64_t count[NM_N_OUTCOMES], n;
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        nm_task task = cycle_task((nm_mode)mode, mode == NM_MODE_FOLLOW);
        compare(&nm_model_driven_cycle, &task,
                mode == NM_MODE_AUTO ? "driven_cycle, auto" : "driven_cycle, follow", count, &n, 0);
        assert_int_equal(count[NM_OUTCOME_ness], N_POINTS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cell_auto),
        cmocka_unit_test(test_cell_follow),
        cmocka_unit_test(test_cell_extremes),
        cmocka_unit_test(test_cell_variants),
        cmocka_unit_test(test_cycle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
