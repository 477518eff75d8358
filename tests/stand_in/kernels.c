/* The stand-in driver's modules and launches: kernels are host code of a shared library. */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nessmap/model_abi.h"
#include "stand_in.h"

enum { MOST_THREADS = 1024 /* of a block */ };

/* --- modules ---------------------------------------------------------------------------------- */

/* A cubin, or a fatbin, by its first bytes. */
static int is_image(const void *image)
{
    static const unsigned char fatbin[] = {0x50, 0xed, 0x55, 0xba};
    if (memcmp(image, fatbin, sizeof fatbin) == 0) {
        return 1;
    }
    const Elf64_Ehdr *elf = image;
    return memcmp(elf->e_ident, ELFMAG, SELFMAG) == 0 && elf->e_ident[EI_CLASS] == ELFCLASS64 &&
           elf->e_machine == EM_CUDA;
}

/* 1 where the image is a library of the host, from the stand-in for NVRTC (nvrtc.c). */
static int is_library(const void *image)
{
    const Elf64_Ehdr *elf = image;
    return memcmp(elf->e_ident, ELFMAG, SELFMAG) == 0 && elf->e_type == ET_DYN;
}

/* Writes that library to `to`, as the machine has it; its headers of sections come last. */
static int write_image(int to, const void *image)
{
    Elf64_Ehdr elf;
    memcpy(&elf, image, sizeof elf);
    size_t n = elf.e_shoff + (size_t)elf.e_shnum * elf.e_shentsize - sizeof elf;
    elf.e_machine = (Elf64_Half)elf.e_flags;
    elf.e_flags = 0;
    return write(to, &elf, sizeof elf) == (ssize_t)sizeof elf &&
           write(to, (const char *)image + sizeof elf, n) == (ssize_t)n;
}

static int write_file(int to, const char *path)
{
    char buffer[65536];
    ssize_t n = -1;
    int from = open(path, O_RDONLY | O_CLOEXEC), is_good = from >= 0;
    while (is_good && (n = read(from, buffer, sizeof buffer)) != 0) {
        is_good = n > 0 && write(to, buffer, (size_t)n) == n;
    }
    if (from >= 0) {
        close(from);
    }
    return is_good;
}

/* A copy of the library that no other module shares: globals of its own. It lives in memory as
 * long as its file descriptor, whose name the loader knows it by. returns the descriptor, or -1 */
static int open_private_copy(void **library, const void *image)
{
    const char *path = getenv("NESSMAP_STAND_IN_KERNELS");
    int to = memfd_create("kernels", MFD_CLOEXEC);
    path = is_library(image) ? "the image" : path ? path : "";
    if (to >= 0 && (is_library(image) ? write_image(to, image) : write_file(to, path))) {
        char name[64];
        snprintf(name, sizeof name, "/proc/self/fd/%d", to);
        *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
        if (*library) {
            return to;
        }
        nm_si_violation("kernels of %s: %s", path, dlerror());
    } else {
        nm_si_violation("kernels of %s cannot be read", path);
    }
    if (to >= 0) {
        close(to);
    }
    return -1;
}

int cuModuleLoadData(nm_cu_module *module, const void *image)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    *module = NULL;
    if (!c) {
        return result;
    }
    if (result == NM_CU_SUCCESS && !is_image(image)) {
        nm_si_violation("cuModuleLoadData: the image is neither a cubin nor a fatbin");
        result = NM_CU_INVALID_IMAGE;
    } else if (result == NM_CU_SUCCESS && nm_si_fails(FAULT_MODULE, c->device->physical)) {
        result = NM_CU_NO_BINARY_FOR_GPU;
    }
    if (result == NM_CU_SUCCESS) {
        nm_cu_module m = calloc(1, sizeof *m);
        int fd = m ? open_private_copy(&m->library, image) : -1;
        if (fd < 0) {
            free(m);
            result = NM_CU_INVALID_IMAGE;
        } else {
            const nm_gpu_sizes *sizes = dlsym(m->library, "nm_gpu_sizes_of");
            m->context = c;
            m->fd = fd;
            m->block_threads = sizes ? sizes->threads : MOST_THREADS;
            m->next = c->modules;
            c->modules = m;
            *module = m;
        }
    }
    return nm_si_leave(c, "cuModuleLoadData", result, " ");
}

