/* Tests of the balance: hand-made books, good and bad, over every store. */
#include "ledger/ledger.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define T0     INT64_C(1772323200000000000)
#define MINUTE JB_MINUTE_NS
#define HOUR   JB_HOUR_NS

static struct jb_ledger *ledger;
static char path[200];
static unsigned batches;

static int open_memory(void **state) {
    (void)state;
    struct jb_error error = {0};
    path[0] = '\0';
    return jb_ledger_open("memory:", JB_STORE_CREATE, &error, &ledger) != JB_OK;
}

static int open_sqlite(void **state) {
    (void)state;
    struct jb_error error = {0};
    snprintf(path, sizeof path, "%s/jb-balance-%ld.db", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
             (long)getpid());
    return jb_ledger_open(path, JB_STORE_CREATE, &error, &ledger) != JB_OK;
}

static int close_ledger(void **state) {
    (void)state;
    jb_ledger_close(ledger);
    if (path[0])
        unlink(path);
    return 0;
}

static void book(const char *from, const char *to, int64_t start_ns, int64_t end_ns, int64_t amount) {
    struct jb_error error = {0};
    struct jb_flow flow = {.start_ns = start_ns,
                           .end_ns = end_ns,
                           .amount = amount,
                           .commodity = JB_ENERGY,
                           .uncertainty_ppm = 0};
    char identity[40];
    bool is_new;
    snprintf(identity, sizeof identity, "batch %u", batches++);
    assert_int_equal(jb_ledger_account(ledger, from, &error, &flow.from), JB_OK);
    assert_int_equal(jb_ledger_account(ledger, to, &error, &flow.to), JB_OK);
    struct jb_batch batch = {.identity = identity, .flows = &flow, .flow_count = 1};
    assert_int_equal(jb_ledger_append(ledger, &batch, &error, &is_new), JB_OK);
}

static struct jb_balance balance_of(struct jb_query query) {
    struct jb_error error = {0};
    struct jb_balance balance = {0};
    if (jb_ledger_balance(ledger, &query, &error, &balance) != JB_OK)
        fail_msg("%s", error.message);
    return balance;
}

static void test_empty(void **state) {
    (void)state;
    struct jb_balance balance = balance_of(JB_QUERY_ALL);
    assert_true(jb_balance_is_good(&balance));
    assert_int_equal(balance.flow_count, 0);
    jb_balance_free(&balance);
    jb_balance_free(NULL);
}

static void book_good(int64_t start, int64_t end) {
    book("grid/KR", "site/s1", start, end, 100);
    book("site/s1", "host/h1", start, end, 90);
    book("site/s1", "site/s1/overhead", start, end, 10);
    book("host/h1/meter-variance", "host/h1", start, end, 3);
    book("host/h1", "host/h1/idle", start, start + 1, 30);
    book("host/h1", "host/h1/cgroup/a", start + 1, start + 7, 33);
    book("host/h1", "host/h1/unattributed", start, end, 30);
    book("host/h1/cgroup/a", "host/h1/cgroup/a/process/x", start + 1, start + 7, 33);
}

static void test_totals(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++)
        book_good(T0 + i * MINUTE, T0 + (i + 1) * MINUTE);
    struct jb_balance balance = balance_of(JB_QUERY_ALL);
    assert_true(jb_balance_is_good(&balance));
    assert_int_equal(balance.flow_count, 24);
    assert_int_equal(balance.account_count, 3);
    assert_int_equal(balance.stretch_count, 9);
    assert_true(balance.energy_supplied_uj == 309 && balance.energy_consumed_uj == 309);
    assert_true(balance.energy_variance_uj == 9 && balance.energy_unattributed_uj == 90);
    assert_true(balance.first_ns == T0 && balance.last_ns == T0 + 3 * MINUTE);
    jb_balance_free(&balance);
}

