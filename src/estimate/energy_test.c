/* The energy model: what must hold whatever the fitted constants are. */
#include "estimate/energy.h"

#include "estimate/catalogue.h"
#include "estimate/constants.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct shipped {
    struct jb_catalogue *catalogue;
    struct jb_accelerators *accelerators;
    struct jb_diffusers *diffusers;
    struct jb_energy_constants *constants;
};
static struct shipped shipped;

static int read_shipped(void **state) {
    (void)state;
    char path[4096];
    struct jb_error error = {0};
    snprintf(path, sizeof path, "%s/data", getenv("JB_SOURCE_ROOT"));
    if (jb_catalogue_read(path, &error, &shipped.catalogue) ||
        jb_accelerators_read(path, &error, &shipped.accelerators) ||
        jb_diffusers_read(path, &error, &shipped.diffusers) ||
        jb_energy_constants_read(path, &error, &shipped.constants)) {
        print_error("%s\n", error.message);
        return -1;
    }
    return 0;
}

static int free_shipped(void **state) {
    (void)state;
    jb_catalogue_free(shipped.catalogue);
    jb_accelerators_free(shipped.accelerators);
    jb_diffusers_free(shipped.diffusers);
    jb_energy_constants_free(shipped.constants);
    return 0;
}

static const struct jb_accelerator *accelerator(const char *name) {
    const struct jb_accelerator *found = NULL;
    struct jb_error error = {0};
    if (jb_accelerators_find(shipped.accelerators, name, &error, &found))
        fail_msg("%s", error.message);
    return found;
}

static struct jb_shape shape(const char *name) {
    const struct jb_model *model = NULL;
    struct jb_error error = {0};
    if (jb_catalogue_find(shipped.catalogue, name, &error, &model))
        fail_msg("%s", error.message);
    return jb_shape_of_architecture(&model->architecture);
}

static const struct jb_diffuser *diffuser(const char *name) {
    const struct jb_diffuser *found = NULL;
    struct jb_error error = {0};
    if (jb_diffusers_find(shipped.diffusers, name, &error, &found))
        fail_msg("%s", error.message);
    return found;
}

static struct jb_energy text(const char *model, const char *gpu, uint32_t count, struct jb_text_work work) {
    struct jb_shape known = shape(model);
    struct jb_deployment deployment = {.accelerator = accelerator(gpu),
                                       .accelerator_count = count,
                                       .is_expert_parallel = known.expert_count > 0 && count > 1};
    struct jb_energy energy = {0};
    struct jb_error error = {0};
    if (jb_energy_of_text(shipped.constants, &known, &deployment, &work, &error, NULL, &energy))
        fail_msg("%s on %u %s: %s", model, count, gpu, error.message);
    assert_true(isfinite(energy.energy_j) && energy.energy_j > 0);
    assert_true(energy.low_j <= energy.energy_j && energy.energy_j <= energy.high_j);
    assert_true(energy.power_w <= deployment.accelerator->tdp_w * count);
    double share = energy.latency_s / energy.concurrency; /* each request's part of the time */
    assert_true(energy.energy_j <= deployment.accelerator->tdp_w * count * share * (1 + 1e-9));
    return energy;
}

static const struct {
    const char *model, *gpu;
    uint32_t count;
} places[] = {{"qwen2.5-0.5b", "L4", 1},     {"qwen2.5-7b", "A100", 1},    {"qwen2.5-7b", "RTX 4090", 1},
              {"qwen2.5-72b", "H100", 4},    {"qwen3-30b-a3b", "H100", 2}, {"qwen3-235b-a22b", "B200", 4},
              {"deepseek-v3", "MI300X", 16}, {"gpt-oss-120b", "B200", 2},  {"mixtral-8x7b-v0.1", "A100", 4},
              {"gemma-3-27b-it", "H20", 1}};

