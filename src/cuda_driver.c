/* Loads the CUDA driver with dlopen, words its errors, and tells what devices there are. */
#include "cuda_driver.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"

static const char library_name[] = "libcuda.so.1"; /* the name that every Linux driver installs */

static struct {
    pthread_once_t once;
    nm_cuda_driver driver;
    int is_there, is_absent;
    char error[512]; /* the sentence, where it is not */
} loaded = {.once = PTHREAD_ONCE_INIT};

static void split_version(int version, int *major, int *minor)
{
    *major = version / 1000;
    *minor = version % 1000 / 10;
}

/* What a result is called, by the driver or, where it does not know it, as well as can be. */
static void name_result(const nm_cuda_driver *driver, int result, const char **name,
                        const char **text)
{
    *name = *text = NULL;
    if (driver->cuGetErrorName((unsigned)result, name) != NM_CU_SUCCESS || !*name) {
        *name = "an error without a name";
    }
    if (driver->cuGetErrorString((unsigned)result, text) != NM_CU_SUCCESS || !*text) {
        *text = "the driver says no more";
    }
}

nm_status nm_cuda_check(const nm_cuda_driver *driver, int result, const char *what)
{
    if (result == NM_CU_SUCCESS) {
        return NM_OK;
    }
    const char *name, *text;
    name_result(driver, result, &name, &text);
    return nm_fail(NM_DEVICE, "CUDA: %s failed: %s (%s, error %d)", what, text, name, result);
}

