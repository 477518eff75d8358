/* Puts a configuration and its model together into an immutable plan.
 *
 * 1. variants, solver, outputs
 * 2. tiles and bytes
 * 3. fingerprint
 * 4. the whole */
#include "plan_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "model_topology.h"
#include "preset.h"
#include "projection.h"
#include "version.h"
#include "words.h"

enum {
    LEAST_POINTS = 64,      /* points whose bytes are measured */
    RECORD_HEADER = 64,     /* bytes that a journal adds to a payload */
    FILE_HEADER = 64 << 10, /* bytes of attributes and metadata of the output */
    BASE_MEMORY = 32 << 20, /* bytes of the program and its libraries */
    N_CHARGE_SAMPLES = 4096 /* points whose bath is looked at */
};

static const double charged_bath =
    1e-9; /* net charge / sum of |charge| above which a bath is told */

/* --- 1. variants, solver, outputs ------------------------------------------------------------- */

static nm_status bind_variant(nm_plan *plan, const nm_named_quantity *said)
{
    const nm_model *model = plan->model;
    const char *at = nm_config_at(plan->config, said->value.where);
    const char *names[NM_MAX_VARIANTS + NM_TOPOLOGY_VARIANTS];
    if (nm_topology_has(plan->config->model, said->name)) {
        return NM_OK; /* what the model was built from */
    }
    for (int i = 0; i < model->n_variants; i++) {
        const nm_variant_info *variant = &model->variants[i];
        names[i] = variant->name;
        if (strcmp(variant->name, said->name) != 0) {
            continue;
        }
        const char *choice = said->value.text != NULL ? said->value.text : "";
        char list[256] = "";
        for (int k = 0; k < variant->n_choices; k++) {
            if (strcmp(variant->choices[k], choice) == 0) {
                plan->task.choice[i] = k;
                return NM_OK;
            }
            size_t length = strlen(list);
            snprintf(list + length, sizeof(list) - length, "%s%s", k > 0 ? ", " : "",
                     variant->choices[k]);
        }
        const char *near = nm_nearest(choice, variant->choices, (size_t)variant->n_choices);
        return near != NULL
                   ? nm_fail(NM_USAGE,
                             "%svariant.%s = \"%s\" is not known; did you mean \"%s\"? (one of %s)",
                             at, said->name, choice, near, list)
                   : nm_fail(NM_USAGE, "%svariant.%s = \"%s\" is not known; it is one of %s", at,
                             said->name, choice, list);
    }
    int n_names =
        model->n_variants + nm_topology_variants(names + model->n_variants, plan->config->model);
    if (n_names == 0) {
        return nm_fail(NM_USAGE, "%svariant.%s: %s has no variants; remove it", at, said->name,
                       model->name);
    }
    const char *near = nm_nearest(said->name, names, (size_t)n_names);
    return near != NULL
               ? nm_fail(NM_USAGE, "%svariant: %s has no variant \"%s\"; did you mean \"%s\"?", at,
                         model->name, said->name, near)
               : nm_fail(NM_USAGE,
                         "%svariant: %s has no variant \"%s\"; `nessmap models %s` lists them", at,
                         model->name, said->name, model->name);
}

static nm_status bind_solver(nm_plan *plan)
{
    const nm_config *config = plan->config;
    nm_solver *solver = &plan->task.solver;
    const char *at = nm_config_at(config, config->solver_where);
    solver->mode = config->solver_mode != NULL && strcmp(config->solver_mode, "follow") == 0
                       ? NM_MODE_FOLLOW
                       : NM_MODE_AUTO;
    solver->audit = config->solver_audit;
    solver->rtol = config->solver_rtol;
    if (!(solver->audit >= 0.0 && solver->audit <= 1.0)) {
        return nm_fail(NM_USAGE, "%ssolver.audit = %g is not a share from 0 to 1", at,
                       solver->audit);
    }
    if (!(solver->rtol > 0.0 && solver->rtol < 1.0)) {
        return nm_fail(NM_USAGE, "%ssolver.rtol = %g is not between 0 and 1", at, solver->rtol);
    }
    if (config->solver_starts < 1 || config->solver_starts > INT32_MAX) {
        return nm_fail(NM_USAGE,
                       "%ssolver.starts = %lld is not a number of initial states, 1 or more", at,
                       (long long)config->solver_starts);
    }
    solver->starts = (int32_t)config->solver_starts;
    return NM_OK;
}

