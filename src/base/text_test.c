/* Text: globs against fnmatch(3), UTF-8 against every sequence, and display of hostile bytes. */
#include "base/text.h"

#include "base/cleanup.h"
#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <fnmatch.h>
#include <string.h>

static void globs(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"***", "abc", true},
        {"host/*/cgroup/kubepods*", "host/h1/cgroup/kubepods.slice/pod1", true},
        {"host/*/cgroup/kubepods*", "host/h1/cgroup/system.slice", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"[!a-c]x", "dx", true},
        {"[^a-c]x", "bx", false},
        {"[]a]", "]", true},
        {"[!]a]", "]", false},
        {"[!]a]", "b", true},
        {"[a-]", "-", true},
        {"[-a]", "-", true},
        {"[\\]]", "]", true},
        {"[a\\-c]", "b", false},
        {"[abc", "[abc", true},
        {"[abc", "a", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"\\?x", "?x", true},
        {"\\\\", "\\", true},
        {"a\\", "a\\", true},
        {"*.slice", "a.slice", true},
        {"*.slice", "a.slice/b", false},
        {"*a*b*c*", "xxaxxbxxcxx", true},
        {"*a*b*c*", "xxcxxbxxaxx", false},
        {".*", ".hidden", true},
        {"*", ".hidden", true},
        {"caf\xc3\xa9", "caf\xc3\xa9", true},
        {"caf??", "caf\xc3\xa9", true},
        {"[\xc3]\xa9", "\xc3\xa9", true},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        if (jb_text_matches(cases[i].pattern, cases[i].text) != cases[i].matches)
            fail_msg("'%s' over '%s' should be %d", cases[i].pattern, cases[i].text, cases[i].matches);
    }
}

static void globs_agree_with_fnmatch(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(8);
    int matched = 0;
    for (int i = 0; i < 200000; i++) {
        char pattern[8], text[8];
        size_t pattern_length = (size_t)jb_random_below(&random, sizeof pattern);
        size_t text_length = (size_t)jb_random_below(&random, sizeof text);
        for (size_t j = 0; j < pattern_length; j++)
            pattern[j] = "ab*?"[jb_random_below(&random, 4)];
        for (size_t j = 0; j < text_length; j++)
            text[j] = "ab/"[jb_random_below(&random, 3)];
        pattern[pattern_length] = text[text_length] = '\0';
        bool expected = fnmatch(pattern, text, 0) == 0;
        matched += expected;
        if (jb_text_matches(pattern, text) != expected)
            fail_msg("'%s' over '%s' should be %d", pattern, text, expected);
    }
    assert_true(matched > 1000);
}

/* With backtracking over every star this would not end. */
static void a_glob_of_many_stars_ends(void **state) {
    (void)state;
    char pattern[2 * 400 + 2], text[5000];
    for (size_t i = 0; i < 400; i++)
        memcpy(pattern + 2 * i, "*a", 2);
    strcpy(pattern + 800, "b");
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(jb_text_matches(pattern, text));
    pattern[800] = '*';
    assert_true(jb_text_matches(pattern, text));
}

/* The length after Unicode 15, table 3-7, by decoding and checking the value. */
static size_t expected_length(const unsigned char *b, size_t available) {
    size_t length = b[0] < 0x80   ? 1
                    : b[0] < 0xc0 ? 0
                    : b[0] < 0xe0 ? 2
                    : b[0] < 0xf0 ? 3
                    : b[0] < 0xf8 ? 4
                                  : 0;
    if (length == 0 || length > available)
        return 0;
    uint32_t value = length == 1 ? b[0] : b[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (b[i] & 0x3fU);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool good = value >= least[length] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
    return good ? length : 0;
}

static void utf8_is_judged_right(void **state) {
    (void)state;
    static const unsigned char edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    assert_int_equal(jb_utf8_length("a", 0), 0);
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            for (size_t i = 0; i < JB_COUNT(edges) * JB_COUNT(edges); i++) {
                unsigned char b[4] = {(unsigned char)first, (unsigned char)second, edges[i / JB_COUNT(edges)],
                                      edges[i % JB_COUNT(edges)]};
                for (size_t available = 1; available <= 4; available++)
                    assert_int_equal(jb_utf8_length((const char *)b, available),
                                     expected_length(b, available));
            }
        }
    }
}

static void controls_are_known(void **state) {
    (void)state;
    assert_int_equal(jb_control_length("\n", 1), 1);
    assert_int_equal(jb_control_length("\x7f", 1), 1);
    assert_int_equal(jb_control_length("\xc2\x80", 2), 2);
    assert_int_equal(jb_control_length("\xc2\x9f", 2), 2);
    assert_int_equal(jb_control_length("\xc2\xa0", 2), 0);
    assert_int_equal(jb_control_length("\xc2\x80", 1), 0);
    assert_int_equal(jb_control_length(" ", 1), 0);
    assert_int_equal(jb_control_length("", 0), 0);
}

static void display_is_safe_and_cut_between_characters(void **state) {
    (void)state;
    char shown[64], small[4];
    assert_string_equal(jb_text_display("plain", shown, sizeof shown), "plain");
    assert_string_equal(jb_text_display("\x1b]0;x\x07\xc2\x9b"
                                        "1m\xff\xc3",
                                        shown, sizeof shown),
                        "?]0;x??1m??");
    assert_string_equal(jb_text_display("caf\xc3\xa9", small, sizeof small), "caf");
    assert_string_equal(jb_text_display("ca\xc3\xa9", small, sizeof small), "ca");
    assert_string_equal(jb_text_display("c\xc3\xa9x", small, sizeof small), "c\xc3\xa9");
    assert_string_equal(jb_text_display("x", small, 1), "");
    struct jb_random random = jb_random_make(9);
    for (int i = 0; i < 20000; i++) {
        char text[40];
        for (size_t j = 0; j < sizeof text - 1; j++)
            text[j] = (char)jb_random_uint64(&random);
        text[sizeof text - 1] = '\0';
        jb_text_display(text, shown, 1 + (size_t)jb_random_below(&random, sizeof shown - 1));
        for (size_t j = 0; shown[j];) {
            size_t length = jb_utf8_length(shown + j, strlen(shown + j));
            assert_true(length > 0);
            assert_int_equal(jb_control_length(shown + j, length), 0);
            j += length;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs),
        cmocka_unit_test(globs_agree_with_fnmatch),
        cmocka_unit_test(a_glob_of_many_stars_ends),
        cmocka_unit_test(utf8_is_judged_right),
        cmocka_unit_test(controls_are_known),
        cmocka_unit_test(display_is_safe_and_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
