/* NVRTC, NVIDIA's compiler as a library, found when the program runs. */
#ifndef NESSMAP_CUDA_NVRTC_H
#define NESSMAP_CUDA_NVRTC_H

#include <stddef.h>

#include "diag.h"
#include "embedded.h"

enum { NM_NVRTC_TARGET = 24 }; /* bytes of the name of an architecture */

typedef struct nm_nvrtc {
    int major, minor;   /* of NVRTC: 12.0 or later */
    const char *curand; /* folder of cuRAND's headers, or NULL where there is none */
} nm_nvrtc;

/* Loads the library at the first call and gives the same at every later one, on any thread: by the
 * loader's own search, then from CUDA_HOME or CUDA_PATH (without either the usual place), then from
 * the Python or conda environment that is active.
 * returns NM_DEVICE where there is none of 12.0 or later. */
nm_status nm_nvrtc_get(const nm_nvrtc **nvrtc);

/* What to compile for a device of compute capability major.minor: "sm_90", machine code of the
 * newest architecture that the device runs; or "compute_120", PTX, where the device is newer than
 * what this NVRTC knows. returns NM_DEVICE where the device is too old. */
nm_status nm_nvrtc_target(char target[NM_NVRTC_TARGET], int major, int minor);

/* Compiles main->text. headers: [n_headers] what it may include; options: [n_options], without
 * -arch. bytes out: allocated; a cubin, or PTX with its final zero. `what` begins the sentence of
 * an error ("model x for the GPU").
 * returns NM_DEVICE with the first error that NVRTC found, NM_MEMORY. */
nm_status nm_nvrtc_compile(void **bytes, size_t *n_bytes, const char *what, const char *target,
                           const nm_source *main, const nm_source *headers, int n_headers,
                           const char *const *options, int n_options);

#endif
