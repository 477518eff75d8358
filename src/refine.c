/* Runs the stages of a refinement.
 *
 * 1. points that were solved   2. a stage   3. maps   4. brackets   5. the whole   6. words */
#include "refine.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "journal_folder.h"
#include "plan_refine.h"
#include "words.h"

static nm_status no_memory(void)
{
    return nm_fail(NM_MEMORY, "no memory for the points of a refinement");
}

/* --- 1. points that were solved ----------------------------------------------------------------- */

enum { STEADY, NOT_STEADY, FAILED };  /* classes by steady state */
enum { BELOW, ABOVE, WITHOUT_VALUE }; /* classes by an output */

static int8_t classify(const nm_refinement *refinement, int outcome, const double *values)
{
    if (refinement->class == NM_CLASS_OUTCOME) {
        return (int8_t)outcome;
    }
    if (refinement->class == NM_CLASS_STEADY) {
        return nm_outcome_has_failed(outcome)   ? FAILED
               : nm_outcome_has_values(outcome) ? STEADY
                                                : NOT_STEADY;
    }
    double value = values[refinement->slot];
    return isnan(value) ? WITHOUT_VALUE : value >= refinement->threshold ? ABOVE : BELOW;
}

static void clear_found(nm_found *found)
{
    free(found->place);
    free(found->values);
    free(found->class);
    free(found->outcome);
    free(found->flags);
    memset(found, 0, sizeof *found);
}

static nm_status grow_array(void *array, int64_t n, size_t bytes)
{
    void **at = array;
    void *larger = realloc(*at, (size_t)(n > 0 ? n : 1) * bytes);
    if (!larger) {
        return no_memory();
    }
    *at = larger;
    return NM_OK;
}

static nm_status make_room(nm_found *found, int64_t n, int n_dims, int n_slots)
{
    NM_TRY(grow_array(&found->place, n * n_dims, sizeof *found->place));
    NM_TRY(grow_array(&found->values, n * n_slots, sizeof *found->values));
    NM_TRY(grow_array(&found->class, n, sizeof *found->class));
    NM_TRY(grow_array(&found->outcome, n, sizeof *found->outcome));
    return grow_array(&found->flags, n, sizeof *found->flags);
}

static void copy_points(nm_refined *refined, nm_found *found, const nm_tile *tile)
{
    const int n_slots = refined->plan->task.n_slots;
    const double *values = tile->values;
    for (int64_t i = 0; i < tile->n; i++) {
        int64_t at = found->n++;
        double *row = found->values + at * n_slots;
        for (int k = 0; k < n_slots; k++) {
            row[k] = values[k * tile->n + i];
        }
        found->outcome[at] = tile->outcome[i];
        found->flags[at] = tile->flags[i];
        found->class[at] = classify(refined->plan->refinement, tile->outcome[i], row);
        refined->count[tile->outcome[i]]++;
    }
}

/* Appends the points of a stage, which are at place [n][n_dims]. */
static nm_status take(nm_refined *refined, nm_found *found, const nm_plan *stage,
                      nm_journal *journal, const int64_t *place)
{
    const int n_dims = refined->plan->refinement->n_dims;
    NM_TRY(make_room(found, found->n + stage->n_points, n_dims, stage->task.n_slots));
    memcpy(found->place + found->n * n_dims, place,
           (size_t)(stage->n_points * n_dims) * sizeof *place);
    void *payload = malloc((size_t)nm_plan_tile_bytes(stage, 0));
    nm_status status = payload ? NM_OK : no_memory();
    for (int64_t i_tile = 0; status == NM_OK && i_tile < stage->n_tiles; i_tile++) {
        nm_tile tile;
        status = nm_journal_read(journal, i_tile, payload, nm_plan_tile_bytes(stage, i_tile));
        nm_plan_map_tile(stage, &tile, i_tile, payload);
        for (int64_t i = 0; status == NM_OK && i < tile.n; i++) {
            if (tile.outcome[i] < 0 || tile.outcome[i] >= NM_N_OUTCOMES) {
                status = nm_fail(NM_IO,
                                 "a stage of the refinement holds an outcome that does not exist");
            }
        }
        if (status == NM_OK) {
            copy_points(refined, found, &tile);
        }
    }
    free(payload);
    return status;
}

