/* The contract of storage: every test runs over every store of the table. */
#include "store/rules.h"
#include "store/test_book.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/time.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR   JB_HOUR_NS
#define DAY    JB_DAY_NS
#define MINUTE JB_MINUTE_NS
/* 2026-03-01T00:00:00Z */
#define T0 INT64_C(1772323200000000000)

static struct jb_flow flow(jb_account_id from, jb_account_id to, int64_t start_ns, int64_t end_ns,
                           int64_t amount) {
    return (struct jb_flow){.start_ns = start_ns,
                            .end_ns = end_ns,
                            .from = from,
                            .to = to,
                            .amount = amount,
                            .commodity = JB_ENERGY,
                            .method = JB_MEASURED,
                            .uncertainty_ppm = 10000};
}

static void test_accounts(struct jb_test_book *book) {
    struct jb_error error = {0};
    jb_account_id a, b, again;
    struct jb_store *store = book->store;
    assert_int_equal(store->ops->account_id(store, "grid/KR", false, &error, &a), JB_NO_DATA);
    a = jb_test_account(book, "grid/KR");
    b = jb_test_account(book, "host/h1");
    assert_int_not_equal(a, b);
    again = jb_test_account(book, "grid/KR");
    assert_int_equal(a, again);
    assert_string_equal(store->ops->account_path(store, b), "host/h1");
    assert_null(store->ops->account_path(store, 99));
    assert_int_equal(store->ops->account_count(store), 2);
    assert_int_equal(store->ops->account_id(store, "bad//path", true, &error, &a), JB_INPUT);
    assert_int_equal(store->ops->account_id(store, "", true, &error, &a), JB_INPUT);
}

static void test_append_whole_or_not(struct jb_test_book *book) {
    struct jb_error error = {0};
    jb_account_id grid = jb_test_account(book, "grid/KR"), host = jb_test_account(book, "host/h1");
    struct jb_flow flows[] = {flow(grid, host, T0, T0 + MINUTE, 100), flow(grid, host, T0, T0, 1)};
    bool is_new = false;
    struct jb_batch batch = {.identity = "b 1", .flows = flows, .flow_count = 2};
    assert_int_equal(book->store->ops->append(book->store, &batch, &error, &is_new), JB_INPUT);
    assert_non_null(strstr(error.message, "flow 1"));
    assert_non_null(strstr(error.message, "b 1"));
    assert_true(jb_test_total(book, JB_QUERY_ALL) == 0);
    struct jb_batch_info info;
    assert_int_equal(book->store->ops->batch_info(book->store, "b 1", &error, &info), JB_NO_DATA);

    batch.flow_count = 1;
    jb_test_append(book, &batch, true);
    jb_test_append(book, &batch, false); /* again: nothing changes */
    assert_true(jb_test_total(book, JB_QUERY_ALL) == 100);
    assert_int_equal(book->store->ops->batch_info(book->store, "b 1", &error, &info), JB_OK);
    assert_int_equal(info.flow_count, 1);
    assert_false(info.reversed);
    assert_true(info.booked_ns > T0 - 400 * DAY);
}

/* Several writes are one, and undone together; what is read in between sees them. */
static void test_transaction(struct jb_test_book *book) {
    struct jb_error error = {0};
    struct jb_store *store = book->store;
    jb_account_id grid = jb_test_account(book, "grid/KR"), host = jb_test_account(book, "host/h1");
    struct jb_flow one = flow(grid, host, T0, T0 + MINUTE, 100);
    struct jb_position position = {.counter = "energy:a", .value = 1};
    struct jb_batch first = {.identity = "b 1", .flows = &one, .flow_count = 1},
                    second = {.identity = "b 2",
                              .flows = &one,
                              .flow_count = 1,
                              .host = "h1",
                              .boot_id = "x",
                              .positions = &position,
                              .position_count = 1};
    jb_test_append(book, &first, true);
    for (int is_good = 0; is_good < 2; is_good++) {
        bool is_new = false;
        struct jb_batch_info info;
        struct jb_buffer bytes = {0};
        struct jb_position *positions = NULL;
        size_t count = 0;
        char boot_id[JB_BOOT_SIZE], sha256[JB_SHA256_SIZE];
        assert_int_equal(store->ops->begin(store, &error), JB_OK);
        one.to = jb_test_account(book, "host/h2");
        assert_int_equal(store->ops->append(store, &second, &error, &is_new), JB_OK);
        assert_true(is_new);
        assert_int_equal(store->ops->reverse(store, "b 1", &error, &is_new), JB_OK);
        assert_int_equal(store->ops->reverse(store, "b 9", &error, &is_new), JB_NO_DATA);
        assert_int_equal(store->ops->document_put(store, "text", 4, &error), JB_OK);
        assert_true(jb_test_total(book, JB_QUERY_ALL) == 100);
        assert_int_equal(store->ops->batch_info(store, "b 2", &error, &info), JB_OK);
        enum jb_code end = is_good ? JB_OK : JB_INPUT;
        assert_int_equal(store->ops->end(store, end, &error), end);
        assert_true(jb_test_total(book, JB_QUERY_ALL) == 100);
        jb_sha256("text", 4, sha256);
        end = is_good ? JB_OK : JB_NO_DATA;
        assert_int_equal(store->ops->batch_info(store, "b 2", &error, &info), end);
        assert_int_equal(store->ops->document_get(store, sha256, &error, &bytes), end);
        assert_int_equal(store->ops->positions(store, "h1", &error, &positions, &count, boot_id), end);
        assert_int_equal(store->ops->batch_info(store, "b 1", &error, &info), JB_OK);
        assert_int_equal(info.reversed, is_good);
        free(positions);
        jb_buffer_free(&bytes);
    }
}

