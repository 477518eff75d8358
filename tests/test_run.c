/* The pipeline: a finished file, what it refuses, interruption and resume to the same bytes,
 * shards, locks, runs side by side, failures. */
#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_model.h"
#include "files.h"
#include "grid_nc.h"
#include "journal.h"
#include "nessmap/nessmap.h"
#include "run.h"

static const char scan_text[] =
    "# Where does the fake cell burst?\n"
    "model = \"fake_cell\"\n"
    "[[axis]]\nname = \"g_Na\"\nmin = 0.01\nmax = 10.0\nn = 100\nscale = \"log\"\n"
    "[[axis]]\nname = \"K_o\"\nmin = 1.0\nmax = 9.0\nn = 90\n";

static char folder[64], config_path[96], out_path[96], other_path[96];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "test_run_XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(config_path, sizeof config_path, "%s/scan.toml", folder);
    snprintf(out_path, sizeof out_path, "%s/out.nc", folder);
    snprintf(other_path, sizeof other_path, "%s/other.nc", folder);
    return nm_file_replace(config_path, scan_text, sizeof scan_text - 1) == NM_OK ? 0 : -1;
}

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            char *child = nm_file_format("%s/%s", path, entry->d_name);
            remove_tree(child);
            free(child);
        }
    }
    if (dir) {
        closedir(dir);
    }
    remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    remove_tree(folder);
    return 0;
}

/* runs the scan with a model; the summary goes to *summary unless NULL */
static nm_status run_model(const nm_model *model, nm_run_options options, const char *set,
                           char **summary)
{
    nm_config *config = NULL;
    assert_int_equal(nm_config_load(&config, config_path, &set, set ? 1 : 0), NM_OK);
    options.quiet = 1;
    size_t bytes = 0;
    FILE *stream = summary ? open_memstream(summary, &bytes) : NULL;
    nm_status status = nm_run(config, model, &options, stream);
    if (stream) {
        fclose(stream);
    }
    nm_config_destroy(&config);
    return status;
}

static nm_status run_scan(nm_run_options options)
{
    return run_model(&nm_model_fake_cell, options, NULL, NULL);
}

static int exists(const char *path, const char *suffix)
{
    char *whole = nm_file_format("%s%s", path, suffix);
    int found = access(whole, F_OK) == 0;
    free(whole);
    return found;
}

static void assert_same_files(const char *path_a, const char *path_b)
{
    char *a = NULL, *b = NULL;
    size_t n_a = 0, n_b = 0;
    assert_int_equal(nm_file_read(&a, &n_a, path_a), NM_OK);
    assert_int_equal(nm_file_read(&b, &n_b, path_b), NM_OK);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, n_a);
    free(a);
    free(b);
}

/* `words` stand in the last line of the diary of out_path */
static void assert_diary_says(const char *words)
{
    char *diary = NULL, *diary_path = nm_file_format("%s.runlog.jsonl", out_path);
    size_t bytes;
    assert_int_equal(nm_file_read(&diary, &bytes, diary_path), NM_OK);
    assert_true(bytes > 1 && diary[bytes - 1] == '\n');
    diary[bytes - 1] = '\0';
    const char *last = strrchr(diary, '\n');
    assert_non_null(strstr(last ? last : diary, words));
    free(diary);
    free(diary_path);
}

/* --- a run from start to end ------------------------------------------------------------------ */

static void a_run_ends_in_a_file_and_a_diary(void **state)
{
    (void)state;
    char *summary = NULL;
    assert_int_equal(
        run_model(&nm_model_fake_cell, (nm_run_options){.output = out_path}, NULL, &summary),
        NM_OK);
    assert_true(exists(out_path, ""));
    assert_false(exists(out_path, ".parts"));
    assert_non_null(strstr(summary, "Where does the fake cell burst?"));
    assert_non_null(strstr(summary, "9,000: g_Na (100) x K_o (90)"));
    assert_non_null(strstr(summary, "where g_Na >"));
    assert_non_null(strstr(summary, "sets/s"));
    free(summary);
    assert_diary_says("\"status\":\"OK\"");
    assert_diary_says("\"points_computed\":9000");
}

