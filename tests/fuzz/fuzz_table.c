/* Fuzz target: a table of parameter sets. Bytes that begin with N describe a NetCDF file that is
 * written here, for broken ones are the business of its library; all others are a CSV file. */
#include "fuzz.h"

#include <fcntl.h>
#include <math.h>
#include <netcdf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table.h"

static char path[64]; /* of a file that has no name anywhere else */
static int file = -1;

static void open_file(void)
{
    if (file < 0) {
        file = memfd_create("fuzz_table", MFD_CLOEXEC);
        nm_fuzz_check(file >= 0, "no memory for a file");
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
}

static void put(const void *data, size_t bytes)
{
    open_file();
    nm_fuzz_check(ftruncate(file, 0) == 0 && pwrite(file, data, bytes, 0) == (ssize_t)bytes,
                  "%zu bytes", bytes);
}

static void check_table(const nm_table *table)
{
    nm_fuzz_check(table->n_columns > 0 && table->n_rows > 0, "%d columns", table->n_columns);
    for (int i = 0; i < table->n_columns; i++) {
        nm_fuzz_check(table->name[i][0] != '\0', "column %d", i);
        for (int k = 0; k < i; k++) {
            nm_fuzz_check(strcmp(table->name[i], table->name[k]) != 0, "%s", table->name[i]);
        }
        for (int64_t row = 0; row < table->n_rows; row++) {
            nm_fuzz_check(isfinite(table->column[i][row]), "%s", table->name[i]);
        }
    }
}

/* --- CSV ------------------------------------------------------------------------------------- */

static void write_name(FILE *out, const char *name, const char *unit)
{
    putc('"', out);
    for (const char *c = name; *c; c++) {
        fprintf(out, *c == '"' ? "\"\"" : "%c", *c);
    }
    fputs(unit ? " [" : "", out);
    for (const char *c = unit ? unit : ""; *c; c++) {
        fprintf(out, *c == '"' ? "\"\"" : "%c", *c);
    }
    fputs(unit ? "]\"" : "\"", out);
}

/* What was read is written as CSV and must be read as the same. */
static void check_again(const nm_table *table)
{
    char *text;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    nm_fuzz_check(out != NULL, "no memory");
    for (int i = 0; i < table->n_columns; i++) {
        fputs(i > 0 ? "," : "", out);
        write_name(out, table->name[i], table->unit[i]);
    }
    for (int64_t row = 0; row < table->n_rows; row++) {
        for (int i = 0; i < table->n_columns; i++) {
            fprintf(out, "%c%.17g", i > 0 ? ',' : '\n', table->column[i][row]);
        }
    }
    fclose(out);
    put(text, bytes);
    nm_table *again;
    nm_status status = nm_table_read(&again, path);
    nm_fuzz_check(status == NM_OK, "%s\n%s", nm_last_error(), text);
    nm_fuzz_check(again->n_columns == table->n_columns && again->n_rows == table->n_rows,
                  "%d columns, %lld rows\n%s", again->n_columns, (long long)again->n_rows, text);
    for (int i = 0; i < table->n_columns; i++) {
        const char *unit = table->unit[i] ? table->unit[i] : "",
                   *unit_again = again->unit[i] ? again->unit[i] : "";
        nm_fuzz_check(strcmp(table->name[i], again->name[i]) == 0 && strcmp(unit, unit_again) == 0,
                      "%s [%s]\n%s", again->name[i], unit_again, text);
        nm_fuzz_check(
            memcmp(table->column[i], again->column[i], (size_t)table->n_rows * sizeof(double)) == 0,
            "%s\n%s", table->name[i], text);
    }
    nm_table_destroy(&again);
    free(text);
}

static void try_csv(const uint8_t *data, size_t size)
{
    nm_table *table;
    put(data, size);
    nm_fuzz_forget();
    if (nm_fuzz_is_accepted(nm_table_read(&table, path))) {
        check_table(table);
        check_again(table);
        nm_table_destroy(&table);
    }
    nm_fuzz_check(table == NULL, "a table is left");
}

/* --- NetCDF ---------------------------------------------------------------------------------- */

/* Writes one variable with what the bytes say of it. returns 0 where the library refuses. */
static int add_variable(nm_fuzz *fuzz, int nc, const int *dimensions, int n_dimensions)
{
    static const char *const names[] = {"K_o", "g_K",  "sample", "T",
                                        "x",   "Na o", "[mV]",   "\xc2\xb5"};
    static const char *const units[] = {"", "mV", "mol m-3", "1", "[", "K\"K", "\xff"};
    static const char *const coordinates[] = {"K_o g_K", "", "K_o", " T ", "K_oo", "x K_o K_o"};
    static const nc_type types[] = {NC_DOUBLE, NC_FLOAT, NC_INT,    NC_BYTE,  NC_CHAR,  NC_SHORT,
                                    NC_UBYTE,  NC_UINT,  NC_USHORT, NC_INT64, NC_UINT64};
    static const double values[] = {0.0,   1.0,   -2.5,  NAN, INFINITY, NC_FILL_DOUBLE,
                                    1e300, 200.0, 5e-324};
    int rank = nm_fuzz_seldom(fuzz) ? nm_fuzz_byte(fuzz) % 3 : 1, id, dims[2];
    for (int i = 0; i < rank; i++) {
        dims[i] = dimensions[nm_fuzz_byte(fuzz) % n_dimensions];
    }
    nc_type type = types[nm_fuzz_byte(fuzz) % 11];
    if (nc_def_var(nc, names[nm_fuzz_byte(fuzz) % 8], type, rank, dims, &id) != NC_NOERR) {
        return 0;
    }
    int what = nm_fuzz_byte(fuzz);
    if (what & 1) {
        const char *text = units[nm_fuzz_byte(fuzz) % 7];
        nc_put_att_text(nc, id, "units", strlen(text), text);
    }
    if ((what & 14) == 2) {
        const char *text = coordinates[nm_fuzz_byte(fuzz) % 6];
        nc_put_att_text(nc, id, "coordinates", strlen(text), text);
    }
    double number = values[nm_fuzz_byte(fuzz) % 9];
    if ((what & 240) == 16) {
        nc_put_att_double(nc, id, "scale_factor", NC_DOUBLE, 1, &number);
    }
    if ((what & 240) == 32) {
        nc_put_att_double(nc, id, "_FillValue", type, 1, &number);
    }
    if ((what & 240) == 48) {
        nc_put_att_double(nc, id, "units", NC_DOUBLE, 1, &number);
    }
    nc_enddef(nc);
    if (what & 64) {
        size_t first[2] = {0, 0};
        nc_put_var1_double(nc, id, first, &number);
    }
    nc_redef(nc);
    return 1;
}

static void try_nc(nm_fuzz *fuzz)
{
    static const char *const names[] = {"sample", "x", "y"};
    int nc, dimensions[3], n_dimensions = 0;
    open_file();
    nm_fuzz_check(nc_create(path, NC_CLOBBER | NC_64BIT_DATA, &nc) == NC_NOERR, "%s", path);
    nc_set_fill(nc, nm_fuzz_byte(fuzz) & 1 ? NC_NOFILL : NC_FILL, NULL);
    int n_wanted = 1 + nm_fuzz_byte(fuzz) % 3, first = nm_fuzz_byte(fuzz) % 3;
    for (int i = 0; i < n_wanted; i++) {
        int length = nm_fuzz_byte(fuzz) % 4;
        n_dimensions += nc_def_dim(nc, names[(first + i) % 3], (size_t)length,
                                   &dimensions[n_dimensions]) == NC_NOERR;
    }
    for (int i = 0; i < 6 && fuzz->n > 0 && add_variable(fuzz, nc, dimensions, n_dimensions); i++) {
    }
    nc_enddef(nc);
    nc_close(nc);
    nm_table *table;
    nm_fuzz_forget();
    if (nm_fuzz_is_accepted(nm_table_read(&table, path))) {
        check_table(table);
        nm_table_destroy(&table);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nm_fuzz fuzz = {data, size};
    if (nm_fuzz_byte(&fuzz) == 'N') {
        try_nc(&fuzz);
    } else if (size < 3 || (memcmp(data, "CDF", 3) != 0 && memcmp(data, "\x89HD", 3) != 0)) {
        try_csv(data, size);
    }
    return 0;
}
