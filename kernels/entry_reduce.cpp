/* Reduction on the CPU: what the host calls, with C linkage; see model_abi.h for the contracts.
 *
 *   1. a block   2. records   3. groups   4. the tree of a cell */
#include "draw.h"
#include "reduce.h"

/* --- 1. a block ------------------------------------------------------------------------------- */

namespace
{

/* Moments of the merged points, field by field, so that a compiler merges several at once. In the loops below `a` is
 * the first half of what is to be merged, `b` the second: entry i of `a` takes entry i of `b` in. */
enum { HALF_BLOCK = NM_BLOCK_POINTS / 2, N = 0, MEAN = HALF_BLOCK, M2 = 2 * HALF_BLOCK, MIN = 3 * HALF_BLOCK, MAX = 4 * HALF_BLOCK };

struct block {
    double x[NM_BLOCK_POINTS];     /* points; NaN behind the last one, which counts as none */
    double moments[5 * HALF_BLOCK];
};

/* First round, of points: as nm_merge of nm_moments_of, where b.n / n is 1/2 if it matters at all. */
void merge_points(double *__restrict out, const double *__restrict a, const double *__restrict b, int half)
{
    for (int i = 0; i < half; i++) {
        const nm_moments p = nm_moments_of(a[i]), q = nm_moments_of(b[i]);
        const bool no_p = p.n == 0.0, no_q = q.n == 0.0;
        const double d = q.mean - p.mean, mean = fma(d, 0.5, p.mean), m2 = fma(d * d, 0.5, 0.0);
        out[N + i] = p.n + q.n;
        out[MEAN + i] = no_q ? p.mean : no_p ? q.mean : mean;
        out[M2 + i] = no_p || no_q ? 0.0 : m2;
        out[MIN + i] = q.min < p.min ? q.min : p.min;
        out[MAX + i] = q.max > p.max ? q.max : p.max;
    }
}

void merge_halves(double *__restrict a, const double *__restrict b, int half)
{
    for (int i = 0; i < half; i++) {
        const nm_moments m = nm_merge({a[N + i], a[MEAN + i], a[M2 + i], a[MIN + i], a[MAX + i]},
                                      {b[N + i], b[MEAN + i], b[M2 + i], b[MIN + i], b[MAX + i]});
        a[N + i] = m.n;
        a[MEAN + i] = m.mean;
        a[M2 + i] = m.m2;
        a[MIN + i] = m.min;
        a[MAX + i] = m.max;
    }
}

/* The same two where no point is missing: every entry has `count` points, b.n / n is 1/2, and exact. */
void merge_full_points(double *__restrict out, const double *__restrict a, const double *__restrict b, int half)
{
    for (int i = 0; i < half; i++) {
        const double d = b[i] - a[i];
        out[MEAN + i] = fma(d, 0.5, a[i]);
        out[M2 + i] = fma(d * d, 0.5, 0.0);
        out[MIN + i] = b[i] < a[i] ? b[i] : a[i];
        out[MAX + i] = b[i] > a[i] ? b[i] : a[i];
    }
}

void merge_full_halves(double *__restrict a, const double *__restrict b, int half, double count)
{
    const double weight = 0.5 * count;
    for (int i = 0; i < half; i++) {
        const double d = b[MEAN + i] - a[MEAN + i];
        a[MEAN + i] = fma(d, 0.5, a[MEAN + i]);
        a[M2 + i] = fma(d * d, weight, a[M2 + i] + b[M2 + i]);
        a[MIN + i] = b[MIN + i] < a[MIN + i] ? b[MIN + i] : a[MIN + i];
        a[MAX + i] = b[MAX + i] > a[MAX + i] ? b[MAX + i] : a[MAX + i];
    }
}

/* Moments of x[n], 1 <= n <= NM_BLOCK_POINTS. */
nm_moments moments_of_block(block *block, const double *x, int n)
{
    int size = 1, n_finite = 0;
    while (size < n) {
        size *= 2;
    }
    if (size == 1) {
        return nm_moments_of(x[0]);
    }
    for (int i = 0; i < n; i++) {
        block->x[i] = x[i];
        n_finite += x[i] - x[i] == 0.0;
    }
    for (int i = n; i < size; i++) {
        block->x[i] = NM_NAN;
    }
    int half = size / 2;
    double *moments = block->moments;
    if (n_finite == size) {
        double count = 2.0;
        merge_full_points(moments, block->x, block->x + half, half);
        for (half /= 2; half >= 1; half /= 2, count *= 2.0) {
            merge_full_halves(moments, moments + half, half, count);
        }
        moments[N] = count;
    } else {
        merge_points(moments, block->x, block->x + half, half);
        for (half /= 2; half >= 1; half /= 2) {
            merge_halves(moments, moments + half, half);
        }
    }
    return {moments[N], moments[MEAN], moments[M2], moments[MIN], moments[MAX]};
}

} // namespace

