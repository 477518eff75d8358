/* Checks the tree of a configuration table by table and fills the struct. */
#include "config_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_keys.h"
#include "model_topology.h"
#include "nessmap/model_abi.h"

/* 1. parameters  2. the other tables  3. the whole */

enum {
    MAX_STARTS = 1000,  /* initial states tried at one point */
    MAX_COMPRESSION = 9 /* deflate level */
};

static nm_status fail_memory(void)
{
    return nm_fail(NM_MEMORY, "out of memory while checking the configuration");
}

/* --- 1. parameters ----------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const nm_named_quantity *)a)->name, ((const nm_named_quantity *)b)->name);
}

typedef enum named_kind { NAMED_QUANTITY, NAMED_CHOICE, NAMED_EXPRESSION } named_kind;

/* Reads one row of [variant], [fixed] or [tie]. */
static nm_status read_named(nm_named_quantity *out, const nm_section *s, const nm_toml *node,
                            named_kind kind)
{
    if (!nm_is_name(node->key)) {
        return nm_name_fail(s, node, node->key);
    }
    NM_TRY(nm_copy_text(&out->name, node->key));
    out->value.where.line = node->line;
    if (kind == NAMED_QUANTITY) {
        return nm_key_quantity(&out->value, s, node, node->key);
    }
    if (kind == NAMED_EXPRESSION && nm_toml_is_number(node)) {
        return nm_key_fail(s, node, node->key,
                           "a tie is an expression like \"150 - K_o\"; for a number use [fixed]");
    }
    if (kind == NAMED_CHOICE && node->kind == NM_TOML_INTEGER && !node->text &&
        nm_topology_has(s->config->model, node->key)) { /* states = 5 */
        char number[32];
        snprintf(number, sizeof number, "%lld", (long long)node->integer);
        return nm_copy_text(&out->value.text, number);
    }
    if (!node->text || !*node->text) {
        return nm_key_fail(s, node, node->key,
                           kind == NAMED_CHOICE
                               ? "a variant is a text in quotes, the name of its choice"
                               : "a tie is an expression in quotes, like \"150 - K_o\"");
    }
    return nm_copy_text(&out->value.text, node->text);
}

/* Reads [variant], [fixed] or [tie]. */
static nm_status read_names(nm_named_quantity **out, int *n, nm_config *config, const nm_toml *root,
                            const char *name, named_kind kind, int n_max)
{
    nm_section s;
    NM_TRY(nm_section_open(&s, config, root, name));
    if (!s.table || s.table->n_items == 0) {
        return NM_OK;
    }
    if (s.table->n_items > n_max) {
        return nm_fail(NM_USAGE, "%s[%s] has %lld entries, but there may be %d at most",
                       nm_section_at(&s, &s.table->item[n_max]), name, (long long)s.table->n_items,
                       n_max);
    }
    *out = calloc((size_t)s.table->n_items, sizeof **out);
    if (!*out) {
        return fail_memory();
    }
    for (int64_t i = 0; i < s.table->n_items; i++) {
        *n = (int)i + 1;
        NM_TRY(read_named(&(*out)[i], &s, &s.table->item[i], kind));
    }
    if (kind != NAMED_EXPRESSION) {
        qsort(*out, (size_t)*n, sizeof **out, compare_names);
    }
    return NM_OK;
}

/* A parameter and the table that gives its value. */
typedef struct claim {
    const char *name, *table;
    nm_where where;
} claim;

/* Refuses a parameter that is said twice. */
static nm_status check_claims(const nm_config *config)
{
    claim claims[NM_MAX_AXES + NM_MAX_RANDOM + NM_MAX_PARAMS + NM_MAX_TIES];
    int n = 0;
    for (int i = 0; i < config->n_axes; i++) {
        claims[n++] = (claim){config->axes[i].name, "[[axis]]", config->axes[i].where};
    }
    for (int i = 0; i < config->n_random; i++) {
        claims[n++] = (claim){config->random[i].name, "[[random]]", config->random[i].where};
    }
    for (int i = 0; i < config->n_fixed; i++) {
        claims[n++] = (claim){config->fixed[i].name, "[fixed]", config->fixed[i].value.where};
    }
    for (int i = 0; i < config->n_ties; i++) {
        claims[n++] = (claim){config->ties[i].name, "[tie]", config->ties[i].value.where};
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) {
            if (strcmp(claims[i].name, claims[k].name) == 0) {
                return nm_fail(
                    NM_USAGE,
                    "%sparameter \"%s\" is given twice, by %s (%s) and by %s here; keep one",
                    nm_config_at(config, claims[i].where), claims[i].name, claims[k].table,
                    nm_config_place(config, claims[k].where), claims[i].table);
            }
        }
    }
    return NM_OK;
}

