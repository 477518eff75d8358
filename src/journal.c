/* Append-only hashed records of finished tiles in one folder, which any kill leaves whole.
 *
 *   1. records and scan   2. the journal */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "files.h"
#include "journal_folder.h"
#include "manifest.h"

enum {
    MAGIC_BYTES = 8,
    TILE_AT = MAGIC_BYTES + NM_FINGERPRINT_BYTES,
    LENGTH_AT = TILE_AT + 8,
    PAYLOAD_HASH_AT = LENGTH_AT + 8,
    HEADER_HASH_AT = PAYLOAD_HASH_AT + 8,
    SCAN_BYTES = 1 << 20, /* payloads are hashed in pieces of this size */
    SYNC_SECONDS = 5,     /* a crash of the machine loses at most this much work */
    LOCK_TRIES = 50
};

static const char magic[MAGIC_BYTES + 1] = "NMJREC01";

typedef struct place { /* where the record of a tile begins */
    int64_t offset;
    int32_t segment; /* index into nm_journal.segments */
} place;

struct nm_journal {
    char *parts;
    char fingerprint[NM_FINGERPRINT_BYTES + 1];
    int lock_fd;

    int64_t n_tiles, full_bytes, last_bytes; /* payload bytes of a full tile, of the last tile */
    _Atomic unsigned char *done;             /* [n_tiles] */
    _Atomic int64_t n_done;
    int64_t n_torn;

    /* all below, and `places`, are guarded by the mutex once the journal is open */
    pthread_mutex_t mutex;
    place *places; /* [n_tiles] */
    nm_segment_name *segments;
    int n_segments;

    int fd;       /* of this run's segment, -1 before the first append */
    int own;      /* its index */
    int64_t end;  /* its length in whole records */
    int is_dirty; /* bytes since the last sync */
    int is_broken;
    struct timespec last_sync;
};

/* --- 1. records and scan -------------------------------------------------------------------------
 */

static void put_number(unsigned char *at, uint64_t number)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (unsigned char)(number >> (8 * i));
    }
}

static uint64_t get_number(const unsigned char *at)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number |= (uint64_t)at[i] << (8 * i);
    }
    return number;
}

static void fill_header(unsigned char header[NM_JOURNAL_HEADER_BYTES], const char *fingerprint,
                        int64_t i_tile, int64_t bytes, uint64_t payload_hash)
{
    memcpy(header, magic, MAGIC_BYTES);
    memcpy(header + MAGIC_BYTES, fingerprint, NM_FINGERPRINT_BYTES);
    put_number(header + TILE_AT, (uint64_t)i_tile);
    put_number(header + LENGTH_AT, (uint64_t)bytes);
    put_number(header + PAYLOAD_HASH_AT, payload_hash);
    put_number(header + HEADER_HASH_AT, XXH3_64bits(header, HEADER_HASH_AT));
}

static int is_header(const unsigned char header[NM_JOURNAL_HEADER_BYTES])
{
    return memcmp(header, magic, MAGIC_BYTES) == 0 &&
           get_number(header + HEADER_HASH_AT) == XXH3_64bits(header, HEADER_HASH_AT);
}

static int64_t tile_bytes(const nm_journal *journal, int64_t i_tile)
{
    return i_tile == journal->n_tiles - 1 ? journal->last_bytes : journal->full_bytes;
}

/* Reads up to `bytes` at `offset`; got: how many there were before the end of the file. */
static nm_status read_at(size_t *got, int fd, const char *path, void *data, size_t bytes,
                         int64_t offset)
{
    *got = 0;
    while (*got < bytes) {
        ssize_t n = pread(fd, (char *)data + *got, bytes - *got, (off_t)(offset + (int64_t)*got));
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return nm_fail(NM_IO, "cannot read '%s': %s", path, strerror(errno));
        }
        if (n == 0) {
            break;
        }
        *got += (size_t)n;
    }
    return NM_OK;
}

/* Hashes `length` bytes at `offset` in pieces; is_whole: 0 where the file ends before. */
static nm_status hash_at(uint64_t *hash, int *is_whole, int fd, const char *path, int64_t length,
                         int64_t offset, void *buffer, XXH3_state_t *state)
{
    XXH3_64bits_reset(state);
    *is_whole = 1;
    while (length > 0 && *is_whole) {
        size_t wanted = length < SCAN_BYTES ? (size_t)length : SCAN_BYTES, got;
        NM_TRY(read_at(&got, fd, path, buffer, wanted, offset));
        XXH3_64bits_update(state, buffer, got);
        *is_whole = got == wanted;
        length -= (int64_t)got;
        offset += (int64_t)got;
    }
    *hash = XXH3_64bits_digest(state);
    return NM_OK;
}

static void note_record(nm_journal *journal, int64_t i_tile, int segment, int64_t offset)
{
    journal->places[i_tile] = (place){.offset = offset, .segment = segment};
    if (!atomic_exchange(&journal->done[i_tile], 1)) {
        atomic_fetch_add(&journal->n_done, 1);
    }
}

