/* Formulas of a project: numbers, distributions, names and units, joined by * and /. */
#include "decide/formula.h"

#include "base/ini.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

#define WORD_SIZE 128

static const char *const kinds[] = {"normal", "lognormal", "triangular", "uniform", "data"};
static const size_t argument_counts[] = {2, 2, 3, 2, 2};

struct parser {
    const char *at;
    const struct jb_formula_scope *scope;
    struct jb_error *error;
    size_t made; /* distributions so far */
};

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static void skip_blanks(struct parser *parser) {
    parser->at += strspn(parser->at, " \t");
}

static bool take(struct parser *parser, char c) {
    skip_blanks(parser);
    if (*parser->at != c)
        return false;
    parser->at++;
    return true;
}

/* A word at the parser's place, without moving on. False when there is none. */
static bool peek_word(struct parser *parser, char word[static WORD_SIZE]) {
    size_t length = 0;
    skip_blanks(parser);
    const char *at = parser->at;
    if (*at == '%') {
        memcpy(word, "%", 2);
        return true;
    }
    if (!is_letter(*at))
        return false;
    while (is_letter(at[length]) || is_digit(at[length]) || at[length] == '_' || at[length] == '-')
        length++;
    if (length >= WORD_SIZE)
        length = WORD_SIZE - 1;
    memcpy(word, at, length);
    word[length] = '\0';
    return true;
}

static bool is_kind(const char *word, enum jb_distribution_kind *ret_kind) {
    for (size_t i = 0; i < JB_COUNT(kinds); i++) {
        if (strcmp(word, kinds[i]) == 0) {
            *ret_kind = (enum jb_distribution_kind)i;
            return true;
        }
    }
    return false;
}

bool jb_formula_name_is_free(const struct jb_measures *measures, const char *name) {
    enum jb_distribution_kind kind;
    size_t length = strlen(name);
    if (!is_letter(name[0]) || length >= JB_INPUT_NAME_SIZE)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_letter(name[i]) && !is_digit(name[i]) && name[i] != '_' && name[i] != '-')
            return false;
    }
    return strcmp(name, "per") != 0 && !is_kind(name, &kind) && !jb_measure_is_reserved(measures, name);
}

/* A number, "_" between its digits for reading. */
static enum jb_code parse_number(struct parser *parser, double *ret_value) {
    char text[64];
    size_t length = 0;
    skip_blanks(parser);
    const char *start = parser->at, *at = start;
    while (
        length + 1 < sizeof text &&
        (is_digit(*at) || *at == '.' || *at == '_' ||
         ((*at == '-' || *at == '+') && (at == start || at[-1] == 'e' || at[-1] == 'E')) ||
         ((*at == 'e' || *at == 'E') && at > start && (is_digit(at[1]) || at[1] == '-' || at[1] == '+')))) {
        if (*at != '_')
            text[length++] = *at;
        at++;
    }
    text[length] = '\0';
    if (!jb_number_parse(text, ret_value))
        return jb_error_set(parser->error, JB_INPUT, "'%.30s' is no number", length ? text : parser->at);
    parser->at = at;
    return JB_OK;
}

/* A number among the arguments of a distribution, with %, thousand, million or billion behind it. */
static enum jb_code parse_argument(struct parser *parser, double *ret_value, bool *ret_percent) {
    char word[WORD_SIZE];
    double value, size;
    struct jb_dimension dimension, none = {0};
    enum jb_code code = parse_number(parser, &value);
    if (code)
        return code;
    if (peek_word(parser, word)) {
        if (!jb_measure_find(parser->scope->measures, word, &size, &dimension) ||
            !jb_dimension_is(&dimension, &none))
            return jb_error_set(parser->error, JB_INPUT,
                                "'%.30s': units stand behind the bracket, such as normal(5, 1) kWh", word);
        *ret_percent = *ret_percent || strcmp(word, "%") == 0;
        value *= size;
        parser->at += strlen(word);
    }
    *ret_value = value;
    return JB_OK;
}

/* The text up to a comma or bracket. */
static enum jb_code parse_text(struct parser *parser, char text[static WORD_SIZE]) {
    skip_blanks(parser);
    size_t length = strcspn(parser->at, ",()");
    if (length == 0 || length >= WORD_SIZE)
        return jb_error_set(parser->error, JB_INPUT, "data(file, column): a name is missing or too long");
    memcpy(text, parser->at, length);
    text[length] = '\0';
    parser->at += length;
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    return JB_OK;
}

