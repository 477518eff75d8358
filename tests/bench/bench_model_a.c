/* Model A: a pump-leak cell with 11 drawn parameters, against the exact one-dimensional reduction, CVODE and KINSOL.
 *
 * Draws the cells of the configuration, sets the bath's impermeant of every third to zero, solves all by the exact
 * reduction (tests/oracle.c), and gives those that have a steady state to every contestant. A failure is a residual above
 * 1e-10, which nm_bench_judge computes, or no answer; a wrong answer passes that and is not the exact state to 1e-6 over
 * the margin. Time courses end at a chosen time; their errors are the distance from CVODE's with rtol 1e-12. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_field.h"
#include "bench_rivals.h"
#include "oracle.h"

static const double SAME = 1e-6, NEAR = 1e-9;
enum { COURSES = 1000, FEWEST_COURSES = 64 /* at any scale: half of the sets have settled long before the end */ };

typedef struct model_a {
    nm_bench_cell *cells;   /* [n] */
    double *exact, *margin; /* [n][6], [n] */
    signed char *verdict;   /* [n_all] nm_oracle_class, or -1 near the edge */
    double *reached;        /* [n_courses][6] states of the time courses at their end */
    int64_t n_courses;
} model_a;

/* --- sets ----------------------------------------------------------------------------------------------------------- */

static nm_bench_cell cell_of(double *set, const nm_model *model)
{
    nm_bench_cell c = {0};
#define COPY(name) c.name = *nm_bench_param(set, model, #name);
    COPY(T) COPY(C_m) COPY(v_w) COPY(Na_o) COPY(K_o) COPY(Cl_o) COPY(Y_o) COPY(z_X) COPY(N_X) COPY(P_f)
    COPY(g_Na) COPY(g_K) COPY(g_Cl) COPY(p_max) COPY(K_Na) COPY(K_K) COPY(kappa_r) COPY(dG_ATP)
#undef COPY
    nm_bench_prepare(&c);
    return c;
}

static nm_oracle_cell oracle_cell(const nm_bench_cell *c)
{
    nm_oracle_cell o = {.leak = NM_ORACLE_OHMIC, .pump = NM_ORACLE_REV};
#define COPY(name) o.name = c->name;
    COPY(T) COPY(C_m) COPY(v_w) COPY(Na_o) COPY(K_o) COPY(Cl_o) COPY(Y_o) COPY(z_X) COPY(N_X) COPY(P_f)
    COPY(g_Na) COPY(g_K) COPY(g_Cl) COPY(p_max) COPY(K_Na) COPY(K_K) COPY(kappa_r) COPY(dG_ATP)
#undef COPY
    return o;
}

static int draw_sets(nm_bench *b)
{
    model_a *m = b->own = calloc(1, sizeof *m);
    const nm_model *model = b->plan->model;
    const int np = model->n_params;
    b->all = malloc((size_t)(np * b->n_all) * sizeof(double));
    b->columns = malloc((size_t)(np * b->n_all) * sizeof(double));
    if (!m || !b->all || !b->columns) {
        return nm_bench_fail("there is no memory for so many sets");
    }
    m->cells = malloc((size_t)b->n_all * sizeof *m->cells);
    m->exact = malloc((size_t)b->n_all * NM_BENCH_STATES * sizeof(double));
    m->margin = malloc((size_t)b->n_all * sizeof(double));
    m->verdict = malloc((size_t)b->n_all);
    if (!m->cells || !m->exact || !m->margin || !m->verdict) {
        return nm_bench_fail("there is no memory for so many sets");
    }
    for (int64_t i = 0; i < b->n_all; i++) {
        double set[NM_MAX_PARAMS];
        model->draw(&b->plan->task.draw, i, set);
        if (i % 3 == 0) {
            *nm_bench_param(set, model, "Y_o") = 0;
        }
        const nm_bench_cell c = cell_of(set, model);
        const nm_oracle_cell o = oracle_cell(&c);
        nm_oracle_answer a;
        nm_oracle_solve(&a, &o);
        const int is_steady = a.verdict == NM_ORACLE_NESS || a.verdict == NM_ORACLE_EQUILIBRIUM;
        m->verdict[i] = fabsl(a.lysis_margin) < NEAR ? -1 : (signed char)a.verdict;
        for (int k = 0; k < np; k++) {
            b->all[k * b->n_all + i] = set[k];
            if (is_steady) {
                b->columns[k * b->n_all + b->n] = set[k];
            }
        }
        if (is_steady) {
            const double states[] = {(double)a.Na_i, (double)a.K_i, (double)a.Cl_i, (double)a.X_i, (double)a.ell, (double)a.V};
            memcpy(&m->exact[b->n * NM_BENCH_STATES], states, sizeof states);
            m->margin[b->n] = (double)a.lysis_margin;
            m->cells[b->n++] = c;
        }
    }
    return b->n > 0 ? 0 : nm_bench_fail("no set has a steady state");
}

