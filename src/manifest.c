/* The manifest of a journal: which question it answers, since when, in tiles of which size. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "files.h"
#include "journal.h"
#include "journal_folder.h"
#include "version.h"

/* Copies the value of `key = value` or `key = "value"` of a text that nm_manifest_write made. */
static int find_value(char *value, size_t size, const char *text, const char *key)
{
    size_t key_length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, key_length) != 0 || strncmp(line + key_length, " = ", 3) != 0) {
            continue;
        }
        const char *from = line + key_length + 3;
        size_t length = strcspn(from, "\n");
        if (length >= 2 && from[0] == '"' && from[length - 1] == '"') {
            from++;
            length -= 2;
        }
        if (length >= size) {
            return 0;
        }
        memcpy(value, from, length);
        value[length] = '\0';
        return 1;
    }
    return 0;
}

static int find_number(int64_t *number, const char *text, const char *key)
{
    char value[32], *end;
    if (!find_value(value, sizeof value, text, key) || value[0] == '\0') {
        return 0;
    }
    errno = 0;
    *number = strtoll(value, &end, 10);
    return *end == '\0' && errno == 0;
}

nm_status nm_manifest_read(nm_manifest *m, const char *path)
{
    char *text, hash[20], *end;
    size_t bytes;
    memset(m, 0, sizeof *m);
    NM_TRY(nm_file_read(&text, &bytes, path));
    int is_whole = find_number(&m->schema, text, "schema") &&
                   find_value(m->fingerprint, sizeof m->fingerprint, text, "fingerprint") &&
                   find_value(m->created, sizeof m->created, text, "created") &&
                   find_value(m->backend, sizeof m->backend, text, "backend") &&
                   find_number(&m->n_points, text, "n_points") &&
                   find_number(&m->tile_points, text, "tile_points") &&
                   find_number(&m->n_tiles, text, "n_tiles") &&
                   find_number(&m->full_bytes, text, "full_tile_bytes") &&
                   find_number(&m->last_bytes, text, "last_tile_bytes") &&
                   find_number(&m->config_bytes, text, "config_bytes") &&
                   find_value(hash, sizeof hash, text, "config_xxh3");
    if (is_whole) {
        m->config_hash = strtoull(hash, &end, 16);
        is_whole = *end == '\0';
    }
    free(text);
    if (!is_whole) {
        return nm_fail(NM_IO, "'%s' is damaged: use --fresh to throw the unfinished run away",
                       path);
    }
    return NM_OK;
}

void nm_manifest_time(char text[32])
{
    time_t seconds = time(NULL);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc) || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        strcpy(text, "1970-01-01T00:00:00Z");
    }
}

const char *nm_manifest_config(const nm_plan *plan)
{
    return plan->config && plan->config->resolved ? plan->config->resolved : "";
}

void nm_manifest_describe(nm_manifest *m, const nm_plan *plan)
{
    const char *config = nm_manifest_config(plan);
    memset(m, 0, sizeof *m);
    m->schema = NM_JOURNAL_SCHEMA;
    snprintf(m->fingerprint, sizeof m->fingerprint, "%s", plan->fingerprint);
    snprintf(m->backend, sizeof m->backend, "%s", plan->backend ? plan->backend : "");
    m->n_points = plan->n_points;
    m->tile_points = plan->tile_points;
    m->n_tiles = plan->n_tiles;
    m->full_bytes = nm_plan_tile_bytes(plan, 0);
    m->last_bytes = nm_plan_tile_bytes(plan, plan->n_tiles - 1);
    m->config_bytes = (int64_t)strlen(config);
    m->config_hash = XXH3_64bits(config, strlen(config));
}

