/* The list of backends: which name computes where. */
#include "backend.h"

#include <stdio.h>
#include <string.h>

extern const nm_backend nm_backend_cpu, nm_backend_cuda;

/* in the order in which `auto` tries them */
static const nm_backend *const backends[] = {&nm_backend_cuda, &nm_backend_cpu};
enum { N_BACKENDS = sizeof backends / sizeof backends[0] };

const char *nm_backend_name(int i)
{
    return i < N_BACKENDS ? backends[i]->name : NULL;
}

nm_status nm_backend_choose(const nm_backend **backend, const char *name)
{
    *backend = NULL;
    if (!name || strcmp(name, "auto") == 0) {
        return NM_OK;
    }
    for (int i = 0; i < N_BACKENDS; i++) {
        if (strcmp(name, backends[i]->name) == 0) {
            *backend = backends[i];
            return NM_OK;
        }
    }
    return nm_fail(NM_USAGE, "--backend %s: no such backend; auto, cpu and cuda are known", name);
}

nm_status nm_backend_choose_for(const nm_backend **backend, const nm_plan *plan,
                                const nm_backend_options *options,
                                void (*note)(void *context, const char *sentence), void *context)
{
    nm_status status = NM_OK;
    *backend = NULL;
    for (int i = 0; i < N_BACKENDS && !*backend; i++) {
        int is_absent = 0;
        status = backends[i]->check(plan, options, &is_absent);
        if (status == NM_OK) {
            *backend = backends[i];
        } else if (i + 1 < N_BACKENDS && !is_absent && note) {
            char sentence[1200];
            snprintf(sentence, sizeof sentence, "--backend %s cannot be used: %s; going on with %s",
                     backends[i]->name, nm_last_error(), backends[i + 1]->name);
            note(context, sentence);
        }
    }
    return status;
}

nm_status nm_backend_hand_over(nm_tile_source *source, const nm_plan *plan, int64_t i_tile,
                               void *payload, int64_t n_newton, int64_t n_follow)
{
    nm_tile_report report = {
        .n = nm_plan_tile_points(plan, i_tile), .n_newton = n_newton, .n_follow = n_follow};
    int64_t bytes = nm_plan_tile_bytes(plan, i_tile);
    nm_plan_count_outcomes(report.count, plan, i_tile, payload);
    return source->done(source->context, i_tile, payload, bytes, &report);
}

void nm_backend_describe_all(FILE *stream)
{
    /* the one that every machine has comes first */
    for (int i = N_BACKENDS - 1; i >= 0; i--) {
        backends[i]->describe(stream);
    }
}

void nm_backend_describe_plan(const nm_plan *plan, FILE *stream)
{
    for (int i = N_BACKENDS - 1; i >= 0; i--) {
        if (backends[i]->describe_plan) {
            backends[i]->describe_plan(plan, stream);
        }
    }
}
