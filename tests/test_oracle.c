/* The oracle against golden states, against the cell's own balances, and against its claim of one
 * state at most. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oracle.h"

#define GAS_R   8.31446261815324L
#define FARADAY 96485.33212331001840L

/* --- the golden file ------------------------------------------------------------------------ */

/* Reads tests/golden/pump_leak.json, which lies beside this source. */
static char *golden_text(void)
{
    char path[4096];
    const char *slash = strrchr(__FILE__, '/');
    snprintf(path, sizeof path, "%.*sgolden/pump_leak.json",
             slash ? (int)(slash + 1 - __FILE__) : 0, __FILE__);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("cannot open %s", path);
    }
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    return text;
}

/* The text after "key": in [from, to), or NULL. */
static const char *find_key(const char *from, const char *to, const char *key)
{
    char quoted[64];
    const int length = snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(from, quoted);
    return at && at < to ? at + length : NULL;
}

static double number(const char *from, const char *to, const char *key)
{
    const char *at = find_key(from, to, key);
    if (at == NULL) {
        fail_msg("golden case lacks %s", key);
    }
    return strtod(at, NULL);
}

static int starts(const char *from, const char *to, const char *key, const char *text)
{
    const char *at = find_key(from, to, key);
    return at && strncmp(at, text, strlen(text)) == 0;
}

static nm_oracle_cell golden_cell(const char *a, const char *b)
{
    nm_oracle_cell cell = {
        .leak = starts(a, b, "law", "\"ghk\"") ? NM_ORACLE_GHK : NM_ORACLE_OHMIC,
        .pump = starts(a, b, "pump", "\"const\"")  ? NM_ORACLE_CONST
                : starts(a, b, "pump", "\"hill\"") ? NM_ORACLE_HILL
                                                   : NM_ORACLE_REV,
        .is_electroneutral = starts(a, b, "electroneutral", "true"),
    };
#define READ(name) cell.name = number(a, b, #name)
    READ(T), READ(C_m), READ(Na_o), READ(K_o), READ(Cl_o), READ(Y_o), READ(z_X), READ(N_X),
        READ(P_f), READ(v_w);
    READ(g_Na), READ(g_K), READ(g_Cl), READ(P_Na), READ(P_K), READ(P_Cl), READ(L_NKCC), READ(L_KCC);
    READ(p_max), READ(K_Na), READ(K_K), READ(dG_ATP), READ(kappa_r);
#undef READ
    return cell;
}

static double worst[8];
static const char *const quantity[8] = {"Na_i", "K_i", "Cl_i",   "X_i",
                                        "ell",  "V",   "r_pump", "lysis_margin"};

static void golden_states(void **unused)
{
    (void)unused;
    char *text = golden_text();
    int n_states = 0, n_none = 0, n_not_covered = 0, n_wrong = 0;
    for (const char *a = strstr(text, "{\"id\""); a != NULL;) {
        const char *next = strstr(a + 1, "{\"id\"");
        const char *end = next ? next : text + strlen(text);
        const char *expect = strstr(a, "\"expect\":");
        const nm_oracle_cell cell = golden_cell(a, expect);
        nm_oracle_answer answer;
        nm_oracle_solve(&answer, &cell);
        const int exists = starts(expect, end, "exists", "true");
        const nm_oracle_class wanted = !exists ? NM_ORACLE_GROWTH
                                       : starts(expect, end, "class", "\"equilibrium\"")
                                           ? NM_ORACLE_EQUILIBRIUM
                                           : NM_ORACLE_NESS;
        if (answer.verdict == NM_ORACLE_NOT_COVERED) {
            assert_true(cell.leak == NM_ORACLE_GHK && (cell.L_NKCC > 0 || cell.L_KCC > 0));
            n_not_covered++;
        } else if (answer.verdict != wanted) {
            print_error("%.12s: class %d, wanted %d\n", a + 6, (int)answer.verdict, (int)wanted);
            n_wrong++;
        } else {
            const long double found[8] = {answer.Na_i, answer.K_i,         answer.Cl_i,
                                          answer.X_i,  answer.ell,         answer.V,
                                          answer.r,    answer.lysis_margin};
            for (int i = exists ? 0 : 7; i < 8; i++) {
                if (i == 7 && find_key(expect, end, quantity[7]) == NULL) {
                    continue;
                }
                const double ref = number(expect, end, quantity[i]);
                /* a pump at equilibrium runs at zero: its scale is its capacity */
                const double scale =
                    i == 6 && wanted == NM_ORACLE_EQUILIBRIUM ? cell.p_max + 1e-300 : fabs(ref);
                const double error = fabs((double)(found[i] - ref)) / scale;
                worst[i] = fmax(worst[i], error);
                if (!(error <= 1e-12)) {
                    print_error("%.12s: %s = %.17Lg, golden %.17g\n", a + 6, quantity[i], found[i],
                                ref);
                    n_wrong++;
                }
            }
            *(exists ? &n_states : &n_none) += 1;
        }
        a = next;
    }
    free(text);
    print_message("golden: %d states, %d without a state, %d not covered; worst relative error:",
                  n_states, n_none, n_not_covered);
    for (int i = 0; i < 8; i++) {
        print_message(" %s %.1e", quantity[i], worst[i]);
    }
    print_message("\n");
    assert_int_equal(n_wrong, 0);
    assert_true(n_states > 60 && n_none > 5);
}