static void a_token_costs_no_more_in_a_larger_batch(void **state) {
    (void)state;
    for (size_t i = 0; i < JB_COUNT(places); i++) {
        double before = INFINITY, settled = 0;
        for (double batch = 1; batch <= 4096; batch *= 1.25) {
            struct jb_text_work work = {.input_tokens = 500, .output_tokens = 300, .concurrency = batch};
            struct jb_energy energy = text(places[i].model, places[i].gpu, places[i].count, work);
            if (energy.per_token_j > before * (1 + 1e-9))
                fail_msg("%s on %s: %g J at %g, %g J before", places[i].model, places[i].gpu,
                         energy.per_token_j, batch, before);
            before = energy.per_token_j;
            assert_true(energy.concurrency >= settled && energy.concurrency <= batch);
            settled = energy.concurrency;
        }
    }
}

static void more_tokens_never_cost_less(void **state) {
    (void)state;
    for (size_t i = 0; i < JB_COUNT(places); i++) {
        for (double batch = 1; batch <= 256; batch *= 4) {
            double before = 0;
            for (double tokens = 1; tokens <= 8192; tokens *= 1.5) {
                struct jb_text_work work = {
                    .input_tokens = 200, .output_tokens = tokens, .concurrency = batch};
                double each = text(places[i].model, places[i].gpu, places[i].count, work).energy_j;
                if (each < before)
                    fail_msg("%s on %s, %g at once: %g tokens cost %g J, fewer %g J", places[i].model,
                             places[i].gpu, batch, tokens, each, before);
                before = each;
            }
            before = 0;
            for (double tokens = 1; tokens <= 65536; tokens *= 2) {
                struct jb_text_work work = {.input_tokens = tokens, .output_tokens = 100, .concurrency = 1};
                double each = text(places[i].model, places[i].gpu, places[i].count, work).energy_j;
                assert_true(each >= before);
                before = each;
            }
        }
    }
}

/* On as few accelerators as it needs; on more than that, depth counts for more than size. */
static void a_larger_model_never_costs_less(void **state) {
    (void)state;
    static const char *const families[][8] = {
        {"qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-3b", "qwen2.5-7b", "qwen2.5-14b", "qwen2.5-32b",
         "qwen2.5-72b"},
        {"gemma-3-1b-it", "gemma-3-4b-it", "gemma-3-12b-it", "gemma-3-27b-it"},
        {"qwen3-30b-a3b", "qwen3-235b-a22b", "qwen3-coder-480b-a35b-instruct"},
        {"Meta-Llama-3.1-8B", "Meta-Llama-3.1-70B", "Meta-Llama-3.1-405B"},
    };
    static const char *const gpus[] = {"A100", "H100", "B200"};
    for (size_t i = 0; i < JB_COUNT(families) * JB_COUNT(gpus); i++) {
        const char *const *family = families[i % JB_COUNT(families)], *gpu = gpus[i / JB_COUNT(families)];
        for (double batch = 1; batch <= 128; batch *= 8) {
            double before = 0;
            for (size_t j = 0; j < 8 && family[j]; j++) {
                struct jb_text_work work = {.input_tokens = 500, .output_tokens = 500, .concurrency = batch};
                struct jb_shape known = shape(family[j]);
                struct jb_deployment deployment = {.accelerator = accelerator(gpu), .accelerator_count = 1};
                struct jb_error error = {0};
                struct jb_energy ignored;
                uint32_t needed = 0;
                jb_energy_of_text(shipped.constants, &known, &deployment, &work, &error, &needed, &ignored);
                double each = text(family[j], gpu, needed, work).energy_j;
                if (each < before)
                    fail_msg("%s on %u %s: %g J, a smaller one %g J", family[j], needed, gpu, each, before);
                before = each;
            }
        }
    }
}

