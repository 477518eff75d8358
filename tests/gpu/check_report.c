/* Reports of gpu_check: one line of JSON for each slice of a part. */
#include "check.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

nm_status nm_check_report_start(nm_check_report *report)
{
    memset(report, 0, sizeof *report);
    report->is_passed = 1;
    report->stream = open_memstream(&report->text, &report->bytes);
    return report->stream ? NM_OK : nm_fail(NM_MEMORY, "no memory for a report");
}

void nm_check_report_clear(nm_check_report *report)
{
    if (report->stream) {
        fclose(report->stream);
    }
    free(report->text);
    memset(report, 0, sizeof *report);
}

void nm_check_write_text(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') {
            fprintf(stream, "\\%c", *c);
        } else if (*c < 0x20) {
            fprintf(stream, "\\u%04x", *c);
        } else {
            fputc(*c, stream);
        }
    }
    fputc('"', stream);
}

static void key(nm_check_report *report, const char *name)
{
    if (report->n_fields++ > 0) {
        fputs(", ", report->stream);
    }
    nm_check_write_text(report->stream, name);
    fputs(": ", report->stream);
}

void nm_check_number(nm_check_report *report, const char *name, double value)
{
    key(report, name);
    if (isfinite(value)) {
        fprintf(report->stream, "%.17g", value);
    } else {
        /* JSON has no such numbers */
        fprintf(report->stream, "\"%s\"", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    }
}

void nm_check_integer(nm_check_report *report, const char *name, int64_t value)
{
    key(report, name);
    fprintf(report->stream, "%lld", (long long)value);
}

void nm_check_text(nm_check_report *report, const char *name, const char *value)
{
    key(report, name);
    nm_check_write_text(report->stream, value);
}

int nm_check_demand(nm_check_report *report, int holds, const char *format, ...)
{
    if (holds) {
        return 1;
    }
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    report->is_passed = 0;
    nm_check_text(report, "failure", sentence);
    if (!report->is_quiet) {
        fprintf(stderr, "FAILED: %s\n", sentence);
    }
    return 0;
}
