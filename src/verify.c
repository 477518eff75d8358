/* Verifies a file: what it says of itself is enough to make it again, and to see that it is right.
 *
 *   1. opening   2. the question   3. how much is solved again   4. checks   5. the report */
#include <errno.h>
#include <inttypes.h>
#include <netcdf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "grid_nc.h"
#include "pilot.h"
#include "refine.h"
#include "run.h"
#include "scan.h"
#include "verify_parts.h"
#include "version.h"
#include "words.h"

enum { PILOT_POINTS = 2048, FOLLOWED = 64 };
static const double pilot_seconds = 0.25;
static const double most_seconds = 60.0; /* of solving again, unless told otherwise */

/* --- 1. opening ----------------------------------------------------------------------------------- */

/* A text attribute of the file, "" where there is none; a long one is cut. */
static char *read_attribute(char *text, size_t bytes, int id, const char *name)
{
    char *all = nm_nc_text(id, NC_GLOBAL, name);
    snprintf(text, bytes, "%s", all ? all : "");
    free(all);
    return text;
}

static nm_status open_file(nm_verification *v)
{
    char layout[32];
    nm_nc_prepare();
    if (access(v->path, R_OK) != 0) {
        return nm_fail(NM_IO, "cannot read '%s': %s", v->path, strerror(errno));
    }
    if (nc_open(v->path, NC_NOWRITE, &v->id) != NC_NOERR) {
        return nm_fail(NM_IO, "'%s' is not a NetCDF file, or it is damaged", v->path);
    }
    v->is_open = 1;
    read_attribute(layout, sizeof layout, v->id, "nessmap_layout");
    if (layout[0] == '\0') {
        return nm_fail(NM_USAGE,
                       "'%s' is not a file of nessmap: it has no attribute 'nessmap_layout'",
                       v->path);
    }
    if (strcmp(layout, "trace") == 0) {
        return nm_fail(NM_USAGE,
                       "'%s' is a time course of one cell; verify wants the file of a scan",
                       v->path);
    }
    nm_nc_counts(&v->n_not_run, 1, v->id, "nessmap_n_not_run");
    return NM_OK;
}

/* --- 2. the question ------------------------------------------------------------------------------ */

/* 1 where two versions have the same number: what is behind it names the commit. */
static int has_this_version(const char *version)
{
    size_t length = strlen(NM_VERSION);
    return strncmp(version, NM_VERSION, length) == 0 &&
           (version[length] == '\0' || version[length] == ' ');
}

/* Why the fingerprint is not that of the configuration. */
static nm_status tell_other_question(const nm_verification *v, const char *fingerprint)
{
    const nm_plan *plan = v->plan;
    char version[128], hash[64];
    read_attribute(version, sizeof version, v->id, "product_version");
    read_attribute(hash, sizeof hash, v->id, "nessmap_model_hash");
    if (!has_this_version(version)) {
        return nm_fail(NM_FINGERPRINT,
                       "'%s' was made by nessmap %s, and this is %s, whose results may have other "
                       "bits; verify it with that version",
                       v->path, version[0] ? version : "of no version", NM_VERSION_FULL);
    }
    if (strcmp(hash, plan->model_hash) != 0) {
        return nm_fail(NM_FINGERPRINT,
                       "'%s' was made of another text of the model %s (hash %.8s, this one is "
                       "%.8s); bring that text back to verify it",
                       v->path, plan->model->name, hash, plan->model_hash);
    }
    if (plan->task.draw.n_columns > 0) {
        return nm_fail(NM_FINGERPRINT,
                       "'%s' does not belong to its configuration and the table %s as they are "
                       "(fingerprint %.8s, theirs is %.8s): one of them was changed",
                       v->path, v->config->design_file, fingerprint, plan->fingerprint);
    }
    return nm_fail(
        NM_FINGERPRINT,
        "'%s' does not belong to the configuration that it holds (fingerprint %.8s, that "
        "of the configuration is %.8s): one of them was changed",
        v->path, fingerprint, plan->fingerprint);
}

