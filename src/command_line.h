/* The command line in parts: options, commands, what one call says; its reading and its help. */
#ifndef NESSMAP_COMMAND_LINE_H
#define NESSMAP_COMMAND_LINE_H

#include <stdio.h>

#include "nessmap/nessmap.h"

/* option(tag, long name, short letter or 0, value or NULL, text) */
/* clang-format off */
#define NM_OPTION_LIST(option)                                                                                             \
    option(output,   "output",   'o', "OUT.nc",    NULL /* each command says it */) \
    option(backend,  "backend",  0,   "NAME",      "auto, cpu or cuda; auto, or left out: what the run was begun with, else a GPU where there is one") \
    option(threads,  "threads",  0,   "N",         "threads of the CPU, of each rank; left out: all cores")                 \
    option(lanes,    "lanes",    0,   "W",         "points side by side in a thread of the CPU, 16, 8 or 1; left out: the widest") \
    option(set,      "set",      0,   "KEY=VALUE", "set a parameter (K_o=5, g_Na='2 mS/cm2') or a key (axis.K_o.n=512); repeatable") \
    option(shard,    "shard",    0,   "I/N",       "compute every N-th tile from tile I, 0 <= I < N")                   \
    option(fresh,    "fresh",    0,   NULL,        "start again instead of going on where an earlier run stopped")      \
    option(quiet,    "quiet",    'q', NULL,        "no progress and no notes")                                          \
    option(log_json, "log-json", 0,   NULL,        "progress and notes on stderr as one JSON object a line: begin, progress, note, end")                                  \
    option(timeline, "timeline", 0,   "FILE",      "write when what was computed, copied and journalled (JSON for ui.perfetto.dev)") \
    option(ranks,    "ranks",    0,   "N",         "estimate N ranks, and the line that submits them; left out: as many as are worth it") \
    option(partial,  "partial",  0,   NULL,        "write what is there by now into OUT.partial.nc, also while the run goes on; the rest is not_run")      \
    option(model,    "model",    0,   "M",         "the model of the cell: a name, or ./my_cell.c")                     \
    option(from,     "from",     0,   "OUT.nc",    "take a point of this file")                                         \
    option(index,    "index",    0,   "N",         "its index, or one index per axis, from 0: 17 or 3,5")               \
    option(times,    "times",    0,   "LIST",      "seconds: 0,1,10 or log:1e-3:1e6:200 or lin:0:100:11; left out: from the fastest time scale until it is steady") \
    option(rtol,     "rtol",     0,   "R",         "relative tolerance of each step; left out: 1e-6")                    \
    option(arch,     "arch",     0,   "LIST",      "GPUs to compile for: sm_90, or several by commas, sm_80,sm_90; left out: those of this machine") \
    option(json,     "json",     0,   NULL,        "JSON instead of tables")                                            \
    option(inputs,   "inputs",   0,   "A,B,...",   "parameters for X.npy; left out: all that are gridded or drawn")     \
    option(outputs,  "outputs",  0,   "V,ell,...", "outputs for Y.npy; left out: all of the file")                      \
    option(split,    "split",    0,   "A,B,C",     "shares of training, validation and test; left out: 0.8,0.1,0.1")    \
    option(split_seed, "split-seed", 0, "N",       "another N, another split; left out: 0")                             \
    option(hold_out, "hold-out", 0,   "NAME=LOW..HIGH", "keep these rows from the three, to test extrapolation; repeated: what is inside every range") \
    option(check,    "check",    0,   NULL,        "the operand is the folder of an export: read it again and compare it with its meta.json") \
    option(points,   "points",   0,   "N",         "points to solve again, spread evenly, or all; left out: all, or what takes a minute") \
    option(follow,   "follow",   0,   "N",         "points to follow from their initial state; left out: 64")         \
    option(help,     "help",     'h', NULL,        "this text")
/* clang-format on */

enum {
#define NM_OPTION_ENUM(tag, name, letter, value, text) NM_OPTION_##tag,
    NM_OPTION_LIST(NM_OPTION_ENUM)
#undef NM_OPTION_ENUM
        NM_N_OPTIONS
};

/* What the command line says. */
typedef struct nm_arguments {
    int n_operands;
    char **operands;
    nm_run_options run;
    const char **sets;
    int n_sets;
    int n_ranks;
    int partial, json, help;
    const char *model, *from, *index, *arch;
    nm_trace_options trace;
    nm_export_options export;
    nm_verify_options verify;
    const char **hold_outs;
    int check;
} nm_arguments;

typedef struct nm_command {
    const char *name;
    nm_status (*run)(const nm_arguments *args);
    const char *operand; /* what stands after the command, or NULL */
    int n_least, n_most; /* number of operands */
    unsigned options;    /* bit i: option i is known to it */
    const char *text, *example;
    const char *output; /* what -o names, and what it is where it is left out; NULL: it has none */
} nm_command;

/* Says on stderr what is wrong with the command line. returns NM_USAGE. */
nm_status nm_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reads the words after a command. args->sets and args->hold_outs must have
 * room for argc texts. */
nm_status nm_read_arguments(nm_arguments *args, const nm_command *command, int argc, char **argv);

/* Help: all commands, or one with its options. */
void nm_print_overview(FILE *stream, const nm_command *commands, int n_commands);
void nm_print_command(FILE *stream, const nm_command *command);

#endif
