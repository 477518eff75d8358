/* Append-only hashed records: what is done stays done, whatever kills the run.
 *
 *   out.nc.parts/manifest.toml        fingerprint, schema, date, sizes; without it nothing counts
 *   out.nc.parts/config.toml          the resolved configuration
 *   out.nc.parts/lock                 held by flock while a run lives: a whole run alone, shards together
 *   out.nc.parts/shard_I_of_N.lock    held by flock while this shard is at work
 *   out.nc.parts/segNNNNN_rRRRR.nmj   one new file per run and rank or shard; never reopened for writing
 *
 * A segment is a row of records, numbers little-endian:
 *   magic [8], fingerprint [32], tile int64, length int64, xxh3(payload) uint64,
 *   xxh3(the 64 bytes before) uint64, payload [length] */
#ifndef NESSMAP_JOURNAL_H
#define NESSMAP_JOURNAL_H

#include <stdint.h>

#include "plan.h"

enum {
    NM_JOURNAL_SCHEMA = 1,
    NM_JOURNAL_HEADER_BYTES = 72 /* of a record before its payload */
};

typedef struct nm_journal nm_journal;

/* Checks that a file can be made at `out_path` and writes nothing.
 * returns NM_USAGE for a folder, a device or an empty name, NM_IO where the folder is missing or
 * not writable. */
nm_status nm_journal_check_output(const char *out_path);

/* Opens or creates the journal beside `out_path`, takes the lock, scans what is there.
 * fresh: throw away an old journal first.
 * returns NM_FINGERPRINT where the journal belongs to another question, NM_LOCKED, NM_IO, and what
 * nm_journal_check_output returns. */
nm_status nm_journal_open(nm_journal **journal, const char *out_path, const nm_plan *plan,
                          int fresh);

/* The same for shard `shard` of `n_shards`, which may add tiles to one folder at the same time; a whole run may
 * not. What is there is never thrown away. returns NM_LOCKED also where this very shard is at work. */
nm_status nm_journal_open_shard(nm_journal **journal, const char *out_path, const nm_plan *plan,
                                int shard, int n_shards);

/* Only to read what is whole by now, beside whoever is at work: takes no lock, writes nothing, and may only be read and
 * closed, not removed. A record that is being written counts as not done. returns NM_FINGERPRINT, NM_IO, NM_MEMORY. */
nm_status nm_journal_open_view(nm_journal **journal, const char *out_path, const nm_plan *plan);

/* The journal of a rank above 0, which appends to a segment of its own, while rank 0 has the folder open and its lock.
 * number: nm_journal_number, done [n_tiles]: nm_journal_list_done, both of rank 0. returns NM_MEMORY. */
nm_status nm_journal_join(nm_journal **journal, const char *out_path, const nm_plan *plan, int rank,
                          int number, const unsigned char *done);
int nm_journal_number(const nm_journal *journal);
void nm_journal_list_done(const nm_journal *journal, unsigned char *done);

/* Sees what others have appended. Call it while this process appends nothing. returns NM_IO, NM_MEMORY. */
nm_status nm_journal_look_again(nm_journal *journal);

/* 1 if nobody else is at work on the folder, and nobody else will be until the journal is closed. 0: its lock is given
 * up, and the journal can only be closed. */
int nm_journal_claim(nm_journal *journal);

/* 1 if a valid record of this tile exists. Thread-safe with appends of other tiles. */
int nm_journal_has(const nm_journal *journal, int64_t i_tile);
int64_t nm_journal_n_done(const nm_journal *journal);

/* Segments that the scan found ending in a torn or damaged record; the lost tiles count as not
 * done. */
int64_t nm_journal_n_torn(const nm_journal *journal);

/* Appends a record; data reach the disk at most 5 s later, at the next append after that.
 * Thread-safe. bytes: nm_plan_tile_bytes of the tile. A tile that is there already is left as it
 * is. */
nm_status nm_journal_append(nm_journal *journal, int64_t i_tile, const void *payload,
                            int64_t bytes);

/* Reads a record back and verifies its hash. Thread-safe. returns NM_IO, also for a tile that is
 * not done. */
nm_status nm_journal_read(nm_journal *journal, int64_t i_tile, void *payload, int64_t bytes);

nm_status nm_journal_sync(nm_journal *journal);

/* remove: delete the folder (after the rename of the finished file). Call nm_journal_sync before to
 * learn of errors. */
void nm_journal_close(nm_journal **journal, int remove);

/* Opens an existing journal without a plan, for `nessmap assemble`: gives the stored configuration
 * text back. Both texts are allocated. returns NM_USAGE where the folder is no journal, NM_IO where
 * it is damaged. */
nm_status nm_journal_manifest(const char *parts_path, char **config_text, char **fingerprint);

/* Name of the backend that the journal was made with, and its tile size in points. */
nm_status nm_journal_origin(const char *parts_path, char backend[16], int64_t *tile_points);

#endif
