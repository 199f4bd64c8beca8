/* Time and energy of generating text: continuous batching, prompts read in the steps that also write. */
#include "estimate/constants.h"
#include "estimate/energy.h"
#include "estimate/energy_power.h"

#include <assert.h>
#include <math.h>

#define CACHE_BYTES         2.0 /* of a number in the KV cache */
#define STATE_BYTES         8.0 /* of a number of a state: fp32, read and written */
#define RUNTIME_BYTES       2e9 /* that the runtime and activations take on each accelerator */
#define MEMORY_SHARE        0.9
#define TOKEN_CEILING       1e9
#define CONCURRENCY_CEILING 1e7

/* How the model lies on the accelerators, and what of the work does not change from step to step. */
struct setting {
    const struct jb_energy_constants *constants;
    const struct jb_shape *shape;
    const struct jb_deployment *deployment;
    const struct jb_accelerator *accelerator;
    double count, data, pipeline, tensor; /* accelerators; replicas; stages; parts of a matrix */
    double expert_ways;                   /* over how many accelerators all experts are spread */
    double cache_ways;                    /* over how many parts the KV cache is split */
    double prompt, vision, output, context;
    double attention_share;
};

/* What one accelerator does in one step. */
struct load {
    double gpu_s, host_s;
    double busy_s, link_s; /* of gpu_s: kernels; waiting for the others */
    double bytes;
    double compute_s; /* operations at the full rate of the accelerator */
    double operations;
};

static double weight_bytes(const struct setting *s) {
    return jb_precision_bytes(s->deployment->weights);
}

/* Numbers in the caches of one sequence. */
static double cache_numbers(const struct jb_shape *shape, double tokens) {
    return shape->kv_full * tokens + shape->kv_sliding * fmin(tokens, shape->sliding_window);
}

/* Experts that some of `tokens` reach, of all. Tokens of one sequence and of like ones choose alike, so that
 * they count as fewer (routing_spread). */
static double experts_reached(const struct setting *s, double tokens) {
    const struct jb_shape *shape = s->shape;
    double missed =
        pow(1 - shape->experts_per_token / shape->expert_count, pow(tokens, s->constants->routing_spread));
    return shape->expert_count * (1 - missed);
}

static void add_experts(const struct setting *s, double tokens, struct load *load, double rate) {
    const struct jb_energy_constants *c = s->constants;
    const struct jb_shape *shape = s->shape;
    enum jb_precision weights = s->deployment->weights;
    if (!(shape->expert_count > 0) || !(tokens > 0))
        return;
    double reached = experts_reached(s, tokens * s->data);
    double imbalance = 1;
    if (s->deployment->is_expert_parallel)
        imbalance += c->imbalance / sqrt(fmax(reached / s->expert_ways, 1e-3));
    double bytes = shape->expert * reached * weight_bytes(s) / s->expert_ways * imbalance;
    /* Rows of a matrix are multiplied in tiles: an expert with one token costs a whole one. */
    double tile = weights == JB_FP8 ? c->tile_fp8 : weights == JB_MXFP4 ? c->tile_mxfp4 : c->tile_bf16;
    double rows = tokens * s->data * shape->experts_per_token / reached;
    double operations = 2 * shape->expert * reached * hypot(rows, tile) / s->expert_ways * imbalance;
    double memory_s = bytes / (s->accelerator->bytes_per_s * c->expert_bandwidth *
                               (weights == JB_MXFP4 || weights == JB_INT4 ? c->mxfp4_bandwidth : 1));
    double compute_s = operations / rate;
    load->busy_s += hypot(memory_s, compute_s / c->expert_compute);
    load->bytes += bytes;
    load->compute_s += compute_s;
    load->operations += operations;
}

static void add_dense(const struct setting *s, double written, double read, struct load *load, double rate) {
    const struct jb_energy_constants *c = s->constants;
    const struct jb_shape *shape = s->shape;
    double parts = s->tensor * s->pipeline, tokens = written + read;
    double bytes = (shape->passed * weight_bytes(s) + shape->head * 2) / parts;
    double patches =
        s->prompt > 0 ? read * s->vision / s->prompt * shape->vision_merge * shape->vision_merge : 0;
    double operations = (2 * shape->passed * tokens + 2 * shape->head * written) / parts +
                        2 * shape->vision * patches / s->tensor;
    double memory_s = bytes / (s->accelerator->bytes_per_s * c->dense_bandwidth);
    load->busy_s += hypot(memory_s, operations / (rate * c->dense_compute));
    load->bytes += bytes;
    load->compute_s += operations / rate;
    load->operations += operations;
}

