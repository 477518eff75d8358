/* The same bytes for any number of lanes, any tile, any neighbours and any compiler. */
#include "kernel_test.h"

#include <stdlib.h>

#include "plan.h"

extern const nm_model nm_model_pump_leak, nm_model_driven_cycle;

#ifdef NM_HAS_OTHER_COMPILER
/* the kernel of pump_leak with four lanes, by the other of clang and gcc */
int nm_run_pump_leak_other_8(const nm_task *task, nm_tile *tile);
#endif

/* one run: everything that a kernel gives back, in one block of memory */
typedef struct results {
    int64_t n, n_followed;
    double *values, *params; /* [n_slots][n], [n_stored][n] */
    int8_t *outcome;
    uint16_t *flags;
} results;

static void *allocate(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);
    assert_non_null(p);
    memset(p, 0x5a, bytes ? bytes : 1);
    return p;
}

static results results_create(const nm_task *task, int64_t n)
{
    results r = {.n = n};
    r.values = allocate((size_t)n * (size_t)task->n_slots * sizeof(double));
    r.params = allocate((size_t)n * (size_t)task->n_stored * sizeof(double));
    r.outcome = allocate((size_t)n);
    r.flags = allocate((size_t)n * sizeof(uint16_t));
    return r;
}

static void results_destroy(results *r)
{
    free(r->values);
    free(r->params);
    free(r->outcome);
    free(r->flags);
}

/* points [first, first + n) in tiles of `tile_points`, put together */
static results solve(const nm_kernel *kernel, const nm_task *task, int64_t first, int64_t n,
                     int64_t tile_points)
{
    results all = results_create(task, n);
    for (int64_t start = 0; start < n; start += tile_points) {
        int64_t size = n - start < tile_points ? n - start : tile_points;
        results part = results_create(task, size);
        nm_tile tile = {.first = first + start,
                        .n = size,
                        .values = part.values,
                        .params = part.params,
                        .outcome = part.outcome,
                        .flags = part.flags};
        assert_int_equal(kernel->run(task, &tile), 0);
        assert_int_equal(tile.n_newton + tile.n_follow, size);
        all.n_followed += tile.n_follow;
        for (int slot = 0; slot < task->n_slots; slot++) {
            memcpy(all.values + slot * n + start, part.values + slot * size,
                   (size_t)size * sizeof(double));
        }
        for (int k = 0; k < task->n_stored; k++) {
            memcpy(all.params + k * n + start, part.params + k * size,
                   (size_t)size * sizeof(double));
        }
        memcpy(all.outcome + start, part.outcome, (size_t)size);
        memcpy(all.flags + start, part.flags, (size_t)size * sizeof(uint16_t));
        results_destroy(&part);
    }
    return all;
}

/* Compares points [first, first + some.n) of `all` with `some`; says what differs first. */
static void assert_same_bytes(const nm_task *task, const results *all, int64_t first,
                              const results *some, const char *what)
{
    for (int64_t i = 0; i < some->n; i++) {
        int64_t whole = first + i;
        for (int slot = 0; slot < task->n_slots; slot++) {
            const double *a = &all->values[slot * all->n + whole],
                         *b = &some->values[slot * some->n + i];
            if (memcmp(a, b, sizeof *a) != 0) {
                fail_msg("%s: point %lld, slot %d: %a and %a (outcomes %d, %d)", what,
                         (long long)whole, slot, *a, *b, all->outcome[whole], some->outcome[i]);
            }
        }
        for (int k = 0; k < task->n_stored; k++) {
            assert_memory_equal(&all->params[k * all->n + whole], &some->params[k * some->n + i],
                                sizeof(double));
        }
        if (all->outcome[whole] != some->outcome[i] || all->flags[whole] != some->flags[i]) {
            fail_msg("%s: point %lld: outcome %d, flags %x and outcome %d, flags %x", what,
                     (long long)whole, all->outcome[whole], all->flags[whole], some->outcome[i],
                     some->flags[i]);
        }
    }
}

/* every parameter drawn over its range, every output stored as double */
static void make_task(nm_task *task, const nm_model *model, const int *choice, int mode, int starts,
                      uint64_t seed)
{
    memset(task, 0, sizeof *task);
    task->abi = NM_ABI;
    task->solver = (nm_solver){.mode = mode, .starts = starts, .audit = 0.05, .rtol = 1e-6};
    for (int v = 0; v < model->n_variants; v++) {
        task->choice[v] = choice[v];
    }
    task->draw.seed = seed;
    task->draw.n_points = task->draw.n_draws = 1000000;
    task->draw.n_params = model->n_params;
    for (int i = 0; i < model->n_params; i++) {
        const nm_param_info *info = &model->params[i];
        task->draw.value[i] = info->dflt;
        if (info->low < info->high) {
            task->draw.random[task->draw.n_random++] =
                (nm_random){.dist = info->is_log ? NM_DIST_LOGUNIFORM : NM_DIST_UNIFORM,
                            .param = i,
                            .a = info->low,
                            .b = info->high};
        }
        task->stored[task->n_stored++] = i;
    }
    model->prepare_draw(&task->draw);
    nm_catalogue *catalogue = allocate(sizeof *catalogue);
    assert_int_equal(nm_catalogue_build(catalogue, model), NM_OK);
    memset(task->slot, -1, sizeof task->slot);
    for (int i = 0; i < catalogue->n; i++) {
        if (catalogue->output[i].name[0]) {
            task->slot[i] = (int16_t)task->n_slots++;
        }
    }
    assert_in_range(task->n_slots, 20, NM_MAX_OUTPUTS);
    free(catalogue);
}