/* A batch takes the place of others: all of it, or nothing. */
static void test_replace(struct jb_test_book *book) {
    struct jb_error error = {0};
    struct jb_store *store = book->store;
    jb_account_id grid = jb_test_account(book, "grid/KR"), host = jb_test_account(book, "host/h1");
    struct jb_flow old = flow(grid, host, T0, T0 + MINUTE, 100),
                   young = flow(grid, host, T0, T0 + MINUTE, 70);
    const char *const replaces[] = {"bill a 07 v1", "bill a 07 v2"}, *const absent[] = {"bill a 07 v1",
                                                                                        "nobody"};
    bool is_new = true;
    jb_test_append(book, &(struct jb_batch){.identity = replaces[0], .flows = &old, .flow_count = 1}, true);
    jb_test_append(book, &(struct jb_batch){.identity = replaces[1], .flows = &old, .flow_count = 1}, true);
    struct jb_batch batch = {
        .identity = "bill a 07 v3", .flows = &young, .flow_count = 1, .replaces = absent, .replace_count = 2};
    assert_int_equal(store->ops->append(store, &batch, &error, &is_new), JB_NO_DATA);
    assert_true(jb_test_total(book, JB_QUERY_ALL) == 200);
    batch.replaces = replaces;
    jb_test_append(book, &batch, true);
    assert_true(jb_test_total(book, JB_QUERY_ALL) == 70);
    jb_test_append(book, &batch, false);
    assert_true(jb_test_total(book, JB_QUERY_ALL) == 70);

    struct jb_batch_info *infos = NULL;
    size_t count = 0;
    jb_test_append(book, &(struct jb_batch){.identity = "bill a 071 v1", .flows = &old, .flow_count = 1},
                   true);
    assert_int_equal(store->ops->batches(store, "bill a 07 ", &error, &infos, &count), JB_OK);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(infos[i].identity[strlen("bill a 07 v")], '1' + (int)i);
        assert_int_equal(infos[i].reversed, i < 2);
        assert_int_equal(infos[i].flow_count, 1);
    }
    free(infos);
    assert_int_equal(store->ops->batches(store, "bill b ", &error, &infos, &count), JB_OK);
    assert_int_equal(count, 0);
    free(infos);
}

static void test_invalid_flows(struct jb_test_book *book) {
    struct jb_error error = {0};
    jb_account_id a = jb_test_account(book, "grid/KR"), b = jb_test_account(book, "host/h1");
    const struct {
        struct jb_flow flow;
        const char *says;
    } cases[] = {
        {flow(a, a, T0, T0 + 1, 1), "itself"},
        {flow(a, 77, T0, T0 + 1, 1), "account"},
        {flow(a, b, T0 + 1, T0, 1), "ends before"},
        {flow(a, b, T0, T0 + 1, -1), "negative"},
        {flow(a, b, INT64_MIN, T0, 1), "1678"},
        {flow(a, b, T0, INT64_MAX, 1), "1678"},
        {{.start_ns = T0, .end_ns = T0 + 1, .from = a, .to = b, .commodity = 0}, "commodity"},
        {{.start_ns = T0, .end_ns = T0 + 1, .from = a, .to = b, .commodity = 1, .method = (enum jb_method)9},
         "method"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        bool is_new;
        struct jb_batch batch = {.identity = "bad", .flows = &cases[i].flow, .flow_count = 1};
        assert_int_equal(book->store->ops->append(book->store, &batch, &error, &is_new), JB_INPUT);
        assert_non_null(strstr(error.message, cases[i].says));
    }
    char long_identity[300];
    memset(long_identity, 'x', sizeof long_identity - 1);
    long_identity[sizeof long_identity - 1] = '\0';
    const char *const identities[] = {"", long_identity, "new\nline", "bad\xff utf8"};
    for (size_t i = 0; i < JB_COUNT(identities); i++) {
        bool is_new;
        struct jb_batch batch = {.identity = identities[i]};
        assert_int_equal(book->store->ops->append(book->store, &batch, &error, &is_new), JB_INPUT);
    }
    assert_true(jb_test_total(book, JB_QUERY_ALL) == 0);
}

static void test_sums_by_hand(struct jb_test_book *book) {
    struct jb_error error = {0};
    jb_account_id grid = jb_test_account(book, "grid/KR"), host = jb_test_account(book, "host/h1"),
                  cpu = jb_test_account(book, "host/h1/cpu0"), other = jb_test_account(book, "host/h11");
    struct jb_flow flows[] = {flow(grid, host, T0, T0 + HOUR, 3600), flow(host, cpu, T0, T0 + HOUR, 1800),
                              flow(grid, other, T0, T0 + MINUTE, 7),
                              flow(grid, host, T0 + HOUR, T0 + 2 * HOUR, 10)};
    flows[3].commodity = JB_WATER;
    struct jb_batch batch = {.identity = "b", .flows = flows, .flow_count = 4};
    jb_test_append(book, &batch, true);
    struct jb_sum *sums = NULL;
    size_t count = 0;
    struct jb_query query = {.from_ns = T0 + 15 * MINUTE, .to_ns = T0 + 30 * MINUTE, .account = "host/h1"};
    assert_int_equal(book->store->ops->sums(book->store, &query, &error, &sums, &count), JB_OK);
    assert_int_equal(count, 2); /* not host/h11, which only begins alike */
    assert_true(sums[0].from == grid && sums[0].to == host && sums[0].amount == 900);
    assert_true(sums[1].from == host && sums[1].to == cpu && sums[1].amount == 450);
    assert_true(sums[0].first_ns == query.from_ns && sums[0].last_ns == query.to_ns);
    assert_int_equal(sums[0].flow_count, 1);
    free(sums);
    query = JB_QUERY_ALL;
    query.commodity = JB_WATER;
    assert_int_equal(book->store->ops->sums(book->store, &query, &error, &sums, &count), JB_OK);
    assert_int_equal(count, 1);
    assert_true(sums[0].amount == 10 && sums[0].commodity == JB_WATER);
    free(sums);
    query = (struct jb_query){.from_ns = T0 + 5 * DAY, .to_ns = T0 + 4 * DAY};
    assert_int_equal(book->store->ops->sums(book->store, &query, &error, &sums, &count), JB_OK);
    assert_int_equal(count, 0);
    free(sums);
}

/* 2.56 GWh is 2^63 µJ: sums must go on past it, in flows and in roll-ups. */
static void test_sums_past_64_bits(struct jb_test_book *book) {
    struct jb_error error = {0};
    jb_account_id grid = jb_test_account(book, "grid/KR"), host = jb_test_account(book, "host/h1");
    struct jb_flow flows[5];
    for (int i = 0; i < 5; i++)
        flows[i] = flow(grid, host, T0 + i * MINUTE, T0 + (i + 1) * MINUTE, INT64_MAX - i);
    struct jb_batch batch = {.identity = "huge", .flows = flows, .flow_count = 5};
    jb_test_append(book, &batch, true);
    jb_int128 expected = (jb_int128)INT64_MAX * 5 - 10;
    assert_true(jb_test_total(book, JB_QUERY_ALL) == expected);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(book->store->ops->rollup(book->store, round ? T0 + 2 * HOUR : INT64_MIN, &error),
                         JB_OK);
        assert_true(jb_test_total(book, JB_QUERY_ALL) == expected);
        struct jb_query day = {.from_ns = T0, .to_ns = T0 + DAY};
        assert_true(jb_test_total(book, day) == expected);
    }
    /* What stands for them is several flows, as one does not hold it. */
    struct jb_flow got[8];
    const char *identity;
    struct jb_flow_cursor *cursor = NULL;
    struct jb_query all = JB_QUERY_ALL;
    jb_int128 total = 0;
    size_t count = 0;
    assert_int_equal(book->store->ops->flows_open(book->store, &all, &error, &cursor), JB_OK);
    while (count < 8 && book->store->ops->flows_next(cursor, &error, &got[count], &identity) == JB_OK) {
        assert_string_equal(identity, "rollup");
        total += got[count++].amount;
    }
    book->store->ops->flows_close(cursor);
    assert_int_equal(count, 5);
    assert_true(total == expected);
}

