/* Models whose states and edges, or whose ions, are a choice: [variant] says them, and the text of the
 * model is written from that. */
#ifndef NESSMAP_MODEL_TOPOLOGY_H
#define NESSMAP_MODEL_TOPOLOGY_H

#include <stdio.h>

#include "config.h"
#include "nessmap/model_abi.h"

enum { NM_TOPOLOGY_VARIANTS = 2 }; /* most variants of one model that say what it consists of */

/* Lists the variants of the built-in `model` that say what it consists of, such as "states" and
 * "edges" of network, which are no variants of the compiled model. Returns how many, 0 for most
 * models. */
int nm_topology_variants(const char *names[NM_TOPOLOGY_VARIANTS], const char *model);

/* 1 where `variant` is among them. */
int nm_topology_has(const char *model, const char *variant);

/* Writes the text of the model that config->model and [variant] ask for; *text is NULL where
 * [variant] says nothing of it, and the built-in model is meant. The caller frees it.
 * returns NM_USAGE with one sentence that names file:line, NM_MEMORY. */
nm_status nm_topology_text(char **text, const nm_config *config);

/* The built-in text of such a model: the same for what holds where [variant] says nothing. */
nm_status nm_topology_default(char **text, const char *model);

/* Prints `heading` and the lines of [variant] that ask for this model, with remarks; nothing where
 * it was not written by nm_topology_text. Returns the number of lines. */
int nm_topology_print(FILE *stream, const char *heading, const char *indent, const nm_model *model);

#endif
