/* Reads a project's INI file. What each key takes stands in docs/SPEC-payback.md. */
#include "decide/project.h"

#include "base/ini.h"
#include "base/time.h"

#include <math.h>
#include <string.h>

/* "[cost serving]" and what stands under it. */
struct section {
    const char *heading; /* "cost serving" */
    const char *name;    /* "serving"; "" when there is none */
    int kind_length;
    uint32_t line;
    const struct jb_ini_entry *entries;
    size_t entry_count;
};

struct reader {
    struct jb_project *project;
    const struct jb_data_reader *data;
    const struct section *section;
    const struct jb_ini_entry *entry; /* NULL: the section as a whole */
    struct jb_error *error;
};

/* Puts file, line, section and key before the message. */
static enum jb_code place(const struct reader *reader, enum jb_code code) {
    if (code)
        jb_error_prefix(reader->error, "%s, line %u: [%.80s]%s%.40s", reader->project->file,
                        reader->entry ? reader->entry->line : reader->section->line, reader->section->heading,
                        reader->entry ? " " : "", reader->entry ? reader->entry->name : "");
    return code;
}

#define WRONG(reader, ...) (jb_error_set((reader)->error, JB_INPUT, __VA_ARGS__))

const char *jb_worth_name(enum jb_worth worth) {
    static const char *const names[JB_WORTH_COUNT] = {"energy", "carbon", "money"};
    return names[worth];
}

static const char *section_value(const struct section *section, const char *key) {
    for (size_t i = 0; i < section->entry_count; i++) {
        if (strcmp(section->entries[i].name, key) == 0)
            return section->entries[i].value;
    }
    return NULL;
}

/* A formula of the section; its inputs are called "SECTION: KEY". */
static enum jb_code read_formula(struct reader *reader, const char *input_name,
                                 struct jb_product *ret_product) {
    struct jb_project *project = reader->project;
    struct jb_formula_scope scope = {.measures = &project->measures,
                                     .names = &project->names,
                                     .data = reader->data,
                                     .inputs = &project->inputs,
                                     .input_name = input_name,
                                     .source = section_value(reader->section, "source")};
    return jb_formula_parse(reader->entry->value, &scope, reader->error, ret_product);
}

static enum jb_code require_dimension(struct reader *reader, const struct jb_product *product,
                                      struct jb_dimension wanted) {
    char is[JB_DIMENSION_SIZE], should[JB_DIMENSION_SIZE];
    const struct jb_measures *measures = &reader->project->measures;
    if (jb_dimension_is(&product->dimension, &wanted))
        return JB_OK;
    return WRONG(reader, "this is in %s, and must be in %s",
                 jb_dimension_format(measures, &product->dimension, is),
                 jb_dimension_format(measures, &wanted, should));
}

/* A number that is known: a time in hours, or a rate of change per year. */
static enum jb_code read_fixed(struct reader *reader, struct jb_dimension dimension, double *ret_value) {
    struct jb_product product;
    size_t before = reader->project->inputs.count;
    enum jb_code code = read_formula(reader, reader->entry->name, &product);
    if (!code)
        code = require_dimension(reader, &product, dimension);
    if (!code && (product.count || reader->project->inputs.count != before))
        code = WRONG(reader, "must be a known number here, no distribution");
    if (!code)
        *ret_value = product.constant;
    return code;
}

static enum jb_code read_duration(struct reader *reader, double *ret_hours) {
    double hours = 0;
    enum jb_code code = read_fixed(reader, jb_dimension_of(JB_DIMENSION_TIME, 1), &hours);
    if (!code && !(hours >= 0 && hours <= 200 * JB_HOURS_PER_YEAR))
        code = WRONG(reader, "is not between 0 and 200 years");
    if (!code)
        *ret_hours = hours;
    return code;
}

/* "3 % / year" as 0.03. */
static enum jb_code read_change(struct reader *reader, double *ret_per_year) {
    double change = 0;
    enum jb_code code = read_fixed(reader, jb_dimension_of(JB_DIMENSION_TIME, -1), &change);
    change *= JB_HOURS_PER_YEAR;
    if (!code && !(change > -0.9 && change <= 10))
        code = WRONG(reader, "is not between -90 and 1000 %% / year");
    if (!code)
        *ret_per_year = change;
    return code;
}

