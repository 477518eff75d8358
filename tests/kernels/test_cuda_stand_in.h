/* What a CUDA compiler adds to C++, as far as entry_cuda.cu needs it, so that its kernel compiles
 * for the host: one thread at a time, whose place the caller sets. */
#ifndef NESSMAP_TEST_CUDA_STAND_IN_H
#define NESSMAP_TEST_CUDA_STAND_IN_H

#define __global__
#define __launch_bounds__(threads)

struct nm_stand_in_dim {
    unsigned x;
};
extern "C" {
/* found by their names: the test sets them before each call of the kernel */
nm_stand_in_dim gridDim, blockDim, blockIdx, threadIdx;
}

static inline unsigned long long atomicAdd(unsigned long long *sum, unsigned long long x)
{
    unsigned long long before = *sum;
    *sum += x;
    return before;
}

#endif
