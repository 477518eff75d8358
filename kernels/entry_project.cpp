/* Projections and quantiles on the CPU: what the host calls, with C linkage; see model_abi.h for the contracts. */
#include "draw.h"
#include "reduce.h"

static inline void nm_word_add(int64_t *word, int64_t x)
{
    *word = (int64_t)((uint64_t)*word + (uint64_t)x);
}
static inline void nm_word_least(int64_t *word, int64_t x)
{
    *word = x < *word ? x : *word;
}
#include "project.h"

/* --- 1. words ------------------------------------------------------------------------------------- */

extern "C" void nm_words_clear(int64_t *words, const nm_reduction *r)
{
    const double none = NM_NAN;
    for (int64_t i = 0; i < r->n_words; i++) {
        words[i] = i < r->first_extreme ? 0 : NM_KEY_MOST;
    }
    for (int64_t i = 0; i < r->n_words && r->n_projections == 0; i++) {
        memcpy(words + i, &none, sizeof none);
    }
}

extern "C" void nm_words_merge(int64_t *into, const int64_t *more, const nm_reduction *r)
{
    for (int64_t i = 0; i < r->first_extreme; i++) {
        nm_word_add(into + i, more[i]);
    }
    for (int64_t i = r->first_extreme; i < r->n_words; i++) {
        nm_word_least(into + i, more[i]);
    }
}

extern "C" void nm_project(int64_t *words, const nm_tile *points, int64_t offset, int64_t n, const nm_task *task)
{
    for (int p = 0; p < task->reduction.n_projections; p++) {
        for (int64_t i = offset; i < offset + n; i++) {
            nm_project_point(words, task, p, (const double *)points->values, points->params, points->n, i,
                             points->outcome[i]);
        }
    }
}

extern "C" double nm_extreme_of(int64_t key) { return nm_value_of_key(key); }

extern "C" double nm_indicator_of(int indicator, int outcome) { return nm_indicator(indicator, outcome); }

/* --- 2. quantiles --------------------------------------------------------------------------------- */

/* Moves values so that that of rank k is in its place, none before it is larger, none after it smaller. */
static double select_rank(double *x, int64_t n, int64_t k)
{
    int64_t low = 0, high = n - 1;
    while (low < high) {
        const int64_t pivot = nm_key_of(x[low + (high - low) / 2]);
        int64_t i = low - 1, j = high + 1;
        for (;;) {
            do {
                i++;
            } while (nm_key_of(x[i]) < pivot);
            do {
                j--;
            } while (nm_key_of(x[j]) > pivot);
            if (i >= j) {
                break;
            }
            const double other = x[i];
            x[i] = x[j];
            x[j] = other;
        }
        if (k <= j) {
            high = j;
        } else {
            low = j + 1;
        }
    }
    return x[k];
}

extern "C" void nm_quantiles_of(double *quantiles, double *values, int64_t n, const nm_reduction *r)
{
    int64_t m = 0;
    for (int64_t i = 0; i < n; i++) {
        if (values[i] - values[i] == 0.0) {
            values[m++] = values[i];
        }
    }
    for (int q = 0; q < r->n_quantiles; q++) {
        const double rank = (double)(m - 1) * r->quantile[q];
        const int64_t k = (int64_t)rank;
        if (m == 0) {
            quantiles[q] = NM_NAN;
            continue;
        }
        const double a = select_rank(values, m, k);
        double b = a;
        if (k + 1 < m) { /* the least of what lies behind */
            b = values[k + 1];
            for (int64_t i = k + 2; i < m; i++) {
                b = nm_key_of(values[i]) < nm_key_of(b) ? values[i] : b;
            }
        }
        quantiles[q] = nm_between(a, b, rank - (double)k);
    }
}

/* --- 3. edges ------------------------------------------------------------------------------------- */

extern "C" void nm_edges_of_axis(double *edges, int64_t n, const nm_axis *axis)
{
    nm_axis fine = *axis;
    fine.n = n + 1;
    fine.values = NULL;
    nm_prepare_axis(&fine);
    for (int64_t i = 0; i <= n; i++) {
        edges[i] = nm_axis_point(&fine, i);
    }
}

extern "C" void nm_edges_of_random(double *edges, int64_t n, const nm_random *random)
{
    edges[0] = -NM_INFINITY;
    edges[n] = NM_INFINITY;
    for (int64_t i = 1; i < n; i++) {
        edges[i] = nm_quantile(random, (double)i / (double)n);
    }
}
