/* Opens a GPU for a plan and launches the kernels of a batch on it.
 *
 * 1. the launch sequence     2. errors and memory     3. module and task     4. opening */
#include "cuda_device.h"

#include <stdlib.h>
#include <string.h>

#include "cuda_image.h"
#include "diag.h"

/* --- 1. the launch sequence ------------------------------------------------------------------- */

enum {
    IN_AUTO = 1,
    IN_FOLLOW = 2,
    IN_BOTH = 3,
    IN_REDUCED = 4,
    IN_PROJECTED = 8,
    IN_QUANTILES = 16,
    IN_WALKS = 32,
    IN_TRAJECTORIES = 64,
    IN_PASSAGES = 128
};

enum { MOST_BLOCKS = 1 << 20 };

typedef enum grid_kind {
    GRID_POINTS,       /* a thread for each point of the batch */
    GRID_TRAJECTORIES, /* a thread for each trajectory of each point, or as many as a grid may have */
    GRID_RESIDENT,     /* as many as fit the device: they take work from a list until it is empty */
    GRID_BLOCKS,       /* a block of threads for each block of points of each part */
    GRID_RECORDS,      /* a thread for each slot, and one for the counts, of each part */
    GRID_SLOTS,        /* a block of threads for each slot of each part */
    GRID_TILES         /* a block of threads for each tile */
} grid_kind;

typedef struct step {
    const char *kernel;
    grid_kind grid;
    int when;
    int is_in_round; /* neighbours with it are repeated together, NM_ROUNDS times */
} step;

static const step sequence[] = {
    {"nm_gpu_newton", GRID_POINTS, IN_AUTO, 0},
    {"nm_gpu_newton_more", GRID_RESIDENT, IN_AUTO, 0},
    {"nm_gpu_conclude", GRID_POINTS, IN_AUTO, 0},
    {"nm_gpu_judge", GRID_RESIDENT, IN_AUTO, 0},
    {"nm_gpu_everyone", GRID_POINTS, IN_FOLLOW, 0},
    {"nm_gpu_advance", GRID_RESIDENT, IN_BOTH, 1},
    {"nm_gpu_watch", GRID_RESIDENT, IN_BOTH, 1},
    {"nm_gpu_finish", GRID_RESIDENT, IN_BOTH, 1},
    {"nm_gpu_walk", GRID_POINTS, IN_WALKS, 0},
    {"nm_gpu_walk_windows", GRID_TRAJECTORIES, IN_TRAJECTORIES, 0},
    {"nm_gpu_walk_passages", GRID_TRAJECTORIES, IN_PASSAGES, 0},
    {"nm_gpu_walk_statistics", GRID_POINTS, IN_TRAJECTORIES, 0},
    {"nm_gpu_reduce_blocks", GRID_BLOCKS, IN_REDUCED, 0},
    {"nm_gpu_reduce_cells", GRID_RECORDS, IN_REDUCED, 0},
    {"nm_gpu_locate", GRID_TILES, IN_REDUCED, 0},
    {"nm_gpu_clear_words", GRID_POINTS, IN_PROJECTED, 0},
    {"nm_gpu_project", GRID_POINTS, IN_PROJECTED, 0},
    {"nm_gpu_quantiles", GRID_SLOTS, IN_QUANTILES, 0},
};
enum { N_STEPS = sizeof sequence / sizeof sequence[0] };
_Static_assert((int)N_STEPS <= (int)NM_CUDA_MAX_KERNELS, "room for the kernels of all steps");

/* outputs of a molecule's random walk are stored */
static int has_walks(const nm_plan *plan)
{
    const int first = nm_catalogue_number(plan->model, NM_FAMILY_rate, 0),
              end = nm_catalogue_number(plan->model, NM_FAMILY_observable, 0);
    for (int number = first; number < end; number++) {
        if (plan->task.slot[number] >= 0) {
            return 1;
        }
    }
    return 0;
}

static int is_used(const step *step, const nm_plan *plan)
{
    const nm_reduction *reduction = &plan->task.reduction;
    const nm_stochastic *stochastic = &plan->task.stochastic;
    return step->when == IN_WALKS          ? has_walks(plan)
           : step->when == IN_TRAJECTORIES ? stochastic->n_trajectories > 0 && has_walks(plan)
           : step->when == IN_PASSAGES
               ? stochastic->n_trajectories > 0 && stochastic->cycle >= 0 && has_walks(plan)
           : step->when == IN_REDUCED   ? nm_plan_is_reduced(plan)
           : step->when == IN_PROJECTED ? reduction->n_projections > 0
           : step->when == IN_QUANTILES
               ? reduction->n_projections == 0 && reduction->n_quantiles > 0
               : step->when & (plan->task.solver.mode == NM_MODE_FOLLOW ? IN_FOLLOW : IN_AUTO);
}

