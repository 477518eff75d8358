/* Progress in words: a line that fits any terminal and says the most important first, a log of valid JSON lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "progress.h"
#include "words.h"

/* 10 s after the start of a scan of which `n_done` points are done, all as `count` says */
static nm_progress after_ten_seconds(int64_t n_points, int64_t n_done, const int64_t *count)
{
    nm_progress progress = {.style = NM_PROGRESS_TERMINAL, .n_points = n_points, .n_done = n_done};
    memcpy(progress.count, count, sizeof progress.count);
    return progress;
}

static int n_characters(const char *text)
{
    int n = 0;
    for (; *text; n++) {
        int bytes = nm_utf8_length(text);
        assert_true(bytes > 0);
        text += bytes;
    }
    return n;
}

static const int64_t found[NM_N_OUTCOMES] = {[NM_OUTCOME_ness] = 910,
                                             [NM_OUTCOME_equilibrium] = 1,
                                             [NM_OUTCOME_no_steady_state_growth] = 70,
                                             [NM_OUTCOME_no_steady_state_depletion] = 10,
                                             [NM_OUTCOME_left_domain] = 4,
                                             [NM_OUTCOME_not_converged] = 5};

static void says_all_where_there_is_room(void **state)
{
    (void)state;
    char line[NM_PROGRESS_BYTES];
    nm_progress progress = after_ten_seconds(4000, 1000, found);
    progress.stage = 3;
    nm_progress_line(line, &progress, 10.0, 200);
    static const char *const wanted[] = {
        "stage 3  [",   "] ",
        " 25.0 %",      "100 sets/s  NESS 91.0 %, equilibrium 0.100 %, no steady state 8.00 %",
        ", failed 9  ", "30 s left"};
    const char *at = line;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        at = strstr(at, wanted[i]);
        assert_non_null(at);
    }
    /* a class without points is not spoken of, and nothing at all before the first point */
    assert_null(strstr(line, "unstable"));
    progress = after_ten_seconds(4000, 0, (int64_t[NM_N_OUTCOMES]){0});
    nm_progress_line(line, &progress, 0.0, 200);
    assert_null(strstr(line, "failed"));
    assert_null(strstr(line, "left"));
    assert_null(strstr(line, "sets/s"));
}

static void fits_every_terminal(void **state)
{
    (void)state;
    int64_t huge[NM_N_OUTCOMES];
    for (int k = 0; k < NM_N_OUTCOMES; k++) {
        huge[k] = INT64_MAX / 16;
    }
    char line[NM_PROGRESS_BYTES];
    for (int is_utf8 = 0; is_utf8 < 2; is_utf8++) {
        for (int is_huge = 0; is_huge < 2; is_huge++) {
            nm_progress progress = is_huge ? after_ten_seconds(INT64_MAX, INT64_MAX / 2, huge)
                                           : after_ten_seconds(4000, 1000, found);
            progress.is_utf8 = is_utf8;
            progress.stage = is_huge ? 1000000000 : 0;
            int before = 0;
            for (int n_columns = 0; n_columns < 400; n_columns++) {
                nm_progress_line(line, &progress, 10.0, n_columns);
                int n = n_characters(line);
                assert_true(n <= n_columns);
                assert_true(n >= before || n_columns - before < 100);
                before = n;
                assert_true(is_utf8 || strlen(line) == (size_t)n);
                /* 20 columns are enough for how far it is and how long it takes */
                assert_true(n_columns < 20 || strstr(line, "%"));
                assert_true(n_columns < 20 || is_huge || strstr(line, "30 s left"));
            }
        }
    }
}

static void never_says_all_before_all_is_done(void **state)
{
    (void)state;
    char line[NM_PROGRESS_BYTES];
    nm_progress progress = after_ten_seconds(1000000, 999999, found);
    nm_progress_line(line, &progress, 10.0, 79);
    assert_non_null(strstr(line, " 99.9 %"));
    progress.n_done = 1000000;
    nm_progress_line(line, &progress, 10.0, 79);
    assert_non_null(strstr(line, "100.0 %"));
    assert_null(strstr(line, ".]"));
    progress = after_ten_seconds(0, 0, found);
    nm_progress_line(line, &progress, 10.0, 79);
    assert_non_null(strstr(line, "100.0 %"));
}

static void json_is_valid_whatever_a_path_holds(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);
    nm_progress progress;
    nm_progress_begin(&progress, stream, NM_PROGRESS_JSON);
    nm_progress_question(&progress, 12, "a \"b\"\\\n\x01\xff.toml", NULL, "µ", "cpu", "\xc3");
    nm_progress_note(&progress, "50 %% of \t\"x\"");
    nm_progress_end(&progress, NM_INTERRUPTED, "why");
    fclose(stream);
    assert_non_null(
        strstr(text, "\"configuration\":\"a \\\"b\\\"\\\\\\u000a\\u0001\\ufffd.toml\""));
    assert_non_null(strstr(text, "\"title\":null,\"model\":\"µ\""));
    assert_non_null(strstr(text, "\"output\":\"\\ufffd\""));
    assert_non_null(strstr(text, "\"text\":\"50 % of \\u0009\\\"x\\\"\"}\n"));
    assert_non_null(strstr(text, "\"exit_code\":75,\"error\":\"why\"}\n"));
    int n_lines = 0;
    for (const char *c = text; *c; c++) {
        n_lines += *c == '\n';
    }
    assert_int_equal(n_lines, 3);
    free(text);
}

static void a_log_is_not_flooded(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);
    nm_progress progress;
    nm_progress_begin(&progress, stream, NM_PROGRESS_PLAIN);
    nm_progress_start(&progress, 0, 1000, 0);
    for (int i = 0; i < 1000; i++) {
        nm_progress_add(&progress, 1, (int64_t[NM_N_OUTCOMES]){[NM_OUTCOME_ness] = 1});
        if (i == 449) {
            progress.start -= 12.0;
            progress.last_shown -= 12.0;
        }
        if (i == 520) {
            progress.last_shown -= 61.0;
        }
    }
    nm_progress_stop(&progress);
    fclose(stream);
    /* tenths that were passed, after ten seconds, and what is due after a minute */
    assert_ptr_equal(strstr(text, "nessmap: 45.1 %, "), text);
    assert_non_null(strstr(text, " sets/s, NESS 100 %, failed 0, "));
    assert_non_null(strstr(text, "\nnessmap: 52.2 %, "));
    assert_int_equal(strchr(strchr(text, '\n') + 1, '\n') + 1 - text, (long)bytes);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_all_where_there_is_room),
        cmocka_unit_test(fits_every_terminal),
        cmocka_unit_test(never_says_all_before_all_is_done),
        cmocka_unit_test(json_is_valid_whatever_a_path_holds),
        cmocka_unit_test(a_log_is_not_flooded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
