/* Damaged books: cut off anywhere, or with bytes changed anywhere, they give exact sums or a clear error;
 * never a wrong sum, never a crash. */
#include "book.h"

#include "base/random.h"
#include "store/sqlite.h"

#define BATCHES 150

static char folder[200], path[256];
static unsigned char *whole;
static size_t whole_size;

static int make(void **state) {
    (void)state;
    jb_test_folder(folder);
    snprintf(path, sizeof path, "%s/book.db", folder);
    make_book(path, BATCHES, 100);
    whole = read_file(path, &whole_size);
    return 0;
}

static int remove_all(void **state) {
    (void)state;
    free(whole);
    jb_test_folder_remove(folder);
    return 0;
}

static bool is_clear(enum jb_code code, const struct jb_error *error) {
    return (code == JB_INPUT || code == JB_IO) && error->code == code && error->message[0] != '\0' &&
           strstr(error->message, folder) != NULL;
}

/* Asks a damaged book all there is to ask. True when any answer was refused. */
static bool ask_everything(struct jb_store *store) {
    struct jb_error error = {0};
    struct jb_query query = JB_QUERY_ALL;
    bool refused = false;
    jb_int128 total = 0;
    enum jb_code code = read_total(store, &error, &total);
    if (code == JB_OK)
        assert_true(total == total_of_batches(BATCHES));
    else
        assert_true(is_clear(code, &error));
    refused |= code != JB_OK;

    struct jb_flow_cursor *cursor = NULL;
    struct jb_flow flow;
    const char *identity;
    total = 0;
    code = store->ops->flows_open(store, &query, &error, &cursor);
    while (code == JB_OK && (code = store->ops->flows_next(cursor, &error, &flow, &identity)) == JB_OK)
        total += flow.amount;
    store->ops->flows_close(cursor);
    if (code == JB_NO_DATA)
        assert_true(total == total_of_batches(BATCHES));
    else
        assert_true(is_clear(code, &error));
    refused |= code != JB_NO_DATA;

    struct jb_position *positions = NULL;
    struct jb_gap *gaps = NULL;
    struct jb_label *labels = NULL;
    struct jb_batch_info info;
    size_t count;
    char boot[JB_BOOT_SIZE];
    code = store->ops->positions(store, "h1", &error, &positions, &count, boot);
    if (code == JB_OK)
        assert_true(count == 1 && positions[0].value == BATCHES - 1 && strcmp(boot, "boot") == 0);
    else
        assert_true(is_clear(code, &error));
    refused |= code != JB_OK;
    code = store->ops->gaps(store, &query, &error, &gaps, &count);
    if (code == JB_OK)
        assert_int_equal(count, 1);
    else
        assert_true(is_clear(code, &error));
    code = store->ops->labels(store, &error, &labels, &count);
    assert_true(code == JB_OK || is_clear(code, &error));
    code = store->ops->batch_info(store, "meter h1 7", &error, &info);
    assert_true(code == JB_OK || is_clear(code, &error));
    free(positions);
    free(gaps);
    free(labels);
    return refused;
}

/* Opens what stands in path. True when it, or an answer of it, was refused. */
static bool try_book(enum jb_store_mode mode) {
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    enum jb_code code = jb_store_sqlite.open(path, mode, &error, &store);
    if (code) {
        assert_true(is_clear(code, &error));
        return true;
    }
    bool refused = ask_everything(store);
    if (mode != JB_STORE_READ) {
        /* Going on with it may fail, but not pretend. */
        code = store->ops->rollup(store, T0 + BATCHES * JB_MINUTE_NS, &error);
        assert_true(code == JB_OK || is_clear(code, &error));
        code = book_batch(store, BATCHES, &error);
        assert_true(code == JB_OK || is_clear(code, &error));
        jb_int128 total;
        if (code == JB_OK && read_total(store, &error, &total) == JB_OK)
            assert_true(total == total_of_batches(BATCHES + 1));
    }
    store->ops->close(store);
    return refused;
}

static void put(const unsigned char *bytes, size_t size) {
    char beside[300];
    snprintf(beside, sizeof beside, "%s-wal", path);
    unlink(beside);
    snprintf(beside, sizeof beside, "%s-shm", path);
    unlink(beside);
    write_file(path, bytes, size);
}

static void test_whole_book(void **state) {
    (void)state;
    put(whole, whole_size);
    assert_false(try_book(JB_STORE_READ));
    assert_false(try_book(JB_STORE_WRITE));
}