/* --- 2. records ------------------------------------------------------------------------------- */

extern "C" void nm_record_clear(void *record, int n_slots)
{
    for (int slot = 0; slot < n_slots; slot++) {
        nm_put_moments(nm_record_stats(record) + slot, nm_no_moments());
    }
    memset(nm_record_counts(record, n_slots), 0, NM_N_COUNTS * sizeof(int64_t));
}

extern "C" void nm_record_merge(void *into, const void *more, int n_slots)
{
    int64_t *counts = nm_record_counts(into, n_slots);
    const int64_t *more_counts = (const int64_t *)((const nm_stat *)more + n_slots);
    for (int slot = 0; slot < n_slots; slot++) {
        nm_merge_stat(nm_record_stats(into) + slot, (const nm_stat *)more + slot);
    }
    for (int k = 0; k < NM_N_COUNTS; k++) {
        counts[k] += more_counts[k];
    }
}

extern "C" void nm_reduce_block(void *record, const nm_tile *points, int64_t offset, int64_t n,
                                int n_slots)
{
    block block;
    int64_t *counts = nm_record_counts(record, n_slots);
    const double *values = (const double *)points->values + offset;
    const int8_t *outcome = points->outcome + offset;
    const uint16_t *flags = points->flags + offset;
    for (int slot = 0; slot < n_slots; slot++) {
        nm_put_moments(nm_record_stats(record) + slot,
                       moments_of_block(&block, values + slot * points->n, (int)n));
    }
    memset(counts, 0, NM_N_COUNTS * sizeof(int64_t));
    for (int64_t i = 0; i < n; i++) {
        counts[outcome[i]]++;
    }
    for (int bit = 0; bit < NM_N_FLAGS; bit++) {
        int sum = 0;
        for (int64_t i = 0; i < n; i++) {
            sum += flags[i] >> bit & 1;
        }
        counts[NM_N_OUTCOMES + bit] = sum;
    }
}

/* --- 3. groups --------------------------------------------------------------------------------- */

extern "C" int64_t nm_group_room(const nm_reduction *r)
{
    return (int64_t)NM_BLOCK_POINTS * (r->group + r->n_inputs + 1);
}

namespace
{

/* Members of the groups, one array each, of one quantity: an output, or an indicator behind them. A group with a member
 * that has no value has none: NaN in all of its members. */
void gather(double *member, const nm_tile *points, int64_t offset, int64_t n, const nm_task *task, int quantity)
{
    const int group = task->reduction.group;
    const double *values = (const double *)points->values + quantity * points->n + offset;
    for (int64_t g = 0; g < n; g++) {
        bool is_whole = true;
        for (int m = 0; m < group; m++) {
            const int64_t i = g * group + m;
            double y = quantity < task->n_slots ? values[i]
                                                : nm_indicator(quantity - task->n_slots, points->outcome[offset + i]);
            member[m * NM_BLOCK_POINTS + g] = y;
            is_whole = is_whole && y - y == 0.0;
        }
        for (int m = 0; m < group && !is_whole; m++) {
            member[m * NM_BLOCK_POINTS + g] = NM_NAN;
        }
    }
}

/* what each coordinate steps by, from the first to the second point of each base */
void find_steps(double *step, const nm_tile *points, int64_t offset, int64_t n, const nm_task *task)
{
    const nm_draw *draw = &task->draw;
    for (int64_t g = 0; g < n; g++) {
        const nm_stand place = nm_find_stand(draw, points->first + offset + g * draw->group);
        for (int i = 0; i < draw->n_random; i++) {
            step[i * NM_BLOCK_POINTS + g] = nm_sobol_uniform(draw, &place, draw->n_random + i) -
                                            nm_sobol_uniform(draw, &place, i);
        }
    }
}

} // namespace

