/* Which meter stands for what: sections [meter NAME] of a setting, or a list on the command line. */
#include "import/meter_internal.h"

#include "base/array.h"
#include "base/decimal.h"
#include "base/ini.h"

#include <string.h>

#define RULE_CEILING ((size_t)10000)

static const struct {
    const char *name;
    enum jb_meter_role role;
} roles[] = {
    {"facility", JB_METER_FACILITY},
    {"generation", JB_METER_GENERATION},
    {"ups", JB_METER_UPS},
    {"pdu", JB_METER_PDU},
    {"it", JB_METER_IT},
    {"rack", JB_METER_IT},
    {"overhead", JB_METER_OVERHEAD},
    {"cooling", JB_METER_OVERHEAD},
    {"lighting", JB_METER_OVERHEAD},
    {"water", JB_METER_WATER},
    {"reused", JB_METER_REUSED},
    {"none", JB_METER_NONE},
};
#define ROLE_NAMES                                                                                           \
    "facility, generation, ups, pdu, it (or rack), overhead (or cooling, lighting), water, reused or "       \
    "none"

const char *jb_meter_role_name(enum jb_meter_role role) {
    for (size_t i = 0; i < JB_COUNT(roles); i++) {
        if (roles[i].role == role)
            return roles[i].name;
    }
    return "";
}

static bool role_of(const char *name, enum jb_meter_role *ret_role) {
    for (size_t i = 0; i < JB_COUNT(roles); i++) {
        if (strcmp(roles[i].name, name) == 0) {
            *ret_role = roles[i].role;
            return true;
        }
    }
    return false;
}

void jb_meter_rules_free(struct jb_meter_rules *rules) {
    if (!rules)
        return;
    free(rules->items);
    *rules = (struct jb_meter_rules){0};
}

static bool copy(const char *text, char *ret, size_t size) {
    size_t length = strlen(text);
    if (length == 0 || length >= size)
        return false;
    memcpy(ret, text, length + 1);
    return true;
}

/* "site/" or "grid/" with the name behind it, which must make one component of a valid account. */
static bool is_place(const char *name) {
    char component[JB_COMPONENT_SIZE];
    return strlen(name) < 64 && jb_account_encode(name, strlen(name), component) > 0 &&
           strcmp(component, name) == 0;
}

static void set_grid(struct jb_meter_rule *rule, const char *grid) {
    snprintf(rule->grid, sizeof rule->grid, "grid/%.100s", grid && *grid ? grid : "unknown");
}

/* ---- the list ---- */

enum jb_code jb_meter_rules_add_list(struct jb_meter_rules *rules, const char *list, const char *site,
                                     const char *grid, struct jb_error *error) {
    if (!is_place(site) || (grid && !is_place(grid)))
        return jb_error_set(error, JB_USAGE, "'%.60s' cannot name a site or a grid",
                            is_place(site) ? grid : site);
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        const char *equals = memchr(at, '=', length);
        struct jb_meter_rule rule = {.uncertainty_ppm = JB_UNCERTAINTY_UNKNOWN};
        char pattern[JB_METER_NAME_SIZE], role[32];
        snprintf(pattern, sizeof pattern, "%.*s", equals ? (int)(equals - at) : 0, at);
        snprintf(role, sizeof role, "%.*s", equals ? (int)(at + length - equals - 1) : 0,
                 equals ? equals + 1 : "");
        if (!copy(pattern, rule.pattern, sizeof rule.pattern) || !role_of(role, &rule.role))
            return jb_error_set(error, JB_USAGE, "'%.*s' is not METER=ROLE with a role of " ROLE_NAMES,
                                (int)(length < 80 ? length : 80), at);
        snprintf(rule.site, sizeof rule.site, "%s", site);
        set_grid(&rule, grid);
        enum jb_code code = jb_array_reserve(&rules->items, &rules->capacity, rules->count + 1, RULE_CEILING,
                                             "meters with a role", error);
        if (code)
            return code;
        rules->items[rules->count++] = rule;
        at += length + (at[length] == ',');
    }
    return JB_OK;
}

/* ---- the setting ---- */

