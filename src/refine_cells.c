/* Dyadic cells keyed by Morton codes, and the tree of those that the classes of their corners ask
 * for.
 *
 * 1. keys   2. tables of keys   3. the tree   4. what the finished tree says */
#include "refine_cells.h"

#include <stdlib.h>
#include <string.h>

/* --- 1. keys ---------------------------------------------------------------------------------- */

/* bit k to place 2k, and back */
static uint64_t spread(uint64_t x)
{
    x = (x | x << 16) & UINT64_C(0x0000FFFF0000FFFF);
    x = (x | x << 8) & UINT64_C(0x00FF00FF00FF00FF);
    x = (x | x << 4) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    x = (x | x << 2) & UINT64_C(0x3333333333333333);
    return (x | x << 1) & UINT64_C(0x5555555555555555);
}

static uint64_t gather(uint64_t x)
{
    x &= UINT64_C(0x5555555555555555);
    x = (x | x >> 1) & UINT64_C(0x3333333333333333);
    x = (x | x >> 2) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    x = (x | x >> 4) & UINT64_C(0x00FF00FF00FF00FF);
    x = (x | x >> 8) & UINT64_C(0x0000FFFF0000FFFF);
    return (x | x >> 16) & UINT64_C(0x00000000FFFFFFFF);
}

int64_t nm_morton(int64_t i, int64_t j)
{
    return (int64_t)(spread((uint64_t)i) | spread((uint64_t)j) << 1);
}

void nm_morton_split(int64_t at[2], int64_t key)
{
    at[0] = (int64_t)gather((uint64_t)key);
    at[1] = (int64_t)gather((uint64_t)key >> 1);
}

int64_t nm_lattice_step(const nm_lattice *lattice, int axis, int level)
{
    return (int64_t)1 << (NM_LATTICE_BITS - lattice->bits[axis] - level);
}

void nm_vertex_place(int64_t place[2], const nm_lattice *lattice, int64_t key)
{
    nm_morton_split(place, key);
    for (int d = 0; d < 2; d++) {
        place[d] *= nm_lattice_step(lattice, d, lattice->levels);
    }
}

int nm_vertex_level(const nm_lattice *lattice, int64_t key)
{
    int64_t at[2];
    nm_morton_split(at, key);
    int level = lattice->levels;
    for (int64_t bits = at[0] | at[1]; level > 0 && (bits & 1) == 0; bits >>= 1) {
        level--;
    }
    return level;
}

void nm_cell_corners(int64_t corner[4], const nm_lattice *lattice, int level, int64_t key)
{
    int64_t at[2];
    int shift = lattice->levels - level;
    nm_morton_split(at, key);
    for (int c = 0; c < 4; c++) {
        corner[c] = nm_morton((at[0] + (c & 1)) << shift, (at[1] + (c >> 1)) << shift);
    }
}

int nm_cell_ring(int64_t ring[9], const nm_lattice *lattice, int level, int64_t key)
{
    int64_t at[2];
    int n = 0;
    nm_morton_split(at, key);
    for (int64_t j = at[1] - 1; j <= at[1] + 1; j++) {
        for (int64_t i = at[0] - 1; i <= at[0] + 1; i++) {
            if (i >= 0 && j >= 0 && i >> (lattice->bits[0] + level) == 0 &&
                j >> (lattice->bits[1] + level) == 0) {
                ring[n++] = nm_morton(i, j);
            }
        }
    }
    return n;
}

int64_t nm_cell_at(const nm_lattice *lattice, const int64_t place[2])
{
    return nm_morton(place[0] / nm_lattice_step(lattice, 0, lattice->levels),
                     place[1] / nm_lattice_step(lattice, 1, lattice->levels));
}

