/* CSV: RFC 4180 and what real files make of it, hostile bytes, ceilings, and round trips of random tables. */
#include "base/csv.h"

#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

/* Reads `length` bytes as CSV into one text: fields in brackets, one line a record; or the error's code. */
static enum jb_code read_as_text(const char *bytes, size_t length, struct jb_buffer *text,
                                 struct jb_error *error) {
    _cleanup_fclose_ FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    rewind(file);
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    assert_int_equal(jb_csv_reader_make(file, "x.csv", error, &reader), JB_OK);
    for (;;) {
        const char *const *fields = NULL;
        size_t count = 0;
        enum jb_code code = jb_csv_read(reader, error, &fields, &count);
        if (code == JB_NO_DATA) {
            /* The end stays the end. */
            assert_int_equal(jb_csv_read(reader, error, &fields, &count), JB_NO_DATA);
            return JB_OK;
        }
        if (code)
            return code;
        jb_buffer_printf(text, "%llu:", (unsigned long long)jb_csv_line(reader));
        for (size_t i = 0; i < count; i++)
            jb_buffer_printf(text, "[%s]", fields[i]);
        jb_buffer_add_char(text, '\n');
    }
}

#define CHECK_TEXT(bytes, expected) check_text(bytes, sizeof(bytes) - 1, expected)
static void check_text(const char *bytes, size_t length, const char *expected) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer text = {0};
    jb_buffer_add(&text, "", 0);
    enum jb_code code = read_as_text(bytes, length, &text, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(code, JB_OK);
    assert_string_equal(text.bytes, expected);
}

#define CHECK_FAILS(bytes, code, where, why) check_fails(bytes, sizeof(bytes) - 1, code, where, why)
static void check_fails(const char *bytes, size_t length, enum jb_code expected, const char *where,
                        const char *why) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer text = {0};
    assert_int_equal(read_as_text(bytes, length, &text, &error), expected);
    assert_non_null(strstr(error.message, "x.csv"));
    if (!strstr(error.message, where) || !strstr(error.message, why))
        fail_msg("'%s' lacks '%s' or '%s'", error.message, where, why);
}

static void reads_what_rfc_4180_allows(void **state) {
    (void)state;
    CHECK_TEXT("a,b,c\r\n1,2,3\r\n", "1:[a][b][c]\n2:[1][2][3]\n");
    CHECK_TEXT("a,b\n1,2", "1:[a][b]\n2:[1][2]\n");
    CHECK_TEXT("\"a,b\",\"c\nd\",\"say \"\"x\"\"\"\ne\n", "1:[a,b][c\nd][say \"x\"]\n3:[e]\n");
    CHECK_TEXT(",\n", "1:[][]\n");
    CHECK_TEXT("a,\n", "1:[a][]\n");
    CHECK_TEXT("\"\"\n", "1:[]\n");
    CHECK_TEXT("\"\",\"\"\"\"", "1:[][\"]\n");
    CHECK_TEXT(" a , b \n", "1:[ a ][ b ]\n");
    CHECK_TEXT("\"a\r\nb\"\r\n", "1:[a\r\nb]\n");
}

static void skips_marks_and_empty_lines(void **state) {
    (void)state;
    CHECK_TEXT("", "");
    CHECK_TEXT("\n\r\n\n", "");
    CHECK_TEXT("\xef\xbb\xbf", "");
    CHECK_TEXT("\xef\xbb\xbf"
               "a,b\n",
               "1:[a][b]\n");
    CHECK_TEXT("\xef\xbb\xbf\"a\"\n", "1:[a]\n");
    CHECK_TEXT("\n\na\n\nb\n\n", "3:[a]\n5:[b]\n");
    CHECK_TEXT("a\r", "1:[a]\n");
    CHECK_TEXT("a,b\n\r", "1:[a][b]\n");
    CHECK_TEXT("\xef", "1:[\xef]\n");
    CHECK_TEXT("\xfe"
               "abc\n",
               "1:[\xfe"
               "abc]\n"); /* Latin-1 þ; half a UTF-16 mark is none */
    CHECK_TEXT("x", "1:[x]\n");
    CHECK_TEXT("xy", "1:[xy]\n");
    CHECK_TEXT("xyz", "1:[xyz]\n");
}

