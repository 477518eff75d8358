/* Batches of tiles on a GPU: one thread carries one point.
 *
 * Compiled once per model: -DNM_MODEL_FILE="models/x.c" -DNM_MODEL=x, by nvcc or by NVRTC from the same text, with
 * -fmad=false: bits rest on explicit fma alone. -DNM_CHOSEN=0x.. compiles it for one combination of the variants.
 *
 * The launch sequence (every kernel gets the batch by value; the task is a constant of the module):
 *
 *   auto:    newton      every point: draw, the first steps of Newton               -> its state, list: to go on
 *            newton_more listed points: the other steps, but for those that must grow
 *            conclude    every point: certain states -> results                     -> lists: to judge, to follow
 *            judge       listed points that must grow, whose spectrum needs eigenvalues, or that want several starts
 *   follow:  everyone    every point                                                -> list: to follow
 *   both, in NM_ROUNDS rounds that mostly find their lists empty:
 *            advance     listed points, by persistent threads: who arrives takes the next from the list
 *            watch       listed points that wander: do they oscillate?
 *            finish      endings -> results; who has none goes on the next round's list
 *   walks:   walk, walk_windows, walk_passages, walk_statistics (walk_gpu.h)
 *   reduced: reduce_blocks, reduce_cells (reduce_gpu.h); clear_words, project or quantiles (project_gpu.h)
 *
 * Kernels keep to registers: what does not fit in one is two. Neighbouring threads carry neighbouring points. Lists
 * have no order, and need none: a point's result depends on its index alone. */
#include NM_MODEL_FILE
#include "rounds.h"
#define NM_COUNT_TURN(count) atomicAdd(count, 1ull)
#include "ssa.h"

static_assert(NM_LANES == 1, "a thread carries one point");

enum {
    NM_GPU_THREADS = 128, /* of a block */
    /* blocks that fit a multiprocessor: more unknowns want more registers. A few registers that spill into the cache cost less
     * than a third of the warps would, which hide the latency of each other's arithmetic (tests/records/gpu_*). */
    NM_GPU_NEWTON_BLOCKS = NM_NY <= 7 ? 4 : 2,
    NM_GPU_STATE_BLOCKS = NM_NY <= 5 ? 3 : 1
};

#define NM_KERNEL(name, blocks) extern "C" __global__ void __launch_bounds__(NM_GPU_THREADS, blocks) name

extern "C" {
__constant__ nm_task nm_gpu_task;
}

/* --- scratch of a batch ---------------------------------------------------------------------------- */

/* in the place of Newton's iterations */
#define NM_NOT_CONVERGED -1.0
#define NM_NOT_VALID -2.0
#define NM_GROWING -3.0

struct nm_queue {
    int n;                    /* entries */
    int next, watched, ended; /* how many of them a kernel has taken */
};
struct nm_queues {
    nm_queue more, judge, follow[NM_ROUNDS + 1];
};

struct nm_scratch { /* arrays by position in the batch */
    nm_queues *queues;
    double *drawn;      /* [NM_NP][n]: parameters of followed points, in the order of nm_each_drawn */
    double *y;          /* [NM_NY][n] */
    double *iterations; /* [n] */
    nm_traveller *travellers;
    nm_audited *audited; /* outcome -1: not audited */
    nm_walk_set *sets;   /* where trajectories are wanted */
    double *walked;      /* their entropy productions, jumps, times, then int32 net jumps */
    unsigned long long *turns; /* [n][2 NM_MOST_TURNS] */
    int *judge, *follow[2]; /* lists of positions; the rounds take turns */
    int *more;              /* over before the first round begins */
};
enum { NM_GPU_FIXED = (sizeof(nm_queues) + 255) / 256 * 256 };
enum { NM_GPU_POINT = (NM_NP + NM_NY + 1) * sizeof(double) + sizeof(nm_traveller) + sizeof(nm_audited) + 3 * sizeof(int) };
/* where trajectories are wanted: bytes for each point, and for each trajectory of a point */
enum {
    NM_GPU_WALK = NM_N_WALK > 0 ? (int)(sizeof(nm_walk_set) + 2 * NM_MOST_TURNS * sizeof(unsigned long long)) : 0,
    NM_GPU_TRAJECTORY = NM_N_WALK > 0 ? (int)(3 * sizeof(double) + NM_ROOM_STEPS * sizeof(int32_t)) : 0
};
static_assert(sizeof(nm_traveller) % 8 == 0 && sizeof(nm_audited) % 8 == 0, "arrays follow each other");

