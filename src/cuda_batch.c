/* Fits batches of tiles into a GPU's memory and takes them through it.
 *
 * 1. sizes     2. the memory of a slot     3. a batch's way */
#include "cuda_batch.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "words.h"

enum {
    MOST_POINTS = 1 << 22,    /* of a batch: enough to keep any device busy */
    HOST_BYTES = 512 << 20,   /* of the page-locked memory of all slots */
    LEAST_RESERVE = 32 << 20, /* of device memory that stays free for others and the driver */
    RESERVE_PARTS = 16,       /* or this part of what is free, where that is less */
    ALIGNMENT = 64            /* of a tile in memory: whole tiles have it by themselves */
};

enum { N_BLOCKS = 5 }; /* of device memory, of a slot */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t round_up(int64_t n, int64_t step)
{
    return (n + step - 1) / step * step;
}

static int64_t quotient_up(int64_t n, int64_t by)
{
    return (n - 1) / by + 1;
}

/* --- 1. sizes --------------------------------------------------------------------------------- */

/* first point, number of points; number of followed points */
static int64_t list_bytes(const nm_cuda_shape *shape)
{
    return shape->n_tiles * 3 * (int64_t)sizeof(int64_t);
}

/* bytes of the blocks of a slot: results, scratch, tiles, records, block_records */
static void block_bytes(int64_t bytes[N_BLOCKS], const nm_cuda_shape *shape,
                        const nm_gpu_sizes *sizes, const nm_task *task)
{
    const int64_t n = shape->n_tiles, n_trajectories = task->stochastic.n_trajectories,
                  walk = n_trajectories > 0 ? sizes->walk + sizes->trajectory * n_trajectories : 0;
    bytes[0] = n * shape->result_bytes;
    bytes[1] = sizes->fixed + (sizes->point + walk) * n * shape->tile_points;
    bytes[2] = list_bytes(shape);
    bytes[3] = n * shape->record_bytes;
    bytes[4] = shape->record_bytes > 0 ? n * shape->parts_per_tile * shape->blocks_per_part *
                                             NM_RECORD_BYTES(task->reduction.n_slots)
                                       : 0;
}

static int64_t slot_bytes(const nm_cuda_shape *shape, const nm_cuda_device *device)
{
    int64_t bytes[N_BLOCKS], sum = 0;
    block_bytes(bytes, shape, &device->sizes, &device->plan->task);
    for (int i = 0; i < N_BLOCKS; i++) {
        sum += round_up(bytes[i], ALIGNMENT);
    }
    return sum;
}

int64_t nm_cuda_shape_bytes(const nm_cuda_shape *shape, const nm_cuda_device *device)
{
    return shape->n_slots * slot_bytes(shape, device);
}

static int64_t slot_host_bytes(const nm_cuda_shape *shape)
{
    return shape->n_tiles * shape->payload_bytes + list_bytes(shape);
}

static void take_sizes_of_tiles(nm_cuda_shape *shape, const nm_plan *plan)
{
    int64_t points = plan->tile_points;
    shape->tile_points = points;
    shape->result_bytes = round_up(nm_plan_points_bytes(plan, points), ALIGNMENT);
    shape->payload_bytes = shape->result_bytes;
    if (nm_plan_is_reduced(plan)) {
        int64_t part = nm_plan_part_points(plan, 0);
        shape->parts_per_tile = quotient_up(points, part);
        shape->blocks_per_part = quotient_up(part, nm_plan_block_points(plan));
        shape->record_bytes = NM_TILE_RECORD_BYTES(&plan->task.reduction, shape->parts_per_tile);
        shape->payload_bytes = shape->record_bytes;
    }
}

/* device memory that the slots may have, and who says so */
static int64_t budget_of(const nm_cuda_device *device, int *is_limit)
{
    int64_t unused = (int64_t)device->info.free_bytes;
    int64_t budget = unused - least(unused / RESERVE_PARTS, LEAST_RESERVE);
    const nm_config *config = device->plan->config;
    int64_t limit = config ? config->device_memory_bytes : 0;
    *is_limit = limit > 0 && limit - device->array_bytes < budget;
    return *is_limit ? limit - device->array_bytes : budget;
}

