/* Every way a call can fail, every verdict a point can get, every flag it can carry.
 *
 * Each list is written once and expanded into enums, texts, exit codes and NetCDF flag attributes. */
#ifndef NESSMAP_STATUS_H
#define NESSMAP_STATUS_H

/* clang-format off */

/* status(name, exit code of the program, text) */
#define NM_STATUS_LIST(status)                                                                     \
    status(OK,            0, "done")                                                               \
    status(USAGE,         2, "usage or configuration error")                                       \
    status(FAILED_POINTS, 3, "done, but more points failed than [limits] max_failed allows")       \
    status(FINGERPRINT,   4, "the output belongs to another question")                             \
    status(LOCKED,        5, "another run holds the output")                                       \
    status(IO,            6, "input or output error")                                              \
    status(DEVICE,        7, "device error")                                                       \
    status(MEMORY,        6, "out of memory")                                                      \
    status(INTERRUPTED,  75, "interrupted; the same command goes on")

/* outcome(name, carries values, short words for people)
 * The order is the coding in files: append, never reorder. */
#define NM_OUTCOME_LIST(outcome)                                                                   \
    outcome(equilibrium,               1, "equilibrium: every pathway is balanced")                \
    outcome(ness,                      1, "non-equilibrium steady state")                          \
    outcome(oscillatory,               1, "sustained oscillation; values are time averages")       \
    outcome(unstable,                  1, "steady state found, but it is unstable")                \
    outcome(no_steady_state_growth,    0, "no steady state: grows without end")                    \
    outcome(no_steady_state_depletion, 0, "no steady state: a species runs out")                   \
    outcome(left_domain,               0, "the input or the trajectory leaves the model's domain") \
    outcome(not_converged,             0, "the solver gave up")                                    \
    outcome(not_run,                   0, "not computed yet")

/* flag(name, bit, text) */
#define NM_FLAG_LIST(flag)                                                                         \
    flag(multistable,          0, "more than one stable state was found")                          \
    flag(marginal,             1, "singular Jacobian: the state depends on the initial state")     \
    flag(at_boundary,          2, "a concentration is zero at the steady state")                   \
    flag(second_law_violated,  3, "a driven pathway dissipates less than nothing")                 \
    flag(over_pumped,          4, "more driving makes the growth worse")                           \
    flag(linear_regime,        5, "all forces below 0.1 RT")                                       \
    flag(audited,              6, "also solved by following the time course")                      \
    flag(audit_disagrees,      7, "following the time course gave another answer, which is kept")

/* clang-format on */

#define NM_STATUS_ENUM(name, code, text) NM_##name,
typedef enum nm_status { NM_STATUS_LIST(NM_STATUS_ENUM) NM_N_STATUS } nm_status;
#undef NM_STATUS_ENUM

#define NM_OUTCOME_ENUM(name, values, text) NM_OUTCOME_##name,
typedef enum nm_outcome { NM_OUTCOME_LIST(NM_OUTCOME_ENUM) NM_N_OUTCOMES } nm_outcome;
#undef NM_OUTCOME_ENUM

#define NM_FLAG_ENUM(name, bit, text) NM_FLAG_##name = 1 << (bit),
typedef enum nm_flag { NM_FLAG_LIST(NM_FLAG_ENUM) NM_FLAG_NONE = 0 } nm_flag;
#undef NM_FLAG_ENUM

#define NM_FLAG_COUNT(name, bit, text) +1
enum { NM_N_FLAGS = 0 NM_FLAG_LIST(NM_FLAG_COUNT) };
#undef NM_FLAG_COUNT

#endif
