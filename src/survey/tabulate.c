/* Tabulation of one question: groups are domains; each type of question has its figures. */
#include "survey/tabulate.h"

#include "base/array.h"
#include "base/memory.h"
#include "survey/tabulate_work.h"

#include <string.h>

void jb_tabulator_free(struct jb_tabulator *tabulator) {
    if (!tabulator)
        return;
    jb_classes_free(&tabulator->groups);
    jb_units_free(&tabulator->units);
    free(tabulator->domain);
    free(tabulator);
}

static enum jb_code make_domains(struct jb_tabulator *tabulator, const struct jb_plan_filter *const *where,
                                 size_t where_count, struct jb_error *error) {
    size_t rows = jb_answers_count(tabulator->answers), left = 0;
    _cleanup_free_ bool *keep = jb_memory_large(rows * sizeof(*keep));
    tabulator->domain = jb_memory_large(rows * sizeof(*tabulator->domain));
    if (!keep || !tabulator->domain)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    memset(keep, true, rows);
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < where_count && !code; i++)
        code = jb_filter_apply(tabulator->answers, where[i], error, keep);
    if (code)
        return code;
    for (size_t row = 0; row < rows; row++) {
        tabulator->domain[row] = !keep[row]         ? UINT32_MAX
                                 : tabulator->group ? tabulator->groups.of_row[row]
                                                    : 0;
        left += tabulator->domain[row] != UINT32_MAX;
    }
    if (left == 0)
        return jb_error_set(error, JB_USAGE, "%s: the filter leaves no row",
                            jb_answers_name(tabulator->answers));
    return jb_units_make(tabulator->design, tabulator->domain, tabulator->group_count, error,
                         &tabulator->units);
}

enum jb_code jb_tabulator_make(const struct jb_answers *answers, const struct jb_plan *plan,
                               const struct jb_design *design, const struct jb_plan_group *group,
                               const struct jb_plan_filter *const *where, size_t where_count,
                               struct jb_error *error, struct jb_tabulator **ret_tabulator) {
    _cleanup_(jb_tabulator_free_cleanup) struct jb_tabulator *made = calloc(1, sizeof(*made));
    if (!made)
        return jb_error_set(error, JB_MEMORY, "no memory to tabulate");
    *made = (struct jb_tabulator){
        .answers = answers, .plan = plan, .design = design, .group = group, .group_count = 1};
    enum jb_code code = group ? jb_classes_make(answers, &group->columns, error, &made->groups) : JB_OK;
    if (!code && group && made->groups.count == 0)
        code = jb_error_set(error, JB_INPUT, "%s: nobody has an answer in column '%.60s'",
                            jb_answers_name(answers), group->columns.items[0]);
    if (!code && group)
        made->group_count = made->groups.count;
    if (!code && made->group_count > JB_ESTIMATES_CEILING)
        code = jb_error_set(error, JB_INPUT, "%s: the group '%.60s' has %zu values, more than %d; take fewer",
                            jb_answers_name(answers), group->name, made->group_count, JB_ESTIMATES_CEILING);
    if (!code)
        code = make_domains(made, where, where_count, error);
    if (!code)
        *ret_tabulator = JB_TAKE(made);
    return code;
}

/* ---- answers of few values ---- */

/* A column by its classes. */
struct coded {
    const struct jb_answer_column *column;
    struct jb_counts *counted;
    double *score; /* [class], for one figure at a time */
    size_t class_count;
};

static void free_coded(struct coded *coded) {
    jb_counts_free(coded->counted);
    free(coded->score);
}

/* class_of: [value]. */
static enum jb_code make_coded(struct jb_tabulate_work *work, const struct jb_answer_column *column,
                               const uint32_t *class_of, size_t class_count, struct coded *ret_coded) {
    struct coded made = {.column = column, .class_count = class_count};
    made.score = calloc(class_count, sizeof(*made.score));
    enum jb_code code = made.score
                            ? jb_counts_make(work->tabulator->design, work->units, work->domain, column,
                                             class_of, class_count, work->error, &made.counted)
                            : jb_error_set(work->error, JB_MEMORY, "no memory for %zu classes", class_count);
    if (code)
        free_coded(&made);
    else
        *ret_coded = made;
    return code;
}

