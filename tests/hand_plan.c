/* Plans written by hand, for tests of the journal and of the file. */
#include "hand_plan.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- a model of names only ------------------------------------------------------------------- */

static void hand_prepare_draw(nm_draw *draw)
{
    (void)draw;
}

static double hand_axis_value(const nm_axis *axis, int64_t i)
{
    if (axis->values) {
        return axis->values[i];
    }
    double t = axis->n > 1 ? (double)i / (double)(axis->n - 1) : 0.0;
    return axis->scale == NM_AXIS_LOG ? axis->low * pow(axis->high / axis->low, t)
                                      : axis->low + t * (axis->high - axis->low);
}

static double hand_noise(int64_t index)
{
    uint64_t bits = (uint64_t)(index + 1) * 0x9e3779b97f4a7c15u;
    bits = (bits ^ (bits >> 29)) * 0xbf58476d1ce4e5b9u;
    return (double)(bits >> 11) * 0x1p-53;
}

void nm_hand_draw(const nm_draw *draw, int64_t index, double *params)
{
    memcpy(params, draw->value, (size_t)draw->n_params * sizeof *params);
    int64_t cell = index / draw->n_draws;
    for (int i = draw->n_axes - 1; i >= 0; i--) {
        params[draw->axis[i].param] = hand_axis_value(&draw->axis[i], cell % draw->axis[i].n);
        cell /= draw->axis[i].n;
    }
    for (int i = 0; i < draw->n_random; i++) {
        const nm_random *r = &draw->random[i];
        double u = hand_noise(index);
        params[r->param] =
            r->dist == NM_DIST_LOGUNIFORM ? r->a * pow(r->b / r->a, u) : r->a + u * (r->b - r->a);
    }
    for (int i = 0; i < draw->n_columns; i++) {
        params[draw->column_param[i]] = draw->column[i][index];
    }
    for (int i = 0; i < draw->n_ties; i++) {
        double sum = draw->tie[i].constant;
        for (int k = 0; k < draw->tie[i].n_terms; k++) {
            sum += draw->tie[i].coef[k] * params[draw->tie[i].term[k]];
        }
        params[draw->tie[i].param] = sum;
    }
}

static const nm_param_info hand_params[NM_HAND_N_PARAMS] = {
    {"a", "S m-2", 1, 0.1, 10, 1, "first"},
    {"b", "J mol-1", 0, -1, 1, 0, "second"},
    {"c", "1", 0, 0, 1, 0, "third"},
    {"r", "mol m-3", 1, 0.1, 10, 1, "drawn"},
    {"tied_axes", "1", 0, 0, 1, 0, "follows from b and c"},
    {"tied_drawn", "1", 0, 0, 1, 0, "follows from r"},
    {"T", "K", 310.15, 273, 323, 0, "temperature"},
};

static const char *const hand_choices[] = {"ohmic", "ghk"};
static const nm_variant_info hand_variants[] = {{"leak", 2, hand_choices}};

const nm_model nm_hand_model = {
    .abi = NM_ABI,
    .struct_bytes = sizeof(nm_model),
    .name = "hand",
    .extent = "m-2",
    .growth = "lysis",
    .n_params = NM_HAND_N_PARAMS,
    .n_variants = 1,
    .params = hand_params,
    .variants = hand_variants,
    .draw = nm_hand_draw,
    .axis_value = hand_axis_value,
    .prepare_draw = hand_prepare_draw,
};

/* --- plans ----------------------------------------------------------------------------------- */

static const double hand_list[] = {-1.0, 0.5, 3.0, 7.0, 7.5, 11.0, 20.0};

/* Fills a plan without points: three outputs in `bits` precision; the caller adds axes or draws,
 * then finishes. */
void nm_hand_start(nm_plan *plan, nm_config *config, int bits)
{
    memset(plan, 0, sizeof *plan);
    memset(config, 0, sizeof *config);
    config->resolved = "model = \"hand\"\n[fixed]\nT = 310.15 # \"quoted\" '''text'''\n";
    config->design_kind = "grid";
    plan->model = &nm_hand_model;
    plan->config = config;
    plan->backend = "cpu";
    strcpy(plan->fingerprint, "0123456789abcdef0123456789abcdef");
    plan->task.abi = NM_ABI;
    plan->task.choice[0] = 1;
    plan->task.is_f32 = bits == 32;
    plan->task.solver.rtol = 1e-8;
    plan->task.draw.n_params = NM_HAND_N_PARAMS;
    plan->task.draw.seed = 0xffffffffffffffffu;
    for (int i = 0; i < NM_HAND_N_PARAMS; i++) {
        plan->task.draw.value[i] = hand_params[i].dflt;
    }
    static const char *const names[] = {"V", "tau_slow", "sigma_total"}, *const units[] = {
                                                                             "V", "s", "W m-2 K-1"};
    plan->catalogue.n = plan->task.n_slots = 3;
    for (int i = 0; i < 3; i++) {
        strcpy(plan->catalogue.output[i].name, names[i]);
        strcpy(plan->catalogue.output[i].unit, units[i]);
        strcpy(plan->catalogue.output[i].text, "an output");
        plan->column_output[i] = i;
    }
}

