/* Random pump-leak cells through the kernels, each compared with the exact one-dimensional
 * reduction.
 *
 * Every pump law and both membranes get an equal share. Asked: the same class outside
 * |lysis_margin| < 1e-9 (or the like band at exhaustion of Na+), no set not converged, states to
 * 1e-9 x max(1, 1/lysis_margin). */
#ifndef NESSMAP_TESTS_ORACLE_SWEEP_H
#define NESSMAP_TESTS_ORACLE_SWEEP_H

#include <stdint.h>

/* Sweeps at least `n_sets` of each of the two forms (ohmic with cotransport, GHK) and prints
 * counts, the worst set of each quantity and the first wrong ones. lanes: of the kernel, 0: the
 * widest. returns 0 where all is as asked, else -1. Not reentrant. */
int nm_oracle_sweep(long long n_sets, int lanes, uint64_t seed);

/* A program around it: [SETS [LANES [SEED]]] in argv. returns its exit status. */
int nm_oracle_sweep_main(int argc, char **argv, long long n_sets);

#endif
