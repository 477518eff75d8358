/* A file that keeps no points, made a second time and compared: whole, and where bytes differ variable by
 * variable.
 *
 *   1. bytes   2. variables   3. the second file */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "run.h"
#include "verify_parts.h"

enum { PIECE_BYTES = 1 << 16 };

/* --- 1. bytes ------------------------------------------------------------------------------------- */

static nm_status compare_files(int *are_same, const char *path, const char *other)
{
    FILE *a = fopen(path, "rb"), *b = fopen(other, "rb");
    char *left = malloc(PIECE_BYTES), *right = malloc(PIECE_BYTES);
    nm_status status = NM_OK;
    if (!left || !right) {
        status = nm_fail(NM_MEMORY, "no memory for comparing '%s'", path);
    } else if (!a || !b) {
        status = nm_fail(NM_IO, "cannot read '%s': %s", a ? other : path, strerror(errno));
    }
    *are_same = status == NM_OK;
    for (size_t n = 1; status == NM_OK && *are_same && n > 0;) {
        n = fread(left, 1, PIECE_BYTES, a);
        *are_same = fread(right, 1, PIECE_BYTES, b) == n && memcmp(left, right, n) == 0;
    }
    if (a) {
        fclose(a);
    }
    if (b) {
        fclose(b);
    }
    free(right);
    free(left);
    return status;
}

/* --- 2. variables --------------------------------------------------------------------------------- */

/* Names the first number that differs. */
static void name_difference(nm_verify_check *check, int i_variable, const char *name, nc_type type,
                            int64_t at, const char *left, const char *right)
{
    double a = 0.0, b = 0.0;
    int64_t i = 0, k = 0;
    float f, g;
    switch (type) {
    case NC_FLOAT:
        memcpy(&f, left, sizeof f);
        memcpy(&g, right, sizeof g);
        a = f;
        b = g;
        break;
    case NC_DOUBLE:
        memcpy(&a, left, sizeof a);
        memcpy(&b, right, sizeof b);
        break;
    case NC_INT64:
        memcpy(&i, left, sizeof i);
        memcpy(&k, right, sizeof k);
        nm_verify_name(check, i_variable, "%s[%" PRId64 "] is %" PRId64 ", made again %" PRId64,
                       name, at, i, k);
        return;
    default:
        nm_verify_name(check, i_variable, "%s[%" PRId64 "] differs from what is made again", name,
                       at);
        return;
    }
    nm_verify_name(check, i_variable, "%s[%" PRId64 "] is %.17g, made again %.17g", name, at, a, b);
}

/* Texts of a variable in both files: few, as the names of inputs. */
static nm_status compare_texts(nm_verify_check *check, const char *path, int id, int other,
                               int variable, int other_variable, const char *name, size_t n)
{
    char **left = calloc(n + 1, sizeof *left), **right = calloc(n + 1, sizeof *right);
    nm_status status =
        left && right ? NM_OK : nm_fail(NM_MEMORY, "no memory for comparing '%s'", path);
    if (status == NM_OK) {
        status = nm_nc_check(nc_get_var_string(id, variable, left), "read", path);
    }
    if (status == NM_OK) {
        status = nm_nc_check(nc_get_var_string(other, other_variable, right), "read", path);
    }
    for (size_t i = 0; status == NM_OK && i < n; i++) {
        const char *a = left[i] ? left[i] : "", *b = right[i] ? right[i] : "";
        if (strcmp(a, b) != 0) {
            check->n_bad++;
            nm_verify_name(check, variable, "%.60s[%zu] is \"%.60s\", made again \"%.60s\"", name,
                           i, a, b);
            break;
        }
    }
    if (left && right) {
        nc_free_string(n, left);
        nc_free_string(n, right);
    }
    free(right);
    free(left);
    check->n++;
    return status;
}

