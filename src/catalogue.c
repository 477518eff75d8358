/* Gives every output of a model its number, name, unit and text, in the order of NM_FAMILY_LIST. */
#include <stdio.h>
#include <string.h>

#include "plan.h"
#include "words.h"

typedef struct family_info {
    const char *prefix, *unit, *text;
} family_info;

static const family_info families[] = {
#define FAMILY_INFO(tag, counter, prefix, unit, text) {prefix, unit, text},
    NM_FAMILY_LIST(FAMILY_INFO)
#undef FAMILY_INFO
};

static const family_info scalars[] = {
#define SCALAR_INFO(name, unit, text) {#name, unit, text},
    NM_SCALAR_LIST(SCALAR_INFO)
#undef SCALAR_INFO
};

static const family_info walk_scalars[] = {
#define WALK_INFO(name, unit, text) {#name, unit, text},
    NM_WALK_LIST(WALK_INFO)
#undef WALK_INFO
};

static const family_info ssa_scalars[] = {
#define SSA_INFO(name, unit, text) {#name, unit, text},
    NM_SSA_LIST(SSA_INFO)
#undef SSA_INFO
};

int nm_catalogue_count(const nm_model *model, nm_family family)
{
    const int n_potentials = model->n_potentials, n_volumes = model->n_volumes,
              n_species = model->n_species;
    const int n_pairs = model->n_pairs, n_paths = model->n_paths, n_fuels = model->n_fuels;
    const int n_loops = model->n_loops;
    const int n_scalars = NM_N_SCALARS, n_observables = model->n_observables;
    const int is_walk = model->n_walk_states > 0, n_steps = is_walk ? n_paths : 0;
    const int n_walk_scalars = is_walk ? NM_N_WALK_SCALARS : 0,
              n_ssa_scalars = is_walk ? NM_N_SSA_SCALARS : 0,
              n_ssa_bins = is_walk ? NM_SSA_BINS : 0, n_turns = model->n_turns;
    switch (family) {
#define FAMILY_COUNT(tag, counter, prefix, unit, text)                                             \
    case NM_FAMILY_##tag:                                                                          \
        return n_##counter;
        NM_FAMILY_LIST(FAMILY_COUNT)
#undef FAMILY_COUNT
    }
    return 0;
}

int nm_catalogue_number(const nm_model *model, nm_family family, int i)
{
    int number = i;
    for (nm_family before = 0; before < family; before++) {
        number += nm_catalogue_count(model, before);
    }
    return number;
}

/* The i-th compartment that has a potential (or a volume). */
static const nm_compartment_info *compartment(const nm_model *model, int i, int of_volume)
{
    for (int k = 0; k < model->n_compartments; k++) {
        const nm_compartment_info *info = &model->compartments[k];
        const char *name = of_volume ? info->volume : info->potential;
        if (name != NULL && i-- == 0) {
            return info;
        }
    }
    return NULL;
}

static int moves_water(const nm_model *model, int i_path)
{
    for (int s = 0; s < model->n_species; s++) {
        if (model->species[s].kind == NM_SPECIES_WATER &&
            model->nu[i_path * model->n_species + s] != 0) {
            return 1;
        }
    }
    return 0;
}

static int is_default_path(const nm_model *model, int i_path)
{
    for (int k = 0; k < model->n_paths; k++) {
        if (model->paths[k].is_fueled) {
            return model->paths[i_path].is_fueled;
        }
    }
    return !moves_water(model, i_path);
}

static int is_default_scalar(const nm_model *model, int scalar)
{
    switch (scalar) {
    case NM_SCALAR_sigma_total:
    case NM_SCALAR_a_max:
    case NM_SCALAR_tau_slow:
    case NM_SCALAR_resid:
        return 1;
    case NM_SCALAR_efficiency:
        return model->n_fuels > 0;
    default:
        return 0;
    }
}

