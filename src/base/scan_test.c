/* Scans: headings, ceilings, what messages say, missing columns, several inputs, and sums against sqlite3. */
#include "base/scan.h"

#include "base/random.h"
#include "base/scan_decimal.h"
#include "base/scan_reference_test.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>

static const struct jb_scan_slot text_slot = {.kind = JB_SCAN_TEXT},
                                 needed_text = {.kind = JB_SCAN_TEXT, .is_required = true},
                                 number_slot = {.kind = JB_SCAN_DECIMAL, .decimals = 6},
                                 needed_number = {
                                     .kind = JB_SCAN_DECIMAL, .decimals = 6, .is_required = true};

static enum jb_code make_source(const char *bytes, size_t length, struct jb_error *error,
                                struct jb_scan_source **ret_source) {
    int descriptor = memfd_create("table", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, length), length);
    assert_int_equal(lseek(descriptor, 0, SEEK_SET), 0);
    struct jb_stream *stream;
    enum jb_code code = jb_stream_open(descriptor, "t.csv", error, &stream);
    return code ? code : jb_scan_source_make(stream, ',', error, ret_source);
}

/* Columns "key" and "value" of a table in memory. */
static enum jb_code scan_with(const struct jb_scan_slot *key, const struct jb_scan_slot *value,
                              const char *bytes, size_t length, uint64_t bad_ceiling, struct jb_error *error,
                              struct jb_scan_table **ret_table) {
    _cleanup_(jb_scan_source_free_cleanup) struct jb_scan_source *source = NULL;
    enum jb_code code = make_source(bytes, length, error, &source);
    if (code)
        return code;
    const struct jb_scan_slot *slots[] = {key, value};
    static const char *const names[] = {"the key", "the value"};
    const uint32_t fields[] = {jb_scan_source_find(source, "key"), jb_scan_source_find(source, "value")};
    struct jb_scan_input input = {
        .source = source, .fields = fields, .names = fields[0] == JB_SCAN_NO_FIELD ? names : NULL};
    struct jb_scan_request request = {
        .slots = slots, .slot_count = 2, .inputs = &input, .input_count = 1, .bad_ceiling = bad_ceiling};
    return jb_scan_run(&request, error, ret_table);
}

static enum jb_code scan_text(const char *text, uint64_t bad_ceiling, struct jb_error *error,
                              struct jb_scan_table **ret_table) {
    return scan_with(&text_slot, &number_slot, text, strlen(text), bad_ceiling, error, ret_table);
}

static void headings_are_read(void **state) {
    (void)state;
    struct jb_error error = {0};
    static const char text[] = "\xef\xbb\xbf\r\n\"a \"\"b\"\"\",plain,\"x,y\r\nz\",,last";
    _cleanup_(jb_scan_source_free_cleanup) struct jb_scan_source *source = NULL;
    assert_int_equal(make_source(text, sizeof text - 1, &error, &source), JB_OK);
    assert_int_equal(jb_scan_source_width(source), 5);
    assert_string_equal(jb_scan_source_heading(source, 0), "a \"b\"");
    assert_string_equal(jb_scan_source_heading(source, 2), "x,y\r\nz");
    assert_string_equal(jb_scan_source_heading(source, 3), "");
    assert_int_equal(jb_scan_source_find(source, "last"), 4);
    assert_int_equal(jb_scan_source_find(source, "Last"), JB_SCAN_NO_FIELD);
}

static void what_is_no_table_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        enum jb_code code;
        const char *message;
    } cases[] = {
        {"", 0, JB_NO_DATA, "t.csv: nothing in it"},
        {"\n\r\n", 3, JB_NO_DATA, "t.csv: nothing in it"},
        {"\xff\xfe"
         "a\0",
         4, JB_INPUT, "t.csv: UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"},
        {"\xfe\xff\0a", 4, JB_INPUT, "t.csv: UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"},
        {"a\0b,c\n", 6, JB_INPUT, "t.csv, heading: a NUL byte; this is no text"},
        {"a,\"b\n", 5, JB_INPUT, "t.csv, heading: the file ends inside the quotes of this field"},
        {"a\"b\n", 4, JB_INPUT,
         "t.csv, heading: a quote inside an unquoted field; quote the field and double it"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        struct jb_scan_source *source = NULL;
        assert_int_equal(make_source(cases[i].bytes, cases[i].length, &error, &source), cases[i].code);
        assert_string_equal(error.message, cases[i].message);
    }
}