/* Walks one segment up to its first bad record. */
static nm_status scan_records(nm_journal *journal, int segment, int fd, const char *path,
                              void *buffer, XXH3_state_t *state)
{
    unsigned char header[NM_JOURNAL_HEADER_BYTES];
    for (int64_t offset = 0;;) {
        size_t got;
        NM_TRY(read_at(&got, fd, path, header, sizeof header, offset));
        if (got == 0) {
            return NM_OK;
        }
        if (got < sizeof header || !is_header(header)) {
            break;
        }
        if (memcmp(header + MAGIC_BYTES, journal->fingerprint, NM_FINGERPRINT_BYTES) != 0) {
            return nm_fail(
                NM_FINGERPRINT,
                "'%s' holds records of another question (fingerprint %.32s, here %s): use --fresh "
                "to throw the unfinished run away, or give another output with -o",
                path, (const char *)header + MAGIC_BYTES, journal->fingerprint);
        }
        int64_t i_tile = (int64_t)get_number(header + TILE_AT);
        int64_t length = (int64_t)get_number(header + LENGTH_AT);
        if (i_tile < 0 || i_tile >= journal->n_tiles || length != tile_bytes(journal, i_tile)) {
            break;
        }
        uint64_t hash;
        int is_whole;
        NM_TRY(hash_at(&hash, &is_whole, fd, path, length, offset + (int64_t)sizeof header, buffer,
                       state));
        if (!is_whole || hash != get_number(header + PAYLOAD_HASH_AT)) {
            break;
        }
        if (!nm_journal_has(journal, i_tile)) {
            note_record(journal, i_tile, segment, offset);
        }
        offset += (int64_t)sizeof header + length;
    }
    journal->n_torn++;
    return NM_OK;
}

