/* Compares a folder of arrays with what its meta.json says of them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export_parts.h"
#include "files.h"
#include "words.h"

typedef struct page { /* meta.json in memory */
    char *path, *text;
    const char *inputs, *outputs, *derivatives, *outcomes, *flags, *counts,
        *files; /* first lines */
    nm_export_shape shape;
    int is_log[NM_MAX_PARAMS];
} page;

/* The line after the one that begins as `key` does, or NULL. */
static const char *find_section(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    const char *end = at ? strchr(at + 1, '\n') : NULL;
    return end ? end + 1 : NULL;
}

static const char *line_of(const char *section, int i)
{
    for (; i > 0 && section; i--) {
        section = strchr(section, '\n');
        section = section ? section + 1 : NULL;
    }
    return section;
}

/* Number of lines up to the end of a section. */
static int count_lines(const char *section)
{
    int n = 0;
    for (const char *at = section; at && strncmp(at, "    {", 5) == 0; at = line_of(at, 1)) {
        n++;
    }
    return n;
}

static nm_status check_own_hash(const page *p)
{
    static const char key[] = "\n  \"hash\": \"";
    char wanted[NM_EXPORT_HASH_TEXT];
    const char *at = NULL;
    for (const char *next = strstr(p->text, key); next; next = strstr(next + 1, key)) {
        at = next;
    }
    nm_hash hash = nm_hash_start();
    nm_hash_bytes(&hash, p->text, at ? (size_t)(at + 1 - p->text) : 0);
    nm_export_hash_text(wanted, &hash);
    char end[64];
    snprintf(end, sizeof end, "%s%s\"\n}\n", key, wanted);
    return at && strcmp(at, end) == 0
               ? NM_OK
               : nm_fail(NM_IO, "'%s' is not as it was written: its hash is %s; export again",
                         p->path, wanted);
}

static nm_status read_page(page *p, const char *folder)
{
    size_t length;
    char question[NM_EXPORT_HASH_TEXT];
    long long n = 0;
    nm_meta_question(question, folder);
    if (question[0] == '\0') {
        return nm_fail(
            NM_USAGE, "'%s' is not a folder of nessmap export: it has no meta.json of one", folder);
    }
    p->path = nm_file_format("%s/meta.json", folder);
    if (!p->path) {
        return nm_fail(NM_MEMORY, "no memory for a path");
    }
    NM_TRY(nm_file_read(&p->text, &length, p->path));
    NM_TRY(check_own_hash(p));
    char version[64];
    snprintf(version, sizeof version, "\n  \"schema_version\": %d,\n", NM_EXPORT_SCHEMA);
    if (!strstr(p->text, version)) {
        return nm_fail(NM_USAGE, "'%s' is of another schema than %d, which this nessmap checks",
                       p->path, NM_EXPORT_SCHEMA);
    }
    const char *size = strstr(p->text, "\n  \"n\": ");
    int is_whole = size && sscanf(size, " \"n\": %lld", &n) == 1 &&
                   (p->inputs = find_section(p->text, "\n  \"inputs\": [\n")) &&
                   (p->outputs = find_section(p->text, "\n  \"outputs\": [\n")) &&
                   (p->derivatives = strstr(p->text, "\n  \"derivatives\": ")) &&
                   (p->outcomes = find_section(p->text, "\n  \"outcomes\": [\n")) &&
                   (p->flags = find_section(p->text, "\n  \"flags\": [\n")) &&
                   (p->counts = strstr(p->text, "\n    \"counts\": ")) &&
                   (p->files = find_section(p->text, "\n  \"files\": [\n"));
    int n_inputs = count_lines(p->inputs);
    if (!is_whole || n_inputs > NM_MAX_PARAMS) {
        return nm_fail(NM_USAGE, "'%s' lacks a part of its schema", p->path);
    }
    p->shape = (nm_export_shape){n, n_inputs, count_lines(p->outputs),
                                 strstr(p->files, nm_export_name[NM_EXPORT_slopes]) != NULL};
    for (int i = 0; i < n_inputs; i++) {
        const char *line = line_of(p->inputs, i), *log = strstr(line, "\"scale\": \"log\"");
        p->is_log[i] = log && log < line_of(line, 1);
    }
    return NM_OK;
}

/* --- comparison --------------------------------------------------------------------------------- */

typedef struct expected { /* what a line should end with */
    FILE *stream;
    char *text;
    size_t length;
} expected;

static FILE *begin(expected *e)
{
    *e = (expected){0};
    return e->stream = open_memstream(&e->text, &e->length);
}

