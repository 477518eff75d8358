/* Foreign Philox: the reference implementation of its authors. */
#ifndef NESSMAP_RANDOM123_WORDS_H
#define NESSMAP_RANDOM123_WORDS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C"
#endif
    /* out words[4] of the 128-bit counter (low, high) under this key */
    void
    random123_words(uint32_t *words, uint64_t key, uint64_t low, uint64_t high);

#endif
