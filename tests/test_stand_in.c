/* The stand-in CUDA driver itself: it must catch what a real device would not forgive, and fail
 * when it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <time.h>

#include "cuda_driver.h"
#include "nessmap/model_abi.h"
#include "stand_in_child.h"

enum { THREADS = 64, N = 1000 };

static const nm_cuda_driver *cu;

/* a device with one batch of N points */
typedef struct gpu {
    nm_cu_context context;
    nm_cu_module module;
    nm_cu_stream stream;
    nm_cu_pointer first, points, results, n_follow;
    nm_batch batch;
    int64_t *values; /* [N] pinned */
} gpu;

#define GOOD(call) HOLDS((call) == NM_CU_SUCCESS)

static int open_gpu(gpu *g, int number)
{
    memset(g, 0, sizeof *g);
    HOLDS(nm_cuda_driver_get(&cu) == NM_OK);
    GOOD(cu->cuDevicePrimaryCtxRetain(&g->context, number));
    GOOD(cu->cuCtxSetCurrent(g->context));
    GOOD(cu->cuModuleLoadData(&g->module, nm_stand_in_image));
    GOOD(cu->cuStreamCreate(&g->stream, NM_CU_STREAM_NON_BLOCKING));
    GOOD(cu->cuMemAlloc(&g->first, 8));
    GOOD(cu->cuMemAlloc(&g->points, 8));
    GOOD(cu->cuMemAlloc(&g->results, 8 * N));
    GOOD(cu->cuMemAlloc(&g->n_follow, 8));
    GOOD(cu->cuMemHostAlloc((void **)&g->values, 8 * N, NM_CU_HOST_PORTABLE));
    const int64_t first = 5000000000, points = N, zero = 0;
    GOOD(cu->cuMemcpyHtoD(g->first, &first, 8));
    GOOD(cu->cuMemcpyHtoD(g->points, &points, 8));
    GOOD(cu->cuMemcpyHtoD(g->n_follow, &zero, 8));
    g->batch = (nm_batch){.n_tiles = 1,
                          .tile_points = N,
                          .first = (const int64_t *)g->first,
                          .points = (const int64_t *)g->points,
                          .results = (char *)g->results,
                          .n_follow = (unsigned long long *)g->n_follow};
    return 0;
}

static int close_gpu(gpu *g, int number)
{
    GOOD(cu->cuCtxSetCurrent(g->context));
    GOOD(cu->cuMemFree(g->first));
    GOOD(cu->cuMemFree(g->points));
    GOOD(cu->cuMemFree(g->results));
    GOOD(cu->cuMemFree(g->n_follow));
    GOOD(cu->cuMemFreeHost(g->values));
    GOOD(cu->cuStreamDestroy(g->stream));
    GOOD(cu->cuModuleUnload(g->module));
    GOOD(cu->cuDevicePrimaryCtxRelease(number));
    return 0;
}

static int launch(gpu *g, const char *name, unsigned n_blocks)
{
    nm_cu_function kernel;
    int result = cu->cuModuleGetFunction(&kernel, g->module, name);
    if (result != NM_CU_SUCCESS) {
        return result;
    }
    nm_batch batch = g->batch;
    void *parameters[] = {&batch};
    result =
        cu->cuLaunchKernel(kernel, n_blocks, 1, 1, THREADS, 1, 1, 0, g->stream, parameters, NULL);
    memset(&batch, 0xff, sizeof batch); /* the driver has its copy */
    return result;
}

static void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000L * ms}, NULL);
}

/* --- memory ----------------------------------------------------------------------------------- */

