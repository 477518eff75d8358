/* The stand-in driver's choices from the environment, its log, and failures on demand. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stand_in.h"

static const char *const fault_names[N_FAULTS] = {
    "alloc",  "host", "module", "context", "stream",   "event",
    "launch", "copy", "sync",   "run",     "transfer", "lost",
};

static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t n_occasions[N_FAULTS][MAX_DEVICES + 1]; /* the last: of all devices together */

int64_t nm_si_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void write_line(const char *prefix, const char *format, va_list args)
{
    const char *path = getenv("NESSMAP_STAND_IN_LOG");
    if (!path || !path[0]) {
        return;
    }
    char line[1024];
    int n = snprintf(line, sizeof line, "%ld %s", (long)getpid(), prefix);
    n += vsnprintf(line + n, sizeof line - (size_t)n - 1, format, args);
    if (n > (int)sizeof line - 2) {
        n = (int)sizeof line - 2;
    }
    line[n] = '\n';
    /* one write per line: lines of several threads and processes stay whole */
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0) {
        ssize_t written = write(fd, line, (size_t)n + 1);
        (void)written;
        close(fd);
    }
}

void nm_si_log(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line("", format, args);
    va_end(args);
}

void nm_si_violation(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line("violation ", format, args);
    va_end(args);
}

int64_t nm_si_option(const char *name, int i, int64_t dflt)
{
    const char *text = getenv(name);
    if (!text || !text[0]) {
        return dflt;
    }
    for (int k = 0; k < i; k++) {
        const char *comma = strchr(text, ',');
        if (!comma) {
            break;
        }
        text = comma + 1;
    }
    return strtoll(text, NULL, 10);
}

int64_t nm_si_delay_ns(const char *what)
{
    const char *text = getenv("NESSMAP_STAND_IN_DELAY");
    const size_t n = strlen(what);
    while (text && text[0]) {
        if (strncmp(text, what, n) == 0 && text[n] == ':') {
            return (int64_t)(strtod(text + n + 1, NULL) * 1e6);
        }
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    return 0;
}

/* Reads "name[@device]:n[+]" and says whether occasion number n_all, or n_here of that device,
 * is meant. */
static int is_meant(const char *text, const char *name, int physical, int64_t n_all, int64_t n_here)
{
    size_t n = strlen(name);
    if (strncmp(text, name, n) != 0) {
        return 0;
    }
    text += n;
    int64_t count = n_all;
    char *end;
    if (*text == '@') {
        if (strtol(text + 1, &end, 10) != physical) {
            return 0;
        }
        count = n_here;
        text = end;
    }
    if (*text != ':') {
        return 0;
    }
    int64_t wanted = strtoll(text + 1, &end, 10);
    return *end == '+' ? count >= wanted : count == wanted;
}

int nm_si_fails(nm_si_fault fault, int physical)
{
    pthread_mutex_lock(&fault_lock);
    int64_t n_all = ++n_occasions[fault][MAX_DEVICES], n_here = 0;
    if (physical >= 0) {
        n_here = ++n_occasions[fault][physical];
    }
    pthread_mutex_unlock(&fault_lock);
    const char *text = getenv("NESSMAP_STAND_IN_FAIL");
    while (text && text[0]) {
        if (is_meant(text, fault_names[fault], physical, n_all, n_here)) {
            nm_si_log("fault %s number=%lld device=%d", fault_names[fault], (long long)n_all,
                      physical);
            return 1;
        }
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    return 0;
}
