/* index.ini: parsed line by line, so that every complaint has a line. */
#include "survey/plan.h"

#include "base/array.h"
#include "base/number.h"
#include "survey/plan_reader.h"

#include <string.h>

#define PLAN_CEILING ((size_t)4 << 20)

void jb_plan_place(struct jb_plan_reader *reader) {
    if (reader->line)
        jb_error_prefix(reader->error, "%s:%u", reader->name, reader->line);
    else
        jb_error_prefix(reader->error, "%s", reader->name);
}

char *jb_plan_trim(char *text) {
    while (*text == ' ' || *text == '\t')
        text++;
    size_t length = strlen(text);
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r'))
        text[--length] = '\0';
    return text;
}

/* The plan frees it; on failure it is freed at once. */
static enum jb_code own(struct jb_plan *plan, void *pointer, struct jb_error *error) {
    enum jb_code code = pointer ? jb_array_reserve(&plan->owned, &plan->owned_capacity, plan->owned_count + 1,
                                                   65536, "lists of the plan", error)
                                : jb_error_set(error, JB_MEMORY, "no memory for the plan");
    if (code)
        free(pointer);
    else
        plan->owned[plan->owned_count++] = pointer;
    return code;
}

struct items {
    const char **texts;
    size_t count, capacity;
};

static enum jb_code add_item(struct jb_plan_reader *reader, struct items *items, const char *text) {
    enum jb_code code = jb_array_reserve(&items->texts, &items->capacity, items->count + 1, JB_PLAN_LIST,
                                         "items of a list", reader->error);
    if (code)
        return JB_PLAN_WRONG(reader, "the list has more than %d items", JB_PLAN_LIST);
    items->texts[items->count++] = text;
    return JB_OK;
}

/* "w1..w80": each of them; the digits keep their number. JB_NO_DATA: this is no range. */
static enum jb_code add_range(struct jb_plan_reader *reader, struct items *items, const char *item) {
    const char *dots = strstr(item, ".."), *last = dots ? dots + 2 : NULL;
    size_t prefix = dots ? (size_t)(dots - item) : 0, digits = 0;
    while (digits < prefix && digits < 9 && item[prefix - 1 - digits] >= '0' &&
           item[prefix - 1 - digits] <= '9')
        digits++;
    prefix -= digits;
    if (!digits || strncmp(item, last, prefix) != 0 || !last[prefix] ||
        strspn(last + prefix, "0123456789") != strlen(last + prefix) || strlen(last + prefix) > 9)
        return JB_NO_DATA;
    unsigned long from = strtoul(item + prefix, NULL, 10), to = strtoul(last + prefix, NULL, 10);
    if (to < from || to - from >= JB_PLAN_LIST)
        return JB_PLAN_WRONG(reader, "'%.60s' is no range of up to %d columns", item, JB_PLAN_LIST);
    size_t size = prefix + 12;
    char *names = malloc((to - from + 1) * size);
    enum jb_code code = own(reader->plan, names, reader->error);
    for (unsigned long i = from; i <= to && !code; i++) {
        char *name = names + (i - from) * size;
        (void)snprintf(name, size, "%.*s%0*lu", (int)prefix, item, (int)digits, i);
        code = add_item(reader, items, name);
    }
    return code;
}

enum jb_code jb_plan_read_list(struct jb_plan_reader *reader, char *value, struct jb_plan_list *ret_list) {
    struct items items = {0};
    enum jb_code code = JB_OK;
    for (char *next = value; next && !code;) {
        char *item = next;
        next = strchr(item, ',');
        if (next)
            *next++ = '\0';
        item = jb_plan_trim(item);
        if (!*item)
            code = JB_PLAN_WRONG(reader, "an item of the list is empty; take the comma out");
        else if ((code = add_range(reader, &items, item)) == JB_NO_DATA)
            code = add_item(reader, &items, item);
    }
    if (code) {
        free(items.texts);
        return code;
    }
    code = own(reader->plan, items.texts, reader->error);
    if (!code)
        *ret_list = (struct jb_plan_list){items.texts, items.count};
    return code;
}

