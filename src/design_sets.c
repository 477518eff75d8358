/* Binds the random parameters, the table and the ties of a configuration.
 *
 * 1. random parameters
 * 2. table
 * 3. ties */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "design_parts.h"
#include "expression.h"
#include "table.h"
#include "units.h"

/* --- 1. random parameters --------------------------------------------------------------------- */

static const char *const dist_names[] = {"uniform", "loguniform", "normal", "lognormal",
                                         "triangular"};

enum { N_DISTS = sizeof(dist_names) / sizeof(dist_names[0]) };

static nm_status random_quantity(double *value, const nm_binder *binder,
                                 const nm_config_random *said, const char *name,
                                 const nm_quantity *quantity, int param, int is_difference)
{
    char key[NM_KEY_BYTES];
    snprintf(key, sizeof(key), "random.%s.%s", said->name, name);
    const char *unit = binder->model->params[param].unit;
    return is_difference ? nm_design_difference(value, binder, key, quantity, unit)
                         : nm_design_convert(value, binder, key, quantity, unit);
}

static nm_status bind_moments(nm_random *random, const nm_binder *binder,
                              const nm_config_random *said)
{
    if (random->dist == NM_DIST_NORMAL) {
        NM_TRY(random_quantity(&random->a, binder, said, "mean", &said->mean, random->param, 0));
        NM_TRY(random_quantity(&random->b, binder, said, "sd", &said->sd, random->param, 1));
    } else {
        if (said->mean.text != NULL || said->sd.text != NULL) {
            return nm_fail(NM_USAGE,
                           "%srandom.%s: mean and sd of a lognormal are those of ln x with x in "
                           "%s; give plain numbers",
                           nm_config_at(binder->config, said->where), said->name,
                           binder->model->params[random->param].unit);
        }
        random->a = said->mean.number;
        random->b = said->sd.number;
    }
    if (!isfinite(random->a) || !isfinite(random->b) || random->b <= 0.0) {
        return nm_fail(
            NM_USAGE,
            "%srandom.%s: mean = %.17g, sd = %.17g, but both must be finite and sd above 0",
            nm_config_at(binder->config, said->where), said->name, random->a, random->b);
    }
    return NM_OK;
}

static nm_status bind_bounds(nm_random *random, const nm_binder *binder,
                             const nm_config_random *said)
{
    const char *unit = binder->model->params[random->param].unit;
    NM_TRY(random_quantity(&random->a, binder, said, "min", &said->min, random->param, 0));
    NM_TRY(random_quantity(&random->b, binder, said, "max", &said->max, random->param, 0));
    const char *at = nm_config_at(binder->config, said->where);
    if (random->a < random->b && !isfinite(random->b - random->a)) {
        return nm_fail(NM_USAGE, "%srandom.%s: max - min is too large for a number", at,
                       said->name);
    }
    if (random->a >= random->b) {
        return nm_fail(NM_USAGE, "%srandom.%s: min = %.17g is not below max = %.17g %s", at,
                       said->name, random->a, random->b, unit);
    }
    if (random->dist == NM_DIST_LOGUNIFORM && random->a <= 0.0) {
        return nm_fail(NM_USAGE,
                       "%srandom.%s: min = %.17g %s, but a loguniform range must lie above 0", at,
                       said->name, random->a, unit);
    }
    if (random->dist == NM_DIST_TRIANGULAR) {
        NM_TRY(random_quantity(&random->c, binder, said, "mode", &said->mode, random->param, 0));
        if (random->c < random->a || random->c > random->b) {
            return nm_fail(NM_USAGE,
                           "%srandom.%s: mode = %.17g lies outside min = %.17g to max = %.17g %s",
                           nm_config_at(binder->config, said->where), said->name, random->c,
                           random->a, random->b, unit);
        }
    }
    return NM_OK;
}

