/* The model `network`: N states and any edges between them.
 *
 * 1. reading   2. writing */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "topology_parts.h"

#include <stdlib.h>
#include <string.h>

enum { STATES, EDGES }; /* variants */
enum {
    COMMON_PARAMS = 3, /* T, kappa, p_tot */
    EDGE_PARAMS = 3,   /* B, f, theta */
    /* a tree of the most states that the parameters suffice for */
    MOST_STATES = (NM_MAX_PARAMS - COMMON_PARAMS + EDGE_PARAMS) / (1 + EDGE_PARAMS),
    MOST_EDGES = (NM_MAX_PARAMS - COMMON_PARAMS - 2) / EDGE_PARAMS
};

typedef struct network {
    int n_states, n_edges;
    int from[MOST_EDGES], to[MOST_EDGES];
} network;

static const network standard = {4, 5, {0, 1, 2, 3, 0}, {1, 2, 3, 0, 2}};

/* --- 1. reading -------------------------------------------------------------------------- */

/* Reads a number of up to four digits. Returns the text behind it, NULL where there is none. */
static const char *read_number(int *number, const char *text)
{
    const char *end = text + strspn(text, "0123456789");
    if (end == text || end - text > 4) {
        return NULL;
    }
    *number = atoi(text);
    return end;
}

static nm_status read_states(network *net, const nm_topology_said *said)
{
    int length;
    const char *word = nm_topology_word(&length, said->variant[STATES]->value.text);
    const char *end = read_number(&net->n_states, word);
    if (!end || *nm_topology_word(&length, end) != '\0' || net->n_states < 2 ||
        net->n_states > MOST_STATES) {
        return nm_fail(NM_USAGE, "%sit must be a whole number of states from 2 to %d",
                       nm_topology_but(said, STATES), MOST_STATES);
    }
    return NM_OK;
}

static nm_status read_edge(network *net, const nm_topology_said *said, const char *word, int length)
{
    int i, j;
    const char *end = read_number(&i, word);
    end = end && *end == '-' ? read_number(&j, end + 1) : NULL;
    if (end != word + length) {
        return nm_fail(NM_USAGE,
                       "%s\"%.*s\" is no edge; an edge is two numbers of states, from 0, with - "
                       "between them, like 0-1",
                       nm_topology_but(said, EDGES), length, word);
    }
    if (i == j) {
        return nm_fail(NM_USAGE,
                       "%s%d-%d joins state %d with itself; an edge joins two different states",
                       nm_topology_but(said, EDGES), i, j, i);
    }
    if (net->n_edges == MOST_EDGES) {
        return nm_fail(NM_USAGE,
                       "%sthere may be %d edges at most, whose parameters are B, f, theta",
                       nm_topology_but(said, EDGES), MOST_EDGES);
    }
    net->from[net->n_edges] = i;
    net->to[net->n_edges++] = j;
    return NM_OK;
}

/* Reads the edges; where [variant] does not say how many states there are, they say it. */
static nm_status read_edges(network *net, const nm_topology_said *said)
{
    int most = 0, length;
    const char *word = nm_topology_word(&length, said->variant[EDGES]->value.text);
    for (; length > 0; word = nm_topology_word(&length, word + length)) {
        NM_TRY(read_edge(net, said, word, length));
        int i = net->from[net->n_edges - 1], j = net->to[net->n_edges - 1];
        most = i > most ? i : most;
        most = j > most ? j : most;
        if (said->variant[STATES] && most >= net->n_states) {
            return nm_fail(
                NM_USAGE, "%s%.*s leads to state %d, and variant.states = %d has states 0 to %d",
                nm_topology_but(said, EDGES), length, word, most, net->n_states, net->n_states - 1);
        }
        if (most >= MOST_STATES) {
            return nm_fail(NM_USAGE,
                           "%s%.*s leads to state %d, and the last one there may be is %d",
                           nm_topology_but(said, EDGES), length, word, most, MOST_STATES - 1);
        }
    }
    if (!said->variant[STATES]) {
        net->n_states = most + 1;
    }
    return NM_OK;
}

