/* The documentation page of one model, written from its tables and from the comment that opens its
 * file.
 *
 * 1. texts of the file      2. variants      3. tables      4. the page */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "model_store.h"
#include "model_topology.h"
#include "words.h"

enum { MOST_WORDS = 64, WORD_BYTES = 48 };

/* --- 1. texts of the file --------------------------------------------------------------------- */

/* Reads the comment that opens a model's file, without its stars and without "name: ": lines of a
 * paragraph joined, a blank line between paragraphs. Allocated, "" where there is none; NULL: no
 * memory. */
static char *head_comment(const nm_model *model)
{
    const char *text = model->text ? model->text + strspn(model->text, " \n") : "";
    const char *end = strncmp(text, "/*", 2) == 0 ? strstr(text, "*/") : NULL;
    char *out = calloc(1, end ? (size_t)(end - text) + 2 : 1);
    if (!out || !end) {
        return out;
    }
    size_t n = 0, name = strlen(model->name);
    const char *at = text + 2 + strspn(text + 2, " ");
    if (strncmp(at, model->name, name) == 0 && at[name] == ':') {
        at += name + 1 + strspn(at + name + 1, " ");
    }
    while (at < end) {
        size_t length = strcspn(at, "\n");
        length = at + length > end ? (size_t)(end - at) : length;
        size_t bare = length;
        while (bare > 0 && at[bare - 1] == ' ') {
            bare--;
        }
        if (bare == 0) {
            out[n++] = '\n';
        } else {
            if (n > 0 && out[n - 1] != '\n') {
                out[n++] = ' ';
            }
            memcpy(out + n, at, bare);
            n += bare;
        }
        at += length + 1;
        at += at < end ? strspn(at, " ") : 0;
        at += at < end && *at == '*' && at[1] != '/' ? 1 : 0;
        at += at < end && *at == ' ' ? strspn(at, " ") : 0;
    }
    out[n] = '\0';
    out[0] = (char)toupper((unsigned char)out[0]);
    return out;
}

static void print_paragraphs(FILE *stream, const char *text)
{
    while (*text) {
        int length = (int)strcspn(text, "\n"), at = fprintf(stream, "  ");
        nm_put_wrapped(stream, &at, 2, "%.*s", length, text);
        fputc('\n', stream);
        text += length;
        if (*text == '\n') {
            text += strspn(text, "\n");
            fprintf(stream, "%s", *text ? "\n" : "");
        }
    }
}

/* The value of a shorthand, `#define name value`, in one line of out; 0 where there is none. */
static int find_define(char *out, size_t bytes, const char *text, const char *name)
{
    size_t length = strlen(name), n = 0;
    for (const char *at = text; (at = strstr(at, "#define ")) != NULL; at++) {
        const char *word = at + 8 + strspn(at + 8, " ");
        if (strncmp(word, name, length) != 0 || (word[length] != ' ' && word[length] != '(')) {
            continue;
        }
        for (const char *c = word + length; *c && *c != '\n' && n + 2 < bytes; c++) {
            int is_comment = c[0] == '/' && c[1] == '*' && strstr(c, "*/");
            c = is_comment ? strstr(c, "*/") + 1 : c;
            int is_break = c[0] == '\\' && c[1] == '\n';
            c += is_break;
            int is_blank = is_break || is_comment || *c == ' ';
            if (!is_blank || (n > 0 && out[n - 1] != ' ')) {
                out[n++] = is_blank ? ' ' : *c;
            }
        }
        while (n > 0 && out[n - 1] == ' ') {
            n--;
        }
        out[n] = '\0';
        return 1;
    }
    return 0;
}

typedef struct shorthands {
    int n;
    char name[MOST_WORDS][WORD_BYTES];
} shorthands;

