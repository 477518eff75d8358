/* From an index to a verdict: what the entries of all backends share.
 *
 * A point is drawn and solved (point.h). What that leaves over is followed in rounds: a course runs to its ending,
 * endings become verdicts, and who has none yet goes on, closer. */
#ifndef NESSMAP_ROUNDS_H
#define NESSMAP_ROUNDS_H

#include "oscillation.h"

#define NM_ARRIVAL 1e-3 /* of the first round */

/* a point between two rounds: the state of its time course */
struct nm_traveller {
    int round;
    double status, x[NM_NY], t, h, steps, arrival, ln_volume0[NM_NC], ln_c0[NM_N_FREE];
};

/* what auto found for a point that is audited */
struct nm_audited {
    double y[NM_NY];
    int outcome;
};

/* --- parameters in, results out ------------------------------------------------------------------ */

/* fixed parameters in all lanes and in the buffer p that draws overwrite */
NM_FN void nm_put_fixed(nm_point *pt, double *p, const nm_task *task)
{
    for (int i = 0; i < NM_NP; i++) {
        p[i] = task->draw.value[i];
        pt->p[i] = nm_splat(p[i]);
    }
}
NM_FN void nm_put_lane(nm_point *pt, int lane, double *p, const nm_task *task, int64_t index)
{
    nm_draw_point(&task->draw, index, p);
    for (int i = 0; i < NM_NP; i++) {
        nm_set(&pt->p[i], lane, p[i]);
    }
}

NM_FN void nm_store_params(nm_tile *tile, const nm_task *task, int64_t offset, const nm_vec *p, int lane)
{
    for (int k = 0; k < task->n_stored; k++) {
        tile->params[k * tile->n + offset] = nm_get(p[task->stored[k]], lane);
    }
}
NM_FN void nm_store_value(nm_tile *tile, const nm_task *task, int slot, int64_t offset, double value)
{
    if (task->is_f32) {
        ((float *)tile->values)[slot * tile->n + offset] = (float)value;
    } else {
        ((double *)tile->values)[slot * tile->n + offset] = value;
    }
}
NM_FN void nm_store(nm_tile *tile, const nm_task *task, int64_t offset, const nm_verdict *verdict,
                    int lane)
{
    const int n_own = nm_own_slots(task);
    for (int slot = 0; slot < n_own; slot++) {
        nm_store_value(tile, task, slot, offset, nm_get(verdict->out[slot], lane));
    }
    tile->outcome[offset] = (int8_t)verdict->outcome[lane];
    tile->flags[offset] = (uint16_t)verdict->flags[lane];
}
/* 1 at a steady state that does not depend on its start: where derivatives and trajectories are */
NM_FN bool nm_is_determined(int outcome, unsigned flags)
{
    return (outcome == NM_OUTCOME_equilibrium || outcome == NM_OUTCOME_ness || outcome == NM_OUTCOME_unstable) &&
           !(flags & NM_FLAG_marginal);
}

/* --- audits: a share of what auto settled is followed too ------------------------------------------ */

