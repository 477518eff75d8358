/* Which of the processes that one launcher started on this node this is. */
#ifndef NESSMAP_LOCAL_RANK_H
#define NESSMAP_LOCAL_RANK_H

/* Asks the environment that Open MPI, MPICH, Intel MPI, MVAPICH, Cray PMI and Slurm's srun give
 * their processes. rank: from 0; n_ranks: on this node, 2 or more.
 * returns 0 where no launcher is known to have started several here. */
int nm_local_rank(int *rank, int *n_ranks);

#endif
