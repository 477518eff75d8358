/* The balance sheet as one JSON object: SI units, null for what is not there. */
#include <math.h>

#include "balance_parts.h"
#include "words.h"

static void put(FILE *stream, const char *separator, const char *key)
{
    fputs(separator, stream);
    nm_json_text(stream, key);
    fputs(": ", stream);
}

static void put_number(FILE *stream, const char *separator, const char *key, double value)
{
    put(stream, separator, key);
    nm_json_number(stream, value + 0.0);
}

static void put_question(FILE *stream, const nm_balance *balance)
{
    const nm_plan *plan = balance->plan;
    const nm_model *model = plan->model;
    put(stream, "{\n  ", "model");
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
        put_number(stream, i == 0 ? "\n    " : ",\n    ", model->params[i].name,
                   balance->params[i]);
    }
    fputs("\n  },\n  \"parameters_that_matter\": [", stream);
    separator = "";
    for (int i = 0; i < model->n_params; i++) {
        if (balance->matters[i]) {
            fprintf(stream, "%s\"%s\"", separator, model->params[i].name);
            separator = ", ";
        }
    }
    fputs("]", stream);
}

static void put_outputs(FILE *stream, const nm_balance *balance)
{
    const nm_catalogue *catalogue = &balance->plan->catalogue;
    const char *separator = "\n    ";
    fputs(",\n  \"outputs\": {", stream);
    for (int i = 0; i < catalogue->n; i++) {
        /* concentrations without a name are known by parameters */
        if (catalogue->output[i].name[0] && catalogue->output[i].need == NM_NEED_NOTHING) {
            put_number(stream, separator, catalogue->output[i].name, balance->value[i]);
            separator = ",\n    ";
        }
    }
    fputs("\n  }", stream);
}

static void put_paths(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    fputs(",\n  \"charge_per_turn\": {", stream);
    for (int k = 0; k < model->n_paths; k++) {
        put_number(stream, k == 0 ? "" : ", ", model->paths[k].name, nm_balance_charge(model, k));
    }
    fputs("},\n  \"forces\": {", stream);
    for (int k = 0; k < model->n_paths; k++) {
        nm_force force = nm_balance_force(balance, k);
        put(stream, k == 0 ? "\n    " : ",\n    ", model->paths[k].name);
        put_number(stream, "{", "total", nm_balance_value(balance, NM_FAMILY_A, k));
        put_number(stream, ", ", "chemical", force.chemical);
        put_number(stream, ", ", "electrical", force.electrical);
        put_number(stream, ", ", "other", force.other);
        fputs("}", stream);
    }
    fputs("\n  }", stream);
}

static void put_bill(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    nm_supply supply[NM_MAX_SUPPLIES];
    int n = nm_balance_supplies(supply, balance);
    fputs(",\n  \"supplied\": {", stream);
    for (int i = 0; i < n; i++) {
        put_number(stream, i == 0 ? "" : ", ", supply[i].name, supply[i].power);
    }
    fputs("},\n  \"dissipated\": {", stream);
    for (int k = 0; k < model->n_paths; k++) {
        put_number(stream, k == 0 ? "" : ", ", model->paths[k].name,
                   nm_balance_value(balance, NM_FAMILY_Tsigma, k));
    }
    fputs("}", stream);
}

static void put_loops(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    fputs(",\n  \"loops\": {", stream);
    for (int i = 0; i < model->n_loops; i++) {
        const char *separator = "";
        put(stream, i == 0 ? "\n    " : ",\n    ", model->paths[model->loops[i]].name);
        put_number(stream, "{", "turns", nm_balance_value(balance, NM_FAMILY_Jcyc, i));
        put_number(stream, ", ", "affinity", nm_balance_value(balance, NM_FAMILY_Acyc, i));
        fputs(", \"paths\": {", stream);
        for (int k = 0; k < model->n_paths; k++) {
            double part = model->loop_part[i * model->n_paths + k];
            if (part != 0.0) {
                put_number(stream, separator, model->paths[k].name, part);
                separator = ", ";
            }
        }
        fputs("}}", stream);
    }
    fprintf(stream, "%s}", model->n_loops > 0 ? "\n  " : "");
}

/* what comes in and what goes out, by pathways */
static void put_flows(FILE *stream, const nm_balance *balance, int s, int sign)
{
    const nm_model *model = balance->plan->model;
    const char *separator = "";
    fputs("{", stream);
    for (int k = 0; k < model->n_paths; k++) {
        double made = nm_balance_made(balance, k, s);
        if (made * sign > 0.0) {
            put_number(stream, separator, model->paths[k].name, fabs(made));
            separator = ", ";
        }
    }
    fputs("}", stream);
}

static void put_species(FILE *stream, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    const char *separator = "\n    ";
    fputs(",\n  \"balance\": {", stream);
    for (int s = 0; s < model->n_species; s++) {
        double sum, turnover;
        if (nm_balance_books(&sum, &turnover, balance, s) == 0) {
            continue;
        }
        put(stream, separator, model->species[s].name);
        put(stream, "{", "in");
        put_flows(stream, balance, s, 1);
        put(stream, ", ", "out");
        put_flows(stream, balance, s, -1);
        put_number(stream, ", ", "sum", sum);
        put_number(stream, ", ", "turnover", turnover);
        fprintf(stream, ", \"held\": %s}", nm_balance_is_held(balance, s) ? "true" : "false");
        separator = ",\n    ";
    }
    fputs("\n  }", stream);
}

void nm_balance_print_json(FILE *stream, const nm_balance *balance, const nm_balance_why *why)
{
    put_question(stream, balance);
    put_outputs(stream, balance);
    put_paths(stream, balance);
    put_bill(stream, balance);
    put_loops(stream, balance);
    put_species(stream, balance);
    if (why && !nm_outcome_has_values(balance->outcome)) {
        fputs(",\n  \"steady_state_where\": ", stream);
        nm_balance_print_why_json(stream, why, balance);
    }
    fputs("\n}\n", stream);
}