/* Cutting a period anywhere must not make a good book look bad. */
static void test_periods(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++)
        book_good(T0 + 17 + i * MINUTE, T0 + 17 + (i + 1) * MINUTE);
    book("host/h1", "host/h1/rest", T0 + 70 * MINUTE + 30, T0 + 70 * MINUTE + 31, 1);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 60; i++) {
            struct jb_query query = {.from_ns = T0 + (i * 7) * MINUTE / 3,
                                     .to_ns = T0 + (i * 5 + 30) * MINUTE};
            struct jb_balance balance = balance_of(query);
            /* While the minute's own flows are there only queries that touch that minute see it. */
            int64_t first = T0 + 70 * MINUTE + 17, last = first + MINUTE;
            bool sees = query.from_ns < last && query.to_ns > first;
            if (round == 0 && query.from_ns < query.to_ns)
                assert_int_equal(balance.imbalance_total, sees);
            if (balance.imbalance_total) {
                assert_true(balance.imbalances[0].outflow - balance.imbalances[0].inflow == 1);
                assert_int_equal(balance.imbalance_count, 1);
            }
            jb_balance_free(&balance);
        }
        struct jb_error error = {0};
        struct jb_store *store = jb_ledger_store(ledger);
        assert_int_equal(store->ops->rollup(store, T0 + 2 * HOUR, &error), JB_OK);
        struct jb_balance balance = balance_of(JB_QUERY_ALL);
        assert_int_equal(balance.imbalance_total, 1);
        assert_int_equal(balance.flow_count, 1601);
        jb_balance_free(&balance);
    }
}

static void test_long_flow_is_taken_whole(void **state) {
    (void)state;
    /* One inflow of a month, two outflows in its days; any day asked for balances. */
    book("grid/KR", "site/s1", T0, T0 + 30 * JB_DAY_NS, 101);
    book("site/s1", "site/s1/overhead", T0 + JB_DAY_NS, T0 + 2 * JB_DAY_NS, 50);
    book("site/s1", "site/s1/overhead", T0 + 20 * JB_DAY_NS, T0 + 21 * JB_DAY_NS, 51);
    for (int day = 0; day < 30; day++) {
        struct jb_balance balance = balance_of(
            (struct jb_query){.from_ns = T0 + day * JB_DAY_NS + 1, .to_ns = T0 + day * JB_DAY_NS + HOUR});
        assert_true(jb_balance_is_good(&balance));
        assert_int_equal(balance.stretch_count, 1);
        jb_balance_free(&balance);
    }
}

static void test_bad_books(void **state) {
    (void)state;
    /* In one minute too much, in the next too little: the sum is right, the book is not. */
    book("grid/KR", "host/h1", T0, T0 + MINUTE, 100);
    book("grid/KR", "host/h1", T0 + MINUTE, T0 + 2 * MINUTE, 100);
    book("host/h1", "host/h1/idle", T0, T0 + MINUTE, 103);
    book("host/h1", "host/h1/idle", T0 + MINUTE, T0 + 2 * MINUTE, 97);
    /* Never arrives, never leaves. */
    book("host/h2", "host/h2/idle", T0, T0 + MINUTE, 50);
    book("grid/KR", "host/h3", T0 + MINUTE, T0 + 2 * MINUTE, 40);
    struct jb_balance balance = balance_of(JB_QUERY_ALL);
    assert_int_equal(balance.imbalance_total, 4);
    assert_int_equal(balance.imbalance_count, 4);
    assert_string_equal(jb_ledger_path(ledger, balance.imbalances[0].account), "host/h2");
    assert_true(balance.imbalances[0].outflow == 50 && balance.imbalances[0].inflow == 0);
    assert_string_equal(jb_ledger_path(ledger, balance.imbalances[1].account), "host/h3");
    assert_true(balance.imbalances[2].outflow == 103 && balance.imbalances[2].start_ns == T0);
    assert_true(balance.imbalances[3].outflow == 97 && balance.imbalances[3].end_ns == T0 + 2 * MINUTE);
    jb_balance_free(&balance);
    /* Only what was asked for is checked. */
    balance = balance_of((struct jb_query){.from_ns = INT64_MIN, .to_ns = INT64_MAX, .account = "host/h1"});
    assert_int_equal(balance.imbalance_total, 2);
    jb_balance_free(&balance);
    balance = balance_of((struct jb_query){.from_ns = T0 + MINUTE, .to_ns = INT64_MAX});
    assert_int_equal(balance.imbalance_total, 2);
    jb_balance_free(&balance);
    balance = balance_of((struct jb_query){.from_ns = 5, .to_ns = 5});
    assert_int_equal(balance.imbalance_total, 0);
    jb_balance_free(&balance);
}