enum jb_code jb_plan_join_lists(struct jb_plan_reader *reader, struct jb_plan_list *list,
                                const struct jb_plan_list *more) {
    size_t count = list->count + more->count;
    const char **items = malloc((count ? count : 1) * sizeof(*items));
    for (size_t i = 0; items && i < count; i++)
        items[i] = i < list->count ? list->items[i] : more->items[i - list->count];
    enum jb_code code = own(reader->plan, items, reader->error);
    if (!code)
        *list = (struct jb_plan_list){items, count};
    return code;
}

enum jb_code jb_plan_list_of(struct jb_plan_reader *reader, const char *item, struct jb_plan_list *ret_list) {
    *ret_list = (struct jb_plan_list){0};
    return jb_plan_join_lists(reader, ret_list, &(struct jb_plan_list){&item, 1});
}

enum jb_code jb_plan_read_choice(struct jb_plan_reader *reader, const char *key, const char *value,
                                 const char *const *names, unsigned *ret_choice) {
    char all[256];
    size_t used = 0;
    for (unsigned i = 0; names[i]; i++) {
        if (strcmp(names[i], value) == 0) {
            *ret_choice = i;
            return JB_OK;
        }
        if (used < sizeof(all))
            used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", names[i]);
    }
    return JB_PLAN_WRONG(reader, "%s: '%.60s' is none of %s", key, value, all);
}

enum jb_code jb_plan_read_number(struct jb_plan_reader *reader, const char *key, const char *value,
                                 double low, double high, double *ret_number) {
    double number;
    if (!jb_number_parse(value, &number) || number < low || number > high) {
        if (isinf(high))
            return JB_PLAN_WRONG(reader, "%s: '%.60s' is no number of %g or more", key, value, low);
        return JB_PLAN_WRONG(reader, "%s: '%.60s' is no number from %g to %g", key, value, low, high);
    }
    *ret_number = number;
    return JB_OK;
}

enum jb_code jb_plan_read_whole(struct jb_plan_reader *reader, const char *key, const char *value,
                                uint64_t high, uint64_t *ret_number) {
    double number;
    if (!jb_number_parse(value, &number) || number < 0 || number > (double)high || number != floor(number))
        return JB_PLAN_WRONG(reader, "%s: '%.60s' is no whole number from 0 to %llu", key, value,
                             (unsigned long long)high);
    *ret_number = (uint64_t)number;
    return JB_OK;
}

enum jb_code jb_plan_read_boolean(struct jb_plan_reader *reader, const char *key, const char *value,
                                  bool *ret) {
    static const char *const names[] = {"no", "yes", NULL};
    unsigned choice;
    enum jb_code code = jb_plan_read_choice(reader, key, value, names, &choice);
    if (!code)
        *ret = choice == 1;
    return code;
}

/* ---- [survey] ---- */

static enum jb_code take_survey(struct jb_plan_reader *reader, const char *key, char *value) {
    static const char *const lonely[] = {"fail", "certainty", "adjust", "average", NULL};
    static const char *const interval[] = {"xlogit", "beta", "wilson", "normal", NULL};
    struct jb_plan *plan = reader->plan;
    unsigned choice;
    enum jb_code code = JB_OK;
    if (strcmp(key, "data") == 0) {
        plan->data = value;
    } else if (strcmp(key, "weight") == 0) {
        plan->weight = value;
    } else if (strcmp(key, "note") == 0) {
        plan->note = value;
    } else if (strcmp(key, "id") == 0) {
        plan->id = value;
    } else if (strcmp(key, "strata") == 0) {
        code = jb_plan_read_list(reader, value, &plan->strata);
    } else if (strcmp(key, "clusters") == 0) {
        code = jb_plan_read_list(reader, value, &plan->clusters);
    } else if (strcmp(key, "population") == 0) {
        code = jb_plan_read_list(reader, value, &plan->population);
    } else if (strcmp(key, "missing") == 0) {
        code = jb_plan_read_list(reader, value, &plan->missing);
    } else if (strcmp(key, "lonely") == 0) {
        code = jb_plan_read_choice(reader, key, value, lonely, &choice);
        plan->lonely = code ? plan->lonely : (enum jb_lonely)choice;
    } else if (strcmp(key, "interval") == 0) {
        code = jb_plan_read_choice(reader, key, value, interval, &choice);
        plan->interval = code ? plan->interval : (enum jb_interval)choice;
    } else if (strcmp(key, "confidence") == 0) {
        code = jb_plan_read_number(reader, key, value, 0.5, 0.9999, &plan->confidence);
    } else {
        code = JB_PLAN_WRONG(
            reader,
            "[survey] has no key '%.60s'; it may have data, weight, id, strata, clusters, population, "
            "missing, lonely, interval, confidence, note",
            key);
    }
    return code;
}

