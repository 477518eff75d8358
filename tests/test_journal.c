/* The journal: what was appended is there again, whatever happened to the process or to the bytes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hand_file.h"
#include "journal.h"
#include "manifest.h"

typedef struct bench {
    char folder[64], out[80], parts[96], segment[128];
    nm_plan plan;
    nm_config config;
    unsigned char *payload, *again;
} bench;

/* A grid of 5 x 8 points in tiles of `tile_points`. */
static int set_up(void **state)
{
    bench *b = calloc(1, sizeof *b);
    const char *base = getenv("TMPDIR");
    snprintf(b->folder, sizeof b->folder, "%s/nm_journal_XXXXXX",
             base && strlen(base) < 40 ? base : "/tmp");
    if (!mkdtemp(b->folder)) {
        return -1;
    }
    snprintf(b->out, sizeof b->out, "%s/out.nc", b->folder);
    snprintf(b->parts, sizeof b->parts, "%s.parts", b->out);
    snprintf(b->segment, sizeof b->segment, "%s/seg00000_r0000.nmj", b->parts);
    nm_hand_start(&b->plan, &b->config, 32);
    nm_hand_axis(&b->plan, NM_HAND_a, NM_AXIS_LOG, 5, 0.1, 10);
    nm_hand_axis(&b->plan, NM_HAND_b, NM_AXIS_LINEAR, 8, -1, 1);
    nm_hand_finish(&b->plan, 13);
    b->payload = malloc((size_t)b->plan.record_bytes);
    b->again = malloc((size_t)b->plan.record_bytes);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;
    nm_hand_remove(b->folder);
    free(b->payload);
    free(b->again);
    free(b);
    return 0;
}

static void append(bench *b, nm_journal *journal, int64_t i_tile)
{
    nm_hand_fill(&b->plan, i_tile, b->payload);
    assert_int_equal(
        nm_journal_append(journal, i_tile, b->payload, nm_hand_bytes(&b->plan, i_tile)), NM_OK);
}

static void assert_tile(bench *b, nm_journal *journal, int64_t i_tile)
{
    int64_t bytes = nm_hand_bytes(&b->plan, i_tile);
    nm_hand_fill(&b->plan, i_tile, b->payload);
    assert_int_equal(nm_journal_read(journal, i_tile, b->again, bytes), NM_OK);
    assert_memory_equal(b->payload, b->again, (size_t)bytes);
}

static nm_journal *open_journal(bench *b)
{
    nm_journal *journal;
    assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 0), NM_OK);
    return journal;
}

static void read_manifest(bench *b, nm_manifest *manifest)
{
    char path[128];
    snprintf(path, sizeof path, "%s/manifest.toml", b->parts);
    assert_int_equal(nm_manifest_read(manifest, path), NM_OK);
}

