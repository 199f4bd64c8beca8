/* Interned tuples: dense ids, whatever the width; every number counts; ceilings. */
#include "base/tuples.h"

#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#define MOST 5

static void ids_are_dense_whatever_the_width(void **state) {
    (void)state;
    for (size_t width = 1; width <= MOST; width++) {
        _cleanup_(jb_tuples_free_cleanup) struct jb_tuples *tuples = NULL;
        struct jb_random random = jb_random_make(width);
        static uint32_t seen[3000][MOST];
        size_t count = 0;
        assert_int_equal(jb_tuples_make(width, SIZE_MAX, "tuples", NULL, &tuples), JB_OK);
        while (count < JB_COUNT(seen)) {
            uint32_t tuple[MOST], id = 0;
            for (size_t i = 0; i < width; i++)
                tuple[i] = (uint32_t)jb_random_below(&random, width > 1 ? 60 : 1000000);
            assert_int_equal(jb_tuples_intern(tuples, tuple, NULL, &id), JB_OK);
            assert_true(id <= count);
            if (id == count)
                memcpy(seen[count++], tuple, sizeof tuple);
            assert_int_equal(jb_tuples_count(tuples), count);
            assert_memory_equal(seen[id], tuple, width * sizeof *tuple);
        }
        for (uint32_t i = 0; i < count; i++) {
            uint32_t id = UINT32_MAX;
            assert_memory_equal(jb_tuples_at(tuples, i), seen[i], width * sizeof **seen);
            assert_int_equal(jb_tuples_intern(tuples, seen[i], NULL, &id), JB_OK);
            assert_int_equal(id, i);
        }
    }
}

static void refuses_past_its_ceiling(void **state) {
    (void)state;
    _cleanup_(jb_tuples_free_cleanup) struct jb_tuples *tuples = NULL;
    struct jb_error error = {0};
    uint32_t id = 9;
    assert_int_equal(jb_tuples_make(2, 1, "pairs", NULL, &tuples), JB_OK);
    assert_int_equal(jb_tuples_intern(tuples, (uint32_t[]){1, 2}, NULL, &id), JB_OK);
    assert_int_equal(jb_tuples_intern(tuples, (uint32_t[]){2, 1}, &error, &id), JB_LIMIT);
    assert_non_null(strstr(error.message, "pairs"));
    assert_int_equal(id, 0);
    /* What is known still is. */
    assert_int_equal(jb_tuples_intern(tuples, (uint32_t[]){1, 2}, NULL, &id), JB_OK);
    assert_int_equal(jb_tuples_count(tuples), 1);
    jb_tuples_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_dense_whatever_the_width),
        cmocka_unit_test(refuses_past_its_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