/* false: fault says what is wrong. */
static bool take_key(struct jb_meter_rule *rule, const char *name, const char *value, char *fault,
                     size_t fault_size) {
    static const char *const names[] = {"role", "site", "grid", "kind", "unit", "modulus", "uncertainty"};
    const char *near;
    if (strcmp(name, "role") == 0) {
        if (role_of(value, &rule->role))
            return true;
        snprintf(fault, fault_size, "'%.60s' is no role; write " ROLE_NAMES, value);
    } else if (strcmp(name, "site") == 0) {
        if (is_place(value) && copy(value, rule->site, sizeof rule->site))
            return true;
        snprintf(fault, fault_size, "'%.60s' cannot name a site", value);
    } else if (strcmp(name, "grid") == 0) {
        if (is_place(value)) {
            set_grid(rule, value);
            return true;
        }
        snprintf(fault, fault_size, "'%.60s' cannot name a grid", value);
    } else if (strcmp(name, "kind") == 0) {
        static const char *const kinds[] = {"", "interval", "register", "power"};
        for (int i = 1; i < (int)JB_COUNT(kinds); i++) {
            if (strcmp(kinds[i], value) == 0) {
                rule->kind = (enum jb_meter_kind)i;
                return true;
            }
        }
        snprintf(fault, fault_size, "'%.60s' is no kind; write interval, register or power", value);
    } else if (strcmp(name, "unit") == 0) {
        if (copy(value, rule->unit, sizeof rule->unit))
            return true;
        snprintf(fault, fault_size, "'%.60s' is no unit", value);
    } else if (strcmp(name, "modulus") == 0) {
        if (jb_int64_parse(value, NULL, &rule->modulus) == JB_OK && rule->modulus > 0 &&
            rule->modulus <= INT64_C(1000000000000))
            return true;
        snprintf(fault, fault_size,
                 "'%.60s' is not the number at which the register begins anew, such as 1000000", value);
    } else if (strcmp(name, "uncertainty") == 0) {
        if (jb_share_parse(value, &rule->uncertainty_ppm))
            return true;
        snprintf(fault, fault_size,
                 "'%.60s' is not a relative standard uncertainty of 0 to 1, or 0 %% to 100 %%", value);
    } else {
        near = jb_ini_near(name, names, JB_COUNT(names));
        snprintf(fault, fault_size,
                 "there is no such key%s%s; a meter has role, site, grid, kind, unit, modulus "
                 "and uncertainty",
                 near ? "; did you mean " : "", near ? near : "");
    }
    return false;
}

/* A rule is whole when its section has ended. */
static enum jb_code end_section(const struct jb_meter_rule *rule, bool has_role, const char *file,
                                uint32_t line, struct jb_error *error) {
    if (!has_role)
        return jb_error_set(error, JB_INPUT, "%s, line %u: [meter %s] has no role; add one of " ROLE_NAMES,
                            file, line, rule->pattern);
    if (rule->role != JB_METER_NONE && !rule->site[0])
        return jb_error_set(error, JB_INPUT,
                            "%s, line %u: [meter %s] names no site; add site = NAME, or say --site", file,
                            line, rule->pattern);
    return JB_OK;
}

enum jb_code jb_meter_rules_add_ini(struct jb_meter_rules *rules, const char *text, size_t length,
                                    const char *file, const char *site, const char *grid,
                                    struct jb_error *error) {
    _cleanup_(jb_ini_free_cleanup) struct jb_ini *ini = NULL;
    const struct jb_ini_entry *entries;
    struct jb_meter_rule *rule = NULL;
    bool has_role = false;
    uint32_t line = 0;
    enum jb_code code = jb_ini_read(text, length, file, error, &ini);
    size_t count = code ? 0 : jb_ini_entries(ini, &entries);
    for (size_t i = 0; !code && i < count; i++) {
        const struct jb_ini_entry *entry = &entries[i];
        char fault[300];
        if (!entry->name) {
            if (rule)
                code = end_section(rule, has_role, file, line, error);
            rule = NULL;
            if (code || strncmp(entry->section, "meter ", 6) != 0)
                continue;
            const char *pattern = entry->section + 6 + strspn(entry->section + 6, " ");
            code = jb_array_reserve(&rules->items, &rules->capacity, rules->count + 1, RULE_CEILING,
                                    "meters with a role", error);
            if (code)
                break;
            rule = &rules->items[rules->count++];
            *rule = (struct jb_meter_rule){.uncertainty_ppm = JB_UNCERTAINTY_UNKNOWN};
            if (!copy(pattern, rule->pattern, sizeof rule->pattern))
                return jb_error_set(error, JB_INPUT, "%s, line %u: a meter's name has 1 to %d bytes", file,
                                    entry->line, JB_METER_NAME_SIZE - 1);
            snprintf(rule->site, sizeof rule->site, "%.100s", site ? site : "");
            set_grid(rule, grid);
            has_role = false;
            line = entry->line;
        } else if (rule) {
            if (!take_key(rule, entry->name, entry->value, fault, sizeof fault))
                return jb_error_set(error, JB_INPUT, "%s, line %u, [meter %s] %s: %s", file, entry->line,
                                    rule->pattern, entry->name, fault);
            has_role = has_role || strcmp(entry->name, "role") == 0;
        }
    }
    return !code && rule ? end_section(rule, has_role, file, line, error) : code;
}
