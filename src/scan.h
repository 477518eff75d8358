/* What the C API calls a scan. */
#ifndef NESSMAP_SCAN_H
#define NESSMAP_SCAN_H

#include "config.h"
#include "nessmap/model_abi.h"
#include "nessmap/nessmap.h"

struct nm_scan {
    nm_config *config;
    const nm_model *model;
};

#endif
