/* How amounts came about, told from the accounts that a flow joins. */
#include "ledger/explain_rule.h"

#include <string.h>

static const struct {
    const char *name, *sentence;
} rules[] = {
    [JB_RULE_METER] = {"meter", "read from the domain's meter, or from the model of it"},
    [JB_RULE_CPU_TIME] = {"cpu-time", "active energy in each tick × its CPU time ÷ CPU time of all"},
    [JB_RULE_GPU_TIME] = {"gpu-time", "active energy in each tick × its GPU time ÷ GPU time of all"},
    [JB_RULE_MEMORY] = {"memory", "active energy in each tick × memory it held ÷ memory held by all"},
    [JB_RULE_WITHIN] = {"within-cgroup", "what the cgroup was given, passed on by the same rules"},
    [JB_RULE_IDLE] = {"idle", "idle power of the domain × time"},
    [JB_RULE_DIFFERENCE] = {"difference", "what the outer meter shows and no inner meter sees"},
    [JB_RULE_VARIANCE] = {"meter-variance", "by how much the inner meters exceed the outer one"},
    [JB_RULE_EXITED] = {"exited", "used by the cgroup, by no process that was there to be named"},
    [JB_RULE_UNATTRIBUTED] = {"unattributed", "of a stretch for which nobody could say who used it"},
    [JB_RULE_SUPPLY] = {"supply", "what the accounts that are fed from here took"},
    [JB_RULE_PASSED_ON] = {"passed-on", "what the meters behind it show"},
    [JB_RULE_BILL] = {"bill", "as billed"},
    [JB_RULE_DECLARED] = {"declared", "as declared"},
    [JB_RULE_BOOKED] = {"booked", "as booked"},
};

const char *jb_rule_name(enum jb_rule rule) {
    return rules[rule].name;
}

const char *jb_rule_sentence(enum jb_rule rule) {
    return rules[rule].sentence;
}

static bool leaf_is(const struct jb_account_parts *parts, const char *name) {
    return strlen(name) == parts->leaf_length && memcmp(parts->leaf, name, parts->leaf_length) == 0;
}

/* Whether path is a domain such as "gpu0" of host/h/gpu0. */
static bool is_domain(const char *path, const char *kind) {
    struct jb_account_parts parts = jb_account_split(path);
    const char *domain = parts.host ? parts.host + parts.host_length : "";
    return domain[0] == '/' && strncmp(domain + 1, kind, strlen(kind)) == 0;
}

/* By what a domain's active energy is split. */
static enum jb_rule split_rule(const char *domain) {
    if (is_domain(domain, "gpu") || is_domain(domain, "accelerator"))
        return JB_RULE_GPU_TIME;
    return is_domain(domain, "dram") ? JB_RULE_MEMORY : JB_RULE_CPU_TIME;
}

enum jb_rule jb_rule_of(const char *from, const char *to, enum jb_method method) {
    struct jb_account_parts source = jb_account_split(from), target = jb_account_split(to);
    if (method == JB_BILLED)
        return JB_RULE_BILL;
    if (method == JB_DECLARED)
        return JB_RULE_DECLARED;
    if (jb_account_role(from) == JB_VARIANCE)
        return JB_RULE_VARIANCE;
    if (jb_account_role(from) == JB_SUPPLY)
        return JB_RULE_SUPPLY;
    if (!target.host_length)
        return JB_RULE_BOOKED;
    if (!source.host_length)
        return JB_RULE_PASSED_ON;
    if (jb_account_role(to) == JB_FINAL && !target.process_length) {
        if (leaf_is(&target, "idle"))
            return JB_RULE_IDLE;
        if (leaf_is(&target, "rest"))
            return JB_RULE_DIFFERENCE;
        if (leaf_is(&target, "exited"))
            return JB_RULE_EXITED;
        if (leaf_is(&target, "unattributed"))
            return JB_RULE_UNATTRIBUTED;
        return split_rule(from);
    }
    if (source.cgroup_length)
        return JB_RULE_WITHIN;
    if (target.cgroup_length)
        return split_rule(from);
    return JB_RULE_METER;
}
