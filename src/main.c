/* The command line: finds the command, reads its options, calls the API, turns the status into an
 * exit code.
 *
 * 1. options     2. commands     3. the table     4. help     5. reading     6. main */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nessmap/nessmap.h"

/* --- 1. options ------------------------------------------------------------------------------- */

/* option(tag, long name, short letter or 0, value or NULL, text) */
/* clang-format off */
#define OPTION_LIST(option)                                                                                             \
    option(output,   "output",   'o', "OUT.nc",    "the file to make; left out: CONFIG's name with .nc, or MODEL_trace.nc, here") \
    option(backend,  "backend",  0,   "NAME",      "auto, cpu or cuda; auto, or left out: what the run was begun with, else a GPU where there is one") \
    option(threads,  "threads",  0,   "N",         "threads of the CPU; left out: all cores")                           \
    option(lanes,    "lanes",    0,   "W",         "points side by side in a thread of the CPU, 8, 4 or 1; left out: the widest") \
    option(set,      "set",      0,   "KEY=VALUE", "set a parameter (K_o=5, g_Na='2 mS/cm2') or a key (axis.K_o.n=512); repeatable") \
    option(shard,    "shard",    0,   "I/N",       "compute every N-th tile from tile I, 0 <= I < N")                   \
    option(fresh,    "fresh",    0,   NULL,        "start again instead of going on where an earlier run stopped")      \
    option(quiet,    "quiet",    'q', NULL,        "no progress and no notes")                                          \
    option(log_json, "log-json", 0,   NULL,        "progress and notes as JSON lines")                                  \
    option(timeline, "timeline", 0,   "FILE",      "write when what was computed, copied and journalled (JSON for ui.perfetto.dev)") \
    option(partial,  "partial",  0,   NULL,        "write what is there into OUT.partial.nc; the rest is not_run")      \
    option(model,    "model",    0,   "M",         "the model of the cell: a name, or ./my_cell.c")                     \
    option(from,     "from",     0,   "OUT.nc",    "take a point of this file")                                         \
    option(index,    "index",    0,   "N",         "its index, or one index per axis, from 0: 17 or 3,5")               \
    option(times,    "times",    0,   "LIST",      "seconds: 0,1,10 or log:1e-3:1e6:200 or lin:0:100:11; left out: from the fastest time scale until it is steady") \
    option(rtol,     "rtol",     0,   "R",         "relative tolerance of each step; left out: 1e-6")                    \
    option(json,     "json",     0,   NULL,        "JSON instead of tables")                                            \
    option(help,     "help",     'h', NULL,        "this text")
/* clang-format on */

enum {
#define OPTION_ENUM(tag, name, letter, value, text) OPTION_##tag,
    OPTION_LIST(OPTION_ENUM)
#undef OPTION_ENUM
        N_OPTIONS
};

typedef struct option_info {
    const char *name;
    char letter;
    const char *value, *text;
} option_info;

static const option_info option_table[N_OPTIONS] = {
#define OPTION_ROW(tag, name, letter, value, text) {name, letter, value, text},
    OPTION_LIST(OPTION_ROW)
#undef OPTION_ROW
};

enum { FIRST_CODE = 256 }; /* getopt's value of option i is FIRST_CODE + i */

/* What the command line says. */
typedef struct arguments {
    int n_operands;
    char **operands;
    nm_run_options run;
    const char **sets;
    int n_sets;
    int partial, json, help;
    const char *model, *from, *index;
    nm_trace_options trace;
} arguments;

/* --- 2. commands ------------------------------------------------------------------------------ */

static nm_status usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

