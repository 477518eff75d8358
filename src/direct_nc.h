/* Where the elements of a contiguous variable lie in a NetCDF-4 file, so that many threads can write
 * them at once, without NetCDF. */
#ifndef NESSMAP_DIRECT_NC_H
#define NESSMAP_DIRECT_NC_H

#include <stdint.h>

/* Finds the byte at which the first element of each variable lies, in a file that is open for writing
 * under `path`. The variables get their place here, in this order, and their first elements are of no
 * meaning until they are written again. elements: bytes of one, [n] as `variables`.
 * returns 1; 0 where the place of one of them is not known: NetCDF writes all of them then. */
int nm_direct_nc_find(int64_t *offsets, int file_id, const char *path, const int *variables,
                      const int *elements, int n);

#endif