/* --- judging -------------------------------------------------------------------------------------------------------- */

/* largest difference of two states, relative, of the potential in RT/F */
static double distance(const nm_bench_cell *cell, const double *states, const double *others)
{
    double away = 0;
    for (int k = 0; k < NM_BENCH_STATES; k++) {
        const double scale = fabs(others[k]) + (k == NM_BENCH_V ? cell->RT_F : 0);
        away = fmax(away, fabs(states[k] - others[k]) / scale);
    }
    return away;
}

static void judge_state(nm_bench_judged *j, const nm_bench *b, int64_t i, const double *states)
{
    const model_a *m = b->own;
    const double residual = nm_bench_judge(&m->cells[i], states);
    if (!(residual <= NM_BENCH_DEMANDED)) {
        j->n_failed++;
        return;
    }
    j->worst = fmax(j->worst, residual);
    const double away = distance(&m->cells[i], states, &m->exact[i * NM_BENCH_STATES]) * fmin(m->margin[i], 1);
    j->n_wrong += !(away <= SAME);
}

static void see_states(nm_bench *b, const nm_bench_contestant *c, const nm_tile *tile, void *context)
{
    (void)c;
    for (int64_t i = 0; i < tile->n; i++) {
        double states[NM_BENCH_STATES];
        nm_bench_states_of_tile(states, b, tile, i);
        judge_state(context, b, tile->first + i, states);
    }
}

static void see_verdicts(nm_bench *b, const nm_bench_contestant *c, const nm_tile *tile, void *context)
{
    (void)c;
    const model_a *m = b->own;
    nm_bench_judged *j = context;
    for (int64_t i = 0; i < tile->n; i++) {
        const int wanted = m->verdict[tile->first + i];
        const int found = tile->outcome[i] == NM_OUTCOME_equilibrium || tile->outcome[i] == NM_OUTCOME_ness ? NM_ORACLE_NESS
                          : tile->outcome[i] == NM_OUTCOME_no_steady_state_growth ? NM_ORACLE_GROWTH
                                                                                  : NM_ORACLE_NOT_COVERED;
        j->n_wrong += wanted >= 0 && found != (wanted == NM_ORACLE_EQUILIBRIUM ? NM_ORACLE_NESS : wanted);
    }
}

static int judge_kernel(nm_bench *b, nm_bench_contestant *c, nm_bench_judged *j)
{
    return nm_bench_run_kernel(b, c, strcmp(c->judged, "states") == 0 ? see_states : see_verdicts, j);
}

/* states of what a contestant left: a rival's own, or nessmap's unknowns */
static void states_of(double *states, const nm_bench *b, const nm_bench_contestant *c, int64_t i)
{
    if (c->rival) {
        memcpy(states, &c->states[i * NM_BENCH_STATES], NM_BENCH_STATES * sizeof *states);
        return;
    }
    const nm_bench_cell *cell = &((const model_a *)b->own)->cells[i];
    for (int k = 0; k < 3; k++) {
        states[k] = exp(c->states[k * c->n + i]);
    }
    states[NM_BENCH_ELL] = exp(c->states[3 * c->n + i]);
    states[NM_BENCH_X] = cell->N_X / states[NM_BENCH_ELL];
    states[NM_BENCH_V] = c->states[4 * c->n + i] * cell->RT_F;
}

static int judge_answers(nm_bench *b, nm_bench_contestant *c, nm_bench_judged *j)
{
    for (int64_t i = 0; i < c->n; i++) {
        double states[NM_BENCH_STATES];
        states_of(states, b, c, i);
        judge_state(j, b, i, states);
    }
    return 0;
}

/* Errors at the chosen time; who does not get there fails, who is a tenth away is wrong. */
static int judge_course(nm_bench *b, nm_bench_contestant *c, nm_bench_judged *j)
{
    const model_a *m = b->own;
    double *errors = malloc((size_t)c->n * sizeof *errors);
    int64_t n = 0;
    if (!errors) {
        return nm_bench_fail("no memory");
    }
    for (int64_t i = 0; i < c->n; i++) {
        double states[NM_BENCH_STATES];
        states_of(states, b, c, i);
        const double error = distance(&m->cells[i], states, &m->reached[i * NM_BENCH_STATES]);
        if (isfinite(states[NM_BENCH_V])) {
            errors[n++] = error;
            j->n_wrong += !(error <= 0.1);
        }
    }
    j->n_failed = c->n - n;
    nm_bench_percentiles(j, errors, n);
    free(errors);
    return 0;
}

