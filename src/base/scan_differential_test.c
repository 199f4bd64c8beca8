/* Scans of random tables, quoted and malformed among them, against the obvious reader: every instruction set
 * of this machine, any number of threads, blocks of any size. JB_SCAN_CASES sets how many (default 150). */
#include "base/scan_reference_test.h"

#include "base/random.h"
#include "base/scan_internal.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <sys/mman.h>

enum { TEXT, LABEL, TIME, COST, USAGE, SLOTS };

struct table {
    struct jb_buffer bytes;
    char separator;
    size_t width;
    uint32_t fields[SLOTS];
};

static const char *const texts[] = {
    "",           "a",     "eu-west-1",
    "us-east-1",  "Seoul", "a text that is longer than the sixty bytes which are remembered of one",
    "\xc3\xa9",   "a,b",   "say \"so\"",
    "two\nlines", "\r\n",  "\"",
    ";",          "\t",    " "};
static const char *const times[] = {"2026-10-01",
                                    "2026-10-01T05:00:00Z",
                                    "2026-10-01T23:59:59.5Z",
                                    "2026-10-02 01:00",
                                    "1969-12-31T23:00:00Z",
                                    "",
                                    "",
                                    "2026-13-01",
                                    "soon"};
static const char *const numbers[] = {"0",
                                      "1",
                                      "-1.5",
                                      "12.345678",
                                      "1234567890.123456",
                                      "0.000001",
                                      "1e3",
                                      "-2.5E-2",
                                      "+7",
                                      ".5",
                                      "5.",
                                      "",
                                      "",
                                      "-0",
                                      "0.0000015",
                                      "999999999999999",
                                      "12345678901234567",
                                      "0.00000049999999999999999999",
                                      "100000000000000000000000000000000",
                                      "1,5",
                                      "NaN",
                                      "--1",
                                      "1e",
                                      "-",
                                      "."};

/* Now and then a made-up number, so that not only the list is tried. */
static const char *make_number(struct jb_random *random, char *made) {
    size_t length = jb_random_below(random, 24) + 1, at = 0;
    if (jb_random_below(random, 3) == 0)
        made[at++] = '-';
    size_t point = jb_random_below(random, length + 4);
    for (size_t i = 0; i < length; i++)
        made[at++] = i == point ? '.' : (char)('0' + jb_random_below(random, 10));
    made[at] = '\0';
    return made;
}

static const char *pick(struct jb_random *random, size_t field, bool is_wild, char *made) {
    switch (field % 4) {
    case 1:
        return times[jb_random_below(random, is_wild ? JB_COUNT(times) : 6)];
    case 2:
        if (jb_random_below(random, 2))
            return make_number(random, made);
        return numbers[jb_random_below(random, is_wild ? JB_COUNT(numbers) : 14)];
    default:
        return texts[jb_random_below(random, JB_COUNT(texts))];
    }
}

static void add_field(struct jb_random *random, struct jb_buffer *bytes, char separator, const char *text) {
    bool must = strpbrk(text, "\"\r\n") || strchr(text, separator);
    if (!*text)
        must = false;
    if (!must && jb_random_below(random, 6)) {
        jb_buffer_add_string(bytes, text);
        return;
    }
    jb_buffer_add_char(bytes, '"');
    for (; *text; text++) {
        if (*text == '"')
            jb_buffer_add_char(bytes, '"');
        jb_buffer_add_char(bytes, *text);
    }
    jb_buffer_add_char(bytes, '"');
}

/* Some bytes changed, put in or taken out behind the heading. */
static void damage(struct jb_random *random, struct jb_buffer *bytes, size_t heading) {
    static const char bad[] = "\"\"\",,\n\r;x";
    for (size_t count = jb_random_below(random, 4) + 1; count && bytes->length > heading; count--) {
        size_t at = heading + jb_random_below(random, bytes->length - heading);
        char c = bad[jb_random_below(random, sizeof bad)]; /* its NUL as well */
        if (jb_random_below(random, 3) == 0) {
            memmove(bytes->bytes + at, bytes->bytes + at + 1, bytes->length - at);
            bytes->length--;
        } else {
            bytes->bytes[at] = c;
        }
    }
}

