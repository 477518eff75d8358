/* Checks the keys of [design] that kind = "refine" takes. */
#include <string.h>

#include "config_keys.h"
#include "refine_cells.h"

enum {
    MOST_PROBES = 1 << 24,
    MOST_PAIRS = 1 << 24,
    MOST_PAIR_PARAMS = 32 /* Sobol's sequence gives two numbers for each */
};

static const char *const keys[] = {"levels", "probes", "tolerance", "class", "threshold"};

/* Whether the axes make a map that can be divided. */
static nm_status check_axes(const nm_config *config, const nm_section *s)
{
    const char *place = nm_config_at(config, config->design_where);
    if (config->n_axes != 2) {
        return nm_fail(
            NM_USAGE,
            "%sdesign.kind = \"refine\" divides the cells of two axes, found %d [[axis]]; "
            "give two, or [[random]] parameters and n for segments in more dimensions",
            place, config->n_axes);
    }
    for (int i = 0; i < config->n_axes; i++) {
        const nm_config_axis *axis = &config->axes[i];
        const char *at = nm_config_at(config, axis->where);
        if (axis->values) {
            return nm_fail(NM_USAGE,
                           "%saxis.%s.values: kind = \"refine\" divides what lies between, so the "
                           "axis needs min, max and n",
                           at, axis->name);
        }
        int bits = 0;
        while ((int64_t)1 << bits < axis->n && bits < 62) {
            bits++;
        }
        if (axis->n < 2 || (int64_t)1 << bits != axis->n) {
            return nm_fail(
                NM_USAGE,
                "%saxis.%s.n = %lld, but kind = \"refine\" halves its cells, so n must be "
                "a power of two such as 64",
                at, axis->name, (long long)axis->n);
        }
        if (bits + config->design_levels > NM_CELL_BITS) {
            return nm_fail(
                NM_USAGE,
                "%saxis.%s.n = %lld with design.levels = %lld: the finest cells would be "
                "more than 2^%d along the axis; lower one of them",
                at, axis->name, (long long)axis->n, (long long)config->design_levels, NM_CELL_BITS);
        }
    }
    const nm_toml *n = nm_toml_find(s->table, "n");
    return n ? nm_key_fail(s, n, "n", "with two axes the cells are the n of each axis") : NM_OK;
}

/* Whether the drawn parameters are a box for segments. */
static nm_status check_randoms(const nm_config *config, const nm_section *s)
{
    const char *place = nm_config_at(config, config->design_where);
    if (config->n_axes > 0) {
        return nm_fail(
            NM_USAGE,
            "%sdesign.kind = \"refine\" has two [[axis]] or [[random]] parameters, found "
            "both; remove one kind",
            place);
    }
    if (config->n_random > MOST_PAIR_PARAMS) {
        return nm_fail(
            NM_USAGE, "%sdesign.kind = \"refine\" takes %d [[random]] parameters at most, found %d",
            place, MOST_PAIR_PARAMS, config->n_random);
    }
    for (int i = 0; i < config->n_random; i++) {
        const nm_config_random *random = &config->random[i];
        if (strcmp(random->dist, "uniform") != 0 && strcmp(random->dist, "loguniform") != 0) {
            return nm_fail(
                NM_USAGE,
                "%srandom.%s.dist = \"%s\", but kind = \"refine\" draws segments in a box: "
                "dist must be uniform or loguniform",
                nm_config_at(config, random->where), random->name, random->dist);
        }
    }
    static const char *const map_keys[] = {"levels", "probes"};
    for (size_t i = 0; i < NM_COUNT(map_keys); i++) {
        const nm_toml *node = nm_toml_find(s->table, map_keys[i]);
        if (node) {
            return nm_key_fail(s, node, map_keys[i], "it belongs to a map of two [[axis]]");
        }
    }
    if (config->design_n == 0) {
        return nm_key_missing(s, "n", "segments need their number of pairs of points");
    }
    if (config->design_n > MOST_PAIRS) {
        return nm_key_fail(s, nm_toml_find(s->table, "n"), "n",
                           "there may be 16777216 pairs at most");
    }
    return NM_OK;
}

/* The class is what separates: outcomes, whether there is a steady state, or a value. */
static nm_status read_class(nm_config *config, const nm_section *s)
{
    const nm_toml *class = nm_toml_find(s->table, "class"),
                  *threshold = nm_toml_find(s->table, "threshold");
    NM_TRY(nm_key_text(&config->design_class, s, "class"));
    if (!config->design_class) {
        NM_TRY(nm_copy_text(&config->design_class, NM_DEFAULT_DESIGN_CLASS));
    }
    config->design_class_where.line = class ? class->line : -1;
    int is_value =
        strcmp(config->design_class, "outcome") != 0 && strcmp(config->design_class, "steady") != 0;
    if (is_value && !nm_is_name(config->design_class)) {
        return nm_key_fail(
            s, class, "class",
            "it is \"outcome\", \"steady\", or the name of an output with threshold");
    }
    if (threshold && !is_value) {
        return nm_key_fail(s, threshold, "threshold",
                           "it goes with class = the name of an output, such as \"V\"");
    }
    if (is_value && !threshold) {
        return nm_key_missing(s, "threshold",
                              "class is an output, and which of its values separates?");
    }
    return threshold ? nm_key_quantity(&config->design_threshold, s, threshold, "threshold")
                     : NM_OK;
}

nm_status nm_config_refine(nm_config *config, const nm_section *s)
{
    config->design_threshold.where.line = -1;
    if (strcmp(config->design_kind, "refine") != 0) {
        for (size_t i = 0; i < NM_COUNT(keys); i++) {
            const nm_toml *node = nm_toml_find(s->table, keys[i]);
            if (node) {
                return nm_key_fail(s, node, keys[i], "only kind = \"refine\" has it");
            }
        }
        return NM_OK;
    }
    config->design_levels = NM_DEFAULT_DESIGN_LEVELS;
    config->design_probes = NM_DEFAULT_DESIGN_PROBES;
    config->design_tolerance = NM_DEFAULT_DESIGN_TOLERANCE;
    NM_TRY(nm_key_whole(&config->design_levels, s, "levels", 0, NM_MOST_LEVELS,
                        "the number of refinements must be a whole number from 0 to 20"));
    NM_TRY(nm_key_whole(&config->design_probes, s, "probes", 0, MOST_PROBES,
                        "the number of probes must be a whole number from 0 to 16777216"));
    NM_TRY(
        nm_key_number(&config->design_tolerance, s, "tolerance", 1e-13, 1.0,
                      "the width of a bracket as a share of its axis must be a number from 1e-13 "
                      "to 1"));
    NM_TRY(read_class(config, s));
    return config->n_random > 0 ? check_randoms(config, s) : check_axes(config, s);
}
