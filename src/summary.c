/* Says in words what a scan found, and which one parameter threshold explains most of each class.
 *
 * 1. why: the best threshold     2. lines     3. the summary */
#include "summary.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "words.h"

enum { LABEL_WIDTH = 17, LINE_WIDTH = 110 };

static const double least_youden =
    0.4; /* a threshold that separates less than this explains nothing */

/* --- 1. why: the best threshold --------------------------------------------------------------- */

/* counts of one bin: the class, and all others that were computed */
static void bin_counts(double *n_class, double *n_rest, const nm_tally *tally, int i_scanned,
                       int i_bin, int outcome)
{
    const int64_t *count =
        tally->bin_count + ((int64_t)i_scanned * tally->n_bins + i_bin) * NM_N_OUTCOMES;
    *n_class = (double)count[outcome];
    *n_rest = 0.0;
    for (int i = 0; i < NM_N_OUTCOMES; i++) {
        if (i != outcome && i != NM_OUTCOME_not_run) {
            *n_rest += (double)count[i];
        }
    }
}

void nm_summary_why(nm_why *why, const nm_tally *tally, int outcome)
{
    *why = (nm_why){.param = -1};
    double best = least_youden;
    for (int i = 0; i < tally->n_scanned; i++) {
        double class_all = 0.0, rest_all = 0.0, n_class, n_rest;
        for (int k = 0; k < tally->n_bins; k++) {
            bin_counts(&n_class, &n_rest, tally, i, k, outcome);
            class_all += n_class;
            rest_all += n_rest;
        }
        if (class_all == 0.0 || rest_all == 0.0) {
            return;
        }
        const double *edge = tally->bin_edge + (int64_t)i * (tally->n_bins + 1);
        int is_rising = edge[tally->n_bins] >= edge[0];
        double class_below = 0.0, rest_below = 0.0;
        for (int k = 0; k + 1 < tally->n_bins; k++) {
            bin_counts(&n_class, &n_rest, tally, i, k, outcome);
            class_below += n_class;
            rest_below += n_rest;
            double inside = class_below / class_all, outside = rest_below / rest_all;
            if (fabs(inside - outside) > best) {
                best = fabs(inside - outside);
                int is_lower_side =
                    inside > outside; /* of the bins, which may fall with the parameter */
                why->param = tally->scanned_param[i];
                why->is_above = is_lower_side != is_rising;
                why->value = edge[k + 1];
                why->inside = is_lower_side ? inside : 1.0 - inside;
                why->outside = is_lower_side ? outside : 1.0 - outside;
            }
        }
    }
}

double nm_summary_failed_share(const nm_tally *tally)
{
    int64_t n_failed = nm_failed_points(tally->count);
    int64_t n_run = tally->n_points - tally->count[NM_OUTCOME_not_run];
    return n_run > 0 ? (double)n_failed / (double)n_run : 0.0;
}

/* --- 2. lines --------------------------------------------------------------------------------- */

static void line(FILE *stream, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void line(FILE *stream, const char *label, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stream, "%-*s", LABEL_WIDTH, label);

    /* long lines break after a comma or a semicolon outside brackets */
    const char *at = text;
    size_t width = LINE_WIDTH - LABEL_WIDTH;
    while (strlen(at) > width) {
        size_t cut = 0;
        int depth = 0;
        for (size_t i = 0; i < width; i++) {
            depth += (at[i] == '(') - (at[i] == ')');
            if (depth == 0 && (at[i] == ',' || at[i] == ';') && at[i + 1] == ' ') {
                cut = i + 1;
            }
        }
        if (cut == 0) {
            break;
        }
        fprintf(stream, "%.*s\n%-*s", (int)cut, at, LABEL_WIDTH, "");
        at += cut + 1;
    }
    fprintf(stream, "%s\n", at);
}

/* a share of points in per cent, whole numbers where they say enough */
static const char *percent(char *out, double share)
{
    double value = 100.0 * share;
    if (value >= 99.95 || value < 0.05) {
        snprintf(out, NM_WORDS, "%s",
                 value >= 99.95 ? (share >= 1.0 ? "all" : ">99.9 %")
                 : share > 0.0  ? "<0.1 %"
                                : "none");
    } else {
        snprintf(out, NM_WORDS, value < 9.95 || value > 99.0 ? "%.1f %%" : "%.0f %%", value);
    }
    return out;
}

static void share_text(char *out, size_t out_bytes, int64_t count, int64_t n_points)
{
    char share[NM_WORDS], number[NM_WORDS];
    if (count == 0) {
        snprintf(out, out_bytes, "none");
    } else if (count == n_points) {
        snprintf(out, out_bytes, "all points");
    } else {
        snprintf(out, out_bytes, "%s (%s point%s)", nm_words_share(share, count, n_points),
                 nm_words_count(number, count), count == 1 ? "" : "s");
    }
}

