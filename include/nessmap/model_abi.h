/* What a compiled model and the host say to each other: plain structs, no code.
 *
 * A compiled model is one `nm_model`: tables of names and texts, and a few functions. The host never
 * includes a kernel; it knows a model only through this file. Arrays are field-major ([field][point]).
 * Units are SI; quantities of a cell are per m2 of membrane. */
#ifndef NESSMAP_MODEL_ABI_H
#define NESSMAP_MODEL_ABI_H

#ifndef __CUDACC_RTC__
#include <stdint.h>
#else
typedef signed char int8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#endif

#include "nessmap/status.h"

enum {
    NM_ABI = 11,          /* raised with every change of this file, and of the bits of draws or results */
    NM_MAX_PARAMS = 96,  /* parameters of a model */
    NM_MAX_VARIANTS = 8, /* variants of a model */
    NM_MAX_AXES = 8,     /* gridded parameters of a scan */
    NM_MAX_RANDOM = 64,  /* drawn parameters of a scan */
    NM_MAX_TIES = 16,    /* tied parameters of a scan */
    NM_MAX_TERMS = 8,    /* parameters in one tie */
    NM_MAX_OUTPUTS = 1024, /* outputs of a model */
    NM_MAX_GRADIENTS = 1024 /* derivatives that a scan stores */
};

/* --- what a model is: tables, each row as its file says it ------------------------------------ */

typedef struct nm_param_info {
    const char *name, *unit;
    double dflt, low, high; /* default and the suggested range of a scan, in `unit` */
    int is_log;             /* 1: the range is best scanned in logarithms */
    const char *text;
} nm_param_info;

typedef struct nm_variant_info {
    const char *name;
    int n_choices;
    const char *const *choices; /* choice 0 is the default */
} nm_variant_info;

typedef struct nm_compartment_info {
    const char *name;
    const char *volume;    /* name of its water volume / membrane area, or NULL where fixed */
    const char *potential; /* name of its potential, or NULL where it is ground */
    const char *text;
} nm_compartment_info;

typedef enum nm_species_kind { NM_SPECIES_FREE, NM_SPECIES_TRAPPED, NM_SPECIES_WATER, NM_SPECIES_HELD } nm_species_kind;

typedef struct nm_species_info {
    const char *name;
    nm_species_kind kind;
    const char *charge; /* as written */
    int compartment;
    const char *value; /* as written: initial concentration, amount, initial volume or held value */
    const char *text;
    int partner; /* index of the same solute elsewhere (Na_i: Na_o), or -1 */
} nm_species_info;

typedef struct nm_fuel_info {
    const char *name, *energy; /* `energy`: the expression of its free energy, J mol-1 */
    const char *text;
} nm_fuel_info;

typedef struct nm_total_info {
    const char *name, *expression;
    int species; /* whose balance it replaces */
    const char *text;
} nm_total_info;

typedef struct nm_path_info {
    const char *name, *from, *to, *law, *text;
    int is_fueled; /* a fuel stands on one of its sides */
} nm_path_info;

typedef struct nm_observable_info {
    const char *name, *unit, *text;
} nm_observable_info;

typedef struct nm_preset_info {
    const char *name, *settings; /* NAME=VALUE words, of variants and parameters */
    const char *text;
} nm_preset_info;

/* Output families, in the order in which output numbers are given out.
 * family(tag, counted by, prefix, suffix source, unit, text); unit "N" stands for the amount per extent
 * (mol m-2 of a cell, mol m-3 of a flask), see nm_model.extent. */
