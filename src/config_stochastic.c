/* Reads [stochastic]: how many trajectories of each set, and how long they last. */
#include <math.h>

#include "config_keys.h"
#include "nessmap/model_abi.h"

/* Reads a number above 0. */
static nm_status read_positive(double *out, const nm_section *s, const char *key,
                               const char *should)
{
    NM_TRY(nm_key_number(out, s, key, 0.0, INFINITY, should));
    const nm_toml *node = nm_toml_find(s->table, key);
    return node && !(*out > 0.0 && isfinite(node->number)) ? nm_key_fail(s, node, key, should)
                                                           : NM_OK;
}

static nm_status read_time(nm_quantity *time, const nm_section *s)
{
    const nm_toml *node = nm_toml_find(s->table, "time");
    time->where.line = -1;
    if (!node) {
        return NM_OK;
    }
    NM_TRY(nm_key_quantity(time, s, node, "time"));
    return time->number > 0.0
               ? NM_OK
               : nm_key_fail(s, node, "time",
                             "a window must last for more than 0, in seconds or like \"10 ms\"");
}

nm_status nm_config_read_stochastic(nm_config *config, const nm_toml *root)
{
    static const char *const keys[] = {"trajectories", "time", "jumps",
                                       "entropy",      "bin",  "first_passage"};
    nm_config_stochastic *stochastic = &config->stochastic;
    nm_section s;
    NM_TRY(nm_section_open(&s, config, root, "stochastic"));
    stochastic->where.line = stochastic->first_passage_where.line = stochastic->time.where.line =
        -1;
    if (!s.table) {
        return NM_OK;
    }
    NM_TRY(nm_section_check(&s, keys, NM_COUNT(keys)));
    stochastic->where.line = s.table->line;
    stochastic->trajectories = NM_DEFAULT_STOCHASTIC_TRAJECTORIES;
    stochastic->jumps = stochastic->entropy = INFINITY;
    stochastic->bin = NM_DEFAULT_STOCHASTIC_BIN;
    NM_TRY(nm_key_whole(&stochastic->trajectories, &s, "trajectories", 2, NM_MAX_TRAJECTORIES - 1,
                        "the number of trajectories of each set must be a whole number from 2 to "
                        "16777215"));
    NM_TRY(read_time(&stochastic->time, &s));
    NM_TRY(read_positive(&stochastic->jumps, &s, "jumps",
                         "the mean number of jumps of a window must be a number above 0"));
    NM_TRY(read_positive(&stochastic->entropy, &s, "entropy",
                         "the mean entropy production of a window, in k_B, must be a number above "
                         "0"));
    NM_TRY(read_positive(&stochastic->bin, &s, "bin",
                         "the width of the bins of entropy production, in k_B, must be a number "
                         "above 0"));
    const nm_toml *first_passage = nm_toml_find(s.table, "first_passage");
    stochastic->first_passage_where.line = first_passage ? first_passage->line : -1;
    NM_TRY(nm_key_text(&stochastic->first_passage, &s, "first_passage"));
    if (stochastic->time.where.line < 0 && isinf(stochastic->jumps) && isinf(stochastic->entropy)) {
        return nm_fail(NM_USAGE,
                       "%s[stochastic] does not say when a trajectory ends; give time, jumps or "
                       "entropy (the first that is reached ends it)",
                       nm_section_at(&s, s.table));
    }
    return NM_OK;
}
