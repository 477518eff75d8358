/* Numbers as people read them. */
#include "words.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

char *nm_words_count(char *out, int64_t n)
{
    char digits[NM_WORDS / 2];
    int n_digits = snprintf(digits, sizeof digits, "%lld", (long long)n);
    int i_out = 0;
    for (int i = 0; i < n_digits; i++) {
        out[i_out++] = digits[i];
        int n_left = n_digits - 1 - i;
        if (n_left > 0 && n_left % 3 == 0 && digits[i] != '-') {
            out[i_out++] = ',';
        }
    }
    out[i_out] = '\0';
    return out;
}

char *nm_words_share(char *out, int64_t part, int64_t all)
{
    double percent = all > 0 ? 100.0 * (double)part / (double)all : 0.0;
    if (part <= 0 || all <= 0) {
        snprintf(out, NM_WORDS, "0 %%");
    } else if (part >= all) {
        snprintf(out, NM_WORDS, "100 %%");
    } else if (percent > 99.0) {
        /* what is missing keeps two digits, so that 999,999 of a million do not read as all */
        int n_digits = (int)ceil(-log10(100.0 - percent)) + 1;
        n_digits = n_digits < 1 ? 1 : n_digits > 12 ? 12 : n_digits;
        snprintf(out, NM_WORDS, "%.*f %%", n_digits, percent);
    } else if (percent < 1e-4) {
        snprintf(out, NM_WORDS, "%.1e %%", percent);
    } else {
        int n_digits = 2 - (int)floor(log10(percent));
        n_digits = n_digits < 0 ? 0 : n_digits;
        snprintf(out, NM_WORDS, "%.*f %%", percent >= 10.0 ? 1 : n_digits, percent);
    }
    return out;
}

char *nm_words_bytes(char *out, double bytes)
{
    static const char *const unit[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    int i = 0;
    while (bytes >= 999.5 && i < 5) {
        bytes /= 1000.0;
        i++;
    }
    int n_digits = i == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
    snprintf(out, NM_WORDS, "%.*f %s", n_digits, bytes, unit[i]);
    return out;
}

char *nm_words_rate(char *out, double per_second)
{
    static const char *const word[] = {"", " thousand", " million", " billion"};
    int i = 0;
    while (per_second >= 999.5 && i < 3) {
        per_second /= 1000.0;
        i++;
    }
    int n_digits = per_second >= 99.95 ? 0 : per_second >= 9.995 ? 1 : 2;
    snprintf(out, NM_WORDS, "%.*f%s", n_digits, per_second, word[i]);
    return out;
}

char *nm_words_time(char *out, double seconds)
{
    if (!(seconds >= 0.0) || seconds > 3.2e9) {
        snprintf(out, NM_WORDS, "?");
    } else if (seconds < 0.0995) {
        snprintf(out, NM_WORDS, "%.2g ms", 1e3 * seconds);
    } else if (seconds < 9.95) {
        snprintf(out, NM_WORDS, "%.2g s", seconds);
    } else if (seconds < 119.5) {
        snprintf(out, NM_WORDS, "%.0f s", seconds);
    } else if (seconds < 7170.0) {
        long whole = lround(seconds);
        snprintf(out, NM_WORDS, "%ld min %02ld s", whole / 60, whole % 60);
    } else if (seconds < 172800.0) {
        long minutes = lround(seconds / 60.0);
        snprintf(out, NM_WORDS, "%ld h %02ld min", minutes / 60, minutes % 60);
    } else {
        long hours = lround(seconds / 3600.0);
        snprintf(out, NM_WORDS, "%ld days %02ld h", hours / 24, hours % 24);
    }
    return out;
}

char *nm_words_quantity(char *out, double value, const char *unit)
{
    static const struct {
        const char *si, *name;
        double factor;
    } usual[] = {
        {"J mol-1", "kJ/mol", 1e-3},
        {"V", "mV", 1e3},
        {"mol m-3", "mM", 1.0},
        {"m", "um", 1e6},
        {"W m-2", "uW/m2", 1e6},
        {"S m-2", "S/m2", 1.0},
        {"F m-2", "F/m2", 1.0},
        {"m s-1", "m/s", 1.0},
        {"J m-2", "J/m2", 1.0},
        {"m2", "m2", 1.0},
        {"1", "", 1.0},
        {"", "", 1.0},
    };
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        if (strcmp(unit, usual[i].si) == 0) {
            value *= usual[i].factor;
            unit = usual[i].name;
            break;
        }
    }
    /* -0 and the dust of a zero would only puzzle */
    int is_plain =
        fabs(value) >= 999.5 && fabs(value) < 99999.5; /* 1048 reads better than 1.05e+03 */
    snprintf(out, NM_WORDS, is_plain ? "%.0f%s%s" : "%.3g%s%s", value == 0.0 ? 0.0 : value,
             unit[0] ? " " : "", unit);
    return out;
}

