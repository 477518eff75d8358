/* Models that are written from [variant]: their text, what is refused, and what is read back from a
 * compiled one. (tests/test_models_network.py compiles some.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "model_store.h"
#include "model_topology.h"

/* Reads a configuration whose lines 2 and on are `variant`, and writes the text of its model. */
static nm_status write(char **text, const char *model, const char *variant)
{
    char toml[2048];
    nm_config *config;
    snprintf(toml, sizeof toml, "model = \"%s\"\n[variant]\n%s\n", model, variant);
    *text = NULL;
    nm_status status = nm_config_read(&config, "scan.toml", toml, strlen(toml), NULL, 0);
    if (status == NM_OK) {
        status = nm_topology_text(text, config);
    }
    nm_config_destroy(&config);
    return status;
}

static void built_in_models_are_what_is_written(void **state)
{
    static const char *const names[] = {"network", "nernst"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const nm_model *model;
        char *text;
        assert_int_equal(nm_model_find(&model, names[i]), NM_OK);
        assert_int_equal(nm_topology_default(&text, names[i]), NM_OK);
        assert_string_equal(text, model->text);
        free(text);
    }
}

static void a_configuration_that_says_nothing_means_the_built_in_model(void **state)
{
    char *text;
    (void)state;
    assert_int_equal(write(&text, "network", ""), NM_OK);
    assert_null(text);
    assert_int_equal(write(&text, "pump_leak", "leak = \"ghk\""), NM_OK);
    assert_null(text);
    assert_int_equal(nm_topology_default(&text, "pump_leak"), NM_OK);
    assert_null(text);
}

/* a number, a text, none; gaps and commas: one network has one text */
static void one_network_has_one_text(void **state)
{
    static const char *const same[] = {
        "states = 4\nedges = \"0-1 1-2 2-3 3-0 0-2\"",
        "states = \"4\"\nedges = \" 0-1, 1-2,2-3\\t3-0   0-2 \"",
        "edges = \"0-1 1-2 2-3 3-0 0-2\"",
    };
    char *wanted;
    (void)state;
    assert_int_equal(nm_topology_default(&wanted, "network"), NM_OK);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char *text;
        assert_int_equal(write(&text, "network", same[i]), NM_OK);
        assert_string_equal(text, wanted);
        free(text);
    }
    free(wanted);
}

/* every edge and its direction, parallel edges too */
static void all_edges_are_written(void **state)
{
    static const char *const rows[] = {
        "path(e0, p0, p1, ",
        "path(e1, p2, p1, ",
        "path(e2, p1, p2, ",
        "path(e3, p0, p1, ",
        "barrier(kappa, B_e1, G2, G1, f_e1, theta_e1)",
        "total(p_tot, p0 + p1 + p2, p1,",
        "param(theta_e3,",
        "free(p2, ",
        "states = 3",
        "edges = \"0-1 2-1 1-2 0-1\"",
    };
    static const char *const none[] = {"e4", "p3", "G3"};
    char *text;
    (void)state;
    assert_int_equal(write(&text, "network", "edges = \"0-1 2-1 1-2 0-1\""), NM_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!strstr(text, rows[i])) {
            fail_msg("%s is missing in\n%s", rows[i], text);
        }
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_null(strstr(text, none[i]));
    }
    free(text);
}

/* 24 states and 23 edges have 96 parameters; no line is longer than the house allows */
static void the_largest_network_is_written(void **state)
{
    char variant[512] = "states = 24\nedges = \"";
    char *text;
    (void)state;
    for (int i = 1; i < 24; i++) {
        char edge[16];
        snprintf(edge, sizeof edge, "%d-%d ", i, i - 1);
        strcat(variant, edge);
    }
    strcat(variant, "\"");
    assert_int_equal(write(&text, "network", variant), NM_OK);
    assert_non_null(strstr(text, "path(e22, p23, p22,"));
    assert_non_null(strstr(text, "p22 + p23, p1,"));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= 120);
    }
    free(text);
}

