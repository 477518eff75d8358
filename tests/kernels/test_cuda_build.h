/* What the tests of compiled CUDA kernels share: reading files, looking into
 * cubins and PTX. */
#ifndef NESSMAP_TEST_CUDA_BUILD_H
#define NESSMAP_TEST_CUDA_BUILD_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>

#include "model_store.h"

/* names of all models, and of those whose modules are built in */
#define builtin(name) #name,
static const char *const all_models[] __attribute__((unused)) = {
#include "builtin_models.h"
};
#undef builtin
#define module(name, path, model_path) #name,
#define source(number, name, path)
static const char *const cuda_models[] __attribute__((unused)) = {
#include "cuda_files.h"
};
#undef module
#undef source
enum {
    N_MODELS = sizeof all_models / sizeof all_models[0],
    N_CUDA_MODELS = sizeof cuda_models / sizeof cuda_models[0]
};

/* what src/cuda_device.c launches */
static const char *const cuda_kernels[] = {
    "nm_gpu_newton",        "nm_gpu_newton_more",  "nm_gpu_conclude",      "nm_gpu_judge",
    "nm_gpu_everyone",      "nm_gpu_advance",      "nm_gpu_watch",         "nm_gpu_finish",
    "nm_gpu_walk",          "nm_gpu_walk_windows", "nm_gpu_walk_passages", "nm_gpu_walk_statistics",
    "nm_gpu_reduce_blocks", "nm_gpu_reduce_cells", "nm_gpu_locate",        "nm_gpu_clear_words",
    "nm_gpu_project",       "nm_gpu_quantiles",
};
enum { N_CUDA_KERNELS = sizeof cuda_kernels / sizeof cuda_kernels[0] };

/* Kernels of the few points that want eigenvalues: their matrices lie in local memory, and a register that is spilled
 * beside them is lost in it. */
static inline int is_of_few_points(const char *kernel)
{
    return strcmp(kernel, "nm_gpu_judge") == 0 || strcmp(kernel, "nm_gpu_watch") == 0 ||
           strcmp(kernel, "nm_gpu_finish") == 0;
}

/* Kernels of which more warps are worth more than registers (tests/records/gpu_*): no more may spill than stays in
 * registers. reduce_blocks calls a function where points have groups, and saves its registers around it. */
static inline int is_dense(const char *kernel)
{
    return strcmp(kernel, "nm_gpu_newton") == 0 || strcmp(kernel, "nm_gpu_newton_more") == 0 ||
           strcmp(kernel, "nm_gpu_conclude") == 0 || strcmp(kernel, "nm_gpu_advance") == 0 ||
           strcmp(kernel, "nm_gpu_reduce_blocks") == 0;
}

/* Kernels that every point passes. With more than 7 unknowns a step of following (six stages of all unknowns beside a
 * factorised Jacobian) has more numbers than a thread has registers: there these alone must keep to registers. */
static inline int is_of_all_points(const char *kernel)
{
    return strcmp(kernel, "nm_gpu_newton") == 0 || strcmp(kernel, "nm_gpu_newton_more") == 0 ||
           strcmp(kernel, "nm_gpu_conclude") == 0;
}
enum { MOST_UNKNOWNS = 7 };

static inline const char *build_folder(void)
{
    const char *build = getenv("NESSMAP_BUILD");
    return build ? build : ".";
}

/* whole file, with a 0 behind its last byte; the caller frees */
static inline char *read_whole(const char *path, size_t *n_bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail_msg("%s cannot be read", path);
    }
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long n = ftell(file);
    assert_true(n >= 0);
    rewind(file);
    char *text = malloc((size_t)n + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)n, file), (size_t)n);
    text[n] = 0;
    fclose(file);
    if (n_bytes) {
        *n_bytes = (size_t)n;
    }
    return text;
}

/* bytes of code of a kernel in a cubin (an ELF file), its functions included; 0 where it is not there */
static inline uint64_t cubin_code_bytes(const char *cubin, size_t n_bytes, const char *kernel)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, ".text.%s", kernel);
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)cubin;
    assert_true(n_bytes > sizeof *header && memcmp(cubin, ELFMAG, SELFMAG) == 0);
    assert_true(header->e_shoff + (uint64_t)header->e_shnum * sizeof(Elf64_Shdr) <= n_bytes);
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(cubin + header->e_shoff);
    const char *names = cubin + sections[header->e_shstrndx].sh_offset;
    for (int i = 0; i < header->e_shnum; i++) {
        if (strcmp(names + sections[i].sh_name, wanted) == 0) {
            return sections[i].sh_size;
        }
    }
    return 0;
}

