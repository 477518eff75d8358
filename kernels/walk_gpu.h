/* One molecule's random walk on the device: exact mean and variance, and a thread for each trajectory (ssa.h).
 *
 * Included by entry_cuda.cu. The lists are over when these kernels run: states stand in the scratch, results in their
 * place. Neighbouring threads carry the same trajectory of neighbouring points. */
#ifndef NESSMAP_WALK_GPU_H
#define NESSMAP_WALK_GPU_H

#include "ssa.h"

/* the point of a position as these kernels see it; returns false where it has no steady state */
NM_FN bool nm_find_steady(nm_place_of *place, bool *is_determined, const nm_batch *batch, int position)
{
    if (!nm_find_place(place, batch, position)) {
        return false;
    }
    const int outcome = place->tile.outcome[place->offset];
    *is_determined = nm_is_determined(outcome, place->tile.flags[place->offset]);
    return outcome == NM_OUTCOME_equilibrium || outcome == NM_OUTCOME_ness || outcome == NM_OUTCOME_unstable;
}

/* trajectories of a position, one behind the other n apart */
NM_FN nm_trajectories nm_find_trajectories(const nm_batch *batch, const nm_scratch *s, int position)
{
    const int64_t n = batch->n_tiles * batch->tile_points, all = n * nm_gpu_task.stochastic.n_trajectories;
    nm_trajectories at;
    at.S = s->walked + position;
    at.jumps = at.S + all;
    at.time = at.jumps + all;
    at.net = (int32_t *)(s->walked + 3 * all) + position;
    at.stride = n;
    at.turns = s->turns + (int64_t)position * 2 * NM_MOST_TURNS;
    return at;
}

/* A thread for each point: exact outputs, and what its trajectories need. */
NM_KERNEL(nm_gpu_walk, 1)(const nm_batch batch)
{
    if constexpr (NM_N_WALK > 0) {
        const nm_choices pick = nm_make_choices(&nm_gpu_task);
        const nm_scratch s = nm_find_scratch(&batch);
        const int64_t n = batch.n_tiles * batch.tile_points;
        const nm_stochastic *wanted = &nm_gpu_task.stochastic;
        const int position = nm_own_position(&batch);
        nm_place_of place;
        nm_point pt;
        nm_look look;
        nm_walk walk;
        nm_vec y[NM_NY];
        double p[NM_NP];
        bool is_determined;
        if (position < 0) {
            return;
        }
        if (wanted->n_trajectories > 0) {
            s.sets[position].window = NM_NAN;
            for (int k = 0; k < 2 * NM_MOST_TURNS; k++) {
                s.turns[(int64_t)position * 2 * NM_MOST_TURNS + k] = 0;
            }
        }
        if (!nm_find_steady(&place, &is_determined, &batch, position)) {
            return;
        }
        nm_gpu_sink sink = {&place};
        nm_draw_parameters(&pt, p, place.index, &pick);
        NM_ROLL
        for (int i = 0; i < NM_NY; i++) {
            y[i] = s.y[i * n + position];
        }
        nm_look_again(&look, y, &pt, &pick);
        nm_emit_cumulants(&sink, &look, y, &pt, &pick);
        for (int number = NM_OUT_ssa_rate; number < NM_OUT_observable; number++) {
            if (sink.wants(number)) {
                sink.put(number, NM_NAN);
            }
        }
        if (wanted->n_trajectories > 0 && is_determined) {
            nm_walk_at(&walk, &look, y, &pt, &pick);
            nm_take_walk(&s.sets[position], &walk, 0, wanted);
        }
    }
}

/* Any grid: calls walk(position, trajectory) for every trajectory of the batch. */
template <class WALK> NM_FN void nm_each_trajectory(const nm_batch *batch, const nm_scratch *s, WALK walk)
{
    const int64_t n = batch->n_tiles * batch->tile_points, step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t job = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; job < n * nm_gpu_task.stochastic.n_trajectories;
         job += step) {
        const int position = (int)(job % n);
        if (nm_is_walked(&s->sets[position])) {
            walk(position, job / n);
        }
    }
}

NM_KERNEL(nm_gpu_walk_windows, 1)(const nm_batch batch)
{
    if constexpr (NM_N_WALK > 0) {
        const nm_scratch s = nm_find_scratch(&batch);
        bool wants_turns = false;
        for (int number = NM_OUT_ssa_forth; number < NM_OUT_ssa_forth + 2 * nm_turn_table.n; number++) {
            wants_turns = wants_turns || nm_gpu_task.slot[number] >= 0;
        }
        nm_each_trajectory(&batch, &s, [&](int position, int64_t r) {
            const nm_trajectories to = nm_find_trajectories(&batch, &s, position);
            const uint64_t seed = nm_gpu_task.draw.seed, index = (uint64_t)nm_find_index(&batch, position);
            if (wants_turns) {
                nm_walk_windows<true>(&to, &s.sets[position], seed, index, r, r + 1);
            } else {
                nm_walk_windows<false>(&to, &s.sets[position], seed, index, r, r + 1);
            }
        });
    }
}

NM_KERNEL(nm_gpu_walk_passages, 1)(const nm_batch batch)
{
    if constexpr (NM_N_WALK > 0) {
        const nm_scratch s = nm_find_scratch(&batch);
        nm_each_trajectory(&batch, &s, [&](int position, int64_t r) {
            const nm_trajectories to = nm_find_trajectories(&batch, &s, position);
            nm_walk_passages(&to, &s.sets[position], nm_gpu_task.draw.seed, (uint64_t)nm_find_index(&batch, position),
                             nm_gpu_task.stochastic.cycle, r, r + 1);
        });
    }
}

/* A thread for each point: its trajectories, in their order, into its outputs. */
NM_KERNEL(nm_gpu_walk_statistics, 1)(const nm_batch batch)
{
    if constexpr (NM_N_WALK > 0) {
        const nm_scratch s = nm_find_scratch(&batch);
        const int position = nm_own_position(&batch);
        nm_place_of place;
        if (position < 0 || !nm_find_place(&place, &batch, position) || !nm_is_walked(&s.sets[position])) {
            return;
        }
        nm_gpu_sink sink = {&place};
        const nm_trajectories from = nm_find_trajectories(&batch, &s, position);
        nm_walk_statistics(&sink, &s.sets[position], &from, &nm_gpu_task.stochastic);
    }
}

#endif
