/* The CUDA driver loaded at run time: what is said where there is none, an old one or no device,
 * how errors read, and what a device tells. The driver is the stand-in. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>

#include "cuda_driver.h"
#include "diag.h"
#include "stand_in_child.h"

static int says(const char *words)
{
    int is_there = strstr(nm_last_error(), words) != NULL;
    if (!is_there) {
        fprintf(stderr, "wanted \"%s\" in: %s\n", words, nm_last_error());
    }
    return is_there;
}

static int find_none(const char *words, int is_absent)
{
    const nm_cuda_driver *driver = (const nm_cuda_driver *)&driver;
    for (int i = 0; i < 2; i++) { /* the second time it is remembered, and said again */
        nm_fail(NM_USAGE, "something else");
        HOLDS(nm_cuda_driver_get(&driver) == NM_DEVICE);
        HOLDS(driver == NULL);
        HOLDS(says(words));
        HOLDS(nm_cuda_driver_is_absent() == is_absent);
    }
    return 0;
}

static int scene_no_driver(void)
{
    return find_none("no NVIDIA driver: libcuda.so.1: cannot open shared object file: No such file "
                     "or directory; one of CUDA 12.0 or later is needed",
                     1);
}

static int scene_old(void)
{
    HOLDS(find_none("is one of CUDA 11.8, and CUDA 12.0 or later is needed", 0) == 0);
    /* nothing else was asked of it */
    HOLDS(nm_stand_in_lines("call") == 0);
    return 0;
}

static int scene_no_device(void)
{
    return find_none("finds no device; --backend cpu needs none", 1);
}

static int scene_none_visible(void)
{
    return find_none("finds no device, where CUDA_VISIBLE_DEVICES is \"-1\"", 1);
}

/* --- with devices ----------------------------------------------------------------------------- */

static void *get_driver(void *unused)
{
    (void)unused;
    const nm_cuda_driver *driver;
    return nm_cuda_driver_get(&driver) == NM_OK ? (void *)(uintptr_t)driver : NULL;
}

static int scene_threads(void)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        HOLDS(pthread_create(&threads[i], NULL, get_driver, NULL) == 0);
    }
    void *first = NULL;
    for (int i = 0; i < 8; i++) {
        void *driver = NULL;
        pthread_join(threads[i], &driver);
        HOLDS(driver && (!first || driver == first));
        first = driver;
    }
    HOLDS(((nm_cuda_driver *)first)->version == 13000);
    HOLDS(((nm_cuda_driver *)first)->n_devices == 2);
    HOLDS(nm_stand_in_lines("call cuInit") == 1);
    return 0;
}

static int scene_look(void)
{
    const nm_cuda_driver *driver;
    nm_cuda_device_info info;
    HOLDS(nm_cuda_driver_get(&driver) == NM_OK);
    HOLDS(driver->n_devices == 2 && driver->version == 12000);
    HOLDS(nm_cuda_device_look(&info, driver, 0) == NM_OK);
    HOLDS(strcmp(info.name, "stand-in GPU 2") == 0 && strcmp(info.bus_id, "0000:03:00.0") == 0);
    HOLDS(info.total_bytes == 3000000 && info.free_bytes == 3000000);
    HOLDS(info.major == 10 && info.minor == 3 && info.n_multiprocessors == 7);
    HOLDS(info.clock_khz == 1000000);
    HOLDS(nm_cuda_device_look(&info, driver, 1) == NM_OK);
    HOLDS(strcmp(info.name, "stand-in GPU 0") == 0 && info.total_bytes == 1000000);
    HOLDS(info.major == 8 && info.minor == 0);
    for (int i = -1; i < 3; i += 3) {
        HOLDS(nm_cuda_device_look(&info, driver, i) == NM_DEVICE);
        HOLDS(says("2 can be seen, numbered from 0"));
    }

    /* the caller's context stays, and what is in use counts */
    nm_cu_context mine, after;
    nm_cu_pointer pointer;
    HOLDS(driver->cuDevicePrimaryCtxRetain(&mine, 1) == 0 && driver->cuCtxSetCurrent(mine) == 0);
    HOLDS(driver->cuMemAlloc(&pointer, 256000) == 0);
    HOLDS(nm_cuda_device_look(&info, driver, 1) == NM_OK && info.free_bytes == 1000000 - 256000);
    HOLDS(nm_cuda_device_look(&info, driver, 0) == NM_OK && info.free_bytes == 3000000);
    HOLDS(driver->cuCtxGetCurrent(&after) == 0 && after == mine);
    HOLDS(driver->cuMemFree(pointer) == 0 && driver->cuDevicePrimaryCtxRelease(1) == 0);
    HOLDS(nm_stand_in_lines("leak") == 0 && nm_stand_in_lines("violation") == 0);
    HOLDS(nm_stand_in_lines("call cuDevicePrimaryCtxRetain") == 5);
    HOLDS(nm_stand_in_lines("call cuDevicePrimaryCtxRelease") == 5);
    return 0;
}

