/* Reads a claims file: a section for each claim. */
#include "account/setting_internal.h"
#include "decide/claim.h"

#include "base/array.h"
#include "base/ini.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {"kind", "value",    "from",   "until", "year",   "by",         "basis",
                                   "site", "provider", "region", "says",  "source", "materiality"};
enum key {
    KIND,
    VALUE,
    FROM,
    UNTIL,
    YEAR,
    BY,
    BASIS,
    SITE,
    PROVIDER,
    REGION,
    SAYS,
    SOURCE,
    MATERIALITY,
    KEY_COUNT
};

struct reader {
    struct jb_claims *claims;
    size_t capacity;
    const char *file;
    struct jb_error *error;
    const char *values[KEY_COUNT]; /* of the section that is open; NULL not given */
    uint32_t lines[KEY_COUNT];
    struct jb_setting_place place;
};

static enum jb_code fault_at(struct reader *reader, enum key key, const char *text) {
    reader->place.line = reader->lines[key];
    reader->place.field = keys[key];
    return jb_setting_fault(&reader->place, reader->error, "%s", text);
}

static struct jb_setting_place *place_of(struct reader *reader, enum key key) {
    reader->place.line = reader->lines[key];
    reader->place.field = keys[key];
    return &reader->place;
}

static enum jb_code take_kind(struct reader *reader, struct jb_claim *claim) {
    const char *names[JB_CLAIM_KIND_COUNT];
    for (unsigned k = 0; k < JB_CLAIM_KIND_COUNT; k++) {
        names[k] = jb_claim_kind_info((enum jb_claim_kind)k)->name;
        if (reader->values[KIND] && strcmp(names[k], reader->values[KIND]) == 0) {
            claim->kind = (enum jb_claim_kind)k;
            return JB_OK;
        }
    }
    if (!reader->values[KIND])
        return jb_setting_fault(
            &reader->place, reader->error,
            "[claim %.60s] has no kind; add one of pue, wue, cue, clean, renewable, reuse", claim->name);
    const char *near = jb_ini_near(reader->values[KIND], names, JB_CLAIM_KIND_COUNT);
    return jb_setting_fault(place_of(reader, KIND), reader->error,
                            "'%.40s' is none of pue, wue, cue, clean, renewable, reuse%s%s%s",
                            reader->values[KIND], near ? "; did you mean " : "", near ? near : "",
                            near ? "?" : "");
}

static const struct jb_setting_unit cue_units[] = {
    {"kg/kWh", 1}, {"kgCO2e/kWh", 1}, {"g/kWh", 1e-3}, {"gCO2e/kWh", 1e-3}, {NULL, 0}};
static const struct jb_setting_range cue_range = {cue_units, 0, 10};

/* Half a unit of the last digit that stands in the number: 0.0005 of "1.200". */
static double half_digit(const char *text) {
    const char *point = strchr(text, '.');
    double digit = 1;
    if (point)
        for (size_t i = strspn(point + 1, "0123456789"); i > 0; i--)
            digit /= 10;
    return digit / 2;
}

static enum jb_code take_value(struct reader *reader, struct jb_claim *claim) {
    static const struct jb_setting_range *const ranges[JB_CLAIM_KIND_COUNT] = {
        [JB_CLAIM_PUE] = &jb_setting_pue,
        [JB_CLAIM_WUE] = &jb_setting_water,
        [JB_CLAIM_CUE] = &cue_range,
        [JB_CLAIM_CLEAN] = &jb_setting_percent,
        [JB_CLAIM_RENEWABLE] = &jb_setting_percent,
        [JB_CLAIM_REUSE] = &jb_setting_percent};
    struct jb_declared number;
    const char *text = reader->values[VALUE];
    if (!text)
        return jb_setting_fault(&reader->place, reader->error, "[claim %.60s] has no value", claim->name);
    enum jb_code code =
        jb_setting_number(text, ranges[claim->kind], place_of(reader, VALUE), reader->error, &number);
    if (code)
        return code;
    if (!isnan(number.uncertainty))
        return fault_at(reader, VALUE,
                        "a claim has no uncertainty of its own; write the number as it was claimed");
    double written = strtod(text, NULL);
    claim->value = number.value;
    claim->half_width = half_digit(text) * (written > 0 ? number.value / written : 0);
    if (written == 0)
        claim->half_width = 0;
    return JB_OK;
}

