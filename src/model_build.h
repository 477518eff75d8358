/* A user's own model: one file, compiled by the system's compiler when it is first used. */
#ifndef NESSMAP_MODEL_BUILD_H
#define NESSMAP_MODEL_BUILD_H

#include "diag.h"
#include "nessmap/model_abi.h"

/* 1 where a name ends in .c; where a model is named by its file: a path, or such a name. */
int nm_model_is_c_file(const char *name);
int nm_model_is_file(const char *name);

/* The model of the file `path`, whole and checked, from the cache folder or compiled now; it stays
 * to the end of the process. returns NM_USAGE with the line of a mistake in the file, or where
 * there is no compiler; NM_IO, NM_MEMORY. */
nm_status nm_model_build(const nm_model **model, const char *path);

/* The same with kernels for every processor, so that others find it in the cache folder, with or
 * without a compiler. kept: path of the library, the caller frees. */
nm_status nm_model_build_ahead(const nm_model **model, char **kept, const char *path);

/* The same for a model whose text this program wrote. kept: NULL, or for every processor, and the
 * path of the library, which the caller frees. */
nm_status nm_model_build_text(const nm_model **model, char **kept, const char *name,
                              const char *text);

#endif
