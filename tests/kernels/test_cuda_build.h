/* What the tests of compiled CUDA kernels share: building a target, reading files, looking into
 * cubins and PTX. */
#ifndef NESSMAP_TEST_CUDA_BUILD_H
#define NESSMAP_TEST_CUDA_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* the built-in models: their names */
#define builtin(name) #name,
static const char *const cuda_models[] = {
#include "builtin_models.h"
};
#undef builtin
enum { N_CUDA_MODELS = sizeof cuda_models / sizeof cuda_models[0] };

static inline const char *build_folder(void)
{
    const char *build = getenv("NESSMAP_BUILD");
    return build ? build : ".";
}

/* Builds a target of this build; one test at a time. */
static inline void build_target(const char *target)
{
    char path[4096], command[8192];
    snprintf(path, sizeof path, "%s/kernels/cuda.lock", build_folder());
    int lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    assert_true(lock >= 0 && flock(lock, LOCK_EX) == 0);
    /* a make above this test must not hand down its jobs */
    unsetenv("MAKEFLAGS");
    unsetenv("MAKELEVEL");
    snprintf(command, sizeof command, "cmake --build '%s' --target %s 2>&1", build_folder(),
             target);
    if (system(command) != 0) {
        fail_msg("%s did not compile (see above)", target);
    }
    close(lock);
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

/* bytes of code of a global function in a cubin (an ELF file), 0 where it is not there */
static inline uint64_t cubin_function_bytes(const char *cubin, size_t n_bytes, const char *name)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)cubin;
    assert_true(n_bytes > sizeof *header && memcmp(cubin, ELFMAG, SELFMAG) == 0);
    assert_true(header->e_shoff + (uint64_t)header->e_shnum * sizeof(Elf64_Shdr) <= n_bytes);
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(cubin + header->e_shoff);
    for (int i = 0; i < header->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB) {
            continue;
        }
        const Elf64_Sym *symbols = (const Elf64_Sym *)(cubin + sections[i].sh_offset);
        const char *names = cubin + sections[sections[i].sh_link].sh_offset;
        for (uint64_t k = 0; k < sections[i].sh_size / sizeof *symbols; k++) {
            if (ELF64_ST_TYPE(symbols[k].st_info) == STT_FUNC &&
                ELF64_ST_BIND(symbols[k].st_info) == STB_GLOBAL &&
                strcmp(names + symbols[k].st_name, name) == 0) {
                return symbols[k].st_size;
            }
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

/* Checks a compiled cubin: its entry is there, for `architecture`, without a warning; prints what
 * ptxas says of it. */
static inline void check_cubin(const char *model, const char *architecture)
{
    char path[4096], name[256], line[512];
    size_t n_bytes;
    snprintf(path, sizeof path, "%s/kernels/%s_%s.cubin", build_folder(), model, architecture);
    snprintf(name, sizeof name, "nm_cuda_%s", model);
    char *cubin = read_whole(path, &n_bytes);
    uint64_t code_bytes = cubin_function_bytes(cubin, n_bytes, name);
    if (code_bytes == 0) {
        fail_msg("%s has no function %s", path, name);
    }
    free(cubin);

    strncat(path, ".log", sizeof path - strlen(path) - 1);
    char *log = read_whole(path, NULL);
    if (strstr(log, "warning")) {
        fail_msg("%s holds a warning", path);
    }
    snprintf(line, sizeof line, "Compiling entry function '%s' for '%s'", name, architecture);
    const char *entry = strstr(log, line);
    if (!entry) {
        fail_msg("%s does not say: %s", path, line);
    }
    int stack = -1, stores = -1, loads = -1, registers = -1;
    const char *properties = strchr(entry, '\n'), *used = strstr(entry, "Used ");
    assert_non_null(properties);
    assert_non_null(used);
    properties = strchr(properties + 1, '\n');
    assert_non_null(properties);
    assert_int_equal(sscanf(properties, " %d bytes stack frame, %d bytes spill stores, %d bytes "
                                        "spill loads",
                            &stack, &stores, &loads),
                     3);
    assert_int_equal(sscanf(used, "Used %d registers", &registers), 1);
    assert_in_range(registers, 1, 255);
    /* the functions that are not inlined have lines of their own */
    int all_stores = 0, all_loads = 0;
    for (const char *at = log; (at = strstr(at, " bytes stack frame, ")); at++) {
        int s, l;
        if (sscanf(at, " bytes stack frame, %d bytes spill stores, %d bytes spill loads", &s, &l) ==
            2) {
            all_stores += s;
            all_loads += l;
        }
    }
    print_message("%s, %s: %d registers, %d bytes of stack; spills %d bytes stored, %d loaded (all "
                  "functions %d, %d); %llu bytes of code\n",
                  model, architecture, registers, stack, stores, loads, all_stores, all_loads,
                  (unsigned long long)code_bytes);
    free(log);
}

/* Checks a PTX text: its entry is there, and no double operation is left to be fused. */
static inline void check_ptx(const char *ptx, const char *model, const char *title)
{
    char entry[256];
    snprintf(entry, sizeof entry, ".entry nm_cuda_%s(", model);
    if (!strstr(ptx, entry)) {
        fail_msg("%s: the PTX has no %s", title, entry);
    }
    ptx_census census = take_census(ptx);
    print_message("%s, %s: %zu bytes of PTX; double operations: %d fma, %d others rounded, %d "
                  "not\n",
                  model, title, strlen(ptx), census.n_fma, census.n_rounded, census.n_loose);
    assert_int_equal(census.n_loose, 0);
    assert_true(census.n_fma > 0 && census.n_rounded > 0);
}

#endif