static nm_status usage_error(const char *format, ...)
{
    va_list args;
    fputs("nessmap: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return NM_USAGE;
}

/* says why a call of the API failed */
static nm_status tell(nm_status status)
{
    if (status != NM_OK) {
        fprintf(stderr, "nessmap: %s\n", nm_error());
    }
    return status;
}

static void on_signal(int number)
{
    static volatile sig_atomic_t was_asked;
    (void)number;
    if (was_asked) {
        _exit(nm_exit_status(NM_INTERRUPTED));
    }
    was_asked = 1;
    nm_interrupt();
    static const char text[] =
        "\nnessmap: stopping after the tiles in work; a second signal stops at once\n";
    int kept = errno;
    ssize_t n_written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)n_written; /* nobody may be there to read it */
    errno = kept;
}

static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

static nm_status command_run(const arguments *args)
{
    nm_scan *scan;
    catch_signals();
    nm_status status = nm_scan_open(&scan, args->operands[0], args->sets, args->n_sets);
    if (status == NM_OK) {
        status = nm_scan_run(scan, &args->run, stdout);
    }
    nm_scan_close(&scan);
    fflush(stdout); /* the summary before the sentence on what went wrong */
    return tell(status);
}

static nm_status command_init(const arguments *args)
{
    return tell(nm_print_init(stdout, args->operands[0]));
}

static nm_status with_scan(const arguments *args, nm_status (*print)(nm_scan *scan, FILE *stream))
{
    nm_scan *scan;
    nm_status status = nm_scan_open(&scan, args->operands[0], args->sets, args->n_sets);
    if (status == NM_OK) {
        status = print(scan, stdout);
    }
    nm_scan_close(&scan);
    return tell(status);
}

static nm_status command_plan(const arguments *args)
{
    return with_scan(args, nm_scan_print_plan);
}

/* a model's file; all else is a configuration */
static int is_c_file(const char *path)
{
    size_t length = strlen(path);
    return length > 2 && strcmp(path + length - 2, ".c") == 0;
}

static nm_status command_check(const arguments *args)
{
    if (is_c_file(args->operands[0])) {
        return tell(nm_print_model_check(stdout, args->operands[0]));
    }
    return with_scan(args, nm_scan_print_check);
}

static nm_status command_compile(const arguments *args)
{
    return tell(nm_compile_model(stdout, args->operands[0]));
}

static nm_status command_models(const arguments *args)
{
    return tell(args->n_operands > 0 ? nm_print_model(stdout, args->operands[0])
                                     : nm_print_models(stdout));
}

/* one cell is a model with settings, or a point of a file */
static nm_status check_cell(const arguments *args, const char *command)
{
    if (args->model && args->from) {
        return usage_error("%s: --model and --from exclude each other; give one of them", command);
    }
    if (args->from && !args->index) {
        return usage_error("%s: --from %s needs --index N, the number of the point", command,
                           args->from);
    }
    if (args->from && args->n_sets > 0) {
        return usage_error("%s: --set goes with --model; a point of %s is as the file says",
                           command, args->from);
    }
    if (!args->from && args->index) {
        return usage_error("%s: --index goes with --from OUT.nc", command);
    }
    if (!args->from && !args->model) {
        return usage_error("%s: --model M is missing (`nessmap models` lists them), or --from "
                           "OUT.nc --index N",
                           command);
    }
    return NM_OK;
}

static nm_status command_point(const arguments *args)
{
    nm_status status = check_cell(args, "point");
    if (status != NM_OK) {
        return status;
    }
    return tell(args->from
                    ? nm_print_point_of_file(stdout, args->from, args->index, args->json)
                    : nm_print_point(stdout, args->model, args->sets, args->n_sets, args->json));
}

static nm_status command_trace(const arguments *args)
{
    nm_status status = check_cell(args, "trace");
    if (status != NM_OK) {
        return status;
    }
    nm_trace_options options = args->trace;
    options.output = args->run.output;
    return tell(args->from
                    ? nm_write_trace_of_file(stdout, args->from, args->index, &options)
                    : nm_write_trace(stdout, args->model, args->sets, args->n_sets, &options));
}

static nm_status command_assemble(const arguments *args)
{
    return tell(nm_assemble(args->operands[0], args->partial, stdout));
}

static nm_status command_info(const arguments *args)
{
    (void)args;
    return tell(nm_print_info(stdout));
}

