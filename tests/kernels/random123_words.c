/* Random123's Philox4x32-10. */
#include "random123_words.h"

#include <Random123/philox.h>

void random123_words(uint32_t *words, uint64_t key, uint64_t low, uint64_t high)
{
    philox4x32_ctr_t counter = {
        {(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high, (uint32_t)(high >> 32)}};
    philox4x32_key_t keys = {{(uint32_t)key, (uint32_t)(key >> 32)}};
    philox4x32_ctr_t out = philox4x32(counter, keys);
    for (int i = 0; i < 4; i++) {
        words[i] = out.v[i];
    }
}
