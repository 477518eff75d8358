/* The part of assembly for reduced scans: records of cells -> statistics and counts.
 *
 *   1. definition   2. rows   3. tiles */
#include <inttypes.h>
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assemble.h"
#include "projection.h"
#include "reducer.h"

/* --- 1. definition ---------------------------------------------------------------------------- */

#define COUNT_NAME(name, values, text) "count_" #name,
const char *const nm_count_names[NM_N_OUTCOMES] = {NM_OUTCOME_LIST(COUNT_NAME)};
#undef COUNT_NAME
#define FLAG_COUNT_NAME(name, bit, text) [bit] = "flag_count_" #name,
const char *const nm_flag_count_names[NM_N_FLAGS] = {NM_FLAG_LIST(FLAG_COUNT_NAME)};
#undef FLAG_COUNT_NAME

void nm_count_text(char text[256], int k)
{
#define TEXT(name, x, text) text,
    static const char *const outcomes[] = {NM_OUTCOME_LIST(TEXT)}, *const flags[] = {
                                                                       NM_FLAG_LIST(TEXT)};
#undef TEXT
    snprintf(text, 256, "number of points%s%s", k < NM_N_OUTCOMES ? ": " : ", flagged: ",
             k < NM_N_OUTCOMES ? outcomes[k] : flags[k - NM_N_OUTCOMES]);
}

static nm_status define_count(nm_assembly *a, const char *name, const char *long_name)
{
    int variable;
    NM_TRY(nm_assembly_define_column(a, &variable, name, NC_INT64, sizeof(int64_t)));
    nm_assembly_add_column(a, variable, sizeof(int64_t));
    return nm_assembly_describe_count(a, variable, long_name);
}

/* "V_q05" of 0.05: the digits behind the point, two at least */
static void name_quantile(char name[96], const char *output, double quantile)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.15f", quantile);
    size_t n = strlen(digits);
    while (n > 4 && digits[n - 1] == '0') {
        n--;
    }
    snprintf(name, 96, "%s_q%.*s", output, (int)(n - 2), digits + 2);
}

static nm_status define_quantiles(nm_assembly *a, const nm_output *output)
{
    const nm_reduction *reduction = &a->plan->task.reduction;
    for (int k = 0; k < reduction->n_quantiles; k++) {
        char name[96];
        int variable;
        name_quantile(name, output->name, reduction->quantile[k]);
        NM_TRY(nm_assembly_define_column(a, &variable, name, a->is_f32 ? NC_FLOAT : NC_DOUBLE,
                                         a->value_bytes));
        nm_assembly_add_column(a, variable, a->value_bytes);
        NM_TRY(nm_assembly_describe_quantile(a, variable, output, reduction->quantile[k]));
    }
    return NM_OK;
}

/* Failed points are in the statistics of no cell: the file says where the first ones are. */
static nm_status define_located(nm_assembly *a)
{
    static const char text[] = "lowest indices of points that failed";
    static const char how[] =
        "of all points of the scan, the last dimension fastest; `nessmap point "
        "--from FILE --index N` solves one alone";
    const long long none = -1;
    int dim, *variable = &a->located_variable;
    NM_TRY(nm_assembly_check(a, nc_def_dim(a->id, "failed", NM_LOCATED, &dim)));
    NM_TRY(nm_assembly_check(a, nc_def_var(a->id, "failed_index", NC_INT64, 1, &dim, variable)));
    NM_TRY(nm_assembly_check(
        a, nc_put_att_longlong(a->id, *variable, "_FillValue", NC_INT64, 1, &none)));
    NM_TRY(nm_assembly_put_text(a, *variable, "units", "1"));
    NM_TRY(nm_assembly_put_text(a, *variable, "long_name", text));
    return nm_assembly_put_text(a, *variable, "comment", how);
}

static nm_status write_located(nm_assembly *a)
{
    long long located[NM_LOCATED];
    for (int i = 0; i < NM_LOCATED; i++) {
        located[i] = i < a->tally->n_located ? a->tally->located[i] : -1;
    }
    return nm_assembly_check(a, nc_put_var_longlong(a->id, a->located_variable, located));
}

