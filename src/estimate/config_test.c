/* Configurations as they are found beside weights, and hostile ones. */
#include "estimate/config.h"

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct jb_architecture parse(const char *text) {
    struct jb_architecture architecture = {0};
    struct jb_error error = {0};
    if (jb_config_parse(text, strlen(text), "config.json", &error, &architecture))
        fail_msg("%s", error.message);
    return architecture;
}

static void refuse(const char *text, const char *why) {
    struct jb_architecture architecture = {.layer_count = 77};
    struct jb_error error = {0};
    assert_int_equal(jb_config_parse(text, strlen(text), "config.json", &error, &architecture), JB_INPUT);
    if (!strstr(error.message, why))
        fail_msg("'%s' says nothing of '%s'", error.message, why);
    assert_int_equal(jb_error_exit_status(JB_INPUT), 3);
    assert_int_equal(architecture.layer_count, 77);
}

#define MIXTRAL                                                                                              \
    "\"model_type\":\"mixtral\",\"hidden_size\":4096,\"intermediate_size\":14336,"                           \
    "\"num_attention_heads\":32,\"num_hidden_layers\":32,\"num_key_value_heads\":8,"                         \
    "\"num_local_experts\":8,\"sliding_window\":null,\"tie_word_embeddings\":false,\"vocab_size\":32000"

static void mixture_of_experts(void **state) {
    (void)state;
    struct jb_architecture a = parse("{" MIXTRAL ",\"num_experts_per_tok\":2}");
    struct jb_parameter_count count = jb_architecture_count(&a);
    assert_int_equal(count.total / 1000000, 46702);
    assert_int_equal(count.active / 1000000, 12879);
    assert_int_equal(jb_architecture_kv_per_token(&a) * 2, 131072);
}

static void latent_attention(void **state) {
    (void)state;
    struct jb_architecture a = parse(
        "{\"model_type\":\"deepseek_v3\",\"first_k_dense_replace\":3,\"hidden_size\":7168,"
        "\"intermediate_size\":18432,\"kv_lora_rank\":512,\"moe_intermediate_size\":2048,\"moe_layer_freq\":"
        "1,"
        "\"n_routed_experts\":256,\"n_shared_experts\":1,\"num_attention_heads\":128,\"num_experts_per_tok\":"
        "8,"
        "\"num_hidden_layers\":61,\"num_key_value_heads\":128,\"q_lora_rank\":1536,\"qk_nope_head_dim\":128,"
        "\"qk_rope_head_dim\":64,\"v_head_dim\":128,\"vocab_size\":129280,\"tie_word_embeddings\":false}");
    assert_int_equal(jb_architecture_count(&a).total / 10000000, 67102);
    assert_int_equal(a.dense_layer_count, 3);
    assert_int_equal(jb_architecture_kv_per_token(&a), 35136);
}

static void nested_text_and_vision(void **state) {
    (void)state;
    struct jb_architecture a =
        parse("{\"model_type\":\"qwen2_5_vl\",\"hidden_size\":3584,\"intermediate_size\":18944,"
              "\"num_attention_heads\":28,\"num_hidden_layers\":28,\"num_key_value_heads\":4,"
              "\"sliding_window\":32768,\"use_sliding_window\":false,\"tie_word_embeddings\":false,"
              "\"vocab_size\":152064,\"vision_config\":{\"depth\":32,\"hidden_size\":1280,"
              "\"intermediate_size\":3420,\"out_hidden_size\":3584,\"spatial_merge_size\":2,"
              "\"spatial_patch_size\":14,\"temporal_patch_size\":2}}");
    assert_int_equal(jb_architecture_count(&a).total, 7615283200 + 676034560);
    assert_int_equal(a.sliding_layer_count, 0);
    /* Gemma 3: the language model is nested; five of six layers slide. */
    a = parse(
        "{\"model_type\":\"gemma3\",\"text_config\":{\"model_type\":\"gemma3_text\",\"hidden_size\":5376,"
        "\"intermediate_size\":21504,\"num_attention_heads\":32,\"num_hidden_layers\":62,"
        "\"num_key_value_heads\":16,\"head_dim\":128,\"sliding_window\":1024,\"vocab_size\":262144},"
        "\"vision_config\":{\"model_type\":\"siglip_vision_model\",\"hidden_size\":1152}}");
    assert_int_equal(jb_architecture_count(&a).total / 1000000, 27007);
    assert_int_equal(a.sliding_layer_count, 52);
    assert_int_equal(jb_architecture_kv(&a, 2048), 4096 * (10 * 2048 + 52 * 1024));
}

