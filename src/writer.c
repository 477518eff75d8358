/* Threads of their own keep finished tiles: a bounded queue between computing and the disk. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* two, so that one goes on while the other waits for a sync */
enum { N_THREADS = 2, SENTENCE_BYTES = 1024 };

typedef enum state { FREE, TAKEN, FILLED } state;

typedef struct item { /* a payload on its way, in a list that begins with the oldest */
    struct item *next;
    int64_t i_tile, bytes;
    const void *payload;
    nm_tile_report report;
    int i_room;   /* of nm_writer.rooms, or -1: the caller's own */
    int *is_kept; /* the caller's own: set when it is free again */
} item;

typedef struct room {
    void *payload; /* NULL until it is needed */
    state state;
    item item;
} room;

struct nm_writer {
    nm_writer_keep keep;
    void *context;
    nm_timeline *timeline;
    int64_t bytes;
    pthread_t threads[N_THREADS];
    int n_threads;

    /* all below is guarded by the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t is_filled, is_free;
    item *first, **last; /* filled payloads */
    int is_ending;
    int n_rows;  /* threads that have their rows in the timeline */
    int own_row; /* of those who bring tiles, where there are no threads */
    nm_status status;
    char sentence[SENTENCE_BYTES]; /* of the first failure: nm_fail is per thread */
    int n_rooms;
    room rooms[]; /* [n_rooms] */
};

static nm_status failure(const nm_writer *writer)
{
    return writer->status == NM_OK ? NM_OK : nm_fail(writer->status, "%s", writer->sentence);
}

/* Keeps a tile without the mutex, which the caller holds before and after. */
static void keep_item(nm_writer *writer, const item *item, int row)
{
    if (writer->status != NM_OK) {
        return;
    }
    pthread_mutex_unlock(&writer->mutex);
    double begun = nm_clock();
    nm_status status = writer->keep(writer->context, item->i_tile, item->payload, item->bytes,
                                    &item->report);
    if (writer->timeline) {
        char what[48];
        snprintf(what, sizeof what, "tile %lld", (long long)item->i_tile);
        nm_timeline_add(writer->timeline, row, what, begun, nm_clock());
    }
    pthread_mutex_lock(&writer->mutex);
    if (status != NM_OK && writer->status == NM_OK) {
        writer->status = status;
        snprintf(writer->sentence, sizeof writer->sentence, "%s", nm_last_error());
    }
}

static void let_go(nm_writer *writer, const item *item)
{
    if (item->i_room >= 0) {
        writer->rooms[item->i_room].state = FREE;
    } else {
        *item->is_kept = 1;
    }
    pthread_cond_broadcast(&writer->is_free);
}

static int make_row(nm_writer *writer)
{
    char name[48];
    snprintf(name, sizeof name, "journal, thread %d", writer->n_rows++);
    return nm_timeline_row(writer->timeline, "CPU", name);
}

static void *work(void *argument)
{
    nm_writer *writer = argument;
    pthread_mutex_lock(&writer->mutex);
    int row = make_row(writer);
    for (;;) {
        while (!writer->first && !writer->is_ending) {
            pthread_cond_wait(&writer->is_filled, &writer->mutex);
        }
        item *item = writer->first;
        if (!item) {
            break;
        }
        writer->first = item->next;
        if (!writer->first) {
            writer->last = &writer->first;
        }
        keep_item(writer, item, row);
        let_go(writer, item);
    }
    pthread_mutex_unlock(&writer->mutex);
    return NULL;
}

