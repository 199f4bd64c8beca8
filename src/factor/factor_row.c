/* One row of a factor table: what its columns are, and its fields checked and taken in. */
#include "factor/factor_internal.h"

#include "base/array.h"
#include "base/decimal.h"
#include "base/text.h"
#include "base/time.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define VALUE_SCALE         INT64_C(1000000000000)
#define KEY_FIELD_CEILING   120 /* bytes of a provider, region or subject: an id holds all three */
#define SHARE_SUM_TOLERANCE 2.0 /* percentage points */

/* A column by the name of a heading; those after the first of a pair are what the tables of data/cpu call it.
 */
static int *column_of_name(struct jb_factor_columns *columns, const char *name) {
    const struct {
        const char *name;
        int *column;
    } known[] = {
        {"provider", &columns->provider},
        {"region", &columns->region},
        {"subject", &columns->subject},
        {"name", &columns->subject},
        {"architecture", &columns->subject},
        {"from", &columns->from},
        {"until", &columns->until},
        {"year", &columns->year},
        {"quantity", &columns->quantity},
        {"value", &columns->value},
        {"unit", &columns->unit},
        {"uncertainty", &columns->uncertainty},
        {"relative_standard_uncertainty", &columns->uncertainty},
        {"source", &columns->source},
        {"note", &columns->note},
        {"providers", &columns->note},
    };
    for (size_t i = 0; i < JB_COUNT(known); i++) {
        if (strcmp(known[i].name, name) == 0)
            return known[i].column;
    }
    return NULL;
}

static uint32_t line_of(const struct jb_factor_row *row, int column) {
    return row->lines && column >= 0 ? row->lines[column] : row->line;
}

/* One name of the heading; false when it is unknown or stands twice. */
static bool take_column(struct jb_factors *factors, const struct jb_factor_row *heading, int at,
                        const char *file, struct jb_factor_columns *columns) {
    const char *name = heading->names[at];
    uint32_t line = line_of(heading, at);
    enum jb_quantity quantity;
    int *column = column_of_name(columns, name);
    if (!column && jb_quantity_of_column(name, &quantity)) {
        for (size_t i = 0; i < columns->value_count; i++) {
            if (columns->values[i].quantity == quantity) {
                jb_factor_find_fault(factors, true, file, line, name, "stands twice; keep one");
                return false;
            }
        }
        columns->values[columns->value_count].column = at;
        columns->values[columns->value_count++].quantity = quantity;
        return true;
    }
    if (!column) {
        jb_factor_find_fault(
            factors, true, file, line, name,
            "no such field; there are quantity, provider, region, subject, from, until, year, value, "
            "unit, uncertainty, source, note, and columns such as pue or grid_intensity_g_per_kwh");
        return false;
    }
    if (*column >= 0) {
        jb_factor_find_fault(factors, true, file, line, name, "stands twice; keep one");
        return false;
    }
    *column = at;
    return true;
}

bool jb_factor_columns_of(struct jb_factors *factors, const struct jb_factor_row *heading, const char *file,
                          struct jb_factor_columns *ret_columns) {
    struct jb_factor_columns columns = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, {{0}}, 0};
    bool good = true;
    for (size_t i = 0; i < heading->count; i++)
        good = take_column(factors, heading, (int)i, file, &columns) && good;
    if (!good)
        return false;
    const char *fault = NULL, *field = "";
    if (columns.quantity < 0 && columns.value_count == 0)
        field = "quantity", fault = "is missing: name it, with value and unit";
    else if (columns.quantity >= 0 && columns.value_count)
        field = "quantity", fault = "cannot stand beside columns that name a quantity themselves";
    else if (columns.quantity >= 0 && columns.value < 0)
        field = "value", fault = "is missing";
    else if (columns.quantity >= 0 && columns.unit < 0)
        field = "unit", fault = "is missing: a value without unit cannot be taken";
    else if (columns.quantity < 0 && (columns.value >= 0 || columns.unit >= 0))
        field = columns.value >= 0 ? "value" : "unit", fault = "needs a field quantity beside it";
    else if (columns.provider < 0 && columns.region < 0 && columns.subject < 0)
        field = "region", fault = "is missing: give a region, provider or subject that the factor is of";
    else if (columns.year >= 0 && (columns.from >= 0 || columns.until >= 0))
        field = "year", fault = "cannot stand beside from and until";
    if (fault) {
        jb_factor_find_fault(factors, true, file, heading->line, field, "%s", fault);
        return false;
    }
    *ret_columns = columns;
    return true;
}

/* What the checks of one row work on. */
struct taking {
    struct jb_factors *factors;
    const struct jb_factor_row *row;
    const char *file;
    bool is_bad;
};

#define FAULT(taking, at, ...)                                                                               \
    do {                                                                                                     \
        (taking)->is_bad = true;                                                                             \
        jb_factor_find_fault((taking)->factors, true, (taking)->file, line_of((taking)->row, (at)),          \
                             (at) >= 0 ? (taking)->row->names[(at)] : "", __VA_ARGS__);                      \
    } while (0)

