/* Random pump-leak cells through the kernels, each compared with the exact one-dimensional
 * reduction. */
#include "oracle_sweep.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "model_store.h"
#include "oracle.h"
#include "plan.h"

enum { CHUNK = 2048, N_THREADS = 2, N_PUMPS = 3, N_MEMBRANES = 2, N_LEAKS = 2, MAX_KINDS = 64 };

static const double BAND = 1e-9, TOLERANCE = 1e-9;
static const double SMALLEST = 1e-290; /* mol m-3: below it a concentration is zero in double */

static const char *const leak_names[] = {"ohmic", "ghk"};
static const char *const pump_names[] = {"const", "hill", "rev"};
static const char *const membrane_names[] = {"capacitive", "electroneutral"};

#define COLUMNS(column)                                                                            \
    column(T) column(C_m) column(Na_o) column(K_o) column(Cl_o) column(Y_o) column(z_Y)            \
        column(z_X) column(N_X) column(P_f) column(g_Na) column(g_K) column(g_Cl) column(P_Na)     \
            column(P_K) column(P_Cl) column(L_NKCC) column(L_KCC) column(p_max) column(K_Na)       \
                column(K_K) column(dG_ATP) column(kappa_r)

#define COLUMN_ENUM(name) COL_##name,
enum { COLUMNS(COLUMN_ENUM) N_COLUMNS };
#define COLUMN_NAME(name) #name,
static const char *const column_names[] = {COLUMNS(COLUMN_NAME)};

enum { Q_Na_i, Q_K_i, Q_Cl_i, Q_X_i, Q_ell, Q_V, N_QUANTITIES };
static const char *const quantity_names[] = {"Na_i", "K_i", "Cl_i", "X_i", "ell", "V"};

typedef struct set_report { /* the worst set of a quantity, or a wrong one */
    double error;           /* in units of the tolerance */
    double found, wanted, margin;
    int leak, pump, membrane, outcome, oracle;
    double p[N_COLUMNS];
} set_report;

typedef struct sweep {
    const nm_model *model;
    const nm_kernel *kernel;
    nm_catalogue catalogue;
    int64_t n_chunks_per_case;
    uint64_t seed;
    double v_w;
    atomic_llong next;

    pthread_mutex_t mutex; /* guards all below */
    long long n_sets, n_band, n_wrong_class, n_not_converged, n_wrong_state, n_not_covered,
        n_exhausted, n_ran_out;
    long long counts[N_LEAKS][NM_ORACLE_NOT_COVERED + 1];
    set_report worst[N_QUANTITIES], wrong[MAX_KINDS];
    long long n_of_kind[MAX_KINDS];
    int n_kinds, is_broken;
} sweep;

/* --- random sets ---------------------------------------------------------------------------- */

