/* CVODE (BDF, dense, analytic Jacobian) and KINSOL (log variables, dense, analytic Jacobian) from the declared start.
 *
 * CVODE: solver objects are made once and started anew for each set; it ends where the residual of the balances is small
 * enough, or after 20000 steps. */
#include "bench_sundials.h"

#ifdef NM_HAS_SUNDIALS

#include <math.h>
#include <string.h>

#include <cvode/cvode.h>
#include <kinsol/kinsol.h>
#include <nvector/nvector_serial.h>
#include <sundials/sundials_context.h>
#include <sundials/sundials_version.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunmatrix/sunmatrix_dense.h>

enum { MOST_STEPS = 20000 };
static const double LONGEST = 1e15; /* [s] */

const nm_bench_rival nm_bench_rivals[] = {
    {.name = "KINSOL line search", .kind = NM_BENCH_KINSOL, .is_line_search = 1},
    {.name = "KINSOL line search, steps up to 2", .kind = NM_BENCH_KINSOL, .is_line_search = 1, .longest_step = 2},
    {.name = "KINSOL Newton, steps up to 2", .kind = NM_BENCH_KINSOL, .longest_step = 2},
    {.name = "KINSOL line search, steps up to 2, start 90 % K", .kind = NM_BENCH_KINSOL, .is_line_search = 1, .longest_step = 2,
     .share_K = 0.9},
    {.name = "KINSOL Newton, steps up to 1.5, start 90 % K", .kind = NM_BENCH_KINSOL, .longest_step = 1.5, .share_K = 0.9},
    {.name = "CVODE rtol 1e-3, to 1e-2, polish", .rtol = 1e-3, .stop = 1e-2, .polishes = 1},
    {.name = "CVODE rtol 1e-3, to 1e-2, polish, start 90 % K", .rtol = 1e-3, .stop = 1e-2, .polishes = 1, .share_K = 0.9},
    {.name = "CVODE rtol 1e-4, to 1e-3, polish", .rtol = 1e-4, .stop = 1e-3, .polishes = 1},
    {.name = "CVODE rtol 1e-4, to 1e-3, polish, logs of amounts", .rtol = 1e-4, .stop = 1e-3, .polishes = 1, .in_logs = 1},
    {.name = "CVODE rtol 1e-4, to 1e-10", .rtol = 1e-4, .stop = 1e-10},
    {.name = "CVODE rtol 1e-6, to 1e-4, polish", .rtol = 1e-6, .stop = 1e-4, .polishes = 1},
    {.name = "CVODE rtol 1e-6, to 1e-10", .rtol = 1e-6, .stop = 1e-10},
};
const int nm_bench_n_rivals = sizeof nm_bench_rivals / sizeof *nm_bench_rivals;

const char *nm_bench_sundials_version(void)
{
    static char text[32];
    SUNDIALSGetVersion(text, sizeof text);
    return text;
}

/* --- CVODE ---------------------------------------------------------------------------------------------------------- */

typedef struct question {
    const nm_bench_cell *cell;
    int in_logs;
} question;

/* amounts of the unknowns: all but the last may be logarithms */
static void amounts_of(double *y, const double *z, int in_logs)
{
    for (int i = 0; i < NM_BENCH_AMOUNTS; i++) {
        y[i] = in_logs && i < NM_BENCH_AMOUNTS - 1 ? exp(z[i]) : z[i];
    }
}

static int rates(realtype t, N_Vector unknowns, N_Vector rate, void *data)
{
    (void)t;
    const question *q = data;
    double y[NM_BENCH_AMOUNTS], *f = N_VGetArrayPointer(rate);
    amounts_of(y, N_VGetArrayPointer(unknowns), q->in_logs);
    if (nm_bench_rates(f, NULL, q->cell, y) != 0) {
        return 1; /* a trial outside the domain: CVODE takes a smaller step */
    }
    for (int i = 0; q->in_logs && i < NM_BENCH_AMOUNTS - 1; i++) {
        f[i] /= y[i];
    }
    return 0;
}

