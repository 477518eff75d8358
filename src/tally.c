/* Counts of outcomes and flags, whole and along each scanned parameter. */
#include "tally.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"

#define COUNT_FLAG(name, bit, text) +1
enum { DRAWN_BINS = 256, MOST_BINS = 4096, N_FLAGS = 0 NM_FLAG_LIST(COUNT_FLAG) };
#undef COUNT_FLAG

typedef struct nm_scanned {
    int param, column; /* column of the stored parameters, or -1 for an axis */
    int n_used;        /* bins in use */
    int is_log;
    double low, high, scale; /* bin = (key(x) - key(low)) scale */
    int64_t n, stride;       /* axis: values, points between two of them */
    const nm_axis *axis;
} nm_scanned;

/* The bits of a positive double grow like a logarithm that is straight within each octave: good
 * enough to bin by, and without calling log() for every point. */
static double log_key(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (double)bits;
}

static double key_of(const nm_scanned *scanned, double x)
{
    return scanned->is_log ? log_key(x) : x;
}

static double value_of(const nm_scanned *scanned, double key)
{
    if (!scanned->is_log) {
        return key;
    }
    int64_t bits = (int64_t)key;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int stored_column(const nm_task *task, int param)
{
    for (int i = 0; i < task->n_stored && task->reduction.kind == NM_REDUCE_FULL; i++) {
        if (task->stored[i] == param) {
            return i;
        }
    }
    return -1;
}

/* Adds a drawn parameter with the bounds of its bins. */
static void scan_drawn(nm_scanned *scanned, int *n, const nm_task *task, int param, int is_log,
                       double low, double high)
{
    int column = stored_column(task, param);
    if (column < 0 || !(low < high) || *n >= NM_MAX_PARAMS) {
        return;
    }
    nm_scanned *s = &scanned[(*n)++];
    *s = (nm_scanned){
        .param = param, .column = column, .n_used = DRAWN_BINS, .is_log = is_log && low > 0};
    s->low = low;
    s->high = high;
    s->scale = DRAWN_BINS / (key_of(s, high) - key_of(s, low));
}

static void scan_random(nm_scanned *scanned, int *n, const nm_task *task, const nm_random *random)
{
    enum {
        SPREADS = 4
    }; /* standard deviations on each side; the rare rest falls into the end bins */
    double a = random->a, b = random->b;
    switch (random->dist) {
    case NM_DIST_NORMAL:
        scan_drawn(scanned, n, task, random->param, 0, a - SPREADS * b, a + SPREADS * b);
        break;
    case NM_DIST_LOGNORMAL:
        scan_drawn(scanned, n, task, random->param, 1, exp(a - SPREADS * b), exp(a + SPREADS * b));
        break;
    default:
        scan_drawn(scanned, n, task, random->param, random->dist == NM_DIST_LOGUNIFORM, a, b);
        break;
    }
}

static void scan_column(nm_scanned *scanned, int *n, const nm_plan *plan, int i_column)
{
    const nm_draw *draw = &plan->task.draw;
    const double *column = draw->column[i_column];
    int param = draw->column_param[i_column];
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < draw->n_points; i++) {
        low = column[i] < low ? column[i] : low;
        high = column[i] > high ? column[i] : high;
    }
    scan_drawn(scanned, n, &plan->task, param, plan->model->params[param].is_log, low, high);
}

static void scan_axes(nm_scanned *scanned, int *n, const nm_draw *draw)
{
    int64_t stride = draw->n_draws;
    for (int i = draw->n_axes - 1; i >= 0; i--) {
        const nm_axis *axis = &draw->axis[i];
        if (axis->n > 1) {
            scanned[(*n)++] = (nm_scanned){.param = axis->param,
                                           .column = -1,
                                           .n_used = axis->n < MOST_BINS ? (int)axis->n : MOST_BINS,
                                           .n = axis->n,
                                           .stride = stride,
                                           .axis = axis};
        }
        stride *= axis->n;
    }
}

/* First value of the axis in bin k. */
static int64_t bin_start(const nm_scanned *scanned, int k)
{
    return (k * scanned->n + scanned->n_used - 1) / scanned->n_used;
}