static void write_bytes(const char *path, const unsigned char *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

static void test_round_trip(void **state)
{
    bench *b = *state;
    nm_journal *journal = open_journal(b);
    assert_int_equal(b->plan.n_tiles, 4);
    append(b, journal, 3);
    append(b, journal, 0);
    assert_int_equal(nm_journal_n_done(journal), 2);
    assert_false(nm_journal_has(journal, 1));
    assert_false(nm_journal_has(journal, -1));
    assert_false(nm_journal_has(journal, 4));
    assert_int_equal(nm_journal_read(journal, 1, b->again, b->plan.record_bytes), NM_IO);
    assert_int_equal(nm_journal_append(journal, 1, b->payload, b->plan.record_bytes - 1), NM_IO);
    nm_manifest first, second;
    read_manifest(b, &first);
    assert_int_equal(strlen(first.created), 20);
    nm_journal_close(&journal, 0);
    assert_null(journal);

    /* a second run appends to a segment of its own */
    journal = open_journal(b);
    read_manifest(b, &second);
    assert_string_equal(second.created, first.created);
    assert_int_equal(nm_journal_n_done(journal), 2);
    assert_int_equal(nm_journal_n_torn(journal), 0);
    append(b, journal, 2);
    append(b, journal, 1);
    for (int64_t i = 0; i < 4; i++) {
        assert_tile(b, journal, i);
    }
    nm_journal_close(&journal, 0);
    assert_int_equal(nm_hand_count_files(b->parts), 5); /* manifest, config, lock, two segments */

    journal = open_journal(b);
    for (int64_t i = 0; i < 4; i++) {
        assert_tile(b, journal, i);
    }
    nm_journal_close(&journal, 1);
    assert_int_equal(access(b->parts, F_OK), -1);
}

/* Files whose names are almost those of segments are left alone, and stop nobody. */
static void test_foreign_names(void **state)
{
    static const char *const names[] = {"seg1_r0.nmj", "seg00001_r0000.nmj.bak",
                                        "seg99999999999_r0000.nmj", "seg2147483647_r0000.nmj",
                                        "seg+0001_r0000.nmj"};
    bench *b = *state;
    nm_journal *journal;
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 0), NM_OK);
        assert_int_equal(nm_journal_n_done(journal), turn);
        append(b, journal, turn);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            char path[160];
            snprintf(path, sizeof path, "%s/%s", b->parts, names[i]);
            FILE *file = fopen(path, "w");
            assert_true(file && fputs("not ours", file) >= 0 && fclose(file) == 0);
        }
        nm_journal_close(&journal, 0);
    }
    assert_int_equal(nm_hand_count_files(b->parts), 5 + 5); /* and lock, two texts, two segments */
}

static void test_torn_tail(void **state)
{
    bench *b = *state;
    nm_journal *journal = open_journal(b);
    append(b, journal, 1);
    append(b, journal, 0);
    append(b, journal, 3);
    nm_journal_close(&journal, 0);
    size_t n, last = (size_t)nm_hand_bytes(&b->plan, 3) + NM_JOURNAL_HEADER_BYTES;
    unsigned char *bytes = (unsigned char *)nm_hand_read_bytes(b->segment, &n);
    assert_int_equal(n, 2 * (b->plan.record_bytes + NM_JOURNAL_HEADER_BYTES) + (int64_t)last);
    /* whatever is cut off: the whole records before it count */
    const size_t whole = (size_t)b->plan.record_bytes + NM_JOURNAL_HEADER_BYTES;
    for (size_t cut = 1; cut <= n; cut++) {
        const size_t left = n - cut;
        const int64_t n_whole = (int64_t)(left / whole);
        write_bytes(b->segment, bytes, left);
        journal = open_journal(b);
        assert_int_equal(nm_journal_n_done(journal), n_whole);
        assert_int_equal(nm_journal_has(journal, 1), n_whole > 0);
        assert_int_equal(nm_journal_has(journal, 0), n_whole > 1);
        assert_false(nm_journal_has(journal, 3));
        assert_int_equal(nm_journal_n_torn(journal), left % whole != 0);
        nm_journal_close(&journal, 0);
    }
    /* the torn tile is computed again, in another segment */
    write_bytes(b->segment, bytes, n - 1);
    free(bytes);
    journal = open_journal(b);
    append(b, journal, 3);
    nm_journal_close(&journal, 0);
    journal = open_journal(b);
    assert_int_equal(nm_journal_n_done(journal), 3);
    assert_tile(b, journal, 3);
    nm_journal_close(&journal, 0);
}

