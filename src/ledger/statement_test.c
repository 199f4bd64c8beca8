/* Tests of statements: the total is the same for every grouping, periods add up, and intervals are combined
 * as JCGM 100 says. */
#include "ledger/statement.h"

#include "base/clock.h"
#include "base/distribution.h"
#include "base/random.h"
#include "ledger/origin.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct jb_ledger *open_book(void) {
    struct jb_ledger *ledger;
    struct jb_error error = {0};
    if (jb_ledger_open("memory:", JB_STORE_CREATE, &error, &ledger))
        fail_msg("%s", error.message);
    return ledger;
}

static jb_account_id account(struct jb_ledger *ledger, const char *path) {
    jb_account_id id;
    assert_int_equal(jb_ledger_account(ledger, path, NULL, &id), JB_OK);
    return id;
}

static void book(struct jb_ledger *ledger, const struct jb_flow *flows, size_t count, const char *identity) {
    struct jb_error error = {0};
    bool is_new;
    struct jb_batch batch = {.identity = identity, .flows = flows, .flow_count = count};
    if (jb_ledger_append(ledger, &batch, &error, &is_new))
        fail_msg("%s", error.message);
}

static struct jb_flow flow(struct jb_ledger *ledger, const char *from, const char *to, int64_t amount,
                           uint32_t uncertainty_ppm) {
    return (struct jb_flow){.start_ns = 0,
                            .end_ns = JB_MINUTE_NS,
                            .from = account(ledger, from),
                            .to = account(ledger, to),
                            .amount = amount,
                            .commodity = JB_ENERGY,
                            .method = JB_APPORTIONED,
                            .uncertainty_ppm = uncertainty_ppm};
}

static struct jb_statement make(struct jb_ledger *ledger, enum jb_group_by by, unsigned depth,
                                struct jb_query query) {
    struct jb_statement statement;
    struct jb_error error = {0};
    struct jb_statement_request request = {.query = query, .by = by, .depth = depth, .label_key = "team"};
    if (jb_statement_make(ledger, &request, &error, &statement))
        fail_msg("%s", error.message);
    return statement;
}

static const struct jb_statement_row *row_of(const struct jb_statement *statement, const char *name) {
    for (size_t i = 0; i < statement->row_count; i++) {
        if (strcmp(statement->rows[i].name, name) == 0)
            return &statement->rows[i];
    }
    fail_msg("no row '%s'", name);
    return NULL;
}

static double standard_of(const struct jb_statement_row *row) {
    return jb_interval_95_standard(row->low, row->high);
}

/* ---- intervals ---- */

static void test_errors_of_one_meter_add(void **state) {
    (void)state;
    struct jb_ledger *ledger = open_book();
    const struct jb_flow flows[] = {
        flow(ledger, "grid/X", "host/h", 3000, 0),
        flow(ledger, "host/h", "host/h/cpu0", 2000, 50000),
        flow(ledger, "host/h", "host/h/gpu0", 1000, 100000),
        flow(ledger, "host/h/cpu0", "host/h/cgroup/a", 1500, 50000),
        flow(ledger, "host/h/cpu0", "host/h/cgroup/b", 500, 50000),
        flow(ledger, "host/h/gpu0", "host/h/cgroup/c", 1000, 100000),
        flow(ledger, "host/h/cgroup/a", "host/h/cgroup/a/process/p", 1500, 50000),
        flow(ledger, "host/h/cgroup/b", "host/h/cgroup/b/process/p", 500, 50000),
        flow(ledger, "host/h/cgroup/c", "host/h/cgroup/c/process/q", 1000, 100000),
    };
    book(ledger, flows, JB_COUNT(flows), "b");
    struct jb_statement statement = make(ledger, JB_BY_PROCESS, 0, JB_QUERY_ALL);
    /* p: both from cpu0, so 75 + 25; not √(75² + 25²). q: 100. All: √(100² + 100²). */
    assert_true(fabs(standard_of(row_of(&statement, "p")) - 100) < 1e-6);
    assert_true(fabs(standard_of(row_of(&statement, "q")) - 100) < 1e-6);
    assert_true(fabs(standard_of(&statement.totals[0]) - sqrt(20000)) < 1e-6);
    jb_statement_free(&statement);
    jb_ledger_close(ledger);
}

