/* Looks up what a project only names, and makes uncertain inputs of it. */
#include "decide/lookup.h"

#include "base/distribution.h"
#include "base/text.h"
#include "base/time.h"
#include "ledger/statement.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME_CEILING 512 /* names among which a near one is looked for */

void jb_lookup_begin(struct jb_lookup *lookup, struct jb_project *project,
                     const struct jb_payback_sources *sources, struct jb_payback_model *model,
                     struct jb_error *error) {
    *lookup = (struct jb_lookup){.project = project, .sources = sources, .model = model, .error = error};
}

static void add_note(struct jb_lookup *lookup, const char *text) {
    struct jb_payback_model *model = lookup->model;
    if (model->note_count < JB_NOTE_CEILING)
        (void)snprintf(model->notes[model->note_count++], sizeof model->notes[0], "%s", text);
}

/* An input of our own making, times `size` of its dimension. */
static enum jb_code add_input(struct jb_lookup *lookup, const char *name, const char *unit,
                              const char *source, struct jb_distribution distribution,
                              struct jb_product *ret_product) {
    struct jb_uncertain input = {.distribution = distribution, .least = -INFINITY, .most = INFINITY};
    uint16_t index = 0;
    (void)snprintf(input.name, sizeof input.name, "%s", name);
    (void)snprintf(input.unit, sizeof input.unit, "%s", unit);
    (void)snprintf(input.source, sizeof input.source, "%s", source);
    enum jb_code code = jb_uncertain_add(&lookup->project->inputs, &input, lookup->error, &index);
    if (code)
        return code;
    *ret_product = jb_product_of(1);
    ret_product->count = 1;
    ret_product->factors[0].input = index;
    ret_product->factors[0].power = 1;
    return JB_OK;
}

/* A positive quantity with a relative standard uncertainty is taken as lognormal with that mean and standard
 * deviation. */
static struct jb_distribution distribution_of(double value, double uncertainty) {
    double variance = log1p(uncertainty * uncertainty);
    return (struct jb_distribution){
        .kind = JB_LOGNORMAL, .a = value * exp(-variance / 2), .b = exp(sqrt(variance))};
}

/* A factor as a product: an input when its uncertainty is known, else a number, which is noted. */
static enum jb_code product_of(struct jb_lookup *lookup, const struct jb_factor_answer *answer,
                               const char *unit, struct jb_product *ret_product) {
    const struct jb_factor *factor = answer->factor;
    const struct jb_factor_set *sets;
    char id[JB_FACTOR_ID_SIZE], shown[100], note[512], date[JB_TIME_SIZE];
    struct jb_product product = jb_product_of(factor->value);
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < lookup->known_count; i++) {
        if (lookup->known[i].factor == factor) {
            *ret_product = lookup->known[i].product;
            return JB_OK;
        }
    }
    (void)jb_factors_sets(lookup->sources->factors, &sets);
    (void)jb_text_display(jb_factor_id(factor, id), shown, sizeof shown);
    bool is_uncertain = factor->uncertainty > 0 && factor->value > 0;
    if (is_uncertain)
        code = add_input(lookup, shown, unit, sets[factor->set].source,
                         distribution_of(factor->value, factor->uncertainty), &product);
    if (code)
        return code;
    const char *doubt = is_uncertain || factor->uncertainty == 0 || factor->value == 0
                            ? ""
                            : ", its uncertainty is not known and taken as none";
    jb_time_format(factor->until_ns, date);
    (void)snprintf(note, sizeof note, "%s: %.6g %s (%.60s%s)%s%.10s", shown, factor->value, unit,
                   sets[factor->set].name, doubt, answer->is_earlier ? "; the last one, valid until " : "",
                   answer->is_earlier ? date : "");
    add_note(lookup, note);
    if (lookup->known_count < JB_LOOKUP_CEILING) {
        lookup->known[lookup->known_count].factor = factor;
        lookup->known[lookup->known_count++].product = product;
    }
    *ret_product = product;
    return JB_OK;
}

static enum jb_code need_factors(struct jb_lookup *lookup) {
    return lookup->sources->factors
               ? JB_OK
               : jb_error_set(lookup->error, JB_INPUT, "there are no factor tables to look this up in");
}