/* Every state is reached from state 0. */
static nm_status check_whole(const network *net, const nm_topology_said *said)
{
    char is_touched[MOST_STATES] = {0}, is_reached[MOST_STATES] = {1};
    for (int round = 0; round < net->n_states; round++) {
        for (int e = 0; e < net->n_edges; e++) {
            int i = net->from[e], j = net->to[e];
            is_touched[i] = is_touched[j] = 1;
            is_reached[i] = is_reached[j] = is_reached[i] || is_reached[j];
        }
    }
    for (int i = 0; i < net->n_states; i++) {
        if (!is_touched[i]) {
            return nm_fail(NM_USAGE,
                           "%sno edge touches state %d; each of the states 0 to %d needs one",
                           nm_topology_but(said, EDGES), i, net->n_states - 1);
        }
    }
    for (int i = 0; i < net->n_states; i++) {
        if (!is_reached[i]) {
            return nm_fail(NM_USAGE,
                           "%sno edges lead from state 0 to state %d; these are two networks, and "
                           "one is wanted",
                           nm_topology_but(said, EDGES), i);
        }
    }
    return NM_OK;
}

static nm_status read_network(network *net, const nm_topology_said *said)
{
    if (!said->variant[STATES] && !said->variant[EDGES]) {
        *net = standard;
        return NM_OK;
    }
    memset(net, 0, sizeof *net);
    if (said->variant[STATES]) {
        NM_TRY(read_states(net, said));
    }
    if (!said->variant[EDGES]) {
        return nm_fail(NM_USAGE,
                       "%svariant.edges does not say what joins them; write it too, like edges = "
                       "\"0-1 1-2 2-0\"",
                       nm_topology_but(said, STATES));
    }
    NM_TRY(read_edges(net, said));
    int n_params = COMMON_PARAMS + net->n_states + EDGE_PARAMS * net->n_edges;
    if (net->n_edges == 0) {
        return nm_fail(NM_USAGE, "%sit has no edges; write them like \"0-1 1-2 2-0\"",
                       nm_topology_but(said, EDGES));
    }
    if (n_params > NM_MAX_PARAMS) {
        return nm_fail(NM_USAGE,
                       "%s%d states and %d edges have %d parameters, and a model may have %d at "
                       "most; leave out %d edges",
                       nm_topology_but(said, EDGES), net->n_states, net->n_edges, n_params,
                       NM_MAX_PARAMS, (n_params - NM_MAX_PARAMS + EDGE_PARAMS - 1) / EDGE_PARAMS);
    }
    return check_whole(net, said);
}

/* --- 2. writing -------------------------------------------------------------------------- */

/* The edges as [variant] says them. */
static void wrap_edges(nm_wrap *wrap, const network *net)
{
    for (int e = 0; e < net->n_edges; e++) {
        char word[32];
        snprintf(word, sizeof word, "%d-%d", net->from[e], net->to[e]);
        nm_wrap_word(wrap, word);
    }
}

/* The state that most edges touch: its balance is the one that the others imply. */
static int busiest_state(const network *net)
{
    int n[MOST_STATES] = {0}, best = 0;
    for (int e = 0; e < net->n_edges; e++) {
        n[net->from[e]]++;
        n[net->to[e]]++;
    }
    for (int i = 1; i < net->n_states; i++) {
        best = n[i] > n[best] ? i : best;
    }
    return best;
}

