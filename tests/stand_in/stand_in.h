/* A CUDA driver without a GPU: what the parts of the stand-in libcuda.so.1 share.
 *
 * It is found by LD_LIBRARY_PATH and behaves like the driver where the program could notice: work
 * is queued in streams and done later by threads of their own, device addresses cannot be read by
 * the host, memory is poisoned and fenced. Kernels are host code of a shared library. All of it is
 * chosen by the environment:
 *
 *   NESSMAP_STAND_IN_KERNELS     shared library of kernels that were compiled for the host with
 *                                tests/kernels/test_cuda_stand_in.h, for every image but those of
 *                                the stand-in for NVRTC (nvrtc.c), which bring their own
 *   NESSMAP_STAND_IN_DEVICES     number of devices (1)
 *   NESSMAP_STAND_IN_MEMORY      bytes of each device (268435456); here and in the next three a
 *                                list by commas has one for each device
 *   NESSMAP_STAND_IN_CAPABILITY  10 major + minor (90)
 *   NESSMAP_STAND_IN_MULTIPROCESSORS  (4)
 *   NESSMAP_STAND_IN_BLOCKS      blocks that fit on a multiprocessor (2)
 *   NESSMAP_STAND_IN_DRIVER      CUDA version of the driver (13000)
 *   NESSMAP_STAND_IN_ORDER       forward, reverse or mixed: order of blocks, and of threads in a
 *                                block (forward)
 *   NESSMAP_STAND_IN_DELAY       kernel:MS,copy:MS  added to every kernel and copy
 *   NESSMAP_STAND_IN_FAIL        what:n, what:n+ (and all later ones) or what@device:n, by commas;
 *                                device: its number where all are visible; what is one of
 *       alloc, host, module, context, stream, event, launch, copy, sync   that call fails
 *       run, transfer   the kernel or copy fails when it is done: the context's error from then on
 *       lost            from that launch on, every call for the device fails
 *   NESSMAP_STAND_IN_LOG         file that lines are appended to:
 *       PID call NAME device=D result=R ...          a call
 *       PID work WHAT device=D stream=S begin=US end=US ...   what a stream did, and when
 *       PID violation ...                            what a program must not do
 *       PID leak ...                                 what was not given back
 *       PID fault ...                                a failure that was asked for
 *
 * CUDA_VISIBLE_DEVICES is a list of numbers, as the driver has it. */
#ifndef NESSMAP_TEST_STAND_IN_H
#define NESSMAP_TEST_STAND_IN_H

#include <pthread.h>
#include <stdint.h>

#include "cuda_driver.h"

#define DRIVER_FUNCTION                     __attribute__((visibility("default")))
#define DECLARE(member, symbol, parameters) DRIVER_FUNCTION int symbol parameters;
NM_CU_FUNCTION_LIST(DECLARE)
#undef DECLARE

enum {
    MAX_DEVICES = 16,
    POISON = 0xA5 /* byte of memory that nothing was written to */
};

typedef enum nm_si_fault {
    FAULT_ALLOC,
    FAULT_HOST,
    FAULT_MODULE,
    FAULT_CONTEXT,
    FAULT_STREAM,
    FAULT_EVENT,
    FAULT_LAUNCH,
    FAULT_COPY,
    FAULT_SYNC,
    FAULT_RUN,
    FAULT_TRANSFER,
    FAULT_LOST,
    N_FAULTS
} nm_si_fault;

/* A run of bytes that the program may name: device memory, a module's global or pinned host
 * memory. */
typedef struct nm_si_block {
    struct nm_si_block *next;
    char *bytes;
    size_t n_bytes;
    char *map; /* mapping with its fences; NULL for a module's global */
    size_t map_bytes;
    nm_cu_module module; /* of a global, else NULL */
} nm_si_block;

typedef struct nm_si_device {
    int number; /* among the visible ones */
    int physical;
    int is_lost;
    nm_cu_context context;
    size_t used_bytes;
    nm_si_block *blocks;
} nm_si_device;

struct CUctx_st {
    nm_si_device *device;
    int n_retained;
    int error;            /* once not 0, the result of every call */
    nm_cu_stream streams; /* a list; the first made is the default stream */
    nm_cu_stream dflt;
    nm_cu_event events;
    nm_cu_module modules;
    int n_streams_made;
};

typedef enum nm_si_work_kind {
    WORK_TO_DEVICE,
    WORK_TO_HOST,
    WORK_SET,
    WORK_KERNEL,
    WORK_RECORD,
    WORK_WAIT
} nm_si_work_kind;

