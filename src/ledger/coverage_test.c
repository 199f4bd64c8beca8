/* Coverage of cloud costs: what counts as use, what as unknown, and whose. */
#include "ledger/coverage.h"

#include "base/clock.h"
#include "store/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define T0  INT64_C(1772323200000000000)
#define EUR ((jb_commodity)('E' << 16 | 'U' << 8 | 'R'))
#define USD ((jb_commodity)('U' << 16 | 'S' << 8 | 'D'))

static struct jb_flow flow(struct jb_ledger *ledger, const char *from, const char *to, jb_commodity commodity,
                           int64_t amount) {
    struct jb_error error = {0};
    struct jb_flow made = {.start_ns = T0,
                           .end_ns = T0 + JB_DAY_NS,
                           .amount = amount,
                           .commodity = commodity,
                           .method = JB_BILLED};
    if (jb_ledger_account(ledger, from, &error, &made.from) ||
        jb_ledger_account(ledger, to, &error, &made.to))
        fail_msg("%s", error.message);
    return made;
}

static struct jb_ledger *make_book(void) {
    struct jb_error error = {0};
    struct jb_ledger *ledger = NULL;
    bool is_new;
    if (jb_ledger_open("memory:", JB_STORE_CREATE, &error, &ledger))
        fail_msg("%s", error.message);
    struct jb_flow flows[] = {
        flow(ledger, "supply/aws", "cloud/aws/eu-west-1/ec2/1/compute", EUR, 600),
        flow(ledger, "grid/IE", "cloud/aws/eu-west-1/ec2/1/compute", JB_ENERGY, 77),
        flow(ledger, "supply/aws", "cloud/aws/eu-west-1/ec2/1/team=a/unestimated", EUR, 100),
        flow(ledger, "supply/aws", "cloud/aws/us-east-1/ec2/1/unestimated", EUR, 50),
        flow(ledger, "cloud/aws/eu-west-1/s3/1/unestimated", "supply/aws", EUR, 20), /* given back */
        flow(ledger, "supply/aws", "cloud/aws/eu-west-1/s3/1/unestimated", EUR, 220),
        flow(ledger, "supply/aws", "cloud/aws/eu-west-1/s3/1/storage", EUR, 40),
        flow(ledger, "supply/aws", "cloud/aws/eu-west-1/s3/1/network", EUR, 10),
        flow(ledger, "supply/aws", "cloud/aws/global/ec2/1/tax", EUR, 1000), /* no use */
        flow(ledger, "supply/gcp", "cloud/gcp/europe-west4/bq/2/unestimated", USD, 5),
        flow(ledger, "supply/x", "site/unestimated", USD, 5), /* no cloud */
    };
    struct jb_batch batch = {.identity = "bills", .flows = flows, .flow_count = JB_COUNT(flows)};
    if (jb_ledger_append(ledger, &batch, &error, &is_new))
        fail_msg("%s", error.message);
    return ledger;
}

static struct jb_coverage make(struct jb_ledger *ledger, struct jb_query query) {
    struct jb_error error = {0};
    struct jb_coverage coverage = {0};
    if (jb_coverage_make(ledger, &query, &error, &coverage))
        fail_msg("%s", error.message);
    return coverage;
}

static void counts_use_by_service(void **state) {
    struct jb_ledger *ledger = make_book();
    (void)state;
    struct jb_coverage coverage = make(ledger, JB_QUERY_ALL);
    assert_int_equal(coverage.total_count, 2);
    assert_int_equal(coverage.totals[0].currency, EUR);
    assert_true(coverage.totals[0].used == 1000 && coverage.totals[0].unknown == 350);
    assert_true(coverage.totals[0].energy_alone == 10);
    assert_true(coverage.totals[1].used == 5 && coverage.totals[1].unknown == 5);
    assert_int_equal(coverage.row_count, 3);
    assert_string_equal(coverage.rows[0].name, "aws/s3");
    assert_true(coverage.rows[0].cost == 200);
    assert_string_equal(coverage.rows[1].name, "aws/ec2");
    assert_true(coverage.rows[1].cost == 150);
    assert_string_equal(coverage.rows[2].name, "gcp/bq");
    jb_coverage_free(&coverage);
    jb_ledger_close(ledger);
}

static void keeps_to_what_is_asked_for(void **state) {
    struct jb_ledger *ledger = make_book();
    struct jb_query query = JB_QUERY_ALL;
    (void)state;
    /* Energy alone is asked for: it is the cost that says how much of it is known. */
    query.commodity = JB_ENERGY;
    query.account = "cloud/aws/eu-west-1";
    struct jb_coverage coverage = make(ledger, query);
    assert_int_equal(coverage.total_count, 1);
    assert_true(coverage.totals[0].used == 950 && coverage.totals[0].unknown == 300);
    jb_coverage_free(&coverage);
    query.commodity = USD;
    query.account = NULL;
    coverage = make(ledger, query);
    assert_int_equal(coverage.total_count, 1);
    assert_int_equal(coverage.totals[0].currency, USD);
    jb_coverage_free(&coverage);
    query = JB_QUERY_ALL;
    query.from_ns = T0 + JB_DAY_NS;
    coverage = make(ledger, query);
    assert_int_equal(coverage.total_count + coverage.row_count, 0);
    jb_coverage_free(&coverage);
    jb_ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_use_by_service),
        cmocka_unit_test(keeps_to_what_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