static int compare_segments(const void *a, const void *b)
{
    const nm_segment_name *x = a, *y = b;
    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static nm_status list_segments(nm_journal *journal)
{
    DIR *folder = opendir(journal->parts);
    if (!folder) {
        return nm_fail(NM_IO, "cannot list '%s': %s", journal->parts, strerror(errno));
    }
    nm_status status = NM_OK;
    int capacity = 0;
    struct dirent *entry;
    nm_segment_name name;
    while (status == NM_OK && (entry = readdir(folder)) != NULL) {
        if (!nm_journal_is_segment(entry->d_name, &name)) {
            continue;
        }
        if (journal->n_segments == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            nm_segment_name *larger = realloc(journal->segments, (size_t)capacity * sizeof *larger);
            if (!larger) {
                status = nm_journal_no_memory();
                break;
            }
            journal->segments = larger;
        }
        journal->segments[journal->n_segments++] = name;
    }
    closedir(folder);
    if (journal->n_segments > 1) {
        qsort(journal->segments, (size_t)journal->n_segments, sizeof *journal->segments,
              compare_segments);
    }
    return status;
}

static nm_status scan(nm_journal *journal)
{
    NM_TRY(list_segments(journal));
    void *buffer = malloc(SCAN_BYTES);
    XXH3_state_t *state = XXH3_createState();
    nm_status status = buffer && state ? NM_OK : nm_journal_no_memory();
    for (int i = 0; status == NM_OK && i < journal->n_segments; i++) {
        char *path = nm_journal_segment_path(journal->parts, journal->segments[i]);
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (!path) {
            status = nm_journal_no_memory();
        } else if (fd < 0) {
            status = nm_fail(NM_IO, "cannot read '%s': %s", path, strerror(errno));
        } else {
            status = scan_records(journal, i, fd, path, buffer, state);
            close(fd);
        }
        free(path);
    }
    XXH3_freeState(state);
    free(buffer);
    return status;
}

/* --- 2. the journal ------------------------------------------------------------------------------
 */

/* Makes a manifest or matches the one that is there, then scans; the lock is held. */
static nm_status load(nm_journal *journal, const nm_plan *plan, int fresh)
{
    nm_manifest wanted, found;
    nm_manifest_describe(&wanted, plan);
    char *path = nm_file_format("%s/manifest.toml", journal->parts);
    if (!path) {
        return nm_journal_no_memory();
    }
    int is_there = access(path, F_OK) == 0;
    nm_status status = NM_OK;
    if (is_there && !fresh) {
        status = nm_manifest_read(&found, path);
        if (status == NM_OK) {
            status = nm_manifest_match(&found, &wanted, journal->parts);
        }
        if (status == NM_OK) {
            status = scan(journal);
        }
    } else {
        status = nm_journal_remove_records(journal->parts);
        nm_manifest_time(wanted.created);
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
    if (j->fd >= 0) {
        close(j->fd);
    }
    if (j->lock_fd >= 0) {
        close(j->lock_fd);
    }
    pthread_mutex_destroy(&j->mutex);
    free((void *)j->done);
    free(j->places);
    free(j->segments);
    free(j->parts);
    free(j);
    *journal = NULL;
}

nm_status nm_journal_open(nm_journal **journal, const char *out_path, const nm_plan *plan,
                          int fresh)
{
    *journal = NULL;
    NM_TRY(nm_journal_check_output(out_path));
    nm_journal *j = calloc(1, sizeof *j);
    if (!j) {
        return nm_journal_no_memory();
    }
    pthread_mutex_init(&j->mutex, NULL);
    j->fd = j->lock_fd = -1;
    j->n_tiles = plan->n_tiles;
    j->full_bytes = nm_plan_tile_bytes(plan, 0);
    j->last_bytes = nm_plan_tile_bytes(plan, plan->n_tiles - 1);
    snprintf(j->fingerprint, sizeof j->fingerprint, "%s", plan->fingerprint);
    j->parts = nm_file_format("%s.parts", out_path);
    j->done = calloc((size_t)j->n_tiles, sizeof *j->done);
    j->places = calloc((size_t)j->n_tiles, sizeof *j->places);
    clock_gettime(CLOCK_MONOTONIC, &j->last_sync);

    int is_new = 0;
    nm_status status = j->parts && j->done && j->places ? NM_OK : nm_journal_no_memory();
    if (status == NM_OK) {
        status = nm_journal_take_lock(&j->lock_fd, &is_new, j->parts, 1);
    }
    if (status == NM_OK) {
        status = load(j, plan, fresh);
        if (status != NM_OK && is_new) {
            (void)nm_journal_remove_records(j->parts);
            nm_journal_remove_folder(j->parts);
        }
    }
    if (status != NM_OK) {
        destroy(&j);
        return status;
    }
    *journal = j;
    return NM_OK;
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

/* Creates this run's segment under a number that no run has used; the mutex is held. */
static nm_status start_segment(nm_journal *journal)
{
    nm_segment_name name = {.number = 0, .rank = 0};
    if (journal->n_segments > 0) {
        name.number = journal->segments[journal->n_segments - 1].number + 1;
    }
    nm_segment_name *larger =
        realloc(journal->segments, (size_t)(journal->n_segments + 1) * sizeof *journal->segments);
    if (!larger) {
        return nm_journal_no_memory();
    }
    journal->segments = larger;
    char *path = nm_journal_segment_path(journal->parts, name);
    if (!path) {
        return nm_journal_no_memory();
    }
    nm_status status = NM_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = nm_fail(NM_IO, "cannot create '%s': %s", path, strerror(errno));
    } else {
        status = nm_file_sync_folder_of(path);
        journal->segments[journal->n_segments] = name;
        journal->own = journal->n_segments++;
        journal->fd = fd;
    }
    free(path);
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
        if (ftruncate(journal->fd, (off_t)journal->end) != 0 ||
            lseek(journal->fd, (off_t)journal->end, SEEK_SET) < 0) {
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
    if (i_tile < 0 || i_tile >= journal->n_tiles || bytes != tile_bytes(journal, i_tile)) {
        return nm_fail(NM_IO, "a record of %" PRId64 " bytes does not fit tile %" PRId64 " of '%s'",
                       bytes, i_tile, journal->parts);
    }
    if (nm_journal_has(journal, i_tile)) {
        return NM_OK;
    }
    unsigned char header[NM_JOURNAL_HEADER_BYTES];
    fill_header(header, journal->fingerprint, i_tile, bytes, XXH3_64bits(payload, (size_t)bytes));

    pthread_mutex_lock(&journal->mutex);
    int must_sync = 0;
    nm_status status = write_record(journal, header, payload, bytes);
    if (status == NM_OK) {
        note_record(journal, i_tile, journal->own, journal->end);
        journal->end += (int64_t)sizeof header + bytes;
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

nm_status nm_journal_read(nm_journal *journal, int64_t i_tile, void *payload, int64_t bytes)
{
    if (!nm_journal_has(journal, i_tile) || bytes != tile_bytes(journal, i_tile)) {
        return nm_fail(NM_IO, "'%s' holds no record of tile %" PRId64 " with %" PRId64 " bytes",
                       journal->parts, i_tile, bytes);
    }
    pthread_mutex_lock(&journal->mutex);
    place at = journal->places[i_tile];
    char *path = nm_journal_segment_path(journal->parts, journal->segments[at.segment]);
    pthread_mutex_unlock(&journal->mutex);
    if (!path) {
        return nm_journal_no_memory();
    }

    nm_status status = NM_OK;
    unsigned char header[NM_JOURNAL_HEADER_BYTES];
    size_t got = 0, got_payload = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        status = nm_fail(NM_IO, "cannot read '%s': %s", path, strerror(errno));
    }
    if (status == NM_OK) {
        status = read_at(&got, fd, path, header, sizeof header, at.offset);
    }
    if (status == NM_OK) {
        status = read_at(&got_payload, fd, path, payload, (size_t)bytes,
                         at.offset + NM_JOURNAL_HEADER_BYTES);
    }
    if (status == NM_OK &&
        (got != sizeof header || got_payload != (size_t)bytes || !is_header(header) ||
         (int64_t)get_number(header + TILE_AT) != i_tile ||
         get_number(header + PAYLOAD_HASH_AT) != XXH3_64bits(payload, (size_t)bytes))) {
        status = nm_fail(NM_IO,
                         "tile %" PRId64
                         " in '%s' was damaged after it was written: the same command computes "
                         "it again",
                         i_tile, path);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return status;
}

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
