/* nessmap's kernels beside CVODE and KINSOL: the same cells, the same start, one thread, rounds on demand.
 *
 *   nessmap_bench CONFIG [--sets N] [--scale S] [--only TEXT] [--export FILE]
 *
 * Draws N cells of CONFIG (model A), sets the bath's impermeant of every third to zero, solves all by the exact
 * one-dimensional reduction (tests/oracle.c), and gives those that have a steady state to every contestant. What each
 * found is judged once. Then, for each line "round" on the standard input, every contestant runs once and its process CPU
 * time is told; the end of the input ends the program. It speaks in lines of JSON.
 *
 * The parameters lie in memory, and nessmap makes its default outputs in tiles that stay in the cache; contestants called
 * "drawn" draw the parameters themselves, all sets of CONFIG as it stands. A failure is a residual above 1e-10, which
 * nm_bench_judge computes, or no answer; a wrong answer passes that and is not the exact state to 1e-6 over the margin. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend.h"
#include "bench_cell.h"
#include "bench_sundials.h"
#include "nessmap/status.h"
#include "oracle.h"
#include "plan.h"
#include "scan.h"

enum { TILE = 4096, MOST_CONTESTANTS = 64 };
static const double DEMANDED = 1e-10, SAME = 1e-6, NEAR = 1e-9;

typedef enum sets_of { STEADY, ALL, DRAWN } sets_of;

typedef struct contestant {
    char name[96];
    const nm_bench_rival *rival; /* or NULL: nessmap */
    const nm_kernel *kernel;
    nm_task *task;
    sets_of sets;
    int64_t n;
    double *states; /* [n][6] of a rival */
} contestant;

typedef struct bench {
    nm_scan *scan;
    nm_plan *plan;
    int64_t n_all, n;      /* sets; those with a steady state */
    double *all, *columns; /* [n_params][n_all], [n_params][n] */
    nm_bench_cell *cells;  /* [n] */
    double *exact, *margin; /* [n][6], [n] */
    signed char *verdict;  /* [n_all] nm_oracle_class, or -1 near the edge */
    int slot[NM_BENCH_STATES];
    double *values;
    int8_t *outcome;
    uint16_t *flags;
    int n_contestants;
    contestant contestant[MOST_CONTESTANTS];
} bench;

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int fail(const char *text)
{
    fprintf(stderr, "nessmap_bench: %s\n", text);
    return -1;
}

/* --- sets ----------------------------------------------------------------------------------------------------------- */

static double *param(double *set, const nm_model *model, const char *name)
{
    return &set[nm_param_index(model, name)];
}