static void why_text(char *out, size_t out_bytes, const nm_plan *plan, const nm_tally *tally,
                     int outcome)
{
    nm_why why;
    out[0] = '\0';
    nm_summary_why(&why, tally, outcome);
    if (why.param < 0) {
        return;
    }
    const nm_param_info *param = &plan->model->params[why.param];
    char value[NM_WORDS], inside[NM_WORDS], outside[NM_WORDS];
    snprintf(out, out_bytes, ", %swhere %s %s %s (%s of them; %s of the rest)",
             why.inside < 1.0 ? "mostly " : "", param->name, why.is_above ? ">" : "<",
             nm_words_quantity(value, why.value, param->unit), percent(inside, why.inside),
             percent(outside, why.outside));
}

/* first comment line of the configuration: the question that it asks */
static int read_question(char *out, size_t out_bytes, const char *path)
{
    FILE *stream = path ? fopen(path, "r") : NULL;
    out[0] = '\0';
    if (!stream) {
        return 0;
    }
    char text[256];
    if (fgets(text, sizeof text, stream) && text[0] == '#') {
        size_t first = strspn(text, "# \t");
        text[strcspn(text, "\r\n")] = '\0';
        snprintf(out, out_bytes, "%s", text + (first < strlen(text) ? first : strlen(text)));
    }
    fclose(stream);
    return out[0] != '\0';
}

static void model_line(FILE *stream, const nm_plan *plan)
{
    const nm_model *model = plan->model;
    char text[512] = "";
    size_t length = 0;
    for (int i = 0; i < model->n_variants && length < sizeof text - 1; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s %s",
                                   i == 0 ? " (" : ", ", model->variants[i].name,
                                   model->variants[i].choices[plan->task.choice[i]]);
    }
    line(stream, "model", "%s%s%s, solver %s", model->name, text, model->n_variants > 0 ? ")" : "",
         plan->task.solver.mode == NM_MODE_FOLLOW ? "follow (every time course)"
                                                  : "auto (Newton, else following)");
}

static void points_line(FILE *stream, const nm_plan *plan)
{
    const nm_draw *draw = &plan->task.draw;
    char number[NM_WORDS], text[1024] = "";
    size_t length = 0;
    for (int i = 0; i < draw->n_axes && length < sizeof text - 1; i++) {
        length += (size_t)snprintf(
            text + length, sizeof text - length, "%s%s (%s)", i == 0 ? ": " : " x ",
            plan->model->params[draw->axis[i].param].name, nm_words_count(number, draw->axis[i].n));
    }
    if (draw->n_random > 0 && length < sizeof text - 1) {
        length += (size_t)snprintf(
            text + length, sizeof text - length, "%s%s draw%s of %d parameter%s",
            draw->n_axes > 0 ? " x " : ": ", nm_words_count(number, draw->n_draws),
            draw->n_draws == 1 ? "" : "s", draw->n_random, draw->n_random == 1 ? "" : "s");
    }
    if (draw->n_columns > 0 && length < sizeof text - 1) {
        snprintf(text + length, sizeof text - length, ": a table of %d parameter%s",
                 draw->n_columns, draw->n_columns == 1 ? "" : "s");
    }
    line(stream, "points", "%s%s", nm_words_count(number, plan->n_points), text);
}

/* one line per class without a steady state that has points */
static void growth_lines(FILE *stream, const nm_plan *plan, const nm_tally *tally)
{
    char share[128], why[256], over[160] = "";
    int64_t n_growth = tally->count[NM_OUTCOME_no_steady_state_growth];
    int64_t n_depletion = tally->count[NM_OUTCOME_no_steady_state_depletion];
    if (n_growth == 0 && n_depletion == 0) {
        line(stream, "no steady state", "none");
        return;
    }
    if (n_growth > 0) {
        int64_t n_over = tally->flag_count[__builtin_ctz(NM_FLAG_over_pumped)];
        if (n_over > 0) {
            char number[NM_WORDS];
            int64_t n_others = n_growth - n_over;
            if (n_others <= 0) {
                snprintf(number, sizeof number, "all");
            } else if (n_others <= n_growth / 1000) {
                char count[NM_WORDS];
                snprintf(number, sizeof number, "all but %.30s", nm_words_count(count, n_others));
            } else {
                nm_words_share(number, n_over, n_growth);
            }
            snprintf(over, sizeof over, ", %s over-pumped (more drive is worse)", number);
        }
        share_text(share, sizeof share, n_growth, tally->n_points);
        why_text(why, sizeof why, plan, tally, NM_OUTCOME_no_steady_state_growth);
        line(stream, "no steady state", "%s: %s%sgrows without end%s%s", share,
             plan->model->growth ? plan->model->growth : "", plan->model->growth ? ", " : "", over,
             why);
    }
    if (n_depletion > 0) {
        share_text(share, sizeof share, n_depletion, tally->n_points);
        why_text(why, sizeof why, plan, tally, NM_OUTCOME_no_steady_state_depletion);
        line(stream, n_growth > 0 ? "" : "no steady state", "%s: a species runs out%s", share, why);
    }
}

