/* Tests of the configuration: what is accepted, the canonical text, `--set`, damaged files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char full_text[] = "# How much fuel does a leak cost?\n"
                                "title = \"tab\\t and \\\"quotes\\\" \xC2\xB5\"\n"
                                "model = \"pump_leak\"\n"
                                "[variant]\n"
                                "pump = \"rev\"\n"
                                "leak = \"ohmic\"\n"
                                "[design]\n"
                                "kind = \"random\"\n"
                                "n = 1e3\n"
                                "seed = 20240607\n"
                                "[[axis]]\n"
                                "name = \"dG_ATP\"\n"
                                "min = \"-60 kJ/mol\"\n"
                                "max = -0.0\n"
                                "n = 1_024\n"
                                "[[axis]]\n"
                                "name = \"g_Na\"\n"
                                "min = 0.01\n"
                                "max = 10\n"
                                "n = 64\n"
                                "scale = \"log\"\n"
                                "[[axis]]\n"
                                "name = \"K_o\"\n"
                                "values = [1, 2.5, \"3 mM\", \"4\"]\n"
                                "[[random]]\n"
                                "name = \"g_K\"\n"
                                "dist = \"triangular\"\n"
                                "min = 0.1\n"
                                "max = 10\n"
                                "mode = 1\n"
                                "[[random]]\n"
                                "name = \"p_max\"\n"
                                "dist = \"lognormal\"\n"
                                "mean = -12\n"
                                "sd = 0.5\n"
                                "[fixed]\n"
                                "T = 310.15\n"
                                "Cl_o = \"145 mM\"\n"
                                "[tie]\n"
                                "Na_o = \"150 - K_o\"\n"
                                "A_first = \"2 * Na_o\"\n"
                                "[solver]\n"
                                "mode = \"follow\"\n"
                                "audit = 0\n"
                                "starts = 3\n"
                                "rtol = 1e-6\n"
                                "[output]\n"
                                "variables = [\"V\", \"J_pump\"]\n"
                                "precision = \"f64\"\n"
                                "compression = 1\n"
                                "[[reduce]]\n"
                                "kind = \"full\"\n"
                                "[limits]\n"
                                "max_failed = 0.01\n"
                                "memory = \"2 GiB\"\n"
                                "device_memory = 500_000\n";

static const char full_resolved[] =
    "title = \"tab\\u0009 and \\\"quotes\\\" \xC2\xB5\"\n"
    "model = \"pump_leak\"\n"
    "\n[variant]\nleak = \"ohmic\"\npump = \"rev\"\n"
    "\n[design]\nkind = \"random\"\nn = 1000\nseed = 20240607\n"
    "\n[[axis]]\nname = \"dG_ATP\"\nmin = \"-60 kJ/mol\"\nmax = 0\nn = 1024\n"
    "\n[[axis]]\nname = \"g_Na\"\nmin = 0.01\nmax = 10\nn = 64\nscale = \"log\"\n"
    "\n[[axis]]\nname = \"K_o\"\nvalues = [1, 2.5, \"3 mM\", 4]\n"
    "\n[[random]]\nname = \"g_K\"\ndist = \"triangular\"\nmin = 0.1\nmax = 10\nmode = 1\n"
    "\n[[random]]\nname = \"p_max\"\ndist = \"lognormal\"\nmean = -12\nsd = 0.5\n"
    "\n[fixed]\nCl_o = \"145 mM\"\nT = 310.15\n"
    "\n[tie]\nNa_o = \"150 - K_o\"\nA_first = \"2 * Na_o\"\n"
    "\n[solver]\nmode = \"follow\"\naudit = 0\nstarts = 3\nrtol = 1e-06\n"
    "\n[output]\nvariables = [\"V\", \"J_pump\"]\nprecision = \"f64\"\ncompression = 1\n"
    "\n[[reduce]]\nkind = \"full\"\n"
    "\n[limits]\nmax_failed = 0.01\nmemory = 2147483648\ndevice_memory = 500000\n";

static nm_status read_text(nm_config **config, const char *text)
{
    return nm_config_read(config, "scan.toml", text, strlen(text), NULL, 0);
}

static nm_config *must_read(const char *text)
{
    nm_config *config;
    if (read_text(&config, text) != NM_OK) {
        fail_msg("%s", nm_last_error());
    }
    assert_non_null(config);
    return config;
}

/* The canonical text is a fixed point. */
static void assert_round_trip(const nm_config *config)
{
    nm_config *again = must_read(config->resolved);
    assert_string_equal(again->resolved, config->resolved);
    nm_config_destroy(&again);
    assert_null(again);
}

