/* The summary: numbers in words, the threshold that explains a class, lines that read well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_model.h"
#include "summary.h"
#include "words.h"

/* --- words ------------------------------------------------------------------------------------ */

static void counts_are_grouped(void **state)
{
    (void)state;
    char text[NM_WORDS];
    assert_string_equal(nm_words_count(text, 0), "0");
    assert_string_equal(nm_words_count(text, 999), "999");
    assert_string_equal(nm_words_count(text, 1000), "1,000");
    assert_string_equal(nm_words_count(text, 1048576), "1,048,576");
    assert_string_equal(nm_words_count(text, -12345), "-12,345");
}

static void shares_never_round_to_none_or_all(void **state)
{
    (void)state;
    char text[NM_WORDS];
    assert_string_equal(nm_words_share(text, 0, 10), "0 %");
    assert_string_equal(nm_words_share(text, 10, 10), "100 %");
    assert_string_equal(nm_words_share(text, 118321, 1048576), "11.3 %");
    assert_string_equal(nm_words_share(text, 1024, 1048576), "0.0977 %");
    assert_string_equal(nm_words_share(text, 1048575, 1048576), "99.999905 %");
    assert_string_equal(nm_words_share(text, 995, 1000), "99.50 %");
    assert_string_equal(nm_words_share(text, 1, 1000000000), "1.0e-07 %");
    for (int64_t all = 2; all < 3000; all++) {
        assert_string_not_equal(nm_words_share(text, 1, all), "0 %");
        nm_words_share(text, all - 1, all);
        assert_true(strtod(text, NULL) < 100.0);
    }
}

static void bytes_rates_times_and_quantities_read_well(void **state)
{
    (void)state;
    char text[NM_WORDS];
    assert_string_equal(nm_words_bytes(text, 512), "512 B");
    assert_string_equal(nm_words_bytes(text, 50331648), "50.3 MB");
    assert_string_equal(nm_words_bytes(text, 999999), "1.00 MB");
    assert_string_equal(nm_words_rate(text, 1214567.0), "1.21 million");
    assert_string_equal(nm_words_rate(text, 250000.0), "250 thousand");
    assert_string_equal(nm_words_time(text, 0.42), "0.42 s");
    assert_string_equal(nm_words_time(text, 0.0013), "1.3 ms");
    assert_string_equal(nm_words_time(text, 59.7), "60 s");
    assert_string_equal(nm_words_time(text, 200.0), "3 min 20 s");
    assert_string_equal(nm_words_time(text, 7500.0), "2 h 05 min");
    assert_string_equal(nm_words_time(text, -1.0), "?");
    assert_string_equal(nm_words_quantity(text, -57000.0, "J mol-1"), "-57 kJ/mol");
    assert_string_equal(nm_words_quantity(text, -0.0713, "V"), "-71.3 mV");
    assert_string_equal(nm_words_quantity(text, 4.2, "mol m-3"), "4.2 mM");
    assert_string_equal(nm_words_quantity(text, 3.2, "s-1"), "3.2 s-1");
    assert_string_equal(nm_words_quantity(text, 0.5, "1"), "0.5");
}

static void doubles_read_back_exactly(void **state)
{
    (void)state;
    static const double values[] = {0.0,  0.1,       -57000.0, 310.15, 8.33333e-5,
                                    1e-9, 1.0 / 3.0, 147.0,    1e22,   5e-324};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[NM_WORDS];
        assert_true(strtod(nm_words_double(text, values[i]), NULL) == values[i]);
    }
    char text[NM_WORDS];
    assert_string_equal(nm_words_double(text, -57000.0), "-57000");
    assert_string_equal(nm_words_double(text, 310.15), "310.15");
    assert_string_equal(nm_words_double(text, 1e-9), "1e-09");
}

/* --- why -------------------------------------------------------------------------------------- */

enum { N_BINS = 8 };

/* two parameters, every bin of each has 100 points; `growth` of the first are in the growth
 * class */