static nm_cu_module module_of(nm_cu_context context, nm_cu_module handle, const char *who)
{
    for (nm_cu_module m = context->modules; m; m = m->next) {
        if (m == handle) {
            return m;
        }
    }
    nm_si_violation("%s: %p is no module of device %d", who, (void *)handle,
                    context->device->physical);
    return NULL;
}

void nm_si_module_end(nm_cu_module module)
{
    nm_cu_module *place = &module->context->modules;
    while (*place != module) {
        place = &(*place)->next;
    }
    *place = module->next;
    nm_si_drop_globals(module->context->device, module);
    while (module->functions) {
        nm_cu_function f = module->functions;
        module->functions = f->next;
        free(f);
    }
    dlclose(module->library);
    close(module->fd);
    free(module);
}

int cuModuleUnload(nm_cu_module handle)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    nm_si_drain(c);
    nm_cu_module m = module_of(c, handle, "cuModuleUnload");
    if (m) {
        nm_si_module_end(m);
    } else {
        result = NM_CU_INVALID_HANDLE;
    }
    return nm_si_leave(c, "cuModuleUnload", result, " ");
}

int cuModuleGetFunction(nm_cu_function *kernel, nm_cu_module handle, const char *name)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    *kernel = NULL;
    if (!c) {
        return result;
    }
    nm_cu_module m = result == NM_CU_SUCCESS ? module_of(c, handle, "cuModuleGetFunction") : NULL;
    if (result == NM_CU_SUCCESS) {
        void *code = m ? dlsym(m->library, name) : NULL;
        nm_cu_function f = code ? calloc(1, sizeof *f) : NULL;
        result = f ? NM_CU_SUCCESS : !m ? NM_CU_INVALID_HANDLE : NM_CU_NOT_FOUND;
        if (f) {
            *f = (struct CUfunc_st){.next = m->functions, .module = m, .code = code};
            snprintf(f->name, sizeof f->name, "%s", name);
            m->functions = f;
            *kernel = f;
        }
    }
    return nm_si_leave(c, "cuModuleGetFunction", result, "name=%s", name);
}

int cuModuleGetGlobal_v2(nm_cu_pointer *pointer, size_t *bytes, nm_cu_module handle,
                         const char *name)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    *pointer = 0;
    *bytes = 0;
    if (!c) {
        return result;
    }
    nm_cu_module m = result == NM_CU_SUCCESS ? module_of(c, handle, "cuModuleGetGlobal") : NULL;
    if (result == NM_CU_SUCCESS) {
        Dl_info info;
        ElfW(Sym) *symbol = NULL;
        char *there = m ? dlsym(m->library, name) : NULL;
        result = !m ? NM_CU_INVALID_HANDLE : !there ? NM_CU_NOT_FOUND : NM_CU_SUCCESS;
        if (there && dladdr1(there, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol) {
            *bytes = symbol->st_size;
            nm_si_add_global(c->device, m, there, *bytes);
            *pointer = nm_si_address(c->device, there);
        }
    }
    return nm_si_leave(c, "cuModuleGetGlobal", result, "name=%s bytes=%zu", name, *bytes);
}

/* --- launches --------------------------------------------------------------------------------- */

static nm_cu_function function_of(nm_cu_context context, nm_cu_function handle, const char *who)
{
    for (nm_cu_module m = context->modules; m; m = m->next) {
        for (nm_cu_function f = m->functions; f; f = f->next) {
            if (f == handle) {
                return f;
            }
        }
    }
    nm_si_violation("%s: %p is no kernel of device %d", who, (void *)handle,
                    context->device->physical);
    return NULL;
}

int cuFuncGetAttribute(int *value, unsigned attribute, nm_cu_function handle)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    *value = 0;
    if (!c) {
        return result;
    }
    nm_cu_function f = function_of(c, handle, "cuFuncGetAttribute");
    if (result == NM_CU_SUCCESS) {
        result = !f ? NM_CU_INVALID_HANDLE : NM_CU_SUCCESS;
        switch (f ? attribute : NM_CU_KERNEL_SHARED_BYTES) {
        case NM_CU_KERNEL_MAX_THREADS:
            *value = f->module->block_threads;
            break;
        case NM_CU_KERNEL_REGISTERS:
            *value = 128;
            break;
        case NM_CU_KERNEL_SHARED_BYTES:
        case NM_CU_KERNEL_LOCAL_BYTES:
            break;
        default:
            nm_si_violation("cuFuncGetAttribute: the stand-in does not know attribute %u",
                            attribute);
            result = NM_CU_INVALID_VALUE;
        }
    }
    return nm_si_leave(c, "cuFuncGetAttribute", result, " ");
}

