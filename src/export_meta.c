/* meta.json: what the arrays of an export mean, one line for each input, output, outcome, flag and
 * file.
 *
 * The hash at its end covers all before it, and "question" what is known before anything is
 * written. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <inttypes.h>
#include <math.h>
#include <netcdf.h>
#include <stdlib.h>
#include <string.h>

#include "export_parts.h"
#include "files.h"
#include "words.h"

/* --- 1. what follows from the arrays ------------------------------------------------------------ */

static void put_number(FILE *stream, const char *key, double value)
{
    fprintf(stream, ", \"%s\": ", key);
    nm_json_number(stream, value);
}

/* of a sample: n - 1 */
static double deviation(const nm_stat *stat)
{
    return stat->n > 1 ? sqrt(stat->m2 / (double)(stat->n - 1)) : NAN;
}

static void put_stat(FILE *stream, const nm_stat *stat)
{
    put_number(stream, "min", stat->n > 0 ? stat->min : NAN);
    put_number(stream, "max", stat->n > 0 ? stat->max : NAN);
    put_number(stream, "mean", stat->n > 0 ? stat->mean : NAN);
    put_number(stream, "sd", deviation(stat));
}

void nm_meta_input(FILE *stream, const nm_export_sums *sums, int i, int is_log)
{
    put_stat(stream, nm_export_input_stat(sums, i));
    if (is_log) {
        const nm_stat *stat = nm_export_ln_stat(sums, i);
        put_number(stream, "ln_mean", stat->n > 0 ? stat->mean : NAN);
        put_number(stream, "ln_sd", deviation(stat));
    }
    fputc('}', stream);
}

void nm_meta_output(FILE *stream, const nm_export_sums *sums, int i)
{
    const nm_stat *stat = nm_export_output_stat(sums, i);
    fprintf(stream, ", \"n_valid\": %" PRId64, stat->n);
    put_stat(stream, stat);
    fputc('}', stream);
}

void nm_meta_slopes(FILE *stream, const nm_export_sums *sums)
{
    fprintf(stream, "{\"n_valid\": %" PRId64 "}", sums->n_slopes);
}

void nm_meta_outcome(FILE *stream, const nm_export_sums *sums, int i)
{
    fprintf(stream, ", \"count\": %" PRId64 "}", nm_export_counts(sums)[i]);
}

void nm_meta_flag(FILE *stream, const nm_export_sums *sums, int i)
{
    nm_meta_outcome(stream, sums, NM_N_OUTCOMES + i);
}

void nm_meta_split(FILE *stream, const nm_export_sums *sums)
{
    for (int i = 0; i < NM_N_SPLITS; i++) {
        fprintf(stream, "%s\"%s\": %" PRId64, i > 0 ? ", " : "{", nm_split_name[i], sums->split[i]);
    }
    fputc('}', stream);
}

void nm_meta_file(FILE *stream, const nm_export_sums *sums, int array)
{
    int64_t dim[3];
    int n = nm_export_dims(dim, &sums->shape, array);
    fprintf(stream, "\"dtype\": \"%s\", \"shape\": [", nm_export_type[array]);
    for (int i = 0; i < n; i++) {
        fprintf(stream, "%s%" PRId64, i > 0 ? ", " : "", dim[i]);
    }
    fprintf(stream, "], \"bytes\": %" PRId64 ", \"hash\": \"%s\"}",
            nm_export_file_bytes(&sums->shape, array), sums->hash[array]);
}

/* --- 2. what is known before -------------------------------------------------------------------- */

static void put_key(FILE *stream, const char *key, const char *text)
{
    fprintf(stream, "\"%s\": ", key);
    if (text) {
        nm_json_text(stream, text);
    } else {
        fputs("null", stream);
    }
}

/* An attribute of the file; null where it has none. */
static void put_attribute(FILE *stream, const nm_export_source *s, const char *key,
                          const char *name)
{
    char *text = nm_nc_text(s->id, NC_GLOBAL, name);
    put_key(stream, key, text);
    free(text);
}

static void put_variants(FILE *stream, const nm_plan *plan)
{
    fputs("  \"variants\": {", stream);
    for (int i = 0; i < plan->model->n_variants; i++) {
        const nm_variant_info *variant = &plan->model->variants[i];
        fputs(i > 0 ? ", " : "", stream);
        put_key(stream, variant->name, variant->choices[plan->task.choice[i]]);
    }
    fputs("},\n", stream);
}

/* 1 where the first rows are a design of the same kind, if a smaller one: whole groups of them. */
static int has_prefixes(const char *kind, const nm_draw *draw)
{
    int is_sequence = strcmp(kind, "sobol") == 0 || strcmp(kind, "saltelli") == 0;
    return draw->n_axes == 0 &&
           (strcmp(kind, "random") == 0 || (is_sequence && draw->n_replicates == 1));
}

