/* The modules that are built in, for sm_80: every kernel is there; what it takes is printed. */
#include "test_cuda_build.h"

static void test_sm_80(void **state)
{
    (void)state;
    for (int i = 0; i < N_CUDA_MODELS; i++) {
        check_cubin(cuda_models[i], "sm_80");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sm_80)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
