/* Tabulation of one question: groups are domains, answers are 0/1 values, all estimated jointly. */
#include "survey/tabulate.h"

#include "base/array.h"
#include "survey/distribution.h"

#include <math.h>
#include <string.h>

struct work {
    const struct jb_answers *answers;
    const struct jb_plan *plan;
    const struct jb_design *design;
    const struct jb_question *question;
    size_t rows, group_count;
    struct jb_classes groups;
    uint32_t *domain; /* [row]: its group, UINT32_MAX when it is filtered out */
    bool *keep;
    struct jb_tabulation made;
    size_t capacity;
    struct jb_error *error;
};

static enum jb_code make_domains(struct work *work, const struct jb_plan_group *group,
                                 const struct jb_plan_filter *where) {
    bool *keep = work->keep;
    size_t left = 0;
    if (group) {
        enum jb_code code = jb_classes_make(work->answers, &group->columns, work->error, &work->groups);
        if (code)
            return code;
        if (work->groups.count == 0)
            return jb_error_set(work->error, JB_INPUT, "%s: nobody has an answer in column '%.60s'",
                                jb_answers_name(work->answers), group->columns.items[0]);
        work->group_count = work->groups.count;
    } else {
        work->group_count = 1;
    }
    memset(keep, true, work->rows);
    enum jb_code code = where ? jb_filter_apply(work->answers, where, work->error, keep) : JB_OK;
    for (size_t row = 0; !code && row < work->rows; row++) {
        work->domain[row] = !keep[row] ? UINT32_MAX : group ? work->groups.of_row[row] : 0;
        left += keep[row];
    }
    if (!code && left == 0)
        code = jb_error_set(work->error, JB_USAGE, "%s: no row is left by the filter",
                            jb_answers_name(work->answers));
    return code;
}

/* "A" … "Z", "AA" …: up to 702 groups. */
static void write_letter(size_t index, char ret[static 4]) {
    size_t at = 0;
    if (index >= 26)
        ret[at++] = (char)('A' + index / 26 - 1);
    ret[at++] = (char)('A' + index % 26);
    ret[at] = '\0';
}

static struct jb_cell *new_cell(struct work *work, size_t group, enum jb_measure measure) {
    if (jb_array_reserve(&work->made.cells, &work->capacity, work->made.cell_count + 1, 1000000, "cells",
                         work->error))
        return NULL;
    struct jb_cell *cell = &work->made.cells[work->made.cell_count++];
    *cell = (struct jb_cell){.measure = measure, .effective_n = NAN, .deff = NAN};
    if (work->made.group) {
        cell->group = work->groups.items[group].text;
        write_letter(group, cell->letter);
    }
    return cell;
}

/* Takes the figures out of a cell of too few people. */
static void suppress(struct jb_cell *cell) {
    cell->is_suppressed = cell->row_count < JB_TABULATE_LEAST || !(cell->effective_n >= JB_TABULATE_LEAST);
    if (cell->is_suppressed)
        cell->value = cell->se = cell->low = cell->high = cell->deff = NAN;
}

static void fill_cell(const struct work *work, const struct jb_estimates *e, size_t group, size_t k,
                      struct jb_cell *cell) {
    size_t figure = group * e->width + k;
    double variance = e->covariance[figure * e->count + figure], confidence = work->plan->confidence;
    cell->row_count = e->row_count[group];
    cell->weighted_count = e->weight_sum[group];
    cell->value = e->value[figure];
    cell->se = isnan(cell->value) ? NAN : sqrt(variance);
    cell->low = cell->high = NAN;
    cell->deff = e->deff[figure];
    if (cell->measure == JB_MEASURE_SHARE) {
        struct jb_proportion proportion = {cell->value, variance, cell->row_count, e->kish[group],
                                           e->df[group]};
        jb_proportion_interval(work->plan->interval, &proportion, confidence, &cell->low, &cell->high);
        cell->effective_n = variance > 0 ? cell->value * (1 - cell->value) / variance : e->kish[group];
    } else {
        if (e->df[group] > 0) {
            double half = jb_t_quantile(0.5 + confidence / 2, e->df[group]) * cell->se;
            cell->low = cell->value - half, cell->high = cell->value + half;
        }
        cell->effective_n = cell->deff > 0 ? (double)cell->row_count / cell->deff : e->kish[group];
    }
    suppress(cell);
}

