/* What one unit of a bill's line is: its unit's dimension, and the first rule that fits its texts. */
#include "estimate/cloud_internal.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define TEXT_SIZE 512

/* "100 Hours" and "1 GB/Month" are priced by the hundred, but counted in hours: numbers in front say
 * nothing of the quantity (FOCUS 1.2, ConsumedQuantity; x_PricingBlockSize has them). */
static const struct jb_cloud_unit *find_unit(const struct jb_cloud *cloud, const char *text) {
    char unit[TEXT_SIZE];
    jb_cloud_lower(text, unit, sizeof unit);
    for (const char *at = unit;; at++) {
        uint32_t id = jb_strings_find(cloud->unit_names, at);
        if (id != JB_STRING_NONE)
            return &cloud->units[id];
        if (!strchr("0123456789., ", *at) || !*at)
            return NULL;
    }
}

static bool fits(const struct jb_cloud_rule *rule, const struct jb_cloud_line *line, const char *service,
                 const char *item, const char *dimension) {
    return (strcmp(rule->provider, "*") == 0 || strcmp(rule->provider, line->provider) == 0) &&
           (strcmp(rule->dimension, "*") == 0 || strcmp(rule->dimension, dimension) == 0) &&
           jb_text_matches(rule->service, service) && jb_text_matches(rule->item, item);
}

/* What a meter of a service with machine sizes of its own names ("P1 v3 App" of Azure's App Service), with a
 * word before it that keeps it apart from virtual machines: "app:p1v3". */
static bool find_own(const struct jb_cloud *cloud, const struct jb_cloud_line *line, const char *prefix,
                     struct jb_cloud_machine *ret) {
    char name[64];
    size_t length = 0;
    for (const char *c = line->item; *c && length + 1 < sizeof name; c++) {
        if (*c != ' ' && *c != '_')
            name[length++] = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
    }
    name[length] = '\0';
    char *end = strstr(name, "app");
    if (end)
        *end = '\0';
    char key[128];
    snprintf(key, sizeof key, "%s:%s", prefix, name);
    const struct jb_cloud_type *type = jb_cloud_type_find(cloud, line->provider, key);
    return type && jb_cloud_machine_make(type, NULL, 0, ret);
}

/* A whole server of AWS is named by its family ("m5"), and as large as the one without a hypervisor. */
static bool find_named(const struct jb_cloud *cloud, const char *provider, const char *name, bool is_host,
                       struct jb_cloud_machine *ret) {
    char metal[TEXT_SIZE];
    if (is_host && !strchr(name, '.')) {
        snprintf(metal, sizeof metal, "%.64s.metal", name);
        name = metal;
    }
    return jb_cloud_machine_find(cloud, provider, name, ret);
}

/* The machine is named by the rule, else by a column, else by what stands behind the colon of AWS's usage
 * types, else by the item itself (Azure's meters, SKUs of other tables). */
static bool find_machine(const struct jb_cloud *cloud, const struct jb_cloud_rule *rule,
                         const struct jb_cloud_line *line, struct jb_cloud_machine *ret) {
    if (*rule->own)
        return find_own(cloud, line, rule->own, ret);
    const char *colon = strrchr(line->item, ':');
    if (*rule->machine)
        return jb_cloud_machine_find(cloud, line->provider, rule->machine, ret);
    if (*line->machine && find_named(cloud, line->provider, line->machine, rule->is_host, ret))
        return true;
    return find_named(cloud, line->provider, colon ? colon + 1 : line->item, rule->is_host, ret);
}

/* Whether a line that has no machine seems to name one that is not known; "LoadBalancerUsage" does not. */
static bool seems_machine(const struct jb_cloud_rule *rule, const struct jb_cloud_line *line) {
    return strcmp(rule->service, "*") != 0 || strcmp(rule->item, "*") != 0 || *line->machine;
}

/* The family of vCPUs that are billed apart from memory: "N2D AMD Instance Core running in Frankfurt". */
static void find_family(const struct jb_cloud *cloud, const char *provider, const char *item,
                        struct jb_cloud_machine *ret) {
    static const char *const before[] = {"spot", "preemptible", "reserved", "sole",    "tenancy",
                                         "dws",  "calendar",    "mode",     "defined", "duration"};
    bool is_first = true; /* names such as "compute" count there alone, and "n2" anywhere */
    for (const char *word = item; *word;) {
        char name[32];
        size_t length = strcspn(word, " -");
        bool is_before = false;
        snprintf(name, sizeof name, "%.*s", (int)length, word);
        for (size_t i = 0; i < JB_COUNT(before); i++)
            is_before = is_before || strcmp(name, before[i]) == 0;
        const struct jb_cloud_type *type =
            is_first || strpbrk(name, "0123456789") ? jb_cloud_type_find(cloud, provider, name) : NULL;
        if (type) {
            ret->architecture = type->architecture;
            ret->stand_in_uncertainty = type->stand_in_uncertainty;
            ret->server_vcpus = type->server_vcpus;
            return;
        }
        is_first = is_first && is_before;
        word += length + strspn(word + length, " -");
    }
}

enum jb_code jb_cloud_use_find(const struct jb_cloud *cloud, const struct jb_cloud_line *line,
                               struct jb_error *error, struct jb_cloud_use *ret_use) {
    char service[TEXT_SIZE], item[TEXT_SIZE];
    const struct jb_cloud_unit *unit = find_unit(cloud, line->unit);
    const char *dimension = unit ? unit->dimension : "";
    bool names_machine = false;
    jb_cloud_lower(line->service, service, sizeof service);
    jb_cloud_lower(line->item, item, sizeof item);
    for (size_t i = 0; i < cloud->rule_count; i++) {
        const struct jb_cloud_rule *rule = &cloud->rules[i];
        if (!fits(rule, line, service, item, dimension))
            continue;
        struct jb_cloud_use use = {.resource = rule->resource,
                                   .amount = rule->amount * (unit ? unit->multiplier : 1),
                                   .gpu = rule->gpu,
                                   .is_idle = rule->is_idle || line->is_idle,
                                   .machine = {.vcpus = 1, .gpu = "", .architecture = "", .copies = 1}};
        if (rule->resource == JB_CLOUD_MACHINE && !find_machine(cloud, rule, line, &use.machine)) {
            names_machine = names_machine || seems_machine(rule, line);
            continue;
        }
        use.amount *= use.machine.copies;
        if (rule->resource == JB_CLOUD_VCPU || rule->resource == JB_CLOUD_CORE)
            find_family(cloud, line->provider, item, &use.machine);
        *ret_use = use;
        return JB_OK;
    }
    if (names_machine)
        return jb_error_set(error, JB_NO_DATA, "instance type '%.60s' is not known",
                            *line->machine ? line->machine : line->item);
    if (!unit && *line->unit)
        return jb_error_set(error, JB_NO_DATA, "no energy is known of unit '%.60s'", line->unit);
    return jb_error_set(error, JB_NO_DATA, "no energy is known of '%.60s'",
                        *line->item ? line->item : line->service);
}
