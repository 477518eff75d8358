/* A pump-leak cell written a second time, for CVODE.
 *
 * Variables: ln N_Na, ln N_K, ln ell and, where the membrane is a capacitor, F V/RT. N_Cl follows from the charge, so
 * charge is kept exactly. Without a capacitor V is where no net current flows, found inside the right-hand side. */
#include "cvode_cell.h"

#include <math.h>
#include <stdlib.h>

#include <cvode/cvode.h>
#include <nvector/nvector_serial.h>
#include <sundials/sundials_context.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunmatrix/sunmatrix_dense.h>

static const double R = 8.31446261815324, F = 96485.33212331001;
enum { LN_NA, LN_K, LN_ELL, V_RT, N_STATES };

typedef struct solver {
    SUNContext context;
    void *cvode;
    N_Vector y;
    SUNMatrix matrix;
    SUNLinearSolver linear;
    double start[N_STATES], offset;
} solver;

typedef struct fluxes { /* outward, mol m-2 s-1 */
    double Na, K, Cl;
} fluxes;

static double bernoulli(double u)
{
    return fabs(u) < 1e-5 ? 1 - u / 2 + u * u / 12 : u / expm1(u);
}

static double leak_flux(int leak, double g, double P, double z, double in, double out, double v,
                        double RT)
{
    if (leak == 0) {
        return g * RT / (z * z * F * F) * (log(in / out) + z * v);
    }
    return P * (in * bernoulli(-z * v) - out * bernoulli(z * v));
}

/* total outward fluxes at concentrations c and reduced potential v */
static fluxes flux_of(const nm_cvode_cell *p, double Na, double K, double Cl, double v)
{
    const double RT = R * p->T;
    const double x_Na = log(Na / p->Na_o), x_K = log(K / p->K_o), x_Cl = log(Cl / p->Cl_o);
    const double sites = pow(Na / (p->K_Na + Na), 3) * pow(p->K_o / (p->K_K + p->K_o), 2);
    double r = p->p_max;
    if (p->pump == 1) {
        r = p->p_max * sites;
    } else if (p->pump == 0) {
        const double a = -p->dG_ATP / RT + 3 * (x_Na + v) - 2 * (x_K + v);
        r = p->p_max * sites *
            (a >= 0 ? -expm1(-a) / (1 + p->kappa_r * exp(-a)) : expm1(a) / (exp(a) + p->kappa_r));
    }
    const double j_N = p->L_NKCC * (x_Na + x_K + 2 * x_Cl), j_K = p->L_KCC * (x_K + x_Cl);
    fluxes J;
    J.Na = leak_flux(p->leak, p->g_Na, p->P_Na, 1, Na, p->Na_o, v, RT) + 3 * r + j_N;
    J.K = leak_flux(p->leak, p->g_K, p->P_K, 1, K, p->K_o, v, RT) - 2 * r + j_N + j_K;
    J.Cl = leak_flux(p->leak, p->g_Cl, p->P_Cl, -1, Cl, p->Cl_o, v, RT) + 2 * j_N + j_K;
    return J;
}

/* reduced potential without net current, between -60 and 60, by bisection and then by the secant */
static double resting_potential(const nm_cvode_cell *p, double Na, double K, double Cl)
{
    double low = -60, high = 60, I_low = 0, I_high = 0;
    for (int i = 0; i < 12; i++) {
        const double v = 0.5 * (low + high);
        const fluxes J = flux_of(p, Na, K, Cl, v);
        *(J.Na + J.K - J.Cl < 0 ? &low : &high) = v;
    }
    fluxes J = flux_of(p, Na, K, Cl, low);
    I_low = J.Na + J.K - J.Cl;
    J = flux_of(p, Na, K, Cl, high);
    I_high = J.Na + J.K - J.Cl;
    double v = 0.5 * (low + high);
    for (int i = 0; i < 60 && high - low > 1e-14; i++) {
        /* regula falsi, the Illinois way: an end that stays has its value halved */
        v = (low * I_high - high * I_low) / (I_high - I_low);
        J = flux_of(p, Na, K, Cl, v);
        const double I = J.Na + J.K - J.Cl;
        if (I == 0) {
            break;
        }
        if (I < 0) {
            low = v;
            I_low = I;
            I_high *= 0.5;
        } else {
            high = v;
            I_high = I;
            I_low *= 0.5;
        }
    }
    return v;
}

/* amounts and potential from the variables */
static nm_cvode_state state_of(const nm_cvode_cell *p, const double *y)
{
    nm_cvode_state s;
    s.N_Na = exp(y[LN_NA]);
    s.N_K = exp(y[LN_K]);
    s.ell = exp(y[LN_ELL]);
    s.N_Cl = s.N_Na + s.N_K + p->z_X * p->N_X;
    if (p->is_electroneutral) {
        s.V = R * p->T / F * resting_potential(p, s.N_Na / s.ell, s.N_K / s.ell, s.N_Cl / s.ell);
    } else {
        s.V = R * p->T / F * y[V_RT];
        s.N_Cl -= p->C_m * s.V / F;
    }
    return s;
}

static double swelling(const nm_cvode_cell *p, const nm_cvode_state *s)
{
    return p->P_f * p->v_w *
           ((s->N_Na + s->N_K + s->N_Cl + p->N_X) / s->ell - p->Na_o - p->K_o - p->Cl_o - p->Y_o);
}

