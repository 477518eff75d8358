/* The stand-in driver's streams and events: each stream does its work in order, on a thread of
 * its own. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stand_in.h"

static void pause_ns(int64_t ns)
{
    if (ns > 0) {
        struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
        nanosleep(&t, NULL);
    }
}

/* --- what a stream does ----------------------------------------------------------------------- */

static void log_work(const nm_cu_stream stream, const nm_si_work *work, int64_t begin_ns)
{
    static const char *const names[] = {
        [WORK_TO_DEVICE] = "to_device", [WORK_TO_HOST] = "to_host", [WORK_SET] = "set"};
    const int physical = stream->context->device->physical;
    const long long begin = begin_ns / 1000, end = nm_si_now_ns() / 1000;
    if (work->kind == WORK_KERNEL) {
        nm_si_log("work %s device=%d stream=%d begin=%lld end=%lld blocks=%u", work->kernel->name,
                  physical, stream->number, begin, end, work->grid);
    } else {
        nm_si_log("work %s device=%d stream=%d begin=%lld end=%lld bytes=%zu", names[work->kind],
                  physical, stream->number, begin, end, work->n_bytes);
    }
}

static void set_error(nm_cu_context context, int error)
{
    pthread_mutex_lock(&nm_si_lock);
    if (!context->error) {
        context->error = error;
    }
    pthread_cond_broadcast(&nm_si_change);
    pthread_mutex_unlock(&nm_si_lock);
}

static void do_copy(nm_cu_stream stream, const nm_si_work *work)
{
    pause_ns(nm_si_delay_ns("copy"));
    if (nm_si_fails(FAULT_TRANSFER, stream->context->device->physical)) {
        set_error(stream->context, NM_CU_ILLEGAL_ADDRESS);
        return;
    }
    memcpy(work->to, work->from, work->n_bytes);
    if (work->kind == WORK_TO_DEVICE) {
        pthread_mutex_lock(&nm_si_lock);
        nm_si_translate(stream->context->device, work->to, work->n_bytes);
        pthread_mutex_unlock(&nm_si_lock);
    }
}

static void do_kernel(nm_cu_stream stream, nm_si_work *work)
{
    pause_ns(nm_si_delay_ns("kernel"));
    if (nm_si_fails(FAULT_RUN, stream->context->device->physical)) {
        set_error(stream->context, NM_CU_LAUNCH_FAILED);
        return;
    }
    int error = nm_si_run_kernel(&stream->crew, work);
    if (error) {
        set_error(stream->context, error);
    }
}

static void do_work(nm_cu_stream stream, nm_si_work *work)
{
    const int64_t begin = nm_si_now_ns();
    switch (work->kind) {
    case WORK_TO_HOST:
        /* whoever looks before the copy is known to be done shall not see what was there before */
        memset(work->to, POISON, work->n_bytes);
        do_copy(stream, work);
        log_work(stream, work, begin);
        break;
    case WORK_TO_DEVICE:
        do_copy(stream, work);
        log_work(stream, work, begin);
        break;
    case WORK_SET:
        memset(work->to, work->value, work->n_bytes);
        log_work(stream, work, begin);
        break;
    case WORK_KERNEL:
        do_kernel(stream, work);
        log_work(stream, work, begin);
        break;
    case WORK_RECORD:
    case WORK_WAIT:
        break;
    }
}

/* The part of a work that concerns events, under the lock. */
static void meet_event(nm_cu_stream stream, nm_si_work *work)
{
    nm_cu_event event = work->event;
    if (work->kind == WORK_WAIT) {
        while (event->n_reached < work->generation && !stream->context->error) {
            pthread_cond_wait(&nm_si_change, &nm_si_lock);
        }
    } else if (work->kind == WORK_RECORD && event->n_reached < work->generation) {
        event->n_reached = work->generation;
        event->reached_ns = nm_si_now_ns();
    }
    if (event) {
        nm_si_event_end(event);
    }
}