#define SAYS "scan.toml:3: variant.edges = "
static const struct {
    const char *variant, *wanted;
} mistakes[] = {
    {"edges = \"0-9\"\nstates = 5",
     SAYS "\"0-9\", but 0-9 leads to state 9, and variant.states = 5 has states 0 to 4"},
    {"edges = \"0-1 2-2\"",
     SAYS "\"0-1 2-2\", but 2-2 joins state 2 with itself; an edge joins two different states"},
    {"edges = \"0-1 1-2 2-0\"\nstates = 4",
     SAYS "\"0-1 1-2 2-0\", but no edge touches state 3; each of the states 0 to 3 needs one"},
    {"edges = \"0-1 2-3\"",
     SAYS "\"0-1 2-3\", but no edges lead from state 0 to state 2; these are "
          "two networks, and one is wanted"},
    {"edges = \"0-1 1>2\"",
     SAYS "\"0-1 1>2\", but \"1>2\" is no edge; an edge is two numbers of states, from 0, with - "
          "between them, like 0-1"},
    {"edges = \"0-1-2\"",
     SAYS "\"0-1-2\", but \"0-1-2\" is no edge; an edge is two numbers of states, from 0, with - "
          "between them, like 0-1"},
    {"edges = \"0-24\"",
     SAYS "\"0-24\", but 0-24 leads to state 24, and the last one there may be is 23"},
    {"edges = \" \"", SAYS "\" \", but it has no edges; write them like \"0-1 1-2 2-0\""},
    {"states = 5", "scan.toml:3: variant.states = \"5\", but variant.edges does not say what joins "
                   "them; write it too, like edges = \"0-1 1-2 2-0\""},
    {"states = 1\nedges = \"0-1\"", "scan.toml:3: variant.states = \"1\", but it must be a whole "
                                    "number of states from 2 to 24"},
    {"states = -3\nedges = \"0-1\"", "scan.toml:3: variant.states = \"-3\", but it must be a whole "
                                     "number of states from 2 to 24"},
    {"states = \"few\"\nedges = \"0-1\"", "scan.toml:3: variant.states = \"few\", but it must be a "
                                          "whole number of states from 2 to 24"},
    {"states = 25\nedges = \"0-1\"", "scan.toml:3: variant.states = \"25\", but it must be a whole "
                                     "number of states from 2 to 24"},
    {"states = 2.5\nedges = \"0-1\"", "scan.toml:3: variant.states = 2.5, but a variant is a text "
                                      "in quotes, the name of its choice"},
};

#define NO_ION                                                                                     \
    " is no ion; an ion is a name of up to 12 letters and digits, : and its charge from -9 to "    \
    "+9, like Ca:+2 or urea:0"
static const struct {
    const char *ions, *wanted;
} wrong_ions[] = {
    {"Na", "\"Na\"" NO_ION},
    {"K:+1 Na+", "\"Na+\"" NO_ION},
    {"Na:+10", "\"Na:+10\"" NO_ION},
    {"K:+1 2Na:+1", "\"2Na:+1\"" NO_ION},
    {"K:+1 HCO3_:-1", "\"HCO3_:-1\"" NO_ION},
    {"abcdefghijklm:+1", "\"abcdefghijklm:+1\"" NO_ION},
    {"K:+1 Cl:-1 K:+2", "K stands there twice; keep one"},
    {"K:+1 ATP:-4", "the model gives the name ATP to something else; rename this ion"},
    {"urea:0 S:0",
     "none of these carries a charge, so nothing moves the potential; add an ion, like K:+1"},
};

static void mistakes_are_told_in_one_sentence_at_their_line(void **state)
{
    char *text;
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        assert_int_equal(write(&text, "network", mistakes[i].variant), NM_USAGE);
        assert_string_equal(nm_last_error(), mistakes[i].wanted);
        assert_null(text);
    }
    for (size_t i = 0; i < sizeof wrong_ions / sizeof wrong_ions[0]; i++) {
        char variant[128], wanted[512];
        snprintf(variant, sizeof variant, "ions = \"%s\"", wrong_ions[i].ions);
        snprintf(wanted, sizeof wanted, "scan.toml:3: variant.ions = \"%s\", but %s",
                 wrong_ions[i].ions, wrong_ions[i].wanted);
        assert_int_equal(write(&text, "nernst", variant), NM_USAGE);
        assert_string_equal(nm_last_error(), wanted);
        assert_null(text);
    }
}

/* other charges than the usual ones, no pump without what it exchanges, a gate on the first ion */
static void any_ions_are_written(void **state)
{
    static const char *const rows[] = {
        "#define CHARGE (-2.0 * SO4_i + Mg_i)",
        "#define I_IONS (NM_FARADAY * (-2.0 * J_leak_SO4 + J_leak_Mg))",
        "free(   SO4_in,  -2,     cell,  SO4_i, ",
        "held(   Mg_o,    +1,     bath,  Mg_o,  ",
        "free(   urea_in, 0,      cell,  urea_i, ",
        "ohmic(g_SO4 * OPEN), ghk(P_SO4 * OPEN)),",
        "ohmic(g_Mg), ",
        "linear(L_urea), ",
        "hold(urea_in, by(inside, held, free))",
        "observable(I_SO4,   \"A m-2\", -2.0 * NM_FARADAY * J_leak_SO4,",
        "observable(open_SO4,",
        "ions = \"SO4:-2 urea:0 Mg:+1\"",
    };
    static const char *const none[] = {"pump", "ATP", "Na_", "g_urea", "L_Mg", "I_urea"};
    char *text;
    (void)state;
    assert_int_equal(write(&text, "nernst", "ions = \"SO4:-2, urea:0 Mg:1\""), NM_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!strstr(text, rows[i])) {
            fail_msg("%s is missing in\n%s", rows[i], text);
        }
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_null(strstr(text, none[i]));
    }
    free(text);

    /* a pump needs both of its ions, with their charges */
    assert_int_equal(write(&text, "nernst", "ions = \"K:+1 Na:+1\""), NM_OK);
    assert_non_null(strstr(text, "path(pump, "));
    assert_non_null(strstr(text, "ohmic(g_K * OPEN)"));
    free(text);
    assert_int_equal(write(&text, "nernst", "ions = \"Na:+1 K:+2\""), NM_OK);
    assert_null(strstr(text, "path(pump, "));
    assert_non_null(strstr(text, "ohmic(g_Na * OPEN)"));
    free(text);
}

