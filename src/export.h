/* Data sets for learning: a finished file as row-major arrays that NumPy maps, with a page on them.
 *
 *   OUT.data/X.npy        float32 [n][inputs]            parameters that vary
 *   OUT.data/Y.npy        float32 [n][outputs]           NaN where a row has no value
 *   OUT.data/dY_dX.npy    float32 [n][outputs][inputs]   where the file holds all of them
 *   OUT.data/outcome.npy  int8 [n], flags.npy uint16 [n], split.npy uint8 [n]
 *   OUT.data/meta.json    names, units, bounds, statistics, split rule, hashes
 *
 * Rows are points in the order of their index; none is left out. */
#ifndef NESSMAP_EXPORT_H
#define NESSMAP_EXPORT_H

#include <stdio.h>

#include "nessmap/nessmap.h"
#include "plan.h"

/* The version of the schema of meta.json. */
enum { NM_EXPORT_SCHEMA = 1 };

/* Writes the folder for the file `path`, which `plan` (of the configuration kept in it) describes:
 * under a temporary name, renamed when it is whole; goes on where an earlier call was stopped and
 * ends in the same bytes. notes: told what was written, or NULL.
 * returns NM_USAGE, NM_FINGERPRINT where the folder is of another question, NM_LOCKED, NM_IO,
 * NM_MEMORY. */
nm_status nm_export_write(FILE *notes, const char *path, const nm_plan *plan,
                          const nm_export_options *options);

/* Refuses a file that holds no points, by its own words: a reduced scan, a time course, a refined
 * boundary, an unfinished run. returns NM_USAGE, NM_IO. */
nm_status nm_export_accepts(const char *path);

#endif
