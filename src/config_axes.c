/* Checks [[axis]] and [[random]]: the parameters that change from point to point. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_keys.h"
#include "nessmap/model_abi.h"

static nm_status fail_memory(void)
{
    return nm_fail(NM_MEMORY, "out of memory while checking the axes");
}

/* Reads `name` of an [[axis]] or [[random]] and names the section after it. */
static nm_status read_name(char **out, nm_section *s, const char *list)
{
    NM_TRY(nm_key_text(out, s, "name"));
    if (!*out) {
        return nm_key_missing(s, "name", "it is the parameter's name in quotes");
    }
    if (!nm_is_name(*out)) {
        return nm_name_fail(s, nm_toml_find(s->table, "name"), *out);
    }
    char text[NM_FOUND_BYTES];
    snprintf(s->name, sizeof s->name, "%s.%s", list,
             strlen(*out) < 64 ? *out : nm_shorten(text, *out));
    return NM_OK;
}

static int is_plain(const nm_quantity *quantity)
{
    return quantity->where.line >= 0 && !quantity->text;
}

/* Fails where two plain numbers are not in order. Texts are compared when their units are known. */
static nm_status check_order(const nm_section *s, const nm_quantity *min, const nm_quantity *max,
                             int may_equal, const char *should)
{
    if (!is_plain(min) || !is_plain(max) || min->number < max->number ||
        (may_equal && min->number == max->number)) {
        return NM_OK;
    }
    return nm_fail(NM_USAGE, "%s%s.min = %.15g and max = %.15g, but %s",
                   nm_config_at(s->config, max->where.line == 0 ? max->where : min->where), s->name,
                   min->number, max->number, should);
}

/* Fails where a plain number that will be taken the logarithm of is not positive. */
static nm_status check_positive(const nm_section *s, const nm_quantity *quantity, const char *key,
                                const char *should)
{
    if (!is_plain(quantity) || quantity->number > 0.0) {
        return NM_OK;
    }
    return nm_key_fail(s, nm_toml_find(s->table, key), key, should);
}

static nm_status read_values(nm_config_axis *axis, const nm_section *s, const nm_toml *list)
{
    static const char *const others[] = {"min", "max", "n", "scale"};
    if (list->kind != NM_TOML_ARRAY || list->n_items == 0) {
        return nm_key_fail(s, list, "values",
                           "it must be a list of one or more values like [1, 2, 5]");
    }
    for (size_t i = 0; i < NM_COUNT(others); i++) {
        const nm_toml *other = nm_toml_find(s->table, others[i]);
        if (other) {
            return nm_fail(NM_USAGE,
                           "%s%s has both values and %s; keep values alone, or min, max and n",
                           nm_section_at(s, other), s->name, others[i]);
        }
    }
    axis->values = calloc((size_t)list->n_items, sizeof *axis->values);
    if (!axis->values) {
        return fail_memory();
    }
    axis->n = list->n_items;
    for (int64_t i = 0; i < axis->n; i++) {
        char key[32];
        snprintf(key, sizeof key, "values[%lld]", (long long)i);
        NM_TRY(nm_key_quantity(&axis->values[i], s, &list->item[i], key));
    }
    return NM_OK;
}

