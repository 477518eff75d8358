/* Shows how far a run is, at what rate, what it has found so far, and what time is left.
 *
 * 1. the facts in words   2. the moving line   3. JSON lines   4. when to show what */
#include "progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "diag.h"
#include "timeline.h"
#include "version.h"
#include "words.h"

/* plain lines: when a tenth of the points was passed, but not sooner after one than `plain_least`, and not later
 * than `plain_most` [s] */
static const double terminal_period = 0.1, json_period = 1.0, plain_least = 10.0, plain_most = 60.0;

enum { LEAST_BAR = 8, MOST_BAR = 30, USUAL_COLUMNS = 80, CLASS_WORDS = 96 };

/* --- 1. the facts in words ---------------------------------------------------------------------- */

/* Outcomes that people see as one class, in the order of a line; what failed stands apart. */
typedef struct class_info {
    const char *name;
    unsigned outcomes; /* bit: nm_outcome */
} class_info;

static const class_info classes[] = {
    {"NESS", 1u << NM_OUTCOME_ness},
    {"equilibrium", 1u << NM_OUTCOME_equilibrium},
    {"oscillatory", 1u << NM_OUTCOME_oscillatory},
    {"unstable", 1u << NM_OUTCOME_unstable},
    {"no steady state",
     1u << NM_OUTCOME_no_steady_state_growth | 1u << NM_OUTCOME_no_steady_state_depletion},
};
enum { N_CLASSES = sizeof classes / sizeof classes[0] };

static double rate_of(const nm_progress *progress, double now)
{
    double elapsed = now - progress->start;
    return elapsed > 0.0 ? (double)(progress->n_done - progress->n_before) / elapsed : 0.0;
}

/* below 0: not known */
static double seconds_left(const nm_progress *progress, double now)
{
    double rate = rate_of(progress, now);
    return rate > 0.0 ? (double)(progress->n_points - progress->n_done) / rate : -1.0;
}

static double share_done(const nm_progress *progress)
{
    return progress->n_points > 0 ? (double)progress->n_done / (double)progress->n_points : 1.0;
}

static int64_t n_counted(const nm_progress *progress)
{
    int64_t n = 0;
    for (int k = 0; k < NM_N_OUTCOMES; k++) {
        n += progress->count[k];
    }
    return n;
}

/* "NESS 91.3 %", or "" where no point is of the class */
static void class_words(char out[CLASS_WORDS], const nm_progress *progress, int i_class,
                        int64_t n_all)
{
    int64_t n = 0;
    char share[NM_WORDS];
    for (int k = 0; k < NM_N_OUTCOMES; k++) {
        n += classes[i_class].outcomes >> k & 1 ? progress->count[k] : 0;
    }
    out[0] = '\0';
    if (n > 0) {
        snprintf(out, CLASS_WORDS, "%s %s", classes[i_class].name, nm_words_share(share, n, n_all));
    }
}

/* The pieces of a line; "" for what is not known. */
typedef struct facts {
    char stage[NM_WORDS], percent[NM_WORDS], rate[2 * NM_WORDS], left[2 * NM_WORDS],
        failed[2 * NM_WORDS], class[N_CLASSES][CLASS_WORDS];
} facts;

static void find_facts(facts *f, const nm_progress *progress, double now)
{
    char words[NM_WORDS];
    double rate = rate_of(progress, now), left = seconds_left(progress, now);
    memset(f, 0, sizeof *f);
    if (progress->stage > 0) {
        snprintf(f->stage, sizeof f->stage, "stage %d", progress->stage);
    }
    /* 100 % is said when all is done, and not before */
    snprintf(f->percent, sizeof f->percent,
             progress->style == NM_PROGRESS_PLAIN ? "%.1f %%" : "%5.1f %%",
             floor(1000.0 * share_done(progress)) / 10.0);
    if (rate > 0.0) {
        snprintf(f->rate, sizeof f->rate, "%s sets/s", nm_words_rate(words, rate));
        nm_words_time(words, ceil(left));
        if (left > 0.0 && strcmp(words, "?") != 0) {
            snprintf(f->left, sizeof f->left, "%s left", words);
        }
    }
    int64_t n_all = n_counted(progress);
    if (n_all > 0) {
        nm_words_count(words, nm_failed_points(progress->count));
        snprintf(f->failed, sizeof f->failed, "failed %s", words);
        for (int i = 0; i < N_CLASSES; i++) {
            class_words(f->class[i], progress, i, n_all);
        }
    }
}