static bool is_clean(const char *text) {
    size_t left = strlen(text);
    while (left) {
        size_t length = jb_utf8_length(text, left);
        if (length == 0 || jb_control_length(text, left))
            return false;
        text += length;
        left -= length;
    }
    return true;
}

static const char *text_of(const struct taking *taking, int column) {
    return column >= 0 ? taking->row->values[column] : "";
}

static void check_texts(struct taking *taking, const struct jb_factor_columns *columns) {
    for (int i = 0; i < (int)taking->row->count; i++) {
        const char *text = taking->row->values[i];
        size_t length = strlen(text);
        bool is_key = i == columns->provider || i == columns->region || i == columns->subject;
        size_t ceiling = is_key ? KEY_FIELD_CEILING : JB_FACTOR_FIELD_CEILING;
        if (length > ceiling)
            FAULT(taking, i, "%zu bytes long; shorten it to %zu", length, ceiling);
        else if (!is_clean(text))
            FAULT(taking, i, "bytes that are no UTF-8, or control characters; save the file as UTF-8");
        else if (length && (text[0] == ' ' || text[length - 1] == ' '))
            FAULT(taking, i, "'%.60s' has blanks around it; take them off", text);
    }
}

static bool take_number(struct taking *taking, int column, double *ret_value) {
    const char *text = text_of(taking, column);
    int64_t scaled;
    if (text[0] == '0' && text[1] >= '0' && text[1] <= '9') {
        FAULT(taking, column, "'%.60s' opens with zeros: was a decimal point lost? write 0.%s, or %s", text,
              text + 1, text + strspn(text, "0"));
        return false;
    }
    if (strchr(text, ',')) {
        FAULT(taking, column, "'%.60s' has a comma; write a decimal point and no grouping", text);
        return false;
    }
    if (jb_decimal_parse(text, VALUE_SCALE, NULL, &scaled)) {
        FAULT(taking, column, "'%.60s' is no number up to 9 million; write digits with a decimal point",
              text);
        return false;
    }
    *ret_value = (double)scaled / (double)VALUE_SCALE;
    return true;
}

static void take_date(struct taking *taking, int column, int64_t *ret_ns) {
    const char *text = text_of(taking, column);
    if (*text && jb_time_parse(text, NULL, ret_ns))
        FAULT(taking, column, "'%.60s' is no date; write it as 2024-12-31", text);
}

static void take_validity(struct taking *taking, const struct jb_factor_columns *columns,
                          struct jb_factor *factor) {
    factor->from_ns = INT64_MIN;
    factor->until_ns = INT64_MAX;
    take_date(taking, columns->from, &factor->from_ns);
    take_date(taking, columns->until, &factor->until_ns);
    const char *year = text_of(taking, columns->year);
    if (*year) {
        int64_t number = 0;
        if (strlen(year) != 4 || strspn(year, "0123456789") != 4 || jb_int64_parse(year, NULL, &number) ||
            number < 1900 || number > 2200) {
            FAULT(taking, columns->year, "'%.60s' is no year from 1900 to 2200", year);
            return;
        }
        factor->from_ns = jb_days_from_civil(number, 1, 1) * INT64_C(86400000000000);
        factor->until_ns = jb_days_from_civil(number + 1, 1, 1) * INT64_C(86400000000000);
    }
    if (!taking->is_bad && factor->from_ns >= factor->until_ns)
        FAULT(taking, columns->until,
              "'%.60s' is not after from; until is the first moment not in the period",
              text_of(taking, columns->until));
}

/* 0.05: a relative standard uncertainty; "": the table's. */
static void take_uncertainty(struct taking *taking, const struct jb_factor_columns *columns, double of_set,
                             struct jb_factor *factor) {
    factor->uncertainty = of_set;
    if (!*text_of(taking, columns->uncertainty) ||
        !take_number(taking, columns->uncertainty, &factor->uncertainty))
        return;
    if (factor->uncertainty < 0 || factor->uncertainty > 10)
        FAULT(taking, columns->uncertainty, "%s lies outside 0 to 10; it is relative: 0.05 for 5 %%",
              text_of(taking, columns->uncertainty));
}

static enum jb_code intern(struct jb_factors *factors, const char *text, struct jb_error *error,
                           const char **ret_text) {
    uint32_t id;
    enum jb_code code = jb_strings_intern(factors->strings, text, error, &id);
    if (!code)
        *ret_text = jb_strings_text(factors->strings, id);
    return code;
}

/* The texts of a row, once for all its values. */
static enum jb_code intern_texts(const struct taking *taking, const struct jb_factor_columns *columns,
                                 struct jb_error *error, struct jb_factor *factor) {
    const struct {
        int column;
        const char **text;
    } texts[] = {{columns->provider, &factor->provider},
                 {columns->region, &factor->region},
                 {columns->subject, &factor->subject},
                 {columns->source, &factor->source},
                 {columns->note, &factor->note}};
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < JB_COUNT(texts); i++)
        code = intern(taking->factors, text_of(taking, texts[i].column), error, texts[i].text);
    return code;
}

