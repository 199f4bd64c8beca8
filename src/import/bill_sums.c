/* Amounts of bills, added up, and put in order as flows. */
#include "import/bill_sums.h"

#include "base/array.h"
#include "base/tuples.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define CEILING ((size_t)1 << 26) /* of accounts, intervals, and sums of a bill */
#define PARTS   3                 /* of a route */
#define NONE    UINT32_MAX

/* A route, as far as the bill in work has it. */
struct place {
    uint32_t bill;       /* the last that took it, from 1 */
    uint32_t local;      /* its number among those of this bill */
    uint32_t time, cell; /* where it was last added to: rows come mostly by time */
};

/* One sum: an account's in one interval. Becomes up to three flows; several may be of one. */
struct cell {
    struct jb_bill_amounts amounts;
    uint32_t route, local, time;
};

/* A cell, by what it is sorted by. */
struct entry {
    uint32_t time, account; /* ranks; all lanes of a route lead to one account */
    uint32_t cell;
};

/* A lane's sum in one interval. */
struct part {
    uint32_t lane;
    jb_int128 value, standard;
};

struct jb_bill_sums {
    struct jb_tuples *lanes;  /* to, from, commodity */
    struct jb_tuples *routes; /* lanes of energy, embodied carbon, money */
    struct jb_tuples *times;  /* start, end: upper and lower halves */
    uint32_t *time_ranks;     /* by time; NULL until they are asked for */
    int64_t last_start_ns, last_end_ns;
    uint32_t last_time;
    struct place *places; /* by route */
    size_t place_capacity;

    /* Of the bill in work. */
    uint32_t bill;
    uint32_t *locals; /* its routes */
    size_t local_count, local_capacity;
    struct cell *cells;
    size_t cell_count, cell_capacity;
    /* For its order. */
    uint32_t *sorted, *ranks;
    size_t sorted_capacity, rank_capacity;
    struct entry *entries, *spare;
    size_t entry_capacity, spare_capacity;
    struct part *parts;
    size_t part_capacity;
    struct jb_bill_flow *turned;
    size_t turned_count, turned_capacity;
};

enum jb_code jb_bill_sums_make(struct jb_error *error, struct jb_bill_sums **ret_sums) {
    _cleanup_(jb_bill_sums_free_cleanup) struct jb_bill_sums *sums = calloc(1, sizeof *sums);
    if (!sums)
        return jb_error_set(error, JB_MEMORY, "no memory for flows of bills");
    sums->bill = 1;
    enum jb_code code = jb_tuples_make(3, CEILING, "accounts of bills", error, &sums->lanes);
    if (!code)
        code = jb_tuples_make(PARTS, CEILING, "accounts of bills", error, &sums->routes);
    if (!code)
        code = jb_tuples_make(4, CEILING, "times of bills", error, &sums->times);
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
    free(sums->time_ranks);
    free(sums->places);
    free(sums->locals);
    free(sums->cells);
    free(sums->sorted);
    free(sums->ranks);
    free(sums->entries);
    free(sums->spare);
    free(sums->parts);
    free(sums->turned);
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
    enum jb_code code = jb_tuples_intern(sums->routes, route, error, ret_route);
    return code ? code
                : jb_array_reserve(&sums->places, &sums->place_capacity, (size_t)*ret_route + 1, CEILING,
                                   "accounts of bills", error);
}

