/* nvcc compiles the kernel of every built-in model for sm_90: its entry is there; registers and
 * spills are told. */
#include "test_cuda_build.h"

static void test_sm_90(void **state)
{
    (void)state;
    build_target("nessmap_cuda");
    for (int i = 0; i < N_CUDA_MODELS; i++) {
        check_cubin(cuda_models[i], "sm_90");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sm_90)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
