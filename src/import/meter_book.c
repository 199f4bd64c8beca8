/* The flows of one site: its meters, the intervals that they have in common, what the book has of these, and
 * the batch. */
#include "import/meter_desk.h"

#include "base/strings.h"
#include "store/rules.h"

#include <inttypes.h>
#include <string.h>

static void desk_free(struct jb_meter_desk *desk) {
    jb_site_readings_free(&desk->site);
    free(desk->parts);
    free(desk->is_booked);
    free(desk->other.items);
    free(desk->gaps);
}

/* ---- accounts ---- */

static enum jb_code resolve(struct jb_meter_desk *desk, const char *path, struct jb_error *error,
                            jb_account_id *ret_id) {
    *ret_id = 0;
    return desk->is_dry_run ? jb_account_validate(path, error)
                            : jb_ledger_account(desk->ledger, path, error, ret_id);
}

static void name_part(const struct jb_meter_desk *desk, struct jb_meter_part *part) {
    char component[JB_COMPONENT_SIZE];
    enum jb_meter_role role = part->meter->rule->role;
    jb_account_encode(part->meter->name, strlen(part->meter->name), component);
    if (role == JB_METER_FACILITY)
        snprintf(part->path, sizeof part->path, "%s", desk->path);
    else if (role == JB_METER_GENERATION || role == JB_METER_WATER)
        snprintf(part->path, sizeof part->path, "supply/%s/%s", desk->name, component);
    else
        snprintf(part->path, sizeof part->path, "%.200s/%s/%s", desk->path,
                 role == JB_METER_OVERHEAD ? "overhead" : "it", component);
}

static enum jb_code add_meter(struct jb_meter_desk *desk, struct jb_meter_part *part,
                              struct jb_error *error) {
    enum jb_meter_role role = part->meter->rule->role;
    struct jb_site_meter meter = {.role = role == JB_METER_FACILITY     ? JB_SITE_FACILITY
                                          : role == JB_METER_GENERATION ? JB_SITE_GENERATION
                                          : role == JB_METER_OVERHEAD   ? JB_SITE_OVERHEAD
                                                                        : JB_SITE_IT,
                                  .uncertainty_ppm = part->meter->rule->uncertainty_ppm};
    memcpy(meter.path, part->path, sizeof meter.path);
    part->index = (uint32_t)desk->site.meter_count;
    return jb_site_add_meter(&desk->site, &meter, error);
}

/* The meters of the site; IT measured at one place only. */
static enum jb_code find_parts(struct jb_meter_desk *desk, const struct jb_meters *meters,
                               struct jb_error *error) {
    const struct jb_meter *it = NULL;
    const char *grid = NULL;
    desk->parts = calloc(meters->count + 1, sizeof *desk->parts);
    if (!desk->parts)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu meters", meters->count);
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < meters->count; i++) {
        const struct jb_meter *meter = &meters->items[i];
        enum jb_meter_role role = meter->rule->role;
        if (role == JB_METER_NONE || strcmp(meter->rule->site, desk->name) != 0)
            continue;
        if (jb_meter_is_it(role) && it && it->rule->role != role)
            return jb_error_set(
                error, JB_INPUT,
                "site '%.80s': meter '%.80s' measures IT at the %s and '%.80s' at the %s, so one "
                "holds the other; give those of one place the role none or overhead",
                desk->name, it->name, jb_meter_role_name(it->rule->role), meter->name,
                jb_meter_role_name(role));
        if (jb_meter_is_it(role))
            it = meter;
        if (!grid || role == JB_METER_FACILITY)
            grid = meter->rule->grid;
        struct jb_meter_part *part = &desk->parts[desk->part_count++];
        *part = (struct jb_meter_part){.meter = meter, .last_gap = SIZE_MAX};
        if (role == JB_METER_REUSED)
            continue;
        name_part(desk, part);
        code = resolve(desk, part->path, error, &part->account);
        if (!code && jb_meter_is_energy(part))
            code = add_meter(desk, part, error);
    }
    snprintf(desk->site.name, sizeof desk->site.name, "%s", desk->name);
    snprintf(desk->site.grid, sizeof desk->site.grid, "%s", grid ? grid : "grid/unknown");
    char water[JB_ACCOUNT_SIZE];
    snprintf(water, sizeof water, "site/%s/water", desk->name);
    return code ? code : resolve(desk, water, error, &desk->water);
}

