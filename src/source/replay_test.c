/* Tests of recorded readings: the parser, exact values at any time, and the source that plays them. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "source/replay_script.h"
#include "source/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct jb_replay *parse(const char *text) {
    struct jb_error error = {0};
    struct jb_replay *replay = NULL;
    enum jb_code code = jb_replay_parse(text, strlen(text), "test", &error, &replay);
    if (code)
        print_error("%s\n", error.message);
    assert_int_equal(code, JB_OK);
    return replay;
}

static void assert_refused(const char *text, enum jb_code wanted, const char *message) {
    struct jb_error error = {0};
    struct jb_replay *replay = NULL;
    assert_int_equal(jb_replay_parse(text, strlen(text), "test", &error, &replay), wanted);
    assert_null(replay);
    if (!strstr(error.message, message))
        print_error("'%s' lacks '%s'\n", error.message, message);
    assert_non_null(strstr(error.message, message));
}

static struct jb_reading read_at(const struct jb_replay *replay, size_t domain, int64_t time_ns) {
    struct jb_reading reading = {0};
    jb_replay_read(replay, domain, time_ns, &reading);
    return reading;
}

static void assert_value(const struct jb_replay *replay, size_t domain, int64_t time_ns, uint64_t value) {
    struct jb_reading reading = read_at(replay, domain, time_ns);
    assert_int_equal(reading.state, JB_READING_OK);
    assert_int_equal(reading.value, value);
}

static void test_rate(void **state) {
    (void)state;
    _cleanup_(jb_replay_free_cleanup) struct jb_replay *replay =
        parse("joulebook-replay 1\n"
              "domain package-0 kind=package rate_uw=50000000\n"
              "domain package-1 kind=package rate_uw=3 wrap_uj=1000 start_uj=990\n"
              "domain gpu kind=gpu form=gauge rate_uw=120000000\n");
    const struct jb_domain *domains;
    assert_int_equal(jb_replay_domains(replay, &domains), 3);
    assert_string_equal(domains[0].id, "replay/package-0");
    assert_string_equal(domains[0].account, "cpu0");
    assert_string_equal(domains[1].account, "cpu1");
    assert_string_equal(domains[2].account, "gpu0");
    assert_value(replay, 0, 0, 0);
    assert_value(replay, 0, 1, 0); /* 0.05 µJ */
    assert_value(replay, 0, 20, 1);
    assert_value(replay, 0, 39, 1);
    /* 50 W for a year, exactly. */
    assert_value(replay, 0, INT64_C(31536000) * JB_SECOND_NS, UINT64_C(31536000) * 50000000);
    assert_value(replay, 1, 3 * JB_SECOND_NS, 999);
    assert_value(replay, 1, 4 * JB_SECOND_NS, 2); /* 990 + 12 wraps at 1000 */
    assert_value(replay, 2, 5 * JB_SECOND_NS, 120000000);
    assert_int_equal(read_at(replay, 0, -1).state, JB_READING_NONE);
}

static void test_records(void **state) {
    (void)state;
    _cleanup_(jb_replay_free_cleanup) struct jb_replay *replay = parse("joulebook-replay 1\r\n"
                                                                       "# comment\n"
                                                                       "\n"
                                                                       "domain a kind=package wrap_uj=1000\n"
                                                                       "domain b kind=package play=step\n"
                                                                       "domain c kind=gpu form=gauge\n"
                                                                       "time,domain,value,epoch\n"
                                                                       "1,a,900\n"
                                                                       "1.5,b,7\n"
                                                                       "2,a,100\n"
                                                                       "2,c,500\n"
                                                                       "3,a,none\n"
                                                                       "3,b,5,1\n"
                                                                       "4,a,300\n"
                                                                       "4,c,gone\n"
                                                                       "5,a,10,1\n"
                                                                       "6,a,30,1\n"
                                                                       "7,a,denied\n");
    assert_int_equal(read_at(replay, 0, JB_SECOND_NS - 1).state, JB_READING_NONE);
    assert_value(replay, 0, JB_SECOND_NS, 900);
    assert_value(replay, 0, 1250 * JB_SECOND_NS / 1000, 950);
    assert_value(replay, 0, 1500 * JB_SECOND_NS / 1000, 0); /* through the wrap */
    assert_value(replay, 0, 1750 * JB_SECOND_NS / 1000, 50);
    assert_value(replay, 0, 2 * JB_SECOND_NS, 100);
    assert_value(replay, 0, 2500 * JB_SECOND_NS / 1000, 150); /* it grows on to 300 at 4 s */
    assert_int_equal(read_at(replay, 0, 3 * JB_SECOND_NS).state, JB_READING_NONE);
    assert_value(replay, 0, 4500 * JB_SECOND_NS / 1000, 300); /* holds up to the restart */
    assert_int_equal(read_at(replay, 0, 4500 * JB_SECOND_NS / 1000).epoch, 0);
    assert_value(replay, 0, 5500 * JB_SECOND_NS / 1000, 20);
    assert_int_equal(read_at(replay, 0, 5500 * JB_SECOND_NS / 1000).epoch, 1);
    assert_int_equal(read_at(replay, 0, 70 * JB_SECOND_NS).state, JB_READING_DENIED);
    assert_value(replay, 1, 2 * JB_SECOND_NS, 7);
    assert_value(replay, 1, 3 * JB_SECOND_NS, 5);
    assert_int_equal(read_at(replay, 2, JB_SECOND_NS).state, JB_READING_NONE);
    assert_value(replay, 2, 3 * JB_SECOND_NS, 500);
    assert_int_equal(read_at(replay, 2, 4 * JB_SECOND_NS).state, JB_READING_GONE);
}

