/* The CUDA driver, found when the program runs: nothing of CUDA is needed to build or to link.
 *
 * Types, numbers and signatures are declared here as cuda.h has them (a test compares them where
 * the toolkit is installed). Only plain device memory is used, no managed memory. */
#ifndef NESSMAP_CUDA_DRIVER_H
#define NESSMAP_CUDA_DRIVER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nessmap/status.h"

enum { NM_CU_OLDEST_DRIVER = 12000 }; /* CUDA version 1000 major + 10 minor */

/* The tags are those of cuda.h, so that a test can let the compiler compare signatures. */
typedef int nm_cu_device;
typedef unsigned long long nm_cu_pointer; /* an address of device memory */
typedef struct CUctx_st *nm_cu_context;
typedef struct CUstream_st *nm_cu_stream;
typedef struct CUevent_st *nm_cu_event;
typedef struct CUmod_st *nm_cu_module;
typedef struct CUfunc_st *nm_cu_function;

/* clang-format off */

/* constant(name here, name in cuda.h, value) */
#define NM_CU_CONSTANT_LIST(constant)                                                                               \
    /* results */                                                                                                   \
    constant(NM_CU_SUCCESS,              CUDA_SUCCESS,                                  0)                          \
    constant(NM_CU_INVALID_VALUE,        CUDA_ERROR_INVALID_VALUE,                      1)                          \
    constant(NM_CU_OUT_OF_MEMORY,        CUDA_ERROR_OUT_OF_MEMORY,                      2)                          \
    constant(NM_CU_NOT_INITIALIZED,      CUDA_ERROR_NOT_INITIALIZED,                    3)                          \
    constant(NM_CU_DEINITIALIZED,        CUDA_ERROR_DEINITIALIZED,                      4)                          \
    constant(NM_CU_STUB_LIBRARY,         CUDA_ERROR_STUB_LIBRARY,                       34)                         \
    constant(NM_CU_DEVICE_UNAVAILABLE,   CUDA_ERROR_DEVICE_UNAVAILABLE,                 46)                         \
    constant(NM_CU_NO_DEVICE,            CUDA_ERROR_NO_DEVICE,                          100)                        \
    constant(NM_CU_INVALID_DEVICE,       CUDA_ERROR_INVALID_DEVICE,                     101)                        \
    constant(NM_CU_INVALID_IMAGE,        CUDA_ERROR_INVALID_IMAGE,                      200)                        \
    constant(NM_CU_INVALID_CONTEXT,      CUDA_ERROR_INVALID_CONTEXT,                    201)                        \
    constant(NM_CU_NO_BINARY_FOR_GPU,    CUDA_ERROR_NO_BINARY_FOR_GPU,                  209)                        \
    constant(NM_CU_ECC_UNCORRECTABLE,    CUDA_ERROR_ECC_UNCORRECTABLE,                  214)                        \
    constant(NM_CU_INVALID_PTX,          CUDA_ERROR_INVALID_PTX,                        218)                        \
    constant(NM_CU_UNSUPPORTED_PTX,      CUDA_ERROR_UNSUPPORTED_PTX_VERSION,            222)                        \
    constant(NM_CU_INVALID_HANDLE,       CUDA_ERROR_INVALID_HANDLE,                     400)                        \
    constant(NM_CU_NOT_FOUND,            CUDA_ERROR_NOT_FOUND,                          500)                        \
    constant(NM_CU_NOT_READY,            CUDA_ERROR_NOT_READY,                          600)                        \
    constant(NM_CU_ILLEGAL_ADDRESS,      CUDA_ERROR_ILLEGAL_ADDRESS,                    700)                        \
    constant(NM_CU_OUT_OF_RESOURCES,     CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES,            701)                        \
    constant(NM_CU_LAUNCH_TIMEOUT,       CUDA_ERROR_LAUNCH_TIMEOUT,                     702)                        \
    constant(NM_CU_LAUNCH_FAILED,        CUDA_ERROR_LAUNCH_FAILED,                      719)                        \
    constant(NM_CU_NOT_SUPPORTED,        CUDA_ERROR_NOT_SUPPORTED,                      801)                        \
    constant(NM_CU_UNKNOWN,              CUDA_ERROR_UNKNOWN,                            999)                        \
    /* attributes of a device */                                                                                    \
    constant(NM_CU_MAX_BLOCK_THREADS,    CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK,     1)                          \
    constant(NM_CU_WARP_SIZE,            CU_DEVICE_ATTRIBUTE_WARP_SIZE,                 10)                         \
    constant(NM_CU_CLOCK_KHZ,            CU_DEVICE_ATTRIBUTE_CLOCK_RATE,                13)                         \
    constant(NM_CU_MULTIPROCESSORS,      CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,      16)                         \
    constant(NM_CU_ECC_ENABLED,          CU_DEVICE_ATTRIBUTE_ECC_ENABLED,               32)                         \
    constant(NM_CU_MEMORY_CLOCK_KHZ,     CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE,         36)                         \
    constant(NM_CU_MEMORY_BUS_BITS,      CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH,   37)                         \
    constant(NM_CU_COPY_ENGINES,         CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT,        40)                         \
    constant(NM_CU_CAPABILITY_MAJOR,     CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,  75)                         \
    constant(NM_CU_CAPABILITY_MINOR,     CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,  76)                         \
    /* attributes of a kernel */                                                                                    \
    constant(NM_CU_KERNEL_MAX_THREADS,   CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK,       0)                          \
    constant(NM_CU_KERNEL_SHARED_BYTES,  CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES,           1)                          \
    constant(NM_CU_KERNEL_LOCAL_BYTES,   CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES,            3)                          \
    constant(NM_CU_KERNEL_REGISTERS,     CU_FUNC_ATTRIBUTE_NUM_REGS,                    4)                          \
    /* flags */                                                                                                     \
    constant(NM_CU_CONTEXT_BLOCKING,     CU_CTX_SCHED_BLOCKING_SYNC,                    4)                          \
    constant(NM_CU_STREAM_DEFAULT,       CU_STREAM_DEFAULT,                             0)                          \
    constant(NM_CU_STREAM_NON_BLOCKING,  CU_STREAM_NON_BLOCKING,                        1)                          \
    constant(NM_CU_EVENT_DEFAULT,        CU_EVENT_DEFAULT,                              0)                          \
    constant(NM_CU_EVENT_BLOCKING,       CU_EVENT_BLOCKING_SYNC,                        1)                          \
    constant(NM_CU_EVENT_NO_TIMING,      CU_EVENT_DISABLE_TIMING,                       2)                          \
    constant(NM_CU_HOST_PORTABLE,        CU_MEMHOSTALLOC_PORTABLE,                      1)

