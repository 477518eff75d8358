/* The last error in one sentence, and messages to people on stderr. */
#ifndef NESSMAP_DIAG_H
#define NESSMAP_DIAG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nessmap/status.h"

/* Keeps one clear sentence (file:line, key, what was found, what would be right) and returns
 * `status`. The sentence is per thread; a later call replaces it, and its arguments may point into
 * the sentence before. Line ends become spaces; past 1023 bytes it is cut. */
nm_status nm_fail(nm_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Returns the sentence of the last nm_fail of this thread, "" if there was none. */
const char *nm_last_error(void);

/* Returns the exit code of the program for `status`, 1 for a value that is no nm_status. */
int nm_exit_code(nm_status status);

/* Returns the text of `status` for people ("out of memory") or "?". */
const char *nm_status_text(nm_status status);

/* Returns the name of an outcome ("ness") or "?"; its words for people or "?"; 1 where it carries
 * values. */
const char *nm_outcome_name(int outcome);
const char *nm_outcome_text(int outcome);
int nm_outcome_has_values(int outcome);

/* 1 where a point could not be solved, or left the model's domain. */
int nm_outcome_has_failed(int outcome);

/* Number of such points, from counts by outcome. */
int64_t nm_failed_points(const int64_t *count);

/* Returns the name of the flag of bit number `bit` ("multistable" for 0) or "?". */
const char *nm_flag_name(int bit);

/* Prints "nessmap: ..." and a newline, or a line of a JSON log, on stderr unless quiet. Thread-safe. */
void nm_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void nm_set_quiet(int quiet);
void nm_set_log_json(int is_json);

/* Begins a line of a JSON log, {"event":"NAME","time":S with S the seconds since 1970; the caller adds
 * members, each after a comma, and "}\n". */
void nm_log_event(FILE *stream, const char *name);

/* Returns the candidate nearest to `word`, or NULL if none is within an edit distance of about a
 * third of the length. A wrong case counts half, an exchange of neighbours once. */
const char *nm_nearest(const char *word, const char *const *candidates, size_t n_candidates);

#define NM_TRY(call)                                                                               \
    do {                                                                                           \
        nm_status nm_try_status = (call);                                                          \
        if (nm_try_status != NM_OK) {                                                              \
            return nm_try_status;                                                                  \
        }                                                                                          \
    } while (0)

#endif
