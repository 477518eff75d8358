/* CVODE, BDF, dense, analytic Jacobian: solver objects are made once and started anew for each set; it ends where the
 * residual of the balances is small enough, at a chosen time, or after 20000 steps. */
#include "bench_cvode.h"

#ifdef NM_HAS_SUNDIALS

#include <math.h>

#include <cvode/cvode.h>
#include <nvector/nvector_serial.h>
#include <sundials/sundials_context.h>
#include <sundials/sundials_version.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunmatrix/sunmatrix_dense.h>

enum { MOST_STEPS = 20000 };
static const double LONGEST = 1e15; /* [s] */

const char *nm_bench_sundials_version(void)
{
    static char text[32];
    SUNDIALSGetVersion(text, sizeof text);
    return text;
}

typedef struct question {
    const nm_bench_system *system;
    const nm_bench_rival *rival;
    const void *cell;
} question;

static int rates(realtype t, N_Vector z, N_Vector rate, void *data)
{
    (void)t;
    const question *q = data;
    /* a trial outside the domain: CVODE takes a smaller step */
    return q->system->rates(N_VGetArrayPointer(rate), NULL, q->cell, N_VGetArrayPointer(z), q->rival);
}

static int jacobian(realtype t, N_Vector z, N_Vector rate, SUNMatrix matrix, void *data, N_Vector a, N_Vector b, N_Vector c)
{
    (void)t, (void)rate, (void)a, (void)b, (void)c;
    const question *q = data;
    const int n = q->system->n_unknowns;
    double f[NM_BENCH_MOST_UNKNOWNS], J[NM_BENCH_MOST_UNKNOWNS * NM_BENCH_MOST_UNKNOWNS];
    if (q->system->rates(f, J, q->cell, N_VGetArrayPointer(z), q->rival) != 0) {
        return 1;
    }
    double *column_major = SUNDenseMatrix_Data(matrix);
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < n; i++) {
            column_major[j * n + i] = J[i * n + j];
        }
    }
    return 0;
}

/* Travels from `z` at time 0; 1 if a chosen time is not reached. */
static int travel(void *cvode, N_Vector z, int64_t *n_steps, const question *q)
{
    const double until = q->rival->until;
    realtype t = 0;
    CVodeReInit(cvode, 0, z);
    if (until > 0) {
        CVodeSetStopTime(cvode, until);
    }
    for (int step = 0; step < MOST_STEPS; step++) {
        if (CVode(cvode, until > 0 ? until : LONGEST, z, &t, CV_ONE_STEP) < 0) {
            break;
        }
        ++*n_steps;
        if (until > 0 ? t >= until
                      : q->system->residual(q->cell, N_VGetArrayPointer(z), q->rival) <= q->rival->stop || t >= LONGEST) {
            return 0;
        }
    }
    return until > 0;
}

int nm_bench_cvode_run(double *states, int64_t *n_steps, const nm_bench_rival *rival, const nm_bench_system *system,
                       const void *cells, int64_t n)
{
    SUNContext context;
    *n_steps = 0;
    if (SUNContext_Create(NULL, &context) != 0) {
        return -1;
    }
    question q = {system, rival, cells};
    N_Vector z = N_VNew_Serial(system->n_unknowns, context);
    SUNMatrix matrix = SUNDenseMatrix(system->n_unknowns, system->n_unknowns, context);
    SUNLinearSolver linear = SUNLinSol_Dense(z, matrix, context);
    void *cvode = CVodeCreate(CV_BDF, context);
    N_VConst(1, z);
    const int is_made = CVodeInit(cvode, rates, 0, z) == CV_SUCCESS &&
                        CVodeSStolerances(cvode, rival->rtol, 1e-2 * rival->rtol) == CV_SUCCESS &&
                        CVodeSetUserData(cvode, &q) == CV_SUCCESS && CVodeSetErrFile(cvode, NULL) == CV_SUCCESS &&
                        CVodeSetLinearSolver(cvode, linear, matrix) == CV_SUCCESS &&
                        CVodeSetJacFn(cvode, jacobian) == CV_SUCCESS;
    for (int64_t i = 0; is_made && i < n; i++) {
        double *now = N_VGetArrayPointer(z), *answer = &states[i * system->n_states];
        q.cell = (const char *)cells + (size_t)i * system->cell_bytes;
        system->start(now, q.cell, rival);
        const int is_short = travel(cvode, z, n_steps, &q);
        system->states(answer, q.cell, now, rival);
        for (int k = 0; is_short && k < system->n_states; k++) {
            answer[k] = NAN;
        }
    }
    CVodeFree(&cvode);
    SUNLinSolFree(linear);
    SUNMatDestroy(matrix);
    N_VDestroy(z);
    SUNContext_Free(&context);
    return is_made ? 0 : -1;
}

#else

const char *nm_bench_sundials_version(void)
{
    return "not found";
}

int nm_bench_cvode_run(double *states, int64_t *n_steps, const nm_bench_rival *rival, const nm_bench_system *system,
                       const void *cells, int64_t n)
{
    (void)states, (void)n_steps, (void)rival, (void)system, (void)cells, (void)n;
    return -1;
}

#endif
