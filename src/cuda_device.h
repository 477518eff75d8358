/* One GPU, made ready for a plan: context, module, kernels, the task in its constant memory. */
#ifndef NESSMAP_CUDA_DEVICE_H
#define NESSMAP_CUDA_DEVICE_H

#include "cuda_driver.h"
#include "plan.h"

enum { NM_CUDA_MAX_KERNELS = 24, NM_CUDA_MAX_ARRAYS = NM_MAX_AXES + NM_MAX_PARAMS + 2 };

/* The parts belong to the device's primary context, which is current to the thread that opened it;
 * another thread calls nm_cuda_device_enter first. */
typedef struct nm_cuda_device {
    const nm_cuda_driver *driver;
    const nm_plan *plan; /* not owned */
    int number;          /* among the visible devices */
    nm_cu_device handle;
    nm_cuda_device_info info; /* free_bytes: as the module and the task have left it */
    nm_cu_context context;
    nm_cu_module module;
    char origin[24]; /* of the module: "built in", "cached", "compiled now" */
    nm_gpu_sizes sizes;
    nm_cu_function kernel[NM_CUDA_MAX_KERNELS]; /* by step of the launch sequence; NULL: not used */
    int resident[NM_CUDA_MAX_KERNELS];          /* blocks that fit the device at once */
    int n_arrays;                               /* axis values, columns of a table */
    nm_cu_pointer array[NM_CUDA_MAX_ARRAYS];
    int64_t array_bytes;
} nm_cuda_device;

/* Room for the path of a device in a sentence: "device 0 (NVIDIA H200)". */
enum { NM_CUDA_LABEL = 320 };
char *nm_cuda_device_label(char *out, const nm_cuda_device *device);

/* Opens visible device `number`. returns NM_DEVICE with one sentence, and nothing to close. */
nm_status nm_cuda_device_open(nm_cuda_device *device, const nm_cuda_driver *driver, int number,
                              const nm_plan *plan);

/* Gives everything back, on a device that is lost too. */
void nm_cuda_device_close(nm_cuda_device *device);

/* Makes the device's context current to the calling thread. returns NM_DEVICE. */
nm_status nm_cuda_device_enter(const nm_cuda_device *device);

/* Allocates device memory. returns NM_MEMORY where there is not so much left (no sentence of use to
 * people), NM_DEVICE. */
nm_status nm_cuda_device_alloc(nm_cu_pointer *pointer, const nm_cuda_device *device, int64_t bytes);

/* Queues all kernels of a batch. An empty batch is allowed: it makes the driver take the memory that
 * it needs for kernels itself. returns NM_DEVICE, NM_MEMORY for a driver without memory. */
nm_status nm_cuda_device_launch(const nm_cuda_device *device, const nm_batch *batch,
                                nm_cu_stream stream);

#endif
