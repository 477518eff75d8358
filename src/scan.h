/* What the C API calls a scan, and how one is opened again from a text that was kept. */
#ifndef NESSMAP_SCAN_H
#define NESSMAP_SCAN_H

#include "config.h"
#include "nessmap/model_abi.h"
#include "nessmap/nessmap.h"

struct nm_scan {
    nm_config *config;
    const nm_model *model;
};

/* A model by its name: built in, or compiled for what [variant] says it consists of. ahead: NULL, or
 * it is compiled for every processor, and the path of the library, which the caller frees. */
nm_status nm_scan_model(const nm_model **model, const nm_config *config, char **ahead);

/* Binds a configuration to its model; takes it over, whatever the outcome. kept_in: NULL, or the file
 * that it was kept in: a model of the user's own is then looked for beside that file and in the working
 * folder. */
nm_status nm_scan_bind(nm_scan **scan, nm_config *config, const char *kept_in);

/* The scan of a configuration's text. kept_in: the file, or the file to be, that the text is of. */
nm_status nm_scan_of_text(nm_scan **scan, const char *text, const char *kept_in);

/* The scan of the configuration that a finished file holds. */
nm_status nm_scan_of_file(nm_scan **scan, const char *path);

/* A table was named from the folder of its configuration, which is not known any more: it is looked
 * for beside the output and in the working folder. returns NM_IO where it is in neither. */
nm_status nm_scan_find_table(nm_config *config, const char *out_path);

#endif
