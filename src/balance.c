/* Solves one parameter set and lays its books open.
 *
 * 1. the solution      2. where outputs stand      3. tables for people      4. JSON */
#include "balance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "words.h"

static const double faraday = 96485.33212; /* [C mol-1] */

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

static void make_task(nm_task *task, const nm_plan *plan, const double *columns)
{
    const nm_model *model = plan->model;
    memcpy(task, &plan->task, sizeof *task);
    task->solver.audit = 0.0;
    task->is_f32 = 0;
    task->n_stored = 0;
    task->n_slots = plan->catalogue.n;
    for (int i = 0; i < NM_MAX_OUTPUTS; i++) {
        task->slot[i] = (int16_t)(i < plan->catalogue.n ? i : -1);
    }
    int64_t n = 1 + model->n_params;
    task->draw.n_points = n;
    task->draw.n_draws = 1;
    task->draw.n_axes = task->draw.n_random = task->draw.n_ties = 0;
    task->draw.n_columns = model->n_params;
    for (int i = 0; i < model->n_params; i++) {
        task->draw.column_param[i] = i;
        task->draw.column[i] = columns + i * n;
    }
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
    const nm_kernel *kernel;
    NM_TRY(nm_backend_cpu_kernel(&kernel, model, 0));

    size_t n = 1 + (size_t)model->n_params;
    nm_task *task = malloc(sizeof *task);
    double *columns = malloc(n * n * sizeof *columns);
    double *values = malloc(n * (size_t)(plan->catalogue.n + 1) * sizeof *values);
    int8_t *outcome = malloc(n);
    uint16_t *flags = malloc(n * sizeof *flags);
    double no_params = 0.0;
    nm_status status = NM_OK;
    if (!task || !columns || !values || !outcome || !flags) {
        status = nm_fail(NM_MEMORY, "no memory for one point of model %s", model->name);
    } else {
        fill_columns(columns, model, params);
        make_task(task, plan, columns);
        for (size_t i = 0; i < n * (size_t)plan->catalogue.n; i++) {
            values[i] = NAN;
        }
        nm_tile tile = {.first = 0,
                        .n = (int64_t)n,
                        .values = values,
                        .params = &no_params,
                        .outcome = outcome,
                        .flags = flags};
        if (kernel->run(task, &tile) != 0) {
            status = nm_fail(NM_MEMORY, "the kernel of model %s had no memory or another ABI",
                             model->name);
        } else {
            read_solution(balance, values, outcome, flags);
        }
    }
    free(flags);
    free(outcome);
    free(values);
    free(columns);
    free(task);
    return status;
}

/* --- 2. where outputs stand ------------------------------------------------------------------- */

typedef enum family {
#define FAMILY_ENUM(tag, counter, prefix, unit, text) FAMILY_##tag,
    NM_FAMILY_LIST(FAMILY_ENUM)
#undef FAMILY_ENUM
} family;

/* number of the i-th output of a family */
static int output_of(const nm_model *model, family wanted, int i)
{
    const int potentials = model->n_potentials, volumes = model->n_volumes,
              species = model->n_species;
    const int pairs = model->n_pairs, paths = model->n_paths, fuels = model->n_fuels;
    const int scalars = NM_N_SCALARS, observables = model->n_observables, loops = model->n_loops;
    int base = 0;
#define FAMILY_BASE(tag, counter, prefix, unit, text)                                              \
    if (wanted == FAMILY_##tag) {                                                                  \
        return base + i;                                                                           \
    }                                                                                              \
    base += counter;
    NM_FAMILY_LIST(FAMILY_BASE)
#undef FAMILY_BASE
    return base;
}

static double value_of(const nm_balance *balance, family family, int i)
{
    return balance->value[output_of(balance->plan->model, family, i)];
}