static nm_status command_help(const arguments *args);

/* --- 3. the table ----------------------------------------------------------------------------- */

typedef struct command {
    const char *name;
    nm_status (*run)(const arguments *args);
    const char *operand; /* what stands after the command, or NULL */
    int n_least, n_most; /* number of operands */
    unsigned options;    /* bit i: option i is known to it */
    const char *text;
} command;

#define WITH(tag) (1u << OPTION_##tag)

static const command commands[] = {
    {"run", command_run, "CONFIG", 1, 1,
     WITH(output) | WITH(backend) | WITH(threads) | WITH(lanes) | WITH(set) | WITH(shard) |
         WITH(fresh) | WITH(quiet) | WITH(log_json) | WITH(timeline),
     "compute a scan, or go on where it stopped, and write the NetCDF file"},
    {"init", command_init, "MODEL", 1, 1, 0, "print a commented configuration to start from"},
    {"plan", command_plan, "CONFIG", 1, 1, WITH(set),
     "print points, tiles, bytes, memory, disk and time; write nothing"},
    {"check", command_check, "CONFIG|MODEL.c", 1, 1, WITH(set),
     "print what is wrong, or the resolved configuration and remarks"},
    {"compile", command_compile, "MODEL.c", 1, 1, 0,
     "compile a model of your own ahead of a job; print where it is kept"},
    {"models", command_models, "[NAME]", 0, 1, 0, "list the models, or all that one consists of"},
    {"point", command_point, NULL, 0, 0,
     WITH(model) | WITH(set) | WITH(from) | WITH(index) | WITH(json),
     "print one cell's balance sheet: fluxes, forces, dissipation, who pays"},
    {"trace", command_trace, NULL, 0, 0,
     WITH(output) | WITH(model) | WITH(set) | WITH(from) | WITH(index) | WITH(times) | WITH(rtol),
     "compute one cell's time course from its initial state, and write a NetCDF file"},
    {"assemble", command_assemble, "OUT.nc.parts", 1, 1, WITH(partial),
     "make the file from the parts of a run"},
    {"info", command_info, NULL, 0, 0, 0, "print version, compiler, lanes, backends and libraries"},
    {"help", command_help, "[COMMAND]", 0, 1, 0, "print what a command does and its options"},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static const command *find_command(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static nm_status unknown_command(const char *name)
{
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i].name;
    }
    const char *near = nm_suggest(name, names, N_COMMANDS);
    return near ? usage_error("there is no command \"%s\"; did you mean \"%s\"?", name, near)
                : usage_error("there is no command \"%s\"; `nessmap help` lists them", name);
}

/* --- 4. help ---------------------------------------------------------------------------------- */

static void print_overview(FILE *stream)
{
    fputs("nessmap: phase diagrams of equilibrium and non-equilibrium steady states\n\n", stream);
    for (int i = 0; i < N_COMMANDS; i++) {
        char form[64];
        snprintf(form, sizeof form, "%s%s%s", commands[i].name, commands[i].operand ? " " : "",
                 commands[i].operand ? commands[i].operand : "");
        fprintf(stream, "  nessmap %-22s %s\n", form, commands[i].text);
    }
    fputs(
        "\nnessmap help COMMAND shows its options; nessmap --version says which nessmap this is.\n"
        "Exit status: 0 done, 2 usage or configuration, 3 done but too many points failed, 4 "
        "another question's\n"
        "output, 5 locked by another run, 6 input or output, 7 device, 75 interrupted (the same "
        "command goes on).\n",
        stream);
}

static void print_command(FILE *stream, const command *command)
{
    fprintf(stream, "nessmap %s%s%s%s\n\n%s\n", command->name, command->operand ? " " : "",
            command->operand ? command->operand : "", command->options ? " [options]" : "",
            command->text);
    for (int i = 0; i < N_OPTIONS; i++) {
        if (command->options & (1u << i)) {
            const option_info *option = &option_table[i];
            char form[64], letter[8] = "    ";
            if (option->letter) {
                snprintf(letter, sizeof letter, "-%c, ", option->letter);
            }
            snprintf(form, sizeof form, "%s--%s%s%s", letter, option->name,
                     option->value ? " " : "", option->value ? option->value : "");
            fprintf(stream, "  %-24s %s\n", form, option->text);
        }
    }
}

