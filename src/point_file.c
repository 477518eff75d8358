/* Turns an index of a finished file into the parameters of that point: from the design where it is
 * a rule, from the file's own columns where it was a table or grew in stages. */
#include "point_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grid_nc.h"
#include "plan_parts.h"

static nm_status parse_parts(int64_t *part, int *n_parts, const char *text)
{
    const char *at = text;
    *n_parts = 0;
    for (;;) {
        char *end;
        errno = 0;
        long long value = strtoll(at, &end, 10);
        if (end == at || errno != 0 || (*end != '\0' && *end != ',') || *n_parts > NM_MAX_AXES) {
            return nm_fail(
                NM_USAGE,
                "--index %s: a whole number is wanted, or one per axis with commas, from 0", text);
        }
        part[(*n_parts)++] = value;
        if (*end == '\0') {
            return NM_OK;
        }
        at = end + 1;
    }
}

/* size: points along each dimension, first slowest */
static nm_status parse_index(int64_t *index, const char *text, const int64_t *size, int n_sizes)
{
    int64_t part[NM_MAX_AXES + 1], n_points = 1;
    int n_parts;
    NM_TRY(parse_parts(part, &n_parts, text));
    for (int i = 0; i < n_sizes; i++) {
        n_points *= size[i];
    }
    if (n_parts != 1 && n_parts != n_sizes) {
        return nm_fail(NM_USAGE,
                       "--index %s: %d numbers, but the points of this file have %d ind%s", text,
                       n_parts, n_sizes, n_sizes == 1 ? "ex" : "ices");
    }
    *index = 0;
    for (int i = 0; i < n_parts; i++) {
        int64_t n = n_parts == 1 ? n_points : size[i];
        if (part[i] < 0 || part[i] >= n) {
            return nm_fail(NM_USAGE, "--index %s: %lld is outside 0 to %lld", text,
                           (long long)part[i], (long long)n - 1);
        }
        *index = *index * n + part[i];
    }
    return NM_OK;
}

static nm_status find_by_rule(double *params, const nm_plan *plan, const char *index_text)
{
    const nm_draw *draw = &plan->task.draw;
    int64_t size[NM_MAX_AXES + 1], index = 0;
    int n_sizes = 0;
    for (int i = 0; i < draw->n_axes; i++) {
        size[n_sizes++] = draw->axis[i].n;
    }
    if (n_sizes == 0) {
        size[n_sizes++] = plan->n_points;
    } else if (draw->n_draws > 1) {
        size[n_sizes++] = draw->n_draws;
    }
    NM_TRY(parse_index(&index, index_text, size, n_sizes));
    plan->model->draw(draw, index, params);
    return NM_OK;
}

/* --- tables ----------------------------------------------------------------------------------- */

/* the table's own values, and all others, as the file has them */
static nm_status find_in_table(double *params, const nm_model *model, const char *path,
                               const char *index_text)
{
    int64_t part[NM_MAX_AXES + 1];
    int n_parts;
    const char *names[NM_MAX_PARAMS];
    NM_TRY(parse_parts(part, &n_parts, index_text));
    if (n_parts != 1) {
        return nm_fail(NM_USAGE, "--index %s: %d numbers, but the points of this file have 1 index",
                       index_text, n_parts);
    }
    for (int i = 0; i < model->n_params; i++) {
        names[i] = model->params[i].name;
    }
    return nm_grid_nc_stored_params(path, part[0], model->n_params, names, params);
}

int nm_point_file_needs_table(const nm_config *config)
{
    return strcmp(config->design_kind, "table") == 0 &&
           nm_plan_reduce_kind(config) != NM_REDUCE_FULL;
}

nm_status nm_point_file_forget_table(nm_config *config, const char *path)
{
    char *kind = strdup("grid");
    if (!kind) {
        return nm_fail(NM_MEMORY, "no memory for the scan of %s", path);
    }
    free(config->design_kind);
    config->design_kind = kind;
    free(config->design_file);
    config->design_file = NULL;
    /* derivatives by what varies: without the table, nothing does */
    for (int i = 0; i < config->gradients.n_of; i++) {
        free(config->gradients.of[i]);
    }
    config->gradients.n_of = 0;
    return NM_OK;
}

/* An index into another table would be an answer to another question. */
static nm_status check_table(nm_plan *plan, const char *path)
{
    static const char *const backends[] = {"cuda", "cpu"};
    char fingerprint[33];
    NM_TRY(nm_grid_nc_fingerprint(path, fingerprint));
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        NM_TRY(nm_plan_set_backend(plan, backends[i]));
        if (strcmp(plan->fingerprint, fingerprint) == 0) {
            return NM_OK;
        }
    }
    return nm_fail(NM_USAGE,
                   "%s is not as it was when %s was made of it, which keeps no points; bring back "
                   "that table, and this version of nessmap",
                   plan->config->design_file, path);
}

/* --- both ------------------------------------------------------------------------------------- */

nm_status nm_point_file_find(double *params, nm_plan **plan, nm_config *config,
                             const nm_model *model, const char *path, const char *index)
{
    int needs_table = nm_point_file_needs_table(config),
        is_table = strcmp(config->design_kind, "table") == 0 && !needs_table;
    if (is_table) {
        /* a question of one point is enough */
        NM_TRY(nm_point_file_forget_table(config, path));
    }
    NM_TRY(nm_plan_build(plan, config, model, "cpu"));
    if (needs_table) {
        NM_TRY(check_table(*plan, path));
    }
    return is_table || (*plan)->refinement ? find_in_table(params, model, path, index)
                                           : find_by_rule(params, *plan, index);
}
