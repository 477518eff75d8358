/* The tables of pathways of a balance sheet: fluxes, forces, loops, and who pays whom. */
#include <math.h>
#include <string.h>

#include "balance_units.h"

/* --- pathways ---------------------------------------------------------------------------------- */

/* what is left of equal terms */
static double without_noise(const nm_balance *balance, double force)
{
    return fabs(force) < 1e-9 * NM_GAS * nm_balance_temperature(balance) ? 0.0 : force;
}

static const char *direction(const nm_balance *balance, int i_path)
{
    double flux = nm_balance_flux(balance, i_path);
    int crosses = nm_balance_crosses(balance->plan->model, i_path);
    return flux == 0.0  ? "balanced"
           : flux > 0.0 ? (crosses ? "outward" : "forward")
                        : (crosses ? "inward" : "backward");
}

static void print_closed(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    int at = 0, n = 0;
    for (int k = 0; k < model->n_paths; k++) {
        if (nm_balance_is_closed(balance, k)) {
            if (n == 0) {
                at = fprintf(stream, "  closed (no flux either way):");
            }
            nm_put_wrapped(stream, &at, 4, "%s %s", n++ > 0 ? "," : "", model->paths[k].name);
        }
    }
    if (n > 0) {
        fputc('\n', stream);
    }
}

void nm_balance_print_fluxes(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    char net[NM_WORDS], out[NM_WORDS], in[NM_WORDS], current[NM_WORDS];
    nm_scale scale = nm_flux_scale(balance);
    int has_current = model->n_potentials > 0 && !nm_is_flask(model);
    fprintf(stream, "\nfluxes in %s%s\n", scale.unit,
            has_current ? "; + is outward, as the pathway is written" : "; + is as written");
    fprintf(stream, "  %-*s %11s %11s %11s%s  %-9s %s\n", nm_name_columns(model), "", "net",
            "one way", "and back", has_current ? "  charge  uA/cm2" : "", "runs", "pathway");
    for (int k = 0; k < model->n_paths; k++) {
        if (nm_balance_is_closed(balance, k)) {
            continue;
        }
        double flux = nm_balance_flux(balance, k);
        int at = fprintf(
            stream, "  %-*s %11s %11s %11s", nm_name_columns(model), model->paths[k].name,
            nm_balance_number(net, scale.factor * flux),
            nm_balance_number(out, scale.factor * nm_balance_value(balance, NM_FAMILY_Jout, k)),
            nm_balance_number(in, scale.factor * nm_balance_value(balance, NM_FAMILY_Jin, k)));
        if (has_current) {
            double charge = nm_balance_charge(model, k);
            at += fprintf(stream, charge == 0.0 ? "  %6g %7s" : "  %+6g %7s", charge + 0.0,
                          nm_balance_number(current, 100.0 * NM_FARADAY_CONSTANT * charge * flux));
        }
        at += fprintf(stream, "  %-9s ", direction(balance, k));
        nm_put_wrapped(stream, &at, at, "%s", model->paths[k].text);
        fputc('\n', stream);
    }
    print_closed(stream, balance);
}

void nm_balance_print_forces(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    nm_force force[NM_MAX_OUTPUTS]; /* each pathway has outputs of its own */
    char text[4][NM_WORDS];
    int has_electrical = 0, has_other = 0, has_fuel = 0;
    for (int k = 0; k < model->n_paths; k++) {
        force[k] = nm_balance_force(balance, k);
        force[k].chemical = without_noise(balance, force[k].chemical);
        force[k].other = without_noise(balance, force[k].other);
        if (!nm_balance_is_closed(balance, k)) {
            has_electrical |= isfinite(force[k].electrical) && force[k].electrical != 0.0;
            has_other |= isfinite(force[k].other) && force[k].other != 0.0;
            has_fuel |= model->paths[k].is_fueled;
        }
    }
    fprintf(stream, "\nforces in kJ per mole of each pathway; + drives it as written\n");
    fprintf(stream, "  %-*s %11s   %11s", nm_name_columns(model), "", "force", "= chemical");
    fprintf(stream, "%s", has_electrical ? "  + electrical" : "");
    fprintf(stream, "%s     in RT\n",
            !has_other ? ""
            : has_fuel ? "        + fuel"
                       : "   + standard");
    for (int k = 0; k < model->n_paths; k++) {
        if (nm_balance_is_closed(balance, k)) {
            continue;
        }
        double total = nm_balance_affinity(balance, k);
        fprintf(stream, "  %-*s %11s   %11s", nm_name_columns(model), model->paths[k].name,
                nm_balance_number(text[0], 1e-3 * total),
                nm_balance_number(text[1], 1e-3 * force[k].chemical));
        if (has_electrical) {
            fprintf(stream, "  %12s", nm_balance_number(text[2], 1e-3 * force[k].electrical));
        }
        if (has_other) {
            fprintf(stream, "%*s", has_fuel ? 14 : 13,
                    nm_balance_number(text[3], 1e-3 * force[k].other));
        }
        fprintf(stream, "  %8s\n",
                nm_balance_number(text[2], total / (NM_GAS * nm_balance_temperature(balance))));
    }
}

