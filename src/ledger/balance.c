/* Whether the book balances: what flows into an account that is neither supply nor final flows out of it
 * again in every stretch of time. Streams over the flows in order of start; memory grows with accounts, not
 * flows. */
#include "ledger/ledger.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/strings.h"
#include "base/time.h"

#include <assert.h>
#include <string.h>

#define KEPT_CEILING ((size_t)1000)
#define SLOT_CEILING ((size_t)1 << 26)
/* How often the window is widened step by step before all of the book is taken. */
#define WIDENINGS 8

struct other {
    jb_account_id account;
    jb_commodity commodity;
};

/* One account and commodity, and the stretch of it that is open. */
struct slot {
    jb_account_id account;
    jb_commodity commodity;
    bool is_checked, is_open, is_counted;
    int64_t start_ns, end_ns;
    jb_int128 inflow, outflow;
};

struct checker {
    struct jb_ledger *ledger;
    const struct jb_query *query;   /* as asked */
    int64_t window_from, window_to; /* what is read: the query, wide enough that no stretch of it is cut */
    int64_t reach_from,
        reach_to;         /* how far stretches go that overlap the query: past the window, it was cut */
    struct other *others; /* accounts without a role that have outflow */
    size_t other_count, other_capacity;
    struct slot *slots;
    size_t slot_count, slot_capacity;
    uint32_t *table; /* open addressing, slot + 1 */
    size_t table_size;
    struct jb_balance balance;
    size_t imbalance_capacity;
};

static enum jb_role role_of(struct checker *checker, jb_account_id account) {
    return jb_account_role(jb_ledger_path(checker->ledger, account));
}

static size_t find_place(const struct checker *checker, jb_account_id account, jb_commodity commodity) {
    size_t mask = checker->table_size - 1;
    size_t place = jb_hash_uint64((uint64_t)account << 32 | commodity) & mask;
    while (checker->table[place]) {
        const struct slot *slot = &checker->slots[checker->table[place] - 1];
        if (slot->account == account && slot->commodity == commodity)
            break;
        place = (place + 1) & mask;
    }
    return place;
}

static enum jb_code grow_table(struct checker *checker, struct jb_error *error) {
    size_t size = checker->table_size ? checker->table_size * 2 : 256;
    uint32_t *table = calloc(size, sizeof *table);
    if (!table)
        return jb_error_set(error, JB_MEMORY, "no memory to balance %zu accounts", checker->slot_count);
    free(checker->table);
    checker->table = table;
    checker->table_size = size;
    for (size_t i = 0; i < checker->slot_count; i++)
        table[find_place(checker, checker->slots[i].account, checker->slots[i].commodity)] = (uint32_t)i + 1;
    return JB_OK;
}

/* Accounts without a role of their own (cloud/…) are through when anything flows out of them in the whole
 * book, whatever the period, as in statements; else they are final. */
static enum jb_code find_others(struct checker *checker, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(checker->ledger);
    struct jb_query query = JB_QUERY_ALL;
    _cleanup_free_ struct jb_sum *sums = NULL;
    size_t count = 0;
    query.commodity = checker->query->commodity;
    enum jb_code code = store->ops->sums(store, &query, error, &sums, &count);
    for (size_t i = 0; !code && i < count; i++) {
        /* What was taken back again did not flow out. */
        if (sums[i].amount == 0 || role_of(checker, sums[i].from) != JB_OTHER)
            continue;
        code = jb_array_reserve(&checker->others, &checker->other_capacity, checker->other_count + 1,
                                SLOT_CEILING, "accounts", error);
        if (!code)
            checker->others[checker->other_count++] =
                (struct other){.account = sums[i].from, .commodity = sums[i].commodity};
    }
    return code;
}

/* Sums come in order of from, so the list is sorted by account. */
static bool has_outflow(const struct checker *checker, jb_account_id account, jb_commodity commodity) {
    size_t low = 0, high = checker->other_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (checker->others[middle].account < account)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < checker->other_count && checker->others[low].account == account; low++) {
        if (checker->others[low].commodity == commodity)
            return true;
    }
    return false;
}

/* The slot of an account and commodity, made on first sight. Accounts beside the one asked for are never
 * checked: only some of their flows are read. */
static enum jb_code slot_of(struct checker *checker, jb_account_id account, jb_commodity commodity,
                            struct jb_error *error, struct slot **ret_slot) {
    if (checker->table_size) {
        uint32_t stored = checker->table[find_place(checker, account, commodity)];
        if (stored) {
            *ret_slot = &checker->slots[stored - 1];
            return JB_OK;
        }
    }
    enum jb_code code = JB_OK;
    if ((checker->slot_count + 1) * 2 > checker->table_size)
        code = grow_table(checker, error);
    if (!code)
        code = jb_array_reserve(&checker->slots, &checker->slot_capacity, checker->slot_count + 1,
                                SLOT_CEILING, "accounts", error);
    if (code)
        return code;
    struct slot *slot = &checker->slots[checker->slot_count];
    const char *path = jb_ledger_path(checker->ledger, account);
    enum jb_role role = jb_account_role(path);
    bool is_through = role == JB_THROUGH || (role == JB_OTHER && has_outflow(checker, account, commodity));
    *slot = (struct slot){.account = account,
                          .commodity = commodity,
                          .is_checked = is_through && jb_account_is_within(path, checker->query->account)};
    checker->table[find_place(checker, account, commodity)] = (uint32_t)++checker->slot_count;
    *ret_slot = slot;
    return JB_OK;
}

