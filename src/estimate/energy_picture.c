/* Time and energy of making images and video by diffusion. */
#include "estimate/constants.h"
#include "estimate/energy.h"
#include "estimate/energy_power.h"

#include <math.h>

#define WEIGHT_BYTES  2.0
#define RUNTIME_BYTES 2e9
#define MEMORY_SHARE  0.9
#define USUAL_TRAFFIC 60.0

/* The work with the model's defaults filled in. */
struct picture {
    double width, height, frames, steps, passes, batch;
    double tokens; /* of one picture */
};

static enum jb_code fill_in(const struct jb_diffuser *d, const struct jb_deployment *deployment,
                            const struct jb_picture_work *work, struct jb_error *error, struct picture *ret) {
    struct picture p = {
        .width = work->width ? work->width : d->default_width,
        .height = work->height ? work->height : d->default_height,
        .frames = !d->is_video   ? 1
                  : work->frames ? work->frames
                                 : d->default_frames,
        .steps = work->steps ? work->steps : d->default_steps,
        .passes = work->passes_per_step > 0 ? work->passes_per_step
                  : d->is_guided            ? 2
                                            : 1,
        .batch = work->batch ? work->batch : 1,
    };
    const struct {
        const char *name;
        double value, most;
    } fields[] = {
        {"width", p.width, 65536},
        {"height", p.height, 65536},
        {"frames", p.frames, 65536},
        {"steps", p.steps, 10000},
        {"passes per step", p.passes, 16},
        {"batch", p.batch, 65536},
        {"accelerators", deployment->accelerator_count, JB_ACCELERATOR_CEILING},
    };
    for (size_t i = 0; i < JB_COUNT(fields); i++) {
        if (!(fields[i].value >= 1 && fields[i].value <= fields[i].most))
            return jb_error_set(error, JB_USAGE, "%s: %.6g is not between 1 and %.6g", fields[i].name,
                                fields[i].value, fields[i].most);
    }
    uint32_t ring = deployment->ring_parallel ? deployment->ring_parallel : 1;
    if (deployment->accelerator_count % ring)
        return jb_error_set(error, JB_USAGE, "%u accelerators cannot be shared out in rings of %u",
                            deployment->accelerator_count, ring);
    p.tokens = jb_diffuser_tokens(d, (uint32_t)p.width, (uint32_t)p.height, (uint32_t)p.frames);
    *ret = p;
    return JB_OK;
}

/* What one accelerator does in one step of denoising. */
struct denoising {
    double linear, attention; /* operations */
    double bytes;
    double gpu_s, attention_s, launch_s, link_s;
};

static struct denoising denoise(const struct jb_energy_constants *c, const struct jb_diffuser *d,
                                const struct jb_deployment *deployment, const struct picture *p) {
    const struct jb_accelerator *a = deployment->accelerator;
    double count = deployment->accelerator_count, passes = p->batch * p->passes, width = d->hidden;
    double layers = d->layer_count, all = p->tokens + d->text_tokens,
           own = p->tokens / count + d->text_tokens;
    double ring = deployment->ring_parallel ? deployment->ring_parallel : 1, heads = count / ring;
    struct denoising n = {0};
    double compute;
    if (d->denoiser == JB_DENOISER_UNET) {
        double scale = p->width * p->height * p->frames /
                       ((double)d->default_width * d->default_height * d->default_frames);
        n.linear = d->reference_operations * scale * passes / count;
        n.bytes = c->unet_traffic * n.linear;
        compute = c->unet_compute;
    } else {
        n.linear = 2 * d->passed * own * passes;
        if (d->denoiser == JB_DENOISER_TRANSFORMER)
            n.attention = 4 * width * layers * own * all * passes * (1 + d->second_attention);
        n.bytes = c->picture_traffic * d->traffic * WEIGHT_BYTES * width * layers * own * passes;
        /* Narrow matrices fill an accelerator less. */
        compute = c->picture_compute * width / (width + c->narrow_width);
    }
    n.bytes += d->parameters * WEIGHT_BYTES;
    /* Kernels fill heads up to a multiple of 32, and wait for the exponential of each score. */
    double head = width / d->head_count, filled = 32 * ceil(head / 32);
    n.attention_s = n.attention * filled / head / a->exponentials_per_s *
                    (1 / c->picture_attention + 1 / (4 * filled * c->picture_exponentials));
    if (ring > 1)
        n.attention_s *= c->ring_attention;
    n.gpu_s = n.linear / (a->operations_per_s[JB_BF16] * compute) + n.attention_s +
              n.bytes / (a->bytes_per_s * 0.8);
    /* Launching follows the number of kernels, and these what goes through memory. */
    double kernels = d->denoiser == JB_DENOISER_UNET ? 1 : pow(d->traffic / USUAL_TRAFFIC, c->layer_growth);
    n.launch_s = layers * c->picture_layer_s * kernels + c->picture_step_s;
    double moved = all / count * width * WEIGHT_BYTES * passes * layers;
    if (heads > 1)
        n.link_s += layers * 4 * c->ulysses_latency_s +
                    4 * moved * (heads - 1) / heads / (a->link_bytes_per_s * c->ulysses_share);
    if (ring > 1)
        n.link_s +=
            (ring - 1) * (layers * c->ring_latency_s + 2 * moved / (a->link_bytes_per_s * c->ring_share));
    return n;
}

