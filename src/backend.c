/* The list of backends: which name computes where. */
#include "backend.h"

#include <string.h>

extern const nm_backend nm_backend_cpu, nm_backend_cuda;

static const nm_backend *const backends[] = {&nm_backend_cpu, &nm_backend_cuda};
enum { N_BACKENDS = sizeof backends / sizeof backends[0] };

nm_status nm_backend_choose(const nm_backend **backend, const char *name)
{
    *backend = NULL;
    if (!name || strcmp(name, "auto") == 0) {
        /* the last that is there: a device before the processor */
        for (int i = N_BACKENDS - 1; i >= 0 && !*backend; i--) {
            if (backends[i]->run) {
                *backend = backends[i];
            }
        }
        return NM_OK;
    }
    for (int i = 0; i < N_BACKENDS; i++) {
        if (strcmp(name, backends[i]->name) == 0) {
            if (!backends[i]->run) {
                return nm_fail(NM_DEVICE,
                               "--backend %s: this build has no CUDA host side yet; --backend cpu "
                               "runs everywhere",
                               name);
            }
            *backend = backends[i];
            return NM_OK;
        }
    }
    return nm_fail(NM_USAGE, "--backend %s: no such backend; auto, cpu and cuda are known", name);
}

nm_status nm_backend_hand_over(nm_tile_source *source, const nm_plan *plan, int64_t i_tile,
                               const void *payload, int64_t n_newton, int64_t n_follow)
{
    nm_tile_report report = {
        .n = nm_plan_tile_points(plan, i_tile), .n_newton = n_newton, .n_follow = n_follow};
    int64_t bytes = nm_plan_tile_bytes(plan, i_tile);
    const int8_t *outcome = (const int8_t *)payload + bytes - report.n;
    for (int64_t i = 0; i < report.n; i++) {
        report.n_failed +=
            outcome[i] == NM_OUTCOME_not_converged || outcome[i] == NM_OUTCOME_left_domain;
    }
    return source->done(source->context, i_tile, payload, bytes, &report);
}

void nm_backend_describe_all(FILE *stream)
{
    for (int i = 0; i < N_BACKENDS; i++) {
        backends[i]->describe(stream);
    }
}
