/* The folder of a journal: where it may lie, whose it is, how it goes away.
 *
 *   1. paths and the output's place   2. locks */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "journal_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "journal.h"

#define SEGMENT "seg%05d_r%04d.nmj" /* number, rank */

enum { LOCK_TRIES = 50 };

#define SHARD_LOCK "shard_%d_of_%d.lock"

/* --- 1. paths and the output's place -------------------------------------------------------------
 */

nm_status nm_journal_no_memory(void)
{
    return nm_fail(NM_MEMORY, "out of memory for the journal");
}

char *nm_journal_segment_path(const char *parts, nm_segment_name name)
{
    return nm_file_format("%s/" SEGMENT, parts, name.number, name.rank);
}

int nm_journal_is_segment(const char *file, nm_segment_name *name)
{
    /* a name that is not written as nm_journal_segment_path does leads back to another file */
    char written[64];
    if (strlen(file) >= sizeof written ||
        sscanf(file, "seg%9d_r%9d.nmj", &name->number, &name->rank) != 2) {
        return 0;
    }
    snprintf(written, sizeof written, SEGMENT, name->number, name->rank);
    /* the next run's number has nine digits too */
    return strcmp(file, written) == 0 && name->number >= 0 && name->number < 999999999 &&
           name->rank >= 0;
}

nm_status nm_journal_check_output(const char *out_path)
{
    struct stat info;
    size_t length = strlen(out_path);
    if (length == 0) {
        return nm_fail(NM_USAGE, "the output has no name; give the name of a NetCDF file with -o");
    }
    if (stat(out_path, &info) == 0) {
        if (S_ISDIR(info.st_mode)) {
            return nm_fail(NM_USAGE,
                           "the output '%s' is a folder; give the name of a NetCDF file with -o",
                           out_path);
        }
        if (!S_ISREG(info.st_mode)) {
            return nm_fail(NM_USAGE,
                           "the output '%s' is not a regular file; give another name with -o",
                           out_path);
        }
    } else if (errno != ENOENT) {
        return nm_fail(NM_IO, "cannot use the output '%s': %s", out_path, strerror(errno));
    }
    if (out_path[length - 1] == '/') {
        return nm_fail(NM_USAGE,
                       "the output '%s' names a folder; give the name of a NetCDF file with -o",
                       out_path);
    }

    char *folder = nm_file_folder_of(out_path);
    if (!folder) {
        return nm_journal_no_memory();
    }
    nm_status status = NM_OK;
    if (stat(folder, &info) != 0) {
        status = nm_fail(NM_IO, "the folder '%s' of the output cannot be used: %s", folder,
                         strerror(errno));
    } else if (!S_ISDIR(info.st_mode)) {
        status = nm_fail(NM_IO, "'%s' is not a folder, so the output cannot be put there", folder);
    } else if (access(folder, W_OK | X_OK) != 0) {
        status = nm_fail(NM_IO, "the folder '%s' of the output is not writable: %s", folder,
                         strerror(errno));
    }
    free(folder);
    return status;
}

static int is_shard_lock(const char *file)
{
    int shard, n_shards, end = 0;
    return sscanf(file, SHARD_LOCK "%n", &shard, &n_shards, &end) == 2 && end > 0 &&
           file[end] == '\0';
}

/* Deletes the files of a journal in an order that leaves, when killed between, a journal or an
 * empty one. The lock stays. */
nm_status nm_journal_remove_records(const char *parts)
{
    DIR *folder = opendir(parts);
    if (!folder) {
        return errno == ENOENT ? NM_OK
                               : nm_fail(NM_IO, "cannot list '%s': %s", parts, strerror(errno));
    }
    nm_status status = NM_OK;
    static const char *const own_files[] = {"manifest.toml", "config.toml", "manifest.toml.tmp",
                                            "config.toml.tmp"};
    struct dirent *entry;
    nm_segment_name name;
    while (status == NM_OK && (entry = readdir(folder)) != NULL) {
        if ((nm_journal_is_segment(entry->d_name, &name) || is_shard_lock(entry->d_name)) &&
            unlinkat(dirfd(folder), entry->d_name, 0) != 0) {
            status =
                nm_fail(NM_IO, "cannot delete '%s/%s': %s", parts, entry->d_name, strerror(errno));
        }
    }
    for (size_t i = 0; status == NM_OK && i < sizeof own_files / sizeof *own_files; i++) {
        if (unlinkat(dirfd(folder), own_files[i], 0) != 0 && errno != ENOENT) {
            status =
                nm_fail(NM_IO, "cannot delete '%s/%s': %s", parts, own_files[i], strerror(errno));
        }
    }
    /* old records must not come back beside a new manifest after a power loss */
    if (status == NM_OK && fsync(dirfd(folder)) != 0 && errno != EINVAL && errno != ENOTSUP) {
        status = nm_fail(NM_IO, "cannot force '%s' to the disk: %s", parts, strerror(errno));
    }
    closedir(folder);
    return status;
}

/* Deletes the lock and the folder; files of others keep the folder alive. */
void nm_journal_remove_folder(const char *parts)
{
    char *lock = nm_file_format("%s/lock", parts);
    if (lock) {
        unlink(lock);
        free(lock);
    }
    if (rmdir(parts) == 0) {
        (void)nm_file_sync_folder_of(parts);
    }
}

/* --- 2. locks ----------------------------------------------------------------------------------- */