static int scene_errors(void)
{
    const nm_cuda_driver *driver;
    HOLDS(nm_cuda_driver_get(&driver) == NM_OK);
    HOLDS(!nm_cuda_driver_is_absent());
    HOLDS(nm_cuda_check(driver, NM_CU_SUCCESS, "nothing") == NM_OK);
    HOLDS(nm_cuda_check(driver, NM_CU_LAUNCH_FAILED, "following 5 points") == NM_DEVICE);
    HOLDS(strcmp(nm_last_error(), "CUDA: following 5 points failed: unspecified launch failure "
                                  "(CUDA_ERROR_LAUNCH_FAILED, error 719)") == 0);
    HOLDS(nm_cuda_check(driver, 12345, "something odd") == NM_DEVICE);
    HOLDS(strcmp(nm_last_error(), "CUDA: something odd failed: the driver says no more (an error "
                                  "without a name, error 12345)") == 0);
    return 0;
}

static int describe(char **text)
{
    size_t n_bytes;
    FILE *stream = open_memstream(text, &n_bytes);
    HOLDS(stream);
    nm_cuda_driver_describe(stream);
    fclose(stream);
    return 0;
}

static int scene_describe(void)
{
    char *text;
    HOLDS(describe(&text) == 0);
    HOLDS(strcmp(text, "backend cuda     driver of CUDA 12.4, 2 devices\n"
                       "                 device 0: stand-in GPU 0, memory 2.0 GiB (2.0 GiB free), "
                       "compute capability 9.0, 132 multiprocessors\n"
                       "                 device 1: CUDA: opening the device failed: out of memory "
                       "(CUDA_ERROR_OUT_OF_MEMORY, error 2)\n") == 0);
    free(text);
    HOLDS(nm_stand_in_lines("leak") == 0);
    return 0;
}

static int scene_describe_none(void)
{
    char *text;
    HOLDS(describe(&text) == 0);
    HOLDS(strstr(text, "backend cuda     CUDA: no NVIDIA driver: ") == text);
    HOLDS(strchr(text, '\n') == text + strlen(text) - 1);
    free(text);
    return 0;
}

/* --- the tests -------------------------------------------------------------------------------- */

static void play(int (*scene)(void), int with_driver, const char *const *settings)
{
    assert_int_equal(nm_in_child(scene, with_driver, settings), 0);
}
#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_none(void **state)
{
    (void)state;
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library) {
        print_message("not run: test_none: this machine has a CUDA driver\n");
        dlclose(library);
    } else {
        play(scene_no_driver, 0, NULL);
        play(scene_describe_none, 0, NULL);
    }
    play(scene_old, 1, SETTINGS("NESSMAP_STAND_IN_DRIVER=11080"));
    play(scene_no_device, 1, SETTINGS("NESSMAP_STAND_IN_DEVICES=0"));
    play(scene_none_visible, 1, SETTINGS("CUDA_VISIBLE_DEVICES=-1"));
}

static void test_devices(void **state)
{
    (void)state;
    play(scene_threads, 1, SETTINGS("NESSMAP_STAND_IN_DEVICES=2"));
    play(scene_look, 1,
         SETTINGS("NESSMAP_STAND_IN_DEVICES=3", "CUDA_VISIBLE_DEVICES=2,0,7,1",
                  "NESSMAP_STAND_IN_DRIVER=12000", "NESSMAP_STAND_IN_CAPABILITY=80,90,103",
                  "NESSMAP_STAND_IN_MEMORY=1000000,2000000,3000000",
                  "NESSMAP_STAND_IN_MULTIPROCESSORS=7"));
    play(scene_errors, 1, NULL);
    play(scene_describe, 1,
         SETTINGS("NESSMAP_STAND_IN_DEVICES=2", "NESSMAP_STAND_IN_DRIVER=12040",
                  "NESSMAP_STAND_IN_MEMORY=2147483648", "NESSMAP_STAND_IN_MULTIPROCESSORS=132",
                  "NESSMAP_STAND_IN_FAIL=context:2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
