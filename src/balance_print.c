/* The balance sheet as people read it: a verdict in words, then state, fluxes, forces, who pays
 * whom, and the books of each species. */
#include <math.h>
#include <string.h>

#include "balance_units.h"

/* --- verdict ----------------------------------------------------------------------------------- */

/* "ATP (62.0 %) and held Na_o, K_o (38.0 %)" */
static void name_payers(char *text, size_t bytes, const nm_balance *balance)
{
    nm_supply supply[NM_MAX_SUPPLIES];
    int n = nm_balance_supplies(supply, balance), n_named = 0;
    double all = nm_balance_supplied(balance);
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < n; i++) {
        double power = nm_balance_power(balance, supply[i].power);
        if (power > 0.0 && length < bytes) {
            length += (size_t)snprintf(text + length, bytes - length, "%s%s", n_named ? ", " : "",
                                       supply[i].text);
            if (power < 0.9995 * all && length < bytes) {
                length += (size_t)snprintf(text + length, bytes - length, " (%.1f %%)",
                                           100.0 * power / all);
            }
            n_named++;
        }
    }
}

static void print_verdict(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    char payers[256], text[768], heat[NM_WORDS];
    nm_scale power = nm_power_scale(balance);
    name_payers(payers, sizeof payers, balance);
    nm_balance_number(
        heat, power.factor *
                  nm_balance_power(balance, nm_balance_scalar(balance, NM_SCALAR_Tsigma_total)));
    switch (balance->outcome) {
    case NM_OUTCOME_equilibrium:
        snprintf(text, sizeof text,
                 "Every pathway is balanced by itself: what runs one way runs back. Nothing is "
                 "dissipated, and nobody pays.");
        break;
    case NM_OUTCOME_ness:
        snprintf(
            text, sizeof text,
            "Steady, but not at equilibrium: fluxes run on and balance only in sum. That costs "
            "%s %s%s%s.",
            heat, power.unit, payers[0] ? ", paid by " : "", payers);
        break;
    case NM_OUTCOME_oscillatory:
        snprintf(text, sizeof text,
                 "It does not come to rest, but repeats itself. All values are averages over time; "
                 "`nessmap trace` shows the course.");
        break;
    case NM_OUTCOME_unstable:
        snprintf(text, sizeof text,
                 "Here everything balances, but the least disturbance grows: the state will not be "
                 "seen. `nessmap trace` shows where the course leads.");
        break;
    case NM_OUTCOME_no_steady_state_growth:
        snprintf(text, sizeof text, "%s grows without end%s%s.",
                 model->n_volumes > 0 ? "The water" : "An amount",
                 model->growth ? ", which is called " : "", model->growth ? model->growth : "");
        break;
    case NM_OUTCOME_no_steady_state_depletion:
        snprintf(text, sizeof text,
                 "A species runs out: a pathway takes it away whatever is left of it, and nothing "
                 "refills it as fast.");
        break;
    case NM_OUTCOME_left_domain:
        snprintf(text, sizeof text,
                 "No statement on the cell: look at the parameters, or widen the model.");
        break;
    default:
        snprintf(text, sizeof text,
                 "No statement on the cell: `--set solver.mode=follow` may find what Newton's "
                 "method did not.");
        break;
    }
    int at = fprintf(stream, "          ");
    nm_put_wrapped(stream, &at, 10, "%s", text);
    fputc('\n', stream);
}

