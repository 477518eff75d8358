/* The tree of reductions: against its definition, against long sums, and on the device's kernels thread by thread.
 *
 * lanes: 1 */
#include "kernel_test.h"

#include <stdlib.h>
#include <ucontext.h>

#include "reduce.h"

/* --- a stand-in for a thread block: each thread a context of its own, switched at __syncthreads ------------ */

#define __global__
#define __launch_bounds__(threads)
#define __shared__ static
struct stand_in_dim {
    unsigned x;
};
static stand_in_dim gridDim, blockDim, blockIdx, threadIdx;
static nm_task nm_gpu_task;
static void wait_for_all();
#define __syncthreads() wait_for_all()
#include "reduce_gpu.h"

enum { STACK_BYTES = 64 << 10, N_THREADS = NM_REDUCE_THREADS };

static ucontext_t scheduler, threads[N_THREADS];
static char stacks[N_THREADS][STACK_BYTES];
static int is_running[N_THREADS];
static void (*current_kernel)(const nm_batch batch);
static const nm_batch *current_batch;
static bool is_backwards; /* in which order threads run between two __syncthreads: a missing one shows in one of them */

static void wait_for_all()
{
    const unsigned t = threadIdx.x;
    swapcontext(&threads[t], &scheduler);
    threadIdx.x = t;
}

static void run_thread()
{
    current_kernel(*current_batch);
    is_running[threadIdx.x] = 0;
}

static void launch(void (*kernel)(const nm_batch batch), const nm_batch *batch, int64_t n_blocks)
{
    current_kernel = kernel;
    current_batch = batch;
    gridDim.x = (unsigned)n_blocks;
    blockDim.x = N_THREADS;
    for (blockIdx.x = 0; blockIdx.x < gridDim.x; blockIdx.x++) {
        for (unsigned t = 0; t < N_THREADS; t++) {
            getcontext(&threads[t]);
            threads[t].uc_stack.ss_sp = stacks[t];
            threads[t].uc_stack.ss_size = STACK_BYTES;
            threads[t].uc_link = &scheduler;
            makecontext(&threads[t], run_thread, 0);
            is_running[t] = 1;
        }
        for (bool any = true; any;) {
            any = false;
            for (unsigned i = 0; i < N_THREADS; i++) {
                const unsigned t = is_backwards ? N_THREADS - 1 - i : i;
                if (is_running[t]) {
                    threadIdx.x = t;
                    swapcontext(&scheduler, &threads[t]);
                    any = true;
                }
            }
        }
    }
}

/* --- points ------------------------------------------------------------------------------------------------- */

enum { N_SLOTS = 4 };

struct points {
    nm_tile tile;
    char *results; /* laid out as a payload */
    int64_t bytes;
};

/* slot 0: all finite; 1: every third missing; 2: far from zero, with little spread; 3: nearly all missing */
static points make_points(int64_t n, uint64_t seed)
{
    points p = {};
    p.bytes = n * (N_SLOTS * 8 + 3);
    p.results = (char *)calloc(1, (size_t)p.bytes);
    p.tile.n = n;
    p.tile.values = p.results;
    p.tile.flags = (uint16_t *)(p.results + n * N_SLOTS * 8);
    p.tile.outcome = (int8_t *)(p.tile.flags + n);
    double *x = (double *)p.tile.values;
    for (int64_t i = 0; i < n; i++) {
        x[i] = random_between(&seed, -1.0, 1.0);
        x[n + i] = random_word(&seed) % 3 == 0 ? NAN : random_between(&seed, 0.0, 1e-8);
        x[2 * n + i] = 1e6 + random_between(&seed, -1e-3, 1e-3);
        x[3 * n + i] = random_word(&seed) % 97 == 0 ? random_between(&seed, 1.0, 2.0)
                       : random_word(&seed) % 2     ? INFINITY
                                                    : NAN;
        p.tile.outcome[i] = (int8_t)(random_word(&seed) % NM_N_OUTCOMES);
        p.tile.flags[i] = (uint16_t)(random_word(&seed) % 256);
    }
    return p;
}

struct record {
    nm_stat stat[N_SLOTS];
    int64_t counts[NM_N_COUNTS];
};
static_assert(sizeof(record) == NM_RECORD_BYTES(N_SLOTS), "a record has no gaps");

/* --- the definition, word by word ---------------------------------------------------------------------------- */

