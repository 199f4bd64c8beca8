/* Answers from CSV, SPSS and Stata: what is read is what was written; what is broken is named. */
#include "survey/answers.h"

#include "base/csv.h"
#include "base/random.h"

#include <readstat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct jb_wanted_column *want(const char *first, const char *second, bool is_number) {
    static struct jb_wanted_column wanted[2];
    wanted[0] = (struct jb_wanted_column){.name = first};
    wanted[1] = (struct jb_wanted_column){.name = second, .is_number = is_number};
    return wanted;
}

static enum jb_code read_bytes(const struct jb_wanted_column *wanted, size_t count, const void *bytes,
                               size_t size, struct jb_error *error, struct jb_answers **ret_answers) {
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    rewind(file);
    enum jb_code code = jb_answers_read(wanted, count, file, "f", error, ret_answers);
    fclose(file);
    return code;
}

static const char *text_of(const struct jb_answers *answers, const char *column, size_t row) {
    const struct jb_answer_column *found = jb_answers_column(answers, column);
    return found->values[jb_answer_code(found, row)].text;
}

static void csv_is_read_with_quotes_and_lines(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf"
                               "a,b,skipped\r\n"
                               "\"x, \"\"y\"\"\",1.5,\"two\nlines\"\r\n"
                               "\r\n"
                               ",,\n"
                               "x,-2e3,z";
    struct jb_answers *answers = NULL;
    assert_int_equal(read_bytes(want("a", "b", true), 2, text, sizeof(text) - 1, NULL, &answers), JB_OK);
    assert_int_equal(jb_answers_count(answers), 3);
    assert_string_equal(text_of(answers, "a", 0), "x, \"y\"");
    assert_string_equal(text_of(answers, "a", 2), "x");
    const struct jb_answer_column *a = jb_answers_column(answers, "a"), *b = jb_answers_column(answers, "b");
    assert_true(jb_answer_is_missing(a, 1) && jb_answer_is_missing(b, 1) && a->has_missing && b->has_missing);
    assert_true(jb_answer_number(b, 0) == 1.5 && jb_answer_number(b, 2) == -2000 &&
                isnan(jb_answer_number(b, 1)));
    struct jb_error error = {0};
    assert_int_equal(jb_answers_wrong(answers, 2, "b", &error, "no"), JB_INPUT);
    assert_string_equal(error.message, "f:6: b: no"); /* two lines in quotes, an empty one */
    jb_answers_free(answers);
}

static void codes_widen_with_their_values(void **state) {
    (void)state;
    enum { ROWS = 70000 };
    char *text = malloc(ROWS * 24), *at = text + sprintf(text, "a,b\n");
    struct jb_answers *answers = NULL;
    for (int row = 0; row < ROWS; row++)
        at += sprintf(at, "value-%d,%d\n", row, row % 300);
    assert_int_equal(read_bytes(want("a", "b", false), 2, text, (size_t)(at - text), NULL, &answers), JB_OK);
    assert_int_equal(jb_answers_column(answers, "a")->code_size, 4);
    assert_int_equal(jb_answers_column(answers, "b")->code_size, 2);
    for (int row = 0; row < ROWS; row += 7) {
        char expected[32];
        (void)snprintf(expected, sizeof(expected), "value-%d", row);
        assert_string_equal(text_of(answers, "a", (size_t)row), expected);
        assert_true(jb_answer_number(jb_answers_column(answers, "b"), (size_t)row) == row % 300);
    }
    jb_answers_free(answers);
    free(text);
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "f: the file is empty"},
        {"a,b\n", "f: there is no row behind the heading"},
        {"a,c\n1,2\n", "f:1: there is no column 'b'"},
        {"a,b,a\n1,2,3\n", "f:1: two columns are named 'a'"},
        {"a,b\n1,2\n1\n", "f:3: the row has 1 fields and the heading 2"},
        {"a,b\n1,2,3\n", "f:2: the row has 3 fields"},
        {"a,b\n1,two\n", "f:2: b: 'two' is no number"},
        {"a,b\n\"1,2\n", "f:2: the file ends inside a quoted field"},
        {"a,b\n\"1\"x,2\n", "f:2: field 1: text after a closing quote"},
        {"a,b\n1\"x,2\n", "f:2: field 1: a quote inside an unquoted field"},
        {"a,b\n1\r2,2\n", "f:2: field 1: a carriage return"},
        {"\xff\xfe"
         "a",
         "f:1: UTF-16"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        struct jb_answers *answers = NULL;
        assert_int_equal(
            read_bytes(want("a", "b", true), 2, cases[i].text, strlen(cases[i].text), &error, &answers),
            JB_INPUT);
        assert_null(answers);
        if (!strstr(error.message, cases[i].says))
            fail_msg("'%s' does not say '%s'", error.message, cases[i].says);
    }
    struct jb_error error = {0};
    struct jb_answers *answers = NULL;
    assert_int_equal(read_bytes(want("a", "b", true), 2, "a,b\n1\0,2\n", 9, &error, &answers), JB_INPUT);
    assert_non_null(strstr(error.message, "f:2: field 1: a NUL byte"));
}