static void *work_off(void *argument)
{
    nm_cu_stream stream = argument;
    pthread_mutex_lock(&nm_si_lock);
    for (;;) {
        while (!stream->first && !stream->is_ending) {
            pthread_cond_wait(&nm_si_change, &nm_si_lock);
        }
        nm_si_work *work = stream->first;
        if (!work) {
            break;
        }
        const int is_dead = stream->context->error != 0;
        pthread_mutex_unlock(&nm_si_lock);
        if (!is_dead) {
            do_work(stream, work);
        }
        pthread_mutex_lock(&nm_si_lock);
        meet_event(stream, work);
        stream->first = work->next;
        if (!stream->first) {
            stream->end = &stream->first;
        }
        stream->n_pending--;
        free(work);
        pthread_cond_broadcast(&nm_si_change);
    }
    pthread_mutex_unlock(&nm_si_lock);
    nm_si_crew_end(stream->crew);
    return NULL;
}

/* --- streams ---------------------------------------------------------------------------------- */

nm_si_work *nm_si_work_new(nm_si_work_kind kind, size_t parameter_bytes)
{
    nm_si_work *work =
        aligned_alloc(_Alignof(nm_si_work), sizeof(nm_si_work) + (parameter_bytes + 15) / 16 * 16);
    if (work) {
        memset(work, 0, sizeof *work);
        work->kind = kind;
    }
    return work;
}

static void wait_for(nm_cu_stream stream)
{
    while (stream->n_pending > 0) {
        pthread_cond_wait(&nm_si_change, &nm_si_lock);
    }
}

void nm_si_drain(nm_cu_context context)
{
    for (nm_cu_stream s = context->streams; s; s = s->next) {
        wait_for(s);
    }
}

int nm_si_queue(nm_cu_stream stream, nm_si_work *work, int is_waited_for)
{
    nm_cu_context c = stream->context;
    if (stream == c->dflt) {
        /* it takes turns with the streams that did not ask to be free of it */
        for (nm_cu_stream s = c->streams; s; s = s->next) {
            if (!(s->flags & NM_CU_STREAM_NON_BLOCKING)) {
                wait_for(s);
            }
        }
    }
    *stream->end = work;
    stream->end = &work->next;
    stream->n_pending++;
    pthread_cond_broadcast(&nm_si_change);
    if (stream == c->dflt || is_waited_for) {
        wait_for(stream);
        return c->error;
    }
    return NM_CU_SUCCESS;
}

nm_cu_stream nm_si_stream_new(nm_cu_context context, unsigned flags)
{
    nm_cu_stream stream = calloc(1, sizeof *stream);
    if (!stream) {
        return NULL;
    }
    stream->context = context;
    stream->flags = flags;
    stream->end = &stream->first;
    if (pthread_create(&stream->thread, NULL, work_off, stream) != 0) {
        free(stream);
        return NULL;
    }
    stream->number = context->n_streams_made++;
    stream->next = context->streams;
    context->streams = stream;
    return stream;
}

void nm_si_stream_end(nm_cu_stream stream)
{
    wait_for(stream);
    nm_cu_stream *place = &stream->context->streams;
    while (*place != stream) {
        place = &(*place)->next;
    }
    *place = stream->next;
    stream->is_ending = 1;
    pthread_cond_broadcast(&nm_si_change);
    pthread_mutex_unlock(&nm_si_lock);
    pthread_join(stream->thread, NULL);
    pthread_mutex_lock(&nm_si_lock);
    free(stream);
}

nm_cu_stream nm_si_stream_of(nm_cu_context context, nm_cu_stream handle, const char *who)
{
    if (!handle) {
        return context->dflt;
    }
    for (nm_cu_stream s = context->streams; s; s = s->next) {
        if (s == handle && s != context->dflt) {
            return s;
        }
    }
    nm_si_violation("%s: %p is no stream of device %d", who, (void *)handle,
                    context->device->physical);
    return NULL;
}

int nm_si_is_in_use(const char *bytes, size_t n_bytes)
{
    for (int i = 0; i < MAX_DEVICES; i++) {
        nm_cu_context c = nm_si_context(i);
        for (nm_cu_stream s = c ? c->streams : NULL; s; s = s->next) {
            for (const nm_si_work *w = s->first; w; w = w->next) {
                const char *host = w->kind == WORK_TO_DEVICE ? w->from
                                   : w->kind == WORK_TO_HOST ? w->to
                                                             : NULL;
                if (host && host < bytes + n_bytes && bytes < host + w->n_bytes) {
                    return 1;
                }
            }
        }
    }
    return 0;
}

