/* What must hold of the stored values of a point by themselves, whatever computed them. Margins are the
 * rounding of what is stored and of the sums that made it, relative to the terms of the sum.
 *
 *   1. which laws can be checked   2. verdicts and values   3. laws */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balance_parts.h"
#include "design.h"
#include "verify_parts.h"

#define PATH_LIST(family) family(J) family(Jout) family(Jin) family(A) family(Tsigma)
enum {
#define PATH_ENUM(tag) PATH_##tag,
    PATH_LIST(PATH_ENUM)
#undef PATH_ENUM
        N_PATH_FAMILIES
};

static const double most_resid = 1e-10; /* the promise for a steady state */
/* of a chemical potential over RT: ln c of a solute, of c in mol m-3; of water the share of solutes */
static const double most_mu = 32.0, most_mu_water = 0.1;

enum { FREE, ALWAYS, NEVER }; /* whether a slot holds a number where the outcome carries values */

struct nm_verify_laws {
    const nm_plan *plan;
    int16_t path[N_PATH_FAMILIES][NM_MAX_OUTPUTS], fuel[NM_MAX_OUTPUTS], scalar[NM_N_SCALARS];
    int has_path[N_PATH_FAMILIES], has_fuel; /* 1: all of them are stored */
    int has[NM_N_VERIFY];                    /* 1: this law can be checked */
    int8_t rule[NM_MAX_OUTPUTS + NM_MAX_GRADIENTS];
    int temperature;  /* number of the parameter */
    double eps, tiny; /* of stored values */
    double n_terms;   /* of the longest sum */
};

/* --- 1. which laws can be checked ----------------------------------------------------------------- */

/* Slots of a family. returns 1 where all of its outputs are stored. */
static int find_family(int16_t *slot, const nm_plan *plan, nm_family family)
{
    int n = nm_catalogue_count(plan->model, family), has_all = 1;
    for (int i = 0; i < n; i++) {
        slot[i] = plan->task.slot[nm_catalogue_number(plan->model, family, i)];
        has_all &= slot[i] >= 0;
    }
    return has_all;
}

/* A number stands where the outcome carries values in what the state alone says; an uncharged solute has
 * no Nernst potential, a state without unknowns no relaxation. */
static int8_t rule_of(const nm_plan *plan, int number)
{
    const nm_model *model = plan->model;
    static const nm_family always[] = {NM_FAMILY_potential, NM_FAMILY_volume, NM_FAMILY_conc,
                                       NM_FAMILY_J,         NM_FAMILY_Jout,   NM_FAMILY_Jin,
                                       NM_FAMILY_exch,      NM_FAMILY_Tsigma, NM_FAMILY_P};
    static const int scalars[] = {NM_SCALAR_P_held,      NM_SCALAR_P_clamp, NM_SCALAR_Tsigma_total,
                                  NM_SCALAR_sigma_total, NM_SCALAR_W_pump,  NM_SCALAR_efficiency,
                                  NM_SCALAR_resid,       NM_SCALAR_a_max,   NM_SCALAR_n_states,
                                  NM_SCALAR_iterations};
    for (size_t k = 0; k < sizeof always / sizeof *always; k++) {
        int first = nm_catalogue_number(model, always[k], 0);
        if (number >= first && number < first + nm_catalogue_count(model, always[k])) {
            return ALWAYS;
        }
    }
    int scalar = number - nm_catalogue_number(model, NM_FAMILY_scalar, 0);
    for (size_t k = 0; k < sizeof scalars / sizeof *scalars; k++) {
        if (scalar == scalars[k]) {
            return ALWAYS;
        }
    }
    return scalar == NM_SCALAR_growth_rate ? NEVER : FREE;
}

/* Says of a law that cannot be checked which variables it wants. */
static void need(nm_verify_laws *laws, nm_verification *v, int check, int has, const char *wanted)
{
    laws->has[check] = has;
    if (!has) {
        nm_verify_skip(&v->check[check], "wants %s in the file", wanted);
    }
}

