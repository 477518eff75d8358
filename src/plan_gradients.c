/* Derivatives that a scan stores: which outputs by which parameters, their names, units and slots. */
#include <stdio.h>
#include <string.h>

#include "plan_parts.h"

static const char *at_of(const nm_plan *plan)
{
    return nm_config_at(plan->config, plan->config->gradients.of_where);
}

/* One-way fluxes: at a steady state the net flux and the affinity say what they do. */
static int is_one_way(const nm_model *model, int number)
{
    return number >= nm_catalogue_number(model, NM_FAMILY_Jout, 0) &&
           number < nm_catalogue_number(model, NM_FAMILY_A, 0);
}

/* What depends on the state alone, and smoothly. */
static int has_derivative(const nm_model *model, int number)
{
    if (is_one_way(model, number)) {
        return 0;
    }
    int scalar = number - nm_catalogue_number(model, NM_FAMILY_scalar, 0);
    if (scalar < 0 || number >= nm_catalogue_number(model, NM_FAMILY_observable, 0)) {
        return 1;
    }
    switch (scalar) {
    case NM_SCALAR_P_held:
    case NM_SCALAR_P_clamp:
    case NM_SCALAR_Tsigma_total:
    case NM_SCALAR_sigma_total:
    case NM_SCALAR_W_pump:
    case NM_SCALAR_efficiency:
    case NM_SCALAR_F_stored:
    case NM_SCALAR_F_cap:
        return 1;
    default:
        return 0;
    }
}

/* Marks what one word of output.gradients.of asks for. */
static nm_status choose_output(int *is_chosen, const nm_plan *plan, const char *word)
{
    const nm_catalogue *catalogue = &plan->catalogue;
    int is_all = strcmp(word, "*") == 0, is_default = strcmp(word, "default") == 0;
    const char *names[NM_MAX_OUTPUTS];
    size_t n = 0;
    for (int i = 0; i < catalogue->n; i++) {
        const nm_output *output = &catalogue->output[i];
        if (output->name[0] != '\0' && has_derivative(plan->model, i)) {
            names[n++] = output->name;
            is_chosen[i] |= is_all || (is_default && output->is_default);
        }
    }
    if (is_all || is_default) {
        return NM_OK;
    }
    int number = nm_catalogue_find(catalogue, word);
    if (number >= 0 && has_derivative(plan->model, number)) {
        is_chosen[number] = 1;
        return NM_OK;
    }
    if (number >= 0 || strcmp(word, "outcome") == 0 || strcmp(word, "flags") == 0) {
        return nm_fail(
            NM_USAGE,
            "%soutput.gradients.of: \"%s\" has no derivative by a parameter; choose a "
            "potential, a volume, a concentration, a force, a flux, a power or an observable",
            at_of(plan), word);
    }
    const char *near = nm_nearest(word, names, n);
    return near != NULL
               ? nm_fail(NM_USAGE,
                         "%soutput.gradients.of: %s has no output \"%s\"; did you mean \"%s\"?",
                         at_of(plan), plan->model->name, word, near)
               : nm_fail(NM_USAGE,
                         "%soutput.gradients.of: %s has no output \"%s\"; `nessmap models %s` "
                         "lists them",
                         at_of(plan), plan->model->name, word, plan->model->name);
}

nm_status nm_plan_keep_smooth(int *is_chosen, const nm_plan *plan, char *const *names, int n)
{
    const nm_config_reduce *reduce = &plan->config->reduce;
    const char *at =
        nm_config_at(plan->config, reduce->n_variables > 0 ? reduce->variables_where
                                                           : plan->config->variables_where);
    const char *key = reduce->n_variables > 0 ? "reduce" : "output";
    int n_left = 0;
    for (int i = 0; i < n; i++) {
        int number = nm_catalogue_find(&plan->catalogue, names[i]);
        if (number >= 0 && !has_derivative(plan->model, number)) {
            return nm_fail(NM_USAGE,
                           "%s%s.variables: \"%s\" has no derivative by a parameter, so it has no "
                           "measure of kind \"dgsm\"; leave it out, or use kind = \"sobol\"",
                           at, key, names[i]);
        }
    }
    for (int i = 0; i < plan->catalogue.n; i++) {
        is_chosen[i] = is_chosen[i] && has_derivative(plan->model, i);
        n_left += is_chosen[i];
    }
    return n_left > 0 ? NM_OK
                      : nm_fail(NM_USAGE,
                                "%s%s.variables names no output that has derivatives, but "
                                "reduce.kind = \"dgsm\" needs one; add one like \"V\"",
                                at, key);
}

