/* Checks the bins and the quantiles of [[reduce]]. */
#include <stdlib.h>
#include <string.h>

#include "config_keys.h"
#include "nessmap/model_abi.h"

enum { MOST_BINS = 1 << 24 }; /* along one axis */

static nm_status read_axes(nm_config *config, const nm_section *s, const nm_toml *list)
{
    static const char should[] =
        "it is a list of 1 to 3 axes like [{ name = \"V\", min = -0.1, max = 0.05, n = 150 }]";
    nm_config_reduce *reduce = &config->reduce;
    if (strcmp(reduce->kind, "bins") != 0) {
        return nm_key_fail(s, list, "axes", "only kind = \"bins\" sorts points along axes");
    }
    if (list->kind != NM_TOML_ARRAY || list->n_items == 0 || list->n_items > NM_MAX_PROJECTED) {
        return nm_key_fail(s, list, "axes", should);
    }
    reduce->axes = calloc((size_t)list->n_items, sizeof *reduce->axes);
    if (!reduce->axes) {
        return nm_fail(NM_MEMORY, "out of memory while checking the bins");
    }
    for (int i = 0; i < (int)list->n_items; i++) {
        nm_config_axis *axis = &reduce->axes[i];
        const nm_section of = {.config = config, .table = &list->item[i], .name = "reduce.axes"};
        if (list->item[i].kind != NM_TOML_TABLE) {
            return nm_key_fail(s, &list->item[i], "axes", should);
        }
        reduce->n_axes = i + 1;
        NM_TRY(nm_config_range(axis, config, &list->item[i], "reduce.axes"));
        for (int k = 0; k < i; k++) {
            if (strcmp(reduce->axes[k].name, axis->name) == 0) {
                return nm_key_fail(&of, nm_toml_find(of.table, "name"), "name",
                                   "each axis of bins is another output or parameter");
            }
        }
        if (axis->n > MOST_BINS) {
            return nm_key_fail(&of, nm_toml_find(of.table, "n"), "n",
                               "the number of bins along an axis is 16777216 at most");
        }
    }
    return NM_OK;
}

static nm_status read_quantiles(nm_config *config, const nm_section *s, const nm_toml *list)
{
    static const char should[] =
        "it is a list of 1 to 16 rising numbers between 0 and 1 like [0.05, 0.5, 0.95]";
    nm_config_reduce *reduce = &config->reduce;
    if (reduce->n_axes > 0) {
        return nm_key_fail(s, list, "quantiles",
                           "bins along outputs or parameters keep none; remove the key, or use "
                           "kind = \"bins\" without axes");
    }
    if (strcmp(reduce->kind, "bins") != 0 && strcmp(reduce->kind, "summary") != 0) {
        return nm_key_fail(s, list, "quantiles",
                           "kind = \"bins\" and kind = \"summary\" alone have quantiles");
    }
    if (list->kind != NM_TOML_ARRAY || list->n_items == 0 || list->n_items > NM_MAX_QUANTILES) {
        return nm_key_fail(s, list, "quantiles", should);
    }
    reduce->quantiles = calloc((size_t)list->n_items, sizeof *reduce->quantiles);
    if (!reduce->quantiles) {
        return nm_fail(NM_MEMORY, "out of memory while checking the quantiles");
    }
    for (int64_t i = 0; i < list->n_items; i++) {
        const nm_toml *item = &list->item[i];
        if (!nm_toml_is_number(item) || !(item->number > 0.0 && item->number < 1.0) ||
            (i > 0 && item->number <= reduce->quantiles[i - 1])) {
            return nm_key_fail(s, item, "quantiles", should);
        }
        reduce->quantiles[i] = item->number;
        reduce->n_quantiles = (int)i + 1;
    }
    return NM_OK;
}

nm_status nm_config_projections(nm_config *config, const nm_toml *reduce)
{
    const nm_section s = {.config = config, .table = reduce, .name = "reduce"};
    const nm_toml *axes = nm_toml_find(reduce, "axes"),
                  *quantiles = nm_toml_find(reduce, "quantiles");
    if (axes) {
        NM_TRY(read_axes(config, &s, axes));
    }
    return quantiles ? read_quantiles(config, &s, quantiles) : NM_OK;
}
