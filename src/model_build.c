/* Compiles a user's model into a shared library, keeps it in the cache folder, and loads it.
 *
 * 1. the file and its key   2. compiling   3. looking and building */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "model_build.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend.h"
#include "cache.h"
#include "embedded.h"
#include "files.h"
#include "kernel_flags.h"
#include "model_compiler.h"
#include "model_library.h"
#include "model_mistake.h"
#include "model_store.h"

/* What all kernels are compiled with (CMakeLists.txt, part 2). */
static const char *const fixed_options[] = {NM_KERNEL_OPTIONS};
static const char *const options_16[] = {NM_LANE_FLAGS_16}, *const options_8[] = {NM_LANE_FLAGS_8},
                         *const options_1[] = {NM_LANE_FLAGS_1};
static const struct {
    int lanes, n_options;
    const char *const *options;
} widths[] = {
    {16, sizeof options_16 / sizeof options_16[0], options_16},
    {8, sizeof options_8 / sizeof options_8[0], options_8},
    {1, sizeof options_1 / sizeof options_1[0], options_1},
};
enum {
    N_WIDTHS = sizeof widths / sizeof widths[0],
    NARROWEST = N_WIDTHS - 1,
    N_FIXED = sizeof fixed_options / sizeof fixed_options[0],
    MOST_WORDS = N_FIXED + 40, /* of a command line */
    MOST_UNITS = 2 * N_WIDTHS + 1,
    NAME_BYTES = 64 /* longest name of a model */
};

enum { ALL_WIDTHS = (1 << N_WIDTHS) - 1 };

/* --- 1. the file and its key ------------------------------------------------------------------ */

typedef struct own_model {
    const char *path, *what; /* in messages; path: the name, where this program wrote the text */
    char *text;
    char name[NAME_BYTES];
    char compiled_as[NAME_BYTES + 16]; /* in the folder of a compilation */
    char *folder;                      /* of the cache */
    nm_compilers compilers;
} own_model;

int nm_model_is_c_file(const char *name)
{
    size_t length = strlen(name);
    return length > 2 && strcmp(name + length - 2, ".c") == 0;
}

int nm_model_is_file(const char *name)
{
    return strchr(name, '/') != NULL || nm_model_is_c_file(name);
}

static void name_model(own_model *own, const char *name, size_t length)
{
    snprintf(own->name, sizeof own->name, "%.*s", (int)length, name);
    snprintf(own->compiled_as, sizeof own->compiled_as, "models/%s.c", own->name);
}

static nm_status take_name(own_model *own)
{
    const char *slash = strrchr(own->path, '/'), *base = slash ? slash + 1 : own->path;
    size_t length = strlen(base);
    if (!nm_model_is_c_file(base)) {
        return nm_fail(NM_USAGE, "%s: the file of a model ends in .c, such as my_cell.c",
                       own->path);
    }
    length -= 2;
    int is_name = length < NAME_BYTES && !isdigit((unsigned char)base[0]);
    for (size_t i = 0; i < length; i++) {
        is_name &= isalnum((unsigned char)base[i]) || base[i] == '_';
    }
    if (!is_name) {
        return nm_fail(NM_USAGE,
                       "%s: the file's name is the model's: letters, digits and _ only, no digit "
                       "first, at most %d; rename it",
                       own->path, NAME_BYTES - 1);
    }
    name_model(own, base, length);
    return NM_OK;
}

static nm_status read_model(own_model *own, const char *path)
{
    struct stat info;
    size_t n_bytes;
    NM_TRY(take_name(own));
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || access(path, R_OK) != 0) {
        return nm_fail(NM_USAGE, "%s: the model file cannot be read (%s)", path,
                       stat(path, &info) == 0 && !S_ISREG(info.st_mode) ? "it is no file"
                                                                        : strerror(errno));
    }
    NM_TRY(nm_file_read(&own->text, &n_bytes, path));
    const char *lack = "does not #include \"nessmap/model.h\"";
    lack = strstr(own->text, "nessmap/model.h") ? NULL : lack;
    lack = strlen(own->text) != n_bytes ? "is no text: it has a byte 0" : lack;
    return lack ? nm_fail(NM_USAGE, "%s: the model file %s", path, lack) : NM_OK;
}

