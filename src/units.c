/* Reads numbers with units and converts them, by UDUNITS. */
#include "units.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <udunits2.h>

enum { UNIT_BYTES = 128 /* longest unit, with its final zero */ };

/* UDUNITS keeps its state in globals: one thread at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ut_system *units; /* read once, at the first use */

/* --- numbers ----------------------------------------------------------------------------- */

static const char *skip_digits(const char *text)
{
    while (isdigit((unsigned char)*text)) {
        text++;
    }
    return text;
}

static const char *skip_spaces(const char *text)
{
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    return text;
}

/* Returns the end of the decimal number at the start of `text`, or NULL where there is none. strtod
 * alone would take "nan", "infinity" and "0x1p3" too. */
static const char *number_end(const char *text)
{
    const char *c = text + (*text == '+' || *text == '-');
    const char *whole = c;
    c = skip_digits(c);
    int n_digits = (int)(c - whole);
    if (*c == '.') {
        const char *fraction = ++c;
        c = skip_digits(c);
        n_digits += (int)(c - fraction);
    }
    if (n_digits == 0) {
        return NULL;
    }
    if (*c == 'e' || *c == 'E') {
        const char *exponent = c + 1 + (c[1] == '+' || c[1] == '-');
        const char *end = skip_digits(exponent);
        c = end > exponent ? end : c;
    }
    return c;
}

nm_status nm_units_split(double *number, const char **unit, const char *text)
{
    const char *start = skip_spaces(text);
    const char *end = number_end(start);
    if (!end) {
        return nm_fail(NM_USAGE, "\"%.40s\" does not begin with a number", text);
    }
    char *parsed;
    double x = strtod(start, &parsed);
    /* "0x5" is the number 0 for us and 5 for strtod; its rest is refused as a unit either way */
    if (!isfinite(x) || parsed != end) {
        return nm_fail(NM_USAGE, "\"%.40s\" is not a finite decimal number", text);
    }
    const char *rest = skip_spaces(end);
    if (isdigit((unsigned char)*rest) || (*rest && strchr(".,+-", *rest))) {
        return nm_fail(NM_USAGE, "\"%.40s\" is not one number with a unit", text);
    }
    *number = x + 0.0; /* no negative zero */
    *unit = rest;
    return NM_OK;
}

/* --- the units database ------------------------------------------------------------------ */

/* Adds molar as a unit with the symbol M, so that mM and uM follow from the prefixes. */
static int add_molar(ut_system *system)
{
    ut_unit *molar = ut_parse(system, "mol/L", UT_ASCII);
    int is_added = molar && ut_map_symbol_to_unit("M", UT_ASCII, molar) == UT_SUCCESS;
    ut_free(molar);
    return is_added;
}

/* Reads the database at the first call. Called with the lock held. */
static nm_status open_units(void)
{
    if (units) {
        return NM_OK;
    }
    ut_set_error_message_handler(ut_ignore);
    ut_system *system = ut_read_xml(NULL);
    if (!system) {
        return nm_fail(
            NM_USAGE,
            "the units database of UDUNITS cannot be read; install the package libudunits2-data"
            " or set UDUNITS2_XML_PATH to its udunits2.xml");
    }
    if (!add_molar(system)) {
        ut_free_system(system);
        return nm_fail(NM_USAGE,
                       "the units database of UDUNITS lacks \"mol\" or \"L\"; install the package"
                       " libudunits2-data");
    }
    units = system;
    return NM_OK;
}

/* UDUNITS reads pH as picohenry. */
static int has_ph(const char *unit)
{
    for (const char *c = strstr(unit, "pH"); c; c = strstr(c + 1, "pH")) {
        int begins = c == unit || !isalpha((unsigned char)c[-1]);
        if (begins && !isalpha((unsigned char)c[2])) {
            return 1;
        }
    }
    return 0;
}

