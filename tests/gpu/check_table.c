/* The tables of gpu_check: parameter sets from a file or drawn, solved by one backend, written with their states.
 *
 *   gpu_check table MODEL (--in SETS.csv | --model-a N) --out FILE(.csv | .npy) [--backend cuda] [--choices "..."]
 *                   [--outputs "*"] [--mode follow] [--starts N] [--rtol X] [--seed N]
 *
 * .csv: a line of names, then a line for each set. .npy: float64 [columns][sets], the names in FILE.names, one a line;
 * outcome and flags are numbers there. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct table {
    int n_columns;
    int64_t n;
    char names[NM_MAX_PARAMS][64];
    double *column[NM_MAX_PARAMS];
} table;

static void clear_table(table *t)
{
    for (int c = 0; c < t->n_columns; c++) {
        free(t->column[c]);
    }
}

static nm_status read_names(table *t, char *line, const char *path)
{
    char *rest = NULL;
    for (char *word = strtok_r(line, ",\r\n", &rest); word; word = strtok_r(NULL, ",\r\n", &rest)) {
        if (t->n_columns == NM_MAX_PARAMS) {
            return nm_fail(NM_USAGE, "%s:1: more than %d columns", path, NM_MAX_PARAMS);
        }
        snprintf(t->names[t->n_columns++], sizeof t->names[0], "%s", word);
    }
    return NM_OK;
}

static nm_status read_row(table *t, int64_t *capacity, const char *line, const char *path)
{
    if (t->n == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 1024;
        for (int c = 0; c < t->n_columns; c++) {
            double *more = realloc(t->column[c], (size_t)*capacity * sizeof *more);
            if (!more) {
                return nm_fail(NM_MEMORY, "%s: no memory for %lld rows", path,
                               (long long)*capacity);
            }
            t->column[c] = more;
        }
    }
    for (int c = 0; c < t->n_columns; c++) {
        char *end;
        t->column[c][t->n] = strtod(line, &end);
        if (end == line || (c + 1 < t->n_columns && *end != ',')) {
            return nm_fail(NM_USAGE, "%s:%lld: column %s is no number", path, (long long)t->n + 2,
                           t->names[c]);
        }
        line = end + 1;
    }
    t->n++;
    return NM_OK;
}

static nm_status read_table(table *t, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        return nm_fail(NM_IO, "cannot open '%s'", path);
    }
    char *line = NULL;
    size_t bytes = 0;
    int64_t capacity = 0;
    nm_status status = NM_OK;
    if (getline(&line, &bytes, file) > 0) {
        status = read_names(t, line, path);
    }
    while (status == NM_OK && getline(&line, &bytes, file) > 0) {
        status = read_row(t, &capacity, line, path);
    }
    free(line);
    fclose(file);
    return status == NM_OK && t->n == 0 ? nm_fail(NM_USAGE, "%s: holds no sets", path) : status;
}

/* --- writing ------------------------------------------------------------------------------------------------- */

static void row_of(double *row, const nm_plan *plan, const nm_tile *tile, int64_t i)
{
    int k = 0;
    for (int p = 0; p < plan->task.n_stored; p++) {
        row[k++] = tile->params[p * tile->n + i];
    }
    for (int slot = 0; slot < plan->task.n_slots; slot++) {
        row[k++] = ((const double *)tile->values)[slot * tile->n + i];
    }
}

static void write_csv(FILE *file, const nm_plan *plan, const nm_check_store *store)
{
    double row[NM_MAX_PARAMS + NM_MAX_OUTPUTS];
    const nm_task *task = &plan->task;
    for (int p = 0; p < task->n_stored; p++) {
        fprintf(file, "%s,", plan->model->params[task->stored[p]].name);
    }
    for (int slot = 0; slot < task->n_slots; slot++) {
        fprintf(file, "%s,", plan->catalogue.output[plan->column_output[slot]].name);
    }
    fprintf(file, "outcome,flags\n");
    for (int64_t t = 0; t < store->n; t++) {
        nm_tile tile;
        nm_plan_map_tile(plan, &tile, store->first + t, store->payloads + t * store->stride);
        for (int64_t i = 0; i < tile.n; i++) {
            row_of(row, plan, &tile, i);
            for (int k = 0; k < task->n_stored + task->n_slots; k++) {
                fprintf(file, "%.17g,", row[k]);
            }
            fprintf(file, "%s,", nm_outcome_name(tile.outcome[i]));
            int n_flags = 0;
            for (int bit = 0; bit < NM_N_FLAGS; bit++) {
                if (tile.flags[i] >> bit & 1) {
                    fprintf(file, "%s%s", n_flags++ ? " " : "", nm_flag_name(bit));
                }
            }
            fputc('\n', file);
        }
    }
}

/* One column: parameter k, then values, then outcome and flags. */
static double cell(const nm_plan *plan, const nm_tile *tile, int k, int64_t i)
{
    int n_stored = plan->task.n_stored, n_slots = plan->task.n_slots;
    if (k < n_stored) {
        return tile->params[k * tile->n + i];
    }
    if (k < n_stored + n_slots) {
        return ((const double *)tile->values)[(k - n_stored) * tile->n + i];
    }
    return k == n_stored + n_slots ? tile->outcome[i] : tile->flags[i];
}

