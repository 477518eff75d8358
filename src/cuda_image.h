/* Which module of kernels runs a model and its variant choices on a device. */
#ifndef NESSMAP_CUDA_IMAGE_H
#define NESSMAP_CUDA_IMAGE_H

#include <stddef.h>
#include <stdio.h>

#include "diag.h"
#include "nessmap/model_abi.h"

/* What cuModuleLoadData takes: a fatbin, a cubin, or PTX with its final zero. */
typedef struct nm_cuda_image {
    const void *bytes;
    size_t n_bytes;
    const char *origin; /* "built in", "cached" or "compiled now" */
    void *owned;        /* what nm_cuda_image_clear frees */
} nm_cuda_image;

/* Finds the module of `model` for choice[model->n_variants] on compute capability major.minor:
 * built in for a few models and their default choices, else cached, else compiled by NVRTC from the
 * sources in the program, which takes seconds to a minute, and then cached. Where there is no NVRTC
 * a module serves that nm_cuda_image_ahead has kept elsewhere. One thread at a time looks and
 * compiles, so that the devices of a run compile once.
 * returns NM_DEVICE where there is no NVRTC, the device is too old, or the model does not compile;
 * NM_MEMORY. On failure the image is empty. */
nm_status nm_cuda_image_get(nm_cuda_image *image, const nm_model *model, const int *choice,
                            int major, int minor);

/* The same without the one built in: for a driver that is too old to load that. */
nm_status nm_cuda_image_get_own(nm_cuda_image *image, const nm_model *model, const int *choice,
                                int major, int minor);

/* Compiles a module ahead, or finds it cached. kept: its file in the cache, the caller frees.
 * returns NM_IO where the cache cannot keep it; as above. */
nm_status nm_cuda_image_ahead(char **kept, const nm_model *model, const int *choice, int major,
                              int minor);

/* Prints which kernels are built in and whether NVRTC is there: lines of `nessmap info`. */
void nm_cuda_image_describe(FILE *stream);

/* Frees what the image owns and empties it. The driver may still use a module that was loaded. */
void nm_cuda_image_clear(nm_cuda_image *image);

#endif