/* Values of a variable in both files; numbers in pieces of its slowest dimension's rows. */
static nm_status compare_values(nm_verify_check *check, const char *path, int id, int other,
                                int variable, int other_variable, const char *name)
{
    int n_dims, dim_id[NC_MAX_VAR_DIMS];
    nc_type type;
    size_t bytes, n = 1, length;
    int64_t dim[NM_MAX_DIMS], piece;
    NM_TRY(nm_nc_check(nc_inq_var(id, variable, NULL, &type, &n_dims, dim_id, NULL), "read", path));
    NM_TRY(nm_nc_check(nc_inq_type(id, type, NULL, &bytes), "read", path));
    if (n_dims > NM_MAX_DIMS || type > NC_STRING) {
        check->n++;
        check->n_bad++;
        nm_verify_name(check, variable,
                       "%.128s is of a type or has dimensions that nessmap does not write", name);
        return NM_OK;
    }
    for (int i = 0; i < n_dims; i++) {
        NM_TRY(nm_nc_check(nc_inq_dimlen(id, dim_id[i], &length), "read", path));
        dim[i] = (int64_t)length;
        n *= length;
    }
    if (type == NC_STRING) {
        return compare_texts(check, path, id, other, variable, other_variable, name, n);
    }
    piece = PIECE_BYTES / (int64_t)bytes;
    char *left = malloc(PIECE_BYTES), *right = malloc(PIECE_BYTES);
    nm_status status =
        left && right ? NM_OK : nm_fail(NM_MEMORY, "no memory for comparing '%s'", path);
    int is_same = 1;
    for (int64_t first = 0; status == NM_OK && is_same && first < (int64_t)n; first += piece) {
        int64_t count = (int64_t)n - first < piece ? (int64_t)n - first : piece;
        status = nm_slab_read(id, variable, path, dim, n_dims, first, count, left, bytes);
        if (status == NM_OK) {
            status =
                nm_slab_read(other, other_variable, path, dim, n_dims, first, count, right, bytes);
        }
        for (int64_t i = 0; status == NM_OK && is_same && i < count; i++) {
            size_t at = (size_t)i * bytes;
            is_same = memcmp(left + at, right + at, bytes) == 0;
            if (!is_same) {
                check->n_bad++;
                name_difference(check, variable, name, type, first + i, left + at, right + at);
            }
        }
    }
    check->n++;
    free(right);
    free(left);
    return status;
}

/* 1 where a variable has as many values along as many dimensions in both files. */
static int has_same_shape(int id, int other, int variable, int other_variable)
{
    int n, n_other, dim_id[NC_MAX_VAR_DIMS], other_id[NC_MAX_VAR_DIMS];
    nc_type type, other_type;
    if (nc_inq_var(id, variable, NULL, &type, &n, dim_id, NULL) != NC_NOERR ||
        nc_inq_var(other, other_variable, NULL, &other_type, &n_other, other_id, NULL) !=
            NC_NOERR ||
        type != other_type || n != n_other) {
        return 0;
    }
    for (int i = 0; i < n; i++) {
        size_t length = 0, other_length = 1;
        if (nc_inq_dimlen(id, dim_id[i], &length) != NC_NOERR ||
            nc_inq_dimlen(other, other_id[i], &other_length) != NC_NOERR ||
            length != other_length) {
            return 0;
        }
    }
    return 1;
}

static nm_status compare_variables(nm_verify_check *check, nm_verify_check *attributes,
                                   const char *path, int id, int other)
{
    int n_variables, n_here;
    NM_TRY(nm_nc_check(nc_inq_nvars(other, &n_variables), "read", path));
    NM_TRY(nm_nc_check(nc_inq_nvars(id, &n_here), "read", path));
    for (int i = 0; i < n_variables; i++) {
        char name[NC_MAX_NAME + 1];
        int variable;
        NM_TRY(nm_nc_check(nc_inq_varname(other, i, name), "read", path));
        if (nc_inq_varid(id, name, &variable) != NC_NOERR ||
            !has_same_shape(id, other, variable, i)) {
            check->n++;
            check->n_bad++;
            nm_verify_name(check, i, "%.128s is missing, or of another shape than made again",
                           name);
            continue;
        }
        NM_TRY(compare_values(check, path, id, other, variable, i, name));
        NM_TRY(nm_verify_attributes(attributes, path, id, variable, other, i, NULL));
    }
    for (int i = 0; i < n_here && n_here > n_variables; i++) {
        char name[NC_MAX_NAME + 1];
        int there;
        NM_TRY(nm_nc_check(nc_inq_varname(id, i, name), "read", path));
        if (nc_inq_varid(other, name, &there) != NC_NOERR) {
            check->n++;
            check->n_bad++;
            nm_verify_name(check, n_variables + i, "%.128s is no variable of what is made again",
                           name);
        }
    }
    return NM_OK;
}