/* ---- what the book has ---- */

/* The first interval that ends after a time. */
static size_t interval_after(const struct jb_site_readings *site, int64_t at_ns) {
    size_t low = 0, high = site->interval_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (site->intervals[middle].end_ns > at_ns)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void mark(struct jb_meter_desk *desk, int64_t start_ns, int64_t end_ns) {
    const struct jb_site_readings *site = &desk->site;
    for (size_t i = interval_after(site, start_ns);
         i < site->interval_count && site->intervals[i].start_ns < end_ns; i++)
        desk->is_booked[i] = true;
}

static enum jb_code mark_batch(struct jb_meter_desk *desk, const struct jb_site_booked *booked,
                               struct jb_error *error) {
    _cleanup_(jb_site_readings_free) struct jb_site_readings readings = {0};
    enum jb_code code = jb_site_read(desk->ledger, booked, error, &readings);
    if (code == JB_NO_DATA) /* only its flows are there */
        mark(desk, booked->start_ns, booked->end_ns);
    for (size_t i = 0; !code && i < readings.interval_count; i++)
        mark(desk, readings.intervals[i].start_ns, readings.intervals[i].end_ns);
    return code == JB_NO_DATA ? JB_OK : code;
}

/* Which intervals are booked, and what hosts have booked in the others. */
static enum jb_code read_booked(struct jb_meter_desk *desk, struct jb_error *error) {
    const struct jb_site_readings *site = &desk->site;
    _cleanup_free_ struct jb_site_booked *booked = NULL;
    size_t count = 0;
    desk->is_booked = calloc(site->interval_count + 1, sizeof *desk->is_booked);
    if (!desk->is_booked)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu intervals", site->interval_count);
    if (!desk->ledger || site->interval_count == 0)
        return JB_OK;
    enum jb_code code =
        jb_site_find_booked(desk->ledger, desk->name, site->intervals[0].start_ns,
                            site->intervals[site->interval_count - 1].end_ns, error, &booked, &count);
    for (size_t i = 0; !code && i < count; i++)
        code = mark_batch(desk, &booked[i], error);
    return code ? code : jb_site_find_hosts(desk->ledger, &desk->site, 0, site->interval_count, error);
}

/* ---- the batch ---- */

/* Leaves out gaps that the book has. */
static enum jb_code drop_known_gaps(struct jb_meter_desk *desk, struct jb_error *error) {
    _cleanup_free_ struct jb_gap *known = NULL;
    size_t known_count = 0, kept = 0;
    struct jb_query query = JB_QUERY_ALL;
    struct jb_store *store = desk->ledger ? jb_ledger_store(desk->ledger) : NULL;
    if (!store || desk->gap_count == 0 || desk->is_dry_run)
        return JB_OK;
    enum jb_code code = store->ops->gaps(store, &query, error, &known, &known_count);
    for (size_t i = 0; !code && i < desk->gap_count; i++) {
        const struct jb_gap *gap = &desk->gaps[i];
        bool is_known = false;
        for (size_t k = 0; k < known_count && !is_known; k++)
            is_known = known[k].account == gap->account && known[k].start_ns <= gap->start_ns &&
                       known[k].end_ns >= gap->end_ns;
        if (!is_known)
            desk->gaps[kept++] = *gap;
    }
    if (!code)
        desk->gap_count = kept;
    return code;
}

/* Where the site's IT is measured, for whoever states its PUE. */
static enum jb_code label_category(struct jb_meter_desk *desk, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(desk->ledger);
    for (size_t p = 0; p < desk->part_count; p++) {
        enum jb_meter_role role = desk->parts[p].meter->rule->role;
        struct jb_label label = {.key = "pue-category"};
        if (!jb_meter_is_it(role))
            continue;
        snprintf(label.pattern, sizeof label.pattern, "%s", desk->path);
        snprintf(label.value, sizeof label.value, "%d",
                 role == JB_METER_UPS   ? 1
                 : role == JB_METER_PDU ? 2
                                        : 3);
        return store->ops->label_set(store, &label, error);
    }
    return JB_OK;
}

/* The batch is named after what is in it: the same file can have more to book when its meters got other
 * roles.
 */
static void name_batch(const struct jb_meter_desk *desk, char ret[static JB_IDENTITY_SIZE]) {
    uint64_t hash = desk->other.count;
    for (size_t i = 0; i < desk->other.count; i++) {
        const struct jb_flow *flow = &desk->other.items[i];
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->start_ns);
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->end_ns);
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->amount);
    }
    for (size_t i = 0; i < desk->gap_count; i++)
        hash = jb_hash_uint64(hash ^ (uint64_t)desk->gaps[i].start_ns);
    snprintf(ret, JB_IDENTITY_SIZE, JB_SITE_BATCH "%.127s %016" PRIx64, desk->name, hash);
}

