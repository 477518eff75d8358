/* Finds in a time course what runs away, or out, and says when. */
#include "course.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

char *nm_course_time(char *out, double seconds)
{
    if (seconds < 3.2e9) {
        return nm_words_time(out, seconds);
    }
    snprintf(out, NM_WORDS, "%.2g years", seconds / 3.15576e7);
    return out;
}

/* how far a family's i-th output went: ln of its ratio, or volts */
static double moved(const nm_plan *plan, nm_family family, int i, const double *begin,
                    const double *end)
{
    int at = nm_catalogue_number(plan->model, family, i);
    if (family == NM_FAMILY_potential) {
        return fabs(end[at] - begin[at]);
    }
    return begin[at] > 0.0 && end[at] > 0.0 ? log(end[at] / begin[at]) : 0.0;
}

static int find_most(const nm_plan *plan, nm_family family, int sign, const double *begin,
                     const double *end)
{
    /* a millivolt, a percent: less is no news */
    double most = family == NM_FAMILY_potential ? 1e-3 : 1e-2;
    int found = -1;
    for (int i = 0; i < nm_catalogue_count(plan->model, family); i++) {
        double far = sign * moved(plan, family, i, begin, end);
        if (far > most) {
            most = far;
            found = nm_catalogue_number(plan->model, family, i);
        }
    }
    return found;
}

int nm_course_find(const nm_plan *plan, int outcome, const double *begin, const double *end)
{
    int found;
    switch (outcome) {
    case NM_OUTCOME_no_steady_state_growth:
        found = find_most(plan, NM_FAMILY_volume, 1, begin, end);
        return found >= 0 ? found : find_most(plan, NM_FAMILY_conc, 1, begin, end);
    case NM_OUTCOME_no_steady_state_depletion:
        return find_most(plan, NM_FAMILY_conc, -1, begin, end);
    case NM_OUTCOME_equilibrium:
    case NM_OUTCOME_ness:
        return find_most(plan, NM_FAMILY_potential, 1, begin, end);
    default:
        return -1;
    }
}

/* when the series passed `level` for good, straight between two times; NaN where it did not */
static double passed(int n, const double *times, const double *series, double level)
{
    int is_above = series[n - 1] >= level, i = n - 1;
    while (i > 0 && (series[i - 1] >= level) == is_above) {
        i--;
    }
    if (i == 0) {
        return NAN;
    }
    double share = (level - series[i - 1]) / (series[i] - series[i - 1]);
    return times[i - 1] + share * (times[i] - times[i - 1]);
}

static void add(char out[NM_COURSE_TEXT], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(char out[NM_COURSE_TEXT], const char *format, ...)
{
    size_t length = strlen(out);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out + length, NM_COURSE_TEXT - length, format, arguments);
    va_end(arguments);
}

/* ": 2 times as much after 53 min, 10 times as much after 7 h" */
static void add_ratios(char out[NM_COURSE_TEXT], int grows, int n, const double *times,
                       const double *series)
{
    static const int ratios[] = {2, 10, 100, 1000};
    const char *between = ": ";
    char words[NM_WORDS], before[NM_WORDS] = "";
    for (int k = 0; k < 4; k++) {
        double ratio = grows ? ratios[k] : 1.0 / ratios[k];
        double when = passed(n, times, series, ratio * series[0]);
        /* in the last moments, one ratio after the other */
        if (isfinite(when) && strcmp(nm_course_time(words, when), before) != 0) {
            add(out, grows ? "%s%d times as much after %s" : "%s1/%d of it after %s", between,
                ratios[k], words);
            between = ", ";
            strcpy(before, words);
        }
    }
}

char *nm_course_words(char out[NM_COURSE_TEXT], const nm_plan *plan, int outcome, int told, int n,
                      const double *times, const double *series)
{
    out[0] = '\0';
    if (told < 0 || n < 2) {
        return out;
    }
    const nm_output *output = &plan->catalogue.output[told];
    char first[NM_WORDS], last[NM_WORDS], when[NM_WORDS];
    add(out, "%s goes from %s to %s", output->name,
        nm_words_quantity(first, series[0], output->unit),
        nm_words_quantity(last, series[n - 1], output->unit));
    if (outcome == NM_OUTCOME_equilibrium || outcome == NM_OUTCOME_ness) {
        double half = passed(n, times, series, 0.5 * (series[0] + series[n - 1]));
        if (isfinite(half)) {
            add(out, ", half way for good after %s", nm_course_time(when, half));
        }
    } else {
        add_ratios(out, outcome == NM_OUTCOME_no_steady_state_growth, n, times, series);
        add(out, "; the course ends after %s", nm_course_time(when, times[n - 1]));
    }
    return out;
}
