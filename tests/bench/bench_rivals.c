/* The cell of model A for CVODE (amounts in time) and for KINSOL (log variables, dense, analytic Jacobian). */
#include "bench_rivals.h"

#ifdef NM_HAS_SUNDIALS

#include <math.h>

#include <kinsol/kinsol.h>
#include <nvector/nvector_serial.h>
#include <sundials/sundials_context.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunmatrix/sunmatrix_dense.h>

const nm_bench_rival nm_bench_rivals[] = {
    {.name = "KINSOL line search", .kind = NM_BENCH_KINSOL, .is_line_search = 1},
    {.name = "KINSOL line search, steps up to 2", .kind = NM_BENCH_KINSOL, .is_line_search = 1, .longest_step = 2},
    {.name = "KINSOL Newton, steps up to 2", .kind = NM_BENCH_KINSOL, .longest_step = 2},
    {.name = "KINSOL line search, start 90 % K", .kind = NM_BENCH_KINSOL, .is_line_search = 1, .share_K = 0.9},
    {.name = "KINSOL line search, steps up to 2, start 90 % K", .kind = NM_BENCH_KINSOL, .is_line_search = 1, .longest_step = 2,
     .share_K = 0.9},
    {.name = "KINSOL Newton, steps up to 1.5, start 90 % K", .kind = NM_BENCH_KINSOL, .longest_step = 1.5, .share_K = 0.9},
    {.name = "CVODE rtol 1e-3, to 1e-2, polish", .rtol = 1e-3, .stop = 1e-2, .polishes = 1},
    {.name = "CVODE rtol 1e-3, to 1e-2, polish, start 90 % K", .rtol = 1e-3, .stop = 1e-2, .polishes = 1, .share_K = 0.9},
    {.name = "CVODE rtol 1e-4, to 1e-3, polish", .rtol = 1e-4, .stop = 1e-3, .polishes = 1},
    {.name = "CVODE rtol 1e-4, to 1e-3, polish, start 90 % K", .rtol = 1e-4, .stop = 1e-3, .polishes = 1, .share_K = 0.9},
    {.name = "CVODE rtol 1e-4, to 1e-3, polish, logs of amounts", .rtol = 1e-4, .stop = 1e-3, .polishes = 1, .in_logs = 1},
    {.name = "CVODE rtol 1e-4, to 1e-10", .rtol = 1e-4, .stop = 1e-10},
    {.name = "CVODE rtol 1e-6, to 1e-4, polish", .rtol = 1e-6, .stop = 1e-4, .polishes = 1},
    {.name = "CVODE rtol 1e-6, to 1e-10", .rtol = 1e-6, .stop = 1e-10},
    {.name = "CVODE to 3000 s, rtol 1e-3", .rtol = 1e-3, .until = NM_BENCH_UNTIL},
    {.name = "CVODE to 3000 s, rtol 1e-4", .rtol = 1e-4, .until = NM_BENCH_UNTIL},
    {.name = "CVODE to 3000 s, rtol 1e-6", .rtol = 1e-6, .until = NM_BENCH_UNTIL},
    {.name = "CVODE to 3000 s, rtol 1e-8", .rtol = 1e-8, .until = NM_BENCH_UNTIL},
    {.name = "CVODE to 3000 s, rtol 1e-10", .rtol = 1e-10, .until = NM_BENCH_UNTIL},
};
const int nm_bench_n_rivals = sizeof nm_bench_rivals / sizeof *nm_bench_rivals;

/* --- CVODE: scaled amounts in time, or their logarithms ------------------------------------------------------------- */

/* amounts of the unknowns: all but the last may be logarithms */
static void amounts_of(double *y, const double *z, int in_logs)
{
    for (int i = 0; i < NM_BENCH_AMOUNTS; i++) {
        y[i] = in_logs && i < NM_BENCH_AMOUNTS - 1 ? exp(z[i]) : z[i];
    }
}

static void start(double *z, const void *cell, const nm_bench_rival *rival)
{
    double u[NM_BENCH_LOGS];
    nm_bench_start(u, z, cell, rival->share_K);
    for (int k = 0; rival->in_logs && k < NM_BENCH_AMOUNTS - 1; k++) {
        z[k] = log(z[k]);
    }
}

static int rates(double *f, double *J, const void *cell, const double *z, const nm_bench_rival *rival)
{
    double y[NM_BENCH_AMOUNTS];
    amounts_of(y, z, rival->in_logs);
    if (nm_bench_rates(f, J, cell, y) != 0) {
        return 1;
    }
    for (int i = 0; rival->in_logs && i < NM_BENCH_AMOUNTS; i++) {
        const int is_log = i < NM_BENCH_AMOUNTS - 1;
        for (int j = 0; J && j < NM_BENCH_AMOUNTS; j++) {
            double *entry = &J[i * NM_BENCH_AMOUNTS + j];
            *entry *= j < NM_BENCH_AMOUNTS - 1 ? y[j] : 1;
            *entry = is_log ? (*entry - (i == j ? f[i] : 0)) / y[i] : *entry;
        }
        f[i] = is_log ? f[i] / y[i] : f[i];
    }
    return 0;
}

static void logs_of(double *u, const void *cell, const double *z, const nm_bench_rival *rival)
{
    double y[NM_BENCH_AMOUNTS];
    amounts_of(y, z, rival->in_logs);
    nm_bench_logs_of(u, cell, y);
}

static double residual(const void *cell, const double *z, const nm_bench_rival *rival)
{
    double u[NM_BENCH_LOGS];
    logs_of(u, cell, z, rival);
    return nm_bench_residual(cell, u);
}

static void states(double *states, const void *cell, const double *z, const nm_bench_rival *rival)
{
    double u[NM_BENCH_LOGS];
    logs_of(u, cell, z, rival);
    if (rival->polishes) { /* in logarithms, where Newton's method is at its best */
        nm_bench_newton(u, cell);
    }
    nm_bench_states_of(states, cell, u);
}

const nm_bench_system nm_bench_cell_system = {
    .n_unknowns = NM_BENCH_AMOUNTS, .n_states = NM_BENCH_STATES, .cell_bytes = sizeof(nm_bench_cell),
    .start = start, .rates = rates, .residual = residual, .states = states,
};

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
    return rival->kind == NM_BENCH_CVODE ? nm_bench_cvode_run(states, n_steps, rival, &nm_bench_cell_system, cells, n)
                                         : run_kinsol(states, n_steps, rival, cells, n);
}

#else

const nm_bench_rival nm_bench_rivals[1];
const int nm_bench_n_rivals = 0;

int nm_bench_rival_run(double *states, int64_t *n_steps, const nm_bench_rival *rival, const nm_bench_cell *cells, int64_t n)
{
    (void)states, (void)n_steps, (void)rival, (void)cells, (void)n;
    return -1;
}

#endif
