/* Shows how far a run is, at what rate, with how many failures, and what time is left. */
#include "progress.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "timeline.h"
#include "words.h"

static const double terminal_period = 0.1, plain_period = 30.0, json_period = 1.0; /* [s] */
enum { BAR_CELLS = 24 };

void nm_progress_begin(nm_progress *progress, FILE *stream, nm_progress_style style,
                       int64_t n_points, int64_t n_before)
{
    memset(progress, 0, sizeof *progress);
    if (style == NM_PROGRESS_AUTO) {
        style = isatty(fileno(stream)) ? NM_PROGRESS_TERMINAL : NM_PROGRESS_PLAIN;
    }
    progress->stream = stream;
    progress->style = style;
    progress->n_points = n_points;
    progress->n_before = n_before;
    progress->n_done = n_before;
    progress->start = nm_clock();
    progress->last_shown = progress->start;
    progress->last_step = n_points > 0 ? (int)(10 * n_before / n_points) : 0;
}

static void clear_line(nm_progress *progress)
{
    if (progress->line_length > 0) {
        fprintf(progress->stream, "\r%*s\r", progress->line_length, "");
        progress->line_length = 0;
    }
}

static void show(nm_progress *progress, double now)
{
    double share =
        progress->n_points > 0 ? (double)progress->n_done / (double)progress->n_points : 1.0;
    double elapsed = now - progress->start;
    double rate = elapsed > 0.0 ? (double)(progress->n_done - progress->n_before) / elapsed : 0.0;
    double left = rate > 0.0 ? (double)(progress->n_points - progress->n_done) / rate : -1.0;
    progress->last_shown = now;

    if (progress->style == NM_PROGRESS_JSON) {
        fprintf(progress->stream,
                "{\"event\":\"progress\",\"points_done\":%lld,\"points\":%lld,\"failed\":%lld,"
                "\"seconds\":",
                (long long)progress->n_done, (long long)progress->n_points,
                (long long)progress->n_failed);
        nm_json_number(progress->stream, elapsed);
        fputs(",\"sets_per_second\":", progress->stream);
        nm_json_number(progress->stream, rate);
        fputs(",\"seconds_left\":", progress->stream);
        nm_json_number(progress->stream, left < 0.0 ? 0.0 / 0.0 : left);
        fputs("}\n", progress->stream);
        fflush(progress->stream);
        return;
    }

    char rate_words[NM_WORDS], failed_words[NM_WORDS], left_words[NM_WORDS];
    nm_words_rate(rate_words, rate);
    nm_words_count(failed_words, progress->n_failed);
    nm_words_time(left_words, left);
    if (progress->style == NM_PROGRESS_TERMINAL) {
        char bar[BAR_CELLS + 1];
        int n_full = (int)(share * BAR_CELLS);
        for (int i = 0; i < BAR_CELLS; i++) {
            bar[i] = i < n_full ? '#' : '.';
        }
        bar[BAR_CELLS] = '\0';
        char line[256];
        int length = snprintf(line, sizeof line, "[%s] %5.1f %%  %s sets/s  %s failed  %s left",
                              bar, 100.0 * share, rate_words, failed_words, left_words);
        /* blanks wipe the rest of a longer line before */
        fprintf(progress->stream, "\r%-*s", progress->line_length, line);
        progress->line_length = length;
    } else {
        fprintf(progress->stream, "nessmap: %.0f %% done, %s sets/s, %s failed, %s left\n",
                100.0 * share, rate_words, failed_words, left_words);
    }
    fflush(progress->stream);
}

void nm_progress_add(nm_progress *progress, int64_t n_points, int64_t n_failed)
{
    progress->n_done += n_points;
    progress->n_failed += n_failed;
    if (progress->style == NM_PROGRESS_QUIET) {
        return;
    }
    double now = nm_clock();
    double waited = now - progress->last_shown;
    int is_due = 0;
    if (progress->style == NM_PROGRESS_TERMINAL) {
        is_due = waited >= terminal_period;
    } else if (progress->style == NM_PROGRESS_JSON) {
        is_due = waited >= json_period || progress->n_done >= progress->n_points;
    } else {
        /* a step of a tenth is shown where it took a second or more: a short run stays silent */
        int step = progress->n_points > 0 ? (int)(10 * progress->n_done / progress->n_points) : 10;
        is_due =
            waited >= plain_period || (step > progress->last_step && step < 10 && waited >= 1.0);
        if (is_due) {
            progress->last_step = step;
        }
    }
    if (is_due) {
        show(progress, now);
    }
}

void nm_progress_end(nm_progress *progress)
{
    if (progress->style == NM_PROGRESS_TERMINAL) {
        clear_line(progress);
        fflush(progress->stream);
    }
}

void nm_progress_note(nm_progress *progress, const char *format, ...)
{
    if (progress->style == NM_PROGRESS_QUIET) {
        return;
    }
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    clear_line(progress);
    if (progress->style == NM_PROGRESS_JSON) {
        fputs("{\"event\":\"note\",\"text\":", progress->stream);
        nm_json_text(progress->stream, text);
        fputs("}\n", progress->stream);
    } else {
        fprintf(progress->stream, "nessmap: %s\n", text);
    }
    fflush(progress->stream);
}
