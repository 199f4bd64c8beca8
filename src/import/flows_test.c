/* Tests of the format `flows`: what is read, what is refused and how, and that writing and reading agree. */
#include "import/flows.h"

#include "base/random.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Keeps the records that a parse gives, written again as CSV. */
struct collector {
    struct jb_import_sink sink;
    struct jb_buffer out;
    size_t count;
    struct jb_flow last;
    uint64_t last_line;
};

static enum jb_code collect(struct jb_import_sink *sink, const struct jb_import_record *record,
                            struct jb_error *error) {
    struct collector *collector = (struct collector *)sink;
    (void)error;
    jb_flows_write_csv(record, &collector->out);
    collector->count++;
    collector->last = record->flow;
    collector->last_line = record->line;
    return JB_OK;
}

static enum jb_code parse(const char *text, struct collector *collector, struct jb_error *error) {
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_non_null(file);
    *collector = (struct collector){.sink.record = collect};
    *error = (struct jb_error){0};
    enum jb_code code = jb_import_flows.parse(file, "f", &collector->sink, error);
    fclose(file);
    return code;
}

static void expect_error(const char *text, const char *message) {
    struct collector collector;
    struct jb_error error;
    assert_int_equal(parse(text, &collector, &error), JB_INPUT);
    assert_string_equal(error.message, message);
    jb_buffer_free(&collector.out);
}

static void expect_amount(const char *text, int64_t amount) {
    struct collector collector;
    struct jb_error error;
    assert_int_equal(parse(text, &collector, &error), JB_OK);
    assert_int_equal(collector.count, 1);
    assert_int_equal(collector.last.amount, amount);
    jb_buffer_free(&collector.out);
}

#define HEAD "start,end,from,to,amount\n"

static void test_csv(void **state) {
    (void)state;
    struct collector collector;
    struct jb_error error;
    assert_int_equal(
        parse("\xef\xbb\xbf"
              "amount,to,from,end,start,batch,uncertainty_ppm,method\r\n"
              "7,\"b,c\",a,2026-07-31T11:00:00+01:00,2026-07-31T09:59:59.123456789Z,\"x \"\"y\",5,billed\r\n",
              &collector, &error),
        JB_OK);
    assert_string_equal(collector.out.bytes,
                        "2026-07-31T09:59:59.123456789Z,2026-07-31T10:00:00Z,a,\"b,c\",energy,7,uJ,billed,5,"
                        "\"x \"\"y\"\n");
    assert_int_equal(collector.last_line, 2);
    jb_buffer_free(&collector.out);
    assert_int_equal(parse(HEAD, &collector, &error), JB_NO_DATA);
    assert_int_equal(parse("\n\n" HEAD "\n2026-07-01,2026-08-01,a,b,1\n\n", &collector, &error), JB_OK);
    assert_int_equal(collector.last_line, 5);
    assert_int_equal(collector.last.uncertainty_ppm, JB_UNCERTAINTY_UNKNOWN);
    assert_int_equal(collector.last.method, JB_DECLARED);
    assert_int_equal(collector.last.commodity, JB_ENERGY);
    jb_buffer_free(&collector.out);
}

static void test_units(void **state) {
    (void)state;
    expect_amount("start,end,from,to,amount,unit\n2026-07-01,2026-08-01,a,b,12.5,kWh\n", 45000000000000);
    expect_amount("start,end,from,to,amount,unit\n2026-07-01,2026-08-01,a,b,0.0000005,J\n",
                  0); /* half to even */
    expect_amount("start,end,from,to,amount,unit\n2026-07-01,2026-08-01,a,b,2500,MWh\n", 9000000000000000000);
    expect_amount("start,end,from,to,amount,unit,commodity\n2026-07-01,2026-08-01,a,b,12.34,EUR,EUR\n",
                  12340000);
    expect_amount("start,end,from,to,amount,unit,commodity\n2026-07-01,2026-08-01,a,b,1.5,m3,water\n",
                  1500000000);
    expect_amount(
        "{\"start\":\"2026-07-01\",\"end\":\"2026-08-01\",\"from\":\"a\",\"to\":\"b\",\"amount\":\"0.25\","
        "\"unit\":\"Wh\"}\n",
        900000000);
    expect_error("start,end,from,to,amount,unit\n2026-07-01,2026-08-01,a,b,1,l\n",
                 "f, line 2: unit: 'l' is no unit of energy; write uJ, mJ, J, kJ, MJ, GJ, Wh, kWh or MWh");
    expect_error("start,end,from,to,amount,unit\n2026-07-01,2026-08-01,a,b,3000,MWh\n",
                 "f, line 2: amount: '3000' is out of range");
}