static void test_flow_order(struct jb_test_book *book) {
    struct jb_error error = {0};
    jb_account_id a = jb_test_account(book, "grid/KR"), b = jb_test_account(book, "host/h1");
    struct jb_flow first[] = {flow(a, b, T0 + HOUR, T0 + HOUR + 1, 1), flow(a, b, T0, T0 + 3 * DAY, 2),
                              flow(a, b, T0 + HOUR, T0 + HOUR + 1, 3)};
    struct jb_flow second[] = {flow(a, b, T0, T0 + 1, 4), flow(b, a, T0 + HOUR, T0 + 4 * HOUR, 5)};
    jb_test_append(book, &(struct jb_batch){.identity = "one 1", .flows = first, .flow_count = 3}, true);
    jb_test_append(book, &(struct jb_batch){.identity = "two", .flows = second, .flow_count = 2}, true);
    const int64_t amounts[] = {2, 4, 1, 3, 5};
    const char *const identities[] = {"one 1", "two", "one 1", "one 1", "two"};
    for (int round = 0; round < 2; round++) {
        struct jb_query query =
            round ? (struct jb_query){.from_ns = T0 + 1, .to_ns = T0 + HOUR} : JB_QUERY_ALL;
        struct jb_flow_cursor *cursor = NULL;
        struct jb_flow got;
        const char *identity;
        size_t count = 0;
        assert_int_equal(book->store->ops->flows_open(book->store, &query, &error, &cursor), JB_OK);
        /* What is appended meanwhile does not show. */
        jb_test_append(book, &(struct jb_batch){.identity = "three", .flows = second, .flow_count = 1},
                       round == 0);
        while (book->store->ops->flows_next(cursor, &error, &got, &identity) == JB_OK) {
            assert_int_equal(got.amount, round ? 2 : amounts[count]);
            assert_string_equal(identity, identities[count]);
            count++;
        }
        assert_int_equal(error.code, JB_NO_DATA);
        assert_int_equal(count, round ? 1 : 5);
        book->store->ops->flows_close(cursor);
    }
    book->store->ops->flows_close(NULL);
}

static void test_reversal(struct jb_test_book *book) {
    struct jb_error error = {0};
    bool is_new = false;
    jb_account_id a = jb_test_account(book, "grid/KR"), b = jb_test_account(book, "host/h1");
    struct jb_flow flows[] = {flow(a, b, T0, T0 + 7, 10), flow(a, b, T0 + HOUR, T0 + HOUR + 1, INT64_MAX)};
    jb_test_append(book, &(struct jb_batch){.identity = "meter h1 x", .flows = flows, .flow_count = 2}, true);
    jb_test_append(book, &(struct jb_batch){.identity = "other", .flows = flows, .flow_count = 1}, true);
    struct jb_store *store = book->store;
    assert_int_equal(store->ops->reverse(store, "nobody", &error, &is_new), JB_NO_DATA);
    assert_int_equal(store->ops->reverse(store, "meter h1 x", &error, &is_new), JB_OK);
    assert_true(is_new);
    assert_int_equal(store->ops->reverse(store, "meter h1 x", &error, &is_new), JB_OK);
    assert_false(is_new);
    assert_true(jb_test_total(book, JB_QUERY_ALL) == 10);
    /* In every part of its time too. */
    for (int64_t t = 0; t <= 7; t++) {
        struct jb_query part = {.from_ns = T0, .to_ns = T0 + t};
        assert_true(jb_test_total(book, part) == 10 * t / 7);
    }
    struct jb_batch_info info;
    assert_int_equal(store->ops->batch_info(store, "meter h1 x", &error, &info), JB_OK);
    assert_true(info.reversed);
    assert_int_equal(store->ops->batch_info(store, "reversal of meter h1 x", &error, &info), JB_OK);
    assert_false(info.reversed);
    assert_int_equal(info.flow_count, 2);
    /* An identity that leaves no room for the words. */
    char name[JB_IDENTITY_SIZE];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    jb_test_append(book, &(struct jb_batch){.identity = name, .flows = flows, .flow_count = 1}, true);
    assert_int_equal(store->ops->reverse(store, name, &error, &is_new), JB_OK);
    assert_true(is_new);
    assert_int_equal(store->ops->batch_info(store, name, &error, &info), JB_OK);
    assert_true(info.reversed);
    assert_true(jb_test_total(book, JB_QUERY_ALL) == 10);
}