static nm_bench_cell cell_of(double *set, const nm_model *model)
{
    nm_bench_cell c = {0};
#define COPY(name) c.name = *param(set, model, #name);
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

static int draw_sets(bench *b)
{
    const nm_model *model = b->plan->model;
    const int np = model->n_params;
    b->all = malloc((size_t)(np * b->n_all) * sizeof(double));
    b->columns = malloc((size_t)(np * b->n_all) * sizeof(double));
    b->cells = malloc((size_t)b->n_all * sizeof *b->cells);
    b->exact = malloc((size_t)b->n_all * NM_BENCH_STATES * sizeof(double));
    b->margin = malloc((size_t)b->n_all * sizeof(double));
    b->verdict = malloc((size_t)b->n_all);
    if (!b->all || !b->columns || !b->cells || !b->exact || !b->margin || !b->verdict) {
        return fail("there is no memory for so many sets");
    }
    for (int64_t i = 0; i < b->n_all; i++) {
        double set[NM_MAX_PARAMS];
        model->draw(&b->plan->task.draw, i, set);
        if (i % 3 == 0) {
            *param(set, model, "Y_o") = 0;
        }
        const nm_bench_cell c = cell_of(set, model);
        const nm_oracle_cell o = oracle_cell(&c);
        nm_oracle_answer a;
        nm_oracle_solve(&a, &o);
        const int is_steady = a.verdict == NM_ORACLE_NESS || a.verdict == NM_ORACLE_EQUILIBRIUM;
        b->verdict[i] = fabsl(a.lysis_margin) < NEAR ? -1 : (signed char)a.verdict;
        for (int k = 0; k < np; k++) {
            b->all[k * b->n_all + i] = set[k];
            if (is_steady) {
                b->columns[k * b->n_all + b->n] = set[k];
            }
        }
        if (is_steady) {
            const double states[] = {(double)a.Na_i, (double)a.K_i, (double)a.Cl_i, (double)a.X_i, (double)a.ell, (double)a.V};
            memcpy(&b->exact[b->n * NM_BENCH_STATES], states, sizeof states);
            b->margin[b->n] = (double)a.lysis_margin;
            b->cells[b->n++] = c;
        }
    }
    return b->n > 0 ? 0 : fail("no set has a steady state");
}

/* --- nessmap -------------------------------------------------------------------------------------------------------- */

/* the task of these sets: from columns, unless they are drawn */
static nm_task *task_of(const bench *b, sets_of sets, nm_mode mode, double rtol)
{
    nm_task *task = malloc(sizeof *task);
    if (!task) {
        return NULL;
    }
    memcpy(task, &b->plan->task, sizeof *task);
    task->solver.mode = mode;
    task->solver.rtol = rtol;
    task->solver.audit = 0;
    task->is_f32 = 0;
    task->n_stored = 0;
    if (sets == DRAWN) {
        return task;
    }
    nm_draw *draw = &task->draw;
    draw->n_points = sets == ALL ? b->n_all : b->n;
    draw->n_draws = 1;
    draw->sequence = 0;
    draw->n_axes = draw->n_random = draw->n_ties = draw->n_columns = 0;
    for (int k = 0; k < b->plan->model->n_params; k++) {
        const double *column = (sets == ALL ? b->all : b->columns) + k * b->n_all;
        int varies = 0;
        for (int64_t i = 1; i < draw->n_points && !varies; i++) {
            varies = column[i] != column[0];
        }
        draw->value[k] = column[0];
        if (varies) {
            draw->column_param[draw->n_columns] = k;
            draw->column[draw->n_columns++] = column;
        }
    }
    return task;
}

/* What one tile found. */
typedef int (*tile_fn)(bench *b, const nm_tile *tile, void *context);

static int run_kernel(bench *b, const contestant *c, int64_t n, tile_fn see, void *context)
{
    double unused;
    for (int64_t first = 0; first < n; first += TILE) {
        nm_tile tile = {.first = first, .n = n - first < TILE ? n - first : TILE, .values = b->values, .params = &unused,
                        .outcome = b->outcome, .flags = b->flags};
        if (c->kernel->run(c->task, &tile) != 0) {
            return fail("a kernel refused its task");
        }
        if (see) {
            see(b, &tile, context);
        }
    }
    return 0;
}

/* --- judging -------------------------------------------------------------------------------------------------------- */

typedef struct judged {
    int64_t n_failed, n_wrong, n_verdicts;
    double worst, away;
} judged;

static void judge_state(judged *j, const bench *b, int64_t i, const double *states)
{
    const double residual = nm_bench_judge(&b->cells[i], states);
    if (!(residual <= DEMANDED)) {
        j->n_failed++;
        return;
    }
    j->worst = fmax(j->worst, residual);
    double away = 0;
    for (int k = 0; k < NM_BENCH_STATES; k++) {
        const double exact = b->exact[i * NM_BENCH_STATES + k];
        const double scale = fabs(exact) + (k == NM_BENCH_V ? b->cells[i].RT_F : 0);
        away = fmax(away, fabs(states[k] - exact) / scale);
    }
    away *= fmin(b->margin[i], 1);
    j->away = fmax(j->away, away);
    j->n_wrong += !(away <= SAME);
}

static int judge_steady(bench *b, const nm_tile *tile, void *context)
{
    for (int64_t i = 0; i < tile->n; i++) {
        double states[NM_BENCH_STATES];
        for (int k = 0; k < NM_BENCH_STATES; k++) {
            states[k] = b->values[b->slot[k] * tile->n + i];
        }
        judge_state(context, b, tile->first + i, states);
    }
    return 0;
}

static int judge_verdicts(bench *b, const nm_tile *tile, void *context)
{
    judged *j = context;
    for (int64_t i = 0; i < tile->n; i++) {
        const int wanted = b->verdict[tile->first + i];
        const int found = b->outcome[i] == NM_OUTCOME_equilibrium || b->outcome[i] == NM_OUTCOME_ness ? NM_ORACLE_NESS
                          : b->outcome[i] == NM_OUTCOME_no_steady_state_growth                          ? NM_ORACLE_GROWTH
                                                                                                        : NM_ORACLE_NOT_COVERED;
        j->n_verdicts += wanted >= 0 && found != (wanted == NM_ORACLE_EQUILIBRIUM ? NM_ORACLE_NESS : wanted);
    }
    return 0;
}

static int judge(bench *b, contestant *c)
{
    judged j = {0};
    int64_t n_steps = 0;
    if (c->rival) {
        if (nm_bench_rival_run(c->states, &n_steps, c->rival, b->cells, c->n) != 0) {
            return fail("SUNDIALS could not make a solver");
        }
        for (int64_t i = 0; i < c->n; i++) {
            judge_state(&j, b, i, &c->states[i * NM_BENCH_STATES]);
        }
    } else if (run_kernel(b, c, c->n, c->sets == STEADY ? judge_steady : c->sets == ALL ? judge_verdicts : NULL, &j) != 0) {
        return -1;
    }
    printf("{\"contestant\": \"%s\", \"sets\": %lld, \"judged\": \"%s\", \"failures\": %lld, \"wrong\": %lld, \"worst_resid\": %.3g, "
           "\"worst_away\": %.3g, \"steps\": %.4g}\n",
           c->name, (long long)c->n, c->sets == STEADY ? "states" : c->sets == ALL ? "verdicts" : "not", (long long)j.n_failed,
           (long long)(c->sets == ALL ? j.n_verdicts : j.n_wrong), j.worst, j.away, (double)n_steps / (double)c->n);
    return 0;
}

/* --- contestants ---------------------------------------------------------------------------------------------------- */

static int64_t at_most(double n, int64_t most)
{
    return n < 1 ? 1 : n < (double)most ? (int64_t)n : most;
}

static int add_kernels(bench *b, const char *only, double scale)
{
    static const struct {
        const char *name;
        nm_mode mode;
        double rtol;
        sets_of sets;
        double n[2]; /* wide, scalar */
    } kinds[] = {
        {"auto", NM_MODE_AUTO, 1e-3, STEADY, {1e6, 65536}},
        {"auto, all sets", NM_MODE_AUTO, 1e-3, ALL, {1e6, 65536}},
        {"auto, all sets, drawn", NM_MODE_AUTO, 1e-3, DRAWN, {1e6, 65536}},
        {"follow rtol 1e-3", NM_MODE_FOLLOW, 1e-3, STEADY, {32768, 8192}},
        {"follow rtol 1e-4", NM_MODE_FOLLOW, 1e-4, STEADY, {32768, 8192}},
    };
    static const int widths[] = {8, 4, 1};
    for (int w = 0; w < 3; w++) {
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            contestant *c = &b->contestant[b->n_contestants];
            snprintf(c->name, sizeof c->name, "nessmap %s, %d lane%s", kinds[k].name, widths[w], widths[w] > 1 ? "s" : "");
            if ((only && !strstr(c->name, only)) || !nm_backend_cpu_has_lanes(widths[w])) {
                continue;
            }
            c->sets = kinds[k].sets;
            c->n = at_most(scale * kinds[k].n[widths[w] == 1], c->sets == STEADY ? b->n : b->n_all);
            c->task = task_of(b, c->sets, kinds[k].mode, kinds[k].rtol);
            if (!c->task || nm_backend_cpu_kernel(&c->kernel, b->plan->model, widths[w]) != NM_OK) {
                return fail(c->task ? nm_error() : "no memory");
            }
            b->n_contestants++;
        }
    }
    return 0;
}

