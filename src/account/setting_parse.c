/* The sections and keys of joulebook.ini, and what must hold between them. */
#include "account/setting_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/ini.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum kind { SITE, CONTRACT, TARIFF, SERVER, UNIT, TARGET, METER, KIND_COUNT };
static const char *const kinds[KIND_COUNT] = {"site", "contract", "tariff", "server",
                                              "unit", "target",   "meter"};

/* What is being read: the sections at the ends of the lists, and where in the file. */
struct reader {
    struct jb_setting *setting;
    size_t capacities[KIND_COUNT], list_capacity; /* list_capacity: of the section's own repeated lines */
    enum kind kind;
    struct jb_setting_place place;
    struct jb_error *error;
    uint64_t seen; /* keys of the section that stood already */
};

enum form { TEXT, LIST, NUMBER, CUSTOM };

struct key {
    const char *name;
    enum form form;
    size_t offset; /* of the member in its section's struct */
    const struct jb_setting_range *range;
    enum jb_code (*take)(struct reader *reader, const char *value);
    bool repeats;
};

#define LAST(reader, list) (&(reader)->setting->list##s[(reader)->setting->list##_count - 1])

/* Takes one of a few words. */
static enum jb_code take_word(struct reader *reader, const char *value, const char *const *words,
                              size_t count, unsigned *ret_index) {
    char all[200];
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], value) == 0) {
            *ret_index = (unsigned)i;
            return JB_OK;
        }
        length += (size_t)snprintf(all + length, sizeof all - length, "%s%s", i ? ", " : "", words[i]);
    }
    return jb_setting_fault(&reader->place, reader->error, "'%.40s' is none of %s", value, all);
}

static enum jb_code take_operator(struct reader *reader, const char *value) {
    static const char *const words[] = {"self", "provider"};
    unsigned index = 0;
    enum jb_code code = take_word(reader, value, words, JB_COUNT(words), &index);
    if (!code)
        LAST(reader, site)->is_provided = index == 1;
    return code;
}

static enum jb_code take_category(struct reader *reader, const char *value) {
    static const char *const words[] = {"1", "2", "3"};
    unsigned index = 0;
    enum jb_code code = take_word(reader, value, words, JB_COUNT(words), &index);
    if (!code)
        LAST(reader, site)->pue_category = (enum jb_pue_category)(index + 1);
    return code;
}

static enum jb_code take_series_uncertainty(struct reader *reader, const char *value) {
    struct jb_declared number;
    enum jb_code code = jb_setting_number(value, &jb_setting_percent, &reader->place, reader->error, &number);
    if (!code)
        LAST(reader, site)->series_uncertainty = (struct jb_declared){1, number.value, number.line};
    return code;
}

static enum jb_code take_contract_kind(struct reader *reader, const char *value) {
    static const char *const words[] = {"ppa", "certificate", "on-site"};
    unsigned index = 0;
    enum jb_code code = take_word(reader, value, words, JB_COUNT(words), &index);
    if (!code)
        LAST(reader, contract)->kind = (enum jb_contract_kind)index;
    return code;
}

static enum jb_code take_vintage(struct reader *reader, const char *value) {
    struct jb_contract *contract = LAST(reader, contract);
    if (strlen(value) != 4)
        return jb_setting_fault(&reader->place, reader->error,
                                "'%.40s' is no year; write one such as 2026, or from and until", value);
    enum jb_code code = jb_setting_time(value, false, &reader->place, reader->error, &contract->from_ns);
    return code ? code : jb_setting_time(value, true, &reader->place, reader->error, &contract->until_ns);
}

static enum jb_code take_contract_from(struct reader *reader, const char *value) {
    return jb_setting_time(value, false, &reader->place, reader->error, &LAST(reader, contract)->from_ns);
}

static enum jb_code take_contract_until(struct reader *reader, const char *value) {
    return jb_setting_time(value, false, &reader->place, reader->error, &LAST(reader, contract)->until_ns);
}

static enum jb_code take_profile(struct reader *reader, const char *value) {
    struct jb_contract *contract = LAST(reader, contract);
    if (strcmp(value, "flat") == 0) {
        contract->is_flat = true;
        return JB_OK;
    }
    if (strncmp(value, "series:", 7) != 0 || !value[7])
        return jb_setting_fault(&reader->place, reader->error,
                                "'%.60s' is no profile; write flat, or series:NAME", value);
    return jb_setting_text(reader->setting->texts, value + 7, reader->error, &contract->series);
}