static void test_pruned_batches(struct jb_test_book *book) {
    struct jb_error error = {0};
    bool is_new = true;
    jb_account_id a = jb_test_account(book, "grid/KR"), b = jb_test_account(book, "host/h1");
    struct jb_flow flows[] = {flow(a, b, T0, T0 + MINUTE, 10), flow(a, b, T0 + HOUR, T0 + HOUR + MINUTE, 20)};
    struct jb_store *store = book->store;
    struct jb_batch batch = {.identity = "old", .flows = flows, .flow_count = 2};
    jb_test_append(book, &batch, true);
    assert_int_equal(store->ops->rollup(store, T0 + HOUR + 5 * MINUTE, &error), JB_OK);
    struct jb_batch_info info;
    assert_int_equal(store->ops->batch_info(store, "old", &error, &info), JB_OK);
    assert_int_equal(info.flow_count, 1); /* the second hour was not over */
    assert_int_equal(store->ops->reverse(store, "old", &error, &is_new), JB_UNSUPPORTED);
    assert_int_equal(store->ops->rollup(store, T0 + DAY, &error), JB_OK);
    assert_int_equal(store->ops->batch_info(store, "old", &error, &info), JB_OK);
    assert_int_equal(info.flow_count, 0);
    jb_test_append(book, &batch, false); /* for good */
    assert_true(jb_test_total(book, JB_QUERY_ALL) == 30);
}

static void test_positions(struct jb_test_book *book) {
    struct jb_error error = {0};
    struct jb_store *store = book->store;
    struct jb_position *got = NULL;
    size_t count = 0;
    char boot[JB_BOOT_SIZE];
    assert_int_equal(store->ops->positions(store, "h1", &error, &got, &count, boot), JB_NO_DATA);
    struct jb_position positions[] = {
        {.counter = "energy:rapl/b", .value = UINT64_MAX, .realtime_ns = 1, .boottime_ns = 2},
        {.counter = "cpu:/a", .value = 5, .realtime_ns = 3, .boottime_ns = 4},
    };
    struct jb_batch batch = {
        .identity = "p1", .host = "h1", .boot_id = "boot-1", .positions = positions, .position_count = 2};
    jb_test_append(book, &batch, true);
    batch.identity = "p2"; /* one counter goes on, the other stays */
    positions[1].value = 6;
    batch.positions = &positions[1];
    batch.position_count = 1;
    batch.boot_id = "boot-2";
    jb_test_append(book, &batch, true);
    assert_int_equal(store->ops->positions(store, "h1", &error, &got, &count, boot), JB_OK);
    assert_int_equal(count, 2);
    assert_string_equal(boot, "boot-2");
    assert_string_equal(got[0].counter, "cpu:/a");
    assert_true(got[0].value == 6 && got[0].realtime_ns == 3 && got[0].boottime_ns == 4);
    assert_true(got[1].value == UINT64_MAX);
    free(got);
    batch.identity = "p3";
    batch.replace_positions = true;
    jb_test_append(book, &batch, true);
    batch.identity = "p4"; /* another host's are its own */
    batch.host = "h2";
    batch.positions = positions;
    batch.position_count = 2;
    jb_test_append(book, &batch, true);
    assert_int_equal(store->ops->positions(store, "h1", &error, &got, &count, boot), JB_OK);
    assert_int_equal(count, 1);
    free(got);
    assert_int_equal(store->ops->positions(store, "h2", &error, &got, &count, boot), JB_OK);
    assert_int_equal(count, 2);
    free(got);
    /* A batch that fails leaves them as they were. */
    bool is_new;
    struct jb_flow bad = flow(0, 0, T0, T0 + 1, 1);
    batch.identity = "p5";
    batch.flows = &bad;
    batch.flow_count = 1;
    batch.position_count = 0;
    assert_int_equal(store->ops->append(store, &batch, &error, &is_new), JB_INPUT);
    assert_int_equal(store->ops->positions(store, "h2", &error, &got, &count, boot), JB_OK);
    assert_int_equal(count, 2);
    free(got);
    batch.host = NULL;
    batch.flow_count = 0;
    batch.position_count = 1;
    assert_int_equal(store->ops->append(store, &batch, &error, &is_new), JB_INPUT);
}

