/* Damaged books: cut off anywhere, or with bytes changed anywhere, they give exact sums or a clear error;
 * never a wrong sum, never a crash. */
#include "book.h"

#include "base/random.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_book),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_random_damage),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, make, remove_all);
}
