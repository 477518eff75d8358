/* What the files of the configuration say to each other: config.c loads, config_set.c applies
 * overrides, config_check.c checks the tree, config_resolve.c writes the canonical text. */
#ifndef NESSMAP_CONFIG_PARTS_H
#define NESSMAP_CONFIG_PARTS_H

#include "config.h"
#include "toml_shim.h"

/* Which overrides are allowed. */
typedef enum nm_override_scope { NM_OVERRIDE_ALL, NM_OVERRIDE_POINT } nm_override_scope;

/* Applies "KEY=VALUE" texts to the tree of a configuration before it is checked; changed nodes get
 * line 0. path: of the configuration, for messages. returns NM_USAGE with one sentence. */
nm_status nm_config_set(nm_toml *root, const char *path, const char *const *overrides,
                        int n_overrides, nm_override_scope scope);

/* Fills a zeroed config (but for `path`) from a tree. returns NM_USAGE with one sentence;
 * nm_config_destroy frees what was filled until then. */
nm_status nm_config_check(nm_config *config, const nm_toml *root);

/* The part of nm_config_check that reads [[axis]] and [[random]]. */
nm_status nm_config_axes(nm_config *config, const nm_toml *root);
nm_status nm_config_randoms(nm_config *config, const nm_toml *root);

/* The part that reads a range: name, min, max, n and scale, no list of values. list: "axis", for
 * messages. */
nm_status nm_config_range(nm_config_axis *axis, const nm_config *config, const nm_toml *table,
                          const char *list);

/* The part that reads the keys `axes` and `quantiles` of [[reduce]], whose kind is known. */
nm_status nm_config_projections(nm_config *config, const nm_toml *reduce);

/* The part of nm_config_check that reads output.gradients, at `node` of the table `output`. */
nm_status nm_config_read_gradients(nm_config *config, const nm_toml *output, const nm_toml *node);

/* The part of nm_config_check that reads [stochastic]. */
nm_status nm_config_read_stochastic(nm_config *config, const nm_toml *root);

/* Fills config->resolved. */
nm_status nm_config_resolve(nm_config *config);

/* Like nm_config_at without the colon, for the middle of a sentence. */
const char *nm_config_place(const nm_config *config, nm_where where);

/* Returns the child of a table, or NULL. */
nm_toml *nm_toml_find(const nm_toml *table, const char *key);

/* 1 if `name` is made of letters, digits and underscores and does not begin with a digit. */
int nm_is_name(const char *name);

#endif
