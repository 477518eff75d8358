/* What a refinement adds to a plan: its class, the plans of its stages, and what is known of them
 * beforehand.
 *
 * 1. class   2. stages   3. words */
#include "plan_refine.h"

#include <stdlib.h>
#include <string.h>

#include "plan_parts.h"
#include "units.h"
#include "words.h"

enum { BYTES_PER_CORNER = 256 }; /* its share of cells and tables */

/* --- 1. class --------------------------------------------------------------------------------- */

static nm_status find_output(nm_plan *plan)
{
    const nm_config *config = plan->config;
    const nm_catalogue *catalogue = &plan->catalogue;
    const char *at = nm_config_at(config, config->design_class_where), *word = config->design_class;
    nm_refinement *refinement = plan->refinement;
    refinement->output = nm_catalogue_find(catalogue, word);
    if (refinement->output < 0) {
        const char *names[NM_MAX_OUTPUTS];
        size_t n = 0;
        for (int i = 0; i < catalogue->n; i++) {
            if (catalogue->output[i].name[0] != '\0') {
                names[n++] = catalogue->output[i].name;
            }
        }
        const char *near = nm_nearest(word, names, n);
        refinement->output = 0;
        return near != NULL
                   ? nm_fail(NM_USAGE,
                             "%sdesign.class: %s has no output \"%s\"; did you mean \"%s\"?", at,
                             plan->model->name, word, near)
                   : nm_fail(NM_USAGE,
                             "%sdesign.class = \"%s\" is neither \"outcome\" nor \"steady\" nor an "
                             "output of %s; `nessmap models %s` lists them",
                             at, word, plan->model->name, plan->model->name);
    }
    NM_TRY(
        nm_plan_check_need(plan, refinement->output, config->design_class_where, "design.class"));
    const nm_quantity *threshold = &config->design_threshold;
    const char *unit = catalogue->output[refinement->output].unit;
    refinement->threshold = threshold->number;
    if (threshold->text != NULL &&
        nm_units_parse(&refinement->threshold, threshold->text, unit) != NM_OK) {
        return nm_fail(NM_USAGE,
                       "%sdesign.threshold = \"%s\": %s; give a number, or a text in a unit like "
                       "\"%s\"",
                       nm_config_at(config, threshold->where), threshold->text, nm_last_error(),
                       unit);
    }
    return NM_OK;
}

nm_status nm_plan_bind_class(nm_plan *plan)
{
    const nm_config *config = plan->config;
    if (plan->refinement == NULL) {
        return NM_OK;
    }
    if (nm_plan_reduce_kind(config) != NM_REDUCE_FULL) {
        return nm_fail(NM_USAGE,
                       "%sreduce.kind = \"%s\", but design.kind = \"refine\" keeps every point; "
                       "remove [[reduce]]",
                       nm_config_at(config, config->reduce.kind_where), config->reduce.kind);
    }
    plan->refinement->class = strcmp(config->design_class, "outcome") == 0  ? NM_CLASS_OUTCOME
                              : strcmp(config->design_class, "steady") == 0 ? NM_CLASS_STEADY
                                                                            : NM_CLASS_OUTPUT;
    return plan->refinement->class == NM_CLASS_OUTPUT ? find_output(plan) : NM_OK;
}

/* --- 2. stages -------------------------------------------------------------------------------- */

nm_status nm_plan_stage(nm_plan **stage, const nm_plan *plan, const int64_t *place, int64_t n)
{
    const nm_refinement *refinement = plan->refinement;
    const int n_dims = refinement->n_dims;
    nm_plan *made = *stage = malloc(sizeof *made);
    if (!made) {
        return nm_fail(NM_MEMORY, "no memory for a stage of the refinement");
    }
    *made = *plan;
    made->refinement = NULL;
    memset(made->axis_table, 0, sizeof made->axis_table);
    memset(made->columns, 0, sizeof made->columns);
    for (int d = 0; d < n_dims; d++) {
        made->columns[d] = malloc((size_t)n * sizeof(double));
        if (!made->columns[d]) {
            nm_plan_destroy(stage);
            return nm_fail(NM_MEMORY, "no memory for the %lld points of a stage of the refinement",
                           (long long)n);
        }
        for (int64_t i = 0; i < n; i++) {
            made->columns[d][i] =
                plan->model->axis_value(&refinement->axis[d], place[i * n_dims + d]);
        }
        made->task.draw.column[d] = made->columns[d];
    }
    made->n_points = made->task.draw.n_points = n;
    nm_plan_cut_points(made, plan->config->memory_bytes > 0 ? plan->record_bytes : 0);
    nm_status status = nm_plan_set_backend(made, plan->backend);
    if (status != NM_OK) {
        nm_plan_destroy(stage);
    }
    return status;
}

