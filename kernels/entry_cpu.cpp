/* A tile on CPU lanes: blocks of NM_LANES points by Newton, what is left over by following, refilled lane by lane.
 *
 * Compiled once per model and lane width: -DNM_MODEL_FILE="models/x.c" -DNM_MODEL=x -DNM_LANES=8. */
#include <stdlib.h>

#include NM_MODEL_FILE
#include "oscillation.h"

namespace {

/* an arrival that turns out false is followed on, ten times closer each time */
const int ROUNDS = 6;
const double ARRIVAL = 1e-3;

/* a point on its way: which it is, and the state of its time course */
struct traveller {
    int64_t offset; /* in the tile */
    int64_t audit;  /* index into the audit list, or -1 */
    int round;
    double status, x[NM_NY], t, h, steps, arrival, ln_volume0[NM_NC], ln_c0[NM_N_FREE];
};

/* what auto found for a point that is audited */
struct audited {
    double y[NM_NY];
    int outcome;
};

template <class T> struct list { /* a growing array */
    T *items;
    int64_t n, room;
};
template <class T> T *add(list<T> *l) {
    if (l->n == l->room) {
        int64_t room = l->room ? 2 * l->room : 256;
        T *items = (T *)realloc(l->items, (size_t)room * sizeof(T));
        if (!items) { return NULL; }
        l->items = items;
        l->room = room;
    }
    return &l->items[l->n++];
}

struct job {
    const nm_task *task;
    nm_tile *tile;
    nm_choices pick;
    list<traveller> travellers; /* to be followed, from first to last */
    list<audited> audits;
};

bool is_audited(const nm_task *task, int64_t index) {
    return task->solver.audit > 0.0 &&
           nm_draw_uniform(task->draw.seed, (uint64_t)index, NM_TAG_AUDIT, 0) < task->solver.audit;
}

/* fixed parameters in all lanes and in the buffer that draws overwrite */
void put_fixed(nm_point *pt, double *p, const nm_task *task) {
    for (int i = 0; i < NM_NP; i++) {
        p[i] = task->draw.value[i];
        pt->p[i] = nm_splat(p[i]);
    }
}
void put_lane(nm_point *pt, int lane, double *p, const nm_task *task, int64_t index) {
    nm_draw_point(&task->draw, index, p);
    for (int i = 0; i < NM_NP; i++) { nm_set(&pt->p[i], lane, p[i]); }
}

void store(job *j, int64_t offset, const nm_verdict *verdict, int lane) {
    const nm_task *task = j->task;
    if (task->is_f32) {
        float *values = (float *)j->tile->values;
        for (int slot = 0; slot < task->n_slots; slot++) {
            values[slot * j->tile->n + offset] = (float)nm_get(verdict->out[slot], lane);
        }
    } else {
        double *values = (double *)j->tile->values;
        for (int slot = 0; slot < task->n_slots; slot++) {
            values[slot * j->tile->n + offset] = nm_get(verdict->out[slot], lane);
        }
    }
    j->tile->outcome[offset] = (int8_t)verdict->outcome[lane];
    j->tile->flags[offset] = (uint16_t)verdict->flags[lane];
}

/* Newton over the tile; who needs more becomes a traveller */
bool solve_tile(job *j) {
    const nm_task *task = j->task;
    nm_tile *tile = j->tile;
    nm_point pt;
    nm_vec out[NM_N_OUTPUTS], y[NM_NY];
    double p[NM_NP];
    put_fixed(&pt, p, task);
    for (int64_t block = 0; block < tile->n; block += NM_LANES) {
        nm_verdict verdict = {};
        int64_t index[NM_LANES];
        nm_mask mask = nm_mask_all(true);
        verdict.out = out;
        verdict.settled = nm_mask_all(false);
        /* draw; lanes beyond the end repeat the last point and are not stored */
        for (int lane = 0; lane < NM_LANES; lane++) {
            bool is_inside = block + lane < tile->n;
            int64_t offset = is_inside ? block + lane : tile->n - 1;
            index[lane] = tile->first + offset;
            put_lane(&pt, lane, p, task, index[lane]);
            nm_mask_set(&mask, lane, is_inside);
            for (int k = 0; k < task->n_stored; k++) { tile->params[k * tile->n + offset] = p[task->stored[k]]; }
        }
        if (task->solver.mode == NM_MODE_AUTO) {
            nm_prepare(&pt, &j->pick);
            nm_solve_auto(&verdict, y, index, mask, &pt, &j->pick, task);
        }
        for (int lane = 0; lane < NM_LANES && block + lane < tile->n; lane++) {
            bool settled = nm_get(verdict.settled, lane);
            bool audit = settled && verdict.outcome[lane] != NM_OUTCOME_left_domain && is_audited(task, index[lane]);
            if (settled) { store(j, block + lane, &verdict, lane); }
            if (settled && !audit) {
                tile->n_newton++;
                continue;
            }
            traveller *traveller = add(&j->travellers);
            if (!traveller) { return false; }
            traveller->offset = block + lane;
            traveller->audit = -1;
            traveller->round = 0;
            if (audit) {
                audited *kept = add(&j->audits);
                if (!kept) { return false; }
                traveller->audit = j->audits.n - 1;
                for (int i = 0; i < NM_NY; i++) { kept->y[i] = nm_get(y[i], lane); }
                kept->outcome = verdict.outcome[lane];
            }
        }
    }
    return true;
}

/* the lane's course into a traveller, and back */
void save(traveller *to, const nm_course *course, int lane) {
    for (int i = 0; i < NM_NY; i++) { to->x[i] = nm_get(course->x[i], lane); }
    for (int i = 0; i < NM_NC; i++) { to->ln_volume0[i] = nm_get(course->ln_volume0[i], lane); }
    for (int i = 0; i < NM_N_FREE; i++) { to->ln_c0[i] = nm_get(course->ln_c0[i], lane); }
    to->status = nm_get(course->status, lane);
    to->t = nm_get(course->t, lane);
    to->h = nm_get(course->h, lane);
    to->steps = nm_get(course->steps, lane);
    to->arrival = nm_get(course->arrival, lane);
}
void restore(nm_course *course, const traveller *from, int lane) {
    for (int i = 0; i < NM_NY; i++) { nm_set(&course->x[i], lane, from->x[i]); }
    for (int i = 0; i < NM_NC; i++) { nm_set(&course->ln_volume0[i], lane, from->ln_volume0[i]); }
    for (int i = 0; i < NM_N_FREE; i++) { nm_set(&course->ln_c0[i], lane, from->ln_c0[i]); }
    nm_set(&course->status, lane, NM_FOLLOWING);
    nm_set(&course->t, lane, from->t);
    nm_set(&course->h, lane, from->h);
    nm_set(&course->change, lane, 1.0);
    nm_set(&course->steps, lane, from->steps);
    nm_set(&course->arrival, lane, from->arrival);
    nm_set(&course->grown, lane, NM_GROWN + 2.0 * from->round);
}

/* audited points: does following agree with auto? */
unsigned compare_audit(const audited *kept, const nm_verdict *verdict, const nm_vec *y, int lane) {
    double distance = 0.0;
    for (int i = 0; i < NM_NY; i++) { distance = fmax(distance, fabs(nm_get(y[i], lane) - kept->y[i])); }
    bool agrees = kept->outcome == verdict->outcome[lane] && distance < NM_AUDIT_AGREES;
    return NM_FLAG_audited | (agrees ? 0u : (unsigned)NM_FLAG_audit_disagrees);
}

/* Endings of up to NM_LANES travellers -> verdicts -> tile; who must go on is added to the travellers again. */
bool finish(job *j, const traveller *queue, int n) {
    const nm_task *task = j->task;
    nm_point pt;
    nm_vec out[NM_N_OUTPUTS], y[NM_NY];
    double p[NM_NP];
    nm_verdict verdict = {};
    nm_ending end;
    int64_t index[NM_LANES];
    nm_mask mask = nm_mask_all(false), last = nm_mask_all(false), wandering;
    verdict.out = out;
    verdict.settled = nm_mask_all(false);
    put_fixed(&pt, p, task);
    for (int lane = 0; lane < NM_LANES; lane++) {
        const traveller *item = &queue[lane < n ? lane : 0];
        index[lane] = j->tile->first + item->offset;
        put_lane(&pt, lane, p, task, index[lane]);
        for (int i = 0; i < NM_NY; i++) { nm_set(&end.x[i], lane, item->x[i]); }
        nm_set(&end.status, lane, item->status);
        nm_set(&end.steps, lane, item->steps);
        nm_set(&end.arrival, lane, item->arrival);
        nm_mask_set(&mask, lane, lane < n);
        nm_mask_set(&last, lane, item->round == ROUNDS - 1);
    }
    nm_prepare(&pt, &j->pick);

    /* who wanders may oscillate */
    wandering = mask & (end.status == nm_splat((double)NM_WANDERING));
    nm_mask settled = nm_mask_all(false);
    if (nm_any_of(wandering)) {
        nm_watch(&verdict, end.x, wandering, &pt, &j->pick, task);
        settled = verdict.settled;
        nm_state_to_unknowns(y, end.x);
        for (int lane = 0; lane < n; lane++) {
            if (nm_get(settled, lane)) { store(j, queue[lane].offset, &verdict, lane); }
        }
        mask = mask & nm_not(settled);
        last = last | wandering;
    }
    /* the others arrive, grow, run out or get lost */
    for (int is_last = 0; is_last < 2; is_last++) {
        nm_mask part = mask & (is_last ? last : nm_not(last));
        if (!nm_any_of(part)) { continue; }
        nm_end_follow(&verdict, y, &end, index, part, is_last, &pt, &j->pick, task);
        for (int lane = 0; lane < n; lane++) {
            if (!nm_get(part, lane)) { continue; }
            if (nm_get(verdict.settled, lane)) {
                if (queue[lane].audit >= 0) {
                    verdict.flags[lane] |= compare_audit(&j->audits.items[queue[lane].audit], &verdict, y, lane);
                }
                store(j, queue[lane].offset, &verdict, lane);
            } else {
                traveller *again = add(&j->travellers);
                if (!again) { return false; }
                *again = queue[lane];
                again->round++;
                again->arrival *= 0.1;
            }
        }
    }
    return true;
}

/* Follows all travellers, NM_LANES at a time; a lane that is done takes the next one. */
bool follow_tile(job *j) {
    const nm_task *task = j->task;
    nm_point pt;
    nm_course course;
    nm_vec y[NM_NY];
    double p[NM_NP];
    int64_t next = 0;
    int n_queue = 0, n_busy = 0;
    int64_t who[NM_LANES];
    traveller queue[NM_LANES];
    if (j->travellers.n == 0) { return true; }
    memset(&course, 0, sizeof course);
    course.status = nm_splat((double)NM_WANDERING);
    put_fixed(&pt, p, task);
    put_lane(&pt, 0, p, task, j->tile->first);
    for (int lane = 0; lane < NM_LANES; lane++) {
        who[lane] = -1;
        put_lane(&pt, lane, p, task, j->tile->first);
    }
    for (;;) {
        /* refill */
        nm_mask fresh = nm_mask_all(false);
        bool any = false;
        for (int lane = 0; lane < NM_LANES && next < j->travellers.n; lane++) {
            if (who[lane] >= 0) { continue; }
            who[lane] = next++;
            n_busy++;
            any = true;
            put_lane(&pt, lane, p, task, j->tile->first + j->travellers.items[who[lane]].offset);
            nm_mask_set(&fresh, lane, true);
        }
        if (any) {
            nm_prepare(&pt, &j->pick);
            nm_mask valid = nm_initial(y, &pt);
            nm_settle_potentials(y, &pt, &j->pick);
            nm_course_begin(&course, y, nm_splat(ARRIVAL), fresh);
            course.status = nm_choose(fresh & nm_not(valid), nm_splat((double)NM_LEFT), course.status);
            for (int lane = 0; lane < NM_LANES; lane++) {
                if (nm_get(fresh, lane) && j->travellers.items[who[lane]].round > 0) {
                    restore(&course, &j->travellers.items[who[lane]], lane);
                }
            }
        }
        if (n_busy == 0) { break; }
        nm_course_step(&course, &pt, &j->pick, task->solver.rtol, NM_FOLLOW_STEPS);
        for (int lane = 0; lane < NM_LANES; lane++) {
            if (who[lane] < 0 || (int)nm_get(course.status, lane) == NM_FOLLOWING) { continue; }
            queue[n_queue] = j->travellers.items[who[lane]];
            save(&queue[n_queue++], &course, lane);
            who[lane] = -1;
            n_busy--;
            if (n_queue == NM_LANES) {
                if (!finish(j, queue, n_queue)) { return false; }
                n_queue = 0;
            }
        }
        if (n_busy == 0 && next == j->travellers.n && n_queue > 0) {
            if (!finish(j, queue, n_queue)) { return false; }
            n_queue = 0;
        }
    }
    return true;
}

} // namespace

#define NM_ENTRY_NAME_2(model, lanes) nm_run_##model##_##lanes
#define NM_ENTRY_NAME(model, lanes) NM_ENTRY_NAME_2(model, lanes)

extern "C" int NM_ENTRY_NAME(NM_MODEL, NM_LANES)(const nm_task *task, nm_tile *tile) {
    if (task->abi != NM_ABI) { return -1; }
    job j = {task, tile, nm_make_choices(task), {NULL, 0, 0}, {NULL, 0, 0}};
    tile->n_newton = tile->n_follow = 0;
    bool good = solve_tile(&j) && follow_tile(&j);
    tile->n_follow = tile->n - tile->n_newton;
    free(j.travellers.items);
    free(j.audits.items);
    return good ? 0 : -1;
}