/* function(member, symbol in the library, parameters); every one returns a result. The symbols
 * are those that the drivers of CUDA 12.0 and of all later ones have. */
#define NM_CU_FUNCTION_LIST(function)                                                                               \
    function(cuInit,                    cuInit,                       (unsigned flags))                             \
    function(cuDriverGetVersion,        cuDriverGetVersion,           (int *version))                               \
    function(cuGetErrorName,            cuGetErrorName,               (unsigned result, const char **name))         \
    function(cuGetErrorString,          cuGetErrorString,             (unsigned result, const char **text))         \
    function(cuDeviceGetCount,          cuDeviceGetCount,             (int *count))                                 \
    function(cuDeviceGet,               cuDeviceGet,                  (nm_cu_device *device, int number))           \
    function(cuDeviceGetName,           cuDeviceGetName,              (char *name, int bytes, nm_cu_device device)) \
    function(cuDeviceGetAttribute,      cuDeviceGetAttribute,                                                       \
             (int *value, unsigned attribute, nm_cu_device device))                                                 \
    function(cuDeviceTotalMem,          cuDeviceTotalMem_v2,          (size_t *bytes, nm_cu_device device))         \
    function(cuDeviceGetPCIBusId,       cuDeviceGetPCIBusId,          (char *id, int bytes, nm_cu_device device))   \
    function(cuDevicePrimaryCtxRetain,  cuDevicePrimaryCtxRetain,     (nm_cu_context *context, nm_cu_device device)) \
    function(cuDevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2, (nm_cu_device device))                        \
    function(cuDevicePrimaryCtxSetFlags, cuDevicePrimaryCtxSetFlags_v2, (nm_cu_device device, unsigned flags))      \
    function(cuCtxSetCurrent,           cuCtxSetCurrent,              (nm_cu_context context))                      \
    function(cuCtxGetCurrent,           cuCtxGetCurrent,              (nm_cu_context *context))                     \
    function(cuCtxSynchronize,          cuCtxSynchronize,             (void))                                       \
    function(cuMemGetInfo,              cuMemGetInfo_v2,              (size_t *unused, size_t *total))              \
    function(cuMemAlloc,                cuMemAlloc_v2,                (nm_cu_pointer *pointer, size_t bytes))       \
    function(cuMemFree,                 cuMemFree_v2,                 (nm_cu_pointer pointer))                      \
    function(cuMemHostAlloc,            cuMemHostAlloc,               (void **pointer, size_t bytes, unsigned flags)) \
    function(cuMemFreeHost,             cuMemFreeHost,                (void *pointer))                              \
    function(cuMemcpyHtoD,              cuMemcpyHtoD_v2,              (nm_cu_pointer to, const void *from, size_t bytes)) \
    function(cuMemcpyDtoH,              cuMemcpyDtoH_v2,              (void *to, nm_cu_pointer from, size_t bytes)) \
    function(cuMemcpyHtoDAsync,         cuMemcpyHtoDAsync_v2,                                                       \
             (nm_cu_pointer to, const void *from, size_t bytes, nm_cu_stream stream))                               \
    function(cuMemcpyDtoHAsync,         cuMemcpyDtoHAsync_v2,                                                       \
             (void *to, nm_cu_pointer from, size_t bytes, nm_cu_stream stream))                                     \
    function(cuMemsetD8Async,           cuMemsetD8Async,                                                            \
             (nm_cu_pointer to, unsigned char value, size_t bytes, nm_cu_stream stream))                            \
    function(cuStreamCreate,            cuStreamCreate,               (nm_cu_stream *stream, unsigned flags))       \
    function(cuStreamDestroy,           cuStreamDestroy_v2,           (nm_cu_stream stream))                        \
    function(cuStreamSynchronize,       cuStreamSynchronize,          (nm_cu_stream stream))                        \
    function(cuStreamWaitEvent,         cuStreamWaitEvent,                                                          \
             (nm_cu_stream stream, nm_cu_event event, unsigned flags))                                              \
    function(cuEventCreate,             cuEventCreate,                (nm_cu_event *event, unsigned flags))         \
    function(cuEventDestroy,            cuEventDestroy_v2,            (nm_cu_event event))                          \
    function(cuEventRecord,             cuEventRecord,                (nm_cu_event event, nm_cu_stream stream))     \
    function(cuEventSynchronize,        cuEventSynchronize,           (nm_cu_event event))                          \
    function(cuEventQuery,              cuEventQuery,                 (nm_cu_event event))                          \
    function(cuEventElapsedTime,        cuEventElapsedTime,                                                         \
             (float *milliseconds, nm_cu_event start, nm_cu_event end))                                             \
    function(cuModuleLoadData,          cuModuleLoadData,             (nm_cu_module *module, const void *image))    \
    function(cuModuleUnload,            cuModuleUnload,               (nm_cu_module module))                        \
    function(cuModuleGetFunction,       cuModuleGetFunction,                                                        \
             (nm_cu_function *kernel, nm_cu_module module, const char *name))                                       \
    function(cuModuleGetGlobal,         cuModuleGetGlobal_v2,                                                       \
             (nm_cu_pointer *pointer, size_t *bytes, nm_cu_module module, const char *name))                        \
    function(cuFuncGetAttribute,        cuFuncGetAttribute,                                                         \
             (int *value, unsigned attribute, nm_cu_function kernel))                                               \
    function(cuOccupancyMaxActiveBlocksPerMultiprocessor, cuOccupancyMaxActiveBlocksPerMultiprocessor,              \
             (int *blocks, nm_cu_function kernel, int block_threads, size_t shared_bytes))                          \
    function(cuLaunchKernel,            cuLaunchKernel,                                                             \
             (nm_cu_function kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,           \
              unsigned block_y, unsigned block_z, unsigned shared_bytes, nm_cu_stream stream, void **parameters,    \
              void **extra))

