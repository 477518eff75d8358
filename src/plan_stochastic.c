/* What [stochastic] asks of a model: trajectories of one molecule, how long they last, and whose turns
 * they time. */
#include <math.h>
#include <string.h>

#include "plan_parts.h"
#include "units.h"

/* --- 1. the model ------------------------------------------------------------------------------ */

/* Whether all that the molecules react with is held; else the variant and the choice of it that would hold it, or -1. */
static int is_walk(int *variant, int *choice, const nm_plan *plan)
{
    const nm_model *model = plan->model;
    int tried[NM_MAX_VARIANTS];
    memcpy(tried, plan->task.choice, sizeof tried);
    *variant = -1;
    if (model->walks == NULL || model->walks(tried)) {
        return 1;
    }
    for (int i = 0; i < model->n_variants && *variant < 0; i++) {
        for (tried[i] = 0; tried[i] < model->variants[i].n_choices; tried[i]++) {
            if (model->walks(tried)) {
                *variant = i;
                *choice = tried[i];
                return 0;
            }
        }
        tried[i] = plan->task.choice[i];
    }
    return 0;
}

static nm_status check_model(const nm_plan *plan)
{
    const nm_model *model = plan->model;
    const char *at = nm_config_at(plan->config, plan->config->stochastic.where);
    int variant, choice;
    if (model->n_walk_states == 0) {
        return nm_fail(
            NM_USAGE,
            "%s[stochastic]: the molecules of %s do not walk at random; trajectories "
            "need a model whose pathways all turn one molecule of one free species into "
            "one of another, such as driven_cycle, network, parallel_paths, barrier, carrier or "
            "post_albers",
            at, model->name);
    }
    if (!is_walk(&variant, &choice, plan)) {
        return variant < 0
                   ? nm_fail(
                         NM_USAGE,
                         "%s[stochastic]: with these variants the molecules of %s change what "
                         "they react with, and have no constant rates; trajectories need all of "
                         "it held",
                         at, model->name)
                   : nm_fail(
                         NM_USAGE,
                         "%s[stochastic]: with variant.%s = \"%s\" the molecules of %s change what "
                         "they react with, and have no constant rates; trajectories need \"%s\"",
                         at, model->variants[variant].name,
                         model->variants[variant].choices[plan->task.choice[variant]], model->name,
                         model->variants[variant].choices[choice]);
    }
    if (plan->refinement != NULL) {
        return nm_fail(
            NM_USAGE,
            "%s[stochastic]: design.kind = \"refine\" has no trajectories, because their "
            "noise has no sharp boundary; use a grid, or remove the table",
            at);
    }
    return NM_OK;
}

/* --- 2. the table ------------------------------------------------------------------------------ */

static nm_status bind_time(nm_plan *plan)
{
    const nm_quantity *time = &plan->config->stochastic.time;
    nm_stochastic *stochastic = &plan->task.stochastic;
    if (time->where.line < 0) {
        return NM_OK;
    }
    stochastic->time = time->number;
    if (time->text != NULL && nm_units_parse(&stochastic->time, time->text, "s") != NM_OK) {
        return nm_fail(NM_USAGE,
                       "%sstochastic.time = \"%s\": %s; give seconds as a number, or a text like "
                       "\"10 ms\"",
                       nm_config_at(plan->config, time->where), time->text, nm_last_error());
    }
    return NM_OK;
}

static nm_status bind_cycle(nm_plan *plan)
{
    const nm_model *model = plan->model;
    const char *word = plan->config->stochastic.first_passage;
    const char *at = nm_config_at(plan->config, plan->config->stochastic.first_passage_where);
    const char *names[NM_MAX_OUTPUTS]; /* each pathway has outputs of its own */
    for (int k = 0; k < model->n_paths && word != NULL; k++) {
        names[k] = model->paths[k].name;
        if (strcmp(word, names[k]) == 0) {
            plan->task.stochastic.cycle = k;
            return NM_OK;
        }
    }
    if (word == NULL) {
        return NM_OK;
    }
    const char *near = nm_nearest(word, names, (size_t)model->n_paths);
    return near != NULL
               ? nm_fail(NM_USAGE,
                         "%sstochastic.first_passage: %s has no pathway \"%s\"; did you mean "
                         "\"%s\"?",
                         at, model->name, word, near)
               : nm_fail(NM_USAGE,
                         "%sstochastic.first_passage: %s has no pathway \"%s\"; `nessmap models "
                         "%s` lists them",
                         at, model->name, word, model->name);
}

nm_status nm_plan_bind_stochastic(nm_plan *plan)
{
    const nm_config_stochastic *said = &plan->config->stochastic;
    plan->task.stochastic =
        (nm_stochastic){.cycle = -1, .time = INFINITY, .jumps = INFINITY, .entropy = INFINITY};
    if (said->trajectories == 0) {
        return NM_OK;
    }
    NM_TRY(check_model(plan));
    plan->task.stochastic.n_trajectories = (int32_t)said->trajectories;
    plan->task.stochastic.jumps = said->jumps;
    plan->task.stochastic.entropy = said->entropy;
    plan->task.stochastic.bin = said->bin;
    NM_TRY(bind_time(plan));
    return bind_cycle(plan);
}

/* --- 3. outputs -------------------------------------------------------------------------------- */

nm_status nm_plan_check_need(const nm_plan *plan, int output, nm_where where, const char *key)
{
    const nm_output *info = &plan->catalogue.output[output];
    if (nm_catalogue_is_met(info, &plan->task.stochastic)) {
        return NM_OK;
    }
    const char *at = nm_config_at(plan->config, where);
    return plan->task.stochastic.n_trajectories == 0
               ? nm_fail(NM_USAGE,
                         "%s%s: \"%s\" comes from trajectories, and there is no table "
                         "[stochastic]; add one with trajectories and entropy, or leave it out",
                         at, key, info->name)
               : nm_fail(NM_USAGE,
                         "%s%s: \"%s\" times the turns of a pathway, and none is named; say "
                         "stochastic.first_passage = \"%s\"",
                         at, key, info->name, plan->model->paths[0].name);
}
