/* Solves points of a scan into the caller's memory, as rows: those of its design by their index, or
 * parameter sets of the caller's own. The backends of a run do the work, a batch at a time.
 *
 * 1. what stands in the rows   2. opening   3. a batch */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "plan.h"
#include "scan.h"

enum {
    LEAST_TILE = 64,      /* points: no lanes idle */
    MOST_TILE = 4096,     /* points that a thread takes at once */
    TILES_OF_A_THREAD = 4 /* so that no thread waits long for another */
};

struct nm_sampler {
    nm_plan *plan; /* stores the inputs with every point, and outputs as double */
    const nm_backend *backend;
    nm_backend_options options;
    int n_threads;
    int count[NM_SAMPLER_N_PARTS];
    nm_sampler_column *columns[NM_SAMPLER_N_PARTS]; /* owned */
    int *derivative; /* owned: [derived][by] its place among those of the plan */
};

/* --- 1. what stands in the rows ----------------------------------------------------------------- */

/* 1 where an axis, a distribution or a table gives the parameter its values. */
static int is_input(const nm_draw *draw, int param)
{
    int is_given = 0;
    for (int i = 0; i < draw->n_axes; i++) {
        is_given |= draw->axis[i].param == param;
    }
    for (int i = 0; i < draw->n_random; i++) {
        is_given |= draw->random[i].param == param;
    }
    for (int i = 0; i < draw->n_columns; i++) {
        is_given |= draw->column_param[i] == param;
    }
    return is_given && !nm_draw_is_tied(draw, param);
}

static nm_status make_room(nm_sampler *s, nm_sampler_part part, int n)
{
    s->columns[part] = calloc((size_t)n + 1, sizeof *s->columns[part]);
    return s->columns[part] ? NM_OK : nm_fail(NM_MEMORY, "no memory for the names of columns");
}

static void add(nm_sampler *s, nm_sampler_part part, const char *name, const char *unit,
                const char *text)
{
    s->columns[part][s->count[part]++] = (nm_sampler_column){name, unit, text};
}

static void add_param(nm_sampler *s, nm_sampler_part part, int param)
{
    const nm_param_info *info = &s->plan->model->params[param];
    add(s, part, info->name, info->unit, info->text);
}

/* Parameters in the order of the inputs, whatever that of output.gradients is. */
static nm_status list_derivatives(nm_sampler *s)
{
    const nm_gradients *gradients = &s->plan->task.gradients;
    int n = gradients->n_params;
    s->derivative = calloc((size_t)(gradients->n_outputs * n) + 1, sizeof *s->derivative);
    if (!s->derivative) {
        return nm_fail(NM_MEMORY, "no memory for the names of columns");
    }
    for (int p = 0; p < s->plan->model->n_params; p++) {
        for (int k = 0; k < n; k++) {
            if (gradients->param[k] == p) {
                for (int row = 0; row < gradients->n_outputs; row++) {
                    s->derivative[row * n + s->count[NM_SAMPLER_BY]] = row * n + k;
                }
                add_param(s, NM_SAMPLER_BY, p);
            }
        }
    }
    return NM_OK;
}

static nm_status list_columns(nm_sampler *s)
{
    nm_task *task = &s->plan->task;
    const nm_gradients *gradients = &task->gradients;
    const nm_catalogue *catalogue = &s->plan->catalogue;
    int n_own = task->n_slots - gradients->n_outputs * gradients->n_params;
    NM_TRY(make_room(s, NM_SAMPLER_INPUTS, s->plan->model->n_params));
    NM_TRY(make_room(s, NM_SAMPLER_OUTPUTS, n_own));
    NM_TRY(make_room(s, NM_SAMPLER_DERIVED, gradients->n_outputs));
    NM_TRY(make_room(s, NM_SAMPLER_BY, gradients->n_params));

    /* the points are stored with all inputs, those on axes among them */
    task->n_stored = 0;
    for (int p = 0; p < s->plan->model->n_params; p++) {
        if (is_input(&task->draw, p)) {
            task->stored[task->n_stored++] = p;
            add_param(s, NM_SAMPLER_INPUTS, p);
        }
    }
    for (int slot = 0; slot < n_own; slot++) {
        const nm_output *output = &catalogue->output[s->plan->column_output[slot]];
        add(s, NM_SAMPLER_OUTPUTS, output->name, output->unit, output->text);
    }
    for (int row = 0; row < gradients->n_outputs; row++) {
        for (int i = 0; i < catalogue->n; i++) {
            if (gradients->row[i] == row) {
                const nm_output *output = &catalogue->output[i];
                add(s, NM_SAMPLER_DERIVED, output->name, output->unit, output->text);
            }
        }
    }
    return list_derivatives(s);
}