static void test_csv_errors(void **state) {
    (void)state;
    expect_error("hello\n",
                 "f, line 1, column 1: 'hello' is no field of a flow; the heading needs "
                 "start,end,from,to,amount and may have commodity,unit,method,uncertainty_ppm,batch");
    expect_error("start,end,from,to\n", "f, line 1: the heading has no column 'amount'");
    expect_error("start,end,from,to,amount,to\n", "f, line 1, column 6: 'to' stands twice in the heading");
    expect_error(HEAD "2026-07-01,2026-08-01,a,b\n", "f, line 2: 4 fields, but the heading has 5");
    expect_error(HEAD "2026-07-01,2026-08-01,a,b,1.5\n", "f, line 2: amount: '1.5' is not a whole number");
    expect_error(HEAD "2026-07-01,2026-08-01,a,b,9223372036854775808\n",
                 "f, line 2: amount: '9223372036854775808' is out of range for 64 bits");
    expect_error(HEAD "2026-07-01,2026-08-01,a,b,-9223372036854775808\n",
                 "f, line 2: amount: '-9223372036854775808' is out of range");
    expect_error(HEAD "2026-07-01,2026-08-01,a,b,\n", "f, line 2: amount: empty; every flow needs one");
    expect_error(HEAD "2026-08-01,2026-07-01,a,b,1\n",
                 "f, line 2: end: '2026-07-01' is not after the start '2026-08-01'");
    expect_error(HEAD "2026-02-30,2026-08-01,a,b,1\n",
                 "f, line 2: start: '2026-02-30' is not a date of the calendar");
    expect_error(HEAD "2026-07-01,2026-08-01,a,a,1\n",
                 "f, line 2: to: 'a' is the account that it comes from");
    expect_error(HEAD "2026-07-01,2026-08-01,a//b,c,1\n",
                 "f, line 2: from: account 'a//b' has an empty component; remove the extra '/'");
    expect_error(
        "start,end,from,to,amount,uncertainty_ppm\n2026-07-01,2026-08-01,a,b,1,4294967295\n",
        "f, line 2: uncertainty_ppm: '4294967295' is out of range; leave it empty when it is not known");
    expect_error("start,end,from,to,amount,batch\n2026-07-01,2026-08-01,a,b,1,\"x\033\"\n",
                 "f, line 2: batch: 'x?' has a control character or is not UTF-8");
}

#define JSON_HEAD "{\"start\":\"2026-07-01\",\"end\":\"2026-08-01\",\"from\":\"a\",\"to\":\"b\","

