/* What the line of progress says. */
#include "cli/progress.h"

#include "report/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void says(struct jb_progress *progress, const char *name, size_t name_count, double elapsed_s,
                 double rate, unsigned columns, const char *expected) {
    char text[PROGRESS_TEXT_SIZE];
    assert_string_equal(progress_format(progress, name, name_count, elapsed_s, rate, columns, text),
                        expected);
    assert_true(jb_text_width(text) <= columns);
}

static void set(struct jb_progress *progress, uint64_t done, uint64_t total) {
    atomic_store(&progress->done, done);
    atomic_store(&progress->total, total);
}

static void test_reading(void **state) {
    struct jb_progress progress = {.done = 0};
    (void)state;
    says(&progress, NULL, 1, 1, 0, 80, "reading  0 B, 1 s");
    atomic_store(&progress.place, 2);
    set(&progress, 1240000000, 9800000000);
    says(&progress, "/data/july.csv.gz", 12, 3, 4e8, 80,
         "july.csv.gz (2 of 12)  1.24 GB of 9.80 GB, 12 %, 400 MB/s, 22 s left");
    says(&progress, "july.csv", 1, 3, 1e6, 80,
         "july.csv  1.24 GB of 9.80 GB, 12 %, 1.00 MB/s, 2 h 22 min left");
    says(&progress, "july.csv", 1, 3, 1e8, 80,
         "july.csv  1.24 GB of 9.80 GB, 12 %, 100 MB/s, 1 min 26 s left");
    says(&progress, "july.csv", 1, 7, 0, 80, "july.csv  1.24 GB of 9.80 GB, 12 %, 7 s"); /* it stands still */
    says(&progress, "july.csv", 1, 7, 1, 80, "july.csv  1.24 GB of 9.80 GB, 12 %, 1 B/s, 7 s");
    set(&progress, 999600, 0);
    says(&progress, "-", 1, 60, 9.996e6, 80, "standard input  1.00 MB, 10.0 MB/s, 1 min 00 s");
    set(&progress, 12, 10); /* it has grown meanwhile */
    says(&progress, "a", 1, 2, 0, 80, "a  10 B of 10 B, 100 %, 2 s");
    says(&progress, "a\033[2Jb", 1, 2, 0, 80, "a?[2Jb  10 B of 10 B, 100 %, 2 s");
}

static void test_phases(void **state) {
    struct jb_progress progress = {.done = 0};
    (void)state;
    atomic_store(&progress.place, 1);
    jb_progress_begin(NULL, "estimating", NULL, 0);
    jb_progress_add(NULL, 1);
    jb_progress_begin(&progress, "estimating", NULL, 0);
    says(&progress, "july.csv", 2, 0.5, 0, 80, "estimating");
    says(&progress, "july.csv", 2, 2, 0, 80, "estimating  2 s");
    jb_progress_begin(&progress, "checking", "flows", 0);
    jb_progress_add(&progress, 400);
    says(&progress, "july.csv", 2, 2, 200, 80, "checking  400 flows, 2 s");
    jb_progress_begin(&progress, "booking", "flows", 1000);
    jb_progress_add(&progress, 400);
    says(&progress, "july.csv", 2, 2, 200, 80, "booking  400 of 1000 flows, 40 %, 4 s left");
}

/* It never takes more than one line: what matters least goes first. */
static void test_narrow(void **state) {
    struct jb_progress progress = {.done = 5000000, .total = 10000000, .place = 3};
    const char *name = "a-very-long-name-of-a-bill-2026-07.csv.gz";
    (void)state;
    says(&progress, name, 9, 3, 1e6, 79,
         "a-very-…-2026-07.csv.gz (3 of 9)  5.00 MB of 10.0 MB, 50 %, 1.00 MB/s, 6 s left");
    says(&progress, name, 9, 3, 1e6, 60, "a-ve…7.csv.gz  5.00 MB of 10.0 MB, 50 %, 1.00 MB/s, 6 s left");
    for (unsigned columns = 1; columns < 100; columns++) {
        char text[PROGRESS_TEXT_SIZE];
        assert_true(jb_text_width(progress_format(&progress, name, 9, 3, 1e6, columns, text)) <= columns);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
