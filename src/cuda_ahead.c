/* Compiles the kernels of a model for named architectures, or for the devices of this machine. */
#include "cuda_ahead.h"

#include <stdlib.h>
#include <string.h>

#include "cuda_driver.h"
#include "cuda_image.h"
#include "cuda_nvrtc.h"

enum { MOST_CAPABILITIES = 32 };

/* Compute capabilities, 10 major + minor, each once. */
typedef struct capabilities {
    int n;
    int value[MOST_CAPABILITIES];
} capabilities;

static void add(capabilities *wanted, int value)
{
    for (int i = 0; i < wanted->n; i++) {
        if (wanted->value[i] == value) {
            return;
        }
    }
    if (wanted->n < MOST_CAPABILITIES) {
        wanted->value[wanted->n++] = value;
    }
}

/* "sm_80,sm_90" */
static nm_status read_architectures(capabilities *wanted, const char *text)
{
    for (const char *word = text;; word++) {
        size_t length = strcspn(word, ",");
        char *end = NULL;
        long value = strncmp(word, "sm_", 3) == 0 ? strtol(word + 3, &end, 10) : 0;
        if (end != word + length || value < 10 || value > 999 || word[3] == '-') {
            return nm_fail(NM_USAGE,
                           "--arch %s: sm_ and a compute capability are wanted, such as sm_90, or "
                           "several by commas, such as sm_80,sm_90",
                           text);
        }
        add(wanted, (int)value);
        word += length;
        if (*word == '\0') {
            return NM_OK;
        }
    }
}

static nm_status find_devices(capabilities *wanted)
{
    const nm_cuda_driver *driver;
    if (nm_cuda_driver_get(&driver) != NM_OK) {
        return NM_OK; /* a machine without a GPU */
    }
    for (int i = 0; i < driver->n_devices; i++) {
        nm_cuda_device_info info;
        NM_TRY(nm_cuda_device_look(&info, driver, i));
        add(wanted, 10 * info.major + info.minor);
    }
    return NM_OK;
}

nm_status nm_cuda_ahead(FILE *stream, const nm_model *model, const int *choice,
                        const char *architectures)
{
    const nm_nvrtc *nvrtc;
    capabilities wanted = {0};
    NM_TRY(architectures ? read_architectures(&wanted, architectures) : find_devices(&wanted));
    if (!architectures && wanted.n > 0 && nm_nvrtc_get(&nvrtc) != NM_OK) {
        nm_say("nothing is compiled for the GPU of this machine: %s", nm_last_error());
        return NM_OK;
    }
    for (int i = 0; i < wanted.n; i++) {
        char *kept;
        NM_TRY(
            nm_cuda_image_ahead(&kept, model, choice, wanted.value[i] / 10, wanted.value[i] % 10));
        fprintf(stream, "%s\n", kept);
        free(kept);
    }
    return NM_OK;
}
