/* Every row of the factor tables of the CPU model: units, ranges, order, no duplicates. */
#include "base/cleanup.h"
#include "base/csv.h"
#include "base/decimal.h"
#include "source/cpumodel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROW_CEILING 8192

/* A table, whole: rows of strings. */
struct rows {
    char **cells;
    size_t row_count, column_count;
};

static char *cell(const struct rows *rows, size_t row, size_t column) {
    return rows->cells[row * rows->column_count + column];
}

static struct rows load(const char *name, size_t column_count) {
    char path[4096];
    snprintf(path, sizeof path, "%s/data/cpu/%s", getenv("JB_SOURCE_ROOT"), name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    struct jb_csv_reader *reader = NULL;
    struct jb_error error = {0};
    assert_int_equal(jb_csv_reader_make(file, path, &error, &reader), JB_OK);
    struct rows rows = {.column_count = column_count,
                        .cells = calloc(ROW_CEILING * column_count, sizeof(char *))};
    assert_non_null(rows.cells);
    const char *const *fields;
    size_t count;
    enum jb_code code;
    for (size_t line = 0; !(code = jb_csv_read(reader, &error, &fields, &count)); line++) {
        assert_int_equal(count, column_count);
        assert_true(rows.row_count < ROW_CEILING);
        for (size_t i = 0; line > 0 && i < count; i++) {
            assert_true(fields[i][0] != '\0');
            rows.cells[rows.row_count * column_count + i] = strdup(fields[i]);
        }
        rows.row_count += line > 0;
    }
    assert_int_equal(code, JB_NO_DATA);
    assert_true(rows.row_count > 0);
    jb_csv_reader_free(reader);
    fclose(file);
    return rows;
}

static void unload(struct rows *rows) {
    for (size_t i = 0; i < rows->row_count * rows->column_count; i++)
        free(rows->cells[i]);
    free(rows->cells);
}

static int64_t micro(const char *text) {
    int64_t value = 0;
    struct jb_error error = {0};
    if (jb_decimal_parse(text, 1000000, &error, &value))
        fail_msg("%s", error.message);
    return value;
}

static void test_vcpu_power(void **state) {
    (void)state;
    struct rows rows = load("vcpu_power.csv", 5);
    assert_true(rows.row_count >= 15);
    for (size_t i = 0; i < rows.row_count; i++) {
        int64_t min_uw = micro(cell(&rows, i, 1)), max_uw = micro(cell(&rows, i, 2));
        /* a thread of a server idles above 0.1 W and stays below 12 W of its node */
        assert_in_range(min_uw, 100000, 5000000);
        assert_in_range(max_uw, 1000000, 12000000);
        assert_true(min_uw < max_uw);
        assert_in_range(micro(cell(&rows, i, 3)), 100000, 1000000);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(cell(&rows, i, 0), cell(&rows, j, 0));
    }
    unload(&rows);
}

static void test_microarchitectures(void **state) {
    (void)state;
    struct rows rows = load("microarchitectures.csv", 10);
    struct rows power = load("vcpu_power.csv", 5);
    for (size_t i = 0; i < rows.row_count; i++) {
        unsigned long bounds[6] = {0};
        for (size_t k = 1; k <= 5; k++) {
            char *end = NULL;
            bounds[k] = strtoul(cell(&rows, i, k), &end, 0);
            assert_string_equal(end, "");
        }
        assert_true(bounds[2] <= bounds[3]);
        assert_true(bounds[4] <= bounds[5]);
        assert_in_range(micro(cell(&rows, i, 8)), 0, 600000);
        size_t matches = 0;
        for (size_t j = 0; j < power.row_count; j++)
            matches += strcmp(cell(&rows, i, 7), cell(&power, j, 0)) == 0;
        assert_int_equal(matches, 1);
        for (size_t j = 0; j < i; j++) { /* no CPU is in two rows */
            if (strcmp(cell(&rows, i, 0), cell(&rows, j, 0)) != 0 ||
                strtoul(cell(&rows, j, 1), NULL, 0) != bounds[1])
                continue;
            bool models_meet = strtoul(cell(&rows, j, 2), NULL, 0) <= bounds[3] &&
                               strtoul(cell(&rows, j, 3), NULL, 0) >= bounds[2];
            bool steppings_meet = strtoul(cell(&rows, j, 4), NULL, 0) <= bounds[5] &&
                                  strtoul(cell(&rows, j, 5), NULL, 0) >= bounds[4];
            assert_false(models_meet && steppings_meet);
        }
    }
    unload(&power);
    unload(&rows);
}

static int compare_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void test_tdp(void **state) {
    (void)state;
    struct rows rows = load("tdp.csv", 2);
    assert_true(rows.row_count > 4000);
    char **names = calloc(rows.row_count, sizeof *names);
    assert_non_null(names);
    for (size_t i = 0; i < rows.row_count; i++) {
        assert_in_range(micro(cell(&rows, i, 1)), 500000, 600000000); /* 0.5 to 600 W */
        char name[96];
        jb_cpu_name_normalise(cell(&rows, i, 0), name, sizeof name);
        assert_true(strlen(name) > 4 && strlen(name) < sizeof name - 1);
        if (!strpbrk(name, "0123456789"))
            fail_msg("'%s' could be any CPU of its brand", cell(&rows, i, 0));
        names[i] = strdup(name);
    }
    qsort(names, rows.row_count, sizeof *names, compare_text);
    for (size_t i = 1; i < rows.row_count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            fail_msg("'%s' is there twice", names[i]);
    }
    for (size_t i = 0; i < rows.row_count; i++)
        free(names[i]);
    free(names);
    unload(&rows);
}

static void test_models(void **state) {
    (void)state;
    struct rows memory = load("memory.csv", 4);
    assert_int_equal(memory.row_count, 1);
    assert_in_range(micro(cell(&memory, 0, 0)), 50000, 1000000);
    assert_in_range(micro(cell(&memory, 0, 1)), 0, 4000000);
    assert_in_range(micro(cell(&memory, 0, 2)), 100000, 1000000);
    unload(&memory);
    struct rows tdp = load("tdp_model.csv", 4);
    assert_int_equal(tdp.row_count, 1);
    assert_true(micro(cell(&tdp, 0, 0)) < micro(cell(&tdp, 0, 1)));
    assert_in_range(micro(cell(&tdp, 0, 1)), 800000, 1500000);
    assert_in_range(micro(cell(&tdp, 0, 2)), 100000, 1000000);
    unload(&tdp);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vcpu_power),
        cmocka_unit_test(test_microarchitectures),
        cmocka_unit_test(test_tdp),
        cmocka_unit_test(test_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
