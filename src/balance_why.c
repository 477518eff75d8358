/* Why a cell has no steady state: which single parameter would bring one back, how the course goes until it ends, and the
 * fluxes that drive it; or how it came to the one that it has.
 *
 * 1. the search      2. the course      3. for people and as JSON */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balance_units.h"
#include "course.h"
#include "words.h"

enum {
    N_STEPS = 16, /* values looked at on each side, and in each refinement */
    N_ROUNDS = 3
};

/* --- 1. the search ---------------------------------------------------------------------------- */

/* Where one side of a parameter is searched: from `near`, without a steady state, to `far`. */
typedef struct search {
    int param, is_log, is_found;
    double near, far;
} search;

static double place(const search *s, int i)
{
    double t = (double)i / N_STEPS;
    return i == N_STEPS ? s->far
           : s->is_log  ? s->near * pow(s->far / s->near, t)
                        : s->near + t * (s->far - s->near);
}

/* a bath must not be charged to answer */
static int keeps_bath(const nm_balance *balance, int i_param, double value)
{
    const nm_model *model = balance->plan->model;
    double params[NM_MAX_PARAMS];
    memcpy(params, balance->params, sizeof params);
    params[i_param] = value;
    return fabs(model->ground_charge(params)) <= fabs(model->ground_charge(balance->params)) + 1e-9;
}

static int begin_search(search *s, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    int n = 0;
    for (int i = 0; i < model->n_params; i++) {
        const nm_param_info *info = &model->params[i];
        const double end[] = {info->low, info->high};
        double here = balance->params[i];
        for (int side = 0; side < 2 && balance->matters[i] && info->high > info->low; side++) {
            int is_outside = side == 0 ? here <= end[side] : here >= end[side];
            if (!is_outside && keeps_bath(balance, i, end[side])) {
                int is_log = info->is_log && info->low > 0.0 && here > 0.0;
                s[n++] = (search){.param = i, .is_log = is_log, .near = here, .far = end[side]};
            }
        }
    }
    return n;
}

/* all searches side by side; each is left with the bracket of its nearest steady state */
static nm_status search_round(search *s, int n, const nm_balance *balance)
{
    const nm_plan *plan = balance->plan;
    int n_params = plan->model->n_params;
    int64_t n_points = (int64_t)n * N_STEPS;
    double *columns = malloc((size_t)n_params * (size_t)n_points * sizeof *columns);
    int8_t *outcome = malloc((size_t)n_points);
    uint16_t *flags = malloc((size_t)n_points * sizeof *flags);
    nm_status status = NM_OK;
    if (!columns || !outcome || !flags) {
        status = nm_fail(NM_MEMORY, "no memory for the search of a steady state");
    } else {
        for (int p = 0; p < n_params; p++) {
            for (int64_t i = 0; i < n_points; i++) {
                const search *at = &s[i / N_STEPS];
                columns[p * n_points + i] =
                    p == at->param ? place(at, 1 + (int)(i % N_STEPS)) : balance->params[p];
            }
        }
        status = nm_balance_batch(plan, columns, n_points, NULL, outcome, flags);
    }
    for (int k = 0; status == NM_OK && k < n; k++) {
        int i = 0;
        while (i < N_STEPS && !nm_outcome_has_values(outcome[k * N_STEPS + i])) {
            i++;
        }
        s[k].is_found |= i < N_STEPS;
        if (i < N_STEPS) {
            double near = place(&s[k], i), far = place(&s[k], i + 1);
            s[k].near = near;
            s[k].far = far;
        }
    }
    free(flags);
    free(outcome);
    free(columns);
    return status;
}

static int by_distance(const void *a, const void *b)
{
    const nm_limit *p = a, *q = b;
    return p->distance != q->distance ? (p->distance > q->distance) - (p->distance < q->distance)
                                      : p->param - q->param;
}