/* with a pump 21 ions have 94 parameters, and 22 have 98; without one 22 have 96 */
static void too_many_ions_are_refused(void **state)
{
    char variant[512] = "ions = \"K:+1 A1:-1", *text;
    (void)state;
    for (int i = 2; i <= 21; i++) {
        char word[16];
        snprintf(word, sizeof word, " A%d:-1", i);
        strcat(variant, word);
    }
    char *end = variant + strlen(variant);
    strcpy(end, "\"");
    assert_int_equal(write(&text, "nernst", variant), NM_OK);
    free(text);
    strcpy(end, " A22:-1\"");
    assert_int_equal(write(&text, "nernst", variant), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "but there may be 22 ions at most"));

    strcpy(end, "\"");
    memcpy(strstr(variant, "A1:-1"), "Na:+1", 5);
    assert_int_equal(write(&text, "nernst", variant), NM_USAGE);
    assert_non_null(strstr(nm_last_error(),
                           "22 ions and a pump have 98 parameters, and a model may "
                           "have 96 at most; leave one out"));
}

static void too_many_edges_are_refused(void **state)
{
    char variant[512] = "states = 3\nedges = \"1-2", *text;
    (void)state;
    for (int i = 0; i < 29; i++) {
        strcat(variant, " 0-1");
    }
    char *end = variant + strlen(variant);
    strcpy(end, "\""); /* 30 edges, 96 parameters */
    assert_int_equal(write(&text, "network", variant), NM_OK);
    free(text);
    strcpy(end, " 0-1\"");
    assert_int_equal(write(&text, "network", variant), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "...\", but there may be 30 edges at most"));

    memcpy(variant, "states = 8", 10);
    strcpy(end, "\"");
    assert_int_equal(write(&text, "network", variant), NM_USAGE);
    assert_non_null(strstr(nm_last_error(),
                           "8 states and 30 edges have 101 parameters, and a model "
                           "may have 96 at most; leave out 2 edges"));
}

static void a_compiled_model_tells_what_it_was_written_from(void **state)
{
    const nm_model *model;
    char *printed;
    size_t bytes;
    (void)state;
    assert_int_equal(nm_model_find(&model, "network"), NM_OK);
    FILE *stream = open_memstream(&printed, &bytes);
    assert_int_equal(nm_topology_print(stream, "[variant]\n", "  ", model), 2);
    fclose(stream);
    static const char start[] = "[variant]\n  states = 4 # number of states\n"
                                "  edges = \"0-1 1-2 2-3 3-0 0-2\" # ";
    assert_memory_equal(printed, start, sizeof start - 1);
    free(printed);

    /* a user's own model may have the name and another text */
    nm_model own = *model;
    own.text = "/* network: my own */";
    stream = open_memstream(&printed, &bytes);
    assert_int_equal(nm_topology_print(stream, "[variant]\n", "", &own), 0);
    fclose(stream);
    assert_string_equal(printed, "");
    free(printed);
    assert_int_equal(nm_model_find(&model, "nernst"), NM_OK);
    stream = open_memstream(&printed, &bytes);
    assert_int_equal(nm_topology_print(stream, "", "", model), 1);
    fclose(stream);
    static const char ions[] = "ions = \"Na:+1 K:+1 Cl:-1 Ca:+2 S:0\" # ";
    assert_memory_equal(printed, ions, sizeof ions - 1);
    free(printed);
    assert_int_equal(nm_model_find(&model, "pump_leak"), NM_OK);
    assert_int_equal(nm_topology_print(stdout, "[variant]\n", "", model), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_models_are_what_is_written),
        cmocka_unit_test(a_configuration_that_says_nothing_means_the_built_in_model),
        cmocka_unit_test(one_network_has_one_text),
        cmocka_unit_test(all_edges_are_written),
        cmocka_unit_test(the_largest_network_is_written),
        cmocka_unit_test(mistakes_are_told_in_one_sentence_at_their_line),
        cmocka_unit_test(too_many_edges_are_refused),
        cmocka_unit_test(any_ions_are_written),
        cmocka_unit_test(too_many_ions_are_refused),
        cmocka_unit_test(a_compiled_model_tells_what_it_was_written_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
