/* A tile on CPU lanes: blocks of NM_LANES points by Newton, what is left over by following, refilled lane by lane.
 *
 * Compiled once per model and lane width: -DNM_MODEL_FILE="models/x.c" -DNM_MODEL=x -DNM_LANES=16. */
#include <stddef.h>
#include <stdlib.h>

#include NM_MODEL_FILE
#include "directions.h"
#include "rounds.h"
#include "ssa.h"

#define NM_GRADIENT_NAME_2(name, model, lanes) nm_##name##_##model##_##lanes
#define NM_GRADIENT_NAME(name, model, lanes)   NM_GRADIENT_NAME_2(name, model, lanes)

/* kernels/entry_gradient.cpp: what derivatives of a task are taken by, and those at the states y of points pt,
 * gradient[n_outputs][n_params] */
extern "C" void NM_GRADIENT_NAME(directions, NM_MODEL, NM_LANES)(nm_directions *to, const nm_task *task,
                                                                 const nm_choices *pick);
extern "C" void NM_GRADIENT_NAME(gradient, NM_MODEL, NM_LANES)(nm_vec *gradient, const nm_task *task,
                                                               const nm_directions *to, const nm_point *pt,
                                                               const nm_vec *y, const nm_choices *pick);

namespace
{

enum { MOST_UNFINISHED = 512 /* points that wait for each other */ };

/* a point that Newton's method has not finished with */
struct unfinished {
    int64_t offset; /* in the tile */
    double y[NM_NY];
};

/* a point on its way: which it is, and the state of its time course */
struct traveller : nm_traveller {
    int64_t offset; /* in the tile */
    int64_t audit;  /* index into the audit list, or -1 */
};

template <class T> struct list { /* a growing array */
    T *items;
    int64_t n, room;
};
template <class T> T *add(list<T> *l)
{
    if (l->n == l->room) {
        int64_t room = l->room ? 2 * l->room : 256;
        T *items = (T *)realloc(l->items, (size_t)room * sizeof(T));
        if (!items) {
            return NULL;
        }
        l->items = items;
        l->room = room;
    }
    return &l->items[l->n++];
}

struct job {
    const nm_task *task;
    nm_tile *tile;
    nm_choices pick;
    list<unfinished> more;      /* to be solved on */
    list<traveller> travellers; /* to be followed, from first to last */
    list<nm_audited> audits;
    nm_directions directions; /* of derivatives, where they are asked for */
    nm_trajectories walks;    /* of the set in work, where they are asked for */
    unsigned long long turns[2 * NM_MOST_TURNS];
};

/* Stores the derivatives of the lanes of `stored`, whose verdicts stand at offset[lane]: NaN where there are none. */
void store_gradients(job *j, const int64_t *offset, const nm_verdict *verdict, nm_mask stored, const nm_point *pt,
                     const nm_vec *y)
{
    const nm_task *task = j->task;
    const int n_own = nm_own_slots(task);
    nm_vec gradient[NM_MAX_GRADIENTS];
    nm_mask wanted = stored;
    bool is_row = true; /* lanes are neighbours in the tile */
    if (n_own == task->n_slots) {
        return;
    }
    for (int lane = 0; lane < NM_LANES; lane++) {
        is_row = is_row && offset[lane] == offset[0] + lane;
        if (!nm_is_determined(verdict->outcome[lane], verdict->flags[lane])) {
            nm_mask_set(&wanted, lane, false);
        }
    }
    if (nm_any_of(wanted)) {
        NM_GRADIENT_NAME(gradient, NM_MODEL, NM_LANES)(gradient, task, &j->directions, pt, y, &j->pick);
    }
    if (is_row && !task->is_f32 && nm_all_of(wanted)) {
        for (int slot = n_own; slot < task->n_slots; slot++) {
            memcpy((double *)j->tile->values + slot * j->tile->n + offset[0], &gradient[slot - n_own],
                   NM_LANES * sizeof(double));
        }
        return;
    }
    for (int slot = n_own; slot < task->n_slots; slot++) {
        for (int lane = 0; lane < NM_LANES; lane++) {
            if (nm_get(stored, lane)) {
                nm_store_value(j->tile, task, slot, offset[lane],
                               nm_get(wanted, lane) ? nm_get(gradient[slot - n_own], lane) : NM_NAN);
            }
        }
    }
}

/* Room for the trajectories of a set. returns false where there is no memory. */
bool make_walks(job *j)
{
    const int64_t n = NM_N_WALK > 0 ? j->task->stochastic.n_trajectories : 0;
    if (n == 0) {
        return true;
    }
    j->walks.stride = 1;
    j->walks.S = (double *)malloc((size_t)n * 3 * sizeof(double));
    j->walks.net = (int32_t *)malloc((size_t)n * NM_ROOM_STEPS * sizeof(int32_t));
    if (!j->walks.S || !j->walks.net) {
        return false;
    }
    j->walks.jumps = j->walks.S + n;
    j->walks.time = j->walks.jumps + n;
    return true;
}

/* outputs of one point, beside those that are stored already */
struct walk_sink {
    job *j;
    int64_t offset;
    bool wants(int number) const { return j->task->slot[number] >= 0; }
    void put(int number, double value) { nm_store_value(j->tile, j->task, j->task->slot[number], offset, value); }
};

/* Walks the trajectories of the lanes of `stored` whose verdicts, at offset[lane], are steady states y. */
void store_trajectories(job *j, const int64_t *offset, const nm_verdict *verdict, nm_mask stored, const nm_point *pt,
                        const nm_vec *y)
{
    if constexpr (NM_N_WALK > 0) {
        const nm_stochastic *wanted = &j->task->stochastic;
        const uint64_t seed = j->task->draw.seed;
        nm_look look;
        nm_walk walk;
        if (wanted->n_trajectories == 0 || !nm_any_of(stored)) {
            return;
        }
        nm_look_again(&look, y, pt, &j->pick);
        nm_walk_at(&walk, &look, y, pt, &j->pick);
        for (int lane = 0; lane < NM_LANES; lane++) {
            if (!nm_get(stored, lane) || !nm_is_determined(verdict->outcome[lane], verdict->flags[lane])) {
                continue;
            }
            nm_walk_set set;
            walk_sink sink = {j, offset[lane]};
            const uint64_t index = (uint64_t)(j->tile->first + offset[lane]);
            nm_take_walk(&set, &walk, lane, wanted);
            if (!nm_is_walked(&set)) {
                continue;
            }
            if (nm_wants_turns(&sink)) {
                memset(j->turns, 0, sizeof j->turns);
                j->walks.turns = j->turns;
                nm_walk_windows<true>(&j->walks, &set, seed, index, 0, wanted->n_trajectories);
            } else {
                nm_walk_windows<false>(&j->walks, &set, seed, index, 0, wanted->n_trajectories);
            }
            if (wanted->cycle >= 0) {
                nm_walk_passages(&j->walks, &set, seed, index, wanted->cycle, 0, wanted->n_trajectories);
            }
            nm_walk_statistics(&sink, &set, &j->walks, wanted);
        }
    }
}

/* points side by side, drawn and on their way to a verdict */
struct block {
    nm_point pt;
    nm_verdict verdict;
    nm_mask mask; /* lanes that hold a point of their own; the others repeat one, and are not stored */
    bool is_row;  /* lanes are neighbours in the tile */
    int64_t index[NM_LANES], offset[NM_LANES];
    nm_vec out[NM_N_OUTPUTS], y[NM_NY];
};

void begin_block(block *b, const nm_task *task)
{
    nm_verdict none = {};
    none.out = b->out;
    none.settled = nm_mask_all(false);
    b->verdict = none;
    b->mask = nm_mask_all(true);
    b->is_row = false;
    for (int i = 0; i < NM_NP; i++) {
        b->pt.p[i] = nm_splat(task->draw.value[i]);
    }
    for (int slot = 0; slot < NM_N_OUTPUTS; slot++) {
        b->out[slot] = nm_splat(0.0);
    }
}

void put_lane(block *b, const job *j, int lane, int64_t offset)
{
    b->offset[lane] = offset;
    b->index[lane] = j->tile->first + offset;
}
/* the first n lanes, or all */
nm_mask first_lanes(int64_t n)
{
    return nm_mask_of(n < NM_LANES ? (1u << n) - 1u : ~0u);
}

/* Stores all lanes, which stand side by side in the tile; what has no verdict yet will be written over. */
void store_row(nm_tile *tile, const nm_task *task, const block *b)
{
    const int64_t at = b->offset[0];
    const int n_own = nm_own_slots(task);
    for (int slot = 0; slot < n_own; slot++) {
        if (task->is_f32) {
            float *to = (float *)tile->values + slot * tile->n + at;
            for (int lane = 0; lane < NM_LANES; lane++) {
                to[lane] = (float)nm_get(b->out[slot], lane);
            }
        } else {
            memcpy((double *)tile->values + slot * tile->n + at, &b->out[slot], NM_LANES * sizeof(double));
        }
    }
    for (int lane = 0; lane < NM_LANES; lane++) {
        tile->outcome[at + lane] = (int8_t)b->verdict.outcome[lane];
        tile->flags[at + lane] = (uint16_t)b->verdict.flags[lane];
    }
}

/* Stores the lanes of `mask` that are settled and makes travellers of the others, and of those that are audited;
 * drawn: lanes whose lot is to be. */
bool keep_block(job *j, const block *b, nm_mask mask, nm_mask drawn)
{
    unsigned audited = nm_mask_bits(mask & drawn);
    for (int lane = 0; audited >> lane != 0; lane++) {
        audited &= nm_wants_audit(&b->verdict, lane, drawn) ? ~0u : ~(1u << lane);
    }
    const nm_mask stored = mask & b->verdict.settled & nm_not(nm_mask_of(audited));
    const unsigned settled = nm_mask_bits(stored), on_their_way = nm_mask_bits(mask) & ~settled;
    if (b->is_row && settled != 0) {
        store_row(j->tile, j->task, b);
    }
    for (int lane = 0; !b->is_row && settled >> lane != 0; lane++) {
        if (settled >> lane & 1u) {
            nm_store(j->tile, j->task, b->offset[lane], &b->verdict, lane);
        }
    }
    for (int lane = 0; on_their_way >> lane != 0; lane++) {
        if (!(on_their_way >> lane & 1u)) {
            continue;
        }
        traveller *traveller = add(&j->travellers);
        if (!traveller) {
            return false;
        }
        traveller->offset = b->offset[lane];
        traveller->audit = -1;
        traveller->round = 0;
        if (audited >> lane & 1u) {
            nm_audited *kept = add(&j->audits);
            if (!kept) {
                return false;
            }
            traveller->audit = j->audits.n - 1;
            nm_keep_for_audit(kept, &b->verdict, b->y, lane);
        }
    }
    j->tile->n_newton += __builtin_popcount(settled);
    store_gradients(j, b->offset, &b->verdict, stored, &b->pt, b->y);
    store_trajectories(j, b->offset, &b->verdict, stored, &b->pt, b->y);
    return true;
}

/* The points that Newton's first steps did not settle: those that must grow are settled, the others take its other
 * steps, and who is not settled by these becomes a traveller. */
bool solve_more(job *j)
{
    const nm_task *task = j->task;
    block b;
    begin_block(&b, task);
    for (int64_t first = 0; first < j->more.n; first += NM_LANES) {
        for (int lane = 0; lane < NM_LANES; lane++) {
            bool is_inside = first + lane < j->more.n;
            const unfinished *from = &j->more.items[is_inside ? first + lane : first];
            put_lane(&b, j, lane, from->offset);
            for (int i = 0; i < NM_NY; i++) {
                nm_set(&b.y[i], lane, from->y[i]);
            }
        }
        b.mask = first_lanes(j->more.n - first);
        nm_draw_lanes(&task->draw, b.index, b.pt.p);
        nm_prepare(&b.pt, &j->pick);
        b.verdict.settled = nm_mask_all(false);
        const nm_mask drawn = nm_draw_audits(task, b.index), growing = b.mask & nm_must_grow(&b.pt, &j->pick),
                      rest = b.mask & nm_not(growing);
        nm_vec grown[NM_NY];
        if (nm_any_of(growing)) {
            nm_settle_growing(&b.verdict, grown, growing, drawn, &b.pt, &j->pick, task);
        }
        if (nm_any_of(rest)) {
            const nm_newton_result found = nm_go_on_auto(b.y, rest, &b.pt, &j->pick);
            nm_end_auto(&b.verdict, b.y, &found, b.index, &b.pt, &j->pick, task);
        }
        for (int i = 0; i < NM_NY; i++) {
            b.y[i] = nm_choose(growing, grown[i], b.y[i]);
        }
        if (!keep_block(j, &b, b.mask, drawn)) {
            return false;
        }
    }
    j->more.n = 0;
    return true;
}

/* Lays the lanes of `pending` aside. */
bool note_unfinished(job *j, const block *b, nm_mask pending)
{
    if (!nm_any_of(pending)) {
        return true;
    }
    for (int lane = 0; lane < NM_LANES; lane++) {
        if (!nm_get(pending, lane)) {
            continue;
        }
        unfinished *more = add(&j->more);
        if (!more) {
            return false;
        }
        more->offset = b->offset[lane];
        for (int i = 0; i < NM_NY; i++) {
            more->y[i] = nm_get(b->y[i], lane);
        }
    }
    return true;
}

/* Newton's first steps over the tile; who is settled by them is stored, who needs more is noted */
template <class PICK> bool solve_tile(job *j, const PICK *pick)
{
    const nm_task *task = j->task;
    nm_tile *tile = j->tile;
    block b;
    begin_block(&b, task);
    for (int64_t first = 0; first < tile->n; first += NM_LANES) {
        nm_mask pending = nm_mask_all(false);
        for (int lane = 0; lane < NM_LANES; lane++) {
            put_lane(&b, j, lane, first + lane < tile->n ? first + lane : tile->n - 1);
        }
        b.mask = first_lanes(tile->n - first);
        b.is_row = first + NM_LANES <= tile->n;
        nm_draw_lanes(&task->draw, b.index, b.pt.p);
        for (int lane = 0; lane < NM_LANES && task->n_stored > 0; lane++) {
            nm_store_params(tile, task, b.offset[lane], b.pt.p, lane);
        }
        nm_mask drawn = nm_mask_all(false);
        b.verdict.settled = nm_mask_all(false);
        if (task->solver.mode == NM_MODE_AUTO) {
            nm_mask valid;
            nm_prepare(&b.pt, pick);
            const nm_newton_result found = nm_begin_auto(b.y, &valid, &pending, b.mask, &b.pt, pick);
            drawn = nm_draw_audits(task, b.index);
            nm_settle_outside(&b.verdict, b.mask & nm_not(valid), task);
            nm_end_auto(&b.verdict, b.y, &found, b.index, &b.pt, pick, task);
        }
        if (!note_unfinished(j, &b, pending) || !keep_block(j, &b, b.mask & nm_not(pending), drawn) ||
            (j->more.n >= MOST_UNFINISHED && !solve_more(j))) {
            return false;
        }
    }
    return solve_more(j);
}

/* Endings of up to NM_LANES travellers -> verdicts -> tile; who must go on is added to the travellers again. */
bool finish(job *j, const traveller *queue, int n)
{
    const nm_task *task = j->task;
    nm_point pt;
    nm_vec out[NM_N_OUTPUTS], y[NM_NY];
    double p[NM_NP];
    nm_verdict verdict = {};
    const nm_traveller *who[NM_LANES];
    const nm_audited *audited[NM_LANES];
    int64_t index[NM_LANES], offsets[NM_LANES];
    nm_mask mask = nm_mask_all(false);
    verdict.out = out;
    nm_put_fixed(&pt, p, task);
    for (int lane = 0; lane < NM_LANES; lane++) {
        const traveller *item = &queue[lane < n ? lane : 0];
        who[lane] = item;
        audited[lane] = item->audit >= 0 ? &j->audits.items[item->audit] : NULL;
        offsets[lane] = item->offset;
        index[lane] = j->tile->first + item->offset;
        nm_put_lane(&pt, lane, p, task, index[lane]);
        nm_mask_set(&mask, lane, lane < n);
    }
    nm_prepare(&pt, &j->pick);
    nm_watch_round(&verdict, who, audited, mask, &pt, &j->pick, task);
    nm_mask oscillating = verdict.settled;
    nm_end_round(&verdict, y, who, audited, index, mask & nm_not(oscillating), &pt, &j->pick, task);
    verdict.settled = verdict.settled | oscillating;
    for (int lane = 0; lane < n; lane++) {
        if (nm_get(verdict.settled, lane)) {
            nm_store(j->tile, task, queue[lane].offset, &verdict, lane);
            continue;
        }
        traveller *again = add(&j->travellers);
        if (!again) {
            return false;
        }
        *again = queue[lane];
        nm_next_round(again);
    }
    store_gradients(j, offsets, &verdict, verdict.settled & mask, &pt, y);
    store_trajectories(j, offsets, &verdict, verdict.settled & mask, &pt, y);
    return true;
}

/* The next travellers at their starts, prepared side by side: one of them would take as long as all. */
struct waiting {
    nm_point pt;
    nm_course course;
    int n, n_gone;
};

/* Calls in the travellers from `next` on, of whom there are some. */
void call_in(waiting *room, const job *j, int64_t next)
{
    const traveller *items = j->travellers.items + next;
    double p[NM_NP];
    room->n = j->travellers.n - next < NM_LANES ? (int)(j->travellers.n - next) : NM_LANES;
    room->n_gone = 0;
    nm_put_fixed(&room->pt, p, j->task);
    for (int lane = 0; lane < NM_LANES; lane++) {
        nm_put_lane(&room->pt, lane, p, j->task, j->tile->first + items[lane < room->n ? lane : 0].offset);
    }
    nm_prepare(&room->pt, &j->pick);
    nm_set_out(&room->course, nm_mask_all(true), &room->pt, &j->pick);
    for (int lane = 0; lane < room->n; lane++) {
        if (items[lane].round > 0) {
            nm_restore(&room->course, &items[lane], lane);
        }
    }
}

/* Who waits in lane `other` takes the place `lane`: all that differs between lanes. */
void move_lane(nm_point *pt, nm_course *course, int lane, const waiting *room, int other)
{
    static_assert(offsetof(nm_point, is_clamped) % sizeof(nm_vec) == 0 && sizeof(nm_course) % sizeof(nm_vec) == 0);
    for (size_t i = 0; i < offsetof(nm_point, is_clamped) / sizeof(nm_vec); i++) {
        nm_set((nm_vec *)pt + i, lane, nm_get(((const nm_vec *)&room->pt)[i], other));
    }
    for (size_t i = 0; i < sizeof(nm_course) / sizeof(nm_vec); i++) {
        nm_set((nm_vec *)course + i, lane, nm_get(((const nm_vec *)&room->course)[i], other));
    }
}

/* Follows all travellers, NM_LANES at a time; a lane that is done takes the next one. */
template <class PICK> bool follow_tile(job *j, const PICK *pick)
{
    const nm_task *task = j->task;
    waiting room;
    nm_course course;
    int64_t next = 0;
    int n_queue = 0, n_busy = 0;
    int64_t who[NM_LANES];
    traveller queue[NM_LANES];
    if (j->travellers.n == 0) {
        return true;
    }
    call_in(&room, j, next);
    nm_point pt = room.pt;
    memset(&course, 0, sizeof course);
    course.status = nm_splat((double)NM_WANDERING);
    for (int lane = 0; lane < NM_LANES; lane++) {
        who[lane] = -1;
    }
    for (;;) {
        /* refill */
        for (int lane = 0; lane < NM_LANES && next < j->travellers.n; lane++) {
            if (who[lane] >= 0) {
                continue;
            }
            if (room.n_gone == room.n) {
                call_in(&room, j, next);
            }
            move_lane(&pt, &course, lane, &room, room.n_gone++);
            who[lane] = next++;
            n_busy++;
        }
        if (n_busy == 0) {
            break;
        }
        nm_course_advance(&course, &pt, pick, task->solver.rtol, NM_FOLLOW_STEPS);
        for (int lane = 0; lane < NM_LANES; lane++) {
            if (who[lane] < 0 || (int)nm_get(course.status, lane) == NM_FOLLOWING) {
                continue;
            }
            queue[n_queue] = j->travellers.items[who[lane]];
            nm_save(&queue[n_queue++], &course, lane);
            who[lane] = -1;
            n_busy--;
            if (n_queue == NM_LANES) {
                if (!finish(j, queue, n_queue)) {
                    return false;
                }
                n_queue = 0;
            }
        }
        if (n_busy == 0 && next == j->travellers.n && n_queue > 0) {
            if (!finish(j, queue, n_queue)) {
                return false;
            }
            n_queue = 0;
        }
    }
    return true;
}

/* Solves and follows. */
bool run_tile(job *j, const auto *pick)
{
    return solve_tile(j, pick) && follow_tile(j, pick);
}

/* run_tile by code of its own where the choices are the first ones, which most scans make. */
bool run_tile_by_choice(job *j)
{
    const nm_chosen<0, false> first = {j->pick};
    if constexpr ((int)NM_NV - (NM_STARTS_VARIANT >= 0 ? 1 : 0) > 0) {
        for (int v = 0; v < NM_NV; v++) {
            if (v != NM_STARTS_VARIANT && j->task->choice[v] != 0) {
                return run_tile(j, &j->pick);
            }
        }
    }
    return run_tile(j, &first);
}

} // namespace

#define NM_ENTRY_NAME_2(model, lanes) nm_run_##model##_##lanes
#define NM_ENTRY_NAME(model, lanes)   NM_ENTRY_NAME_2(model, lanes)

extern "C" int NM_ENTRY_NAME(NM_MODEL, NM_LANES)(const nm_task *task, nm_tile *tile)
{
    if (task->abi != NM_ABI) {
        return -1;
    }
    job j;
    j.task = task;
    j.tile = tile;
    j.pick = nm_make_choices(task);
    j.more = {NULL, 0, 0};
    j.travellers = {NULL, 0, 0};
    j.audits = {NULL, 0, 0};
    j.walks = {};
    if (task->gradients.n_outputs > 0) {
        NM_GRADIENT_NAME(directions, NM_MODEL, NM_LANES)(&j.directions, task, &j.pick);
    }
    tile->n_newton = tile->n_follow = 0;
    bool good = make_walks(&j) && run_tile_by_choice(&j);
    tile->n_follow = tile->n - tile->n_newton;
    free(j.more.items);
    free(j.travellers.items);
    free(j.audits.items);
    free(j.walks.S);
    free(j.walks.net);
    return good ? 0 : -1;
}