static nm_tally *make_tally(const int growth_a[N_BINS], const int growth_b[N_BINS], int falling)
{
    nm_tally *tally = calloc(1, sizeof *tally);
    tally->n_scanned = 2;
    tally->n_bins = N_BINS;
    tally->scanned_param[0] = NM_FAKE_g_Na;
    tally->scanned_param[1] = NM_FAKE_K_o;
    tally->bin_edge = calloc(2 * (N_BINS + 1), sizeof *tally->bin_edge);
    tally->bin_count = calloc(2 * N_BINS * NM_N_OUTCOMES, sizeof *tally->bin_count);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k <= N_BINS; k++) {
            tally->bin_edge[i * (N_BINS + 1) + k] = falling ? N_BINS - k : k;
        }
        for (int k = 0; k < N_BINS; k++) {
            int growth = i == 0 ? growth_a[k] : growth_b[k];
            int64_t *count = tally->bin_count + (i * N_BINS + k) * NM_N_OUTCOMES;
            count[NM_OUTCOME_no_steady_state_growth] = growth;
            count[NM_OUTCOME_ness] = 100 - growth;
        }
    }
    tally->n_points = 100 * N_BINS;
    for (int k = 0; k < N_BINS; k++) {
        tally->count[NM_OUTCOME_no_steady_state_growth] += growth_a[k];
        tally->count[NM_OUTCOME_ness] += 100 - growth_a[k];
    }
    return tally;
}

static void the_threshold_of_the_better_parameter_is_found(void **state)
{
    (void)state;
    const int sharp[N_BINS] = {0, 0, 0, 0, 0, 10, 95, 95},
              flat[N_BINS] = {25, 25, 25, 25, 25, 25, 25, 25};
    nm_tally *tally = make_tally(sharp, flat, 0);
    nm_why why;
    nm_summary_why(&why, tally, NM_OUTCOME_no_steady_state_growth);
    assert_int_equal(why.param, NM_FAKE_g_Na);
    assert_true(why.is_above);
    assert_float_equal(why.value, 6.0, 0.0);
    assert_float_equal(why.inside, 0.95, 1e-12);
    assert_float_equal(why.outside, 10.0 / 600.0, 1e-12);

    /* what is above for one class is below for the other */
    nm_summary_why(&why, tally, NM_OUTCOME_ness);
    assert_false(why.is_above);
    assert_float_equal(why.value, 6.0, 0.0);
    nm_tally_destroy(&tally);
}

static void a_falling_axis_turns_the_sign(void **state)
{
    (void)state;
    const int sharp[N_BINS] = {0, 0, 0, 0, 0, 10, 95, 95},
              flat[N_BINS] = {25, 25, 25, 25, 25, 25, 25, 25};
    nm_tally *tally = make_tally(flat, sharp, 1);
    nm_why why;
    nm_summary_why(&why, tally, NM_OUTCOME_no_steady_state_growth);
    assert_int_equal(why.param, NM_FAKE_K_o);
    assert_false(why.is_above);
    assert_float_equal(why.value, 2.0, 0.0);
    nm_tally_destroy(&tally);
}

static void nothing_is_said_where_nothing_explains(void **state)
{
    (void)state;
    const int flat[N_BINS] = {25, 30, 20, 25, 30, 20, 25, 25},
              all[N_BINS] = {100, 100, 100, 100, 100, 100, 100, 100};
    nm_tally *tally = make_tally(flat, flat, 0);
    nm_why why;
    nm_summary_why(&why, tally, NM_OUTCOME_no_steady_state_growth);
    assert_int_equal(why.param, -1);
    nm_summary_why(&why, tally, NM_OUTCOME_equilibrium);
    assert_int_equal(why.param, -1);
    nm_tally_destroy(&tally);

    tally = make_tally(all, all, 0);
    nm_summary_why(&why, tally, NM_OUTCOME_no_steady_state_growth);
    assert_int_equal(why.param, -1);
    nm_tally_destroy(&tally);
}

/* --- the text --------------------------------------------------------------------------------- */

static char *summary_text(const nm_tally *tally, const nm_run_stats *stats)
{
    nm_plan *plan = calloc(1, sizeof *plan);
    plan->model = &nm_model_fake_cell;
    plan->n_points = tally->n_points;
    plan->task.draw.n_axes = 2;
    plan->task.draw.axis[0] = (nm_axis){.n = 8, .param = NM_FAKE_g_Na};
    plan->task.draw.axis[1] = (nm_axis){.n = 100, .param = NM_FAKE_K_o};
    char *text = NULL;
    size_t text_bytes = 0;
    FILE *stream = open_memstream(&text, &text_bytes);
    nm_summary_print(stream, plan, tally, stats, "no-such-file.nc");
    fclose(stream);
    free(plan);
    return text;
}