static void put_design(FILE *stream, const nm_export_source *s)
{
    const nm_draw *draw = &s->plan->task.draw;
    char *kind = nm_nc_text(s->id, NC_GLOBAL, "nessmap_design");
    fputs("  \"design\": {", stream);
    put_key(stream, "kind", kind);
    fprintf(stream,
            ", \"seed\": %" PRIu64 ", \"replicates\": %d, \"rows_together\": %d, "
            "\"prefix_is_smaller_set\": %s},\n",
            draw->seed, (int)draw->n_replicates, (int)draw->group,
            kind && has_prefixes(kind, draw) ? "true" : "false");
    free(kind);
}

static void put_source(FILE *stream, const nm_export_source *s)
{
    const char *slash = strrchr(s->path, '/');
    fputs("  \"source\": {", stream);
    put_key(stream, "file", slash ? slash + 1 : s->path);
    static const char *const attributes[][2] = {{"fingerprint", "nessmap_fingerprint"},
                                                {"nessmap", "product_version"},
                                                {"model_hash", "nessmap_model_hash"},
                                                {"backend", "nessmap_backend"},
                                                {"precision", "nessmap_precision"}};
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        fputs(", ", stream);
        put_attribute(stream, s, attributes[i][0], attributes[i][1]);
    }
    fputs("},\n", stream);
}

/* what every column says of itself */
static void put_description(FILE *stream, const nm_export_column *c)
{
    fputs("    {", stream);
    put_key(stream, "name", c->name);
    fputs(", ", stream);
    put_key(stream, "unit", c->unit);
    fputs(", ", stream);
    put_key(stream, "text", c->text);
}

static void put_columns(FILE *stream, const nm_export_source *s, const nm_export_sums *sums)
{
    fputs("  \"inputs\": [\n", stream);
    for (int i = 0; i < s->shape.n_inputs; i++) {
        const nm_export_column *c = &s->inputs[i];
        put_description(stream, c);
        fprintf(stream, ", \"drawn\": \"%s\", \"scale\": \"%s\"", c->drawn, c->scale);
        put_number(stream, "low", c->low);
        put_number(stream, "high", c->high);
        if (sums) {
            nm_meta_input(stream, sums, i, strcmp(c->scale, "log") == 0);
        }
        fputs(i + 1 < s->shape.n_inputs ? ",\n" : "\n", stream);
    }
    fputs("  ],\n  \"outputs\": [\n", stream);
    for (int i = 0; i < s->shape.n_outputs; i++) {
        const nm_export_column *c = &s->outputs[i];
        put_description(stream, c);
        if (sums) {
            nm_meta_output(stream, sums, i);
        }
        fputs(i + 1 < s->shape.n_outputs ? ",\n" : "\n", stream);
    }
    fputs("  ],\n  \"derivatives\": ", stream);
    if (!s->shape.has_slopes) {
        fputs("null", stream);
    } else if (sums) {
        nm_meta_slopes(stream, sums);
    }
    fputs(",\n", stream);
}

static void put_split(FILE *stream, const nm_export_source *s, const nm_split *split)
{
    fputs(
        "  \"split\": {\n    \"method\": \"u: output number row / rows_together (from 0) of the "
        "generator SplitMix64 that starts with the seed, its upper 53 bits / 2^53; 3 extrapolation "
        "inside every range of hold_out (ends included), else 0 train where u < below[0], 1 "
        "validation where u < below[1], 2 test\",\n",
        stream);
    fprintf(stream, "    \"seed\": %" PRIu64 ", \"rows_together\": %" PRId64, split->seed,
            split->rows_together);
    for (int i = 0; i < 3; i++) {
        fputs(i > 0 ? ", " : ", \"shares\": [", stream);
        nm_json_number(stream, split->share[i]);
    }
    for (int i = 0; i < 2; i++) {
        fputs(i > 0 ? ", " : "], \"below\": [", stream);
        nm_json_number(stream, split->below[i]);
    }
    fputs("],\n    \"hold_out\": [", stream);
    for (int i = 0; i < split->n_sides; i++) {
        const nm_box_side *side = &split->side[i];
        fputs(i > 0 ? ", {" : "{", stream);
        put_key(stream, "name", s->inputs[side->input].name);
        put_number(stream, "low", side->low);
        put_number(stream, "high", side->high);
        fputc('}', stream);
    }
    fputc(']', stream);
}

static void put_head(FILE *stream, const nm_export_source *s)
{
    fprintf(stream, "  \"n\": %" PRId64 ",\n  ", s->shape.n);
    put_key(stream, "model", s->plan->model->name);
    fputs(",\n", stream);
    put_variants(stream, s->plan);
    put_source(stream, s);
    put_design(stream, s);
}

