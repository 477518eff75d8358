/* Flat row-major ranges of points as hyperslabs of an N-dimensional variable. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "slab.h"

#include <errno.h>
#include <netcdf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void allow_missing_locks(void)
{
    setenv("HDF5_USE_FILE_LOCKING", "BEST_EFFORT", 0);
}

/* Of the HDF5 below NetCDF, which is not linked by name; weak, should it hide its functions. */
extern int H5Eset_auto2(int64_t stack, void *function, void *data) __attribute__((weak));

void nm_nc_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static _Thread_local int is_silent;
    pthread_once(&once, allow_missing_locks);
    /* a HDF5 that knows threads prints its errors in each of them, and NetCDF silences one */
    if (!is_silent && H5Eset_auto2) {
        (void)H5Eset_auto2(0, NULL, NULL);
        is_silent = 1;
    }
}

static pthread_mutex_t netcdf; /* recursive */

static void make_netcdf_lock(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&netcdf, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

int nm_nc_hold(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_netcdf_lock);
    nm_nc_prepare();
    pthread_mutex_lock(&netcdf);
    return 1;
}

void nm_nc_release(const int *held)
{
    (void)held;
    pthread_mutex_unlock(&netcdf);
}

nm_status nm_nc_check(int code, const char *verb, const char *path)
{
    if (code == NC_NOERR) {
        return NM_OK;
    }
    if (code > 0) { /* of the system */
        return nm_fail(NM_IO, "cannot %s '%s': %s", verb, path, strerror(code));
    }
    /* HDF5 hides the reason, which most often is a full disk */
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
        return nm_fail(NM_IO, "cannot %s '%s': %s", verb, path, strerror(errno));
    }
    return nm_fail(NM_IO, "cannot %s '%s': %s", verb, path, nc_strerror(code));
}

int64_t nm_slab_next(size_t *start, size_t *count, const int64_t *dim, int n_dims, int64_t at,
                     int64_t end)
{
    /* the slowest dimension whose rows begin here and fit into the range */
    int split = n_dims - 1;
    int64_t stride = 1;
    for (int i = n_dims - 2; i >= 0; i--) {
        int64_t row = stride * dim[i + 1];
        if (at % row != 0 || at + row > end) {
            break;
        }
        split = i;
        stride = row;
    }
    int64_t index = at / stride, n = (end - at) / stride;
    for (int i = n_dims - 1; i > split; i--) {
        start[i] = 0;
        count[i] = (size_t)dim[i];
    }
    for (int i = split; i >= 0; i--) {
        start[i] = (size_t)(index % dim[i]);
        count[i] = 1;
        index /= dim[i];
    }
    if (n_dims == 0) {
        return end - at;
    }
    int64_t left = dim[split] - (int64_t)start[split];
    count[split] = (size_t)(n < left ? n : left);
    return (int64_t)count[split] * stride;
}

nm_status nm_slab_write(int file_id, int variable, const char *path, const int64_t *dim, int n_dims,
                        int64_t first, int64_t n, const void *data, size_t element_bytes)
{
    size_t start[NM_MAX_DIMS], count[NM_MAX_DIMS];
    const char *from = data;
    for (int64_t at = first; at < first + n;) {
        int64_t covered = nm_slab_next(start, count, dim, n_dims, at, first + n);
        errno = 0;
        NM_TRY(nm_nc_check(nc_put_vara(file_id, variable, start, count, from), "write", path));
        from += (size_t)covered * element_bytes;
        at += covered;
    }
    return NM_OK;
}

nm_status nm_slab_read(int file_id, int variable, const char *path, const int64_t *dim, int n_dims,
                       int64_t first, int64_t n, void *data, size_t element_bytes)
{
    size_t start[NM_MAX_DIMS], count[NM_MAX_DIMS];
    char *to = data;
    for (int64_t at = first; at < first + n;) {
        int64_t covered = nm_slab_next(start, count, dim, n_dims, at, first + n);
        errno = 0;
        NM_TRY(nm_nc_check(nc_get_vara(file_id, variable, start, count, to), "read", path));
        to += (size_t)covered * element_bytes;
        at += covered;
    }
    return NM_OK;
}