static void fill_edges(double *edge, const nm_scanned *scanned, const nm_plan *plan, int n_bins)
{
    for (int k = 0; k <= n_bins; k++) {
        if (k > scanned->n_used) {
            edge[k] = edge[scanned->n_used];
        } else if (scanned->column >= 0) {
            double low = key_of(scanned, scanned->low), high = key_of(scanned, scanned->high);
            edge[k] = k == 0 ? scanned->low
                      : k == scanned->n_used
                          ? scanned->high
                          : value_of(scanned, low + (high - low) * k / scanned->n_used);
        } else if (k == 0 || k == scanned->n_used) {
            edge[k] = plan->model->axis_value(scanned->axis, k == 0 ? 0 : scanned->n - 1);
        } else {
            /* half way between two values, in the sense of the axis */
            int64_t i = bin_start(scanned, k);
            double a = plan->model->axis_value(scanned->axis, i - 1);
            double b = plan->model->axis_value(scanned->axis, i);
            edge[k] = scanned->axis->scale == NM_AXIS_LOG ? sqrt(a * b) : 0.5 * (a + b);
        }
    }
}

nm_status nm_tally_create(nm_tally **tally, const nm_plan *plan)
{
    const nm_draw *draw = &plan->task.draw;
    nm_tally *t = calloc(1, sizeof *t);
    nm_scanned *scanned = calloc(NM_MAX_PARAMS, sizeof *scanned);
    *tally = t;
    if (!t || !scanned) {
        free(scanned);
        nm_tally_destroy(tally);
        return nm_fail(NM_MEMORY, "out of memory for the counts of the summary");
    }
    t->scanned = scanned;
    if (plan->task.reduction.kind != NM_REDUCE_SUMMARY &&
        plan->task.reduction.kind != NM_REDUCE_SCATTER) {
        scan_axes(scanned, &t->n_scanned, draw);
    }
    for (int i = 0; i < draw->n_random; i++) {
        scan_random(scanned, &t->n_scanned, &plan->task, &draw->random[i]);
    }
    for (int i = 0; i < draw->n_columns; i++) {
        scan_column(scanned, &t->n_scanned, plan, i);
    }

    for (int i = 0; i < t->n_scanned; i++) {
        t->scanned_param[i] = scanned[i].param;
        t->n_bins = scanned[i].n_used > t->n_bins ? scanned[i].n_used : t->n_bins;
    }
    size_t n_cells = (size_t)t->n_scanned * (size_t)t->n_bins;
    t->bin_edge = calloc(n_cells + (size_t)t->n_scanned + 1, sizeof *t->bin_edge);
    t->bin_count = calloc(n_cells * NM_N_OUTCOMES + 1, sizeof *t->bin_count);
    if (!t->bin_edge || !t->bin_count) {
        nm_tally_destroy(tally);
        return nm_fail(NM_MEMORY, "out of memory for the counts of the summary");
    }
    for (int i = 0; i < t->n_scanned; i++) {
        fill_edges(t->bin_edge + (size_t)i * ((size_t)t->n_bins + 1), &scanned[i], plan, t->n_bins);
    }
    return NM_OK;
}

/* Counts runs of points that share a value of the axis. */
static void add_axis(int64_t *count, const nm_scanned *scanned, int64_t first, int64_t n,
                     const int8_t *outcome)
{
    for (int64_t i = 0; i < n;) {
        int64_t at = first + i;
        int64_t run = scanned->stride - at % scanned->stride;
        int64_t end = run < n - i ? i + run : n;
        int64_t bin = at / scanned->stride % scanned->n * scanned->n_used / scanned->n;
        int64_t *cell = count + bin * NM_N_OUTCOMES;
        for (; i < end; i++) {
            cell[outcome[i]]++;
        }
    }
}

static void add_drawn(int64_t *count, const nm_scanned *scanned, int64_t n, const int8_t *outcome,
                      const double *value)
{
    double low = key_of(scanned, scanned->low), last = scanned->n_used - 1;
    for (int64_t i = 0; i < n; i++) {
        double x = value[i] > scanned->low ? value[i] : scanned->low;
        double bin = (key_of(scanned, x) - low) * scanned->scale;
        count[(int)(bin < last ? bin : last) * NM_N_OUTCOMES + outcome[i]]++;
    }
}

