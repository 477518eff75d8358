/* Fuzz target: what a journal finds on the disk. The first byte says what the bytes are: the two
 * segments of a journal, its manifest, or its configuration. A mutator of its own mends hashes, so
 * that the scanner is led behind them. */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "files.h"
#include "hand_plan.h"
#include "journal.h"
#include "manifest.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

enum { N_POINTS = 9, TILE_POINTS = 2, N_TILES = 5, MOST_BYTES = 128, N_SEGMENTS = 2 };
enum { TILE_AT = 40, LENGTH_AT = 48, PAYLOAD_HASH_AT = 56, HEADER_HASH_AT = 64 };
static const char magic[] = "NMJREC01";

static nm_plan plan;
static nm_config config;
static char folder[64], out_path[96], parts[96];
static char *manifest; /* as the program writes it */

static void put(const char *name, const void *data, size_t bytes)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", parts, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    nm_fuzz_check(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes, "%s", path);
    close(fd);
}

static void take_away(void)
{
    nm_hand_remove(folder);
}

/* A plan of five tiles, and a folder in memory for its journal. */
static void prepare(void)
{
    nm_hand_start(&plan, &config, 64);
    nm_hand_axis(&plan, NM_HAND_a, NM_AXIS_LINEAR, N_POINTS, 0.0, 1.0);
    nm_hand_finish(&plan, TILE_POINTS);
    nm_fuzz_check(plan.n_tiles == N_TILES && nm_plan_tile_bytes(&plan, 0) <= MOST_BYTES, "plan");
    snprintf(folder, sizeof folder, "%s/fuzz_journal_XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    nm_fuzz_check(mkdtemp(folder) != NULL, "%s", folder);
    atexit(take_away);
    snprintf(out_path, sizeof out_path, "%s/out.nc", folder);
    snprintf(parts, sizeof parts, "%s.parts", out_path);
    nm_journal *journal;
    size_t bytes;
    char path[160];
    snprintf(path, sizeof path, "%s/manifest.toml", parts);
    nm_fuzz_check(nm_journal_open(&journal, out_path, &plan, 1) == NM_OK, "%s", nm_last_error());
    nm_journal_close(&journal, 0);
    nm_fuzz_check(nm_file_read(&manifest, &bytes, path) == NM_OK, "%s", nm_last_error());
}

/* --- records, as the format describes them ------------------------------------------------------ */

static uint64_t number_at(const uint8_t *at)
{
    uint64_t number = 0;
    for (int i = 7; i >= 0; i--) {
        number = number << 8 | at[i];
    }
    return number;
}

static void put_number(uint8_t *at, uint64_t number)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (uint8_t)(number >> (8 * i));
    }
}

/* The payload of each tile that a reader of the format finds, NULL where it finds none. returns 0
 * where a record is of another question. */
static int find_records(const uint8_t *found[N_TILES], const uint8_t *data, size_t size)
{
    for (size_t at = 0; size - at >= NM_JOURNAL_HEADER_BYTES;) {
        const uint8_t *header = data + at, *payload = header + NM_JOURNAL_HEADER_BYTES;
        size_t left = size - at - NM_JOURNAL_HEADER_BYTES;
        if (memcmp(header, magic, 8) != 0 ||
            number_at(header + HEADER_HASH_AT) != XXH3_64bits(header, HEADER_HASH_AT)) {
            return 1;
        }
        if (memcmp(header + 8, plan.fingerprint, NM_FINGERPRINT_BYTES) != 0) {
            return 0;
        }
        uint64_t tile = number_at(header + TILE_AT), length = number_at(header + LENGTH_AT);
        if (tile >= N_TILES || length != (uint64_t)nm_plan_tile_bytes(&plan, (int64_t)tile) ||
            length > left || number_at(header + PAYLOAD_HASH_AT) != XXH3_64bits(payload, length)) {
            return 1;
        }
        found[tile] = found[tile] ? found[tile] : payload;
        at += NM_JOURNAL_HEADER_BYTES + length;
    }
    return 1;
}

