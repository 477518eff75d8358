/* The stand-in driver's blocks of threads: host-compiled kernels, whose threads take turns where
 * they wait. */
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "nessmap/model_abi.h"
#include "stand_in.h"

enum {
    STACK_BYTES = 1 << 20, /* of a thread of a block; only what is touched costs memory */
    SIGNAL_STACK_BYTES = 1 << 16
};

/* --- blocks of threads ------------------------------------------------------------------------
 * A fiber carries threads from their first to their last instruction. Where a thread waits for its
 * block, the fiber stands still and the next thread gets another: kernels that never wait need one
 * fiber. */

typedef struct dim {
    unsigned x, y, z;
} dim;

typedef struct fiber {
    struct fiber *next; /* in the order in which they were begun */
    ucontext_t begin;   /* where it starts on its stack */
    jmp_buf place;      /* where it was left, once it has begun */
    char *stack;        /* its lowest page is a fence */
    unsigned thread;
    int has_begun, is_waiting;
} fiber;

struct nm_si_crew {
    jmp_buf scheduler;
    fiber *fibers;
    fiber *volatile now; /* the one that runs; NULL outside kernels */
    const nm_si_work *work;
    dim *thread_index;
    unsigned n_begun;    /* threads of this block */
    volatile int signal; /* what ended a kernel before its time */
    char *signal_stack;
};

static __thread struct nm_si_crew *crew;

static unsigned place_in_order(unsigned i, unsigned n)
{
    const char *order = getenv("NESSMAP_STAND_IN_ORDER");
    if (order && strcmp(order, "reverse") == 0) {
        return n - 1 - i;
    }
    if (order && strcmp(order, "mixed") == 0) {
        /* a step without a common divisor visits all of them */
        unsigned step = n / 2 + n / 8 + 1;
        for (;; step++) {
            unsigned a = n, b = step;
            while (b) {
                unsigned r = a % b;
                a = b;
                b = r;
            }
            if (a == 1) {
                break;
            }
        }
        return (unsigned)(((uint64_t)i * step + n / 3) % n);
    }
    return i;
}

/* libc's own longjmp: that of a sanitizer takes another stack for a mistake. */
static void (*jump)(jmp_buf place, int value) = _longjmp;

static void find_jump(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    void *found = libc ? dlsym(libc, "_longjmp") : NULL;
    if (found) {
        *(void **)&jump = found;
    }
}

/* The jumps keep no signal mask, which would cost a system call each; each is in a function of its
 * own, so that nothing of its caller lies between. */
static __attribute__((noinline)) void leave_fiber(fiber *f)
{
    if (_setjmp(f->place) == 0) {
        jump(crew->scheduler, 1);
    }
}

static __attribute__((noinline)) void enter_fiber(fiber *f)
{
    if (_setjmp(crew->scheduler) == 0) {
        if (f->has_begun) {
            jump(f->place, 1);
        }
        f->has_begun = 1;
        setcontext(&f->begin);
    }
}

/* Called by a kernel, on a fiber. */
static void wait_for_block(void)
{
    fiber *f = crew->now;
    f->is_waiting = 1;
    leave_fiber(f);
}

static void carry_threads(void)
{
    /* never returns: the scheduler leaves it where it is and sends it to the next block */
    for (;;) {
        fiber *f = crew->now;
        while (crew->n_begun < crew->work->block) {
            f->thread = place_in_order(crew->n_begun++, crew->work->block);
            crew->thread_index->x = f->thread;
            nm_batch batch;
            memcpy(&batch, crew->work->parameters, sizeof batch);
            ((void (*)(nm_batch))crew->work->kernel->code)(batch);
        }
        f->is_waiting = 0;
        leave_fiber(f);
    }
}

static void prepare(ucontext_t *begin, char *stack)
{
    getcontext(begin);
    begin->uc_stack = (stack_t){.ss_sp = stack, .ss_size = STACK_BYTES};
    makecontext(begin, carry_threads, 0);
}

static fiber *new_fiber(void)
{
    fiber *f = calloc(1, sizeof *f);
    if (!f) {
        return NULL;
    }
    f->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (f->stack == MAP_FAILED) {
        free(f);
        return NULL;
    }
    mprotect(f->stack, 4096, PROT_NONE);
    prepare(&f->begin, f->stack);
    return f;
}

/* returns 0 where the kernel did what no kernel may */
static int resume(fiber *f)
{
    crew->now = f;
    crew->thread_index->x = f->thread;
    f->is_waiting = 0;
    enter_fiber(f);
    crew->now = NULL;
    return crew->signal == 0;
}