/* adds the words of `text` that the file defines, and those in their values */
static void collect(shorthands *found, const char *text, const char *file)
{
    char value[2048];
    for (const char *at = text; *at;) {
        size_t length = 0;
        while (isalnum((unsigned char)at[length]) || at[length] == '_') {
            length++;
        }
        if (length > 1 && length < WORD_BYTES && isupper((unsigned char)*at) &&
            strncmp(at, "NM_", 3) != 0 && found->n < MOST_WORDS) {
            char *name = found->name[found->n];
            snprintf(name, WORD_BYTES, "%.*s", (int)length, at);
            int is_there = 0;
            for (int i = 0; i < found->n; i++) {
                is_there |= strcmp(found->name[i], name) == 0;
            }
            if (!is_there && find_define(value, sizeof value, file, name)) {
                found->n++;
                collect(found, value, file);
            }
        }
        at += length > 0 ? length : 1;
    }
}

static void print_loops(FILE *stream, const nm_model *model)
{
    for (int i = 0; i < model->n_loops; i++) {
        char text[NM_LOOP_TEXT];
        fprintf(stream, "%s", i == 0 ? "\nloops (ways round that end where they begin)\n" : "");
        int at = fprintf(stream, "  %-12s ", model->paths[model->loops[i]].name);
        nm_put_wrapped(stream, &at, 17, "%s", nm_catalogue_loop(text, model, i));
        fputc('\n', stream);
    }
}

static void print_presets(FILE *stream, const nm_model *model)
{
    for (int i = 0; i < model->n_presets; i++) {
        const nm_preset_info *preset = &model->presets[i];
        fprintf(stream, "%s",
                i == 0 ? "\npresets (preset = \"NAME\" in a configuration, --set preset=NAME)\n"
                       : "");
        int at = fprintf(stream, "  %-12s ", preset->name);
        nm_put_wrapped(stream, &at, 15, "%s", preset->text);
        at = fprintf(stream, "\n%15s", "") - 1;
        nm_put_wrapped(stream, &at, 15, "%s", preset->settings);
        fputc('\n', stream);
    }
}

static void print_shorthands(FILE *stream, const nm_model *model)
{
    shorthands found = {0};
    char value[2048];
    if (!model->text) {
        return;
    }
    for (int i = 0; i < model->n_paths; i++) {
        collect(&found, model->paths[i].law, model->text);
    }
    for (int i = 0; i < model->n_species; i++) {
        collect(&found, model->species[i].value, model->text);
    }
    for (int i = 0; i < model->n_fuels; i++) {
        collect(&found, model->fuels[i].energy, model->text);
    }
    for (int i = 0; i < found.n; i++) {
        if (find_define(value, sizeof value, model->text, found.name[i])) {
            fprintf(stream, "%s", i == 0 ? "\nshorthands of these tables\n" : "");
            int at = fprintf(stream, "  %s", found.name[i]);
            nm_put_wrapped(stream, &at, 6, "%s%s",
                           value[0] == '(' && !strchr(value, ' ') ? "" : " = ", value);
            fputc('\n', stream);
        }
    }
}

/* --- 2. variants ------------------------------------------------------------------------------ */

/* The alternative `choice` of by(variant, ...) or choose(variant, ...), from *at on; *at then stands
 * behind its name, and *word where the by began. returns 0 where there is none. */
static int next_alternative(const char **from, int *length, const char **word_at, const char **at,
                            const char *variant, int choice)
{
    for (const char *c = *at; *c; c++) {
        size_t word = strncmp(c, "by(", 3) == 0 ? 3 : strncmp(c, "choose(", 7) == 0 ? 7 : 0;
        int is_inside = c > *at && (isalnum((unsigned char)c[-1]) || c[-1] == '_');
        const char *name = c + word;
        size_t n_name = strlen(variant);
        if (word == 0 || is_inside || strncmp(name, variant, n_name) != 0 || name[n_name] != ',') {
            continue;
        }
        int depth = 0, i = 0;
        const char *begin = name + n_name + 1;
        for (const char *e = begin; *e; e++) {
            int ends = depth == 0 && (*e == ',' || *e == ')');
            depth += *e == '(';
            depth -= *e == ')' && !ends;
            if (ends && i++ == choice) {
                begin += strspn(begin, " ");
                *from = begin;
                *length = (int)(e - begin);
                *word_at = c;
                *at = name + n_name;
                return 1;
            }
            begin = ends ? e + 1 : begin;
            if (ends && *e == ')') {
                break;
            }
        }
    }
    return 0;
}