/* --- contestants ---------------------------------------------------------------------------------------------------- */

static const struct {
    int lanes;
    void (*newton)(double *y, const nm_task *task, int64_t n);
    int64_t (*course)(double *y, const nm_task *task, int64_t n, double until);
} parts[] = {{16, nm_bench_newton_16, nm_bench_course_16}, {8, nm_bench_newton_8, nm_bench_course_8},
             {1, nm_bench_newton_1, nm_bench_course_1}};
enum { N_WIDTHS = sizeof parts / sizeof *parts };

static int run_newton(nm_bench *b, nm_bench_contestant *c)
{
    (void)b;
    c->newton(c->states, c->task, c->n);
    return 0;
}

static int run_course(nm_bench *b, nm_bench_contestant *c)
{
    (void)b;
    c->n_steps = c->course(c->states, c->task, c->n, NM_BENCH_UNTIL);
    return 0;
}

static int run_rival(nm_bench *b, nm_bench_contestant *c)
{
    const model_a *m = b->own;
    return nm_bench_rival_run(c->states, &c->n_steps, c->rival, m->cells, c->n) == 0
               ? 0
               : nm_bench_fail("SUNDIALS could not make a solver");
}

/* room for the answers of a part or a rival */
static int make_states(nm_bench_contestant *c)
{
    c->states = malloc((size_t)c->n * NM_BENCH_STATES * sizeof(double));
    return c->states ? 0 : nm_bench_fail("no memory");
}

static const char *ending(int lanes)
{
    return lanes > 1 ? "s" : "";
}

static int add_kernels(nm_bench *b, int lanes)
{
    static const struct {
        const char *name;
        nm_mode mode;
        double rtol;
        nm_bench_sets sets;
        double n[2]; /* wide, scalar */
    } kinds[] = {
        {"auto", NM_MODE_AUTO, 1e-3, NM_BENCH_STEADY, {1e6, 65536}},
        {"auto, all sets", NM_MODE_AUTO, 1e-3, NM_BENCH_ALL, {1e6, 65536}},
        {"auto, all sets, drawn", NM_MODE_AUTO, 1e-3, NM_BENCH_DRAWN, {1e6, 65536}},
        {"follow rtol 1e-3", NM_MODE_FOLLOW, 1e-3, NM_BENCH_STEADY, {32768, 8192}},
        {"follow rtol 1e-4", NM_MODE_FOLLOW, 1e-4, NM_BENCH_STEADY, {32768, 8192}},
    };
    static const char *const judged[] = {"states", "verdicts", "not"};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        nm_bench_contestant *c = nm_bench_next(b, "nessmap %s, %d lane%s", kinds[k].name, lanes, ending(lanes));
        if (!c) {
            continue;
        }
        c->table = "steady";
        c->judged = judged[kinds[k].sets];
        c->judge = kinds[k].sets == NM_BENCH_DRAWN ? NULL : judge_kernel;
        c->n = nm_bench_at_most(b, kinds[k].n[lanes == 1], kinds[k].sets == NM_BENCH_STEADY ? b->n : b->n_all);
        if (nm_bench_add_kernel(b, c, lanes, kinds[k].sets, kinds[k].mode, kinds[k].rtol) != 0) {
            return -1;
        }
    }
    return 0;
}

static int add_newton(nm_bench *b, int width)
{
    const int lanes = parts[width].lanes;
    nm_bench_contestant *c = nm_bench_next(b, "nessmap Newton alone, %d lane%s", lanes, ending(lanes));
    if (!c) {
        return 0;
    }
    c->table = "steady";
    c->judged = "states";
    c->judge = judge_answers;
    c->run = run_newton;
    c->newton = parts[width].newton;
    c->n = nm_bench_at_most(b, lanes == 1 ? 65536 : 1e6, b->n);
    c->task = nm_bench_task(b, NM_BENCH_STEADY, NM_MODE_AUTO, 1e-3);
    return c->task ? make_states(c) : nm_bench_fail("no memory");
}

static int64_t n_courses(const nm_bench *b)
{
    const int64_t n = nm_bench_at_most(b, COURSES, b->n);
    return n >= FEWEST_COURSES || b->n < FEWEST_COURSES ? n : FEWEST_COURSES;
}