static void test_cut_off(void **state) {
    (void)state;
    for (size_t i = 0; i < 60; i++) {
        size_t size = whole_size * i / 60;
        if (i % 3 == 1)
            size = size / 4096 * 4096;
        if (i % 3 == 2)
            size = whole_size - i;
        put(whole, size);
        assert_true(try_book(JB_STORE_READ));
        put(whole, size);
        if (size > 0) /* an empty file may become a book */
            assert_true(try_book(i % 2 ? JB_STORE_WRITE : JB_STORE_CREATE));
    }
}

/* Flips bits, overwrites runs, clears and swaps blocks. */
static void damage(struct jb_random *random, unsigned char *bytes) {
    size_t at = jb_random_below(random, whole_size), length;
    if (jb_random_below(random, 8) == 0)
        at = jb_random_below(random, 200); /* the header and what follows */
    switch (jb_random_below(random, 4)) {
    case 0:
        bytes[at] ^= (unsigned char)(1u << jb_random_below(random, 8));
        break;
    case 1:
        length = 1 + jb_random_below(random, 32);
        for (size_t i = at; i < whole_size && i < at + length; i++)
            bytes[i] = (unsigned char)jb_random_below(random, 256);
        break;
    case 2:
        length = jb_random_below(random, 2) ? 512 : 4096;
        memset(bytes + at / length * length, 0, length);
        break;
    default: { /* a page in the place of another */
        size_t from = jb_random_below(random, whole_size / 4096);
        memmove(bytes + at / 4096 * 4096, whole + from * 4096, 4096);
        break;
    }
    }
}

static void test_random_damage(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(7);
    unsigned char *bytes = malloc(whole_size);
    unsigned refused = 0, tries = 400;
    assert_non_null(bytes);
    for (unsigned i = 0; i < tries; i++) {
        memcpy(bytes, whole, whole_size);
        damage(&random, bytes);
        put(bytes, whole_size);
        refused += try_book(i % 2 ? JB_STORE_READ : JB_STORE_WRITE);
    }
    free(bytes);
    assert_true(refused > tries / 4); /* it did meet damage */
}

/* Arbitrary bytes, with and without a header that looks right. */
static void test_noise(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(11);
    for (unsigned i = 0; i < 60; i++) {
        unsigned char bytes[20000];
        size_t size = 1 + jb_random_below(&random, sizeof bytes);
        for (size_t j = 0; j < size; j++)
            bytes[j] = (unsigned char)jb_random_below(&random, 256);
        if (i % 3)
            memcpy(bytes, whole, size < 100 ? size : 100);
        put(bytes, size);
        assert_true(try_book(JB_STORE_READ));
        put(bytes, size);
        assert_true(try_book(JB_STORE_CREATE));
    }
}

/* Calls all there is, whatever it answers. */
static void use_everything(struct jb_store *store) {
    struct jb_error error = {0};
    struct jb_query query = {.from_ns = T0 + 1, .to_ns = T0 + 3 * JB_HOUR_NS - 1};
    struct jb_sum *sums = NULL;
    struct jb_flow_cursor *cursor = NULL;
    struct jb_flow flow;
    const char *identity;
    struct jb_position *positions = NULL;
    struct jb_gap *gaps = NULL;
    struct jb_label *labels = NULL;
    struct jb_batch_info info;
    size_t count;
    char boot[JB_BOOT_SIZE];
    bool is_new;
    store->ops->sums(store, &query, &error, &sums, &count);
    if (store->ops->flows_open(store, &query, &error, &cursor) == JB_OK) {
        while (store->ops->flows_next(cursor, &error, &flow, &identity) == JB_OK)
            assert_true(strlen(identity) < JB_IDENTITY_SIZE);
        store->ops->flows_close(cursor);
    }
    store->ops->positions(store, "h1", &error, &positions, &count, boot);
    store->ops->gaps(store, &query, &error, &gaps, &count);
    store->ops->labels(store, &error, &labels, &count);
    store->ops->batch_info(store, "meter h1 140", &error, &info);
    store->ops->reverse(store, "meter h1 140", &error, &is_new);
    book_batch(store, BATCHES, &error);
    store->ops->rollup(store, T0 + 2 * JB_HOUR_NS, &error);
    free(sums);
    free(positions);
    free(gaps);
    free(labels);
}

/* Sums of whole hours, from hour rows. */
static enum jb_code read_hours(struct jb_store *store, struct jb_error *error) {
    struct jb_query query = {.from_ns = T0, .to_ns = T0 + 2 * JB_HOUR_NS};
    struct jb_sum *sums = NULL;
    size_t count;
    enum jb_code code = store->ops->sums(store, &query, error, &sums, &count);
    if (code == JB_OK)
        free(sums);
    return code;
}

