/* Fuzz target: the tables of a compiled model, as any model file might fill them. Pointers and sizes
 * are right, for the compiler sees to that; names, numbers and texts are as the bytes have them.
 * A model is refused with a sentence, or all that is said of models can be said of it. */
#include "fuzz.h"

#include <math.h>

#include "config.h"
#include "describe.h"
#include "model_store.h"
#include "model_topology.h"
#include "plan.h"
#include "preset.h"

enum { MOST_ROWS = 24, MOST_CHOICES = 4, ARENA_BYTES = 1 << 16, MOST_PARAMS = NM_MAX_PARAMS + 2 };

static struct {
    nm_param_info params[MOST_PARAMS];
    nm_variant_info variants[NM_MAX_VARIANTS + 2];
    const char *choices[NM_MAX_VARIANTS + 2][MOST_CHOICES];
    nm_compartment_info compartments[MOST_ROWS];
    nm_species_info species[MOST_ROWS];
    nm_fuel_info fuels[MOST_ROWS];
    nm_total_info totals[MOST_ROWS];
    nm_path_info paths[MOST_ROWS];
    nm_observable_info observables[MOST_ROWS];
    nm_preset_info presets[MOST_ROWS];
    int pairs[MOST_ROWS], loops[MOST_ROWS];
    double loop_part[MOST_ROWS * MOST_ROWS];
    signed char nu[MOST_ROWS * MOST_ROWS];
    double weights[MOST_ROWS * MOST_ROWS];
    int n_weights;
    char arena[ARENA_BYTES]; /* texts */
    size_t used;
} made;

/* --- functions of a model that computes nothing ------------------------------------------------- */

static void draw(const nm_draw *draw, int64_t index, double *params)
{
    (void)index;
    memcpy(params, draw->value, (size_t)draw->n_params * sizeof *params);
}

static double axis_value(const nm_axis *axis, int64_t i)
{
    return axis->values ? axis->values[i] : i == 0 ? axis->low : axis->high;
}

static void prepare_draw(nm_draw *draw)
{
    (void)draw;
}

static double ground_charge(const double *params)
{
    return params[0] > 1.0 ? 0.25 : 0.0;
}

static int uses(const int *choice, int param)
{
    return (choice[0] + param) % 5 != 0;
}

static void total_weights(double *weights)
{
    memcpy(weights, made.weights, (size_t)made.n_weights * sizeof *weights);
}

static int run(const nm_task *task, nm_tile *tile)
{
    (void)task;
    (void)tile;
    return -1;
}

static const nm_kernel kernels[] = {{8, run}, {1, run}, {1, run}};

/* --- texts and numbers ---------------------------------------------------------------------------- */

static const char *keep(const char *text, size_t bytes)
{
    if (made.used + bytes + 1 > ARENA_BYTES) {
        return "x";
    }
    char *out = made.arena + made.used;
    memcpy(out, text, bytes);
    out[bytes] = '\0';
    made.used += bytes + 1;
    return out;
}

/* Some of the next bytes as they are. */
static const char *raw(nm_fuzz *fuzz)
{
    size_t bytes = (size_t)nm_fuzz_byte(fuzz);
    bytes = bytes < fuzz->n ? bytes : fuzz->n;
    const char *text = keep((const char *)fuzz->at, bytes);
    fuzz->at += bytes;
    fuzz->n -= bytes;
    return text;
}

static const char *one_of(nm_fuzz *fuzz, const char *const *words, int n)
{
    return words[nm_fuzz_byte(fuzz) % n];
}
#define ONE_OF(fuzz, words) one_of(fuzz, words, (int)(sizeof(words) / sizeof *(words)))

