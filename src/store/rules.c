/* What every store holds to when it books. */
#include "store/rules.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/strings.h"
#include "base/text.h"
#include "base/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Valid UTF-8 without control characters, of 1 to size - 1 bytes. */
static bool is_plain(const char *text, size_t size) {
    size_t length = text ? strnlen(text, size) : 0;
    if (length == 0 || length == size)
        return false;
    for (size_t i = 0; i < length;) {
        size_t width = jb_utf8_length(text + i, length - i);
        if (width == 0 || (unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
        i += width;
    }
    return true;
}

static bool is_interval(int64_t start_ns, int64_t end_ns) {
    return start_ns < end_ns && start_ns >= JB_BOOK_FIRST_NS && end_ns <= JB_BOOK_LAST_NS;
}

static enum jb_code check_flow(const struct jb_batch *batch, size_t index, size_t account_count,
                               bool is_reversal, struct jb_error *error) {
    const struct jb_flow *flow = &batch->flows[index];
    const char *wrong = NULL;
    if (!is_interval(flow->start_ns, flow->end_ns))
        wrong = flow->start_ns >= flow->end_ns ? "ends before it starts, or as it starts"
                                               : "lies outside the years 1678 to 2261";
    else if (flow->from == flow->to)
        wrong = "goes from an account to itself";
    else if (flow->from >= account_count || flow->to >= account_count)
        wrong = "names an account that this ledger does not know";
    else if (flow->amount < 0 && !is_reversal)
        wrong = "has a negative amount; take a batch back with a reversal instead";
    else if (flow->amount == INT64_MIN)
        wrong = "has an amount out of range";
    else if (flow->commodity == 0)
        wrong = "has no commodity";
    else if ((unsigned)flow->method >= JB_METHOD_COUNT)
        wrong = "has an unknown method";
    if (!wrong)
        return JB_OK;
    return jb_error_set(error, JB_INPUT, "batch '%.255s': flow %zu (amount %lld) %s", batch->identity, index,
                        (long long)flow->amount, wrong);
}

static enum jb_code check_positions(const struct jb_batch *batch, struct jb_error *error) {
    if (!batch->host)
        return batch->position_count || batch->replace_positions
                   ? jb_error_set(error, JB_INPUT, "batch '%.255s' has positions of no host", batch->identity)
                   : JB_OK;
    if (!is_plain(batch->host, JB_HOST_SIZE))
        return jb_error_set(error, JB_INPUT,
                            "batch '%.255s': host name '%.70s' is not 1 to %d bytes of plain text",
                            batch->identity, batch->host, JB_HOST_SIZE - 1);
    if (batch->boot_id && strnlen(batch->boot_id, JB_BOOT_SIZE) == JB_BOOT_SIZE)
        return jb_error_set(error, JB_INPUT, "batch '%.255s': boot id is longer than %d bytes",
                            batch->identity, JB_BOOT_SIZE - 1);
    for (size_t i = 0; i < batch->position_count; i++) {
        size_t length = strnlen(batch->positions[i].counter, JB_COUNTER_SIZE);
        if (length == 0 || length == JB_COUNTER_SIZE)
            return jb_error_set(error, JB_INPUT,
                                "batch '%.255s': position %zu has a counter name of 0 or over %d bytes",
                                batch->identity, i, JB_COUNTER_SIZE - 1);
    }
    return JB_OK;
}

enum jb_code jb_batch_check(const struct jb_batch *batch, size_t account_count, struct jb_error *error) {
    if (!is_plain(batch->identity, JB_IDENTITY_SIZE))
        return jb_error_set(error, JB_INPUT, "batch identity '%.80s' is not 1 to %d bytes of plain text",
                            batch->identity ? batch->identity : "", JB_IDENTITY_SIZE - 1);
    if (batch->flow_count > JB_BATCH_CEILING)
        return jb_error_set(error, JB_LIMIT, "batch '%.255s' has %zu flows, the ceiling is %zu",
                            batch->identity, batch->flow_count, JB_BATCH_CEILING);
    bool is_reversal = strncmp(batch->identity, JB_REVERSAL_START, strlen(JB_REVERSAL_START)) == 0;
    for (size_t i = 0; i < batch->flow_count; i++) {
        enum jb_code code = check_flow(batch, i, account_count, is_reversal, error);
        if (code)
            return code;
    }
    for (size_t i = 0; i < batch->gap_count; i++) {
        const struct jb_gap *gap = &batch->gaps[i];
        if (!is_interval(gap->start_ns, gap->end_ns) || gap->account >= account_count ||
            memchr(gap->reason, '\0', sizeof gap->reason) == NULL)
            return jb_error_set(error, JB_INPUT,
                                "batch '%.255s': gap %zu has no valid interval, account or reason",
                                batch->identity, i);
    }
    return check_positions(batch, error);
}

static int compare_flows(const void *left, const void *right, void *context) {
    const struct jb_flow *flows = context;
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    if (flows[a].start_ns != flows[b].start_ns)
        return flows[a].start_ns < flows[b].start_ns ? -1 : 1;
    if (flows[a].end_ns != flows[b].end_ns)
        return flows[a].end_ns < flows[b].end_ns ? -1 : 1;
    return a < b ? -1 : 1;
}

enum jb_code jb_batch_order(const struct jb_batch *batch, struct jb_error *error, size_t **ret_order) {
    const struct jb_flow *flows = batch->flows;
    bool in_order = true;
    for (size_t i = 1; i < batch->flow_count && in_order; i++)
        in_order = flows[i - 1].start_ns < flows[i].start_ns ||
                   (flows[i - 1].start_ns == flows[i].start_ns && flows[i - 1].end_ns <= flows[i].end_ns);
    if (in_order) {
        *ret_order = NULL;
        return JB_OK;
    }
    size_t *order = calloc(batch->flow_count, sizeof *order);
    if (!order)
        return jb_error_set(error, JB_MEMORY, "no memory to sort %zu flows", batch->flow_count);
    for (size_t i = 0; i < batch->flow_count; i++)
        order[i] = i;
    qsort_r(order, batch->flow_count, sizeof *order, compare_flows, (void *)flows);
    *ret_order = order;
    return JB_OK;
}

void jb_reversal_identity(const char *identity, char ret[static JB_IDENTITY_SIZE]) {
    size_t length = strlen(identity);
    if (strlen(JB_REVERSAL_START) + length < JB_IDENTITY_SIZE) {
        snprintf(ret, JB_IDENTITY_SIZE, JB_REVERSAL_START "%s", identity);
        return;
    }
    /* Cut at a character of UTF-8, so that what is left stays valid. */
    size_t kept = JB_IDENTITY_SIZE - strlen(JB_REVERSAL_START) - 18;
    while (kept && ((unsigned char)identity[kept] & 0xc0) == 0x80)
        kept--;
    snprintf(ret, JB_IDENTITY_SIZE, JB_REVERSAL_START "%.*s~%016llx", (int)kept, identity,
             (unsigned long long)jb_hash_bytes(identity, length));
}

enum jb_code jb_label_check(const struct jb_label *label, struct jb_error *error) {
    if (!is_plain(label->pattern, sizeof label->pattern))
        return jb_error_set(error, JB_INPUT, "label pattern '%.80s' is not 1 to %d bytes of plain text",
                            label->pattern, JB_ACCOUNT_SIZE - 1);
    if (!is_plain(label->key, sizeof label->key))
        return jb_error_set(error, JB_INPUT, "label key '%.70s' is not 1 to %zu bytes of plain text",
                            label->key, sizeof label->key - 1);
    if (label->value[0] && !is_plain(label->value, sizeof label->value))
        return jb_error_set(error, JB_INPUT, "label value '%.130s' is not up to %zu bytes of plain text",
                            label->value, sizeof label->value - 1);
    return JB_OK;
}

bool jb_gap_is_seen(const struct jb_gap *gap, const char *path, const struct jb_query *query) {
    return gap->start_ns < query->to_ns && gap->end_ns > query->from_ns &&
           (jb_account_is_within(path, query->account) || jb_account_is_within(query->account, path));
}

static int compare_gaps(const void *left, const void *right) {
    const struct jb_gap *a = left, *b = right;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    if (a->end_ns != b->end_ns)
        return a->end_ns < b->end_ns ? -1 : 1;
    if (a->account != b->account)
        return a->account < b->account ? -1 : 1;
    return strcmp(a->reason, b->reason);
}

void jb_gaps_sort(struct jb_gap *gaps, size_t count) {
    if (count)
        qsort(gaps, count, sizeof *gaps, compare_gaps);
}

int jb_flow_width(int64_t start_ns, int64_t end_ns) {
    if (jb_time_floor(start_ns, JB_HOUR_NS) == jb_time_floor(end_ns - 1, JB_HOUR_NS))
        return 0;
    return jb_time_floor(start_ns, JB_DAY_NS) == jb_time_floor(end_ns - 1, JB_DAY_NS) ? 1 : 2;
}

int64_t jb_rollup_piece(jb_int128 *left) {
    int64_t piece = *left > INT64_MAX ? INT64_MAX : *left < -INT64_MAX ? -INT64_MAX : (int64_t)*left;
    *left -= piece;
    return piece;
}

static int compare_numbers(uint32_t left, uint32_t right) {
    return (left > right) - (left < right);
}

static int compare_sums(const void *left, const void *right) {
    const struct jb_sum *a = left, *b = right;
    int order = compare_numbers(a->from, b->from);
    if (!order)
        order = compare_numbers(a->to, b->to);
    if (!order)
        order = compare_numbers(a->commodity, b->commodity);
    if (!order)
        order = compare_numbers((uint32_t)a->method, (uint32_t)b->method);
    if (!order)
        order = compare_numbers(a->uncertainty_ppm, b->uncertainty_ppm);
    return order;
}

void jb_sums_sort(struct jb_sum *sums, size_t count) {
    if (count)
        qsort(sums, count, sizeof *sums, compare_sums);
}

enum jb_code jb_document_check(size_t length, struct jb_error *error) {
    return length <= JB_DOCUMENT_CEILING
               ? JB_OK
               : jb_error_set(error, JB_LIMIT, "a document of %zu bytes; a book takes %zu", length,
                              JB_DOCUMENT_CEILING);
}

enum jb_code jb_document_check_prefix(const char *prefix, struct jb_error *error) {
    size_t length = strlen(prefix);
    return length >= 8 && length <= 64 && strspn(prefix, "0123456789abcdef") == length
               ? JB_OK
               : jb_error_set(error, JB_USAGE, "'%.70s' is no digest: 8 to 64 digits 0-9 a-f", prefix);
}

enum jb_code jb_document_missing(const char *prefix, size_t count, struct jb_error *error) {
    return count ? jb_error_set(error, JB_USAGE,
                                "several digests in the book begin with %.70s; give more digits", prefix)
                 : jb_error_set(error, JB_NO_DATA, "the book has nothing of the digest %.70s", prefix);
}

struct jb_route jb_route_of_flow(const struct jb_flow *flow) {
    return (struct jb_route){.from = flow->from,
                             .to = flow->to,
                             .commodity = flow->commodity,
                             .method = (uint32_t)flow->method,
                             .uncertainty_ppm = flow->uncertainty_ppm};
}

static uint64_t hash_route(const struct jb_route *route) {
    uint64_t hash = jb_hash_uint64((uint64_t)route->from << 32 | route->to);
    hash ^= (uint64_t)route->commodity << 32 | route->uncertainty_ppm;
    return jb_hash_uint64(hash + route->method);
}

static size_t find_slot(const struct jb_routes *routes, const struct jb_route *route) {
    size_t mask = routes->slot_count - 1;
    size_t slot = hash_route(route) & mask;
    while (routes->slots[slot] && memcmp(&routes->items[routes->slots[slot] - 1], route, sizeof *route) != 0)
        slot = (slot + 1) & mask;
    return slot;
}

static enum jb_code rebuild_slots(struct jb_routes *routes, size_t slot_count, struct jb_error *error) {
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu routes", slot_count);
    free(routes->slots);
    routes->slots = slots;
    routes->slot_count = slot_count;
    for (size_t i = 0; i < routes->count; i++)
        slots[find_slot(routes, &routes->items[i])] = (uint32_t)i + 1;
    return JB_OK;
}

uint32_t jb_routes_find(const struct jb_routes *routes, const struct jb_route *route) {
    if (!routes->slot_count)
        return JB_ROUTE_NONE;
    uint32_t stored = routes->slots[find_slot(routes, route)];
    return stored ? stored - 1 : JB_ROUTE_NONE;
}

enum jb_code jb_routes_intern(struct jb_routes *routes, const struct jb_route *route, struct jb_error *error,
                              uint32_t *ret_index) {
    uint32_t known = jb_routes_find(routes, route);
    if (known != JB_ROUTE_NONE) {
        *ret_index = known;
        return JB_OK;
    }
    enum jb_code code = jb_array_reserve(&routes->items, &routes->capacity, routes->count + 1,
                                         JB_ROUTE_CEILING, "routes", error);
    if (!code && (routes->count + 1) * 2 > routes->slot_count)
        code = rebuild_slots(routes, routes->slot_count ? routes->slot_count * 2 : 256, error);
    if (code)
        return code;
    routes->items[routes->count] = *route;
    routes->slots[find_slot(routes, route)] = (uint32_t)routes->count + 1;
    *ret_index = (uint32_t)routes->count++;
    return JB_OK;
}

void jb_routes_truncate(struct jb_routes *routes, size_t count) {
    if (count >= routes->count)
        return;
    routes->count = count;
    memset(routes->slots, 0, routes->slot_count * sizeof *routes->slots);
    for (size_t i = 0; i < count; i++)
        routes->slots[find_slot(routes, &routes->items[i])] = (uint32_t)i + 1;
}

void jb_routes_free(struct jb_routes *routes) {
    if (!routes)
        return;
    free(routes->items);
    free(routes->slots);
    *routes = (struct jb_routes){0};
}

enum jb_code jb_adder_make(struct jb_adder *adder, size_t route_count, struct jb_error *error) {
    adder->rows = calloc(route_count + 1, sizeof *adder->rows);
    adder->count = route_count;
    return adder->rows ? JB_OK : jb_error_set(error, JB_MEMORY, "no memory for %zu sums", route_count);
}

void jb_adder_free(struct jb_adder *adder) {
    free(adder->rows);
    *adder = (struct jb_adder){0};
}

void jb_adder_add(struct jb_adder *adder, uint32_t route, jb_int128 amount, int64_t start_ns, int64_t end_ns,
                  int64_t from_ns, int64_t to_ns, uint64_t flow_count) {
    assert(route < adder->count && start_ns < end_ns && flow_count > 0);
    int64_t first_ns = start_ns > from_ns ? start_ns : from_ns;
    int64_t last_ns = end_ns < to_ns ? end_ns : to_ns;
    if (first_ns >= last_ns)
        return;
    struct jb_adder_row *row = &adder->rows[route];
    row->amount += jb_amount_part(amount, start_ns, end_ns, from_ns, to_ns);
    if (row->flow_count == 0 || first_ns < row->first_ns)
        row->first_ns = first_ns;
    if (row->flow_count == 0 || last_ns > row->last_ns)
        row->last_ns = last_ns;
    row->flow_count += flow_count;
}

enum jb_code jb_adder_sums(const struct jb_adder *adder, const struct jb_routes *routes,
                           struct jb_error *error, struct jb_sum **ret_sums, size_t *ret_count) {
    size_t count = 0;
    for (size_t i = 0; i < adder->count; i++)
        count += adder->rows[i].flow_count > 0;
    struct jb_sum *sums = calloc(count + 1, sizeof *sums);
    if (!sums)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu sums", count);
    count = 0;
    for (size_t i = 0; i < adder->count; i++) {
        const struct jb_adder_row *row = &adder->rows[i];
        const struct jb_route *route = &routes->items[i];
        if (row->flow_count)
            sums[count++] = (struct jb_sum){.from = route->from,
                                            .to = route->to,
                                            .commodity = route->commodity,
                                            .method = (enum jb_method)route->method,
                                            .uncertainty_ppm = route->uncertainty_ppm,
                                            .amount = row->amount,
                                            .first_ns = row->first_ns,
                                            .last_ns = row->last_ns,
                                            .flow_count = row->flow_count};
    }
    jb_sums_sort(sums, count);
    *ret_sums = sums;
    *ret_count = count;
    return JB_OK;
}