static void messages_name_row_column_and_mend(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"key,value\na,1\nb,x\n", "t.csv, row 3, column \"value\": 'x' is not a decimal number"},
        {"key,value\n\"a\nb\",1\nb,0.0000001\n",
         "t.csv, row 3 (line 4), column \"value\": '0.0000001' has more than 6 decimals"},
        {"key,value\na,1\n\nb\n", "t.csv, row 3 (line 4): 1 field where the heading has 2"},
        {"key,value\na,1,2\n", "t.csv, row 2: 3 fields where the heading has 2"},
        {"key,value\na,\"1\"2\n", "t.csv, row 2, column \"value\": text after a closing quote"},
        {"key,value\na\"b\",1\n",
         "t.csv, row 2, column \"key\": a quote inside an unquoted field; quote the field and double it"},
        {"key,value\na\rb,1\n",
         "t.csv, row 2, column \"key\": a carriage return inside an unquoted field; quote the field, "
         "or end lines with LF or CRLF"},
        {"key,value\na,1\nb,\"1\n",
         "t.csv, row 3, column \"value\": the file ends inside the quotes of this field"},
        {"key,value\na,1e40\n", "t.csv, row 2, column \"value\": '1e40' is out of range"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        struct jb_scan_table *table = NULL;
        assert_int_equal(scan_text(cases[i].text, 0, &error, &table), JB_INPUT);
        assert_string_equal(error.message, cases[i].message);
    }
}

static void empty_cells_are_not_zero(void **state) {
    (void)state;
    struct jb_error error = {0};
    _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *table = NULL;
    assert_int_equal(scan_text("key,value\na,\na,\"\"\na,0\n,5\n", 0, &error, &table), JB_OK);
    assert_int_equal(jb_scan_group_count(table), 2);
    assert_int_equal(jb_scan_group(table, 0).row_count, 3);
    assert_int_equal(jb_scan_number_count(table, 0, 1), 1);
    assert_string_equal(jb_scan_text(table, 0, jb_scan_text_id(table, 1, 0)), "");
    struct jb_scan_table *none = NULL;
    static const char text[] = "key,value\na,1\n,1\n", numbers[] = "key,value\na,\n",
                      lacking[] = "x,value\na,1\n";
    assert_int_equal(scan_with(&needed_text, &number_slot, text, sizeof text - 1, 0, &error, &none),
                     JB_INPUT);
    assert_string_equal(error.message, "t.csv, row 3, column \"key\": an empty cell; a text was expected");
    assert_int_equal(scan_with(&text_slot, &needed_number, numbers, sizeof numbers - 1, 0, &error, &none),
                     JB_INPUT);
    assert_string_equal(error.message,
                        "t.csv, row 2, column \"value\": an empty cell; a number was expected");
    assert_int_equal(scan_with(&needed_text, &number_slot, lacking, sizeof lacking - 1, 0, &error, &none),
                     JB_INPUT);
    assert_string_equal(error.message, "t.csv: no column \"the key\"");
}

static void bad_rows_are_listed_up_to_a_number(void **state) {
    (void)state;
    struct jb_error error = {0};
    static const char text[] = "key,value\na,1\nb,x\n\"c\na,2\n\"d\"\"\",3\nfoo\na,4\n";
    _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *table = NULL;
    struct jb_scan_table *none = NULL;
    /* The quote before c is closed by the one before d, and then comes d: the row is bad up to the end of
     * that line. */
    assert_int_equal(scan_text(text, 3, &error, &table), JB_OK);
    assert_int_equal(jb_scan_bad_count(table), 3);
    const struct jb_scan_bad *bad = jb_scan_bad(table, 1);
    assert_int_equal(bad->row, 4);
    assert_int_equal(bad->line, 4);
    assert_memory_equal(text + bad->offset, "\"c\na,2\n\"d\"\"\",3\n", bad->length);
    assert_string_equal(jb_scan_bad(table, 2)->message,
                        "t.csv, row 5 (line 7): 1 field where the heading has 2");
    assert_int_equal(jb_scan_row_count(table), 2);
    assert_true(jb_scan_sum(table, 0, 1) == 5000000);
    assert_int_equal(scan_text(text, 2, &error, &none), JB_INPUT);
    assert_string_equal(
        error.message,
        "t.csv, row 5 (line 7): 1 field where the heading has 2 (more bad rows than may be left out)");
}

