/* The part of a model's page that lists its outputs. */
#include "describe.h"
#include "words.h"

static const char *const family_text[] = {
#define FAMILY_TEXT(tag, counter, prefix, unit, text) text,
    NM_FAMILY_LIST(FAMILY_TEXT)
#undef FAMILY_TEXT
};

static void print_family(FILE *stream, const nm_catalogue *catalogue, const nm_model *model,
                         nm_family family)
{
    int n_printed = 0, at = 0;
    for (int i = 0; i < nm_catalogue_count(model, family); i++) {
        const nm_output *output = &catalogue->output[nm_catalogue_number(model, family, i)];
        if (output->name[0]) {
            if (n_printed == 0) {
                at = fprintf(stream, "  %s", family_text[family]);
                nm_put_wrapped(stream, &at, 4, " [%s]", output->unit);
                at = fprintf(stream, "\n   ") - 1;
            }
            nm_put_wrapped(stream, &at, 4, " %s%s", output->name, output->is_default ? "*" : "");
            n_printed++;
        }
    }
    fprintf(stream, "%s", n_printed > 0 ? "\n" : "");
}

static void print_rows(FILE *stream, const nm_catalogue *catalogue, const nm_model *model,
                       nm_family family)
{
    for (int i = 0; i < nm_catalogue_count(model, family); i++) {
        const nm_output *output = &catalogue->output[nm_catalogue_number(model, family, i)];
        char name[72];
        snprintf(name, sizeof name, "%s%s", output->name, output->is_default ? "*" : "");
        int at = fprintf(stream, "    %-16s %-12s", name, output->unit);
        nm_put_wrapped(stream, &at, 34, " %s", output->text);
        fputc('\n', stream);
    }
}

/* the first and the last of many */
static void print_range(FILE *stream, const nm_catalogue *catalogue, const nm_model *model,
                        nm_family family)
{
    int n = nm_catalogue_count(model, family), first = nm_catalogue_number(model, family, 0);
    if (n > 0) {
        fprintf(stream, "  %s [%s]\n    %s%s%s, %d in all\n", family_text[family],
                catalogue->output[first].unit, catalogue->output[first].name, n > 1 ? " to " : "",
                n > 1 ? catalogue->output[first + n - 1].name : "", n);
    }
}

void nm_describe_outputs(FILE *stream, const nm_catalogue *catalogue, const nm_model *model)
{
    fprintf(stream, "\noutputs (* is stored by default; [output] variables chooses)\n");
    for (int i = 0; i < NM_N_FAMILIES; i++) {
        nm_family family = (nm_family)i;
        if (family == NM_FAMILY_scalar) {
            fprintf(stream, "  of every model\n");
            print_rows(stream, catalogue, model, family);
        } else if (family == NM_FAMILY_walk && model->n_walk_states > 0) {
            fprintf(stream, "  of one molecule that walks between the states\n");
            print_rows(stream, catalogue, model, family);
        } else if (family == NM_FAMILY_ssa && model->n_walk_states > 0) {
            fprintf(stream,
                    "  of its trajectories, where a configuration has a table [stochastic]\n");
            print_rows(stream, catalogue, model, family);
        } else if (family == NM_FAMILY_ssa_hist || family == NM_FAMILY_ssa_forth ||
                   family == NM_FAMILY_ssa_back) {
            print_range(stream, catalogue, model, family);
        } else if (family == NM_FAMILY_observable && model->n_observables > 0) {
            fprintf(stream, "  of this model\n");
            print_rows(stream, catalogue, model, family);
        } else {
            print_family(stream, catalogue, model, family);
        }
    }
    fprintf(stream, "  outcome, flags: the verdict of every point and its marks, always stored\n");
}
