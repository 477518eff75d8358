/* Loads a configuration: file -> TOML tree -> overrides -> checked struct -> canonical text. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "config_parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    AT_BYTES = 320,            /* longest place in a message */
    PATH_SHOWN = 256,          /* longest path in a message; of a longer one the end is shown */
    MESSAGE_BYTES = 384,       /* longest message of toml++ that is kept */
    MAX_CONFIG_BYTES = 1 << 26 /* larger files are no configurations */
};

static nm_status fail_memory(void)
{
    return nm_fail(NM_MEMORY, "out of memory while reading the configuration");
}

/* --- 1. places --------------------------------------------------------------------------- */

/* Writes where a key was said and `tail` into one of four buffers. */
static const char *write_place(const nm_config *config, nm_where where, const char *tail)
{
    static _Thread_local char buffers[4][AT_BYTES];
    static _Thread_local int turn;
    char *out = buffers[turn];
    turn = (turn + 1) % 4;
    const char *path = config->path;
    if (where.line == 0) {
        snprintf(out, AT_BYTES, "--set%s", tail);
    } else if (!path) {
        out[0] = '\0';
    } else {
        size_t n = strlen(path);
        const char *dots = n > PATH_SHOWN ? "..." : "";
        const char *shown = n > PATH_SHOWN ? path + n - PATH_SHOWN : path;
        if (where.line > 0) {
            snprintf(out, AT_BYTES, "%s%s:%d%s", dots, shown, where.line, tail);
        } else {
            snprintf(out, AT_BYTES, "%s%s%s", dots, shown, tail);
        }
    }
    return out;
}

const char *nm_config_at(const nm_config *config, nm_where where)
{
    return write_place(config, where, ": ");
}

const char *nm_config_place(const nm_config *config, nm_where where)
{
    return write_place(config, where, "");
}

/* --- 2. reading -------------------------------------------------------------------------- */

static nm_status fail_open(const char *path, const char *why)
{
    return nm_fail(NM_USAGE, "%s: the configuration cannot be read (%s); a TOML file is needed",
                   path, why);
}

/* Reads a stream to its end into a text that grows: it may be a pipe. */
static nm_status read_stream(char **text, size_t *bytes, FILE *in, const char *path)
{
    size_t capacity = 0;
    for (;;) {
        if (*bytes == capacity) {
            capacity = capacity ? 2 * capacity : 16384;
            char *grown = realloc(*text, capacity);
            if (!grown) {
                return fail_memory();
            }
            *text = grown;
        }
        size_t n = fread(*text + *bytes, 1, capacity - *bytes, in);
        *bytes += n;
        if (*bytes > MAX_CONFIG_BYTES) {
            return fail_open(path, "it is larger than 64 MiB");
        }
        if (n == 0) {
            return ferror(in) ? fail_open(path, strerror(errno)) : NM_OK;
        }
    }
}

static nm_status read_file(char **text, size_t *bytes, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return fail_open(path, strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) {
        return fail_open(path, "it is a folder");
    }
    FILE *in = fopen(path, "rb");
    if (!in) {
        return fail_open(path, strerror(errno));
    }
    nm_status status = read_stream(text, bytes, in, path);
    fclose(in);
    return status;
}

/* 1 where the line has a number like ".5" or "1.", which TOML refuses and toml++ reports in its own
 * words. */
static int has_open_point(const char *text, size_t bytes, int line)
{
    const char *end = text + bytes;
    for (; line > 1 && text; line--) {
        text = memchr(text, '\n', (size_t)(end - text));
        text = text ? text + 1 : NULL;
    }
    for (const char *c = text; c && c < end && *c != '\n' && *c != '#'; c++) {
        int digit_before = c > text && isdigit((unsigned char)c[-1]);
        int digit_after = c + 1 < end && isdigit((unsigned char)c[1]);
        int name_after = c + 1 < end && (isalpha((unsigned char)c[1]) || c[1] == '"');
        if (*c == '.' &&
            ((digit_after && !digit_before) || (digit_before && !digit_after && !name_after))) {
            return 1;
        }
    }
    return 0;
}

static nm_status parse(nm_toml *root, const nm_config *config, const char *text, size_t bytes)
{
    char message[MESSAGE_BYTES] = "";
    int line = 0;
    int error = nm_toml_parse(root, &line, message, sizeof message, text, bytes);
    if (error == -2) {
        return fail_memory();
    }
    if (error == 0) {
        return NM_OK;
    }
    const char *hint = "";
    if (has_open_point(text, bytes, line)) {
        hint = "; a number in TOML has digits on both sides of its point, like 0.5 or 1.0";
    } else if (strstr(message, "could not be interpreted as a value")) {
        /* how toml++ says that no double holds it */
        hint = "; a number is 0, or its size lies between 1e-307 and 1e308";
    }
    return nm_fail(NM_USAGE, "%snot valid TOML: %s%s",
                   nm_config_at(config, (nm_where){line > 0 ? line : -1}), message, hint);
}

