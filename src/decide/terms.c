/* From what a project states to terms that can be drawn: looks up what it only names. */
#include "decide/payback.h"

#include "base/array.h"
#include "decide/lookup.h"

#include <math.h>
#include <string.h>

struct builder {
    struct jb_project *project;
    struct jb_lookup lookup;
    struct jb_payback_model *model;
    struct jb_error *error;
    const struct jb_project_item *item;
    uint16_t item_index;
};

#define TERM_CEILING (JB_PROJECT_ITEM_CEILING * (JB_WORTH_COUNT + 1))

void jb_payback_model_free(struct jb_payback_model *model) {
    if (!model)
        return;
    free(model->terms);
    free(model->profiles);
    *model = (struct jb_payback_model){0};
}

static enum jb_code profile_of(struct builder *builder, enum jb_worth worth, bool is_electric, bool is_rate,
                               uint16_t *ret_profile) {
    const struct jb_project_item *item = builder->item;
    struct jb_payback_model *model = builder->model;
    double change = (is_electric && worth == JB_WORTH_CARBON ? log1p(builder->project->intensity_trend) : 0) -
                    (worth == JB_WORTH_MONEY ? log1p(builder->project->discount) : 0);
    struct jb_profile profile = {.is_rate = is_rate,
                                 .from_h = item->from_h,
                                 .until_h = item->until_h,
                                 .ramp_h = item->ramp_h,
                                 .growth = log1p(item->growth) / JB_HOURS_PER_YEAR,
                                 .trend = change / JB_HOURS_PER_YEAR};
    size_t at = 0;
    while (at < model->profile_count &&
           !(model->profiles[at].is_rate == profile.is_rate && model->profiles[at].from_h == profile.from_h &&
             model->profiles[at].until_h == profile.until_h && model->profiles[at].ramp_h == profile.ramp_h &&
             model->profiles[at].growth == profile.growth && model->profiles[at].trend == profile.trend))
        at++;
    if (at == model->profile_count) {
        enum jb_code code = jb_array_reserve(&model->profiles, &model->profile_capacity, at + 1, TERM_CEILING,
                                             "profiles", builder->error);
        if (code)
            return code;
        model->profiles[model->profile_count++] = profile;
    }
    *ret_profile = (uint16_t)at;
    return JB_OK;
}

/* share × product as a cost or saving of the item. */
static enum jb_code add_term(struct builder *builder, enum jb_worth worth, const struct jb_product *product,
                             bool is_electric, bool is_rate) {
    struct jb_payback_model *model = builder->model;
    struct jb_term term = {.worth = worth,
                           .is_benefit = builder->item->is_benefit,
                           .item = builder->item_index,
                           .product = *product};
    enum jb_code code = jb_product_multiply(&term.product, &builder->item->share, 1, builder->error);
    if (!code)
        code = profile_of(builder, worth, is_electric, is_rate, &term.profile);
    if (!code)
        code = jb_array_reserve(&model->terms, &model->term_capacity, model->term_count + 1, TERM_CEILING,
                                "terms", builder->error);
    if (!code)
        model->terms[model->term_count++] = term;
    return code;
}

/* Nothing can be said of that worth, since this item's part in it is not known. The first one is named. */
static void lacks(struct builder *builder, enum jb_worth worth, const char *mend) {
    char *unknown = builder->model->unknown[worth];
    builder->model->is_item_unknown[builder->item_index][worth] = true;
    if (!*unknown)
        (void)snprintf(unknown, sizeof builder->model->unknown[worth], "[%s %.80s] does not say: %s",
                       builder->item->is_benefit ? "benefit" : "cost", builder->item->name, mend);
}

/* What one of the item's amount is in a worth; false when that is not known, or nothing. */
struct rates {
    bool has[JB_WORTH_COUNT];
    bool is_electric;
    struct jb_product of[JB_WORTH_COUNT];
};

static enum jb_code take_given(struct builder *builder, struct rates *rates) {
    static const enum jb_base_dimension targets[] = {JB_DIMENSION_ENERGY, JB_DIMENSION_CARBON,
                                                     JB_DIMENSION_MONEY};
    const struct jb_project_item *item = builder->item;
    char is[JB_DIMENSION_SIZE], should[JB_DIMENSION_SIZE];
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        struct jb_dimension wanted = jb_dimension_of(targets[worth], 1);
        bool is_itself = jb_dimension_is(&item->amount.dimension, &wanted);
        if (!jb_dimension_add(&wanted, &item->amount.dimension, -1))
            return jb_error_set(builder->error, JB_INPUT, "the amount's unit has too high powers");
        if (item->conversions[worth].kind == JB_CONVERSION_GIVEN) {
            const struct jb_product *given = &item->conversions[worth].product;
            if (!jb_dimension_is(&given->dimension, &wanted))
                return jb_error_set(builder->error, JB_INPUT,
                                    "%s is in %s, and must be in %s for this amount",
                                    jb_worth_name((enum jb_worth)worth),
                                    jb_dimension_format(&builder->project->measures, &given->dimension, is),
                                    jb_dimension_format(&builder->project->measures, &wanted, should));
            rates->of[worth] = *given;
            rates->has[worth] = true;
        } else if (item->conversions[worth].kind == JB_CONVERSION_UNSAID && is_itself) {
            rates->of[worth] = jb_product_of(1);
            rates->has[worth] = true;
        }
    }
    return JB_OK;
}