/* A date, or a time since the start. */
static enum jb_code read_moment(struct reader *reader, double *ret_hours) {
    const char *value = reader->entry->value;
    int64_t ns;
    if (strlen(value) >= 10 && value[4] == '-' && value[7] == '-') {
        enum jb_code code = jb_time_parse(value, reader->error, &ns);
        if (code)
            return code;
        double hours = ((double)ns - (double)reader->project->start_ns) / 3.6e12;
        if (hours < 0)
            return WRONG(reader, "lies before the project's start");
        *ret_hours = hours;
        return JB_OK;
    }
    return read_duration(reader, ret_hours);
}

/* A bare number between low and high, whatever is drawn. */
static enum jb_code read_ratio(struct reader *reader, const char *input_name, double low, double high,
                               struct jb_product *ret_product) {
    struct jb_product product;
    double least, most;
    struct jb_uncertain_list *inputs = &reader->project->inputs;
    enum jb_code code = read_formula(reader, input_name, &product);
    if (!code)
        code = require_dimension(reader, &product, (struct jb_dimension){0});
    if (code)
        return code;
    jb_product_support(&product, inputs, &least, &most);
    if (least < low - 1e-12 || most > high + 1e-12)
        return WRONG(
            reader, "may be %.4g to %.4g, and must stay within %.4g to %.4g; use uniform, triangular or data",
            least, most, low, high);
    if (product.count == 1 && product.factors[0].power == 1 && product.factors[0].complement == 0 &&
        product.constant > 0) {
        struct jb_uncertain *input = &inputs->items[product.factors[0].input];
        input->least = fmax(input->least, low / product.constant);
        input->most = fmin(input->most, high / product.constant);
    }
    *ret_product = product;
    return JB_OK;
}

static enum jb_code unknown_key(struct reader *reader, const char *const *keys, size_t count) {
    const char *near = jb_ini_near(reader->entry->name, keys, count);
    return WRONG(reader, "is no key of this section%s%s", near ? "; near: " : "", near ? near : "");
}

/* ---- [project] ---- */

static const char *const project_keys[] = {
    "name",           "start",      "life",
    "currency",       "units",      "region",
    "discount",       "pue",        "electricity_price",
    "grid_intensity", "grid_trend", "rebound",
    "note",           "source",
};

static enum jb_code read_units(struct reader *reader) {
    char text[256];
    if (strlen(reader->entry->value) >= sizeof text)
        return WRONG(reader, "more than %zu bytes", sizeof text - 1);
    strcpy(text, reader->entry->value);
    char *rest = text, *word;
    enum jb_code code = JB_OK;
    while (!code && (word = strsep(&rest, ", \t"))) {
        if (*word)
            code = jb_measures_add(&reader->project->measures, word, reader->error);
    }
    return code;
}

static enum jb_code read_priced(struct reader *reader, const char *input_name, enum jb_base_dimension over,
                                struct jb_product *ret_product, bool *ret_has) {
    struct jb_product product;
    struct jb_dimension dimension = jb_dimension_of(over, 1);
    dimension.powers[JB_DIMENSION_ENERGY] = -1;
    enum jb_code code = read_formula(reader, input_name, &product);
    if (!code)
        code = require_dimension(reader, &product, dimension);
    if (!code) {
        *ret_product = product;
        *ret_has = true;
    }
    return code;
}

static enum jb_code read_project_entry(struct reader *reader) {
    struct jb_project *project = reader->project;
    const char *key = reader->entry->name, *value = reader->entry->value;
    enum jb_code code = JB_OK;
    if (strcmp(key, "name") == 0) {
        project->name = value;
    } else if (strcmp(key, "start") == 0) {
        code = jb_time_parse(value, reader->error, &project->start_ns);
    } else if (strcmp(key, "life") == 0) {
        code = read_duration(reader, &project->life_h);
        if (!code && project->life_h < 1)
            code = WRONG(reader, "is shorter than an hour");
    } else if (strcmp(key, "units") == 0) {
        code = read_units(reader);
    } else if (strcmp(key, "region") == 0) {
        project->region = value;
    } else if (strcmp(key, "discount") == 0) {
        code = read_change(reader, &project->discount);
    } else if (strcmp(key, "grid_trend") == 0) {
        code = read_change(reader, &project->intensity_trend);
    } else if (strcmp(key, "pue") == 0) {
        code = read_ratio(reader, "PUE", 1, INFINITY, &project->pue);
        project->has_pue = true;
    } else if (strcmp(key, "rebound") == 0) {
        code = read_ratio(reader, "rebound", 0, 1, &project->rebound);
        project->has_rebound = true;
    } else if (strcmp(key, "electricity_price") == 0) {
        code = read_priced(reader, "electricity price", JB_DIMENSION_MONEY, &project->price,
                           &project->has_price);
    } else if (strcmp(key, "grid_intensity") == 0) {
        code = read_priced(reader, "grid intensity", JB_DIMENSION_CARBON, &project->intensity,
                           &project->has_intensity);
    } else if (strcmp(key, "currency") != 0 && strcmp(key, "note") != 0 && strcmp(key, "source") != 0) {
        code = unknown_key(reader, project_keys, JB_COUNT(project_keys));
    }
    return code;
}