static void test_mixed_cgroup_keeps_its_uncertainty(void **state) {
    (void)state;
    struct jb_ledger *ledger = open_book();
    /* One cgroup fed by two meters, 3 : 4. Its process has the uncertainty that its flow says, 6 %; with
     * another that is all of the first meter's, the correlation is 3/5. */
    const struct jb_flow flows[] = {
        flow(ledger, "host/h/cpu0", "host/h/cgroup/a", 300, 10000),
        flow(ledger, "host/h/gpu0", "host/h/cgroup/a", 400, 10000),
        flow(ledger, "host/h/cpu0", "host/h/cgroup/b", 100, 10000),
        flow(ledger, "host/h/cgroup/a", "host/h/cgroup/a/process/p", 700, 60000),
        flow(ledger, "host/h/cgroup/b", "host/h/cgroup/b/process/q", 100, 420000),
    };
    book(ledger, flows, JB_COUNT(flows), "b");
    struct jb_statement statement = make(ledger, JB_BY_PROCESS, 0, JB_QUERY_ALL);
    assert_true(fabs(standard_of(row_of(&statement, "p")) - 42) < 1e-6);
    assert_true(fabs(standard_of(row_of(&statement, "q")) - 42) < 1e-6);
    assert_true(fabs(standard_of(&statement.totals[0]) - sqrt(42 * 42 * (2 + 2 * 0.6))) < 1e-6);
    jb_statement_free(&statement);
    jb_ledger_close(ledger);
}

static void test_unknown_and_floor(void **state) {
    (void)state;
    struct jb_ledger *ledger = open_book();
    const struct jb_flow flows[] = {
        flow(ledger, "host/h/cpu0", "host/h/idle", 100, JB_UNCERTAINTY_UNKNOWN),
        flow(ledger, "host/h/cpu0", "host/h/kernel", 100, 2000000),
    };
    book(ledger, flows, JB_COUNT(flows), "b");
    struct jb_statement statement = make(ledger, JB_BY_PROCESS, 0, JB_QUERY_ALL);
    assert_true(isnan(row_of(&statement, "(idle)")->low) && isnan(row_of(&statement, "(idle)")->high));
    /* Twice as uncertain as it is large, and still more than nothing. */
    assert_true(fabs(row_of(&statement, "(kernel)")->low - 100 * exp(-1.959963984540054 * sqrt(log(5)))) <
                1e-6);
    assert_true(fabs(row_of(&statement, "(kernel)")->high - 100 * exp(1.959963984540054 * sqrt(log(5)))) <
                1e-6);
    assert_true(isnan(statement.totals[0].low));
    jb_statement_free(&statement);
    jb_ledger_close(ledger);
}

static void test_circle_of_cgroups_ends(void **state) {
    (void)state;
    struct jb_ledger *ledger = open_book();
    const struct jb_flow flows[] = {
        flow(ledger, "host/h/cgroup/a", "host/h/cgroup/b", 100, 10000),
        flow(ledger, "host/h/cgroup/b", "host/h/cgroup/a", 100, 10000),
        flow(ledger, "host/h/cgroup/b", "host/h/cgroup/b/exited", 10, 10000),
    };
    book(ledger, flows, JB_COUNT(flows), "b");
    struct jb_statement statement = make(ledger, JB_BY_CGROUP, 0, JB_QUERY_ALL);
    assert_true(statement.totals[0].amount == 10);
    assert_true(fabs(standard_of(&statement.totals[0]) - 0.1) < 1e-9);
    jb_statement_free(&statement);
    jb_ledger_close(ledger);
}

/* ---- who consumes ---- */

static void test_accounts_without_a_role(void **state) {
    (void)state;
    struct jb_ledger *ledger = open_book();
    struct jb_flow flows[] = {
        flow(ledger, "supply/aws", "cloud/aws", 100, 0),
        flow(ledger, "supply/aws", "cloud/gcp", 7, 0),
        flow(ledger, "cloud/aws", "cloud/aws/ec2", 100, 0),
    };
    flows[2].start_ns += JB_HOUR_NS; /* passed on later: it consumes nothing in the first minute either */
    flows[2].end_ns += JB_HOUR_NS;
    book(ledger, flows, JB_COUNT(flows), "b");
    struct jb_query first = {.from_ns = 0, .to_ns = JB_MINUTE_NS};
    struct jb_statement statement = make(ledger, JB_BY_ACCOUNT, 0, first);
    assert_int_equal(statement.row_count, 1);
    assert_string_equal(statement.rows[0].name, "cloud/gcp");
    jb_statement_free(&statement);
    statement = make(ledger, JB_BY_ACCOUNT, 0, JB_QUERY_ALL);
    assert_true(statement.totals[0].amount == 107);
    jb_statement_free(&statement);
    jb_ledger_close(ledger);
}

