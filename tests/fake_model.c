/* Tables and stand-in kernels of the models that host tests run on. */
#include "fake_model.h"

#include <math.h>
#include <stddef.h>

/* --- draw: index -> parameters ---------------------------------------------------------------- */

static double axis_value(const nm_axis *axis, int64_t i)
{
    if (axis->values != NULL) {
        return axis->values[i];
    }
    if (i == 0) {
        return axis->low;
    }
    if (i == axis->n - 1) {
        return axis->high;
    }
    double t = (double)i / (double)(axis->n - 1);
    if (axis->scale == NM_AXIS_LOG) {
        return exp(log(axis->low) + t * (log(axis->high) - log(axis->low)));
    }
    return axis->low + t * (axis->high - axis->low);
}

/* this stand-in computes its logarithms as it goes */
static void prepare_draw(nm_draw *draw)
{
    (void)draw;
}

/* A number in (0, 1) that depends on all three arguments. */
static double noise(uint64_t seed, int64_t index, int dimension)
{
    uint64_t bits = seed + 0x9e3779b97f4a7c15u * (uint64_t)(index * NM_MAX_RANDOM + dimension + 1);
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return (double)(((bits ^ (bits >> 31)) >> 11) | 1u) * 0x1p-53;
}

static double drawn(const nm_random *random, double u)
{
    switch (random->dist) {
    case NM_DIST_LOGUNIFORM:
        return exp(log(random->a) + u * (log(random->b) - log(random->a)));
    case NM_DIST_NORMAL:
        return random->a + random->b * (u - 0.5);
    case NM_DIST_LOGNORMAL:
        return exp(random->a + random->b * (u - 0.5));
    default:
        return random->a + u * (random->b - random->a);
    }
}

static void draw(const nm_draw *draw, int64_t index, double *params)
{
    for (int i = 0; i < draw->n_params; i++) {
        params[i] = draw->value[i];
    }
    int64_t cell = index / draw->n_draws;
    for (int i = draw->n_axes - 1; i >= 0; i--) {
        params[draw->axis[i].param] = axis_value(&draw->axis[i], cell % draw->axis[i].n);
        cell /= draw->axis[i].n;
    }
    for (int i = 0; i < draw->n_random; i++) {
        params[draw->random[i].param] = drawn(&draw->random[i], noise(draw->seed, index, i));
    }
    for (int i = 0; i < draw->n_columns; i++) {
        params[draw->column_param[i]] = draw->column[i][index];
    }
    for (int i = 0; i < draw->n_ties; i++) {
        const nm_tie *tie = &draw->tie[i];
        double sum = tie->constant;
        for (int k = 0; k < tie->n_terms; k++) {
            sum += tie->coef[k] * params[tie->term[k]];
        }
        params[tie->param] = sum;
    }
}

/* --- kernels ---------------------------------------------------------------------------------- */

double nm_fake_value(const nm_model *model, int number, const double *params)
{
    double sum = 0.0;
    for (int i = 0; i < model->n_params; i++) {
        sum += params[i];
    }
    return number + 0.001 * sum;
}

static int run(const nm_model *model, const nm_task *task, nm_tile *tile)
{
    if (task->abi != NM_ABI) {
        return -1;
    }
    double params[NM_MAX_PARAMS];
    for (int64_t i = 0; i < tile->n; i++) {
        draw(&task->draw, tile->first + i, params);
        for (int k = 0; k < task->n_stored; k++) {
            tile->params[k * tile->n + i] = params[task->stored[k]];
        }
        int grows = model == &nm_model_fake_cell && params[NM_FAKE_g_Na] > 5.0;
        tile->outcome[i] = grows ? NM_OUTCOME_no_steady_state_growth : NM_OUTCOME_ness;
        tile->flags[i] = (uint16_t)(grows ? NM_FLAG_over_pumped : 0);
        for (int number = 0; number < NM_MAX_OUTPUTS; number++) {
            int slot = task->slot[number];
            if (slot < 0) {
                continue;
            }
            double value = grows ? NAN : nm_fake_value(model, number, params);
            if (task->is_f32) {
                ((float *)tile->values)[slot * tile->n + i] = (float)value;
            } else {
                ((double *)tile->values)[slot * tile->n + i] = value;
            }
        }
    }
    tile->n_newton = tile->n;
    tile->n_follow = 0;
    return 0;
}