void nm_hand_axis(nm_plan *plan, int param, nm_axis_scale scale, int64_t n, double low, double high)
{
    nm_axis *axis = &plan->task.draw.axis[plan->task.draw.n_axes++];
    *axis = (nm_axis){.n = n, .scale = scale, .param = param, .low = low, .high = high};
    axis->values = scale == NM_AXIS_LIST ? hand_list : NULL;
}

/* tied_axes = 2 + b + 3 c */
void nm_hand_tie_axes(nm_plan *plan)
{
    nm_tie *tie = &plan->task.draw.tie[plan->task.draw.n_ties++];
    *tie = (nm_tie){.param = NM_HAND_tied_axes, .n_terms = 2, .constant = 2.0};
    tie->term[0] = NM_HAND_b;
    tie->coef[0] = 1.0;
    tie->term[1] = NM_HAND_c;
    tie->coef[1] = 3.0;
}

/* r is drawn, tied_drawn = 1 - r; both are stored */
void nm_hand_random(nm_plan *plan, int64_t n_draws)
{
    nm_draw *draw = &plan->task.draw;
    draw->random[draw->n_random++] =
        (nm_random){.dist = NM_DIST_LOGUNIFORM, .param = NM_HAND_r, .a = 0.1, .b = 10.0};
    nm_tie *tie = &draw->tie[draw->n_ties++];
    *tie = (nm_tie){.param = NM_HAND_tied_drawn, .n_terms = 1, .constant = 1.0};
    tie->term[0] = NM_HAND_r;
    tie->coef[0] = -1.0;
    draw->n_draws = n_draws;
    plan->task.stored[plan->task.n_stored++] = NM_HAND_r;
    plan->task.stored[plan->task.n_stored++] = NM_HAND_tied_drawn;
}

void nm_hand_finish(nm_plan *plan, int64_t tile_points)
{
    nm_draw *draw = &plan->task.draw;
    draw->n_draws = draw->n_draws ? draw->n_draws : 1;
    plan->n_points = draw->n_columns > 0 ? draw->n_points : draw->n_draws;
    for (int i = 0; i < draw->n_axes; i++) {
        plan->n_points *= draw->axis[i].n;
    }
    draw->n_points = plan->n_points;
    plan->layout = draw->n_axes > 0 ? NM_LAYOUT_GRID : NM_LAYOUT_SAMPLE;
    plan->tile_points = tile_points;
    plan->n_tiles = (plan->n_points + tile_points - 1) / tile_points;
    plan->record_bytes = nm_plan_tile_bytes(plan, 0);
}

/* --- what the points hold -------------------------------------------------------------------- */

int nm_hand_outcome(int64_t i)
{
    return (int)(i * 7 / 5 % NM_OUTCOME_not_run);
}
int nm_hand_flags(int64_t i)
{
    return (int)(i * 37 % 256);
}

double nm_hand_value(int slot, int64_t i)
{
    return nm_outcome_has_values(nm_hand_outcome(i))
               ? (double)(float)(0.37 * (double)i + 1000.0 * slot)
               : NAN;
}

void nm_hand_fill(const nm_plan *plan, int64_t i_tile, void *payload)
{
    nm_tile tile;
    nm_plan_map_tile(plan, &tile, i_tile, payload);
    for (int64_t i = 0; i < tile.n; i++) {
        int64_t point = tile.first + i;
        double params[NM_MAX_PARAMS];
        nm_hand_draw(&plan->task.draw, point, params);
        for (int k = 0; k < plan->task.n_slots; k++) {
            if (plan->task.is_f32) {
                ((float *)tile.values)[k * tile.n + i] = (float)nm_hand_value(k, point);
            } else {
                ((double *)tile.values)[k * tile.n + i] = nm_hand_value(k, point);
            }
        }
        for (int k = 0; k < plan->task.n_stored; k++) {
            tile.params[k * tile.n + i] = params[plan->task.stored[k]];
        }
        tile.outcome[i] = (int8_t)nm_hand_outcome(point);
        tile.flags[i] = (uint16_t)nm_hand_flags(point);
    }
}

int64_t nm_hand_bytes(const nm_plan *plan, int64_t i_tile)
{
    return nm_plan_tile_bytes(plan, i_tile);
}

/* --- a folder of its own for each test ------------------------------------------------------- */

void nm_hand_remove(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            char inner[4096];
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            if (unlink(inner) != 0) {
                nm_hand_remove(inner);
            }
        }
    }
    if (folder) {
        closedir(folder);
    }
    rmdir(path);
}

int nm_hand_count_files(const char *path)
{
    DIR *folder = opendir(path);
    int n = 0;
    while (folder && readdir(folder)) {
        n++;
    }
    if (folder) {
        closedir(folder);
    }
    return n - 2;
}