static void a_row_without_end_is_refused(void **state) {
    (void)state;
    size_t size = (size_t)20 << 20;
    char *text = malloc(size);
    memset(text, 'x', size);
    memcpy(text, "a,b\n1,2\n\"", 9);
    struct jb_error error = {0};
    struct jb_answers *answers = NULL;
    assert_int_equal(read_bytes(want("a", "b", true), 2, text, size, &error, &answers), JB_INPUT);
    assert_non_null(strstr(error.message, "f:3: the row is larger than 16 MiB"));
    free(text);
}

/* The block reader takes and refuses what base/csv.h does. text begins with a heading of count columns. */
static void compare_readers(const struct jb_wanted_column *wanted, size_t count, char *text, size_t size) {
    struct jb_answers *answers = NULL;
    enum jb_code code = read_bytes(wanted, count, text, size, NULL, &answers);
    FILE *file = fmemopen(text, size, "r");
    struct jb_csv_reader *reader;
    const char *const *fields;
    size_t found, row = 0;
    assert_int_equal(jb_csv_reader_make(file, "f", NULL, &reader), JB_OK);
    assert_int_equal(jb_csv_read(reader, NULL, &fields, &found), JB_OK);
    enum jb_code expected;
    while (!(expected = jb_csv_read(reader, NULL, &fields, &found)) && found == count) {
        if (!code) {
            assert_true(row < jb_answers_count(answers));
            for (size_t i = 0; i < count; i++)
                assert_string_equal(text_of(answers, wanted[i].name, row), fields[i]);
        }
        row++;
    }
    bool is_good = expected == JB_NO_DATA && row > 0;
    if (is_good != (code == JB_OK))
        fail_msg("'%.*s': %d", (int)size, text, code);
    jb_csv_reader_free(reader);
    fclose(file);
    jb_answers_free(answers);
}

static void it_reads_what_the_csv_reader_does(void **state) {
    (void)state;
    static const char letters[] = "ab1,,,\"\"\n\n\r -.5";
    struct jb_random random = jb_random_make(99);
    for (int run = 0; run < 20000; run++) {
        char text[64] = "a,b\n";
        size_t size = 4 + jb_random_below(&random, 40);
        for (size_t i = 4; i < size; i++)
            text[i] = letters[jb_random_below(&random, sizeof(letters) - 1)];
        compare_readers(want("a", "b", false), 2, text, size);
    }
}

/* Rows of single characters, which are taken by the four, with a few bytes that are none. */
static void single_characters_are_read_as_any(void **state) {
    (void)state;
    static const struct jb_wanted_column wanted[] = {{.name = "a"}, {.name = "b"}, {.name = "c"},
                                                     {.name = "d"}, {.name = "e"}, {.name = "f"}};
    static const char odd[] = ",,\"\n\r 5-.", plain[] = "12345./;\xff";
    struct jb_random random = jb_random_make(31);
    for (int run = 0; run < 4000; run++) {
        size_t count = 4 + jb_random_below(&random, 3), size = 0;
        char text[512];
        for (size_t i = 0; i < count; i++)
            size += (size_t)sprintf(text + size, "%s%c", i ? "," : "", (char)('a' + i));
        text[size++] = '\n';
        size_t behind = size;
        for (size_t row = 0; row < 20; row++) {
            for (size_t i = 0; i < count; i++) {
                text[size++] = plain[jb_random_below(&random, row < 10 ? 5 : sizeof(plain) - 1)];
                text[size++] = i + 1 < count ? ',' : '\n';
            }
        }
        for (uint64_t left = jb_random_below(&random, 3); left > 0; left--)
            text[behind + jb_random_below(&random, size - behind)] =
                odd[jb_random_below(&random, sizeof(odd) - 1)];
        compare_readers(wanted, count, text, size - jb_random_below(&random, 4));
    }
}

/* ---- SPSS and Stata ---- */

struct bytes {
    char data[1 << 16];
    size_t size;
};

static ssize_t keep(const void *data, size_t size, void *context) {
    struct bytes *bytes = context;
    assert_true(bytes->size + size <= sizeof(bytes->data));
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    return (ssize_t)size;
}

enum { CASES = 500 };