static enum jb_code append(struct jb_factors *factors, const struct jb_factor *factor,
                           struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&factors->items, &factors->capacity, factors->count + 1,
                                         JB_FACTOR_CEILING, "factors", error);
    if (code)
        return code;
    factors->items[factors->count++] = *factor;
    factors->sets[factor->set].factor_count++;
    return JB_OK;
}

static enum jb_code take_value(struct taking *taking, int column, double multiplier, struct jb_factor factor,
                               struct jb_error *error) {
    const struct jb_quantity_info *info = jb_quantity_info(factor.quantity);
    if (!take_number(taking, column, &factor.value))
        return JB_OK;
    factor.value *= multiplier;
    if (factor.value < info->low || factor.value > info->high)
        FAULT(taking, column,
              "%g %s lies outside %g to %g, where %s may lie; is the unit right, or a decimal point lost?",
              factor.value, info->unit, info->low, info->high, info->name);
    return taking->is_bad ? JB_OK : append(taking->factors, &factor, error);
}

/* The shares of generation in a row that has them make up the whole. */
static void check_shares(struct taking *taking, const struct jb_factor_columns *columns) {
    double sum = 0, share;
    unsigned count = 0;
    for (size_t i = 0; i < columns->value_count; i++) {
        enum jb_quantity quantity = columns->values[i].quantity;
        if (quantity < JB_SHARE_COAL || quantity > JB_SHARE_OTHER ||
            !*text_of(taking, columns->values[i].column))
            continue;
        if (!take_number(taking, columns->values[i].column, &share))
            return;
        sum += share;
        count++;
    }
    if (count > 1 && fabs(sum - 100) > SHARE_SUM_TOLERANCE)
        jb_factor_find_fault(taking->factors, false, taking->file, taking->row->line, "share_…",
                             "the shares of generation sum to %.1f %%, not 100", sum);
}

/* The quantity and unit that a row names itself. */
static bool take_quantity(struct taking *taking, const struct jb_factor_columns *columns,
                          enum jb_quantity *ret_quantity, double *ret_multiplier) {
    const char *name = text_of(taking, columns->quantity), *unit = text_of(taking, columns->unit);
    char units[256];
    if (!jb_quantity_of_name(name, ret_quantity)) {
        FAULT(taking, columns->quantity, "'%.60s' is no quantity; `joulebook factors list` names them", name);
        return false;
    }
    if (!jb_quantity_unit(*ret_quantity, unit, ret_multiplier)) {
        FAULT(taking, columns->unit, "'%.60s' is no unit of %s; write one of %s", unit, name,
              jb_quantity_units(*ret_quantity, units, sizeof units));
        return false;
    }
    return true;
}

enum jb_code jb_factor_row_take(struct jb_factors *factors, uint32_t set, const char *file,
                                const struct jb_factor_columns *columns, const struct jb_factor_row *row,
                                struct jb_error *error) {
    struct taking taking = {.factors = factors, .row = row, .file = file};
    struct jb_factor factor = {.set = set, .line = row->line};
    double multiplier = 1;
    enum jb_code code = JB_OK;
    check_texts(&taking, columns);
    if (taking.is_bad)
        return JB_OK;
    take_validity(&taking, columns, &factor);
    take_uncertainty(&taking, columns, factors->sets[set].uncertainty, &factor);
    if (!*text_of(&taking, columns->provider) && !*text_of(&taking, columns->region) &&
        !*text_of(&taking, columns->subject))
        FAULT(&taking, -1, "has no region, provider or subject; give one");
    if (factors->sets[set].is_own && !*text_of(&taking, columns->source)) {
        taking.is_bad = true;
        jb_factor_find_fault(factors, true, file, line_of(row, columns->source), "source",
                             "is empty: say where the figure is from, so that a statement can cite it");
    }
    code = intern_texts(&taking, columns, error, &factor);
    if (code)
        return code;
    if (columns->quantity >= 0) {
        if (take_quantity(&taking, columns, &factor.quantity, &multiplier))
            code = take_value(&taking, columns->value, multiplier, factor, error);
        return code;
    }
    bool has_value = false;
    for (size_t i = 0; !code && i < columns->value_count; i++) {
        int column = columns->values[i].column;
        if (!*text_of(&taking, column))
            continue; /* not known: no factor, and not zero */
        has_value = true;
        factor.quantity = columns->values[i].quantity;
        code = take_value(&taking, column, 1, factor, error);
    }
    if (!has_value)
        FAULT(&taking, -1, "has no value; leave the row out");
    if (!code && !taking.is_bad)
        check_shares(&taking, columns);
    return code;
}
