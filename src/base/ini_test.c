/* INI files: entries with their lines, and a refusal with place and mend for what is none. */
#include "base/ini.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

static void entries_know_their_lines(void **state) {
    (void)state;
    static const char text[] =
        "\xef\xbb\xbf; a comment\r\n\r\n[ site one ]\r\n grid = KR ; behind a blank\r\n"
        "url=http://a/#b\n# c\nempty =\n[next]";
    static const struct jb_ini_entry expected[] = {{"site one", NULL, NULL, 3},
                                                   {"site one", "grid", "KR", 4},
                                                   {"site one", "url", "http://a/#b", 5},
                                                   {"site one", "empty", "", 7},
                                                   {"next", NULL, NULL, 8}};
    _cleanup_(jb_ini_free_cleanup) struct jb_ini *ini = NULL;
    const struct jb_ini_entry *entries;
    assert_int_equal(jb_ini_read(text, sizeof text - 1, "f", NULL, &ini), JB_OK);
    assert_int_equal(jb_ini_entries(ini, &entries), JB_COUNT(expected));
    for (size_t i = 0; i < JB_COUNT(expected); i++) {
        assert_string_equal(entries[i].section, expected[i].section);
        assert_int_equal(entries[i].line, expected[i].line);
        assert_int_equal(entries[i].name == NULL, expected[i].name == NULL);
        if (entries[i].name) {
            assert_string_equal(entries[i].name, expected[i].name);
            assert_string_equal(entries[i].value, expected[i].value);
        }
    }
}

static void refusals_name_line_and_mend(void **state) {
    (void)state;
    static char long_line[25000] = "[a]\nb = ";
    memset(long_line + 8, 'x', sizeof long_line - 9);
    const struct {
        const char *text;
        size_t length;
        const char *message;
    } cases[] = {
        {"a = 1\n", 6, "f, line 1: 'a = 1' stands before the first [section]; put it below one"},
        {"[a]\n\nb\n", 7, "f, line 3: 'b' is no 'name = value', no [section] and no comment (; or #)"},
        {"[a]\n= 1\n", 8, "f, line 2: '= 1' is no 'name = value', no [section] and no comment (; or #)"},
        {"[a\n", 3, "f, line 1: '[a' opens a section; write it as [name]"},
        {"[]\n", 3, "f, line 1: '[]' opens a section; write it as [name]"},
        {"[a]\nb = \0c", 10, "f, line 2: a NUL byte; save the file as plain text"},
        {"[a]\nb = \x1b[2J", 11, "f, line 2: a control character; remove it"},
        {"[a]\nb = \xff", 9, "f, line 2: bytes that are no UTF-8; save the file as UTF-8"},
        {"\xff\xfe[\0", 4, "f, line 1: UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"},
        {long_line, sizeof long_line - 1, "f, line 2: 24995 bytes long; shorten it to 4096"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        struct jb_ini *ini = NULL;
        assert_int_equal(jb_ini_read(cases[i].text, cases[i].length, "f", &error, &ini), JB_INPUT);
        assert_null(ini);
        assert_string_equal(error.message, cases[i].message);
    }
}

static void near_names(void **state) {
    (void)state;
    static const char *const names[] = {"site", "contract", "tariff", "pue", "intensity"};
    static const struct {
        const char *name, *near;
    } cases[] = {{"tarif", "tariff"},
                 {"contarct", "contract"},
                 {"intensty", "intensity"},
                 {"peu", "pue"},
                 {"sites", "site"},
                 {"xyz", NULL},
                 {"", NULL},
                 {"ab", NULL},
                 {"intensity-of-x", NULL}};
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        const char *near = jb_ini_near(cases[i].name, names, JB_COUNT(names));
        if (cases[i].near)
            assert_string_equal(near, cases[i].near);
        else
            assert_null(near);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_know_their_lines),
        cmocka_unit_test(refusals_name_line_and_mend),
        cmocka_unit_test(near_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
