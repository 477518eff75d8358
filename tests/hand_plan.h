/* Plans written by hand, for tests of the journal and of the file: no solver, values that follow
 * from the index. */
#ifndef NESSMAP_HAND_PLAN_H
#define NESSMAP_HAND_PLAN_H

#include "plan.h"

enum {
    NM_HAND_a,
    NM_HAND_b,
    NM_HAND_c,
    NM_HAND_r,
    NM_HAND_tied_axes,
    NM_HAND_tied_drawn,
    NM_HAND_fixed,
    NM_HAND_N_PARAMS
};

extern const nm_model nm_hand_model;

/* Starts a plan without points, with three outputs in `bits` precision; the caller adds axes or
 * draws and finishes. */
void nm_hand_start(nm_plan *plan, nm_config *config, int bits);
void nm_hand_axis(nm_plan *plan, int param, nm_axis_scale scale, int64_t n, double low,
                  double high);
void nm_hand_tie_axes(nm_plan *plan); /* tied_axes = 2 + b + 3 c */
void nm_hand_random(nm_plan *plan,
                    int64_t n_draws); /* r is drawn, tied_drawn = 1 - r; both are stored */
void nm_hand_finish(nm_plan *plan,
                    int64_t tile_points); /* also with another tile size after a first time */

/* What the points hold. */
void nm_hand_draw(const nm_draw *draw, int64_t index, double *params);
int nm_hand_outcome(int64_t i);
int nm_hand_flags(int64_t i);
double nm_hand_value(int slot, int64_t i);
void nm_hand_fill(const nm_plan *plan, int64_t i_tile, void *payload);
int64_t nm_hand_bytes(const nm_plan *plan, int64_t i_tile);

/* Deletes a folder with all in it; counts what is in one. */
void nm_hand_remove(const char *path);
int nm_hand_count_files(const char *path);

#endif