/* --- 1. what is accepted ----------------------------------------------------------------- */

static void test_full(void **state)
{
    (void)state;
    nm_config *c = must_read(full_text);
    assert_string_equal(c->path, "scan.toml");
    assert_string_equal(c->model, "pump_leak");
    assert_int_equal(c->model_where.line, 3);
    assert_int_equal(c->n_variants, 2);
    assert_string_equal(c->variants[1].name, "pump");
    assert_string_equal(c->variants[1].value.text, "rev");
    assert_int_equal(c->variants[1].value.where.line, 5);
    assert_string_equal(c->design_kind, "random");
    assert_int_equal(c->design_n, 1000);
    assert_int_equal(c->design_seed, 20240607);
    assert_int_equal(c->design_where.line, 8);
    assert_null(c->design_file);

    assert_int_equal(c->n_axes, 3);
    assert_string_equal(c->axes[0].name, "dG_ATP");
    assert_string_equal(c->axes[0].min.text, "-60 kJ/mol");
    assert_int_equal(c->axes[0].min.where.line, 13);
    assert_null(c->axes[0].max.text);
    assert_int_equal(signbit(c->axes[0].max.number), 0);
    assert_int_equal(c->axes[0].is_log, -1);
    assert_int_equal(c->axes[0].n, 1024);
    assert_null(c->axes[0].values);
    assert_int_equal(c->axes[0].where.line, 12);
    assert_int_equal(c->axes[1].is_log, 1);
    assert_true(c->axes[1].max.number == 10.0);
    assert_int_equal(c->axes[2].n, 4);
    assert_true(c->axes[2].values[1].number == 2.5);
    assert_string_equal(c->axes[2].values[2].text, "3 mM");
    assert_null(c->axes[2].values[3].text);
    assert_true(c->axes[2].values[3].number == 4.0);
    assert_int_equal(c->axes[2].values[3].where.line, 24);

    assert_int_equal(c->n_random, 2);
    assert_string_equal(c->random[0].dist, "triangular");
    assert_true(c->random[0].mode.number == 1.0);
    assert_int_equal(c->random[0].mean.where.line, -1);
    assert_true(c->random[1].sd.number == 0.5);
    assert_int_equal(c->n_fixed, 2);
    assert_string_equal(c->fixed[0].name, "Cl_o");
    assert_true(c->fixed[1].value.number == 310.15);
    assert_int_equal(c->n_ties, 2);
    assert_string_equal(c->ties[0].name, "Na_o");
    assert_string_equal(c->ties[0].value.text, "150 - K_o");

    assert_string_equal(c->solver_mode, "follow");
    assert_true(c->solver_audit == 0.0 && c->solver_rtol == 1e-6);
    assert_int_equal(c->solver_starts, 3);
    assert_int_equal(c->n_variables, 2);
    assert_string_equal(c->variables[1], "J_pump");
    assert_int_equal(c->precision_bits, 64);
    assert_int_equal(c->compression, 1);
    assert_true(c->max_failed == 0.01);
    assert_int_equal(c->memory_bytes, 2147483648);
    assert_int_equal(c->device_memory_bytes, 500000);

    assert_string_equal(c->resolved, full_resolved);
    assert_round_trip(c);
    nm_config_destroy(&c);
    nm_config_destroy(&c);
}