/* of: whose text it is; NULL: the word before it in the text says, as in floats(V, by(...)) */
static void print_alternatives(FILE *stream, int *column, int *n, int indent, const char *of,
                               const char *text, const char *variant, int choice)
{
    const char *at = text, *from, *word;
    int length;
    while (next_alternative(&from, &length, &word, &at, variant, choice)) {
        const char *end = word;
        while (!of && end > text && (end[-1] == ' ' || end[-1] == ',')) {
            end--;
        }
        const char *name = end;
        while (!of && name > text && (isalnum((unsigned char)name[-1]) || name[-1] == '_')) {
            name--;
        }
        nm_put_wrapped(stream, column, indent, "%s%.*s %.*s", (*n)++ > 0 ? ", " : "",
                       of ? (int)strlen(of) : (int)(end - name), of ? of : name, length, from);
    }
}

/* 1 where this choice needs the parameter and another choice of the same variant does not */
static int is_of_choice(const nm_model *model, int variant, int choice, int param)
{
    int chosen[NM_MAX_VARIANTS] = {0}, is_free = 0;
    if (!model->uses) {
        return 0;
    }
    chosen[variant] = choice;
    if (!model->uses(chosen, param)) {
        return 0;
    }
    for (int c = 0; c < model->variants[variant].n_choices; c++) {
        chosen[variant] = c;
        is_free |= !model->uses(chosen, param);
    }
    return is_free;
}

static void print_choice(FILE *stream, const nm_model *model, int v, int c, int indent)
{
    const nm_variant_info *variant = &model->variants[v];
    char form[64];
    snprintf(form, sizeof form, "%s = %s", variant->name, variant->choices[c]);
    int column = fprintf(stream, "  %-*s ", indent - 3, form), n = 0;
    for (int i = 0; i < model->n_paths; i++) {
        print_alternatives(stream, &column, &n, indent, model->paths[i].name, model->paths[i].law,
                           variant->name, c);
    }
    for (int i = 0; i < model->n_species; i++) {
        print_alternatives(stream, &column, &n, indent, model->species[i].name,
                           model->species[i].value, variant->name, c);
    }
    for (int i = 0; i < model->n_fuels; i++) {
        print_alternatives(stream, &column, &n, indent, model->fuels[i].name,
                           model->fuels[i].energy, variant->name, c);
    }
    static const char *const tables[] = {"NM_COMPARTMENTS", "NM_HOLDS"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && model->text; i++) {
        char text[4096];
        if (find_define(text, sizeof text, model->text, tables[i])) {
            print_alternatives(stream, &column, &n, indent, NULL, text, variant->name, c);
        }
    }
    int n_params = 0;
    for (int p = 0; p < model->n_params; p++) {
        if (is_of_choice(model, v, c, p)) {
            nm_put_wrapped(stream, &column, indent, "%s%s",
                           n_params++ > 0 ? ", "
                           : n > 0        ? "; uses "
                                          : "uses ",
                           model->params[p].name);
        }
    }
    fprintf(stream, "%s\n", n + n_params == 0 ? "-" : "");
}

static void print_variants(FILE *stream, const nm_model *model)
{
    size_t widest = 0;
    for (int v = 0; v < model->n_variants; v++) {
        for (int c = 0; c < model->variants[v].n_choices; c++) {
            size_t width = strlen(model->variants[v].name) + strlen(model->variants[v].choices[c]);
            widest = width > widest ? width : widest;
        }
    }
    for (int v = 0; v < model->n_variants; v++) {
        if (v == 0) {
            fprintf(stream,
                    "\nvariants ([variant] or --set variant.%s=%s; the first choice is the "
                    "default)\n",
                    model->variants[0].name, model->variants[0].choices[0]);
        }
        for (int c = 0; c < model->variants[v].n_choices; c++) {
            print_choice(stream, model, v, c, (int)widest + 7);
        }
    }
}

/* --- 3. tables -------------------------------------------------------------------------------- */

