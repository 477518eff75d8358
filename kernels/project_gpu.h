/* Projections and quantiles on the device: results of a batch -> the words of each part of a tile (project.h).
 *
 * Included at the end of entry_cuda.cu. Words are whole numbers that atomic operations change, so that no order of the
 * threads shows. */
#ifndef NESSMAP_PROJECT_GPU_H
#define NESSMAP_PROJECT_GPU_H

#include "reduce_gpu.h"

NM_FN void nm_word_add(int64_t *word, int64_t x) { atomicAdd((unsigned long long *)word, (unsigned long long)x); }
NM_FN void nm_word_least(int64_t *word, int64_t x) { atomicMin((long long *)word, (long long)x); }
#include "project.h"

/* the words of a part of a tile */
NM_FN int64_t *nm_part_words(const nm_batch *batch, int64_t tile, int64_t part)
{
    const nm_reduction *r = &nm_gpu_task.reduction;
    char *record = batch->records + tile * batch->record_stride + part * NM_WHOLE_RECORD_BYTES(r);
    return (int64_t *)(record + NM_RECORD_BYTES(r->n_slots));
}

/* Any grid: the words of no points, for every part that has points. */
extern "C" __global__ void __launch_bounds__(NM_REDUCE_THREADS) nm_gpu_clear_words(const nm_batch batch)
{
    const nm_reduction *r = &nm_gpu_task.reduction;
    const int64_t n_all = batch.n_tiles * batch.parts_per_tile * r->n_words, step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t job = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; job < n_all; job += step) {
        const int64_t number = job / r->n_words, word = job % r->n_words;
        const nm_part part = nm_find_part(&batch, number);
        if (part.n > 0) {
            nm_part_words(&batch, part.tile, number % batch.parts_per_tile)[word] =
                word < r->first_extreme ? 0 : NM_KEY_MOST;
        }
    }
}

/* Any grid: a thread takes a point into the bins of one projection at a time. */
extern "C" __global__ void __launch_bounds__(NM_REDUCE_THREADS) nm_gpu_project(const nm_batch batch)
{
    const nm_reduction *r = &nm_gpu_task.reduction;
    const int64_t n_points = batch.n_tiles * batch.tile_points, step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t job = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; job < n_points * r->n_projections; job += step) {
        const int64_t tile = job % n_points / batch.tile_points, i = job % n_points % batch.tile_points;
        const int64_t n = batch.points[tile];
        if (i >= n) { continue; }
        const double *values = (const double *)(batch.results + tile * batch.tile_bytes);
        const double *params = values + nm_gpu_task.n_slots * n;
        const uint16_t *flags = (const uint16_t *)(params + nm_gpu_task.n_stored * n);
        const int8_t *outcome = (const int8_t *)(flags + n);
        nm_project_point(nm_part_words(&batch, tile, i / r->part_points), &nm_gpu_task, (int)(job / n_points), values,
                         params, n, i, outcome[i]);
    }
}

/* how many of the finite x[n] have a key of at most `most`, all threads of a block together */
NM_FN int nm_count_keys(int *shared, const double *x, int64_t n, int64_t most)
{
    int count = 0;
    __syncthreads();
    if (threadIdx.x == 0) { *shared = 0; }
    __syncthreads();
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
        count += x[i] - x[i] == 0.0 && nm_key_of(x[i]) <= most;
    }
    if (count > 0) { atomicAdd(shared, count); }
    __syncthreads();
    return *shared;
}

/* the key of rank k: the least that at least k + 1 values do not exceed, bit by bit from the sign on */
NM_FN int64_t nm_key_of_rank(int *shared, const double *x, int64_t n, int64_t k)
{
    uint64_t below = 0; /* keys with the sign turned: all that are surely too small */
    for (int bit = 63; bit >= 0; bit--) {
        const uint64_t tried = below | (1ull << bit);
        const int64_t most = (int64_t)((tried - 1) ^ (1ull << 63));
        if (nm_count_keys(shared, x, n, most) <= k) { below = tried; }
    }
    return (int64_t)(below ^ (1ull << 63));
}

/* A block of threads for a slot of a part: exact quantiles, without memory. Any number of blocks. */
extern "C" __global__ void __launch_bounds__(NM_REDUCE_THREADS) nm_gpu_quantiles(const nm_batch batch)
{
    __shared__ int shared;
    const nm_reduction *r = &nm_gpu_task.reduction;
    const int64_t n_all = batch.n_tiles * batch.parts_per_tile * r->n_slots;
    for (int64_t job = blockIdx.x; job < n_all; job += gridDim.x) {
        const int64_t number = job / r->n_slots, slot = job % r->n_slots;
        const nm_part part = nm_find_part(&batch, number);
        if (part.n <= 0) { continue; }
        const double *x = (const double *)(batch.results + part.tile * batch.tile_bytes) +
                          slot * batch.points[part.tile] + part.first;
        double *out = (double *)nm_part_words(&batch, part.tile, number % batch.parts_per_tile) + slot * r->n_quantiles;
        const int m = nm_count_keys(&shared, x, part.n, NM_KEY_MOST);
        for (int q = 0; q < r->n_quantiles; q++) {
            const double rank = (double)(m - 1) * r->quantile[q];
            const int64_t k = (int64_t)rank;
            double value = NM_NAN;
            if (m > 0) {
                const int64_t a = nm_key_of_rank(&shared, x, part.n, k);
                int64_t b = a;
                if (k + 1 < m && nm_count_keys(&shared, x, part.n, a) <= k + 1) {
                    b = nm_key_of_rank(&shared, x, part.n, k + 1);
                }
                value = nm_between(nm_value_of_key(a), nm_value_of_key(b), rank - (double)k);
            }
            if (threadIdx.x == 0) { out[q] = value; }
        }
    }
}

#endif