/* --- 2. the moving line ------------------------------------------------------------------------- */

/* n_cells wide: blocks with eighths of one, or [###...] */
static void draw_bar(char *out, size_t bytes, double share, int n_cells, int is_utf8)
{
    static const char *const eighth[] = {"░", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    size_t length = 0;
    if (!is_utf8) {
        int n_full = (int)(share * (n_cells - 2));
        length = (size_t)snprintf(out, bytes, "[");
        for (int i = 0; i < n_cells - 2; i++) {
            length += (size_t)snprintf(out + length, bytes - length, i < n_full ? "#" : ".");
        }
        snprintf(out + length, bytes - length, "]");
        return;
    }
    int n_eighths = (int)(share * 8 * n_cells);
    for (int i = 0; i < n_cells; i++) {
        int here = n_eighths - 8 * i;
        length += (size_t)snprintf(out + length, bytes - length, "%s",
                                   here >= 8  ? "█"
                                   : here > 0 ? eighth[here]
                                              : eighth[0]);
    }
}

/* Takes `text` into the line where there is room, else forgets it. */
static int take(char *text, int *room, int n_between)
{
    int n = (int)strlen(text) + n_between;
    if (text[0] == '\0' || n > *room) {
        text[0] = '\0';
        return 0;
    }
    *room -= n;
    return 1;
}

static void put(char out[NM_PROGRESS_BYTES], const char *between, const char *text)
{
    size_t length = strlen(out);
    if (text[0] != '\0') {
        snprintf(out + length, NM_PROGRESS_BYTES - length, "%s%s", length > 0 ? between : "", text);
    }
}

void nm_progress_line(char out[NM_PROGRESS_BYTES], const nm_progress *progress, double now,
                      int n_columns)
{
    facts f;
    char bar[3 * MOST_BAR + 1] = "";
    int room = n_columns, n_bar = 0;
    find_facts(&f, progress, now);

    /* what matters most gets room first */
    take(f.percent, &room, 0);
    take(f.left, &room, 2);
    if (room > LEAST_BAR) {
        n_bar = LEAST_BAR;
        room -= LEAST_BAR + 1;
    }
    take(f.stage, &room, 2);
    take(f.rate, &room, 2);
    take(f.failed, &room, 2);
    int is_full = 0;
    for (int i = 0; i < N_CLASSES; i++) {
        if (f.class[i][0] != '\0' && (is_full || !take(f.class[i], &room, 2))) {
            is_full = 1; /* a later class in its place would mislead */
            f.class[i][0] = '\0';
        }
    }
    if (n_bar > 0) {
        n_bar += room < MOST_BAR - n_bar ? room : MOST_BAR - n_bar;
        draw_bar(bar, sizeof bar, share_done(progress), n_bar, progress->is_utf8);
    }

    out[0] = '\0';
    put(out, "  ", f.stage);
    put(out, "  ", bar);
    put(out, bar[0] ? " " : "  ", f.percent);
    put(out, "  ", f.rate);
    const char *between = "  ";
    for (int i = 0; i < N_CLASSES; i++) {
        put(out, between, f.class[i]);
        between = f.class[i][0] ? ", " : between;
    }
    put(out, between, f.failed);
    put(out, "  ", f.left);
}

/* one column stays free: some terminals wrap a line that ends in the last */
static int columns_of(FILE *stream)
{
    struct winsize size = {0};
    int n = ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    return (n > 0 ? n : USUAL_COLUMNS) - 1;
}

static void clear_line(nm_progress *progress)
{
    if (progress->is_showing) {
        fputs("\r\033[K", progress->stream);
        fflush(progress->stream);
        progress->is_showing = 0;
    }
}

static void show_line(nm_progress *progress, const char *line)
{
    fprintf(progress->stream, "\r\033[K%s", line);
    fflush(progress->stream);
    progress->is_showing = 1;
}

/* The first of these that is set says so; the locale itself is the program's, not the library's. */
static int has_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value && value[0] != '\0') {
            const char *dot = strchr(value, '.');
            return dot &&
                   (strncasecmp(dot + 1, "UTF-8", 5) == 0 || strncasecmp(dot + 1, "utf8", 4) == 0);
        }
    }
    return 0;
}

