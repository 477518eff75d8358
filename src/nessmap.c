/* The C API: each call opens what it needs, does one thing, and closes it. */
#include "nessmap/nessmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "balance.h"
#include "config.h"
#include "describe.h"
#include "files.h"
#include "grid_nc.h"
#include "journal.h"
#include "model_store.h"
#include "pilot.h"
#include "plan.h"
#include "point_file.h"
#include "run.h"
#include "version.h"
#include "words.h"

enum { PILOT_POINTS = 4096 };
static const double pilot_seconds = 1.0; /* at most this long for the estimate of `plan` */

struct nm_scan {
    nm_config *config;
    const nm_model *model;
};

const char *nm_error(void)
{
    return nm_last_error();
}

int nm_exit_status(nm_status status)
{
    return nm_exit_code(status);
}

const char *nm_version(void)
{
    return NM_VERSION_FULL;
}

const char *nm_suggest(const char *word, const char *const *candidates, int n_candidates)
{
    return nm_nearest(word, candidates, (size_t)n_candidates);
}

void nm_interrupt(void)
{
    nm_run_interrupt();
}

/* --- scans ------------------------------------------------------------------------------------ */

/* takes the configuration over, whatever the outcome */
static nm_status bind(nm_scan **scan, nm_config *config)
{
    const nm_model *model = NULL;
    nm_status status = nm_model_find(&model, config->model);
    if (status != NM_OK) {
        status =
            nm_fail(status, "%s%s", nm_config_at(config, config->model_where), nm_last_error());
    } else {
        status = nm_model_check(model);
    }
    nm_scan *made = status == NM_OK ? malloc(sizeof *made) : NULL;
    if (status == NM_OK && !made) {
        status = nm_fail(NM_MEMORY, "no memory for a scan");
    }
    if (status != NM_OK) {
        nm_config_destroy(&config);
        return status;
    }
    *made = (nm_scan){.config = config, .model = model};
    *scan = made;
    return NM_OK;
}

nm_status nm_scan_open(nm_scan **scan, const char *path, const char *const *overrides,
                       int n_overrides)
{
    *scan = NULL;
    nm_config *config = NULL;
    NM_TRY(nm_config_load(&config, path, overrides, n_overrides));
    return bind(scan, config);
}

void nm_scan_close(nm_scan **scan)
{
    if (scan && *scan) {
        nm_config_destroy(&(*scan)->config);
        free(*scan);
        *scan = NULL;
    }
}

nm_status nm_scan_run(nm_scan *scan, const nm_run_options *options, FILE *summary)
{
    nm_run_options standard = {0};
    return nm_run(scan->config, scan->model, options ? options : &standard, summary);
}

/* the time of all points by the rate of a few */
static nm_status print_estimate(const nm_plan *plan, FILE *stream)
{
    nm_pilot pilot;
    NM_TRY(nm_pilot_run(&pilot, plan, plan->task.solver.mode, 0, PILOT_POINTS, pilot_seconds));
    int n_threads = nm_backend_cpu_threads(0);
    if (n_threads > plan->n_tiles) {
        n_threads = (int)plan->n_tiles;
    }
    double rate = nm_pilot_rate(&pilot);
    if (rate > 0.0) {
        char time[NM_WORDS], per_second[NM_WORDS], count[NM_WORDS];
        fprintf(stream,
                "time         about %s on %d thread%s (%s points spread over the scan: %s sets/s "
                "on one thread)\n",
                nm_words_time(time, (double)plan->n_points / (rate * n_threads)), n_threads,
                n_threads == 1 ? "" : "s", nm_words_count(count, pilot.n_points),
                nm_words_rate(per_second, rate));
    }
    return NM_OK;
}

nm_status nm_scan_print_plan(nm_scan *scan, FILE *stream)
{
    nm_plan *plan = NULL;
    NM_TRY(nm_plan_build(&plan, scan->config, scan->model, "cpu"));
    nm_plan_print(plan, stream);
    nm_backend_describe_plan(plan, stream);
    nm_status status = print_estimate(plan, stream);
    nm_plan_destroy(&plan);
    return status;
}

nm_status nm_scan_print_check(nm_scan *scan, FILE *stream)
{
    nm_plan *plan = NULL;
    NM_TRY(nm_plan_build(&plan, scan->config, scan->model, "cpu"));
    const char *text = scan->config->resolved;
    size_t length = strlen(text);
    fprintf(stream, "%s%s", text, length > 0 && text[length - 1] != '\n' ? "\n" : "");
    char points[NM_WORDS], tiles[NM_WORDS];
    fprintf(stream, "\n# no errors: %s points in %s tile%s\n",
            nm_words_count(points, plan->n_points), nm_words_count(tiles, plan->n_tiles),
            plan->n_tiles == 1 ? "" : "s");
    if (plan->charged_share > 0.0) {
        fprintf(stream,
                "# remark: the bath carries net charge at %.3g %% of the points; a [tie] of one of "
                "its ions keeps it neutral\n",
                100.0 * plan->charged_share);
    }
    if (plan->n_unused > 0) {
        fprintf(stream, "# remark: given, but not used by these variants: %s\n", plan->unused);
    }
    nm_plan_destroy(&plan);
    return NM_OK;
}

/* --- configurations kept in files ------------------------------------------------------------- */

