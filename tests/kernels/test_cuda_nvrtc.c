/* NVRTC compiles entry_cuda.cu at run time, from the text that nvcc takes; the sampler's numbers
 * depend on no contraction. The library is loaded by name: a program must run without it too. */
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
    } wanted[] = {{&nvrtc.create, "nvrtcCreateProgram"},   {&nvrtc.compile, "nvrtcCompileProgram"},
                  {&nvrtc.log_size, "nvrtcGetProgramLogSize"}, {&nvrtc.log, "nvrtcGetProgramLog"},
                  {&nvrtc.ptx_size, "nvrtcGetPTXSize"},    {&nvrtc.ptx, "nvrtcGetPTX"},
                  {&nvrtc.destroy, "nvrtcDestroyProgram"}, {&nvrtc.version, "nvrtcVersion"}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        void *symbol = dlsym(library, wanted[i].name);
        if (!symbol) {
            return 0;
        }
        memcpy(wanted[i].function, &symbol, sizeof symbol);
    }
    return 1;
}

/* PTX of a text, compiled without a warning; the caller frees. NVRTC takes a generic lambda for a
 * host function, even within a device function: hence -default-device. */
static char *compile(const char *text, const char *fmad, const char *model)
{
    char file[256], name[256];
    snprintf(file, sizeof file, "-DNM_MODEL_FILE=\"models/%s.c\"", model);
    snprintf(name, sizeof name, "-DNM_MODEL=%s", model);
    const char *options[] = {"-std=c++20", "-arch=compute_90", "-default-device", fmad,
                             "-I" NM_TEST_SOURCE_DIR "/include", "-I" NM_TEST_SOURCE_DIR "/kernels",
                             "-DNM_LANES=1", file, name};
    program p;
    size_t n;
    assert_int_equal(nvrtc.create(&p, text, "entry_cuda.cu", 0, NULL, NULL), 0);
    int rc = nvrtc.compile(p, sizeof options / sizeof options[0], options);
    assert_int_equal(nvrtc.log_size(p, &n), 0);
    char *log = calloc(n + 1, 1);
    assert_non_null(log);
    assert_int_equal(nvrtc.log(p, log), 0);
    if (rc != 0 || strstr(log, "warning")) {
        fail_msg("NVRTC, model %s, returned %d:\n%.4000s", model, rc, log);
    }
    free(log);
    assert_int_equal(nvrtc.ptx_size(p, &n), 0);
    char *ptx = malloc(n);
    assert_non_null(ptx);
    assert_int_equal(nvrtc.ptx(p, ptx), 0);
    assert_int_equal(nvrtc.destroy(&p), 0);
    return ptx;
}

static void test_models(void **state)
{
    (void)state;
    int major = 0, minor = 0;
    char *text = read_whole(NM_TEST_SOURCE_DIR "/kernels/entry_cuda.cu", NULL), title[64];
    assert_int_equal(nvrtc.version(&major, &minor), 0);
    snprintf(title, sizeof title, "NVRTC %d.%d", major, minor);
    for (int i = 0; i < N_CUDA_MODELS; i++) {
        char *ptx = compile(text, "-fmad=false", cuda_models[i]);
        check_ptx(ptx, cuda_models[i], title);
        free(ptx);
    }
    free(text);
}

/* The sampler alone, each fma that it asks for replaced by a call: what is then fused is the
 * compiler's own doing. */
static void test_draws_are_not_contracted(void **state)
{
    (void)state;
    const char *const text =
        "__device__ __noinline__ double asked(double a, double b, double c) { return a - b - c; }\n"
        "#define fma asked\n"
        "#include \"draw.h\"\n"
        "extern \"C\" __global__ void draw(const nm_draw *d, int64_t i, double *p) {\n"
        "    nm_draw_point(d, i, p);\n"
        "}\n";
    char *strict = compile(text, "-fmad=false", "none");
    char *loose = compile(text, "-fmad=true", "none");
    ptx_census census = take_census(strict), contracted = take_census(loose);
    print_message("draw.h: %d double operations rounded, %d not, %d fused; contraction allowed: "
                  "%d rounded, %d not, %d fused\n",
                  census.n_rounded, census.n_loose, census.n_fma, contracted.n_rounded,
                  contracted.n_loose, contracted.n_fma);
    assert_true(census.n_rounded > 50);
    assert_int_equal(census.n_loose, 0);
    assert_int_equal(census.n_fma, 0);
    assert_null(strstr(strict, "approx"));
    /* the eye sees contraction where it is */
    assert_true(contracted.n_fma > 0);
    assert_true(contracted.n_loose > 0);
    free(strict);
    free(loose);
}

int main(void)
{
    if (!load_nvrtc()) {
        printf("not run: compiling the CUDA kernels at run time (libnvrtc was not found)\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws_are_not_contracted),
        cmocka_unit_test(test_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