/* clang-format on */

#define NM_CU_CONSTANT_ENUM(name, theirs, value) name = value,
enum { NM_CU_CONSTANT_LIST(NM_CU_CONSTANT_ENUM) };
#undef NM_CU_CONSTANT_ENUM

/* Members return NM_CU_SUCCESS or another result. A context is current to the thread that sets
 * it. */
typedef struct nm_cuda_driver {
#define NM_CU_FUNCTION_MEMBER(member, symbol, parameters) int(*member) parameters;
    NM_CU_FUNCTION_LIST(NM_CU_FUNCTION_MEMBER)
#undef NM_CU_FUNCTION_MEMBER
    int version;   /* CUDA version of the driver: 1000 major + 10 minor */
    int n_devices; /* devices that CUDA_VISIBLE_DEVICES lets see: 1 or more */
} nm_cuda_driver;

/* What a person wants to know of a device, and a run of it. */
typedef struct nm_cuda_device_info {
    char name[256], bus_id[32];
    size_t total_bytes, free_bytes; /* device memory */
    int major, minor;               /* compute capability */
    int n_multiprocessors;
    int clock_khz;
} nm_cuda_device_info;

/* Loads and initialises the driver at the first call and gives the same at every later one, on
 * any thread. The driver stays loaded until the program ends. returns NM_DEVICE, with *driver =
 * NULL, where there is no driver, it is too old, or there is no device. */
nm_status nm_cuda_driver_get(const nm_cuda_driver **driver);

/* 1 where nm_cuda_driver_get failed because the machine has no driver, or the driver no device:
 * nobody expects one to be used there. */
int nm_cuda_driver_is_absent(void);

/* NM_OK where result is NM_CU_SUCCESS; else NM_DEVICE, and the sentence says `what` was tried
 * ("copying the results of a batch from the device"), and the error's number, name and text. */
nm_status nm_cuda_check(const nm_cuda_driver *driver, int result, const char *what);

/* Looks at device number 0 ... n_devices - 1; the thread's current context is as before
 * afterwards. */
nm_status nm_cuda_device_look(nm_cuda_device_info *info, const nm_cuda_driver *driver, int number);

/* Prints the driver's CUDA version and a line per visible device, or one sentence why there is
 * none: the `cuda` lines of `nessmap info`. */
void nm_cuda_driver_describe(FILE *stream);

#endif