static void find_laws(nm_verify_laws *laws, nm_verification *v)
{
    const int *path = laws->has_path;
    const int16_t *scalar = laws->scalar;
    int has_total = scalar[NM_SCALAR_Tsigma_total] >= 0,
        has_sigma = scalar[NM_SCALAR_sigma_total] >= 0;
    int has_clamp = laws->plan->model->n_potentials == 0 || scalar[NM_SCALAR_P_clamp] >= 0;
    int has_fluxes = path[PATH_J] && path[PATH_Jout] && path[PATH_Jin];
    need(laws, v, NM_VERIFY_residual, scalar[NM_SCALAR_resid] >= 0, "resid");
    need(laws, v, NM_VERIFY_second_law, has_sigma, "sigma_total");
    need(laws, v, NM_VERIFY_dissipation, has_total + has_sigma + path[PATH_Tsigma] > 1,
         "two of Tsigma_total, sigma_total and the Tsigma_ of all pathways");
    need(laws, v, NM_VERIFY_fluxes, has_fluxes, "J_, Jout_ and Jin_ of all pathways");
    need(laws, v, NM_VERIFY_closure, path[PATH_J] && path[PATH_A] && scalar[NM_SCALAR_closure] >= 0,
         "closure, J_ and A_ of all pathways");
    need(laws, v, NM_VERIFY_supply,
         has_fluxes && path[PATH_A] && laws->has_fuel && has_clamp && has_total &&
             scalar[NM_SCALAR_P_held] >= 0 && scalar[NM_SCALAR_resid] >= 0,
         "resid, all P_, Tsigma_total, and J_, Jout_, Jin_ and A_ of all pathways");
}

nm_status nm_verify_laws_create(nm_verify_laws **laws, nm_verification *v)
{
    static const nm_family families[N_PATH_FAMILIES] = {
#define PATH_FAMILY(tag) NM_FAMILY_##tag,
        PATH_LIST(PATH_FAMILY)
#undef PATH_FAMILY
    };
    const nm_plan *plan = v->plan;
    const nm_model *model = plan->model;
    nm_verify_laws *l = calloc(1, sizeof *l);
    *laws = l;
    if (!l) {
        return nm_fail(NM_MEMORY, "no memory for the laws of '%s'", v->path);
    }
    l->plan = plan;
    l->eps = plan->task.is_f32 ? FLT_EPSILON : DBL_EPSILON;
    l->tiny = plan->task.is_f32 ? FLT_MIN : DBL_MIN;
    l->n_terms = model->n_paths + model->n_species + model->n_fuels + 4;
    for (int k = 0; k < N_PATH_FAMILIES; k++) {
        l->has_path[k] = find_family(l->path[k], plan, families[k]);
    }
    l->has_fuel = find_family(l->fuel, plan, NM_FAMILY_P);
    find_family(l->scalar, plan, NM_FAMILY_scalar);
    for (int slot = 0; slot < plan->task.n_slots; slot++) {
        int number = plan->column_output[slot];
        l->rule[slot] = number < plan->catalogue.n ? rule_of(plan, number) : FREE;
    }
    l->temperature = nm_param_index(model, "T");
    find_laws(l, v);
    return NM_OK;
}

void nm_verify_laws_destroy(nm_verify_laws **laws)
{
    free(*laws);
    *laws = NULL;
}

/* --- 2. verdicts and values ------------------------------------------------------------------------- */

typedef struct point { /* that is looked at */
    const nm_verify_laws *laws;
    const nm_tile *tile;
    int64_t i, index;
    int outcome;
    unsigned flags;
    double RT, T;
} point;

static double get(const point *p, int slot)
{
    return nm_verify_value(p->laws->plan, p->tile, slot, p->i);
}

static double get_scalar(const point *p, int scalar)
{
    return get(p, p->laws->scalar[scalar]);
}

static double get_path(const point *p, int family, int k)
{
    return get(p, p->laws->path[family][k]);
}