static void test_flipped_bytes(void **state)
{
    bench *b = *state;
    nm_journal *journal = open_journal(b);
    append(b, journal, 0);
    append(b, journal, 3);
    append(b, journal, 1);
    nm_journal_close(&journal, 0);
    size_t n, first = (size_t)b->plan.record_bytes + NM_JOURNAL_HEADER_BYTES;
    size_t second = first + (size_t)nm_hand_bytes(&b->plan, 3) + NM_JOURNAL_HEADER_BYTES;
    unsigned char *bytes = (unsigned char *)nm_hand_read_bytes(b->segment, &n);
    for (size_t i = 0; i < n; i++) {
        bytes[i] ^= (unsigned char)(1 << (i % 8));
        write_bytes(b->segment, bytes, n);
        bytes[i] ^= (unsigned char)(1 << (i % 8));
        journal = open_journal(b);
        /* nothing from a damaged record on is trusted */
        const int64_t n_before = (i >= first) + (i >= second);
        assert_int_equal(nm_journal_n_done(journal), n_before);
        assert_int_equal(nm_journal_has(journal, 0), n_before > 0);
        assert_int_equal(nm_journal_has(journal, 3), n_before > 1);
        assert_int_equal(nm_journal_n_torn(journal), 1);
        nm_journal_close(&journal, 0);
    }

    /* damage after the scan is found on reading, and the next run computes the tile again */
    write_bytes(b->segment, bytes, n);
    journal = open_journal(b);
    assert_int_equal(nm_journal_n_done(journal), 3);
    bytes[n - 1] ^= 1;
    write_bytes(b->segment, bytes, n);
    assert_tile(b, journal, 3);
    assert_int_equal(nm_journal_read(journal, 1, b->again, nm_hand_bytes(&b->plan, 1)), NM_IO);
    assert_non_null(strstr(nm_last_error(), "damaged"));
    nm_journal_close(&journal, 0);
    free(bytes);
}

static void test_fingerprint(void **state)
{
    bench *b = *state;
    nm_journal *journal = open_journal(b);
    append(b, journal, 0);
    nm_journal_close(&journal, 0);
    nm_plan other = b->plan;
    other.fingerprint[31] = 'e';
    assert_int_equal(nm_journal_open(&journal, b->out, &other, 0), NM_FINGERPRINT);
    assert_null(journal);
    assert_non_null(strstr(nm_last_error(), "--fresh"));
    assert_non_null(strstr(nm_last_error(), "-o"));
    other = b->plan;
    other.tile_points = 12;
    assert_int_equal(nm_journal_open(&journal, b->out, &other, 0), NM_FINGERPRINT);
    journal = open_journal(b);
    assert_tile(b, journal, 0);
    nm_journal_close(&journal, 0);

    /* a foreign segment in a folder whose manifest fits */
    size_t n;
    unsigned char *bytes = (unsigned char *)nm_hand_read_bytes(b->segment, &n);
    other = b->plan;
    other.fingerprint[0] = 'f';
    assert_int_equal(nm_journal_open(&journal, b->out, &other, 1), NM_OK);
    assert_int_equal(nm_journal_n_done(journal), 0);
    nm_journal_close(&journal, 0);
    write_bytes(b->segment, bytes, n);
    free(bytes);
    assert_int_equal(nm_journal_open(&journal, b->out, &other, 0), NM_FINGERPRINT);
    assert_non_null(strstr(nm_last_error(), "--fresh"));
    assert_int_equal(nm_journal_open(&journal, b->out, &other, 1), NM_OK);
    nm_journal_close(&journal, 0);
}

static void test_lock(void **state)
{
    bench *b = *state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        nm_journal *journal;
        nm_status status = nm_journal_open(&journal, b->out, &b->plan, 0);
        byte = status == NM_OK ? 'y' : 'n';
        alarm(20); /* the test may fail before it kills this process */
        if (write(ready[1], &byte, 1) == 1) {
            pause();
        }
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    nm_journal *journal;
    assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 0), NM_LOCKED);
    assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 1), NM_LOCKED);
    char pid[32];
    snprintf(pid, sizeof pid, "process %d", (int)child);
    assert_non_null(strstr(nm_last_error(), pid));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ready[0]);
    close(ready[1]);
    journal = open_journal(b);
    nm_journal_close(&journal, 1);
    assert_int_equal(access(b->parts, F_OK), -1);
}

/* A child appends what is missing and tells each finished tile; the parent kills it at any moment.
 */