static void what_does_not_fit_says_how_many_it_needs(void **state) {
    (void)state;
    static const struct {
        const char *model, *gpu;
        enum jb_precision weights;
        uint32_t needed;
    } cases[] = {{"qwen2.5-7b", "H100", JB_BF16, 1},          {"qwen2.5-72b", "H100", JB_BF16, 2},
                 {"qwen2.5-72b", "A100", JB_INT4, 1},         {"Meta-Llama-3.1-405B", "H100", JB_BF16, 16},
                 {"Meta-Llama-3.1-405B", "B200", JB_BF16, 8}, {"deepseek-v3", "H100", JB_FP8, 16},
                 {"gpt-oss-120b", "H100", JB_MXFP4, 1},       {"qwen2.5-72b", "RTX 4090", JB_BF16, 8}};
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_shape known = shape(cases[i].model);
        struct jb_text_work work = {.input_tokens = 1000, .output_tokens = 1000};
        struct jb_energy energy;
        struct jb_error error = {0};
        uint32_t needed = 0;
        for (uint32_t count = 1; count <= 16; count *= 2) {
            struct jb_deployment deployment = {.accelerator = accelerator(cases[i].gpu),
                                               .accelerator_count = count,
                                               .weights = cases[i].weights};
            enum jb_code code =
                jb_energy_of_text(shipped.constants, &known, &deployment, &work, &error, &needed, &energy);
            if (needed != cases[i].needed)
                fail_msg("%s on %s needs %u, not %u", cases[i].model, cases[i].gpu, cases[i].needed, needed);
            assert_int_equal(code, count < needed ? JB_LIMIT : JB_OK);
        }
        if (needed > 1) {
            char tail[32];
            snprintf(tail, sizeof tail, "it needs %u", needed);
            assert_non_null(strstr(error.message, tail));
        }
    }
}

static void requests_arriving_settle_at_what_little_says(void **state) {
    (void)state;
    struct jb_shape known = shape("qwen2.5-7b");
    struct jb_deployment deployment = {.accelerator = accelerator("H100"), .accelerator_count = 1};
    struct jb_error error = {0};
    for (double rate = 0.01; rate < 16; rate *= 2) {
        struct jb_text_work work = {.input_tokens = 500, .output_tokens = 300, .rate_per_s = rate};
        struct jb_energy energy = {0};
        assert_int_equal(
            jb_energy_of_text(shipped.constants, &known, &deployment, &work, &error, NULL, &energy), JB_OK);
        assert_true(energy.concurrency >= 1);
        if (energy.concurrency > 1)
            assert_true(fabs(energy.concurrency / energy.latency_s / rate - 1) < 1e-3);
    }
    struct jb_text_work flood = {.input_tokens = 500, .output_tokens = 300, .rate_per_s = 1e5};
    struct jb_energy energy;
    assert_int_equal(jb_energy_of_text(shipped.constants, &known, &deployment, &flood, &error, NULL, &energy),
                     JB_LIMIT);
    assert_non_null(strstr(error.message, "it needs"));
}

static void sparse_attention_makes_a_million_tokens_cheaper(void **state) {
    (void)state;
    struct jb_text_work dense = {.input_tokens = 1e6, .output_tokens = 100};
    struct jb_text_work sparse = dense, cached = dense;
    sparse.attention_share = 0.1;
    cached.cached_tokens = 999000;
    double full_j = text("qwen2.5-7b-instruct-1m", "H100", 4, dense).prefill_j;
    double sparse_j = text("qwen2.5-7b-instruct-1m", "H100", 4, sparse).prefill_j;
    double cached_j = text("qwen2.5-7b-instruct-1m", "H100", 4, cached).prefill_j;
    assert_true(sparse_j < 0.5 * full_j && sparse_j > 0.05 * full_j);
    assert_true(cached_j < 0.05 * full_j);
}

static struct jb_energy picture(const char *model, uint32_t count, struct jb_picture_work work) {
    struct jb_deployment deployment = {.accelerator = accelerator("H100"), .accelerator_count = count};
    struct jb_energy energy = {0};
    struct jb_error error = {0};
    if (jb_energy_of_picture(shipped.constants, diffuser(model), &deployment, &work, &error, NULL, &energy))
        fail_msg("%s: %s", model, error.message);
    assert_true(energy.energy_j * energy.concurrency <=
                deployment.accelerator->tdp_w * count * energy.latency_s * (1 + 1e-9));
    return energy;
}