/* Largest first; of equal ones the earliest. */
static int compare_imbalances(const void *left, const void *right) {
    const struct jb_imbalance *a = left, *b = right;
    jb_int128 a_size = a->inflow - a->outflow, b_size = b->inflow - b->outflow;
    a_size = a_size < 0 ? -a_size : a_size;
    b_size = b_size < 0 ? -b_size : b_size;
    if (a_size != b_size)
        return a_size > b_size ? -1 : 1;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    return (a->account > b->account) - (a->account < b->account);
}

static void cut_imbalances(struct jb_balance *balance) {
    if (balance->imbalance_count)
        qsort(balance->imbalances, balance->imbalance_count, sizeof *balance->imbalances, compare_imbalances);
    if (balance->imbalance_count > KEPT_CEILING)
        balance->imbalance_count = KEPT_CEILING;
}

static enum jb_code close_stretch(struct checker *checker, struct slot *slot, struct jb_error *error) {
    struct jb_balance *balance = &checker->balance;
    slot->is_open = false;
    /* Read only to make the window whole. */
    if (slot->start_ns >= checker->query->to_ns || slot->end_ns <= checker->query->from_ns)
        return JB_OK;
    if (slot->start_ns < checker->reach_from)
        checker->reach_from = slot->start_ns;
    if (slot->end_ns > checker->reach_to)
        checker->reach_to = slot->end_ns;
    balance->stretch_count++;
    balance->account_count += !slot->is_counted;
    slot->is_counted = true;
    if (slot->inflow == slot->outflow)
        return JB_OK;
    balance->imbalance_total++;
    if (balance->imbalance_count == 2 * KEPT_CEILING)
        cut_imbalances(balance);
    enum jb_code code = jb_array_reserve(&balance->imbalances, &checker->imbalance_capacity,
                                         balance->imbalance_count + 1, 2 * KEPT_CEILING, "imbalances", error);
    if (!code)
        balance->imbalances[balance->imbalance_count++] = (struct jb_imbalance){.account = slot->account,
                                                                                .commodity = slot->commodity,
                                                                                .start_ns = slot->start_ns,
                                                                                .end_ns = slot->end_ns,
                                                                                .inflow = slot->inflow,
                                                                                .outflow = slot->outflow};
    return code;
}

static enum jb_code add_side(struct checker *checker, const struct jb_flow *flow, bool is_inflow,
                             struct jb_error *error) {
    struct slot *slot = NULL;
    enum jb_code code = slot_of(checker, is_inflow ? flow->to : flow->from, flow->commodity, error, &slot);
    if (code || !slot->is_checked)
        return code;
    if (slot->is_open && flow->start_ns >= slot->end_ns)
        code = close_stretch(checker, slot, error);
    if (code)
        return code;
    if (!slot->is_open) {
        slot->is_open = true;
        slot->start_ns = flow->start_ns;
        slot->end_ns = flow->end_ns;
        slot->inflow = slot->outflow = 0;
    }
    if (flow->end_ns > slot->end_ns)
        slot->end_ns = flow->end_ns;
    if (is_inflow)
        slot->inflow += flow->amount;
    else
        slot->outflow += flow->amount;
    return JB_OK;
}

/* Reads the window once. Ends early when a stretch crosses its start: what is beyond must be read as well. */
static enum jb_code scan(struct checker *checker, struct jb_error *error) {
    const struct jb_store_ops *ops = jb_ledger_store(checker->ledger)->ops;
    struct jb_query query = *checker->query;
    struct jb_flow_cursor *cursor = NULL;
    struct jb_flow flow;
    const char *identity;
    query.from_ns = checker->reach_from = checker->window_from;
    query.to_ns = checker->reach_to = checker->window_to;
    enum jb_code code = ops->flows_open(jb_ledger_store(checker->ledger), &query, error, &cursor);
    if (code)
        return code;
    while (!code && checker->reach_from == checker->window_from &&
           (code = ops->flows_next(cursor, error, &flow, &identity)) == JB_OK) {
        code = add_side(checker, &flow, false, error);
        if (!code)
            code = add_side(checker, &flow, true, error);
    }
    ops->flows_close(cursor);
    if (code == JB_NO_DATA)
        code = JB_OK;
    for (size_t i = 0; !code && i < checker->slot_count; i++) {
        if (checker->slots[i].is_open)
            code = close_stretch(checker, &checker->slots[i], error);
    }
    return code;
}

static void start_over(struct checker *checker) {
    checker->slot_count = 0;
    if (checker->table)
        memset(checker->table, 0, checker->table_size * sizeof *checker->table);
    checker->balance.imbalance_count = 0;
    checker->balance.imbalance_total = 0;
    checker->balance.stretch_count = 0;
    checker->balance.account_count = 0;
}

