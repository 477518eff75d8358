/* Plans the words of records and reads them.
 *
 *   1. bins along outputs and parameters   2. the others   3. the pilot   4. reading */
#include "projection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan_parts.h"
#include "units.h"
#include "words.h"

enum {
    MOST_RECORD = 256 << 20, /* bytes of the words of a record */
    SPREAD_BITS =
        40 /* the pilot's values reach 2^40 from their centre; what is beyond 2^48 is told */
};

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 unsigned_wide;

static nm_reduction *reduction_of(nm_plan *plan)
{
    return &plan->task.reduction;
}

/* --- 1. bins along outputs and parameters ------------------------------------------------------ */

const char *nm_projection_axis_name(const nm_plan *plan, int axis, const char **unit,
                                    const char **text)
{
    const int source = plan->projections[0].axis[axis].source;
    if (source >= 0) {
        const nm_output *output = &plan->catalogue.output[plan->column_output[source]];
        *unit = output->unit;
        *text = output->text;
        return output->name;
    }
    const nm_param_info *info = &plan->model->params[plan->task.stored[-1 - source]];
    *unit = info->unit;
    *text = info->text;
    return info->name;
}

/* 1 if a parameter differs between points */
static int varies(const nm_draw *draw, int param)
{
    int does = 0;
    for (int i = 0; i < draw->n_axes; i++) {
        does |= draw->axis[i].param == param;
    }
    for (int i = 0; i < draw->n_random; i++) {
        does |= draw->random[i].param == param;
    }
    for (int i = 0; i < draw->n_columns; i++) {
        does |= draw->column_param[i] == param;
    }
    for (int i = 0; i < draw->n_ties; i++) {
        does |= draw->tie[i].param == param;
    }
    return does;
}

static int store(nm_task *task, int param)
{
    for (int i = 0; i < task->n_stored; i++) {
        if (task->stored[i] == param) {
            return -1 - i;
        }
    }
    task->stored[task->n_stored] = param;
    return -1 - task->n_stored++;
}

static nm_status bind_source(nm_projected *axis, nm_plan *plan, const nm_config_axis *said,
                             const char **unit)
{
    const char *at = nm_config_at(plan->config, said->where);
    const int output = nm_catalogue_find(&plan->catalogue, said->name),
              param = nm_param_index(plan->model, said->name);
    if (output >= 0) {
        axis->source = plan->task.slot[output];
        *unit = plan->catalogue.output[output].unit;
        return NM_OK;
    }
    if (param >= 0 && varies(&plan->task.draw, param)) {
        axis->source = store(&plan->task, param);
        *unit = plan->model->params[param].unit;
        return NM_OK;
    }
    if (param >= 0) {
        return nm_fail(NM_USAGE,
                       "%sreduce.axes: %s is the same at every point; an axis of bins is an output "
                       "or a parameter that varies",
                       at, said->name);
    }
    const char *names[NM_MAX_OUTPUTS + NM_MAX_PARAMS];
    size_t n = 0;
    for (int i = 0; i < plan->catalogue.n; i++) {
        if (plan->catalogue.output[i].name[0] != '\0') {
            names[n++] = plan->catalogue.output[i].name;
        }
    }
    for (int i = 0; i < plan->model->n_params; i++) {
        names[n++] = plan->model->params[i].name;
    }
    const char *near = nm_nearest(said->name, names, n);
    return near ? nm_fail(NM_USAGE,
                          "%sreduce.axes: %s has no output or parameter \"%s\"; did you mean "
                          "\"%s\"?",
                          at, plan->model->name, said->name, near)
                : nm_fail(NM_USAGE,
                          "%sreduce.axes: %s has no output or parameter \"%s\"; `nessmap models "
                          "%s` lists them",
                          at, plan->model->name, said->name, plan->model->name);
}

static nm_status convert(double *value, const nm_plan *plan, const nm_config_axis *said,
                         const char *key, const nm_quantity *quantity, const char *unit)
{
    *value = quantity->number;
    if (quantity->text && nm_units_parse(value, quantity->text, unit) != NM_OK) {
        return nm_fail(NM_USAGE,
                       "%sreduce.axes.%s.%s = \"%s\": %s; give a number, or a text in a unit like "
                       "\"%s\"",
                       nm_config_at(plan->config, quantity->where), said->name, key, quantity->text,
                       nm_last_error(), unit);
    }
    return NM_OK;
}

