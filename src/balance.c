/* Solves one parameter set, and sums up what its outputs say.
 *
 * 1. the solution      2. outputs      3. forces      4. sums */
#include "balance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "balance_parts.h"

/* --- 1. the solution -------------------------------------------------------------------------- */

/* Point 0 is the set itself, point 1 + i the set with parameter i moved a little: an output that
 * moves shows that the parameter matters under these variants. */
static void fill_columns(double *columns, const nm_model *model, const double *params)
{
    int64_t n = 1 + model->n_params;
    for (int i = 0; i < model->n_params; i++) {
        for (int64_t k = 0; k < n; k++) {
            columns[i * n + k] = params[i];
        }
        double step = params[i] != 0.0 ? 1e-3 * params[i]
                                       : 1e-3 * (model->params[i].high - model->params[i].low);
        columns[i * n + 1 + i] = params[i] + step;
    }
}

nm_status nm_balance_batch(const nm_plan *plan, const double *columns, int64_t n, double *values,
                           int8_t *outcome, uint16_t *flags)
{
    const nm_model *model = plan->model;
    const nm_kernel *kernel;
    NM_TRY(nm_backend_cpu_kernel(&kernel, model, 0));
    nm_task *task = malloc(sizeof *task);
    if (!task) {
        return nm_fail(NM_MEMORY, "no memory for points of model %s", model->name);
    }
    memcpy(task, &plan->task, sizeof *task);
    task->solver.audit = 0.0;
    task->is_f32 = 0;
    task->n_stored = 0;
    task->stochastic.n_trajectories = 0; /* a sheet has the exact numbers */
    task->n_slots = values ? plan->catalogue.n : 0;
    for (int i = 0; i < NM_MAX_OUTPUTS; i++) {
        task->slot[i] = (int16_t)(i < task->n_slots ? i : -1);
    }
    task->draw.n_points = n;
    task->draw.n_draws = 1;
    task->draw.sequence = NM_SEQUENCE_RANDOM; /* nothing is drawn: points stand in no group */
    task->draw.n_axes = task->draw.n_random = task->draw.n_ties = 0;
    task->draw.n_columns = model->n_params;
    for (int i = 0; i < model->n_params; i++) {
        task->draw.column_param[i] = i;
        task->draw.column[i] = columns + i * n;
    }
    double no_params = 0.0, no_values = 0.0;
    nm_tile tile = {.n = n,
                    .values = values ? values : &no_values,
                    .params = &no_params,
                    .outcome = outcome,
                    .flags = flags};
    int result = kernel->run(task, &tile);
    free(task);
    return result == 0 ? NM_OK
                       : nm_fail(NM_MEMORY, "the kernel of model %s had no memory or another ABI",
                                 model->name);
}

static void read_solution(nm_balance *balance, const double *values, const int8_t *outcome,
                          const uint16_t *flags)
{
    const nm_plan *plan = balance->plan;
    int n_params = plan->model->n_params, n_matter = 0;
    int64_t n = 1 + n_params;
    balance->outcome = outcome[0];
    balance->flags = flags[0];
    for (int i = 0; i < plan->catalogue.n; i++) {
        balance->value[i] = values[i * n];
    }
    for (int i = 0; i < n_params; i++) {
        balance->matters[i] = outcome[1 + i] != outcome[0];
        for (int k = 0; k < plan->catalogue.n && !balance->matters[i]; k++) {
            /* bits, because a NaN that stays NaN is no change */
            balance->matters[i] =
                memcmp(&values[k * n], &values[k * n + 1 + i], sizeof values[0]) != 0 &&
                !(isnan(values[k * n]) && isnan(values[k * n + 1 + i]));
        }
        n_matter += balance->matters[i];
    }
    /* a point without values cannot tell */
    for (int i = 0; i < n_params && n_matter == 0; i++) {
        balance->matters[i] = 1;
    }
}

nm_status nm_balance_solve(nm_balance *balance, const nm_plan *plan, const double *params)
{
    const nm_model *model = plan->model;
    memset(balance, 0, sizeof *balance);
    balance->plan = plan;
    memcpy(balance->params, params, (size_t)model->n_params * sizeof *params);

    size_t n = 1 + (size_t)model->n_params;
    double *columns = malloc(n * n * sizeof *columns);
    double *values = malloc(n * (size_t)(plan->catalogue.n + 1) * sizeof *values);
    int8_t *outcome = malloc(n);
    uint16_t *flags = malloc(n * sizeof *flags);
    nm_status status = NM_OK;
    if (!columns || !values || !outcome || !flags) {
        status = nm_fail(NM_MEMORY, "no memory for one point of model %s", model->name);
    } else {
        fill_columns(columns, model, params);
        for (size_t i = 0; i < n * (size_t)plan->catalogue.n; i++) {
            values[i] = NAN;
        }
        status = nm_balance_batch(plan, columns, (int64_t)n, values, outcome, flags);
        if (status == NM_OK) {
            read_solution(balance, values, outcome, flags);
        }
    }
    free(flags);
    free(outcome);
    free(values);
    free(columns);
    return status;
}

