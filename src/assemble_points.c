/* The part of assembly for scans that keep every point: records in, columns out.
 *
 *   1. columns of a tile   2. in whole chunks   3. tiles in any order   4. the rest of them */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assemble.h"
#include "direct_nc.h"
#include "grid_nc.h"
#include "slab.h"

enum {
    FLUSH_BYTES = 32 << 20, /* the disk begins with so much, while more is computed */
    MOST_COLUMNS = NM_MAX_OUTPUTS + NM_MAX_GRADIENTS + NM_MAX_PARAMS + 2
};

/* --- 1. columns of a tile ------------------------------------------------------------------------ */

/* What a tile that was not computed holds: its parameters, no values. */
static void fill_missing(const nm_assembly *a, nm_tile *tile)
{
    const nm_task *task = &a->plan->task;
    double params[NM_MAX_PARAMS];
    for (int64_t i = 0; i < tile->n * task->n_slots; i++) {
        if (task->is_f32) {
            ((float *)tile->values)[i] = NAN;
        } else {
            ((double *)tile->values)[i] = NAN;
        }
    }
    for (int64_t i = 0; i < tile->n && task->n_stored > 0; i++) {
        a->plan->model->draw(&task->draw, tile->first + i, params);
        for (int k = 0; k < task->n_stored; k++) {
            tile->params[k * tile->n + i] = params[task->stored[k]];
        }
    }
    memset(tile->flags, 0, (size_t)tile->n * sizeof *tile->flags);
    memset(tile->outcome, NM_OUTCOME_not_run, (size_t)tile->n);
}

/* Start of each column in a tile. */
static void find_columns(const nm_assembly *a, const char **column, const nm_tile *tile)
{
    int n = 0;
    for (int i = 0; i < a->plan->task.n_slots; i++) {
        column[n++] = (const char *)tile->values + (size_t)(i * tile->n) * a->value_bytes;
    }
    for (int i = 0; i < a->plan->task.n_stored; i++) {
        column[n++] = (const char *)(tile->params + i * tile->n);
    }
    column[n++] = (const char *)tile->flags;
    column[n++] = (const char *)tile->outcome;
}

void nm_assembly_open_columns(nm_assembly *a)
{
    int variables[MOST_COLUMNS], elements[MOST_COLUMNS];
    int64_t offsets[MOST_COLUMNS];
    for (int i = 0; i < a->n_columns; i++) {
        variables[i] = a->columns[i].variable;
        elements[i] = (int)a->columns[i].bytes;
    }
    if (nm_direct_nc_find(offsets, a->id, a->temporary, variables, elements, a->n_columns)) {
        for (int i = 0; i < a->n_columns; i++) {
            a->columns[i].offset = offsets[i];
        }
        a->fd = open(a->temporary, O_WRONLY | O_CLOEXEC);
    }
}

/* Points follow each other in the file as in the scan, whatever the dimensions. */
static nm_status write_column(const nm_assembly *a, const nm_column *column, const char *from,
                              const nm_tile *tile)
{
    int64_t at = column->offset + tile->first * (int64_t)column->bytes,
            left = tile->n * (int64_t)column->bytes;
    while (left > 0) {
        ssize_t n = pwrite(a->fd, from, (size_t)left, (off_t)at);
        if (n < 0 && errno != EINTR) {
            return nm_fail(NM_IO, "cannot write '%s': %s", a->temporary, strerror(errno));
        }
        n = n > 0 ? n : 0;
        from += n;
        at += n;
        left -= n;
    }
    return NM_OK;
}

static nm_status write_tile(nm_assembly *a, const char *const *column, const nm_tile *tile)
{
    for (int i = 0; i < a->n_columns; i++) {
        if (a->fd >= 0) {
            NM_TRY(write_column(a, &a->columns[i], column[i], tile));
            continue;
        }
        NM_TRY(nm_slab_write(a->id, a->columns[i].variable, a->temporary, a->shape.dim,
                             a->shape.n_dims, tile->first, tile->n, column[i],
                             a->columns[i].bytes));
    }
    return NM_OK;
}

/* --- 2. in whole chunks ---------------------------------------------------------------------------- */

/* Collects points and writes whole chunks: each is compressed once, and their order in the file
 * does not depend on the size of the tiles. */