static int64_t whole_blocks(int64_t n, int64_t threads)
{
    return n > 0 ? (n - 1) / threads + 1 : 1;
}

static int64_t grid_of(const nm_cuda_device *device, int i_step, const nm_batch *batch)
{
    int64_t threads = device->sizes.threads;
    int64_t points = whole_blocks(batch->n_tiles * batch->tile_points, threads);
    int64_t parts = batch->n_tiles * batch->parts_per_tile;
    switch (sequence[i_step].grid) {
    case GRID_TRAJECTORIES: {
        int64_t blocks = whole_blocks(batch->n_tiles * batch->tile_points *
                                          device->plan->task.stochastic.n_trajectories,
                                      threads);
        return blocks < MOST_BLOCKS ? blocks : MOST_BLOCKS;
    }
    case GRID_RESIDENT:
        return device->resident[i_step] < points ? device->resident[i_step] : points;
    case GRID_BLOCKS:
        return whole_blocks(parts * batch->blocks_per_part, 1);
    case GRID_RECORDS:
        return whole_blocks(parts * (device->plan->task.reduction.n_slots + 1), threads);
    case GRID_SLOTS:
        return whole_blocks(parts * device->plan->task.reduction.n_slots, 1);
    case GRID_TILES:
        return whole_blocks(batch->n_tiles, 1);
    default:
        return points;
    }
}

static nm_status launch(const nm_cuda_device *device, int i_step, const nm_batch *batch,
                        nm_cu_stream stream)
{
    char what[96];
    void *parameters[] = {(void *)(uintptr_t)batch};
    int result = device->driver->cuLaunchKernel(
        device->kernel[i_step], (unsigned)grid_of(device, i_step, batch), 1, 1,
        (unsigned)device->sizes.threads, 1, 1, 0, stream, parameters, NULL);
    if (result == NM_CU_SUCCESS) {
        return NM_OK;
    }
    snprintf(what, sizeof what, "launching the kernel %s", sequence[i_step].kernel);
    nm_status status = nm_cuda_check(device->driver, result, what);
    return result == NM_CU_OUT_OF_MEMORY ? NM_MEMORY : status;
}

nm_status nm_cuda_device_launch(const nm_cuda_device *device, const nm_batch *batch,
                                nm_cu_stream stream)
{
    nm_batch given = *batch; /* copied by every launch */
    for (int i = 0; i < N_STEPS;) {
        int end = i + 1;
        while (sequence[i].is_in_round && end < N_STEPS && sequence[end].is_in_round) {
            end++;
        }
        int n_rounds = sequence[i].is_in_round ? NM_ROUNDS : 1;
        for (given.round = 0; given.round < n_rounds; given.round++) {
            for (int k = i; k < end; k++) {
                if (device->kernel[k]) {
                    NM_TRY(launch(device, k, &given, stream));
                }
            }
        }
        i = end;
    }
    return NM_OK;
}

/* --- 2. errors and memory --------------------------------------------------------------------- */

char *nm_cuda_device_label(char *out, const nm_cuda_device *device)
{
    if (device->info.name[0]) {
        snprintf(out, NM_CUDA_LABEL, "device %d (%s)", device->number, device->info.name);
    } else {
        snprintf(out, NM_CUDA_LABEL, "device %d", device->number);
    }
    return out;
}

static nm_status check(const nm_cuda_device *device, int result, const char *what)
{
    return nm_cuda_check(device->driver, result, what);
}

nm_status nm_cuda_device_enter(const nm_cuda_device *device)
{
    return check(device, device->driver->cuCtxSetCurrent(device->context),
                 "making the device's context current");
}

nm_status nm_cuda_device_alloc(nm_cu_pointer *pointer, const nm_cuda_device *device, int64_t bytes)
{
    int result = device->driver->cuMemAlloc(pointer, (size_t)bytes);
    if (result == NM_CU_SUCCESS) {
        return NM_OK;
    }
    *pointer = 0;
    nm_status status = check(device, result, "allocating device memory");
    return result == NM_CU_OUT_OF_MEMORY ? NM_MEMORY : status;
}

/* --- 3. module and task ----------------------------------------------------------------------- */