enum jb_code jb_bill_sums_time(struct jb_bill_sums *sums, int64_t start_ns, int64_t end_ns,
                               struct jb_error *error, uint32_t *ret_time) {
    const uint64_t start = (uint64_t)start_ns, end = (uint64_t)end_ns;
    const uint32_t time[] = {(uint32_t)(start >> 32), (uint32_t)start, (uint32_t)(end >> 32), (uint32_t)end};
    assert(!sums->time_ranks);
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

enum jb_code jb_bill_sums_add(struct jb_bill_sums *sums, uint32_t route, uint32_t time,
                              const struct jb_bill_amounts *amounts, struct jb_error *error) {
    struct place *place = &sums->places[route];
    enum jb_code code;
    if (place->bill != sums->bill) {
        code = jb_array_reserve(&sums->locals, &sums->local_capacity, sums->local_count + 1, CEILING,
                                "accounts of a bill", error);
        if (code)
            return code;
        *place = (struct place){.bill = sums->bill, .local = (uint32_t)sums->local_count, .time = NONE};
        sums->locals[sums->local_count++] = route;
    }
    if (place->time != time) {
        code = jb_array_reserve(&sums->cells, &sums->cell_capacity, sums->cell_count + 1, CEILING,
                                "flows of a bill", error);
        if (code)
            return code;
        place->time = time;
        place->cell = (uint32_t)sums->cell_count;
        sums->cells[sums->cell_count++] =
            (struct cell){.amounts = *amounts, .route = route, .local = place->local, .time = time};
        return JB_OK;
    }
    struct jb_bill_amounts *there = &sums->cells[place->cell].amounts;
    there->energy += amounts->energy;
    there->energy_standard += amounts->energy_standard;
    there->embodied += amounts->embodied;
    there->embodied_standard += amounts->embodied_standard;
    there->money += amounts->money;
    return JB_OK;
}

/* ---- order ---- */

static int64_t time_of(const uint32_t *halves) {
    return (int64_t)((uint64_t)halves[0] << 32 | halves[1]);
}

static int compare_times(const void *left, const void *right, void *context) {
    const struct jb_tuples *times = context;
    const uint32_t *a = jb_tuples_at(times, *(const uint32_t *)left),
                   *b = jb_tuples_at(times, *(const uint32_t *)right);
    int64_t a_ns = time_of(a), b_ns = time_of(b);
    if (a_ns == b_ns) {
        a_ns = time_of(a + 2);
        b_ns = time_of(b + 2);
    }
    return (a_ns > b_ns) - (a_ns < b_ns);
}

static enum jb_code rank_times(struct jb_bill_sums *sums, struct jb_error *error) {
    size_t count = jb_tuples_count(sums->times);
    _cleanup_free_ uint32_t *sorted = calloc(count + 1, sizeof *sorted);
    sums->time_ranks = calloc(count + 1, sizeof *sums->time_ranks);
    if (!sorted || !sums->time_ranks)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu times", count);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (uint32_t)i;
    qsort_r(sorted, count, sizeof *sorted, compare_times, sums->times);
    for (size_t i = 0; i < count; i++)
        sums->time_ranks[sorted[i]] = (uint32_t)i;
    return JB_OK;
}

/* The account that a route leads to. */
static uint32_t account_of(const struct jb_bill_sums *sums, uint32_t route) {
    const uint32_t *lanes = jb_tuples_at(sums->routes, route);
    size_t part = 0;
    while (lanes[part] == JB_BILL_NO_LANE)
        part++;
    return jb_tuples_at(sums->lanes, lanes[part])[0];
}

struct naming {
    const struct jb_bill_sums *sums;
    const struct jb_strings *texts;
};

static int compare_texts(const struct jb_strings *texts, uint32_t left, uint32_t right) {
    return left == right ? 0 : strcmp(jb_strings_text(texts, left), jb_strings_text(texts, right));
}

static int compare_accounts(const void *left, const void *right, void *context) {
    const struct naming *naming = context;
    const uint32_t *locals = naming->sums->locals;
    return compare_texts(naming->texts, account_of(naming->sums, locals[*(const uint32_t *)left]),
                         account_of(naming->sums, locals[*(const uint32_t *)right]));
}

/* For each route of the bill the rank of the account that it leads to; routes to one account share it. */
static enum jb_code rank_accounts(struct jb_bill_sums *sums, const struct jb_strings *texts,
                                  struct jb_error *error) {
    const size_t count = sums->local_count;
    struct naming naming = {sums, texts};
    enum jb_code code =
        jb_array_reserve(&sums->sorted, &sums->sorted_capacity, count, CEILING, "accounts of a bill", error);
    if (!code)
        code =
            jb_array_reserve(&sums->ranks, &sums->rank_capacity, count, CEILING, "accounts of a bill", error);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++)
        sums->sorted[i] = (uint32_t)i;
    qsort_r(sums->sorted, count, sizeof *sums->sorted, compare_accounts, &naming);
    uint32_t rank = 0;
    for (size_t i = 0; i < count; i++) {
        rank += i && compare_accounts(&sums->sorted[i - 1], &sums->sorted[i], &naming) != 0;
        sums->ranks[sums->sorted[i]] = rank;
    }
    return JB_OK;
}

#define DIGIT_BITS 8

