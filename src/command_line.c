/* Reads the command line, and prints help on it. */
#include "command_line.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef struct option_info {
    const char *name;
    char letter;
    const char *value, *text;
} option_info;

static const option_info option_table[NM_N_OPTIONS] = {
#define OPTION_ROW(tag, name, letter, value, text) {name, letter, value, text},
    NM_OPTION_LIST(OPTION_ROW)
#undef OPTION_ROW
};

/* what stands after a command */
static const struct {
    const char *name, *text;
} operand_table[] = {
    {"CONFIG", "a scan in TOML, such as `nessmap init MODEL` prints to start from"},
    {"CONFIG|MODEL.c", "a scan in TOML, or the file of a model of your own"},
    {"MODEL", "a model: a name that `nessmap models` lists, or ./my_cell.c"},
    {"MODEL.c", "the file of a model of your own; or the name of one, for what --set makes of it"},
    {"[NAME]", "one model: a name of the list, or ./my_cell.c"},
    {"OUT.nc", "a file that a run has finished"},
    {"OUT.nc.parts", "the folder that an unfinished run keeps beside its file"},
    {"[COMMAND]", "one of those that `nessmap help` lists"},
};

enum { FIRST_CODE = 256 }; /* getopt's value of option i is FIRST_CODE + i */

nm_status nm_usage_error(const char *format, ...)
{
    va_list args;
    fputs("nessmap: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return NM_USAGE;
}

/* --- help ------------------------------------------------------------------------------------- */

void nm_print_overview(FILE *stream, const nm_command *commands, int n_commands)
{
    fputs("nessmap: phase diagrams of equilibrium and non-equilibrium steady states\n\n", stream);
    for (int i = 0; i < n_commands; i++) {
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

/* breaks a text at blanks before column 100; at: where it begins, indent: where the next lines do */
static void print_wrapped(FILE *stream, const char *text, size_t at, size_t indent)
{
    for (const char *word = text; *word; word += strspn(word, " ")) {
        size_t length = strcspn(word, " ");
        if (word > text && at + 1 + length > 100) {
            fprintf(stream, "\n%*s", (int)indent, "");
            at = indent;
        } else if (word > text) {
            fputc(' ', stream);
            at++;
        }
        fprintf(stream, "%.*s", (int)length, word);
        at += length;
        word += length;
    }
    fputc('\n', stream);
}

static void print_term(FILE *stream, const char *term, const char *text)
{
    fprintf(stream, "  %-24s ", term);
    print_wrapped(stream, text, strlen(term) > 24 ? strlen(term) + 3 : 27, 27);
}

void nm_print_command(FILE *stream, const nm_command *command)
{
    fprintf(stream, "nessmap %s%s%s%s\n\n%s\n\n", command->name, command->operand ? " " : "",
            command->operand ? command->operand : "", command->options ? " [options]" : "",
            command->text);
    for (size_t i = 0; i < sizeof operand_table / sizeof operand_table[0]; i++) {
        if (command->operand && strcmp(command->operand, operand_table[i].name) == 0) {
            print_term(stream, operand_table[i].name, operand_table[i].text);
        }
    }
    for (int i = 0; i < NM_N_OPTIONS; i++) {
        if (i == NM_OPTION_help || (command->options & (1u << i))) {
            const option_info *option = &option_table[i];
            char form[64], letter[8] = "    ";
            if (option->letter) {
                snprintf(letter, sizeof letter, "-%c, ", option->letter);
            }
            snprintf(form, sizeof form, "%s--%s%s%s", letter, option->name,
                     option->value ? " " : "", option->value ? option->value : "");
            print_term(stream, form, option->text ? option->text : command->output);
        }
    }
    fprintf(stream, "\nfor example\n  %s\n", command->example);
}

/* --- reading ---------------------------------------------------------------------------------- */

static nm_status read_int(int *out, const char *option, const char *text, int least,
                          const char *wanted)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < least || value > INT_MAX) {
        return nm_usage_error("--%s %s: %s is wanted", option, text, wanted);
    }
    *out = (int)value;
    return NM_OK;
}

static nm_status read_points(int64_t *out, const char *text)
{
    char *end;
    errno = 0;
    if (strcmp(text, "all") == 0) {
        *out = -1;
        return NM_OK;
    }
    *out = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || *out < 1) {
        return nm_usage_error("--points %s: a whole number of 1 or more is wanted, or all", text);
    }
    return NM_OK;
}

static nm_status read_followed(int *out, const char *text)
{
    nm_status status = read_int(out, "follow", text, 0, "a whole number of 0 or more");
    *out = status == NM_OK && *out == 0 ? -1 : *out; /* none */
    return status;
}