static int compare_values(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static enum jb_code parse_data(struct parser *parser, struct jb_distribution *distribution) {
    const struct jb_data_reader *reader = parser->scope->data;
    char file[WORD_SIZE], column[WORD_SIZE];
    enum jb_code code = parse_text(parser, file);
    if (!code && !take(parser, ','))
        code = jb_error_set(parser->error, JB_INPUT, "data(file, column): no comma behind the file");
    if (!code)
        code = parse_text(parser, column);
    if (code)
        return code;
    if (!reader)
        return jb_error_set(parser->error, JB_INPUT, "data(): files cannot be read here");
    code =
        reader->read(reader, file, column, parser->error, &distribution->values, &distribution->value_count);
    if (!code && distribution->value_count)
        qsort(distribution->values, distribution->value_count, sizeof *distribution->values, compare_values);
    return code;
}

static enum jb_code parse_arguments(struct parser *parser, struct jb_distribution *distribution,
                                    bool *ret_percent) {
    double *const targets[] = {&distribution->a, &distribution->b, &distribution->c};
    const char *kind = kinds[distribution->kind];
    size_t wanted = argument_counts[distribution->kind], got = 0;
    enum jb_code code = JB_OK;
    if (distribution->kind == JB_DATA) {
        code = parse_data(parser, distribution);
        got = wanted;
    }
    while (!code && got < wanted) {
        code = parse_argument(parser, targets[got], ret_percent);
        got++;
        if (!code && got < wanted && !take(parser, ','))
            code = jb_error_set(parser->error, JB_INPUT, "%s() takes %zu numbers", kind, wanted);
    }
    if (!code && !take(parser, ')'))
        code = jb_error_set(parser->error, JB_INPUT, "%s() is not closed behind its %zu arguments", kind,
                            wanted);
    return code ? code : jb_distribution_check(distribution, parser->error);
}

static enum jb_code unknown_word(struct parser *parser, const char *word) {
    const char *names[JB_INPUT_CEILING];
    size_t count = parser->scope->names->count;
    for (size_t i = 0; i < count; i++)
        names[i] = parser->scope->names->items[i].name;
    const char *near = jb_ini_near(word, names, count);
    if (!near)
        near = jb_measure_near(parser->scope->measures, word);
    bool is_currency = strlen(word) == 3 && strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
    if (is_currency && !near)
        return jb_error_set(parser->error, JB_INPUT, "the project counts in %s; give %s in it",
                            parser->scope->measures->currency, word);
    return jb_error_set(parser->error, JB_INPUT,
                        "'%.40s' is no unit and no [input] above%s%s; own units go into units = of [project]",
                        word, near ? "; near: " : "", near ? near : "");
}

/* Units behind a number or a distribution: any number of scales, then at most one unit: "million requests",
 * "%". Multiplies them into product. */
static enum jb_code parse_units(struct parser *parser, struct jb_product *product) {
    char word[WORD_SIZE];
    struct jb_dimension none = {0};
    enum jb_code code = JB_OK;
    while (!code && peek_word(parser, word) && strcmp(word, "per") != 0) {
        struct jb_product unit = jb_product_of(1);
        if (!jb_measure_find(parser->scope->measures, word, &unit.constant, &unit.dimension))
            return unknown_word(parser, word);
        code = jb_product_multiply(product, &unit, 1, parser->error);
        parser->at += strlen(word);
        if (!jb_dimension_is(&unit.dimension, &none))
            break;
    }
    return code;
}

/* The product that a name stands for; NULL when it is none. */
static const struct jb_product *find_name(const struct jb_names *names, const char *word) {
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i].name, word) == 0)
            return &names->items[i].product;
    }
    return NULL;
}

/* Whether a '/', '*' or "per" stands here that is followed by a unit; moves behind it and returns its power,
 * 0 when not. */
static int take_unit_joint(struct parser *parser) {
    struct parser ahead = *parser;
    char word[WORD_SIZE];
    struct jb_dimension dimension;
    double size;
    int power = 0;
    if (take(&ahead, '/'))
        power = -1;
    else if (take(&ahead, '*'))
        power = 1;
    else if (peek_word(&ahead, word) && strcmp(word, "per") == 0) {
        power = -1;
        ahead.at += strlen(word);
    }
    if (!power || !peek_word(&ahead, word) || find_name(parser->scope->names, word) ||
        !jb_measure_find(parser->scope->measures, word, &size, &dimension))
        return 0;
    parser->at = ahead.at;
    return power;
}