typedef struct tally {
    int64_t n, n_followed, n_outcome[16], n_flagged;
} tally;

/* one task by all widths and tilings; `n` points, of which the first few also in small tiles and alone */
static void compare_all(tally *tally, const nm_model *model, const nm_task *task, int64_t n)
{
    const nm_kernel *wide = &model->kernels[0], *narrow = NULL;
    results reference = {0};
    for (int k = model->n_kernels - 1; k >= 0; k--) {
        char what[64];
        const nm_kernel *kernel = &model->kernels[k];
        if (kernel->lanes == 16 && !__builtin_cpu_supports("avx512dq")) {
            wide = &model->kernels[k + 1];
            continue;
        }
        results r = solve(kernel, task, 0, n, n);
        snprintf(what, sizeof what, "%s, %d lanes and 1", model->name, kernel->lanes);
        if (narrow) {
            assert_same_bytes(task, &reference, 0, &r, what);
            results_destroy(&r);
        } else {
            narrow = kernel;
            assert_int_equal(kernel->lanes, 1);
            reference = r;
        }
    }
    static const struct {
        int64_t tile, n;
    } tilings[] = {{1, 40}, {7, 300}, {1000, 1 << 20}};
    for (size_t t = 0; t < sizeof tilings / sizeof tilings[0]; t++) {
        char what[64];
        int64_t some = tilings[t].n < n ? tilings[t].n : n;
        if (tilings[t].tile >= n) {
            continue;
        }
        results r = solve(wide, task, 0, some, tilings[t].tile);
        snprintf(what, sizeof what, "%s, %d lanes, tiles of %lld", model->name, wide->lanes,
                 (long long)tilings[t].tile);
        assert_same_bytes(task, &reference, 0, &r, what);
        results_destroy(&r);
    }
#ifdef NM_HAS_OTHER_COMPILER
    if (model == &nm_model_pump_leak) {
        const nm_kernel other = {.lanes = 8, .run = nm_run_pump_leak_other_8};
        int64_t some = n < 300 ? n : 300;
        results r = solve(&other, task, 0, some, some);
        assert_same_bytes(task, &reference, 0, &r, "pump_leak by the other compiler");
        results_destroy(&r);
    }
#endif
    /* a tile that begins elsewhere: every point has other neighbours */
    if (n > 13) {
        results shifted = solve(wide, task, 13, n - 13, n);
        assert_same_bytes(task, &reference, 13, &shifted, "a tile that begins at point 13");
        results_destroy(&shifted);
    }
    for (int64_t i = 0; i < n; i++) {
        assert_in_range(reference.outcome[i], 0, 15);
        tally->n_outcome[(int)reference.outcome[i]]++;
        tally->n_flagged += reference.flags[i] != 0;
    }
    tally->n += n;
    tally->n_followed += reference.n_followed;
    results_destroy(&reference);
}

static void print_tally(const char *name, const tally *t)
{
    printf("%s: %lld sets, %lld followed, %lld with flags; outcomes", name, (long long)t->n,
           (long long)t->n_followed, (long long)t->n_flagged);
    for (int i = 0; i < 16; i++) {
        printf(" %lld", (long long)t->n_outcome[i]);
    }
    printf("\n");
}

static void sweep(const char *name, const nm_model *model, int mode, int starts,
                  int64_t per_combination)
{
    int choice[NM_MAX_VARIANTS] = {0};
    tally tally = {0};
    nm_task *task = allocate(sizeof *task);
    uint64_t seed = 1;
    for (int more = 1; more;) {
        make_task(task, model, choice, mode, starts, seed++);
        compare_all(&tally, model, task, per_combination);
        more = 0;
        for (int v = 0; v < model->n_variants && !more; v++) {
            more = ++choice[v] < model->variants[v].n_choices;
            if (!more) {
                choice[v] = 0;
            }
        }
    }
    print_tally(name, &tally);
    free(task);
}

static void pump_leak_by_auto(void **state)
{
    (void)state;
    sweep("pump_leak, auto", &nm_model_pump_leak, NM_MODE_AUTO, 1, 1111);
}

static void pump_leak_by_follow(void **state)
{
    (void)state;
    sweep("pump_leak, follow", &nm_model_pump_leak, NM_MODE_FOLLOW, 1, 151);
}

static void pump_leak_from_several_starts(void **state)
{
    (void)state;
    sweep("pump_leak, 3 starts", &nm_model_pump_leak, NM_MODE_AUTO, 3, 101);
}

static void driven_cycle(void **state)
{
    (void)state;
    sweep("driven_cycle, auto", &nm_model_driven_cycle, NM_MODE_AUTO, 1, 5003);
    sweep("driven_cycle, follow", &nm_model_driven_cycle, NM_MODE_FOLLOW, 1, 503);
    sweep("driven_cycle, 3 starts", &nm_model_driven_cycle, NM_MODE_AUTO, 3, 503);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pump_leak_by_auto),
        cmocka_unit_test(pump_leak_by_follow),
        cmocka_unit_test(pump_leak_from_several_starts),
        cmocka_unit_test(driven_cycle),
    };
#ifndef NM_HAS_OTHER_COMPILER
    printf("not run: kernels of gcc against those of clang: one of them was not found\n");
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
