/* Runs scenes with the stand-in CUDA driver in processes of their own, and reads its log. */
#include "stand_in_child.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* the first bytes of a fatbin */
const unsigned char nm_stand_in_image[64] = {0x50, 0xed, 0x55, 0xba, 1, 0, 16, 0};

const char *nm_stand_in_log(void)
{
    static char *text;
    free(text);
    text = calloc(1, 1);
    FILE *file = fopen(getenv("NESSMAP_STAND_IN_LOG"), "rb");
    if (file) {
        fseek(file, 0, SEEK_END);
        size_t n = (size_t)ftell(file);
        rewind(file);
        free(text);
        text = calloc(n + 1, 1);
        n = fread(text, 1, n, file);
        fclose(file);
    }
    return text;
}

int nm_stand_in_lines(const char *words)
{
    int n = 0;
    const char *line = nm_stand_in_log();
    while (*line) {
        const char *end = strchr(line, '\n');
        const char *found = strstr(line, words);
        n += found && (!end || found < end);
        line = end ? end + 1 : line + strlen(line);
    }
    return n;
}

static int load_driver(void)
{
    char path[4096];
    const char *build = getenv("NESSMAP_BUILD");
    snprintf(path, sizeof path, "%s/tests/stand_in/libcuda.so.1", build ? build : ".");
    /* later the short name finds it, as it is loaded by then */
    if (!dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
        fprintf(stderr, "%s\n", dlerror());
        return -1;
    }
    if (!getenv("NESSMAP_STAND_IN_KERNELS")) {
        snprintf(path, sizeof path, "%s/tests/stand_in/small_kernels.so", build ? build : ".");
        setenv("NESSMAP_STAND_IN_KERNELS", path, 1);
    }
    return 0;
}

int nm_in_child(int (*scene)(void), int with_driver, const char *const *settings)
{
    char path[] = "stand_in_log_XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0) {
        return -1;
    }
    close(fd);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setenv("NESSMAP_STAND_IN_LOG", path, 1);
        unsetenv("CUDA_VISIBLE_DEVICES");
        for (; settings && *settings; settings++) {
            char setting[4096];
            snprintf(setting, sizeof setting, "%s", *settings);
            char *value = strchr(setting, '=');
            *value = '\0';
            setenv(setting, value + 1, 1);
        }
        exit(with_driver && load_driver() != 0 ? 1 : scene());
    }
    int status = 0;
    int is_good = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
    if (!is_good || WEXITSTATUS(status) != 0) {
        setenv("NESSMAP_STAND_IN_LOG", path, 1);
        fprintf(stderr, "the log of the stand-in driver:\n%s\n", nm_stand_in_log());
        unsetenv("NESSMAP_STAND_IN_LOG");
    }
    unlink(path);
    return is_good ? WEXITSTATUS(status) : -1;
}
