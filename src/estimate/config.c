/* Reads a config.json. The names are those of the transformers library, with the variants that models use. */
#include "estimate/config.h"

#include "base/cleanup.h"

#include <jansson.h>
#include <string.h>

struct config {
    json_t *text; /* the part that describes the language model */
    json_t *vision;
    const char *bad; /* first field that was there and no number in range */
};

static void release(json_t **value) {
    json_decref(*value);
}

/* A list of one number a layer, all the same, is that number (Hunyuan); what else is no number stays as it
 * is. */
static json_t *same_number(json_t *value) {
    for (size_t i = 1; json_is_array(value) && i < json_array_size(value); i++) {
        if (!json_equal(json_array_get(value, i), json_array_get(value, 0)))
            return value;
    }
    return json_is_array(value) && json_array_size(value) ? json_array_get(value, 0) : value;
}

/* The first of the names that is there, as a number; `absent` when none is or it is null. */
static uint32_t number(struct config *config, json_t *object, const char *const *names, uint32_t absent) {
    for (; *names; names++) {
        json_t *value = json_object_get(object, *names);
        if (!value || json_is_null(value))
            continue;
        value = same_number(value);
        json_int_t integer = json_is_integer(value) ? json_integer_value(value) : -1;
        if (integer >= 0 && integer <= UINT32_MAX)
            return (uint32_t)integer;
        if (!config->bad)
            config->bad = *names;
    }
    return absent;
}

#define NUMBER(absent, ...) number(config, config->text, (const char *const[]){__VA_ARGS__, NULL}, absent)

static bool truth(json_t *object, const char *name, bool absent) {
    json_t *value = json_object_get(object, name);
    return json_is_boolean(value) ? json_is_true(value) : absent;
}

static const char *model_type(const struct config *config) {
    const char *type = json_string_value(json_object_get(config->text, "model_type"));
    return type ? type : "";
}

/* Looks for the part with the shape of the language model: the file itself, or nested in it. */
static json_t *find_text(json_t *root) {
    static const char *const nests[] = {"thinker_config", "text_config", "language_config", "llm_config"};
    json_t *text = root;
    for (size_t i = 0; i < JB_COUNT(nests); i++) {
        json_t *inner = json_object_get(text, nests[i]);
        if (json_is_object(inner))
            text = inner;
    }
    return text;
}

/* Nemotron-H: one letter a layer; a layer is a mixer or a feed-forward part, not both. */
static bool read_pattern(const struct config *config, struct jb_architecture *a) {
    const char *pattern = json_string_value(json_object_get(config->text, "hybrid_override_pattern"));
    if (!pattern || strlen(pattern) != a->layer_count)
        return false;
    a->attention_layer_count = a->state_layer_count = a->dense_layer_count = a->expert_layer_count = 0;
    for (; *pattern; pattern++) {
        if (*pattern == 'M')
            a->state_layer_count++;
        else if (*pattern == '*')
            a->attention_layer_count++;
        else if (*pattern == '-')
            a->dense_layer_count++;
        else if (*pattern == 'E')
            a->expert_layer_count++;
        else
            return false;
    }
    return true;
}

/* Layers whose number has that remainder: i mod period = offset. */
static uint32_t count_periodic(uint32_t layer_count, uint32_t period, uint32_t offset) {
    return layer_count > offset ? (layer_count - offset + period - 1) / period : 0;
}

/* Where each layer has its kind written down. */
static enum jb_code read_layer_types(json_t *types, struct jb_architecture *a, const char *name,
                                     struct jb_error *error) {
    json_t *type;
    size_t i;
    json_array_foreach(types, i, type) {
        const char *text = json_is_string(type) ? json_string_value(type) : "";
        if (strcmp(text, "linear_attention") == 0)
            a->linear_layer_count++;
        else if (strcmp(text, "mamba") == 0 || strcmp(text, "mamba2") == 0)
            a->state_layer_count++;
        else if (strcmp(text, "sliding_attention") == 0 || strcmp(text, "chunked_attention") == 0)
            a->sliding_layer_count++;
        else if (strcmp(text, "full_attention") != 0 && strcmp(text, "attention") != 0)
            return jb_error_set(error, JB_INPUT, "%s: layer_types: '%.40s' is no kind that is known", name,
                                text);
    }
    a->attention_layer_count -= a->linear_layer_count + a->state_layer_count;
    return JB_OK;
}

/* Layers with lightning attention are 0 in the list, others 1 (MiniMax-01, arXiv 2501.08313): queries, keys,
 * values, a gate and the way out are each as wide as all heads. */
