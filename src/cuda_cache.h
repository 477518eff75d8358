/* Compiled modules that outlive the program: files in the cache folder, checked when read. */
#ifndef NESSMAP_CUDA_CACHE_H
#define NESSMAP_CUDA_CACHE_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a of 128 bits: no library is needed, and a few MB take a few ms. Not against an adversary:
 * the folder is the user's own. */
typedef struct nm_cuda_hash {
    uint64_t high, low;
} nm_cuda_hash;

nm_cuda_hash nm_cuda_hash_start(void);
void nm_cuda_hash_bytes(nm_cuda_hash *hash, const void *bytes, size_t n);
/* The text and its final zero, so that no two lists of texts look the same. */
void nm_cuda_hash_text(nm_cuda_hash *hash, const char *text);

/* $XDG_CACHE_HOME/nessmap or ~/.cache/nessmap, allocated; NULL where there is neither, or no
 * memory. */
char *nm_cuda_cache_folder(void);

/* The bytes kept under `key`, allocated, with a 0 behind the last one; NULL where there is no file,
 * or one that is torn or foreign. */
void *nm_cuda_cache_read(size_t *n_bytes, const nm_cuda_hash *key);

/* Keeps bytes under `key`: after a crash there is the old file or the whole new one. A cache that
 * cannot be written is no error: the next run compiles again. */
void nm_cuda_cache_write(const nm_cuda_hash *key, const void *bytes, size_t n_bytes);

#endif