static int run_cell(const nm_task *task, nm_tile *tile)
{
    return run(&nm_model_fake_cell, task, tile);
}
static int run_ring(const nm_task *task, nm_tile *tile)
{
    return run(&nm_model_fake_ring, task, tile);
}

/* --- a cell and its bath ---------------------------------------------------------------------- */

/* clang-format off */
static const nm_param_info cell_params[] = {
    {"T",      "K",       310.15,   273.15,  323.15, 0, "temperature"},
    {"Na_o",   "mol m-3", 147.0,    1.0,     500.0,  1, "Na+ in the bath"},
    {"K_o",    "mol m-3", 3.0,      0.1,     200.0,  1, "K+ in the bath"},
    {"Cl_o",   "mol m-3", 150.0,    1.0,     500.0,  1, "Cl- in the bath"},
    {"g_Na",   "S m-2",   0.1,      1e-3,    100.0,  1, "Na+ conductance"},
    {"dG_ATP", "J mol-1", -57000.0, -70000.0, 0.0,   0, "free energy of hydrolysis"},
};

static const char *const leak_choices[] = {"ohmic", "ghk"};
static const char *const pump_choices[] = {"rev", "hill", "const"};
static const nm_variant_info cell_variants[] = {
    {"leak", 2, leak_choices},
    {"pump", 3, pump_choices},
};

static const nm_compartment_info cell_compartments[] = {
    {"cell", "ell", "V", "its water swells, its potential floats"},
    {"bath", NULL, NULL, "endless, ground"},
};

enum { Na_i, K_i, Cl_i, X_i, water_i, Na_o, K_o, Cl_o, water_o, N_SPECIES };

static const nm_species_info cell_species[N_SPECIES] = {
    {"Na_i",    NM_SPECIES_FREE,    "+1", 0, "0.05*Na_o", "Na+ in the cell",  Na_o},
    {"K_i",     NM_SPECIES_FREE,    "+1", 0, "0.9*Na_o",  "K+ in the cell",   K_o},
    {"Cl_i",    NM_SPECIES_FREE,    "-1", 0, "0.1*Cl_o",  "Cl- in the cell",  Cl_o},
    {"X_i",     NM_SPECIES_TRAPPED, "-1", 0, "1e-4",      "impermeant",       -1},
    {"water_i", NM_SPECIES_WATER,   "0",  0, "1e-6",      "cell water",       water_o},
    {"Na_o",    NM_SPECIES_HELD,    "+1", 1, "Na_o",      "Na+ of the bath",  Na_i},
    {"K_o",     NM_SPECIES_HELD,    "+1", 1, "K_o",       "K+ of the bath",   K_i},
    {"Cl_o",    NM_SPECIES_HELD,    "-1", 1, "Cl_o",      "Cl- of the bath",  Cl_i},
    {"water_o", NM_SPECIES_WATER,   "0",  1, "1.0",       "bath water",       water_i},
};

static const nm_fuel_info cell_fuels[] = {{"ATP", "dG_ATP", "ATP to ADP and phosphate"}};

static const nm_path_info cell_paths[] = {
    {"leak_Na", "Na_i",                  "Na_o",          "ohmic(g_Na)",    "Na+ leak",    0},
    {"leak_K",  "K_i",                   "K_o",           "ohmic(1.0)",     "K+ leak",     0},
    {"leak_Cl", "Cl_i",                  "Cl_o",          "ohmic(2.0)",     "Cl- leak",    0},
    {"pump",    "3*Na_i + 2*K_o + ATP",  "3*Na_o + 2*K_i","constant(1e-8)", "Na,K-ATPase", 1},
    {"water",   "water_i",               "water_o",       "osmosis(1e-4)",  "water",       0},
};

static const signed char cell_nu[5 * N_SPECIES] = {
    -1,  0,  0, 0,  0, 1,  0, 0, 0,
     0, -1,  0, 0,  0, 0,  1, 0, 0,
     0,  0, -1, 0,  0, 0,  0, 1, 0,
    -3,  2,  0, 0,  0, 3, -2, 0, 0,
     0,  0,  0, 0, -1, 0,  0, 0, 1,
};

static const nm_observable_info cell_observables[] = {
    {"Pi_i", "mol m-3", "osmolarity of the cell"},
};
static const int cell_pairs[] = {Na_i, K_i, Cl_i};
static const nm_kernel cell_kernels[] = {{4, run_cell}, {1, run_cell}};
/* clang-format on */