static int scene_memory(void)
{
    gpu g;
    char bytes[200];
    size_t unused, total;
    nm_cu_pointer a, b;
    HOLDS(open_gpu(&g, 0) == 0);
    GOOD(cu->cuMemGetInfo(&unused, &total));
    HOLDS(total == 100000 && unused == total - 3 * 256 - 8192);
    HOLDS(cu->cuMemAlloc(&a, unused + 1) == NM_CU_OUT_OF_MEMORY && a == 0);
    HOLDS(cu->cuMemAlloc(&a, 0) == NM_CU_INVALID_VALUE);
    GOOD(cu->cuMemAlloc(&a, 80000));
    HOLDS(a >> 48 != 0 && a % 256 == 0); /* no address that the host can read */
    HOLDS(cu->cuMemAlloc(&b, 20000) == NM_CU_OUT_OF_MEMORY);
    GOOD(cu->cuMemcpyDtoH(bytes, a + 79800, 200));
    for (int i = 0; i < 200; i++) {
        HOLDS((unsigned char)bytes[i] == 0xA5);
    }
    HOLDS(nm_stand_in_lines("violation") == 0);

    HOLDS(cu->cuMemcpyDtoH(bytes, a + 79801, 200) == NM_CU_INVALID_VALUE);
    HOLDS(cu->cuMemcpyHtoD(a - 1, bytes, 1) == NM_CU_INVALID_VALUE);
    HOLDS(cu->cuMemcpyHtoD((nm_cu_pointer)(uintptr_t)bytes, bytes, 1) == NM_CU_INVALID_VALUE);
    HOLDS(cu->cuMemsetD8Async(a + 1, 0, 80000, g.stream) == NM_CU_INVALID_VALUE);
    HOLDS(cu->cuMemcpyDtoHAsync((char *)g.values + 1, a, 8 * N, g.stream) == NM_CU_INVALID_VALUE);
    HOLDS(cu->cuMemFree(a + 256) == NM_CU_INVALID_VALUE);
    GOOD(cu->cuMemFree(a));
    HOLDS(cu->cuMemFree(a) == NM_CU_INVALID_VALUE);
    HOLDS(cu->cuMemcpyDtoH(bytes, a, 1) == NM_CU_INVALID_VALUE);
    HOLDS(cu->cuMemFreeHost(bytes) == NM_CU_INVALID_VALUE);
    HOLDS(nm_stand_in_lines("violation") == 9);

    /* a kernel that writes past its results: found when they are freed */
    HOLDS(launch(&g, "small_overrun", 1) == NM_CU_SUCCESS);
    GOOD(cu->cuStreamSynchronize(g.stream));
    const int64_t points = 8 * N;
    GOOD(cu->cuMemcpyHtoD(g.points, &points, 8));
    HOLDS(launch(&g, "small_overrun", 1) == NM_CU_SUCCESS);
    GOOD(cu->cuStreamSynchronize(g.stream));
    HOLDS(close_gpu(&g, 0) == 0);
    HOLDS(nm_stand_in_lines("violation something was written outside a block of 8000 bytes") == 1);
    HOLDS(nm_stand_in_lines("violation") == 10 && nm_stand_in_lines("leak") == 0);
    return 0;
}

/* NVRTC asks for this by itself, and falls over where a driver has not even the function. */
static int scene_nvrtc(void)
{
    int (*get)(const void **table, const void *id);
    const void *table = &table;
    *(void **)&get = dlsym(dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD), "cuGetExportTable");
    HOLDS(get && get(&table, NULL) != NM_CU_SUCCESS && table == NULL);
    return 0;
}

static int scene_leaks(void)
{
    gpu g;
    nm_cu_event event;
    nm_cu_stream stream;
    HOLDS(open_gpu(&g, 0) == 0);
    GOOD(cu->cuEventCreate(&event, 0));
    GOOD(cu->cuStreamCreate(&stream, 0));
    GOOD(cu->cuMemFree(g.first));
    GOOD(cu->cuDevicePrimaryCtxRelease(0));
    HOLDS(nm_stand_in_lines("leak device=0 blocks=3 bytes=8016 streams=2 events=1 modules=1") == 1);
    /* what belonged to the context has gone with it, and so has the context */
    HOLDS(cu->cuMemFree(g.points) == NM_CU_INVALID_CONTEXT);
    HOLDS(cu->cuDevicePrimaryCtxRelease(0) == NM_CU_INVALID_CONTEXT);
    return 0; /* pinned memory is left to the end of the process */
}

/* --- streams ---------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A look at what a stream may be writing, and a change of what it may be reading: races on purpose, of which
 * ThreadSanitizer need not tell. */
__attribute__((noinline, no_sanitize("thread"))) static int64_t peek(const int64_t *at)
{
    return *(const volatile int64_t *)at;
}
__attribute__((noinline, no_sanitize("thread"))) static void poke(int64_t *at, int64_t value)
{
    *(volatile int64_t *)at = value;
}

