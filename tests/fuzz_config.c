/* Fuzz target (clang -fsanitize=fuzzer): a configuration of any bytes, then overrides, each behind
 * a zero byte. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

enum { MAX_OVERRIDES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    const char *overrides[MAX_OVERRIDES];
    int n = 0;
    const size_t bytes = strlen(text);
    for (size_t i = bytes + 1; i < size && n < MAX_OVERRIDES; i += strlen(text + i) + 1) {
        overrides[n++] = text + i;
    }
    nm_config *config, *again;
    if (nm_config_read(&config, "fuzz.toml", text, bytes, overrides, n) == NM_OK) {
        /* the canonical text must be readable, and its own canonical text */
        const char *resolved = config->resolved;
        if (nm_config_read(&again, "again.toml", resolved, strlen(resolved), NULL, 0) != NM_OK ||
            strcmp(again->resolved, resolved) != 0) {
            fprintf(stderr, "%s\n%s\n", nm_last_error(), resolved);
            abort();
        }
        nm_config_destroy(&again);
        nm_config_destroy(&config);
    } else if (nm_last_error()[0] == '\0') {
        abort();
    }
    free(text);
    return 0;
}