/* Writes `unit` with EXTENT replaced. returns 0 where it does not fit. */
static int write_unit(char *out, size_t bytes, const char *unit, const char *extent)
{
    static const char word[] = "EXTENT";
    const char *at = strstr(unit, word);
    int length = at == NULL ? snprintf(out, bytes, "%s", unit)
                            : snprintf(out, bytes, "%.*s%s%s", (int)(at - unit), unit, extent,
                                       at + sizeof(word) - 1);
    return length >= 0 && (size_t)length < bytes;
}

char *nm_catalogue_loop(char *out, const nm_model *model, int i_loop)
{
    const double *part = model->loop_part + (size_t)i_loop * (size_t)model->n_paths;
    int chord = model->loops[i_loop];
    int length = snprintf(out, NM_LOOP_TEXT, "%s", model->paths[chord].name);
    for (int k = 0; k < model->n_paths && length < NM_LOOP_TEXT; k++) {
        if (k != chord && part[k] != 0.0) {
            double size = part[k] < 0.0 ? -part[k] : part[k];
            char factor[32] = "";
            if (size != 1.0) {
                snprintf(factor, sizeof factor, "%.6g ", size);
            }
            length += snprintf(out + length, (size_t)(NM_LOOP_TEXT - length), " %c %s%s",
                               part[k] < 0.0 ? '-' : '+', factor, model->paths[k].name);
        }
    }
    return out;
}

const char *nm_catalogue_unit(const nm_model *model, int i_species)
{
    for (int t = 0; t < model->n_totals; t++) {
        if (!nm_has_word(model->totals[t].expression, model->species[i_species].name)) {
            continue;
        }
        for (int i = 0; i < model->n_params; i++) {
            if (strcmp(model->params[i].name, model->totals[t].name) == 0) {
                return model->params[i].unit;
            }
        }
    }
    return "mol m-3";
}

/* A name of an output, its own unit and text where it has them, and whether it is a default. */
typedef struct label {
    char base[64]; /* the name without the family's prefix; "" where the output is not offered */
    const char *suffix, *unit, *text, *of; /* text: own text; of: what the family's text is about */
    int is_default, is_default_walk;
    char loop[NM_LOOP_TEXT]; /* in place of `of` */
} label;

static int is_error(nm_family family)
{
    return family == NM_FAMILY_ssa_rate_se || family == NM_FAMILY_ssa_var_se ||
           family == NM_FAMILY_ssa_fano_se || family == NM_FAMILY_ssa_tur_se;
}

/* Which entropy production the trajectories of a bin have. out: [NM_LOOP_TEXT] */
static void name_bin(char *out, int i)
{
    int low = i - 1 - (NM_SSA_BINS - 2) / 2;
    if (i == 0) {
        snprintf(out, NM_LOOP_TEXT, "below %d bin widths", low + 1);
    } else if (i == NM_SSA_BINS - 1) {
        snprintf(out, NM_LOOP_TEXT, "of %d bin widths or more", low);
    } else {
        snprintf(out, NM_LOOP_TEXT, "from %d to %d bin widths", low, low + 1);
    }
}

static nm_need need_of(nm_family family, int i)
{
    if (family < NM_FAMILY_ssa_rate || family > NM_FAMILY_ssa_back) {
        return NM_NEED_NOTHING;
    }
    return family == NM_FAMILY_ssa && i >= NM_SSA_ssa_fpt && i <= NM_SSA_ssa_fpt_done
               ? NM_NEED_CYCLE
               : NM_NEED_TRAJECTORIES;
}