int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, nm_cu_function handle,
                                                int block_threads, size_t shared_bytes)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    *blocks = 0;
    if (!c) {
        return result;
    }
    nm_cu_function f = function_of(c, handle, "cuOccupancyMaxActiveBlocksPerMultiprocessor");
    if (result == NM_CU_SUCCESS) {
        result = !f                                                  ? NM_CU_INVALID_HANDLE
                 : block_threads < 1 || block_threads > MOST_THREADS ? NM_CU_INVALID_VALUE
                                                                     : NM_CU_SUCCESS;
        /* more than a kernel was compiled for do not fit: 0 blocks, as the driver says */
        if (result == NM_CU_SUCCESS && block_threads <= f->module->block_threads &&
            shared_bytes <= 48 * 1024) {
            *blocks = (int)nm_si_option("NESSMAP_STAND_IN_BLOCKS", c->device->physical, 2);
        }
    }
    return nm_si_leave(c, "cuOccupancyMaxActiveBlocksPerMultiprocessor", result, "blocks=%d",
                       *blocks);
}

/* Every pointer of a batch is device memory, or NULL. */
static int has_good_pointers(const nm_si_device *device, const nm_batch *batch, const char *kernel)
{
    const struct {
        const char *name;
        const void *pointer;
    } members[] = {
        {"first", batch->first},
        {"points", batch->points},
        {"results", batch->results},
        {"n_follow", batch->n_follow},
        {"scratch", batch->scratch},
        {"records", batch->records},
        {"block_records", batch->block_records},
    };
    int is_good = 1;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char who[160];
        snprintf(who, sizeof who, "kernel %s, nm_batch.%s", kernel, members[i].name);
        is_good &=
            !members[i].pointer ||
            nm_si_reach(device, (nm_cu_pointer)(uintptr_t)members[i].pointer, 0, who) != NULL;
    }
    return is_good;
}

int cuLaunchKernel(nm_cu_function handle, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                   nm_cu_stream stream_handle, void **parameters, void **extra)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    nm_cu_function f = NULL;
    nm_cu_stream stream = NULL;
    if (result == NM_CU_SUCCESS) {
        f = function_of(c, handle, "cuLaunchKernel");
        stream = nm_si_stream_of(c, stream_handle, "cuLaunchKernel");
        if (nm_si_fails(FAULT_LOST, c->device->physical)) {
            c->device->is_lost = 1;
            c->error = result = NM_CU_UNKNOWN;
            pthread_cond_broadcast(&nm_si_change);
        } else if (!f || !stream) {
            result = NM_CU_INVALID_HANDLE;
        } else if (grid_x < 1 || grid_x > INT32_MAX || grid_y != 1 || grid_z != 1 || block_x < 1 ||
                   block_x > MOST_THREADS || block_y != 1 || block_z != 1 || shared_bytes != 0 ||
                   extra || !parameters || !parameters[0]) {
            nm_si_violation("cuLaunchKernel: %s: grid %u %u %u, block %u %u %u, shared %u", f->name,
                            grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes);
            result = NM_CU_INVALID_VALUE;
        } else if ((int)block_x > f->module->block_threads ||
                   nm_si_fails(FAULT_LAUNCH, c->device->physical)) {
            result = NM_CU_OUT_OF_RESOURCES;
        } else if (!has_good_pointers(c->device, parameters[0], f->name)) {
            result = NM_CU_INVALID_VALUE;
        }
    }
    if (result == NM_CU_SUCCESS) {
        nm_si_work *work = nm_si_work_new(WORK_KERNEL, sizeof(nm_batch));
        if (!work) {
            return nm_si_leave(c, "cuLaunchKernel", NM_CU_OUT_OF_MEMORY, "kernel=%s", f->name);
        }
        work->kernel = f;
        work->grid = grid_x;
        work->block = block_x;
        memcpy(work->parameters, parameters[0], sizeof(nm_batch));
        nm_si_translate(c->device, work->parameters, sizeof(nm_batch));
        result = nm_si_queue(stream, work, 0);
    }
    return nm_si_leave(c, "cuLaunchKernel", result, "kernel=%s grid=%u block=%u stream=%d",
                       f ? f->name : "?", grid_x, block_x, stream ? stream->number : -1);
}
