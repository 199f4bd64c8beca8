/* From a task to what it takes: finds the model and the accelerator, and hands the work to the roofline. */
#include "estimate/task.h"

#include "base/buffer.h"
#include "estimate/config.h"
#include "estimate/weights.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_INPUT_TOKENS  500
#define DEFAULT_OUTPUT_TOKENS 250
#define DEFAULT_CONCURRENCY   32

/* Keys that a query still attends to under sparse attention: of the 500,000 that it has before it on average
 * in a prompt of a million tokens, attention is 13.7 to 27.8 times as fast (Qwen2.5-1M, arXiv
 * 2501.15383, 5.2). */
#define SPARSE_KEYS 27000.0

struct jb_task_tables {
    struct jb_catalogue *catalogue;
    struct jb_diffusers *diffusers;
    struct jb_accelerators *accelerators;
    struct jb_energy_constants *constants;
};

void jb_task_tables_free(struct jb_task_tables *tables) {
    if (!tables)
        return;
    jb_catalogue_free(tables->catalogue);
    jb_diffusers_free(tables->diffusers);
    jb_accelerators_free(tables->accelerators);
    jb_energy_constants_free(tables->constants);
    free(tables);
}

enum jb_code jb_task_tables_read(const char *data_path, struct jb_error *error,
                                 struct jb_task_tables **ret_tables) {
    _cleanup_(jb_task_tables_free_cleanup) struct jb_task_tables *tables = calloc(1, sizeof *tables);
    if (!tables)
        return jb_error_set(error, JB_MEMORY, "no memory for the tables of models");
    enum jb_code code = jb_catalogue_read(data_path, error, &tables->catalogue);
    if (!code)
        code = jb_diffusers_read(data_path, error, &tables->diffusers);
    if (!code)
        code = jb_accelerators_read(data_path, error, &tables->accelerators);
    if (!code)
        code = jb_energy_constants_read(data_path, error, &tables->constants);
    if (!code)
        *ret_tables = JB_TAKE(tables);
    return code;
}

const struct jb_catalogue *jb_task_tables_catalogue(const struct jb_task_tables *tables) {
    return tables->catalogue;
}

const struct jb_diffusers *jb_task_tables_diffusers(const struct jb_task_tables *tables) {
    return tables->diffusers;
}

const struct jb_accelerators *jb_task_tables_accelerators(const struct jb_task_tables *tables) {
    return tables->accelerators;
}

/* A model, wherever it was found. */
struct found {
    char name[JB_NAME_SIZE];
    struct jb_shape shape;
    struct jb_architecture architecture;
    bool has_architecture;
    const struct jb_diffuser *diffuser; /* NULL: a language model */
    double parameters, active, kv_per_token;
    enum jb_precision precision;
};

/* ---- names ---- */

/* Words in the names of checkpoints that do not tell models apart; "v0.1", for no model has a rival of
 * version 1. */
static bool is_filler(const char *word, size_t length) {
    if (length > 3 && strncasecmp(word, "v0.", 3) == 0)
        return true;
    static const char *const fillers[] = {"instruct", "it", "chat", "hf", "base", "diffusers", "meta"};
    for (size_t i = 0; i < JB_COUNT(fillers); i++) {
        if (strlen(fillers[i]) == length && strncasecmp(word, fillers[i], length) == 0)
            return true;
    }
    return false;
}

/* "Qwen/Qwen2.5-14B-Instruct-1M" as "qwen2.5-14b-1m". Returns ret. */
static char *plain_name(const char *name, char ret[static JB_NAME_SIZE]) {
    size_t out = 0;
    for (const char *at = jb_name_short(name); *at;) {
        size_t length = strcspn(at, "-_ ");
        if (!is_filler(at, length)) {
            if (out && out + 1 < JB_NAME_SIZE)
                ret[out++] = '-';
            for (size_t i = 0; i < length && out + 1 < JB_NAME_SIZE; i++)
                ret[out++] = at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] - 'A' + 'a') : at[i];
        }
        at += length;
        at += *at != '\0';
    }
    ret[out] = '\0';
    return ret;
}

/* Whether name, stripped of such words, is the model's. */
static bool is_alias(const char *name, const char *model) {
    char wanted[JB_NAME_SIZE], other[JB_NAME_SIZE];
    return strlen(name) < JB_NAME_SIZE && !strchr(name, '/') &&
           strcmp(plain_name(name, wanted), plain_name(model, other)) == 0;
}

