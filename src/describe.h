/* Texts about models and about this program: lists, one model in full, a configuration to start
 * from, info. */
#ifndef NESSMAP_DESCRIBE_H
#define NESSMAP_DESCRIBE_H

#include <stdio.h>

#include "plan.h"

/* One line per model: its name, and the question it asks. */
nm_status nm_describe_models(FILE *stream);

/* The documentation page of a model. named: what the command line calls it, a name or a file.
 * returns NM_MEMORY, NM_USAGE where its outputs have no unique names. */
nm_status nm_describe_model(FILE *stream, const nm_model *model, const char *named);

/* The outputs of that page. */
void nm_describe_outputs(FILE *stream, const nm_catalogue *catalogue, const nm_model *model);

/* A commented configuration that `run` accepts as it is: a map over two parameters that the laws
 * use. named: what the configuration calls the model, a name or a file. preset: may be NULL. */
void nm_describe_init(FILE *stream, const nm_model *model, const char *named,
                      const nm_preset_info *preset);

/* Version, compiler, processor, backends, libraries, models. */
void nm_describe_info(FILE *stream);

#endif