static double uniform(uint64_t *state, double low, double high)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return low + (high - low) * (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static double log_uniform(uint64_t *state, double low, double high)
{
    return exp(uniform(state, log(low), log(high)));
}

static void draw_set(double p[N_COLUMNS], uint64_t *s, int leak)
{
    p[COL_T] = uniform(s, 275, 315);
    p[COL_C_m] = uniform(s, 0.005, 0.03);
    p[COL_Na_o] = uniform(s, 20, 450);
    p[COL_K_o] = log_uniform(s, 0.5, 60);
    /* the bath is neutral by construction; a third of the baths holds no impermeant */
    p[COL_Y_o] = uniform(s, 0, 3) < 1 ? 0 : uniform(s, 0, 100);
    p[COL_z_Y] = p[COL_Y_o] == 0 ? 0 : floor(uniform(s, -1, 2));
    if (p[COL_z_Y] < 0) {
        p[COL_Y_o] = fmin(p[COL_Y_o], 0.9 * (p[COL_Na_o] + p[COL_K_o]));
    }
    p[COL_Cl_o] = p[COL_Na_o] + p[COL_K_o] + p[COL_z_Y] * p[COL_Y_o];
    p[COL_z_X] = uniform(s, -3, 0.5);
    p[COL_N_X] = log_uniform(s, 1e-5, 1e-1);
    p[COL_P_f] = log_uniform(s, 1e-6, 5e-4);
    p[COL_g_Na] = log_uniform(s, 0.01, 3);
    p[COL_g_K] = log_uniform(s, 0.05, 30);
    p[COL_g_Cl] = log_uniform(s, 0.02, 30);
    p[COL_P_Na] = log_uniform(s, 1e-12, 3e-9);
    p[COL_P_K] = log_uniform(s, 1e-12, 1e-7);
    p[COL_P_Cl] = log_uniform(s, 1e-11, 1e-7);
    const int transporters =
        leak == NM_ORACLE_GHK ? 0 : (int)uniform(s, 0, 4); /* bits: NKCC, KCC */
    p[COL_L_NKCC] = transporters & 1 ? log_uniform(s, 1e-12, 1e-7) : 0;
    p[COL_L_KCC] = transporters & 2 ? log_uniform(s, 1e-12, 1e-7) : 0;
    p[COL_p_max] = uniform(s, 0, 50) < 1 ? 0 : log_uniform(s, 1e-11, 1e-5);
    p[COL_K_Na] = uniform(s, 4, 25);
    p[COL_K_K] = uniform(s, 0.5, 4);
    p[COL_dG_ATP] = uniform(s, 0, 50) < 1 ? 0 : -uniform(s, 2e4, 6.5e4);
    p[COL_kappa_r] = uniform(s, 0, 4) < 1 ? 0 : uniform(s, 0, 2);
}

static nm_oracle_cell cell_of(const double p[N_COLUMNS], int leak, int pump, int membrane,
                              double v_w)
{
    nm_oracle_cell c = {
        .leak = (nm_oracle_leak)leak, .pump = (nm_oracle_pump)pump, .is_electroneutral = membrane};
#define COPY(name) c.name = p[COL_##name];
    COPY(T)
    COPY(C_m)
    COPY(Na_o)
    COPY(K_o)
    COPY(Cl_o)
    COPY(Y_o) COPY(z_X) COPY(N_X) COPY(P_f) COPY(g_Na) COPY(g_K) COPY(g_Cl) COPY(P_Na) COPY(P_K)
        COPY(P_Cl) COPY(L_NKCC) COPY(L_KCC) COPY(p_max) COPY(K_Na) COPY(K_K) COPY(dG_ATP)
            COPY(kappa_r)
#undef COPY
                c.v_w = v_w;
    return c;
}

/* --- the kernel's side ---------------------------------------------------------------------- */

static int find_choice(const nm_model *model, nm_task *task, const char *variant,
                       const char *choice)
{
    for (int i = 0; i < model->n_variants; i++) {
        if (strcmp(model->variants[i].name, variant) != 0) {
            continue;
        }
        for (int k = 0; k < model->variants[i].n_choices; k++) {
            if (strcmp(model->variants[i].choices[k], choice) == 0) {
                task->choice[i] = k;
                return 0;
            }
        }
    }
    fprintf(stderr, "oracle_sweep: the model has no variant %s = %s\n", variant, choice);
    return -1;
}

static int find_param(const nm_model *model, const char *name)
{
    for (int i = 0; i < model->n_params; i++) {
        if (strcmp(model->params[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* A table design whose columns are `column`; slots in the order of quantity_names. */
static int make_task(nm_task *task, const sweep *w, double (*column)[CHUNK], int leak, int pump,
                     int membrane)
{
    memset(task, 0, sizeof *task);
    task->abi = NM_ABI;
    task->solver = (nm_solver){.mode = NM_MODE_AUTO, .starts = 1, .rtol = 1e-6};
    task->draw.n_points = CHUNK;
    task->draw.n_draws = 1;
    task->draw.n_params = w->model->n_params;
    for (int i = 0; i < w->model->n_params; i++) {
        task->draw.value[i] = w->model->params[i].dflt;
    }
    for (int k = 0; k < N_COLUMNS; k++) {
        const int i = find_param(w->model, column_names[k]);
        if (i < 0) {
            fprintf(stderr, "oracle_sweep: the model has no parameter %s\n", column_names[k]);
            return -1;
        }
        task->draw.column_param[task->draw.n_columns] = i;
        task->draw.column[task->draw.n_columns++] = column[k];
    }
    for (int i = 0; i < NM_MAX_OUTPUTS; i++) {
        task->slot[i] = -1;
    }
    for (int q = 0; q < N_QUANTITIES; q++) {
        int found = 0;
        for (int i = 0; i < w->catalogue.n && !found; i++) {
            if (strcmp(w->catalogue.output[i].name, quantity_names[q]) == 0) {
                task->slot[i] = (int16_t)q;
                found = 1;
            }
        }
        if (!found) {
            fprintf(stderr, "oracle_sweep: the model has no output %s\n", quantity_names[q]);
            return -1;
        }
    }
    task->n_slots = N_QUANTITIES;
    if (find_choice(w->model, task, "leak", leak_names[leak]) != 0) {
        return -1;
    }
    if (find_choice(w->model, task, "pump", pump_names[pump]) != 0) {
        return -1;
    }
    return find_choice(w->model, task, "membrane", membrane_names[membrane]);
}

static int outcome_of(nm_oracle_class verdict)
{
    switch (verdict) {
    case NM_ORACLE_EQUILIBRIUM:
        return NM_OUTCOME_equilibrium;
    case NM_ORACLE_NESS:
        return NM_OUTCOME_ness;
    case NM_ORACLE_GROWTH:
        return NM_OUTCOME_no_steady_state_growth;
    case NM_ORACLE_DEPLETION:
        return NM_OUTCOME_no_steady_state_depletion;
    default:
        return -1;
    }
}

/* Counts a wrong set under its kind; the first of each kind is shown later. */
static void keep_wrong(sweep *w, const set_report *set)
{
    int i = 0;
    while (i < w->n_kinds &&
           !(w->wrong[i].leak == set->leak && w->wrong[i].pump == set->pump &&
             w->wrong[i].membrane == set->membrane && w->wrong[i].outcome == set->outcome &&
             w->wrong[i].oracle == set->oracle)) {
        i++;
    }
    if (i == MAX_KINDS) {
        return;
    }
    if (i == w->n_kinds) {
        w->wrong[w->n_kinds++] = *set;
    }
    w->n_of_kind[i]++;
}

/* Compares one set. Called with the mutex held. */
static void compare(sweep *w, const nm_oracle_answer *oracle, int outcome,
                    const double found[N_QUANTITIES], set_report *set)
{
    w->n_sets++;
    w->counts[set->leak][oracle->verdict]++;
    set->margin = (double)oracle->lysis_margin;
    set->outcome = outcome;
    set->oracle = outcome_of(oracle->verdict);
    const int is_band = fabs(set->margin) < BAND || fabs((double)oracle->depletion_margin) < BAND;
    int is_wrong = 0;
    w->n_band += is_band;
    if (oracle->verdict == NM_ORACLE_NOT_COVERED) {
        w->n_not_covered++;
        is_wrong = 1;
    } else if (outcome == NM_OUTCOME_not_converged) {
        w->n_not_converged++;
        is_wrong = 1;
    } else if (oracle->verdict == NM_ORACLE_GROWTH && set->leak == NM_ORACLE_GHK &&
               set->pump == NM_ORACLE_CONST && outcome == NM_OUTCOME_no_steady_state_depletion) {
        /* no steady state either way: the swelling cell would have Na+, the way there has not */
        w->n_ran_out++;
    } else if (!is_band && outcome != set->oracle) {
        w->n_wrong_class++;
        is_wrong = 1;
    } else if (!is_band && nm_outcome_has_values(outcome)) {
        const double wanted[N_QUANTITIES] = {(double)oracle->Na_i, (double)oracle->K_i,
                                             (double)oracle->Cl_i, (double)oracle->X_i,
                                             (double)oracle->ell,  (double)oracle->V};
        for (int q = 0; q < N_QUANTITIES; q++) {
            if (q < Q_ell && wanted[q] < SMALLEST && found[q] < SMALLEST) {
                w->n_exhausted++;
                continue;
            }
            const double scale =
                q == Q_V ? fabs(wanted[q]) + 8.314 / 96485 * set->p[COL_T] : fabs(wanted[q]);
            set->error =
                fabs(found[q] - wanted[q]) / (scale * TOLERANCE * fmax(1, 1 / set->margin));
            set->found = found[q];
            set->wanted = wanted[q];
            if (!(set->error <= w->worst[q].error)) {
                w->worst[q] = *set;
            }
            if (!(set->error <= 1) && !is_wrong) {
                w->n_wrong_state++;
                is_wrong = 1;
            }
        }
    }
    if (is_wrong) {
        keep_wrong(w, set);
    }
}

static void fail_sweep(sweep *w)
{
    pthread_mutex_lock(&w->mutex);
    w->is_broken = 1;
    pthread_mutex_unlock(&w->mutex);
}

/* Takes chunks until none is left. */
static void *work(void *context)
{
    sweep *w = context;
    double(*column)[CHUNK] = malloc(sizeof(double[N_COLUMNS][CHUNK]));
    double(*value)[CHUNK] = malloc(sizeof(double[N_QUANTITIES][CHUNK]));
    nm_oracle_answer *oracle = malloc(sizeof(nm_oracle_answer[CHUNK]));
    int8_t *outcome = malloc(CHUNK);
    uint16_t *flags = malloc(sizeof(uint16_t[CHUNK]));
    nm_task *task = malloc(sizeof *task);
    if (!column || !value || !oracle || !outcome || !flags || !task) {
        fail_sweep(w);
        goto done;
    }
    for (;;) {
        const int64_t chunk = atomic_fetch_add(&w->next, 1);
        const int64_t i_case = chunk / w->n_chunks_per_case;
        if (i_case >= N_LEAKS * N_PUMPS * N_MEMBRANES) {
            break;
        }
        const int leak = (int)(i_case / (N_PUMPS * N_MEMBRANES));
        const int pump = (int)(i_case / N_MEMBRANES % N_PUMPS),
                  membrane = (int)(i_case % N_MEMBRANES);

        uint64_t state = w->seed + (uint64_t)chunk * UINT64_C(0xd1342543de82ef95);
        set_report set = {.leak = leak, .pump = pump, .membrane = membrane};
        for (int i = 0; i < CHUNK; i++) {
            draw_set(set.p, &state, leak);
            for (int k = 0; k < N_COLUMNS; k++) {
                column[k][i] = set.p[k];
            }
            const nm_oracle_cell cell = cell_of(set.p, leak, pump, membrane, w->v_w);
            nm_oracle_solve(&oracle[i], &cell);
        }

        nm_tile tile = {.n = CHUNK, .values = value, .outcome = outcome, .flags = flags};
        if (make_task(task, w, column, leak, pump, membrane) != 0 ||
            w->kernel->run(task, &tile) != 0) {
            fail_sweep(w);
            break;
        }

        pthread_mutex_lock(&w->mutex);
        for (int i = 0; i < CHUNK; i++) {
            double found[N_QUANTITIES];
            for (int q = 0; q < N_QUANTITIES; q++) {
                found[q] = value[q][i];
            }
            for (int k = 0; k < N_COLUMNS; k++) {
                set.p[k] = column[k][i];
            }
            compare(w, &oracle[i], outcome[i], found, &set);
        }
        pthread_mutex_unlock(&w->mutex);
    }
done:
    free(column);
    free(value);
    free(oracle);
    free(outcome);
    free(flags);
    free(task);
    return NULL;
}

static void show_set(const set_report *set)
{
    printf("    leak = %s, pump = %s, membrane = %s: %s, oracle %s, lysis_margin %.3g\n   ",
           leak_names[set->leak], pump_names[set->pump], membrane_names[set->membrane],
           nm_outcome_name(set->outcome), nm_outcome_name(set->oracle), set->margin);
    for (int k = 0; k < N_COLUMNS; k++) {
        printf(" %s=%.17g", column_names[k], set->p[k]);
    }
    printf("\n");
}

int nm_oracle_sweep(long long n_sets, int lanes, uint64_t seed)
{
    static sweep w;
    memset(&w, 0, sizeof w);
    w.seed = seed;
    if (nm_model_find(&w.model, "pump_leak") != NM_OK ||
        nm_catalogue_build(&w.catalogue, w.model) != NM_OK ||
        nm_backend_cpu_kernel(&w.kernel, w.model, lanes) != NM_OK) {
        fprintf(stderr, "oracle_sweep: %s\n", nm_last_error());
        return -1;
    }
    const int i_v_w = find_param(w.model, "v_w");
    w.v_w = i_v_w >= 0 ? w.model->params[i_v_w].dflt : 1.8e-5;
    const int64_t per_case = (n_sets + N_PUMPS * N_MEMBRANES - 1) / (N_PUMPS * N_MEMBRANES);
    w.n_chunks_per_case = (per_case + CHUNK - 1) / CHUNK;

    pthread_mutex_init(&w.mutex, NULL);
    pthread_t thread[N_THREADS];
    int n_started = 0;
    while (n_started < N_THREADS && pthread_create(&thread[n_started], NULL, work, &w) == 0) {
        n_started++;
    }
    for (int i = 0; i < n_started; i++) {
        pthread_join(thread[i], NULL);
    }
    pthread_mutex_destroy(&w.mutex);

    printf("oracle_sweep: %lld sets, %d lanes\n", w.n_sets, w.kernel->lanes);
    for (int leak = 0; leak < N_LEAKS; leak++) {
        printf("  %-6s", leak_names[leak]);
        for (int k = 0; k < NM_ORACLE_NOT_COVERED; k++) {
            printf(" %s %lld", nm_outcome_name(outcome_of((nm_oracle_class)k)), w.counts[leak][k]);
        }
        printf("\n");
    }
    printf("  in the band |margin| < %g: %lld; concentrations that are zero in double: %lld\n",
           BAND, w.n_band, w.n_exhausted);
    printf("  Na+ runs out on the way from the initial state to endless growth: %lld\n",
           w.n_ran_out);
    for (int q = 0; q < N_QUANTITIES; q++) {
        printf("  worst %-5s %.2e of the tolerance: %.17g, oracle %.17g\n", quantity_names[q],
               w.worst[q].error, w.worst[q].found, w.worst[q].wanted);
        if (w.worst[q].error > 0) {
            show_set(&w.worst[q]);
        }
    }
    for (int i = 0; i < w.n_kinds; i++) {
        printf("  WRONG, %lld sets like this:\n", w.n_of_kind[i]);
        show_set(&w.wrong[i]);
    }
    const long long n_failed =
        w.n_wrong_class + w.n_not_converged + w.n_wrong_state + w.n_not_covered;
    const int is_good = n_failed == 0 && !w.is_broken && n_started > 0 &&
                        w.n_sets >= N_LEAKS * n_sets && w.n_ran_out <= w.n_sets / 1000;
    printf("oracle_sweep: %lld sets agree, %lld wrong class, %lld not converged, %lld wrong state, "
           "%lld not covered%s\n",
           w.n_sets - n_failed, w.n_wrong_class, w.n_not_converged, w.n_wrong_state,
           w.n_not_covered,
           is_good       ? ""
           : w.is_broken ? "; the kernel refused the task"
                         : "");
    return is_good ? 0 : -1;
}

int nm_oracle_sweep_main(int argc, char **argv, long long n_sets)
{
    if (argc > 1) {
        n_sets = atoll(argv[1]);
    }
    if (n_sets <= 0) {
        fprintf(stderr, "oracle_sweep: SETS must be a positive number, found \"%s\"\n", argv[1]);
        return 2;
    }
    const int lanes = argc > 2 ? atoi(argv[2]) : 0;
    const uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 20240611;
    return nm_oracle_sweep(n_sets, lanes, seed) == 0 ? 0 : 1;
}
