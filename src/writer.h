/* Threads of their own keep finished tiles, so that those that compute never wait for the disk. */
#ifndef NESSMAP_WRITER_H
#define NESSMAP_WRITER_H

#include "backend.h"

/* Payloads beside those that are being computed: those that wait or are being kept. */
enum { NM_WRITER_QUEUE = 3 };

typedef struct nm_writer nm_writer;

/* Keeps one tile; called by the threads of the writer, several at a time. */
typedef nm_status (*nm_writer_keep)(void *context, int64_t i_tile, const void *payload,
                                    int64_t bytes, const nm_tile_report *report);

/* n_payloads: that callers hold at once; bytes: of the largest one. timeline: gets the times of
 * `keep`, or NULL. Where no thread can be started, tiles are kept by those who bring them. */
nm_status nm_writer_begin(nm_writer **writer, int n_payloads, int64_t bytes, nm_writer_keep keep,
                          void *context, nm_timeline *timeline);

/* Room for the payload of a tile; waits while NM_WRITER_QUEUE filled ones wait for the disk.
 * Thread-safe. returns NM_MEMORY, or what `keep` failed with in another thread. */
nm_status nm_writer_take(nm_writer *writer, void **payload);

/* Hands a tile over. A payload of nm_writer_take belongs to the writer from here on; another one is
 * the caller's again on return, when it is kept. Thread-safe. returns what `keep` failed with. */
nm_status nm_writer_put(nm_writer *writer, int64_t i_tile, void *payload, int64_t bytes,
                        const nm_tile_report *report);

/* Waits for what was handed over, and ends the threads. returns the first failure of `keep`; tiles
 * handed over after it are not kept. Takes NULL, and clears the caller's pointer. */
nm_status nm_writer_end(nm_writer **writer);

#endif