static void test_gaps(struct jb_test_book *book) {
    struct jb_error error = {0};
    struct jb_store *store = book->store;
    struct jb_gap gaps[] = {
        {.start_ns = T0 + HOUR,
         .end_ns = T0 + 2 * HOUR,
         .account = jb_test_account(book, "host/h1/cpu0"),
         .reason = "permission denied"},
        {.start_ns = T0,
         .end_ns = T0 + 1,
         .account = jb_test_account(book, "host/h2"),
         .reason = "meter down"},
    };
    jb_test_append(book, &(struct jb_batch){.identity = "g", .gaps = gaps, .gap_count = 2}, true);
    struct jb_gap *got = NULL;
    size_t count = 0;
    struct jb_query query = JB_QUERY_ALL;
    assert_int_equal(store->ops->gaps(store, &query, &error, &got, &count), JB_OK);
    assert_int_equal(count, 2);
    assert_string_equal(got[0].reason, "meter down");
    assert_string_equal(store->ops->account_path(store, got[1].account), "host/h1/cpu0");
    free(got);
    const struct {
        struct jb_query query;
        size_t count;
    } cases[] = {
        {{.from_ns = T0 + 1, .to_ns = T0 + HOUR}, 0},
        {{.from_ns = T0 + HOUR + 1, .to_ns = T0 + HOUR + 2}, 1},
        {{.from_ns = T0, .to_ns = INT64_MAX, .account = "host/h1"}, 1},
        {{.from_ns = T0, .to_ns = INT64_MAX, .account = "host/h2/idle"}, 1},
        {{.from_ns = T0, .to_ns = INT64_MAX, .account = "host/h3"}, 0},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        assert_int_equal(store->ops->gaps(store, &cases[i].query, &error, &got, &count), JB_OK);
        assert_int_equal(count, cases[i].count);
        free(got);
    }
    bool is_new;
    gaps[0].account = 1234;
    struct jb_batch bad = {.identity = "g2", .gaps = gaps, .gap_count = 1};
    assert_int_equal(store->ops->append(store, &bad, &error, &is_new), JB_INPUT);
}

static void set_label(struct jb_test_book *book, const char *pattern, const char *key, const char *value,
                      enum jb_code expected) {
    struct jb_error error = {0};
    struct jb_label label = {0};
    snprintf(label.pattern, sizeof label.pattern, "%s", pattern);
    snprintf(label.key, sizeof label.key, "%s", key);
    snprintf(label.value, sizeof label.value, "%s", value);
    assert_int_equal(book->store->ops->label_set(book->store, &label, &error), expected);
}

static void test_labels(struct jb_test_book *book) {
    struct jb_error error = {0};
    struct jb_label *labels = NULL;
    size_t count = 0;
    set_label(book, "host/*", "team", "search", JB_OK);
    set_label(book, "host/h1*", "team", "ads", JB_OK);
    set_label(book, "host/*", "model", "m1", JB_OK);
    set_label(book, "host/*", "team", "maps", JB_OK); /* replaced, and last */
    set_label(book, "host/*", "model", "", JB_OK);    /* removed */
    set_label(book, "host/*", "nothing", "", JB_OK);
    set_label(book, "", "team", "x", JB_INPUT);
    set_label(book, "a", "", "x", JB_INPUT);
    set_label(book, "a", "k", "new\nline", JB_INPUT);
    assert_int_equal(book->store->ops->labels(book->store, &error, &labels, &count), JB_OK);
    assert_int_equal(count, 2);
    assert_string_equal(labels[0].value, "ads");
    assert_string_equal(labels[1].pattern, "host/*");
    assert_string_equal(labels[1].value, "maps");
    free(labels);
}

#define INTENSITY                                                                                            \
    ((struct jb_series){.name = "grid_intensity/KR",                                                         \
                        .quantity = "grid_intensity",                                                        \
                        .unit = "g/kWh",                                                                     \
                        .region = "KR",                                                                      \
                        .source = "operator",                                                                \
                        .licence = "CC0-1.0",                                                                \
                        .uncertainty = 0.05})

static void put_series(struct jb_test_book *book, const struct jb_series *series, const struct jb_step *steps,
                       size_t count, bool expect_changed) {
    struct jb_error error = {0};
    bool changed = !expect_changed;
    if (book->store->ops->series_put(book->store, series, steps, count, &error, &changed) != JB_OK)
        fail_msg("series_put: %s", error.message);
    assert_int_equal(changed, expect_changed);
}

static void expect_steps(struct jb_test_book *book, int64_t from_ns, int64_t to_ns,
                         const struct jb_step *expected, size_t expected_count) {
    struct jb_error error = {0};
    struct jb_step *steps = NULL;
    size_t count = 0;
    if (book->store->ops->series_read(book->store, "grid_intensity/KR", from_ns, to_ns, &error, &steps,
                                      &count) != JB_OK)
        fail_msg("series_read: %s", error.message);
    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(steps[i].start_ns, expected[i].start_ns);
        assert_int_equal(steps[i].end_ns, expected[i].end_ns);
        assert_true(steps[i].value == expected[i].value);
    }
    free(steps);
}