static void read_lightning(json_t *types, struct jb_architecture *a) {
    json_t *type;
    size_t i;
    json_array_foreach(types, i, type) a->linear_layer_count += json_integer_value(type) == 0;
    uint64_t width = (uint64_t)a->head_count * a->head_size;
    a->attention_layer_count = a->layer_count - a->linear_layer_count;
    a->linear_key_width = a->linear_value_width = width > UINT32_MAX ? UINT32_MAX : (uint32_t)width;
}

static void read_sliding(struct config *config, struct jb_architecture *a) {
    uint32_t every = NUMBER(0, "sliding_window_pattern");
    /* Without a word of which layers: every sixth is full in Gemma 3, every second in Gemma 2. */
    if (!every && strncmp(model_type(config), "gemma3", 6) == 0)
        every = 6;
    if (!every && strcmp(model_type(config), "gemma2") == 0)
        every = 2;
    a->sliding_layer_count = a->layer_count - (every ? a->layer_count / every : 0);
}

/* Widths of linear attention (Qwen3-Next) and of state spaces (Mamba-2; Mamba-1 as one with a group and heads
 * of 64, which leaves out 5 % of its weights). */
static void read_widths(struct config *config, struct jb_architecture *a) {
    jb_uint128 key = (jb_uint128)NUMBER(0, "linear_num_key_heads") * NUMBER(0, "linear_key_head_dim");
    a->linear_value_heads = NUMBER(0, "linear_num_value_heads");
    jb_uint128 value = (jb_uint128)a->linear_value_heads * NUMBER(0, "linear_value_head_dim");
    if (key || value) {
        a->linear_key_width = key > UINT32_MAX ? UINT32_MAX : (uint32_t)key;
        a->linear_value_width = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    }
    a->linear_kernel = NUMBER(0, "linear_conv_kernel_dim");
    a->state_head_size = NUMBER(0, "mamba_head_dim", "mamba_d_head");
    a->state_heads = NUMBER(0, "mamba_num_heads", "mamba_n_heads");
    a->state_groups = NUMBER(1, "n_groups", "mamba_n_groups");
    a->state_size = NUMBER(0, "ssm_state_size", "mamba_d_state");
    a->state_kernel = NUMBER(0, "conv_kernel", "mamba_d_conv");
    uint32_t expand = NUMBER(2, "mamba_expand");
    if (!a->state_heads && a->state_size) {
        a->state_head_size = 64;
        a->state_heads = (uint32_t)((uint64_t)a->hidden * expand / 64);
    }
    if (!a->state_layer_count)
        a->state_heads = a->state_head_size = a->state_groups = a->state_size = a->state_kernel = 0;
}

static enum jb_code read_mixers(struct config *config, struct jb_architecture *a, const char *name,
                                struct jb_error *error) {
    json_t *types = json_object_get(config->text, "layer_types");
    json_t *lightning = json_object_get(config->text, "attn_type_list");
    json_t *full = json_object_get(config->text, "attn_layer_indices");
    uint32_t interval = NUMBER(0, "full_attention_interval"), period = NUMBER(0, "attn_layer_period");
    enum jb_code code = JB_OK;
    a->attention_layer_count = a->layer_count;
    a->sliding_window = NUMBER(0, "sliding_window");
    if (!truth(config->text, "use_sliding_window", true))
        a->sliding_window = 0;
    if (json_is_array(types) && json_array_size(types) == a->layer_count) {
        code = read_layer_types(types, a, name, error);
        if (!a->sliding_window)
            a->sliding_window = NUMBER(0, "attention_chunk_size");
    } else if (json_is_array(lightning) && json_array_size(lightning) == a->layer_count) {
        read_lightning(lightning, a);
    } else if (json_is_array(full) && json_array_size(full) <= a->layer_count) {
        a->attention_layer_count = (uint32_t)json_array_size(full);
        a->state_layer_count = a->layer_count - a->attention_layer_count;
    } else if (period) {
        a->attention_layer_count = count_periodic(a->layer_count, period, NUMBER(0, "attn_layer_offset"));
        a->state_layer_count = a->layer_count - a->attention_layer_count;
    } else if (interval) {
        a->attention_layer_count = a->layer_count / interval;
        a->linear_layer_count = a->layer_count - a->attention_layer_count;
    } else if (strcmp(model_type(config), "falcon_h1") == 0) {
        a->state_layer_count = a->layer_count; /* each layer has both, side by side */
    } else if (a->sliding_window) {
        read_sliding(config, a);
    }
    if (!a->sliding_layer_count || !a->sliding_window)
        a->sliding_layer_count = a->sliding_window = 0;
    a->is_output_gated = truth(config->text, "attn_output_gate", a->linear_layer_count > 0 && !lightning);
    return code;
}