/* A field of the given size, its quotes counted, in the first of two rows. */
static enum jb_code scan_large(size_t size, bool is_quoted, struct jb_error *error,
                               struct jb_scan_table **ret_table) {
    _cleanup_buffer_ struct jb_buffer text = {0};
    jb_buffer_add_string(&text, is_quoted ? "key,value\n\"" : "key,value\n");
    for (size_t i = is_quoted ? 2 : 0; i < size; i++)
        jb_buffer_add_char(&text, is_quoted && i % 1000 == 0 ? '\n' : 'x');
    jb_buffer_add_string(&text, is_quoted ? "\",1\na,2\n" : ",1\na,2\n");
    return scan_with(&text_slot, &number_slot, text.bytes, text.length, 0, error, ret_table);
}

static void fields_of_a_mebibyte_are_read(void **state) {
    (void)state;
    for (int is_quoted = 0; is_quoted < 2; is_quoted++) {
        struct jb_error error = {0};
        _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *table = NULL;
        struct jb_scan_table *none = NULL;
        assert_int_equal(scan_large(JB_SCAN_FIELD_CEILING, is_quoted, &error, &table), JB_OK);
        assert_int_equal(strlen(jb_scan_text(table, 0, 0)), JB_SCAN_FIELD_CEILING - (is_quoted ? 2 : 0));
        assert_int_equal(scan_large(JB_SCAN_FIELD_CEILING + 1, is_quoted, &error, &none), JB_INPUT);
        assert_string_equal(error.message,
                            is_quoted ? "t.csv, row 2, column \"key\": a field of more than 1 MiB; is a "
                                        "closing quote missing?"
                                      : "t.csv, row 2, column \"key\": a field of more than 1 MiB");
    }
    /* No line end at all: not even what follows can be read. */
    _cleanup_buffer_ struct jb_buffer text = {0};
    struct jb_error error = {0};
    struct jb_scan_table *none = NULL;
    jb_buffer_add_string(&text, "key,value\n");
    while (text.length < JB_SCAN_ROW_CEILING + 100)
        jb_buffer_add_string(&text, "0123456789,");
    assert_int_equal(scan_with(&text_slot, &number_slot, text.bytes, text.length, 100, &error, &none),
                     JB_INPUT);
    assert_string_equal(error.message, "t.csv, row 2: no line end within 4 MiB; is this a table of text?");
}

static enum jb_code next_row(struct jb_scan_rows *rows, struct jb_error *error, const char *const **ret_texts,
                             uint64_t *ret_line);

struct counted_rows {
    struct jb_scan_rows base;
    uint64_t at;
};

static enum jb_code next_row(struct jb_scan_rows *base, struct jb_error *error, const char *const **ret_texts,
                             uint64_t *ret_line) {
    struct counted_rows *rows = (struct counted_rows *)base;
    static const char *const texts[][2] = {{"a", "1.5"}, {"b", NULL}, {"c", "7"}};
    *ret_line = ++rows->at;
    if (rows->at == 2)
        return jb_error_set(error, JB_INPUT, "no object");
    if (rows->at > 3)
        return JB_NO_DATA;
    *ret_texts = texts[rows->at - 1];
    return JB_OK;
}

