/* Answers from CSV. Equal texts share one number, so a million rows of a few answers stay small. */
#include "survey/answers.h"

#include "base/array.h"
#include "base/csv.h"
#include "survey/number.h"

#include <math.h>
#include <string.h>

#define COLUMN_CEILING 1024
#define ROW_CEILING    ((size_t)50000000)
#define TEXT_CEILING   ((size_t)64000000)

struct column {
    const char *name; /* of the plan */
    size_t field;     /* in the file */
    uint32_t *text;   /* [row] */
    size_t capacity;
};

struct jb_answers {
    const struct jb_plan *plan;
    char *name;
    struct column columns[COLUMN_CEILING];
    size_t column_count, row_count;
    uint64_t *line; /* [row]: where it began in the file */
    size_t line_capacity;
    struct jb_strings *texts;
};

void jb_answers_free(struct jb_answers *answers) {
    if (!answers)
        return;
    for (size_t i = 0; i < answers->column_count; i++)
        free(answers->columns[i].text);
    jb_strings_free(answers->texts);
    free(answers->line);
    free(answers->name);
    free(answers);
}

static const struct column *find_column(const struct jb_answers *answers, const char *name) {
    for (size_t i = 0; i < answers->column_count; i++) {
        if (strcmp(answers->columns[i].name, name) == 0)
            return &answers->columns[i];
    }
    return NULL;
}

static enum jb_code add_column(struct jb_answers *answers, const char *name, const char *const *heading,
                               size_t heading_count, struct jb_error *error) {
    size_t field = heading_count;
    if (!name || find_column(answers, name))
        return JB_OK;
    if (answers->column_count == COLUMN_CEILING)
        return jb_error_set(error, JB_LIMIT, "the plan names more than %d columns", COLUMN_CEILING);
    for (size_t i = 0; i < heading_count; i++) {
        if (strcmp(heading[i], name) != 0)
            continue;
        if (field != heading_count)
            return jb_error_set(error, JB_INPUT, "%s:1: two columns are named '%.60s'; rename one",
                                answers->name, name);
        field = i;
    }
    if (field == heading_count)
        return jb_error_set(error, JB_INPUT,
                            "%s:1: there is no column '%.60s', which the plan names; mend the heading or the "
                            "plan",
                            answers->name, name);
    answers->columns[answers->column_count++] = (struct column){.name = name, .field = field};
    return JB_OK;
}

static enum jb_code add_list(struct jb_answers *answers, const struct jb_plan_list *list,
                             const char *const *heading, size_t heading_count, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < list->count && !code; i++)
        code = add_column(answers, list->items[i], heading, heading_count, error);
    return code;
}

static enum jb_code add_columns(struct jb_answers *answers, const char *const *heading, size_t count,
                                struct jb_error *error) {
    const struct jb_plan *plan = answers->plan;
    enum jb_code code = add_column(answers, plan->weight, heading, count, error);
    if (!code)
        code = add_list(answers, &plan->strata, heading, count, error);
    if (!code)
        code = add_list(answers, &plan->clusters, heading, count, error);
    if (!code)
        code = add_list(answers, &plan->population, heading, count, error);
    for (size_t i = 0; i < plan->question_count && !code; i++)
        code = add_list(answers, &plan->questions[i].columns, heading, count, error);
    for (size_t i = 0; i < plan->group_count && !code; i++)
        code = add_column(answers, plan->groups[i].column, heading, count, error);
    return code;
}

static bool is_missing(const struct jb_plan *plan, const char *text) {
    if (!*text)
        return true;
    for (size_t i = 0; i < plan->missing.count; i++) {
        if (strcmp(plan->missing.items[i], text) == 0)
            return true;
    }
    return false;
}

