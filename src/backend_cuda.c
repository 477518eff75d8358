/* The CUDA backend: devices side by side, and on each a few batches of tiles in work at once, each
 * with a thread of its own that waits for it and journals it: so computing, copying and journalling
 * overlap, and a batch with stragglers holds up none of the others.
 *
 * 1. failures     2. a batch after the other     3. a device     4. which devices     5. the backend */
#include "backend.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_batch.h"
#include "cuda_image.h"
#include "local_rank.h"
#include "words.h"

enum { ERROR_BYTES = 1024 };

/* What all threads of a run share. */
typedef struct crew {
    const nm_plan *plan;
    const nm_backend_options *options;
    nm_tile_source *source;
    const nm_cuda_driver *driver;
    int n_devices;
    atomic_int has_failed;
    pthread_mutex_t lock; /* of the first failure and its sentence */
    nm_status status;
    char error[ERROR_BYTES];
    pthread_mutex_t taking; /* a batch is tiles in a row */
} crew;

/* One device of a run. */
typedef struct worker {
    crew *crew;
    int number;
    nm_cuda_device device;
    nm_cuda_shape shape;
    nm_cuda_slot slot[NM_CUDA_SLOTS];
    nm_backend_device report;
    pthread_mutex_t lock; /* of the counts and times below, and in the report */
    nm_busy compute, copy, journal;
} worker;

/* A slot and its thread. */
typedef struct hand {
    worker *worker;
    nm_cuda_slot *slot;
    int row_compute, row_copy, row_journal; /* of the timeline */
} hand;

/* --- 1. failures ------------------------------------------------------------------------------ */

/* Keeps the first failure with its sentence, which is per thread, for the caller; the others stop
 * after what they have in work. */
static void keep_failure(crew *crew, nm_status status)
{
    pthread_mutex_lock(&crew->lock);
    if (crew->status == NM_OK) {
        crew->status = status;
        snprintf(crew->error, sizeof crew->error, "%s", nm_last_error());
    }
    pthread_mutex_unlock(&crew->lock);
    atomic_store(&crew->has_failed, 1);
}

static nm_status name_device(const worker *worker, nm_status status)
{
    char label[NM_CUDA_LABEL];
    if (status == NM_OK) {
        return NM_OK;
    }
    return nm_fail(status,
                   "%s: %s; the tiles that are done are kept, and the same command goes on from "
                   "them",
                   nm_cuda_device_label(label, &worker->device), nm_last_error());
}

/* --- 2. a batch after the other --------------------------------------------------------------- */

/* returns 0 where there is no more work */
static int take_tiles(crew *crew, nm_cuda_slot *slot)
{
    slot->n_tiles = 0;
    pthread_mutex_lock(&crew->taking);
    while (slot->n_tiles < slot->shape->n_tiles && !atomic_load(&crew->has_failed)) {
        int64_t i_tile = crew->source->next(crew->source->context);
        if (i_tile < 0) {
            break;
        }
        slot->i_tile[slot->n_tiles++] = i_tile;
    }
    pthread_mutex_unlock(&crew->taking);
    return slot->n_tiles > 0;
}

static nm_status hand_over(crew *crew, const nm_cuda_slot *slot, int64_t *n_points)
{
    *n_points = 0;
    for (int64_t k = 0; k < slot->n_tiles; k++) {
        int64_t n = nm_plan_tile_points(crew->plan, slot->i_tile[k]);
        int64_t n_follow = nm_cuda_slot_followed(slot, k);
        NM_TRY(nm_backend_hand_over(crew->source, crew->plan, slot->i_tile[k],
                                    nm_cuda_slot_payload(slot, k), n - n_follow, n_follow));
        *n_points += n;
    }
    return NM_OK;
}

