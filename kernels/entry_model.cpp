/* The description of a model: its tables as plain structs, its draw, its kernels by width. */
#include NM_MODEL_FILE
#include "trace.h"

#define NM_NAME_2(prefix, model, suffix) prefix##model##suffix
#define NM_NAME(prefix, model, suffix) NM_NAME_2(prefix, model, suffix)
#define NM_TEXT_2(x) #x
#define NM_TEXT(x) NM_TEXT_2(x)

#ifndef NM_WIDTHS /* lanes of the kernels that were compiled, widest first */
#define NM_WIDTHS(width) width(16) width(8) width(1)
#endif
#define NM_RUN(lanes) NM_NAME(nm_run_, NM_MODEL, _##lanes)
#define NM_DECLARE_RUN(lanes) int NM_RUN(lanes)(const nm_task *task, nm_tile *tile);

extern "C" {
NM_WIDTHS(NM_DECLARE_RUN)
extern const nm_model NM_NAME(nm_model_, NM_MODEL, );
}

/* the model file itself, for its hash: what was asked is known to the byte */
#ifdef NM_MODEL_PATH
__asm__(".section .rodata\n"
        "nm_text_of_model: .incbin \"" NM_MODEL_PATH "\"\n"
        ".byte 0\n"
        ".previous\n");
extern "C" const char nm_text_of_model[];
#else
#define nm_text_of_model NULL
#endif