/* kernels take 60 ms, copies 60 ms */
static int scene_order(void)
{
    gpu g;
    nm_cu_event begin, end, filled;
    nm_cu_stream other;
    float ms;
    HOLDS(open_gpu(&g, 0) == 0);
    GOOD(cu->cuStreamCreate(&other, NM_CU_STREAM_NON_BLOCKING));
    GOOD(cu->cuEventCreate(&begin, 0));
    GOOD(cu->cuEventCreate(&end, 0));
    GOOD(cu->cuEventCreate(&filled, NM_CU_EVENT_NO_TIMING));
    GOOD(cu->cuEventSynchronize(filled)); /* one that was never recorded holds up nobody */
    for (int i = 0; i < N; i++) {
        g.values[i] = -1;
    }
    int64_t start = now_ms();
    GOOD(cu->cuEventRecord(begin, g.stream));
    GOOD(launch(&g, "small_fill", N / THREADS + 1));
    GOOD(cu->cuEventRecord(filled, g.stream));
    /* the other stream waits for the kernel, copies, and the first goes on after that */
    GOOD(cu->cuStreamWaitEvent(other, filled, 0));
    GOOD(cu->cuMemcpyDtoHAsync(g.values, g.results, 8 * N, other));
    GOOD(cu->cuEventRecord(end, other));
    GOOD(cu->cuStreamWaitEvent(g.stream, end, 0));
    GOOD(launch(&g, "small_add", N / THREADS + 1));
    HOLDS(now_ms() - start < 40);
    HOLDS(cu->cuEventQuery(end) == NM_CU_NOT_READY);
    HOLDS(cu->cuEventElapsedTime(&ms, begin, end) == NM_CU_NOT_READY);
    HOLDS(peek(g.values) == -1);
    /* while the copy is under way the buffer holds neither the old nor the new */
    sleep_ms(90);
    HOLDS(peek(g.values) == (int64_t)0xA5A5A5A5A5A5A5A5);
    GOOD(cu->cuEventSynchronize(end));
    GOOD(cu->cuEventQuery(end));
    for (int i = 0; i < N; i++) {
        HOLDS(g.values[i] == 5000000000 + i);
    }
    GOOD(cu->cuEventElapsedTime(&ms, begin, end));
    HOLDS(ms >= 119.0f && ms < 2000.0f);
    HOLDS(cu->cuEventElapsedTime(&ms, begin, filled) == NM_CU_INVALID_HANDLE);
    GOOD(cu->cuCtxSynchronize());
    HOLDS(now_ms() - start >= 179);
    GOOD(cu->cuMemcpyDtoH(g.values, g.results, 8 * N));
    for (int i = 0; i < N; i++) {
        HOLDS(g.values[i] == 5000000000 + i + 1);
    }
    int64_t n_follow;
    GOOD(cu->cuMemcpyDtoH(&n_follow, g.n_follow, 8));
    HOLDS(n_follow == N);

    /* events go when the last that waits for them is done */
    GOOD(launch(&g, "small_add", 1));
    GOOD(cu->cuEventRecord(end, g.stream));
    GOOD(cu->cuStreamWaitEvent(other, end, 0));
    GOOD(cu->cuEventDestroy(end));
    HOLDS(cu->cuEventDestroy(end) == NM_CU_INVALID_HANDLE);
    GOOD(cu->cuEventDestroy(begin));
    GOOD(cu->cuEventDestroy(filled));
    GOOD(cu->cuStreamDestroy(other));
    HOLDS(cu->cuStreamSynchronize(other) == NM_CU_INVALID_HANDLE);

    /* pinned memory that a queued copy will write to */
    void *pinned;
    GOOD(cu->cuMemHostAlloc(&pinned, 64, 0));
    GOOD(cu->cuMemcpyDtoHAsync(pinned, g.results, 64, g.stream));
    int n = nm_stand_in_lines("violation");
    GOOD(cu->cuMemFreeHost(pinned));
    HOLDS(nm_stand_in_lines("violation") == n + 1);
    /* a source that changes before its copy is made: the change is what arrives */
    g.values[0] = 1;
    GOOD(cu->cuMemcpyHtoDAsync(g.results, g.values, 8, g.stream));
    poke(g.values, 2);
    GOOD(cu->cuStreamSynchronize(g.stream));
    int64_t value = 3;
    /* pageable memory is copied at once */
    GOOD(cu->cuMemcpyHtoDAsync(g.results + 8, &value, 8, g.stream));
    value = 4;
    GOOD(cu->cuMemcpyDtoH(g.values, g.results, 16));
    HOLDS(g.values[0] == 2 && g.values[1] == 3);
    HOLDS(close_gpu(&g, 0) == 0 && nm_stand_in_lines("leak") == 0);
    return 0;
}