/* Adds the subjects or regions of a quantity to names, each once; returns how many there are then. */
static size_t list_names(const struct jb_factors *factors, enum jb_quantity quantity, bool is_region,
                         const char **names) {
    const struct jb_factor *all;
    size_t count = 0, rows = jb_factors_all(factors, &all);
    for (size_t i = 0; i < rows && count < NAME_CEILING; i++) {
        const char *name = is_region ? all[i].region : all[i].subject;
        if (all[i].quantity == quantity && *name && (count == 0 || strcmp(names[count - 1], name) != 0))
            names[count++] = name;
    }
    return count;
}

static enum jb_code unknown_name(struct jb_lookup *lookup, enum jb_quantity quantity, bool is_region,
                                 const char *what, const char *name) {
    const char *names[NAME_CEILING];
    const char *near =
        jb_ini_near(name, names, list_names(lookup->sources->factors, quantity, is_region, names));
    return jb_error_set(lookup->error, JB_INPUT, "there is no %s '%.60s'%s%s; see joulebook factors list %s",
                        what, name, near ? "; near: " : "", near ? near : "",
                        jb_quantity_info(quantity)->name);
}

enum jb_code jb_lookup_intensity(struct jb_lookup *lookup, const char *region,
                                 struct jb_product *ret_product) {
    const struct jb_project *project = lookup->project;
    char provider[64] = "";
    struct jb_factor_query query = {
        .quantity = JB_GRID_INTENSITY, .at_ns = project->start_ns, .allows_earlier = true};
    struct jb_factor_answer answer;
    if (project->has_intensity && (!region || region == project->region)) {
        *ret_product = project->intensity;
        return JB_OK;
    }
    if (!region)
        return JB_NO_DATA;
    enum jb_code code = need_factors(lookup);
    if (code)
        return code;
    const char *slash = strchr(region, '/');
    query.region = region;
    if (slash && (size_t)(slash - region) < sizeof provider) {
        memcpy(provider, region, (size_t)(slash - region));
        query.provider = provider;
        query.region = slash + 1;
    }
    if (jb_factors_find(lookup->sources->factors, &query, &answer))
        return unknown_name(lookup, JB_GRID_INTENSITY, true, "grid intensity of a region", region);
    code = product_of(lookup, &answer, "g/kWh", ret_product);
    ret_product->constant *= 1e-3;
    ret_product->dimension = jb_dimension_of(JB_DIMENSION_CARBON, 1);
    ret_product->dimension.powers[JB_DIMENSION_ENERGY] = -1;
    return code;
}

enum jb_code jb_lookup_activity(struct jb_lookup *lookup, enum jb_quantity quantity, const char *what,
                                const struct jb_dimension *dimension, struct jb_product *ret_product) {
    char unit[JB_DIMENSION_SIZE], subject[JB_DIMENSION_SIZE + 128], shown[JB_DIMENSION_SIZE + 32];
    struct jb_factor_answer answer;
    struct jb_dimension result =
        jb_dimension_of(quantity == JB_ACTIVITY_ENERGY ? JB_DIMENSION_ENERGY : JB_DIMENSION_CARBON, 1);
    enum jb_code code = need_factors(lookup);
    if (code)
        return code;
    (void)jb_dimension_format(&lookup->project->measures, dimension, unit);
    (void)snprintf(subject, sizeof subject, "%.100s/%s", what, unit);
    (void)snprintf(shown, sizeof shown, "%s/%s", quantity == JB_ACTIVITY_ENERGY ? "kWh" : "kgCO2e", unit);
    struct jb_factor_query query = {
        .quantity = quantity, .subject = subject, .at_ns = lookup->project->start_ns, .allows_earlier = true};
    if (jb_factors_find(lookup->sources->factors, &query, &answer)) {
        /* The other quantity has it: then only this figure is not known. */
        query.quantity = quantity == JB_ACTIVITY_ENERGY ? JB_ACTIVITY_CARBON : JB_ACTIVITY_ENERGY;
        if (jb_factors_find(lookup->sources->factors, &query, &answer) == JB_OK)
            return JB_NO_DATA;
        return unknown_name(lookup, JB_ACTIVITY_CARBON, false, "factor of", subject);
    }
    code = product_of(lookup, &answer, shown, ret_product);
    if (!code && jb_dimension_add(&result, dimension, -1))
        ret_product->dimension = result;
    return code;
}

