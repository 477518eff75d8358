/* What cuda_driver.h declares of the CUDA driver is what the toolkit's cuda.h declares: the
 * compiler compares numbers, types and signatures, and the toolkit's stub of the driver has all
 * symbols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <dlfcn.h>

#if __has_include(<cuda.h>)
#include <cuda.h>
#define HAS_TOOLKIT 1
#endif

#include "cuda_driver.h"

#ifdef HAS_TOOLKIT

#define SAME_TYPE(ours, theirs)                                                                    \
    _Static_assert(__builtin_types_compatible_p(ours, theirs), #ours " is " #theirs)
SAME_TYPE(nm_cu_device, CUdevice);
SAME_TYPE(nm_cu_pointer, CUdeviceptr);
SAME_TYPE(nm_cu_context, CUcontext);
SAME_TYPE(nm_cu_stream, CUstream);
SAME_TYPE(nm_cu_event, CUevent);
SAME_TYPE(nm_cu_module, CUmodule);
SAME_TYPE(nm_cu_function, CUfunction);
/* results and attributes are passed as int and unsigned */
_Static_assert(sizeof(CUresult) == sizeof(int), "a result is an int");
_Static_assert(sizeof(CUdevice_attribute) == sizeof(unsigned), "an attribute is an unsigned");
_Static_assert(sizeof(CUfunction_attribute) == sizeof(unsigned), "an attribute is an unsigned");

#define SAME_CONSTANT(ours, theirs, value)                                                         \
    _Static_assert((int)ours == (int)theirs && (int)theirs == value, #ours " is " #theirs);
NM_CU_CONSTANT_LIST(SAME_CONSTANT)

#define SAME_FUNCTION(member, symbol, parameters)                                                  \
    _Static_assert(__builtin_types_compatible_p(__typeof__(symbol), CUresult parameters),          \
                   #symbol " has this signature");
NM_CU_FUNCTION_LIST(SAME_FUNCTION)

#endif

static void test_header(void **state)
{
    (void)state;
#ifdef HAS_TOOLKIT
    print_message("compared with cuda.h of CUDA %d.%d\n", CUDA_VERSION / 1000,
                  CUDA_VERSION % 1000 / 10);
    assert_in_range(CUDA_VERSION, NM_CU_OLDEST_DRIVER, 99990);
#else
    print_message("not run: test_header: cuda.h was not found\n");
    skip();
#endif
}

/* cuda.h gives some functions a later name than the one that old drivers have too, so the names
 * matter by themselves */
static void test_symbols(void **state)
{
    (void)state;
#ifdef NM_TEST_CUDA_STUB
    void *stub = dlopen(NM_TEST_CUDA_STUB, RTLD_LAZY | RTLD_LOCAL);
    if (!stub) {
        fail_msg("%s", dlerror());
    }
    int n = 0;
#define HAS_SYMBOL(member, symbol, parameters)                                                     \
    if (!dlsym(stub, #symbol)) {                                                                   \
        fail_msg("%s has no %s", NM_TEST_CUDA_STUB, #symbol);                                      \
    }                                                                                              \
    n++;
    NM_CU_FUNCTION_LIST(HAS_SYMBOL)
    dlclose(stub);
    print_message("all %d symbols are in the driver's stub\n", n);
#else
    print_message("not run: test_symbols: the toolkit's stub of the driver was not found\n");
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