static nm_status load_module(nm_cuda_device *device)
{
    const nm_cuda_driver *driver = device->driver;
    const nm_plan *plan = device->plan;
    nm_cuda_image image;
    NM_TRY(nm_cuda_image_get(&image, plan->model, plan->task.choice, device->info.major,
                             device->info.minor));
    int result = driver->cuModuleLoadData(&device->module, image.bytes);
    if (result == NM_CU_INVALID_IMAGE || result == NM_CU_NO_BINARY_FOR_GPU ||
        result == NM_CU_UNSUPPORTED_PTX) {
        /* the driver may be older than the compiler of what is built in */
        nm_cuda_image_clear(&image);
        NM_TRY(nm_cuda_image_get_own(&image, plan->model, plan->task.choice, device->info.major,
                                     device->info.minor));
        result = driver->cuModuleLoadData(&device->module, image.bytes);
    }
    snprintf(device->origin, sizeof device->origin, "%s", image.origin);
    nm_cuda_image_clear(&image);
    NM_TRY(check(device, result, "loading the kernels"));

    nm_cu_pointer sizes;
    size_t bytes;
    NM_TRY(check(device,
                 driver->cuModuleGetGlobal(&sizes, &bytes, device->module, "nm_gpu_sizes_of"),
                 "finding nm_gpu_sizes_of among the kernels"));
    if (bytes != sizeof device->sizes) {
        return nm_fail(NM_DEVICE, "the kernels of model %s have another ABI than this program",
                       plan->model->name);
    }
    NM_TRY(check(device, driver->cuMemcpyDtoH(&device->sizes, sizes, bytes),
                 "reading the sizes of the kernels"));
    if (device->sizes.abi != NM_ABI) {
        return nm_fail(NM_DEVICE, "the kernels of model %s have ABI %d, and this program has %d",
                       plan->model->name, (int)device->sizes.abi, NM_ABI);
    }
    for (int i = 0; i < plan->model->n_variants; i++) {
        int choice = device->sizes.choice[i];
        if (choice >= 0 && choice != plan->task.choice[i]) {
            return nm_fail(NM_DEVICE, "the kernels of model %s were compiled for another %s",
                           plan->model->name, plan->model->variants[i].name);
        }
    }
    return NM_OK;
}

static nm_status find_kernels(nm_cuda_device *device)
{
    const nm_cuda_driver *driver = device->driver;
    for (int i = 0; i < N_STEPS; i++) {
        char what[96];
        if (!is_used(&sequence[i], device->plan)) {
            continue;
        }
        snprintf(what, sizeof what, "finding the kernel %s", sequence[i].kernel);
        NM_TRY(check(
            device,
            driver->cuModuleGetFunction(&device->kernel[i], device->module, sequence[i].kernel),
            what));
        int n_blocks = 0;
        snprintf(what, sizeof what, "asking for the occupancy of %s", sequence[i].kernel);
        NM_TRY(check(device,
                     driver->cuOccupancyMaxActiveBlocksPerMultiprocessor(
                         &n_blocks, device->kernel[i], device->sizes.threads, 0),
                     what));
        device->resident[i] = (n_blocks > 0 ? n_blocks : 1) * device->info.n_multiprocessors;
    }
    return NM_OK;
}

/* Copies n doubles to the device; *values becomes their place there. */
static nm_status upload(nm_cuda_device *device, const double **values, int64_t n)
{
    int64_t bytes = n * (int64_t)sizeof **values;
    nm_cu_pointer *array = &device->array[device->n_arrays];
    nm_status status = nm_cuda_device_alloc(array, device, bytes);
    if (status == NM_MEMORY) {
        return nm_fail(NM_DEVICE,
                       "the axes and the table of this scan do not fit into its memory: %lld bytes "
                       "more are needed; --backend cpu needs none of it",
                       (long long)bytes);
    }
    NM_TRY(status);
    device->n_arrays++;
    device->array_bytes += bytes;
    NM_TRY(check(device, device->driver->cuMemcpyHtoD(*array, *values, (size_t)bytes),
                 "copying the axes and the table to the device"));
    *values = (const double *)(uintptr_t)*array;
    return NM_OK;
}

