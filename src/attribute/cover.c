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

/* Whether another source says of the same thing what entry `at` does, and is to be preferred. */
static bool has_better(const struct jb_cover_entry *entries, size_t count, size_t at) {
    const struct jb_domain *mine = entries[at].domain;
    uint32_t my_ppm = source_uncertainty_ppm(entries, count, mine, entries[at].source);
    for (size_t i = 0; i < count; i++) {
        const struct jb_domain *other = entries[i].domain;
        if (!is_usable(&entries[i]) || entries[i].source == entries[at].source ||
            other->method != mine->method || !is_same_thing(mine, other))
            continue;
        uint32_t other_ppm = source_uncertainty_ppm(entries, count, other, entries[i].source);
        if (other_ppm < my_ppm || (other_ppm == my_ppm && entries[i].source < entries[at].source))
            return true;
    }
    return false;
}

static const struct jb_cover_entry *find_parent(const struct jb_cover_entry *entries, size_t count,
                                                const struct jb_cover_entry *entry) {
    for (size_t i = 0; entry->domain->parent >= 0 && i < count; i++) {
        if (entries[i].source == entry->source && entries[i].index == entry->domain->parent)
            return &entries[i];
    }
    return NULL;
}

/* Whether a domain that contains the entry is itself a part. */
static bool lies_in_part(const struct jb_cover_entry *entries, size_t count,
                         const struct jb_cover_entry *entry) {
    const struct jb_cover_entry *parent = find_parent(entries, count, entry);
    for (size_t steps = 0; parent && parent != entry && steps < count; steps++) {
        if (parent->place == JB_COVER_PART)
            return true;
        parent = find_parent(entries, count, parent);
    }
    return false;
}

/* A model of the CPUs or the memory is of all of them, so one real meter of that kind drives it out. It may
 * well split what a meter of the whole machine says. */
static bool is_driven_out(const struct jb_cover_entry *entries, size_t count,
                          const struct jb_domain *domain) {
    return domain->method != JB_MEASURED && (domain->kind == JB_PACKAGE || domain->kind == JB_DRAM) &&
           has_measured(entries, count, domain->kind);
}

static void choose_parts(struct jb_cover_entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!is_usable(&entries[i]) || !is_part(entries[i].domain->kind))
            continue;
        if (is_driven_out(entries, count, entries[i].domain))
            set(&entries[i], JB_COVER_NONE, "modelled, and a meter covers it");
        else if (has_better(entries, count, i))
            set(&entries[i], JB_COVER_NONE, "a surer meter of the same is booked");
        else
            set(&entries[i], JB_COVER_PART, "");
    }
    for (size_t i = 0; i < count; i++) {
        if (entries[i].place == JB_COVER_PART && lies_in_part(entries, count, &entries[i]))
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
    choose_parts(entries, count);
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
