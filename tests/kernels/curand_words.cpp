/* cuRAND's Philox, host-compiled: its functions lose their __device__, and nothing of CUDA is linked. */
#include <cuda_runtime.h>

#define QUALIFIERS static inline
#include <curand_kernel.h>

#include "curand_words.h"

void curand_words(uint32_t *words, uint64_t seed, uint64_t subsequence, uint64_t offset)
{
    curandStatePhilox4_32_10_t state;
    curand_init(seed, subsequence, offset, &state);
    for (int i = 0; i < 4; i++) {
        words[i] = curand(&state);
    }
}