/* the ways round: what turns, what drives it, and where it leads */
void nm_balance_print_loops(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    nm_scale flux = nm_flux_scale(balance), power = nm_power_scale(balance);
    char turns[NM_WORDS], affinity[NM_WORDS], heat[NM_WORDS], share[NM_WORDS], text[NM_LOOP_TEXT];
    double all = nm_balance_power(balance, nm_balance_scalar(balance, NM_SCALAR_Tsigma_total));
    double told = 0.0;
    int n = 0;
    for (int i = 0; i < model->n_loops; i++) {
        int chord = model->loops[i];
        double turned = nm_balance_flux(balance, chord) == 0.0
                            ? 0.0
                            : nm_balance_value(balance, NM_FAMILY_Jcyc, i);
        double driven = nm_balance_value(balance, NM_FAMILY_Acyc, i);
        if (nm_balance_is_closed(balance, chord)) {
            continue;
        }
        driven = balance->outcome == NM_OUTCOME_equilibrium ? 0.0 : without_noise(balance, driven);
        if (n++ == 0) {
            fprintf(stream, "\nloops: ways round that end where they begin\n");
            fprintf(stream, "  %11s %11s %11s %8s  through\n", flux.unit, "kJ per turn", power.unit,
                    "share");
        }
        snprintf(share, sizeof share, "%.1f %%",
                 all > 0.0 ? 100.0 * turned * driven / all + 0.0 : 0.0);
        told += turned * driven;
        int at = fprintf(stream, "  %11s %11s %11s %8s  ",
                         nm_balance_number(turns, flux.factor * turned),
                         nm_balance_number(affinity, 1e-3 * driven),
                         nm_balance_number(heat, power.factor * turned * driven), share);
        nm_put_wrapped(stream, &at, at, "%s", nm_catalogue_loop(text, model, i));
        fputc('\n', stream);
    }
    double clamp = nm_balance_scalar(balance, NM_SCALAR_P_clamp);
    if (n > 0 && nm_balance_power(balance, clamp) != 0.0 && fabs(told - all) > 1e-6 * all) {
        fprintf(stream, "  these are not all: a current of the clamp runs round through it\n");
    }
}

/* --- one molecule ------------------------------------------------------------------------------ */

/* how often its jumps happen, how much that fluctuates, and what precision costs */
void nm_balance_print_molecule(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    char rate[NM_WORDS], var[NM_WORDS], fano[NM_WORDS], tur[NM_WORDS];
    if (model->n_walk_states == 0 ||
        isnan(nm_balance_value(balance, NM_FAMILY_walk, NM_WALK_activity))) {
        return;
    }
    const int is_still = balance->outcome == NM_OUTCOME_equilibrium;
    fprintf(stream, "\none molecule: net jumps per second, and what they cost\n");
    fprintf(stream, "  %-*s %11s %11s %11s %11s\n", nm_name_columns(model), "", "rate", "variance",
            "Fano factor", "TUR product");
    for (int k = 0; k < model->n_paths; k++) {
        if (nm_balance_is_closed(balance, k)) {
            continue;
        }
        const int has_rate = nm_balance_flux(balance, k) != 0.0;
        fprintf(
            stream, "  %-*s %11s %11s", nm_name_columns(model), model->paths[k].name,
            nm_balance_number(rate, has_rate ? nm_balance_value(balance, NM_FAMILY_rate, k) : 0.0),
            nm_balance_number(var, nm_balance_value(balance, NM_FAMILY_var, k)));
        if (has_rate) {
            fprintf(stream, " %11s %11s",
                    nm_balance_number(fano, nm_balance_value(balance, NM_FAMILY_fano, k)),
                    nm_balance_number(tur, nm_balance_value(balance, NM_FAMILY_tur, k)));
        }
        fputc('\n', stream);
    }
    int at = fprintf(stream, "  entropy production %s k_B per second",
                     nm_balance_number(rate, is_still ? 0.0
                                                      : nm_balance_value(balance, NM_FAMILY_walk,
                                                                         NM_WALK_sigma_molecule)));
    nm_put_wrapped(
        stream, &at, 4, ", variance %s, by %s jumps",
        nm_balance_number(
            var, is_still ? 0.0 : nm_balance_value(balance, NM_FAMILY_walk, NM_WALK_var_sigma)),
        nm_balance_number(fano, nm_balance_value(balance, NM_FAMILY_walk, NM_WALK_activity)));
    fputc('\n', stream);
    at = fprintf(stream, "  ");
    nm_put_wrapped(stream, &at, 4,
                   "TUR product: variance x entropy production / rate^2, 2 or more by the "
                   "thermodynamic uncertainty relation");
    fputc('\n', stream);
}