/* Mostly a name of its own, prefix and number. */
static const char *name(nm_fuzz *fuzz, const char *prefix, int i)
{
    static const char *const odd[] = {
        "T",        "V",
        "outcome",  "sample",
        "J_j0",     "p0",
        "s0_i",     "E_s0",
        "9",        "",
        "\xc2\xb5", "a b",
        "x-y",      "a_name_that_is_just_as_long_as_a_name_of_an_output_may_be_or_so"};
    char text[32];
    if (!nm_fuzz_seldom(fuzz)) {
        return keep(text, (size_t)snprintf(text, sizeof text, "%s%d", prefix, i));
    }
    return nm_fuzz_byte(fuzz) & 1 ? ONE_OF(fuzz, odd) : raw(fuzz);
}

#define LONG "a text that goes on and on and on and on and on and on and on "

static const char *text(nm_fuzz *fuzz)
{
    static const char *const words[] = {"what it is",        "",
                                        "100 %s of it",      "\"quoted\" \\ \n line",
                                        "\xe2\x82\xac \xff", LONG LONG LONG};
    return nm_fuzz_seldom(fuzz) ? raw(fuzz) : ONE_OF(fuzz, words);
}

static const char *unit(nm_fuzz *fuzz)
{
    static const char *const units[] = {"1", "mol m-3", "V", "S m-2", "J mol-1", "K", "m s-1"};
    return nm_fuzz_seldom(fuzz) ? raw(fuzz) : ONE_OF(fuzz, units);
}

static double number(nm_fuzz *fuzz, double usual)
{
    static const double odd[] = {0.0,      -1.0,   1e300, -1e300,     NAN,
                                 INFINITY, 5e-324, 1e-9,  96485.33212};
    return nm_fuzz_seldom(fuzz) ? odd[nm_fuzz_byte(fuzz) % 9] : usual;
}

/* A number from 0 to n - 1, rarely another one. */
static int which(nm_fuzz *fuzz, int n)
{
    return nm_fuzz_seldom(fuzz) ? nm_fuzz_number(fuzz, -3, 40) : n > 0 ? nm_fuzz_byte(fuzz) % n : 0;
}

/* --- tables --------------------------------------------------------------------------------------- */

static void make_params(nm_fuzz *fuzz, nm_model *model)
{
    model->n_params =
        nm_fuzz_seldom(fuzz) ? nm_fuzz_number(fuzz, 0, MOST_PARAMS) : nm_fuzz_number(fuzz, 1, 12);
    for (int i = 0; i < model->n_params; i++) {
        made.params[i] = (nm_param_info){
            .name = i == 0 && !nm_fuzz_seldom(fuzz) ? "T" : name(fuzz, "p", i),
            .unit = unit(fuzz),
            .low = number(fuzz, 0.5),
            .dflt = number(fuzz, 1.0),
            .high = number(fuzz, 2.0),
            .is_log = nm_fuzz_byte(fuzz) & 1,
            .text = text(fuzz),
        };
    }
    model->n_variants = nm_fuzz_seldom(fuzz) ? nm_fuzz_number(fuzz, 0, NM_MAX_VARIANTS + 2)
                                             : nm_fuzz_number(fuzz, 0, 3);
    for (int i = 0; i < model->n_variants; i++) {
        int n = nm_fuzz_seldom(fuzz) ? 0 : nm_fuzz_number(fuzz, 1, MOST_CHOICES);
        for (int k = 0; k < n; k++) {
            made.choices[i][k] = name(fuzz, "choice", k);
        }
        made.variants[i] = (nm_variant_info){name(fuzz, "v", i), n, made.choices[i]};
    }
}

