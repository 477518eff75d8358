/* A TOML document as a plain C tree: all that C code sees of toml++. */
#ifndef NESSMAP_TOML_SHIM_H
#define NESSMAP_TOML_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum nm_toml_kind {
    NM_TOML_TABLE,
    NM_TOML_ARRAY,
    NM_TOML_TEXT,
    NM_TOML_INTEGER,
    NM_TOML_FLOAT,
    NM_TOML_BOOLEAN,
    NM_TOML_DATE /* a date, a time or both; its value is not kept */
} nm_toml_kind;

/* One value and, in a table, its key. Texts and keys hold no zero byte and belong to the node. */
typedef struct nm_toml {
    nm_toml_kind kind;
    char *key;       /* NULL for the root and for items of arrays */
    int line;        /* of the key, or of the value where there is no key; from 1 */
    int64_t integer; /* NM_TOML_INTEGER; 0 or 1 of NM_TOML_BOOLEAN */
    double number;   /* NM_TOML_FLOAT; NM_TOML_INTEGER rounded */
    char *text;      /* NM_TOML_TEXT */
    int64_t n_items, capacity;
    struct nm_toml *item; /* [n_items] of a table (in the order of the file) or an array */
} nm_toml;

/* Reads `bytes` bytes of TOML 1.0 into `root`, which nm_toml_clear frees.
 * returns 0, or -1: no TOML, then `line` (from 1) and `message` (a fragment of a sentence) say why
 * and `root` is empty; or -2: out of memory. */
int nm_toml_parse(nm_toml *root, int *line, char *message, size_t message_bytes, const char *text,
                  size_t bytes);

/* Frees all that hangs on a node and leaves it zero; the node itself belongs to the caller. */
void nm_toml_clear(nm_toml *node);

/* Appends a zeroed item to a table or an array. returns NULL where memory runs out. Earlier items
 * may move. */
nm_toml *nm_toml_append(nm_toml *parent);

#ifdef __cplusplus
}
#endif
#endif
