/* Files of plans written by hand, for tests: written from a journal in any order, read back with NetCDF, compared with what
 * follows from the index. */
#ifndef NESSMAP_HAND_FILE_H
#define NESSMAP_HAND_FILE_H

/* cmocka.h wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hand_plan.h"
#include "tally.h"

typedef struct nm_hand_file {
    char folder[64], out[80]; /* a folder of its own; the file in it */
    nm_plan plan;
    nm_config config;
} nm_hand_file;

int nm_hand_set_up(void **state);
int nm_hand_tear_down(void **state);
/* 5 x 4 x 7 points, the last axis listed; one parameter tied to two axes. */
void nm_hand_make_grid(nm_hand_file *b, int64_t tile_points);
/* Appends the tiles in steps of `step`, `n_runs` times opening the journal anew, leaving tile
 * `missing` out. */
void nm_hand_compute(nm_hand_file *b, int64_t step, int n_runs, int64_t missing);
nm_status nm_hand_assemble(nm_hand_file *b, const char *out, int partial, nm_tally **tally);
/* The same with a file that grows beside the journal: two of three tiles, from the last to the first
 * in steps of `step`; the others come out of the journal. by_netcdf: without writing directly. */
nm_status nm_hand_grow(nm_hand_file *b, int64_t step, int by_netcdf);
void nm_hand_make_file(nm_hand_file *b);
char *nm_hand_read_bytes(const char *path, size_t *n);
void nm_assert_same_value(double x, double y);
int nm_hand_open(const char *path);
void nm_assert_text(int id, const char *variable, const char *name, const char *expected);
/* No attribute of the file tells the day: two runs of one question on two days give equal bytes. */
void nm_assert_undated(int id);
/* Reads a whole variable as doubles; the number of its elements must be `n`, of its dimensions
 * `n_dims`. */
double *nm_hand_read(int id, const char *name, int64_t n, int n_dims);
/* Compares every point of the file with what it should hold. Points in [gap_first, gap_end) were
 * not computed. */
void nm_assert_points(nm_hand_file *b, const char *path, int n_dims, int64_t gap_first,
                      int64_t gap_end);
/* Every parameter of every point, read by its name, is bit for bit what the solver got. */
void nm_assert_params(nm_hand_file *b);

#endif