NM_FN nm_scratch nm_find_scratch(const nm_batch *batch) {
    const int64_t n = batch->n_tiles * batch->tile_points;
    nm_scratch s;
    s.queues = (nm_queues *)batch->scratch;
    s.drawn = (double *)(batch->scratch + NM_GPU_FIXED);
    s.y = s.drawn + NM_NP * n;
    s.iterations = s.y + NM_NY * n;
    s.travellers = (nm_traveller *)(s.iterations + n);
    s.audited = (nm_audited *)(s.travellers + n);
    const int64_t n_trajectories = NM_N_WALK > 0 ? nm_gpu_task.stochastic.n_trajectories : 0,
                  n_sets = n_trajectories > 0 ? n : 0;
    s.sets = (nm_walk_set *)(s.audited + n);
    s.turns = (unsigned long long *)(s.sets + n_sets);
    s.walked = (double *)(s.turns + n_sets * 2 * NM_MOST_TURNS);
    s.judge = (int *)((char *)s.walked + n_trajectories * n * NM_GPU_TRAJECTORY);
    s.follow[0] = s.judge + n;
    s.follow[1] = s.follow[0] + n;
    s.more = s.follow[1];
    return s;
}

#ifdef NM_CHOSEN
#define NM_GPU_CHOICE(v) (v) < NM_NV ? (int)((NM_CHOSEN) >> 4 * (v) & 15) : 0
#else
#define NM_GPU_CHOICE(v) -1
#endif
extern "C" {
extern __constant__ const nm_gpu_sizes nm_gpu_sizes_of;
__constant__ const nm_gpu_sizes nm_gpu_sizes_of = {
    NM_ABI, NM_GPU_THREADS, sizeof(nm_queues), NM_GPU_FIXED, NM_GPU_POINT, NM_GPU_WALK, NM_GPU_TRAJECTORY,
    {NM_GPU_CHOICE(0), NM_GPU_CHOICE(1), NM_GPU_CHOICE(2), NM_GPU_CHOICE(3), NM_GPU_CHOICE(4), NM_GPU_CHOICE(5),
     NM_GPU_CHOICE(6), NM_GPU_CHOICE(7)}};
}

NM_FN void nm_push(nm_queue *queue, int *list, int position) { list[atomicAdd(&queue->n, 1)] = position; }

/* the next position of a list that is complete, or -1; taken: how many the kernel has taken */
NM_FN int nm_pop(const nm_queue *queue, int *taken, const int *list) {
    if (*taken >= queue->n) { return -1; }
    const int i = atomicAdd(taken, 1);
    return i < queue->n ? list[i] : -1;
}

/* --- a point's place: parameters in, results out ---------------------------------------------------- */

struct nm_place_of { /* where a point's results go */
    nm_tile tile;
    int t;
    int64_t offset, index;
};

NM_FN int64_t nm_find_index(const nm_batch *batch, int position) {
    const int size = (int)batch->tile_points, t = position / size;
    return batch->first[t] + (position - t * size);
}

