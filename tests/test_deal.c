/* Every wanted tile is dealt to one rank, whatever the ranks and their pace, and blocks are even. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "deal.h"

enum { MOST_TILES = 400, MOST_RANKS = 12 };

typedef struct bench {
    unsigned char wanted[MOST_TILES], dealt[MOST_TILES];
} bench;

static int wants(void *context, int64_t i_tile)
{
    const bench *b = context;
    return b->wanted[i_tile];
}

/* Ranks take a tile each in the order that `pace` tells, until nothing is left. */
static void deal_all(bench *b, int64_t n_tiles, int n_ranks, unsigned pace)
{
    nm_deal deal[MOST_RANKS];
    int is_at_work[MOST_RANKS], n_at_work = n_ranks;
    int64_t n_wanted = 0, least = n_tiles, most = 0;
    memset(b->dealt, 0, sizeof b->dealt);
    for (int64_t i = 0; i < n_tiles; i++) {
        n_wanted += b->wanted[i];
    }
    for (int r = 0; r < n_ranks; r++) {
        nm_deal_begin(&deal[r], n_tiles, r, n_ranks, wants, b);
        is_at_work[r] = 1;
        int64_t n = 0;
        for (int64_t i = deal[r].next; i < deal[r].end; i++) {
            n += b->wanted[i];
        }
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    assert_in_range(most - least, 0, 1);
    if (n_ranks > 1) {
        assert_int_equal(deal[0].n_in_tail, n_wanted / 4);
    }
    while (n_at_work > 0) {
        pace = pace * 1664525u + 1013904223u;
        const int r = (int)((pace >> 8) % (unsigned)n_ranks);
        if (!is_at_work[r]) {
            continue;
        }
        int64_t i = nm_deal_next(&deal[r]);
        if (i < 0) {
            int64_t first, end;
            nm_deal_cut(&deal[0], &first, &end);
            nm_deal_take(&deal[r], first, end);
            i = nm_deal_next(&deal[r]);
        }
        if (i < 0) {
            is_at_work[r] = 0;
            n_at_work--;
            continue;
        }
        assert_in_range(i, 0, n_tiles - 1);
        assert_true(b->wanted[i]);
        b->dealt[i]++;
    }
    assert_memory_equal(b->dealt, b->wanted, (size_t)n_tiles);
}

static void every_tile_is_dealt_once(void **state)
{
    (void)state;
    bench b;
    const int64_t sizes[] = {1, 2, 3, 7, 64, MOST_TILES};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (int n_ranks = 1; n_ranks <= MOST_RANKS; n_ranks++) {
            for (unsigned seed = 0; seed < 6; seed++) {
                unsigned word = seed * 2654435761u + 1u;
                for (int64_t i = 0; i < sizes[k]; i++) {
                    /* none, all, the first half done, the second half done, at random */
                    word = word * 1664525u + 1013904223u;
                    b.wanted[i] = seed == 0   ? 0
                                  : seed == 1 ? 1
                                  : seed == 2 ? 2 * i >= sizes[k]
                                  : seed == 3 ? 2 * i < sizes[k]
                                              : (word >> 16 & 3u) == 0;
                }
                deal_all(&b, sizes[k], n_ranks, word);
            }
        }
    }
}

/* the end of a run is not a wait for one rank: the last pieces are single tiles */
static void pieces_become_small(void **state)
{
    (void)state;
    bench b;
    nm_deal deal;
    memset(b.wanted, 1, sizeof b.wanted);
    nm_deal_begin(&deal, MOST_TILES, 0, 3, wants, &b);
    int64_t first, end, before = MOST_TILES, n_single = 0;
    for (nm_deal_cut(&deal, &first, &end); first < end; nm_deal_cut(&deal, &first, &end)) {
        assert_in_range(end - first, 1, before);
        before = end - first;
        n_single += before == 1;
    }
    assert_int_equal(first, MOST_TILES);
    assert_in_range(n_single, 3, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tile_is_dealt_once),
        cmocka_unit_test(pieces_become_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
