/* Tables of parameter sets: exact numbers, quotes and units, NetCDF, and one clear sentence for
 * what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table.h"

static char path[64];

static int make_path(void **state)
{
    (void)state;
    strcpy(path, "test_table_XXXXXX");
    int file = mkstemp(path);
    return file < 0 || close(file) != 0;
}

static int remove_path(void **state)
{
    (void)state;
    return remove(path);
}

static void write_bytes(const char *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static nm_table *read_text(const char *text)
{
    nm_table *table;
    write_bytes(text, strlen(text));
    if (nm_table_read(&table, path) != NM_OK) {
        fail_msg("%s", nm_last_error());
    }
    return table;
}

/* The text must be refused with NM_USAGE and a sentence that begins with the path and holds
 * `words`. */
static void refuse_bytes(const char *text, size_t n, const char *words)
{
    nm_table *table;
    write_bytes(text, n);
    assert_int_equal(nm_table_read(&table, path), NM_USAGE);
    assert_null(table);
    if (strncmp(nm_last_error(), path, strlen(path)) != 0 ||
        strstr(nm_last_error(), words) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", nm_last_error(), words);
    }
}

static void refuse(const char *text, const char *words)
{
    refuse_bytes(text, strlen(text), words);
}

static void reads_plain_csv(void **state)
{
    (void)state;
    nm_table *table = read_text("K_o,g_Na\n5.4,1e-3\n-2,.5\n");
    assert_int_equal(table->n_columns, 2);
    assert_int_equal(table->n_rows, 2);
    assert_string_equal(table->name[0], "K_o");
    assert_string_equal(table->name[1], "g_Na");
    assert_null(table->unit[0]);
    assert_true(table->column[0][0] == 5.4 && table->column[1][0] == 1e-3);
    assert_true(table->column[0][1] == -2.0 && table->column[1][1] == 0.5);
    nm_table_destroy(&table);
    assert_null(table);
}

/* byte order mark, comments, CRLF, quotes with doubled quotes and separators inside, units, no
 * final line end */
static void reads_the_dialects(void **state)
{
    (void)state;
    nm_table *table =
        read_text("\xef\xbb\xbf# made by hand\r\n\"K_o [mmol/L]\"; T ; \"odd \"\"; name\"\r\n\r\n"
                  " 5.4 ;\"310.15\"; +1 \r\n# between\r\n6;300;2E+1");
    assert_int_equal(table->n_columns, 3);
    assert_int_equal(table->n_rows, 2);
    assert_string_equal(table->name[0], "K_o");
    assert_string_equal(table->unit[0], "mmol/L");
    assert_string_equal(table->name[1], "T");
    assert_null(table->unit[1]);
    assert_string_equal(table->name[2], "odd \"; name");
    assert_true(table->column[0][0] == 5.4 && table->column[1][0] == 310.15 &&
                table->column[2][0] == 1.0);
    assert_true(table->column[0][1] == 6.0 && table->column[1][1] == 300.0 &&
                table->column[2][1] == 20.0);
    nm_table_destroy(&table);

    table = read_text("a\tb [x,y,z]\n1\t2\n");
    assert_int_equal(table->n_columns, 2);
    assert_string_equal(table->unit[1], "x,y,z");
    nm_table_destroy(&table);

    table = read_text("a\n1\n");
    assert_int_equal(table->n_columns, 1);
    nm_table_destroy(&table);
}