static nm_status find_limits(nm_balance_why *why, const nm_balance *balance)
{
    search *s = malloc(2 * NM_MAX_PARAMS * sizeof *s);
    if (!s) {
        return nm_fail(NM_MEMORY, "no memory for the search of a steady state");
    }
    int n = begin_search(s, balance);
    nm_status status = NM_OK;
    for (int round = 0; round < N_ROUNDS && n > 0 && status == NM_OK; round++) {
        status = search_round(s, n, balance);
        int n_kept = 0;
        for (int k = 0; k < n; k++) {
            if (s[k].is_found) {
                s[n_kept++] = s[k];
            }
        }
        n = n_kept;
    }
    const nm_model *model = balance->plan->model;
    for (int k = 0; k < n && status == NM_OK; k++) {
        const nm_param_info *info = &model->params[s[k].param];
        double here = balance->params[s[k].param];
        double share = s[k].is_log ? fabs(log(s[k].far / here)) / log(info->high / info->low)
                                   : fabs(s[k].far - here) / (info->high - info->low);
        why->limit[why->n_limits++] = (nm_limit){s[k].param, s[k].far, share};
    }
    qsort(why->limit, (size_t)why->n_limits, sizeof why->limit[0], by_distance);
    free(s);
    return status;
}

/* --- 2. the course ---------------------------------------------------------------------------- */

static int is_steady(int outcome)
{
    return outcome == NM_OUTCOME_equilibrium || outcome == NM_OUTCOME_ness;
}

/* 0, then equal steps of the logarithm */
static void fill_times(nm_balance_why *why, double first, double last)
{
    why->times[0] = 0.0;
    for (int i = 1; i < NM_COURSE_TIMES; i++) {
        why->times[i] = first * pow(last / first, (double)(i - 1) / (NM_COURSE_TIMES - 2));
    }
    why->times[NM_COURSE_TIMES - 1] = last;
}

/* values: [n_outputs][NM_COURSE_TIMES], of which n are there */
static void take_course(nm_balance_why *why, const nm_balance *balance, const double *values, int n)
{
    const nm_plan *plan = balance->plan;
    why->n_times = n;
    why->time = why->times[n - 1];
    for (int i = 0; i < plan->catalogue.n; i++) {
        why->begin[i] = values[i * NM_COURSE_TIMES];
        why->end[i] = values[i * NM_COURSE_TIMES + n - 1];
    }
    memcpy(&why->then, balance, sizeof why->then);
    memcpy(why->then.value, is_steady(balance->outcome) ? why->begin : why->end,
           sizeof why->then.value);
    why->told = nm_course_find(plan, balance->outcome, why->begin, why->end);
    for (int i = 0; why->told >= 0 && i < n; i++) {
        why->series[i] = values[why->told * NM_COURSE_TIMES + i];
    }
}

/* a model without time courses, or a start outside its domain, has none to tell */
static nm_status follow(nm_balance_why *why, const nm_balance *balance)
{
    const nm_plan *plan = balance->plan;
    why->time = NAN;
    why->told = -1;
    if (!plan->model->trace) {
        return NM_OK;
    }
    nm_task *task = malloc(sizeof *task);
    double *values = malloc((size_t)plan->catalogue.n * NM_COURSE_TIMES * sizeof *values);
    nm_status status = NM_OK;
    if (!task || !values) {
        status = nm_fail(NM_MEMORY, "no memory for the course of one point");
    } else {
        memcpy(task, &plan->task, sizeof *task);
        task->solver.mode = NM_MODE_FOLLOW;
        nm_trace trace = {.rtol = 1e-6};
        int is_there = plan->model->trace(task, balance->params, &trace) == 0;
        /* before the last moment, in which a species has run out */
        double last = is_steady(balance->outcome) ? trace.last : 0.999 * trace.last;
        if (is_there && trace.first > 0.0 && last > trace.first) {
            fill_times(why, trace.first, last);
            trace.n_times = NM_COURSE_TIMES;
            trace.times = why->times;
            trace.values = values;
            if (plan->model->trace(task, balance->params, &trace) == 0 && trace.n_done >= 2) {
                take_course(why, balance, values, trace.n_done);
            }
        }
    }
    free(values);
    free(task);
    return status;
}

nm_status nm_balance_explain(nm_balance_why **why, const nm_balance *balance)
{
    *why = NULL;
    int is_lost = balance->outcome == NM_OUTCOME_no_steady_state_growth ||
                  balance->outcome == NM_OUTCOME_no_steady_state_depletion;
    if (!is_lost && !(is_steady(balance->outcome) && balance->plan->model->trace)) {
        return NM_OK;
    }
    nm_balance_why *made = calloc(1, sizeof *made);
    if (!made) {
        return nm_fail(NM_MEMORY, "no memory for the reasons of one point");
    }
    nm_status status = is_lost ? find_limits(made, balance) : NM_OK;
    if (status == NM_OK) {
        status = follow(made, balance);
    }
    if (status != NM_OK) {
        free(made);
        return status;
    }
    *why = made;
    return NM_OK;
}