int cuStreamCreate(nm_cu_stream *stream, unsigned flags)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    *stream = NULL;
    if (!c) {
        return result;
    }
    if (result == NM_CU_SUCCESS && flags > 1) {
        result = NM_CU_INVALID_VALUE;
    } else if (result == NM_CU_SUCCESS) {
        *stream =
            nm_si_fails(FAULT_STREAM, c->device->physical) ? NULL : nm_si_stream_new(c, flags);
        result = *stream ? NM_CU_SUCCESS : NM_CU_OUT_OF_MEMORY;
    }
    return nm_si_leave(c, "cuStreamCreate", result, "stream=%d", *stream ? (*stream)->number : -1);
}

int cuStreamDestroy_v2(nm_cu_stream handle)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    nm_cu_stream stream = handle ? nm_si_stream_of(c, handle, "cuStreamDestroy") : NULL;
    const int number = stream ? stream->number : -1;
    if (stream) {
        nm_si_stream_end(stream);
    } else {
        result = NM_CU_INVALID_HANDLE;
    }
    return nm_si_leave(c, "cuStreamDestroy", result, "stream=%d", number);
}

int cuStreamSynchronize(nm_cu_stream handle)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    nm_cu_stream stream = nm_si_stream_of(c, handle, "cuStreamSynchronize");
    if (result == NM_CU_SUCCESS && !stream) {
        result = NM_CU_INVALID_HANDLE;
    } else if (result == NM_CU_SUCCESS) {
        wait_for(stream);
        if (nm_si_fails(FAULT_SYNC, c->device->physical) && !c->error) {
            c->error = NM_CU_LAUNCH_FAILED;
        }
        result = c->error;
    }
    return nm_si_leave(c, "cuStreamSynchronize", result, "stream=%d", stream ? stream->number : -1);
}

int cuCtxSynchronize(void)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    if (result == NM_CU_SUCCESS) {
        nm_si_drain(c);
        if (nm_si_fails(FAULT_SYNC, c->device->physical) && !c->error) {
            c->error = NM_CU_LAUNCH_FAILED;
        }
        result = c->error;
    }
    return nm_si_leave(c, "cuCtxSynchronize", result, " ");
}

/* --- events ----------------------------------------------------------------------------------- */

void nm_si_event_end(nm_cu_event event)
{
    if (--event->n_users > 0) {
        return;
    }
    free(event);
}

/* the event that a handle stands for, or NULL, with a violation */
static nm_cu_event event_of(nm_cu_context context, nm_cu_event handle, const char *who)
{
    for (nm_cu_event e = context->events; e; e = e->next) {
        if (e == handle) {
            return e;
        }
    }
    nm_si_violation("%s: %p is no event of device %d", who, (void *)handle,
                    context->device->physical);
    return NULL;
}

int cuEventCreate(nm_cu_event *event, unsigned flags)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    *event = NULL;
    if (!c) {
        return result;
    }
    if (result == NM_CU_SUCCESS && flags > 3) {
        result = NM_CU_INVALID_VALUE;
    } else if (result == NM_CU_SUCCESS) {
        nm_cu_event e = nm_si_fails(FAULT_EVENT, c->device->physical) ? NULL : calloc(1, sizeof *e);
        result = e ? NM_CU_SUCCESS : NM_CU_OUT_OF_MEMORY;
        if (e) {
            *e = (struct CUevent_st){.next = c->events, .context = c, .flags = flags, .n_users = 1};
            c->events = e;
            *event = e;
        }
    }
    return nm_si_leave(c, "cuEventCreate", result, " ");
}

int cuEventDestroy_v2(nm_cu_event handle)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    nm_cu_event event = event_of(c, handle, "cuEventDestroy");
    if (event) {
        nm_si_forget_event(event);
    } else {
        result = NM_CU_INVALID_HANDLE;
    }
    return nm_si_leave(c, "cuEventDestroy", result, " ");
}

void nm_si_forget_event(nm_cu_event event)
{
    nm_cu_event *place = &event->context->events;
    while (*place != event) {
        place = &(*place)->next;
    }
    *place = event->next;
    nm_si_event_end(event);
}

