/* Tests of the order of batches. */
#include "import/order.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_small(void **state) {
    (void)state;
    struct jb_order_edge edges[] = {{2, 0}, {2, 0}, {3, 1}};
    uint32_t *order;
    assert_int_equal(jb_order_make(4, edges, 3, NULL, &order), JB_OK);
    const uint32_t expected[] = {2, 0, 3, 1};
    assert_memory_equal(order, expected, sizeof expected);
    free(order);
    assert_int_equal(jb_order_make(0, NULL, 0, NULL, &order), JB_OK);
    free(order);
}

static void test_circle_ends(void **state) {
    (void)state;
    struct jb_order_edge edges[] = {{0, 1}, {1, 2}, {2, 0}, {2, 3}};
    bool seen[4] = {false};
    uint32_t *order;
    assert_int_equal(jb_order_make(4, edges, 4, NULL, &order), JB_OK);
    for (int i = 0; i < 4; i++) {
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
    }
    assert_int_equal(order[3], 3);
    free(order);
}

/* Property: an order that exists is found, whatever the edges drawn from it. */
static void test_random_orders(void **state) {
    (void)state;
    enum { BATCHES = 40, EDGES = 120 };
    struct jb_random random = jb_random_make(11);
    for (int round = 0; round < 2000; round++) {
        uint32_t place[BATCHES], at[BATCHES];
        for (uint32_t i = 0; i < BATCHES; i++)
            place[i] = i;
        for (uint32_t i = BATCHES - 1; i > 0; i--) {
            uint32_t j = (uint32_t)jb_random_below(&random, i + 1), swap = place[i];
            place[i] = place[j];
            place[j] = swap;
        }
        struct jb_order_edge edges[EDGES], kept[EDGES];
        for (int e = 0; e < EDGES; e++) {
            uint32_t a = (uint32_t)jb_random_below(&random, BATCHES),
                     b = (a + 1 + (uint32_t)jb_random_below(&random, BATCHES - 1)) % BATCHES;
            kept[e] = edges[e] =
                place[a] < place[b] ? (struct jb_order_edge){a, b} : (struct jb_order_edge){b, a};
        }
        uint32_t *order;
        assert_int_equal(jb_order_make(BATCHES, edges, EDGES, NULL, &order), JB_OK);
        for (uint32_t i = 0; i < BATCHES; i++)
            at[order[i]] = i;
        for (int e = 0; e < EDGES; e++)
            assert_true(at[kept[e].before] < at[kept[e].after]);
        free(order);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_circle_ends),
        cmocka_unit_test(test_random_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