/* Marks what one word of output.variables asks for, or of reduce.variables, which come first. */
static nm_status choose_output(int *is_chosen, const nm_plan *plan, const char *word)
{
    const nm_catalogue *catalogue = &plan->catalogue;
    int is_all = strcmp(word, "*") == 0, is_default = strcmp(word, "default") == 0;
    if (is_all || is_default) {
        for (int i = 0; i < catalogue->n; i++) {
            const nm_output *output = &catalogue->output[i];
            is_chosen[i] |= output->name[0] != '\0' &&
                            nm_catalogue_is_met(output, &plan->task.stochastic) &&
                            (is_all || output->is_default ||
                             (output->is_default_walk && plan->task.stochastic.n_trajectories > 0));
        }
        return NM_OK;
    }
    const nm_config *config = plan->config;
    int number = nm_catalogue_find(catalogue, word), is_reduce = config->reduce.n_variables > 0;
    const nm_where where = is_reduce ? config->reduce.variables_where : config->variables_where;
    const char *key = is_reduce ? "reduce.variables" : "output.variables";
    if (number >= 0) {
        is_chosen[number] = 1;
        return nm_plan_check_need(plan, number, where, key);
    }
    /* what every file holds anyway */
    if (strcmp(word, "outcome") == 0 || strcmp(word, "flags") == 0 ||
        nm_param_index(plan->model, word) >= 0) {
        return NM_OK;
    }
    const char *names[NM_MAX_OUTPUTS];
    size_t n = 0;
    for (int i = 0; i < catalogue->n; i++) {
        if (catalogue->output[i].name[0] != '\0') {
            names[n++] = catalogue->output[i].name;
        }
    }
    const char *near = nm_nearest(word, names, n), *at = nm_config_at(config, where);
    return near != NULL
               ? nm_fail(NM_USAGE, "%s%s: %s has no output \"%s\"; did you mean \"%s\"?", at, key,
                         plan->model->name, word, near)
               : nm_fail(NM_USAGE, "%s%s: %s has no output \"%s\"; `nessmap models %s` lists them",
                         at, key, plan->model->name, word, plan->model->name);
}

static nm_status bind_outputs(nm_plan *plan)
{
    const nm_config *config = plan->config;
    int is_chosen[NM_MAX_OUTPUTS] = {0};
    int is_reduce = config->reduce.n_variables > 0;
    int n_variables = is_reduce ? config->reduce.n_variables : config->n_variables;
    char *const *variables = is_reduce ? config->reduce.variables : config->variables;
    if (n_variables == 0) {
        NM_TRY(choose_output(is_chosen, plan, "default"));
    }
    for (int i = 0; i < n_variables; i++) {
        NM_TRY(choose_output(is_chosen, plan, variables[i]));
    }
    if (nm_plan_reduce_kind(config) == NM_REDUCE_DGSM) {
        NM_TRY(nm_plan_keep_smooth(is_chosen, plan, variables, n_variables));
    }
    for (int i = 0; i < config->reduce.n_axes; i++) {
        int number = nm_catalogue_find(&plan->catalogue, config->reduce.axes[i].name);
        if (number >= 0) {
            is_chosen[number] = 1;
            NM_TRY(nm_plan_check_need(plan, number, config->reduce.axes[i].where, "reduce.axes"));
        }
    }
    NM_TRY(nm_plan_bind_class(plan));
    if (plan->refinement != NULL && plan->refinement->class == NM_CLASS_OUTPUT) {
        is_chosen[plan->refinement->output] = 1;
    }
    for (int i = 0; i < NM_MAX_OUTPUTS; i++) {
        plan->task.slot[i] = -1;
        if (is_chosen[i]) {
            plan->column_output[plan->task.n_slots] = i;
            plan->task.slot[i] = (int16_t)plan->task.n_slots++;
        }
    }
    /* statistics are taken of doubles, whatever the file holds, and so are classes */
    int is_full = nm_plan_reduce_kind(config) == NM_REDUCE_FULL;
    plan->task.is_f32 = is_full && config->precision_bits != 64 && plan->refinement == NULL;
    plan->task.n_stored = is_full ? plan->task.n_stored : 0;
    if (plan->refinement != NULL) {
        plan->refinement->slot = plan->task.slot[plan->refinement->output];
    }
    return NM_OK;
}