static label make_label(const nm_model *model, nm_family family, int i)
{
    label label = {.suffix = ""};
    const char *base = "";
    switch (family) {
    case NM_FAMILY_potential:
    case NM_FAMILY_V_min:
    case NM_FAMILY_V_max: {
        const nm_compartment_info *info = compartment(model, i, 0);
        base = info != NULL ? info->potential : "";
        label.of = info != NULL ? info->name : NULL;
        label.suffix = family == NM_FAMILY_V_min ? "_min" : family == NM_FAMILY_V_max ? "_max" : "";
        label.is_default = family == NM_FAMILY_potential;
        break;
    }
    case NM_FAMILY_volume: {
        const nm_compartment_info *info = compartment(model, i, 1);
        base = info != NULL ? info->volume : "";
        label.of = info != NULL ? info->name : NULL;
        label.is_default = 1;
        break;
    }
    case NM_FAMILY_conc: {
        const nm_species_info *species = &model->species[i];
        int is_offered = species->kind == NM_SPECIES_FREE || species->kind == NM_SPECIES_TRAPPED;
        base = is_offered ? species->name : "";
        label.of = species->text;
        label.unit = nm_catalogue_unit(model, i);
        label.is_default = is_offered;
        break;
    }
    case NM_FAMILY_E:
    case NM_FAMILY_dmu:
    case NM_FAMILY_dmu_chem:
    case NM_FAMILY_dmu_el: {
        const char *name = model->species[model->pairs[i]].name;
        const char *cut = strrchr(name, '_');
        size_t length = cut != NULL && cut != name ? (size_t)(cut - name) : strlen(name);
        snprintf(label.base, sizeof(label.base), "%.*s", (int)length, name);
        return label;
    }
    case NM_FAMILY_J:
    case NM_FAMILY_Jout:
    case NM_FAMILY_Jin:
    case NM_FAMILY_exch:
    case NM_FAMILY_A:
    case NM_FAMILY_Tsigma:
        base = model->paths[i].name;
        label.of = model->paths[i].text;
        label.is_default = family == NM_FAMILY_J && is_default_path(model, i);
        break;
    case NM_FAMILY_P:
    case NM_FAMILY_A_fuel:
        base = model->fuels[i].name;
        label.of = model->fuels[i].text;
        label.is_default = family == NM_FAMILY_P;
        break;
    case NM_FAMILY_Jcyc:
    case NM_FAMILY_Acyc:
        base = model->paths[model->loops[i]].name;
        nm_catalogue_loop(label.loop, model, i);
        break;
    case NM_FAMILY_scalar:
        base = scalars[i].prefix;
        label.unit = scalars[i].unit;
        label.text = scalars[i].text;
        label.is_default = is_default_scalar(model, i);
        break;
    case NM_FAMILY_rate:
    case NM_FAMILY_var:
    case NM_FAMILY_fano:
    case NM_FAMILY_tur:
    case NM_FAMILY_ssa_rate:
    case NM_FAMILY_ssa_var:
    case NM_FAMILY_ssa_fano:
    case NM_FAMILY_ssa_tur:
    case NM_FAMILY_ssa_rate_se:
    case NM_FAMILY_ssa_var_se:
    case NM_FAMILY_ssa_fano_se:
    case NM_FAMILY_ssa_tur_se:
        base = model->paths[i].name;
        label.of = model->paths[i].text;
        label.suffix = is_error(family) ? "_se" : "";
        label.is_default_walk = family == NM_FAMILY_rate || family == NM_FAMILY_var ||
                                family == NM_FAMILY_ssa_rate || family == NM_FAMILY_ssa_rate_se ||
                                family == NM_FAMILY_ssa_var || family == NM_FAMILY_ssa_var_se;
        break;
    case NM_FAMILY_walk:
        base = walk_scalars[i].prefix;
        label.unit = walk_scalars[i].unit;
        label.text = walk_scalars[i].text;
        label.is_default_walk = i != NM_WALK_activity;
        break;
    case NM_FAMILY_ssa:
        base = ssa_scalars[i].prefix;
        label.unit = ssa_scalars[i].unit;
        label.text = ssa_scalars[i].text;
        label.is_default_walk =
            i != NM_SSA_ssa_jumps && i != NM_SSA_ssa_fpt_var && i != NM_SSA_ssa_fpt_var_se;
        break;
    case NM_FAMILY_ssa_hist:
        snprintf(label.base, sizeof(label.base), "%02d", i);
        name_bin(label.loop, i);
        return label;
    case NM_FAMILY_ssa_forth:
    case NM_FAMILY_ssa_back: {
        const nm_turn *turn = &model->turns[i];
        const char *enter = model->paths[turn->enter].name, *leave = model->paths[turn->leave].name,
                   *state = model->species[model->walk_species[turn->state]].name;
        snprintf(label.base, sizeof(label.base), "%s_%s_%s", enter, state, leave);
        snprintf(label.loop, sizeof label.loop, "by %s to %s and on by %s", enter, state, leave);
        return label;
    }
    case NM_FAMILY_observable:
        base = model->observables[i].name;
        label.unit = model->observables[i].unit;
        label.text = model->observables[i].text;
        break;
    }
    snprintf(label.base, sizeof(label.base), "%s", base);
    return label;
}