/* Tables of any content, in pages whose checksums are right: somebody took pains. Nothing may crash, and what
 * makes no sense is refused. */
static void test_forged(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        bool is_refused; /* no sum may be given */
    } cases[] = {
        {"UPDATE flow SET route = 99999", true},
        {"UPDATE flow SET route = -1 WHERE id = (SELECT max(id) FROM flow)", true},
        {"UPDATE flow SET amount = -9223372036854775807 - 1", false},
        {"DELETE FROM flow WHERE id = (SELECT max(id) FROM flow)", true},
        {"UPDATE span SET flow_count = 9000000000000000000", true},
        {"UPDATE span SET flow_count = 0", true},
        {"UPDATE span SET end_ns = start_ns", true},
        {"UPDATE span SET start_ns = -9223372036854775807, end_ns = 9223372036854775807", true},
        {"UPDATE span SET prefix = 77", false},
        {"UPDATE span SET suffix = hex(zeroblob(5000))", false},
        {"UPDATE account SET path = '/' WHERE id = 1", true},
        {"UPDATE account SET path = hex(zeroblob(5000)) WHERE id = 1", true},
        {"DELETE FROM account WHERE id = 1", true},
        {"UPDATE route SET method = 77", true},
        {"UPDATE route SET commodity = -5 WHERE id = 2", true},
        {"UPDATE route SET target = source WHERE id = 2", true},
        {"UPDATE route SET target = 123456 WHERE id = 2", true},
        {"DELETE FROM route WHERE id = 3", true},
        {"UPDATE hour SET amount = 'many'", true},
        {"UPDATE hour SET amount = '170141183460469231731687303715884105727'", true},
        {"UPDATE hour SET amount = x'00ff'", true},
        {"UPDATE hour SET route = 99999 WHERE route = 1", true},
        {"UPDATE hour SET flow_count = -1", true},
        {"UPDATE hour SET first_after_ns = 3599999999999, last_before_ns = 3599999999999", true},
        {"UPDATE hour SET first_after_ns = -1", true},
        {"UPDATE hour SET hour = hour + 9000000000000000", false},
        {"DELETE FROM rollup", true},
        {"UPDATE rollup SET next_flow = 9223372036854775807", true},
        {"UPDATE rollup SET next_flow = -5", true},
        {"UPDATE rollup SET pruned_hour = 9223372036854775807", true},
        {"UPDATE batch SET first_flow = -5, flow_count = 9223372036854775807", false},
        {"UPDATE position SET counter = hex(zeroblob(5000))", false},
        {"UPDATE host SET boot_id = hex(zeroblob(5000))", false},
        {"UPDATE gap SET account = -1", false},
        {"UPDATE gap SET reason = hex(zeroblob(5000))", false},
        {"INSERT INTO label VALUES (1, '', '', '')", false},
        {"DROP TABLE hour", true},
        {"ALTER TABLE flow RENAME COLUMN amount TO total", true},
        {"DROP TABLE flow; CREATE VIEW flow AS SELECT 1 AS id, 1 AS route, 1 AS amount", true},
        {"CREATE TRIGGER t AFTER INSERT ON flow BEGIN DELETE FROM flow; END", false},
    };
    assert_int_equal(jb_sqlite_add_vfs(), SQLITE_OK);
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        struct jb_store *store = NULL;
        sqlite3 *db = NULL;
        jb_int128 total = 0;
        put(whole, whole_size);
        assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, JB_SQLITE_VFS), SQLITE_OK);
        char *message = NULL;
        if (sqlite3_exec(db, cases[i].sql, NULL, NULL, &message) != SQLITE_OK)
            fail_msg("%s: %s", cases[i].sql, message);
        sqlite3_close(db);
        enum jb_code code = jb_store_sqlite.open(path, JB_STORE_WRITE, &error, &store);
        if (code == JB_OK)
            code = read_total(store, &error, &total); /* from day rows */
        if (code == JB_OK)
            code = read_hours(store, &error);
        if (code ? !is_clear(code, &error) : cases[i].is_refused)
            fail_msg("%s: code %d, '%s'", cases[i].sql, code, error.message);
        if (!store)
            continue;
        use_everything(store);
        store->ops->close(store);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_book),    cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_random_damage), cmocka_unit_test(test_noise),
        cmocka_unit_test(test_forged),
    };
    return cmocka_run_group_tests(tests, make, remove_all);
}