static enum jb_code read_project(struct reader *reader) {
    struct jb_project *project = reader->project;
    const char *currency = section_value(reader->section, "currency");
    enum jb_code code = JB_OK;
    if (*reader->section->name)
        return WRONG(reader, "has no name behind it; give it as name = …");
    if (!currency || strlen(currency) != 3 || strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
        return WRONG(reader, "needs a currency, three capital letters (ISO 4217): currency = EUR");
    if (!section_value(reader->section, "start") || !section_value(reader->section, "life"))
        return WRONG(reader, "needs start = 2026-01-01 and life = 3 years");
    char three[4];
    memcpy(three, currency, sizeof three);
    project->measures = jb_measures_make(three);
    /* Own units first: the other values may use them. */
    for (int round = 0; round < 2 && !code; round++) {
        for (size_t i = 0; i < reader->section->entry_count && !code; i++) {
            reader->entry = &reader->section->entries[i];
            if ((strcmp(reader->entry->name, "units") == 0) == (round == 0))
                code = read_project_entry(reader);
        }
    }
    return code;
}

/* ---- [input NAME] ---- */

static enum jb_code read_input(struct reader *reader) {
    static const char *const keys[] = {"value", "source", "note"};
    struct jb_project *project = reader->project;
    const char *name = reader->section->name;
    bool has_value = false;
    struct jb_product product;
    for (size_t i = 0; i < project->names.count; i++) {
        if (strcmp(project->names.items[i].name, name) == 0)
            return WRONG(reader, "there is an input of that name above");
    }
    if (!jb_formula_name_is_free(&project->measures, name))
        return WRONG(reader, "an input is called by one word of letters, digits, - and _ that is no unit");
    for (size_t i = 0; i < reader->section->entry_count; i++) {
        enum jb_code code = JB_OK;
        reader->entry = &reader->section->entries[i];
        if (strcmp(reader->entry->name, "value") == 0) {
            code = read_formula(reader, name, &product);
            has_value = true;
        } else if (strcmp(reader->entry->name, "source") != 0 && strcmp(reader->entry->name, "note") != 0) {
            code = unknown_key(reader, keys, JB_COUNT(keys));
        }
        if (code)
            return code;
    }
    reader->entry = NULL;
    if (!has_value)
        return WRONG(reader, "has no value = …");
    if (project->names.count == JB_INPUT_CEILING)
        return WRONG(reader, "is one input too many");
    project->names.items[project->names.count].name = name;
    project->names.items[project->names.count++].product = product;
    return JB_OK;
}

/* ---- [cost NAME], [benefit NAME] ---- */

enum item_key {
    AMOUNT,
    WHAT,
    ENERGY,
    CARBON,
    MONEY,
    REGION,
    SCOPE,
    SHARE,
    ATTRIBUTION,
    REBOUND,
    FROM,
    UNTIL,
    RAMP,
    GROWTH,
    AMORTISED,
    EMBODIED,
    ACCOUNT,
    ACCOUNT_FROM,
    ACCOUNT_TO,
    GPU_PRICE,
    SOURCE,
    NOTE,
    ITEM_KEY_COUNT,
};
static const char *const item_keys[] = {
    "amount",      "what",         "energy",     "carbon",    "money",  "region", "scope",     "share",
    "attribution", "rebound",      "from",       "until",     "ramp",   "growth", "amortised", "embodied",
    "account",     "account_from", "account_to", "gpu_price", "source", "note",
};
_Static_assert(JB_COUNT(item_keys) == ITEM_KEY_COUNT, "a name for each key");

/* Takes the time out of an amount that is per time. */
static enum jb_code read_amount(struct reader *reader, const char *input_name, struct jb_project_item *item) {
    enum jb_code code = read_formula(reader, input_name, &item->amount);
    if (code)
        return code;
    int time = item->amount.dimension.powers[JB_DIMENSION_TIME];
    if (time != 0 && time != -1) {
        char is[JB_DIMENSION_SIZE];
        return WRONG(reader, "this is in %s; an amount is once, or per time such as / month",
                     jb_dimension_format(&reader->project->measures, &item->amount.dimension, is));
    }
    item->is_rate = time == -1;
    item->amount.dimension.powers[JB_DIMENSION_TIME] = 0;
    item->has_amount = true;
    return JB_OK;
}

static enum jb_code read_conversion(struct reader *reader, const char *input_name,
                                    struct jb_conversion *conversion) {
    if (strcmp(reader->entry->value, "none") == 0) {
        conversion->kind = JB_CONVERSION_NONE;
        return JB_OK;
    }
    conversion->kind = JB_CONVERSION_GIVEN;
    return read_formula(reader, input_name, &conversion->product);
}

static enum jb_code read_scope(struct reader *reader, struct jb_project_item *item) {
    item->is_it = strcmp(reader->entry->value, "it") == 0;
    if (!item->is_it && strcmp(reader->entry->value, "facility") != 0)
        return WRONG(reader, "'%.40s' is neither it (the machines alone: PUE comes on top) nor facility",
                     reader->entry->value);
    return JB_OK;
}

static enum jb_code read_share(struct reader *reader, const char *input_name, struct jb_project_item *item) {
    struct jb_product share;
    enum jb_code code = read_ratio(reader, input_name, 0, 1, &share);
    return code ? code : jb_product_multiply(&item->share, &share, 1, reader->error);
}

static enum jb_code read_gpu_price(struct reader *reader, const char *input_name,
                                   struct jb_project_item *item) {
    struct jb_dimension dimension = jb_dimension_of(JB_DIMENSION_MONEY, 1), hour;
    double size;
    enum jb_code code = read_formula(reader, input_name, &item->gpu_price);
    (void)jb_measure_find(&reader->project->measures, "gpu-hour", &size, &hour);
    (void)jb_dimension_add(&dimension, &hour, -1);
    if (!code)
        code = require_dimension(reader, &item->gpu_price, dimension);
    item->has_gpu_price = true;
    return code;
}

static enum jb_code read_item_entry(struct reader *reader, struct jb_project_item *item, double *amortised_h,
                                    bool *has_rebound) {
    char input_name[JB_INPUT_NAME_SIZE];
    const char *value = reader->entry->value;
    size_t key = 0;
    struct jb_product rebound;
    enum jb_code code = JB_OK;
    while (key < ITEM_KEY_COUNT && strcmp(item_keys[key], reader->entry->name) != 0)
        key++;
    (void)snprintf(input_name, sizeof input_name, "%.80s: %.20s", item->name, reader->entry->name);
    switch ((enum item_key)key) {
    case AMOUNT:
        return read_amount(reader, input_name, item);
    case ENERGY:
    case CARBON:
    case MONEY:
        return read_conversion(reader, input_name, &item->conversions[key - ENERGY]);
    case SCOPE:
        return read_scope(reader, item);
    case SHARE:
    case ATTRIBUTION:
        return read_share(reader, input_name, item);
    case REBOUND:
        *has_rebound = true;
        code = read_ratio(reader, input_name, 0, 1, &rebound);
        return code ? code : jb_product_multiply_complement(&item->share, &rebound, reader->error);
    case FROM:
        return read_moment(reader, &item->from_h);
    case UNTIL:
        return read_moment(reader, &item->until_h);
    case RAMP:
        return read_duration(reader, &item->ramp_h);
    case AMORTISED:
        code = read_duration(reader, amortised_h);
        return !code && *amortised_h < 1 ? WRONG(reader, "is shorter than an hour") : code;
    case GROWTH:
        return read_change(reader, &item->growth);
    case ACCOUNT_FROM:
        return jb_time_parse(value, reader->error, &item->account_from_ns);
    case ACCOUNT_TO:
        return jb_time_parse(value, reader->error, &item->account_to_ns);
    case GPU_PRICE:
        return read_gpu_price(reader, input_name, item);
    case WHAT:
        item->what = value;
        break;
    case REGION:
        item->region = value;
        break;
    case EMBODIED:
        item->embodied = value;
        break;
    case ACCOUNT:
        item->account = value;
        break;
    case SOURCE:
        item->source = value;
        break;
    case NOTE:
        break;
    case ITEM_KEY_COUNT:
        code = jb_task_set(&item->task, reader->entry->name, value, reader->error);
        if (code == JB_NO_DATA) {
            const char *keys[ITEM_KEY_COUNT + JB_TASK_KEY_COUNT];
            memcpy(keys, item_keys, sizeof item_keys);
            memcpy(keys + ITEM_KEY_COUNT, jb_task_keys, sizeof jb_task_keys);
            code = unknown_key(reader, keys, JB_COUNT(keys));
        }
        break;
    }
    return code;
}

/* What no single line shows. */
static enum jb_code check_item(struct reader *reader, struct jb_project_item *item, double amortised_h) {
    const struct jb_project *project = reader->project;
    reader->entry = NULL;
    if ((item->account != NULL) + (item->embodied != NULL) + (item->task.model != NULL) > 1)
        return WRONG(reader, "account, embodied and model exclude each other");
    if (!item->task.model && (jb_task_is_set(&item->task) || item->has_gpu_price))
        return WRONG(reader, "says how a model runs, but not which; add model = qwen2.5-7b");
    if (item->account ? item->has_amount : !item->has_amount)
        return WRONG(reader, item->account ? "account and amount exclude each other"
                                           : "needs an amount, such as amount = 300 kWh / month");
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        bool is_found = item->account || item->task.model || (item->embodied && worth == JB_WORTH_CARBON);
        bool is_denied = worth != JB_WORTH_ENERGY && item->conversions[worth].kind == JB_CONVERSION_NONE;
        if (is_found && item->conversions[worth].kind != JB_CONVERSION_UNSAID && !is_denied)
            return WRONG(reader, "%s follows from account, model or embodied; take the line out",
                         jb_worth_name((enum jb_worth)worth));
    }
    if (item->account && item->account_to_ns <= item->account_from_ns)
        return WRONG(reader, "account_to does not lie behind account_from");
    if (amortised_h > 0) {
        if (item->is_rate || item->account)
            return WRONG(reader, "amortised goes with an amount that is once, not per time");
        item->amount.constant /= amortised_h;
        item->is_rate = true;
    }
    if (item->until_h > project->life_h)
        item->until_h = project->life_h;
    if (item->from_h >= item->until_h)
        return WRONG(reader, "does not begin before it ends, or before the project does");
    if (!item->is_rate && !item->account && (item->ramp_h > 0 || item->growth != 0))
        return WRONG(reader, "ramp and growth go with an amount per time");
    return JB_OK;
}

