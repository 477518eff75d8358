/* An NVRTC without CUDA: it compiles kernels for the host, and the stand-in driver runs them.
 *
 * It is found by LD_LIBRARY_PATH as libnvrtc.so. What it gives for machine code is a shared library
 * of the host that says it were a cubin: its machine is CUDA's, and its own is kept in the flags.
 * It knows the architectures 80 and 90, gives no PTX, does without cuRAND, and takes no option that
 * src/cuda_image.c does not give. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stand_in_words.h"

enum { PATH_BYTES = 512, MOST_WORDS = 128 };
enum { /* results, as nvrtc.h has them */
       SUCCESS = 0,
       OUT_OF_MEMORY = 1,
       CREATION_FAILED = 2,
       INVALID_INPUT = 3,
       INVALID_OPTION = 5,
       COMPILATION = 6
};

#define EXPORTED __attribute__((visibility("default")))

extern char **environ;

typedef struct program {
    char folder[64], name[128]; /* where its texts lie, and the one that is compiled */
    char *log, *code;
    size_t n_log, n_code;
} program;

EXPORTED int nvrtcVersion(int *major, int *minor);
EXPORTED int nvrtcGetNumSupportedArchs(int *n);
EXPORTED int nvrtcGetSupportedArchs(int *architectures);
EXPORTED int nvrtcCreateProgram(program **p, const char *text, const char *name, int n_headers,
                                const char *const *headers, const char *const *names);
EXPORTED int nvrtcCompileProgram(program *p, int n_options, const char *const *options);
EXPORTED int nvrtcGetProgramLogSize(program *p, size_t *n);
EXPORTED int nvrtcGetProgramLog(program *p, char *text);
EXPORTED int nvrtcGetCUBINSize(program *p, size_t *n);
EXPORTED int nvrtcGetCUBIN(program *p, char *bytes);
EXPORTED int nvrtcGetPTXSize(program *p, size_t *n);
EXPORTED int nvrtcGetPTX(program *p, char *text);
EXPORTED int nvrtcDestroyProgram(program **p);

int nvrtcVersion(int *major, int *minor)
{
    *major = 12;
    *minor = 0;
    return SUCCESS;
}

int nvrtcGetNumSupportedArchs(int *n)
{
    *n = 2;
    return SUCCESS;
}

int nvrtcGetSupportedArchs(int *architectures)
{
    architectures[0] = 80;
    architectures[1] = 90;
    return SUCCESS;
}

/* --- texts ------------------------------------------------------------------------------------ */

static int write_file(const char *folder, const char *name, const char *text)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *slash = strchr(path + strlen(folder) + 1, '/');
    if (slash) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    int is_good = file && fputs(text, file) >= 0;
    return file && fclose(file) == 0 && is_good;
}

/* Allocated, with a 0 behind the last byte; NULL where there is no such file. */
static char *read_file(const char *folder, const char *name, size_t *n)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    *n = 0;
    if (file && fseek(file, 0, SEEK_END) == 0) {
        long size = ftell(file);
        rewind(file);
        bytes = size >= 0 ? calloc((size_t)size + 1, 1) : NULL;
        *n = bytes ? fread(bytes, 1, (size_t)size, file) : 0;
    }
    if (file) {
        fclose(file);
    }
    return bytes;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

