/* Contestants in rounds, and nessmap's kernels on sets in memory, for any model. */
#include "bench_field.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int nm_bench_fail(const char *text)
{
    fprintf(stderr, "nessmap_bench: %s\n", text);
    return -1;
}

double *nm_bench_param(double *set, const nm_model *model, const char *name)
{
    return &set[nm_param_index(model, name)];
}

int64_t nm_bench_at_most(const nm_bench *b, double n, int64_t most)
{
    n *= b->scale;
    return n < 1 ? 1 : n < (double)most ? (int64_t)n : most;
}

/* --- nessmap -------------------------------------------------------------------------------------------------------- */

nm_task *nm_bench_task(const nm_bench *b, nm_bench_sets sets, nm_mode mode, double rtol)
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
    if (sets == NM_BENCH_DRAWN) {
        return task;
    }
    nm_draw *draw = &task->draw;
    draw->n_points = sets == NM_BENCH_ALL ? b->n_all : b->n;
    draw->n_draws = 1;
    draw->sequence = 0;
    draw->n_axes = draw->n_random = draw->n_ties = draw->n_columns = 0;
    for (int k = 0; k < b->plan->model->n_params; k++) {
        const double *column = (sets == NM_BENCH_ALL ? b->all : b->columns) + k * b->n_all;
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

int nm_bench_run_kernel(nm_bench *b, const nm_bench_contestant *c, nm_bench_see see, void *context)
{
    double unused;
    for (int64_t first = 0; first < c->n; first += NM_BENCH_TILE) {
        nm_tile tile = {.first = first, .n = c->n - first < NM_BENCH_TILE ? c->n - first : NM_BENCH_TILE, .values = b->values,
                        .params = &unused, .outcome = b->outcome, .flags = b->flags};
        if (c->kernel->run(c->task, &tile) != 0) {
            return nm_bench_fail("a kernel refused its task");
        }
        if (see) {
            see(b, c, &tile, context);
        }
    }
    return 0;
}

static int run_kernel(nm_bench *b, nm_bench_contestant *c)
{
    return nm_bench_run_kernel(b, c, NULL, NULL);
}

void nm_bench_states_of_tile(double *states, const nm_bench *b, const nm_tile *tile, int64_t i)
{
    for (int k = 0; k < b->n_states; k++) {
        states[k] = b->values[b->slot[k] * tile->n + i];
    }
}

/* --- contestants ---------------------------------------------------------------------------------------------------- */

nm_bench_contestant *nm_bench_next(nm_bench *b, const char *format, ...)
{
    if (b->n_contestants == NM_BENCH_MOST) {
        return NULL;
    }
    nm_bench_contestant *c = &b->contestant[b->n_contestants];
    va_list arguments;
    va_start(arguments, format);
    memset(c, 0, sizeof *c);
    vsnprintf(c->name, sizeof c->name, format, arguments);
    va_end(arguments);
    if (b->only && !strstr(c->name, b->only)) {
        return NULL;
    }
    c->passes = 1;
    b->n_contestants++;
    return c;
}

int nm_bench_add_kernel(nm_bench *b, nm_bench_contestant *c, int lanes, nm_bench_sets sets, nm_mode mode, double rtol)
{
    c->run = run_kernel;
    c->task = nm_bench_task(b, sets, mode, rtol);
    if (!c->task) {
        return nm_bench_fail("no memory");
    }
    return nm_backend_cpu_kernel(&c->kernel, b->plan->model, lanes) == NM_OK ? 0 : nm_bench_fail(nm_error());
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void nm_bench_percentiles(nm_bench_judged *j, double *errors, int64_t n)
{
    if (n > 0) {
        qsort(errors, (size_t)n, sizeof *errors, compare);
        j->median = errors[n / 2];
        j->p95 = errors[(int64_t)(0.95 * (double)(n - 1))];
        j->most = errors[n - 1];
    }
}

static int judge(nm_bench *b, nm_bench_contestant *c)
{
    nm_bench_judged j = {0};
    if ((c->kernel ? 0 : c->run(b, c)) != 0 || (c->judge && c->judge(b, c, &j) != 0)) {
        return -1;
    }
    printf("{\"contestant\": \"%s\", \"table\": \"%s\", \"sets\": %lld, \"judged\": \"%s\", \"failures\": %lld, "
           "\"wrong\": %lld, \"worst_resid\": %.3g, \"steps\": %.4g, \"errors\": [%.3g, %.3g, %.3g]}\n",
           c->name, c->table, (long long)c->n, c->judged, (long long)j.n_failed, (long long)j.n_wrong, j.worst,
           (double)c->n_steps / (double)c->n, j.median, j.p95, j.most);
    return 0;
}

static int play(nm_bench *b, nm_bench_contestant *c)
{
    const double begin = cpu_seconds();
    for (int64_t pass = 0; pass < c->passes; pass++) {
        if (c->run(b, c) != 0) {
            return -1;
        }
    }
    printf("{\"name\": \"%s\", \"seconds\": %.9g, \"sets\": %lld}\n", c->name, cpu_seconds() - begin,
           (long long)(c->n * c->passes));
    return 0;
}

int nm_bench_serve(nm_bench *b)
{
    for (int k = 0; k < b->n_contestants; k++) {
        if (judge(b, &b->contestant[k]) != 0) {
            return -1;
        }
    }
    puts("{\"end\": 1}");
    fflush(stdout);
    char line[128];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        const char *one = strncmp(line, "play ", 5) == 0 ? line + 5 : NULL;
        if (!one && strcmp(line, "round") != 0) {
            return nm_bench_fail("the standard input knows the lines \"round\" and \"play NAME\" alone");
        }
        for (int k = 0; k < b->n_contestants; k++) {
            if ((!one || strcmp(one, b->contestant[k].name) == 0) && play(b, &b->contestant[k]) != 0) {
                return -1;
            }
        }
        puts("{\"end\": 1}");
        fflush(stdout);
    }
    return 0;
}