static const struct jb_model *find_model(const struct jb_catalogue *catalogue, const char *name) {
    const struct jb_model *model;
    if (jb_catalogue_find(catalogue, name, NULL, &model) == JB_OK)
        return model;
    for (size_t i = 0; i < jb_catalogue_count(catalogue); i++) {
        model = jb_catalogue_item(catalogue, i);
        if (is_alias(name, model->name))
            return model;
    }
    return NULL;
}

static const struct jb_diffuser *find_diffuser(const struct jb_diffusers *diffusers, const char *name) {
    const struct jb_diffuser *diffuser;
    if (jb_diffusers_find(diffusers, name, NULL, &diffuser) == JB_OK)
        return diffuser;
    for (size_t i = 0; i < jb_diffusers_count(diffusers); i++) {
        diffuser = jb_diffusers_item(diffusers, i);
        if (is_alias(name, diffuser->name))
            return diffuser;
    }
    return NULL;
}

static enum jb_code unknown_model(const struct jb_task_tables *tables, const char *name,
                                  struct jb_error *error) {
    struct jb_near_names near = {0};
    if (strlen(name) >= JB_NAME_SIZE)
        return jb_error_set(error, JB_USAGE,
                            "'%.60s…': no model has so long a name, and there is no such file", name);
    for (size_t i = 0; i < jb_catalogue_count(tables->catalogue); i++)
        (void)jb_near_offer(&near, name, jb_catalogue_item(tables->catalogue, i)->name);
    for (size_t i = 0; i < jb_diffusers_count(tables->diffusers); i++)
        (void)jb_near_offer(&near, name, jb_diffusers_item(tables->diffusers, i)->name);
    return jb_error_set(error, JB_USAGE, "no model '%.60s', and no such file; near: %s%s%s%s%s", name,
                        near.names[0] ? near.names[0] : "none", near.names[1] ? ", " : "",
                        near.names[1] ? near.names[1] : "", near.names[2] ? ", " : "",
                        near.names[2] ? near.names[2] : "");
}

/* ---- files ---- */

static bool ends_in(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcasecmp(text + length - end_length, end) == 0;
}

/* What can only be meant as a file, or is one. */
static bool is_file(const char *path) {
    struct stat status;
    return *path == '.' || *path == '/' || ends_in(path, ".json") || ends_in(path, ".gguf") ||
           ends_in(path, ".safetensors") || (strchr(path, '/') && stat(path, &status) == 0);
}

/* The precision in which weights of that type are computed with; bf16 for all that is not known. */
static enum jb_precision precision_of(const char *type, bool is_packed) {
    if (strncmp(type, "F8", 2) == 0 || strcmp(type, "fp8") == 0)
        return JB_FP8;
    if (strcmp(type, "MXFP4") == 0 || strcmp(type, "mxfp4") == 0)
        return JB_MXFP4;
    if (is_packed || strncmp(type, "Q2", 2) == 0 || strncmp(type, "Q3", 2) == 0 ||
        strncmp(type, "Q4", 2) == 0 || strncmp(type, "IQ", 2) == 0 || strcmp(type, "awq") == 0 ||
        strcmp(type, "gptq") == 0)
        return JB_INT4;
    if (strncmp(type, "Q5", 2) == 0 || strncmp(type, "Q6", 2) == 0 || strncmp(type, "Q8", 2) == 0 ||
        strcmp(type, "I8") == 0)
        return JB_INT8;
    return JB_BF16;
}

static enum jb_code read_bytes(const char *path, struct jb_error *error, struct jb_buffer *text) {
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    for (size_t got = 1; got;) {
        char chunk[16384];
        got = fread(chunk, 1, sizeof chunk, file);
        jb_buffer_add(text, chunk, got);
        if (text->failed)
            return jb_error_set(error, JB_INPUT, "%s: longer than %zu MiB; this is no config.json", path,
                                JB_CONFIG_CEILING >> 20);
    }
    return ferror(file) ? jb_error_set_errno(error, errno, "%s", path) : JB_OK;
}

