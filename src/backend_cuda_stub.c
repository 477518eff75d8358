/* The place of the CUDA backend in a build that has none. */
#include "backend.h"

static void describe(FILE *stream)
{
    fprintf(stream, "backend cuda     not built: the kernels compile for CUDA, their host side is "
                    "not part of this build\n");
}

/* run = NULL says that it is not there; nm_backend_choose words the error */
const nm_backend nm_backend_cuda = {.name = "cuda", .run = NULL, .describe = describe};