/* --- 2. tiles and bytes ----------------------------------------------------------------------- */

static int64_t point_bytes(const nm_plan *plan)
{
    return nm_plan_points_bytes(plan, LEAST_POINTS) / LEAST_POINTS;
}

/* Bytes of the values of the axes and of the table, which live as long as the plan. */
static int64_t table_bytes(const nm_plan *plan)
{
    int64_t n = plan->task.draw.n_columns * plan->n_points;
    for (int i = 0; i < plan->task.draw.n_axes; i++) {
        n += plan->axis_table[i] != NULL ? plan->task.draw.axis[i].n : 0;
    }
    return n * (int64_t)sizeof(double);
}

/* Bytes of the trajectories of one point, which a thread holds at once: times, entropy, counts. */
static int64_t trajectory_bytes(const nm_plan *plan)
{
    return plan->task.stochastic.n_trajectories *
           (3 * (int64_t)sizeof(double) + plan->model->n_paths * (int64_t)sizeof(int32_t));
}

/* a buffer: the payload of a tile, where points are reduced the results of a chunk of them, and
 * trajectories */
int64_t nm_plan_memory(const nm_plan *plan, int n_buffers)
{
    int64_t bytes = plan->record_bytes + trajectory_bytes(plan) +
                    (nm_plan_is_reduced(plan) ? nm_plan_points_bytes(plan, plan->chunk_points) : 0);
    return table_bytes(plan) + BASE_MEMORY +
           (n_buffers > NM_PLAN_BUFFERS ? n_buffers : NM_PLAN_BUFFERS) * bytes;
}

/* Bytes that a buffer may have by limits.memory, 0: as many as it likes. need: bytes it must have. */
static nm_status find_room(int64_t *room, const nm_plan *plan, int64_t need)
{
    const nm_config *config = plan->config;
    int64_t fixed = table_bytes(plan) + BASE_MEMORY;
    *room = 0;
    if (config->memory_bytes == 0) {
        return NM_OK;
    }
    *room = (config->memory_bytes - fixed) / NM_PLAN_BUFFERS - trajectory_bytes(plan);
    if (*room < need) {
        char has[NM_WORDS], needs[NM_WORDS];
        return nm_fail(
            NM_USAGE, "%slimits.memory = %s is too little for this scan; give %s or more",
            nm_config_at(config, config->memory_where),
            nm_words_bytes(has, (double)config->memory_bytes),
            nm_words_bytes(needs,
                           (double)(fixed + NM_PLAN_BUFFERS * (need + trajectory_bytes(plan)))));
    }
    return NM_OK;
}

/* A cell in the file: n, mean, sd, min and max of each output, points, outcomes, flags. */
static int64_t cell_file_bytes(const nm_plan *plan)
{
    int64_t value = plan->config->precision_bits / 8;
    const nm_reduction *r = &plan->task.reduction;
    if (r->kind == NM_REDUCE_SCATTER) {
        return r->projections[0].n_bins *
               (plan->task.n_slots * (4 * value + (int64_t)sizeof(int64_t)) +
                (1 + NM_N_OUTCOMES) * (int64_t)sizeof(int64_t));
    }
    return plan->task.n_slots * ((4 + r->n_quantiles) * value + (int64_t)sizeof(int64_t)) +
           (1 + NM_N_OUTCOMES + NM_N_FLAGS) * (int64_t)sizeof(int64_t);
}