/* --- 2. a stage --------------------------------------------------------------------------------- */

typedef struct driver {
    nm_refined refined;
    const nm_refine_host *host;
    const char *out_path;
} driver;

/* Solves the points of a list and appends them to `found`. */
static nm_status run_stage(driver *driver, nm_found *found, const int64_t *place, int64_t n,
                           const char *kind)
{
    nm_plan *stage = NULL;
    nm_journal *journal = NULL;
    char what[128], count[NM_WORDS];
    int64_t number = ++driver->refined.n_stages;
    snprintf(what, sizeof what, "stage %lld: %s %s", (long long)number, nm_words_count(count, n),
             kind);
    char *path = nm_file_format("%s.parts/stage%04lld", driver->out_path, (long long)number);
    nm_status status = path ? nm_plan_stage(&stage, driver->refined.plan, place, n) : no_memory();
    if (status == NM_OK) {
        status = driver->host->solve(driver->host->context, stage, path, what, &journal);
    }
    if (status == NM_OK) {
        status = take(&driver->refined, found, stage, journal, place);
    }
    nm_journal_close(&journal, 0);
    nm_plan_destroy(&stage);
    free(path);
    return status;
}

/* --- 3. maps ------------------------------------------------------------------------------------ */

/* The first points end with the probes. */
static nm_status split_probes(nm_refined *refined)
{
    int64_t n = refined->plan->refinement->n_probes;
    nm_found *vertices = &refined->vertices, *probes = &refined->probes;
    const int n_slots = refined->plan->task.n_slots;
    NM_TRY(make_room(probes, n, 2, n_slots));
    vertices->n -= n;
    probes->n = n;
    memcpy(probes->place, vertices->place + 2 * vertices->n, (size_t)(2 * n) * sizeof(int64_t));
    memcpy(probes->values, vertices->values + vertices->n * n_slots,
           (size_t)(n * n_slots) * sizeof(double));
    memcpy(probes->class, vertices->class + vertices->n, (size_t)n);
    memcpy(probes->outcome, vertices->outcome + vertices->n, (size_t)n);
    memcpy(probes->flags, vertices->flags + vertices->n, (size_t)n * sizeof(uint16_t));
    return NM_OK;
}

/* Tells the tree of the vertices from number `first` on. */
static nm_status teach(nm_refined *refined, int64_t first)
{
    const nm_lattice *lattice = &refined->plan->refinement->lattice;
    const nm_found *vertices = &refined->vertices;
    nm_status status = NM_OK;
    for (int64_t i = first; status == NM_OK && i < vertices->n; i++) {
        int64_t at[2];
        for (int d = 0; d < 2; d++) {
            at[d] = vertices->place[2 * i + d] / nm_lattice_step(lattice, d, lattice->levels);
        }
        int64_t key = nm_morton(at[0], at[1]);
        status = nm_tree_learn(refined->tree, &key, &vertices->class[i], 1);
    }
    return status;
}

static nm_status divide_cells(driver *driver)
{
    nm_refined *refined = &driver->refined;
    const nm_lattice *lattice = &refined->plan->refinement->lattice;
    NM_TRY(split_probes(refined));
    NM_TRY(nm_tree_create(&refined->tree, lattice, refined->probes.place, refined->probes.class,
                          refined->probes.n));
    int64_t first = 0, n_missing;
    do {
        int64_t *missing, *place = NULL;
        NM_TRY(teach(refined, first));
        first = refined->vertices.n;
        NM_TRY(nm_tree_grow(refined->tree, &missing, &n_missing));
        nm_status status = n_missing > 0 ? grow_array(&place, 2 * n_missing, sizeof *place) : NM_OK;
        for (int64_t i = 0; status == NM_OK && i < n_missing; i++) {
            nm_vertex_place(place + 2 * i, lattice, missing[i]);
        }
        if (status == NM_OK && n_missing > 0) {
            status = run_stage(driver, &refined->vertices, place, n_missing, "corners of cells");
        }
        free(missing);
        free(place);
        NM_TRY(status);
    } while (n_missing > 0);
    return NM_OK;
}