extern "C" void nm_reduce_groups(void *record, const nm_tile *points, int64_t offset, int64_t n,
                                 const nm_task *task, double *room)
{
    const nm_reduction *r = &task->reduction;
    double *member = room, *step = member + (int64_t)r->group * NM_BLOCK_POINTS,
           *x = step + (int64_t)r->n_inputs * NM_BLOCK_POINTS;
    block block;
    if (r->kind == NM_REDUCE_MORRIS) {
        find_steps(step, points, offset, n, task);
    }
    for (int q = 0; q < r->n_quantities; q++) {
        gather(member, points, offset, n, task, q);
        for (int v = 0; v < r->n_each; v++) {
            const nm_blend blend = nm_find_blend(r, v);
            const double *y = member + (int64_t)blend.member[0] * NM_BLOCK_POINTS;
            for (int64_t g = 0; g < n; g++) {
                x[g] = y[g];
            }
            for (int k = 1; k < blend.n; k++) {
                y = member + (int64_t)blend.member[k] * NM_BLOCK_POINTS;
                for (int64_t g = 0; g < n; g++) {
                    x[g] = fma(blend.weight[k], y[g], x[g]);
                }
            }
            for (int64_t g = 0; g < n && blend.step >= 0; g++) {
                x[g] = x[g] / step[(int64_t)blend.step * NM_BLOCK_POINTS + g];
            }
            for (int64_t g = 0; g < n && blend.is_size; g++) {
                x[g] = fabs(x[g]);
            }
            nm_put_moments(nm_record_stats(record) + q * r->n_each + v, moments_of_block(&block, x, (int)n));
        }
    }
    int64_t *counts = nm_record_counts(record, r->n_slots);
    memset(counts, 0, NM_N_COUNTS * sizeof(int64_t));
    for (int64_t i = offset; i < offset + n * r->group; i++) {
        counts[points->outcome[i]]++;
        for (int bit = 0; bit < NM_N_FLAGS; bit++) {
            counts[NM_N_OUTCOMES + bit] += points->flags[i] >> bit & 1;
        }
    }
}

/* --- 4. the tree of a cell ---------------------------------------------------------------------- */

extern "C" void nm_fold_add(nm_fold *fold, const void *record)
{
    const int64_t bytes = NM_RECORD_BYTES(fold->n_slots);
    memcpy(fold->records + fold->n * bytes, record, (size_t)bytes);
    fold->level[fold->n++] = 0;
    while (fold->n > 1 && fold->level[fold->n - 2] == fold->level[fold->n - 1]) {
        char *last = fold->records + --fold->n * bytes;
        nm_record_merge(last - bytes, last, fold->n_slots);
        fold->level[fold->n - 1]++;
    }
}

extern "C" void nm_fold_end(nm_fold *fold, void *record)
{
    const int64_t bytes = NM_RECORD_BYTES(fold->n_slots);
    while (fold->n > 1) {
        char *last = fold->records + --fold->n * bytes;
        nm_record_merge(last - bytes, last, fold->n_slots);
    }
    if (fold->n == 0) {
        nm_record_clear(record, fold->n_slots);
    } else {
        memcpy(record, fold->records, (size_t)bytes);
    }
    fold->n = 0;
}