/* Shapes that would be taken for something else. */
static enum jb_code refuse_unknown(const struct config *config, const struct jb_architecture *a,
                                   const char *name, struct jb_error *error) {
    static const char *const keys[] = {"linear_attn_config", "conv_L_cache",    "full_attn_idxs",
                                       "mamba_d_state",      "mamba_num_heads", "time_mix_extra_dim",
                                       "lru_width"};
    if (truth(config->text, "is_encoder_decoder", false))
        return jb_error_set(error, JB_INPUT, "%s: is_encoder_decoder: only decoders are understood", name);
    for (size_t i = 0; i < JB_COUNT(keys) && !a->state_layer_count && !a->linear_layer_count; i++) {
        if (!json_is_null(json_object_get(config->text, keys[i])) && json_object_get(config->text, keys[i]) &&
            strcmp(model_type(config), "nemotron_h") != 0)
            return jb_error_set(error, JB_INPUT,
                                "%s: %s: this kind of layer is not understood; give the file of the weights",
                                name, keys[i]);
    }
    return JB_OK;
}

static void read_heads(struct config *config, struct jb_architecture *a) {
    a->head_count = NUMBER(0, "num_attention_heads", "n_head", "n_heads");
    uint32_t alone = truth(config->text, "multi_query", false) ? 1 : a->head_count; /* Falcon, StarCoder */
    a->kv_head_count =
        NUMBER(alone, "num_key_value_heads", "multi_query_group_num", "num_kv_heads", "kv_n_heads");
    a->head_size = NUMBER(a->head_count ? a->hidden / a->head_count : 0, "head_dim", "attention_head_dim",
                          "kv_channels");
    a->kv_rank = NUMBER(0, "kv_lora_rank");
    a->query_rank = NUMBER(0, "q_lora_rank");
    if (a->kv_rank) {
        a->rope_size = NUMBER(0, "qk_rope_head_dim");
        a->nope_size = NUMBER(0, "qk_nope_head_dim");
        a->value_size = NUMBER(0, "v_head_dim");
    }
}

static void read_feed_forward(struct config *config, struct jb_architecture *a) {
    uint64_t four = 4 * (uint64_t)a->hidden; /* what the first models left unsaid: GPT-2, BLOOM, Falcon */
    a->intermediate = NUMBER(four > UINT32_MAX ? UINT32_MAX : (uint32_t)four, "intermediate_size_mlp",
                             "intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size");
    a->expert_count = NUMBER(0, "num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts");
    if (a->expert_count == 1)
        a->expert_count = 0;
    a->dense_layer_count = a->expert_count ? 0 : a->layer_count;
    if (!a->expert_count)
        return;
    a->experts_per_token =
        NUMBER(0, "num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_topk", "moe_k");
    a->expert_intermediate = NUMBER(0, "moe_intermediate_size", "intermediate_size");
    jb_uint128 shared = (jb_uint128)NUMBER(0, "n_shared_experts", "num_shared_experts", "num_shared_expert",
                                           "moe_num_shared_experts") *
                        a->expert_intermediate;
    a->shared_intermediate =
        NUMBER(shared > UINT32_MAX ? UINT32_MAX : (uint32_t)shared, "shared_expert_intermediate_size",
               "moe_shared_expert_intermediate_size", "shared_intermediate_size");
    if (strncmp(model_type(config), "llama4", 6) == 0)
        a->shared_intermediate = a->expert_intermediate; /* one, which its configuration does not name */
    uint32_t first = NUMBER(0, "first_k_dense_replace", "moe_layer_start_index");
    uint32_t step = NUMBER(1, "interleave_moe_layer_step", "decoder_sparse_step", "moe_layer_freq");
    a->expert_layer_count = first < a->layer_count ? (a->layer_count - first) / (step ? step : 1) : 0;
    uint32_t period = NUMBER(0, "expert_layer_period"); /* Jamba */
    if (period)
        a->expert_layer_count = count_periodic(a->layer_count, period, NUMBER(0, "expert_layer_offset"));
    json_t *dense = json_object_get(config->text, "mlp_only_layers");
    size_t left_out = json_is_array(dense) ? json_array_size(dense) : 0;
    a->expert_layer_count -= left_out < a->expert_layer_count ? (uint32_t)left_out : a->expert_layer_count;
    a->dense_layer_count = a->layer_count - a->expert_layer_count;
}