/* Letters of the groups that each cell of figure k is above, false discoveries among all pairs held down. */
static enum jb_code compare_groups(struct work *work, const struct jb_estimates *e, size_t k,
                                   struct jb_cell *cells) {
    size_t groups = e->block_count;
    _cleanup_free_ double *p = calloc(groups * groups, sizeof(*p));
    if (!p)
        return jb_error_set(work->error, JB_MEMORY, "no memory for the pairs of %zu groups", groups);
    for (size_t a = 0; a < groups; a++) {
        for (size_t b = 0; b < groups; b++) {
            double df = fmin(e->df[a], e->df[b]);
            p[a * groups + b] = NAN;
            if (b <= a || cells[a].is_suppressed || cells[b].is_suppressed || !(df > 0))
                continue;
            double se = sqrt(jb_difference_variance(e, a * e->width + k, b * e->width + k));
            if (se > 0)
                p[a * groups + b] = jb_t_two_sided((cells[a].value - cells[b].value) / se, df);
        }
    }
    enum jb_code code = jb_adjust_discoveries(p, groups * groups, work->error);
    for (size_t a = 0; a < groups && !code; a++) {
        for (size_t b = 0; b < groups; b++) {
            double of_pair = p[a < b ? a * groups + b : b * groups + a];
            if (!(of_pair < 1 - work->plan->confidence) || cells[a].value <= cells[b].value)
                continue;
            size_t used = strlen(cells[a].above);
            (void)snprintf(cells[a].above + used, sizeof(cells[a].above) - used, "%s%s", used ? " " : "",
                           cells[b].letter);
        }
    }
    return code;
}

/* width figures of y[row × width] over the rows of block; answer[k]: its text, or NULL. */
static enum jb_code add_figures(struct work *work, enum jb_measure measure, size_t width,
                                const uint32_t *block, const double *y, const char *const *answer) {
    struct jb_variables variables = {
        .width = width, .block_count = work->group_count, .block = block, .y = y};
    struct jb_estimates estimates;
    enum jb_code code = jb_estimate(work->design, JB_MEAN, &variables, work->error, &estimates);
    if (code)
        return code;
    for (size_t k = 0; k < width && !code; k++) {
        size_t first = work->made.cell_count;
        for (size_t group = 0; group < work->group_count && !code; group++) {
            struct jb_cell *cell = new_cell(work, group, measure);
            if (!cell) {
                code = JB_MEMORY;
                break;
            }
            cell->answer = answer ? answer[k] : NULL;
            fill_cell(work, &estimates, group, k, cell);
        }
        if (!code && work->group_count > 1)
            code = compare_groups(work, &estimates, k, work->made.cells + first);
    }
    jb_estimates_free(&estimates);
    return code;
}

static enum jb_code tabulate_single(struct work *work) {
    struct jb_classes *answers = &work->made.answers;
    enum jb_code code = jb_classes_make(work->answers, &work->question->columns, work->error, answers);
    if (code)
        return code;
    size_t count = answers->count;
    if (count == 0)
        return jb_error_set(work->error, JB_INPUT, "nobody answered '%.60s'", work->question->name);
    _cleanup_free_ double *y = calloc(work->rows * count, sizeof(*y));
    _cleanup_free_ uint32_t *block = calloc(work->rows, sizeof(*block));
    _cleanup_free_ const char **answer = calloc(count, sizeof(*answer));
    if (!y || !block || !answer)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %zu rows of %zu answers", work->rows,
                            count);
    for (size_t row = 0; row < work->rows; row++) {
        block[row] = answers->of_row[row] == UINT32_MAX ? UINT32_MAX : work->domain[row];
        if (answers->of_row[row] != UINT32_MAX)
            y[row * count + answers->of_row[row]] = 1;
    }
    for (size_t k = 0; k < count; k++)
        answer[k] = answers->items[k].text;
    code = add_figures(work, JB_MEASURE_SHARE, count, block, y, answer);
    if (code || !work->made.group)
        return code;
    code = jb_independence_test(work->design, work->domain, work->group_count, answers->of_row, count,
                                work->error, &work->made.test);
    work->made.has_test = code == JB_OK;
    return code == JB_NO_DATA ? JB_OK : code;
}

static enum jb_code tabulate_multiple(struct work *work) {
    const struct jb_plan_list *columns = &work->question->columns;
    _cleanup_free_ double *y = calloc(work->rows * columns->count, sizeof(*y));
    _cleanup_free_ uint32_t *block = calloc(work->rows, sizeof(*block));
    if (!y || !block)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %zu rows", work->rows);
    memset(block, 0xff, work->rows * sizeof(*block));
    for (size_t k = 0; k < columns->count; k++) {
        const struct jb_answer_column *column = jb_answers_column(work->answers, columns->items[k]);
        for (size_t row = 0; row < work->rows; row++) {
            if (jb_answer_is_missing(column, row))
                continue;
            block[row] = work->domain[row]; /* who left all of them empty was not asked */
            y[row * columns->count + k] =
                strcmp(column->values[jb_answer_code(column, row)].text, work->question->chosen) == 0;
        }
    }
    return add_figures(work, JB_MEASURE_SHARE, columns->count, block, y, columns->items);
}