static enum jb_code read_item(struct reader *reader, bool is_benefit) {
    struct jb_project *project = reader->project;
    double amortised_h = 0;
    bool has_rebound = false;
    enum jb_code code = JB_OK;
    if (project->item_count == JB_PROJECT_ITEM_CEILING)
        return WRONG(reader, "is one cost or benefit too many; there may be %d", JB_PROJECT_ITEM_CEILING);
    struct jb_project_item *item = &project->items[project->item_count];
    *item = (struct jb_project_item){.name = reader->section->name,
                                     .line = reader->section->line,
                                     .is_benefit = is_benefit,
                                     .share = jb_product_of(1),
                                     .until_h = project->life_h,
                                     .account_from_ns = INT64_MIN,
                                     .account_to_ns = INT64_MAX};
    if (!*item->name)
        return WRONG(reader, "has no name; write [%s NAME]", is_benefit ? "benefit" : "cost");
    for (size_t i = 0; i < project->item_count; i++) {
        if (strcmp(project->items[i].name, item->name) == 0)
            return WRONG(reader, "there is a cost or benefit of that name above");
    }
    for (size_t i = 0; i < reader->section->entry_count && !code; i++) {
        reader->entry = &reader->section->entries[i];
        code = read_item_entry(reader, item, &amortised_h, &has_rebound);
    }
    if (!code && has_rebound && !is_benefit)
        code = WRONG(reader, "only what is saved rebounds");
    if (!code)
        code = check_item(reader, item, amortised_h);
    if (!code && is_benefit && !has_rebound && project->has_rebound)
        code = jb_product_multiply_complement(&item->share, &project->rebound, reader->error);
    project->item_count += code == JB_OK;
    return code;
}