static void a_finished_file_is_not_computed_again(void **state)
{
    (void)state;
    assert_int_equal(run_scan((nm_run_options){.output = out_path}), NM_OK);
    struct stat before, after;
    assert_int_equal(stat(out_path, &before), 0);
    char *summary = NULL;
    assert_int_equal(
        run_model(&nm_model_fake_cell, (nm_run_options){.output = out_path}, NULL, &summary),
        NM_OK);
    assert_int_equal(stat(out_path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_non_null(strstr(summary, "NESS"));
    assert_null(strstr(summary, "sets/s"));
    free(summary);

    /* fresh makes the same bytes anew; a run made from other tiles and threads does too */
    assert_int_equal(run_scan((nm_run_options){.output = other_path, .n_threads = 3, .lanes = 1}),
                     NM_OK);
    assert_int_equal(run_scan((nm_run_options){.output = out_path, .fresh = 1}), NM_OK);
    assert_int_equal(stat(out_path, &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
}

static void other_files_are_never_written_over(void **state)
{
    (void)state;
    assert_int_equal(run_scan((nm_run_options){.output = out_path}), NM_OK);
    assert_int_equal(run_model(&nm_model_fake_cell,
                               (nm_run_options){.output = out_path, .fresh = 1}, "T=300", NULL),
                     NM_FINGERPRINT);
    assert_non_null(strstr(nm_last_error(), "another question"));

    static const char letter[] = "a letter to my grandmother";
    assert_int_equal(nm_file_replace(other_path, letter, sizeof letter), NM_OK);
    assert_int_equal(run_scan((nm_run_options){.output = other_path}), NM_USAGE);
    assert_int_equal(run_scan((nm_run_options){.output = other_path, .fresh = 1}), NM_USAGE);
    char *text = NULL;
    size_t bytes;
    assert_int_equal(nm_file_read(&text, &bytes, other_path), NM_OK);
    assert_string_equal(text, letter);
    free(text);
    assert_false(exists(other_path, ".parts"));
}

static void a_wrong_output_is_named_and_nothing_is_written(void **state)
{
    (void)state;
    assert_int_equal(run_scan((nm_run_options){.output = folder}), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), folder));
    assert_int_equal(run_scan((nm_run_options){.output = "no/such/folder/out.nc"}), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "no/such/folder"));
    assert_int_equal(run_scan((nm_run_options){.output = ""}), NM_USAGE);
    assert_int_equal(run_scan((nm_run_options){.output = out_path, .backend = "gpu"}), NM_USAGE);
    assert_int_equal(run_scan((nm_run_options){.output = out_path, .backend = "cuda"}), NM_DEVICE);
    assert_int_equal(run_scan((nm_run_options){.output = out_path, .lanes = 5}), NM_USAGE);
    assert_int_equal(run_scan((nm_run_options){.output = out_path, .shard = 3, .n_shards = 3}),
                     NM_USAGE);
    assert_false(exists(out_path, ""));
    assert_false(exists(out_path, ".parts"));
}

/* --- interruption and resume ------------------------------------------------------------------ */

/* a cell whose kernel asks for a stop after some tiles */
static atomic_int n_tiles_left;

static int run_then_interrupt(const nm_task *task, nm_tile *tile)
{
    if (n_tiles_left-- <= 1) {
        nm_run_interrupt();
    }
    return nm_model_fake_cell.kernels[0].run(task, tile);
}

static void an_interrupted_run_resumes_to_the_same_bytes(void **state)
{
    (void)state;
    assert_int_equal(run_scan((nm_run_options){.output = other_path}), NM_OK);

    static const nm_kernel kernels[] = {{1, run_then_interrupt}};
    nm_model model = nm_model_fake_cell;
    model.kernels = kernels;
    model.n_kernels = 1;
    n_tiles_left = 5;
    assert_int_equal(
        run_model(&model, (nm_run_options){.output = out_path, .n_threads = 1}, NULL, NULL),
        NM_INTERRUPTED);
    assert_non_null(strstr(nm_last_error(), "5 of "));
    assert_false(exists(out_path, ""));
    assert_true(exists(out_path, ".parts"));
    assert_diary_says("\"status\":\"INTERRUPTED\"");
    n_tiles_left = 7;
    assert_int_equal(
        run_model(&model, (nm_run_options){.output = out_path, .n_threads = 2}, NULL, NULL),
        NM_INTERRUPTED);

    /* the question must be the same, or a new start must be asked for */
    assert_int_equal(
        run_model(&nm_model_fake_cell, (nm_run_options){.output = out_path}, "T=300", NULL),
        NM_FINGERPRINT);
    assert_int_equal(run_scan((nm_run_options){.output = out_path}), NM_OK);
    assert_false(exists(out_path, ".parts"));
    assert_same_files(out_path, other_path);
}

static void a_run_stopped_before_its_first_tile_is_in_the_diary(void **state)
{
    (void)state;
    nm_run_interrupt();
    assert_int_equal(run_scan((nm_run_options){.output = out_path}), NM_INTERRUPTED);
    assert_diary_says("\"status\":\"INTERRUPTED\"");
    assert_diary_says("\"points_computed\":0,");
    assert_int_equal(run_scan((nm_run_options){.output = out_path}), NM_OK);
    assert_diary_says("\"status\":\"OK\"");
}

static void an_unfinished_run_assembles_in_part(void **state)
{
    (void)state;
    static const nm_kernel kernels[] = {{1, run_then_interrupt}};
    nm_model model = nm_model_fake_cell;
    model.kernels = kernels;
    model.n_kernels = 1;
    n_tiles_left = 5;
    assert_int_equal(
        run_model(&model, (nm_run_options){.output = out_path, .n_threads = 1}, NULL, NULL),
        NM_INTERRUPTED);

    nm_config *config = NULL;
    char *parts = nm_file_format("%s.parts", out_path), *text = NULL, *fingerprint = NULL,
         *summary = NULL;
    assert_int_equal(nm_journal_manifest(parts, &text, &fingerprint), NM_OK);
    assert_int_equal(nm_config_load(&config, config_path, NULL, 0), NM_OK);
    assert_int_equal(nm_run_assemble(config, &nm_model_fake_cell, out_path, fingerprint, 0, NULL),
                     NM_INTERRUPTED);
    assert_false(exists(out_path, ""));
    size_t bytes;
    FILE *stream = open_memstream(&summary, &bytes);
    assert_int_equal(nm_run_assemble(config, &nm_model_fake_cell, out_path, fingerprint, 1, stream),
                     NM_OK);
    fclose(stream);
    assert_non_null(strstr(summary, "not computed yet"));
    assert_non_null(strstr(summary, "out.partial.nc"));

    /* the partial file is no answer, and the parts are still there to go on with */
    assert_false(exists(out_path, ""));
    assert_true(exists(out_path, ".parts"));
    assert_int_equal(run_scan((nm_run_options){.output = out_path}), NM_OK);
    nm_config_destroy(&config);
    free(summary);
    free(fingerprint);
    free(text);
    free(parts);
}

/* --- shards, locks, failures ------------------------------------------------------------------ */

static void the_last_shard_assembles(void **state)
{
    (void)state;
    assert_int_equal(run_scan((nm_run_options){.output = other_path}), NM_OK);
    assert_int_equal(run_scan((nm_run_options){.output = out_path, .shard = 1, .n_shards = 3}),
                     NM_OK);
    assert_int_equal(run_scan((nm_run_options){.output = out_path, .shard = 0, .n_shards = 3}),
                     NM_OK);
    assert_int_equal(run_scan((nm_run_options){.output = out_path, .shard = 0, .n_shards = 3}),
                     NM_OK);
    assert_false(exists(out_path, ""));
    assert_int_equal(run_scan((nm_run_options){.output = out_path, .shard = 2, .n_shards = 3}),
                     NM_OK);
    assert_true(exists(out_path, ""));
    assert_false(exists(out_path, ".parts"));
}

static void a_second_run_is_locked_out(void **state)
{
    (void)state;
    nm_config *config = NULL;
    nm_plan *plan = NULL;
    nm_journal *journal = NULL;
    assert_int_equal(nm_config_load(&config, config_path, NULL, 0), NM_OK);
    assert_int_equal(nm_plan_build(&plan, config, &nm_model_fake_cell, "cpu"), NM_OK);
    assert_int_equal(nm_journal_open(&journal, out_path, plan, 0), NM_OK);
    assert_int_equal(run_scan((nm_run_options){.output = out_path}), NM_LOCKED);
    nm_journal_close(&journal, 0);
    assert_int_equal(run_scan((nm_run_options){.output = out_path}), NM_OK);
    nm_plan_destroy(&plan);
    nm_config_destroy(&config);
}

static void a_part_is_assembled_beside_a_run(void **state)
{
    (void)state;
    nm_config *config = NULL;
    nm_plan *plan = NULL;
    nm_journal *journal = NULL;
    nm_run_interrupt();
    assert_int_equal(run_scan((nm_run_options){.output = out_path}), NM_INTERRUPTED);
    assert_int_equal(nm_config_load(&config, config_path, NULL, 0), NM_OK);
    assert_int_equal(nm_plan_build(&plan, config, &nm_model_fake_cell, "cpu"), NM_OK);
    assert_int_equal(nm_journal_open(&journal, out_path, plan, 0), NM_OK);

    /* again and again, as the run goes on, whose lock is no hindrance */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            nm_run_assemble(config, &nm_model_fake_cell, out_path, plan->fingerprint, 1, NULL),
            NM_OK);
        assert_true(exists(out_path, ".parts"));
    }
    assert_int_equal(
        nm_run_assemble(config, &nm_model_fake_cell, out_path, plan->fingerprint, 0, NULL),
        NM_LOCKED);
    nm_journal_close(&journal, 0);
    nm_plan_destroy(&plan);
    nm_config_destroy(&config);
}