static bool is_open(const struct builder *builder, const struct rates *rates, enum jb_worth worth) {
    return !rates->has[worth] && builder->item->conversions[worth].kind == JB_CONVERSION_UNSAID;
}

/* PUE on what the machines alone use, and from electricity to carbon and money. */
static enum jb_code take_electricity(struct builder *builder, struct rates *rates) {
    const struct jb_project_item *item = builder->item;
    const struct jb_project *project = builder->project;
    struct jb_product intensity;
    enum jb_code code = JB_OK;
    if (item->is_it) {
        if (!project->has_pue)
            return jb_error_set(
                builder->error, JB_INPUT,
                "scope = it needs a pue in [project], such as pue = triangular(1.1, 1.2, 1.5)");
        code = jb_product_multiply(&rates->of[JB_WORTH_ENERGY], &project->pue, 1, builder->error);
    }
    if (!code && is_open(builder, rates, JB_WORTH_CARBON)) {
        code =
            jb_lookup_intensity(&builder->lookup, item->region ? item->region : project->region, &intensity);
        if (code == JB_NO_DATA)
            return JB_OK;
        rates->of[JB_WORTH_CARBON] = rates->of[JB_WORTH_ENERGY];
        if (!code)
            code = jb_product_multiply(&rates->of[JB_WORTH_CARBON], &intensity, 1, builder->error);
        rates->has[JB_WORTH_CARBON] = true;
    }
    if (!code && is_open(builder, rates, JB_WORTH_MONEY) && project->has_price) {
        rates->of[JB_WORTH_MONEY] = rates->of[JB_WORTH_ENERGY];
        code = jb_product_multiply(&rates->of[JB_WORTH_MONEY], &project->price, 1, builder->error);
        rates->has[JB_WORTH_MONEY] = true;
    }
    return code;
}

/* Fuels, travel, materials: energy and carbon by factors. */
static enum jb_code take_activity(struct builder *builder, struct rates *rates) {
    const struct jb_project_item *item = builder->item;
    static const enum jb_quantity quantities[] = {JB_ACTIVITY_ENERGY, JB_ACTIVITY_CARBON};
    enum jb_code code = JB_OK;
    for (int worth = JB_WORTH_ENERGY; worth <= JB_WORTH_CARBON && !code; worth++) {
        struct jb_product factor;
        if (!is_open(builder, rates, (enum jb_worth)worth))
            continue;
        code = jb_lookup_activity(&builder->lookup, quantities[worth], item->what, &item->amount.dimension,
                                  &factor);
        if (code == JB_NO_DATA) {
            code = JB_OK;
            continue;
        }
        rates->of[worth] = factor;
        rates->has[worth] = code == JB_OK;
    }
    return code;
}

static enum jb_code take_embodied(struct builder *builder, struct rates *rates) {
    enum jb_code code =
        jb_lookup_embodied(&builder->lookup, builder->item->embodied, &rates->of[JB_WORTH_CARBON]);
    rates->has[JB_WORTH_CARBON] = code == JB_OK;
    return code;
}

/* What an item in the book used, per hour. */
static enum jb_code take_account(struct builder *builder) {
    const struct jb_project_item *item = builder->item;
    struct jb_account_rates booked;
    struct rates rates = {.is_electric = true};
    enum jb_code code = jb_lookup_account(&builder->lookup, item, &booked);
    if (code)
        return code;
    rates.of[JB_WORTH_ENERGY] = booked.energy;
    rates.has[JB_WORTH_ENERGY] = true;
    rates.of[JB_WORTH_MONEY] = booked.money;
    rates.has[JB_WORTH_MONEY] = booked.has_money && is_open(builder, &rates, JB_WORTH_MONEY);
    code = take_electricity(builder, &rates);
    for (int worth = 0; worth < JB_WORTH_COUNT && !code; worth++) {
        if (rates.has[worth])
            code = add_term(builder, (enum jb_worth)worth, &rates.of[worth], true, true);
    }
    if (!code && booked.has_embodied && item->conversions[JB_WORTH_CARBON].kind == JB_CONVERSION_UNSAID)
        code = add_term(builder, JB_WORTH_CARBON, &booked.embodied, false, true);
    if (is_open(builder, &rates, JB_WORTH_CARBON))
        lacks(builder, JB_WORTH_CARBON, "a region, or grid_intensity in [project]");
    if (is_open(builder, &rates, JB_WORTH_MONEY))
        lacks(builder, JB_WORTH_MONEY, "electricity_price in [project]");
    return code;
}