/* --- what must hold ----------------------------------------------------------------------------- */

static void check_payload(nm_journal *journal, int64_t tile, const uint8_t *payload)
{
    uint8_t read[MOST_BYTES];
    int64_t bytes = nm_plan_tile_bytes(&plan, tile);
    nm_fuzz_check(nm_journal_has(journal, tile), "tile %lld is not there", (long long)tile);
    nm_fuzz_check(nm_journal_read(journal, tile, read, bytes) == NM_OK, "%s", nm_last_error());
    nm_fuzz_check(memcmp(read, payload, (size_t)bytes) == 0, "tile %lld", (long long)tile);
}

/* The run goes on: the missing tiles are done, and found by the next one. */
static void go_on(nm_journal **journal, const uint8_t *found[N_TILES])
{
    static uint8_t made[N_TILES][MOST_BYTES];
    for (int tile = 0; tile < N_TILES; tile++) {
        if (!found[tile]) {
            memset(made[tile], 'a' + tile, MOST_BYTES);
            found[tile] = made[tile];
            nm_fuzz_check(nm_journal_append(*journal, tile, found[tile],
                                            nm_plan_tile_bytes(&plan, tile)) == NM_OK,
                          "%s", nm_last_error());
        }
    }
    nm_journal_close(journal, 0);
    nm_fuzz_check(nm_journal_open(journal, out_path, &plan, 0) == NM_OK, "%s", nm_last_error());
    nm_fuzz_check(nm_journal_n_done(*journal) == N_TILES, "%lld tiles",
                  (long long)nm_journal_n_done(*journal));
    for (int tile = 0; tile < N_TILES; tile++) {
        check_payload(*journal, tile, found[tile]);
    }
}

static void try_segments(const uint8_t *data, size_t size, int goes_on)
{
    const uint8_t *found[N_TILES] = {0};
    /* the first two bytes say where the second segment begins */
    size_t cut = size < 2 ? 0 : ((size_t)data[0] << 8 | data[1]) % (size - 1);
    data += size < 2 ? 0 : 2;
    size -= size < 2 ? size : 2;
    cut = cut > size ? size : cut;
    int is_ours = find_records(found, data, cut) && find_records(found, data + cut, size - cut);
    put("manifest.toml", manifest, strlen(manifest));
    put("seg00000_r0000.nmj", data, cut);
    put("seg00001_r0000.nmj", data + cut, size - cut);

    nm_journal *journal;
    nm_fuzz_forget();
    nm_status status = nm_journal_open(&journal, out_path, &plan, 0);
    if (!nm_fuzz_is_accepted(status)) {
        nm_fuzz_check(status == NM_FINGERPRINT && !is_ours && !journal, "%s", nm_last_error());
        return;
    }
    nm_fuzz_check(is_ours, "records of another question");
    int64_t n_found = 0;
    for (int tile = 0; tile < N_TILES; tile++) {
        n_found += found[tile] != NULL;
        if (found[tile]) {
            check_payload(journal, tile, found[tile]);
        } else {
            uint8_t read[MOST_BYTES];
            nm_fuzz_check(!nm_journal_has(journal, tile), "tile %d", tile);
            nm_fuzz_forget();
            nm_fuzz_check(!nm_fuzz_is_accepted(nm_journal_read(journal, tile, read,
                                                               nm_plan_tile_bytes(&plan, tile))),
                          "tile %d", tile);
        }
    }
    nm_fuzz_check(nm_journal_n_done(journal) == n_found, "%lld tiles",
                  (long long)nm_journal_n_done(journal));
    if (goes_on) {
        go_on(&journal, found);
        char path[160];
        snprintf(path, sizeof path, "%s/seg00002_r0000.nmj", parts);
        unlink(path);
    }
    nm_journal_close(&journal, 0);
}