/* --- runs side by side ------------------------------------------------------------------------ */

typedef struct side {
    const nm_config *config;
    const nm_model *model;
    nm_run_options options;
    nm_status status;
    char error[256];
    atomic_int *has_ended; /* or NULL */
} side;

static void *run_side(void *argument)
{
    side *s = argument;
    s->status = nm_run(s->config, s->model, &s->options, NULL);
    snprintf(s->error, sizeof s->error, "%s", nm_last_error());
    if (s->has_ended) {
        atomic_store(s->has_ended, 1);
    }
    return NULL;
}

static void run_both(side *a, side *b)
{
    pthread_t threads[2];
    assert_int_equal(pthread_create(&threads[0], NULL, run_side, a), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, run_side, b), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

static void runs_side_by_side_make_the_same_files(void **state)
{
    (void)state;
    static const char *const settings[] = {"output.compression=0", "output.compression=4",
                                           "output.compression=1", "output.compression=9"};
    enum { ROUNDS = 16 }; /* so many that calls of NetCDF meet if they can */
    char *paths[ROUNDS][2];
    for (int k = 0; k < ROUNDS; k++) {
        nm_config *config = NULL;
        assert_int_equal(nm_config_load(&config, config_path, &settings[k % 4], 1), NM_OK);
        side sides[2];
        for (int i = 0; i < 2; i++) {
            paths[k][i] = nm_file_format("%s/side%d%d.nc", folder, k, i);
            sides[i] = (side){.config = config,
                              .model = &nm_model_fake_cell,
                              .options = {.output = paths[k][i], .n_threads = 2, .quiet = 1}};
        }
        run_both(&sides[0], &sides[1]);
        for (int i = 0; i < 2; i++) {
            assert_string_equal(sides[i].status == NM_OK ? "" : sides[i].error, "");
        }
        nm_config_destroy(&config);
        assert_int_equal(run_model(&nm_model_fake_cell,
                                   (nm_run_options){.output = other_path, .fresh = 1},
                                   settings[k % 4], NULL),
                         NM_OK);
        for (int i = 0; i < 2; i++) {
            assert_same_files(paths[k][i], other_path);
            free(paths[k][i]);
        }
        unlink(other_path);
    }
}

static void one_output_is_for_one_of_them(void **state)
{
    (void)state;
    nm_config *config = NULL;
    assert_int_equal(nm_config_load(&config, config_path, NULL, 0), NM_OK);
    side sides[2];
    for (int i = 0; i < 2; i++) {
        sides[i] = (side){.config = config,
                          .model = &nm_model_fake_cell,
                          .options = {.output = out_path, .n_threads = 1, .quiet = 1}};
    }
    run_both(&sides[0], &sides[1]);
    /* the other one came too early, or so late that the file was there */
    assert_true(sides[0].status == NM_OK || sides[1].status == NM_OK);
    for (int i = 0; i < 2; i++) {
        assert_true(sides[i].status == NM_OK || sides[i].status == NM_LOCKED);
        assert_true(sides[i].status == NM_OK || strstr(sides[i].error, out_path));
    }
    nm_config_destroy(&config);
}

static atomic_int second_has_begun, first_has_ended;

static void wait_for(atomic_int *what)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    for (int i = 0; i < 20000 && !atomic_load(what); i++) {
        nanosleep(&nap, NULL);
    }
}

