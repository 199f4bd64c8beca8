/* Growable arrays: growth, ceiling, zeroed tails, and failure that touches nothing. */
#include "base/array.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void grows_and_zeroes(void **state) {
    (void)state;
    uint32_t *items = NULL;
    size_t capacity = 0;
    for (size_t n = 1; n <= 1000; n++) {
        assert_int_equal(jb_array_reserve(&items, &capacity, n, 1000, "items", NULL), JB_OK);
        assert_true(capacity >= n && capacity <= 1000);
        assert_int_equal(items[n - 1], 0);
        items[n - 1] = (uint32_t)n;
    }
    for (size_t n = 1; n <= 1000; n++)
        assert_int_equal(items[n - 1], n);
    free(items);
}

static void does_not_grow_when_there_is_room(void **state) {
    (void)state;
    uint64_t *items = NULL;
    size_t capacity = 0;
    assert_int_equal(jb_array_reserve(&items, &capacity, 10, 100, "items", NULL), JB_OK);
    size_t before = jb_array_growths(), had = capacity;
    uint64_t *was = items;
    for (size_t n = 0; n <= had; n++)
        assert_int_equal(jb_array_reserve(&items, &capacity, n, 100, "items", NULL), JB_OK);
    assert_int_equal(jb_array_growths(), before);
    assert_ptr_equal(items, was);
    assert_int_equal(jb_array_reserve(&items, &capacity, had + 1, 100, "items", NULL), JB_OK);
    assert_int_equal(jb_array_growths(), before + 1);
    free(items);
}

static void refuses_past_the_ceiling(void **state) {
    (void)state;
    struct jb_error error = {0};
    uint64_t *items = NULL;
    size_t capacity = 0;
    assert_int_equal(jb_array_reserve(&items, &capacity, 7, 7, "rows", &error), JB_OK);
    uint64_t *was = items;
    assert_int_equal(jb_array_reserve(&items, &capacity, 8, 7, "rows", &error), JB_LIMIT);
    assert_non_null(strstr(error.message, "rows"));
    assert_int_equal(capacity, 7);
    assert_ptr_equal(items, was);
    assert_int_equal(jb_array_reserve(&items, &capacity, SIZE_MAX / 4, SIZE_MAX, "rows", &error), JB_LIMIT);
    assert_ptr_equal(items, was);
    free(items);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_zeroes),
        cmocka_unit_test(does_not_grow_when_there_is_room),
        cmocka_unit_test(refuses_past_the_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