static void test_names(void **state) {
    (void)state;
    struct jb_ledger *ledger = open_book();
    const struct jb_flow flows[] = {
        flow(ledger, "host/h/cgroup/a", "host/h/cgroup/a/process/(idle)", 1, 0),
        flow(ledger, "host/h/cpu0", "host/h/idle", 2, 0),
        flow(ledger, "grid/X", "site/s/overhead", 4, 0),
        flow(ledger, "grid/X", "office", 8, 0),
    };
    book(ledger, flows, JB_COUNT(flows), "b");
    struct jb_statement statement = make(ledger, JB_BY_PROCESS, 0, JB_QUERY_ALL);
    assert_true(row_of(&statement, "%28idle)")->amount == 1);
    assert_true(row_of(&statement, "(idle)")->amount == 2);
    assert_true(row_of(&statement, "(overhead)")->amount == 4);
    assert_true(row_of(&statement, "(no process)")->amount == 8);
    jb_statement_free(&statement);
    statement = make(ledger, JB_BY_HOST, 0, JB_QUERY_ALL);
    assert_true(row_of(&statement, "(no host)")->amount == 12);
    jb_statement_free(&statement);
    jb_ledger_close(ledger);
}

static void test_last_label_holds(void **state) {
    (void)state;
    struct jb_ledger *ledger = open_book();
    const struct jb_flow flows[] = {
        flow(ledger, "host/h/cgroup/a/b", "host/h/cgroup/a/b/process/p", 1, 0),
        flow(ledger, "host/h/cgroup/a", "host/h/cgroup/a/process/p", 2, 0),
        flow(ledger, "host/h/cpu0", "host/h/idle", 4, 0),
    };
    static const struct jb_label labels[] = {
        {"host/h/cgroup/a", "team", "one"}, {"host/?/cgroup/a/b", "team", "two"}, {"*", "other", "x"}};
    struct jb_store *store = jb_ledger_store(ledger);
    book(ledger, flows, JB_COUNT(flows), "b");
    for (size_t i = 0; i < JB_COUNT(labels); i++)
        assert_int_equal(store->ops->label_set(store, &labels[i], NULL), JB_OK);
    struct jb_statement statement = make(ledger, JB_BY_LABEL, 0, JB_QUERY_ALL);
    assert_int_equal(statement.row_count, 3);
    assert_true(row_of(&statement, "one")->amount == 2);
    assert_true(row_of(&statement, "two")->amount == 1);
    assert_true(row_of(&statement, "(no team)")->amount == 4);
    jb_statement_free(&statement);
    jb_ledger_close(ledger);
}

/* ---- properties over random books ---- */

static const char *const targets[] = {"host/%u/idle",
                                      "host/%u/kernel",
                                      "host/%u/cgroup/a/exited",
                                      "host/%u/cgroup/a/process/p",
                                      "host/%u/cgroup/a/b/process/p",
                                      "host/%u/cgroup/c/process/(q)",
                                      "host/%u/cgroup/c/unattributed",
                                      "site/%u/overhead",
                                      "cloud/%u",
                                      "cloud/%u/ec2"};
static const char *const sources[] = {"host/%u/cpu0",     "host/%u/gpu0", "host/%u/cgroup/a",
                                      "host/%u/cgroup/c", "cloud/%u",     "grid/X"};