static const nm_tie *find_tie(const nm_plan *plan, int param)
{
    const nm_draw *draw = &plan->task.draw;
    for (int i = 0; i < draw->n_ties; i++) {
        if (draw->tie[i].param == param) {
            return &draw->tie[i];
        }
    }
    return NULL;
}

static void add_param(nm_gradients *gradients, int param)
{
    for (int i = 0; i < gradients->n_params; i++) {
        if (gradients->param[i] == param) {
            return;
        }
    }
    gradients->param[gradients->n_params++] = param;
}

/* One word of output.gradients.by. */
static nm_status choose_param(nm_plan *plan, const char *word)
{
    const nm_model *model = plan->model;
    const char *at = nm_config_at(plan->config, plan->config->gradients.by_where);
    int param = nm_param_index(model, word);
    if (param < 0) {
        const char *names[NM_MAX_PARAMS];
        for (int i = 0; i < model->n_params; i++) {
            names[i] = model->params[i].name;
        }
        const char *near = nm_nearest(word, names, (size_t)model->n_params);
        return near != NULL
                   ? nm_fail(
                         NM_USAGE,
                         "%soutput.gradients.by: %s has no parameter \"%s\"; did you mean \"%s\"?",
                         at, model->name, word, near)
                   : nm_fail(
                         NM_USAGE,
                         "%soutput.gradients.by: %s has no parameter \"%s\"; `nessmap models %s` "
                         "lists them",
                         at, model->name, word, model->name);
    }
    if (find_tie(plan, param) != NULL) {
        return nm_fail(NM_USAGE,
                       "%soutput.gradients.by: \"%s\" is tied and moves with the parameters of its "
                       "[tie], so name those; their derivatives take it along",
                       at, word);
    }
    add_param(&plan->task.gradients, param);
    return NM_OK;
}

/* Every parameter that is gridded, drawn, or a column of the table. */
static nm_status choose_varied(nm_plan *plan)
{
    const nm_draw *draw = &plan->task.draw;
    nm_gradients *gradients = &plan->task.gradients;
    for (int i = 0; i < draw->n_axes; i++) {
        add_param(gradients, draw->axis[i].param);
    }
    for (int i = 0; i < draw->n_random; i++) {
        add_param(gradients, draw->random[i].param);
    }
    for (int i = 0; i < draw->n_columns; i++) {
        if (find_tie(plan, draw->column_param[i]) == NULL) {
            add_param(gradients, draw->column_param[i]);
        }
    }
    if (gradients->n_params > 0) {
        return NM_OK;
    }
    return nm_fail(NM_USAGE,
                   "%soutput.gradients: no parameter varies in this scan; name some by "
                   "gradients = { of = [...], by = [\"%s\"] }",
                   nm_config_at(plan->config, plan->config->gradients.where),
                   plan->model->params[0].name);
}

/* "V" / "S m-2" -> "V/(S m-2)" */
static int write_unit(char *out, size_t bytes, const char *of, const char *by)
{
    const char *open_of = strchr(of, ' ') ? "(" : "", *close_of = *open_of ? ")" : "";
    int length = strcmp(by, "1") == 0  ? snprintf(out, bytes, "%s", of)
                 : strcmp(of, by) == 0 ? snprintf(out, bytes, "1")
                 : strchr(by, ' ') != NULL
                     ? snprintf(out, bytes, "%s%s%s/(%s)", open_of, of, close_of, by)
                     : snprintf(out, bytes, "%s%s%s/%s", open_of, of, close_of, by);
    return length >= 0 && (size_t)length < bytes;
}

