/* Tests of src/diag.c: sentences, exit codes, names, nearest words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"

static void test_fail_keeps_sentence(void **state)
{
    (void)state;
    assert_int_equal(nm_fail(NM_IO, "%s:%d: %s", "scan.toml", 3, "no"), NM_IO);
    assert_string_equal(nm_last_error(), "scan.toml:3: no");
    /* a sentence may quote the one before */
    assert_int_equal(nm_fail(NM_USAGE, "because %s", nm_last_error()), NM_USAGE);
    assert_string_equal(nm_last_error(), "because scan.toml:3: no");
    nm_fail(NM_USAGE, "a\nb\tc\x1b[31m\x7f");
    assert_string_equal(nm_last_error(), "a b c?[31m?");
}

static void test_fail_cuts_whole_characters(void **state)
{
    (void)state;
    char text[4096];
    /* shift a two-byte character over the cut */
    for (int n_before = 0; n_before < 2; n_before++) {
        memset(text, 'x', (size_t)n_before);
        for (size_t i = (size_t)n_before; i + 2 < sizeof text; i += 2) {
            memcpy(text + i, "\xC2\xB5", 3);
        }
        nm_fail(NM_USAGE, "%s", text);
        size_t n = strlen(nm_last_error());
        assert_in_range(n, 1000, 1023);
        assert_int_equal((n - (size_t)n_before) % 2, 0);
        assert_memory_equal(nm_last_error(), text, n);
    }
}

static void test_fail_is_utf8_whatever_it_quotes(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"caf\xe9 = 1", "caf? = 1"},                          /* Latin-1 */
        {"\xC2\xB5m \xE2\x82\xAC", "\xC2\xB5m \xE2\x82\xAC"}, /* a micro and a euro sign */
        {"\xE2\x82\" is", "??\" is"},                         /* cut by who quotes it */
        {"\xED\xA0\x80 \xC0\xAF", "??? ??"},                  /* a surrogate, an overlong slash */
        {"\xC2\x9B"
         "31m",
         "??31m"}, /* a control character of terminals */
        {"\x80\x80", "??"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        nm_fail(NM_USAGE, "%s", pairs[i][0]);
        assert_string_equal(nm_last_error(), pairs[i][1]);
    }
}

static void *fail_elsewhere(void *out)
{
    snprintf(out, 16, "%s", nm_last_error());
    nm_fail(NM_IO, "other thread");
    return NULL;
}

static void test_sentence_is_per_thread(void **state)
{
    (void)state;
    char seen[16] = "?";
    pthread_t thread;
    nm_fail(NM_USAGE, "this thread");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, seen), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(seen, "");
    assert_string_equal(nm_last_error(), "this thread");
}

static void test_codes_and_names(void **state)
{
    (void)state;
    assert_int_equal(nm_exit_code(NM_OK), 0);
    assert_int_equal(nm_exit_code(NM_USAGE), 2);
    assert_int_equal(nm_exit_code(NM_FAILED_POINTS), 3);
    assert_int_equal(nm_exit_code(NM_FINGERPRINT), 4);
    assert_int_equal(nm_exit_code(NM_LOCKED), 5);
    assert_int_equal(nm_exit_code(NM_IO), 6);
    assert_int_equal(nm_exit_code(NM_DEVICE), 7);
    assert_int_equal(nm_exit_code(NM_INTERRUPTED), 75);
    assert_int_equal(nm_exit_code((nm_status)99), 1);
    assert_string_equal(nm_status_text(NM_MEMORY), "out of memory");
    assert_string_equal(nm_status_text((nm_status)99), "?");

    assert_string_equal(nm_outcome_name(NM_OUTCOME_equilibrium), "equilibrium");
    assert_string_equal(nm_outcome_name(NM_OUTCOME_not_run), "not_run");
    assert_string_equal(nm_outcome_name(-1), "?");
    assert_string_equal(nm_outcome_name(NM_N_OUTCOMES), "?");
    assert_string_equal(nm_outcome_text(NM_OUTCOME_ness), "non-equilibrium steady state");
    assert_true(nm_outcome_has_values(NM_OUTCOME_oscillatory));
    assert_false(nm_outcome_has_values(NM_OUTCOME_no_steady_state_growth));
    assert_false(nm_outcome_has_values(NM_N_OUTCOMES));
    assert_string_equal(nm_flag_name(0), "multistable");
    assert_string_equal(nm_flag_name(7), "audit_disagrees");
    assert_string_equal(nm_flag_name(-1), "?");
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"Na_o", "K_o", "Cl_o", "g_Na", "dG_ATP", "p_max", ""};
    const size_t n = sizeof names / sizeof *names;
    assert_string_equal(nm_nearest("K_i", names, n), "K_o");
    assert_string_equal(nm_nearest("k_o", names, n), "K_o");
    assert_string_equal(nm_nearest("NA_O", names, n), "Na_o");
    assert_string_equal(nm_nearest("dG_APT", names, n), "dG_ATP");
    assert_string_equal(nm_nearest("pmax", names, n), "p_max");
    assert_string_equal(nm_nearest("p_maxx", names, n), "p_max");
    assert_null(nm_nearest("temperature", names, n));
    assert_null(nm_nearest("V", names, n));
    assert_null(nm_nearest("", names, n));
    assert_null(nm_nearest(NULL, names, n));
    assert_null(nm_nearest("K_o", names, 0));
    char *word = calloc(1, 1 << 20);
    assert_non_null(word);
    memset(word, 'K', (1 << 20) - 1);
    assert_null(nm_nearest(word, names, n));
    free(word);
}

/* Runs nm_say with stderr in a file; returns what was written. */
static void say_into(char *out, size_t bytes, int quiet)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    nm_set_quiet(quiet);
    nm_say("%d points", 7);
    nm_set_quiet(0);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    size_t n = fread(out, 1, bytes - 1, file);
    out[n] = '\0';
    fclose(file);
}

static void test_say(void **state)
{
    (void)state;
    char text[64];
    say_into(text, sizeof text, 0);
    assert_string_equal(text, "nessmap: 7 points\n");
    say_into(text, sizeof text, 1);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_keeps_sentence),
        cmocka_unit_test(test_fail_cuts_whole_characters),
        cmocka_unit_test(test_fail_is_utf8_whatever_it_quotes),
        cmocka_unit_test(test_sentence_is_per_thread),
        cmocka_unit_test(test_codes_and_names),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
