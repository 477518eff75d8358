/* The stand-in driver's devices, contexts and error names. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stand_in.h"

pthread_mutex_t nm_si_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t nm_si_change = PTHREAD_COND_INITIALIZER;

static int is_initialized, n_devices;
static nm_si_device devices[MAX_DEVICES];
static struct CUctx_st contexts[MAX_DEVICES]; /* the primary ones */
static __thread nm_cu_context current;

/* --- errors ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int value;
} constants[] = {
#define CONSTANT(ours, theirs, value) {#theirs, value},
    NM_CU_CONSTANT_LIST(CONSTANT)
#undef CONSTANT
};

static const struct {
    int value;
    const char *text;
} texts[] = {
    {NM_CU_SUCCESS, "no error"},
    {NM_CU_INVALID_VALUE, "invalid argument"},
    {NM_CU_OUT_OF_MEMORY, "out of memory"},
    {NM_CU_NOT_INITIALIZED, "initialization error"},
    {NM_CU_NO_DEVICE, "no CUDA-capable device is detected"},
    {NM_CU_INVALID_DEVICE, "invalid device ordinal"},
    {NM_CU_INVALID_IMAGE, "device kernel image is invalid"},
    {NM_CU_INVALID_CONTEXT, "invalid device context"},
    {NM_CU_NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"},
    {NM_CU_INVALID_HANDLE, "invalid resource handle"},
    {NM_CU_NOT_FOUND, "named symbol not found"},
    {NM_CU_NOT_READY, "device not ready"},
    {NM_CU_ILLEGAL_ADDRESS, "an illegal memory access was encountered"},
    {NM_CU_OUT_OF_RESOURCES, "too many resources requested for launch"},
    {NM_CU_LAUNCH_FAILED, "unspecified launch failure"},
    {NM_CU_UNKNOWN, "unknown error"},
};

int cuGetErrorName(unsigned result, const char **name)
{
    *name = NULL;
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        /* the list has other numbers too, under names that begin with CU_ */
        if (constants[i].value == (int)result && strncmp(constants[i].name, "CUDA_", 5) == 0) {
            *name = constants[i].name;
            return NM_CU_SUCCESS;
        }
    }
    return NM_CU_INVALID_VALUE;
}

int cuGetErrorString(unsigned result, const char **text)
{
    *text = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].value == (int)result) {
            *text = texts[i].text;
            return NM_CU_SUCCESS;
        }
    }
    return NM_CU_INVALID_VALUE;
}

/* --- devices ---------------------------------------------------------------------------------- */

int cuDriverGetVersion(int *version)
{
    *version = (int)nm_si_option("NESSMAP_STAND_IN_DRIVER", 0, 13000);
    return NM_CU_SUCCESS;
}

/* Numbers by commas; the first that is no device ends the list, as in the driver. */
static void find_visible(int n_physical)
{
    n_devices = 0;
    const char *text = getenv("CUDA_VISIBLE_DEVICES");
    int wanted = 0;
    while (n_devices < MAX_DEVICES) {
        if (text) {
            char *end;
            wanted = (int)strtol(text, &end, 10);
            if (end == text) {
                break;
            }
            text = *end == ',' ? end + 1 : end;
        }
        int is_repeated = 0;
        for (int i = 0; i < n_devices; i++) {
            is_repeated |= devices[i].physical == wanted;
        }
        if (wanted < 0 || wanted >= n_physical || is_repeated) {
            break;
        }
        devices[n_devices] = (nm_si_device){
            .number = n_devices, .physical = wanted, .context = &contexts[n_devices]};
        contexts[n_devices].device = &devices[n_devices];
        n_devices++;
        wanted++;
    }
}

int cuInit(unsigned flags)
{
    if (flags != 0) {
        return NM_CU_INVALID_VALUE;
    }
    pthread_mutex_lock(&nm_si_lock);
    if (!is_initialized) {
        int n_physical = (int)nm_si_option("NESSMAP_STAND_IN_DEVICES", 0, 1);
        find_visible(n_physical < MAX_DEVICES ? n_physical : MAX_DEVICES);
        is_initialized = n_devices > 0;
    }
    int result = is_initialized ? NM_CU_SUCCESS : NM_CU_NO_DEVICE;
    pthread_mutex_unlock(&nm_si_lock);
    nm_si_log("call cuInit result=%d devices=%d", result, n_devices);
    return result;
}

/* NVRTC asks the driver for tables of functions that nobody documents, and does without. */
DRIVER_FUNCTION int cuGetExportTable(const void **table, const void *id);
int cuGetExportTable(const void **table, const void *id)
{
    (void)id;
    *table = NULL;
    return NM_CU_NOT_FOUND;
}

