/* The name of the output of a run. */
#ifndef NESSMAP_OUT_PATH_H
#define NESSMAP_OUT_PATH_H

#include "diag.h"

/* out_path: allocated; given: by -o, or NULL: "scans/leak.toml" writes leak.nc into the working folder.
 * returns NM_USAGE, NM_IO where no file can be made there. */
nm_status nm_out_path_choose(char **out_path, const char *config_path, const char *given);

#endif