static struct table make_table(struct jb_random *random) {
    struct table table = {.separator = ",,,;\t"[jb_random_below(random, 5)],
                          .width = jb_random_below(random, 7) + 1};
    const char *line_end = jb_random_below(random, 3) ? "\n" : "\r\n";
    bool is_wild = jb_random_below(random, 3) == 0;
    char made[32];
    if (jb_random_below(random, 8) == 0)
        jb_buffer_add(&table.bytes, "\xef\xbb\xbf", 3);
    for (size_t i = 0; i < table.width; i++)
        jb_buffer_printf(&table.bytes, "%.*sc%zu", i > 0, &table.separator, i);
    jb_buffer_add_string(&table.bytes, line_end);
    size_t heading = table.bytes.length, rows = jb_random_below(random, 40);
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < table.width; i++) {
            if (i)
                jb_buffer_add_char(&table.bytes, table.separator);
            add_field(random, &table.bytes, table.separator, pick(random, i, is_wild, made));
        }
        if (row + 1 < rows || jb_random_below(random, 4))
            jb_buffer_add_string(&table.bytes, line_end);
        if (jb_random_below(random, 60) == 0)
            jb_buffer_add_string(&table.bytes, line_end);
    }
    if (jb_random_below(random, 3) == 0)
        damage(random, &table.bytes, heading);
    for (size_t slot = 0; slot < SLOTS; slot++) {
        uint32_t field = (uint32_t)jb_random_below(random, table.width);
        uint32_t wanted = slot == TIME ? 1 : slot == COST || slot == USAGE ? 2 : field;
        table.fields[slot] = wanted < table.width && jb_random_below(random, 10) ? wanted : JB_SCAN_NO_FIELD;
    }
    return table;
}

/* ---- what is expected ------------------------------------------------------------------------------- */

struct group {
    char *texts[2];
    int64_t time_ns;
    jb_int128 sums[2];
    uint64_t counts[2], row_count, first_row;
};

struct bad {
    uint64_t row, line, offset, length;
};

struct expected {
    struct group groups[64];
    struct bad bad[64];
    size_t group_count, bad_count;
    uint64_t row_count;
};

static enum jb_code make_label(const struct jb_scan_slot *slot, const char *text, struct jb_error *error,
                               struct jb_buffer *ret_text) {
    (void)slot;
    if (strcmp(text, "Seoul") == 0)
        return jb_error_set(error, JB_INPUT, "not a label");
    jb_buffer_add(ret_text, text, 1);
    return JB_OK;
}

static enum jb_code refuse_semicolon(const struct jb_scan_check *check, size_t input,
                                     const char *const *texts_seen, const int64_t *times_ns,
                                     struct jb_error *error, size_t *ret_slot) {
    (void)check;
    assert_int_equal(input, 0);
    if (strcmp(texts_seen[TEXT], ";") != 0 || times_ns[TIME] == 0)
        return JB_OK;
    *ret_slot = TEXT;
    return jb_error_set(error, JB_INPUT, "a semicolon");
}

static const struct jb_scan_slot slot_text = {.kind = JB_SCAN_TEXT},
                                 slot_label = {.kind = JB_SCAN_TEXT, .make_text = make_label},
                                 slot_time = {.kind = JB_SCAN_TIME, .bucket_ns = INT64_C(86400000000000)},
                                 slot_cost = {.kind = JB_SCAN_DECIMAL, .decimals = 6, .may_round = true},
                                 slot_usage = {.kind = JB_SCAN_DECIMAL, .decimals = 18};
static const struct jb_scan_slot *const slots[SLOTS] = {&slot_text, &slot_label, &slot_time, &slot_cost,
                                                        &slot_usage};
static const struct jb_scan_check check = {.check = refuse_semicolon};

static const char *cell(const struct table *table, const struct reference_row *row, size_t slot) {
    return table->fields[slot] == JB_SCAN_NO_FIELD ? "" : row->fields[table->fields[slot]];
}