/* The manifest comes last: where it is, the configuration is whole too. */
nm_status nm_manifest_write(const nm_manifest *m, const char *parts, const char *config)
{
    char *path = nm_file_format("%s/manifest.toml", parts);
    char *config_path = nm_file_format("%s/config.toml", parts);
    char *text = nm_file_format(
        "# A run of nessmap that is not finished: the same command goes on where it stopped.\n"
        "schema = %" PRId64 "\n"
        "fingerprint = \"%s\"\n"
        "created = \"%s\"\n"
        "version = \"" NM_VERSION_FULL "\"\n"
        "backend = \"%s\"\n"
        "n_points = %" PRId64 "\n"
        "tile_points = %" PRId64 "\n"
        "n_tiles = %" PRId64 "\n"
        "full_tile_bytes = %" PRId64 "\n"
        "last_tile_bytes = %" PRId64 "\n"
        "config = \"config.toml\"\n"
        "config_bytes = %" PRId64 "\n"
        "config_xxh3 = \"%016" PRIx64 "\"\n",
        m->schema, m->fingerprint, m->created, m->backend, m->n_points, m->tile_points, m->n_tiles,
        m->full_bytes, m->last_bytes, m->config_bytes, m->config_hash);
    nm_status status = NM_OK;
    if (!path || !config_path || !text) {
        status = nm_journal_no_memory();
    }
    if (status == NM_OK) {
        status = nm_file_replace(config_path, config, strlen(config));
    }
    if (status == NM_OK) {
        status = nm_file_replace(path, text, strlen(text));
    }
    free(path);
    free(config_path);
    free(text);
    return status;
}

/* Compares the question of a journal with the plan's. */
nm_status nm_manifest_match(const nm_manifest *found, const nm_manifest *wanted, const char *parts)
{
    if (found->schema != wanted->schema) {
        return nm_fail(NM_FINGERPRINT,
                       "'%s' was written by another version of nessmap (schema %" PRId64
                       ", here %" PRId64
                       "): use --fresh to throw it away, or give another output with -o",
                       parts, found->schema, wanted->schema);
    }
    if (strcmp(found->fingerprint, wanted->fingerprint) != 0) {
        return nm_fail(
            NM_FINGERPRINT,
            "'%s' holds an unfinished run of another question (fingerprint %s, here %s): use "
            "--fresh to throw it away, or give another output with -o",
            parts, found->fingerprint, wanted->fingerprint);
    }
    if (found->n_points != wanted->n_points || found->tile_points != wanted->tile_points ||
        found->n_tiles != wanted->n_tiles || found->full_bytes != wanted->full_bytes ||
        found->last_bytes != wanted->last_bytes) {
        return nm_fail(NM_FINGERPRINT,
                       "'%s' holds an unfinished run with tiles of %" PRId64
                       " points, here %" PRId64
                       ": use --fresh to throw it away, or give another output with -o",
                       parts, found->tile_points, wanted->tile_points);
    }
    return NM_OK;
}

static nm_status open_manifest(nm_manifest *m, const char *parts_path)
{
    char *path = nm_file_format("%s/manifest.toml", parts_path);
    if (!path) {
        return nm_journal_no_memory();
    }
    nm_status status;
    if (access(path, F_OK) != 0) {
        status = nm_fail(NM_USAGE,
                         "'%s' is not the folder of an unfinished run (there is no manifest.toml)",
                         parts_path);
    } else {
        status = nm_manifest_read(m, path);
    }
    free(path);
    return status;
}

nm_status nm_journal_manifest(const char *parts_path, char **config, char **fingerprint)
{
    *config = NULL;
    *fingerprint = NULL;
    nm_manifest m;
    NM_TRY(open_manifest(&m, parts_path));
    char *path = nm_file_format("%s/config.toml", parts_path);
    if (!path) {
        return nm_journal_no_memory();
    }
    size_t bytes = 0;
    nm_status status = nm_file_read(config, &bytes, path);
    if (status == NM_OK &&
        ((int64_t)bytes != m.config_bytes || XXH3_64bits(*config, bytes) != m.config_hash)) {
        status = nm_fail(
            NM_IO, "'%s' is not what the run wrote: its hash differs from the manifest's", path);
    }
    if (status == NM_OK && !(*fingerprint = strdup(m.fingerprint))) {
        status = nm_journal_no_memory();
    }
    if (status != NM_OK) {
        free(*config);
        *config = NULL;
    }
    free(path);
    return status;
}

nm_status nm_journal_origin(const char *parts_path, char backend[16], int64_t *tile_points)
{
    nm_manifest m;
    NM_TRY(open_manifest(&m, parts_path));
    memcpy(backend, m.backend, sizeof m.backend);
    *tile_points = m.tile_points;
    return NM_OK;
}