static nm_status fill(nm_output *output, const nm_model *model, nm_family family, int i)
{
    label label = make_label(model, family, i);
    memset(output, 0, sizeof(*output));
    if (label.base[0] == '\0') {
        return NM_OK;
    }
    int length = snprintf(output->name, sizeof(output->name), "%s%s%s", families[family].prefix,
                          label.base, label.suffix);
    const char *unit = label.unit != NULL ? label.unit : families[family].unit;
    if (length >= (int)sizeof(output->name) ||
        !write_unit(output->unit, sizeof(output->unit), unit, model->extent)) {
        return nm_fail(NM_USAGE, "model %s: the name or the unit of output \"%s\" is too long",
                       model->name, output->name);
    }
    label.of = label.loop[0] ? label.loop : label.of;
    const char *text = label.text != NULL ? label.text : families[family].text;
    if (label.text == NULL && label.of == NULL) {
        snprintf(output->text, sizeof(output->text), "%s of %s", text, label.base);
    } else if (label.text == NULL && label.of[0] != '\0') {
        snprintf(output->text, sizeof(output->text), "%s: %.110s", text, label.of);
    } else {
        snprintf(output->text, sizeof(output->text), "%s", text);
    }
    output->is_default = label.is_default;
    output->is_default_walk = label.is_default_walk;
    output->need = need_of(family, i);
    return NM_OK;
}

static nm_status check_unique(const nm_catalogue *catalogue, const nm_model *model)
{
    for (int i = 0; i < catalogue->n; i++) {
        const char *name = catalogue->output[i].name;
        if (name[0] == '\0') {
            continue;
        }
        for (int k = 0; k < model->n_params; k++) {
            if (strcmp(name, model->params[k].name) == 0) {
                return nm_fail(
                    NM_USAGE,
                    "model %s: \"%s\" names both a parameter and an output; rename one of them",
                    model->name, name);
            }
        }
        for (int k = 0; k < i; k++) {
            if (strcmp(name, catalogue->output[k].name) == 0) {
                return nm_fail(
                    NM_USAGE,
                    "model %s: \"%s\" names two outputs; rename what one of them comes from",
                    model->name, name);
            }
        }
    }
    return NM_OK;
}

nm_status nm_catalogue_build(nm_catalogue *catalogue, const nm_model *model)
{
    catalogue->n = 0;
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        int n = nm_catalogue_count(model, (nm_family)f);
        if (n > NM_MAX_OUTPUTS - catalogue->n) {
            return nm_fail(NM_USAGE, "model %s: more than %d outputs", model->name, NM_MAX_OUTPUTS);
        }
        for (int i = 0; i < n; i++) {
            NM_TRY(fill(&catalogue->output[catalogue->n], model, (nm_family)f, i));
            catalogue->n++;
        }
    }
    return check_unique(catalogue, model);
}

int nm_catalogue_is_met(const nm_output *output, const nm_stochastic *stochastic)
{
    return output->need == NM_NEED_NOTHING ||
           (stochastic->n_trajectories > 0 &&
            (output->need == NM_NEED_TRAJECTORIES || stochastic->cycle >= 0));
}

int nm_catalogue_find(const nm_catalogue *catalogue, const char *name)
{
    for (int i = 0; i < catalogue->n && name[0] != '\0'; i++) {
        if (strcmp(catalogue->output[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}