static void test_kill(void **state)
{
    bench *b = *state;
    b->plan.task.draw.axis[0].n = 300;
    b->plan.task.draw.axis[1].n = 1000;
    nm_hand_finish(&b->plan, 5003);
    free(b->payload);
    free(b->again);
    b->payload = malloc((size_t)b->plan.record_bytes);
    b->again = malloc((size_t)b->plan.record_bytes);
    int n_tiles = (int)b->plan.n_tiles, n_kills = 0;
    char *told = calloc((size_t)n_tiles, 1);
    unsigned seed = 12345,
             patience = 1; /* where a start takes long, kills wait longer, until tiles come */
    nm_journal *journal;
    for (int is_done = 0; !is_done;) {
        int pipe_ends[2];
        assert_int_equal(pipe(pipe_ends), 0);
        pid_t child = fork();
        if (child == 0) {
            if (nm_journal_open(&journal, b->out, &b->plan, 0) != NM_OK) {
                _exit(1);
            }
            for (int i = 0; i < n_tiles; i++) {
                int16_t i_tile = (int16_t)((i * 7 + 3) % n_tiles);
                if (nm_journal_has(journal, i_tile)) {
                    continue;
                }
                nm_hand_fill(&b->plan, i_tile, b->payload);
                if (nm_journal_append(journal, i_tile, b->payload,
                                      nm_hand_bytes(&b->plan, i_tile)) != NM_OK ||
                    write(pipe_ends[1], &i_tile, 2) != 2) {
                    _exit(2);
                }
            }
            _exit(0);
        }
        close(pipe_ends[1]);
        seed = seed * 1103515245u + 12345u;
        usleep((500 + seed / 65536 % 8000) * patience);
        kill(child, SIGKILL);
        int how, n_told = 0;
        waitpid(child, &how, 0);
        assert_true(WIFSIGNALED(how) || WEXITSTATUS(how) == 0);
        n_kills += WIFSIGNALED(how);
        int16_t i_tile;
        while (read(pipe_ends[0], &i_tile, 2) == 2) {
            told[i_tile] = 1;
            n_told++;
        }
        patience = n_told == 0 && patience < 64 ? 2 * patience : patience;
        close(pipe_ends[0]);
        journal = open_journal(b);
        for (int i = 0; i < n_tiles; i++) {
            assert_true(!told[i] || nm_journal_has(journal, i));
        }
        is_done = nm_journal_n_done(journal) == n_tiles;
        for (int i = 0; is_done && i < n_tiles; i++) {
            assert_tile(b, journal, i);
        }
        nm_journal_close(&journal, 0);
    }
    assert_true(n_kills > 0);
    free(told);
}

static void test_duplicates(void **state)
{
    bench *b = *state;
    nm_journal *journal = open_journal(b);
    append(b, journal, 2);
    append(b, journal, 0);
    append(b, journal, 2);
    nm_journal_close(&journal, 0);
    size_t n;
    unsigned char *bytes = (unsigned char *)nm_hand_read_bytes(b->segment, &n);
    assert_int_equal(n, 2 * (b->plan.record_bytes + NM_JOURNAL_HEADER_BYTES));
    char copy[160];
    snprintf(copy, sizeof copy, "%s/seg00007_r0003.nmj", b->parts);
    write_bytes(copy, bytes, n);
    free(bytes);
    journal = open_journal(b);
    assert_int_equal(nm_journal_n_done(journal), 2);
    assert_tile(b, journal, 2);
    append(b, journal, 1);
    nm_journal_close(&journal, 0);
    snprintf(copy, sizeof copy, "%s/seg00008_r0000.nmj", b->parts);
    assert_int_equal(access(copy, F_OK), 0);
}