/* What quantization_config says of the checkpoint. */
static enum jb_precision quantization_of(const struct jb_buffer *text) {
    json_t *root = json_loadb(text->bytes, text->length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *quantization = json_object_get(root, "quantization_config");
    const char *method = json_string_value(json_object_get(quantization, "quant_method"));
    json_int_t bits = json_integer_value(json_object_get(quantization, "bits"));
    enum jb_precision precision = method ? precision_of(method, false) : JB_BF16;
    if (precision == JB_INT4 && bits == 8)
        precision = JB_INT8;
    json_decref(root);
    return precision;
}

static void take_architecture(const struct jb_architecture *architecture, struct found *found) {
    struct jb_parameter_count count = jb_architecture_count(architecture);
    found->architecture = *architecture;
    found->has_architecture = true;
    found->shape = jb_shape_of_architecture(architecture);
    found->parameters = (double)count.total;
    found->active = (double)count.active;
    found->kv_per_token = (double)jb_architecture_kv_per_token(architecture);
}

static enum jb_code read_config(const char *path, struct jb_error *error, struct found *found) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = JB_CONFIG_CEILING};
    struct jb_architecture architecture;
    enum jb_code code = read_bytes(path, error, &text);
    if (!code)
        code = jb_config_parse(text.bytes ? text.bytes : "", text.length, path, error, &architecture);
    if (code)
        return code;
    take_architecture(&architecture, found);
    found->precision = quantization_of(&text);
    return JB_OK;
}

static enum jb_code read_weights(const char *path, uint32_t experts_per_token, struct jb_error *error,
                                 struct found *found) {
    struct jb_weights weights;
    enum jb_code code = jb_weights_open(path, error, &weights);
    if (!code)
        code = jb_shape_of_weights(&weights, experts_per_token, error, &found->shape);
    if (code)
        return code;
    found->parameters = (double)weights.element_count;
    found->active = (double)jb_weights_active(&weights, experts_per_token);
    found->kv_per_token = (double)weights.kv_per_token;
    found->precision = precision_of(weights.type, weights.is_packed);
    return JB_OK;
}

static enum jb_code read_file(const struct jb_task *task, struct jb_error *error, struct found *found) {
    const char *path = task->model;
    size_t length = strlen(path);
    (void)snprintf(found->name, sizeof found->name, "%s",
                   length < sizeof found->name ? path : path + length - 60);
    bool is_config = ends_in(path, ".json") && !ends_in(path, ".index.json");
    return is_config ? read_config(path, error, found)
                     : read_weights(path, task->experts_per_token, error, found);
}

static enum jb_code find_any(const struct jb_task_tables *tables, const struct jb_task *task,
                             struct jb_error *error, struct found *found) {
    if (is_file(task->model))
        return read_file(task, error, found);
    found->diffuser = find_diffuser(tables->diffusers, task->model);
    if (found->diffuser) {
        (void)snprintf(found->name, sizeof found->name, "%s", found->diffuser->name);
        found->parameters = found->diffuser->parameters;
        found->active = found->diffuser->passed;
        return JB_OK;
    }
    const struct jb_model *model = find_model(tables->catalogue, task->model);
    if (!model)
        return unknown_model(tables, task->model, error);
    (void)snprintf(found->name, sizeof found->name, "%s", model->name);
    take_architecture(&model->architecture, found);
    /* These are published in that precision only. */
    found->precision = strstr(model->name, "-FP8") || strstr(model->name, "DeepSeek-V3") ||
                               strstr(model->name, "DeepSeek-R1") || strstr(model->name, "Kimi-K2")
                           ? JB_FP8
                       : strstr(model->name, "gpt-oss") ? JB_MXFP4
                                                        : JB_BF16;
    return JB_OK;
}

/* ---- work ---- */

static enum jb_code add_vision(const struct jb_task *task, const struct found *found,
                               struct jb_text_work *work, struct jb_error *error) {
    uint64_t tokens = 0;
    enum jb_code code = JB_OK;
    if ((task->image_width || task->video_width) && !found->has_architecture)
        return jb_error_set(error, JB_USAGE, "%s does not say how it sees; give vision_tokens", found->name);
    if (task->image_width) {
        code = jb_architecture_image_tokens(&found->architecture, task->image_width, task->image_height,
                                            error, &tokens);
        work->vision_tokens += (double)tokens * (task->image_count ? task->image_count : 1);
    }
    if (!code && task->video_width) {
        code =
            jb_architecture_video_tokens(&found->architecture, task->video_width, task->video_height,
                                         task->video_seconds > 0 ? task->video_seconds : 10, error, &tokens);
        work->vision_tokens += (double)tokens;
    }
    if (code)
        jb_error_prefix(error, "%s", found->name);
    return code;
}

