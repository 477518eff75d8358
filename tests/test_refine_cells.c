/* Lattice, Morton codes, corners, neighbours, and the tree on boundaries that are known: lines, discs,
 * threads, and what is too small for any corner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "refine_cells.h"

/* --- keys --------------------------------------------------------------------------------------- */

static void test_morton(void **state)
{
    (void)state;
    /* by hand: i = 101, j = 011 (binary) -> j i j i j i = 0 1 1 0 1 1 */
    assert_int_equal(nm_morton(5, 3), 27);
    assert_int_equal(nm_morton(1, 0), 1);
    assert_int_equal(nm_morton(0, 1), 2);
    assert_int_equal(nm_morton(0x7FFFFFFF, 0), 0x1555555555555555);
    for (int64_t k = 0; k < 100000; k++) {
        int64_t i = k * 2654435761 % 0x7FFFFFFF, j = k * 40503 % 0x3FFFFFFF, at[2];
        nm_morton_split(at, nm_morton(i, j));
        assert_true(at[0] == i && at[1] == j);
        /* parents by a shift */
        assert_int_equal(nm_morton(i, j) >> 2, nm_morton(i / 2, j / 2));
    }
}

static void test_places(void **state)
{
    (void)state;
    const nm_lattice lattice = {.bits = {3, 5}, .levels = 4};
    int64_t place[2], corner[4], fine[4];
    assert_int_equal(nm_lattice_step(&lattice, 0, 0), NM_LATTICE / 8);
    assert_int_equal(nm_lattice_step(&lattice, 1, 4), NM_LATTICE / 512);
    /* the last vertex is the end of both axes, exactly */
    nm_vertex_place(place, &lattice, nm_morton(128, 512));
    assert_true(place[0] == NM_LATTICE && place[1] == NM_LATTICE);
    assert_int_equal(nm_vertex_level(&lattice, nm_morton(128, 512)), 0);
    assert_int_equal(nm_vertex_level(&lattice, nm_morton(0, 0)), 0);
    assert_int_equal(nm_vertex_level(&lattice, nm_morton(16, 8)), 1);
    assert_int_equal(nm_vertex_level(&lattice, nm_morton(1, 16)), 4);
    /* a corner has one key, whichever level asks: cell (3, 7) and its first and last parts */
    nm_cell_corners(corner, &lattice, 1, nm_morton(3, 7));
    nm_cell_corners(fine, &lattice, 2, nm_morton(6, 14));
    assert_true(corner[0] == fine[0]);
    nm_cell_corners(fine, &lattice, 2, nm_morton(7, 15));
    assert_true(corner[3] == fine[3]);
    assert_int_equal(corner[1], nm_morton(4 * 8, 7 * 8));
    assert_int_equal(corner[2], nm_morton(3 * 8, 8 * 8));
    const int64_t inside[2] = {NM_LATTICE / 128 * 5 + 1, NM_LATTICE - 1};
    assert_int_equal(nm_cell_at(&lattice, inside), nm_morton(5, 511));
}

static void test_ring(void **state)
{
    (void)state;
    const nm_lattice lattice = {.bits = {1, 2}, .levels = 3};
    int64_t ring[9];
    assert_int_equal(nm_cell_ring(ring, &lattice, 2, nm_morton(3, 9)), 9);
    assert_int_equal(ring[0], nm_morton(2, 8));
    assert_int_equal(ring[4], nm_morton(3, 9));
    assert_int_equal(ring[8], nm_morton(4, 10));
    /* 2 x 4 cells: at the corner four, at the side six, and none beyond */
    assert_int_equal(nm_cell_ring(ring, &lattice, 0, nm_morton(0, 0)), 4);
    assert_int_equal(nm_cell_ring(ring, &lattice, 0, nm_morton(1, 3)), 4);
    assert_int_equal(ring[3], nm_morton(1, 3));
    assert_int_equal(nm_cell_ring(ring, &lattice, 0, nm_morton(1, 1)), 6);
}

static void test_sort(void **state)
{
    (void)state;
    int64_t keys[] = {7, 3, 7, 1, 3, 3, 9};
    assert_int_equal(nm_keys_sort(keys, 7), 4);
    assert_true(keys[0] == 1 && keys[1] == 3 && keys[2] == 7 && keys[3] == 9);
    assert_int_equal(nm_keys_sort(keys, 0), 0);
    assert_int_equal(nm_keys_sort(keys, 1), 1);
    assert_int_equal(nm_lattice_middle(4, 7), 5);
    assert_int_equal(nm_lattice_middle(7, 4), 5);
}

