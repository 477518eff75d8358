/* Reads the one-dimensional numeric variables of a NetCDF file as columns. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slab.h"
#include "table.h"

typedef struct reader {
    const char *path;
    int file;
    int dimension; /* of all columns */
    size_t n_rows;
    char *wanted; /* " name name " of auxiliary coordinates, or NULL: every variable */
} reader;

static nm_status fail_nc(const reader *reader, const char *name, int error)
{
    return name != NULL ? nm_fail(NM_USAGE, "%s: variable \"%s\" cannot be read: %s", reader->path,
                                  name, nc_strerror(error))
                        : nm_fail(NM_USAGE, "%s: cannot be read as NetCDF: %s", reader->path,
                                  nc_strerror(error));
}

/* Copies the text of an attribute; NULL where it is not there. It may be of either kind of text that
 * NetCDF has. */
static nm_status read_text(char **text, const reader *reader, int variable, const char *name,
                           const char *attribute)
{
    nc_type type;
    size_t length;
    char *string = NULL;
    *text = NULL;
    if (nc_inq_att(reader->file, variable, attribute, &type, &length) != NC_NOERR) {
        return NM_OK;
    }
    if (type != NC_CHAR && (type != NC_STRING || length != 1)) {
        return nm_fail(NM_USAGE, "%s: variable \"%s\": its attribute \"%s\" is no text",
                       reader->path, name, attribute);
    }
    int error = NC_NOERR;
    if (type == NC_STRING) {
        error = nc_get_att_string(reader->file, variable, attribute, &string);
        *text = error == NC_NOERR ? strdup(string ? string : "") : NULL;
        nc_free_string(error == NC_NOERR, &string);
    } else if ((*text = calloc(length + 1, 1)) != NULL) {
        error = nc_get_att_text(reader->file, variable, attribute, *text);
    }
    if (error != NC_NOERR) {
        free(*text);
        *text = NULL;
        return fail_nc(reader, name, error);
    }
    return *text != NULL ? NM_OK
                         : nm_fail(NM_MEMORY, "%s: no memory for its attributes", reader->path);
}

static int is_numeric(nc_type type)
{
    return type == NC_FLOAT || type == NC_DOUBLE || type == NC_BYTE || type == NC_UBYTE ||
           type == NC_SHORT || type == NC_USHORT || type == NC_INT || type == NC_UINT ||
           type == NC_INT64 || type == NC_UINT64;
}

/* returns 1 where the variable has one dimension and numbers in it. */
static int is_column(const reader *reader, int variable, char name[NC_MAX_NAME + 1], int *dimension)
{
    nc_type type;
    int n_dims;
    if (nc_inq_var(reader->file, variable, name, &type, &n_dims, NULL, NULL) != NC_NOERR ||
        n_dims != 1 || !is_numeric(type)) {
        return 0;
    }
    return nc_inq_vardimid(reader->file, variable, dimension) == NC_NOERR;
}

static int is_wanted(const reader *reader, const char *name)
{
    size_t length = strlen(name);
    if (reader->wanted == NULL) {
        return 1;
    }
    for (const char *at = strstr(reader->wanted, name); at != NULL; at = strstr(at + 1, name)) {
        if (at[-1] == ' ' && at[length] == ' ') {
            return 1;
        }
    }
    return 0;
}

/* Collects what the variables along the dimension name as their coordinates. */
static nm_status find_coordinates(reader *reader, int n_variables)
{
    for (int i = 0; i < n_variables && reader->wanted == NULL; i++) {
        char name[NC_MAX_NAME + 1];
        int dimension;
        if (!is_column(reader, i, name, &dimension) || dimension != reader->dimension) {
            continue;
        }
        char *text;
        NM_TRY(read_text(&text, reader, i, name, "coordinates"));
        if (text == NULL) {
            continue;
        }
        size_t bytes = strlen(text) + 3;
        reader->wanted = malloc(bytes);
        if (reader->wanted != NULL) {
            snprintf(reader->wanted, bytes, " %s ", text);
        }
        free(text);
        if (reader->wanted == NULL) {
            return nm_fail(NM_MEMORY, "%s: no memory for its coordinates", reader->path);
        }
    }
    return NM_OK;
}

