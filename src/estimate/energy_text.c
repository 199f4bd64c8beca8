/* Time and energy of generating text: continuous batching, prompts read in the steps that also write. */
#include "estimate/constants.h"
#include "estimate/energy.h"
#include "estimate/energy_power.h"

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
    double new_share; /* of requests: those whose prompt must be read */
    double attention_share;
};

/* What one accelerator does in one step. */
struct load {
    double time_s;
    double dynamic_j; /* beside what being awake draws */
    double operations;
};

static void add_load(struct load *load, const struct load *more, double times) {
    load->time_s += times * more->time_s;
    load->dynamic_j += times * more->dynamic_j;
    load->operations += times * more->operations;
}

/* Formats whose weights are unpacked before they are multiplied, for want of arithmetic on them. */
static bool is_unpacked(const struct setting *s) {
    enum jb_precision weights = s->deployment->weights;
    const double *rates = s->accelerator->operations_per_s;
    return weights == JB_INT4 || (weights == JB_MXFP4 && rates[JB_MXFP4] <= rates[JB_BF16]);
}

/* Bytes of a weight outside of experts: models in mxfp4 have only their experts in it. */
static double dense_bytes(const struct setting *s) {
    bool is_bf16 = s->deployment->weights == JB_MXFP4 && s->shape->expert_count > 0;
    return jb_precision_bytes(is_bf16 ? JB_BF16 : s->deployment->weights);
}

/* Operations a second that matrices of that format could reach. */
static double rate_of(const struct setting *s, enum jb_precision weights) {
    double bf16 = s->accelerator->operations_per_s[JB_BF16];
    double peak = s->accelerator->operations_per_s[weights];
    return peak > bf16 ? bf16 + (peak - bf16) * s->constants->eight_bit_gain : bf16;
}

/* Share of the memory's bandwidth that reading weights of so many bits reaches, over that of bf16. */
static double unpacking(const struct setting *s) {
    if (is_unpacked(s))
        return s->constants->unpacking_bandwidth;
    return s->deployment->weights == JB_MXFP4 ? s->constants->native_fp4_bandwidth : 1;
}

/* Numbers in the caches of one sequence. */
static double cache_numbers(const struct jb_shape *shape, double tokens) {
    return shape->kv_full * tokens + shape->kv_sliding * fmin(tokens, shape->sliding_window);
}

/* Experts of one layer that some of `tokens` reach. Tokens of one text choose alike, so that they count as
 * fewer (routing_spread). */
static double experts_reached(const struct setting *s, double tokens) {
    const struct jb_shape *shape = s->shape;
    if (s->deployment->passes_all_experts)
        return shape->expert_count;
    double missed =
        pow(1 - shape->experts_per_token / shape->expert_count, pow(tokens, s->constants->routing_spread));
    return shape->expert_count * (1 - missed);
}

static struct load experts(const struct setting *s, double tokens) {
    const struct jb_energy_constants *c = s->constants;
    const struct jb_shape *shape = s->shape;
    enum jb_precision weights = s->deployment->weights;
    double bytes_per_s = s->accelerator->bytes_per_s * c->expert_bandwidth * unpacking(s);
    double rate = rate_of(s, weights), tile = c->tile_bf16;
    if (!(shape->expert_count > 0) || !(tokens > 0))
        return (struct load){0};
    if (weights == JB_MXFP4)
        tile = c->tile_mxfp4;
    else if (s->deployment->passes_all_experts)
        tile = c->tile_fp8;
    /* Experts and rows on an accelerator: in the mean, which is what costs energy, and on the one that all
     * wait for: the largest of n Poisson variables lies about sqrt(2 ln(n) mean) above their mean. */
    double mean = experts_reached(s, tokens * s->data) / s->expert_ways, most = mean;
    double rows = tokens * s->data * shape->experts_per_token / s->expert_ways, most_rows = rows;
    if (s->deployment->is_expert_parallel && s->expert_ways > 1) {
        double excess = c->imbalance * sqrt(2 * log(s->expert_ways));
        most = fmin(shape->expert_count / s->expert_ways, mean + excess * sqrt(mean));
        most_rows = rows * (1 + c->uneven_load) + excess * sqrt(rows);
    }
    /* Rows of a matrix are multiplied in tiles: an expert with one token costs a whole one. */
    double operations = 2 * shape->expert * hypot(rows, tile * mean);
    double most_operations = 2 * shape->expert * hypot(most_rows, tile * most);
    double expert_bytes = shape->expert * jb_precision_bytes(weights),
           memory_s = expert_bytes * most / bytes_per_s;
    double wait_s = hypot(memory_s, most_operations / (rate * c->expert_compute));
    double share = most > 0 ? mean / most : 1;
    double power = c->busy_power * wait_s * share + c->expert_power * operations / rate +
                   (is_unpacked(s) ? c->unpacking_power * memory_s : 0);
    return (struct load){.time_s = wait_s,
                         .dynamic_j = s->accelerator->tdp_w * power + c->expert_byte_j * expert_bytes * mean,
                         .operations = operations};
}

