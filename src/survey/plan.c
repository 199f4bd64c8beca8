/* index.ini: parsed line by line, so that every complaint has a line. */
#include "survey/plan.h"

#include "survey/number.h"

#include <string.h>

#define PLAN_CEILING ((size_t)1 << 20)

enum section { NO_SECTION, SURVEY, QUESTION, GROUP };

struct reader {
    struct jb_plan *plan;
    const char *name;
    unsigned line;
    enum section section;
    struct jb_error *error;
};

#define WRONG(reader, ...)                                                                                   \
    (jb_error_set((reader)->error, JB_INPUT, __VA_ARGS__),                                                   \
     jb_error_prefix((reader)->error, "%s:%u", (reader)->name, (reader)->line), JB_INPUT)

static char *trim(char *text) {
    while (*text == ' ' || *text == '\t')
        text++;
    size_t length = strlen(text);
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r'))
        text[--length] = '\0';
    return text;
}

static enum jb_code read_list(struct reader *reader, char *value, struct jb_plan_list *ret_list) {
    struct jb_plan_list list = {0};
    for (char *next = value; next;) {
        char *item = next;
        next = strchr(item, ',');
        if (next)
            *next++ = '\0';
        item = trim(item);
        if (!*item)
            return WRONG(reader, "an item of the list is empty; take the comma out");
        if (list.count == JB_PLAN_LIST)
            return WRONG(reader, "the list has more than %d items", JB_PLAN_LIST);
        list.items[list.count++] = item;
    }
    *ret_list = list;
    return JB_OK;
}

/* The number of value among names (ends with NULL). */
static enum jb_code read_choice(struct reader *reader, const char *key, const char *value,
                                const char *const *names, unsigned *ret_choice) {
    for (unsigned i = 0; names[i]; i++) {
        if (strcmp(names[i], value) == 0) {
            *ret_choice = i;
            return JB_OK;
        }
    }
    return WRONG(reader, "%s: '%.60s' is none of %s, %s, %s, %s", key, value, names[0], names[1], names[2],
                 names[3]);
}

static enum jb_code read_survey(struct reader *reader, const char *key, char *value) {
    static const char *const lonely[] = {"fail", "certainty", "adjust", "average", NULL};
    static const char *const interval[] = {"xlogit", "beta", "wilson", "normal", NULL};
    struct jb_plan *plan = reader->plan;
    unsigned choice;
    enum jb_code code = JB_OK;
    if (strcmp(key, "data") == 0) {
        plan->data = value;
    } else if (strcmp(key, "weight") == 0) {
        plan->weight = value;
    } else if (strcmp(key, "strata") == 0) {
        code = read_list(reader, value, &plan->strata);
    } else if (strcmp(key, "clusters") == 0) {
        code = read_list(reader, value, &plan->clusters);
    } else if (strcmp(key, "population") == 0) {
        code = read_list(reader, value, &plan->population);
    } else if (strcmp(key, "missing") == 0) {
        code = read_list(reader, value, &plan->missing);
    } else if (strcmp(key, "lonely") == 0) {
        code = read_choice(reader, key, value, lonely, &choice);
        plan->lonely = code ? plan->lonely : (enum jb_lonely)choice;
    } else if (strcmp(key, "interval") == 0) {
        code = read_choice(reader, key, value, interval, &choice);
        plan->interval = code ? plan->interval : (enum jb_interval)choice;
    } else if (strcmp(key, "confidence") == 0) {
        if (!jb_number_parse(value, &plan->confidence) || plan->confidence < 0.5 || plan->confidence > 0.9999)
            code = WRONG(reader, "confidence: '%.60s' is no number from 0.5 to 0.9999", value);
    } else {
        code = WRONG(reader,
                     "[survey] has no key '%.60s'; it may have data, weight, strata, clusters, population, "
                     "missing, lonely, interval, confidence",
                     key);
    }
    return code;
}

static enum jb_code read_question(struct reader *reader, const char *key, char *value) {
    static const char *const types[] = {"single", "multiple", "scale", "number", NULL};
    struct jb_question *question = &reader->plan->questions[reader->plan->question_count - 1];
    unsigned choice;
    enum jb_code code = JB_OK;
    if (strcmp(key, "label") == 0) {
        question->label = value;
    } else if (strcmp(key, "columns") == 0 || strcmp(key, "column") == 0) {
        code = read_list(reader, value, &question->columns);
    } else if (strcmp(key, "top") == 0) {
        code = read_list(reader, value, &question->top);
    } else if (strcmp(key, "chosen") == 0) {
        question->chosen = value;
    } else if (strcmp(key, "type") == 0) {
        code = read_choice(reader, key, value, types, &choice);
        question->type = code ? question->type : (enum jb_question_type)choice;
    } else {
        code = WRONG(reader,
                     "[question] has no key '%.60s'; it may have column, columns, type, label, top, chosen",
                     key);
    }
    return code;
}

static enum jb_code read_group(struct reader *reader, const char *key, const char *value) {
    struct jb_plan_group *group = &reader->plan->groups[reader->plan->group_count - 1];
    if (strcmp(key, "label") == 0)
        group->label = value;
    else if (strcmp(key, "column") == 0)
        group->column = value;
    else
        return WRONG(reader, "[group] has no key '%.60s'; it may have column, label", key);
    return JB_OK;
}