static nm_status check_question(nm_verification *v)
{
    nm_verify_check *check = &v->check[NM_VERIFY_question];
    char fingerprint[64], backend[16], version[128];
    const char *name = "cpu";
    read_attribute(fingerprint, sizeof fingerprint, v->id, "nessmap_fingerprint");
    read_attribute(backend, sizeof backend, v->id, "nessmap_backend");
    read_attribute(version, sizeof version, v->id, "product_version");
    for (int i = 0; nm_backend_name(i); i++) {
        name = strcmp(backend, nm_backend_name(i)) == 0 ? nm_backend_name(i) : name;
    }
    NM_TRY(nm_plan_set_backend(v->plan, name));
    if (strcmp(fingerprint, v->plan->fingerprint) != 0) {
        return tell_other_question(v, fingerprint);
    }
    v->is_by_device = strcmp(name, "cpu") != 0;
    check->n = 1;
    if (v->is_by_device && v->plan->task.gradients.n_outputs > 0) {
        check->n_bad = 1;
        nm_verify_name(check, 0,
                       "it holds derivatives, which no GPU computes, and says that one did");
    }
    snprintf(check->remark, sizeof check->remark, "%s, %s, f%d, nessmap %s", v->plan->model->name,
             name, v->config->precision_bits, version);
    return NM_OK;
}

/* --- 3. how much is solved again ------------------------------------------------------------------ */

/* Points that are computed in all: a refinement grows beyond those of its plan. */
static nm_status count_points(int64_t *n, const nm_verification *v)
{
    *n = v->plan->n_points;
    if (v->plan->refinement) {
        nm_refine_report report;
        NM_TRY(nm_refine_nc_report(&report, v->path));
        *n = report.n_solved;
    }
    return NM_OK;
}

/* seconds: of all points, by the rate of a few */
static nm_status choose_share(int64_t *n_wanted, double *seconds, const nm_verification *v,
                              int64_t n_points)
{
    *n_wanted = n_points;
    *seconds = 0.0;
    if (v->options->points != 0) {
        if (v->options->points > 0 && v->options->points < n_points) {
            *n_wanted = v->options->points;
        }
        return NM_OK;
    }
    nm_pilot pilot;
    NM_TRY(nm_pilot_run(&pilot, v->plan, v->plan->task.solver.mode, v->plan->task.solver.audit, 0,
                        PILOT_POINTS, pilot_seconds));
    double rate = nm_pilot_rate(&pilot) * nm_backend_cpu_threads(v->options->n_threads);
    if (rate > 0.0 && (double)n_points > rate * most_seconds) {
        *n_wanted = (int64_t)(rate * most_seconds) + 1;
        *seconds = (double)n_points / rate;
    }
    return NM_OK;
}

/* --- 4. checks ------------------------------------------------------------------------------------ */

static int was_run(const nm_verify_check *check)
{
    return check->n > 0 || check->n_bad > 0;
}

static void count_as(nm_verify_check *check, const char *what, int64_t said, int64_t found)
{
    check->n++;
    if (said != found) {
        check->n_bad++;
        nm_verify_name(check, INT64_MAX, "the attribute %s says %" PRId64 ", points are %" PRId64,
                       what, said, found);
    }
}

/* Attributes that count the points. */
static void check_counts(nm_verification *v)
{
    int64_t counts[NM_N_OUTCOMES], n_failed = -1;
    nm_verify_check *check = &v->check[NM_VERIFY_attributes];
    if (nm_nc_counts(counts, NM_N_OUTCOMES, v->id, "nessmap_outcome_counts")) {
        for (int i = 0; i < NM_N_OUTCOMES; i++) {
            char what[96];
            snprintf(what, sizeof what, "nessmap_outcome_counts of %s", nm_outcome_name(i));
            count_as(check, what, counts[i], v->count[i]);
        }
    } else {
        check->n++;
        check->n_bad++;
        nm_verify_name(check, INT64_MAX,
                       "the attribute nessmap_outcome_counts is missing or has not %d numbers",
                       NM_N_OUTCOMES);
    }
    nm_nc_counts(&n_failed, 1, v->id, "nessmap_n_failed");
    count_as(check, "nessmap_n_failed", n_failed,
             v->count[NM_OUTCOME_not_converged] + v->count[NM_OUTCOME_left_domain]);
    count_as(check, "nessmap_n_not_run", v->n_not_run, v->count[NM_OUTCOME_not_run]);
    v->n_not_run = v->count[NM_OUTCOME_not_run];
}

