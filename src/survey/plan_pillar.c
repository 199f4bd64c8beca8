/* index.ini: the pillars and items of an index, and translations for reports. */
#include "base/array.h"
#include "survey/plan_reader.h"

#include <string.h>

/* ---- [pillar NAME] ---- */

static size_t find_pillar(const struct jb_index *index, const char *name) {
    for (size_t i = 0; i < index->pillar_count; i++) {
        if (strcmp(index->pillars[i].name, name) == 0)
            return i;
    }
    return SIZE_MAX;
}

static enum jb_code begin_pillar(struct jb_plan_reader *reader, const char *name) {
    struct jb_index *index = &reader->plan->index;
    if (find_pillar(index, name) != SIZE_MAX)
        return JB_PLAN_WRONG(reader, "there is a pillar '%.60s' already", name);
    if (index->pillar_count == JB_INDEX_PILLARS)
        return JB_PLAN_WRONG(reader, "there are more than %d pillars", JB_INDEX_PILLARS);
    index->pillars[index->pillar_count++] =
        (struct jb_index_pillar){.name = name, .label = name, .weight = 1, .line = reader->line};
    return JB_OK;
}

static enum jb_code read_weight(struct jb_plan_reader *reader, const char *value, double *ret_weight) {
    double weight;
    enum jb_code code = jb_plan_read_number(reader, "weight", value, 0, 1e6, &weight);
    if (!code && !(weight > 0))
        code = JB_PLAN_WRONG(reader, "weight: it has to be above 0; take out what is not to count");
    if (!code)
        *ret_weight = weight;
    return code;
}

static enum jb_code take_pillar(struct jb_plan_reader *reader, const char *key, char *value) {
    struct jb_index *index = &reader->plan->index;
    struct jb_index_pillar *pillar = &index->pillars[index->pillar_count - 1];
    if (strcmp(key, "label") == 0)
        pillar->label = value;
    else if (strcmp(key, "weight") == 0)
        return read_weight(reader, value, &pillar->weight);
    else if (strcmp(key, "contested") == 0)
        return jb_plan_read_boolean(reader, key, value, &pillar->is_contested);
    else
        return JB_PLAN_WRONG(reader, "[pillar] has no key '%.60s'; it may have label, weight, contested",
                             key);
    return JB_OK;
}

/* ---- [item NAME] ---- */

static enum jb_code begin_item(struct jb_plan_reader *reader, const char *name) {
    struct jb_index *index = &reader->plan->index;
    for (size_t i = 0; i < index->item_count; i++) {
        if (strcmp(index->items[i].name, name) == 0)
            return JB_PLAN_WRONG(reader, "there is an item '%.60s' already", name);
    }
    if (index->item_count == JB_INDEX_ITEMS)
        return JB_PLAN_WRONG(reader, "there are more than %d items", JB_INDEX_ITEMS);
    index->items[index->item_count++] = (struct jb_index_item){
        .name = name, .question = name, .weight = 1, .low = NAN, .high = NAN, .line = reader->line};
    return JB_OK;
}

static enum jb_code take_item(struct jb_plan_reader *reader, const char *key, char *value) {
    static const char *const directions[] = {"up", "down", NULL};
    static const char *const measures[] = {"energy", "balance", NULL};
    struct jb_index *index = &reader->plan->index;
    struct jb_index_item *item = &index->items[index->item_count - 1];
    enum jb_code code = JB_OK;
    unsigned choice;
    if (strcmp(key, "label") == 0) {
        item->label = value;
    } else if (strcmp(key, "pillar") == 0) {
        item->of_pillar = value;
    } else if (strcmp(key, "question") == 0) {
        item->question = value;
    } else if (strcmp(key, "answer") == 0) {
        struct jb_plan_list list;
        code = jb_plan_read_list(reader, value, &list);
        if (!code)
            item->answers = list.items, item->answer_count = list.count;
    } else if (strcmp(key, "direction") == 0) {
        code = jb_plan_read_choice(reader, key, value, directions, &choice);
        item->is_down = !code && choice == 1;
    } else if (strcmp(key, "weight") == 0) {
        code = read_weight(reader, value, &item->weight);
    } else if (strcmp(key, "low") == 0) {
        code = jb_plan_read_number(reader, key, value, -1e12, 1e12, &item->low);
    } else if (strcmp(key, "high") == 0) {
        code = jb_plan_read_number(reader, key, value, -1e12, 1e12, &item->high);
    } else if (strcmp(key, "measured") == 0) {
        code = jb_plan_read_choice(reader, key, value, measures, &choice);
        if (!code)
            item->fear = choice == 0 ? JB_FEAR_ENERGY : JB_FEAR_BALANCE;
    } else {
        code = JB_PLAN_WRONG(reader,
                             "[item] has no key '%.60s'; it may have pillar, question, answer, label, "
                             "direction, weight, low, high, measured",
                             key);
    }
    return code;
}