static int run_as_first(const nm_task *task, nm_tile *tile)
{
    wait_for(&second_has_begun);
    nm_run_interrupt();
    return nm_model_fake_cell.kernels[0].run(task, tile);
}

static int run_as_second(const nm_task *task, nm_tile *tile)
{
    atomic_store(&second_has_begun, 1);
    wait_for(&first_has_ended);
    return nm_model_fake_cell.kernels[0].run(task, tile);
}

static void all_of_them_stop_and_the_next_one_does_not(void **state)
{
    (void)state;
    static const nm_kernel kernels[2][1] = {{{1, run_as_first}}, {{1, run_as_second}}};
    nm_config *config = NULL;
    assert_int_equal(nm_config_load(&config, config_path, NULL, 0), NM_OK);
    nm_model models[2] = {nm_model_fake_cell, nm_model_fake_cell};
    side sides[2];
    for (int i = 0; i < 2; i++) {
        models[i].kernels = kernels[i];
        models[i].n_kernels = 1;
        sides[i] = (side){
            .config = config,
            .model = &models[i],
            .options = {.output = i == 0 ? out_path : other_path, .n_threads = 1, .quiet = 1},
            .has_ended = i == 0 ? &first_has_ended : NULL};
    }
    run_both(&sides[0], &sides[1]);
    assert_int_equal(sides[0].status, NM_INTERRUPTED);
    assert_int_equal(sides[1].status, NM_INTERRUPTED);
    assert_int_equal(run_scan((nm_run_options){.output = out_path}), NM_OK);
    nm_config_destroy(&config);
}

