/* Blocks first, then guided self-scheduling: pieces of a share of what is left (Polychronopoulos & Kuck 1987). */
#include "deal.h"

enum {
    TAIL_SHARE = 4, /* one tile in so many is dealt late */
    PIECES = 2      /* a piece is this part of an even share of what is left */
};

/* the tile at which wanted tile number `n` is found, counted from `first` */
static int64_t find(const nm_deal *deal, int64_t first, int64_t n)
{
    int64_t i = first;
    for (; i < deal->n_tiles; i++) {
        if (deal->wants(deal->context, i) && n-- == 0) {
            break;
        }
    }
    return i;
}

void nm_deal_begin(nm_deal *deal, int64_t n_tiles, int rank, int n_ranks, nm_deal_wants wants,
                   void *context)
{
    *deal = (nm_deal){.wants = wants,
                      .context = context,
                      .n_ranks = n_ranks,
                      .end = n_tiles,
                      .tail = n_tiles,
                      .n_tiles = n_tiles};
    if (n_ranks == 1) {
        return;
    }
    int64_t n_wanted = 0;
    for (int64_t i = 0; i < n_tiles; i++) {
        n_wanted += wants(context, i) != 0;
    }
    const int64_t n_static = n_wanted - n_wanted / TAIL_SHARE;
    const int64_t n_before = n_static * rank / n_ranks, n_until = n_static * (rank + 1) / n_ranks;
    deal->next = find(deal, 0, n_before);
    deal->end = find(deal, deal->next, n_until - n_before);
    deal->tail = find(deal, deal->end, n_static - n_until);
    deal->n_in_tail = n_wanted - n_static;
}

int64_t nm_deal_next(nm_deal *deal)
{
    while (deal->next < deal->end) {
        const int64_t i = deal->next++;
        if (deal->wants(deal->context, i)) {
            return i;
        }
    }
    return -1;
}

void nm_deal_cut(nm_deal *deal, int64_t *first, int64_t *end)
{
    *first = *end = deal->tail;
    if (deal->n_in_tail > 0) {
        int64_t n = deal->n_in_tail / (PIECES * deal->n_ranks);
        n = n > 0 ? n : 1;
        *end = deal->tail = find(deal, *first, n);
        deal->n_in_tail -= n;
    }
}

void nm_deal_take(nm_deal *deal, int64_t first, int64_t end)
{
    deal->next = first;
    deal->end = end;
}