static enum jb_code add_row(struct jb_answers *answers, const char *const *fields, uint64_t line,
                            struct jb_error *error) {
    size_t row = answers->row_count;
    enum jb_code code = jb_array_reserve(&answers->line, &answers->line_capacity, row + 1, ROW_CEILING,
                                         "rows of the survey", error);
    for (size_t i = 0; i < answers->column_count && !code; i++) {
        struct column *column = &answers->columns[i];
        const char *text = fields[column->field];
        uint32_t number = JB_STRING_NONE;
        code = jb_array_reserve(&column->text, &column->capacity, row + 1, ROW_CEILING, "rows of the survey",
                                error);
        if (!code && !is_missing(answers->plan, text))
            code = jb_strings_intern(answers->texts, text, error, &number);
        if (!code)
            column->text[row] = number;
    }
    if (code)
        return code;
    answers->line[row] = line;
    answers->row_count++;
    return JB_OK;
}

enum jb_code jb_answers_read(const struct jb_plan *plan, FILE *file, const char *name, struct jb_error *error,
                             struct jb_answers **ret_answers) {
    _cleanup_(jb_answers_free_cleanup) struct jb_answers *answers = calloc(1, sizeof(*answers));
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    if (!answers || !(answers->name = strdup(name)))
        return jb_error_set(error, JB_MEMORY, "no memory for %s", name);
    answers->plan = plan;
    const char *const *fields;
    size_t count, heading_count = 0;
    enum jb_code code = jb_strings_make(TEXT_CEILING, error, &answers->texts);
    if (!code)
        code = jb_csv_reader_make(file, name, error, &reader);
    if (!code)
        code = jb_csv_read(reader, error, &fields, &heading_count);
    if (code == JB_NO_DATA)
        return jb_error_set(error, JB_INPUT, "%s: the file is empty; its first line has to name the columns",
                            name);
    if (!code)
        code = add_columns(answers, fields, heading_count, error);
    while (!code && !(code = jb_csv_read(reader, error, &fields, &count))) {
        uint64_t line = jb_csv_line(reader);
        if (count != heading_count)
            return jb_error_set(error, JB_INPUT, "%s:%llu: the row has %zu fields and the heading %zu", name,
                                (unsigned long long)line, count, heading_count);
        code = add_row(answers, fields, line, error);
    }
    if (code != JB_NO_DATA)
        return code;
    if (answers->row_count == 0)
        return jb_error_set(error, JB_INPUT, "%s: there is no row behind the heading", name);
    *ret_answers = JB_TAKE(answers);
    return JB_OK;
}

size_t jb_answers_count(const struct jb_answers *answers) {
    return answers->row_count;
}

const uint32_t *jb_answers_column(const struct jb_answers *answers, const char *column) {
    const struct column *found = find_column(answers, column);
    return found ? found->text : NULL;
}

const char *jb_answers_text(const struct jb_answers *answers, uint32_t text) {
    return jb_strings_text(answers->texts, text);
}

double jb_answers_number(const struct jb_answers *answers, uint32_t text) {
    double value;
    return text != JB_STRING_NONE && jb_number_parse(jb_strings_text(answers->texts, text), &value) ? value
                                                                                                    : NAN;
}

enum jb_code jb_answers_check_numbers(const struct jb_answers *answers, const char *column,
                                      struct jb_error *error) {
    const uint32_t *text = jb_answers_column(answers, column);
    for (size_t row = 0; row < answers->row_count; row++) {
        if (text[row] != JB_STRING_NONE && isnan(jb_answers_number(answers, text[row])))
            return jb_error_set(error, JB_INPUT,
                                "%s:%llu: %s: '%.60s' is no number; mend it, or name it under missing",
                                answers->name, (unsigned long long)answers->line[row], column,
                                jb_answers_text(answers, text[row]));
    }
    return JB_OK;
}

/* ---- the design ---- */

struct owned_design {
    struct jb_design design; /* first: what callers hold */
    double *weight, *population[JB_DESIGN_STAGES];
};

void jb_answers_design_free(struct jb_design *design) {
    struct owned_design *owned = (struct owned_design *)design;
    if (!owned)
        return;
    jb_design_finish(&owned->design);
    free(owned->weight);
    for (size_t i = 0; i < JB_DESIGN_STAGES; i++)
        free(owned->population[i]);
    free(owned);
}

