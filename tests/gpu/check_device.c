/* The device of gpu_check: what it is, how fast it copies, and which module a model gets on it. */
#include "check.h"

#include <stdlib.h>

#include "cuda_driver.h"
#include "cuda_image.h"

nm_status nm_check_device(FILE *stream)
{
    const nm_cuda_driver *driver;
    nm_cuda_device_info info;
    NM_TRY(nm_cuda_driver_get(&driver));
    NM_TRY(nm_cuda_device_look(&info, driver, 0));
    fprintf(stream, "{\"name\": ");
    nm_check_write_text(stream, info.name);
    fprintf(stream,
            ", \"memory_bytes\": %zu, \"free_bytes\": %zu, \"capability\": \"%d.%d\", "
            "\"multiprocessors\": %d, "
            "\"clock_khz\": %d, \"driver_cuda\": \"%d.%d\", \"devices\": %d, \"bus\": ",
            info.total_bytes, info.free_bytes, info.major, info.minor, info.n_multiprocessors,
            info.clock_khz, driver->version / 1000, driver->version % 1000 / 10, driver->n_devices);
    nm_check_write_text(stream, info.bus_id);
    fprintf(stream, "}\n");
    return NM_OK;
}

/* --- plain copies ------------------------------------------------------------------------------------------- */

typedef struct copy { /* what one measurement holds */
    const nm_cuda_driver *driver;
    nm_cu_device device;
    nm_cu_context context;
    nm_cu_stream stream;
    nm_cu_event start, end;
    nm_cu_pointer from;
    void *to;
} copy;

#define CU(call, what) NM_TRY(nm_cuda_check(c->driver, c->driver->call, what))

static nm_status copy_start(copy *c, int64_t bytes)
{
    NM_TRY(nm_cuda_driver_get(&c->driver));
    CU(cuDeviceGet(&c->device, 0), "opening device 0");
    CU(cuDevicePrimaryCtxRetain(&c->context, c->device), "making a context");
    CU(cuCtxSetCurrent(c->context), "choosing the context");
    CU(cuStreamCreate(&c->stream, NM_CU_STREAM_NON_BLOCKING), "making a stream");
    CU(cuEventCreate(&c->start, NM_CU_EVENT_DEFAULT), "making an event");
    CU(cuEventCreate(&c->end, NM_CU_EVENT_DEFAULT), "making an event");
    CU(cuMemAlloc(&c->from, (size_t)bytes), "taking device memory");
    CU(cuMemHostAlloc(&c->to, (size_t)bytes, NM_CU_HOST_PORTABLE), "taking pinned memory");
    CU(cuMemsetD8Async(c->from, 0x5a, (size_t)bytes, c->stream), "filling device memory");
    CU(cuStreamSynchronize(c->stream), "filling device memory");
    return NM_OK;
}

static nm_status copy_once(copy *c, double *seconds, int64_t bytes)
{
    float milliseconds = 0.0f;
    CU(cuEventRecord(c->start, c->stream), "recording an event");
    CU(cuMemcpyDtoHAsync(c->to, c->from, (size_t)bytes, c->stream), "copying from the device");
    CU(cuEventRecord(c->end, c->stream), "recording an event");
    CU(cuEventSynchronize(c->end), "waiting for a copy");
    CU(cuEventElapsedTime(&milliseconds, c->start, c->end), "timing a copy");
    *seconds = 1e-3 * (double)milliseconds;
    return NM_OK;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static nm_status copy_often(copy *c, nm_check_report *report, int64_t bytes, int n_repeats)
{
    double seconds[64];
    n_repeats = n_repeats > 64 ? 64 : n_repeats;
    NM_TRY(copy_start(c, bytes));
    NM_TRY(copy_once(c, &seconds[0], bytes)); /* the first one also wakes the link */
    for (int i = 0; i < n_repeats; i++) {
        NM_TRY(copy_once(c, &seconds[i], bytes));
    }
    qsort(seconds, (size_t)n_repeats, sizeof seconds[0], compare_doubles);
    nm_check_integer(report, "bytes", bytes);
    nm_check_number(report, "rate_copy_bytes", (double)bytes / seconds[n_repeats / 2]);
    nm_check_number(report, "best_copy_bytes", (double)bytes / seconds[0]);
    nm_check_demand(report, ((const unsigned char *)c->to)[bytes - 1] == 0x5a,
                    "the copy did not arrive");
    return NM_OK;
}

nm_status nm_check_copy_rate(nm_check_report *report, int64_t bytes, int n_repeats)
{
    copy c = {0};
    nm_status status = copy_often(&c, report, bytes, n_repeats);
    if (c.to) {
        c.driver->cuMemFreeHost(c.to);
    }
    if (c.from) {
        c.driver->cuMemFree(c.from);
    }
    if (c.start) {
        c.driver->cuEventDestroy(c.start);
    }
    if (c.end) {
        c.driver->cuEventDestroy(c.end);
    }
    if (c.stream) {
        c.driver->cuStreamDestroy(c.stream);
    }
    if (c.context) {
        c.driver->cuDevicePrimaryCtxRelease(c.device);
    }
    return status;
}

/* --- images --------------------------------------------------------------------------------------------------- */

nm_status nm_check_image(const char *model_name, const char *choices, int major, int minor,
                         const char *path)
{
    const nm_model *model = nm_check_model(model_name);
    if (!model) {
        return nm_fail(NM_USAGE, "gpu_check image: no model %s", model_name);
    }
    nm_check_scan scan;
    nm_cuda_image image = {0};
    nm_check_start(&scan, model);
    nm_check_choose(&scan, choices);
    nm_status status = scan.status == NM_OK ? NM_OK : nm_fail(scan.status, "%s", scan.error);
    if (status == NM_OK) {
        status = nm_cuda_image_get(&image, model, scan.plan->task.choice, major, minor);
    }
    if (status == NM_OK) {
        FILE *file = fopen(path, "wb");
        if (!file || fwrite(image.bytes, 1, image.n_bytes, file) != image.n_bytes) {
            status = nm_fail(NM_IO, "cannot write '%s'", path);
        }
        if (file && fclose(file) != 0 && status == NM_OK) {
            status = nm_fail(NM_IO, "cannot write '%s'", path);
        }
        printf("%s\n", image.origin ? image.origin : "");
    }
    nm_cuda_image_clear(&image);
    nm_check_clear(&scan);
    return status;
}
