/* Fuzz target: a configuration of any bytes, then overrides, each behind a zero byte. What is read
 * is planned too, and where it says what a model consists of, that is written. */
#include "fuzz.h"

#include "config.h"
#include "model_store.h"
#include "model_topology.h"
#include "plan.h"

enum { MAX_OVERRIDES = 8 };

/* The canonical text must be readable, and its own canonical text. */
static void check_resolved(const nm_config *config)
{
    nm_config *again;
    const char *resolved = config->resolved;
    nm_status status = nm_config_read(&again, "again.toml", resolved, strlen(resolved), NULL, 0);
    nm_fuzz_check(status == NM_OK, "%s\n%s", nm_last_error(), resolved);
    nm_fuzz_check(strcmp(again->resolved, resolved) == 0, "\n%s\n%s", resolved, again->resolved);
    nm_config_destroy(&again);
}

static void check_topology(const nm_config *config)
{
    char *text;
    nm_fuzz_forget();
    if (nm_fuzz_is_accepted(nm_topology_text(&text, config))) {
        free(text);
    }
}

/* Not where a table is named: it may be any file of this machine. */
static void check_plan(const nm_config *config)
{
    const nm_model *model;
    nm_plan *plan;
    nm_fuzz_forget();
    if (config->design_file || !nm_fuzz_is_accepted(nm_model_find(&model, config->model)) ||
        !nm_fuzz_is_accepted(nm_plan_build(&plan, config, model, "cpu"))) {
        return;
    }
    int64_t last = plan->n_tiles - 1;
    nm_fuzz_check(plan->n_points >= 1 && plan->n_tiles >= 1 && plan->tile_points >= 1 &&
                      nm_plan_tile_first(plan, last) + nm_plan_tile_points(plan, last) >=
                          plan->n_points &&
                      plan->file_bytes > 0 && plan->peak_disk_bytes >= plan->file_bytes,
                  "%lld points, %lld tiles\n%s", (long long)plan->n_points,
                  (long long)plan->n_tiles, config->resolved);
    static FILE *nowhere;
    nowhere = nowhere ? nowhere : fopen("/dev/null", "w");
    nm_fuzz_check(nowhere != NULL, "/dev/null");
    nm_plan_print(plan, nowhere);
    nm_plan_destroy(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = nm_fuzz_text(data, size);
    const char *overrides[MAX_OVERRIDES];
    int n = 0;
    const size_t bytes = strlen(text);
    for (size_t i = bytes + 1; i < size && n < MAX_OVERRIDES; i += strlen(text + i) + 1) {
        overrides[n++] = text + i;
    }
    nm_config *config;
    nm_fuzz_forget();
    if (nm_fuzz_is_accepted(nm_config_read(&config, "fuzz.toml", text, bytes, overrides, n))) {
        check_resolved(config);
        check_topology(config);
        check_plan(config);
        nm_config_destroy(&config);
    }
    free(text);
    return 0;
}