/* Counting sorts by one number of the entries, digit by digit; stable. offset: of the number in an entry. */
static void sort_by(struct entry **entries, struct entry **spare, size_t count, size_t offset,
                    size_t ceiling) {
    for (unsigned shift = 0; shift < 32 && (ceiling - 1) >> shift; shift += DIGIT_BITS) {
        uint32_t starts[1 << DIGIT_BITS] = {0}, number;
        for (size_t i = 0; i < count; i++) {
            memcpy(&number, (const char *)&(*entries)[i] + offset, sizeof number);
            starts[number >> shift & (JB_COUNT(starts) - 1)]++;
        }
        uint32_t start = 0;
        for (size_t digit = 0; digit < JB_COUNT(starts); digit++) {
            uint32_t there = starts[digit];
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

/* All cells of the bill, in order. */
static enum jb_code sort_cells(struct jb_bill_sums *sums, struct jb_error *error) {
    const size_t count = sums->cell_count;
    enum jb_code code =
        jb_array_reserve(&sums->entries, &sums->entry_capacity, count, CEILING, "flows of a bill", error);
    if (!code)
        code = jb_array_reserve(&sums->spare, &sums->spare_capacity, sums->entry_capacity, CEILING,
                                "flows of a bill", error);
    if (code)
        return code;
    for (uint32_t i = 0; i < count; i++) {
        const struct cell *cell = &sums->cells[i];
        sums->entries[i] = (struct entry){
            .time = sums->time_ranks[cell->time], .account = sums->ranks[cell->local], .cell = i};
    }
    sort_by(&sums->entries, &sums->spare, count, offsetof(struct entry, account), sums->local_count);
    sort_by(&sums->entries, &sums->spare, count, offsetof(struct entry, time), jb_tuples_count(sums->times));
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

static int compare_lanes(const struct jb_bill_sums *sums, const struct jb_strings *texts, uint32_t left,
                         uint32_t right) {
    const uint32_t *a = jb_tuples_at(sums->lanes, left), *b = jb_tuples_at(sums->lanes, right);
    int by = left == right ? 0 : compare_texts(texts, a[1], b[1]);
    return by ? by : (a[2] > b[2]) - (a[2] < b[2]);
}

/* Adds the parts of a cell to those of its account and interval, which are in order. Two routes may share a
 * lane. */
static void add_parts(struct jb_bill_sums *sums, const struct jb_strings *texts, const struct cell *cell,
                      size_t *count) {
    const struct jb_bill_amounts *amounts = &cell->amounts;
    const uint32_t *lanes = jb_tuples_at(sums->routes, cell->route);
    const struct part added[PARTS] = {{lanes[0], amounts->energy, amounts->energy_standard},
                                      {lanes[1], amounts->embodied, amounts->embodied_standard},
                                      {lanes[2], amounts->money, 0}};
    struct part *parts = sums->parts;
    for (size_t i = 0; i < PARTS; i++) {
        size_t at = *count;
        if (added[i].lane == JB_BILL_NO_LANE)
            continue;
        while (at && compare_lanes(sums, texts, parts[at - 1].lane, added[i].lane) >= 0)
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

static enum jb_code make_flow(const struct jb_bill_sums *sums, const struct jb_strings *texts,
                              const struct part *part, struct jb_error *error, struct jb_bill_flow *flow,
                              bool *ret_is_turned) {
    const uint32_t *lane = jb_tuples_at(sums->lanes, part->lane);
    bool is_money = jb_commodity_is_money(lane[2]);
    jb_int128 amount = jb_bill_round(part->value, JB_BILL_SCALE);
    if (amount > INT64_MAX || amount < -INT64_MAX)
        return jb_error_set(error, JB_LIMIT, "'%.200s': an amount too large for one flow",
                            jb_strings_text(texts, lane[0]));
    *ret_is_turned = amount < 0; /* given back */
    flow->to = lane[*ret_is_turned];
    flow->from = lane[!*ret_is_turned];
    flow->commodity = lane[2];
    flow->amount = (int64_t)(amount < 0 ? -amount : amount);
    flow->method = is_money ? JB_BILLED : JB_MODELLED;
    flow->uncertainty_ppm = 0;
    if (!is_money && part->value > 0)
        flow->uncertainty_ppm = (uint32_t)fmin((double)part->standard / (double)part->value * 1e6 + 0.5, 1e9);
    return JB_OK;
}

static int compare_flows(const void *left, const void *right, void *context) {
    const struct jb_bill_flow *a = left, *b = right;
    const struct jb_strings *texts = context;
    int by = (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
    if (!by)
        by = (a->end_ns > b->end_ns) - (a->end_ns < b->end_ns);
    if (!by)
        by = compare_texts(texts, a->to, b->to);
    if (!by)
        by = compare_texts(texts, a->from, b->from);
    return by ? by : (a->commodity > b->commodity) - (a->commodity < b->commodity);
}

/* Flows that were turned, in no order, are put in their places among the others. */
static void place_turned(struct jb_bill_sums *sums, const struct jb_strings *texts,
                         struct jb_bill_flow *flows, size_t straight_count) {
    struct jb_bill_flow *turned = sums->turned;
    size_t turned_count = sums->turned_count;
    qsort_r(turned, turned_count, sizeof *turned, compare_flows, (void *)texts);
    /* From the back: what is written over has been moved. */
    while (turned_count) {
        bool is_last = straight_count == 0 || compare_flows(&flows[straight_count - 1],
                                                            &turned[turned_count - 1], (void *)texts) < 0;
        flows[straight_count + turned_count - 1] =
            is_last ? turned[turned_count - 1] : flows[straight_count - 1];
        turned_count -= is_last;
        straight_count -= !is_last;
    }
}

/* The parts of one account and interval as flows. */
static enum jb_code put_flows(struct jb_bill_sums *sums, const struct jb_strings *texts,
                              struct jb_bill_flow flow, size_t part_count, struct jb_error *error,
                              struct jb_bill_flow *flows, size_t *count) {
    for (size_t p = 0; p < part_count; p++) {
        bool is_turned = false;
        enum jb_code code = make_flow(sums, texts, &sums->parts[p], error, &flow, &is_turned);
        /* Money that came to nothing is no flow; energy of 0 is known to be 0. */
        if (!code && !flow.amount && jb_commodity_is_money(flow.commodity))
            continue;
        if (!code && is_turned)
            code = jb_array_reserve(&sums->turned, &sums->turned_capacity, sums->turned_count + 1, CEILING,
                                    "flows of a bill", error);
        if (code)
            return code;
        if (is_turned)
            sums->turned[sums->turned_count++] = flow;
        else
            flows[(*count)++] = flow;
    }
    return JB_OK;
}

static bool is_together(const struct entry *a, const struct entry *b) {
    return a->time == b->time && a->account == b->account;
}

static enum jb_code make_flows(struct jb_bill_sums *sums, const struct jb_strings *texts,
                               struct jb_error *error, struct jb_bill_flow *flows, size_t *ret_count) {
    const struct entry *entries = sums->entries;
    const size_t entry_count = sums->cell_count;
    size_t count = 0;
    for (size_t i = 0, end; i < entry_count; i = end) {
        size_t part_count = 0;
        for (end = i; end < entry_count && is_together(&entries[i], &entries[end]); end++) {
            enum jb_code code = jb_array_reserve(&sums->parts, &sums->part_capacity, part_count + PARTS,
                                                 CEILING, "flows of one account and interval", error);
            if (code)
                return code;
            add_parts(sums, texts, &sums->cells[entries[end].cell], &part_count);
        }
        const uint32_t *time = jb_tuples_at(sums->times, sums->cells[entries[i].cell].time);
        struct jb_bill_flow flow = {.start_ns = time_of(time), .end_ns = time_of(time + 2)};
        enum jb_code code = put_flows(sums, texts, flow, part_count, error, flows, &count);
        if (code)
            return code;
    }
    if (sums->turned_count)
        place_turned(sums, texts, flows, count);
    *ret_count = count + sums->turned_count;
    return JB_OK;
}

enum jb_code jb_bill_sums_finish(struct jb_bill_sums *sums, const struct jb_strings *texts,
                                 struct jb_error *error, struct jb_bill_flow *ret_flows, size_t *ret_count) {
    enum jb_code code = sums->time_ranks ? JB_OK : rank_times(sums, error);
    *ret_count = 0;
    if (!code && sums->cell_count)
        code = rank_accounts(sums, texts, error);
    if (!code && sums->cell_count)
        code = sort_cells(sums, error);
    if (!code && sums->cell_count)
        code = make_flows(sums, texts, error, ret_flows, ret_count);
    sums->bill++;
    sums->local_count = sums->cell_count = sums->turned_count = 0;
    return code;
}