static struct load dense(const struct setting *s, double written, double read) {
    const struct jb_energy_constants *c = s->constants;
    const struct jb_shape *shape = s->shape;
    bool has_experts = shape->expert_count > 0;
    bool is_packed = !has_experts && is_unpacked(s);
    double parts = s->tensor * s->pipeline;
    double rate =
        rate_of(s, s->deployment->weights == JB_MXFP4 && has_experts ? JB_BF16 : s->deployment->weights);
    double bytes = (shape->passed * dense_bytes(s) + shape->head * 2) / parts;
    double patches =
        s->prompt > 0 ? read * s->vision / s->prompt * shape->vision_merge * shape->vision_merge : 0;
    double operations = (2 * shape->passed * (written + read) + 2 * shape->head * written) / parts +
                        2 * shape->vision * patches / s->tensor;
    double memory_s =
        bytes / (s->accelerator->bytes_per_s * c->dense_bandwidth * (has_experts ? 1 : unpacking(s)));
    double time_s = hypot(memory_s, operations / (rate * c->dense_compute));
    double power = c->busy_power * time_s + c->dense_power * operations / rate +
                   (is_packed ? c->unpacking_power * memory_s : 0);
    return (struct load){.time_s = time_s,
                         .dynamic_j = s->accelerator->tdp_w * power + c->dense_byte_j * bytes,
                         .operations = operations};
}

static struct load attention(const struct setting *s, double written, double read) {
    const struct jb_energy_constants *c = s->constants;
    const struct jb_shape *shape = s->shape;
    double parts = s->tensor * s->pipeline, window = fmin(s->context, shape->sliding_window);
    double bytes = written * (cache_numbers(shape, s->context) * CACHE_BYTES / (s->cache_ways * s->pipeline) +
                              shape->state * STATE_BYTES * c->state_traffic / s->tensor);
    double operations =
        4 * written * shape->query_written * s->context / (shape->is_latent ? s->pipeline : parts) +
        4 * written * shape->query_sliding * window / parts;
    operations += 2 * read * shape->query_full * s->prompt * s->attention_share / parts +
                  4 * read * shape->query_sliding * fmin(s->prompt / 2, shape->sliding_window) / parts;
    double memory_s = bytes / (s->accelerator->bytes_per_s * c->cache_bandwidth);
    double time_s = hypot(memory_s, operations / (s->accelerator->exponentials_per_s * c->attention_compute));
    double power = c->busy_power * time_s +
                   c->attention_power * operations / s->accelerator->operations_per_s[JB_BF16] +
                   c->cache_byte_power * bytes / s->accelerator->bytes_per_s;
    return (struct load){
        .time_s = time_s, .dynamic_j = s->accelerator->tdp_w * power, .operations = operations};
}

/* Sums over all parts, two in each layer: after attention and after the feed-forward part. */
static struct load exchange(const struct setting *s, double tokens) {
    const struct jb_energy_constants *c = s->constants;
    if (s->tensor <= 1 && !(s->deployment->is_expert_parallel && s->count > 1))
        return (struct load){0};
    double bytes = tokens * s->data * s->shape->hidden * CACHE_BYTES * 2;
    double time_s = 2 * s->shape->layer_count / s->pipeline *
                    (c->link_latency_s * log2(fmax(s->tensor, 2)) +
                     bytes / (s->accelerator->link_bytes_per_s * c->link_share));
    return (struct load){.time_s = time_s, .dynamic_j = s->accelerator->tdp_w * c->link_power * time_s};
}

/* One step in which each replica writes a token for `written` sequences and reads `read` tokens of prompts.
 */
static struct load step(const struct setting *s, double written, double read) {
    const struct load parts[] = {dense(s, written, read), experts(s, written + read),
                                 attention(s, written, read), exchange(s, written + read)};
    struct load load = {0};
    for (size_t i = 0; i < JB_COUNT(parts); i++)
        add_load(&load, &parts[i], 1);
    return load;
}

/* What a step takes beside its kernels: launching the layers, planning, sampling. */
static double overhead_s(const struct setting *s, double written) {
    const struct jb_energy_constants *c = s->constants;
    bool is_old = s->deployment->is_old_software;
    double layer_s =
        c->layer_s * (is_old ? c->old_layer : 1) + (s->deployment->weights == JB_FP8 ? c->fp8_layer_s : 0);
    return (s->shape->layer_count * layer_s + s->shape->expert_layer_count * c->expert_layer_s) /
               s->pipeline +
           c->step_s * (is_old ? c->old_step : 1) +
           written * s->pipeline * c->sequence_s * (is_old ? c->old_sequence : 1) +
           s->deployment->host_step_s;
}