static enum jb_code check_survey(struct jb_plan_reader *reader) {
    struct jb_plan *plan = reader->plan;
    if (!plan->data)
        return JB_PLAN_WRONG(reader, "[survey] does not say where the answers are; add: data = answers.csv");
    if (plan->strata.count > JB_DESIGN_STAGES || plan->clusters.count > JB_DESIGN_STAGES ||
        plan->population.count > JB_DESIGN_STAGES)
        return JB_PLAN_WRONG(reader, "a design has at most %d stages", JB_DESIGN_STAGES);
    size_t stages = plan->clusters.count ? plan->clusters.count : 1;
    if (plan->strata.count > stages || plan->population.count > stages)
        return JB_PLAN_WRONG(reader, "strata or population name more stages than clusters do, %zu", stages);
    if (plan->question_count == 0)
        return JB_PLAN_WRONG(reader, "there is no [question NAME]");
    return JB_OK;
}

static const struct jb_plan_section section_survey = {"survey", false, NULL, take_survey, check_survey};

static const struct jb_plan_section *const sections[] = {
    &section_survey,         &jb_plan_section_question,   &jb_plan_section_group,
    &jb_plan_section_filter, &jb_plan_section_replicates, &jb_plan_section_calibration,
    &jb_plan_section_target, &jb_plan_section_pillar,     &jb_plan_section_item,
    &jb_plan_section_text,
};

/* "[survey], [question NAME] …" */
static const char *list_sections(char *ret, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < JB_COUNT(sections) && used < size; i++)
        used += (size_t)snprintf(ret + used, size - used, "%s[%s%s]", i ? ", " : "", sections[i]->kind,
                                 sections[i]->is_named ? " NAME" : "");
    return ret;
}

static enum jb_code read_section(struct jb_plan_reader *reader, char *line) {
    char all[512];
    char *end = strchr(line, ']');
    if (!end || *jb_plan_trim(end + 1))
        return JB_PLAN_WRONG(reader, "a section is written %s", list_sections(all, sizeof(all)));
    *end = '\0';
    char *kind = jb_plan_trim(line + 1), *name = strpbrk(kind, " \t");
    if (name) {
        *name = '\0';
        name = jb_plan_trim(name + 1);
    }
    for (size_t i = 0; i < JB_COUNT(sections); i++) {
        if (strcmp(kind, sections[i]->kind) != 0 || sections[i]->is_named != (name != NULL))
            continue;
        reader->section = sections[i];
        return sections[i]->begin ? sections[i]->begin(reader, name) : JB_OK;
    }
    return JB_PLAN_WRONG(reader, "'[%.60s]' is none of %s", kind, list_sections(all, sizeof(all)));
}

static enum jb_code read_line(struct jb_plan_reader *reader, char *line) {
    line = jb_plan_trim(line);
    if (*line == '\0' || *line == '#' || *line == ';')
        return JB_OK;
    if (*line == '[')
        return read_section(reader, line);
    char *value = strchr(line, '=');
    if (!value)
        return JB_PLAN_WRONG(reader, "'%.60s' is neither a [section] nor KEY = VALUE", line);
    *value = '\0';
    value = jb_plan_trim(value + 1);
    char *key = jb_plan_trim(line);
    if (!*value)
        return JB_PLAN_WRONG(reader, "'%.60s' has no value", key);
    if (!reader->section)
        return JB_PLAN_WRONG(reader, "'%.60s' stands before the first section; begin with [survey]", key);
    return reader->section->take(reader, key, value);
}

