/* Reads what a compiler says of a model file, finds the user's line, and says it in words of the
 * tables.
 *
 * 1. the text   2. rows   3. the compiler's words   4. the sentence */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "model_mistake.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 96, MESSAGE_BYTES = 400 };

/* --- 1. the text ------------------------------------------------------------------------------ */

static int is_letter(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static int line_of(const char *text, const char *place)
{
    int line = 1;
    for (; text < place; text++) {
        line += *text == '\n';
    }
    return line;
}

/* Copies a model's text with comments and quoted texts blanked: what stands there is no row and no
 * name. Allocated; NULL where there is no memory. */
static char *without_comments(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; c && *c;) {
        const char *close = strncmp(c, "/*", 2) == 0   ? "*/"
                            : strncmp(c, "//", 2) == 0 ? "\n"
                            : *c == '"'                ? "\""
                                                       : NULL;
        if (!close) {
            c++;
            continue;
        }
        const char *from = c + (*c == '"' ? 1 : 2);
        char *end = strstr((char *)(copy + (from - copy)), close);
        end = end ? end + (*close == '\n' ? 0 : strlen(close)) : copy + strlen(copy);
        for (; c < end; c++) {
            if (*c != '\n') {
                *c = ' ';
            }
        }
    }
    return copy;
}

/* Line of the first place of a name as a whole word, 0 where there is none. */
static int line_of_word(const char *code, const char *name)
{
    size_t length = strlen(name);
    for (const char *c = code; length > 0 && (c = strstr(c, name)); c += length) {
        if ((c == code || !is_letter(c[-1])) && !is_letter(c[length])) {
            return line_of(code, c);
        }
    }
    return 0;
}

/* --- 2. rows ---------------------------------------------------------------------------------- */

static const struct {
    const char *word, *what; /* what nm_model_check calls it */
    int n_entries;
    const char *form;
} row_kinds[] = {
    {"param", "parameter", 7, "param(name, unit, default, low, high, linear or log, text)"},
    {"compartment", "compartment", 4, "compartment(name, volume, potential, text)"},
    {"free", "species", 5, "free(name, charge, compartment, value, text)"},
    {"trapped", "species", 5, "trapped(name, charge, compartment, value, text)"},
    {"water", "species", 5, "water(name, charge, compartment, value, text)"},
    {"held", "species", 5, "held(name, charge, compartment, value, text)"},
    {"fuel", "fuel", 3, "fuel(name, energy, text)"},
    {"total", "total", 4, "total(name, amount, species, text)"},
    {"path", "pathway", 5, "path(name, from, to, law, text)"},
    {"observable", "observable", 4, "observable(name, unit, expression, text)"},
    {"variant", "variant", 0, "variant(name, first, second, ...)"},
    {"preset", "preset", 3, "preset(name, settings, text)"},
};
enum { N_ROW_KINDS = sizeof row_kinds / sizeof row_kinds[0] };

/* The next row of a kind from `code` on: its word begins a line. NULL where there is none. */
static const char *next_row(const char *code, const char *start, const char *word)
{
    size_t length = strlen(word);
    for (const char *c = start; (c = strstr(c, word)); c += length) {
        const char *before = c;
        while (before > code && (before[-1] == ' ' || before[-1] == '\t')) {
            before--;
        }
        const char *after = c + length + strspn(c + length, " \t");
        if ((before == code || before[-1] == '\n') && *after == '(') {
            return c;
        }
    }
    return NULL;
}

static int count_entries(const char *row)
{
    int depth = 0, n = 1;
    for (const char *c = strchr(row, '('); c && *c; c++) {
        depth += (*c == '(') - (*c == ')');
        if (depth == 0) {
            break;
        }
        n += depth == 1 && *c == ',';
    }
    return n;
}

/* The first row that has not as many entries as its kind. returns its line, or 0. */
static int find_odd_row(char *message, const char *code)
{
    int first = 0;
    for (int i = 0; i < N_ROW_KINDS; i++) {
        const char *row = next_row(code, code, row_kinds[i].word);
        for (; row; row = next_row(code, row + 1, row_kinds[i].word)) {
            int n = count_entries(row), line = line_of(code, row);
            if (row_kinds[i].n_entries > 0 && n != row_kinds[i].n_entries &&
                (first == 0 || line < first)) {
                first = line;
                snprintf(message, MESSAGE_BYTES, "this row has %d entr%s, but %d are wanted: %s", n,
                         n == 1 ? "y" : "ies", row_kinds[i].n_entries, row_kinds[i].form);
            }
        }
    }
    return first;
}

