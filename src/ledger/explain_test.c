/* Tests of explanations: every step's parts sum to it exactly, and accounts are found by what people type. */
#include "ledger/explain.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"
#include "ledger/explain_rule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct jb_ledger *ledger;
static unsigned batches;

static int open_book(void **state) {
    (void)state;
    return jb_ledger_open("memory:", JB_STORE_CREATE, NULL, &ledger) != JB_OK;
}

static int close_book(void **state) {
    (void)state;
    jb_ledger_close(ledger);
    return 0;
}

static void book(const char *from, const char *to, int64_t amount) {
    struct jb_flow flow = {.start_ns = 0,
                           .end_ns = JB_MINUTE_NS,
                           .amount = amount,
                           .commodity = JB_ENERGY,
                           .method = JB_APPORTIONED,
                           .uncertainty_ppm = 10000};
    char identity[32];
    bool is_new;
    snprintf(identity, sizeof identity, "batch %u", batches++);
    assert_int_equal(jb_ledger_account(ledger, from, NULL, &flow.from), JB_OK);
    assert_int_equal(jb_ledger_account(ledger, to, NULL, &flow.to), JB_OK);
    struct jb_batch batch = {.identity = identity, .flows = &flow, .flow_count = 1};
    assert_int_equal(jb_ledger_append(ledger, &batch, NULL, &is_new), JB_OK);
}

static struct jb_explanation explain(const char *account, size_t flows_wanted) {
    struct jb_explanation explanation;
    struct jb_error error = {0};
    struct jb_explain_request request = {
        .query = JB_QUERY_ALL, .account = account, .flows_wanted = flows_wanted};
    if (jb_explain_make(ledger, &request, &error, &explanation))
        fail_msg("%s", error.message);
    return explanation;
}

/* The steps one level below each step sum to it; those of level 0 to the inflow. */
static void check_steps(const struct jb_explanation *explanation) {
    jb_int128 entered = 0;
    assert_false(explanation->is_cut);
    for (size_t i = 0; i < explanation->step_count; i++) {
        const struct jb_explain_step *step = &explanation->steps[i];
        jb_int128 parts = 0;
        bool any = false;
        if (step->level == 0)
            entered += step->amount;
        for (size_t j = i + 1; j < explanation->step_count && explanation->steps[j].level > step->level;
             j++) {
            if (explanation->steps[j].level != step->level + 1)
                continue;
            any = true;
            parts += explanation->steps[j].amount;
            assert_true(explanation->steps[j].amount > 0);
            assert_int_equal(explanation->steps[j].to, step->from);
        }
        if (any)
            assert_true(parts == step->amount);
        else /* only where the book has nothing further up */
            assert_true(strncmp(jb_ledger_path(ledger, step->from), "grid/", 5) == 0);
    }
    assert_true(entered == explanation->inflow);
}

static void test_random_books(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(5);
    for (int round = 0; round < 200; round++) {
        open_book(NULL);
        /* Amounts from single microjoules to what is past 64 bits in sum. */
        uint64_t size = UINT64_C(1) << jb_random_below(&random, 63);
        for (int d = 0; d < 3; d++) {
            char domain[32];
            snprintf(domain, sizeof domain, "host/h/cpu%d", d);
            for (int repeat = 0; repeat < 3; repeat++) {
                book("grid/A", "host/h", 1 + (int64_t)jb_random_below(&random, size));
                book("grid/B", "host/h", 1 + (int64_t)jb_random_below(&random, size));
                book("host/h", domain, 1 + (int64_t)jb_random_below(&random, size));
                book(domain, "host/h/cgroup/a", 1 + (int64_t)jb_random_below(&random, size));
                book("host/h/cgroup/a", "host/h/cgroup/a/process/p",
                     1 + (int64_t)jb_random_below(&random, size));
            }
        }
        struct jb_explanation explanation = explain("host/h/cgroup/a/process/p", 4);
        assert_in_range(explanation.step_count, 4, 13); /* 1 + 3 × (1 + 1 + 2), less what has no share */
        check_steps(&explanation);
        assert_int_equal(explanation.flow_count, 9);
        assert_int_equal(explanation.batch_count, 9);
        assert_int_equal(explanation.flow_count_kept, 4);
        for (size_t f = 1; f < 4; f++)
            assert_true(explanation.flows[f - 1].flow.amount >= explanation.flows[f].flow.amount);
        jb_explanation_free(&explanation);
        close_book(NULL);
    }
}

static void test_subtree_and_supply(void **state) {
    (void)state;
    book("grid/A", "host/h", 100);
    book("host/h", "host/h/cpu0", 100);
    book("host/h/cpu0", "host/h/idle", 60);
    book("host/h/cpu0", "host/h/cgroup/a", 40);
    struct jb_explanation explanation = explain("host/h", 0);
    assert_true(explanation.inflow == 100 && explanation.outflow == 0 && explanation.is_whole);
    assert_true(explanation.host_total == 100 && explanation.book_total == 60);
    assert_int_equal(explanation.step_count, 1);
    jb_explanation_free(&explanation);
    explanation = explain("host/h/cpu0", 0);
    assert_true(explanation.inflow == 100 && explanation.outflow == 100 && !explanation.is_whole);
    assert_int_equal(explanation.steps[0].rule, JB_RULE_METER);
    jb_explanation_free(&explanation);
    explanation = explain("grid/A", 0);
    assert_true(explanation.inflow == 0 && explanation.outflow == 100);
    assert_int_equal(explanation.role, JB_SUPPLY);
    jb_explanation_free(&explanation);
}