static void print_params(FILE *stream, const nm_model *model)
{
    char dflt[NM_WORDS], low[NM_WORDS], high[NM_WORDS];
    int width = 4;
    for (int i = 0; i < model->n_params; i++) {
        int length = (int)strlen(model->params[i].name);
        width = length > width ? length : width;
    }
    fprintf(stream, "\nparameters ([fixed], [[axis]], [[random]] or --set)\n");
    fprintf(stream, "  %-*s %-12s %11s %9s %9s scale\n", width, "name", "unit", "default", "low",
            "high");
    for (int i = 0; i < model->n_params; i++) {
        const nm_param_info *param = &model->params[i];
        int at = fprintf(stream, "  %-*s %-12s %11s %9s %9s %-6s", width, param->name, param->unit,
                         nm_words_double(dflt, param->dflt), nm_words_double(low, param->low),
                         nm_words_double(high, param->high), param->is_log ? "log" : "linear");
        nm_put_wrapped(stream, &at, width + 54, " %s", param->text);
        fputc('\n', stream);
    }
}

static void print_compartments(FILE *stream, const nm_model *model)
{
    fprintf(stream, "\ncompartments\n");
    for (int i = 0; i < model->n_compartments; i++) {
        const nm_compartment_info *compartment = &model->compartments[i];
        int at = fprintf(stream, "  %-12s volume %-6s potential %-6s ", compartment->name,
                         compartment->volume ? compartment->volume : "fixed",
                         compartment->potential ? compartment->potential : "ground");
        nm_put_wrapped(stream, &at, at, " %s", compartment->text);
        fputc('\n', stream);
    }
}

static void print_species(FILE *stream, const nm_model *model)
{
    static const char *const kinds[] = {"free", "trapped", "water", "held"};
    fprintf(stream, "\nspecies (value: where it starts, or at what it is held)\n");
    fprintf(stream, "  %-12s %-8s %-6s %-10s %s\n", "name", "kind", "charge", "in", "value");
    for (int i = 0; i < model->n_species; i++) {
        const nm_species_info *species = &model->species[i];
        int at = fprintf(stream, "  %-12s %-8s %-6s %-10s ", species->name, kinds[species->kind],
                         species->charge, model->compartments[species->compartment].name);
        nm_put_wrapped(stream, &at, 42, "%-20s", species->value);
        nm_put_wrapped(stream, &at, 63, " %s", species->text);
        fputc('\n', stream);
    }
}

static void print_fuels_and_totals(FILE *stream, const nm_model *model)
{
    for (int i = 0; i < model->n_fuels; i++) {
        fprintf(stream, "%s", i == 0 ? "\nfuels\n" : "");
        int at = fprintf(stream, "  %-12s ", model->fuels[i].name);
        nm_put_wrapped(stream, &at, 15, "free energy %s: %s", model->fuels[i].energy,
                       model->fuels[i].text);
        fputc('\n', stream);
    }
    for (int i = 0; i < model->n_totals; i++) {
        fprintf(stream, "%s", i == 0 ? "\nconserved totals\n" : "");
        int at = fprintf(stream, "  %-12s ", model->totals[i].name);
        nm_put_wrapped(stream, &at, 15, "= %s: %s", model->totals[i].expression,
                       model->totals[i].text);
        fputc('\n', stream);
    }
}

static void print_paths(FILE *stream, const nm_model *model)
{
    fprintf(stream, "\npathways (chemistry; law; what it is)\n");
    for (int i = 0; i < model->n_paths; i++) {
        const nm_path_info *path = &model->paths[i];
        int at = fprintf(stream, "  %-12s ", path->name);
        nm_put_wrapped(stream, &at, 17, "%s -> %s", path->from, path->to);
        at = fprintf(stream, "\n%15s", "") - 1;
        nm_put_wrapped(stream, &at, 17, "%s", path->law);
        at = fprintf(stream, "\n%15s", "") - 1;
        nm_put_wrapped(stream, &at, 17, "%s", path->text);
        fputc('\n', stream);
    }
}

/* --- 4. the page -------------------------------------------------------------------------------- */

typedef struct config_row {
    const char *name, *model, *question;
} config_row;