nm_status nm_writer_begin(nm_writer **writer, int n_payloads, int64_t bytes, nm_writer_keep keep,
                          void *context, nm_timeline *timeline)
{
    int n_rooms = n_payloads + NM_WRITER_QUEUE;
    nm_writer *w = calloc(1, sizeof *w + (size_t)n_rooms * sizeof(room));
    *writer = w;
    if (!w) {
        return nm_fail(NM_MEMORY, "no memory for the queue of finished tiles");
    }
    w->keep = keep;
    w->context = context;
    w->timeline = timeline;
    w->bytes = bytes;
    w->n_rooms = n_rooms;
    w->last = &w->first;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->is_filled, NULL);
    pthread_cond_init(&w->is_free, NULL);
    while (w->n_threads < N_THREADS &&
           pthread_create(&w->threads[w->n_threads], NULL, work, w) == 0) {
        w->n_threads++;
    }
    w->own_row = w->n_threads == 0 ? make_row(w) : 0;
    return NM_OK;
}

/* A free room without memory before one that has it, so that the peak does not depend on chance;
 * -1: none is free. */
static int find_free(const nm_writer *writer)
{
    int found = -1;
    for (int i = 0; i < writer->n_rooms; i++) {
        const room *room = &writer->rooms[i];
        if (room->state == FREE && (found < 0 || (writer->rooms[found].payload && !room->payload))) {
            found = i;
        }
    }
    return found;
}

nm_status nm_writer_take(nm_writer *writer, void **payload)
{
    *payload = NULL;
    pthread_mutex_lock(&writer->mutex);
    int i = find_free(writer);
    while (i < 0 && writer->status == NM_OK) {
        pthread_cond_wait(&writer->is_free, &writer->mutex);
        i = find_free(writer);
    }
    nm_status status = failure(writer);
    if (status == NM_OK) {
        room *room = &writer->rooms[i];
        room->state = TAKEN;
        if (!room->payload) {
            room->payload = malloc((size_t)writer->bytes);
        }
        *payload = room->payload;
        if (!*payload) {
            room->state = FREE;
            status = nm_fail(NM_MEMORY, "no memory for a tile of %lld bytes",
                             (long long)writer->bytes);
        }
    }
    pthread_mutex_unlock(&writer->mutex);
    return status;
}

static int find_room(const nm_writer *writer, const void *payload)
{
    for (int i = 0; i < writer->n_rooms; i++) {
        if (writer->rooms[i].state == TAKEN && writer->rooms[i].payload == payload) {
            return i;
        }
    }
    return -1;
}

nm_status nm_writer_put(nm_writer *writer, int64_t i_tile, void *payload, int64_t bytes,
                        const nm_tile_report *report)
{
    int is_kept = 0;
    item own;
    pthread_mutex_lock(&writer->mutex);
    int i_room = find_room(writer, payload);
    item *item = i_room >= 0 ? &writer->rooms[i_room].item : &own;
    *item = (struct item){.i_tile = i_tile,
                          .bytes = bytes,
                          .payload = payload,
                          .report = *report,
                          .i_room = i_room,
                          .is_kept = &is_kept};
    if (writer->n_threads == 0) {
        keep_item(writer, item, writer->own_row);
        let_go(writer, item);
    } else {
        if (i_room >= 0) {
            writer->rooms[i_room].state = FILLED;
        }
        *writer->last = item;
        writer->last = &item->next;
        pthread_cond_signal(&writer->is_filled);
        while (i_room < 0 && !is_kept) {
            pthread_cond_wait(&writer->is_free, &writer->mutex);
        }
    }
    nm_status status = failure(writer);
    pthread_mutex_unlock(&writer->mutex);
    return status;
}

nm_status nm_writer_end(nm_writer **writer)
{
    nm_writer *w = *writer;
    if (!w) {
        return NM_OK;
    }
    pthread_mutex_lock(&w->mutex);
    w->is_ending = 1;
    pthread_cond_broadcast(&w->is_filled);
    pthread_mutex_unlock(&w->mutex);
    for (int i = 0; i < w->n_threads; i++) {
        pthread_join(w->threads[i], NULL);
    }
    nm_status status = failure(w);
    pthread_mutex_destroy(&w->mutex);
    pthread_cond_destroy(&w->is_filled);
    pthread_cond_destroy(&w->is_free);
    for (int i = 0; i < w->n_rooms; i++) {
        free(w->rooms[i].payload);
    }
    free(w);
    *writer = NULL;
    return status;
}