/* --- 4. brackets ---------------------------------------------------------------------------------- */

static void set_end(nm_bracket *bracket, int end, const nm_found *found, int64_t number, int n_dims)
{
    int64_t *place = end == 0 ? bracket->from : bracket->to;
    memcpy(place, found->place + number * n_dims, (size_t)n_dims * sizeof *place);
    bracket->class[end] = found->class[number];
    bracket->outcome[end] = found->outcome[number];
}

static nm_status make_brackets(nm_refined *refined, int64_t n)
{
    const int n_dims = refined->plan->refinement->n_dims;
    NM_TRY(grow_array(&refined->bracket, n, sizeof *refined->bracket));
    NM_TRY(grow_array(&refined->bracket_place, 2 * n * n_dims, sizeof *refined->bracket_place));
    for (int64_t i = 0; i < n; i++) {
        int64_t *place = refined->bracket_place + 2 * i * n_dims;
        refined->bracket[i] = (nm_bracket){.from = place, .to = place + n_dims};
    }
    return NM_OK;
}

static nm_status bracket_edges(nm_refined *refined)
{
    nm_edge *edge;
    int64_t n;
    nm_status status = nm_tree_edges(refined->tree, &edge, &n);
    if (status == NM_OK) {
        status = make_brackets(refined, n);
    }
    for (int64_t i = 0; status == NM_OK && i < n; i++) {
        nm_bracket *bracket = &refined->bracket[i];
        int is_probe = edge[i].from < 0;
        bracket->direction = edge[i].direction;
        bracket->number = is_probe ? edge[i].probe : nm_tree_find(refined->tree, edge[i].from);
        set_end(bracket, 0, is_probe ? &refined->probes : &refined->vertices, bracket->number, 2);
        set_end(bracket, 1, &refined->vertices, nm_tree_find(refined->tree, edge[i].to), 2);
        refined->n_brackets = i + 1;
    }
    free(edge);
    return status;
}

static nm_status bracket_segments(nm_refined *refined)
{
    const nm_found *ends = &refined->vertices;
    const int n_dims = refined->plan->refinement->n_dims;
    int64_t n = 0;
    for (int64_t i = 0; i < ends->n; i += 2) {
        n += ends->class[i] != ends->class[i + 1];
    }
    NM_TRY(make_brackets(refined, n));
    for (int64_t i = 0; i < ends->n; i += 2) {
        if (ends->class[i] != ends->class[i + 1]) {
            nm_bracket *bracket = &refined->bracket[refined->n_brackets++];
            bracket->number = i / 2;
            set_end(bracket, 0, ends, i, n_dims);
            set_end(bracket, 1, ends, i + 1, n_dims);
        }
    }
    return NM_OK;
}

static int is_open(const nm_bracket *bracket, const nm_refinement *refinement)
{
    if (bracket->is_stuck) {
        return 0;
    }
    int64_t most = 0;
    for (int d = 0; d < refinement->n_dims; d++) {
        int64_t width = llabs(bracket->to[d] - bracket->from[d]);
        most = width > most ? width : most;
    }
    return most > refinement->width && most > 1;
}

