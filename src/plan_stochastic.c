/* Trajectories that a scan adds to its steady states, and the outputs that only they have. */
#include <math.h>
#include <string.h>

#include "plan_parts.h"
#include "units.h"

/* What [stochastic] adds to the default outputs: the mean and the variance of every current and of the entropy
 * production, exact and simulated, and what the fluctuation theorems say of the trajectories. */
static int is_default(const nm_model *model, int number, int has_passage)
{
    static const nm_family whole[] = {NM_FAMILY_rate,     NM_FAMILY_var,
                                      NM_FAMILY_ssa_rate, NM_FAMILY_ssa_rate_se,
                                      NM_FAMILY_ssa_var,  NM_FAMILY_ssa_var_se};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        int at = number - nm_catalogue_number(model, whole[i], 0);
        if (at >= 0 && at < nm_catalogue_count(model, whole[i])) {
            return 1;
        }
    }
    int walk = number - nm_catalogue_number(model, NM_FAMILY_walk, 0);
    if (walk >= 0 && walk < nm_catalogue_count(model, NM_FAMILY_walk)) {
        return walk != NM_WALK_activity;
    }
    int ssa = number - nm_catalogue_number(model, NM_FAMILY_ssa, 0);
    if (ssa < 0 || ssa >= nm_catalogue_count(model, NM_FAMILY_ssa)) {
        return 0;
    }
    return ssa < NM_SSA_ssa_fpt
               ? ssa != NM_SSA_ssa_jumps
               : has_passage && (ssa == NM_SSA_ssa_fpt || ssa == NM_SSA_ssa_fpt_se ||
                                 ssa == NM_SSA_ssa_fpt_done);
}

void nm_plan_add_simulated(int *is_chosen, const nm_plan *plan)
{
    const nm_config_stochastic *said = &plan->config->stochastic;
    for (int i = 0; said->trajectories > 0 && i < plan->catalogue.n; i++) {
        is_chosen[i] |= is_default(plan->model, i, said->first_passage != NULL);
    }
}

static nm_status bind_passage(nm_plan *plan)
{
    const nm_config_stochastic *said = &plan->config->stochastic;
    const nm_model *model = plan->model;
    const char *at = nm_config_at(plan->config, said->passage_where);
    const char *names[NM_MAX_OUTPUTS]; /* every pathway has several */
    plan->task.stochastic.cycle = -1;
    for (int i = 0; i < model->n_paths && said->first_passage != NULL; i++) {
        names[i] = model->paths[i].name;
        if (strcmp(names[i], said->first_passage) == 0) {
            plan->task.stochastic.cycle = i;
            return NM_OK;
        }
    }
    if (said->first_passage == NULL) {
        return NM_OK;
    }
    const char *near = nm_nearest(said->first_passage, names, (size_t)model->n_paths);
    return nm_fail(NM_USAGE,
                   "%sstochastic.first_passage = \"%s\" is no pathway of %s; did you mean \"%s\"?",
                   at, said->first_passage, model->name, near != NULL ? near : names[0]);
}

/* A chemostat that lets go of a species makes jumps depend on each other. */
static nm_status check_walk(const nm_plan *plan)
{
    const nm_model *model = plan->model;
    const char *at = nm_config_at(plan->config, plan->config->stochastic.where);
    if (model->n_walk_states > 0) {
        return NM_OK;
    }
    return nm_fail(
        NM_USAGE,
        "%sstochastic: the molecules of %s do not walk between states one by one; trajectories are "
        "there for models whose every pathway turns one molecule of one species into one of "
        "another, like driven_cycle, network, parallel_paths, carrier, post_albers and barrier",
        at, model->name);
}

nm_status nm_plan_bind_stochastic(nm_plan *plan)
{
    const nm_config_stochastic *said = &plan->config->stochastic;
    nm_stochastic *stochastic = &plan->task.stochastic;
    stochastic->cycle = -1;
    if (said->trajectories == 0) {
        return NM_OK;
    }
    NM_TRY(check_walk(plan));
    stochastic->n_trajectories = (int32_t)said->trajectories;
    stochastic->time = said->time.where.line >= 0 ? said->time.number : INFINITY;
    stochastic->jumps = said->jumps;
    stochastic->entropy = said->entropy;
    stochastic->bin = said->bin;
    const char *at = nm_config_at(plan->config, said->time.where);
    if (said->time.text != NULL &&
        nm_units_parse(&stochastic->time, said->time.text, "s") != NM_OK) {
        return nm_fail(NM_USAGE, "%sstochastic.time = \"%s\": %s", at, said->time.text,
                       nm_last_error());
    }
    if (!(stochastic->time > 0.0)) {
        return nm_fail(NM_USAGE, "%sstochastic.time = %g s, but a window lasts longer than 0 s", at,
                       stochastic->time);
    }
    return bind_passage(plan);
}
