/* The model `nernst`: any number of ions, and neutral solutes, on both sides of a membrane.
 *
 * 1. reading   2. writing */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "topology_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { IONS }; /* variant */
enum {
    NAME_BYTES = 13,
    LABEL_BYTES = NAME_BYTES + 16,
    COMMON_PARAMS = 8, /* of the membrane and of a gate */
    PUMP_PARAMS = 2,
    ION_PARAMS = 4,
    MOST_IONS = (NM_MAX_PARAMS - COMMON_PARAMS) / ION_PARAMS,
    MOST_CHARGE = 9
};

/* default, low, high */
typedef struct range {
    const char *dflt, *low, *high;
} range;

/* What is usual on both sides of a membrane, and how it leaks: conductance or, of what is neutral,
 * flux per unit of force; permeability. */
typedef struct usual {
    const char *name;
    int charge;
    range inside, outside, leak, permeability;
} usual;

static const usual known[] = {
    {"Na",
     1,
     {"12.0", "1.0", "100.0"},
     {"145.0", "20.0", "450.0"},
     {"0.1", "1e-3", "100.0"},
     {"1e-10", "1e-12", "1e-7"}},
    {"K",
     1,
     {"140.0", "20.0", "400.0"},
     {"4.0", "1.0", "100.0"},
     {"3.0", "1e-3", "100.0"},
     {"1e-9", "1e-12", "1e-7"}},
    {"Cl",
     -1,
     {"10.0", "1.0", "200.0"},
     {"110.0", "20.0", "500.0"},
     {"2.0", "1e-3", "100.0"},
     {"1e-9", "1e-12", "1e-7"}},
    {"Ca",
     2,
     {"1e-4", "5e-5", "1e-3"},
     {"1.8", "0.5", "10.0"},
     {"0.001", "1e-4", "1.0"},
     {"1e-13", "1e-14", "1e-9"}},
};
static const usual any_ion = {"",
                              0,
                              {"10.0", "0.01", "500.0"},
                              {"10.0", "0.01", "500.0"},
                              {"0.1", "1e-3", "100.0"},
                              {"1e-10", "1e-12", "1e-7"}};
static const usual any_neutral = {"",
                                  0,
                                  {"5.0", "0.1", "300.0"},
                                  {"5.0", "0.1", "300.0"},
                                  {"1e-8", "1e-11", "1e-5"},
                                  {"1e-9", "1e-12", "1e-7"}};

typedef struct ion {
    char name[NAME_BYTES], label[LABEL_BYTES];
    int charge;
    const usual *usual;
} ion;

typedef struct ions {
    int n;
    ion ion[MOST_IONS];
    int gated;             /* whose channels a gate may close */
    int sodium, potassium; /* what a pump exchanges; -1 where one is missing */
} ions;

static const char standard[] = "Na:+1 K:+1 Cl:-1 Ca:+2 S:0";

/* --- 1. reading -------------------------------------------------------------------------- */