/* What reading the prompts of `arrivals` requests takes beside its kernels, `mixed` being 1 where there are
 * some for certain: such steps are launched kernel by kernel, and the host prepares images and frames. */
static double prompt_overhead_s(const struct setting *s, double arrivals, double mixed) {
    const struct jb_energy_constants *c = s->constants;
    double time_s = mixed * c->prompt_step_s;
    if (s->vision > 0)
        time_s += mixed * c->vision_step_s +
                  arrivals *
                      (s->vision * c->vision_token_s + (s->deployment->is_old_software ? c->old_image_s : 0));
    return time_s;
}

struct average {
    double time_s, energy_j, operations; /* of a step, over all accelerators */
};

/* The average step at so many sequences in flight over all accelerators. */
static struct average average_step(const struct setting *s, double concurrency, bool reads) {
    double written = concurrency / (s->data * s->pipeline);
    double arrivals = written / s->output * s->new_share;
    double mixed = -expm1(-arrivals); /* of steps have prompts to read: arrivals come at random */
    struct load load = step(s, written, 0);
    double plain_s = overhead_s(s, written);
    if (reads && s->prompt > 0 && mixed > 0) {
        struct load more = step(s, written, arrivals * s->prompt / mixed);
        add_load(&more, &load, -1);
        /* Replicas wait for each other: one that reads holds up all. */
        bool is_joined = s->data > 1 && s->deployment->is_expert_parallel;
        add_load(&load, &more, mixed * (is_joined ? s->constants->replica_prompt : 1));
        plain_s += prompt_overhead_s(s, arrivals, mixed);
    }
    struct jb_stretch stretch = {.time_s = load.time_s + plain_s, .dynamic_j = load.dynamic_j};
    double energy_j, awake_w = s->constants->awake_power * s->accelerator->tdp_w;
    double time_s = jb_stretch_limit(s->accelerator, awake_w, &stretch, &energy_j);
    return (struct average){.time_s = time_s * s->pipeline,
                            .energy_j = energy_j * s->count * s->pipeline,
                            .operations = load.operations * s->count * s->pipeline};
}

static double memory_of(const struct setting *s, double concurrency, double tokens) {
    const struct jb_shape *shape = s->shape;
    double experts = shape->expert * shape->expert_count;
    double weights = (fmax(shape->total - experts, 0) * dense_bytes(s)) / (s->tensor * s->pipeline) +
                     experts * jb_precision_bytes(s->deployment->weights) / (s->expert_ways * s->pipeline);
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
        {"share of repeated prompts", work->repeated_share, 0, 1},
        {"accelerators", deployment->accelerator_count, 1, JB_ACCELERATOR_CEILING},
        {"share of memory", deployment->memory_share, 0, 1e6},
        {"seconds of the host", deployment->host_step_s, 0, 1e6},
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
    return average_step(s, concurrency, true).time_s * s->output;
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
        .new_share = 1 - work->repeated_share,
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
    double most = CONCURRENCY_CEILING;
    if (each > 0 && !work->is_concurrency_known)
        most = fmin(most, fmax(1, (limit - empty) / each));
    double concurrency;
    code = settle(&s, work, most, error, &concurrency);
    if (code)
        return code;
    struct average whole = average_step(&s, concurrency, true), plain = average_step(&s, concurrency, false);
    double tokens_per_j = concurrency / whole.energy_j, request_j = s.output / tokens_per_j;
    struct jb_energy energy = {
        .unit = JB_PER_REQUEST,
        .energy_j = request_j,
        .per_token_j = 1 / tokens_per_j,
        .decode_j = fmin(plain.energy_j / whole.energy_j, 1) * request_j,
        .between_tokens_s = whole.time_s,
        .units_per_s = concurrency / (whole.time_s * s.output),
        .tokens_per_s = concurrency / whole.time_s,
        .power_w = whole.energy_j / whole.time_s,
        .concurrency = concurrency,
        .memory_bytes = memory_of(&s, concurrency, s.context),
        .operations = whole.operations * s.output / concurrency,
    };
    bool is_vision = s.vision > 0;
    jb_interval_around(
        s.accelerator, shape->is_typical, is_vision ? constants->vision_low : constants->text_low,
        is_vision ? constants->vision_high : constants->text_high, request_j, &energy.low_j, &energy.high_j);
    energy.prefill_j = request_j - energy.decode_j;
    double written = concurrency / (s.data * s.pipeline);
    energy.first_token_s =
        (step(&s, written, s.prompt).time_s + overhead_s(&s, written) + prompt_overhead_s(&s, 1, 1)) *
        s.pipeline;
    energy.latency_s = fmax(whole.time_s * s.output, energy.first_token_s);
    *ret_energy = energy;
    return JB_OK;
}