static enum jb_code take_currency(struct reader *reader, const char *value) {
    struct jb_tariff *tariff = LAST(reader, tariff);
    if (jb_commodity_parse(value, NULL, &tariff->currency) || !jb_commodity_is_money(tariff->currency))
        return jb_setting_fault(&reader->place, reader->error,
                                "'%.40s' is no currency; write its three letters, such as EUR", value);
    return JB_OK;
}

static enum jb_code take_offset(struct reader *reader, const char *value) {
    unsigned hours, minutes;
    char sign;
    int end = 0;
    if (sscanf(value, "%c%2u:%2u%n", &sign, &hours, &minutes, &end) != 3 || value[end] ||
        (sign != '+' && sign != '-') || hours > 14 || minutes > 59)
        return jb_setting_fault(&reader->place, reader->error,
                                "'%.40s' is no offset from UTC; write it like +09:00", value);
    int total = (int)(hours * 60 + minutes);
    LAST(reader, tariff)->utc_offset_minutes = sign == '-' ? -total : total;
    return JB_OK;
}

static enum jb_code take_daylight(struct reader *reader, const char *value) {
    static const char *const words[] = {"none", "eu", "us"};
    unsigned index = 0;
    enum jb_code code = take_word(reader, value, words, JB_COUNT(words), &index);
    if (!code)
        LAST(reader, tariff)->daylight_saving = (enum jb_daylight_saving)index;
    return code;
}

static enum jb_code take_rate(struct reader *reader, const char *value) {
    struct jb_tariff *tariff = LAST(reader, tariff);
    struct jb_rate rate;
    if (!tariff->currency)
        return jb_setting_fault(&reader->place, reader->error, "put 'currency = …' above the first rate");
    enum jb_code code = jb_setting_rate(value, tariff->currency, &reader->place, reader->error, &rate);
    if (!code)
        code = jb_array_reserve(&tariff->rates, &reader->list_capacity, tariff->rate_count + 1, 1000,
                                "rates of a tariff", reader->error);
    if (!code)
        tariff->rates[tariff->rate_count++] = rate;
    return code;
}

static enum jb_code take_since(struct reader *reader, const char *value) {
    return jb_setting_time(value, false, &reader->place, reader->error, &LAST(reader, server)->from_ns);
}

static enum jb_code take_amount(struct reader *reader, const char *value) {
    struct jb_functional_unit *unit = LAST(reader, unit);
    struct jb_unit_amount amount;
    enum jb_code code =
        jb_setting_amount(reader->setting->texts, value, &reader->place, reader->error, &amount);
    if (!code)
        code = jb_array_reserve(&unit->amounts, &reader->list_capacity, unit->amount_count + 1,
                                JB_UNIT_AMOUNT_CEILING, "amounts of a unit", reader->error);
    if (!code)
        unit->amounts[unit->amount_count++] = amount;
    return code;
}

static const char *const target_kinds[] = {"pue", "clean", "wue", "cue", "ref", "erf"};

static enum jb_code take_target_kind(struct reader *reader, const char *value) {
    unsigned index = 0;
    enum jb_code code = take_word(reader, value, target_kinds, JB_COUNT(target_kinds), &index);
    if (!code)
        LAST(reader, target)->kind = (enum jb_target_kind)index;
    return code;
}

static enum jb_code take_target_value(struct reader *reader, const char *value) {
    static const struct jb_setting_range *const ranges[] = {
        [JB_TARGET_PUE] = &jb_setting_pue,     [JB_TARGET_CLEAN] = &jb_setting_percent,
        [JB_TARGET_WUE] = &jb_setting_water,   [JB_TARGET_CUE] = &jb_setting_intensity,
        [JB_TARGET_REF] = &jb_setting_percent, [JB_TARGET_ERF] = &jb_setting_percent};
    struct jb_target *target = LAST(reader, target);
    struct jb_declared number;
    enum jb_code code =
        jb_setting_number(value, ranges[target->kind], &reader->place, reader->error, &number);
    if (!code)
        target->value = target->kind == JB_TARGET_CUE ? number.value / 1000 : number.value;
    return code;
}

