/* Tests of importing: a book that is exported and imported is the same to the byte, nothing is booked twice,
 * and a wrong file books nothing. */
#include "import/book.h"

#include "base/clock.h"
#include "base/random.h"
#include "import/flows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/jb-import-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder) == NULL;
}

static const char *in_folder(const char *name) {
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int remove_folder(void **state) {
    (void)state;
    static const char *const names[] = {"a.db", "b.db", "c.db", "a.csv", "b.csv", "c.csv"};
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        char path[160];
        static const char *const ends[] = {"", "-wal", "-shm"};
        for (size_t e = 0; e < JB_COUNT(ends); e++) {
            snprintf(path, sizeof path, "%s%s", in_folder(names[i]), ends[e]);
            unlink(path);
        }
    }
    return rmdir(folder);
}

static struct jb_ledger *open_book(const char *name) {
    struct jb_ledger *ledger;
    struct jb_error error = {0};
    if (jb_ledger_open(in_folder(name), JB_STORE_CREATE, &error, &ledger))
        fail_msg("%s", error.message);
    return ledger;
}

/* Everything that the book holds, as CSV. */
static struct jb_buffer export_book(const char *name) {
    struct jb_ledger *ledger = open_book(name);
    struct jb_store *store = jb_ledger_store(ledger);
    struct jb_buffer out = {0};
    struct jb_query all = JB_QUERY_ALL;
    struct jb_flow_cursor *cursor;
    struct jb_import_record record;
    assert_int_equal(store->ops->flows_open(store, &all, NULL, &cursor), JB_OK);
    jb_flows_write_csv_heading(&out);
    while (store->ops->flows_next(cursor, NULL, &record.flow, &record.batch) == JB_OK) {
        record.from = jb_ledger_path(ledger, record.flow.from);
        record.to = jb_ledger_path(ledger, record.flow.to);
        jb_flows_write_csv(&record, &out);
    }
    store->ops->flows_close(cursor);
    jb_ledger_close(ledger);
    return out;
}

