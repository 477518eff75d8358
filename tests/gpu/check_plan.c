/* Plans of gpu_check, made by hand: no configuration, names instead of numbers. */
#include "check.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void fail(nm_check_scan *scan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void fail(nm_check_scan *scan, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scan->error, sizeof scan->error, format, arguments);
    va_end(arguments);
    scan->status = NM_USAGE;
}

static int find_param(nm_check_scan *scan, const char *name)
{
    const nm_model *model = scan->plan->model;
    for (int i = 0; i < model->n_params; i++) {
        if (strcmp(model->params[i].name, name) == 0) {
            return i;
        }
    }
    fail(scan, "model %s has no parameter %s", model->name, name);
    return -1;
}

void nm_check_start(nm_check_scan *scan, const nm_model *model)
{
    memset(scan, 0, sizeof *scan);
    scan->plan = calloc(1, sizeof *scan->plan);
    if (!scan->plan) {
        scan->status = NM_MEMORY;
        snprintf(scan->error, sizeof scan->error, "no memory for a plan");
        return;
    }
    nm_plan *plan = scan->plan;
    nm_task *task = &plan->task;
    scan->config.design_kind = "random";
    plan->model = model;
    plan->config = &scan->config;
    plan->backend = "cuda";
    task->abi = NM_ABI;
    task->solver = (nm_solver){.mode = NM_MODE_AUTO, .starts = 1, .rtol = 1e-6};
    task->draw.seed = 20240229u;
    task->draw.n_params = model->n_params;
    for (int i = 0; i < model->n_params; i++) {
        task->draw.value[i] = model->params[i].dflt;
    }
    for (int i = 0; i < NM_MAX_OUTPUTS; i++) {
        task->slot[i] = -1;
    }
    if (nm_catalogue_build(&plan->catalogue, model) != NM_OK) {
        fail(scan, "%s", nm_last_error());
    }
}

void nm_check_clear(nm_check_scan *scan)
{
    free(scan->plan);
    scan->plan = NULL;
}

static void choose(nm_check_scan *scan, const char *variant, const char *choice)
{
    const nm_model *model = scan->plan->model;
    for (int i = 0; i < model->n_variants; i++) {
        for (int k = 0;
             strcmp(model->variants[i].name, variant) == 0 && k < model->variants[i].n_choices;
             k++) {
            if (strcmp(model->variants[i].choices[k], choice) == 0) {
                scan->plan->task.choice[i] = k;
                return;
            }
        }
    }
    fail(scan, "model %s has no variant %s=%s", model->name, variant, choice);
}

void nm_check_choose(nm_check_scan *scan, const char *choices)
{
    char words[256], *rest = NULL;
    snprintf(words, sizeof words, "%s", choices ? choices : "");
    for (char *word = strtok_r(words, " ", &rest); word && scan->status == NM_OK;
         word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word, '=');
        if (!equals) {
            fail(scan, "\"%s\" is not VARIANT=CHOICE", word);
            return;
        }
        *equals = '\0';
        choose(scan, word, equals + 1);
    }
}

void nm_check_fix(nm_check_scan *scan, const char *param, double value)
{
    if (scan->status == NM_OK) {
        int i = find_param(scan, param);
        if (i >= 0) {
            scan->plan->task.draw.value[i] = value;
        }
    }
}

void nm_check_vary(nm_check_scan *scan, nm_dist dist, const char *param, double a, double b,
                   double c)
{
    if (scan->status != NM_OK) {
        return;
    }
    nm_draw *draw = &scan->plan->task.draw;
    if (draw->n_random == NM_MAX_RANDOM) {
        fail(scan, "more than %d drawn parameters", NM_MAX_RANDOM);
        return;
    }
    draw->random[draw->n_random++] =
        (nm_random){.dist = dist, .param = find_param(scan, param), .a = a, .b = b, .c = c};
}

void nm_check_axis(nm_check_scan *scan, nm_axis_scale scale, const char *param, int64_t n,
                   double low, double high, const double *values)
{
    if (scan->status != NM_OK) {
        return;
    }
    nm_draw *draw = &scan->plan->task.draw;
    if (draw->n_axes == NM_MAX_AXES) {
        fail(scan, "more than %d axes", NM_MAX_AXES);
        return;
    }
    draw->axis[draw->n_axes++] = (nm_axis){.n = n,
                                           .scale = scale,
                                           .param = find_param(scan, param),
                                           .low = low,
                                           .high = high,
                                           .values = values};
}

