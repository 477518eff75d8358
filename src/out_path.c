/* The name of the output: as given, or after the configuration; and whether a file can be made there. */
#include "out_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

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

nm_status nm_out_path_choose(char **out_path, const char *config_path, const char *given)
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
    if ((*out_path)[length - 1] == '/' ||
        (stat(*out_path, &found) == 0 && S_ISDIR(found.st_mode))) {
        return nm_fail(NM_USAGE,
                       "-o %s: this is a folder; give the name of a file, such as %s%sout.nc",
                       *out_path, *out_path, (*out_path)[length - 1] == '/' ? "" : "/");
    }
    return check_folder(*out_path);
}
