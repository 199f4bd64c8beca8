/* The flows of one site: its meters, the intervals that they have in common, what the book has of these, and
 * the batch. */
#include "import/meter_desk.h"

#include "base/strings.h"
#include "store/rules.h"

#include <inttypes.h>
#include <string.h>

static void site_free(struct jb_meter_desk *site) {
    free(site->parts);
    free(site->intervals);
    free(site->flows);
    free(site->gaps);
}

/* ---- accounts ---- */

static enum jb_code resolve(struct jb_meter_desk *site, const char *path, struct jb_error *error,
                            jb_account_id *ret_id) {
    *ret_id = 0;
    return site->is_dry_run ? jb_account_validate(path, error)
                            : jb_ledger_account(site->ledger, path, error, ret_id);
}

static enum jb_code resolve_below(struct jb_meter_desk *site, const char *below, struct jb_error *error,
                                  jb_account_id *ret_id) {
    char path[JB_ACCOUNT_SIZE];
    snprintf(path, sizeof path, "site/%s/%s", site->name, below);
    return resolve(site, path, error, ret_id);
}

static void name_part(const struct jb_meter_desk *site, struct jb_meter_part *part) {
    char component[JB_COMPONENT_SIZE];
    enum jb_meter_role role = part->meter->rule->role;
    jb_account_encode(part->meter->name, strlen(part->meter->name), component);
    if (role == JB_METER_FACILITY)
        snprintf(part->path, sizeof part->path, "%s", site->path);
    else if (role == JB_METER_GENERATION || role == JB_METER_WATER)
        snprintf(part->path, sizeof part->path, "supply/%s/%s", site->name, component);
    else
        snprintf(part->path, sizeof part->path, "%.200s/%s/%s", site->path,
                 role == JB_METER_OVERHEAD ? "overhead" : "it", component);
}

/* The meters of the site; IT measured at one place only. */
static enum jb_code find_parts(struct jb_meter_desk *site, const struct jb_meters *meters,
                               struct jb_error *error) {
    const struct jb_meter *it = NULL;
    const char *grid = NULL;
    site->parts = calloc(meters->count + 1, sizeof *site->parts);
    if (!site->parts)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu meters", meters->count);
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < meters->count; i++) {
        const struct jb_meter *meter = &meters->items[i];
        enum jb_meter_role role = meter->rule->role;
        if (role == JB_METER_NONE || strcmp(meter->rule->site, site->name) != 0)
            continue;
        if (jb_meter_is_it(role) && it && it->rule->role != role)
            return jb_error_set(
                error, JB_INPUT,
                "site '%.80s': meter '%.80s' measures IT at the %s and '%.80s' at the %s, so one "
                "holds the other; give those of one place the role none or overhead",
                site->name, it->name, jb_meter_role_name(it->rule->role), meter->name,
                jb_meter_role_name(role));
        if (jb_meter_is_it(role))
            it = meter;
        if (!grid || role == JB_METER_FACILITY)
            grid = meter->rule->grid;
        struct jb_meter_part *part = &site->parts[site->part_count++];
        *part = (struct jb_meter_part){.meter = meter, .last_gap = SIZE_MAX};
        name_part(site, part);
        code = resolve(site, part->path, error, &part->account);
    }
    if (!code)
        code = resolve(site, site->path, error, &site->account);
    if (!code)
        code = resolve(site, grid ? grid : "grid/unknown", error, &site->grid);
    if (!code)
        code = resolve_below(site, "overhead", error, &site->overhead);
    if (!code)
        code = resolve_below(site, "unattributed", error, &site->unattributed);
    if (!code)
        code = resolve_below(site, "meter-variance", error, &site->variance);
    return code ? code : resolve_below(site, "water", error, &site->water);
}

/* ---- intervals ---- */

