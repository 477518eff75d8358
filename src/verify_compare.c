/* Compares stored points with the same ones solved again.
 *
 *   1. solving   2. the same bits   3. the same to the tolerance of a solver */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "balance_parts.h"
#include "design.h"
#include "verify_parts.h"

/* --- 1. solving ----------------------------------------------------------------------------------- */

nm_status nm_verify_run(const nm_plan *plan, const nm_kernel *kernel, const nm_task *task,
                        nm_tile *tile)
{
    return kernel->run(task, tile) == 0
               ? NM_OK
               : nm_fail(NM_MEMORY, "the kernel of model %s had no memory or another ABI",
                         plan->model->name);
}

void nm_verify_want_all(nm_task *task, const nm_plan *plan)
{
    memcpy(task, &plan->task, sizeof *task);
    task->reduction = (nm_reduction){.kind = NM_REDUCE_FULL, .group = 1};
    task->gradients.n_outputs = task->gradients.n_params = 0;
    task->is_f32 = 0;
    task->n_stored = 0;
    task->n_slots = plan->catalogue.n;
    for (int i = 0; i < NM_MAX_OUTPUTS; i++) {
        task->slot[i] = (int16_t)(i < task->n_slots ? i : -1);
    }
}

static const char *name_of(const nm_plan *plan, int slot)
{
    return plan->catalogue.output[plan->column_output[slot]].name;
}

/* "multistable, audited", or "none" */
static const char *names_of(char *text, size_t bytes, unsigned flags)
{
    text[0] = '\0';
    for (int bit = 0; bit < NM_N_FLAGS; bit++) {
        size_t used = strlen(text);
        if (flags >> bit & 1u) {
            snprintf(text + used, bytes - used, "%s%s", used > 0 ? ", " : "", nm_flag_name(bit));
        }
    }
    return text[0] ? text : "none";
}

/* Compares outcome and flags. returns 1 where they are the same. */
static int has_same_verdict(nm_verify_check *check, int64_t index, int outcome, unsigned flags,
                            const nm_tile *fresh, int64_t i)
{
    if (outcome == fresh->outcome[i] && flags == fresh->flags[i]) {
        return 1;
    }
    check->n++;
    check->n_bad++;
    if (outcome != fresh->outcome[i]) {
        nm_verify_name(check, index, "point %" PRId64 ": outcome is %s, solved again %s", index,
                       nm_outcome_name(outcome), nm_outcome_name(fresh->outcome[i]));
    } else {
        char stored_names[128], fresh_names[128];
        nm_verify_name(check, index, "point %" PRId64 ": flags are %s, solved again %s", index,
                       names_of(stored_names, sizeof stored_names, flags),
                       names_of(fresh_names, sizeof fresh_names, fresh->flags[i]));
    }
    return 0;
}

/* --- 2. the same bits ----------------------------------------------------------------------------- */

/* The first slot whose bits differ and are not NaN twice, or -1. */
static int find_other_bits(const nm_plan *plan, const nm_tile *stored, int64_t at,
                           const nm_tile *fresh, int64_t i)
{
    for (int slot = 0; slot < plan->task.n_slots; slot++) {
        double a = nm_verify_value(plan, stored, slot, at),
               b = nm_verify_value(plan, fresh, slot, i);
        if (memcmp(&a, &b, sizeof a) != 0 && !(isnan(a) && isnan(b))) {
            return slot;
        }
    }
    return -1;
}

void nm_verify_compare_bits(nm_verify_check *check, const nm_plan *plan, const nm_tile *stored,
                            int64_t at, const nm_tile *fresh)
{
    for (int64_t i = 0; i < fresh->n; i++) {
        const int64_t k = at + i, index = stored->first + k;
        if (stored->outcome[k] == NM_OUTCOME_not_run ||
            !has_same_verdict(check, index, stored->outcome[k], stored->flags[k], fresh, i)) {
            continue;
        }
        int slot = find_other_bits(plan, stored, k, fresh, i);
        check->n++;
        if (slot >= 0) {
            check->n_bad++;
            nm_verify_name(check, index, "point %" PRId64 ": %s is %.*g, solved again %.*g", index,
                           name_of(plan, slot), plan->task.is_f32 ? 9 : 17,
                           nm_verify_value(plan, stored, slot, k), plan->task.is_f32 ? 9 : 17,
                           nm_verify_value(plan, fresh, slot, i));
        }
    }
}

/* --- 3. the same to the tolerance of a solver ----------------------------------------------------- */

/* What an output of a family is measured by besides itself: the fluxes and forces whose difference it
 * may be. gross: Jout + Jin of the pathway, or of all; RT: at that point. */
typedef struct measure {
    double RT, T, gross_all;
    const double *gross; /* [n_paths] */
    double activity;     /* jumps of one molecule, where it walks [s-1] */
} measure;