static void class_line(FILE *stream, const char *label, const nm_plan *plan, const nm_tally *tally,
                       int outcome)
{
    char share[128], why[256];
    share_text(share, sizeof share, tally->count[outcome], tally->n_points);
    why_text(why, sizeof why, plan, tally, outcome);
    line(stream, label, "%s%s", share, outcome == NM_OUTCOME_ness ? "" : why);
}

/* points that were solved both ways: whether the two answers agree */
static void audit_text(char *out, size_t out_bytes, const nm_tally *tally)
{
    int64_t n_audited = tally->flag_count[__builtin_ctz(NM_FLAG_audited)];
    int64_t n_disagree = tally->flag_count[__builtin_ctz(NM_FLAG_audit_disagrees)];
    char audited[NM_WORDS], disagree[NM_WORDS], share[NM_WORDS];
    out[0] = '\0';
    if (n_audited > 0 && n_disagree == 0) {
        snprintf(out, out_bytes, "; audit: %s points were also followed, all agree",
                 nm_words_count(audited, n_audited));
    } else if (n_audited > 0) {
        snprintf(out, out_bytes,
                 "; audit: %s points were also followed, %s disagreed (%s) and keep the followed "
                 "state",
                 nm_words_count(audited, n_audited), nm_words_count(disagree, n_disagree),
                 nm_words_share(share, n_disagree, n_audited));
    }
}

static void failed_lines(FILE *stream, const nm_plan *plan, const nm_tally *tally, const char *path)
{
    char share[128], why[256], audit[256];
    int64_t n_left = tally->count[NM_OUTCOME_left_domain],
            n_not = tally->count[NM_OUTCOME_not_converged];
    audit_text(audit, sizeof audit, tally);
    if (n_left + n_not == 0) {
        line(stream, "failed", "none%s", audit);
        return;
    }
    share_text(share, sizeof share, n_left + n_not, tally->n_points);
    why_text(why, sizeof why, plan, tally,
             n_not >= n_left ? NM_OUTCOME_not_converged : NM_OUTCOME_left_domain);
    char not_words[NM_WORDS], left_words[NM_WORDS];
    line(stream, "failed", "%s: %s not converged, %s outside the model's domain%s%s", share,
         nm_words_count(not_words, n_not), nm_words_count(left_words, n_left), why, audit);
    if (tally->n_located > 0) {
        line(stream, "", "the first: nessmap point --from %s --index %lld", path,
             (long long)tally->located[0]);
    }
}

/* flags that a reader should know of, in one line */
static void flags_line(FILE *stream, const nm_tally *tally)
{
    static const struct {
        int bit;
        const char *words;
    } told[] = {
        {NM_FLAG_multistable, "more than one stable state"},
        {NM_FLAG_marginal, "state depends on the initial state"},
        {NM_FLAG_at_boundary, "a concentration is zero"},
        {NM_FLAG_second_law_violated, "second law violated by a driven pathway"},
    };
    char text[512] = "", share[128];
    size_t length = 0;
    for (size_t i = 0; i < sizeof told / sizeof told[0] && length < sizeof text - 1; i++) {
        int64_t count = tally->flag_count[__builtin_ctz((unsigned)told[i].bit)];
        if (count > 0) {
            share_text(share, sizeof share, count, tally->n_points);
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%s: %s",
                                       length > 0 ? "; " : "", told[i].words, share);
        }
    }
    if (length > 0) {
        line(stream, "marked", "%s", text);
    }
}

/* what the devices were, and what they did side by side */
static void device_lines(FILE *stream, const nm_run_stats *stats)
{
    for (int i = 0; i < stats->n_devices; i++) {
        const nm_backend_device *device = &stats->device[i];
        char n[NM_WORDS], points[NM_WORDS], a[NM_WORDS], b[NM_WORDS], c[NM_WORDS], d[NM_WORDS];
        char label[32];
        snprintf(label, sizeof label, "GPU %d", device->number);
        line(
            stream, label,
            "%s, compute capability %d.%d, driver of CUDA %d.%d, kernels %s, %s points, batches of "
            "%s; computing %s, copying %s, journal %s, all within %s",
            device->name, device->major, device->minor, device->driver / 1000,
            device->driver % 1000 / 10, device->kernels, nm_words_count(n, device->n_points),
            nm_words_count(points, device->batch_points), nm_words_time(a, device->compute_s),
            nm_words_time(b, device->copy_s), nm_words_time(c, device->journal_s),
            nm_words_time(d, device->wall_s));
    }
}