static int compare_times(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Leaves of the times, which are ordered, those at which no meter is within a step. */
static size_t keep_common(struct jb_meter_desk *site, int64_t *times, size_t count) {
    size_t kept = 0;
    for (size_t p = 0; p < site->part_count; p++)
        site->parts[p].next = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_common = true;
        for (size_t p = 0; p < site->part_count; p++) {
            struct jb_meter_part *part = &site->parts[p];
            const struct jb_meter *meter = part->meter;
            if (!jb_meter_is_energy(part))
                continue;
            while (part->next < meter->step_count && meter->steps[part->next].end_ns <= times[i])
                part->next++;
            is_common = is_common &&
                        !(part->next < meter->step_count && meter->steps[part->next].start_ns < times[i]);
        }
        if (is_common && (kept == 0 || times[kept - 1] != times[i]))
            times[kept++] = times[i];
    }
    return kept;
}

static enum jb_code find_intervals(struct jb_meter_desk *site, struct jb_error *error) {
    size_t step_count = 0, count = 0;
    for (size_t p = 0; p < site->part_count; p++)
        step_count += jb_meter_is_energy(&site->parts[p]) ? site->parts[p].meter->step_count : 0;
    _cleanup_free_ int64_t *times = calloc(2 * step_count + 1, sizeof *times);
    if (!times)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", step_count);
    for (size_t p = 0; p < site->part_count; p++) {
        const struct jb_meter *meter = site->parts[p].meter;
        for (size_t i = 0; jb_meter_is_energy(&site->parts[p]) && i < meter->step_count; i++) {
            times[count++] = meter->steps[i].start_ns;
            times[count++] = meter->steps[i].end_ns;
        }
    }
    qsort(times, count, sizeof *times, compare_times);
    count = keep_common(site, times, count);
    site->intervals = calloc(count + 1, sizeof *site->intervals);
    if (!site->intervals)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu intervals", count);
    for (size_t i = 0; i + 1 < count; i++)
        site->intervals[site->interval_count++] =
            (struct jb_meter_interval){.start_ns = times[i], .end_ns = times[i + 1]};
    return JB_OK;
}

/* ---- what the book has ---- */

/* The first interval that ends after a time. */
static size_t interval_after(const struct jb_meter_desk *site, int64_t at_ns) {
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

static void add_booked(struct jb_meter_desk *site, const struct jb_flow *flow, bool is_reversal,
                       const char *from, const char *to) {
    bool goes_out = strcmp(from, site->path) == 0, comes_in = strcmp(to, site->path) == 0;
    bool is_own = goes_out && jb_account_is_within(to, site->path);
    if (!goes_out && !comes_in)
        return;
    for (size_t i = interval_after(site, flow->start_ns);
         i < site->interval_count && site->intervals[i].start_ns < flow->end_ns; i++) {
        struct jb_meter_interval *interval = &site->intervals[i];
        jb_int128 amount =
            jb_amount_part(flow->amount, flow->start_ns, flow->end_ns, interval->start_ns, interval->end_ns);
        if (is_own)
            interval->own_flows += is_reversal ? -1 : 1;
        else if (goes_out)
            interval->host_out += amount;
        else
            interval->host_in += amount;
    }
}

static enum jb_code read_booked(struct jb_meter_desk *site, struct jb_error *error) {
    if (!site->ledger || site->interval_count == 0)
        return JB_OK;
    struct jb_store *store = jb_ledger_store(site->ledger);
    struct jb_query query = {.from_ns = site->intervals[0].start_ns,
                             .to_ns = site->intervals[site->interval_count - 1].end_ns,
                             .commodity = JB_ENERGY,
                             .account = site->path};
    struct jb_flow_cursor *cursor;
    struct jb_flow flow;
    const char *identity;
    enum jb_code code = store->ops->flows_open(store, &query, error, &cursor);
    if (code)
        return code;
    while ((code = store->ops->flows_next(cursor, error, &flow, &identity)) == JB_OK)
        add_booked(site, &flow, strncmp(identity, JB_REVERSAL_START, strlen(JB_REVERSAL_START)) == 0,
                   jb_ledger_path(site->ledger, flow.from), jb_ledger_path(site->ledger, flow.to));
    store->ops->flows_close(cursor);
    return code == JB_NO_DATA ? JB_OK : code;
}

/* ---- the batch ---- */

/* Leaves out gaps that the book has. */
static enum jb_code drop_known_gaps(struct jb_meter_desk *site, struct jb_error *error) {
    _cleanup_free_ struct jb_gap *known = NULL;
    size_t known_count = 0, kept = 0;
    struct jb_query query = JB_QUERY_ALL;
    struct jb_store *store = site->ledger ? jb_ledger_store(site->ledger) : NULL;
    if (!store || site->gap_count == 0 || site->is_dry_run)
        return JB_OK;
    enum jb_code code = store->ops->gaps(store, &query, error, &known, &known_count);
    for (size_t i = 0; !code && i < site->gap_count; i++) {
        const struct jb_gap *gap = &site->gaps[i];
        bool is_known = false;
        for (size_t k = 0; k < known_count && !is_known; k++)
            is_known = known[k].account == gap->account && known[k].start_ns <= gap->start_ns &&
                       known[k].end_ns >= gap->end_ns;
        if (!is_known)
            site->gaps[kept++] = *gap;
    }
    if (!code)
        site->gap_count = kept;
    return code;
}

/* Where the site's IT is measured, for whoever states its PUE. */
static enum jb_code label_category(struct jb_meter_desk *site, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(site->ledger);
    for (size_t p = 0; p < site->part_count; p++) {
        enum jb_meter_role role = site->parts[p].meter->rule->role;
        struct jb_label label = {.key = "pue-category"};
        if (!jb_meter_is_it(role))
            continue;
        snprintf(label.pattern, sizeof label.pattern, "%s", site->path);
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
static void name_batch(const struct jb_meter_desk *site, char ret[static JB_IDENTITY_SIZE]) {
    uint64_t hash = site->flow_count;
    for (size_t i = 0; i < site->flow_count; i++) {
        const struct jb_flow *flow = &site->flows[i];
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->start_ns);
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->end_ns);
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->amount);
    }
    for (size_t i = 0; i < site->gap_count; i++)
        hash = jb_hash_uint64(hash ^ (uint64_t)site->gaps[i].start_ns);
    snprintf(ret, JB_IDENTITY_SIZE, "import meter %.127s %016" PRIx64, site->name, hash);
}

