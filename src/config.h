/* A scan as its TOML file says it: checked for form, not yet for the model. */
#ifndef NESSMAP_CONFIG_H
#define NESSMAP_CONFIG_H

#include <stdint.h>

#include "diag.h"

/* What holds where a configuration says nothing. Names:
 * NM_DEFAULT_<TABLE>_<KEY>. */
#define NM_DEFAULT_DESIGN_KIND             "grid"
#define NM_DEFAULT_DESIGN_LEVELS           6
#define NM_DEFAULT_DESIGN_PROBES           16384
#define NM_DEFAULT_DESIGN_TOLERANCE        1e-10 /* share of an axis */
#define NM_DEFAULT_DESIGN_CLASS            "outcome"
#define NM_DEFAULT_DESIGN_CELLS            64 /* of an axis that is refined */
#define NM_DEFAULT_SOLVER_MODE             "auto"
#define NM_DEFAULT_SOLVER_AUDIT            0.01 /* share of points */
#define NM_DEFAULT_SOLVER_STARTS           1
#define NM_DEFAULT_SOLVER_RTOL             1e-3
#define NM_DEFAULT_OUTPUT_PRECISION        32 /* bits */
#define NM_DEFAULT_OUTPUT_COMPRESSION      0  /* deflate level */
#define NM_DEFAULT_REDUCE_KIND             "full"
#define NM_DEFAULT_STOCHASTIC_TRAJECTORIES 1000
#define NM_DEFAULT_STOCHASTIC_BIN          0.5   /* k_B */
#define NM_DEFAULT_LIMITS_MAX_FAILED       0.001 /* share of points */

/* Where a key was said: a line of the file (line > 0), an override of the command line (line = 0),
 * or nowhere: its default holds (line = -1). */
typedef struct nm_where {
    int line;
} nm_where;

/* A value as written: a number, or a text with a unit ("5.4 mmol/L") or an expression
 * ("150 - K_o"). Numbers are finite; a text with a unit begins with a number, and a text without a
 * unit ("5.4") has become a number. */
typedef struct nm_quantity {
    double number;
    char *text; /* NULL where a bare number was given */
    nm_where where;
} nm_quantity;

typedef struct nm_named_quantity {
    char *name;
    nm_quantity value;
} nm_named_quantity;

typedef struct nm_config_axis {
    char *name;
    int64_t n;            /* number of values, 1 or more */
    int is_log;           /* -1 where not said: the model decides */
    nm_quantity min, max; /* used where values is NULL */
    nm_quantity *values;  /* [n] listed values, or NULL */
    nm_where where;
} nm_config_axis;

/* The quantities that the distribution does not need have where.line = -1. */
typedef struct nm_config_random {
    char *name, *dist; /* dist: uniform, loguniform, normal, lognormal, triangular */
    nm_quantity min, max, mean, sd, mode;
    nm_where where;
} nm_config_random;

/* What is kept of many points. */
typedef struct nm_config_reduce {
    char *kind;      /* "full", "bins", "summary", "sobol", "morris" */
    int n_variables; /* 0: those of [output] */
    char **variables;
    int n_axes; /* of bins along outputs or parameters; 0: the bins are cells of [[axis]] */
    nm_config_axis *axes; /* min, max, n and scale */
    int n_quantiles;
    double *quantiles; /* rising, each between 0 and 1 */
    nm_where where, kind_where, variables_where;
} nm_config_reduce;

/* Derivatives of outputs by parameters at the steady state. */
typedef struct nm_config_gradients {
    int n_of, n_by; /* of: 0 where none are wanted; by: 0 for every parameter that varies */
    char **of, **by;
    nm_where where, of_where, by_where;
} nm_config_gradients;

/* Trajectories of one molecule of each set. Their window ends with the first of its limits. */
typedef struct nm_config_stochastic {
    int64_t trajectories;  /* of each set; 0: none are wanted */
    nm_quantity time;      /* limit; where.line = -1: none */
    double jumps, entropy; /* limits: mean jumps, mean entropy production [k_B]; infinite: none */
    double bin;            /* width of the bins of entropy production [k_B] */
    char *first_passage;   /* pathway whose turns are timed; NULL: none */
    nm_where where, first_passage_where;
} nm_config_stochastic;

