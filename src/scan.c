/* Opens scans: finds the model that a configuration names, and what a kept configuration needs beside
 * it. */
#include "scan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "grid_nc.h"
#include "model_build.h"
#include "model_store.h"
#include "model_topology.h"

/* Where a model's file is: a path counts from the folder of the configuration. Where that was kept
 * in `kept_in` (else NULL), its folder is not known any more: the model is looked for beside that
 * file and in the working folder. Allocated; NULL where there is no memory. */
static char *locate_model(const char *name, const char *config_path, const char *kept_in)
{
    const char *beside = kept_in ? kept_in : config_path;
    if (name[0] == '/' || !beside || !strchr(beside, '/')) {
        return strdup(name);
    }
    char *folder = nm_file_folder_of(beside);
    char *path = folder ? nm_file_format("%s/%s", folder, name) : NULL;
    free(folder);
    if (path && kept_in && access(path, R_OK) != 0) {
        free(path);
        path = strdup(name);
    }
    return path;
}

nm_status nm_scan_model(const nm_model **model, const nm_config *config, char **ahead)
{
    char *text;
    if (nm_model_find(model, config->model) != NM_OK) {
        return nm_fail(NM_USAGE, "%s%s", nm_config_at(config, config->model_where),
                       nm_last_error());
    }
    NM_TRY(nm_topology_text(&text, config));
    nm_status status;
    if (text && strcmp(text, (*model)->text ? (*model)->text : "") != 0) {
        status = nm_model_build_text(model, ahead, config->model, text);
    } else if (ahead) {
        status = nm_fail(NM_USAGE, "%s is built in: there is nothing to compile", config->model);
    } else {
        status = nm_model_check(*model);
    }
    free(text);
    return status;
}

/* The model that a configuration names, built in or a file, whole. */
static nm_status find_model(const nm_model **model, const nm_config *config, const char *kept_in)
{
    if (!nm_model_is_file(config->model)) {
        return nm_scan_model(model, config, NULL);
    }
    char *path = locate_model(config->model, config->path, kept_in);
    if (!path) {
        return nm_fail(NM_MEMORY, "no memory for a path");
    }
    nm_status status = nm_model_build(model, path);
    if (status != NM_OK && access(path, R_OK) != 0) {
        status = kept_in ? nm_fail(status,
                                   "%s, the model of %s, is neither beside it nor in the working "
                                   "folder",
                                   config->model, kept_in)
                         : nm_fail(status, "%s%s", nm_config_at(config, config->model_where),
                                   nm_last_error());
    }
    free(path);
    return status;
}

nm_status nm_scan_bind(nm_scan **scan, nm_config *config, const char *kept_in)
{
    const nm_model *model = NULL;
    nm_status status = find_model(&model, config, kept_in);
    nm_scan *made = status == NM_OK ? malloc(sizeof *made) : NULL;
    if (status == NM_OK && !made) {
        status = nm_fail(NM_MEMORY, "no memory for a scan");
    }
    if (status != NM_OK) {
        nm_config_destroy(&config);
        return status;
    }
    *made = (nm_scan){.config = config, .model = model};
    *scan = made;
    return NM_OK;
}

nm_status nm_scan_of_text(nm_scan **scan, const char *text, const char *kept_in)
{
    nm_config *config = NULL;
    *scan = NULL;
    NM_TRY(nm_config_read(&config, kept_in, text, strlen(text), NULL, 0));
    return nm_scan_bind(scan, config, kept_in);
}

nm_status nm_scan_of_file(nm_scan **scan, const char *path)
{
    char *text;
    *scan = NULL;
    NM_TRY(nm_grid_nc_config(path, &text));
    nm_status status = nm_scan_of_text(scan, text, path);
    free(text);
    return status;
}

nm_status nm_scan_find_table(nm_config *config, const char *out_path)
{
    const char *name = config->design_file_given;
    if (!name) {
        return NM_OK;
    }
    char *folder = nm_file_folder_of(out_path);
    char *beside = folder && name[0] != '/' ? nm_file_format("%s/%s", folder, name) : NULL;
    char *found = beside && access(beside, R_OK) == 0 ? strdup(beside)
                  : access(name, R_OK) == 0           ? strdup(name)
                                                      : NULL;
    free(beside);
    free(folder);
    if (!found) {
        return nm_fail(NM_IO,
                       "%s, the table of this scan, is neither beside %s nor in the working folder",
                       name, out_path);
    }
    free(config->design_file);
    config->design_file = found;
    return NM_OK;
}
