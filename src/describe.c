/* Describes what this program knows, from the models' own tables. */
#include "describe.h"

#include <ctype.h>
#include <math.h>
#include <netcdf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "backend.h"
#include "model_store.h"
#include "version.h"
#include "words.h"

/* --- models ----------------------------------------------------------------------------------- */

nm_status nm_describe_models(FILE *stream)
{
    int n_models;
    const nm_model *const *models = nm_model_list(&n_models);
    for (int i = 0; i < n_models; i++) {
        const nm_model *model = models[i];
        int n_free = 0;
        for (int s = 0; s < model->n_species; s++) {
            n_free += model->species[s].kind == NM_SPECIES_FREE;
        }
        fprintf(stream, "%-16s %d parameters, %d moving species, %d pathways", model->name,
                model->n_params, n_free, model->n_paths);
        for (int v = 0; v < model->n_variants; v++) {
            fprintf(stream, "%s%s=", v == 0 ? "; variants " : " ", model->variants[v].name);
            for (int c = 0; c < model->variants[v].n_choices; c++) {
                fprintf(stream, "%s%s", c == 0 ? "" : "|", model->variants[v].choices[c]);
            }
        }
        fputc('\n', stream);
    }
    return NM_OK;
}

static void print_tables(FILE *stream, const nm_model *model)
{
    char dflt[NM_WORDS], low[NM_WORDS], high[NM_WORDS];
    fprintf(stream, "%s\n", model->name);
    if (model->n_variants > 0) {
        fprintf(stream, "\nvariants (the first choice is the default)\n");
    }
    for (int i = 0; i < model->n_variants; i++) {
        fprintf(stream, "  %-12s", model->variants[i].name);
        for (int c = 0; c < model->variants[i].n_choices; c++) {
            fprintf(stream, "%s%s", c == 0 ? " " : " | ", model->variants[i].choices[c]);
        }
        fputc('\n', stream);
    }
    fprintf(stream, "\nparameters\n  %-12s %-13s %12s %12s %12s\n", "name", "unit", "default",
            "low", "high");
    for (int i = 0; i < model->n_params; i++) {
        const nm_param_info *param = &model->params[i];
        fprintf(stream, "  %-12s %-13s %12s %12s %12s  %-6s  %s\n", param->name, param->unit,
                nm_words_double(dflt, param->dflt), nm_words_double(low, param->low),
                nm_words_double(high, param->high), param->is_log ? "log" : "linear", param->text);
    }
    fprintf(stream, "\ncompartments\n");
    for (int i = 0; i < model->n_compartments; i++) {
        const nm_compartment_info *compartment = &model->compartments[i];
        fprintf(stream, "  %-12s volume %-6s potential %-6s  %s\n", compartment->name,
                compartment->volume ? compartment->volume : "fixed",
                compartment->potential ? compartment->potential : "ground", compartment->text);
    }
    static const char *const kinds[] = {"free", "trapped", "water", "held"};
    fprintf(stream, "\nspecies\n  %-12s %-8s %-8s %-12s %s\n", "name", "kind", "charge", "in",
            "value (free: at the start)");
    for (int i = 0; i < model->n_species; i++) {
        const nm_species_info *species = &model->species[i];
        fprintf(stream, "  %-12s %-8s %-8s %-12s %-28s %s\n", species->name, kinds[species->kind],
                species->charge, model->compartments[species->compartment].name, species->value,
                species->text);
    }
    for (int i = 0; i < model->n_fuels; i++) {
        fprintf(stream, "%s  %-12s free energy %-20s %s\n", i == 0 ? "\nfuels\n" : "",
                model->fuels[i].name, model->fuels[i].energy, model->fuels[i].text);
    }
    for (int i = 0; i < model->n_totals; i++) {
        fprintf(stream, "%s  %-12s = %-20s %s\n", i == 0 ? "\nconserved totals\n" : "",
                model->totals[i].name, model->totals[i].expression, model->totals[i].text);
    }
    fprintf(stream, "\npathways\n");
    for (int i = 0; i < model->n_paths; i++) {
        const nm_path_info *path = &model->paths[i];
        fprintf(stream, "  %-12s %s -> %s\n  %-12s   %s\n  %-12s   %s\n", path->name, path->from,
                path->to, "", path->law, "", path->text);
    }
}