/* No parameter stands in more than one of axes, random, fixed and ties, nor twice in one. */
typedef struct nm_config {
    char *path;  /* of the file; NULL for nm_config_point */
    char *title; /* NULL where there is none */
    char *model;
    nm_where model_where;
    char *preset; /* of the model; NULL: none */
    nm_where preset_where;
    int n_variants;
    nm_named_quantity *variants; /* value.text is the choice; sorted by name */

    char *
        design_kind; /* "grid", "random", "lhs", "sobol", "saltelli", "morris", "table", "refine" */
    int64_t
        design_n; /* draws, or base points (per cell where there are axes); 0: the kind has none */
    uint64_t design_seed;
    int64_t design_replicates; /* independent randomisations that share the n */
    char *design_scramble;     /* "nested", "none" */
    int design_second_order;   /* saltelli: 1 for the rows that second-order indices need */
    char *design_file;         /* counted from the folder of the configuration; NULL: no table */
    char *design_file_given;   /* as written */
    nm_where design_where, design_file_where;
    int64_t design_levels,
        design_probes;            /* refine: refinements, points between the first corners */
    double design_tolerance;      /* refine: width of a bracket, a share of its axis */
    char *design_class;           /* refine: "outcome", "steady", an output; else NULL */
    nm_quantity design_threshold; /* refine: of that output */
    nm_where design_class_where;

    int n_axes, n_random; /* at most NM_MAX_AXES, NM_MAX_RANDOM */
    int n_fixed, n_ties;  /* at most NM_MAX_PARAMS, NM_MAX_TIES */
    nm_config_axis *axes; /* axes, random and ties: in the order of the file */
    nm_config_random *random;
    nm_named_quantity *fixed; /* sorted by name */
    nm_named_quantity *ties;  /* value.text is the expression */

    char *solver_mode; /* "auto" or "follow" */
    double solver_audit, solver_rtol;
    int64_t solver_starts;
    nm_where solver_where;

    int n_variables; /* 0: the default outputs */
    char **variables;
    nm_where variables_where;
    int precision_bits; /* 32 or 64 */
    int compression;    /* deflate level, 0: none */
    nm_config_gradients gradients;
    nm_config_reduce reduce;
    nm_config_stochastic stochastic;

    double max_failed;    /* share of points */
    int64_t memory_bytes; /* 0: automatic */
    nm_where memory_where;
    int64_t device_memory_bytes; /* 0: automatic */

    /* Canonical TOML text of all of the above, defaults included: what the fingerprint covers and
     * the file keeps. No path of this machine. */
    char *resolved;
} nm_config;

/* Reads and checks a TOML file, with `--set` overrides applied in their order ("K_o=5",
 * "axis.K_o.n=512", "variant.pump=rev", "output.variables=V,ell"). A bare name is a parameter and
 * replaces its entry in [fixed], but for "model=..." and "title=..."; a path in "design.file=..."
 * counts from the folder of the configuration, as in the file. returns NM_USAGE with one sentence
 * naming file:line, key, what was found and what would be right; *config is then NULL. */
nm_status nm_config_load(nm_config **config, const char *path, const char *const *overrides,
                         int n_overrides);

/* The same for a text in memory, such as the `resolved` kept in a file. name: what messages call
 * it. */
nm_status nm_config_read(nm_config **config, const char *name, const char *text, size_t bytes,
                         const char *const *overrides, int n_overrides);

/* An empty scan of one default point of `model` with overrides (used by `nessmap point`):
 * parameters, variant.* and solver.* only. */
nm_status nm_config_point(nm_config **config, const char *model, const char *const *overrides,
                          int n_overrides);

/* Takes NULL, and clears the caller's pointer. */
void nm_config_destroy(nm_config **config);

/* Writes "file:line: ", "--set: ", or "file: " for a default, to begin a message. Returns one of
 * four per-thread buffers in turn: valid until the fourth call from here. */
const char *nm_config_at(const nm_config *config, nm_where where);

#endif
