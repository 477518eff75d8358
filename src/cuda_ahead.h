/* The kernels of a model for GPUs, compiled ahead of a job. */
#ifndef NESSMAP_CUDA_AHEAD_H
#define NESSMAP_CUDA_AHEAD_H

#include <stdio.h>

#include "diag.h"
#include "nessmap/model_abi.h"

/* Compiles for choice[model->n_variants], keeps the modules in the cache folder and prints their
 * paths. architectures: "sm_90", or several by commas; NULL: those of the devices that are found,
 * none where there is no device or no NVRTC.
 * returns NM_USAGE for a text that names no architecture, NM_DEVICE, NM_IO, NM_MEMORY. */
nm_status nm_cuda_ahead(FILE *stream, const nm_model *model, const int *choice,
                        const char *architectures);

#endif
