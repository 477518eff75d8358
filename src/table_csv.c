/* Reads a CSV file of numbers line by line into columns of doubles.
 *
 * 1. numbers
 * 2. cells
 * 3. header
 * 4. rows */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "table.h"

enum {
    FIRST_ROWS = 4096,
    MAX_COLUMNS = 4096,
    SHOWN = 40 /* characters of a wrong cell in a message */
};

typedef struct csv {
    const char *path;
    FILE *file;
    char *line; /* without its end */
    size_t line_bytes, length;
    int64_t line_number;
    char separator;
    int64_t capacity; /* rows there is room for */
} csv;

/* --- 1. numbers ------------------------------------------------------------------------------- */

/* Reads a decimal number that ends at `end`; -> the nearest double. returns 0 where it is none,
 * or not finite. `end` must point to a character that ends a number. */
static int read_number(double *value, const char *text, const char *end)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *at = text;
    int is_negative = *at == '-';
    at += *at == '-' || *at == '+';

    /* digits, as an integer while it is exact */
    uint64_t mantissa = 0;
    int n_digits = 0, n_significant = 0, n_fraction = 0, has_point = 0;
    for (; at < end; at++) {
        if (*at == '.' && !has_point) {
            has_point = 1;
        } else if (*at >= '0' && *at <= '9') {
            n_significant += mantissa > 0 || *at > '0';
            mantissa = n_significant <= 19 ? mantissa * 10 + (uint64_t)(*at - '0') : mantissa;
            n_fraction += has_point;
            n_digits++;
        } else {
            break;
        }
    }
    int exponent = 0;
    if (n_digits == 0) {
        return 0;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        int exponent_is_negative = at < end && *at == '-';
        at += at < end && (*at == '-' || *at == '+');
        if (at == end) {
            return 0;
        }
        for (; at < end && *at >= '0' && *at <= '9'; at++) {
            exponent = exponent < 100000 ? exponent * 10 + (*at - '0') : exponent;
        }
        exponent = exponent_is_negative ? -exponent : exponent;
    }
    if (at != end) {
        return 0;
    }

    /* both numbers exact: one division or product rounds once, as strtod would */
    int power = exponent - n_fraction;
    if (n_significant <= 19 && mantissa <= UINT64_C(1) << 53 && power >= -22 && power <= 22) {
        double number =
            power < 0 ? (double)mantissa / powers[-power] : (double)mantissa * powers[power];
        *value = is_negative ? 0.0 - number : number;
        return 1;
    }
    *value = strtod(text, NULL) + 0.0; /* no negative zero */
    return isfinite(*value);
}

/* --- 2. cells --------------------------------------------------------------------------------- */

/* Takes the next cell at `*at`, without spaces and quotes around it; `*at` then stands behind
 * its separator, or is NULL after the last cell. Doubled quotes are undone in place. returns 0
 * where quotes do not close. */
static int next_cell(char **at, char **begin, char **end, char separator)
{
    char *start = *at;
    while (*start == ' ' || (*start == '\t' && separator != '\t')) {
        start++;
    }
    char *stop;
    if (*start == '"') {
        char *out = ++start;
        char *in = start;
        while (*in != '\0' && !(in[0] == '"' && in[1] != '"')) {
            in += *in == '"';
            *out++ = *in++;
        }
        if (*in == '\0') {
            return 0;
        }
        stop = out;
        in++;
        while (*in == ' ') {
            in++;
        }
        if (*in != separator && *in != '\0') {
            return 0;
        }
        *at = *in == '\0' ? NULL : in + 1;
        *stop = '\0';
    } else {
        stop = start;
        while (*stop != separator && *stop != '\0') {
            stop++;
        }
        *at = *stop == '\0' ? NULL : stop + 1;
    }
    *begin = start;
    while (stop > start && (stop[-1] == ' ' || (stop[-1] == '\t' && separator != '\t'))) {
        stop--;
    }
    *end = stop;
    return 1;
}

