/* Kernels of gpu_check, each by itself: the driver that a device is opened with is the real one, but for two calls
 * that note which kernel is which and record an event before and after each launch. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "cuda_batch.h"

enum { MOST_KERNELS = NM_CUDA_MAX_KERNELS, MOST_LAUNCHES = 128 };

typedef struct kernel {
    nm_cu_function function;
    char name[64];
    int64_t n_launches;
    double seconds, first_seconds; /* of all launches; of the first of each batch */
    int registers, local_bytes;
} kernel;

typedef struct launch {
    int kernel, is_first;
    nm_cu_event start, end;
} launch;

/* The driver's calls have no room for a context; one thread times kernels at a time. */
static struct {
    const nm_cuda_driver *driver;
    int n_kernels, n_launches;
    kernel kernel[MOST_KERNELS];
    launch launch[MOST_LAUNCHES];
} book;

static int find_kernel(nm_cu_function *function, nm_cu_module module, const char *name)
{
    int result = book.driver->cuModuleGetFunction(function, module, name);
    if (result == NM_CU_SUCCESS && book.n_kernels < MOST_KERNELS) {
        kernel *k = &book.kernel[book.n_kernels++];
        memset(k, 0, sizeof *k);
        k->function = *function;
        snprintf(k->name, sizeof k->name, "%s", name);
        book.driver->cuFuncGetAttribute(&k->registers, NM_CU_KERNEL_REGISTERS, *function);
        book.driver->cuFuncGetAttribute(&k->local_bytes, NM_CU_KERNEL_LOCAL_BYTES, *function);
    }
    return result;
}

static int number_of(nm_cu_function function)
{
    for (int i = 0; i < book.n_kernels; i++) {
        if (book.kernel[i].function == function) {
            return i;
        }
    }
    return -1;
}

static int timed_launch(nm_cu_function function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                        nm_cu_stream stream, void **parameters, void **extra)
{
    const nm_cuda_driver *driver = book.driver;
    launch *l = book.n_launches < MOST_LAUNCHES ? &book.launch[book.n_launches] : NULL;
    int i_kernel = number_of(function);
    if (l && i_kernel >= 0) {
        l->kernel = i_kernel;
        l->is_first = 1;
        for (int i = 0; i < book.n_launches; i++) {
            l->is_first &= book.launch[i].kernel != i_kernel;
        }
        if (!l->start && driver->cuEventCreate(&l->start, NM_CU_EVENT_DEFAULT) != NM_CU_SUCCESS) {
            l = NULL;
        } else if (!l->end &&
                   driver->cuEventCreate(&l->end, NM_CU_EVENT_DEFAULT) != NM_CU_SUCCESS) {
            l = NULL;
        } else {
            driver->cuEventRecord(l->start, stream);
        }
    }
    int result = driver->cuLaunchKernel(function, grid_x, grid_y, grid_z, block_x, block_y, block_z,
                                        shared_bytes, stream, parameters, extra);
    if (l && i_kernel >= 0 && result == NM_CU_SUCCESS) {
        driver->cuEventRecord(l->end, stream);
        book.n_launches++;
    }
    return result;
}

static nm_status add_times(void)
{
    for (int i = 0; i < book.n_launches; i++) {
        const launch *l = &book.launch[i];
        kernel *k = &book.kernel[l->kernel];
        float milliseconds = 0.0f;
        NM_TRY(nm_cuda_check(book.driver,
                             book.driver->cuEventElapsedTime(&milliseconds, l->start, l->end),
                             "asking for the time of a kernel"));
        k->n_launches++;
        k->seconds += 1e-3 * (double)milliseconds;
        k->first_seconds += l->is_first ? 1e-3 * (double)milliseconds : 0.0;
    }
    return NM_OK;
}

