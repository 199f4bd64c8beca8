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
    X(mxfp4_bandwidth)                                                                                       \
    X(cache_bandwidth)                                                                                       \
    X(dense_compute)                                                                                         \
    X(expert_compute)                                                                                        \
    X(attention_compute)                                                                                     \
    X(fp8_gain)                                                                                              \
    X(layer_s)                                                                                               \
    X(expert_layer_s)                                                                                        \
    X(fp8_layer_s)                                                                                           \
    X(step_s)                                                                                                \
    X(sequence_s)                                                                                            \
    X(link_latency_s)                                                                                        \
    X(link_share)                                                                                            \
    X(tile_bf16)                                                                                             \
    X(tile_fp8)                                                                                              \
    X(tile_mxfp4)                                                                                            \
    X(routing_spread)                                                                                        \
    X(imbalance)                                                                                             \
    X(state_traffic)                                                                                         \
    X(context_share)                                                                                         \
    X(awake_power)                                                                                           \
    X(busy_power)                                                                                            \
    X(byte_j)                                                                                                \
    X(compute_power)                                                                                         \
    X(link_power)

#define JB_PICTURE_CONSTANTS(X)                                                                              \
    X(picture_compute)                                                                                       \
    X(picture_small)                                                                                         \
    X(unet_compute)                                                                                          \
    X(picture_attention)                                                                                     \
    X(picture_traffic)                                                                                       \
    X(norm_traffic)                                                                                          \
    X(unet_traffic)                                                                                          \
    X(picture_layer_s)                                                                                       \
    X(norm_layer_s)                                                                                          \
    X(picture_step_s)                                                                                        \
    X(vae_operations)                                                                                        \
    X(pixel_s)                                                                                               \
    X(picture_s)                                                                                             \
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
    X(picture_link_power)

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
    JB_INTERVAL_CONSTANTS(JB_FIELD)
#undef JB_FIELD
};

#endif
