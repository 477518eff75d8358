/* nvcc compiles the kernel of every built-in model for sm_80 and to PTX too, whose double
 * operations are all fixed. */
#include "test_cuda_build.h"

static void test_sm_80(void **state)
{
    (void)state;
    build_target("nessmap_cuda_full");
    for (int i = 0; i < N_CUDA_MODELS; i++) {
        check_cubin(cuda_models[i], "sm_80");
    }
}

static void test_ptx(void **state)
{
    (void)state;
    build_target("nessmap_cuda_full");
    for (int i = 0; i < N_CUDA_MODELS; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/kernels/%s_compute_80.ptx", build_folder(), cuda_models[i]);
        char *ptx = read_whole(path, NULL);
        check_ptx(ptx, cuda_models[i], "nvcc");
        free(ptx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sm_80), cmocka_unit_test(test_ptx)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