int cuDeviceGetCount(int *count)
{
    *count = n_devices;
    return is_initialized ? NM_CU_SUCCESS : NM_CU_NOT_INITIALIZED;
}

int cuDeviceGet(nm_cu_device *device, int number)
{
    if (!is_initialized) {
        return NM_CU_NOT_INITIALIZED;
    }
    *device = number;
    return number >= 0 && number < n_devices ? NM_CU_SUCCESS : NM_CU_INVALID_DEVICE;
}

static nm_si_device *device_of(nm_cu_device device)
{
    return is_initialized && device >= 0 && device < n_devices ? &devices[device] : NULL;
}

int cuDeviceGetName(char *name, int bytes, nm_cu_device device)
{
    nm_si_device *d = device_of(device);
    if (!d || bytes < 1) {
        return NM_CU_INVALID_DEVICE;
    }
    snprintf(name, (size_t)bytes, "stand-in GPU %d", d->physical);
    return NM_CU_SUCCESS;
}

int cuDeviceGetPCIBusId(char *id, int bytes, nm_cu_device device)
{
    nm_si_device *d = device_of(device);
    if (!d || bytes < 13) {
        return NM_CU_INVALID_VALUE;
    }
    snprintf(id, (size_t)bytes, "0000:%02x:00.0", d->physical + 1);
    return NM_CU_SUCCESS;
}

static size_t total_bytes(const nm_si_device *d)
{
    return (size_t)nm_si_option("NESSMAP_STAND_IN_MEMORY", d->physical, INT64_C(1) << 28);
}

int cuDeviceTotalMem_v2(size_t *bytes, nm_cu_device device)
{
    nm_si_device *d = device_of(device);
    *bytes = d ? total_bytes(d) : 0;
    return d ? NM_CU_SUCCESS : NM_CU_INVALID_DEVICE;
}

int cuDeviceGetAttribute(int *value, unsigned attribute, nm_cu_device device)
{
    nm_si_device *d = device_of(device);
    if (!d) {
        return NM_CU_INVALID_DEVICE;
    }
    int capability = (int)nm_si_option("NESSMAP_STAND_IN_CAPABILITY", d->physical, 90);
    switch (attribute) {
    case NM_CU_MAX_BLOCK_THREADS:
        *value = 1024;
        break;
    case NM_CU_WARP_SIZE:
        *value = 32;
        break;
    case NM_CU_CLOCK_KHZ:
    case NM_CU_MEMORY_CLOCK_KHZ:
        *value = 1000000;
        break;
    case NM_CU_MULTIPROCESSORS:
        *value = (int)nm_si_option("NESSMAP_STAND_IN_MULTIPROCESSORS", d->physical, 4);
        break;
    case NM_CU_ECC_ENABLED:
        *value = 1;
        break;
    case NM_CU_MEMORY_BUS_BITS:
        *value = 64;
        break;
    case NM_CU_COPY_ENGINES:
        *value = 2;
        break;
    case NM_CU_CAPABILITY_MAJOR:
        *value = capability / 10;
        break;
    case NM_CU_CAPABILITY_MINOR:
        *value = capability % 10;
        break;
    default:
        nm_si_violation("cuDeviceGetAttribute: the stand-in does not know attribute %u", attribute);
        return NM_CU_INVALID_VALUE;
    }
    return NM_CU_SUCCESS;
}

/* --- contexts --------------------------------------------------------------------------------- */

nm_cu_context nm_si_context(int number)
{
    return number < n_devices ? &contexts[number] : NULL;
}

nm_cu_context nm_si_enter(int *result)
{
    pthread_mutex_lock(&nm_si_lock);
    if (!current || current->n_retained == 0) {
        *result = is_initialized ? NM_CU_INVALID_CONTEXT : NM_CU_NOT_INITIALIZED;
        pthread_mutex_unlock(&nm_si_lock);
        nm_si_violation("a call without a context");
        return NULL;
    }
    *result = current->error;
    return current;
}

int nm_si_leave(nm_cu_context context, const char *name, int result, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    nm_si_log("call %s device=%d result=%d %s", name, context->device->physical, result, text);
    pthread_mutex_unlock(&nm_si_lock);
    return result;
}

int cuDevicePrimaryCtxSetFlags_v2(nm_cu_device device, unsigned flags)
{
    return device_of(device) && flags < 64 ? NM_CU_SUCCESS : NM_CU_INVALID_VALUE;
}