static int fits(const nm_cuda_shape *shape, const nm_cuda_device *device)
{
    return nm_cuda_shape_bytes(shape, device) <= shape->budget_bytes &&
           shape->n_slots * slot_host_bytes(shape) <= shape->host_bytes;
}

static nm_status refuse(const nm_cuda_shape *shape, const nm_cuda_device *device, int is_limit)
{
    char label[NM_CUDA_LABEL], points[NM_WORDS], needed[NM_WORDS], has[NM_WORDS];
    return nm_fail(
        NM_DEVICE,
        "%s: a tile of %s points needs %s of its memory, and %s %s; %s, or use --backend "
        "cpu",
        nm_cuda_device_label(label, device), nm_words_count(points, shape->tile_points),
        nm_words_bytes(needed, (double)slot_bytes(shape, device)),
        is_limit ? "[limits] device_memory leaves it" : "there are",
        nm_words_bytes(has, (double)(shape->budget_bytes > 0 ? shape->budget_bytes : 0)),
        is_limit ? "raise that limit, or make tiles smaller by a lower [limits] memory"
                 : "free some, or make tiles smaller by a lower [limits] memory");
}

nm_status nm_cuda_shape_fit(nm_cuda_shape *shape, const nm_cuda_device *device, int n_devices)
{
    const nm_plan *plan = device->plan;
    int is_limit;
    memset(shape, 0, sizeof *shape);
    take_sizes_of_tiles(shape, plan);
    shape->budget_bytes = budget_of(device, &is_limit);
    shape->n_tiles = 1;
    shape->n_slots = 1;
    /* page-locked memory is taken from everybody; what a tile needs anyway is not denied */
    shape->host_bytes = HOST_BYTES;
    if (plan->config && plan->config->memory_bytes > 0) {
        shape->host_bytes = least(shape->host_bytes, plan->config->memory_bytes / 2);
    }
    if (shape->host_bytes < slot_host_bytes(shape)) {
        shape->host_bytes = slot_host_bytes(shape);
    }
    if (!fits(shape, device)) {
        return refuse(shape, device, is_limit);
    }
    int most_slots = (int)least(NM_CUDA_SLOTS, quotient_up(plan->n_tiles, n_devices));
    while (shape->n_slots < most_slots) {
        shape->n_slots++;
        if (!fits(shape, device)) {
            shape->n_slots--;
            break;
        }
    }
    /* as many tiles as fit, but work for every slot of every device */
    int64_t low = 1, high = least(MOST_POINTS / shape->tile_points,
                                  quotient_up(plan->n_tiles, (int64_t)n_devices * shape->n_slots));
    while (low < high) {
        shape->n_tiles = low + (high - low + 1) / 2;
        if (fits(shape, device)) {
            low = shape->n_tiles;
        } else {
            high = shape->n_tiles - 1;
        }
    }
    shape->n_tiles = low;
    return NM_OK;
}

int nm_cuda_shape_shrink(nm_cuda_shape *shape)
{
    if (shape->n_tiles > 1) {
        shape->n_tiles /= 2;
        return 1;
    }
    if (shape->n_slots > 1) {
        shape->n_slots--;
        return 1;
    }
    return 0;
}

/* --- 2. the memory of a slot ------------------------------------------------------------------ */

static nm_status check(const nm_cuda_slot *slot, int result, const char *what)
{
    return nm_cuda_check(slot->device->driver, result, what);
}

/* the same where smaller batches are a way out */
static nm_status check_memory(const nm_cuda_slot *slot, int result, const char *what)
{
    nm_status status = check(slot, result, what);
    return result == NM_CU_OUT_OF_MEMORY ? NM_MEMORY : status;
}

static nm_status take_host_memory(nm_cuda_slot *slot, const char **what)
{
    void *host = NULL;
    *what = "page-locked host memory";
    slot->i_tile = malloc((size_t)slot->shape->n_tiles * sizeof *slot->i_tile);
    if (!slot->i_tile) {
        return nm_fail(NM_MEMORY, "no memory for the list of a batch's tiles");
    }
    int result = slot->device->driver->cuMemHostAlloc(&host, (size_t)slot_host_bytes(slot->shape),
                                                      NM_CU_HOST_PORTABLE);
    slot->host = result == NM_CU_SUCCESS ? host : NULL;
    return check_memory(slot, result, "allocating page-locked host memory");
}