static int find_times(const char *words, long long *begin, long long *end)
{
    const char *found = strstr(nm_stand_in_log(), words);
    found = found ? strstr(found, "begin=") : NULL;
    return found && sscanf(found, "begin=%lld end=%lld", begin, end) == 2;
}

/* the log shows what runs at the same time */
static int scene_overlap(void)
{
    gpu g;
    nm_cu_stream other;
    long long begin[2], end[2];
    HOLDS(open_gpu(&g, 0) == 0);
    GOOD(cu->cuStreamCreate(&other, NM_CU_STREAM_NON_BLOCKING));
    GOOD(launch(&g, "small_fill", N / THREADS + 1));
    GOOD(cu->cuMemcpyDtoHAsync(g.values, g.first, 8, other));
    GOOD(cu->cuCtxSynchronize());
    HOLDS(find_times("work small_fill", &begin[0], &end[0]));
    HOLDS(find_times("work to_host", &begin[1], &end[1]));
    HOLDS(end[0] - begin[0] >= 60000 && end[1] - begin[1] >= 60000);
    HOLDS(begin[0] < end[1] && begin[1] < end[0]);
    GOOD(cu->cuStreamDestroy(other));
    return close_gpu(&g, 0);
}

/* --- kernels ---------------------------------------------------------------------------------- */

static int scene_kernels(void)
{
    gpu g;
    int blocks, value;
    nm_cu_function kernel;
    HOLDS(open_gpu(&g, 0) == 0);
    GOOD(launch(&g, "small_fill", N / THREADS + 1));
    GOOD(launch(&g, "small_add", N / THREADS + 1));
    GOOD(cu->cuMemcpyDtoHAsync(g.values, g.results, 8 * N, g.stream));
    GOOD(cu->cuStreamSynchronize(g.stream));
    for (int i = 0; i < N; i++) {
        HOLDS(g.values[i] == 5000000000 + i + 1);
    }
    for (int repeat = 0; repeat < 2; repeat++) {
        GOOD(cu->cuMemsetD8Async(g.results, 0, 8 * N, g.stream));
        GOOD(launch(&g, "small_sum", N / THREADS));
        GOOD(cu->cuMemcpyDtoHAsync(g.values, g.results, 8 * N, g.stream));
        GOOD(cu->cuStreamSynchronize(g.stream));
        for (int i = 0; i < N; i++) {
            const int64_t block = i / THREADS;
            const int is_even = block % 2 == 0 && block < N / THREADS;
            HOLDS(g.values[i] ==
                  (is_even ? block * 1000 * THREADS + THREADS * (THREADS - 1) / 2 : 0));
        }
    }
    HOLDS(cu->cuModuleGetFunction(&kernel, g.module, "small_nothing") == NM_CU_NOT_FOUND);
    GOOD(cu->cuModuleGetFunction(&kernel, g.module, "small_fill"));
    GOOD(cu->cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, THREADS, 0));
    HOLDS(blocks == 2);
    GOOD(cu->cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, 2 * THREADS, 0));
    HOLDS(blocks == 0);
    GOOD(cu->cuFuncGetAttribute(&value, NM_CU_KERNEL_MAX_THREADS, kernel));
    HOLDS(value == THREADS);
    /* more threads than it was compiled for; no grid; a batch that points into the host */
    void *parameters[] = {&g.batch};
    HOLDS(cu->cuLaunchKernel(kernel, 1, 1, 1, 2 * THREADS, 1, 1, 0, g.stream, parameters, NULL) ==
          NM_CU_OUT_OF_RESOURCES);
    HOLDS(cu->cuLaunchKernel(kernel, 0, 1, 1, THREADS, 1, 1, 0, g.stream, parameters, NULL) ==
          NM_CU_INVALID_VALUE);
    g.batch.results = (char *)g.values;
    HOLDS(launch(&g, "small_fill", 1) == NM_CU_INVALID_VALUE);
    HOLDS(nm_stand_in_lines("nm_batch.results") == 1);
    nm_cu_module module;
    HOLDS(cu->cuModuleLoadData(&module, "PTX and other texts, which are neither cubin nor fatbin "
                                        "and long enough") == NM_CU_INVALID_IMAGE);
    return close_gpu(&g, 0);
}

