/* The stand-in driver's memory: poisoned, fenced, and named by addresses that the host cannot
 * read. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "stand_in.h"

enum { PAGE = 4096, ALIGNMENT = 256 };

/* Bits 48 to 63 of an address: never those of a host address, and different for each device. */
enum { TAG = 0x5D00 };

static nm_si_block *pinned;

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* --- blocks ----------------------------------------------------------------------------------- */

/* Memory whose end is at a fence, up to ALIGNMENT; what lies between is poisoned and looked at
 * when it is freed. */
static nm_si_block *new_block(size_t n_bytes)
{
    nm_si_block *block = calloc(1, sizeof *block);
    if (!block) {
        return NULL;
    }
    const size_t used = round_up(n_bytes, ALIGNMENT), inner = round_up(used, PAGE);
    block->map_bytes = inner + 2 * (size_t)PAGE;
    block->map = mmap(NULL, block->map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block->map == MAP_FAILED) {
        free(block);
        return NULL;
    }
    if (mprotect(block->map + PAGE, inner, PROT_READ | PROT_WRITE) != 0) {
        munmap(block->map, block->map_bytes);
        free(block);
        return NULL;
    }
    memset(block->map + PAGE, POISON, inner);
    block->bytes = block->map + PAGE + (inner - used);
    block->n_bytes = n_bytes;
    return block;
}

static int is_poison(const char *from, const char *end)
{
    while (from < end && (unsigned char)*from == POISON) {
        from++;
    }
    return from == end;
}

static void free_block(nm_si_block *block)
{
    if (block->map) {
        if (!is_poison(block->map + PAGE, block->bytes) ||
            !is_poison(block->bytes + block->n_bytes, block->map + block->map_bytes - PAGE)) {
            nm_si_violation("something was written outside a block of %zu bytes", block->n_bytes);
        }
        munmap(block->map, block->map_bytes);
    }
    free(block);
}

static nm_si_block **find_block(nm_si_block **list, const char *bytes)
{
    while (*list && (*list)->bytes != bytes) {
        list = &(*list)->next;
    }
    return list;
}

static void take_out(nm_si_block **place)
{
    nm_si_block *block = *place;
    *place = block->next;
    free_block(block);
}

/* --- device memory ---------------------------------------------------------------------------- */

nm_cu_pointer nm_si_address(const nm_si_device *device, const void *bytes)
{
    return (nm_cu_pointer)(TAG + device->number) << 48 | (nm_cu_pointer)(uintptr_t)bytes;
}

static char *host_address(nm_cu_pointer pointer)
{
    return (char *)(uintptr_t)(pointer & 0xffffffffffffu);
}

static int tag_of(nm_cu_pointer pointer)
{
    return (int)(pointer >> 48) - TAG;
}

/* The block that holds n bytes at an address; 0 bytes may lie at its end. */
static nm_si_block *block_of(const nm_si_device *device, const char *bytes, size_t n_bytes)
{
    for (nm_si_block *b = device->blocks; b; b = b->next) {
        if (bytes >= b->bytes && bytes <= b->bytes + b->n_bytes &&
            n_bytes <= (size_t)(b->bytes + b->n_bytes - bytes)) {
            return b;
        }
    }
    return NULL;
}

char *nm_si_reach(const nm_si_device *device, nm_cu_pointer pointer, size_t n_bytes,
                  const char *who)
{
    char *bytes = host_address(pointer);
    if (tag_of(pointer) != device->number) {
        nm_si_violation("%s: 0x%llx is no address of device %d", who, pointer, device->physical);
        return NULL;
    }
    if (!block_of(device, bytes, n_bytes)) {
        nm_si_violation("%s: the %zu bytes at 0x%llx are not all in one block of device %d", who,
                        n_bytes, pointer, device->physical);
        return NULL;
    }
    return bytes;
}

void nm_si_translate(const nm_si_device *device, char *bytes, size_t n_bytes)
{
    char *word = bytes + (-(uintptr_t)bytes & 7);
    for (; word + 8 <= bytes + n_bytes; word += 8) {
        nm_cu_pointer pointer;
        memcpy(&pointer, word, sizeof pointer);
        const int tag = tag_of(pointer);
        if (tag < 0 || tag >= MAX_DEVICES) {
            continue;
        }
        char *there = host_address(pointer);
        if (tag == device->number && block_of(device, there, 0)) {
            memcpy(word, &there, sizeof there);
        } else {
            nm_si_violation("0x%llx is handed to device %d and is no address of its memory",
                            pointer, device->physical);
        }
    }
}

