/* Calls a kernel once, for the first sets of a scan: what tools/count_instructions counts.
 *
 *   nessmap_count CONFIG SETS [KEY=VALUE...] */
#include <stdio.h>
#include <stdlib.h>

#include "backend.h"
#include "plan.h"
#include "scan.h"

static nm_status solve(const nm_plan *plan, int64_t n_sets)
{
    const nm_kernel *kernel;
    NM_TRY(nm_backend_cpu_kernel(&kernel, plan->model, 1));
    void *results = malloc((size_t)nm_plan_points_bytes(plan, n_sets));
    nm_tile tile;
    int code = 1;
    if (results) {
        nm_plan_map_points(plan, &tile, 0, n_sets, results);
        code = kernel->run(&plan->task, &tile);
    }
    free(results);
    return code == 0 ? NM_OK : nm_fail(NM_MEMORY, "no memory for %lld sets", (long long)n_sets);
}

int main(int argc, char **argv)
{
    int64_t n_sets = argc > 2 ? atoll(argv[2]) : 0;
    if (n_sets <= 0) {
        fprintf(stderr, "nessmap_count: CONFIG SETS [KEY=VALUE...]\n");
        return 2;
    }
    nm_scan *scan = NULL;
    nm_plan *plan = NULL;
    nm_status status = nm_scan_open(&scan, argv[1], (const char *const *)argv + 3, argc - 3);
    if (status == NM_OK) {
        status = nm_plan_build(&plan, scan->config, scan->model, "cpu");
    }
    if (status == NM_OK) {
        status = solve(plan, n_sets);
    }
    if (status != NM_OK) {
        fprintf(stderr, "nessmap_count: %s\n", nm_last_error());
    }
    nm_plan_destroy(&plan);
    nm_scan_close(&scan);
    return status != NM_OK;
}
