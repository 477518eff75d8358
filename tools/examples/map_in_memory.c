/* Maps a model, maybe of your own, from a C program: solves a scan of two axes in memory, prints its classes as text.
 *   cc map_in_memory.c $(pkg-config --cflags --libs nessmap) -o map_in_memory
 *   ./map_in_memory SCAN.toml [KEY=VALUE ...]      SCAN.toml may have a line model = "./my_cell.c" */
#include <nessmap/nessmap.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const nm_sampler_column *input = NULL;
    nm_sampler *sampler = NULL;
    nm_scan *scan = NULL;
    nm_status status = nm_scan_open(&scan, argc > 1 ? argv[1] : "", (const char *const *)argv + 2, argc > 2 ? argc - 2 : 0);
    if (status == NM_OK) {
        status = nm_sampler_open(&sampler, scan, NULL, 0, 0);
    }
    int n_inputs = status == NM_OK ? nm_sampler_columns(&input, sampler, NM_SAMPLER_INPUTS) : 0;
    int64_t n = n_inputs == 2 ? nm_sampler_n_points(sampler) : 0, width = 1;
    double *at = calloc((size_t)n + 1, 2 * sizeof *at); /* [n][2]: inputs in the order of the model */
    int8_t *outcome = calloc((size_t)n + 1, 1);         /* [n]: the first axis of the scan is the slowest */
    if (n > 1 && at && outcome) {
        status = nm_sampler_points(sampler, &(nm_sample){.is_f64 = 1, .inputs = at, .outcome = outcome}, 0, n);
        int x = at[0] == at[2], y = !x; /* the input that runs along a line of the map, and the one that runs up */
        for (; width < n && at[2 * width + y] == at[y]; width++) {}
        for (int64_t first = status == NM_OK ? n - width : -1; first >= 0; first -= width) {
            for (int64_t i = first; i < first + width; i++) {
                putchar("=.~u^v!?"[outcome[i]]); /* equilibrium, NESS, oscillates, unstable, grows, runs out, failed */
            }
            printf("  %s %.3g %s\n", input[y].name, at[2 * first + y], input[y].unit);
        }
        printf("%s from %.3g to %.3g %s\n", input[x].name, at[x], at[2 * n - 2 + x], input[x].unit);
    }
    if (status != NM_OK || width == 1) {
        fprintf(stderr, "map_in_memory: %s\n", status != NM_OK ? nm_error() : "a scan of two axes is wanted");
    }
    free(outcome);
    free(at);
    nm_sampler_close(&sampler);
    nm_scan_close(&scan);
    return status == NM_OK && width == 1 ? 2 : nm_exit_status(status);
}
