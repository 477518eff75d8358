/* Keeps the last error of each thread as one sentence, and speaks to people on stderr. */
#include "diag.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "words.h"

enum {
    SENTENCE_BYTES = 1024, /* longest sentence kept, with its final zero */
    NEAREST_BYTES = 64     /* longest word that nm_nearest compares */
};

static _Thread_local char last_error[SENTENCE_BYTES];
static atomic_int is_quiet, is_json_log;

/* Makes a sentence safe for a terminal and a log line: one line of UTF-8 without control characters.
 * Messages quote foreign bytes, and cut them at so many bytes. */
static void make_plain(char *text, int is_cut)
{
    int n;
    for (char *c = text; *c; c += n) {
        n = nm_utf8_length(c);
        if (n == 0 && is_cut && strlen(c) < 4) {
            *c = '\0';
            return;
        }
        /* the control characters beyond ASCII have two bytes */
        int is_control = (unsigned char)*c < 0x20 || *c == 0x7F ||
                         (n == 2 && *c == '\xC2' && (unsigned char)c[1] < 0xA0);
        if (*c == '\n' || *c == '\r' || *c == '\t') {
            *c = ' ';
        } else if (n == 0 || is_control) {
            n = n > 0 ? n : 1;
            memset(c, '?', (size_t)n);
        }
    }
}

static void write_sentence(char out[SENTENCE_BYTES], const char *format, va_list args)
{
    int n = vsnprintf(out, SENTENCE_BYTES, format, args);
    if (n < 0) {
        snprintf(out, SENTENCE_BYTES, "%s", format);
    }
    make_plain(out, n >= SENTENCE_BYTES);
}

nm_status nm_fail(nm_status status, const char *format, ...)
{
    /* the arguments may point into the sentence that is replaced */
    char sentence[SENTENCE_BYTES];
    va_list args;
    va_start(args, format);
    write_sentence(sentence, format, args);
    va_end(args);
    memcpy(last_error, sentence, sizeof last_error);
    return status;
}

const char *nm_last_error(void)
{
    return last_error;
}

int nm_exit_code(nm_status status)
{
    switch (status) {
#define EXIT_CODE(name, code, text)                                                                \
    case NM_##name:                                                                                \
        return code;
        NM_STATUS_LIST(EXIT_CODE)
#undef EXIT_CODE
    case NM_N_STATUS:
        break;
    }
    return 1;
}

const char *nm_status_text(nm_status status)
{
    switch (status) {
#define STATUS_TEXT(name, code, text)                                                              \
    case NM_##name:                                                                                \
        return text;
        NM_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    case NM_N_STATUS:
        break;
    }
    return "?";
}

typedef struct outcome_info {
    const char *name;
    int has_values;
    const char *text;
} outcome_info;

static const outcome_info outcomes[] = {
#define OUTCOME_INFO(name, values, text) {#name, values, text},
    NM_OUTCOME_LIST(OUTCOME_INFO)
#undef OUTCOME_INFO
};

static int is_outcome(int outcome)
{
    return outcome >= 0 && outcome < NM_N_OUTCOMES;
}

const char *nm_outcome_name(int outcome)
{
    return is_outcome(outcome) ? outcomes[outcome].name : "?";
}

const char *nm_outcome_text(int outcome)
{
    return is_outcome(outcome) ? outcomes[outcome].text : "?";
}

int nm_outcome_has_values(int outcome)
{
    return is_outcome(outcome) ? outcomes[outcome].has_values : 0;
}

int nm_outcome_has_failed(int outcome)
{
    return outcome == NM_OUTCOME_not_converged || outcome == NM_OUTCOME_left_domain;
}

int64_t nm_failed_points(const int64_t *count)
{
    int64_t n = 0;
    for (int k = 0; k < NM_N_OUTCOMES; k++) {
        n += nm_outcome_has_failed(k) ? count[k] : 0;
    }
    return n;
}

const char *nm_flag_name(int bit)
{
    switch (bit) {
#define FLAG_NAME(name, bit, text)                                                                 \
    case bit:                                                                                      \
        return #name;
        NM_FLAG_LIST(FLAG_NAME)
#undef FLAG_NAME
    default:
        return "?";
    }
}

void nm_say(const char *format, ...)
{
    if (atomic_load(&is_quiet)) {
        return;
    }
    char sentence[SENTENCE_BYTES];
    va_list args;
    va_start(args, format);
    write_sentence(sentence, format, args);
    va_end(args);
    /* lines of several threads do not mix */
    flockfile(stderr);
    if (atomic_load(&is_json_log)) {
        nm_log_event(stderr, "note");
        fputs(",\"text\":", stderr);
        nm_json_text(stderr, sentence);
        fputs("}\n", stderr);
    } else {
        fprintf(stderr, "nessmap: %s\n", sentence);
    }
    funlockfile(stderr);
}

void nm_set_quiet(int quiet)
{
    atomic_store(&is_quiet, quiet != 0);
}

void nm_set_log_json(int is_json)
{
    atomic_store(&is_json_log, is_json != 0);
}

void nm_log_event(FILE *stream, const char *name)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    fprintf(stream, "{\"event\":\"%s\",\"time\":%lld.%03ld", name, (long long)now.tv_sec,
            now.tv_nsec / 1000000);
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Cost of writing `b` for `a`: a wrong case is half a mistake. */
static int swap_cost(char a, char b)
{
    if (a == b) {
        return 0;
    }
    return tolower((unsigned char)a) == tolower((unsigned char)b) ? 1 : 2;
}

/* Twice the edit distance (insertion, deletion, substitution, exchange of neighbours) of two words
 * of at most NEAREST_BYTES characters. */
static int edit_cost(const char *a, int n_a, const char *b, int n_b)
{
    int row[3][NEAREST_BYTES + 1];
    int *before = row[0], *above = row[1], *here = row[2];
    for (int j = 0; j <= n_b; j++) {
        above[j] = 2 * j;
        before[j] = 0; /* read from the second row on */
    }
    for (int i = 1; i <= n_a; i++) {
        here[0] = 2 * i;
        for (int j = 1; j <= n_b; j++) {
            int cost = min_int(above[j] + 2, here[j - 1] + 2);
            cost = min_int(cost, above[j - 1] + swap_cost(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                cost = min_int(cost, before[j - 2] + 2);
            }
            here[j] = cost;
        }
        int *oldest = before;
        before = above;
        above = here;
        here = oldest;
    }
    return above[n_b];
}

const char *nm_nearest(const char *word, const char *const *candidates, size_t n_candidates)
{
    const char *best = NULL;
    int best_cost = 0;
    size_t n_word = word ? strlen(word) : 0;
    if (n_word == 0 || n_word > NEAREST_BYTES) {
        return NULL;
    }
    for (size_t i = 0; i < n_candidates; i++) {
        size_t n = strlen(candidates[i]);
        if (n == 0 || n > NEAREST_BYTES) {
            continue;
        }
        int cost = edit_cost(word, (int)n_word, candidates[i], (int)n);
        int limit = 2 * (int)(n_word > n ? n_word : n) / 3;
        if (cost <= limit && (!best || cost < best_cost)) {
            best = candidates[i];
            best_cost = cost;
        }
    }
    return best;
}