/* end: when the thread learned that the copy was done */
static void keep_times(const hand *hand, double compute_s, double copy_s, double end,
                       double journal_end, int64_t n_points)
{
    worker *worker = hand->worker;
    nm_timeline *timeline = worker->crew->options->timeline;
    double computed = end - copy_s, begun = computed - compute_s;
    pthread_mutex_lock(&worker->lock);
    nm_busy_add(&worker->compute, begun, computed);
    nm_busy_add(&worker->copy, computed, end);
    nm_busy_add(&worker->journal, end, journal_end);
    worker->report.n_points += n_points;
    pthread_mutex_unlock(&worker->lock);
    if (timeline) {
        char what[96];
        snprintf(what, sizeof what, "tiles %lld to %lld", (long long)hand->slot->i_tile[0],
                 (long long)hand->slot->i_tile[hand->slot->n_tiles - 1]);
        nm_timeline_add(timeline, hand->row_compute, what, begun, computed);
        nm_timeline_add(timeline, hand->row_copy, what, computed, end);
        nm_timeline_add(timeline, hand->row_journal, what, end, journal_end);
    }
}

static nm_status compute_batch(const hand *hand)
{
    double compute_s, copy_s;
    int64_t n_points;
    NM_TRY(name_device(hand->worker, nm_cuda_slot_start(hand->slot)));
    NM_TRY(name_device(hand->worker, nm_cuda_slot_wait(hand->slot, &compute_s, &copy_s)));
    double end = nm_clock();
    nm_status status = hand_over(hand->worker->crew, hand->slot, &n_points);
    keep_times(hand, compute_s, copy_s, end, nm_clock(), n_points);
    return status;
}

static void *work(void *argument)
{
    hand *hand = argument;
    crew *crew = hand->worker->crew;
    nm_status status = name_device(hand->worker, nm_cuda_device_enter(&hand->worker->device));
    while (status == NM_OK && take_tiles(crew, hand->slot)) {
        status = compute_batch(hand);
    }
    if (status != NM_OK) {
        keep_failure(crew, status);
    }
    return NULL;
}

/* --- 3. a device ------------------------------------------------------------------------------ */

static void say_shrunk(const worker *worker, const char *what)
{
    nm_tile_source *source = worker->crew->source;
    const nm_cuda_shape *shape = &worker->shape;
    char label[NM_CUDA_LABEL], points[NM_WORDS], sentence[NM_CUDA_LABEL + 256];
    if (!source->note) {
        return;
    }
    snprintf(sentence, sizeof sentence,
             "%s: not enough %s; going on with batches of %s points, %d at a time",
             nm_cuda_device_label(label, &worker->device), what,
             nm_words_count(points, shape->n_tiles * shape->tile_points), shape->n_slots);
    source->note(source->context, sentence);
}

static void close_slots(worker *worker)
{
    for (int i = 0; i < NM_CUDA_SLOTS; i++) {
        nm_cuda_slot_close(&worker->slot[i]);
    }
}

/* Takes the memory of all slots; where there is less than was said to be free, of smaller ones. */
static nm_status open_slots(worker *worker)
{
    for (;;) {
        const char *what = "";
        nm_status status = NM_OK;
        for (int i = 0; i < worker->shape.n_slots && status == NM_OK; i++) {
            status = nm_cuda_slot_open(&worker->slot[i], &worker->device, &worker->shape, &what);
        }
        if (status == NM_OK) {
            return NM_OK;
        }
        close_slots(worker);
        if (status != NM_MEMORY) {
            return name_device(worker, status);
        }
        if (!nm_cuda_shape_shrink(&worker->shape)) {
            char label[NM_CUDA_LABEL], points[NM_WORDS];
            return nm_fail(NM_DEVICE,
                           "%s: not enough %s for a single tile of %s points (%s); free some, make "
                           "tiles smaller by a lower [limits] memory, or use --backend cpu",
                           nm_cuda_device_label(label, &worker->device), what,
                           nm_words_count(points, worker->shape.tile_points), nm_last_error());
        }
        say_shrunk(worker, what);
    }
}

static void fill_report(nm_backend_device *report, const nm_cuda_device *device,
                        const nm_cuda_shape *shape, int was_compiled)
{
    report->number = device->number;
    snprintf(report->name, sizeof report->name, "%s", device->info.name);
    report->major = device->info.major;
    report->minor = device->info.minor;
    report->driver = device->driver->version;
    /* what was compiled a moment ago by the check is in the cache by now */
    snprintf(report->kernels, sizeof report->kernels, "%s",
             was_compiled && strcmp(device->origin, "cached") == 0 ? "compiled now"
                                                                   : device->origin);
    report->n_batches = shape->n_slots;
    report->batch_points = shape->n_tiles * shape->tile_points;
    report->memory_bytes = nm_cuda_shape_bytes(shape, device) + device->array_bytes;
}

