/* When what was done: rows of spans in a file that trace viewers open, and how long something was
 * busy. */
#ifndef NESSMAP_TIMELINE_H
#define NESSMAP_TIMELINE_H

#include "diag.h"

typedef struct nm_timeline nm_timeline;

/* Monotonic clock. [s] */
double nm_clock(void);

/* Begins the file at `path` (JSON of the Trace Event Format, which Perfetto and Chrome read).
 * Times in it count from here. returns NM_IO, NM_MEMORY. */
nm_status nm_timeline_open(nm_timeline **timeline, const char *path);

/* Gives out the number of a row that is called `name` in the group `group` (rows of a group stand
 * together). Thread-safe; of no timeline (NULL) a number that is of no use. */
int nm_timeline_row(nm_timeline *timeline, const char *group, const char *name);

/* Something that lasted from `start` to `end` on the monotonic clock. Thread-safe; a timeline of
 * NULL takes nothing. */
void nm_timeline_add(nm_timeline *timeline, int row, const char *what, double start, double end);

/* Ends the file. Takes NULL, and clears the caller's pointer. returns NM_IO where not all of it
 * could be written. */
nm_status nm_timeline_close(nm_timeline **timeline);

/* Time that is covered by spans which may overlap. Zero bytes are an empty one. */
typedef struct nm_busy {
    double (*span)[2]; /* start, end */
    int n, capacity;
    int n_merged; /* the first so many are apart and in order */
} nm_busy;

/* Not thread-safe. Spans that find no memory are left out. */
void nm_busy_add(nm_busy *busy, double start, double end);
double nm_busy_seconds(nm_busy *busy);
void nm_busy_clear(nm_busy *busy);

#endif