/* Numbers of a column; one that is missing is an error. minimum: what they may not go below. */
static enum jb_code take_numbers(const struct jb_answers *answers, const char *column, const char *use,
                                 struct jb_error *error, double **ret_numbers) {
    const uint32_t *text = jb_answers_column(answers, column);
    _cleanup_free_ double *numbers = calloc(answers->row_count, sizeof(*numbers));
    if (!numbers)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", answers->row_count);
    for (size_t row = 0; row < answers->row_count; row++) {
        numbers[row] = jb_answers_number(answers, text[row]);
        if (!(numbers[row] >= 0))
            return jb_error_set(error, JB_INPUT,
                                "%s:%llu: %s: '%.60s' cannot be a %s; it has to be a number of 0 or more",
                                answers->name, (unsigned long long)answers->line[row], column,
                                text[row] == JB_STRING_NONE ? "" : jb_answers_text(answers, text[row]), use);
    }
    *ret_numbers = JB_TAKE(numbers);
    return JB_OK;
}

/* A stratum of everybody is no stratum: most likely the wrong column was named. */
static enum jb_code check_strata(const struct jb_answers *answers, const char *column,
                                 struct jb_error *error) {
    const uint32_t *text = jb_answers_column(answers, column);
    for (size_t row = 1; row < answers->row_count; row++) {
        if (text[row] != text[0])
            return JB_OK;
    }
    return jb_error_set(error, JB_INPUT,
                        "%s:%llu: %s: every row is in the stratum '%.60s'; take the column out of strata, or "
                        "name the right one",
                        answers->name, (unsigned long long)answers->line[0], column,
                        jb_answers_text(answers, text[0]));
}

/* Texts of a column of the design, where nobody may be missing. */
static enum jb_code take_texts(const struct jb_answers *answers, const char *column, const char *use,
                               struct jb_error *error, const uint32_t **ret_text) {
    const uint32_t *text = jb_answers_column(answers, column);
    for (size_t row = 0; row < answers->row_count; row++) {
        if (text[row] == JB_STRING_NONE)
            return jb_error_set(error, JB_INPUT, "%s:%llu: %s: the %s is missing; fill it in", answers->name,
                                (unsigned long long)answers->line[row], column, use);
    }
    *ret_text = text;
    return JB_OK;
}

enum jb_code jb_answers_design(const struct jb_answers *answers, struct jb_error *error,
                               struct jb_design **ret_design) {
    const struct jb_plan *plan = answers->plan;
    _cleanup_(jb_answers_design_free_cleanup) struct jb_design *design =
        calloc(1, sizeof(struct owned_design));
    struct owned_design *owned = (struct owned_design *)design;
    if (!owned)
        return jb_error_set(error, JB_MEMORY, "no memory for the design");
    enum jb_code code = JB_OK;
    if (plan->weight)
        code = take_numbers(answers, plan->weight, "weight", error, &owned->weight);
    else if (!(owned->weight = calloc(answers->row_count, sizeof(double))))
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", answers->row_count);
    for (size_t row = 0; !plan->weight && row < answers->row_count; row++)
        owned->weight[row] = 1;
    design->count = answers->row_count;
    design->weight = owned->weight;
    design->lonely = plan->lonely;
    design->stage_count = plan->clusters.count ? plan->clusters.count : 1;
    for (size_t i = 0; i < design->stage_count && !code; i++) {
        struct jb_design_stage *stage = &design->stages[i];
        if (i < plan->clusters.count)
            code = take_texts(answers, plan->clusters.items[i], "cluster", error, &stage->cluster);
        if (!code && i < plan->strata.count)
            code = take_texts(answers, plan->strata.items[i], "stratum", error, &stage->stratum);
        if (!code && i == 0 && plan->strata.count)
            code = check_strata(answers, plan->strata.items[0], error);
        if (!code && i < plan->population.count)
            code =
                take_numbers(answers, plan->population.items[i], "population", error, &owned->population[i]);
        stage->population = owned->population[i];
    }
    if (!code && (code = jb_design_prepare(design, error)))
        jb_error_prefix(error, "%s", answers->name);
    if (code)
        return code;
    *ret_design = JB_TAKE(design);
    return JB_OK;
}
