/* A design as SALib's problem dictionary. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "salib.h"

#include <stdio.h>

/* what SALib calls a distribution, and the two or three numbers that it wants */
static void print_bounds(FILE *stream, const nm_random *random)
{
    fprintf(stream, "[%.17g, %.17g", random->a, random->b);
    if (random->dist == NM_DIST_TRIANGULAR) { /* the peak as a share */
        fprintf(stream, ", %.17g", (random->c - random->a) / (random->b - random->a));
    }
    fputc(']', stream);
}

nm_status nm_salib_problem(char **text, const nm_plan *plan)
{
    static const char *const dists[] = {"unif", "logunif", "norm", "lognorm", "triang"};
    const nm_draw *draw = &plan->task.draw;
    size_t bytes;
    *text = NULL;
    FILE *stream = open_memstream(text, &bytes);
    if (!stream) {
        return nm_fail(NM_MEMORY, "no memory for the description of a design");
    }
    fprintf(stream, "{\"num_vars\": %d, \"names\": [", draw->n_random);
    for (int i = 0; i < draw->n_random; i++) {
        fprintf(stream, "%s\"%s\"", i ? ", " : "", plan->model->params[draw->random[i].param].name);
    }
    fputs("], \"bounds\": [", stream);
    for (int i = 0; i < draw->n_random; i++) {
        fputs(i ? ", " : "", stream);
        print_bounds(stream, &draw->random[i]);
    }
    fputs("], \"dists\": [", stream);
    for (int i = 0; i < draw->n_random; i++) {
        fprintf(stream, "%s\"%s\"", i ? ", " : "", dists[draw->random[i].dist]);
    }
    fputs("]}", stream);
    return fclose(stream) == 0 ? NM_OK
                               : nm_fail(NM_MEMORY, "no memory for the description of a design");
}