/* What a scan of trajectories says beside the rest, and what it does not say. */
static void test_stochastic(void **state)
{
    (void)state;
    static const char *const none[] = {"output.compression=1"};
    static const char *const more[] = {"stochastic.trajectories=1e6", "stochastic.time=20 ms",
                                       "stochastic.first_passage=R2"};
    static const char text[] = "model = 'm'\n[stochastic]\nentropy = 2\nfirst_passage = 'R1'\n";
    nm_config *c;
    assert_int_equal(nm_config_read(&c, "scan.toml", "model = 'm'", 11, none, 1), NM_OK);
    assert_int_equal(c->stochastic.trajectories, 0);
    assert_int_equal(c->stochastic.time.where.line, -1);
    assert_null(strstr(c->resolved, "stochastic"));
    nm_config_destroy(&c);

    c = must_read(text);
    assert_int_equal(c->stochastic.where.line, 2);
    assert_int_equal(c->stochastic.first_passage_where.line, 4);
    assert_non_null(strstr(c->resolved,
                           "\n[stochastic]\ntrajectories = 1000\nentropy = 2\nbin = 0.5\n"
                           "first_passage = \"R1\"\n\n[limits]\n"));
    assert_true(isinf(c->stochastic.jumps));
    assert_round_trip(c);
    nm_config_destroy(&c);

    assert_int_equal(nm_config_read(&c, "scan.toml", text, strlen(text), more, 3), NM_OK);
    assert_int_equal(c->stochastic.trajectories, 1000000);
    assert_int_equal(c->stochastic.first_passage_where.line, 0);
    assert_non_null(strstr(c->resolved, "\n[stochastic]\ntrajectories = 1000000\ntime = \"20 ms\"\n"
                                        "entropy = 2\nbin = 0.5\nfirst_passage = \"R2\"\n"));
    assert_round_trip(c);
    nm_config_destroy(&c);

    /* the table may be made by options alone */
    assert_int_equal(nm_config_read(&c, "scan.toml", "model = 'm'", 11, more, 2), NM_OK);
    assert_int_equal(c->stochastic.where.line, 0);
    assert_true(isinf(c->stochastic.jumps) && isinf(c->stochastic.entropy));
    nm_config_destroy(&c);
    assert_int_equal(nm_config_read(&c, "scan.toml", "model = 'm'", 11, more, 1), NM_USAGE);
    assert_non_null(strstr(nm_last_error(), "--set: [stochastic] does not say"));
}

static void test_defaults(void **state)
{
    (void)state;
    nm_config *c = must_read("model = 'm'");
    assert_string_equal(c->resolved,
                        "model = \"m\"\n"
                        "\n[design]\nkind = \"grid\"\nseed = 0\n"
                        "\n[solver]\nmode = \"auto\"\naudit = 0.01\nstarts = 1\nrtol = 0.001\n"
                        "\n[output]\nprecision = \"f32\"\ncompression = 0\n"
                        "\n[[reduce]]\nkind = \"full\"\n"
                        "\n[limits]\nmax_failed = 0.001\nmemory = 0\ndevice_memory = 0\n");
    assert_int_equal(c->design_where.line, -1);
    assert_int_equal(c->solver_where.line, -1);
    assert_int_equal(c->precision_bits, 32);
    assert_round_trip(c);
    nm_config_destroy(&c);
}

/* The order of entries that mean the same does not change the question; other spellings neither. */
static void test_canonical_order(void **state)
{
    (void)state;
    nm_config *a = must_read("model = 'm'\n[fixed]\nb = 2\na = 1\n[solver]\nrtol = 1e-5\n");
    nm_config *b =
        must_read("solver = {rtol = 0.00001}\nfixed = {a = 1.0, b = \"2\"}\nmodel = 'm'\r\n");
    assert_string_equal(a->resolved, b->resolved);
    nm_config_destroy(&a);
    nm_config_destroy(&b);
}

static void test_table_path(void **state)
{
    (void)state;
    static const char text[] = "model = 'm'\n[design]\nkind = 'table'\nfile = 'sets.csv'\n";
    nm_config *c;
    assert_int_equal(nm_config_read(&c, "/some/where/scan.toml", text, strlen(text), NULL, 0),
                     NM_OK);
    assert_string_equal(c->design_file, "/some/where/sets.csv");
    assert_non_null(strstr(c->resolved, "file = \"sets.csv\"\n"));
    assert_null(strstr(c->resolved, "/some"));
    nm_config_destroy(&c);
    c = must_read(text);
    assert_string_equal(c->design_file, "sets.csv");
    nm_config_destroy(&c);
    c = must_read("model = 'm'\n[design]\nkind = 'table'\nfile = '/data/sets.csv'\n");
    assert_string_equal(c->design_file, "/data/sets.csv");
    nm_config_destroy(&c);
}

