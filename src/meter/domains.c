/* The domains of every source in one table. */
#include "meter/domains.h"

#include "attribute/delta.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "load/gpu.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SOURCE_CEILING 16

struct jb_domains {
    struct jb_source_context context;
    struct jb_source *sources[SOURCE_CEILING]; /* by index in jb_source_table; NULL not there */
    struct jb_metered_domain *items;
    size_t count, capacity;
    struct jb_reading *readings; /* scratch, as long as the longest list */
    size_t readings_capacity;
    struct jb_domain_totals totals;
    uint64_t tick_uj;
    bool tick_known;
};

static struct jb_metered_domain *find(struct jb_domains *domains, uint32_t source, const char *id) {
    for (size_t i = 0; i < domains->count; i++) {
        if (domains->items[i].source == source && strcmp(domains->items[i].domain.id, id) == 0)
            return &domains->items[i];
    }
    return NULL;
}

/* Takes the list of one source over: new domains are added, those that went get index −1. */
static enum jb_code take_list(struct jb_domains *domains, uint32_t source, struct jb_error *error) {
    const struct jb_domain *list;
    size_t count = domains->sources[source]->ops->domains(domains->sources[source], &list);
    enum jb_code code = jb_array_reserve(&domains->readings, &domains->readings_capacity, count,
                                         JB_DOMAIN_CEILING, "domains", error);
    for (size_t i = 0; i < domains->count; i++) {
        if (domains->items[i].source == source)
            domains->items[i].index = -1;
    }
    for (size_t i = 0; !code && i < count; i++) {
        struct jb_metered_domain *item = find(domains, source, list[i].id);
        if (!item) {
            code = jb_array_reserve(&domains->items, &domains->capacity, domains->count + 1,
                                    JB_DOMAIN_CEILING, "power domains", error);
            if (code)
                return code;
            item = &domains->items[domains->count++];
            *item = (struct jb_metered_domain){.source = source,
                                               .reading.state = JB_READING_NONE,
                                               .unknown_reason = "",
                                               .interval_reason = ""};
        }
        item->domain = list[i];
        item->index = (int32_t)i;
    }
    return code;
}

/* A psys meter sees the SoC and what hangs on it, not discrete GPUs; a node or facility meter sees all. */
static bool is_inside(enum jb_domain_kind authority, enum jb_domain_kind part) {
    return authority != JB_PSYS || (part != JB_GPU && part != JB_ACCELERATOR);
}

static enum jb_code choose_cover(struct jb_domains *domains, struct jb_error *error) {
    if (!domains->count)
        return JB_OK;
    _cleanup_free_ struct jb_cover_entry *entries = calloc(domains->count, sizeof *entries);
    _cleanup_free_ struct jb_domain *copies = calloc(domains->count, sizeof *copies);
    if (!entries || !copies)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu power domains", domains->count);
    for (size_t i = 0; i < domains->count; i++) {
        struct jb_metered_domain *item = &domains->items[i];
        copies[i] = item->domain;
        if (item->index < 0)
            copies[i].state = JB_DOMAIN_DISABLED;
        entries[i] =
            (struct jb_cover_entry){.domain = &copies[i], .source = item->source, .index = item->index};
    }
    jb_cover_choose(entries, domains->count);
    const struct jb_domain *authority = NULL;
    for (size_t i = 0; i < domains->count; i++) {
        domains->items[i].place = entries[i].place;
        domains->items[i].place_reason = entries[i].reason ? entries[i].reason : "";
        if (entries[i].place == JB_COVER_AUTHORITY)
            authority = &domains->items[i].domain;
    }
    for (size_t i = 0; i < domains->count; i++)
        domains->items[i].inside_authority = authority && domains->items[i].place == JB_COVER_PART &&
                                             is_inside(authority->kind, domains->items[i].domain.kind);
    return JB_OK;
}

