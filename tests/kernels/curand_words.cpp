/* cuRAND's Philox, host-compiled: its functions lose their __device__, and nothing of CUDA is linked. */
#include <cuda_runtime.h>

#define QUALIFIERS static inline
#include <curand_kernel.h>

#include "curand_words.h"

void curand_words(uint32_t *words, uint64_t seed, uint64_t subsequence, uint64_t offset)
{
    curandStatePhilox4_32_10_t state;
    curand_init(seed, subsequence, offset, &state);
    const uint4 four = curand4(&state);
    words[0] = four.x;
    words[1] = four.y;
    words[2] = four.z;
    words[3] = four.w;
}