/* A kernel that strays is an error of its device, and the program goes on; so does another
 * device. */
static int scene_stray(void)
{
    gpu g[2];
    for (int i = 0; i < 2; i++) {
        HOLDS(open_gpu(&g[i], i) == 0);
        GOOD(launch(&g[i], "small_fill", 1));
    }
    GOOD(launch(&g[1], "small_stray", 4));
    HOLDS(cu->cuStreamSynchronize(g[1].stream) == NM_CU_ILLEGAL_ADDRESS);
    HOLDS(nm_stand_in_lines("violation kernel small_stray, block 2, thread 5: signal 11") == 1);
    GOOD(cu->cuCtxSetCurrent(g[0].context));
    GOOD(launch(&g[0], "small_sum", 4));
    GOOD(cu->cuStreamSynchronize(g[0].stream));
    GOOD(launch(&g[0], "small_deep", 1));
    HOLDS(cu->cuStreamSynchronize(g[0].stream) == NM_CU_ILLEGAL_ADDRESS);
    HOLDS(nm_stand_in_lines("violation") == 2);
    for (int i = 0; i < 2; i++) {
        GOOD(cu->cuDevicePrimaryCtxRelease(i));
    }
    return 0;
}

static int set_task(gpu *g, uint64_t seed, nm_cu_pointer table)
{
    nm_cu_pointer place;
    size_t n_bytes;
    nm_task task = {.abi = NM_ABI};
    task.draw.seed = seed;
    task.draw.axis[0].n = 3;
    task.draw.axis[0].values = (const double *)table;
    GOOD(cu->cuCtxSetCurrent(g->context));
    GOOD(cu->cuModuleGetGlobal(&place, &n_bytes, g->module, "nm_gpu_task"));
    HOLDS(n_bytes == sizeof task);
    GOOD(cu->cuMemcpyHtoD(place, &task, sizeof task));
    return 0;
}

/* Two devices have a task each, and pointers in it mean each device's memory. */
static int scene_modules(void)
{
    gpu g[2];
    nm_cu_pointer table[2], place;
    size_t n_bytes;
    const double values[2][3] = {{1.5, 2.5, 3.5}, {-4.5, -5.5, -6.5}};
    for (int i = 0; i < 2; i++) {
        HOLDS(open_gpu(&g[i], i) == 0);
        GOOD(cu->cuMemAlloc(&table[i], sizeof values[i]));
        GOOD(cu->cuMemcpyHtoD(table[i], values[i], sizeof values[i]));
        HOLDS(set_task(&g[i], 77 + (uint64_t)i, table[i]) == 0);
    }
    nm_gpu_sizes sizes;
    GOOD(cu->cuModuleGetGlobal(&place, &n_bytes, g[1].module, "nm_gpu_sizes_of"));
    HOLDS(n_bytes == sizeof sizes);
    GOOD(cu->cuMemcpyDtoH(&sizes, place, sizeof sizes));
    HOLDS(sizes.abi == NM_ABI && sizes.threads == THREADS && sizes.fixed == 256);
    HOLDS(cu->cuModuleGetGlobal(&place, &n_bytes, g[1].module, "nothing") == NM_CU_NOT_FOUND);
    for (int i = 1; i >= 0; i--) {
        GOOD(cu->cuCtxSetCurrent(g[i].context));
        GOOD(launch(&g[i], "small_task", 1));
        GOOD(cu->cuMemcpyDtoHAsync(g[i].values, g[i].results, 32, g[i].stream));
        GOOD(cu->cuStreamSynchronize(g[i].stream));
        HOLDS(g[i].values[0] == 77 + i && memcmp(g[i].values + 1, values[i], 24) == 0);
    }
    HOLDS(nm_stand_in_lines("violation") == 0);
    /* handles and addresses of the other device */
    HOLDS(set_task(&g[0], 1, table[1]) == 0);
    HOLDS(nm_stand_in_lines("violation") == 1);
    HOLDS(cu->cuMemFree(table[1]) == NM_CU_INVALID_VALUE);
    HOLDS(cu->cuStreamSynchronize(g[1].stream) == NM_CU_INVALID_HANDLE);
    HOLDS(cu->cuModuleUnload(g[1].module) == NM_CU_INVALID_HANDLE);
    HOLDS(nm_stand_in_lines("violation") == 4);
    for (int i = 0; i < 2; i++) {
        GOOD(cu->cuCtxSetCurrent(g[i].context));
        GOOD(cu->cuMemFree(table[i]));
        HOLDS(close_gpu(&g[i], i) == 0);
    }
    HOLDS(nm_stand_in_lines("leak") == 0);
    return 0;
}