static nm_status take_device_memory(nm_cuda_slot *slot, const char **what)
{
    int64_t bytes[N_BLOCKS];
    nm_cu_pointer *const block[N_BLOCKS] = {&slot->results, &slot->scratch, &slot->tiles,
                                            &slot->records, &slot->block_records};
    *what = "device memory";
    block_bytes(bytes, slot->shape, &slot->device->sizes, &slot->device->plan->task);
    for (int i = 0; i < N_BLOCKS; i++) {
        if (bytes[i] > 0) {
            NM_TRY(nm_cuda_device_alloc(block[i], slot->device, bytes[i]));
        }
    }
    return NM_OK;
}

static nm_status make_stream(nm_cuda_slot *slot)
{
    const nm_cuda_driver *driver = slot->device->driver;
    nm_cu_event *const event[] = {&slot->begun, &slot->computed, &slot->copied};
    /* streams of their own, so that no batch waits for the stragglers of another */
    NM_TRY(check_memory(slot, driver->cuStreamCreate(&slot->stream, NM_CU_STREAM_NON_BLOCKING),
                        "making a stream"));
    for (size_t i = 0; i < sizeof event / sizeof event[0]; i++) {
        NM_TRY(check_memory(slot, driver->cuEventCreate(event[i], NM_CU_EVENT_BLOCKING),
                            "making an event"));
    }
    return NM_OK;
}

nm_status nm_cuda_slot_open(nm_cuda_slot *slot, const nm_cuda_device *device,
                            const nm_cuda_shape *shape, const char **what)
{
    memset(slot, 0, sizeof *slot);
    slot->device = device;
    slot->shape = shape;
    nm_status status = take_device_memory(slot, what);
    if (status == NM_OK) {
        status = take_host_memory(slot, what);
    }
    if (status == NM_OK) {
        *what = "device memory";
        status = make_stream(slot);
    }
    if (status != NM_OK) {
        nm_cuda_slot_close(slot);
    }
    return status;
}

void nm_cuda_slot_close(nm_cuda_slot *slot)
{
    if (!slot->device) {
        return;
    }
    const nm_cuda_driver *driver = slot->device->driver;
    if (slot->stream) {
        /* a copy that is under way must not find its memory gone */
        driver->cuStreamSynchronize(slot->stream);
        driver->cuStreamDestroy(slot->stream);
    }
    const nm_cu_event event[] = {slot->begun, slot->computed, slot->copied};
    for (size_t i = 0; i < sizeof event / sizeof event[0]; i++) {
        if (event[i]) {
            driver->cuEventDestroy(event[i]);
        }
    }
    const nm_cu_pointer block[N_BLOCKS] = {slot->results, slot->scratch, slot->tiles, slot->records,
                                           slot->block_records};
    for (int i = 0; i < N_BLOCKS; i++) {
        if (block[i]) {
            driver->cuMemFree(block[i]);
        }
    }
    if (slot->host) {
        driver->cuMemFreeHost(slot->host);
    }
    free(slot->i_tile);
    memset(slot, 0, sizeof *slot);
}

/* --- 3. a batch's way ------------------------------------------------------------------------- */

/* The lists behind the payloads, in host memory as on the device: counts first, for they come back. */
static int64_t *host_list(const nm_cuda_slot *slot)
{
    return (int64_t *)(slot->host + slot->shape->n_tiles * slot->shape->payload_bytes);
}

static nm_batch describe_batch(const nm_cuda_slot *slot)
{
    const nm_cuda_shape *shape = slot->shape;
    const int64_t *list = (const int64_t *)(uintptr_t)slot->tiles;
    return (nm_batch){
        .n_tiles = (int32_t)slot->n_tiles,
        .tile_points = shape->tile_points,
        .tile_bytes = shape->result_bytes,
        .n_follow = (unsigned long long *)(uintptr_t)slot->tiles,
        .first = list + slot->n_tiles,
        .points = list + 2 * slot->n_tiles,
        .results = (char *)(uintptr_t)slot->results,
        .scratch = (char *)(uintptr_t)slot->scratch,
        .records = (char *)(uintptr_t)slot->records,
        .record_stride = shape->record_bytes,
        .block_records = (char *)(uintptr_t)slot->block_records,
        .parts_per_tile = shape->parts_per_tile,
        .blocks_per_part = shape->blocks_per_part,
    };
}