static int64_t widen_down(int64_t ns) {
    return ns <= JB_BOOK_FIRST_NS ? INT64_MIN : jb_time_floor(ns, JB_HOUR_NS);
}

static int64_t widen_up(int64_t ns) {
    return ns >= JB_BOOK_LAST_NS ? INT64_MAX : jb_time_floor(ns + JB_HOUR_NS - 1, JB_HOUR_NS);
}

/* Checks every stretch that overlaps the query. A stretch that reaches beyond is taken whole: cutting its
 * flows would leave differences of rounding, or leave out one side. Roll-ups stand for hours, so the window
 * begins and ends on hours. */
static enum jb_code check_stretches(struct checker *checker, struct jb_error *error) {
    checker->window_from = widen_down(checker->query->from_ns);
    checker->window_to = widen_up(checker->query->to_ns);
    for (int i = 0;; i++) {
        start_over(checker);
        enum jb_code code = scan(checker, error);
        if (code || (checker->reach_from == checker->window_from && checker->reach_to == checker->window_to))
            return code;
        checker->window_from = i < WIDENINGS ? widen_down(checker->reach_from) : INT64_MIN;
        checker->window_to = i < WIDENINGS ? widen_up(checker->reach_to) : INT64_MAX;
    }
}

static bool is_final(struct checker *checker, jb_account_id account) {
    enum jb_role role = role_of(checker, account);
    return role == JB_FINAL || (role == JB_OTHER && !has_outflow(checker, account, JB_ENERGY));
}

static bool is_supply(struct checker *checker, jb_account_id account) {
    enum jb_role role = role_of(checker, account);
    return role == JB_SUPPLY || role == JB_VARIANCE;
}

static bool is_unattributed(struct checker *checker, jb_account_id account) {
    const char *path = jb_ledger_path(checker->ledger, account);
    const char *last = strrchr(path, '/');
    return jb_account_role(path) == JB_FINAL && last && strcmp(last, "/unattributed") == 0;
}

static void add_energy(struct checker *checker, const struct jb_sum *sum) {
    struct jb_balance *balance = &checker->balance;
    if (sum->commodity != JB_ENERGY)
        return;
    if (is_supply(checker, sum->from))
        balance->energy_supplied_uj += sum->amount;
    if (is_supply(checker, sum->to))
        balance->energy_supplied_uj -= sum->amount;
    if (is_final(checker, sum->to))
        balance->energy_consumed_uj += sum->amount;
    if (is_final(checker, sum->from))
        balance->energy_consumed_uj -= sum->amount;
    if (role_of(checker, sum->from) == JB_VARIANCE)
        balance->energy_variance_uj += sum->amount;
    if (role_of(checker, sum->to) == JB_VARIANCE)
        balance->energy_variance_uj -= sum->amount;
    if (is_unattributed(checker, sum->to))
        balance->energy_unattributed_uj += sum->amount;
    if (is_unattributed(checker, sum->from))
        balance->energy_unattributed_uj -= sum->amount;
}

/* Totals of the period as it was asked for. */
static enum jb_code add_totals(struct checker *checker, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(checker->ledger);
    struct jb_balance *balance = &checker->balance;
    _cleanup_free_ struct jb_sum *sums = NULL;
    size_t count = 0;
    enum jb_code code = store->ops->sums(store, checker->query, error, &sums, &count);
    if (code)
        return code;
    balance->first_ns = count ? sums[0].first_ns : 0;
    balance->last_ns = count ? sums[0].last_ns : 0;
    for (size_t i = 0; i < count; i++) {
        balance->flow_count += sums[i].flow_count;
        if (sums[i].first_ns < balance->first_ns)
            balance->first_ns = sums[i].first_ns;
        if (sums[i].last_ns > balance->last_ns)
            balance->last_ns = sums[i].last_ns;
        add_energy(checker, &sums[i]);
    }
    return JB_OK;
}

enum jb_code jb_ledger_balance(struct jb_ledger *ledger, const struct jb_query *query, struct jb_error *error,
                               struct jb_balance *ret_balance) {
    struct jb_store *store = jb_ledger_store(ledger);
    struct checker checker = {.ledger = ledger, .query = query};
    enum jb_code code = find_others(&checker, error);
    if (!code && query->from_ns < query->to_ns)
        code = check_stretches(&checker, error);
    if (!code)
        code = add_totals(&checker, error);
    if (!code)
        code = store->ops->gaps(store, query, error, &checker.balance.gaps, &checker.balance.gap_count);
    free(checker.others);
    free(checker.slots);
    free(checker.table);
    if (code) {
        jb_balance_free(&checker.balance);
        return code;
    }
    cut_imbalances(&checker.balance);
    *ret_balance = checker.balance;
    return JB_OK;
}

void jb_balance_free(struct jb_balance *balance) {
    if (!balance)
        return;
    free(balance->imbalances);
    free(balance->gaps);
    *balance = (struct jb_balance){0};
}

_Bool jb_balance_is_good(const struct jb_balance *balance) {
    return balance->imbalance_total == 0;
}
