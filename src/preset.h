/* Presets: named sets of values that a model file brings along. */
#ifndef NESSMAP_PRESET_H
#define NESSMAP_PRESET_H

#include "config.h"
#include "nessmap/model_abi.h"

/* Finds the preset that a configuration names; *preset is NULL where it names none.
 * returns NM_USAGE, with the nearest name or all of them, where the model has no such preset. */
nm_status nm_preset_find(const nm_preset_info **preset, const nm_config *config,
                         const nm_model *model);

/* Sets what the preset sets: choice[n_variants], value[n_params] in the units of the model; either
 * may be NULL, and the rest stays as it is. preset: may be NULL. returns NM_USAGE where the model
 * file's settings are none. */
nm_status nm_preset_apply(int *choice, double *value, const nm_model *model,
                          const nm_preset_info *preset);

/* Checks names and settings of all presets of a model. returns NM_USAGE. */
nm_status nm_preset_check(const nm_model *model);

#endif