/* A name that makes one which the model has already, such as I_app, P_ATP and X_in. */
static int is_taken(const char *name)
{
    static const char *const taken[] = {"X",    "app", "ions",  "total",
                                        "pump", "ATP", "clamp", "held"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (strcmp(name, taken[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Finds what is usual of an ion and how people write it. */
static void describe(ion *ion)
{
    int size = abs(ion->charge);
    ion->usual = size > 0 ? &any_ion : &any_neutral;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, ion->name) == 0 && known[i].charge == ion->charge) {
            ion->usual = &known[i];
        }
    }
    if (size == 0) {
        int is_any = strcmp(ion->name, "S") == 0;
        snprintf(ion->label, sizeof ion->label, "%s", is_any ? "neutral solute" : ion->name);
    } else if (size == 1) {
        snprintf(ion->label, sizeof ion->label, "%s%c", ion->name, ion->charge > 0 ? '+' : '-');
    } else {
        snprintf(ion->label, sizeof ion->label, "%s%d%c", ion->name, size,
                 ion->charge > 0 ? '+' : '-');
    }
}

/* Reads "Ca:+2". returns 0 where it is no ion. */
static int read_ion(ion *ion, const char *word, int length)
{
    int n = 0, sign = 1;
    while (n < length && isalnum((unsigned char)word[n])) {
        n++;
    }
    if (n == 0 || n >= NAME_BYTES || isdigit((unsigned char)word[0]) || word[n] != ':') {
        return 0;
    }
    snprintf(ion->name, sizeof ion->name, "%.*s", n, word);
    const char *charge = word + n + 1;
    if (*charge == '+' || *charge == '-') {
        sign = *charge == '-' ? -1 : 1;
        charge++;
    }
    if (charge + 1 != word + length || !isdigit((unsigned char)*charge)) {
        return 0;
    }
    ion->charge = sign * (*charge - '0');
    describe(ion);
    return 1;
}

static nm_status read_next(ions *all, const nm_topology_said *said, const char *word, int length)
{
    ion next = {.charge = 0};
    if (!read_ion(&next, word, length)) {
        return nm_fail(NM_USAGE,
                       "%s\"%.*s\" is no ion; an ion is a name of up to %d letters and digits, : "
                       "and its charge from -%d to +%d, like Ca:+2 or urea:0",
                       nm_topology_but(said, IONS), length, word, NAME_BYTES - 1, MOST_CHARGE,
                       MOST_CHARGE);
    }
    if (is_taken(next.name)) {
        return nm_fail(NM_USAGE, "%sthe model gives the name %s to something else; rename this ion",
                       nm_topology_but(said, IONS), next.name);
    }
    for (int i = 0; i < all->n; i++) {
        if (strcmp(all->ion[i].name, next.name) == 0) {
            return nm_fail(NM_USAGE, "%s%s stands there twice; keep one",
                           nm_topology_but(said, IONS), next.name);
        }
    }
    if (all->n == MOST_IONS) {
        return nm_fail(NM_USAGE, "%sthere may be %d ions at most", nm_topology_but(said, IONS),
                       MOST_IONS);
    }
    all->ion[all->n++] = next;
    return NM_OK;
}

static int find_monovalent(const ions *all, const char *name)
{
    for (int i = 0; i < all->n; i++) {
        if (strcmp(all->ion[i].name, name) == 0 && all->ion[i].charge == 1) {
            return i;
        }
    }
    return -1;
}

static int has_pump(const ions *all)
{
    return all->sodium >= 0 && all->potassium >= 0;
}

static nm_status read_ions(ions *all, const nm_topology_said *said)
{
    const char *text = said->variant[IONS] ? said->variant[IONS]->value.text : standard;
    memset(all, 0, sizeof *all);
    int length;
    const char *word = nm_topology_word(&length, text);
    for (; length > 0; word = nm_topology_word(&length, word + length)) {
        NM_TRY(read_next(all, said, word, length));
    }
    all->sodium = find_monovalent(all, "Na");
    all->potassium = find_monovalent(all, "K");
    all->gated = all->potassium;
    for (int i = 0; i < all->n && all->gated < 0; i++) {
        all->gated = all->ion[i].charge != 0 ? i : -1;
    }
    if (all->gated < 0) {
        return nm_fail(NM_USAGE,
                       "%snone of these carries a charge, so nothing moves the potential; add an "
                       "ion, like K:+1",
                       nm_topology_but(said, IONS));
    }
    int n_params = COMMON_PARAMS + ION_PARAMS * all->n + (has_pump(all) ? PUMP_PARAMS : 0);
    if (n_params > NM_MAX_PARAMS) {
        return nm_fail(NM_USAGE,
                       "%s%d ions and a pump have %d parameters, and a model may have %d at most; "
                       "leave one out",
                       nm_topology_but(said, IONS), all->n, n_params, NM_MAX_PARAMS);
    }
    return NM_OK;
}

/* --- 2. writing -------------------------------------------------------------------------- */

/* The ions as [variant] says them. */
static void wrap_ions(nm_wrap *wrap, const ions *all)
{
    for (int i = 0; i < all->n; i++) {
        char word[NAME_BYTES + 16];
        int charge = all->ion[i].charge;
        snprintf(word, sizeof word, charge ? "%s:%+d" : "%s:%d", all->ion[i].name, charge);
        nm_wrap_word(wrap, word);
    }
}

/* "12.0," */
static const char *with_comma(char out[32], const char *text)
{
    snprintf(out, 32, "%s,", text);
    return out;
}

/* name: with a place for the ion's, such as "g_%s" */
static void write_parameter(nm_sheet *sheet, const char *before, const char *name,
                            const char *after, const char *unit, const range *range,
                            const char *scale, const char *text)
{
    char whole[NAME_BYTES + 8], dflt[32], low[32], high[32];
    snprintf(whole, sizeof whole, "%s%s%s,", before, name, after);
    nm_sheet_row(sheet, "    param(%-8s %-14s %-9s %-8s %-8s %-7s \"%s\")", whole, unit,
                 with_comma(dflt, range->dflt), with_comma(low, range->low),
                 with_comma(high, range->high), scale, text);
}

static void write_ion_parameters(nm_sheet *sheet, const ion *ion)
{
    char text[96];
    int is_neutral = ion->charge == 0;
    snprintf(text, sizeof text, "%s inside, held or at the start", ion->label);
    write_parameter(sheet, "", ion->name, "_i", "\"mol m-3\",", &ion->usual->inside, "log,", text);
    snprintf(text, sizeof text, "%s outside", ion->label);
    write_parameter(sheet, "", ion->name, "_o", "\"mol m-3\",", &ion->usual->outside, "log,", text);
    snprintf(text, sizeof text, "%s conductance (ohmic)", ion->label);
    write_parameter(sheet, is_neutral ? "L_" : "g_", ion->name, "",
                    is_neutral ? "\"mol m-2 s-1\"," : "\"S m-2\",", &ion->usual->leak, "log,",
                    is_neutral ? "its flux per unit of force / RT (ohmic)" : text);
    snprintf(text, sizeof text, "%s permeability (ghk)", ion->label);
    write_parameter(sheet, "P_", ion->name, "", "\"m s-1\",", &ion->usual->permeability, "log,",
                    is_neutral ? "its permeability (ghk)" : text);
}

static void write_parameters(nm_sheet *sheet, const ions *all)
{
    static const struct {
        const char *name, *unit;
        range range;
        const char *scale, *text;
    } membrane[] = {
        {"T", "\"K\",", {"310.15", "273.15", "323.15"}, "linear,", "temperature"},
        {"C_m", "\"F m-2\",", {"0.01", "0.005", "0.03"}, "log,", "membrane capacitance"},
        {"I_app",
         "\"A m-2\",",
         {"0.0", "-0.1", "0.1"},
         "linear,",
         "applied current, positive depolarises (free)"},
        {"V_hold",
         "\"V\",",
         {"-0.06", "-0.15", "0.1"},
         "linear,",
         "held potential, in - out (clamped)"},
        {"ell",
         "\"m\",",
         {"1e-6", "1e-7", "1e-4"},
         "log,",
         "water inside / membrane area (finite)"},
    };
    static const range share = {"0.0", "0.0", "1.0"}, half = {"-0.04", "-0.12", "0.08"},
                       width = {"0.01", "0.003", "0.03"}, rate = {"0.0", "0.0", "1e-7"},
                       energy = {"-57000.0", "-65000.0", "-40000.0"};
    char text[96];
    nm_sheet_row(sheet, "#define NM_PARAMETERS(param)");
    nm_sheet_row(sheet,
                 "    /*    name     unit           default   low      high     scale   what "
                 "it is */");
    for (size_t i = 0; i < sizeof membrane / sizeof membrane[0]; i++) {
        write_parameter(sheet, membrane[i].name, "", "", membrane[i].unit, &membrane[i].range,
                        membrane[i].scale, membrane[i].text);
    }
    for (int i = 0; i < all->n; i++) {
        write_ion_parameters(sheet, &all->ion[i]);
    }
    snprintf(text, sizeof text, "share of the %s channels with a voltage gate",
             all->ion[all->gated].label);
    write_parameter(sheet, "w_gate", "", "", "\"1\",", &share, "linear,", text);
    write_parameter(sheet, "V_half", "", "", "\"V\",", &half, "linear,",
                    "half of the gates are open here");
    write_parameter(sheet, "k_gate", "", "", "\"V\",", &width, "log,", "how gradually gates open");
    if (has_pump(all)) {
        write_parameter(sheet, "p_pump", "", "", "\"mol m-2 s-1\",", &rate, "linear,",
                        "pump cycles");
        write_parameter(sheet, "dG_ATP", "", "", "\"J mol-1\",", &energy, "linear,",
                        "free energy of ATP hydrolysis");
    }
    nm_sheet_end(sheet);
}

/* "#define CHARGE (Na_i + K_i - Cl_i + 2.0 * Ca_i)": a sum over the ions weighed by their charges */
static void write_sum(nm_sheet *sheet, const char *head, const char *before, const char *after,
                      const char *tail, const ions *all)
{
    enum { WIDTH = 100 };
    char line[NM_SHEET_BYTES];
    int used = snprintf(line, sizeof line, "%s", head), n = 0;
    for (int i = 0; i < all->n; i++) {
        const ion *ion = &all->ion[i];
        char term[NAME_BYTES + 32], factor[16] = "";
        if (ion->charge == 0) {
            continue;
        }
        if (abs(ion->charge) > 1) {
            snprintf(factor, sizeof factor, "%d.0 * ", abs(ion->charge));
        }
        const char *sign = ion->charge < 0 ? (n > 0 ? " - " : "-") : (n > 0 ? " + " : "");
        int length =
            snprintf(term, sizeof term, "%s%s%s%s%s", sign, factor, before, ion->name, after);
        if (used + length > WIDTH) {
            nm_sheet_row(sheet, "%s", line);
            used = snprintf(line, sizeof line, "   ");
        }
        used += snprintf(line + used, sizeof line - (size_t)used, "%s", term);
        n++;
    }
    nm_sheet_row(sheet, "%s%s", line, tail);
    nm_sheet_end(sheet);
}

static void write_species(nm_sheet *sheet, const ions *all, int is_outside)
{
    for (int i = 0; i < all->n; i++) {
        const ion *ion = &all->ion[i];
        char name[NAME_BYTES + 8], charge[16], value[NAME_BYTES + 8];
        snprintf(name, sizeof name, "%s%s", ion->name, is_outside ? "_o," : "_in,");
        snprintf(charge, sizeof charge, ion->charge ? "%+d," : "%d,", ion->charge);
        snprintf(value, sizeof value, "%s%s", ion->name, is_outside ? "_o," : "_i,");
        nm_sheet_row(sheet, "    %s   %-8s %-7s %s,  %-6s \"%s %s\")",
                     is_outside ? "held(" : "free(", name, charge, is_outside ? "bath" : "cell",
                     value, ion->label, is_outside ? "outside" : "inside");
    }
}

static void write_states(nm_sheet *sheet, const ions *all)
{
    nm_sheet_row(sheet, "#define NM_VARIANTS(variant)");
    nm_sheet_row(sheet, "    variant(leak, ohmic, ghk)");
    nm_sheet_row(sheet, "    variant(membrane, free, clamped)");
    nm_sheet_row(sheet, "    variant(inside, held, finite)");
    nm_sheet_end(sheet);

    nm_sheet_row(sheet, "#define NM_COMPARTMENTS(compartment)");
    nm_sheet_row(sheet, "    compartment(cell, fixed(ell), floats(V, by(membrane, charging(C_m, "
                        "I_app), clamp(V_hold, C_m))),");
    nm_sheet_row(sheet, "                \"the inside\")");
    nm_sheet_row(sheet, "    compartment(bath, fixed(1.0), ground, \"the outside\")");
    nm_sheet_end(sheet);

    nm_sheet_text(sheet,
                  "/* charge of the ions inside [mol m-3]; what is fixed there balances it */\n");
    write_sum(sheet, "#define CHARGE (", "", "_i", ")", all);

    nm_sheet_row(sheet, "#define NM_SPECIES(free, trapped, water, held)");
    nm_sheet_row(sheet, "    /*      name     charge  where  value  text */");
    write_species(sheet, all, 0);
    nm_sheet_row(sheet,
                 "    trapped(X_in,    -CHARGE, cell, ell,   \"fixed charge inside, as 1 mol "
                 "m-3 of a solute that carries it all\")");
    write_species(sheet, all, 1);
    nm_sheet_end(sheet);

    nm_sheet_row(sheet, "#define NM_HOLDS(hold)");
    for (int i = 0; i < all->n; i++) {
        char name[NAME_BYTES + 8];
        snprintf(name, sizeof name, "%s_in,", all->ion[i].name);
        nm_sheet_row(sheet, "    hold(%-6s by(inside, held, free))", name);
    }
    nm_sheet_end(sheet);
}

static void write_leak(nm_sheet *sheet, const ion *ion, int is_gated)
{
    char path[NAME_BYTES + 8], from[NAME_BYTES + 8], to[NAME_BYTES + 8], ohmic[64], ghk[64];
    const char *open = is_gated ? " * OPEN" : "";
    snprintf(path, sizeof path, "leak_%s,", ion->name);
    snprintf(from, sizeof from, "%s_in,", ion->name);
    snprintf(to, sizeof to, "%s_o,", ion->name);
    snprintf(ohmic, sizeof ohmic, ion->charge ? "ohmic(g_%s%s)," : "linear(L_%s%s),", ion->name,
             open);
    snprintf(ghk, sizeof ghk, "ghk(P_%s%s)),", ion->name, open);
    int is_any = strcmp(ion->name, "S") == 0;
    nm_sheet_row(sheet, "    path(%-8s %-6s %-5s by(leak, %-18s %-17s \"%s%s%s\")", path, from, to,
                 ohmic, ghk,
                 ion->charge ? ""
                 : is_any    ? "leak of the "
                             : "leak of ",
                 ion->label,
                 is_gated      ? " leak, in part gated"
                 : ion->charge ? " leak"
                               : "");
}

static void write_pathways(nm_sheet *sheet, const ions *all)
{
    const ion *gated = &all->ion[all->gated];
    if (has_pump(all)) {
        nm_sheet_row(sheet, "#define NM_FUELS(fuel)");
        nm_sheet_row(sheet, "    fuel(ATP, dG_ATP, \"ATP to ADP and phosphate\")");
        nm_sheet_end(sheet);
    }
    nm_sheet_text(sheet, "/* share of the %s conductance that is open at V */\n", gated->label);
    nm_sheet_row(sheet, "#define OPEN ((1.0 - w_gate) + w_gate * logistic((V - V_half) / k_gate))");
    nm_sheet_end(sheet);

    nm_sheet_text(sheet, "/* from -> to is outward */\n");
    nm_sheet_row(sheet, "#define NM_PATHWAYS(path)");
    for (int i = 0; i < all->n; i++) {
        write_leak(sheet, &all->ion[i], i == all->gated);
    }
    if (has_pump(all)) {
        nm_sheet_row(sheet, "    path(pump,    3*Na_in + 2*K_o + ATP, 3*Na_o + 2*K_in, "
                            "constant(p_pump),  \"Na,K-ATPase at a given rate\")");
    }
    nm_sheet_end(sheet);
}

static void write_currents(nm_sheet *sheet, const ions *all)
{
    static const char form[] = "    observable(%-8s \"A m-2\", %-31s \"%s\")";
    char name[NAME_BYTES + 8], current[64], text[96];
    write_sum(sheet, "#define I_IONS (NM_FARADAY * (", "J_leak_", "", "))", all);
    nm_sheet_row(sheet, "#define NM_OBSERVABLES(observable)");
    for (int i = 0; i < all->n; i++) {
        const ion *ion = &all->ion[i];
        if (ion->charge == 0) {
            continue;
        }
        char factor[16] = "";
        if (abs(ion->charge) > 1) {
            snprintf(factor, sizeof factor, "%d.0 * ", abs(ion->charge));
        }
        snprintf(name, sizeof name, "I_%s,", ion->name);
        snprintf(current, sizeof current, "%s%sNM_FARADAY * J_leak_%s,", ion->charge < 0 ? "-" : "",
                 factor, ion->name);
        snprintf(text, sizeof text, "current of %s, outward", ion->label);
        nm_sheet_row(sheet, form, name, current, text);
    }
    if (has_pump(all)) {
        nm_sheet_row(sheet, form, "I_pump,", "NM_FARADAY * J_pump,",
                     "current of the pump, outward");
    }
    nm_sheet_row(sheet, form, "I_ions,", "I_IONS,", "current of all leaks, outward");
    nm_sheet_row(sheet, form, "I_total,",
                 has_pump(all) ? "I_IONS + NM_FARADAY * J_pump," : "I_IONS,",
                 "current through the membrane, outward: what an electrode supplies");
    snprintf(name, sizeof name, "open_%s,", all->ion[all->gated].name);
    snprintf(text, sizeof text, "open share of the %s channels", all->ion[all->gated].label);
    nm_sheet_row(sheet, "    observable(%-8s \"1\",     %-31s \"%s\")", name, "OPEN,", text);
    nm_sheet_end(sheet);
}

static void write_head(nm_sheet *sheet, const ions *all)
{
    nm_wrap words = {.width = 90, .indent = "\n *     "};
    wrap_ions(&words, all);
    nm_sheet_text(
        sheet,
        "/* nernst: ions on both sides of a membrane. Which potential brings each of them to rest, "
        "and "
        "what has no say in it?\n"
        " *\n"
        " * C dV/dt = I_app - (current out). An ion alone takes V to its Nernst potential E = "
        "RT/(zF) "
        "ln(c_out/c_in), where its\n"
        " * one-way fluxes are equal and not zero; conductance, gating and capacitance set the "
        "time "
        "alone. Several ions, held\n"
        " * at different E, keep each other out of equilibrium at a steady V (Goldman 1943; "
        "Hodgkin & "
        "Katz 1949). The force on\n"
        " * an ion has a chemical part RT ln(c_in/c_out) and an electrical part zFV; a neutral "
        "solute "
        "has the first alone.\n"
        " * inside = finite: the inside is a volume ell per area whose ions run down; free, it "
        "stays "
        "neutral by its fixed\n"
        " * charge. All quantities are per m2 of membrane.\n"
        " *\n"
        " * The ions are those of\n"
        " *     ions = \"%s\"\n"
        " * in [variant], from which nessmap writes this file (src/topology_nernst.c). */\n\n",
        words.text);
}

static nm_status write_nernst(nm_sheet *sheet, const nm_topology_said *said)
{
    ions all;
    NM_TRY(read_ions(&all, said));
    write_head(sheet, &all);
    write_parameters(sheet, &all);
    write_states(sheet, &all);
    write_pathways(sheet, &all);
    write_currents(sheet, &all);
    nm_sheet_text(sheet, "#include \"nessmap/model.h\"\n");
    return NM_OK;
}

static void find_ions(char value[NM_TOPOLOGY_VARIANTS][NM_TOPOLOGY_BYTES], const nm_model *model)
{
    size_t used = 0;
    for (int i = 0; i < model->n_species && used < NM_TOPOLOGY_BYTES; i++) {
        const nm_species_info *species = &model->species[i];
        size_t length = strlen(species->name);
        if (species->kind == NM_SPECIES_FREE && length > 3 &&
            strcmp(species->name + length - 3, "_in") == 0) {
            used += (size_t)snprintf(value[IONS] + used, NM_TOPOLOGY_BYTES - used, "%s%.*s:%s",
                                     used > 0 ? " " : "", (int)length - 3, species->name,
                                     species->charge);
        }
    }
}

const nm_topology nm_topology_nernst = {
    .model = "nernst",
    .n_variants = 1,
    .variants = {"ions"},
    .remarks = {"each with its charge; neutral solutes have 0"},
    .write = write_nernst,
    .read = find_ions,
};
