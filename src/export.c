/* Writes the folder of an export: under a temporary name, piece by piece, with a note of how far it
 * came; whole, it gets its own name.
 *
 *   OUT.data.tmp/question   what is being written: another question begins anew
 *   OUT.data.tmp/progress   "rows N": so many rows of every array are on the disk
 *   OUT.data.tmp/lock       held by flock while an export lives
 *
 *   1. the folder   2. rows   3. the whole */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "export_parts.h"
#include "files.h"
#include "words.h"

typedef struct job {
    FILE *notes;
    nm_export_source source;
    nm_split split;
    nm_export_sums sums;
    char *folder, *temporary, *question;
    int lock, fd[NM_N_EXPORTS];
    char *path[NM_N_EXPORTS]; /* of the arrays, under the temporary name */
    void *rows[NM_N_EXPORTS];
    int64_t n_done;
    double checked, check_s; /* when progress was noted, and how long that took, seconds */
} job;

static double clock_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* --- 1. the folder ------------------------------------------------------------------------------ */

/* "maps/leak.nc" -> "maps/leak.data"; a slash at the end of a given name is no part of it */
static nm_status choose_folder(job *j, const char *path, const char *given)
{
    size_t length = strlen(given ? given : path);
    if (given && length == 0) {
        return nm_fail(NM_USAGE, "-o: the name of the folder is empty; give one such as out.data");
    }
    while (given && length > 1 && given[length - 1] == '/') {
        length--;
    }
    if (!given && length > 3 && strcmp(path + length - 3, ".nc") == 0) {
        length -= 3;
    }
    j->folder = nm_file_format("%.*s%s", (int)length, given ? given : path, given ? "" : ".data");
    j->temporary = j->folder ? nm_file_format("%s.tmp", j->folder) : NULL;
    return j->temporary ? NM_OK : nm_fail(NM_MEMORY, "no memory for a path");
}

/* What stands under the name already. is_done: the answer to this question. */
static nm_status look(int *is_done, const job *j, int fresh)
{
    char found[NM_EXPORT_HASH_TEXT], wanted[NM_EXPORT_HASH_TEXT];
    struct stat info;
    *is_done = 0;
    if (stat(j->folder, &info) != 0) {
        return NM_OK;
    }
    nm_meta_question(found, j->folder);
    if (found[0] == '\0') {
        return nm_fail(NM_USAGE,
                       "%s exists and is not a folder of nessmap export; it is left as it is: move "
                       "it away or choose another -o",
                       j->folder);
    }
    nm_hash hash = nm_hash_start();
    nm_hash_bytes(&hash, j->question, strlen(j->question));
    nm_export_hash_text(wanted, &hash);
    if (!fresh && strcmp(found, wanted) != 0) {
        return nm_fail(NM_FINGERPRINT,
                       "%s holds another file, other columns or another split; remove it, choose "
                       "another -o, or replace it by --fresh",
                       j->folder);
    }
    *is_done = !fresh;
    return NM_OK;
}

/* Removes the files that an export makes, and the folder where that leaves it empty. */
static void clear_folder(const char *folder, int is_whole)
{
    static const char *const others[] = {"meta.json", "meta.json.tmp", "question",
                                         "progress",  "progress.tmp",  "question.tmp"};
    for (size_t i = 0; i < NM_N_EXPORTS + sizeof others / sizeof *others; i++) {
        char *path = nm_file_format(
            "%s/%s", folder, i < NM_N_EXPORTS ? nm_export_name[i] : others[i - NM_N_EXPORTS]);
        if (path) {
            unlink(path);
        }
        free(path);
    }
    if (is_whole) {
        rmdir(folder);
    }
}