static void test_bad_places(void **state)
{
    bench *b = *state;
    nm_journal *journal;
    char path[160];
    assert_int_equal(nm_journal_open(&journal, b->folder, &b->plan, 0), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "folder"));
    snprintf(path, sizeof path, "%s.parts", b->folder);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/new/", b->folder);
    assert_int_equal(nm_journal_open(&journal, path, &b->plan, 0), NM_USAGE);
    assert_int_equal(nm_journal_open(&journal, "", &b->plan, 0), NM_USAGE);
    snprintf(path, sizeof path, "%s/missing/out.nc", b->folder);
    assert_int_equal(nm_journal_open(&journal, path, &b->plan, 0), NM_IO);
    assert_non_null(strstr(nm_last_error(), "missing"));
    assert_int_equal(nm_hand_count_files(b->folder), 0);

    snprintf(path, sizeof path, "%s/file", b->folder);
    write_bytes(path, (const unsigned char *)"x", 1);
    snprintf(path, sizeof path, "%s/file/out.nc", b->folder);
    assert_int_equal(nm_journal_open(&journal, path, &b->plan, 0), NM_IO);
    write_bytes(b->parts, (const unsigned char *)"x", 1);
    assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 0), NM_IO);
    assert_int_equal(unlink(b->parts), 0);
    if (geteuid() != 0) {
        assert_int_equal(chmod(b->folder, 0500), 0);
        assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 0), NM_IO);
        assert_int_equal(chmod(b->folder, 0700), 0);
    }
    assert_int_equal(nm_hand_count_files(b->folder), 1);
}

static void test_manifest(void **state)
{
    bench *b = *state;
    char *config, *fingerprint, path[160], backend[16];
    int64_t tile_points;
    assert_int_equal(nm_journal_manifest(b->folder, &config, &fingerprint), NM_USAGE);
    nm_journal *journal = open_journal(b);
    append(b, journal, 1);
    nm_journal_close(&journal, 0);
    assert_int_equal(nm_journal_manifest(b->parts, &config, &fingerprint), NM_OK);
    assert_string_equal(config, b->config.resolved);
    assert_string_equal(fingerprint, b->plan.fingerprint);
    free(config);
    free(fingerprint);
    assert_int_equal(nm_journal_origin(b->parts, backend, &tile_points), NM_OK);
    assert_string_equal(backend, "cpu");
    assert_int_equal(tile_points, 13);

    snprintf(path, sizeof path, "%s/config.toml", b->parts);
    write_bytes(path, (const unsigned char *)"model = 1\n", 10);
    assert_int_equal(nm_journal_manifest(b->parts, &config, &fingerprint), NM_IO);
    assert_null(config);

    /* a damaged manifest is told; a folder without one holds nothing */
    snprintf(path, sizeof path, "%s/manifest.toml", b->parts);
    write_bytes(path, (const unsigned char *)"schema = 1\n", 11);
    assert_int_equal(nm_journal_open(&journal, b->out, &b->plan, 0), NM_IO);
    assert_non_null(strstr(nm_last_error(), "--fresh"));
    assert_int_equal(unlink(path), 0);
    journal = open_journal(b);
    assert_int_equal(nm_journal_n_done(journal), 0);
    assert_int_equal(access(b->segment, F_OK), -1);
    nm_journal_close(&journal, 0);
}

/* A full disk, played by a limit on the size of files, in a child because it holds for all of a
 * process. */