nm_status nm_describe_model(FILE *stream, const nm_model *model)
{
    nm_catalogue *catalogue = malloc(sizeof *catalogue);
    if (!catalogue) {
        return nm_fail(NM_MEMORY, "no memory for the outputs of model %s", model->name);
    }
    nm_status status = nm_catalogue_build(catalogue, model);
    if (status == NM_OK) {
        print_tables(stream, model);
        fprintf(stream, "\noutputs (* is stored by default; [output] variables chooses)\n");
        for (int i = 0; i < catalogue->n; i++) {
            const nm_output *output = &catalogue->output[i];
            if (output->name[0]) {
                fprintf(stream, "  %s %-18s %-14s %s\n", output->is_default ? "*" : " ",
                        output->name, output->unit, output->text);
            }
        }
        fprintf(stream, "    %-18s %-14s %s\n    %-18s %-14s %s\n", "outcome", "",
                "the verdict of every point; always stored", "flags", "",
                "marks of every point, a bit field; always stored");
    }
    free(catalogue);
    return status;
}

/* --- a configuration to start from ------------------------------------------------------------ */

/* 1 if `name` stands in `text` as a whole word */
static int has_word(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
        int begins = at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_');
        int ends = !isalnum((unsigned char)at[length]) && at[length] != '_';
        if (begins && ends) {
            return 1;
        }
    }
    return 0;
}

/* a change of this parameter keeps the bath as neutral as it is */
static int keeps_bath_neutral(const nm_model *model, int i_param)
{
    double params[NM_MAX_PARAMS];
    for (int i = 0; i < model->n_params; i++) {
        params[i] = model->params[i].dflt;
    }
    double before = model->ground_charge(params);
    params[i_param] =
        0.5 * (model->params[i_param].low + model->params[i_param].high) + 0.1 * params[i_param];
    return model->ground_charge(params) == before;
}

/* 1 where a law of the default variants reads the parameter: the first choice of by(variant,
 * first, second) */
static int is_in_default_law(const nm_model *model, int i_param)
{
    for (int k = 0; k < model->n_paths; k++) {
        char law[1024];
        snprintf(law, sizeof law, "%s", model->paths[k].law);
        /* cuts the other choices away: from the comma after the first choice to the bracket that
         * closes by( */
        for (char *by = strstr(law, "by("); by; by = strstr(by + 1, "by(")) {
            int depth = 0, n_commas = 0;
            for (char *c = by; *c; c++) {
                depth += *c == '(';
                depth -= *c == ')';
                if (depth == 0 && *c == ')') {
                    break;
                }
                n_commas += depth == 1 && *c == ',';
                if (n_commas > 1) {
                    *c = ' ';
                }
            }
        }
        if (has_word(law, model->params[i_param].name)) {
            return 1;
        }
    }
    return 0;
}

/* The drive first, then what the first laws read: the map that asks what keeps this system away
 * from equilibrium. */
static int choose_axes(int axis[2], const nm_model *model)
{
    int n_axes = 0;
    for (int i = 0; i < model->n_params && n_axes < 1; i++) {
        if (model->n_fuels > 0 && strcmp(model->params[i].name, model->fuels[0].energy) == 0) {
            axis[n_axes++] = i;
        }
    }
    for (int i = 0; i < model->n_params && n_axes < 2; i++) {
        const nm_param_info *param = &model->params[i];
        if (param->is_log && param->low > 0.0 && param->high > param->low &&
            is_in_default_law(model, i) && keeps_bath_neutral(model, i) &&
            !(n_axes == 1 && axis[0] == i)) {
            axis[n_axes++] = i;
        }
    }
    /* a model without such laws: whatever has a range */
    for (int i = 0; i < model->n_params && n_axes < 1; i++) {
        if (model->params[i].high > model->params[i].low) {
            axis[n_axes++] = i;
        }
    }
    return n_axes;
}