/* --- 3. the second file --------------------------------------------------------------------------- */

static nm_status compare(nm_verification *v, const char *made, int64_t n_points)
{
    nm_verify_check *check = &v->check[NM_VERIFY_results];
    int are_same, id;
    NM_TRY(compare_files(&are_same, v->path, made));
    if (are_same) {
        check->n = n_points;
        snprintf(check->remark, sizeof check->remark, "the file, byte for byte");

        return NM_OK;
    }
    check->unit = "variables";
    NM_TRY(nm_nc_check(nc_open(made, NC_NOWRITE, &id), "read", made));
    /* whole files are compared: what the version says of itself is the question's */
    static const char *const of_version[] = {"product_version", "source", "history", NULL};
    nm_verify_check *attributes = &v->check[NM_VERIFY_attributes];
    *attributes = (nm_verify_check){0};
    nm_status status =
        nm_verify_attributes(attributes, v->path, v->id, NC_GLOBAL, id, NC_GLOBAL, of_version);
    if (status == NM_OK) {
        status = compare_variables(check, attributes, v->path, v->id, id);
    }
    nc_close(id);
    if (check->n_bad == 0) {
        snprintf(check->remark, sizeof check->remark, "all variables, bit for bit");
    }
    return status;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    (void)remove(path); /* what stays is in a folder for passing files */
    return 0;
}

/* A folder for the second file: in $TMPDIR, else beside the first. */
static nm_status make_folder(char **folder, const char *path)
{
    const char *temporary = getenv("TMPDIR");
    char *beside = temporary && temporary[0] ? strdup(temporary) : nm_file_folder_of(path);
    *folder = beside ? nm_file_format("%s/nessmap_verify_XXXXXX", beside) : NULL;
    nm_status status = NM_OK;
    if (!*folder) {
        status = nm_fail(NM_MEMORY, "no memory for a path");
    } else if (!mkdtemp(*folder)) {
        status = nm_fail(NM_IO,
                         "cannot make a folder in %s, where '%s' would be made again: %s; TMPDIR "
                         "names another place",
                         beside, path, strerror(errno));
        free(*folder);
        *folder = NULL;
    }
    free(beside);
    return status;
}

nm_status nm_verify_again(nm_verification *v, int64_t n_points)
{
    char *folder;
    nm_status made_folder = make_folder(&folder, v->path);
    if (made_folder == NM_IO) {
        nm_verify_skip(&v->check[NM_VERIFY_results], "%s", nm_last_error());
        return NM_OK;
    }
    NM_TRY(made_folder);
    char *made = nm_file_format("%s/again.nc", folder);
    nm_run_options options = {.output = made,
                              .backend = v->plan->backend,
                              .n_threads = v->options->n_threads,
                              .quiet = v->options->quiet};
    nm_status status = made ? nm_run(v->config, v->plan->model, &options, NULL)
                            : nm_fail(NM_MEMORY, "no memory for a path");
    if (status == NM_OK || status == NM_FAILED_POINTS) {
        status = compare(v, made, n_points);
    } else if (status == NM_DEVICE) {
        nm_verify_skip(&v->check[NM_VERIFY_results], "%s", nm_last_error());
        status = NM_OK;
    } else if (status == NM_INTERRUPTED) {
        status = nm_fail(status, "interrupted: '%s' is not verified", v->path);
    }
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(made);
    free(folder);
    return status;
}
