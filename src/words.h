/* Numbers as people read them: counts, shares, bytes, rates, times, quantities; texts in lines of
 * a page, and texts for JSON. */
#ifndef NESSMAP_WORDS_H
#define NESSMAP_WORDS_H

#include <stdint.h>
#include <stdio.h>

enum { NM_WORDS = 64 }; /* bytes of a buffer for one number */

/* Each writes into out[NM_WORDS] and returns it. */
char *nm_words_count(char *out, int64_t n); /* "1,048,576" */
char *nm_words_share(char *out, int64_t part,
                     int64_t all);                 /* "11.3 %"; never rounds to 0 or 100 % */
char *nm_words_bytes(char *out, double bytes);     /* "50.3 MB" */
char *nm_words_rate(char *out, double per_second); /* "1.21 million" */
char *nm_words_time(char *out, double seconds);    /* "0.42 s", "3 min 20 s", "2 h 05 min" */

/* A value with its unit in the units that people use: -57 kJ/mol, -71 mV, 140 mM; else as it is. */
char *nm_words_quantity(char *out, double value, const char *unit);

/* The shortest text that reads back as the same double. */
char *nm_words_double(char *out, double value);

/* A JSON string with its quotes, where U+FFFD stands for each byte that is no UTF-8; a JSON number, or null where it is not finite. */
void nm_json_text(FILE *stream, const char *text);
void nm_json_number(FILE *stream, double value);

/* Prints a text that breaks at blanks before column NM_COLUMNS; the lines after the first begin at
 * `indent`. at: the column of the line, kept from piece to piece. At most 4095 bytes at once. */
enum { NM_COLUMNS = 100 };
void nm_put_wrapped(FILE *stream, int *at, int indent, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Bytes of the UTF-8 character that `text`, which is not empty, begins with; 0 where it begins with
 * none. */
int nm_utf8_length(const char *text);

/* 1 if `name` stands in `text` as a whole word. */
int nm_has_word(const char *text, const char *name);

#endif