/* What of its question an item counts. */
static enum jb_code check_answers(struct jb_plan_reader *reader, const struct jb_question *question,
                                  struct jb_index_item *item) {
    bool has_posts = !isnan(item->low) || !isnan(item->high);
    if (has_posts && !(item->low < item->high))
        return JB_PLAN_WRONG(reader, "item '%.60s': low and high go together, low below high", item->name);
    switch (question->type) {
    case JB_QUESTION_RATIO:
        return JB_PLAN_WRONG(reader, "item '%.60s': a ratio is no answer of one respondent", item->name);
    case JB_QUESTION_NUMBER:
    case JB_QUESTION_SCALE:
        if (question->type == JB_QUESTION_NUMBER && !has_posts)
            return JB_PLAN_WRONG(
                reader, "item '%.60s': of numbers it takes low and high, the values that count 0 and 100",
                item->name);
        item->is_mean = has_posts;
        if (item->answer_count)
            return JB_PLAN_WRONG(reader, "item '%.60s': answer goes with single and multiple questions",
                                 item->name);
        return JB_OK;
    case JB_QUESTION_MULTIPLE:
    case JB_QUESTION_SINGLE:
        break;
    }
    if (has_posts)
        return JB_PLAN_WRONG(reader, "item '%.60s': low and high go with scales and numbers", item->name);
    if (!item->answer_count)
        return JB_PLAN_WRONG(reader, "item '%.60s': say which answer counts: answer = yes", item->name);
    for (size_t i = 0; question->type == JB_QUESTION_MULTIPLE && i < item->answer_count; i++) {
        bool is_column = false;
        for (size_t k = 0; k < question->columns.count && !is_column; k++)
            is_column = strcmp(question->columns.items[k], item->answers[i]) == 0;
        if (!is_column)
            return JB_PLAN_WRONG(reader, "item '%.60s': '%.60s' is no column of question '%.60s'", item->name,
                                 item->answers[i], question->name);
    }
    return JB_OK;
}

static enum jb_code check_item(struct jb_plan_reader *reader, struct jb_index_item *item) {
    struct jb_plan *plan = reader->plan;
    const struct jb_question *question = jb_plan_question(plan, item->question);
    reader->line = item->line;
    if (!item->of_pillar)
        return JB_PLAN_WRONG(reader, "item '%.60s' says no pillar; add: pillar = NAME", item->name);
    item->pillar = find_pillar(&plan->index, item->of_pillar);
    if (item->pillar == SIZE_MAX)
        return JB_PLAN_WRONG(reader, "item '%.60s': there is no [pillar %.60s]", item->name, item->of_pillar);
    if (!question)
        return JB_PLAN_WRONG(reader, "item '%.60s': there is no [question %.60s]", item->name,
                             item->question);
    if (!item->label)
        item->label =
            question->type == JB_QUESTION_MULTIPLE || !question->label ? item->name : question->label;
    return check_answers(reader, question, item);
}

/* The index of 2024 (Tech-Driven Sustainability Trends and Index): what stands for a plan without pillars. */
static const struct {
    const char *pillar, *pillar_label, *name, *label, *question, *answer;
    bool is_down;
    enum jb_fear fear;
} defaults[] = {
    {"conviction", "Conviction", "believe", NULL, "believe", "yes", false, JB_FEAR_NONE},
    {"capability", "Capability", "understand", NULL, "understand", "yes", true, JB_FEAR_NONE},
    {"capability", "Capability", "lag", NULL, "lag", "yes", true, JB_FEAR_NONE},
    {"energy-confidence", "Energy confidence", "energy", NULL, "energy", "yes", true, JB_FEAR_ENERGY},
    {"energy-confidence", "Energy confidence", "outweigh", NULL, "outweigh", "yes", true, JB_FEAR_BALANCE},
    {"green-procurement", "Green procurement", "renewables", "Renewable energy", "procurement", "renewables",
     false, JB_FEAR_NONE},
    {"green-procurement", "Green procurement", "efficiency", "Efficient data centres", "procurement",
     "efficiency", false, JB_FEAR_NONE},
    {"green-procurement", "Green procurement", "emissions", "Emission cuts", "procurement", "emissions",
     false, JB_FEAR_NONE},
};

/* Whether a plan's question can be what a default item asks. */
static bool fits(const struct jb_question *question, const char *answer) {
    if (!question || question->type == JB_QUESTION_RATIO || question->type == JB_QUESTION_NUMBER)
        return false;
    for (size_t k = 0; question->type == JB_QUESTION_MULTIPLE && k < question->columns.count; k++) {
        if (strcmp(question->columns.items[k], answer) == 0)
            return true;
    }
    return question->type != JB_QUESTION_MULTIPLE;
}

