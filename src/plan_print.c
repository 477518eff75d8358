/* Prints a plan for people: points, tiles, what is kept, bytes, memory. */
#include "plan.h"

#include <math.h>

#include "plan_refine.h"
#include "words.h"

enum { EVEN_POINTS = 64 }; /* no bytes between their columns */

static void print_params(const nm_plan *plan, FILE *stream)
{
    static const char *const scales[] = {"linear", "log", "listed"};
    const nm_draw *draw = &plan->task.draw;
    const nm_param_info *params = plan->model->params;
    char low[NM_WORDS], high[NM_WORDS], count[NM_WORDS];
    for (int i = 0; i < draw->n_axes; i++) {
        const nm_axis *axis = &draw->axis[i];
        const nm_param_info *info = &params[axis->param];
        fprintf(stream, "axis         %s: %s values, %s to %s, %s\n", info->name,
                nm_words_count(count, axis->n), nm_words_quantity(low, axis->low, info->unit),
                nm_words_quantity(high, axis->high, info->unit), scales[axis->scale]);
    }
    if (draw->n_random > 0) {
        static const char *const sequences[] = {"independent draws", "a Latin hypercube",
                                                "Sobol's sequence", "Saltelli's groups",
                                                "Morris's groups"};
        fprintf(stream, "draws        %s%s by %s", nm_words_count(count, draw->n_draws),
                draw->n_axes > 0 ? " in each cell" : "", sequences[draw->sequence]);
        if (draw->group > 1) {
            fprintf(stream, " (%s of %d points)",
                    nm_words_count(count, draw->n_draws / draw->group), draw->group);
        }
        if (draw->n_replicates > 1) {
            fprintf(stream, " in %d randomisations", draw->n_replicates);
        }
        fprintf(stream, " of");
        for (int i = 0; i < draw->n_random; i++) {
            fprintf(stream, " %s", params[draw->random[i].param].name);
        }
        fprintf(stream, " (seed %llu)\n", (unsigned long long)draw->seed);
    }
    if (plan->refinement != NULL) {
        nm_plan_print_refinement(plan, stream);
    } else if (draw->n_columns > 0) {
        fprintf(stream, "table       ");
        for (int i = 0; i < draw->n_columns; i++) {
            fprintf(stream, " %s", params[draw->column_param[i]].name);
        }
        fprintf(stream, "\n");
    }
    for (int i = 0; i < draw->n_ties; i++) {
        const nm_tie *tie = &draw->tie[i];
        fprintf(stream, "tie          %s = %.12g", params[tie->param].name, tie->constant);
        for (int k = 0; k < tie->n_terms; k++) {
            fprintf(stream, " %c %.12g %s", tie->coef[k] < 0.0 ? '-' : '+', fabs(tie->coef[k]),
                    params[tie->term[k]].name);
        }
        fprintf(stream, "\n");
    }
}

/* how many, and when they end */
static void print_trajectories(const nm_plan *plan, FILE *stream)
{
    const nm_stochastic *stochastic = &plan->task.stochastic;
    const double n = (double)stochastic->n_trajectories * (double)plan->n_points;
    const struct {
        double limit;
        const char *unit;
    } limits[] = {{stochastic->time, "s"},
                  {stochastic->jumps, "jumps in the mean"},
                  {stochastic->entropy, "k_B of entropy in the mean"}};
    char each[NM_WORDS], all[NM_WORDS], limit[NM_WORDS];
    int n_limits = 0, at = fprintf(stream, "trajectories ");
    snprintf(all, sizeof all, "%.3g", n);
    nm_put_wrapped(stream, &at, 13, "%s of each set, %s in all; each lasts",
                   nm_words_count(each, stochastic->n_trajectories),
                   n < 1e18 ? nm_words_count(all, (int64_t)n) : all);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (isfinite(limits[i].limit)) {
            nm_put_wrapped(stream, &at, 13, "%s %s %s", n_limits++ > 0 ? " or" : "",
                           nm_words_double(limit, limits[i].limit), limits[i].unit);
        }
    }
    nm_put_wrapped(stream, &at, 13, "%s", n_limits > 1 ? ", whichever is first" : "");
    if (stochastic->cycle >= 0) {
        nm_put_wrapped(stream, &at, 13, "; turns of %s are timed",
                       plan->model->paths[stochastic->cycle].name);
    }
    fputc('\n', stream);
}