namespace {

enum { scale_linear = 0, scale_log = 1 };
#define ROW_PARAM(name, unit, dflt, low, high, scale, text) {#name, unit, dflt, low, high, scale_##scale, text},
const nm_param_info params[] = {NM_PARAMETERS(ROW_PARAM)};

#define ROW_CHOICES(name, ...) const char *const choices_##name[] = {NM_EACH_TEXT(__VA_ARGS__)};
#define NM_EACH_TEXT(...) NM_EACH_PICK(__VA_ARGS__, EACH8, EACH7, EACH6, EACH5, EACH4, EACH3, EACH2, EACH1, 0)(__VA_ARGS__)
#define NM_EACH_PICK(a, b, c, d, e, f, g, h, name, ...) name
#define EACH1(a) #a
#define EACH2(a, ...) #a, EACH1(__VA_ARGS__)
#define EACH3(a, ...) #a, EACH2(__VA_ARGS__)
#define EACH4(a, ...) #a, EACH3(__VA_ARGS__)
#define EACH5(a, ...) #a, EACH4(__VA_ARGS__)
#define EACH6(a, ...) #a, EACH5(__VA_ARGS__)
#define EACH7(a, ...) #a, EACH6(__VA_ARGS__)
#define EACH8(a, ...) #a, EACH7(__VA_ARGS__)
NM_VARIANTS(ROW_CHOICES)
#define ROW_VARIANT(name, ...) {#name, NM_VN_##name, choices_##name},
const nm_variant_info variants[] = {NM_VARIANTS(ROW_VARIANT){NULL, 0, NULL}};

#define VOLUME_swells(name) #name
#define VOLUME_fixed(value) NULL
#define POTENTIAL_floats(name, membrane) #name
#define POTENTIAL_ground NULL
#define ROW_COMPARTMENT(name, volume, potential, text) {#name, VOLUME_##volume, POTENTIAL_##potential, text},
const nm_compartment_info compartments[] = {NM_COMPARTMENTS(ROW_COMPARTMENT)};

#define ROW_FREE(name, z, where, value, text) {#name, NM_SPECIES_FREE, #z, NM_C_##where, #value, text, nm_partner(NM_S_##name)},
#define ROW_TRAPPED(name, z, where, value, text) {#name, NM_SPECIES_TRAPPED, #z, NM_C_##where, #value, text, -1},
#define ROW_WATER(name, z, where, value, text) {#name, NM_SPECIES_WATER, #z, NM_C_##where, #value, text, -1},
#define ROW_HELD(name, z, where, value, text) {#name, NM_SPECIES_HELD, #z, NM_C_##where, #value, text, -1},
const nm_species_info species[] = {NM_SPECIES(ROW_FREE, ROW_TRAPPED, ROW_WATER, ROW_HELD)};

#define ROW_FUEL(name, energy, text) {#name, #energy, text},
const nm_fuel_info fuels[] = {NM_FUELS(ROW_FUEL){NULL, NULL, NULL}};

#define ROW_TOTAL(name, expression, which, text) {#name, #expression, NM_S_##which, text},
const nm_total_info totals[] = {NM_TOTALS(ROW_TOTAL){NULL, NULL, 0, NULL}};

#define ROW_PATH(name, from, to, law, text) {#name, #from, #to, #law, text, nm_is_fueled(NM_J_##name)},
const nm_path_info paths[] = {NM_PATHWAYS(ROW_PATH)};

#define ROW_OBSERVABLE(name, unit, expression, text) {#name, unit, text},
const nm_observable_info observables[] = {NM_OBSERVABLES(ROW_OBSERVABLE){NULL, NULL, NULL}};

#define ROW_PRESET(name, settings, text) {#name, settings, text},
const nm_preset_info presets[] = {NM_PRESETS(ROW_PRESET){NULL, NULL, NULL}};

struct stoichiometry {
    signed char nu[NM_NJ * NM_NS];
    int pairs[NM_NS + 1], walk_species[NM_NS], walk_from[NM_NJ], walk_to[NM_NJ];
};
constexpr stoichiometry tabulate() {
    stoichiometry t = {};
    for (int k = 0; k < NM_NJ; k++) {
        for (int s = 0; s < NM_NS; s++) { t.nu[k * NM_NS + s] = (signed char)nm_nu(k, s); }
    }
    for (int i = 0; i < nm_n_pairs(); i++) { t.pairs[i] = nm_pair(i); }
    for (int i = 0; i < NM_N_WALK; i++) { t.walk_species[i] = nm_walk_species(i); }
    for (int k = 0; k < NM_NJ; k++) {
        t.walk_from[k] = nm_walk_end(k, 0);
        t.walk_to[k] = nm_walk_end(k, 1);
    }
    return t;
}
constexpr stoichiometry table = tabulate();

void draw_point(const nm_draw *draw, int64_t index, double *p) {
    for (int i = 0; i < NM_NP; i++) { p[i] = draw->value[i]; }
    nm_draw_point(draw, index, p);
}

double axis_value(const nm_axis *axis, int64_t i) { return nm_axis_point(axis, i); }

void prepare_draw(nm_draw *draw) { nm_prepare_draw(draw); }

/* charge of held species in ground compartments / sum of its parts */
double ground_charge(const double *p) {
    nm_point pt;
    nm_choices pick;
    memset(&pick, 0, sizeof pick);
    for (int i = 0; i < NM_NP; i++) { pt.p[i] = p[i]; }
    nm_prepare(&pt, &pick);
    double net = 0.0, all = 0.0;
    for (int s = 0; s < NM_NS; s++) {
        if (nm_kind(s) == NM_SPECIES_HELD && nm_potential_of(nm_place(s)) < 0) {
            net += pt.charge[s] * pt.held[s];
            all += fabs(pt.charge[s] * pt.held[s]);
        }
    }
    return all > 0.0 ? net / all : 0.0;
}

/* everything of a point at its initial state that a parameter can reach */
struct signature {
    nm_look look;
    nm_point point;
};
void sign(signature *s, const double *p, const nm_choices *pick) {
    double y[NM_NY];
    memset(s, 0, sizeof *s);
    for (int i = 0; i < NM_NP; i++) { s->point.p[i] = p[i]; }
    nm_prepare(&s->point, pick);
    nm_initial(y, &s->point);
    nm_look_at(&s->look, y, &s->point, pick);
    memset(s->point.p, 0, sizeof s->point.p);
}

/* a parameter matters if something changes with it, at its default or beside it */
int uses(const int *choice, int param) {
    static const double factors[] = {1.01, 0.93};
    nm_task task;
    double p[NM_NP];
    signature before, after;
    memcpy(task.choice, choice, sizeof task.choice);
    nm_choices pick = nm_make_choices(&task);
    for (int i = 0; i < NM_NP; i++) { p[i] = params[i].dflt == 0.0 ? 0.01 : params[i].dflt; }
    sign(&before, p, &pick);
    for (int k = 0; k < 2; k++) {
        double kept = p[param];
        p[param] = kept * factors[k];
        sign(&after, p, &pick);
        p[param] = kept;
        if (memcmp(&before, &after, sizeof before) != 0) { return 1; }
    }
    return 0;
}

int walks(const int *choice) {
    nm_task task;
    nm_point pt;
    memcpy(task.choice, choice, sizeof task.choice);
    const nm_choices pick = nm_make_choices(&task);
    for (int i = 0; i < NM_NP; i++) { pt.p[i] = params[i].dflt; }
    nm_prepare(&pt, &pick);
    for (int s = 0; s < NM_NS; s++) {
        if (nm_is_holdable(s) && !pt.is_held[s]) { return 0; }
    }
    return NM_N_WALK > 0;
}

/* slopes of the totals by the unknowns */
struct total_slopes {
    double slope[NM_NT + 1][NM_NY];
    template <int K, nm_dirs M> void path(const nm_flux<M> &) {}
    template <int E, nm_dirs M> void fuel(nm_dual<M>) {}
    template <int Y, nm_dirs M> void hold(nm_dual<M>) {}
    template <int C, nm_dirs M> void charge(nm_dual<M>) {}
    template <int C, nm_dirs M> void current(nm_dual<M>, nm_plain, const nm_point *) {}
    template <int T, nm_dirs M> void total(nm_dual<M> row, nm_plain) {
        nm_unroll<NM_NY>([&](auto i) NM_LAMBDA { slope[T][i.value] = nm_slope<i.value>(row); });
    }
};
void total_weights(double *weights) {
    nm_point pt;
    nm_choices pick;
    total_slopes slopes;
    double y[NM_NY];
    memset(&pick, 0, sizeof pick);
    memset(&slopes, 0, sizeof slopes);
    for (int i = 0; i < NM_NP; i++) { pt.p[i] = params[i].dflt; }
    nm_prepare(&pt, &pick);
    nm_initial(y, &pt);
    for (int s = 0; s < NM_NS; s++) { pt.is_held[s] = 0; } /* what a total says where nothing is held */
    nm_visit_network<true>(&slopes, &pt, &pick, y);
    for (int t = 0; t < NM_NT; t++) {
        for (int s = 0; s < NM_NS; s++) {
            int i = nm_unknown_of(s), volume = nm_volume_of(nm_place(s));
            double size = volume >= 0 ? exp(y[volume]) : pt.fixed[nm_place(s)];
            weights[t * NM_NS + s] = nm_kind(s) == NM_SPECIES_FREE ? slopes.slope[t][i] / (exp(y[i]) * size) : 0.0;
        }
    }
}

int trace_point(const nm_task *task, const double *p, nm_trace *trace) { return nm_trace_point(trace, task, p); }

#define ROW_KERNEL(lanes) {lanes, NM_RUN(lanes)},
const nm_kernel kernels[] = {NM_WIDTHS(ROW_KERNEL)};

} // namespace

const nm_model NM_NAME(nm_model_, NM_MODEL, ) = {
    NM_ABI, sizeof(nm_model), NM_TEXT(NM_MODEL), NM_EXTENT, NM_GROWTH,
    NM_NP, NM_NV, NM_NC, NM_NS, NM_NE, NM_NT, NM_NJ, NM_NO,
    params, variants, compartments, species, fuels, totals, paths, observables,
    table.nu, NM_NY, NM_N_POTENTIALS, NM_N_VOLUMES, nm_n_pairs(), table.pairs,
    draw_point, axis_value, prepare_draw, ground_charge,
    (int)(sizeof kernels / sizeof kernels[0]), kernels, uses, nm_text_of_model,
    NM_N_PRESETS, nm_loop_table.n, presets, nm_loop_table.closes, &nm_loop_table.part[0][0], total_weights, trace_point,
    NM_N_WALK, nm_turn_table.n, table.walk_species, table.walk_from, table.walk_to, nm_turn_table.turn, walks};
