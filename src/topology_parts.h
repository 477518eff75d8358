/* What the files of model_topology say to each other: model_topology.c chooses, topology_network.c
 * and topology_nernst.c read what a model consists of and write its text. */
#ifndef NESSMAP_TOPOLOGY_PARTS_H
#define NESSMAP_TOPOLOGY_PARTS_H

#include "model_topology.h"

enum { NM_SHEET_BYTES = 256, NM_TOPOLOGY_BYTES = 1024 };

/* The text of a model file, line by line. Within a table all lines but the last end in a backslash
 * in the same column. */
typedef struct nm_sheet {
    FILE *out;
    char line[NM_SHEET_BYTES]; /* of a table, not yet written; "" where there is none */
} nm_sheet;

void nm_sheet_text(nm_sheet *sheet, const char *format, ...) __attribute__((format(printf, 2, 3)));
void nm_sheet_row(nm_sheet *sheet, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* ends a table, with an empty line behind it */
void nm_sheet_end(nm_sheet *sheet);

/* Words of a value: the next one from `text` on, behind blanks and commas. length: 0 at the end. */
const char *nm_topology_word(int *length, const char *text);

/* Words put together again, in lines of up to `width` bytes. */
typedef struct nm_wrap {
    char text[NM_TOPOLOGY_BYTES];
    size_t used, line; /* bytes; where the last line begins */
    size_t width;
    const char *indent; /* between two lines */
} nm_wrap;

void nm_wrap_word(nm_wrap *wrap, const char *word);

/* What [variant] says: value and place of each variant, NULL where it says nothing of it. */
typedef struct nm_topology_said {
    const nm_config *config;
    const nm_named_quantity *variant[NM_TOPOLOGY_VARIANTS];
} nm_topology_said;

/* "file:line: variant.edges = "0-1 ...", but " to begin a message. In turn one of two buffers of
 * this thread. */
const char *nm_topology_but(const nm_topology_said *said, int variant);

/* A model whose text is written here. */
typedef struct nm_topology {
    const char *model;
    int n_variants;
    const char *variants[NM_TOPOLOGY_VARIANTS];
    const char *remarks[NM_TOPOLOGY_VARIANTS]; /* what they say */
    /* Writes the text. returns NM_USAGE. */
    nm_status (*write)(nm_sheet *sheet, const nm_topology_said *said);
    /* Finds the values that a model of this name would have been written from. */
    void (*read)(char value[NM_TOPOLOGY_VARIANTS][NM_TOPOLOGY_BYTES], const nm_model *model);
} nm_topology;

extern const nm_topology nm_topology_network, nm_topology_nernst;

#endif