/* ---- the file ---- */

/* Takes the heading apart; entries: the heading and what follows it. Returns how many entries it has, itself
 * with them. */
static size_t cut_section(const struct jb_ini_entry *entries, size_t count, struct section *ret_section) {
    const char *heading = entries[0].section;
    size_t length = strcspn(heading, " \t"), used = 1;
    while (used < count && entries[used].name)
        used++;
    *ret_section = (struct section){.heading = heading,
                                    .name = heading + length + strspn(heading + length, " \t"),
                                    .kind_length = (int)length,
                                    .line = entries[0].line,
                                    .entries = entries + 1,
                                    .entry_count = used - 1};
    return used;
}

static bool is_kind(const struct section *section, const char *kind) {
    return strlen(kind) == (size_t)section->kind_length &&
           strncmp(section->heading, kind, (size_t)section->kind_length) == 0;
}

/* Every key once, and with a value. */
static enum jb_code check_entries(struct reader *reader) {
    const struct section *section = reader->section;
    for (size_t i = 0; i < section->entry_count; i++) {
        reader->entry = &section->entries[i];
        if (!*reader->entry->value)
            return WRONG(reader, "has no value; give one or take the line out");
        for (size_t j = 0; j < i; j++) {
            if (strcmp(section->entries[j].name, reader->entry->name) == 0)
                return WRONG(reader, "stands in line %u already", section->entries[j].line);
        }
    }
    reader->entry = NULL;
    return JB_OK;
}