/* every number is the double nearest to its text, whichever way it is read */
static void reads_numbers_exactly(void **state)
{
    (void)state;
    static const char *const hard[] = {"0.1",
                                       "9007199254740993",
                                       "9007199254740992.5",
                                       "1e22",
                                       "1e23",
                                       "123456789012345678901234567890",
                                       "2.2250738585072011e-308",
                                       "4.9e-324",
                                       "1e-400",
                                       "0.000000000000000000000000000000123",
                                       "1.7976931348623157e308",
                                       "00000000000000000000000000000000000000001.5",
                                       "8.33333e-05",
                                       "5.182e-08",
                                       "1.00000000000000011102230246251565404236316680908203125"};
    enum { N_HARD = sizeof(hard) / sizeof(hard[0]), N_DRAWN = 20000 };
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "x\n");
    for (int i = 0; i < N_HARD; i++) {
        fprintf(file, "%s\n", hard[i]);
    }
    char(*text)[64] = malloc(N_DRAWN * sizeof(*text));
    assert_non_null(text);
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < N_DRAWN; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double number = ldexp((double)bits, (int)(bits % 200) - 160);
        snprintf(text[i], sizeof(text[i]), "%.*g", 1 + (int)(bits >> 32) % 20,
                 i % 2 ? -number : number);
        fprintf(file, "%s\n", text[i]);
    }
    assert_int_equal(fclose(file), 0);

    nm_table *table;
    assert_int_equal(nm_table_read(&table, path), NM_OK);
    assert_int_equal(table->n_rows, N_HARD + N_DRAWN);
    for (int i = 0; i < N_HARD; i++) {
        assert_true(table->column[0][i] == strtod(hard[i], NULL));
    }
    for (int i = 0; i < N_DRAWN; i++) {
        assert_true(table->column[0][N_HARD + i] == strtod(text[i], NULL));
    }
    free(text);
    nm_table_destroy(&table);
}

static void refuses_wrong_cells(void **state)
{
    (void)state;
    refuse("a,b\n1,2\n3,\n", ":3: column \"b\" is empty");
    refuse("a,b\n1,nan\n", ":2: column \"b\" is \"nan\"");
    refuse("a,b\n1,inf\n", "\"inf\"");
    refuse("a,b\n1,1e999\n", "\"1e999\"");
    refuse("a,b\n0x10,1\n", "\"0x10\"");
    refuse("a,b\n1,2e\n", "\"2e\"");
    refuse("a,b\n1,2e+\n", "\"2e+\"");
    refuse("a,b\n1,.\n", "\".\"");
    refuse("a,b\n1,2 mM\n", "\"2 mM\"");
    refuse("a,b\n1,1.2.3\n", "\"1.2.3\"");
    refuse("a,b\n#c\n1,many\n", ":3: column \"b\" is \"many\"; a finite number");
    refuse("a;b\n1;2,5\n", "a finite number with a decimal point");
    refuse("a,b\n1,\"2\n", ":2: column \"b\": the quotes do not close");
    refuse("a,b\n1,\"2\"3\n", "the quotes do not close");
    /* what is wrong first is told, and nothing is taken for a row */
    refuse("a\n1x,\"\n", ":2: column \"a\" is \"1x\"");
    refuse("a,b\n1,2x,\"\n", ":2: column \"b\" is \"2x\"");
}

static void refuses_wrong_shapes(void **state)
{
    (void)state;
    refuse("", "is empty");
    refuse("# nothing\n\n", "no line with the names");
    refuse("a,b\n", "no parameter sets");
    refuse("a,b\n1,2\n1\n", ":3: has 1 cell, but the header names 2 columns");
    refuse("a,b\n1,2,3\n", ":2: has 3 cells, but the header names 2 columns");
    refuse("a,b\nx,2,3\n", ":2: has 3 cells, but the header names 2 columns");
    refuse("1,2\n3,4\n", "the first line must name the columns");
    refuse("2[],g\n3,4\n", "the first line must name the columns");
    refuse("V][],g\n3,4\n", "name or name [unit]");
    refuse("V [m[V]],g\n3,4\n", "name or name [unit]");
    refuse("a,,b\n1,2,3\n", "column 2 has no name");
    refuse("a,b,a\n1,2,3\n", "columns 1 and 3 are both named \"a\"");
    refuse("a [mM,b\n1,2\n", "not of the form");
    refuse_bytes("a,b\n1,\0 2\n", 10, "zero byte");
    refuse_bytes("\x89PNG\r\n\x1a\n\0\0", 10, "");
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    nm_table *table;
    assert_int_equal(nm_table_read(&table, "no_such_table.csv"), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "no_such_table.csv: cannot be read: No such file"));
    assert_int_equal(nm_table_read(&table, "."), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "is a directory"));
    assert_int_equal(nm_table_read(&table, "/dev/zero"), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "/dev/zero: is a device or a pipe"));
}

