/* One rank: the program was built without MPI. */
#include "comm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nessmap/nessmap.h"

/* how many processes a launcher has started, or 1 */
static int count_processes(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"};
    const char *text = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !text; i++) {
        text = getenv(names[i]);
    }
    /* a batch script has SLURM_NTASKS too, but only srun's processes belong to a step */
    if (!text && getenv("SLURM_STEP_ID") && getenv("SLURM_PROCID")) {
        text = getenv("SLURM_STEP_NUM_TASKS");
    }
    return text ? atoi(text) : 1;
}

nm_status nm_ranks_begin(int is_shard)
{
    int n = count_processes();
    if (n > 1 && !is_shard) {
        return nm_fail(NM_USAGE,
                       "%d processes were started together, but this nessmap was built without "
                       "MPI, so each would do the "
                       "whole scan: build it with -DNESSMAP_MPI=ON, or give each its --shard I/%d",
                       n, n);
    }
    return NM_OK;
}

void nm_ranks_end(void) {}

int nm_rank(void)
{
    return 0;
}

nm_status nm_ranks_agree(nm_status status)
{
    return status;
}

int nm_comm_rank(void)
{
    return 0;
}

int nm_comm_size(void)
{
    return 1;
}

int nm_comm_cores(void)
{
    return 0;
}

nm_status nm_comm_agree(nm_status status)
{
    return status;
}

void nm_comm_share(void *data, int64_t n_bytes)
{
    (void)data;
    (void)n_bytes;
}

void nm_comm_sum(int64_t *numbers, int n)
{
    (void)numbers;
    (void)n;
}

void nm_comm_wait(void) {}

void nm_comm_report(nm_comm_order *order, const nm_comm_news *news)
{
    (void)news;
    memset(order, 0, sizeof *order);
}

int nm_comm_serve(nm_comm_news *news)
{
    (void)news;
    return 0;
}

void nm_comm_answer(int rank, const nm_comm_order *order)
{
    (void)rank;
    (void)order;
}

void nm_comm_describe(char *text, size_t n_bytes)
{
    snprintf(text, n_bytes, "one: built without MPI");
}