static void test_circle_is_cut(void **state) {
    (void)state;
    book("host/h/a", "host/h/b", 10);
    book("host/h/b", "host/h/a", 10);
    book("host/h/b", "host/h/idle", 5);
    struct jb_explanation explanation = explain("host/h/idle", 0);
    assert_true(explanation.is_cut);
    assert_true(explanation.step_count > 2 && explanation.step_count < 1000);
    jb_explanation_free(&explanation);
}

static void expect_found(const char *text, const char *account) {
    char found[JB_ACCOUNT_SIZE];
    struct jb_error error = {0};
    if (jb_explain_resolve(ledger, text, &error, found))
        fail_msg("%s", error.message);
    assert_string_equal(found, account);
}

static void expect_not_found(const char *text, enum jb_code code, const char *message) {
    char found[JB_ACCOUNT_SIZE];
    struct jb_error error = {0};
    assert_int_equal(jb_explain_resolve(ledger, text, &error, found), code);
    assert_non_null(strstr(error.message, message));
}

static void test_finding_accounts(void **state) {
    (void)state;
    expect_not_found("x", JB_NO_DATA, "the book is empty");
    book("host/h1/cpu0", "host/h1/cgroup/a.slice/b.service", 1);
    book("host/h1/cgroup/a.slice/b.service", "host/h1/cgroup/a.slice/b.service/process/nginx", 1);
    book("host/h2/cpu0", "host/h2/idle", 1);
    expect_found("host/h2/idle", "host/h2/idle");
    expect_found("host/h1", "host/h1");
    expect_found("host/h1//", "host/h1");
    expect_found("nginx", "host/h1/cgroup/a.slice/b.service/process/nginx");
    expect_found("a.slice/b.service", "host/h1/cgroup/a.slice/b.service");
    expect_found("cgroup", "host/h1/cgroup");
    expect_found("h2", "host/h2");
    expect_found("host/*/cgroup/*", "host/h1/cgroup/a.slice/b.service");
    expect_found("*/process/*", "host/h1/cgroup/a.slice/b.service/process/nginx");
    expect_not_found("cpu0", JB_USAGE, "host/h1/cpu0, host/h2/cpu0; name one");
    expect_not_found("host/*/cpu?", JB_USAGE, "host/h1/cpu0, host/h2/cpu0; name one");
    expect_not_found("ngimx", JB_NO_DATA, "did you mean host/h1/cgroup/a.slice/b.service/process/nginx?");
    expect_not_found("zebra", JB_NO_DATA, "lists them");
    expect_not_found("host/h", JB_NO_DATA, "did you mean host/h1/cpu0, ");
    expect_not_found("", JB_NO_DATA, "no account ''");
    char tall[2 * JB_ACCOUNT_SIZE];
    memset(tall, 'x', sizeof tall);
    tall[sizeof tall - 1] = '\0';
    expect_not_found(tall, JB_NO_DATA, "no account 'xxx");
}

static void test_rules(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        enum jb_method method;
        enum jb_rule rule;
    } cases[] = {
        {"grid/KR", "site/s", JB_MEASURED, JB_RULE_SUPPLY},
        {"site/s", "host/h", JB_MEASURED, JB_RULE_PASSED_ON},
        {"host/h", "host/h/cpu0", JB_MEASURED, JB_RULE_METER},
        {"host/h", "host/h/rest", JB_MEASURED, JB_RULE_DIFFERENCE},
        {"host/h/meter-variance", "host/h", JB_MEASURED, JB_RULE_VARIANCE},
        {"host/h/cpu0", "host/h/idle", JB_APPORTIONED, JB_RULE_IDLE},
        {"host/h/cpu0", "host/h/kernel", JB_APPORTIONED, JB_RULE_CPU_TIME},
        {"host/h/cpu0", "host/h/cgroup/idle", JB_APPORTIONED, JB_RULE_CPU_TIME},
        {"host/h/gpu0", "host/h/cgroup/a", JB_APPORTIONED, JB_RULE_GPU_TIME},
        {"host/h/dram0", "host/h/cgroup/a", JB_APPORTIONED, JB_RULE_MEMORY},
        {"host/h/cgroup/a", "host/h/cgroup/a/process/idle", JB_APPORTIONED, JB_RULE_WITHIN},
        {"host/h/cgroup/a", "host/h/cgroup/a/exited", JB_APPORTIONED, JB_RULE_EXITED},
        {"host/h/cpu0", "host/h/unattributed", JB_MEASURED, JB_RULE_UNATTRIBUTED},
        {"supply/aws", "cloud/aws", JB_BILLED, JB_RULE_BILL},
        {"supply/aws", "cloud/aws", JB_DECLARED, JB_RULE_DECLARED},
        {"cloud/aws", "cloud/aws/ec2", JB_MODELLED, JB_RULE_BOOKED},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++)
        assert_int_equal(jb_rule_of(cases[i].from, cases[i].to, cases[i].method), cases[i].rule);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_books),
        cmocka_unit_test_setup_teardown(test_subtree_and_supply, open_book, close_book),
        cmocka_unit_test_setup_teardown(test_circle_is_cut, open_book, close_book),
        cmocka_unit_test_setup_teardown(test_finding_accounts, open_book, close_book),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
