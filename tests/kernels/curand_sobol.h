/* Foreign Sobol numbers: cuRAND's directions, and its generator on the host, which need no GPU. */
#ifndef NESSMAP_CURAND_SOBOL_H
#define NESSMAP_CURAND_SOBOL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
/* The first n dimensions; returns cuRAND's status, 0 where all went well. */
int curand_sobol_directions(uint32_t (*out)[32], int n);

/* Points offset to offset + n - 1: out[dimension][n]; returns the same. */
int curand_sobol_points(uint32_t *out, int n_dimensions, int n, uint64_t offset);
#ifdef __cplusplus
}
#endif

#endif