static void test_series(struct jb_test_book *book) {
    struct jb_error error = {0};
    const struct jb_store_ops *ops = book->store->ops;
    struct jb_series series = INTENSITY, got;
    struct jb_series *list = NULL;
    struct jb_step *steps = NULL;
    size_t count = 7;
    assert_int_equal(ops->series_find(book->store, series.name, &error, &got), JB_NO_DATA);
    assert_int_equal(ops->series_read(book->store, series.name, 0, 1, &error, &steps, &count), JB_NO_DATA);
    assert_int_equal(ops->series_drop(book->store, series.name, &error), JB_NO_DATA);
    assert_int_equal(ops->series_list(book->store, &error, &list, &count), JB_OK);
    assert_int_equal(count, 0);
    free(list);

    /* Hours with a gap, a zero (a value) and a step of another length. */
    const struct jb_step hours[] = {{T0, T0 + HOUR, 400},
                                    {T0 + HOUR, T0 + 2 * HOUR, 0},
                                    {T0 + 3 * HOUR, T0 + 4 * HOUR, 300.25},
                                    {T0 + 4 * HOUR, T0 + DAY, -1}};
    put_series(book, &series, hours, JB_COUNT(hours), true);
    put_series(book, &series, hours, JB_COUNT(hours), false);
    put_series(book, &series, hours + 1, 1, false);
    put_series(book, &series, NULL, 0, false);
    expect_steps(book, INT64_MIN, INT64_MAX, hours, JB_COUNT(hours));
    expect_steps(book, T0 + 2 * HOUR, T0 + 3 * HOUR, NULL, 0);
    expect_steps(book, T0 + DAY, INT64_MAX, NULL, 0);
    expect_steps(book, INT64_MIN, T0, NULL, 0);
    const struct jb_step cut[] = {{T0 + MINUTE, T0 + HOUR, 400}, {T0 + HOUR, T0 + HOUR + 1, 0}};
    expect_steps(book, T0 + MINUTE, T0 + HOUR + 1, cut, 2);

    assert_int_equal(ops->series_find(book->store, series.name, &error, &got), JB_OK);
    assert_string_equal(got.unit, "g/kWh");
    assert_string_equal(got.licence, "CC0-1.0");
    assert_true(got.uncertainty == 0.05);
    assert_int_equal(got.first_ns, T0);
    assert_int_equal(got.last_ns, T0 + DAY);
    assert_int_equal(got.covered_ns, DAY - HOUR);
    assert_int_equal(got.resolution_ns, HOUR);
    assert_int_equal(got.step_count, 4);
    assert_true(got.changed_ns > T0 - 400 * DAY);

    /* What it says of itself may change, but not what it is. */
    snprintf(series.source, sizeof series.source, "%s", "operator, revised");
    series.uncertainty = NAN;
    put_series(book, &series, NULL, 0, true);
    put_series(book, &series, NULL, 0, false);
    assert_int_equal(ops->series_find(book->store, series.name, &error, &got), JB_OK);
    assert_string_equal(got.source, "operator, revised");
    assert_true(isnan(got.uncertainty));
    assert_int_equal(got.step_count, 4);
    bool changed = true;
    struct jb_series other = INTENSITY;
    snprintf(other.unit, sizeof other.unit, "%s", "kg/kWh");
    assert_int_equal(ops->series_put(book->store, &other, hours, 1, &error, &changed), JB_INPUT);
    assert_non_null(strstr(error.message, "unit 'g/kWh'"));
    snprintf(other.name, sizeof other.name, "%s", "a");
    put_series(book, &other, NULL, 0, true);
    assert_int_equal(ops->series_list(book->store, &error, &list, &count), JB_OK);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].name, "a");
    assert_int_equal(list[0].first_ns, list[0].last_ns);
    assert_int_equal(list[0].resolution_ns, 0);
    assert_string_equal(list[1].name, "grid_intensity/KR");
    assert_int_equal(list[1].covered_ns, DAY - HOUR);
    free(list);
    assert_int_equal(ops->series_drop(book->store, "grid_intensity/KR", &error), JB_OK);
    assert_int_equal(ops->series_find(book->store, "grid_intensity/KR", &error, &got), JB_NO_DATA);
    series = INTENSITY;
    put_series(book, &series, NULL, 0, true); /* nothing of the old one is left */
    expect_steps(book, INT64_MIN, INT64_MAX, NULL, 0);
}

static void test_invalid_series(struct jb_test_book *book) {
    struct jb_error error = {0};
    const struct {
        struct jb_step steps[2];
        size_t count;
        const char *says;
    } cases[] = {
        {{{T0, T0, 1}}, 1, "ends before"},
        {{{T0 + 1, T0, 1}}, 1, "ends before"},
        {{{T0, T0 + HOUR, 1}, {T0 + HOUR - 1, T0 + 2 * HOUR, 1}}, 2, "step 1 (2026-03-01T00:59:59"},
        {{{T0, T0 + HOUR, NAN}}, 1, "no value"},
        {{{T0, T0 + HOUR, INFINITY}}, 1, "no value"},
        {{{-1, T0, 1}}, 1, "1970"},
        {{{T0, INT64_MAX, 1}}, 1, "2261"},
    };
    bool changed = true;
    struct jb_series series = INTENSITY;
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        assert_int_equal(book->store->ops->series_put(book->store, &series, cases[i].steps, cases[i].count,
                                                      &error, &changed),
                         JB_INPUT);
        assert_non_null(strstr(error.message, cases[i].says));
    }
    const struct jb_series texts[] = {
        {.quantity = "price", .unit = "EUR/kWh"},
        {.name = "a", .unit = "EUR/kWh"},
        {.name = "a", .quantity = "price"},
        {.name = "new\nline", .quantity = "price", .unit = "EUR/kWh"},
        {.name = "bad\xff", .quantity = "price", .unit = "EUR/kWh"},
        {.name = "a", .quantity = "price", .unit = "EUR/kWh", .note = "\x1b[2J"},
        {.name = "a", .quantity = "price", .unit = "EUR/kWh", .uncertainty = -0.1},
        {.name = "a", .quantity = "price", .unit = "EUR/kWh", .uncertainty = INFINITY},
    };
    for (size_t i = 0; i < JB_COUNT(texts); i++)
        assert_int_equal(book->store->ops->series_put(book->store, &texts[i], NULL, 0, &error, &changed),
                         JB_INPUT);
    size_t count = 1;
    struct jb_series *list = NULL;
    assert_int_equal(book->store->ops->series_list(book->store, &error, &list, &count), JB_OK);
    assert_int_equal(count, 0);
    free(list);
}