/* clang-format off */
#define NM_FAMILY_LIST(family)                                                                              \
    family(potential,   potentials,  "",         "V",                  "electric potential against ground")     \
    family(volume,      volumes,     "",         "m",                  "water volume per membrane area")        \
    family(conc,        species,     "",         "mol m-3",            "concentration")                         \
    family(E,           pairs,       "E_",       "V",                  "Nernst potential")                      \
    family(dmu,         pairs,       "dmu_",     "J mol-1",            "electrochemical potential difference, in - out") \
    family(dmu_chem,    pairs,       "dmu_chem_","J mol-1",            "chemical part of the electrochemical potential difference") \
    family(dmu_el,      pairs,       "dmu_el_",  "J mol-1",            "electrical part of the electrochemical potential difference") \
    family(J,           paths,       "J_",       "mol EXTENT s-1",     "net flux, from -> to (outward)")        \
    family(Jout,        paths,       "Jout_",    "mol EXTENT s-1",     "one-way flux, from -> to (outward)")    \
    family(Jin,         paths,       "Jin_",     "mol EXTENT s-1",     "one-way flux, to -> from (inward)")     \
    family(exch,        paths,       "exch_",    "mol EXTENT s-1",     "exchange flux sqrt(Jout Jin)")          \
    family(A,           paths,       "A_",       "J mol-1",            "affinity")                              \
    family(Tsigma,      paths,       "Tsigma_",  "W EXTENT",           "dissipation")                           \
    family(P,           fuels,       "P_",       "W EXTENT",           "power supplied by the fuel")            \
    family(A_fuel,      fuels,       "A_",       "J mol-1",            "affinity of the fuel, -dG")             \
    family(Jcyc,        loops,       "Jcyc_",    "mol EXTENT s-1",     "turns of the loop")                     \
    family(Acyc,        loops,       "Acyc_",    "J mol-1",            "affinity of the loop")                  \
    family(scalar,      scalars,     "",         "",                   "")                                      \
    family(V_min,       potentials,  "",         "V",                  "smallest potential of the oscillation") \
    family(V_max,       potentials,  "",         "V",                  "largest potential of the oscillation")  \
    family(rate,        steps,       "rate_",    "s-1",                "net jumps of one molecule")             \
    family(var,         steps,       "var_",     "s-1",                "variance of the net jumps per time, lim Var(n)/t = 2 D") \
    family(fano,        steps,       "fano_",    "1",                  "Fano factor of the net jumps, var / rate") \
    family(tur,         steps,       "tur_",     "1",                  "thermodynamic uncertainty product, var sigma / rate^2: 2 or more") \
    family(walk,        walk_scalars, "",        "",                   "")                                      \
    family(ssa_rate,    steps,       "ssa_rate_", "s-1",               "net jumps of one molecule, simulated")  \
    family(ssa_rate_se, steps,       "ssa_rate_", "s-1",               "standard error of the simulated net jumps") \
    family(ssa_var,     steps,       "ssa_var_", "s-1",                "variance of the net jumps over the window, per time") \
    family(ssa_var_se,  steps,       "ssa_var_", "s-1",                "standard error of the simulated variance") \
    family(ssa_fano,    steps,       "ssa_fano_", "1",                 "Fano factor of the simulated net jumps") \
    family(ssa_fano_se, steps,       "ssa_fano_", "1",                 "standard error of the simulated Fano factor") \
    family(ssa_tur,     steps,       "ssa_tur_", "1",                  "thermodynamic uncertainty product over the window, simulated") \
    family(ssa_tur_se,  steps,       "ssa_tur_", "1",                  "standard error of the simulated product") \
    family(ssa,         ssa_scalars, "",         "",                   "")                                      \
    family(ssa_hist,    ssa_bins,    "ssa_hist_", "1",                 "trajectories by their entropy production")                                    \
    family(ssa_forth,   turns,       "ssa_forth_", "1",                "jumps in a row, in this order")         \
    family(ssa_back,    turns,       "ssa_back_", "1",                 "the same two jumps, reversed in time")  \
    family(observable,  observables, "",         "",                   "")

