/* The neuron: bistable and gated, against CVODE; the wanted state is the one that the time course leads to.
 *
 * Draws the cells of the configuration and follows all from the declared start at rtol 1e-6; those that come to a steady
 * state are given to every contestant. A failure is a residual above 1e-10, which nm_bench_neuron_judge computes, or no
 * answer; a wrong answer passes that and is another state than the followed one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_field.h"
#include "bench_neuron_cell.h"

static const double SAME = 1e-3, REFERENCE = 1e-6;
enum { STARTS = 16 /* for the share of bistable sets */ };

typedef struct neuron {
    nm_bench_neuron_cell *cells; /* [n] */
    double *wanted;              /* [n][5] */
    int8_t *is_bistable;         /* [n] */
    int64_t n_bistable;
} neuron;

/* one kernel over all sets, and where each of them goes */
typedef struct survey {
    double *states; /* [n_all][5] */
    int8_t *is_good;
} survey;

static void see_survey(nm_bench *b, const nm_bench_contestant *c, const nm_tile *tile, void *context)
{
    (void)c;
    survey *s = context;
    for (int64_t i = 0; i < tile->n; i++) {
        const int outcome = tile->outcome[i];
        nm_bench_states_of_tile(&s->states[(tile->first + i) * NM_BENCH_NEURON_STATES], b, tile, i);
        s->is_good[tile->first + i] = outcome == NM_OUTCOME_ness || outcome == NM_OUTCOME_equilibrium;
    }
}

static void see_bistable(nm_bench *b, const nm_bench_contestant *c, const nm_tile *tile, void *context)
{
    (void)b, (void)c;
    neuron *own = context;
    for (int64_t i = 0; i < tile->n; i++) {
        own->is_bistable[tile->first + i] = (tile->flags[i] & NM_FLAG_multistable) != 0;
        own->n_bistable += own->is_bistable[tile->first + i];
    }
}

/* runs the widest kernel over n sets */
static int look(nm_bench *b, nm_bench_sets sets, int64_t n, nm_mode mode, double rtol, int starts, nm_bench_see see,
                void *context)
{
    nm_bench_contestant c = {.n = n};
    const int lanes = nm_backend_cpu_has_lanes(16) ? 16 : nm_backend_cpu_has_lanes(8) ? 8 : 1;
    int status = nm_bench_add_kernel(b, &c, lanes, sets, mode, rtol);
    if (status == 0) {
        c.task->solver.starts = starts;
        status = nm_bench_run_kernel(b, &c, see, context);
    }
    free(c.task);
    return status;
}

static nm_bench_neuron_cell cell_of(double *set, const nm_model *model)
{
    nm_bench_neuron_cell c = {0};
#define COPY(name) c.name = *nm_bench_param(set, model, #name);
    COPY(T) COPY(w_i) COPY(w_e) COPY(A_m) COPY(C_m) COPY(g_NaL) COPY(g_NaG) COPY(g_KL) COPY(g_KG) COPY(g_Cl) COPY(phi)
    COPY(rho) COPY(I_app) COPY(Na_i0) COPY(K_i0) COPY(Cl_i0) COPY(Na_e0) COPY(K_e0) COPY(Cl_e0)
#undef COPY
    nm_bench_neuron_prepare(&c);
    return c;
}