/* returns 1 where the outcome exists */
static int check_verdict(nm_verify_check *check, const point *p)
{
    int exists = p->outcome >= 0 && p->outcome < NM_N_OUTCOMES;
    check->n++;
    if (!exists || p->flags >> NM_N_FLAGS != 0) {
        check->n_bad++;
        if (exists) {
            nm_verify_name(check, p->index,
                           "point %" PRId64 ": flags are %u, and all flags together are %u",
                           p->index, p->flags, (1u << NM_N_FLAGS) - 1u);
        } else {
            nm_verify_name(check, p->index,
                           "point %" PRId64 ": outcome is %d, and outcomes are 0 to %d", p->index,
                           p->outcome, NM_N_OUTCOMES - 1);
        }
    }
    return exists;
}

/* 1 where a slot must be NaN, -1 where it must not, 0 where it may. */
static int must_be_nan(const point *p, int slot)
{
    const nm_verify_laws *laws = p->laws;
    if (nm_outcome_has_values(p->outcome)) {
        /* a concentration of zero, or a state that depends on its start, may leave a force without value */
        int is_odd = p->flags & (NM_FLAG_at_boundary | NM_FLAG_marginal);
        return laws->rule[slot] == NEVER ? 1 : laws->rule[slot] == ALWAYS && !is_odd ? -1 : 0;
    }
    int may_be =
        p->outcome != NM_OUTCOME_not_run &&
        (slot == laws->scalar[NM_SCALAR_iterations] ||
         (slot == laws->scalar[NM_SCALAR_growth_rate] &&
          p->outcome == NM_OUTCOME_no_steady_state_growth) ||
         (slot == laws->scalar[NM_SCALAR_resid] && p->outcome == NM_OUTCOME_not_converged));
    return may_be ? 0 : 1;
}

static void check_values(nm_verify_check *check, const point *p)
{
    const nm_plan *plan = p->laws->plan;
    check->n++;
    for (int slot = 0; slot < plan->task.n_slots; slot++) {
        double x = get(p, slot);
        int wanted = must_be_nan(p, slot);
        if ((wanted > 0 && !isnan(x)) || (wanted < 0 && !isfinite(x))) {
            check->n_bad++;
            nm_verify_name(check, p->index, "point %" PRId64 ": %s is %.9g where the outcome is %s",
                           p->index, plan->catalogue.output[plan->column_output[slot]].name, x,
                           nm_outcome_name(p->outcome));
            return;
        }
    }
}

/* --- 3. laws ---------------------------------------------------------------------------------------- */

/* One number that should be another, and what allows for rounding. */
typedef struct relation {
    double found, right, margin;
    const char *found_text, *right_text;
} relation;

static double deviation_of(const point *p, const relation *r)
{
    double off = fabs(r->found - r->right);
    return off == 0.0 ? 0.0 : off / (r->margin + p->laws->tiny);
}

/* Of n relations, the one that is farthest off. */
static void judge(nm_verify_check *check, const point *p, const relation *relations, int n)
{
    const relation *worst = relations;
    for (int i = 1; i < n; i++) {
        if (nm_verify_is_worse(deviation_of(p, &relations[i]), deviation_of(p, worst))) {
            worst = &relations[i];
        }
    }
    if (nm_verify_look(check, deviation_of(p, worst))) {
        nm_verify_name(check, p->index, "point %" PRId64 ": %s is %.9g, %s %.9g", p->index,
                       worst->found_text, worst->found, worst->right_text, worst->right);
    }
}

static void check_residual(nm_verify_check *check, const point *p)
{
    double resid = get_scalar(p, NM_SCALAR_resid);
    double deviation = resid >= 0.0 ? resid / (most_resid * (1.0 + p->laws->eps)) : NAN;
    if (nm_verify_look(check, deviation)) {
        nm_verify_name(check, p->index, "point %" PRId64 ": resid is %.9g", p->index, resid);
    }
}

