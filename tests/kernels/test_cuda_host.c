/* The CUDA entry without a GPU: entry_cuda.cu compiled for the host, its launch sequence run by hand, thread by thread,
 * gives the bits of the CPU kernel with one lane. */
#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nessmap/model_abi.h"

enum { N_TILES = 5, TILE_POINTS = 450, N_GUARD = 64, GUARD = 0x5a };

extern const nm_model nm_model_pump_leak, nm_model_driven_cycle;

typedef void (*gpu_kernel)(nm_batch batch);
typedef struct dim {
    unsigned x, y, z;
} dim;

/* entry_cuda.cu of one model */
typedef struct device {
    void *library;
    nm_gpu_sizes sizes;
    nm_task *task;
    dim *grid, *block, *block_index, *thread_index;
} device;

/* Tiles of one batch: neither side by side in the scan nor of one length. */
typedef struct layout {
    int64_t first[N_TILES], points[N_TILES];
} layout;
static const layout anywhere = {{123456789012, 17, 123456789462, 1000, 77777777777},
                                {TILE_POINTS, 449, 128, TILE_POINTS, 3}};

typedef struct results {
    char *payload[N_TILES]; /* each followed by N_GUARD bytes */
    int64_t n_follow[N_TILES];
} results;

/* In this order; kernels of `every` point have a thread for each, the others take from lists. */
static const struct step {
    const char *kernel;
    int every, of_auto, of_follow, rounds;
    int walks; /* 1: outputs of random walks; 2: trajectories */
} sequence[] = {
    {"nm_gpu_newton", 1, 1, 0, 0},
    {"nm_gpu_newton_more", 0, 1, 0, 0},
    {"nm_gpu_conclude", 1, 1, 0, 0},
    {"nm_gpu_judge", 0, 1, 0, 0},
    {"nm_gpu_everyone", 1, 0, 1, 0},
    {"nm_gpu_advance", 0, 1, 1, 1},
    {"nm_gpu_watch", 0, 1, 1, 1},
    {"nm_gpu_finish", 0, 1, 1, 1},
    {"nm_gpu_walk", 1, 1, 1, 0, 1},
    {"nm_gpu_walk_windows", 0, 1, 1, 0, 2},
    {"nm_gpu_walk_passages", 0, 1, 1, 0, 2},
    {"nm_gpu_walk_statistics", 1, 1, 1, 0, 2},
};
enum { N_STEPS = sizeof sequence / sizeof sequence[0] };

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
    char path[4096];
    const char *build = getenv("NESSMAP_BUILD");
    snprintf(path, sizeof path, "%s/kernels/%s_cuda_host.so", build ? build : ".", model->name);
    device d = {.library = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    if (!d.library) {
        fail_msg("%s", dlerror());
    }
    d.sizes = *(const nm_gpu_sizes *)find(d.library, "nm_gpu_sizes_of");
    assert_int_equal(d.sizes.abi, NM_ABI);
    assert_in_range(d.sizes.threads, 32, 1024);
    assert_in_range(d.sizes.zero, 1, d.sizes.fixed);
    d.task = find(d.library, "nm_gpu_task");
    d.grid = find(d.library, "gridDim");
    d.block = find(d.library, "blockDim");
    d.block_index = find(d.library, "blockIdx");
    d.thread_index = find(d.library, "threadIdx");
    return d;
}

