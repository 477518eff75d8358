/* What the fuzz targets share: what must hold, and numbers and texts out of the fuzzer's bytes. */
#ifndef NESSMAP_FUZZ_H
#define NESSMAP_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);
const char *__asan_default_options(void);

/* UDUNITS 2.2 forgets the text of a name that stands where its grammar wants none ("hour 0m"). */
const char *__lsan_default_suppressions(void)
{
    return "leak:utlex\n";
}

/* What is not written is not a number, so that it is seen where it is used. */
const char *__asan_default_options(void)
{
    return "malloc_fill_byte=255:max_malloc_fill_size=65536";
}

/* Ends the program with a word about what did not hold, which libFuzzer keeps as a crash. */
#define nm_fuzz_check(holds, ...)                                                                  \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            fprintf(stderr, "%s:%d: %s does not hold: ", __FILE__, __LINE__, #holds);              \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fprintf(stderr, "\n");                                                                 \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Forgets the last sentence, so that the next one is known to be about the next call. */
static inline void nm_fuzz_forget(void)
{
    (void)nm_fail(NM_OK, "%s", "");
}

/* 1 where the call was accepted; what is refused must have one readable sentence. */
static inline int nm_fuzz_is_accepted(nm_status status)
{
    if (status == NM_OK) {
        return 1;
    }
    const char *said = nm_last_error();
    nm_fuzz_check(strlen(said) > 10, "\"%s\"", said);
    while (*said != '\0') {
        int n = nm_utf8_length(said);
        nm_fuzz_check(n > 0 && (unsigned char)*said >= ' ' && *said != 0x7F, "\"%s\"", said);
        said += n;
    }
    nm_fuzz_check(status != NM_MEMORY, "%s", nm_last_error());
    return 0;
}

/* The fuzzer's bytes, taken from the front; zeros behind their end. */
typedef struct nm_fuzz {
    const uint8_t *at;
    size_t n;
} nm_fuzz;

static inline int nm_fuzz_byte(nm_fuzz *fuzz)
{
    if (fuzz->n == 0) {
        return 0;
    }
    fuzz->n--;
    return *fuzz->at++;
}

/* A number from `least` to `most`. */
static inline int nm_fuzz_number(nm_fuzz *fuzz, int least, int most)
{
    unsigned range = (unsigned)(most - least) + 1;
    unsigned bytes = (unsigned)nm_fuzz_byte(fuzz);
    return least + (int)((range > 256 ? bytes << 8 | (unsigned)nm_fuzz_byte(fuzz) : bytes) % range);
}

/* Rarely 1, and never where bytes have run out. */
static inline int nm_fuzz_seldom(nm_fuzz *fuzz)
{
    return nm_fuzz_byte(fuzz) > 250;
}

/* The bytes as an allocated text that ends at their first zero. */
static inline char *nm_fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) {
        exit(1);
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    return text;
}

#endif
