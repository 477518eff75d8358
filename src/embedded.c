/* Puts modules and kernel sources into the program, so that it needs no file beside it. */
#include "embedded.h"

/* A file as it is, and a 0 behind it. The driver reads words of a module, hence the alignment. */
#define EMBED(symbol, path)                                                                        \
    extern const char nm_embedded_##symbol[], nm_embedded_end_##symbol[];                          \
    __asm__(".section .rodata\n"                                                                   \
            ".balign 64\n"                                                                         \
            "nm_embedded_" #symbol ": .incbin \"" path "\"\n"                                      \
            "nm_embedded_end_" #symbol ": .byte 0\n"                                               \
            ".previous\n");

#define module(name, path, model_path)                                                             \
    EMBED(module_##name, path)                                                                     \
    EMBED(model_##name, model_path)
#define source(number, name, path) EMBED(source_##number, path)
#include "cuda_files.h"
#undef module
#undef source

static const nm_cuda_builtin builtins[] = {
#define module(name, path, model_path)                                                             \
    {#name, nm_embedded_model_##name, nm_embedded_module_##name, nm_embedded_end_module_##name},
#define source(number, name, path)
#include "cuda_files.h"
#undef module
#undef source
    {0, 0, 0, 0},
};

static const nm_source sources[] = {
#define module(name, path, model_path)
#define source(number, name, path) {name, nm_embedded_source_##number},
#include "cuda_files.h"
#undef module
#undef source
};

const nm_cuda_builtin *nm_cuda_builtins(int *n)
{
    *n = (int)(sizeof builtins / sizeof builtins[0]) - 1;
    return builtins;
}

/* The list begins with the entry of the GPU, goes on with headers, and ends with three entries of the
 * CPU (CMakeLists.txt, part 4). */
enum { N_SOURCES = sizeof sources / sizeof sources[0], N_GPU_ENTRIES = 1, N_CPU_ENTRIES = 3 };

const nm_source *nm_gpu_sources(int *n)
{
    *n = N_SOURCES - N_CPU_ENTRIES;
    return sources;
}

const nm_source *nm_cpu_sources(int *n)
{
    *n = N_SOURCES - N_GPU_ENTRIES;
    return sources + N_GPU_ENTRIES;
}
