/* Comparisons of gpu_check: what the device found against what the CPU found, point by point.
 *
 * Equal bits are expected. Where they differ, the rules of the design decide: |x - ref| <= (1e-9 |ref| + 1e-12 scale)
 * max(1, 1 / lysis_margin), relaxation times 1e-6. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LISTED = 20 };

static const double gas = 8.31446261815324, faraday = 96485.33212331001;
static const double margin_edge = 1e-9,
                    slow_edge = 1e8; /* closer to lysis, or slower: outcomes may differ */
static const double resid_promise = 1e-10;
static const double most_edge_share = 1e-5; /* ten per million */

/* --- what an output is measured against -------------------------------------------------------------- */

typedef enum rule {
    RULE_PLAIN,     /* relative alone */
    RULE_VOLT,      /* RT/F */
    RULE_ENERGY,    /* RT */
    RULE_WAY,       /* one-way fluxes of the pathway */
    RULE_WAY_POWER, /* the same x RT */
    RULE_ALL_POWER, /* one-way fluxes of all pathways x RT */
    RULE_ALL_ENTROPY,
    RULE_ONE,
    RULE_TIME,
    RULE_FREE /* how it was found, not what: not compared */
} rule;

typedef struct rules {
    int n;
    rule rule[NM_MAX_OUTPUTS];
    int path[NM_MAX_OUTPUTS];
    int first_out, first_in, n_paths, tau_slow, resid, margin; /* output numbers; -1: none */
    int temperature;
} rules;

static rule scalar_rule(int scalar)
{
    switch (scalar) {
    case NM_SCALAR_sigma_total:
        return RULE_ALL_ENTROPY;
    case NM_SCALAR_P_held:
    case NM_SCALAR_P_clamp:
    case NM_SCALAR_Tsigma_total:
    case NM_SCALAR_W_pump:
    case NM_SCALAR_closure:
        return RULE_ALL_POWER;
    case NM_SCALAR_efficiency:
    case NM_SCALAR_a_max:
        return RULE_ONE;
    case NM_SCALAR_tau_slow:
    case NM_SCALAR_tau_fast:
    case NM_SCALAR_growth_rate:
        return RULE_TIME;
    case NM_SCALAR_resid:
    case NM_SCALAR_delta:
    case NM_SCALAR_iterations:
        return RULE_FREE;
    default:
        return RULE_PLAIN;
    }
}

static void add_family(rules *r, const nm_model *model, const char *tag, int count)
{
    for (int i = 0; i < count; i++) {
        int number = r->n++;
        r->path[number] = strcmp(tag, "Jcyc") == 0 ? model->loops[i] : i;
        if (strcmp(tag, "potential") == 0 || strcmp(tag, "V_min") == 0 ||
            strcmp(tag, "V_max") == 0 || strcmp(tag, "E") == 0) {
            r->rule[number] = RULE_VOLT;
        } else if (strncmp(tag, "dmu", 3) == 0 || tag[0] == 'A') {
            r->rule[number] = RULE_ENERGY;
        } else if (tag[0] == 'J' || strcmp(tag, "exch") == 0) {
            r->rule[number] = RULE_WAY;
        } else if (strcmp(tag, "Tsigma") == 0) {
            r->rule[number] = RULE_WAY_POWER;
        } else if (strcmp(tag, "P") == 0) {
            r->rule[number] = RULE_ALL_POWER;
        } else if (strcmp(tag, "scalar") == 0) {
            r->rule[number] = scalar_rule(i);
        } else {
            r->rule[number] = RULE_PLAIN;
        }
    }
}

