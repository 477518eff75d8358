/* Two small hand-written models for tests of the host: no physics, but every table of a real one.
 *
 *   nm_model_fake_cell  a cell and its bath: V, volume, ions, a fuel, two variants; extent m-2
 *   nm_model_fake_ring  A -> B -> A in a flask: one conserved total, no fuel; extent m-3
 *
 * Their kernels store `output number + 0.001 * (sum of all parameters)` for each chosen output.
 * Points of nm_model_fake_cell with g_Na above 5 S m-2 have the outcome no_steady_state_growth and
 * hold NaN. */
#ifndef NESSMAP_FAKE_MODEL_H
#define NESSMAP_FAKE_MODEL_H

#include "nessmap/model_abi.h"

enum {
    NM_FAKE_T,
    NM_FAKE_Na_o,
    NM_FAKE_K_o,
    NM_FAKE_Cl_o,
    NM_FAKE_g_Na,
    NM_FAKE_dG_ATP,
    NM_FAKE_N_PARAMS
};

extern const nm_model nm_model_fake_cell, nm_model_fake_ring;

/* The value that the kernels store for output `number`, before rounding to float. */
double nm_fake_value(const nm_model *model, int number, const double *params);

#endif
