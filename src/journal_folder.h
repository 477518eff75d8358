/* The folder of a journal: where it may lie, whose it is, how it goes away. For journal.c and
 * manifest.c. */
#ifndef NESSMAP_JOURNAL_FOLDER_H
#define NESSMAP_JOURNAL_FOLDER_H

#include "diag.h"

typedef struct nm_segment_name {
    int number, rank;
} nm_segment_name;

nm_status nm_journal_no_memory(void);

/* Path of a segment, allocated, or NULL where there is no memory; and back from the name of a file.
 */
char *nm_journal_segment_path(const char *parts, nm_segment_name name);
int nm_journal_is_segment(const char *file, nm_segment_name *name);

/* A lock lives as long as its file is open; the kernel gives it up when a process dies.
 *
 * take: creates the folder where it is missing, and takes its lock for this process alone. is_new: 1 if the folder was
 * made here. returns NM_LOCKED, NM_IO. */
nm_status nm_journal_take_lock(int *lock_fd, int *is_new, const char *parts);

/* One try to hold the lock together with others. lock_fd: -1 where somebody has it alone, or is just making or deleting
 * the folder. is_alone: nobody else holds it, and nobody can until nm_journal_lower_lock. */
nm_status nm_journal_share_lock(int *lock_fd, int *is_alone, int *is_new, const char *parts);

/* From alone to together, and back. returns 0, with the lock given up, where somebody else came between or holds it. */
int nm_journal_lower_lock(int lock_fd);
int nm_journal_raise_lock(int lock_fd);

/* The lock of one shard. returns NM_LOCKED, NM_IO. */
nm_status nm_journal_take_shard(int *shard_fd, const char *parts, int shard, int n_shards);

/* NM_LOCKED, with the process that signed the lock `file` in the folder. */
nm_status nm_journal_locked(const char *parts, const char *file);

/* Deletes segments and locks of shards, then the manifest and the configuration; the lock stays. */
nm_status nm_journal_remove_records(const char *parts);

/* Deletes the lock and the folder; files of others keep the folder alive. */
void nm_journal_remove_folder(const char *parts);

#endif
