/* Reduction on the device: results of a batch -> a record for each block -> a record for each part of a tile.
 *
 * Included by project_gpu.h at the end of entry_cuda.cu. The same tree as on the CPU (reduce.h): thread t carries the points t, t + 128,
 * ..., t + 896 of a block, so that the first three rounds need no other thread and neighbours read neighbours. */
#ifndef NESSMAP_REDUCE_GPU_H
#define NESSMAP_REDUCE_GPU_H

#include "draw.h"
#include "reduce.h"

enum {
    NM_REDUCE_THREADS = 128, /* of a block of nm_gpu_reduce_blocks */
    NM_REDUCE_POINTS = NM_BLOCK_POINTS / NM_REDUCE_THREADS,
    NM_MOST_GROUP = 2 * NM_MAX_RANDOM + 2,
    NM_COUNT_BITS = 21, /* a count of a block is at most its points, so that several share a word */
    NM_COUNTS_IN_WORD = 64 / NM_COUNT_BITS,
    NM_COUNT_WORDS = (NM_N_COUNTS + NM_COUNTS_IN_WORD - 1) / NM_COUNTS_IN_WORD
};
static_assert(NM_BLOCK_POINTS * NM_MOST_GROUP < 1 << NM_COUNT_BITS, "a count fits its bits");
static_assert((NM_REDUCE_POINTS & (NM_REDUCE_POINTS - 1)) == 0, "a thread has a power of two of points");

/* points of a part of a tile that are there */
struct nm_part {
    int64_t first, n; /* in the tile; n may be 0 or less */
    int64_t tile;
};
NM_FN nm_part nm_find_part(const nm_batch *batch, int64_t number)
{
    nm_part part;
    const int64_t most = nm_gpu_task.reduction.part_points;
    part.tile = number / batch->parts_per_tile;
    part.first = number % batch->parts_per_tile * most;
    part.n = part.tile < batch->n_tiles ? batch->points[part.tile] - part.first : 0;
    part.n = part.n < most ? part.n : most;
    return part;
}

/* one statistic of groups, as nm_reduce_groups on the CPU takes it */
struct nm_group_look {
    nm_blend blend;
    const double *values;   /* of its quantity; NULL: an indicator of the outcome */
    const int8_t *outcome;
    int indicator;
};
NM_FN nm_group_look nm_look_at_group(const nm_task *task, const double *values, const int8_t *outcome, int64_t points,
                                     int slot)
{
    const nm_reduction *r = &task->reduction;
    const int quantity = slot / r->n_each;
    nm_group_look look;
    look.blend = nm_find_blend(r, slot % r->n_each);
    look.values = quantity < task->n_slots ? values + quantity * points : NULL;
    look.outcome = outcome;
    look.indicator = quantity - task->n_slots;
    return look;
}
/* Of the group from point `at` of its tile on; NaN where a member has no value. A function, for it is asked for at many
 * places, and mostly there are no groups. */
NM_LEAF double nm_group_value(const nm_batch *batch, const nm_part *part, int slot, int64_t at)
{
    const nm_task *task = &nm_gpu_task;
    const int64_t points = batch->points[part->tile];
    const double *values = (const double *)(batch->results + part->tile * batch->tile_bytes);
    const uint16_t *flags = (const uint16_t *)(values + (task->n_slots + task->n_stored) * points);
    const nm_group_look look = nm_look_at_group(task, values, (const int8_t *)(flags + points), points, slot);
    double x = 0.0;
    for (int m = 0; m < task->reduction.group && look.values; m++) {
        const double y = look.values[at + m];
        if (!(y - y == 0.0)) { return NM_NAN; }
    }
    for (int k = 0; k < look.blend.n; k++) {
        const int64_t i = at + look.blend.member[k];
        const double y = look.values ? look.values[i] : nm_indicator(look.indicator, look.outcome[i]);
        x = k == 0 ? y : fma(look.blend.weight[k], y, x);
    }
    if (look.blend.step >= 0) {
        const nm_stand place = nm_find_stand(&task->draw, batch->first[part->tile] + at);
        const int i = look.blend.step;
        x = x / (nm_sobol_uniform(&task->draw, &place, task->draw.n_random + i) - nm_sobol_uniform(&task->draw, &place, i));
    }
    return look.blend.is_size ? fabs(x) : x;
}

/* The values FROM, FROM + STEP, ... of a thread, whose first three rounds pair those that are furthest apart; depth first,
 * so that few moments wait in registers. */
