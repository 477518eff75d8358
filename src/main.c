/* The command line: finds the command, calls the API, turns the status into an exit code. The words
 * after a command are read by command_line.c.
 *
 * 1. commands     2. the table     3. main */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "command_line.h"
#include "nessmap/nessmap.h"

/* --- 1. commands ------------------------------------------------------------------------------ */

/* says why a call of the API failed, once */
static nm_status tell(nm_status status)
{
    if (status != NM_OK && nm_rank() == 0) {
        nm_print_failure(stderr, status, 0);
    }
    return status;
}

/* what the first signal is answered, for where it is written to */
static const char *stopping;

/* A signal that comes again this soon is the same one: `timeout` sends it to its command and to the group, mpirun hands
 * on what a terminal has sent to all. */
enum { ECHO_MS = 500 };

static void on_signal(int number)
{
    static atomic_llong asked_at; /* [ms], 0: not yet */
    struct timespec now;
    long long before = 0;
    int kept = errno;
    (void)number;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long long ms = 1 + 1000LL * now.tv_sec + now.tv_nsec / 1000000;
    if (atomic_compare_exchange_strong(&asked_at, &before, ms)) {
        nm_interrupt();
        ssize_t n_written = write(STDERR_FILENO, stopping, strlen(stopping));
        (void)n_written; /* nobody may be there to read it */
    } else if (ms - before > ECHO_MS) {
        _exit(nm_exit_status(NM_INTERRUPTED));
    }
    errno = kept;
}