static nm_status command_help(const arguments *args)
{
    if (args->n_operands == 0) {
        print_overview(stdout);
        return NM_OK;
    }
    const command *command = find_command(args->operands[0]);
    if (!command) {
        return unknown_command(args->operands[0]);
    }
    print_command(stdout, command);
    return NM_OK;
}

/* --- 5. reading ------------------------------------------------------------------------------- */

static nm_status read_int(int *out, const char *option, const char *text, int least,
                          const char *wanted)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < least || value > INT_MAX) {
        return usage_error("--%s %s: %s is wanted", option, text, wanted);
    }
    *out = (int)value;
    return NM_OK;
}

static nm_status read_rtol(double *out, const char *text)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !(*out > 0.0)) {
        return usage_error("--rtol %s: a number above 0 is wanted, such as 1e-8", text);
    }
    return NM_OK;
}

static nm_status read_shard(nm_run_options *run, const char *text)
{
    char *slash, *end;
    errno = 0;
    long shard = strtol(text, &slash, 10);
    long n_shards = *slash == '/' ? strtol(slash + 1, &end, 10) : 0;
    if (slash == text || *slash != '/' || end == slash + 1 || *end != '\0' || errno != 0 ||
        n_shards < 1 || n_shards > INT_MAX || shard < 0 || shard >= n_shards) {
        return usage_error("--shard %s: I/N is wanted with 0 <= I < N, such as 0/4", text);
    }
    run->shard = (int)shard;
    run->n_shards = (int)n_shards;
    return NM_OK;
}

static nm_status take_option(arguments *args, int i_option, const char *value)
{
    switch (i_option) {
    case OPTION_output:
        args->run.output = value;
        break;
    case OPTION_backend:
        args->run.backend = value;
        break;
    case OPTION_threads:
        return read_int(&args->run.n_threads, "threads", value, 1, "a whole number of 1 or more");
    case OPTION_lanes:
        return read_int(&args->run.lanes, "lanes", value, 1, "8, 4 or 1");
    case OPTION_set:
        args->sets[args->n_sets++] = value;
        break;
    case OPTION_shard:
        return read_shard(&args->run, value);
    case OPTION_fresh:
        args->run.fresh = 1;
        break;
    case OPTION_quiet:
        args->run.quiet = 1;
        break;
    case OPTION_log_json:
        args->run.log_json = 1;
        break;
    case OPTION_timeline:
        args->run.timeline = value;
        break;
    case OPTION_partial:
        args->partial = 1;
        break;
    case OPTION_model:
        args->model = value;
        break;
    case OPTION_from:
        args->from = value;
        break;
    case OPTION_index:
        args->index = value;
        break;
    case OPTION_times:
        args->trace.times = value;
        break;
    case OPTION_rtol:
        return read_rtol(&args->trace.rtol, value);
    case OPTION_json:
        args->json = 1;
        break;
    case OPTION_help:
        args->help = 1;
        break;
    default:
        break;
    }
    return NM_OK;
}

static nm_status unknown_option(const command *command, const char *word)
{
    char name[64];
    const char *names[N_OPTIONS];
    int n_names = 0;
    for (int i = 0; i < N_OPTIONS; i++) {
        if (command->options & (1u << i)) {
            names[n_names++] = option_table[i].name;
        }
    }
    size_t first = strspn(word, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + first, "="), word + first);
    const char *near = nm_suggest(name, names, n_names);
    return near ? usage_error("%s: there is no option %s; did you mean --%s?", command->name, word,
                              near)
                : usage_error("%s: there is no option %s; `nessmap help %s` lists its options",
                              command->name, word, command->name);
}