/* lanes that are audited if auto settles them inside the domain */
NM_FN nm_mask nm_draw_audits(const nm_task *task, const int64_t *index)
{
    if (!(task->solver.audit > 0.0)) {
        return nm_mask_all(false);
    }
    return nm_tag_uniform(task->draw.seed, index, NM_TAG_AUDIT) < nm_splat(task->solver.audit);
}
NM_FN bool nm_wants_audit(const nm_verdict *verdict, int lane, nm_mask audited)
{
    return nm_get(verdict->settled, lane) && verdict->outcome[lane] != NM_OUTCOME_left_domain && nm_get(audited, lane);
}
NM_FN void nm_keep_for_audit(nm_audited *kept, const nm_verdict *verdict, const nm_vec *y, int lane)
{
    for (int i = 0; i < NM_NY; i++) {
        kept->y[i] = nm_get(y[i], lane);
    }
    kept->outcome = verdict->outcome[lane];
}
NM_FN bool nm_is_failure(int outcome)
{
    return outcome == NM_OUTCOME_not_converged || outcome == NM_OUTCOME_left_domain;
}
/* A course that fails is no answer: auto's stands, and the point counts as not audited. settled: its state. */
NM_NOINLINE void nm_keep_auto(nm_verdict *verdict, nm_vec *settled, const nm_audited *const *audited, const int64_t *index,
                              const nm_vec *steps, const nm_point *pt, const nm_choices *pick, const nm_task *task)
{
    nm_vec y[NM_NY], y0[NM_NY];
    nm_mask failed = nm_mask_all(false);
    nm_initial(y0, pt);
    for (int i = 0; i < NM_NY; i++) {
        y[i] = y0[i];
    }
    for (int lane = 0; lane < NM_LANES; lane++) {
        if (nm_get(verdict->settled, lane) && audited[lane] && nm_is_failure(verdict->outcome[lane])) {
            nm_mask_set(&failed, lane, true);
            for (int i = 0; i < NM_NY; i++) {
                nm_set(&y[i], lane, audited[lane]->y[i]);
            }
        }
    }
    if (!nm_any_of(failed)) {
        return;
    }
    for (int i = 0; i < NM_NY; i++) {
        settled[i] = nm_choose(failed, y[i], settled[i]);
    }
    nm_look look;
    nm_assessment a;
    nm_remarks remarks;
    nm_look_again(&look, y, pt, pick);
    nm_assess_hard(&a, &look, y, pt, failed, nm_wants_tau_fast(task));
    remarks.iterations = *steps;
    remarks.n_states = nm_splat(1.0);
    if (task->solver.starts > 1) {
        remarks.n_states = nm_count_states(y0, y, index, failed, task, pt, pick);
    }
    nm_conclude_rarely(verdict, failed, &look, &a, y, &remarks, 0, pt, pick, task);
}
/* does following agree with auto? */
NM_FN unsigned nm_audit_flags(const nm_audited *kept, const nm_verdict *verdict, const nm_vec *y,
                              int lane)
{
    double distance = 0.0;
    for (int i = 0; i < NM_NY; i++) {
        distance = fmax(distance, fabs(nm_get(y[i], lane) - kept->y[i]));
    }
    bool agrees = kept->outcome == verdict->outcome[lane] && distance < NM_AUDIT_AGREES;
    return NM_FLAG_audited | (agrees ? 0u : (unsigned)NM_FLAG_audit_disagrees);
}

/* --- rounds ------------------------------------------------------------------------------------------ */

/* The lanes of `fresh` start from the declared initial state of their (prepared) points. */
NM_FN void nm_set_out(nm_course *course, nm_mask fresh, const nm_point *pt, const nm_choices *pick)
{
    nm_vec y[NM_NY];
    nm_mask valid = nm_initial(y, pt);
    nm_settle_potentials(y, pt, pick);
    nm_course_begin(course, y, nm_splat(NM_ARRIVAL), fresh);
    course->status = nm_choose(fresh & nm_not(valid), nm_splat((double)NM_LEFT), course->status);
}

/* a lane's course into a traveller, and back for the next round */
NM_FN void nm_save(nm_traveller *to, const nm_course *course, int lane)
{
    for (int i = 0; i < NM_NY; i++) {
        to->x[i] = nm_get(course->x[i], lane);
    }
    for (int i = 0; i < NM_NC; i++) {
        to->ln_volume0[i] = nm_get(course->ln_volume0[i], lane);
    }
    for (int i = 0; i < NM_N_FREE; i++) {
        to->ln_c0[i] = nm_get(course->ln_c0[i], lane);
    }
    to->status = nm_get(course->status, lane);
    to->t = nm_get(course->t, lane);
    to->h = nm_get(course->h, lane);
    to->steps = nm_get(course->steps, lane);
    to->arrival = nm_get(course->arrival, lane);
}
NM_FN void nm_restore(nm_course *course, const nm_traveller *from, int lane)
{
    for (int i = 0; i < NM_NY; i++) {
        nm_set(&course->x[i], lane, from->x[i]);
    }
    for (int i = 0; i < NM_NC; i++) {
        nm_set(&course->ln_volume0[i], lane, from->ln_volume0[i]);
    }
    for (int i = 0; i < NM_N_FREE; i++) {
        nm_set(&course->ln_c0[i], lane, from->ln_c0[i]);
    }
    nm_set(&course->status, lane, NM_FOLLOWING);
    nm_set(&course->t, lane, from->t);
    nm_set(&course->h, lane, from->h);
    nm_set(&course->change, lane, 1.0);
    nm_set(&course->steps, lane, from->steps);
    nm_set(&course->arrival, lane, from->arrival);
    nm_set(&course->grown, lane, NM_GROWN + 2.0 * from->round);
}
/* 1 if any concentration is another than at the start */
NM_FN bool nm_has_moved(const nm_traveller *traveller)
{
    for (int i = 0; i < NM_N_FREE; i++) {
        int volume = nm_volume_of(nm_place(nm_species_of(i)));
        double c = volume >= 0 ? traveller->x[i] / traveller->x[volume] : traveller->x[i];
        if (fabs(nm_log1(c) - traveller->ln_c0[i]) > 1e-6) {
            return true;
        }
    }
    return false;
}
/* Who arrived where no state can stay is kicked; but one that was declared as the start is taken at its word. */
NM_FN void nm_next_round(nm_traveller *traveller)
{
    traveller->round++;
    traveller->arrival *= 0.1;
    if (NM_MAY_CHARGE && traveller->status == (double)NM_ARRIVED && nm_has_moved(traveller)) {
        traveller->h = NM_KICK;
    }
}