/* Reads the next line that holds something. returns 0 at the end of the file. */
static int next_line(csv *csv)
{
    ssize_t n;
    while ((n = getline(&csv->line, &csv->line_bytes, csv->file)) >= 0) {
        csv->line_number++;
        while (n > 0 && (csv->line[n - 1] == '\n' || csv->line[n - 1] == '\r')) {
            n--;
        }
        csv->line[n] = '\0';
        csv->length = (size_t)n;
        if (csv->line_number == 1 && n >= 3 && memcmp(csv->line, "\xef\xbb\xbf", 3) == 0) {
            memmove(csv->line, csv->line + 3, (size_t)n - 2);
            csv->length -= 3;
        }
        size_t blank = strspn(csv->line, " \t");
        if (csv->line[blank] != '#' && (csv->line[blank] != '\0' || blank != csv->length)) {
            return 1;
        }
    }
    return 0;
}

static nm_status check_text(const csv *csv)
{
    if (strlen(csv->line) != csv->length) {
        return nm_fail(NM_USAGE, "%s:%lld: holds a zero byte; a CSV or NetCDF file would be right",
                       csv->path, (long long)csv->line_number);
    }
    return NM_OK;
}

/* --- 3. header -------------------------------------------------------------------------------- */

/* The separator that stands most often in the header, outside quotes and units. */
static char find_separator(const char *line)
{
    static const char candidates[] = ",;\t";
    int count[3] = {0}, is_quoted = 0, depth = 0, best = 0;
    for (; *line != '\0'; line++) {
        is_quoted ^= *line == '"';
        depth += *line == '[' ? 1 : *line == ']' ? -1 : 0;
        const char *found = strchr(candidates, *line);
        if (found != NULL && !is_quoted && depth <= 0) {
            count[found - candidates]++;
        }
    }
    for (int i = 1; i < 3; i++) {
        best = count[i] > count[best] ? i : best;
    }
    return candidates[best];
}

/* Splits "name [unit]" in place. returns 0 where the brackets do not fit. */
static int split_unit(char *name, char **unit)
{
    char *open = strchr(name, '['), *close = strrchr(name, ']');
    *unit = NULL;
    if (open == NULL && close == NULL) {
        return 1;
    }
    if (open == NULL || close == NULL || close < open || close[1] != '\0' ||
        strrchr(name, '[') != open || strchr(name, ']') != close) {
        return 0;
    }
    *close = '\0';
    *unit = open + 1;
    while (open > name && open[-1] == ' ') {
        open--;
    }
    *open = '\0';
    return 1;
}

static nm_status read_header(nm_table *table, csv *csv)
{
    if (!next_line(csv)) {
        return ferror(csv->file)
                   ? nm_fail(NM_USAGE, "%s: cannot be read: %s", csv->path, strerror(errno))
                   : nm_fail(NM_USAGE, "%s: has no line with the names of the columns", csv->path);
    }
    NM_TRY(check_text(csv));
    csv->separator = find_separator(csv->line);
    char *at = csv->line;
    while (at != NULL) {
        char *begin, *end, *unit;
        if (!next_cell(&at, &begin, &end, csv->separator)) {
            return nm_fail(
                NM_USAGE,
                "%s:%lld: the quotes around the name of column %d do not close in this line",
                csv->path, (long long)csv->line_number, table->n_columns + 1);
        }
        *end = '\0';
        if (!split_unit(begin, &unit)) {
            return nm_fail(NM_USAGE,
                           "%s:%lld: column \"%.*s\" is not of the form name or name [unit]",
                           csv->path, (long long)csv->line_number, SHOWN, begin);
        }
        double number;
        if (read_number(&number, begin, begin + strlen(begin))) {
            return nm_fail(
                NM_USAGE, "%s:%lld: column %d is named %.*s; the first line must name the columns",
                csv->path, (long long)csv->line_number, table->n_columns + 1, SHOWN, begin);
        }
        if (*begin == '\0') {
            return nm_fail(NM_USAGE, "%s:%lld: column %d has no name", csv->path,
                           (long long)csv->line_number, table->n_columns + 1);
        }
        if (table->n_columns == MAX_COLUMNS) {
            return nm_fail(NM_USAGE, "%s:%lld: has more than %d columns", csv->path,
                           (long long)csv->line_number, MAX_COLUMNS);
        }
        NM_TRY(nm_table_add_column(table, begin, unit));
    }
    return NM_OK;
}

