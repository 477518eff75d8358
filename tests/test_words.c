/* Words: lines break before the last column, and a word is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "words.h"

static void lines_break_at_blanks(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    int at = fprintf(stream, "name ");
    for (int i = 0; i < 60; i++) {
        nm_put_wrapped(stream, &at, 7, " word%d", i);
    }
    fclose(stream);

    /* every word once and in order, however the lines break */
    int n_words = 0, n_lines = 0;
    for (char *line = text; line; n_lines++) {
        char *end = strchr(line, '\n');
        size_t length = end ? (size_t)(end - line) : strlen(line);
        assert_true(length <= NM_COLUMNS);
        assert_true(!end || length > NM_COLUMNS - 8); /* no line ends early */
        assert_int_equal(strspn(line, " "), line == text ? 0 : 7);
        line = end ? end + 1 : NULL;
    }
    assert_true(n_lines > 2);
    for (char *word = strtok(text, " \n"); word; word = strtok(NULL, " \n")) {
        char wanted[16];
        snprintf(wanted, sizeof wanted, "word%d", n_words - 1);
        assert_string_equal(word, n_words == 0 ? "name" : wanted);
        n_words++;
    }
    assert_int_equal(n_words, 61);
    free(text);
}

static void a_word_is_whole(void **state)
{
    (void)state;
    assert_true(nm_has_word("A + B + C_tot", "B"));
    assert_true(nm_has_word("C_tot", "C_tot"));
    assert_false(nm_has_word("AB + B_2 + 2B", "B"));
    assert_true(nm_has_word("BB + B", "B"));
    assert_false(nm_has_word("", "B"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_break_at_blanks),
        cmocka_unit_test(a_word_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
