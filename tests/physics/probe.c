/* One parameter set of any compiled model by names: set, solve, read outputs. */
#include "probe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan.h"

static nm_catalogue catalogue; /* of the model asked for last */
static const nm_model *catalogued;

static void build_catalogue(const nm_model *model)
{
    if (catalogued != model) {
        assert_int_equal(nm_catalogue_build(&catalogue, model), NM_OK);
        catalogued = model;
    }
}

void nm_probe_begin(nm_probe *probe, const nm_model *model)
{
    memset(probe, 0, sizeof *probe);
    probe->model = model;
    probe->solver = (nm_solver){.mode = NM_MODE_AUTO, .starts = 1, .rtol = 1e-6};
    for (int i = 0; i < model->n_params; i++) {
        probe->param[i] = model->params[i].dflt;
    }
}

static int find_param(const nm_model *model, const char *name)
{
    for (int i = 0; i < model->n_params; i++) {
        if (strcmp(model->params[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static int set_choice(nm_probe *probe, const char *name, const char *choice)
{
    for (int i = 0; i < probe->model->n_variants; i++) {
        const nm_variant_info *variant = &probe->model->variants[i];
        for (int k = 0; strcmp(variant->name, name) == 0 && k < variant->n_choices; k++) {
            if (strcmp(variant->choices[k], choice) == 0) {
                probe->choice[i] = k;
                return 1;
            }
        }
    }
    return 0;
}

void nm_probe_set_number(nm_probe *probe, const char *name, double value)
{
    const int i = find_param(probe->model, name);
    if (i < 0) {
        fail_msg("%s has no parameter %s", probe->model->name, name);
    }
    probe->param[i] = value;
}

void nm_probe_set(nm_probe *probe, const char *text)
{
    char copy[1024], *rest = NULL;
    assert_true(strlen(text) < sizeof copy);
    memcpy(copy, text, strlen(text) + 1);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '='), *end = NULL;
        assert_non_null(value);
        *value++ = '\0';
        if (!set_choice(probe, word, value)) {
            nm_probe_set_number(probe, word, strtod(value, &end));
            assert_int_equal(*end, '\0');
        }
    }
}

void nm_probe_run(nm_probe *probe)
{
    static nm_task task;
    static double value[NM_MAX_OUTPUTS];
    int8_t outcome = NM_OUTCOME_not_run;
    uint16_t flags = 0;
    const nm_model *model = probe->model;
    build_catalogue(model);
    memset(&task, 0, sizeof task);
    task.abi = NM_ABI;
    memcpy(task.choice, probe->choice, sizeof task.choice);
    task.solver = probe->solver;
    task.draw.n_points = task.draw.n_draws = 1;
    task.draw.n_params = model->n_params;
    task.draw.seed = probe->seed;
    memcpy(task.draw.value, probe->param, sizeof task.draw.value);
    task.n_slots = catalogue.n;
    for (int i = 0; i < NM_MAX_OUTPUTS; i++) {
        task.slot[i] = i < catalogue.n ? (int16_t)i : -1;
        value[i] = NAN;
    }
    nm_tile tile = {.n = 1, .values = value, .outcome = &outcome, .flags = &flags};
    const nm_kernel *kernel = &model->kernels[0];
    for (int i = 0; i < model->n_kernels; i++) {
        if (model->kernels[i].lanes == probe->lanes) {
            kernel = &model->kernels[i];
        }
    }
    assert_int_equal(kernel->run(&task, &tile), 0);
    probe->outcome = outcome;
    probe->flags = flags;
    memcpy(probe->value, value, sizeof value);
}

double nm_probe_value(const nm_probe *probe, const char *name)
{
    build_catalogue(probe->model);
    const int i = nm_catalogue_find(&catalogue, name);
    if (i < 0) {
        fail_msg("%s has no output %s", probe->model->name, name);
    }
    return probe->value[i];
}

double nm_probe_closure(const nm_probe *probe)
{
    double power = fabs(nm_probe_value(probe, "P_held")) + fabs(nm_probe_value(probe, "P_clamp"));
    char name[96];
    for (int i = 0; i < probe->model->n_fuels; i++) {
        snprintf(name, sizeof name, "P_%s", probe->model->fuels[i].name);
        power += fabs(nm_probe_value(probe, name));
    }
    for (int i = 0; i < probe->model->n_paths; i++) {
        snprintf(name, sizeof name, "Tsigma_%s", probe->model->paths[i].name);
        power += fabs(nm_probe_value(probe, name));
    }
    const double closure = nm_probe_value(probe, "closure");
    return closure == 0 ? 0 : fabs(closure) / power;
}

const char *nm_probe_outcome(int outcome)
{
    static const char *const names[] = {
#define OUTCOME_NAME(name, values, text) #name,
        NM_OUTCOME_LIST(OUTCOME_NAME)};
    return outcome >= 0 && outcome < NM_N_OUTCOMES ? names[outcome] : "?";
}
