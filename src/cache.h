/* Compiled modules and models that outlive the program: files in the cache folder, checked when
 * read. */
#ifndef NESSMAP_CACHE_H
#define NESSMAP_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "diag.h"

/* FNV-1a of 128 bits: no library is needed, and a few MB take a few ms. Not against an adversary:
 * the folder is the user's own. */
typedef struct nm_hash {
    uint64_t high, low;
} nm_hash;

nm_hash nm_hash_start(void);
void nm_hash_bytes(nm_hash *hash, const void *bytes, size_t n);
/* The text and its final zero, so that no two lists of texts look the same. */
void nm_hash_text(nm_hash *hash, const char *text);

/* $XDG_CACHE_HOME/nessmap or ~/.cache/nessmap, allocated; NULL where there is neither, or no
 * memory. */
char *nm_cache_folder(void);

/* The same, made with mode 0700 where it is not there. returns NM_IO where it cannot be made, or
 * where others can write to it: what is in it will be run. */
nm_status nm_cache_open(char **folder);

/* A module is kept under a key, what it was made from, and a mark, what made it. */

/* The file that keeps it, allocated; NULL where there is no folder, or one that others can write
 * to. */
char *nm_cache_path(const nm_hash *key, const nm_hash *mark);

/* Its bytes, allocated, with a 0 behind the last one; mark NULL: of any mark. NULL where there is
 * no file, or one that is torn or foreign, or a folder that others can write to. */
void *nm_cache_read(size_t *n_bytes, const nm_hash *key, const nm_hash *mark);

/* Keeps bytes: after a crash there is the old file or the whole new one. A cache that cannot be
 * written is no error: the next run compiles again. */
void nm_cache_write(const nm_hash *key, const nm_hash *mark, const void *bytes, size_t n_bytes);

/* Puts the shared library `made` at `path`, sealed with a hash that loaders do not see: after a
 * crash there is the old file or the whole new one. returns NM_IO, NM_MEMORY. */
nm_status nm_cache_install(const char *path, const char *made, const nm_hash *key);

/* A folder of this process alone within the cache folder, to compile in; others that killed
 * processes left are removed first, and none that is in use, by whichever process.
 * returns NM_IO, NM_MEMORY, and then there is nothing to leave. */
typedef struct nm_workplace {
    char *folder;
    int lock;
} nm_workplace;
nm_status nm_cache_enter(nm_workplace *place, const char *cache_folder);
void nm_cache_leave(nm_workplace *place);

/* 1 where `path` is a library that was installed under `key`, whole as it was. */
int nm_cache_is_whole(const char *path, const nm_hash *key);

#endif
