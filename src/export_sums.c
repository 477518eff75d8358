/* Arrays on the disk: their shapes and headers, and what one pass over them gives: hashes,
 * statistics, counts. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "export_parts.h"
#include "files.h"

#define ARRAY_NAME(tag, file, type, bytes)  file,
#define ARRAY_TYPE(tag, file, type, bytes)  type,
#define ARRAY_BYTES(tag, file, type, bytes) bytes,
const char *const nm_export_name[NM_N_EXPORTS] = {NM_EXPORT_LIST(ARRAY_NAME)};
const char *const nm_export_type[NM_N_EXPORTS] = {NM_EXPORT_LIST(ARRAY_TYPE)};
static const int element_bytes[NM_N_EXPORTS] = {NM_EXPORT_LIST(ARRAY_BYTES)};
#undef ARRAY_NAME
#undef ARRAY_TYPE
#undef ARRAY_BYTES

/* --- 1. shapes and headers ---------------------------------------------------------------------- */

int nm_export_dims(int64_t dim[3], const nm_export_shape *shape, int array)
{
    int n = 0;
    if (array == NM_EXPORT_slopes && !shape->has_slopes) {
        return 0;
    }
    dim[n++] = shape->n;
    if (array == NM_EXPORT_outputs || array == NM_EXPORT_slopes) {
        dim[n++] = shape->n_outputs;
    }
    if (array == NM_EXPORT_inputs || array == NM_EXPORT_slopes) {
        dim[n++] = shape->n_inputs;
    }
    return n;
}

int64_t nm_export_row_bytes(const nm_export_shape *shape, int array)
{
    int64_t dim[3], bytes = element_bytes[array];
    int n = nm_export_dims(dim, shape, array);
    for (int i = 1; i < n; i++) {
        bytes *= dim[i];
    }
    return n > 0 ? bytes : 0;
}

int64_t nm_export_file_bytes(const nm_export_shape *shape, int array)
{
    int64_t dim[3];
    return nm_export_dims(dim, shape, array) > 0
               ? NM_NPY_BYTES + shape->n * nm_export_row_bytes(shape, array)
               : 0;
}

void nm_npy_header(char header[NM_NPY_BYTES], const nm_export_shape *shape, int array)
{
    static const char magic[10] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, NM_NPY_BYTES - 10, 0};
    int64_t dim[3];
    int n = nm_export_dims(dim, shape, array);
    char text[NM_NPY_BYTES], *at = text;
    at += sprintf(at, "{'descr': '%s', 'fortran_order': False, 'shape': (", nm_export_type[array]);
    for (int i = 0; i < n; i++) {
        at += sprintf(at, "%s%" PRId64, i > 0 ? ", " : "", dim[i]);
    }
    at += sprintf(at, "%s), }", n == 1 ? "," : "");
    memset(header, ' ', NM_NPY_BYTES);
    memcpy(header, magic, sizeof magic);
    memcpy(header + sizeof magic, text, (size_t)(at - text));
    header[NM_NPY_BYTES - 1] = '\n';
}

/* --- 2. one pass -------------------------------------------------------------------------------- */

typedef struct pass {
    nm_export_sums *sums;
    const char *folder;
    const int *is_log;
    FILE *file[NM_N_EXPORTS];
    char *path[NM_N_EXPORTS];
    void *rows[NM_N_EXPORTS]; /* NM_BLOCK_POINTS of each */
    nm_hash hash[NM_N_EXPORTS];
    double *values; /* [slots][NM_BLOCK_POINTS] */
    void *block;    /* the record of a block */
    int n_slots;
} pass;

static int slots_of(const nm_export_shape *shape)
{
    return shape->n_outputs + 2 * shape->n_inputs;
}

/* Opens an array and takes its header in. */
static nm_status begin_array(pass *p, int array)
{
    char header[NM_NPY_BYTES], wanted[NM_NPY_BYTES];
    struct stat found;
    const nm_export_shape *shape = &p->sums->shape;
    p->path[array] = nm_file_format("%s/%s", p->folder, nm_export_name[array]);
    p->rows[array] = malloc(NM_BLOCK_POINTS * (size_t)nm_export_row_bytes(shape, array));
    if (!p->path[array] || !p->rows[array]) {
        return nm_fail(NM_MEMORY, "out of memory for reading '%s'", p->folder);
    }
    p->file[array] = fopen(p->path[array], "rb");
    if (!p->file[array] || fstat(fileno(p->file[array]), &found) != 0) {
        return nm_fail(NM_IO, "cannot read '%s': %s", p->path[array], strerror(errno));
    }
    if (found.st_size != nm_export_file_bytes(shape, array)) {
        return nm_fail(NM_IO, "'%s' has %lld bytes where %lld are right; export again",
                       p->path[array], (long long)found.st_size,
                       (long long)nm_export_file_bytes(shape, array));
    }
    nm_npy_header(wanted, shape, array);
    if (fread(header, sizeof header, 1, p->file[array]) != 1 ||
        memcmp(header, wanted, sizeof header) != 0) {
        return nm_fail(NM_IO, "'%s' does not begin as an array of its shape does; export again",
                       p->path[array]);
    }
    p->hash[array] = nm_hash_start();
    nm_hash_bytes(&p->hash[array], header, sizeof header);
    return NM_OK;
}