/* scalar(name, unit, text): outputs that every model has once */
#define NM_SCALAR_LIST(scalar)                                                                              \
    scalar(P_held,       "W EXTENT",      "power supplied by held species and standard free energies")     \
    scalar(P_clamp,      "W EXTENT",      "power supplied by the voltage clamp or the applied current")                           \
    scalar(Tsigma_total, "W EXTENT",      "total dissipation")                                             \
    scalar(sigma_total,  "W EXTENT K-1",  "entropy production")                                            \
    scalar(W_pump,       "W EXTENT",      "useful power of the fuelled pathways")                          \
    scalar(efficiency,   "1",             "useful power / fuel power")                                     \
    scalar(closure,      "W EXTENT",      "power supplied - dissipation - d(stored free energy)/dt: zero")         \
    scalar(F_stored,     "J EXTENT",      "free energy stored in concentration differences")               \
    scalar(F_cap,        "J EXTENT",      "energy stored in membrane capacitances")                        \
    scalar(resid,        "1",             "largest relative residual of a flux balance")                   \
    scalar(delta,        "1",             "last Newton step, an estimate of the relative error")           \
    scalar(a_max,        "1",             "largest |affinity| / RT over active pathways")                  \
    scalar(tau_slow,     "s",             "slowest relaxation time")                                       \
    scalar(tau_fast,     "s",             "fastest relaxation time")                                       \
    scalar(growth_rate,  "m s-1",         "rate of growth of the volume where it grows without end")       \
    scalar(n_states,     "1",             "distinct stable states found from all starts")                  \
    scalar(iterations,   "1",             "solver iterations")
/* clang-format on */

#define NM_SCALAR_ENUM(name, unit, text) NM_SCALAR_##name,
enum { NM_SCALAR_LIST(NM_SCALAR_ENUM) NM_N_SCALARS };
#undef NM_SCALAR_ENUM

/* Of models whose molecules walk at random between states (nm_model.n_walk_states), once each: walk(name, unit, text).
 * Entropy is in units of k_B. */
/* clang-format off */
#define NM_WALK_LIST(walk)                                                                                  \
    walk(sigma_molecule, "s-1",           "entropy production of one molecule, in k_B")                         \
    walk(var_sigma,      "s-1",           "variance of the entropy production of one molecule per time")        \
    walk(activity,       "s-1",           "jumps of one molecule")

/* What trajectories of a configuration's [stochastic] add: ssa(name, unit, text) */
#define NM_SSA_LIST(ssa)                                                                                    \
    ssa(ssa_window,       "s",            "time that each trajectory lasts")                                    \
    ssa(ssa_jumps,        "1",            "mean number of jumps of a trajectory")                               \
    ssa(ssa_sigma,        "s-1",          "entropy production of one molecule, simulated, in k_B")              \
    ssa(ssa_sigma_se,     "s-1",          "standard error of the simulated entropy production")                 \
    ssa(ssa_var_sigma,    "s-1",          "variance of the entropy production over the window, per time")       \
    ssa(ssa_var_sigma_se, "s-1",          "standard error of that variance")                                    \
    ssa(ssa_ift,          "1",            "mean of exp(-entropy production over the window): 1, the integral fluctuation theorem") \
    ssa(ssa_ift_se,       "1",            "standard error of that mean")                                        \
    ssa(ssa_slope,        "1",            "slope of ln P(S)/P(-S) against S: 1, the detailed fluctuation theorem") \
    ssa(ssa_slope_se,     "1",            "standard error of that slope")                                       \
    ssa(ssa_fpt,          "s",            "mean time until a cycle is completed once more, from its completion on") \
    ssa(ssa_fpt_se,       "s",            "standard error of that time")                                        \
    ssa(ssa_fpt_var,      "s2",           "variance of the time until a cycle is completed once more")          \
    ssa(ssa_fpt_var_se,   "s2",           "standard error of that variance")                                    \
    ssa(ssa_fpt_done,     "1",            "share of the cycles that were completed; below 1, their times have no mean")
/* clang-format on */
#define NM_WALK_ENUM(name, unit, text) NM_WALK_##name,
enum { NM_WALK_LIST(NM_WALK_ENUM) NM_N_WALK_SCALARS };
#undef NM_WALK_ENUM
#define NM_SSA_ENUM(name, unit, text) NM_SSA_##name,
enum { NM_SSA_LIST(NM_SSA_ENUM) NM_N_SSA_SCALARS };
#undef NM_SSA_ENUM
/* trajectories by their entropy production: below -16 widths, NM_SSA_BINS - 2 bins of one width each, 16 widths or more */
enum { NM_SSA_BINS = 34 };

