/* What follows from the shape of a model. */
#include "estimate/architecture.h"

#include "base/cleanup.h"

#include <assert.h>
#include <math.h>

#define WIDTH_CEILING  (1U << 24)
#define LAYER_CEILING  4096U
#define EXPERT_CEILING 65536U

static jb_uint128 times(uint64_t a, uint64_t b) {
    return (jb_uint128)a * b;
}

/* Matrices of one attention layer. */
static jb_uint128 attention_weights(const struct jb_architecture *a) {
    if (a->kv_rank) {
        uint64_t query = (uint64_t)a->head_count * (a->nope_size + (uint64_t)a->rope_size);
        jb_uint128 queries =
            a->query_rank ? times(a->query_rank, a->hidden + query) : times(a->hidden, query);
        return queries + times(a->hidden, (uint64_t)a->kv_rank + a->rope_size) +
               times(a->kv_rank, (uint64_t)a->head_count * (a->nope_size + (uint64_t)a->value_size)) +
               times((uint64_t)a->head_count * a->value_size, a->hidden);
    }
    uint64_t query = (uint64_t)a->head_count * a->head_size;
    uint64_t key = (uint64_t)a->kv_head_count * a->head_size;
    return times(a->hidden, (a->is_output_gated ? 3 : 2) * query) + times(a->hidden, 2 * key);
}

static jb_uint128 linear_weights(const struct jb_architecture *a) {
    uint64_t in = 2 * ((uint64_t)a->linear_key_width + a->linear_value_width + a->linear_value_heads);
    return times(a->hidden, in + a->linear_value_width) +
           times(2 * (uint64_t)a->linear_key_width + a->linear_value_width, a->linear_kernel);
}

static jb_uint128 state_weights(const struct jb_architecture *a) {
    uint64_t inner = (uint64_t)a->state_heads * a->state_head_size;
    uint64_t states = 2 * (uint64_t)a->state_groups * a->state_size;
    return times(a->hidden, 3 * inner + states + a->state_heads) + times(inner + states, a->state_kernel);
}

static jb_uint128 vision_weights(const struct jb_architecture *a) {
    if (!a->vision_layer_count)
        return 0;
    uint64_t width = a->vision_hidden, merged = width * a->vision_merge * a->vision_merge;
    unsigned matrices = a->is_vision_plain ? 2 : 3;
    jb_uint128 layer = 4 * times(width, width) + matrices * times(width, a->vision_intermediate);
    return times(3 * (uint64_t)a->vision_temporal_patch * a->vision_patch * a->vision_patch, width) +
           layer * a->vision_layer_count + times(merged, merged) + times(merged, a->hidden);
}

static void count(const struct jb_architecture *a, jb_uint128 *ret_total, jb_uint128 *ret_active,
                  jb_uint128 *ret_vision) {
    unsigned matrices = a->is_gated ? 3 : 2;
    jb_uint128 expert = matrices * times(a->hidden, a->expert_intermediate) * a->expert_layer_count;
    jb_uint128 common = times(a->vocabulary, a->hidden) * (a->is_tied ? 1 : 2);
    common += attention_weights(a) * a->attention_layer_count;
    common += linear_weights(a) * a->linear_layer_count;
    common += state_weights(a) * a->state_layer_count;
    common += matrices * times(a->hidden, a->intermediate) * a->dense_layer_count;
    common += (times(a->hidden, a->expert_count) + matrices * times(a->hidden, a->shared_intermediate)) *
              a->expert_layer_count;
    *ret_vision = vision_weights(a);
    *ret_total = common + expert * a->expert_count + *ret_vision;
    *ret_active = common + expert * a->experts_per_token;
}

