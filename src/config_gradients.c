/* Reads output.gradients: which derivatives a scan stores. */
#include "config_keys.h"
#include "nessmap/model_abi.h"

static const char should_of[] = "it must be a list of output names like [\"V\", \"ell\"], or "
                                "[\"*\"] for all that have derivatives";
static const char should_by[] = "it must be a list of parameter names like [\"g_Na\", \"p_max\"]";

nm_status nm_config_read_gradients(nm_config *config, const nm_toml *output, const nm_toml *node)
{
    static const char *const keys[] = {"of", "by"};
    nm_config_gradients *gradients = &config->gradients;
    nm_section s = {.config = config, .table = output, .name = "output"};
    gradients->where.line = node->line;
    gradients->by_where.line = -1;
    if (node->kind == NM_TOML_ARRAY) { /* the outputs alone */
        return nm_key_texts(&gradients->of, &gradients->n_of, &gradients->of_where, &s, "gradients",
                            NM_MAX_OUTPUTS, should_of);
    }
    if (node->kind != NM_TOML_TABLE) {
        return nm_key_fail(
            &s, node, "gradients",
            "it is a table like { of = [\"V\"], by = [\"g_Na\"] }, or a list of outputs");
    }
    s = (nm_section){.config = config, .table = node, .name = "output.gradients"};
    NM_TRY(nm_section_check(&s, keys, NM_COUNT(keys)));
    if (!nm_toml_find(node, "of")) {
        return nm_key_missing(&s, "of", "name the outputs whose derivatives are wanted");
    }
    NM_TRY(nm_key_texts(&gradients->of, &gradients->n_of, &gradients->of_where, &s, "of",
                        NM_MAX_OUTPUTS, should_of));
    return nm_key_texts(&gradients->by, &gradients->n_by, &gradients->by_where, &s, "by",
                        NM_MAX_PARAMS, should_by);
}