/* --- who pays ---------------------------------------------------------------------------------- */

static void print_entry(FILE *stream, const char *name, double power, double all, nm_scale scale)
{
    char value[NM_WORDS], share[NM_WORDS] = "";
    if (all > 0.0) {
        snprintf(share, sizeof share, "  %6.1f %%", 100.0 * power / all + 0.0);
    }
    fprintf(stream, "  %-36s %12s%s\n", name, nm_balance_number(value, scale.factor * power),
            share);
}

static void print_supplies(FILE *stream, const nm_balance *balance, nm_scale scale, double *all)
{
    nm_supply supply[NM_MAX_SUPPLIES];
    int n = nm_balance_supplies(supply, balance);
    double sum = 0.0;
    *all = nm_balance_supplied(balance);
    for (int i = 0; i < n; i++) {
        double power = nm_balance_power(balance, supply[i].power);
        sum += power;
        if (power != 0.0) {
            char name[128];
            snprintf(name, sizeof name, "%s%s", supply[i].text, power < 0.0 ? " (receives)" : "");
            print_entry(stream, name, power, *all, scale);
        }
    }
    print_entry(stream, "supplied", sum, *all, scale);
}

/* the largest first */
static void print_heat(FILE *stream, const nm_balance *balance, nm_scale scale, double all)
{
    const nm_model *model = balance->plan->model;
    int is_done[NM_MAX_OUTPUTS] = {0};
    for (int i = 0; i < model->n_paths; i++) {
        int next = -1;
        double largest = 0.0;
        for (int k = 0; k < model->n_paths; k++) {
            double heat = nm_balance_value(balance, NM_FAMILY_Tsigma, k);
            if (!is_done[k] && isfinite(heat) && fabs(nm_balance_power(balance, heat)) > largest) {
                largest = fabs(heat);
                next = k;
            }
        }
        if (next >= 0) {
            char name[128];
            is_done[next] = 1;
            snprintf(name, sizeof name, "in %s", model->paths[next].name);
            print_entry(stream, name, nm_balance_value(balance, NM_FAMILY_Tsigma, next), all,
                        scale);
        }
    }
    print_entry(stream, "dissipated",
                nm_balance_power(balance, nm_balance_scalar(balance, NM_SCALAR_Tsigma_total)), all,
                scale);
}

void nm_balance_print_bill(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    char text[NM_WORDS], more[NM_WORDS];
    nm_scale scale = nm_power_scale(balance);
    double all;
    fprintf(stream, "\nwho pays, and where it goes, in %s\n", scale.unit);
    print_supplies(stream, balance, scale, &all);
    print_heat(stream, balance, scale, all);
    fprintf(stream, "  %-36s %12.1e\n", "left over (closure)",
            scale.factor * nm_balance_scalar(balance, NM_SCALAR_closure) + 0.0);
    double useful = nm_balance_scalar(balance, NM_SCALAR_W_pump);
    if (model->n_fuels > 0 && isfinite(useful) && nm_balance_power(balance, useful) != 0.0) {
        fprintf(stream, "  of the fuel, %s %s are handed on to gradients: efficiency %s %%\n",
                nm_balance_number(text, scale.factor * useful), scale.unit,
                nm_balance_number(more, 100.0 * nm_balance_scalar(balance, NM_SCALAR_efficiency)));
    }
    double lost = nm_balance_power(balance, nm_balance_scalar(balance, NM_SCALAR_Tsigma_total));
    int at =
        fprintf(stream, "  entropy production %s W %s K-1",
                nm_balance_number(
                    text, lost == 0.0 ? 0.0 : nm_balance_scalar(balance, NM_SCALAR_sigma_total)),
                model->extent);
    double stored = nm_balance_scalar(balance, NM_SCALAR_F_stored),
           cap = nm_balance_scalar(balance, NM_SCALAR_F_cap);
    if (isfinite(stored) && stored != 0.0) {
        nm_put_wrapped(stream, &at, 4, "; stored in gradients %s J %s",
                       nm_balance_number(text, stored), model->extent);
    }
    if (isfinite(cap) && cap != 0.0) {
        nm_put_wrapped(stream, &at, 4, "; in capacitances %s J %s", nm_balance_number(text, cap),
                       model->extent);
    }
    fputc('\n', stream);
}