/* Line of the row of `what` that is named `name`, 0 where there is none. */
static int line_of_row(const char *code, const char *what, const char *name)
{
    size_t length = strlen(name);
    for (int i = 0; i < N_ROW_KINDS; i++) {
        if (strcmp(row_kinds[i].what, what) != 0) {
            continue;
        }
        const char *row = next_row(code, code, row_kinds[i].word);
        for (; row; row = next_row(code, row + 1, row_kinds[i].word)) {
            const char *entry = strchr(row, '(') + 1;
            entry += strspn(entry, " \t");
            if (strncmp(entry, name, length) == 0 && !is_letter(entry[length])) {
                return line_of(code, row);
            }
        }
    }
    return 0;
}

/* The kind of the row that begins in a line of the text; -1 where none does, -2 where a word begins
 * it that is of no table. */
static int kind_of_line(char *word, const char *line)
{
    const char *from = line + strspn(line, " \t");
    size_t length = 0;
    while (is_letter(from[length])) {
        length++;
    }
    if (from == line || length == 0 || length >= NAME_BYTES || from[length] != '(') {
        return -1;
    }
    snprintf(word, NAME_BYTES, "%.*s", (int)length, from);
    for (int i = 0; i < N_ROW_KINDS; i++) {
        if (strcmp(row_kinds[i].word, word) == 0) {
            return i;
        }
    }
    return -2;
}