/* One step of all brackets that are still wide. */
static nm_status halve(driver *driver, int64_t *number, int64_t *place, int64_t *n_open)
{
    nm_refined *refined = &driver->refined;
    const nm_refinement *refinement = refined->plan->refinement;
    const int n_dims = refinement->n_dims;
    *n_open = 0;
    for (int64_t i = 0; i < refined->n_brackets; i++) {
        const nm_bracket *bracket = &refined->bracket[i];
        if (!is_open(bracket, refinement)) {
            continue;
        }
        for (int d = 0; d < n_dims; d++) {
            place[*n_open * n_dims + d] = nm_lattice_middle(bracket->from[d], bracket->to[d]);
        }
        number[(*n_open)++] = i;
    }
    if (*n_open == 0) {
        return NM_OK;
    }
    nm_found middles = {0};
    nm_status status = run_stage(driver, &middles, place, *n_open, "middles of brackets");
    for (int64_t i = 0; status == NM_OK && i < *n_open; i++) {
        nm_bracket *bracket = &refined->bracket[number[i]];
        /* where the solver gives up, the bracket of two answers is the better one */
        if (nm_outcome_has_failed(middles.outcome[i]) &&
            !nm_outcome_has_failed(bracket->outcome[0]) &&
            !nm_outcome_has_failed(bracket->outcome[1])) {
            bracket->is_stuck = 1;
            continue;
        }
        set_end(bracket, middles.class[i] == bracket->class[0] ? 0 : 1, &middles, i, n_dims);
    }
    clear_found(&middles);
    return status;
}

static nm_status halve_all(driver *driver)
{
    const int n_dims = driver->refined.plan->refinement->n_dims;
    int64_t *number = NULL, *place = NULL, n = driver->refined.n_brackets, n_open = n;
    nm_status status = grow_array(&number, n, sizeof *number);
    if (status == NM_OK) {
        status = grow_array(&place, n * n_dims, sizeof *place);
    }
    while (status == NM_OK && n_open > 0) {
        status = halve(driver, number, place, &n_open);
    }
    free(number);
    free(place);
    return status;
}

/* --- 5. the whole --------------------------------------------------------------------------------- */

static nm_status go(driver *driver, nm_journal *journal, nm_refine_report *report)
{
    nm_refined *refined = &driver->refined;
    const nm_plan *plan = refined->plan;
    NM_TRY(take(refined, &refined->vertices, plan, journal, plan->refinement->first));
    if (plan->refinement->is_segments) {
        NM_TRY(bracket_segments(refined));
    } else {
        NM_TRY(divide_cells(driver));
        NM_TRY(bracket_edges(refined));
    }
    NM_TRY(halve_all(driver));
    return nm_refine_nc_write(report, refined, driver->out_path);
}

nm_status nm_refine_run(nm_refine_report *report, const nm_plan *plan, nm_journal *journal,
                        const char *out_path, const nm_refine_host *host)
{
    driver driver = {.refined = {.plan = plan}, .host = host, .out_path = out_path};
    memset(report, 0, sizeof *report);
    nm_status status = go(&driver, journal, report);
    clear_found(&driver.refined.vertices);
    clear_found(&driver.refined.probes);
    nm_tree_destroy(&driver.refined.tree);
    free(driver.refined.bracket);
    free(driver.refined.bracket_place);
    return status;
}

void nm_refine_sweep(const char *out_path)
{
    char *parts = nm_file_format("%s.parts", out_path);
    DIR *folder = parts ? opendir(parts) : NULL;
    struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        int number, end = 0;
        if (sscanf(entry->d_name, "stage%d.parts%n", &number, &end) == 1 && end > 0 &&
            entry->d_name[end] == '\0') {
            char *stage = nm_file_format("%s/%s", parts, entry->d_name);
            if (stage && nm_journal_remove_records(stage) == NM_OK) {
                nm_journal_remove_folder(stage);
            }
            free(stage);
        }
    }
    if (folder) {
        closedir(folder);
    }
    free(parts);
}

/* --- 6. words ------------------------------------------------------------------------------------- */

double nm_refine_failed_share(const nm_refine_report *report)
{
    return report->n_solved > 0 ? (double)report->n_failed / (double)report->n_solved : 0.0;
}

