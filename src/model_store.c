/* The models that are built in, and what makes a model whole. */
#include "model_store.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conservation.h"
#include "plan.h"
#include "preset.h"
#include "units.h"

#define builtin(name) extern const nm_model nm_model_##name;
#include "builtin_models.h"
#undef builtin

static const nm_model *const models[] = {
#define builtin(name) &nm_model_##name,
#include "builtin_models.h"
#undef builtin
    NULL,
};

enum { N_MODELS = sizeof(models) / sizeof(models[0]) - 1 };

const nm_model *const *nm_model_list(int *n)
{
    *n = N_MODELS;
    return models;
}

nm_status nm_model_find(const nm_model **model, const char *name)
{
    const char *names[N_MODELS + 1];
    for (int i = 0; i < N_MODELS; i++) {
        names[i] = models[i]->name;
        if (strcmp(names[i], name) == 0) {
            *model = models[i];
            return NM_OK;
        }
    }
    *model = NULL;
    const char *near = nm_nearest(name, names, N_MODELS);
    return near != NULL
               ? nm_fail(NM_USAGE, "there is no model \"%.60s\"; did you mean \"%s\"?", name, near)
               : nm_fail(NM_USAGE, "there is no model \"%.60s\"; `nessmap models` lists them",
                         name);
}

/* --- checks ----------------------------------------------------------------------------------- */

static int is_identifier(const char *name)
{
    if (name == NULL || !(isalpha((unsigned char)name[0]) || name[0] == '_')) {
        return 0;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_') {
            return 0;
        }
    }
    return 1;
}

