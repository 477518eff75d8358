/* Keeps a diary of the runs that made a file. */
#include "runlog.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "nessmap/nessmap.h"
#include "words.h"

/* what a cluster says about the job; a list of names, because an environment also holds secrets */
static const char *const echoed[] = {
    "SLURM_JOB_ID",         "SLURM_JOB_NAME",      "SLURM_JOB_PARTITION", "SLURM_JOB_NODELIST",
    "SLURM_ARRAY_JOB_ID",   "SLURM_ARRAY_TASK_ID", "SLURM_PROCID",        "SLURM_NTASKS",
    "SLURM_CPUS_PER_TASK",  "SLURM_RESTART_COUNT", "SLURM_MEM_PER_NODE",  "SLURM_GPUS",
    "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS",
};

static const char *const status_name[] = {
#define STATUS_NAME(name, code, text) #name,
    NM_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
};

static void put_date(FILE *stream, const char *key, time_t when)
{
    struct tm utc;
    char text[32] = "";
    if (gmtime_r(&when, &utc)) {
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    fprintf(stream, ",\"%s\":\"%s\"", key, text);
}

static void put_number(FILE *stream, const char *key, double value)
{
    fprintf(stream, ",\"%s\":", key);
    nm_json_number(stream, value);
}

static void put_devices(FILE *stream, const nm_run_stats *stats)
{
    fputs(",\"devices\":[", stream);
    for (int i = 0; i < stats->n_devices; i++) {
        const nm_backend_device *device = &stats->device[i];
        fprintf(stream, "%s{\"number\":%d,\"name\":", i > 0 ? "," : "", device->number);
        nm_json_text(stream, device->name);
        fprintf(stream,
                ",\"compute_capability\":\"%d.%d\",\"driver\":\"%d.%d\",\"kernels\":\"%s\","
                "\"points\":%lld,\"batch_points\":%lld,\"batches_at_once\":%d,"
                "\"memory_bytes\":%lld",
                device->major, device->minor, device->driver / 1000, device->driver % 1000 / 10,
                device->kernels, (long long)device->n_points, (long long)device->batch_points,
                device->n_batches, (long long)device->memory_bytes);
        put_number(stream, "seconds_computing", device->compute_s);
        put_number(stream, "seconds_copying", device->copy_s);
        put_number(stream, "seconds_journal", device->journal_s);
        put_number(stream, "seconds_in_all", device->wall_s);
        fputs("}", stream);
    }
    fputs("]", stream);
}

nm_status nm_runlog_append(const char *out_path, const nm_plan *plan, const nm_run_stats *stats,
                           time_t begun, nm_status status)
{
    /* the line is made in memory and written at once, so that two runs never mix */
    char *text = NULL;
    size_t text_bytes = 0;
    FILE *line = open_memstream(&text, &text_bytes);
    if (!line) {
        return nm_fail(NM_MEMORY, "no memory for the line of the run log");
    }
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0) {
        host[0] = '\0';
    }
    fputs("{\"host\":", line);
    nm_json_text(line, host);
    put_date(line, "begun", begun);
    put_date(line, "ended", time(NULL));
    fprintf(line, ",\"status\":\"%s\",\"version\":", status_name[status]);
    nm_json_text(line, nm_version());
    fprintf(line, ",\"fingerprint\":\"%s\",\"backend\":\"%s\"", plan->fingerprint, stats->backend);
    fprintf(line, ",\"ranks\":%d", stats->n_ranks);
    if (stats->n_devices > 0) {
        put_devices(line, stats);
    } else {
        fprintf(line, ",\"threads\":%d,\"lanes\":%d", stats->n_threads, stats->lanes);
    }
    fprintf(line,
            ",\"%s\":%lld,\"points_computed\":%lld,\"points_failed\":%lld,\"newton_alone\":%"
            "lld,\"followed\":%lld,\"journal_torn\":%lld",
            plan->refinement ? "first_points" : "points", (long long)plan->n_points,
            (long long)stats->n_computed, (long long)stats->n_failed, (long long)stats->n_newton,
            (long long)stats->n_follow, (long long)stats->n_torn);
    put_number(line, "seconds_computing", stats->compute_s);
    put_number(line, "seconds_assembling", stats->assemble_s);
    put_number(line, "seconds_total", stats->total_s);
    put_number(line, "sets_per_second",
               stats->compute_s > 0.0 ? (double)stats->n_computed / stats->compute_s : NAN);
    fputs(",\"environment\":{", line);
    int n_put = 0;
    for (size_t i = 0; i < sizeof echoed / sizeof echoed[0]; i++) {
        const char *value = getenv(echoed[i]);
        if (value) {
            fprintf(line, "%s\"%s\":", n_put++ > 0 ? "," : "", echoed[i]);
            nm_json_text(line, value);
        }
    }
    fputs("}}\n", line);
    if (fclose(line) != 0) {
        free(text);
        return nm_fail(NM_MEMORY, "no memory for the line of the run log");
    }

    char *path = nm_file_format("%s.runlog.jsonl", out_path);
    nm_status result = NM_OK;
    if (!path) {
        result = nm_fail(NM_MEMORY, "no memory for the path of the run log");
    } else {
        FILE *stream = fopen(path, "a");
        size_t n_written = stream ? fwrite(text, 1, text_bytes, stream) : 0;
        int is_closed = stream && fclose(stream) == 0;
        if (n_written != text_bytes || !is_closed) {
            result = nm_fail(NM_IO, "%s: cannot be written (%s)", path, strerror(errno));
        }
    }
    free(path);
    free(text);
    return result;
}