static void inputs_of_any_order_and_kind_are_one_table(void **state) {
    (void)state;
    static const char first[] = "key,value\na,1\nb,2\n", second[] = "value,other,key\n10,x,b\n,x,d\n",
                      third[] = "key\na\n";
    struct jb_error error = {0};
    for (int by_input = 0; by_input < 2; by_input++) {
        struct jb_scan_source *sources[3] = {NULL};
        assert_int_equal(make_source(first, sizeof first - 1, &error, &sources[0]), JB_OK);
        assert_int_equal(make_source(second, sizeof second - 1, &error, &sources[1]), JB_OK);
        assert_int_equal(make_source(third, sizeof third - 1, &error, &sources[2]), JB_OK);
        struct counted_rows rows = {.base = {.name = "r.json", .next = next_row}};
        static const uint32_t fields[3][2] = {{0, 1}, {2, 0}, {0, JB_SCAN_NO_FIELD}};
        struct jb_scan_input inputs[] = {{.source = sources[0], .fields = fields[0]},
                                         {.source = sources[1], .fields = fields[1]},
                                         {.source = sources[2], .fields = fields[2]},
                                         {.rows = &rows.base}};
        const struct jb_scan_slot *slots[] = {&text_slot, &number_slot};
        struct jb_scan_request request = {.slots = slots,
                                          .slot_count = 2,
                                          .inputs = inputs,
                                          .input_count = 4,
                                          .by_input = by_input,
                                          .bad_ceiling = 1,
                                          .thread_count = 3};
        _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *table = NULL;
        assert_int_equal(jb_scan_run(&request, &error, &table), JB_OK);
        for (size_t i = 0; i < 3; i++)
            jb_scan_source_free(sources[i]);
        assert_int_equal(jb_scan_row_count(table), 7);
        assert_string_equal(jb_scan_bad(table, 0)->message, "r.json, row 2: no object");
        assert_int_equal(jb_scan_group_count(table), by_input ? 7 : 4);
        if (by_input)
            continue;
        assert_true(jb_scan_sum(table, 0, 1) == 2500000); /* a: 1, nothing, 1.5 */
        assert_int_equal(jb_scan_group(table, 0).row_count, 3);
        assert_int_equal(jb_scan_number_count(table, 0, 1), 2);
        assert_true(jb_scan_sum(table, 1, 1) == 12000000);
        assert_int_equal(jb_scan_number_count(table, 2, 1), 0); /* d */
        assert_int_equal(jb_scan_group(table, 3).input, 3);
        assert_int_equal(jb_scan_group(table, 3).first_row, 3);
    }
}

static void memory_has_a_ceiling(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer text = {0};
    struct jb_error error = {0};
    jb_buffer_add_string(&text, "key,value\n");
    for (int i = 0; i < 50000; i++)
        jb_buffer_printf(&text, "key number %d,1\n", i);
    _cleanup_(jb_scan_source_free_cleanup) struct jb_scan_source *source = NULL;
    assert_int_equal(make_source(text.bytes, text.length, &error, &source), JB_OK);
    const struct jb_scan_slot *slots[] = {&text_slot, &number_slot};
    static const uint32_t fields[] = {0, 1};
    struct jb_scan_input input = {.source = source, .fields = fields};
    struct jb_scan_request request = {.slots = slots,
                                      .slot_count = 2,
                                      .inputs = &input,
                                      .input_count = 1,
                                      .memory_ceiling = (size_t)2 << 20};
    struct jb_scan_table *table = NULL;
    assert_int_equal(jb_scan_run(&request, &error, &table), JB_LIMIT);
    assert_non_null(strstr(error.message, "t.csv: too many different keys"));
}

static void doubling_rows_doubles_sums(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer once = {0}, twice = {0};
    struct jb_random random = jb_random_make(5);
    struct jb_error error = {0};
    for (int i = 0; i < 3000; i++)
        jb_buffer_printf(&once, "k%llu,%lld.%06llu\n", (unsigned long long)jb_random_below(&random, 20),
                         (long long)jb_random_below(&random, 2000000) - 1000000,
                         (unsigned long long)jb_random_below(&random, 1000000));
    jb_buffer_add_string(&twice, "key,value\n");
    jb_buffer_add(&twice, once.bytes, once.length);
    _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *single = NULL, *double_table = NULL;
    assert_int_equal(scan_text(twice.bytes, 0, &error, &single), JB_OK);
    jb_buffer_add(&twice, once.bytes, once.length);
    assert_int_equal(scan_text(twice.bytes, 0, &error, &double_table), JB_OK);
    assert_int_equal(jb_scan_group_count(single), 20);
    for (size_t i = 0; i < 20; i++) {
        assert_true(2 * jb_scan_sum(single, i, 1) == jb_scan_sum(double_table, i, 1));
        assert_int_equal(2 * jb_scan_group(single, i).row_count, jb_scan_group(double_table, i).row_count);
    }
}