static int add_rivals(bench *b, const char *only, double scale)
{
    for (int k = 0; k < nm_bench_n_rivals; k++) {
        contestant *c = &b->contestant[b->n_contestants];
        const nm_bench_rival *rival = &nm_bench_rivals[k];
        snprintf(c->name, sizeof c->name, "%s", rival->name);
        if (only && !strstr(c->name, only)) {
            continue;
        }
        c->rival = rival;
        c->n = at_most(scale * (rival->kind == NM_BENCH_KINSOL ? 16384 : 1000), b->n);
        c->states = malloc((size_t)c->n * NM_BENCH_STATES * sizeof(double));
        if (!c->states) {
            return fail("no memory");
        }
        b->n_contestants++;
    }
    return 0;
}

static int play_round(bench *b)
{
    for (int k = 0; k < b->n_contestants; k++) {
        contestant *c = &b->contestant[k];
        int64_t n_steps;
        const double begin = cpu_seconds();
        const int status = c->rival ? nm_bench_rival_run(c->states, &n_steps, c->rival, b->cells, c->n)
                                    : run_kernel(b, c, c->n, NULL, NULL);
        const double seconds = cpu_seconds() - begin;
        if (status != 0) {
            return -1;
        }
        printf("{\"name\": \"%s\", \"seconds\": %.9g, \"sets\": %lld}\n", c->name, seconds, (long long)c->n);
    }
    puts("{\"end\": 1}");
    return fflush(stdout);
}

/* --- the program ---------------------------------------------------------------------------------------------------- */