/* --- 3. for people and as JSON ---------------------------------------------------------------- */

/* "5.2 times as much"; of signed numbers and zeros, nothing */
static void print_change(FILE *stream, int *at, double from, double to)
{
    if (from > 0.0 && to > 0.0) {
        nm_put_wrapped(stream, at, 12, to > from ? "; %.3g times as much" : "; 1/%.3g of it",
                       to > from ? to / from : from / to);
    }
}

static void print_limits(FILE *stream, const nm_balance_why *why, const nm_balance *balance)
{
    enum { MOST = 6 };
    const nm_model *model = balance->plan->model;
    if (why->n_limits == 0) {
        fprintf(stream, "\nno single parameter, moved within its range, brings a steady state\n");
        return;
    }
    fprintf(stream,
            "\none of these alone would bring a steady state (the smallest change first)\n");
    for (int i = 0; i < why->n_limits && i < MOST; i++) {
        const nm_limit *limit = &why->limit[i];
        const nm_param_info *info = &model->params[limit->param];
        char value[NM_WORDS], here[NM_WORDS];
        double now = balance->params[limit->param];
        int at = fprintf(stream, "  %-9s %s %s (here %s", info->name,
                         limit->value < now ? "below" : "above",
                         nm_words_quantity(value, limit->value, info->unit),
                         nm_words_quantity(here, now, info->unit));
        print_change(stream, &at, now, limit->value);
        nm_put_wrapped(stream, &at, 12, "): %s", info->text);
        fputc('\n', stream);
    }
}

static void print_course_row(FILE *stream, const char *name, double begin, double end,
                             const char *unit)
{
    end = fabs(end) < 1e-20 ? 0.0 : end; /* less than a molecule */
    fprintf(stream, "  %-10s %12.4g %12.4g %s", name, begin, end, unit);
    if (begin > 0.0 && end > 0.0 && (end > 10.0 * begin || end < 0.1 * begin)) {
        fprintf(stream, end > begin ? "  %.4g times as much" : "  1/%.4g of it",
                end > begin ? end / begin : begin / end);
    }
    fputc('\n', stream);
}

static double at_family(const double *value, const nm_balance *balance, nm_family family, int i)
{
    return value[nm_balance_output(balance, family, i) - balance->plan->catalogue.output];
}

static void print_family(FILE *stream, const nm_balance_why *why, const nm_balance *balance,
                         nm_family family, double factor, const char *unit)
{
    for (int i = 0; i < nm_catalogue_count(balance->plan->model, family); i++) {
        print_course_row(stream, nm_balance_output(balance, family, i)->name,
                         factor * at_family(why->begin, balance, family, i),
                         factor * at_family(why->end, balance, family, i), unit);
    }
}

static void print_course(FILE *stream, const nm_balance_why *why, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    char time[NM_WORDS];
    if (isnan(why->time)) {
        return;
    }
    fprintf(stream, "\nwhat %s: %12s %12s\n", is_steady(balance->outcome) ? "happened" : "happens",
            "start", nm_course_time(time, why->time));
    print_family(stream, why, balance, NM_FAMILY_potential, 1e3, "mV");
    print_family(stream, why, balance, NM_FAMILY_volume, 1e6, "um");
    for (int s = 0; s < model->n_species; s++) {
        int is_told = model->species[s].kind == NM_SPECIES_FREE ||
                      model->species[s].kind == NM_SPECIES_TRAPPED;
        if (is_told) {
            const char *unit = nm_catalogue_unit(model, s);
            print_course_row(stream, model->species[s].name,
                             at_family(why->begin, balance, NM_FAMILY_conc, s),
                             at_family(why->end, balance, NM_FAMILY_conc, s),
                             strcmp(unit, "mol m-3") == 0 ? "mM" : unit);
        }
    }
    if (why->told >= 0) {
        char sentence[NM_COURSE_TEXT];
        int at = fprintf(stream, "  ");
        nm_put_wrapped(stream, &at, 2, "%s",
                       nm_course_words(sentence, balance->plan, balance->outcome, why->told,
                                       why->n_times, why->times, why->series));
        fputc('\n', stream);
    }
}

