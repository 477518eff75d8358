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

enum { MOST_CACHE = 4 << 20 }; /* eight times what nessmap writes as one chunk */

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
    pthread_mutex_lock(&netcdf);
    nm_nc_prepare();
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

char *nm_nc_text(int file_id, int variable, const char *name)
{
    nc_type type;
    size_t length;
    if (nc_inq_att(file_id, variable, name, &type, &length) != NC_NOERR || type != NC_CHAR) {
        return NULL;
    }
    char *text = calloc(length + 1, 1);
    if (text && nc_get_att_text(file_id, variable, name, text) != NC_NOERR) {
        free(text);
        text = NULL;
    }
    return text;
}

static int has_numbers(int n, int file_id, const char *name)
{
    nc_type type;
    size_t length;
    return nc_inq_att(file_id, NC_GLOBAL, name, &type, &length) == NC_NOERR && type != NC_CHAR &&
           type != NC_STRING && length == (size_t)n;
}

int nm_nc_counts(int64_t *values, int n, int file_id, const char *name)
{
    long long *read = has_numbers(n, file_id, name) ? calloc((size_t)n, sizeof *read) : NULL;
    int is_read = read && nc_get_att_longlong(file_id, NC_GLOBAL, name, read) == NC_NOERR;
    for (int i = 0; i < n && is_read; i++) {
        values[i] = read[i];
    }
    free(read);
    return is_read;
}

int nm_nc_numbers(double *values, int n, int file_id, const char *name)
{
    double *read = has_numbers(n, file_id, name) ? calloc((size_t)n, sizeof *read) : NULL;
    int is_read = read && nc_get_att_double(file_id, NC_GLOBAL, name, read) == NC_NOERR;
    for (int i = 0; i < n && is_read; i++) {
        values[i] = read[i];
    }
    free(read);
    return is_read;
}

void nm_nc_bound_cache(int file_id, int variable)
{
    int storage, n_dims;
    size_t chunk[NC_MAX_VAR_DIMS], bytes;
    nc_type type;
    if (nc_inq_var_chunking(file_id, variable, &storage, chunk) == NC_NOERR &&
        storage == NC_CHUNKED && nc_inq_varndims(file_id, variable, &n_dims) == NC_NOERR &&
        nc_inq_vartype(file_id, variable, &type) == NC_NOERR &&
        nc_inq_type(file_id, type, NULL, &bytes) == NC_NOERR) {
        for (int i = 0; i < n_dims; i++) {
            bytes *= chunk[i];
        }
        nc_set_var_chunk_cache(file_id, variable, bytes < MOST_CACHE ? bytes : MOST_CACHE, 1, 1.0f);
    }
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
