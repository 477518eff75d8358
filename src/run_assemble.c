/* The end of the pipeline alone: a journal that is there becomes a file, whole or in part. */
#include "run.h"

#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "files.h"
#include "grid_nc.h"
#include "journal.h"
#include "out_file.h"
#include "plan.h"
#include "projection_pilot.h"
#include "summary.h"

/* "out.nc" -> "out.partial.nc": an incomplete file must never pass for the finished one */
static char *partial_path(const char *out_path)
{
    size_t length = strlen(out_path);
    size_t stem = length > 3 && strcmp(out_path + length - 3, ".nc") == 0 ? length - 3 : length;
    return nm_file_format("%.*s.partial.nc", (int)stem, out_path);
}

static nm_status assemble_open(nm_plan *plan, nm_journal *journal, const char *out_path,
                               int partial, nm_tally **tally)
{
    int64_t n_done = nm_journal_n_done(journal);
    NM_TRY(nm_projection_prepare(plan));
    if (!partial && n_done < plan->n_tiles) {
        return nm_fail(
            NM_INTERRUPTED,
            "%s.parts holds %lld of %lld tiles; run the scan to its end, or give --partial",
            out_path, (long long)n_done, (long long)plan->n_tiles);
    }
    return nm_grid_nc_assemble(out_path, plan, journal, partial, tally);
}

nm_status nm_run_assemble(const nm_config *config, const nm_model *model, const char *out_path,
                          const char *fingerprint, int partial, FILE *summary)
{
    /* the fingerprint says which backend made the parts */
    nm_plan *plan = NULL;
    for (int i = 0; nm_backend_name(i); i++) {
        nm_plan_destroy(&plan);
        NM_TRY(nm_plan_build(&plan, config, model, nm_backend_name(i)));
        if (strcmp(plan->fingerprint, fingerprint) == 0) {
            break;
        }
    }
    if (plan->refinement) {
        nm_plan_destroy(&plan);
        return nm_fail(
            NM_USAGE,
            "%s.parts belongs to a refinement, whose stages follow from each other: `nessmap "
            "run` goes on with it and writes the file",
            out_path);
    }
    nm_journal *journal = NULL;
    nm_tally *tally = NULL;
    char *written_path = partial ? partial_path(out_path) : strdup(out_path);
    int is_done = 0;
    nm_status status = written_path ? NM_OK : nm_fail(NM_MEMORY, "no memory for a path");
    if (status == NM_OK) {
        status = nm_out_file_look(&is_done, written_path, plan, partial);
    }
    if (status == NM_OK) {
        status = partial ? nm_journal_open_view(&journal, out_path, plan)
                         : nm_journal_open(&journal, out_path, plan, 0);
    }
    if (status == NM_OK && !partial) {
        status = assemble_open(plan, journal, out_path, 0, &tally);
    } else if (status == NM_OK) {
        status = assemble_open(plan, journal, written_path, 1, &tally);
    }
    if (status == NM_OK) {
        nm_journal_close(&journal, !partial);
        if (summary) {
            nm_summary_print(summary, plan, tally, NULL, written_path);
        }
        status =
            partial ? NM_OK : nm_out_file_judge(plan, nm_summary_failed_share(tally), written_path);
    }
    nm_tally_destroy(&tally);
    nm_journal_close(&journal, 0);
    nm_plan_destroy(&plan);
    free(written_path);
    return status;
}