static uint64_t next_bits(uint64_t *x)
{
    *x += 0x9E3779B97F4A7C15u;
    uint64_t z = *x;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Any double survives file -> struct -> canonical text -> struct, in the shortest form. */
static void test_numbers_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        uint64_t bits = next_bits(&seed);
        double x;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x)) {
            continue;
        }
        char text[80];
        snprintf(text, sizeof text, "model = 'm'\nfixed = {a = %.17e}", x);
        nm_config *c = must_read(text);
        assert_memory_equal(&c->fixed[0].value.number, &x, sizeof x);
        nm_config *again = must_read(c->resolved);
        assert_memory_equal(&again->fixed[0].value.number, &x, sizeof x);
        nm_config_destroy(&again);
        nm_config_destroy(&c);
    }
    nm_config *c = must_read("model = 'm'\nfixed = {a = 0.1, b = 1e22, c = 9007199254740993}");
    assert_non_null(strstr(c->resolved, "a = 0.1\nb = 1e+22\nc = 9007199254740992\n"));
    nm_config_destroy(&c);
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {{"1024", 1024},
                 {"1e9", 1000000000},
                 {"'2 GiB'", 2147483648},
                 {"'1.5kB'", 1500},
                 {"'500 MB'", 500000000},
                 {"'1 TiB'", 1099511627776},
                 {"'7 B'", 7},
                 {"0", 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[80];
        snprintf(text, sizeof text, "model = 'm'\nlimits = {memory = %s}", cases[i].text);
        nm_config *c = must_read(text);
        assert_int_equal(c->memory_bytes, cases[i].bytes);
        nm_config_destroy(&c);
    }
}

static void test_load_from_disk(void **state)
{
    (void)state;
    char path[] = "/tmp/nessmap_config_XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, full_text, strlen(full_text)), strlen(full_text));
    close(file);
    nm_config *config;
    nm_status status = nm_config_load(&config, path, NULL, 0);
    unlink(path);
    assert_int_equal(status, NM_OK);
    assert_string_equal(config->resolved, full_resolved);
    nm_config_destroy(&config);
}

/* --- 2. overrides ------------------------------------------------------------------------ */