static int compare_keys(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t nm_keys_sort(int64_t *keys, int64_t n)
{
    if (n < 2) {
        return n;
    }
    qsort(keys, (size_t)n, sizeof *keys, compare_keys);
    int64_t n_left = 1;
    for (int64_t i = 1; i < n; i++) {
        if (keys[i] != keys[n_left - 1]) {
            keys[n_left++] = keys[i];
        }
    }
    return n_left;
}

int64_t nm_lattice_middle(int64_t a, int64_t b)
{
    return (a + b) >> 1;
}

/* --- 2. tables of keys ------------------------------------------------------------------------ */

/* Finds the number of a key by open addressing. */
typedef struct table {
    uint64_t *key;
    int64_t *number;    /* -1: empty */
    int64_t n, n_rooms; /* n_rooms: a power of two, or 0 */
} table;

static int64_t table_room(const table *table, uint64_t key)
{
    uint64_t mask = (uint64_t)table->n_rooms - 1;
    uint64_t at = (key * UINT64_C(0x9E3779B97F4A7C15)) >> 20;
    while (table->number[at & mask] >= 0 && table->key[at & mask] != key) {
        at++;
    }
    return (int64_t)(at & mask);
}

static int64_t table_find(const table *table, uint64_t key)
{
    return table->n_rooms > 0 ? table->number[table_room(table, key)] : -1;
}

static void table_clear(table *table)
{
    free(table->key);
    free(table->number);
    memset(table, 0, sizeof *table);
}

static nm_status table_add(table *t, uint64_t key, int64_t number)
{
    if (2 * (t->n + 1) > t->n_rooms) {
        table larger = {.n_rooms = t->n_rooms > 0 ? 2 * t->n_rooms : 1024};
        larger.key = malloc((size_t)larger.n_rooms * sizeof *larger.key);
        larger.number = malloc((size_t)larger.n_rooms * sizeof *larger.number);
        if (!larger.key || !larger.number) {
            table_clear(&larger);
            return nm_fail(NM_MEMORY, "no memory for the cells of a refinement");
        }
        memset(larger.number, -1, (size_t)larger.n_rooms * sizeof *larger.number);
        for (int64_t i = 0; i < t->n_rooms; i++) {
            if (t->number[i] >= 0) {
                int64_t room = table_room(&larger, t->key[i]);
                larger.key[room] = t->key[i];
                larger.number[room] = t->number[i];
            }
        }
        larger.n = t->n;
        table_clear(t);
        *t = larger;
    }
    int64_t room = table_room(t, key);
    if (t->number[room] < 0) {
        t->key[room] = key;
        t->n++;
    }
    t->number[room] = number;
    return NM_OK;
}

/* --- 3. the tree ------------------------------------------------------------------------------ */

typedef struct cell {
    int64_t key;
    int32_t level;
    int8_t is_known, is_flagged; /* known: the classes of all corners are */
} cell;

typedef struct probe {
    int64_t cell; /* key of its cell of the finest level */
    int64_t number;
    int8_t class;
} probe;

struct nm_tree {
    nm_lattice lattice;
    probe *probes; /* sorted by cell, then by number */
    int64_t n_probes;
    cell *cells; /* in the order in which they were asked for */
    int64_t n_cells, room_cells;
    table cell_table; /* by level and key */
    int8_t *class;    /* of vertices, by number */
    int64_t n_vertices, room_vertices;
    table vertex_table;
    int64_t *pending; /* numbers of cells with corners of unknown class */
    int64_t n_pending;
};

static nm_status no_memory(void)
{
    return nm_fail(NM_MEMORY, "no memory for the cells of a refinement");
}

/* Room for one more element of an array. */
static nm_status make_room(void **array, int64_t *room, int64_t n, size_t bytes)
{
    if (n < *room) {
        return NM_OK;
    }
    int64_t more = *room > 0 ? 2 * *room : 1024;
    while (more <= n) {
        more *= 2;
    }
    void *larger = realloc(*array, (size_t)more * bytes);
    if (!larger) {
        return no_memory();
    }
    *array = larger;
    *room = more;
    return NM_OK;
}

static uint64_t cell_code(int level, int64_t key)
{
    return (uint64_t)level << (2 * NM_CELL_BITS) | (uint64_t)key;
}

static int has_cell(const nm_tree *tree, int level, int64_t key)
{
    return table_find(&tree->cell_table, cell_code(level, key)) >= 0;
}

static nm_status add_cell(nm_tree *tree, int level, int64_t key)
{
    NM_TRY(make_room((void **)&tree->cells, &tree->room_cells, tree->n_cells, sizeof(cell)));
    NM_TRY(table_add(&tree->cell_table, cell_code(level, key), tree->n_cells));
    tree->cells[tree->n_cells++] = (cell){.key = key, .level = level};
    return NM_OK;
}

/* Sees to it that a cell is there: with its siblings, under a parent that is there. */
static nm_status need_cell(nm_tree *tree, int level, int64_t key)
{
    for (; level > 0 && !has_cell(tree, level, key); level--, key >>= 2) {
        for (int64_t sibling = key & ~(int64_t)3; sibling <= (key | 3); sibling++) {
            NM_TRY(add_cell(tree, level, sibling));
        }
    }
    return NM_OK;
}

static int compare_probes(const void *a, const void *b)
{
    const probe *x = a, *y = b;
    return x->cell != y->cell ? (x->cell > y->cell) - (x->cell < y->cell)
                              : (x->number > y->number) - (x->number < y->number);
}

nm_status nm_tree_create(nm_tree **tree, const nm_lattice *lattice, const int64_t *probe_place,
                         const int8_t *probe_class, int64_t n_probes)
{
    nm_tree *made = *tree = calloc(1, sizeof **tree);
    if (!made) {
        return no_memory();
    }
    made->lattice = *lattice;
    made->probes = malloc((size_t)(n_probes + 1) * sizeof *made->probes);
    if (!made->probes) {
        nm_tree_destroy(tree);
        return no_memory();
    }
    made->n_probes = n_probes;
    for (int64_t i = 0; i < n_probes; i++) {
        made->probes[i] = (probe){nm_cell_at(lattice, probe_place + 2 * i), i, probe_class[i]};
    }
    qsort(made->probes, (size_t)n_probes, sizeof *made->probes, compare_probes);
    nm_status status = NM_OK;
    for (int64_t j = 0; j < (int64_t)1 << lattice->bits[1]; j++) {
        for (int64_t i = 0; status == NM_OK && i < (int64_t)1 << lattice->bits[0]; i++) {
            status = add_cell(made, 0, nm_morton(i, j));
        }
    }
    made->pending = status == NM_OK ? malloc((size_t)made->n_cells * sizeof *made->pending) : NULL;
    if (!made->pending) {
        nm_tree_destroy(tree);
        return no_memory();
    }
    made->n_pending = made->n_cells;
    for (int64_t i = 0; i < made->n_cells; i++) {
        made->pending[i] = i;
    }
    return NM_OK;
}

void nm_tree_destroy(nm_tree **tree)
{
    if (!*tree) {
        return;
    }
    free((*tree)->probes);
    free((*tree)->cells);
    free((*tree)->class);
    free((*tree)->pending);
    table_clear(&(*tree)->cell_table);
    table_clear(&(*tree)->vertex_table);
    free(*tree);
    *tree = NULL;
}

nm_status nm_tree_learn(nm_tree *tree, const int64_t *key, const int8_t *class, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        NM_TRY(make_room((void **)&tree->class, &tree->room_vertices, tree->n_vertices, 1));
        NM_TRY(table_add(&tree->vertex_table, (uint64_t)key[i], tree->n_vertices));
        tree->class[tree->n_vertices++] = class[i];
    }
    return NM_OK;
}