/* --- failures on demand ----------------------------------------------------------------------- */

/* alloc:5,host:2+,module:2,stream:2,event:2,launch:2,copy:4 */
static int scene_calls_fail(void)
{
    gpu g;
    nm_cu_pointer a;
    void *pinned;
    nm_cu_module module;
    nm_cu_stream stream;
    nm_cu_event event;
    HOLDS(open_gpu(&g, 0) == 0);
    HOLDS(cu->cuMemAlloc(&a, 8) == NM_CU_OUT_OF_MEMORY);
    GOOD(cu->cuMemAlloc(&a, 8));
    GOOD(cu->cuMemFree(a));
    HOLDS(cu->cuMemHostAlloc(&pinned, 8, 0) == NM_CU_OUT_OF_MEMORY);
    HOLDS(cu->cuMemHostAlloc(&pinned, 8, 0) == NM_CU_OUT_OF_MEMORY);
    HOLDS(cu->cuModuleLoadData(&module, nm_stand_in_image) == NM_CU_NO_BINARY_FOR_GPU);
    HOLDS(cu->cuStreamCreate(&stream, 0) == NM_CU_OUT_OF_MEMORY);
    HOLDS(cu->cuEventCreate(&event, 0) == NM_CU_SUCCESS && cu->cuEventDestroy(event) == 0);
    HOLDS(cu->cuEventCreate(&event, 0) == NM_CU_OUT_OF_MEMORY);
    GOOD(launch(&g, "small_fill", 1));
    HOLDS(launch(&g, "small_fill", 1) == NM_CU_OUT_OF_RESOURCES);
    GOOD(launch(&g, "small_fill", 1));
    HOLDS(cu->cuMemcpyDtoHAsync(g.values, g.results, 8, g.stream) == NM_CU_INVALID_VALUE);
    GOOD(cu->cuMemcpyDtoHAsync(g.values, g.results, 8, g.stream));
    GOOD(cu->cuStreamSynchronize(g.stream));
    HOLDS(nm_stand_in_lines("fault") == 8 && nm_stand_in_lines("violation") == 0);
    return close_gpu(&g, 0);
}

/* What fails on the device shows at the next call that waits, and at every one after that; what
 * is freed is freed. */
static int fails_later(int wanted)
{
    gpu g;
    HOLDS(open_gpu(&g, 0) == 0);
    GOOD(launch(&g, "small_fill", N / THREADS + 1));
    /* the error may be there already */
    int result = cu->cuMemcpyDtoHAsync(g.values, g.results, 8 * N, g.stream);
    HOLDS(result == NM_CU_SUCCESS || result == wanted);
    HOLDS(cu->cuStreamSynchronize(g.stream) == wanted);
    HOLDS(cu->cuCtxSynchronize() == wanted);
    HOLDS(launch(&g, "small_fill", 1) == wanted);
    HOLDS(cu->cuMemFree(g.first) == wanted && cu->cuMemFree(g.points) == wanted);
    HOLDS(cu->cuMemFree(g.results) == wanted && cu->cuMemFree(g.n_follow) == wanted);
    HOLDS(cu->cuMemFreeHost(g.values) == wanted && cu->cuStreamDestroy(g.stream) == wanted);
    HOLDS(cu->cuModuleUnload(g.module) == wanted);
    GOOD(cu->cuDevicePrimaryCtxRelease(0));
    HOLDS(nm_stand_in_lines("leak") == 0 && nm_stand_in_lines("violation") == 0);
    /* another context of the same device works again */
    HOLDS(open_gpu(&g, 0) == 0);
    GOOD(launch(&g, "small_fill", 1));
    GOOD(cu->cuStreamSynchronize(g.stream));
    return close_gpu(&g, 0);
}