/* --- 2. outputs ------------------------------------------------------------------------------- */

double nm_balance_value(const nm_balance *balance, nm_family family, int i)
{
    return balance->value[nm_catalogue_number(balance->plan->model, family, i)];
}

const nm_output *nm_balance_output(const nm_balance *balance, nm_family family, int i)
{
    return &balance->plan->catalogue.output[nm_catalogue_number(balance->plan->model, family, i)];
}

/* A held concentration that is a parameter's is known exactly. */
double nm_balance_concentration(const nm_balance *balance, int i_species)
{
    const nm_model *model = balance->plan->model;
    const nm_species_info *species = &model->species[i_species];
    for (int i = 0; species->kind == NM_SPECIES_HELD && i < model->n_params; i++) {
        if (strcmp(model->params[i].name, species->value) == 0) {
            return balance->params[i];
        }
    }
    return nm_balance_value(balance, NM_FAMILY_conc, i_species);
}

/* what is left of equal one-way fluxes: the solver's, or what counts as equilibrium */
static double noise(const nm_balance *balance)
{
    return balance->outcome == NM_OUTCOME_equilibrium ? 1e-7 : 1e-11;
}

int nm_balance_is_closed(const nm_balance *balance, int i_path)
{
    return nm_balance_value(balance, NM_FAMILY_Jout, i_path) == 0.0 &&
           nm_balance_value(balance, NM_FAMILY_Jin, i_path) == 0.0;
}

static int is_noise(const nm_balance *balance, int i_path)
{
    double net = nm_balance_value(balance, NM_FAMILY_J, i_path);
    double both = nm_balance_value(balance, NM_FAMILY_Jout, i_path) +
                  nm_balance_value(balance, NM_FAMILY_Jin, i_path);
    return fabs(net) <= noise(balance) * both;
}

double nm_balance_flux(const nm_balance *balance, int i_path)
{
    return is_noise(balance, i_path) ? 0.0 : nm_balance_value(balance, NM_FAMILY_J, i_path);
}

double nm_balance_affinity(const nm_balance *balance, int i_path)
{
    int is_closed = nm_balance_is_closed(balance, i_path);
    return !is_closed && is_noise(balance, i_path) ? 0.0
                                                   : nm_balance_value(balance, NM_FAMILY_A, i_path);
}

/* --- 3. forces -------------------------------------------------------------------------------- */

/* charge that one mole of pathway carries out of a compartment; a species that moves carries a
 * whole charge, written as a number */
static double charge_left(const nm_model *model, int i_path, int i_compartment)
{
    double charge = 0.0;
    for (int s = 0; s < model->n_species; s++) {
        int nu = model->nu[i_path * model->n_species + s];
        if (nu != 0 && model->species[s].compartment == i_compartment) {
            charge -= nu * strtod(model->species[s].charge, NULL);
        }
    }
    return charge;
}

double nm_balance_charge(const nm_model *model, int i_path)
{
    double charge = 0.0;
    for (int c = 0; c < model->n_compartments; c++) {
        charge += model->compartments[c].potential ? charge_left(model, i_path, c) : 0.0;
    }
    return charge;
}

int nm_balance_crosses(const nm_model *model, int i_path)
{
    int first = -1;
    for (int s = 0; s < model->n_species; s++) {
        if (model->nu[i_path * model->n_species + s] != 0) {
            if (first >= 0 && model->species[s].compartment != first) {
                return 1;
            }
            first = model->species[s].compartment;
        }
    }
    return 0;
}

double nm_balance_temperature(const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    for (int i = 0; i < model->n_params; i++) {
        if (strcmp(model->params[i].name, "T") == 0) {
            return balance->params[i];
        }
    }
    return NAN;
}

static double electrical_part(const nm_balance *balance, int i_path)
{
    const nm_model *model = balance->plan->model;
    double part = 0.0;
    int i_potential = 0;
    for (int c = 0; c < model->n_compartments; c++) {
        if (model->compartments[c].potential) {
            part += charge_left(model, i_path, c) * NM_FARADAY_CONSTANT *
                    nm_balance_value(balance, NM_FAMILY_potential, i_potential);
            i_potential++;
        }
    }
    return part;
}