/* a: 1, 2 and 99, which is declared missing (Stata: .r); every tenth is system-missing. b: a number. */
static void write_stat(struct bytes *bytes, bool is_stata, readstat_compress_t compression) {
    readstat_writer_t *writer = readstat_writer_init();
    bytes->size = 0;
    readstat_set_data_writer(writer, keep);
    assert_int_equal(readstat_writer_set_compression(writer, compression), READSTAT_OK);
    readstat_label_set_t *labels = readstat_add_label_set(writer, READSTAT_TYPE_DOUBLE, "answers");
    readstat_label_double_value(labels, 1, "Yes");
    readstat_label_double_value(labels, 2, "No");
    if (is_stata)
        readstat_label_tagged_value(labels, 'r', "Refused");
    else
        readstat_label_double_value(labels, 99, "Refused");
    readstat_variable_t *a = readstat_add_variable(writer, "a", READSTAT_TYPE_DOUBLE, 0);
    readstat_variable_set_label(a, "Do you?");
    readstat_variable_set_label_set(a, labels);
    if (!is_stata)
        readstat_variable_add_missing_double_value(a, 99);
    readstat_variable_t *b = readstat_add_variable(writer, "b", READSTAT_TYPE_DOUBLE, 0);
    readstat_variable_t *c = readstat_add_variable(writer, "c", READSTAT_TYPE_STRING, 8);
    assert_int_equal(is_stata ? readstat_begin_writing_dta(writer, bytes, CASES)
                              : readstat_begin_writing_sav(writer, bytes, CASES),
                     READSTAT_OK);
    for (int i = 0; i < CASES; i++) {
        readstat_begin_row(writer);
        if (i % 10 == 0)
            readstat_insert_missing_value(writer, a);
        else if (i % 10 == 9 && is_stata)
            readstat_insert_tagged_missing_value(writer, a, 'r');
        else
            readstat_insert_double_value(writer, a, i % 10 == 9 ? 99 : 1 + i % 2);
        readstat_insert_double_value(writer, b, i * 0.25);
        readstat_insert_string_value(writer, c, i % 3 ? "KR" : "JP");
        assert_int_equal(readstat_end_row(writer), READSTAT_OK);
    }
    assert_int_equal(readstat_end_writing(writer), READSTAT_OK);
    readstat_writer_free(writer);
}

static void check_stat(const struct bytes *bytes, bool is_stata) {
    struct jb_wanted_column wanted[] = {{.name = "a"}, {.name = "b", .is_number = true}, {.name = "c"}};
    struct jb_answers *answers = NULL;
    struct jb_error error = {0};
    if (read_bytes(wanted, 3, bytes->data, bytes->size, &error, &answers))
        fail_msg("%s", error.message);
    assert_int_equal(jb_answers_count(answers), CASES);
    const struct jb_answer_column *a = jb_answers_column(answers, "a"), *b = jb_answers_column(answers, "b");
    assert_string_equal(a->label, "Do you?");
    for (size_t i = 0; i < CASES; i++) {
        const struct jb_answer_value *value = &a->values[jb_answer_code(a, i)];
        assert_true(jb_answer_number(b, i) == (double)i * 0.25);
        assert_string_equal(text_of(answers, "c", i), i % 3 ? "KR" : "JP");
        assert_int_equal(value->is_missing, i % 10 == 0 || i % 10 == 9);
        if (i % 10 == 0)
            assert_string_equal(value->text, "");
        else if (i % 10 == 9)
            assert_string_equal(value->label, "Refused");
        else
            assert_string_equal(value->label, i % 2 ? "No" : "Yes");
        if (i % 10 == 9)
            assert_string_equal(value->text, is_stata ? ".r" : "99");
    }
    assert_int_equal(jb_answers_wrong(answers, 6, "a", &error, "no"), JB_INPUT);
    assert_string_equal(error.message, "f: case 7: a: no");
    jb_answers_free(answers);
}

static const struct {
    bool is_stata;
    readstat_compress_t compression;
} kinds[] = {
    {false, READSTAT_COMPRESS_NONE}, {false, READSTAT_COMPRESS_ROWS}, {true, READSTAT_COMPRESS_NONE}};

static void labels_and_missing_values_are_kept(void **state) {
    (void)state;
    static struct bytes bytes;
    for (size_t i = 0; i < JB_COUNT(kinds); i++) {
        write_stat(&bytes, kinds[i].is_stata, kinds[i].compression);
        check_stat(&bytes, kinds[i].is_stata);
    }
}

static void a_file_cut_short_is_refused(void **state) {
    (void)state;
    static struct bytes bytes;
    struct jb_wanted_column wanted[] = {{.name = "a"}, {.name = "b", .is_number = true}};
    for (size_t i = 0; i < JB_COUNT(kinds); i++) {
        write_stat(&bytes, kinds[i].is_stata, kinds[i].compression);
        for (size_t part = 1; part < 40; part++) {
            struct jb_answers *answers = NULL;
            struct jb_error error = {0};
            size_t size = bytes.size * part / 40;
            /* Stata's labels stand behind the rows. */
            assert_int_equal(read_bytes(wanted, 2, bytes.data, size, &error, &answers), JB_INPUT);
            assert_null(answers);
            assert_true(strncmp(error.message, "f", 1) == 0 && strlen(error.message) > 10);
            if (part == 20 && !strstr(error.message, "f: the file is cut off after case"))
                fail_msg("%s", error.message);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_is_read_with_quotes_and_lines),
        cmocka_unit_test(codes_widen_with_their_values),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_row_without_end_is_refused),
        cmocka_unit_test(it_reads_what_the_csv_reader_does),
        cmocka_unit_test(single_characters_are_read_as_any),
        cmocka_unit_test(labels_and_missing_values_are_kept),
        cmocka_unit_test(a_file_cut_short_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