/* a work of a stream that concerns an event */
static int queue_event(const char *name, nm_si_work_kind kind, nm_cu_stream handle,
                       nm_cu_event which)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    nm_cu_stream stream = nm_si_stream_of(c, handle, name);
    /* streams may wait for each other across devices, but record only their own device's events */
    nm_cu_event event = NULL;
    if (kind == WORK_RECORD) {
        event = event_of(c, which, name);
    } else {
        for (int i = 0; i < MAX_DEVICES && !event; i++) {
            nm_cu_context owner = nm_si_context(i);
            for (nm_cu_event e = owner ? owner->events : NULL; e && !event; e = e->next) {
                event = e == which ? e : NULL;
            }
        }
    }
    if (result == NM_CU_SUCCESS && (!stream || !event)) {
        result = NM_CU_INVALID_HANDLE;
    } else if (result == NM_CU_SUCCESS) {
        nm_si_work *work = nm_si_work_new(kind, 0);
        if (!work) {
            return nm_si_leave(c, name, NM_CU_OUT_OF_MEMORY, " ");
        }
        work->event = event;
        work->generation = kind == WORK_RECORD ? ++event->n_recorded : event->n_recorded;
        event->n_users++;
        result = nm_si_queue(stream, work, 0);
    }
    return nm_si_leave(c, name, result, "stream=%d", stream ? stream->number : -1);
}

int cuEventRecord(nm_cu_event event, nm_cu_stream stream)
{
    return queue_event("cuEventRecord", WORK_RECORD, stream, event);
}

int cuStreamWaitEvent(nm_cu_stream stream, nm_cu_event event, unsigned flags)
{
    return flags > 1 ? NM_CU_INVALID_VALUE
                     : queue_event("cuStreamWaitEvent", WORK_WAIT, stream, event);
}

int cuEventQuery(nm_cu_event handle)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    nm_cu_event event = event_of(c, handle, "cuEventQuery");
    if (result == NM_CU_SUCCESS) {
        result = !event                                 ? NM_CU_INVALID_HANDLE
                 : event->n_reached < event->n_recorded ? NM_CU_NOT_READY
                                                        : NM_CU_SUCCESS;
    }
    /* polled often, so not in the log */
    pthread_mutex_unlock(&nm_si_lock);
    return result;
}

int cuEventSynchronize(nm_cu_event handle)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    nm_cu_event event = event_of(c, handle, "cuEventSynchronize");
    if (result == NM_CU_SUCCESS && !event) {
        result = NM_CU_INVALID_HANDLE;
    } else if (result == NM_CU_SUCCESS) {
        const uint64_t generation = event->n_recorded;
        event->n_users++;
        while (event->n_reached < generation && !c->error) {
            pthread_cond_wait(&nm_si_change, &nm_si_lock);
        }
        nm_si_event_end(event);
        if (nm_si_fails(FAULT_SYNC, c->device->physical) && !c->error) {
            c->error = NM_CU_LAUNCH_FAILED;
        }
        result = c->error;
    }
    return nm_si_leave(c, "cuEventSynchronize", result, " ");
}

int cuEventElapsedTime(float *milliseconds, nm_cu_event start, nm_cu_event end)
{
    int result;
    nm_cu_context c = nm_si_enter(&result);
    if (!c) {
        return result;
    }
    start = event_of(c, start, "cuEventElapsedTime");
    end = event_of(c, end, "cuEventElapsedTime");
    if (result == NM_CU_SUCCESS) {
        if (!start || !end || ((start->flags | end->flags) & NM_CU_EVENT_NO_TIMING) ||
            !start->n_recorded || !end->n_recorded) {
            nm_si_violation("cuEventElapsedTime: an event without a time");
            result = NM_CU_INVALID_HANDLE;
        } else if (start->n_reached < start->n_recorded || end->n_reached < end->n_recorded) {
            result = NM_CU_NOT_READY;
        } else {
            *milliseconds = (float)(end->reached_ns - start->reached_ns) * 1e-6f;
        }
    }
    return nm_si_leave(c, "cuEventElapsedTime", result, " ");
}