static void grows(void **state)
{
    (void)state;
    enum { N = 100000 };
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "a,b\n");
    for (int i = 0; i < N; i++) {
        fprintf(file, "%d,%d\n", i, -i);
    }
    assert_int_equal(fclose(file), 0);
    nm_table *table;
    assert_int_equal(nm_table_read(&table, path), NM_OK);
    assert_int_equal(table->n_rows, N);
    for (int i = 0; i < N; i++) {
        assert_true(table->column[0][i] == i && table->column[1][i] == -i);
    }
    nm_table_destroy(&table);
}

/* --- NetCDF ----------------------------------------------------------------------------------- */

static int create_nc(void)
{
    int file;
    assert_int_equal(nc_create(path, NC_NETCDF4 | NC_CLOBBER, &file), NC_NOERR);
    return file;
}

static int define(int file, const char *name, int dimension, nc_type type, const char *unit,
                  const char *coordinates)
{
    int variable;
    assert_int_equal(nc_def_var(file, name, type, 1, &dimension, &variable), NC_NOERR);
    if (unit != NULL) {
        assert_int_equal(nc_put_att_text(file, variable, "units", strlen(unit), unit), NC_NOERR);
    }
    if (coordinates != NULL) {
        assert_int_equal(
            nc_put_att_text(file, variable, "coordinates", strlen(coordinates), coordinates),
            NC_NOERR);
    }
    return variable;
}

static void reads_netcdf(void **state)
{
    (void)state;
    int file = create_nc(), dimension, n[3] = {1, 2, 3};
    double values[3] = {0.1, 0.2, 0.3};
    assert_int_equal(nc_def_dim(file, "set", 3, &dimension), NC_NOERR);
    int set = define(file, "set", dimension, NC_INT, NULL, NULL);
    int a = define(file, "K_o", dimension, NC_DOUBLE, "mmol/L", NULL);
    int b = define(file, "z_X", dimension, NC_INT, NULL, NULL);
    assert_int_equal(nc_put_var_int(file, set, n), NC_NOERR);
    assert_int_equal(nc_put_var_double(file, a, values), NC_NOERR);
    assert_int_equal(nc_put_var_int(file, b, n), NC_NOERR);
    assert_int_equal(nc_close(file), NC_NOERR);

    nm_table *table;
    assert_int_equal(nm_table_read(&table, path), NM_OK);
    assert_int_equal(table->n_columns, 2); /* the coordinate of the dimension is none */
    assert_int_equal(table->n_rows, 3);
    assert_string_equal(table->name[0], "K_o");
    assert_string_equal(table->unit[0], "mmol/L");
    assert_null(table->unit[1]);
    assert_memory_equal(table->column[0], values, sizeof(values));
    assert_true(table->column[1][2] == 3.0);
    nm_table_destroy(&table);
}

/* a file of the sample layout gives its parameters back, not its outputs */
static void reads_own_files(void **state)
{
    (void)state;
    int file = create_nc(), dimension, other;
    double values[2] = {1.5, 2.5}, matrix[4] = {0};
    assert_int_equal(nc_def_dim(file, "sample", 2, &dimension), NC_NOERR);
    assert_int_equal(nc_def_dim(file, "bin", 4, &other), NC_NOERR);
    int a = define(file, "K_o", dimension, NC_DOUBLE, "mol m-3", NULL);
    int b = define(file, "K", dimension, NC_DOUBLE, "V", "K_o g_Na");
    int c = define(file, "g_Na", dimension, NC_DOUBLE, "S m-2", NULL);
    int d = define(file, "edge", other, NC_DOUBLE, "1", NULL);
    assert_int_equal(nc_put_var_double(file, a, values), NC_NOERR);
    assert_int_equal(nc_put_var_double(file, b, values), NC_NOERR);
    assert_int_equal(nc_put_var_double(file, c, values), NC_NOERR);
    assert_int_equal(nc_put_var_double(file, d, matrix), NC_NOERR);
    assert_int_equal(nc_close(file), NC_NOERR);

    nm_table *table;
    assert_int_equal(nm_table_read(&table, path), NM_OK);
    assert_int_equal(table->n_columns, 2);
    assert_string_equal(table->name[0], "K_o");
    assert_string_equal(table->name[1], "g_Na");
    nm_table_destroy(&table);
}