int cuMemAlloc_v2(nm_cu_pointer *pointer, size_t bytes)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    *pointer = 0;
    if (!c) {
        return result;
    }
    nm_si_device *d = c->device;
    const size_t used = round_up(bytes, ALIGNMENT);
    size_t total;
    cuDeviceTotalMem_v2(&total, d->number);
    nm_si_block *block = NULL;
    if (result == NM_CU_SUCCESS && bytes == 0) {
        result = NM_CU_INVALID_VALUE;
    } else if (result == NM_CU_SUCCESS) {
        if (!nm_si_fails(FAULT_ALLOC, d->physical) && used >= bytes && used <= total &&
            d->used_bytes <= total - used) {
            block = new_block(bytes);
        }
        result = block ? NM_CU_SUCCESS : NM_CU_OUT_OF_MEMORY;
    }
    if (block) {
        block->next = d->blocks;
        d->blocks = block;
        d->used_bytes += used;
        *pointer = nm_si_address(d, block->bytes);
    }
    return nm_si_leave(c, "cuMemAlloc", result, "bytes=%zu used=%zu", bytes, d->used_bytes);
}

int cuMemFree_v2(nm_cu_pointer pointer)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    if (pointer == 0) {
        return nm_si_leave(c, "cuMemFree", result, "bytes=0");
    }
    /* as the driver does: what is queued may use it */
    nm_si_drain(c);
    if (result == NM_CU_SUCCESS) {
        result = c->error;
    }
    nm_si_device *d = c->device;
    size_t bytes = 0;
    nm_si_block **place = find_block(&d->blocks, host_address(pointer));
    if (tag_of(pointer) != d->number || !*place || (*place)->module) {
        nm_si_violation("cuMemFree: 0x%llx is no block of device %d", pointer, d->physical);
        result = NM_CU_INVALID_VALUE;
    } else {
        bytes = (*place)->n_bytes;
        d->used_bytes -= round_up(bytes, ALIGNMENT);
        take_out(place);
    }
    return nm_si_leave(c, "cuMemFree", result, "bytes=%zu", bytes);
}

void nm_si_add_global(nm_si_device *device, nm_cu_module module, char *bytes, size_t n_bytes)
{
    if (*find_block(&device->blocks, bytes)) {
        return;
    }
    nm_si_block *block = calloc(1, sizeof *block);
    if (block) {
        *block = (nm_si_block){
            .next = device->blocks, .bytes = bytes, .n_bytes = n_bytes, .module = module};
        device->blocks = block;
    }
}

void nm_si_drop_globals(nm_si_device *device, nm_cu_module module)
{
    nm_si_block **place = &device->blocks;
    while (*place) {
        if ((*place)->module == module) {
            take_out(place);
        } else {
            place = &(*place)->next;
        }
    }
}

int nm_si_count_device(const nm_si_device *device, size_t *n_bytes)
{
    int n = 0;
    *n_bytes = 0;
    for (const nm_si_block *b = device->blocks; b; b = b->next) {
        if (!b->module) {
            n++;
            *n_bytes += b->n_bytes;
        }
    }
    return n;
}

void nm_si_free_device(nm_si_device *device)
{
    while (device->blocks) {
        take_out(&device->blocks);
    }
    device->used_bytes = 0;
}

/* --- pinned host memory ----------------------------------------------------------------------- */

int cuMemHostAlloc(void **pointer, size_t bytes, unsigned flags)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    *pointer = NULL;
    if (!c) {
        return result;
    }
    nm_si_block *block = NULL;
    if (result == NM_CU_SUCCESS && (bytes == 0 || flags > 7)) {
        result = NM_CU_INVALID_VALUE;
    } else if (result == NM_CU_SUCCESS) {
        block = nm_si_fails(FAULT_HOST, c->device->physical) ? NULL : new_block(bytes);
        result = block ? NM_CU_SUCCESS : NM_CU_OUT_OF_MEMORY;
    }
    if (block) {
        block->next = pinned;
        pinned = block;
        *pointer = block->bytes;
    }
    return nm_si_leave(c, "cuMemHostAlloc", result, "bytes=%zu", bytes);
}

int cuMemFreeHost(void *pointer)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    nm_si_block **place = find_block(&pinned, pointer);
    size_t bytes = 0;
    if (!*place) {
        nm_si_violation("cuMemFreeHost: %p is no block of pinned memory", pointer);
        result = NM_CU_INVALID_VALUE;
    } else {
        bytes = (*place)->n_bytes;
        if (nm_si_is_in_use(pointer, bytes)) {
            nm_si_violation("cuMemFreeHost: a queued copy uses the %zu bytes", bytes);
            nm_si_drain(c);
            place = find_block(&pinned, pointer);
        }
        if (*place) {
            take_out(place);
        }
    }
    return nm_si_leave(c, "cuMemFreeHost", result, "bytes=%zu", bytes);
}