/* Steps of any length put over each other, against an array of minutes. */
static void test_series_replaced(struct jb_test_book *book) {
    enum { MINUTES = 3000, ROUNDS = 60 };
    static double known[MINUTES];
    static struct jb_step steps[MINUTES];
    struct jb_series series = INTENSITY;
    struct jb_random random = jb_random_make(7);
    for (size_t i = 0; i < MINUTES; i++)
        known[i] = NAN;
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = 0, length = 1 + jb_random_below(&random, 40), at = jb_random_below(&random, MINUTES);
        size_t end = at + jb_random_below(&random, MINUTES);
        for (; at < end && at + length <= MINUTES; at += length) {
            if (jb_random_below(&random, 10) == 0)
                continue; /* a gap: what was known of it stays */
            double value = (double)jb_random_below(&random, 1000);
            steps[count++] =
                (struct jb_step){T0 + (int64_t)at * MINUTE, T0 + (int64_t)(at + length) * MINUTE, value};
            for (size_t i = at; i < at + length; i++)
                known[i] = value;
        }
        struct jb_error error = {0};
        bool changed;
        assert_int_equal(book->store->ops->series_put(book->store, &series, steps, count, &error, &changed),
                         JB_OK);
        put_series(book, &series, steps, count, false);
        struct jb_step *got = NULL;
        size_t from = jb_random_below(&random, MINUTES), to = from + jb_random_below(&random, MINUTES - from);
        assert_int_equal(book->store->ops->series_read(book->store, series.name, T0 + (int64_t)from * MINUTE,
                                                       T0 + (int64_t)to * MINUTE, &error, &got, &count),
                         JB_OK);
        for (size_t i = from; i < to; i++) {
            size_t index = jb_steps_find(got, count, T0 + (int64_t)i * MINUTE);
            assert_int_equal(index == count, isnan(known[i]));
            if (index < count)
                assert_true(got[index].value == known[i]);
        }
        free(got);
    }
}

/* A year of quarter hours, put a day at a time and then whole. */
static void test_series_of_a_year(struct jb_test_book *book) {
    enum { STEPS = 35040 };
    struct jb_error error = {0};
    struct jb_series series = INTENSITY, got;
    struct jb_step *steps = calloc(STEPS, sizeof *steps);
    assert_non_null(steps);
    for (int64_t i = 0; i < STEPS; i++)
        steps[i] = (struct jb_step){T0 + i * 15 * MINUTE, T0 + (i + 1) * 15 * MINUTE, (double)(i % 977) / 7};
    for (size_t i = 0; i < 50; i++)
        put_series(book, &series, steps + i * 96, 96, true);
    put_series(book, &series, steps, STEPS, true);
    put_series(book, &series, steps, STEPS, false);
    expect_steps(book, INT64_MIN, INT64_MAX, steps, STEPS);
    expect_steps(book, steps[20000].start_ns, steps[20010].start_ns, steps + 20000, 10);
    assert_int_equal(book->store->ops->series_find(book->store, series.name, &error, &got), JB_OK);
    assert_int_equal(got.step_count, STEPS);
    assert_int_equal(got.covered_ns, 365 * DAY);
    assert_int_equal(got.resolution_ns, 15 * MINUTE);
    free(steps);
}

static void test_second_handle(struct jb_test_book *book) {
    struct jb_error error = {0};
    jb_account_id a = jb_test_account(book, "grid/KR"), b = jb_test_account(book, "host/h1");
    struct jb_flow flows[] = {flow(a, b, T0, T0 + 1, 5)};
    jb_test_append(book, &(struct jb_batch){.identity = "one", .flows = flows, .flow_count = 1}, true);
    struct jb_test_book other = {.location = book->location};
    assert_int_equal(book->store->ops->open(book->location, JB_STORE_WRITE, &error, &other.store), JB_OK);
    jb_account_id c = jb_test_account(&other, "host/h2"), a2 = jb_test_account(&other, "grid/KR");
    struct jb_flow more[] = {flow(a2, c, T0, T0 + 1, 7)};
    jb_test_append(&other, &(struct jb_batch){.identity = "two", .flows = more, .flow_count = 1}, true);
    jb_test_append(&other, &(struct jb_batch){.identity = "one", .flows = more, .flow_count = 1}, false);
    assert_true(jb_test_total(book, JB_QUERY_ALL) == 12);
    /* Both name new accounts before either books; the ids of each handle stay good. */
    jb_account_id d = jb_test_account(book, "host/h3"), e = jb_test_account(&other, "host/h4");
    struct jb_flow third[] = {flow(a, d, T0, T0 + 1, 100)}, fourth[] = {flow(a2, e, T0, T0 + 1, 1000)};
    jb_test_append(&other, &(struct jb_batch){.identity = "4", .flows = fourth, .flow_count = 1}, true);
    jb_test_append(book, &(struct jb_batch){.identity = "3", .flows = third, .flow_count = 1}, true);
    struct jb_query query = JB_QUERY_ALL;
    query.account = "host/h3";
    assert_true(jb_test_total(book, query) == 100 && jb_test_total(&other, query) == 100);
    query.account = "host/h4";
    assert_true(jb_test_total(book, query) == 1000 && jb_test_total(&other, query) == 1000);

    /* A handle that only looks on sees accounts and routes that came after it was opened. */
    struct jb_test_book onlooker = {.location = book->location};
    assert_int_equal(book->store->ops->open(book->location, JB_STORE_WRITE, &error, &onlooker.store), JB_OK);
    jb_account_id f = jb_test_account(&other, "host/h5");
    struct jb_flow fifth[] = {flow(a2, f, T0, T0 + 1, 10000)};
    jb_test_append(&other, &(struct jb_batch){.identity = "5", .flows = fifth, .flow_count = 1}, true);
    assert_true(jb_test_total(&onlooker, JB_QUERY_ALL) == 11112);
    onlooker.store->ops->close(onlooker.store);
    other.store->ops->close(other.store);

    /* A reader changes nothing. */
    struct jb_store *reader = NULL;
    bool is_new;
    assert_int_equal(book->store->ops->open(book->location, JB_STORE_READ, &error, &reader), JB_OK);
    jb_account_id id;
    assert_int_equal(reader->ops->account_id(reader, "host/h9", true, &error, &id), JB_NO_DATA);
    assert_int_equal(reader->ops->account_id(reader, "host/h4", false, &error, &id), JB_OK);
    struct jb_batch empty = {.identity = "r"};
    struct jb_label label = {.pattern = "*", .key = "k", .value = "v"};
    assert_int_equal(reader->ops->append(reader, &empty, &error, &is_new), JB_PERMISSION);
    assert_int_equal(reader->ops->reverse(reader, "one", &error, &is_new), JB_PERMISSION);
    assert_int_equal(reader->ops->rollup(reader, INT64_MIN, &error), JB_PERMISSION);
    assert_int_equal(reader->ops->label_set(reader, &label, &error), JB_PERMISSION);
    struct jb_series series = INTENSITY;
    assert_int_equal(reader->ops->series_put(reader, &series, NULL, 0, &error, &is_new), JB_PERMISSION);
    assert_int_equal(reader->ops->series_drop(reader, series.name, &error), JB_PERMISSION);
    reader->ops->close(reader);
}