static bool expect_row(struct expected *expected, const struct table *table, const struct reference_row *row,
                       uint64_t number) {
    if (row->count != table->width || strcmp(cell(table, row, LABEL), "Seoul") == 0)
        return false;
    char label[2] = {cell(table, row, LABEL)[0], '\0'};
    const char *key[2] = {cell(table, row, TEXT), label};
    int64_t time_ns = JB_SCAN_NO_TIME;
    jb_int128 values[2] = {0, 0};
    if (*cell(table, row, TIME)) {
        if (jb_time_parse(cell(table, row, TIME), NULL, &time_ns))
            return false;
        time_ns = jb_time_floor(time_ns, slot_time.bucket_ns);
    }
    for (size_t i = 0; i < 2; i++) {
        const struct jb_scan_slot *slot = slots[COST + i];
        if (*cell(table, row, COST + i) &&
            !reference_decimal(cell(table, row, COST + i), slot->decimals, slot->may_round, &values[i]))
            return false;
    }
    if (strcmp(key[0], ";") == 0 && time_ns != 0)
        return false;
    size_t at = 0;
    for (; at < expected->group_count; at++) {
        const struct group *group = &expected->groups[at];
        if (strcmp(group->texts[0], key[0]) == 0 && strcmp(group->texts[1], key[1]) == 0 &&
            group->time_ns == time_ns)
            break;
    }
    struct group *group = &expected->groups[at];
    if (at == expected->group_count) {
        expected->group_count++;
        *group = (struct group){
            .texts = {strdup(key[0]), strdup(key[1])}, .time_ns = time_ns, .first_row = number};
    }
    group->row_count++;
    for (size_t i = 0; i < 2; i++) {
        group->sums[i] += values[i];
        group->counts[i] += *cell(table, row, COST + i) != '\0';
    }
    return true;
}

static void expect(struct expected *expected, const struct table *table) {
    const char *bytes = table->bytes.bytes;
    size_t length = table->bytes.length, at = (size_t)(strchr(bytes, '\n') + 1 - bytes);
    uint64_t line = 2, number = 2;
    while (at < length) {
        struct reference_row row = reference_take(bytes, length, table->separator, at);
        if (!row.is_empty) {
            if (row.is_bad || !expect_row(expected, table, &row, number))
                expected->bad[expected->bad_count++] = (struct bad){number, line, at, row.next - at};
            else
                expected->row_count++;
            number++;
        }
        for (size_t i = at; i < row.next; i++)
            line += bytes[i] == '\n';
        at = row.next;
        reference_row_free(&row);
    }
}

static void expected_free(struct expected *expected) {
    for (size_t i = 0; i < expected->group_count; i++) {
        free(expected->groups[i].texts[0]);
        free(expected->groups[i].texts[1]);
    }
}

/* ---- what is found ---------------------------------------------------------------------------------- */

static enum jb_code scan(const struct table *table, struct jb_scan_request request, struct jb_error *error,
                         struct jb_scan_table **ret_table) {
    int descriptor = memfd_create("table", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, table->bytes.bytes, table->bytes.length), table->bytes.length);
    assert_int_equal(lseek(descriptor, 0, SEEK_SET), 0);
    struct jb_stream *stream;
    _cleanup_(jb_scan_source_free_cleanup) struct jb_scan_source *source = NULL;
    assert_int_equal(jb_stream_open(descriptor, "t.csv", error, &stream), JB_OK);
    assert_int_equal(jb_scan_source_make(stream, table->separator, error, &source), JB_OK);
    assert_int_equal(jb_scan_source_width(source), table->width);
    struct jb_scan_input input = {.source = source, .fields = table->fields};
    request.slots = slots;
    request.slot_count = SLOTS;
    request.inputs = &input;
    request.input_count = 1;
    request.check = &check;
    request.memory_ceiling = (size_t)4 << 20; /* what is reserved costs time under a sanitizer */
    return jb_scan_run(&request, error, ret_table);
}

