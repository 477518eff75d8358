/* The user's own parameter sets: a CSV or a NetCDF file, one column per parameter. */
#ifndef NESSMAP_TABLE_H
#define NESSMAP_TABLE_H

#include <stdint.h>

#include "diag.h"

typedef struct nm_table {
    int n_columns;
    int64_t n_rows;
    char **name; /* [n_columns] */
    char **unit; /* [n_columns], NULL for none: "name [unit]" in CSV, attribute units in NetCDF */
    double **column; /* [n_columns][n_rows] */
} nm_table;

/* Reads by content, not by suffix. Every cell must be a finite number: an empty, odd or missing
 * cell is an error that names line and column.
 *   CSV: the first line names the columns; cells end at a comma, semicolon or tab, may be
 *   quoted; lines that begin with # and empty lines are skipped; numbers have a decimal point
 *   and are read to the nearest double.
 *   NetCDF: the numeric variables of one dimension, all along the same one (`sample` where there
 *   is one). Where variables name auxiliary coordinates, as in files of nessmap, the columns are
 *   those coordinates alone.
 * returns NM_USAGE with one sentence that begins with the path, NM_MEMORY. */
nm_status nm_table_read(nm_table **table, const char *path);
void nm_table_destroy(nm_table **table);

/* --- between table.c and its readers ---------------------------------------------------------- */

nm_status nm_table_read_csv(nm_table *table, const char *path);
nm_status nm_table_read_nc(nm_table *table, const char *path);

/* Adds an empty column. unit: NULL or "" for none. */
nm_status nm_table_add_column(nm_table *table, const char *name, const char *unit);

#endif
