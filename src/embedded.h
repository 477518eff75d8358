/* What the program carries: the texts that kernels are compiled from, and modules of the built-in
 * models for GPUs. */
#ifndef NESSMAP_EMBEDDED_H
#define NESSMAP_EMBEDDED_H

#include <stddef.h>

/* A fatbin of a built-in model for its default choices: machine code for compute capability 8.0 and
 * 9.0 and those that run it, PTX for all later ones. */
typedef struct nm_cuda_builtin {
    const char *model, *text; /* its name, and the file that the module was compiled from */
    const char *bytes, *end;  /* [end - bytes] aligned to 64 */
} nm_cuda_builtin;

/* A file of include/ or kernels/, by the name that #include gives it. */
typedef struct nm_source {
    const char *name, *text;
} nm_source;

/* The oldest compute capability that a fatbin serves: 8.0. */
enum { NM_CUDA_BUILTIN_MAJOR = 8 };

/* All modules; *n is 0 in a build without nvcc. */
const nm_cuda_builtin *nm_cuda_builtins(int *n);

/* All texts but those of models. GPU: the first includes the others. CPU: the last three are
 * compiled, kernels/entry_cpu.cpp, kernels/entry_gradient.cpp and kernels/entry_model.cpp. */
const nm_source *nm_gpu_sources(int *n);
const nm_source *nm_cpu_sources(int *n);

#endif
