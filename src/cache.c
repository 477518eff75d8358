/* Keeps compiled modules and models in the user's cache folder. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

/* --- hash ----------------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 word;

nm_hash nm_hash_start(void)
{
    return (nm_hash){0x6c62272e07bb0142u, 0x62b821756295c58du};
}

void nm_hash_bytes(nm_hash *hash, const void *bytes, size_t n)
{
    const unsigned char *next = bytes;
    const word prime = ((word)1 << 88) + 0x13b;
    word h = (word)hash->high << 64 | hash->low;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ next[i]) * prime;
    }
    hash->high = (uint64_t)(h >> 64);
    hash->low = (uint64_t)h;
}

void nm_hash_text(nm_hash *hash, const char *text)
{
    nm_hash_bytes(hash, text, strlen(text) + 1);
}

/* --- files ---------------------------------------------------------------------------------- */

typedef struct header {
    char magic[8];
    uint64_t n_bytes;
    nm_hash key, content;
    char unused[16]; /* the content begins at a multiple of 64 */
} header;

static const char magic[8] = "NMcuda1";

static header describe(const nm_hash *key, const void *bytes, size_t n_bytes)
{
    header h = {.n_bytes = n_bytes, .key = *key, .content = nm_hash_start()};
    memcpy(h.magic, magic, sizeof magic);
    nm_hash_bytes(&h.content, bytes, n_bytes);
    return h;
}

char *nm_cache_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    /* a relative path would be another folder for each folder that a run starts in */
    if (cache && cache[0] == '/') {
        return nm_file_format("%s/nessmap", cache);
    }
    return home && home[0] == '/' ? nm_file_format("%s/.cache/nessmap", home) : NULL;
}

/* Makes a folder and those above it. */
static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    mkdir(path, 0700);
}

/* Others must not be able to put in what this user will run. */
static nm_status check_folder(const char *folder)
{
    struct stat info;
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return nm_fail(NM_IO,
                       "%s: this folder, which keeps what was compiled, cannot be made; set "
                       "XDG_CACHE_HOME to one that can be written",
                       folder);
    }
    if (info.st_uid != geteuid()) {
        return nm_fail(NM_IO,
                       "%s: this folder keeps code that will be run, but it belongs to "
                       "another user; set XDG_CACHE_HOME to a folder of your own",
                       folder);
    }
    if (info.st_mode & (S_IWGRP | S_IWOTH)) {
        return nm_fail(NM_IO,
                       "%s: this folder keeps code that will be run, but others can write "
                       "to it (mode %03o); `chmod 700` it",
                       folder, (unsigned)info.st_mode & 0777u);
    }
    return NM_OK;
}

nm_status nm_cache_open(char **folder)
{
    *folder = nm_cache_folder();
    if (!*folder) {
        return nm_fail(NM_IO, "neither XDG_CACHE_HOME nor HOME names a folder (a whole path) where "
                              "what is compiled could be kept");
    }
    make_folders(*folder);
    nm_status status = check_folder(*folder);
    if (status != NM_OK) {
        free(*folder);
        *folder = NULL;
    }
    return status;
}

/* NULL where what others put in could be run */
static char *safe_folder(void)
{
    char *folder = nm_cache_folder();
    struct stat info;
    if (folder && stat(folder, &info) == 0 && check_folder(folder) != NM_OK) {
        free(folder);
        folder = NULL;
    }
    return folder;
}

char *nm_cache_path(const nm_hash *key, const nm_hash *mark)
{
    char *folder = safe_folder();
    char *path = folder ? nm_file_format("%s/cuda-%016" PRIx64 "%016" PRIx64 "-%016" PRIx64, folder,
                                         key->high, key->low, mark->high ^ mark->low)
                        : NULL;
    free(folder);
    return path;
}

/* The content of a file that was written under `key`, whole, or NULL. */
static void *read_module(size_t *n_bytes, const char *path, const nm_hash *key)
{
    char *file = NULL;
    size_t n = 0;
    /* nothing but a NULL is made of a failure: the caller compiles */
    if (access(path, R_OK) == 0 && nm_file_read(&file, &n, path) == NM_OK && n > sizeof(header)) {
        header expected = describe(key, file + sizeof(header), n - sizeof(header));
        if (memcmp(&expected, file, sizeof expected) == 0) {
            *n_bytes = n - sizeof(header);
            memmove(file, file + sizeof(header), *n_bytes + 1);
            return file;
        }
    }
    free(file);
    return NULL;
}

/* One of any mark. */
static void *read_any_mark(size_t *n_bytes, const nm_hash *key)
{
    char start[64];
    snprintf(start, sizeof start, "cuda-%016" PRIx64 "%016" PRIx64 "-", key->high, key->low);
    char *folder = safe_folder();
    DIR *dir = folder ? opendir(folder) : NULL;
    void *file = NULL;
    for (struct dirent *entry; dir && !file && (entry = readdir(dir));) {
        if (strncmp(entry->d_name, start, strlen(start)) == 0) {
            char *path = nm_file_format("%s/%s", folder, entry->d_name);
            file = path ? read_module(n_bytes, path, key) : NULL;
            free(path);
        }
    }
    if (dir) {
        closedir(dir);
    }
    free(folder);
    return file;
}

void *nm_cache_read(size_t *n_bytes, const nm_hash *key, const nm_hash *mark)
{
    *n_bytes = 0;
    if (!mark) {
        return read_any_mark(n_bytes, key);
    }
    char *path = nm_cache_path(key, mark);
    void *file = path ? read_module(n_bytes, path, key) : NULL;
    free(path);
    return file;
}