static nm_status take_lock(job *j)
{
    if (mkdir(j->temporary, 0777) != 0 && errno != EEXIST) {
        return nm_fail(NM_IO, "cannot create the folder '%s': %s", j->temporary, strerror(errno));
    }
    char *path = nm_file_format("%s/lock", j->temporary);
    if (!path) {
        return nm_fail(NM_MEMORY, "no memory for a path");
    }
    nm_status status = NM_OK;
    j->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (j->lock < 0) {
        status = nm_fail(NM_IO, "cannot open the lock '%s': %s", path, strerror(errno));
    } else if (flock(j->lock, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK
                     ? nm_fail(NM_LOCKED, "another export writes %s; wait for its end", j->folder)
                     : nm_fail(NM_IO, "cannot lock '%s': %s (does this file system have locks?)",
                               path, strerror(errno));
    }
    free(path);
    return status;
}

/* Reads how far an earlier call came with this question; else it begins anew. */
static nm_status find_progress(job *j, int fresh)
{
    char *question_path = nm_file_format("%s/question", j->temporary);
    char *progress_path = nm_file_format("%s/progress", j->temporary), *text = NULL;
    size_t length;
    long long n = 0;
    nm_status status =
        question_path && progress_path ? NM_OK : nm_fail(NM_MEMORY, "no memory for a path");
    int is_same = status == NM_OK && !fresh && access(question_path, R_OK) == 0 &&
                  nm_file_read(&text, &length, question_path) == NM_OK &&
                  strcmp(text, j->question) == 0;
    free(text);
    text = NULL;
    if (is_same && access(progress_path, R_OK) == 0 &&
        nm_file_read(&text, &length, progress_path) == NM_OK &&
        sscanf(text, "rows %lld", &n) == 1 && n >= 0 && n <= j->source.shape.n) {
        j->n_done = n;
    }
    free(text);
    if (status == NM_OK && !is_same) {
        clear_folder(j->temporary, 0);
        status = nm_file_replace(question_path, j->question, strlen(j->question));
    }
    free(question_path);
    free(progress_path);
    return status;
}

static nm_status check_disk(const job *j)
{
    const double free_bytes = nm_file_free_bytes(j->temporary);
    double needed = 65536.0;
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        needed += (double)nm_export_file_bytes(&j->source.shape, i) -
                  (double)(j->n_done * nm_export_row_bytes(&j->source.shape, i));
    }
    char needed_words[NM_WORDS], free_words[NM_WORDS];
    return free_bytes < 0.0 || needed <= free_bytes
               ? NM_OK
               : nm_fail(NM_IO,
                         "%s: the export needs %s more disk, and its file system has %s free; free "
                         "some, choose "
                         "another folder with -o, or export less (--inputs, --outputs)",
                         j->folder, nm_words_bytes(needed_words, needed),
                         nm_words_bytes(free_words, free_bytes));
}

/* --- 2. rows ------------------------------------------------------------------------------------ */

/* Opens the arrays and cuts off what lies behind the rows that are noted. */
static nm_status open_arrays(job *j)
{
    const nm_export_shape *shape = &j->source.shape;
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        int64_t row_bytes = nm_export_row_bytes(shape, i);
        if (row_bytes == 0) {
            continue;
        }
        struct stat info;
        j->path[i] = nm_file_format("%s/%s", j->temporary, nm_export_name[i]);
        j->rows[i] = malloc((size_t)row_bytes * (size_t)j->source.piece_rows);
        if (!j->path[i] || !j->rows[i]) {
            return nm_fail(NM_MEMORY, "out of memory for the rows of '%s'", j->folder);
        }
        j->fd[i] = open(j->path[i], O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (j->fd[i] < 0 || fstat(j->fd[i], &info) != 0) {
            return nm_fail(NM_IO, "cannot open '%s': %s", j->path[i], strerror(errno));
        }
        /* somebody shortened it: what is there of it cannot be told from what was lost */
        if (info.st_size < NM_NPY_BYTES + j->n_done * row_bytes) {
            j->n_done = 0;
        }
    }
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        char header[NM_NPY_BYTES];
        if (!j->path[i]) {
            continue;
        }
        nm_npy_header(header, shape, i);
        if (ftruncate(j->fd[i], NM_NPY_BYTES + j->n_done * nm_export_row_bytes(shape, i)) != 0 ||
            lseek(j->fd[i], 0, SEEK_SET) < 0) {
            return nm_fail(NM_IO, "cannot write '%s': %s", j->path[i], strerror(errno));
        }
        NM_TRY(nm_file_write(j->fd[i], j->path[i], header, sizeof header));
        if (lseek(j->fd[i], 0, SEEK_END) < 0) {
            return nm_fail(NM_IO, "cannot write '%s': %s", j->path[i], strerror(errno));
        }
    }
    return NM_OK;
}

