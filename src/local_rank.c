/* Finds the rank on this node in what launchers put into the environment. */
#include "local_rank.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* rank and number of ranks on a node, by launcher */
static const char *const variables[][2] = {
    {"OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"}, /* Open MPI, PRRTE */
    {"MPI_LOCALRANKID", "MPI_LOCALNRANKS"},                       /* MPICH's and Intel's Hydra */
    {"MV2_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_SIZE"},   /* MVAPICH */
    {"PMI_LOCAL_RANK", "PMI_LOCAL_SIZE"},                         /* Cray */
};

/* a whole number of 0 or more at the start of a text; *end: behind it. returns -1 for none */
static int read_number(const char *text, const char **end)
{
    char *behind;
    errno = 0;
    long value = text && text[0] >= '0' && text[0] <= '9' ? strtol(text, &behind, 10) : -1;
    if (value < 0 || value > INT_MAX || errno != 0) {
        return -1;
    }
    *end = behind;
    return (int)value;
}

static int read_variable(const char *name)
{
    const char *end, *text = getenv(name);
    int value = read_number(text, &end);
    return value >= 0 && *end == '\0' ? value : -1;
}

/* "4(x2),3": item number `node` of 4, 4, 3. returns -1 where there is none */
static int read_tasks(const char *text, int node)
{
    while (text && *text) {
        int n_nodes = 1, n_tasks = read_number(text, &text);
        if (n_tasks < 0) {
            return -1;
        }
        if (strncmp(text, "(x", 2) == 0) {
            n_nodes = read_number(text + 2, &text);
            if (n_nodes < 0 || *text != ')') {
                return -1;
            }
            text++;
        }
        if (node < n_nodes) {
            return n_tasks;
        }
        node -= n_nodes;
        text += *text == ',';
    }
    return -1;
}

int nm_local_rank(int *rank, int *n_ranks)
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        *rank = read_variable(variables[i][0]);
        *n_ranks = read_variable(variables[i][1]);
        if (*rank >= 0 && *n_ranks > 1) {
            return 1;
        }
    }
    /* a batch script has SLURM_LOCALID too, but only srun's processes belong to a step */
    int node = read_variable("SLURM_NODEID");
    *rank = read_variable("SLURM_LOCALID");
    *n_ranks = read_tasks(getenv("SLURM_STEP_TASKS_PER_NODE"), node < 0 ? 0 : node);
    return *rank >= 0 && *n_ranks > 1;
}