static const struct override {
    const char *set, *expected; /* a line of the canonical text, or the sentence of a mistake */
} overrides[] = {
    {"T=300", "\nT = 300\n"},
    {"fixed.T=300", "\nT = 300\n"},
    {" T = 37 degC ", "\nT = \"37 degC\"\n"},
    {"new_one=.5", "\nnew_one = 0.5\n"},
    {"axis.g_Na.n=512", "\nn = 512\n"},
    {"axis.g_Na.min=1 mS/cm2", "\nmin = \"1 mS/cm2\"\n"},
    {"axis.K_o.values=7,8 mM,9", "\nvalues = [7, \"8 mM\", 9]\n"},
    {"axis.K_o.values=[7, \"8 mM\"]", "\nvalues = [7, \"8 mM\"]\n"},
    {"random.p_max.sd=2", "\nsd = 2\n"},
    {"variant.pump=hill", "\npump = \"hill\"\n"},
    {"variant.membrane=clamped", "\nmembrane = \"clamped\"\n"},
    {"solver.mode=auto", "\nmode = \"auto\"\n"},
    {"design.seed=3", "\nseed = 3\n"},
    {"design.n=2e3", "\nn = 2000\n"},
    {"output.variables=V, ell", "\nvariables = [\"V\", \"ell\"]\n"},
    {"output.variables=[\"*\"]", "\nvariables = [\"*\"]\n"},
    {"limits.max_failed=0.5", "\nmax_failed = 0.5\n"},
    {"limits.memory=500 MB", "\nmemory = 500000000\n"},
    {"tie.Na_o=140 - K_o", "\nNa_o = \"140 - K_o\"\n"},
    {"model=driven_cycle", "\nmodel = \"driven_cycle\"\n"},
    {"title=\"say \\\"hi\\\"\"", "title = \"say \\\"hi\\\"\"\n"},
    {"title=2024", "title = \"2024\"\n"},
    {"title=\"half", "title = \"\\\"half\"\n"},

    {"T", "--set: \"T\" has no \"=\"; write KEY=VALUE, like K_o=5 or axis.K_o.n=512"},
    {"T=", "--set: \"T=\" lacks its value; write KEY=VALUE"},
    {"=3", "--set: \"=3\" lacks its key; write KEY=VALUE"},
    {"T=\xff", "--set: a key or a value is not valid UTF-8"},
    {"T=abc",
     "--set: fixed.T = \"abc\", but it must be a finite number, or a number and its unit in "
     "quotes like \"5.4 mmol/L\""},
    {"T o=3", "--set: \"T o\" is not a name; a parameter is made of letters, digits and _"},
    {"K_o=3", "--set: K_o is in [[axis]] already (scan.toml:23), so it cannot be fixed; set "
              "axis.K_o.min, .max or .n instead"},
    {"g_K=3", "--set: g_K is in [[random]] already (scan.toml:26), so it cannot be fixed; set "
              "random.g_K.min, .max, ... instead"},
    {"Na_o=3",
     "--set: Na_o is in [tie] already (scan.toml:40), so it cannot be fixed; set tie.Na_o "
     "instead"},
    {"fixed.K_o=3", "--set: parameter \"K_o\" is given twice, by [[axis]] (scan.toml:23) and by "
                    "[fixed] here; keep one"},
    {"axis.g_Na.m=3", "--set: unknown key \"axis.g_Na.m\"; the keys here are name, min, max, n, "
                      "scale, values"},
    {"axis.g_na.n=3", "--set: there is no [[axis]] with name = \"g_na\"; did you mean \"g_Na\"?"},
    {"axis.T.n=3", "--set: there is no [[axis]] with name = \"T\" in the file"},
    {"axis.g_Na=3",
     "--set: axis.g_Na is not a key; write axis.NAME.KEY=VALUE, like axis.K_o.max=10"},
    {"axis.g_Na.max=0.001",
     "--set: axis.g_Na.min = 0.01 and max = 0.001, but min must not be above "
     "max; exchange them"},
    {"axis.K_o.min=0.001",
     "--set: axis.K_o has both values and min; keep values alone, or min, max and n"},
    {"solver.moed=auto", "--set: unknown key \"solver.moed\"; did you mean \"solver.mode\"?"},
    {"slover.mode=auto", "--set: unknown key \"slover\"; did you mean \"solver\"?"},
    {"solver.mode.x=auto",
     "--set: \"solver.mode.x\" is not a key; write PARAMETER, TABLE.KEY or axis.NAME.KEY"},
    {"solver..mode=auto",
     "--set: \"solver..mode\" is not a key; write PARAMETER, TABLE.KEY or axis.NAME.KEY"},
    {"model.x=auto", "--set: model.x cannot be set, because \"model\" is not a table of the "
                     "configuration"},
    {"reduce.kind=bin",
     "--set: reduce.kind = \"bin\", but it is one of full, bins, summary, sobol, "
     "morris, dgsm; did you mean \"bins\"?"},
    {"reduce.kind.x=full",
     "--set: \"reduce.kind.x\" is not a key; write PARAMETER, TABLE.KEY or axis.NAME.KEY"},
    {"output.variables=V,,ell",
     "--set: output.variables[1] = \"\", but it must be a list of output "
     "names like [\"V\", \"J_pump\"], or [\"*\"] for all"},
    {"axis.K_o.values=[1,", "--set: the value of axis.K_o.values is not valid TOML: Error while "
                            "parsing array: encountered end-of-file"},
};

static void test_overrides(void **state)
{
    (void)state;
    int n_wrong = 0;
    for (size_t i = 0; i < COUNT(overrides); i++) {
        nm_config *config;
        nm_status status = nm_config_read(&config, "scan.toml", full_text, strlen(full_text),
                                          &overrides[i].set, 1);
        const char *expected = overrides[i].expected;
        int is_right = strncmp(expected, "--set", 5) == 0
                           ? status == NM_USAGE && strcmp(nm_last_error(), expected) == 0
                           : status == NM_OK && strstr(config->resolved, expected) != NULL &&
                                 strstr(full_resolved, expected) == NULL;
        if (!is_right) {
            print_error("%s\n  says (%d): %s\n  not:      %s\n", overrides[i].set, status,
                        status == NM_OK ? config->resolved : nm_last_error(), expected);
            n_wrong++;
        }
        if (status == NM_OK) {
            assert_round_trip(config);
        }
        nm_config_destroy(&config);
    }
    assert_int_equal(n_wrong, 0);

    /* the last one wins, and a line of 0 says where it came from */
    const char *const both[] = {"T=1", "T=2"};
    nm_config *config;
    assert_int_equal(nm_config_read(&config, "scan.toml", full_text, strlen(full_text), both, 2),
                     NM_OK);
    assert_string_equal(config->fixed[1].name, "T");
    assert_true(config->fixed[1].value.number == 2.0);
    assert_int_equal(config->fixed[1].value.where.line, 0);
    nm_config_destroy(&config);
}