/* Arithmetic on doubles in a PTX text. */
typedef struct ptx_census {
    int n_fma, n_rounded; /* fused; mul, add, sub, div, rcp, sqrt with .rn */
    int n_loose;          /* any of these without .rn: a later pass may fuse or approximate them */
} ptx_census;

static inline ptx_census take_census(const char *ptx)
{
    static const char *const operations[] = {"add", "sub", "mul",   "div", "rcp", "sqrt", "fma",
                                             "mad", "ex2", "rsqrt", "lg2", "sin", "cos",  "tanh"};
    ptx_census census = {0, 0, 0};
    for (const char *line = ptx; line; line = strchr(line, '\n')) {
        line += strspn(line, "\n \t");
        if (*line == '@') { /* a predicate stands first */
            line += strcspn(line, " \t\n");
            line += strspn(line, " \t");
        }
        size_t n = strcspn(line, " \t\n;");
        char word[64];
        if (n == 0 || n >= sizeof word) {
            continue;
        }
        memcpy(word, line, n);
        word[n] = 0;
        if (!strstr(word, ".f64")) {
            continue;
        }
        size_t stem = strcspn(word, ".");
        for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
            if (strlen(operations[i]) != stem || strncmp(word, operations[i], stem) != 0) {
                continue;
            }
            if (!strstr(word, ".rn")) {
                census.n_loose++;
            } else if (strcmp(operations[i], "fma") == 0) {
                census.n_fma++;
            } else {
                census.n_rounded++;
            }
        }
    }
    return census;
}

/* what ptxas says of a kernel */
typedef struct kernel_usage {
    int registers, stack, spill_stores, spill_loads, shared; /* bytes but for the first */
    int n_functions;                                         /* that are not inlined */
} kernel_usage;

/* From the log of ptxas -v for one architecture. A kernel's paragraph goes up to the next one's and holds its functions:
 * a spill in one of these counts too. */
static inline kernel_usage read_usage(const char *log, const char *path, const char *kernel,
                                      const char *architecture)
{
    char wanted[256], own[256];
    kernel_usage usage = {0};
    snprintf(wanted, sizeof wanted, "Compiling entry function '%s' for '%s'", kernel, architecture);
    snprintf(own, sizeof own, "Function properties for %s\n", kernel);
    const char *begin = strstr(log, wanted);
    if (!begin) {
        fail_msg("%s does not say: %s", path, wanted);
    }
    const char *end = strstr(begin + 1, "Compiling entry function ");
    end = end ? end : log + strlen(log);
    for (const char *at = begin; (at = strstr(at, "Function properties for ")) && at < end; at++) {
        const char *line = strchr(at, '\n');
        int stack, stores, loads;
        assert_non_null(line);
        line += strcspn(line, "0123456789"); /* NVRTC's lines begin with a word */
        if (sscanf(line, " %d bytes stack frame, %d bytes spill stores, %d bytes spill loads",
                   &stack, &stores, &loads) != 3) {
            fail_msg("%s cannot be understood at: %.200s", path, line);
        }
        usage.spill_stores += stores;
        usage.spill_loads += loads;
        if (strncmp(at, own, strlen(own)) == 0) {
            usage.stack += stack;
        } else {
            usage.n_functions++;
        }
    }
    const char *used = strstr(begin, "Used ");
    assert_true(used && used < end);
    assert_int_equal(sscanf(used, "Used %d registers", &usage.registers), 1);
    assert_in_range(usage.registers, 1, 255);
    for (const char *at = used; (at = strchr(at, ',')) && at < strchr(used, '\n'); at++) {
        int bytes, n = 0;
        if (sscanf(at, ", %d bytes smem%n", &bytes, &n) == 1 && n > 0) {
            usage.shared = bytes;
        }
    }
    return usage;
}