/* A figure from its scores. answer: its class, or NULL. */
static enum jb_code add_scores(struct jb_tabulate_work *work, const struct coded *coded,
                               enum jb_measure measure, enum jb_estimator estimator,
                               const struct jb_class *answer) {
    struct jb_estimates estimates;
    enum jb_code code =
        jb_counts_estimate(coded->counted, estimator, 1, coded->score, false, work->error, &estimates);
    if (code)
        return code;
    code = jb_tabulate_add(work, measure, answer, &estimates);
    jb_estimates_free(&estimates);
    return code;
}

/* Each answer's share, and how many in the population gave it. */
static enum jb_code add_answers(struct jb_tabulate_work *work, const struct coded *coded,
                                const struct jb_class *answers, unsigned show) {
    enum jb_code code = JB_OK;
    for (size_t k = 0; k < coded->class_count && !code; k++) {
        coded->score[k] = 1;
        if (show & JB_SHOW_SHARE)
            code = add_scores(work, coded, JB_MEASURE_SHARE, JB_MEAN, &answers[k]);
        if (!code && show & JB_SHOW_TOTAL)
            code = add_scores(work, coded, JB_MEASURE_TOTAL, JB_TOTAL, &answers[k]);
        coded->score[k] = 0;
    }
    return code;
}

/* The classes of a column's values: classes->items by number, and for each value which it is. */
static enum jb_code find_classes(struct jb_tabulate_work *work, const struct jb_answer_column *column,
                                 struct jb_classes *classes, uint32_t **ret_class_of) {
    _cleanup_free_ uint32_t *class_of = malloc(column->value_count * sizeof(*class_of));
    if (!class_of)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %u values", column->value_count);
    enum jb_code code =
        jb_classes_of_values(work->tabulator->answers, column, work->error, classes, class_of);
    if (!code && classes->count == 0)
        code = jb_error_set(work->error, JB_INPUT, "%s: nobody answered '%.60s'",
                            jb_answers_name(work->tabulator->answers), work->question->name);
    if (!code)
        *ret_class_of = JB_TAKE(class_of);
    return code;
}

static enum jb_code tabulate_single(struct jb_tabulate_work *work, const struct jb_answer_column *column) {
    _cleanup_free_ uint32_t *class_of = NULL;
    struct coded coded;
    struct jb_classes *classes = &work->made.answers;
    enum jb_code code = find_classes(work, column, classes, &class_of);
    if (!code)
        code = make_coded(work, column, class_of, classes->count, &coded);
    if (code)
        return code;
    code = add_answers(work, &coded, classes->items, work->question->show);
    if (!code && work->tabulator->group && work->question->show & JB_SHOW_SHARE) {
        struct jb_error error; /* a table that is too empty, or too large, goes without its test */
        enum jb_code tested = jb_counts_test(coded.counted, &error, &work->made.test);
        work->made.has_test = tested == JB_OK;
        if (tested && tested != JB_NO_DATA && tested != JB_LIMIT) {
            code = tested;
            if (work->error)
                *work->error = error;
        }
    }
    free_coded(&coded);
    return code;
}

/* Domain and units of the rows that keep names. */
static enum jb_code narrow(struct jb_tabulate_work *work, const bool *keep) {
    uint32_t *domain = jb_memory_large(work->rows * sizeof(*domain));
    if (!domain)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %zu rows", work->rows);
    for (size_t row = 0; row < work->rows; row++)
        domain[row] = keep[row] ? work->domain[row] : UINT32_MAX;
    free(work->own_domain);
    jb_units_free(&work->own_units);
    work->domain = work->own_domain = domain;
    work->units = &work->own_units;
    return jb_units_make(work->tabulator->design, domain, work->tabulator->group_count, work->error,
                         &work->own_units);
}