/* that of concentrations; of water it is the osmotic force, which is all that is left */
static double chemical_part(const nm_balance *balance, int i_path, double electrical)
{
    const nm_model *model = balance->plan->model;
    double RT = NM_GAS * nm_balance_temperature(balance), part = 0.0;
    for (int s = 0; s < model->n_species; s++) {
        int nu = model->nu[i_path * model->n_species + s];
        if (nu != 0 && model->species[s].kind == NM_SPECIES_WATER) {
            return nm_balance_value(balance, NM_FAMILY_A, i_path) - electrical;
        }
        part -= nu != 0 ? nu * RT * log(nm_balance_concentration(balance, s)) : 0.0;
    }
    return part;
}

nm_force nm_balance_force(const nm_balance *balance, int i_path)
{
    nm_force force = {NAN, NAN, NAN};
    if (balance->outcome == NM_OUTCOME_oscillatory) {
        return force;
    }
    double total = nm_balance_value(balance, NM_FAMILY_A, i_path);
    double electrical = electrical_part(balance, i_path);
    double chemical = chemical_part(balance, i_path, electrical);
    if (isfinite(total) && isfinite(chemical)) {
        force = (nm_force){chemical, electrical, total - electrical - chemical};
    }
    return force;
}

/* --- 4. sums ---------------------------------------------------------------------------------- */

double nm_balance_made(const nm_balance *balance, int i_path, int i_species)
{
    const nm_model *model = balance->plan->model;
    return model->nu[i_path * model->n_species + i_species] *
           nm_balance_value(balance, NM_FAMILY_J, i_path);
}

static int has_books(const nm_model *model, const nm_species_info *species)
{
    return species->kind == NM_SPECIES_FREE ||
           (species->kind == NM_SPECIES_WATER && species->partner >= 0 &&
            model->compartments[species->compartment].volume != NULL);
}

int nm_balance_books(double *sum, double *turnover, const nm_balance *balance, int i_species)
{
    const nm_model *model = balance->plan->model;
    int n_moving = 0;
    *sum = *turnover = 0.0;
    for (int k = 0; k < model->n_paths && has_books(model, &model->species[i_species]); k++) {
        if (model->nu[k * model->n_species + i_species] != 0) {
            double made = nm_balance_made(balance, k, i_species);
            *sum += made;
            *turnover += fabs(made);
            n_moving++;
        }
    }
    return n_moving;
}

/* What stands still although its flows do not add up is held by its variant. */
int nm_balance_is_held(const nm_balance *balance, int i_species)
{
    const nm_model *model = balance->plan->model;
    double sum = 0.0, turnover = 0.0;
    for (int k = 0; k < model->n_paths; k++) {
        double made = model->nu[k * model->n_species + i_species] * nm_balance_flux(balance, k);
        sum += made;
        turnover += fabs(made);
    }
    return balance->outcome == NM_OUTCOME_ness &&
           model->species[i_species].kind == NM_SPECIES_FREE && fabs(sum) > 1e-6 * turnover;
}

/* "held reservoirs Na_o, K_o, Cl_o": those that a pathway moves; a model may also be driven by its
 * rates */
static void name_held(char *text, size_t bytes, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    size_t length = (size_t)snprintf(text, bytes, "held reservoirs");
    int n = 0;
    for (int s = 0; s < model->n_species; s++) {
        int moves = 0;
        for (int k = 0; k < model->n_paths; k++) {
            moves |= model->nu[k * model->n_species + s] != 0 && !nm_balance_is_closed(balance, k);
        }
        if (moves &&
            (model->species[s].kind == NM_SPECIES_HELD || nm_balance_is_held(balance, s))) {
            const char *join = n++ > 0 ? ", " : " ";
            if (length < bytes) {
                length += (size_t)snprintf(text + length, bytes - length, "%s%s", join,
                                           model->species[s].name);
            }
        }
    }
    if (length > 35) { /* the tables have no more room */
        snprintf(text, bytes, "held reservoirs (%d species)", n);
    } else if (n == 0) {
        snprintf(text, bytes, "drives and standard free energies");
    }
}

static void add_supply(nm_supply *supply, int *n, const char *name, const char *text, double power)
{
    if (*n < NM_MAX_SUPPLIES) {
        supply[*n].name = name;
        snprintf(supply[*n].text, sizeof supply[*n].text, "%s", text);
        supply[(*n)++].power = power;
    }
}

int nm_balance_supplies(nm_supply *supply, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    char held[sizeof supply->text];
    int n = 0;
    for (int i = 0; i < model->n_fuels; i++) {
        add_supply(supply, &n, model->fuels[i].name, model->fuels[i].name,
                   nm_balance_value(balance, NM_FAMILY_P, i));
    }
    name_held(held, sizeof held, balance);
    add_supply(supply, &n, "held", held,
               nm_balance_value(balance, NM_FAMILY_scalar, NM_SCALAR_P_held));
    if (model->n_potentials > 0) {
        add_supply(supply, &n, "clamp", "voltage clamp",
                   nm_balance_value(balance, NM_FAMILY_scalar, NM_SCALAR_P_clamp));
    }
    return n;
}