/* text: NULL for the file `path`; else it is what `path` is the name of. */
static nm_status open_model(own_model *own, const char *path, const char *text)
{
    memset(own, 0, sizeof *own);
    own->path = path;
    own->what = text ? "what [variant] asks for" : "a model of your own";
    if (!text) {
        NM_TRY(read_model(own, path));
    } else {
        name_model(own, path, strlen(path));
        own->text = strdup(text);
        if (!own->text) {
            return nm_fail(NM_MEMORY, "out of memory for a model");
        }
    }
    NM_TRY(nm_cache_open(&own->folder));
    return nm_compilers_find(&own->compilers);
}

static void close_model(own_model *own)
{
    nm_compilers_clear(&own->compilers);
    free(own->folder);
    free(own->text);
}

/* Everything but the compiler that decides about the library: another compiler makes the same
 * bits. */
static nm_hash key_of(const own_model *own, int chosen_widths)
{
    static const int abi[] = {NM_ABI, (int)sizeof(nm_model)};
    nm_hash key = nm_hash_start();
    int n_sources;
    const nm_source *sources = nm_cpu_sources(&n_sources);
    nm_hash_bytes(&key, abi, sizeof abi);
    nm_hash_text(&key, own->name);
    nm_hash_text(&key, own->text);
    for (int i = 0; i < N_FIXED; i++) {
        nm_hash_text(&key, fixed_options[i]);
    }
    for (int w = 0; w < N_WIDTHS; w++) {
        for (int i = 0; (chosen_widths & 1 << w) && i < widths[w].n_options; i++) {
            nm_hash_text(&key, widths[w].options[i]);
        }
    }
    nm_hash_text(&key, "sources"); /* ends the list of options */
    for (int i = 0; i < n_sources; i++) {
        nm_hash_text(&key, sources[i].name);
        nm_hash_text(&key, sources[i].text);
    }
    return key;
}

/* Path of the library up to what the compiler adds; allocated. */
static char *stem_of(const own_model *own, const nm_hash *key)
{
    return nm_file_format("%s/model-%s-%016" PRIx64 "%016" PRIx64 "-", own->folder, own->name,
                          key->high, key->low);
}

static char *library_of(const own_model *own, const nm_hash *key, const nm_compiler *compiler)
{
    nm_hash mark = nm_hash_start();
    nm_hash_text(&mark, compiler->path);
    nm_hash_text(&mark, compiler->version);
    char *stem = stem_of(own, key);
    char *path = stem ? nm_file_format("%s%016" PRIx64 ".so", stem, mark.high ^ mark.low) : NULL;
    free(stem);
    return path;
}

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER; /* loading and compiling */

/* --- 2. compiling ----------------------------------------------------------------------------- */