static enum jb_code tabulate_column(struct jb_tabulate_work *work, const struct jb_answer_column *column,
                                    const char *name) {
    struct jb_class answers[2] = {{NULL, NULL}, {name, column->label ? column->label : name}};
    _cleanup_free_ uint32_t *class_of = malloc(column->value_count * sizeof(*class_of));
    struct coded coded;
    if (!class_of)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %u values", column->value_count);
    for (uint32_t i = 0; i < column->value_count; i++)
        class_of[i] =
            !column->values[i].is_missing && strcmp(column->values[i].text, work->question->chosen) == 0;
    enum jb_code code = make_coded(work, column, class_of, 2, &coded);
    if (code)
        return code;
    coded.score[1] = 1;
    if (work->question->show & JB_SHOW_SHARE)
        code = add_scores(work, &coded, JB_MEASURE_SHARE, JB_MEAN, &answers[1]);
    if (!code && work->question->show & JB_SHOW_TOTAL)
        code = add_scores(work, &coded, JB_MEASURE_TOTAL, JB_TOTAL, &answers[1]);
    free_coded(&coded);
    return code;
}

static enum jb_code tabulate_multiple(struct jb_tabulate_work *work) {
    const struct jb_plan_list *columns = &work->question->columns;
    _cleanup_free_ bool *was_asked = calloc(work->rows, sizeof(*was_asked));
    if (!was_asked)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %zu rows", work->rows);
    for (size_t k = 0; k < columns->count; k++) {
        const struct jb_answer_column *column =
            jb_answers_column(work->tabulator->answers, columns->items[k]);
        for (size_t row = 0; row < work->rows; row++) /* who left all of them empty was not asked */
            was_asked[row] = was_asked[row] || !jb_answer_is_missing(column, row);
    }
    enum jb_code code = narrow(work, was_asked);
    for (size_t k = 0; k < columns->count && !code; k++)
        code = tabulate_column(work, jb_answers_column(work->tabulator->answers, columns->items[k]),
                               columns->items[k]);
    return code;
}

/* ---- quantiles ---- */

static size_t list_quantiles(const struct jb_question *question, double ret[static 17]) {
    size_t count = 0;
    if (question->show & JB_SHOW_MEDIAN)
        ret[count++] = 0.5;
    for (size_t i = 0; i < question->quantile_count; i++)
        ret[count++] = question->quantiles[i];
    return count;
}

/* Of numbers by row. counts: the means' estimates. */
static enum jb_code add_quantiles(struct jb_tabulate_work *work, const uint32_t *block, const double *y,
                                  const struct jb_estimates *counts) {
    double probabilities[17];
    size_t count = list_quantiles(work->question, probabilities), groups = work->tabulator->group_count;
    _cleanup_free_ struct jb_quantile *quantiles = calloc(groups, sizeof(*quantiles));
    if (!quantiles)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %zu groups", groups);
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < count && !code; i++) {
        code = jb_quantiles_estimate(work->tabulator->design, y, block, groups, probabilities[i],
                                     work->tabulator->plan->confidence, work->error, quantiles);
        if (!code)
            code = jb_tabulate_add_quantiles(work, probabilities[i], counts, quantiles);
    }
    return code;
}

/* ---- numbers ---- */

/* y and block of a column of numbers; x of the one below, of a ratio. */
struct numbers {
    double *y, *x;
    uint32_t *block;
};

static enum jb_code take_numbers(struct jb_tabulate_work *work, const struct jb_answer_column *column,
                                 const struct jb_answer_column *over, struct numbers *numbers) {
    numbers->y = jb_memory_large(work->rows * sizeof(double));
    numbers->x = over ? jb_memory_large(work->rows * sizeof(double)) : NULL;
    numbers->block = jb_memory_large(work->rows * sizeof(uint32_t));
    if (!numbers->y || !numbers->block || (over && !numbers->x))
        return jb_error_set(work->error, JB_MEMORY, "no memory for %zu rows", work->rows);
    for (size_t row = 0; row < work->rows; row++) {
        double y = jb_answer_number(column, row), x = over ? jb_answer_number(over, row) : 0;
        bool is_there = !isnan(y) && !isnan(x);
        numbers->block[row] = is_there ? work->domain[row] : UINT32_MAX;
        numbers->y[row] = is_there ? y : 0;
        if (over)
            numbers->x[row] = is_there ? x : 0;
    }
    return JB_OK;
}

