/* Local times: the hour that is shown twice, the one that is not shown, rules, and files of any bytes. */
#include "base/zone.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MADRID "CET-1CEST,M3.5.0,M10.5.0/3"

static struct jb_zone *rule(const char *text) {
    struct jb_zone *zone = NULL;
    struct jb_error error = {0};
    if (jb_zone_parse_rule(text, &error, &zone))
        fail_msg("%s", error.message);
    return zone;
}

static int64_t time_of(const char *text) {
    int64_t ns = 0;
    assert_int_equal(jb_time_parse(text, NULL, &ns), JB_OK);
    return ns;
}

static void expect(const struct jb_zone *zone, const char *local, size_t count, const char *first,
                   const char *second) {
    int64_t ns[2] = {0};
    assert_int_equal(jb_zone_to_utc(zone, time_of(local), ns), count);
    if (count > 0)
        assert_int_equal(ns[0], time_of(first));
    if (count > 1)
        assert_int_equal(ns[1], time_of(second));
}

/* The changes of clocks in Spain in 2023. */
static void expect_madrid(const struct jb_zone *zone) {
    expect(zone, "2023-03-26T01:59", 1, "2023-03-26T00:59Z", NULL);
    expect(zone, "2023-03-26T02:00", 0, NULL, NULL);
    expect(zone, "2023-03-26T02:59:59.5", 0, NULL, NULL);
    expect(zone, "2023-03-26T03:00", 1, "2023-03-26T01:00Z", NULL);
    expect(zone, "2023-07-01T12:00", 1, "2023-07-01T10:00Z", NULL);
    expect(zone, "2023-10-29T01:59", 1, "2023-10-28T23:59Z", NULL);
    expect(zone, "2023-10-29T02:00", 2, "2023-10-29T00:00Z", "2023-10-29T01:00Z");
    expect(zone, "2023-10-29T02:59:59.5", 2, "2023-10-29T00:59:59.5Z", "2023-10-29T01:59:59.5Z");
    expect(zone, "2023-10-29T03:00", 1, "2023-10-29T02:00Z", NULL);
    expect(zone, "2041-10-27T02:30", 2, "2041-10-27T00:30Z", "2041-10-27T01:30Z");
}

static void test_double_and_missing_hour(void **state) {
    (void)state;
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *zone = rule(MADRID);
    expect_madrid(zone);
}

static void test_rules(void **state) {
    (void)state;
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *seoul = rule("KST-9"), *india = rule("<+0530>-5:30"),
                                                   *sydney = rule("AEST-10AEDT,M10.1.0,M4.1.0/3"),
                                                   *dublin = rule("IST-1GMT0,M10.5.0,M3.5.0/1"),
                                                   *days = rule("AAA0BBB,J60/0,J300/0"),
                                                   *nuuk = rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
    expect(seoul, "2024-01-01", 1, "2023-12-31T15:00Z", NULL);
    expect(india, "2024-01-01T05:30", 1, "2024-01-01T00:00Z", NULL);
    expect(sydney, "2024-01-01", 1, "2023-12-31T13:00Z", NULL); /* summer in January */
    expect(sydney, "2024-04-07T02:30", 2, "2024-04-06T15:30Z", "2024-04-06T16:30Z");
    expect(sydney, "2024-10-06T02:30", 0, NULL, NULL);
    expect(dublin, "2024-01-15T12:00", 1, "2024-01-15T12:00Z", NULL); /* "summer" in winter */
    expect(dublin, "2024-07-15T12:00", 1, "2024-07-15T11:00Z", NULL);
    expect(days, "2023-03-01T00:30", 0, NULL, NULL); /* day 60 is the 1st of March in any year */
    expect(days, "2024-03-01T00:30", 0, NULL, NULL);
    expect(nuuk, "2024-03-30T22:30", 1, "2024-03-31T00:30Z", NULL);
    expect(nuuk, "2024-03-30T23:30", 0, NULL, NULL);
    static const char *const wrong[] = {"",
                                        "CET",
                                        "C-1",
                                        "CET-1CEST",
                                        "CET-1CEST,M3.5.0",
                                        "CET-99",
                                        "CET-1CEST,M13.5.0,M10.5.0",
                                        "CET-1CEST,M3.5.0,M10.5.0x",
                                        "<CET-1",
                                        "Europe/Nowhere"};
    for (size_t i = 0; i < JB_COUNT(wrong); i++) {
        struct jb_zone *zone = NULL;
        struct jb_error error = {0};
        assert_int_equal(jb_zone_parse_rule(wrong[i], &error, &zone), JB_INPUT);
        assert_non_null(strstr(error.message, "Europe/Madrid"));
        assert_null(zone);
    }
}

