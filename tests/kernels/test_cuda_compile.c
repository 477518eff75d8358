/* The modules that are built in, for sm_90 and as PTX: every kernel is there, nothing spills that costs
 * time, and all arithmetic on doubles is fixed. */
#include "test_cuda_build.h"

static void test_nothing_spills(void **state)
{
    (void)state;
    int n_costly = 0;
    for (int i = 0; i < N_CUDA_MODELS; i++) {
        n_costly += check_cubin(cuda_models[i], "sm_90");
    }
    if (n_costly > 0) {
        fail_msg("on sm_90, %d bytes of registers are spilled where it costs time (see the tables "
                 "above)",
                 n_costly);
    }
}

static void test_ptx(void **state)
{
    (void)state;
    for (int i = 0; i < N_CUDA_MODELS; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/kernels/%s_compute_80.ptx", build_folder(), cuda_models[i]);
        char *ptx = read_whole(path, NULL);
        assert_true(check_ptx(ptx, cuda_models[i], "nvcc").n_fma > 1000);
        free(ptx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_spills),
        cmocka_unit_test(test_ptx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