static enum jb_code take_by(struct reader *reader, const char *value) {
    return jb_setting_time(value, true, &reader->place, reader->error, &LAST(reader, target)->by_ns);
}

static enum jb_code take_basis(struct reader *reader, const char *value) {
    static const char *const words[] = {"annual", "hourly"};
    unsigned index = 0;
    enum jb_code code = take_word(reader, value, words, JB_COUNT(words), &index);
    if (!code)
        LAST(reader, target)->is_hourly = index == 1;
    return code;
}

#define OF(type, member) offsetof(struct jb_##type, member)
static const struct key site_keys[] = {
    {"accounts", LIST, OF(site, accounts), .range = NULL},
    {"grid", TEXT, OF(site, grid), .range = NULL},
    {"provider", TEXT, OF(site, provider), .range = NULL},
    {"region", TEXT, OF(site, region), .range = NULL},
    {"operator", CUSTOM, .take = take_operator},
    {"intensity", NUMBER, OF(site, intensity_g_per_kwh), .range = &jb_setting_intensity},
    {"intensity-direct", NUMBER, OF(site, intensity_direct_g_per_kwh), .range = &jb_setting_intensity},
    {"residual-intensity", NUMBER, OF(site, residual_g_per_kwh), .range = &jb_setting_intensity},
    {"intensity-series", TEXT, OF(site, intensity_series), .range = NULL},
    {"residual-series", TEXT, OF(site, residual_series), .range = NULL},
    {"series-uncertainty", CUSTOM, .take = take_series_uncertainty},
    {"pue", NUMBER, OF(site, pue), .range = &jb_setting_pue},
    {"pue-category", CUSTOM, .take = take_category},
    {"wue", NUMBER, OF(site, wue_l_per_kwh), .range = &jb_setting_water},
    {"grid-water", NUMBER, OF(site, grid_water_l_per_kwh), .range = &jb_setting_water},
    {"water-source", TEXT, OF(site, water_source), .range = NULL},
    {"reused-energy", NUMBER, OF(site, reused_energy_kwh_per_year), .range = &jb_setting_energy},
    {"latency", NUMBER, OF(site, latency_ms), .range = &jb_setting_latency},
    {"tariff", TEXT, OF(site, tariff), .range = NULL},
};
static const struct key contract_keys[] = {
    {"kind", CUSTOM, .take = take_contract_kind},
    {"sites", LIST, OF(contract, sites), .range = NULL},
    {"technology", TEXT, OF(contract, technology), .range = NULL},
    {"zone", TEXT, OF(contract, zone), .range = NULL},
    {"deliverable", LIST, OF(contract, deliverable), .range = NULL},
    {"market", LIST, OF(contract, market), .range = NULL},
    {"vintage", CUSTOM, .take = take_vintage},
    {"from", CUSTOM, .take = take_contract_from},
    {"until", CUSTOM, .take = take_contract_until},
    {"volume", NUMBER, OF(contract, volume_kwh), .range = &jb_setting_energy},
    {"profile", CUSTOM, .take = take_profile},
    {"intensity", NUMBER, OF(contract, intensity_g_per_kwh), .range = &jb_setting_intensity},
};
static const struct key tariff_keys[] = {
    {"currency", CUSTOM, .take = take_currency},
    {"utc-offset", CUSTOM, .take = take_offset},
    {"daylight-saving", CUSTOM, .take = take_daylight},
    {"rate", CUSTOM, .take = take_rate, .repeats = true},
};
static const struct key server_keys[] = {
    {"hosts", LIST, OF(server, hosts), .range = NULL},
    {"embodied", NUMBER, OF(server, embodied_kgco2e), .range = &jb_setting_mass},
    {"provider", TEXT, OF(server, provider), .range = NULL},
    {"model", TEXT, OF(server, model), .range = NULL},
    {"lifetime", NUMBER, OF(server, lifetime_years), .range = &jb_setting_years},
    {"since", CUSTOM, .take = take_since},
};
static const struct key unit_keys[] = {
    {"accounts", LIST, OF(functional_unit, accounts), .range = NULL},
    {"amount", CUSTOM, .take = take_amount, .repeats = true},
    {"file", TEXT, OF(functional_unit, file), .range = NULL},
};
static const struct key target_keys[] = {
    {"kind", CUSTOM, .take = take_target_kind},   {"site", TEXT, OF(target, site), .range = NULL},
    {"value", CUSTOM, .take = take_target_value}, {"by", CUSTOM, .take = take_by},
    {"basis", CUSTOM, .take = take_basis},
};
static const struct {
    const struct key *keys;
    size_t count;
} tables[KIND_COUNT] = {
    [SITE] = {site_keys, JB_COUNT(site_keys)},       [CONTRACT] = {contract_keys, JB_COUNT(contract_keys)},
    [TARIFF] = {tariff_keys, JB_COUNT(tariff_keys)}, [SERVER] = {server_keys, JB_COUNT(server_keys)},
    [UNIT] = {unit_keys, JB_COUNT(unit_keys)},       [TARGET] = {target_keys, JB_COUNT(target_keys)},
};