/* --- how a parameter set follows from its index ------------------------------------------------ */

typedef enum nm_axis_scale { NM_AXIS_LINEAR, NM_AXIS_LOG, NM_AXIS_LIST } nm_axis_scale;

typedef struct nm_axis {
    int64_t n;
    int32_t scale;        /* nm_axis_scale */
    int32_t param;        /* index of the gridded parameter */
    double low, high;     /* first and last value */
    double log_low, log_span; /* NM_AXIS_LOG: ln low, ln high - ln low, by nm_model.prepare_draw */
    const double *values; /* NM_AXIS_LIST: [n]; else may be a table of all n values, or NULL */
} nm_axis;

typedef enum nm_dist { NM_DIST_UNIFORM, NM_DIST_LOGUNIFORM, NM_DIST_NORMAL, NM_DIST_LOGNORMAL, NM_DIST_TRIANGULAR } nm_dist;

typedef struct nm_random {
    int32_t dist;   /* nm_dist */
    int32_t param;  /* index of the drawn parameter */
    double a, b, c; /* low, high (uniform, loguniform); mean, sd (normal, lognormal: of ln x); low, high, mode */
    double log_low, log_span; /* loguniform: ln a, ln b - ln a, by nm_model.prepare_draw */
} nm_random;

/* how the drawn parameters of a point follow from its number (kernels/sequence.h) */
typedef enum nm_sequence {
    NM_SEQUENCE_RANDOM, /* independent */
    NM_SEQUENCE_LHS,
    NM_SEQUENCE_SOBOL,
    NM_SEQUENCE_SALTELLI,
    NM_SEQUENCE_MORRIS
} nm_sequence;

typedef struct nm_tie { /* p[param] = constant + sum_k coef[k] p[term[k]] */
    int32_t param, n_terms;
    double constant;
    int32_t term[NM_MAX_TERMS];
    double coef[NM_MAX_TERMS];
} nm_tie;

/* Index -> parameters. The first axis is the slowest; `n_draws` draws lie inside each cell of the axes.
 * A pure function of (this struct, index): the same bits for any tiling, any thread, any backend. */
typedef struct nm_draw {
    uint64_t seed;
    int64_t n_points, n_draws;
    int32_t n_params, n_axes, n_random, n_ties, n_columns;
    double value[NM_MAX_PARAMS]; /* fixed values; the others are overwritten */
    nm_axis axis[NM_MAX_AXES];
    nm_random random[NM_MAX_RANDOM];
    int32_t sequence;     /* nm_sequence */
    int32_t group;        /* points that share a base point; n_draws is a multiple */
    int32_t n_replicates; /* independent randomisations, each of n_draws / group / n_replicates base points */
    int32_t is_scrambled;
    uint32_t directions[2 * NM_MAX_RANDOM][32]; /* of Sobol's sequence, for the dimensions that it has */
    nm_tie tie[NM_MAX_TIES];              /* evaluated in this order, after all else */
    int32_t column_param[NM_MAX_PARAMS];  /* table design: parameter of each column */
    const double *column[NM_MAX_PARAMS];  /* [n_points] each */
} nm_draw;

/* --- what to do with a set ---------------------------------------------------------------------- */

typedef enum nm_mode { NM_MODE_AUTO, NM_MODE_FOLLOW } nm_mode;

typedef struct nm_solver {
    int32_t mode;   /* nm_mode */
    int32_t starts; /* number of initial states, 1 or more */
    double audit;   /* share of points that are also solved by following, 0 to 1 */
    double rtol;    /* relative tolerance of following: as of nm_trace */
} nm_solver;

/* --- what is kept of many points ----------------------------------------------------------------- */

/* Trajectories of one molecule of each set (kernels/ssa.h). A window lasts until `time`, or until the steady state has
 * jumped `jumps` times or produced `entropy` in the mean, whichever is first. */
