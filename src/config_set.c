/* Applies `--set KEY=VALUE` to the tree of a configuration, so that overrides are checked like the
 * file. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "config_parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"
#include "words.h"

enum { KEY_BYTES = 256, MESSAGE_BYTES = 256, MAX_SEGMENTS = 3 };

static nm_status fail_memory(void)
{
    return nm_fail(NM_MEMORY, "out of memory while reading --set");
}

int nm_is_name(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_') {
        return 0;
    }
    while (isalnum((unsigned char)*name) || *name == '_') {
        name++;
    }
    return *name == '\0';
}

nm_toml *nm_toml_find(const nm_toml *table, const char *key)
{
    for (int64_t i = 0; table && i < table->n_items; i++) {
        if (table->item[i].key && strcmp(table->item[i].key, key) == 0) {
            return &table->item[i];
        }
    }
    return NULL;
}

/* --- 1. text ----------------------------------------------------------------------------- */

/* The configuration is kept as TOML, which is UTF-8. */
static int is_utf8(const char *text)
{
    for (int n; *text; text += n) {
        n = nm_utf8_length(text);
        if (n == 0) {
            return 0;
        }
    }
    return 1;
}

/* Copies text[0, n) without the spaces around it. */
static char *copy_trimmed(const char *text, size_t n)
{
    while (n > 0 && isspace((unsigned char)*text)) {
        text++;
        n--;
    }
    while (n > 0 && isspace((unsigned char)text[n - 1])) {
        n--;
    }
    return strndup(text, n);
}

/* --- 2. values --------------------------------------------------------------------------- */

/* Forgets the value of a node, keeps its key. */
static void clear_value(nm_toml *node)
{
    char *key = node->key;
    node->key = NULL;
    nm_toml_clear(node);
    node->key = key;
}

/* Marks a node and all below as said on the command line. */
static void mark_override(nm_toml *node)
{
    node->line = 0;
    for (int64_t i = 0; i < node->n_items; i++) {
        mark_override(&node->item[i]);
    }
}

/* A number, else a text. The text is kept in both cases: whoever needs a text may take "3" for one.
 */
static nm_status set_scalar(nm_toml *node, const char *text, size_t n)
{
    node->text = copy_trimmed(text, n);
    if (!node->text) {
        return fail_memory();
    }
    const char *unit;
    node->kind = NM_TOML_TEXT;
    if (nm_units_split(&node->number, &unit, node->text) != NM_OK || *unit) {
        return NM_OK;
    }
    char *end;
    errno = 0;
    node->integer = strtoll(node->text, &end, 10);
    node->kind = *end == '\0' && errno == 0 ? NM_TOML_INTEGER : NM_TOML_FLOAT;
    return NM_OK;
}

/* Reads a value written as in TOML: "[1, 2]" or "\"text\"". */
static nm_status set_toml(nm_toml *node, const char *key, const char *value)
{
    char message[MESSAGE_BYTES];
    int line;
    size_t bytes = strlen(value) + sizeof "v = \n";
    char *text = malloc(bytes);
    if (!text) {
        return fail_memory();
    }
    nm_toml root;
    int n = snprintf(text, bytes, "v = %s\n", value);
    int error = nm_toml_parse(&root, &line, message, sizeof message, text, (size_t)n);
    free(text);
    if (error == -2) {
        return fail_memory();
    }
    if (error) {
        return nm_fail(NM_USAGE, "--set: the value of %s is not valid TOML: %s", key, message);
    }
    if (root.n_items != 1) {
        nm_toml_clear(&root);
        return nm_fail(NM_USAGE, "--set: the value of %s must be one TOML value", key);
    }
    nm_toml parsed = root.item[0];
    free(parsed.key);
    parsed.key = node->key;
    *node = parsed;
    root.n_items = 0;
    nm_toml_clear(&root);
    return NM_OK;
}

static nm_status set_list(nm_toml *node, const char *value)
{
    node->kind = NM_TOML_ARRAY;
    for (;;) {
        size_t n = strcspn(value, ",");
        nm_toml *item = nm_toml_append(node);
        if (!item) {
            return fail_memory();
        }
        NM_TRY(set_scalar(item, value, n));
        if (value[n] == '\0') {
            return NM_OK;
        }
        value += n + 1;
    }
}