static void make_rules(rules *r, const nm_plan *plan)
{
    const nm_model *model = plan->model;
    const int potentials = model->n_potentials, volumes = model->n_volumes,
              species = model->n_species, pairs = model->n_pairs, paths = model->n_paths,
              fuels = model->n_fuels, loops = model->n_loops, scalars = NM_N_SCALARS,
              observables = model->n_observables;
    const int is_walk = model->n_walk_states > 0, steps = is_walk ? paths : 0,
              walk_scalars = is_walk * NM_N_WALK_SCALARS, ssa_scalars = is_walk * NM_N_SSA_SCALARS,
              ssa_bins = is_walk * NM_SSA_BINS, turns = model->n_turns;
    memset(r, 0, sizeof *r);
    r->n_paths = paths;
#define ADD(tag, counted, prefix, unit, text)                                                      \
    if (strcmp(#tag, "Jout") == 0) {                                                               \
        r->first_out = r->n;                                                                       \
    } else if (strcmp(#tag, "Jin") == 0) {                                                         \
        r->first_in = r->n;                                                                        \
    }                                                                                              \
    add_family(r, model, #tag, counted);
    NM_FAMILY_LIST(ADD)
#undef ADD
    r->tau_slow = nm_catalogue_find(&plan->catalogue, "tau_slow");
    r->resid = nm_catalogue_find(&plan->catalogue, "resid");
    r->margin = nm_catalogue_find(&plan->catalogue, "lysis_margin");
    r->temperature = -1;
    for (int i = 0; i < model->n_params; i++) {
        if (strcmp(model->params[i].name, "T") == 0) {
            r->temperature = i;
        }
    }
}

/* --- one tile ------------------------------------------------------------------------------------------ */

typedef struct counts {
    int64_t n_points, n_bits_equal_points, n_values, n_bits_equal_values, n_param_bits_differ,
        n_flags_differ;
    int64_t n_outcome_differs, n_edge_differs, n_edge, n_with_values, n_value_wrong, n_resid_wrong,
        n_listed;
    double worst_value; /* in units of the tolerance */
    double worst_resid;
    char worst_name[64];
} counts;

static double value_at(const nm_tile *tile, const nm_plan *plan, int number, int64_t i)
{
    int slot = number < 0 ? -1 : plan->task.slot[number];
    return slot < 0 ? NAN : ((const double *)tile->values)[slot * tile->n + i];
}

static double one_way(const rules *r, const nm_tile *tile, const nm_plan *plan, int path, int64_t i)
{
    double way = fabs(value_at(tile, plan, r->first_out + path, i)) +
                 fabs(value_at(tile, plan, r->first_in + path, i));
    return isfinite(way) ? way : 0.0;
}

static double scale_of(const rules *r, const nm_tile *tile, const nm_plan *plan, int number,
                       int64_t i)
{
    double params[NM_MAX_PARAMS];
    plan->model->draw(&plan->task.draw, tile->first + i, params);
    double RT = r->temperature < 0 ? 0.0 : gas * params[r->temperature], all = 0.0;
    switch (r->rule[number]) {
    case RULE_VOLT:
        return RT / faraday;
    case RULE_ENERGY:
        return RT;
    case RULE_WAY:
        return one_way(r, tile, plan, r->path[number], i);
    case RULE_WAY_POWER:
        return RT * one_way(r, tile, plan, r->path[number], i);
    case RULE_ALL_POWER:
    case RULE_ALL_ENTROPY:
        for (int k = 0; k < r->n_paths; k++) {
            all += one_way(r, tile, plan, k, i);
        }
        return all * (r->rule[number] == RULE_ALL_POWER ? RT : gas);
    case RULE_ONE:
        return 1.0;
    default:
        return 0.0;
    }
}

/* How far `found` is from `wanted`, in units of what is allowed. */
static double distance(const rules *r, const nm_tile *wanted_tile, const nm_plan *plan, int number,
                       int64_t i, double found, double wanted)
{
    if (r->rule[number] == RULE_FREE || (isnan(found) && isnan(wanted)) || found == wanted) {
        return 0.0;
    }
    if (isnan(found) || isnan(wanted) || isinf(found) || isinf(wanted)) {
        return INFINITY;
    }
    double margin = value_at(wanted_tile, plan, r->margin, i);
    double near = margin > 0.0 && margin < 1.0 ? 1.0 / margin : 1.0;
    double relative = r->rule[number] == RULE_TIME ? 1e-6 : 1e-9;
    double allowed =
        (relative * fabs(wanted) + 1e-12 * scale_of(r, wanted_tile, plan, number, i)) * near;
    return fabs(found - wanted) / allowed;
}

/* Whether a point is so near a boundary, or so slow, that two solvers may call it differently. */
static int is_edge(const rules *r, const nm_tile *a, const nm_tile *b, const nm_plan *plan,
                   int64_t i)
{
    const nm_tile *tiles[] = {a, b};
    for (int k = 0; k < 2; k++) {
        double margin = value_at(tiles[k], plan, r->margin, i),
               tau = value_at(tiles[k], plan, r->tau_slow, i);
        if (fabs(margin) <= margin_edge || tau >= slow_edge) {
            return 1;
        }
    }
    return 0;
}

static void list_point(nm_check_report *report, const rules *r, const nm_tile *found,
                       const nm_tile *wanted, const nm_plan *plan, int64_t i, const char *why)
{
    char line[512];
    snprintf(line, sizeof line,
             "point %lld (%s): device %s, flags %x, lysis_margin %.17g, tau_slow %.6g; CPU %s, "
             "flags %x, lysis_margin "
             "%.17g, tau_slow %.6g",
             (long long)(found->first + i), why, nm_outcome_name(found->outcome[i]),
             found->flags[i], value_at(found, plan, r->margin, i),
             value_at(found, plan, r->tau_slow, i), nm_outcome_name(wanted->outcome[i]),
             wanted->flags[i], value_at(wanted, plan, r->margin, i),
             value_at(wanted, plan, r->tau_slow, i));
    nm_check_text(report, "listed", line);
}

static void compare_values(nm_check_report *report, counts *c, const rules *r, const nm_tile *found,
                           const nm_tile *wanted, const nm_plan *plan, char *differs)
{
    for (int slot = 0; slot < plan->task.n_slots; slot++) {
        int number = plan->column_output[slot];
        const double *a = (const double *)found->values + slot * found->n,
                     *b = (const double *)wanted->values + slot * wanted->n;
        for (int64_t i = 0; i < found->n; i++) {
            if (memcmp(&a[i], &b[i], sizeof a[i]) == 0) {
                c->n_bits_equal_values++;
                continue;
            }
            differs[i] = 1;
            if (found->outcome[i] != wanted->outcome[i]) {
                continue; /* counted as such */
            }
            double d = distance(r, wanted, plan, number, i, a[i], b[i]);
            if (d > c->worst_value) {
                c->worst_value = d;
                snprintf(c->worst_name, sizeof c->worst_name, "%s",
                         plan->catalogue.output[number].name);
            }
            if (!(d <= 1.0)) {
                c->n_value_wrong++;
                if (c->n_listed++ < MOST_LISTED) {
                    char line[256];
                    snprintf(line, sizeof line,
                             "point %lld: %s is %.17g on the device and %.17g on the CPU",
                             (long long)(found->first + i), plan->catalogue.output[number].name,
                             a[i], b[i]);
                    nm_check_text(report, "listed", line);
                }
            }
        }
        c->n_values += found->n;
    }
}

static nm_status compare_tile(nm_check_report *report, counts *c, const rules *r,
                              const nm_tile *found, const nm_tile *wanted, const nm_plan *plan)
{
    char *differs = calloc(1, (size_t)found->n);
    if (!differs) {
        return nm_fail(NM_MEMORY, "no memory to compare a tile");
    }
    compare_values(report, c, r, found, wanted, plan, differs);
    for (int64_t k = 0; k < plan->task.n_stored * found->n; k++) {
        c->n_param_bits_differ +=
            memcmp(&found->params[k], &wanted->params[k], sizeof(double)) != 0;
    }
    for (int64_t i = 0; i < found->n; i++) {
        int edge = is_edge(r, found, wanted, plan, i);
        c->n_edge += edge;
        if (found->outcome[i] != wanted->outcome[i]) {
            differs[i] = 1;
            c->n_outcome_differs += !edge;
            c->n_edge_differs += edge;
            if (c->n_listed++ < MOST_LISTED) {
                list_point(report, r, found, wanted, plan, i,
                           edge ? "at the edge" : "NOT at the edge");
            }
        } else if (found->flags[i] != wanted->flags[i]) {
            differs[i] = 1;
            c->n_flags_differ++;
            if (c->n_listed++ < MOST_LISTED) {
                list_point(report, r, found, wanted, plan, i, "flags");
            }
        }
        c->n_bits_equal_points += !differs[i];
        int8_t outcome = found->outcome[i];
        if (outcome == NM_OUTCOME_equilibrium || outcome == NM_OUTCOME_ness ||
            outcome == NM_OUTCOME_unstable) {
            double resid = value_at(found, plan, r->resid, i);
            c->n_with_values++;
            c->n_resid_wrong += !(resid <= resid_promise);
            c->worst_resid = resid > c->worst_resid ? resid : c->worst_resid;
        }
    }
    c->n_points += found->n;
    free(differs);
    return NM_OK;
}

/* --- stores -------------------------------------------------------------------------------------------- */

void nm_check_compare(nm_check_report *report, const nm_plan *plan, const nm_check_store *found,
                      const nm_check_store *wanted)
{
    static _Thread_local rules r;
    counts c = {0};
    make_rules(&r, plan);
    for (int64_t t = 0; t < found->n; t++) {
        nm_tile a, b;
        nm_plan_map_tile(plan, &a, found->first + t, found->payloads + t * found->stride);
        nm_plan_map_tile(plan, &b, wanted->first + t, wanted->payloads + t * wanted->stride);
        if (!nm_check_demand(report, compare_tile(report, &c, &r, &a, &b, plan) == NM_OK, "%s",
                             nm_last_error())) {
            return;
        }
    }
    nm_check_integer(report, "n_points", c.n_points);
    nm_check_integer(report, "n_bits_equal_points", c.n_bits_equal_points);
    nm_check_integer(report, "n_values", c.n_values);
    nm_check_integer(report, "n_bits_equal_values", c.n_bits_equal_values);
    nm_check_integer(report, "n_param_bits_differ", c.n_param_bits_differ);
    nm_check_integer(report, "n_edge", c.n_edge);
    nm_check_integer(report, "n_edge_differs", c.n_edge_differs);
    nm_check_integer(report, "n_outcome_differs", c.n_outcome_differs);
    nm_check_integer(report, "n_flags_differ", c.n_flags_differ);
    nm_check_integer(report, "n_value_wrong", c.n_value_wrong);
    nm_check_integer(report, "n_with_values", c.n_with_values);
    nm_check_number(report, "worst_value", c.worst_value);
    nm_check_text(report, "worst_name", c.worst_name);
    nm_check_number(report, "worst_resid", c.worst_resid);
    nm_check_demand(report, c.n_points > 0, "no points were compared");
    nm_check_demand(report, c.n_param_bits_differ == 0, "%lld parameters differ in their bits",
                    (long long)c.n_param_bits_differ);
    nm_check_demand(report, c.n_outcome_differs == 0, "%lld outcomes differ where they may not",
                    (long long)c.n_outcome_differs);
    nm_check_demand(report,
                    (double)c.n_edge_differs <= fmax(1.0, most_edge_share * (double)c.n_points),
                    "%lld outcomes differ at the edge, of %lld points", (long long)c.n_edge_differs,
                    (long long)c.n_points);
    nm_check_demand(report, c.n_flags_differ == 0, "%lld points have other flags",
                    (long long)c.n_flags_differ);
    nm_check_demand(report, c.n_value_wrong == 0,
                    "%lld values are outside the tolerance, the worst %.3g times (%s)",
                    (long long)c.n_value_wrong, c.worst_value, c.worst_name);
    nm_check_demand(report, c.n_resid_wrong == 0,
                    "%lld states have a residual above 1e-10, the worst %.3g",
                    (long long)c.n_resid_wrong, c.worst_resid);
}

void nm_check_same_bytes(nm_check_report *report, const nm_check_store *a, const nm_check_store *b,
                         const char *what)
{
    int64_t bytes = a->n * a->stride, at = 0;
    if (!nm_check_demand(report, bytes == b->n * b->stride && bytes > 0 && a->n_bytes == b->n_bytes,
                         "%s: %lld and %lld bytes", what, (long long)a->n_bytes,
                         (long long)b->n_bytes)) {
        return;
    }
    if (memcmp(a->payloads, b->payloads, (size_t)bytes) != 0) {
        while (a->payloads[at] == b->payloads[at]) {
            at++;
        }
        nm_check_demand(report, 0, "%s: tile %lld differs first at its byte %lld", what,
                        (long long)(a->first + at / a->stride), (long long)(at % a->stride));
    }
    nm_check_demand(report, a->n_newton == b->n_newton, "%s: %lld and %lld points by Newton alone",
                    what, (long long)a->n_newton, (long long)b->n_newton);
}

void nm_check_params(nm_check_report *report, const nm_plan *plan, const nm_check_store *store)
{
    const nm_task *task = &plan->task;
    int64_t n_points = 0, n_numbers = 0, n_differ = 0;
    for (int64_t t = 0; t < store->n; t++) {
        nm_tile tile;
        nm_plan_map_tile(plan, &tile, store->first + t, store->payloads + t * store->stride);
        for (int64_t i = 0; i < tile.n; i++) {
            double params[NM_MAX_PARAMS];
            plan->model->draw(&task->draw, tile.first + i, params);
            for (int k = 0; k < task->n_stored; k++) {
                const double *found = &tile.params[k * tile.n + i],
                             *wanted = &params[task->stored[k]];
                if (memcmp(found, wanted, sizeof *found) != 0 && n_differ++ == 0) {
                    nm_check_demand(report, 0,
                                    "point %lld: %s is %.17g on the device, %.17g on the host",
                                    (long long)(tile.first + i),
                                    plan->model->params[task->stored[k]].name, *found, *wanted);
                }
            }
        }
        n_points += tile.n;
        n_numbers += tile.n * task->n_stored;
    }
    nm_check_integer(report, "n_points", n_points);
    nm_check_integer(report, "n_numbers", n_numbers);
    nm_check_integer(report, "n_param_bits_differ", n_differ);
    nm_check_demand(report, n_numbers > 0, "no parameters were compared");
}