typedef struct nm_stochastic {
    int32_t n_trajectories; /* of each set, below 2^24; 0: none */
    int32_t cycle;          /* pathway whose net count tells the completed cycles; -1: first passages are not wanted */
    double time, jumps, entropy; /* [s], 1, [k_B]; infinite where there is no such limit */
    double bin;             /* width of the bins of entropy production [k_B] */
} nm_stochastic;
enum { NM_MAX_TRAJECTORIES = 1 << 24 };

typedef enum nm_reduce_kind {
    NM_REDUCE_FULL,
    NM_REDUCE_BINS,
    NM_REDUCE_SUMMARY,
    NM_REDUCE_SOBOL, /* variance-based indices, of groups of Saltelli's design */
    NM_REDUCE_MORRIS, /* elementary effects, of groups of Morris's design */
    NM_REDUCE_SCATTER, /* bins along outputs or parameters */
    NM_REDUCE_GIVEN, /* first-order indices from any sample */
    NM_REDUCE_DGSM   /* derivative-based measures: a summary with derivatives */
} nm_reduce_kind;

enum { NM_BLOCK_POINTS = 1024 }; /* points whose statistics are merged as one pairwise tree */
enum { NM_LOCATED = 64 };        /* failed points that a tile names: its lowest */

/* Statistics of one output over the points where it is finite. Merging in a fixed order gives fixed bits: pairwise
 * within blocks of NM_BLOCK_POINTS consecutive points of a cell, then an aligned binary tree over the blocks
 * (kernels/reduce.h). */
typedef struct nm_stat {
    int64_t n;
    double mean, m2, min, max; /* m2: sum of squared differences from the mean; of no points: 0, 0, +inf, -inf */
} nm_stat;

/* What an outcome says beside its values, as numbers 0 and 1: indicator(name, text) */
#define NM_INDICATOR_LIST(indicator)                                                                        \
    indicator(steady, "the point has a steady state, or repeats")                                           \
    indicator(growth, "the volume grows without end")                                                       \
    indicator(depletion, "a species runs out")                                                              \
    indicator(failed, "the point could not be solved, or left the domain")
#define NM_INDICATOR_ENUM(name, text) NM_INDICATOR_##name,
enum { NM_INDICATOR_LIST(NM_INDICATOR_ENUM) NM_N_INDICATORS };
#undef NM_INDICATOR_ENUM

/* Whole numbers that points are sorted into: any order of points gives the same (kernels/project.h). Along each axis
 * stand n bins between n + 1 edges; the last of all bins holds the points that are in none. */
typedef enum nm_kept { /* of each bin */
    NM_KEEP_COUNT,     /* its points */
    NM_KEEP_SUMS,      /* the points of each outcome; of each output the number of values and their sum */
    NM_KEEP_MOMENTS    /* and the sum of the squares, the least and the largest value */
} nm_kept;
enum { NM_MAX_PROJECTED = 3, NM_MAX_QUANTILES = 16 };
typedef struct nm_projected {
    int32_t source; /* a slot of the task, or -1 - k for its stored parameter k */
    int32_t n;      /* bins */
    int64_t edges;  /* where they begin in the table */
} nm_projected;
typedef struct nm_projection {
    int32_t n_axes, keep;
    int64_t n_bins; /* that of no bin included */
    int64_t first;  /* word of the first bin */
    nm_projected axis[NM_MAX_PROJECTED];
} nm_projection;

/* A cell is a run of cell_points consecutive points; a record is nm_stat[n_slots], int64_t[NM_N_OUTCOMES] points of
 * each outcome, int64_t[NM_N_FLAGS] points with each flag, then n_words words of 8 bytes: those of the projections, or,
 * without any, the n_quantiles quantiles of each slot as doubles. Words are added up, from first_extreme on the least is
 * taken; the first n_slots count the values that were too far away to be summed as they are. A tile holds whole cells, or a share of one long cell that
 * starts at a multiple of part_points, a power of two of blocks. Where points are reduced, a task stores its outputs
 * as double, and only those parameters that projections need. Behind the records of a tile stand the indices of its
 * lowest NM_LOCATED failed points, rising, then -1.
 *
 * Where base points have `group` points, these stand as one in blocks and statistics: a block is NM_BLOCK_POINTS groups,
 * and its n_slots = n_quantities n_each statistics are of combinations of the members of a group (kernels/reduce.h), for
 * each output and each indicator. A cell is then one randomisation. */