/* returns false where the tile has fewer points */
NM_FN bool nm_find_place(nm_place_of *place, const nm_batch *batch, int position) {
    const nm_task *task = &nm_gpu_task;
    const int size = (int)batch->tile_points;
    place->t = position / size;
    place->offset = position - place->t * size;
    const int64_t n = batch->points[place->t];
    nm_tile *tile = &place->tile;
    tile->first = batch->first[place->t];
    tile->n = n;
    tile->values = batch->results + place->t * batch->tile_bytes;
    tile->params = (double *)((char *)tile->values + (task->n_slots * n * (task->is_f32 ? 4 : 8) + 7) / 8 * 8);
    tile->flags = (uint16_t *)(tile->params + task->n_stored * n);
    tile->outcome = (int8_t *)(tile->flags + n);
    place->index = tile->first + place->offset;
    return place->offset < n;
}

/* the position of this thread, or -1 beyond the batch */
NM_FN int nm_own_position(const nm_batch *batch) {
    const int64_t position = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    return position < batch->n_tiles * batch->tile_points ? (int)position : -1;
}

NM_FN void nm_draw_parameters(nm_point *pt, double *p, int64_t index, const nm_choices *pick) {
    nm_put_fixed(pt, p, &nm_gpu_task);
    nm_put_lane(pt, 0, p, &nm_gpu_task, index);
    nm_prepare(pt, pick);
}
/* The same for a point that is followed, from what it took along (nm_send_off): the code that draws would crowd out that of
 * the course. Points that are solved at once are drawn anew, which takes less time than memory does. */
NM_FN void nm_recall_parameters(nm_point *pt, double *p, const nm_batch *batch, const nm_scratch *s, int position,
                                const nm_choices *pick) {
    const int64_t n = batch->n_tiles * batch->tile_points;
    nm_put_fixed(pt, p, &nm_gpu_task);
    nm_each_drawn(&nm_gpu_task.draw, [&](int k, int param) NM_LAMBDA { p[param] = s->drawn[k * n + position]; });
    for (int i = 0; i < NM_NP; i++) { pt->p[i] = p[i]; }
    nm_prepare(pt, pick);
}

/* outputs straight into the results */
struct nm_gpu_sink {
    const nm_place_of *place;
    NM_INLINE bool wants(int number) const { return nm_gpu_task.slot[number] >= 0; }
    NM_INLINE void put(int number, double value) { put_slot(nm_gpu_task.slot[number], value); }
    NM_INLINE void put_slot(int slot, double value) {
        const int64_t at = slot * place->tile.n + place->offset;
        if (nm_gpu_task.is_f32) {
            ((float *)place->tile.values)[at] = (float)value;
        } else {
            ((double *)place->tile.values)[at] = value;
        }
    }
};

NM_FN void nm_put_verdict(const nm_place_of *place, int outcome, unsigned flags) {
    place->tile.outcome[place->offset] = (int8_t)outcome;
    place->tile.flags[place->offset] = (uint16_t)flags;
}

/* the state of a point that is settled, for the kernels of walk_gpu.h */
NM_FN void nm_keep_state(const nm_scratch *s, int64_t n, int position, const nm_vec *y) {
    if constexpr (NM_N_WALK > 0) {
        NM_ROLL
        for (int i = 0; i < NM_NY; i++) { s->y[i * n + position] = y[i]; }
    }
}

/* the point is followed, with its parameters p */
NM_FN void nm_send_off(const nm_batch *batch, const nm_scratch *s, const nm_place_of *place, const double *p, int position) {
    const int64_t n = batch->n_tiles * batch->tile_points;
    nm_each_drawn(&nm_gpu_task.draw, [&](int k, int param) NM_LAMBDA { s->drawn[k * n + position] = p[param]; });
    s->travellers[position].round = 0;
    nm_push(&s->queues->follow[0], s->follow[0], position);
    atomicAdd(&batch->n_follow[place->t], 1ull);
}

/* --- auto -------------------------------------------------------------------------------------------- */