static void make_species(nm_fuzz *fuzz, nm_model *model)
{
    static const char *const charges[] = {
        "0", "+1", "-1", "2", "z_X", "-2", "1.5", "", "99999999999", "-9223372036854775808", " 1"};
    model->n_compartments = nm_fuzz_number(fuzz, nm_fuzz_seldom(fuzz) ? 0 : 1, 3);
    model->n_potentials = nm_fuzz_seldom(fuzz);
    model->n_volumes = nm_fuzz_seldom(fuzz);
    for (int i = 0; i < model->n_compartments; i++) {
        int what = nm_fuzz_byte(fuzz);
        made.compartments[i] = (nm_compartment_info){
            .name = name(fuzz, "c", i),
            .volume = what & 1 ? name(fuzz, "ell", i) : NULL,
            .potential = what & 2 ? name(fuzz, "V", i) : NULL,
            .text = text(fuzz),
        };
        model->n_volumes += what & 1;
        model->n_potentials += (what & 2) / 2;
    }
    model->n_species = nm_fuzz_number(fuzz, nm_fuzz_seldom(fuzz) ? 0 : 1, MOST_ROWS);
    for (int i = 0; i < model->n_species; i++) {
        made.species[i] = (nm_species_info){
            .name = name(fuzz, "s", i),
            .kind = nm_fuzz_byte(fuzz) & 3,
            .charge = nm_fuzz_seldom(fuzz) ? raw(fuzz) : ONE_OF(fuzz, charges),
            .compartment = which(fuzz, model->n_compartments),
            .value = text(fuzz),
            .text = text(fuzz),
            .partner = nm_fuzz_byte(fuzz) & 1 ? -1 : which(fuzz, model->n_species),
        };
    }
    model->n_pairs = nm_fuzz_number(fuzz, 0, 4);
    for (int i = 0; i < model->n_pairs; i++) {
        made.pairs[i] = which(fuzz, model->n_species);
    }
}

static void make_paths(nm_fuzz *fuzz, nm_model *model)
{
    static const char *const laws[] = {"ohmic(g)", "constant(r)", "mass_action(kf, kr)", ""};
    static const char *const sides[] = {"s0",           "3*s0 + s1", "p0",       "7",
                                        "p99999999999", "",          "p1 + fuel"};
    model->n_paths = nm_fuzz_number(fuzz, nm_fuzz_seldom(fuzz) ? 0 : 1, MOST_ROWS);
    for (int i = 0; i < model->n_paths; i++) {
        made.paths[i] =
            (nm_path_info){name(fuzz, "j", i), ONE_OF(fuzz, sides), ONE_OF(fuzz, sides),
                           ONE_OF(fuzz, laws), text(fuzz),          nm_fuzz_byte(fuzz) & 1};
    }
    /* one byte moves few species, as in models; some move by any amount */
    for (int i = 0; i < model->n_paths * model->n_species; i++) {
        int b = nm_fuzz_byte(fuzz);
        made.nu[i] = (signed char)(b < 160 ? 0 : b < 250 ? b % 7 - 3 : nm_fuzz_byte(fuzz));
    }
    model->n_loops = model->n_paths > 0 ? nm_fuzz_number(fuzz, 0, 3) : 0;
    for (int i = 0; i < model->n_loops; i++) {
        made.loops[i] = which(fuzz, model->n_paths);
        for (int k = 0; k < model->n_paths; k++) {
            made.loop_part[i * model->n_paths + k] = number(fuzz, nm_fuzz_byte(fuzz) % 3 - 1);
        }
    }
    model->n_fuels = nm_fuzz_number(fuzz, 0, 3);
    for (int i = 0; i < model->n_fuels; i++) {
        made.fuels[i] = (nm_fuel_info){name(fuzz, "fuel", i), text(fuzz), text(fuzz)};
    }
}

static const char *sum(nm_fuzz *fuzz, const nm_model *model)
{
    char out[256] = "";
    size_t length = 0;
    int n = nm_fuzz_number(fuzz, 1, 4);
    for (int i = 0; i < n && model->n_species > 0 && length < sizeof out; i++) {
        int factor = nm_fuzz_seldom(fuzz) ? nm_fuzz_number(fuzz, -9, 30000) : 1;
        length +=
            (size_t)snprintf(out + length, sizeof out - length, "%s%d*%s", i > 0 ? " + " : "",
                             factor, made.species[nm_fuzz_byte(fuzz) % model->n_species].name);
    }
    return nm_fuzz_seldom(fuzz) ? raw(fuzz) : keep(out, strlen(out));
}

