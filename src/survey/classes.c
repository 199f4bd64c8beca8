/* Classes of rows: values of a column in the order people expect; crossed columns; filters. */
#include "survey/classes.h"

#include "base/memory.h"
#include "base/number.h"

#include <string.h>

void jb_classes_free(struct jb_classes *classes) {
    if (!classes)
        return;
    for (size_t i = 0; i < classes->owned_count; i++)
        free(classes->owned[i]);
    free(classes->owned);
    free(classes->items);
    free(classes->of_row);
    *classes = (struct jb_classes){0};
}

static int compare_values(const void *left, const void *right, void *context) {
    const struct jb_answer_column *column = context;
    const struct jb_answer_value *a = &column->values[*(const uint32_t *)left];
    const struct jb_answer_value *b = &column->values[*(const uint32_t *)right];
    if (!isnan(a->number) && !isnan(b->number) && a->number != b->number)
        return a->number < b->number ? -1 : 1;
    if (isnan(a->number) != isnan(b->number))
        return isnan(a->number) ? 1 : -1;
    return strcmp(a->text, b->text);
}

enum jb_code jb_classes_of_values(const struct jb_answers *answers, const struct jb_answer_column *column,
                                  struct jb_error *error, struct jb_classes *ret_classes,
                                  uint32_t *ret_class_of) {
    struct jb_classes made = {0};
    _cleanup_free_ uint32_t *values = malloc(JB_CLASSES_CEILING * sizeof(*values));
    if (!values)
        return jb_error_set(error, JB_MEMORY, "no memory for %d classes", JB_CLASSES_CEILING);
    for (uint32_t i = 0; i < column->value_count; i++) {
        ret_class_of[i] = JB_CLASS_NONE;
        if (column->values[i].is_missing) /* every other one was in a row */
            continue;
        if (made.count == JB_CLASSES_CEILING)
            return jb_error_set(error, JB_INPUT,
                                "%s: column '%.60s' has more than %d different answers; is it a number?",
                                jb_answers_name(answers), column->name, JB_CLASSES_CEILING);
        values[made.count++] = i;
    }
    qsort_r(values, made.count, sizeof(*values), compare_values, (void *)(uintptr_t)column);
    made.items = calloc(made.count ? made.count : 1, sizeof(*made.items));
    if (!made.items)
        return jb_error_set(error, JB_MEMORY, "no memory for %u classes", made.count);
    for (uint32_t i = 0; i < made.count; i++) {
        const struct jb_answer_value *value = &column->values[values[i]];
        ret_class_of[values[i]] = i;
        made.items[i] = (struct jb_class){value->text, value->label ? value->label : value->text};
    }
    *ret_classes = made;
    return JB_OK;
}

/* Classes of the rows of one coded column. */
static enum jb_code classify(const struct jb_answers *answers, const struct jb_answer_column *column,
                             struct jb_error *error, struct jb_classes *made) {
    size_t rows = jb_answers_count(answers);
    _cleanup_free_ uint32_t *class_of = malloc(column->value_count * sizeof(*class_of));
    if (!class_of)
        return jb_error_set(error, JB_MEMORY, "no memory for %u values", column->value_count);
    enum jb_code code = jb_classes_of_values(answers, column, error, made, class_of);
    if (code)
        return code;
    made->of_row = jb_memory_large(rows * sizeof(*made->of_row));
    if (!made->of_row)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    for (size_t row = 0; row < rows; row++)
        made->of_row[row] = class_of[jb_answer_code(column, row)];
    return JB_OK;
}

static char *join(const char *left, const char *right) {
    char *joined;
    return asprintf(&joined, "%s | %s", left, right) < 0 ? NULL : joined;
}