static enum jb_code read_section(struct reader *reader, bool is_first) {
    static const char *const kinds[] = {"project", "input", "cost", "benefit"};
    const struct section *section = reader->section;
    char kind[40];
    enum jb_code code = check_entries(reader);
    if (code)
        return code;
    if (is_kind(section, "project") != is_first)
        return WRONG(reader, "one [project] comes first, and only once");
    if (is_first)
        return read_project(reader);
    if (is_kind(section, "input"))
        return read_input(reader);
    if (is_kind(section, "cost") || is_kind(section, "benefit"))
        return read_item(reader, is_kind(section, "benefit"));
    (void)snprintf(kind, sizeof kind, "%.*s", section->kind_length, section->heading);
    const char *near = jb_ini_near(kind, kinds, JB_COUNT(kinds));
    return WRONG(reader, "is none of [project], [input NAME], [cost NAME], [benefit NAME]%s%s",
                 near ? "; near: " : "", near ? near : "");
}

static enum jb_code read_sections(struct reader *reader) {
    const struct jb_ini_entry *entries;
    size_t count = jb_ini_entries(reader->project->ini, &entries);
    enum jb_code code = JB_OK;
    for (size_t at = 0; at < count && !code;) {
        struct section section;
        bool is_first = at == 0;
        at += cut_section(entries + at, count - at, &section);
        reader->section = &section;
        reader->entry = NULL;
        code = place(reader, read_section(reader, is_first));
    }
    reader->section = NULL;
    return code;
}

static enum jb_code check_project(const struct jb_project *project, struct jb_error *error) {
    bool has[2] = {false, false};
    for (size_t i = 0; i < project->item_count; i++)
        has[project->items[i].is_benefit] = true;
    if (!has[0] || !has[1])
        return jb_error_set(error, JB_INPUT, "%s: has no [%s NAME]: there is nothing to weigh", project->file,
                            has[0] ? "benefit" : "cost");
    return JB_OK;
}

enum jb_code jb_project_parse(const char *bytes, size_t length, const char *file,
                              const struct jb_data_reader *data, struct jb_error *error,
                              struct jb_project **ret_project) {
    _cleanup_(jb_project_free_cleanup) struct jb_project *project = calloc(1, sizeof *project);
    struct jb_error ignored;
    if (!project)
        return jb_error_set(error, JB_MEMORY, "no memory for %s", file);
    project->items = calloc(JB_PROJECT_ITEM_CEILING, sizeof *project->items);
    project->file = strdup(file);
    if (!project->items || !project->file)
        return jb_error_set(error, JB_MEMORY, "no memory for %s", file);
    struct reader reader = {.project = project, .data = data, .error = error ? error : &ignored};
    enum jb_code code = jb_ini_read(bytes, length, file, reader.error, &project->ini);
    if (!code)
        code = read_sections(&reader);
    if (!code)
        code = check_project(project, reader.error);
    if (!code)
        *ret_project = JB_TAKE(project);
    return code;
}

void jb_project_free(struct jb_project *project) {
    if (!project)
        return;
    jb_uncertain_free(&project->inputs);
    jb_ini_free(project->ini);
    free(project->items);
    free(project->file);
    free(project);
}