/* --- drawn cells ---------------------------------------------------------------------------- */

static uint64_t random_state;

static double uniform(double low, double high)
{
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return low + (high - low) * (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static double log_uniform(double low, double high)
{
    return exp(uniform(log(low), log(high)));
}

static nm_oracle_cell draw_cell(void)
{
    nm_oracle_cell c = {0};
    c.leak = uniform(0, 1) < 0.5 ? NM_ORACLE_OHMIC : NM_ORACLE_GHK;
    c.pump = (nm_oracle_pump)(int)uniform(0, 3);
    c.is_electroneutral = uniform(0, 1) < 0.5;
    c.T = uniform(275, 315), c.C_m = uniform(0.005, 0.03), c.Na_o = uniform(20, 450),
    c.K_o = log_uniform(0.5, 60);
    c.Y_o = uniform(0, 1) < 1.0 / 3 ? 0 : uniform(0, 100), c.Cl_o = c.Na_o + c.K_o;
    c.z_X = uniform(-3, 0.5), c.N_X = log_uniform(1e-5, 1e-1), c.P_f = 1e-4, c.v_w = 1.8e-5;
    c.g_Na = log_uniform(0.01, 3), c.g_K = log_uniform(0.05, 30), c.g_Cl = log_uniform(0.02, 30);
    c.P_Na = log_uniform(1e-12, 3e-9), c.P_K = log_uniform(1e-12, 1e-7),
    c.P_Cl = log_uniform(1e-11, 1e-7);
    if (c.leak == NM_ORACLE_OHMIC && uniform(0, 1) < 0.5) {
        c.L_NKCC = log_uniform(1e-12, 1e-7), c.L_KCC = log_uniform(1e-12, 1e-7);
    }
    c.p_max = log_uniform(1e-11, 1e-5), c.K_Na = uniform(4, 25), c.K_K = uniform(0.5, 4);
    c.dG_ATP = -uniform(2e4, 6.5e4), c.kappa_r = (int)uniform(0, 3) * 0.5;
    return c;
}

/* Flux balance of each ion, charge and osmosis, written out anew from the answer. */
static void balances(void **unused)
{
    (void)unused;
    random_state = 1;
    int n_states = 0;
    double largest = 0;
    for (int i = 0; i < 4000; i++) {
        const nm_oracle_cell c = draw_cell();
        nm_oracle_answer s;
        nm_oracle_solve(&s, &c);
        assert_int_not_equal(s.verdict, NM_ORACLE_NOT_COVERED);
        if (s.verdict != NM_ORACLE_NESS || s.Na_i < 1e-30L) {
            continue;
        }
        n_states++;
        const long double RT = GAS_R * c.T, v = s.V * FARADAY / RT;
        const long double in[3] = {s.Na_i, s.K_i, s.Cl_i}, bath[3] = {c.Na_o, c.K_o, c.Cl_o};
        const double g[3] = {c.g_Na, c.g_K, c.g_Cl}, P[3] = {c.P_Na, c.P_K, c.P_Cl};
        const int z[3] = {1, 1, -1};
        long double x[3], J[3], size[3];
        for (int k = 0; k < 3; k++) {
            const long double u = z[k] * v;
            x[k] = logl(in[k] / bath[k]) + u;
            if (c.leak == NM_ORACLE_OHMIC) {
                J[k] = g[k] * RT / (FARADAY * FARADAY) * x[k];
                size[k] = fabsl(J[k]) + g[k] * RT / (FARADAY * FARADAY);
            } else {
                const long double out = P[k] * in[k] * (fabsl(u) < 1e-9L ? 1 : -u / expm1l(-u));
                const long double inward = P[k] * bath[k] * (fabsl(u) < 1e-9L ? 1 : u / expm1l(u));
                J[k] = out - inward;
                size[k] = out + inward;
            }
        }
        const long double phi =
            powl(s.Na_i / (c.K_Na + s.Na_i), 3) * powl(c.K_o / ((long double)c.K_K + c.K_o), 2);
        const long double e = expl(c.dG_ATP / RT - 3 * x[0] + 2 * x[1]);
        const long double r = c.pump == NM_ORACLE_CONST ? c.p_max
                              : c.pump == NM_ORACLE_HILL
                                  ? c.p_max * phi
                                  : c.p_max * phi * (1 - e) / (1 + c.kappa_r * e);
        const long double r_ways =
            c.pump == NM_ORACLE_REV ? c.p_max * phi * (1 + e) / (1 + c.kappa_r * e) : r;
        const long double nkcc = c.L_NKCC * (x[0] + x[1] + 2 * x[2]), kcc = c.L_KCC * (x[1] + x[2]);
        const long double miss[3] = {J[0] + 3 * r + nkcc, J[1] - 2 * r + nkcc + kcc,
                                     J[2] + 2 * nkcc + kcc};
        const long double Pi = (long double)c.Na_o + c.K_o + c.Cl_o + c.Y_o;
        const long double charge = s.Na_i + s.K_i - s.Cl_i + c.z_X * s.X_i -
                                   (c.is_electroneutral ? 0 : c.C_m * s.V / (FARADAY * s.ell));
        const long double osmosis = s.Na_i + s.K_i + s.Cl_i + s.X_i - Pi;
        long double bad = fmaxl(fabsl(charge), fabsl(osmosis)) / Pi;
        for (int k = 0; k < 3; k++) {
            bad = fmaxl(bad, fabsl(miss[k]) / (size[k] + 3 * r_ways));
        }
        largest = fmax(largest, (double)bad);
        if (!(bad < 1e-14L)) {
            print_error("set %d: leak %d pump %d residual %.2Lg margin %.2Lg\n", i, (int)c.leak,
                        (int)c.pump, bad, s.lysis_margin);
        }
        assert_true(bad < 1e-14L);
    }
    print_message("balances: %d states, largest residual %.1e\n", n_states, largest);
    assert_true(n_states > 1500);
}

/* f changes sign once at most between the ends of its interval, and the class follows from it. */
static void one_state_at_most(void **unused)
{
    (void)unused;
    enum { N = 300 };
    random_state = 2;
    int n_with = 0, n_without = 0;
    for (int i = 0; i < 1500; i++) {
        const nm_oracle_cell c = draw_cell();
        nm_oracle_answer s;
        nm_oracle_solve(&s, &c);
        long double f[N];
        if (nm_oracle_sample(f, &c, N) != 0) {
            continue;
        }
        int n_changes = 0;
        for (int k = 1; k < N; k++) {
            n_changes += (f[k] > 0) != (f[k - 1] > 0);
        }
        assert_true(n_changes <= 1);
        const int has_state = s.verdict == NM_ORACLE_NESS || s.verdict == NM_ORACLE_EQUILIBRIUM;
        if (n_changes == 1) {
            assert_true(has_state);
        }
        *(has_state ? &n_with : &n_without) += 1;
    }
    print_message("one state at most: %d sets with a state, %d without\n", n_with, n_without);
    assert_true(n_with > 300 && n_without > 100);
}

/* Physics that needs no solver: Donnan equilibrium, the marginal bath, exhaustion of Na+ (values to
 * 17 digits from the parametric closed form in 50 digits). */
static void limits(void **unused)
{
    (void)unused;
    nm_oracle_answer s;
    nm_oracle_cell c = {.leak = NM_ORACLE_GHK,
                        .pump = NM_ORACLE_CONST,
                        .is_electroneutral = 1,
                        .T = 293.462,
                        .Na_o = 92.0641,
                        .K_o = 1.80032,
                        .Cl_o = 93.86442,
                        .z_X = -2.14169,
                        .N_X = 1e-4,
                        .P_f = 1e-4,
                        .v_w = 1.8e-5,
                        .P_Na = 2.07533e-11,
                        .P_K = 5.65506e-10,
                        .P_Cl = 1e-9,
                        .p_max = 5.699868515894675e-10,
                        .dG_ATP = -57e3};
    nm_oracle_solve(&s, &c);
    assert_int_equal(s.verdict, NM_ORACLE_NESS);
    assert_true(fabsl(s.V / -0.02503594640336436L - 1) < 1e-14L);
    assert_true(fabsl(s.X_i / 37.551070879426774L - 1) < 1e-14L);
    const double r_dep = 2.265704968701833e-09;
    c.p_max = r_dep * (1 - 1e-9);
    nm_oracle_solve(&s, &c);
    assert_int_equal(s.verdict, NM_ORACLE_NESS);
    assert_true(fabsl(s.depletion_margin / 1e-9L - 1) < 1e-5L);
    c.p_max = r_dep * (1 + 1e-9);
    nm_oracle_solve(&s, &c);
    assert_int_equal(s.verdict, NM_ORACLE_DEPLETION);
    /* a pump that needs Na+ cannot exhaust it */
    c.pump = NM_ORACLE_HILL, c.K_Na = 10, c.K_K = 1.5, c.p_max = 1;
    nm_oracle_solve(&s, &c);
    assert_int_equal(s.verdict, NM_ORACLE_NESS);

    /* an irreversible pump far past stall, where its capacity and exp(-A/RT) leave all floating types */
    nm_oracle_cell k = {.leak = NM_ORACLE_OHMIC,
                        .pump = NM_ORACLE_REV,
                        .is_electroneutral = 1,
                        .T = 301,
                        .Na_o = 333,
                        .K_o = 4,
                        .Cl_o = 337,
                        .z_X = -1,
                        .N_X = 1e-4,
                        .P_f = 1e-4,
                        .v_w = 1.8e-5,
                        .g_Na = 0.01,
                        .g_K = 30,
                        .g_Cl = 1,
                        .p_max = 1e-9,
                        .K_Na = 10,
                        .K_K = 2.5,
                        .dG_ATP = -57e3};
    nm_oracle_solve(&s, &k);
    assert_int_equal(s.verdict, NM_ORACLE_NESS);
    assert_true(s.r > 0 && s.r < 1e-9L);

    /* no fuel: Donnan with an impermeant in the bath, marginal without */
    nm_oracle_cell d = {.leak = NM_ORACLE_OHMIC,
                        .pump = NM_ORACLE_REV,
                        .T = 310.15,
                        .C_m = 0.01,
                        .Na_o = 147,
                        .K_o = 3,
                        .Cl_o = 145,
                        .Y_o = 5,
                        .z_X = -1,
                        .N_X = 1e-4,
                        .P_f = 1e-4,
                        .v_w = 1.8e-5,
                        .g_Na = 1,
                        .g_K = 1,
                        .g_Cl = 2,
                        .p_max = 3e-6,
                        .K_Na = 10,
                        .K_K = 1.5,
                        .kappa_r = 1};
    nm_oracle_solve(&s, &d);
    assert_int_equal(s.verdict, NM_ORACLE_EQUILIBRIUM);
    assert_true(s.a_max < 1e-15L && fabsl(s.r) < 1e-15L * d.p_max);
    d.Cl_o = 150, d.Y_o = 0;
    nm_oracle_solve(&s, &d);
    assert_true(fabsl(s.lysis_margin) < 1e-15L);
    /* Kay's cell: r_hi = 1.56e-6 */
    d.pump = NM_ORACLE_CONST, d.T = 298.15, d.g_Na = 0.1, d.g_K = 3, d.p_max = 1.55e-6;
    nm_oracle_solve(&s, &d);
    assert_int_equal(s.verdict, NM_ORACLE_NESS);
    d.p_max = 1.57e-6;
    nm_oracle_solve(&s, &d);
    assert_int_equal(s.verdict, NM_ORACLE_GROWTH);
    assert_true(s.lysis_margin < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_states),
        cmocka_unit_test(balances),
        cmocka_unit_test(one_state_at_most),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