double nm_plan_equal_grid(const nm_plan *plan)
{
    const nm_lattice *lattice = &plan->refinement->lattice;
    double n = 1.0;
    for (int d = 0; d < 2; d++) {
        n *= (double)(((int64_t)1 << (lattice->bits[d] + lattice->levels)) + 1);
    }
    return n;
}

/* --- 3. words --------------------------------------------------------------------------------- */

/* Stages that halve the first bracket of an axis until it is narrow enough. */
static int count_halvings(const nm_refinement *refinement, int64_t width)
{
    int n = 0;
    for (; width > refinement->width; width = width - width / 2) {
        n++;
    }
    return n;
}

static void print_map(const nm_plan *plan, FILE *stream)
{
    const nm_lattice *lattice = &plan->refinement->lattice;
    char a[NM_WORDS], b[NM_WORDS], c[NM_WORDS];
    int64_t corners = plan->refinement->n_first - plan->refinement->n_probes;
    fprintf(stream, "refine       %s corners of %lld x %lld cells and %s probes come first\n",
            nm_words_count(a, corners), 1LL << lattice->bits[0], 1LL << lattice->bits[1],
            nm_words_count(b, plan->refinement->n_probes));
    int most = lattice->bits[lattice->bits[1] > lattice->bits[0]] + lattice->levels;
    int64_t step = nm_lattice_step(lattice, lattice->bits[1] < lattice->bits[0], lattice->levels);
    int n_halvings = count_halvings(plan->refinement, step);
    fprintf(stream,
            "stages       1 + %d refinements or more (to %lld x %lld cells), then %d halvings of "
            "each edge that crosses\n",
            lattice->levels, 1LL << (lattice->bits[0] + lattice->levels),
            1LL << (lattice->bits[1] + lattice->levels), n_halvings);
    /* a line across the map: two edges and about five corners of a ring per finest cell, and half of
     * them again on each coarser level */
    int64_t line = (int64_t)1 << most;
    const int64_t n_corners = 12 * line, row = 8 * plan->task.n_slots + BYTES_PER_CORNER;
    fprintf(
        stream,
        "estimate     about %s further solves and %s more memory for each boundary as long as the "
        "map;\n             the equal grid has %s points\n",
        nm_words_count(a, n_corners + line * 3 * n_halvings / 2),
        nm_words_bytes(b, (double)(n_corners * row)),
        nm_words_count(c, (int64_t)nm_plan_equal_grid(plan)));
}

void nm_plan_print_refinement(const nm_plan *plan, FILE *stream)
{
    static const char *const scales[] = {"linear", "log"};
    const nm_refinement *refinement = plan->refinement;
    char low[NM_WORDS], high[NM_WORDS];
    for (int d = 0; d < refinement->n_dims; d++) {
        const nm_axis *axis = &refinement->axis[d];
        const nm_param_info *info = &plan->model->params[axis->param];
        fprintf(stream, "axis         %s: %s to %s, %s\n", info->name,
                nm_words_quantity(low, axis->low, info->unit),
                nm_words_quantity(high, axis->high, info->unit), scales[axis->scale]);
    }
    if (refinement->class == NM_CLASS_OUTPUT) {
        const nm_output *output = &plan->catalogue.output[refinement->output];
        fprintf(stream, "class        %s above or below %s\n", output->name,
                nm_words_quantity(low, refinement->threshold, output->unit));
    } else {
        fprintf(stream, "class        %s\n", plan->config->design_class);
    }
    if (!refinement->is_segments) {
        print_map(plan, stream);
        return;
    }
    int n_halvings = count_halvings(refinement, NM_LATTICE);
    fprintf(stream,
            "refine       the ends of %s segments come first, then up to %d halvings of each that "
            "crosses\n",
            nm_words_count(low, refinement->n_first / 2), n_halvings);
}