static enum jb_code take_period(struct reader *reader, struct jb_claim *claim) {
    const char *const *values = reader->values;
    enum jb_code code = JB_OK;
    claim->from_ns = INT64_MIN;
    claim->is_goal = values[BY] != NULL;
    if (values[BY] && (values[FROM] || values[UNTIL] || values[YEAR]))
        return fault_at(reader, BY, "a goal has a date and no period; take from, until and year out");
    if (values[YEAR] && (values[FROM] || values[UNTIL]))
        return fault_at(reader, YEAR, "year stands for from and until; take them out");
    if (!values[BY] && !values[YEAR] && !(values[FROM] && values[UNTIL]))
        return jb_setting_fault(&reader->place, reader->error,
                                "[claim %.60s] has no period; add year, from and until, or by for a goal",
                                claim->name);
    if (values[BY])
        return jb_setting_time(values[BY], true, place_of(reader, BY), reader->error, &claim->until_ns);
    enum key first = values[YEAR] ? YEAR : FROM, last = values[YEAR] ? YEAR : UNTIL;
    if (values[YEAR] && (strlen(values[YEAR]) != 4 || strspn(values[YEAR], "0123456789") != 4))
        return fault_at(reader, YEAR, "not a year such as 2024; a financial year is from and until");
    code = jb_setting_time(values[first], false, place_of(reader, first), reader->error, &claim->from_ns);
    /* `until` is a date that is not in the period, as everywhere. */
    if (!code)
        code = jb_setting_time(values[last], last == YEAR, place_of(reader, last), reader->error,
                               &claim->until_ns);
    if (!code && claim->from_ns >= claim->until_ns)
        code = fault_at(reader, last, "not after from");
    return code;
}

static enum jb_code take_basis(struct reader *reader, struct jb_claim *claim) {
    const char *basis = reader->values[BASIS];
    if (!basis)
        return JB_OK;
    if (claim->kind != JB_CLAIM_CLEAN && claim->kind != JB_CLAIM_RENEWABLE)
        return fault_at(reader, BASIS, "goes with clean and renewable only; take it out");
    claim->is_hourly = strcmp(basis, "hourly") == 0;
    if (!claim->is_hourly && strcmp(basis, "annual") != 0)
        return fault_at(reader, BASIS, "not annual or hourly");
    return JB_OK;
}

static enum jb_code take_materiality(struct reader *reader, struct jb_claim *claim) {
    struct jb_declared number;
    claim->materiality = 0.05;
    if (!reader->values[MATERIALITY])
        return JB_OK;
    enum jb_code code = jb_setting_number(reader->values[MATERIALITY], &jb_setting_percent,
                                          place_of(reader, MATERIALITY), reader->error, &number);
    if (!code)
        claim->materiality = number.value;
    return code;
}

static enum jb_code take_texts(struct reader *reader, struct jb_claim *claim) {
    const struct {
        enum key key;
        const char **target;
    } texts[] = {{SITE, &claim->site},
                 {PROVIDER, &claim->provider},
                 {REGION, &claim->region},
                 {SAYS, &claim->says},
                 {SOURCE, &claim->source}};
    for (size_t i = 0; i < JB_COUNT(texts); i++) {
        const char *value = reader->values[texts[i].key];
        enum jb_code code =
            jb_setting_text(reader->claims->texts, value ? value : "", reader->error, texts[i].target);
        if (code)
            return code;
    }
    if (*claim->region && !*claim->provider)
        return fault_at(reader, REGION, "a region without a provider; add provider");
    return JB_OK;
}