/* The member of the section that is being read. */
static char *section_of(struct reader *reader) {
    switch (reader->kind) {
    case SITE:
        return (char *)LAST(reader, site);
    case CONTRACT:
        return (char *)LAST(reader, contract);
    case TARIFF:
        return (char *)LAST(reader, tariff);
    case SERVER:
        return (char *)LAST(reader, server);
    case UNIT:
        return (char *)LAST(reader, unit);
    case TARGET:
        return (char *)LAST(reader, target);
    case METER:
    case KIND_COUNT:
        break;
    }
    assert(false);
    return NULL;
}

static enum jb_code unknown_key(struct reader *reader) {
    const char *names[JB_COUNT(site_keys)];
    size_t count = tables[reader->kind].count;
    for (size_t i = 0; i < count; i++)
        names[i] = tables[reader->kind].keys[i].name;
    const char *near = jb_ini_near(reader->place.field, names, count);
    char all[400];
    size_t length = 0;
    for (size_t i = 0; i < count && length < sizeof all; i++)
        length += (size_t)snprintf(all + length, sizeof all - length, "%s%s", i ? ", " : "", names[i]);
    if (near)
        return jb_setting_fault(&reader->place, reader->error, "[%s] has no such key; did you mean '%s'?",
                                kinds[reader->kind], near);
    return jb_setting_fault(&reader->place, reader->error, "[%s] has no such key; it has %s",
                            kinds[reader->kind], all);
}

static enum jb_code take_key(struct reader *reader, const char *value) {
    const struct key *key = NULL;
    for (size_t i = 0; i < tables[reader->kind].count; i++) {
        if (strcmp(tables[reader->kind].keys[i].name, reader->place.field) == 0)
            key = &tables[reader->kind].keys[i];
    }
    if (!key)
        return unknown_key(reader);
    uint64_t bit = UINT64_C(1) << (key - tables[reader->kind].keys);
    if ((reader->seen & bit) && !key->repeats)
        return jb_setting_fault(&reader->place, reader->error, "it is set twice in its section; keep one");
    reader->seen |= bit;
    if (!*value)
        return jb_setting_fault(&reader->place, reader->error,
                                "it is empty; give a value, or remove the line");
    char *section = section_of(reader);
    switch (key->form) {
    case TEXT:
        return jb_setting_text(reader->setting->texts, value, reader->error,
                               (const char **)(void *)(section + key->offset));
    case LIST:
        return jb_setting_list(reader->setting->texts, value, &reader->place, reader->error,
                               (struct jb_name_list *)(void *)(section + key->offset));
    case NUMBER:
        return jb_setting_number(value, key->range, &reader->place, reader->error,
                                 (struct jb_declared *)(void *)(section + key->offset));
    case CUSTOM:
        return key->take(reader, value);
    }
    assert(false);
    return JB_INTERNAL;
}

/* ---- sections ---- */

static const struct jb_declared undeclared = {NAN, NAN, 0};