/* --- 3. the public calls ----------------------------------------------------------------- */

/* Overrides, checks and resolves a tree, which it frees. config: zeroed but for its path; owned on
 * success. */
static nm_status finish(nm_config **out, nm_config *config, nm_toml *root,
                        const char *const *overrides, int n_overrides, nm_override_scope scope)
{
    nm_status status = nm_config_set(root, config->path, overrides, n_overrides, scope);
    if (status == NM_OK) {
        status = nm_config_check(config, root);
    }
    if (status == NM_OK) {
        status = nm_config_resolve(config);
    }
    nm_toml_clear(root);
    if (status == NM_OK) {
        *out = config;
    } else {
        nm_config_destroy(&config);
    }
    return status;
}

nm_status nm_config_read(nm_config **config, const char *name, const char *text, size_t bytes,
                         const char *const *overrides, int n_overrides)
{
    *config = NULL;
    nm_config *made = calloc(1, sizeof *made);
    if (!made || !(made->path = strdup(name))) {
        nm_config_destroy(&made);
        return fail_memory();
    }
    nm_toml root;
    nm_status status = parse(&root, made, text, bytes);
    if (status != NM_OK) {
        nm_config_destroy(&made);
        return status;
    }
    return finish(config, made, &root, overrides, n_overrides, NM_OVERRIDE_ALL);
}

nm_status nm_config_load(nm_config **config, const char *path, const char *const *overrides,
                         int n_overrides)
{
    *config = NULL;
    char *text = NULL;
    size_t bytes = 0;
    nm_status status = read_file(&text, &bytes, path);
    if (status == NM_OK) {
        status = nm_config_read(config, path, text, bytes, overrides, n_overrides);
    }
    free(text);
    return status;
}

nm_status nm_config_point(nm_config **config, const char *model, const char *const *overrides,
                          int n_overrides)
{
    *config = NULL;
    nm_config *made = calloc(1, sizeof *made);
    nm_toml root = {.kind = NM_TOML_TABLE};
    nm_toml *node = made ? nm_toml_append(&root) : NULL;
    if (!node || !(node->key = strdup("model")) || !(node->text = strdup(model))) {
        nm_toml_clear(&root);
        nm_config_destroy(&made);
        return fail_memory();
    }
    node->kind = NM_TOML_TEXT;
    node->line = -1;
    return finish(config, made, &root, overrides, n_overrides, NM_OVERRIDE_POINT);
}

static void free_named(nm_named_quantity *named, int n)
{
    for (int i = 0; named && i < n; i++) {
        free(named[i].name);
        free(named[i].value.text);
    }
    free(named);
}

static void free_axis(nm_config_axis *axis)
{
    for (int64_t i = 0; axis->values && i < axis->n; i++) {
        free(axis->values[i].text);
    }
    free(axis->values);
    free(axis->name);
    free(axis->min.text);
    free(axis->max.text);
}

static void free_random(nm_config_random *random)
{
    free(random->name);
    free(random->dist);
    free(random->min.text);
    free(random->max.text);
    free(random->mean.text);
    free(random->sd.text);
    free(random->mode.text);
}

void nm_config_destroy(nm_config **config)
{
    nm_config *c = *config;
    *config = NULL;
    if (!c) {
        return;
    }
    free_named(c->variants, c->n_variants);
    free_named(c->fixed, c->n_fixed);
    free_named(c->ties, c->n_ties);
    for (int i = 0; i < c->n_axes; i++) {
        free_axis(&c->axes[i]);
    }
    free(c->axes);
    for (int i = 0; i < c->n_random; i++) {
        free_random(&c->random[i]);
    }
    free(c->random);
    for (int i = 0; i < c->n_variables; i++) {
        free(c->variables[i]);
    }
    free(c->variables);
    for (int i = 0; i < c->reduce.n_variables; i++) {
        free(c->reduce.variables[i]);
    }
    free(c->reduce.variables);
    for (int i = 0; i < c->gradients.n_of; i++) {
        free(c->gradients.of[i]);
    }
    free(c->gradients.of);
    for (int i = 0; i < c->gradients.n_by; i++) {
        free(c->gradients.by[i]);
    }
    free(c->gradients.by);
    free(c->reduce.kind);
    for (int i = 0; i < c->reduce.n_axes; i++) {
        free_axis(&c->reduce.axes[i]);
    }
    free(c->reduce.axes);
    free(c->reduce.quantiles);
    free(c->stochastic.time.text);
    free(c->stochastic.first_passage);
    free(c->path);
    free(c->title);
    free(c->model);
    free(c->preset);
    free(c->design_kind);
    free(c->design_scramble);
    free(c->design_class);
    free(c->design_threshold.text);
    free(c->design_file);
    free(c->design_file_given);
    free(c->solver_mode);
    free(c->resolved);
    free(c);
}
