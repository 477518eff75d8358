/* Reads an affine expression by recursive descent; a product needs a number on one of its sides. */
#include "expression.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FORM "an expression is a sum of numbers times parameters, as in \"150 - 2*K_o\""

#define MOST 1e300 /* size of a number */

enum { MAX_DEPTH = 32, MAX_NAME = 64 };

typedef struct reader {
    const char *at; /* next character */
    const char *const *names;
    int n_names, depth;
} reader;

static nm_status read_sum(reader *reader, nm_affine *sum);

static void skip_spaces(reader *reader)
{
    while (isspace((unsigned char)*reader->at)) {
        reader->at++;
    }
}

/* Takes `c` if it comes next. */
static int take(reader *reader, char c)
{
    skip_spaces(reader);
    if (*reader->at != c) {
        return 0;
    }
    reader->at++;
    return 1;
}

static void scale(nm_affine *affine, double factor)
{
    affine->constant *= factor;
    for (int k = 0; k < affine->n_terms; k++) {
        affine->coef[k] *= factor;
    }
}

static nm_status add(nm_affine *sum, const nm_affine *other, double factor)
{
    sum->constant += factor * other->constant;
    for (int k = 0; k < other->n_terms; k++) {
        int i = 0;
        while (i < sum->n_terms && sum->index[i] != other->index[k]) {
            i++;
        }
        if (i == sum->n_terms) {
            if (i == NM_AFFINE_TERMS) {
                return nm_fail(NM_USAGE, "it names more than %d different names", NM_AFFINE_TERMS);
            }
            sum->index[i] = other->index[k];
            sum->coef[i] = 0.0;
            sum->n_terms++;
        }
        sum->coef[i] += factor * other->coef[k];
    }
    return NM_OK;
}

/* What stands at the reader's place, for a message. */
static const char *found(const reader *reader)
{
    return *reader->at != '\0' ? reader->at : "the end";
}

static nm_status read_name(reader *reader, nm_affine *factor)
{
    char name[MAX_NAME];
    size_t length = 0;
    while (isalnum((unsigned char)reader->at[length]) || reader->at[length] == '_') {
        length++;
    }
    if (length >= sizeof(name)) {
        return nm_fail(NM_USAGE, "the name at \"%.20s...\" is too long", reader->at);
    }
    memcpy(name, reader->at, length);
    name[length] = '\0';
    for (int i = 0; i < reader->n_names; i++) {
        if (strcmp(reader->names[i], name) == 0) {
            reader->at += length;
            factor->n_terms = 1;
            factor->index[0] = i;
            factor->coef[0] = 1.0;
            return NM_OK;
        }
    }
    skip_spaces(reader);
    const char *near = nm_nearest(name, reader->names, (size_t)reader->n_names);
    if (reader->at[length] == '(') {
        return nm_fail(NM_USAGE, "\"%s(\" is a function, but " FORM, name);
    }
    return near != NULL ? nm_fail(NM_USAGE, "\"%s\" is not known; did you mean \"%s\"?", name, near)
                        : nm_fail(NM_USAGE, "\"%s\" is not known", name);
}

static nm_status read_number(reader *reader, nm_affine *factor)
{
    char *end;
    factor->constant = strtod(reader->at, &end);
    /* strtod takes "0x10" too, which is no number elsewhere in a configuration */
    int is_decimal = reader->at[0] != '0' || (reader->at[1] != 'x' && reader->at[1] != 'X');
    if (end == reader->at || !is_decimal || !isfinite(factor->constant)) {
        return nm_fail(NM_USAGE, "\"%.20s\" is not a number", reader->at);
    }
    reader->at = end;
    return NM_OK;
}

static nm_status read_factor(reader *reader, nm_affine *factor)
{
    memset(factor, 0, sizeof(*factor));
    if (++reader->depth > MAX_DEPTH) {
        return nm_fail(NM_USAGE, "it is nested more than %d deep", MAX_DEPTH);
    }
    if (take(reader, '-')) {
        NM_TRY(read_factor(reader, factor));
        scale(factor, -1.0);
    } else if (take(reader, '+')) {
        NM_TRY(read_factor(reader, factor));
    } else if (take(reader, '(')) {
        NM_TRY(read_sum(reader, factor));
        if (!take(reader, ')')) {
            return nm_fail(NM_USAGE, "found \"%.20s\" where \")\" should be", found(reader));
        }
    } else if (isdigit((unsigned char)*reader->at) || *reader->at == '.') {
        NM_TRY(read_number(reader, factor));
    } else if (isalpha((unsigned char)*reader->at) || *reader->at == '_') {
        NM_TRY(read_name(reader, factor));
    } else {
        return nm_fail(NM_USAGE, "found \"%.20s\" where a number or a name should be",
                       found(reader));
    }
    reader->depth--;
    return NM_OK;
}

static nm_status read_product(reader *reader, nm_affine *product)
{
    NM_TRY(read_factor(reader, product));
    for (;;) {
        nm_affine factor;
        if (take(reader, '*')) {
            NM_TRY(read_factor(reader, &factor));
            if (factor.n_terms > 0 && product->n_terms > 0) {
                return nm_fail(NM_USAGE, "it multiplies two parameters, but " FORM);
            }
            if (factor.n_terms > 0) {
                scale(&factor, product->constant);
                *product = factor;
            } else {
                scale(product, factor.constant);
            }
        } else if (take(reader, '/')) {
            NM_TRY(read_factor(reader, &factor));
            if (factor.n_terms > 0) {
                return nm_fail(NM_USAGE, "it divides by a parameter, but " FORM);
            }
            if (factor.constant == 0.0) {
                return nm_fail(NM_USAGE, "it divides by zero");
            }
            product->constant /= factor.constant;
            for (int k = 0; k < product->n_terms; k++) {
                product->coef[k] /= factor.constant;
            }
        } else {
            return NM_OK;
        }
    }
}

static nm_status read_sum(reader *reader, nm_affine *sum)
{
    NM_TRY(read_product(reader, sum));
    for (;;) {
        nm_affine product;
        double sign;
        if (take(reader, '+')) {
            sign = 1.0;
        } else if (take(reader, '-')) {
            sign = -1.0;
        } else {
            return NM_OK;
        }
        NM_TRY(read_product(reader, &product));
        NM_TRY(add(sum, &product, sign));
    }
}

nm_status nm_affine_parse(nm_affine *affine, const char *text, const char *const *names,
                          int n_names)
{
    reader reader = {.at = text, .names = names, .n_names = n_names};
    nm_affine read;
    NM_TRY(read_sum(&reader, &read));
    skip_spaces(&reader);
    if (*reader.at != '\0') {
        return nm_fail(NM_USAGE, "found \"%.20s\" where + - * / or the end should be; " FORM,
                       reader.at);
    }

    /* names that cancelled out are no terms */
    affine->constant = read.constant;
    affine->n_terms = 0;
    for (int k = 0; k < read.n_terms; k++) {
        if (read.coef[k] != 0.0) {
            affine->index[affine->n_terms] = read.index[k];
            affine->coef[affine->n_terms++] = read.coef[k];
        }
    }
    /* inf - inf and inf * 0 on the way leave no number */
    int is_good = fabs(affine->constant) <= MOST;
    for (int k = 0; k < affine->n_terms; k++) {
        is_good &= fabs(affine->coef[k]) <= MOST;
    }
    return is_good ? NM_OK : nm_fail(NM_USAGE, "its numbers are too large");
}
