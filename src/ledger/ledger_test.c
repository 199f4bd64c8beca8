/* Tests of opening a ledger: URLs, the default book, and what goes straight to the store. */
#include "ledger/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[100];

static int make(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/jb-ledger-XXXXXX");
    return mkdtemp(folder) ? chmod(folder, 0777) : -1;
}

static int remove_all(void **state) {
    (void)state;
    char command[200];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static void expect_code(const char *url, enum jb_store_mode mode, enum jb_code expected, const char *says) {
    struct jb_error error = {0};
    struct jb_ledger *ledger = NULL;
    assert_int_equal(jb_ledger_open(url, mode, &error, &ledger), expected);
    assert_non_null(strstr(error.message, says));
    assert_null(ledger);
}

static void open_and_close(const char *url, const char *file) {
    struct jb_error error = {0};
    struct jb_ledger *ledger = NULL;
    struct stat status;
    if (jb_ledger_open(url, JB_STORE_CREATE, &error, &ledger) != JB_OK)
        fail_msg("%s: %s", url ? url : "default", error.message);
    if (url)
        assert_string_equal(jb_ledger_url(ledger), url);
    jb_ledger_close(ledger);
    if (file && stat(file, &status) != 0)
        fail_msg("%s was not made", file);
}

static void test_urls(void **state) {
    (void)state;
    char path[160], url[200];
    open_and_close("memory:", NULL);
    snprintf(path, sizeof path, "%s/plain.db", folder);
    open_and_close(path, path);
    snprintf(path, sizeof path, "%s/with:colon and space.db", folder);
    open_and_close(path, path);
    snprintf(path, sizeof path, "%s/scheme.db", folder);
    snprintf(url, sizeof url, "sqlite:%s", path);
    open_and_close(url, path);
    expect_code("clickhouse://h:9000/db", JB_STORE_READ, JB_UNSUPPORTED, "clickhouse");
    expect_code("sqlite:", JB_STORE_CREATE, JB_USAGE, "path");
    expect_code("/nowhere/book.db", JB_STORE_READ, JB_NO_DATA, "/nowhere/book.db");
    jb_ledger_close(NULL);
}

static void test_book_from_environment(void **state) {
    (void)state;
    char path[160];
    snprintf(path, sizeof path, "%s/a/b/env.db", folder);
    assert_int_equal(setenv("JOULEBOOK_BOOK", path, 1), 0);
    expect_code(NULL, JB_STORE_READ, JB_NO_DATA, "env.db");
    open_and_close(NULL, path);
    assert_int_equal(unsetenv("JOULEBOOK_BOOK"), 0);
}

/* In a child that is not root: the default book in the user's own folder, private. */
static int default_book(void) {
    struct jb_error error = {0};
    struct jb_ledger *ledger = NULL;
    struct stat status;
    char path[200];
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 77;
    unsetenv("JOULEBOOK_BOOK");
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", folder, 1);
    for (int round = 0; round < 2; round++) {
        snprintf(path, sizeof path, "%s/%s/joulebook/book.db", folder, round ? "data" : ".local/share");
        if (jb_ledger_open(NULL, JB_STORE_CREATE, &error, &ledger) != JB_OK || stat(path, &status) != 0)
            return 1;
        *strrchr(path, '/') = '\0';
        if (stat(path, &status) != 0 || (status.st_mode & 0777) != 0700)
            return 2;
        jb_ledger_close(ledger);
        snprintf(path, sizeof path, "%s/data", folder);
        setenv("XDG_DATA_HOME", path, 1);
    }
    setenv("XDG_DATA_HOME", "relative", 1); /* the specification says to ignore it */
    snprintf(path, sizeof path, "%s/.local/share/joulebook/book.db", folder);
    if (jb_ledger_open(NULL, JB_STORE_READ, &error, &ledger) != JB_OK)
        return 3;
    if (strcmp(jb_ledger_url(ledger), path) != 0)
        return 4;
    jb_ledger_close(ledger);
    return 0;
}

static void test_default_book(void **state) {
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(default_book());
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("SKIP: may not become another user\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_through_the_ledger(void **state) {
    (void)state;
    struct jb_error error = {0};
    struct jb_ledger *ledger = NULL;
    struct jb_flow flow = {.start_ns = 0, .end_ns = 1, .amount = 5, .commodity = JB_ENERGY};
    bool is_new = false;
    assert_int_equal(jb_ledger_open("memory:", JB_STORE_CREATE, &error, &ledger), JB_OK);
    assert_int_equal(jb_ledger_account(ledger, "grid/KR", &error, &flow.from), JB_OK);
    assert_int_equal(jb_ledger_account(ledger, "host/h1", &error, &flow.to), JB_OK);
    assert_int_equal(jb_ledger_account(ledger, "host//h1", &error, &flow.to), JB_INPUT);
    assert_string_equal(jb_ledger_path(ledger, flow.to), "host/h1");
    assert_string_equal(jb_ledger_path(ledger, 12345), "");
    struct jb_batch batch = {.identity = "b", .flows = &flow, .flow_count = 1};
    assert_int_equal(jb_ledger_append(ledger, &batch, &error, &is_new), JB_OK);
    assert_true(is_new);
    assert_int_equal(jb_ledger_reverse(ledger, "b", &error, &is_new), JB_OK);
    assert_true(is_new);
    assert_int_equal(jb_ledger_reverse(ledger, "c", &error, &is_new), JB_NO_DATA);
    jb_ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_urls, make, remove_all),
        cmocka_unit_test_setup_teardown(test_book_from_environment, make, remove_all),
        cmocka_unit_test_setup_teardown(test_default_book, make, remove_all),
        cmocka_unit_test(test_through_the_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