/* Outcomes and flags: their codes, and how many rows have them. */
static void put_codes(FILE *stream, const nm_export_sums *sums)
{
    static const char *const flag_texts[] = {
#define FLAG_TEXT(name, bit, text) text,
        NM_FLAG_LIST(FLAG_TEXT)
#undef FLAG_TEXT
    };
    fputs("  \"outcomes\": [\n", stream);
    for (int i = 0; i < NM_N_OUTCOMES; i++) {
        fprintf(stream, "    {\"code\": %d, \"name\": \"%s\", \"text\": ", i, nm_outcome_name(i));
        nm_json_text(stream, nm_outcome_text(i));
        fprintf(stream, ", \"has_values\": %s", nm_outcome_has_values(i) ? "true" : "false");
        nm_meta_outcome(stream, sums, i);
        fputs(i + 1 < NM_N_OUTCOMES ? ",\n" : "\n", stream);
    }
    fputs("  ],\n  \"flags\": [\n", stream);
    for (int i = 0; i < NM_N_FLAGS; i++) {
        fprintf(stream, "    {\"mask\": %d, \"name\": \"%s\", \"text\": ", 1 << i, nm_flag_name(i));
        nm_json_text(stream, flag_texts[i]);
        nm_meta_flag(stream, sums, i);
        fputs(i + 1 < NM_N_FLAGS ? ",\n" : "\n", stream);
    }
    fputs("  ],\n", stream);
}

static void put_files(FILE *stream, const nm_export_sums *sums)
{
    fputs("  \"files\": [", stream);
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        if (nm_export_row_bytes(&sums->shape, i) > 0) {
            fprintf(stream, "%s\n    {\"name\": \"%s\", ", i > 0 ? "," : "", nm_export_name[i]);
            nm_meta_file(stream, sums, i);
        }
    }
    fputs("\n  ],\n", stream);
}

/* --- 3. the whole ------------------------------------------------------------------------------- */

static nm_status question_text(char **text, const nm_export_source *source, const nm_split *split)
{
    size_t length;
    FILE *stream = open_memstream(text, &length);
    if (!stream) {
        return nm_fail(NM_MEMORY, "out of memory for meta.json");
    }
    fprintf(stream, "schema %d\n", NM_EXPORT_SCHEMA);
    put_head(stream, source);
    put_columns(stream, source, NULL);
    put_split(stream, source, split);
    fputc('\n', stream);
    return fclose(stream) == 0 ? NM_OK : nm_fail(NM_MEMORY, "out of memory for meta.json");
}

static nm_status whole_text(char **text, size_t *length, const nm_export_source *source,
                            const nm_split *split, const nm_export_sums *sums)
{
    char *question, hash_text[NM_EXPORT_HASH_TEXT];
    NM_TRY(question_text(&question, source, split));
    nm_hash hash = nm_hash_start();
    nm_hash_bytes(&hash, question, strlen(question));
    nm_export_hash_text(hash_text, &hash);
    free(question);
    FILE *stream = open_memstream(text, length);
    if (!stream) {
        return nm_fail(NM_MEMORY, "out of memory for meta.json");
    }
    fprintf(stream,
            "{\n  \"schema\": \"nessmap_export\",\n  \"schema_version\": %d,\n  \"question\": "
            "\"%s\",\n",
            NM_EXPORT_SCHEMA, hash_text);
    put_head(stream, source);
    put_columns(stream, source, sums);
    put_codes(stream, sums);
    put_split(stream, source, split);
    fputs(",\n    \"counts\": ", stream);
    nm_meta_split(stream, sums);
    fputs("\n  },\n", stream);
    put_files(stream, sums);
    fputs("  \"hash_method\": \"FNV-1a of 128 bits; of this file: of all before the key hash\",\n",
          stream);
    return fclose(stream) == 0 ? NM_OK : nm_fail(NM_MEMORY, "out of memory for meta.json");
}

nm_status nm_meta_text(char **text, const nm_export_source *source, const nm_split *split,
                       const nm_export_sums *sums)
{
    if (!sums) {
        return question_text(text, source, split);
    }
    char *body = NULL, hash_text[NM_EXPORT_HASH_TEXT];
    size_t length;
    NM_TRY(whole_text(&body, &length, source, split, sums));
    nm_hash hash = nm_hash_start();
    nm_hash_bytes(&hash, body, length);
    nm_export_hash_text(hash_text, &hash);
    *text = nm_file_format("%s  \"hash\": \"%s\"\n}\n", body, hash_text);
    free(body);
    return *text ? NM_OK : nm_fail(NM_MEMORY, "out of memory for meta.json");
}

void nm_meta_question(char out[NM_EXPORT_HASH_TEXT], const char *folder)
{
    static const char key[] = "\n  \"question\": \"";
    char *path = nm_file_format("%s/meta.json", folder), *text = NULL;
    size_t length;
    out[0] = '\0';
    if (path && nm_file_read(&text, &length, path) == NM_OK &&
        strncmp(text, "{\n  \"schema\": \"nessmap_export\"", 30) == 0) {
        const char *at = strstr(text, key);
        snprintf(out, NM_EXPORT_HASH_TEXT, "%.32s", at ? at + sizeof key - 1 : "");
    }
    free(text);
    free(path);
}
