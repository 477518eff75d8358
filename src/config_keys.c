/* Reads single keys of a configuration; a wrong one gets its sentence here. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "config_keys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

#define MAX_EXACT 9007199254740992.0 /* 2^53: doubles below are exact as whole numbers */

/* --- 1. messages ------------------------------------------------------------------------- */

/* Copies at most `limit` bytes of a text without cutting a UTF-8 character. */
const char *nm_shorten(char out[NM_FOUND_BYTES], const char *text)
{
    const size_t limit = NM_FOUND_BYTES - 16;
    size_t n = strlen(text);
    if (n <= limit) {
        memcpy(out, text, n + 1);
        return out;
    }
    n = limit;
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) {
        n--;
    }
    memcpy(out, text, n);
    memcpy(out + n, "...", 4);
    return out;
}

/* Says what a value is, as it may stand in a file. */
static const char *describe(char out[NM_FOUND_BYTES], const nm_toml *node)
{
    char text[NM_FOUND_BYTES];
    switch (node->kind) {
    case NM_TOML_TEXT:
        snprintf(out, NM_FOUND_BYTES, "\"%s\"", nm_shorten(text, node->text));
        break;
    case NM_TOML_INTEGER:
        snprintf(out, NM_FOUND_BYTES, "%lld", (long long)node->integer);
        break;
    case NM_TOML_FLOAT:
        snprintf(out, NM_FOUND_BYTES, "%.15g", node->number);
        break;
    case NM_TOML_BOOLEAN:
        snprintf(out, NM_FOUND_BYTES, "%s", node->integer ? "true" : "false");
        break;
    case NM_TOML_TABLE:
        snprintf(out, NM_FOUND_BYTES, "a table");
        break;
    case NM_TOML_ARRAY:
        snprintf(out, NM_FOUND_BYTES, "%s", node->n_items > 0 ? "a list" : "[]");
        break;
    case NM_TOML_DATE:
        snprintf(out, NM_FOUND_BYTES, "a date or time");
        break;
    }
    return out;
}

const char *nm_section_at(const nm_section *s, const nm_toml *node)
{
    return nm_config_at(s->config, (nm_where){node ? node->line : -1});
}

/* "axis.K_o.min", or "min" at the top. */
static const char *full_key(char out[NM_NAME_BYTES + NM_FOUND_BYTES], const nm_section *s,
                            const char *key)
{
    char text[NM_FOUND_BYTES];
    snprintf(out, NM_NAME_BYTES + NM_FOUND_BYTES, "%s%s%s", s->name, *s->name ? "." : "",
             nm_shorten(text, key));
    return out;
}

/* "file:line: KEY = FOUND, but SHOULD" */
nm_status nm_key_fail(const nm_section *s, const nm_toml *node, const char *key, const char *should)
{
    char name[NM_NAME_BYTES + NM_FOUND_BYTES], found[NM_FOUND_BYTES];
    return nm_fail(NM_USAGE, "%s%s = %s, but %s", nm_section_at(s, node), full_key(name, s, key),
                   describe(found, node), should);
}

nm_status nm_key_missing(const nm_section *s, const char *key, const char *should)
{
    char name[NM_NAME_BYTES + NM_FOUND_BYTES];
    return nm_fail(NM_USAGE, "%s%s is missing; %s", nm_section_at(s, s->table),
                   full_key(name, s, key), should);
}

nm_status nm_name_fail(const nm_section *s, const nm_toml *node, const char *name)
{
    char text[NM_FOUND_BYTES];
    return nm_fail(NM_USAGE, "%s%s: \"%s\" is not a name; a name is made of letters, digits and _",
                   nm_section_at(s, node), s->name, nm_shorten(text, name));
}