/* --- 2. the other tables ----------------------------------------------------------------- */

/* Joins a path of the configuration to the folder of the configuration. */
static nm_status resolve_path(char **out, const char *config_path, const char *given)
{
    const char *slash = config_path && *given != '/' ? strrchr(config_path, '/') : NULL;
    size_t n_folder = slash ? (size_t)(slash - config_path) + 1 : 0;
    size_t n_given = strlen(given);
    *out = malloc(n_folder + n_given + 1);
    if (!*out) {
        return fail_memory();
    }
    if (n_folder > 0) {
        memcpy(*out, config_path, n_folder);
    }
    memcpy(*out + n_folder, given, n_given + 1);
    return NM_OK;
}

/* Checks that kind, n, file, [[axis]] and [[random]] go together. */
static nm_status check_design(const nm_config *config, const nm_section *s)
{
    const char *place = nm_config_at(config, config->design_where);
    int is_table = strcmp(config->design_kind, "table") == 0,
        is_random = !is_table && strcmp(config->design_kind, "grid") != 0 &&
                    strcmp(config->design_kind, "refine") != 0,
        is_saltelli = strcmp(config->design_kind, "saltelli") == 0,
        is_sobol = is_saltelli || strcmp(config->design_kind, "sobol") == 0 ||
                   strcmp(config->design_kind, "morris") == 0;
    const nm_toml *n = nm_toml_find(s->table, "n"), *file = nm_toml_find(s->table, "file");
    const nm_toml *replicates = nm_toml_find(s->table, "replicates"),
                  *scramble = nm_toml_find(s->table, "scramble"),
                  *second_order = nm_toml_find(s->table, "second_order");
    if (strcmp(config->design_kind, "refine") == 0) {
        n = NULL; /* nm_config_refine looks at it, and at what varies */
    }
    if (n && !is_random) {
        return nm_key_fail(s, n, "n", "only designs that draw take n; an axis has its own");
    }
    if (replicates && !is_random) {
        return nm_key_fail(s, replicates, "replicates",
                           "only designs that draw have independent randomisations");
    }
    if (scramble && !is_sobol) {
        return nm_key_fail(s, scramble, "scramble",
                           "only sobol, saltelli and morris rest on a sequence to scramble");
    }
    if (second_order && !is_saltelli) {
        return nm_key_fail(s, second_order, "second_order",
                           "only kind = \"saltelli\" has rows for second-order indices");
    }
    if (n && config->design_n % config->design_replicates != 0) {
        return nm_key_fail(s, n, "n", "n must be a multiple of design.replicates");
    }
    if (replicates && strcmp(config->design_scramble, "none") == 0 &&
        config->design_replicates > 1) {
        return nm_key_fail(s, replicates, "replicates",
                           "without scrambling every replicate would be the same points");
    }
    if (file && !is_table) {
        return nm_key_fail(s, file, "file", "only kind = \"table\" takes a file");
    }
    if (is_random && !n) {
        return nm_key_missing(s, "n", "a design that draws needs the number of draws");
    }
    if (is_table && !file) {
        return nm_key_missing(
            s, "file", "kind = \"table\" needs the CSV or NetCDF file of the parameter sets");
    }
    if (is_random && config->n_random == 0) {
        return nm_fail(NM_USAGE,
                       "%sdesign.kind = \"%s\", but no parameter is drawn; add [[random]]", place,
                       config->design_kind);
    }
    if (is_table && config->n_axes + config->n_random > 0) {
        return nm_fail(NM_USAGE,
                       "%sdesign.kind = \"table\" takes its points from the file; remove [[%s]] %s",
                       place, config->n_axes > 0 ? "axis" : "random",
                       config->n_axes > 0 ? config->axes[0].name : config->random[0].name);
    }
    if (strcmp(config->design_kind, "grid") == 0 && config->n_random > 0) {
        return nm_fail(
            NM_USAGE,
            "%sdesign.kind = \"grid\", but [[random]] %s is drawn; say kind = \"random\" and n",
            place, config->random[0].name);
    }
    return NM_OK;
}