typedef struct nm_si_work {
    struct nm_si_work *next;
    nm_si_work_kind kind;
    char *to;
    const char *from;
    size_t n_bytes;
    unsigned char value;
    nm_cu_event event;
    uint64_t generation; /* of the event: which record */
    nm_cu_function kernel;
    unsigned grid, block;
    _Alignas(16) char parameters[];
} nm_si_work;

struct CUstream_st {
    struct CUstream_st *next;
    nm_cu_context context;
    int number; /* 0: the default stream */
    unsigned flags;
    pthread_t thread;
    nm_si_work *first, **end;
    int n_pending; /* queued or being done */
    int is_ending;
    struct nm_si_crew *crew; /* what carries the threads of its kernels */
};

struct CUevent_st {
    struct CUevent_st *next;
    nm_cu_context context;
    unsigned flags;
    uint64_t n_recorded, n_reached;
    int64_t reached_ns;
    int n_users; /* works that name it, and the program */
};

struct CUfunc_st {
    struct CUfunc_st *next;
    nm_cu_module module;
    char name[64];
    void *code;
};

struct CUmod_st {
    struct CUmod_st *next;
    nm_cu_context context;
    void *library;
    int fd; /* the private copy of the library */
    int block_threads;
    nm_cu_function functions;
};

/* One lock for everything but the work itself; the condition is broadcast at every change. */
extern pthread_mutex_t nm_si_lock;
extern pthread_cond_t nm_si_change;

/* --- options.c: the environment, the log and failures on demand ------------------------------- */

void nm_si_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
void nm_si_violation(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* counts an occasion of this kind of fault; returns 1 where it shall fail. physical: of the
 * device, or -1 */
int nm_si_fails(nm_si_fault fault, int physical);
int64_t nm_si_option(const char *name, int i, int64_t dflt); /* item i of a list, or its only one */
int64_t nm_si_delay_ns(const char *what);
int64_t nm_si_now_ns(void);

/* --- driver.c --------------------------------------------------------------------------------- */

/* The context of the calling thread, locked for the call `name`; *result says why there is none
 * (then it is not locked). nm_si_leave logs the call, unlocks and returns the result. */
nm_cu_context nm_si_enter(int *result);
nm_cu_context nm_si_context(int number); /* of a visible device, or NULL */
int nm_si_leave(nm_cu_context context, const char *name, int result, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* --- memory.c --------------------------------------------------------------------------------- */

nm_cu_pointer nm_si_address(const nm_si_device *device, const void *bytes);
/* the host address of n bytes at a device address, or NULL, with a violation, where they are not
 * all there */
char *nm_si_reach(const nm_si_device *device, nm_cu_pointer pointer, size_t n_bytes,
                  const char *who);
/* device addresses among the words at `bytes` become what kernels can read */
void nm_si_translate(const nm_si_device *device, char *bytes, size_t n_bytes);
void nm_si_add_global(nm_si_device *device, nm_cu_module module, char *bytes, size_t n_bytes);
void nm_si_drop_globals(nm_si_device *device, nm_cu_module module);
/* number and size of the blocks that are not freed */
int nm_si_count_device(const nm_si_device *device, size_t *n_bytes);
int nm_si_count_pinned(size_t *n_bytes);
void nm_si_free_device(nm_si_device *device);

/* --- streams.c -------------------------------------------------------------------------------- */

nm_cu_stream nm_si_stream_new(nm_cu_context context, unsigned flags); /* NULL: no thread */
void nm_si_stream_end(nm_cu_stream stream);                           /* after its work is done */
void nm_si_drain(nm_cu_context context);                              /* waits for all streams */
/* the stream that NULL or a handle stands for, or NULL, with a violation */
nm_cu_stream nm_si_stream_of(nm_cu_context context, nm_cu_stream handle, const char *who);
/* Queues work, which is the queue's then. It is done when this returns where it is waited for,
 * or the stream is the default one. returns the context's error */
int nm_si_queue(nm_cu_stream stream, nm_si_work *work, int is_waited_for);
nm_si_work *nm_si_work_new(nm_si_work_kind kind, size_t parameter_bytes);
void nm_si_event_end(nm_cu_event event);    /* one user less */
void nm_si_forget_event(nm_cu_event event); /* the program names it no more */
/* 1 where queued work names one of these host bytes */
int nm_si_is_in_use(const char *bytes, size_t n_bytes);

/* --- fibers.c, kernels.c ---------------------------------------------------------------------- */

/* runs all threads of all blocks, on the thread of a stream; *crew is made at first, and kept */
int nm_si_run_kernel(struct nm_si_crew **crew, const nm_si_work *work);
void nm_si_crew_end(struct nm_si_crew *crew); /* on the same thread */
void nm_si_module_end(nm_cu_module module);

#endif
