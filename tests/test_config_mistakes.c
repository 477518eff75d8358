/* Tests of the configuration: every mistake gets its one sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What stands before each text: line 1 is the model. */
#define M            "model = 'm'\n"
#define AXIS         M "[[axis]]\nname = 'K_o'\n"
#define RANDOM       M "design = {kind = 'random', n = 1}\n[[random]]\nname = 'K_o'\n"

static const struct mistake {
    const char *text, *sentence;
} mistakes[] = {
    /* TOML */
    {"", "scan.toml: model is missing; write model = \"NAME\" on the first line "
         "(`nessmap models` lists names)"},
    {M "fixed = {a = .5}\n",
     "scan.toml:2: not valid TOML: Error while parsing floating-point: expected decimal digit, saw "
     "'.'; a number in TOML has digits on both sides of its point, like 0.5 or 1.0"},
    {M "[fixed]\na = 1.\n",
     "scan.toml:3: not valid TOML: Error while parsing floating-point: expected decimal digit, saw "
     "'\\n'; a number in TOML has digits on both sides of its point, like 0.5 or 1.0"},
    {M "[=]\n", "scan.toml:2: not valid TOML: Error while parsing key: expected bare key starting "
                "character or string delimiter, saw '='"},
    {M "title = \xC2\xB5\n", "scan.toml:2: not valid TOML: Error while parsing value: could "
                             "not determine value type"},
    {M "title = \"zero \\u0000\"\n", "scan.toml:2: not valid TOML: a text holds a zero character"},
    {M "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = 1",
     "scan.toml:2: not valid TOML: a key has more than 16 dots"},
    /* keys */
    {M "modle = 3\n", "scan.toml:2: unknown key \"modle\"; did you mean \"model\"?"},
    {M "starts = 3\n",
     "scan.toml:2: unknown key \"starts\"; did you mean \"solver.starts\", in the "
     "table [solver]?"},
    {M "[solver]\nmode = 'auto'\nmax_steps = 3\n",
     "scan.toml:4: unknown key \"solver.max_steps\"; the keys here are mode, audit, starts, rtol"},
    {M "[desing]\nn = 3\n", "scan.toml:2: unknown key \"desing\"; did you mean \"design\"?"},
    {AXIS "mni = 3\n", "scan.toml:4: unknown key \"axis.K_o.mni\"; did you mean \"axis.K_o.min\"?"},
    {M "[limits]\nmemroy = 1\n",
     "scan.toml:3: unknown key \"limits.memroy\"; did you mean \"limits.memory\"?"},
    {M "[[reduce]]\nkind = 'full'\nstat = 1\n", "scan.toml:4: unknown key \"reduce.stat\"; the "
                                                "keys here are kind, variables, axes, quantiles"},
    /* shapes */
    {M "[axis]\nname = 'K_o'\n", "scan.toml:2: axis = a table, but there may be several; write "
                                 "[[axis]] with two brackets"},
    {M "axis = [1]\n",
     "scan.toml:2: axis = 1, but each is a table; write [[axis]] on a line of its own"},
    {M "[[design]]\nn = 1\n",
     "scan.toml:2: design = a list, but it is a table; write [design] on a "
     "line of its own, once"},
    {"model = 3\n", "scan.toml:1: model = 3, but it must be a text in quotes that is not empty"},
    {"model = ''\n",
     "scan.toml:1: model = \"\", but it must be a text in quotes that is not empty"},
    /* axes */
    {M "[[axis]]\nmin = 1\n", "scan.toml:2: axis.name is missing; it is the parameter's name in "
                              "quotes"},
    {M "[[axis]]\nname = 'K o'\n", "scan.toml:3: axis: \"K o\" is not a name; a name is made of "
                                   "letters, digits and _"},
    {AXIS "max = 5\nn = 3\n",
     "scan.toml:2: axis.K_o.min is missing; an axis needs min, max and n, or values"},
    {AXIS "min = 1\nmax = 5\n",
     "scan.toml:2: axis.K_o.n is missing; an axis needs min, max and n, or values"},
    {AXIS "min = 5\nmax = 1\nn = 3\n",
     "scan.toml:4: axis.K_o.min = 5 and max = 1, but min must not be above max; exchange them"},
    {AXIS "min = 5\nmax = 5\nn = 3\n",
     "scan.toml:4: axis.K_o.min = 5 and max = 5, but min must be below max where n is above 1"},
    {AXIS "min = 0\nmax = 5\nn = 3\nscale = 'log'\n",
     "scan.toml:4: axis.K_o.min = 0, but a log axis must lie above 0; raise it or say scale = "
     "\"linear\""},
    {AXIS "min = '-1 mM'\nmax = -1\nn = 3\nscale = 'log'\n",
     "scan.toml:5: axis.K_o.max = -1, but a log axis must lie above 0; raise it or say scale = "
     "\"linear\""},
    {AXIS "min = 1\nmax = 5\nn = 3\nscale = 'lgo'\n",
     "scan.toml:7: axis.K_o.scale = \"lgo\", but it is one of linear, log; did you mean \"log\"?"},
    {AXIS "min = 1\nmax = 5\nn = 3\nscale = 'cubic'\n",
     "scan.toml:7: axis.K_o.scale = \"cubic\", but it is one of linear, log"},
    {AXIS "min = 1\nmax = 5\nn = 0\n",
     "scan.toml:6: axis.K_o.n = 0, but the number of values must be a whole number of 1 or more"},
    {AXIS "min = 1\nmax = 5\nn = 2.5\n",
     "scan.toml:6: axis.K_o.n = 2.5, but the number of values must be a whole number of 1 or more"},
    {AXIS "min = 1\nmax = 5\nn = true\n", "scan.toml:6: axis.K_o.n = true, but the number of "
                                          "values must be a whole number of 1 or more"},
    {AXIS "min = 'abc'\nmax = 5\nn = 3\n", "scan.toml:4: axis.K_o.min = \"abc\", but it must be a "
                                           "finite number, or a number and its unit "
                                           "in quotes like \"5.4 mmol/L\""},
    {AXIS "min = nan\nmax = 5\nn = 3\n",
     "scan.toml:4: axis.K_o.min = nan, but it must be a finite number, or a number and its unit in "
     "quotes like \"5.4 mmol/L\""},
    {AXIS "min = 1979-05-27\nmax = 5\nn = 3\n",
     "scan.toml:4: axis.K_o.min = a date or time, but it must be a finite number, or a number and "
     "its unit in quotes like \"5.4 mmol/L\""},
    {AXIS "values = [1, 2]\nmin = 1\n",
     "scan.toml:5: axis.K_o has both values and min; keep values alone, or min, max and n"},
    {AXIS "values = [1, 2]\nscale = 'log'\n",
     "scan.toml:5: axis.K_o has both values and scale; keep values alone, or min, max and n"},
    {AXIS "values = []\n", "scan.toml:4: axis.K_o.values = [], but it must be a list of one or "
                           "more values like [1, 2, 5]"},
    {AXIS "values = [1,\n2, 'x']\n",
     "scan.toml:5: axis.K_o.values[2] = \"x\", but it must be a finite number, or a number and its "
     "unit in quotes like \"5.4 mmol/L\""},
    {M "axis = [{}, {}, {}, {}, {}, {}, {}, {}, {}]\n",
     "scan.toml:2: [[axis]] stands 9 times, but there may be 8 at most"},
    /* random */
    {RANDOM "min = 1\n", "scan.toml:3: random.K_o.dist is missing; it is one of uniform, "
                         "loguniform, normal, lognormal, triangular"},
    {RANDOM "dist = 'gauss'\n",
     "scan.toml:5: random.K_o.dist = \"gauss\", but it is one of uniform, "
     "loguniform, normal, lognormal, triangular"},
    {RANDOM "dist = 'unifrom'\n",
     "scan.toml:5: random.K_o.dist = \"unifrom\", but it is one of uniform, loguniform, normal, "
     "lognormal, triangular; did you mean \"uniform\"?"},
    {RANDOM "dist = 'normal'\nmean = 1\n",
     "scan.toml:3: random.K_o.sd is missing; dist = \"normal\" takes mean, sd"},
    {RANDOM "dist = 'uniform'\nmin = 1\nmax = 2\nmode = 1\n",
     "scan.toml:8: random.K_o.mode = 1, but dist = \"uniform\" takes min, max"},
    {RANDOM "dist = 'uniform'\nmin = 2\nmax = 2\n",
     "scan.toml:6: random.K_o.min = 2 and max = 2, but min must be below max"},
    {RANDOM "dist = 'loguniform'\nmin = 0\nmax = 2\n",
     "scan.toml:6: random.K_o.min = 0, but a loguniform range must lie above 0"},
    {RANDOM "dist = 'normal'\nmean = 2\nsd = 0\n",
     "scan.toml:7: random.K_o.sd = 0, but a standard deviation must be above 0"},
    {RANDOM "dist = 'triangular'\nmin = 1\nmax = 2\nmode = 3\n",
     "scan.toml:8: random.K_o.mode = 3, but it must lie between min and max"},
    /* fixed, tie, variant */
    {M "[fixed]\nK_o = true\n",
     "scan.toml:3: fixed.K_o = true, but it must be a finite number, or a number and its unit in "
     "quotes like \"5.4 mmol/L\""},
    {M "[fixed]\n'K o' = 1\n",
     "scan.toml:3: fixed: \"K o\" is not a name; a name is made of letters, digits and _"},
    {M "[tie]\nK_o = 5\n", "scan.toml:3: tie.K_o = 5, but a tie is an expression like "
                           "\"150 - K_o\"; for a number use [fixed]"},
    {M "[tie]\nK_o = ''\n",
     "scan.toml:3: tie.K_o = \"\", but a tie is an expression in quotes, like "
     "\"150 - K_o\""},
    {M "[variant]\npump = 1\n", "scan.toml:3: variant.pump = 1, but a variant is a text in quotes, "
                                "the name of its choice"},
    /* twice */
    {AXIS "min = 1\nmax = 5\nn = 3\n[fixed]\nK_o = 5\n",
     "scan.toml:8: parameter \"K_o\" is given twice, by [[axis]] (scan.toml:3) and by [fixed] "
     "here; "
     "keep one"},
    {AXIS "values = [1]\n[[axis]]\nname = 'K_o'\nvalues = [2]\n",
     "scan.toml:6: parameter \"K_o\" is given twice, by [[axis]] (scan.toml:3) and by [[axis]] "
     "here; "
     "keep one"},
    {RANDOM "dist = 'normal'\nmean = 2\nsd = 1\n[tie]\nK_o = '2 * Na_o'\n",
     "scan.toml:9: parameter \"K_o\" is given twice, by [[random]] (scan.toml:4) and by [tie] "
     "here; "
     "keep one"},
    /* design */
    {M "[design]\nkind = 'refine'\n",
     "scan.toml:3: design.kind = \"refine\" divides the cells of two axes, found 0 [[axis]]; give "
     "two, "
     "or [[random]] parameters and n for segments in more dimensions"},
    {M "[design]\nkind = 'gird'\n",
     "scan.toml:3: design.kind = \"gird\", but it is one of grid, random, lhs, sobol, saltelli, "
     "morris, table, refine; did you mean \"grid\"?"},
    {M "[design]\nseed = -1\n", "scan.toml:3: design.seed = -1, but a seed must be a whole number "
                                "from 0 to 9223372036854775807"},
    {M "[design]\nn = 3\n",
     "scan.toml:3: design.n = 3, but only designs that draw take n; an axis has its own"},
    {M "[design]\nfile = 'a.csv'\n",
     "scan.toml:3: design.file = \"a.csv\", but only kind = \"table\" takes a file"},
    {M "[design]\nkind = 'random'\n",
     "scan.toml:2: design.n is missing; a design that draws needs the number of draws"},
    {M "[design]\nkind = 'random'\nn = 0\n",
     "scan.toml:4: design.n = 0, but the number of draws must be a whole number of 1 or more"},
    {M "[design]\nkind = 'random'\nn = 5\n",
     "scan.toml:3: design.kind = \"random\", but no parameter is drawn; add [[random]]"},
    {M "[design]\nkind = 'table'\n", "scan.toml:2: design.file is missing; kind = \"table\" needs "
                                     "the CSV or NetCDF file of the parameter sets"},
    {AXIS "values = [1]\n[design]\nkind = 'table'\nfile = 'a.csv'\n",
     "scan.toml:6: design.kind = \"table\" takes its points from the file; remove [[axis]] K_o"},
    {M "[[random]]\nname = 'K_o'\ndist = 'normal'\nmean = 2\nsd = 1\n",
     "scan.toml: design.kind = \"grid\", but [[random]] K_o is drawn; say kind = \"random\" and n"},
    /* solver, output, reduce, limits */
    {M "[solver]\nmode = 'newton'\n",
     "scan.toml:3: solver.mode = \"newton\", but it is one of auto, follow"},
    {M "[solver]\naudit = 1.5\n",
     "scan.toml:3: solver.audit = 1.5, but the audited share must be a number from 0 to 1"},
    {M "[solver]\nstarts = 0\n", "scan.toml:3: solver.starts = 0, but the number of initial states "
                                 "must be a whole number from 1 to 1000"},
    {M "[solver]\nrtol = 0\n", "scan.toml:3: solver.rtol = 0, but a relative tolerance must be a "
                               "number above 0 and at most 0.1"},
    {M "[solver]\nrtol = 0.5\n",
     "scan.toml:3: solver.rtol = 0.5, but a relative tolerance must be a "
     "number above 0 and at most 0.1"},
    {M "[solver]\nrtol = nan\n",
     "scan.toml:3: solver.rtol = nan, but a relative tolerance must be a "
     "number above 0 and at most 0.1"},
    {M "[output]\nvariables = 'V'\n",
     "scan.toml:3: output.variables = \"V\", but it must be a list of output names like [\"V\", "
     "\"J_pump\"], or [\"*\"] for all"},
    {M "[output]\nvariables = ['V', 3]\n",
     "scan.toml:3: output.variables[1] = 3, but it must be a list of output names like [\"V\", "
     "\"J_pump\"], or [\"*\"] for all"},
    {M "[output]\nprecision = 'f16'\n",
     "scan.toml:3: output.precision = \"f16\", but it is one of f32, f64"},
    {M "[output]\ngradients = 'V'\n", "scan.toml:3: output.gradients = \"V\", but it is a table "
                                      "like { of = [\"V\"], by = [\"g_Na\"] }, "
                                      "or a list of outputs"},
    {M "[output]\ngradients = { by = ['g_Na'] }\n",
     "scan.toml:3: output.gradients.of is missing; name the outputs whose derivatives are wanted"},
    {M "[output]\ncompression = 10\n",
     "scan.toml:3: output.compression = 10, but the deflate level "
     "must be a whole number from 0 (none) to 9"},
    {M "[[reduce]]\nkind = 'bin'\n", "scan.toml:3: reduce.kind = \"bin\", but it is one of full, "
                                     "bins, summary, sobol, morris, dgsm; "
                                     "did you mean \"bins\"?"},
    {M "[[reduce]]\n",
     "scan.toml:2: reduce.kind is missing; it is one of full, bins, summary, sobol, morris, dgsm"},
    {M "[[reduce]]\nkind = 'bins'\nvariable = ['V']\n",
     "scan.toml:4: unknown key \"reduce.variable\"; did you mean \"reduce.variables\"?"},
    {M "[[reduce]]\nkind = 'summary'\nvariables = 'V'\n",
     "scan.toml:4: reduce.variables = \"V\", but it must be a list of output names like [\"V\", "
     "\"J_pump\"], or [\"*\"] for all"},
    {M "[[reduce]]\nkind = 'full'\nvariables = ['V']\n",
     "scan.toml:4: reduce.variables = a list, but kind = \"full\" keeps the variables of [output]; "
     "write them there"},
    {M "[[reduce]]\nkind = 'summary'\naxes = [{name = 'V', min = 0, max = 1, n = 2}]\n",
     "scan.toml:4: reduce.axes = a list, but only kind = \"bins\" sorts points along axes"},
    {M "[[reduce]]\nkind = 'bins'\naxes = [{name = 'V', min = 0, max = 1, n = 2},\n"
       "{name = 'V', min = 0, max = 1, n = 2}]\n",
     "scan.toml:5: reduce.axes.name = \"V\", but each axis of bins is another output or parameter"},
    {M "[[reduce]]\nkind = 'bins'\naxes = [{name = 'V', min = 0, max = 1}]\n",
     "scan.toml:4: reduce.axes.V.n is missing; bins need min, max and n"},
    {M "[[reduce]]\nkind = 'sobol'\nquantiles = [0.5]\n",
     "scan.toml:4: reduce.quantiles = a list, but kind = \"bins\" and kind = \"summary\" alone "
     "have "
     "quantiles"},
    {M "[[reduce]]\nkind = 'full'\n[[reduce]]\nkind = 'summary'\n",
     "scan.toml:4: [[reduce]] stands 2 times, but there may be 1 at most"},
    /* trajectories */
    {M "[stochastic]\ntrajectorys = 10\njumps = 3\n",
     "scan.toml:3: unknown key \"stochastic.trajectorys\"; did you mean "
     "\"stochastic.trajectories\"?"},
    {M "[stochastics]\njumps = 3\n",
     "scan.toml:2: unknown key \"stochastics\"; did you mean \"stochastic\"?"},
    {M "trajectories = 3\n", "scan.toml:2: unknown key \"trajectories\"; did you mean "
                             "\"stochastic.trajectories\", in the table [stochastic]?"},
    {M "[stochastic]\ntrajectories = 10\n",
     "scan.toml:2: [stochastic] does not say when a trajectory ends; give time, jumps or entropy "
     "(the first that is reached ends it)"},
    {M "[stochastic]\ntrajectories = 1\njumps = 3\n",
     "scan.toml:3: stochastic.trajectories = 1, but the number of trajectories of each set must be "
     "a whole number from 2 to 16777215"},
    {M "[stochastic]\ntrajectories = 16777216\njumps = 3\n",
     "scan.toml:3: stochastic.trajectories = 16777216, but the number of trajectories of each set "
     "must be a whole number from 2 to 16777215"},
    {M "[stochastic]\njumps = 0\n", "scan.toml:3: stochastic.jumps = 0, but the mean number of "
                                    "jumps of a window must be a number above 0"},
    {M "[stochastic]\njumps = inf\n", "scan.toml:3: stochastic.jumps = inf, but the mean number of "
                                      "jumps of a window must be a number above 0"},
    {M "[stochastic]\nentropy = '2 kB'\n",
     "scan.toml:3: stochastic.entropy = \"2 kB\", but the mean entropy production of a window, in "
     "k_B, must be a number above 0"},
    {M "[stochastic]\ntime = '-1 ms'\n",
     "scan.toml:3: stochastic.time = \"-1 ms\", but a window must last for more than 0, in seconds "
     "or like \"10 ms\""},
    {M "[stochastic]\ntime = true\n",
     "scan.toml:3: stochastic.time = true, but it must be a finite number, or a number and its "
     "unit in quotes like \"5.4 mmol/L\""},
    {M "[stochastic]\njumps = 3\nbin = -0.5\n",
     "scan.toml:4: stochastic.bin = -0.5, but the width of the bins of entropy production, in k_B, "
     "must be a number above 0"},
    {M "[stochastic]\njumps = 3\nfirst_passage = 1\n",
     "scan.toml:4: stochastic.first_passage = 1, but it must be a text in quotes that is not "
     "empty"},
    {M "[[stochastic]]\njumps = 3\n", "scan.toml:2: stochastic = a list, but it is a table; write "
                                      "[stochastic] on a line of its own, "
                                      "once"},
    {M "[limits]\nmax_failed = 2\n", "scan.toml:3: limits.max_failed = 2, but the share of points "
                                     "that may fail must be a number from 0 to 1"},
    {M "[limits]\nmemory = '2 GO'\n", "scan.toml:3: limits.memory = \"2 GO\", but it must be bytes "
                                      "as a whole number, or a text like \"2 GiB\" or \"500 MB\""},
    {M "[limits]\nmemory = -1\n",
     "scan.toml:3: limits.memory = -1, but it must be bytes as a whole "
     "number, or a text like \"2 GiB\" or \"500 MB\""},
};

