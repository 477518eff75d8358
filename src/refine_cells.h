/* Dyadic cells of a map of two axes, their corners, edges and neighbours: arithmetic of integers
 * alone, without models, files or threads.
 *
 * A place on an axis is an integer from 0 to NM_LATTICE, of which u = place / NM_LATTICE is exact. A
 * cell of level l is one of base 2^l along each axis; its key is the Morton code of its numbers
 * there. A corner is a vertex; its key is the Morton code of its numbers on the finest level, and so
 * the same whichever level asks. */
#ifndef NESSMAP_REFINE_CELLS_H
#define NESSMAP_REFINE_CELLS_H

#include <stdint.h>

#include "diag.h"

enum {
    NM_LATTICE_BITS = 48,
    NM_CELL_BITS = 28,   /* of a number on the finest level */
    NM_MOST_LEVELS = 20, /* of refinement */
    NM_NO_CLASS = -1     /* not known yet; in a list of leaves: more than one class */
};
#define NM_LATTICE ((int64_t)1 << NM_LATTICE_BITS)

typedef struct nm_lattice {
    int bits[2]; /* 2^bits cells along each axis on level 0 */
    int levels;  /* number of the finest level */
} nm_lattice;

/* Bits of i at even places, of j at odd ones; and back. Numbers of at most 31 bits. */
int64_t nm_morton(int64_t i, int64_t j);
void nm_morton_split(int64_t at[2], int64_t key);

/* Length of a cell of a level along an axis, in units of the lattice. */
int64_t nm_lattice_step(const nm_lattice *lattice, int axis, int level);

/* Where a vertex lies, and the coarsest level that has it. */
void nm_vertex_place(int64_t place[2], const nm_lattice *lattice, int64_t key);
int nm_vertex_level(const nm_lattice *lattice, int64_t key);

/* Keys of the corners of a cell: low low, high low, low high, high high (first axis first). */
void nm_cell_corners(int64_t corner[4], const nm_lattice *lattice, int level, int64_t key);

/* Keys of the cell and of the up to eight around it, on its own level; returns their number. */
int nm_cell_ring(int64_t ring[9], const nm_lattice *lattice, int level, int64_t key);

/* The key of the cell of the finest level that holds a place. */
int64_t nm_cell_at(const nm_lattice *lattice, const int64_t place[2]);

/* Sorts keys and drops those that are there twice; returns how many are left. */
int64_t nm_keys_sort(int64_t *keys, int64_t n);

/* The middle of two places, rounded down. */
int64_t nm_lattice_middle(int64_t a, int64_t b);

/* --- the tree ---------------------------------------------------------------------------------- */

/* The cells of all levels, as far as the classes of vertices and probes have asked for them. A cell
 * is flagged where not all of its corners and probes are of one class. Each flagged cell asks for the
 * ring around it on its own level and, above the finest, for the four parts of each of these; a cell
 * that is asked for brings its three siblings and asks for its parent. Which cells there are in the
 * end therefore does not depend on the order of questions. */
typedef struct nm_tree nm_tree;

/* probe_place: [n_probes][2]. returns NM_MEMORY. */
nm_status nm_tree_create(nm_tree **tree, const nm_lattice *lattice, const int64_t *probe_place,
                         const int8_t *probe_class, int64_t n_probes);
void nm_tree_destroy(nm_tree **tree);

/* Adds vertices whose classes are found; their numbers go on from those before. */
nm_status nm_tree_learn(nm_tree *tree, const int64_t *key, const int8_t *class, int64_t n);

/* Grows the tree by what is known. missing: sorted keys of the vertices that it asks for, allocated;
 * none: the tree is whole. */
nm_status nm_tree_grow(nm_tree *tree, int64_t **missing, int64_t *n_missing);

/* Number of a vertex in the order of learning, or -1. */
int64_t nm_tree_find(const nm_tree *tree, int64_t key);

typedef struct nm_leaf { /* a cell that is not divided */
    int64_t key;
    int32_t level;
    int32_t class; /* NM_NO_CLASS: more than one */
} nm_leaf;

/* Leaves, sorted by level and key; allocated. */
nm_status nm_tree_leaves(const nm_tree *tree, nm_leaf **leaf, int64_t *n);

typedef struct nm_edge { /* two places of different classes */
    int64_t from, to;    /* keys of vertices; from = -1: a probe */
    int64_t probe;       /* its number */
    int32_t direction;   /* 0, 1: along that axis; 2: from a probe to a corner of its cell */
} nm_edge;

/* Edges of cells of the finest level whose ends differ, sorted by direction and key; then the probes
 * whose class none of the corners of their finest cell has. Allocated. */
nm_status nm_tree_edges(const nm_tree *tree, nm_edge **edge, int64_t *n);

#endif
