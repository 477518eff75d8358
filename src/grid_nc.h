/* Assembly: journal records, in tile order, into one NetCDF-4 file that is renamed when it is
 * whole.
 *
 * Grid layout: one dimension and coordinate variable per axis, first axis slowest (and `draw`
 * innermost where parameters are drawn in each cell). Sample layout: dimension `sample`, parameters
 * as auxiliary coordinates. */
#ifndef NESSMAP_GRID_NC_H
#define NESSMAP_GRID_NC_H

#include "journal.h"
#include "tally.h"

enum { NM_FILE_SCHEMA = 1 };

/* Writes out_path from the journal. partial: missing tiles are NaN with outcome not_run, else they
 * are an error. returns NM_IO with one sentence. The file appears under its name only when it is
 * complete and synced; its bytes depend on the question and the records alone, not on the date,
 * tiles, order or number of segments. tally: may be NULL. */
nm_status nm_grid_nc_assemble(const char *out_path, const nm_plan *plan, nm_journal *journal,
                              int partial, nm_tally **tally);

/* The same in steps, for a file that grows while its points are computed; it is the same file, byte
 * for byte. begin: everything but the points. take: those of a tile that the journal has, in any order
 * and from several threads, where nm_grid_nc_takes says that the layout allows it. end: all tiles that
 * were not taken, from the journal, and the name; drop: no file. Both clear the caller's pointer. */
typedef struct nm_assembly nm_assembly;
nm_status nm_grid_nc_begin(nm_assembly **file, const char *out_path, const nm_plan *plan,
                           int partial);
int nm_grid_nc_takes(const nm_plan *plan);
nm_status nm_grid_nc_take(nm_assembly *file, int64_t i_tile, const void *payload);
nm_status nm_grid_nc_end(nm_assembly **file, nm_journal *journal, nm_tally **tally);
void nm_grid_nc_drop(nm_assembly **file);

/* All dimensions, variables and attributes that the file of a plan has before its points are counted, in a
 * NetCDF file in memory, which the caller closes. */
nm_status nm_grid_nc_define(int *file_id, const nm_plan *plan, int partial);

/* Reads the fingerprint attribute of an existing output into out[33]; "" where the file is no
 * NetCDF, has no such attribute or is the partial file of an unfinished run. returns NM_IO where it
 * cannot be read at all. */
nm_status nm_grid_nc_fingerprint(const char *path, char out[33]);

/* The same for a partial file, too. */
nm_status nm_grid_nc_fingerprint_of_part(const char *path, char out[33]);

/* Reads the configuration text kept in a file; allocated. returns NM_USAGE where it is no file of
 * nessmap. */
nm_status nm_grid_nc_config(const char *path, char **config_text);

/* Reads the parameters names[n] of point `index` (flat, first axis slowest) into values[n], in the
 * units of the file: axes, drawn, tied and fixed ones alike. Points of a refinement are its vertices.
 * returns NM_USAGE for an index or a
 * name that the file lacks. */
nm_status nm_grid_nc_stored_params(const char *path, int64_t index, int n, const char *const *names,
                                   double *values);

/* Rebuilds the tally of a finished file. */
nm_status nm_grid_nc_tally(const char *path, const nm_plan *plan, nm_tally **tally);

#endif
