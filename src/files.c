/* Files that outlive a crash: whole writes, syncs, replacement in one step. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

char *nm_file_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return length < 0 ? NULL : text;
}

nm_status nm_file_write(int fd, const char *path, const void *data, size_t bytes)
{
    const char *next = data;
    while (bytes > 0) {
        ssize_t written = write(fd, next, bytes);
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return nm_fail(NM_IO, "cannot write '%s': %s", path, strerror(errno));
        }
        if (written == 0) {
            return nm_fail(NM_IO, "cannot write '%s': the system takes no more bytes", path);
        }
        next += written;
        bytes -= (size_t)written;
    }
    return NM_OK;
}

static nm_status sync_path(const char *path, int open_flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | open_flags);
    if (fd < 0) {
        return nm_fail(NM_IO, "cannot open '%s' to force it to the disk: %s", path,
                       strerror(errno));
    }
    int failed;
    do {
        failed = fsync(fd) != 0;
    } while (failed && errno == EINTR);
    int reason = errno;
    close(fd);
    /* some file systems do not sync folders and say EINVAL */
    if (failed && !((open_flags & O_DIRECTORY) && (reason == EINVAL || reason == ENOTSUP))) {
        return nm_fail(NM_IO, "cannot force '%s' to the disk: %s", path, strerror(reason));
    }
    return NM_OK;
}

nm_status nm_file_sync(const char *path)
{
    return sync_path(path, 0);
}

char *nm_file_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return strdup(".");
    }
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

nm_status nm_file_sync_folder_of(const char *path)
{
    char *folder = nm_file_folder_of(path);
    if (!folder) {
        return nm_fail(NM_MEMORY, "out of memory for a path");
    }
    nm_status status = sync_path(folder, O_DIRECTORY);
    free(folder);
    return status;
}

nm_status nm_file_replace(const char *path, const void *data, size_t bytes)
{
    char *temporary = nm_file_format("%s.tmp", path);
    if (!temporary) {
        return nm_fail(NM_MEMORY, "out of memory for a path");
    }
    nm_status status = NM_OK;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = nm_fail(NM_IO, "cannot create '%s': %s", temporary, strerror(errno));
    } else {
        status = nm_file_write(fd, temporary, data, bytes);
        if (status == NM_OK && fsync(fd) != 0) {
            status =
                nm_fail(NM_IO, "cannot force '%s' to the disk: %s", temporary, strerror(errno));
        }
        if (close(fd) != 0 && status == NM_OK) {
            status = nm_fail(NM_IO, "cannot close '%s': %s", temporary, strerror(errno));
        }
        if (status == NM_OK && rename(temporary, path) != 0) {
            status =
                nm_fail(NM_IO, "cannot rename '%s' to '%s': %s", temporary, path, strerror(errno));
        }
        if (status != NM_OK) {
            unlink(temporary);
        }
    }
    free(temporary);
    return status == NM_OK ? nm_file_sync_folder_of(path) : status;
}

nm_status nm_file_read(char **text, size_t *bytes, const char *path)
{
    *text = NULL;
    *bytes = 0;
    FILE *file = fopen(path, "rb");
    if (!file) {
        return nm_fail(NM_IO, "cannot read '%s': %s", path, strerror(errno));
    }
    nm_status status = NM_OK;
    size_t capacity = 4096, used = 0;
    char *buffer = malloc(capacity);
    while (buffer) {
        used += fread(buffer + used, 1, capacity - 1 - used, file);
        if (used < capacity - 1) {
            break;
        }
        char *larger = realloc(buffer, capacity *= 2);
        if (!larger) {
            free(buffer);
        }
        buffer = larger;
    }
    if (!buffer) {
        status = nm_fail(NM_MEMORY, "out of memory for the content of '%s'", path);
    } else if (ferror(file)) {
        status = nm_fail(NM_IO, "cannot read '%s': %s", path, strerror(errno));
        free(buffer);
    } else {
        buffer[used] = '\0';
        *text = buffer;
        *bytes = used;
    }
    fclose(file);
    return status;
}

double nm_file_free_bytes(const char *path)
{
    char *folder = nm_file_folder_of(path);
    struct statvfs disk;
    int is_known = folder && statvfs(folder, &disk) == 0;
    free(folder);
    return is_known ? (double)disk.f_bavail * (double)disk.f_frsize : -1.0;
}
