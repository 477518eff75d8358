/* The sampler as a GPU has it, with cuRAND's words, compiled for the host. */
#ifndef NESSMAP_CURAND_DRAW_H
#define NESSMAP_CURAND_DRAW_H

#include "nessmap/model_abi.h"

#ifdef __cplusplus
extern "C" {
#endif
/* nm_philox: words[4] */
void curand_draw_words(uint32_t *words, uint64_t seed, uint64_t index, uint32_t tag,
                       uint32_t block);
/* nm_draw_point: overwrites those of params[n_params] that change from point to point */
void curand_draw_point(const nm_draw *draw, int64_t index, double *params);
#ifdef __cplusplus
}
#endif

#endif