static int is_terminal(FILE *stream)
{
    const char *term = getenv("TERM");
    return isatty(fileno(stream)) && term && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

/* --- 3. JSON lines ------------------------------------------------------------------------------ */

/* A line is made in memory and written at once, so that a reader sees it whole or not at all. */
typedef struct event {
    char *text;
    size_t bytes;
    FILE *stream; /* NULL: no memory, no line */
} event;

static FILE *begin_event(event *e, const char *name)
{
    *e = (event){0};
    e->stream = open_memstream(&e->text, &e->bytes);
    if (e->stream) {
        nm_log_event(e->stream, name);
    }
    return e->stream;
}

static void end_event(event *e, nm_progress *progress)
{
    fputs("}\n", e->stream);
    fclose(e->stream);
    if (e->text) {
        fwrite(e->text, 1, e->bytes, progress->stream);
        fflush(progress->stream);
    }
    free(e->text);
}

static void put_text(FILE *stream, const char *key, const char *text)
{
    fprintf(stream, ",\"%s\":", key);
    if (text) {
        nm_json_text(stream, text);
    } else {
        fputs("null", stream);
    }
}

static void put_number(FILE *stream, const char *key, double value)
{
    fprintf(stream, ",\"%s\":", key);
    nm_json_number(stream, round(1e3 * value) / 1e3);
}

static void put_counts(FILE *stream, const nm_progress *progress, double now)
{
    fprintf(stream,
            ",\"stage\":%d,\"points_done\":%lld,\"points\":%lld,\"failed\":%lld,\"classes\":{",
            progress->stage, (long long)progress->n_done, (long long)progress->n_points,
            (long long)nm_failed_points(progress->count));
    for (int k = 0; k < NM_N_OUTCOMES; k++) {
        if (k != NM_OUTCOME_not_run) {
            fprintf(stream, "%s\"%s\":%lld", k > 0 ? "," : "", nm_outcome_name(k),
                    (long long)progress->count[k]);
        }
    }
    fputc('}', stream);
    put_number(stream, "seconds", now - progress->begun);
}

static void log_progress(nm_progress *progress, double now)
{
    event e;
    double left = seconds_left(progress, now);
    if (begin_event(&e, "progress")) {
        put_counts(e.stream, progress, now);
        put_number(e.stream, "sets_per_second", rate_of(progress, now));
        put_number(e.stream, "seconds_left", left < 0.0 ? NAN : left);
        end_event(&e, progress);
    }
}

void nm_progress_question(nm_progress *progress, int64_t n_points, const char *configuration,
                          const char *title, const char *model, const char *backend,
                          const char *output)
{
    event e;
    if (progress->style == NM_PROGRESS_JSON && begin_event(&e, "begin")) {
        put_text(e.stream, "version", NM_VERSION_FULL);
        put_text(e.stream, "configuration", configuration);
        put_text(e.stream, "title", title);
        put_text(e.stream, "model", model);
        put_text(e.stream, "backend", backend);
        put_text(e.stream, "output", output);
        fprintf(e.stream, ",\"points\":%lld", (long long)n_points);
        end_event(&e, progress);
    }
}

void nm_progress_end(nm_progress *progress, nm_status status, const char *text)
{
    event e;
    clear_line(progress);
    if (progress->style == NM_PROGRESS_JSON && begin_event(&e, "end")) {
        put_counts(e.stream, progress, nm_clock());
        fprintf(e.stream, ",\"exit_code\":%d", nm_exit_code(status));
        put_text(e.stream, "error", status == NM_OK ? NULL : text);
        end_event(&e, progress);
    }
}

/* --- 4. when to show what ----------------------------------------------------------------------- */

void nm_progress_begin(nm_progress *progress, FILE *stream, nm_progress_style style)
{
    memset(progress, 0, sizeof *progress);
    if (style == NM_PROGRESS_AUTO) {
        style = is_terminal(stream) ? NM_PROGRESS_TERMINAL : NM_PROGRESS_PLAIN;
    }
    progress->stream = stream;
    progress->style = style;
    progress->is_utf8 = has_utf8();
    progress->begun = nm_clock();
}

static void show(nm_progress *progress, double now)
{
    progress->last_shown = now;
    if (progress->style == NM_PROGRESS_JSON) {
        log_progress(progress, now);
        return;
    }
    char line[NM_PROGRESS_BYTES];
    if (progress->style == NM_PROGRESS_TERMINAL) {
        nm_progress_line(line, progress, now, columns_of(progress->stream));
        show_line(progress, line);
        return;
    }
    facts f;
    find_facts(&f, progress, now);
    line[0] = '\0';
    put(line, ", ", f.stage);
    put(line, ", ", f.percent);
    put(line, ", ", f.rate);
    for (int i = 0; i < N_CLASSES; i++) {
        put(line, ", ", f.class[i]);
    }
    put(line, ", ", f.failed);
    put(line, ", ", f.left);
    fprintf(progress->stream, "nessmap: %s\n", line);
    fflush(progress->stream);
}

static int tenths_done(const nm_progress *progress)
{
    return (int)(10.0 * share_done(progress));
}

void nm_progress_start(nm_progress *progress, int stage, int64_t n_points, int64_t n_before)
{
    progress->stage = stage;
    progress->n_points = n_points;
    progress->n_before = n_before;
    progress->n_done = n_before;
    progress->last_step = tenths_done(progress);
    progress->start = nm_clock();
    progress->last_shown = progress->start;
    if (progress->style == NM_PROGRESS_TERMINAL) {
        show(progress, progress->start);
    }
}

void nm_progress_add(nm_progress *progress, int64_t n_points, const int64_t *count)
{
    progress->n_done += n_points;
    for (int k = 0; count && k < NM_N_OUTCOMES; k++) {
        progress->count[k] += count[k];
    }
    if (progress->style == NM_PROGRESS_QUIET) {
        return;
    }
    double now = nm_clock();
    double waited = now - progress->last_shown;
    int is_last = n_points > 0 && progress->n_done >= progress->n_points, is_due;
    if (progress->style == NM_PROGRESS_TERMINAL) {
        is_due = waited >= terminal_period || is_last;
    } else if (progress->style == NM_PROGRESS_JSON) {
        is_due = waited >= json_period || is_last;
    } else {
        int step = tenths_done(progress);
        is_due = waited >= plain_most ||
                 (step > progress->last_step && step < 10 && waited >= plain_least);
        progress->last_step = is_due ? step : progress->last_step;
    }
    if (is_due) {
        show(progress, now);
    }
}

void nm_progress_say(nm_progress *progress, const char *text)
{
    if (progress->style == NM_PROGRESS_TERMINAL &&
        (int)strlen(text) <= columns_of(progress->stream)) {
        show_line(progress, text);
    }
}

void nm_progress_stop(nm_progress *progress)
{
    clear_line(progress);
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
    event e;
    if (progress->style != NM_PROGRESS_JSON) {
        fprintf(progress->stream, "nessmap: %s\n", text);
        fflush(progress->stream);
    } else if (begin_event(&e, "note")) {
        put_text(e.stream, "text", text);
        end_event(&e, progress);
    }
}