static void test_full_disk(void **state)
{
    bench *b = *state;
    pid_t child = fork();
    if (child == 0) {
        nm_journal *journal;
        int failed = nm_journal_open(&journal, b->out, &b->plan, 0) != NM_OK;
        int64_t record = b->plan.record_bytes + NM_JOURNAL_HEADER_BYTES;
        struct rlimit limit = {.rlim_cur = (rlim_t)(2 * record - 5), .rlim_max = RLIM_INFINITY};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        for (int i = 0; i < 3; i++) {
            nm_hand_fill(&b->plan, i, b->payload);
            nm_status status =
                nm_journal_append(journal, i, b->payload, nm_hand_bytes(&b->plan, i));
            failed |= status != (i == 0 ? NM_OK : NM_IO);
        }
        failed |= !strstr(nm_last_error(), "cannot write");
        /* there is room again: the next record stands where the torn one was cut off */
        limit.rlim_cur = RLIM_INFINITY;
        setrlimit(RLIMIT_FSIZE, &limit);
        nm_hand_fill(&b->plan, 3, b->payload);
        failed |= nm_journal_append(journal, 3, b->payload, nm_hand_bytes(&b->plan, 3)) != NM_OK;
        nm_journal_close(&journal, 0);
        _exit(failed);
    }
    int how;
    waitpid(child, &how, 0);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    nm_journal *journal = open_journal(b);
    assert_int_equal(nm_journal_n_torn(journal), 0);
    assert_int_equal(nm_journal_n_done(journal), 2);
    assert_tile(b, journal, 0);
    assert_tile(b, journal, 3);
    nm_journal_close(&journal, 0);
}

typedef struct worker {
    bench *b;
    nm_journal *journal;
    int64_t first;
    int n_failed;
} worker;

static void *append_each_fourth(void *argument)
{
    worker *w = argument;
    const nm_plan *plan = &w->b->plan;
    void *payload = malloc((size_t)plan->record_bytes);
    for (int64_t i = w->first; i < plan->n_tiles; i += 4) {
        nm_hand_fill(plan, i, payload);
        w->n_failed += nm_journal_append(w->journal, i, payload, nm_hand_bytes(plan, i)) != NM_OK;
        w->n_failed += !nm_journal_has(w->journal, i);
    }
    free(payload);
    return NULL;
}

static void test_threads(void **state)
{
    bench *b = *state;
    nm_hand_finish(&b->plan, 1);
    nm_journal *journal = open_journal(b);
    pthread_t thread[4];
    worker work[4];
    for (int i = 0; i < 4; i++) {
        work[i] = (worker){.b = b, .journal = journal, .first = i};
        assert_int_equal(pthread_create(&thread[i], NULL, append_each_fourth, &work[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(work[i].n_failed, 0);
    }
    assert_int_equal(nm_journal_sync(journal), NM_OK);
    nm_journal_close(&journal, 0);
    journal = open_journal(b);
    assert_int_equal(nm_journal_n_done(journal), 40);
    for (int64_t i = 0; i < 40; i++) {
        assert_tile(b, journal, i);
    }
    nm_journal_close(&journal, 0);
}

/* Payloads longer than the pieces in which the scan reads. */
static void test_long_payload(void **state)
{
    bench *b = *state;
    b->plan.task.draw.axis[0].n = 700;
    b->plan.task.draw.axis[1].n = 311;
    nm_hand_finish(&b->plan, 200001);
    free(b->payload);
    free(b->again);
    b->payload = malloc((size_t)b->plan.record_bytes);
    b->again = malloc((size_t)b->plan.record_bytes);
    assert_true(b->plan.record_bytes > 2 << 20);
    nm_journal *journal = open_journal(b);
    append(b, journal, 0);
    append(b, journal, 1);
    nm_journal_close(&journal, 0);
    journal = open_journal(b);
    assert_tile(b, journal, 0);
    assert_tile(b, journal, 1);
    nm_journal_close(&journal, 0);
    int fd = open(b->segment, O_RDWR);
    unsigned char byte;
    assert_int_equal(pread(fd, &byte, 1, (2 << 20) + 12345), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, (2 << 20) + 12345), 1);
    close(fd);
    journal = open_journal(b);
    assert_int_equal(nm_journal_n_done(journal), 0);
    nm_journal_close(&journal, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),    TEST(test_torn_tail),   TEST(test_foreign_names),
        TEST(test_flipped_bytes), TEST(test_fingerprint), TEST(test_lock),
        TEST(test_kill),          TEST(test_duplicates),  TEST(test_bad_places),
        TEST(test_manifest),      TEST(test_full_disk),   TEST(test_threads),
        TEST(test_long_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
