/* The C API: each call opens what it needs, does one thing, and closes it. */
#include "nessmap/nessmap.h"

#include <stdlib.h>
#include <string.h>

#include "balance.h"
#include "config.h"
#include "course.h"
#include "cuda_ahead.h"
#include "describe.h"
#include "export.h"
#include "files.h"
#include "grid_nc.h"
#include "journal.h"
#include "model_build.h"
#include "model_topology.h"
#include "plan.h"
#include "point_file.h"
#include "preset.h"
#include "run.h"
#include "scan.h"
#include "slab.h"
#include "timecourse.h"
#include "version.h"
#include "words.h"

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

void nm_quiet(int quiet)
{
    nm_set_quiet(quiet);
}

void nm_log_json(int log_json)
{
    nm_set_log_json(log_json);
}

void nm_print_failure(FILE *stream, nm_status status, int log_json)
{
    if (!log_json) {
        fprintf(stream, "nessmap: %s\n", nm_last_error());
        return;
    }
    nm_log_event(stream, "end");
    fprintf(stream, ",\"exit_code\":%d,\"error\":", nm_exit_code(status));
    nm_json_text(stream, nm_last_error());
    fputs("}\n", stream);
}

/* --- scans ------------------------------------------------------------------------------------ */

nm_status nm_scan_open(nm_scan **scan, const char *path, const char *const *overrides,
                       int n_overrides)
{
    *scan = NULL;
    nm_config *config = NULL;
    NM_TRY(nm_config_load(&config, path, overrides, n_overrides));
    return nm_scan_bind(scan, config, NULL);
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

static nm_status print_scan_check(nm_scan *scan, FILE *stream)
{
    nm_plan *plan = NULL;
    NM_TRY(nm_plan_build(&plan, scan->config, scan->model, "cpu"));
    const char *text = scan->config->resolved;
    size_t length = strlen(text);
    fprintf(stream, "%s%s", text, length > 0 && text[length - 1] != '\n' ? "\n" : "");
    char points[NM_WORDS], tiles[NM_WORDS];
    fprintf(stream, "\n# no errors: %s%s points in %s tile%s\n", plan->refinement ? "first " : "",
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
        status = nm_scan_of_text(&scan, text, out_path);
    }
    if (status == NM_OK) {
        status = nm_scan_find_table(scan->config, out_path);
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

/* What is done with one point: its parameters, and a plan with its variants and solver. */
typedef nm_status (*use_point)(void *context, nm_plan *plan, const double *params);

static nm_status with_point(use_point use, void *context, const char *model,
                            const char *const *overrides, int n_overrides)
{
    nm_config *config = NULL;
    nm_scan *scan = NULL;
    nm_plan *plan = NULL;
    double params[NM_MAX_PARAMS] = {0};
    NM_TRY(nm_config_point(&config, model, overrides, n_overrides));
    NM_TRY(nm_scan_bind(&scan, config, NULL));
    nm_status status = nm_plan_build(&plan, scan->config, scan->model, "cpu");
    if (status == NM_OK) {
        scan->model->draw(&plan->task.draw, 0, params);
        status = use(context, plan, params);
    }
    nm_plan_destroy(&plan);
    nm_scan_close(&scan);
    return status;
}

static nm_status with_point_of_file(use_point use, void *context, const char *path,
                                    const char *index)
{
    nm_scan *scan;
    nm_plan *plan = NULL;
    double params[NM_MAX_PARAMS] = {0};
    nm_status status = nm_scan_of_file(&scan, path);
    if (status == NM_OK && nm_point_file_needs_table(scan->config)) {
        status = nm_scan_find_table(scan->config, path);
    }
    if (status == NM_OK) {
        status = nm_point_file_find(params, &plan, scan->config, scan->model, path, index);
    }
    if (status == NM_OK) {
        status = use(context, plan, params);
    }
    nm_plan_destroy(&plan);
    nm_scan_close(&scan);
    return status;
}

typedef struct print_job {
    FILE *stream;
    int json;
} print_job;

static nm_status print_point(void *context, nm_plan *plan, const double *params)
{
    const print_job *job = context;
    nm_balance *balance = malloc(sizeof *balance);
    if (!balance) {
        return nm_fail(NM_MEMORY, "no memory for a balance sheet");
    }
    nm_balance_why *why = NULL;
    nm_status status = nm_balance_solve(balance, plan, params);
    if (status == NM_OK) {
        status = nm_balance_explain(&why, balance);
    }
    if (status == NM_OK && job->json) {
        nm_balance_print_json(job->stream, balance, why);
    } else if (status == NM_OK) {
        nm_balance_print(job->stream, balance, why);
    }
    free(why);
    free(balance);
    return status;
}

nm_status nm_print_point(FILE *stream, const char *model, const char *const *overrides,
                         int n_overrides, int json)
{
    print_job job = {stream, json};
    return with_point(print_point, &job, model, overrides, n_overrides);
}

nm_status nm_print_point_of_file(FILE *stream, const char *path, const char *index, int json)
{
    print_job job = {stream, json};
    return with_point_of_file(print_point, &job, path, index);
}

/* --- arrays to learn from --------------------------------------------------------------------- */

nm_status nm_export(FILE *notes, const char *path, const nm_export_options *options)
{
    nm_scan *scan;
    nm_plan *plan = NULL;
    nm_export_options standard = {0};
    NM_NC_ALONE;
    NM_TRY(nm_export_accepts(path));
    nm_status status = nm_scan_of_file(&scan, path);
    if (status == NM_OK && strcmp(scan->config->design_kind, "table") == 0) {
        status = nm_point_file_forget_table(scan->config, path);
    }
    if (status == NM_OK) {
        status = nm_plan_build(&plan, scan->config, scan->model, "cpu");
    }
    if (status == NM_OK) {
        status = nm_export_write(notes, path, plan, options ? options : &standard);
    }
    nm_plan_destroy(&plan);
    nm_scan_close(&scan);
    return status;
}

/* --- one time course -------------------------------------------------------------------------- */

typedef struct trace_job {
    FILE *notes;
    const nm_trace_options *options;
    const char *index;
} trace_job;

static void print_trace(FILE *stream, const nm_timecourse *course, const char *path)
{
    const nm_plan *plan = course->plan;
    const int n = course->n_done, outcome = course->end.outcome;
    char words[NM_WORDS];
    fprintf(stream, "%s: %d times from %g to %g s; the end: %s\n", path, course->n_times,
            course->times[0], course->times[course->n_times - 1], nm_outcome_text(outcome));
    if (n < course->n_times) {
        fprintf(stream, "%s: the course ends before %s, and %d time%s from there on %s NaN\n", path,
                nm_course_time(words, course->times[n]), course->n_times - n,
                course->n_times - n == 1 ? "" : "s", course->n_times - n == 1 ? "is" : "are");
    }
    double begin[NM_MAX_OUTPUTS], end[NM_MAX_OUTPUTS];
    for (int i = 0; i < plan->catalogue.n && n > 0; i++) {
        begin[i] = course->values[(int64_t)i * course->n_times];
        end[i] = course->values[(int64_t)i * course->n_times + n - 1];
    }
    int told = n > 0 ? nm_course_find(plan, outcome, begin, end) : -1;
    if (told >= 0) {
        char sentence[NM_COURSE_TEXT];
        fprintf(stream, "%s: %s\n", path,
                nm_course_words(sentence, plan, outcome, told, n, course->times,
                                course->values + (int64_t)told * course->n_times));
    }
}

static nm_status write_trace(void *context, nm_plan *plan, const double *params)
{
    const trace_job *job = context;
    const nm_trace_options *options = job->options;
    double rtol = options->rtol == 0.0 ? NM_DEFAULT_TRACE_RTOL : options->rtol;
    if (!(rtol >= NM_TRACE_RTOL_LEAST && rtol <= NM_TRACE_RTOL_MOST)) {
        return nm_fail(NM_USAGE, "--rtol %g: a number from %g to %g is wanted", rtol,
                       NM_TRACE_RTOL_LEAST, NM_TRACE_RTOL_MOST);
    }
    char *path = options->output ? strdup(options->output)
                                 : nm_file_format("%s_trace.nc", plan->model->name);
    nm_timecourse *course = calloc(1, sizeof *course);
    nm_status status = NM_OK;
    if (!path || !course) {
        status = nm_fail(NM_MEMORY, "no memory for a time course");
    } else {
        status = nm_timecourse_solve(course, plan, params, options->times, rtol);
        course->index = job->index;
        if (status == NM_OK) {
            status = nm_timecourse_write(course, path);
        }
        if (status == NM_OK && job->notes) {
            print_trace(job->notes, course, path);
        }
        nm_timecourse_clear(course);
    }
    free(course);
    free(path);
    return status;
}

nm_status nm_write_trace(FILE *notes, const char *model, const char *const *overrides,
                         int n_overrides, const nm_trace_options *options)
{
    const nm_trace_options standard = {0};
    trace_job job = {notes, options ? options : &standard, NULL};
    return with_point(write_trace, &job, model, overrides, n_overrides);
}

nm_status nm_write_trace_of_file(FILE *notes, const char *path, const char *index,
                                 const nm_trace_options *options)
{
    const nm_trace_options standard = {0};
    trace_job job = {notes, options ? options : &standard, index};
    return with_point_of_file(write_trace, &job, path, index);
}

/* --- texts ------------------------------------------------------------------------------------ */

nm_status nm_print_models(FILE *stream)
{
    return nm_describe_models(stream);
}

/* Refuses overrides that say nothing of what a model consists of. */
static nm_status check_topology(const nm_config *config, int n_overrides)
{
    const char *names[NM_TOPOLOGY_VARIANTS];
    int n = nm_topology_variants(names, config->model), n_said = 0;
    for (int i = 0; i < config->n_variants; i++) {
        n_said += nm_topology_has(config->model, config->variants[i].name);
    }
    int n_right = n_said + (config->preset != NULL);
    if (n_overrides == 0 || (n_right > 0 && n_said == config->n_variants && config->n_fixed == 0)) {
        return NM_OK;
    }
    return nm_fail(NM_USAGE, "--set: of %s, only preset%s%s%s%s can be set here", config->model,
                   n > 0 ? ", variant." : "", n > 0 ? names[0] : "", n > 1 ? ", variant." : "",
                   n > 1 ? names[1] : "");
}

/* A model by its name and what it consists of, or by its file from the working folder; and its
 * preset, NULL where none is said. */
static nm_status find_alone(const nm_model **model, const nm_preset_info **preset, const char *name,
                            const char *const *overrides, int n_overrides)
{
    nm_config *config;
    NM_TRY(nm_config_point(&config, name, overrides, n_overrides));
    nm_status status = check_topology(config, n_overrides);
    if (status == NM_OK) {
        status = nm_model_is_file(name) ? nm_model_build(model, name)
                                        : nm_scan_model(model, config, NULL);
    }
    if (status == NM_OK) {
        status = nm_preset_find(preset, config, *model);
    }
    nm_config_destroy(&config);
    return status;
}

nm_status nm_print_model(FILE *stream, const char *name, const char *const *overrides,
                         int n_overrides)
{
    const nm_model *model;
    const nm_preset_info *preset;
    NM_TRY(find_alone(&model, &preset, name, overrides, n_overrides));
    if (preset) {
        return nm_fail(NM_USAGE, "--set: this page shows all presets; set %s with init or point",
                       preset->name);
    }
    return nm_describe_model(stream, model, name);
}

nm_status nm_print_init(FILE *stream, const char *name, const char *const *overrides,
                        int n_overrides)
{
    const nm_model *model;
    const nm_preset_info *preset;
    NM_TRY(find_alone(&model, &preset, name, overrides, n_overrides));
    nm_describe_init(stream, model, name, preset);
    return NM_OK;
}

static nm_status print_model_check(FILE *stream, const char *path)
{
    const nm_model *model;
    NM_TRY(nm_model_build(&model, path));
    fprintf(stream,
            "%s: no errors: %d parameters, %d species in %d compartments, %d pathways, %d "
            "variants\n",
            path, model->n_params, model->n_species, model->n_compartments, model->n_paths,
            model->n_variants);
    return NM_OK;
}

nm_status nm_print_check(FILE *stream, const char *path, const char *const *overrides,
                         int n_overrides)
{
    if (nm_model_is_c_file(path)) {
        return n_overrides == 0
                   ? print_model_check(stream, path)
                   : nm_fail(NM_USAGE, "--set %s: goes with a configuration; %s is a model's file",
                             overrides[0], path);
    }
    nm_scan *scan;
    nm_status status = nm_scan_open(&scan, path, overrides, n_overrides);
    if (status == NM_OK) {
        status = print_scan_check(scan, stream);
    }
    nm_scan_close(&scan);
    return status;
}

/* where the modules for GPUs go, and for which */
typedef struct ahead_job {
    FILE *stream;
    const char *architectures;
} ahead_job;

static nm_status compile_for_gpus(void *context, nm_plan *plan, const double *params)
{
    const ahead_job *job = context;
    (void)params;
    return nm_cuda_ahead(job->stream, plan->model, plan->task.choice, job->architectures);
}

static nm_status build_ahead(const nm_model **model, char **kept, const char *name,
                             const char *const *overrides, int n_overrides)
{
    if (nm_model_is_file(name)) {
        return nm_model_build_ahead(model, kept, name);
    }
    nm_config *config;
    NM_TRY(nm_config_point(&config, name, overrides, n_overrides));
    nm_status status = nm_scan_model(model, config, kept);
    nm_config_destroy(&config);
    return status;
}

nm_status nm_compile_model(FILE *stream, const char *path, const char *architectures,
                           const char *const *overrides, int n_overrides)
{
    const nm_model *model;
    char *kept;
    ahead_job job = {stream, architectures};
    NM_TRY(build_ahead(&model, &kept, path, overrides, n_overrides));
    fprintf(stream, "%s\n", kept);
    free(kept);
    return with_point(compile_for_gpus, &job, path, overrides, n_overrides);
}

nm_status nm_print_info(FILE *stream)
{
    nm_describe_info(stream);
    return NM_OK;
}