nm_status nm_assembly_write_chunks(nm_assembly *a, const char *const *column, int64_t first,
                                   int64_t n_all)
{
    for (int64_t i = 0; i < n_all;) {
        int64_t at = first + i, end = nm_assembly_chunk_end(a, a->stage_first);
        int64_t n = end - at < n_all - i ? end - at : n_all - i;
        for (int k = 0; k < a->n_columns; k++) {
            size_t bytes = a->columns[k].bytes;
            memcpy(a->columns[k].stage + (size_t)(at - a->stage_first) * bytes,
                   column[k] + (size_t)i * bytes, (size_t)n * bytes);
        }
        i += n;
        if (at + n == end) {
            for (int k = 0; k < a->n_columns; k++) {
                NM_TRY(nm_slab_write(a->id, a->columns[k].variable, a->temporary, a->shape.dim,
                                     a->shape.n_dims, a->stage_first, end - a->stage_first,
                                     a->columns[k].stage, a->columns[k].bytes));
            }
            a->stage_first = end;
        }
    }
    return NM_OK;
}

nm_status nm_assembly_make_stage(nm_assembly *a)
{
    size_t n = 1;
    for (int i = 0; i < a->shape.n_dims; i++) {
        n *= a->chunk[i];
    }
    for (int k = 0; k < a->n_columns; k++) {
        a->columns[k].stage = malloc(n * a->columns[k].bytes);
        if (!a->columns[k].stage) {
            return nm_fail(NM_MEMORY, "out of memory for the chunks of '%s'", a->out_path);
        }
    }
    return NM_OK;
}

/* --- 3. tiles in any order ---------------------------------------------------------------------- */

/* Has the disk begin with what is there, so that little is left for the sync at the end; whether it
 * does is of no consequence. */
static void flush(nm_assembly *a, int64_t bytes)
{
    a->unflushed += bytes;
    if (a->unflushed < FLUSH_BYTES) {
        return;
    }
    a->unflushed = 0;
    int fd = open(a->temporary, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        close(fd);
    }
}

static nm_status take_tile(nm_assembly *a, const char **column, const nm_tile *tile)
{
    pthread_mutex_lock(&a->tally_lock);
    nm_status status =
        nm_tally_add(a->tally, tile->first, tile->n, tile->outcome, tile->flags, tile->params);
    pthread_mutex_unlock(&a->tally_lock);
    NM_TRY(status);
    find_columns(a, column, tile);
    if (a->fd >= 0) {
        return write_tile(a, column, tile);
    }
    NM_NC_ALONE;
    return a->compression > 0 ? nm_assembly_write_chunks(a, column, tile->first, tile->n)
                              : write_tile(a, column, tile);
}

int nm_grid_nc_takes(const nm_plan *plan)
{
    return !nm_plan_is_reduced(plan) && !(plan->config && plan->config->compression > 0);
}

nm_status nm_grid_nc_take(nm_assembly *a, int64_t i_tile, const void *payload)
{
    const char *column[MOST_COLUMNS];
    nm_tile tile;
    nm_plan_map_tile(a->plan, &tile, i_tile, (void *)payload);
    NM_TRY(take_tile(a, column, &tile));
    pthread_mutex_lock(&a->file_lock);
    a->is_taken[i_tile] = 1;
    flush(a, nm_plan_tile_bytes(a->plan, i_tile));
    pthread_mutex_unlock(&a->file_lock);
    return NM_OK;
}

/* --- 4. the rest of them ------------------------------------------------------------------------ */

nm_status nm_assembly_write_points(nm_assembly *a, nm_journal *journal, void *payload)
{
    const char *column[MOST_COLUMNS];
    if (a->compression > 0) {
        NM_TRY(nm_assembly_make_stage(a));
    }
    for (int64_t i_tile = 0; i_tile < a->plan->n_tiles; i_tile++) {
        if (a->is_taken[i_tile]) {
            continue;
        }
        nm_tile tile;
        if (nm_journal_has(journal, i_tile)) {
            NM_TRY(nm_journal_read(journal, i_tile, payload, nm_plan_tile_bytes(a->plan, i_tile)));
            nm_plan_map_tile(a->plan, &tile, i_tile, payload);
        } else if (a->partial) {
            nm_plan_map_tile(a->plan, &tile, i_tile, payload);
            fill_missing(a, &tile);
        } else {
            return nm_fail(NM_IO, "tile %" PRId64 " of %" PRId64 " for '%s' is not computed yet",
                           i_tile, a->plan->n_tiles, a->out_path);
        }
        NM_TRY(take_tile(a, column, &tile));
    }
    return NM_OK;
}