/* A held concentration is no output; its parameter knows it. */
static double concentration(const nm_balance *balance, int i_species)
{
    const nm_model *model = balance->plan->model;
    const nm_species_info *species = &model->species[i_species];
    for (int i = 0; species->kind == NM_SPECIES_HELD && i < model->n_params; i++) {
        if (strcmp(model->params[i].name, species->value) == 0) {
            return balance->params[i];
        }
    }
    return value_of(balance, FAMILY_conc, i_species);
}

static const nm_output *info_of(const nm_balance *balance, family family, int i)
{
    return &balance->plan->catalogue.output[output_of(balance->plan->model, family, i)];
}

/* charge number carried out of the compartments that have a potential, per turn of a pathway */
static double charge_out(const nm_model *model, int i_path)
{
    double charge = 0.0;
    for (int s = 0; s < model->n_species; s++) {
        int nu = model->nu[i_path * model->n_species + s];
        if (nu != 0 && model->compartments[model->species[s].compartment].potential) {
            /* a species that moves carries a whole charge, written as a number */
            charge -= nu * strtod(model->species[s].charge, NULL);
        }
    }
    return charge;
}

/* d/dt of a species by one pathway */
static double made_by(const nm_balance *balance, int i_path, int i_species)
{
    const nm_model *model = balance->plan->model;
    return model->nu[i_path * model->n_species + i_species] * value_of(balance, FAMILY_J, i_path);
}

static int is_balanced_species(const nm_species_info *species)
{
    return species->kind == NM_SPECIES_FREE ||
           (species->kind == NM_SPECIES_WATER && species->partner >= 0);
}

/* sum over pathways, and the sum of their absolute values; returns the number of pathways that
 * move the species */
static int species_balance(double *sum, double *turnover, const nm_balance *balance, int i_species)
{
    const nm_model *model = balance->plan->model;
    int n_moving = 0;
    *sum = *turnover = 0.0;
    for (int k = 0; k < model->n_paths; k++) {
        if (model->nu[k * model->n_species + i_species] != 0) {
            double made = made_by(balance, k, i_species);
            *sum += made;
            *turnover += fabs(made);
            n_moving++;
        }
    }
    return n_moving;
}

/* the endless water of a bath has no balance of its own */
static int has_volume(const nm_model *model, int i_species)
{
    return model->species[i_species].kind != NM_SPECIES_WATER ||
           model->compartments[model->species[i_species].compartment].volume != NULL;
}

/* --- 3. tables for people --------------------------------------------------------------------- */

static const char *number(char *out, double value, double factor)
{
    if (isnan(value)) {
        snprintf(out, NM_WORDS, "-");
    } else {
        snprintf(out, NM_WORDS, "%.4g", value == 0.0 ? 0.0 : value * factor);
    }
    return out;
}