static void catch_signals(int log_json)
{
#define STOPPING "stopping after the tiles in work; a second signal stops at once"
    /* on a terminal the moving line makes room for it */
    stopping = log_json                ? "{\"event\":\"note\",\"text\":\"" STOPPING "\"}\n"
               : isatty(STDERR_FILENO) ? "\r\033[Knessmap: " STOPPING "\n"
                                       : "nessmap: " STOPPING "\n";
#undef STOPPING
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

static nm_status command_run(const nm_arguments *args)
{
    nm_scan *scan = NULL;
    const int log_json = args->run.log_json && !args->run.quiet;
    catch_signals(log_json);
    nm_status status = nm_ranks_begin(args->run.n_shards > 1);
    nm_quiet(args->run.quiet || nm_rank() > 0);
    nm_log_json(log_json);
    if (status == NM_OK) {
        status = nm_ranks_agree(nm_scan_open(&scan, args->operands[0], args->sets, args->n_sets));
    }
    const int is_begun = status == NM_OK;
    if (is_begun) {
        status = nm_scan_run(scan, &args->run, stdout);
    }
    nm_scan_close(&scan);
    fflush(stdout); /* the summary before the sentence on what went wrong */
    if (!log_json) {
        tell(status);
    } else if (!is_begun && nm_rank() == 0) {
        nm_print_failure(stderr, status, 1); /* of a run, its log says it */
    }
    /* the exit code of a job is that of rank 0 */
    const int is_first = nm_rank() == 0;
    nm_ranks_end();
    return is_first ? status : NM_OK;
}

static nm_status command_init(const nm_arguments *args)
{
    return tell(nm_print_init(stdout, args->operands[0], args->sets, args->n_sets));
}

static nm_status command_plan(const nm_arguments *args)
{
    nm_scan *scan;
    nm_status status = nm_scan_open(&scan, args->operands[0], args->sets, args->n_sets);
    if (status == NM_OK) {
        nm_plan_options options = {.output = args->run.output,
                                   .n_threads = args->run.n_threads,
                                   .n_ranks = args->n_ranks,
                                   .overrides = args->sets,
                                   .n_overrides = args->n_sets};
        status = nm_scan_print_plan(scan, &options, stdout);
    }
    nm_scan_close(&scan);
    return tell(status);
}

static nm_status command_check(const nm_arguments *args)
{
    return tell(nm_print_check(stdout, args->operands[0], args->sets, args->n_sets));
}

static nm_status command_compile(const nm_arguments *args)
{
    return tell(nm_compile_model(stdout, args->operands[0], args->arch, args->sets, args->n_sets));
}

static nm_status command_models(const nm_arguments *args)
{
    if (args->n_operands == 0 && args->n_sets > 0) {
        return nm_usage_error("models: --set goes with the NAME of a model");
    }
    return tell(args->n_operands > 0
                    ? nm_print_model(stdout, args->operands[0], args->sets, args->n_sets)
                    : nm_print_models(stdout));
}

/* one cell is a model with settings, or a point of a file */
static nm_status check_cell(const nm_arguments *args, const char *command)
{
    if (args->model && args->from) {
        return nm_usage_error("%s: --model and --from exclude each other; give one of them",
                              command);
    }
    if (args->from && !args->index) {
        return nm_usage_error("%s: --from %s needs --index N, the number of the point", command,
                              args->from);
    }
    if (args->from && args->n_sets > 0) {
        return nm_usage_error("%s: --set goes with --model; a point of %s is as the file says",
                              command, args->from);
    }
    if (!args->from && args->index) {
        return nm_usage_error("%s: --index goes with --from OUT.nc", command);
    }
    if (!args->from && !args->model) {
        return nm_usage_error("%s: --model M is missing (`nessmap models` lists them), or --from "
                              "OUT.nc --index N",
                              command);
    }
    return NM_OK;
}

static nm_status command_point(const nm_arguments *args)
{
    nm_status status = check_cell(args, "point");
    if (status != NM_OK) {
        return status;
    }
    return tell(args->from
                    ? nm_print_point_of_file(stdout, args->from, args->index, args->json)
                    : nm_print_point(stdout, args->model, args->sets, args->n_sets, args->json));
}

static nm_status command_trace(const nm_arguments *args)
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

static nm_status command_export(const nm_arguments *args)
{
    nm_quiet(args->run.quiet);
    FILE *notes = args->run.quiet ? NULL : stdout;
    if (args->check) {
        return tell(nm_export_check(notes, args->operands[0]));
    }
    nm_export_options options = args->export;
    options.output = args->run.output;
    options.hold_outs = args->hold_outs;
    options.fresh = args->run.fresh;
    return tell(nm_export(notes, args->operands[0], &options));
}

static nm_status command_verify(const nm_arguments *args)
{
    nm_verify_options options = args->verify;
    options.n_threads = args->run.n_threads;
    options.quiet = args->run.quiet;
    catch_signals(0);
    nm_quiet(args->run.quiet);
    nm_status status = nm_verify(args->run.quiet ? NULL : stdout, args->operands[0], &options);
    fflush(stdout); /* the report before the sentence on what is wrong */
    return tell(status);
}

static nm_status command_assemble(const nm_arguments *args)
{
    return tell(nm_assemble(args->operands[0], args->partial, stdout));
}

static nm_status command_info(const nm_arguments *args)
{
    (void)args;
    return tell(nm_print_info(stdout));
}

static nm_status command_help(const nm_arguments *args);

/* --- 2. the table ----------------------------------------------------------------------------- */

#define WITH(tag) (1u << NM_OPTION_##tag)

static const nm_command commands[] = {
    {"run", command_run, "CONFIG", 1, 1,
     WITH(output) | WITH(backend) | WITH(threads) | WITH(lanes) | WITH(set) | WITH(shard) |
         WITH(fresh) | WITH(quiet) | WITH(log_json) | WITH(timeline),
     "compute a scan, or go on where it stopped, and write the NetCDF file",
     "nessmap run pump_leak.toml --set axis.g_Na.n=512 -o fine.nc",
     "the file to make; left out: CONFIG's name with .nc, here"},
    {"init", command_init, "MODEL", 1, 1, WITH(set),
     "print a commented configuration to start from", "nessmap init pump_leak > pump_leak.toml",
     NULL},
    {"plan", command_plan, "CONFIG", 1, 1, WITH(output) | WITH(threads) | WITH(set) | WITH(ranks),
     "print points, memory, disk and time, here and on a cluster; write nothing",
     "nessmap plan pump_leak.toml --ranks 4",
     "the file that a run would make; left out: CONFIG's name with .nc, here"},
    {"check", command_check, "CONFIG|MODEL.c", 1, 1, WITH(set),
     "print what is wrong, or the resolved configuration and remarks",
     "nessmap check pump_leak.toml", NULL},
    {"compile", command_compile, "MODEL.c", 1, 1, WITH(arch) | WITH(set),
     "compile a model of your own ahead of a job, for CPU and GPU; print where it is kept",
     "nessmap compile my_cell.c --arch sm_90", NULL},
    {"models", command_models, "[NAME]", 0, 1, WITH(set),
     "list the models, or all that one consists of", "nessmap models pump_leak", NULL},
    {"point", command_point, NULL, 0, 0,
     WITH(model) | WITH(set) | WITH(from) | WITH(index) | WITH(json),
     "print one cell's balance sheet: fluxes, forces, who pays; or why it has no steady state",
     "nessmap point --from pump_leak.nc --index 88,441", NULL},
    {"trace", command_trace, NULL, 0, 0,
     WITH(output) | WITH(model) | WITH(set) | WITH(from) | WITH(index) | WITH(times) | WITH(rtol),
     "compute one cell's time course from its initial state; write a NetCDF file, say what "
     "happened",
     "nessmap trace --from pump_leak.nc --index 88,441 -o course.nc",
     "the file to make; left out: MODEL_trace.nc, here"},
    {"export", command_export, "OUT.nc", 1, 1,
     WITH(output) | WITH(inputs) | WITH(outputs) | WITH(split) | WITH(split_seed) | WITH(hold_out) |
         WITH(fresh) | WITH(quiet) | WITH(check),
     "write the points of a file as NumPy arrays to learn from, with a meta.json",
     "nessmap export pump_leak.nc --outputs V,ell --hold-out K_o=5..9",
     "the folder to make; left out: OUT.data beside OUT.nc"},
    {"verify", command_verify, "OUT.nc", 1, 1,
     WITH(points) | WITH(follow) | WITH(threads) | WITH(quiet),
     "check that a file is what its configuration gives, and obeys the laws",
     "nessmap verify pump_leak.nc --points 10000", NULL},
    {"assemble", command_assemble, "OUT.nc.parts", 1, 1, WITH(partial),
     "make the file from the parts of a run, or a part of it while the run goes on",
     "nessmap assemble pump_leak.nc.parts --partial", NULL},
    {"info", command_info, NULL, 0, 0, 0, "print version, compiler, lanes, backends and libraries",
     "nessmap info", NULL},
    {"help", command_help, "[COMMAND]", 0, 1, 0, "print what a command does and its options",
     "nessmap help run", NULL},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static const nm_command *find_command(const char *name)
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
    return near ? nm_usage_error("there is no command \"%s\"; did you mean \"%s\"?", name, near)
                : nm_usage_error("there is no command \"%s\"; `nessmap help` lists them", name);
}

static nm_status command_help(const nm_arguments *args)
{
    if (args->n_operands == 0) {
        nm_print_overview(stdout, commands, N_COMMANDS);
        return NM_OK;
    }
    const nm_command *command = find_command(args->operands[0]);
    if (!command) {
        return unknown_command(args->operands[0]);
    }
    nm_print_command(stdout, command);
    return NM_OK;
}

/* --- 3. main ---------------------------------------------------------------------------------- */

static nm_status dispatch(int argc, char **argv)
{
    if (argc < 2) {
        nm_print_overview(stderr, commands, N_COMMANDS);
        return NM_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("nessmap %s\n", nm_version());
        return NM_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        nm_print_overview(stdout, commands, N_COMMANDS);
        return NM_OK;
    }
    const nm_command *command = find_command(argv[1]);
    if (!command) {
        return unknown_command(argv[1]);
    }
    nm_arguments args;
    memset(&args, 0, sizeof args);
    args.sets = calloc((size_t)argc, sizeof *args.sets);
    args.hold_outs = calloc((size_t)argc, sizeof *args.hold_outs);
    if (!args.sets || !args.hold_outs) {
        free(args.sets);
        free(args.hold_outs);
        return nm_usage_error("no memory for the command line");
    }
    nm_status status = nm_read_arguments(&args, command, argc - 1, argv + 1);
    if (status == NM_OK && args.help) {
        nm_print_command(stdout, command);
    } else if (status == NM_OK) {
        status = command->run(&args);
    }
    free(args.sets);
    free(args.hold_outs);
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
    if (status == NM_IO) {
        /* HDF5 stumbles at the exit over a file that a full disk did not let it close */
        fflush(stderr);
        _exit(nm_exit_status(status));
    }
    return nm_exit_status(status);
}