/* Writes "a, b, c". */
const char *nm_join(char out[NM_LIST_BYTES], const char *const *words, size_t n)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n && used < NM_LIST_BYTES; i++) {
        used +=
            (size_t)snprintf(out + used, NM_LIST_BYTES - used, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    return out;
}

/* Fails on a value that is none of `words`, with the nearest of them. */
static nm_status fail_choice(const nm_section *s, const char *key, const char *const *words,
                             size_t n)
{
    const nm_toml *node = nm_toml_find(s->table, key);
    const char *near = nm_nearest(node->text, words, n);
    char should[NM_LIST_BYTES + NM_FOUND_BYTES], list[NM_LIST_BYTES];
    if (near) {
        snprintf(should, sizeof should, "it is one of %s; did you mean \"%s\"?",
                 nm_join(list, words, n), near);
    } else {
        snprintf(should, sizeof should, "it is one of %s", nm_join(list, words, n));
    }
    return nm_key_fail(s, node, key, should);
}

/* --- 2. single keys ---------------------------------------------------------------------- */

int nm_is_among(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(word, words[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Refuses keys that the table does not have. */
nm_status nm_section_check(const nm_section *s, const char *const *keys, size_t n_keys)
{
    for (int64_t i = 0; s->table && i < s->table->n_items; i++) {
        const nm_toml *node = &s->table->item[i];
        if (nm_is_among(node->key, keys, n_keys)) {
            continue;
        }
        char name[NM_NAME_BYTES + NM_FOUND_BYTES], right[NM_NAME_BYTES + NM_FOUND_BYTES],
            list[NM_LIST_BYTES];
        const char *near = nm_nearest(node->key, keys, n_keys);
        full_key(name, s, node->key);
        if (near) {
            return nm_fail(NM_USAGE, "%sunknown key \"%s\"; did you mean \"%s\"?",
                           nm_section_at(s, node), name, full_key(right, s, near));
        }
        return nm_fail(NM_USAGE, "%sunknown key \"%s\"; the keys here are %s",
                       nm_section_at(s, node), name, nm_join(list, keys, n_keys));
    }
    return NM_OK;
}

/* Opens a child table; s->table is NULL where the file does not have it. */
nm_status nm_section_open(nm_section *s, const nm_config *config, const nm_toml *root,
                          const char *name)
{
    const nm_section top = {.config = config, .table = root};
    s->config = config;
    s->table = nm_toml_find(root, name);
    snprintf(s->name, sizeof s->name, "%s", name);
    if (s->table && s->table->kind != NM_TOML_TABLE) {
        char should[NM_NAME_BYTES + 64];
        snprintf(should, sizeof should, "it is a table; write [%s] on a line of its own, once",
                 name);
        return nm_key_fail(&top, s->table, name, should);
    }
    return NM_OK;
}

/* Finds the list of tables `name`; *n is 0 where the file does not have it. */
nm_status nm_section_list(const nm_toml **list, int *n, const nm_config *config,
                          const nm_toml *root, const char *name, int n_max)
{
    const nm_section top = {.config = config, .table = root};
    char should[NM_NAME_BYTES + 64];
    *list = nm_toml_find(root, name);
    *n = 0;
    if (!*list) {
        return NM_OK;
    }
    if ((*list)->kind != NM_TOML_ARRAY) {
        snprintf(should, sizeof should, "there may be several; write [[%s]] with two brackets",
                 name);
        return nm_key_fail(&top, *list, name, should);
    }
    for (int64_t i = 0; i < (*list)->n_items; i++) {
        if ((*list)->item[i].kind != NM_TOML_TABLE) {
            snprintf(should, sizeof should, "each is a table; write [[%s]] on a line of its own",
                     name);
            return nm_key_fail(&top, &(*list)->item[i], name, should);
        }
    }
    if ((*list)->n_items > n_max) {
        return nm_fail(NM_USAGE, "%s[[%s]] stands %lld times, but there may be %d at most",
                       nm_section_at(&top, &(*list)->item[n_max]), name,
                       (long long)(*list)->n_items, n_max);
    }
    *n = (int)(*list)->n_items;
    return NM_OK;
}

nm_status nm_copy_text(char **out, const char *text)
{
    *out = strdup(text);
    return *out ? NM_OK : nm_fail(NM_MEMORY, "out of memory while reading the configuration");
}

/* Copies a text; leaves *out where the key is not there. A number of `--set` may be meant as text.
 */
nm_status nm_key_text(char **out, const nm_section *s, const char *key)
{
    const nm_toml *node = nm_toml_find(s->table, key);
    if (!node) {
        return NM_OK;
    }
    if (!node->text || !*node->text) {
        return nm_key_fail(s, node, key, "it must be a text in quotes that is not empty");
    }
    return nm_copy_text(out, node->text);
}

/* Copies a text that must be one of `words`, or `otherwise` (may be NULL) where the key is not
 * there. */
nm_status nm_key_choice(char **out, const nm_section *s, const char *key, const char *const *words,
                        size_t n, const char *otherwise)
{
    NM_TRY(nm_key_text(out, s, key));
    if (*out && !nm_is_among(*out, words, n)) {
        return fail_choice(s, key, words, n);
    }
    return *out || !otherwise ? NM_OK : nm_copy_text(out, otherwise);
}

int nm_toml_is_number(const nm_toml *node)
{
    return node->kind == NM_TOML_INTEGER || node->kind == NM_TOML_FLOAT;
}

/* Reads a number for which low <= number <= high; leaves *out where the key is not there. */
nm_status nm_key_number(double *out, const nm_section *s, const char *key, double low, double high,
                        const char *should)
{
    const nm_toml *node = nm_toml_find(s->table, key);
    if (!node) {
        return NM_OK;
    }
    if (!nm_toml_is_number(node) || !(node->number >= low && node->number <= high)) {
        return nm_key_fail(s, node, key, should);
    }
    *out = node->number + 0.0; /* no negative zero */
    return NM_OK;
}

/* Reads a whole number; "1e6" is one. */
nm_status nm_key_whole(int64_t *out, const nm_section *s, const char *key, int64_t low,
                       int64_t high, const char *should)
{
    const nm_toml *node = nm_toml_find(s->table, key);
    if (!node) {
        return NM_OK;
    }
    int64_t whole = node->integer;
    if (node->kind == NM_TOML_FLOAT) {
        if (!(fabs(node->number) <= MAX_EXACT) || node->number != floor(node->number)) {
            return nm_key_fail(s, node, key, should);
        }
        whole = (int64_t)node->number;
    }
    if (!nm_toml_is_number(node) || whole < low || whole > high) {
        return nm_key_fail(s, node, key, should);
    }
    *out = whole;
    return NM_OK;
}

/* Reads a value that is a number or a text with a unit. key: for messages. */
nm_status nm_key_quantity(nm_quantity *out, const nm_section *s, const nm_toml *node,
                          const char *key)
{
    static const char should[] =
        "it must be a finite number, or a number and its unit in quotes like \"5.4 mmol/L\"";
    const char *unit = "";
    double number = node->number;
    int is_text = node->kind == NM_TOML_TEXT;
    if ((!is_text && !nm_toml_is_number(node)) || !isfinite(number) ||
        (is_text && nm_units_split(&number, &unit, node->text) != NM_OK)) {
        return nm_key_fail(s, node, key, should);
    }
    out->where.line = node->line;
    out->number = number + 0.0;
    return *unit ? nm_copy_text(&out->text, node->text) : NM_OK;
}

/* Reads a quantity that must be there. */
nm_status nm_key_need_quantity(nm_quantity *out, const nm_section *s, const char *key,
                               const char *missing)
{
    const nm_toml *node = nm_toml_find(s->table, key);
    return node ? nm_key_quantity(out, s, node, key) : nm_key_missing(s, key, missing);
}

nm_status nm_key_texts(char ***out, int *n, nm_where *where, const nm_section *s, const char *key,
                       int n_max, const char *should)
{
    const nm_toml *list = nm_toml_find(s->table, key);
    where->line = list ? list->line : -1;
    if (!list) {
        return NM_OK;
    }
    if (list->kind != NM_TOML_ARRAY || list->n_items == 0 || list->n_items > n_max) {
        return nm_key_fail(s, list, key, should);
    }
    *out = calloc((size_t)list->n_items, sizeof **out);
    if (!*out) {
        return nm_fail(NM_MEMORY, "out of memory while reading the configuration");
    }
    for (int64_t i = 0; i < list->n_items; i++) {
        const nm_toml *item = &list->item[i];
        char name[NM_NAME_BYTES];
        snprintf(name, sizeof name, "%s[%lld]", key, (long long)i);
        if (!item->text || !*item->text) {
            return nm_key_fail(s, item, name, should);
        }
        *n = (int)i + 1;
        NM_TRY(nm_copy_text(&(*out)[i], item->text));
    }
    return NM_OK;
}

nm_status nm_key_flag(int *out, const nm_section *s, const char *key)
{
    const nm_toml *node = nm_toml_find(s->table, key);
    if (node && node->kind != NM_TOML_BOOLEAN) {
        return nm_key_fail(s, node, key, "it must be true or false");
    }
    *out = node ? node->integer != 0 : *out;
    return NM_OK;
}

/* Reads bytes: a whole number, or "2 GiB". */
nm_status nm_key_bytes(int64_t *out, const nm_section *s, const char *key)
{
    static const char should[] =
        "it must be bytes as a whole number, or a text like \"2 GiB\" or \"500 MB\"";
    static const struct {
        const char *name;
        double bytes;
    } sizes[] = {{"B", 1.0},
                 {"kB", 1e3},
                 {"KB", 1e3},
                 {"MB", 1e6},
                 {"GB", 1e9},
                 {"TB", 1e12},
                 {"KiB", 1024.0},
                 {"MiB", 1048576.0},
                 {"GiB", 1073741824.0},
                 {"TiB", 1099511627776.0}};
    const nm_toml *node = nm_toml_find(s->table, key);
    if (!node || node->kind != NM_TOML_TEXT) {
        return nm_key_whole(out, s, key, 0, INT64_MAX, should);
    }
    double number;
    const char *unit;
    if (nm_units_split(&number, &unit, node->text) != NM_OK) {
        return nm_key_fail(s, node, key, should);
    }
    for (size_t i = 0; i < NM_COUNT(sizes); i++) {
        double bytes = floor(number * sizes[i].bytes);
        if (strcmp(unit, sizes[i].name) == 0 && bytes >= 0.0 && bytes <= MAX_EXACT) {
            *out = (int64_t)bytes;
            return NM_OK;
        }
    }
    return nm_key_fail(s, node, key, should);
}
