/* index.ini: what was asked, and by which groups and filters it is read. */
#include "base/array.h"
#include "base/number.h"
#include "survey/plan_reader.h"

#include <string.h>

/* ---- [question NAME] ---- */

static enum jb_code begin_question(struct jb_plan_reader *reader, const char *name) {
    struct jb_plan *plan = reader->plan;
    if (jb_plan_question(plan, name))
        return JB_PLAN_WRONG(reader, "there is a question '%.60s' already", name);
    enum jb_code code = jb_array_reserve(&plan->questions, &plan->question_capacity, plan->question_count + 1,
                                         JB_PLAN_QUESTIONS, "questions", reader->error);
    if (code)
        return JB_PLAN_WRONG(reader, "there are more than %d questions", JB_PLAN_QUESTIONS);
    plan->questions[plan->question_count++] =
        (struct jb_question){.name = name, .chosen = "1", .line = reader->line};
    return JB_OK;
}

/* "p90", "q25": a quantile in per cent. */
static bool read_quantile(const char *text, double *ret_probability) {
    double percent;
    if ((*text != 'p' && *text != 'q') || !jb_number_parse(text + 1, &percent) || percent <= 0 ||
        percent >= 100)
        return false;
    *ret_probability = percent / 100;
    return true;
}

static enum jb_code read_show(struct jb_plan_reader *reader, struct jb_question *question, char *value) {
    static const char *const names[] = {"share", "top", "mean", "total", "median"};
    struct jb_plan_list list;
    enum jb_code code = jb_plan_read_list(reader, value, &list);
    if (code)
        return code;
    question->show = 0;
    question->quantile_count = 0;
    for (size_t i = 0; i < list.count; i++) {
        size_t at = 0;
        double probability;
        while (at < JB_COUNT(names) && strcmp(names[at], list.items[i]) != 0)
            at++;
        if (at < JB_COUNT(names)) {
            question->show |= 1u << at;
        } else if (!read_quantile(list.items[i], &probability)) {
            return JB_PLAN_WRONG(
                reader,
                "show: '%.60s' is none of share, top, mean, total, median, p25 (or another percentile)",
                list.items[i]);
        } else {
            if (question->quantile_count == JB_COUNT(question->quantiles))
                return JB_PLAN_WRONG(reader, "show: more than %zu percentiles",
                                     JB_COUNT(question->quantiles));
            question->quantiles[question->quantile_count++] = probability;
        }
    }
    return JB_OK;
}

static enum jb_code take_question(struct jb_plan_reader *reader, const char *key, char *value) {
    static const char *const types[] = {"single", "multiple", "scale", "number", "ratio", NULL};
    struct jb_question *question = &reader->plan->questions[reader->plan->question_count - 1];
    unsigned choice;
    enum jb_code code = JB_OK;
    if (strcmp(key, "label") == 0) {
        question->label = value;
    } else if (strcmp(key, "columns") == 0 || strcmp(key, "column") == 0) {
        code = jb_plan_read_list(reader, value, &question->columns);
    } else if (strcmp(key, "top") == 0) {
        code = jb_plan_read_list(reader, value, &question->top);
    } else if (strcmp(key, "missing") == 0) {
        code = jb_plan_read_list(reader, value, &question->missing);
    } else if (strcmp(key, "chosen") == 0) {
        question->chosen = value;
    } else if (strcmp(key, "over") == 0) {
        question->over = value;
    } else if (strcmp(key, "filter") == 0) {
        question->filter = value;
    } else if (strcmp(key, "show") == 0) {
        code = read_show(reader, question, value);
    } else if (strcmp(key, "type") == 0) {
        code = jb_plan_read_choice(reader, key, value, types, &choice);
        question->type = code ? question->type : (enum jb_question_type)choice;
    } else {
        code = JB_PLAN_WRONG(
            reader,
            "[question] has no key '%.60s'; it may have column, columns, type, label, top, chosen, "
            "over, filter, missing, show",
            key);
    }
    return code;
}

/* What a type may show; without `show` what is in the second. */
static const unsigned may_show[][2] = {
    [JB_QUESTION_SINGLE] = {JB_SHOW_SHARE | JB_SHOW_TOTAL, JB_SHOW_SHARE},
    [JB_QUESTION_MULTIPLE] = {JB_SHOW_SHARE | JB_SHOW_TOTAL, JB_SHOW_SHARE},
    [JB_QUESTION_SCALE] = {JB_SHOW_SHARE | JB_SHOW_TOP | JB_SHOW_MEAN | JB_SHOW_MEDIAN,
                           JB_SHOW_TOP | JB_SHOW_MEAN},
    [JB_QUESTION_NUMBER] = {JB_SHOW_MEAN | JB_SHOW_TOTAL | JB_SHOW_MEDIAN, JB_SHOW_MEAN | JB_SHOW_MEDIAN},
    [JB_QUESTION_RATIO] = {JB_SHOW_MEAN, JB_SHOW_MEAN},
};