static enum jb_code append(struct jb_meter_desk *site, struct jb_error *error, bool *ret_new) {
    char identity[JB_IDENTITY_SIZE];
    *ret_new = site->flow_count > 0 || site->gap_count > 0;
    if (site->is_dry_run || !*ret_new)
        return JB_OK;
    name_batch(site, identity);
    struct jb_batch batch = {.identity = identity,
                             .flows = site->flows,
                             .flow_count = site->flow_count,
                             .gaps = site->gaps,
                             .gap_count = site->gap_count};
    enum jb_code code = jb_ledger_append(site->ledger, &batch, error, ret_new);
    return code ? code : label_category(site, error);
}

enum jb_code jb_meter_book_site(struct jb_meters *meters, const char *name, struct jb_ledger *ledger,
                                bool is_dry_run, struct jb_error *error, struct jb_meter_result *result) {
    _cleanup_(site_free) struct jb_meter_desk site = {
        .name = name, .ledger = ledger, .is_dry_run = is_dry_run};
    struct jb_meter_site *summary = &result->sites[result->site_count];
    *summary = (struct jb_meter_site){0};
    snprintf(summary->name, sizeof summary->name, "%s", name);
    snprintf(site.path, sizeof site.path, "site/%s", name);
    enum jb_code code = find_parts(&site, meters, error);
    if (!code)
        code = find_intervals(&site, error);
    if (!code)
        code = read_booked(&site, error);
    if (!code)
        code = jb_meter_book_energy(&site, summary, error);
    for (size_t p = 0; !code && p < site.part_count; p++) {
        if (!jb_meter_is_energy(&site.parts[p]))
            code = jb_meter_book_water(&site, &site.parts[p], error);
    }
    if (!code)
        code = drop_known_gaps(&site, error);
    bool is_new = false;
    if (!code)
        code = append(&site, error, &is_new);
    if (code)
        return code;
    result->site_count++;
    result->new_flow_count += is_new ? site.flow_count : 0;
    result->new_gap_count += is_new ? site.gap_count : 0;
    return JB_OK;
}