static void decimals_are_exact(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned decimals;
        bool may_round;
        const char *value; /* NULL: refused */
    } cases[] = {
        {"5.2E-05", 12, false, "52000000"},
        {"1e-10", 12, false, "100"},
        {"+1", 0, false, "1"},
        {"-0.5", 0, true, "0"},
        {"-1.5", 0, true, "-2"},
        {"2.5", 0, true, "2"},
        {"2.50000000000000000000000000000000000000001", 0, true, "3"},
        {"0.00012300000000000001", 18, true, "123000000000000"},
        {"0.00012300000000000001", 18, false, NULL},
        {"9999999999999999999999999999999999", 0, false, "9999999999999999999999999999999999"},
        {"10000000000000000000000000000000000", 0, false, NULL},
        {"9999999999999999999999999999999999.5", 0, true, NULL},
        {"1e33", 0, false, "1000000000000000000000000000000000"},
        {"1e34", 0, false, NULL},
        {"0e999999999999999999999", 18, false, "0"},
        {"1e-999999999999999999999", 18, true, "0"},
        {"1e999999999999999999999", 18, true, NULL},
        {"1,234.5", 6, true, NULL},
        {"", 6, true, NULL},
        {"1.2.3", 6, true, NULL},
        {" 1", 6, true, NULL},
        {"0x10", 6, true, NULL},
        {"inf", 6, true, NULL},
        {"1e+", 6, true, NULL},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        jb_int128 value = 12345;
        char text[JB_INT128_SIZE];
        enum jb_code code = jb_scan_decimal_parse(cases[i].text, strlen(cases[i].text), cases[i].decimals,
                                                  cases[i].may_round, NULL, &value);
        assert_int_equal(code, cases[i].value ? JB_OK : JB_INPUT);
        assert_string_equal(jb_int128_format(value, text), cases[i].value ? cases[i].value : "12345");
    }
    struct jb_random random = jb_random_make(11);
    static const char bytes[] = "0123456789012345678900..eE+-";
    for (int i = 0; i < 200000; i++) {
        char text[48];
        size_t length = jb_random_below(&random, sizeof text - 1);
        for (size_t k = 0; k < length; k++)
            text[k] = bytes[jb_random_below(&random, k % 8 ? 22 : sizeof bytes - 1)];
        text[length] = '\0';
        unsigned decimals = (unsigned)jb_random_below(&random, 19);
        bool may_round = jb_random_below(&random, 2);
        jb_int128 ours = 0, theirs = 0;
        bool is_number = reference_decimal(text, decimals, may_round, &theirs);
        assert_int_equal(jb_scan_decimal_parse(text, length, decimals, may_round, NULL, &ours),
                         is_number ? JB_OK : JB_INPUT);
        assert_true(ours == theirs);
    }
}