enum jb_code jb_domains_open(const struct jb_source_context *context, struct jb_buffer *notes,
                             struct jb_error *error, struct jb_domains **ret_domains) {
    struct jb_domains *domains = calloc(1, sizeof *domains);
    if (!domains)
        return jb_error_set(error, JB_MEMORY, "no memory for power sources");
    domains->context = *context;
    enum jb_code code = JB_OK;
    for (uint32_t i = 0; !code && jb_source_table[i]; i++) {
        assert(i < SOURCE_CEILING);
        struct jb_error reason = {0};
        enum jb_code opened = jb_source_open(jb_source_table[i], context, &reason, &domains->sources[i]);
        if (opened) {
            domains->sources[i] = NULL;
            /* What was asked for by name must be there. */
            if (jb_source_table[i] == &jb_source_replay && context->replay_path)
                code = jb_error_set(error, opened, "%s", reason.message);
            jb_buffer_printf(notes, "%s: %s\n", jb_source_table[i]->name, reason.message);
            continue;
        }
        code = take_list(domains, i, error);
        const struct jb_domain *list;
        size_t count = domains->sources[i]->ops->domains(domains->sources[i], &list);
        jb_buffer_printf(notes, "%s: %zu domain%s\n", jb_source_table[i]->name, count, count == 1 ? "" : "s");
    }
    if (!code)
        code = choose_cover(domains, error);
    if (code) {
        jb_domains_close(domains);
        return code;
    }
    *ret_domains = domains;
    return JB_OK;
}

void jb_domains_close(struct jb_domains *domains) {
    if (!domains)
        return;
    for (size_t i = 0; i < SOURCE_CEILING; i++) {
        if (domains->sources[i])
            domains->sources[i]->ops->close(domains->sources[i]);
    }
    free(domains->items);
    free(domains->readings);
    free(domains);
}

struct jb_metered_domain *jb_domains_list(struct jb_domains *domains, size_t *ret_count) {
    *ret_count = domains->count;
    return domains->items;
}

const struct jb_metered_domain *jb_domains_authority(const struct jb_domains *domains) {
    for (size_t i = 0; i < domains->count; i++) {
        if (domains->items[i].place == JB_COVER_AUTHORITY)
            return &domains->items[i];
    }
    return NULL;
}

static void note_unknown(struct jb_metered_domain *item, int64_t from_ns, int64_t until_ns) {
    if (!item->unknown_from_ns) {
        item->unknown_from_ns = from_ns;
        item->interval_reason = item->unknown_reason;
    }
    item->unknown_until_ns = until_ns;
}

static const char *reading_reason(enum jb_reading_state state) {
    switch (state) {
    case JB_READING_DENIED:
        return "permission denied";
    case JB_READING_GONE:
        return "the device went away";
    case JB_READING_NONE:
    case JB_READING_OK:
        break;
    }
    return "no reading";
}

/* boottime_ns and suspended_ns (of it) are those of the moment of reading. */
static void take_reading(struct jb_metered_domain *item, const struct jb_reading *now, int64_t boottime_ns,
                         int64_t suspended_ns, bool is_first) {
    item->known = false;
    item->energy_uj = item->idle_uj = 0;
    item->unknown_reason = "";
    int64_t from_ns = item->reading.state == JB_READING_OK ? item->reading.boottime_ns : boottime_ns;
    if (now->state != JB_READING_OK) {
        item->unknown_reason = reading_reason(now->state);
    } else if (item->reading.state == JB_READING_OK) {
        struct jb_delta delta =
            jb_delta(&item->domain, &item->reading, now, suspended_ns - item->suspended_ns, JB_GAUGE_GAP_NS);
        item->known = delta.state == JB_DELTA_KNOWN;
        item->energy_uj = delta.energy_uj;
        item->unknown_reason = jb_delta_reason(delta.state);
    } else if (!is_first) {
        item->unknown_reason = "first reading";
    }
    /* A counter that could not be read keeps its last reading: the next one tells the energy of the whole
     * gap. */
    if (now->state == JB_READING_OK) {
        item->reading = *now;
        item->suspended_ns = suspended_ns;
    }
    if (is_first) {
        item->known = false;
        item->energy_uj = 0;
    } else if (item->known) {
        item->interval_uj += item->energy_uj;
        /* The energy of the time in which it could not be read is in now. */
        if (item->domain.form == JB_COUNTER && item->unknown_from_ns && from_ns <= item->unknown_from_ns)
            item->unknown_from_ns = item->unknown_until_ns = 0;
    } else if (item->place == JB_COVER_PART || item->place == JB_COVER_AUTHORITY) {
        note_unknown(item, from_ns, boottime_ns);
    }
}