/* One batch, the same tiles every time. */
static nm_status run_batch(nm_cuda_slot *slot, const nm_plan *plan, int is_counted,
                           int64_t *n_points, int64_t *n_followed)
{
    double compute_s, copy_s;
    *n_points = *n_followed = 0;
    slot->n_tiles = slot->shape->n_tiles < plan->n_tiles ? slot->shape->n_tiles : plan->n_tiles;
    for (int64_t k = 0; k < slot->n_tiles; k++) {
        slot->i_tile[k] = k;
        *n_points += nm_plan_tile_points(plan, k);
    }
    book.n_launches = 0;
    NM_TRY(nm_cuda_slot_start(slot));
    NM_TRY(nm_cuda_slot_wait(slot, &compute_s, &copy_s));
    for (int64_t k = 0; k < slot->n_tiles; k++) {
        *n_followed += nm_cuda_slot_followed(slot, k);
    }
    return is_counted ? add_times() : NM_OK;
}

static void tell(nm_check_report *report, int64_t n_points, int64_t n_followed, int n_repeats)
{
    double sum = 0.0;
    char line[256];
    nm_check_integer(report, "points", n_points);
    nm_check_integer(report, "followed", n_followed);
    nm_check_text(
        report, "table",
        "| kernel | launches a batch | ns a set | sets/s of it alone | first round, ns a set | "
        "registers | local memory, B |");
    nm_check_text(report, "table", "|---|---|---|---|---|---|---|");
    for (int i = 0; i < book.n_kernels; i++) {
        const kernel *k = &book.kernel[i];
        if (k->n_launches == 0) {
            continue;
        }
        double ns = 1e9 * k->seconds / n_repeats / (double)n_points;
        snprintf(line, sizeof line, "| %s | %lld | %.4g | %.4g | %.4g | %d | %d |", k->name,
                 (long long)(k->n_launches / n_repeats), ns, ns > 0.0 ? 1e9 / ns : 0.0,
                 1e9 * k->first_seconds / n_repeats / (double)n_points, k->registers,
                 k->local_bytes);
        nm_check_text(report, "table", line);
        sum += ns;
    }
    snprintf(
        line, sizeof line,
        "%.4g ns a set in all kernels, %.4g sets/s; a batch of %lld sets, %lld of them followed",
        sum, sum > 0.0 ? 1e9 / sum : 0.0, (long long)n_points, (long long)n_followed);
    nm_check_text(report, "summary", line);
    nm_check_demand(report, sum > 0.0, "no kernel was timed");
}

static nm_status run_batches(nm_check_report *report, const nm_cuda_device *device,
                             const nm_plan *plan, int n_repeats)
{
    nm_cuda_shape shape;
    nm_cuda_slot slot;
    const char *what = "";
    int64_t n_points = 0, n_followed = 0;
    NM_TRY(nm_cuda_shape_fit(&shape, device, 1));
    NM_TRY(nm_cuda_slot_open(&slot, device, &shape, &what));
    nm_status status = run_batch(&slot, plan, 0, &n_points, &n_followed); /* warm */
    for (int i = 0; i < n_repeats && status == NM_OK; i++) {
        status = run_batch(&slot, plan, 1, &n_points, &n_followed);
    }
    nm_cuda_slot_close(&slot);
    if (status == NM_OK) {
        tell(report, n_points, n_followed, n_repeats);
    }
    return status;
}

nm_status nm_check_kernel_times(nm_check_report *report, const nm_plan *plan, int n_repeats)
{
    nm_cuda_device device;
    memset(&book, 0, sizeof book);
    NM_TRY(nm_cuda_driver_get(&book.driver));
    nm_cuda_driver watched = *book.driver;
    watched.cuModuleGetFunction = find_kernel;
    watched.cuLaunchKernel = timed_launch;
    NM_TRY(nm_cuda_device_open(&device, &watched, 0, plan));
    nm_status status = run_batches(report, &device, plan, n_repeats);
    for (int i = 0; i < MOST_LAUNCHES; i++) {
        if (book.launch[i].start) {
            book.driver->cuEventDestroy(book.launch[i].start);
        }
        if (book.launch[i].end) {
            book.driver->cuEventDestroy(book.launch[i].end);
        }
    }
    nm_cuda_device_close(&device);
    return status;
}