/* Settles the dimension along which the sets lie. */
static nm_status find_dimension(reader *reader, int n_variables)
{
    char first[NC_MAX_NAME + 1] = "";
    int is_named = nc_inq_dimid(reader->file, "sample", &reader->dimension) == NC_NOERR;
    for (int i = 0; i < n_variables && !is_named; i++) {
        char name[NC_MAX_NAME + 1];
        int dimension;
        if (!is_column(reader, i, name, &dimension)) {
            continue;
        }
        if (first[0] == '\0') {
            strcpy(first, name);
            reader->dimension = dimension;
        } else if (dimension != reader->dimension) {
            return nm_fail(NM_USAGE,
                           "%s: variables \"%s\" and \"%s\" lie along different dimensions; a "
                           "table has one dimension "
                           "for all its columns",
                           reader->path, first, name);
        }
    }
    if (!is_named && first[0] == '\0') {
        return nm_fail(NM_USAGE,
                       "%s: holds no numeric variable with one dimension; one for each parameter "
                       "would be right",
                       reader->path);
    }
    int error = nc_inq_dimlen(reader->file, reader->dimension, &reader->n_rows);
    return error == NC_NOERR ? NM_OK : fail_nc(reader, NULL, error);
}

static nm_status check_values(const reader *reader, int variable, const char *name,
                              const double *column)
{
    double fill = NAN;
    size_t length;
    if (nc_inq_attlen(reader->file, variable, "_FillValue", &length) != NC_NOERR || length != 1 ||
        nc_get_att_double(reader->file, variable, "_FillValue", &fill) != NC_NOERR) {
        fill = NC_FILL_DOUBLE;
    }
    for (size_t row = 0; row < reader->n_rows; row++) {
        if (!isfinite(column[row]) || column[row] == fill || column[row] == (double)NC_FILL_FLOAT) {
            return nm_fail(NM_USAGE,
                           "%s: variable \"%s\" is missing or not finite at index %zu; a number "
                           "would be right",
                           reader->path, name, row);
        }
    }
    return NM_OK;
}

static nm_status read_column(nm_table *table, const reader *reader, int variable, const char *name)
{
    int is_packed = nc_inq_attid(reader->file, variable, "scale_factor", NULL) == NC_NOERR ||
                    nc_inq_attid(reader->file, variable, "add_offset", NULL) == NC_NOERR;
    if (is_packed) {
        return nm_fail(
            NM_USAGE,
            "%s: variable \"%s\" is packed (scale_factor, add_offset); unpacked numbers are needed",
            reader->path, name);
    }
    char *unit;
    NM_TRY(read_text(&unit, reader, variable, name, "units"));
    nm_status status = nm_table_add_column(table, name, unit);
    free(unit);
    NM_TRY(status);
    double *column = malloc((reader->n_rows + 1) * sizeof(double));
    if (column == NULL) {
        return nm_fail(NM_MEMORY, "%s: no memory for %zu rows", reader->path, reader->n_rows);
    }
    table->column[table->n_columns - 1] = column;
    int error = nc_get_var_double(reader->file, variable, column);
    return error == NC_NOERR ? check_values(reader, variable, name, column)
                             : fail_nc(reader, name, error);
}

static nm_status read_open(nm_table *table, reader *reader)
{
    int n_variables;
    int error = nc_inq_nvars(reader->file, &n_variables);
    if (error != NC_NOERR) {
        return fail_nc(reader, NULL, error);
    }
    NM_TRY(find_dimension(reader, n_variables));
    NM_TRY(find_coordinates(reader, n_variables));
    table->n_rows = (int64_t)reader->n_rows;
    for (int i = 0; i < n_variables; i++) {
        char name[NC_MAX_NAME + 1], dimension_name[NC_MAX_NAME + 1] = "";
        int dimension;
        if (!is_column(reader, i, name, &dimension) || dimension != reader->dimension ||
            !is_wanted(reader, name)) {
            continue;
        }
        /* the coordinate of the dimension counts the sets, it is no parameter */
        if (nc_inq_dimname(reader->file, dimension, dimension_name) == NC_NOERR &&
            strcmp(dimension_name, name) == 0) {
            continue;
        }
        NM_TRY(read_column(table, reader, i, name));
    }
    return table->n_columns > 0
               ? NM_OK
               : nm_fail(NM_USAGE,
                         "%s: holds no columns; a numeric variable along one dimension "
                         "for each parameter would be right",
                         reader->path);
}

nm_status nm_table_read_nc(nm_table *table, const char *path)
{
    NM_NC_ALONE;
    reader reader = {.path = path};
    int error = nc_open(path, NC_NOWRITE, &reader.file);
    if (error != NC_NOERR) {
        return fail_nc(&reader, NULL, error);
    }
    nm_status status = read_open(table, &reader);
    nc_close(reader.file);
    free(reader.wanted);
    return status;
}
