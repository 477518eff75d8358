/* nessmap's kernels beside CVODE and KINSOL: the same cells, the same start, one thread, rounds on demand.
 *
 *   nessmap_bench CONFIG [--sets N] [--scale S] [--only TEXT] [--export FILE]
 *
 * The model of CONFIG is that of model A (bench_model_a.c) or the neuron (bench_neuron.c), which say what is drawn and how
 * answers are judged. What each contestant found is judged once. Then, for each line "round" on the standard input, every
 * contestant runs once and its process CPU time is told; "play NAME" runs one; the end of the input ends the program. It
 * speaks in lines of JSON.
 *
 * The parameters lie in memory, and nessmap makes its default outputs in tiles that stay in the cache; contestants called
 * "drawn" draw the parameters themselves, all sets of CONFIG as it stands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_field.h"
#include "nessmap/status.h"

static const nm_bench_field *const fields[] = {&nm_bench_model_a, &nm_bench_neuron};

static int open_config(nm_bench *b, const char *config)
{
    if (nm_scan_open(&b->scan, config, NULL, 0) != NM_OK ||
        nm_plan_build(&b->plan, b->scan->config, b->scan->model, "cpu") != NM_OK) {
        return nm_bench_fail(nm_error());
    }
    for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
        b->field = strcmp(fields[k]->model, b->plan->model->name) == 0 ? fields[k] : b->field;
    }
    if (!b->field) {
        return nm_bench_fail("the model of the configuration has no rivals here");
    }
    for (; b->field->outputs[b->n_states]; b->n_states++) {
        const int output = nm_catalogue_find(&b->plan->catalogue, b->field->outputs[b->n_states]);
        b->slot[b->n_states] = output < 0 ? -1 : b->plan->task.slot[output];
        if (b->slot[b->n_states] < 0) {
            return nm_bench_fail("the configuration must store all states of the cell");
        }
    }
    b->values = malloc((size_t)b->plan->task.n_slots * NM_BENCH_TILE * sizeof(double));
    b->outcome = malloc(NM_BENCH_TILE);
    b->flags = malloc(NM_BENCH_TILE * sizeof *b->flags);
    return b->values && b->outcome && b->flags ? 0 : nm_bench_fail("no memory");
}

static void tell_sets(const nm_bench *b)
{
    printf("{\"model\": \"%s\", \"sets\": %lld, \"steady\": %lld, \"outputs\": %d, \"sundials\": \"%s\", \"params\": [",
           b->field->model, (long long)b->n_all, (long long)b->n, b->plan->task.n_slots, nm_bench_sundials_version());
    for (int k = 0; k < b->plan->model->n_params; k++) {
        printf("%s\"%s\"", k ? ", " : "", b->plan->model->params[k].name);
    }
    printf("]");
    b->field->tell(b);
    puts("}");
}

static void destroy(nm_bench *b)
{
    for (int k = 0; k < b->n_contestants; k++) {
        free(b->contestant[k].task);
        free(b->contestant[k].states);
    }
    if (b->own) {
        b->field->destroy(b);
    }
    free(b->all);
    free(b->columns);
    free(b->values);
    free(b->outcome);
    free(b->flags);
    nm_plan_destroy(&b->plan);
    nm_scan_close(&b->scan);
    free(b);
}

static int run(nm_bench *b, const char *config, const char *file)
{
    if (open_config(b, config) != 0 || b->field->draw(b) != 0) {
        return -1;
    }
    if (file && (b->field->dump ? b->field->dump(b, file) : nm_bench_fail("--export is of model A alone")) != 0) {
        return -1;
    }
    if (b->field->add(b) != 0) {
        return -1;
    }
    tell_sets(b);
    return nm_bench_serve(b);
}

int main(int argc, char **argv)
{
    nm_bench *b = calloc(1, sizeof *b);
    const char *file = NULL, *config = NULL;
    int is_usage = 0;
    if (!b) {
        return 6;
    }
    b->n_all = 131008; /* not 2^17: columns that lie whole pages apart crowd each other out of a cache */
    b->scale = 1;
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
            b->scale = strtod(value, NULL);
        } else if (value && strcmp(argv[i], "--only") == 0) {
            b->only = value;
        } else if (value && strcmp(argv[i], "--export") == 0) {
            file = value;
        } else {
            is_usage = 1;
        }
        i++;
    }
    int status = 2;
    if (is_usage || !config || b->n_all < 16) {
        nm_bench_fail("usage: nessmap_bench CONFIG [--sets N] [--scale S] [--only TEXT] [--export FILE]; N is 16 or more");
    } else {
        status = run(b, config, file) == 0 ? 0 : 6;
    }
    destroy(b);
    return status;
}