/* At an equilibrium the dissipation is noise of either sign. */
static void check_second_law(nm_verify_check *check, const point *p)
{
    if (p->outcome == NM_OUTCOME_equilibrium || (p->flags & NM_FLAG_second_law_violated)) {
        return;
    }
    double sigma = get_scalar(p, NM_SCALAR_sigma_total);
    if (nm_verify_look(check, sigma >= 0.0 && isfinite(sigma) ? 0.0 : INFINITY)) {
        nm_verify_name(check, p->index, "point %" PRId64 ": sigma_total is %.9g", p->index, sigma);
    }
}

/* Tsigma_total against T sigma_total, and either of them against the sum over the pathways. */
static void check_dissipation(nm_verify_check *check, const point *p)
{
    const nm_verify_laws *laws = p->laws;
    const int has_total = laws->scalar[NM_SCALAR_Tsigma_total] >= 0,
              has_sigma = laws->scalar[NM_SCALAR_sigma_total] >= 0;
    const double by_sigma = has_sigma ? p->T * get_scalar(p, NM_SCALAR_sigma_total) : NAN;
    const double total = has_total ? get_scalar(p, NM_SCALAR_Tsigma_total) : by_sigma;
    const char *text = has_total ? "Tsigma_total" : "T sigma_total";
    relation relations[2];
    int n = 0;
    if (has_total && has_sigma) {
        relations[n++] =
            (relation){total, by_sigma, 4.0 * laws->eps * fabs(total), text, "T sigma_total"};
    }
    if (laws->has_path[PATH_Tsigma]) {
        double sum = 0.0, size = 0.0;
        for (int k = 0; k < laws->plan->model->n_paths; k++) {
            double x = get_path(p, PATH_Tsigma, k);
            sum += x;
            size += fabs(x);
        }
        relations[n++] =
            (relation){total, sum, laws->n_terms * laws->eps * size, text, "the sum of Tsigma_"};
    }
    judge(check, p, relations, n);
}

static void check_fluxes(nm_verify_check *check, const point *p)
{
    const nm_model *model = p->laws->plan->model;
    double worst = 0.0;
    int worst_path = 0;
    for (int k = 0; k < model->n_paths; k++) {
        double net = get_path(p, PATH_J, k), out = get_path(p, PATH_Jout, k),
               in = get_path(p, PATH_Jin, k);
        double off = fabs(net - (out - in));
        /* stored numbers, and a law that makes the three from its own factors */
        double margin = (2.0 * p->laws->eps + 16.0 * DBL_EPSILON) * (out + in) + p->laws->tiny;
        double deviation = off == 0.0 ? 0.0 : off / margin;
        if (nm_verify_is_worse(deviation, worst)) {
            worst = deviation;
            worst_path = k;
        }
    }
    if (nm_verify_look(check, worst)) {
        nm_verify_name(check, p->index, "point %" PRId64 ": J_%s is %.9g, Jout_ - Jin_ %.9g",
                       p->index, model->paths[worst_path].name, get_path(p, PATH_J, worst_path),
                       get_path(p, PATH_Jout, worst_path) - get_path(p, PATH_Jin, worst_path));
    }
}

static double most_mu_of(const nm_model *model, int s)
{
    return model->species[s].kind == NM_SPECIES_WATER ? most_mu_water : most_mu;
}

/* The terms that an energy balance adds and takes away again: fluxes times chemical potentials, and
 * times affinities. */
static double turnover(const point *p)
{
    const nm_model *model = p->laws->plan->model;
    double power = 0.0;
    for (int k = 0; k < model->n_paths; k++) {
        double J = get_path(p, PATH_J, k), mu = 0.0;
        for (int s = 0; s < model->n_species; s++) {
            mu += abs(model->nu[k * model->n_species + s]) * most_mu_of(model, s);
        }
        power += J != 0.0 ? fabs(J) * (p->RT * mu + fabs(get_path(p, PATH_A, k))) : 0.0;
    }
    return power;
}

/* The balance is closed before it is rounded: what is left is of the sums, in double. */
static void check_closure(nm_verify_check *check, const point *p)
{
    const relation closes = {get_scalar(p, NM_SCALAR_closure), 0.0,
                             p->laws->n_terms * DBL_EPSILON * turnover(p), "closure",
                             "and should be"};
    judge(check, p, &closes, 1);
}