nm_status nm_design_random(nm_binder *binder)
{
    const nm_config *config = binder->config;
    nm_draw *draw = &binder->design->draw;
    if (config->n_random > NM_MAX_RANDOM) {
        return nm_fail(NM_USAGE, "%srandom: a scan has at most %d random parameters, found %d",
                       nm_config_at(config, config->random[NM_MAX_RANDOM].where), NM_MAX_RANDOM,
                       config->n_random);
    }
    for (int i = 0; i < config->n_random; i++) {
        const nm_config_random *said = &config->random[i];
        nm_random *random = &draw->random[i];
        memset(random, 0, sizeof(*random));
        NM_TRY(nm_design_param(&random->param, binder, "random", said->name, said->where));
        NM_TRY(nm_design_claim(binder, random->param, NM_ROLE_RANDOM, "random", said->where));
        while (random->dist < N_DISTS && strcmp(dist_names[random->dist], said->dist) != 0) {
            random->dist++;
        }
        if (random->dist == N_DISTS) {
            return nm_fail(
                NM_USAGE,
                "%srandom.%s.dist = \"%s\" is not known; it is one of uniform, loguniform, normal, "
                "lognormal, triangular",
                nm_config_at(config, said->where), said->name, said->dist);
        }
        int has_moments = random->dist == NM_DIST_NORMAL || random->dist == NM_DIST_LOGNORMAL;
        NM_TRY(has_moments ? bind_moments(random, binder, said)
                           : bind_bounds(random, binder, said));
        draw->n_random++;
    }
    return NM_OK;
}

/* --- 2. table --------------------------------------------------------------------------------- */

/* Converts a column into the model's unit. UDUNITS conversions are affine: two values give the
 * rule. */
static nm_status convert_column(double *column, int64_t n, const char *from, const char *to)
{
    enum { FAR = 1 << 20 }; /* far apart, so that an offset costs no digits of the slope */
    char text[NM_KEY_BYTES];
    double origin, slope, inverse;
    snprintf(text, sizeof(text), "0 %s", from);
    NM_TRY(nm_units_parse(&origin, text, to));
    snprintf(text, sizeof(text), "%d %s", origin == 0.0 ? 1 : FAR, from);
    NM_TRY(nm_units_parse(&slope, text, to));
    if (origin != 0.0) {
        slope = (slope - origin) / FAR;
        for (int64_t i = 0; i < n; i++) {
            column[i] = slope * column[i] + origin;
        }
        return NM_OK;
    }
    snprintf(text, sizeof(text), "1 %s", to);
    NM_TRY(nm_units_parse(&inverse, text, from));
    /* a division by 1000 is exact where a product with 0.001 is not */
    int divides = slope < 1.0 && inverse == floor(inverse);
    for (int64_t i = 0; i < n; i++) {
        column[i] = divides ? column[i] / inverse : column[i] * slope;
    }
    return NM_OK;
}

static nm_status bind_column(nm_binder *binder, nm_table *table, int i)
{
    const nm_config *config = binder->config;
    nm_design *design = binder->design;
    const char *name = table->name[i];
    int param;
    NM_TRY(nm_design_param(&param, binder, "design.file", name, config->design_file_where));
    NM_TRY(
        nm_design_claim(binder, param, NM_ROLE_COLUMN, "design.file", config->design_file_where));

    const nm_param_info *info = &binder->model->params[param];
    if (table->unit[i] != NULL && strcmp(table->unit[i], info->unit) != 0 &&
        convert_column(table->column[i], table->n_rows, table->unit[i], info->unit) != NM_OK) {
        return nm_fail(NM_USAGE,
                       "%sdesign.file: column \"%s [%s]\": %s; a unit like \"%s\" would be right",
                       nm_config_at(config, config->design_file_where), name, table->unit[i],
                       nm_last_error(), info->unit);
    }
    for (int64_t row = 0; row < table->n_rows; row++) {
        if (!isfinite(table->column[i][row])) {
            return nm_fail(
                NM_USAGE, "%sdesign.file: column \"%s\", set %lld: not a finite number in %s",
                nm_config_at(config, config->design_file_where), name, (long long)row, info->unit);
        }
    }

    /* the column changes hands */
    design->columns[i] = table->column[i];
    table->column[i] = NULL;
    design->draw.column[i] = design->columns[i];
    design->draw.column_param[i] = param;
    design->draw.n_columns = i + 1;
    return NM_OK;
}

