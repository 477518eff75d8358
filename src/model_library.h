/* Compiled models as shared libraries. */
#ifndef NESSMAP_MODEL_LIBRARY_H
#define NESSMAP_MODEL_LIBRARY_H

#include "diag.h"
#include "nessmap/model_abi.h"

/* Loads the library at `path`, or finds it loaded; it stays to the end of the process. name: the model's; what: its file,
 * in sentences. One call at a time. A process of its own loads it first: a library that crashes or hangs when it is loaded
 * does so there. returns NM_IO where it cannot be loaded, NM_USAGE where it crashes or takes more than ten seconds. */
nm_status nm_model_load(const nm_model **model, const char *path, const char *name,
                        const char *what);

#endif