/* every hundredth point gives up */
static int run_and_fail(const nm_task *task, nm_tile *tile)
{
    int result = nm_model_fake_cell.kernels[0].run(task, tile);
    for (int64_t i = 0; i < tile->n; i++) {
        if ((tile->first + i) % 100 == 0) {
            tile->outcome[i] = NM_OUTCOME_not_converged;
        }
    }
    return result;
}

static void too_many_failures_are_told_beside_the_whole_file(void **state)
{
    (void)state;
    static const nm_kernel kernels[] = {{1, run_and_fail}};
    nm_model model = nm_model_fake_cell;
    model.kernels = kernels;
    model.n_kernels = 1;
    assert_int_equal(run_model(&model, (nm_run_options){.output = out_path}, NULL, NULL),
                     NM_FAILED_POINTS);
    assert_non_null(strstr(nm_last_error(), "max_failed"));
    assert_true(exists(out_path, ""));
    assert_int_equal(run_model(&model, (nm_run_options){.output = out_path}, NULL, NULL),
                     NM_FAILED_POINTS);
    assert_int_equal(
        run_model(&model, (nm_run_options){.output = other_path}, "limits.max_failed=0.02", NULL),
        NM_OK);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_run_ends_in_a_file_and_a_diary),
        IN_FOLDER(a_finished_file_is_not_computed_again),
        IN_FOLDER(other_files_are_never_written_over),
        IN_FOLDER(a_wrong_output_is_named_and_nothing_is_written),
        IN_FOLDER(an_interrupted_run_resumes_to_the_same_bytes),
        IN_FOLDER(a_run_stopped_before_its_first_tile_is_in_the_diary),
        IN_FOLDER(an_unfinished_run_assembles_in_part),
        IN_FOLDER(the_last_shard_assembles),
        IN_FOLDER(a_second_run_is_locked_out),
        IN_FOLDER(a_part_is_assembled_beside_a_run),
        IN_FOLDER(runs_side_by_side_make_the_same_files),
        IN_FOLDER(one_output_is_for_one_of_them),
        IN_FOLDER(all_of_them_stop_and_the_next_one_does_not),
        IN_FOLDER(too_many_failures_are_told_beside_the_whole_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
