/* Buffers: appending, ceilings, refusal that keeps what was there. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

static void is_always_terminated(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer buffer = {0};
    jb_buffer_add(&buffer, "", 0);
    assert_string_equal(buffer.bytes, "");
    jb_buffer_add_string(&buffer, "joule");
    jb_buffer_add_char(&buffer, ' ');
    jb_buffer_printf(&buffer, "%d %s", 42, "books");
    assert_string_equal(buffer.bytes, "joule 42 books");
    assert_int_equal(buffer.length, 14);
    jb_buffer_clear(&buffer);
    assert_string_equal(buffer.bytes, "");
    assert_int_equal(buffer.length, 0);
    assert_non_null(jb_buffer_room(&buffer, 100000));
    assert_string_equal(buffer.bytes, "");
}

static void holds_any_bytes(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer buffer = {0};
    for (int i = 0; i < 100000; i++)
        jb_buffer_add_char(&buffer, (char)i);
    assert_int_equal(jb_buffer_check(&buffer, NULL), JB_OK);
    assert_int_equal(buffer.length, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal((unsigned char)buffer.bytes[i], (unsigned char)i);
    assert_int_equal(buffer.bytes[100000], 0);
}

static void refuses_past_its_ceiling_and_keeps_the_rest(void **state) {
    (void)state;
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer buffer = {.ceiling = 10};
    jb_buffer_add_string(&buffer, "0123456789");
    assert_int_equal(jb_buffer_check(&buffer, &error), JB_OK);
    jb_buffer_add_char(&buffer, 'x');
    assert_int_equal(jb_buffer_check(&buffer, &error), JB_LIMIT);
    assert_non_null(strstr(error.message, "10 bytes"));
    assert_string_equal(buffer.bytes, "0123456789");
    /* Once refused, nothing more goes in, not even what would fit: half an output is no output. */
    buffer.length = 5;
    jb_buffer_add_char(&buffer, 'x');
    assert_int_equal(buffer.length, 5);
    jb_buffer_clear(&buffer);
    jb_buffer_printf(&buffer, "%s", "12345678901");
    assert_int_equal(jb_buffer_check(&buffer, NULL), JB_LIMIT);
    assert_string_equal(buffer.bytes, "");
    jb_buffer_clear(&buffer);
    assert_null(jb_buffer_room(&buffer, SIZE_MAX));
}

static void free_leaves_it_usable(void **state) {
    (void)state;
    struct jb_buffer buffer = {.ceiling = 100};
    jb_buffer_add_string(&buffer, "a");
    jb_buffer_free(&buffer);
    assert_null(buffer.bytes);
    assert_int_equal(buffer.ceiling, 100);
    jb_buffer_add_string(&buffer, "b");
    assert_string_equal(buffer.bytes, "b");
    jb_buffer_free(&buffer);
    jb_buffer_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_always_terminated),
        cmocka_unit_test(holds_any_bytes),
        cmocka_unit_test(refuses_past_its_ceiling_and_keeps_the_rest),
        cmocka_unit_test(free_leaves_it_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