/* The same file through the sqlite3 shell: sums of whole thousandths, which it adds exactly. */
static void sums_are_those_of_sqlite3(void **state) {
    (void)state;
    if (system("command -v sqlite3 >/dev/null 2>&1") != 0) {
        print_message("SKIP: the sqlite3 shell is not installed\n");
        skip();
    }
    char path[] = "/tmp/joulebook-scan-XXXXXX", command[512], line[256];
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    _cleanup_fclose_ FILE *file = fdopen(descriptor, "w");
    struct jb_random random = jb_random_make(3);
    struct jb_error error = {0};
    static const char *const keys[] = {"plain", "\"with, comma\"", "\"two\nlines\"", "\"a \"\"quote\"\"\"",
                                       "\"\""};
    fprintf(file, "key,value,pad\r\n");
    for (int i = 0; i < 20000; i++)
        fprintf(file, "%s,%lld.%03llu,%llu\r\n", keys[jb_random_below(&random, JB_COUNT(keys))],
                (long long)jb_random_below(&random, 2000000) + 1,
                (unsigned long long)jb_random_below(&random, 1000),
                (unsigned long long)jb_random_uint64(&random));
    assert_int_equal(fflush(file), 0);
    struct jb_stream *stream;
    _cleanup_(jb_scan_source_free_cleanup) struct jb_scan_source *source = NULL;
    assert_int_equal(jb_stream_open(open(path, O_RDONLY | O_CLOEXEC), path, &error, &stream), JB_OK);
    assert_int_equal(jb_scan_source_make(stream, ',', &error, &source), JB_OK);
    const struct jb_scan_slot *slots[] = {&text_slot, &number_slot};
    static const uint32_t fields[] = {0, 1};
    struct jb_scan_input input = {.source = source, .fields = fields};
    struct jb_scan_request request = {.slots = slots,
                                      .slot_count = 2,
                                      .inputs = &input,
                                      .input_count = 1,
                                      .thread_count = 2,
                                      .range_floor = 100000};
    _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *table = NULL;
    assert_int_equal(jb_scan_run(&request, &error, &table), JB_OK);
    snprintf(command, sizeof command,
             "sqlite3 :memory: '.import --csv %s t' \"SELECT sum(CAST(replace(value, '.', '') AS INTEGER)), "
             "count(*) FROM t "
             "GROUP BY key ORDER BY min(rowid);\"",
             path);
    FILE *shell = popen(command, "r");
    assert_non_null(shell);
    for (size_t i = 0; i < JB_COUNT(keys); i++) {
        unsigned long long sum, count;
        assert_non_null(fgets(line, sizeof line, shell));
        assert_int_equal(sscanf(line, "%llu|%llu", &sum, &count), 2);
        assert_true(jb_scan_sum(table, i, 1) == (jb_int128)sum * 1000);
        assert_int_equal(jb_scan_group(table, i).row_count, count);
    }
    assert_null(fgets(line, sizeof line, shell));
    pclose(shell);
    unlink(path);
}

static enum jb_code keep_first(const struct jb_scan_slot *slot, const char *text, struct jb_error *error,
                               struct jb_buffer *ret_text) {
    (void)slot;
    (void)error;
    jb_buffer_add(ret_text, text, 1);
    return JB_OK;
}

/* Three slots over three columns, on so many threads; the source is gone when it returns. */
static struct jb_scan_table *scan_three(const struct jb_buffer *bytes,
                                        const struct jb_scan_slot *const *slots, const uint32_t *fields,
                                        unsigned threads, uint64_t range_floor) {
    struct jb_error error = {0};
    _cleanup_(jb_scan_source_free_cleanup) struct jb_scan_source *source = NULL;
    struct jb_scan_table *table = NULL;
    assert_int_equal(make_source(bytes->bytes, bytes->length, &error, &source), JB_OK);
    struct jb_scan_input input = {.source = source, .fields = fields};
    struct jb_scan_request request = {.slots = slots,
                                      .slot_count = 3,
                                      .inputs = &input,
                                      .input_count = 1,
                                      .thread_count = threads,
                                      .range_floor = range_floor};
    assert_int_equal(jb_scan_run(&request, &error, &table), JB_OK);
    return table;
}

/* Two columns side by side, whose texts hardly ever come twice together though each has few, and so many of
 * which stand for one group. */
static void columns_that_vary_together_are_taken_apart(void **state) {
    (void)state;
    enum { ROWS = 90000 };
    static uint64_t rows[10][10], sums[10][10];
    struct jb_buffer bytes __attribute__((cleanup(jb_buffer_free))) = {0};
    struct jb_random random = jb_random_make(8);
    jb_buffer_add_string(&bytes, "left,right,value\n");
    for (unsigned i = 0; i < ROWS; i++) {
        unsigned left = (unsigned)jb_random_below(&random, 5000),
                 right = (unsigned)jb_random_below(&random, 900);
        rows[left / 1000][right / 100]++;
        sums[left / 1000][right / 100] += i;
        jb_buffer_printf(&bytes, "%04u,%03u,%u\n", left, right, i);
    }
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        const struct jb_scan_slot first = {.kind = JB_SCAN_TEXT, .make_text = keep_first};
        const struct jb_scan_slot *slots[] = {&number_slot, &first, &first};
        const uint32_t fields[] = {2, 1, 0};
        _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *table =
            scan_three(&bytes, slots, fields, threads, threads == 1 ? 0 : 4096);
        assert_int_equal(jb_scan_row_count(table), ROWS);
        assert_int_equal(jb_scan_group_count(table), 45);
        for (size_t group = 0; group < 45; group++) {
            int left = *jb_scan_text(table, 2, jb_scan_text_id(table, group, 2)) - '0',
                right = *jb_scan_text(table, 1, jb_scan_text_id(table, group, 1)) - '0';
            assert_int_equal(jb_scan_group(table, group).row_count, rows[left][right]);
            assert_true(jb_scan_sum(table, group, 0) == (jb_int128)sums[left][right] * 1000000);
        }
    }
}