int nm_sampler_columns(const nm_sampler_column **columns, const nm_sampler *s, nm_sampler_part part)
{
    *columns = s->columns[part];
    return s->count[part];
}

int64_t nm_sampler_n_points(const nm_sampler *s)
{
    return s->plan->task.draw.n_points;
}

/* --- 2. opening --------------------------------------------------------------------------------- */

static nm_status bind_plan(nm_sampler *s, const nm_scan *scan)
{
    NM_TRY(nm_plan_build(&s->plan, scan->config, scan->model, "cpu"));
    if (s->plan->refinement) {
        return nm_fail(
            NM_USAGE, "design.kind = \"refine\" chooses its points while it runs, so there is none "
                      "to solve by its index; a sampler wants axes, draws or a table");
    }
    /* whatever is kept of them in a file, here every point is wanted as it is */
    nm_task *task = &s->plan->task;
    task->reduction = (nm_reduction){.kind = NM_REDUCE_FULL, .group = 1};
    task->is_f32 = 0;
    return list_columns(s);
}

nm_status nm_sampler_open(nm_sampler **sampler, const nm_scan *scan, const char *backend,
                          int n_threads, int lanes)
{
    *sampler = NULL;
    nm_sampler *s = calloc(1, sizeof *s);
    if (!s) {
        return nm_fail(NM_MEMORY, "no memory for a sampler");
    }
    int is_absent;
    s->options = (nm_backend_options){.n_threads = n_threads, .lanes = lanes};
    s->n_threads = nm_backend_cpu_threads(n_threads);
    nm_status status = bind_plan(s, scan);
    if (status == NM_OK) {
        status = nm_backend_choose(&s->backend, backend ? backend : "cpu");
    }
    if (status == NM_OK) {
        status = s->backend ? s->backend->check(s->plan, &s->options, &is_absent)
                            : nm_backend_choose_for(&s->backend, s->plan, &s->options, NULL, NULL);
    }
    if (status != NM_OK) {
        nm_sampler_close(&s);
    }
    *sampler = s;
    return status;
}

void nm_sampler_close(nm_sampler **sampler)
{
    nm_sampler *s = *sampler;
    if (!s) {
        return;
    }
    for (int part = 0; part < NM_SAMPLER_N_PARTS; part++) {
        free(s->columns[part]);
    }
    free(s->derivative);
    nm_plan_destroy(&s->plan);
    free(s);
    *sampler = NULL;
}

/* --- 3. a batch ----------------------------------------------------------------------------------- */

typedef struct batch {
    const nm_sampler *sampler;
    const nm_plan *plan; /* its tiles are those of the batch */
    const nm_sample *out;
    pthread_mutex_t lock; /* of the cursor */
    int64_t i_next;
} batch;

static int64_t next_tile(void *context)
{
    batch *batch = context;
    pthread_mutex_lock(&batch->lock);
    int64_t i_tile = batch->i_next < batch->plan->n_tiles ? batch->i_next++ : -1;
    pthread_mutex_unlock(&batch->lock);
    return i_tile;
}

/* columns[n_columns][n], in this order or, where `order` is given, in that, into the rows [at, at + n)
 * of `rows`, which may not be wanted */
static void put_rows(void *rows, int is_f64, int64_t at, const double *columns, int n_columns,
                     const int *order, int64_t n)
{
    for (int k = 0; rows && k < n_columns; k++) {
        const double *column = columns + (order ? order[k] : k) * n;
        if (is_f64) {
            double *to = (double *)rows + at * n_columns + k;
            for (int64_t i = 0; i < n; i++) {
                to[i * n_columns] = column[i];
            }
        } else {
            float *to = (float *)rows + at * n_columns + k;
            for (int64_t i = 0; i < n; i++) {
                to[i * n_columns] = (float)column[i];
            }
        }
    }
}

static nm_status take_tile(void *context, int64_t i_tile, void *payload, int64_t bytes,
                           const nm_tile_report *report)
{
    const batch *batch = context;
    const int *count = batch->sampler->count;
    const nm_sample *out = batch->out;
    (void)bytes;
    int64_t n = report->n, at = i_tile * batch->plan->tile_points;
    int n_outputs = count[NM_SAMPLER_OUTPUTS];
    const double *values = payload, *params = values + batch->plan->task.n_slots * n;
    const uint16_t *flags = (const uint16_t *)(params + count[NM_SAMPLER_INPUTS] * n);
    put_rows(out->outputs, out->is_f64, at, values, n_outputs, NULL, n);
    put_rows(out->derivatives, out->is_f64, at, values + n_outputs * n,
             count[NM_SAMPLER_DERIVED] * count[NM_SAMPLER_BY], batch->sampler->derivative, n);
    put_rows(out->inputs, out->is_f64, at, params, count[NM_SAMPLER_INPUTS], NULL, n);
    if (out->flags) {
        memcpy(out->flags + at, flags, (size_t)n * sizeof *flags);
    }
    if (out->outcome) {
        memcpy(out->outcome + at, flags + n, (size_t)n);
    }
    return NM_OK;
}

