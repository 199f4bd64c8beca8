/* Settings of a task, by key. */
#include "estimate/task.h"

#include "base/decimal.h"
#include "estimate/facts.h"

#include <math.h>
#include <string.h>

const char *const jb_task_keys[JB_TASK_KEY_COUNT] = {
    "model",
    "gpu",
    "gpus",
    "precision",
    "tensor_parallel",
    "data_parallel",
    "pipeline_parallel",
    "ring_parallel",
    "expert_parallel",
    "experts_per_token",
    "input_tokens",
    "cached_tokens",
    "vision_tokens",
    "output_tokens",
    "concurrency",
    "rate",
    "sparse_attention",
    "image",
    "images",
    "video",
    "video_seconds",
    "size",
    "frames",
    "steps",
    "guidance",
    "batch",
    "train_tokens",
    "sequence_tokens",
    "trained_share",
    "mfu",
};

static enum jb_code set_count(const char *value, uint32_t most, struct jb_error *error, uint32_t *ret_count) {
    uint64_t count;
    if (jb_uint64_parse(value, NULL, &count) || count < 1 || count > most)
        return jb_error_set(error, JB_INPUT, "'%.40s' is no whole number from 1 to %u", value, most);
    *ret_count = (uint32_t)count;
    return JB_OK;
}

static enum jb_code set_number(const char *value, double least, double most, struct jb_error *error,
                               double *ret_number) {
    double number;
    if (jb_fact_number_parse(value, NULL, &number) || number < least || number > most)
        return jb_error_set(error, JB_INPUT, "'%.40s' is no number from %g to %g", value, least, most);
    *ret_number = number;
    return JB_OK;
}

static enum jb_code set_flag(const char *value, struct jb_error *error, bool *ret_flag) {
    bool is_yes = strcmp(value, "yes") == 0;
    if (!is_yes && strcmp(value, "no") != 0)
        return jb_error_set(error, JB_INPUT, "'%.40s' is neither yes nor no", value);
    *ret_flag = is_yes;
    return JB_OK;
}

/* "832x480" */
static enum jb_code set_size(const char *value, struct jb_error *error, uint32_t *ret_width,
                             uint32_t *ret_height) {
    char text[32];
    uint64_t width, height;
    char *cross = NULL;
    if (strlen(value) < sizeof text) {
        strcpy(text, value);
        cross = strchr(text, 'x');
    }
    if (cross)
        *cross = '\0';
    if (!cross || jb_uint64_parse(text, NULL, &width) || jb_uint64_parse(cross + 1, NULL, &height) ||
        width < 1 || height < 1 || width > 32768 || height > 32768)
        return jb_error_set(error, JB_INPUT, "'%.40s' is no size such as 1280x720, each side at most 32768",
                            value);
    *ret_width = (uint32_t)width;
    *ret_height = (uint32_t)height;
    return JB_OK;
}

static enum jb_code set_precision(struct jb_task *task, const char *value, struct jb_error *error) {
    enum jb_code code = jb_precision_parse(value, error, &task->deployment.weights);
    task->has_precision = code == JB_OK;
    return code ? JB_INPUT : JB_OK;
}

static enum jb_code set_guidance(struct jb_task *task, const char *value, struct jb_error *error) {
    bool is_guided = false;
    enum jb_code code = set_flag(value, error, &is_guided);
    task->picture.passes_per_step = is_guided ? 2 : 1;
    return code;
}

/* Numbers of at least `least`, which may have digits behind the point. JB_NO_DATA: the key is none of them.
 */
static enum jb_code set_amount(struct jb_task *task, const char *key, const char *value,
                               struct jb_error *error) {
    const struct {
        const char *key;
        double *target, least, most;
    } amounts[] = {
        {"input_tokens", &task->text.input_tokens, 0, 1e8},
        {"cached_tokens", &task->text.cached_tokens, 0, 1e8},
        {"vision_tokens", &task->text.vision_tokens, 0, 1e8},
        {"output_tokens", &task->text.output_tokens, 1, 1e7},
        {"concurrency", &task->text.concurrency, 0.001, 1e7},
        {"rate", &task->text.rate_per_s, 1e-9, 1e9},
        {"video_seconds", &task->video_seconds, 0.1, 86400},
        {"train_tokens", &task->training.tokens, 1, 1e18},
        {"sequence_tokens", &task->training.sequence_tokens, 1, 1e8},
        {"trained_share", &task->training.trained_share, 1e-9, 1},
        {"mfu", &task->training.utilisation, 0.001, 1},
    };
    for (size_t i = 0; i < JB_COUNT(amounts); i++) {
        if (strcmp(key, amounts[i].key) == 0)
            return set_number(value, amounts[i].least, amounts[i].most, error, amounts[i].target);
    }
    return JB_NO_DATA;
}

static enum jb_code set_whole(struct jb_task *task, const char *key, const char *value,
                              struct jb_error *error) {
    const struct {
        const char *key;
        uint32_t *target, most;
    } counts[] = {
        {"gpus", &task->deployment.accelerator_count, JB_ACCELERATOR_CEILING},
        {"tensor_parallel", &task->tensor_parallel, JB_ACCELERATOR_CEILING},
        {"data_parallel", &task->deployment.data_parallel, JB_ACCELERATOR_CEILING},
        {"pipeline_parallel", &task->deployment.pipeline_parallel, JB_ACCELERATOR_CEILING},
        {"ring_parallel", &task->deployment.ring_parallel, JB_ACCELERATOR_CEILING},
        {"experts_per_token", &task->experts_per_token, 65536},
        {"images", &task->image_count, 10000},
        {"frames", &task->picture.frames, 100000},
        {"steps", &task->picture.steps, 10000},
        {"batch", &task->picture.batch, 65536},
    };
    for (size_t i = 0; i < JB_COUNT(counts); i++) {
        if (strcmp(key, counts[i].key) == 0)
            return set_count(value, counts[i].most, error, counts[i].target);
    }
    return JB_NO_DATA;
}

enum jb_code jb_task_set(struct jb_task *task, const char *key, const char *value, struct jb_error *error) {
    enum jb_code code = set_amount(task, key, value, error);
    if (code == JB_NO_DATA)
        code = set_whole(task, key, value, error);
    if (code == JB_NO_DATA) {
        code = JB_OK;
        if (strcmp(key, "model") == 0) {
            task->model = value;
            return JB_OK;
        }
        if (strcmp(key, "gpu") == 0)
            task->gpu = value;
        else if (strcmp(key, "precision") == 0)
            code = set_precision(task, value, error);
        else if (strcmp(key, "expert_parallel") == 0)
            code = set_flag(value, error, &task->deployment.is_expert_parallel);
        else if (strcmp(key, "sparse_attention") == 0)
            code = set_flag(value, error, &task->is_sparse);
        else if (strcmp(key, "image") == 0)
            code = set_size(value, error, &task->image_width, &task->image_height);
        else if (strcmp(key, "video") == 0)
            code = set_size(value, error, &task->video_width, &task->video_height);
        else if (strcmp(key, "size") == 0)
            code = set_size(value, error, &task->picture.width, &task->picture.height);
        else if (strcmp(key, "guidance") == 0)
            code = set_guidance(task, value, error);
        else
            return JB_NO_DATA;
    }
    task->key_count += code == JB_OK;
    return code;
}

bool jb_task_is_set(const struct jb_task *task) {
    return task->key_count > 0;
}
