/* The installed API, as a program sees it that has only the header and the shared library. */
#include <joulebook/joulebook.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000000000)

static struct joulebook_error error;
static struct joulebook *book;

static int open_book(void **state) {
    (void)state;
    return joulebook_open("memory:", JOULEBOOK_CREATE, &error, &book) != JOULEBOOK_OK;
}

static int close_book(void **state) {
    (void)state;
    joulebook_close(book);
    joulebook_close(NULL);
    return 0;
}

static void test_version(void **state) {
    (void)state;
    assert_string_equal(joulebook_version(), EXPECTED_VERSION);
}

static void test_book_and_sum(void **state) {
    (void)state;
    const struct joulebook_flow flows[] = {
        {.start_ns = 0,
         .end_ns = HOUR,
         .from = "grid/KR",
         .to = "host/h1",
         .amount = INT64_MAX,
         .method = "measured"},
        {.start_ns = HOUR,
         .end_ns = 2 * HOUR,
         .from = "grid/KR",
         .to = "host/h1",
         .amount = INT64_MAX,
         .method = "measured"},
        {.start_ns = 0, .end_ns = HOUR, .from = "host/h1", .to = "host/h1/idle", .amount = INT64_MAX},
    };
    bool is_new = false;
    assert_int_equal(joulebook_append(book, "one", flows, 3, &error, &is_new), JOULEBOOK_OK);
    assert_true(is_new);
    assert_int_equal(joulebook_append(book, "one", flows, 3, NULL, &is_new), JOULEBOOK_OK);
    assert_false(is_new);
    struct joulebook_sum *sums = NULL;
    size_t count = 0;
    assert_int_equal(joulebook_sums(book, NULL, &error, &sums, &count), JOULEBOOK_OK);
    assert_int_equal(count, 2);
    assert_string_equal(sums[0].from, "grid/KR");
    assert_string_equal(sums[0].amount, "18446744073709551614");
    assert_string_equal(sums[0].method, "measured");
    assert_string_equal(sums[1].commodity, "energy");
    assert_string_equal(sums[1].method, "declared");
    joulebook_sums_free(sums);

    struct joulebook_query first = {.from_ns = INT64_MIN, .to_ns = HOUR, .commodity = "energy"};
    struct joulebook_balance balance;
    assert_int_equal(joulebook_balance(book, &first, &error, &balance), JOULEBOOK_OK);
    assert_true(balance.is_good);
    assert_string_equal(balance.energy_supplied_uj, "9223372036854775807");
    assert_string_equal(balance.energy_consumed_uj, balance.energy_supplied_uj);
    assert_int_equal(joulebook_balance(book, NULL, &error, &balance), JOULEBOOK_OK);
    assert_false(balance.is_good);
    assert_int_equal(balance.imbalance_count, 1);
    assert_int_equal(joulebook_reverse(book, "one", &error, &is_new), JOULEBOOK_OK);
    assert_true(is_new);
    assert_int_equal(joulebook_balance(book, NULL, &error, &balance), JOULEBOOK_OK);
    assert_true(balance.is_good);
    assert_string_equal(balance.energy_supplied_uj, "0");
}

static void test_errors(void **state) {
    (void)state;
    struct joulebook *none = NULL;
    struct joulebook_flow flow = {.start_ns = 0, .end_ns = 1, .from = "a", .to = "b", .commodity = "joules"};
    assert_int_equal(joulebook_open("/nowhere/book.db", JOULEBOOK_READ, &error, &none), JOULEBOOK_NO_DATA);
    assert_null(none);
    assert_int_equal(error.code, JOULEBOOK_NO_DATA);
    assert_non_null(strstr(error.message, "/nowhere/book.db"));
    assert_int_equal(joulebook_open("mysql://h/db", JOULEBOOK_READ, &error, &none), JOULEBOOK_UNSUPPORTED);
    assert_int_equal(joulebook_open("memory:", (enum joulebook_mode)9, &error, &none), JOULEBOOK_USAGE);
    assert_int_equal(joulebook_append(book, "x", &flow, 1, &error, NULL), JOULEBOOK_INPUT);
    assert_non_null(strstr(error.message, "joules"));
    flow.commodity = "EUR";
    flow.to = NULL;
    assert_int_equal(joulebook_append(book, "x", &flow, 1, &error, NULL), JOULEBOOK_INPUT);
    flow.to = "b//c";
    assert_int_equal(joulebook_append(book, "x", &flow, 1, NULL, NULL), JOULEBOOK_INPUT);
    flow.to = "a";
    assert_int_equal(joulebook_append(book, "x", &flow, 1, &error, NULL), JOULEBOOK_INPUT);
    assert_int_equal(joulebook_append(book, NULL, NULL, 0, &error, NULL), JOULEBOOK_INPUT);
    assert_int_equal(joulebook_reverse(book, "nobody", &error, NULL), JOULEBOOK_NO_DATA);
    assert_int_equal(joulebook_reverse(book, NULL, &error, NULL), JOULEBOOK_USAGE);
}

static void test_on_disk(void **state) {
    (void)state;
    char path[] = "/tmp/jb-api-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    struct joulebook_flow flow = {
        .start_ns = 0, .end_ns = 1, .from = "grid/KR", .to = "cloud/x", .amount = 7};
    struct joulebook *disk = NULL;
    assert_int_equal(joulebook_open(path, JOULEBOOK_CREATE, &error, &disk), JOULEBOOK_OK);
    assert_int_equal(joulebook_append(disk, "x", &flow, 1, &error, NULL), JOULEBOOK_OK);
    joulebook_close(disk);
    struct joulebook_sum *sums = NULL;
    size_t count = 0;
    assert_int_equal(joulebook_open(path, JOULEBOOK_READ, &error, &disk), JOULEBOOK_OK);
    assert_int_equal(joulebook_sums(disk, NULL, &error, &sums, &count), JOULEBOOK_OK);
    assert_int_equal(count, 1);
    assert_string_equal(sums[0].amount, "7");
    joulebook_sums_free(sums);
    joulebook_close(disk);
    char beside[64];
    snprintf(beside, sizeof beside, "%s-wal", path);
    unlink(beside);
    snprintf(beside, sizeof beside, "%s-shm", path);
    unlink(beside);
    assert_int_equal(unlink(path), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test_setup_teardown(test_book_and_sum, open_book, close_book),
        cmocka_unit_test_setup_teardown(test_errors, open_book, close_book),
        cmocka_unit_test(test_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