/* is_log: what holds for the parameter or output where the configuration says nothing */
static nm_status bind_edges(nm_axis *axis, const nm_plan *plan, const nm_config_axis *said,
                            const char *unit, int is_log)
{
    is_log = said->is_log < 0 ? is_log : said->is_log;
    *axis = (nm_axis){.scale = is_log ? NM_AXIS_LOG : NM_AXIS_LINEAR};
    NM_TRY(convert(&axis->low, plan, said, "min", &said->min, unit));
    NM_TRY(convert(&axis->high, plan, said, "max", &said->max, unit));
    const char *problem = !(axis->low < axis->high) ? "min must be below max"
                          : is_log && !(axis->low > 0.0)
                              ? said->is_log < 0
                                    ? "bins on a log scale, the model's choice, must lie "
                                      "above 0; raise them or say scale = \"linear\""
                                    : "bins on a log scale must lie above 0"
                              : NULL;
    if (problem) {
        return nm_fail(NM_USAGE, "%sreduce.axes.%s: %.15g to %.15g %s, but %s",
                       nm_config_at(plan->config, said->where), said->name, axis->low, axis->high,
                       unit, problem);
    }
    return NM_OK;
}

static nm_status take_table(nm_plan *plan, int n_projections, int64_t n_table)
{
    nm_reduction *r = reduction_of(plan);
    plan->projections = calloc((size_t)n_projections, sizeof *plan->projections);
    plan->table = calloc((size_t)n_table, sizeof *plan->table);
    if (!plan->projections || !plan->table) {
        return nm_fail(NM_MEMORY, "no memory for the bins");
    }
    r->n_projections = n_projections;
    r->n_table = n_table;
    r->projections = plan->projections;
    r->table = plan->table;
    return NM_OK;
}

static nm_status plan_scatter(nm_plan *plan)
{
    const nm_config_reduce *reduce = &plan->config->reduce;
    const char *at = nm_config_at(plan->config, reduce->axes[0].where);
    const int n_slots = plan->task.n_slots, n_axes = reduce->n_axes;
    nm_reduction *r = reduction_of(plan);
    nm_axis axis[NM_MAX_PROJECTED];
    nm_projection p = {.n_axes = n_axes, .keep = NM_KEEP_MOMENTS, .n_bins = 1, .first = n_slots};
    int64_t n_table = 2 * (int64_t)n_slots;
    const int64_t per_bin = NM_N_OUTCOMES + 8 * (int64_t)n_slots,
                  most = MOST_RECORD / (int64_t)sizeof(int64_t) / per_bin;
    for (int i = 0; i < n_axes; i++) {
        const char *unit;
        NM_TRY(bind_source(&p.axis[i], plan, &reduce->axes[i], &unit));
        const int source = p.axis[i].source,
                  is_log = source < 0 && plan->model->params[plan->task.stored[-1 - source]].is_log;
        NM_TRY(bind_edges(&axis[i], plan, &reduce->axes[i], unit, is_log));
        plan->bins_are_log[i] = axis[i].scale == NM_AXIS_LOG;
        const int64_t n = reduce->axes[i].n;
        p.axis[i].n = (int32_t)n;
        p.axis[i].edges = n_table;
        n_table += n + 1;
        p.n_bins = p.n_bins > most ? p.n_bins : p.n_bins * n;
    }
    if (p.n_bins >= most) {
        char count[NM_WORDS];
        return nm_fail(
            NM_USAGE,
            "%sreduce.axes: with %d variables there may be %s bins at most, so that they "
            "fit 256 MiB; lower n, or name fewer variables",
            at, n_slots, nm_words_count(count, most - 1));
    }
    if (plan->n_points > INT64_C(1) << 31) {
        return nm_fail(NM_USAGE,
                       "%sreduce.axes: bins take up to 2147483648 points, and this scan has %lld; "
                       "lower design.n",
                       at, (long long)plan->n_points);
    }
    p.n_bins++;
    NM_TRY(take_table(plan, 1, n_table));
    for (int i = 0; i < n_axes; i++) {
        nm_edges_of_axis(plan->table + p.axis[i].edges, p.axis[i].n, &axis[i]);
    }
    plan->projections[0] = p;
    r->first_extreme = p.first + p.n_bins * (NM_N_OUTCOMES + 6 * n_slots);
    r->n_words = r->first_extreme + p.n_bins * 2 * n_slots;
    return NM_OK;
}