/* Bytes of the payloads of the batch: to the end of its last tile, so that nothing is copied that no
 * kernel wrote. */
static int64_t copied_bytes(const nm_cuda_slot *slot)
{
    int64_t last = slot->n_tiles - 1;
    return last * slot->shape->payload_bytes +
           nm_plan_tile_bytes(slot->device->plan, slot->i_tile[last]);
}

nm_status nm_cuda_slot_start(nm_cuda_slot *slot)
{
    const nm_cuda_driver *driver = slot->device->driver;
    const nm_plan *plan = slot->device->plan;
    int64_t n = slot->n_tiles, *list = host_list(slot);
    size_t count_bytes = (size_t)n * sizeof *list;
    for (int64_t k = 0; k < n; k++) {
        list[k] = 0;
        list[n + k] = nm_plan_tile_first(plan, slot->i_tile[k]);
        list[2 * n + k] = nm_plan_tile_points(plan, slot->i_tile[k]);
    }
    NM_TRY(check(slot, driver->cuMemcpyHtoDAsync(slot->tiles, list, 3 * count_bytes, slot->stream),
                 "copying a list of tiles to the device"));
    NM_TRY(check(
        slot,
        driver->cuMemsetD8Async(slot->scratch, 0, (size_t)slot->device->sizes.zero, slot->stream),
        "clearing device memory"));
    NM_TRY(check(slot, driver->cuEventRecord(slot->begun, slot->stream), "recording an event"));
    nm_batch batch = describe_batch(slot);
    nm_status status = nm_cuda_device_launch(slot->device, &batch, slot->stream);
    if (status != NM_OK) {
        return nm_fail(NM_DEVICE, "%s", nm_last_error());
    }
    NM_TRY(check(slot, driver->cuEventRecord(slot->computed, slot->stream), "recording an event"));
    nm_cu_pointer from = slot->records ? slot->records : slot->results;
    NM_TRY(check(
        slot, driver->cuMemcpyDtoHAsync(slot->host, from, (size_t)copied_bytes(slot), slot->stream),
        "copying the results of a batch from the device"));
    NM_TRY(check(slot, driver->cuMemcpyDtoHAsync(list, slot->tiles, count_bytes, slot->stream),
                 "copying the counts of a batch from the device"));
    return check(slot, driver->cuEventRecord(slot->copied, slot->stream), "recording an event");
}

nm_status nm_cuda_slot_wait(nm_cuda_slot *slot, double *compute_s, double *copy_s)
{
    const nm_cuda_driver *driver = slot->device->driver;
    float compute_ms = 0.0f, copy_ms = 0.0f;
    NM_TRY(check(slot, driver->cuEventSynchronize(slot->copied), "computing a batch of tiles"));
    NM_TRY(check(slot, driver->cuEventElapsedTime(&compute_ms, slot->begun, slot->computed),
                 "asking for the time of a batch"));
    NM_TRY(check(slot, driver->cuEventElapsedTime(&copy_ms, slot->computed, slot->copied),
                 "asking for the time of a batch"));
    *compute_s = 1e-3 * (double)compute_ms;
    *copy_s = 1e-3 * (double)copy_ms;

    /* a payload is the same to the last byte as the CPU's: what no kernel writes is zero */
    for (int64_t k = 0; k < slot->n_tiles && !nm_plan_is_reduced(slot->device->plan); k++) {
        nm_tile tile;
        nm_plan_map_tile(slot->device->plan, &tile, slot->i_tile[k], nm_cuda_slot_payload(slot, k));
    }
    return NM_OK;
}

void *nm_cuda_slot_payload(const nm_cuda_slot *slot, int64_t k)
{
    return slot->host + k * slot->shape->payload_bytes;
}

int64_t nm_cuda_slot_followed(const nm_cuda_slot *slot, int64_t k)
{
    return host_list(slot)[k];
}
