/* Describes what this program knows, from the models' own tables. */
#include "describe.h"

#include <ctype.h>
#include <math.h>
#include <netcdf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "backend.h"
#include "comm.h"
#include "model_store.h"
#include "model_topology.h"
#include "preset.h"
#include "version.h"
#include "words.h"

/* --- a configuration to start from ------------------------------------------------------------ */

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

/* the choice of the variant whose name begins `text` */
static int chosen_at(const char *text, const nm_model *model, const int *choice)
{
    text += strspn(text, " ");
    for (int i = 0; i < model->n_variants; i++) {
        size_t length = strlen(model->variants[i].name);
        if (strncmp(text, model->variants[i].name, length) == 0 &&
            !isalnum((unsigned char)text[length]) && text[length] != '_') {
            return choice[i];
        }
    }
    return 0;
}

/* Blanks all of word(variant, first, second) but what is chosen, to the bracket that closes it. */
static void keep_chosen(char *text, const char *word, const nm_model *model, const int *choice)
{
    size_t length = strlen(word);
    for (char *at = strstr(text, word); at; at = strstr(at + length, word)) {
        int depth = 0, n_commas = 0, chosen = chosen_at(at + length, model, choice);
        for (char *c = at; *c; c++) {
            depth += *c == '(';
            depth -= *c == ')';
            if (depth == 0 && *c == ')') {
                break;
            }
            n_commas += depth == 1 && *c == ',';
            if (n_commas > 0 && n_commas != chosen + 1) {
                *c = ' ';
            }
        }
    }
}

/* 1 where an expression of a model's table reads the parameter under these choices */
static int is_read(const nm_model *model, const int *choice, const char *expression, int i_param)
{
    char text[1024];
    snprintf(text, sizeof text, "%s", expression);
    keep_chosen(text, "by(", model, choice);
    keep_chosen(text, "choose(", model, choice);
    return nm_has_word(text, model->params[i_param].name);
}

static int is_in_law(const nm_model *model, const int *choice, int i_param)
{
    for (int k = 0; k < model->n_paths; k++) {
        if (is_read(model, choice, model->paths[k].law, i_param)) {
            return 1;
        }
    }
    return 0;
}

/* The drive first, then what the first laws read: the map that asks what keeps this system away
 * from equilibrium. */
static int choose_axes(int axis[2], const nm_model *model, const int *choice)
{
    int n_axes = 0;
    for (int i = 0; i < model->n_params && n_axes < 1; i++) {
        if (model->n_fuels > 0 && is_read(model, choice, model->fuels[0].energy, i)) {
            axis[n_axes++] = i;
        }
    }
    for (int i = 0; i < model->n_params && n_axes < 2; i++) {
        const nm_param_info *param = &model->params[i];
        if (param->is_log && param->low > 0.0 && param->high > param->low &&
            is_in_law(model, choice, i) && keeps_bath_neutral(model, i) &&
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

void nm_describe_init(FILE *stream, const nm_model *model, const char *named,
                      const nm_preset_info *preset)
{
    int axis[2], choice[NM_MAX_VARIANTS] = {0};
    double preset_value[NM_MAX_PARAMS]; /* NaN where the preset says nothing */
    for (int i = 0; i < model->n_params; i++) {
        preset_value[i] = NAN;
    }
    /* presets were checked with their model */
    (void)nm_preset_apply(choice, preset_value, model, preset);
    int n_axes = choose_axes(axis, model, choice);
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
    fprintf(stream, "model = \"%s\"\n", named);
    if (preset) {
        fprintf(stream, "preset = \"%s\" # %s\n", preset->name, preset->text);
    }
    fputc('\n', stream);

    int n_topology = nm_topology_print(stream, "[variant]\n", "", model);
    if (n_topology + model->n_variants > 0) {
        fprintf(stream, "%s", n_topology == 0 ? "[variant]\n" : "");
        for (int i = 0; i < model->n_variants; i++) {
            fprintf(stream, "%s = \"%s\" #", model->variants[i].name,
                    model->variants[i].choices[choice[i]]);
            for (int c = 0; c < model->variants[i].n_choices; c++) {
                fprintf(stream, "%s %s", c == 0 ? "" : " |", model->variants[i].choices[c]);
            }
            fputc('\n', stream);
        }
        fputc('\n', stream);
    }
    fprintf(stream, "[design]\nkind = \"grid\" # grid | random | lhs | sobol | saltelli | morris | "
                    "table | refine\n\n");
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

    fprintf(stream, "[fixed] # all other parameters at their defaults; a line may be left out%s\n",
            preset ? "; what the preset says is behind a #" : "");
    for (int i = 0; i < model->n_params; i++) {
        int is_axis = (n_axes > 0 && axis[0] == i) || (n_axes > 1 && axis[1] == i);
        if (!is_axis) {
            const nm_param_info *param = &model->params[i];
            char assignment[2 * NM_WORDS];
            int is_preset = !isnan(preset_value[i]);
            snprintf(assignment, sizeof assignment, "%s%s = %s", is_preset ? "# " : "", param->name,
                     nm_words_double(a, is_preset ? preset_value[i] : param->dflt));
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
    fprintf(stream, "compression = 0   # deflate level, 0: none\n");
    fprintf(stream, "# gradients = [\"default\"] # their exact derivatives by every parameter that "
                    "varies\n\n");
    if (model->n_walk_states > 0) {
        fprintf(
            stream,
            "# [stochastic] adds trajectories of one molecule: how its fluxes and its entropy "
            "production fluctuate:\n# [stochastic]\n# trajectories = 1000 # of each set\n"
            "# entropy = 2.0       # they end after this mean entropy production, in k_B; or time, "
            "or jumps\n# first_passage = \"%s\" # times the turns of a cycle by this pathway\n\n",
            model->paths[0].name);
    }
    fprintf(stream, "# [[reduce]] keeps statistics in place of points; bins: of the draws in each "
                    "cell of the axes:\n");
    fprintf(stream, "# [[reduce]]\n# kind = \"bins\" # full | bins | summary | sobol | morris | "
                    "dgsm\n# variables = "
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
    char ranks[128];
    nm_comm_describe(ranks, sizeof ranks);
    fprintf(stream, "ranks            %s\n", ranks);
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
