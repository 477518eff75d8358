/* One model, as NVRTC makes it for users, for its default choices: on sm_90 nothing spills that costs time, on sm_80
 * every kernel is there; as PTX, for every choice, all arithmetic on doubles is fixed.
 *
 *   test_cuda_compile_full MODEL */
#include "test_cuda_nvrtc.h"

static const char *model;

static int check_for(const char *architecture)
{
    static const char *const options[] = {"-fmad=false", "-DNM_CHOSEN=0x0", "--ptxas-options=-v",
                                          NULL};
    char *text = read_entry();
    compiled made = compile_for(architecture, text, model, options);
    int n_costly =
        check_module(made.code, made.n_bytes, made.log, "NVRTC's log", model, architecture);
    free(made.code);
    free(made.log);
    free(text);
    return n_costly;
}

static void test_nothing_spills(void **state)
{
    (void)state;
    int n_costly = check_for("sm_90");
    if (n_costly > 0) {
        fail_msg("on sm_90, %d bytes of registers are spilled where it costs time (see the table)",
                 n_costly);
    }
}

static void test_sm_80(void **state)
{
    (void)state;
    check_for("sm_80");
}

static void test_ptx(void **state)
{
    (void)state;
    static const char *const options[] = {"-fmad=false", NULL};
    char *text = read_entry(), *ptx = compile(text, model, options);
    assert_true(check_ptx(ptx, model, "NVRTC").n_fma > 1000);
    free(ptx);
    free(text);
}

int main(int argc, char **argv)
{
    model = argc == 2 ? argv[1] : "";
    for (int i = 0; i < N_MODELS && strcmp(all_models[i], model) != 0; i++) {
        if (i == N_MODELS - 1) {
            printf("there is no model \"%s\"\n", model);
            return 2;
        }
    }
    if (!load_nvrtc()) {
        printf("not run: compiling the CUDA kernels of all models (libnvrtc was not found)\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_spills),
        cmocka_unit_test(test_sm_80),
        cmocka_unit_test(test_ptx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
