/* What a CUDA compiler adds to C++, as far as the kernels need it, so that they compile for the
 * host. Whoever runs a kernel (the stand-in driver, or a test) sets the variables of a thread,
 * found by their names, before each thread. */
#ifndef NESSMAP_TEST_CUDA_STAND_IN_H
#define NESSMAP_TEST_CUDA_STAND_IN_H

#define __global__
#define __device__
#define __host__
#define __constant__
#define __launch_bounds__(...)
/* all threads of a block run on one thread of the host, one after the other */
#define __shared__ static __thread

struct nm_stand_in_dim {
    unsigned x, y, z;
};
extern "C" {
__thread nm_stand_in_dim gridDim, blockDim, blockIdx, threadIdx;
/* lets the other threads of the block go on up to the same place; NULL for blocks of one thread */
__thread void (*nm_stand_in_barrier)(void);
}

static inline __attribute__((unused)) void __syncthreads()
{
    if (nm_stand_in_barrier) {
        nm_stand_in_barrier();
    }
}

/* for the types that CUDA has it for, and no others; blocks of two streams run side by side */
#define NM_STAND_IN_ATOMIC_ADD(type)                                                               \
    static inline __attribute__((unused)) type atomicAdd(type *sum, type x)                        \
    {                                                                                              \
        return __atomic_fetch_add(sum, x, __ATOMIC_RELAXED);                                       \
    }
NM_STAND_IN_ATOMIC_ADD(int)
NM_STAND_IN_ATOMIC_ADD(unsigned)
NM_STAND_IN_ATOMIC_ADD(unsigned long long)
#undef NM_STAND_IN_ATOMIC_ADD

static inline __attribute__((unused)) long long atomicMin(long long *least, long long x)
{
    long long old = __atomic_load_n(least, __ATOMIC_RELAXED);
    while (x < old &&
           !__atomic_compare_exchange_n(least, &old, x, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return old;
}

#endif
