/* The additive cover: picks, among overlapping meters, those whose sum counts each joule once. */
#include "attribute/cover.h"

#include <string.h>

static bool is_usable(const struct jb_cover_entry *entry) {
    return entry->domain->state == JB_DOMAIN_OK;
}

static bool is_measured(const struct jb_cover_entry *entry) {
    return is_usable(entry) && entry->domain->method == JB_MEASURED;
}

static bool is_whole(enum jb_domain_kind kind) {
    return kind == JB_FACILITY || kind == JB_NODE || kind == JB_PSYS;
}

static bool is_part(enum jb_domain_kind kind) {
    return kind == JB_PACKAGE || kind == JB_DRAM || kind == JB_GPU || kind == JB_ACCELERATOR;
}

static const char *unusable_reason(enum jb_domain_state state) {
    switch (state) {
    case JB_DOMAIN_OK:
        return "";
    case JB_DOMAIN_DUPLICATE:
        return "another domain shows the same energy";
    case JB_DOMAIN_DENIED:
        return "it may not be read";
    case JB_DOMAIN_DISABLED:
        return "it is switched off, or what it measures is not known";
    }
    return "?";
}

static bool has_measured(const struct jb_cover_entry *entries, size_t count, enum jb_domain_kind kind) {
    for (size_t i = 0; i < count; i++) {
        if (is_measured(&entries[i]) && entries[i].domain->kind == kind)
            return true;
    }
    return false;
}

/* The surest usable meter of that kind and method; count when there is none. */
static size_t best_whole(const struct jb_cover_entry *entries, size_t count, enum jb_domain_kind kind,
                         enum jb_method method) {
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        const struct jb_domain *domain = entries[i].domain;
        if (!is_usable(&entries[i]) || domain->kind != kind || domain->method != method)
            continue;
        if (best == count || domain->uncertainty_ppm < entries[best].domain->uncertainty_ppm)
            best = i;
    }
    return best;
}

static size_t outermost(const struct jb_cover_entry *entries, size_t count, enum jb_method method) {
    static const enum jb_domain_kind kinds[] = {JB_FACILITY, JB_NODE, JB_PSYS};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        size_t best = best_whole(entries, count, kinds[k], method);
        if (best < count)
            return best;
    }
    return count;
}

static void set(struct jb_cover_entry *entry, enum jb_cover_place place, const char *reason) {
    entry->place = place;
    entry->reason = reason;
}

/* Length of the account without its die: the dies of one package are one thing, however many meters. */
static size_t thing_length(const char *account) {
    const char *die = strstr(account, "-die");
    return die ? (size_t)(die - account) : strlen(account);
}

/* Whether two domains measure the same thing: the same package or DRAM, seen by two sources. GPUs never do,
 * since each vendor's source sees its own. */
static bool is_same_thing(const struct jb_domain *a, const struct jb_domain *b) {
    size_t length = thing_length(a->account);
    return a->kind == b->kind && (a->kind == JB_PACKAGE || a->kind == JB_DRAM) &&
           length == thing_length(b->account) && memcmp(a->account, b->account, length) == 0;
}

/* Greatest uncertainty among what one source says of the thing with that method. */
static uint32_t source_uncertainty_ppm(const struct jb_cover_entry *entries, size_t count,
                                       const struct jb_domain *thing, uint32_t source) {
    uint32_t greatest = 0;
    for (size_t i = 0; i < count; i++) {
        const struct jb_domain *domain = entries[i].domain;
        if (is_usable(&entries[i]) && entries[i].source == source && domain->method == thing->method &&
            is_same_thing(domain, thing) && domain->uncertainty_ppm > greatest)
            greatest = domain->uncertainty_ppm;
    }
    return greatest;
}

/* Whether another source measures what entry `at` does, and is to be preferred. */
static bool has_better(const struct jb_cover_entry *entries, size_t count, size_t at,
                       const char **ret_reason) {
    const struct jb_domain *mine = entries[at].domain;
    uint32_t my_ppm = source_uncertainty_ppm(entries, count, mine, entries[at].source);
    for (size_t i = 0; i < count; i++) {
        const struct jb_domain *other = entries[i].domain;
        if (i == at || !is_usable(&entries[i]) || !is_same_thing(mine, other))
            continue;
        if (other->method != mine->method) {
            *ret_reason = "modelled, and a meter covers it";
            if (other->method < mine->method)
                return true;
            continue;
        }
        if (entries[i].source == entries[at].source)
            continue;
        uint32_t other_ppm = source_uncertainty_ppm(entries, count, other, entries[i].source);
        *ret_reason = "a surer meter of the same is booked";
        if (other_ppm < my_ppm || (other_ppm == my_ppm && entries[i].source < entries[at].source))
            return true;
    }
    return false;
}

