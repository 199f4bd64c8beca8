/* The constants of the energy model: data/estimate/constants.csv, fitted by tools/fit-energy on measured
 * runs. */
#ifndef JB_ESTIMATE_CONSTANTS_H
#define JB_ESTIMATE_CONSTANTS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>

/* Each is a field of struct jb_energy_constants and a row of the table, where its unit and meaning stand. */
#define JB_TEXT_CONSTANTS(X)                                                                                 \
    X(dense_bandwidth)                                                                                       \
    X(expert_bandwidth)                                                                                      \
    X(unpacking_bandwidth)                                                                                   \
    X(native_fp4_bandwidth)                                                                                  \
    X(cache_bandwidth)                                                                                       \
    X(dense_compute)                                                                                         \
    X(expert_compute)                                                                                        \
    X(attention_compute)                                                                                     \
    X(eight_bit_gain)                                                                                        \
    X(layer_s)                                                                                               \
    X(expert_layer_s)                                                                                        \
    X(fp8_layer_s)                                                                                           \
    X(step_s)                                                                                                \
    X(sequence_s)                                                                                            \
    X(prompt_step_s)                                                                                         \
    X(vision_step_s)                                                                                         \
    X(vision_token_s)                                                                                        \
    X(link_latency_s)                                                                                        \
    X(link_share)                                                                                            \
    X(tile_bf16)                                                                                             \
    X(tile_fp8)                                                                                              \
    X(tile_mxfp4)                                                                                            \
    X(routing_spread)                                                                                        \
    X(imbalance)                                                                                             \
    X(uneven_load)                                                                                           \
    X(replica_prompt)                                                                                        \
    X(state_traffic)                                                                                         \
    X(context_share)                                                                                         \
    X(awake_power)                                                                                           \
    X(busy_power)                                                                                            \
    X(dense_byte_j)                                                                                          \
    X(expert_byte_j)                                                                                         \
    X(cache_byte_power)                                                                                      \
    X(dense_power)                                                                                           \
    X(expert_power)                                                                                          \
    X(attention_power)                                                                                       \
    X(unpacking_power)                                                                                       \
    X(link_power)                                                                                            \
    X(old_step)                                                                                              \
    X(old_sequence)                                                                                          \
    X(old_layer)                                                                                             \
    X(old_image_s)

#define JB_PICTURE_CONSTANTS(X)                                                                              \
    X(picture_compute)                                                                                       \
    X(narrow_width)                                                                                          \
    X(unet_compute)                                                                                          \
    X(picture_attention)                                                                                     \
    X(picture_exponentials)                                                                                  \
    X(picture_traffic)                                                                                       \
    X(unet_traffic)                                                                                          \
    X(picture_layer_s)                                                                                       \
    X(layer_growth)                                                                                          \
    X(picture_step_s)                                                                                        \
    X(vae_operations)                                                                                        \
    X(pixel_s)                                                                                               \
    X(picture_s)                                                                                             \
    X(old_pixel_s)                                                                                           \
    X(ulysses_share)                                                                                         \
    X(ulysses_latency_s)                                                                                     \
    X(ring_share)                                                                                            \
    X(ring_latency_s)                                                                                        \
    X(ring_attention)                                                                                        \
    X(picture_awake_power)                                                                                   \
    X(picture_busy_power)                                                                                    \
    X(picture_byte_j)                                                                                        \
    X(picture_compute_power)                                                                                 \
    X(picture_attention_power)                                                                               \
    X(picture_decode_power)                                                                                  \
    X(picture_link_power)

/* What the tables of measured runs do not say of their work. */
#define JB_WORK_CONSTANTS(X)                                                                                 \
    X(arena_tokens)                                                                                          \
    X(gpqa_tokens)                                                                                           \
    X(fim_tokens)                                                                                            \
    X(vision_chat_tokens)                                                                                    \
    X(image_tokens)                                                                                          \
    X(video_tokens)                                                                                          \
    X(chat_tokens)                                                                                           \
    X(code_tokens)                                                                                           \
    X(old_vision_chat_tokens)                                                                                \
    X(shared_host_s)

/* How far from an estimate 95 % of the measured runs of models left out of the fit lie. */
#define JB_INTERVAL_CONSTANTS(X)                                                                             \
    X(text_low)                                                                                              \
    X(text_high)                                                                                             \
    X(vision_low)                                                                                            \
    X(vision_high)                                                                                           \
    X(image_low)                                                                                             \
    X(image_high)                                                                                            \
    X(video_low)                                                                                             \
    X(video_high)

struct jb_energy_constants {
#define JB_FIELD(name) double name;
    JB_TEXT_CONSTANTS(JB_FIELD)
    JB_PICTURE_CONSTANTS(JB_FIELD)
    JB_WORK_CONSTANTS(JB_FIELD)
    JB_INTERVAL_CONSTANTS(JB_FIELD)
#undef JB_FIELD
};

/* What the table says of one of them; those whose least is their most are not fitted. */
struct jb_constant {
    const char *name;
    size_t offset; /* in struct jb_energy_constants */
    enum { JB_CONSTANT_TEXT, JB_CONSTANT_PICTURE, JB_CONSTANT_WORK, JB_CONSTANT_INTERVAL } group;
    double start, least, most;
};

#define JB_COUNT_ONE(name) +1
#define JB_CONSTANT_COUNT                                                                                    \
    ((size_t)(0 JB_TEXT_CONSTANTS(JB_COUNT_ONE) JB_PICTURE_CONSTANTS(JB_COUNT_ONE)                           \
                  JB_WORK_CONSTANTS(JB_COUNT_ONE) JB_INTERVAL_CONSTANTS(JB_COUNT_ONE)))

/* JB_INPUT where the table is not whole. */
enum jb_code jb_constants_describe(const char *data_path, struct jb_error *error,
                                   struct jb_constant ret_constants[static JB_CONSTANT_COUNT]);

#endif
