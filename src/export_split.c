/* Shares rows out among training, validation and test, by a hash of their index, and holds a box of
 * the inputs out. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "export_parts.h"

#define SPLIT_NAME(name) #name,
const char *const nm_split_name[NM_N_SPLITS] = {NM_SPLIT_LIST(SPLIT_NAME)};
#undef SPLIT_NAME

static nm_status read_shares(nm_split *split, const char *text)
{
    const char *at = text;
    double sum = 0.0;
    for (int i = 0; i < 3; i++) {
        char *end;
        split->share[i] = strtod(at, &end);
        int is_right = end > at && split->share[i] >= 0.0 && *end == (i < 2 ? ',' : '\0');
        if (!is_right) {
            return nm_fail(NM_USAGE,
                           "--split %s: the shares of training, validation and test are wanted, "
                           "such as 0.8,0.1,0.1",
                           text);
        }
        sum += split->share[i];
        at = end + 1;
    }
    if (!(fabs(sum - 1.0) < 1e-9)) {
        return nm_fail(NM_USAGE, "--split %s: the shares add up to %g; 1 is wanted", text, sum);
    }
    return NM_OK;
}

nm_status nm_split_read(nm_split *split, const nm_export_options *options, int64_t rows_together)
{
    *split = (nm_split){.rows_together = rows_together};
    NM_TRY(read_shares(split, options->split ? options->split : "0.8,0.1,0.1"));
    split->below[0] = split->share[0];
    split->below[1] = split->share[2] > 0.0 ? split->share[0] + split->share[1] : 1.0;
    const char *seed = options->split_seed;
    if (seed) {
        char *end;
        errno = 0;
        unsigned long long value = strtoull(seed, &end, 10);
        if (seed[0] < '0' || seed[0] > '9' || *end != '\0' || errno != 0) {
            return nm_fail(NM_USAGE, "--split-seed %s: a whole number of 0 or more is wanted",
                           seed);
        }
        split->seed = value;
    }
    return NM_OK;
}

nm_status nm_split_hold_out(nm_split *split, const char *text, const char *const *names, int n)
{
    const char *equals = strchr(text, '='), *dots = equals ? strstr(equals, "..") : NULL;
    char *end_low = NULL, *end_high = NULL;
    double low = dots ? strtod(equals + 1, &end_low) : NAN;
    /* "1..5": strtod takes the first dot along */
    int is_low = dots && end_low > equals + 1 && (end_low == dots || end_low == dots + 1);
    double high = dots ? strtod(dots + 2, &end_high) : NAN;
    if (!is_low || end_high == dots + 2 || *end_high != '\0' || !isfinite(low) || !isfinite(high) ||
        low > high) {
        return nm_fail(NM_USAGE,
                       "--hold-out %s: NAME=LOW..HIGH is wanted, in the unit of the file and with "
                       "LOW <= HIGH, such as K_o=5..10",
                       text);
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    int input = 0;
    while (input < n && strcmp(names[input], name) != 0) {
        input++;
    }
    if (input == n) {
        const char *near = nm_nearest(name, names, (size_t)n);
        return nm_fail(NM_USAGE, "--hold-out %s: \"%s\" is not among the inputs%s%s%s", text, name,
                       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    for (int i = 0; i < split->n_sides; i++) {
        if (split->side[i].input == input) {
            return nm_fail(NM_USAGE, "--hold-out %s: \"%s\" is held out twice; give one range",
                           text, name);
        }
    }
    split->side[split->n_sides++] = (nm_box_side){input, low, high};
    return NM_OK;
}

/* Output `number` of the generator SplitMix64 that starts with `seed`, as a number in [0, 1). */
static double uniform(uint64_t seed, uint64_t number)
{
    uint64_t z = seed + (number + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53;
}

nm_split_part nm_split_of(const nm_split *split, int64_t index, const float *x)
{
    int is_held_out = split->n_sides > 0;
    for (int i = 0; i < split->n_sides && is_held_out; i++) {
        const nm_box_side *side = &split->side[i];
        is_held_out = (double)x[side->input] >= side->low && (double)x[side->input] <= side->high;
    }
    if (is_held_out) {
        return NM_SPLIT_extrapolation;
    }
    double u = uniform(split->seed, (uint64_t)(index / split->rows_together));
    return u < split->below[0]   ? NM_SPLIT_train
           : u < split->below[1] ? NM_SPLIT_validation
                                 : NM_SPLIT_test;
}