template <int FROM, int STEP> NM_FN nm_moments nm_fold_own(const double *own)
{
    if constexpr (STEP == NM_REDUCE_POINTS) {
        return nm_moments_of(own[FROM]);
    } else {
        const nm_moments first = nm_fold_own<FROM, 2 * STEP>(own);
        return nm_merge<true>(first, nm_fold_own<FROM + STEP, 2 * STEP>(own));
    }
}

/* One thread block for each block of points: n_tiles * parts_per_tile * blocks_per_part of them, with NM_REDUCE_THREADS
 * threads. Blocks without points write nothing. */
extern "C" __global__ void __launch_bounds__(NM_REDUCE_THREADS) nm_gpu_reduce_blocks(const nm_batch batch)
{
    __shared__ nm_moments shared[NM_REDUCE_THREADS / 2];
    __shared__ uint64_t shared_counts[NM_COUNT_WORDS][NM_REDUCE_THREADS / 2];
    const int n_slots = nm_gpu_task.reduction.n_slots, t = (int)threadIdx.x;
    const int64_t number = blockIdx.x, i_block = number % batch.blocks_per_part;
    const nm_part part = nm_find_part(&batch, number / batch.blocks_per_part);
    const int group = nm_gpu_task.reduction.group;
    const int64_t left = part.n / group - i_block * NM_BLOCK_POINTS;
    if (left <= 0) { return; } /* of all its threads alike */
    const int n = left < NM_BLOCK_POINTS ? (int)left : (int)NM_BLOCK_POINTS;

    const int64_t points = batch.points[part.tile], at = part.first + i_block * NM_BLOCK_POINTS * group;
    const double *values = (const double *)(batch.results + part.tile * batch.tile_bytes);
    const uint16_t *flags = (const uint16_t *)(values + (nm_gpu_task.n_slots + nm_gpu_task.n_stored) * points);
    const int8_t *outcome = (const int8_t *)(flags + points);
    char *record = batch.block_records + number * NM_RECORD_BYTES(n_slots);

    for (int slot = 0; slot < n_slots; slot++) {
        const double *x = values + slot * points + at;
        double own[NM_REDUCE_POINTS];
        NM_UNROLL
        for (int k = 0; k < NM_REDUCE_POINTS; k++) {
            const int i = t + k * NM_REDUCE_THREADS;
            own[k] = i >= n ? NM_NAN : group == 1 ? x[i] : nm_group_value(&batch, &part, slot, at + (int64_t)i * group);
        }
        nm_moments m = nm_fold_own<0, 1>(own);
        for (int half = NM_REDUCE_THREADS / 2; half >= 1; half /= 2) {
            if (t >= half && t < 2 * half) { shared[t - half] = m; }
            __syncthreads();
            if (t < half) { m = nm_merge<true>(m, shared[t]); }
            __syncthreads();
        }
        if (t == 0) { nm_put_moments(nm_record_stats(record) + slot, m); }
    }

    /* whole numbers, whose order is of no matter */
    uint64_t counts[NM_COUNT_WORDS] = {};
    for (int i = t; i < n * group; i += NM_REDUCE_THREADS) {
        NM_UNROLL
        for (int k = 0; k < NM_N_COUNTS; k++) {
            const bool is_counted = k < NM_N_OUTCOMES ? outcome[at + i] == k : (flags[at + i] >> (k - NM_N_OUTCOMES) & 1) != 0;
            counts[k / NM_COUNTS_IN_WORD] += (uint64_t)is_counted << (k % NM_COUNTS_IN_WORD * NM_COUNT_BITS);
        }
    }
    for (int half = NM_REDUCE_THREADS / 2; half >= 1; half /= 2) {
        NM_UNROLL
        for (int w = 0; w < NM_COUNT_WORDS; w++) {
            if (t >= half && t < 2 * half) { shared_counts[w][t - half] = counts[w]; }
        }
        __syncthreads();
        NM_UNROLL
        for (int w = 0; w < NM_COUNT_WORDS; w++) {
            if (t < half) { counts[w] += shared_counts[w][t]; }
        }
        __syncthreads();
    }
    if (t > 0) { return; }
    NM_UNROLL
    for (int k = 0; k < NM_N_COUNTS; k++) {
        const uint64_t word = counts[k / NM_COUNTS_IN_WORD] >> (k % NM_COUNTS_IN_WORD * NM_COUNT_BITS);
        nm_record_counts(record, n_slots)[k] = (int64_t)(word & ((1 << NM_COUNT_BITS) - 1));
    }
}