/* a thousandth: what is less came to rest long before the rest */
static int is_uneven(const nm_balance *then, int s)
{
    const nm_model *model = then->plan->model;
    double sum = 0.0, turnover = 0.0;
    for (int k = 0; k < model->n_paths; k++) {
        double made = model->nu[k * model->n_species + s] * nm_balance_flux(then, k);
        sum += made;
        turnover += fabs(made);
    }
    return fabs(sum) > 1e-3 * turnover;
}

/* What comes into a species, what goes out, and what is left over. */
static void print_gain(FILE *stream, const nm_balance *then, int s, nm_scale scale)
{
    const nm_model *model = then->plan->model;
    const int indent = nm_name_columns(model) + 4;
    double in = 0.0, out = 0.0;
    for (int k = 0; k < model->n_paths; k++) {
        double made = model->nu[k * model->n_species + s] * nm_balance_flux(then, k);
        *(made > 0.0 ? &in : &out) += fabs(made);
    }
    int at = fprintf(stream, "  %-*s ", indent - 4, model->species[s].name);
    nm_put_wrapped(stream, &at, indent, "in");
    nm_balance_print_flows(stream, &at, then, s, 1, scale);
    nm_put_wrapped(stream, &at, indent, "; out");
    nm_balance_print_flows(stream, &at, then, s, -1, scale);
    double least = in < out ? in : out, most = in < out ? out : in;
    nm_put_wrapped(stream, &at, indent, ": it %s %.3g", in > out ? "gains" : "loses",
                   scale.factor * (most - least));
    if (least > 0.0) {
        nm_put_wrapped(stream, &at, indent, ", %.3g times as much %s", most / least,
                       in > out ? "in as out" : "out as in");
    }
    fputc('\n', stream);
}

/* The fluxes that make it: at the start of what came to rest, at the end of what did not. */
static void print_gains(FILE *stream, const nm_balance_why *why, const nm_balance *balance)
{
    const int n_species = balance->plan->model->n_species;
    nm_scale scale = isnan(why->time) ? (nm_scale){0} : nm_flux_scale(&why->then);
    char time[NM_WORDS];
    int is_first = 1;
    for (int s = 0; s < n_species && isfinite(why->time); s++) {
        double sum, turnover;
        if (nm_balance_books(&sum, &turnover, balance, s) == 0 || nm_balance_is_held(balance, s) ||
            !is_uneven(&why->then, s)) {
            continue;
        }
        if (is_first && is_steady(balance->outcome)) {
            fprintf(stream, "what came in and what went out at the start, in %s\n", scale.unit);
        } else if (is_first) {
            fprintf(stream, "what comes in and what goes out after %s, in %s\n",
                    nm_course_time(time, why->time), scale.unit);
        }
        is_first = 0;
        print_gain(stream, &why->then, s, scale);
    }
}

void nm_balance_print_why(FILE *stream, const nm_balance_why *why, const nm_balance *balance)
{
    double rate = nm_balance_value(balance, NM_FAMILY_scalar, NM_SCALAR_growth_rate);
    print_course(stream, why, balance);
    if (isfinite(rate)) {
        /* 1e-15 m/s is a tenth of an atom in a day */
        fprintf(stream,
                rate < 1e-15 ? "  it grows ever more slowly, but does not stop\n"
                             : "  in the end it grows by %.3g um/h (%.3g m s-1)\n",
                3.6e9 * rate, rate);
    }
    print_gains(stream, why, balance);
    if (!is_steady(balance->outcome)) {
        print_limits(stream, why, balance);
    }
}

void nm_balance_print_why_json(FILE *stream, const nm_balance_why *why, const nm_balance *balance)
{
    const nm_model *model = balance->plan->model;
    fputs("[", stream);
    for (int i = 0; i < why->n_limits; i++) {
        const nm_limit *limit = &why->limit[i];
        fprintf(stream,
                "%s\n    {\"parameter\": \"%s\", \"side\": \"%s\", \"value\": ", i > 0 ? "," : "",
                model->params[limit->param].name,
                limit->value < balance->params[limit->param] ? "below" : "above");
        nm_json_number(stream, limit->value);
        fputs("}", stream);
    }
    fputs("]", stream);
}