static void the_summary_says_share_reason_and_speed(void **state)
{
    (void)state;
    const int sharp[N_BINS] = {0, 0, 0, 0, 0, 10, 95, 95},
              flat[N_BINS] = {25, 25, 25, 25, 25, 25, 25, 25};
    nm_tally *tally = make_tally(sharp, flat, 0);
    tally->flag_count[4] = 50; /* over_pumped */
    tally->flag_count[6] = 8;  /* audited */
    nm_run_stats stats = {.backend = "cpu",
                          .n_threads = 2,
                          .lanes = 8,
                          .n_computed = 800,
                          .n_newton = 600,
                          .n_follow = 200,
                          .compute_s = 0.5,
                          .assemble_s = 0.1,
                          .total_s = 0.7,
                          .auto_rate = 2e6,
                          .follow_rate = 2e5,
                          .n_pilot = 800};
    char *text = summary_text(tally, &stats);
    static const char *const wanted[] = {
        "fake_cell (leak ohmic, pump rev)",
        "800: g_Na (8) x K_o (100)",
        "equilibrium      none\n",
        "NESS             75.0 % (600 points)\n",
        "no steady state  25.0 % (200 points): lysis, grows without end, 25.0 % over-pumped (more "
        "drive is worse),\n",
        "\n                 mostly where g_Na > 6 S/m2 (95 % of them; 1.7 % of the rest)\n",
        "failed           none; audit: 8 points were also followed, all agree\n",
        "1.60 thousand sets/s on 2 threads of 8 lanes; 75.0 % by Newton or by proof, 25.0 % followed\n",
        "auto 2.00 million sets/s, follow 200 thousand sets/s",
        "0.5 s computing, 0.1 s writing the file, 0.7 s in all",
        "no-such-file.nc\n",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (!strstr(text, wanted[i])) {
            fail_msg("\"%s\" is not in\n%s", wanted[i], text);
        }
    }
    assert_null(strstr(text, "oscillatory"));
    int n_lines = 0;
    for (const char *c = text; *c; c++) {
        n_lines += *c == '\n';
    }
    assert_in_range(n_lines, 9, 12);
    free(text);

    /* words where a share would need many digits */
    tally->flag_count[4] = 200;
    tally->flag_count[7] = 2; /* audit_disagrees */
    stats.n_newton = 0;
    stats.n_follow = 800;
    text = summary_text(tally, &stats);
    assert_non_null(strstr(text, ", all over-pumped (more drive is worse),\n"));
    assert_non_null(strstr(text, "8 points were also followed, 2 disagreed (25.0 %) and keep"));
    assert_non_null(strstr(text, "of 8 lanes; all followed\n"));
    free(text);
    tally->count[NM_OUTCOME_no_steady_state_growth] = 5000;
    tally->flag_count[4] = 4999;
    text = summary_text(tally, &stats);
    assert_non_null(strstr(text, ", all but 1 over-pumped"));
    free(text);
    nm_tally_destroy(&tally);
}

static void failures_count_against_what_was_run(void **state)
{
    (void)state;
    nm_tally tally = {.n_points = 1000};
    tally.count[NM_OUTCOME_ness] = 300;
    tally.count[NM_OUTCOME_not_converged] = 60;
    tally.count[NM_OUTCOME_left_domain] = 40;
    tally.count[NM_OUTCOME_not_run] = 600;
    assert_float_equal(nm_summary_failed_share(&tally), 0.25, 1e-15);
    char *text = summary_text(&tally, NULL);
    assert_non_null(strstr(
        text,
        "failed           10.0 % (100 points): 60 not converged, 40 outside the model's domain"));
    assert_non_null(strstr(text, "not computed yet 60.0 % (600 points)"));
    assert_null(strstr(text, "speed"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_grouped),
        cmocka_unit_test(shares_never_round_to_none_or_all),
        cmocka_unit_test(bytes_rates_times_and_quantities_read_well),
        cmocka_unit_test(doubles_read_back_exactly),
        cmocka_unit_test(the_threshold_of_the_better_parameter_is_found),
        cmocka_unit_test(a_falling_axis_turns_the_sign),
        cmocka_unit_test(nothing_is_said_where_nothing_explains),
        cmocka_unit_test(the_summary_says_share_reason_and_speed),
        cmocka_unit_test(failures_count_against_what_was_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
