/* Between the parts of the export: export_source.c reads rows, export_split.c shares them out,
 * export_sums.c reads arrays back, export_meta.c says what they mean, export_check.c compares. */
#ifndef NESSMAP_EXPORT_PARTS_H
#define NESSMAP_EXPORT_PARTS_H

#include <stdint.h>
#include <stdio.h>

#include "cache.h"
#include "export.h"
#include "slab.h"

/* array(tag, file, NPY type, bytes of an element) */
#define NM_EXPORT_LIST(array)                                                                      \
    array(inputs, "X.npy", "<f4", 4) array(outputs, "Y.npy", "<f4", 4)                             \
        array(slopes, "dY_dX.npy", "<f4", 4) array(outcome, "outcome.npy", "|i1", 1)               \
            array(flags, "flags.npy", "<u2", 2) array(split, "split.npy", "|u1", 1)
#define NM_EXPORT_ENUM(tag, file, type, bytes) NM_EXPORT_##tag,
typedef enum nm_export_array { NM_EXPORT_LIST(NM_EXPORT_ENUM) NM_N_EXPORTS } nm_export_array;
#undef NM_EXPORT_ENUM

#define NM_SPLIT_LIST(split) split(train) split(validation) split(test) split(extrapolation)
#define NM_SPLIT_ENUM(name)  NM_SPLIT_##name,
typedef enum nm_split_part { NM_SPLIT_LIST(NM_SPLIT_ENUM) NM_N_SPLITS } nm_split_part;
#undef NM_SPLIT_ENUM

enum {
    NM_NPY_BYTES = 128,         /* of the header of a file */
    NM_EXPORT_PIECE = 16 << 20, /* bytes of rows in memory at once */
    NM_EXPORT_ROWS = 1 << 16,   /* most rows of a piece */
    NM_EXPORT_HASH_TEXT = 33
};

/* --- shape -------------------------------------------------------------------------------------- */

typedef struct nm_export_shape {
    int64_t n;
    int n_inputs, n_outputs, has_slopes;
} nm_export_shape;

extern const char *const nm_export_name[NM_N_EXPORTS], *const nm_export_type[NM_N_EXPORTS];
extern const char *const nm_split_name[NM_N_SPLITS];

/* Dimensions of an array; returns their number, 0 where there is no such file. */
int nm_export_dims(int64_t dim[3], const nm_export_shape *shape, int array);

/* Bytes of a row of it, 0 where there is no such file; of the whole file, header included. */
int64_t nm_export_row_bytes(const nm_export_shape *shape, int array);
int64_t nm_export_file_bytes(const nm_export_shape *shape, int array);

/* The header of an array: NPY format 1.0, C order, padded with blanks. */
void nm_npy_header(char header[NM_NPY_BYTES], const nm_export_shape *shape, int array);

/* --- split -------------------------------------------------------------------------------------- */

typedef struct nm_box_side { /* held out: low <= x <= high, of the number in X.npy */
    int input;
    double low, high;
} nm_box_side;

typedef struct nm_split {
    double share[3], below[2]; /* u < below[0]: train; else u < below[1]: validation; else test */
    uint64_t seed;
    int64_t rows_together; /* rows that share a base point stay together */
    int n_sides;
    nm_box_side side[NM_MAX_PARAMS];
} nm_split;

/* Reads --split and --split-seed; NULL: 0.8,0.1,0.1 and 0. returns NM_USAGE. */
nm_status nm_split_read(nm_split *split, const nm_export_options *options, int64_t rows_together);

/* Reads one --hold-out NAME=LOW..HIGH. names: of the inputs. returns NM_USAGE. */
nm_status nm_split_hold_out(nm_split *split, const char *text, const char *const *names, int n);

/* The part of row `index`, which has the inputs x. */
nm_split_part nm_split_of(const nm_split *split, int64_t index, const float *x);

/* --- source ------------------------------------------------------------------------------------- */