static int jacobian(realtype t, N_Vector unknowns, N_Vector rate, SUNMatrix matrix, void *data, N_Vector a, N_Vector b, N_Vector c)
{
    (void)t, (void)rate, (void)a, (void)b, (void)c;
    const question *q = data;
    double y[NM_BENCH_AMOUNTS], f[NM_BENCH_AMOUNTS], J[NM_BENCH_AMOUNTS * NM_BENCH_AMOUNTS];
    amounts_of(y, N_VGetArrayPointer(unknowns), q->in_logs);
    if (nm_bench_rates(f, J, q->cell, y) != 0) {
        return 1;
    }
    double *column_major = SUNDenseMatrix_Data(matrix);
    for (int j = 0; j < NM_BENCH_AMOUNTS; j++) {
        for (int i = 0; i < NM_BENCH_AMOUNTS; i++) {
            double entry = J[i * NM_BENCH_AMOUNTS + j];
            if (q->in_logs) {
                const double by = j < NM_BENCH_AMOUNTS - 1 ? y[j] : 1;
                entry = i < NM_BENCH_AMOUNTS - 1 ? (entry * by - (i == j ? f[i] : 0)) / y[i] : entry * by;
            }
            column_major[j * NM_BENCH_AMOUNTS + i] = entry;
        }
    }
    return 0;
}

static int run_cvode(double *states, int64_t *n_steps, const nm_bench_rival *rival, const nm_bench_cell *cells, int64_t n)
{
    SUNContext context;
    if (SUNContext_Create(NULL, &context) != 0) {
        return -1;
    }
    question q = {cells, rival->in_logs};
    N_Vector z = N_VNew_Serial(NM_BENCH_AMOUNTS, context);
    SUNMatrix matrix = SUNDenseMatrix(NM_BENCH_AMOUNTS, NM_BENCH_AMOUNTS, context);
    SUNLinearSolver linear = SUNLinSol_Dense(z, matrix, context);
    void *cvode = CVodeCreate(CV_BDF, context);
    N_VConst(1, z);
    const int is_made = CVodeInit(cvode, rates, 0, z) == CV_SUCCESS &&
                        CVodeSStolerances(cvode, rival->rtol, 1e-2 * rival->rtol) == CV_SUCCESS &&
                        CVodeSetUserData(cvode, &q) == CV_SUCCESS && CVodeSetErrFile(cvode, NULL) == CV_SUCCESS &&
                        CVodeSetLinearSolver(cvode, linear, matrix) == CV_SUCCESS &&
                        CVodeSetJacFn(cvode, jacobian) == CV_SUCCESS;
    for (int64_t i = 0; is_made && i < n; i++) {
        double u[NM_BENCH_LOGS], y[NM_BENCH_AMOUNTS], *now = N_VGetArrayPointer(z);
        q.cell = &cells[i];
        nm_bench_start(u, y, q.cell, rival->share_K);
        for (int k = 0; k < NM_BENCH_AMOUNTS; k++) {
            now[k] = q.in_logs && k < NM_BENCH_AMOUNTS - 1 ? log(y[k]) : y[k];
        }
        realtype t = 0;
        CVodeReInit(cvode, 0, z);
        for (int step = 0; step < MOST_STEPS; step++) {
            if (CVode(cvode, LONGEST, z, &t, CV_ONE_STEP) < 0) {
                break;
            }
            ++*n_steps;
            amounts_of(y, now, q.in_logs);
            nm_bench_logs_of(u, q.cell, y);
            if (nm_bench_residual(q.cell, u) <= rival->stop || t >= LONGEST) {
                break;
            }
        }
        if (rival->polishes) {
            nm_bench_newton(u, q.cell);
        }
        nm_bench_states_of(&states[i * NM_BENCH_STATES], q.cell, u);
    }
    CVodeFree(&cvode);
    SUNLinSolFree(linear);
    SUNMatDestroy(matrix);
    N_VDestroy(z);
    SUNContext_Free(&context);
    return is_made ? 0 : -1;
}

/* --- KINSOL --------------------------------------------------------------------------------------------------------- */