static struct jb_ledger *random_book(struct jb_random *random) {
    struct jb_ledger *ledger = open_book();
    struct jb_store *store = jb_ledger_store(ledger);
    static const struct jb_label label = {"host/1/cgroup/*", "team", "one"};
    assert_int_equal(store->ops->label_set(store, &label, NULL), JB_OK);
    for (int b = 0; b < 4; b++) {
        struct jb_flow flows[12];
        char identity[32];
        for (size_t f = 0; f < JB_COUNT(flows); f++) {
            char from[64], to[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            unsigned host = (unsigned)jb_random_below(random, 3);
            do {
                snprintf(from, sizeof from, sources[jb_random_below(random, JB_COUNT(sources))], host);
                snprintf(to, sizeof to, targets[jb_random_below(random, JB_COUNT(targets))], host);
            } while (strcmp(from, to) == 0);
#pragma GCC diagnostic pop
            flows[f] = flow(ledger, from, to, (int64_t)jb_random_below(random, 1000000),
                            (uint32_t)jb_random_below(random, 90000));
            flows[f].start_ns = (int64_t)jb_random_below(random, 10 * JB_HOUR_NS);
            flows[f].end_ns = flows[f].start_ns + 1 + (int64_t)jb_random_below(random, 3 * JB_HOUR_NS);
            flows[f].commodity = jb_random_below(random, 5) ? JB_ENERGY : JB_WATER;
            flows[f].method = (enum jb_method)jb_random_below(random, JB_METHOD_COUNT);
        }
        snprintf(identity, sizeof identity, "batch %d", b);
        book(ledger, flows, JB_COUNT(flows), identity);
        if (b == 2)
            assert_int_equal(jb_ledger_reverse(ledger, "batch 1", NULL, &(bool){false}), JB_OK);
    }
    return ledger;
}

/* Rows sum to the total, by method as well. */
static void check_sums(const struct jb_statement *statement) {
    for (size_t t = 0; t < statement->total_count; t++) {
        const struct jb_statement_row *total = &statement->totals[t];
        jb_int128 amount = 0, by_method[JB_METHOD_COUNT] = {0}, methods = 0;
        for (size_t i = 0; i < statement->row_count; i++) {
            if (statement->rows[i].commodity != total->commodity)
                continue;
            amount += statement->rows[i].amount;
            for (int m = 0; m < JB_METHOD_COUNT; m++)
                by_method[m] += statement->rows[i].by_method[m];
        }
        assert_true(amount == total->amount);
        for (int m = 0; m < JB_METHOD_COUNT; m++) {
            assert_true(by_method[m] == total->by_method[m]);
            methods += by_method[m];
        }
        assert_true(methods == amount);
    }
}

static jb_int128 total_of(const struct jb_statement *statement, jb_commodity commodity) {
    for (size_t t = 0; t < statement->total_count; t++) {
        if (statement->totals[t].commodity == commodity)
            return statement->totals[t].amount;
    }
    return 0;
}

static void test_every_grouping_has_the_same_total(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(2);
    for (int round = 0; round < 300; round++) {
        struct jb_ledger *ledger = random_book(&random);
        struct jb_query query = JB_QUERY_ALL;
        if (round % 2) {
            query.from_ns = (int64_t)jb_random_below(&random, 6 * JB_HOUR_NS);
            query.to_ns = query.from_ns + 1 + (int64_t)jb_random_below(&random, 6 * JB_HOUR_NS);
        }
        struct jb_statement first = make(ledger, JB_BY_ACCOUNT, 0, query);
        check_sums(&first);
        for (int by = JB_BY_ACCOUNT; by <= JB_BY_LABEL; by++) {
            struct jb_statement other =
                make(ledger, (enum jb_group_by)by, (unsigned)jb_random_below(&random, 4), query);
            check_sums(&other);
            assert_int_equal(other.total_count, first.total_count);
            for (size_t t = 0; t < first.total_count; t++) {
                assert_true(other.totals[t].amount == first.totals[t].amount);
                /* To the last bit: the same routes are added in the same order. */
                assert_true(other.totals[t].low == first.totals[t].low);
                assert_true(other.totals[t].high == first.totals[t].high);
            }
            jb_statement_free(&other);
        }
        struct jb_balance balance;
        assert_int_equal(jb_ledger_balance(ledger, &query, NULL, &balance), JB_OK);
        assert_true(balance.energy_consumed_uj == total_of(&first, JB_ENERGY));
        jb_balance_free(&balance);
        jb_statement_free(&first);
        jb_ledger_close(ledger);
    }
}

static void test_periods_add_up(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(3);
    for (int round = 0; round < 300; round++) {
        struct jb_ledger *ledger = random_book(&random);
        int64_t from_ns = (int64_t)jb_random_below(&random, 6 * JB_HOUR_NS);
        int64_t to_ns = from_ns + 2 + (int64_t)jb_random_below(&random, 6 * JB_HOUR_NS);
        int64_t middle_ns = from_ns + 1 + (int64_t)jb_random_below(&random, (uint64_t)(to_ns - from_ns - 1));
        struct jb_statement whole =
            make(ledger, JB_BY_ACCOUNT, 0, (struct jb_query){.from_ns = from_ns, .to_ns = to_ns});
        struct jb_statement one =
            make(ledger, JB_BY_ACCOUNT, 0, (struct jb_query){.from_ns = from_ns, .to_ns = middle_ns});
        struct jb_statement two =
            make(ledger, JB_BY_ACCOUNT, 0, (struct jb_query){.from_ns = middle_ns, .to_ns = to_ns});
        for (size_t i = 0; i < whole.row_count; i++) {
            jb_int128 parts = 0;
            for (size_t j = 0; j < one.row_count; j++) {
                if (one.rows[j].commodity == whole.rows[i].commodity &&
                    strcmp(one.rows[j].name, whole.rows[i].name) == 0)
                    parts += one.rows[j].amount;
            }
            for (size_t j = 0; j < two.row_count; j++) {
                if (two.rows[j].commodity == whole.rows[i].commodity &&
                    strcmp(two.rows[j].name, whole.rows[i].name) == 0)
                    parts += two.rows[j].amount;
            }
            assert_true(parts == whole.rows[i].amount);
        }
        jb_statement_free(&whole);
        jb_statement_free(&one);
        jb_statement_free(&two);
        jb_ledger_close(ledger);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_of_one_meter_add),
        cmocka_unit_test(test_mixed_cgroup_keeps_its_uncertainty),
        cmocka_unit_test(test_unknown_and_floor),
        cmocka_unit_test(test_circle_of_cgroups_ends),
        cmocka_unit_test(test_accounts_without_a_role),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_last_label_holds),
        cmocka_unit_test(test_every_grouping_has_the_same_total),
        cmocka_unit_test(test_periods_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
