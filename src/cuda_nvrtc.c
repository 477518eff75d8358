/* Loads NVRTC with dlopen, compiles texts, and words its errors. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "cuda_nvrtc.h"

#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OLDEST_MAJOR = 12, MOST_ARCHITECTURES = 64 };

typedef struct program_of_nvrtc *program;

/* function(member, symbol, parameters); every one returns 0 where it succeeds */
#define FUNCTION_LIST(function)                                                                    \
    function(version, nvrtcVersion, (int *major, int *minor))                                      \
        function(n_architectures, nvrtcGetNumSupportedArchs,                                       \
                 (int *n)) function(architectures, nvrtcGetSupportedArchs, (int *architectures))   \
            function(create, nvrtcCreateProgram,                                                   \
                     (program * p, const char *text, const char *name, int n_headers,              \
                      const char *const *headers, const char *const *names))                       \
                function(compile, nvrtcCompileProgram,                                             \
                         (program p, int n_options, const char *const *options))                   \
                    function(log_size, nvrtcGetProgramLogSize, (program p, size_t * n))            \
                        function(log, nvrtcGetProgramLog, (program p, char *text))                 \
                            function(cubin_size, nvrtcGetCUBINSize, (program p, size_t * n))       \
                                function(cubin, nvrtcGetCUBIN, (program p, char *bytes))           \
                                    function(ptx_size, nvrtcGetPTXSize, (program p, size_t * n))   \
                                        function(ptx, nvrtcGetPTX, (program p, char *text))        \
                                            function(destroy, nvrtcDestroyProgram, (program * p))

static struct {
    pthread_once_t once;
    nm_nvrtc nvrtc;
    int is_there;
    int found_major, found_minor; /* of a library that is too old */
    char curand[PATH_MAX];
    int n_known, known[MOST_ARCHITECTURES]; /* 10 major + minor */
#define MEMBER(member, symbol, parameters) int(*member) parameters;
    FUNCTION_LIST(MEMBER)
#undef MEMBER
} loaded = {.once = PTHREAD_ONCE_INIT};

/* --- finding it ----------------------------------------------------------------------------- */

static const char *const names[] = {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"};
enum { N_NAMES = sizeof names / sizeof names[0] };

/* returns 1 where `library` is NVRTC and not too old */
static int take(void *library)
{
#define FIND(member, symbol, parameters) *(void **)&loaded.member = dlsym(library, #symbol);
    FUNCTION_LIST(FIND)
#undef FIND
    int major = 0, minor = 0;
    if (!loaded.version || loaded.version(&major, &minor) != 0) {
        return 0;
    }
    if (major < OLDEST_MAJOR) {
        loaded.found_major = major;
        loaded.found_minor = minor;
        return 0;
    }
#define IS_THERE(member, symbol, parameters) &&loaded.member
    if (!(1 FUNCTION_LIST(IS_THERE))) {
        return 0;
    }
#undef IS_THERE
    int n = 0;
    if (loaded.n_architectures(&n) != 0 || n < 1 || n > MOST_ARCHITECTURES ||
        loaded.architectures(loaded.known) != 0) {
        return 0;
    }
    loaded.n_known = n;
    loaded.nvrtc.major = major;
    loaded.nvrtc.minor = minor;
    return 1;
}

static int try_path(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        return 0;
    }
    if (take(library)) {
        return 1; /* for as long as the program runs */
    }
    dlclose(library);
    return 0;
}

/* pattern: of folders, as glob() reads it, under `root`, the value of an environment variable */
static int try_folders(const char *root, const char *pattern)
{
    int is_found = 0;
    for (int i = 0; i < N_NAMES && !is_found && root && root[0]; i++) {
        char path[PATH_MAX];
        glob_t found;
        int n = snprintf(path, sizeof path, "%s/%s/%s", root, pattern, names[i]);
        if (n < 0 || n >= (int)sizeof path || glob(path, 0, NULL, &found) != 0) {
            continue;
        }
        for (size_t k = 0; k < found.gl_pathc && !is_found; k++) {
            is_found = try_path(found.gl_pathv[k]);
        }
        globfree(&found);
    }
    return is_found;
}