/* --- 2. the others ------------------------------------------------------------------------------ */

/* Bins of equal probability along each input. */
static nm_status plan_given(nm_plan *plan, int64_t cell_points)
{
    const nm_draw *draw = &plan->task.draw;
    const int n_slots = plan->task.n_slots, d = draw->n_random;
    nm_reduction *r = reduction_of(plan);
    int32_t n = NM_GIVEN_BINS;
    while (n > 2 && cell_points / n < NM_GIVEN_POINTS) {
        n /= 2;
    }
    if (cell_points > INT64_C(1) << 31) {
        return nm_fail(NM_USAGE,
                       "%sdesign: indices take up to 2147483648 points of a randomisation; raise "
                       "replicates",
                       nm_config_at(plan->config, plan->config->design_where));
    }
    NM_TRY(take_table(plan, d, 2 * n_slots + (int64_t)d * (n + 1)));
    int64_t word = n_slots, edge = 2 * n_slots;
    for (int i = 0; i < d; i++) {
        nm_projection *p = &plan->projections[i];
        *p = (nm_projection){.n_axes = 1, .keep = NM_KEEP_SUMS, .n_bins = n + 1, .first = word};
        p->axis[0].source = store(&plan->task, draw->random[i].param);
        p->axis[0].n = n;
        p->axis[0].edges = edge;
        nm_edges_of_random(plan->table + edge, n, &draw->random[i]);
        edge += n + 1;
        word += p->n_bins * (NM_N_OUTCOMES + 3 * n_slots);
    }
    r->n_words = r->first_extreme = word;
    return NM_OK;
}

static nm_status plan_quantiles(nm_plan *plan, int64_t cell_points)
{
    nm_reduction *r = reduction_of(plan);
    const int n_slots = plan->task.n_slots;
    r->n_quantiles = plan->config->reduce.n_quantiles;
    memcpy(r->quantile, plan->config->reduce.quantiles,
           (size_t)r->n_quantiles * sizeof *r->quantile);
    if (cell_points <= NM_EXACT_POINTS || n_slots == 0) {
        r->n_words = r->first_extreme = (int64_t)n_slots * r->n_quantiles;
        return NM_OK;
    }
    NM_TRY(take_table(plan, n_slots, 2 * n_slots + (int64_t)n_slots * (NM_QUANTILE_BINS + 1)));
    for (int slot = 0; slot < n_slots; slot++) {
        nm_projection *p = &plan->projections[slot];
        *p = (nm_projection){.n_axes = 1, .keep = NM_KEEP_COUNT, .n_bins = NM_QUANTILE_BINS + 1};
        p->first = n_slots + slot * p->n_bins;
        p->axis[0].source = slot;
        p->axis[0].n = NM_QUANTILE_BINS;
        p->axis[0].edges = 2 * n_slots + (int64_t)slot * (NM_QUANTILE_BINS + 1);
    }
    r->n_words = r->first_extreme = n_slots + (int64_t)n_slots * (NM_QUANTILE_BINS + 1);
    return NM_OK;
}

nm_status nm_projection_plan(nm_plan *plan, nm_reduce_kind kind, int64_t cell_points)
{
    if (kind == NM_REDUCE_SCATTER) {
        return plan_scatter(plan);
    }
    if (kind == NM_REDUCE_GIVEN) {
        return plan_given(plan, cell_points);
    }
    return plan->config->reduce.n_quantiles > 0 ? plan_quantiles(plan, cell_points) : NM_OK;
}

void nm_projection_clear(nm_plan *plan)
{
    free(plan->projections);
    free(plan->table);
    plan->projections = NULL;
    plan->table = NULL;
}

