/* The writer: every tile is kept once, nobody hangs on a full disk, one sync does not stop the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "writer.h"

enum {
    N_TILES = 300,
    N_THREADS = 4,
    BYTES = 4096,
    N_PAYLOADS = N_THREADS + NM_WRITER_QUEUE,
    MOST_SECONDS = 60 /* what waits for ever is killed */
};

/* A disk that is slow, full from one tile on, or that waits in one tile until another one is kept. */
typedef struct disk {
    nm_writer *writer;
    pthread_mutex_t lock;
    pthread_cond_t is_kept;
    int i_next, n_kept, kept[N_TILES];
    int full_at, slow_us;      /* full_at: tile, or -1 */
    int waits_at, waits_for;   /* tiles, or -1 */
    const void *seen[N_TILES]; /* the payloads that came */
    int n_seen;
    int n_refused; /* callers that were told of the full disk */
} disk;

static nm_status keep(void *context, int64_t i_tile, const void *payload, int64_t bytes,
                      const nm_tile_report *report)
{
    disk *disk = context;
    const unsigned char *byte = payload;
    if (disk->slow_us > 0) {
        usleep((useconds_t)disk->slow_us);
    }
    if (disk->full_at >= 0 && i_tile >= disk->full_at) {
        return nm_fail(NM_IO, "tile %d: the disk is full", disk->full_at);
    }
    int is_whole = bytes == BYTES && report->n == i_tile + 1;
    for (int i = 0; i < BYTES; i++) {
        is_whole = is_whole && byte[i] == (unsigned char)(i_tile + i);
    }
    pthread_mutex_lock(&disk->lock);
    while (i_tile == disk->waits_at && !disk->kept[disk->waits_for]) {
        pthread_cond_wait(&disk->is_kept, &disk->lock);
    }
    disk->kept[i_tile] += is_whole;
    disk->n_kept += is_whole;
    int is_known = 0;
    for (int i = 0; i < disk->n_seen; i++) {
        is_known = is_known || disk->seen[i] == payload;
    }
    if (!is_known) {
        disk->seen[disk->n_seen++] = payload;
    }
    pthread_cond_broadcast(&disk->is_kept);
    pthread_mutex_unlock(&disk->lock);
    return NM_OK;
}

/* Brings tiles until there are no more, or until one is refused. own: a payload of its own. */
static nm_status bring(disk *disk, void *own)
{
    for (;;) {
        pthread_mutex_lock(&disk->lock);
        int i_tile = disk->i_next < N_TILES ? disk->i_next++ : -1;
        pthread_mutex_unlock(&disk->lock);
        if (i_tile < 0) {
            return NM_OK;
        }
        void *payload = own;
        if (!own) {
            NM_TRY(nm_writer_take(disk->writer, &payload));
        }
        for (int i = 0; i < BYTES; i++) {
            ((unsigned char *)payload)[i] = (unsigned char)(i_tile + i);
        }
        nm_tile_report report = {.n = i_tile + 1};
        NM_TRY(nm_writer_put(disk->writer, i_tile, payload, BYTES, &report));
        if (own) { /* it is the caller's again */
            pthread_mutex_lock(&disk->lock);
            int is_kept = disk->kept[i_tile];
            pthread_mutex_unlock(&disk->lock);
            memset(own, 0xff, BYTES);
            if (!is_kept) {
                return nm_fail(NM_DEVICE, "tile %d was not kept on return", i_tile);
            }
        }
    }
}

static void note_refusal(disk *disk, nm_status status)
{
    pthread_mutex_lock(&disk->lock);
    disk->n_refused += status == NM_IO && strstr(nm_last_error(), ": the disk is full") != NULL;
    pthread_mutex_unlock(&disk->lock);
}

static void *work(void *argument)
{
    note_refusal(argument, bring(argument, NULL));
    return NULL;
}

static void *work_with_own(void *argument)
{
    unsigned char own[BYTES];
    note_refusal(argument, bring(argument, own));
    return NULL;
}

static nm_status use(disk *disk, void *(*first)(void *))
{
    pthread_t threads[N_THREADS];
    alarm(MOST_SECONDS);
    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->is_kept, NULL);
    assert_int_equal(nm_writer_begin(&disk->writer, N_THREADS, BYTES, keep, disk, NULL), NM_OK);
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, i == 0 ? first : work, disk), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    nm_status status = nm_writer_end(&disk->writer);
    assert_null(disk->writer);
    pthread_cond_destroy(&disk->is_kept);
    pthread_mutex_destroy(&disk->lock);
    alarm(0);
    return status;
}

static void every_tile_is_kept_once(void **state)
{
    (void)state;
    static const int slow_us[] = {0, 200};
    for (int k = 0; k < 2; k++) {
        disk disk = {.full_at = -1, .waits_at = -1, .slow_us = slow_us[k]};
        assert_int_equal(use(&disk, work), NM_OK);
        assert_int_equal(disk.n_kept, N_TILES);
        for (int i = 0; i < N_TILES; i++) {
            assert_int_equal(disk.kept[i], 1);
        }
        assert_true(disk.n_seen > N_THREADS && disk.n_seen <= N_PAYLOADS);
    }
}

static void a_payload_of_the_caller_is_kept_on_return(void **state)
{
    (void)state;
    disk disk = {.full_at = -1, .waits_at = -1, .slow_us = 50};
    assert_int_equal(use(&disk, work_with_own), NM_OK);
    assert_int_equal(disk.n_kept, N_TILES);
    assert_int_equal(disk.n_seen, N_PAYLOADS + 1);
}

/* The queue is full, all wait for room, and then the disk is full: each of them is told. */
static void a_full_disk_reaches_all(void **state)
{
    (void)state;
    static const int full_at[] = {0, 40};
    for (int k = 0; k < 4; k++) {
        disk disk = {.full_at = full_at[k % 2], .waits_at = -1, .slow_us = 2000};
        nm_fail(NM_USAGE, "an older sentence");
        assert_int_equal(use(&disk, k < 2 ? work : work_with_own), NM_IO);
        assert_non_null(strstr(nm_last_error(), ": the disk is full"));
        assert_int_equal(disk.n_refused, N_THREADS);
        /* those that were under way beside the first refused one may be lost */
        assert_true(disk.n_kept <= full_at[k % 2] && disk.n_kept >= full_at[k % 2] - N_PAYLOADS);
        assert_true(disk.i_next < full_at[k % 2] + 2 * N_PAYLOADS);
    }
}

static void one_that_waits_for_the_disk_stops_nobody(void **state)
{
    (void)state;
    disk disk = {.full_at = -1, .waits_at = 3, .waits_for = 200};
    assert_int_equal(use(&disk, work), NM_OK);
    assert_int_equal(disk.n_kept, N_TILES);
}

static void an_end_without_a_beginning_is_nothing(void **state)
{
    (void)state;
    nm_writer *writer = NULL;
    assert_int_equal(nm_writer_end(&writer), NM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tile_is_kept_once),
        cmocka_unit_test(a_payload_of_the_caller_is_kept_on_return),
        cmocka_unit_test(a_full_disk_reaches_all),
        cmocka_unit_test(one_that_waits_for_the_disk_stops_nobody),
        cmocka_unit_test(an_end_without_a_beginning_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