static double scale_of(const nm_model *model, const measure *m, int number)
{
    int family = 0, i = number;
    while (family + 1 < NM_N_FAMILIES && i >= nm_catalogue_count(model, (nm_family)family)) {
        i -= nm_catalogue_count(model, (nm_family)family++);
    }
    switch ((nm_family)family) {
    case NM_FAMILY_potential:
    case NM_FAMILY_V_min:
    case NM_FAMILY_V_max:
    case NM_FAMILY_E:
        return m->RT / NM_FARADAY_CONSTANT;
    case NM_FAMILY_dmu:
    case NM_FAMILY_dmu_chem:
    case NM_FAMILY_dmu_el:
    case NM_FAMILY_A:
    case NM_FAMILY_A_fuel:
    case NM_FAMILY_Acyc:
        return m->RT;
    case NM_FAMILY_J:
    case NM_FAMILY_Jout:
    case NM_FAMILY_Jin:
    case NM_FAMILY_exch:
        return m->gross[i];
    case NM_FAMILY_Jcyc:
        return m->gross[model->loops[i]];
    case NM_FAMILY_Tsigma:
        return m->gross[i] * m->RT;
    case NM_FAMILY_P:
        return m->gross_all * m->RT;
    case NM_FAMILY_rate:
    case NM_FAMILY_var:
    case NM_FAMILY_walk:
        return m->activity;
    case NM_FAMILY_scalar:
        return i == NM_SCALAR_sigma_total                          ? m->gross_all * m->RT / m->T
               : i <= NM_SCALAR_W_pump || i == NM_SCALAR_closure   ? m->gross_all * m->RT
               : i == NM_SCALAR_efficiency || i == NM_SCALAR_a_max ? 1.0
                                                                   : 0.0;
    default:
        return 0.0;
    }
}

/* Outputs that say how a solver went, and not what it found; quotients by a net rate, which may be lost in rounding; and
 * what trajectories found, some of which go another way where two rates differ by rounding. */
static int is_left_out(const nm_plan *plan, int number)
{
    const nm_model *model = plan->model;
    int i = number - nm_catalogue_number(model, NM_FAMILY_scalar, 0);
    return plan->catalogue.output[number].need != NM_NEED_NOTHING ||
           (number >= nm_catalogue_number(model, NM_FAMILY_fano, 0) &&
            number < nm_catalogue_number(model, NM_FAMILY_walk, 0)) ||
           i == NM_SCALAR_resid || i == NM_SCALAR_delta || i == NM_SCALAR_iterations;
}

/* Relaxation and growth are derivatives, and known to fewer digits. */
static double relative_of(const nm_model *model, int number, int outcome)
{
    int i = number - nm_catalogue_number(model, NM_FAMILY_scalar, 0);
    return outcome == NM_OUTCOME_oscillatory ? NM_VERIFY_OSCILLATION
           : i == NM_SCALAR_tau_slow || i == NM_SCALAR_tau_fast || i == NM_SCALAR_growth_rate
               ? 1e-6
               : 1e-9;
}

/* The deviation of a stored value as a share of 1e-9 of it and 1e-12 of its scale. */
static double deviation_of(double stored, double right, double relative, double scale, int is_f32)
{
    if (isnan(stored) || isnan(right)) {
        return isnan(stored) && isnan(right) ? 0.0 : NAN;
    }
    if (stored == right) {
        return 0.0;
    }
    double allowed = relative * fabs(right) + 1e-12 * scale;
    allowed += is_f32 ? FLT_EPSILON * fabs(right) + FLT_TRUE_MIN : 0.0;
    return fabs(stored - right) / allowed;
}

void nm_verify_compare_close(nm_verify_check *check, const nm_plan *plan, const nm_tile *stored,
                             int64_t at, const nm_tile *fresh)
{
    const nm_model *model = plan->model;
    const double *value = fresh->values;
    const int out = nm_catalogue_number(model, NM_FAMILY_Jout, 0),
              in = nm_catalogue_number(model, NM_FAMILY_Jin, 0), T = nm_param_index(model, "T");
    double gross[NM_MAX_OUTPUTS], params[NM_MAX_PARAMS];
    for (int64_t i = 0; i < fresh->n; i++) {
        const int64_t k = at + i, index = stored->first + k;
        if (stored->outcome[k] == NM_OUTCOME_not_run ||
            !has_same_verdict(check, index, stored->outcome[k], stored->flags[k], fresh, i)) {
            continue;
        }
        model->draw(&plan->task.draw, index, params);
        measure m = {.T = T >= 0 ? params[T] : 1.0, .gross = gross};
        m.RT = NM_GAS * m.T;
        for (int j = 0; j < model->n_paths; j++) {
            gross[j] = value[(out + j) * fresh->n + i] + value[(in + j) * fresh->n + i];
            m.gross_all += gross[j];
        }
        if (model->n_walk_states > 0) {
            int walk = nm_catalogue_number(model, NM_FAMILY_walk, 0) + NM_WALK_activity;
            m.activity = value[walk * fresh->n + i];
        }
        double worst = 0.0;
        int worst_slot = 0;
        for (int slot = 0; slot < plan->task.n_slots; slot++) {
            int number = plan->column_output[slot];
            if (number >= plan->catalogue.n || is_left_out(plan, number)) {
                continue;
            }
            double deviation =
                deviation_of(nm_verify_value(plan, stored, slot, k), value[number * fresh->n + i],
                             relative_of(model, number, stored->outcome[k]),
                             scale_of(model, &m, number), plan->task.is_f32);
            if (nm_verify_is_worse(deviation, worst)) {
                worst = deviation;
                worst_slot = slot;
            }
        }
        if (nm_verify_look(check, worst)) {
            nm_verify_name(check, index, "point %" PRId64 ": %s is %.9g, solved again %.9g", index,
                           name_of(plan, worst_slot), nm_verify_value(plan, stored, worst_slot, k),
                           value[plan->column_output[worst_slot] * fresh->n + i]);
        }
    }
}