/* number of a scalar output, or of all outputs for scalar = -1 */
static int output_number(const nm_model *model, int scalar)
{
    const int potentials = model->n_potentials, volumes = model->n_volumes,
              species = model->n_species, pairs = model->n_pairs, paths = model->n_paths,
              fuels = model->n_fuels, loops = model->n_loops, scalars = NM_N_SCALARS,
              observables = model->n_observables;
    const int is_walk = model->n_walk_states > 0, steps = is_walk ? paths : 0,
              walk_scalars = is_walk * NM_N_WALK_SCALARS, ssa_scalars = is_walk * NM_N_SSA_SCALARS,
              ssa_bins = is_walk * NM_SSA_BINS, turns = model->n_turns;
    int n = 0;
#define COUNT(tag, counted, prefix, unit, text)                                                    \
    if (strcmp(#tag, "scalar") == 0 && scalar >= 0) {                                              \
        return n + scalar;                                                                         \
    }                                                                                              \
    n += counted;
    NM_FAMILY_LIST(COUNT)
#undef COUNT
    return n;
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
    task.n_slots = output_number(model, -1);
    for (int i = 0; i < NM_MAX_OUTPUTS; i++) {
        task.slot[i] = i < task.n_slots ? (int16_t)(task.n_slots - 1 - i) : -1;
    }
    return task;
}

/* Without tau_fast no spectrum is asked for where Newton's own answer is certain: one output less, an odd number. */
static void leave_tau_fast(nm_task *task, const nm_model *model)
{
    int16_t *slot = &task->slot[output_number(model, NM_SCALAR_tau_fast)];
    for (int i = 0; i < NM_MAX_OUTPUTS; i++) {
        task->slot[i] = (int16_t)(task->slot[i] - (task->slot[i] > *slot));
    }
    *slot = -1;
    task->n_slots--;
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

/* Rings that turn, and trajectories of each: so many that lanes and threads take several. */
static nm_task walk_task(nm_mode mode)
{
    const nm_model *model = &nm_model_driven_cycle;
    nm_task task = make_task(model, mode, 0);
    vary(&task, model, NM_DIST_LOGUNIFORM, "k1f", 0.3, 3.0, 0.0);
    vary(&task, model, NM_DIST_LOGUNIFORM, "F_c", 3.0, 30.0, 0.0);
    task.stochastic = (nm_stochastic){
        .n_trajectories = 21, .cycle = 1, .time = 50.0, .jumps = 30.0, .entropy = 4.0, .bin = 0.5};
    return task;
}

/* values, zero or more bytes up to a multiple of 8, params, flags, outcome: plan.h */
static int64_t params_at(const nm_task *task, int64_t n)
{
    return (task->n_slots * n * (task->is_f32 ? 4 : 8) + 7) / 8 * 8;
}
static int64_t flags_at(const nm_task *task, int64_t n)
{
    return params_at(task, n) + task->n_stored * n * 8;
}
static int64_t outcome_at(const nm_task *task, int64_t n)
{
    return flags_at(task, n) + 2 * n;
}
static int64_t payload_bytes(const nm_task *task, int64_t n)
{
    return outcome_at(task, n) + n;
}

static char *guarded(int64_t bytes)
{
    char *buffer = malloc((size_t)bytes + N_GUARD);
    assert_non_null(buffer);
    memset(buffer, GUARD, (size_t)bytes + N_GUARD);
    return buffer;
}
static void check_guard(const char *what, const char *buffer, int64_t bytes)
{
    for (int64_t i = bytes; i < bytes + N_GUARD; i++) {
        if (buffer[i] != GUARD) {
            fail_msg("%s: byte %lld behind its end was written", what, (long long)(i - bytes));
        }
    }
}

static void free_results(results *r)
{
    for (int t = 0; t < N_TILES; t++) {
        free(r->payload[t]);
    }
}

static results run_cpu(const nm_model *model, const nm_task *task, const layout *tiles)
{
    results r;
    int k = 0;
    while (model->kernels[k].lanes != 1) {
        k++;
        assert_true(k < model->n_kernels);
    }
    for (int t = 0; t < N_TILES; t++) {
        const int64_t n = tiles->points[t];
        char *payload = r.payload[t] = guarded(payload_bytes(task, n));
        nm_tile tile = {.first = tiles->first[t],
                        .n = n,
                        .values = payload,
                        .params = (double *)(void *)(payload + params_at(task, n)),
                        .flags = (uint16_t *)(void *)(payload + flags_at(task, n)),
                        .outcome = (int8_t *)(payload + outcome_at(task, n))};
        assert_int_equal(model->kernels[k].run(task, &tile), 0);
        r.n_follow[t] = n - tile.n_newton;
    }
    return r;
}

static void launch(const device *d, const char *name, const nm_batch *batch, int64_t n_blocks,
                   unsigned n_threads)
{
    void *symbol = find(d->library, name);
    gpu_kernel kernel;
    memcpy(&kernel, &symbol, sizeof kernel);
    *d->grid = (dim){(unsigned)n_blocks, 1, 1};
    *d->block = (dim){n_threads, 1, 1};
    for (unsigned i = 0; i < n_blocks * n_threads; i++) {
        *d->block_index = (dim){i / n_threads, 0, 0};
        *d->thread_index = (dim){i % n_threads, 0, 0};
        kernel(*batch);
    }
}

/* n_spare: blocks more than the points need; n_persistent: blocks that take from lists */
static results run_device(const device *d, const nm_task *task, const layout *tiles,
                          int64_t n_spare, int64_t n_persistent, unsigned n_threads)
{
    const int64_t n = (int64_t)N_TILES * TILE_POINTS;
    const int64_t tile_bytes = (payload_bytes(task, TILE_POINTS) + N_GUARD + 255) / 256 * 256;
    const int64_t n_trajectories = task->stochastic.n_trajectories;
    const int64_t walk_bytes = d->sizes.walk + d->sizes.trajectory * n_trajectories;
    const int64_t scratch_bytes =
        d->sizes.fixed + (d->sizes.point + (n_trajectories > 0 ? walk_bytes : 0)) * n;
    unsigned long long n_follow[N_TILES] = {0};
    results r;
    char *scratch = guarded(scratch_bytes), *payloads = guarded(N_TILES * tile_bytes);
    memset(scratch, 0, (size_t)d->sizes.zero);
    nm_batch batch = {.n_tiles = N_TILES,
                      .tile_points = TILE_POINTS,
                      .tile_bytes = tile_bytes,
                      .first = tiles->first,
                      .points = tiles->points,
                      .results = payloads,
                      .n_follow = n_follow,
                      .scratch = scratch};
    *d->task = *task;
    for (int i = 0, round = 0; i < N_STEPS;) {
        const struct step *step = &sequence[i];
        if ((task->solver.mode == NM_MODE_AUTO ? step->of_auto : step->of_follow) &&
            (step->walks < 2 || n_trajectories > 0)) {
            batch.round = round;
            launch(d, step->kernel, &batch,
                   step->every ? (n + n_threads - 1) / n_threads + n_spare : n_persistent,
                   n_threads);
        }
        i++;
        if (step->rounds && !sequence[i].rounds && round < NM_ROUNDS - 1) {
            round++;
            while (sequence[i - 1].rounds) {
                i--;
            }
        }
    }
    check_guard("scratch", scratch, scratch_bytes);
    free(scratch);
    for (int t = 0; t < N_TILES; t++) { /* what lies between two tiles is not theirs */
        const int64_t bytes = payload_bytes(task, tiles->points[t]);
        r.payload[t] = guarded(bytes);
        r.n_follow[t] = (int64_t)n_follow[t];
        memcpy(r.payload[t], payloads + t * tile_bytes, (size_t)bytes);
        for (int64_t i = bytes; i < tile_bytes; i++) {
            assert_int_equal(payloads[t * tile_bytes + i], GUARD);
        }
    }
    check_guard("results", payloads, N_TILES * tile_bytes);
    free(payloads);
    return r;
}

/* items of one part of a payload: [..][n] of item_bytes each */
static void check_same(const char *what, int t, const char *a, const char *b, int64_t begin,
                       int64_t end, int64_t item_bytes, int64_t n)
{
    if (memcmp(a + begin, b + begin, (size_t)(end - begin)) == 0) {
        return;
    }
    int64_t at = -1, n_bad = 0;
    for (int64_t i = 0; i < (end - begin) / item_bytes; i++) {
        if (memcmp(a + begin + i * item_bytes, b + begin + i * item_bytes, (size_t)item_bytes) !=
            0) {
            at = at < 0 ? i : at;
            n_bad++;
        }
    }
    fail_msg("tile %d, %s: %lld items differ, first at [%lld][%lld]", t, what, (long long)n_bad,
             (long long)(at / n), (long long)(at % n));
}

static void check_same_results(const nm_task *task, const layout *tiles, const results *cuda,
                               const results *cpu)
{
    for (int t = 0; t < N_TILES; t++) {
        const int64_t n = tiles->points[t], width = task->is_f32 ? 4 : 8;
        const char *a = cuda->payload[t], *b = cpu->payload[t];
        check_same("parameters", t, a, b, params_at(task, n), flags_at(task, n), 8, n);
        check_same("outcomes", t, a, b, outcome_at(task, n), payload_bytes(task, n), 1, n);
        check_same("flags", t, a, b, flags_at(task, n), outcome_at(task, n), 2, n);
        check_same("values", t, a, b, 0, task->n_slots * n * width, width, n);
        check_same("bytes between", t, a, b, 0, payload_bytes(task, n), 1, n);
        assert_int_equal(cuda->n_follow[t], cpu->n_follow[t]);
        check_guard("a tile of the CPU", b, payload_bytes(task, n));
    }
}

/* Compares the two kernels on a layout; counts the outcomes, and the points with `flag`. */
static void compare_on(const layout *tiles, const nm_model *model, const nm_task *task,
                       const char *title, int64_t count[NM_N_OUTCOMES], int64_t *n_flagged,
                       unsigned flag)
{
    device d = open_device(model);
    results cpu = run_cpu(model, task, tiles);
    const struct {
        int64_t n_spare, n_persistent;
        unsigned n_threads;
    } grids[] = {{0, 3, (unsigned)d.sizes.threads}, {2, 1, 37}};
    for (size_t g = 0; g < sizeof grids / sizeof grids[0]; g++) {
        results cuda = run_device(&d, task, tiles, grids[g].n_spare, grids[g].n_persistent,
                                  grids[g].n_threads);
        check_same_results(task, tiles, &cuda, &cpu);
        free_results(&cuda);
    }
    int64_t n_points = 0, n_follow = 0;
    memset(count, 0, NM_N_OUTCOMES * sizeof count[0]);
    *n_flagged = 0;
    for (int t = 0; t < N_TILES; t++) {
        const int64_t n = tiles->points[t];
        n_points += n;
        n_follow += cpu.n_follow[t];
        for (int64_t i = 0; i < n; i++) {
            uint16_t flags;
            memcpy(&flags, cpu.payload[t] + flags_at(task, n) + 2 * i, sizeof flags);
            const int outcome = cpu.payload[t][outcome_at(task, n) + i];
            assert_in_range(outcome, 0, NM_N_OUTCOMES - 1);
            count[outcome]++;
            *n_flagged += (flags & flag) != 0;
        }
    }
    print_message("%s: %lld points, %d outputs equal; followed %lld, equilibrium %lld, NESS %lld, "
                  "growth %lld, depletion %lld, not converged %lld, flagged %lld\n",
                  title, (long long)n_points, task->n_slots, (long long)n_follow,
                  (long long)count[NM_OUTCOME_equilibrium], (long long)count[NM_OUTCOME_ness],
                  (long long)count[NM_OUTCOME_no_steady_state_growth],
                  (long long)count[NM_OUTCOME_no_steady_state_depletion],
                  (long long)count[NM_OUTCOME_not_converged], (long long)*n_flagged);
    free_results(&cpu);
    dlclose(d.library);
}
static void compare(const nm_model *model, const nm_task *task, const char *title,
                    int64_t count[NM_N_OUTCOMES], int64_t *n_flagged, unsigned flag)
{
    compare_on(&anywhere, model, task, title, count, n_flagged, flag);
}

static void test_cell_auto(void **state)
{
    (void)state;
    int64_t count[NM_N_OUTCOMES], n_audited;
    nm_task task = cell_task(NM_MODE_AUTO, 1);
    task.solver.audit = 0.1;
    for (int fast = 1; fast >= 0; fast--) {
        compare(&nm_model_pump_leak, &task,
                fast ? "pump_leak, auto, audited" : "pump_leak, auto, audited, without tau_fast",
                count, &n_audited, NM_FLAG_audited);
        assert_true(count[NM_OUTCOME_ness] > 300);
        assert_true(count[NM_OUTCOME_no_steady_state_growth] > 10);
        assert_in_range(n_audited, 75, 300);
        if (fast) {
            leave_tau_fast(&task, &nm_model_pump_leak);
        }
    }
}

static void test_cell_follow(void **state)
{
    (void)state;
    int64_t count[NM_N_OUTCOMES], n;
    nm_task task = cell_task(NM_MODE_FOLLOW, 0);
    compare(&nm_model_pump_leak, &task, "pump_leak, follow", count, &n, 0);
    assert_true(count[NM_OUTCOME_ness] > 300);
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

/* A table whose rows are good, outside of the domain, or no numbers at all: each row has the verdict that it has
 * without the others. */
static void test_bad_rows(void **state)
{
    (void)state;
    enum { N_ROWS = 3000 };
    static double leak[N_ROWS], bath[N_ROWS];
    const nm_model *model = &nm_model_pump_leak;
    const layout rows = {{0, 1000, 500, 2400, 2000}, {TILE_POINTS, 449, 128, TILE_POINTS, 3}};
    int64_t count[NM_N_OUTCOMES], n;
    for (int i = 0; i < N_ROWS; i++) {
        leak[i] = i % 11 == 0 ? NAN : i % 13 == 0 ? -1.0 : 0.01 * (i % 300);
        bath[i] = i % 17 == 0 ? INFINITY : i % 19 == 0 ? 0.0 : 3.0;
    }
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        nm_task task = make_task(model, (nm_mode)mode, 1);
        task.draw.n_points = N_ROWS;
        task.draw.n_columns = 2;
        task.draw.column_param[0] = param(model, "g_Na");
        task.draw.column[0] = leak;
        task.draw.column_param[1] = param(model, "K_o");
        task.draw.column[1] = bath;
        task.stored[task.n_stored++] = param(model, "g_Na");
        leave_tau_fast(&task, model);
        compare_on(&rows, model, &task,
                   mode == NM_MODE_AUTO ? "pump_leak, auto, bad rows"
                                        : "pump_leak, follow, bad rows",
                   count, &n, 0);
        assert_true(count[NM_OUTCOME_left_domain] > 200);
        assert_true(count[NM_OUTCOME_ness] > 200);
    }
}

static void test_cycle(void **state)
{
    (void)state;
    int64_t count[NM_N_OUTCOMES], n;
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        nm_task task = cycle_task((nm_mode)mode, mode == NM_MODE_FOLLOW);
        leave_tau_fast(&task, &nm_model_driven_cycle);
        compare(&nm_model_driven_cycle, &task,
                mode == NM_MODE_AUTO ? "driven_cycle, auto" : "driven_cycle, follow", count, &n, 0);
        assert_int_equal(count[NM_OUTCOME_ness], 2 * TILE_POINTS + 449 + 128 + 3);
    }
}

static void test_walks(void **state)
{
    (void)state;
    int64_t count[NM_N_OUTCOMES], n, n_finite = 0;
    for (int mode = NM_MODE_AUTO; mode <= NM_MODE_FOLLOW; mode++) {
        nm_task task = walk_task((nm_mode)mode);
        compare(&nm_model_driven_cycle, &task,
                mode == NM_MODE_AUTO ? "trajectories, auto" : "trajectories, follow", count, &n, 0);
        assert_int_equal(count[NM_OUTCOME_ness], 2 * TILE_POINTS + 449 + 128 + 3);
    }
    /* all of them were walked: next to nothing is missing */
    nm_task task = walk_task(NM_MODE_AUTO);
    results r = run_cpu(&nm_model_driven_cycle, &task, &anywhere);
    const double *values = (const double *)(const void *)r.payload[0];
    for (int64_t i = 0; i < task.n_slots * anywhere.points[0]; i++) {
        n_finite += values[i] - values[i] == 0.0;
    }
    assert_true((double)n_finite > 0.9 * (double)(task.n_slots * anywhere.points[0]));
    free_results(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cell_auto),     cmocka_unit_test(test_cell_follow),
        cmocka_unit_test(test_cell_extremes), cmocka_unit_test(test_cell_variants),
        cmocka_unit_test(test_bad_rows),      cmocka_unit_test(test_cycle),
        cmocka_unit_test(test_walks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
