/* The output of a run: its name, whether it is there, and whether it answers the question. */
#include "out_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "grid_nc.h"
#include "journal.h"
#include "refine.h"

/* "scans/leak.toml" -> "leak.nc" in the working folder */
static char *default_path(const char *config_path)
{
    const char *slash = strrchr(config_path, '/');
    const char *base = slash ? slash + 1 : config_path;
    size_t length = strlen(base);
    if (length > 5 && strcmp(base + length - 5, ".toml") == 0) {
        length -= 5;
    }
    return nm_file_format("%.*s.nc", (int)length, base);
}

static nm_status check_folder(const char *path)
{
    char *folder = nm_file_folder_of(path);
    struct stat found;
    nm_status status = NM_OK;
    if (!folder) {
        status = nm_fail(NM_MEMORY, "no memory for a path");
    } else if (stat(folder, &found) != 0) {
        status =
            nm_fail(NM_USAGE, "-o %s: the folder %s does not exist; make it first", path, folder);
    } else if (!S_ISDIR(found.st_mode)) {
        status = nm_fail(NM_USAGE, "-o %s: %s is not a folder", path, folder);
    } else if (access(folder, W_OK | X_OK) != 0) {
        status = nm_fail(NM_IO, "-o %s: the folder %s cannot be written (%s)", path, folder,
                         strerror(errno));
    }
    free(folder);
    return status;
}

nm_status nm_out_file_choose(char **out_path, const char *config_path, const char *given)
{
    if (given && given[0] == '\0') {
        return nm_fail(NM_USAGE, "-o: the name of the output is empty; give a file such as out.nc");
    }
    *out_path = given ? strdup(given) : default_path(config_path);
    if (!*out_path) {
        return nm_fail(NM_MEMORY, "no memory for a path");
    }
    size_t length = strlen(*out_path);
    struct stat found;
    int is_there = stat(*out_path, &found) == 0;
    if ((*out_path)[length - 1] == '/' || (is_there && S_ISDIR(found.st_mode))) {
        return nm_fail(NM_USAGE,
                       "-o %s: this is a folder; give the name of a file, such as %s%sout.nc",
                       *out_path, *out_path, (*out_path)[length - 1] == '/' ? "" : "/");
    }
    /* to look into a pipe is to wait for its other end */
    if (is_there && !S_ISREG(found.st_mode)) {
        return nm_fail(NM_USAGE,
                       "-o %s: this is a device, a pipe or a socket; give the name of a file, such "
                       "as out.nc",
                       *out_path);
    }
    /* the finished file would take the place of the link, and its target stay missing */
    if (!is_there && errno == ENOENT && lstat(*out_path, &found) == 0) {
        return nm_fail(NM_USAGE, "-o %s: this is a link to nothing; remove it or choose another -o",
                       *out_path);
    }
    return check_folder(*out_path);
}

nm_status nm_out_file_look(int *is_done, const char *out_path, const nm_plan *plan, int partial)
{
    *is_done = 0;
    struct stat found;
    if (stat(out_path, &found) != 0) {
        return NM_OK;
    }
    char fingerprint[33] = "";
    if (!S_ISREG(found.st_mode) ||
        (partial ? nm_grid_nc_fingerprint_of_part(out_path, fingerprint)
                 : nm_grid_nc_fingerprint(out_path, fingerprint)) != NM_OK ||
        fingerprint[0] == '\0') {
        return nm_fail(NM_USAGE,
                       "%s exists and is not a finished file of nessmap; it is left as it is: move "
                       "it away or choose another -o",
                       out_path);
    }
    if (strcmp(fingerprint, plan->fingerprint) != 0) {
        return nm_fail(NM_FINGERPRINT,
                       "%s answers another question (fingerprint %.8s, this one is %.8s); remove "
                       "it or choose another -o",
                       out_path, fingerprint, plan->fingerprint);
    }
    *is_done = 1;
    return NM_OK;
}

void nm_out_file_clear(const char *out_path)
{
    char *temporary = nm_file_format("%s.tmp", out_path);
    if (temporary) {
        unlink(temporary);
        free(temporary);
    }
}

void nm_out_file_sweep(const char *out_path, const nm_plan *plan)
{
    char *parts = nm_file_format("%s.parts", out_path);
    nm_journal *journal = NULL;
    if (parts && access(parts, F_OK) == 0 &&
        nm_journal_open(&journal, out_path, plan, 0) == NM_OK) {
        nm_refine_sweep(out_path);
        nm_journal_close(&journal, 1);
    }
    free(parts);
}

nm_status nm_out_file_judge(const nm_plan *plan, double share, const char *out_path)
{
    if (share > plan->config->max_failed) {
        return nm_fail(NM_FAILED_POINTS,
                       "%s is complete, but %.3g %% of its points failed, more than [limits] "
                       "max_failed = %g allows",
                       out_path, 100.0 * share, plan->config->max_failed);
    }
    return NM_OK;
}
