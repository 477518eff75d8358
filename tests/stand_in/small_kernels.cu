/* Kernels that say what the stand-in driver does with them. */
#include "nessmap/model_abi.h"

enum { THREADS = 64 };

extern "C" {
__constant__ nm_task nm_gpu_task;
extern __constant__ const nm_gpu_sizes nm_gpu_sizes_of;
__constant__ const nm_gpu_sizes nm_gpu_sizes_of = {NM_ABI, THREADS, 16, 256, 8, {}};
}

#define KERNEL(name)                                                                               \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) name(const nm_batch batch)

static int64_t position()
{
    return (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

/* results: int64_t[points[0]], first point + position */
KERNEL(small_fill)
{
    if (position() < batch.points[0]) {
        ((int64_t *)batch.results)[position()] = batch.first[0] + position();
    }
}

/* adds 1 to every one, and counts the points in n_follow */
KERNEL(small_add)
{
    if (position() < batch.points[0]) {
        ((int64_t *)batch.results)[position()] += 1;
        atomicAdd(batch.n_follow, 1ull);
    }
}

/* results[block]: sum of the values of the block that come before, by halves: every barrier is
 * needed in one order of the threads or the other. Odd blocks end at once, and threads past the
 * points never wait. */
KERNEL(small_sum)
{
    __shared__ int64_t shared[THREADS];
    const int t = (int)threadIdx.x;
    if (blockIdx.x % 2 == 1) { return; }
    shared[t] = (int64_t)blockIdx.x * 1000 + t;
    __syncthreads();
    for (int half = THREADS / 2; half >= 1; half /= 2) {
        const int64_t other = shared[(t + half) % THREADS];
        __syncthreads();
        shared[t] += other;
        __syncthreads();
    }
    ((int64_t *)batch.results)[position()] = shared[t];
}

/* results: what the task says: seed, and the table of its first axis */
KERNEL(small_task)
{
    if (position() == 0) {
        ((uint64_t *)batch.results)[0] = nm_gpu_task.draw.seed;
    } else if (position() <= nm_gpu_task.draw.axis[0].n) {
        ((double *)batch.results)[position()] = nm_gpu_task.draw.axis[0].values[position() - 1];
    }
}

/* one byte past the results */
KERNEL(small_overrun)
{
    if (position() == 0) { batch.results[batch.points[0]] = 0; }
}

/* goes where there is nothing, in the second half of its blocks and past a barrier */
KERNEL(small_stray)
{
    __syncthreads();
    if (blockIdx.x >= gridDim.x / 2 && threadIdx.x == 5) { batch.records[threadIdx.x] = 1; }
}

/* more stack than there is */
static int64_t deep(volatile int64_t *n)
{
    volatile char room[4096];
    room[0] = (char)*n;
    *n = *n + 1;
    return *n < 1000000 ? deep(n) + room[0] : room[0];
}
KERNEL(small_deep)
{
    volatile int64_t n = 0;
    ((int64_t *)batch.results)[0] = deep(&n);
}