/* What a model takes for one of the amount: the accelerators and the rest of the server, with PUE on both;
 * the money of rented accelerators in place of that of electricity. */
static enum jb_code take_task(struct builder *builder) {
    const struct jb_project_item *item = builder->item;
    struct jb_project_item priced = *item;
    struct jb_task_rates task;
    struct rates rates;
    enum jb_code code = jb_lookup_task(&builder->lookup, item, &task);
    priced.is_it = true;
    if (item->has_gpu_price)
        priced.conversions[JB_WORTH_MONEY].kind = JB_CONVERSION_NONE;
    builder->item = &priced;
    for (int part = 0; part < 2 && !code; part++) {
        rates = (struct rates){.is_electric = true, .has = {true}, .of = {part ? task.host : task.energy}};
        code = take_electricity(builder, &rates);
        for (int worth = 0; worth < JB_WORTH_COUNT && !code; worth++) {
            struct jb_product product = item->amount;
            product.dimension = (struct jb_dimension){0};
            rates.of[worth].dimension = (struct jb_dimension){0};
            if (is_open(builder, &rates, (enum jb_worth)worth))
                lacks(builder, (enum jb_worth)worth,
                      worth == JB_WORTH_CARBON ? "a region, or grid_intensity in [project]"
                                               : "gpu_price, or electricity_price in [project]");
            if (rates.has[worth])
                code = jb_product_multiply(&product, &rates.of[worth], 1, builder->error);
            if (rates.has[worth] && !code)
                code = add_term(builder, (enum jb_worth)worth, &product, true, item->is_rate);
        }
    }
    builder->item = item;
    if (!code && item->has_gpu_price) {
        struct jb_product product = item->amount;
        product.constant *= task.gpu_hours;
        code = jb_product_multiply(&product, &item->gpu_price, 1, builder->error);
        if (!code)
            code = add_term(builder, JB_WORTH_MONEY, &product, false, item->is_rate);
    }
    return code;
}

static bool is_electricity(const struct jb_project_item *item) {
    struct jb_dimension energy = jb_dimension_of(JB_DIMENSION_ENERGY, 1);
    return item->what ? strcmp(item->what, "electricity") == 0
                      : jb_dimension_is(&item->amount.dimension, &energy);
}

static enum jb_code take_item(struct builder *builder) {
    static const char *const mends[] = {"energy = … or energy = none", "carbon = … or carbon = none",
                                        "money = … or money = none"};
    const struct jb_project_item *item = builder->item;
    struct rates rates = {.is_electric = is_electricity(item)};
    if (item->account)
        return take_account(builder);
    if (item->task.model)
        return take_task(builder);
    enum jb_code code = take_given(builder, &rates);
    if (code)
        return code;
    if (item->embodied)
        code = take_embodied(builder, &rates);
    else if (rates.is_electric && rates.has[JB_WORTH_ENERGY])
        code = take_electricity(builder, &rates);
    else if (item->what && !rates.is_electric)
        code = take_activity(builder, &rates);
    if (!code && item->is_it && !rates.is_electric)
        code = jb_error_set(builder->error, JB_INPUT, "scope = it goes with electricity");
    for (int worth = 0; worth < JB_WORTH_COUNT && !code; worth++) {
        struct jb_product product = item->amount;
        if (is_open(builder, &rates, (enum jb_worth)worth))
            lacks(builder, (enum jb_worth)worth, mends[worth]);
        if (!rates.has[worth])
            continue;
        code = jb_product_multiply(&product, &rates.of[worth], 1, builder->error);
        if (!code)
            code = add_term(builder, (enum jb_worth)worth, &product, rates.is_electric, item->is_rate);
    }
    return code;
}

enum jb_code jb_payback_model_make(struct jb_project *project, const struct jb_payback_sources *sources,
                                   struct jb_error *error, struct jb_payback_model *ret_model) {
    _cleanup_(jb_payback_model_free) struct jb_payback_model model = {.project = project};
    struct jb_error ignored = {0};
    struct builder builder = {.project = project, .model = &model, .error = error ? error : &ignored};
    jb_lookup_begin(&builder.lookup, project, sources, &model, builder.error);
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < project->item_count && !code; i++) {
        builder.item = &project->items[i];
        builder.item_index = (uint16_t)i;
        code = take_item(&builder);
        if (code)
            jb_error_prefix(builder.error, "%s, line %u: [%s %.60s]", project->file, builder.item->line,
                            builder.item->is_benefit ? "benefit" : "cost", builder.item->name);
    }
    if (code)
        return code;
    *ret_model = model;
    model = (struct jb_payback_model){0};
    return JB_OK;
}