static void test_loop(void **state) {
    (void)state;
    _cleanup_(jb_replay_free_cleanup) struct jb_replay *replay = parse("joulebook-replay 1\n"
                                                                       "loop 10\n"
                                                                       "domain a kind=package wrap_uj=1000\n"
                                                                       "domain g kind=gpu form=gauge\n"
                                                                       "time,domain,value\n"
                                                                       "0,a,0\n"
                                                                       "0,g,5\n"
                                                                       "4,a,400\n"
                                                                       "5,g,9\n"
                                                                       "8,a,100\n");
    /* 400 + 700 = 1100 µJ a turn. */
    assert_value(replay, 0, 8 * JB_SECOND_NS, 100);
    assert_value(replay, 0, 10 * JB_SECOND_NS, 100);
    assert_value(replay, 0, 14 * JB_SECOND_NS, 500);
    assert_value(replay, 0, 20 * JB_SECOND_NS, 200);
    assert_value(replay, 0, INT64_C(1000003) * 10 * JB_SECOND_NS, 1100 * INT64_C(1000003) % 1000);
    assert_value(replay, 1, 23 * JB_SECOND_NS, 5);
    assert_value(replay, 1, 27 * JB_SECOND_NS, 9);
}

static void test_refusals(void **state) {
    (void)state;
#define HEAD "joulebook-replay 1\n"
    assert_refused("", JB_INPUT, "first line must be");
    assert_refused("domain a kind=gpu\n", JB_INPUT, "test:1: the first line must be");
    assert_refused("joulebook-replay 2\n", JB_INPUT, "test:1");
    assert_refused(HEAD, JB_INPUT, "no 'domain' line");
    assert_refused(HEAD "domain a\n", JB_INPUT, "wants kind=");
    assert_refused(HEAD "domain a kind=cpu\n", JB_INPUT, "test:2: kind 'cpu'");
    assert_refused(HEAD "domain a kind=gpu colour=red\n", JB_INPUT, "no 'colour'");
    assert_refused(HEAD "domain a kind=gpu\ndomain a kind=gpu\n", JB_INPUT, "test:3: domain 'a' is there");
    assert_refused(HEAD "domain ../a/ kind=gpu\n", JB_INPUT, "wants an id");
    assert_refused(HEAD "domain a kind=gpu parent=b\n", JB_INPUT, "no domain above");
    assert_refused(HEAD "domain a kind=gpu name=\"b\n", JB_INPUT, "double quote");
    assert_refused(HEAD "domain a kind=gpu form=gauge wrap_uj=3\n", JB_INPUT, "a gauge has neither");
    assert_refused(HEAD "domain a kind=gpu from_s=3 until_s=2\n", JB_INPUT, "from_s must be before");
    assert_refused(HEAD "domain a kind=gpu account=a/b\n", JB_INPUT, "account 'a/b'");
    assert_refused(HEAD "domain a kind=gpu rate_uw=-1\n", JB_INPUT, "rate_uw");
    assert_refused(HEAD "loop 0\n", JB_INPUT, "loop must be more");
    assert_refused(HEAD "origin soon\n", JB_INPUT, "origin");
    assert_refused(HEAD "domain a kind=gpu\x1b[2J\n", JB_INPUT, "control character");
#define BODY HEAD "domain a kind=package wrap_uj=100\ndomain r kind=gpu rate_uw=1\ntime,domain,value\n"
    assert_refused(BODY "1,b,5\n", JB_INPUT, "test:5: domain 'b' is not declared");
    assert_refused(BODY "1,a\n", JB_INPUT, "wanted time,domain,value");
    assert_refused(BODY "1,a,5,0,0\n", JB_INPUT, "more than 4 fields");
    assert_refused(BODY "1,a,100\n", JB_INPUT, "not below wrap_uj");
    assert_refused(BODY "1,a,5\n1,a,6\n", JB_INPUT, "must ascend");
    assert_refused(BODY "-1,a,5\n", JB_INPUT, "may not be negative");
    assert_refused(BODY "1,a,1e3\n", JB_INPUT, "not a whole number");
    assert_refused(BODY "1,a,99999999999999999999\n", JB_INPUT, "out of range");
    assert_refused(BODY "1,r,5\n", JB_INPUT, "rate_uw is ok, none, denied or gone");
    assert_refused(BODY "1,a,none,4\n", JB_INPUT, "only a value has an epoch");
    assert_refused(HEAD "loop 5\ndomain a kind=package\ntime,domain,value\n1,a,9\n2,a,3\n", JB_INPUT,
                   "restarts within the loop");
    assert_refused(HEAD "loop 5\ndomain a kind=package\ntime,domain,value\n5,a,9\n", JB_INPUT,
                   "time is not below loop");
    char longest[5000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_refused(longest, JB_LIMIT, "line of more than");
}

static const char *write_file(const char *text) {
    static char path[] = "/tmp/joulebook-replay-test-XXXXXX";
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    close(descriptor);
    return path;
}

static void test_source(void **state) {
    (void)state;
    struct jb_error error = {0};
    struct jb_clock_fake fake = jb_clock_fake_make(0, 100 * JB_SECOND_NS);
    const char *path = write_file("joulebook-replay 1\n"
                                  "origin 40\n"
                                  "domain late kind=psys from_s=62 rate_uw=1\n"
                                  "domain a kind=package rate_uw=1000000 name=\"Socket 0\"\n"
                                  "domain a/core kind=core parent=a rate_uw=7\n"
                                  "domain brief kind=gpu until_s=61 rate_uw=1\n");
    struct jb_source_context context = {.clock = &fake.clock, .replay_path = path};
    struct jb_source *source = NULL;
    assert_int_equal(jb_source_open(&jb_source_replay, &context, &error, &source), JB_OK);
    const struct jb_domain *domains;
    struct jb_reading readings[4];
    assert_int_equal(source->ops->domains(source, &domains), 3);
    assert_string_equal(domains[0].id, "replay/a");
    assert_string_equal(domains[0].name, "Socket 0");
    assert_int_equal(domains[1].parent, 0);
    source->ops->read(source, readings);
    assert_int_equal(readings[0].value, 60000000);
    assert_int_equal(readings[0].boottime_ns, 100 * JB_SECOND_NS);
    assert_false(source->ops->rescan(source));
    /* Suspend moves it too: energy follows boottime. */
    jb_clock_fake_suspend(&fake, JB_SECOND_NS);
    source->ops->read(source, readings);
    assert_int_equal(readings[0].value, 61000000);
    assert_int_equal(readings[2].state, JB_READING_GONE);
    jb_clock_fake_advance(&fake, JB_SECOND_NS);
    assert_true(source->ops->rescan(source));
    assert_int_equal(source->ops->domains(source, &domains), 3);
    assert_string_equal(domains[0].id, "replay/late");
    assert_int_equal(domains[2].parent, 1);
    source->ops->close(source);
    /* A second opening reads the same: the value hangs on the clock alone. */
    assert_int_equal(jb_source_open(&jb_source_replay, &context, &error, &source), JB_OK);
    source->ops->read(source, readings);
    assert_int_equal(readings[1].value, 62000000);
    source->ops->close(source);
    unlink(path);
    source = NULL;
    assert_int_equal(jb_source_open(&jb_source_replay, &context, &error, &source), JB_NO_DATA);
    assert_non_null(strstr(error.message, path));
    context.replay_path = "/";
    assert_int_equal(jb_source_open(&jb_source_replay, &context, &error, &source), JB_INPUT);
    context.replay_path = NULL;
    assert_int_equal(jb_source_open(&jb_source_replay, &context, &error, &source), JB_NO_DATA);
    assert_null(source);
    jb_source_replay.close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),     cmocka_unit_test(test_records), cmocka_unit_test(test_loop),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
