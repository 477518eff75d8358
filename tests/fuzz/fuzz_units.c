/* Fuzz target: the small texts of configurations and command lines. The first byte says what it is:
 * q quantity|unit, u unit, e expression, t times, i index, h hold-out, s shares|seed, b bytes. */
#include "fuzz.h"

#include <math.h>

#include "config.h"
#include "export_parts.h"
#include "expression.h"
#include "model_store.h"
#include "point_file.h"
#include "timecourse.h"
#include "units.h"

static int is_equal(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* --- numbers with units ----------------------------------------------------------------------- */

static void try_quantity(char *text)
{
    char *unit = strchr(text, '|');
    if (!unit) {
        return;
    }
    *unit++ = '\0';
    double number, value = -12.5, again;
    const char *from;
    if (nm_fuzz_is_accepted(nm_units_split(&number, &from, text))) {
        nm_fuzz_check(isfinite(number) && from >= text && from <= text + strlen(text), "%s", text);
    }
    nm_fuzz_forget();
    if (!nm_fuzz_is_accepted(nm_units_parse(&value, text, unit))) {
        nm_fuzz_check(is_equal(value, -12.5), "%s became %g", text, value);
        return;
    }
    char written[64];
    snprintf(written, sizeof written, "%.17g", value);
    nm_fuzz_check(isfinite(value) && nm_units_parse(&again, written, unit) == NM_OK &&
                      is_equal(again, value),
                  "%s became %s", text, written);
    nm_fuzz_check(*from == '\0' || strcmp(from, unit) == 0 || nm_units_check(from) == NM_OK,
                  "the unit %s", from);
}

static void try_unit(const char *text)
{
    (void)nm_fuzz_is_accepted(nm_units_check(text));
}

/* --- expressions ------------------------------------------------------------------------------ */

static const char *const names[] = {
    "K_o",  "Na_o",
    "Cl_o", "T",
    "a",    "b",
    "A1",   "_x",
    "g_Na", "a_name_that_is_as_long_as_any_of_them_may_be_in_an_expression_xx"};
enum { N_NAMES = sizeof names / sizeof *names };

static void try_expression(const char *text)
{
    nm_affine affine, again;
    if (!nm_fuzz_is_accepted(nm_affine_parse(&affine, text, names, N_NAMES))) {
        return;
    }
    char written[4096];
    int length = snprintf(written, sizeof written, "%.17g", affine.constant), seen[N_NAMES] = {0};
    nm_fuzz_check(isfinite(affine.constant) && affine.n_terms >= 0 && affine.n_terms <= N_NAMES,
                  "%s", text);
    for (int k = 0; k < affine.n_terms; k++) {
        int i = affine.index[k];
        nm_fuzz_check(i >= 0 && i < N_NAMES && !seen[i]++ && isfinite(affine.coef[k]) &&
                          affine.coef[k] != 0.0,
                      "%s: %g of name %d", text, affine.coef[k], i);
        length += snprintf(written + length, sizeof written - (size_t)length, " + %.17g * %s",
                           affine.coef[k], names[i]);
    }
    nm_fuzz_check(nm_affine_parse(&again, written, names, N_NAMES) == NM_OK &&
                      again.n_terms == affine.n_terms && again.constant == affine.constant,
                  "%s became %s: %s", text, written, nm_last_error());
    for (int k = 0; k < affine.n_terms; k++) {
        nm_fuzz_check(again.index[k] == affine.index[k] && is_equal(again.coef[k], affine.coef[k]),
                      "%s became %s", text, written);
    }
}

/* --- times ------------------------------------------------------------------------------------ */

static const char *times_text;

/* Stands in for a kernel: looks at the times and computes nothing. */
static int look_at_times(const nm_task *task, const double *params, nm_trace *trace)
{
    (void)task;
    (void)params;
    for (int i = 0; i < trace->n_times; i++) {
        nm_fuzz_check(isfinite(trace->times[i]) && trace->times[i] >= 0.0 &&
                          (i == 0 || trace->times[i] > trace->times[i - 1]),
                      "%s: time %d is %g", times_text, i, trace->times[i]);
    }
    return 1;
}

static void try_times(const char *text)
{
    static nm_plan plan;
    static nm_model model = {.name = "fuzz", .trace = look_at_times};
    const double params[1] = {0.0};
    nm_timecourse course;
    times_text = text;
    plan.model = &model;
    plan.catalogue.n = 1;
    nm_status status = nm_timecourse_solve(&course, &plan, params, text, 1e-6);
    nm_fuzz_check(!nm_fuzz_is_accepted(status), "%s", text);
    nm_timecourse_clear(&course);
}

/* --- points ----------------------------------------------------------------------------------- */

static void try_index(const char *text)
{
    static const char scan[] =
        "model = \"pump_leak\"\n"
        "[[axis]]\nname = \"K_o\"\nmin = 1\nmax = 3\nn = 3\nscale = \"linear\"\n"
        "[[axis]]\nname = \"g_K\"\nmin = 1\nmax = 5\nn = 5\nscale = \"linear\"\n";
    static nm_config *config;
    static const nm_model *model;
    double params[NM_MAX_PARAMS];
    nm_plan *plan = NULL;
    if (!config && (nm_config_read(&config, "scan.toml", scan, strlen(scan), NULL, 0) != NM_OK ||
                    nm_model_find(&model, config->model) != NM_OK)) {
        abort();
    }
    if (nm_fuzz_is_accepted(nm_point_file_find(params, &plan, config, model, "out.nc", text))) {
        double K_o = params[nm_param_index(model, "K_o")],
               g_K = params[nm_param_index(model, "g_K")];
        nm_fuzz_check(K_o >= 1 && K_o <= 3 && K_o == floor(K_o) && g_K >= 1 && g_K <= 5 &&
                          g_K == floor(g_K),
                      "%s: K_o = %g, g_K = %g", text, K_o, g_K);
    }
    nm_plan_destroy(&plan);
}

/* --- shares of an export ---------------------------------------------------------------------- */

static void try_hold_out(char *text)
{
    nm_split split = {.rows_together = 1};
    for (char *at = text; at;) {
        char *next = strchr(at, '|');
        if (next) {
            *next++ = '\0';
        }
        nm_fuzz_forget();
        if (!nm_fuzz_is_accepted(nm_split_hold_out(&split, at, names, N_NAMES))) {
            return;
        }
        const nm_box_side *side = &split.side[split.n_sides - 1];
        nm_fuzz_check(side->input >= 0 && side->input < N_NAMES && isfinite(side->low) &&
                          isfinite(side->high) && side->low <= side->high,
                      "%s", at);
        at = next;
    }
    nm_fuzz_check(split.n_sides >= 1 && split.n_sides <= N_NAMES, "%d sides", split.n_sides);
}

static void try_shares(char *text)
{
    nm_export_options options = {0};
    nm_split split;
    char *seed = strchr(text, '|');
    if (seed) {
        *seed++ = '\0';
    }
    options.split = text;
    options.split_seed = seed;
    if (nm_fuzz_is_accepted(nm_split_read(&split, &options, 1))) {
        nm_fuzz_check(split.below[0] >= 0.0 && split.below[0] <= split.below[1] &&
                          split.below[1] <= 1.0 + 1e-9,
                      "%s: %g, %g", text, split.below[0], split.below[1]);
    }
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void try_bytes(const char *text)
{
    char override[256];
    const char *const overrides[] = {override};
    static const char scan[] = "model = \"pump_leak\"\n";
    nm_config *config;
    if ((size_t)snprintf(override, sizeof override, "limits.memory=%s", text) >= sizeof override) {
        return;
    }
    if (nm_fuzz_is_accepted(
            nm_config_read(&config, "scan.toml", scan, strlen(scan), overrides, 1))) {
        nm_fuzz_check(config->memory_bytes >= 0, "%s: %lld", text, (long long)config->memory_bytes);
        nm_config_destroy(&config);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    char *text = nm_fuzz_text(data + 1, size - 1);
    nm_fuzz_forget();
    switch (data[0]) {
    case 'q':
        try_quantity(text);
        break;
    case 'u':
        try_unit(text);
        break;
    case 'e':
        try_expression(text);
        break;
    case 't':
        try_times(text);
        break;
    case 'i':
        try_index(text);
        break;
    case 'h':
        try_hold_out(text);
        break;
    case 's':
        try_shares(text);
        break;
    case 'b':
        try_bytes(text);
        break;
    default:
        break;
    }
    free(text);
    return 0;
}