/* Columns: the statistics and quantiles of each output, the points, the outcomes, the flags. */
nm_status nm_assembly_define_cells(nm_assembly *a)
{
#define STATISTIC_NAME(name, method, words) #name,
    static const char *const endings[] = {NM_STATISTIC_LIST(STATISTIC_NAME)};
#undef STATISTIC_NAME
    int variable;
    NM_TRY(define_located(a));
    if (a->plan->task.reduction.n_inputs > 0) {
        return nm_assembly_define_indices(a, &a->indices);
    }
    if (a->plan->task.reduction.kind == NM_REDUCE_SCATTER) {
        return nm_assembly_define_bins(a, &a->bins);
    }
    NM_TRY(nm_assembly_check(
        a, nc_def_var(a->id, nm_assembly_unit(a), NC_INT64, 0, NULL, &a->unit_variable)));
    NM_TRY(nm_assembly_describe_unit(a, a->unit_variable));
    for (int i = 0; i < a->plan->task.n_slots; i++) {
        const nm_output *output = &a->plan->catalogue.output[a->plan->column_output[i]];
        for (int k = 0; k < NM_N_STATISTICS; k++) {
            char name[sizeof output->name + 8];
            int is_count = k == NM_STATISTIC_n;
            size_t bytes = is_count ? sizeof(int64_t) : a->value_bytes;
            snprintf(name, sizeof name, "%s_%s", output->name, endings[k]);
            NM_TRY(nm_assembly_define_column(a, &variable, name,
                                             is_count    ? NC_INT64
                                             : a->is_f32 ? NC_FLOAT
                                                         : NC_DOUBLE,
                                             bytes));
            nm_assembly_add_column(a, variable, bytes);
            NM_TRY(nm_assembly_describe_statistic(a, variable, output, (nm_statistic)k));
        }
        NM_TRY(define_quantiles(a, output));
    }
    NM_TRY(define_count(a, "n", "number of points"));
    for (int i = 0; i < NM_N_OUTCOMES + NM_N_FLAGS; i++) {
        char text[256];
        nm_count_text(text, i);
        NM_TRY(define_count(
            a, i < NM_N_OUTCOMES ? nm_count_names[i] : nm_flag_count_names[i - NM_N_OUTCOMES],
            text));
    }
    return NM_OK;
}

/* --- 2. rows ---------------------------------------------------------------------------------- */

static void put_value(const nm_assembly *a, char *column, int64_t i, double value)
{
    if (a->is_f32) {
        ((float *)column)[i] = (float)value;
    } else {
        ((double *)column)[i] = value;
    }
}

/* Puts the record of a cell into row i of the columns. */
static void put_row(const nm_assembly *a, char *const *column, int64_t i, const char *record)
{
    int n_slots = a->plan->task.reduction.n_slots;
    const nm_stat *stat = (const nm_stat *)record;
    const int64_t *count = (const int64_t *)(stat + n_slots),
                  *words = count + NM_N_OUTCOMES + NM_N_FLAGS;
    const nm_reduction *reduction = &a->plan->task.reduction;
    for (int slot = 0; slot < n_slots; slot++, stat++) {
        int has_any = stat->n > 0;
        double sd = stat->n > 1 ? sqrt(stat->m2 / (double)(stat->n - 1)) : NAN;
        put_value(a, column[NM_STATISTIC_mean], i, has_any ? stat->mean : NAN);
        put_value(a, column[NM_STATISTIC_sd], i, sd);
        put_value(a, column[NM_STATISTIC_min], i, has_any ? stat->min : NAN);
        put_value(a, column[NM_STATISTIC_max], i, has_any ? stat->max : NAN);
        ((int64_t *)column[NM_STATISTIC_n])[i] = stat->n;
        for (int k = 0; k < reduction->n_quantiles; k++) {
            put_value(a, column[NM_N_STATISTICS + k], i,
                      nm_quantile_find(words, reduction, stat, slot, k));
        }
        column += NM_N_STATISTICS + reduction->n_quantiles;
    }
    ((int64_t *)*column++)[i] = reduction->cell_points;
    for (int k = 0; k < NM_N_OUTCOMES + NM_N_FLAGS; k++) {
        ((int64_t *)*column++)[i] = count[k];
    }
}

/* Counts and writes the cells [first, first + n) with their records. */
static nm_status write_rows(nm_assembly *a, char *const *column, int64_t first, int64_t n,
                            const char *records)
{
    const nm_reduction *reduction = &a->plan->task.reduction;
    for (int64_t i = 0; i < n; i++) {
        const char *record = records + i * NM_WHOLE_RECORD_BYTES(reduction);
        if (a->indices) {
            NM_TRY(nm_assembly_take_replicate(a, a->indices, first + i, record));
            continue;
        }
        if (a->bins) {
            NM_TRY(nm_assembly_take_bins(a, a->bins, record));
            continue;
        }
        const int64_t *count = (const int64_t *)((const nm_stat *)record + reduction->n_slots);
        NM_TRY(nm_tally_add_cell(a->tally, (first + i) * reduction->cell_points,
                                 reduction->cell_points, count, count + NM_N_OUTCOMES));
        put_row(a, column, i, record);
    }
    return a->indices || a->bins
               ? NM_OK
               : nm_assembly_write_chunks(a, (const char *const *)column, first, n);
}

