/* A tile on a GPU: one thread carries one point from its index to its verdict.
 *
 * Compiled once per model: -DNM_MODEL_FILE="models/x.c" -DNM_MODEL=x, by nvcc or by NVRTC from the same text, with
 * -fmad=false: bits rest on explicit fma alone. */
#include NM_MODEL_FILE
#include "rounds.h"

static_assert(NM_LANES == 1, "a thread carries one point");

enum { NM_CUDA_THREADS = 128 }; /* most threads of a block */

/* Follows a point round by round until it has its verdict. kept: what auto found, where the point is audited, or NULL. */
NM_NOINLINE void nm_follow_point(nm_verdict *verdict, const nm_audited *kept, int64_t index, const nm_point *pt,
                                 const nm_choices *pick, const nm_task *task) {
    nm_traveller traveller = {};
    const nm_traveller *who[1] = {&traveller};
    const nm_audited *audited[1] = {kept};
    nm_course course = {};
    nm_set_out(&course, true, pt, pick);
    for (;;) {
        while (course.status == (double)NM_FOLLOWING) { nm_course_step(&course, pt, pick, task->solver.rtol, NM_FOLLOW_STEPS); }
        nm_save(&traveller, &course, 0);
        nm_end_round(verdict, who, audited, &index, true, pt, pick, task);
        if (verdict->settled) { return; }
        nm_next_round(&traveller);
        nm_restore(&course, &traveller, 0);
    }
}

/* returns true if Newton alone settled the point */
NM_FN bool nm_run_point(const nm_task *task, nm_tile *tile, int64_t offset, const nm_choices *pick) {
    nm_point pt;
    nm_vec out[NM_N_OUTPUTS], y[NM_NY];
    nm_verdict verdict = {};
    nm_audited kept;
    double p[NM_NP];
    const int64_t index = tile->first + offset;
    verdict.out = out;
    nm_put_fixed(&pt, p, task);
    nm_put_lane(&pt, 0, p, task, index);
    nm_store_params(tile, task, offset, p);
    nm_prepare(&pt, pick);
    if (task->solver.mode == NM_MODE_AUTO) { nm_solve_auto(&verdict, y, &index, true, &pt, pick, task); }
    const bool audit = nm_wants_audit(&verdict, 0, task, index), by_newton = verdict.settled && !audit;
    if (audit) { nm_keep_for_audit(&kept, &verdict, y, 0); }
    if (!by_newton) { nm_follow_point(&verdict, audit ? &kept : nullptr, index, &pt, pick, task); }
    nm_store(tile, task, offset, &verdict, 0);
    return by_newton;
}

#define NM_ENTRY_NAME_2(model) nm_cuda_##model
#define NM_ENTRY_NAME(model) NM_ENTRY_NAME_2(model)

/* Any grid of one-dimensional blocks. `task` and all pointers in it and in `tile` are device memory. *n_newton grows by
 * the number of points that Newton alone settled. */
extern "C" __global__ void __launch_bounds__(NM_CUDA_THREADS)
    NM_ENTRY_NAME(NM_MODEL)(const nm_task *task, nm_tile tile, unsigned long long *n_newton) {
    const nm_choices pick = nm_make_choices(task);
    const int64_t stride = (int64_t)gridDim.x * blockDim.x;
    unsigned long long n = 0;
    for (int64_t offset = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; offset < tile.n; offset += stride) {
        n += nm_run_point(task, &tile, offset, &pick);
    }
    if (n > 0) { atomicAdd(n_newton, n); }
}