static int draw_sets(nm_bench *b)
{
    neuron *own = b->own = calloc(1, sizeof *own);
    const nm_model *model = b->plan->model;
    const int np = model->n_params;
    const size_t n_states = NM_BENCH_NEURON_STATES;
    if (b->n_all > 16384) { /* following them all closely takes half a minute */
        b->n_all = 16384;
    }
    survey s = {malloc((size_t)b->n_all * n_states * sizeof(double)), malloc((size_t)b->n_all)};
    b->all = malloc((size_t)(np * b->n_all) * sizeof(double));
    b->columns = malloc((size_t)(np * b->n_all) * sizeof(double));
    int status = own && s.states && s.is_good && b->all && b->columns ? 0 : nm_bench_fail("no memory");
    for (int64_t i = 0; status == 0 && i < b->n_all; i++) {
        double set[NM_MAX_PARAMS];
        model->draw(&b->plan->task.draw, i, set);
        for (int k = 0; k < np; k++) {
            b->all[k * b->n_all + i] = set[k];
        }
    }
    if (status == 0) {
        status = look(b, NM_BENCH_ALL, b->n_all, NM_MODE_FOLLOW, REFERENCE, 1, see_survey, &s);
        own->cells = malloc((size_t)b->n_all * sizeof *own->cells);
        own->wanted = malloc((size_t)b->n_all * n_states * sizeof(double));
        own->is_bistable = malloc((size_t)b->n_all);
        status = status ? status : own->cells && own->wanted && own->is_bistable ? 0 : nm_bench_fail("no memory");
    }
    for (int64_t i = 0; status == 0 && i < b->n_all; i++) {
        if (!s.is_good[i]) {
            continue;
        }
        double set[NM_MAX_PARAMS];
        for (int k = 0; k < np; k++) {
            set[k] = b->columns[k * b->n_all + b->n] = b->all[k * b->n_all + i];
        }
        memcpy(&own->wanted[b->n * (int64_t)n_states], &s.states[i * (int64_t)n_states], n_states * sizeof(double));
        own->cells[b->n++] = cell_of(set, model);
    }
    free(s.states);
    free(s.is_good);
    if (status == 0 && b->n == 0) {
        status = nm_bench_fail("no set comes to a steady state");
    }
    return status ? status : look(b, NM_BENCH_STEADY, b->n, NM_MODE_AUTO, 1e-3, STARTS, see_bistable, own);
}

/* --- judging -------------------------------------------------------------------------------------------------------- */

static void judge_state(nm_bench_judged *j, const nm_bench *b, int64_t i, const double *states)
{
    const neuron *own = b->own;
    const double residual = nm_bench_neuron_judge(&own->cells[i], states);
    if (!(residual <= NM_BENCH_DEMANDED)) {
        j->n_failed++;
        return;
    }
    j->worst = fmax(j->worst, residual);
    double away = 0;
    for (int k = 0; k < NM_BENCH_NEURON_STATES; k++) {
        const double wanted = own->wanted[i * NM_BENCH_NEURON_STATES + k];
        away = fmax(away, fabs(states[k] - wanted) / (k == NM_BENCH_NEURON_V ? own->cells[i].RT_F : fabs(wanted)));
    }
    j->n_wrong += !(away <= SAME);
}

static void see_states(nm_bench *b, const nm_bench_contestant *c, const nm_tile *tile, void *context)
{
    (void)c;
    for (int64_t i = 0; i < tile->n; i++) {
        double states[NM_BENCH_NEURON_STATES];
        nm_bench_states_of_tile(states, b, tile, i);
        judge_state(context, b, tile->first + i, states);
    }
}

static int judge_kernel(nm_bench *b, nm_bench_contestant *c, nm_bench_judged *j)
{
    return nm_bench_run_kernel(b, c, see_states, j);
}

static int judge_answers(nm_bench *b, nm_bench_contestant *c, nm_bench_judged *j)
{
    for (int64_t i = 0; i < c->n; i++) {
        judge_state(j, b, i, &c->states[i * NM_BENCH_NEURON_STATES]);
    }
    return 0;
}

/* --- contestants ---------------------------------------------------------------------------------------------------- */