static void hybrids(void **state) {
    (void)state;
    /* Qwen3-Next-80B-A3B: one layer in four keeps keys and values. */
    struct jb_architecture a = parse(
        "{\"model_type\":\"qwen3_next\",\"hidden_size\":2048,\"num_hidden_layers\":48,"
        "\"vocab_size\":151936,\"num_attention_heads\":16,\"num_key_value_heads\":2,\"head_dim\":256,"
        "\"full_attention_interval\":4,\"linear_num_key_heads\":16,\"linear_key_head_dim\":128,"
        "\"linear_num_value_heads\":32,\"linear_value_head_dim\":128,\"linear_conv_kernel_dim\":4,"
        "\"num_experts\":512,\"num_experts_per_tok\":10,\"moe_intermediate_size\":512,"
        "\"shared_expert_intermediate_size\":512,\"decoder_sparse_step\":1,\"intermediate_size\":5120}");
    assert_int_equal(jb_architecture_count(&a).total / 10000000, 7967);
    assert_int_equal(jb_architecture_kv_per_token(&a), 12 * 2 * 2 * 256);
    /* Nemotron Nano 12B v2: 28 Mamba-2, 28 feed-forward and 6 attention layers; 12.31 B. */
    a = parse("{\"model_type\":\"nemotron_h\",\"hidden_size\":5120,\"num_hidden_layers\":62,"
              "\"vocab_size\":131072,\"num_attention_heads\":40,\"num_key_value_heads\":8,\"head_dim\":128,"
              "\"intermediate_size\":20480,\"mlp_hidden_act\":\"relu2\",\"mamba_num_heads\":128,"
              "\"mamba_head_dim\":80,\"n_groups\":8,\"ssm_state_size\":128,\"conv_kernel\":4,"
              "\"hybrid_override_pattern\":"
              "\"M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-M-******\"}");
    assert_int_equal(jb_architecture_count(&a).total / 10000000, 1230);
    assert_int_equal(jb_architecture_kv_per_token(&a), 6 * 2 * 8 * 128);
}

/* Shapes as published, and what their makers say they come to, in millions. */
static void published_counts_come_out(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t total_m, active_m;
    } cases[] = {
        /* Jamba 1.5 Mini: one layer in eight attends, every second has experts; Mamba-1 is 5 % short. */
        {"{\"model_type\":\"jamba\",\"hidden_size\":4096,\"intermediate_size\":14336,\"num_hidden_layers\":"
         "32,"
         "\"num_attention_heads\":32,\"num_key_value_heads\":8,\"attn_layer_offset\":4,\"attn_layer_period\":"
         "8,"
         "\"expert_layer_offset\":1,\"expert_layer_period\":2,\"mamba_d_conv\":4,\"mamba_d_state\":16,"
         "\"mamba_dt_rank\":256,\"mamba_expand\":2,\"num_experts\":16,\"num_experts_per_tok\":2,"
         "\"vocab_size\":65536}",
         51570, 12100},
        /* Bamba 9B */
        {"{\"model_type\":\"bamba\",\"hidden_size\":4096,\"intermediate_size\":14336,\"num_hidden_layers\":"
         "32,"
         "\"num_attention_heads\":32,\"num_key_value_heads\":8,\"attn_layer_indices\":[9,18,27],"
         "\"mamba_d_conv\":4,\"mamba_d_head\":64,\"mamba_d_state\":128,\"mamba_expand\":2,\"mamba_n_groups\":"
         "1,"
         "\"mamba_n_heads\":128,\"vocab_size\":128256,\"tie_word_embeddings\":false}",
         9780, 9780},
        /* MiniMax-Text-01, three layers in place of 80: two with lightning attention, one that attends. */
        {"{\"model_type\":\"minimax_text_01\",\"hidden_size\":6144,\"intermediate_size\":9216,"
         "\"num_hidden_layers\":3,\"attn_type_list\":[0,0,1],\"num_attention_heads\":64,"
         "\"num_key_value_heads\":8,\"head_dim\":128,\"num_local_experts\":32,\"num_experts_per_tok\":2,"
         "\"shared_intermediate_size\":0,\"vocab_size\":200064}",
         19383, 4096},
        /* GLM-4-9B, with the names of ChatGLM */
        {"{\"model_type\":\"chatglm\",\"hidden_size\":4096,\"ffn_hidden_size\":13696,\"num_layers\":40,"
         "\"num_attention_heads\":32,\"multi_query_attention\":true,\"multi_query_group_num\":2,"
         "\"kv_channels\":128,\"padded_vocab_size\":151552,\"vocab_size\":151552}",
         9400, 9400},
        /* Phi-2: two matrices in its feed-forward part */
        {"{\"model_type\":\"phi\",\"hidden_size\":2560,\"intermediate_size\":10240,\"num_hidden_layers\":32,"
         "\"num_attention_heads\":32,\"vocab_size\":51200}",
         2780, 2780},
        /* GPT-2: four times its width, and tied as its makers left unsaid; positions are not counted. */
        {"{\"model_type\":\"gpt2\",\"n_embd\":768,\"n_head\":12,\"n_layer\":12,\"vocab_size\":50257,"
         "\"tie_word_embeddings\":true}",
         124, 124},
        /* Nemotron-4 15B: squared ReLU */
        {"{\"model_type\":\"nemotron\",\"hidden_size\":6144,\"intermediate_size\":24576,\"hidden_act\":"
         "\"relu2\","
         "\"num_hidden_layers\":32,\"num_attention_heads\":48,\"num_key_value_heads\":8,\"head_dim\":128,"
         "\"vocab_size\":256000}",
         15630, 15630},
        /* ERNIE 4.5 21B-A3B */
        {"{\"model_type\":\"ernie4_5_moe\",\"hidden_size\":2560,\"intermediate_size\":12288,"
         "\"num_hidden_layers\":28,\"num_attention_heads\":20,\"num_key_value_heads\":4,"
         "\"moe_num_experts\":64,\"moe_k\":6,\"moe_intermediate_size\":1536,\"moe_num_shared_experts\":2,"
         "\"moe_layer_start_index\":1,\"vocab_size\":103424,\"tie_word_embeddings\":true}",
         21820, 3360},
        /* Hunyuan-A13B: lists of one number a layer */
        {"{\"model_type\":\"hunyuan_v1_moe\",\"hidden_size\":4096,\"intermediate_size\":3072,"
         "\"num_hidden_layers\":32,\"num_attention_heads\":32,\"num_key_value_heads\":8,\"head_dim\":128,"
         "\"num_experts\":64,\"moe_topk\":[8,8,8],\"moe_intermediate_size\":[3072,3072,3072],"
         "\"num_shared_expert\":[1,1,1],\"vocab_size\":128167,\"tie_word_embeddings\":true}",
         80390, 12900},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct jb_architecture a = parse(cases[i].text);
        struct jb_parameter_count count = jb_architecture_count(&a);
        double total = (double)count.total / 1e6, active = (double)count.active / 1e6;
        if (total < 0.99 * cases[i].total_m || total > 1.01 * cases[i].total_m ||
            active < 0.98 * cases[i].active_m || active > 1.02 * cases[i].active_m)
            fail_msg("%.60s: %.0f M, %.0f M active, not %u and %u", cases[i].text, total, active,
                     cases[i].total_m, cases[i].active_m);
    }
}