nm_status nm_design_table(nm_binder *binder)
{
    const nm_config *config = binder->config;
    nm_table *table;
    if (config->design_file == NULL) {
        return nm_fail(NM_USAGE,
                       "%sdesign: kind = \"table\" needs file = \"sets.csv\" (or a NetCDF file)",
                       nm_config_at(config, config->design_where));
    }
    nm_status status = nm_table_read(&table, config->design_file);
    if (status != NM_OK) {
        return nm_fail(status, "%sdesign.file: %s", nm_config_at(config, config->design_file_where),
                       nm_last_error());
    }
    binder->design->draw.n_points = table->n_rows;
    for (int i = 0; i < table->n_columns && status == NM_OK; i++) {
        status = bind_column(binder, table, i);
    }
    nm_table_destroy(&table);
    return status;
}

/* --- 3. ties ---------------------------------------------------------------------------------- */

static nm_status read_tie(nm_tie *tie, const nm_binder *binder, const nm_named_quantity *said)
{
    const char *at = nm_config_at(binder->config, said->value.where);
    tie->constant = said->value.number;
    if (said->value.text == NULL) {
        return isfinite(tie->constant)
                   ? NM_OK
                   : nm_fail(NM_USAGE, "%stie.%s is not a finite number", at, said->name);
    }
    nm_affine affine;
    if (nm_affine_parse(&affine, said->value.text, binder->names, binder->model->n_params) !=
        NM_OK) {
        return nm_fail(NM_USAGE, "%stie.%s = \"%s\": %s", at, said->name, said->value.text,
                       nm_last_error());
    }
    if (affine.n_terms > NM_MAX_TERMS) {
        return nm_fail(NM_USAGE, "%stie.%s: a tie has at most %d parameters, found %d", at,
                       said->name, NM_MAX_TERMS, affine.n_terms);
    }
    tie->constant = affine.constant;
    tie->n_terms = affine.n_terms;
    for (int k = 0; k < affine.n_terms; k++) {
        tie->term[k] = affine.index[k];
        tie->coef[k] = affine.coef[k];
    }
    return NM_OK;
}

/* Puts the ties into an order in which each needs only those before it. */
static nm_status order_ties(nm_binder *binder, const nm_tie *ties, int n)
{
    nm_draw *draw = &binder->design->draw;
    int is_done[NM_MAX_PARAMS], is_placed[NM_MAX_TIES] = {0};
    for (int i = 0; i < binder->model->n_params; i++) {
        is_done[i] = binder->role[i] != NM_ROLE_TIE;
    }
    while (draw->n_ties < n) {
        int next = 0;
        for (; next < n; next++) {
            int is_ready = !is_placed[next];
            for (int k = 0; k < ties[next].n_terms; k++) {
                is_ready &= is_done[ties[next].term[k]];
            }
            if (is_ready) {
                break;
            }
        }
        if (next == n) {
            for (next = 0; is_placed[next]; next++) {}
            const nm_named_quantity *said = &binder->config->ties[next];
            return nm_fail(NM_USAGE,
                           "%stie.%s = \"%s\" depends, through ties, on itself; break the circle",
                           nm_config_at(binder->config, said->value.where), said->name,
                           said->value.text != NULL ? said->value.text : "");
        }
        is_placed[next] = 1;
        is_done[ties[next].param] = 1;
        draw->tie[draw->n_ties++] = ties[next];
    }
    return NM_OK;
}

nm_status nm_design_ties(nm_binder *binder)
{
    const nm_config *config = binder->config;
    nm_tie ties[NM_MAX_TIES];
    memset(ties, 0, sizeof(ties));
    if (config->n_ties > NM_MAX_TIES) {
        return nm_fail(NM_USAGE, "%stie: a scan has at most %d ties, found %d",
                       nm_config_at(config, config->ties[NM_MAX_TIES].value.where), NM_MAX_TIES,
                       config->n_ties);
    }
    for (int i = 0; i < config->n_ties; i++) {
        const nm_named_quantity *said = &config->ties[i];
        NM_TRY(nm_design_param(&ties[i].param, binder, "tie", said->name, said->value.where));
        NM_TRY(nm_design_claim(binder, ties[i].param, NM_ROLE_TIE, "tie", said->value.where));
        NM_TRY(read_tie(&ties[i], binder, said));
    }
    return order_ties(binder, ties, config->n_ties);
}