/* A pure function of the configuration: neither threads nor lanes may move the bounds of tiles. */
static nm_status cut_tiles(nm_plan *plan)
{
    const nm_config *config = plan->config;
    nm_reduce_kind kind = nm_plan_reduce_kind(config);
    const nm_draw *draw = &plan->task.draw;
    int64_t bytes = point_bytes(plan), room, journal_bytes = 0;
    if (plan->n_points > INT64_MAX / 4 / (bytes + RECORD_HEADER)) {
        int has_table = config->design_where.line >= 0 || config->n_axes == 0;
        return nm_fail(
            NM_USAGE,
            "%sdesign: the output of %lld points would have more than 2^61 bytes; lower n",
            nm_config_at(config, has_table ? config->design_where : config->axes[0].where),
            (long long)plan->n_points);
    }
    if (kind == NM_REDUCE_FULL) {
        NM_TRY(find_room(&room, plan, (nm_plan_tile_step(&plan->task) + 1) * bytes));
        nm_plan_cut_points(plan, room);
        plan->file_bytes = plan->n_points * bytes + FILE_HEADER;
    } else {
        /* half of a buffer for the records of a tile, half for the points of a chunk */
        int64_t cell_points = kind == NM_REDUCE_BINS ? draw->n_draws
                              : kind == NM_REDUCE_SUMMARY || kind == NM_REDUCE_SCATTER
                                  ? plan->n_points
                                  : draw->n_draws / draw->n_replicates;
        NM_TRY(nm_projection_plan(plan, kind, cell_points));
        bytes = point_bytes(plan);
        nm_plan_cut_cells(plan, kind, cell_points, 0);
        int64_t record = NM_WHOLE_RECORD_BYTES(&plan->task.reduction),
                tile = NM_TILE_RECORD_BYTES(&plan->task.reduction, 1),
                chunk = nm_plan_block_points(plan) * bytes;
        NM_TRY(find_room(&room, plan, 2 * (tile > chunk ? tile : chunk)));
        nm_plan_cut_cells(plan, kind, cell_points, room / 2);
        plan->file_bytes = plan->n_points / cell_points * cell_file_bytes(plan) + FILE_HEADER;
        journal_bytes = plan->n_tiles * (tile - record);
        journal_bytes += plan->tiles_per_cell > 1 ? plan->n_tiles * record
                                                  : plan->n_points / cell_points * record;
    }
    for (int i = 0; i < draw->n_axes; i++) {
        plan->file_bytes += draw->axis[i].n * (int64_t)sizeof(double);
    }
    if (kind == NM_REDUCE_FULL) {
        journal_bytes = plan->file_bytes; /* every point stands in both */
    }
    plan->peak_disk_bytes = plan->file_bytes + journal_bytes + plan->n_tiles * RECORD_HEADER;
    plan->memory_bytes = nm_plan_memory(plan, NM_PLAN_BUFFERS);
    return NM_OK;
}

/* --- 3. fingerprint --------------------------------------------------------------------------- */

/* Each part goes in with its length, so that no two lists of parts run together into the same
 * bytes. */
static void hash_bytes(XXH3_state_t *hash, const void *bytes, size_t n)
{
    uint64_t length = n;
    XXH3_128bits_update(hash, &length, sizeof(length));
    if (n > 0) {
        XXH3_128bits_update(hash, bytes, n);
    }
}