static enum jb_code add_numbers(struct jb_tabulate_work *work, const struct numbers *numbers) {
    const struct jb_question *question = work->question;
    bool is_ratio = numbers->x != NULL;
    struct jb_variables variables = {.width = 1,
                                     .block_count = work->tabulator->group_count,
                                     .block = numbers->block,
                                     .y = numbers->y,
                                     .x = numbers->x};
    struct jb_estimates means;
    enum jb_code code =
        jb_estimate(work->tabulator->design, is_ratio ? JB_RATIO : JB_MEAN, &variables, work->error, &means);
    if (code)
        return code;
    if (question->show & JB_SHOW_MEAN)
        code = jb_tabulate_add(work, is_ratio ? JB_MEASURE_RATIO : JB_MEASURE_MEAN, NULL, &means);
    if (!code && question->show & JB_SHOW_TOTAL) {
        struct jb_estimates totals;
        code = jb_estimate(work->tabulator->design, JB_TOTAL, &variables, work->error, &totals);
        if (!code) {
            code = jb_tabulate_add(work, JB_MEASURE_TOTAL, NULL, &totals);
            jb_estimates_free(&totals);
        }
    }
    if (!code)
        code = add_quantiles(work, numbers->block, numbers->y, &means);
    jb_estimates_free(&means);
    return code;
}

static enum jb_code tabulate_numbers(struct jb_tabulate_work *work, const struct jb_answer_column *column) {
    const struct jb_answers *answers = work->tabulator->answers;
    const struct jb_answer_column *over =
        work->question->over ? jb_answers_column(answers, work->question->over) : NULL;
    struct numbers numbers = {0};
    enum jb_code code = jb_answers_check_numbers(answers, column, work->error);
    if (!code && over)
        code = jb_answers_check_numbers(answers, over, work->error);
    if (!code)
        code = take_numbers(work, column, over, &numbers);
    if (!code)
        code = add_numbers(work, &numbers);
    free(numbers.y);
    free(numbers.x);
    free(numbers.block);
    return code;
}

static bool is_top(const struct jb_question *question, const char *text) {
    for (size_t i = 0; i < question->top.count; i++) {
        if (strcmp(question->top.items[i], text) == 0)
            return true;
    }
    return false;
}

static enum jb_code add_scale(struct jb_tabulate_work *work, const struct coded *coded,
                              const struct jb_classes *classes, const double *numbers) {
    const struct jb_question *question = work->question;
    enum jb_code code =
        question->show & JB_SHOW_SHARE ? add_answers(work, coded, classes->items, JB_SHOW_SHARE) : JB_OK;
    if (!code && question->show & JB_SHOW_TOP) {
        for (size_t k = 0; k < coded->class_count; k++)
            coded->score[k] = is_top(question, classes->items[k].text);
        code = add_scores(work, coded, JB_MEASURE_TOP, JB_MEAN, NULL);
    }
    if (!code && question->show & JB_SHOW_MEAN) {
        memcpy(coded->score, numbers, coded->class_count * sizeof(*numbers));
        code = add_scores(work, coded, JB_MEASURE_MEAN, JB_MEAN, NULL);
    }
    return code;
}

/* Quantiles of a scale: its means stand for the counts. */
static enum jb_code add_scale_quantiles(struct jb_tabulate_work *work,
                                        const struct jb_answer_column *column) {
    struct numbers numbers = {0};
    struct jb_estimates means = {0};
    enum jb_code code = take_numbers(work, column, NULL, &numbers);
    struct jb_variables variables = {
        .width = 1, .block_count = work->tabulator->group_count, .block = numbers.block, .y = numbers.y};
    if (!code)
        code = jb_estimate(work->tabulator->design, JB_MEAN, &variables, work->error, &means);
    if (!code)
        code = add_quantiles(work, numbers.block, numbers.y, &means);
    jb_estimates_free(&means);
    free(numbers.y);
    free(numbers.block);
    return code;
}

static enum jb_code tabulate_scale(struct jb_tabulate_work *work, const struct jb_answer_column *column) {
    _cleanup_free_ uint32_t *class_of = NULL;
    _cleanup_free_ double *numbers = NULL;
    double probabilities[17];
    struct coded coded;
    struct jb_classes *classes = &work->made.answers;
    enum jb_code code = jb_answers_check_numbers(work->tabulator->answers, column, work->error);
    if (!code)
        code = find_classes(work, column, classes, &class_of);
    if (!code && !(numbers = calloc(classes->count, sizeof(*numbers))))
        code = jb_error_set(work->error, JB_MEMORY, "no memory for %u answers", classes->count);
    for (uint32_t i = 0; i < column->value_count && !code; i++) {
        if (class_of[i] != UINT32_MAX)
            numbers[class_of[i]] = column->values[i].number;
    }
    if (!code)
        code = make_coded(work, column, class_of, classes->count, &coded);
    if (code)
        return code;
    code = add_scale(work, &coded, classes, numbers);
    free_coded(&coded);
    if (!code && list_quantiles(work->question, probabilities))
        code = add_scale_quantiles(work, column);
    return code;
}