void nm_cache_write(const nm_hash *key, const nm_hash *mark, const void *bytes, size_t n_bytes)
{
    char *path = nm_cache_path(key, mark), *folder = path ? nm_file_folder_of(path) : NULL;
    /* other processes may write the same file now: each has its own until it is whole */
    char *own = path ? nm_file_format("%s.%ld.tmp", path, (long)getpid()) : NULL;
    if (folder && own) {
        make_folders(folder);
        int fd = open(own, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd >= 0) {
            header h = describe(key, bytes, n_bytes);
            nm_status status = nm_file_write(fd, own, &h, sizeof h);
            if (status == NM_OK) {
                status = nm_file_write(fd, own, bytes, n_bytes);
            }
            /* no sync: what a crash leaves torn is found by its hash */
            int is_closed = close(fd) == 0;
            if (status != NM_OK || !is_closed || rename(own, path) != 0) {
                unlink(own);
            }
        }
    }
    free(own);
    free(folder);
    free(path);
}

nm_status nm_cache_install(const char *path, const char *made, const nm_hash *key)
{
    char *bytes;
    size_t n_bytes;
    NM_TRY(nm_file_read(&bytes, &n_bytes, made));
    header seal = describe(key, bytes, n_bytes);
    free(bytes);
    /* behind the last byte that a loader reads */
    int fd = open(made, O_WRONLY | O_APPEND | O_CLOEXEC);
    nm_status status = fd < 0 ? nm_fail(NM_IO, "cannot write '%s': %s", made, strerror(errno))
                              : nm_file_write(fd, made, &seal, sizeof seal);
    if (fd >= 0 && close(fd) != 0 && status == NM_OK) {
        status = nm_fail(NM_IO, "cannot write '%s': %s", made, strerror(errno));
    }
    if (status == NM_OK && rename(made, path) != 0) {
        status = nm_fail(NM_IO, "cannot rename '%s' to '%s': %s", made, path, strerror(errno));
    }
    return status;
}

int nm_cache_is_whole(const char *path, const nm_hash *key)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    int is_whole = 0;
    if (access(path, R_OK) == 0 && nm_file_read(&bytes, &n_bytes, path) == NM_OK &&
        n_bytes > sizeof(header)) {
        size_t n_content = n_bytes - sizeof(header);
        header expected = describe(key, bytes, n_content);
        is_whole = memcmp(&expected, bytes + n_content, sizeof expected) == 0;
    }
    free(bytes);
    return is_whole;
}

/* --- folders to compile in -------------------------------------------------------------------- */

/* Each holds a file that its process keeps locked: the lock ends with the process, however that
 * ends. Who removes a folder holds its lock from the look to the end. */
static const char workplace_start[] = "build-", lock_name[] = "in_use";
enum { OLD_SECONDS = 3600 }; /* of a folder whose process has not come to make its lock */

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    /* what stays is a file too many in the cache folder, and no failure */
    (void)remove(path);
    return 0;
}

static void remove_folder(const char *folder)
{
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void remove_if_left(const char *folder)
{
    struct stat info;
    char *path = nm_file_format("%s/%s", folder, lock_name);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    int is_left = fd >= 0 ? flock(fd, LOCK_EX | LOCK_NB) == 0
                          : errno == ENOENT && lstat(folder, &info) == 0 &&
                                time(NULL) - info.st_mtime > OLD_SECONDS;
    if (is_left) {
        remove_folder(folder);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(path);
}

static void remove_left_folders(const char *cache_folder)
{
    DIR *dir = opendir(cache_folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strncmp(entry->d_name, workplace_start, strlen(workplace_start)) == 0) {
            char *folder = nm_file_format("%s/%s", cache_folder, entry->d_name);
            if (folder) {
                remove_if_left(folder);
            }
            free(folder);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

/* Locks a folder that was made a moment ago. returns -1 where another process has taken it for one
 * that was left, and removes it. */
static int lock_folder(const char *folder)
{
    struct stat info;
    char *path = nm_file_format("%s/%s", folder, lock_name);
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) {
        /* where the file system has no locks, nobody gets one, and nothing is removed */
        (void)flock(fd, LOCK_EX);
        if (stat(path, &info) != 0) {
            close(fd);
            fd = -1;
        }
    }
    free(path);
    return fd;
}

nm_status nm_cache_enter(nm_workplace *place, const char *cache_folder)
{
    enum { MOST_TRIES = 8 };
    *place = (nm_workplace){NULL, -1};
    remove_left_folders(cache_folder);
    for (int i = 0; i < MOST_TRIES; i++) {
        char *folder = nm_file_format("%s/%sXXXXXX", cache_folder, workplace_start);
        if (!folder) {
            return nm_fail(NM_MEMORY, "out of memory for a path");
        }
        int lock = mkdtemp(folder) ? lock_folder(folder) : -1;
        if (lock >= 0) {
            *place = (nm_workplace){folder, lock};
            return NM_OK;
        }
        free(folder);
    }
    return nm_fail(NM_IO, "cannot create a folder to compile in, in '%s': %s", cache_folder,
                   strerror(errno));
}

void nm_cache_leave(nm_workplace *place)
{
    if (place->folder) {
        remove_folder(place->folder);
        close(place->lock);
        free(place->folder);
    }
    *place = (nm_workplace){NULL, -1};
}
