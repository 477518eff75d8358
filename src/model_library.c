/* Loads compiled models, once each, and only what can be loaded safely.
 *
 * 1. a trial   2. loading */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "model_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "timeline.h"

enum { SYMBOL_BYTES = 96 };
static const double patience = 10.0; /* [s] */

/* --- 1. a trial ------------------------------------------------------------------------------- */

/* Waits for the child, or ends it. returns 0 where it did not come back in time. */
static int wait_for(pid_t child, int *how)
{
    const struct timespec nap = {.tv_nsec = 500000};
    const double end = nm_clock() + patience;
    for (;;) {
        const pid_t ended = waitpid(child, how, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR)) {
            return 1;
        }
        if (nm_clock() > end) {
            kill(child, SIGKILL);
            waitpid(child, how, 0);
            return 0;
        }
        nanosleep(&nap, NULL);
    }
}

/* Loads the library in a process of its own: what its constructors break is that one's. */
static nm_status try(const char *path, const char *what)
{
    int how = 0;
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        _exit(dlopen(path, RTLD_NOW | RTLD_LOCAL) == NULL);
    }
    if (child < 0) {
        return NM_OK;
    }
    if (!wait_for(child, &how)) {
        return nm_fail(NM_USAGE,
                       "%s: its compiled form does not come back from being loaded within %.0f s: "
                       "a model must "
                       "not run anything by itself",
                       what, patience);
    }
    if (WIFSIGNALED(how)) {
        return nm_fail(NM_USAGE,
                       "%s: its compiled form crashes when it is loaded (%s): a model must not run "
                       "anything by "
                       "itself",
                       what, strsignal(WTERMSIG(how)));
    }
    return NM_OK;
}

/* --- 2. loading ------------------------------------------------------------------------------- */

/* Libraries that are loaded stay: models are used to the end of the process. */
typedef struct loaded {
    char *path;
    const nm_model *model;
    struct loaded *next;
} loaded;

static loaded *all_loaded;
nm_status nm_model_load(const nm_model **model, const char *path, const char *name,
                        const char *what)
{
    for (loaded *item = all_loaded; item; item = item->next) {
        if (strcmp(item->path, path) == 0) {
            *model = item->model;
            return NM_OK;
        }
    }
    char symbol[SYMBOL_BYTES];
    snprintf(symbol, sizeof symbol, "nm_model_%s", name);
    NM_TRY(try(path, what));
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const nm_model *found = library ? dlsym(library, symbol) : NULL;
    if (!found) {
        const char *why = dlerror();
        nm_status status = nm_fail(NM_IO, "%s: its compiled form cannot be loaded (%s)", what,
                                   why ? why : "it has no model");
        if (library) {
            dlclose(library);
        }
        return status;
    }
    loaded *item = malloc(sizeof *item);
    char *kept = strdup(path);
    if (!item || !kept) {
        free(item);
        free(kept);
        dlclose(library);
        return nm_fail(NM_MEMORY, "out of memory for a model");
    }
    *item = (loaded){kept, found, all_loaded};
    all_loaded = item;
    *model = found;
    return NM_OK;
}