/* The section that is open is whole now. */
static enum jb_code close_section(struct reader *reader) {
    if (reader->claims->count == 0)
        return JB_OK;
    struct jb_claim *claim = &reader->claims->items[reader->claims->count - 1];
    reader->place = (struct jb_setting_place){reader->file, claim->line, ""};
    enum jb_code code = take_kind(reader, claim);
    if (!code)
        code = take_value(reader, claim);
    reader->place = (struct jb_setting_place){reader->file, claim->line, ""};
    if (!code)
        code = take_period(reader, claim);
    if (!code)
        code = take_basis(reader, claim);
    if (!code)
        code = take_materiality(reader, claim);
    if (!code)
        code = take_texts(reader, claim);
    memset(reader->values, 0, sizeof reader->values);
    return code;
}

static enum jb_code open_section(struct reader *reader, const struct jb_ini_entry *entry) {
    struct jb_claims *claims = reader->claims;
    struct jb_claim claim = {.line = entry->line};
    enum jb_code code = close_section(reader);
    if (code)
        return code;
    reader->place = (struct jb_setting_place){reader->file, entry->line, ""};
    if (strncmp(entry->section, "claim ", 6) != 0 || !entry->section[6 + strspn(entry->section + 6, " ")])
        return jb_setting_fault(&reader->place, reader->error, "[%.60s] is no section; write [claim NAME]",
                                entry->section);
    code = jb_setting_text(claims->texts, entry->section + 6 + strspn(entry->section + 6, " "), reader->error,
                           &claim.name);
    for (size_t i = 0; !code && i < claims->count; i++)
        if (strcmp(claims->items[i].name, claim.name) == 0)
            code = jb_setting_fault(&reader->place, reader->error,
                                    "[claim %.60s] stands on line %u already; give it another name",
                                    claim.name, claims->items[i].line);
    if (!code)
        code = jb_array_reserve(&claims->items, &reader->capacity, claims->count + 1, JB_CLAIM_CEILING,
                                "claims", reader->error);
    if (!code)
        claims->items[claims->count++] = claim;
    return code;
}

static enum jb_code take_entry(struct reader *reader, const struct jb_ini_entry *entry) {
    if (!entry->name)
        return open_section(reader, entry);
    reader->place = (struct jb_setting_place){reader->file, entry->line, entry->name};
    for (size_t k = 0; k < KEY_COUNT; k++) {
        if (strcmp(keys[k], entry->name) != 0)
            continue;
        if (reader->values[k])
            return jb_setting_fault(&reader->place, reader->error, "stands on line %u already",
                                    reader->lines[k]);
        if (!*entry->value)
            return jb_setting_fault(&reader->place, reader->error, "has no value; give one or take it out");
        reader->values[k] = entry->value;
        reader->lines[k] = entry->line;
        return JB_OK;
    }
    const char *near = jb_ini_near(entry->name, keys, KEY_COUNT);
    return jb_setting_fault(&reader->place, reader->error, "no key of a claim%s%s%s",
                            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

enum jb_code jb_claims_parse(const char *text, size_t length, const char *file, struct jb_error *error,
                             struct jb_claims **ret_claims) {
    _cleanup_(jb_ini_free_cleanup) struct jb_ini *ini = NULL;
    _cleanup_(jb_claims_free_cleanup) struct jb_claims *claims = calloc(1, sizeof *claims);
    const struct jb_ini_entry *entries = NULL;
    if (!claims)
        return jb_error_set(error, JB_MEMORY, "no memory to read %s", file);
    struct reader reader = {.claims = claims, .file = file, .error = error};
    enum jb_code code = jb_strings_make(1000000, error, &claims->texts);
    if (!code)
        code = jb_ini_read(text, length, file, error, &ini);
    size_t count = code ? 0 : jb_ini_entries(ini, &entries);
    for (size_t i = 0; !code && i < count; i++)
        code = take_entry(&reader, &entries[i]);
    if (!code)
        code = close_section(&reader);
    if (!code && claims->count == 0)
        code =
            jb_error_set(error, JB_INPUT, "%s: no claim in it; write a section [claim NAME] for each", file);
    if (!code)
        *ret_claims = JB_TAKE(claims);
    return code;
}

void jb_claims_free(struct jb_claims *claims) {
    if (!claims)
        return;
    jb_strings_free(claims->texts);
    free(claims->items);
    free(claims);
}