/* Groups of one time follow those of another, more than are remembered at a time come back, and some sums
 * need more than 64 bits: 9 million are nearly as much of the units that are summed here. */
static void sums_of_many_groups_are_whole(void **state) {
    (void)state;
    enum { DAYS = 3, KEYS = 5000, ROWS = 40000 };
    static jb_int128 sums[DAYS][KEYS];
    static uint64_t rows[DAYS][KEYS];
    struct jb_buffer bytes __attribute__((cleanup(jb_buffer_free))) = {0};
    struct jb_random random = jb_random_make(11);
    jb_buffer_add_string(&bytes, "day,value,key\n");
    for (unsigned i = 0; i < ROWS; i++) {
        unsigned day = i * (DAYS + 1) / ROWS % DAYS, key = (unsigned)jb_random_below(&random, KEYS);
        int64_t value = key % 7 ? (int64_t)jb_random_below(&random, 1000)
                                : (int64_t)jb_random_below(&random, 30000000) - 12000000;
        rows[day][key]++;
        sums[day][key] += (jb_int128)value * 1000000000000;
        if (i % 5 == 0)
            jb_buffer_printf(&bytes, "%u,,%u\n", day, key),
                sums[day][key] -= (jb_int128)value * 1000000000000;
        else
            jb_buffer_printf(&bytes, "%u,%lld,%u\n", day, (long long)value, key);
    }
    const struct jb_scan_slot fine_slot = {.kind = JB_SCAN_DECIMAL, .decimals = 12};
    const struct jb_scan_slot *slots[] = {&text_slot, &fine_slot, &text_slot};
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        const uint32_t fields[] = {0, 1, 2};
        _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *table =
            scan_three(&bytes, slots, fields, threads, threads == 1 ? 0 : 4096);
        uint64_t seen = 0;
        for (size_t group = 0; group < jb_scan_group_count(table); group++) {
            long day = strtol(jb_scan_text(table, 0, jb_scan_text_id(table, group, 0)), NULL, 10),
                 key = strtol(jb_scan_text(table, 2, jb_scan_text_id(table, group, 2)), NULL, 10);
            assert_int_equal(jb_scan_group(table, group).row_count, rows[day][key]);
            assert_true(jb_scan_sum(table, group, 1) == sums[day][key]);
            seen += rows[day][key];
        }
        assert_int_equal(seen, ROWS);
    }
}

/* What is side by side is joined in one part of a file and not in another, and one part has no row at all. */
static void parts_of_a_file_become_one_table(void **state) {
    (void)state;
    enum { ROWS = 3000, GROUPS = 15 };
    struct jb_buffer bytes __attribute__((cleanup(jb_buffer_free))) = {0};
    static const char *const long_text =
        "a text that is too long to be looked up together with its neighbour";
    jb_buffer_add_string(&bytes, "left,right,value\n");
    for (unsigned i = 0; i < ROWS; i++) {
        const char *text = i % 5 == 0 && i > ROWS / 2 ? long_text : "b";
        if (i == ROWS / 2) {
            jb_buffer_add_string(&bytes, "\"");
            for (unsigned more = 0; more < 40000; more++)
                jb_buffer_add_string(&bytes, "\n");
            jb_buffer_add_string(&bytes, "\",b,1\n");
        }
        jb_buffer_printf(&bytes, "%u,%s,%u\n", i % 7, text, i);
    }
    uint64_t row_counts[2][40] = {{0}};
    jb_int128 sums[2][40] = {{0}};
    for (unsigned threads = 1; threads <= 9; threads += 8) {
        const struct jb_scan_slot *slots[] = {&text_slot, &text_slot, &number_slot};
        const uint32_t fields[] = {0, 1, 2};
        _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *table =
            scan_three(&bytes, slots, fields, threads, threads == 1 ? 0 : 1024);
        assert_int_equal(jb_scan_row_count(table), ROWS + 1);
        assert_int_equal(jb_scan_group_count(table), GROUPS);
        assert_int_equal(jb_scan_kind_count(table), GROUPS);
        for (size_t group = 0; group < GROUPS; group++) {
            assert_int_equal(jb_scan_kind(table, group), group);
            row_counts[threads > 1][group] = jb_scan_group(table, group).row_count;
            sums[threads > 1][group] = jb_scan_sum(table, group, 2);
            assert_int_equal(row_counts[0][group], row_counts[threads > 1][group]);
            assert_true(sums[0][group] == sums[threads > 1][group]);
        }
    }
    for (size_t group = 0; group < GROUPS; group++)
        assert_true(row_counts[0][group] > 0 && sums[0][group] > 0);
}