static void test_point(void **state)
{
    (void)state;
    const char *const good[] = {"K_o=5", "variant.pump=rev", "solver.mode=follow"};
    nm_config *config;
    assert_int_equal(nm_config_point(&config, "pump_leak", good, 3), NM_OK);
    assert_null(config->path);
    assert_string_equal(config->model, "pump_leak");
    assert_string_equal(config->design_kind, "grid");
    assert_int_equal(config->n_axes, 0);
    assert_int_equal(config->n_fixed, 1);
    assert_string_equal(config->solver_mode, "follow");
    assert_string_equal(nm_config_at(config, config->fixed[0].value.where), "--set: ");
    assert_string_equal(nm_config_at(config, config->model_where), "");
    assert_round_trip(config);
    nm_config_destroy(&config);

    static const char *const bad[] = {"axis.K_o.n=3", "design.seed=3", "model=x",
                                      "output.variables=V"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(nm_config_point(&config, "pump_leak", &bad[i], 1), NM_USAGE);
        assert_null(config);
        assert_non_null(
            strstr(nm_last_error(), "is no key of a single point; write PARAMETER=VALUE"));
    }
}

static void test_places(void **state)
{
    (void)state;
    char path[2000];
    memset(path, 'p', sizeof path);
    strcpy(path + sizeof path - 11, "/scan.toml");
    nm_config config = {.path = path};
    const char *place = nm_config_at(&config, (nm_where){12});
    assert_in_range(strlen(place), 100, 319);
    assert_non_null(strstr(place, "/scan.toml:12: "));
    assert_int_equal(strncmp(place, "...ppp", 6), 0);
    config.path = "scan.toml";
    /* a message may hold several places */
    const char *a = nm_config_at(&config, (nm_where){1}), *b = nm_config_at(&config, (nm_where){0});
    const char *c = nm_config_at(&config, (nm_where){-1});
    assert_string_equal(a, "scan.toml:1: ");
    assert_string_equal(b, "--set: ");
    assert_string_equal(c, "scan.toml: ");
}

/* --- 3. damaged files -------------------------------------------------------------------- */

/* Whatever is read either fails with a sentence or has a canonical text that reads back. */
static void try_bytes(const char *text, size_t bytes)
{
    nm_config *config;
    if (nm_config_read(&config, "scan.toml", text, bytes, NULL, 0) == NM_OK) {
        assert_round_trip(config);
        nm_config_destroy(&config);
    } else {
        assert_null(config);
        assert_int_equal(strncmp(nm_last_error(), "scan.toml:", 10), 0);
        assert_true(strlen(nm_last_error()) > 20);
    }
}

static void test_damaged(void **state)
{
    (void)state;
    const size_t n = strlen(full_text);
    for (size_t i = 0; i <= n; i++) {
        try_bytes(full_text, i);
    }
    uint64_t seed = 2;
    static const char alphabet[] = "[]{}=.,'\"#\n\\ a1-+e_\0\xff";
    char *text = malloc(n);
    assert_non_null(text);
    for (int i = 0; i < 2000; i++) {
        memcpy(text, full_text, n);
        for (int k = 0; k < 1 + i % 3; k++) {
            text[next_bits(&seed) % n] = alphabet[next_bits(&seed) % (sizeof alphabet - 1)];
        }
        try_bytes(text, n);
    }
    free(text);
}

static void test_deep_nesting(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *text = malloc(3 * DEPTH + 16);
    assert_non_null(text);
    nm_config *config;
    static const char *const openings[] = {"[", "{a=", "a.", "[a."};
    for (size_t k = 0; k < COUNT(openings); k++) {
        char *end = text + sprintf(text, "a=");
        end = k < 2 ? end : text;
        for (int i = 0; i < DEPTH; i++) {
            size_t n = strlen(openings[k]);
            memcpy(end, openings[k], n);
            end += n;
        }
        assert_int_equal(nm_config_read(&config, "scan.toml", text, (size_t)(end - text), NULL, 0),
                         NM_USAGE);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_stochastic),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_canonical_order),
        cmocka_unit_test(test_table_path),
        cmocka_unit_test(test_numbers_round_trip),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_load_from_disk),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_point),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_deep_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
