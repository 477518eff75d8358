/* Flat row-major ranges of points as hyperslabs of an N-dimensional variable, and calls of NetCDF that may fail
 * or find what nobody expects. */
#ifndef NESSMAP_SLAB_H
#define NESSMAP_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "diag.h"
#include "nessmap/model_abi.h"

enum { NM_MAX_DIMS = NM_MAX_AXES + 2 /* the draws of a cell, or two inputs of an index */ };

/* The next hyperslab of the points [at, end) of dimensions dim[n_dims] (first slowest). start,
 * count: [n_dims] out. A range takes at most 2 (n_dims - 1) + 1 of them. returns the number of
 * points it covers. */
int64_t nm_slab_next(size_t *start, size_t *count, const int64_t *dim, int n_dims, int64_t at,
                     int64_t end);

/* Writes or reads the points [first, first + n) of a variable in its own type; element_bytes: of
 * that type. */
nm_status nm_slab_write(int file_id, int variable, const char *path, const int64_t *dim, int n_dims,
                        int64_t first, int64_t n, const void *data, size_t element_bytes);
nm_status nm_slab_read(int file_id, int variable, const char *path, const int64_t *dim, int n_dims,
                       int64_t first, int64_t n, void *data, size_t element_bytes);

/* returns NM_IO with a sentence where `code` of a NetCDF call is an error; verb: "write", "read".
 */
nm_status nm_nc_check(int code, const char *verb, const char *path);

/* A text attribute of a variable, or of the file (NC_GLOBAL), to be freed; NULL where there is none, or it is
 * no text, or there is no memory. */
char *nm_nc_text(int file_id, int variable, const char *name);

/* Numbers of an attribute of the file. returns 1 where it has exactly n of them; else they are left as they
 * were. */
int nm_nc_counts(int64_t *values, int n, int file_id, const char *name);
int nm_nc_numbers(double *values, int n, int file_id, const char *name);

/* Keeps one chunk of a variable in memory where it is compressed, which is enough where points are read
 * about in their order, and a few MiB at the most. */
void nm_nc_bound_cache(int file_id, int variable);

/* Lets HDF5 go on where the file system has no locks, unless the user said otherwise, and has it
 * print nothing of its own. Once in each thread that calls NetCDF is enough. */
void nm_nc_prepare(void);

/* NetCDF serves one thread at a time. NM_NC_ALONE at the top of a block keeps all other threads that say
 * so out until the block is left, by whatever way; it may stand in functions that call each other. */
int nm_nc_hold(void);
void nm_nc_release(const int *held);
#define NM_NC_ALONE                                                                                \
    __attribute__((cleanup(nm_nc_release), unused)) const int nm_nc_is_held = nm_nc_hold()

#endif