static nm_status find_functions(void *library, nm_cuda_driver *driver)
{
    int version = 0, major, minor, oldest_major, oldest_minor;
    split_version(NM_CU_OLDEST_DRIVER, &oldest_major, &oldest_minor);
    /* the version first: an old driver is better named so than by a function that it lacks */
    int (*get_version)(int *) = NULL;
    *(void **)&get_version = dlsym(library, "cuDriverGetVersion");
    if (!get_version || get_version(&version) != NM_CU_SUCCESS) {
        return nm_fail(NM_DEVICE, "CUDA: %s does not say its version: it is no NVIDIA driver",
                       library_name);
    }
    split_version(version, &major, &minor);
    if (version < NM_CU_OLDEST_DRIVER) {
        return nm_fail(NM_DEVICE,
                       "CUDA: the NVIDIA driver is one of CUDA %d.%d, and CUDA %d.%d or later is "
                       "needed; a later driver can be installed, or --backend cpu used",
                       major, minor, oldest_major, oldest_minor);
    }
    driver->version = version;
#define FIND(member, symbol, parameters)                                                           \
    *(void **)&driver->member = dlsym(library, #symbol);                                           \
    if (!driver->member) {                                                                         \
        return nm_fail(NM_DEVICE,                                                                  \
                       "CUDA: the NVIDIA driver of CUDA %d.%d has no %s, which those of CUDA "     \
                       "%d.%d and later have",                                                     \
                       major, minor, #symbol, oldest_major, oldest_minor);                         \
    }
    NM_CU_FUNCTION_LIST(FIND)
#undef FIND
    return NM_OK;
}

static nm_status count_devices(nm_cuda_driver *driver)
{
    int result = driver->cuInit(0);
    if (result == NM_CU_SUCCESS) {
        result = driver->cuDeviceGetCount(&driver->n_devices);
    }
    if (result == NM_CU_NO_DEVICE || (result == NM_CU_SUCCESS && driver->n_devices < 1)) {
        loaded.is_absent = 1;
        const char *visible = getenv("CUDA_VISIBLE_DEVICES");
        return nm_fail(NM_DEVICE, "CUDA: the driver finds no device%s%s%s",
                       visible ? ", where CUDA_VISIBLE_DEVICES is \"" : "", visible ? visible : "",
                       visible ? "\"" : "; --backend cpu needs none");
    }
    return nm_cuda_check(driver, result, "starting the driver");
}

static nm_status load(nm_cuda_driver *driver)
{
    void *library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        loaded.is_absent = 1;
        return nm_fail(NM_DEVICE,
                       "CUDA: no NVIDIA driver: %s; one of CUDA %d.%d or later is needed, or "
                       "--backend cpu, which runs everywhere",
                       dlerror(), NM_CU_OLDEST_DRIVER / 1000, NM_CU_OLDEST_DRIVER % 1000 / 10);
    }
    nm_status status = find_functions(library, driver);
    if (status != NM_OK) {
        /* nothing of it has run but the question for its version */
        dlclose(library);
        return status;
    }
    /* from here on it keeps threads and handlers of its own, so it stays loaded whatever it says */
    return count_devices(driver);
}

static void load_once(void)
{
    loaded.is_there = load(&loaded.driver) == NM_OK;
    if (!loaded.is_there) {
        snprintf(loaded.error, sizeof loaded.error, "%s", nm_last_error());
    }
}

nm_status nm_cuda_driver_get(const nm_cuda_driver **driver)
{
    *driver = NULL;
    pthread_once(&loaded.once, load_once);
    if (!loaded.is_there) {
        return nm_fail(NM_DEVICE, "%s", loaded.error);
    }
    *driver = &loaded.driver;
    return NM_OK;
}

int nm_cuda_driver_is_absent(void)
{
    const nm_cuda_driver *driver;
    return nm_cuda_driver_get(&driver) != NM_OK && loaded.is_absent;
}

/* Free memory is known to a context only, and the device's own may not exist yet. */
static nm_status look_at_memory(nm_cuda_device_info *info, const nm_cuda_driver *driver,
                                nm_cu_device device)
{
    nm_cu_context before = NULL, context = NULL;
    NM_TRY(nm_cuda_check(driver, driver->cuCtxGetCurrent(&before), "asking for the context"));
    NM_TRY(nm_cuda_check(driver, driver->cuDevicePrimaryCtxRetain(&context, device),
                         "opening the device"));
    int result = driver->cuCtxSetCurrent(context);
    if (result == NM_CU_SUCCESS) {
        result = driver->cuMemGetInfo(&info->free_bytes, &info->total_bytes);
    }
    nm_status status = nm_cuda_check(driver, result, "asking for the free device memory");
    driver->cuCtxSetCurrent(before);
    driver->cuDevicePrimaryCtxRelease(device);
    return status;
}

nm_status nm_cuda_device_look(nm_cuda_device_info *info, const nm_cuda_driver *driver, int number)
{
    memset(info, 0, sizeof *info);
    if (number < 0 || number >= driver->n_devices) {
        return nm_fail(NM_DEVICE, "CUDA: there is no device %d: %d can be seen, numbered from 0",
                       number, driver->n_devices);
    }
    nm_cu_device device;
    NM_TRY(nm_cuda_check(driver, driver->cuDeviceGet(&device, number), "asking for the device"));
    NM_TRY(nm_cuda_check(driver, driver->cuDeviceGetName(info->name, sizeof info->name, device),
                         "asking for the device's name"));
    NM_TRY(nm_cuda_check(driver,
                         driver->cuDeviceGetPCIBusId(info->bus_id, sizeof info->bus_id, device),
                         "asking for the device's place"));
    NM_TRY(nm_cuda_check(driver, driver->cuDeviceTotalMem(&info->total_bytes, device),
                         "asking for the device's memory"));
    const struct {
        unsigned attribute;
        int *value;
    } wanted[] = {
        {NM_CU_CAPABILITY_MAJOR, &info->major},
        {NM_CU_CAPABILITY_MINOR, &info->minor},
        {NM_CU_MULTIPROCESSORS, &info->n_multiprocessors},
        {NM_CU_CLOCK_KHZ, &info->clock_khz},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        NM_TRY(nm_cuda_check(
            driver, driver->cuDeviceGetAttribute(wanted[i].value, wanted[i].attribute, device),
            "asking for an attribute of the device"));
    }
    return look_at_memory(info, driver, device);
}

void nm_cuda_driver_describe(FILE *stream)
{
    const nm_cuda_driver *driver;
    if (nm_cuda_driver_get(&driver) != NM_OK) {
        fprintf(stream, "backend cuda     %s\n", nm_last_error());
        return;
    }
    int major, minor;
    split_version(driver->version, &major, &minor);
    fprintf(stream, "backend cuda     driver of CUDA %d.%d, %d device%s\n", major, minor,
            driver->n_devices, driver->n_devices == 1 ? "" : "s");
    for (int i = 0; i < driver->n_devices; i++) {
        nm_cuda_device_info info;
        if (nm_cuda_device_look(&info, driver, i) != NM_OK) {
            fprintf(stream, "                 device %d: %s\n", i, nm_last_error());
            continue;
        }
        const double gib = 1024.0 * 1024.0 * 1024.0;
        fprintf(stream,
                "                 device %d: %s, memory %.1f GiB (%.1f GiB free), compute "
                "capability %d.%d, %d multiprocessors\n",
                i, info.name, (double)info.total_bytes / gib, (double)info.free_bytes / gib,
                info.major, info.minor, info.n_multiprocessors);
    }
}