static void wan_has_the_tokens_of_its_paper(void **state) {
    (void)state;
    const struct jb_diffuser *wan = diffuser("wan2.1-t2v-14b");
    assert_true(jb_diffuser_tokens(wan, 832, 480, 81) == 32760);
    assert_true(jb_diffuser_tokens(wan, 1280, 720, 81) == 75600);
    assert_true(jb_diffuser_tokens(diffuser("Wan-AI/Wan2.2-TI2V-5B"), 832, 480, 81) == 8190);
    assert_ptr_equal(wan, diffuser("Wan-AI/Wan2.1-T2V-14B-Diffusers"));
}

static void pictures_cost_more_with_all_that_makes_them_larger(void **state) {
    (void)state;
    for (size_t i = 0; i < jb_diffusers_count(shipped.diffusers); i++) {
        const struct jb_diffuser *d = jb_diffusers_item(shipped.diffusers, i);
        struct jb_picture_work work = {0};
        double before = picture(d->name, 1, work).energy_j;
        work.steps = d->default_steps * 2;
        double steps = picture(d->name, 1, work).energy_j;
        assert_true(steps > before);
        work.passes_per_step = d->is_guided ? 4 : 2;
        assert_true(picture(d->name, 1, work).energy_j > steps);
        work = (struct jb_picture_work){.width = d->default_width * 2, .height = d->default_height * 2};
        assert_true(picture(d->name, 1, work).energy_j > before);
        work = (struct jb_picture_work){.batch = 8};
        assert_true(picture(d->name, 1, work).energy_j <= before * (1 + 1e-9));
    }
    assert_true(picture("wan2.1-t2v-14b", 1, (struct jb_picture_work){0}).energy_j >
                4 * picture("wan2.1-t2v-1.3b", 1, (struct jb_picture_work){0}).energy_j);
    assert_int_equal(picture("wan2.1-t2v-1.3b", 1, (struct jb_picture_work){0}).unit, JB_PER_VIDEO);
    assert_int_equal(picture("flux.1-dev", 1, (struct jb_picture_work){0}).unit, JB_PER_IMAGE);
}

static void training_follows_tokens_and_what_is_trained(void **state) {
    (void)state;
    struct jb_shape known = shape("qwen2.5-7b");
    struct jb_deployment deployment = {.accelerator = accelerator("H100"), .accelerator_count = 8};
    struct jb_training_work work = {.tokens = 1e9};
    struct jb_energy full = {0}, twice = {0}, lora = {0};
    struct jb_error error = {0};
    uint32_t needed = 0;
    assert_int_equal(
        jb_energy_of_training(shipped.constants, &known, &deployment, &work, &error, NULL, &full), JB_OK);
    /* 6 × 7.07·10^9 operations a token without embeddings, and attention. */
    assert_true(full.operations > 4.2e19 && full.operations < 6e19);
    work.tokens *= 2;
    jb_energy_of_training(shipped.constants, &known, &deployment, &work, &error, NULL, &twice);
    assert_true(fabs(twice.energy_j / full.energy_j - 2) < 1e-9);
    work.trained_share = 0.01;
    jb_energy_of_training(shipped.constants, &known, &deployment, &work, &error, NULL, &lora);
    assert_true(lora.energy_j < 0.75 * twice.energy_j && lora.energy_j > 0.6 * twice.energy_j);
    assert_true(lora.memory_bytes < full.memory_bytes / 2);
    deployment.accelerator_count = 1;
    work.trained_share = 1;
    assert_int_equal(
        jb_energy_of_training(shipped.constants, &known, &deployment, &work, &error, &needed, &full),
        JB_LIMIT);
    assert_int_equal(needed, 2);
}