int nvrtcDestroyProgram(program **p)
{
    nftw((*p)->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free((*p)->log);
    free((*p)->code);
    free(*p);
    *p = NULL;
    return SUCCESS;
}

int nvrtcCreateProgram(program **p, const char *text, const char *name, int n_headers,
                       const char *const *headers, const char *const *names)
{
    *p = calloc(1, sizeof **p);
    if (!*p) {
        return OUT_OF_MEMORY;
    }
    snprintf((*p)->folder, sizeof(*p)->folder, "/tmp/nessmap_nvrtc_XXXXXX");
    snprintf((*p)->name, sizeof(*p)->name, "%s", name);
    int is_good = mkdtemp((*p)->folder) != NULL && write_file((*p)->folder, name, text);
    for (int i = 0; i < n_headers; i++) {
        is_good = is_good && write_file((*p)->folder, names[i], headers[i]);
    }
    if (!is_good) {
        nvrtcDestroyProgram(p);
        return CREATION_FAILED;
    }
    return SUCCESS;
}

/* --- compiling -------------------------------------------------------------------------------- */

/* 1 for an option that the host's compiler gets too, 0 for one that is CUDA's alone, -1 for one
 * that nobody should give */
static int judge(const char *option)
{
    static const char *const known[] = {"-std=c++20",  "-fmad=false", "-default-device",
                                        "-arch=sm_80", "-arch=sm_90", "-DNM_CURAND=1"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(option, known[i]) == 0) {
            return 0;
        }
    }
    return strncmp(option, "-DNM_", 5) == 0 ? 1 : strncmp(option, "-I/", 3) == 0 ? 0 : -1;
}

/* Runs the compiler, its words in the file "log". returns its exit status */
static int run(const char *folder, char *const *words)
{
    posix_spawn_file_actions_t actions;
    char log[PATH_BYTES];
    pid_t process;
    int status;
    snprintf(log, sizeof log, "%s/log", folder);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return -1;
    }
    int error =
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    error = error ? error : posix_spawn_file_actions_adddup2(&actions, 1, 2);
    error = error ? error : posix_spawn_file_actions_addchdir_np(&actions, folder);
    error = error ? error : posix_spawnp(&process, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) {
        return -1;
    }
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int nvrtcCompileProgram(program *p, int n_options, const char *const *options)
{
    static char *const first[] = {NM_STAND_IN_WORDS};
    char *words[MOST_WORDS];
    int n = 0;
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        words[n++] = first[i];
    }
    words[n++] = "-I.";
    for (int i = 0; i < n_options; i++) {
        int verdict = judge(options[i]);
        if (verdict < 0 || n > MOST_WORDS - 8) {
            return INVALID_OPTION;
        }
        if (verdict > 0) {
            words[n++] = (char *)(size_t)options[i];
        }
    }
    words[n++] = p->name;
    words[n++] = "-o";
    words[n++] = "code";
    words[n] = NULL;
    int is_compiled = run(p->folder, words) == 0;
    p->log = read_file(p->folder, "log", &p->n_log);
    p->code = is_compiled ? read_file(p->folder, "code", &p->n_code) : NULL;
    if (p->n_code < sizeof(Elf64_Ehdr)) {
        return COMPILATION;
    }
    Elf64_Ehdr header;
    memcpy(&header, p->code, sizeof header);
    header.e_flags = header.e_machine;
    header.e_machine = EM_CUDA;
    memcpy(p->code, &header, sizeof header);
    return SUCCESS;
}

/* --- results ---------------------------------------------------------------------------------- */

int nvrtcGetProgramLogSize(program *p, size_t *n)
{
    *n = p->n_log + 1;
    return SUCCESS;
}

int nvrtcGetProgramLog(program *p, char *text)
{
    memcpy(text, p->log ? p->log : "", p->n_log + 1);
    return SUCCESS;
}

int nvrtcGetCUBINSize(program *p, size_t *n)
{
    *n = p->n_code;
    return p->code ? SUCCESS : INVALID_INPUT;
}

int nvrtcGetCUBIN(program *p, char *bytes)
{
    if (!p->code) {
        return INVALID_INPUT;
    }
    memcpy(bytes, p->code, p->n_code);
    return SUCCESS;
}

int nvrtcGetPTXSize(program *p, size_t *n)
{
    (void)p;
    *n = 0;
    return INVALID_INPUT;
}

int nvrtcGetPTX(program *p, char *text)
{
    (void)p;
    (void)text;
    return INVALID_INPUT;
}