static enum jb_code check_memory(const struct jb_diffuser *d, const struct jb_deployment *deployment,
                                 struct jb_error *error, uint32_t *ret_needed, double *ret_bytes) {
    double share = deployment->memory_share > 0 ? deployment->memory_share : MEMORY_SHARE;
    double limit = share * deployment->accelerator->memory_bytes;
    double bytes = d->parameters * WEIGHT_BYTES + RUNTIME_BYTES;
    /* Each accelerator keeps the whole denoiser; text encoders can be dropped after use. */
    if (bytes > limit)
        return jb_error_set(
            error, JB_LIMIT,
            "%.4g GB of weights do not fit into %.4g GB, and no number of accelerators helps: "
            "each keeps the whole denoiser",
            bytes / 1e9, limit / 1e9);
    if (ret_needed)
        *ret_needed = 1;
    *ret_bytes = fmin(bytes + d->text_parameters * WEIGHT_BYTES, limit);
    return JB_OK;
}

enum jb_code jb_energy_of_picture(const struct jb_energy_constants *c, const struct jb_diffuser *diffuser,
                                  const struct jb_deployment *deployment, const struct jb_picture_work *work,
                                  struct jb_error *error, uint32_t *ret_needed,
                                  struct jb_energy *ret_energy) {
    struct picture p = {0};
    double memory_bytes = 0;
    enum jb_code code = fill_in(diffuser, deployment, work, error, &p);
    if (!code)
        code = check_memory(diffuser, deployment, error, ret_needed, &memory_bytes);
    if (code)
        return code;
    const struct jb_accelerator *a = deployment->accelerator;
    double rate = a->operations_per_s[JB_BF16], tdp_w = a->tdp_w, count = deployment->accelerator_count;
    struct denoising n = denoise(c, diffuser, deployment, &p);
    double pixels = p.width * p.height * p.frames * p.batch;
    double decode_operations = c->vae_operations * pixels,
           decode_s = decode_operations / (rate * c->unet_compute);
    double step_s = jb_smooth_maximum(n.gpu_s, n.launch_s, 4) + n.link_s;
    struct jb_stretch stretch = {
        .time_s = p.steps * step_s + decode_s + c->picture_s +
                  (deployment->is_old_software ? c->old_pixel_s : c->pixel_s) * pixels,
        .dynamic_j = tdp_w * (c->picture_busy_power * (p.steps * n.gpu_s + decode_s) +
                              c->picture_compute_power * p.steps * n.linear / rate +
                              c->picture_decode_power * decode_s +
                              c->picture_attention_power * p.steps * n.attention_s +
                              c->picture_link_power * p.steps * n.link_s) +
                     c->picture_byte_j * n.bytes * p.steps,
    };
    double energy_j;
    double time_s = jb_stretch_limit(a, c->picture_awake_power * tdp_w, &stretch, &energy_j);
    double each_j = energy_j * count / p.batch;
    struct jb_energy energy = {
        .unit = diffuser->is_video ? JB_PER_VIDEO : JB_PER_IMAGE,
        .energy_j = each_j,
        .decode_j = each_j,
        .latency_s = time_s,
        .units_per_s = p.batch / time_s,
        .power_w = energy_j * count / time_s,
        .concurrency = p.batch,
        .memory_bytes = memory_bytes,
        .operations = (p.steps * (n.linear + n.attention) + decode_operations) * count / p.batch,
    };
    jb_interval_around(a, diffuser->is_typical, diffuser->is_video ? c->video_low : c->image_low,
                       diffuser->is_video ? c->video_high : c->image_high, each_j, &energy.low_j,
                       &energy.high_j);
    *ret_energy = energy;
    return JB_OK;
}