/* Forces the rows to the disk and notes their number. */
static nm_status note_progress(job *j)
{
    double start = clock_s();
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        if (j->path[i] && fsync(j->fd[i]) != 0) {
            return nm_fail(NM_IO, "cannot force '%s' to the disk: %s", j->path[i], strerror(errno));
        }
    }
    char *path = nm_file_format("%s/progress", j->temporary), text[64];
    int length = snprintf(text, sizeof text, "rows %" PRId64 "\n", j->n_done);
    nm_status status = path ? nm_file_replace(path, text, (size_t)length)
                            : nm_fail(NM_MEMORY, "no memory for a path");
    free(path);
    j->checked = clock_s();
    j->check_s = j->checked - start;
    return status;
}

static nm_status write_piece(job *j, int64_t n)
{
    const nm_export_shape *shape = &j->source.shape;
    NM_TRY(nm_export_read(&j->source, j->rows, j->n_done, n));
    const float *inputs = j->rows[NM_EXPORT_inputs];
    uint8_t *split = j->rows[NM_EXPORT_split];
    for (int64_t i = 0; i < n; i++) {
        split[i] = (uint8_t)nm_split_of(&j->split, j->n_done + i, inputs + i * shape->n_inputs);
    }
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        if (j->path[i]) {
            NM_TRY(nm_file_write(j->fd[i], j->path[i], j->rows[i],
                                 (size_t)(n * nm_export_row_bytes(shape, i))));
        }
    }
    return NM_OK;
}

/* A note costs a sync: the first is made at once, later ones for a small share of the time. */
static nm_status write_rows(job *j)
{
    const int64_t n_rows = j->source.shape.n;
    NM_TRY(open_arrays(j));
    for (int64_t first = j->n_done; j->n_done < n_rows;) {
        int64_t left = n_rows - j->n_done;
        int64_t n = left < j->source.piece_rows ? left : j->source.piece_rows;
        nm_status status = write_piece(j, n);
        if (status != NM_OK) {
            char reason[1024];
            snprintf(reason, sizeof reason, "%s", nm_last_error());
            note_progress(j); /* the next call goes on here; what went wrong is said already */
            return nm_fail(status, "%s", reason);
        }
        j->n_done += n;
        if (j->n_done == n_rows || j->n_done - n == first ||
            clock_s() - j->checked > 1.0 + 20.0 * j->check_s) {
            NM_TRY(note_progress(j));
        }
    }
    return NM_OK;
}

/* --- 3. the whole ------------------------------------------------------------------------------- */

static nm_status prepare(job *j, const char *path, const nm_plan *plan,
                         const nm_export_options *options)
{
    const char *names[NM_MAX_PARAMS];
    NM_TRY(choose_folder(j, path, options->output));
    NM_TRY(nm_export_open(&j->source, path, plan, options));
    NM_TRY(
        nm_split_read(&j->split, options, plan->task.draw.group > 1 ? plan->task.draw.group : 1));
    for (int i = 0; i < j->source.shape.n_inputs; i++) {
        names[i] = j->source.inputs[i].name;
    }
    for (int i = 0; i < options->n_hold_outs; i++) {
        NM_TRY(
            nm_split_hold_out(&j->split, options->hold_outs[i], names, j->source.shape.n_inputs));
    }
    return nm_meta_text(&j->question, &j->source, &j->split, NULL);
}

/* Reads the arrays back from the disk, says what they hold, and gives the folder its name. */
static nm_status finish(job *j, int fresh)
{
    int is_log[NM_MAX_PARAMS];
    char *meta_path = nm_file_format("%s/meta.json", j->temporary), *text = NULL;
    for (int i = 0; i < j->source.shape.n_inputs; i++) {
        is_log[i] = strcmp(j->source.inputs[i].scale, "log") == 0;
    }
    nm_status status = meta_path ? nm_export_sum(&j->sums, j->temporary, &j->source.shape, is_log)
                                 : nm_fail(NM_MEMORY, "no memory for a path");
    if (status == NM_OK) {
        status = nm_meta_text(&text, &j->source, &j->split, &j->sums);
    }
    if (status == NM_OK) {
        status = nm_file_replace(meta_path, text, strlen(text));
    }
    free(text);
    free(meta_path);
    NM_TRY(status);
    static const char *const notes[] = {"question", "progress", "lock"};
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        char *path = nm_file_format("%s/%s", j->temporary, notes[i]);
        if (path) {
            unlink(path);
        }
        free(path);
    }
    if (fresh) {
        clear_folder(j->folder, 1);
    }
    if (rename(j->temporary, j->folder) != 0) {
        return nm_fail(NM_IO, "cannot rename '%s' to '%s': %s", j->temporary, j->folder,
                       strerror(errno));
    }
    return nm_file_sync_folder_of(j->folder);
}