/* otherwise: the n of an axis that does not say it; 0: it must */
static nm_status read_range(nm_config_axis *axis, const nm_section *s, int64_t otherwise)
{
    static const char *const scales[] = {"linear", "log"};
    const char *missing = strncmp(s->name, "reduce.", 7) == 0
                              ? "bins need min, max and n"
                              : "an axis needs min, max and n, or values";
    NM_TRY(nm_key_need_quantity(&axis->min, s, "min", missing));
    NM_TRY(nm_key_need_quantity(&axis->max, s, "max", missing));
    NM_TRY(nm_key_whole(&axis->n, s, "n", 1, INT64_MAX,
                        "the number of values must be a whole number of 1 or more"));
    axis->n = axis->n == 0 ? otherwise : axis->n;
    if (axis->n == 0) {
        return nm_key_missing(s, "n", missing);
    }
    char *scale = NULL;
    nm_status status = nm_key_choice(&scale, s, "scale", scales, NM_COUNT(scales), NULL);
    axis->is_log = scale ? strcmp(scale, "log") == 0 : -1;
    free(scale);
    NM_TRY(status);
    NM_TRY(check_order(s, &axis->min, &axis->max, 1, "min must not be above max; exchange them"));
    NM_TRY(check_order(s, &axis->min, &axis->max, axis->n == 1,
                       "min must be below max where n is above 1"));
    if (axis->is_log == 1) {
        static const char should[] =
            "a log axis must lie above 0; raise it or say scale = \"linear\"";
        NM_TRY(check_positive(s, &axis->min, "min", should));
        NM_TRY(check_positive(s, &axis->max, "max", should));
    }
    return NM_OK;
}

static nm_status read_axis(nm_config_axis *axis, const nm_config *config, const nm_toml *table,
                           int64_t otherwise)
{
    static const char *const keys[] = {"name", "min", "max", "n", "scale", "values"};
    nm_section s = {.config = config, .table = table, .name = "axis"};
    const nm_toml *name = nm_toml_find(table, "name");
    axis->where.line = name ? name->line : table->line;
    axis->is_log = -1;
    axis->min.where.line = axis->max.where.line = -1;
    NM_TRY(read_name(&axis->name, &s, "axis"));
    NM_TRY(nm_section_check(&s, keys, NM_COUNT(keys)));
    const nm_toml *values = nm_toml_find(table, "values");
    return values ? read_values(axis, &s, values) : read_range(axis, &s, otherwise);
}

nm_status nm_config_range(nm_config_axis *axis, const nm_config *config, const nm_toml *table,
                          const char *list)
{
    static const char *const keys[] = {"name", "min", "max", "n", "scale"};
    nm_section s = {.config = config, .table = table};
    snprintf(s.name, sizeof s.name, "%s", list);
    axis->where.line = table->line;
    axis->min.where.line = axis->max.where.line = -1;
    NM_TRY(read_name(&axis->name, &s, list));
    NM_TRY(nm_section_check(&s, keys, NM_COUNT(keys)));
    return read_range(axis, &s, 0);
}

/* The keys of each distribution. */
static const struct {
    const char *dist, *keys[3];
    int n_keys;
} distributions[] = {
    {"uniform", {"min", "max"}, 2},
    {"loguniform", {"min", "max"}, 2},
    {"normal", {"mean", "sd"}, 2},
    {"lognormal", {"mean", "sd"}, 2},
    {"triangular", {"min", "max", "mode"}, 3},
};

static nm_status read_shape(nm_config_random *random, const nm_section *s)
{
    const struct {
        const char *key;
        nm_quantity *value;
    } rows[] = {{"min", &random->min},
                {"max", &random->max},
                {"mean", &random->mean},
                {"sd", &random->sd},
                {"mode", &random->mode}};
    size_t i_dist = 0;
    while (strcmp(distributions[i_dist].dist, random->dist) != 0) {
        i_dist++;
    }
    const char *const *needed = distributions[i_dist].keys;
    size_t n_needed = (size_t)distributions[i_dist].n_keys;
    char should[NM_LIST_BYTES + NM_FOUND_BYTES], list[NM_LIST_BYTES];
    snprintf(should, sizeof should, "dist = \"%s\" takes %s", random->dist,
             nm_join(list, needed, n_needed));
    for (size_t i = 0; i < NM_COUNT(rows); i++) {
        const nm_toml *node = nm_toml_find(s->table, rows[i].key);
        if (nm_is_among(rows[i].key, needed, n_needed)) {
            NM_TRY(nm_key_need_quantity(rows[i].value, s, rows[i].key, should));
        } else if (node) {
            return nm_key_fail(s, node, rows[i].key, should);
        }
    }
    return NM_OK;
}