NM_KERNEL(nm_gpu_newton, NM_GPU_NEWTON_BLOCKS)(const nm_batch batch) {
    const nm_choices pick = nm_make_choices(&nm_gpu_task);
    const nm_scratch s = nm_find_scratch(&batch);
    const int64_t n = batch.n_tiles * batch.tile_points;
    nm_place_of place;
    nm_point pt;
    nm_vec y[NM_NY];
    double p[NM_NP];
    const int position = nm_own_position(&batch);
    if (position < 0 || !nm_find_place(&place, &batch, position)) { return; }
    nm_draw_parameters(&pt, p, place.index, &pick);
    nm_store_params(&place.tile, &nm_gpu_task, place.offset, p, 0);
    bool valid, unfinished;
    const nm_newton_result found = nm_begin_auto(y, &valid, &unfinished, true, &pt, &pick);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) { s.y[i * n + position] = y[i]; }
    s.iterations[position] = !valid ? NM_NOT_VALID : found.converged ? found.iterations : NM_NOT_CONVERGED;
    if (unfinished) { nm_push(&s.queues->more, s.more, position); }
}

NM_KERNEL(nm_gpu_newton_more, NM_GPU_STATE_BLOCKS)(const nm_batch batch) {
    const nm_choices pick = nm_make_choices(&nm_gpu_task);
    const nm_scratch s = nm_find_scratch(&batch);
    const int64_t n = batch.n_tiles * batch.tile_points;
    nm_point pt;
    nm_vec y[NM_NY];
    double p[NM_NP];
    for (int position; (position = nm_pop(&s.queues->more, &s.queues->more.next, s.more)) >= 0;) {
        nm_draw_parameters(&pt, p, nm_find_index(&batch, position), &pick);
        if (nm_must_grow(&pt, &pick)) {
            s.iterations[position] = NM_GROWING;
            continue;
        }
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) { y[i] = s.y[i * n + position]; }
        const nm_newton_result found = nm_go_on_auto(y, true, &pt, &pick);
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) { s.y[i * n + position] = y[i]; }
        if (found.converged) { s.iterations[position] = found.iterations; }
    }
}

NM_KERNEL(nm_gpu_conclude, NM_GPU_STATE_BLOCKS)(const nm_batch batch) {
    const nm_choices pick = nm_make_choices(&nm_gpu_task);
    const nm_scratch s = nm_find_scratch(&batch);
    const int64_t n = batch.n_tiles * batch.tile_points;
    nm_place_of place;
    nm_point pt;
    nm_look look;
    nm_assessment a;
    nm_resolvent r;
    nm_vec y[NM_NY];
    double p[NM_NP];
    const int position = nm_own_position(&batch);
    if (position < 0 || !nm_find_place(&place, &batch, position)) { return; }
    nm_gpu_sink sink = {&place};
    const double iterations = s.iterations[position];
    s.audited[position].outcome = -1;
    nm_draw_parameters(&pt, p, place.index, &pick);
    if (iterations < 0.0) {
        if (iterations == NM_NOT_VALID) {
            for (int slot = 0; slot < nm_gpu_task.n_slots; slot++) { sink.put_slot(slot, NM_NAN); }
            nm_put_verdict(&place, NM_OUTCOME_left_domain, 0);
        } else if (iterations == NM_GROWING) {
            nm_push(&s.queues->judge, s.judge, position);
        } else {
            nm_send_off(&batch, &s, &place, p, position);
        }
        return;
    }
    if (nm_gpu_task.solver.starts > 1 || nm_wants_tau_fast(&nm_gpu_task)) {
        nm_push(&s.queues->judge, s.judge, position);
        return;
    }
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) { y[i] = s.y[i * n + position]; }
    nm_look_at(&look, y, &pt, &pick);
    if (!(nm_is_bounded(y, &pt) & (look.resid <= NM_RESID_MAX))) {
        nm_send_off(&batch, &s, &place, p, position);
        return;
    }
    /* before the assessment, which has no registers left for them; who goes on from here writes them again */
    nm_emit(&sink, &look, y, &pt, &pick);
    const bool wanted = nm_assess_first<false>(&a, &r, &look, y, &pt, &pick, true, false);
    if (wanted) {
        nm_push(&s.queues->judge, s.judge, position);
    } else if (a.is_stable && nm_is_precise(&a)) {
        const nm_remarks remarks = {a.delta, a.tau_slow, a.tau_fast, NM_NAN, 1.0, iterations};
        int outcome;
        unsigned flags;
        nm_emit_remarks(&sink, &remarks);
        nm_classify(&outcome, &flags, true, &look, &a, y, 1.0, 0);
        nm_put_verdict(&place, outcome, flags);
        if (nm_draw_audits(&nm_gpu_task, &place.index)) {
            nm_audited *kept = &s.audited[position];
            NM_UNROLL
            for (int i = 0; i < NM_NY; i++) { kept->y[i] = y[i]; }
            kept->outcome = outcome;
            nm_send_off(&batch, &s, &place, p, position);
        }
    } else {
        nm_send_off(&batch, &s, &place, p, position);
    }
}