static void tell(const job *j)
{
    char words[NM_WORDS];
    const nm_export_shape *shape = &j->source.shape;
    const int64_t *counts = nm_export_counts(&j->sums);
    int64_t n_valid = 0;
    double bytes = 0.0;
    for (int i = 0; i < NM_N_OUTCOMES; i++) {
        n_valid += nm_outcome_has_values(i) ? counts[i] : 0;
    }
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        bytes += (double)nm_export_file_bytes(shape, i);
    }
    fprintf(j->notes, "%s: %s rows", j->folder, nm_words_count(words, shape->n));
    fprintf(j->notes, " of %d input%s and %d output%s%s, ", shape->n_inputs,
            shape->n_inputs == 1 ? "" : "s", shape->n_outputs, shape->n_outputs == 1 ? "" : "s",
            shape->has_slopes ? " with derivatives" : "");
    fprintf(j->notes, "%s\n", nm_words_bytes(words, bytes));
    fprintf(j->notes, "  %s with a steady state", nm_words_share(words, n_valid, shape->n));
    fprintf(j->notes, ", %s multistable\n", nm_words_share(words, counts[NM_N_OUTCOMES], shape->n));
    fputs("  rows", j->notes);
    for (int i = 0; i < NM_N_SPLITS; i++) {
        fprintf(j->notes, "%s %s %s", i > 0 ? "," : "", nm_words_count(words, j->sums.split[i]),
                nm_split_name[i]);
    }
    fputc('\n', j->notes);
    if (j->source.missing_slope[0]) {
        fprintf(
            j->notes,
            "  no dY_dX.npy: the file lacks %s; choose --outputs and --inputs whose derivatives "
            "it holds\n",
            j->source.missing_slope);
    }
}

static nm_status run(job *j, const char *path, const nm_plan *plan,
                     const nm_export_options *options)
{
    int is_done;
    NM_TRY(prepare(j, path, plan, options));
    NM_TRY(look(&is_done, j, options->fresh));
    if (is_done) {
        if (j->notes) {
            fprintf(j->notes, "%s is there already, made of the same question\n", j->folder);
        }
        return NM_OK;
    }
    NM_TRY(take_lock(j));
    NM_TRY(find_progress(j, options->fresh));
    NM_TRY(check_disk(j));
    char rows[NM_WORDS];
    if (j->n_done > 0) {
        nm_say("%s: going on after %s rows", j->folder, nm_words_count(rows, j->n_done));
    }
    NM_TRY(write_rows(j));
    NM_TRY(finish(j, options->fresh));
    if (j->notes) {
        tell(j);
    }
    return NM_OK;
}

nm_status nm_export_write(FILE *notes, const char *path, const nm_plan *plan,
                          const nm_export_options *options)
{
    job *j = calloc(1, sizeof *j);
    if (!j) {
        return nm_fail(NM_MEMORY, "out of memory for the export of '%s'", path);
    }
    j->notes = notes;
    j->lock = -1;
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        j->fd[i] = -1;
    }
    nm_status status = run(j, path, plan, options);
    for (int i = 0; i < NM_N_EXPORTS; i++) {
        if (j->fd[i] >= 0) {
            close(j->fd[i]);
        }
        free(j->path[i]);
        free(j->rows[i]);
    }
    if (j->lock >= 0) {
        close(j->lock);
    }
    nm_export_close(&j->source);
    nm_export_sums_destroy(&j->sums);
    free(j->question);
    free(j->folder);
    free(j->temporary);
    free(j);
    return status;
}