static const char *start_of_line(const char *text, int number)
{
    for (; text && number > 1; number--) {
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    return text ? text : "";
}

/* The form of the row that begins in a line, where the compiler says only what it expected. */
static void explain_row(char *message, const char *code, int line)
{
    char word[NAME_BYTES];
    int kind = kind_of_line(word, start_of_line(code, line));
    if (kind >= 0) {
        snprintf(message, MESSAGE_BYTES, "this row does not have the form %s",
                 row_kinds[kind].form);
    } else if (kind == -2) {
        snprintf(message, MESSAGE_BYTES,
                 "\"%s\" begins no row of a table; param, compartment, free, trapped, water, held, "
                 "fuel, total, path, observable and variant do",
                 word);
    }
}

/* The first row whose parentheses are not closed where the next row begins. returns its line, or
 * 0. */
static int find_open_row(char *message, const char *code)
{
    char word[NAME_BYTES];
    int depth = 0, line = 1, row_line = 0;
    for (const char *c = code; *c; line++) {
        if (kind_of_line(word, c) != -1 || *c == '#') {
            if (row_line > 0 && depth != 0) {
                snprintf(message, MESSAGE_BYTES, "a parenthesis of this row is not %s",
                         depth > 0 ? "closed" : "opened");
                return row_line;
            }
            depth = 0;
            row_line = *c == '#' ? 0 : line;
        }
        for (; *c && *c != '\n'; c++) {
            depth += (*c == '(') - (*c == ')');
        }
        c += *c == '\n';
    }
    return 0;
}

/* Line of the last row that is named `name`, of any kind; 0 where there is none. */
static int line_of_last_row(const char *code, const char *name)
{
    int last = 0;
    size_t length = strlen(name);
    for (int i = 0; i < N_ROW_KINDS && length > 0; i++) {
        const char *row = next_row(code, code, row_kinds[i].word);
        for (; row; row = next_row(code, row + 1, row_kinds[i].word)) {
            const char *entry = strchr(row, '(') + 1;
            entry += strspn(entry, " \t");
            int line = line_of(code, row);
            if (strncmp(entry, name, length) == 0 && !is_letter(entry[length]) && line > last) {
                last = line;
            }
        }
    }
    return last;
}

/* --- 3. the compiler's words ------------------------------------------------------------------ */

/* What stands before the first line end. */
static void copy_line(char *out, size_t out_bytes, const char *from)
{
    snprintf(out, out_bytes, "%.*s", (int)strcspn(from, "\n"), from);
}

/* The name that a message puts in quotes; "" where there is none. */
static void quoted_name(char *name, const char *message)
{
    const char *from = strchr(message, '\'');
    size_t length = 0;
    name[0] = '\0';
    while (from && is_letter(from[1 + length])) {
        length++;
    }
    if (from && from[1 + length] == '\'' && length < NAME_BYTES) {
        snprintf(name, NAME_BYTES, "%.*s", (int)length, from + 1);
    }
}

/* If `line` is about the user's file ("compiled_as:31:5: ..."), its number there, else 0. */
static int line_in_file(const char *line, const char *compiled_as)
{
    size_t length = strlen(compiled_as);
    int number = 0;
    if (strncmp(line, "./", 2) == 0) {
        line += 2;
    }
    return strncmp(line, compiled_as, length) == 0 && sscanf(line + length, ":%d", &number) == 1
               ? number
               : 0;
}

/* The user's line of the error at `error`: its own, or that of the first note of it that is about
 * the user's file; 0 where there is none. */
static int line_of_error(const char *error, const char *compiled_as)
{
    int number = line_in_file(error, compiled_as);
    for (const char *line = strchr(error, '\n'); number == 0 && line; line = strchr(line, '\n')) {
        char text[MESSAGE_BYTES];
        copy_line(text, sizeof text, ++line);
        if (strstr(text, " error: ")) {
            break;
        }
        if (strstr(text, " note: ")) {
            number = line_in_file(text, compiled_as);
        }
    }
    return number;
}

/* "pathway ..." of `static_assert failed ... "pathway ..."` (clang) or `static assertion failed:
 * pathway ...` (gcc, later clang). returns 1 where the message is one. */
static int take_assertion(char *out, const char *message)
{
    const char *quote = strstr(message, "static_assert failed"), *colon;
    if (quote && (quote = strstr(quote, " \""))) {
        snprintf(out, MESSAGE_BYTES, "%.*s", (int)strcspn(quote + 2, "\""), quote + 2);
        return 1;
    }
    if (strstr(message, "static assertion failed") && (colon = strstr(message, ": "))) {
        snprintf(out, MESSAGE_BYTES, "%s", colon + 2);
        return 1;
    }
    return 0;
}

/* Tables paste these before a word of the user. */
static const struct {
    const char *prefix, *sentence;
} pasted[] = {
    {"NM_LAW_", "there is no law \"%s\"; README.md lists them"},
    {"scale_", "\"%s\" is no scale; linear or log would be right"},
    {"NM_C_", "there is no compartment \"%s\""},
    {"NM_S_", "there is no species \"%s\""},
    {"NM_Y_", "there is no free species \"%s\""},
    {"NM_J_", "there is no pathway \"%s\""},
    {"NM_P_", "there is no parameter \"%s\""},
    {"NM_E_", "there is no fuel \"%s\""},
    {"NM_T_", "there is no total \"%s\""},
    {"NM_OBS_", "there is no observable \"%s\""},
    {"NM_V_", "there is no variant \"%s\""},
    {"NM_VOLUME_Y_", "\"%s\" is no volume; swells(name) or fixed(volume) would be right"},
    {"NM_VOLUME_ONE_", "\"%s\" is no volume; swells(name) or fixed(volume) would be right"},
    {"NM_POTENTIAL_Y_", "\"%s\" is no potential; floats(name, membrane) or ground would be right"},
    {"NM_POTENTIAL_ONE_",
     "\"%s\" is no potential; floats(name, membrane) or ground would be right"},
};

/* The longest prefix that `name` has, or -1. */
static int find_prefix(const char *name)
{
    int found = -1;
    for (size_t i = 0; i < sizeof pasted / sizeof pasted[0]; i++) {
        size_t length = strlen(pasted[i].prefix);
        if (strncmp(name, pasted[i].prefix, length) == 0 &&
            (found < 0 || length > strlen(pasted[found].prefix))) {
            found = (int)i;
        }
    }
    return found;
}

static int is_repeated(const char *message)
{
    return strstr(message, "redefinition of") || strstr(message, "redeclaration of") ||
           strstr(message, "conflicting declaration");
}

/* Says an unknown name in words of the tables; leaves other messages as they are. returns the
 * user's word where the compiler names one, else "". */
static const char *take_name(char *out, char *name, const char *message)
{
    static const char *const unknown[] = {"undeclared identifier", "was not declared",
                                          "there are no arguments to", "unknown type name",
                                          "does not name a type"};
    quoted_name(name, message);
    int i_prefix = find_prefix(name), is_unknown = 0;
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        is_unknown |= strstr(message, unknown[i]) != NULL;
    }
    const char *word = i_prefix >= 0 ? name + strlen(pasted[i_prefix].prefix) : name;
    if (is_unknown && name[0] && i_prefix >= 0) {
        /* the formats are those of the table above, each with one %s */
        const char *sentence = pasted[i_prefix].sentence, *hole = strstr(sentence, "%s");
        snprintf(out, MESSAGE_BYTES, "%.*s%s%s", (int)(hole - sentence), sentence, word, hole + 2);
    } else if (is_unknown && name[0]) {
        snprintf(out, MESSAGE_BYTES, "\"%s\" is neither declared in a table nor known", name);
    } else if (is_repeated(message) && name[0]) {
        snprintf(out, MESSAGE_BYTES, "the name \"%s\" is given twice; rename one", word);
    }
    return word;
}

