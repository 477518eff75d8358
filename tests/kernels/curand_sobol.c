/* Foreign Sobol numbers: cuRAND's directions, and its generator on the host, which need no GPU. */
#include "curand_sobol.h"

#include <curand.h>
#include <string.h>

int curand_sobol_directions(uint32_t (*out)[32], int n)
{
    curandDirectionVectors32_t *vectors;
    curandStatus_t status =
        curandGetDirectionVectors32(&vectors, CURAND_DIRECTION_VECTORS_32_JOEKUO6);
    if (status == CURAND_STATUS_SUCCESS) {
        memcpy(out, vectors, (size_t)n * sizeof *out);
    }
    return (int)status;
}

int curand_sobol_points(uint32_t *out, int n_dimensions, int n, uint64_t offset)
{
    curandGenerator_t generator;
    curandStatus_t status = curandCreateGeneratorHost(&generator, CURAND_RNG_QUASI_SOBOL32);
    if (status != CURAND_STATUS_SUCCESS) {
        return (int)status;
    }
    status = curandSetQuasiRandomGeneratorDimensions(generator, (unsigned)n_dimensions);
    if (status == CURAND_STATUS_SUCCESS) {
        status = curandSetGeneratorOffset(generator, offset);
    }
    if (status == CURAND_STATUS_SUCCESS) {
        status = curandGenerate(generator, out, (size_t)n_dimensions * (size_t)n);
    }
    curandDestroyGenerator(generator);
    return (int)status;
}