static void write_head(nm_sheet *sheet, const network *net)
{
    nm_wrap edges = {.width = 90, .indent = "\n *     "};
    wrap_edges(&edges, net);
    nm_sheet_text(
        sheet,
        "/* network: a molecule goes from state to state along edges. Which loops turn, and what "
        "do they "
        "cost?\n"
        " *\n"
        " * Every edge leads over one transition state (Eyring 1935): energies G of the states, "
        "the height B "
        "of the edge's\n"
        " * barrier, and a drive f by fuel that no state tells of, of which theta speeds the edge "
        "forwards "
        "and the rest slows\n"
        " * it backwards. Without drives, or where they cancel round every loop, no edge carries a "
        "net "
        "flux, whatever the\n"
        " * barriers (Kolmogorov 1936). Else loops turn: each edge between states that earlier "
        "edges join "
        "already closes one,\n"
        " * with a flux Jcyc_ and an affinity Acyc_, and the sum of their products is the "
        "dissipation "
        "(Schnakenberg 1976).\n"
        " * With p_tot = 1, p0, p1, ... are occupancies, J_ is per molecule and second, and "
        "sigma_total is "
        "R times the\n"
        " * entropy production of a molecule in k_B.\n"
        " *\n"
        " * The states and edges are those of\n"
        " *     states = %d\n"
        " *     edges = \"%s\"\n"
        " * in [variant], from which nessmap writes this file (src/topology_network.c). */\n\n",
        net->n_states, edges.text);
}

static void write_parameters(nm_sheet *sheet, const network *net)
{
    static const char form[] = "    param(%-10s %-10s %-9s %-10s %-9s %-7s \"%s\")";
    char name[24], text[96];
    nm_sheet_row(sheet, "#define NM_PARAMETERS(param)");
    nm_sheet_row(sheet,
                 "    /*    name       unit       default   low        high      scale   what "
                 "it is */");
    nm_sheet_row(sheet, form, "T,", "\"K\",", "298.15,", "273.15,", "323.15,", "linear,",
                 "temperature");
    nm_sheet_row(sheet, form, "kappa,", "\"1\",", "1.0,", "1e-3,", "1.0,", "linear,",
                 "transmission coefficient");
    nm_sheet_row(sheet, form, "p_tot,", "\"mol m-3\",", "1.0,", "1e-3,", "1e3,", "log,",
                 "all states together");
    for (int i = 0; i < net->n_states; i++) {
        snprintf(name, sizeof name, "G%d,", i);
        snprintf(text, sizeof text, "energy of state %d", i);
        nm_sheet_row(sheet, form, name, "\"J mol-1\",", "0.0,", "-15000.0,", "15000.0,", "linear,",
                     text);
    }
    for (int e = 0; e < net->n_edges; e++) {
        int i = net->from[e], j = net->to[e];
        snprintf(name, sizeof name, "B_e%d,", e);
        snprintf(text, sizeof text, "energy of the barrier between %d and %d", i, j);
        nm_sheet_row(sheet, form, name, "\"J mol-1\",", "50000.0,", "28000.0,", "77000.0,",
                     "linear,", text);
        snprintf(name, sizeof name, "f_e%d,", e);
        snprintf(text, sizeof text, "drive from %d to %d", i, j);
        nm_sheet_row(sheet, form, name, "\"J mol-1\",", e == 0 ? "10000.0," : "0.0,", "-50000.0,",
                     "50000.0,", "linear,", text);
        snprintf(name, sizeof name, "theta_e%d,", e);
        snprintf(text, sizeof text, "share of it that speeds %d to %d", i, j);
        nm_sheet_row(sheet, form, name, "\"1\",", "0.5,", "0.0,", "1.0,", "linear,", text);
    }
    nm_sheet_end(sheet);
}

