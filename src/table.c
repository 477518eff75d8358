/* Opens a table by what is in the file and hands it to the reader of its format. */
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static nm_status find_reader(nm_status (**reader)(nm_table *, const char *), const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return nm_fail(NM_USAGE, "%s: cannot be read: %s", path, strerror(errno));
    }
    /* a table is read more than once, and a pipe or a device may never end */
    if (!S_ISREG(info.st_mode)) {
        return nm_fail(NM_USAGE, "%s: is a %s; the name of a CSV or NetCDF file would be right",
                       path, S_ISDIR(info.st_mode) ? "directory" : "device or a pipe");
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return nm_fail(NM_USAGE, "%s: cannot be read: %s", path, strerror(errno));
    }
    unsigned char head[8] = {0};
    size_t n = fread(head, 1, sizeof(head), file);
    fclose(file);
    if (n == 0) {
        return nm_fail(NM_USAGE,
                       "%s: is empty; a first line with the names of the columns would be right",
                       path);
    }
    int is_hdf = memcmp(head, "\x89HDF\r\n\x1a\n", 8) == 0;
    int is_classic = memcmp(head, "CDF", 3) == 0 && (head[3] == 1 || head[3] == 2 || head[3] == 5);
    *reader = is_hdf || is_classic ? nm_table_read_nc : nm_table_read_csv;
    return NM_OK;
}

static char *copy(const char *text)
{
    char *own = malloc(strlen(text) + 1);
    return own != NULL ? strcpy(own, text) : NULL;
}

nm_status nm_table_add_column(nm_table *table, const char *name, const char *unit)
{
    /* each array lengthens on its own: a failure leaves a table that can be destroyed */
    size_t n = (size_t)table->n_columns + 1;
    char **names = realloc(table->name, n * sizeof(*names));
    table->name = names != NULL ? names : table->name;
    char **units = realloc(table->unit, n * sizeof(*units));
    table->unit = units != NULL ? units : table->unit;
    double **columns = realloc(table->column, n * sizeof(*columns));
    table->column = columns != NULL ? columns : table->column;
    char *own_name = copy(name), *own_unit = unit != NULL && unit[0] != '\0' ? copy(unit) : NULL;
    if (names == NULL || units == NULL || columns == NULL || own_name == NULL) {
        free(own_name);
        free(own_unit);
        return nm_fail(NM_MEMORY, "no memory for column \"%s\" of the table", name);
    }
    table->name[table->n_columns] = own_name;
    table->unit[table->n_columns] = own_unit;
    table->column[table->n_columns++] = NULL;
    return NM_OK;
}

static nm_status check(const nm_table *table, const char *path)
{
    if (table->n_rows == 0) {
        return nm_fail(NM_USAGE, "%s: has no parameter sets, only names of columns", path);
    }
    for (int i = 0; i < table->n_columns; i++) {
        for (int k = 0; k < i; k++) {
            if (strcmp(table->name[i], table->name[k]) == 0) {
                return nm_fail(NM_USAGE, "%s: columns %d and %d are both named \"%s\"; remove one",
                               path, k + 1, i + 1, table->name[i]);
            }
        }
    }
    return NM_OK;
}

nm_status nm_table_read(nm_table **table, const char *path)
{
    nm_status (*reader)(nm_table *, const char *) = NULL;
    *table = NULL;
    NM_TRY(find_reader(&reader, path));
    *table = calloc(1, sizeof(**table));
    if (*table == NULL) {
        return nm_fail(NM_MEMORY, "%s: no memory for the table", path);
    }
    nm_status status = reader(*table, path);
    if (status == NM_OK) {
        status = check(*table, path);
    }
    if (status != NM_OK) {
        nm_table_destroy(table);
    }
    return status;
}

void nm_table_destroy(nm_table **table)
{
    if (table == NULL || *table == NULL) {
        return;
    }
    for (int i = 0; i < (*table)->n_columns; i++) {
        free((*table)->name[i]);
        free((*table)->unit[i]);
        free((*table)->column[i]);
    }
    free((*table)->name);
    free((*table)->unit);
    free((*table)->column);
    free(*table);
    *table = NULL;
}
