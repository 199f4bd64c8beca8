/* Time and energy of training and fine-tuning. */
#include "estimate/constants.h"
#include "estimate/energy.h"
#include "estimate/energy_power.h"

#include <math.h>

#define MEMORY_SHARE     0.9
#define SEQUENCE_TOKENS  4096.0
#define UTILISATION      0.40 /* of the peak: open reports of large runs have 0.35 to 0.45 */
#define WEIGHT_BYTES     2.0
#define FULL_STATE_BYTES 16.0 /* weights, gradients, fp32 copy and two moments of Adam (arXiv 1910.02054) */
#define ACTIVATION_BYTES                                                                                     \
    34.0 /* per token, layer and width, recomputed by layer: of one layer (2205.05198)                       \
          */

/* Operations for one token: 2 forward for each parameter passed, as many back to the activations, and as many
 * to the gradients of what is trained; 6 for full training (arXiv 2001.08361). Attention besides. */
static double operations_per_token(const struct jb_shape *shape, double sequence, double trained_share) {
    double attention = 2 * (shape->query_full * sequence +
                            2 * shape->query_sliding * fmin(sequence / 2, shape->sliding_window));
    return (4 + 2 * trained_share) * jb_shape_active(shape) + 3 * attention;
}

static double memory_of(const struct jb_shape *shape, double count, double sequence, double trained_share) {
    double states = shape->total * (WEIGHT_BYTES + (FULL_STATE_BYTES - WEIGHT_BYTES) * trained_share);
    double kept = sequence * shape->hidden * (ACTIVATION_BYTES + 2 * shape->layer_count);
    return states / count + kept;
}

enum jb_code jb_energy_of_training(const struct jb_energy_constants *c, const struct jb_shape *shape,
                                   const struct jb_deployment *deployment,
                                   const struct jb_training_work *work, struct jb_error *error,
                                   uint32_t *ret_needed, struct jb_energy *ret_energy) {
    const struct jb_accelerator *a = deployment->accelerator;
    double sequence = work->sequence_tokens > 0 ? work->sequence_tokens : SEQUENCE_TOKENS;
    double trained = work->trained_share > 0 ? work->trained_share : 1;
    double utilisation = work->utilisation > 0 ? work->utilisation : UTILISATION;
    const struct {
        const char *name;
        double value, least, most;
    } fields[] = {
        {"tokens", work->tokens, 1, 1e18},
        {"tokens of a sequence", sequence, 1, 1e8},
        {"trained share of the parameters", trained, 1e-9, 1},
        {"utilisation", utilisation, 1e-4, 1},
        {"accelerators", deployment->accelerator_count, 1, JB_ACCELERATOR_CEILING},
    };
    for (size_t i = 0; i < JB_COUNT(fields); i++) {
        if (!(fields[i].value >= fields[i].least && fields[i].value <= fields[i].most))
            return jb_error_set(error, JB_USAGE, "%s: %.6g is not between %.6g and %.6g", fields[i].name,
                                fields[i].value, fields[i].least, fields[i].most);
    }
    double count = deployment->accelerator_count;
    double limit = (deployment->memory_share > 0 ? deployment->memory_share : MEMORY_SHARE) * a->memory_bytes;
    uint32_t needed = 1;
    while (needed < JB_ACCELERATOR_CEILING && memory_of(shape, needed, sequence, trained) > limit)
        needed *= 2;
    if (ret_needed)
        *ret_needed = needed;
    double memory_bytes = memory_of(shape, count, sequence, trained);
    if (memory_bytes > limit)
        return jb_error_set(error, JB_LIMIT,
                            "%.4g GB on each of %.0f accelerators do not fit into %.4g GB: it needs %u",
                            memory_bytes / 1e9, count, limit / 1e9, needed);
    double rate = a->operations_per_s[deployment->weights == JB_FP8 ? JB_FP8 : JB_BF16];
    double token = operations_per_token(shape, sequence, trained);
    double busy_s = token * work->tokens / (rate * utilisation * count);
    /* Matrices keep the accelerator busy whenever it does not wait for the others; what it moves besides goes
     * with the operations, and is in the power of computing. */
    struct jb_stretch stretch = {
        .time_s = busy_s,
        .dynamic_j = a->tdp_w * busy_s * (c->picture_busy_power + c->picture_compute_power * utilisation),
    };
    double energy_j;
    double time_s = jb_stretch_limit(a, c->picture_awake_power * a->tdp_w, &stretch, &energy_j);
    struct jb_energy energy = {
        .unit = JB_PER_RUN,
        .energy_j = energy_j * count,
        .per_token_j = energy_j * count / work->tokens,
        .decode_j = energy_j * count,
        .latency_s = time_s,
        .units_per_s = 1 / time_s,
        .tokens_per_s = work->tokens / time_s,
        .power_w = energy_j * count / time_s,
        .concurrency = 1,
        .memory_bytes = memory_bytes,
        .operations = token * work->tokens,
    };
    jb_interval_around(a, shape->is_typical, c->image_low, c->image_high, energy.energy_j, &energy.low_j,
                       &energy.high_j);
    *ret_energy = energy;
    return JB_OK;
}
