/* Answers into values of items: each different answer is judged once, then looked up row by row. */
#include "survey/index_values.h"

#include "survey/classes.h"

#include <string.h>

struct work {
    const struct jb_plan *plan;
    const struct jb_answers *answers;
    size_t rows, items;
    double *values;
    struct jb_error *error;
};

static bool is_among(const char *text, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, list[i]) == 0)
            return true;
    }
    return false;
}

static double between_posts(const struct jb_index_item *item, double number) {
    double value = 100 * (number - item->low) / (item->high - item->low);
    return value < 0 ? 0 : value > 100 ? 100 : value;
}

/* One column: of a single question, a scale or a number. */
static enum jb_code take_column(struct work *work, const struct jb_question *question, size_t at) {
    const struct jb_index_item *item = &work->plan->index.items[at];
    const struct jb_answer_column *column = jb_answers_column(work->answers, question->columns.items[0]);
    bool is_single = question->type == JB_QUESTION_SINGLE;
    if (!column)
        return JB_OK;
    enum jb_code code = is_single ? JB_OK : jb_answers_check_numbers(work->answers, column, work->error);
    if (code)
        return code;
    _cleanup_free_ double *worth = malloc((column->value_count ? column->value_count : 1) * sizeof(*worth));
    if (!worth)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %u answers", column->value_count);
    for (uint32_t i = 0; i < column->value_count; i++) {
        const struct jb_answer_value *value = &column->values[i];
        if (value->is_missing)
            worth[i] = NAN;
        else if (item->is_mean)
            worth[i] = between_posts(item, value->number);
        else if (is_single)
            worth[i] = is_among(value->text, item->answers, item->answer_count) ? 100 : 0;
        else
            worth[i] = is_among(value->text, question->top.items, question->top.count) ? 100 : 0;
    }
    for (size_t row = 0; row < work->rows; row++) {
        uint32_t of_row = jb_answer_code(column, row);
        work->values[row * work->items + at] = of_row != JB_ANSWERS_NO_VALUE
                                                   ? worth[of_row]
                                                   : between_posts(item, jb_answer_number(column, row));
    }
    return JB_OK;
}

/* A multiple question counts when any of the item's columns was chosen; who left all of its columns empty was
 * not asked. */
static void take_columns(struct work *work, const struct jb_question *question, size_t at) {
    const struct jb_index_item *item = &work->plan->index.items[at];
    for (size_t k = 0; k < question->columns.count; k++) {
        const struct jb_answer_column *column = jb_answers_column(work->answers, question->columns.items[k]);
        bool counts = is_among(question->columns.items[k], item->answers, item->answer_count);
        for (size_t row = 0; column && row < work->rows; row++) {
            double *value = &work->values[row * work->items + at];
            if (jb_answer_is_missing(column, row))
                continue;
            if (isnan(*value))
                *value = 0;
            if (counts && strcmp(column->values[jb_answer_code(column, row)].text, question->chosen) == 0)
                *value = 100;
        }
    }
}

/* Our own answers need not say who was asked. */
static bool has_columns(const struct work *work, const struct jb_plan_filter *filter) {
    for (size_t i = 0; i < filter->condition_count; i++) {
        if (!jb_answers_column(work->answers, filter->conditions[i].column))
            return false;
    }
    return true;
}

static enum jb_code take_item(struct work *work, size_t at) {
    const struct jb_index_item *item = &work->plan->index.items[at];
    const struct jb_question *question = jb_plan_question(work->plan, item->question);
    enum jb_code code = JB_OK;
    for (size_t row = 0; row < work->rows; row++)
        work->values[row * work->items + at] = NAN;
    if (question->type == JB_QUESTION_MULTIPLE)
        take_columns(work, question, at);
    else
        code = take_column(work, question, at);
    if (code)
        return code;
    _cleanup_free_ bool *is_asked = malloc(work->rows * sizeof(*is_asked));
    if (!is_asked)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %zu rows", work->rows);
    memset(is_asked, true, work->rows);
    const struct jb_plan_filter *filter =
        question->filter ? jb_plan_filter(work->plan, question->filter) : NULL;
    if (filter && has_columns(work, filter))
        code = jb_filter_apply(work->answers, filter, work->error, is_asked);
    for (size_t row = 0; row < work->rows && !code; row++) {
        double *value = &work->values[row * work->items + at];
        *value = !is_asked[row] ? NAN : item->is_down ? 100 - *value : *value;
    }
    return code;
}

enum jb_code jb_index_values(const struct jb_plan *plan, const struct jb_answers *answers,
                             struct jb_error *error, double **ret_values) {
    struct work work = {.plan = plan,
                        .answers = answers,
                        .rows = jb_answers_count(answers),
                        .items = plan->index.item_count,
                        .error = error};
    if (work.items == 0)
        return jb_error_set(
            error, JB_INPUT,
            "the plan has no index: add [pillar NAME] and [item NAME], or the questions of the default "
            "pillars (believe, understand, lag, energy, outweigh, procurement)");
    _cleanup_free_ double *values = malloc(work.rows * work.items * sizeof(*values));
    if (!values)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows of %zu items", work.rows, work.items);
    work.values = values;
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < work.items && !code; i++)
        code = take_item(&work, i);
    if (code)
        return code;
    *ret_values = JB_TAKE(values);
    return JB_OK;
}
