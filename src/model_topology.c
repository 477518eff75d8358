/* Finds out whether [variant] says what a model consists of, and has its text written. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "model_topology.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "topology_parts.h"

static const nm_topology *const topologies[] = {&nm_topology_network, &nm_topology_nernst};
enum { N_TOPOLOGIES = sizeof topologies / sizeof topologies[0] };

static const nm_topology *find(const char *model)
{
    for (int i = 0; i < N_TOPOLOGIES; i++) {
        if (strcmp(topologies[i]->model, model) == 0) {
            return topologies[i];
        }
    }
    return NULL;
}

int nm_topology_variants(const char *names[NM_TOPOLOGY_VARIANTS], const char *model)
{
    const nm_topology *topology = find(model);
    for (int i = 0; topology && i < topology->n_variants; i++) {
        names[i] = topology->variants[i];
    }
    return topology ? topology->n_variants : 0;
}

int nm_topology_has(const char *model, const char *variant)
{
    const char *names[NM_TOPOLOGY_VARIANTS];
    int n = nm_topology_variants(names, model);
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], variant) == 0) {
            return 1;
        }
    }
    return 0;
}

/* --- sheets ------------------------------------------------------------------------------ */

enum { BACKSLASH_COLUMN = 111 };

void nm_sheet_text(nm_sheet *sheet, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(sheet->out, format, args);
    va_end(args);
}

void nm_sheet_row(nm_sheet *sheet, const char *format, ...)
{
    va_list args;
    if (sheet->line[0] != '\0') {
        fprintf(sheet->out, "%-*s \\\n", BACKSLASH_COLUMN - 1, sheet->line);
    }
    va_start(args, format);
    vsnprintf(sheet->line, sizeof sheet->line, format, args);
    va_end(args);
}

void nm_sheet_end(nm_sheet *sheet)
{
    fprintf(sheet->out, "%s\n\n", sheet->line);
    sheet->line[0] = '\0';
}

/* --- texts ------------------------------------------------------------------------------- */

const char *nm_topology_word(int *length, const char *text)
{
    static const char gap[] = " \t\r\n,";
    text += strspn(text, gap);
    *length = (int)strcspn(text, gap);
    return text;
}

void nm_wrap_word(nm_wrap *wrap, const char *word)
{
    size_t length = strlen(word), room = sizeof wrap->text - wrap->used;
    int is_first = wrap->used == 0, is_full = wrap->used + length + 1 - wrap->line > wrap->width;
    const char *before = is_first ? "" : is_full ? wrap->indent : " ";
    if (strlen(before) + length >= room) {
        return;
    }
    wrap->used += (size_t)snprintf(wrap->text + wrap->used, room, "%s%s", before, word);
    if (is_full) {
        wrap->line = wrap->used - length;
    }
}

const char *nm_topology_but(const nm_topology_said *said, int variant)
{
    static _Thread_local char buffers[2][NM_TOPOLOGY_BYTES];
    static _Thread_local int turn;
    enum { SHOWN = 120 }; /* bytes of the value */
    char *out = buffers[turn];
    turn = !turn;
    const nm_named_quantity *v = said->variant[variant];
    int is_long = strlen(v->value.text) > SHOWN;
    snprintf(out, NM_TOPOLOGY_BYTES, "%svariant.%s = \"%.*s%s\", but ",
             nm_config_at(said->config, v->value.where), v->name, SHOWN, v->value.text,
             is_long ? "..." : "");
    return out;
}

static nm_status write_text(char **text, const nm_topology *topology, const nm_topology_said *said)
{
    size_t bytes;
    nm_sheet sheet = {.out = open_memstream(text, &bytes)};
    if (!sheet.out) {
        return nm_fail(NM_MEMORY, "out of memory for the text of a model");
    }
    nm_status status = topology->write(&sheet, said);
    int is_bad = ferror(sheet.out);
    if ((fclose(sheet.out) != 0 || is_bad) && status == NM_OK) {
        status = nm_fail(NM_MEMORY, "out of memory for the text of a model");
    }
    if (status != NM_OK) {
        free(*text);
        *text = NULL;
    }
    return status;
}

nm_status nm_topology_text(char **text, const nm_config *config)
{
    const nm_topology *topology = find(config->model);
    nm_topology_said said = {.config = config};
    int n_said = 0;
    *text = NULL;
    for (int i = 0; topology && i < topology->n_variants; i++) {
        for (int k = 0; k < config->n_variants; k++) {
            if (strcmp(config->variants[k].name, topology->variants[i]) == 0) {
                said.variant[i] = &config->variants[k];
                n_said++;
            }
        }
    }
    return n_said > 0 ? write_text(text, topology, &said) : NM_OK;
}

nm_status nm_topology_default(char **text, const char *model)
{
    const nm_topology *topology = find(model);
    const nm_topology_said nothing = {0};
    *text = NULL;
    return topology ? write_text(text, topology, &nothing) : NM_OK;
}

int nm_topology_print(FILE *stream, const char *heading, const char *indent, const nm_model *model)
{
    const nm_topology *topology = model->text ? find(model->name) : NULL;
    if (!topology) {
        return 0;
    }
    char value[NM_TOPOLOGY_VARIANTS][NM_TOPOLOGY_BYTES] = {"", ""};
    nm_named_quantity named[NM_TOPOLOGY_VARIANTS];
    const nm_config nowhere = {0};
    nm_topology_said said = {.config = &nowhere};
    topology->read(value, model);
    for (int i = 0; i < topology->n_variants; i++) {
        named[i] = (nm_named_quantity){(char *)topology->variants[i], {.text = value[i]}};
        said.variant[i] = &named[i];
    }
    /* a model of the user's own may have the name */
    char *text = NULL;
    int is_ours = write_text(&text, topology, &said) == NM_OK && strcmp(text, model->text) == 0;
    free(text);
    for (int i = 0; is_ours && i < topology->n_variants; i++) {
        const char *quote = value[i][strspn(value[i], "0123456789")] ? "\"" : "";
        fprintf(stream, "%s%s%s = %s%s%s # %s\n", i == 0 ? heading : "", indent,
                topology->variants[i], quote, value[i], quote, topology->remarks[i]);
    }
    return is_ours ? topology->n_variants : 0;
}