/* getopt's tables for one command; each command knows its own options and --help */
static void make_getopt(struct option *longs, char *shorts, const command *command)
{
    *shorts++ = ':';
    for (int i = 0; i < N_OPTIONS; i++) {
        if (i == OPTION_help || (command->options & (1u << i))) {
            const option_info *option = &option_table[i];
            *longs++ =
                (struct option){option->name, option->value ? required_argument : no_argument, NULL,
                                FIRST_CODE + i};
            if (option->letter) {
                *shorts++ = option->letter;
                if (option->value) {
                    *shorts++ = ':';
                }
            }
        }
    }
    *longs = (struct option){0};
    *shorts = '\0';
}

static nm_status read_arguments(arguments *args, const command *command, int argc, char **argv)
{
    struct option longs[N_OPTIONS + 1];
    char shorts[2 * N_OPTIONS + 2];
    make_getopt(longs, shorts, command);
    opterr = 0;
    int code;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (code == '?' || code == ':') {
            const char *word = argv[optind - 1];
            char letter[3] = {'-', (char)optopt, '\0'};
            if (optopt > 0 && optopt < FIRST_CODE) {
                word = letter;
            }
            if (code == ':') {
                return usage_error("%s: the option %s wants a value; see `nessmap help %s`",
                                   command->name, word, command->name);
            }
            if (optopt >= FIRST_CODE) {
                return usage_error("%s: the option --%s takes no value", command->name,
                                   option_table[optopt - FIRST_CODE].name);
            }
            return unknown_option(command, word);
        }
        int i_option = code - FIRST_CODE;
        for (int i = 0; i < N_OPTIONS && code < FIRST_CODE; i++) {
            if (option_table[i].letter == code) {
                i_option = i;
            }
        }
        nm_status status = take_option(args, i_option, optarg);
        if (status != NM_OK) {
            return status;
        }
    }
    args->operands = argv + optind;
    args->n_operands = argc - optind;
    if (args->help) {
        return NM_OK;
    }
    if (args->n_operands < command->n_least) {
        return usage_error("%s: %s is missing; see `nessmap help %s`", command->name,
                           command->operand, command->name);
    }
    if (args->n_operands > command->n_most) {
        return usage_error("%s: \"%s\" is one argument too many; see `nessmap help %s`",
                           command->name, args->operands[command->n_most], command->name);
    }
    return NM_OK;
}

/* --- 6. main ---------------------------------------------------------------------------------- */

static nm_status dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return NM_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("nessmap %s\n", nm_version());
        return NM_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_overview(stdout);
        return NM_OK;
    }
    const command *command = find_command(argv[1]);
    if (!command) {
        return unknown_command(argv[1]);
    }
    arguments args;
    memset(&args, 0, sizeof args);
    args.sets = calloc((size_t)argc, sizeof *args.sets);
    if (!args.sets) {
        return usage_error("no memory for the command line");
    }
    nm_status status = read_arguments(&args, command, argc - 1, argv + 1);
    if (status == NM_OK && args.help) {
        print_command(stdout, command);
    } else if (status == NM_OK) {
        status = command->run(&args);
    }
    free(args.sets);
    return status;
}

int main(int argc, char **argv)
{
    /* `nessmap run x.toml | head` ends in a failed write, not in a killed run */
    signal(SIGPIPE, SIG_IGN);
    nm_status status = dispatch(argc, argv);
    /* a reader that left (a pipe, a socket) has seen enough; a full disk has not */
    int is_written = fflush(stdout) == 0 && !ferror(stdout);
    struct stat out;
    int has_reader =
        fstat(STDOUT_FILENO, &out) == 0 && (S_ISFIFO(out.st_mode) || S_ISSOCK(out.st_mode));
    if (!is_written && !has_reader && status == NM_OK) {
        fprintf(stderr, "nessmap: standard output cannot be written\n");
        status = NM_IO;
    }
    return nm_exit_status(status);
}
