/* Tests of src/units.c: exact conversions, refusals, threads, a missing database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "units.h"

/* First, and in a process of its own: the database is read once. */
static void test_missing_database(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("UDUNITS2_XML_PATH", "/nonexistent/udunits2.xml", 1);
        double value = 0.0;
        int is_right = nm_units_parse(&value, "5 mV", "V") == NM_USAGE &&
                       strstr(nm_last_error(), "libudunits2-data") != NULL &&
                       nm_units_check("V") == NM_USAGE &&
                       /* what needs no database works without */
                       nm_units_parse(&value, "5", "V") == NM_OK && value == 5.0;
        _exit(is_right ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void assert_value(const char *text, const char *unit, double expected)
{
    double value = -1.0;
    if (nm_units_parse(&value, text, unit) != NM_OK) {
        fail_msg("\"%s\" in \"%s\": %s", text, unit, nm_last_error());
    }
    if (memcmp(&value, &expected, sizeof value) != 0) {
        fail_msg("\"%s\" in \"%s\" is %.17g, not %.17g", text, unit, value, expected);
    }
}

static void test_values_are_exact(void **state)
{
    (void)state;
    assert_value("5.4", "mol m-3", 5.4);
    assert_value("  5.4  ", "mol m-3", 5.4);
    assert_value("5.4 mmol/L", "mol m-3", 5.4);
    assert_value("5.4 mM", "mol m-3", 5.4);
    assert_value("5.4mM", "mol m-3", 5.4);
    assert_value("5.4 M", "mol m-3", 5400.0);
    assert_value("3 uM", "mol m-3", 0.003);
    assert_value("3 \xC2\xB5M", "mol m-3", 0.003);
    assert_value("3 nM", "mol m-3", 3e-6);
    assert_value("-60 mV", "V", -0.06);
    assert_value("-57 kJ/mol", "J mol-1", -57000.0);
    assert_value("37 degC", "K", 310.15);
    assert_value("1 mS/cm2", "S m-2", 10.0);
    assert_value("1 uF/cm^2", "F m-2", 0.01);
    assert_value("30 %", "1", 0.3);
    assert_value("30 %", "", 0.3);
    assert_value(".5", "1", 0.5);
    assert_value("1.", "1", 1.0);
    assert_value("-1e-3 V", "V", -0.001);
    assert_value("-0 mV", "V", 0.0);
    assert_value("3 J s-1", "W", 3.0);
    /* the calorie of UDUNITS is that of the International Table, 4.1868 J */
    double value = 0.0;
    assert_int_equal(nm_units_parse(&value, "-13.6 kcal/mol", "J mol-1"), NM_OK);
    assert_true(fabs(value + 56940.48) < 1e-9);
}

static void assert_refused(const char *text, const char *unit, const char *why)
{
    double value = 42.0;
    if (nm_units_parse(&value, text, unit) != NM_USAGE) {
        fail_msg("\"%s\" in \"%s\" was read as %g", text, unit, value);
    }
    assert_true(value == 42.0);
    assert_string_equal(nm_last_error(), why);
}

static void test_refusals(void **state)
{
    (void)state;
    assert_refused("5 mmoll/L", "mol m-3", "the unit \"mmoll/L\" is not known to UDUNITS");
    assert_refused("5 mV", "mol m-3", "\"mV\" cannot be converted to \"mol m-3\"");
    assert_refused("5 mV", "", "\"mV\" cannot be converted to \"1\"");
    assert_refused("7.4 pH", "mol m-3",
                   "pH is no unit here (UDUNITS would read picohenry); give a concentration");
    assert_refused("7.4 pH", "H",
                   "pH is no unit here (UDUNITS would read picohenry); give a concentration");
    assert_refused("abc", "V", "\"abc\" does not begin with a number");
    assert_refused("", "V", "\"\" does not begin with a number");
    assert_refused("nan", "V", "\"nan\" does not begin with a number");
    assert_refused("inf V", "V", "\"inf V\" does not begin with a number");
    assert_refused("0x5", "V", "\"0x5\" is not a finite decimal number");
    assert_refused("1e999", "V", "\"1e999\" is not a finite decimal number");
    assert_refused("5,4 mM", "mol m-3", "\"5,4 mM\" is not one number with a unit");
    assert_refused("5 3 mM", "mol m-3", "\"5 3 mM\" is not one number with a unit");
    assert_refused("1.2.3", "V", "\"1.2.3\" is not one number with a unit");
    assert_refused("1e308 kV", "V", "1e+308 kV is no finite number in \"V\"");
    char text[400] = "5 ";
    memset(text + 2, 'm', 300);
    assert_int_equal(nm_units_parse(&(double){0.0}, text, "V"), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "longer than 127 characters"));
}

static void test_check(void **state)
{
    (void)state;
    static const char *const good[] = {"mol m-2 s-1", "S m-2", "1",      "",
                                       "W m-2 K-1",   "mM",    "J mol-1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(nm_units_check(good[i]), NM_OK);
    }
    assert_int_equal(nm_units_check("furlongg"), NM_USAGE);
    assert_int_equal(nm_units_check("((("), NM_USAGE);
    assert_int_equal(nm_units_check("\xff\xfe"), NM_USAGE);
}

static void *convert_often(void *out)
{
    int *n_wrong = out;
    for (int i = 0; i < 500; i++) {
        double value;
        *n_wrong += nm_units_parse(&value, "5.4 mM", "mol m-3") != NM_OK || value != 5.4;
        *n_wrong += nm_units_parse(&value, "5 foo", "V") != NM_USAGE;
        *n_wrong += strcmp(nm_last_error(), "the unit \"foo\" is not known to UDUNITS") != 0;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t thread[4];
    int n_wrong[4] = {0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, convert_often, &n_wrong[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(n_wrong[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_database), cmocka_unit_test(test_values_are_exact),
        cmocka_unit_test(test_refusals),         cmocka_unit_test(test_check),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