typedef struct nm_reduction {
    int32_t kind;        /* nm_reduce_kind; FULL: every point is kept and the rest is 0 */
    int32_t n_slots;
    int32_t group;       /* 1: points stand alone, and slots are those of the task */
    int32_t n_inputs, n_quantities, n_each;
    int64_t cell_points;
    int64_t part_points; /* points that one record of a tile stands for: cell_points, or a tile's share of a cell */
    int32_t n_projections, n_quantiles;
    int64_t n_words, first_extreme, n_table;
    const nm_projection *projections; /* [n_projections] */
    const double *table;              /* [n_table] centre and scale of each slot, then edges; rising */
    double quantile[NM_MAX_QUANTILES];
} nm_reduction;

#define NM_RECORD_BYTES(n_slots)                                                                            \
    ((int64_t)(n_slots) * (int64_t)sizeof(nm_stat) + (NM_N_OUTCOMES + NM_N_FLAGS) * (int64_t)sizeof(int64_t))
/* words of one bin of projection p: points of each outcome, and what is kept of each slot */
#define NM_BIN_WORDS(p, n_slots)                                                                            \
    ((p)->keep == NM_KEEP_COUNT ? 1                                                                         \
                                : NM_N_OUTCOMES + ((p)->keep == NM_KEEP_SUMS ? 3 : 6) * (int64_t)(n_slots))
/* the whole record, words included */
#define NM_WHOLE_RECORD_BYTES(r) (NM_RECORD_BYTES((r)->n_slots) + (r)->n_words * (int64_t)sizeof(int64_t))
/* a tile of so many records, located points included */
#define NM_TILE_RECORD_BYTES(r, n_parts)                                                                    \
    ((n_parts) * NM_WHOLE_RECORD_BYTES(r) + NM_LOCATED * (int64_t)sizeof(int64_t))

/* Derivatives of outputs by parameters at the steady state, in the last n_outputs n_params of a task's slots: all of the
 * first output, then all of the second. NaN where a point has no steady state, or one that depends on its start
 * (marginal). */
typedef struct nm_gradients {
    int32_t n_outputs, n_params;   /* 0: none */
    int16_t row[NM_MAX_OUTPUTS];   /* output number -> its place among them, or -1 */
    int32_t param[NM_MAX_PARAMS];
} nm_gradients;

typedef struct nm_task { /* constant over a run */
    int32_t abi;
    int32_t choice[NM_MAX_VARIANTS];
    nm_solver solver;
    nm_draw draw;
    nm_reduction reduction;
    int32_t n_slots;                    /* number of stored outputs, derivatives among them */
    int32_t is_f32;                     /* stored as float, else as double */
    int16_t slot[NM_MAX_OUTPUTS];       /* output number -> slot, or -1 where it is not stored */
    nm_gradients gradients;
    nm_stochastic stochastic;
    int32_t n_stored;                   /* parameters stored with every point (drawn ones) */
    int32_t stored[NM_MAX_PARAMS];
} nm_task;

typedef struct nm_tile { /* points [first, first + n); buffers belong to the caller */
    int64_t first, n;
    void *values;        /* [n_slots][n] float or double; NaN where the outcome carries no value */
    double *params;      /* [n_stored][n] */
    int8_t *outcome;     /* [n] nm_outcome */
    uint16_t *flags;     /* [n] nm_flag bits */
    int64_t n_newton, n_follow; /* out: points settled by Newton alone, points followed */
} nm_tile;

/* --- a batch of tiles on a GPU: what every kernel of a launch sequence gets, by value ------------------- */

enum { NM_ROUNDS = 6 }; /* an arrival that turns out false is followed on, ten times closer each time */