/* The survey's missing values count for every question. */
static enum jb_code add_missing(struct jb_plan_reader *reader, struct jb_question *question) {
    const struct jb_plan_list *common = &reader->plan->missing;
    if (question->missing.count == 0) {
        question->missing = *common;
        return JB_OK;
    }
    return common->count ? jb_plan_join_lists(reader, &question->missing, common) : JB_OK;
}

static enum jb_code check_question(struct jb_plan_reader *reader, struct jb_question *question) {
    const char *name = question->name;
    bool is_ratio = question->type == JB_QUESTION_RATIO;
    reader->line = question->line;
    if (question->columns.count == 0) {
        enum jb_code code = jb_plan_list_of(reader, name, &question->columns);
        if (code)
            return code;
    }
    if (question->columns.count > 1 && question->type != JB_QUESTION_MULTIPLE)
        return JB_PLAN_WRONG(reader, "question '%.60s' has several columns; only type = multiple may", name);
    if ((question->top.count > 0) != (question->type == JB_QUESTION_SCALE))
        return JB_PLAN_WRONG(reader, "question '%.60s': type = scale goes with top = the answers that count",
                             name);
    if ((question->over != NULL) != is_ratio)
        return JB_PLAN_WRONG(reader, "question '%.60s': type = ratio goes with over = the column below",
                             name);
    if (question->filter && !jb_plan_filter(reader->plan, question->filter))
        return JB_PLAN_WRONG(reader, "question '%.60s': there is no [filter %.60s]", name, question->filter);
    bool has_quantiles = question->quantile_count > 0;
    if (question->show & ~may_show[question->type][0] ||
        (has_quantiles && !(may_show[question->type][0] & JB_SHOW_MEDIAN)))
        return JB_PLAN_WRONG(reader, "question '%.60s': its type cannot show all that show names", name);
    if (!question->show && !has_quantiles)
        question->show = may_show[question->type][1];
    return add_missing(reader, question);
}

static enum jb_code check_questions(struct jb_plan_reader *reader) {
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < reader->plan->question_count && !code; i++)
        code = check_question(reader, &reader->plan->questions[i]);
    return code;
}

const struct jb_plan_section jb_plan_section_question = {"question", true, begin_question, take_question,
                                                         check_questions};

/* ---- [group NAME] ---- */

static enum jb_code begin_group(struct jb_plan_reader *reader, const char *name) {
    struct jb_plan *plan = reader->plan;
    if (jb_plan_group(plan, name))
        return JB_PLAN_WRONG(reader, "there is a group '%.60s' already", name);
    if (plan->group_count == JB_PLAN_GROUPS)
        return JB_PLAN_WRONG(reader, "there are more than %d groups", JB_PLAN_GROUPS);
    plan->groups[plan->group_count++] =
        (struct jb_plan_group){.name = name, .label = name, .line = reader->line};
    return JB_OK;
}

static enum jb_code take_group(struct jb_plan_reader *reader, const char *key, char *value) {
    struct jb_plan_group *group = &reader->plan->groups[reader->plan->group_count - 1];
    if (strcmp(key, "label") == 0)
        group->label = value;
    else if (strcmp(key, "column") == 0 || strcmp(key, "columns") == 0)
        return jb_plan_read_list(reader, value, &group->columns);
    else
        return JB_PLAN_WRONG(reader, "[group] has no key '%.60s'; it may have column, columns, label", key);
    return JB_OK;
}

static enum jb_code check_groups(struct jb_plan_reader *reader) {
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < reader->plan->group_count && !code; i++) {
        struct jb_plan_group *group = &reader->plan->groups[i];
        reader->line = group->line;
        if (group->columns.count == 0)
            code = jb_plan_list_of(reader, group->name, &group->columns);
        if (!code && group->columns.count > JB_PLAN_CROSSED)
            code = JB_PLAN_WRONG(reader, "group '%.60s' crosses more than %d columns", group->name,
                                 JB_PLAN_CROSSED);
    }
    return code;
}

