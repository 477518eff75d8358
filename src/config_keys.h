/* Single keys of a configuration: read, checked, and told about in one sentence. */
#ifndef NESSMAP_CONFIG_KEYS_H
#define NESSMAP_CONFIG_KEYS_H

#include "config_parts.h"

enum {
    NM_NAME_BYTES = 96,  /* longest name of a table in a message */
    NM_FOUND_BYTES = 96, /* longest rendering of a value in a message */
    NM_LIST_BYTES = 256  /* longest list of choices in a message */
};

#define NM_COUNT(array) (sizeof(array) / sizeof *(array))

/* A table of the configuration under its dotted name, "axis.K_o"; "" at the top. */
typedef struct nm_section {
    const nm_config *config;
    const nm_toml *table; /* NULL where the file does not have it */
    char name[NM_NAME_BYTES];
} nm_section;

/* Opens a child table; s->table is NULL where the file does not have it. */
nm_status nm_section_open(nm_section *s, const nm_config *config, const nm_toml *root,
                          const char *name);

/* Finds the list of tables `name`; *n is 0 where the file does not have it. */
nm_status nm_section_list(const nm_toml **list, int *n, const nm_config *config,
                          const nm_toml *root, const char *name, int n_max);

/* Refuses keys that are none of `keys`, with the nearest of them. */
nm_status nm_section_check(const nm_section *s, const char *const *keys, size_t n_keys);

/* Begins a message about `node` (NULL: about the file). */
const char *nm_section_at(const nm_section *s, const nm_toml *node);

/* Readers of one key. They leave `out` as it is where the key is not there, and fail with the
 * sentence "file:line: KEY = FOUND, but SHOULD" where its value is wrong. */

/* A text that is not empty; the caller frees it. A number of `--set` may be meant as text. */
nm_status nm_key_text(char **out, const nm_section *s, const char *key);

/* A text that is one of `words`; `otherwise` (may be NULL) is copied where the key is not there. */
nm_status nm_key_choice(char **out, const nm_section *s, const char *key, const char *const *words,
                        size_t n, const char *otherwise);

/* A number for which low <= number <= high. */
nm_status nm_key_number(double *out, const nm_section *s, const char *key, double low, double high,
                        const char *should);

/* A whole number for which low <= number <= high; "1e6" is one. */
nm_status nm_key_whole(int64_t *out, const nm_section *s, const char *key, int64_t low,
                       int64_t high, const char *should);

/* A list of 1 to n_max texts that are not empty; the caller frees it and them. */
nm_status nm_key_texts(char ***out, int *n, nm_where *where, const nm_section *s, const char *key,
                       int n_max, const char *should);

/* true or false */
nm_status nm_key_flag(int *out, const nm_section *s, const char *key);

/* Bytes: a whole number, or "2 GiB". */
nm_status nm_key_bytes(int64_t *out, const nm_section *s, const char *key);

/* The value of `node`: a number or a text with a unit. key: for messages. */
nm_status nm_key_quantity(nm_quantity *out, const nm_section *s, const nm_toml *node,
                          const char *key);

/* A quantity that must be there; `missing` says why. */
nm_status nm_key_need_quantity(nm_quantity *out, const nm_section *s, const char *key,
                               const char *missing);

/* Fails with "file:line: KEY = FOUND, but SHOULD". */
nm_status nm_key_fail(const nm_section *s, const nm_toml *node, const char *key,
                      const char *should);

/* Fails with "file:line: KEY is missing; SHOULD". */
nm_status nm_key_missing(const nm_section *s, const char *key, const char *should);

/* Fails because the name of a parameter or variant, said at `node`, cannot be one. */
nm_status nm_name_fail(const nm_section *s, const nm_toml *node, const char *name);

/* The part of nm_config_check that reads the keys of kind = "refine" in [design], and refuses them
 * elsewhere; axes and drawn parameters are read. */
nm_status nm_config_refine(nm_config *config, const nm_section *s);

/* Small helpers: 1 for an integer or a float; 1 where `word` is among `words`; "a, b, c"; a text of
 * at most 80 bytes that ends in "..." where it was cut; a copy or NM_MEMORY. */
int nm_toml_is_number(const nm_toml *node);
int nm_is_among(const char *word, const char *const *words, size_t n);
const char *nm_join(char out[NM_LIST_BYTES], const char *const *words, size_t n);
const char *nm_shorten(char out[NM_FOUND_BYTES], const char *text);
nm_status nm_copy_text(char **out, const char *text);

#endif