typedef struct nm_batch { /* every pointer is device memory */
    int32_t n_tiles;
    int32_t round;       /* of following, 0 to NM_ROUNDS - 1 */
    int64_t tile_points; /* most points of a tile; point i of tile t is number t tile_points + i of the batch */
    int64_t tile_bytes;  /* from the results of one tile to those of the next */
    const int64_t *first, *points; /* [n_tiles] first point of the scan and number of points of each tile */
    char *results;       /* tile t from byte t tile_bytes: values, params, flags, outcome as in a payload of points[t] */
    unsigned long long *n_follow; /* [n_tiles] points that Newton alone did not settle; starts as 0 */
    char *scratch;       /* nm_gpu_sizes of the module say how much; the first `zero` bytes start as 0 */
    /* reduction: else NULL and 0 */
    char *records;        /* tile t from byte t record_stride: a record for each of its parts, located points */
    int64_t record_stride;
    char *block_records;  /* a record for each block of each part of each tile */
    int64_t parts_per_tile, blocks_per_part;
} nm_batch;

/* exported by every GPU module as the constant `nm_gpu_sizes_of`; the task is its constant `nm_gpu_task` */
typedef struct nm_gpu_sizes {
    int32_t abi, threads;   /* NM_ABI; threads of a block of every kernel */
    int64_t zero;           /* first bytes of the scratch, which start as 0 */
    int64_t fixed, point;   /* bytes of scratch: fixed + point * points of the batch */
    int64_t walk, trajectory; /* and, where there are trajectories, walk + trajectory * their number for every point */
    int32_t choice[NM_MAX_VARIANTS]; /* the choices it was compiled for; -1: any */
} nm_gpu_sizes;

/* --- reduction on the CPU (kernels/entry_reduce.cpp); records are aligned to 8 bytes ------------------- */

enum { NM_FOLD_LEVELS = 64 }; /* no cell has 2^63 blocks */

typedef struct nm_fold { /* records of a cell on their way up its tree; n = 0 to begin */
    int n_slots, n;
    int level[NM_FOLD_LEVELS]; /* record k stands for 2^level[k] of those that were added */
    char *records; /* [NM_FOLD_LEVELS] records, room of the caller */
} nm_fold;

#ifdef __cplusplus
extern "C" {
#endif
/* The record of no points; the record of the points of `into` and then those of `more`. */
void nm_record_clear(void *record, int n_slots);
void nm_record_merge(void *into, const void *more, int n_slots);

/* The record of the points [offset, offset + n) of `points`, which are a block: values double
 * [n_slots][points->n], 1 <= n <= NM_BLOCK_POINTS, every outcome one that exists. */
void nm_reduce_block(void *record, const nm_tile *points, int64_t offset, int64_t n, int n_slots);

/* The same for the n groups from point `offset` on. room: [nm_group_room] doubles of the caller. */
int64_t nm_group_room(const nm_reduction *reduction);
void nm_reduce_groups(void *record, const nm_tile *points, int64_t offset, int64_t n, const nm_task *task,
                      double *room);

/* The words of no points; those of two sets of points together. */
void nm_words_clear(int64_t *words, const nm_reduction *reduction);
void nm_words_merge(int64_t *into, const int64_t *more, const nm_reduction *reduction);

/* Sorts the points [offset, offset + n) into the bins of the projections. */
void nm_project(int64_t *words, const nm_tile *points, int64_t offset, int64_t n, const nm_task *task);

/* Quantiles by linear interpolation between the values[n] that are finite, NaN where there are none; values are moved. */
void nm_quantiles_of(double *quantiles, double *values, int64_t n, const nm_reduction *reduction);

/* The value that the key of a least value stands for; that of ~key where it is the largest. */
double nm_extreme_of(int64_t key);

/* 1 if an outcome says so, else 0 (NM_INDICATOR_LIST) */
double nm_indicator_of(int indicator, int outcome);

/* The n + 1 edges of n bins: along an axis, whose n is of no matter; of equal probability, open at both ends. */
void nm_edges_of_axis(double *edges, int64_t n, const nm_axis *axis);
void nm_edges_of_random(double *edges, int64_t n, const nm_random *random);

/* Adds the record of the next block of a cell, or, throughout, of the next share of 2^k blocks: both give the same
 * bits. The last one may be shorter. */
void nm_fold_add(nm_fold *fold, const void *record);

/* The record of all that was added; the fold is empty again. */
void nm_fold_end(nm_fold *fold, void *record);
#ifdef __cplusplus
}
#endif