/* Solves the points [first, first + n) of `plan`, which is made for that. */
static nm_status solve(const nm_sampler *s, const nm_sample *out, nm_plan *plan, int64_t first,
                       int64_t n)
{
    int64_t share = n / (TILES_OF_A_THREAD * s->n_threads) / LEAST_TILE * LEAST_TILE;
    plan->tile_points = share < LEAST_TILE ? LEAST_TILE : share > MOST_TILE ? MOST_TILE : share;
    plan->origin = first;
    plan->n_points = first + n;
    plan->n_tiles = (n + plan->tile_points - 1) / plan->tile_points;
    batch batch = {.sampler = s, .plan = plan, .out = out};
    nm_tile_source source = {.context = &batch, .next = next_tile, .done = take_tile};
    pthread_mutex_init(&batch.lock, NULL);
    nm_status status = s->backend->run(plan, &s->options, &source);
    pthread_mutex_destroy(&batch.lock);
    return status;
}

/* A plan of one call, so that calls may run side by side; it shares what the sampler's owns. */
static nm_status copy_plan(nm_plan **plan, const nm_sampler *s)
{
    *plan = malloc(sizeof **plan);
    if (!*plan) {
        return nm_fail(NM_MEMORY, "no memory for a batch");
    }
    memcpy(*plan, s->plan, sizeof **plan);
    return NM_OK;
}

nm_status nm_sampler_points(const nm_sampler *s, const nm_sample *out, int64_t first, int64_t n)
{
    int64_t n_points = nm_sampler_n_points(s);
    if (first < 0 || n < 0 || first > n_points || n > n_points - first) {
        return nm_fail(
            NM_USAGE,
            "%lld points from number %lld on are wanted, but the scan has %lld, and they "
            "count from 0",
            (long long)n, (long long)first, (long long)n_points);
    }
    nm_plan *plan;
    NM_TRY(copy_plan(&plan, s));
    nm_status status = solve(s, out, plan, first, n);
    free(plan);
    return status;
}

/* rows [n][n_columns] as columns [n_columns][n] of doubles */
static void turn(double *columns, const void *rows, int is_f64, int n_columns, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        for (int k = 0; k < n_columns; k++) {
            columns[k * n + i] = is_f64 ? ((const double *)rows)[i * n_columns + k]
                                        : (double)((const float *)rows)[i * n_columns + k];
        }
    }
}

nm_status nm_sampler_sets(const nm_sampler *s, const nm_sample *out, const void *sets, int64_t n)
{
    int n_inputs = s->count[NM_SAMPLER_INPUTS];
    if (n < 0 || n_inputs == 0) {
        return nm_fail(NM_USAGE, n < 0 ? "fewer than no sets are wanted"
                                       : "no parameter of this scan varies, so it takes no sets of "
                                         "your own; give them a [[random]] or an [[axis]]");
    }
    if (n > INT64_MAX / (int64_t)sizeof(double) / n_inputs) {
        return nm_fail(NM_MEMORY, "no memory for %lld sets", (long long)n);
    }
    double *columns = malloc((size_t)(n > 0 ? n : 1) * (size_t)n_inputs * sizeof *columns);
    nm_plan *plan = NULL;
    nm_status status =
        columns ? copy_plan(&plan, s) : nm_fail(NM_MEMORY, "no memory for %lld sets", (long long)n);
    if (status == NM_OK) {
        turn(columns, sets, out->is_f64, n_inputs, n);

        /* the design gives way to a table of the caller's sets; ties follow them */
        nm_draw *draw = &plan->task.draw;
        draw->n_points = n;
        draw->n_draws = n;
        draw->n_axes = draw->n_random = 0;
        draw->sequence = NM_SEQUENCE_RANDOM;
        draw->group = 1;
        draw->n_replicates = 1;
        draw->n_columns = n_inputs;
        for (int k = 0; k < n_inputs; k++) {
            draw->column_param[k] = plan->task.stored[k];
            draw->column[k] = columns + k * n;
        }
        status = solve(s, out, plan, 0, n);
    }
    free(plan);
    free(columns);
    return status;
}
