/* Opening what is no book of this version: foreign, empty, older, newer, out of reach, held by others. */
#include "book.h"

#include "store/sqlite.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

static char folder[200], path[256];

static int make(void **state) {
    (void)state;
    jb_test_folder(folder);
    chmod(folder, 0755);
    snprintf(path, sizeof path, "%s/book.db", folder);
    return 0;
}

static int remove_all(void **state) {
    (void)state;
    chmod(folder, 0755);
    jb_test_folder_remove(folder);
    return 0;
}

static void expect(const char *location, enum jb_store_mode mode, enum jb_code expected, const char *says) {
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    enum jb_code code = jb_store_sqlite.open(location, mode, &error, &store);
    if (code != expected || !strstr(error.message, says))
        fail_msg("%s, mode %d: code %d, '%s'", location, mode, code, error.message);
    assert_null(store);
}

/* Runs SQL on a file, as another program would. */
static void run_sql(const char *vfs, const char *sql) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs), SQLITE_OK);
    assert_int_equal(jb_sqlite_add_functions(db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
}

static void test_no_book(void **state) {
    (void)state;
    const enum jb_store_mode modes[] = {JB_STORE_READ, JB_STORE_WRITE};
    for (size_t i = 0; i < JB_COUNT(modes); i++) {
        expect(path, modes[i], JB_NO_DATA, "no book");
        expect("/nowhere/at/all.db", modes[i], JB_NO_DATA, "no book");
        expect("", modes[i], JB_USAGE, "no path");
        expect("/dev/null", modes[i], JB_INPUT, "regular file");
        expect(folder, modes[i], JB_INPUT, "folder");
        write_file(path, "", 0);
        expect(path, modes[i], JB_INPUT, "empty");
        unlink(path);
    }
    expect(folder, JB_STORE_CREATE, JB_INPUT, "folder");
    expect("/proc/no/such.db", JB_STORE_CREATE, JB_NO_DATA, "folder");
    /* Where nothing is, or an empty file, a book can be made, with its folders. */
    char deep[400];
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    snprintf(deep, sizeof deep, "%s/a b/?%%#/book.db", folder);
    assert_int_equal(jb_store_sqlite.open(deep, JB_STORE_CREATE, &error, &store), JB_OK);
    assert_int_equal(book_batch(store, 0, &error), JB_OK);
    assert_int_equal(store->ops->lock(store, "meter h1", &error), JB_OK);
    store->ops->close(store);
    assert_int_equal(jb_store_sqlite.open(deep, JB_STORE_READ, &error, &store), JB_OK);
    store->ops->close(store);
    for (const char *suffix = ".meter h1.lock"; suffix; suffix = suffix[0] ? "" : NULL) {
        char file[450];
        snprintf(file, sizeof file, "%s%s", deep, suffix);
        assert_int_equal(unlink(file), 0);
    }
    for (int i = 0; i < 2; i++) {
        *strrchr(deep, '/') = '\0';
        char beside[450];
        snprintf(beside, sizeof beside, "%s/book.db-shm", deep);
        unlink(beside);
        snprintf(beside, sizeof beside, "%s/book.db-wal", deep);
        unlink(beside);
        assert_int_equal(rmdir(deep), 0);
    }
    write_file(path, "", 0);
    assert_int_equal(jb_store_sqlite.open(path, JB_STORE_CREATE, &error, &store), JB_OK);
    store->ops->close(store);
    assert_int_equal(jb_store_sqlite.open(path, JB_STORE_WRITE, &error, &store), JB_OK);
    store->ops->close(store);
}

static void test_foreign(void **state) {
    (void)state;
    const char *const made_by[] = {
        "CREATE TABLE t (x); INSERT INTO t VALUES (1)",
        "PRAGMA application_id = 252006673; CREATE TABLE t (x)",
        "PRAGMA journal_mode = WAL; CREATE TABLE t (x)",
        "PRAGMA journal_mode = WAL; PRAGMA user_version = 7",
    };
    for (size_t i = 0; i < JB_COUNT(made_by); i++) {
        run_sql(NULL, made_by[i]);
        size_t before_size, after_size;
        unsigned char *before = read_file(path, &before_size);
        for (int mode = JB_STORE_READ; mode <= JB_STORE_CREATE; mode++)
            expect(path, (enum jb_store_mode)mode, JB_INPUT, "another program");
        unsigned char *after = read_file(path, &after_size);
        assert_int_equal(before_size, after_size);
        assert_memory_equal(before, after, before_size); /* not a byte of it was touched */
        free(before);
        free(after);
        unlink(path);
    }
    write_file(path, "start,end,from,to\n2026-01-01,2026-01-02,grid/KR,site/s1\n", 55);
    for (int mode = JB_STORE_READ; mode <= JB_STORE_CREATE; mode++)
        expect(path, (enum jb_store_mode)mode, JB_INPUT, "not a joulebook book");
    write_file(path, "SQLite format 3", 16);
    expect(path, JB_STORE_CREATE, JB_INPUT, "cut off");
}

static void test_newer(void **state) {
    (void)state;
    make_book(path, 2, 0);
    run_sql(JB_SQLITE_VFS, "PRAGMA user_version = 99");
    for (int mode = JB_STORE_READ; mode <= JB_STORE_CREATE; mode++)
        expect(path, (enum jb_store_mode)mode, JB_INPUT, "newer");
}

/* A book as version 1 left it: no roll-ups, spans without width. */
static void test_older(void **state) {
    (void)state;
    struct jb_error error = {0};
    sqlite3 *db = NULL;
    assert_int_equal(jb_sqlite_connect(path, JB_STORE_CREATE, false, &error, &db), JB_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(jb_sqlite_migrate(db, path, 1, &error), JB_OK);
    sqlite3_close(db);
    run_sql(JB_SQLITE_VFS,
            "INSERT INTO account VALUES (0, 'grid/KR'), (1, 'host/h1');"
            "INSERT INTO route VALUES (0, 0, 1, 1, 0, 5);"
            "INSERT INTO prefix VALUES (1, 'meter h1 ');"
            "INSERT INTO batch VALUES (1, 'x', 1, 5, 17);"
            /* Within an hour before 1970; a whole hour; over an hour's edge; a whole day; over midnight. */
            "INSERT INTO span VALUES (1, 1, -3600000000000, -3599999999999, 1, 'x'),"
            " (2, 1, 0, 3600000000000, 1, 'x'), (3, 1, 1, 3600000000001, 1, 'x'),"
            " (4, 1, 0, 86400000000000, 1, 'x'), (5, 1, -1, 1, 1, 'x');"
            "INSERT INTO flow VALUES (1, 0, 1), (2, 0, 10), (3, 0, 100), (4, 0, 1000), (5, 0, 10000)");
    expect(path, JB_STORE_READ, JB_INPUT, "older");
    struct jb_store *store = NULL;
    assert_int_equal(jb_store_sqlite.open(path, JB_STORE_WRITE, &error, &store), JB_OK);
    jb_int128 total = 0;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(read_total(store, &error, &total), JB_OK);
        assert_true(total == 11111);
        assert_int_equal(store->ops->rollup(store, JB_DAY_NS, &error), JB_OK);
    }
    struct jb_batch_info info;
    assert_int_equal(store->ops->batch_info(store, "meter h1 x", &error, &info), JB_OK);
    assert_int_equal(info.flow_count, 3); /* the two within an hour were rolled up */
    assert_int_equal(info.booked_ns, 17);
    store->ops->close(store);
    assert_int_equal(jb_store_sqlite.open(path, JB_STORE_READ, &error, &store), JB_OK);
    assert_int_equal(read_total(store, &error, &total), JB_OK);
    assert_true(total == 11111);
    store->ops->close(store);
}

/* A view for people with a SQL shell. */
static void test_view(void **state) {
    (void)state;
    make_book(path, 3, 0);
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT start, source, target, sum(amount), batch FROM flows", -1,
                                        &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 1), "host/h1");
    assert_int_equal(sqlite3_column_int64(statement, 3), total_of_batches(3));
    assert_non_null(strstr((const char *)sqlite3_column_text(statement, 4), "meter h1 "));
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void test_exact_sum_function(void **state) {
    (void)state;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(jb_sqlite_add_functions(db), SQLITE_OK);
    const struct {
        const char *sql, *result;
    } cases[] = {
        {"SELECT jb_sum128(9223372036854775807) FROM (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3)",
         "27670116110564327421"},
        {"SELECT jb_sum128(x) FROM (SELECT 5 AS x UNION ALL SELECT -7 UNION ALL SELECT NULL)", "-2"},
        {"SELECT jb_sum128(x) FROM (SELECT 1 AS x) WHERE x > 1", "0"},
        {"SELECT jb_sum128(x) FROM (SELECT '170141183460469231731687303715884105727' AS x)",
         "170141183460469231731687303715884105727"},
        {"SELECT jb_add128('9223372036854775808', -1)", "9223372036854775807"},
        {"SELECT typeof(jb_add128('9223372036854775808', -1))", "integer"},
        {"SELECT typeof(jb_add128(9223372036854775807, 1))", "text"},
        {"SELECT jb_sum128(1.5)", NULL},
        {"SELECT jb_sum128('12x')", NULL},
        {"SELECT jb_add128('170141183460469231731687303715884105727', 1)", NULL},
        {"SELECT jb_sum128(x) FROM (SELECT '170141183460469231731687303715884105727' AS x UNION ALL SELECT "
         "1)",
         NULL},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        sqlite3_stmt *statement = NULL;
        assert_int_equal(sqlite3_prepare_v2(db, cases[i].sql, -1, &statement, NULL), SQLITE_OK);
        int result = sqlite3_step(statement);
        assert_int_equal(result, cases[i].result ? SQLITE_ROW : SQLITE_ERROR);
        if (cases[i].result)
            assert_string_equal((const char *)sqlite3_column_text(statement, 0), cases[i].result);
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
}

static void test_busy(void **state) {
    (void)state;
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    sqlite3 *other = NULL;
    make_book(path, 2, 0);
    jb_sqlite_busy_ms = 50;
    assert_int_equal(jb_store_sqlite.open(path, JB_STORE_WRITE, &error, &store), JB_OK);
    assert_int_equal(jb_sqlite_connect(path, JB_STORE_WRITE, false, &error, &other), JB_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(book_batch(store, 2, &error), JB_BUSY);
    assert_non_null(strstr(error.message, "another process"));
    jb_int128 total = 0;
    assert_int_equal(read_total(store, &error, &total), JB_OK); /* reading goes on */
    assert_true(total == total_of_batches(2));
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(book_batch(store, 2, &error), JB_OK);
    sqlite3_close(other);
    store->ops->close(store);
    jb_sqlite_busy_ms = 5000;
}

static int hold_lock(void *context) {
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    int *pipes = context;
    CHECK(jb_store_sqlite.open(path, JB_STORE_WRITE, &error, &store) == JB_OK, "%s", error.message);
    CHECK(store->ops->lock(store, "meter h1", &error) == JB_OK, "%s", error.message);
    CHECK(write(pipes[1], "x", 1) == 1, "write");
    for (;;)
        pause();
}

static void test_lock_dies_with_its_holder(void **state) {
    (void)state;
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    int pipes[2];
    char byte;
    make_book(path, 1, 0);
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(hold_lock(pipes));
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    assert_int_equal(jb_store_sqlite.open(path, JB_STORE_WRITE, &error, &store), JB_OK);
    assert_int_equal(store->ops->lock(store, "meter h1", &error), JB_BUSY);
    char says[64];
    snprintf(says, sizeof says, "process %ld", (long)child);
    assert_non_null(strstr(error.message, says));
    assert_int_equal(book_batch(store, 1, &error), JB_OK); /* the lock is of the meter, not of the book */
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(store->ops->lock(store, "meter h1", &error), JB_OK);
    store->ops->close(store);
    close(pipes[0]);
    close(pipes[1]);
}

static int book_beside_others(unsigned number) {
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    jb_sqlite_busy_ms = 60000;
    CHECK(jb_store_sqlite.open(path, JB_STORE_CREATE, &error, &store) == JB_OK, "%s", error.message);
    for (unsigned i = 0; i < 10; i++) {
        CHECK(book_batch(store, number * 10 + i, &error) == JB_OK, "%s", error.message);
        if (i % 3 == 0)
            CHECK(store->ops->rollup(store, T0 + i * JB_HOUR_NS, &error) == JB_OK, "%s", error.message);
    }
    store->ops->close(store);
    return 0;
}

/* Several processes make the book, and book into it, at once. */
static void test_many_at_once(void **state) {
    (void)state;
    enum { COUNT = 6 };
    pid_t children[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(book_beside_others(i));
    }
    for (unsigned i = 0; i < COUNT; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    jb_int128 total = 0;
    assert_int_equal(jb_store_sqlite.open(path, JB_STORE_READ, &error, &store), JB_OK);
    assert_int_equal(read_total(store, &error, &total), JB_OK);
    assert_true(total == total_of_batches(COUNT * 10));
    store->ops->close(store);
}

/* Names that SQLite has a meaning for are file names here; handles that name one book differently share its
 * locks. */
static void test_names(void **state) {
    (void)state;
    static const char *const names[] = {":memory:", "file:x?mode=memory", "-wal", "a%20b"};
    struct jb_error error = {0};
    char before[1000], link_path[300];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        struct jb_store *store = NULL, *other = NULL;
        assert_int_equal(jb_store_sqlite.open(names[i], JB_STORE_CREATE, &error, &store), JB_OK);
        assert_int_equal(access(names[i], F_OK), 0);
        snprintf(link_path, sizeof link_path, "%s/link %zu", folder, i);
        assert_int_equal(symlink(names[i], link_path), 0);
        assert_int_equal(store->ops->lock(store, "meter h1", &error), JB_OK);
        assert_int_equal(jb_store_sqlite.open(link_path, JB_STORE_WRITE, &error, &other), JB_OK);
        assert_int_equal(other->ops->lock(other, "meter h1", &error), JB_BUSY);
        assert_int_equal(chdir("/"), 0); /* flows are read on a connection of their own */
        struct jb_flow_cursor *cursor = NULL;
        struct jb_query query = JB_QUERY_ALL;
        assert_int_equal(store->ops->flows_open(store, &query, &error, &cursor), JB_OK);
        store->ops->flows_close(cursor);
        assert_int_equal(chdir(folder), 0);
        store->ops->close(store);
        other->ops->close(other);
    }
    assert_int_equal(chdir(before), 0);
}

/* In a child that is nobody: what another user's book looks like. */
static int read_as_nobody(void *context) {
    const char *expected = context;
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    jb_int128 total = 0;
    if (geteuid() == 0)
        CHECK(setgid(65534) == 0 && setuid(65534) == 0, "setuid");
    enum jb_code code = jb_store_sqlite.open(path, JB_STORE_WRITE, &error, &store);
    CHECK(code == JB_PERMISSION || code == JB_IO, "code %d: %s", code, error.message);
    code = jb_store_sqlite.open(path, JB_STORE_READ, &error, &store);
    if (expected[0]) {
        CHECK(code == JB_PERMISSION && strstr(error.message, expected), "code %d: %s", code, error.message);
        return 0;
    }
    CHECK(code == JB_OK, "%s", error.message);
    CHECK(read_total(store, &error, &total) == JB_OK, "%s", error.message);
    CHECK(total == total_of_batches(3), "total");
    struct jb_flow_cursor *cursor = NULL;
    struct jb_query query = JB_QUERY_ALL;
    struct jb_flow flow;
    const char *identity;
    CHECK(store->ops->flows_open(store, &query, &error, &cursor) == JB_OK, "%s", error.message);
    total = 0;
    while ((code = store->ops->flows_next(cursor, &error, &flow, &identity)) == JB_OK)
        total += flow.amount;
    CHECK(code == JB_NO_DATA && total == total_of_batches(3), "%s", error.message);
    store->ops->flows_close(cursor);
    code = store->ops->lock(store, "meter h1", &error);
    CHECK(code == JB_PERMISSION && strstr(error.message, "lock"), "code %d: %s", code, error.message);
    store->ops->close(store);
    return 0;
}

static void test_of_another_user(void **state) {
    (void)state;
    struct jb_error error = {0};
    make_book(path, 3, 0);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    assert_int_equal(in_child(read_as_nobody, (void *)""), 0);
    assert_int_equal(chmod(path, 0200), 0);
    assert_int_equal(in_child(read_as_nobody, (void *)"may not read"), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    if (geteuid() != 0) {
        print_message("SKIP: the rest needs a second user, so root\n");
        return;
    }
    /* While its owner writes it. */
    assert_int_equal(chmod(path, 0644), 0);
    struct jb_store *writer = NULL;
    assert_int_equal(jb_store_sqlite.open(path, JB_STORE_WRITE, &error, &writer), JB_OK);
    assert_int_equal(book_batch(writer, 2, &error), JB_OK); /* again: nothing */
    assert_int_equal(in_child(read_as_nobody, (void *)""), 0);
    writer->ops->close(writer);
}

static int leave_log(void *context) {
    (void)context;
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    CHECK(jb_store_sqlite.open(path, JB_STORE_WRITE, &error, &store) == JB_OK, "%s", error.message);
    CHECK(book_batch(store, 2, &error) == JB_OK, "%s", error.message);
    _exit(0); /* without closing: the log stays */
}

static void test_log_of_another_user(void **state) {
    (void)state;
    make_book(path, 2, 0);
    assert_int_equal(in_child(leave_log, NULL), 0);
    char shm[300];
    snprintf(shm, sizeof shm, "%s-shm", path);
    assert_int_equal(unlink(shm), 0);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    assert_int_equal(in_child(read_as_nobody, (void *)"-wal"), 0);
}

/* A small file system of our own, unseen by others; 77 where that is not permitted. */
static int enter_tmpfs(const char *options) {
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", folder, "tmpfs", 0, options) != 0)
        return 77;
    return 0;
}

static int on_read_only_medium(void *context) {
    (void)context;
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    jb_int128 total = 0;
    if (enter_tmpfs("size=8m"))
        return 77;
    make_book(path, 3, 0);
    CHECK(mount("none", folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0, "remount");
    CHECK(jb_store_sqlite.open(path, JB_STORE_READ, &error, &store) == JB_OK, "%s", error.message);
    CHECK(read_total(store, &error, &total) == JB_OK && total == total_of_batches(3), "%s", error.message);
    CHECK(store->ops->lock(store, "meter h1", &error) == JB_IO, "%s", error.message);
    store->ops->close(store);
    for (int mode = JB_STORE_WRITE; mode <= JB_STORE_CREATE; mode++) {
        enum jb_code code = jb_store_sqlite.open(path, (enum jb_store_mode)mode, &error, &store);
        if (code == JB_OK) {
            code = book_batch(store, 3, &error);
            store->ops->close(store);
        }
        CHECK(code == JB_IO && strstr(error.message, "ead-only"), "code %d: %s", code, error.message);
    }
    char other[300];
    snprintf(other, sizeof other, "%s/other/book.db", folder);
    CHECK(jb_store_sqlite.open(other, JB_STORE_CREATE, &error, &store) == JB_IO, "%s", error.message);
    CHECK(strstr(error.message, "ead-only"), "%s", error.message);
    return 0;
}

static void test_read_only_medium(void **state) {
    (void)state;
    int status = in_child(on_read_only_medium, NULL);
    if (status == 77) {
        print_message("SKIP: may not mount a file system here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make, remove_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_no_book),
        TEST(test_foreign),
        TEST(test_newer),
        TEST(test_older),
        TEST(test_view),
        TEST(test_exact_sum_function),
        TEST(test_busy),
        TEST(test_lock_dies_with_its_holder),
        TEST(test_many_at_once),
        TEST(test_names),
        TEST(test_of_another_user),
        TEST(test_log_of_another_user),
        TEST(test_read_only_medium),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