/* The courses of travellers as endings. who[lane]: a traveller whose course has ended (in every lane, one may stand in
 * several). last: lanes in which this round is the last. */
NM_FN void nm_gather(nm_ending *end, nm_mask *last, const nm_traveller *const *who)
{
    *last = nm_mask_all(false);
    for (int lane = 0; lane < NM_LANES; lane++) {
        for (int i = 0; i < NM_NY; i++) {
            nm_set(&end->x[i], lane, who[lane]->x[i]);
        }
        nm_set(&end->status, lane, who[lane]->status);
        nm_set(&end->steps, lane, who[lane]->steps);
        nm_set(&end->arrival, lane, who[lane]->arrival);
        nm_mask_set(last, lane, who[lane]->round == NM_ROUNDS - 1);
    }
}
NM_FN nm_mask nm_is_wandering(const nm_ending *end)
{
    return end->status == nm_splat((double)NM_WANDERING);
}
/* audited[lane]: what auto found, or NULL */
NM_FN void nm_flag_audits(nm_verdict *verdict, const nm_audited *const *audited, const nm_vec *y)
{
    for (int lane = 0; lane < NM_LANES; lane++) {
        if (nm_get(verdict->settled, lane) && audited[lane] && !nm_is_failure(verdict->outcome[lane])) {
            verdict->flags[lane] |= nm_audit_flags(audited[lane], verdict, y, lane);
        }
    }
}

/* First for who wanders: settles the lanes of `mask` that oscillate. */
NM_NOINLINE void nm_watch_round(nm_verdict *verdict, const nm_traveller *const *who,
                                const nm_audited *const *audited, nm_mask mask, const nm_point *pt,
                                const nm_choices *pick, const nm_task *task)
{
    nm_ending end;
    nm_mask last;
    nm_vec y[NM_NY];
    NM_PARK(end);
    nm_gather(&end, &last, who);
    verdict->settled = nm_mask_all(false);
    mask = mask & nm_is_wandering(&end);
    if (nm_any_of(mask)) {
        nm_watch(verdict, end.x, mask, pt, pick, task);
        nm_state_to_unknowns(y, end.x);
        nm_flag_audits(verdict, audited, y);
    }
}

/* Then for the others: they arrive, grow, run out or get lost. Lanes of `mask` that are not settled then must go on; in
 * the last round, and after wandering, all are settled. y[NM_NY]: their states, where they have one. */
NM_NOINLINE void nm_end_round(nm_verdict *verdict, nm_vec *y, const nm_traveller *const *who,
                              const nm_audited *const *audited, const int64_t *index, nm_mask mask,
                              const nm_point *pt, const nm_choices *pick, const nm_task *task)
{
    nm_ending end;
    nm_vec reached[NM_NY];
    nm_mask last, settled = nm_mask_all(false);
    nm_gather(&end, &last, who);
    last = last | nm_is_wandering(&end);
    nm_state_to_unknowns(y, end.x);
    for (int is_last = 0; is_last < 2; is_last++) {
        nm_mask part = mask & (is_last ? last : nm_not(last));
        if (!nm_any_of(part)) {
            continue;
        }
        nm_end_follow(verdict, reached, &end, index, part, is_last, pt, pick, task);
        settled = settled | (part & verdict->settled);
        for (int i = 0; i < NM_NY; i++) {
            y[i] = nm_choose(part, reached[i], y[i]);
        }
    }
    verdict->settled = settled;
    nm_flag_audits(verdict, audited, y);
    nm_keep_auto(verdict, y, audited, index, &end.steps, pt, pick, task);
}

#endif
