/* NVRTC compiles entry_cuda.cu at run time, from the text that nvcc takes; the sampler's numbers depend on no
 * contraction. (All models: test_cuda_compile_full.c.) */
#include "test_cuda_nvrtc.h"

static const char *const strict[] = {"-fmad=false", NULL}, *const loose[] = {"-fmad=true", NULL};
#ifdef NM_TEST_CURAND
#define CURAND "-DNM_CURAND", "-I" NM_TEST_CURAND
static const char *const strict_curand[] = {"-fmad=false", CURAND, NULL};
#endif

static int is_built_in(const char *model)
{
    for (int i = 0; i < N_CUDA_MODELS; i++) {
        if (strcmp(cuda_models[i], model) == 0) {
            return 1;
        }
    }
    return 0;
}

static int has_variants(const char *name)
{
    const nm_model *model;
    assert_int_equal(nm_model_find(&model, name), NM_OK);
    return model->n_variants > 0;
}

/* A model that NVRTC makes for users: every choice of the variants, picked by the task. */
static void test_a_model(void **state)
{
    (void)state;
    int major = 0, minor = 0, i = 0;
    char *text = read_entry(), title[64];
    assert_int_equal(nvrtc.version(&major, &minor), 0);
    snprintf(title, sizeof title, "NVRTC %d.%d", major, minor);
    while (is_built_in(all_models[i]) || !has_variants(all_models[i])) {
        i++;
        assert_true(i < N_MODELS);
    }
    char *ptx = compile(text, all_models[i], strict);
    assert_true(check_ptx(ptx, all_models[i], title).n_fma > 1000);
    free(ptx);
    free(text);
}

/* A call in the place of each fma that the kernels ask for: what is then fused is the compiler's own doing. */
#define ASKED                                                                                      \
    "__device__ __noinline__ double asked(double a, double b, double c) { return a - b - c; }\n"   \
    "#define fma asked\n"

/* All kernels of a small model, with the words of cuRAND where its header is. */
static void test_kernels_are_not_contracted(void **state)
{
    (void)state;
    static const char *const options[] = {"-fmad=false", "-DNM_CHOSEN=0x0",
#ifdef NM_TEST_CURAND
                                          CURAND,
#endif
                                          NULL};
    const char *const model = "driven_cycle";
    char *ptx = compile(ASKED "#include \"entry_cuda.cu\"\n", model, options);
    assert_int_equal(check_ptx(ptx, model, "fma as calls").n_fma, 0);
    free(ptx);
}

static int count(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)); text++) {
        n++;
    }
    return n;
}

static void test_draws_are_not_contracted(void **state)
{
    (void)state;
    const char *const text =
        ASKED "#include \"draw.h\"\n"
              "extern \"C\" __global__ void draw(const nm_draw *d, int64_t i, double *p) {\n"
              "    nm_draw_point(d, i, p);\n"
              "}\n";
    char *own = compile(text, "none", strict), *fused = compile(text, "none", loose);
    ptx_census census = take_census(own), contracted = take_census(fused);
    print_message("draw.h: %d double operations rounded, %d not, %d fused; contraction allowed: "
                  "%d rounded, %d not, %d fused\n",
                  census.n_rounded, census.n_loose, census.n_fma, contracted.n_rounded,
                  contracted.n_loose, contracted.n_fma);
    assert_true(census.n_rounded > 50);
    assert_int_equal(census.n_loose, 0);
    assert_int_equal(census.n_fma, 0);
    assert_null(strstr(own, ".approx"));
    /* the eye sees contraction where it is */
    assert_true(contracted.n_fma > 0);
    assert_true(contracted.n_loose > 0);
    free(own);
    free(fused);
}

/* cuRAND's words cost one Philox of ten rounds for two numbers, and bring nothing but integers. */
static void test_curand(void **state)
{
    (void)state;
#ifdef NM_TEST_CURAND
    const char *const
        point = "#include \"draw.h\"\n"
                "extern \"C\" __global__ void draw(const nm_draw *d, int64_t i, double *p) {\n"
                "    nm_draw_point(d, i, p);\n"
                "}\n",
        *const pair = "#include \"draw.h\"\n"
                      "extern \"C\" __global__ void draw(uint64_t seed, uint64_t i, double *p) {\n"
                      "    const nm_words words = nm_philox(seed, i, 0, 0);\n"
                      "    p[0] = nm_pick_uniform(words, 0);\n"
                      "    p[1] = nm_pick_uniform(words, 1);\n"
                      "}\n";
    char *own = compile(pair, "none", strict), *ptx = compile(pair, "none", strict_curand);
    assert_int_equal(count(ptx, "mul.hi.u32"), 20);
    assert_int_equal(count(own, "mul.hi.u32"), 0); /* else the header was not taken */
    free(own);
    free(ptx);
    own = compile(point, "none", strict);
    ptx = compile(point, "none", strict_curand);
    const ptx_census census = take_census(ptx), wanted = take_census(own);
    print_message("draw.h with cuRAND: %zu bytes of PTX; without: %zu\n", strlen(ptx), strlen(own));
    assert_int_equal(census.n_fma, wanted.n_fma);
    assert_int_equal(census.n_rounded, wanted.n_rounded);
    assert_int_equal(census.n_loose, 0);
    assert_null(strstr(ptx, ".f32"));
    assert_true(strlen(ptx) < 2 * strlen(own)); /* no tables of other generators */
    free(own);
    free(ptx);
#else
    print_message("not run: curand_kernel.h was not found\n");
    skip();
#endif
}

int main(void)
{
    if (!load_nvrtc()) {
        printf("not run: compiling the CUDA kernels at run time (libnvrtc was not found)\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws_are_not_contracted),
        cmocka_unit_test(test_curand),
        cmocka_unit_test(test_kernels_are_not_contracted),
        cmocka_unit_test(test_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
