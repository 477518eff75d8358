/* One parameter set of any compiled model by names: set, solve, read outputs. For tests. */
#ifndef NESSMAP_TESTS_PROBE_H
#define NESSMAP_TESTS_PROBE_H

#ifdef __cplusplus
extern "C" {
#endif

#include "nessmap/model_abi.h"

enum { NM_PROBE_MAX = 64 }; /* parameters set at once */

typedef struct nm_probe {
    const nm_model *model;
    int lanes;     /* 0: the widest */
    uint64_t seed; /* of random starts */
    nm_solver solver;
    int choice[NM_MAX_VARIANTS];
    double param[NM_MAX_PARAMS];
    /* answer */
    int outcome;
    unsigned flags;
    double value[NM_MAX_OUTPUTS];
} nm_probe;

/* Defaults of the model; mode auto, one start, no audit, rtol 1e-6. */
void nm_probe_begin(nm_probe *probe, const nm_model *model);

/* Sets parameters and variants from text "g_Na=0.1 pump=rev ...". Fails the test on an unknown name. */
void nm_probe_set(nm_probe *probe, const char *text);
void nm_probe_set_number(nm_probe *probe, const char *name, double value);

/* Solves the set. */
void nm_probe_run(nm_probe *probe);

/* Output `name` of the last run; fails the test where there is none. */
double nm_probe_value(const nm_probe *probe, const char *name);

/* |closure| / (all power that is supplied and dissipated), 0 where nothing is */
double nm_probe_closure(const nm_probe *probe);

const char *nm_probe_outcome(int outcome);

#ifdef __cplusplus
}
#endif
#endif