static nm_status read_rtol(double *out, const char *text)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !(*out > 0.0)) {
        return nm_usage_error("--rtol %s: a number above 0 is wanted, such as 1e-8", text);
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
        return nm_usage_error("--shard %s: I/N is wanted with 0 <= I < N, such as 0/4", text);
    }
    run->shard = (int)shard;
    run->n_shards = (int)n_shards;
    return NM_OK;
}

static nm_status take_option(nm_arguments *args, int i_option, const char *value)
{
    switch (i_option) {
    case NM_OPTION_output:
        args->run.output = value;
        break;
    case NM_OPTION_backend:
        args->run.backend = value;
        break;
    case NM_OPTION_threads:
        return read_int(&args->run.n_threads, "threads", value, 1, "a whole number of 1 or more");
    case NM_OPTION_lanes:
        return read_int(&args->run.lanes, "lanes", value, 1, "16, 8 or 1");
    case NM_OPTION_set:
        args->sets[args->n_sets++] = value;
        break;
    case NM_OPTION_shard:
        return read_shard(&args->run, value);
    case NM_OPTION_fresh:
        args->run.fresh = 1;
        break;
    case NM_OPTION_quiet:
        args->run.quiet = 1;
        break;
    case NM_OPTION_log_json:
        args->run.log_json = 1;
        break;
    case NM_OPTION_timeline:
        args->run.timeline = value;
        break;
    case NM_OPTION_ranks:
        return read_int(&args->n_ranks, "ranks", value, 1, "a whole number of 1 or more");
    case NM_OPTION_partial:
        args->partial = 1;
        break;
    case NM_OPTION_model:
        args->model = value;
        break;
    case NM_OPTION_from:
        args->from = value;
        break;
    case NM_OPTION_index:
        args->index = value;
        break;
    case NM_OPTION_times:
        args->trace.times = value;
        break;
    case NM_OPTION_rtol:
        return read_rtol(&args->trace.rtol, value);
    case NM_OPTION_arch:
        args->arch = value;
        break;
    case NM_OPTION_json:
        args->json = 1;
        break;
    case NM_OPTION_inputs:
        args->export.inputs = value;
        break;
    case NM_OPTION_outputs:
        args->export.outputs = value;
        break;
    case NM_OPTION_split:
        args->export.split = value;
        break;
    case NM_OPTION_split_seed:
        args->export.split_seed = value;
        break;
    case NM_OPTION_hold_out:
        args->hold_outs[args->export.n_hold_outs++] = value;
        break;
    case NM_OPTION_check:
        args->check = 1;
        break;
    case NM_OPTION_points:
        return read_points(&args->verify.points, value);
    case NM_OPTION_follow:
        return read_followed(&args->verify.n_followed, value);
    case NM_OPTION_help:
        args->help = 1;
        break;
    default:
        break;
    }
    return NM_OK;
}

static nm_status unknown_option(const nm_command *command, const char *word)
{
    char name[64];
    const char *names[NM_N_OPTIONS];
    int n_names = 0;
    for (int i = 0; i < NM_N_OPTIONS; i++) {
        if (command->options & (1u << i)) {
            names[n_names++] = option_table[i].name;
        }
    }
    size_t first = strspn(word, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + first, "="), word + first);
    const char *near = nm_suggest(name, names, n_names);
    return near ? nm_usage_error("%s: there is no option %s; did you mean --%s?", command->name,
                                 word, near)
                : nm_usage_error("%s: there is no option %s; `nessmap help %s` lists its options",
                                 command->name, word, command->name);
}

/* getopt's tables for one command; each command knows its own options and --help */
static void make_getopt(struct option *longs, char *shorts, const nm_command *command)
{
    *shorts++ = ':';
    for (int i = 0; i < NM_N_OPTIONS; i++) {
        if (i == NM_OPTION_help || (command->options & (1u << i))) {
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

nm_status nm_read_arguments(nm_arguments *args, const nm_command *command, int argc, char **argv)
{
    struct option longs[NM_N_OPTIONS + 1];
    char shorts[2 * NM_N_OPTIONS + 2];
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
                return nm_usage_error("%s: the option %s wants a value; see `nessmap help %s`",
                                      command->name, word, command->name);
            }
            if (optopt >= FIRST_CODE) {
                return nm_usage_error("%s: the option --%s takes no value", command->name,
                                      option_table[optopt - FIRST_CODE].name);
            }
            return unknown_option(command, word);
        }
        int i_option = code - FIRST_CODE;
        for (int i = 0; i < NM_N_OPTIONS && code < FIRST_CODE; i++) {
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
        return nm_usage_error("%s: %s is missing; see `nessmap help %s`", command->name,
                              command->operand, command->name);
    }
    if (args->n_operands > command->n_most) {
        return nm_usage_error("%s: \"%s\" is one argument too many; see `nessmap help %s`",
                              command->name, args->operands[command->n_most], command->name);
    }
    return NM_OK;
}