static void make_rest(nm_fuzz *fuzz, nm_model *model)
{
    static const char *const settings[] = {
        "",   "T=1", "p1=2 v0=choice0", " T=1\tp2=-1e3\n", "T=1 T=2",
        "T=", "=1",  "T=1e999",         "v0=nothing"};
    model->n_totals = nm_fuzz_number(fuzz, 0, 3);
    for (int i = 0; i < model->n_totals; i++) {
        const char *total = nm_fuzz_seldom(fuzz) || model->n_params == 0
                                ? name(fuzz, "p", i)
                                : made.params[nm_fuzz_byte(fuzz) % model->n_params].name;
        made.totals[i] =
            (nm_total_info){total, sum(fuzz, model), which(fuzz, model->n_species), text(fuzz)};
    }
    made.n_weights = model->n_totals * model->n_species;
    for (int i = 0; i < made.n_weights; i++) {
        made.weights[i] = number(fuzz, nm_fuzz_byte(fuzz) % 3);
    }
    model->n_observables = nm_fuzz_number(fuzz, 0, 3);
    for (int i = 0; i < model->n_observables; i++) {
        made.observables[i] = (nm_observable_info){name(fuzz, "o", i), unit(fuzz), text(fuzz)};
    }
    model->n_presets = nm_fuzz_number(fuzz, 0, 2);
    for (int i = 0; i < model->n_presets; i++) {
        made.presets[i] =
            (nm_preset_info){name(fuzz, "cell", i),
                             nm_fuzz_seldom(fuzz) ? raw(fuzz) : ONE_OF(fuzz, settings), text(fuzz)};
    }
}

static void make_model(nm_fuzz *fuzz, nm_model *model)
{
    static const char *const names[] = {"fuzz", "network", "nernst", "_", "9", ""};
    static const char *const extents[] = {"m-2", "m-3", "m-1", "", "EXTENT"};
    made.used = 0;
    *model = (nm_model){
        .abi = nm_fuzz_seldom(fuzz) ? NM_ABI - 1 : NM_ABI,
        .struct_bytes = nm_fuzz_seldom(fuzz) ? 8 : (int)sizeof *model,
        .name = nm_fuzz_seldom(fuzz) ? raw(fuzz) : names[nm_fuzz_byte(fuzz) % 3],
        .extent = nm_fuzz_seldom(fuzz) ? ONE_OF(fuzz, extents) : extents[nm_fuzz_byte(fuzz) & 1],
        .growth = nm_fuzz_byte(fuzz) & 1 ? NULL : text(fuzz),
        .params = made.params,
        .variants = made.variants,
        .compartments = made.compartments,
        .species = made.species,
        .fuels = made.fuels,
        .totals = made.totals,
        .paths = made.paths,
        .observables = made.observables,
        .presets = made.presets,
        .nu = made.nu,
        .pairs = made.pairs,
        .loops = made.loops,
        .loop_part = made.loop_part,
        .draw = draw,
        .axis_value = axis_value,
        .prepare_draw = prepare_draw,
        .ground_charge = ground_charge,
        .n_kernels =
            nm_fuzz_number(fuzz, nm_fuzz_seldom(fuzz) ? 0 : 1, nm_fuzz_seldom(fuzz) ? 3 : 2),
        .kernels = kernels,
        .uses = nm_fuzz_byte(fuzz) & 1 ? uses : NULL,
        .total_weights = nm_fuzz_byte(fuzz) & 1 ? total_weights : NULL,
    };
    make_params(fuzz, model);
    make_species(fuzz, model);
    make_paths(fuzz, model);
    make_rest(fuzz, model);
    model->n_states = model->n_species;
    model->text = nm_fuzz_byte(fuzz) & 1 ? raw(fuzz) : NULL;
}

/* --- what is said of models ----------------------------------------------------------------------- */