static void print_times(FILE *stream, const nm_balance *balance)
{
    double slow = nm_balance_scalar(balance, NM_SCALAR_tau_slow),
           fast = nm_balance_scalar(balance, NM_SCALAR_tau_fast);
    char words[NM_WORDS];
    if (isnan(slow)) {
        return;
    }
    if (isinf(slow)) {
        fprintf(stream, "relaxes   never: where it stands depends on where it began\n");
        return;
    }
    fprintf(stream, "relaxes   in %s (slowest time constant %.4g s", nm_words_time(words, slow),
            slow);
    if (isfinite(fast) && fast < slow) {
        fprintf(stream, ", fastest %.3g s", fast);
    }
    fprintf(stream, ")\n");
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
    print_verdict(stream, balance);
#define FLAG_TEXT(name, bit, text)                                                                 \
    if (balance->flags & (1u << (bit))) {                                                          \
        fprintf(stream, "flag      %s (%s)\n", #name, text);                                       \
    }
    NM_FLAG_LIST(FLAG_TEXT)
#undef FLAG_TEXT
    print_times(stream, balance);
}

/* --- state ------------------------------------------------------------------------------------- */

static void print_pair(FILE *stream, const nm_balance *balance, int i, int has_potential)
{
    const nm_model *model = balance->plan->model;
    char inner[NM_WORDS], outer[NM_WORDS], nernst[NM_WORDS], chem[NM_WORDS], el[NM_WORDS],
        force[NM_WORDS];
    int s = model->pairs[i], partner = model->species[s].partner;
    const char *name = nm_balance_output(balance, NM_FAMILY_E, i)->name;
    double dmu = nm_balance_value(balance, NM_FAMILY_dmu, i);
    double dmu_chem = nm_balance_value(balance, NM_FAMILY_dmu_chem, i);
    double dmu_el = nm_balance_value(balance, NM_FAMILY_dmu_el, i);
    int is_balanced = fabs(dmu) <= 1e-9 * (fabs(dmu_chem) + fabs(dmu_el)) || fabs(dmu) < 1e-5;
    fprintf(
        stream, "  %-*s %11s %11s", nm_name_columns(model),
        strncmp(name, "E_", 2) == 0 ? name + 2 : name,
        nm_balance_number(inner, nm_balance_concentration(balance, s)),
        nm_balance_number(outer, partner >= 0 ? nm_balance_concentration(balance, partner) : NAN));
    if (has_potential) {
        fprintf(stream, " %10s %10s %10s",
                nm_balance_number(nernst, 1e3 * nm_balance_value(balance, NM_FAMILY_E, i)),
                nm_balance_number(chem, 1e-3 * dmu_chem), nm_balance_number(el, 1e-3 * dmu_el));
    }
    fprintf(stream, " %10s  %s\n", nm_balance_number(force, is_balanced ? 0.0 : 1e-3 * dmu),
            isnan(dmu)    ? ""
            : is_balanced ? "balanced"
            : dmu > 0.0   ? "outward"
                          : "inward");
}

static void print_pairs(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    int has_potential = model->n_potentials > 0;
    if (model->n_pairs == 0) {
        return;
    }
    fprintf(stream, "\nboth sides of the membrane (forces in kJ/mol, in - out)\n");
    fprintf(stream, "  %-*s %11s %11s", nm_name_columns(model), "", "inside mM", "outside mM");
    if (has_potential) {
        fprintf(stream, " %10s %10s %10s", "Nernst mV", "chemical", "electrical");
    }
    fprintf(stream, " %10s  %s\n", has_potential ? "= force" : "force", "pushes");
    for (int i = 0; i < model->n_pairs; i++) {
        print_pair(stream, balance, i, has_potential);
    }
}

static void print_state_row(FILE *stream, const nm_model *model, const char *name, double value,
                            const char *unit, const char *text)
{
    char shown[NM_WORDS];
    int at = fprintf(stream, "  %-*s %11s %-11s", nm_name_columns(model), name,
                     nm_balance_number(shown, value), unit);
    nm_put_wrapped(stream, &at, nm_name_columns(model) + 27, " %s", text);
    fputc('\n', stream);
}

static void print_state(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    int is_paired[NM_MAX_OUTPUTS] = {0}; /* each species has an output of its own */
    for (int i = 0; i < model->n_pairs; i++) {
        int s = model->pairs[i], partner = model->species[s].partner;
        is_paired[s] = 1;
        if (partner >= 0) {
            is_paired[partner] = 1;
        }
    }
    fprintf(stream, "\nstate\n");
    for (int i = 0; i < model->n_potentials; i++) {
        const nm_output *info = nm_balance_output(balance, NM_FAMILY_potential, i);
        print_state_row(stream, model, info->name,
                        1e3 * nm_balance_value(balance, NM_FAMILY_potential, i), "mV", info->text);
    }
    for (int i = 0; i < model->n_volumes; i++) {
        const nm_output *info = nm_balance_output(balance, NM_FAMILY_volume, i);
        print_state_row(stream, model, info->name,
                        1e6 * nm_balance_value(balance, NM_FAMILY_volume, i), "um", info->text);
    }
    for (int s = 0; s < model->n_species; s++) {
        if (!is_paired[s] && model->species[s].kind != NM_SPECIES_WATER) {
            double value = nm_balance_concentration(balance, s);
            const char *unit = nm_catalogue_unit(model, s);
            if (strcmp(unit, "mol m-3") == 0) {
                print_state_row(stream, model, model->species[s].name, value, "mM",
                                model->species[s].text);
            } else {
                /* amounts per area: mol m-2 */
                nm_scale scale = nm_scale_for(fabs(value), unit, "", 0);
                print_state_row(stream, model, model->species[s].name, scale.factor * value,
                                scale.unit, model->species[s].text);
            }
        }
    }
    print_pairs(stream, balance);
}

/* --- species ----------------------------------------------------------------------------------- */

void nm_balance_print_flows(FILE *stream, int *at, const nm_balance *balance, int s, int sign,
                            nm_scale scale)
{
    const nm_model *model = balance->plan->model;
    int n = 0;
    for (int k = 0; k < model->n_paths; k++) {
        double made = model->nu[k * model->n_species + s] * nm_balance_flux(balance, k);
        if (made * sign > 0.0) {
            char value[NM_WORDS];
            nm_put_wrapped(stream, at, nm_name_columns(model) + 4, "%s%s %s", n++ > 0 ? ", " : " ",
                           nm_balance_number(value, scale.factor * fabs(made)),
                           model->paths[k].name);
        }
    }
    if (n == 0) {
        nm_put_wrapped(stream, at, nm_name_columns(model) + 4, " nothing");
    }
}

static void print_species(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    nm_scale scale = nm_flux_scale(balance);
    fprintf(stream, "\neach species: what comes in, what goes out, in %s\n", scale.unit);
    for (int s = 0; s < model->n_species; s++) {
        double sum, turnover;
        if (nm_balance_books(&sum, &turnover, balance, s) == 0) {
            continue;
        }
        int moves = 0;
        for (int k = 0; k < model->n_paths; k++) {
            moves |= model->nu[k * model->n_species + s] != 0 && nm_balance_flux(balance, k) != 0.0;
        }
        int at = fprintf(stream, "  %-*s ", nm_name_columns(model), model->species[s].name);
        if (moves) {
            nm_put_wrapped(stream, &at, nm_name_columns(model) + 4, "in");
            nm_balance_print_flows(stream, &at, balance, s, 1, scale);
            nm_put_wrapped(stream, &at, nm_name_columns(model) + 4, "; out");
            nm_balance_print_flows(stream, &at, balance, s, -1, scale);
            if (nm_balance_is_held(balance, s)) {
                nm_put_wrapped(stream, &at, nm_name_columns(model) + 4,
                               "; held: its reservoir %s %.4g", sum > 0.0 ? "takes" : "gives",
                               scale.factor * fabs(sum));
            } else {
                nm_put_wrapped(stream, &at, nm_name_columns(model) + 4, "; sum %.1e",
                               scale.factor * sum + 0.0);
            }
        } else {
            nm_put_wrapped(stream, &at, nm_name_columns(model) + 4,
                           "as much comes as goes, by each pathway");
        }
        fputc('\n', stream);
    }
}

/* --- the sheet --------------------------------------------------------------------------------- */

static void print_observables(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    char text[NM_WORDS];
    if (model->n_observables > 0) {
        fprintf(stream, "\nof this model\n");
    }
    for (int i = 0; i < model->n_observables; i++) {
        const nm_observable_info *info = &model->observables[i];
        int at =
            fprintf(stream, "  %-16s %12s %-12s", info->name,
                    nm_balance_number(text, nm_balance_value(balance, NM_FAMILY_observable, i)),
                    nm_unit_of(info->unit));
        nm_put_wrapped(stream, &at, at + 1, " %s", info->text);
        fputc('\n', stream);
    }
}

static void print_params(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    fprintf(stream, "\nparameters that matter here\n");
    for (int i = 0; i < model->n_params; i++) {
        const nm_param_info *info = &model->params[i];
        if (balance->matters[i]) {
            char text[NM_WORDS], dflt[NM_WORDS];
            int at = fprintf(stream, "  %-*s %12s %-12s", nm_name_columns(model), info->name,
                             nm_words_double(text, balance->params[i]), nm_unit_of(info->unit));
            nm_put_wrapped(stream, &at, at + 1, " %s", info->text);
            if (balance->params[i] != info->dflt) {
                nm_put_wrapped(stream, &at, nm_name_columns(model) + 29, " (default %s)",
                               nm_words_double(dflt, info->dflt));
            }
            fputc('\n', stream);
        }
    }
}

static void print_numerics(FILE *stream, const nm_balance *balance)
{
    double resid = nm_balance_scalar(balance, NM_SCALAR_resid),
           delta = nm_balance_scalar(balance, NM_SCALAR_delta);
    double n_iterations = nm_balance_scalar(balance, NM_SCALAR_iterations);
    if (isfinite(resid)) {
        fprintf(stream, "\nnumerics  largest relative residual %.1e", resid);
        if (isfinite(delta)) {
            fprintf(stream, ", last Newton step %.1e", delta);
        }
        if (isfinite(n_iterations)) {
            fprintf(stream, ", %.0f iterations", n_iterations);
        }
        fputc('\n', stream);
    }
}

void nm_balance_print(FILE *stream, const nm_balance *balance, const nm_balance_why *why)
{
    print_head(stream, balance);
    if (nm_outcome_has_values(balance->outcome)) {
        print_state(stream, balance);
        nm_balance_print_fluxes(stream, balance);
        nm_balance_print_forces(stream, balance);
        nm_balance_print_bill(stream, balance);
        nm_balance_print_loops(stream, balance);
        nm_balance_print_molecule(stream, balance);
        print_species(stream, balance);
        print_observables(stream, balance);
    }
    if (why) {
        nm_balance_print_why(stream, why, balance);
    }
    print_params(stream, balance);
    print_numerics(stream, balance);
}