static int add_kernels(nm_bench *b)
{
    static const int widths[] = {16, 8, 1};
    static const struct {
        const char *name;
        nm_mode mode;
        double rtol, n[2]; /* sets: wide, scalar */
    } kinds[] = {
        {"auto", NM_MODE_AUTO, 1e-3, {1e6, 1e6}},
        {"follow rtol 1e-3", NM_MODE_FOLLOW, 1e-3, {4096, 1024}},
    };
    for (int w = 0; w < 3; w++) {
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            if (!nm_backend_cpu_has_lanes(widths[w])) {
                continue;
            }
            nm_bench_contestant *c =
                nm_bench_next(b, "nessmap neuron %s, %d lane%s", kinds[k].name, widths[w], widths[w] > 1 ? "s" : "");
            if (!c) {
                continue;
            }
            c->table = "neuron";
            c->judged = "states";
            c->judge = judge_kernel;
            c->n = nm_bench_at_most(b, kinds[k].n[widths[w] == 1], b->n);
            if (nm_bench_add_kernel(b, c, widths[w], NM_BENCH_STEADY, kinds[k].mode, kinds[k].rtol) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

#ifdef NM_HAS_SUNDIALS
static const nm_bench_rival rivals[] = {
    {.name = "CVODE neuron rtol 1e-3, to 1e-2, polish", .rtol = 1e-3, .stop = 1e-2, .polishes = 1},
    {.name = "CVODE neuron rtol 1e-3, to 1e-3, polish", .rtol = 1e-3, .stop = 1e-3, .polishes = 1},
    {.name = "CVODE neuron rtol 1e-4, to 1e-2, polish", .rtol = 1e-4, .stop = 1e-2, .polishes = 1},
    {.name = "CVODE neuron rtol 1e-4, to 1e-3, polish", .rtol = 1e-4, .stop = 1e-3, .polishes = 1},
    {.name = "CVODE neuron rtol 1e-6, to 1e-4, polish", .rtol = 1e-6, .stop = 1e-4, .polishes = 1},
    {.name = "CVODE neuron rtol 1e-6, to 1e-10", .rtol = 1e-6, .stop = 1e-10},
};

static int run_rival(nm_bench *b, nm_bench_contestant *c)
{
    const neuron *own = b->own;
    return nm_bench_cvode_run(c->states, &c->n_steps, c->rival, &nm_bench_neuron_system, own->cells, c->n) == 0
               ? 0
               : nm_bench_fail("SUNDIALS could not make a solver");
}

static int add_rivals(nm_bench *b)
{
    for (size_t k = 0; k < sizeof rivals / sizeof *rivals; k++) {
        nm_bench_contestant *c = nm_bench_next(b, "%s", rivals[k].name);
        if (!c) {
            continue;
        }
        c->rival = &rivals[k];
        c->table = "neuron";
        c->judged = "states";
        c->judge = judge_answers;
        c->run = run_rival;
        c->n = nm_bench_at_most(b, 1000, b->n);
        c->states = malloc((size_t)c->n * NM_BENCH_NEURON_STATES * sizeof(double));
        if (!c->states) {
            return nm_bench_fail("no memory");
        }
    }
    return 0;
}
#else
static int add_rivals(nm_bench *b)
{
    (void)b, (void)judge_answers;
    return 0;
}
#endif

static int add(nm_bench *b)
{
    return add_kernels(b) || add_rivals(b) ? -1 : 0;
}

static void tell(const nm_bench *b)
{
    const neuron *own = b->own;
    double worst = 0;
    for (int64_t i = 0; i < b->n && i < 100; i++) {
        worst = fmax(worst, nm_bench_neuron_jacobian_error(&own->cells[i]));
    }
    printf(", \"jacobian_error\": %.3g, \"bistable\": %lld", worst, (long long)own->n_bistable);
}

static void destroy(nm_bench *b)
{
    neuron *own = b->own;
    free(own->cells);
    free(own->wanted);
    free(own->is_bistable);
    free(own);
}

static const char *const outputs[] = {"Na_i", "K_i", "Cl_i", "n", "V", NULL};
const nm_bench_field nm_bench_neuron = {
    .model = "neuron", .outputs = outputs, .draw = draw_sets, .add = add, .tell = tell, .destroy = destroy,
};
