/* Sums up what of a model costs energy, from its architecture, its file of weights, or its size alone. */
#include "estimate/shape.h"

#include <math.h>

struct jb_shape jb_shape_of_architecture(const struct jb_architecture *a) {
    struct jb_parameter_count count = jb_architecture_count(a);
    double matrices = a->is_gated ? 3 : 2, hidden = a->hidden;
    double heads = a->head_count, query = heads * a->head_size, written = query;
    if (a->kv_rank) {
        query = heads * ((double)a->nope_size + a->rope_size + a->value_size) / 2;
        written = heads * (2.0 * a->kv_rank + a->rope_size) / 2;
    }
    double sliding = a->sliding_layer_count, full = (double)a->attention_layer_count - sliding;
    struct jb_shape shape = {
        .total = (double)count.total,
        .head = (double)a->vocabulary * hidden,
        .expert = matrices * hidden * a->expert_intermediate * a->expert_layer_count,
        .expert_count = a->expert_count,
        .experts_per_token = a->experts_per_token,
        .expert_layer_count = a->expert_layer_count,
        .vision = (double)count.vision,
        .vision_merge = a->vision_merge ? a->vision_merge : 1,
        .layer_count = a->layer_count,
        .hidden = hidden,
        .kv_heads = a->kv_rank ? 1 : a->kv_head_count,
        .sliding_window = a->sliding_window,
        .query_full = query * full,
        .query_written = written * full,
        .is_latent = a->kv_rank != 0,
        .query_sliding = query * sliding,
        .state = (double)a->state_layer_count * a->state_heads * a->state_head_size * a->state_size +
                 (a->linear_value_heads ? (double)a->linear_layer_count * a->linear_key_width *
                                              a->linear_value_width / a->linear_value_heads
                                        : 0),
    };
    double embeddings = shape.head * (a->is_tied ? 1 : 2);
    shape.passed = (double)count.active - shape.expert * shape.experts_per_token - embeddings;
    double kv =
        a->attention_layer_count ? (double)jb_architecture_kv_per_token(a) / a->attention_layer_count : 0;
    shape.kv_full = kv * full;
    shape.kv_sliding = kv * sliding;
    return shape;
}

double jb_shape_active(const struct jb_shape *shape) {
    return shape->passed + shape->head + shape->expert * shape->experts_per_token;
}

/* Width and depth of a model that passes so many parameters: the open models of the catalogue follow
 * layers ≈ 7.5 (active / 10^9)^(1/4) … within a third: 32 × 4,096 at 8·10^9, 80 × 8,192 at 70·10^9. */
static void set_typical(struct jb_shape *shape, double active) {
    double billions = active / 1e9;
    shape->layer_count = fmax(4, round(19.0 * pow(billions, 0.33)));
    shape->hidden = fmax(128, 64 * round(29.0 * pow(billions, 0.36)));
    shape->kv_heads = 8;
    shape->query_full = shape->query_written = shape->hidden * shape->layer_count;
    shape->kv_full = 2 * 8 * 128 * shape->layer_count;
    shape->head = 130000 * shape->hidden;
    if (shape->head > active / 4)
        shape->head = active / 4;
}

enum jb_code jb_shape_of_counts(double total, double active, struct jb_error *error,
                                struct jb_shape *ret_shape) {
    if (!(active > 0) || !(total >= active) || !(total <= (double)JB_PARAMETER_CEILING))
        return jb_error_set(error, JB_USAGE, "%.6g parameters of which a token passes %.6g make no model",
                            total, active);
    struct jb_shape shape = {.total = total, .vision_merge = 1, .is_typical = true};
    set_typical(&shape, active);
    if (total > 1.2 * active) {
        /* Experts hold half of what a token passes, eight of them at a time, as they do in most. */
        shape.experts_per_token = 8;
        shape.expert = active / 2 / 8;
        shape.expert_count = fmax(8, round((total - active / 2) / shape.expert));
        shape.expert_layer_count = shape.layer_count;
    }
    shape.passed = fmax(active - 2 * shape.head - shape.expert * shape.experts_per_token, active / 8);
    *ret_shape = shape;
    return JB_OK;
}

enum jb_code jb_shape_of_weights(const struct jb_weights *weights, uint32_t experts_per_token,
                                 struct jb_error *error, struct jb_shape *ret_shape) {
    double total = (double)weights->element_count;
    double active = (double)jb_weights_active(weights, experts_per_token);
    if (!(active > 0) && weights->expert_count)
        return jb_error_set(error, JB_INPUT,
                            "%u experts, and the file does not say how many of them a token uses",
                            weights->expert_count);
    struct jb_shape shape;
    enum jb_code code = jb_shape_of_counts(total, active, error, &shape);
    if (code)
        return code;
    if (weights->layer_count)
        shape.layer_count = weights->layer_count;
    if (weights->kv_per_token)
        shape.kv_full = (double)weights->kv_per_token;
    shape.query_full = shape.query_written = shape.hidden * shape.layer_count;
    if (weights->expert_count) {
        uint32_t used = experts_per_token ? experts_per_token : weights->experts_per_token;
        shape.expert_count = weights->expert_count;
        shape.experts_per_token = used;
        shape.expert_layer_count = shape.layer_count;
        shape.expert = (double)weights->expert_element_count / weights->expert_count;
        shape.passed = fmax(active - 2 * shape.head - shape.expert * used, active / 16);
    }
    *ret_shape = shape;
    return JB_OK;
}
