/* The shape of a language model, and what follows from it: parameters, and memory per token of context. */
#ifndef JB_ESTIMATE_ARCHITECTURE_H
#define JB_ESTIMATE_ARCHITECTURE_H

#include "base/decimal.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define JB_PARAMETER_CEILING ((uint64_t)1000000000000000) /* 10^15: past it a shape is taken as hostile */

/* A transformer, or a hybrid of attention with state-space or linear attention. 0 means "has none" in every
 * field; layers are partitioned twice: by their mixer (attention, linear, state space) and by their
 * feed-forward part (dense, experts). A layer may lack either. */
struct jb_architecture {
    uint32_t layer_count;
    uint32_t hidden;
    uint32_t vocabulary;
    bool is_tied;  /* the output matrix is the embedding */
    bool is_gated; /* feed-forward parts have three matrices, not two */

    uint32_t attention_layer_count; /* layers that keep keys and values */
    uint32_t sliding_layer_count;   /* of those: only of the last sliding_window tokens */
    uint32_t sliding_window;
    uint32_t head_count, kv_head_count, head_size;
    /* Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, 2.1): kv_rank is not 0. */
    uint32_t kv_rank, query_rank, rope_size, nope_size, value_size;
    bool is_output_gated; /* queries are twice as wide: the other half gates the output (Qwen3-Next) */

    uint32_t dense_layer_count, intermediate;
    uint32_t expert_layer_count, expert_count, experts_per_token, expert_intermediate;
    uint32_t shared_intermediate; /* width of what every token passes beside its experts */

    /* Gated linear attention (Qwen3-Next) and state space (Mamba-2, arXiv 2405.21060). */
    uint32_t linear_layer_count, linear_key_width, linear_value_width, linear_value_heads, linear_kernel;
    uint32_t state_layer_count, state_heads, state_head_size, state_groups, state_size, state_kernel;

    /* A vision tower like that of Qwen2.5-VL (arXiv 2502.13923, table 1). */
    uint32_t vision_layer_count, vision_hidden, vision_intermediate, vision_patch, vision_merge,
        vision_temporal_patch;
    bool is_vision_plain;  /* the feed-forward parts of the tower have two matrices, not three */
    uint32_t image_tokens; /* that an image becomes, whatever its size; 0: it follows from the size */
    bool has_sound;        /* reads the sound of a video beside its pictures */
};

/* Weights in matrices; norms and biases (below 0.1 %) are not in it. */
struct jb_parameter_count {
    uint64_t total;
    uint64_t active; /* what one token of text passes: embeddings in, no vision tower, experts_per_token */
    uint64_t vision; /* of total: the vision tower with its merger */
};

/* JB_INPUT, with the field named, where the shape cannot be: every field from outside goes through here. */
enum jb_code jb_architecture_validate(const struct jb_architecture *architecture, struct jb_error *error);

/* For a validated architecture; the total is then at most JB_PARAMETER_CEILING. */
struct jb_parameter_count jb_architecture_count(const struct jb_architecture *architecture);

/* Numbers (keys and values, or the latent) that one more token of context adds over all attention layers.
 * Times the bytes of one: KV bytes per token. */
uint64_t jb_architecture_kv_per_token(const struct jb_architecture *architecture);
/* Numbers kept for a context of that many tokens: sliding layers stop at their window. */
uint64_t jb_architecture_kv(const struct jb_architecture *architecture, uint64_t token_count);

/* image_tokens where the model has it; else those that Qwen2.5-VL makes of an image: both sides rounded to
 * patches × merge, scaled to stay between 4 and 16,384 tokens (the processor's min_pixels 3,136 and
 * max_pixels 12,845,056 with patch 14 and merge 2). JB_USAGE when the model has no vision tower, a side is 0
 * or the sides differ by more than 200 times. */
enum jb_code jb_architecture_image_tokens(const struct jb_architecture *architecture, uint32_t width,
                                          uint32_t height, struct jb_error *error, uint64_t *ret_tokens);

/* The same of a clip: two frames a second, at least 4 and at most 768, an even number; those that share a
 * temporal patch make tokens together. Each frame stays between 128 and 768 tokens, and below its part of
 * 24,576 for the clip (qwen-vl-utils: VIDEO_MIN_PIXELS, VIDEO_MAX_PIXELS, VIDEO_TOTAL_PIXELS). seconds: up to
 * a day. */
enum jb_code jb_architecture_video_tokens(const struct jb_architecture *architecture, uint32_t width,
                                          uint32_t height, double seconds, struct jb_error *error,
                                          uint64_t *ret_tokens);

#endif
