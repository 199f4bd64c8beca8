/* What a hwmon channel measures, from its driver and label, or because the user says so. */
#include "source/hwmon_rules.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "types/account.h"

#include <stdio.h>
#include <string.h>

#define UNKNOWN_NOTE                                                                                         \
    "not booked: what it measures is not known; say so in /etc/joulebook/hwmon.conf (docs/sources/hwmon.md)"

enum verdict {
    BOOK, /* a domain of that kind */
    SHOW, /* listed, not booked: the note says why */
    LEAVE /* not listed */
};

/* The first rule that matches decides. Sources of each line: docs/sources/hwmon.md. */
static const struct rule {
    const char *driver, *label; /* globs */
    enum verdict verdict;
    enum jb_domain_kind kind;
    const char *stem; /* of the account; a number follows unless the kind has but one */
    uint32_t uncertainty_ppm;
    const char *note;
} rules[] = {
    /* NVIDIA Grace puts its rails behind ACPI meters; what they are is in the OEM's text. */
    {"power_meter", "Module Power Socket *", SHOW, JB_PSYS, "module", 30000,
     "not booked: CPU and GPU of the module together, and one a socket"},
    {"power_meter", "Grace Power Socket *", BOOK, JB_PACKAGE, "cpu", 30000, "with its memory"},
    {"power_meter", "CPU Power Socket *", BOOK, JB_CORE, "cpu-rail", 30000, ""},
    {"power_meter", "SysIO Power Socket *", BOOK, JB_UNCORE, "sysio-rail", 30000, ""},
    {"power_meter", "*", BOOK, JB_NODE, "node", 30000, ""},
    {"corsairpsu", "power total", BOOK, JB_NODE, "node", 50000,
     "what the PSU gives out, without its own loss"},
    {"corsairpsu", "*", SHOW, JB_NODE, "rail", 50000, "a rail within the PSU's total"},
    {"macsmc_hwmon", "Total System Power", BOOK, JB_NODE, "node", 50000, ""},
    {"ibmpowernv", "System", BOOK, JB_NODE, "node", 30000, ""},
    {"ibmpowernv", "Chip [0-9]", BOOK, JB_PACKAGE, "cpu", 30000, ""},
    {"ibmpowernv", "Chip [0-9][0-9]", BOOK, JB_PACKAGE, "cpu", 30000, ""},
    {"ibmpowernv", "*", SHOW, JB_UNCORE, "rail", 30000, "a rail within the system's total"},
    {"aem1", "*", BOOK, JB_NODE, "node", 30000, ""},
    {"amd_energy", "Esocket*", BOOK, JB_PACKAGE, "cpu", 50000, ""},
    {"amd_energy", "Ecore*", LEAVE, JB_CORE, "", 0, ""},
    {"fam15h_power", "*", BOOK, JB_PACKAGE, "cpu", 100000, "estimated by the processor"},
    {"apm_xgene", "CPU power", BOOK, JB_PACKAGE, "cpu", 50000, ""},
    {"zenpower", "SVI2_P_Core*", BOOK, JB_CORE, "cpu-rail", 100000, ""},
    {"zenpower", "SVI2_P_SoC*", BOOK, JB_UNCORE, "soc-rail", 100000, ""},
    {"i915", "*", BOOK, JB_GPU, "intelgpu", 50000, ""},
    {"i915_gt*", "*", LEAVE, JB_GPU, "", 0, ""},
    {"xe", "card", BOOK, JB_GPU, "intelgpu", 50000, ""},
    {"xe", "*", SHOW, JB_GPU, "intelgpu-part", 50000, "a part of the card"},
    {"nouveau", "*", BOOK, JB_GPU, "nouveau", 50000, ""},
};

bool jb_hwmon_is_skipped(const char *driver) {
    return strcmp(driver, "amdgpu") == 0 || strcmp(driver, "radeon") == 0 || strcmp(driver, "nvidia") == 0;
}

/* The number at the end of the label, or -1. */
static int label_number(const char *label) {
    size_t start = strlen(label);
    while (start > 0 && label[start - 1] >= '0' && label[start - 1] <= '9')
        start--;
    int value = 0;
    if (!label[start] || strlen(label + start) > 4)
        return -1;
    for (const char *digit = label + start; *digit; digit++)
        value = value * 10 + (*digit - '0');
    return value;
}

static void set_account(const struct jb_hwmon_channel *channel, const char *stem, struct jb_domain *domain) {
    bool is_single = domain->kind == JB_NODE || domain->kind == JB_FACILITY || domain->kind == JB_PSYS;
    if (is_single) {
        snprintf(domain->account, sizeof domain->account, "%s", stem);
        return;
    }
    int number = label_number(channel->label);
    snprintf(domain->account, sizeof domain->account, "%.20s%d", stem,
             number >= 0 ? number : (int)channel->instance);
}

