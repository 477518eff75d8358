/* Plans and refusals straight from the text of a configuration, for cmocka tests. */
#ifndef NESSMAP_PLAN_TEXT_H
#define NESSMAP_PLAN_TEXT_H

#include "plan.h"

/* The beginning of a configuration, and an axis of it. */
#define HEAD             "model = \"fake_cell\"\n"
#define AXIS(name, rest) "[[axis]]\nname = \"" name "\"\n" rest "\n"

/* The configuration, called scan.toml, or the plan of a text; the test fails where there is none. */
nm_config *nm_test_config(const char *text);
nm_plan *nm_test_plan(nm_config **config, const char *text, const nm_model *model);
void nm_test_destroy(nm_plan *plan, nm_config *config);

/* The text must be refused by nm_model_fake_cell with NM_USAGE and one sentence that begins with
 * the file and holds both words. */
void nm_test_refuse(const char *text, const char *words, const char *more);

#endif