static void set_defaults(struct jb_plan *plan) {
    plan->confidence = 0.95;
    plan->calibration = (struct jb_plan_calibration){.tolerance = NAN,
                                                     .iterations = 200,
                                                     .low = -INFINITY,
                                                     .high = INFINITY,
                                                     .trim_low = -INFINITY,
                                                     .trim_high = INFINITY};
    plan->replicates = (struct jb_plan_replicates){
        .count = 200, .seed = 1, .rho = 0.5, .scale = NAN, .df = NAN, .is_combined = true};
}

enum jb_code jb_plan_parse(const char *text, const char *name, struct jb_error *error,
                           struct jb_plan **ret_plan) {
    if (strlen(text) > PLAN_CEILING)
        return jb_error_set(error, JB_INPUT, "%s: more than 4 MiB of settings", name);
    _cleanup_(jb_plan_free_cleanup) struct jb_plan *plan = calloc(1, sizeof(*plan));
    if (!plan || !(plan->text = strdup(text)))
        return jb_error_set(error, JB_MEMORY, "no memory for %s", name);
    set_defaults(plan);
    struct jb_plan_reader reader = {.plan = plan, .name = name, .error = error};
    for (char *line = plan->text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        reader.line++;
        enum jb_code code = read_line(&reader, line);
        if (code)
            return code;
    }
    unsigned last = reader.line;
    for (size_t i = 0; i < JB_COUNT(sections); i++) {
        reader.line = last;
        enum jb_code code = sections[i]->check ? sections[i]->check(&reader) : JB_OK;
        if (code)
            return code;
    }
    *ret_plan = JB_TAKE(plan);
    return JB_OK;
}

void jb_plan_free(struct jb_plan *plan) {
    if (!plan)
        return;
    for (size_t i = 0; i < plan->owned_count; i++)
        free(plan->owned[i]);
    for (size_t i = 0; i < plan->target_count; i++)
        free(plan->targets[i].levels);
    free(plan->owned);
    free(plan->questions);
    free(plan->texts);
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

const struct jb_plan_filter *jb_plan_filter(const struct jb_plan *plan, const char *name) {
    for (size_t i = 0; i < plan->filter_count; i++) {
        if (strcmp(plan->filters[i].name, name) == 0)
            return &plan->filters[i];
    }
    return NULL;
}

enum jb_code jb_plan_add_filter(struct jb_plan *plan, const char *text, struct jb_error *error,
                                const struct jb_plan_filter **ret_filter) {
    struct jb_plan_reader reader = {.plan = plan, .name = "--where", .error = error};
    if (plan->filter_count == JB_PLAN_FILTERS)
        return jb_error_set(error, JB_LIMIT, "more than %d filters", JB_PLAN_FILTERS);
    char *kept = strdup(text); /* what the conditions point into */
    enum jb_code code = own(plan, kept, error);
    if (code)
        return code;
    struct jb_plan_filter *filter = &plan->filters[plan->filter_count];
    *filter = (struct jb_plan_filter){.name = "", .label = ""};
    code = jb_plan_read_conditions(&reader, kept, filter);
    if (code)
        return code;
    jb_plan_resolve_filter(plan, filter);
    plan->filter_count++;
    *ret_filter = filter;
    return JB_OK;
}

enum jb_code jb_plan_add_group(struct jb_plan *plan, const char *names, struct jb_error *error,
                               const struct jb_plan_group **ret_group) {
    struct jb_plan_reader reader = {.plan = plan, .name = "--by", .error = error};
    struct jb_plan_list list;
    struct jb_plan_group crossed = {.name = names, .label = names};
    const struct jb_plan_group *only = jb_plan_group(plan, names);
    if (only) {
        *ret_group = only;
        return JB_OK;
    }
    char *kept = strdup(names);
    enum jb_code code = own(plan, kept, error);
    if (!code)
        code = jb_plan_read_list(&reader, kept, &list);
    for (size_t i = 0; !code && i < list.count; i++) {
        const struct jb_plan_group *group = jb_plan_group(plan, list.items[i]);
        if (!group)
            return JB_PLAN_WRONG(&reader, "the plan has no [group %.60s]", list.items[i]);
        code = jb_plan_join_lists(&reader, &crossed.columns, &group->columns);
    }
    if (!code && crossed.columns.count > JB_PLAN_CROSSED)
        code = JB_PLAN_WRONG(&reader, "these cross more than %d columns", JB_PLAN_CROSSED);
    if (!code && plan->group_count == JB_PLAN_GROUPS)
        code = JB_PLAN_WRONG(&reader, "the plan has %d groups already", JB_PLAN_GROUPS);
    if (code)
        return code;
    plan->groups[plan->group_count] = crossed;
    *ret_group = &plan->groups[plan->group_count++];
    return JB_OK;
}

/* ---- the columns ---- */

struct wanted {
    struct jb_wanted_column *columns;
    size_t count, capacity;
    struct jb_error *error;
};

/* A column that is used as texts anywhere is read as such. */
static enum jb_code want(struct wanted *wanted, const char *name, bool is_number,
                         const struct jb_plan_list *missing) {
    for (size_t i = 0; i < wanted->count; i++) {
        struct jb_wanted_column *column = &wanted->columns[i];
        if (strcmp(column->name, name) != 0)
            continue;
        column->is_number = column->is_number && is_number;
        if (missing && missing->count > column->missing_count)
            column->missing = missing->items, column->missing_count = missing->count;
        return JB_OK;
    }
    enum jb_code code = jb_array_reserve(&wanted->columns, &wanted->capacity, wanted->count + 1,
                                         JB_ANSWERS_COLUMNS, "columns that the plan names", wanted->error);
    if (!code)
        wanted->columns[wanted->count++] =
            (struct jb_wanted_column){.name = name,
                                      .is_number = is_number,
                                      .missing = missing ? missing->items : NULL,
                                      .missing_count = missing ? missing->count : 0};
    return code;
}

static enum jb_code want_list(struct wanted *wanted, const struct jb_plan_list *list, bool is_number,
                              const struct jb_plan_list *missing) {
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < list->count && !code; i++)
        code = want(wanted, list->items[i], is_number, missing);
    return code;
}