static void write_states(nm_sheet *sheet, const network *net)
{
    enum { PER_LINE = 12 };
    nm_sheet_row(sheet, "#define NM_COMPARTMENTS(compartment)");
    nm_sheet_row(sheet, "    compartment(flask, fixed(1.0), ground, \"one well-stirred volume\")");
    nm_sheet_end(sheet);

    nm_sheet_row(sheet, "#define NM_SPECIES(free, trapped, water, held)");
    nm_sheet_row(sheet, "    /*   name  charge  where   value         text */");
    for (int i = 0; i < net->n_states; i++) {
        char name[24], value[24];
        snprintf(name, sizeof name, "p%d,", i);
        snprintf(value, sizeof value, "p_tot / %d.0,", net->n_states);
        nm_sheet_row(sheet, "    free(%-5s 0,      flask,  %-13s \"state %d\")", name, value, i);
    }
    nm_sheet_end(sheet);

    nm_sheet_row(sheet, "#define NM_TOTALS(total)");
    char line[NM_SHEET_BYTES];
    int used = snprintf(line, sizeof line, "    total(p_tot, p0");
    for (int i = 1; i < net->n_states; i++) {
        if (i % PER_LINE == 0) {
            nm_sheet_row(sheet, "%s +", line);
            used = snprintf(line, sizeof line, "          p%d", i);
        } else {
            used += snprintf(line + used, sizeof line - (size_t)used, " + p%d", i);
        }
    }
    int replaced = busiest_state(net);
    nm_sheet_row(sheet, "%s, p%d,", line, replaced);
    nm_sheet_row(
        sheet,
        "          \"nothing is made or lost; replaces the balance of p%d, which most edges "
        "touch\")",
        replaced);
    nm_sheet_end(sheet);
}

static void write_edges(nm_sheet *sheet, const network *net)
{
    nm_sheet_row(sheet, "#define NM_PATHWAYS(path)");
    for (int e = 0; e < net->n_edges; e++) {
        int i = net->from[e], j = net->to[e];
        char head[32], law[96];
        snprintf(head, sizeof head, "e%d, p%d, p%d,", e, i, j);
        snprintf(law, sizeof law, "barrier(kappa, B_e%d, G%d, G%d, f_e%d, theta_e%d),", e, i, j, e,
                 e);
        nm_sheet_row(sheet, "    path(%-14s %-49s \"from state %d to state %d\")", head, law, i, j);
    }
    nm_sheet_end(sheet);
}

static nm_status write_network(nm_sheet *sheet, const nm_topology_said *said)
{
    network net;
    NM_TRY(read_network(&net, said));
    write_head(sheet, &net);
    write_parameters(sheet, &net);
    write_states(sheet, &net);
    write_edges(sheet, &net);
    nm_sheet_text(sheet, "#define NM_STATIONARY_GTH\n"
                         "#define NM_EXTENT \"m-3\"\n\n"
                         "#include \"nessmap/model.h\"\n");
    return NM_OK;
}

static void find_network(char value[NM_TOPOLOGY_VARIANTS][NM_TOPOLOGY_BYTES], const nm_model *model)
{
    network net = {0};
    for (int i = 0; i < model->n_species; i++) {
        net.n_states += model->species[i].kind == NM_SPECIES_FREE;
    }
    for (int k = 0; k < model->n_paths && net.n_edges < MOST_EDGES; k++) {
        const char *from = model->paths[k].from, *to = model->paths[k].to;
        if (!read_number(&net.from[net.n_edges], from + (*from == 'p')) ||
            !read_number(&net.to[net.n_edges], to + (*to == 'p'))) {
            return;
        }
        net.n_edges++;
    }
    snprintf(value[STATES], NM_TOPOLOGY_BYTES, "%d", net.n_states);
    nm_wrap edges = {.width = NM_TOPOLOGY_BYTES, .indent = " "};
    wrap_edges(&edges, &net);
    snprintf(value[EDGES], NM_TOPOLOGY_BYTES, "%s", edges.text);
}

const nm_topology nm_topology_network = {
    .model = "network",
    .n_variants = 2,
    .variants = {"states", "edges"},
    .remarks = {"number of states", "the states that each edge joins; one between states that "
                                    "earlier edges join closes a loop"},
    .write = write_network,
    .read = find_network,
};
