/* What a file says of its bytes: dimensions, types, units and other attributes, against those that a file of its
 * configuration has. Without them, the right numbers mean something else. */
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grid_nc.h"
#include "verify_parts.h"

/* The first three name the version, of which the question takes care, and tools that change a file say so in its
 * history; fingerprint and configuration are the question itself; the last are counted when points are read. */
static const char *const looked_at_elsewhere[] = {"product_version",   "source",
                                                  "history",           "nessmap_fingerprint",
                                                  "nessmap_config",    "nessmap_n_failed",
                                                  "nessmap_n_not_run", "nessmap_outcome_counts",
                                                  "nessmap_n_clamped", NULL};

/* The bytes of an attribute, or its texts one after another; NULL where there is no memory or it cannot be read. */
static char *read_bytes(size_t *n_bytes, int id, int variable, const char *name, nc_type type,
                        size_t length)
{
    size_t element = 1;
    if (type == NC_STRING) {
        char **texts = calloc(length + 1, sizeof *texts), *all = NULL;
        if (texts && nc_get_att_string(id, variable, name, texts) == NC_NOERR) {
            *n_bytes = 0;
            for (size_t i = 0; i < length; i++) {
                *n_bytes += strlen(texts[i] ? texts[i] : "") + 1;
            }
            all = calloc(*n_bytes + 1, 1);
            char *end = all;
            for (size_t i = 0; i < length && all; i++) {
                end = stpcpy(end, texts[i] ? texts[i] : "") + 1;
            }
            nc_free_string(length, texts);
        }
        free(texts);
        return all;
    }
    if (nc_inq_type(id, type, NULL, &element) != NC_NOERR) {
        return NULL;
    }
    *n_bytes = length * element;
    char *bytes = calloc(*n_bytes + 1, 1);
    if (bytes && nc_get_att(id, variable, name, bytes) != NC_NOERR) {
        free(bytes);
        bytes = NULL;
    }
    return bytes;
}

/* What a finding says of an attribute's value: a text is cut, a number is one. */
static const char *show(char *text, size_t bytes, int id, int variable, const char *name)
{
    nc_type type;
    size_t length;
    double number;
    char *whole = nm_nc_text(id, variable, name);
    if (whole) {
        snprintf(text, bytes, "\"%.48s%s\"", whole, strlen(whole) > 48 ? "..." : "");
    } else if (nc_inq_att(id, variable, name, &type, &length) != NC_NOERR) {
        snprintf(text, bytes, "missing");
    } else if (length == 1 && type != NC_STRING &&
               nc_get_att_double(id, variable, name, &number) == NC_NOERR) {
        snprintf(text, bytes, "%.17g", number);
    } else {
        snprintf(text, bytes, "of %zu values", length);
    }
    free(whole);
    return text;
}

static int is_in(const char *name, const char *const *names)
{
    for (int i = 0; names && names[i]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_same_attribute(int id, int variable, int right_id, int right, const char *name)
{
    nc_type type, right_type;
    size_t length, right_length, n = 0, right_n = 0;
    if (nc_inq_att(id, variable, name, &type, &length) != NC_NOERR ||
        nc_inq_att(right_id, right, name, &right_type, &right_length) != NC_NOERR ||
        type != right_type || length != right_length) {
        return 0;
    }
    char *bytes = read_bytes(&n, id, variable, name, type, length),
         *right_bytes = read_bytes(&right_n, right_id, right, name, type, length);
    int is_same = bytes && right_bytes && n == right_n && memcmp(bytes, right_bytes, n) == 0;
    free(bytes);
    free(right_bytes);
    return is_same;
}

static void name_attribute(nm_verify_check *check, int id, int variable, int right_id, int right,
                           const char *name)
{
    char whose[NC_MAX_NAME + 1] = "the file", found[80], wanted[80];
    if (variable != NC_GLOBAL) {
        (void)nc_inq_varname(id, variable, whose);
    }
    check->n_bad++;
    nm_verify_name(check, check->n, "%.60s: the attribute %.40s is %s; it should be %s", whose,
                   name, show(found, sizeof found, id, variable, name),
                   show(wanted, sizeof wanted, right_id, right, name));
}

nm_status nm_verify_attributes(nm_verify_check *check, const char *path, int id, int variable,
                               int right_id, int right, const char *const *left_out)
{
    int n, n_right;
    char name[NC_MAX_NAME + 1];
    NM_TRY(nm_nc_check(nc_inq_varnatts(id, variable, &n), "read", path));
    NM_TRY(nm_nc_check(nc_inq_varnatts(right_id, right, &n_right), "read", path));
    for (int i = 0; i < n_right; i++) {
        NM_TRY(nm_nc_check(nc_inq_attname(right_id, right, i, name), "read", path));
        if (is_in(name, left_out)) {
            continue;
        }
        check->n++;
        if (!is_same_attribute(id, variable, right_id, right, name)) {
            name_attribute(check, id, variable, right_id, right, name);
        }
    }
    /* one that scales or shifts values, or says that some are missing, changes what is read */
    for (int i = 0; i < n && variable != NC_GLOBAL; i++) {
        int there;
        NM_TRY(nm_nc_check(nc_inq_attname(id, variable, i, name), "read", path));
        if (nc_inq_attid(right_id, right, name, &there) != NC_NOERR) {
            check->n++;
            name_attribute(check, id, variable, right_id, right, name);
        }
    }
    return NM_OK;
}

nm_status nm_verify_head(nm_verification *v)
{
    nm_verify_check *check = &v->check[NM_VERIFY_attributes];
    int right, n_variables;
    NM_TRY(nm_grid_nc_define(&right, v->plan, v->n_not_run > 0));
    nm_status status = nm_verify_attributes(check, v->path, v->id, NC_GLOBAL, right, NC_GLOBAL,
                                            looked_at_elsewhere);
    if (status == NM_OK) {
        status = nm_nc_check(nc_inq_nvars(right, &n_variables), "read", v->path);
    }
    for (int i = 0; status == NM_OK && i < n_variables; i++) {
        char name[NC_MAX_NAME + 1];
        int variable;
        status = nm_nc_check(nc_inq_varname(right, i, name), "read", v->path);
        if (status == NM_OK && nc_inq_varid(v->id, name, &variable) == NC_NOERR) {
            status = nm_verify_attributes(check, v->path, v->id, variable, right, i, NULL);
        } else if (status == NM_OK) {
            check->n++;
            check->n_bad++;
            nm_verify_name(check, check->n, "the variable %.128s is missing", name);
        }
    }
    nc_close(right);
    return status;
}