const char *nm_refine_class_name(const nm_plan *plan, int class)
{
    static const char *const steady[] = {"steady", "not_steady", "failed"}, *const output[] = {
                                                                                "below", "above",
                                                                                "without_value"};
    switch (plan->refinement->class) {
    case NM_CLASS_OUTCOME:
        return class < NM_N_OUTCOMES ? nm_outcome_name(class) : NULL;
    case NM_CLASS_STEADY:
        return class < 3 ? steady[class] : NULL;
    default:
        return class < 3 ? output[class] : NULL;
    }
}

/* "the map: ness 81.2 %, ..." */
static void print_shares(FILE *stream, const nm_plan *plan, const nm_refine_report *report)
{
    fprintf(stream, plan->refinement->is_segments ? "  ends of segments " : "  area of the map ");
    const char *between = "";
    for (int class = 0; class < NM_MOST_CLASSES; class ++) {
        const char *name = nm_refine_class_name(plan, class);
        if (name && report->class_share[class] > 0.0) {
            fprintf(stream, "%s %s %.6g %%", between, name, 100.0 * report->class_share[class]);
            between = ",";
        }
    }
    if (report->mixed_share > 0.0) {
        fprintf(stream, "%s in cells on a boundary %.3g %%", between, 100.0 * report->mixed_share);
    }
    fprintf(stream, "\n");
}

void nm_refine_print(FILE *stream, const nm_plan *plan, const nm_refine_report *report,
                     const nm_run_stats *stats, const char *path)
{
    char a[NM_WORDS], b[NM_WORDS], c[NM_WORDS];
    const nm_refinement *refinement = plan->refinement;
    fprintf(stream, "%s\n", path);
    if (report->n_boundary == 0) {
        fprintf(stream, "  no boundary: no two neighbouring points differ in %s\n",
                plan->config->design_class);
    } else {
        fprintf(
            stream,
            "  %s points of the boundary, each between two sets that are %.2g of the axis apart",
            nm_words_count(a, report->n_boundary), (double)refinement->width / (double)NM_LATTICE);
        if (report->n_stuck > 0) {
            fprintf(stream, "\n  (%s of them up to %.2g, where the solver gives up between)",
                    nm_words_count(a, report->n_stuck), 2.0 * report->half_width);
        }
        fprintf(stream, "\n");
    }
    fprintf(stream, "  %s solves in %s stages", nm_words_count(a, report->n_solved),
            nm_words_count(b, 1 + report->n_stages));
    if (!refinement->is_segments) {
        fprintf(stream, "; the grid of the finest cells has %s, %.0f times as many",
                nm_words_count(c, (int64_t)report->equal_grid),
                report->equal_grid / (double)report->n_solved);
    }
    fprintf(stream, "\n");
    print_shares(stream, plan, report);
    if (refinement->is_segments) {
        fprintf(stream, "  %.6g %% of the segments cross: the chance that two sets differ\n",
                100.0 * report->crossing_share);
    }
    if (report->missed_share < 1.0) {
        fprintf(
            stream,
            "  a region of more than %.3g %% of the whole would have been hit by a probe (95 %% "
            "confidence)\n",
            100.0 * report->missed_share);
    } else {
        fprintf(stream, "  no probes: what lies between the corners of a first cell is not seen\n");
    }
    if (report->n_failed > 0) {
        fprintf(stream, "  %s solves failed (%s)\n", nm_words_count(a, report->n_failed),
                nm_words_share(b, report->n_failed, report->n_solved));
    }
    if (stats && stats->total_s > 0.0) {
        fprintf(stream, "  %s: %s sets/s over %s; the whole run took %s\n", stats->backend,
                nm_words_rate(a, (double)stats->n_computed /
                                     (stats->compute_s > 0.0 ? stats->compute_s : 1.0)),
                nm_words_time(b, stats->compute_s), nm_words_time(c, stats->total_s));
    }
}