/* Only the tower of Qwen2.5-VL is counted; others are left out, as of a model without one. */
static void read_vision(struct config *config, struct jb_architecture *a) {
    json_t *vision = config->vision;
    const char *type = json_string_value(json_object_get(vision, "model_type"));
    uint32_t out = number(config, vision, (const char *const[]){"out_hidden_size", NULL}, 0);
    bool is_known =
        (type && strcmp(type, "qwen2_5_vl") == 0) || strcmp(model_type(config), "qwen2_5_vl") == 0;
    if (!json_is_object(vision) || !is_known || (out && out != a->hidden))
        return;
    a->vision_layer_count = number(config, vision, (const char *const[]){"depth", NULL}, 32);
    a->vision_hidden = number(config, vision, (const char *const[]){"hidden_size", NULL}, 1280);
    a->vision_intermediate = number(config, vision, (const char *const[]){"intermediate_size", NULL}, 3420);
    a->vision_patch =
        number(config, vision, (const char *const[]){"patch_size", "spatial_patch_size", NULL}, 14);
    a->vision_merge = number(config, vision, (const char *const[]){"spatial_merge_size", NULL}, 2);
    a->vision_temporal_patch = number(config, vision, (const char *const[]){"temporal_patch_size", NULL}, 2);
}

/* Whether feed-forward parts have a third matrix. */
static bool is_gated(const struct config *config) {
    static const char *const plain[] = {"gpt2",    "gpt_neo",    "gpt_neox", "gptj",   "gpt_bigcode",
                                        "opt",     "bloom",      "mpt",      "falcon", "phi",
                                        "codegen", "starcoder2", "persimmon"};
    static const char *const keys[] = {"mlp_hidden_act", "hidden_act", "hidden_activation"};
    for (size_t i = 0; i < JB_COUNT(plain); i++) {
        if (strcmp(model_type(config), plain[i]) == 0)
            return false;
    }
    for (size_t i = 0; i < JB_COUNT(keys); i++) {
        const char *activation = json_string_value(json_object_get(config->text, keys[i]));
        if (activation && strcmp(activation, "relu2") == 0)
            return false;
    }
    return true;
}

enum jb_code jb_config_parse(const char *bytes, size_t length, const char *name, struct jb_error *error,
                             struct jb_architecture *ret_architecture) {
    json_error_t why;
    if (length > JB_CONFIG_CEILING)
        return jb_error_set(error, JB_INPUT, "%s: more than 4 MiB; a config.json is small", name);
    _cleanup_(release) json_t *root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return jb_error_set(error, JB_INPUT, "%s, line %d: %s", name, why.line, why.text);
    if (!json_is_object(root))
        return jb_error_set(error, JB_INPUT, "%s: no JSON object", name);
    struct config reading = {.text = find_text(root), .vision = json_object_get(root, "vision_config")};
    struct config *config = &reading;
    struct jb_architecture a = {.layer_count =
                                    NUMBER(0, "num_hidden_layers", "n_layer", "num_layers", "n_layers"),
                                .hidden = NUMBER(0, "hidden_size", "n_embd", "d_model"),
                                .vocabulary = NUMBER(0, "padded_vocab_size", "vocab_size")};
    /* Gemma ties unless told otherwise; for others not tied is how files that are silent mean it. */
    bool ties = truth(root, "tie_word_embeddings", strncmp(model_type(config), "gemma", 5) == 0);
    a.is_tied = truth(config->text, "tie_word_embeddings", ties);
    a.is_gated = is_gated(config);
    read_heads(config, &a);
    read_feed_forward(config, &a);
    enum jb_code code = read_mixers(config, &a, name, error);
    if (code)
        return code;
    if (json_object_get(config->text, "hybrid_override_pattern") && !read_pattern(config, &a))
        return jb_error_set(error, JB_INPUT,
                            "%s: hybrid_override_pattern: one of M * - E for each of the layers is needed",
                            name);
    read_widths(config, &a);
    code = refuse_unknown(config, &a, name, error);
    if (code)
        return code;
    read_vision(config, &a);
    if (config->bad)
        return jb_error_set(error, JB_INPUT, "%s: %s: no whole number from 0 to 4294967295", name,
                            config->bad);
    code = jb_architecture_validate(&a, error);
    if (code) {
        jb_error_prefix(error, "%s", name);
        return code;
    }
    *ret_architecture = a;
    return JB_OK;
}
