/* Between the parts of `nessmap verify`: the file that is verified, and what each check found.
 *
 *   verify.c         opens the file, runs the checks, writes the report
 *   verify_file.c    the shape of the file, its points as tiles, its parameters
 *   verify_solve.c   solves points again, a tile at a time
 *   verify_compare.c compares them with what is stored
 *   verify_follow.c  a few points by following
 *   verify_laws.c    what must hold of stored values by themselves
 *   verify_head.c    what the file says of its bytes: dimensions, types, attributes
 *   verify_again.c   runs a scan again whose file keeps no points */
#ifndef NESSMAP_VERIFY_PARTS_H
#define NESSMAP_VERIFY_PARTS_H

#include <pthread.h>
#include <stdint.h>

#include "file_shape.h"
#include "nessmap/nessmap.h"
#include "plan.h"
#include "slab.h"

/* check(name, what it looks at, text): in the order of the report */
/* clang-format off */
#define NM_VERIFY_LIST(check)                                                                      \
    check(question,    "",       "the fingerprint is that of the configuration in the file")       \
    check(attributes,  "attributes", "dimensions, variables and attributes are those of its configuration and points") \
    check(parameters,  "values", "parameters are those of their index, bit for bit")               \
    check(results,     "points", "solved again, points are as stored")                             \
    check(verdicts,    "points", "outcomes and flags are of their lists") \
    check(values,      "points", "values stand where the outcome carries them, and NaN elsewhere") \
    check(residual,    "points", "flux balances are met to 1e-10")                                 \
    check(second_law,  "points", "sigma_total >= 0 where no flag says that it is violated")        \
    check(dissipation, "points", "the Tsigma_ of all pathways add up to Tsigma_total = T sigma_total") \
    check(fluxes,      "points", "J = Jout - Jin")                                                 \
    check(closure,     "points", "the energy balance closes")                                      \
    check(supply,      "points", "power supplied = power dissipated where every flow balances")    \
    check(follow,      "points", "followed in time, points end where the file says")
/* clang-format on */

enum {
#define NM_VERIFY_ENUM(name, unit, text) NM_VERIFY_##name,
    NM_VERIFY_LIST(NM_VERIFY_ENUM)
#undef NM_VERIFY_ENUM
        NM_N_VERIFY
};

enum { NM_VERIFY_NAMED = 3, NM_VERIFY_TEXT = 256 };

typedef struct nm_verify_finding {
    int64_t index; /* of the point, or where there is none, of the value */
    char text[NM_VERIFY_TEXT];
} nm_verify_finding;

typedef struct nm_verify_check {
    int64_t n, n_bad;   /* points (or values) that were looked at; those of them that are wrong */
    int64_t n_left_out; /* points that it says nothing of */
    const char *unit;   /* what n counts, where that is not as the list says; or NULL */
    double worst; /* the largest deviation as a share of what is allowed; 0: none is measured */
    int n_named;  /* the wrong ones of the lowest index */
    nm_verify_finding named[NM_VERIFY_NAMED];
    char missing[NM_VERIFY_TEXT]; /* why it was not run, or "" */
    char remark[NM_VERIFY_TEXT];  /* what else is to be said of it */
} nm_verify_check;

typedef struct nm_verify_param { /* a parameter's variable, along some of the dimensions */
    int param, variable, n_dims;
    int64_t dim[NM_MAX_DIMS], step[NM_MAX_DIMS]; /* step: points from one value to the next */
} nm_verify_param;

typedef struct nm_verification {
    const char *path;
    const nm_config *config;
    nm_plan *plan;
    const nm_verify_options *options;
    int n_interrupts; /* before it */
    int id, is_open; /* NetCDF */
    int64_t n_not_run;
    int is_solved_all; /* every point was solved again */
    int is_by_device;  /* computed by a GPU: its results agree to the tolerance of a solver */

    nm_file_shape shape;
    int outcome, flags, slot[NM_MAX_OUTPUTS + NM_MAX_GRADIENTS]; /* variables */
    int n_params, n_each;
    nm_verify_param params[NM_MAX_PARAMS],
        each[NM_MAX_PARAMS]; /* each: every point has its own value */

    nm_verify_check check[NM_N_VERIFY];
    int64_t count[NM_N_OUTCOMES];
    pthread_mutex_t lock, file_lock; /* of the checks and counts; of NetCDF */
} nm_verification;

/* --- checks --- */