/* Parameters in the order of the model, then the exact states: doubles [n_params + 6][n]. */
static int export_sets(const bench *b, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file) {
        return fail("--export: the file cannot be written");
    }
    for (int k = 0; k < b->plan->model->n_params; k++) {
        fwrite(&b->columns[k * b->n_all], sizeof(double), (size_t)b->n, file);
    }
    for (int k = 0; k < NM_BENCH_STATES; k++) {
        for (int64_t i = 0; i < b->n; i++) {
            fwrite(&b->exact[i * NM_BENCH_STATES + k], sizeof(double), 1, file);
        }
    }
    fwrite(b->margin, sizeof(double), (size_t)b->n, file);
    return fclose(file) == 0 ? 0 : fail("--export: the file cannot be written");
}

static int prepare(bench *b, const char *config)
{
    if (nm_scan_open(&b->scan, config, NULL, 0) != NM_OK ||
        nm_plan_build(&b->plan, b->scan->config, b->scan->model, "cpu") != NM_OK) {
        return fail(nm_error());
    }
    static const char *const names[NM_BENCH_STATES] = {"Na_i", "K_i", "Cl_i", "X_i", "ell", "V"};
    for (int k = 0; k < NM_BENCH_STATES; k++) {
        const int output = nm_catalogue_find(&b->plan->catalogue, names[k]);
        b->slot[k] = output < 0 ? -1 : b->plan->task.slot[output];
        if (b->slot[k] < 0) {
            return fail("the configuration must store Na_i, K_i, Cl_i, X_i, ell and V");
        }
    }
    b->values = malloc((size_t)b->plan->task.n_slots * TILE * sizeof(double));
    b->outcome = malloc(TILE);
    b->flags = malloc(TILE * sizeof *b->flags);
    return b->values && b->outcome && b->flags ? 0 : fail("no memory");
}

static void tell_sets(const bench *b)
{
    double worst = 0;
    for (int64_t i = 0; i < b->n && i < 100; i++) {
        double u[NM_BENCH_LOGS], y[NM_BENCH_AMOUNTS];
        nm_bench_start(u, y, &b->cells[i], 0);
        worst = fmax(worst, nm_bench_jacobian_error(&b->cells[i], u, y));
    }
    printf("{\"sets\": %lld, \"steady\": %lld, \"outputs\": %d, \"jacobian_error\": %.3g, \"sundials\": \"%s\", \"params\": [",
           (long long)b->n_all, (long long)b->n, b->plan->task.n_slots, worst, nm_bench_sundials_version());
    for (int k = 0; k < b->plan->model->n_params; k++) {
        printf("%s\"%s\"", k ? ", " : "", b->plan->model->params[k].name);
    }
    puts("]}");
}

static void destroy(bench *b)
{
    for (int k = 0; k < b->n_contestants; k++) {
        free(b->contestant[k].task);
        free(b->contestant[k].states);
    }
    free(b->all);
    free(b->columns);
    free(b->cells);
    free(b->exact);
    free(b->margin);
    free(b->verdict);
    free(b->values);
    free(b->outcome);
    free(b->flags);
    nm_plan_destroy(&b->plan);
    nm_scan_close(&b->scan);
    free(b);
}

static int serve(bench *b)
{
    for (int k = 0; k < b->n_contestants; k++) {
        if (judge(b, &b->contestant[k]) != 0) {
            return -1;
        }
    }
    puts("{\"end\": 1}");
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "round\n") != 0) {
            return fail("the standard input knows the line \"round\" alone");
        }
        if (play_round(b) != 0) {
            return -1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    bench *b = calloc(1, sizeof *b);
    const char *only = NULL, *file = NULL, *config = NULL;
    double scale = 1;
    if (!b) {
        return 6;
    }
    b->n_all = 131072;
    int is_usage = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (argv[i][0] != '-') {
            is_usage |= config != NULL;
            config = argv[i];
            continue;
        }
        if (value && strcmp(argv[i], "--sets") == 0) {
            b->n_all = (int64_t)strtod(value, NULL);
        } else if (value && strcmp(argv[i], "--scale") == 0) {
            scale = strtod(value, NULL);
        } else if (value && strcmp(argv[i], "--only") == 0) {
            only = value;
        } else if (value && strcmp(argv[i], "--export") == 0) {
            file = value;
        } else {
            is_usage = 1;
        }
        i++;
    }
    int status = 2;
    if (is_usage || !config || b->n_all < 16) {
        fail("usage: nessmap_bench CONFIG [--sets N] [--scale S] [--only TEXT] [--export FILE]; N is 16 or more");
    } else {
        status = prepare(b, config) || draw_sets(b) || (file && export_sets(b, file)) || add_kernels(b, only, scale) ||
                         add_rivals(b, only, scale)
                     ? 6
                     : 0;
        if (status == 0) {
            tell_sets(b);
            status = serve(b) == 0 ? 0 : 6;
        }
    }
    destroy(b);
    return status;
}