/* --- 3. the pilot ------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* edges[n + 1], open at both ends, between which the sorted x[m] are even */
static void fit_edges(double *edges, int n, const double *x, int64_t m)
{
    edges[0] = -INFINITY;
    edges[n] = INFINITY;
    for (int i = 1; i < n; i++) {
        const double rank = m > 0 ? (double)(m - 1) * (double)(i - 1) / (double)(n - 2) : 0.0;
        const int64_t k = (int64_t)rank;
        const double next = k + 1 < m ? x[k + 1] : m > 0 ? x[k] : 0.0;
        edges[i] = m == 0 ? 0.0 : x[k] + (next - x[k]) * (rank - (double)k);
        edges[i] = i > 1 && edges[i] < edges[i - 1] ? edges[i - 1] : edges[i];
    }
}

void nm_projection_fit(nm_plan *plan, double *values, int64_t n)
{
    const nm_reduction *r = reduction_of(plan);
    for (int slot = 0; slot < plan->task.n_slots; slot++) {
        double *x = values + slot * n;
        int64_t m = 0;
        for (int64_t i = 0; i < n; i++) {
            if (isfinite(x[i])) {
                x[m++] = x[i];
            }
        }
        qsort(x, (size_t)m, sizeof *x, compare);
        const double low = m > 0 ? x[0] : 0.0, high = m > 0 ? x[m - 1] : 0.0,
                     centre = 0.5 * low + 0.5 * high;
        double reach = 0.5 * high - 0.5 * low;
        reach = reach > 0.0 ? reach : centre != 0.0 ? fabs(centre) : 1.0;
        int exponent;
        frexp(reach, &exponent);
        exponent = SPREAD_BITS - exponent < 1000 ? SPREAD_BITS - exponent : 1000;
        plan->table[2 * slot] = centre;
        plan->table[2 * slot + 1] = ldexp(1.0, exponent > -1000 ? exponent : -1000);
        if (r->projections[0].keep == NM_KEEP_COUNT) {
            fit_edges(plan->table + r->projections[slot].axis[0].edges, NM_QUANTILE_BINS, x, m);
        }
    }
}

/* --- 4. reading --------------------------------------------------------------------------------- */

const int64_t *nm_bin_outcomes(const int64_t *words, const nm_reduction *r, int projection,
                               int64_t bin)
{
    const nm_projection *p = &r->projections[projection];
    return words + p->first + bin * NM_BIN_WORDS(p, r->n_slots);
}

/* a sum from its two digits */
static wide sum_of(const int64_t *word)
{
    return (wide)word[2] * ((wide)1 << 32) + (wide)(uint64_t)word[1];
}

nm_bin nm_bin_find(const int64_t *words, const nm_reduction *r, int64_t bin, int slot)
{
    const int64_t *word = nm_bin_outcomes(words, r, 0, bin) + NM_N_OUTCOMES + 6 * slot,
                  *extreme = words + r->first_extreme + (bin * r->n_slots + slot) * 2;
    const double centre = r->table[2 * slot], scale = r->table[2 * slot + 1];
    nm_bin found = {.n = word[0], .mean = NAN, .sd = NAN, .min = NAN, .max = NAN};
    if (found.n == 0) {
        return found;
    }
    /* squares about the whole number nearest to the mean: exact, for they are less than 2^128 */
    const double n = (double)found.n;
    const wide sum = sum_of(word);
    const double mean = (double)sum / n;
    const wide middle = (wide)rint(mean);
    const unsigned_wide squares = (unsigned_wide)(uint64_t)word[3] +
                                  ((unsigned_wide)(uint64_t)word[4] << 32) +
                                  ((unsigned_wide)(uint64_t)word[5] << 64),
                        about = squares - (unsigned_wide)(2 * middle) * (unsigned_wide)sum +
                                (unsigned_wide)(middle * middle) * (unsigned_wide)found.n;
    const double off = (double)(sum - middle * (wide)found.n) / n;
    found.mean = centre + ((double)middle + off) / scale;
    if (found.n > 1) {
        const double m2 = (double)about - n * off * off;
        found.sd = sqrt((m2 > 0.0 ? m2 : 0.0) / (n - 1.0)) / scale;
    }
    found.min = nm_extreme_of(extreme[0]);
    found.max = nm_extreme_of(~extreme[1]);
    return found;
}

