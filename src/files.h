/* Files that outlive a crash: whole writes, syncs, replacement in one step. */
#ifndef NESSMAP_FILES_H
#define NESSMAP_FILES_H

#include <stddef.h>

#include "diag.h"

/* Allocates a text by format; the caller frees it. returns NULL where there is no memory. */
char *nm_file_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes all bytes at the position of `fd`, however often the system stops early; `path` is for the
 * message. returns NM_IO. */
nm_status nm_file_write(int fd, const char *path, const void *data, size_t bytes);

/* Forces a finished file, or the folder that holds `path`, to the disk. returns NM_IO. */
nm_status nm_file_sync(const char *path);
nm_status nm_file_sync_folder_of(const char *path);

/* Puts a file with this content at `path`: after a crash there is the old file or the new one,
 * never a part. returns NM_IO, NM_MEMORY. */
nm_status nm_file_replace(const char *path, const void *data, size_t bytes);

/* Reads a whole file into an allocated, zero-terminated text. returns NM_IO, NM_MEMORY. */
nm_status nm_file_read(char **text, size_t *bytes, const char *path);

/* Bytes that are free for files beside `path`; below 0 where that is not known. */
double nm_file_free_bytes(const char *path);

/* The folder that holds `path` ("." where the path has none), allocated. returns NULL where there
 * is no memory. */
char *nm_file_folder_of(const char *path);

#endif
