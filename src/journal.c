/* Append-only hashed records of finished tiles in one folder, which any kill leaves whole.
 *
 *   1. opening: alone, as one of several shards, as a rank   2. appending   3. reading   4. closing */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "journal_parts.h"

enum {
    SYNC_SECONDS = 5, /* a crash of the machine loses at most this much work */
    OPEN_TRIES = 100  /* of a shard, 20 ms apart, while another one makes the folder */
};

/* --- 1. opening --------------------------------------------------------------------------------- */

static nm_status check_manifest(const nm_journal *journal, const char *path, const nm_plan *plan)
{
    nm_manifest wanted, found;
    nm_manifest_describe(&wanted, plan);
    NM_TRY(nm_manifest_read(&found, path));
    return nm_manifest_match(&found, &wanted, journal->parts);
}

/* Makes a manifest or matches the one that is there; nobody else is at work. */
static nm_status prepare(const nm_journal *journal, const nm_plan *plan, int fresh)
{
    char *path = nm_file_format("%s/manifest.toml", journal->parts);
    if (!path) {
        return nm_journal_no_memory();
    }
    nm_status status;
    if (access(path, F_OK) == 0 && !fresh) {
        status = check_manifest(journal, path, plan);
    } else {
        nm_manifest wanted;
        nm_manifest_describe(&wanted, plan);
        nm_manifest_time(wanted.created);
        status = nm_journal_remove_records(journal->parts);
        if (status == NM_OK) {
            status = nm_manifest_write(&wanted, journal->parts, nm_manifest_config(plan));
        }
    }
    free(path);
    return status;
}

static void destroy(nm_journal **journal)
{
    nm_journal *j = *journal;
    const int files[] = {j->fd, j->shard_fd, j->lock_fd};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (files[i] >= 0) {
            close(files[i]);
        }
    }
    pthread_mutex_destroy(&j->mutex);
    free((void *)j->done);
    free(j->places);
    free(j->segments);
    free(j->parts);
    free(j);
    *journal = NULL;
}

/* A journal of the plan without a folder. */
static nm_status create(nm_journal **journal, const char *out_path, const nm_plan *plan)
{
    *journal = NULL;
    nm_journal *j = calloc(1, sizeof *j);
    if (!j) {
        return nm_journal_no_memory();
    }
    pthread_mutex_init(&j->mutex, NULL);
    j->fd = j->lock_fd = j->shard_fd = -1;
    j->n_tiles = plan->n_tiles;
    j->full_bytes = nm_plan_tile_bytes(plan, 0);
    j->last_bytes = nm_plan_tile_bytes(plan, plan->n_tiles - 1);
    snprintf(j->fingerprint, sizeof j->fingerprint, "%s", plan->fingerprint);
    j->parts = nm_file_format("%s.parts", out_path);
    j->done = calloc((size_t)j->n_tiles, sizeof *j->done);
    j->places = calloc((size_t)j->n_tiles, sizeof *j->places);
    clock_gettime(CLOCK_MONOTONIC, &j->last_sync);
    if (!j->parts || !j->done || !j->places) {
        destroy(&j);
        return nm_journal_no_memory();
    }
    *journal = j;
    return NM_OK;
}

/* A number that no run has used, for the segment of this one. */
static int free_number(const nm_journal *journal)
{
    int number = 0;
    for (int i = 0; i < journal->n_segments; i++) {
        const int used = journal->segments[i].name.number;
        number = used >= number ? used + 1 : number;
    }
    return number;
}

nm_status nm_journal_open(nm_journal **journal, const char *out_path, const nm_plan *plan,
                          int fresh)
{
    *journal = NULL;
    NM_TRY(nm_journal_check_output(out_path));
    nm_journal *j;
    NM_TRY(create(&j, out_path, plan));
    int is_new = 0;
    nm_status status = nm_journal_take_lock(&j->lock_fd, &is_new, j->parts);
    if (status == NM_OK) {
        status = prepare(j, plan, fresh);
        if (status == NM_OK) {
            status = nm_journal_scan(j, &j->n_torn);
        }
        if (status != NM_OK && is_new) {
            (void)nm_journal_remove_records(j->parts);
            nm_journal_remove_folder(j->parts);
        }
    }
    if (status != NM_OK) {
        destroy(&j);
        return status;
    }
    j->own_name = (nm_segment_name){.number = free_number(j), .rank = 0};
    *journal = j;
    return NM_OK;
}