char *nm_words_double(char *out, double value)
{
    for (int n_digits = 1; n_digits <= 17; n_digits++) {
        snprintf(out, NM_WORDS, "%.*g", n_digits, value);
        if (strtod(out, NULL) == value) {
            break;
        }
    }
    /* 57000 reads better than 5.7e+04; exponents are for what is really large or small */
    if (strchr(out, 'e') && fabs(value) >= 1e-3 && fabs(value) < 1e7) {
        for (int n_digits = 0; n_digits <= 12; n_digits++) {
            char plain[NM_WORDS];
            snprintf(plain, sizeof plain, "%.*f", n_digits, value);
            if (strtod(plain, NULL) == value) {
                memcpy(out, plain, sizeof plain);
                break;
            }
        }
    }
    return out;
}

void nm_json_text(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        int n = nm_utf8_length((const char *)c);
        if (n == 0) {
            /* a name of a file may be any bytes, and JSON is UTF-8 */
            fputs("\\ufffd", stream);
            n = 1;
        } else if (*c == '"' || *c == '\\') {
            fprintf(stream, "\\%c", *c);
        } else if (*c < 0x20) {
            fprintf(stream, "\\u%04x", *c);
        } else {
            fwrite(c, 1, (size_t)n, stream);
        }
        c += n;
    }
    fputc('"', stream);
}

void nm_json_number(FILE *stream, double value)
{
    char text[NM_WORDS];
    if (isfinite(value)) {
        fputs(nm_words_double(text, value), stream);
    } else {
        fputs("null", stream);
    }
}

void nm_put_wrapped(FILE *stream, int *at, int indent, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (const char *word = text; *word;) {
        int blanks = (int)strspn(word, " ");
        int length = (int)strcspn(word + blanks, " ");
        /* a comma that begins a piece stays with what it follows: the last column is for it */
        int is_glued = blanks == 0 && word == text;
        if (*at + blanks + length > NM_COLUMNS - !is_glued && *at > indent) {
            fprintf(stream, "\n%*s", indent, "");
            *at = indent;
            blanks = 0;
            word += strspn(word, " ");
        }
        fprintf(stream, "%.*s", blanks + length, word);
        *at += blanks + length;
        word += blanks + length;
    }
}

int nm_utf8_length(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    int n = *c < 0x80 ? 1 : *c >= 0xC2 && *c < 0xE0 ? 2 : (*c & 0xF0) == 0xE0 ? 3 : 4;
    if (n == 4 && (*c < 0xF0 || *c > 0xF4)) {
        return 0;
    }
    /* overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte */
    if ((*c == 0xE0 && c[1] < 0xA0) || (*c == 0xED && c[1] > 0x9F) || (*c == 0xF0 && c[1] < 0x90) ||
        (*c == 0xF4 && c[1] > 0x8F)) {
        return 0;
    }
    for (int i = 1; i < n; i++) {
        if ((c[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return n;
}

int nm_has_word(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
        int begins = at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_');
        int ends = !isalnum((unsigned char)at[length]) && at[length] != '_';
        if (begins && ends) {
            return 1;
        }
    }
    return 0;
}