static void add_attention(const struct setting *s, double written, double read, struct load *load) {
    const struct jb_energy_constants *c = s->constants;
    const struct jb_shape *shape = s->shape;
    double window = fmin(s->context, shape->sliding_window);
    double bytes = written *
                   (cache_numbers(shape, s->context) * CACHE_BYTES / s->cache_ways +
                    shape->state * STATE_BYTES * c->state_traffic / s->tensor) /
                   s->pipeline;
    double looked = 4 * written * (shape->query_full * s->context + shape->query_sliding * window);
    looked += 2 * read * shape->query_full * s->prompt * s->attention_share +
              4 * read * shape->query_sliding * fmin(s->prompt / 2, shape->sliding_window);
    double operations = looked / (s->tensor * s->pipeline);
    double memory_s = bytes / (s->accelerator->bytes_per_s * c->cache_bandwidth);
    double compute_s = operations / (s->accelerator->exponentials_per_s * c->attention_compute);
    load->busy_s += hypot(memory_s, compute_s);
    load->bytes += bytes;
    load->compute_s += operations / s->accelerator->operations_per_s[JB_BF16];
    load->operations += operations;
}

/* One step in which each replica writes a token for `written` sequences and reads `read` tokens of prompts.
 */
static struct load step(const struct setting *s, double written, double read) {
    const struct jb_energy_constants *c = s->constants;
    const struct jb_shape *shape = s->shape;
    enum jb_precision weights = s->deployment->weights;
    double bf16 = s->accelerator->operations_per_s[JB_BF16];
    double rate = s->accelerator->operations_per_s[weights];
    if (rate > bf16) /* the gain over bf16 that kernels reach */
        rate = bf16 + (rate - bf16) * c->fp8_gain;
    struct load load = {0};
    add_dense(s, written, read, &load, rate);
    add_experts(s, written + read, &load, rate);
    add_attention(s, written, read, &load);
    if (s->tensor > 1 || (s->deployment->is_expert_parallel && s->count > 1)) {
        /* Two sums over all parts in each layer: after attention and after the feed-forward part. */
        double ways = fmax(s->tensor, s->expert_ways);
        double bytes = (written + read) * s->data * shape->hidden * CACHE_BYTES * 2 * (ways - 1) / ways;
        load.link_s =
            2 * shape->layer_count / s->pipeline *
            (c->link_latency_s * log2(ways) + bytes / (s->accelerator->link_bytes_per_s * c->link_share));
    }
    double layers_s = shape->layer_count * (c->layer_s + (weights == JB_FP8 ? c->fp8_layer_s : 0)) +
                      shape->expert_layer_count * c->expert_layer_s;
    load.gpu_s = load.busy_s + load.link_s + layers_s / s->pipeline;
    load.host_s = c->step_s + written * s->pipeline * c->sequence_s;
    return load;
}

/* The average step at so many sequences in flight, all accelerators; *ret_time_s how long it takes. */
static double average_step(const struct setting *s, double concurrency, bool reads, double *ret_time_s,
                           double *ret_operations) {
    const struct jb_energy_constants *c = s->constants;
    double written = concurrency / (s->data * s->pipeline);
    double arrivals = written / s->output;
    double mixed = -expm1(-arrivals); /* of steps have prompts to read: arrivals come at random */
    struct load plain = step(s, written, 0), load = plain;
    if (reads && s->prompt > 0) {
        struct load with = step(s, written, arrivals * s->prompt / mixed);
        load.gpu_s += mixed * (with.gpu_s - plain.gpu_s);
        load.busy_s += mixed * (with.busy_s - plain.busy_s);
        load.link_s += mixed * (with.link_s - plain.link_s);
        load.bytes += mixed * (with.bytes - plain.bytes);
        load.compute_s += mixed * (with.compute_s - plain.compute_s);
        load.operations += mixed * (with.operations - plain.operations);
    }
    double tdp_w = s->accelerator->tdp_w;
    struct jb_stretch stretch = {
        .time_s = load.gpu_s + load.host_s + s->deployment->host_step_s +
                  (reads ? s->deployment->host_request_s * arrivals : 0),
        .dynamic_j = tdp_w * (c->busy_power * load.busy_s + c->compute_power * load.compute_s +
                              c->link_power * load.link_s) +
                     c->byte_j * load.bytes,
    };
    double energy_j;
    *ret_time_s = jb_stretch_limit(s->accelerator, c->awake_power * tdp_w, &stretch, &energy_j) * s->pipeline;
    *ret_operations = load.operations * s->count * s->pipeline;
    return energy_j * s->count * s->pipeline;
}