void jb_domains_read(struct jb_domains *domains, bool is_first) {
    const struct jb_clock *clock = domains->context.clock;
    for (uint32_t s = 0; s < SOURCE_CEILING; s++) {
        if (!domains->sources[s])
            continue;
        domains->sources[s]->ops->read(domains->sources[s], domains->readings);
        int64_t boottime_ns = clock->boottime_ns(clock);
        int64_t suspended_ns = boottime_ns - clock->monotonic_ns(clock);
        for (size_t i = 0; i < domains->count; i++) {
            struct jb_metered_domain *item = &domains->items[i];
            const struct jb_reading gone = {.state = JB_READING_GONE};
            if (item->source == s)
                take_reading(item, item->index < 0 ? &gone : &domains->readings[item->index], boottime_ns,
                             suspended_ns, is_first);
        }
    }
    if (is_first)
        return;
    const struct jb_metered_domain *authority = jb_domains_authority(domains);
    uint64_t inside_uj = 0, beside_uj = 0;
    bool any = false;
    for (size_t i = 0; i < domains->count; i++) {
        const struct jb_metered_domain *item = &domains->items[i];
        if (item->place != JB_COVER_PART || !item->known)
            continue;
        any = true;
        if (item->inside_authority)
            inside_uj += item->energy_uj;
        else
            beside_uj += item->energy_uj;
    }
    domains->tick_uj = inside_uj + beside_uj;
    if (authority && authority->known) {
        any = true;
        domains->totals.authority_uj += authority->energy_uj;
        domains->totals.inside_uj += inside_uj;
        domains->totals.other_uj += beside_uj;
        domains->tick_uj = authority->energy_uj + beside_uj;
    } else {
        domains->totals.other_uj += inside_uj + beside_uj;
    }
    domains->tick_known = any;
    domains->totals.any_known |= any;
}

/* Share of the tick in which a GPU was busy, by what its processes used. */
static double gpu_utilisation(const struct jb_sample *sample, uint32_t domain, int64_t elapsed_ns) {
    uint64_t busy_ns = 0;
    for (size_t i = 0; i < sample->gpu_count; i++) {
        if (sample->gpus[i].domain == domain)
            busy_ns += sample->gpus[i].busy_ns;
    }
    return fmin(1.0, (double)busy_ns / (double)elapsed_ns);
}

void jb_domains_learn(struct jb_domains *domains, const struct jb_sample *sample, double utilisation,
                      int64_t elapsed_ns) {
    double elapsed_s = (double)elapsed_ns / 1e9;
    for (size_t i = 0; i < domains->count; i++) {
        struct jb_metered_domain *item = &domains->items[i];
        if (item->place != JB_COVER_PART || !item->known || elapsed_ns <= 0)
            continue;
        double idle_w = (double)item->domain.idle_uw / 1e6;
        if (!item->domain.idle_uw) {
            bool is_gpu = item->domain.kind == JB_GPU || item->domain.kind == JB_ACCELERATOR;
            double used = is_gpu ? gpu_utilisation(sample, (uint32_t)i, elapsed_ns) : utilisation;
            jb_idle_learn(&item->idle, (double)item->energy_uj / 1e6 / elapsed_s, used, elapsed_s);
            idle_w = jb_idle_power_w(&item->idle);
        }
        double idle_uj = idle_w * elapsed_s * 1e6;
        if (!(idle_uj > 0)) /* NaN: not learned yet */
            item->idle_uj = 0;
        else
            item->idle_uj = idle_uj < (double)item->energy_uj ? (uint64_t)idle_uj : item->energy_uj;
    }
}

