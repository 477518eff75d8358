/* Writes a checked configuration as canonical TOML text: every default said, always in the same
 * order. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "config_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A quoted TOML text. */
static void write_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') {
            fprintf(out, "\\%c", *c);
        } else if (*c < 0x20 || *c == 0x7F) {
            fprintf(out, "\\u%04X", *c);
        } else {
            fputc(*c, out);
        }
    }
    fputc('"', out);
}

/* The shortest decimal that reads back as the same double. */
static void write_number(FILE *out, double number)
{
    char text[32];
    for (int n_digits = 15; n_digits <= 17; n_digits++) {
        snprintf(text, sizeof text, "%.*g", n_digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    fputs(text, out);
}

static void write_quantity(FILE *out, const nm_quantity *quantity)
{
    if (quantity->text) {
        write_text(out, quantity->text);
    } else {
        write_number(out, quantity->number);
    }
}

static void write_text_key(FILE *out, const char *key, const char *text)
{
    fprintf(out, "%s = ", key);
    write_text(out, text);
    fputc('\n', out);
}

static void write_number_key(FILE *out, const char *key, double number)
{
    fprintf(out, "%s = ", key);
    write_number(out, number);
    fputc('\n', out);
}

static void write_quantity_key(FILE *out, const char *key, const nm_quantity *quantity)
{
    fprintf(out, "%s = ", key);
    write_quantity(out, quantity);
    fputc('\n', out);
}

static void write_named(FILE *out, const char *table, const nm_named_quantity *named, int n)
{
    if (n == 0) {
        return;
    }
    fprintf(out, "\n[%s]\n", table);
    for (int i = 0; i < n; i++) {
        write_quantity_key(out, named[i].name, &named[i].value);
    }
}

static void write_design(FILE *out, const nm_config *config)
{
    fprintf(out, "\n[design]\n");
    write_text_key(out, "kind", config->design_kind);
    if (config->design_n > 0) {
        fprintf(out, "n = %lld\n", (long long)config->design_n);
    }
    fprintf(out, "seed = %llu\n", (unsigned long long)config->design_seed);
    if (config->design_replicates > 1) {
        fprintf(out, "replicates = %lld\n", (long long)config->design_replicates);
    }
    if (config->design_scramble && strcmp(config->design_scramble, "none") == 0) {
        write_text_key(out, "scramble", config->design_scramble);
    }
    if (config->design_second_order) {
        fprintf(out, "second_order = true\n");
    }
    if (config->design_file_given) {
        write_text_key(out, "file", config->design_file_given);
    }
    if (config->design_class) {
        if (config->n_axes > 0) {
            fprintf(out, "levels = %lld\nprobes = %lld\n", (long long)config->design_levels,
                    (long long)config->design_probes);
        }
        write_number_key(out, "tolerance", config->design_tolerance);
        write_text_key(out, "class", config->design_class);
        if (config->design_threshold.where.line >= 0) {
            write_quantity_key(out, "threshold", &config->design_threshold);
        }
    }
}

static void write_axis(FILE *out, const nm_config_axis *axis)
{
    fprintf(out, "\n[[axis]]\n");
    write_text_key(out, "name", axis->name);
    if (axis->values) {
        fprintf(out, "values = [");
        for (int64_t i = 0; i < axis->n; i++) {
            fputs(i > 0 ? ", " : "", out);
            write_quantity(out, &axis->values[i]);
        }
        fprintf(out, "]\n");
        return;
    }
    write_quantity_key(out, "min", &axis->min);
    write_quantity_key(out, "max", &axis->max);
    fprintf(out, "n = %lld\n", (long long)axis->n);
    if (axis->is_log >= 0) {
        write_text_key(out, "scale", axis->is_log ? "log" : "linear");
    }
}

static void write_random(FILE *out, const nm_config_random *random)
{
    const struct {
        const char *key;
        const nm_quantity *value;
    } rows[] = {
        {"min", &random->min}, {"max", &random->max},   {"mean", &random->mean},
        {"sd", &random->sd},   {"mode", &random->mode},
    };
    fprintf(out, "\n[[random]]\n");
    write_text_key(out, "name", random->name);
    write_text_key(out, "dist", random->dist);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].value->where.line >= 0) {
            write_quantity_key(out, rows[i].key, rows[i].value);
        }
    }
}

static void write_variables(FILE *out, char *const *variables, int n)
{
    if (n == 0) {
        return;
    }
    fprintf(out, "variables = [");
    for (int i = 0; i < n; i++) {
        fputs(i > 0 ? ", " : "", out);
        write_text(out, variables[i]);
    }
    fprintf(out, "]\n");
}

