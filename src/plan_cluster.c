/* How long a scan takes on many ranks: the arithmetic of plan_cluster.h. */
#include "plan_cluster.h"

#include <math.h>

static const double wanted_s = 600.0, least_efficiency = 0.5;

static int64_t quotient_up(int64_t n, int64_t by)
{
    return (n - 1) / by + 1;
}

static void add_parts(nm_cluster_time *time, const nm_cluster *cluster, int64_t n_ranks)
{
    int64_t n_most = quotient_up(cluster->n_tiles, n_ranks * cluster->n_threads);
    double tiles_s = (double)(n_most - 1) * cluster->tile_s + cluster->slow_tile_s;
    double share = (double)n_most * cluster->n_threads / (double)cluster->n_tiles;
    int is_beside = n_ranks == 1 && cluster->grows;
    double written = cluster->journal_bytes + (is_beside ? cluster->file_bytes : 0.0);
    double journal_s = (share < 1.0 ? share : 1.0) * written / NM_CLUSTER_WRITE_RATE;

    time->start = NM_CLUSTER_START_S + NM_CLUSTER_RANK_S * (double)n_ranks;
    time->compute = tiles_s > journal_s ? tiles_s : journal_s;
    time->file = is_beside ? 0.0
                           : cluster->journal_bytes / NM_CLUSTER_SCAN_RATE +
                                 cluster->file_bytes / cluster->file_rate;
    time->total = time->start + time->compute + time->file;
}

void nm_cluster_estimate(nm_cluster_time *time, const nm_cluster *cluster, int64_t n_ranks)
{
    nm_cluster_time alone;
    add_parts(&alone, cluster, 1);
    add_parts(time, cluster, n_ranks);
    time->efficiency = alone.total / ((double)n_ranks * time->total);
}

int64_t nm_cluster_fed(const nm_cluster *cluster)
{
    return quotient_up(cluster->n_tiles, cluster->n_threads);
}

int64_t nm_cluster_useful(const nm_cluster *cluster)
{
    int64_t n_most = nm_cluster_fed(cluster), n_useful = 1;
    nm_cluster_time time;
    for (int64_t n = 2; n <= n_most && n <= NM_CLUSTER_MOST_RANKS; n++) {
        nm_cluster_estimate(&time, cluster, n);
        n_useful = time.efficiency >= least_efficiency ? n : n_useful;
    }
    return n_useful;
}

int64_t nm_cluster_sensible(const nm_cluster *cluster)
{
    int64_t n_useful = nm_cluster_useful(cluster);
    nm_cluster_time time;
    for (int64_t n = 1; n < n_useful; n *= 2) {
        nm_cluster_estimate(&time, cluster, n);
        if (time.total <= wanted_s) {
            return n;
        }
    }
    return n_useful;
}

double nm_cluster_limit(double total_s)
{
    return 60.0 * ceil((2.0 * total_s + 300.0) / 60.0);
}