const struct jb_domain_totals *jb_domains_totals(const struct jb_domains *domains) {
    return &domains->totals;
}

bool jb_domains_tick_total(const struct jb_domains *domains, uint64_t *ret_energy_uj) {
    if (domains->tick_known)
        *ret_energy_uj = domains->tick_uj;
    return domains->tick_known;
}

void jb_domains_reset(struct jb_domains *domains) {
    domains->totals = (struct jb_domain_totals){0};
    for (size_t i = 0; i < domains->count; i++) {
        struct jb_metered_domain *item = &domains->items[i];
        item->interval_uj = 0;
        item->unknown_from_ns = item->unknown_until_ns = 0;
        item->interval_reason = "";
    }
}

/* Index in this table of a source's domain; UINT32_MAX when it is not in it (yet). */
static uint32_t index_of(const struct jb_domains *domains, uint32_t source, uint32_t index) {
    for (size_t i = 0; i < domains->count; i++) {
        if (domains->items[i].source == source && domains->items[i].index == (int32_t)index)
            return (uint32_t)i;
    }
    return UINT32_MAX;
}

void jb_domains_processes(struct jb_domains *domains, struct jb_sample *sample) {
    struct jb_source *sources[SOURCE_CEILING];
    uint32_t owners[SOURCE_CEILING], bases[SOURCE_CEILING], counts[SOURCE_CEILING], base = 0;
    size_t count = 0;
    for (uint32_t s = 0; s < SOURCE_CEILING; s++) {
        if (!domains->sources[s] || !domains->sources[s]->ops->processes)
            continue;
        const struct jb_domain *list;
        sources[count] = domains->sources[s];
        owners[count] = s;
        bases[count] = base;
        counts[count] = (uint32_t)domains->sources[s]->ops->domains(domains->sources[s], &list);
        base += counts[count++];
    }
    /* A driver that does not tell leaves the energy of its GPUs unattributed. */
    jb_gpu_sample(sources, bases, counts, count, sample, NULL, NULL);
    size_t kept = 0;
    for (size_t g = 0; g < sample->gpu_count; g++) {
        struct jb_gpu_usage usage = sample->gpus[g];
        for (size_t i = 0; i < count; i++) {
            if (usage.domain >= bases[i] && usage.domain - bases[i] < counts[i]) {
                usage.domain = index_of(domains, owners[i], usage.domain - bases[i]);
                break;
            }
        }
        if (usage.domain != UINT32_MAX)
            sample->gpus[kept++] = usage;
    }
    sample->gpu_count = kept;
}

enum jb_code jb_domains_rescan(struct jb_domains *domains, struct jb_error *error, bool *ret_changed) {
    bool changed = false;
    for (uint32_t s = 0; jb_source_table[s]; s++) {
        struct jb_source *source = domains->sources[s];
        if (!source) {
            /* A driver may be loaded while we run. */
            if (jb_source_open(jb_source_table[s], &domains->context, NULL, &domains->sources[s])) {
                domains->sources[s] = NULL;
                continue;
            }
        } else if (!source->ops->rescan || !source->ops->rescan(source)) {
            continue;
        }
        enum jb_code code = take_list(domains, s, error);
        if (code)
            return code;
        changed = true;
    }
    enum jb_code code = changed ? choose_cover(domains, error) : JB_OK;
    if (!code)
        *ret_changed = changed;
    return code;
}