void nm_describe_init(FILE *stream, const nm_model *model, const char *named)
{
    int axis[2];
    int n_axes = choose_axes(axis, model);
    char a[NM_WORDS], b[NM_WORDS];
    fprintf(stream, "# How does the steady state of %s depend on %s%s%s?\n#\n", model->name,
            n_axes > 0 ? model->params[axis[0]].name : "nothing", n_axes > 1 ? " and " : "",
            n_axes > 1 ? model->params[axis[1]].name : "");
    fprintf(stream, "# nessmap plan FILE tells the cost, nessmap run FILE computes. Numbers are in "
                    "the unit in brackets;\n");
    fprintf(stream,
            "# a text gives its own: \"5.4 mmol/L\". nessmap models %s lists all parameters and "
            "outputs.\n\n",
            named);
    fprintf(stream, "model = \"%s\"\n\n", named);

    if (model->n_variants > 0) {
        fprintf(stream, "[variant]\n");
        for (int i = 0; i < model->n_variants; i++) {
            fprintf(stream, "%s = \"%s\" #", model->variants[i].name,
                    model->variants[i].choices[0]);
            for (int c = 0; c < model->variants[i].n_choices; c++) {
                fprintf(stream, "%s %s", c == 0 ? "" : " |", model->variants[i].choices[c]);
            }
            fputc('\n', stream);
        }
        fputc('\n', stream);
    }
    fprintf(stream, "[design]\nkind = \"grid\" # grid | random | table\n\n");
    for (int i = 0; i < n_axes; i++) {
        const nm_param_info *param = &model->params[axis[i]];
        int is_log = param->is_log && param->low > 0.0;
        fprintf(stream, "[[axis]] # %s\n", param->text);
        fprintf(
            stream,
            "name = \"%s\" # [%s]\nmin = %s\nmax = %s\nn = 64\nscale = \"%s\" # linear | log\n\n",
            param->name, param->unit, nm_words_double(a, param->low),
            nm_words_double(b, param->high), is_log ? "log" : "linear");
    }
    fprintf(stream, "# [[random]] draws a parameter instead, [design] kind = \"random\" and n then "
                    "say how many sets:\n");
    fprintf(stream, "# [[random]]\n# name = \"...\"\n# dist = \"loguniform\" # uniform | "
                    "loguniform | normal | lognormal | triangular\n");
    fprintf(stream, "# min = ...\n# max = ...\n\n");

    fprintf(stream, "[fixed] # all other parameters at their defaults; a line may be left out\n");
    for (int i = 0; i < model->n_params; i++) {
        int is_axis = (n_axes > 0 && axis[0] == i) || (n_axes > 1 && axis[1] == i);
        if (!is_axis) {
            const nm_param_info *param = &model->params[i];
            char assignment[2 * NM_WORDS];
            snprintf(assignment, sizeof assignment, "%s = %s", param->name,
                     nm_words_double(a, param->dflt));
            fprintf(stream, "%-24s # [%s] %s\n", assignment, param->unit, param->text);
        }
    }
    fprintf(stream,
            "\n# [tie] makes one parameter an affine function of others, which keeps a bath "
            "neutral along an axis:\n");
    fprintf(stream, "# [tie]\n# NAME = \"150 - OTHER\"\n\n");
    fprintf(stream, "[solver]\nmode = \"auto\" # auto: Newton, and following where needed | "
                    "follow: integrate every time course\n");
    fprintf(stream, "audit = 0.0   # share of points that are followed as well, as a check\n\n");
    fprintf(stream, "[output]\n# variables = [\"*\"] # all outputs; left out: the default ones\n");
    fprintf(stream, "precision = \"f32\" # f32 | f64\n");
    fprintf(stream, "compression = 0   # deflate level, 0: none\n\n");
    fprintf(stream, "# [[reduce]] keeps statistics in place of points; bins: of the draws in each "
                    "cell of the axes:\n");
    fprintf(stream, "# [[reduce]]\n# kind = \"bins\" # full | bins | summary\n# variables = "
                    "[\"*\"] # left out: those of [output]\n\n");
    fprintf(
        stream,
        "[limits]\nmax_failed = 0.001 # share of failed points above which the exit status is 3\n");
}