static nm_moments block_by_definition(const double *x, int64_t n, int64_t i, int64_t stride)
{
    if (stride == NM_BLOCK_POINTS) {
        return i < n ? nm_moments_of(x[i]) : nm_no_moments();
    }
    return nm_merge(block_by_definition(x, n, i, 2 * stride), block_by_definition(x, n, i + stride, 2 * stride));
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* blocks [first, end) of n points: the left of two children is the largest power of two that leaves something over */
static nm_moments cell_by_definition(const double *x, int64_t n, int64_t first, int64_t end)
{
    if (end - first == 1) {
        const int64_t left = n - first * NM_BLOCK_POINTS;
        return block_by_definition(x + first * NM_BLOCK_POINTS, least(left, NM_BLOCK_POINTS), 0, 1);
    }
    int64_t half = 1;
    while (2 * half < end - first) {
        half *= 2;
    }
    return nm_merge(cell_by_definition(x, n, first, first + half), cell_by_definition(x, n, first + half, end));
}

static int64_t n_blocks_of(int64_t n) { return (n + NM_BLOCK_POINTS - 1) / NM_BLOCK_POINTS; }

static void record_by_definition(record *r, const points *p, int64_t first, int64_t n)
{
    memset(r, 0, sizeof *r);
    for (int slot = 0; slot < N_SLOTS; slot++) {
        const double *x = (const double *)p->tile.values + slot * p->tile.n + first;
        nm_put_moments(&r->stat[slot], cell_by_definition(x, n, 0, n_blocks_of(n)));
    }
    for (int64_t i = first; i < first + n; i++) {
        r->counts[p->tile.outcome[i]]++;
        for (int bit = 0; bit < NM_N_FLAGS; bit++) {
            r->counts[NM_N_OUTCOMES + bit] += p->tile.flags[i] >> bit & 1;
        }
    }
}

/* --- the functions of the CPU ---------------------------------------------------------------------------------- */

static void record_by_cpu(record *r, nm_fold *fold, const points *p, int64_t first, int64_t n)
{
    record block;
    for (int64_t i = 0; i < n; i += NM_BLOCK_POINTS) {
        nm_reduce_block(&block, &p->tile, first + i, least(n - i, NM_BLOCK_POINTS), N_SLOTS);
        nm_fold_add(fold, &block);
    }
    nm_fold_end(fold, r);
}

static nm_fold make_fold()
{
    nm_fold fold = {};
    fold.n_slots = N_SLOTS;
    fold.records = (char *)malloc(NM_FOLD_LEVELS * sizeof(record));
    return fold;
}

static const int64_t lengths[] = {1,    2,    3,    5,    7,     8,     64,    127,   1000,   1023,  1024,
                                  1025, 2047, 2048, 3072, 5 * 1024, 7169, 65536, 70000, 131073};

static void follows_its_definition(void **)
{
    nm_fold fold = make_fold();
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        points p = make_points(lengths[k], k + 1);
        record found, wanted;
        record_by_definition(&wanted, &p, 0, lengths[k]);
        record_by_cpu(&found, &fold, &p, 0, lengths[k]);
        assert_memory_equal(&found, &wanted, sizeof found);
        free(p.results);
    }
    free(fold.records);
}

/* every full and every not quite full small block: the fast way without missing points and the general one */
static void fills_blocks_alike(void **)
{
    nm_fold fold = make_fold();
    points p = make_points(NM_BLOCK_POINTS, 77);
    for (int64_t n = 1; n <= 300; n++) {
        record found, wanted;
        record_by_definition(&wanted, &p, 300, n);
        record_by_cpu(&found, &fold, &p, 300, n);
        assert_memory_equal(&found, &wanted, sizeof found);
    }
    free(p.results);
    free(fold.records);
}

/* a cell in shares of 2^k blocks, each folded alone, gives the bits of the whole cell */
static void is_the_same_in_shares(void **)
{
    nm_fold fold = make_fold(), whole = make_fold();
    const int64_t n = 70000;
    points p = make_points(n, 5);
    record wanted, found, part;
    record_by_cpu(&wanted, &fold, &p, 0, n);
    for (int level = 0; level < 7; level++) {
        const int64_t share = (int64_t)NM_BLOCK_POINTS << level;
        for (int64_t first = 0; first < n; first += share) {
            const int64_t size = least(n - first, share);
            record_by_cpu(&part, &fold, &p, first, size);
            nm_fold_add(&whole, &part);
        }
        nm_fold_end(&whole, &found);
        assert_memory_equal(&found, &wanted, sizeof found);
    }
    /* no points at all */
    record empty;
    nm_fold_end(&whole, &found);
    nm_record_clear(&empty, N_SLOTS);
    assert_memory_equal(&found, &empty, sizeof found);
    nm_record_merge(&empty, &wanted, N_SLOTS);
    assert_memory_equal(&empty, &wanted, sizeof empty);
    nm_record_clear(&found, N_SLOTS);
    nm_record_merge(&wanted, &found, N_SLOTS);
    assert_memory_equal(&empty, &wanted, sizeof empty);
    free(p.results);
    free(fold.records);
    free(whole.records);
}