/* One try to share the folder. is_open: 0 where another shard came between; the caller tries again. */
static nm_status try_to_share(nm_journal *journal, int *is_open, const nm_plan *plan)
{
    int is_alone, is_new;
    *is_open = 0;
    NM_TRY(nm_journal_share_lock(&journal->lock_fd, &is_alone, &is_new, journal->parts));
    if (journal->lock_fd < 0) {
        return NM_OK;
    }
    nm_status status = NM_OK;
    if (is_alone) {
        status = prepare(journal, plan, 0);
        if (status != NM_OK && is_new) {
            (void)nm_journal_remove_records(journal->parts);
            nm_journal_remove_folder(journal->parts);
        }
        *is_open = status == NM_OK && nm_journal_lower_lock(journal->lock_fd);
    } else {
        char *path = nm_file_format("%s/manifest.toml", journal->parts);
        status = path ? NM_OK : nm_journal_no_memory();
        if (path && access(path, F_OK) == 0) {
            status = check_manifest(journal, path, plan);
            *is_open = status == NM_OK;
        }
        free(path);
    }
    if (!*is_open) {
        close(journal->lock_fd);
        journal->lock_fd = -1;
    }
    return status;
}

nm_status nm_journal_open_shard(nm_journal **journal, const char *out_path, const nm_plan *plan,
                                int shard, int n_shards)
{
    *journal = NULL;
    NM_TRY(nm_journal_check_output(out_path));
    nm_journal *j;
    NM_TRY(create(&j, out_path, plan));
    const struct timespec pause = {.tv_nsec = 20000000};
    int is_open = 0;
    nm_status status = NM_OK;
    for (int i_try = 0; status == NM_OK && !is_open; i_try++) {
        if (i_try == OPEN_TRIES) {
            status = nm_journal_locked(j->parts, "lock");
            break;
        }
        if (i_try > 0) {
            nanosleep(&pause, NULL);
        }
        status = try_to_share(j, &is_open, plan);
    }
    if (status == NM_OK) {
        status = nm_journal_take_shard(&j->shard_fd, j->parts, shard, n_shards);
    }
    if (status == NM_OK) {
        /* others are in the middle of a record: what is torn is theirs */
        int64_t n_torn;
        status = nm_journal_scan(j, &n_torn);
    }
    if (status != NM_OK) {
        destroy(&j);
        return status;
    }
    j->own_name = (nm_segment_name){.number = free_number(j), .rank = shard};
    *journal = j;
    return NM_OK;
}

nm_status nm_journal_open_view(nm_journal **journal, const char *out_path, const nm_plan *plan)
{
    nm_journal *j;
    *journal = NULL;
    NM_TRY(create(&j, out_path, plan));
    int64_t n_torn;
    char *path = nm_file_format("%s/manifest.toml", j->parts);
    nm_status status = path ? check_manifest(j, path, plan) : nm_journal_no_memory();
    if (status == NM_OK) {
        status = nm_journal_scan(j, &n_torn);
    }
    free(path);
    if (status != NM_OK) {
        destroy(&j);
    }
    *journal = j;
    return status;
}

nm_status nm_journal_join(nm_journal **journal, const char *out_path, const nm_plan *plan, int rank,
                          int number, const unsigned char *done)
{
    NM_TRY(create(journal, out_path, plan));
    nm_journal *j = *journal;
    j->own_name = (nm_segment_name){.number = number, .rank = rank};
    for (int64_t i = 0; i < j->n_tiles; i++) {
        j->done[i] = done[i];
        j->n_done += done[i] != 0;
    }
    return NM_OK;
}

int nm_journal_number(const nm_journal *journal)
{
    return journal->own_name.number;
}

void nm_journal_list_done(const nm_journal *journal, unsigned char *done)
{
    for (int64_t i = 0; i < journal->n_tiles; i++) {
        done[i] = atomic_load(&journal->done[i]);
    }
}

nm_status nm_journal_look_again(nm_journal *journal)
{
    int64_t n_torn;
    pthread_mutex_lock(&journal->mutex);
    nm_status status = nm_journal_scan(journal, &n_torn);
    pthread_mutex_unlock(&journal->mutex);
    return status;
}

int nm_journal_claim(nm_journal *journal)
{
    return journal->shard_fd < 0 || nm_journal_raise_lock(journal->lock_fd);
}

int nm_journal_has(const nm_journal *journal, int64_t i_tile)
{
    return i_tile >= 0 && i_tile < journal->n_tiles && atomic_load(&journal->done[i_tile]);
}

int64_t nm_journal_n_done(const nm_journal *journal)
{
    return atomic_load(&journal->n_done);
}

int64_t nm_journal_n_torn(const nm_journal *journal)
{
    return journal->n_torn;
}

/* --- 2. appending ------------------------------------------------------------------------------- */

/* Creates this run's segment; the mutex is held. */
static nm_status start_segment(nm_journal *journal)
{
    NM_TRY(nm_journal_add_segment(journal, journal->own_name));
    nm_segment *own = &journal->segments[journal->n_segments - 1];
    nm_status status = NM_OK;
    int fd = -1;
    while (status == NM_OK && fd < 0) {
        char *path = nm_journal_segment_path(journal->parts, own->name);
        fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
        if (!path) {
            status = nm_journal_no_memory();
        } else if (fd >= 0) {
            status = nm_file_sync_folder_of(path);
        } else if (errno == EEXIST) {
            own->name.number++; /* a shard of the same number in another division began it */
        } else {
            status = nm_fail(NM_IO, "cannot create '%s': %s", path, strerror(errno));
        }
        free(path);
    }
    if (fd < 0) {
        journal->n_segments--;
    } else {
        journal->own = journal->n_segments - 1;
        journal->fd = fd;
    }
    return status;
}