static nm_status read_block(pass *p, int64_t first, int64_t n)
{
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        size_t bytes = (size_t)(n * nm_export_row_bytes(&p->sums->shape, i));
        if (bytes == 0) {
            continue;
        }
        if (fread(p->rows[i], bytes, 1, p->file[i]) != 1) {
            return nm_fail(NM_IO, "cannot read '%s': %s", p->path[i],
                           ferror(p->file[i]) ? strerror(errno) : "it ends too soon");
        }
        nm_hash_bytes(&p->hash[i], p->rows[i], bytes);
    }
    const int8_t *outcome = p->rows[NM_EXPORT_outcome];
    const uint8_t *split = p->rows[NM_EXPORT_split];
    for (int64_t i = 0; i < n; i++) {
        if (outcome[i] < 0 || outcome[i] >= NM_N_OUTCOMES) {
            return nm_fail(NM_IO,
                           "'%s' holds %d in row %" PRId64 ", which is no outcome; export again",
                           p->path[NM_EXPORT_outcome], outcome[i], first + i);
        }
        if (split[i] >= NM_N_SPLITS) {
            return nm_fail(NM_IO,
                           "'%s' holds %d in row %" PRId64 ", which is no part; export again",
                           p->path[NM_EXPORT_split], split[i], first + i);
        }
        p->sums->split[split[i]]++;
    }
    return NM_OK;
}

/* The columns of a block, for the statistics of reduced scans: they are of what is finite. */
static void fill_columns(pass *p, int64_t n)
{
    const nm_export_shape *shape = &p->sums->shape;
    const float *inputs = p->rows[NM_EXPORT_inputs], *outputs = p->rows[NM_EXPORT_outputs];
    const int8_t *outcome = p->rows[NM_EXPORT_outcome];
    double *to = p->values;
    for (int k = 0; k < shape->n_outputs; k++, to += n) {
        for (int64_t i = 0; i < n; i++) {
            to[i] =
                nm_outcome_has_values(outcome[i]) ? (double)outputs[i * shape->n_outputs + k] : NAN;
        }
    }
    for (int k = 0; k < shape->n_inputs; k++, to += n) {
        for (int64_t i = 0; i < n; i++) {
            to[i] = (double)inputs[i * shape->n_inputs + k];
        }
    }
    for (int k = 0; k < shape->n_inputs; k++, to += n) {
        for (int64_t i = 0; i < n; i++) {
            to[i] = p->is_log[k] ? log((double)inputs[i * shape->n_inputs + k]) : NAN;
        }
    }
}

static void count_slopes(pass *p, int64_t n)
{
    const int n_each = p->sums->shape.n_outputs * p->sums->shape.n_inputs;
    const float *slope = p->rows[NM_EXPORT_slopes];
    for (int64_t i = 0; i < n; i++, slope += n_each) {
        int k = 0;
        while (k < n_each && isfinite(slope[k])) {
            k++;
        }
        p->sums->n_slopes += k == n_each;
    }
}

static nm_status run_pass(pass *p)
{
    const nm_export_shape *shape = &p->sums->shape;
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        if (nm_export_row_bytes(shape, i) > 0) {
            NM_TRY(begin_array(p, i));
        }
    }
    nm_record_clear(p->sums->record, p->n_slots);
    for (int64_t first = 0; first < shape->n; first += NM_BLOCK_POINTS) {
        int64_t n = shape->n - first < NM_BLOCK_POINTS ? shape->n - first : NM_BLOCK_POINTS;
        NM_TRY(read_block(p, first, n));
        fill_columns(p, n);
        nm_tile tile = {.first = first,
                        .n = n,
                        .values = p->values,
                        .outcome = p->rows[NM_EXPORT_outcome],
                        .flags = p->rows[NM_EXPORT_flags]};
        nm_reduce_block(p->block, &tile, 0, n, p->n_slots);
        nm_record_merge(p->sums->record, p->block, p->n_slots);
        if (shape->has_slopes) {
            count_slopes(p, n);
        }
    }
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        if (p->file[i]) {
            nm_export_hash_text(p->sums->hash[i], &p->hash[i]);
        }
    }
    return NM_OK;
}

nm_status nm_export_sum(nm_export_sums *sums, const char *folder, const nm_export_shape *shape,
                        const int *is_log)
{
    *sums = (nm_export_sums){.shape = *shape};
    pass p = {.sums = sums, .folder = folder, .is_log = is_log, .n_slots = slots_of(shape)};
    size_t bytes = (size_t)NM_RECORD_BYTES(p.n_slots);
    sums->record = malloc(bytes);
    p.block = malloc(bytes);
    p.values = malloc((size_t)p.n_slots * NM_BLOCK_POINTS * sizeof *p.values);
    nm_status status = sums->record && p.block && p.values
                           ? run_pass(&p)
                           : nm_fail(NM_MEMORY, "out of memory for reading '%s'", folder);
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        if (p.file[i]) {
            fclose(p.file[i]);
        }
        free(p.path[i]);
        free(p.rows[i]);
    }
    free(p.block);
    free(p.values);
    return status;
}

void nm_export_sums_destroy(nm_export_sums *sums)
{
    free(sums->record);
    *sums = (nm_export_sums){0};
}

const nm_stat *nm_export_output_stat(const nm_export_sums *sums, int i)
{
    return (const nm_stat *)sums->record + i;
}

const nm_stat *nm_export_input_stat(const nm_export_sums *sums, int i)
{
    return (const nm_stat *)sums->record + sums->shape.n_outputs + i;
}

const nm_stat *nm_export_ln_stat(const nm_export_sums *sums, int i)
{
    return (const nm_stat *)sums->record + sums->shape.n_outputs + sums->shape.n_inputs + i;
}

const int64_t *nm_export_counts(const nm_export_sums *sums)
{
    return (const int64_t *)((const nm_stat *)sums->record + slots_of(&sums->shape));
}

void nm_export_hash_text(char out[NM_EXPORT_HASH_TEXT], const nm_hash *hash)
{
    snprintf(out, NM_EXPORT_HASH_TEXT, "%016" PRIx64 "%016" PRIx64, hash->high, hash->low);
}
