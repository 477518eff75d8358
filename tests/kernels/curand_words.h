/* Foreign Philox: what cuRAND's header gives when it is compiled for the host. */
#ifndef NESSMAP_CURAND_WORDS_H
#define NESSMAP_CURAND_WORDS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C"
#endif
    /* out words[4]: curand4 after curand_init(seed, subsequence, offset) */
    void
    curand_words(uint32_t *words, uint64_t seed, uint64_t subsequence, uint64_t offset);

#endif