static int find_library(void)
{
    for (int i = 0; i < N_NAMES; i++) {
        if (try_path(names[i])) {
            return 1;
        }
    }
    const char *home = getenv("CUDA_HOME"), *path = getenv("CUDA_PATH");
    const char *usual = home || path ? NULL : "/usr/local/cuda";
    const char *const roots[] = {home, path, usual};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        if (try_folders(roots[i], "lib64") || try_folders(roots[i], "lib") ||
            try_folders(roots[i], "targets/*/lib")) {
            return 1;
        }
    }
    return try_folders(getenv("VIRTUAL_ENV"), "lib/python3*/site-packages/nvidia/*/lib") ||
           try_folders(getenv("CONDA_PREFIX"), "lib") ||
           try_folders(getenv("CONDA_PREFIX"), "lib/python3*/site-packages/nvidia/*/lib");
}

/* Looks for cuRAND's headers: in the named toolkit, else beside the library, where the toolkit, the
 * Python packages and the distributions have them. */
static void find_curand(void)
{
    char library[PATH_MAX] = "";
    Dl_info info;
    void *symbol;
    memcpy(&symbol, &loaded.create, sizeof symbol);
    if (dladdr(symbol, &info) && info.dli_fname && realpath(info.dli_fname, library)) {
        *strrchr(library, '/') = '\0';
    }
    const struct {
        const char *root, *folder;
    } places[] = {{getenv("CUDA_HOME"), "include"},
                  {getenv("CUDA_PATH"), "include"},
                  {library, "../include"},
                  {library, "../../include"},
                  {library, "../../curand/include"}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char file[PATH_MAX + 64];
        if (!places[i].root || places[i].root[0] != '/') {
            continue;
        }
        snprintf(loaded.curand, sizeof loaded.curand, "%s/%s", places[i].root, places[i].folder);
        snprintf(file, sizeof file, "%s/curand_philox4x32_x.h", loaded.curand);
        if (access(file, R_OK) == 0) {
            loaded.nvrtc.curand = loaded.curand;
            return;
        }
    }
}

static void load_once(void)
{
    loaded.is_there = find_library();
    if (loaded.is_there) {
        find_curand();
    }
}

nm_status nm_nvrtc_get(const nm_nvrtc **nvrtc)
{
    *nvrtc = NULL;
    pthread_once(&loaded.once, load_once);
    if (!loaded.is_there) {
        char found[64] = "was not found";
        if (loaded.found_major > 0) {
            snprintf(found, sizeof found, "is of CUDA %d.%d", loaded.found_major,
                     loaded.found_minor);
        }
        return nm_fail(NM_DEVICE,
                       "CUDA: NVRTC (libnvrtc.so) %s; CUDA %d.0 or later has one that will do: "
                       "install it, or name its folder by CUDA_HOME, or use --backend cpu",
                       found, OLDEST_MAJOR);
    }
    *nvrtc = &loaded.nvrtc;
    return NM_OK;
}

/* --- architectures -------------------------------------------------------------------------- */

nm_status nm_nvrtc_target(char target[NM_NVRTC_TARGET], int major, int minor)
{
    const nm_nvrtc *nvrtc;
    NM_TRY(nm_nvrtc_get(&nvrtc));
    const int wanted = 10 * major + minor;
    int best = 0, oldest = loaded.known[0];
    for (int i = 0; i < loaded.n_known; i++) {
        int known = loaded.known[i];
        best = known <= wanted && known > best ? known : best;
        oldest = known < oldest ? known : oldest;
    }
    if (best == 0) {
        return nm_fail(NM_DEVICE,
                       "CUDA: the device has compute capability %d.%d, and NVRTC %d.%d compiles "
                       "for %d.%d and later; an earlier NVRTC or --backend cpu would do",
                       major, minor, nvrtc->major, nvrtc->minor, oldest / 10, oldest % 10);
    }
    /* machine code runs on its own major version alone, PTX on every later one */
    snprintf(target, NM_NVRTC_TARGET, "%s_%d", best / 10 == major ? "sm" : "compute", best);
    return NM_OK;
}