static void senseless_work_is_refused(void **state) {
    (void)state;
    struct jb_shape known = shape("qwen2.5-7b");
    struct jb_deployment deployment = {.accelerator = accelerator("H100"), .accelerator_count = 4};
    struct jb_energy energy;
    struct jb_error error = {0};
    const struct jb_text_work works[] = {
        {.input_tokens = 1, .output_tokens = 0},
        {.input_tokens = -1, .output_tokens = 1},
        {.input_tokens = NAN, .output_tokens = 1},
        {.input_tokens = 10, .cached_tokens = 11, .output_tokens = 1},
        {.input_tokens = 1e12, .output_tokens = 1},
        {.output_tokens = 1, .concurrency = -1},
        {.output_tokens = 1, .attention_share = 2},
    };
    for (size_t i = 0; i < JB_COUNT(works); i++)
        assert_int_equal(
            jb_energy_of_text(shipped.constants, &known, &deployment, &works[i], &error, NULL, &energy),
            JB_USAGE);
    struct jb_text_work fine = {.output_tokens = 1};
    deployment.data_parallel = 3;
    assert_int_equal(jb_energy_of_text(shipped.constants, &known, &deployment, &fine, &error, NULL, &energy),
                     JB_USAGE);
    deployment.data_parallel = 0;
    deployment.ring_parallel = 3;
    struct jb_picture_work still = {0};
    assert_int_equal(jb_energy_of_picture(shipped.constants, diffuser("flux.1-dev"), &deployment, &still,
                                          &error, NULL, &energy),
                     JB_USAGE);
    assert_int_equal(jb_shape_of_counts(1, 2, &error, &known), JB_USAGE);
    assert_int_equal(jb_shape_of_counts(NAN, NAN, &error, &known), JB_USAGE);
}

static void a_model_known_by_its_size_is_near_one_known_by_its_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < jb_catalogue_count(shipped.catalogue); i++) {
        const struct jb_model *model = jb_catalogue_item(shipped.catalogue, i);
        struct jb_parameter_count count = jb_architecture_count(&model->architecture);
        struct jb_shape known = jb_shape_of_architecture(&model->architecture), guessed;
        struct jb_error error = {0};
        double active = jb_shape_active(&known);
        assert_int_equal(
            jb_shape_of_counts((double)count.total, fmin(active, (double)count.total), &error, &guessed),
            JB_OK);
        struct jb_deployment deployment = {.accelerator = accelerator("B200"), .accelerator_count = 8};
        struct jb_text_work work = {.input_tokens = 500, .output_tokens = 500, .concurrency = 32};
        struct jb_energy exact, near;
        deployment.memory_share = 100;
        assert_int_equal(
            jb_energy_of_text(shipped.constants, &known, &deployment, &work, &error, NULL, &exact), JB_OK);
        assert_int_equal(
            jb_energy_of_text(shipped.constants, &guessed, &deployment, &work, &error, NULL, &near), JB_OK);
        if (near.energy_j > 2 * exact.energy_j || near.energy_j < exact.energy_j / 2)
            fail_msg("%s: %g J, by its size %g J", model->name, exact.energy_j, near.energy_j);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_costs_no_more_in_a_larger_batch),
        cmocka_unit_test(more_tokens_never_cost_less),
        cmocka_unit_test(a_larger_model_never_costs_less),
        cmocka_unit_test(what_does_not_fit_says_how_many_it_needs),
        cmocka_unit_test(requests_arriving_settle_at_what_little_says),
        cmocka_unit_test(sparse_attention_makes_a_million_tokens_cheaper),
        cmocka_unit_test(wan_has_the_tokens_of_its_paper),
        cmocka_unit_test(pictures_cost_more_with_all_that_makes_them_larger),
        cmocka_unit_test(training_follows_tokens_and_what_is_trained),
        cmocka_unit_test(senseless_work_is_refused),
        cmocka_unit_test(a_model_known_by_its_size_is_near_one_known_by_its_shape),
    };
    return cmocka_run_group_tests(tests, read_shipped, free_shipped);
}