static nm_status describe(nm_output *to, const nm_plan *plan, const nm_output *of, int param)
{
    const nm_param_info *by = &plan->model->params[param];
    memset(to, 0, sizeof *to);
    int length = snprintf(to->name, sizeof to->name, "d%s_d%s", of->name, by->name);
    snprintf(to->text, sizeof to->text, "derivative of %s by %s at the steady state", of->name,
             by->name);
    if (length >= (int)sizeof to->name ||
        !write_unit(to->unit, sizeof to->unit, of->unit, by->unit)) {
        return nm_fail(
            NM_USAGE,
            "%soutput.gradients: the name or the unit of the derivative of %s by %s is too long",
            at_of(plan), of->name, by->name);
    }
    if (nm_catalogue_find(&plan->catalogue, to->name) >= 0 ||
        nm_param_index(plan->model, to->name) >= 0) {
        return nm_fail(
            NM_USAGE,
            "%soutput.gradients: the file would hold two variables called \"%s\"; leave the "
            "derivative of %s by %s out",
            at_of(plan), to->name, of->name, by->name);
    }
    return NM_OK;
}

nm_status nm_plan_bind_gradients(nm_plan *plan)
{
    const nm_config_gradients *said = &plan->config->gradients;
    nm_gradients *gradients = &plan->task.gradients;
    int is_chosen[NM_MAX_OUTPUTS] = {0}, n = 0;
    for (int i = 0; i < NM_MAX_OUTPUTS; i++) {
        gradients->row[i] = -1;
    }
    const int is_dgsm = nm_plan_reduce_kind(plan->config) == NM_REDUCE_DGSM;
    if (is_dgsm && said->n_of > 0) {
        return nm_fail(NM_USAGE,
                       "%soutput.gradients: reduce.kind = \"dgsm\" takes the derivatives of its "
                       "outputs by every drawn parameter itself; remove the key",
                       at_of(plan));
    }
    for (int i = 0; is_dgsm && i < plan->catalogue.n; i++) {
        is_chosen[i] = plan->task.slot[i] >= 0;
    }
    for (int i = 0; is_dgsm && i < plan->task.draw.n_random; i++) {
        add_param(gradients, plan->task.draw.random[i].param);
    }
    for (int i = 0; i < said->n_of; i++) {
        NM_TRY(choose_output(is_chosen, plan, said->of[i]));
    }
    for (int i = 0; i < said->n_by; i++) {
        NM_TRY(choose_param(plan, said->by[i]));
    }
    if (said->n_of > 0 && said->n_by == 0) {
        NM_TRY(choose_varied(plan));
    }
    for (int i = 0; i < plan->catalogue.n; i++) {
        if (is_chosen[i]) {
            gradients->row[i] = (int16_t)gradients->n_outputs++;
        }
    }
    if (gradients->n_outputs * gradients->n_params > NM_MAX_GRADIENTS) {
        return nm_fail(
            NM_USAGE,
            "%s%s: %d outputs by %d parameters are %d derivatives, but a scan "
            "stores %d at most; name fewer",
            is_dgsm ? nm_config_at(plan->config, plan->config->reduce.kind_where) : at_of(plan),
            is_dgsm ? "reduce.kind = \"dgsm\"" : "output.gradients", gradients->n_outputs,
            gradients->n_params, gradients->n_outputs * gradients->n_params, NM_MAX_GRADIENTS);
    }
    for (int i = 0; i < plan->catalogue.n; i++) {
        for (int k = 0; k < gradients->n_params && is_chosen[i]; k++, n++) {
            NM_TRY(describe(&plan->catalogue.output[plan->catalogue.n + n], plan,
                            &plan->catalogue.output[i], gradients->param[k]));
            plan->column_output[plan->task.n_slots++] = plan->catalogue.n + n;
        }
    }
    return NM_OK;
}
