/* Every model that ships, and finding them by name. */
#include "estimate/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct jb_catalogue *read_shipped(void) {
    char path[4096];
    struct jb_catalogue *catalogue = NULL;
    struct jb_error error = {0};
    snprintf(path, sizeof path, "%s/data", getenv("JB_SOURCE_ROOT"));
    if (jb_catalogue_read(path, &error, &catalogue))
        fail_msg("%s", error.message);
    return catalogue;
}

static const struct jb_model *find(const struct jb_catalogue *catalogue, const char *name) {
    const struct jb_model *model = NULL;
    struct jb_error error = {0};
    if (jb_catalogue_find(catalogue, name, &error, &model))
        fail_msg("%s", error.message);
    return model;
}

static void every_model_counts_as_its_row_says(void **state) {
    (void)state;
    _cleanup_(jb_catalogue_free_cleanup) struct jb_catalogue *catalogue = read_shipped();
    assert_true(jb_catalogue_count(catalogue) > 50);
    assert_null(jb_catalogue_item(catalogue, jb_catalogue_count(catalogue)));
    for (size_t i = 0; i < jb_catalogue_count(catalogue); i++) {
        const struct jb_model *model = jb_catalogue_item(catalogue, i);
        struct jb_parameter_count count = jb_architecture_count(&model->architecture);
        if (!model->counted_millions)
            continue;
        if ((count.total + 500000) / 1000000 != model->counted_millions ||
            (count.active + 500000) / 1000000 != model->counted_active_millions)
            fail_msg("%s: %llu parameters, %llu active", model->name, (unsigned long long)count.total,
                     (unsigned long long)count.active);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(model->name, jb_catalogue_item(catalogue, j)->name);
    }
}

static void known_sizes(void **state) {
    static const struct {
        const char *name;
        double total_b, active_b; /* weights in matrices, embeddings included */
    } models[] = {{"qwen2.5-7b", 7.615, 7.615},
                  {"qwen2.5-72b", 72.70, 72.70},
                  {"mixtral-8x7b-instruct-v0.1", 46.70, 12.88},
                  {"qwen3-235b-a22b", 235.09, 22.19},
                  {"Meta-Llama-3.1-405B", 405.85, 405.85},
                  {"deepseek-v3", 671.03, 37.55},
                  {"gpt-oss-120b", 116.8, 5.7},
                  {"qwen2.5-vl-7b-instruct", 8.29, 7.615}};
    (void)state;
    _cleanup_(jb_catalogue_free_cleanup) struct jb_catalogue *catalogue = read_shipped();
    for (size_t i = 0; i < JB_COUNT(models); i++) {
        struct jb_parameter_count count =
            jb_architecture_count(&find(catalogue, models[i].name)->architecture);
        if ((double)count.total < models[i].total_b * 0.9995e9 ||
            (double)count.total > models[i].total_b * 1.0005e9)
            fail_msg("%s: %.3f B", models[i].name, (double)count.total / 1e9);
        if ((double)count.active < models[i].active_b * 0.998e9 ||
            (double)count.active > models[i].active_b * 1.002e9)
            fail_msg("%s: %.3f B active", models[i].name, (double)count.active / 1e9);
    }
    /* DeepSeek-V3: 61 layers × (512 + 64). */
    assert_int_equal(jb_architecture_kv_per_token(&find(catalogue, "deepseek-v3")->architecture), 35136);
}

static void finds_in_any_case_and_suggests(void **state) {
    (void)state;
    _cleanup_(jb_catalogue_free_cleanup) struct jb_catalogue *catalogue = read_shipped();
    assert_string_equal(find(catalogue, "QWEN2.5-7b-instruct-1M")->name, "Qwen/Qwen2.5-7B-Instruct-1M");
    assert_ptr_equal(find(catalogue, "qwen/qwen3-8b"), find(catalogue, "Qwen3-8B"));
    const struct jb_model *model = NULL;
    struct jb_error error = {0};
    assert_int_equal(jb_catalogue_find(catalogue, "qwen2.5-7", &error, &model), JB_USAGE);
    assert_non_null(strstr(error.message, "Qwen/Qwen2.5-7B"));
    assert_int_equal(jb_catalogue_find(catalogue, "", &error, &model), JB_USAGE);
    char long_name[300];
    memset(long_name, 'q', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(jb_catalogue_find(catalogue, long_name, &error, &model), JB_USAGE);
    assert_null(model);
    assert_int_equal(jb_catalogue_read("/nowhere", &error, &catalogue), JB_NO_DATA);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_model_counts_as_its_row_says),
                                       cmocka_unit_test(known_sizes),
                                       cmocka_unit_test(finds_in_any_case_and_suggests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