/* --- the tree ----------------------------------------------------------------------------------- */

typedef int8_t (*world)(double x, double y);

static int8_t half(double x, double y)
{
    return x + 0.37 * y > 0.613;
}

static int8_t disc(double x, double y)
{
    return (x - 0.3701) * (x - 0.3701) + (y - 0.6402) * (y - 0.6402) < 0.004 * 0.004;
}

/* far thinner than a first cell, from end to end */
static int8_t thread(double x, double y)
{
    double off = y - 0.51 - 0.1 * x;
    return off > -0.004 && off < 0.004;
}

static int8_t plain(double x, double y)
{
    (void)x;
    (void)y;
    return 3;
}

static int8_t class_at(world world, const int64_t place[2])
{
    return world((double)place[0] / (double)NM_LATTICE, (double)place[1] / (double)NM_LATTICE);
}

typedef struct grown {
    nm_tree *tree;
    int64_t n_vertices, n_stages;
} grown;

static grown grow(const nm_lattice *lattice, world world, const int64_t *probe, int64_t n_probes)
{
    grown g = {0};
    int8_t *probe_class = calloc((size_t)n_probes + 1, 1);
    for (int64_t i = 0; i < n_probes; i++) {
        probe_class[i] = class_at(world, probe + 2 * i);
    }
    assert_int_equal(nm_tree_create(&g.tree, lattice, probe, probe_class, n_probes), NM_OK);
    free(probe_class);
    for (;;) {
        int64_t *missing, n;
        assert_int_equal(nm_tree_grow(g.tree, &missing, &n), NM_OK);
        for (int64_t i = 0; i < n; i++) {
            int64_t place[2];
            assert_true(i == 0 || missing[i] > missing[i - 1]);
            assert_int_equal(nm_tree_find(g.tree, missing[i]), -1); /* never solved twice */
            nm_vertex_place(place, lattice, missing[i]);
            int8_t class = class_at(world, place);
            assert_int_equal(nm_tree_learn(g.tree, &missing[i], &class, 1), NM_OK);
        }
        free(missing);
        if (n == 0) {
            return g;
        }
        g.n_vertices += n;
        g.n_stages++;
    }
}

/* Edges of the grid of the finest cells whose ends differ, counted one by one. */
static int64_t count_edges(const nm_lattice *lattice, world world)
{
    int64_t n[2], count = 0;
    for (int d = 0; d < 2; d++) {
        n[d] = (int64_t)1 << (lattice->bits[d] + lattice->levels);
    }
    for (int64_t j = 0; j <= n[1]; j++) {
        for (int64_t i = 0; i <= n[0]; i++) {
            int64_t here[2], there[2];
            nm_vertex_place(here, lattice, nm_morton(i, j));
            int8_t class = class_at(world, here);
            if (i < n[0]) {
                nm_vertex_place(there, lattice, nm_morton(i + 1, j));
                count += class != class_at(world, there);
            }
            if (j < n[1]) {
                nm_vertex_place(there, lattice, nm_morton(i, j + 1));
                count += class != class_at(world, there);
            }
        }
    }
    return count;
}

/* The leaves tile the map; those of one class have it at all corners. */
static double check_leaves(const nm_tree *tree, const nm_lattice *lattice, world world)
{
    nm_leaf *leaf;
    int64_t n;
    double area = 0.0, mixed = 0.0;
    assert_int_equal(nm_tree_leaves(tree, &leaf, &n), NM_OK);
    for (int64_t i = 0; i < n; i++) {
        int64_t corner[4], place[2];
        double here =
            1.0 / (double)((int64_t)1 << (lattice->bits[0] + lattice->bits[1] + 2 * leaf[i].level));
        area += here;
        mixed += leaf[i].class == NM_NO_CLASS ? here : 0.0;
        assert_true(leaf[i].class != NM_NO_CLASS || leaf[i].level == lattice->levels);
        nm_cell_corners(corner, lattice, leaf[i].level, leaf[i].key);
        for (int c = 0; c < 4 && leaf[i].class != NM_NO_CLASS; c++) {
            nm_vertex_place(place, lattice, corner[c]);
            assert_int_equal(class_at(world, place), leaf[i].class);
        }
    }
    free(leaf);
    assert_true(area == 1.0); /* of powers of two: exact */
    return mixed;
}

