/* draw.h with cuRAND's device code, which loses its __device__ here: nothing of CUDA is linked. */
#include <vector_types.h>

#define QUALIFIERS static inline
#define NM_CURAND
#include "draw.h"

#include "curand_draw.h"

void curand_draw_words(uint32_t *words, uint64_t seed, uint64_t index, uint32_t tag, uint32_t block)
{
    const nm_words drawn = nm_philox(seed, index, tag, block);
    memcpy(words, drawn.w, sizeof drawn.w);
}

void curand_draw_point(const nm_draw *draw, int64_t index, double *params)
{
    nm_draw_point(draw, index, params);
}