/* --- compiling ------------------------------------------------------------------------------ */

/* The first error of the log, "x.h(12): error: text" as "x.h:12: text"; what there is of the log
 * where none is found. Cuts the log. */
static const char *first_error(char *log)
{
    char *error = strstr(log, ": error: "), *line = log;
    if (!error) {
        error = strstr(log, "error: ");
    }
    if (!error) {
        return log[strspn(log, " \n")] ? log : "it says no more";
    }
    for (char *c = log; c < error; c++) {
        line = *c == '\n' ? c + 1 : line;
    }
    error[strcspn(error, "\n")] = '\0';
    char *open = memchr(line, '(', (size_t)(error - line)), *close = error - 1;
    if (open && close > open && *close == ')') {
        *open = ':';
        memmove(close, error, 2);
        memmove(close + 2, error + strlen(": error: "), strlen(error + strlen(": error: ")) + 1);
    }
    return line;
}

static nm_status report(program p, const char *what)
{
    size_t n = 0;
    char *log = loaded.log_size(p, &n) == 0 ? calloc(n + 1, 1) : NULL;
    if (log && loaded.log(p, log) != 0) {
        log[0] = '\0';
    }
    nm_status status =
        nm_fail(NM_DEVICE, "CUDA: %s does not compile: %s (NVRTC %d.%d)", what,
                log ? first_error(log) : "it says no more", loaded.nvrtc.major, loaded.nvrtc.minor);
    free(log);
    return status;
}

static nm_status fetch(void **bytes, size_t *n_bytes, program p, const char *what, int is_ptx)
{
    size_t n = 0;
    int result = is_ptx ? loaded.ptx_size(p, &n) : loaded.cubin_size(p, &n);
    char *copy = result == 0 && n > 0 ? malloc(n) : NULL;
    if (copy) {
        result = is_ptx ? loaded.ptx(p, copy) : loaded.cubin(p, copy);
    }
    if (!copy || result != 0) {
        free(copy);
        return result == 0 && n > 0
                   ? nm_fail(NM_MEMORY, "out of memory for a module of %zu bytes", n)
                   : nm_fail(NM_DEVICE, "CUDA: %s compiles, but NVRTC gives no code (error %d)",
                             what, result);
    }
    *bytes = copy;
    *n_bytes = n;
    return NM_OK;
}

nm_status nm_nvrtc_compile(void **bytes, size_t *n_bytes, const char *what, const char *target,
                           const nm_source *main, const nm_source *headers, int n_headers,
                           const char *const *options, int n_options)
{
    const nm_nvrtc *nvrtc;
    *bytes = NULL;
    *n_bytes = 0;
    NM_TRY(nm_nvrtc_get(&nvrtc));
    char arch[NM_NVRTC_TARGET + 8];
    snprintf(arch, sizeof arch, "-arch=%s", target);
    const char **list = malloc((size_t)(2 * n_headers + n_options + 1) * sizeof *list);
    if (!list) {
        return nm_fail(NM_MEMORY, "out of memory for the sources of a module");
    }
    const char **texts = list, **includes = list + n_headers, **all = list + 2 * n_headers;
    for (int i = 0; i < n_headers; i++) {
        texts[i] = headers[i].text;
        includes[i] = headers[i].name;
    }
    for (int i = 0; i < n_options; i++) {
        all[i] = options[i];
    }
    all[n_options] = arch;

    program p = NULL;
    nm_status status;
    int result = loaded.create(&p, main->text, main->name, n_headers, texts, includes);
    if (result != 0) {
        status = nm_fail(NM_DEVICE, "CUDA: NVRTC %d.%d does not start (error %d)", nvrtc->major,
                         nvrtc->minor, result);
    } else {
        status = loaded.compile(p, n_options + 1, all) != 0
                     ? report(p, what)
                     : fetch(bytes, n_bytes, p, what, strncmp(target, "sm_", 3) != 0);
        loaded.destroy(&p);
    }
    free(list);
    return status;
}