static void test_lock(struct jb_test_book *book) {
    struct jb_error error = {0};
    struct jb_store *store = book->store, *other = NULL;
    assert_int_equal(store->ops->open(book->location, JB_STORE_WRITE, &error, &other), JB_OK);
    assert_int_equal(store->ops->lock(store, "meter h1/../x", &error), JB_OK);
    assert_int_equal(store->ops->lock(store, "meter h1/../x", &error), JB_OK);
    assert_int_equal(other->ops->lock(other, "meter h1/../x", &error), JB_BUSY);
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(error.message, pid));
    assert_int_equal(other->ops->lock(other, "meter h2", &error), JB_OK);
    assert_int_equal(store->ops->lock(store, "meter h2", &error), JB_BUSY);
    assert_int_equal(store->ops->lock(store, "", &error), JB_USAGE);
    other->ops->close(other);
    assert_int_equal(store->ops->lock(store, "meter h2", &error), JB_OK);
}

static void test_documents(struct jb_test_book *book) {
    struct jb_store *store = book->store;
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer bytes = {0};
    /* sha256sum of "abc" and of nothing */
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                      none[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_int_equal(store->ops->document_get(store, abc, &error, &bytes), JB_NO_DATA);
    for (int i = 0; i < 2; i++) /* twice changes nothing */
        assert_int_equal(store->ops->document_put(store, "abc", 3, &error), JB_OK);
    assert_int_equal(store->ops->document_put(store, NULL, 0, &error), JB_OK);
    assert_int_equal(store->ops->document_put(store, "a\0b", 3, &error), JB_OK);
    assert_int_equal(store->ops->document_get(store, "ba7816bf", &error, &bytes), JB_OK);
    assert_int_equal(bytes.length, 3);
    assert_memory_equal(bytes.bytes, "abc", 3);
    assert_int_equal(store->ops->document_get(store, none, &error, &bytes), JB_OK);
    assert_int_equal(bytes.length, 0);
    assert_int_equal(store->ops->document_get(store, "ba7816b", &error, &bytes), JB_USAGE);
    assert_int_equal(store->ops->document_get(store, "BA7816BF", &error, &bytes), JB_USAGE);
    assert_int_equal(store->ops->document_get(store, "ba7816be", &error, &bytes), JB_NO_DATA);
}

static const struct {
    const char *name;
    void (*run)(struct jb_test_book *book);
} contract[] = {
    {"accounts", test_accounts},
    {"append is whole or not at all", test_append_whole_or_not},
    {"a batch replaces others", test_replace},
    {"a transaction is whole or not", test_transaction},
    {"invalid flows are refused", test_invalid_flows},
    {"sums by hand", test_sums_by_hand},
    {"sums past 64 bits", test_sums_past_64_bits},
    {"flows come in order", test_flow_order},
    {"reversal", test_reversal},
    {"pruned batches", test_pruned_batches},
    {"positions", test_positions},
    {"gaps", test_gaps},
    {"labels", test_labels},
    {"series", test_series},
    {"invalid series are refused", test_invalid_series},
    {"series replaced in part", test_series_replaced},
    {"a series of a year", test_series_of_a_year},
    {"documents", test_documents},
    {"two handles of one book", test_second_handle},
    {"locks", test_lock},
};

static void run_one(void **state) {
    size_t index = (size_t)*state - 1;
    const struct jb_store_ops *ops = jb_store_table[index / JB_COUNT(contract)];
    struct jb_test_book book;
    jb_test_book_open(&book, ops);
    contract[index % JB_COUNT(contract)].run(&book);
    jb_test_book_close(&book);
}

int main(void) {
    size_t stores = 0;
    while (jb_store_table[stores])
        stores++;
    size_t count = stores * JB_COUNT(contract);
    struct CMUnitTest *tests = calloc(count, sizeof *tests);
    char(*names)[100] = calloc(count, sizeof *names);
    if (!tests || !names)
        return 1;
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "%s: %s", jb_store_table[i / JB_COUNT(contract)]->scheme,
                 contract[i % JB_COUNT(contract)].name);
        tests[i] =
            (struct CMUnitTest){.name = names[i], .test_func = run_one, .initial_state = (void *)(i + 1)};
    }
    int failed = _cmocka_run_group_tests("store contract", tests, count, NULL, NULL);
    free(tests);
    free(names);
    return failed;
}