static const config_row configs[] = {
#define config(name, model, question) {name, model, question},
#include "example_configs.h"
#undef config
    {NULL, NULL, NULL},
};

/* a model's file is known by its name, wherever it is */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void print_start(FILE *stream, const char *named)
{
    fprintf(stream, "\nhow to start\n");
    fprintf(stream, "  nessmap init %s > my.toml; nessmap run my.toml\n", named);
    fprintf(stream, "  nessmap point --model %s\n", named);
    for (int i = 0; configs[i].name; i++) {
        if (strcmp(base_name(configs[i].model), base_name(named)) == 0) {
            int at = fprintf(stream, "  configs/%s.toml", configs[i].name);
            at += fprintf(stream, "%*s", at < 36 ? 36 - at : 0, "");
            nm_put_wrapped(stream, &at, 37, " %s", configs[i].question);
            fputc('\n', stream);
        }
    }
}

/* the lines of [variant] that a model was written from */
static void print_topology(FILE *stream, const nm_model *model)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *lines = open_memstream(&text, &bytes);
    if (!lines) {
        return; /* the page is of use without */
    }
    int n = nm_topology_print(lines, "", "", model);
    fprintf(stream, "%s",
            fclose(lines) == 0 && n > 0 ? "\nconsists of what [variant] says, here\n" : "");
    for (char *line = text; n > 0 && line && *line;) {
        size_t length = strcspn(line, "\n");
        int at = fprintf(stream, "  ");
        nm_put_wrapped(stream, &at, 6, "%.*s", (int)length, line);
        fputc('\n', stream);
        line += length + (line[length] == '\n');
    }
    free(text);
}

static void print_page(FILE *stream, const nm_catalogue *catalogue, const nm_model *model,
                       const char *head, const char *named)
{
    fprintf(stream, "%s\n", model->name);
    if (head[0]) {
        fputc('\n', stream);
        print_paragraphs(stream, head);
    }
    fprintf(stream, "\n  Amounts are per %s%s%s.\n",
            strcmp(model->extent, "m-2") == 0 ? "m2 of membrane" : "m3 of volume",
            model->growth ? "; growth without end is called " : "",
            model->growth ? model->growth : "");
    print_start(stream, named);
    print_topology(stream, model);
    print_variants(stream, model);
    print_presets(stream, model);
    print_params(stream, model);
    print_compartments(stream, model);
    print_species(stream, model);
    print_fuels_and_totals(stream, model);
    print_paths(stream, model);
    print_loops(stream, model);
    print_shorthands(stream, model);
    nm_describe_outputs(stream, catalogue, model);
}

nm_status nm_describe_model(FILE *stream, const nm_model *model, const char *named)
{
    nm_catalogue *catalogue = malloc(sizeof *catalogue);
    char *head = head_comment(model);
    nm_status status = catalogue && head
                           ? nm_catalogue_build(catalogue, model)
                           : nm_fail(NM_MEMORY, "no memory for the page of model %s", model->name);
    if (status == NM_OK) {
        print_page(stream, catalogue, model, head, named);
    }
    free(head);
    free(catalogue);
    return status;
}

/* the sentence of the opening paragraph that asks, where all of it is too long for a line */
static const char *question_of(char *head, size_t room)
{
    head[strcspn(head, "\n")] = '\0';
    char *mark = strchr(head, '?');
    if (!mark) {
        return "";
    }
    mark[1] = '\0';
    char *from = head;
    for (char *dot = strstr(head, ". "); dot && strlen(from) > room; dot = strstr(from, ". ")) {
        from = dot + 2;
    }
    return from;
}

nm_status nm_describe_models(FILE *stream)
{
    int n_models;
    const nm_model *const *models = nm_model_list(&n_models);
    for (int i = 0; i < n_models; i++) {
        char *head = head_comment(models[i]);
        if (!head) {
            return nm_fail(NM_MEMORY, "no memory for the list of models");
        }
        fprintf(stream, "%-16s %s\n", models[i]->name, question_of(head, NM_COLUMNS - 17));
        free(head);
    }
    return NM_OK;
}
