/* Model files through the compilers: whole ones without a warning, broken ones with a message that names the row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

/* the compilers that are here, separated by spaces, and the kernels' flags as words of a shell: from CMake */
static const char compilers[] = NM_TEST_COMPILERS, flags[] = NM_TEST_KERNEL_FLAGS;

enum { TEXT_MAX = 1 << 20 };
static char text[TEXT_MAX];

/* Compiles `unit` of the kernels for the model file, without writing anything; what was said is in `text`. returns the
 * exit status. */
static int compile(const char *compiler, const char *unit, const char *file, const char *more)
{
    char command[8192];
    const int n =
        snprintf(command, sizeof command,
                 "%s %s -Werror -UNDEBUG -fsyntax-only %s -I \"%s/tests/physics\" -DNM_MODEL=model "
                 "'-DNM_MODEL_FILE=\"%s\"' \"%s/kernels/%s\" 2>&1",
                 compiler, flags, more, NM_TEST_SOURCE_DIR, file, NM_TEST_SOURCE_DIR, unit);
    assert_true(n > 0 && n < (int)sizeof command);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    const size_t length = fread(text, 1, TEXT_MAX - 1, pipe);
    text[length] = '\0';
    while (fgetc(pipe) != EOF) {}
    const int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Calls `check` with each compiler; returns how many there are. */
static int with_each_compiler(void (*check)(const char *compiler))
{
    char copy[sizeof compilers], *rest = NULL;
    int n = 0;
    memcpy(copy, compilers, sizeof copy);
    for (char *compiler = strtok_r(copy, " ", &rest); compiler;
         compiler = strtok_r(NULL, " ", &rest)) {
        check(compiler);
        n++;
    }
    return n;
}

static void expect_silence(const char *compiler)
{
    static const char *const files[] = {"models/everything.c", "broken/whole.c"};
    static const char *const units[] = {"entry_cpu.cpp", "entry_gradient.cpp", "entry_model.cpp"};
    for (int i = 0; i < 6; i++) {
        const char *lanes = i % 3 < 2 ? "-DNM_LANES=8" : "-DNM_LANES=1";
        if (compile(compiler, units[i % 3], files[i / 3], lanes) != 0 || text[0] != '\0') {
            fail_msg("%s %s, %s: %.2000s", compiler, files[i / 3], units[i % 3], text);
        }
    }
}

static void whole_files_compile_in_silence(void **state)
{
    (void)state;
    assert_true(with_each_compiler(expect_silence) > 0);
}

static const struct {
    const char *file, *say[3]; /* all of these must be said; of "a|b" one */
} broken[] = {
    {"charge_lost", {"pathway exchanger", "carry different charge", "Na_i -> Cl_o"}},
    {"trapped_moves", {"pathway escape", "a trapped species cannot move", ""}},
    {"charge_varies", {"pathway leak_Cl", "needs a constant integer charge", ""}},
    {"species_unknown", {"Ca_i", "species_unknown.c:22", ""}},
    /* clang says only the word that it does not know */
    {"law_unknown", {"NM_LAW_goldman", "undeclared|not declared", ""}},
    {"param_unknown", {"g_Cl", "undeclared|not declared", ""}},
    {"column_missing", {"column_missing.c", "leak_Cl", ""}},
};

static int is_said(const char *words)
{
    const char *bar = strchr(words, '|');
    char first[64];
    if (!bar) {
        return strstr(text, words) != NULL;
    }
    snprintf(first, sizeof first, "%.*s", (int)(bar - words), words);
    return strstr(text, first) || strstr(text, bar + 1);
}

static void expect_refusal(const char *compiler)
{
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char file[128];
        snprintf(file, sizeof file, "broken/%s.c", broken[i].file);
        if (compile(compiler, "entry_cpu.cpp", file, "-DNM_LANES=1") == 0) {
            fail_msg("%s compiles %s", compiler, file);
        }
        for (int k = 0; k < 3; k++) {
            if (!is_said(broken[i].say[k])) {
                fail_msg("%s on %s does not say \"%s\": %.2000s", compiler, file, broken[i].say[k],
                         text);
            }
        }
    }
}

static void broken_files_name_their_row(void **state)
{
    (void)state;
    assert_true(with_each_compiler(expect_refusal) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_files_compile_in_silence),
        cmocka_unit_test(broken_files_name_their_row),
    };
    printf("  compilers: %s\n", compilers);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
