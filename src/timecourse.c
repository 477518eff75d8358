/* Chooses the times of a time course and lets the model's kernel compute it. */
#include "timecourse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TIMES = 200, MOST_TIMES = 1000000 };

/* --- 1. times --------------------------------------------------------------------------------- */

static nm_status make_room(nm_timecourse *course, int n_times)
{
    course->times = malloc((size_t)n_times * sizeof *course->times);
    course->n_times = n_times;
    return course->times ? NM_OK : nm_fail(NM_MEMORY, "no memory for %d times", n_times);
}

/* a finite number at *text that ends at `stop` or at the end; *text is moved behind it */
static int read_number(double *value, const char **text, char stop)
{
    char *end;
    errno = 0;
    *value = strtod(*text, &end);
    int is_number = end != *text && isfinite(*value) && (*end == stop || *end == '\0');
    *text = *end == stop && stop != '\0' ? end + 1 : end;
    return is_number;
}

static void fill_log(double *times, int n_times, double first, double last)
{
    for (int i = 0; i < n_times; i++) {
        times[i] = first * pow(last / first, (double)i / (n_times - 1));
    }
    times[n_times - 1] = last;
}

/* Doubles may be too coarse, or end too early, for so many times between two ends. */
static nm_status check_rising(const nm_timecourse *course, const char *given)
{
    for (int i = 1; i < course->n_times; i++) {
        if (!isfinite(course->times[i]) || course->times[i] <= course->times[i - 1]) {
            return nm_fail(NM_USAGE,
                           "--times %s: there are no %d different times between these; take fewer, "
                           "or ends that are neither as close nor as far apart",
                           given, course->n_times);
        }
    }
    return NM_OK;
}

/* "1e-3:1e6:200" behind "log:" or "lin:" */
static nm_status read_range(nm_timecourse *course, const char *given, int is_log)
{
    double first, last, n;
    const char *at = given + strlen("log:");
    if (!read_number(&first, &at, ':') || !read_number(&last, &at, ':') ||
        !read_number(&n, &at, '\0')) {
        return nm_fail(NM_USAGE, "--times %s: first, last and number are wanted, such as %s:200",
                       given, is_log ? "log:1e-3:1e6" : "lin:0:100");
    }
    if (n < 2.0 || n > MOST_TIMES || n != floor(n)) {
        return nm_fail(NM_USAGE, "--times %s: the number of times is a whole one from 2 to %d",
                       given, MOST_TIMES);
    }
    if (first < 0.0 || last <= first || (is_log && first == 0.0)) {
        return nm_fail(NM_USAGE, "--times %s: times rise from %s, and the last is the larger one",
                       given, is_log ? "above 0" : "0 or later");
    }
    NM_TRY(make_room(course, (int)n));
    if (is_log) {
        fill_log(course->times, course->n_times, first, last);
        return check_rising(course, given);
    }
    for (int i = 0; i < course->n_times; i++) {
        course->times[i] = first + (last - first) * ((double)i / (course->n_times - 1));
    }
    course->times[course->n_times - 1] = last;
    return check_rising(course, given);
}

static nm_status read_list(nm_timecourse *course, const char *given)
{
    int n_times = 1;
    for (const char *at = given; *at; at++) {
        n_times += *at == ',';
    }
    if (n_times > MOST_TIMES) {
        return nm_fail(NM_USAGE, "--times: %d times, but at most %d are possible", n_times,
                       MOST_TIMES);
    }
    NM_TRY(make_room(course, n_times));
    const char *at = given;
    for (int i = 0; i < n_times; i++) {
        if (!read_number(&course->times[i], &at, ',')) {
            return nm_fail(NM_USAGE,
                           "--times %s: numbers of seconds with commas are wanted, or "
                           "log:FIRST:LAST:N or lin:FIRST:LAST:N",
                           given);
        }
        if (course->times[i] < 0.0) {
            return nm_fail(NM_USAGE, "--times %s: %g is before the start; times begin at 0", given,
                           course->times[i]);
        }
        if (i > 0 && course->times[i] <= course->times[i - 1]) {
            return nm_fail(NM_USAGE, "--times %s: %g does not come after %g; times rise", given,
                           course->times[i], course->times[i - 1]);
        }
    }
    return NM_OK;
}

/* equal steps of the logarithm, from before anything has moved until nothing moves any more, or there is nothing left */
static nm_status choose_times(nm_timecourse *course, const nm_trace *survey)
{
    NM_TRY(make_room(course, DEFAULT_TIMES));
    /* where the start is steady already there is still something to see */
    double last = survey->last > 10.0 * survey->first ? survey->last : 1e3 * survey->first;
    fill_log(course->times, course->n_times, survey->first, last);
    return NM_OK;
}

static nm_status read_times(nm_timecourse *course, const char *given)
{
    int is_log = strncmp(given, "log:", 4) == 0;
    return is_log || strncmp(given, "lin:", 4) == 0 ? read_range(course, given, is_log)
                                                    : read_list(course, given);
}

/* --- 2. the course ---------------------------------------------------------------------------- */

static nm_status call_kernel(nm_timecourse *course, nm_trace *trace)
{
    const nm_plan *plan = course->plan;
    if (plan->model->trace(&plan->task, course->params, trace) != 0) {
        return nm_fail(NM_USAGE,
                       "model %s: with these parameters the initial state is outside of what the "
                       "model describes: `nessmap models %s` lists its parameters and their ranges",
                       plan->model->name, plan->model->name);
    }
    return NM_OK;
}

nm_status nm_timecourse_solve(nm_timecourse *course, nm_plan *plan, const double *params,
                              const char *times, double rtol)
{
    const nm_model *model = plan->model;
    memset(course, 0, sizeof *course);
    course->plan = plan;
    course->rtol = rtol;
    memcpy(course->params, params, (size_t)model->n_params * sizeof *params);
    plan->task.solver.mode = NM_MODE_FOLLOW;
    if (!model->trace) {
        return nm_fail(NM_USAGE, "model %s has no time courses; compile it again", model->name);
    }
    nm_trace trace = {.rtol = rtol};
    if (times) {
        NM_TRY(read_times(course, times));
    } else {
        NM_TRY(call_kernel(course, &trace));
        NM_TRY(choose_times(course, &trace));
    }
    size_t n_values = (size_t)plan->catalogue.n * (size_t)course->n_times;
    course->values = malloc(n_values * sizeof *course->values);
    if (!course->values) {
        return nm_fail(NM_MEMORY, "no memory for %d times of %d outputs", course->n_times,
                       plan->catalogue.n);
    }
    for (size_t i = 0; i < n_values; i++) {
        course->values[i] = NAN;
    }
    trace.n_times = course->n_times;
    trace.times = course->times;
    trace.values = course->values;
    NM_TRY(call_kernel(course, &trace));
    course->n_done = trace.n_done;
    course->n_steps = trace.n_steps;
    return nm_balance_solve(&course->end, plan, params);
}

void nm_timecourse_clear(nm_timecourse *course)
{
    free(course->times);
    free(course->values);
    course->times = course->values = NULL;
}