static double memory_of(const struct setting *s, double concurrency, double tokens) {
    const struct jb_shape *shape = s->shape;
    double experts = shape->expert * shape->expert_count;
    double weights = (fmax(shape->total - experts, 0) * weight_bytes(s)) / (s->tensor * s->pipeline) +
                     experts * weight_bytes(s) / s->expert_ways;
    double sequence = cache_numbers(shape, tokens) * CACHE_BYTES / s->cache_ways +
                      shape->state * STATE_BYTES / 2 / s->tensor;
    return weights + concurrency / (s->data * s->pipeline) * sequence / s->pipeline + RUNTIME_BYTES;
}

static void lay_out(struct setting *s, double count, double data, double pipeline) {
    s->count = count;
    s->data = data;
    s->pipeline = pipeline;
    s->tensor = fmax(1, count / (data * pipeline));
    s->expert_ways = s->deployment->is_expert_parallel ? count / pipeline : s->tensor;
    s->cache_ways = fmax(1, fmin(s->tensor, s->shape->kv_heads));
}

static double memory_limit(const struct jb_deployment *deployment) {
    double share = deployment->memory_share > 0 ? deployment->memory_share : MEMORY_SHARE;
    return share * deployment->accelerator->memory_bytes;
}

/* The fewest accelerators, of the powers of two; 0 when not even the most that can be asked for do. */
static uint32_t count_needed(struct setting s) {
    double limit = memory_limit(s.deployment);
    for (uint32_t count = 1; count <= JB_ACCELERATOR_CEILING; count *= 2) {
        lay_out(&s, count, 1, 1);
        if (memory_of(&s, 1, s.prompt + s.output) <= limit)
            return count;
    }
    return 0;
}

static enum jb_code check(const struct jb_deployment *deployment, const struct jb_text_work *work,
                          struct jb_error *error) {
    const struct {
        const char *name;
        double value, least, most;
    } fields[] = {
        {"input tokens", work->input_tokens, 0, TOKEN_CEILING},
        {"cached tokens", work->cached_tokens, 0, work->input_tokens},
        {"vision tokens", work->vision_tokens, 0, TOKEN_CEILING},
        {"output tokens", work->output_tokens, 1, TOKEN_CEILING},
        {"concurrency", work->concurrency, 0, CONCURRENCY_CEILING},
        {"requests per second", work->rate_per_s, 0, 1e9},
        {"share of attention", work->attention_share, 0, 1},
        {"accelerators", deployment->accelerator_count, 1, JB_ACCELERATOR_CEILING},
        {"share of memory", deployment->memory_share, 0, 1e6},
        {"seconds of the host", deployment->host_step_s + deployment->host_request_s, 0, 1e6},
    };
    for (size_t i = 0; i < JB_COUNT(fields); i++) {
        if (!(fields[i].value >= fields[i].least && fields[i].value <= fields[i].most))
            return jb_error_set(error, JB_USAGE, "%s: %.6g is not between %.6g and %.6g", fields[i].name,
                                fields[i].value, fields[i].least, fields[i].most);
    }
    uint64_t parts = (uint64_t)(deployment->data_parallel ? deployment->data_parallel : 1) *
                     (deployment->pipeline_parallel ? deployment->pipeline_parallel : 1);
    if (deployment->accelerator_count % parts)
        return jb_error_set(error, JB_USAGE,
                            "%u accelerators cannot be shared out evenly among %llu replicas and stages",
                            deployment->accelerator_count, (unsigned long long)parts);
    return JB_OK;
}

static double latency_at(const struct setting *s, double concurrency) {
    double time_s, operations;
    average_step(s, concurrency, true, &time_s, &operations);
    return time_s * s->output;
}

