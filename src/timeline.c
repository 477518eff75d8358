/* Writes spans of time as a trace, and adds up how long something was busy. */
#include "timeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "words.h"

enum { MAX_GROUPS = 64, GROUP_BYTES = 128, LEAST_SPANS = 64 };

struct nm_timeline {
    pthread_mutex_t lock;
    FILE *stream;
    char *path;
    double begun;
    int n_rows, n_groups, n_events;
    char group[MAX_GROUPS][GROUP_BYTES]; /* its number is the "process" of the trace */
    int *group_of_row;
};

double nm_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* --- the trace -------------------------------------------------------------------------------- */

nm_status nm_timeline_open(nm_timeline **timeline, const char *path)
{
    *timeline = NULL;
    nm_timeline *t = calloc(1, sizeof *t);
    char *kept = strdup(path);
    if (!t || !kept) {
        free(t);
        free(kept);
        return nm_fail(NM_MEMORY, "no memory for a timeline");
    }
    t->path = kept;
    t->stream = fopen(path, "w");
    if (!t->stream) {
        nm_status status =
            nm_fail(NM_IO, "--timeline %s: cannot be written (%s)", path, strerror(errno));
        free(t->path);
        free(t);
        return status;
    }
    pthread_mutex_init(&t->lock, NULL);
    t->begun = nm_clock();
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", t->stream);
    *timeline = t;
    return NM_OK;
}

static void begin_event(nm_timeline *t, const char *kind, int group, int row)
{
    fprintf(t->stream, "%s\n{\"ph\":\"%s\",\"pid\":%d,\"tid\":%d", t->n_events++ > 0 ? "," : "",
            kind, group, row);
}

static void name_event(nm_timeline *t, const char *what, int group, int row, const char *name)
{
    begin_event(t, "M", group, row);
    fprintf(t->stream, ",\"name\":\"%s\",\"args\":{\"name\":", what);
    nm_json_text(t->stream, name);
    fputs("}}", t->stream);
}

static int find_group(nm_timeline *t, const char *name)
{
    char cut[GROUP_BYTES];
    snprintf(cut, sizeof cut, "%s", name);
    for (int i = 0; i < t->n_groups; i++) {
        if (strcmp(t->group[i], cut) == 0) {
            return i;
        }
    }
    if (t->n_groups == MAX_GROUPS) {
        return MAX_GROUPS - 1;
    }
    memcpy(t->group[t->n_groups], cut, sizeof cut);
    name_event(t, "process_name", t->n_groups, 0, cut);
    return t->n_groups++;
}

int nm_timeline_row(nm_timeline *timeline, const char *group, const char *name)
{
    if (!timeline) {
        return 0;
    }
    pthread_mutex_lock(&timeline->lock);
    int *grown = realloc(timeline->group_of_row,
                         (size_t)(timeline->n_rows + 1) * sizeof *timeline->group_of_row);
    int row = 0;
    if (grown) {
        timeline->group_of_row = grown;
        row = timeline->n_rows++;
        grown[row] = find_group(timeline, group);
        name_event(timeline, "thread_name", grown[row], row, name);
    }
    pthread_mutex_unlock(&timeline->lock);
    return row;
}

void nm_timeline_add(nm_timeline *timeline, int row, const char *what, double start, double end)
{
    if (!timeline) {
        return;
    }
    pthread_mutex_lock(&timeline->lock);
    if (row >= 0 && row < timeline->n_rows) {
        begin_event(timeline, "X", timeline->group_of_row[row], row);
        fputs(",\"name\":", timeline->stream);
        nm_json_text(timeline->stream, what);
        fprintf(timeline->stream, ",\"ts\":%.3f,\"dur\":%.3f}", 1e6 * (start - timeline->begun),
                1e6 * (end > start ? end - start : 0.0));
    }
    pthread_mutex_unlock(&timeline->lock);
}

nm_status nm_timeline_close(nm_timeline **timeline)
{
    nm_timeline *t = *timeline;
    if (!t) {
        return NM_OK;
    }
    *timeline = NULL;
    fputs("\n]}\n", t->stream);
    int is_whole = !ferror(t->stream);
    is_whole = fclose(t->stream) == 0 && is_whole;
    nm_status status = is_whole ? NM_OK
                                : nm_fail(NM_IO, "--timeline %s: cannot be written (%s)", t->path,
                                          strerror(errno));
    pthread_mutex_destroy(&t->lock);
    free(t->group_of_row);
    free(t->path);
    free(t);
    return status;
}

/* --- busy time -------------------------------------------------------------------------------- */

static int compare_spans(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (x[0] > y[0]) - (x[0] < y[0]);
}

/* what overlaps becomes one */
static void merge(nm_busy *busy)
{
    if (busy->n == busy->n_merged) {
        return;
    }
    qsort(busy->span, (size_t)busy->n, sizeof *busy->span, compare_spans);
    int n = 0;
    for (int i = 0; i < busy->n; i++) {
        double start = busy->span[i][0], end = busy->span[i][1];
        if (n > 0 && start <= busy->span[n - 1][1]) {
            if (end > busy->span[n - 1][1]) {
                busy->span[n - 1][1] = end;
            }
        } else {
            busy->span[n][0] = start;
            busy->span[n][1] = end;
            n++;
        }
    }
    busy->n = busy->n_merged = n;
}

void nm_busy_add(nm_busy *busy, double start, double end)
{
    if (!(end > start)) {
        return;
    }
    if (busy->n == busy->capacity) {
        merge(busy);
        /* room for as many again, so that merging stays rare */
        int capacity = busy->capacity > 0 ? 2 * busy->capacity : LEAST_SPANS;
        void *grown = 2 * busy->n >= busy->capacity
                          ? realloc(busy->span, (size_t)capacity * sizeof *busy->span)
                          : NULL;
        if (grown) {
            busy->span = grown;
            busy->capacity = capacity;
        }
    }
    if (busy->n < busy->capacity) {
        busy->span[busy->n][0] = start;
        busy->span[busy->n][1] = end;
        busy->n++;
    }
}

double nm_busy_seconds(nm_busy *busy)
{
    double sum = 0.0;
    merge(busy);
    for (int i = 0; i < busy->n; i++) {
        sum += busy->span[i][1] - busy->span[i][0];
    }
    return sum;
}

void nm_busy_clear(nm_busy *busy)
{
    free(busy->span);
    memset(busy, 0, sizeof *busy);
}