static enum jb_code read_section(struct reader *reader, char *line) {
    struct jb_plan *plan = reader->plan;
    char *end = strchr(line, ']');
    if (!end || *trim(end + 1))
        return WRONG(reader, "a section is written [survey], [question NAME] or [group NAME]");
    *end = '\0';
    char *kind = trim(line + 1), *name = strpbrk(kind, " \t");
    if (name) {
        *name = '\0';
        name = trim(name + 1);
    }
    if (strcmp(kind, "survey") == 0 && !name) {
        reader->section = SURVEY;
    } else if (strcmp(kind, "question") == 0 && name && *name) {
        if (jb_plan_question(plan, name))
            return WRONG(reader, "there is a question '%.60s' already", name);
        if (plan->question_count == JB_PLAN_QUESTIONS)
            return WRONG(reader, "there are more than %d questions", JB_PLAN_QUESTIONS);
        plan->questions[plan->question_count++] =
            (struct jb_question){.name = name, .label = name, .chosen = "1", .line = reader->line};
        reader->section = QUESTION;
    } else if (strcmp(kind, "group") == 0 && name && *name) {
        if (jb_plan_group(plan, name))
            return WRONG(reader, "there is a group '%.60s' already", name);
        if (plan->group_count == JB_PLAN_GROUPS)
            return WRONG(reader, "there are more than %d groups", JB_PLAN_GROUPS);
        plan->groups[plan->group_count++] =
            (struct jb_plan_group){.name = name, .label = name, .column = name, .line = reader->line};
        reader->section = GROUP;
    } else {
        return WRONG(reader, "'[%.60s]' is none of [survey], [question NAME], [group NAME]", kind);
    }
    return JB_OK;
}

static enum jb_code read_line(struct reader *reader, char *line) {
    line = trim(line);
    if (*line == '\0' || *line == '#' || *line == ';')
        return JB_OK;
    if (*line == '[')
        return read_section(reader, line);
    char *value = strchr(line, '=');
    if (!value)
        return WRONG(reader, "'%.60s' is neither a [section] nor KEY = VALUE", line);
    *value = '\0';
    value = trim(value + 1);
    char *key = trim(line);
    if (!*value)
        return WRONG(reader, "'%.60s' has no value", key);
    switch (reader->section) {
    case SURVEY:
        return read_survey(reader, key, value);
    case QUESTION:
        return read_question(reader, key, value);
    case GROUP:
        return read_group(reader, key, value);
    case NO_SECTION:
        break;
    }
    return WRONG(reader, "'%.60s' stands before the first section; begin with [survey]", key);
}

/* What no single line shows. */
static enum jb_code check_plan(struct reader *reader) {
    struct jb_plan *plan = reader->plan;
    if (!plan->data)
        return WRONG(reader, "[survey] does not say where the answers are; add: data = answers.csv");
    if (plan->strata.count > JB_DESIGN_STAGES || plan->clusters.count > JB_DESIGN_STAGES ||
        plan->population.count > JB_DESIGN_STAGES)
        return WRONG(reader, "a design has at most %d stages", JB_DESIGN_STAGES);
    size_t stages = plan->clusters.count ? plan->clusters.count : 1;
    if (plan->strata.count > stages || plan->population.count > stages)
        return WRONG(reader, "strata or population name more stages than clusters do, %zu", stages);
    for (size_t i = 0; i < plan->question_count; i++) {
        struct jb_question *question = &plan->questions[i];
        reader->line = question->line;
        if (question->columns.count == 0)
            question->columns = (struct jb_plan_list){{question->name}, 1};
        if (question->columns.count > 1 && question->type != JB_QUESTION_MULTIPLE)
            return WRONG(reader, "question '%.60s' has several columns; only type = multiple may",
                         question->name);
        if ((question->top.count > 0) != (question->type == JB_QUESTION_SCALE))
            return WRONG(reader, "question '%.60s': type = scale goes with top = the answers that count",
                         question->name);
    }
    if (plan->question_count == 0)
        return WRONG(reader, "there is no [question NAME]");
    return JB_OK;
}

enum jb_code jb_plan_parse(const char *text, const char *name, struct jb_error *error,
                           struct jb_plan **ret_plan) {
    if (strlen(text) > PLAN_CEILING)
        return jb_error_set(error, JB_LIMIT, "%s: more than 1 MiB of settings", name);
    _cleanup_(jb_plan_free_cleanup) struct jb_plan *plan = calloc(1, sizeof(*plan));
    if (!plan || !(plan->text = strdup(text)))
        return jb_error_set(error, JB_MEMORY, "no memory for %s", name);
    plan->confidence = 0.95;
    struct reader reader = {.plan = plan, .name = name, .error = error};
    for (char *line = plan->text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        reader.line++;
        enum jb_code code = read_line(&reader, line);
        if (code)
            return code;
    }
    enum jb_code code = check_plan(&reader);
    if (code)
        return code;
    *ret_plan = JB_TAKE(plan);
    return JB_OK;
}

void jb_plan_free(struct jb_plan *plan) {
    if (!plan)
        return;
    free(plan->text);
    free(plan);
}

const struct jb_question *jb_plan_question(const struct jb_plan *plan, const char *name) {
    for (size_t i = 0; i < plan->question_count; i++) {
        if (strcmp(plan->questions[i].name, name) == 0)
            return &plan->questions[i];
    }
    return NULL;
}

const struct jb_plan_group *jb_plan_group(const struct jb_plan *plan, const char *name) {
    for (size_t i = 0; i < plan->group_count; i++) {
        if (strcmp(plan->groups[i].name, name) == 0)
            return &plan->groups[i];
    }
    return NULL;
}