enum jb_code jb_architecture_validate(const struct jb_architecture *a, struct jb_error *error) {
    const struct {
        const char *name;
        uint32_t value, floor, ceiling;
    } fields[] = {
        {"number of layers", a->layer_count, 1, LAYER_CEILING},
        {"hidden size", a->hidden, 1, WIDTH_CEILING},
        {"vocabulary", a->vocabulary, 1, WIDTH_CEILING},
        {"number of attention layers", a->attention_layer_count, 0, a->layer_count},
        {"number of sliding layers", a->sliding_layer_count, 0, a->attention_layer_count},
        {"sliding window", a->sliding_window, a->sliding_layer_count ? 1 : 0, UINT32_MAX},
        {"number of heads", a->head_count, a->attention_layer_count ? 1 : 0, 65536},
        {"number of key-value heads", a->kv_head_count, a->attention_layer_count && !a->kv_rank ? 1 : 0,
         a->kv_rank ? 65536 : a->head_count},
        {"size of a head", a->head_size, a->attention_layer_count && !a->kv_rank ? 1 : 0, 65536},
        {"rank of keys and values", a->kv_rank, 0, WIDTH_CEILING},
        {"rank of queries", a->query_rank, 0, WIDTH_CEILING},
        {"rotary part of a head", a->rope_size, 0, 65536},
        {"part of a head without rotation", a->nope_size, a->kv_rank ? 1 : 0, 65536},
        {"size of a value", a->value_size, a->kv_rank ? 1 : 0, 65536},
        {"number of dense layers", a->dense_layer_count, 0, a->layer_count},
        {"intermediate size", a->intermediate, a->dense_layer_count ? 1 : 0, WIDTH_CEILING},
        {"number of layers with experts", a->expert_layer_count, 0, a->layer_count - a->dense_layer_count},
        {"number of experts", a->expert_count, a->expert_layer_count ? 1 : 0, EXPERT_CEILING},
        {"experts per token", a->experts_per_token, a->expert_layer_count ? 1 : 0, a->expert_count},
        {"intermediate size of an expert", a->expert_intermediate, a->expert_layer_count ? 1 : 0,
         WIDTH_CEILING},
        {"intermediate size of the shared experts", a->shared_intermediate, 0, WIDTH_CEILING},
        {"number of layers with linear attention", a->linear_layer_count, 0, a->layer_count},
        {"key width of linear attention", a->linear_key_width, a->linear_layer_count ? 1 : 0, WIDTH_CEILING},
        {"value width of linear attention", a->linear_value_width, a->linear_layer_count ? 1 : 0,
         WIDTH_CEILING},
        {"value heads of linear attention", a->linear_value_heads, 0, 65536},
        {"kernel of linear attention", a->linear_kernel, 0, 65536},
        {"number of state space layers", a->state_layer_count, 0, a->layer_count},
        {"state space heads", a->state_heads, a->state_layer_count ? 1 : 0, 65536},
        {"size of a state space head", a->state_head_size, a->state_layer_count ? 1 : 0, 65536},
        {"state space groups", a->state_groups, 0, 65536},
        {"size of the state", a->state_size, 0, 65536},
        {"kernel of the state space", a->state_kernel, 0, 65536},
        {"number of vision layers", a->vision_layer_count, 0, LAYER_CEILING},
        {"vision hidden size", a->vision_hidden, a->vision_layer_count ? 1 : 0, 65536},
        {"vision intermediate size", a->vision_intermediate, 0, WIDTH_CEILING},
        {"vision patch", a->vision_patch, a->vision_layer_count ? 1 : 0, 1024},
        {"vision merge", a->vision_merge, a->vision_layer_count ? 1 : 0, 64},
        {"vision temporal patch", a->vision_temporal_patch, a->vision_layer_count ? 1 : 0, 64},
        {"tokens of an image", a->image_tokens, 0, 1U << 20},
    };
    for (size_t i = 0; i < JB_COUNT(fields); i++) {
        if (fields[i].value < fields[i].floor || fields[i].value > fields[i].ceiling)
            return jb_error_set(error, JB_INPUT, "%s: %u is not between %u and %u", fields[i].name,
                                fields[i].value, fields[i].floor, fields[i].ceiling);
    }
    jb_uint128 total, active, vision;
    count(a, &total, &active, &vision);
    if (total > JB_PARAMETER_CEILING)
        return jb_error_set(error, JB_INPUT, "the shape makes more than 10^15 parameters");
    return JB_OK;
}