bool jb_hwmon_judge(const struct jb_hwmon_channel *channel, struct jb_domain *domain) {
    for (size_t i = 0; i < JB_COUNT(rules); i++) {
        const struct rule *rule = &rules[i];
        if (!jb_text_matches(rule->driver, channel->driver) || !jb_text_matches(rule->label, channel->label))
            continue;
        if (rule->verdict == LEAVE)
            return false;
        domain->kind = rule->kind;
        domain->uncertainty_ppm = rule->uncertainty_ppm;
        domain->state = rule->verdict == SHOW ? JB_DOMAIN_DISABLED : JB_DOMAIN_OK;
        snprintf(domain->note, sizeof domain->note, "%s", rule->note);
        set_account(channel, rule->stem, domain);
        return true;
    }
    domain->kind = JB_NODE;
    domain->uncertainty_ppm = 50000;
    domain->state = JB_DOMAIN_DISABLED;
    snprintf(domain->note, sizeof domain->note, "%s", UNKNOWN_NOTE);
    snprintf(domain->account, sizeof domain->account, "unknown");
    return true;
}

static enum jb_code parse_line(char *line, const char *name, size_t number, struct jb_error *error,
                               struct jb_hwmon_declaration *declaration) {
    char *rest = line, *words[4] = {NULL};
    size_t count = 0;
    for (char *word; (word = strsep(&rest, " \t\r"));) {
        if (!*word)
            continue;
        if (count == JB_COUNT(words))
            break;
        words[count++] = word;
    }
    if (count < 2 || count > 3)
        return jb_error_set(error, JB_INPUT, "%s:%zu: wanted ID-PATTERN KIND [ACCOUNT]", name, number);
    if (strlen(words[0]) >= sizeof declaration->pattern)
        return jb_error_set(error, JB_INPUT, "%s:%zu: pattern of more than %zu bytes", name, number,
                            sizeof declaration->pattern - 1);
    strcpy(declaration->pattern, words[0]);
    declaration->is_ignored = strcmp(words[1], "ignore") == 0;
    bool is_known = declaration->is_ignored;
    for (int kind = JB_FACILITY; kind <= JB_ACCELERATOR && !is_known; kind++) {
        is_known = strcmp(words[1], jb_domain_kind_name((enum jb_domain_kind)kind)) == 0;
        declaration->kind = (enum jb_domain_kind)kind;
    }
    if (!is_known)
        return jb_error_set(
            error, JB_INPUT,
            "%s:%zu: '%.40s' is none of facility, node, psys, package, core, uncore, dram, gpu, "
            "accelerator, ignore",
            name, number, words[1]);
    if (!words[2])
        return JB_OK;
    if (strlen(words[2]) >= sizeof declaration->account || strchr(words[2], '/') ||
        jb_account_validate(words[2], NULL))
        return jb_error_set(error, JB_INPUT, "%s:%zu: '%.40s' cannot be an account", name, number, words[2]);
    strcpy(declaration->account, words[2]);
    return JB_OK;
}

enum jb_code jb_hwmon_declarations_parse(const char *text, const char *name, struct jb_error *error,
                                         struct jb_hwmon_declaration *ret_declarations, size_t *ret_count) {
    size_t count = 0, number = 0;
    while (*text) {
        char line[256];
        size_t length = strcspn(text, "\n");
        const char *next = text + length + (text[length] == '\n');
        number++;
        if (length >= sizeof line)
            return jb_error_set(error, JB_INPUT, "%s:%zu: line of more than %zu bytes", name, number,
                                sizeof line - 1);
        memcpy(line, text, length);
        line[length] = '\0';
        text = next;
        if (line[strspn(line, " \t\r")] == '\0' || line[0] == '#')
            continue;
        if (count == JB_HWMON_DECLARATION_CEILING)
            return jb_error_set(error, JB_LIMIT, "%s:%zu: more than %zu declarations", name, number,
                                JB_HWMON_DECLARATION_CEILING);
        struct jb_hwmon_declaration declaration = {0};
        enum jb_code code = parse_line(line, name, number, error, &declaration);
        if (code)
            return code;
        ret_declarations[count++] = declaration;
    }
    *ret_count = count;
    return JB_OK;
}

void jb_hwmon_declare(const struct jb_hwmon_declaration *declarations, size_t count,
                      struct jb_domain *domain) {
    for (size_t i = 0; i < count; i++) {
        const struct jb_hwmon_declaration *declaration = &declarations[i];
        if (!jb_text_matches(declaration->pattern, domain->id))
            continue;
        domain->state = declaration->is_ignored ? JB_DOMAIN_DISABLED : JB_DOMAIN_OK;
        snprintf(domain->note, sizeof domain->note, "as /etc/joulebook/hwmon.conf says");
        if (declaration->is_ignored)
            return;
        domain->kind = declaration->kind;
        snprintf(domain->account, sizeof domain->account, "%s",
                 declaration->account[0]           ? declaration->account
                 : declaration->kind == JB_PACKAGE ? "cpu0"
                                                   : jb_domain_kind_name(declaration->kind));
        return;
    }
}
