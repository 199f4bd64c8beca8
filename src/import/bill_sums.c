/* Amounts of bills, added up, and put in order as flows. */
#include "import/bill_sums.h"

#include "base/array.h"
#include "base/tuples.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define CELL_CEILING ((size_t)1 << 26)
#define PARTS        3 /* of a route */

struct jb_bill_sums {
    struct jb_tuples *lanes;       /* to, from, commodity */
    struct jb_tuples *routes;      /* lanes of energy, embodied carbon, money */
    struct jb_tuples *times;       /* start, end: upper and lower halves */
    struct jb_tuples *keys;        /* of cells: unit, route, time */
    struct jb_bill_amounts *cells; /* each becomes up to three flows */
    /* Rows come mostly by time. */
    int64_t last_start_ns, last_end_ns;
    uint32_t last_time;
};

enum jb_code jb_bill_sums_make(size_t ceiling, struct jb_error *error, struct jb_bill_sums **ret_sums) {
    _cleanup_(jb_bill_sums_free_cleanup) struct jb_bill_sums *sums = calloc(1, sizeof *sums);
    if (!sums)
        return jb_error_set(error, JB_MEMORY, "no memory for flows of bills");
    enum jb_code code = jb_tuples_make(3, CELL_CEILING, "accounts of bills", error, &sums->lanes);
    if (!code)
        code = jb_tuples_make(PARTS, CELL_CEILING, "accounts of bills", error, &sums->routes);
    if (!code)
        code = jb_tuples_make(4, CELL_CEILING, "times of bills", error, &sums->times);
    if (!code)
        code = jb_tuples_make(3, ceiling, "flows of bills", error, &sums->keys);
    if (!code)
        code = jb_tuples_expect(sums->keys, ceiling, error);
    if (code)
        return code;
    sums->cells = calloc(ceiling + 1, sizeof *sums->cells);
    if (!sums->cells)
        code = jb_error_set(error, JB_MEMORY, "no memory for flows of %zu groups", ceiling);
    jb_memory_expect(sums->cells, ceiling * sizeof *sums->cells);
    if (!code)
        *ret_sums = JB_TAKE(sums);
    return code;
}

void jb_bill_sums_free(struct jb_bill_sums *sums) {
    if (!sums)
        return;
    jb_tuples_free(sums->lanes);
    jb_tuples_free(sums->routes);
    jb_tuples_free(sums->times);
    jb_tuples_free(sums->keys);
    free(sums->cells);
    free(sums);
}

enum jb_code jb_bill_sums_lane(struct jb_bill_sums *sums, uint32_t from, uint32_t to, jb_commodity commodity,
                               struct jb_error *error, uint32_t *ret_lane) {
    const uint32_t lane[] = {to, from, commodity};
    return jb_tuples_intern(sums->lanes, lane, error, ret_lane);
}

enum jb_code jb_bill_sums_route(struct jb_bill_sums *sums, uint32_t energy, uint32_t embodied, uint32_t money,
                                struct jb_error *error, uint32_t *ret_route) {
    const uint32_t route[PARTS] = {energy, embodied, money};
    return jb_tuples_intern(sums->routes, route, error, ret_route);
}

static enum jb_code find_time(struct jb_bill_sums *sums, int64_t start_ns, int64_t end_ns,
                              struct jb_error *error, uint32_t *ret_time) {
    const uint64_t start = (uint64_t)start_ns, end = (uint64_t)end_ns;
    const uint32_t time[] = {(uint32_t)(start >> 32), (uint32_t)start, (uint32_t)(end >> 32), (uint32_t)end};
    if (start_ns != sums->last_start_ns || end_ns != sums->last_end_ns || jb_tuples_count(sums->times) == 0) {
        enum jb_code code = jb_tuples_intern(sums->times, time, error, &sums->last_time);
        if (code)
            return code;
        sums->last_start_ns = start_ns;
        sums->last_end_ns = end_ns;
    }
    *ret_time = sums->last_time;
    return JB_OK;
}

enum jb_code jb_bill_sums_add(struct jb_bill_sums *sums, uint32_t unit, uint32_t route, int64_t start_ns,
                              int64_t end_ns, const struct jb_bill_amounts *amounts, struct jb_error *error) {
    uint32_t time = 0, id;
    enum jb_code code = find_time(sums, start_ns, end_ns, error, &time);
    const uint32_t key[] = {unit, route, time};
    if (!code)
        code = jb_tuples_intern(sums->keys, key, error, &id);
    if (code)
        return code;
    struct jb_bill_amounts *there = &sums->cells[id];
    there->energy += amounts->energy;
    there->energy_standard += amounts->energy_standard;
    there->embodied += amounts->embodied;
    there->embodied_standard += amounts->embodied_standard;
    there->money += amounts->money;
    return JB_OK;
}