/* Little's law: as many are in flight as arrive while one is. */
static enum jb_code settle(const struct setting *s, const struct jb_text_work *work, double most,
                           struct jb_error *error, double *ret_concurrency) {
    *ret_concurrency = fmin(work->concurrency > 0 ? work->concurrency : 1, most);
    if (work->concurrency > 0 || !(work->rate_per_s > 0))
        return JB_OK;
    double least = 1e-6;
    double served = most / latency_at(s, most);
    if (served < work->rate_per_s)
        return jb_error_set(error, JB_LIMIT,
                            "%.4g requests a second are more than the %.4g that %.0f accelerators serve: "
                            "it needs %.0f",
                            work->rate_per_s, served, s->count, s->count * ceil(work->rate_per_s / served));
    for (int i = 0; i < 60; i++) {
        double middle = sqrt(least * most);
        *(middle / latency_at(s, fmax(middle, 1)) < work->rate_per_s ? &least : &most) = middle;
    }
    *ret_concurrency = fmax(1, most);
    return JB_OK;
}

enum jb_code jb_energy_of_text(const struct jb_energy_constants *constants, const struct jb_shape *shape,
                               const struct jb_deployment *deployment, const struct jb_text_work *work,
                               struct jb_error *error, uint32_t *ret_needed, struct jb_energy *ret_energy) {
    enum jb_code code = check(deployment, work, error);
    if (code)
        return code;
    struct setting s = {
        .constants = constants,
        .shape = shape,
        .deployment = deployment,
        .accelerator = deployment->accelerator,
        .prompt = work->input_tokens - work->cached_tokens + work->vision_tokens,
        .vision = work->vision_tokens,
        .output = work->output_tokens,
        .context = work->input_tokens + work->vision_tokens + constants->context_share * work->output_tokens,
        .attention_share = work->attention_share > 0 ? work->attention_share : 1,
    };
    uint32_t needed = count_needed(s);
    if (ret_needed)
        *ret_needed = needed;
    lay_out(&s, deployment->accelerator_count, deployment->data_parallel ? deployment->data_parallel : 1,
            deployment->pipeline_parallel ? deployment->pipeline_parallel : 1);
    double limit = memory_limit(deployment), peak = s.prompt + work->cached_tokens + s.output;
    double empty = memory_of(&s, 0, s.context), each = memory_of(&s, 1, s.context) - empty;
    if (memory_of(&s, 1, peak) > limit)
        return needed
                   ? jb_error_set(error, JB_LIMIT,
                                  "%.4g GB on each of %u accelerators do not fit into %.4g GB: it needs %u",
                                  memory_of(&s, 1, peak) / 1e9, deployment->accelerator_count, limit / 1e9,
                                  needed)
                   : jb_error_set(error, JB_LIMIT, "it does not fit on any number of accelerators");
    double most = each > 0 ? fmin(CONCURRENCY_CEILING, fmax(1, (limit - empty) / each)) : CONCURRENCY_CEILING;
    double concurrency, time_s, plain_s, operations, ignored;
    code = settle(&s, work, most, error, &concurrency);
    if (code)
        return code;
    double step_j = average_step(&s, concurrency, true, &time_s, &operations);
    double plain_j = average_step(&s, concurrency, false, &plain_s, &ignored);
    double request_j = step_j * s.output / concurrency;
    struct jb_energy energy = {
        .unit = JB_PER_REQUEST,
        .energy_j = request_j,
        .low_j = request_j * (s.vision > 0 ? constants->vision_low : constants->text_low),
        .high_j = request_j * (s.vision > 0 ? constants->vision_high : constants->text_high),
        .per_token_j = request_j / s.output,
        .decode_j = fmin(plain_j, step_j) * s.output / concurrency,
        .latency_s = time_s * s.output,
        .between_tokens_s = time_s,
        .units_per_s = concurrency / (time_s * s.output),
        .tokens_per_s = concurrency / time_s,
        .power_w = step_j / time_s,
        .concurrency = concurrency,
        .memory_bytes = memory_of(&s, concurrency, s.context),
        .operations = operations * s.output / concurrency,
    };
    energy.prefill_j = request_j - energy.decode_j;
    struct load first = step(&s, concurrency / (s.data * s.pipeline), s.prompt);
    energy.first_token_s = (first.gpu_s + first.host_s) * s.pipeline + deployment->host_request_s;
    energy.latency_s = fmax(energy.latency_s, energy.first_token_s);
    *ret_energy = energy;
    return JB_OK;
}