static void shapes_that_are_not_understood_are_refused(void **state) {
    (void)state;
    refuse("{\"is_encoder_decoder\":true,\"d_model\":512,\"num_layers\":6,\"vocab_size\":32128,"
           "\"num_attention_heads\":8}",
           "only decoders");
    refuse(
        "{\"model_type\":\"kimi_linear\",\"hidden_size\":2304,\"num_hidden_layers\":27,\"vocab_size\":163840,"
        "\"num_attention_heads\":32,\"intermediate_size\":9216,\"linear_attn_config\":{\"kda_layers\":[1]}}",
        "linear_attn_config");
    refuse("{\"model_type\":\"lfm2\",\"hidden_size\":2048,\"num_hidden_layers\":2,\"vocab_size\":65536,"
           "\"num_attention_heads\":32,\"intermediate_size\":8192,\"layer_types\":[\"conv\",\"full_"
           "attention\"]}",
           "'conv'");
}

static void refuses_hostile_files(void **state) {
    (void)state;
    refuse("", "config.json");
    refuse("[1]", "no JSON object");
    refuse("{\"hidden_size\":", "line 1");
    refuse("{}", "number of layers");
    refuse("{" MIXTRAL ",\"num_experts_per_tok\":9}", "experts per token");
    refuse("{" MIXTRAL ",\"num_experts_per_tok\":\"2\"}", "num_experts_per_tok");
    refuse("{" MIXTRAL ",\"num_experts_per_tok\":-2}", "num_experts_per_tok");
    refuse("{" MIXTRAL ",\"num_experts_per_tok\":9223372036854775808}", "too big");
    refuse("{" MIXTRAL ",\"num_experts_per_tok\":4294967298}", "num_experts_per_tok");
    refuse("{" MIXTRAL ",\"num_experts_per_tok\":2,\"num_experts_per_tok\":3}", "duplicate");
    refuse("{" MIXTRAL ",\"num_experts_per_tok\":2,\"hybrid_override_pattern\":\"M*\"}", "hybrid_override");
    _cleanup_buffer_ struct jb_buffer deep = {0};
    for (unsigned i = 0; i < 10000; i++)
        jb_buffer_add_string(&deep, "{\"a\":");
    refuse(deep.bytes, "config.json");
    _cleanup_free_ char *large = calloc(1, JB_CONFIG_CEILING + 2);
    assert_non_null(large);
    memset(large, ' ', JB_CONFIG_CEILING + 1);
    refuse(large, "4 MiB");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(mixture_of_experts),
                                       cmocka_unit_test(latent_attention),
                                       cmocka_unit_test(nested_text_and_vision),
                                       cmocka_unit_test(hybrids),
                                       cmocka_unit_test(published_counts_come_out),
                                       cmocka_unit_test(shapes_that_are_not_understood_are_refused),
                                       cmocka_unit_test(refuses_hostile_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