static void print_head(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    fprintf(stream, "%s", model->name);
    for (int i = 0; i < model->n_variants; i++) {
        fprintf(stream, "%s%s %s", i == 0 ? "  (" : ", ", model->variants[i].name,
                model->variants[i].choices[balance->plan->task.choice[i]]);
    }
    fprintf(stream, "%s\n", model->n_variants > 0 ? ")" : "");

    /* "equilibrium: every pathway is balanced" need not say its name twice */
    const char *name = nm_outcome_name(balance->outcome), *text = nm_outcome_text(balance->outcome);
    size_t length = strlen(name);
    if (strncmp(text, name, length) == 0 && strncmp(text + length, ": ", 2) == 0) {
        text += length + 2;
    }
    fprintf(stream, "outcome   %s (%s)\n", name, text);
    if (balance->outcome == NM_OUTCOME_no_steady_state_growth && model->growth) {
        fprintf(stream, "          this growth is called %s\n", model->growth);
    }
#define FLAG_TEXT(name, bit, text)                                                                 \
    if (balance->flags & (1u << (bit))) {                                                          \
        fprintf(stream, "flag      %s (%s)\n", #name, text);                                       \
    }
    NM_FLAG_LIST(FLAG_TEXT)
#undef FLAG_TEXT
}

static void print_params(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    fprintf(stream, "\nparameters that matter here\n");
    for (int i = 0; i < model->n_params; i++) {
        if (balance->matters[i]) {
            char text[NM_WORDS];
            fprintf(stream, "  %-10s %20s %-13s %s\n", model->params[i].name,
                    nm_words_double(text, balance->params[i]), model->params[i].unit,
                    model->params[i].text);
        }
    }
}

static void print_state(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    char text[NM_WORDS], inner[NM_WORDS], outer[NM_WORDS], nernst[NM_WORDS], force[NM_WORDS];
    fprintf(stream, "\nstate\n");
    for (int i = 0; i < model->n_potentials; i++) {
        const nm_output *info = info_of(balance, FAMILY_potential, i);
        fprintf(stream, "  %-10s %12s %-13s %s\n", info->name,
                number(text, value_of(balance, FAMILY_potential, i), 1e3), "mV", info->text);
    }
    for (int i = 0; i < model->n_volumes; i++) {
        const nm_output *info = info_of(balance, FAMILY_volume, i);
        fprintf(stream, "  %-10s %12s %-13s %s\n", info->name,
                number(text, value_of(balance, FAMILY_volume, i), 1e6), "um", info->text);
    }
    int is_paired[256] = {0};
    if (model->n_pairs > 0) {
        fprintf(stream, "  %-10s %12s %12s %12s %14s\n", "", "inside mM", "outside mM", "Nernst mV",
                "in-out kJ/mol");
    }
    for (int i = 0; i < model->n_pairs; i++) {
        int s = model->pairs[i], partner = model->species[s].partner;
        const char *name = info_of(balance, FAMILY_E, i)->name;
        fprintf(stream, "  %-10s %12s %12s %12s %14s\n",
                strncmp(name, "E_", 2) == 0 ? name + 2 : name,
                number(inner, concentration(balance, s), 1.0),
                number(outer, partner >= 0 ? concentration(balance, partner) : NAN, 1.0),
                number(nernst, value_of(balance, FAMILY_E, i), 1e3),
                number(force, value_of(balance, FAMILY_dmu, i), 1e-3));
        if (s < 256) {
            is_paired[s] = 1;
        }
        if (partner >= 0 && partner < 256) {
            is_paired[partner] = 1;
        }
    }
    for (int s = 0; s < model->n_species && s < 256; s++) {
        if (!is_paired[s] && model->species[s].kind != NM_SPECIES_WATER) {
            fprintf(stream, "  %-10s %12s %-13s %s\n", model->species[s].name,
                    number(text, concentration(balance, s), 1.0), "mM", model->species[s].text);
        }
    }
}

static void print_paths(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    char net[NM_WORDS], out[NM_WORDS], in[NM_WORDS], affinity[NM_WORDS], heat[NM_WORDS],
        share[NM_WORDS], current[NM_WORDS];
    double total = value_of(balance, FAMILY_scalar, NM_SCALAR_Tsigma_total);
    int has_current = model->n_potentials > 0 && strcmp(model->extent, "m-2") == 0;
    fprintf(stream, "\npathways (outward positive; fluxes in mol %s s-1, dissipation in W %s)\n",
            model->extent, model->extent);
    fprintf(stream, "  %-10s %11s %11s %11s %11s %11s %7s%s\n", "", "net", "one-way out",
            "one-way in", "kJ/mol", "dissipation", "share",
            has_current ? "   charge       A m-2" : "");
    for (int k = 0; k < model->n_paths; k++) {
        double dissipation = value_of(balance, FAMILY_Tsigma, k),
               flux = value_of(balance, FAMILY_J, k);
        if (total > 0.0 && !isnan(dissipation)) {
            snprintf(share, sizeof share, "%.1f %%", 100.0 * dissipation / total + 0.0);
        } else {
            snprintf(share, sizeof share, "-");
        }
        fprintf(stream, "  %-10s %11s %11s %11s %11s %11s %7s", model->paths[k].name,
                number(net, flux, 1.0), number(out, value_of(balance, FAMILY_Jout, k), 1.0),
                number(in, value_of(balance, FAMILY_Jin, k), 1.0),
                number(affinity, value_of(balance, FAMILY_A, k), 1e-3),
                number(heat, dissipation, 1.0), share);
        if (has_current) {
            double charge = charge_out(model, k);
            fprintf(stream, "   %+6.3g %11s", charge + 0.0,
                    number(current, faraday * charge * flux, 1.0));
        }
        fprintf(stream, "\n");
    }
}

static void print_scalar(FILE *stream, const nm_balance *balance, int scalar, const char *label)
{
    char text[NM_WORDS];
    double value = value_of(balance, FAMILY_scalar, scalar);
    if (!isnan(value)) {
        const nm_output *info = info_of(balance, FAMILY_scalar, scalar);
        fprintf(stream, "  %-36s %12s %s\n", label, number(text, value, 1.0),
                strcmp(info->unit, "1") == 0 ? "" : info->unit);
    }
}

static void print_bill(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    char text[NM_WORDS];
    int n_known = 0;
    for (int i = 0; i < NM_N_SCALARS; i++) {
        n_known += !isnan(value_of(balance, FAMILY_scalar, i));
    }
    if (n_known == 0) {
        return;
    }
    fprintf(stream, "\nwho pays\n");
    for (int i = 0; i < model->n_fuels; i++) {
        char label[NM_WORDS];
        double power = value_of(balance, FAMILY_P, i);
        snprintf(label, sizeof label, "%s supplies", model->fuels[i].name);
        if (!isnan(power)) {
            fprintf(stream, "  %-36s %12s %s\n", label, number(text, power, 1.0),
                    info_of(balance, FAMILY_P, i)->unit);
        }
    }
    print_scalar(stream, balance, NM_SCALAR_P_held, "held species supply");
    if (model->n_potentials > 0 && value_of(balance, FAMILY_scalar, NM_SCALAR_P_clamp) != 0.0) {
        print_scalar(stream, balance, NM_SCALAR_P_clamp, "the voltage clamp supplies");
    }
    print_scalar(stream, balance, NM_SCALAR_Tsigma_total, "dissipated");
    print_scalar(stream, balance, NM_SCALAR_closure, "closure (supplied - dissipated)");
    print_scalar(stream, balance, NM_SCALAR_sigma_total, "entropy production");
    if (model->n_fuels > 0) {
        print_scalar(stream, balance, NM_SCALAR_W_pump, "useful power of fuelled pathways");
        print_scalar(stream, balance, NM_SCALAR_efficiency, "efficiency");
    }
    print_scalar(stream, balance, NM_SCALAR_F_stored, "stored in concentration differences");
    if (model->n_potentials > 0) {
        print_scalar(stream, balance, NM_SCALAR_F_cap, "stored in membrane capacitances");
    }
    print_scalar(stream, balance, NM_SCALAR_a_max, "largest force |A| / RT");
    print_scalar(stream, balance, NM_SCALAR_tau_slow, "slowest relaxation time");
    print_scalar(stream, balance, NM_SCALAR_growth_rate, "growth rate of the volume");
    print_scalar(stream, balance, NM_SCALAR_resid, "largest relative residual");
}

static void print_species(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    if (isnan(value_of(balance, FAMILY_J, 0))) {
        return;
    }
    fprintf(stream, "\nbalance of each species (made by pathways, mol %s s-1)\n", model->extent);
    for (int s = 0; s < model->n_species; s++) {
        double sum, turnover;
        if (!is_balanced_species(&model->species[s]) || !has_volume(model, s) ||
            species_balance(&sum, &turnover, balance, s) == 0) {
            continue;
        }
        fprintf(stream, "  %-10s", model->species[s].name);
        for (int k = 0; k < model->n_paths; k++) {
            if (model->nu[k * model->n_species + s] != 0) {
                fprintf(stream, "  %+.4g %s", made_by(balance, k, s) + 0.0, model->paths[k].name);
            }
        }
        fprintf(stream, "  = %.1e\n", sum + 0.0);
    }
}

void nm_balance_print(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    print_head(stream, balance);
    print_params(stream, balance);
    if (nm_outcome_has_values(balance->outcome)) {
        print_state(stream, balance);
        print_paths(stream, balance);
    }
    print_bill(stream, balance);
    if (nm_outcome_has_values(balance->outcome)) {
        print_species(stream, balance);
    }
    if (model->n_observables > 0 && nm_outcome_has_values(balance->outcome)) {
        char text[NM_WORDS];
        fprintf(stream, "\nof this model\n");
        for (int i = 0; i < model->n_observables; i++) {
            fprintf(stream, "  %-16s %12s %-13s %s\n", model->observables[i].name,
                    number(text, value_of(balance, FAMILY_observable, i), 1.0),
                    strcmp(model->observables[i].unit, "1") == 0 ? "" : model->observables[i].unit,
                    model->observables[i].text);
        }
    }
}

/* --- 4. JSON ---------------------------------------------------------------------------------- */

static void put(FILE *stream, const char *separator, const char *key)
{
    fprintf(stream, "%s", separator);
    nm_json_text(stream, key);
    fputs(": ", stream);
}

void nm_balance_print_json(FILE *stream, const nm_balance *balance)
{
    const nm_plan *plan = balance->plan;
    const nm_model *model = plan->model;
    fputs("{\n  \"model\": ", stream);
    nm_json_text(stream, model->name);
    fputs(",\n  \"variants\": {", stream);
    for (int i = 0; i < model->n_variants; i++) {
        put(stream, i == 0 ? "" : ", ", model->variants[i].name);
        nm_json_text(stream, model->variants[i].choices[plan->task.choice[i]]);
    }
    fprintf(stream, "},\n  \"outcome\": \"%s\",\n  \"flags\": [",
            nm_outcome_name(balance->outcome));
    const char *separator = "";
#define FLAG_JSON(name, bit, text)                                                                 \
    if (balance->flags & (1u << (bit))) {                                                          \
        fprintf(stream, "%s\"%s\"", separator, #name);                                             \
        separator = ", ";                                                                          \
    }
    NM_FLAG_LIST(FLAG_JSON)
#undef FLAG_JSON
    fputs("],\n  \"parameters\": {", stream);
    for (int i = 0; i < model->n_params; i++) {
        put(stream, i == 0 ? "\n    " : ",\n    ", model->params[i].name);
        nm_json_number(stream, balance->params[i]);
    }
    fputs("\n  },\n  \"parameters_that_matter\": [", stream);
    separator = "";
    for (int i = 0; i < model->n_params; i++) {
        if (balance->matters[i]) {
            fprintf(stream, "%s\"%s\"", separator, model->params[i].name);
            separator = ", ";
        }
    }
    fputs("],\n  \"outputs\": {", stream);
    separator = "\n    ";
    for (int i = 0; i < plan->catalogue.n; i++) {
        if (plan->catalogue.output[i].name[0]) { /* the others are known by parameters */
            put(stream, separator, plan->catalogue.output[i].name);
            nm_json_number(stream, balance->value[i]);
            separator = ",\n    ";
        }
    }
    fputs("\n  },\n  \"charge_per_turn\": {", stream);
    for (int k = 0; k < model->n_paths; k++) {
        put(stream, k == 0 ? "" : ", ", model->paths[k].name);
        nm_json_number(stream, charge_out(model, k) + 0.0);
    }
    fputs("},\n  \"balance\": {", stream);
    separator = "\n    ";
    for (int s = 0; s < model->n_species; s++) {
        double sum, turnover;
        if (!is_balanced_species(&model->species[s]) || !has_volume(model, s) ||
            species_balance(&sum, &turnover, balance, s) == 0) {
            continue;
        }
        put(stream, separator, model->species[s].name);
        fputs("{\"sum\": ", stream);
        nm_json_number(stream, sum);
        fputs(", \"turnover\": ", stream);
        nm_json_number(stream, turnover);
        fputs("}", stream);
        separator = ",\n    ";
    }
    fputs("\n  }\n}\n", stream);
}