/* 1 where the line ends with the expected text, but for a comma. */
static int ends_so(const char *line, expected *e)
{
    fclose(e->stream);
    const char *end = strchr(line, '\n');
    size_t length = end ? (size_t)(end - line) : strlen(line);
    length -= length > 0 && line[length - 1] == ',';
    int is_so = length >= e->length && memcmp(line + length - e->length, e->text, e->length) == 0;
    free(e->text);
    return is_so;
}

static nm_status differs(const page *p, const char *line)
{
    const char *end = strchr(line, '\n');
    while (*line == ' ') {
        line++;
    }
    return nm_fail(NM_IO, "'%s' says %.*s, but the arrays give another answer; export again",
                   p->path, (int)(end && end - line < 400 ? end - line : 400), line);
}

typedef void (*put_line)(FILE *stream, const nm_export_sums *sums, int i);

static nm_status compare_lines(const page *p, const nm_export_sums *sums, const char *section,
                               int n, put_line put)
{
    for (int i = 0; i < n; i++) {
        expected e;
        const char *line = line_of(section, i);
        if (!begin(&e)) {
            return nm_fail(NM_MEMORY, "out of memory for checking '%s'", p->path);
        }
        put(e.stream, sums, i);
        if (!line || !ends_so(line, &e)) {
            return differs(p, line ? line : section);
        }
    }
    return NM_OK;
}

static nm_status compare(const page *p, const nm_export_sums *sums)
{
    expected e;
    int row = 0;
    /* the files first: what their hashes tell says more than a statistic */
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        if (nm_export_row_bytes(&p->shape, i) == 0) {
            continue;
        }
        const char *line = line_of(p->files, row++);
        if (!begin(&e)) {
            return nm_fail(NM_MEMORY, "out of memory for checking '%s'", p->path);
        }
        nm_meta_file(e.stream, sums, i);
        if (!line || !ends_so(line, &e)) {
            char *folder = nm_file_folder_of(p->path);
            nm_status status =
                nm_fail(NM_IO, "'%s/%s' is not as it was written: its hash is %s; export again",
                        folder ? folder : "", nm_export_name[i], sums->hash[i]);
            free(folder);
            return status;
        }
    }
    for (int i = 0; i < p->shape.n_inputs; i++) {
        const char *line = line_of(p->inputs, i);
        if (!begin(&e)) {
            return nm_fail(NM_MEMORY, "out of memory for checking '%s'", p->path);
        }
        nm_meta_input(e.stream, sums, i, p->is_log[i]);
        if (!ends_so(line, &e)) {
            return differs(p, line);
        }
    }
    NM_TRY(compare_lines(p, sums, p->outputs, p->shape.n_outputs, nm_meta_output));
    NM_TRY(compare_lines(p, sums, p->outcomes, NM_N_OUTCOMES, nm_meta_outcome));
    NM_TRY(compare_lines(p, sums, p->flags, NM_N_FLAGS, nm_meta_flag));
    if (!begin(&e)) {
        return nm_fail(NM_MEMORY, "out of memory for checking '%s'", p->path);
    }
    nm_meta_split(e.stream, sums);
    if (!ends_so(p->counts + 1, &e)) {
        return differs(p, p->counts + 1);
    }
    if (p->shape.has_slopes) {
        if (!begin(&e)) {
            return nm_fail(NM_MEMORY, "out of memory for checking '%s'", p->path);
        }
        nm_meta_slopes(e.stream, sums);
        if (!ends_so(p->derivatives + 1, &e)) {
            return differs(p, p->derivatives + 1);
        }
    }
    return NM_OK;
}

nm_status nm_export_check(FILE *notes, const char *folder)
{
    page *p = calloc(1, sizeof *p);
    nm_export_sums sums = {0};
    nm_status status =
        p ? read_page(p, folder) : nm_fail(NM_MEMORY, "out of memory for checking '%s'", folder);
    if (status == NM_OK) {
        status = nm_export_sum(&sums, folder, &p->shape, p->is_log);
    }
    if (status == NM_OK) {
        status = compare(p, &sums);
    }
    if (status == NM_OK && notes) {
        char rows[NM_WORDS];
        fprintf(notes, "%s: %s rows, hashes and statistics are as meta.json says\n", folder,
                nm_words_count(rows, p->shape.n));
    }
    nm_export_sums_destroy(&sums);
    if (p) {
        free(p->path);
        free(p->text);
    }
    free(p);
    return status;
}
