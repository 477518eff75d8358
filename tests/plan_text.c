/* Builds plans from texts and checks the sentences of those that are refused. */
#include "plan_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fake_model.h"

nm_config *nm_test_config(const char *text)
{
    nm_config *config;
    if (nm_config_read(&config, "scan.toml", text, strlen(text), NULL, 0) != NM_OK) {
        fail_msg("%s", nm_last_error());
    }
    return config;
}

nm_plan *nm_test_plan(nm_config **config, const char *text, const nm_model *model)
{
    nm_plan *plan;
    *config = nm_test_config(text);
    if (nm_plan_build(&plan, *config, model, "cpu") != NM_OK) {
        fail_msg("%s", nm_last_error());
    }
    return plan;
}

void nm_test_destroy(nm_plan *plan, nm_config *config)
{
    nm_plan_destroy(&plan);
    assert_null(plan);
    nm_config_destroy(&config);
}

void nm_test_refuse(const char *text, const char *words, const char *more)
{
    nm_config *config = NULL;
    nm_plan *plan = NULL;
    nm_status status = nm_config_read(&config, "scan.toml", text, strlen(text), NULL, 0);
    if (status == NM_OK) {
        status = nm_plan_build(&plan, config, &nm_model_fake_cell, "cpu");
    }
    if (status != NM_USAGE) {
        fail_msg("accepted, but should fail with \"%s\"", words);
    }
    if (strncmp(nm_last_error(), "scan.toml:", 10) != 0 || strstr(nm_last_error(), words) == NULL ||
        strstr(nm_last_error(), more) == NULL) {
        fail_msg("\"%s\" lacks \"%s\" or \"%s\"", nm_last_error(), words, more);
    }
    assert_null(plan);
    nm_config_destroy(&config);
}
