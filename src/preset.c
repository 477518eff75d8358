/* Reads the settings of presets: "name=value name=value", of parameters and variants. */
#include "preset.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "design.h"
#include "units.h"

enum { SETTING_BYTES = 128 }; /* longest "name=value" */

/* --- 1. one setting --------------------------------------------------------------------------- */

static nm_status fail(const nm_model *model, const nm_preset_info *preset, const char *setting,
                      const char *what)
{
    return nm_fail(NM_USAGE, "model %s: preset %s: \"%s\" %s", model->name, preset->name, setting,
                   what);
}

/* Copies the next setting, which blanks end; *setting is "" where there is none left. */
static nm_status next_setting(char setting[SETTING_BYTES], const char **at, const nm_model *model,
                              const nm_preset_info *preset)
{
    while (isspace((unsigned char)**at)) {
        ++*at;
    }
    size_t length = strcspn(*at, " \t\n");
    snprintf(setting, SETTING_BYTES, "%.*s", (int)(length < 64 ? length : 64), *at);
    if (length >= SETTING_BYTES) {
        return fail(model, preset, setting, "is too long for a setting");
    }
    snprintf(setting, SETTING_BYTES, "%.*s", (int)length, *at);
    *at += length;
    return NM_OK;
}

static nm_status fail_name(const nm_model *model, const nm_preset_info *preset, const char *name)
{
    const char *names[NM_MAX_PARAMS + NM_MAX_VARIANTS];
    size_t n = 0;
    for (int i = 0; i < model->n_params; i++) {
        names[n++] = model->params[i].name;
    }
    for (int i = 0; i < model->n_variants; i++) {
        names[n++] = model->variants[i].name;
    }
    const char *near = nm_nearest(name, names, n);
    return near ? nm_fail(NM_USAGE,
                          "model %s: preset %s: there is no parameter or variant \"%s\"; did you "
                          "mean \"%s\"?",
                          model->name, preset->name, name, near)
                : nm_fail(NM_USAGE, "model %s: preset %s: there is no parameter or variant \"%s\"",
                          model->name, preset->name, name);
}

static nm_status set_variant(int *choice, const nm_model *model, const nm_preset_info *preset,
                             const nm_variant_info *variant, const char *value)
{
    char list[256] = "";
    for (int k = 0; k < variant->n_choices; k++) {
        if (strcmp(variant->choices[k], value) == 0) {
            *choice = k;
            return NM_OK;
        }
        size_t length = strlen(list);
        snprintf(list + length, sizeof list - length, "%s%s", k > 0 ? ", " : "",
                 variant->choices[k]);
    }
    return nm_fail(NM_USAGE, "model %s: preset %s: %s=%s, but it is one of %s", model->name,
                   preset->name, variant->name, value, list);
}

/* What a preset sets; is_set: to find what is set twice. */
typedef struct sheet {
    double value[NM_MAX_PARAMS];
    int choice[NM_MAX_VARIANTS];
    int is_set[NM_MAX_PARAMS], is_chosen[NM_MAX_VARIANTS];
} sheet;

static nm_status read_setting(sheet *s, const nm_model *model, const nm_preset_info *preset,
                              char *setting)
{
    char *equals = strchr(setting, '=');
    if (!equals || equals == setting || equals[1] == '\0') {
        return fail(model, preset, setting, "is no setting; name=value is, without blanks");
    }
    for (int i = 0; i < model->n_variants; i++) {
        size_t length = strlen(model->variants[i].name);
        if ((size_t)(equals - setting) == length &&
            strncmp(setting, model->variants[i].name, length) == 0) {
            if (s->is_chosen[i]++) {
                return fail(model, preset, setting, "sets a variant a second time");
            }
            return set_variant(&s->choice[i], model, preset, &model->variants[i], equals + 1);
        }
    }
    *equals = '\0';
    int param = nm_param_index(model, setting);
    if (param < 0) {
        return fail_name(model, preset, setting);
    }
    *equals = '=';
    const char *unit;
    if (nm_units_split(&s->value[param], &unit, equals + 1) != NM_OK || *unit != '\0' ||
        !isfinite(s->value[param])) {
        return fail(model, preset, setting, "is no finite number in the parameter's unit");
    }
    return s->is_set[param]++ ? fail(model, preset, setting, "sets a parameter a second time")
                              : NM_OK;
}

static nm_status read_settings(sheet *s, const nm_model *model, const nm_preset_info *preset)
{
    char setting[SETTING_BYTES];
    memset(s, 0, sizeof *s);
    for (const char *at = preset->settings;;) {
        NM_TRY(next_setting(setting, &at, model, preset));
        if (setting[0] == '\0') {
            return NM_OK;
        }
        NM_TRY(read_setting(s, model, preset, setting));
    }
}

/* --- 2. the public calls ---------------------------------------------------------------------- */

static nm_status fail_preset(const nm_config *config, const nm_model *model)
{
    const char *at = nm_config_at(config, config->preset_where);
    if (model->n_presets == 0) {
        return nm_fail(NM_USAGE, "%spreset = \"%s\": %s has no presets; remove it", at,
                       config->preset, model->name);
    }
    const char **names = calloc((size_t)model->n_presets, sizeof *names);
    if (!names) {
        return nm_fail(NM_MEMORY, "no memory for the names of presets");
    }
    char list[512] = "";
    for (int i = 0; i < model->n_presets; i++) {
        size_t length = strlen(list);
        names[i] = model->presets[i].name;
        snprintf(list + length, sizeof list - length, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *near = nm_nearest(config->preset, names, (size_t)model->n_presets);
    free(names);
    return near ? nm_fail(NM_USAGE,
                          "%spreset = \"%s\" is not known; did you mean \"%s\"? (one of %s)", at,
                          config->preset, near, list)
                : nm_fail(NM_USAGE, "%spreset = \"%s\" is not known; it is one of %s", at,
                          config->preset, list);
}

nm_status nm_preset_find(const nm_preset_info **preset, const nm_config *config,
                         const nm_model *model)
{
    *preset = NULL;
    for (int i = 0; config->preset && i < model->n_presets; i++) {
        if (strcmp(model->presets[i].name, config->preset) == 0) {
            *preset = &model->presets[i];
        }
    }
    return *preset || !config->preset ? NM_OK : fail_preset(config, model);
}

nm_status nm_preset_apply(int *choice, double *value, const nm_model *model,
                          const nm_preset_info *preset)
{
    sheet s;
    if (!preset) {
        return NM_OK;
    }
    NM_TRY(read_settings(&s, model, preset));
    for (int i = 0; choice && i < model->n_variants; i++) {
        choice[i] = s.is_chosen[i] ? s.choice[i] : choice[i];
    }
    for (int i = 0; value && i < model->n_params; i++) {
        value[i] = s.is_set[i] ? s.value[i] : value[i];
    }
    return NM_OK;
}

nm_status nm_preset_check(const nm_model *model)
{
    for (int i = 0; i < model->n_presets; i++) {
        const nm_preset_info *preset = &model->presets[i];
        sheet s;
        for (int k = 0; k < i; k++) {
            if (strcmp(preset->name, model->presets[k].name) == 0) {
                return nm_fail(NM_USAGE, "model %s: two presets are named \"%s\"; rename one",
                               model->name, preset->name);
            }
        }
        NM_TRY(read_settings(&s, model, preset));
    }
    return NM_OK;
}