/* --- info ------------------------------------------------------------------------------------- */

/* one field of the processor as Linux tells it */
static void processor_name(char *out, size_t out_bytes)
{
    snprintf(out, out_bytes, "unknown processor");
    FILE *stream = fopen("/proc/cpuinfo", "r");
    char text[512];
    while (stream && fgets(text, sizeof text, stream)) {
        char *colon = strchr(text, ':');
        if (colon && strncmp(text, "model name", 10) == 0) {
            text[strcspn(text, "\n")] = '\0';
            snprintf(out, out_bytes, "%s", colon + 1 + strspn(colon + 1, " "));
            break;
        }
    }
    if (stream) {
        fclose(stream);
    }
}

static void print_features(FILE *stream)
{
#if defined(__x86_64__)
    static const char words[] = "avx2 fma avx512f avx512dq avx512vl avx512bw";
    __builtin_cpu_init();
    int has[] = {__builtin_cpu_supports("avx2"),     __builtin_cpu_supports("fma"),
                 __builtin_cpu_supports("avx512f"),  __builtin_cpu_supports("avx512dq"),
                 __builtin_cpu_supports("avx512vl"), __builtin_cpu_supports("avx512bw")};
    const char *word = words;
    for (size_t i = 0; i < sizeof has / sizeof has[0]; i++) {
        size_t length = strcspn(word, " ");
        if (has[i]) {
            fprintf(stream, " %.*s", (int)length, word);
        }
        word += length + 1;
    }
#else
    fprintf(stream, " of its architecture");
#endif
}

void nm_describe_info(FILE *stream)
{
    char processor[256];
    processor_name(processor, sizeof processor);
    struct utsname system;
    fprintf(stream, "nessmap          %s\n", NM_VERSION_FULL);
#if defined(__clang__)
    fprintf(stream, "compiler         clang %d.%d.%d\n", __clang_major__, __clang_minor__,
            __clang_patchlevel__);
#else
    fprintf(stream, "compiler         gcc %d.%d.%d\n", __GNUC__, __GNUC_MINOR__,
            __GNUC_PATCHLEVEL__);
#endif
    if (uname(&system) == 0) {
        fprintf(stream, "system           %s %s %s\n", system.sysname, system.release,
                system.machine);
    }
    fprintf(stream, "processor        %s; features", processor);
    print_features(stream);
    fputc('\n', stream);
    nm_backend_describe_all(stream);
    const char *netcdf = nc_inq_libvers();
    fprintf(stream, "netcdf           %.*s\n", (int)strcspn(netcdf, " "), netcdf);
    fprintf(stream, "udunits          2\n");
    int n_models;
    const nm_model *const *models = nm_model_list(&n_models);
    fprintf(stream, "models          ");
    for (int i = 0; i < n_models; i++) {
        fprintf(stream, " %s (lanes", models[i]->name);
        for (int k = 0; k < models[i]->n_kernels; k++) {
            fprintf(stream, " %d", models[i]->kernels[k].lanes);
        }
        fprintf(stream, ")%s", i + 1 < n_models ? "," : "");
    }
    fputc('\n', stream);
}