/* What hosts have no part in: water and gaps. */
static enum jb_code append_other(struct jb_meter_desk *desk, struct jb_error *error) {
    char identity[JB_IDENTITY_SIZE];
    bool is_new;
    if (desk->other.count == 0 && desk->gap_count == 0)
        return JB_OK;
    name_batch(desk, identity);
    struct jb_batch batch = {.identity = identity,
                             .flows = desk->other.items,
                             .flow_count = desk->other.count,
                             .gaps = desk->gaps,
                             .gap_count = desk->gap_count};
    return jb_ledger_append(desk->ledger, &batch, error, &is_new);
}

static enum jb_code book_desk(struct jb_meter_desk *desk, const struct jb_meters *meters,
                              struct jb_meter_site *summary, uint64_t *flow_count, struct jb_error *error) {
    enum jb_code code = find_parts(desk, meters, error);
    if (!code)
        code = jb_meter_find_intervals(desk, error);
    if (!code)
        code = read_booked(desk, error);
    if (!code)
        code = jb_meter_book_energy(desk, summary, flow_count, error);
    for (size_t p = 0; !code && p < desk->part_count; p++) {
        bool is_changed = false;
        if (desk->parts[p].meter->rule->role == JB_METER_WATER)
            code = jb_meter_book_water(desk, &desk->parts[p], error);
        else if (desk->parts[p].meter->rule->role == JB_METER_REUSED)
            code = jb_meter_keep_reuse(desk, &desk->parts[p], error, &is_changed);
        desk->series_count += is_changed;
    }
    if (!code)
        code = drop_known_gaps(desk, error);
    if (!code && !desk->is_dry_run)
        code = append_other(desk, error);
    return code || desk->is_dry_run || *flow_count == 0 ? code : label_category(desk, error);
}

enum jb_code jb_meter_book_site(struct jb_meters *meters, const char *name, struct jb_ledger *ledger,
                                bool is_dry_run, struct jb_error *error, struct jb_meter_result *result) {
    _cleanup_(desk_free) struct jb_meter_desk desk = {
        .name = name, .ledger = ledger, .is_dry_run = is_dry_run};
    struct jb_meter_site *summary = &result->sites[result->site_count];
    uint64_t flow_count = 0;
    *summary = (struct jb_meter_site){0};
    snprintf(summary->name, sizeof summary->name, "%s", name);
    snprintf(desk.path, sizeof desk.path, "site/%s", name);
    enum jb_code code = book_desk(&desk, meters, summary, &flow_count, error);
    if (code)
        return code;
    result->site_count++;
    result->new_flow_count += flow_count + desk.other.count;
    result->new_gap_count += desk.gap_count;
    result->new_series_count += desk.series_count;
    return JB_OK;
}
