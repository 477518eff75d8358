/* Compares the declared totals of a model with the integer left null space of its stoichiometry.
 *
 * The unknowns that pathways move are the free species and the water of compartments that swell.
 * A vector w over them with nu w = 0 for every pathway is a conserved sum: the balances are then
 * dependent, and the solver needs a declared total in the place of one of them. Parameters in a
 * total ("F + W - W_c") are numbers that nothing moves. */
#include "conservation.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression.h"

enum { SUM_BYTES = 256, MOST_CHARGE = 1000000 };

/* Rows of integers, brought to echelon form one by one. */
typedef struct echelon {
    int n_rows, n_columns;
    int64_t *row; /* [n_rows][n_columns] */
    int *pivot;   /* [n_rows] first non-zero column */
    int is_large; /* 1 where a number no longer fits: the rows are then worth nothing */
} echelon;

typedef struct ledger {
    const nm_model *model;
    int n;        /* moved unknowns */
    int *species; /* [n] */
} ledger;

static int64_t gcd(int64_t a, int64_t b)
{
    a = a < 0 ? -a : a;
    b = b < 0 ? -b : b;
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Divides a row by its common factor, which keeps the integers small. */
static void reduce(int64_t *row, int n)
{
    int64_t factor = 0;
    for (int i = 0; i < n; i++) {
        factor = gcd(factor, row[i]);
    }
    for (int i = 0; i < n && factor > 1; i++) {
        row[i] /= factor;
    }
}

/* x a - y b, or 0 and *is_large where that does not fit. */
static int64_t combine(int64_t x, int64_t a, int64_t y, int64_t b, int *is_large)
{
    int64_t left, right, difference;
    if (__builtin_mul_overflow(x, a, &left) || __builtin_mul_overflow(y, b, &right) ||
        __builtin_sub_overflow(left, right, &difference) || difference == INT64_MIN) {
        *is_large = 1;
        return 0;
    }
    return difference;
}

/* row = row * a - other * b with the common factor of a and b left out */
static void eliminate(int64_t *row, const int64_t *other, int pivot, int n, int *is_large)
{
    int64_t factor = gcd(row[pivot], other[pivot]);
    int64_t a = other[pivot] / factor, b = row[pivot] / factor;
    for (int i = 0; i < n; i++) {
        row[i] = combine(row[i], a, other[i], b, is_large);
    }
    reduce(row, n);
}

static int echelon_create(echelon *echelon, int max_rows, int n_columns)
{
    echelon->n_rows = 0;
    echelon->n_columns = n_columns;
    echelon->row = calloc((size_t)max_rows * (size_t)n_columns + 1, sizeof(int64_t));
    echelon->pivot = calloc((size_t)max_rows + 1, sizeof(int));
    return echelon->row != NULL && echelon->pivot != NULL;
}

static void echelon_destroy(echelon *echelon)
{
    free(echelon->row);
    free(echelon->pivot);
}

/* Adds a vector where it is independent of the rows that are there. returns 1 where it was, 0 also
 * where numbers became too large. */
static int echelon_add(echelon *echelon, const int64_t *vector)
{
    int n = echelon->n_columns;
    int64_t *row = echelon->row + (size_t)echelon->n_rows * (size_t)n;
    memcpy(row, vector, (size_t)n * sizeof(int64_t));
    reduce(row, n);
    for (int k = 0; k < echelon->n_rows && !echelon->is_large; k++) {
        if (row[echelon->pivot[k]] != 0) {
            eliminate(row, echelon->row + (size_t)k * (size_t)n, echelon->pivot[k], n,
                      &echelon->is_large);
        }
    }
    int pivot = 0;
    while (pivot < n && row[pivot] == 0) {
        pivot++;
    }
    if (pivot == n || echelon->is_large) {
        return 0;
    }
    /* no other row keeps an entry in the new pivot's column */
    for (int k = 0; k < echelon->n_rows && !echelon->is_large; k++) {
        int64_t *other = echelon->row + (size_t)k * (size_t)n;
        if (other[pivot] != 0) {
            eliminate(other, row, pivot, n, &echelon->is_large);
        }
    }
    echelon->pivot[echelon->n_rows++] = pivot;
    return 1;
}

/* The null vector of the rows that belongs to the free column `column`; nothing where it is too
 * large. */
static void null_vector(int64_t *vector, echelon *echelon, int column)
{
    int n = echelon->n_columns;
    int64_t scale = 1;
    for (int k = 0; k < echelon->n_rows && !echelon->is_large; k++) {
        const int64_t *row = echelon->row + (size_t)k * (size_t)n;
        int64_t pivot = row[echelon->pivot[k]];
        scale = combine(scale / gcd(scale, pivot), pivot < 0 ? -pivot : pivot, 0, 0,
                        &echelon->is_large);
    }
    if (echelon->is_large) {
        return;
    }
    memset(vector, 0, (size_t)n * sizeof(int64_t));
    vector[column] = scale;
    for (int k = 0; k < echelon->n_rows; k++) {
        const int64_t *row = echelon->row + (size_t)k * (size_t)n;
        vector[echelon->pivot[k]] =
            combine(0, 0, row[column], scale / row[echelon->pivot[k]], &echelon->is_large);
    }
    if (echelon->is_large) {
        return;
    }
    reduce(vector, n);

    /* as people write it: the first term is positive */
    int first = 0;
    while (vector[first] == 0) {
        first++;
    }
    if (vector[first] < 0) {
        for (int i = 0; i < n; i++) {
            vector[i] = -vector[i];
        }
    }
}

static int is_moved(const nm_model *model, int species)
{
    const nm_species_info *info = &model->species[species];
    return info->kind == NM_SPECIES_FREE || (info->kind == NM_SPECIES_WATER &&
                                             model->compartments[info->compartment].volume != NULL);
}

static int64_t nu(const ledger *ledger, int i_path, int i)
{
    return ledger->model->nu[i_path * ledger->model->n_species + ledger->species[i]];
}

/* The first pathway that changes the sum, or -1. */
static int changing_path(const ledger *ledger, const int64_t *vector)
{
    for (int k = 0; k < ledger->model->n_paths; k++) {
        int64_t change = 0;
        for (int i = 0; i < ledger->n; i++) {
            change += nu(ledger, k, i) * vector[i];
        }
        if (change != 0) {
            return k;
        }
    }
    return -1;
}

/* Writes "A + 2*B". */
static void write_sum(char out[SUM_BYTES], const ledger *ledger, const int64_t *vector)
{
    size_t length = 0;
    out[0] = '\0';
    for (int i = 0; i < ledger->n && length < SUM_BYTES; i++) {
        int64_t factor = vector[i] < 0 ? -vector[i] : vector[i];
        const char *name = ledger->model->species[ledger->species[i]].name;
        const char *sign = vector[i] < 0 ? (length > 0 ? " - " : "-") : (length > 0 ? " + " : "");
        if (factor == 1) {
            length += (size_t)snprintf(out + length, SUM_BYTES - length, "%s%s", sign, name);
        } else if (factor > 1) {
            length += (size_t)snprintf(out + length, SUM_BYTES - length, "%s%lld*%s", sign,
                                       (long long)factor, name);
        }
    }
}

/* The same by its text, where all volumes are one. names: of the species and then of the parameters
 */
static nm_status read_total_text(int64_t *vector, const ledger *ledger, const nm_total_info *total,
                                 const char *const *names)
{
    const nm_model *model = ledger->model;
    const int n_names = model->n_species + model->n_params;
    nm_affine affine;
    if (nm_affine_parse(&affine, total->expression, names, n_names) != NM_OK) {
        return nm_fail(NM_USAGE, "model %s: total %s = \"%s\": %s", model->name, total->name,
                       total->expression, nm_last_error());
    }
    memset(vector, 0, (size_t)ledger->n * sizeof(int64_t));
    int has_own = 0;
    for (int k = 0; k < affine.n_terms; k++) {
        if (affine.index[k] >= model->n_species) {
            continue;
        }
        int i = 0;
        while (i < ledger->n && ledger->species[i] != affine.index[k]) {
            i++;
        }
        if (i == ledger->n || affine.coef[k] != floor(affine.coef[k]) ||
            fabs(affine.coef[k]) > 1e6) {
            return nm_fail(
                NM_USAGE,
                "model %s: total %s = \"%s\": %g*%s is not a whole number of a free species",
                model->name, total->name, total->expression, affine.coef[k],
                names[affine.index[k]]);
        }
        vector[i] = (int64_t)affine.coef[k];
        has_own |= affine.index[k] == total->species;
    }
    if (!has_own || affine.constant != 0.0) {
        return nm_fail(
            NM_USAGE,
            "model %s: total %s = \"%s\" must hold the species %s whose balance it replaces, and "
            "no number alone",
            model->name, total->name, total->expression, names[total->species]);
    }
    int k = changing_path(ledger, vector);
    if (k >= 0) {
        return nm_fail(
            NM_USAGE,
            "model %s: total %s = \"%s\" is not conserved: pathway %s (%s -> %s) changes it",
            model->name, total->name, total->expression, model->paths[k].name, model->paths[k].from,
            model->paths[k].to);
    }
    return NM_OK;
}

/* What a total says of amounts, by the compiled model: whole numbers, up to a common factor.
 * weights: [n_species] */
static nm_status read_total(int64_t *vector, const ledger *ledger, int t, const double *weights)
{
    const nm_model *model = ledger->model;
    const nm_total_info *total = &model->totals[t];
    double unit = weights[total->species];
    if (!(fabs(unit) > 0.0)) {
        return nm_fail(
            NM_USAGE,
            "model %s: total %s = \"%s\" must hold the species %s whose balance it replaces",
            model->name, total->name, total->expression, model->species[total->species].name);
    }
    for (int i = 0; i < ledger->n; i++) {
        double share = weights[ledger->species[i]] / unit, whole = round(share);
        if (!(fabs(share - whole) <= 1e-9 * (1.0 + fabs(share))) || !(fabs(whole) <= 1e6)) {
            return nm_fail(
                NM_USAGE,
                "model %s: total %s = \"%s\": a mole of %s counts %g times one of %s, where a "
                "whole number is wanted; concentrations are weighted by the volumes of their "
                "compartments",
                model->name, total->name, total->expression,
                model->species[ledger->species[i]].name, share,
                model->species[total->species].name);
        }
        vector[i] = (int64_t)whole;
    }
    int k = changing_path(ledger, vector);
    if (k >= 0) {
        return nm_fail(
            NM_USAGE,
            "model %s: total %s = \"%s\" is not conserved: pathway %s (%s -> %s) changes it",
            model->name, total->name, total->expression, model->paths[k].name, model->paths[k].from,
            model->paths[k].to);
    }
    return NM_OK;
}

/* The charge of a compartment as a sum over its free species. returns 0 where a charge is not a
 * number, or none that a species has. */
static int read_charge(int64_t *vector, const ledger *ledger, int compartment)
{
    int has_charge = 0;
    for (int i = 0; i < ledger->n; i++) {
        const nm_species_info *info = &ledger->model->species[ledger->species[i]];
        vector[i] = 0;
        if (info->compartment != compartment) {
            continue;
        }
        char *end;
        long charge = strtol(info->charge, &end, 10);
        if (*end != '\0' || labs(charge) > MOST_CHARGE) {
            return 0;
        }
        vector[i] = charge;
        has_charge |= charge != 0;
    }
    return has_charge;
}

static nm_status check_large(const nm_model *model, const echelon *moves, const echelon *known)
{
    return !moves->is_large && !known->is_large
               ? NM_OK
               : nm_fail(NM_USAGE,
                         "model %s: what its pathways conserve cannot be found, for the numbers on "
                         "their sides multiply to more than 2^63; smaller ones are needed",
                         model->name);
}

/* work: [n] */
static nm_status check(const ledger *ledger, echelon *moves, echelon *known, int64_t *work,
                       const char *const *names, const double *weights)
{
    const nm_model *model = ledger->model;
    for (int k = 0; k < model->n_totals; k++) {
        if (weights != NULL) {
            NM_TRY(read_total(work, ledger, k, weights + (size_t)k * (size_t)model->n_species));
        } else {
            NM_TRY(read_total_text(work, ledger, &model->totals[k], names));
        }
        if (!echelon_add(known, work)) {
            NM_TRY(check_large(model, moves, known));
            return nm_fail(
                NM_USAGE,
                "model %s: total %s = \"%s\" follows from the totals before it; remove it",
                model->name, model->totals[k].name, model->totals[k].expression);
        }
    }
    for (int c = 0; c < model->n_compartments; c++) {
        if (model->compartments[c].potential != NULL && read_charge(work, ledger, c) &&
            changing_path(ledger, work) < 0) {
            echelon_add(known, work);
        }
    }

    for (int k = 0; k < model->n_paths; k++) {
        for (int i = 0; i < ledger->n; i++) {
            work[i] = nu(ledger, k, i);
        }
        echelon_add(moves, work);
    }
    for (int column = 0; column < ledger->n; column++) {
        int is_pivot = 0;
        for (int k = 0; k < moves->n_rows; k++) {
            is_pivot |= moves->pivot[k] == column;
        }
        if (is_pivot) {
            continue;
        }
        null_vector(work, moves, column);
        NM_TRY(check_large(model, moves, known));
        if (echelon_add(known, work)) {
            char sum[SUM_BYTES];
            NM_TRY(check_large(model, moves, known));
            write_sum(sum, ledger, work);
            return nm_fail(NM_USAGE,
                           "model %s: its pathways conserve %s, but no total says so; declare one",
                           model->name, sum);
        }
    }
    return check_large(model, moves, known);
}

nm_status nm_conservation_check(const nm_model *model)
{
    int n = model->n_species;
    ledger ledger = {.model = model, .species = calloc((size_t)n + 1, sizeof(int))};
    const char **names = calloc((size_t)(n + model->n_params) + 1, sizeof(*names));
    int64_t *work = calloc((size_t)n + 1, sizeof(int64_t));
    echelon moves = {0}, known = {0};
    nm_status status = NM_MEMORY;
    if (ledger.species != NULL && names != NULL && work != NULL) {
        for (int s = 0; s < n; s++) {
            names[s] = model->species[s].name;
            if (is_moved(model, s)) {
                ledger.species[ledger.n++] = s;
            }
        }
        for (int i = 0; i < model->n_params; i++) {
            names[n + i] = model->params[i].name;
        }
        /* a full basis and one row to try a vector in */
        int max_rows = ledger.n + 1;
        if (echelon_create(&moves, max_rows, ledger.n) &&
            echelon_create(&known, max_rows, ledger.n)) {
            double *weights = NULL;
            if (model->total_weights != NULL) {
                weights = calloc((size_t)model->n_totals * (size_t)n + 1, sizeof(double));
                if (weights != NULL) {
                    model->total_weights(weights);
                }
            }
            status = check(&ledger, &moves, &known, work, names, weights);
            free(weights);
        }
    }
    if (status == NM_MEMORY) {
        nm_fail(NM_MEMORY, "no memory to check model %s", model->name);
    }
    echelon_destroy(&moves);
    echelon_destroy(&known);
    free(work);
    free(names);
    free(ledger.species);
    return status;
}