static int run_block(void)
{
    crew->n_begun = 0;
    int n_waiting = 0;
    fiber **place = &crew->fibers;
    while (crew->n_begun < crew->work->block) {
        if (!*place && !(*place = new_fiber())) {
            return NM_CU_OUT_OF_RESOURCES;
        }
        if (!resume(*place)) {
            return NM_CU_ILLEGAL_ADDRESS;
        }
        n_waiting += (*place)->is_waiting;
        place = &(*place)->next;
    }
    while (n_waiting > 0) {
        n_waiting = 0;
        /* all have come to the barrier: each goes on to the next one, or to its end */
        for (fiber *f = crew->fibers; f != *place; f = f->next) {
            if (f->is_waiting) {
                if (!resume(f)) {
                    return NM_CU_ILLEGAL_ADDRESS;
                }
                n_waiting += f->is_waiting;
            }
        }
    }
    return NM_CU_SUCCESS;
}

/* --- kernels that go where they may not: an error of the device --------------------- */

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE};
enum { N_SIGNALS = sizeof signals / sizeof signals[0] };
static struct sigaction before[N_SIGNALS];
static pthread_once_t process_once = PTHREAD_ONCE_INIT;

static void handle(int number)
{
    if (crew && crew->now) {
        crew->signal = number;
        jump(crew->scheduler, 1);
    }
    /* not of a kernel: it comes again, to whoever was there before */
    for (int i = 0; i < N_SIGNALS; i++) {
        if (signals[i] == number) {
            sigaction(number, &before[i], NULL);
        }
    }
}

static void prepare_process(void)
{
    find_jump();
    /* the jump out of the handler leaves the signal mask as it is, so nothing may be masked in
     * it */
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_NODEFER | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < N_SIGNALS; i++) {
        sigaction(signals[i], &action, &before[i]);
    }
}

static struct nm_si_crew *new_crew(void)
{
    struct nm_si_crew *c = calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    /* a stack that overflowed is of no use to a handler; a sanitizer has given one already */
    stack_t stack;
    if (sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_DISABLE)) {
        c->signal_stack = malloc(SIGNAL_STACK_BYTES);
        stack = (stack_t){.ss_sp = c->signal_stack, .ss_size = SIGNAL_STACK_BYTES};
        if (!c->signal_stack || sigaltstack(&stack, NULL) != 0) {
            nm_si_crew_end(c);
            return NULL;
        }
    }
    pthread_once(&process_once, prepare_process);
    return c;
}

int nm_si_run_kernel(struct nm_si_crew **place, const nm_si_work *work)
{
    if (!*place && !(*place = new_crew())) {
        return NM_CU_OUT_OF_MEMORY;
    }
    crew = *place;
    crew->work = work;
    /* these variables are per thread, and dlsym finds those of the one that asks */
    void *library = work->kernel->module->library;
    dim *grid = dlsym(library, "gridDim"), *block = dlsym(library, "blockDim");
    dim *block_index = dlsym(library, "blockIdx");
    void (**barrier)(void) = dlsym(library, "nm_stand_in_barrier");
    crew->thread_index = dlsym(library, "threadIdx");
    if (!grid || !block || !block_index || !crew->thread_index || !barrier) {
        nm_si_violation("the kernels are not compiled with test_cuda_stand_in.h");
        return NM_CU_LAUNCH_FAILED;
    }
    *grid = (dim){work->grid, 1, 1};
    *block = (dim){work->block, 1, 1};
    *block_index = *crew->thread_index = (dim){0, 0, 0};
    *barrier = wait_for_block;
    for (unsigned i = 0; i < work->grid; i++) {
        block_index->x = place_in_order(i, work->grid);
        int error = run_block();
        if (crew->signal) {
            nm_si_violation("kernel %s, block %u, thread %u: signal %d", work->kernel->name,
                            block_index->x, crew->thread_index->x, crew->signal);
        }
        if (error) {
            return error;
        }
    }
    return NM_CU_SUCCESS;
}

void nm_si_crew_end(struct nm_si_crew *c)
{
    if (!c) {
        return;
    }
    while (c->fibers) {
        fiber *f = c->fibers;
        c->fibers = f->next;
        munmap(f->stack, STACK_BYTES);
        free(f);
    }
    if (c->signal_stack) {
        sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
        free(c->signal_stack);
    }
    free(c);
}
