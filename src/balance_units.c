/* Units that people read, and numbers without the rounding of what is zero. */
#include "balance_units.h"

#include <math.h>
#include <string.h>

nm_scale nm_scale_for(double largest, const char *base, const char *rest, int first)
{
    static const char *const prefix[] = {"f", "p", "n", "u", "m", "", "k", "M", "G"};
    enum { PLAIN = 5, N_PREFIXES = sizeof prefix / sizeof prefix[0] };
    nm_scale scale = {.factor = 1.0};
    int i = PLAIN + first;
    for (; largest > 0.0 && i > 0 && largest * scale.factor < 1.0; i--) {
        scale.factor *= 1e3;
    }
    for (; i < N_PREFIXES - 1 && largest * scale.factor >= 1e4; i++) {
        scale.factor *= 1e-3;
    }
    snprintf(scale.unit, sizeof scale.unit, "%s%s%s", prefix[i], base, rest);
    return scale;
}

int nm_is_flask(const nm_model *model)
{
    return strcmp(model->extent, "m-3") == 0;
}

/* "m2" of "m-2" */
static const char *per(const nm_model *model)
{
    return nm_is_flask(model) ? "m3" : strcmp(model->extent, "m-2") == 0 ? "m2" : model->extent;
}

/* in a flask mol m-3 s-1 is mM/s */
nm_scale nm_flux_scale(const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    double net = 0.0, exchanged = 0.0;
    char rest[16];
    for (int k = 0; k < model->n_paths; k++) {
        int is_water = 0;
        for (int s = 0; s < model->n_species; s++) {
            is_water |= model->species[s].kind == NM_SPECIES_WATER &&
                        model->nu[k * model->n_species + s] != 0;
        }
        if (!is_water) {
            net = fmax(net, fabs(nm_balance_flux(balance, k)));
            exchanged = fmax(exchanged, nm_balance_value(balance, NM_FAMILY_Jout, k));
            exchanged = fmax(exchanged, nm_balance_value(balance, NM_FAMILY_Jin, k));
        }
    }
    double largest = net > 0.0 ? net : exchanged;
    if (nm_is_flask(model)) {
        return nm_scale_for(largest, "M/s", "", -1);
    }
    snprintf(rest, sizeof rest, "/%s/s", per(model));
    return nm_scale_for(largest, "mol", rest, 0);
}

double nm_balance_scalar(const nm_balance *balance, int number)
{
    return nm_balance_value(balance, NM_FAMILY_scalar, number);
}

double nm_balance_power(const nm_balance *balance, double power)
{
    double total = 0.0;
    for (int k = 0; k < balance->plan->model->n_paths; k++) {
        double heat = nm_balance_value(balance, NM_FAMILY_Tsigma, k);
        total += isfinite(heat) ? fabs(heat) : 0.0;
    }
    int is_zero = balance->outcome == NM_OUTCOME_equilibrium || !(fabs(power) >= 1e-9 * total);
    return is_zero ? 0.0 : power;
}

double nm_balance_supplied(const nm_balance *balance)
{
    nm_supply supply[NM_MAX_SUPPLIES];
    int n = nm_balance_supplies(supply, balance);
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += fmax(nm_balance_power(balance, supply[i].power), 0.0);
    }
    return sum;
}

nm_scale nm_power_scale(const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    nm_supply supply[NM_MAX_SUPPLIES];
    int n = nm_balance_supplies(supply, balance);
    double largest = 0.0;
    char rest[16];
    for (int i = 0; i < n; i++) {
        largest = fmax(largest, fabs(nm_balance_power(balance, supply[i].power)));
    }
    for (int k = 0; k < model->n_paths; k++) {
        double heat = nm_balance_value(balance, NM_FAMILY_Tsigma, k);
        largest = fmax(largest, fabs(nm_balance_power(balance, heat)));
    }
    snprintf(rest, sizeof rest, "/%s", per(model));
    return nm_scale_for(largest, "W", rest, 0);
}

const char *nm_unit_of(const char *unit)
{
    return strcmp(unit, "1") == 0 ? "" : unit;
}

int nm_name_columns(const nm_model *model)
{
    size_t most = 9;
    for (int i = 0; i < model->n_paths; i++) {
        most = strlen(model->paths[i].name) > most ? strlen(model->paths[i].name) : most;
    }
    for (int i = 0; i < model->n_species; i++) {
        most = strlen(model->species[i].name) > most ? strlen(model->species[i].name) : most;
    }
    for (int i = 0; i < model->n_params; i++) {
        most = strlen(model->params[i].name) > most ? strlen(model->params[i].name) : most;
    }
    return most < 20 ? (int)most + 1 : 21;
}

const char *nm_balance_number(char *out, double value)
{
    if (isnan(value)) {
        snprintf(out, NM_WORDS, "-");
    } else {
        snprintf(out, NM_WORDS, "%.4g", value + 0.0);
    }
    return out;
}