int cuDevicePrimaryCtxRetain(nm_cu_context *context, nm_cu_device device)
{
    nm_si_device *d = device_of(device);
    *context = NULL;
    if (!d) {
        return NM_CU_INVALID_DEVICE;
    }
    if (nm_si_fails(FAULT_CONTEXT, d->physical)) {
        return NM_CU_OUT_OF_MEMORY;
    }
    pthread_mutex_lock(&nm_si_lock);
    nm_cu_context c = d->context;
    int result = d->is_lost ? NM_CU_UNKNOWN : NM_CU_SUCCESS;
    if (result == NM_CU_SUCCESS && c->n_retained == 0) {
        c->error = 0;
        c->dflt = nm_si_stream_new(c, NM_CU_STREAM_DEFAULT);
        result = c->dflt ? NM_CU_SUCCESS : NM_CU_OUT_OF_MEMORY;
    }
    if (result == NM_CU_SUCCESS) {
        c->n_retained++;
        *context = c;
    }
    return nm_si_leave(c, "cuDevicePrimaryCtxRetain", result, "retained=%d", c->n_retained);
}

/* Says what of a context was not given back. */
static void report_leaks(nm_cu_context c)
{
    size_t n_bytes = 0;
    int n_blocks = nm_si_count_device(c->device, &n_bytes), n_streams = 0, n_events = 0,
        n_modules = 0;
    for (nm_cu_stream s = c->streams; s; s = s->next) {
        n_streams += s != c->dflt;
    }
    for (nm_cu_event e = c->events; e; e = e->next) {
        n_events++;
    }
    for (nm_cu_module m = c->modules; m; m = m->next) {
        n_modules++;
    }
    if (n_blocks + n_streams + n_events + n_modules > 0) {
        nm_si_log("leak device=%d blocks=%d bytes=%zu streams=%d events=%d modules=%d",
                  c->device->physical, n_blocks, n_bytes, n_streams, n_events, n_modules);
    }
}

int cuDevicePrimaryCtxRelease_v2(nm_cu_device device)
{
    nm_si_device *d = device_of(device);
    if (!d) {
        return NM_CU_INVALID_DEVICE;
    }
    pthread_mutex_lock(&nm_si_lock);
    nm_cu_context c = d->context;
    int result = d->is_lost ? NM_CU_UNKNOWN : NM_CU_SUCCESS;
    if (c->n_retained == 0) {
        nm_si_violation("cuDevicePrimaryCtxRelease: the context of device %d is not retained",
                        d->physical);
        result = NM_CU_INVALID_CONTEXT;
    } else if (--c->n_retained == 0) {
        nm_si_drain(c);
        report_leaks(c);
        while (c->modules) {
            nm_si_module_end(c->modules);
        }
        while (c->events) {
            nm_si_forget_event(c->events);
        }
        while (c->streams) {
            nm_si_stream_end(c->streams);
        }
        c->dflt = NULL;
        nm_si_free_device(d);
    }
    return nm_si_leave(c, "cuDevicePrimaryCtxRelease", result, "retained=%d", c->n_retained);
}

int cuCtxSetCurrent(nm_cu_context context)
{
    int result = NM_CU_SUCCESS;
    pthread_mutex_lock(&nm_si_lock);
    if (context && context->n_retained == 0) {
        result = NM_CU_INVALID_CONTEXT;
    } else {
        current = context;
    }
    pthread_mutex_unlock(&nm_si_lock);
    return result;
}

int cuCtxGetCurrent(nm_cu_context *context)
{
    *context = current;
    return is_initialized ? NM_CU_SUCCESS : NM_CU_NOT_INITIALIZED;
}

int cuMemGetInfo_v2(size_t *unused, size_t *total)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    *total = total_bytes(c->device);
    *unused = *total > c->device->used_bytes ? *total - c->device->used_bytes : 0;
    return nm_si_leave(c, "cuMemGetInfo", result, "free=%zu total=%zu", *unused, *total);
}

/* The lock is not taken: a thread that still works would hold up the end of the program. */
__attribute__((destructor)) static void at_exit(void)
{
    for (int i = 0; i < n_devices; i++) {
        if (contexts[i].n_retained > 0) {
            nm_si_log("leak device=%d context=%d", devices[i].physical, contexts[i].n_retained);
            report_leaks(&contexts[i]);
        }
    }
    size_t n_bytes = 0;
    int n_blocks = nm_si_count_pinned(&n_bytes);
    if (n_blocks > 0) {
        nm_si_log("leak host blocks=%d bytes=%zu", n_blocks, n_bytes);
    }
}