static int rates(realtype t, N_Vector vector, N_Vector rate, void *data)
{
    (void)t;
    const nm_cvode_cell *p = data;
    const double *y = N_VGetArrayPointer(vector);
    double *f = N_VGetArrayPointer(rate);
    const nm_cvode_state s = state_of(p, y);
    if (!(s.N_Cl > 0)) {
        return 1; /* a trial state out of the domain: CVODE takes a smaller step */
    }
    const double v = F * s.V / (R * p->T);
    const fluxes J = flux_of(p, s.N_Na / s.ell, s.N_K / s.ell, s.N_Cl / s.ell, v);
    f[LN_NA] = -J.Na / s.N_Na;
    f[LN_K] = -J.K / s.N_K;
    f[LN_ELL] = swelling(p, &s) / s.ell;
    if (!p->is_electroneutral) {
        f[V_RT] = -F * (J.Na + J.K - J.Cl) / p->C_m * F / (R * p->T);
    }
    return 0;
}

/* The declared initial state: 30 % of the osmolarity is impermeant, 5 % of the cations are K+, V = -60 mV; charge that
 * is missing is added as Na+ or Cl-. */
static void initial(double *y, const nm_cvode_cell *p)
{
    const double osmolarity = p->Na_o + p->K_o + p->Cl_o + p->Y_o, X = 0.3 * osmolarity;
    double Cl = fmax(0.5 * (osmolarity - (1 + p->z_X) * X) + p->z_X * X, 0.01 * osmolarity);
    const double cations = fmax(Cl - p->z_X * X, 0.01 * osmolarity);
    double Na = 0.95 * cations;
    const double K = 0.05 * cations, ell = p->N_X / X;
    const double wanted = p->is_electroneutral ? 0 : p->C_m * -0.06 / (F * ell);
    const double missing = wanted - (Na + K - Cl + p->z_X * X);
    Na += fmax(missing, 0);
    y[LN_NA] = log(Na * ell);
    y[LN_K] = log(K * ell);
    y[LN_ELL] = log(ell);
    y[V_RT] = -0.06 * F / (R * p->T);
}

int nm_cvode_begin(nm_cvode_course *course, const nm_cvode_cell *cell)
{
    solver *s = calloc(1, sizeof *s);
    course->cell = *cell;
    course->t = 0;
    course->solver = s;
    const int n = cell->is_electroneutral ? V_RT : N_STATES;
    if (!s || SUNContext_Create(NULL, &s->context) != 0) {
        return -1;
    }
    s->y = N_VNew_Serial(n, s->context);
    s->cvode = CVodeCreate(CV_BDF, s->context);
    s->matrix = SUNDenseMatrix(n, n, s->context);
    s->linear = SUNLinSol_Dense(s->y, s->matrix, s->context);
    initial(s->start, cell);
    for (int i = 0; i < n; i++) {
        NV_Ith_S(s->y, i) = s->start[i];
    }
    course->state = state_of(cell, s->start);
    if (CVodeInit(s->cvode, rates, 0, s->y) != CV_SUCCESS ||
        CVodeSStolerances(s->cvode, 1e-10, 1e-10) != CV_SUCCESS ||
        CVodeSetUserData(s->cvode, &course->cell) != CV_SUCCESS ||
        CVodeSetInitStep(s->cvode, 1e-9) != CV_SUCCESS ||
        CVodeSetErrFile(s->cvode, NULL) != CV_SUCCESS ||
        CVodeSetLinearSolver(s->cvode, s->linear, s->matrix) != CV_SUCCESS) {
        return -1;
    }
    return 0;
}

int nm_cvode_travel(nm_cvode_course *course, double t, double most)
{
    solver *s = course->solver;
    int end = 0;
    double h = 0;
    for (int step = 0; course->t < t && end == 0; step++) {
        /* the law does not know the time: where steps shrink to nothing against it, the clock is set back */
        double now = 0;
        if (CVodeSetStopTime(s->cvode, t - s->offset) != CV_SUCCESS) {
            return -1;
        }
        const int status = CVode(s->cvode, t - s->offset, s->y, &now, CV_ONE_STEP);
        const double *y = N_VGetArrayPointer(s->y);
        CVodeGetCurrentStep(s->cvode, &h);
        course->t = status == CV_TSTOP_RETURN ? t : s->offset + now;
        if (y[LN_ELL] > s->start[LN_ELL] + log(most)) {
            end = 2;
        } else if (fmin(y[LN_NA], y[LN_K]) < -700) {
            end =
                1; /* ln N goes to minus infinity in a finite time, and does not stop at a trace that is fed */
        } else if (status < 0 || step > 1000000) {
            /* Cl- is a difference here, so it is lost below the rounding of the others */
            const nm_cvode_state at = state_of(&course->cell, y);
            end = fmin(y[LN_NA], y[LN_K]) < -40 || !(at.N_Cl > 1e-10 * at.N_K) ? 3 : -1;
        } else if (h < 1e-9 * now) {
            s->offset += now;
            if (CVodeReInit(s->cvode, 0, s->y) != CV_SUCCESS ||
                CVodeSetInitStep(s->cvode, h) != CV_SUCCESS) {
                return -1;
            }
        }
    }
    course->state = state_of(&course->cell, N_VGetArrayPointer(s->y));
    return end;
}

double nm_cvode_swelling(const nm_cvode_course *course)
{
    return swelling(&course->cell, &course->state);
}

void nm_cvode_end(nm_cvode_course *course)
{
    solver *s = course->solver;
    if (s) {
        CVodeFree(&s->cvode);
        SUNLinSolFree(s->linear);
        SUNMatDestroy(s->matrix);
        N_VDestroy(s->y);
        SUNContext_Free(&s->context);
        free(s);
    }
    course->solver = NULL;
}