static void speed_lines(FILE *stream, const nm_run_stats *stats)
{
    char a[NM_WORDS], b[NM_WORDS], c[NM_WORDS];
    if (stats->n_computed == 0) {
        line(stream, "speed", "nothing was left to compute");
    } else {
        char settled[256] = "";
        if (stats->n_newton >= stats->n_computed || stats->n_follow >= stats->n_computed) {
            snprintf(settled, sizeof settled, "; all %s",
                     stats->n_follow == 0 ? "by Newton or by proof" : "followed");
        } else if (stats->n_newton + stats->n_follow > 0) {
            snprintf(settled, sizeof settled, "; %s by Newton or by proof, %s followed",
                     nm_words_share(a, stats->n_newton, stats->n_computed),
                     nm_words_share(b, stats->n_follow, stats->n_computed));
        }
        char where[96], ranks[32] = "";
        if (stats->n_ranks > 1) {
            snprintf(ranks, sizeof ranks, "%d ranks with ", stats->n_ranks);
        }
        if (stats->n_devices > 0) {
            snprintf(where, sizeof where, "%s%d GPU%s%s", ranks, stats->n_devices,
                     stats->n_devices == 1 ? "" : "s", stats->n_ranks > 1 ? " each" : "");
        } else {
            snprintf(where, sizeof where, "%s%d thread%s of %d lane%s", ranks, stats->n_threads,
                     stats->n_threads == 1 ? "" : "s", stats->lanes, stats->lanes == 1 ? "" : "s");
        }
        line(stream, "speed", "%s sets/s on %s%s",
             nm_words_rate(c, (double)stats->n_computed / fmax(stats->compute_s, 1e-9)), where,
             settled);
    }
    device_lines(stream, stats);
    if (stats->auto_rate > 0.0 && stats->follow_rate > 0.0) {
        line(stream, "", "one CPU thread on %s of these points: auto %s sets/s, follow %s sets/s",
             nm_words_count(c, stats->n_pilot), nm_words_rate(a, stats->auto_rate),
             nm_words_rate(b, stats->follow_rate));
    }
    line(stream, "time", "%s computing, %s writing the file, %s in all",
         nm_words_time(a, stats->compute_s), nm_words_time(b, stats->assemble_s),
         nm_words_time(c, stats->total_s));
}

/* --- 3. the summary --------------------------------------------------------------------------- */

void nm_summary_print(FILE *stream, const nm_plan *plan, const nm_tally *tally,
                      const nm_run_stats *stats, const char *path)
{
    char question[256], text[128];
    if (read_question(question, sizeof question, plan->config ? plan->config->path : NULL)) {
        line(stream, "question", "%s", question);
    }
    model_line(stream, plan);
    points_line(stream, plan);

    /* the verdicts */
    class_line(stream, "equilibrium", plan, tally, NM_OUTCOME_equilibrium);
    class_line(stream, "NESS", plan, tally, NM_OUTCOME_ness);
    if (tally->count[NM_OUTCOME_oscillatory] > 0) {
        class_line(stream, "oscillatory", plan, tally, NM_OUTCOME_oscillatory);
    }
    if (tally->count[NM_OUTCOME_unstable] > 0) {
        class_line(stream, "unstable", plan, tally, NM_OUTCOME_unstable);
    }
    growth_lines(stream, plan, tally);
    failed_lines(stream, plan, tally, path);
    if (tally->count[NM_OUTCOME_not_run] > 0) {
        share_text(text, sizeof text, tally->count[NM_OUTCOME_not_run], tally->n_points);
        line(stream, "not computed yet", "%s", text);
    }
    flags_line(stream, tally);
    if (tally->n_clamped > 0) {
        line(stream, "far values",
             "%s lay so far from what a pilot of the scan found that means, deviations and indices "
             "take them for nearer; counts and extremes are exact",
             nm_words_count(text, tally->n_clamped));
    }

    /* what it took */
    if (stats) {
        speed_lines(stream, stats);
    }
    struct stat file;
    char bytes[NM_WORDS];
    if (stat(path, &file) == 0) {
        line(stream, "file", "%s, %s", path, nm_words_bytes(bytes, (double)file.st_size));
    } else {
        line(stream, "file", "%s", path);
    }
}