/* ---- order ---- */

/* A cell, by what it is sorted by. */
struct entry {
    uint32_t unit, time, account; /* ranks; all lanes of a route lead to one account */
    uint32_t cell;
};

struct order {
    const struct jb_bill_sums *sums;
    const struct jb_strings *texts;
    uint32_t *text_ranks, *time_ranks; /* by text, time */
};

static void free_order(struct order *order) {
    free(order->text_ranks);
    free(order->time_ranks);
}

static int compare_texts(const void *left, const void *right, void *context) {
    const struct jb_strings *texts = context;
    return strcmp(jb_strings_text(texts, *(const uint32_t *)left),
                  jb_strings_text(texts, *(const uint32_t *)right));
}

static int compare_numbers(uint32_t left, uint32_t right) {
    return (left > right) - (left < right);
}

static int64_t time_of(const uint32_t *halves) {
    return (int64_t)((uint64_t)halves[0] << 32 | halves[1]);
}

static int compare_times(const void *left, const void *right, void *context) {
    const struct order *order = context;
    const uint32_t *a = jb_tuples_at(order->sums->times, *(const uint32_t *)left),
                   *b = jb_tuples_at(order->sums->times, *(const uint32_t *)right);
    int64_t a_ns = time_of(a), b_ns = time_of(b);
    if (a_ns == b_ns) {
        a_ns = time_of(a + 2);
        b_ns = time_of(b + 2);
    }
    return (a_ns > b_ns) - (a_ns < b_ns);
}