static void print_reduction(const nm_plan *plan, FILE *stream)
{
    const nm_reduction *reduction = &plan->task.reduction;
    char cells[NM_WORDS], points[NM_WORDS];
    if (reduction->kind == NM_REDUCE_BINS) {
        fprintf(stream, "reduce       bins: %s cells of %s draws each; their points are not kept\n",
                nm_words_count(cells, plan->n_points / reduction->cell_points),
                nm_words_count(points, reduction->cell_points));
    } else if (reduction->kind == NM_REDUCE_SCATTER) {
        fprintf(stream, "reduce       bins: %s along %d ax%s; points are not kept\n",
                nm_words_count(cells, reduction->projections[0].n_bins - 1),
                reduction->projections[0].n_axes,
                reduction->projections[0].n_axes == 1 ? "is" : "es");
    } else if (reduction->kind == NM_REDUCE_GIVEN) {
        fprintf(stream,
                "reduce       sobol: first-order indices of %d parameters from %s points in each "
                "randomisation, in %d bins of each parameter; points are not kept\n",
                reduction->n_inputs, nm_words_count(points, reduction->cell_points),
                (int)reduction->projections[0].axis[0].n);
    } else if (reduction->kind == NM_REDUCE_DGSM) {
        fprintf(
            stream,
            "reduce       dgsm: derivatives of %d outputs by %d parameters at %s points in each "
            "randomisation; points are not kept\n",
            plan->task.gradients.n_outputs, reduction->n_inputs,
            nm_words_count(points, reduction->cell_points));
    } else if (reduction->n_inputs > 0) {
        fprintf(stream,
                "reduce       %s: indices of %d parameters from %s groups in each randomisation; "
                "points are not kept\n",
                plan->config->reduce.kind, reduction->n_inputs,
                nm_words_count(cells, reduction->cell_points / reduction->group));
    } else {
        fprintf(stream, "reduce       summary: all points as one cell; they are not kept\n");
    }
}

void nm_plan_print(const nm_plan *plan, FILE *stream)
{
    const nm_model *model = plan->model;
    char a[NM_WORDS], b[NM_WORDS], c[NM_WORDS];
    fprintf(stream, "model        %s", model->name);
    for (int i = 0; i < model->n_variants; i++) {
        fprintf(stream, "%s%s = %s", i == 0 ? " (" : ", ", model->variants[i].name,
                model->variants[i].choices[plan->task.choice[i]]);
    }
    fprintf(stream, "%s\n", model->n_variants > 0 ? ")" : "");
    print_params(plan, stream);
    fprintf(stream, "points       %s%s in %s tiles of %s\n", plan->refinement ? "first " : "",
            nm_words_count(a, plan->n_points), nm_words_count(b, plan->n_tiles),
            nm_words_count(c, plan->tile_points));
    if (plan->task.stochastic.n_trajectories > 0) {
        print_trajectories(plan, stream);
    }
    int is_reduced = nm_plan_is_reduced(plan);
    if (is_reduced) {
        print_reduction(plan, stream);
    }
    fprintf(stream, "outputs      %d as f%d:", plan->task.n_slots, plan->config->precision_bits);
    for (int i = 0; i < plan->task.n_slots; i++) {
        fprintf(stream, " %s", plan->catalogue.output[plan->column_output[i]].name);
    }
    fprintf(stream, " (and %s)\n", is_reduced ? "counts of outcomes and flags" : "outcome, flags");
    char point[NM_WORDS + 16] = "";
    if (!is_reduced) {
        snprintf(point, sizeof point, ", %lld bytes a point",
                 (long long)(nm_plan_points_bytes(plan, EVEN_POINTS) / EVEN_POINTS));
    }
    fprintf(stream, "%s about %s%s%s; peak on disk %s\n",
            plan->refinement ? "first points" : "file        ",
            nm_words_bytes(a, (double)plan->file_bytes), point,
            plan->config->compression > 0 ? " before compression" : "",
            nm_words_bytes(b, (double)plan->peak_disk_bytes));
    fprintf(stream, "memory       about %s\n", nm_words_bytes(a, (double)plan->memory_bytes));
    if (plan->charged_share > 0.0) {
        fprintf(stream,
                "bath         carries net charge in %.3g %% of the points; a [tie] can keep it "
                "neutral\n",
                100.0 * plan->charged_share);
    }
    fprintf(stream, "fingerprint  %s\n", plan->fingerprint);
}
