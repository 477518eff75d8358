/* Direction numbers of Sobol's sequence. */
#ifndef NESSMAP_JOE_KUO_H
#define NESSMAP_JOE_KUO_H

#include <stdint.h>

enum { NM_SOBOL_DIMENSIONS = 128 };

/* Fills v[n][32], n <= NM_SOBOL_DIMENSIONS: bit k of the Gray code of an index switches v[.][k]. */
void nm_sobol_directions(uint32_t (*v)[32], int n);

#endif