/* Writes one record at the end of the own segment; the mutex is held. */
static nm_status write_record(nm_journal *journal,
                              const unsigned char header[NM_JOURNAL_HEADER_BYTES],
                              const void *payload, int64_t bytes)
{
    if (journal->is_broken) {
        return nm_fail(NM_IO, "'%s' takes no more records after a failed write", journal->parts);
    }
    if (journal->fd < 0) {
        NM_TRY(start_segment(journal));
    }
    nm_status status = nm_file_write(journal->fd, journal->parts, header, NM_JOURNAL_HEADER_BYTES);
    if (status == NM_OK) {
        status = nm_file_write(journal->fd, journal->parts, payload, (size_t)bytes);
    }
    if (status != NM_OK) {
        /* cut the torn record off: a scan would never look behind it */
        if (ftruncate(journal->fd, (off_t)journal->segments[journal->own].end) != 0 ||
            lseek(journal->fd, (off_t)journal->segments[journal->own].end, SEEK_SET) < 0) {
            journal->is_broken = 1;
        }
    }
    return status;
}

/* Claims the next sync where one is due; the mutex is held. The sync itself runs without it. */
static int claim_sync(nm_journal *journal, int at_once)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!journal->is_dirty || (!at_once && now.tv_sec - journal->last_sync.tv_sec < SYNC_SECONDS)) {
        return 0;
    }
    journal->last_sync = now;
    journal->is_dirty = 0;
    return 1;
}

static nm_status sync_segment(nm_journal *journal)
{
    while (fdatasync(journal->fd) != 0) {
        if (errno != EINTR) {
            return nm_fail(NM_IO, "cannot force '%s' to the disk: %s", journal->parts,
                           strerror(errno));
        }
    }
    return NM_OK;
}

nm_status nm_journal_append(nm_journal *journal, int64_t i_tile, const void *payload, int64_t bytes)
{
    if (i_tile < 0 || i_tile >= journal->n_tiles ||
        bytes != nm_journal_payload_bytes(journal, i_tile)) {
        return nm_fail(NM_IO, "a record of %" PRId64 " bytes does not fit tile %" PRId64 " of '%s'",
                       bytes, i_tile, journal->parts);
    }
    if (nm_journal_has(journal, i_tile)) {
        return NM_OK;
    }
    unsigned char header[NM_JOURNAL_HEADER_BYTES];
    nm_journal_fill_header(header, journal->fingerprint, i_tile, payload, bytes);

    pthread_mutex_lock(&journal->mutex);
    int must_sync = 0;
    nm_status status = write_record(journal, header, payload, bytes);
    if (status == NM_OK) {
        nm_segment *own = &journal->segments[journal->own];
        nm_journal_note_record(journal, i_tile, journal->own, own->end);
        own->end += (int64_t)sizeof header + bytes;
        journal->is_dirty = 1;
        must_sync = claim_sync(journal, 0);
    }
    pthread_mutex_unlock(&journal->mutex);
    return must_sync ? sync_segment(journal) : status;
}

nm_status nm_journal_sync(nm_journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    int must_sync = claim_sync(journal, 1);
    pthread_mutex_unlock(&journal->mutex);
    return must_sync ? sync_segment(journal) : NM_OK;
}

/* --- 3. reading --------------------------------------------------------------------------------- */

nm_status nm_journal_read(nm_journal *journal, int64_t i_tile, void *payload, int64_t bytes)
{
    if (!nm_journal_has(journal, i_tile) || bytes != nm_journal_payload_bytes(journal, i_tile)) {
        return nm_fail(NM_IO, "'%s' holds no record of tile %" PRId64 " with %" PRId64 " bytes",
                       journal->parts, i_tile, bytes);
    }
    pthread_mutex_lock(&journal->mutex);
    const nm_place at = journal->places[i_tile];
    char *path = nm_journal_segment_path(journal->parts, journal->segments[at.segment].name);
    pthread_mutex_unlock(&journal->mutex);
    if (!path) {
        return nm_journal_no_memory();
    }
    nm_status status = nm_journal_read_record(path, at.offset, i_tile, payload, bytes);
    free(path);
    return status;
}

/* --- 4. closing --------------------------------------------------------------------------------- */

void nm_journal_close(nm_journal **journal, int remove)
{
    if (!*journal) {
        return;
    }
    if (remove) {
        (void)nm_journal_remove_records((*journal)->parts);
        nm_journal_remove_folder((*journal)->parts);
    } else {
        (void)nm_journal_sync(*journal);
    }
    destroy(journal);
}