static void hash_text(XXH3_state_t *hash, const char *text)
{
    hash_bytes(hash, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

static void hash_int(XXH3_state_t *hash, int64_t value)
{
    hash_bytes(hash, &value, sizeof(value));
}

static void hash_model(XXH3_state_t *hash, const nm_model *model)
{
    hash_int(hash, model->abi);
    hash_text(hash, model->name);
    hash_text(hash, model->extent);
    for (int i = 0; i < model->n_params; i++) {
        hash_text(hash, model->params[i].name);
        hash_text(hash, model->params[i].unit);
        hash_bytes(hash, &model->params[i].dflt, sizeof(double));
    }
    for (int i = 0; i < model->n_variants; i++) {
        hash_text(hash, model->variants[i].name);
        for (int k = 0; k < model->variants[i].n_choices; k++) {
            hash_text(hash, model->variants[i].choices[k]);
        }
    }
    for (int i = 0; i < model->n_compartments; i++) {
        hash_text(hash, model->compartments[i].name);
        hash_text(hash, model->compartments[i].volume);
        hash_text(hash, model->compartments[i].potential);
    }
    for (int i = 0; i < model->n_species; i++) {
        hash_text(hash, model->species[i].name);
        hash_int(hash, model->species[i].kind);
        hash_int(hash, model->species[i].compartment);
        hash_text(hash, model->species[i].charge);
        hash_text(hash, model->species[i].value);
    }
    for (int i = 0; i < model->n_fuels; i++) {
        hash_text(hash, model->fuels[i].name);
        hash_text(hash, model->fuels[i].energy);
    }
    for (int i = 0; i < model->n_totals; i++) {
        hash_text(hash, model->totals[i].name);
        hash_text(hash, model->totals[i].expression);
    }
    for (int i = 0; i < model->n_paths; i++) {
        hash_text(hash, model->paths[i].name);
        hash_text(hash, model->paths[i].from);
        hash_text(hash, model->paths[i].to);
        hash_text(hash, model->paths[i].law);
    }
    for (int i = 0; i < model->n_observables; i++) {
        hash_text(hash, model->observables[i].name);
        hash_text(hash, model->observables[i].unit);
    }
    for (int i = 0; i < model->n_presets; i++) {
        hash_text(hash, model->presets[i].name);
        hash_text(hash, model->presets[i].settings);
    }
    hash_bytes(hash, model->nu, (size_t)model->n_paths * (size_t)model->n_species);
    hash_text(hash, model->text);
}

/* The resolved configuration without the device's memory: it shapes batches, which no result shows, and a run that found
 * too little of it must be able to go on with another. */
static void hash_question(XXH3_state_t *hash, const char *resolved)
{
    static const char key[] = "\ndevice_memory =";
    const char *line = strstr(resolved, key);
    if (line == NULL) {
        hash_text(hash, resolved);
        return;
    }
    const char *rest = strchr(line + 1, '\n');
    hash_bytes(hash, resolved, (size_t)(line - resolved));
    hash_text(hash, rest);
}

/* 32 hex digits of a hash that is done with */
static void finish_hash(char text[33], XXH3_state_t *hash)
{
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, XXH3_128bits_digest(hash));
    for (int i = 0; i < 16; i++) {
        snprintf(text + 2 * i, 3, "%02x", (unsigned)bytes.digest[i]);
    }
}

static nm_status take_fingerprint(nm_plan *plan, const char *backend)
{
    XXH3_state_t *hash = XXH3_createState();
    if (hash == NULL) {
        return nm_fail(NM_MEMORY, "no memory for the fingerprint");
    }
    const nm_draw *draw = &plan->task.draw;
    XXH3_128bits_reset(hash);
    hash_model(hash, plan->model);
    finish_hash(plan->model_hash, hash);
    XXH3_128bits_reset(hash);
    hash_text(hash, NM_VERSION);
    hash_int(hash, NM_ABI);
    hash_text(hash, backend);
    hash_int(hash, plan->task.is_f32);
    hash_question(hash, plan->config->resolved);
    hash_text(hash, plan->model_hash);
    for (int i = 0; i < draw->n_columns; i++) {
        hash_int(hash, draw->column_param[i]);
        hash_bytes(hash, draw->column[i], (size_t)draw->n_points * sizeof(double));
    }
    finish_hash(plan->fingerprint, hash);
    XXH3_freeState(hash);
    return NM_OK;
}

/* --- 4. the whole ----------------------------------------------------------------------------- */

static void sample_charge(nm_plan *plan)
{
    const nm_model *model = plan->model;
    if (model->ground_charge == NULL) {
        return;
    }
    int64_t n = plan->n_points < N_CHARGE_SAMPLES ? plan->n_points : N_CHARGE_SAMPLES,
            n_charged = 0;
    for (int64_t i = 0; i < n; i++) {
        /* all points, or multiples of the golden ratio: even steps could meet one value of an
         * inner axis only */
        int64_t index = i;
        if (n < plan->n_points) {
            uint64_t turn = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
            index = (int64_t)((double)(turn >> 11) * 0x1p-53 * (double)plan->n_points);
            index = index < plan->n_points ? index : plan->n_points - 1;
        }
        double params[NM_MAX_PARAMS];
        model->draw(&plan->task.draw, index, params);
        n_charged += fabs(model->ground_charge(params)) > charged_bath;
    }
    plan->charged_share = (double)n_charged / (double)n;
}

static void note_unused(nm_plan *plan, const char *name)
{
    int param = nm_param_index(plan->model, name);
    if (param < 0 || plan->model->uses(plan->task.choice, param)) {
        return;
    }
    size_t length = strlen(plan->unused);
    snprintf(plan->unused + length, sizeof(plan->unused) - length, "%s%s",
             plan->n_unused > 0 ? ", " : "", name);
    plan->n_unused++;
}

/* Finds the parameters that the configuration or its table gives and that the chosen laws ignore. */
static void find_unused(nm_plan *plan)
{
    const nm_config *config = plan->config;
    const nm_draw *draw = &plan->task.draw;
    if (plan->model->uses == NULL) {
        return;
    }
    for (int i = 0; i < config->n_axes; i++) {
        note_unused(plan, config->axes[i].name);
    }
    for (int i = 0; i < config->n_random; i++) {
        note_unused(plan, config->random[i].name);
    }
    for (int i = 0; i < config->n_fixed; i++) {
        note_unused(plan, config->fixed[i].name);
    }
    for (int i = 0; i < config->n_ties; i++) {
        note_unused(plan, config->ties[i].name);
    }
    for (int i = 0; i < draw->n_columns; i++) {
        note_unused(plan, plan->model->params[draw->column_param[i]].name);
    }
}

/* Moves what the design found into the plan. */
static void take_design(nm_plan *plan, const nm_design *design)
{
    plan->task.draw = design->draw;
    plan->task.n_stored = design->n_stored;
    memcpy(plan->task.stored, design->stored, sizeof(design->stored));
    plan->layout = design->layout;
    plan->n_points = design->draw.n_points;
    memcpy(plan->axis_table, design->axis_table, sizeof(design->axis_table));
    memcpy(plan->columns, design->columns, sizeof(design->columns));
    plan->refinement = design->refinement;
}

static nm_status fill(nm_plan *plan, const char *backend)
{
    plan->task.abi = NM_ABI;
    NM_TRY(nm_catalogue_build(&plan->catalogue, plan->model));
    const nm_preset_info *preset;
    NM_TRY(nm_preset_find(&preset, plan->config, plan->model));
    NM_TRY(nm_preset_apply(plan->task.choice, NULL, plan->model, preset));
    for (int i = 0; i < plan->config->n_variants; i++) {
        NM_TRY(bind_variant(plan, &plan->config->variants[i]));
    }
    nm_design design;
    nm_status status = nm_design_bind(&design, plan->config, plan->model);
    if (status != NM_OK) {
        nm_design_clear(&design);
        return status;
    }
    take_design(plan, &design);
    NM_TRY(bind_solver(plan));
    NM_TRY(nm_plan_bind_stochastic(plan));
    NM_TRY(bind_outputs(plan));
    NM_TRY(nm_plan_bind_gradients(plan));
    NM_TRY(nm_plan_check_reduction(plan));
    plan->model->prepare_draw(&plan->task.draw);
    NM_TRY(cut_tiles(plan));
    NM_TRY(take_fingerprint(plan, backend));
    sample_charge(plan);
    find_unused(plan);
    return NM_OK;
}

nm_status nm_plan_build(nm_plan **plan, const nm_config *config, const nm_model *model,
                        const char *backend)
{
    *plan = calloc(1, sizeof(**plan));
    if (*plan == NULL) {
        return nm_fail(NM_MEMORY, "no memory for the plan");
    }
    (*plan)->config = config;
    (*plan)->model = model;
    (*plan)->backend = backend;
    nm_status status = fill(*plan, backend);
    if (status != NM_OK) {
        nm_plan_destroy(plan);
    }
    return status;
}

nm_status nm_plan_set_backend(nm_plan *plan, const char *backend)
{
    plan->backend = backend;
    return take_fingerprint(plan, backend);
}

void nm_plan_destroy(nm_plan **plan)
{
    if (plan == NULL || *plan == NULL) {
        return;
    }
    for (int i = 0; i < NM_MAX_AXES; i++) {
        free((*plan)->axis_table[i]);
    }
    for (int i = 0; i < NM_MAX_PARAMS; i++) {
        free((*plan)->columns[i]);
    }
    nm_projection_clear(*plan);
    nm_refinement_destroy(&(*plan)->refinement);
    free(*plan);
    *plan = NULL;
}
