/* Progress on stderr: one moving line on a terminal, else a plain line now and then, or a log of JSON
 * lines (nessmap.h says what stands in them). */
#ifndef NESSMAP_PROGRESS_H
#define NESSMAP_PROGRESS_H

#include <stdint.h>
#include <stdio.h>

#include "nessmap/status.h"

typedef enum nm_progress_style {
    NM_PROGRESS_AUTO, /* a moving line on a terminal, else plain lines */
    NM_PROGRESS_TERMINAL,
    NM_PROGRESS_PLAIN,
    NM_PROGRESS_JSON,
    NM_PROGRESS_QUIET
} nm_progress_style;

typedef struct nm_progress {
    FILE *stream;
    nm_progress_style style;
    int is_utf8;    /* the terminal shows more than ASCII */
    double begun;   /* monotonic clock [s] */
    int is_showing; /* the moving line stands there */

    /* of the stage */
    int stage;
    int64_t n_points, n_before, n_done; /* all, done by earlier runs, done */
    double start, last_shown;           /* monotonic clock [s] */
    int last_step;                      /* tenths shown in plain style */

    int64_t count[NM_N_OUTCOMES]; /* points of this run, all stages */
} nm_progress;

/* None of these is thread-safe: the caller holds a lock. */
void nm_progress_begin(nm_progress *progress, FILE *stream, nm_progress_style style);

/* The question, for the log of JSON lines; texts may be NULL. */
void nm_progress_question(nm_progress *progress, int64_t n_points, const char *configuration,
                          const char *title, const char *model, const char *backend,
                          const char *output);

/* Points are computed from here on. stage: of a refinement, else 0. n_before: those that earlier runs
 * have done; the rate and the time left count this run alone. */
void nm_progress_start(nm_progress *progress, int stage, int64_t n_points, int64_t n_before);

/* More points are done. count: of them by outcome, or NULL where that is not known. */
void nm_progress_add(nm_progress *progress, int64_t n_points, const int64_t *count);

/* On a terminal, what goes on when no points are computed. */
void nm_progress_say(nm_progress *progress, const char *text);

/* Clears the moving line. */
void nm_progress_stop(nm_progress *progress);

/* One sentence for people (quiet: not shown) or {"event":"note"} in JSON. */
void nm_progress_note(nm_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The last line of a log of JSON lines. text: why it failed; not read where status is NM_OK. */
void nm_progress_end(nm_progress *progress, nm_status status, const char *text);

/* The moving line, at most n_columns wide; bytes beyond NM_PROGRESS_BYTES are never wanted. */
enum { NM_PROGRESS_BYTES = 1024 };
void nm_progress_line(char out[NM_PROGRESS_BYTES], const nm_progress *progress, double now,
                      int n_columns);

#endif