/* Folds the block records of each part into the record of the part, in place: after the round of `stride`, entry i
 * holds the blocks [i, i + 2 stride), which is the aligned tree. Any grid: one thread takes a slot, or the counts, of a
 * part at a time, so n_tiles * parts_per_tile * (n_slots + 1) threads share the work best. */
extern "C" __global__ void __launch_bounds__(NM_REDUCE_THREADS) nm_gpu_reduce_cells(const nm_batch batch)
{
    const int n_slots = nm_gpu_task.reduction.n_slots;
    const int64_t record_bytes = NM_RECORD_BYTES(n_slots), n_jobs = n_slots + 1;
    const int64_t n_all = batch.n_tiles * batch.parts_per_tile * n_jobs, step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t job = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; job < n_all; job += step) {
        const int64_t number = job / n_jobs;
        const int slot = (int)(job % n_jobs);
        const nm_part part = nm_find_part(&batch, number);
        if (part.n <= 0) { continue; }
        const int64_t n_blocks = (part.n / nm_gpu_task.reduction.group + NM_BLOCK_POINTS - 1) / NM_BLOCK_POINTS;
        char *blocks = batch.block_records + number * batch.blocks_per_part * record_bytes;
        char *record = batch.records + part.tile * batch.record_stride + number % batch.parts_per_tile * NM_WHOLE_RECORD_BYTES(&nm_gpu_task.reduction);
        if (slot < n_slots) {
            for (int64_t stride = 1; stride < n_blocks; stride *= 2) {
                for (int64_t i = 0; i + stride < n_blocks; i += 2 * stride) {
                    nm_merge_stat(nm_record_stats(blocks + i * record_bytes) + slot,
                                  nm_record_stats(blocks + (i + stride) * record_bytes) + slot);
                }
            }
            nm_record_stats(record)[slot] = nm_record_stats(blocks)[slot];
            continue;
        }
        for (int k = 0; k < NM_N_COUNTS; k++) {
            int64_t sum = 0;
            for (int64_t i = 0; i < n_blocks; i++) { sum += nm_record_counts(blocks + i * record_bytes, n_slots)[k]; }
            nm_record_counts(record, n_slots)[k] = sum;
        }
    }
}

/* A block of threads for each tile: its lowest failed points, in order, behind its records. */
extern "C" __global__ void __launch_bounds__(NM_REDUCE_THREADS) nm_gpu_locate(const nm_batch batch)
{
    enum { EACH = 32 }; /* neighbours that a thread looks at */
    __shared__ int shared[NM_REDUCE_THREADS];
    const int t = (int)threadIdx.x;
    const int64_t tile = blockIdx.x;
    if (tile >= batch.n_tiles) { return; } /* of all its threads alike */
    const int64_t n = batch.points[tile], most = nm_gpu_task.reduction.part_points, n_parts = n > most ? n / most : 1;
    const double *values = (const double *)(batch.results + tile * batch.tile_bytes);
    const uint16_t *flags = (const uint16_t *)(values + (nm_gpu_task.n_slots + nm_gpu_task.n_stored) * n);
    const int8_t *outcome = (const int8_t *)(flags + n);
    int64_t *located = (int64_t *)(batch.records + tile * batch.record_stride +
                                   n_parts * NM_WHOLE_RECORD_BYTES(&nm_gpu_task.reduction));
    int n_found = 0;
    for (int i = t; i < NM_LOCATED; i += NM_REDUCE_THREADS) { located[i] = -1; }
    for (int64_t at = 0; at < n && n_found < NM_LOCATED; at += EACH * NM_REDUCE_THREADS) {
        const int64_t low = at + t * EACH, high = low + EACH < n ? low + EACH : n;
        int count = 0;
        for (int64_t i = low; i < high; i++) { count += nm_indicator(NM_INDICATOR_failed, outcome[i]) > 0.0; }
        shared[t] = count;
        __syncthreads();
        int place = n_found;
        for (int k = 0; k < NM_REDUCE_THREADS; k++) {
            place += k < t ? shared[k] : 0;
            n_found += shared[k];
        }
        for (int64_t i = low; i < high && count > 0 && place < NM_LOCATED; i++) {
            if (nm_indicator(NM_INDICATOR_failed, outcome[i]) > 0.0) { located[place++] = batch.first[tile] + i; }
        }
        __syncthreads();
    }
}

#endif