static void write_projections(FILE *out, const nm_config_reduce *reduce)
{
    for (int i = 0; i < reduce->n_quantiles; i++) {
        fputs(i > 0 ? ", " : "quantiles = [", out);
        write_number(out, reduce->quantiles[i]);
    }
    fputs(reduce->n_quantiles > 0 ? "]\n" : "", out);
    for (int i = 0; i < reduce->n_axes; i++) {
        const nm_config_axis *axis = &reduce->axes[i];
        fprintf(out, "%s{ name = ", i > 0 ? ", " : "axes = [");
        write_text(out, axis->name);
        fprintf(out, ", min = ");
        write_quantity(out, &axis->min);
        fprintf(out, ", max = ");
        write_quantity(out, &axis->max);
        fprintf(out, ", n = %lld", (long long)axis->n);
        fputs(axis->is_log < 0    ? " }"
              : axis->is_log == 1 ? ", scale = \"log\" }"
                                  : ", scale = \"linear\" }",
              out);
    }
    fputs(reduce->n_axes > 0 ? "]\n" : "", out);
}

static void write_names(FILE *out, char *const *names, int n)
{
    fputc('[', out);
    for (int i = 0; i < n; i++) {
        fputs(i > 0 ? ", " : "", out);
        write_text(out, names[i]);
    }
    fputc(']', out);
}

static void write_gradients(FILE *out, const nm_config_gradients *gradients)
{
    if (gradients->n_of == 0) {
        return;
    }
    fprintf(out, "gradients = { of = ");
    write_names(out, gradients->of, gradients->n_of);
    if (gradients->n_by > 0) {
        fprintf(out, ", by = ");
        write_names(out, gradients->by, gradients->n_by);
    }
    fprintf(out, " }\n");
}

static void write_output(FILE *out, const nm_config *config)
{
    fprintf(out, "\n[output]\n");
    write_variables(out, config->variables, config->n_variables);
    fprintf(out, "precision = \"f%d\"\ncompression = %d\n", config->precision_bits,
            config->compression);
    write_gradients(out, &config->gradients);
}

static void write_limit(FILE *out, const char *key, double limit)
{
    if (isfinite(limit)) {
        write_number_key(out, key, limit);
    }
}

static void write_stochastic(FILE *out, const nm_config_stochastic *stochastic)
{
    if (stochastic->trajectories == 0) {
        return;
    }
    fprintf(out, "\n[stochastic]\ntrajectories = %lld\n", (long long)stochastic->trajectories);
    if (stochastic->time.where.line >= 0) {
        write_quantity_key(out, "time", &stochastic->time);
    }
    write_limit(out, "jumps", stochastic->jumps);
    write_limit(out, "entropy", stochastic->entropy);
    write_number_key(out, "bin", stochastic->bin);
    if (stochastic->first_passage) {
        write_text_key(out, "first_passage", stochastic->first_passage);
    }
}

static void write_config(FILE *out, const nm_config *config)
{
    if (config->title) {
        write_text_key(out, "title", config->title);
    }
    write_text_key(out, "model", config->model);
    if (config->preset) {
        write_text_key(out, "preset", config->preset);
    }
    write_named(out, "variant", config->variants, config->n_variants);
    write_design(out, config);
    for (int i = 0; i < config->n_axes; i++) {
        write_axis(out, &config->axes[i]);
    }
    for (int i = 0; i < config->n_random; i++) {
        write_random(out, &config->random[i]);
    }
    write_named(out, "fixed", config->fixed, config->n_fixed);
    write_named(out, "tie", config->ties, config->n_ties);
    fprintf(out, "\n[solver]\n");
    write_text_key(out, "mode", config->solver_mode);
    write_number_key(out, "audit", config->solver_audit);
    fprintf(out, "starts = %lld\n", (long long)config->solver_starts);
    write_number_key(out, "rtol", config->solver_rtol);
    write_output(out, config);
    fprintf(out, "\n[[reduce]]\n");
    write_text_key(out, "kind", config->reduce.kind);
    write_variables(out, config->reduce.variables, config->reduce.n_variables);
    write_projections(out, &config->reduce);
    write_stochastic(out, &config->stochastic);
    fprintf(out, "\n[limits]\n");
    write_number_key(out, "max_failed", config->max_failed);
    fprintf(out, "memory = %lld\ndevice_memory = %lld\n", (long long)config->memory_bytes,
            (long long)config->device_memory_bytes);
}

nm_status nm_config_resolve(nm_config *config)
{
    size_t bytes;
    FILE *out = open_memstream(&config->resolved, &bytes);
    if (!out) {
        return nm_fail(NM_MEMORY, "out of memory while writing the resolved configuration");
    }
    write_config(out, config);
    int is_bad = ferror(out);
    if (fclose(out) != 0 || is_bad) {
        return nm_fail(NM_MEMORY, "out of memory while writing the resolved configuration");
    }
    return NM_OK;
}