/* Reads a unit. Called with the lock held. */
static nm_status read_unit(ut_unit **unit, const char *text)
{
    char trimmed[UNIT_BYTES];
    const char *start = skip_spaces(text);
    size_t n = strlen(start);
    while (n > 0 && isspace((unsigned char)start[n - 1])) {
        n--;
    }
    if (n >= sizeof trimmed) {
        return nm_fail(NM_USAGE, "the unit \"%.40s...\" is longer than %d characters", start,
                       UNIT_BYTES - 1);
    }
    memcpy(trimmed, start, n);
    trimmed[n] = '\0';
    if (has_ph(trimmed)) {
        return nm_fail(NM_USAGE,
                       "pH is no unit here (UDUNITS would read picohenry); give a concentration");
    }
    int is_ascii = 1;
    for (size_t i = 0; i < n; i++) {
        is_ascii &= (unsigned char)trimmed[i] < 0x80;
    }
    *unit = ut_parse(units, trimmed, is_ascii ? UT_ASCII : UT_UTF8);
    if (!*unit) {
        return nm_fail(NM_USAGE, "the unit \"%s\" is not known to UDUNITS", trimmed);
    }
    return NM_OK;
}

/* --- conversion -------------------------------------------------------------------------- */

/* Applies a converter to one number. A prefix like milli is a factor that no double holds exactly:
 * where the factor or its inverse is within rounding of a whole number, multiply or divide by that
 * number, so that "-60 mV" is -0.06 V. */
static double apply(const cv_converter *converter, double x)
{
    double origin = cv_convert_double(converter, 0.0);
    double slope = cv_convert_double(converter, 1.0) - origin;
    double y = cv_convert_double(converter, x);
    if (origin != 0.0 || !isfinite(slope) || slope <= 0.0) {
        return y;
    }
    int is_small = slope < 1.0;
    double factor = is_small ? 1.0 / slope : slope;
    double whole = nearbyint(factor);
    if (whole > 1e15 || fabs(factor - whole) > 8 * 2.3e-16 * whole) {
        return y;
    }
    double exact = is_small ? x / whole : x * whole;
    /* a logarithmic unit is no factor: keep what UDUNITS says */
    return fabs(exact - y) <= 1e-12 * fabs(y) ? exact : y;
}

static nm_status convert(double *value, double number, const char *from, const char *to)
{
    ut_unit *source = NULL, *target = NULL;
    nm_status status = read_unit(&source, from);
    if (status == NM_OK) {
        status = read_unit(&target, to);
    }
    if (status == NM_OK) {
        cv_converter *converter = ut_get_converter(source, target);
        if (!converter) {
            status =
                nm_fail(NM_USAGE, "\"%s\" cannot be converted to \"%s\"", from, *to ? to : "1");
        } else {
            double converted = apply(converter, number);
            cv_free(converter);
            if (isfinite(converted)) {
                *value = converted + 0.0;
            } else {
                status = nm_fail(NM_USAGE, "%g %s is no finite number in \"%s\"", number, from,
                                 *to ? to : "1");
            }
        }
    }
    ut_free(source);
    ut_free(target);
    return status;
}

nm_status nm_units_parse(double *value, const char *text, const char *unit)
{
    double number;
    const char *from;
    NM_TRY(nm_units_split(&number, &from, text));
    if (*from == '\0' || strcmp(from, unit) == 0) {
        *value = number;
        return NM_OK;
    }
    pthread_mutex_lock(&lock);
    nm_status status = open_units();
    if (status == NM_OK) {
        status = convert(value, number, from, unit);
    }
    pthread_mutex_unlock(&lock);
    return status;
}

nm_status nm_units_check(const char *unit)
{
    pthread_mutex_lock(&lock);
    nm_status status = open_units();
    if (status == NM_OK) {
        ut_unit *parsed = NULL;
        status = read_unit(&parsed, unit);
        ut_free(parsed);
    }
    pthread_mutex_unlock(&lock);
    return status;
}