static enum jb_code make_text(const struct jb_task *task, const struct found *found, struct jb_error *error,
                              struct jb_text_work *ret_work) {
    struct jb_text_work work = task->text;
    if (work.input_tokens == 0)
        work.input_tokens = fmax(DEFAULT_INPUT_TOKENS, work.cached_tokens);
    if (work.output_tokens == 0)
        work.output_tokens = DEFAULT_OUTPUT_TOKENS;
    if (work.concurrency == 0 && work.rate_per_s == 0)
        work.concurrency = DEFAULT_CONCURRENCY;
    enum jb_code code = add_vision(task, found, &work, error);
    double context = work.input_tokens + work.vision_tokens;
    if (task->is_sparse)
        work.attention_share = fmin(1, SPARSE_KEYS / fmax(1, context / 2));
    if (!code)
        *ret_work = work;
    return code;
}

struct attempt {
    const struct jb_task_tables *tables;
    const struct jb_task *task;
    const struct found *found;
    struct jb_text_work text;
    struct jb_deployment deployment;
    enum jb_task_kind kind;
};

static enum jb_code try_once(const struct attempt *attempt, struct jb_error *error, uint32_t *ret_needed,
                             struct jb_energy *ret_energy) {
    const struct jb_energy_constants *constants = attempt->tables->constants;
    switch (attempt->kind) {
    case JB_TASK_TEXT:
        return jb_energy_of_text(constants, &attempt->found->shape, &attempt->deployment, &attempt->text,
                                 error, ret_needed, ret_energy);
    case JB_TASK_TRAINING:
        return jb_energy_of_training(constants, &attempt->found->shape, &attempt->deployment,
                                     &attempt->task->training, error, ret_needed, ret_energy);
    case JB_TASK_IMAGE:
    case JB_TASK_VIDEO:
        break;
    }
    return jb_energy_of_picture(constants, attempt->found->diffuser, &attempt->deployment,
                                &attempt->task->picture, error, ret_needed, ret_energy);
}

/* Where the number of accelerators is not given: as many as the ways of sharing say, else the fewest. */
static enum jb_code try_counts(struct attempt *attempt, struct jb_error *error, uint32_t *ret_needed,
                               struct jb_energy *ret_energy) {
    struct jb_deployment *deployment = &attempt->deployment;
    uint64_t ways = 1;
    const uint32_t shared[] = {attempt->task->tensor_parallel, deployment->data_parallel,
                               deployment->pipeline_parallel, deployment->ring_parallel};
    for (size_t i = 0; i < JB_COUNT(shared) && ways <= JB_ACCELERATOR_CEILING; i++)
        ways *= shared[i] ? shared[i] : 1;
    if (ways > JB_ACCELERATOR_CEILING)
        return jb_error_set(error, JB_USAGE, "more than %u GPUs", JB_ACCELERATOR_CEILING);
    if (attempt->task->tensor_parallel && deployment->accelerator_count &&
        deployment->accelerator_count != ways)
        return jb_error_set(error, JB_USAGE, "%u GPUs are not tensor × data × pipeline parallel, %llu",
                            deployment->accelerator_count, (unsigned long long)ways);
    bool is_free = !deployment->accelerator_count && ways == 1;
    if (!deployment->accelerator_count)
        deployment->accelerator_count = (uint32_t)ways;
    enum jb_code code = try_once(attempt, error, ret_needed, ret_energy);
    if (code == JB_LIMIT && is_free && *ret_needed > 1 && *ret_needed <= JB_ACCELERATOR_CEILING) {
        deployment->accelerator_count = *ret_needed;
        code = try_once(attempt, error, ret_needed, ret_energy);
    }
    return code;
}