static int is_about_entries(const char *message)
{
    return strstr(message, "function-like macro invocation") ||
           (strstr(message, "macro \"") && strstr(message, " arguments, but "));
}

static int is_about_parentheses(const char *message)
{
    return strstr(message, "within macro arguments") || strstr(message, "unterminated");
}

/* The temperature is a parameter of every model, and its absence is told by whatever uses it. returns
 * the line of the table that lacks it, or 0. */
static int find_missing_temperature(char *out, const char *word, const char *code)
{
    if (strcmp(word, "T") != 0 || line_of_row(code, "parameter", "T") > 0) {
        return 0;
    }
    snprintf(
        out, MESSAGE_BYTES,
        "a model needs a parameter T, its temperature: param(T, \"K\", 298.15, 273.15, 323.15, "
        "linear, \"temperature\")");
    return line_of_word(code, "NM_PARAMETERS");
}

/* --- 4. the sentence -------------------------------------------------------------------------- */

nm_status nm_model_mistake(const nm_model_text *file, const char *said)
{
    char message[MESSAGE_BYTES], sentence[MESSAGE_BYTES], name[NAME_BYTES];
    const char *mark = strstr(said, "error: ");
    if (!mark) {
        copy_line(message, sizeof message, said);
        return nm_fail(NM_USAGE, "%s: the compiler fails and does not say why%s%s", file->path,
                       message[0] ? ": " : "", message);
    }
    const char *error = mark;
    while (error > said && error[-1] != '\n') {
        error--;
    }
    copy_line(message, sizeof message, mark + strlen("error: "));
    snprintf(sentence, sizeof sentence, "%s", message);
    int line = line_of_error(error, file->compiled_as);
    char *code = without_comments(file->text);
    if (!code) {
        return nm_fail(NM_MEMORY, "out of memory for the text of %s", file->path);
    }
    if (is_about_entries(message)) {
        int odd_line = find_odd_row(sentence, code);
        line = odd_line > 0 ? odd_line : line;
    } else if (is_about_parentheses(message)) {
        line = find_open_row(sentence, code);
    } else if (strncmp(message, "expected ", 9) == 0) {
        explain_row(sentence, code, line);
    } else if (!take_assertion(sentence, message)) {
        const char *word = take_name(sentence, name, message);
        int table_line = find_missing_temperature(sentence, word, code);
        line = table_line > 0         ? table_line
               : is_repeated(message) ? line_of_last_row(code, word)
               : line > 0             ? line
                                      : line_of_word(code, word);
    }
    free(code);
    if (line > 0) {
        return nm_fail(NM_USAGE, "%s:%d: %s", file->path, line, sentence);
    }
    return nm_fail(NM_USAGE, "%s: %s", file->path, sentence);
}

nm_status nm_model_mistake_in_row(const nm_model_text *file)
{
    char sentence[1024], what[NAME_BYTES] = "", name[NAME_BYTES] = "";
    snprintf(sentence, sizeof sentence, "%s", nm_last_error());
    const char *rest = strncmp(sentence, "model ", 6) == 0 ? strstr(sentence, ": ") : NULL;
    rest = rest ? rest + 2 : sentence;
    char *code = without_comments(file->text);
    if (!code) {
        return nm_fail(NM_MEMORY, "out of memory for the text of %s", file->path);
    }
    int line = 0;
    if (sscanf(rest, "%95[a-z] %*[\"]%95[A-Za-z0-9_]", what, name) == 2 ||
        sscanf(rest, "%95[a-z] %95[A-Za-z0-9_]", what, name) == 2) {
        line = line_of_row(code, what, name);
    }
    free(code);
    if (line > 0) {
        return nm_fail(NM_USAGE, "%s:%d: %s", file->path, line, rest);
    }
    return nm_fail(NM_USAGE, "%s: %s", file->path, rest);
}