/* What `nessmap assemble` and a run ask of a folder. */
static void ask(void)
{
    char *text, *fingerprint, backend[16];
    int64_t tile_points;
    nm_fuzz_forget();
    if (nm_fuzz_is_accepted(nm_journal_manifest(parts, &text, &fingerprint))) {
        nm_fuzz_check(strlen(fingerprint) <= NM_FINGERPRINT_BYTES, "%s", fingerprint);
        free(text);
        free(fingerprint);
    }
    nm_fuzz_forget();
    if (nm_fuzz_is_accepted(nm_journal_origin(parts, backend, &tile_points))) {
        nm_fuzz_check(memchr(backend, '\0', sizeof backend) != NULL, "backend");
    }
    nm_journal *journal;
    nm_fuzz_forget();
    if (nm_fuzz_is_accepted(nm_journal_open(&journal, out_path, &plan, 0))) {
        nm_fuzz_check(nm_journal_n_done(journal) == 0, "tiles out of nothing");
        nm_journal_close(&journal, 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!manifest) {
        prepare();
    }
    if (size < 1) {
        return 0;
    }
    const char *right = nm_manifest_config(&plan);
    if (data[0] == 'M') {
        put("config.toml", right, strlen(right));
        put("manifest.toml", data + 1, size - 1);
    } else if (data[0] == 'C') {
        put("config.toml", data + 1, size - 1);
        put("manifest.toml", manifest, strlen(manifest));
    } else {
        try_segments(data + 1, size - 1, data[0] & 1);
        return 0;
    }
    put("seg00000_r0000.nmj", "", 0);
    put("seg00001_r0000.nmj", "", 0);
    ask();
    return 0;
}

/* --- mutations ---------------------------------------------------------------------------------- */

/* Makes the bytes at `at` a record; a bit of `how` that is not set leaves one of its parts as it is.
 * returns the bytes that the record has. */
static size_t mend(uint8_t *at, size_t left, unsigned how)
{
    if (left < NM_JOURNAL_HEADER_BYTES) {
        return left;
    }
    if (how & 1) {
        memcpy(at, magic, 8);
    }
    if (how & 2) {
        memcpy(at + 8, plan.fingerprint, NM_FINGERPRINT_BYTES);
    }
    if (how & 4) {
        put_number(at + TILE_AT, at[TILE_AT] % N_TILES);
    }
    uint64_t tile = number_at(at + TILE_AT);
    if (how & 8) {
        put_number(at + LENGTH_AT,
                   (uint64_t)nm_plan_tile_bytes(&plan, tile < N_TILES ? (int64_t)tile : 0));
    }
    uint64_t length = number_at(at + LENGTH_AT);
    int is_whole = length <= left - NM_JOURNAL_HEADER_BYTES;
    if ((how & 16) && is_whole) {
        put_number(at + PAYLOAD_HASH_AT, XXH3_64bits(at + NM_JOURNAL_HEADER_BYTES, length));
    }
    if (how & 32) {
        put_number(at + HEADER_HASH_AT, XXH3_64bits(at, HEADER_HASH_AT));
    }
    return is_whole ? NM_JOURNAL_HEADER_BYTES + length : left;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    if (!manifest) {
        prepare();
    }
    /* a manifest or a configuration begins as the program writes it */
    const char *text = data[0] == 'M' ? manifest : nm_manifest_config(&plan);
    size_t bytes = strlen(text);
    if (size > 0 && size < 16 && (data[0] == 'M' || data[0] == 'C') && bytes < max_size) {
        memcpy(data + 1, text, bytes);
        size = bytes + 1;
    }
    size = LLVMFuzzerMutate(data, size, max_size);
    if (size < 4 || data[0] == 'M' || data[0] == 'C' || seed % 4 == 0) {
        return size;
    }
    size_t n = size - 3, cut = ((size_t)data[1] << 8 | data[2]) % (n + 1);
    for (size_t at = 0; at < n;) {
        /* most records are right in all, some in all but one */
        seed = seed * 1664525u + 1013904223u;
        unsigned kind = seed >> 24;
        unsigned how = kind < 200 ? 63u : 63u & ~(1u << kind % 6);
        size_t end = at < cut ? cut : n;
        at += mend(data + 3 + at, end - at, how);
    }
    return size;
}