/* Settings that this kind of task has no use for would be silently without effect. */
static enum jb_code check_kind(const struct jb_task *task, enum jb_task_kind kind, const char *name,
                               struct jb_error *error) {
    const struct jb_text_work *text = &task->text;
    bool has_text = text->input_tokens > 0 || text->output_tokens > 0 || text->vision_tokens > 0 ||
                    text->concurrency > 0 || text->rate_per_s > 0 || text->cached_tokens > 0 ||
                    task->image_width || task->video_width || task->is_sparse;
    bool has_picture = task->picture.width || task->picture.frames || task->picture.steps ||
                       task->picture.batch || task->picture.passes_per_step > 0;
    bool has_training = task->training.tokens > 0;
    if (kind != JB_TASK_TEXT && has_text)
        return jb_error_set(error, JB_USAGE,
                            "%s: tokens, images to look at, concurrency and rate go with text",
                            kind == JB_TASK_TRAINING ? "training" : name);
    if ((kind == JB_TASK_TEXT || kind == JB_TASK_TRAINING) && has_picture)
        return jb_error_set(error, JB_USAGE,
                            "%s makes text; size, frames, steps, guidance and batch go with pictures", name);
    if ((kind == JB_TASK_IMAGE || kind == JB_TASK_VIDEO) && has_training)
        return jb_error_set(error, JB_USAGE, "%s: training is estimated of language models only", name);
    if (!has_training && (task->training.sequence_tokens > 0 || task->training.trained_share > 0 ||
                          task->training.utilisation > 0))
        return jb_error_set(error, JB_USAGE, "sequence_tokens, trained_share and mfu go with train_tokens");
    return JB_OK;
}

static void fill(const struct attempt *attempt, struct jb_task_estimate *estimate) {
    const struct found *found = attempt->found;
    const struct jb_picture_work *picture = &attempt->task->picture;
    const struct jb_diffuser *diffuser = found->diffuser;
    memcpy(estimate->model, found->name, sizeof estimate->model);
    estimate->kind = attempt->kind;
    estimate->accelerator = attempt->deployment.accelerator;
    estimate->accelerator_count = attempt->deployment.accelerator_count;
    estimate->precision = attempt->deployment.weights;
    estimate->parameters = found->parameters;
    estimate->active_parameters = found->active;
    estimate->kv_bytes_per_token = 2 * found->kv_per_token;
    if (attempt->kind == JB_TASK_TEXT) {
        estimate->input_tokens = attempt->text.input_tokens;
        estimate->output_tokens = attempt->text.output_tokens;
        estimate->vision_tokens = attempt->text.vision_tokens;
        estimate->attention_share = attempt->text.attention_share > 0 ? attempt->text.attention_share : 1;
    } else if (diffuser) {
        estimate->width = picture->width ? picture->width : diffuser->default_width;
        estimate->height = picture->height ? picture->height : diffuser->default_height;
        estimate->frames = !diffuser->is_video ? 1
                           : picture->frames   ? picture->frames
                                               : diffuser->default_frames;
        estimate->steps = picture->steps ? picture->steps : diffuser->default_steps;
        estimate->picture_tokens =
            jb_diffuser_tokens(diffuser, estimate->width, estimate->height, estimate->frames);
    }
    estimate->accelerator_h = estimate->accelerator_count / estimate->energy.units_per_s / 3600;
}

enum jb_code jb_task_estimate(const struct jb_task_tables *tables, const struct jb_task *task,
                              struct jb_error *error, struct jb_task_estimate *ret_estimate) {
    struct found found = {.precision = JB_BF16};
    struct jb_task_estimate estimate = {0};
    struct attempt attempt = {
        .tables = tables, .task = task, .found = &found, .deployment = task->deployment};
    assert(task->model);
    enum jb_code code = find_any(tables, task, error, &found);
    if (!code)
        code = jb_accelerators_find(tables->accelerators, task->gpu ? task->gpu : "H100", error,
                                    &attempt.deployment.accelerator);
    if (code)
        return code;
    attempt.kind = found.diffuser              ? found.diffuser->is_video ? JB_TASK_VIDEO : JB_TASK_IMAGE
                   : task->training.tokens > 0 ? JB_TASK_TRAINING
                                               : JB_TASK_TEXT;
    if (!task->has_precision)
        attempt.deployment.weights = attempt.kind == JB_TASK_TRAINING ? JB_BF16 : found.precision;
    code = check_kind(task, attempt.kind, found.name, error);
    if (!code && attempt.kind == JB_TASK_TEXT)
        code = make_text(task, &found, error, &attempt.text);
    if (!code)
        code = try_counts(&attempt, error, &estimate.fewest, &estimate.energy);
    if (code)
        return code;
    fill(&attempt, &estimate);
    *ret_estimate = estimate;
    return JB_OK;
}