static int add_courses(nm_bench *b, int width)
{
    static const double rtols[] = {1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8};
    const int lanes = parts[width].lanes;
    for (size_t k = 0; k < sizeof rtols / sizeof *rtols; k++) {
        nm_bench_contestant *c =
            nm_bench_next(b, "nessmap to %g s, rtol 1e%.0f, %d lane%s", NM_BENCH_UNTIL, log10(rtols[k]), lanes, ending(lanes));
        if (!c) {
            continue;
        }
        c->table = "course";
        c->judged = "errors";
        c->judge = judge_course;
        c->run = run_course;
        c->course = parts[width].course;
        c->n = n_courses(b);
        c->task = nm_bench_task(b, NM_BENCH_STEADY, NM_MODE_FOLLOW, rtols[k]);
        if (!c->task) {
            return nm_bench_fail("no memory");
        }
        if (make_states(c) != 0) {
            return -1;
        }
    }
    return 0;
}

static int add_rivals(nm_bench *b)
{
    for (int k = 0; k < nm_bench_n_rivals; k++) {
        const nm_bench_rival *rival = &nm_bench_rivals[k];
        nm_bench_contestant *c = nm_bench_next(b, "%s", rival->name);
        if (!c) {
            continue;
        }
        const int is_course = rival->until > 0;
        c->rival = rival;
        c->table = is_course ? "course" : "steady";
        c->judged = is_course ? "errors" : "states";
        c->judge = is_course ? judge_course : judge_answers;
        c->run = run_rival;
        c->n = is_course ? n_courses(b) : nm_bench_at_most(b, rival->kind == NM_BENCH_KINSOL ? 16384 : 1000, b->n);
        if (make_states(c) != 0) {
            return -1;
        }
    }
    return 0;
}

/* where time courses end, by CVODE at its tightest */
static int add_reached(nm_bench *b)
{
    static const nm_bench_rival tightest = {.rtol = 1e-12, .until = NM_BENCH_UNTIL};
    model_a *m = b->own;
    int64_t n_steps;
    for (int k = 0; k < b->n_contestants; k++) {
        if (strcmp(b->contestant[k].table, "course") == 0 && b->contestant[k].n > m->n_courses) {
            m->n_courses = b->contestant[k].n;
        }
    }
    if (m->n_courses == 0) {
        return 0;
    }
    m->reached = malloc((size_t)m->n_courses * NM_BENCH_STATES * sizeof(double));
    if (!m->reached) {
        return nm_bench_fail("no memory");
    }
    return nm_bench_rival_run(m->reached, &n_steps, &tightest, m->cells, m->n_courses) == 0
               ? 0
               : nm_bench_fail("SUNDIALS could not make a solver");
}

static int add(nm_bench *b)
{
    for (int w = 0; w < N_WIDTHS; w++) {
        if (nm_backend_cpu_has_lanes(parts[w].lanes) &&
            (add_newton(b, w) != 0 || add_kernels(b, parts[w].lanes) != 0 ||
             (nm_bench_n_rivals > 0 && add_courses(b, w) != 0))) {
            return -1;
        }
    }
    return add_rivals(b) || add_reached(b) ? -1 : 0;
}

/* --- the field ------------------------------------------------------------------------------------------------------ */

/* Parameters in the order of the model, the exact states, the margin: doubles [n_params + 6 + 1][n]. */
static int dump(const nm_bench *b, const char *path)
{
    const model_a *m = b->own;
    FILE *file = fopen(path, "wb");
    if (!file) {
        return nm_bench_fail("--export: the file cannot be written");
    }
    for (int k = 0; k < b->plan->model->n_params; k++) {
        fwrite(&b->columns[k * b->n_all], sizeof(double), (size_t)b->n, file);
    }
    for (int k = 0; k < NM_BENCH_STATES; k++) {
        for (int64_t i = 0; i < b->n; i++) {
            fwrite(&m->exact[i * NM_BENCH_STATES + k], sizeof(double), 1, file);
        }
    }
    fwrite(m->margin, sizeof(double), (size_t)b->n, file);
    return fclose(file) == 0 ? 0 : nm_bench_fail("--export: the file cannot be written");
}

static void tell(const nm_bench *b)
{
    const model_a *m = b->own;
    double worst = 0;
    for (int64_t i = 0; i < b->n && i < 100; i++) {
        double u[NM_BENCH_LOGS], y[NM_BENCH_AMOUNTS];
        nm_bench_start(u, y, &m->cells[i], 0);
        worst = fmax(worst, nm_bench_jacobian_error(&m->cells[i], u, y));
    }
    printf(", \"jacobian_error\": %.3g", worst);
}

static void destroy(nm_bench *b)
{
    model_a *m = b->own;
    free(m->cells);
    free(m->exact);
    free(m->margin);
    free(m->verdict);
    free(m->reached);
    free(m);
}

static const char *const outputs[] = {"Na_i", "K_i", "Cl_i", "X_i", "ell", "V", NULL};
const nm_bench_field nm_bench_model_a = {
    .model = "pump_leak", .outputs = outputs, .draw = draw_sets, .add = add, .tell = tell, .dump = dump, .destroy = destroy,
};