typedef struct nm_export_column { /* a variable of the file */
    char name[NM_EXPORT_HASH_TEXT + 64];
    char *unit, *text; /* of its attributes; owned */
    int variable;
    int axis;  /* the dimension that it lies along, or -1: along all of them */
    int param; /* of the model, or -1 */
    const char *scale,
        *drawn;       /* "linear" or "log"; "axis", "uniform", ..., "table"; inputs alone */
    double low, high; /* of the axis or the distribution; NaN where it has none */
} nm_export_column;

typedef struct nm_export_source {
    const char *path;
    const nm_plan *plan;
    int id, is_open, n_dims, dim_id[NM_MAX_DIMS];
    int64_t dim[NM_MAX_DIMS];
    nm_export_shape shape;
    nm_export_column *inputs, *outputs; /* owned */
    int *slopes;                        /* owned: variables, [n_outputs][n_inputs] */
    int outcome, flags;
    char missing_slope[96]; /* the first derivative that the file lacks */
    int piece_rows;
    double *column; /* owned: piece_rows values of one variable */
} nm_export_source;

/* Opens a file and chooses its columns. returns NM_USAGE for names that it lacks, NM_IO. */
nm_status nm_export_open(nm_export_source *source, const char *path, const nm_plan *plan,
                         const nm_export_options *options);
void nm_export_close(nm_export_source *source);

/* Reads rows [first, first + n), n <= piece_rows; rows[k]: of array k, room for piece_rows rows. The
 * split is left to the caller. */
nm_status nm_export_read(nm_export_source *source, void *const *rows, int64_t first, int64_t n);

/* --- sums --------------------------------------------------------------------------------------- */

typedef struct nm_export_sums {
    nm_export_shape shape;
    char hash[NM_N_EXPORTS][NM_EXPORT_HASH_TEXT];
    void *
        record; /* owned: statistics of outputs, inputs, then ln of inputs (NaN unless log); counts */
    int64_t split[NM_N_SPLITS],
        n_slopes; /* rows of each part; rows whose derivatives are all finite */
} nm_export_sums;

/* Reads the arrays in `folder`. is_log: [n_inputs]. returns NM_IO with a sentence where a file is not
 * as its shape says. */
nm_status nm_export_sum(nm_export_sums *sums, const char *folder, const nm_export_shape *shape,
                        const int *is_log);
void nm_export_sums_destroy(nm_export_sums *sums);
const nm_stat *nm_export_output_stat(const nm_export_sums *sums, int i);
const nm_stat *nm_export_input_stat(const nm_export_sums *sums, int i);
const nm_stat *nm_export_ln_stat(const nm_export_sums *sums, int i);
const int64_t *nm_export_counts(const nm_export_sums *sums); /* outcomes, then flags */

void nm_export_hash_text(char out[NM_EXPORT_HASH_TEXT], const nm_hash *hash);

/* --- meta.json ---------------------------------------------------------------------------------- */

/* Each ends a line of meta.json with what follows from the arrays: the same text when it is written
 * and when it is checked. */
void nm_meta_input(FILE *stream, const nm_export_sums *sums, int i, int is_log);
void nm_meta_output(FILE *stream, const nm_export_sums *sums, int i);
void nm_meta_slopes(FILE *stream, const nm_export_sums *sums);
void nm_meta_outcome(FILE *stream, const nm_export_sums *sums, int i);
void nm_meta_flag(FILE *stream, const nm_export_sums *sums, int i);
void nm_meta_split(FILE *stream, const nm_export_sums *sums);
void nm_meta_file(FILE *stream, const nm_export_sums *sums, int array);

/* The whole text, allocated. sums NULL: what is known before anything is written. */
nm_status nm_meta_text(char **text, const nm_export_source *source, const nm_split *split,
                       const nm_export_sums *sums);

/* The question that a folder answers, from its meta.json: "" where it is no such folder. */
void nm_meta_question(char out[NM_EXPORT_HASH_TEXT], const char *folder);

#endif