int64_t nm_tree_find(const nm_tree *tree, int64_t key)
{
    return table_find(&tree->vertex_table, (uint64_t)key);
}

static int class_of(const nm_tree *tree, int64_t key)
{
    int64_t number = nm_tree_find(tree, key);
    return number < 0 ? NM_NO_CLASS : tree->class[number];
}

/* First probe whose cell of the finest level is `key` or a later one. */
static int64_t first_probe(const nm_tree *tree, int64_t key)
{
    int64_t low = 0, high = tree->n_probes;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (tree->probes[middle].cell < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int is_mixed(const nm_tree *tree, const cell *cell, const int64_t corner[4])
{
    int class = class_of(tree, corner[0]), shift = 2 * (tree->lattice.levels - cell->level);
    for (int c = 1; c < 4; c++) {
        if (class_of(tree, corner[c]) != class) {
            return 1;
        }
    }
    int64_t end = (cell->key + 1) << shift;
    for (int64_t i = first_probe(tree, cell->key << shift);
         i < tree->n_probes && tree->probes[i].cell < end; i++) {
        if (tree->probes[i].class != class) {
            return 1;
        }
    }
    return 0;
}

/* What a flagged cell asks for. */
static nm_status ask(nm_tree *tree, int level, int64_t key)
{
    int64_t ring[9];
    int n = nm_cell_ring(ring, &tree->lattice, level, key);
    for (int i = 0; i < n; i++) {
        NM_TRY(need_cell(tree, level, ring[i]));
        if (level < tree->lattice.levels) {
            NM_TRY(need_cell(tree, level + 1, ring[i] << 2));
        }
    }
    return NM_OK;
}

/* Looks at a cell: whether its corners are known, and then what it asks for. */
static nm_status look(nm_tree *tree, int64_t number, int64_t corner[4], int *is_known)
{
    cell *cell = &tree->cells[number];
    nm_cell_corners(corner, &tree->lattice, cell->level, cell->key);
    *is_known = 1;
    for (int c = 0; c < 4; c++) {
        *is_known &= class_of(tree, corner[c]) != NM_NO_CLASS;
    }
    if (!*is_known) {
        return NM_OK;
    }
    cell->is_known = 1;
    cell->is_flagged = (int8_t)is_mixed(tree, cell, corner);
    return cell->is_flagged ? ask(tree, cell->level, cell->key) : NM_OK;
}

nm_status nm_tree_grow(nm_tree *tree, int64_t **missing, int64_t *n_missing)
{
    int64_t *waiting = NULL, n_waiting = 0, room_waiting = 0, room_missing = 0;
    int64_t first_new = tree->n_cells;
    nm_status status = NM_OK;
    *missing = NULL;
    *n_missing = 0;
    /* first those that waited, then those that come up meanwhile */
    for (int64_t i = 0; status == NM_OK && i < tree->n_pending + tree->n_cells - first_new; i++) {
        int64_t number = i < tree->n_pending ? tree->pending[i] : first_new + i - tree->n_pending;
        int64_t corner[4];
        int is_known;
        status = look(tree, number, corner, &is_known);
        if (status != NM_OK || is_known) {
            continue;
        }
        status = make_room((void **)&waiting, &room_waiting, n_waiting, sizeof *waiting);
        if (status == NM_OK) {
            waiting[n_waiting++] = number;
        }
        for (int c = 0; c < 4 && status == NM_OK; c++) {
            if (class_of(tree, corner[c]) == NM_NO_CLASS) {
                status = make_room((void **)missing, &room_missing, *n_missing, sizeof **missing);
                if (status == NM_OK) {
                    (*missing)[(*n_missing)++] = corner[c];
                }
            }
        }
    }
    if (status != NM_OK) {
        free(waiting);
        free(*missing);
        *missing = NULL;
        return status;
    }
    free(tree->pending);
    tree->pending = waiting;
    tree->n_pending = n_waiting;
    *n_missing = nm_keys_sort(*missing, *n_missing);
    return NM_OK;
}

/* --- 4. what the finished tree says ------------------------------------------------------------- */

static int compare_leaves(const void *a, const void *b)
{
    const nm_leaf *x = a, *y = b;
    return x->level != y->level ? (x->level > y->level) - (x->level < y->level)
                                : (x->key > y->key) - (x->key < y->key);
}

nm_status nm_tree_leaves(const nm_tree *tree, nm_leaf **leaf, int64_t *n)
{
    *n = 0;
    *leaf = malloc((size_t)(tree->n_cells + 1) * sizeof **leaf);
    if (!*leaf) {
        return no_memory();
    }
    for (int64_t i = 0; i < tree->n_cells; i++) {
        const cell *cell = &tree->cells[i];
        if (cell->level < tree->lattice.levels && has_cell(tree, cell->level + 1, cell->key << 2)) {
            continue;
        }
        int64_t corner[4];
        nm_cell_corners(corner, &tree->lattice, cell->level, cell->key);
        (*leaf)[(*n)++] = (nm_leaf){cell->key, cell->level,
                                    cell->is_flagged ? NM_NO_CLASS : class_of(tree, corner[0])};
    }
    qsort(*leaf, (size_t)*n, sizeof **leaf, compare_leaves);
    return NM_OK;
}

static int compare_edges(const void *a, const void *b)
{
    const nm_edge *x = a, *y = b;
    return x->direction != y->direction ? x->direction - y->direction
                                        : (x->from > y->from) - (x->from < y->from);
}

nm_status nm_tree_edges(const nm_tree *tree, nm_edge **edge, int64_t *n)
{
    static const int ends[4][3] = {{0, 1, 0}, {2, 3, 0}, {0, 2, 1}, {1, 3, 1}};
    int64_t room = 0, corner[4], n_edges = 0;
    *edge = NULL;
    *n = 0;
    for (int64_t i = 0; i < tree->n_cells; i++) {
        const cell *cell = &tree->cells[i];
        if (cell->level != tree->lattice.levels || !cell->is_flagged) {
            continue;
        }
        nm_cell_corners(corner, &tree->lattice, cell->level, cell->key);
        for (int e = 0; e < 4; e++) {
            int64_t from = corner[ends[e][0]], to = corner[ends[e][1]];
            if (class_of(tree, from) != class_of(tree, to)) {
                NM_TRY(make_room((void **)edge, &room, *n, sizeof **edge));
                (*edge)[(*n)++] = (nm_edge){from, to, -1, ends[e][2]};
            }
        }
    }
    /* an edge between two flagged cells was found twice */
    if (*n > 0) {
        qsort(*edge, (size_t)*n, sizeof **edge, compare_edges);
    }
    for (int64_t i = 0; i < *n; i++) {
        if (i == 0 || compare_edges(&(*edge)[i], &(*edge)[n_edges - 1]) != 0) {
            (*edge)[n_edges++] = (*edge)[i];
        }
    }
    *n = n_edges;
    for (int64_t i = 0; i < tree->n_probes; i++) {
        const probe *probe = &tree->probes[i];
        int is_new = has_cell(tree, tree->lattice.levels, probe->cell);
        nm_cell_corners(corner, &tree->lattice, tree->lattice.levels, probe->cell);
        for (int c = 0; c < 4; c++) {
            is_new &= class_of(tree, corner[c]) != probe->class;
        }
        if (is_new) {
            NM_TRY(make_room((void **)edge, &room, *n, sizeof **edge));
            (*edge)[(*n)++] = (nm_edge){-1, corner[0], probe->number, 2};
        }
    }
    return NM_OK;
}