/* Ranks of 0 to count - 1. */
static uint32_t *rank(size_t count, int (*compare)(const void *, const void *, void *), void *context) {
    _cleanup_free_ uint32_t *sorted = calloc(count + 1, sizeof *sorted);
    uint32_t *ranks = calloc(count + 1, sizeof *ranks);
    if (!sorted || !ranks) {
        free(ranks);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = (uint32_t)i;
    qsort_r(sorted, count, sizeof *sorted, compare, context);
    for (size_t i = 0; i < count; i++)
        ranks[sorted[i]] = (uint32_t)i;
    return ranks;
}

/* The account that a route leads to. */
static uint32_t account_of(const struct jb_bill_sums *sums, uint32_t route) {
    const uint32_t *lanes = jb_tuples_at(sums->routes, route);
    size_t part = 0;
    while (lanes[part] == JB_BILL_NO_LANE)
        part++;
    return jb_tuples_at(sums->lanes, lanes[part])[0];
}

#define DIGIT_BITS 11

/* Counting sorts by one number of the entries, digit by digit; stable. offset: of the number in an entry. */
static void sort_by(struct entry **entries, struct entry **spare, size_t count, size_t offset,
                    size_t ceiling) {
    for (unsigned shift = 0; shift < 32 && (ceiling - 1) >> shift; shift += DIGIT_BITS) {
        size_t starts[1 << DIGIT_BITS] = {0};
        uint32_t number;
        for (size_t i = 0; i < count; i++) {
            memcpy(&number, (const char *)&(*entries)[i] + offset, sizeof number);
            starts[number >> shift & (JB_COUNT(starts) - 1)]++;
        }
        size_t start = 0;
        for (size_t digit = 0; digit < JB_COUNT(starts); digit++) {
            size_t there = starts[digit];
            starts[digit] = start;
            start += there;
        }
        for (size_t i = 0; i < count; i++) {
            memcpy(&number, (const char *)&(*entries)[i] + offset, sizeof number);
            (*spare)[starts[number >> shift & (JB_COUNT(starts) - 1)]++] = (*entries)[i];
        }
        struct entry *sorted = *spare;
        *spare = *entries;
        *entries = sorted;
    }
}

/* All cells, in order. *ret_entries is the caller's to free. */
static enum jb_code sort_cells(const struct jb_bill_sums *sums, const struct order *order,
                               const uint32_t *unit_numbers, struct jb_error *error,
                               struct entry **ret_entries) {
    size_t count = jb_tuples_count(sums->keys), unit_ceiling = 1;
    _cleanup_free_ struct entry *entries = calloc(count + 1, sizeof *entries);
    _cleanup_free_ struct entry *spare = calloc(count + 1, sizeof *spare);
    if (!entries || !spare)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu flows", count);
    jb_memory_expect(entries, count * sizeof *entries);
    jb_memory_expect(spare, count * sizeof *spare);
    for (uint32_t cell = 0; cell < count; cell++) {
        const uint32_t *key = jb_tuples_at(sums->keys, cell);
        uint32_t unit = unit_numbers[key[0]];
        unit_ceiling = unit >= unit_ceiling ? (size_t)unit + 1 : unit_ceiling;
        entries[cell] = (struct entry){.unit = unit,
                                       .time = order->time_ranks[key[2]],
                                       .account = order->text_ranks[account_of(sums, key[1])],
                                       .cell = cell};
    }
    sort_by(&entries, &spare, count, offsetof(struct entry, account), jb_strings_count(order->texts) + 1);
    sort_by(&entries, &spare, count, offsetof(struct entry, time), jb_tuples_count(sums->times) + 1);
    sort_by(&entries, &spare, count, offsetof(struct entry, unit), unit_ceiling);
    *ret_entries = JB_TAKE(entries);
    return JB_OK;
}

/* ---- flows ---- */

jb_int128 jb_bill_round(jb_int128 value, int64_t divisor) {
    jb_int128 quotient, rest;
    if (value == (int64_t)value) { /* most are, and this divides faster */
        quotient = (int64_t)value / divisor;
        rest = (int64_t)value % divisor;
    } else {
        quotient = value / divisor;
        rest = value % divisor;
    }
    jb_int128 twice = (rest < 0 ? -rest : rest) * 2;
    if (twice > divisor || (twice == divisor && quotient % 2 != 0))
        quotient += value < 0 ? -1 : 1;
    return quotient;
}

/* A lane's sum in one interval. */
struct part {
    uint32_t lane;
    jb_int128 value, standard;
};

static int compare_lanes(const struct order *order, uint32_t left, uint32_t right) {
    const uint32_t *a = jb_tuples_at(order->sums->lanes, left), *b = jb_tuples_at(order->sums->lanes, right);
    int by = compare_numbers(order->text_ranks[a[1]], order->text_ranks[b[1]]);
    return by ? by : compare_numbers(a[2], b[2]);
}

/* Adds the parts of a cell to those of its account and interval, which are in order. Two routes may share a
 * lane. */
static void add_parts(const struct order *order, uint32_t cell, struct part *parts, size_t *count) {
    const struct jb_bill_sums *sums = order->sums;
    const struct jb_bill_amounts *amounts = &sums->cells[cell];
    const uint32_t *lanes = jb_tuples_at(sums->routes, jb_tuples_at(sums->keys, cell)[1]);
    const struct part added[PARTS] = {{lanes[0], amounts->energy, amounts->energy_standard},
                                      {lanes[1], amounts->embodied, amounts->embodied_standard},
                                      {lanes[2], amounts->money, 0}};
    for (size_t i = 0; i < PARTS; i++) {
        size_t at = *count;
        if (added[i].lane == JB_BILL_NO_LANE)
            continue;
        while (at && compare_lanes(order, parts[at - 1].lane, added[i].lane) >= 0)
            at--;
        if (at < *count && parts[at].lane == added[i].lane) {
            parts[at].value += added[i].value;
            parts[at].standard += added[i].standard;
            continue;
        }
        memmove(&parts[at + 1], &parts[at], (*count - at) * sizeof *parts);
        parts[at] = added[i];
        ++*count;
    }
}

/* The flow of a lane, without its amount. */
static struct jb_bill_flow open_flow(const struct jb_bill_sums *sums, const struct entry *entry,
                                     uint32_t lane_number) {
    const uint32_t *lane = jb_tuples_at(sums->lanes, lane_number);
    const uint32_t *time = jb_tuples_at(sums->times, jb_tuples_at(sums->keys, entry->cell)[2]);
    return (struct jb_bill_flow){.unit = entry->unit,
                                 .to = lane[0],
                                 .from = lane[1],
                                 .commodity = lane[2],
                                 .start_ns = time_of(time),
                                 .end_ns = time_of(time + 2)};
}

static enum jb_code close_flow(const struct order *order, jb_int128 value, jb_int128 standard,
                               struct jb_error *error, struct jb_bill_flow *flow) {
    bool is_money = jb_commodity_is_money(flow->commodity);
    jb_int128 amount = jb_bill_round(value, JB_BILL_SCALE);
    if (amount > INT64_MAX || amount < -INT64_MAX)
        return jb_error_set(error, JB_LIMIT, "'%.200s': an amount too large for one flow",
                            jb_strings_text(order->texts, flow->to));
    flow->amount = (int64_t)(amount < 0 ? -amount : amount);
    flow->method = is_money ? JB_BILLED : JB_MODELLED;
    if (amount < 0) { /* given back */
        uint32_t from = flow->from;
        flow->from = flow->to;
        flow->to = from;
    }
    if (!is_money && value > 0)
        flow->uncertainty_ppm = (uint32_t)fmin((double)standard / (double)value * 1e6 + 0.5, 1e9);
    return JB_OK;
}

static int compare_flows(const void *left, const void *right, void *context) {
    const struct jb_bill_flow *a = left, *b = right;
    const struct order *order = context;
    int by = compare_numbers(a->unit, b->unit);
    if (!by)
        by = (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
    if (!by)
        by = (a->end_ns > b->end_ns) - (a->end_ns < b->end_ns);
    if (!by)
        by = compare_numbers(order->text_ranks[a->to], order->text_ranks[b->to]);
    if (!by)
        by = compare_numbers(order->text_ranks[a->from], order->text_ranks[b->from]);
    return by ? by : compare_numbers(a->commodity, b->commodity);
}

/* Turned flows stand at the end of room for all, in no order; the others at its beginning, in order. Puts the
 * turned ones in their places. */
static enum jb_code place_turned(const struct order *order, struct jb_bill_flow *flows, size_t count,
                                 size_t turned_count, struct jb_error *error) {
    size_t straight_count = count - turned_count;
    _cleanup_free_ struct jb_bill_flow *turned = calloc(turned_count + 1, sizeof *turned);
    if (!turned)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu flows", turned_count);
    memcpy(turned, flows + straight_count, turned_count * sizeof *turned);
    qsort_r(turned, turned_count, sizeof *turned, compare_flows, (void *)order);
    /* From the back: what is written over has been moved. */
    while (turned_count) {
        bool is_last = straight_count == 0 || compare_flows(&flows[straight_count - 1],
                                                            &turned[turned_count - 1], (void *)order) < 0;
        flows[straight_count + turned_count - 1] =
            is_last ? turned[turned_count - 1] : flows[straight_count - 1];
        turned_count -= is_last;
        straight_count -= !is_last;
    }
    return JB_OK;
}

static bool is_together(const struct entry *a, const struct entry *b) {
    return a->unit == b->unit && a->time == b->time && a->account == b->account;
}

static enum jb_code make_flows(const struct order *order, const struct entry *entries, size_t entry_count,
                               struct jb_error *error, struct jb_bill_flow **ret_flows, size_t *ret_count) {
    size_t room = PARTS * entry_count, count = 0, turned_count = 0;
    _cleanup_free_ struct jb_bill_flow *flows = calloc(room + 1, sizeof *flows);
    _cleanup_free_ struct part *parts = NULL;
    size_t part_capacity = 0;
    if (!flows)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu flows", room);
    jb_memory_expect(flows, room * sizeof *flows);
    for (size_t i = 0, end; i < entry_count; i = end) {
        size_t part_count = 0;
        for (end = i; end < entry_count && is_together(&entries[i], &entries[end]); end++) {
            enum jb_code code = jb_array_reserve(&parts, &part_capacity, part_count + PARTS, CELL_CEILING,
                                                 "flows of one account and interval", error);
            if (code)
                return code;
            add_parts(order, entries[end].cell, parts, &part_count);
        }
        for (size_t p = 0; p < part_count; p++) {
            struct jb_bill_flow flow = open_flow(order->sums, &entries[i], parts[p].lane);
            uint32_t from = flow.from;
            enum jb_code code = close_flow(order, parts[p].value, parts[p].standard, error, &flow);
            if (code)
                return code;
            /* Money that came to nothing is no flow; energy of 0 is known to be 0. */
            if (!flow.amount && jb_commodity_is_money(flow.commodity))
                continue;
            if (flow.from == from)
                flows[count++] = flow;
            else
                flows[room - ++turned_count] = flow;
        }
    }
    memmove(flows + count, flows + room - turned_count, turned_count * sizeof *flows);
    enum jb_code code =
        turned_count ? place_turned(order, flows, count + turned_count, turned_count, error) : JB_OK;
    if (code)
        return code;
    *ret_flows = JB_TAKE(flows);
    *ret_count = count + turned_count;
    return JB_OK;
}

enum jb_code jb_bill_sums_finish(const struct jb_bill_sums *sums, const struct jb_strings *texts,
                                 const uint32_t *unit_numbers, struct jb_error *error,
                                 struct jb_bill_flow **ret_flows, size_t *ret_count) {
    __attribute__((cleanup(free_order))) struct order order = {.sums = sums, .texts = texts};
    _cleanup_free_ struct entry *entries = NULL;
    order.text_ranks = rank(jb_strings_count(texts), compare_texts, (void *)texts);
    order.time_ranks = rank(jb_tuples_count(sums->times), compare_times, &order);
    if (!order.text_ranks || !order.time_ranks)
        return jb_error_set(error, JB_MEMORY, "no memory for the order of flows");
    enum jb_code code = sort_cells(sums, &order, unit_numbers, error, &entries);
    return code ? code
                : make_flows(&order, entries, jb_tuples_count(sums->keys), error, ret_flows, ret_count);
}
