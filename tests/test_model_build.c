/* A model of the user's own: what a compiler says is told at the user's line, and what is kept is
 * whole or not used. (tests/test_own_model.py compiles.) */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"
#include "files.h"
#include "model_build.h"
#include "model_mistake.h"

static const char text[] = "/* path(leak_Cl, in a comment) */\n"                           /* 1 */
                           "#define NM_PARAMETERS(param) \\\n"                             /* 2 */
                           "    param(g, \"S m-2\", 1, 0, 2, log, \"conductance\") \\\n"   /* 3 */
                           "    param(T, \"K\", 300, 200, 400, linear, \"a (text\")\n"     /* 4 */
                           "#define NM_PATHWAYS(path) \\\n"                                /* 5 */
                           "    path(leak_Na, Na_i, Na_o, ohmic(g), \"goldman, Na\") \\\n" /* 6 */
                           "    path(leak_Cl, Cl_i, Cl_o, goldman(g))\n"                   /* 7 */
                           "#include \"nessmap/model.h\"\n";

static const nm_model_text file = {"./dir/my.c", text, "models/my.c"};

static const struct {
    const char *said, *wanted;
} cases[] = {
    /* clang: the row is in the note behind the error */
    {"In file included from models/my.c:8:\n"
     "./nessmap/model.h:222:13: error: static_assert failed due to requirement 'f(x)' \"pathway "
     "leak_Na: from and to carry different charge: a -> b\"\n"
     "models/my.c:6:5: note: expanded from macro 'NM_PATHWAYS'\n"
     "nessmap/model.h:219:5: note: expanded from macro 'NM_ROW_J_CHECK'\n",
     "./dir/my.c:6: pathway leak_Na: from and to carry different charge: a -> b"},
    /* gcc */
    {"models/my.c:1: warning: x\n"
     "nessmap/model.h:219:38: error: static assertion failed: pathway leak_Na: lost\n"
     "models/my.c:6:5: note: in expansion of macro 'NM_ROW_J_CHECK'\n",
     "./dir/my.c:6: pathway leak_Na: lost"},
    /* no place of the file: by the name, as a whole word outside comments and texts */
    {"network.h:226:17: error: use of undeclared identifier 'NM_LAW_goldman'\n",
     "./dir/my.c:7: there is no law \"goldman\"; README.md lists them"},
    /* the note of another error is not of the first one */
    {"network.h:1:1: error: bad\nnetwork.h:2:1: error: worse\nmodels/my.c:6:5: note: here\n",
     "./dir/my.c: bad"},
    {"model.h:1: error: macro \"NM_ROW_J_COUNT\" requires 5 arguments, but only 4 given\n",
     "./dir/my.c:7: this row has 4 entries, but 5 are wanted: path(name, from, to, law, text)"},
    {"models/my.c:6:2: fatal error: 'x.h' file not found\n", "./dir/my.c:6: 'x.h' file not found"},
    {"ld: cannot find -lm\n",
     "./dir/my.c: the compiler fails and does not say why: ld: cannot find -lm"},
    {"", "./dir/my.c: the compiler fails and does not say why"},
};

static void errors_are_told_at_the_users_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(nm_model_mistake(&file, cases[i].said), NM_USAGE);
        assert_string_equal(nm_last_error(), cases[i].wanted);
    }
}

static void checks_of_the_host_are_told_at_the_row(void **state)
{
    (void)state;
    (void)nm_fail(NM_USAGE, "model my: parameter T: low <= default <= high must hold");
    assert_int_equal(nm_model_mistake_in_row(&file), NM_USAGE);
    assert_string_equal(nm_last_error(),
                        "./dir/my.c:4: parameter T: low <= default <= high must hold");
    (void)nm_fail(NM_USAGE, "model my: pathway \"leak_Cl\" is not right");
    assert_int_equal(nm_model_mistake_in_row(&file), NM_USAGE);
    assert_string_equal(nm_last_error(), "./dir/my.c:7: pathway \"leak_Cl\" is not right");
    (void)nm_fail(NM_USAGE, "model my: it needs a pathway");
    assert_int_equal(nm_model_mistake_in_row(&file), NM_USAGE);
    assert_string_equal(nm_last_error(), "./dir/my.c: it needs a pathway");
}

static void files_are_told_from_names(void **state)
{
    (void)state;
    assert_true(nm_model_is_file("./my_cell.c") && nm_model_is_file("my_cell.c") &&
                nm_model_is_file("a/b"));
    assert_false(nm_model_is_file("pump_leak") || nm_model_is_file(".c") || nm_model_is_file(""));
}

/* Each byte damaged, each length torn. */
static void damage_of_a_library_is_seen(void **state)
{
    (void)state;
    static const char content[] = "a library\0of some bytes";
    char folder[] = "/tmp/nessmap_test_XXXXXX", *bytes;
    size_t n;
    nm_hash key = nm_hash_start(), other = nm_hash_start();
    nm_hash_text(&other, "other");
    assert_non_null(mkdtemp(folder));
    char *made = nm_file_format("%s/made", folder), *path = nm_file_format("%s/kept", folder);
    assert_false(nm_cache_is_whole(path, &key));
    assert_int_equal(nm_file_replace(made, content, sizeof content), NM_OK);
    assert_int_equal(nm_cache_install(path, made, &key), NM_OK);
    assert_int_not_equal(access(made, F_OK), 0);
    assert_true(nm_cache_is_whole(path, &key));
    assert_false(nm_cache_is_whole(path, &other));
    assert_int_equal(nm_file_read(&bytes, &n, path), NM_OK);
    assert_memory_equal(bytes, content, sizeof content);
    for (size_t i = 0; i < n; i++) {
        bytes[i] ^= 0x10;
        assert_int_equal(nm_file_replace(path, bytes, n), NM_OK);
        assert_false(nm_cache_is_whole(path, &key));
        bytes[i] ^= 0x10;
        assert_int_equal(nm_file_replace(path, bytes, i), NM_OK);
        assert_false(nm_cache_is_whole(path, &key));
    }
    free(bytes);
    unlink(path);
    rmdir(folder);
    free(path);
    free(made);
}