/* --- 3. tiles --------------------------------------------------------------------------------- */

/* Records of a tile that was not computed. */
static void fill_missing(const nm_plan *plan, int64_t i_tile, char *payload)
{
    int n_slots = plan->task.reduction.n_slots;
    int64_t bytes = NM_WHOLE_RECORD_BYTES(&plan->task.reduction),
            n_parts = nm_plan_tile_parts(plan, i_tile);
    for (int64_t i = 0; i < n_parts; i++) {
        char *record = payload + i * bytes;
        nm_record_clear(record, n_slots);
        nm_words_clear((int64_t *)(void *)(record + NM_RECORD_BYTES(n_slots)),
                       &plan->task.reduction);
        ((int64_t *)((nm_stat *)record + n_slots))[NM_OUTCOME_not_run] =
            nm_plan_part_points(plan, i_tile);
    }
    for (int i = 0; i < NM_LOCATED; i++) {
        nm_plan_located(plan, i_tile, payload)[i] = -1;
    }
}

static nm_status read_tile(nm_assembly *a, nm_journal *journal, int64_t i_tile, char *payload)
{
    if (nm_journal_has(journal, i_tile)) {
        return nm_journal_read(journal, i_tile, payload, nm_plan_tile_bytes(a->plan, i_tile));
    }
    if (!a->partial) {
        return nm_fail(NM_IO, "tile %" PRId64 " of %" PRId64 " for '%s' is not computed yet",
                       i_tile, a->plan->n_tiles, a->out_path);
    }
    fill_missing(a->plan, i_tile, payload);
    return NM_OK;
}

static nm_status write_tiles(nm_assembly *a, nm_journal *journal, char *payload,
                             char *const *column, nm_fold *fold, int64_t *words)
{
    const nm_plan *plan = a->plan;
    const nm_reduction *reduction = &plan->task.reduction;
    for (int64_t i_tile = 0; i_tile < plan->n_tiles; i_tile++) {
        NM_TRY(read_tile(a, journal, i_tile, payload));
        nm_tally_locate(a->tally, nm_plan_located(plan, i_tile, payload));
        if (plan->tiles_per_cell == 1) {
            NM_TRY(write_rows(a, column, nm_plan_tile_first(plan, i_tile) / reduction->cell_points,
                              nm_plan_tile_parts(plan, i_tile), payload));
            continue;
        }
        int64_t *more = (int64_t *)(void *)(payload + NM_RECORD_BYTES(reduction->n_slots));
        nm_fold_add(fold, payload);
        nm_words_merge(words, more, reduction);
        if ((i_tile + 1) % plan->tiles_per_cell == 0) {
            nm_fold_end(fold, payload);
            memcpy(more, words, (size_t)reduction->n_words * sizeof *words);
            nm_words_clear(words, reduction);
            NM_TRY(write_rows(a, column, i_tile / plan->tiles_per_cell, 1, payload));
        }
    }
    return NM_OK;
}

nm_status nm_assembly_write_cells(nm_assembly *a, nm_journal *journal, char *payload)
{
    int64_t n_rows = nm_plan_tile_parts(a->plan, 0);
    const long long cell_points = a->plan->task.reduction.cell_points;
    if (a->indices) {
        NM_TRY(nm_assembly_write_inputs(a));
    } else if (!a->bins) {
        NM_TRY(nm_assembly_check(a, nc_put_var_longlong(a->id, a->unit_variable, &cell_points)));
    }
    char **column = calloc((size_t)a->n_columns, sizeof *column);
    const nm_reduction *reduction = &a->plan->task.reduction;
    int64_t *words = malloc((size_t)(reduction->n_words + 1) * sizeof *words);
    nm_fold fold = {0};
    nm_status status = column && words
                           ? nm_fold_create(&fold, a->plan->task.reduction.n_slots)
                           : nm_fail(NM_MEMORY, "out of memory for the cells of '%s'", a->out_path);
    for (int i = 0; status == NM_OK && i < a->n_columns; i++) {
        column[i] = malloc((size_t)n_rows * a->columns[i].bytes);
        if (!column[i]) {
            status = nm_fail(NM_MEMORY, "out of memory for the cells of '%s'", a->out_path);
        }
    }
    if (status == NM_OK) {
        status = nm_assembly_make_stage(a);
    }
    if (status == NM_OK) {
        nm_words_clear(words, reduction);
        status = write_tiles(a, journal, payload, column, &fold, words);
    }
    if (status == NM_OK) {
        status = write_located(a);
    }
    for (int i = 0; column && i < a->n_columns; i++) {
        free(column[i]);
    }
    free(column);
    free(words);
    free(fold.records);
    return status;
}