static void test_mistakes(void **state)
{
    (void)state;
    int n_wrong = 0;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        nm_config *config = (nm_config *)&mistakes;
        nm_status status = nm_config_read(&config, "scan.toml", mistakes[i].text,
                                          strlen(mistakes[i].text), NULL, 0);
        if (status != NM_USAGE || strcmp(nm_last_error(), mistakes[i].sentence) != 0) {
            print_error("%s\n  says (%d): %s\n  not:      %s\n", mistakes[i].text, status,
                        status == NM_OK ? "" : nm_last_error(), mistakes[i].sentence);
            n_wrong++;
        }
        if (status != NM_OK) {
            assert_null(config);
        }
        nm_config_destroy(&config);
    }
    assert_int_equal(n_wrong, 0);
}

static void test_unreadable_files(void **state)
{
    (void)state;
    nm_config *config;
    assert_int_equal(nm_config_load(&config, "/", NULL, 0), NM_USAGE);
    assert_string_equal(nm_last_error(), "/: the configuration cannot be read (it is a folder); a "
                                         "TOML file is needed");
    assert_int_equal(nm_config_load(&config, "missing.toml", NULL, 0), NM_USAGE);
    assert_string_equal(nm_last_error(), "missing.toml: the configuration cannot be read (No such "
                                         "file or directory); a TOML file is needed");
    assert_null(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_unreadable_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