nm_status nm_journal_locked(const char *parts, const char *file)
{
    /* who holds it, as far as the file knows */
    char *path = nm_file_format("%s/%s", parts, file);
    char owner[128] = "";
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        ssize_t length = pread(fd, owner, sizeof owner - 1, 0);
        owner[length > 0 ? length : 0] = '\0';
        owner[strcspn(owner, "\n")] = '\0';
        close(fd);
    }
    free(path);
    return nm_fail(NM_LOCKED,
                   "another run%s%s%s works on '%s': wait for it, or give another output with -o",
                   owner[0] ? " (" : "", owner, owner[0] ? ")" : "", parts);
}

/* for the sentence of others only, so failure is harmless */
static void sign(int fd)
{
    char host[64] = "", owner[128];
    gethostname(host, sizeof host - 1);
    int length = snprintf(owner, sizeof owner, "process %ld on %s\n", (long)getpid(), host);
    if (ftruncate(fd, 0) == 0 && pwrite(fd, owner, (size_t)length, 0) != length) {
        (void)!ftruncate(fd, 0);
    }
}

static nm_status no_locks(const char *path)
{
    return nm_fail(NM_IO, "cannot lock '%s': %s (does this file system have locks?)", path,
                   strerror(errno));
}

/* Creates the folder and opens its lock. fd: -1 where the folder went away in between. */
static nm_status open_lock(int *fd, int *is_new, const char *parts, const char *path)
{
    *fd = -1;
    if (mkdir(parts, 0777) == 0) {
        *is_new = 1;
        NM_TRY(nm_file_sync_folder_of(parts));
    } else if (errno != EEXIST) {
        return nm_fail(NM_IO, "cannot create the folder '%s' for unfinished work: %s", parts,
                       strerror(errno));
    }
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    const int reason = errno;
    struct stat found;
    /* a file of this name, or a link to nothing */
    if (*fd < 0 && lstat(parts, &found) == 0 &&
        (stat(parts, &found) != 0 || !S_ISDIR(found.st_mode))) {
        return nm_fail(NM_IO,
                       "'%s' is to be the folder of unfinished work, but is no folder; move it "
                       "away, or give another "
                       "output with -o",
                       parts);
    }
    errno = reason;
    if (*fd < 0 && errno != ENOENT) {
        return nm_fail(NM_IO, "cannot open the lock '%s': %s", path, strerror(errno));
    }
    return NM_OK;
}

/* A run that ends deletes the folder with its lock: a lock on a deleted file is worth nothing. */
static int is_deleted(int fd, const char *path)
{
    struct stat here, there;
    return fstat(fd, &here) != 0 || stat(path, &there) != 0 || here.st_dev != there.st_dev ||
           here.st_ino != there.st_ino;
}

nm_status nm_journal_take_lock(int *lock_fd, int *is_new, const char *parts)
{
    *lock_fd = -1;
    *is_new = 0;
    char *path = nm_file_format("%s/lock", parts);
    nm_status status = path ? NM_OK : nm_journal_no_memory();
    for (int i_try = 0; status == NM_OK && *lock_fd < 0; i_try++) {
        int fd;
        if (i_try == LOCK_TRIES) {
            status =
                nm_fail(NM_LOCKED, "other runs keep creating and deleting '%s'; try again", parts);
            break;
        }
        status = open_lock(&fd, is_new, parts, path);
        if (status != NM_OK || fd < 0) {
            continue;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            status = errno == EWOULDBLOCK ? nm_journal_locked(parts, "lock") : no_locks(path);
        } else if (!is_deleted(fd, path)) {
            *lock_fd = fd;
            sign(fd);
            break;
        }
        close(fd);
    }
    free(path);
    return status;
}

nm_status nm_journal_share_lock(int *lock_fd, int *is_alone, int *is_new, const char *parts)
{
    *lock_fd = -1;
    *is_alone = *is_new = 0;
    char *path = nm_file_format("%s/lock", parts);
    int fd = -1;
    nm_status status = path ? open_lock(&fd, is_new, parts, path) : nm_journal_no_memory();
    if (status == NM_OK && fd >= 0) {
        *is_alone = flock(fd, LOCK_EX | LOCK_NB) == 0;
        if (!*is_alone && flock(fd, LOCK_SH | LOCK_NB) != 0) {
            status = errno == EWOULDBLOCK ? NM_OK : no_locks(path);
        } else if (!is_deleted(fd, path)) {
            *lock_fd = fd;
            sign(fd);
        }
        if (*lock_fd < 0) {
            close(fd);
        }
    }
    free(path);
    return status;
}

int nm_journal_lower_lock(int lock_fd)
{
    return flock(lock_fd, LOCK_SH | LOCK_NB) == 0;
}

int nm_journal_raise_lock(int lock_fd)
{
    return flock(lock_fd, LOCK_EX | LOCK_NB) == 0;
}

nm_status nm_journal_take_shard(int *shard_fd, const char *parts, int shard, int n_shards)
{
    char file[64];
    snprintf(file, sizeof file, SHARD_LOCK, shard, n_shards);
    char *path = nm_file_format("%s/%s", parts, file);
    *shard_fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    nm_status status = NM_OK;
    if (!path) {
        status = nm_journal_no_memory();
    } else if (*shard_fd < 0) {
        status = nm_fail(NM_IO, "cannot open the lock '%s': %s", path, strerror(errno));
    } else if (flock(*shard_fd, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK ? nm_journal_locked(parts, file) : no_locks(path);
    } else {
        sign(*shard_fd);
    }
    free(path);
    return status;
}
