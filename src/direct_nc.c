/* Where the elements of a contiguous variable lie in a NetCDF-4 file: HDF5 is asked, and not believed
 * until a mark written by NetCDF is found there. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "direct_nc.h"

#include <fcntl.h>
#include <netcdf.h>
#include <string.h>
#include <unistd.h>

#include "slab.h"

/* Of the HDF5 below NetCDF, which is not linked by name; weak, should it hide its functions. Its
 * handles have 64 bits since 1.10. */
extern int H5get_libversion(unsigned *major, unsigned *minor, unsigned *release)
    __attribute__((weak));
extern int64_t H5Fopen(const char *path, unsigned flags, int64_t properties)
    __attribute__((weak));
extern int64_t H5Dopen2(int64_t file, const char *name, int64_t properties) __attribute__((weak));
extern uint64_t H5Dget_offset(int64_t data) __attribute__((weak));
extern int H5Dclose(int64_t data) __attribute__((weak));
extern int H5Fclose(int64_t file) __attribute__((weak));

enum { READ_AND_WRITE = 1, MARK_BYTES = 8 };

static int has_functions(void)
{
    unsigned major = 0, minor = 0, release;
    return H5get_libversion && H5Fopen && H5Dopen2 && H5Dget_offset && H5Dclose && H5Fclose &&
           H5get_libversion(&major, &minor, &release) >= 0 && major == 1 && minor >= 10;
}

static void make_mark(unsigned char mark[MARK_BYTES], int i)
{
    uint64_t bits = 0x9e3779b97f4a7c15u * (uint64_t)(i + 1);
    memcpy(mark, &bits, sizeof bits);
}

/* The first write gives a variable its place. */
static int mark_all(int file_id, const int *variables, int n)
{
    static const size_t first[NC_MAX_VAR_DIMS];
    unsigned char mark[MARK_BYTES];
    for (int i = 0; i < n; i++) {
        make_mark(mark, i);
        if (nc_put_var1(file_id, variables[i], first, mark) != NC_NOERR) {
            return 0;
        }
    }
    return nc_sync(file_id) == NC_NOERR;
}

static int find_place(int64_t *offset, int64_t file, int file_id, int variable)
{
    char name[NC_MAX_NAME + 1];
    if (nc_inq_varname(file_id, variable, name) != NC_NOERR) {
        return 0;
    }
    int64_t data = H5Dopen2(file, name, 0);
    if (data < 0) {
        return 0;
    }
    uint64_t found = H5Dget_offset(data);
    *offset = (int64_t)found;
    return H5Dclose(data) >= 0 && found != 0 && found < INT64_MAX;
}

static int have_marks(const int64_t *offsets, const char *path, const int *elements, int n)
{
    unsigned char mark[MARK_BYTES], found[MARK_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC), is_there = fd >= 0;
    for (int i = 0; i < n && is_there; i++) {
        size_t bytes = elements[i] < MARK_BYTES ? (size_t)elements[i] : MARK_BYTES;
        make_mark(mark, i);
        is_there = pread(fd, found, bytes, (off_t)offsets[i]) == (ssize_t)bytes &&
                   memcmp(mark, found, bytes) == 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    return is_there;
}

int nm_direct_nc_find(int64_t *offsets, int file_id, const char *path, const int *variables,
                      const int *elements, int n)
{
    nm_nc_prepare();
    if (!mark_all(file_id, variables, n) || !has_functions()) {
        return 0;
    }
    int64_t file = H5Fopen(path, READ_AND_WRITE, 0);
    if (file < 0) {
        return 0;
    }
    int is_known = 1;
    for (int i = 0; i < n && is_known; i++) {
        is_known = find_place(&offsets[i], file, file_id, variables[i]);
    }
    is_known = H5Fclose(file) >= 0 && is_known;
    return is_known && have_marks(offsets, path, elements, n);
}