static void check_catalogue(const nm_model *model)
{
    static nm_catalogue catalogue;
    char loop[NM_LOOP_TEXT];
    nm_fuzz_check(nm_catalogue_build(&catalogue, model) == NM_OK, "%s", nm_last_error());
    for (int i = 0; i < catalogue.n; i++) {
        const nm_output *output = &catalogue.output[i];
        nm_fuzz_check(output->name[0] == '\0' || nm_catalogue_find(&catalogue, output->name) == i,
                      "%s", output->name);
        nm_fuzz_check(nm_param_index(model, output->name) < 0, "%s", output->name);
    }
    for (int i = 0; i < model->n_species; i++) {
        nm_fuzz_check(nm_catalogue_unit(model, i) != NULL, "species %d", i);
    }
    for (int i = 0; i < model->n_loops; i++) {
        nm_fuzz_check(strlen(nm_catalogue_loop(loop, model, i)) < NM_LOOP_TEXT, "loop %d", i);
    }
}

/* Every nu must keep every declared total: the promise of nm_model_check, by another road. */
static void check_totals(const nm_model *model)
{
    static double weights[MOST_ROWS * MOST_ROWS];
    if (!model->total_weights) {
        return;
    }
    model->total_weights(weights);
    for (int t = 0; t < model->n_totals; t++) {
        const double *w = weights + t * model->n_species;
        double unit = w[model->totals[t].species];
        for (int k = 0; k < model->n_paths; k++) {
            double change = 0.0, size = 0.0;
            for (int s = 0; s < model->n_species; s++) {
                const nm_species_info *info = &model->species[s];
                int is_moved = info->kind == NM_SPECIES_FREE ||
                               (info->kind == NM_SPECIES_WATER &&
                                model->compartments[info->compartment].volume);
                double part = is_moved ? w[s] / unit * model->nu[k * model->n_species + s] : 0.0;
                change += part;
                size += fabs(part);
            }
            nm_fuzz_check(fabs(change) <= 1e-6 * size, "path %d changes total %d by %g", k, t,
                          change);
        }
    }
}

static void say_all(const nm_model *model)
{
    static FILE *nowhere;
    nowhere = nowhere ? nowhere : fopen("/dev/null", "w");
    nm_fuzz_check(nowhere != NULL, "/dev/null");
    nm_fuzz_check(nm_describe_model(nowhere, model, "./fuzz.c") == NM_OK, "%s", nm_last_error());
    nm_describe_init(nowhere, model, "./fuzz.c", model->n_presets > 0 ? &model->presets[0] : NULL);
    (void)nm_topology_print(nowhere, "[variant]\n", "", model);
    for (int i = 0; i < model->n_presets; i++) {
        int choice[NM_MAX_VARIANTS] = {0};
        double value[NM_MAX_PARAMS] = {0.0};
        nm_fuzz_check(nm_preset_apply(choice, value, model, &model->presets[i]) == NM_OK, "%s",
                      nm_last_error());
        for (int k = 0; k < model->n_variants; k++) {
            nm_fuzz_check(choice[k] >= 0 && choice[k] < model->variants[k].n_choices, "%d",
                          choice[k]);
        }
    }
}

static void plan_point(const nm_model *model)
{
    nm_config *config;
    nm_plan *plan;
    nm_fuzz_forget();
    if (!nm_fuzz_is_accepted(nm_config_point(&config, model->name, NULL, 0))) {
        return;
    }
    nm_fuzz_forget();
    if (nm_fuzz_is_accepted(nm_plan_build(&plan, config, model, "cpu"))) {
        nm_fuzz_check(plan->n_points == 1, "%lld points", (long long)plan->n_points);
        nm_plan_destroy(&plan);
    }
    nm_config_destroy(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nm_fuzz fuzz = {data, size};
    nm_model model;
    make_model(&fuzz, &model);
    nm_fuzz_forget();
    if (nm_fuzz_is_accepted(nm_model_check(&model))) {
        check_catalogue(&model);
        check_totals(&model);
        say_all(&model);
        plan_point(&model);
    }
    return 0;
}