static void name_input(struct parser *parser, struct jb_uncertain *input, const char *unit,
                       size_t unit_length) {
    const struct jb_formula_scope *scope = parser->scope;
    if (parser->made++ == 0)
        (void)snprintf(input->name, sizeof input->name, "%s", scope->input_name);
    else
        (void)snprintf(input->name, sizeof input->name, "%.100s (%zu)", scope->input_name, parser->made);
    (void)snprintf(input->source, sizeof input->source, "%s", scope->source ? scope->source : "");
    while (unit_length && (unit[unit_length - 1] == ' ' || unit[unit_length - 1] == '\t'))
        unit_length--;
    (void)snprintf(input->unit, sizeof input->unit, "%.*s", (int)unit_length, unit);
}

/* A distribution with all its units: the values of the input are in them. */
static enum jb_code parse_distribution(struct parser *parser, enum jb_distribution_kind kind,
                                       struct jb_product *ret_product) {
    struct jb_uncertain input = {.distribution.kind = kind, .least = -INFINITY, .most = INFINITY};
    struct jb_product product = jb_product_of(1);
    uint16_t index = 0;
    enum jb_code code = JB_OK;
    parser->at += strlen(kinds[kind]);
    if (!take(parser, '('))
        code = jb_error_set(parser->error, JB_INPUT, "no ( behind %s", kinds[kind]);
    if (!code)
        code = parse_arguments(parser, &input.distribution, &input.is_percent);
    skip_blanks(parser);
    const char *unit = parser->at;
    if (!code)
        code = parse_units(parser, &product);
    for (int power; !code && (power = take_unit_joint(parser));) {
        struct jb_product more = jb_product_of(1);
        code = parse_units(parser, &more);
        if (!code)
            code = jb_product_multiply(&product, &more, power, parser->error);
    }
    if (!code) {
        name_input(parser, &input, unit, (size_t)(parser->at - unit));
        code = jb_uncertain_add(parser->scope->inputs, &input, parser->error, &index);
    }
    if (code) {
        free(input.distribution.values);
        return code;
    }
    product.count = 1;
    product.factors[0].input = index;
    product.factors[0].power = 1;
    product.factors[0].complement = 0;
    *ret_product = product;
    return JB_OK;
}

static enum jb_code parse_atom(struct parser *parser, struct jb_product *ret_product) {
    char word[WORD_SIZE];
    enum jb_distribution_kind kind;
    struct jb_product product = jb_product_of(1);
    enum jb_code code = JB_OK;
    if (!peek_word(parser, word)) {
        code = parse_number(parser, &product.constant);
        if (!code)
            code = parse_units(parser, &product);
    } else if (is_kind(word, &kind)) {
        return parse_distribution(parser, kind, ret_product);
    } else {
        const struct jb_product *named = find_name(parser->scope->names, word);
        if (named) {
            product = *named;
            parser->at += strlen(word);
        } else {
            code = parse_units(parser, &product);
        }
    }
    if (!code)
        *ret_product = product;
    return code;
}

/* What is divided by must not come near 0. */
static enum jb_code check_divisor(struct parser *parser, const struct jb_product *product) {
    for (size_t i = 0; i < product->count; i++) {
        double low, high;
        const struct jb_uncertain *input = &parser->scope->inputs->items[product->factors[i].input];
        jb_distribution_support(&input->distribution, &low, &high);
        if (low < 0 || (low == 0 && input->distribution.kind != JB_LOGNORMAL))
            return jb_error_set(
                parser->error, JB_INPUT,
                "a division by '%.60s', which may be 0; make it lognormal, or a range above 0", input->name);
    }
    return JB_OK;
}

enum jb_code jb_formula_parse(const char *text, const struct jb_formula_scope *scope, struct jb_error *error,
                              struct jb_product *ret_product) {
    struct parser parser = {.at = text, .scope = scope, .error = error};
    struct jb_product product = jb_product_of(1), atom;
    int power = 1;
    for (;;) {
        char word[WORD_SIZE];
        enum jb_code code = parse_atom(&parser, &atom);
        if (!code && power < 0)
            code = check_divisor(&parser, &atom);
        if (!code)
            code = jb_product_multiply(&product, &atom, power, error);
        if (code)
            return code;
        skip_blanks(&parser);
        if (!*parser.at)
            break;
        if (take(&parser, '*'))
            power = 1;
        else if (take(&parser, '/'))
            power = -1;
        else if (peek_word(&parser, word) && strcmp(word, "per") == 0) {
            power = -1;
            parser.at += strlen(word);
        } else
            return jb_error_set(error, JB_INPUT, "'%.40s': join it by * or /", parser.at);
    }
    *ret_product = product;
    return JB_OK;
}