/* Texts of the newer kind, as some writers make them of units beyond ASCII, are units too. */
static void reads_units_of_either_kind(void **state)
{
    (void)state;
    int file = create_nc(), dimension;
    double value = 1.5;
    const char *unit = "\xC2\xB5mol/L", *coordinates = "K_o";
    assert_int_equal(nc_def_dim(file, "sample", 1, &dimension), NC_NOERR);
    int a = define(file, "K_o", dimension, NC_DOUBLE, NULL, NULL);
    int b = define(file, "V", dimension, NC_DOUBLE, NULL, NULL);
    assert_int_equal(nc_put_att_string(file, a, "units", 1, &unit), NC_NOERR);
    assert_int_equal(nc_put_att_string(file, b, "coordinates", 1, &coordinates), NC_NOERR);
    assert_int_equal(nc_put_var_double(file, a, &value), NC_NOERR);
    assert_int_equal(nc_put_var_double(file, b, &value), NC_NOERR);
    assert_int_equal(nc_close(file), NC_NOERR);

    nm_table *table;
    assert_int_equal(nm_table_read(&table, path), NM_OK);
    assert_int_equal(table->n_columns, 1);
    assert_string_equal(table->unit[0], unit);
    nm_table_destroy(&table);
}

static void refuse_nc(const char *words)
{
    nm_table *table;
    assert_int_equal(nm_table_read(&table, path), NM_USAGE);
    if (strstr(nm_last_error(), words) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", nm_last_error(), words);
    }
}

static void refuses_wrong_netcdf(void **state)
{
    (void)state;
    int file = create_nc(), x, y;
    double values[3] = {1.0, NAN, 3.0};
    assert_int_equal(nc_def_dim(file, "x", 3, &x), NC_NOERR);
    assert_int_equal(nc_def_dim(file, "y", 2, &y), NC_NOERR);
    int a = define(file, "K_o", x, NC_DOUBLE, NULL, NULL);
    assert_int_equal(nc_put_var_double(file, a, values), NC_NOERR);
    assert_int_equal(nc_close(file), NC_NOERR);
    refuse_nc("variable \"K_o\" is missing or not finite at index 1");

    file = create_nc();
    assert_int_equal(nc_def_dim(file, "x", 3, &x), NC_NOERR);
    assert_int_equal(nc_def_dim(file, "y", 2, &y), NC_NOERR);
    define(file, "K_o", x, NC_DOUBLE, NULL, NULL);
    define(file, "g_Na", y, NC_DOUBLE, NULL, NULL);
    assert_int_equal(nc_close(file), NC_NOERR);
    refuse_nc("lie along different dimensions");

    /* never written: the fill value is no number of the user's */
    file = create_nc();
    assert_int_equal(nc_def_dim(file, "x", 3, &x), NC_NOERR);
    define(file, "K_o", x, NC_FLOAT, NULL, NULL);
    assert_int_equal(nc_close(file), NC_NOERR);
    refuse_nc("at index 0");

    file = create_nc();
    assert_int_equal(nc_close(file), NC_NOERR);
    refuse_nc("no numeric variable");

    /* a unit that cannot be read is not taken for none */
    file = create_nc();
    assert_int_equal(nc_def_dim(file, "sample", 1, &x), NC_NOERR);
    a = define(file, "K_o", x, NC_DOUBLE, NULL, NULL);
    double one = 1.0;
    assert_int_equal(nc_put_att_double(file, a, "units", NC_DOUBLE, 1, &one), NC_NOERR);
    assert_int_equal(nc_put_var_double(file, a, &one), NC_NOERR);
    assert_int_equal(nc_close(file), NC_NOERR);
    refuse_nc("variable \"K_o\": its attribute \"units\" is no text");

    write_bytes("\x89HDF\r\n\x1a\nbroken", 14);
    refuse_nc("cannot be read as NetCDF");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain_csv),
        cmocka_unit_test(reads_the_dialects),
        cmocka_unit_test(reads_numbers_exactly),
        cmocka_unit_test(refuses_wrong_cells),
        cmocka_unit_test(refuses_wrong_shapes),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(grows),
        cmocka_unit_test(reads_netcdf),
        cmocka_unit_test(reads_own_files),
        cmocka_unit_test(reads_units_of_either_kind),
        cmocka_unit_test(refuses_wrong_netcdf),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