/* bytes that a kernel may spill at no cost in time */
static inline int most_spilled(const char *kernel, const kernel_usage *usage, int is_large)
{
    if (is_large) {
        return is_of_all_points(kernel) ? 0 : INT_MAX;
    }
    return is_of_few_points(kernel) ? usage->stack / 10
           : is_dense(kernel)       ? 4 * usage->registers
                                    : 0;
}

/* Checks a compiled module and its log (from `path`): all kernels are there, for `architecture`, without a warning; prints
 * a table of what they take. Returns the bytes that spill where it costs time: not those of kernels of few points where
 * they are a tenth of the stack at most, nor of dense ones within their bound; of a model of many unknowns, only those in
 * kernels of all points. */
static inline int check_module(const char *cubin, size_t n_bytes, const char *log, const char *path,
                               const char *model, const char *architecture)
{
    int n_spilled = 0, n_costly = 0;
    const nm_model *described;
    assert_int_equal(nm_model_find(&described, model), NM_OK);
    const int is_large = described->n_states > MOST_UNKNOWNS;
    if (strstr(log, "warning")) {
        fail_msg("%s holds a warning", path);
    }
    print_message("%s, %s, module of %zu kB\n", model, architecture, n_bytes / 1024);
    print_message(
        "  kernel                 registers  stack B  spilled B  read again B  shared B  functions"
        "  code B\n");
    for (int i = 0; i < N_CUDA_KERNELS; i++) {
        const char *kernel = cuda_kernels[i];
        const kernel_usage usage = read_usage(log, path, kernel, architecture);
        const uint64_t code = cubin_code_bytes(cubin, n_bytes, kernel);
        if (code == 0) {
            fail_msg("%s for %s has no kernel %s", model, architecture, kernel);
        }
        print_message("  %-22s %9d  %7d  %9d  %12d  %8d  %9d  %6llu\n", kernel, usage.registers,
                      usage.stack, usage.spill_stores, usage.spill_loads, usage.shared,
                      usage.n_functions, (unsigned long long)code);
        n_spilled += usage.spill_stores + usage.spill_loads;
        if (usage.spill_stores > most_spilled(kernel, &usage, is_large)) {
            n_costly += usage.spill_stores + usage.spill_loads;
        }
    }
    /* what stands in no kernel's paragraph counts as well */
    int n_all = 0;
    for (const char *at = log; (at = strstr(at, " bytes stack frame, ")); at++) {
        int stores, loads;
        assert_int_equal(sscanf(at,
                                " bytes stack frame, %d bytes spill stores, %d bytes spill loads",
                                &stores, &loads),
                         2);
        n_all += stores + loads;
    }
    assert_true(n_all >= n_spilled);
    return n_costly + (is_large ? 0 : n_all - n_spilled);
}

/* The same for a module that nvcc made. */
static inline int check_cubin(const char *model, const char *architecture)
{
    char path[4096];
    size_t n_bytes;
    snprintf(path, sizeof path, "%s/kernels/%s_%s.cubin", build_folder(), model, architecture);
    char *cubin = read_whole(path, &n_bytes);
    strncat(path, ".log", sizeof path - strlen(path) - 1);
    char *log = read_whole(path, NULL);
    int n_costly = check_module(cubin, n_bytes, log, path, model, architecture);
    free(log);
    free(cubin);
    return n_costly;
}

/* Checks a PTX text: all kernels are there, and every operation on doubles rounds as IEEE 754 says. */
static inline ptx_census check_ptx(const char *ptx, const char *model, const char *title)
{
    for (int i = 0; i < N_CUDA_KERNELS; i++) {
        char entry[256];
        snprintf(entry, sizeof entry, ".entry %s(", cuda_kernels[i]);
        if (!strstr(ptx, entry)) {
            fail_msg("%s, %s: the PTX has no %s", model, title, entry);
        }
    }
    const ptx_census census = take_census(ptx);
    print_message("%s, %s: %zu kB of PTX; double operations: %d fma, %d others rounded, %d not\n",
                  model, title, strlen(ptx) / 1024, census.n_fma, census.n_rounded, census.n_loose);
    assert_int_equal(census.n_loose, 0);
    assert_null(strstr(ptx, ".approx"));
    assert_true(census.n_rounded > 1000);
    return census;
}

#endif