static nm_status upload_task(nm_cuda_device *device, nm_task *task)
{
    nm_draw *draw = &task->draw;
    for (int i = 0; i < draw->n_axes; i++) {
        if (draw->axis[i].values) {
            NM_TRY(upload(device, &draw->axis[i].values, draw->axis[i].n));
        }
    }
    for (int i = 0; i < draw->n_columns; i++) {
        NM_TRY(upload(device, &draw->column[i], draw->n_points));
    }
    nm_reduction *reduction = &task->reduction;
    if (reduction->n_projections > 0) {
        const double *projections = (const double *)(const void *)reduction->projections;
        NM_TRY(upload(device, &reduction->table, reduction->n_table));
        NM_TRY(
            upload(device, &projections,
                   reduction->n_projections * (int64_t)(sizeof(nm_projection) / sizeof(double))));
        reduction->projections = (const nm_projection *)(const void *)projections;
    }
    nm_cu_pointer there;
    size_t bytes;
    NM_TRY(check(device,
                 device->driver->cuModuleGetGlobal(&there, &bytes, device->module, "nm_gpu_task"),
                 "finding nm_gpu_task among the kernels"));
    if (bytes != sizeof *task) {
        return nm_fail(NM_DEVICE, "the kernels of model %s have another ABI than this program",
                       device->plan->model->name);
    }
    return check(device, device->driver->cuMemcpyHtoD(there, task, sizeof *task),
                 "copying the task to the device");
}

static nm_status put_task(nm_cuda_device *device)
{
    nm_task *task = malloc(sizeof *task);
    if (!task) {
        return nm_fail(NM_MEMORY, "no memory for the task of a device");
    }
    *task = device->plan->task;
    nm_status status = upload_task(device, task);
    free(task);
    return status;
}

/* --- 4. opening ------------------------------------------------------------------------------- */

/* Runs a batch without tiles. The driver keeps the memory that kernels want for their own
 * variables, which can be a GB, from their first launch on: it must not be taken for free. */
static nm_status warm_up(const nm_cuda_device *device)
{
    const nm_cuda_driver *driver = device->driver;
    nm_cu_pointer scratch = 0;
    nm_batch empty = {
        .tile_points = device->plan->tile_points, .parts_per_tile = 1, .blocks_per_part = 1};
    int64_t bytes = device->sizes.fixed > 0 ? device->sizes.fixed : 1;
    nm_status status = nm_cuda_device_alloc(&scratch, device, bytes);
    if (status == NM_OK) {
        empty.scratch = (char *)(uintptr_t)scratch;
        status = check(device, driver->cuMemsetD8Async(scratch, 0, (size_t)bytes, NULL),
                       "clearing device memory");
    }
    if (status == NM_OK) {
        status = nm_cuda_device_launch(device, &empty, NULL);
    }
    if (status == NM_OK) {
        status = check(device, driver->cuCtxSynchronize(), "running the kernels once");
    }
    if (scratch) {
        driver->cuMemFree(scratch);
    }
    if (status == NM_MEMORY) {
        return nm_fail(NM_DEVICE,
                       "its memory does not suffice for the kernels (%s); another "
                       "program may hold it, and --backend cpu needs none of it",
                       nm_last_error());
    }
    return status;
}

static nm_status open_parts(nm_cuda_device *device)
{
    const nm_cuda_driver *driver = device->driver;
    NM_TRY(check(device, driver->cuDeviceGet(&device->handle, device->number),
                 "asking for the device"));
    /* a thread that waits shall sleep; a context that is in use already keeps its way, and may */
    driver->cuDevicePrimaryCtxSetFlags(device->handle, NM_CU_CONTEXT_BLOCKING);
    NM_TRY(check(device, driver->cuDevicePrimaryCtxRetain(&device->context, device->handle),
                 "opening the device"));
    NM_TRY(nm_cuda_device_enter(device));
    NM_TRY(nm_cuda_device_look(&device->info, driver, device->number));
    NM_TRY(load_module(device));
    NM_TRY(find_kernels(device));
    NM_TRY(put_task(device));
    NM_TRY(warm_up(device));
    size_t total;
    return check(device, driver->cuMemGetInfo(&device->info.free_bytes, &total),
                 "asking for the free device memory");
}

nm_status nm_cuda_device_open(nm_cuda_device *device, const nm_cuda_driver *driver, int number,
                              const nm_plan *plan)
{
    memset(device, 0, sizeof *device);
    device->driver = driver;
    device->plan = plan;
    device->number = number;
    nm_status status = open_parts(device);
    if (status != NM_OK) {
        char label[NM_CUDA_LABEL];
        nm_fail(status, "%s: %s", nm_cuda_device_label(label, device), nm_last_error());
        nm_cuda_device_close(device);
    }
    return status;
}

void nm_cuda_device_close(nm_cuda_device *device)
{
    const nm_cuda_driver *driver = device->driver;
    if (!device->context) {
        return;
    }
    driver->cuCtxSetCurrent(device->context);
    for (int i = 0; i < device->n_arrays; i++) {
        driver->cuMemFree(device->array[i]);
    }
    if (device->module) {
        driver->cuModuleUnload(device->module);
    }
    driver->cuCtxSetCurrent(NULL);
    driver->cuDevicePrimaryCtxRelease(device->handle);
    device->context = NULL;
}