/* Takes the default pillars when the plan has their questions. */
static enum jb_code take_defaults(struct jb_plan_reader *reader) {
    struct jb_index *index = &reader->plan->index;
    for (size_t i = 0; i < JB_COUNT(defaults); i++) {
        if (!fits(jb_plan_question(reader->plan, defaults[i].question), defaults[i].answer))
            return JB_OK;
    }
    for (size_t i = 0; i < JB_COUNT(defaults); i++) {
        enum jb_question_type type = jb_plan_question(reader->plan, defaults[i].question)->type;
        bool is_chosen = type == JB_QUESTION_SINGLE || type == JB_QUESTION_MULTIPLE;
        if (find_pillar(index, defaults[i].pillar) == SIZE_MAX) {
            enum jb_code code = begin_pillar(reader, defaults[i].pillar);
            if (code)
                return code;
            index->pillars[index->pillar_count - 1].label = defaults[i].pillar_label;
            /* To fear the energy may be to know it: whether confidence is a good sign is in doubt. */
            index->pillars[index->pillar_count - 1].is_contested =
                strcmp(defaults[i].pillar, "energy-confidence") == 0;
        }
        enum jb_code code = begin_item(reader, defaults[i].name);
        if (code)
            return code;
        struct jb_index_item *item = &index->items[index->item_count - 1];
        item->of_pillar = defaults[i].pillar;
        item->label = defaults[i].label;
        item->question = defaults[i].question;
        item->answers = is_chosen ? (const char **)(uintptr_t)&defaults[i].answer : NULL;
        item->answer_count = is_chosen;
        item->is_down = defaults[i].is_down;
        item->fear = defaults[i].fear;
    }
    return JB_OK;
}

/* Items pillar by pillar, in the order of the plan; all weights sum to 1. */
static void order_items(struct jb_index *index) {
    struct jb_index_item ordered[JB_INDEX_ITEMS];
    double all = 0;
    size_t count = 0;
    for (size_t p = 0; p < index->pillar_count; p++) {
        double sum = 0;
        size_t first = count;
        for (size_t i = 0; i < index->item_count; i++) {
            if (index->items[i].pillar != p)
                continue;
            ordered[count++] = index->items[i];
            sum += index->items[i].weight;
        }
        for (size_t i = first; i < count; i++)
            ordered[i].weight /= sum;
        all += index->pillars[p].weight;
    }
    for (size_t p = 0; p < index->pillar_count; p++)
        index->pillars[p].weight /= all;
    memcpy(index->items, ordered, count * sizeof(*ordered));
}

static enum jb_code check_pillars(struct jb_plan_reader *reader) {
    struct jb_index *index = &reader->plan->index;
    enum jb_code code = JB_OK;
    if (index->pillar_count == 0 && index->item_count == 0)
        code = take_defaults(reader);
    for (size_t i = 0; i < index->item_count && !code; i++)
        code = check_item(reader, &index->items[i]);
    for (size_t p = 0; p < index->pillar_count && !code; p++) {
        bool any = false;
        for (size_t i = 0; i < index->item_count; i++)
            any = any || index->items[i].pillar == p;
        reader->line = index->pillars[p].line;
        if (!any)
            code = JB_PLAN_WRONG(reader, "pillar '%.60s' has no item; add [item NAME] with pillar = %.60s",
                                 index->pillars[p].name, index->pillars[p].name);
    }
    if (!code)
        order_items(index);
    return code;
}

const struct jb_plan_section jb_plan_section_pillar = {"pillar", true, begin_pillar, take_pillar,
                                                       check_pillars};
const struct jb_plan_section jb_plan_section_item = {"item", true, begin_item, take_item, NULL};

/* ---- [text LANGUAGE] ---- */

static enum jb_code begin_text(struct jb_plan_reader *reader, const char *name) {
    reader->plan->language = name;
    return JB_OK;
}

static enum jb_code take_text(struct jb_plan_reader *reader, const char *key, char *value) {
    struct jb_plan *plan = reader->plan;
    enum jb_code code = jb_array_reserve(&plan->texts, &plan->text_capacity, plan->text_count + 1,
                                         JB_PLAN_LIST, "translated texts", reader->error);
    if (code)
        return JB_PLAN_WRONG(reader, "more than %d translated texts", JB_PLAN_LIST);
    plan->texts[plan->text_count++] = (struct jb_plan_text){plan->language, key, value};
    return JB_OK;
}

const struct jb_plan_section jb_plan_section_text = {"text", true, begin_text, take_text, NULL};

const char *jb_plan_translate(const struct jb_plan *plan, const char *language, const char *text) {
    for (size_t i = 0; text && i < plan->text_count; i++) {
        if (strcmp(plan->texts[i].language, language) == 0 && strcmp(plan->texts[i].from, text) == 0)
            return plan->texts[i].to;
    }
    return text;
}