static int balances(N_Vector u, N_Vector B, void *data)
{
    double *b = N_VGetArrayPointer(B), sum = 0;
    nm_bench_balances(b, NULL, *(const nm_bench_cell **)data, N_VGetArrayPointer(u));
    for (int i = 0; i < NM_BENCH_LOGS; i++) {
        sum += b[i];
    }
    return !isfinite(sum); /* 1: KINSOL shortens the step, or gives the set up */
}

static int balances_jacobian(N_Vector u, N_Vector B, SUNMatrix matrix, void *data, N_Vector a, N_Vector b)
{
    (void)B, (void)a, (void)b;
    double unused[NM_BENCH_LOGS], J[NM_BENCH_LOGS * NM_BENCH_LOGS], *column_major = SUNDenseMatrix_Data(matrix);
    nm_bench_balances(unused, J, *(const nm_bench_cell **)data, N_VGetArrayPointer(u));
    for (int j = 0; j < NM_BENCH_LOGS; j++) {
        for (int i = 0; i < NM_BENCH_LOGS; i++) {
            column_major[j * NM_BENCH_LOGS + i] = J[i * NM_BENCH_LOGS + j];
        }
    }
    return 0;
}

static int run_kinsol(double *states, int64_t *n_steps, const nm_bench_rival *rival, const nm_bench_cell *cells, int64_t n)
{
    SUNContext context;
    if (SUNContext_Create(NULL, &context) != 0) {
        return -1;
    }
    const nm_bench_cell *cell = cells;
    N_Vector u = N_VNew_Serial(NM_BENCH_LOGS, context), ones = N_VClone(u);
    SUNMatrix matrix = SUNDenseMatrix(NM_BENCH_LOGS, NM_BENCH_LOGS, context);
    SUNLinearSolver linear = SUNLinSol_Dense(u, matrix, context);
    void *kinsol = KINCreate(context);
    N_VConst(1, ones);
    const int is_made = KINInit(kinsol, balances, u) == KIN_SUCCESS && KINSetUserData(kinsol, &cell) == KIN_SUCCESS &&
                        KINSetErrFile(kinsol, NULL) == KIN_SUCCESS && KINSetFuncNormTol(kinsol, 1e-12) == KIN_SUCCESS &&
                        KINSetLinearSolver(kinsol, linear, matrix) == KIN_SUCCESS &&
                        KINSetJacFn(kinsol, balances_jacobian) == KIN_SUCCESS &&
                        KINSetMaxNewtonStep(kinsol, rival->longest_step) == KIN_SUCCESS &&
                        KINSetMaxSetupCalls(kinsol, 1) == KIN_SUCCESS; /* a Jacobian at every iteration: exact Newton */
    for (int64_t i = 0; is_made && i < n; i++) {
        double y[NM_BENCH_AMOUNTS];
        long iterations = 0;
        cell = &cells[i];
        nm_bench_start(N_VGetArrayPointer(u), y, cell, rival->share_K);
        KINSol(kinsol, u, rival->is_line_search ? KIN_LINESEARCH : KIN_NONE, ones, ones);
        KINGetNumNonlinSolvIters(kinsol, &iterations);
        *n_steps += iterations;
        nm_bench_states_of(&states[i * NM_BENCH_STATES], cell, N_VGetArrayPointer(u));
    }
    KINFree(&kinsol);
    SUNLinSolFree(linear);
    SUNMatDestroy(matrix);
    N_VDestroy(u);
    N_VDestroy(ones);
    SUNContext_Free(&context);
    return is_made ? 0 : -1;
}

int nm_bench_rival_run(double *states, int64_t *n_steps, const nm_bench_rival *rival, const nm_bench_cell *cells, int64_t n)
{
    *n_steps = 0;
    return (rival->kind == NM_BENCH_CVODE ? run_cvode : run_kinsol)(states, n_steps, rival, cells, n);
}

#else

const nm_bench_rival nm_bench_rivals[1];
const int nm_bench_n_rivals = 0;

const char *nm_bench_sundials_version(void)
{
    return "not found";
}

int nm_bench_rival_run(double *states, int64_t *n_steps, const nm_bench_rival *rival, const nm_bench_cell *cells, int64_t n)
{
    (void)states, (void)n_steps, (void)rival, (void)cells, (void)n;
    return -1;
}

#endif