static void test_other_accounts(void **state) {
    (void)state;
    book("grid/IE", "cloud/aws/eu-west-1", T0, T0 + HOUR, 10);
    struct jb_balance balance = balance_of(JB_QUERY_ALL);
    assert_true(jb_balance_is_good(&balance)); /* final: nothing flows out of it */
    assert_true(balance.energy_consumed_uj == 10);
    jb_balance_free(&balance);
    book("cloud/aws/eu-west-1", "cloud/aws/eu-west-1/ec2", T0, T0 + HOUR, 9);
    balance = balance_of(JB_QUERY_ALL);
    assert_int_equal(balance.imbalance_total, 1);
    assert_true(balance.energy_consumed_uj == 9);
    jb_balance_free(&balance);
}

static void test_reversal_balances(void **state) {
    (void)state;
    struct jb_error error = {0};
    bool is_new;
    book("grid/KR", "host/h1", T0, T0 + MINUTE, 100);
    char identity[40];
    snprintf(identity, sizeof identity, "batch %u", batches - 1);
    book("host/h1", "host/h1/idle", T0, T0 + MINUTE, 99);
    book("grid/KR", "host/h1", T0, T0 + MINUTE, 99);
    struct jb_balance balance = balance_of(JB_QUERY_ALL);
    assert_int_equal(balance.imbalance_total, 1);
    jb_balance_free(&balance);
    assert_int_equal(jb_ledger_reverse(ledger, identity, &error, &is_new), JB_OK);
    balance = balance_of(JB_QUERY_ALL);
    assert_true(jb_balance_is_good(&balance));
    jb_balance_free(&balance);
}

static void test_many_imbalances(void **state) {
    (void)state;
    struct jb_error error = {0};
    enum { COUNT = 5000 };
    struct jb_flow *flows = calloc(COUNT, sizeof *flows);
    jb_account_id grid, host;
    bool is_new;
    assert_non_null(flows);
    assert_int_equal(jb_ledger_account(ledger, "grid/KR", &error, &grid), JB_OK);
    assert_int_equal(jb_ledger_account(ledger, "host/h1", &error, &host), JB_OK);
    for (int i = 0; i < COUNT; i++)
        flows[i] = (struct jb_flow){.start_ns = T0 + i,
                                    .end_ns = T0 + i + 1,
                                    .from = grid,
                                    .to = host,
                                    .amount = 1 + (i * 7) % COUNT,
                                    .commodity = JB_ENERGY};
    struct jb_batch batch = {.identity = "many", .flows = flows, .flow_count = COUNT};
    assert_int_equal(jb_ledger_append(ledger, &batch, &error, &is_new), JB_OK);
    free(flows);
    struct jb_balance balance = balance_of(JB_QUERY_ALL);
    assert_int_equal(balance.imbalance_total, COUNT);
    assert_int_equal(balance.imbalance_count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_true(balance.imbalances[i].inflow == COUNT - i);
    jb_balance_free(&balance);
}

#define BOTH(test)                                                                                           \
    {.name = #test " (memory)",                                                                              \
     .test_func = test,                                                                                      \
     .setup_func = open_memory,                                                                              \
     .teardown_func = close_ledger},                                                                         \
    {                                                                                                        \
        .name = #test " (sqlite)", .test_func = test, .setup_func = open_sqlite,                             \
        .teardown_func = close_ledger                                                                        \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(test_empty),           BOTH(test_totals),
        BOTH(test_periods),         BOTH(test_bad_books),
        BOTH(test_other_accounts),  BOTH(test_reversal_balances),
        BOTH(test_many_imbalances), BOTH(test_long_flow_is_taken_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