/* The loader reads files, so the text goes through one in the folder for such things. */
static nm_status open_text(nm_scan **scan, const char *text)
{
    const char *folder = getenv("TMPDIR");
    char *path = nm_file_format("%s/nessmap-XXXXXX", folder && folder[0] ? folder : "/tmp");
    if (!path) {
        return nm_fail(NM_MEMORY, "no memory for a path");
    }
    int fd = mkstemp(path);
    nm_status status = fd >= 0
                           ? nm_file_write(fd, path, text, strlen(text))
                           : nm_fail(NM_IO, "%s: no temporary file can be made (%s); set TMPDIR",
                                     path, strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    if (status == NM_OK) {
        status = nm_scan_open(scan, path, NULL, 0);
    }
    if (fd >= 0) {
        unlink(path);
    }
    free(path);
    return status;
}

/* A table was named from the folder of its configuration, which is not known any more: it is looked
 * for beside the output and in the working folder. */
static nm_status find_table(nm_config *config, const char *out_path)
{
    const char *name = config->design_file_given;
    if (!name) {
        return NM_OK;
    }
    char *folder = nm_file_folder_of(out_path);
    char *beside = folder && name[0] != '/' ? nm_file_format("%s/%s", folder, name) : NULL;
    char *found = beside && access(beside, R_OK) == 0 ? strdup(beside)
                  : access(name, R_OK) == 0           ? strdup(name)
                                                      : NULL;
    free(beside);
    free(folder);
    if (!found) {
        return nm_fail(NM_IO,
                       "%s, the table of this scan, is neither beside %s nor in the working folder",
                       name, out_path);
    }
    free(config->design_file);
    config->design_file = found;
    return NM_OK;
}

nm_status nm_assemble(const char *parts, int partial, FILE *summary)
{
    /* "out.nc.parts" or "out.nc.parts/" */
    size_t length = strlen(parts);
    while (length > 1 && parts[length - 1] == '/') {
        length--;
    }
    static const char suffix[] = ".parts";
    size_t n_suffix = sizeof suffix - 1;
    if (length <= n_suffix || strncmp(parts + length - n_suffix, suffix, n_suffix) != 0) {
        return nm_fail(NM_USAGE,
                       "%s: the folder of an unfinished run ends in .parts, such as out.nc.parts",
                       parts);
    }
    char *folder = nm_file_format("%.*s", (int)length, parts);
    char *out_path = nm_file_format("%.*s", (int)(length - n_suffix), parts);
    char *text = NULL, *fingerprint = NULL;
    nm_scan *scan = NULL;
    nm_status status = folder && out_path ? nm_journal_manifest(folder, &text, &fingerprint)
                                          : nm_fail(NM_MEMORY, "no memory for a path");
    if (status == NM_OK) {
        status = open_text(&scan, text);
    }
    if (status == NM_OK) {
        status = find_table(scan->config, out_path);
    }
    if (status == NM_OK) {
        status =
            nm_run_assemble(scan->config, scan->model, out_path, fingerprint, partial, summary);
    }
    nm_scan_close(&scan);
    free(fingerprint);
    free(text);
    free(out_path);
    free(folder);
    return status;
}

/* --- one point -------------------------------------------------------------------------------- */

static nm_status print_point(FILE *stream, const nm_plan *plan, const double *params, int json)
{
    nm_balance *balance = malloc(sizeof *balance);
    if (!balance) {
        return nm_fail(NM_MEMORY, "no memory for a balance sheet");
    }
    nm_status status = nm_balance_solve(balance, plan, params);
    if (status == NM_OK && json) {
        nm_balance_print_json(stream, balance);
    } else if (status == NM_OK) {
        nm_balance_print(stream, balance);
    }
    free(balance);
    return status;
}

nm_status nm_print_point(FILE *stream, const char *model, const char *const *overrides,
                         int n_overrides, int json)
{
    nm_config *config = NULL;
    nm_scan *scan = NULL;
    nm_plan *plan = NULL;
    double params[NM_MAX_PARAMS] = {0};
    NM_TRY(nm_config_point(&config, model, overrides, n_overrides));
    NM_TRY(bind(&scan, config));
    nm_status status = nm_plan_build(&plan, scan->config, scan->model, "cpu");
    if (status == NM_OK) {
        scan->model->draw(&plan->task.draw, 0, params);
        status = print_point(stream, plan, params, json);
    }
    nm_plan_destroy(&plan);
    nm_scan_close(&scan);
    return status;
}

nm_status nm_print_point_of_file(FILE *stream, const char *path, const char *index, int json)
{
    char *text = NULL;
    nm_scan *scan = NULL;
    nm_plan *plan = NULL;
    double params[NM_MAX_PARAMS] = {0};
    NM_TRY(nm_grid_nc_config(path, &text));
    nm_status status = open_text(&scan, text);
    if (status == NM_OK) {
        status = nm_point_file_find(params, &plan, scan->config, scan->model, path, index);
    }
    if (status == NM_OK) {
        status = print_point(stream, plan, params, json);
    }
    nm_plan_destroy(&plan);
    nm_scan_close(&scan);
    free(text);
    return status;
}

/* --- texts ------------------------------------------------------------------------------------ */

nm_status nm_print_models(FILE *stream)
{
    return nm_describe_models(stream);
}

nm_status nm_print_model(FILE *stream, const char *name)
{
    const nm_model *model;
    NM_TRY(nm_model_find(&model, name));
    return nm_describe_model(stream, model);
}

nm_status nm_print_init(FILE *stream, const char *name)
{
    const nm_model *model;
    NM_TRY(nm_model_find(&model, name));
    nm_describe_init(stream, model);
    return NM_OK;
}

nm_status nm_print_info(FILE *stream)
{
    nm_describe_info(stream);
    return NM_OK;
}
