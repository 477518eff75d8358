/* The part of a model's page that lists its outputs: those of a family in lines, single ones with
 * their texts, and long lists as a pattern. */
#include <stdio.h>

#include "describe.h"
#include "words.h"

static const char *const family_text[] = {
#define FAMILY_TEXT(tag, counter, prefix, unit, text) text,
    NM_FAMILY_LIST(FAMILY_TEXT)
#undef FAMILY_TEXT
};

static const char *mark_of(const nm_output *output)
{
    return output->is_default ? "*" : output->is_default_walk ? "+" : "";
}

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
            nm_put_wrapped(stream, &at, 4, " %s%s", output->name, mark_of(output));
            n_printed++;
        }
    }
    fprintf(stream, "%s", n_printed > 0 ? "\n" : "");
}

/* One line for a long list of names that differ in a number, or in pathways and states. */
static void print_ends(FILE *stream, const nm_catalogue *catalogue, const nm_model *model,
                       nm_family family)
{
    const int n = nm_catalogue_count(model, family);
    const nm_output *first = &catalogue->output[nm_catalogue_number(model, family, 0)];
    if (n == 0) {
        return;
    }
    int at = fprintf(stream, "  %s", family_text[family]);
    nm_put_wrapped(stream, &at, 4, " [%s]", first->unit);
    at = fprintf(stream, "\n   ") - 1;
    nm_put_wrapped(stream, &at, 4, " %s ... %s (%d)", first->name, first[n - 1].name, n);
    fputc('\n', stream);
}

static void print_rows(FILE *stream, const nm_catalogue *catalogue, const nm_model *model,
                       nm_family family)
{
    for (int i = 0; i < nm_catalogue_count(model, family); i++) {
        const nm_output *output = &catalogue->output[nm_catalogue_number(model, family, i)];
        char name[72];
        snprintf(name, sizeof name, "%s%s", output->name, mark_of(output));
        int at = fprintf(stream, "    %-17s %-12s", name, output->unit);
        nm_put_wrapped(stream, &at, 35, " %s", output->text);
        fputc('\n', stream);
    }
}

void nm_describe_outputs(FILE *stream, const nm_catalogue *catalogue, const nm_model *model)
{
    fprintf(stream, "\noutputs (* is stored by default%s; [output] variables chooses)\n",
            model->n_walk_states > 0 ? ", + where there is a [stochastic]" : "");
    for (int i = 0; i < NM_N_FAMILIES; i++) {
        nm_family family = (nm_family)i;
        if (family == NM_FAMILY_scalar) {
            fprintf(stream, "  of every model\n");
            print_rows(stream, catalogue, model, family);
        } else if ((family == NM_FAMILY_walk || family == NM_FAMILY_ssa) &&
                   model->n_walk_states > 0) {
            fprintf(stream, "%s",
                    family == NM_FAMILY_walk
                        ? "  of one molecule's random walk; k_B is the unit of entropy\n"
                        : "  of its trajectories, which [stochastic] asks for\n");
            print_rows(stream, catalogue, model, family);
        } else if (family == NM_FAMILY_ssa_hist || family == NM_FAMILY_ssa_forth ||
                   family == NM_FAMILY_ssa_back) {
            print_ends(stream, catalogue, model, family);
        } else if (family == NM_FAMILY_observable && model->n_observables > 0) {
            fprintf(stream, "  of this model\n");
            print_rows(stream, catalogue, model, family);
        } else {
            print_family(stream, catalogue, model, family);
        }
    }
    fprintf(stream, "  outcome, flags: the verdict of every point and its marks, always stored\n");
}