/* Whether a domain that contains entry `at` is itself a part. Parents are indexes within one source, whose
 * entries stand together in the order of its list. */
static bool lies_in_part(const struct jb_cover_entry *entries, size_t count, size_t at) {
    size_t first = 0;
    while (first < count && entries[first].source != entries[at].source)
        first++;
    int32_t parent = entries[at].domain->parent;
    for (size_t steps = 0; parent >= 0 && steps < count; steps++) {
        size_t index = first + (size_t)parent;
        if (index >= count || index == at || entries[index].source != entries[at].source)
            return false;
        if (entries[index].place == JB_COVER_PART)
            return true;
        parent = entries[index].domain->parent;
    }
    return false;
}

static void choose_parts(struct jb_cover_entry *entries, size_t count, bool whole_is_measured) {
    for (size_t i = 0; i < count; i++) {
        const char *reason = "";
        if (!is_usable(&entries[i]) || !is_part(entries[i].domain->kind))
            continue;
        if (has_better(entries, count, i, &reason))
            set(&entries[i], JB_COVER_NONE, reason);
        else if (whole_is_measured && entries[i].domain->method == JB_MODELLED &&
                 entries[i].domain->kind != JB_GPU && entries[i].domain->kind != JB_ACCELERATOR)
            set(&entries[i], JB_COVER_NONE, "modelled, and a meter covers it");
        else
            set(&entries[i], JB_COVER_PART, "");
    }
    for (size_t i = 0; i < count; i++) {
        if (entries[i].place == JB_COVER_PART && lies_in_part(entries, count, i))
            set(&entries[i], JB_COVER_INSIDE, "lies inside a part");
    }
}

static void place_inner(struct jb_cover_entry *entries, size_t count, bool has_package) {
    for (size_t i = 0; i < count; i++) {
        enum jb_domain_kind kind = entries[i].domain->kind;
        if (!is_usable(&entries[i]) || (kind != JB_CORE && kind != JB_UNCORE))
            continue;
        if (has_package)
            set(&entries[i], JB_COVER_INSIDE, "lies inside a package");
        else
            set(&entries[i], JB_COVER_NONE, "only a part of a package that is not measured");
    }
}

void jb_cover_choose(struct jb_cover_entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++)
        set(&entries[i], JB_COVER_NONE, unusable_reason(entries[i].domain->state));
    size_t authority = outermost(entries, count, JB_MEASURED);
    bool whole_is_measured = authority < count;
    bool has_package = has_measured(entries, count, JB_PACKAGE);
    bool model_is_part = false;
    if (!whole_is_measured && !has_package) {
        authority = outermost(entries, count, JB_MODELLED);
        /* A model of the machine knows nothing of the GPUs that are metered: it stands beside them. */
        model_is_part = authority < count && (has_measured(entries, count, JB_GPU) ||
                                              has_measured(entries, count, JB_ACCELERATOR));
    }
    choose_parts(entries, count, whole_is_measured);
    for (size_t i = 0; i < count; i++)
        has_package =
            has_package || (entries[i].place == JB_COVER_PART && entries[i].domain->kind == JB_PACKAGE);
    for (size_t i = 0; i < count; i++) {
        const struct jb_domain *domain = entries[i].domain;
        if (!is_usable(&entries[i]) || !is_whole(domain->kind))
            continue;
        if (i == authority)
            set(&entries[i], model_is_part ? JB_COVER_PART : JB_COVER_AUTHORITY, "");
        else if (domain->method == JB_MODELLED && (whole_is_measured || has_package))
            set(&entries[i], JB_COVER_NONE, "modelled, and a meter covers it");
        else if (domain->kind == entries[authority].domain->kind)
            set(&entries[i], JB_COVER_NONE, "another meter of the same is booked");
        else if (domain->kind == JB_PSYS && !has_package &&
                 best_whole(entries, count, JB_PSYS, domain->method) == i)
            set(&entries[i], JB_COVER_PART, "");
        else
            set(&entries[i], JB_COVER_INSIDE, "lies between the total and its parts");
    }
    /* Where a whole is itself a part, what lies inside it may not be booked beside it. */
    for (size_t i = 0; i < count; i++) {
        enum jb_domain_kind kind = entries[i].domain->kind;
        bool holds = entries[i].place == JB_COVER_PART && is_whole(kind);
        for (size_t j = 0; holds && j < count; j++) {
            enum jb_domain_kind inner = entries[j].domain->kind;
            if (j != i && entries[j].place == JB_COVER_PART &&
                (inner == JB_PACKAGE || inner == JB_DRAM || inner == JB_PSYS))
                set(&entries[j], JB_COVER_INSIDE, "lies inside a part");
        }
    }
    place_inner(entries, count, has_package);
}