static void compare(const struct jb_scan_table *found, const struct expected *expected) {
    assert_int_equal(jb_scan_row_count(found), expected->row_count);
    assert_int_equal(jb_scan_bad_count(found), expected->bad_count);
    assert_int_equal(jb_scan_group_count(found), expected->group_count);
    for (size_t i = 0; i < expected->bad_count; i++) {
        const struct jb_scan_bad *bad = jb_scan_bad(found, i);
        assert_int_equal(bad->row, expected->bad[i].row);
        assert_int_equal(bad->line, expected->bad[i].line);
        assert_int_equal(bad->offset, expected->bad[i].offset);
        assert_int_equal(bad->length, expected->bad[i].length);
    }
    uint32_t texts_seen[2] = {0, 0};
    for (size_t i = 0; i < expected->group_count; i++) {
        const struct group *group = &expected->groups[i];
        struct jb_scan_group shape = jb_scan_group(found, i);
        assert_int_equal(shape.row_count, group->row_count);
        assert_int_equal(shape.first_row, group->first_row);
        for (size_t slot = 0; slot < 2; slot++) {
            uint32_t id = jb_scan_text_id(found, i, slot);
            assert_true(id <= texts_seen[slot]); /* in order of first appearance */
            texts_seen[slot] += id == texts_seen[slot];
            assert_string_equal(jb_scan_text(found, slot, id), group->texts[slot]);
            assert_true(jb_scan_sum(found, i, COST + slot) == group->sums[slot]);
            assert_int_equal(jb_scan_number_count(found, i, COST + slot), group->counts[slot]);
        }
        assert_int_equal(jb_scan_time_ns(found, i, TIME), group->time_ns);
    }
    assert_int_equal(jb_scan_text_count(found, TEXT), texts_seen[0]);
}

/* ---- cases ------------------------------------------------------------------------------------------ */

/* The ways to scan the same: which of them, case by case. */
static struct jb_scan_request way_of(struct jb_random *random) {
    static const size_t block_sizes[] = {256, 512, 1024, 4096, 0};
    static const unsigned thread_counts[] = {1, 2, 3, 7};
    size_t kernels = 0;
    while (jb_scan_kernels[kernels])
        kernels++;
    struct jb_scan_request request = {
        .thread_count = thread_counts[jb_random_below(random, JB_COUNT(thread_counts))],
        .block_size = block_sizes[jb_random_below(random, JB_COUNT(block_sizes))],
        .range_floor = jb_random_below(random, 400) + 1,
        .by_input = jb_random_below(random, 2),
        .kernel = jb_scan_kernels[jb_random_below(random, kernels)],
    };
    if (!request.kernel->is_supported())
        request.kernel = &jb_scan_kernel_portable;
    return request;
}

static void run_case(uint64_t seed) {
    struct jb_random random = jb_random_make(seed);
    struct table table = make_table(&random);
    struct expected expected = {0};
    expect(&expected, &table);
    struct jb_error first = {0};
    for (unsigned way = 0; way < 4; way++) {
        struct jb_scan_request request = way_of(&random);
        struct jb_error error = {0};
        _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *found = NULL, *strict = NULL;
        request.bad_ceiling = expected.bad_count;
        enum jb_code code = scan(&table, request, &error, &found);
        if (code)
            fail_msg("seed %llu: %s", (unsigned long long)seed, error.message);
        compare(found, &expected);
        if (expected.bad_count == 0)
            continue;
        /* One bad row too many, and always the same one. */
        request.bad_ceiling = (seed + way) % 2 ? expected.bad_count - 1 : 0;
        assert_int_equal(scan(&table, request, &error, &strict), JB_INPUT);
        if (request.bad_ceiling)
            continue;
        if (!first.code)
            first = error;
        assert_string_equal(error.message, first.message);
        char place[64];
        snprintf(place, sizeof place, "t.csv, row %llu", (unsigned long long)expected.bad[0].row);
        assert_int_equal(strncmp(error.message, place, strlen(place)), 0);
    }
    expected_free(&expected);
    jb_buffer_free(&table.bytes);
}

static void every_way_finds_what_the_obvious_reader_finds(void **state) {
    (void)state;
    const char *wanted = getenv("JB_SCAN_CASES");
    uint64_t count = wanted ? strtoull(wanted, NULL, 10) : 150;
    for (uint64_t seed = 1; seed <= count; seed++)
        run_case(seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_finds_what_the_obvious_reader_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