static nm_status check_points(nm_verification *v)
{
    int64_t n_wanted;
    double seconds;
    NM_TRY(choose_share(&n_wanted, &seconds, v, v->plan->n_points));
    NM_TRY(nm_verify_axes(v));
    NM_TRY(nm_verify_points(v, n_wanted));
    check_counts(v);
    v->is_solved_all = n_wanted >= v->plan->n_points && v->n_not_run == 0;
    nm_verify_check *supply = &v->check[NM_VERIFY_supply];
    if (supply->n_left_out > 0) {
        char left_out[NM_WORDS];
        snprintf(supply->remark, sizeof supply->remark,
                 "not of %s whose flows do not balance by themselves: a clamp, an electrode or a "
                 "chemostat may feed them",
                 nm_words_count(left_out, supply->n_left_out));
    }
    nm_verify_check *check = &v->check[NM_VERIFY_results];
    char all[NM_WORDS], time[NM_WORDS];
    snprintf(check->remark, sizeof check->remark, "of %s, %s",
             nm_words_count(all, v->plan->n_points),
             v->is_by_device ? "a GPU's, within 1e-9 of the value or 1e-12 of its terms"
                             : "bit for bit");
    if (seconds > 0.0) {
        size_t length = strlen(check->remark);
        snprintf(check->remark + length, sizeof check->remark - length,
                 "; all would take about %s (--points all)", nm_words_time(time, seconds));
    }
    if (check->n == 0) {
        nm_verify_skip(check, "no point was computed");
    }
    int n = v->options->n_followed < 0 ? 0
            : v->options->n_followed   ? v->options->n_followed
                                       : FOLLOWED;
    if (n == 0) {
        nm_verify_skip(&v->check[NM_VERIFY_follow], "--follow 0");
        return NM_OK;
    }
    return nm_verify_follow(v, n);
}

/* The laws need points; those of a refinement are solved again with it or not at all. */
static void skip_points(nm_verification *v)
{
    for (int i = NM_VERIFY_verdicts; i < NM_N_VERIFY; i++) {
        nm_verify_skip(&v->check[i], v->plan->refinement
                                         ? "the points of a refinement are solved again with it"
                                         : "this file keeps no points");
    }
}

static nm_status check_whole(nm_verification *v)
{
    int64_t n_points, n_wanted;
    double seconds;
    nm_verify_check *results = &v->check[NM_VERIFY_results];
    skip_points(v);
    NM_TRY(nm_verify_axes(v));
    if (v->n_not_run > 0) {
        nm_verify_skip(results, "%" PRId64 " points are not computed yet", v->n_not_run);
        return NM_OK;
    }
    NM_TRY(count_points(&n_points, v));
    NM_TRY(choose_share(&n_wanted, &seconds, v, n_points));
    if (n_wanted < n_points) {
        char count[NM_WORDS], time[NM_WORDS];
        nm_words_count(count, n_points);
        if (seconds > 0.0) {
            nm_verify_skip(results,
                           "its %s points are solved again all or not at all, which would take "
                           "about %s (--points all)",
                           count, nm_words_time(time, seconds));
        } else {
            nm_verify_skip(
                results, "its %s points are solved again all or not at all (--points all)", count);
        }
        return NM_OK;
    }
    NM_TRY(nm_verify_again(v, n_points));
    v->is_solved_all = was_run(results);
    return NM_OK;
}

static nm_status run_checks(nm_verification *v)
{
    NM_TRY(check_question(v));
    if (v->plan->refinement) {
        nm_verify_skip(&v->check[NM_VERIFY_attributes],
                       "a refinement's attributes are compared where it is solved again");
        nm_verify_skip(&v->check[NM_VERIFY_parameters],
                       "the points of a refinement are solved again with it");
        return check_whole(v);
    }
    NM_TRY(nm_verify_head(v));
    NM_TRY(nm_verify_find(v));
    return nm_plan_is_reduced(v->plan) ? check_whole(v) : check_points(v);
}

/* --- 5. the report -------------------------------------------------------------------------------- */

typedef struct row {
    const char *name, *unit, *text;
} row;
static const row rows[NM_N_VERIFY] = {
#define ROW(name, unit, text) {#name, unit, text},
    NM_VERIFY_LIST(ROW)
#undef ROW
};

static void print_check(FILE *report, const row *row, const nm_verify_check *check)
{
    char count[NM_WORDS], bad[NM_WORDS];
    const char *unit = check->unit ? check->unit : row->unit;
    int n_unit = (int)strlen(unit) - (check->n == 1 && unit[0]); /* "1 point" */
    if (!was_run(check)) {
        return;
    }
    fprintf(report, "%-12s ", row->name);
    nm_words_count(count, check->n);
    if (check->n_bad > 0) {
        fprintf(report, "FAILED: %s: not so at %s of %s%s%.*s", row->text,
                nm_words_count(bad, check->n_bad), count, unit[0] ? " " : "", n_unit, unit);
    } else {
        fprintf(report, "passed: %s%s%s%s%.*s", row->text, unit[0] ? ": " : "",
                unit[0] ? count : "", unit[0] ? " " : "", n_unit, unit);
    }
    if (check->n_bad == 0 && check->worst > 0.0) {
        fprintf(report, ", at worst %.2g of what is allowed", check->worst);
    }
    fprintf(report, "%s%s%s\n", check->remark[0] ? " (" : "", check->remark,
            check->remark[0] ? ")" : "");
    for (int i = 0; i < check->n_named && check->n_bad > 0; i++) {
        fprintf(report, "%12s   %s\n", "", check->named[i].text);
    }
}

