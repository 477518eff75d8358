/* Records of finished tiles, and the scan of the segments that hold them.
 *
 *   1. records   2. scan */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "journal_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    MAGIC_BYTES = 8,
    TILE_AT = MAGIC_BYTES + NM_FINGERPRINT_BYTES,
    LENGTH_AT = TILE_AT + 8,
    PAYLOAD_HASH_AT = LENGTH_AT + 8,
    HEADER_HASH_AT = PAYLOAD_HASH_AT + 8,
    SCAN_BYTES = 1 << 20 /* payloads are hashed in pieces of this size */
};

static const char magic[MAGIC_BYTES + 1] = "NMJREC01";

/* --- 1. records ----------------------------------------------------------------------------------
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

void nm_journal_fill_header(unsigned char header[NM_JOURNAL_HEADER_BYTES], const char *fingerprint,
                            int64_t i_tile, const void *payload, int64_t bytes)
{
    memcpy(header, magic, MAGIC_BYTES);
    memcpy(header + MAGIC_BYTES, fingerprint, NM_FINGERPRINT_BYTES);
    put_number(header + TILE_AT, (uint64_t)i_tile);
    put_number(header + LENGTH_AT, (uint64_t)bytes);
    put_number(header + PAYLOAD_HASH_AT, XXH3_64bits(payload, (size_t)bytes));
    put_number(header + HEADER_HASH_AT, XXH3_64bits(header, HEADER_HASH_AT));
}

static int is_header(const unsigned char header[NM_JOURNAL_HEADER_BYTES])
{
    return memcmp(header, magic, MAGIC_BYTES) == 0 &&
           get_number(header + HEADER_HASH_AT) == XXH3_64bits(header, HEADER_HASH_AT);
}

int64_t nm_journal_payload_bytes(const nm_journal *journal, int64_t i_tile)
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

void nm_journal_note_record(nm_journal *journal, int64_t i_tile, int segment, int64_t offset)
{
    journal->places[i_tile] = (nm_place){.offset = offset, .segment = segment};
    if (!atomic_exchange(&journal->done[i_tile], 1)) {
        atomic_fetch_add(&journal->n_done, 1);
    }
}

nm_status nm_journal_read_record(const char *path, int64_t offset, int64_t i_tile, void *payload,
                                 int64_t bytes)
{
    unsigned char header[NM_JOURNAL_HEADER_BYTES];
    size_t got = 0, got_payload = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return nm_fail(NM_IO, "cannot read '%s': %s", path, strerror(errno));
    }
    nm_status status = read_at(&got, fd, path, header, sizeof header, offset);
    if (status == NM_OK) {
        status = read_at(&got_payload, fd, path, payload, (size_t)bytes,
                         offset + NM_JOURNAL_HEADER_BYTES);
    }
    close(fd);
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
    return status;
}

/* --- 2. scan ----------------------------------------------------------------------------------- */

/* Walks one segment from its known end up to its first bad record. */
static nm_status scan_records(nm_journal *journal, int segment, int fd, const char *path,
                              void *buffer, XXH3_state_t *state, int64_t *n_torn)
{
    unsigned char header[NM_JOURNAL_HEADER_BYTES];
    for (int64_t offset = journal->segments[segment].end;;
         journal->segments[segment].end = offset) {
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
        if (i_tile < 0 || i_tile >= journal->n_tiles ||
            length != nm_journal_payload_bytes(journal, i_tile)) {
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
            nm_journal_note_record(journal, i_tile, segment, offset);
        }
        offset += (int64_t)sizeof header + length;
    }
    ++*n_torn;
    return NM_OK;
}

nm_status nm_journal_add_segment(nm_journal *journal, nm_segment_name name)
{
    nm_segment *larger =
        realloc(journal->segments, (size_t)(journal->n_segments + 1) * sizeof *larger);
    if (!larger) {
        return nm_journal_no_memory();
    }
    journal->segments = larger;
    journal->segments[journal->n_segments++] = (nm_segment){.name = name};
    return NM_OK;
}

static int compare_segments(const void *a, const void *b)
{
    const nm_segment_name *x = &((const nm_segment *)a)->name, *y = &((const nm_segment *)b)->name;
    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static int is_known(const nm_journal *journal, int n_known, nm_segment_name name)
{
    for (int i = 0; i < n_known; i++) {
        const nm_segment_name known = journal->segments[i].name;
        if (known.number == name.number && known.rank == name.rank) {
            return 1;
        }
    }
    return 0;
}

/* Adds the segments that are new in the folder, in order, behind those that are known, whose indices must stay. */
static nm_status list_segments(nm_journal *journal)
{
    DIR *folder = opendir(journal->parts);
    if (!folder) {
        return nm_fail(NM_IO, "cannot list '%s': %s", journal->parts, strerror(errno));
    }
    nm_status status = NM_OK;
    const int n_known = journal->n_segments;
    struct dirent *entry;
    nm_segment_name name;
    while (status == NM_OK && (entry = readdir(folder)) != NULL) {
        if (nm_journal_is_segment(entry->d_name, &name) && !is_known(journal, n_known, name)) {
            status = nm_journal_add_segment(journal, name);
        }
    }
    closedir(folder);
    if (journal->n_segments > n_known + 1) {
        qsort(journal->segments + n_known, (size_t)(journal->n_segments - n_known),
              sizeof *journal->segments, compare_segments);
    }
    return status;
}

nm_status nm_journal_scan(nm_journal *journal, int64_t *n_torn)
{
    *n_torn = 0;
    NM_TRY(list_segments(journal));
    void *buffer = malloc(SCAN_BYTES);
    XXH3_state_t *state = XXH3_createState();
    nm_status status = buffer && state ? NM_OK : nm_journal_no_memory();
    for (int i = 0; status == NM_OK && i < journal->n_segments; i++) {
        if (journal->fd >= 0 && i == journal->own) {
            continue;
        }
        char *path = nm_journal_segment_path(journal->parts, journal->segments[i].name);
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (!path) {
            status = nm_journal_no_memory();
        } else if (fd < 0) {
            status = nm_fail(NM_IO, "cannot read '%s': %s", path, strerror(errno));
        } else {
            status = scan_records(journal, i, fd, path, buffer, state, n_torn);
            close(fd);
        }
        free(path);
    }
    XXH3_freeState(state);
    free(buffer);
    return status;
}