/* Names that the output file gives to something else. */
static int is_reserved(const char *name)
{
    static const char *const reserved[] = {"outcome", "flags", "sample", "draw", "default"};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcmp(name, reserved[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static nm_status check_name(const nm_model *model, const char *what, const char *name)
{
    if (!is_identifier(name)) {
        return nm_fail(NM_USAGE,
                       "model %s: %s \"%s\" is no name; a name has letters, digits and _ only",
                       model->name, what, name != NULL ? name : "");
    }
    if (is_reserved(name)) {
        return nm_fail(
            NM_USAGE,
            "model %s: %s \"%s\" has a name that output files use for something else; rename it",
            model->name, what, name);
    }
    return NM_OK;
}

static nm_status check_unit(const nm_model *model, const char *what, const char *name,
                            const char *unit)
{
    if (unit == NULL || nm_units_check(unit) != NM_OK) {
        return nm_fail(NM_USAGE, "model %s: %s %s: %s", model->name, what, name,
                       unit != NULL ? nm_last_error() : "it has no unit; \"1\" stands for none");
    }
    return NM_OK;
}

static nm_status check_sizes(const nm_model *model)
{
    if (model->abi != NM_ABI || model->struct_bytes != (int)sizeof(nm_model)) {
        return nm_fail(
            NM_USAGE,
            "this model was compiled for another nessmap (interface %d, %d bytes; here %d, %d); "
            "compile it again",
            model->abi, model->struct_bytes, NM_ABI, (int)sizeof(nm_model));
    }
    if (!is_identifier(model->name)) {
        return nm_fail(NM_USAGE, "a model needs a name of letters, digits and _ only, found \"%s\"",
                       model->name != NULL ? model->name : "");
    }
    if (model->n_params < 1 || model->n_params > NM_MAX_PARAMS) {
        return nm_fail(NM_USAGE, "model %s: %d parameters, but 1 to %d are possible", model->name,
                       model->n_params, NM_MAX_PARAMS);
    }
    if (model->n_variants < 0 || model->n_variants > NM_MAX_VARIANTS) {
        return nm_fail(NM_USAGE, "model %s: %d variants, but at most %d are possible", model->name,
                       model->n_variants, NM_MAX_VARIANTS);
    }
    if (model->extent == NULL ||
        (strcmp(model->extent, "m-2") != 0 && strcmp(model->extent, "m-3") != 0)) {
        return nm_fail(
            NM_USAGE,
            "model %s: its extent is \"%s\"; m-2 (a membrane) or m-3 (a volume) would be right",
            model->name, model->extent != NULL ? model->extent : "");
    }
    if (model->n_species < 1 || model->n_compartments < 1 || model->n_paths < 1 ||
        model->nu == NULL) {
        return nm_fail(NM_USAGE, "model %s: it needs a compartment, a species and a pathway",
                       model->name);
    }
    if (model->draw == NULL || model->axis_value == NULL || model->prepare_draw == NULL ||
        model->n_kernels < 1) {
        return nm_fail(NM_USAGE, "model %s: it has no compiled kernel", model->name);
    }
    for (int i = 0; i < model->n_kernels; i++) {
        const nm_kernel *kernel = &model->kernels[i];
        if (kernel->run == NULL || kernel->lanes < 1 ||
            (i > 0 && kernel->lanes >= kernel[-1].lanes)) {
            return nm_fail(NM_USAGE,
                           "model %s: kernel %d is empty or not narrower than the one before",
                           model->name, i);
        }
    }
    return NM_OK;
}

static nm_status check_params(const nm_model *model)
{
    int has_temperature = 0;
    for (int i = 0; i < model->n_params; i++) {
        const nm_param_info *param = &model->params[i];
        NM_TRY(check_name(model, "parameter", param->name));
        NM_TRY(check_unit(model, "parameter", param->name, param->unit));
        for (int k = 0; k < i; k++) {
            if (strcmp(param->name, model->params[k].name) == 0) {
                return nm_fail(NM_USAGE, "model %s: two parameters are named \"%s\"; rename one",
                               model->name, param->name);
            }
        }
        if (!(param->low <= param->dflt && param->dflt <= param->high) || !isfinite(param->low) ||
            !isfinite(param->high)) {
            return nm_fail(
                NM_USAGE,
                "model %s: parameter %s: low <= default <= high must hold, found %g, %g, %g",
                model->name, param->name, param->low, param->dflt, param->high);
        }
        if (param->is_log && param->low <= 0.0) {
            return nm_fail(
                NM_USAGE,
                "model %s: parameter %s: a logarithmic range must lie above 0, found low = %g",
                model->name, param->name, param->low);
        }
        has_temperature |= strcmp(param->name, "T") == 0;
    }
    return has_temperature
               ? NM_OK
               : nm_fail(NM_USAGE, "model %s: it needs a parameter T, the temperature in K",
                         model->name);
}

static nm_status check_variants(const nm_model *model)
{
    for (int i = 0; i < model->n_variants; i++) {
        const nm_variant_info *variant = &model->variants[i];
        NM_TRY(check_name(model, "variant", variant->name));
        if (variant->n_choices < 1) {
            return nm_fail(NM_USAGE, "model %s: variant %s has no choices", model->name,
                           variant->name);
        }
        for (int k = 0; k < i; k++) {
            if (strcmp(variant->name, model->variants[k].name) == 0) {
                return nm_fail(NM_USAGE, "model %s: two variants are named \"%s\"; rename one",
                               model->name, variant->name);
            }
        }
        for (int k = 0; k < variant->n_choices; k++) {
            NM_TRY(check_name(model, "choice", variant->choices[k]));
            for (int i_other = 0; i_other < k; i_other++) {
                if (strcmp(variant->choices[k], variant->choices[i_other]) == 0) {
                    return nm_fail(NM_USAGE,
                                   "model %s: variant %s has two choices named \"%s\"; rename one",
                                   model->name, variant->name, variant->choices[k]);
                }
            }
        }
    }
    return NM_OK;
}

static nm_status check_compartments(const nm_model *model)
{
    int n_potentials = 0, n_volumes = 0;
    for (int i = 0; i < model->n_compartments; i++) {
        const nm_compartment_info *compartment = &model->compartments[i];
        NM_TRY(check_name(model, "compartment", compartment->name));
        if (compartment->potential != NULL) {
            NM_TRY(check_name(model, "potential", compartment->potential));
            n_potentials++;
        }
        if (compartment->volume != NULL) {
            NM_TRY(check_name(model, "volume", compartment->volume));
            n_volumes++;
        }
    }
    if (n_potentials != model->n_potentials || n_volumes != model->n_volumes) {
        return nm_fail(
            NM_USAGE, "model %s: %d potentials and %d volumes are named, but %d and %d are counted",
            model->name, n_potentials, n_volumes, model->n_potentials, model->n_volumes);
    }
    return NM_OK;
}

static nm_status check_species(const nm_model *model)
{
    for (int i = 0; i < model->n_species; i++) {
        const nm_species_info *species = &model->species[i];
        NM_TRY(check_name(model, "species", species->name));
        for (int k = 0; k < i; k++) {
            if (strcmp(species->name, model->species[k].name) == 0) {
                return nm_fail(NM_USAGE, "model %s: two species are named \"%s\"; rename one",
                               model->name, species->name);
            }
        }
        if (species->compartment < 0 || species->compartment >= model->n_compartments ||
            species->partner < -1 || species->partner >= model->n_species) {
            return nm_fail(NM_USAGE,
                           "model %s: species %s lies in no compartment or has no such partner",
                           model->name, species->name);
        }
        for (int k = 0; k < model->n_paths && species->kind == NM_SPECIES_TRAPPED; k++) {
            if (model->nu[k * model->n_species + i] != 0) {
                return nm_fail(NM_USAGE,
                               "model %s: pathway %s moves %s, which is trapped; make it free",
                               model->name, model->paths[k].name, species->name);
            }
        }
    }
    for (int i = 0; i < model->n_pairs; i++) {
        if (model->pairs[i] < 0 || model->pairs[i] >= model->n_species) {
            return nm_fail(NM_USAGE, "model %s: pair %d names no species", model->name, i);
        }
    }
    return NM_OK;
}

static nm_status check_rest(const nm_model *model)
{
    for (int i = 0; i < model->n_fuels; i++) {
        NM_TRY(check_name(model, "fuel", model->fuels[i].name));
    }
    for (int i = 0; i < model->n_paths; i++) {
        NM_TRY(check_name(model, "pathway", model->paths[i].name));
    }
    for (int i = 0; i < model->n_observables; i++) {
        NM_TRY(check_name(model, "observable", model->observables[i].name));
        NM_TRY(check_unit(model, "observable", model->observables[i].name,
                          model->observables[i].unit));
    }
    for (int i = 0; i < model->n_totals; i++) {
        const nm_total_info *total = &model->totals[i];
        if (nm_param_index(model, total->name) < 0) {
            return nm_fail(
                NM_USAGE,
                "model %s: total %s must have the name of the parameter that holds its amount",
                model->name, total->name);
        }
        if (total->species < 0 || total->species >= model->n_species) {
            return nm_fail(NM_USAGE, "model %s: total %s replaces the balance of no species",
                           model->name, total->name);
        }
    }
    return NM_OK;
}

static nm_status check_presets_and_loops(const nm_model *model)
{
    for (int i = 0; i < model->n_presets; i++) {
        NM_TRY(check_name(model, "preset", model->presets[i].name));
    }
    for (int i = 0; i < model->n_loops; i++) {
        if (model->loops[i] < 0 || model->loops[i] >= model->n_paths) {
            return nm_fail(NM_USAGE, "model %s: loop %d is closed by no pathway", model->name, i);
        }
    }
    return NM_OK;
}

static nm_status check_outputs(const nm_model *model)
{
    nm_catalogue *catalogue = malloc(sizeof(*catalogue));
    if (catalogue == NULL) {
        return nm_fail(NM_MEMORY, "no memory to check model %s", model->name);
    }
    nm_status status = nm_catalogue_build(catalogue, model);
    for (int i = 0; status == NM_OK && i < catalogue->n; i++) {
        if (catalogue->output[i].name[0] != '\0') {
            status =
                check_unit(model, "output", catalogue->output[i].name, catalogue->output[i].unit);
        }
    }
    free(catalogue);
    return status;
}

nm_status nm_model_check(const nm_model *model)
{
    NM_TRY(check_sizes(model));
    NM_TRY(check_params(model));
    NM_TRY(check_variants(model));
    NM_TRY(check_compartments(model));
    NM_TRY(check_species(model));
    NM_TRY(check_rest(model));
    NM_TRY(check_presets_and_loops(model));
    NM_TRY(nm_preset_check(model));
    NM_TRY(check_outputs(model));
    return nm_conservation_check(model);
}