typedef int (*nm_run_fn)(const nm_task *task, nm_tile *tile); /* 0, or -1 on a bad ABI or no memory */

typedef struct nm_kernel {
    int lanes;
    nm_run_fn run;
} nm_kernel;

typedef struct nm_trace { /* the time course of one point, from the declared initial state */
    int n_times;         /* 0: only `first`, `last` and `n_steps` are wanted */
    const double *times; /* [n_times] rising, from 0 on [s] */
    double rtol;         /* relative tolerance of a step: of the root mean square of its errors in amounts and volumes, as
                            shares of themselves, and in F V/RT */
    double *values;      /* out: [n_outputs][n_times], what is instantaneous; NaN for the rest, and left as it was after
                            the first n_done times */
    int n_done;          /* out: times that the course reached: it ends where a species runs out */
    double first, last;  /* out, without times: a small part of the fastest time scale; when it is steady, or ends */
    int64_t n_steps;     /* out: tried steps */
} nm_trace;

typedef struct nm_turn { /* two pathways that meet in a state: by one into it, by the other out */
    int enter, state, leave;
} nm_turn;

typedef struct nm_model {
    int abi;           /* NM_ABI */
    int struct_bytes;  /* sizeof(nm_model) */
    const char *name;
    const char *extent; /* "m-2": per area of membrane; "m-3": per volume */
    const char *growth; /* what people call its growth ("lysis"), or NULL */
    int n_params, n_variants, n_compartments, n_species, n_fuels, n_totals, n_paths, n_observables;
    const nm_param_info *params;
    const nm_variant_info *variants;
    const nm_compartment_info *compartments;
    const nm_species_info *species;
    const nm_fuel_info *fuels;
    const nm_total_info *totals;
    const nm_path_info *paths;
    const nm_observable_info *observables;
    const signed char *nu; /* [n_paths][n_species] moles made per mole of pathway (to - from) */
    int n_states;          /* unknowns of the solver */
    int n_potentials, n_volumes, n_pairs;
    const int *pairs;      /* [n_pairs] the inner species of each pair */
    /* moves parameter set `index` into params[n_params] */
    void (*draw)(const nm_draw *draw, int64_t index, double *params);
    double (*axis_value)(const nm_axis *axis, int64_t i);
    void (*prepare_draw)(nm_draw *draw); /* fills in logarithms, once, before anything is drawn */
    /* net charge of the ground compartments / sum of |charge|; 0 for a neutral bath */
    double (*ground_charge)(const double *params);
    int n_kernels;
    const nm_kernel *kernels; /* widest first */
    /* 1 if the parameter matters under these choices of the variants (may be NULL: not known) */
    int (*uses)(const int *choice, int param);
    const char *text; /* the model file as it was compiled; NULL where it was not kept */
    int n_presets, n_loops;
    const nm_preset_info *presets;
    const int *loops;        /* [n_loops] the pathway that closes each loop, and names it */
    const double *loop_part; /* [n_loops][n_paths] turns of a pathway in one turn of the loop */
    /* [n_totals][n_species] change of each total with an amount [per mol per extent], at the defaults and their initial
     * state; may be NULL: totals are what their texts say */
    void (*total_weights)(double *weights);
    /* 0; 1 where the initial state of params[n_params] is outside the model's domain. May be NULL: no traces. */
    int (*trace)(const nm_task *task, const double *params, nm_trace *trace);
    /* Where every pathway moves one molecule from one state to another, as long as chemostats hold what they may: the
     * states, as species, and the ends of each pathway, as states. 0 where it is not so. */
    int n_walk_states, n_turns;
    const int *walk_species;        /* [n_walk_states] */
    const int *walk_from, *walk_to; /* [n_paths] */
    const nm_turn *turns;           /* [n_turns] */
    /* 1 if chemostats hold all of that under these choices of the variants. May be NULL: not known. */
    int (*walks)(const int *choice);
} nm_model;

#endif
