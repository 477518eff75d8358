/* The file while it is being assembled: shared by assemble.c (data) and attributes.c (what the data
 * mean). */
#ifndef NESSMAP_ASSEMBLE_H
#define NESSMAP_ASSEMBLE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "file_shape.h"
#include "grid_nc.h"
#include "journal.h"
#include "plan.h"
#include "slab.h"
#include "tally.h"

/* Statistics of an output over the points of a cell: name of the variable's ending, method of CF,
 * words. The first ones are numbers like the output, the last one counts. */
#define NM_STATISTIC_LIST(statistic)                                                               \
    statistic(mean, "mean", "mean")                                                                \
        statistic(sd, "standard_deviation", "standard deviation (of a sample: n - 1)")             \
            statistic(min, "minimum", "smallest value") statistic(max, "maximum", "largest value") \
                statistic(n, "", "number of points with a value")

#define NM_STATISTIC_ENUM(name, method, words) NM_STATISTIC_##name,
typedef enum nm_statistic { NM_STATISTIC_LIST(NM_STATISTIC_ENUM) NM_N_STATISTICS } nm_statistic;
#undef NM_STATISTIC_ENUM

enum {
    NM_CELL_COUNTS = 1 + NM_N_OUTCOMES + NM_N_FLAGS, /* points, of each outcome, with each flag */
    NM_MAX_COLUMNS =
        (NM_N_STATISTICS + NM_MAX_QUANTILES) * NM_MAX_OUTPUTS + NM_MAX_PARAMS + NM_CELL_COUNTS
};

typedef struct nm_column { /* a variable over all points, or cells, that records hold */
    int variable;
    size_t bytes;   /* of one element */
    char *stage;    /* one chunk, where chunks are compressed */
    int64_t offset; /* of the first element, where nm_assembly.fd is open */
} nm_column;

typedef struct nm_index_writer nm_index_writer; /* of sensitivity indices (assemble_indices.c) */
typedef struct nm_bin_writer nm_bin_writer;     /* of bins along outputs (assemble_bins.c) */

struct nm_assembly {
    const nm_plan *plan;
    const char *out_path;
    char *temporary;
    int id, partial, compression;
    int is_f32; /* outputs in the file */
    size_t value_bytes;

    nm_file_shape shape;
    int dim_id[NM_MAX_DIMS];
    size_t chunk[NM_MAX_DIMS];
    int split;           /* the dimension that chunks share out */
    int64_t chunk_row;   /* points of one step along it */
    int64_t stage_first; /* first point of the chunk that is being collected */

    int param_variable[NM_MAX_PARAMS];
    char coordinates[NM_MAX_PARAMS * 64];

    int located_variable; /* of a reduced scan: its lowest failed points */
    int unit_variable;    /* how many points a cell of a reduced scan has */
    int n_columns;
    nm_column columns[NM_MAX_COLUMNS];
    nm_index_writer *indices; /* NULL where none are wanted */
    nm_bin_writer *bins;      /* NULL where none are wanted */
    nm_tally *tally;

    /* tiles that came before the end, in any order and from several threads */
    pthread_mutex_t file_lock, tally_lock;
    unsigned char *is_taken; /* [n_tiles] */
    int64_t unflushed;       /* bytes that the disk has not begun with */
    int fd;                  /* for columns whose place is known; -1: NetCDF writes them */
};

/* What a cell is a set of: "draw" or "point". */
const char *nm_assembly_unit(const nm_assembly *a);

/* Names of the variables of a reduced file, by nm_outcome and by flag bit. */
extern const char *const nm_count_names[NM_N_OUTCOMES], *const nm_flag_count_names[NM_N_FLAGS];

/* What those count: "number of points: ..." of outcome k, or of flag k - NM_N_OUTCOMES. */
void nm_count_text(char text[256], int k);

/* Between assemble.c, assemble_points.c and assemble_cells.c: a variable over all points or cells;
 * columns in stages, written in whole chunks, and the end of the chunk that begins at point `at`; the
 * parts for all points and for reduced scans. column: [n_columns][n] elements each. */
nm_status nm_assembly_define_column(nm_assembly *a, int *variable, const char *name, int type,
                                    size_t bytes);
void nm_assembly_add_column(nm_assembly *a, int variable, size_t bytes);
nm_status nm_assembly_make_stage(nm_assembly *a);
nm_status nm_assembly_write_chunks(nm_assembly *a, const char *const *column, int64_t first,
                                   int64_t n);
int64_t nm_assembly_chunk_end(const nm_assembly *a, int64_t at);
void nm_assembly_open_columns(nm_assembly *a);
nm_status nm_assembly_write_points(nm_assembly *a, nm_journal *journal, void *payload);
nm_status nm_assembly_define_cells(nm_assembly *a);
nm_status nm_assembly_write_cells(nm_assembly *a, nm_journal *journal, char *payload);

/* Sensitivity indices: their variables; the names of their inputs; the record of randomisation
 * `number`, counted through all cells of the axes. */
nm_status nm_assembly_define_indices(nm_assembly *a, nm_index_writer **writer);
nm_status nm_assembly_write_inputs(nm_assembly *a);
nm_status nm_assembly_take_replicate(nm_assembly *a, nm_index_writer *writer, int64_t number,
                                     const char *record);
void nm_index_writer_destroy(nm_index_writer **writer);

/* Bins along outputs and parameters: their variables; the record of the whole scan. */
nm_status nm_assembly_define_bins(nm_assembly *a, nm_bin_writer **writer);
nm_status nm_assembly_take_bins(nm_assembly *a, nm_bin_writer *writer, const char *record);
void nm_bin_writer_destroy(nm_bin_writer **writer);

/* Has `write` fill the file under its temporary name, and gives it its own when it is on the disk. */
nm_status nm_assembly_create(nm_assembly *a, nm_status (*write)(nm_assembly *a, void *context),
                             void *context);

/* A text attribute of a variable, or of the file (NC_GLOBAL). */
nm_status nm_assembly_put_text(const nm_assembly *a, int variable, const char *name,
                               const char *text);

/* returns NM_IO with a sentence where `code` of a NetCDF call is an error. */
nm_status nm_assembly_check(const nm_assembly *a, int code);

/* Lists the auxiliary coordinates: all parameters that are not axes. */
void nm_assembly_list_coordinates(nm_assembly *a);

/* Write attributes. The counts come last, when they are known. */
nm_status nm_assembly_describe_file(nm_assembly *a);
nm_status nm_assembly_describe_param(nm_assembly *a, int param);
nm_status nm_assembly_describe_output(nm_assembly *a, int variable, const nm_output *output);
nm_status nm_assembly_describe_statistic(nm_assembly *a, int variable, const nm_output *output,
                                         nm_statistic statistic);
nm_status nm_assembly_describe_quantile(nm_assembly *a, int variable, const nm_output *output,
                                        double quantile);
nm_status nm_assembly_describe_count(nm_assembly *a, int variable, const char *text);
nm_status nm_assembly_describe_unit(nm_assembly *a, int variable);
nm_status nm_assembly_describe_outcome(nm_assembly *a, int variable);
nm_status nm_assembly_describe_flags(nm_assembly *a, int variable);
nm_status nm_assembly_describe_counts(nm_assembly *a);

#endif
