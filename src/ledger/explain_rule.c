/* How amounts came about, told from the accounts that a flow joins. */
#include "ledger/explain_rule.h"

#include <string.h>

static const struct {
    const char *name, *sentence;
} rules[] = {
    [JB_RULE_METER] = {"meter", "read from the meter of the domain, or from its model"},
    [JB_RULE_CPU_TIME] = {"cpu-time",
                          "by CPU time: in every tick, active energy of the domain × CPU time used "
                          "÷ CPU time used by all"},
    [JB_RULE_GPU_TIME] = {"gpu-time",
                          "by GPU time: in every tick, active energy of the GPU × its GPU time ÷ GPU "
                          "time of all"},
    [JB_RULE_WITHIN] = {"within-cgroup",
                        "its part of the cgroup's energy, by CPU time (GPU energy: by GPU time)"},
    [JB_RULE_IDLE] = {"idle", "idle power of the domain × time"},
    [JB_RULE_DIFFERENCE] = {"difference", "what the outer meter shows and no inner meter sees"},
    [JB_RULE_VARIANCE] = {"meter-variance", "by how much the inner meters exceed the outer one"},
    [JB_RULE_EXITED] = {"exited", "used by the cgroup and seen on no process that is still known"},
    [JB_RULE_UNATTRIBUTED] = {"unattributed", "of a stretch for which nobody could say who used it"},
    [JB_RULE_SUPPLY] = {"supply", "supplied: what the accounts fed from here took"},
    [JB_RULE_PASSED_ON] = {"passed-on", "passed on: what the meters behind it show"},
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

/* "gpu0" of host/h/gpu0. */
static bool is_gpu(const char *path) {
    struct jb_account_parts parts = jb_account_split(path);
    return parts.host_length && strncmp(parts.host + parts.host_length, "/gpu", 4) == 0;
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
        return is_gpu(from) ? JB_RULE_GPU_TIME : JB_RULE_CPU_TIME;
    }
    if (source.cgroup_length)
        return JB_RULE_WITHIN;
    if (target.cgroup_length)
        return is_gpu(from) ? JB_RULE_GPU_TIME : JB_RULE_CPU_TIME;
    return JB_RULE_METER;
}
