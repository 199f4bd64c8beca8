/* Tasks: names and files that resolve, settings that are refused, counts that were published. */
#include "estimate/task.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define assert_near(value, wanted, error) assert_true(fabs((value) - (wanted)) <= (error))

static struct jb_task_tables *tables;

static int read_tables(void **state) {
    char path[4096];
    const char *root = getenv("JB_SOURCE_ROOT");
    (void)state;
    (void)snprintf(path, sizeof path, "%s/data", root ? root : ".");
    return jb_task_tables_read(path, NULL, &tables) == JB_OK ? 0 : -1;
}

static int free_tables(void **state) {
    (void)state;
    jb_task_tables_free(tables);
    return 0;
}

/* Settings are pairs of key and value, ended by NULL. */
static enum jb_code try_task(const char *const *settings, struct jb_error *error,
                             struct jb_task_estimate *ret_estimate) {
    struct jb_task task = {0};
    for (; *settings; settings += 2) {
        enum jb_code code = jb_task_set(&task, settings[0], settings[1], error);
        if (code)
            return code;
    }
    return jb_task_estimate(tables, &task, error, ret_estimate);
}

#define TRY(error, estimate, ...) try_task((const char *const[]){__VA_ARGS__, NULL}, error, estimate)

static struct jb_task_estimate must(const char *const *settings) {
    struct jb_error error = {0};
    struct jb_task_estimate estimate;
    if (try_task(settings, &error, &estimate))
        fail_msg("%s: %s", settings[1], error.message);
    return estimate;
}

#define MUST(...) must((const char *const[]){__VA_ARGS__, NULL})

static void published_counts_come_out(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double total_b, active_b;
    } cases[] = {
        {"qwen2.5-7b", 7.615, 7.615},       {"qwen2.5-72b", 72.70, 72.70},
        {"mixtral-8x7b", 46.70, 12.88},     {"qwen3-235b-a22b", 235.09, 22.19},
        {"llama-3.1-405b", 405.85, 405.85}, {"qwen2.5-vl-7b", 8.29, 7.615},
        {"qwen2.5-14b-1m", 14.77, 14.77},   {"deepseek-v3", 671.0, 37.5},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_task_estimate estimate = MUST("model", cases[i].name);
        assert_near(estimate.parameters / 1e9, cases[i].total_b, 0.001 * cases[i].total_b);
        assert_near(estimate.active_parameters / 1e9, cases[i].active_b, 0.003 * cases[i].active_b);
        assert_true(estimate.energy.low_j > 0 && estimate.energy.low_j < estimate.energy.energy_j &&
                    estimate.energy.energy_j < estimate.energy.high_j);
    }
    assert_near(MUST("model", "wan2.1-t2v-14b", "size", "832x480", "frames", "81").picture_tokens, 32760, 0);
    assert_near(MUST("model", "Wan2.1-T2V-1.3B").parameters / 1e9, 1.42, 0.01);
}

static void names_resolve_as_people_write_them(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"qwen2.5-vl-7b", "Qwen/Qwen2.5-VL-7B-Instruct"},
        {"QWEN2.5_14B_1M", "Qwen/Qwen2.5-14B-Instruct-1M"},
        {"qwen2.5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct"},
        {"gemma-3-27b", "google/gemma-3-27b-it"},
        {"wan2.1-t2v-14b", "Wan-AI/Wan2.1-T2V-14B"},
        {"Wan-AI/Wan2.1-T2V-14B", "Wan-AI/Wan2.1-T2V-14B"},
    };
    struct jb_error error = {0};
    struct jb_task_estimate estimate;
    for (size_t i = 0; i < JB_COUNT(cases); i++)
        assert_string_equal(MUST("model", cases[i][0]).model, cases[i][1]);
    assert_int_equal(TRY(&error, &estimate, "model", "qwen2.5-8b"), JB_USAGE);
    assert_non_null(strstr(error.message, "near: Qwen/Qwen2.5-"));
    assert_int_equal(TRY(&error, &estimate, "model", "wan2.1-t2v-15b"), JB_USAGE);
    assert_non_null(strstr(error.message, "Wan-AI/Wan2.1-T2V-14B"));
    assert_int_equal(TRY(&error, &estimate, "model", "qwen2.5-7b", "gpu", "H1"), JB_USAGE);
    assert_int_equal(TRY(&error, &estimate, "model", "./nowhere.gguf"), JB_NO_DATA);
}

