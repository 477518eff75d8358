/* Tells a mistake in a model file at the user's own line. */
#ifndef NESSMAP_MODEL_MISTAKE_H
#define NESSMAP_MODEL_MISTAKE_H

#include "diag.h"

/* What a mistake is told with. */
typedef struct nm_model_text {
    const char *path; /* as the user gave it */
    const char *text;
    const char *compiled_as; /* what the compiler calls the file */
} nm_model_text;

/* Fails with the first error of a compiler in one sentence, "path:line: ...". said: all that the
 * compiler said, in English. returns NM_USAGE. */
nm_status nm_model_mistake(const nm_model_text *file, const char *said);

/* The same for the sentence of nm_model_check in nm_last_error: "model NAME: parameter g: ..." is
 * told at the row of g. returns NM_USAGE. */
nm_status nm_model_mistake_in_row(const nm_model_text *file);

#endif