static int is_list_key(const char *key)
{
    static const char *const list_keys[] = {"values", "variables", "gradients", "quantiles",
                                            "axes"};
    for (size_t i = 0; i < sizeof list_keys / sizeof *list_keys; i++) {
        if (strcmp(key, list_keys[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Gives the child `name` of a table the value. key: its whole name, for messages. */
static nm_status set_child(nm_toml *table, const char *name, int is_list, const char *key,
                           const char *value)
{
    nm_toml *node = nm_toml_find(table, name);
    if (node) {
        clear_value(node);
    } else {
        node = nm_toml_append(table);
        if (!node || !(node->key = strdup(name))) {
            return fail_memory();
        }
    }
    size_t n_value = strlen(value);
    int is_quoted =
        n_value > 1 && (*value == '"' || *value == '\'') && value[n_value - 1] == *value;
    if (is_quoted || (is_list && *value == '[')) {
        NM_TRY(set_toml(node, key, value));
    } else if (is_list) {
        NM_TRY(set_list(node, value));
    } else {
        NM_TRY(set_scalar(node, value, n_value));
    }
    mark_override(node);
    return NM_OK;
}

/* --- 3. keys ----------------------------------------------------------------------------- */

/* Returns the [[list]] item with name = `name`, or NULL. */
static nm_toml *find_named(const nm_toml *root, const char *list, const char *name)
{
    const nm_toml *array = nm_toml_find(root, list);
    for (int64_t i = 0; array && array->kind == NM_TOML_ARRAY && i < array->n_items; i++) {
        const nm_toml *said = nm_toml_find(&array->item[i], "name");
        if (said && said->text && strcmp(said->text, name) == 0) {
            return &array->item[i];
        }
    }
    return NULL;
}

/* Finds or makes the table `name` of the root. */
static nm_status open_table(nm_toml **table, nm_toml *root, const char *name, const char *key)
{
    *table = nm_toml_find(root, name);
    if (!*table) {
        *table = nm_toml_append(root);
        if (!*table || !((*table)->key = strdup(name))) {
            return fail_memory();
        }
        (*table)->kind = NM_TOML_TABLE;
    }
    if ((*table)->kind != NM_TOML_TABLE) {
        return nm_fail(
            NM_USAGE, "--set: %s cannot be set, because \"%s\" is not a table of the configuration",
            key, name);
    }
    return NM_OK;
}

/* Finds or makes the one [[reduce]]. */
static nm_status open_reduce(nm_toml **table, nm_toml *root, const char *key)
{
    nm_toml *list = nm_toml_find(root, "reduce");
    if (!list) {
        list = nm_toml_append(root);
        if (!list || !(list->key = strdup("reduce"))) {
            return fail_memory();
        }
        list->kind = NM_TOML_ARRAY;
    }
    if (list->kind == NM_TOML_ARRAY && list->n_items == 0) {
        nm_toml *made = nm_toml_append(list);
        if (!made) {
            return fail_memory();
        }
        made->kind = NM_TOML_TABLE;
    }
    if (list->kind != NM_TOML_ARRAY || list->n_items != 1 || list->item[0].kind != NM_TOML_TABLE) {
        return nm_fail(NM_USAGE, "--set: %s cannot be set, because the file has not one [[reduce]]",
                       key);
    }
    *table = &list->item[0];
    return NM_OK;
}

/* A parameter on an axis, drawn or tied has its values from there: fixing it would be a second
 * opinion. */
static nm_status check_free(const nm_toml *root, const char *path, const char *name)
{
    const nm_toml *axis = find_named(root, "axis", name),
                  *random = find_named(root, "random", name);
    const nm_toml *tie = nm_toml_find(nm_toml_find(root, "tie"), name);
    const nm_toml *said = axis     ? nm_toml_find(axis, "name")
                          : random ? nm_toml_find(random, "name")
                                   : tie;
    if (!said) {
        return NM_OK;
    }
    const char *list = axis ? "axis" : random ? "random" : "tie";
    nm_config named = {.path = (char *)path};
    return nm_fail(
        NM_USAGE, "--set: %s is in %s%s%s already (%s), so it cannot be fixed; set %s.%s%s instead",
        name, said == tie ? "[" : "[[", list, said == tie ? "]" : "]]",
        nm_config_place(&named, (nm_where){said->line}), list, name,
        axis     ? ".min, .max or .n"
        : random ? ".min, .max, ..."
                 : "");
}

/* Splits a dotted key in place. Returns the number of segments, 0 where one is empty or there are
 * too many. */
static int split_key(char *segment[MAX_SEGMENTS], char *key)
{
    int n = 0;
    for (char *start = key;;) {
        size_t length = strcspn(start, ".");
        if (length == 0 || n == MAX_SEGMENTS) {
            return 0;
        }
        segment[n++] = start;
        if (start[length] == '\0') {
            return n;
        }
        start[length] = '\0';
        start += length + 1;
    }
}

/* Says that no [[axis]] or [[random]] has this name. */
static nm_status fail_unlisted(const nm_toml *root, const char *list, const char *name)
{
    enum { MAX_NAMES = 128 };
    const char *names[MAX_NAMES];
    size_t n = 0;
    const nm_toml *array = nm_toml_find(root, list);
    for (int64_t i = 0; array && i < array->n_items && n < MAX_NAMES; i++) {
        const nm_toml *said = nm_toml_find(&array->item[i], "name");
        if (said && said->text) {
            names[n++] = said->text;
        }
    }
    const char *near = nm_nearest(name, names, n);
    return nm_fail(NM_USAGE, "--set: there is no [[%s]] with name = \"%s\"%s%s%s", list, name,
                   near ? "; did you mean \"" : " in the file", near ? near : "",
                   near ? "\"?" : "");
}

static nm_status set_listed(nm_toml *root, char *const segment[MAX_SEGMENTS], int n_segments,
                            const char *key, const char *value)
{
    const char *list = segment[0];
    if (n_segments != 3) {
        return nm_fail(NM_USAGE,
                       "--set: %s is not a key; write %s.NAME.KEY=VALUE, like %s.K_o.max=10", key,
                       list, list);
    }
    nm_toml *item = find_named(root, list, segment[1]);
    if (!item) {
        return fail_unlisted(root, list, segment[1]);
    }
    return set_child(item, segment[2], is_list_key(segment[2]), key, value);
}

static nm_status set_key(nm_toml *root, const char *path, const char *key, const char *value,
                         nm_override_scope scope)
{
    char copy[KEY_BYTES];
    char *segment[MAX_SEGMENTS];
    memcpy(copy, key, strlen(key) + 1);
    int n = split_key(segment, copy);
    int is_preset = n == 1 && strcmp(key, "preset") == 0;
    int is_root_key =
        is_preset || (n == 1 && (strcmp(key, "model") == 0 || strcmp(key, "title") == 0));
    int is_point_key =
        n == 2 && (strcmp(segment[0], "variant") == 0 || strcmp(segment[0], "solver") == 0);
    if (scope == NM_OVERRIDE_POINT && !is_point_key && !is_preset && (n != 1 || is_root_key)) {
        return nm_fail(
            NM_USAGE,
            "--set: %s is no key of a single point; write PARAMETER=VALUE, variant.NAME=CHOICE, "
            "preset=NAME or solver.KEY=VALUE",
            key);
    }
    if (is_root_key) {
        return set_child(root, key, 0, key, value);
    }
    nm_toml *table = NULL;
    if (n == 1) {
        if (!nm_is_name(key)) {
            return nm_fail(
                NM_USAGE,
                "--set: \"%s\" is not a name; a parameter is made of letters, digits and _", key);
        }
        NM_TRY(check_free(root, path, key));
        NM_TRY(open_table(&table, root, "fixed", key));
        return set_child(table, key, 0, key, value);
    }
    if (n > 0 && (strcmp(segment[0], "axis") == 0 || strcmp(segment[0], "random") == 0)) {
        return set_listed(root, segment, n, key, value);
    }
    if (n == 2 && strcmp(segment[0], "reduce") == 0) {
        NM_TRY(open_reduce(&table, root, key));
        return set_child(table, segment[1], is_list_key(segment[1]), key, value);
    }
    if (n != 2) {
        return nm_fail(NM_USAGE,
                       "--set: \"%s\" is not a key; write PARAMETER, TABLE.KEY or axis.NAME.KEY",
                       key);
    }
    NM_TRY(open_table(&table, root, segment[0], key));
    return set_child(table, segment[1], is_list_key(segment[1]), key, value);
}

static nm_status set_one(nm_toml *root, const char *path, const char *override,
                         nm_override_scope scope)
{
    const char *equals = strchr(override, '=');
    if (!is_utf8(override)) {
        return nm_fail(NM_USAGE, "--set: a key or a value is not valid UTF-8");
    }
    if (!equals) {
        return nm_fail(NM_USAGE,
                       "--set: \"%s\" has no \"=\"; write KEY=VALUE, like K_o=5 or axis.K_o.n=512",
                       override);
    }
    char *key = copy_trimmed(override, (size_t)(equals - override));
    char *value = copy_trimmed(equals + 1, strlen(equals + 1));
    nm_status status;
    if (!key || !value) {
        status = fail_memory();
    } else if (!*key || !*value) {
        status = nm_fail(NM_USAGE, "--set: \"%s\" lacks its %s; write KEY=VALUE", override,
                         *key ? "value" : "key");
    } else if (strlen(key) >= KEY_BYTES) {
        status = nm_fail(NM_USAGE, "--set: the key \"%.40s...\" is too long to be one", key);
    } else {
        status = set_key(root, path, key, value, scope);
    }
    free(key);
    free(value);
    return status;
}

nm_status nm_config_set(nm_toml *root, const char *path, const char *const *overrides,
                        int n_overrides, nm_override_scope scope)
{
    for (int i = 0; i < n_overrides; i++) {
        NM_TRY(set_one(root, path, overrides[i], scope));
    }
    return NM_OK;
}
