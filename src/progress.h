/* Progress on stderr: one moving line on a terminal, else a plain line now and then, or JSON
 * lines. */
#ifndef NESSMAP_PROGRESS_H
#define NESSMAP_PROGRESS_H

#include <stdint.h>
#include <stdio.h>

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
    int64_t n_points, n_before, n_done,
        n_failed;             /* points: all, done by earlier runs, done, failed in this run */
    double start, last_shown; /* monotonic clock [s] */
    int last_step;            /* tenths of the scan shown in plain style */
    int line_length;          /* of the moving line */
} nm_progress;

/* n_before: points that earlier runs have done; the rate and the time left count this run alone. */
void nm_progress_begin(nm_progress *progress, FILE *stream, nm_progress_style style,
                       int64_t n_points, int64_t n_before);

/* More points are done. Not thread-safe: the caller holds a lock. */
void nm_progress_add(nm_progress *progress, int64_t n_points, int64_t n_failed);

/* Clears the moving line. */
void nm_progress_end(nm_progress *progress);

/* One sentence for people (quiet: not shown) or {"event":"note"} in JSON. */
void nm_progress_note(nm_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