static double ground_charge(const double *params)
{
    double plus = params[NM_FAKE_Na_o] + params[NM_FAKE_K_o], minus = params[NM_FAKE_Cl_o];
    return (plus - minus) / (plus + minus);
}

/* the pump turns once while the leaks bring back what it moved */
static const int cell_loops[] = {3};
static const double cell_loop_part[] = {-3.0, 2.0, 0.0, 1.0, 0.0};

const nm_model nm_model_fake_cell = {
    .abi = NM_ABI,
    .struct_bytes = sizeof(nm_model),
    .name = "fake_cell",
    .extent = "m-2",
    .growth = "lysis",
    .n_params = NM_FAKE_N_PARAMS,
    .n_variants = 2,
    .n_compartments = 2,
    .n_species = N_SPECIES,
    .n_fuels = 1,
    .n_totals = 0,
    .n_paths = 5,
    .n_observables = 1,
    .params = cell_params,
    .variants = cell_variants,
    .compartments = cell_compartments,
    .species = cell_species,
    .fuels = cell_fuels,
    .totals = NULL,
    .paths = cell_paths,
    .observables = cell_observables,
    .nu = cell_nu,
    .n_states = 5,
    .n_potentials = 1,
    .n_volumes = 1,
    .n_pairs = 3,
    .pairs = cell_pairs,
    .draw = draw,
    .axis_value = axis_value,
    .prepare_draw = prepare_draw,
    .ground_charge = ground_charge,
    .n_kernels = 2,
    .kernels = cell_kernels,
    .n_loops = 1,
    .loops = cell_loops,
    .loop_part = cell_loop_part,
};

/* --- a ring in a flask ------------------------------------------------------------------------ */

/* clang-format off */
static const nm_param_info ring_params[] = {
    {"T",     "K",       298.15, 273.15, 323.15, 0, "temperature"},
    {"k1f",   "s-1",     1.0,    1e-3,   1e3,    1, "A to B"},
    {"C_tot", "mol m-3", 1.0,    1e-3,   1e3,    1, "A and B together"},
};

static const nm_compartment_info ring_compartments[] = {
    {"flask", NULL, NULL, "one well-stirred volume"},
};

static const nm_species_info ring_species[] = {
    {"A", NM_SPECIES_FREE, "0", 0, "0.5*C_tot", "ring state A", -1},
    {"B", NM_SPECIES_FREE, "0", 0, "0.5*C_tot", "ring state B", -1},
    {"F", NM_SPECIES_HELD, "0", 0, "1.0",       "fuel",         -1},
};

static const nm_total_info ring_totals[] = {{"C_tot", "A + B", 0, "replaces the balance of A"}};

static const nm_path_info ring_paths[] = {
    {"R1", "A",     "B", "mass_action(k1f, 1.0)", "the ring's own step", 0},
    {"R2", "B + F", "A", "mass_action(1.0, 1.0)", "the driven step",     0},
};

static const signed char ring_nu[] = {
    -1,  1,  0,
     1, -1, -1,
};

static const nm_observable_info ring_observables[] = {{"Q", "1", "mass-action ratio of R1"}};
static const nm_kernel ring_kernels[] = {{1, run_ring}};
/* clang-format on */

static double no_charge(const double *params)
{
    (void)params;
    return 0.0;
}

const nm_model nm_model_fake_ring = {
    .abi = NM_ABI,
    .struct_bytes = sizeof(nm_model),
    .name = "fake_ring",
    .extent = "m-3",
    .growth = NULL,
    .n_params = 3,
    .n_variants = 0,
    .n_compartments = 1,
    .n_species = 3,
    .n_fuels = 0,
    .n_totals = 1,
    .n_paths = 2,
    .n_observables = 1,
    .params = ring_params,
    .variants = NULL,
    .compartments = ring_compartments,
    .species = ring_species,
    .fuels = NULL,
    .totals = ring_totals,
    .paths = ring_paths,
    .observables = ring_observables,
    .nu = ring_nu,
    .n_states = 2,
    .n_potentials = 0,
    .n_volumes = 0,
    .n_pairs = 0,
    .pairs = NULL,
    .draw = draw,
    .axis_value = axis_value,
    .prepare_draw = prepare_draw,
    .ground_charge = no_charge,
    .n_kernels = 1,
    .kernels = ring_kernels,
};