/* ---- a question ---- */

static const char *label_of(const struct jb_answers *answers, const struct jb_question *question) {
    const struct jb_answer_column *column = jb_answers_column(answers, question->columns.items[0]);
    if (question->label)
        return question->label;
    return question->columns.count == 1 && column->label ? column->label : question->name;
}

/* Who was asked and has no answer, by reason. */
static enum jb_code count_absences(struct jb_tabulate_work *work, const struct jb_answer_column *column) {
    if (!column->has_missing)
        return JB_OK;
    _cleanup_free_ size_t *count = calloc(column->value_count, sizeof(*count));
    work->made.absences = calloc(column->value_count, sizeof(*work->made.absences));
    if (!count || !work->made.absences)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %u values", column->value_count);
    for (size_t row = 0; row < work->rows; row++) {
        uint32_t value = jb_answer_code(column, row);
        count[value == JB_ANSWERS_NO_VALUE ? 0 : value] +=
            work->domain[row] != UINT32_MAX && value != JB_ANSWERS_NO_VALUE;
    }
    for (uint32_t i = 0; i < column->value_count; i++) {
        const struct jb_answer_value *value = &column->values[i];
        if (value->is_missing && count[i])
            work->made.absences[work->made.absence_count++] =
                (struct jb_absence){value->text, value->label ? value->label : value->text, count[i]};
    }
    return JB_OK;
}

static enum jb_code apply_own_filter(struct jb_tabulate_work *work) {
    const struct jb_tabulator *tabulator = work->tabulator;
    if (!work->question->filter)
        return JB_OK;
    _cleanup_free_ bool *keep = jb_memory_large(work->rows * sizeof(*keep));
    if (!keep)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %zu rows", work->rows);
    memset(keep, true, work->rows);
    enum jb_code code = jb_filter_apply(
        tabulator->answers, jb_plan_filter(tabulator->plan, work->question->filter), work->error, keep);
    return code ? code : narrow(work, keep);
}

enum jb_code jb_tabulate(const struct jb_tabulator *tabulator, const struct jb_question *question,
                         struct jb_error *error, struct jb_tabulation *ret_tabulation) {
    const struct jb_answers *answers = tabulator->answers;
    struct jb_tabulate_work work = {
        .tabulator = tabulator,
        .question = question,
        .rows = jb_answers_count(answers),
        .domain = tabulator->domain,
        .units = &tabulator->units,
        .made = {.question = question, .label = label_of(answers, question), .group = tabulator->group},
        .error = error};
    const struct jb_answer_column *column = jb_answers_column(answers, question->columns.items[0]);
    enum jb_code code = apply_own_filter(&work);
    if (!code && question->type != JB_QUESTION_MULTIPLE)
        code = count_absences(&work, column);
    if (!code)
        code = question->type == JB_QUESTION_SINGLE     ? tabulate_single(&work, column)
               : question->type == JB_QUESTION_MULTIPLE ? tabulate_multiple(&work)
               : question->type == JB_QUESTION_SCALE    ? tabulate_scale(&work, column)
                                                        : tabulate_numbers(&work, column);
    free(work.own_domain);
    jb_units_free(&work.own_units);
    if (code) {
        jb_error_prefix(error, "question '%.60s'", question->name);
        jb_tabulation_free(&work.made);
    } else {
        *ret_tabulation = work.made;
    }
    return code;
}

void jb_tabulation_free(struct jb_tabulation *tabulation) {
    if (!tabulation)
        return;
    free(tabulation->cells);
    free(tabulation->pairs);
    free(tabulation->absences);
    jb_classes_free(&tabulation->answers);
    *tabulation = (struct jb_tabulation){0};
}