static void make_rows(hand *hand, int i_slot)
{
    nm_timeline *timeline = hand->worker->crew->options->timeline;
    char label[NM_CUDA_LABEL], name[32];
    nm_cuda_device_label(label, &hand->worker->device);
    const struct {
        int *row;
        const char *what;
    } rows[] = {{&hand->row_compute, "compute"},
                {&hand->row_copy, "copy"},
                {&hand->row_journal, "journal"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(name, sizeof name, "%s %d", rows[i].what, i_slot);
        *rows[i].row = nm_timeline_row(timeline, label, name);
    }
}

/* a thread for each slot but the first, which this one works for */
static void work_slots(worker *worker)
{
    hand hands[NM_CUDA_SLOTS];
    pthread_t threads[NM_CUDA_SLOTS];
    int n_started = 0;
    for (int i = 0; i < worker->shape.n_slots; i++) {
        hands[i] = (hand){.worker = worker, .slot = &worker->slot[i]};
        make_rows(&hands[i], i);
    }
    for (int i = 1; i < worker->shape.n_slots; i++) {
        if (pthread_create(&threads[n_started], NULL, work, &hands[i]) != 0) {
            break;
        }
        n_started++;
    }
    work(&hands[0]);
    for (int i = 0; i < n_started; i++) {
        pthread_join(threads[i], NULL);
    }
}

static nm_status run_open_device(worker *worker)
{
    const nm_backend_report *report = worker->crew->options->report;
    NM_TRY(nm_cuda_shape_fit(&worker->shape, &worker->device, worker->crew->n_devices));
    NM_TRY(open_slots(worker));
    fill_report(&worker->report, &worker->device, &worker->shape, report && report->was_compiled);
    double start = nm_clock();
    work_slots(worker);
    worker->report.wall_s = nm_clock() - start;
    worker->report.compute_s = nm_busy_seconds(&worker->compute);
    worker->report.copy_s = nm_busy_seconds(&worker->copy);
    worker->report.journal_s = nm_busy_seconds(&worker->journal);
    close_slots(worker);
    return NM_OK;
}

static void *run_device(void *argument)
{
    worker *worker = argument;
    crew *crew = worker->crew;
    nm_status status =
        nm_cuda_device_open(&worker->device, crew->driver, worker->number, crew->plan);
    if (status == NM_OK) {
        status = run_open_device(worker);
        if (status != NM_OK) {
            keep_failure(crew, status); /* before closing, which may have sentences of its own */
        }
        nm_cuda_device_close(&worker->device);
    } else {
        keep_failure(crew, status);
    }
    nm_busy_clear(&worker->compute);
    nm_busy_clear(&worker->copy);
    nm_busy_clear(&worker->journal);
    return NULL;
}

/* --- 4. which devices ------------------------------------------------------------------------- */

/* A process among several of one launcher takes one device, any other takes all that it sees. */
static void choose_devices(int *first, int *n, const nm_cuda_driver *driver)
{
    int rank, n_ranks;
    if (nm_local_rank(&rank, &n_ranks)) {
        *first = rank % driver->n_devices;
        *n = 1;
    } else {
        *first = 0;
        *n = driver->n_devices < NM_MAX_DEVICES ? driver->n_devices : NM_MAX_DEVICES;
    }
}

/* a device of the process has kernels for this plan */
static nm_status check_kernels(int *is_compiled, const nm_plan *plan, const nm_cuda_driver *driver)
{
    int first, n;
    nm_cuda_device_info info;
    nm_cuda_image image;
    choose_devices(&first, &n, driver);
    nm_status status = nm_cuda_device_look(&info, driver, first);
    if (status != NM_OK) {
        return nm_fail(status, "device %d: %s", first, nm_last_error());
    }
    NM_TRY(nm_cuda_image_get(&image, plan->model, plan->task.choice, info.major, info.minor));
    *is_compiled = strcmp(image.origin, "compiled now") == 0;
    nm_cuda_image_clear(&image);
    return NM_OK;
}

/* --- 5. the backend --------------------------------------------------------------------------- */

static nm_status check(const nm_plan *plan, const nm_backend_options *options, int *is_absent)
{
    const nm_cuda_driver *driver;
    int is_compiled = 0;
    *is_absent = 0;
    nm_status status = nm_cuda_driver_get(&driver);
    if (status != NM_OK) {
        *is_absent = nm_cuda_driver_is_absent();
        return status;
    }
    if (plan->task.gradients.n_outputs > 0) {
        return nm_fail(NM_USAGE,
                       "%s takes derivatives, which are computed by CPUs alone; use --backend cpu",
                       plan->task.reduction.kind == NM_REDUCE_DGSM ? "reduce.kind = \"dgsm\""
                                                                   : "output.gradients");
    }
    NM_TRY(check_kernels(&is_compiled, plan, driver));
    if (options->report) {
        options->report->was_compiled = is_compiled;
    }
    return NM_OK;
}

static nm_status run(const nm_plan *plan, const nm_backend_options *options, nm_tile_source *source)
{
    crew crew = {.plan = plan, .options = options, .source = source, .status = NM_OK};
    int first;
    NM_TRY(nm_cuda_driver_get(&crew.driver));
    choose_devices(&first, &crew.n_devices, crew.driver);
    worker *workers = calloc((size_t)crew.n_devices, sizeof *workers);
    pthread_t *threads = calloc((size_t)crew.n_devices, sizeof *threads);
    if (!workers || !threads) {
        free(workers);
        free(threads);
        return nm_fail(NM_MEMORY, "no memory for the work of %d devices", crew.n_devices);
    }
    atomic_init(&crew.has_failed, 0);
    pthread_mutex_init(&crew.lock, NULL);
    pthread_mutex_init(&crew.taking, NULL);

    for (int i = 0; i < crew.n_devices; i++) {
        workers[i].crew = &crew;
        workers[i].number = first + i;
        pthread_mutex_init(&workers[i].lock, NULL);
    }
    int n_started = 1; /* this thread is the first device's */
    while (n_started < crew.n_devices &&
           pthread_create(&threads[n_started], NULL, run_device, &workers[n_started]) == 0) {
        n_started++;
    }
    run_device(&workers[0]);
    for (int i = 1; i < n_started; i++) {
        pthread_join(threads[i], NULL);
    }

    for (int i = 0; i < crew.n_devices; i++) {
        if (options->report && i < n_started && workers[i].report.name[0]) {
            options->report->device[options->report->n_devices++] = workers[i].report;
        }
        pthread_mutex_destroy(&workers[i].lock);
    }
    pthread_mutex_destroy(&crew.taking);
    pthread_mutex_destroy(&crew.lock);
    free(threads);
    free(workers);
    return crew.status == NM_OK ? NM_OK : nm_fail(crew.status, "%s", crew.error);
}

static void describe(FILE *stream)
{
    nm_cuda_driver_describe(stream);
    nm_cuda_image_describe(stream);
}

static void describe_plan(const nm_plan *plan, FILE *stream)
{
    const nm_cuda_driver *driver;
    int first, n;
    if (nm_cuda_driver_get(&driver) != NM_OK) {
        return;
    }
    choose_devices(&first, &n, driver);
    for (int i = first; i < first + n; i++) {
        nm_cuda_device device;
        nm_cuda_shape shape;
        nm_status status = nm_cuda_device_open(&device, driver, i, plan);
        if (status == NM_OK) {
            status = nm_cuda_shape_fit(&shape, &device, n);
        }
        if (status == NM_OK) {
            char label[NM_CUDA_LABEL], points[NM_WORDS], bytes[NM_WORDS], unused[NM_WORDS];
            fprintf(stream,
                    "device       %s: batches of %s points, %d at a time, in %s of its memory (%s "
                    "free)\n",
                    nm_cuda_device_label(label, &device),
                    nm_words_count(points, shape.n_tiles * shape.tile_points), shape.n_slots,
                    nm_words_bytes(
                        bytes, (double)(nm_cuda_shape_bytes(&shape, &device) + device.array_bytes)),
                    nm_words_bytes(unused, (double)device.info.free_bytes));
        } else {
            fprintf(stream, "device       %s\n", nm_last_error());
        }
        nm_cuda_device_close(&device);
    }
}

const nm_backend nm_backend_cuda = {.name = "cuda",
                                    .check = check,
                                    .run = run,
                                    .describe = describe,
                                    .describe_plan = describe_plan};