static nm_status write_text(const char *folder, const char *name, const char *text)
{
    char *path = nm_file_format("%s/%s", folder, name);
    if (!path) {
        return nm_fail(NM_MEMORY, "out of memory for a path");
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    nm_status status = fd < 0 ? nm_fail(NM_IO, "cannot create '%s': %s", path, strerror(errno))
                              : nm_file_write(fd, path, text, strlen(text));
    if (fd >= 0 && close(fd) != 0 && status == NM_OK) {
        status = nm_fail(NM_IO, "cannot write '%s': %s", path, strerror(errno));
    }
    free(path);
    return status;
}

static nm_status write_sources(const own_model *own, const char *folder)
{
    static const char *const subfolders[] = {"nessmap", "models"};
    int n_sources;
    const nm_source *sources = nm_cpu_sources(&n_sources);
    for (int i = 0; i < 2; i++) {
        char *path = nm_file_format("%s/%s", folder, subfolders[i]);
        int is_made = path && mkdir(path, 0700) == 0;
        free(path);
        if (!is_made) {
            return nm_fail(NM_IO, "cannot create '%s/%s': %s", folder, subfolders[i],
                           strerror(errno));
        }
    }
    for (int i = 0; i < n_sources; i++) {
        NM_TRY(write_text(folder, sources[i].name, sources[i].text));
    }
    return write_text(folder, own->compiled_as, own->text);
}

/* Words of a command line; what is allocated is freed with it. */
typedef struct command {
    int n;
    char *words[MOST_WORDS + 1];
    int is_short; /* of memory */
} command;

static void add(command *c, char *word)
{
    if (!word || c->n == MOST_WORDS) {
        c->is_short = 1;
        free(word);
        return;
    }
    c->words[c->n++] = word;
}

static void add_all(command *c, const char *const *words, int n)
{
    for (int i = 0; i < n; i++) {
        add(c, strdup(words[i]));
    }
}

static void end_command(command *c)
{
    for (int i = 0; i < c->n; i++) {
        free(c->words[i]);
    }
}

/* One call of the compiler. */
typedef struct unit {
    command command;
    char *said; /* path of what it says */
    pid_t process;
    int is_started;
} unit;

static void begin_unit(unit *u, const nm_compiler *compiler, const char *folder, int number)
{
    memset(u, 0, sizeof *u);
    add(&u->command, strdup(compiler->path));
    u->said = nm_file_format("%s/said_%d", folder, number);
}

/* what a unit is: the description of the model, or its kernel or its derivatives of one width */
typedef enum unit_kind { DESCRIPTION, KERNEL, DERIVATIVES } unit_kind;
static int unit_number(unit_kind kind, int i_width)
{
    return kind == DESCRIPTION ? 0 : 1 + i_width + (kind == DERIVATIVES ? N_WIDTHS : 0);
}

static void make_unit(unit *u, const own_model *own, const nm_compiler *compiler,
                      const char *folder, unit_kind kind, int i_width, int chosen_widths)
{
    static const char *const files[] = {"entry_model.cpp", "entry_cpu.cpp", "entry_gradient.cpp"};
    /* where the row of a table stands is in the notes behind an error */
    static const char *const clang_options[] = {"-fmacro-backtrace-limit=0", "-ferror-limit=1",
                                                "-fno-caret-diagnostics"};
    static const char *const gcc_options[] = {"-fmax-errors=1", "-fno-diagnostics-show-caret"};
    begin_unit(u, compiler, folder, unit_number(kind, i_width));
    command *c = &u->command;
    add_all(c, fixed_options, N_FIXED);
    add_all(c, widths[i_width].options, widths[i_width].n_options);
    add_all(c, compiler->is_clang ? clang_options : gcc_options, compiler->is_clang ? 3 : 2);
    if (kind == DERIVATIVES) {
        add(c, strdup(NM_GRADIENT_OPTIONS));
    }
    add(c, strdup("-I."));
    add(c, nm_file_format("-DNM_MODEL_FILE=\"%s\"", own->compiled_as));
    add(c, nm_file_format("-DNM_MODEL=%s", own->name));
    if (kind == DESCRIPTION) {
        add(c, nm_file_format("-DNM_MODEL_PATH=\"%s\"", own->compiled_as));
        add(c, nm_file_format("-DNM_WIDTHS(width)=%s%s%s", chosen_widths & 1 ? "width(16) " : "",
                              chosen_widths & 2 ? "width(8) " : "",
                              chosen_widths & 4 ? "width(1)" : ""));
    }
    add(c, strdup("-c"));
    add(c, strdup(files[kind]));
    add(c, strdup("-o"));
    add(c, nm_file_format("unit_%d.o", unit_number(kind, i_width)));
}

static void make_link(unit *u, const nm_compiler *compiler, const char *folder, int chosen_widths)
{
    static const char *const first[] = {"-shared", "-Wl,-Bsymbolic", "-Wl,--as-needed", "unit_0.o"};
    static const char *const last[] = {"-o", "model.so", "-lm"};
    begin_unit(u, compiler, folder, MOST_UNITS);
    add_all(&u->command, first, 4);
    for (int w = 0; w < N_WIDTHS; w++) {
        if (chosen_widths & 1 << w) {
            add(&u->command, nm_file_format("unit_%d.o", unit_number(KERNEL, w)));
            add(&u->command, nm_file_format("unit_%d.o", unit_number(DERIVATIVES, w)));
        }
    }
    add_all(&u->command, last, 3);
}

/* Says why a call of the compiler failed. */
static nm_status explain(const own_model *own, const nm_compiler *compiler, const unit *u, int rc)
{
    nm_model_text file = {own->path, own->text, own->compiled_as};
    char *said;
    size_t n_bytes;
    if (rc > 128) {
        return nm_fail(NM_IO, "%s: the compiler %s was ended by signal %d", own->path,
                       compiler->path, rc - 128);
    }
    NM_TRY(nm_file_read(&said, &n_bytes, u->said));
    nm_status status = nm_model_mistake(&file, said);
    free(said);
    return status;
}

/* Runs all units side by side. returns the failure of the first one that has one. */
static nm_status run_units(const own_model *own, const nm_compiler *compiler, unit *units, int n,
                           const char *folder)
{
    nm_status status = NM_OK;
    for (int i = 0; i < n && status == NM_OK; i++) {
        status = units[i].command.is_short || !units[i].said
                     ? nm_fail(NM_MEMORY, "out of memory to compile %s", own->path)
                     : nm_program_start(&units[i].process, units[i].command.words, folder,
                                        units[i].said);
        units[i].is_started = status == NM_OK;
    }
    for (int i = 0; i < n; i++) {
        int rc = units[i].is_started ? nm_program_wait(units[i].process) : 0;
        if (rc != 0 && status == NM_OK) {
            status = explain(own, compiler, &units[i], rc);
        }
        /* the first unit ends soon, and finds all mistakes but rare ones */
        if (i == 0 && n > 1 && status == NM_OK) {
            nm_say("compiling %s by %s: up to a minute, and kept for the next time", own->path,
                   compiler->path);
        }
        free(units[i].said);
        end_command(&units[i].command);
    }
    return status;
}

static nm_status compile_in(const char *folder, const own_model *own, const nm_compiler *compiler,
                            int chosen_widths)
{
    unit units[MOST_UNITS], link;
    int n = 0;
    NM_TRY(write_sources(own, folder));
    make_unit(&units[n++], own, compiler, folder, DESCRIPTION, NARROWEST, chosen_widths);
    for (int w = 0; w < N_WIDTHS; w++) {
        if (chosen_widths & 1 << w) {
            make_unit(&units[n++], own, compiler, folder, KERNEL, w, chosen_widths);
            make_unit(&units[n++], own, compiler, folder, DERIVATIVES, w, chosen_widths);
        }
    }
    NM_TRY(run_units(own, compiler, units, n, folder));
    make_link(&link, compiler, folder, chosen_widths);
    return run_units(own, compiler, &link, 1, folder);
}

/* Compiles in a folder of this process alone, and puts the library in its place. */
static nm_status compile(const char *library, const own_model *own, const nm_compiler *compiler,
                         const nm_hash *key, int chosen_widths)
{
    nm_workplace place;
    NM_TRY(nm_cache_enter(&place, own->folder));
    nm_status status = compile_in(place.folder, own, compiler, chosen_widths);
    char *made = nm_file_format("%s/model.so", place.folder);
    if (status == NM_OK) {
        status = made ? nm_cache_install(library, made, key)
                      : nm_fail(NM_MEMORY, "out of memory for a path");
    }
    free(made);
    nm_cache_leave(&place);
    return status;
}

/* --- 3. looking and building ------------------------------------------------------------------ */

/* Loads the library at `path` if it is whole. */
static int try_library(const nm_model **model, char **kept, const own_model *own, const char *path,
                       const nm_hash *key)
{
    if (!nm_cache_is_whole(path, key) ||
        nm_model_load(model, path, own->name, own->path) != NM_OK) {
        return 0;
    }
    *kept = strdup(path);
    return *kept != NULL;
}

/* One that a compiler made which is not here: on a node of a cluster, there may be none. */
static int look_without_compiler(const nm_model **model, char **kept, const own_model *own,
                                 const nm_hash *key)
{
    char *stem = stem_of(own, key);
    DIR *dir = stem ? opendir(own->folder) : NULL;
    const char *start = stem ? stem + strlen(own->folder) + 1 : "";
    int is_found = 0;
    for (struct dirent *entry; dir && !is_found && (entry = readdir(dir));) {
        if (strncmp(entry->d_name, start, strlen(start)) == 0) {
            char *path = nm_file_format("%s/%s", own->folder, entry->d_name);
            is_found = path && try_library(model, kept, own, path, key);
            free(path);
        }
    }
    if (dir) {
        closedir(dir);
    }
    free(stem);
    return is_found;
}

static int look(const nm_model **model, char **kept, const own_model *own, int chosen_widths)
{
    nm_hash key = key_of(own, chosen_widths);
    int is_found = 0;
    for (int i = 0; i < own->compilers.n && !is_found; i++) {
        char *path = library_of(own, &key, &own->compilers.compiler[i]);
        is_found = path && try_library(model, kept, own, path, &key);
        free(path);
    }
    return own->compilers.n > 0 ? is_found : look_without_compiler(model, kept, own, &key);
}

static nm_status build(const nm_model **model, char **kept, const own_model *own, int chosen_widths)
{
    const nm_compiler *compiler = NULL;
    for (int i = 0; i < own->compilers.n && !compiler; i++) {
        if (nm_compiler_works(&own->compilers.compiler[i])) {
            compiler = &own->compilers.compiler[i];
        }
    }
    if (!compiler && own->compilers.n > 0) {
        return nm_fail(NM_USAGE,
                       "%s: %s cannot compile C++20; install clang or g++ 11, or set NESSMAP_CXX "
                       "to one that can",
                       own->path, own->compilers.compiler[0].path);
    }
    if (!compiler) {
        return nm_fail(NM_USAGE,
                       "%s: %s needs a C++ compiler, and there is no clang++, c++ "
                       "or g++ on PATH; install one, set NESSMAP_CXX, or run `nessmap compile` "
                       "where there is one",
                       own->path, own->what);
    }
    nm_hash key = key_of(own, chosen_widths);
    *kept = library_of(own, &key, compiler);
    if (!*kept) {
        return nm_fail(NM_MEMORY, "out of memory for a path");
    }
    NM_TRY(compile(*kept, own, compiler, &key, chosen_widths));
    return nm_model_load(model, *kept, own->name, own->path);
}

/* The narrowest, and the widest that this processor can run. */
static int widths_of_this_processor(void)
{
    for (int w = 0; w < N_WIDTHS; w++) {
        if (nm_backend_cpu_has_lanes(widths[w].lanes)) {
            return 1 << w | 1 << NARROWEST;
        }
    }
    return 1 << NARROWEST;
}

static nm_status find_or_build(const nm_model **model, char **kept, const own_model *own,
                               int is_ahead)
{
    int own_widths = widths_of_this_processor();
    /* a library for every processor serves this one too */
    if (look(model, kept, own, ALL_WIDTHS) || (!is_ahead && look(model, kept, own, own_widths))) {
        return NM_OK;
    }
    return build(model, kept, own, is_ahead ? ALL_WIDTHS : own_widths);
}

static nm_status get(const nm_model **model, char **kept, const char *path, const char *text,
                     int is_ahead)
{
    own_model own;
    *model = NULL;
    *kept = NULL;
    pthread_mutex_lock(&one_at_a_time);
    nm_status status = open_model(&own, path, text);
    if (status == NM_OK) {
        status = find_or_build(model, kept, &own, is_ahead);
    }
    if (status == NM_OK && nm_model_check(*model) != NM_OK) {
        nm_model_text file = {own.path, own.text, own.compiled_as};
        status = nm_model_mistake_in_row(&file);
    }
    close_model(&own);
    pthread_mutex_unlock(&one_at_a_time);
    if (status != NM_OK) {
        free(*kept);
        *kept = NULL;
    }
    return status;
}

nm_status nm_model_build(const nm_model **model, const char *path)
{
    char *kept;
    nm_status status = get(model, &kept, path, NULL, 0);
    free(kept);
    return status;
}

nm_status nm_model_build_ahead(const nm_model **model, char **kept, const char *path)
{
    return get(model, kept, path, NULL, 1);
}

nm_status nm_model_build_text(const nm_model **model, char **kept, const char *name,
                              const char *text)
{
    char *unused = NULL;
    nm_status status = get(model, kept ? kept : &unused, name, text, kept != NULL);
    free(unused);
    return status;
}
