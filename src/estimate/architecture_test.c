/* Parameters, KV and image tokens, against figures worked out by hand or published. */
#include "base/cleanup.h"
#include "estimate/architecture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct jb_architecture qwen_7b = {.layer_count = 28,
                                               .hidden = 3584,
                                               .vocabulary = 152064,
                                               .is_gated = true,
                                               .attention_layer_count = 28,
                                               .head_count = 28,
                                               .kv_head_count = 4,
                                               .head_size = 128,
                                               .dense_layer_count = 28,
                                               .intermediate = 18944,
                                               .vision_layer_count = 32,
                                               .vision_hidden = 1280,
                                               .vision_intermediate = 3420,
                                               .vision_patch = 14,
                                               .vision_merge = 2,
                                               .vision_temporal_patch = 2};

static void counts_parameters(void **state) {
    (void)state;
    struct jb_parameter_count count = jb_architecture_count(&qwen_7b);
    /* 2 × 152,064 × 3,584 + 28 × (2 × 3,584² + 2 × 3,584 × 512 + 3 × 3,584 × 18,944) */
    assert_int_equal(count.active, 7615283200);
    /* 1,176 × 1,280 + 32 × (4 × 1,280² + 3 × 1,280 × 3,420) + 5,120² + 5,120 × 3,584 */
    assert_int_equal(count.vision, 676034560);
    assert_int_equal(count.total, count.active + count.vision);
    assert_int_equal(jb_architecture_kv_per_token(&qwen_7b) * 2, 57344);
}

static void sliding_layers_stop_at_their_window(void **state) {
    (void)state;
    struct jb_architecture a = qwen_7b;
    assert_int_equal(jb_architecture_kv(&a, 1000000), 28672000000);
    a.sliding_layer_count = 14;
    a.sliding_window = 4096;
    assert_int_equal(jb_architecture_validate(&a, NULL), JB_OK);
    assert_int_equal(jb_architecture_kv(&a, 1000), 28672000);
    assert_int_equal(jb_architecture_kv(&a, 10000), 1024 * (14 * 10000 + 14 * 4096));
    assert_int_equal(jb_architecture_kv(&a, UINT64_MAX), UINT64_MAX);
}

/* Sides in units of 28 pixels (patch 14 × merge 2), rounded half to even. */
static void counts_image_tokens(void **state) {
    static const struct {
        uint32_t width, height, tokens;
    } images[] = {{28, 28, 4},          {56, 56, 4},           {224, 224, 64},        {336, 336, 144},
                  {448, 448, 256},      {640, 480, 23 * 17},   {800, 600, 29 * 21},   {1024, 1024, 37 * 37},
                  {1280, 720, 46 * 26}, {1920, 1080, 69 * 39}, {3840, 2160, 137 * 77}};
    (void)state;
    for (size_t i = 0; i < JB_COUNT(images); i++) {
        uint64_t tokens = 0;
        assert_int_equal(
            jb_architecture_image_tokens(&qwen_7b, images[i].width, images[i].height, NULL, &tokens), JB_OK);
        assert_int_equal(tokens, images[i].tokens);
    }
    uint64_t tokens = 0;
    /* 10,000²: scaled to 3,584² pixels less a rounding error, as the processor's own arithmetic does: 127.99…
     * units a side, rounded down. */
    assert_int_equal(jb_architecture_image_tokens(&qwen_7b, 10000, 10000, NULL, &tokens), JB_OK);
    assert_int_equal(tokens, 127 * 127);
    assert_int_equal(jb_architecture_image_tokens(&qwen_7b, UINT32_MAX, UINT32_MAX, NULL, &tokens), JB_OK);
    assert_in_range(tokens, 127 * 127, 128 * 128);
    struct jb_error error = {0};
    assert_int_equal(jb_architecture_image_tokens(&qwen_7b, 0, 5, &error, &tokens), JB_USAGE);
    assert_int_equal(jb_architecture_image_tokens(&qwen_7b, 10000, 49, &error, &tokens), JB_USAGE);
    struct jb_architecture blind = qwen_7b;
    blind.vision_layer_count = 0;
    assert_int_equal(jb_architecture_image_tokens(&blind, 28, 28, &error, &tokens), JB_USAGE);
}

static void refuses_what_cannot_be(void **state) {
    (void)state;
    struct jb_error error = {0};
    assert_int_equal(jb_architecture_validate(&qwen_7b, &error), JB_OK);
    struct jb_architecture a = qwen_7b;
    a.head_count = 0;
    assert_int_equal(jb_architecture_validate(&a, &error), JB_INPUT);
    assert_non_null(strstr(error.message, "number of heads"));
    a = qwen_7b;
    a.expert_layer_count = 1;
    assert_int_equal(jb_architecture_validate(&a, &error), JB_INPUT);
    assert_non_null(strstr(error.message, "layers with experts"));
    /* Every field at its ceiling: more than 64 bits hold, and still no wrong number. */
    memset(&a, 0, sizeof a);
    a.layer_count = a.attention_layer_count = 4096;
    a.hidden = a.vocabulary = a.expert_intermediate = 1U << 24;
    a.is_gated = true;
    a.head_count = a.kv_head_count = a.head_size = 65536;
    a.expert_layer_count = 4096;
    a.expert_count = a.experts_per_token = 65536;
    assert_int_equal(jb_architecture_validate(&a, &error), JB_INPUT);
    assert_non_null(strstr(error.message, "10^15"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_parameters), cmocka_unit_test(sliding_layers_stop_at_their_window),
        cmocka_unit_test(counts_image_tokens), cmocka_unit_test(refuses_what_cannot_be)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