static void names_line_field_and_mend(void **state) {
    (void)state;
    CHECK_FAILS("a,b\n1,\"x", JB_INPUT, "line 2", "ends inside a quoted field");
    CHECK_FAILS("a\n\"x\ny\nz", JB_INPUT, "line 2", "ends inside a quoted field");
    CHECK_FAILS("a\nb,\"x\"y\n", JB_INPUT, "line 2, field 2", "after a closing quote");
    CHECK_FAILS("a\nb,x\"y\n", JB_INPUT, "line 2, field 2", "double it");
    CHECK_FAILS("a\rb\n", JB_INPUT, "line 1, field 1", "carriage return");
    CHECK_FAILS("\ra\n", JB_INPUT, "line 1", "carriage return");
    CHECK_FAILS("a\n\n\rb", JB_INPUT, "line 3", "carriage return");
    CHECK_FAILS("a\nb,\0c\n", JB_INPUT, "line 2, field 2", "NUL");
    CHECK_FAILS("a\n\"b\0\"\n", JB_INPUT, "line 2, field 1", "NUL");
    CHECK_FAILS("\0", JB_INPUT, "line 1", "NUL");
    CHECK_FAILS("\xff\xfe"
                "a\0",
                JB_INPUT, "line 1", "iconv");
    CHECK_FAILS("\xfe\xff\0a", JB_INPUT, "line 1", "iconv");
}

static void has_ceilings(void **state) {
    (void)state;
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer bytes = {0}, text = {0};
    for (int i = 0; i < 4095; i++)
        jb_buffer_add_char(&bytes, ',');
    assert_int_equal(read_as_text(bytes.bytes, bytes.length, &text, &error), JB_OK);
    jb_buffer_add_char(&bytes, ',');
    assert_int_equal(read_as_text(bytes.bytes, bytes.length, &text, &error), JB_LIMIT);
    assert_non_null(strstr(error.message, "x.csv, line 1"));

    jb_buffer_clear(&bytes);
    jb_buffer_add_string(&bytes, "head\n\"");
    size_t most = ((size_t)16 << 20) + 1;
    char *room = jb_buffer_room(&bytes, most);
    assert_non_null(room);
    memset(room, 'x', most);
    bytes.length += most;
    assert_int_equal(read_as_text(bytes.bytes, bytes.length, &text, &error), JB_LIMIT);
    assert_non_null(strstr(error.message, "closing quote missing"));
}

static void a_file_that_cannot_be_read_is_an_error(void **state) {
    (void)state;
    struct jb_error error = {0};
    const char *const *fields;
    size_t count;
    _cleanup_fclose_ FILE *file = fopen("/", "r"); /* reading a directory fails with EISDIR */
    assert_non_null(file);
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    assert_int_equal(jb_csv_reader_make(file, "folder", &error, &reader), JB_OK);
    assert_int_equal(jb_csv_read(reader, &error, &fields, &count), JB_IO);
    assert_non_null(strstr(error.message, "folder"));
}

/* A field of up to seven bytes out of those that matter to CSV. */
static size_t random_field(struct jb_random *random, char ret[static 8]) {
    static const char alphabet[] = "ab,\"\n\r \xc3\xa9\xff\xfe\xef\xbb\xbf";
    size_t length = (size_t)jb_random_below(random, 8);
    for (size_t i = 0; i < length; i++)
        ret[i] = alphabet[jb_random_below(random, sizeof alphabet - 1)];
    ret[length] = '\0';
    return length;
}

static void what_is_written_reads_back(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(7);
    for (int table = 0; table < 300; table++) {
        struct jb_error error = {0};
        _cleanup_buffer_ struct jb_buffer bytes = {0}, text = {0}, expected = {0};
        uint64_t line = 1;
        jb_buffer_add(&expected, "", 0);
        jb_buffer_add(&text, "", 0);
        for (uint64_t rows = jb_random_below(&random, 6); rows > 0; rows--) {
            jb_buffer_printf(&expected, "%llu:", (unsigned long long)line);
            size_t columns = 2 + (size_t)jb_random_below(&random, 4);
            for (size_t column = 0; column < columns; column++) {
                char field[8];
                random_field(&random, field);
                if (column)
                    jb_buffer_add_char(&bytes, ',');
                jb_csv_add(&bytes, field);
                jb_buffer_printf(&expected, "[%s]", field);
                for (const char *c = field; *c; c++)
                    line += *c == '\n';
            }
            jb_buffer_add_string(&bytes, rows % 2 ? "\n" : "\r\n");
            jb_buffer_add_char(&expected, '\n');
            line++;
        }
        jb_buffer_add(&bytes, "", 0);
        assert_int_equal(read_as_text(bytes.bytes, bytes.length, &text, &error), JB_OK);
        assert_string_equal(text.bytes, expected.bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_rfc_4180_allows),
        cmocka_unit_test(skips_marks_and_empty_lines),
        cmocka_unit_test(names_line_field_and_mend),
        cmocka_unit_test(has_ceilings),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