static nm_status write_npy(FILE *file, const char *path, const nm_plan *plan,
                           const nm_check_store *store)
{
    const nm_task *task = &plan->task;
    int n_columns = task->n_stored + task->n_slots + 2;
    char header[118];
    /* the whole head is 128 bytes: magic 6, version 2, length 2, text 118 */
    int length = snprintf(header, sizeof header,
                          "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %lld), }",
                          n_columns, (long long)store->n_points);
    memset(header + length, ' ', sizeof header - (size_t)length);
    header[sizeof header - 1] = '\n';
    const unsigned char magic[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, sizeof header, 0};
    fwrite(magic, 1, sizeof magic, file);
    fwrite(header, 1, sizeof header, file);
    for (int k = 0; k < n_columns; k++) {
        for (int64_t t = 0; t < store->n; t++) {
            nm_tile tile;
            nm_plan_map_tile(plan, &tile, store->first + t, store->payloads + t * store->stride);
            for (int64_t i = 0; i < tile.n; i++) {
                double x = cell(plan, &tile, k, i);
                fwrite(&x, sizeof x, 1, file);
            }
        }
    }
    char names_path[4096];
    snprintf(names_path, sizeof names_path, "%s.names", path);
    FILE *names = fopen(names_path, "w");
    if (!names) {
        return nm_fail(NM_IO, "cannot create '%s'", names_path);
    }
    for (int p = 0; p < task->n_stored; p++) {
        fprintf(names, "%s\n", plan->model->params[task->stored[p]].name);
    }
    for (int slot = 0; slot < task->n_slots; slot++) {
        fprintf(names, "%s\n", plan->catalogue.output[plan->column_output[slot]].name);
    }
    fprintf(names, "outcome\nflags\n");
    return fclose(names) == 0 ? NM_OK : nm_fail(NM_IO, "cannot write '%s'", names_path);
}

static nm_status write_results(const char *path, const nm_plan *plan, const nm_check_store *store)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        return nm_fail(NM_IO, "cannot create '%s'", path);
    }
    size_t length = strlen(path);
    nm_status status = NM_OK;
    if (length > 4 && strcmp(path + length - 4, ".npy") == 0) {
        status = write_npy(file, path, plan, store);
    } else {
        write_csv(file, plan, store);
    }
    if (fclose(file) != 0 && status == NM_OK) {
        status = nm_fail(NM_IO, "cannot write '%s'", path);
    }
    return status;
}

/* --- the command ------------------------------------------------------------------------------------------------ */

typedef struct request {
    const char *model, *in, *out, *backend, *choices, *outputs, *mode;
    int64_t n_model_a;
    uint64_t seed;
    int starts;
    double rtol;
} request;

static nm_status read_request(request *r, int argc, char **argv)
{
    *r = (request){
        .backend = "cuda", .outputs = "*", .mode = "auto", .rtol = 1e-6, .seed = 20240229u, .starts = 1};
    if (argc < 1) {
        return nm_fail(NM_USAGE, "gpu_check table: say the model");
    }
    r->model = argv[0];
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--in") == 0) {
            r->in = value;
        } else if (strcmp(argv[i], "--out") == 0) {
            r->out = value;
        } else if (strcmp(argv[i], "--backend") == 0) {
            r->backend = value;
        } else if (strcmp(argv[i], "--choices") == 0) {
            r->choices = value;
        } else if (strcmp(argv[i], "--outputs") == 0) {
            r->outputs = value;
        } else if (strcmp(argv[i], "--mode") == 0) {
            r->mode = value;
        } else if (strcmp(argv[i], "--model-a") == 0) {
            r->n_model_a = (int64_t)strtod(value, NULL);
        } else if (strcmp(argv[i], "--seed") == 0) {
            r->seed = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--starts") == 0) {
            r->starts = atoi(value);
        } else if (strcmp(argv[i], "--rtol") == 0) {
            r->rtol = strtod(value, NULL);
        } else {
            return nm_fail(NM_USAGE, "gpu_check table: %s is not known", argv[i]);
        }
    }
    if (!r->out || !nm_check_model(r->model) || (!r->in && r->n_model_a <= 0)) {
        return nm_fail(NM_USAGE, "gpu_check table: wants a model, --out, and --in or --model-a");
    }
    return NM_OK;
}

static nm_status solve(const request *r, const table *t)
{
    nm_check_scan scan;
    nm_check_store store = {0};
    nm_backend_options options = {0};
    nm_check_start(&scan, nm_check_model(r->model));
    nm_check_choose(&scan, r->choices);
    if (r->in) {
        for (int c = 0; c < t->n_columns; c++) {
            nm_check_column(&scan, t->names[c], t->column[c], t->n);
        }
    } else {
        nm_check_model_a(&scan, 1);
    }
    nm_check_outputs(&scan, r->outputs, 0);
    if (scan.status == NM_OK) {
        scan.plan->task.draw.seed = r->seed;
        scan.plan->task.solver.mode =
            strcmp(r->mode, "follow") == 0 ? NM_MODE_FOLLOW : NM_MODE_AUTO;
        scan.plan->task.solver.rtol = r->rtol;
        scan.plan->task.solver.starts = r->starts;
    }
    nm_status status = nm_check_finish(&scan, r->n_model_a, 1, NM_CHECK_AUTO_TILE);
    if (status == NM_OK) {
        status = nm_check_run(&store, scan.plan, r->backend, &options, 0, scan.plan->n_tiles, 1);
    }
    if (status == NM_OK) {
        status = write_results(r->out, scan.plan, &store);
    }
    nm_check_store_clear(&store);
    nm_check_clear(&scan);
    return status;
}

int nm_check_table_main(int argc, char **argv)
{
    request r;
    table t = {0};
    nm_status status = read_request(&r, argc, argv);
    if (status == NM_OK && r.in) {
        status = read_table(&t, r.in);
    }
    if (status == NM_OK) {
        status = solve(&r, &t);
    }
    clear_table(&t);
    if (status != NM_OK) {
        fprintf(stderr, "gpu_check: %s\n", nm_last_error());
    }
    return nm_exit_code(status);
}