static void write_file(const char *name, const char *bytes, size_t length) {
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static enum jb_code import(const char *book, const char *name, struct jb_error *error,
                           struct jb_import_result *ret_result) {
    const char *path = in_folder(name);
    char where[128];
    snprintf(where, sizeof where, "%s", in_folder(book));
    *error = (struct jb_error){0};
    return jb_import_book(&(struct jb_import_request){.book = where, .paths = &path, .path_count = 1}, error,
                          ret_result);
}

static uint64_t import_new(const char *book, const char *name) {
    struct jb_error error;
    struct jb_import_result result;
    if (import(book, name, &error, &result))
        fail_msg("%s", error.message);
    return result.new_flow_count;
}

static void expect_same_book(const char *name, const struct jb_buffer *expected) {
    struct jb_buffer out = export_book(name);
    assert_int_equal(out.length, expected->length);
    assert_memory_equal(out.bytes, expected->bytes, out.length);
    jb_buffer_free(&out);
}

static void book_random(struct jb_ledger *ledger, struct jb_random *random, const char *identity,
                        int64_t base_ns) {
    struct jb_flow flows[6];
    size_t count = 1 + jb_random_below(random, JB_COUNT(flows));
    bool is_new;
    for (size_t f = 0; f < count; f++) {
        char from[32], to[32];
        snprintf(from, sizeof from, "host/h/cpu%d", (int)jb_random_below(random, 2));
        snprintf(to, sizeof to, "host/h/cgroup/%d", (int)jb_random_below(random, 4));
        /* Few different times, so that batches lie across each other in every way. */
        flows[f] =
            (struct jb_flow){.start_ns = base_ns + (int64_t)jb_random_below(random, 3) * JB_SECOND_NS,
                             .amount = (int64_t)jb_random_below(random, 5),
                             .commodity = JB_ENERGY,
                             .method = (enum jb_method)jb_random_below(random, 2),
                             .uncertainty_ppm = jb_random_below(random, 2) ? 7 : JB_UNCERTAINTY_UNKNOWN};
        flows[f].end_ns = flows[f].start_ns + (1 + (int64_t)jb_random_below(random, 2)) * JB_SECOND_NS;
        assert_int_equal(jb_ledger_account(ledger, from, NULL, &flows[f].from), JB_OK);
        assert_int_equal(jb_ledger_account(ledger, to, NULL, &flows[f].to), JB_OK);
    }
    struct jb_batch batch = {.identity = identity, .flows = flows, .flow_count = count};
    assert_int_equal(jb_ledger_append(ledger, &batch, NULL, &is_new), JB_OK);
}

static void make_random_book(struct jb_random *random) {
    struct jb_ledger *ledger = open_book("a.db");
    char identity[255];
    for (int b = 0; b < 8; b++) {
        /* Some names are so long that the reversal's has to be cut. */
        snprintf(identity, sizeof identity, "%d %0*d", b, b % 3 ? 4 : 250, b);
        book_random(ledger, random, identity, 0);
        if (jb_random_below(random, 3) == 0)
            assert_int_equal(jb_ledger_reverse(ledger, identity, NULL, &(bool){false}), JB_OK);
    }
    jb_ledger_close(ledger);
}

static void test_round_trip(void **state) {
    struct jb_random random = jb_random_make(1);
    remove_folder(state);
    for (int round = 0; round < 60; round++) {
        make_folder(state);
        make_random_book(&random);
        struct jb_buffer out = export_book("a.db");
        write_file("a.csv", out.bytes, out.length);
        assert_true(import_new("b.db", "a.csv") > 0);
        expect_same_book("b.db", &out);
        assert_int_equal(import_new("b.db", "a.csv"), 0);
        assert_int_equal(import_new("a.db", "a.csv"), 0);
        expect_same_book("b.db", &out);
        expect_same_book("a.db", &out);
        jb_buffer_free(&out);
        remove_folder(state);
    }
    make_folder(state);
}

static void test_rollups_are_booked_once(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(4);
    struct jb_ledger *ledger = open_book("a.db");
    char identity[32];
    for (int b = 0; b < 12; b++) {
        snprintf(identity, sizeof identity, "batch %d", b);
        book_random(ledger, &random, identity, b * JB_HOUR_NS);
    }
    struct jb_store *store = jb_ledger_store(ledger);
    assert_int_equal(store->ops->rollup(store, 6 * JB_HOUR_NS, NULL), JB_OK);
    jb_ledger_close(ledger);
    struct jb_buffer pruned = export_book("a.db");
    assert_non_null(strstr(pruned.bytes, ",rollup\n"));
    write_file("a.csv", pruned.bytes, pruned.length);
    /* Back into its own book, and twice into another: once each. */
    assert_int_equal(import_new("a.db", "a.csv"), 0);
    assert_true(import_new("b.db", "a.csv") > 0);
    assert_int_equal(import_new("b.db", "a.csv"), 0);
    /* From there on nothing changes any more. */
    struct jb_buffer second = export_book("b.db");
    write_file("b.csv", second.bytes, second.length);
    assert_true(import_new("c.db", "b.csv") > 0);
    expect_same_book("c.db", &second);
    assert_int_equal(import_new("c.db", "a.csv"), 0);
    jb_buffer_free(&pruned);
    jb_buffer_free(&second);
}

#define HEAD "start,end,from,to,amount,batch\n"

static void expect_refusal(const char *text, const char *message) {
    struct jb_error error;
    struct jb_import_result result;
    write_file("a.csv", text, strlen(text));
    assert_int_equal(import("a.db", "a.csv", &error, &result), JB_INPUT);
    assert_non_null(strstr(error.message, message));
    assert_int_equal(access(in_folder("a.db"), F_OK), -1);
}

static void test_refusals_leave_no_book(void **state) {
    (void)state;
    expect_refusal(HEAD "1970-01-01,1970-01-02,a,b,1,x\n1970-01-01,1970-01-02,a,b,-1,x\n",
                   "line 3, amount: negative");
    expect_refusal(HEAD "1970-01-01,1970-01-02,a,b,1,x\n1970-01-01,1970-01-02,a,c,-1,reversal of x\n",
                   "does not take back exactly what 'x' booked");
    expect_refusal(HEAD "1970-01-01,1970-01-02,a,b,-1,reversal of x\n", "import 'x' first");
    expect_refusal(HEAD "1970-01-01,1970-01-02,a,b,1,x\nrubbish\n", "line 3: 1 fields");
}

static void test_files_that_overlap(void **state) {
    (void)state;
    static const char one[] = HEAD "1970-01-01,1970-01-02,a,b,1,x\n1970-01-01,1970-01-02,a,b,2,y\n";
    static const char two[] = HEAD "1970-01-01,1970-01-02,a,b,2,y\n1970-01-01,1970-01-02,a,b,3,z\n";
    static const char three[] = HEAD "1970-01-01,1970-01-02,a,b,2,y\n1970-01-01,1970-01-02,a,b,2,y\n";
    write_file("a.csv", one, strlen(one));
    write_file("b.csv", two, strlen(two));
    write_file("c.csv", three, strlen(three));
    const char *paths[] = {in_folder("a.csv"), in_folder("b.csv"), in_folder("c.csv")};
    char where[128];
    snprintf(where, sizeof where, "%s", in_folder("a.db"));
    struct jb_import_request request = {.book = where, .paths = paths, .path_count = 2};
    struct jb_import_result result;
    struct jb_error error = {0};
    /* y is in both, whole and the same: once. */
    assert_int_equal(jb_import_book(&request, &error, &result), JB_OK);
    assert_int_equal(result.new_flow_count, 3);
    assert_int_equal(result.new_batch_count, 3);
    request.path_count = 3;
    assert_int_equal(jb_import_book(&request, &error, &result), JB_INPUT);
    assert_non_null(strstr(error.message, "put all of its flows into one file"));
    assert_int_equal(import("a.db", "c.csv", &error, &result), JB_INPUT);
    assert_non_null(strstr(error.message, "but the book has it with 1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_rollups_are_booked_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_refusals_leave_no_book, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_files_that_overlap, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