enum jb_code jb_lookup_embodied(struct jb_lookup *lookup, const char *subject,
                                struct jb_product *ret_product) {
    struct jb_factor_answer answer;
    struct jb_factor_query query = {.quantity = JB_EMBODIED_FACTOR,
                                    .subject = subject,
                                    .at_ns = lookup->project->start_ns,
                                    .allows_earlier = true};
    enum jb_code code = need_factors(lookup);
    if (code)
        return code;
    /* A machine of a cloud is called as the provider calls it: "aws/p5.48xlarge". */
    char provider[64] = "";
    const char *slash = strchr(subject, '/');
    if (slash && (size_t)(slash - subject) < sizeof provider) {
        memcpy(provider, subject, (size_t)(slash - subject));
        query.provider = provider;
        query.subject = slash + 1;
    }
    if (jb_factors_find(lookup->sources->factors, &query, &answer))
        return unknown_name(lookup, JB_EMBODIED_FACTOR, false, "embodied carbon of", subject);
    return product_of(lookup, &answer, "kgCO2e", ret_product);
}

/* An amount per hour, uncertain as the book says. */
static enum jb_code rate_of(struct jb_lookup *lookup, const struct jb_project_item *item, const char *what,
                            const struct jb_statement_row *total, double size, double hours, const char *unit,
                            struct jb_product *ret_product) {
    char name[JB_INPUT_NAME_SIZE], note[512];
    double value = (double)total->amount / size / hours;
    double deviation = jb_interval_95_standard(total->low, total->high) / size / hours;
    if (deviation > 0) {
        (void)snprintf(name, sizeof name, "%.80s: %s booked", item->name, what);
        return add_input(lookup, name, unit, item->account,
                         value > 0 && deviation < value
                             ? distribution_of(value, deviation / value)
                             : (struct jb_distribution){.kind = JB_NORMAL, .a = value, .b = deviation},
                         ret_product);
    }
    if (isnan(deviation)) {
        (void)snprintf(note, sizeof note, "%.100s: the uncertainty of its %s is not known and taken as none",
                       item->account, what);
        add_note(lookup, note);
    }
    *ret_product = jb_product_of(value);
    return JB_OK;
}

static enum jb_code take_totals(struct jb_lookup *lookup, const struct jb_project_item *item,
                                const struct jb_statement *statement, struct jb_account_rates *ret_rates) {
    struct jb_account_rates rates = {0};
    char currency[JB_COMMODITY_SIZE], unit[32], note[512], from[JB_TIME_SIZE], to[JB_TIME_SIZE];
    int64_t from_ns = item->account_from_ns == INT64_MIN ? statement->first_ns : item->account_from_ns;
    int64_t to_ns = item->account_to_ns == INT64_MAX ? statement->last_ns : item->account_to_ns;
    double hours = ((double)to_ns - (double)from_ns) / 3.6e12;
    bool has_energy = false;
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < statement->total_count && !code; i++) {
        const struct jb_statement_row *total = &statement->totals[i];
        if (total->commodity == JB_ENERGY) {
            code = rate_of(lookup, item, "energy", total, 3.6e12, hours, "kW", &rates.energy);
            has_energy = true;
        } else if (total->commodity == JB_EMBODIED) {
            code = rate_of(lookup, item, "embodied carbon", total, 1e9, hours, "kgCO2e / h", &rates.embodied);
            rates.has_embodied = true;
        } else if (jb_commodity_is_money(total->commodity) &&
                   strcmp(jb_commodity_format(total->commodity, currency),
                          lookup->project->measures.currency) == 0) {
            (void)snprintf(unit, sizeof unit, "%s / h", currency);
            code = rate_of(lookup, item, "money", total, 1e6, hours, unit, &rates.money);
            rates.has_money = true;
        }
    }
    if (!code && !has_energy)
        code = jb_error_set(lookup->error, JB_INPUT,
                            "account: no energy of '%.100s' is booked in that period", item->account);
    if (code)
        return code;
    (void)snprintf(note, sizeof note, "%.100s: as booked from %s to %s%s", item->account,
                   jb_time_format(from_ns, from), jb_time_format(to_ns, to),
                   statement->gap_count ? "; that period has gaps, in which nothing is known" : "");
    add_note(lookup, note);
    *ret_rates = rates;
    return JB_OK;
}

