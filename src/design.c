/* Binds a configuration to the parameters of a model: fixed values and axes here, the rest by
 * design_sets.c.
 *
 * 1. names and quantities
 * 2. fixed parameters
 * 3. axes
 * 4. the whole */
#include "design.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_keys.h"
#include "design_parts.h"
#include "joe_kuo.h"
#include "preset.h"
#include "units.h"

#define MOST_SEQUENCE ((int64_t)1 << 32) /* digits of Sobol's numbers, of a permutation */

static const char *const role_words[] = {
    "a default", "fixed", "an axis", "random", "a column of the table", "tied"};

/* --- 1. names and quantities ------------------------------------------------------------------ */

int nm_param_index(const nm_model *model, const char *name)
{
    for (int i = 0; i < model->n_params; i++) {
        if (strcmp(model->params[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

nm_status nm_design_param(int *param, const nm_binder *binder, const char *section,
                          const char *name, nm_where where)
{
    *param = nm_param_index(binder->model, name);
    if (*param >= 0) {
        return NM_OK;
    }
    const char *at = nm_config_at(binder->config, where), *model = binder->model->name;
    for (int i = 0; i < binder->model->n_variants; i++) {
        if (strcmp(binder->model->variants[i].name, name) == 0) {
            return nm_fail(
                NM_USAGE,
                "%s%s: \"%s\" is a variant of %s, not a parameter; choose it by variant.%s", at,
                section, name, model, name);
        }
    }
    const char *near = nm_nearest(name, binder->names, (size_t)binder->model->n_params);
    char shown[NM_FOUND_BYTES];
    nm_shorten(shown, name);
    if (near != NULL) {
        return nm_fail(NM_USAGE, "%s%s: %s has no parameter \"%s\"; did you mean \"%s\"?", at,
                       section, model, shown, near);
    }
    return nm_fail(NM_USAGE, "%s%s: %s has no parameter \"%s\"; `nessmap models %s` lists them", at,
                   section, model, shown, model);
}

nm_status nm_design_claim(nm_binder *binder, int param, nm_role role, const char *section,
                          nm_where where)
{
    if (binder->role[param] != NM_ROLE_DEFAULT) {
        return nm_fail(NM_USAGE, "%s%s: \"%s\" is already %s; a parameter is set in one place only",
                       nm_config_at(binder->config, where), section, binder->names[param],
                       role_words[binder->role[param]]);
    }
    binder->role[param] = role;
    return NM_OK;
}

nm_status nm_design_convert(double *value, const nm_binder *binder, const char *key,
                            const nm_quantity *quantity, const char *unit)
{
    *value = quantity->number;
    if (quantity->text != NULL && nm_units_parse(value, quantity->text, unit) != NM_OK) {
        return nm_fail(NM_USAGE,
                       "%s%s = \"%s\": %s; give a number, or a text in a unit like \"%s\"",
                       nm_config_at(binder->config, quantity->where), key, quantity->text,
                       nm_last_error(), unit);
    }
    if (!isfinite(*value)) {
        return nm_fail(NM_USAGE, "%s%s is not a finite number",
                       nm_config_at(binder->config, quantity->where), key);
    }
    return NM_OK;
}

nm_status nm_design_difference(double *value, const nm_binder *binder, const char *key,
                               const nm_quantity *quantity, const char *unit)
{
    NM_TRY(nm_design_convert(value, binder, key, quantity, unit));
    if (quantity->text == NULL) {
        return NM_OK;
    }
    const char *own_unit;
    char zero[NM_KEY_BYTES];
    double number, origin;
    NM_TRY(nm_units_split(&number, &own_unit, quantity->text));
    snprintf(zero, sizeof(zero), "0 %s", own_unit);
    if (nm_units_parse(&origin, zero, unit) == NM_OK) {
        *value -= origin;
    }
    return NM_OK;
}

/* --- 2. fixed parameters ---------------------------------------------------------------------- */

static nm_status bind_fixed(nm_binder *binder)
{
    const nm_config *config = binder->config;
    for (int i = 0; i < config->n_fixed; i++) {
        const nm_named_quantity *fixed = &config->fixed[i];
        char key[NM_KEY_BYTES];
        int param;
        snprintf(key, sizeof(key), "fixed.%s", fixed->name);
        NM_TRY(nm_design_param(&param, binder, "fixed", fixed->name, fixed->value.where));
        NM_TRY(nm_design_claim(binder, param, NM_ROLE_FIXED, "fixed", fixed->value.where));
        NM_TRY(nm_design_convert(&binder->design->draw.value[param], binder, key, &fixed->value,
                                 binder->model->params[param].unit));
    }
    return NM_OK;
}

/* --- 3. axes ---------------------------------------------------------------------------------- */

static nm_status fail_axis(const nm_binder *binder, const nm_config_axis *said, const char *what)
{
    return nm_fail(NM_USAGE, "%saxis.%s: %s", nm_config_at(binder->config, said->where), said->name,
                   what);
}

static nm_status bind_listed(nm_axis *axis, double *values, const nm_binder *binder,
                             const nm_config_axis *said)
{
    const char *unit = binder->model->params[axis->param].unit;
    for (int64_t k = 0; k < said->n; k++) {
        char key[NM_KEY_BYTES];
        snprintf(key, sizeof(key), "axis.%s.values[%lld]", said->name, (long long)k);
        NM_TRY(nm_design_convert(&values[k], binder, key, &said->values[k], unit));
        int is_falling = k > 0 && values[1] < values[0];
        if (k > 0 && (is_falling ? values[k] >= values[k - 1] : values[k] <= values[k - 1])) {
            return nm_fail(
                NM_USAGE,
                "%s%s: %.17g follows %.17g, but listed values must rise or fall all the way",
                nm_config_at(binder->config, said->where), key, values[k], values[k - 1]);
        }
    }
    axis->scale = NM_AXIS_LIST;
    axis->low = values[0];
    axis->high = values[said->n - 1];
    axis->values = values;
    return NM_OK;
}

static nm_status bind_range(nm_axis *axis, const nm_binder *binder, const nm_config_axis *said)
{
    const nm_param_info *info = &binder->model->params[axis->param];
    char key[NM_KEY_BYTES];
    snprintf(key, sizeof(key), "axis.%s.min", said->name);
    NM_TRY(nm_design_convert(&axis->low, binder, key, &said->min, info->unit));
    snprintf(key, sizeof(key), "axis.%s.max", said->name);
    NM_TRY(nm_design_convert(&axis->high, binder, key, &said->max, info->unit));
    axis->scale = (said->is_log < 0 ? info->is_log : said->is_log) ? NM_AXIS_LOG : NM_AXIS_LINEAR;
    const char *at = nm_config_at(binder->config, said->where);
    if (axis->low > axis->high) {
        return nm_fail(NM_USAGE, "%saxis.%s: min = %.17g is above max = %.17g %s; swap them", at,
                       said->name, axis->low, axis->high, info->unit);
    }
    if (axis->low == axis->high && axis->n > 1) {
        return nm_fail(
            NM_USAGE,
            "%saxis.%s: min and max are both %.17g %s, but n = %lld; min must be below max", at,
            said->name, axis->low, info->unit, (long long)axis->n);
    }
    if (axis->low != axis->high && axis->n == 1) {
        return fail_axis(
            binder, said,
            "n = 1 leaves room for one value only; n must be 2 or more, or min equal max");
    }
    if (axis->scale == NM_AXIS_LOG && axis->low <= 0.0) {
        return nm_fail(NM_USAGE,
                       "%saxis.%s: min = %.17g %s, but a logarithmic axis%s must lie above 0; "
                       "raise min or say "
                       "scale = \"linear\"",
                       at, said->name, axis->low, info->unit,
                       said->is_log < 0 ? " (the model's choice)" : "");
    }
    if (axis->scale == NM_AXIS_LINEAR && !isfinite(axis->high - axis->low)) {
        return fail_axis(binder, said, "max - min is too large for a number");
    }
    return NM_OK;
}

static nm_status bind_axis(nm_binder *binder, const nm_config_axis *said)
{
    nm_design *design = binder->design;
    nm_axis *axis = &design->draw.axis[design->draw.n_axes];
    double **table = &design->axis_table[design->draw.n_axes];
    memset(axis, 0, sizeof(*axis));
    NM_TRY(nm_design_param(&axis->param, binder, "axis", said->name, said->where));
    NM_TRY(nm_design_claim(binder, axis->param, NM_ROLE_AXIS, "axis", said->where));
    if (said->n < 1) {
        return fail_axis(binder, said, "n is the number of values; it must be 2 or more");
    }
    axis->n = said->n;
    design->draw.n_axes++;
    if (said->values == NULL) {
        NM_TRY(bind_range(axis, binder, said));
    }
    if (said->values == NULL && axis->n > NM_AXIS_TABLE_MAX) {
        return NM_OK;
    }

    /* a table of all values: kernels look up instead of computing, files take their coordinates
     * from it */
    *table = malloc((size_t)axis->n * sizeof(double));
    if (*table == NULL) {
        return nm_fail(NM_MEMORY, "no memory for the %lld values of axis \"%s\"",
                       (long long)axis->n, said->name);
    }
    if (said->values != NULL) {
        return bind_listed(axis, *table, binder, said);
    }
    binder->model->prepare_draw(&design->draw);
    for (int64_t k = 0; k < axis->n; k++) {
        (*table)[k] = binder->model->axis_value(axis, k);
        if (k > 0 && !((*table)[k] > (*table)[k - 1])) {
            return fail_axis(binder, said,
                             "n is so large that neighbouring values are the same number; lower n");
        }
    }
    axis->values = *table;
    return NM_OK;
}

static nm_status bind_axes(nm_binder *binder)
{
    const nm_config *config = binder->config;
    if (config->n_axes > NM_MAX_AXES) {
        return nm_fail(NM_USAGE, "%saxis: a scan has at most %d axes, found %d",
                       nm_config_at(config, config->axes[NM_MAX_AXES].where), NM_MAX_AXES,
                       config->n_axes);
    }
    for (int i = 0; i < config->n_axes; i++) {
        NM_TRY(bind_axis(binder, &config->axes[i]));
    }
    return NM_OK;
}

/* --- 4. the whole ----------------------------------------------------------------------------- */

/* kinds of design that draw, in the order of nm_sequence, come first */
typedef enum kind {
    KIND_RANDOM,
    KIND_LHS,
    KIND_SOBOL,
    KIND_SALTELLI,
    KIND_MORRIS,
    KIND_GRID,
    KIND_TABLE,
    KIND_REFINE
} kind;

static int is_drawn_kind(kind kind)
{
    return kind < KIND_GRID;
}

static nm_status find_kind(kind *kind, const nm_config *config)
{
    static const char *const names[] = {"random", "lhs",  "sobol", "saltelli",
                                        "morris", "grid", "table", "refine"};
    *kind = config->n_random > 0 ? KIND_RANDOM : KIND_GRID;
    if (config->design_kind == NULL || config->design_kind[0] == '\0') {
        return NM_OK;
    }
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        if (strcmp(names[i], config->design_kind) == 0) {
            *kind = (enum kind)i;
            return NM_OK;
        }
    }
    return nm_fail(NM_USAGE,
                   "%sdesign.kind = \"%s\" is not known; it is one of grid, random, lhs, sobol, "
                   "saltelli, morris, table, refine",
                   nm_config_at(config, config->design_where), config->design_kind);
}

static nm_status check_kind(kind kind, const nm_config *config)
{
    const char *at = nm_config_at(config, config->design_where);
    if (kind == KIND_GRID && config->n_random > 0) {
        return nm_fail(
            NM_USAGE,
            "%sdesign.kind = \"grid\", but random.%s wants draws; say kind = \"random\" and n", at,
            config->random[0].name);
    }
    if (is_drawn_kind(kind) && config->n_random == 0) {
        return nm_fail(NM_USAGE,
                       "%sdesign.kind = \"%s\", but there is no [[random]] parameter; add one", at,
                       config->design_kind);
    }
    if (is_drawn_kind(kind) && config->design_n < 1) {
        return nm_fail(
            NM_USAGE, "%sdesign.n = %lld: a design that draws needs the number of draws, 1 or more",
            at, (long long)config->design_n);
    }
    if (is_drawn_kind(kind) && kind != KIND_RANDOM &&
        config->design_n / config->design_replicates > MOST_SEQUENCE) {
        return nm_fail(NM_USAGE,
                       "%sdesign.n = %lld: a %s design has at most 2^32 points of one "
                       "randomisation; lower n or raise replicates",
                       at, (long long)config->design_n, config->design_kind);
    }
    if (kind == KIND_TABLE && config->n_axes + config->n_random > 0) {
        return nm_fail(NM_USAGE,
                       "%sdesign.kind = \"table\" takes its points from the file; remove %s.%s", at,
                       config->n_axes > 0 ? "axis" : "random",
                       config->n_axes > 0 ? config->axes[0].name : config->random[0].name);
    }
    return NM_OK;
}

/* How many points stand for a draw, and what the sequence needs. */
static void set_sequence(nm_draw *draw, kind kind, const nm_config *config)
{
    const int d = draw->n_random;
    draw->sequence = is_drawn_kind(kind) ? (nm_sequence)kind : NM_SEQUENCE_RANDOM;
    draw->group = kind == KIND_MORRIS     ? d + 1
                  : kind != KIND_SALTELLI ? 1
                                          : (config->design_second_order ? 2 * d : d) + 2;
    draw->n_replicates = config->design_replicates > 1 ? (int32_t)config->design_replicates : 1;
    draw->is_scrambled =
        config->design_scramble == NULL || strcmp(config->design_scramble, "none") != 0;
    draw->n_draws = is_drawn_kind(kind) ? config->design_n * draw->group : 1;
    if (draw->sequence > NM_SEQUENCE_LHS) {
        nm_sobol_directions(draw->directions, draw->group > 1 ? 2 * d : d);
    }
}

static nm_status count_points(nm_draw *draw, const nm_config *config)
{
    draw->n_points = 1;
    for (int i = 0; i <= draw->n_axes; i++) {
        int is_axis = i < draw->n_axes;
        int64_t n = is_axis ? draw->axis[i].n : draw->n_draws;
        if (draw->n_points > INT64_MAX / n) {
            return nm_fail(
                NM_USAGE,
                "%sdesign: the axes (and draws) multiply to more than 2^63 points; lower n",
                nm_config_at(config, is_axis ? config->axes[i].where : config->design_where));
        }
        draw->n_points *= n;
    }
    return NM_OK;
}

/* Lists the parameters that differ from point to point without being axes. */
static void list_stored(nm_design *design, const nm_binder *binder)
{
    const nm_draw *draw = &design->draw;
    int is_drawn[NM_MAX_PARAMS];
    for (int i = 0; i < binder->model->n_params; i++) {
        is_drawn[i] = binder->role[i] == NM_ROLE_RANDOM || binder->role[i] == NM_ROLE_COLUMN;
    }
    for (int i = 0; i < draw->n_ties; i++) {
        for (int k = 0; k < draw->tie[i].n_terms; k++) {
            is_drawn[draw->tie[i].param] |= is_drawn[draw->tie[i].term[k]];
        }
    }
    for (int i = 0; i < binder->model->n_params; i++) {
        if (is_drawn[i]) {
            design->stored[design->n_stored++] = i;
        }
    }
}

int nm_draw_is_tied(const nm_draw *draw, int param)
{
    for (int i = 0; i < draw->n_ties; i++) {
        if (draw->tie[i].param == param) {
            return 1;
        }
    }
    return 0;
}

nm_status nm_design_bind(nm_design *design, const nm_config *config, const nm_model *model)
{
    memset(design, 0, sizeof(*design));
    nm_binder binder = {.design = design, .config = config, .model = model};
    nm_draw *draw = &design->draw;
    draw->seed = config->design_seed;
    draw->n_params = model->n_params;
    for (int i = 0; i < model->n_params; i++) {
        binder.names[i] = model->params[i].name;
        draw->value[i] = model->params[i].dflt;
    }
    const nm_preset_info *preset;
    NM_TRY(nm_preset_find(&preset, config, model));
    NM_TRY(nm_preset_apply(NULL, draw->value, model, preset));

    kind kind;
    NM_TRY(find_kind(&kind, config));
    NM_TRY(check_kind(kind, config));
    NM_TRY(bind_fixed(&binder));
    NM_TRY(bind_axes(&binder));
    NM_TRY(nm_design_random(&binder));
    set_sequence(draw, kind, config);
    NM_TRY(kind == KIND_TABLE    ? nm_design_table(&binder)
           : kind == KIND_REFINE ? nm_design_refine(&binder)
                                 : count_points(draw, config));
    NM_TRY(nm_design_ties(&binder));
    list_stored(design, &binder);
    design->layout = draw->n_axes > 0 ? NM_LAYOUT_GRID : NM_LAYOUT_SAMPLE;
    return NM_OK;
}

void nm_design_clear(nm_design *design)
{
    for (int i = 0; i < NM_MAX_AXES; i++) {
        free(design->axis_table[i]);
        design->axis_table[i] = NULL;
    }
    for (int i = 0; i < NM_MAX_PARAMS; i++) {
        free(design->columns[i]);
        design->columns[i] = NULL;
    }
    nm_refinement_destroy(&design->refinement);
}
