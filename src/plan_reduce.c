/* Whether a scan can be reduced as its configuration asks. */
#include <string.h>

#include "plan_parts.h"

nm_reduce_kind nm_plan_reduce_kind(const nm_config *config)
{
    const char *kind = config->reduce.kind;
    const char *design = config->design_kind;
    int is_given = design && (strcmp(design, "random") == 0 || strcmp(design, "lhs") == 0 ||
                              strcmp(design, "sobol") == 0);
    return !kind || strcmp(kind, "full") == 0 ? NM_REDUCE_FULL
           : strcmp(kind, "bins") == 0
               ? config->reduce.n_axes > 0 ? NM_REDUCE_SCATTER : NM_REDUCE_BINS
           : strcmp(kind, "sobol") == 0  ? is_given ? NM_REDUCE_GIVEN : NM_REDUCE_SOBOL
           : strcmp(kind, "morris") == 0 ? NM_REDUCE_MORRIS
           : strcmp(kind, "dgsm") == 0   ? NM_REDUCE_DGSM
                                         : NM_REDUCE_SUMMARY;
}

static nm_status check_design(const nm_plan *plan)
{
    const nm_draw *draw = &plan->task.draw;
    if (draw->n_axes > 0 && draw->n_random > 0 && draw->n_draws > 1) {
        return NM_OK;
    }
    const char *lacks = draw->n_axes == 0     ? "there is no [[axis]]"
                        : draw->n_random == 0 ? "there is no [[random]]"
                                              : "design.n is 1";
    return nm_fail(NM_USAGE,
                   "%sreduce.kind = \"bins\", but %s; bins need [[axis]] for their cells and "
                   "[[random]] with design.n of 2 or more for the draws of a cell (\"summary\" "
                   "takes any scan as one cell)",
                   nm_config_at(plan->config, plan->config->reduce.kind_where), lacks);
}

/* Indices come from the groups of their own design. */
static nm_status check_groups(const nm_plan *plan, nm_reduce_kind kind)
{
    const int is_sobol = kind == NM_REDUCE_SOBOL;
    if (plan->task.draw.sequence == (is_sobol ? NM_SEQUENCE_SALTELLI : NM_SEQUENCE_MORRIS)) {
        return NM_OK;
    }
    return nm_fail(
        NM_USAGE,
        "%sreduce.kind = \"%s\", but design.kind = \"%s\" has not its groups of points; "
        "say design.kind = \"%s\"%s",
        nm_config_at(plan->config, plan->config->reduce.kind_where), is_sobol ? "sobol" : "morris",
        plan->config->design_kind, is_sobol ? "saltelli" : "morris",
        is_sobol ? ", or \"sobol\", \"lhs\" or \"random\" for first-order indices alone" : "");
}

/* Means over the inputs need a sample that is distributed as they are. */
static nm_status check_sample(const nm_plan *plan)
{
    const char *kind = plan->config->design_kind;
    const char *at = nm_config_at(plan->config, plan->config->reduce.kind_where);
    if (!kind ||
        (strcmp(kind, "random") != 0 && strcmp(kind, "lhs") != 0 && strcmp(kind, "sobol") != 0)) {
        return nm_fail(NM_USAGE,
                       "%sreduce.kind = \"dgsm\", but design.kind = \"%s\" is no plain sample of "
                       "the parameters; say design.kind = \"sobol\", \"lhs\" or \"random\"",
                       at, kind ? kind : NM_DEFAULT_DESIGN_KIND);
    }
    return plan->task.draw.n_random > 0
               ? NM_OK
               : nm_fail(NM_USAGE,
                         "%sreduce.kind = \"dgsm\", but no parameter is drawn; add a [[random]] "
                         "for each parameter whose effect is wanted",
                         at);
}

/* 1 where the statistics of an output, or the counts, would be called like the parameter. */
static int is_taken(const nm_plan *plan, const char *param)
{
    static const char *const suffixes[] = {"_mean", "_sd", "_min", "_max", "_n"};
    for (int i = 0; i < plan->task.n_slots; i++) {
        const char *name = plan->catalogue.output[plan->column_output[i]].name;
        size_t length = strlen(name);
        for (size_t k = 0; k < sizeof suffixes / sizeof *suffixes; k++) {
            if (strncmp(param, name, length) == 0 && strcmp(param + length, suffixes[k]) == 0) {
                return 1;
            }
        }
        if (plan->config->reduce.n_quantiles > 0 && strncmp(param, name, length) == 0 &&
            strncmp(param + length, "_q", 2) == 0) {
            return 1;
        }
    }
    return strcmp(param, "n") == 0 || strcmp(param, "failed") == 0 ||
           strcmp(param, "failed_index") == 0 || strncmp(param, "count_", 6) == 0 ||
           strncmp(param, "flag_count_", 11) == 0 ||
           (plan->config->reduce.n_axes > 0 &&
            (strncmp(param, "total_", 6) == 0 || strncmp(param, "outside_", 8) == 0 ||
             strcmp(param, "n_outside") == 0)) ||
           strcmp(param, "draw") == 0;
}

nm_status nm_plan_check_reduction(const nm_plan *plan)
{
    nm_reduce_kind kind = nm_plan_reduce_kind(plan->config);
    if (kind == NM_REDUCE_BINS) {
        NM_TRY(check_design(plan));
    }
    if (kind == NM_REDUCE_SOBOL || kind == NM_REDUCE_MORRIS) {
        NM_TRY(check_groups(plan, kind));
    }
    if (kind == NM_REDUCE_DGSM) {
        NM_TRY(check_sample(plan));
    }
    for (int i = 0; i < plan->model->n_params && kind != NM_REDUCE_FULL; i++) {
        if (is_taken(plan, plan->model->params[i].name)) {
            return nm_fail(NM_USAGE,
                           "%sreduce: the file would hold a statistic called \"%s\", like a "
                           "parameter of %s; choose other variables, or rename the parameter",
                           nm_config_at(plan->config, plan->config->reduce.where),
                           plan->model->params[i].name, plan->model->name);
        }
    }
    return NM_OK;
}