static void check_edges(const grown *g, const nm_lattice *lattice, world world, int64_t n_wanted)
{
    nm_edge *edge;
    int64_t n;
    assert_int_equal(nm_tree_edges(g->tree, &edge, &n), NM_OK);
    assert_int_equal(n, n_wanted);
    for (int64_t i = 0; i < n; i++) {
        int64_t from[2], to[2];
        nm_vertex_place(from, lattice, edge[i].from);
        nm_vertex_place(to, lattice, edge[i].to);
        int d = edge[i].direction;
        assert_int_equal(to[d] - from[d], nm_lattice_step(lattice, d, lattice->levels));
        assert_true(to[1 - d] == from[1 - d]);
        assert_true(class_at(world, from) != class_at(world, to));
    }
    free(edge);
}

static void test_line(void **state)
{
    (void)state;
    const nm_lattice lattice = {.bits = {3, 4}, .levels = 5};
    grown g = grow(&lattice, half, NULL, 0);
    check_edges(&g, &lattice, half, count_edges(&lattice, half));
    check_leaves(g.tree, &lattice, half);
    assert_int_equal(g.n_stages, 1 + lattice.levels);
    assert_true(g.n_vertices < (256 + 1) * (512 + 1) / 10);
    nm_tree_destroy(&g.tree);
    assert_null(g.tree);
}

static void test_no_boundary(void **state)
{
    (void)state;
    const nm_lattice lattice = {.bits = {2, 2}, .levels = 8};
    const int64_t probe[2] = {12345, NM_LATTICE - 7};
    grown g = grow(&lattice, plain, probe, 1);
    assert_int_equal(g.n_vertices, 25);
    check_edges(&g, &lattice, plain, 0);
    assert_true(check_leaves(g.tree, &lattice, plain) == 0.0);
    nm_tree_destroy(&g.tree);
}

/* No corner of a first cell hits the disc; one probe does, and the whole disc is found. */
static void test_disc(void **state)
{
    (void)state;
    const nm_lattice lattice = {.bits = {4, 4}, .levels = 6};
    const int64_t probe[] = {(int64_t)(0.37 * (double)NM_LATTICE),
                             (int64_t)(0.64 * (double)NM_LATTICE)};
    grown blind = grow(&lattice, disc, NULL, 0);
    check_edges(&blind, &lattice, disc, 0);
    nm_tree_destroy(&blind.tree);
    grown g = grow(&lattice, disc, probe, 1);
    int64_t n = count_edges(&lattice, disc);
    assert_true(n > 20);
    check_edges(&g, &lattice, disc, n);
    check_leaves(g.tree, &lattice, disc);
    nm_tree_destroy(&g.tree);
}

/* Where even the finest corners miss it, the probe itself is one end of the bracket. */
static void test_disc_below_the_finest(void **state)
{
    (void)state;
    const nm_lattice lattice = {.bits = {3, 3}, .levels = 1};
    const int64_t probe[] = {(int64_t)(0.1 * (double)NM_LATTICE), 99,
                             (int64_t)(0.37 * (double)NM_LATTICE),
                             (int64_t)(0.64 * (double)NM_LATTICE)};
    grown g = grow(&lattice, disc, probe, 2);
    nm_edge *edge;
    int64_t n;
    assert_int_equal(nm_tree_edges(g.tree, &edge, &n), NM_OK);
    assert_int_equal(n, 1);
    assert_true(edge[0].direction == 2 && edge[0].from == -1 && edge[0].probe == 1);
    assert_int_equal(edge[0].to, nm_cell_at(&lattice, probe + 2));
    free(edge);
    assert_true(check_leaves(g.tree, &lattice, disc) == 1.0 / 256);
    nm_tree_destroy(&g.tree);
}

/* A thread that no first corner sees is followed from one probe to both its ends. */
static void test_thread(void **state)
{
    (void)state;
    const nm_lattice lattice = {.bits = {3, 3}, .levels = 6};
    const int64_t probe[] = {NM_LATTICE / 2 + 1000, (int64_t)(0.56 * (double)NM_LATTICE)};
    grown blind = grow(&lattice, thread, NULL, 0);
    check_edges(&blind, &lattice, thread, 0);
    nm_tree_destroy(&blind.tree);
    grown g = grow(&lattice, thread, probe, 1);
    check_edges(&g, &lattice, thread, count_edges(&lattice, thread));
    check_leaves(g.tree, &lattice, thread);
    nm_tree_destroy(&g.tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_morton), cmocka_unit_test(test_places),
        cmocka_unit_test(test_ring),   cmocka_unit_test(test_sort),
        cmocka_unit_test(test_line),   cmocka_unit_test(test_no_boundary),
        cmocka_unit_test(test_disc),   cmocka_unit_test(test_disc_below_the_finest),
        cmocka_unit_test(test_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