struct jb_parameter_count jb_architecture_count(const struct jb_architecture *architecture) {
    jb_uint128 total, active, vision;
    count(architecture, &total, &active, &vision);
    assert(total <= JB_PARAMETER_CEILING && active <= total);
    return (struct jb_parameter_count){(uint64_t)total, (uint64_t)active, (uint64_t)vision};
}

static uint64_t kv_of_layer(const struct jb_architecture *a) {
    return a->kv_rank ? (uint64_t)a->kv_rank + a->rope_size : 2 * (uint64_t)a->kv_head_count * a->head_size;
}

uint64_t jb_architecture_kv_per_token(const struct jb_architecture *architecture) {
    return kv_of_layer(architecture) * architecture->attention_layer_count;
}

uint64_t jb_architecture_kv(const struct jb_architecture *a, uint64_t token_count) {
    uint64_t kept = token_count < a->sliding_window ? token_count : a->sliding_window;
    uint64_t full = a->attention_layer_count - (uint64_t)a->sliding_layer_count;
    jb_uint128 sum = times(full, token_count) + times(a->sliding_layer_count, kept);
    sum *= kv_of_layer(a);
    return sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum;
}

/* Tokens of one picture whose sides are rounded to patches and whose tokens stay between floor and ceiling.
 */
static enum jb_code count_tokens(const struct jb_architecture *a, uint32_t width, uint32_t height,
                                 double floor_tokens, double ceiling_tokens, struct jb_error *error,
                                 double *ret_tokens) {
    if (!a->vision_layer_count)
        return jb_error_set(error, JB_USAGE, "the model has no vision tower that is known");
    if (!width || !height)
        return jb_error_set(error, JB_USAGE, "an image of no size");
    if (a->image_tokens) {
        *ret_tokens = a->image_tokens;
        return JB_OK;
    }
    double wide = width, high = height;
    if (wide > 200 * high || high > 200 * wide)
        return jb_error_set(error, JB_USAGE, "%ux%u: sides may differ by up to 200 times", width, height);
    /* Half to even, as the processor rounds. */
    double side = (double)a->vision_patch * a->vision_merge;
    double columns = fmax(1, nearbyint(wide / side)), rows = fmax(1, nearbyint(high / side));
    if (columns * rows > ceiling_tokens || columns * rows < floor_tokens) {
        bool is_large = columns * rows > ceiling_tokens;
        double pixels = (is_large ? ceiling_tokens : floor_tokens) * side * side;
        double beta = is_large ? sqrt(wide * high / pixels) : sqrt(pixels / (wide * high));
        columns = is_large ? fmax(1, floor(wide / beta / side)) : ceil(wide * beta / side);
        rows = is_large ? fmax(1, floor(high / beta / side)) : ceil(high * beta / side);
    }
    *ret_tokens = columns * rows;
    return JB_OK;
}

enum jb_code jb_architecture_image_tokens(const struct jb_architecture *a, uint32_t width, uint32_t height,
                                          struct jb_error *error, uint64_t *ret_tokens) {
    double tokens = 0;
    enum jb_code code = count_tokens(a, width, height, 4, 16384, error, &tokens);
    if (!code)
        *ret_tokens = (uint64_t)tokens;
    return code;
}

enum jb_code jb_architecture_video_tokens(const struct jb_architecture *a, uint32_t width, uint32_t height,
                                          double seconds, struct jb_error *error, uint64_t *ret_tokens) {
    const double frames_per_s = 2, clip_tokens = 24576;
    double tokens = 0;
    if (!(seconds > 0 && seconds <= 86400))
        return jb_error_set(error, JB_USAGE, "a clip of %g s: it may last up to a day", seconds);
    double frames = fmin(768, fmax(4, 2 * floor(seconds * frames_per_s / 2)));
    double ceiling = fmax(fmin(768, clip_tokens / frames * 2), 128 * 1.05);
    enum jb_code code = count_tokens(a, width, height, 128, floor(ceiling), error, &tokens);
    if (!code)
        *ret_tokens = (uint64_t)(tokens * ceil(frames / fmax(1, a->vision_temporal_patch)));
    return code;
}