int nm_si_count_pinned(size_t *n_bytes)
{
    int n = 0;
    *n_bytes = 0;
    for (const nm_si_block *b = pinned; b; b = b->next) {
        n++;
        *n_bytes += b->n_bytes;
    }
    return n;
}

/* 1 in pinned memory, 0 outside, -1 across its end */
static int is_pinned(const char *bytes, size_t n_bytes)
{
    for (const nm_si_block *b = pinned; b; b = b->next) {
        if (bytes + n_bytes > b->bytes && bytes < b->bytes + b->n_bytes) {
            return bytes >= b->bytes && bytes + n_bytes <= b->bytes + b->n_bytes ? 1 : -1;
        }
    }
    return 0;
}

/* --- copies ----------------------------------------------------------------------------------- */

/* is_async: 0 for the calls that return when all is done */
static int copy(const char *name, nm_si_work_kind kind, nm_cu_pointer device, const void *host,
                size_t n_bytes, nm_cu_stream handle, int is_async)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    nm_cu_stream stream = NULL;
    char *bytes = NULL;
    const int pinned_host = is_pinned(host, n_bytes);
    if (result == NM_CU_SUCCESS) {
        stream = nm_si_stream_of(c, handle, name);
        bytes = nm_si_reach(c->device, device, n_bytes, name);
        if (pinned_host < 0) {
            nm_si_violation("%s: %zu bytes go past the end of a block of pinned memory", name,
                            n_bytes);
        }
        if (!stream) {
            result = NM_CU_INVALID_HANDLE;
        } else if (!bytes || pinned_host < 0 || nm_si_fails(FAULT_COPY, c->device->physical)) {
            result = NM_CU_INVALID_VALUE;
        }
    }
    if (result == NM_CU_SUCCESS && n_bytes > 0) {
        nm_si_work *work = nm_si_work_new(kind, 0);
        if (!work) {
            return nm_si_leave(c, name, NM_CU_OUT_OF_MEMORY, "bytes=%zu", n_bytes);
        }
        work->to = kind == WORK_TO_DEVICE ? bytes : (char *)(uintptr_t)host;
        work->from = kind == WORK_TO_DEVICE ? (const char *)host : bytes;
        work->n_bytes = n_bytes;
        /* pageable memory is copied before the call returns */
        result = nm_si_queue(stream, work, !is_async || !pinned_host);
    }
    return nm_si_leave(c, name, result, "bytes=%zu stream=%d pinned=%d", n_bytes,
                       stream ? stream->number : -1, pinned_host);
}

int cuMemcpyHtoD_v2(nm_cu_pointer to, const void *from, size_t bytes)
{
    return copy("cuMemcpyHtoD", WORK_TO_DEVICE, to, from, bytes, NULL, 0);
}

int cuMemcpyDtoH_v2(void *to, nm_cu_pointer from, size_t bytes)
{
    return copy("cuMemcpyDtoH", WORK_TO_HOST, from, to, bytes, NULL, 0);
}

int cuMemcpyHtoDAsync_v2(nm_cu_pointer to, const void *from, size_t bytes, nm_cu_stream stream)
{
    return copy("cuMemcpyHtoDAsync", WORK_TO_DEVICE, to, from, bytes, stream, 1);
}

int cuMemcpyDtoHAsync_v2(void *to, nm_cu_pointer from, size_t bytes, nm_cu_stream stream)
{
    return copy("cuMemcpyDtoHAsync", WORK_TO_HOST, from, to, bytes, stream, 1);
}

int cuMemsetD8Async(nm_cu_pointer to, unsigned char value, size_t bytes, nm_cu_stream handle)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    nm_cu_stream stream = NULL;
    char *there = NULL;
    if (result == NM_CU_SUCCESS) {
        stream = nm_si_stream_of(c, handle, "cuMemsetD8Async");
        there = nm_si_reach(c->device, to, bytes, "cuMemsetD8Async");
        result = !stream ? NM_CU_INVALID_HANDLE : !there ? NM_CU_INVALID_VALUE : NM_CU_SUCCESS;
    }
    if (result == NM_CU_SUCCESS && bytes > 0) {
        nm_si_work *work = nm_si_work_new(WORK_SET, 0);
        if (!work) {
            return nm_si_leave(c, "cuMemsetD8Async", NM_CU_OUT_OF_MEMORY, "bytes=%zu", bytes);
        }
        work->to = there;
        work->n_bytes = bytes;
        work->value = value;
        result = nm_si_queue(stream, work, 0);
    }
    return nm_si_leave(c, "cuMemsetD8Async", result, "bytes=%zu stream=%d", bytes,
                       stream ? stream->number : -1);
}
