/* NVRTC in tests: loaded by name, as a program must run without it too; it compiles the text that nvcc takes. */
#ifndef NESSMAP_TEST_CUDA_NVRTC_H
#define NESSMAP_TEST_CUDA_NVRTC_H

#include "test_cuda_build.h"

#include <dlfcn.h>

typedef struct program_of_nvrtc *program;

static struct {
    int (*create)(program *, const char *text, const char *name, int n_headers,
                  const char *const *headers, const char *const *names);
    int (*compile)(program, int n_options, const char *const *options);
    int (*log_size)(program, size_t *);
    int (*log)(program, char *);
    int (*ptx_size)(program, size_t *);
    int (*ptx)(program, char *);
    int (*cubin_size)(program, size_t *);
    int (*cubin)(program, char *);
    int (*destroy)(program *);
    int (*version)(int *major, int *minor);
} nvrtc;

static int load_nvrtc(void)
{
    static const char *const names[] = {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"};
    void *library = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !library; i++) {
        library = dlopen(names[i], RTLD_NOW);
    }
    if (!library) {
        return 0;
    }
    const struct {
        void *function;
        const char *name;
    } wanted[] = {
        {&nvrtc.create, "nvrtcCreateProgram"},       {&nvrtc.compile, "nvrtcCompileProgram"},
        {&nvrtc.log_size, "nvrtcGetProgramLogSize"}, {&nvrtc.log, "nvrtcGetProgramLog"},
        {&nvrtc.ptx_size, "nvrtcGetPTXSize"},        {&nvrtc.ptx, "nvrtcGetPTX"},
        {&nvrtc.cubin_size, "nvrtcGetCUBINSize"},    {&nvrtc.cubin, "nvrtcGetCUBIN"},
        {&nvrtc.destroy, "nvrtcDestroyProgram"},     {&nvrtc.version, "nvrtcVersion"}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        void *symbol = dlsym(library, wanted[i].name);
        if (!symbol) {
            return 0;
        }
        memcpy(wanted[i].function, &symbol, sizeof symbol);
    }
    return 1;
}

enum { N_OPTIONS = 9, N_MORE = 4 };

/* What a compilation gives; the caller frees. */
typedef struct compiled {
    char *code, *log; /* machine code, or PTX with its final zero */
    size_t n_bytes;   /* of code */
} compiled;

/* Compiles a text for "compute_90" (PTX) or "sm_90" without a warning. more: up to N_MORE options, ended by NULL. NVRTC
 * takes a generic lambda for a host function, even within a device function: hence -default-device. */
static compiled compile_for(const char *architecture, const char *text, const char *model,
                            const char *const *more)
{
    char file[256], name[256], target[64];
    snprintf(file, sizeof file, "-DNM_MODEL_FILE=\"models/%s.c\"", model);
    snprintf(name, sizeof name, "-DNM_MODEL=%s", model);
    snprintf(target, sizeof target, "-arch=%s", architecture);
    const char *options[N_OPTIONS + N_MORE] = {"-std=c++20",
                                               target,
                                               "-default-device",
                                               "-I" NM_TEST_SOURCE_DIR "/include",
                                               "-I" NM_TEST_SOURCE_DIR "/kernels",
                                               "-DNM_LANES=1",
                                               file,
                                               name};
    int n_options = N_OPTIONS - 1;
    for (; *more; more++) {
        assert_true(n_options < N_OPTIONS + N_MORE);
        options[n_options++] = *more;
    }
    program p;
    size_t n;
    compiled made;
    assert_int_equal(nvrtc.create(&p, text, "text.cu", 0, NULL, NULL), 0);
    int rc = nvrtc.compile(p, n_options, options);
    assert_int_equal(nvrtc.log_size(p, &n), 0);
    made.log = calloc(n + 1, 1);
    assert_non_null(made.log);
    assert_int_equal(nvrtc.log(p, made.log), 0);
    if (rc != 0 || strstr(made.log, "warning")) {
        fail_msg("NVRTC, model %s, returned %d:\n%.4000s", model, rc, made.log);
    }
    int is_ptx = strncmp(architecture, "compute_", 8) == 0;
    assert_int_equal(is_ptx ? nvrtc.ptx_size(p, &n) : nvrtc.cubin_size(p, &n), 0);
    made.code = malloc(n);
    made.n_bytes = n;
    assert_non_null(made.code);
    assert_int_equal(is_ptx ? nvrtc.ptx(p, made.code) : nvrtc.cubin(p, made.code), 0);
    assert_int_equal(nvrtc.destroy(&p), 0);
    return made;
}

/* PTX of a text; the caller frees. */
static inline char *compile(const char *text, const char *model, const char *const *more)
{
    compiled made = compile_for("compute_90", text, model, more);
    free(made.log);
    return made.code;
}

static inline char *read_entry(void)
{
    return read_whole(NM_TEST_SOURCE_DIR "/kernels/entry_cuda.cu", NULL);
}

#endif
