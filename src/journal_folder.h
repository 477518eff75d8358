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

/* Creates the folder where `create` is set and takes its lock, which lives as long as `lock_fd` is
 * open. is_new: 1 if the folder was made here. returns NM_LOCKED, NM_IO. */
nm_status nm_journal_take_lock(int *lock_fd, int *is_new, const char *parts, int create);

/* Deletes segments, then the manifest and the configuration; the lock stays. */
nm_status nm_journal_remove_records(const char *parts);

/* Deletes the lock and the folder; files of others keep the folder alive. */
void nm_journal_remove_folder(const char *parts);

#endif