static nm_status check_shape(const nm_config_random *random, const nm_section *s)
{
    NM_TRY(check_order(s, &random->min, &random->max, 0, "min must be below max"));
    NM_TRY(check_positive(s, &random->sd, "sd", "a standard deviation must be above 0"));
    if (strcmp(random->dist, "loguniform") == 0) {
        static const char should[] = "a loguniform range must lie above 0";
        NM_TRY(check_positive(s, &random->min, "min", should));
        NM_TRY(check_positive(s, &random->max, "max", should));
    }
    int is_below = is_plain(&random->min) && is_plain(&random->mode) &&
                   random->mode.number < random->min.number;
    int is_above = is_plain(&random->max) && is_plain(&random->mode) &&
                   random->mode.number > random->max.number;
    if (is_below || is_above) {
        return nm_key_fail(s, nm_toml_find(s->table, "mode"), "mode",
                           "it must lie between min and max");
    }
    return NM_OK;
}

static nm_status read_random(nm_config_random *random, const nm_config *config,
                             const nm_toml *table)
{
    static const char *const keys[] = {"name", "dist", "min", "max", "mean", "sd", "mode"};
    const char *dists[NM_COUNT(distributions)];
    for (size_t i = 0; i < NM_COUNT(distributions); i++) {
        dists[i] = distributions[i].dist;
    }
    nm_section s = {.config = config, .table = table, .name = "random"};
    const nm_toml *name = nm_toml_find(table, "name");
    random->where.line = name ? name->line : table->line;
    random->min.where.line = random->max.where.line = random->mode.where.line = -1;
    random->mean.where.line = random->sd.where.line = -1;
    NM_TRY(read_name(&random->name, &s, "random"));
    NM_TRY(nm_section_check(&s, keys, NM_COUNT(keys)));
    NM_TRY(nm_key_choice(&random->dist, &s, "dist", dists, NM_COUNT(dists), NULL));
    if (!random->dist) {
        char should[NM_LIST_BYTES + NM_FOUND_BYTES], list[NM_LIST_BYTES];
        snprintf(should, sizeof should, "it is one of %s", nm_join(list, dists, NM_COUNT(dists)));
        return nm_key_missing(&s, "dist", should);
    }
    NM_TRY(read_shape(random, &s));
    return check_shape(random, &s);
}

nm_status nm_config_axes(nm_config *config, const nm_toml *root)
{
    const nm_toml *list;
    int n;
    NM_TRY(nm_section_list(&list, &n, config, root, "axis", NM_MAX_AXES));
    const nm_toml *design = nm_toml_find(root, "design"),
                  *kind =
                      design && design->kind == NM_TOML_TABLE ? nm_toml_find(design, "kind") : NULL;
    int is_refined = kind && kind->text && strcmp(kind->text, "refine") == 0;
    config->axes = calloc((size_t)n + 1, sizeof *config->axes);
    if (!config->axes) {
        return fail_memory();
    }
    for (int i = 0; i < n; i++) {
        config->n_axes = i + 1;
        NM_TRY(read_axis(&config->axes[i], config, &list->item[i],
                         is_refined ? NM_DEFAULT_DESIGN_CELLS : 0));
    }
    return NM_OK;
}

nm_status nm_config_randoms(nm_config *config, const nm_toml *root)
{
    const nm_toml *list;
    int n;
    NM_TRY(nm_section_list(&list, &n, config, root, "random", NM_MAX_RANDOM));
    config->random = calloc((size_t)n + 1, sizeof *config->random);
    if (!config->random) {
        return fail_memory();
    }
    for (int i = 0; i < n; i++) {
        config->n_random = i + 1;
        NM_TRY(read_random(&config->random[i], config, &list->item[i]));
    }
    return NM_OK;
}