/* 1 where a deviation is larger than the worst so far; NaN is larger than all. */
int nm_verify_is_worse(double deviation, double worst);

/* One more was looked at; deviation: as a share of what is allowed, more than 1 is wrong, and so is
 * NaN. returns 1 where it is wrong, which then wants a finding. */
int nm_verify_look(nm_verify_check *check, double deviation);

/* Names what is wrong at `index`; the lowest few are kept, whatever their order. */
void nm_verify_name(nm_verify_check *check, int64_t index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says why a check is not run. */
void nm_verify_skip(nm_verify_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds what was found of other points: the order of the calls is of no matter. */
void nm_verify_merge(nm_verify_check *into, const nm_verify_check *more);

/* --- what the file says of its bytes --- */

/* Compares dimensions, types and attributes with those that the plan's file has. returns NM_IO where it cannot be
 * read. */
nm_status nm_verify_head(nm_verification *v);

/* Attributes of two variables, or of two files (NC_GLOBAL): each of `right` but those in `left_out`, which ends with
 * NULL, must be in the file, the same to the bit; a variable has no others. */
nm_status nm_verify_attributes(nm_verify_check *check, const char *path, int id, int variable,
                               int right_id, int right, const char *const *left_out);

/* --- the file --- */

/* Finds the variables of points and parameters. returns NM_IO with a sentence where one that the plan
 * has is missing, or of another shape. */
nm_status nm_verify_find(nm_verification *v);

/* Reads outcomes, flags and values of the points of `tile`, mapped by nm_plan_map_points, and into each
 * [v->n_each][tile->n] the parameters that every point has for itself; without `each` no parameters, and
 * of the values states alone. Thread-safe. */
nm_status nm_verify_read(nm_verification *v, const nm_tile *tile, double *each);

/* 1 where an output is the state itself, and does not only follow from it. */
int nm_verify_is_state(const nm_plan *plan, int slot);

/* A stored value, as double; slot: as in the task of the plan. */
double nm_verify_value(const nm_plan *plan, const nm_tile *tile, int slot, int64_t i);

/* Checks the parameters that lie along some dimensions, or none. */
nm_status nm_verify_axes(nm_verification *v);

/* Checks those of point i of a tile; params: what follows from its index. */
void nm_verify_each(nm_verify_check *check, const nm_verification *v, const nm_tile *tile,
                    const double *each, int64_t i, const double *params);

/* --- solving --- */

#define NM_VERIFY_OSCILLATION 1e-4 /* averages over the windows of an oscillation agree to this */

/* A task of the plan that stores all outputs of the model as double, and no derivatives. */
void nm_verify_want_all(nm_task *task, const nm_plan *plan);
nm_status nm_verify_run(const nm_plan *plan, const nm_kernel *kernel, const nm_task *task,
                        nm_tile *tile);

/* fresh: the points [at, at + fresh->n) of `stored`, solved again; of the plan's task, bit for bit; or of
 * that with all outputs, to the tolerance of two solvers. */
void nm_verify_compare_bits(nm_verify_check *check, const nm_plan *plan, const nm_tile *stored,
                            int64_t at, const nm_tile *fresh);
void nm_verify_compare_close(nm_verify_check *check, const nm_plan *plan, const nm_tile *stored,
                             int64_t at, const nm_tile *fresh);

/* Reads all points, checks their laws and parameters, and solves about n_wanted of them again, spread
 * evenly. returns NM_INTERRUPTED, NM_IO, NM_MEMORY, NM_DEVICE. */
nm_status nm_verify_points(nm_verification *v, int64_t n_wanted);

/* Solves n points, spread evenly, by following, for a minute at most. */
nm_status nm_verify_follow(nm_verification *v, int n);

/* --- laws --- */

typedef struct nm_verify_laws nm_verify_laws;

/* Finds which laws the stored variables allow, and says of the others why not. */
nm_status nm_verify_laws_create(nm_verify_laws **laws, nm_verification *v);
void nm_verify_laws_destroy(nm_verify_laws **laws);

/* check: [NM_N_VERIFY]. params: of that point. */
void nm_verify_laws_of(nm_verify_check *check, const nm_verify_laws *laws, const nm_tile *tile,
                       int64_t i, const double *params);

/* --- a scan without points --- */

/* Makes the file again, in a folder that is removed then, and compares. n_points: that are solved. */
nm_status nm_verify_again(nm_verification *v, int64_t n_points);

#endif