void nm_check_tie(nm_check_scan *scan, const char *param, double constant, const char *first,
                  double a, const char *second, double b)
{
    if (scan->status != NM_OK) {
        return;
    }
    nm_draw *draw = &scan->plan->task.draw;
    if (draw->n_ties == NM_MAX_TIES) {
        fail(scan, "more than %d ties", NM_MAX_TIES);
        return;
    }
    nm_tie *tie = &draw->tie[draw->n_ties++];
    *tie =
        (nm_tie){.param = find_param(scan, param), .n_terms = second ? 2 : 1, .constant = constant};
    tie->term[0] = find_param(scan, first);
    tie->coef[0] = a;
    if (second) {
        tie->term[1] = find_param(scan, second);
        tie->coef[1] = b;
    }
}

void nm_check_column(nm_check_scan *scan, const char *param, const double *column, int64_t n_points)
{
    if (scan->status != NM_OK) {
        return;
    }
    nm_draw *draw = &scan->plan->task.draw;
    int i = find_param(scan, param);
    if (i < 0 || draw->n_columns == NM_MAX_PARAMS) {
        return;
    }
    scan->config.design_kind = "table";
    draw->column_param[draw->n_columns] = i;
    draw->column[draw->n_columns++] = column;
    draw->n_points = n_points;
}

static void add_output(nm_plan *plan, int number)
{
    if (plan->task.slot[number] < 0) {
        plan->column_output[plan->task.n_slots] = number;
        plan->task.slot[number] = (int16_t)plan->task.n_slots++;
    }
}

void nm_check_outputs(nm_check_scan *scan, const char *names, int is_f32)
{
    if (scan->status != NM_OK) {
        return;
    }
    nm_plan *plan = scan->plan;
    plan->task.is_f32 = is_f32;
    int is_all = strcmp(names, "*") == 0, is_default = strcmp(names, "default") == 0;
    for (int i = 0; i < plan->catalogue.n; i++) {
        const nm_output *output = &plan->catalogue.output[i];
        if (output->name[0] != '\0' && (is_all || (is_default && output->is_default))) {
            add_output(plan, i);
        }
    }
    if (is_all || is_default) {
        return;
    }
    char words[1024], *rest = NULL;
    snprintf(words, sizeof words, "%s", names);
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        int number = nm_catalogue_find(&plan->catalogue, word);
        if (number < 0) {
            fail(scan, "model %s has no output %s", plan->model->name, word);
            return;
        }
        add_output(plan, number);
    }
}

static nm_status finish(nm_check_scan *scan, int64_t n_draws)
{
    if (scan->status != NM_OK) {
        return nm_fail(scan->status, "%s", scan->error);
    }
    nm_plan *plan = scan->plan;
    nm_draw *draw = &plan->task.draw;
    draw->n_draws = draw->n_columns > 0 ? 1 : n_draws;
    if (draw->n_columns == 0) {
        draw->n_points = n_draws;
        for (int i = 0; i < draw->n_axes; i++) {
            draw->n_points *= draw->axis[i].n;
        }
    }
    plan->n_points = draw->n_points;
    plan->layout = draw->n_axes > 0 ? NM_LAYOUT_GRID : NM_LAYOUT_SAMPLE;
    plan->model->prepare_draw(draw);
    return NM_OK;
}

static void store_param(nm_task *task, int param)
{
    for (int k = 0; k < task->n_stored; k++) {
        if (task->stored[k] == param) {
            return;
        }
    }
    task->stored[task->n_stored++] = param;
}

nm_status nm_check_finish(nm_check_scan *scan, int64_t n_draws, int stores_params,
                          int64_t tile_points)
{
    NM_TRY(finish(scan, n_draws));
    nm_plan *plan = scan->plan;
    const nm_draw *draw = &plan->task.draw;
    if (stores_params) {
        for (int i = 0; i < draw->n_axes; i++) {
            store_param(&plan->task, draw->axis[i].param);
        }
        for (int i = 0; i < draw->n_random; i++) {
            store_param(&plan->task, draw->random[i].param);
        }
        for (int i = 0; i < draw->n_columns; i++) {
            store_param(&plan->task, draw->column_param[i]);
        }
        for (int i = 0; i < draw->n_ties; i++) {
            store_param(&plan->task, draw->tie[i].param);
        }
    }
    nm_plan_cut_points(plan, 0);
    if (tile_points != NM_CHECK_AUTO_TILE) {
        plan->tile_points = tile_points;
        plan->n_tiles = (plan->n_points - 1) / tile_points + 1;
        plan->record_bytes = nm_plan_tile_bytes(plan, 0);
        plan->chunk_points = tile_points;
    }
    return NM_OK;
}

nm_status nm_check_finish_reduced(nm_check_scan *scan, nm_reduce_kind kind, int64_t n_draws,
                                  int64_t cell_points)
{
    NM_TRY(finish(scan, n_draws));
    /* a reduced task stores doubles and no parameters */
    scan->plan->task.is_f32 = 0;
    scan->plan->task.n_stored = 0;
    nm_plan_cut_cells(scan->plan, kind, cell_points, 0);
    return NM_OK;
}