/* Sums that become large late, of nearly as many groups as fit the memory, in a table that lacks most
 * numbers.
 */
static void missing_columns_leave_room_for_large_sums(void **state) {
    (void)state;
    enum { KEYS = 160000, SLOTS = 31, PRESENT = 19 };
    struct jb_buffer bytes __attribute__((cleanup(jb_buffer_free))) = {0};
    jb_buffer_add_string(&bytes, "key,value\n");
    for (unsigned i = 0; i < 2 * KEYS; i++)
        jb_buffer_printf(&bytes, "%u,%u\n", i % KEYS, i < KEYS ? 1 : 20000000 + i);
    jb_buffer_add_string(&bytes, "0,\n");
    struct jb_error error = {0};
    _cleanup_(jb_scan_source_free_cleanup) struct jb_scan_source *source = NULL;
    _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *table = NULL;
    assert_int_equal(make_source(bytes.bytes, bytes.length, &error, &source), JB_OK);
    const struct jb_scan_slot fine_slot = {.kind = JB_SCAN_DECIMAL, .decimals = 12};
    const struct jb_scan_slot *slots[SLOTS] = {&text_slot};
    uint32_t fields[SLOTS] = {0};
    for (size_t slot = 1; slot < SLOTS; slot++) {
        slots[slot] = &fine_slot;
        fields[slot] = slot == PRESENT ? 1 : JB_SCAN_NO_FIELD;
    }
    struct jb_scan_input input = {.source = source, .fields = fields};
    struct jb_scan_request request = {.slots = slots,
                                      .slot_count = SLOTS,
                                      .inputs = &input,
                                      .input_count = 1,
                                      .thread_count = 1,
                                      .memory_ceiling = (size_t)64 << 20};
    if (jb_scan_run(&request, &error, &table))
        fail_msg("%s", error.message);
    assert_int_equal(jb_scan_group_count(table), KEYS);
    for (size_t group = 0; group < KEYS; group++) {
        assert_true(jb_scan_sum(table, group, PRESENT) ==
                    (jb_int128)(20000001 + KEYS + group) * 1000000000000);
        assert_int_equal(jb_scan_number_count(table, group, PRESENT), 2);
        assert_int_equal(jb_scan_number_count(table, group, 1), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headings_are_read),
        cmocka_unit_test(what_is_no_table_is_refused),
        cmocka_unit_test(messages_name_row_column_and_mend),
        cmocka_unit_test(empty_cells_are_not_zero),
        cmocka_unit_test(bad_rows_are_listed_up_to_a_number),
        cmocka_unit_test(fields_of_a_mebibyte_are_read),
        cmocka_unit_test(inputs_of_any_order_and_kind_are_one_table),
        cmocka_unit_test(memory_has_a_ceiling),
        cmocka_unit_test(columns_that_vary_together_are_taken_apart),
        cmocka_unit_test(sums_of_many_groups_are_whole),
        cmocka_unit_test(parts_of_a_file_become_one_table),
        cmocka_unit_test(missing_columns_leave_room_for_large_sums),
        cmocka_unit_test(doubling_rows_doubles_sums),
        cmocka_unit_test(decimals_are_exact),
        cmocka_unit_test(sums_are_those_of_sqlite3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
