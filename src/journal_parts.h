/* What the files of the journal share: what a journal holds, its records, the scan of its segments. For journal.c and
 * journal_records.c. */
#ifndef NESSMAP_JOURNAL_PARTS_H
#define NESSMAP_JOURNAL_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "journal.h"
#include "journal_folder.h"
#include "manifest.h"

typedef struct nm_place { /* where the record of a tile begins */
    int64_t offset;
    int32_t segment; /* index into nm_journal.segments */
} nm_place;

typedef struct nm_segment {
    nm_segment_name name;
    int64_t end; /* bytes of whole records that are known */
} nm_segment;

struct nm_journal {
    char *parts;
    char fingerprint[NM_FINGERPRINT_BYTES + 1];
    int lock_fd;  /* of the folder, -1 for a rank that joined */
    int shard_fd; /* of this shard, -1 where the folder is this process' alone */

    int64_t n_tiles, full_bytes, last_bytes; /* payload bytes of a full tile, of the last tile */
    _Atomic unsigned char *done;             /* [n_tiles] */
    _Atomic int64_t n_done;
    int64_t n_torn;

    /* all below, and `places`, are guarded by the mutex once the journal is open */
    pthread_mutex_t mutex;
    nm_place *places; /* [n_tiles] */
    nm_segment *segments;
    int n_segments;

    nm_segment_name own_name; /* of this run's segment, which is made at the first append */
    int fd;                   /* -1 before */
    int own;                  /* its index */
    int is_dirty;             /* bytes since the last sync */
    int is_broken;
    struct timespec last_sync;
};

int64_t nm_journal_payload_bytes(const nm_journal *journal, int64_t i_tile);

void nm_journal_fill_header(unsigned char header[NM_JOURNAL_HEADER_BYTES], const char *fingerprint,
                            int64_t i_tile, const void *payload, int64_t bytes);

/* The tile is done, by a record at `offset` of a segment. */
void nm_journal_note_record(nm_journal *journal, int64_t i_tile, int segment, int64_t offset);

/* Room for one more segment, which is filled in. */
nm_status nm_journal_add_segment(nm_journal *journal, nm_segment_name name);

/* Lists the folder and walks each segment, but the own one, from its known end up to its first bad record.
 * n_torn: segments that hold more than whole records. returns NM_FINGERPRINT, NM_IO, NM_MEMORY. */
nm_status nm_journal_scan(nm_journal *journal, int64_t *n_torn);

/* Reads the payload of the record at `offset` of the file at `path` and verifies it. returns NM_IO. */
nm_status nm_journal_read_record(const char *path, int64_t offset, int64_t i_tile, void *payload,
                                 int64_t bytes);

#endif