static void what_does_not_fit_says_what_it_needs(void **state) {
    (void)state;
    struct jb_error error = {0};
    struct jb_task_estimate estimate;
    assert_int_equal(TRY(&error, &estimate, "model", "qwen2.5-72b", "gpu", "4090", "gpus", "1"), JB_LIMIT);
    assert_non_null(strstr(error.message, "needs 8"));
    estimate = MUST("model", "qwen2.5-72b", "gpu", "4090");
    assert_int_equal(estimate.accelerator_count, 8);
    assert_int_equal(estimate.fewest, 8);
    estimate = MUST("model", "qwen2.5-72b", "tensor_parallel", "2", "data_parallel", "3");
    assert_int_equal(estimate.accelerator_count, 6);
    assert_int_equal(TRY(&error, &estimate, "model", "qwen2.5-72b", "tensor_parallel", "2", "gpus", "3"),
                     JB_USAGE);
    assert_near(estimate.accelerator_h, 6 / estimate.energy.units_per_s / 3600, 1e-12);
}

static void what_is_seen_is_counted(void **state) {
    (void)state;
    struct jb_error error = {0};
    struct jb_task_estimate estimate;
    /* 1280x720: 46 × 26 patches of 28 pixels. */
    assert_near(MUST("model", "qwen2.5-vl-7b", "image", "1280x720").vision_tokens, 46 * 26, 0);
    assert_near(MUST("model", "qwen2.5-vl-7b", "image", "1280x720", "images", "3").vision_tokens, 3 * 46 * 26,
                0);
    /* Ten seconds: 20 frames, 10 pairs; 896x448 is 32 × 16 = 512 patches, below 768. */
    assert_near(MUST("model", "qwen2.5-vl-7b", "video", "896x448").vision_tokens, 5120, 0);
    /* An hour: 768 frames, so that each keeps 128 × 1.05 tokens at most: 134. */
    estimate = MUST("model", "qwen2.5-vl-7b", "video", "896x448", "video_seconds", "3600");
    assert_true(estimate.vision_tokens <= 384 * 134 && estimate.vision_tokens >= 384 * 100);
    assert_int_equal(TRY(&error, &estimate, "model", "qwen2.5-7b", "image", "64x64"), JB_USAGE);
    assert_near(MUST("model", "qwen2.5-7b", "vision_tokens", "700").vision_tokens, 700, 0);
}

static void sparse_attention_costs_less_where_the_prompt_is_long(void **state) {
    (void)state;
    struct jb_task_estimate full =
        MUST("model", "qwen2.5-14b-1m", "input_tokens", "1e6", "concurrency", "1", "gpus", "4");
    struct jb_task_estimate sparse = MUST("model", "qwen2.5-14b-1m", "input_tokens", "1e6", "concurrency",
                                          "1", "gpus", "4", "sparse_attention", "yes");
    assert_near(sparse.attention_share, 0.054, 1e-12);
    assert_true(sparse.energy.prefill_j < full.energy.prefill_j / 3);
    assert_near(MUST("model", "qwen2.5-14b-1m", "sparse_attention", "yes").attention_share, 1, 0);
}