void nm_given_indicator(double *mean, double *variance, double *n, const int64_t *words,
                        const nm_reduction *r, int indicator)
{
    int64_t total = 0, hits = 0;
    for (int64_t bin = 0; bin < r->projections[0].n_bins; bin++) {
        const int64_t *count = nm_bin_outcomes(words, r, 0, bin);
        for (int k = 0; k < NM_N_OUTCOMES; k++) {
            total += count[k];
            hits += nm_indicator_of(indicator, k) > 0.0 ? count[k] : 0;
        }
    }
    *n = (double)total;
    *mean = total > 0 ? (double)hits / *n : NAN;
    *variance = *mean * (1.0 - *mean);
}

double nm_given_index(const int64_t *words, const nm_reduction *r, const nm_stat *stat, int input,
                      int quantity, int is_independent)
{
    const int indicator = quantity - r->n_slots;
    const int64_t n_bins = r->projections[input].n_bins;
    const double scale = indicator < 0 ? r->table[2 * quantity + 1] : 1.0;
    double sum = 0.0, n = 0.0, between = 0.0, n_used = 0.0, variance, mean;
    wide whole = 0;
    if (indicator >= 0) {
        nm_given_indicator(&mean, &variance, &n, words, r, indicator);
    } else {
        for (int64_t bin = 0; bin < n_bins; bin++) {
            const int64_t *word =
                nm_bin_outcomes(words, r, input, bin) + NM_N_OUTCOMES + 3 * quantity;
            n += (double)word[0];
            whole += sum_of(word);
        }
        mean = (double)whole / n;
        variance = stat->m2 / (double)stat->n * scale * scale;
    }
    if (!(n > 0.0) || !(variance > 0.0)) {
        return NAN;
    }
    for (int64_t bin = 0; bin < n_bins; bin++) {
        const int64_t *count = nm_bin_outcomes(words, r, input, bin);
        double in_bin = 0.0;
        if (indicator >= 0) {
            sum = 0.0;
            for (int k = 0; k < NM_N_OUTCOMES; k++) {
                in_bin += (double)count[k];
                sum += nm_indicator_of(indicator, k) * (double)count[k];
            }
        } else {
            in_bin = (double)count[NM_N_OUTCOMES + 3 * quantity];
            sum = (double)sum_of(count + NM_N_OUTCOMES + 3 * quantity);
        }
        if (in_bin > 0.0) {
            const double apart = sum / in_bin - mean;
            between += in_bin * apart * apart;
            n_used += 1.0;
        }
    }
    const double index = between / (n * variance);
    return is_independent && n > n_used ? index - (1.0 - index) * (n_used - 1.0) / (n - n_used)
                                        : index;
}

double nm_quantile_find(const int64_t *words, const nm_reduction *r, const nm_stat *stat, int slot,
                        int k)
{
    double exact;
    if (r->n_projections == 0) {
        memcpy(&exact, words + slot * r->n_quantiles + k, sizeof exact);
        return exact;
    }
    const nm_projection *p = &r->projections[slot];
    const int64_t *count = words + p->first;
    const double *edge = r->table + p->axis[0].edges, rank = (double)(stat->n - 1) * r->quantile[k];
    double before = 0.0;
    int bin = 0;
    if (stat->n == 0) {
        return NAN;
    }
    while (bin < p->axis[0].n - 1 && before + (double)count[bin] <= rank) {
        before += (double)count[bin++];
    }
    const double low = fmax(edge[bin], stat->min), high = fmin(edge[bin + 1], stat->max);
    const double share = count[bin] > 0 ? (rank - before + 0.5) / (double)count[bin] : 0.5;
    return low + (high - low) * fmin(share, 1.0);
}

int64_t nm_projection_clamped(const int64_t *words, const nm_reduction *r)
{
    int64_t sum = 0;
    for (int slot = 0; slot < r->n_slots && r->n_projections > 0; slot++) {
        sum += words[slot];
    }
    return sum;
}