static void folder_of_others_is_refused(void **state)
{
    (void)state;
    char folder[] = "/tmp/nessmap_test_XXXXXX", *found;
    struct stat info;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("XDG_CACHE_HOME", folder, 1), 0);
    assert_int_equal(nm_cache_open(&found), NM_OK);
    assert_int_equal(stat(found, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    static const mode_t modes[] = {0720, 0702, 0777}, fine[] = {0700, 0755};
    for (int i = 0; i < 3; i++) {
        char *again;
        assert_int_equal(chmod(found, modes[i]), 0);
        assert_int_equal(nm_cache_open(&again), NM_IO);
        assert_null(again);
        assert_non_null(strstr(nm_last_error(), found));
    }
    /* modules for GPUs neither */
    nm_hash key = nm_hash_start();
    size_t n;
    nm_cache_write(&key, &key, "module", 7);
    assert_int_equal(chmod(found, 0700), 0);
    assert_null(nm_cache_read(&n, &key, &key));
    for (int i = 0; i < 2; i++) {
        char *again;
        assert_int_equal(chmod(found, fine[i]), 0);
        assert_int_equal(nm_cache_open(&again), NM_OK);
        free(again);
    }
    rmdir(found);
    rmdir(folder);
    free(found);
}

/* Folders that killed processes left go; one that is in use, or was made a moment ago, stays. */
static void left_folders_are_removed(void **state)
{
    (void)state;
    char folder[] = "/tmp/nessmap_test_XXXXXX";
    nm_workplace mine, other;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(nm_cache_enter(&mine, folder), NM_OK);
    char *in_mine = nm_file_format("%s/models", mine.folder);
    assert_int_equal(mkdir(in_mine, 0700), 0);

    /* a process that is killed in the midst of its work */
    int pipe_fd[2];
    char *left = calloc(1, 256);
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t child = fork();
    if (child == 0) {
        if (nm_cache_enter(&other, folder) == NM_OK) {
            char *deep = nm_file_format("%s/a/b", other.folder);
            *strrchr(deep, '/') = '\0';
            mkdir(deep, 0700);
            int is_written = write(pipe_fd[1], other.folder, strlen(other.folder) + 1) > 0;
            raise(is_written ? SIGKILL : SIGTERM);
        }
        _exit(1);
    }
    int status;
    assert_true(read(pipe_fd[0], left, 255) > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(access(left, F_OK), 0);

    /* made a moment ago, or an hour and more, by processes that have no lock */
    char *young = nm_file_format("%s/build-young", folder),
         *old = nm_file_format("%s/build-old", folder);
    const struct timespec long_ago[2] = {{time(NULL) - 4000, 0}, {time(NULL) - 4000, 0}};
    assert_int_equal(mkdir(young, 0700), 0);
    assert_int_equal(mkdir(old, 0700), 0);
    assert_int_equal(utimensat(AT_FDCWD, old, long_ago, 0), 0);

    assert_int_equal(nm_cache_enter(&other, folder), NM_OK);
    assert_int_not_equal(access(left, F_OK), 0);
    assert_int_not_equal(access(old, F_OK), 0);
    assert_int_equal(access(young, F_OK), 0);
    assert_int_equal(access(in_mine, F_OK), 0);
    assert_string_not_equal(mine.folder, other.folder);
    nm_cache_leave(&other);
    nm_cache_leave(&mine);
    assert_int_equal(rmdir(young), 0);
    assert_int_equal(rmdir(folder), 0);
    free(old);
    free(young);
    free(left);
    free(in_mine);
}

/* Many processes come and go at once: none loses its folder. */
static void live_folders_stay(void **state)
{
    (void)state;
    enum { N_PROCESSES = 6, N_ROUNDS = 200 };
    char folder[] = "/tmp/nessmap_test_XXXXXX";
    pid_t children[N_PROCESSES];
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < N_PROCESSES; i++) {
        children[i] = fork();
        for (int k = 0; children[i] == 0 && k <= N_ROUNDS; k++) {
            nm_workplace place;
            if (k == N_ROUNDS) {
                _exit(0);
            }
            if (nm_cache_enter(&place, folder) != NM_OK) {
                _exit(1);
            }
            char *inside = nm_file_format("%s/x", place.folder);
            if (mkdir(inside, 0700) != 0 || access(inside, F_OK) != 0) {
                _exit(2);
            }
            free(inside);
            nm_cache_leave(&place);
        }
    }
    for (int i = 0; i < N_PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_told_at_the_users_line),
        cmocka_unit_test(checks_of_the_host_are_told_at_the_row),
        cmocka_unit_test(files_are_told_from_names),
        cmocka_unit_test(damage_of_a_library_is_seen),
        cmocka_unit_test(folder_of_others_is_refused),
        cmocka_unit_test(left_folders_are_removed),
        cmocka_unit_test(live_folders_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