static enum jb_code add_medians(struct work *work, const uint32_t *block, const double *y) {
    size_t first = work->made.cell_count - work->group_count; /* the means just made */
    _cleanup_free_ bool *in_domain = calloc(work->rows, sizeof(*in_domain));
    if (!in_domain)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %zu rows", work->rows);
    for (size_t group = 0; group < work->group_count; group++) {
        struct jb_quantile median;
        for (size_t row = 0; row < work->rows; row++)
            in_domain[row] = block[row] == group;
        enum jb_code code = jb_quantile_estimate(work->design, y, in_domain, 0.5, work->plan->confidence,
                                                 work->error, &median);
        struct jb_cell *cell = code ? NULL : new_cell(work, group, JB_MEASURE_MEDIAN);
        if (!cell)
            return code ? code : JB_MEMORY;
        const struct jb_cell *mean = &work->made.cells[first + group];
        cell->row_count = mean->row_count, cell->weighted_count = mean->weighted_count;
        cell->effective_n = mean->effective_n;
        cell->value = median.value, cell->se = median.se;
        cell->low = median.low, cell->high = median.high;
        suppress(cell);
    }
    return JB_OK;
}

/* A scale: the share of the top answers, then the mean. A number: the mean, then the median. */
static enum jb_code tabulate_numbers(struct work *work) {
    const struct jb_answer_column *column =
        jb_answers_column(work->answers, work->question->columns.items[0]);
    enum jb_code code = jb_answers_check_numbers(work->answers, column, work->error);
    if (code)
        return code;
    _cleanup_free_ double *y = calloc(work->rows, sizeof(*y));
    _cleanup_free_ double *top = calloc(work->rows, sizeof(*top));
    _cleanup_free_ uint32_t *block = calloc(work->rows, sizeof(*block));
    if (!y || !top || !block)
        return jb_error_set(work->error, JB_MEMORY, "no memory for %zu rows", work->rows);
    for (size_t row = 0; row < work->rows; row++) {
        double value = jb_answer_number(column, row);
        block[row] = isnan(value) ? UINT32_MAX : work->domain[row];
        if (isnan(value))
            continue;
        y[row] = value;
        for (size_t i = 0; i < work->question->top.count; i++) {
            if (strcmp(column->values[jb_answer_code(column, row)].text, work->question->top.items[i]) == 0)
                top[row] = 1;
        }
    }
    bool is_scale = work->question->type == JB_QUESTION_SCALE;
    if (is_scale)
        code = add_figures(work, JB_MEASURE_SHARE, 1, block, top, NULL);
    if (!code)
        code = add_figures(work, JB_MEASURE_MEAN, 1, block, y, NULL);
    if (!code && !is_scale)
        code = add_medians(work, block, y);
    return code;
}

static const char *label_of(const struct jb_answers *answers, const struct jb_question *question) {
    const struct jb_answer_column *column = jb_answers_column(answers, question->columns.items[0]);
    if (question->label)
        return question->label;
    return question->columns.count == 1 && column->label ? column->label : question->name;
}

enum jb_code jb_tabulate(const struct jb_answers *answers, const struct jb_plan *plan,
                         const struct jb_design *design, const struct jb_question *question,
                         const struct jb_plan_group *group, const struct jb_plan_filter *where,
                         struct jb_error *error, struct jb_tabulation *ret_tabulation) {
    struct work work = {.answers = answers,
                        .plan = plan,
                        .design = design,
                        .question = question,
                        .rows = jb_answers_count(answers),
                        .made = {.question = question, .label = label_of(answers, question), .group = group},
                        .error = error};
    work.domain = calloc(work.rows, sizeof(*work.domain));
    work.keep = calloc(work.rows, sizeof(*work.keep));
    enum jb_code code = work.domain && work.keep
                            ? make_domains(&work, group, where)
                            : jb_error_set(error, JB_MEMORY, "no memory for %zu rows", work.rows);
    if (!code)
        code = question->type == JB_QUESTION_SINGLE     ? tabulate_single(&work)
               : question->type == JB_QUESTION_MULTIPLE ? tabulate_multiple(&work)
                                                        : tabulate_numbers(&work);
    free(work.domain);
    free(work.keep);
    work.made.groups = work.groups;
    if (code)
        jb_tabulation_free(&work.made);
    else
        *ret_tabulation = work.made;
    return code;
}

void jb_tabulation_free(struct jb_tabulation *tabulation) {
    if (!tabulation)
        return;
    free(tabulation->cells);
    jb_classes_free(&tabulation->groups);
    jb_classes_free(&tabulation->answers);
    tabulation->cells = NULL;
    tabulation->cell_count = 0;
}
