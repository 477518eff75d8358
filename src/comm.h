/* The ranks of one run: processes that a launcher (mpirun, srun) started together. One rank where there is no launcher, or
 * where the program was built without MPI.
 *
 * All but nm_comm_report, nm_comm_serve and nm_comm_answer are called by all ranks, in the same order, by the thread that
 * called nm_ranks_begin. A rank that waits sleeps. A rank that dies takes the job down: MPI's default. */
#ifndef NESSMAP_COMM_H
#define NESSMAP_COMM_H

#include <stdint.h>

#include "diag.h"

int nm_comm_rank(void);
int nm_comm_size(void);

/* Cores for this rank: those it may use, shared with the ranks of its node that may use them too. 0 with one rank: all. */
int nm_comm_cores(void);

/* NM_OK where it is so on all ranks; else, on all of them, the failure and the sentence of the lowest rank that has one. */
nm_status nm_comm_agree(nm_status status);

/* rank 0's bytes for all */
void nm_comm_share(void *data, int64_t n_bytes);

/* sums over the ranks, for all */
void nm_comm_sum(int64_t *numbers, int n);

/* until all ranks are here */
void nm_comm_wait(void);

/* What a rank above 0 tells rank 0 while tiles are computed, and what it is answered. */
typedef struct nm_comm_news {
    int64_t n;                    /* points done since the last news, */
    int64_t count[NM_N_OUTCOMES]; /* and by outcome */
    int64_t wants_tiles;          /* 1: it has none left */
    int64_t must_stop;            /* 1: interrupted or failed: all shall stop */
    int64_t is_last;              /* 1: it computes no more */
} nm_comm_news;

typedef struct nm_comm_order {
    int64_t first, end; /* tiles to compute, first == end for none */
    int64_t must_stop;
} nm_comm_order;

/* Rank above 0, one thread at a time: tells rank 0, waits for its answer. */
void nm_comm_report(nm_comm_order *order, const nm_comm_news *news);

/* Rank 0, one thread: news that wait. returns the rank they are from, 0 where there are none. */
int nm_comm_serve(nm_comm_news *news);
void nm_comm_answer(int rank, const nm_comm_order *order);

/* "without MPI", or which one */
void nm_comm_describe(char *text, size_t n_bytes);

#endif