/* what is empty leaves the other as it is, to the bit, whatever its size */
static void leaves_alone_what_meets_nothing(void **)
{
    static const double values[] = {1e300, -1.7e308, -0.0, 0.0, 5e-324, 1.0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const nm_moments one = nm_moments_of(values[i]), none = nm_moments_of(i % 2 ? NAN : -INFINITY);
        const nm_moments after = nm_merge(one, none), before = nm_merge(none, one);
        assert_memory_equal(&after, &one, sizeof one);
        assert_memory_equal(&before, &one, sizeof one);
        double x[2][2] = {{values[i], NAN}, {INFINITY, values[i]}};
        for (int k = 0; k < 2; k++) {
            int8_t outcome[2] = {NM_OUTCOME_ness, NM_OUTCOME_ness};
            uint16_t flags[2] = {0, 0};
            nm_tile tile = {};
            tile.n = 2;
            tile.values = x[k];
            tile.outcome = outcome;
            tile.flags = flags;
            struct {
                nm_stat stat;
                int64_t counts[NM_N_COUNTS];
            } r;
            nm_reduce_block(&r, &tile, 0, 2, 1);
            const nm_moments found = nm_moments_in(&r.stat);
            assert_memory_equal(&found, &one, sizeof one);
        }
    }
    const nm_moments none = nm_no_moments(), both = nm_merge(none, none);
    assert_memory_equal(&both, &none, sizeof none);
}

/* mean and m2 against sums in long double; the tree loses no more than its height */
static void is_accurate(void **)
{
    nm_fold fold = make_fold();
    double worst_mean = 0.0, worst_m2 = 0.0;
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        const int64_t n = lengths[k];
        points p = make_points(n, 1000 + k);
        record r;
        record_by_cpu(&r, &fold, &p, 0, n);
        for (int slot = 0; slot < N_SLOTS; slot++) {
            const double *x = (const double *)p.tile.values + slot * n;
            long double sum = 0.0L, m2 = 0.0L, largest = 0.0L;
            double low = INFINITY, high = -INFINITY;
            int64_t count = 0;
            for (int64_t i = 0; i < n; i++) {
                if (isfinite(x[i])) {
                    count++;
                    sum += x[i];
                    largest = fmaxl(largest, fabsl(x[i]));
                    low = fmin(low, x[i]);
                    high = fmax(high, x[i]);
                }
            }
            const nm_stat *stat = &r.stat[slot];
            assert_int_equal(stat->n, count);
            assert_true(stat->min == low && stat->max == high);
            if (count == 0) {
                assert_true(stat->mean == 0.0 && stat->m2 == 0.0);
                continue;
            }
            const long double mean = sum / count;
            for (int64_t i = 0; i < n; i++) {
                m2 += isfinite(x[i]) ? (x[i] - mean) * (x[i] - mean) : 0.0L;
            }
            /* in roundings of the largest value, of m2, and of what a mean that is off by one rounding does to it */
            const double mean_error = (double)(fabsl(stat->mean - mean) / (largest * DBL_EPSILON));
            const double scale = (double)(m2 + sqrtl(m2 * count) * largest);
            worst_mean = fmax(worst_mean, mean_error);
            worst_m2 = fmax(worst_m2, scale > 0.0 ? (double)fabsl(stat->m2 - m2) / (scale * DBL_EPSILON) : 0.0);
            assert_true(count > 1 || stat->m2 == 0.0);
        }
        free(p.results);
    }
    printf("worst error of a mean: %.2g roundings of the largest value; of m2: %.2g\n", worst_mean, worst_m2);
    assert_true(worst_mean < 2.0);
    assert_true(worst_m2 < 2.0);
    free(fold.records);
}

/* --- the kernels of the device --------------------------------------------------------------------------------- */

