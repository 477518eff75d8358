/* Ranks by MPI. Traffic is small: numbers of tiles, counts, one map of what is done. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "comm.h"

#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nessmap/nessmap.h"

enum {
    TAG_NEWS = 1,
    TAG_ORDER = 2,
    SENTENCE_BYTES = 4096,
    MOST_AT_ONCE = 1 << 30,
    LAST_NAPS = 100
};

static int rank, n_ranks = 1;
static int is_own; /* MPI was begun here, and is ended here */

static void nap(void)
{
    const struct timespec time = {.tv_nsec = 1000000};
    nanosleep(&time, NULL);
}

/* Waits without a busy core: others may compute on it. */
static void finish(MPI_Request *request)
{
    int is_done = 0;
    for (MPI_Test(request, &is_done, MPI_STATUS_IGNORE); !is_done;
         MPI_Test(request, &is_done, MPI_STATUS_IGNORE)) {
        nap();
    }
}

/* A process that no launcher started needs no MPI, and on some clusters could not begin it. */
static int is_launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "PMI_RANK",
                                        "MV2_COMM_WORLD_SIZE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (getenv(names[i])) {
            return 1;
        }
    }
    return 0;
}

/* One rank is all there is, whatever Slurm has started. */
static nm_status check_alone(void)
{
    const char *text = getenv("SLURM_STEP_ID") ? getenv("SLURM_STEP_NUM_TASKS") : NULL;
    int n_tasks = text ? atoi(text) : 1;
    if (n_tasks > 1) {
        return nm_fail(
            NM_USAGE,
            "%d processes were started together, but MPI knows of one, so each would do the whole "
            "scan: tell "
            "srun which MPI this is (srun --mpi=pmix; `srun --mpi=list` tells which it knows)",
            n_tasks);
    }
    return NM_OK;
}

nm_status nm_ranks_begin(int is_shard)
{
    int is_begun, level;
    MPI_Initialized(&is_begun);
    if (!is_begun && (is_shard || !is_launched())) {
        return is_shard ? NM_OK : check_alone();
    }
    if (!is_begun) {
        MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
        is_own = 1;
    } else {
        MPI_Query_thread(&level);
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
    if (n_ranks == 1) {
        NM_TRY(check_alone());
    }
    if (level < MPI_THREAD_SERIALIZED) {
        return nm_fail(NM_USAGE, "this MPI does not let more than one thread call it; nessmap "
                                 "needs MPI_THREAD_SERIALIZED");
    }
    if (is_shard && n_ranks > 1) {
        return nm_comm_agree(
            nm_fail(NM_USAGE,
                    "--shard: these %d ranks share the tiles among themselves; leave --shard out, "
                    "or start one process a shard",
                    n_ranks));
    }
    return NM_OK;
}

void nm_ranks_end(void)
{
    if (is_own) {
        nm_comm_wait();
        MPI_Finalize();
        is_own = 0;
        /* a launcher ends the others at the first exit code that is not 0: rank 0's comes last */
        for (int i = 0; rank == 0 && n_ranks > 1 && i < LAST_NAPS; i++) {
            nap();
        }
    }
    rank = 0;
    n_ranks = 1;
}

int nm_rank(void)
{
    return rank;
}

nm_status nm_ranks_agree(nm_status status)
{
    return nm_comm_agree(status);
}

int nm_comm_rank(void)
{
    return rank;
}

int nm_comm_size(void)
{
    return n_ranks;
}

int nm_comm_cores(void)
{
    if (n_ranks == 1) {
        return 0;
    }
    MPI_Comm node;
    int n_here, n_sharing = 0;
    cpu_set_t mine;
    CPU_ZERO(&mine);
    sched_getaffinity(0, sizeof mine, &mine);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &n_here);
    cpu_set_t *theirs = calloc((size_t)n_here, sizeof *theirs);
    if (theirs) {
        MPI_Allgather(&mine, sizeof mine, MPI_BYTE, theirs, sizeof mine, MPI_BYTE, node);
        for (int i = 0; i < n_here; i++) {
            cpu_set_t both;
            CPU_AND(&both, &mine, &theirs[i]);
            n_sharing += CPU_COUNT(&both) > 0;
        }
    }
    free(theirs);
    MPI_Comm_free(&node);
    int n = n_sharing > 0 ? CPU_COUNT(&mine) / n_sharing : 1;
    return n > 0 ? n : 1;
}

nm_status nm_comm_agree(nm_status status)
{
    if (n_ranks == 1) {
        return status;
    }
    nm_comm_wait();
    int first = status == NM_OK ? INT_MAX : rank, lowest;
    MPI_Allreduce(&first, &lowest, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (lowest == INT_MAX) {
        return NM_OK;
    }
    struct {
        int status;
        char sentence[SENTENCE_BYTES];
    } failure = {.status = status};
    if (rank == lowest) {
        snprintf(failure.sentence, sizeof failure.sentence, "%s", nm_last_error());
    }
    MPI_Bcast(&failure, sizeof failure, MPI_BYTE, lowest, MPI_COMM_WORLD);
    return lowest == 0
               ? nm_fail((nm_status)failure.status, "%s", failure.sentence)
               : nm_fail((nm_status)failure.status, "rank %d: %s", lowest, failure.sentence);
}

void nm_comm_share(void *data, int64_t n_bytes)
{
    for (int64_t at = 0; n_ranks > 1 && at < n_bytes; at += MOST_AT_ONCE) {
        int64_t n = n_bytes - at < MOST_AT_ONCE ? n_bytes - at : MOST_AT_ONCE;
        MPI_Request request;
        MPI_Ibcast((char *)data + at, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
        finish(&request);
    }
}

void nm_comm_sum(int64_t *numbers, int n)
{
    if (n_ranks > 1) {
        nm_comm_wait();
        MPI_Allreduce(MPI_IN_PLACE, numbers, n, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    }
}

void nm_comm_wait(void)
{
    if (n_ranks > 1) {
        MPI_Request request;
        MPI_Ibarrier(MPI_COMM_WORLD, &request);
        finish(&request);
    }
}

void nm_comm_report(nm_comm_order *order, const nm_comm_news *news)
{
    MPI_Request request;
    MPI_Irecv(order, sizeof *order, MPI_BYTE, 0, TAG_ORDER, MPI_COMM_WORLD, &request);
    MPI_Send(news, sizeof *news, MPI_BYTE, 0, TAG_NEWS, MPI_COMM_WORLD);
    finish(&request);
}

int nm_comm_serve(nm_comm_news *news)
{
    int is_there;
    MPI_Status from;
    MPI_Iprobe(MPI_ANY_SOURCE, TAG_NEWS, MPI_COMM_WORLD, &is_there, &from);
    if (!is_there) {
        return 0;
    }
    MPI_Recv(news, sizeof *news, MPI_BYTE, from.MPI_SOURCE, TAG_NEWS, MPI_COMM_WORLD, &from);
    return from.MPI_SOURCE;
}

void nm_comm_answer(int to, const nm_comm_order *order)
{
    MPI_Send(order, sizeof *order, MPI_BYTE, to, TAG_ORDER, MPI_COMM_WORLD);
}

void nm_comm_describe(char *text, size_t n_bytes)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    MPI_Get_library_version(version, &length);
    version[strcspn(version, ",\n")] = '\0';
    snprintf(text, n_bytes, "by mpirun or srun (%s)", version);
}
