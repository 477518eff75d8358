/* The manifest of a journal: which question it answers, since when, in tiles of which size. */
#ifndef NESSMAP_MANIFEST_H
#define NESSMAP_MANIFEST_H

#include <stdint.h>

#include "plan.h"

enum { NM_FINGERPRINT_BYTES = 32 };

typedef struct nm_manifest {
    char fingerprint[NM_FINGERPRINT_BYTES + 1];
    char created[32], backend[16];
    int64_t schema, n_points, tile_points, n_tiles, full_bytes, last_bytes, config_bytes;
    uint64_t config_hash;
} nm_manifest;

/* Fills all but `created` from the plan. */
void nm_manifest_describe(nm_manifest *m, const nm_plan *plan);

/* The resolved configuration of the plan, "" where it has none. */
const char *nm_manifest_config(const nm_plan *plan);

/* The time of now in ISO 8601 UTC: 20 characters. */
void nm_manifest_time(char text[32]);

/* returns NM_IO where the file cannot be read or is damaged. */
nm_status nm_manifest_read(nm_manifest *m, const char *path);

/* Writes config.toml, then manifest.toml: where the manifest is, the configuration is whole too. */
nm_status nm_manifest_write(const nm_manifest *m, const char *parts, const char *config);

/* returns NM_FINGERPRINT where the journal in `parts` cannot go on with the plan. */
nm_status nm_manifest_match(const nm_manifest *found, const nm_manifest *wanted, const char *parts);

#endif