/* Crosses made with more: only pairs that a row has. */
static enum jb_code cross(size_t rows, struct jb_classes *made, const struct jb_classes *more,
                          const char *name, struct jb_error *error) {
    struct jb_classes crossed = {0};
    size_t pairs = (size_t)made->count * more->count;
    _cleanup_free_ uint32_t *number = calloc(pairs ? pairs : 1, sizeof(*number));
    if (!number)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu classes", pairs);
    for (size_t row = 0; row < rows; row++) {
        uint32_t a = made->of_row[row], b = more->of_row[row];
        made->of_row[row] = a == JB_CLASS_NONE || b == JB_CLASS_NONE ? JB_CLASS_NONE : a * more->count + b;
        if (made->of_row[row] != JB_CLASS_NONE)
            number[made->of_row[row]] = 1;
    }
    for (size_t pair = 0; pair < pairs; pair++)
        number[pair] = number[pair] ? crossed.count++ : JB_CLASS_NONE;
    if (crossed.count > JB_CLASSES_CEILING)
        return jb_error_set(error, JB_INPUT, "%s: the crossed groups are more than %d", name,
                            JB_CLASSES_CEILING);
    crossed.items = calloc(crossed.count ? crossed.count : 1, sizeof(*crossed.items));
    crossed.owned = calloc(crossed.count ? 2 * (size_t)crossed.count : 1, sizeof(*crossed.owned));
    bool failed = !crossed.items || !crossed.owned;
    for (size_t pair = 0; pair < pairs && !failed; pair++) {
        if (number[pair] == JB_CLASS_NONE)
            continue;
        const struct jb_class *a = &made->items[pair / more->count], *b = &more->items[pair % more->count];
        char *text = join(a->text, b->text), *label = join(a->label, b->label);
        crossed.owned[crossed.owned_count++] = text;
        crossed.owned[crossed.owned_count++] = label;
        failed = !text || !label;
        crossed.items[number[pair]] = (struct jb_class){text, label};
    }
    for (size_t row = 0; row < rows; row++) {
        if (made->of_row[row] != JB_CLASS_NONE)
            made->of_row[row] = number[made->of_row[row]];
    }
    crossed.of_row = JB_TAKE(made->of_row);
    jb_classes_free(made);
    *made = crossed;
    return failed ? jb_error_set(error, JB_MEMORY, "no memory for %u classes", crossed.count) : JB_OK;
}

enum jb_code jb_classes_make(const struct jb_answers *answers, const struct jb_plan_list *columns,
                             struct jb_error *error, struct jb_classes *ret_classes) {
    struct jb_classes made = {0};
    enum jb_code code = classify(answers, jb_answers_column(answers, columns->items[0]), error, &made);
    for (size_t i = 1; i < columns->count && !code; i++) {
        struct jb_classes more = {0};
        code = classify(answers, jb_answers_column(answers, columns->items[i]), error, &more);
        if (!code)
            code = cross(jb_answers_count(answers), &made, &more, jb_answers_name(answers), error);
        jb_classes_free(&more);
    }
    if (code)
        jb_classes_free(&made);
    else
        *ret_classes = made;
    return code;
}

/* ---- filters ---- */

static bool holds(const struct jb_condition *condition, const struct jb_answer_value *value) {
    if (value->is_missing)
        return false;
    if (condition->relation <= JB_NOT_EQUAL) {
        bool is_among = false;
        for (size_t i = 0; i < condition->values.count && !is_among; i++)
            is_among = strcmp(condition->values.items[i], value->text) == 0;
        return is_among == (condition->relation == JB_EQUAL);
    }
    double limit, number = value->number;
    if (isnan(number) || !jb_number_parse(condition->values.items[0], &limit))
        return false;
    return condition->relation == JB_LESS      ? number < limit
           : condition->relation == JB_AT_MOST ? number <= limit
           : condition->relation == JB_MORE    ? number > limit
                                               : number >= limit;
}

enum jb_code jb_filter_apply(const struct jb_answers *answers, const struct jb_plan_filter *filter,
                             struct jb_error *error, bool *keep) {
    size_t rows = jb_answers_count(answers);
    for (size_t i = 0; i < filter->condition_count; i++) {
        const struct jb_condition *condition = &filter->conditions[i];
        const struct jb_answer_column *column = jb_answers_column(answers, condition->column);
        _cleanup_free_ bool *is_true = calloc(column->value_count, sizeof(*is_true));
        if (!is_true)
            return jb_error_set(error, JB_MEMORY, "no memory for %u values", column->value_count);
        for (uint32_t value = 0; value < column->value_count; value++)
            is_true[value] = holds(condition, &column->values[value]);
        for (size_t row = 0; row < rows; row++)
            keep[row] = keep[row] && is_true[jb_answer_code(column, row)];
    }
    return JB_OK;
}