/* A file with one change in its table, and a rule behind it. */
static size_t make_file(unsigned char ret[static 256]) {
    static const char footer[] = "\n" MADRID "\n";
    static const unsigned char header[44] = {'T', 'Z', 'i', 'f', '2'};
    memset(ret, 0, 256);
    memcpy(ret, header, sizeof header);
    ret[39] = 1; /* one type, in the part with 4 bytes */
    size_t at = 44 + 6;
    memcpy(ret + at, header, sizeof header);
    ret[at + 35] = 1; /* one change, */
    ret[at + 39] = 2; /* two types */
    at += 44;
    int64_t change_s = time_of("1980-01-01") / JB_SECOND_NS;
    for (int i = 0; i < 8; i++)
        ret[at + (size_t)i] = (unsigned char)((uint64_t)change_s >> (56 - 8 * i));
    ret[at + 8] = 1;
    ret[at + 9 + 6 + 2] = 0x0e; /* 3600 s from the change on, 0 before it */
    ret[at + 9 + 6 + 3] = 0x10;
    at += 8 + 1 + 12;
    memcpy(ret + at, footer, sizeof footer - 1);
    return at + sizeof footer - 1;
}

static void test_file(void **state) {
    (void)state;
    unsigned char bytes[256];
    size_t length = make_file(bytes);
    struct jb_error error = {0};
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *zone = NULL;
    if (jb_zone_parse(bytes, length, "made", &error, &zone))
        fail_msg("%s", error.message);
    expect_madrid(zone);
    expect(zone, "1975-07-01", 1, "1975-07-01", NULL);
    expect(zone, "1980-01-01T00:30", 0, NULL, NULL);
    for (size_t cut = 0; cut < length; cut++) {
        struct jb_zone *none = NULL;
        assert_int_equal(jb_zone_parse(bytes, cut, "cut", &error, &none), JB_INPUT);
    }
    struct jb_random random = jb_random_make(3);
    for (int i = 0; i < 3000; i++) {
        struct jb_zone *other = NULL;
        int64_t ns[2];
        make_file(bytes);
        for (int flips = 0; flips < 3; flips++)
            bytes[jb_random_below(&random, length)] = (unsigned char)jb_random_uint64(&random);
        if (jb_zone_parse(bytes, length, "flipped", &error, &other) == JB_OK)
            assert_true(jb_zone_to_utc(other, time_of("2023-10-29T02:30"), ns) <= 2);
        jb_zone_free(other);
    }
}

static void test_machine(void **state) {
    (void)state;
    struct jb_error error = {0};
    struct jb_zone *zone = NULL;
    assert_int_equal(jb_zone_load("../../etc/passwd", &error, &zone), JB_INPUT);
    assert_int_equal(jb_zone_load("/etc/passwd", &error, &zone), JB_INPUT);
    assert_int_equal(jb_zone_load("Europe/Nowhere", &error, &zone), JB_INPUT);
    assert_null(zone);
    if (access("/usr/share/zoneinfo/Europe/Madrid", R_OK) != 0) {
        print_message("SKIP: this machine has no tz database\n");
        return;
    }
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *madrid = NULL;
    assert_int_equal(jb_zone_load("Europe/Madrid", &error, &madrid), JB_OK);
    expect_madrid(madrid);
    expect(madrid, "1930-01-01", 1, "1930-01-01", NULL); /* Greenwich time then */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_double_and_missing_hour),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
