/* Pages: hostile text stays text, plots are well formed, every language says everything. */
#include "report/html.h"
#include "report/page_text.h"
#include "report/svg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void hostile_text_stays_text(void **state) {
    (void)state;
    struct jb_buffer out = {0};
    jb_html_text(&out, "<script>alert(\"1\" & '2')</script>\x1b[31m\xff한");
    assert_string_equal(out.bytes,
                        "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;\xef\xbf\xbd[31m"
                        "\xef\xbf\xbd한");
    jb_buffer_free(&out);
}

static void placeholders_are_filled_and_escaped(void **state) {
    (void)state;
    const char *values[] = {"<b>", "{1}"};
    char text[64];
    struct jb_buffer out = {0};
    jb_page_fill(&out, "{2} & {1} {3} {", values, 2);
    assert_string_equal(out.bytes, "{1} &amp; &lt;b&gt; {3} {");
    jb_buffer_free(&out);
    assert_string_equal(jb_page_fill_text("{1}{1}{1}", values, 2, text, 6), "<b><b");
}

static void plots_name_themselves(void **state) {
    (void)state;
    struct jb_buffer out = {0};
    struct jb_svg_scale scale = {.from = 40, .to = 60, .left = 100, .right = 300};
    jb_svg_begin(&out, "scores", 400, 100, "A <title>", "what \"it\" shows");
    jb_svg_rect(&out, "bar", 1, 2, -3, 4);
    jb_svg_text(&out, "value", jb_svg_x(&scale, 50), 5, "end", "a & b");
    jb_svg_end(&out);
    assert_non_null(strstr(out.bytes, "role=\"img\" aria-labelledby=\"scores-title scores-desc\""));
    assert_non_null(strstr(out.bytes, "<title id=\"scores-title\">A &lt;title&gt;</title>"));
    assert_non_null(strstr(out.bytes, "<desc id=\"scores-desc\">what &quot;it&quot; shows</desc>"));
    assert_non_null(strstr(out.bytes, "width=\"0.0\""));
    assert_non_null(strstr(out.bytes, "x=\"200.0\" y=\"5.0\" text-anchor=\"end\">a &amp; b</text>"));
    jb_buffer_free(&out);
}

/* Every text is there, and takes the same values in both languages. */
static void languages_say_the_same(void **state) {
    (void)state;
    const struct jb_page_text *english = jb_page_text_find("en"), *korean = jb_page_text_find("ko");
    assert_true(english && korean);
    assert_null(jb_page_text_find("xx"));
    const char *const *left = (const char *const *)english, *const *right = (const char *const *)korean;
    for (size_t i = 0; i < sizeof(*english) / sizeof(*left); i++) {
        assert_true(left[i] && *left[i] && right[i] && *right[i]);
        for (char digit = '1'; digit <= '9'; digit++) {
            const char place[] = {'{', digit, '}', '\0'};
            if (!strstr(left[i], place) != !strstr(right[i], place))
                fail_msg("'%s' and '%s' differ in %s", left[i], right[i], place);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_text_stays_text),
        cmocka_unit_test(placeholders_are_filled_and_escaped),
        cmocka_unit_test(plots_name_themselves),
        cmocka_unit_test(languages_say_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