/* A batch of tiles with `n_cells` whole cells each (the last one with fewer), or with a share of a cell each. */
static void check_device(int64_t cell_points, int64_t n_cells, int64_t last_points, int64_t part_points, uint64_t seed)
{
    enum { N_TILES = 3 };
    const int64_t tile_points = n_cells * part_points, blocks_per_part = n_blocks_of(part_points);
    const int64_t points_of[N_TILES] = {tile_points, tile_points, last_points};
    int64_t first_of[N_TILES] = {0, tile_points, 2 * tile_points};
    const int64_t stride = n_cells * (int64_t)sizeof(record) + NM_LOCATED * 8 + 40;
    points p[N_TILES];
    nm_batch batch = {};
    batch.n_tiles = N_TILES;
    batch.tile_points = tile_points;
    batch.tile_bytes = (tile_points * (N_SLOTS * 8 + 3) + 7) / 8 * 8;
    batch.first = first_of;
    batch.points = points_of;
    batch.results = (char *)calloc(N_TILES, (size_t)batch.tile_bytes);
    batch.parts_per_tile = n_cells;
    batch.blocks_per_part = blocks_per_part;
    batch.record_stride = stride;
    batch.records = (char *)malloc((size_t)(N_TILES * stride));
    batch.block_records = (char *)malloc((size_t)(N_TILES * n_cells * blocks_per_part) * sizeof(record));
    memset(batch.records, 0xa5, (size_t)(N_TILES * stride));
    memset(batch.block_records, 0x5a, (size_t)(N_TILES * n_cells * blocks_per_part) * sizeof(record));
    for (int t = 0; t < N_TILES; t++) {
        p[t] = make_points(points_of[t], seed + (uint64_t)t);
        for (int64_t i = 0; i < points_of[t] && seed % 2 == 1; i++) { /* few failures, far apart */
            p[t].tile.outcome[i] = (int8_t)(i % 761 == 700 ? NM_OUTCOME_left_domain : NM_OUTCOME_unstable);
        }
        memcpy(batch.results + t * batch.tile_bytes, p[t].results, (size_t)p[t].bytes);
    }
    nm_gpu_task.reduction.kind = NM_REDUCE_BINS;
    nm_gpu_task.reduction.group = 1;
    nm_gpu_task.n_slots = N_SLOTS;
    nm_gpu_task.reduction.n_slots = N_SLOTS;
    nm_gpu_task.reduction.cell_points = cell_points;
    nm_gpu_task.reduction.part_points = part_points;
    launch(nm_gpu_reduce_blocks, &batch, N_TILES * n_cells * blocks_per_part);
    launch(nm_gpu_reduce_cells, &batch, 1 + (int64_t)(seed % 3));
    launch(nm_gpu_locate, &batch, N_TILES);

    nm_fold fold = make_fold();
    for (int t = 0; t < N_TILES; t++) {
        int64_t n_parts = 0;
        for (int64_t at = 0; at < points_of[t]; at += part_points, n_parts++) {
            record wanted, found;
            const int64_t n = least(points_of[t] - at, part_points);
            record_by_cpu(&wanted, &fold, &p[t], at, n);
            memcpy(&found, batch.records + t * stride + n_parts * (int64_t)sizeof found, sizeof found);
            assert_memory_equal(&found, &wanted, sizeof found);
        }
        int64_t located[NM_LOCATED], at = n_parts * (int64_t)sizeof(record), n_located = 0;
        memcpy(located, batch.records + t * stride + at, sizeof located);
        for (int64_t i = 0; i < points_of[t] && n_located < NM_LOCATED; i++) {
            if (nm_indicator(NM_INDICATOR_failed, p[t].tile.outcome[i]) == 1.0) {
                assert_int_equal(located[n_located++], first_of[t] + i);
            }
        }
        for (int64_t i = n_located; i < NM_LOCATED; i++) {
            assert_int_equal(located[i], -1);
        }
        /* and nothing behind them */
        for (int64_t i = at + (int64_t)sizeof located; i < stride; i++) {
            assert_int_equal((unsigned char)batch.records[t * stride + i], 0xa5);
        }
        free(p[t].results);
    }
    free(fold.records);
    free(batch.results);
    free(batch.records);
    free(batch.block_records);
}

static void device_is_cpu(void **)
{
    for (int order = 0; order < 2; order++) {
        is_backwards = order == 1;
        check_device(1, 5, 3, 1, 1);
        check_device(2, 40, 38, 2, 2);
        check_device(100, 7, 100, 100, 3);
        check_device(1000, 2, 2000, 1000, 4);
        check_device(1024, 2, 1024, 1024, 5);
        check_device(1025, 3, 2 * 1025, 1025, 6);
        check_device(7169, 1, 7169, 7169, 7);
        /* shares of a cell of 10,000 points: the last one is shorter, and may be a single point */
        check_device(10000, 1, 10000 - 8192, 4096, 8);
        check_device(8193, 1, 1, 4096, 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_its_definition), cmocka_unit_test(fills_blocks_alike), cmocka_unit_test(is_the_same_in_shares),
        cmocka_unit_test(leaves_alone_what_meets_nothing), cmocka_unit_test(is_accurate), cmocka_unit_test(device_is_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