static void settings_that_cannot_be_are_refused(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"gpus", "0", "no whole number from 1"},
        {"gpus", "2.5", "no whole number"},
        {"input_tokens", "-1", "no number from 0"},
        {"input_tokens", "nan", "no number"},
        {"image", "1280", "no size such as"},
        {"image", "0x5", "no size such as"},
        {"image", "99999x5", "no size such as"},
        {"guidance", "perhaps", "neither yes nor no"},
        {"precision", "fp99", "fp8"},
        {"mfu", "2", "from 0.001 to 1"},
    };
    struct jb_error error = {0};
    struct jb_task task = {0};
    struct jb_task_estimate estimate;
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        assert_int_equal(jb_task_set(&task, cases[i][0], cases[i][1], &error), JB_INPUT);
        if (!strstr(error.message, cases[i][2]))
            fail_msg("'%s' is not in '%s'", cases[i][2], error.message);
    }
    assert_false(jb_task_is_set(&task));
    assert_int_equal(jb_task_set(&task, "colour", "red", &error), JB_NO_DATA);
    for (size_t i = 0; i < JB_TASK_KEY_COUNT; i++)
        assert_int_not_equal(jb_task_set(&task, jb_task_keys[i], "?", &error), JB_NO_DATA);
    /* What goes with another kind of task would have no effect. */
    assert_int_equal(TRY(&error, &estimate, "model", "qwen2.5-7b", "steps", "50"), JB_USAGE);
    assert_int_equal(TRY(&error, &estimate, "model", "wan2.1-t2v-14b", "output_tokens", "50"), JB_USAGE);
    assert_int_equal(TRY(&error, &estimate, "model", "wan2.1-t2v-14b", "train_tokens", "50"), JB_USAGE);
    assert_int_equal(TRY(&error, &estimate, "model", "qwen2.5-7b", "mfu", "0.5"), JB_USAGE);
}

static void files_are_read_as_models(void **state) {
    (void)state;
    static const char config[] =
        "{\"model_type\": \"qwen2\", \"num_hidden_layers\": 28, \"hidden_size\": 3584, "
        "\"intermediate_size\": 18944,"
        "\"num_attention_heads\": 28, \"num_key_value_heads\": 4, \"vocab_size\": 152064,"
        "\"tie_word_embeddings\": false%s}";
    char folder[] = "/tmp/joulebook-task-XXXXXX", path[128];
    struct jb_error error = {0};
    struct jb_task_estimate estimate;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/config.json", folder);
    static const struct {
        const char *more;
        enum jb_precision precision;
    } cases[] = {
        {"", JB_BF16},
        {", \"quantization_config\": {\"quant_method\": \"fp8\"}", JB_FP8},
        {", \"quantization_config\": {\"quant_method\": \"awq\", \"bits\": 4}", JB_INT4},
        {", \"quantization_config\": {\"quant_method\": \"gptq\", \"bits\": 8}", JB_INT8},
        {", \"quantization_config\": {\"quant_method\": \"mxfp4\"}", JB_MXFP4},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        (void)fprintf(file, config, cases[i].more);
        (void)fclose(file);
        estimate = MUST("model", path);
        assert_near(estimate.parameters / 1e9, 7.615, 0.002);
        assert_int_equal(estimate.precision, cases[i].precision);
        assert_string_equal(estimate.model, path);
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fputs("{\"hidden_size\": 1}", file);
    (void)fclose(file);
    assert_int_equal(TRY(&error, &estimate, "model", path), JB_INPUT);
    assert_non_null(strstr(error.message, "config.json"));
    (void)unlink(path);
    (void)rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_counts_come_out),
        cmocka_unit_test(names_resolve_as_people_write_them),
        cmocka_unit_test(what_does_not_fit_says_what_it_needs),
        cmocka_unit_test(what_is_seen_is_counted),
        cmocka_unit_test(sparse_attention_costs_less_where_the_prompt_is_long),
        cmocka_unit_test(settings_that_cannot_be_are_refused),
        cmocka_unit_test(files_are_read_as_models),
    };
    return cmocka_run_group_tests(tests, read_tables, free_tables);
}