static void test_json(void **state) {
    (void)state;
    struct collector collector;
    struct jb_error error;
    expect_amount(JSON_HEAD "\"amount\":9007199254740992}\n", INT64_C(1) << 53);
    expect_amount("\xef\xbb\xbf" JSON_HEAD "\"amount\":\"-5\",\"batch\":null}", -5);
    assert_int_equal(parse(JSON_HEAD "\"amount\":1}\r\n\n" JSON_HEAD "\"amount\":2}\n", &collector, &error),
                     JB_OK);
    assert_int_equal(collector.count, 2);
    assert_int_equal(collector.last_line, 3);
    jb_buffer_free(&collector.out);
    expect_error(JSON_HEAD "\"amount\":9007199254740993}\n",
                 "f, line 1: amount: a number beyond 2^53 may have lost digits; write it as a string");
    expect_error(JSON_HEAD "\"amount\":1.5}\n",
                 "f, line 1: amount: neither a whole number nor a string with one; write \"123\"");
    expect_error(
        JSON_HEAD "\"amount\":1,\"colour\":2}\n",
        "f, line 1: 'colour' is no field of a flow; expected start, end, from, to, amount, commodity, unit, "
        "method, uncertainty_ppm, batch");
    expect_error("[" JSON_HEAD "\"amount\":1}]\n",
                 "f, line 1: a JSON array; write one object a line (jq -c '.[]')");
    expect_error(JSON_HEAD "\"amount\":1\n", "f, line 1, column 71: not JSON: '}' expected near end of file");
    expect_error("{\"start\":1}\n", "f, line 1: start: not a string");
    expect_error(JSON_HEAD "\"amount\":1,\"amount\":1}\n",
                 "f, line 1, column 80: not JSON: duplicate object key near '\"amount\"'");
}

static void test_probe(void **state) {
    (void)state;
    static const char *const ours[] = {HEAD, (JSON_HEAD "\"amount\":1}"), ("\xef\xbb\xbf" HEAD)};
    static const char *const others[] = {"", "lineItem/UsageStartDate,amount\n", "{\"a\":1}", "hello",
                                         "\xff\xfe"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        assert_true(jb_import_flows.probe(ours[i], strlen(ours[i])));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(jb_import_flows.probe(others[i], strlen(others[i])));
}

static const char *random_name(struct jb_random *random, const char *const *names, size_t count) {
    return names[jb_random_below(random, count)];
}

/* Property: any valid record, in both notations, reads back as itself. */
static void test_round_trip(void **state) {
    (void)state;
    static const char *const names[] = {"grid/KR", "host/h1/cgroup/a,b\"c", "host/é 한/idle", "x/%0A%2F",
                                        "y"};
    static const char *const batches[] = {"", "meter h1 boot 0-60", "a,\"b\"", "reversal of é"};
    struct jb_random random = jb_random_make(7);
    for (int i = 0; i < 20000; i++) {
        struct jb_import_record record = {
            .from = random_name(&random, names, 2),
            .to = random_name(&random, names + 2, 3),
            .batch = random_name(&random, batches, 4),
            .flow = {.start_ns = (int64_t)jb_random_below(&random, UINT64_C(1) << 62),
                     .amount = (int64_t)(jb_random_uint64(&random) | 1),
                     .commodity = i % 3 ? JB_ENERGY : 'E' << 16 | 'U' << 8 | 'R',
                     .method = (enum jb_method)jb_random_below(&random, JB_METHOD_COUNT),
                     .uncertainty_ppm = i % 2 ? JB_UNCERTAINTY_UNKNOWN : (uint32_t)i},
        };
        record.flow.end_ns = record.flow.start_ns + 1 + (int64_t)jb_random_below(&random, 1000000000000);
        struct jb_buffer csv = {0}, json = {0};
        struct collector from_csv, from_json;
        struct jb_error error;
        jb_flows_write_csv_heading(&csv);
        size_t heading = csv.length;
        jb_flows_write_csv(&record, &csv);
        jb_flows_write_json(&record, &json);
        assert_int_equal(parse(csv.bytes, &from_csv, &error), JB_OK);
        assert_int_equal(parse(json.bytes, &from_json, &error), JB_OK);
        assert_string_equal(from_csv.out.bytes, csv.bytes + heading);
        assert_string_equal(from_json.out.bytes, csv.bytes + heading);
        jb_buffer_free(&csv);
        jb_buffer_free(&json);
        jb_buffer_free(&from_csv.out);
        jb_buffer_free(&from_json.out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),  cmocka_unit_test(test_units), cmocka_unit_test(test_csv_errors),
        cmocka_unit_test(test_json), cmocka_unit_test(test_probe), cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