static int scene_run_fails(void)
{
    return fails_later(NM_CU_LAUNCH_FAILED);
}

static int scene_transfer_fails(void)
{
    return fails_later(NM_CU_ILLEGAL_ADDRESS);
}

/* lost@1:2 : device 1 goes with its second launch, device 0 stays */
static int scene_lost(void)
{
    gpu g[2];
    nm_cu_context context;
    nm_cu_event event;
    HOLDS(open_gpu(&g[0], 0) == 0 && open_gpu(&g[1], 1) == 0);
    GOOD(cu->cuEventCreate(&event, 0));
    GOOD(launch(&g[1], "small_fill", 1));
    GOOD(cu->cuEventRecord(event, g[1].stream));
    HOLDS(launch(&g[1], "small_fill", 1) == NM_CU_UNKNOWN);
    HOLDS(cu->cuEventSynchronize(event) == NM_CU_UNKNOWN);
    HOLDS(cu->cuMemcpyDtoH(g[1].values, g[1].results, 8) == NM_CU_UNKNOWN);
    HOLDS(cu->cuMemFree(g[1].results) == NM_CU_UNKNOWN);
    HOLDS(cu->cuDevicePrimaryCtxRelease(1) == NM_CU_UNKNOWN);
    HOLDS(cu->cuDevicePrimaryCtxRetain(&context, 1) == NM_CU_UNKNOWN);
    GOOD(cu->cuCtxSetCurrent(g[0].context));
    for (int i = 0; i < 3; i++) {
        GOOD(launch(&g[0], "small_fill", 1));
        GOOD(cu->cuStreamSynchronize(g[0].stream));
    }
    GOOD(cu->cuMemFreeHost(g[1].values));
    return close_gpu(&g[0], 0);
}

static int scene_sync_fails(void)
{
    gpu g;
    HOLDS(open_gpu(&g, 0) == 0);
    GOOD(cu->cuStreamSynchronize(g.stream));
    HOLDS(cu->cuStreamSynchronize(g.stream) == NM_CU_LAUNCH_FAILED);
    HOLDS(cu->cuStreamSynchronize(g.stream) == NM_CU_LAUNCH_FAILED);
    return 0;
}

/* --- the tests -------------------------------------------------------------------------------- */

static void play(int (*scene)(void), const char *const *settings)
{
    assert_int_equal(nm_in_child(scene, 1, settings), 0);
}
#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_memory(void **state)
{
    (void)state;
    play(scene_memory, SETTINGS("NESSMAP_STAND_IN_MEMORY=100000"));
    play(scene_leaks, NULL);
    play(scene_nvrtc, NULL);
}

static void test_streams(void **state)
{
    (void)state;
    const char *delay = "NESSMAP_STAND_IN_DELAY=kernel:60,copy:60";
    play(scene_order, SETTINGS(delay));
    play(scene_overlap, SETTINGS(delay));
}

static void test_kernels(void **state)
{
    (void)state;
    play(scene_kernels, NULL);
    play(scene_kernels, SETTINGS("NESSMAP_STAND_IN_ORDER=reverse"));
    play(scene_kernels, SETTINGS("NESSMAP_STAND_IN_ORDER=mixed"));
    play(scene_stray, SETTINGS("NESSMAP_STAND_IN_DEVICES=2"));
    play(scene_modules, SETTINGS("NESSMAP_STAND_IN_DEVICES=2"));
}

static void test_faults(void **state)
{
    (void)state;
    play(scene_calls_fail,
         SETTINGS(
             "NESSMAP_STAND_IN_FAIL=alloc:5,host:2+,module:2,stream:2,event:2,launch:2,copy:4"));
    play(scene_run_fails, SETTINGS("NESSMAP_STAND_IN_FAIL=run:1"));
    play(scene_transfer_fails, SETTINGS("NESSMAP_STAND_IN_FAIL=transfer:4"));
    play(scene_lost, SETTINGS("NESSMAP_STAND_IN_FAIL=lost@1:2", "NESSMAP_STAND_IN_DEVICES=2"));
    play(scene_sync_fails, SETTINGS("NESSMAP_STAND_IN_FAIL=sync:2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
