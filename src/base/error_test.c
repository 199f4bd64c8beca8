/* Errors: what a code means to the shell, and messages that stay one clean line. */
#include "base/error.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

static void set_returns_the_code_and_accepts_null(void **state) {
    (void)state;
    struct jb_error error = {0};
    assert_int_equal(jb_error_set(&error, JB_INPUT, "row %d", 7), JB_INPUT);
    assert_int_equal(error.code, JB_INPUT);
    assert_string_equal(error.message, "row 7");
    assert_int_equal(jb_error_set(NULL, JB_LIMIT, "x"), JB_LIMIT);
    assert_int_equal(jb_error_set_errno(NULL, ENOENT, "x"), JB_NO_DATA);
    assert_int_equal(jb_error_prefix(NULL, "x"), JB_INTERNAL);
}

static void hostile_text_becomes_harmless(void **state) {
    (void)state;
    struct jb_error error = {0};
    jb_error_set(&error, JB_INPUT, "%s",
                 "a\n\t\x1b[2J\x7f"
                 "b \xc2\x9b \xff caf\xc3\xa9");
    assert_string_equal(error.message, "a???[2J?b ? ? caf\xc3\xa9");
}

static void an_argument_may_be_the_old_message(void **state) {
    (void)state;
    struct jb_error error = {0};
    jb_error_set(&error, JB_IO, "inner");
    jb_error_set(&error, JB_LIMIT, "outer (%s)", error.message);
    assert_string_equal(error.message, "outer (inner)");
    assert_int_equal(jb_error_prefix(&error, "file %s", "x"), JB_LIMIT);
    assert_string_equal(error.message, "file x: outer (inner)");
}

static void a_long_name_does_not_hide_the_reason(void **state) {
    (void)state;
    struct jb_error error = {0};
    char name[4096];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    jb_error_set_errno(&error, EACCES, "%s", name);
    assert_non_null(strstr(error.message, ": Permission denied"));
    jb_error_set(&error, JB_INPUT, "the reason");
    jb_error_prefix(&error, "%s", name);
    assert_non_null(strstr(error.message, ": the reason"));
    jb_error_set(&error, JB_INPUT, "%s", name);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    /* A cut inside a character leaves no half of it. */
    for (size_t i = 0; i + 2 < sizeof name; i += 2)
        memcpy(name + i, "\xc3\xa9", 2);
    jb_error_set(&error, JB_INPUT, "%.1022s", name);
    jb_error_set(&error, JB_INPUT, "%.1021s", name);
    assert_int_equal((unsigned char)error.message[1020], '?');
}

static void errno_maps_to_codes(void **state) {
    (void)state;
    static const struct {
        int errnum;
        enum jb_code code;
    } cases[] = {{EACCES, JB_PERMISSION}, {EPERM, JB_PERMISSION},
                 {ENOENT, JB_NO_DATA},    {ENODEV, JB_NO_DATA},
                 {ENOMEM, JB_MEMORY},     {EBUSY, JB_BUSY},
                 {EAGAIN, JB_BUSY},       {ENOSPC, JB_IO},
                 {EROFS, JB_IO},          {EIO, JB_IO}};
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        assert_int_equal(jb_error_set_errno(&error, cases[i].errnum, "/x/%d", 3), cases[i].code);
        assert_int_equal(error.code, cases[i].code);
        assert_int_equal(strncmp(error.message, "/x/3: ", 6), 0);
        assert_non_null(strstr(error.message, strerror(cases[i].errnum)));
    }
}

static void codes_map_to_exit_statuses(void **state) {
    (void)state;
    assert_int_equal(jb_error_exit_status(JB_OK), 0);
    assert_int_equal(jb_error_exit_status(JB_USAGE), 2);
    assert_int_equal(jb_error_exit_status(JB_INPUT), 3);
    static const enum jb_code could_not[] = {JB_NO_DATA, JB_PERMISSION, JB_BUSY,        JB_IO,
                                             JB_LIMIT,   JB_MEMORY,     JB_UNSUPPORTED, JB_INTERNAL};
    for (size_t i = 0; i < JB_COUNT(could_not); i++)
        assert_int_equal(jb_error_exit_status(could_not[i]), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_returns_the_code_and_accepts_null),
        cmocka_unit_test(hostile_text_becomes_harmless),
        cmocka_unit_test(an_argument_may_be_the_old_message),
        cmocka_unit_test(a_long_name_does_not_hide_the_reason),
        cmocka_unit_test(errno_maps_to_codes),
        cmocka_unit_test(codes_map_to_exit_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