/* Keeps the lowest points, rising, whatever their order. */
static void locate(nm_tally *tally, int64_t point)
{
    int at = tally->n_located;
    while (at > 0 && tally->located[at - 1] > point) {
        at--;
    }
    if (at == NM_LOCATED) {
        return;
    }
    tally->n_located += tally->n_located < NM_LOCATED;
    for (int i = tally->n_located - 1; i > at; i--) {
        tally->located[i] = tally->located[i - 1];
    }
    tally->located[at] = point;
}

nm_status nm_tally_add(nm_tally *tally, int64_t first, int64_t n, const int8_t *outcome,
                       const uint16_t *flags, const double *params)
{
    for (int64_t i = 0; i < n; i++) {
        if (outcome[i] < 0 || outcome[i] >= NM_N_OUTCOMES) {
            return nm_fail(NM_IO, "point %" PRId64 " has the outcome %d, which does not exist",
                           first + i, outcome[i]);
        }
    }
    int64_t by_flags[1 << N_FLAGS] = {0};
    tally->n_points += n;
    for (int64_t i = 0; i < n; i++) {
        tally->count[outcome[i]]++;
        by_flags[flags[i] & ((1 << N_FLAGS) - 1)]++;
        if (nm_outcome_has_failed(outcome[i])) {
            locate(tally, first + i);
        }
    }
    for (int k = 0; k < 1 << N_FLAGS; k++) {
        for (int bit = 0; by_flags[k] > 0 && bit < N_FLAGS; bit++) {
            tally->flag_count[bit] += (k >> bit & 1) ? by_flags[k] : 0;
        }
    }
    for (int s = 0; s < tally->n_scanned; s++) {
        const nm_scanned *scanned = &tally->scanned[s];
        int64_t *count = tally->bin_count + (size_t)s * (size_t)tally->n_bins * NM_N_OUTCOMES;
        if (scanned->column < 0) {
            add_axis(count, scanned, first, n, outcome);
        } else {
            add_drawn(count, scanned, n, outcome, params + scanned->column * n);
        }
    }
    return NM_OK;
}

nm_status nm_tally_add_cell(nm_tally *tally, int64_t first, int64_t n, const int64_t *outcome,
                            const int64_t *flags)
{
    int64_t sum = 0;
    int is_sane = 1;
    for (int i = 0; i < NM_N_OUTCOMES; i++) {
        sum += outcome[i];
        is_sane = is_sane && outcome[i] >= 0 && outcome[i] <= n;
    }
    for (int bit = 0; bit < N_FLAGS; bit++) {
        is_sane = is_sane && flags[bit] >= 0 && flags[bit] <= n;
    }
    if (!is_sane || sum != n) {
        return nm_fail(NM_IO,
                       "the cell of points %" PRId64 " to %" PRId64
                       " has counts that are not those of so many points",
                       first, first + n - 1);
    }
    tally->n_points += n;
    for (int bit = 0; bit < N_FLAGS; bit++) {
        tally->flag_count[bit] += flags[bit];
    }
    for (int i = 0; i < NM_N_OUTCOMES; i++) {
        tally->count[i] += outcome[i];
        for (int s = 0; s < tally->n_scanned; s++) {
            const nm_scanned *scanned = &tally->scanned[s];
            int64_t bin = first / scanned->stride % scanned->n * scanned->n_used / scanned->n;
            tally->bin_count[(s * tally->n_bins + bin) * NM_N_OUTCOMES + i] += outcome[i];
        }
    }
    return NM_OK;
}

void nm_tally_locate(nm_tally *tally, const int64_t *located)
{
    for (int i = 0; i < NM_LOCATED && located[i] >= 0 && tally->n_located < NM_LOCATED; i++) {
        tally->located[tally->n_located++] = located[i];
    }
}

void nm_tally_destroy(nm_tally **tally)
{
    if (*tally) {
        free((*tally)->bin_edge);
        free((*tally)->bin_count);
        free((*tally)->scanned);
        free(*tally);
        *tally = NULL;
    }
}
