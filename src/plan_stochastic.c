/* What [stochastic] asks of a model: trajectories of one molecule, how long they last, and whose turns
 * they time. */
#include <math.h>
#include <string.h>

#include "plan_parts.h"
#include "units.h"

/* --- 1. the model ------------------------------------------------------------------------------ */

/* The number of the variant of which a choice leaves a species free that another choice holds, as the
 * model's text says it: hold(F, by(fuel, held, free)). -1: none, or the text was not kept, or says it in
 * another way; values are NaN where nothing is held. species: [64], its name */
static int find_free_hold(char *species, const nm_plan *plan)
{
    const nm_model *model = plan->model;
    const char *at = model->text != NULL ? strstr(model->text, "#define NM_HOLDS") : NULL;
    const char *end = at != NULL ? strstr(at, "\n\n") : NULL;
    for (at = at != NULL ? strchr(at, '\n') : NULL; at != NULL && (end == NULL || at < end);
         at = strchr(at + 1, '\n')) {
        char variant[64], word[2][64];
        if (sscanf(at, " hold( %63[A-Za-z0-9_] , by( %63[A-Za-z0-9_] , %63[a-z] , %63[a-z] ) )",
                   species, variant, word[0], word[1]) != 4) {
            continue;
        }
        for (int i = 0; i < model->n_variants; i++) {
            const int choice = plan->task.choice[i];
            if (strcmp(model->variants[i].name, variant) == 0 && choice < 2 &&
                strcmp(word[choice], "free") == 0 && strcmp(word[1 - choice], "held") == 0) {
                return i;
            }
        }
    }
    return -1;
}

static nm_status check_model(const nm_plan *plan)
{
    const nm_model *model = plan->model;
    const char *at = nm_config_at(plan->config, plan->config->stochastic.where);
    char species[64];
    if (model->n_walk_states == 0) {
        return nm_fail(
            NM_USAGE,
            "%s[stochastic]: the molecules of %s do not walk at random; trajectories "
            "need a model whose pathways all turn one molecule of one free species into "
            "one of another, such as driven_cycle, network, parallel_paths, barrier, carrier or "
            "post_albers",
            at, model->name);
    }
    const int free_by = find_free_hold(species, plan);
    if (free_by >= 0) {
        const nm_variant_info *variant = &model->variants[free_by];
        const int choice = plan->task.choice[free_by];
        return nm_fail(
            NM_USAGE,
            "%s[stochastic]: with variant.%s = \"%s\", %s runs down and the molecules of %s "
            "have no constant rates; trajectories need \"%s\"",
            at, variant->name, variant->choices[choice], species, model->name,
            variant->choices[1 - choice]);
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