/* --- 4. rows ---------------------------------------------------------------------------------- */

/* Gives every column room for `capacity` rows. */
static nm_status resize(nm_table *table, csv *csv, int64_t capacity)
{
    for (int i = 0; i < table->n_columns; i++) {
        double *column = realloc(table->column[i], (size_t)capacity * sizeof(double));
        if (column == NULL) {
            return nm_fail(NM_MEMORY, "%s: no memory for %lld rows", csv->path,
                           (long long)capacity);
        }
        table->column[i] = column;
    }
    csv->capacity = capacity;
    return NM_OK;
}

static nm_status fail_cell(const csv *csv, const char *name, const char *begin, const char *end)
{
    int shown = end - begin > SHOWN ? SHOWN : (int)(end - begin);
    if (shown == 0) {
        return nm_fail(NM_USAGE, "%s:%lld: column \"%s\" is empty; every cell must be a number",
                       csv->path, (long long)csv->line_number, name);
    }
    int has_comma = memchr(begin, ',', (size_t)(end - begin)) != NULL;
    return nm_fail(NM_USAGE, "%s:%lld: column \"%s\" is \"%.*s\"; a finite number%s would be right",
                   csv->path, (long long)csv->line_number, name, shown, begin,
                   has_comma ? " with a decimal point" : "");
}

static nm_status read_row(nm_table *table, csv *csv)
{
    char *at = csv->line;
    int n_cells = 0;
    NM_TRY(check_text(csv));
    while (at != NULL) {
        char *begin, *end;
        const char *name = n_cells < table->n_columns ? table->name[n_cells] : "";
        if (!next_cell(&at, &begin, &end, csv->separator)) {
            return nm_fail(NM_USAGE, "%s:%lld: column \"%s\": the quotes do not close in this line",
                           csv->path, (long long)csv->line_number, name);
        }
        if (n_cells < table->n_columns &&
            !read_number(&table->column[n_cells][table->n_rows], begin, end)) {
            /* a line with other cells than the header is told as such, whatever is wrong inside
             * it */
            int n_ahead = n_cells + 1;
            for (char *from, *to; at != NULL && next_cell(&at, &from, &to, csv->separator);) {
                n_ahead++;
            }
            if (at != NULL || n_ahead == table->n_columns) {
                return fail_cell(csv, name, begin, end);
            }
            n_cells = n_ahead - 1;
            at = NULL;
        }
        n_cells++;
    }
    if (n_cells != table->n_columns) {
        return nm_fail(NM_USAGE, "%s:%lld: has %d cell%s, but the header names %d column%s",
                       csv->path, (long long)csv->line_number, n_cells, n_cells == 1 ? "" : "s",
                       table->n_columns, table->n_columns == 1 ? "" : "s");
    }
    table->n_rows++;
    return NM_OK;
}

static nm_status read_file(nm_table *table, csv *csv)
{
    NM_TRY(read_header(table, csv));
    NM_TRY(resize(table, csv, FIRST_ROWS));
    while (next_line(csv)) {
        if (table->n_rows == csv->capacity) {
            NM_TRY(resize(table, csv, 2 * csv->capacity));
        }
        NM_TRY(read_row(table, csv));
    }
    if (ferror(csv->file)) {
        return nm_fail(NM_USAGE, "%s: cannot be read after line %lld: %s", csv->path,
                       (long long)csv->line_number, strerror(errno));
    }
    return resize(table, csv, table->n_rows > 0 ? table->n_rows : 1);
}

nm_status nm_table_read_csv(nm_table *table, const char *path)
{
    csv csv = {.path = path, .file = fopen(path, "rb")};
    if (csv.file == NULL) {
        return nm_fail(NM_USAGE, "%s: cannot be read: %s", path, strerror(errno));
    }
    nm_status status = read_file(table, &csv);
    free(csv.line);
    fclose(csv.file);
    return status;
}