enum jb_code jb_lookup_account(struct jb_lookup *lookup, const struct jb_project_item *item,
                               struct jb_account_rates *ret_rates) {
    struct jb_statement_request request = {
        .query = {.from_ns = item->account_from_ns, .to_ns = item->account_to_ns, .account = item->account},
        .by = JB_BY_ACCOUNT};
    _cleanup_(jb_statement_free) struct jb_statement statement = {0};
    if (!lookup->sources->ledger)
        return jb_error_set(lookup->error, JB_INPUT, "account: there is no book; give one with --book");
    enum jb_code code = jb_statement_make(lookup->sources->ledger, &request, lookup->error, &statement);
    if (!code && (statement.row_count == 0 || statement.last_ns <= statement.first_ns))
        code = jb_error_set(lookup->error, JB_INPUT, "account: nothing of '%.100s' is booked in that period",
                            item->account);
    return code ? code : take_totals(lookup, item, &statement, ret_rates);
}

/* W beside each accelerator. */
static enum jb_code find_host_power(struct jb_lookup *lookup, const char *accelerator,
                                    struct jb_product *ret_product) {
    const char *const subjects[] = {accelerator, "accelerator"};
    struct jb_factor_answer answer;
    enum jb_code code = need_factors(lookup);
    for (size_t i = 0; i < JB_COUNT(subjects) && !code; i++) {
        struct jb_factor_query query = {.quantity = JB_HOST_POWER,
                                        .subject = subjects[i],
                                        .at_ns = lookup->project->start_ns,
                                        .allows_earlier = true};
        if (jb_factors_find(lookup->sources->factors, &query, &answer) == JB_OK)
            return product_of(lookup, &answer, "W", ret_product);
    }
    return code ? code
                : jb_error_set(lookup->error, JB_INPUT,
                               "there is no host_power of 'accelerator' in the factor tables");
}

enum jb_code jb_lookup_task(struct jb_lookup *lookup, const struct jb_project_item *item,
                            struct jb_task_rates *ret_rates) {
    static const char *const units[] = {"request", "image", "video", "run"};
    struct jb_task_estimate estimate;
    struct jb_task_rates rates = {.energy = jb_product_of(1)};
    char name[JB_INPUT_NAME_SIZE], unit[32], note[512];
    if (!lookup->sources->tables)
        return jb_error_set(lookup->error, JB_INPUT, "model: there are no tables of models here");
    enum jb_code code = jb_task_estimate(lookup->sources->tables, &item->task, lookup->error, &estimate);
    if (code)
        return code == JB_USAGE || code == JB_LIMIT ? JB_INPUT : code;
    const struct jb_energy *energy = &estimate.energy;
    (void)snprintf(name, sizeof name, "%.80s: GPU energy", item->name);
    (void)snprintf(unit, sizeof unit, "Wh / %s", units[energy->unit]);
    if (energy->low_j > 0 && energy->high_j > energy->low_j)
        code = add_input(lookup, name, unit, "estimate",
                         jb_distribution_of_interval(energy->low_j / 3600, energy->high_j / 3600),
                         &rates.energy);
    else
        rates.energy.constant = energy->energy_j / 3600;
    rates.energy.constant *= 1e-3;
    bool is_large = energy->energy_j >= 3.6e6;
    double size_j = is_large ? 3.6e6 : 3600;
    (void)snprintf(note, sizeof note,
                   "%.80s: %.3g %s of GPU energy a %s, %.3g – %.3g, on %u %s in %s, at %.3g in flight",
                   estimate.model, energy->energy_j / size_j, is_large ? "kWh" : "Wh", units[energy->unit],
                   energy->low_j / size_j, energy->high_j / size_j, estimate.accelerator_count,
                   estimate.accelerator->name, jb_precision_name(estimate.precision), energy->concurrency);
    add_note(lookup, note);
    if (!code)
        code = find_host_power(lookup, estimate.accelerator->name, &rates.host);
    rates.host.constant *= 1e-3 * estimate.accelerator_h;
    rates.gpu_hours = estimate.accelerator_h;
    if (!code)
        *ret_rates = rates;
    return code;
}