#define OPEN(reader, which, list, ...)                                                                       \
    ({                                                                                                       \
        struct jb_setting *setting_ = (reader)->setting;                                                     \
        enum jb_code code_ = JB_OK;                                                                          \
        for (size_t i_ = 0; i_ < setting_->list##_count && !code_; i_++) {                                   \
            if (strcmp(setting_->list##s[i_].name, name) == 0)                                               \
                code_ = jb_setting_fault(&(reader)->place, (reader)->error,                                  \
                                         "there is a [" #list " %.60s] already, on line %" PRIu32, name,     \
                                         setting_->list##s[i_].line);                                        \
        }                                                                                                    \
        if (!code_)                                                                                          \
            code_ = jb_array_reserve(&setting_->list##s, &(reader)->capacities[which],                       \
                                     setting_->list##_count + 1, JB_SETTING_CEILING, "sections of one kind", \
                                     (reader)->error);                                                       \
        if (!code_)                                                                                          \
            setting_->list##s[setting_->list##_count++] =                                                    \
                (__typeof__(*setting_->list##s)){.name = name, .line = (reader)->place.line, __VA_ARGS__};   \
        code_;                                                                                               \
    })

static enum jb_code open_section(struct reader *reader, const char *name) {
    switch (reader->kind) {
    case SITE:
        return OPEN(reader, SITE, site, .grid = "", .provider = "", .region = "", .intensity_series = "",
                    .residual_series = "", .water_source = "", .tariff = "",
                    .intensity_g_per_kwh = undeclared, .intensity_direct_g_per_kwh = undeclared,
                    .residual_g_per_kwh = undeclared, .series_uncertainty = undeclared, .pue = undeclared,
                    .wue_l_per_kwh = undeclared, .grid_water_l_per_kwh = undeclared,
                    .reused_energy_kwh_per_year = undeclared, .latency_ms = undeclared);
    case CONTRACT:
        return OPEN(reader, CONTRACT, contract, .technology = "", .zone = "", .series = "",
                    .from_ns = INT64_MIN, .until_ns = INT64_MAX, .volume_kwh = undeclared,
                    .intensity_g_per_kwh = undeclared);
    case TARIFF:
        return OPEN(reader, TARIFF, tariff, .currency = 0);
    case SERVER:
        return OPEN(reader, SERVER, server, .provider = "", .model = "", .embodied_kgco2e = undeclared,
                    .lifetime_years = undeclared, .from_ns = INT64_MIN);
    case UNIT:
        return OPEN(reader, UNIT, unit, .file = "");
    case TARGET: {
        /* [target pue] needs no kind. */
        unsigned kind = JB_TARGET_PUE;
        for (unsigned i = 0; i < JB_COUNT(target_kinds); i++)
            kind = strcmp(name, target_kinds[i]) == 0 ? i : kind;
        return OPEN(reader, TARGET, target, .kind = (enum jb_target_kind)kind, .site = "", .value = NAN,
                    .by_ns = INT64_MAX);
    }
    case METER:
    case KIND_COUNT:
        break;
    }
    return JB_OK;
}

/* "[site seoul1]" */
static enum jb_code take_heading(struct reader *reader, const char *section) {
    char kind[32], heading[80];
    size_t length = strcspn(section, " \t");
    snprintf(heading, sizeof heading, "[%.70s]", section);
    snprintf(kind, sizeof kind, "%.*s", (int)(length < sizeof kind ? length : sizeof kind - 1), section);
    const char *name = section + length + strspn(section + length, " \t");
    reader->place.field = "";
    reader->seen = 0;
    reader->list_capacity = 0;
    for (reader->kind = SITE; reader->kind < KIND_COUNT && strcmp(kinds[reader->kind], kind) != 0;)
        reader->kind++;
    if (reader->kind == KIND_COUNT) {
        const char *near = jb_ini_near(kind, kinds, KIND_COUNT);
        return jb_setting_fault(
            &reader->place, reader->error,
            near ? "%s is no section of ours; did you mean [%s%s]?"
                 : "%s is no section of ours; there are site, contract, tariff, server, unit, "
                   "target and meter%s%s",
            heading, near ? near : "", near && *name ? " NAME" : "");
    }
    if (reader->kind == METER)
        return JB_OK;
    if (!*name || strlen(name) > 100)
        return jb_setting_fault(&reader->place, reader->error, "%s needs a name, such as [%s %s]", heading,
                                kind, reader->kind == TARGET ? "pue" : "one");
    enum jb_code code = jb_setting_text(reader->setting->texts, name, reader->error, &name);
    return code ? code : open_section(reader, name);
}

/* ---- what must hold when all has been read ---- */

static enum jb_code check_site(const struct jb_setting *setting, const struct jb_site *site,
                               struct jb_setting_place *place, struct jb_error *error) {
    place->line = site->line;
    if (*site->tariff && !jb_setting_tariff(setting, site->tariff))
        return jb_setting_fault(place, error,
                                "site %.60s names tariff '%.60s', and there is no [tariff %.60s]", site->name,
                                site->tariff, site->tariff);
    if (jb_declared_is_set(&site->intensity_g_per_kwh) && *site->intensity_series)
        return jb_setting_fault(place, error, "site %.60s has intensity and intensity-series; keep one",
                                site->name);
    if (jb_declared_is_set(&site->residual_g_per_kwh) && *site->residual_series)
        return jb_setting_fault(
            place, error, "site %.60s has residual-intensity and residual-series; keep one", site->name);
    if (*site->region && !*site->provider)
        return jb_setting_fault(place, error, "site %.60s has a region and no provider; add provider",
                                site->name);
    return JB_OK;
}

/* Contracts reach the grid that they were generated in when nothing else is said. */
static enum jb_code check_contract(struct jb_setting *setting, struct jb_contract *contract,
                                   struct jb_setting_place *place, struct jb_error *error) {
    place->line = contract->line;
    for (size_t i = 0; i < contract->sites.count; i++) {
        if (!jb_setting_site(setting, contract->sites.items[i]))
            return jb_setting_fault(place, error,
                                    "contract %.60s is for site '%.60s', and there is no such [site]",
                                    contract->name, contract->sites.items[i]);
    }
    if (contract->from_ns >= contract->until_ns)
        return jb_setting_fault(place, error, "contract %.60s ends before it begins; mend from and until",
                                contract->name);
    if (!jb_declared_is_set(&contract->volume_kwh) && !*contract->series)
        return jb_setting_fault(place, error,
                                "contract %.60s has neither volume nor profile = series:NAME; give one",
                                contract->name);
    if (jb_declared_is_set(&contract->volume_kwh) &&
        (contract->from_ns == INT64_MIN || contract->until_ns == INT64_MAX))
        return jb_setting_fault(
            place, error, "contract %.60s has a volume of no period; give vintage = YEAR, or from and until",
            contract->name);
    if (!*contract->technology && !jb_declared_is_set(&contract->intensity_g_per_kwh))
        return jb_setting_fault(place, error, "contract %.60s has neither technology nor intensity; give one",
                                contract->name);
    if (contract->kind == JB_CONTRACT_ON_SITE)
        return contract->sites.count
                   ? JB_OK
                   : jb_setting_fault(place, error, "contract %.60s is on-site and names no site; add sites",
                                      contract->name);
    if (!*contract->zone && !contract->deliverable.count)
        return jb_setting_fault(place, error,
                                "contract %.60s does not say where it was generated; add zone (such as KR)",
                                contract->name);
    if (!contract->deliverable.count) {
        enum jb_code code =
            jb_setting_list(setting->texts, contract->zone, place, error, &contract->deliverable);
        if (code)
            return code;
    }
    if (!contract->market.count) {
        contract->market.items = calloc(contract->deliverable.count, sizeof *contract->market.items);
        if (!contract->market.items)
            return jb_error_set(error, JB_MEMORY, "no memory for a contract");
        contract->market.count = contract->deliverable.count;
        memcpy(contract->market.items, contract->deliverable.items,
               contract->market.count * sizeof *contract->market.items);
    }
    return JB_OK;
}

static bool rate_is_conditional(const struct jb_rate *rate) {
    return rate->weekdays != 0x7f || rate->months != 0xfff || rate->minute_from != 0 ||
           rate->minute_until != 1440;
}

static enum jb_code check_tariff(const struct jb_tariff *tariff, struct jb_setting_place *place,
                                 struct jb_error *error) {
    place->line = tariff->line;
    if (tariff->rate_count == 0)
        return jb_setting_fault(place, error, "tariff %.60s has no rate; add rate = PRICE CURRENCY/kWh",
                                tariff->name);
    for (size_t i = 0; i < tariff->rate_count; i++) {
        bool is_last = i + 1 == tariff->rate_count;
        place->line = tariff->rates[i].price_per_kwh.line;
        if (is_last && rate_is_conditional(&tariff->rates[i]))
            return jb_setting_fault(
                place, error,
                "the last rate of tariff %.60s holds at some times only; end with one for all "
                "others",
                tariff->name);
        if (!is_last && !rate_is_conditional(&tariff->rates[i]))
            return jb_setting_fault(place, error,
                                    "this rate holds at all times, so those below it never do; put it last");
    }
    return JB_OK;
}

static enum jb_code check_rest(const struct jb_setting *setting, struct jb_setting_place *place,
                               struct jb_error *error) {
    for (size_t i = 0; i < setting->server_count; i++) {
        const struct jb_server *server = &setting->servers[i];
        place->line = server->line;
        if (!server->hosts.count)
            return jb_setting_fault(place, error, "server %.60s is no host; add hosts (such as hosts = h*)",
                                    server->name);
        if (!jb_declared_is_set(&server->embodied_kgco2e) && !*server->model)
            return jb_setting_fault(place, error, "server %.60s has neither embodied nor model; give one",
                                    server->name);
        if (!jb_declared_is_set(&server->lifetime_years))
            return jb_setting_fault(place, error, "server %.60s has no lifetime; add lifetime = 4 years",
                                    server->name);
    }
    for (size_t i = 0; i < setting->unit_count; i++) {
        place->line = setting->units[i].line;
        if (!setting->units[i].amount_count && !*setting->units[i].file)
            return jb_setting_fault(place, error, "unit %.60s has no amount; add amount or file",
                                    setting->units[i].name);
    }
    for (size_t i = 0; i < setting->target_count; i++) {
        const struct jb_target *target = &setting->targets[i];
        place->line = target->line;
        if (isnan(target->value) || target->by_ns == INT64_MAX)
            return jb_setting_fault(place, error, "target %.60s needs a value and by", target->name);
        if (*target->site && !jb_setting_site(setting, target->site))
            return jb_setting_fault(place, error,
                                    "target %.60s is for site '%.60s', and there is no such [site]",
                                    target->name, target->site);
    }
    return JB_OK;
}

static enum jb_code check_setting(struct jb_setting *setting, const char *file, struct jb_error *error) {
    struct jb_setting_place place = {.file = file, .field = ""};
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < setting->site_count && !code; i++)
        code = check_site(setting, &setting->sites[i], &place, error);
    for (size_t i = 0; i < setting->contract_count && !code; i++)
        code = check_contract(setting, &setting->contracts[i], &place, error);
    for (size_t i = 0; i < setting->tariff_count && !code; i++)
        code = check_tariff(&setting->tariffs[i], &place, error);
    return code ? code : check_rest(setting, &place, error);
}

enum jb_code jb_setting_parse(const char *text, size_t length, const char *file, struct jb_error *error,
                              struct jb_setting **ret_setting) {
    _cleanup_(jb_ini_free_cleanup) struct jb_ini *ini = NULL;
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting = calloc(1, sizeof *setting);
    const struct jb_ini_entry *entries;
    if (!setting)
        return jb_error_set(error, JB_MEMORY, "no memory for the setting");
    enum jb_code code = jb_strings_make(JB_INI_ENTRY_CEILING * 100, error, &setting->texts);
    if (!code)
        code = jb_ini_read(text, length, file, error, &ini);
    if (code)
        return code;
    struct reader reader = {.setting = setting, .place = {.file = file, .field = ""}, .error = error};
    size_t count = jb_ini_entries(ini, &entries);
    for (size_t i = 0; i < count && !code; i++) {
        reader.place.line = entries[i].line;
        if (!entries[i].name) {
            code = take_heading(&reader, entries[i].section);
        } else if (reader.kind != METER) { /* [meter] is the meter's to read */
            reader.place.field = entries[i].name;
            code = take_key(&reader, entries[i].value);
        }
    }
    if (!code)
        code = check_setting(setting, file, error);
    if (code)
        return code;
    size_t name_length = strlen(file), size = sizeof setting->file;
    snprintf(setting->file, size, "%s", name_length < size ? file : file + name_length - size + 1);
    jb_sha256(text, length, setting->sha256);
    *ret_setting = JB_TAKE(setting);
    return JB_OK;
}
