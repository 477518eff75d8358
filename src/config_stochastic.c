/* Reads [stochastic]: which trajectories of single molecules a scan adds to its steady states. */
#include <math.h>

#include "config_keys.h"
#include "nessmap/model_abi.h"

/* Reads a limit of the window: a number above 0; infinite where it is not said. */
static nm_status read_limit(double *limit, const nm_section *s, const char *key, const char *should)
{
    *limit = INFINITY;
    NM_TRY(nm_key_number(limit, s, key, 0.0, INFINITY, should));
    return *limit > 0.0 ? NM_OK : nm_key_fail(s, nm_toml_find(s->table, key), key, should);
}

nm_status nm_config_read_stochastic(nm_config *config, const nm_toml *root)
{
    static const char *const keys[] = {"trajectories", "time", "jumps",
                                       "entropy",      "bin",  "first_passage"};
    static const char jumps[] = "the mean number of jumps must be a number above 0";
    static const char entropy[] = "the mean entropy production must be a number above 0, in k_B";
    static const char bin[] = "the width of a bin must be a number above 0, in k_B";
    nm_config_stochastic *stochastic = &config->stochastic;
    nm_section s;
    stochastic->where.line = stochastic->time.where.line = stochastic->passage_where.line = -1;
    NM_TRY(nm_section_open(&s, config, root, "stochastic"));
    if (!s.table) {
        return NM_OK;
    }
    NM_TRY(nm_section_check(&s, keys, NM_COUNT(keys)));
    stochastic->where.line = s.table->line;
    stochastic->trajectories = NM_DEFAULT_STOCHASTIC_TRAJECTORIES;
    NM_TRY(nm_key_whole(&stochastic->trajectories, &s, "trajectories", 2, NM_MAX_TRAJECTORIES - 1,
                        "the trajectories of each set must be a whole number from 2 to 16777215"));
    const nm_toml *time = nm_toml_find(s.table, "time");
    if (time) {
        NM_TRY(nm_key_quantity(&stochastic->time, &s, time, "time"));
    }
    NM_TRY(read_limit(&stochastic->jumps, &s, "jumps", jumps));
    NM_TRY(read_limit(&stochastic->entropy, &s, "entropy", entropy));
    if (!time && isinf(stochastic->jumps) && isinf(stochastic->entropy)) {
        return nm_key_missing(
            &s, "time",
            "say when a trajectory ends: time = \"10 s\", jumps = 100 of them in "
            "the mean, or entropy = 2 (k_B) in the mean; the first of them counts");
    }
    stochastic->bin = NM_DEFAULT_STOCHASTIC_BIN;
    NM_TRY(nm_key_number(&stochastic->bin, &s, "bin", 0.0, 1e300, bin));
    if (stochastic->bin == 0.0) {
        return nm_key_fail(&s, nm_toml_find(s.table, "bin"), "bin", bin);
    }
    const nm_toml *passage = nm_toml_find(s.table, "first_passage");
    stochastic->passage_where.line = passage ? passage->line : -1;
    return nm_key_text(&stochastic->first_passage, &s, "first_passage");
}