static nm_status read_design(nm_config *config, const nm_toml *root)
{
    static const char *const keys[] = {"kind",       "n",         "seed",         "file",
                                       "replicates", "scramble",  "second_order", "levels",
                                       "probes",     "tolerance", "class",        "threshold"};
    static const char *const kinds[] = {"grid",     "random", "lhs",   "sobol",
                                        "saltelli", "morris", "table", "refine"};
    static const char *const scrambles[] = {"nested", "none"};
    nm_section s;
    NM_TRY(nm_section_open(&s, config, root, "design"));
    NM_TRY(nm_section_check(&s, keys, NM_COUNT(keys)));
    const nm_toml *kind = nm_toml_find(s.table, "kind");
    config->design_where.line = kind ? kind->line : s.table ? s.table->line : -1;
    NM_TRY(nm_key_choice(&config->design_kind, &s, "kind", kinds, NM_COUNT(kinds),
                         NM_DEFAULT_DESIGN_KIND));
    NM_TRY(nm_key_whole(&config->design_n, &s, "n", 1, INT64_MAX,
                        "the number of draws must be a whole number of 1 or more"));
    int64_t seed = 0;
    NM_TRY(nm_key_whole(&seed, &s, "seed", 0, INT64_MAX,
                        "a seed must be a whole number from 0 to 9223372036854775807"));
    config->design_seed = (uint64_t)seed;
    config->design_replicates = 1;
    NM_TRY(nm_key_whole(&config->design_replicates, &s, "replicates", 1, 1 << 20,
                        "the number of independent randomisations must be a whole number from 1 "
                        "to 1048576"));
    NM_TRY(nm_key_choice(&config->design_scramble, &s, "scramble", scrambles, NM_COUNT(scrambles),
                         "nested"));
    NM_TRY(nm_key_flag(&config->design_second_order, &s, "second_order"));
    const nm_toml *file = nm_toml_find(s.table, "file");
    config->design_file_where.line = file ? file->line : -1;
    NM_TRY(nm_key_text(&config->design_file_given, &s, "file"));
    if (config->design_file_given) {
        NM_TRY(resolve_path(&config->design_file, config->path, config->design_file_given));
    }
    NM_TRY(check_design(config, &s));
    return nm_config_refine(config, &s);
}

static nm_status read_solver(nm_config *config, const nm_toml *root)
{
    static const char *const keys[] = {"mode", "audit", "starts", "rtol"};
    static const char *const modes[] = {"auto", "follow"};
    static const char tolerance[] = "a relative tolerance must be a number above 0 and at most 0.1";
    nm_section s;
    NM_TRY(nm_section_open(&s, config, root, "solver"));
    NM_TRY(nm_section_check(&s, keys, NM_COUNT(keys)));
    config->solver_where.line = s.table ? s.table->line : -1;
    config->solver_audit = NM_DEFAULT_SOLVER_AUDIT;
    config->solver_starts = NM_DEFAULT_SOLVER_STARTS;
    config->solver_rtol = NM_DEFAULT_SOLVER_RTOL;
    NM_TRY(nm_key_choice(&config->solver_mode, &s, "mode", modes, NM_COUNT(modes),
                         NM_DEFAULT_SOLVER_MODE));
    NM_TRY(nm_key_number(&config->solver_audit, &s, "audit", 0.0, 1.0,
                         "the audited share must be a number from 0 to 1"));
    NM_TRY(nm_key_whole(&config->solver_starts, &s, "starts", 1, MAX_STARTS,
                        "the number of initial states must be a whole number from 1 to 1000"));
    NM_TRY(nm_key_number(&config->solver_rtol, &s, "rtol", 0.0, 0.1, tolerance));
    if (config->solver_rtol == 0.0) {
        return nm_key_fail(&s, nm_toml_find(s.table, "rtol"), "rtol", tolerance);
    }
    return NM_OK;
}

