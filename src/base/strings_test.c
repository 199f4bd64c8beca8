/* Interned strings: dense ids, stable texts, ceilings, and hashes that never change. */
#include "base/strings.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void ids_are_dense_and_texts_stay(void **state) {
    (void)state;
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *strings = NULL;
    static const char *texts[20000];
    assert_int_equal(jb_strings_make(SIZE_MAX, NULL, &strings), JB_OK);
    assert_int_equal(jb_strings_find(strings, "name 0"), JB_STRING_NONE);
    for (uint32_t i = 0; i < JB_COUNT(texts); i++) {
        char text[32];
        uint32_t id = 0;
        snprintf(text, sizeof text, "name %u", i);
        assert_int_equal(jb_strings_intern(strings, text, NULL, &id), JB_OK);
        assert_int_equal(id, i);
        texts[i] = jb_strings_text(strings, id);
    }
    assert_int_equal(jb_strings_count(strings), JB_COUNT(texts));
    for (uint32_t i = 0; i < JB_COUNT(texts); i++) {
        char text[32];
        uint32_t id = 0;
        snprintf(text, sizeof text, "name %u", i);
        assert_int_equal(jb_strings_find(strings, text), i);
        assert_int_equal(jb_strings_intern(strings, text, NULL, &id), JB_OK);
        assert_int_equal(id, i);
        assert_ptr_equal(jb_strings_text(strings, i), texts[i]);
        assert_string_equal(texts[i], text);
    }
    assert_int_equal(jb_strings_count(strings), JB_COUNT(texts));
    assert_int_equal(jb_strings_find(strings, "name"), JB_STRING_NONE);
    assert_string_equal(jb_strings_text(strings, JB_COUNT(texts)), "");
    assert_string_equal(jb_strings_text(strings, JB_STRING_NONE), "");
}

static void refuses_past_its_ceiling(void **state) {
    (void)state;
    struct jb_error error = {0};
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *strings = NULL;
    uint32_t id = 99;
    assert_int_equal(jb_strings_make(2, NULL, &strings), JB_OK);
    assert_int_equal(jb_strings_intern(strings, "", NULL, &id), JB_OK);
    assert_int_equal(jb_strings_intern(strings, "b", NULL, &id), JB_OK);
    assert_int_equal(jb_strings_intern(strings, "c", &error, &id), JB_LIMIT);
    assert_int_equal(id, 1);
    assert_int_equal(jb_strings_count(strings), 2);
    assert_int_equal(jb_strings_find(strings, "c"), JB_STRING_NONE);
    /* What is known still is. */
    assert_int_equal(jb_strings_intern(strings, "", NULL, &id), JB_OK);
    assert_int_equal(id, 0);
    jb_strings_free(NULL);
}

/* FNV-1a of "" and "a" (Fowler, Noll, Vo) through the finaliser; account names hold these hashes. */
static void hashes_are_stable(void **state) {
    (void)state;
    assert_true(jb_hash_bytes("", 0) == jb_hash_uint64(UINT64_C(0xcbf29ce484222325)));
    assert_true(jb_hash_bytes("a", 1) == jb_hash_uint64(UINT64_C(0xaf63dc4c8601ec8c)));
    assert_true(jb_hash_bytes("foobar", 6) == jb_hash_uint64(UINT64_C(0x85944171f73967e8)));
    assert_true(jb_hash_bytes("a\0b", 3) != jb_hash_bytes("a\0c", 3));
    assert_true(jb_hash_uint64(0) == 0 && jb_hash_uint64(1) != jb_hash_uint64(2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_dense_and_texts_stay),
        cmocka_unit_test(refuses_past_its_ceiling),
        cmocka_unit_test(hashes_are_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