NM_KERNEL(nm_gpu_judge, 1)(const nm_batch batch) {
    const nm_choices pick = nm_make_choices(&nm_gpu_task);
    const nm_scratch s = nm_find_scratch(&batch);
    nm_place_of place;
    nm_point pt;
    const int64_t n = batch.n_tiles * batch.tile_points;
    nm_vec y[NM_NY], out[NM_N_OUTPUTS];
    double p[NM_NP];
    NM_PARK(place);
    for (int position; (position = nm_pop(&s.queues->judge, &s.queues->judge.next, s.judge)) >= 0;) {
        nm_verdict verdict = {};
        verdict.out = out;
        nm_find_place(&place, &batch, position);
        nm_draw_parameters(&pt, p, place.index, &pick);
        const bool is_drawn = nm_draw_audits(&nm_gpu_task, &place.index);
        const double iterations = s.iterations[position];
        if (iterations == NM_GROWING) {
            nm_settle_growing(&verdict, y, true, is_drawn, &pt, &pick, &nm_gpu_task);
        } else {
            NM_UNROLL
            for (int i = 0; i < NM_NY; i++) { y[i] = s.y[i * n + position]; }
            const nm_newton_result found = {true, iterations};
            nm_end_auto(&verdict, y, &found, &place.index, &pt, &pick, &nm_gpu_task);
        }
        const bool audit = nm_wants_audit(&verdict, 0, is_drawn);
        if (audit) { nm_keep_for_audit(&s.audited[position], &verdict, y, 0); }
        if (verdict.settled && !audit) {
            nm_keep_state(&s, n, position, y);
            nm_store(&place.tile, &nm_gpu_task, place.offset, &verdict, 0);
        } else {
            nm_send_off(&batch, &s, &place, p, position);
        }
    }
}

/* --- following ----------------------------------------------------------------------------------------- */

NM_KERNEL(nm_gpu_everyone, 1)(const nm_batch batch) {
    const nm_scratch s = nm_find_scratch(&batch);
    nm_place_of place;
    double p[NM_NP];
    const int position = nm_own_position(&batch);
    if (position < 0 || !nm_find_place(&place, &batch, position)) { return; }
    for (int i = 0; i < NM_NP; i++) { p[i] = nm_gpu_task.draw.value[i]; }
    nm_draw_point(&nm_gpu_task.draw, place.index, p);
    nm_store_params(&place.tile, &nm_gpu_task, place.offset, p, 0);
    s.audited[position].outcome = -1;
    nm_send_off(&batch, &s, &place, p, position);
}

