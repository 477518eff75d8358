/* Finds the system's C++ compilers and runs them, in English, with their words kept in a file. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "model_compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"

extern char **environ;

/* --- running ---------------------------------------------------------------------------------- */

/* The environment, but messages in English: src/model_mistake.c reads them. The caller frees the
 * list. */
static char **english_environment(void)
{
    int n = 0, n_kept = 0;
    while (environ[n]) {
        n++;
    }
    char **list = malloc((size_t)(n + 2) * sizeof *list);
    for (int i = 0; list && i < n; i++) {
        if (strncmp(environ[i], "LC_ALL=", 7) != 0 && strncmp(environ[i], "LANGUAGE=", 9) != 0) {
            list[n_kept++] = environ[i];
        }
    }
    if (list) {
        list[n_kept++] = "LC_ALL=C";
        list[n_kept] = NULL;
    }
    return list;
}

nm_status nm_program_start(pid_t *process, char *const *words, const char *folder, const char *said)
{
    posix_spawn_file_actions_t actions;
    char **environment = english_environment();
    if (!environment || posix_spawn_file_actions_init(&actions) != 0) {
        free(environment);
        return nm_fail(NM_MEMORY, "out of memory to start %s", words[0]);
    }
    int error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (error == 0) {
        error =
            posix_spawn_file_actions_addopen(&actions, 1, said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&actions, 1, 2);
    }
    if (error == 0 && folder) {
        error = posix_spawn_file_actions_addchdir_np(&actions, folder);
    }
    if (error == 0) {
        error = posix_spawn(process, words[0], &actions, NULL, words, environment);
    }
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    return error == 0 ? NM_OK : nm_fail(NM_IO, "cannot start %s: %s", words[0], strerror(error));
}

int nm_program_wait(pid_t process)
{
    int status;
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) {
            return 127;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What a program says, allocated; NULL where it fails. */
static char *words_of(char *const *words)
{
    const char *folder = getenv("TMPDIR");
    char *said = nm_file_format("%s/nessmap-XXXXXX", folder && folder[0] ? folder : "/tmp");
    char *text = NULL;
    size_t n_bytes;
    pid_t process;
    int fd = said ? mkstemp(said) : -1;
    if (fd >= 0) {
        close(fd);
        if (nm_program_start(&process, words, NULL, said) == NM_OK &&
            nm_program_wait(process) == 0) {
            /* a failure leaves NULL */
            (void)nm_file_read(&text, &n_bytes, said);
        }
        unlink(said);
    }
    free(said);
    return text;
}

/* --- finding ---------------------------------------------------------------------------------- */

static int is_program(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

/* The whole path of a program, by its path or by PATH; allocated, NULL where there is none. */
static char *find_program(const char *name)
{
    if (strchr(name, '/')) {
        /* another folder may be the current one when it is run */
        return is_program(name) ? realpath(name, NULL) : NULL;
    }
    const char *folder = getenv("PATH");
    while (folder && *folder) {
        size_t length = strcspn(folder, ":");
        char *path = nm_file_format("%.*s/%s", (int)length, folder, name);
        if (path && path[0] == '/' && is_program(path)) {
            return path;
        }
        free(path);
        folder += length + (folder[length] == ':');
    }
    return NULL;
}

/* Adds a compiler that says its version. path: taken over. */
static void add(nm_compilers *compilers, char *path)
{
    char *words[] = {path, "--version", NULL};
    char *version = words_of(words);
    if (!version) {
        free(path);
        return;
    }
    compilers->compiler[compilers->n++] =
        (nm_compiler){path, version, strstr(version, "clang") != NULL};
}

nm_status nm_compilers_find(nm_compilers *compilers)
{
    static const char *const names[NM_MOST_COMPILERS] = {"clang++", "c++", "g++"};
    const char *chosen = getenv("NESSMAP_CXX");
    memset(compilers, 0, sizeof *compilers);
    if (chosen && chosen[0]) {
        char *path = find_program(chosen);
        if (path) {
            add(compilers, path);
        }
        return compilers->n == 1
                   ? NM_OK
                   : nm_fail(NM_USAGE,
                             "NESSMAP_CXX=%s is no C++ compiler that can be run; give the path of "
                             "one, or unset it",
                             chosen);
    }
    for (int i = 0; i < NM_MOST_COMPILERS; i++) {
        char *path = find_program(names[i]);
        if (path) {
            add(compilers, path);
        }
    }
    return NM_OK;
}

void nm_compilers_clear(nm_compilers *compilers)
{
    for (int i = 0; i < compilers->n; i++) {
        free(compilers->compiler[i].path);
        free(compilers->compiler[i].version);
    }
    memset(compilers, 0, sizeof *compilers);
}

int nm_compiler_works(const nm_compiler *compiler)
{
    char *words[] = {compiler->path, "-std=c++20", "-fsyntax-only", "-x",        "c++", "-include",
                     "stdlib.h",     "-include",   "math.h",        "/dev/null", NULL};
    char *said = words_of(words);
    free(said);
    return said != NULL;
}