const struct jb_plan_section jb_plan_section_group = {"group", true, begin_group, take_group, check_groups};

/* ---- [filter NAME] ---- */

static enum jb_code read_condition(struct jb_plan_reader *reader, char *text,
                                   struct jb_condition *ret_condition) {
    static const struct {
        const char *sign;
        enum jb_relation relation;
    } relations[] = {{"!=", JB_NOT_EQUAL}, {"<=", JB_AT_MOST}, {">=", JB_AT_LEAST},
                     {"<", JB_LESS},       {">", JB_MORE},     {"=", JB_EQUAL}};
    char *at = strpbrk(text, "!<>=");
    for (size_t i = 0; at && i < JB_COUNT(relations); i++) {
        size_t length = strlen(relations[i].sign);
        if (strncmp(at, relations[i].sign, length) != 0)
            continue;
        struct jb_condition condition = {.relation = relations[i].relation};
        *at = '\0';
        condition.column = jb_plan_trim(text);
        char *value = jb_plan_trim(at + length);
        if (!*condition.column || !*value)
            break;
        enum jb_code code = jb_plan_read_list(reader, value, &condition.values);
        if (code)
            return code;
        double number;
        if (condition.relation >= JB_LESS &&
            (condition.values.count != 1 || !jb_number_parse(condition.values.items[0], &number)))
            return JB_PLAN_WRONG(reader, "'%.60s' %s takes one number", condition.column, relations[i].sign);
        *ret_condition = condition;
        return JB_OK;
    }
    return JB_PLAN_WRONG(reader,
                         "'%.60s' is no condition; write COLUMN = VALUE, VALUE or COLUMN >= NUMBER, several "
                         "of them with 'and' between",
                         text);
}

enum jb_code jb_plan_read_conditions(struct jb_plan_reader *reader, char *value,
                                     struct jb_plan_filter *filter) {
    for (char *next = value; next;) {
        char *text = next;
        next = strstr(text, " and ");
        if (next) {
            *next = '\0';
            next += strlen(" and ");
        }
        if (filter->condition_count == JB_COUNT(filter->conditions))
            return JB_PLAN_WRONG(reader, "more than %zu conditions", JB_COUNT(filter->conditions));
        enum jb_code code =
            read_condition(reader, jb_plan_trim(text), &filter->conditions[filter->condition_count]);
        if (code)
            return code;
        filter->condition_count++;
    }
    return JB_OK;
}

void jb_plan_resolve_filter(const struct jb_plan *plan, struct jb_plan_filter *filter) {
    for (size_t i = 0; i < filter->condition_count; i++) {
        const struct jb_plan_group *group = jb_plan_group(plan, filter->conditions[i].column);
        if (group && group->columns.count == 1)
            filter->conditions[i].column = group->columns.items[0];
    }
}

static enum jb_code begin_filter(struct jb_plan_reader *reader, const char *name) {
    struct jb_plan *plan = reader->plan;
    if (jb_plan_filter(plan, name))
        return JB_PLAN_WRONG(reader, "there is a filter '%.60s' already", name);
    if (plan->filter_count == JB_PLAN_FILTERS)
        return JB_PLAN_WRONG(reader, "there are more than %d filters", JB_PLAN_FILTERS);
    plan->filters[plan->filter_count++] =
        (struct jb_plan_filter){.name = name, .label = name, .line = reader->line};
    return JB_OK;
}

static enum jb_code take_filter(struct jb_plan_reader *reader, const char *key, char *value) {
    struct jb_plan_filter *filter = &reader->plan->filters[reader->plan->filter_count - 1];
    if (strcmp(key, "label") == 0)
        filter->label = value;
    else if (strcmp(key, "where") == 0)
        return jb_plan_read_conditions(reader, value, filter);
    else
        return JB_PLAN_WRONG(reader, "[filter] has no key '%.60s'; it may have where, label", key);
    return JB_OK;
}

static enum jb_code check_filters(struct jb_plan_reader *reader) {
    for (size_t i = 0; i < reader->plan->filter_count; i++) {
        struct jb_plan_filter *filter = &reader->plan->filters[i];
        reader->line = filter->line;
        jb_plan_resolve_filter(reader->plan, filter);
        if (filter->condition_count == 0)
            return JB_PLAN_WRONG(reader, "filter '%.60s' says nothing; add: where = COLUMN = VALUE",
                                 filter->name);
    }
    return JB_OK;
}

const struct jb_plan_section jb_plan_section_filter = {"filter", true, begin_filter, take_filter,
                                                       check_filters};