/* Adds up the flows of each species that is free to move; gives the power that may be stored in what they
 * leave. returns 1 where they leave nothing, but for what a solver does: no electrode and no clamp gives
 * or takes any. */
static int is_balanced(double *stored, const point *p)
{
    const nm_verify_laws *laws = p->laws;
    const nm_model *model = laws->plan->model;
    const double resid = get_scalar(p, NM_SCALAR_resid) + laws->n_terms * DBL_EPSILON;
    *stored = 0.0;
    for (int s = 0; s < model->n_species; s++) {
        double sum = 0.0, size = 0.0;
        int has_books = model->species[s].kind == NM_SPECIES_FREE ||
                        (model->species[s].kind == NM_SPECIES_WATER &&
                         model->compartments[model->species[s].compartment].volume != NULL);
        for (int k = 0; k < model->n_paths && has_books; k++) {
            int nu = model->nu[k * model->n_species + s];
            if (nu != 0) {
                sum += nu * get_path(p, PATH_J, k);
                size += abs(nu) * (get_path(p, PATH_Jout, k) + get_path(p, PATH_Jin, k));
            }
        }
        if (fabs(sum) > (most_resid + laws->n_terms * laws->eps) * size + laws->tiny) {
            return 0;
        }
        *stored += resid * size * most_mu_of(model, s) * p->RT;
    }
    return 1;
}

static void check_supply(nm_verify_check *check, const point *p)
{
    const nm_verify_laws *laws = p->laws;
    double stored;
    if (!is_balanced(&stored, p)) {
        check->n_left_out++;
        return;
    }
    double total = get_scalar(p, NM_SCALAR_Tsigma_total);
    double sum = get_scalar(p, NM_SCALAR_P_held), size = fabs(sum) + fabs(total);
    for (int i = 0; i < laws->plan->model->n_fuels; i++) {
        double x = get(p, laws->fuel[i]);
        sum += x;
        size += fabs(x);
    }
    if (laws->scalar[NM_SCALAR_P_clamp] >= 0) {
        double x = get_scalar(p, NM_SCALAR_P_clamp);
        sum += x;
        size += fabs(x);
    }
    double margin = laws->n_terms * (laws->eps * size + DBL_EPSILON * turnover(p)) + stored;
    const relation meets = {sum, total, margin, "the sum of P_", "Tsigma_total"};
    judge(check, p, &meets, 1);
}

void nm_verify_laws_of(nm_verify_check *check, const nm_verify_laws *laws, const nm_tile *tile,
                       int64_t i, const double *params)
{
    point p = {.laws = laws,
               .tile = tile,
               .i = i,
               .index = tile->first + i,
               .outcome = tile->outcome[i],
               .flags = tile->flags[i]};
    if (!check_verdict(&check[NM_VERIFY_verdicts], &p)) {
        return;
    }
    check_values(&check[NM_VERIFY_values], &p);
    if (!nm_outcome_has_values(p.outcome)) {
        return;
    }
    if (laws->has[NM_VERIFY_second_law]) {
        check_second_law(&check[NM_VERIFY_second_law], &p);
    }
    /* averages over an oscillation obey sums of them, to the rounding of the averages */
    if (p.outcome == NM_OUTCOME_oscillatory) {
        return;
    }
    p.T = laws->temperature >= 0 ? params[laws->temperature] : 1.0;
    p.RT = NM_GAS * p.T;
    static void (*const laws_of[NM_N_VERIFY])(nm_verify_check *, const point *) = {
        [NM_VERIFY_residual] = check_residual,
        [NM_VERIFY_dissipation] = check_dissipation,
        [NM_VERIFY_fluxes] = check_fluxes,
        [NM_VERIFY_closure] = check_closure,
        [NM_VERIFY_supply] = check_supply};
    for (int k = 0; k < NM_N_VERIFY; k++) {
        if (laws_of[k] && laws->has[k]) {
            laws_of[k](&check[k], &p);
        }
    }
}