/* Reads the list `variables`; leaves *variables where it is not there. */
static nm_status read_variables(char ***variables, int *n, nm_where *where, const nm_section *s)
{
    static const char should[] =
        "it must be a list of output names like [\"V\", \"J_pump\"], or [\"*\"] for all";
    return nm_key_texts(variables, n, where, s, "variables", NM_MAX_OUTPUTS, should);
}

static nm_status read_output(nm_config *config, const nm_toml *root)
{
    static const char *const keys[] = {"variables", "precision", "gradients", "compression"};
    static const char *const precisions[] = {"f32", "f64"};
    nm_section s;
    NM_TRY(nm_section_open(&s, config, root, "output"));
    NM_TRY(nm_section_check(&s, keys, NM_COUNT(keys)));
    NM_TRY(read_variables(&config->variables, &config->n_variables, &config->variables_where, &s));
    char *precision = NULL;
    nm_status status =
        nm_key_choice(&precision, &s, "precision", precisions, NM_COUNT(precisions), NULL);
    config->precision_bits = !precision                      ? NM_DEFAULT_OUTPUT_PRECISION
                             : strcmp(precision, "f64") == 0 ? 64
                                                             : 32;
    free(precision);
    NM_TRY(status);
    const nm_toml *gradients = nm_toml_find(s.table, "gradients");
    if (gradients) {
        NM_TRY(nm_config_read_gradients(config, s.table, gradients));
    }
    int64_t compression = NM_DEFAULT_OUTPUT_COMPRESSION;
    NM_TRY(nm_key_whole(&compression, &s, "compression", 0, MAX_COMPRESSION,
                        "the deflate level must be a whole number from 0 (none) to 9"));
    config->compression = (int)compression;
    return NM_OK;
}

static nm_status read_reduce(nm_config *config, const nm_toml *root)
{
    static const char *const keys[] = {"kind", "variables", "axes", "quantiles"};
    static const char *const kinds[] = {"full", "bins", "summary", "sobol", "morris", "dgsm"};
    nm_config_reduce *reduce = &config->reduce;
    const nm_toml *list;
    int n;
    reduce->where.line = reduce->kind_where.line = reduce->variables_where.line = -1;
    NM_TRY(nm_section_list(&list, &n, config, root, "reduce", 1));
    if (n == 0) {
        return nm_copy_text(&reduce->kind, NM_DEFAULT_REDUCE_KIND);
    }
    nm_section s = {.config = config, .table = &list->item[0], .name = "reduce"};
    const nm_toml *kind = nm_toml_find(s.table, "kind"),
                  *variables = nm_toml_find(s.table, "variables");
    reduce->where.line = s.table->line;
    if (!kind) {
        return nm_key_missing(&s, "kind", "it is one of full, bins, summary, sobol, morris, dgsm");
    }
    reduce->kind_where.line = kind->line;
    NM_TRY(nm_key_choice(&reduce->kind, &s, "kind", kinds, NM_COUNT(kinds), NULL));
    NM_TRY(nm_section_check(&s, keys, NM_COUNT(keys)));
    if (variables && strcmp(reduce->kind, "full") == 0) {
        return nm_key_fail(&s, variables, "variables",
                           "kind = \"full\" keeps the variables of [output]; write them there");
    }
    NM_TRY(read_variables(&reduce->variables, &reduce->n_variables, &reduce->variables_where, &s));
    return nm_config_projections(config, s.table);
}