static enum jb_code want_asked(struct wanted *wanted, const struct jb_plan *plan) {
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < plan->question_count && !code; i++) {
        const struct jb_question *question = &plan->questions[i];
        bool is_number = question->type == JB_QUESTION_NUMBER || question->type == JB_QUESTION_RATIO;
        code = want_list(wanted, &question->columns, is_number, &question->missing);
        if (!code && question->over)
            code = want(wanted, question->over, true, &question->missing);
    }
    for (size_t i = 0; i < plan->group_count && !code; i++)
        code = want_list(wanted, &plan->groups[i].columns, false, &plan->missing);
    for (size_t i = 0; i < plan->filter_count; i++) {
        for (size_t k = 0; k < plan->filters[i].condition_count && !code; k++)
            code = want(wanted, plan->filters[i].conditions[k].column, false, &plan->missing);
    }
    return code;
}

enum jb_code jb_plan_wanted(const struct jb_plan *plan, struct jb_error *error,
                            struct jb_wanted_column **ret_wanted, size_t *ret_count) {
    struct wanted wanted = {.error = error};
    enum jb_code code = plan->weight ? want(&wanted, plan->weight, true, NULL) : JB_OK;
    if (!code && plan->id)
        code = want(&wanted, plan->id, false, NULL);
    if (!code)
        code = want_list(&wanted, &plan->strata, false, NULL);
    if (!code)
        code = want_list(&wanted, &plan->clusters, false, NULL);
    if (!code)
        code = want_list(&wanted, &plan->population, true, NULL);
    if (!code)
        code = want_list(&wanted, &plan->replicates.weights, true, NULL);
    for (size_t i = 0; i < plan->target_count && !code; i++)
        code = want_list(&wanted, &plan->targets[i].columns, plan->targets[i].is_number, NULL);
    if (!code)
        code = want_asked(&wanted, plan);
    if (code) {
        free(wanted.columns);
        return code;
    }
    *ret_wanted = wanted.columns;
    *ret_count = wanted.count;
    return JB_OK;
}
