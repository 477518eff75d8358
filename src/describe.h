/* Texts about models and about this program: lists, one model in full, a configuration to start
 * from, info. */
#ifndef NESSMAP_DESCRIBE_H
#define NESSMAP_DESCRIBE_H

#include <stdio.h>

#include "plan.h"

/* One line per model. */
nm_status nm_describe_models(FILE *stream);

/* Variants, parameters, states, pathways, outputs of one model. returns NM_USAGE for an unknown
 * name. */
nm_status nm_describe_model(FILE *stream, const nm_model *model);

/* A commented configuration that `run` accepts as it is: a map over two parameters that the laws
 * use. named: what the configuration calls the model, a name or a file. */
void nm_describe_init(FILE *stream, const nm_model *model, const char *named);

/* Version, compiler, processor, backends, libraries, models. */
void nm_describe_info(FILE *stream);

#endif