static nm_status read_limits(nm_config *config, const nm_toml *root)
{
    static const char *const keys[] = {"max_failed", "memory", "device_memory"};
    nm_section s;
    NM_TRY(nm_section_open(&s, config, root, "limits"));
    NM_TRY(nm_section_check(&s, keys, NM_COUNT(keys)));
    config->max_failed = NM_DEFAULT_LIMITS_MAX_FAILED;
    NM_TRY(nm_key_number(&config->max_failed, &s, "max_failed", 0.0, 1.0,
                         "the share of points that may fail must be a number from 0 to 1"));
    NM_TRY(nm_key_bytes(&config->memory_bytes, &s, "memory"));
    const nm_toml *memory = nm_toml_find(s.table, "memory");
    config->memory_where.line = memory ? memory->line : -1;
    return nm_key_bytes(&config->device_memory_bytes, &s, "device_memory");
}

/* --- 3. the whole ------------------------------------------------------------------------ */

/* The tables and their keys, to tell where a key at the top belongs. */
static const struct {
    const char *key, *table;
} homes[] = {
    {"kind", "design"},
    {"n", "design"},
    {"seed", "design"},
    {"file", "design"},
    {"replicates", "design"},
    {"scramble", "design"},
    {"second_order", "design"},
    {"levels", "design"},
    {"probes", "design"},
    {"tolerance", "design"},
    {"class", "design"},
    {"threshold", "design"},
    {"mode", "solver"},
    {"audit", "solver"},
    {"starts", "solver"},
    {"rtol", "solver"},
    {"variables", "output"},
    {"precision", "output"},
    {"compression", "output"},
    {"max_failed", "limits"},
    {"memory", "limits"},
    {"device_memory", "limits"},
    {"trajectories", "stochastic"},
    {"jumps", "stochastic"},
    {"entropy", "stochastic"},
    {"first_passage", "stochastic"},
    {"time", "stochastic"},
    {"bin", "stochastic"},
};

static nm_status check_top(const nm_section *top)
{
    static const char *const keys[] = {"model",  "title",  "preset",     "variant", "design",
                                       "axis",   "random", "fixed",      "tie",     "solver",
                                       "output", "reduce", "stochastic", "limits"};
    for (int64_t i = 0; i < top->table->n_items; i++) {
        const nm_toml *node = &top->table->item[i];
        for (size_t k = 0; k < NM_COUNT(homes); k++) {
            if (strcmp(node->key, homes[k].key) == 0) {
                return nm_fail(
                    NM_USAGE, "%sunknown key \"%s\"; did you mean \"%s.%s\", in the table [%s]?",
                    nm_section_at(top, node), node->key, homes[k].table, node->key, homes[k].table);
            }
        }
    }
    return nm_section_check(top, keys, NM_COUNT(keys));
}

nm_status nm_config_check(nm_config *config, const nm_toml *root)
{
    const nm_section top = {.config = config, .table = root};
    NM_TRY(check_top(&top));
    NM_TRY(nm_key_text(&config->title, &top, "title"));
    NM_TRY(nm_key_text(&config->model, &top, "model"));
    if (!config->model) {
        return nm_fail(NM_USAGE,
                       "%smodel is missing; write model = \"NAME\" on the first line (`nessmap "
                       "models` lists names)",
                       nm_config_at(config, (nm_where){-1}));
    }
    config->model_where.line = nm_toml_find(root, "model")->line;
    NM_TRY(nm_key_text(&config->preset, &top, "preset"));
    config->preset_where.line = config->preset ? nm_toml_find(root, "preset")->line : -1;
    NM_TRY(read_names(&config->variants, &config->n_variants, config, root, "variant", NAMED_CHOICE,
                      NM_MAX_VARIANTS));
    NM_TRY(nm_config_axes(config, root));
    NM_TRY(nm_config_randoms(config, root));
    NM_TRY(read_names(&config->fixed, &config->n_fixed, config, root, "fixed", NAMED_QUANTITY,
                      NM_MAX_PARAMS));
    NM_TRY(read_names(&config->ties, &config->n_ties, config, root, "tie", NAMED_EXPRESSION,
                      NM_MAX_TIES));
    NM_TRY(check_claims(config));
    NM_TRY(read_design(config, root));
    NM_TRY(read_solver(config, root));
    NM_TRY(read_output(config, root));
    NM_TRY(read_reduce(config, root));
    NM_TRY(nm_config_read_stochastic(config, root));
    return read_limits(config, root);
}
