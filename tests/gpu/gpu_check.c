/* gpu_check: is the device right, and how fast? A program for machines with a GPU and little else.
 *
 *   gpu_check list [--scale X]                       the parts: name, slices, text, tabs between
 *   gpu_check device                                 the device, in one line of JSON
 *   gpu_check part NAME --results FILE [--from K] [--limit SECONDS] [--scale X] [--threads N] [--tag TEXT]
 *                       [--backend NAME] [--timeline FILE]
 *                                                  runs slices K, K + 1, ... until the limit, one line of JSON for each
 *   gpu_check table MODEL ...                        parameter sets -> states (check_table.c)
 *   gpu_check image MODEL MAJOR MINOR FILE [CHOICES] the module that a device of that capability gets
 *   gpu_check version
 *
 * Exit: 0 all slices that were run passed, 1 one failed, 2 usage, 7 no device, 75 the limit came before the end.
 * tools/gpu_check drives it. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "version.h"

#define builtin(name) extern const nm_model nm_model_##name;
#include "builtin_models.h"
#undef builtin

const nm_model *nm_check_model(const char *name)
{
#define builtin(known) &nm_model_##known,
    static const nm_model *const models[] = {
#include "builtin_models.h"
    };
#undef builtin
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (strcmp(models[i]->name, name) == 0) {
            return models[i];
        }
    }
    return NULL;
}

static const nm_check_part *const lists[] = {nm_check_parts, nm_check_benches, NULL};

static int list_parts(void)
{
    for (int l = 0; lists[l]; l++) {
        for (const nm_check_part *part = lists[l]; part->name; part++) {
            printf("%s\t%lld\t%s\n", part->name, (long long)part->n_slices, part->text);
        }
    }
    return 0;
}

static const nm_check_part *find_part(const char *name)
{
    for (int l = 0; lists[l]; l++) {
        for (const nm_check_part *part = lists[l]; part->name; part++) {
            if (strcmp(part->name, name) == 0) {
                return part;
            }
        }
    }
    return NULL;
}

typedef struct request {
    const nm_check_part *part;
    const char *results, *tag;
    int64_t from;
    double limit;
    nm_check_settings settings;
} request;

static nm_status read_request(request *r, int argc, char **argv)
{
    *r = (request){.tag = "", .limit = 480.0, .settings = {.scale = 1.0}};
    if (argc < 1 || !(r->part = find_part(argv[0]))) {
        return nm_fail(NM_USAGE, "gpu_check: no part %s; `gpu_check list` lists them",
                       argc < 1 ? "" : argv[0]);
    }
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) {
            return nm_fail(NM_USAGE, "gpu_check: %s wants a value", argv[i]);
        }
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--results") == 0) {
            r->results = value;
        } else if (strcmp(argv[i], "--tag") == 0) {
            r->tag = value;
        } else if (strcmp(argv[i], "--from") == 0) {
            r->from = strtoll(value, NULL, 10);
        } else if (strcmp(argv[i], "--limit") == 0) {
            r->limit = strtod(value, NULL);
        } else if (strcmp(argv[i], "--scale") == 0) {
            r->settings.scale = strtod(value, NULL);
        } else if (strcmp(argv[i], "--threads") == 0) {
            r->settings.n_threads = atoi(value);
        } else if (strcmp(argv[i], "--backend") == 0) {
            r->settings.only = value;
        } else if (strcmp(argv[i], "--timeline") == 0) {
            r->settings.timeline = value;
        } else {
            return nm_fail(NM_USAGE, "gpu_check: %s is not known", argv[i]);
        }
    }
    if (!(r->settings.scale > 0.0)) {
        return nm_fail(NM_USAGE, "gpu_check: --scale wants a number above 0");
    }
    return NM_OK;
}

/* Appends a slice to the results; it is there as soon as it is done. */
static nm_status keep(const request *r, nm_check_report *report, int64_t slice, nm_status status,
                      double seconds)
{
    fflush(report->stream);
    FILE *file = r->results ? fopen(r->results, "a") : stdout;
    if (!file) {
        return nm_fail(NM_IO, "cannot write '%s'", r->results);
    }
    fprintf(
        file,
        "{\"part\": \"%s\", \"slice\": %lld, \"slices\": %lld, \"scale\": %.17g, \"passed\": %s, "
        "\"seconds\": %.6f, \"tag\": ",
        r->part->name, (long long)slice, (long long)r->part->n_slices, r->settings.scale,
        status == NM_OK && report->is_passed ? "true" : "false", seconds);
    nm_check_write_text(file, r->tag);
    if (status != NM_OK) {
        fputs(", \"error\": ", file);
        nm_check_write_text(file, nm_last_error());
    }
    fprintf(file, ", \"report\": {%s}}\n", report->text);
    int failed = fflush(file) != 0;
    if (r->results) {
        failed |= fclose(file) != 0;
    }
    return failed ? nm_fail(NM_IO, "cannot write '%s'", r->results) : NM_OK;
}

static int run_part(const request *r)
{
    double start = nm_check_clock(), longest = 0.0;
    int has_failed = 0;
    for (int64_t slice = r->from; slice < r->part->n_slices; slice++) {
        double before = nm_check_clock();
        if (slice > r->from && before - start + longest > r->limit) {
            return has_failed ? 1 : 75;
        }
        nm_check_report report;
        nm_status status = nm_check_report_start(&report);
        if (status == NM_OK) {
            status = r->part->run(r->part, &report, &r->settings, slice);
            double seconds = nm_check_clock() - before;
            longest = seconds > longest ? seconds : longest;
            has_failed |= status != NM_OK || !report.is_passed;
            if (status != NM_OK) {
                fprintf(stderr, "gpu_check: %s: %s\n", r->part->name, nm_last_error());
            }
            nm_status kept = keep(r, &report, slice, status, seconds);
            status = status != NM_OK ? status : kept;
        }
        nm_check_report_clear(&report);
        if (status != NM_OK) {
            return nm_exit_code(status);
        }
    }
    return has_failed;
}

static int finish(nm_status status)
{
    if (status != NM_OK) {
        fprintf(stderr, "gpu_check: %s\n", nm_last_error());
    }
    return nm_exit_code(status);
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "list") == 0) {
        return list_parts();
    }
    if (strcmp(command, "version") == 0) {
        printf("%s\n", NM_VERSION_FULL);
        return 0;
    }
    if (strcmp(command, "device") == 0) {
        return finish(nm_check_device(stdout));
    }
    if (strcmp(command, "table") == 0) {
        return nm_check_table_main(argc - 2, argv + 2);
    }
    if (strcmp(command, "image") == 0 && argc >= 6) {
        return finish(nm_check_image(argv[2], argc > 6 ? argv[6] : NULL, atoi(argv[3]),
                                     atoi(argv[4]), argv[5]));
    }
    if (strcmp(command, "part") == 0) {
        request r;
        nm_status status = read_request(&r, argc - 2, argv + 2);
        return status == NM_OK ? run_part(&r) : finish(status);
    }
    return finish(nm_fail(NM_USAGE, "gpu_check: list, device, part, table, image or version"));
}