NM_KERNEL(nm_gpu_advance, NM_GPU_STATE_BLOCKS)(const nm_batch batch) {
    const nm_choices pick = nm_make_choices(&nm_gpu_task);
    const nm_scratch s = nm_find_scratch(&batch);
    nm_point pt;
    nm_course course;
    double p[NM_NP];
    int position = -1;
    NM_PARK(course);
    for (;;) {
        if (position < 0) { /* refill */
            nm_queue *queue = &s.queues->follow[batch.round];
            position = nm_pop(queue, &queue->next, s.follow[batch.round % 2]);
            if (position < 0) { return; }
            nm_recall_parameters(&pt, p, &batch, &s, position, &pick);
            nm_set_out(&course, true, &pt, &pick);
            if (batch.round > 0) { nm_restore(&course, &s.travellers[position], 0); }
        }
        nm_course_advance(&course, &pt, &pick, nm_gpu_task.solver.rtol, NM_FOLLOW_STEPS);
        if (course.status != (double)NM_FOLLOWING) {
            nm_save(&s.travellers[position], &course, 0);
            position = -1;
        }
    }
}

/* A traveller that oscillates is told by a round beyond the last. */
NM_KERNEL(nm_gpu_watch, 1)(const nm_batch batch) {
    const nm_choices pick = nm_make_choices(&nm_gpu_task);
    const nm_scratch s = nm_find_scratch(&batch);
    nm_queue *queue = &s.queues->follow[batch.round];
    nm_place_of place;
    nm_point pt;
    nm_vec out[NM_N_OUTPUTS];
    double p[NM_NP];
    int position;
    NM_PARK(place);
    NM_PARK(position);
    while ((position = nm_pop(queue, &queue->watched, s.follow[batch.round % 2])) >= 0) {
        nm_traveller *traveller = &s.travellers[position];
        if (traveller->status != (double)NM_WANDERING) { continue; }
        const nm_traveller *who[1] = {traveller};
        const nm_audited *audited[1] = {s.audited[position].outcome >= 0 ? &s.audited[position] : nullptr};
        nm_verdict verdict = {};
        verdict.out = out;
        nm_find_place(&place, &batch, position);
        nm_recall_parameters(&pt, p, &batch, &s, position, &pick);
        nm_watch_round(&verdict, who, audited, true, &pt, &pick, &nm_gpu_task);
        if (verdict.settled) {
            nm_store(&place.tile, &nm_gpu_task, place.offset, &verdict, 0);
            s.travellers[position].round = NM_ROUNDS;
        }
    }
}

NM_KERNEL(nm_gpu_finish, NM_GPU_STATE_BLOCKS)(const nm_batch batch) {
    const nm_choices pick = nm_make_choices(&nm_gpu_task);
    const nm_scratch s = nm_find_scratch(&batch);
    nm_place_of place;
    nm_point pt;
    nm_vec out[NM_N_OUTPUTS], y[NM_NY];
    nm_queue *queue = &s.queues->follow[batch.round];
    double p[NM_NP];
    int position;
    NM_PARK(place);
    NM_PARK(position);
    while ((position = nm_pop(queue, &queue->ended, s.follow[batch.round % 2])) >= 0) {
        nm_traveller *traveller = &s.travellers[position];
        if (traveller->round == NM_ROUNDS) { continue; }
        const nm_traveller *who[1] = {traveller};
        const nm_audited *audited[1] = {s.audited[position].outcome >= 0 ? &s.audited[position] : nullptr};
        nm_verdict verdict = {};
        verdict.out = out;
        nm_find_place(&place, &batch, position);
        nm_recall_parameters(&pt, p, &batch, &s, position, &pick);
        nm_end_round(&verdict, y, who, audited, &place.index, true, &pt, &pick, &nm_gpu_task);
        if (verdict.settled) {
            nm_keep_state(&s, batch.n_tiles * batch.tile_points, position, y);
            nm_store(&place.tile, &nm_gpu_task, place.offset, &verdict, 0);
        } else {
            nm_next_round(&s.travellers[position]);
            nm_push(queue + 1, s.follow[(batch.round + 1) % 2], position);
        }
    }
}

/* --- random walks ---------------------------------------------------------------------------------------- */

#include "walk_gpu.h"

/* --- reduced scans: points -> records ---------------------------------------------------------------- */

#include "project_gpu.h"
