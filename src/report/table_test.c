/* Tests of tables: alignment, cutting to the terminal, hostile names, and that the three forms agree. */
#include "report/table.h"

#include "base/cleanup.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct jb_column columns[] = {
    {.key = "name", .title = "Name", .is_flexible = true},
    {.key = "amount", .title = "Wh", .align = JB_POINT},
    {.key = "secret"},
    {.title = "Note"},
};

static void add(struct jb_table *table, const char *name, jb_int128 amount, const char *shown,
                const char *note) {
    jb_table_text(table, name, NULL);
    jb_table_amount(table, amount, shown);
    jb_table_number(table, amount ? 0.5 : NAN, NULL);
    jb_table_null(table, note);
}

static struct jb_table *make(void) {
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    assert_non_null(table);
    add(table, "nginx", 12300, "12.3", "a");
    add(table, "서버", 4, "0.004", "b");
    add(table, "total", 12304, "12", "");
    jb_table_is_total(table);
    return table;
}

static void test_text_is_aligned(void **state) {
    (void)state;
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = make();
    _cleanup_buffer_ struct jb_buffer out = {0};
    jb_table_write_text(table, &(struct jb_layout){0}, &out);
    assert_string_equal(out.bytes, "Name       Wh  Note\n"
                                   "nginx  12.3    a\n"
                                   "서버    0.004  b\n"
                                   "───────────────────\n"
                                   "total  12\n");
}

static void test_forms_agree(void **state) {
    (void)state;
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = make();
    _cleanup_buffer_ struct jb_buffer csv = {0}, text = {0};
    assert_int_equal(jb_table_row_count(table), 2);
    jb_table_write_csv(table, &csv);
    assert_string_equal(csv.bytes, "name,amount,secret\nnginx,12300,0.5\n서버,4,0.5\n");
    struct jb_json json = jb_json_make(&text);
    jb_table_write_json(table, &json);
    assert_string_equal(text.bytes, "[{\"name\":\"nginx\",\"amount\":\"12300\",\"secret\":0.5},"
                                    "{\"name\":\"서버\",\"amount\":\"4\",\"secret\":0.5}]");
    json_t *parsed = json_loads(text.bytes, 0, NULL);
    assert_non_null(parsed);
    json_decref(parsed);
}

static void test_narrow_terminal(void **state) {
    (void)state;
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    add(table, "host/h1/cgroup/kubepods.slice/pod1/container-with-a-long-name", 1, "1", "n");
    _cleanup_buffer_ struct jb_buffer out = {0};
    jb_table_write_text(table, &(struct jb_layout){.width = 40}, &out);
    for (const char *line = out.bytes; *line;) {
        char one[256];
        size_t length = strcspn(line, "\n");
        snprintf(one, sizeof one, "%.*s", (int)length, line);
        assert_true(jb_text_width(one) <= 40);
        line += length + (line[length] == '\n');
    }
    assert_non_null(strstr(out.bytes, "…"));
    assert_non_null(strstr(out.bytes, "a-long-name"));
    jb_table_free(table);
}

static void test_hostile_names(void **state) {
    (void)state;
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    add(table, "a\033[2J\nb\xff\"", 1, NULL, "\r");
    _cleanup_buffer_ struct jb_buffer text = {0}, csv = {0}, json_text = {0};
    jb_table_write_text(table, &(struct jb_layout){0}, &text);
    assert_null(strpbrk(text.bytes, "\033\r\xff"));
    jb_table_write_csv(table, &csv);
    assert_string_equal(csv.bytes, "name,amount,secret\n\"a\033[2J\nb\xff\"\"\",1,0.5\n");
    struct jb_json json = jb_json_make(&json_text);
    jb_table_write_json(table, &json);
    json_t *parsed = json_loads(json_text.bytes, 0, NULL);
    assert_non_null(parsed);
    json_decref(parsed);
    jb_table_free(table);
}

static void test_empty_and_bold(void **state) {
    (void)state;
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    _cleanup_buffer_ struct jb_buffer out = {0};
    jb_table_write_text(table, &(struct jb_layout){.is_bold = true}, &out);
    assert_string_equal(out.bytes, "\033[1mName  Wh  Note\033[0m\n");
    jb_buffer_clear(&out);
    jb_table_write_csv(table, &out);
    assert_string_equal(out.bytes, "name,amount,secret\n");
}

static void test_fit(void **state) {
    (void)state;
    char text[64];
    assert_string_equal(jb_text_fit("abcdefgh", 8, text, sizeof text), "abcdefgh");
    assert_string_equal(jb_text_fit("abcdefgh", 7, text, sizeof text), "ab…efgh");
    assert_string_equal(jb_text_fit("abcdefgh", 1, text, sizeof text), "…");
    assert_string_equal(jb_text_fit("abcdefgh", 0, text, sizeof text), "");
    /* Wide letters are not cut in two: the result is narrower then. */
    assert_string_equal(jb_text_fit("한국전력공사", 6, text, sizeof text), "…공사");
    assert_int_equal(jb_text_width("한국"), 4);
    assert_int_equal(jb_text_width("e\xcc\x81"), 1);
    for (size_t width = 0; width < 16; width++)
        assert_true(jb_text_width(jb_text_fit("aé한b\xcc\x81국전력c/공사d", width, text, sizeof text)) <=
                    width);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_aligned), cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_narrow_terminal), cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_empty_and_bold),  cmocka_unit_test(test_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