/* Those that have one reason stand together. */
static void print_missing(FILE *report, nm_verify_check *checks, int is_broken_off)
{
    for (int i = 0; i < NM_N_VERIFY; i++) {
        if (!was_run(&checks[i]) && checks[i].missing[0] == '\0') {
            nm_verify_skip(&checks[i], "%s",
                           is_broken_off ? "the file could not be read" : "no point calls for it");
        }
    }
    for (int i = 0; i < NM_N_VERIFY; i++) {
        int is_told = was_run(&checks[i]);
        for (int k = 0; k < i && !is_told; k++) {
            is_told = !was_run(&checks[k]) && strcmp(checks[k].missing, checks[i].missing) == 0;
        }
        if (is_told) {
            continue;
        }
        fprintf(report, "%-12s %s", "not run", rows[i].name);
        for (int k = i + 1; k < NM_N_VERIFY; k++) {
            if (!was_run(&checks[k]) && strcmp(checks[k].missing, checks[i].missing) == 0) {
                fprintf(report, ", %s", rows[k].name);
            }
        }
        fprintf(report, ": %s\n", checks[i].missing);
    }
}

/* is_broken_off: the file could not be read to its end. */
static nm_status conclude(nm_verification *v, FILE *report, int is_broken_off)
{
    char failed[512] = "", partial[NM_WORDS + 64] = "", count[NM_WORDS];
    int n_run = 0, n_failed = 0, n_numbers = 0;
    for (int i = 0; i < NM_N_VERIFY; i++) {
        const nm_verify_check *check = &v->check[i];
        if (report) {
            print_check(report, &rows[i], check);
        }
        n_run += was_run(check);
        n_numbers += was_run(check) && i != NM_VERIFY_question && i != NM_VERIFY_attributes;
        if (check->n_bad > 0) {
            size_t length = strlen(failed);
            snprintf(failed + length, sizeof failed - length, "%s%s", n_failed++ ? ", " : "",
                     rows[i].name);
        }
    }
    if (v->n_not_run > 0) {
        snprintf(partial, sizeof partial, "; %s points are not computed (not_run)",
                 nm_words_count(count, v->n_not_run));
    }
    if (report) {
        print_missing(report, v->check, is_broken_off);
        const char *verdict = n_failed > 0       ? "WRONG"
                              : is_broken_off    ? "not known"
                              : v->is_solved_all ? "right"
                              : n_numbers == 0   ? "no number of it was looked at"
                                                 : "right as far as it was looked at";
        fprintf(report, "%-12s %s: %d check%s run, %d failed, %d not run%s\n", "verdict", verdict,
                n_run, n_run == 1 ? "" : "s", n_failed, NM_N_VERIFY - n_run, partial);
    }
    return n_failed == 0
               ? NM_OK
               : nm_fail(NM_FAILED_POINTS, "'%s' is not what it says: %s failed", v->path, failed);
}

nm_status nm_verify(FILE *report, const char *path, const nm_verify_options *options)
{
    nm_verify_options standard = {0};
    nm_scan *scan = NULL;
    nm_verification *v = calloc(1, sizeof *v);
    if (!v) {
        return nm_fail(NM_MEMORY, "no memory for verifying '%s'", path);
    }
    v->path = path;
    v->options = options ? options : &standard;
    v->n_interrupts = nm_run_interrupts();
    pthread_mutex_init(&v->lock, NULL);
    pthread_mutex_init(&v->file_lock, NULL);
    nm_status status = open_file(v);
    if (status == NM_OK) {
        status = nm_scan_of_file(&scan, path);
    }
    if (status == NM_OK) {
        status = nm_scan_find_table(scan->config, path);
    }
    if (status == NM_OK) {
        v->config = scan->config;
        status = nm_plan_build(&v->plan, scan->config, scan->model, "cpu");
    }
    if (status == NM_OK) {
        status = run_checks(v);
        if (status == NM_OK) {
            status = conclude(v, report, 0);
        } else if (status == NM_IO && was_run(&v->check[NM_VERIFY_question])) {
            char sentence[1024];
            snprintf(sentence, sizeof sentence, "%s", nm_last_error());
            (void)conclude(v, report, 1);
            status = nm_fail(status, "%s", sentence);
        }
    }
    if (v->is_open) {
        nc_close(v->id);
    }
    nm_run_answer();
    nm_plan_destroy(&v->plan);
    nm_scan_close(&scan);
    pthread_mutex_destroy(&v->lock);
    pthread_mutex_destroy(&v->file_lock);
    free(v);
    return status;
}
